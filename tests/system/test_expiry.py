# SPDX-License-Identifier: BSD-2-Clause
"""Entries end by themselves, on the second and without a reload; and nobody who was told of a block may believe it for longer. The
daemon's clock is the test's (faults.c), but for one that really waits."""
import datetime
import threading
import time

import pytest

from harness import fake as F
from harness.ask import ask, blocked, eventually, rcode, rrs
from harness.faults import Faults

T0 = 1_900_000_000  # in 2030
RPZ = """$TTL 300
@ SOA localhost. nobody.invalid. 1 3600 600 86400 300
@ NS localhost.
own.example A 192.0.2.1
own.example TXT "a text"
sent.example CNAME garden.test.
denied.example CNAME nothing.test.
24.0.113.0.203.rpz-ip CNAME .
"""


def rfc3339(s, offset_h=0):
    return datetime.datetime.fromtimestamp(s, datetime.timezone(datetime.timedelta(hours=offset_h))).isoformat()


class Clock:
    """The daemon's wall clock: the machine's and an offset of whole seconds."""

    def __init__(self, faults):
        self.faults, self.offset = faults, 0
        self.env = faults.env

    def set(self, s):
        """It shows s, and goes on from there."""
        self.offset = s - int(time.time())
        self.faults.wall(self.offset)

    def now(self):
        return time.time() + self.offset


@pytest.fixture
def clock(home):
    faults = Faults(home)
    yield Clock(faults)
    faults.close()


@pytest.fixture
def up(fake):
    return fake(F.answer("192.0.2.200", ttl=600))


def kept(reply):
    """How long anybody may keep anything of it; of a denial, the SOA's TTL or its MINIMUM, whichever is less (RFC 2308)."""
    found = [rrset.ttl for rrset in reply.answer]
    for rrset in reply.authority:
        ours = rrset[0].mname.to_text() == "saring.invalid."
        assert not ours or rrset.ttl == rrset[0].minimum, "no reader of ours finds two answers"
        found.append(min(rrset.ttl, rrset[0].minimum))
    return max(found)


@pytest.mark.parametrize("offset_h", [0, 7, -5], ids=["utc", "east", "west"])
@pytest.mark.parametrize("key", ["expires", "lifted"])
def test_at_that_second(saringd, up, clock, key, offset_h):
    """Of an entry and of a whole list, as a time anywhere in the world; in_force and explain follow."""
    when = rfc3339(T0, offset_h)
    clock.set(T0 - 1000)
    daemon = saringd({"upstream": {"servers": [up.endpoint]}, "lists": [{"name": "l", "file": "l.yaml"}, {"name": "w", "file": "w.yaml"}]},
                     {"l.yaml": f"entries:\n  - {{domain: e.example, {key}: {when}}}\n  - always.example\n", "w.yaml": f"{key}: {when}\nentries: [w.example]\n"},
                     env=clock.env)
    for at, in_force in ((T0 - 1000, True), (T0 - 100, True), (T0, False), (T0 + 100, False), (T0 - 1000, True)):
        clock.set(at)
        for name in ("e.example", "w.example"):
            reply = ask(daemon, name)
            assert blocked(reply) == in_force, f"{name} at {at - T0:+}"
            if not in_force:
                assert rrs(reply) == ["192.0.2.200"] and reply.edns == 0 and not reply.options, "nothing of the block is left"
        assert blocked(ask(daemon, "always.example"))
        policy = daemon.status()["policy"]
        assert (policy["entries"], policy["in_force"]) == (3, 3 if in_force else 1)
        assert [one["in_force"] for one in daemon.ctl("--json", "list").json] == ([2, 1] if in_force else [1, 0])
        told = daemon.explain("e.example")
        assert told["verdict"] == ("blocked" if in_force else "none")
        assert [a["why_not"] for a in told["also"]] == ([] if in_force else ["lifted" if key == "lifted" else "expired"])


def test_a_date_is_the_start_of_its_day_in_utc(saringd, up, clock):
    midnight = T0 - T0 % 86400
    date = datetime.datetime.fromtimestamp(midnight, datetime.timezone.utc).strftime("%Y-%m-%d")
    daemon = saringd({"upstream": {"servers": [up.endpoint]}, "lists": [{"name": "l", "file": "l.yaml", "expires": date}]},
                     {"l.yaml": "entries: [a.example]\n"}, env={**clock.env, "TZ": "Asia/Jakarta"})
    for at, in_force in ((midnight - 100, True), (midnight, False), (midnight - 100, True)):
        clock.set(at)
        assert blocked(ask(daemon, "a.example")) == in_force, at - midnight


def test_no_answer_outlives_the_entry(saringd, up, clock):
    """Every kind of answer, for the name itself, for a CNAME's target and for an address in an answer, over both transports: counted from
    before it was asked, it is forgotten when the entry ends; and not much sooner than need be."""
    kinds = ("nxdomain", "nodata", "null", "address")
    lists = {f"{kind}.yaml": f"expires: {rfc3339(T0)}\nentries: [{kind}.example]\n" for kind in kinds}
    config = [{"name": kind, "file": f"{kind}.yaml", "answer": kind} for kind in kinds]
    config.append({"name": "zone", "file": "zone.rpz", "format": "rpz", "expires": rfc3339(T0)})
    for kind in kinds:
        up.on(f"{kind}.alias.test", F.records(f"{kind}.alias.test. 600 CNAME {kind}.example.", f"{kind}.example. 600 A 192.0.2.200"))
    up.on("nothing.test", F.records(rcode=3, authority=[F.SOA.replace(" 60", " 600")]))
    up.on("by-address.test", F.answer("203.0.113.9", ttl=600))
    clock.set(T0 - 100000)
    daemon = saringd({"upstream": {"servers": [up.endpoint]}, "block": {"ttl": "1h", "addresses": ["192.0.2.80"]}, "lists": config},
                     {**lists, "zone.rpz": RPZ}, env=clock.env)
    asked = [(f"{kind}.example", rdtype, 3600) for kind in kinds for rdtype in ("A", "MX", "HTTPS")]
    asked += [(f"{kind}.alias.test", "A", 3600) for kind in kinds] + [("by-address.test", "A", 3600)]
    asked += [("own.example", "A", 300), ("own.example", "TXT", 300), ("own.example", "AAAA", 3600), ("sent.example", "A", 300),
              ("sent.example", "CNAME", 300), ("denied.example", "A", 300)]
    for before in (7200, 400, 60, 8, 4):
        for name, rdtype, most in asked:
            for tcp in (False, True):
                clock.set(T0 - before)
                start = clock.now()
                reply = ask(daemon, name, rdtype, tcp=tcp)
                end = clock.now()
                if end >= T0:
                    continue  # a slow machine; other rounds ask the same
                found = kept(reply)
                assert start + found <= T0, f"{name} {rdtype}: {found} s, {T0 - start} s before the end"
                if most == 3600 or before <= 300:
                    assert found >= min(most, T0 - int(end) - 1), f"{name} {rdtype}: {found} s, {T0 - end} s before the end"
    clock.set(T0)
    for name, _, _ in asked:
        reply = ask(daemon, name)
        assert rcode(reply) == "NOERROR" and rrs(reply) in (["192.0.2.200"], ["203.0.113.9"]), f"{name} is free"


def test_a_second_that_really_comes(saringd, up):
    """No clock is moved and nothing reloaded: asked all the time, the names are free from that second on, and not a moment earlier."""
    until = int(time.time()) + 3
    daemon = saringd({"upstream": {"servers": [up.endpoint]}, "lists": [{"name": "l", "file": "l.yaml"}]},
                     {"l.yaml": f"entries:\n  - {{domain: e.example, expires: {rfc3339(until)}}}\n  - {{domain: f.example, lifted: {rfc3339(until)}}}\n"})
    generation = daemon.status()["policy"]["generation"]

    def free(name):
        before = time.time()
        reply = ask(daemon, name)
        if not blocked(reply):
            assert time.time() >= until and rrs(reply) == ["192.0.2.200"], "it was free too early"
            return True
        assert before < until, "it is blocked still"
        assert before + kept(reply) <= until
        return False

    for name in ("e.example", "f.example"):
        eventually(lambda: free(name), f"{name} is free")
    policy = daemon.status()["policy"]
    assert (policy["generation"], policy["in_force"]) == (generation, 0)


@pytest.mark.parametrize("was, entry, blocks", [("allowed", "action: allow\nentries:\n  - {{domain: held.example, expires: {when}}}\n", True),
                                                ("sent", "entries: []\n", False)])
def test_a_question_that_waits_across_the_second(saringd, up, clock, was, entry, blocks):
    """Asked before, answered after: what is in force then is what counts, whether an entry let the question pass or sent it elsewhere."""
    come = threading.Event()
    up.on("held.example", F.hold(come, F.answer("192.0.2.200", ttl=600)), F.answer("192.0.2.200", ttl=600))
    up.on("garden.test", F.hold(come, F.answer("192.0.2.7", ttl=600)))
    lists = [{"name": "a", "file": "a.yaml"}, {"name": "b", "file": "b.yaml"}]
    if was == "sent":
        lists.append({"name": "z", "file": "z.rpz", "format": "rpz", "expires": rfc3339(T0)})
    clock.set(T0 - 1000)
    daemon = saringd({"upstream": {"servers": [up.endpoint], "timeout": "60s"}, "lists": lists},
                     {"a.yaml": entry.format(when=rfc3339(T0)), "b.yaml": "entries: [held.example]\n" if blocks else "entries: []\n",
                      "z.rpz": RPZ + "held.example CNAME garden.test.\n"}, env=clock.env)
    answers = []
    asker = threading.Thread(target=lambda: answers.append(ask(daemon, "held.example", timeout=60)))
    asker.start()
    eventually(lambda: up.asked("garden.test" if was == "sent" else "held.example"), "it waits")
    clock.set(T0 + 1)
    come.set()
    asker.join(60)
    if blocks:
        assert blocked(answers[0])
    else:
        assert rrs(answers[0]) == ["192.0.2.200"] and not answers[0].options
