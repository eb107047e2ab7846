# SPDX-License-Identifier: BSD-2-Clause
"""House laws that can be seen from outside the source."""
import os
import re
import shutil
import subprocess

import pytest

from harness.ask import ask, blocked, rrs
from harness.daemon import build_dir


def symbols(program):
    if not shutil.which("nm"):
        pytest.skip("nm is not installed")
    out = subprocess.run(["nm", "--defined-only", str(build_dir() / program)], capture_output=True, text=True, check=True).stdout
    return {line.split()[-1] for line in out.splitlines() if line.strip()}


# readers of list text, what they make of it, and the writers of images, conditions and records
LIST_TEXT = re.compile(r"^(list_(load|parse|destroy|from|doc|provenance|name)|import_|segment_|source_(open|check|close)|report_to_json|export_|"
                       r"edit_(add|remove|lift|mode)|policy_(compile|check)|compile_(tier|is_current|entry|list)|image_(write|seal)|"
                       r"cond_compose|records_(add|set_rcode)|ldns_|adblock_)")


def test_the_serving_process_holds_no_list_parser():
    """Law 1: strangers' text is read by saring-compile alone. The probe is proved on the program that must have it."""
    assert not [s for s in symbols("saringd") if LIST_TEXT.match(s)]
    there = symbols("saring-compile")
    for one in ("import_take", "segment_import", "source_open", "policy_compile", "cond_compose", "records_add"):
        assert one in there and LIST_TEXT.match(one), f"the probe itself works: {one}"


def test_the_compiler_neither_serves_nor_edits():
    assert not [s for s in symbols("saring-compile") if re.match(r"^(pool_ask|cache_(get|put)|worker_|edit_(add|remove|lift|mode)|event_base)", s)]


def test_the_cache_holds_only_what_upstreams_said(saringd, fake):
    """Law 3: blocked answers are never cached, and an edit flushes nothing."""
    up = fake()
    daemon = saringd({"upstream": {"servers": [up.endpoint]}, "lists": [{"name": "l", "file": "l.yaml"}]}, {"l.yaml": "entries: [a.example]\n"})
    for _ in range(3):
        assert blocked(ask(daemon, "a.example"))
    assert daemon.ctl("--json", "cache").json["entries"] == 0
    assert rrs(ask(daemon, "b.example")) == ["192.0.2.200"]
    daemon.ctl("list", "add", "l", "b.example")
    assert blocked(ask(daemon, "b.example"))
    assert daemon.ctl("--json", "cache").json["entries"] == 1, "what upstream said of b.example rests there"
    daemon.ctl("list", "remove", "l", "b.example")
    assert rrs(ask(daemon, "b.example")) == ["192.0.2.200"] and len(up.asked("b.example")) == 1


def test_a_broken_image_is_not_served(saringd, fake):
    """Law 6 and the image's own checks: what lies under `state` is verified before anything is looked up in it."""
    daemon = saringd({"upstream": {"servers": [fake().endpoint]}, "lists": [{"name": "l", "file": "l.yaml"}]}, {"l.yaml": "entries: [a.example]\n"})
    images = sorted((daemon.home / "state").glob("*.img"))
    assert len(images) == 1
    with open(images[0], "r+b") as f:
        f.truncate(100)
        f.seek(0)
        f.write(b"x" * 100)
    daemon.kill()
    daemon.start()
    assert blocked(ask(daemon, "a.example"))


@pytest.mark.parametrize("workers", [1, 3])
def test_each_worker_has_sockets_of_its_own(saringd, workers):
    """SO_REUSEPORT: as many UDP and listening TCP sockets at the port as there are workers, and a thread for each."""
    daemon = saringd(workers=workers)

    def sockets(table, state):
        lines = open(f"/proc/net/{table}").read().splitlines()[1:]
        return [f for f in (line.split() for line in lines) if f[1] == f"0100007F:{daemon.port:04X}" and f[3] == state]

    assert len(sockets("udp", "07")) == workers and len(sockets("tcp", "0A")) == workers
    names = [open(f"/proc/{daemon.process.pid}/task/{t}/comm").read().strip() for t in os.listdir(f"/proc/{daemon.process.pid}/task")]
    assert sorted(n for n in names if n.startswith("worker-")) == [f"worker-{i}" for i in range(workers)]
