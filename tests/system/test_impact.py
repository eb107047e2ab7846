# SPDX-License-Identifier: BSD-2-Clause
"""impact: what a list would hit, by the last day's traffic, before it is enforced; and the guard of list add."""
import json
import random
import socket
import struct

import pytest

from harness.ask import ANSWER_S, ask, blocked, eventually, header, opt, question
from harness.daemon import CALL_S

CENSUS = {"www.busy.example": 40, "api.busy.example": 10, "busy.example": 5, "quiet.example": 2, "other.example": 30}


@pytest.fixture
def daemon(saringd, fake):
    def make(**more):
        return saringd({"upstream": {"servers": [fake().endpoint], "routes": [{"zone": "corp.example", "servers": [fake().endpoint]}]},
                        "lists": [{"name": "on-trial", "file": "trial.yaml", "mode": "shadow"}, {"name": "house", "file": "house.yaml"},
                                  {"name": "far", "url": "http://lists.example.net/ads.txt", "refresh": "0s"}], **more},
                       {"trial.yaml": "entries: [quiet.example, never.example]\n", "house.yaml": "entries: [blocked.example]\n"})
    return make


def visit(daemon, census):
    for name, times in census.items():
        for _ in range(times):
            ask(daemon, name)


def impact(daemon, *args, code=0):
    return daemon.ctl("--json", "impact", *args, code=code).json


def control(daemon, verb, **args):
    """As other programs would ask: the result, or the whole reply when it is an error."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
        s.settimeout(CALL_S)
        s.connect(str(daemon.socket_path))
        text = json.dumps({"version": 1, "verb": verb, "args": args}).encode()
        s.sendall(struct.pack(">I", len(text)) + text)
        reader = s.makefile("rb")
        reply = json.loads(reader.read(struct.unpack(">I", reader.read(4))[0]))
    return reply["result"] if reply["ok"] else reply


def test_names(daemon):
    daemon = daemon()
    visit(daemon, CENSUS)
    told = impact(daemon, "busy.example")
    traffic = told["traffic"]
    assert traffic["queries"] == sum(CENSUS.values()) and traffic["clients"] == 1 and traffic["sampled"] == 1 and traffic["lost"] == 0
    hit = traffic["hit"]
    assert (hit["queries_at_least"], hit["queries_at_most"], hit["clients"]) == (55, 55, 1)
    assert hit["percent_at_most"] == pytest.approx(100 * 55 / 87)
    assert [(n["name"], n["queries"], n["error"], n["clients"]) for n in hit["names"]] == [
        ("www.busy.example", 40, 0, 1), ("api.busy.example", 10, 0, 1), ("busy.example", 5, 0, 1)]
    assert hit["entries"] == [{"entry": "busy.example", "match": "subtree", "queries_at_most": 55}]
    for match, queries in (("exact", 5), ("subdomains", 50)):
        assert impact(daemon, "busy.example", "--match", match)["traffic"]["hit"]["queries_at_least"] == queries
    assert impact(daemon, "nobody.example")["traffic"]["hit"]["queries_at_most"] == 0
    both = impact(daemon, "quiet.example", "other.example", "other.example")["traffic"]["hit"]
    assert (both["queries_at_least"], both["queries_at_most"]) == (32, 32), "a name given twice hits once"


def test_clients(daemon):
    daemon = daemon()
    wire = header(7, ar=1) + question("many", "example") + opt()
    for i in range(10):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.bind((f"127.0.0.{10 + i}", 0))
            s.settimeout(ANSWER_S)
            s.connect(("127.0.0.1", daemon.port))
            s.send(wire)
            s.recv(4096)
    traffic = impact(daemon, "many.example")["traffic"]
    assert traffic["hit"]["clients"] == 10, "a few are counted exactly"
    assert traffic["clients"] == pytest.approx(10, abs=1)
    ask(daemon, "other.example")
    ask(daemon, "small.example")
    assert impact(daemon, "many.example", "other.example", "small.example")["traffic"]["hit"]["clients"] == 11, "each client once"
    assert impact(daemon, "nobody.example")["traffic"]["hit"]["clients"] == 0


def test_nothing_of_a_client_is_told(daemon):
    """By no word of a reply can what one client asked be put together: of names there are numbers alone."""
    daemon = daemon()
    for name in ("other.example", "small.example"):
        ask(daemon, name)
    told = control(daemon, "traffic")
    assert {n["name"]: n["clients"] for n in told["names"]} == {"other.example": 1, "small.example": 1}
    assert all(set(n) == {"name", "queries", "error", "clients"} for n in told["names"])
    assert control(daemon, "traffic", names=["other.example", "small.example", "OTHER.example", "no.example"]) == {"clients": 1}
    assert control(daemon, "traffic", names=[]) == {"clients": 0}
    for bad in ("other.example", [7], ["a..b"]):
        assert "error" in control(daemon, "traffic", names=bad)


def test_a_list_and_a_file(daemon):
    """A configured list in any mode; a file of any format; what allows, is over or is no name is left out, and counted."""
    daemon = daemon()
    visit(daemon, CENSUS)
    assert impact(daemon, "on-trial")["traffic"]["hit"]["queries_at_least"] == 2
    files = {"new.txt": "0.0.0.0 www.busy.example\n0.0.0.0 nobody.example\n", "new.abp": "||busy.example^\n@@||www.busy.example^\n",
             "new.yaml": "entries:\n  - other.example\n  - {domain: busy.example, lifted: 2020-01-01}\n  - {domain: quiet.example, expires: 2020-01-01}\n  - regex: 'x'\n"}
    for name, text in files.items():
        (daemon.home / name).write_text(text, encoding="utf-8")
    assert impact(daemon, "new.txt")["traffic"]["hit"]["queries_at_least"] == 40
    assert impact(daemon, "./new.abp")["traffic"]["hit"]["queries_at_least"] == 55
    told = impact(daemon, "new.yaml")
    assert told["traffic"]["hit"]["queries_at_least"] == 30 and told["names"] == 1
    assert told["left_out"] == {"allow": 0, "no_longer_in_force": 2, "no_names": 1}
    text = daemon.ctl("impact", "new.txt").out
    assert "www.busy.example" in text and "40" in text and "since 20" in text
    (daemon.home / "bad.yaml").write_text("entries: [\n", encoding="utf-8")
    failed = daemon.ctl("impact", "bad.yaml", code=1)
    assert "bad.yaml:" in failed.err
    assert "no list, no file and no name" in daemon.ctl("impact", "no name", code=1).err


def test_lifted_beside_a_list(daemon):
    """A lift beside an imported list ends its entries as surely as one that stands in a list."""
    daemon = daemon()
    (daemon.home / "hosts.txt").write_text("0.0.0.0 busy.example\n0.0.0.0 www.busy.example\n0.0.0.0 other.example\n", encoding="utf-8")
    daemon.configure(lists=[{"name": "c", "file": "hosts.txt", "format": "hosts"}, {"name": "house", "file": "house.yaml"}])
    daemon.ctl("reload")
    daemon.ctl("list", "lift", "c", "busy.example", "--reason", "r")
    visit(daemon, {"busy.example": 5, "www.busy.example": 7})
    told = impact(daemon, "c")
    assert (told["names"], told["left_out"]["no_longer_in_force"]) == (2, 1)
    assert told["traffic"]["hit"]["queries_at_most"] == 7
    assert impact(daemon, "./hosts.txt")["names"] == 3, "the file itself knows of no lift"


def test_what_the_entries_alone_tell(daemon):
    """Public suffixes, popular names, and the operator's own: told without the daemon, too."""
    daemon = daemon()
    (daemon.home / "top.csv").write_text("1,www.busy.example\n2,fine.example\n3,\"quiet.example\"\n", encoding="utf-8")
    (daemon.home / "top.txt").write_text("# names\nfine.example\nWWW.Busy.Example.\n", encoding="utf-8")
    names = ("co.uk", "busy.example", "example.net", "corp.example")
    for _ in range(2):
        code = 3 if daemon.process is None else 0
        told = impact(daemon, *names, "--popular", daemon.home / "top.csv", code=code)
        assert (told["traffic"] is None) == (code == 3)
        assert told["public_suffixes"] == ["co.uk"] and told["public_suffix_count"] == 1
        assert told["popular"] == [{"name": "www.busy.example", "rank": 1, "entry": "busy.example"}] and told["popular_count"] == 1
        assert [(o["name"], o["why"], o["list"], o["entry"]) for o in told["own"]] == [
            ("lists.example.net", "list host", "far", "example.net"), ("corp.example", "route", None, "corp.example")]
        text = daemon.ctl("impact", *names, "--popular", daemon.home / "top.csv", code=code).out
        lines = text.splitlines()
        assert "Public suffixes, below which all names would be blocked: co.uk" in lines and "Popular names:" in lines
        assert "lists.example.net, from which the list 'far' is fetched, would be blocked by the entry example.net" in lines
        assert any(line.startswith("corp.example, a zone that has servers of its own") for line in lines)
        if code == 0:
            daemon.stop()
    daemon.configure(block={"popular": "top.txt", "protect": ["bank.example"]})
    assert [(o["name"], o["why"]) for o in impact(daemon, "www.bank.example", "bank.example", code=3)["own"]] == [("bank.example", "protected")]
    assert "which is protected" in daemon.ctl("impact", "bank.example", code=3).out
    assert [(p["name"], p["rank"]) for p in impact(daemon, "busy.example", code=3)["popular"]] == [("www.busy.example", 2)]
    assert "no.csv" in daemon.ctl("impact", "busy.example", "--popular", "no.csv", code=1).err


def test_off(daemon):
    daemon = daemon(log={"traffic": False})
    visit(daemon, {"other.example": 3})
    assert impact(daemon, "other.example")["traffic"] is None
    assert "log.traffic" in daemon.ctl("impact", "other.example").err
    daemon.configure(log={"traffic": True})
    daemon.ctl("reload")
    visit(daemon, {"other.example": 2})
    assert impact(daemon, "other.example")["traffic"]["hit"]["queries_at_least"] == 2, "from now on"


def flood(daemon, names, count):
    """So many queries as fast as they are answered."""
    rng = random.Random(1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.connect(("127.0.0.1", daemon.port))
        s.settimeout(ANSWER_S)
        for _ in range(0, count, 32):
            for _ in range(32):
                s.send(header(7, ar=1) + question(*rng.choice(names).split(".")) + opt())
            for _ in range(32):
                s.recv(4096)


def test_bounds_hold_when_much_is_asked(daemon):
    """Far more names than are kept by themselves, and a sample of the queries: the truth lies within what is told, or near it."""
    daemon = daemon()
    flood(daemon, ["big.example"] * 500 + [f"h{i}.wide.example" for i in range(4500)], 12000)
    total = daemon.queries()["total"]
    told = impact(daemon, "big.example", "wide.example")["traffic"]
    assert told["queries"] == pytest.approx(total, rel=0.3), "a sample"
    one = impact(daemon, "big.example")["traffic"]
    assert one["hit"]["queries_at_least"] <= 0.13 * one["queries"] and one["hit"]["queries_at_most"] >= 0.07 * one["queries"]
    wide = impact(daemon, "wide.example")["traffic"]
    assert wide["hit"]["queries_at_most"] >= 0.85 * wide["queries"] and wide["hit"]["queries_at_most"] <= wide["queries"]


def test_list_add_guards(daemon):
    daemon = daemon()
    ask(daemon, "big.example")
    daemon.ctl("list", "add", "house", "big.example")  # of so few queries nobody can say what is much
    daemon.ctl("list", "remove", "house", "big.example")
    flood(daemon, ["big.example"] * 50 + [f"h{i}.example" for i in range(950)], 1050)
    eventually(lambda: flood(daemon, ["big.example"] * 50 + [f"h{i}.example" for i in range(950)], 960) or impact(daemon, "x.example")["traffic"]["queries"] >= 1000,
               "enough to judge by", timeout_s=60)
    refused = daemon.ctl("list", "add", "house", "big.example", "small.example", code=1)
    assert "big.example would have taken up to" in refused.err and "--force" in refused.err and "small.example would" not in refused.err
    assert not blocked(ask(daemon, "small.example")), "all or nothing"
    daemon.ctl("list", "add", "house", "h1.example", "x.big.example")
    daemon.ctl("list", "add", "house", "big.example", "--match", "subdomains", code=1)
    daemon.ctl("list", "add", "house", "big.example", "--force")
    assert blocked(ask(daemon, "big.example"))
    # what is blocked already is taken from nobody
    daemon.ctl("list", "add", "house", "big.example")
    daemon.ctl("list", "add", "house", "big.example", "--match", "exact")
    daemon.ctl("list", "remove", "house", "big.example")
    daemon.ctl("list", "add", "house", "big.example", code=1)
    daemon.ctl("list", "add", "house", "big.example", "--match", "exact", "--force")
    daemon.ctl("list", "add", "house", "big.example", code=1)  # there is more below it
    daemon.ctl("list", "add", "house", "big.example", "--match", "exact")
    daemon.stop()
    daemon.ctl("list", "add", "house", "huge.example", code=3)
    assert "huge.example" in (daemon.home / "house.yaml").read_text(), "no daemon: no such check, and no failure"
