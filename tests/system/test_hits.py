# SPDX-License-Identifier: BSD-2-Clause
"""Hits of entries: counted for the entry that acted and for no other, exactly while there is little to do, over reloads and restarts."""
import datetime
import json
import socket
import struct
import time

import dns.exception
import pytest

from harness import fake as f
from harness.ask import ANSWER_S, ask, blocked, eventually, header, opt, question, rcode
from harness.daemon import CALL_S

A_YAML = """\
title: names
entries:
  - t.me
  - {domain: exact.example, match: exact}
  - {domain: below.example, match: subdomains}
  - regex: '^ads?[0-9]*\\.'
  - never.example
  - Written.Example
"""


def hits(daemon, name=None):
    """(list, entry, match) -> what the daemon counted; by the control socket, as other programs would ask."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
        s.settimeout(CALL_S)
        s.connect(str(daemon.socket_path))
        text = json.dumps({"version": 1, "verb": "hits", "args": {"list": name} if name else {}}).encode()
        s.sendall(struct.pack(">I", len(text)) + text)
        reader = s.makefile("rb")
        reply = json.loads(reader.read(struct.unpack(">I", reader.read(4))[0]))
    assert reply["ok"], reply
    result = reply["result"]
    return {(e["list"], e["entry"], e["match"]): e for e in result["entries"]}, result


def figures(daemon, what="hits"):
    return {key: e[what] for key, e in hits(daemon)[0].items() if e[what]}


def when(text):
    return datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=datetime.timezone.utc)


@pytest.fixture
def daemon(saringd, fake):
    up = fake()
    one = saringd({"upstream": {"servers": [up.endpoint]}, "lists": [{"name": "a", "file": "a.yaml"}]}, {"a.yaml": A_YAML})
    one.up = up
    return one


def test_each_entry_has_its_own(daemon):
    assert hits(daemon)[0] == {}
    for name, times in (("t.me", 1), ("www.t.me", 2), ("exact.example", 3), ("x.below.example", 4), ("ads7.example.net", 5), ("written.example", 6)):
        for _ in range(times):
            assert blocked(ask(daemon, name))
    assert rcode(ask(daemon, "below.example")) == "NOERROR" and rcode(ask(daemon, "x.exact.example")) == "NOERROR"
    counted, result = hits(daemon)
    assert figures(daemon) == {("a", "t.me", "subtree"): 3, ("a", "exact.example", "exact"): 3, ("a", "below.example", "subdomains"): 4,
                               ("a", "^ads?[0-9]*\\.", "regex"): 5, ("a", "Written.Example", "subtree"): 6}
    assert result["sampled"] == 1 and result["lost"] == 0 and result["evicted"] == 0 and result["inexact"] is None
    now = datetime.datetime.now(datetime.timezone.utc)
    entry = counted["a", "t.me", "subtree"]
    assert when(result["since"]) <= when(entry["last_hit"]) <= now
    assert when(entry["blocked_until"]) == when(entry["last_hit"]) + datetime.timedelta(seconds=11), "the TTL that was sent, from that second's end"


def test_as_explain_names_them(daemon):
    for name in ("www.t.me", "exact.example", "x.below.example", "ad.example.net", "written.example"):
        assert blocked(ask(daemon, name))
        rule = daemon.explain(name)["rule"]
        assert (rule["list"], rule["entry"], rule["match"]) in figures(daemon)
        assert rule["hits"] == 1 and rule["last_hit"] is not None
    assert "  hits        1, last 20" in daemon.ctl("explain", "exact.example").out
    assert daemon.explain("never.example")["rule"]["hits"] == 0 and daemon.explain("never.example")["rule"]["last_hit"] is None


def test_explain_tells_entries_of_one_name_apart(saringd, fake):
    """Two that differ in their conditions only are two entries."""
    daemon = saringd({"upstream": {"servers": [fake().endpoint]}, "lists": [{"name": "a", "file": "a.txt", "format": "adblock"}]},
                     {"a.txt": "||two.example^$client=127.0.0.1\n||two.example^$client=127.0.0.9\n"})
    for _ in range(3):
        assert blocked(ask(daemon, "two.example"))
    rules = {client: daemon.ctl("--json", "explain", "two.example", "--client", client).json["rule"] for client in ("127.0.0.1", "127.0.0.9")}
    assert {client: rule["hits"] for client, rule in rules.items()} == {"127.0.0.1": 3, "127.0.0.9": 0}
    assert rules["127.0.0.9"]["last_hit"] is None


def test_list_show(daemon):
    for _ in range(3):
        ask(daemon, "t.me")
    ask(daemon, "ad.example.net")
    shown = {e["entry"]: (e["hits"], e["would_block"]) for e in daemon.ctl("--json", "list", "show", "a").json}
    assert shown == {"t.me": (3, 0), "exact.example": (0, 0), "below.example": (0, 0), "^ads?[0-9]*\\.": (1, 0), "never.example": (0, 0), "Written.Example": (0, 0)}
    unused = daemon.ctl("--json", "list", "show", "a", "--unused").json
    assert {e["entry"] for e in unused} == {"exact.example", "below.example", "never.example", "Written.Example"}
    text = daemon.ctl("list", "show", "a", "--unused").out
    assert "never.example" in text and "t.me" not in text and "since 20" in text
    assert "HITS" in daemon.ctl("list", "show", "a").out


def test_without_the_daemon(daemon):
    daemon.stop()
    assert "hits" not in daemon.ctl("--json", "list", "show", "a").json[0]
    assert daemon.ctl("list", "show", "a", "--unused", code=3).out == ""


def test_formats(saringd, fake):
    """Entries of imported lists, in whatever words: what is listed as hit is what was hit."""
    lists = {"hosts.txt": "0.0.0.0 hosts.example\n0.0.0.0 idle.example\n", "abp.txt": "||abp.example^\n||sub.*.wild.example^\n||idle2.example^\n@@||good.abp.example^\n",
             "rpz.zone": "$TTL 60\n@ SOA a. b. 1 2 3 4 5\nrpz.example CNAME .\n*.rpz.example CNAME .\n32.9.2.0.192.rpz-ip CNAME .\n32.1.0.0.127.rpz-client-ip.x CNAME .\n",
             "wild.txt": "*.wildcard.example\n"}
    up = fake(default=f.answer("192.0.2.9"))
    daemon = saringd({"upstream": {"servers": [up.endpoint]},
                      "lists": [{"name": n.split(".")[0], "file": n, "format": fmt, "may-allow": True} for n, fmt in
                                (("hosts.txt", "hosts"), ("abp.txt", "adblock"), ("rpz.zone", "rpz"), ("wild.txt", "wildcard"))]}, lists)
    for name in ("hosts.example", "x.abp.example", "sub.y.wild.example", "rpz.example", "z.rpz.example", "q.wildcard.example"):
        assert blocked(ask(daemon, name)), name
    assert rcode(ask(daemon, "good.abp.example")) == "NOERROR"
    assert blocked(ask(daemon, "by-address.example"))
    for name in ("hosts", "abp", "rpz", "wild"):
        rows = daemon.ctl("--json", "list", "show", name).json
        for row in rows:
            idle = "idle" in row["entry"] or "rpz-client-ip" in row["entry"]
            assert (row["hits"] == 0) == idle, row
        assert sum(r["hits"] for r in rows) == sum(figures(daemon).get(k, 0) for k in figures(daemon) if k[0] == name)


def test_by_what_the_answer_holds(daemon):
    daemon.up.on("cloaked.example", f.records("cloaked.example 60 CNAME www.t.me.", "www.t.me 60 A 192.0.2.1"))
    assert blocked(ask(daemon, "cloaked.example"))
    assert blocked(ask(daemon, "cloaked.example"), ), "from the cache, too"
    assert figures(daemon) == {("a", "t.me", "subtree"): 2}


def test_where_an_entry_sends_the_question_elsewhere(saringd, fake):
    """Once for each query, whether the name or its answer brought it, and with the longest TTL of what was sent."""
    up = fake(default=f.answer("192.0.2.1"))
    up.on("address.example", f.answer("198.51.100.7"))
    daemon = saringd({"upstream": {"servers": [up.endpoint]}, "lists": [{"name": "z", "file": "z.zone", "format": "rpz"}]},
                     {"z.zone": "$TTL 600\n@ SOA a. b. 1 2 3 4 5\nname.example 500 CNAME walled.garden.\n32.7.100.51.198.rpz-ip 400 CNAME walled.garden.\n"
                                "own.example 300 A 192.0.2.7\n"})
    for name in ("name.example", "address.example", "own.example", "name.example"):
        assert rcode(ask(daemon, name)) == "NOERROR"
    counted = hits(daemon)[0]
    assert {k[1]: e["hits"] for k, e in counted.items()} == {"name.example": 2, "198.51.100.7/32": 1, "own.example": 1}
    for entry, seconds in (("own.example", 300), ("name.example", 500), ("198.51.100.7/32", 400)):
        e = next(e for k, e in counted.items() if k[1] == entry)
        assert when(e["blocked_until"]) - when(e["last_hit"]) == datetime.timedelta(seconds=seconds + 1), e
    assert daemon.ctl("--json", "list").json[0]["blocked"] == 4


def test_shadow(saringd, fake):
    daemon = saringd({"upstream": {"servers": [fake().endpoint]}, "lists": [{"name": "s", "file": "s.yaml", "mode": "shadow"},
                                                                            {"name": "e", "file": "e.yaml"}]},
                     {"s.yaml": "entries: [t.me, alias.example]\n", "e.yaml": "entries:\n  - {domain: trial.example, mode: shadow}\n  - real.example\n"})
    for _ in range(3):
        assert rcode(ask(daemon, "www.t.me")) == "NOERROR"
    assert rcode(ask(daemon, "trial.example")) == "NOERROR" and blocked(ask(daemon, "real.example"))
    assert figures(daemon, "would_block") == {("s", "t.me", "subtree"): 3, ("e", "trial.example", "subtree"): 1}
    assert figures(daemon) == {("e", "real.example", "subtree"): 1}
    assert hits(daemon)[0]["s", "t.me", "subtree"]["blocked_until"] is None, "nobody was told anything"
    assert daemon.status()["counters"]["shadowed"] == 4
    assert {e["entry"] for e in daemon.ctl("--json", "list", "show", "s", "--unused").json} == {"alias.example"}
    eventually(lambda: 'shadow.would_block list="s" entry="t.me" match=subtree' in daemon.stderr(), "a line in the log")
    assert "127.0.0.1" not in [line for line in daemon.stderr().splitlines() if "shadow.would" in line][0], "never who asked"


def test_over_reloads(daemon):
    assert blocked(ask(daemon, "t.me"))
    path = daemon.home / "a.yaml"
    path.write_text("# more lines\n# above\nentries:\n  - zzz.example\n  - t.me\n", encoding="utf-8")
    daemon.ctl("reload")
    assert blocked(ask(daemon, "t.me")) and blocked(ask(daemon, "zzz.example"))
    assert figures(daemon) == {("a", "t.me", "subtree"): 2, ("a", "zzz.example", "subtree"): 1}
    path.write_text("entries: [zzz.example]\n", encoding="utf-8")
    daemon.ctl("reload")
    assert figures(daemon)["a", "t.me", "subtree"] == 2, "what was, was"


def test_edits_under_load(daemon):
    """A fact is credited to the entry of the world that judged it, while worlds come and go."""
    stop = time.monotonic() + 3
    asked = 0
    while time.monotonic() < stop:
        for _ in range(20):
            assert blocked(ask(daemon, "t.me"))
            asked += 1
        daemon.ctl("list", "add", "a", f"n{asked}.example")
    assert figures(daemon) == {("a", "t.me", "subtree"): asked}


def test_over_restarts(daemon):
    for _ in range(4):
        ask(daemon, "t.me")
    before, result = hits(daemon)
    daemon.stop()
    assert (daemon.home / "state/hits").stat().st_size > 0
    daemon.start()
    after, again = hits(daemon)
    assert after == before and again["since"] == result["since"]
    ask(daemon, "t.me")
    assert figures(daemon) == {("a", "t.me", "subtree"): 5}


def test_after_a_crash(daemon):
    """What was counted after the file was written is gone: clients may hold answers that nothing is known of, and it is said."""
    ask(daemon, "t.me")
    daemon.stop()
    daemon.start()
    counted, result = hits(daemon)
    assert result["inexact"] is None, "a clean stop loses nothing"
    before = counted["a", "t.me", "subtree"]
    ask(daemon, "t.me")
    daemon.kill()
    daemon.start()
    counted, result = hits(daemon)
    entry = counted["a", "t.me", "subtree"]
    assert entry["hits"] == before["hits"], "that of the second run was not written"
    assert when(result["inexact"]) >= when(before["last_hit"])
    assert when(entry["blocked_until"]) == when(result["inexact"]) + datetime.timedelta(seconds=11)
    assert "sample" in daemon.ctl("list", "show", "a", "--unused").out, "never is said with that reservation"
    inexact = result["inexact"]
    daemon.stop()
    daemon.start()
    assert hits(daemon)[1]["inexact"] == inexact, "and a clean stop later it is as long ago"


def test_a_record_that_expires_first(saringd, fake):
    """The last client forgets an entry's own record when the entry ends, whatever its TTL was written as."""
    ends = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0) + datetime.timedelta(seconds=90)
    zone = "$TTL 86400\n@ SOA localhost. root.localhost. 1 2 3 4 5\nheld.example A 192.0.2.9\n"
    one = saringd({"upstream": {"servers": [fake().endpoint]},
                   "lists": [{"name": "z", "file": "z.rpz", "format": "rpz", "expires": ends.strftime("%Y-%m-%dT%H:%M:%SZ")}]}, {"z.rpz": zone})
    ask(one, "held.example")
    entry = hits(one)[0]["z", "held.example", "exact"]
    assert when(entry["last_hit"]) < when(entry["blocked_until"]) <= ends + datetime.timedelta(seconds=1)


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "other", "folder"])
def test_a_damaged_file(daemon, damage):
    ask(daemon, "t.me")
    daemon.stop()
    path = daemon.home / "state/hits"
    raw = path.read_bytes()
    path.unlink()
    if damage == "folder":
        path.mkdir()
    else:
        path.write_bytes({"cut": raw[:-1], "flipped": raw[:40] + bytes([raw[40] ^ 1]) + raw[41:], "empty": b"", "other": b"hello\n" * 10}[damage])
    daemon.start()
    assert "hits.begun_anew" in daemon.stderr()
    ask(daemon, "t.me")
    assert figures(daemon) == {("a", "t.me", "subtree"): 1}


def test_many_at_once_are_sampled_and_said_to_be(daemon):
    """At more than the main thread follows, a share is recorded, with its weight: figures stay about right, and it is told."""
    assert blocked(ask(daemon, "t.me"))
    wire = header(7, ar=1) + question("t", "me") + opt()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.connect(("127.0.0.1", daemon.port))
        s.settimeout(ANSWER_S)

        def burst():
            for _ in range(3000):
                s.send(wire)
            return hits(daemon)[1]["inexact"]
        eventually(burst, "a sample was taken", timeout_s=60, every_s=0)
        for _ in range(5):  # a weight that is not told yet is to be a small part
            burst()

        def is_through():
            try:
                return blocked(ask(daemon, "t.me", timeout=1))
            except dns.exception.Timeout:  # what nobody waits for to be read leaves no room for it
                return False
        eventually(is_through, "what was sent is through", timeout_s=60, every_s=0)
    counted, result = hits(daemon)
    entry = counted["a", "t.me", "subtree"]
    assert entry["hits"] + result["lost"] == pytest.approx(daemon.queries()["blocked"], rel=0.4)
    assert when(entry["blocked_until"]) >= when(result["inexact"]) + datetime.timedelta(seconds=10)
    assert "sample" in daemon.ctl("list", "show", "a", "--unused").out, "never is said with that reservation"
    eventually(lambda: hits(daemon)[1]["sampled"] == 1, "each is recorded again when there is little to do", timeout_s=30)
    before = hits(daemon)[0]["a", "t.me", "subtree"]["hits"]
    for _ in range(5):
        ask(daemon, "t.me")
    assert hits(daemon)[0]["a", "t.me", "subtree"]["hits"] == before + 5
