# SPDX-License-Identifier: BSD-2-Clause
"""Real block lists, where they are: SARING_LISTS names a folder of them (*.gz). Skipped, and said so, where it does not."""
import gzip
import json
import os
import pathlib
import subprocess

import pytest

from harness.daemon import build_dir

FOLDER = os.environ.get("SARING_LISTS")
pytestmark = pytest.mark.skipif(not FOLDER or not pathlib.Path(FOLDER).is_dir(), reason="SARING_LISTS names no folder of real lists")

# file -> what auto must take it for, the least that must be taken; None: it must be refused
KINDS = {"hosts-": "hosts", "domains-": "domains", "wildcard-": "wildcard", "adblock-": "adblock", "dnsmasq-": "dnsmasq", "unbound-": "unbound",
         "rpz-": "rpz", "ip-": None, "regex-": None, "deny-": None}
LEAST = {"hosts-blp-basic": 76000, "hosts-1hosts-lite-2021": 73800, "domains-blp-phishing": 190000, "wildcard-hagezi-light-2022": 122000,
         "adblock-blp-tracking": 143800, "adblock-dandelion-agh": 70000, "dnsmasq-blp-scam": 8500, "unbound-easylist-2022": 50200,
         "rpz-hagezi-light": 84600, "rpz-mullvad-privacy": 47700, "rpz-phishing-filter": 36900}
PLAIN = {"domains-id-torture", "allow-nordic"}


def lists():
    return sorted(p for p in pathlib.Path(FOLDER).glob("*.gz")) if FOLDER and pathlib.Path(FOLDER).is_dir() else []


def probe(path, *args):
    done = subprocess.run([build_dir() / "saring-compile", "--probe", path, *args], capture_output=True, text=True, timeout=120)
    return done.returncode, json.loads(done.stdout)


@pytest.mark.parametrize("path", lists(), ids=lambda p: p.name)
def test_detected_and_read(path, home):
    stem = path.name.split(".")[0]
    kind = next((v for k, v in KINDS.items() if stem.startswith(k)), "?")
    if kind == "?":
        pytest.skip("query names, not a list")
    text = home / "list"
    text.write_bytes(gzip.decompress(path.read_bytes()))
    code, report = probe(text, "--format", "auto")
    if stem == "ip-china-bogus-nxdomain":
        assert (code, report["format"]) == (0, "dnsmasq"), "addresses in answers"
        return
    if kind is None:
        assert code == 1 and report["refused"], report
        return
    assert code == 0, report
    assert report["format"] == kind
    taken, left = report["taken"]["total"], {r["reason"]: r["count"] for r in report["left_out"]}
    assert taken >= LEAST.get(stem, 1) or stem == "dnsmasq-china-forward"
    if stem == "dnsmasq-china-forward":
        assert taken == 0 and left["forward"] >= 110769
    if stem not in PLAIN and kind != "adblock":
        assert left.get("syntax", 0) <= report["lines"] // 50, left


def test_all_together(home, saringd):
    """Every list at once: compiled, served, and found where it stands."""
    files, entries = {}, []
    for path in lists():
        stem = path.name.split(".")[0]
        kind = next((v for k, v in KINDS.items() if stem.startswith(k)), None)
        if kind is None or stem == "dnsmasq-china-forward":
            continue
        files[f"lists/{stem}"] = gzip.decompress(path.read_bytes())
        entries.append({"name": stem, "file": f"lists/{stem}", "format": kind})
    daemon = saringd({"lists": entries}, files)
    lines = files["lists/hosts-blp-basic"].decode().splitlines()
    number, name = next((i + 1, l.split()[1]) for i, l in enumerate(lines) if l.startswith("0.0.0.0 ") and i > 5000)
    told = daemon.explain(name)
    assert told["verdict"] == "blocked"
    places = [(told["rule"]["list"], told["rule"]["line"])]
    assert ("hosts-blp-basic", number) in places or any(a["list"] == "hosts-blp-basic" for a in told["also"])
    status = daemon.status()
    assert status["policy"]["lists"] == len(entries) and status["policy"]["entries"] > 1000000
