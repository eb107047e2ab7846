# SPDX-License-Identifier: BSD-2-Clause
"""What could not be resolved is not asked for again at once (RFC 9520): a scripted upstream counts what reaches it."""
import concurrent.futures
import os
import re
import socket
import time

import dns.edns
import dns.flags
import pytest

from harness import fake as F
from harness.ask import Raw, ask, eventually, flags_of, header, opt, question, rcode, rcode_of, rrs
from harness.ports import free_port

CACHED_ERROR, NO_REACHABLE, NETWORK = 13, 22, 23


def codes(reply):
    return [int(option.code) for option in reply.options if option.otype == dns.edns.EDE]


def failures(daemon):
    return daemon.status()["failures"]


@pytest.fixture
def scripted(saringd, fake):
    def make_one(timeout="5s", **config):
        up = fake()
        return saringd({"upstream": {"servers": [up.endpoint], "timeout": timeout}, **config}), up

    return make_one


def fails(daemon, name, **how):
    reply = ask(daemon, name, **how)
    assert rcode(reply) == "SERVFAIL" and not reply.answer
    return codes(reply)


def test_asked_once_and_then_not_for_its_time(scripted):
    daemon, up = scripted()
    up.on("broken.example", F.error("SERVFAIL"))
    began = time.monotonic()
    assert fails(daemon, "broken.example") == [NO_REACHABLE], "the first says what happened"
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        got = list(pool.map(lambda i: fails(daemon, "broken.example", tcp=i % 2 == 0), range(20)))
    asked, took = len(up.asked("broken.example")), time.monotonic() - began
    if took < 1:  # else a slow machine was right to ask once more
        assert asked == 1
        assert got == [[NO_REACHABLE, CACHED_ERROR]] * 20, "from memory, and why it failed"
        assert failures(daemon)["hits"] == 20
    assert asked <= 1 + took, "never more than once a second"
    queries = daemon.queries()
    assert queries["failed"] == 21 == queries["total"]


def test_the_time_grows(scripted):
    """Asked without pause for some seconds: at 0, 1, 3 and 7 s. Seen by the upstream, so that a slow machine only makes it rarer."""
    daemon, up = scripted()
    up.on("broken.example", F.error("SERVFAIL"))
    times = []
    with Raw(daemon) as raw:
        def third():
            seen = len(up.asked("broken.example"))
            if seen > len(times):
                times.append(time.monotonic())
            assert rcode_of(raw.exchange(header() + question("broken", "example"))) == 2
            return len(times) >= 3
        eventually(third, "it is asked again when its time is over")
    assert times[1] - times[0] > 0.9 and times[2] - times[1] > 1.9, "1 s, then 2 s"


def test_an_answer_ends_it(scripted):
    daemon, up = scripted()
    up.on("late.example", F.error("SERVFAIL"), F.answer("192.0.2.7", ttl=1), F.error("SERVFAIL"))
    fails(daemon, "late.example")
    assert failures(daemon)["entries"] == 1
    eventually(lambda: rrs(ask(daemon, "late.example")) == ["192.0.2.7"], "the answer")
    assert failures(daemon)["entries"] == 0
    assert len(up.asked("late.example")) == 2


def test_flush_lets_it_be_asked_again(scripted):
    daemon, up = scripted()
    names = ["broken.example", "www.broken.example", "unbroken.example"]
    # no answer ever: for the time between two asks nothing but the flush can make a second one
    for name in names:
        up.on(name, F.error("REFUSED"))

    def rounds():
        return [len(up.asked(name)) for name in names]

    def ask_all():
        began = time.monotonic()
        for name in names:
            fails(daemon, name)
        return time.monotonic() - began

    began = time.monotonic()
    ask_all()
    assert daemon.ctl("--json", "cache", "flush", "broken.example").json == {"flushed": 0}, "no entry of the cache"
    ask_all()
    seen = rounds()
    if time.monotonic() - began < 1:
        assert seen == [2, 2, 1]
    assert seen[0] >= 2 and seen[1] >= 2
    daemon.ctl("cache", "flush")
    assert failures(daemon)["entries"] == 0
    before = rounds()
    ask_all()
    assert all(now > then for now, then in zip(rounds(), before)), "all are asked again"


def test_a_reload_lets_it_be_asked_again(scripted, fake):
    daemon, up = scripted()
    up.default = F.error("SERVFAIL")
    for _ in range(2):
        fails(daemon, "a.example")
    better = fake(F.answer("192.0.2.9"))
    daemon.configure(upstream={"servers": [better.endpoint]})
    assert daemon.ctl("reload").code == 0
    assert rrs(ask(daemon, "a.example")) == ["192.0.2.9"], "at once, by the new server"


def test_cd_and_type_are_kept_apart_and_do_is_not(scripted):
    daemon, up = scripted()
    up.on("bogus.example", lambda a: F.answer("192.0.2.8")(a) if a.message.flags & dns.flags.CD else F.error("SERVFAIL")(a))
    began = time.monotonic()
    with Raw(daemon) as raw:
        for do in (0, 0x8000):
            assert rcode_of(raw.exchange(header(ar=1) + question("bogus", "example") + opt(flags=do))) == 2
        for _ in range(2):
            answer = raw.exchange(header(flags=0x0110, ar=1) + question("bogus", "example") + opt())
            assert rcode_of(answer) == 0 and flags_of(answer) & 0x0010, "without validation upstream it resolves"
        assert rcode_of(raw.exchange(header() + question("bogus", "example", rdtype=28))) == 2
        asked = [(a.type, bool(a.message.flags & dns.flags.CD)) for a in up.asked("bogus.example")]
        if time.monotonic() - began < 1:
            assert sorted(asked) == [("A", False), ("A", True), ("AAAA", False)]
        assert {("A", False), ("A", True), ("AAAA", False)} == set(asked)


def test_silence_is_a_failure_too(scripted):
    daemon, up = scripted(timeout="500ms")
    up.on("mute.example", F.silence)
    assert fails(daemon, "mute.example") == [NO_REACHABLE]
    began = time.monotonic()
    seen = len(up.asked("mute.example"))
    got = [fails(daemon, "mute.example") for _ in range(5)]
    if time.monotonic() - began < 0.9:
        assert got == [[NO_REACHABLE, CACHED_ERROR]] * 5 and len(up.asked("mute.example")) == seen
    assert 1 <= seen <= 4 and len(up.asked("mute.example", tcp=False)) <= 3, "RFC 9520 section 3.1"


def test_nobody_there(saringd):
    daemon = saringd({"upstream": {"servers": [f"dns://127.0.0.1:{free_port()}"], "timeout": "500ms"}})
    first = fails(daemon, "a.example")
    assert first in ([NETWORK], [NO_REACHABLE])
    began = time.monotonic()
    second = fails(daemon, "a.example")
    if time.monotonic() - began < 0.4:
        assert second == [*first, CACHED_ERROR]


def test_without_edns_there_is_no_room_for_reasons(scripted):
    daemon, up = scripted()
    up.on("broken.example", F.error("SERVFAIL"))
    for _ in range(3):
        reply = ask(daemon, "broken.example", edns=False)
        assert rcode(reply) == "SERVFAIL" and reply.edns < 0


def test_servers_that_were_down_are_used_soon_after_they_are_back(saringd, fake):
    """The question had nothing to do with it: its time does not grow while all servers are down."""
    up = fake(F.silence)
    daemon = saringd({"upstream": {"servers": [up.endpoint], "timeout": "400ms"}, "cache": {"serve-stale": "0s"}})
    eventually(lambda: ask(daemon, "a.example") and daemon.status()["upstream"][0]["state"] != "up", "the server is seen to be down", timeout_s=60)
    noted = failures(daemon)["noted"]
    eventually(lambda: ask(daemon, "a.example") and failures(daemon)["noted"] >= noted + 3, "it is asked for again and again", timeout_s=60)
    up.default = F.answer("192.0.2.5")
    eventually(lambda: rrs(ask(daemon, "a.example")) == ["192.0.2.5"], "it is answered, not only when half a minute is over")


def test_stale_answers_need_no_round(scripted):
    """What failed a moment ago and has an expired answer is given that at once; the servers are left alone."""
    daemon, up = scripted(timeout="500ms")
    up.on("a.example", F.answer("192.0.2.1", ttl=1), F.silence)
    assert rrs(ask(daemon, "a.example")) == ["192.0.2.1"]
    eventually(lambda: codes(ask(daemon, "a.example")) == [3] and failures(daemon)["hits"] > 0, "a stale answer from memory")
    assert daemon.queries()["failed"] == 0


def test_bounded_however_many_fail(scripted):
    daemon, up = scripted()
    up.default = F.error("SERVFAIL")
    limit = failures(daemon)["limit"]
    assert limit == 8192
    with Raw(daemon) as raw:
        for i in range(1000):
            assert rcode_of(raw.exchange(header(i) + question(f"n{i}", "example"))) == 2
    got = failures(daemon)
    assert got["noted"] == 1000 and 900 < got["entries"] <= 1000


def test_every_counter_is_in_the_manual(scripted, source):
    daemon, _ = scripted()
    status = daemon.status()
    manual = (source / "tools/saringctl/saringctl.1").read_text(encoding="utf-8")
    words = set(re.findall(r"[a-z_]+", manual))
    assert set(status["counters"]) <= words
    assert set(status["failures"]) <= words


def test_status_wakes_no_worker(saringd):
    """Counters are read where they lie: between two ticks of the watchdog no worker leaves its sleep for it."""
    daemon = saringd({}, workers=2)

    def switches():
        base = f"/proc/{daemon.process.pid}/task"
        total = 0
        for task in os.listdir(base):
            with open(f"{base}/{task}/status", encoding="ascii") as text:
                status = text.read()
            if status.startswith("Name:\tworker-"):
                total += int(re.search(r"^voluntary_ctxt_switches:\s*(\d+)", status, re.M).group(1))
        return total

    before, began = switches(), time.monotonic()
    for _ in range(30):
        daemon.status()
    took = time.monotonic() - began
    assert switches() - before <= 2 * (took + 2), "at most the watchdog's, one a second for each of two workers"


def test_a_small_receive_buffer_is_told(saringd):
    """The same is asked of the kernel here: what it grants us it grants the daemon."""
    wanted, force = 4 * 1024 * 1024, 33
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.setsockopt(socket.SOL_SOCKET, force, wanted)
        except PermissionError:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, wanted)
        granted = probe.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) // 2
    daemon = saringd({})
    said = re.findall(r"listen\.buffer wanted=(\d+) granted=(\d+) net\.core\.rmem_max=(\d+)", daemon.stderr())
    if granted >= wanted // 2:
        assert not said
    else:
        rmem_max = open("/proc/sys/net/core/rmem_max", encoding="ascii").read().strip()
        assert said == [(str(wanted), str(granted), rmem_max)], "once, whatever the number of sockets"
