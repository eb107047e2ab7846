# SPDX-License-Identifier: BSD-2-Clause
"""Everything that is not blocked: asked of upstream servers, believed only when it is the answer, cached as long as it may be."""
import collections
import concurrent.futures
import itertools
import shutil
import signal
import socket
import struct
import subprocess
import threading
import time

import dns.flags
import dns.name
import pytest

from harness import fake as F
from harness.ask import (Raw, ask, counts_of, ede, eventually, flags_of, header, opt, question, rcode, rcode_of, rrs, soa_of)
from harness.ports import free_port


@pytest.fixture
def through(saringd, knot):
    # the zone has the reverse names of 192.0.2.0/24, which are answered here otherwise
    return saringd({"upstream": {"servers": [knot.endpoint]}, "names": {"forward": ["2.0.192.in-addr.arpa"]}})


@pytest.fixture
def scripted(saringd, fake):
    """scripted() -> (daemon, upstream); scripted(2) -> (daemon, first, second), asked in that order."""

    def make(count=1, timeout="5s", **config):
        ups = [fake() for _ in range(count)]
        daemon = saringd({"upstream": {"servers": [u.endpoint for u in ups], "strategy": "ordered", "timeout": timeout}, **config})
        return (daemon, *ups)

    return make


# a real upstream


@pytest.mark.parametrize("rdtype", ["A", "AAAA", "TXT", "MX", "SRV", "NAPTR", "CAA", "TYPE65280", "LOC", "HINFO", "HTTPS", "SSHFP"])
def test_every_type_comes_through_whole(through, knot, rdtype):
    direct = ask(knot.port, "www.example", rdtype)
    for tcp in (False, True):
        reply = ask(through, "www.example", rdtype, tcp=tcp)
        assert rcode(reply) == "NOERROR" and reply.answer == direct.answer and reply.answer
        assert reply.flags & dns.flags.RA and not reply.flags & dns.flags.AA, "a resolver's answer, not an authority's"
        assert reply.payload == 1232


def test_other_names_come_through(through):
    assert rrs(ask(through, "1.2.0.192.in-addr.arpa", "PTR"), "PTR") == ["www.example."]
    assert rrs(ask(through, "anything.wild.example")) == ["192.0.2.77"]
    reply = ask(through, "chain1.example")
    assert rrs(reply) == ["192.0.2.1"] and len(reply.answer) == 4
    assert [r.name.to_text() for r in reply.answer][:3] == ["chain1.example.", "chain2.example.", "chain3.example."]
    assert rrs(ask(through, ".", "NS"), "NS") == ["ns.example."]


def test_negative_answers(through):
    for _ in range(2):
        reply = ask(through, "nowhere.example")
        assert rcode(reply) == "NXDOMAIN" and soa_of(reply)[0] == dns.name.root and ede(reply) is None
        reply = ask(through, "www.example", "CERT")
        assert rcode(reply) == "NOERROR" and not reply.answer and soa_of(reply)
        reply = ask(through, "dangling.example")
        assert rcode(reply) == "NXDOMAIN" and rrs(reply, "CNAME") == ["nowhere.example."] and soa_of(reply)


def test_an_answer_too_big_for_udp(through):
    for size in (512, 1232, 4096, False):
        reply = ask(through, "big.example", "TXT", edns=size)
        assert reply.flags & dns.flags.TC and not reply.answer, size
    reply = ask(through, "big.example", "TXT", tcp=True)
    assert not reply.flags & dns.flags.TC and len(reply.answer[0][0].strings) == 8


def test_kdig_falls_back_by_itself(through):
    if not shutil.which("kdig"):
        pytest.skip("kdig is not installed")
    out = subprocess.run(["kdig", "@127.0.0.1", "-p", str(through.port), "big.example", "TXT"], capture_output=True, text=True, timeout=60,
                         check=False).stdout
    assert "status: NOERROR" in out and "h" * 250 in out


def test_dnssec_records_when_asked_for(saringd, own_knot):
    daemon = saringd({"upstream": {"servers": [own_knot(signed=True).endpoint]}})
    for _ in range(2):
        reply = ask(daemon, "www.example", want_dnssec=True)
        assert {r.rdtype for r in reply.answer} == {1, 46} and reply.ednsflags & 0x8000
        reply = ask(daemon, "www.example")
        assert {r.rdtype for r in reply.answer} == {1} and not reply.ednsflags & 0x8000
        reply = ask(daemon, "nowhere.example", want_dnssec=True, retry_tcp=True)
        assert rcode(reply) == "NXDOMAIN" and {r.rdtype for r in reply.authority} >= {6, 46}
        reply = ask(daemon, "nowhere.example")
        assert {r.rdtype for r in reply.authority} == {6}


def test_upstream_that_comes_back(saringd, own_knot):
    knot = own_knot()
    daemon = saringd({"upstream": {"servers": [knot.endpoint], "timeout": "1s"}, "cache": {"size": 0}})
    assert rrs(ask(daemon, "www.example")) == ["192.0.2.1"]
    knot.stop()
    reply = ask(daemon, "www.example")
    assert rcode(reply) == "SERVFAIL" and ede(reply)[0] in (22, 23)
    eventually(lambda: ask(daemon, "www.example") and daemon.status()["upstream"][0]["state"] != "up", "the server is seen to be down")
    knot.start()
    eventually(lambda: rrs(ask(daemon, "www.example")) == ["192.0.2.1"], "the server is used again", timeout_s=60, every_s=0.2)
    eventually(lambda: ask(daemon, "www.example") and daemon.status()["upstream"][0]["state"] == "up", "and seen to be up", timeout_s=60)


# the cache


def test_asked_once_then_cached_with_its_ttl_running(scripted):
    daemon, up = scripted()
    up.on("a.example", F.answer("192.0.2.1", ttl=300))
    first = ask(daemon, "a.example")
    assert first.answer[0].ttl == 300
    for name in ("a.example", "A.EXAMPLE", "a.Example"):
        reply = ask(daemon, name, tcp=name.isupper())
        assert rrs(reply) == ["192.0.2.1"] and reply.question[0].name.to_text(omit_final_dot=True) == name
    eventually(lambda: ask(daemon, "a.example").answer[0].ttl < 300, "the TTL runs down")
    assert len(up.asked("a.example")) == 1
    cache = daemon.ctl("--json", "cache").json
    assert cache["entries"] == 1 and cache["hits"] >= 3 and cache["misses"] == 1 and 0 < cache["bytes"] <= cache["limit_bytes"]


def test_negative_answers_are_cached(scripted):
    daemon, up = scripted()
    up.on("gone.example", F.records(rcode=3, authority=[". 60 SOA ns.example. hostmaster.example. 1 3600 600 86400 30"]))
    up.on("nodata.example", F.records(authority=[". 20 SOA ns.example. hostmaster.example. 1 3600 600 86400 30"]))
    up.on("nosoa.example", F.records(rcode=3))
    for _ in range(3):
        reply = ask(daemon, "gone.example")
        assert rcode(reply) == "NXDOMAIN" and soa_of(reply)[1] <= 30, "the lesser of TTL and MINIMUM (RFC 2308)"
        reply = ask(daemon, "nodata.example")
        assert rcode(reply) == "NOERROR" and soa_of(reply)[1] <= 20
        assert rcode(ask(daemon, "nosoa.example")) == "NXDOMAIN"
    assert len(up.asked("gone.example")) == 1 and len(up.asked("nodata.example")) == 1
    assert len(up.asked("nosoa.example")) == 3, "without an SOA there is nothing to say how long"


def test_what_must_not_be_cached(scripted):
    daemon, up = scripted()
    up.on("zero.example", F.answer("192.0.2.3", ttl=0))
    up.on("fail.example", F.error("SERVFAIL"), F.answer("192.0.2.4"))
    for _ in range(3):
        reply = ask(daemon, "zero.example")
        assert rrs(reply) == ["192.0.2.3"] and reply.answer[0].ttl == 0
    assert len(up.asked("zero.example")) == 3
    eventually(lambda: rrs(ask(daemon, "fail.example")) == ["192.0.2.4"], "a failure is not kept for long (test_failures.py)")


def test_ttl_bounds(scripted):
    daemon, up = scripted(cache={"min-ttl": "30s", "max-ttl": "120s", "max-negative-ttl": "40s"})
    up.on("low.example", F.answer("192.0.2.1", ttl=5))
    up.on("high.example", F.answer("192.0.2.1", ttl=5000000))
    up.on("gone.example", F.records(rcode=3, authority=[F.SOA]))
    ttl = {}
    for name in ("low", "high", "gone"):
        ask(daemon, name + ".example")
        reply = ask(daemon, name + ".example")
        ttl[name] = (reply.answer or reply.authority)[0].ttl
    assert 100 < ttl["high"] <= 120 and 30 < ttl["gone"] <= 40
    assert 5 < ttl["low"] <= 30, "what is kept longer may be kept longer by others too"
    assert len(up.asked()) == 3


def test_ttl_bounds_of_a_denial_behind_a_chain(scripted):
    """The first answer, straight from the upstream, is as short-lived as what is kept of it."""
    daemon, up = scripted(cache={"max-negative-ttl": "40s"})
    soa = ". 7200 SOA ns.example. hostmaster.example. 1 3600 600 86400 7200"
    up.on("alias.example", F.records("7200 CNAME target.example.", authority=[soa]))
    for _ in range(2):
        reply = ask(daemon, "alias.example", "AAAA")
        assert reply.answer[0].ttl <= 40 and soa_of(reply)[1] <= 40
    assert len(up.asked("alias.example")) == 1


def test_no_cache_at_all(scripted):
    daemon, up = scripted(cache={"size": 0})
    for _ in range(3):
        assert rrs(ask(daemon, "a.example")) == ["192.0.2.200"]
    assert len(up.asked("a.example")) == 3
    assert daemon.ctl("--json", "cache").json["entries"] == 0


def test_the_cache_keeps_its_bound(scripted):
    daemon, up = scripted(cache={"size": "64KiB"})
    with Raw(daemon) as raw:
        for i in range(3000):
            assert rcode_of(raw.exchange(header(i) + question(f"n{i}", "example"))) == 0
    cache = daemon.ctl("--json", "cache").json
    assert cache["limit_bytes"] == 65536 and 0 < cache["bytes"] <= 65536 and cache["evictions"] > 0


def test_flush(scripted):
    daemon, up = scripted()
    names = ["a.example", "b.a.example", "c.b.a.example", "xa.example"]
    for name in names:
        ask(daemon, name)
    assert daemon.ctl("--json", "cache", "flush", "b.a.example").json["flushed"] == 2
    for name in names:
        ask(daemon, name)
    assert [len(up.asked(n)) for n in names] == [1, 2, 2, 1]
    daemon.ctl("cache", "flush")
    assert daemon.ctl("--json", "cache").json["entries"] == 0


def test_do_and_cd_are_kept_apart(scripted):
    daemon, up = scripted()
    with Raw(daemon) as raw:
        for flags, do in ((0x0100, 0), (0x0100, 0x8000), (0x0110, 0), (0x0110, 0x8000)):
            for _ in range(2):
                answer = raw.exchange(header(flags=flags, ar=1) + question("a", "example") + opt(flags=do))
                assert flags_of(answer) & 0x0010 == flags & 0x0010, "CD is copied"
    asked = up.asked("a.example")
    assert len(asked) == 4
    assert sorted((bool(a.message.flags & dns.flags.CD), bool(a.message.ednsflags & 0x8000)) for a in asked) == [
        (False, False), (False, True), (True, False), (True, True)]


def test_stale_answers_stand_in_when_nobody_answers(scripted):
    daemon, up = scripted(timeout="500ms")
    up.on("a.example", F.answer("192.0.2.1", ttl=1), F.silence)
    assert rrs(ask(daemon, "a.example")) == ["192.0.2.1"]

    def stale():
        reply = ask(daemon, "a.example")
        assert rrs(reply) == ["192.0.2.1"], "never a failure while there is something to say"
        return ede(reply) and ede(reply)[0] == 3 and reply.answer[0].ttl > 0
    eventually(stale, "Stale Answer (RFC 8767)")
    assert daemon.queries()["stale"] >= 1


# what is sent upstream


def test_questions_are_hard_to_guess(scripted):
    daemon, up = scripted(cache={"size": 0})
    for i in range(60):
        ask(daemon, "abcdefghijklmnopqrstuvwxyz.example")
    asked = up.asked()
    assert len(asked) >= 60, "one more each time this machine was too slow to answer before the retry"
    assert len({a.id for a in asked}) >= 58
    assert len({a.peer[1] for a in asked}) >= 55
    assert max(a.peer[1] for a in asked) - min(a.peer[1] for a in asked) > 20000
    assert len({a.name.to_text() for a in asked}) >= 58, "0x20: the case of letters is random"
    assert all(a.message.flags & dns.flags.RD and a.message.edns == 0 and a.message.payload == 1232 for a in asked)
    assert all([o.otype for o in a.message.options] == [F.COOKIE] for a in asked), "and what else goes with it, no client sees"


def chi_square(values, bins, span):
    expected = len(values) / bins
    counts = collections.Counter(v * bins // span for v in values)
    return sum((counts[b] - expected) ** 2 / expected for b in range(bins))


def test_one_after_the_other_each_has_its_own_port(scripted):
    """The ports and IDs of 400 questions are drawn from the whole range: no run, no step, no half that is left out."""
    daemon, up = scripted()
    with Raw(daemon) as raw:
        for i in range(400):
            assert rcode_of(raw.exchange(header(i) + question(f"n{i}", "example"))) == 0
    asked = up.asked()
    assert 400 <= len(asked) <= 410, "one more each time this machine was too slow to answer before the retry"
    for what, values, low in (("port", [a.peer[1] for a in asked], 1024), ("id", [a.id for a in asked], 0)):
        span = 65536 - low
        assert sum(one == two for one, two in zip(values, values[1:])) <= 2, f"{what}: a pair in a row is a chance of 1 in 160"
        assert len(set(values)) >= 390, f"{what}: of 400 draws one or two pairs meet by chance"
        steps = collections.Counter((two - one) % 65536 for one, two in zip(values, values[1:]))
        assert max(steps.values()) <= 3, f"{what}: no step is a habit"
        assert min(values) >= low
        # 16 bins: 15 degrees of freedom; over 50 by chance once in a hundred thousand runs
        assert chi_square([v - low for v in values], 16, span) < 50, what


def gather(up, count):
    """The upstream answers nothing until `count` questions are there, then all, the last first."""
    held, gate, lock = [], threading.Event(), threading.Lock()

    def behave(a):
        with lock:
            held.append(a)
            if len(held) < count:
                return []
            gate.set()
            for one in reversed(held[:-1]):
                up.udp.sendto(one.reply(f"300 A 192.0.2.{int(one.folded[1:].split('.')[0]) % 250 + 1}").to_wire(), one.peer)
            return [a.reply(f"300 A 192.0.2.{int(a.folded[1:].split('.')[0]) % 250 + 1}").to_wire()]
    up.default = behave
    return held, gate


def burst(daemon, names):
    """All in the socket's buffer before the daemon reads again, as under load; the answers by ID."""
    answers = {}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(30)
        client.connect(("127.0.0.1", daemon.port))
        daemon.process.send_signal(signal.SIGSTOP)
        try:
            for i, name in enumerate(names):
                client.send(header(i) + question(name, "example"))
        finally:
            daemon.process.send_signal(signal.SIGCONT)
        while len(answers) < len(names):
            packet = client.recv(65535)
            answers[struct.unpack(">H", packet[:2])[0]] = packet
    return answers


def test_a_burst_shares_ports_but_never_many_on_one(scripted):
    daemon, up = scripted(timeout="60s")
    held, _ = gather(up, 200)
    answers = burst(daemon, [f"n{i}" for i in range(200)])
    for i in range(200):  # out of order on every port, each to whom it is for
        assert rcode_of(answers[i]) == 0 and answers[i].endswith(bytes([192, 0, 2, i % 250 + 1]))
    first = [a for a in held[:200] if not a.tcp]
    ports = collections.Counter(a.peer[1] for a in first)
    assert max(ports.values()) <= 32
    assert 7 <= len(ports) <= 60, "a port for each would cost a socket each"
    for port in ports:
        ids = [a.id for a in first if a.peer[1] == port]
        assert len(set(ids)) == len(ids)
    ask(daemon, "n200.example")
    assert up.asked("n200.example")[0].peer[1] not in ports, "no port serves a second turn"


def test_what_is_wrong_on_a_shared_port_hits_nobody_else(scripted):
    """Twenty questions on a port; before the answers come a wrong ID, another's ID, wrong case, another name, each with lies in it."""
    daemon, up = scripted(timeout="60s")
    held, lock = [], threading.Lock()

    def behave(a):
        with lock:
            if any(o.folded == a.folded for o in held):
                return []  # this machine was slow and it is asked again; the first is answered all the same
            held.append(a)
            if len(held) < 20:
                return []
        unused = next(i for i in range(65536) if all(o.id != i for o in held))
        up.udp.sendto(struct.pack(">H", unused) + bad(a)[2:], a.peer)
        for i, one in enumerate(held):
            up.udp.sendto(struct.pack(">H", held[i - 1].id) + bad(one)[2:], one.peer)  # one's name under another's ID
            up.udp.sendto(wrong_case(one), one.peer)
            up.udp.sendto(bad(one)[:13] + bytes([bad(one)[13] ^ 1]) + bad(one)[14:], one.peer)
        for one in reversed(held):
            up.udp.sendto(one.reply(f"300 A 192.0.2.{int(one.folded[1:].split('.')[0])}").to_wire(), one.peer)
        return []
    up.default = behave
    answers = burst(daemon, [f"n{i}" for i in range(1, 21)])
    for i in range(20):
        assert answers[i].endswith(bytes([192, 0, 2, i + 1])), i
    assert len(up.asked()) > 20 or not up.asked(tcp=True), "waiting went on"


def test_guessing_on_a_shared_port_sends_all_of_it_to_tcp(scripted):
    daemon, up = scripted(timeout="60s")
    held, lock = [], threading.Lock()

    def behave(a):
        if a.tcp:
            return [a.reply("300 A 192.0.2.1").to_wire()]
        with lock:
            held.append(a)
            if len(held) < 10:
                return []
        used = {o.id for o in held}
        guesses = [i for i in range(200) if i not in used][:50]
        for peer in {o.peer for o in held}:
            victim = next(o for o in held if o.peer == peer)
            for guess in guesses:
                up.udp.sendto(struct.pack(">H", guess) + bad(victim)[2:], peer)
        return []
    up.default = behave
    answers = burst(daemon, [f"n{i}" for i in range(10)])
    assert all(answers[i].endswith(bytes([192, 0, 2, 1])) for i in range(10))
    assert len(up.asked(tcp=True)) == 10


def test_a_server_that_was_killed_is_used_again_when_it_is_back(saringd, fake):
    up, other = fake(F.answer("192.0.2.1")), fake(F.answer("192.0.2.2"))
    daemon = saringd({"upstream": {"servers": [up.endpoint, other.endpoint], "strategy": "ordered"}, "cache": {"size": 0}})
    assert rrs(ask(daemon, "a.example")) == ["192.0.2.1"]
    port = up.port
    up.close()
    count = itertools.count()

    def state():
        assert rrs(ask(daemon, f"n{next(count)}.example")) == ["192.0.2.2"], "nobody notices"
        return daemon.ctl("--json", "upstream").json[0]["state"]
    eventually(lambda: state() != "up", "it is seen to be down", timeout_s=30)
    end = time.monotonic() + 5
    while time.monotonic() < end:  # long enough for the back-off to have grown
        ask(daemon, f"n{next(count)}.example")
        time.sleep(0.05)
    again = fake(F.answer("192.0.2.1"), port=port)
    begin = time.monotonic()
    eventually(lambda: rrs(ask(daemon, f"n{next(count)}.example")) == ["192.0.2.1"], "it is back", timeout_s=30)
    assert time.monotonic() - begin < 10, "within two seconds, and a busy machine's share"
    assert again.asked()


def test_the_clients_case_comes_back(scripted):
    daemon, up = scripted()
    for name in ("MixedCase.Example", "mIXEDcASE.eXAMPLE"):
        reply = ask(daemon, name)
        assert reply.question[0].name.to_text(omit_final_dot=True) == name
        assert reply.answer[0].name.to_text().lower() == "mixedcase.example."


# what is believed


def spoof(change):
    """First packets that must be ignored, then the true answer."""
    return lambda ask: [*change(ask), ask.reply("300 A 192.0.2.1").to_wire()]


def wrong_case(ask):
    wire = bytearray(ask.reply("300 A 203.0.113.66").to_wire())
    for i in range(13, 12 + len(ask.name.to_wire())):
        if 65 <= wire[i] <= 90 or 97 <= wire[i] <= 122:
            wire[i] ^= 0x20
    return bytes(wire)


def bad(ask):
    return ask.reply("300 A 203.0.113.66").to_wire()


def with_question(ask, rdtype, rdclass):
    """The type and class of its question are others; name, ID and records are right."""
    at = 12 + len(ask.name.to_wire())
    return bad(ask)[:at] + struct.pack(">2H", rdtype, rdclass) + bad(ask)[at + 4:]


SPOOFS = {
    "wrong id": lambda a: [F.flip_id(bad(a))],
    "wrong case": lambda a: [wrong_case(a)],
    "a question, not an answer": lambda a: [bad(a)[:2] + bytes([bad(a)[2] & 0x7F]) + bad(a)[3:]],
    "wrong opcode": lambda a: [bad(a)[:2] + bytes([bad(a)[2] | 0x28]) + bad(a)[3:]],
    "no question": lambda a: [bad(a)[:4] + b"\0\0" + bad(a)[6:12]],
    "wrong type": lambda a: [with_question(a, 28, 1)],
    "wrong class": lambda a: [with_question(a, 1, 3)],
    "another name": lambda a: [bad(a)[:13] + bytes([bad(a)[13] ^ 1]) + bad(a)[14:]],
    "too short": lambda a: [bad(a)[:11], b"", bad(a)[:2]],
    "several": lambda a: [F.flip_id(bad(a)), wrong_case(a), bad(a)[:11]],
}


@pytest.mark.parametrize("what", SPOOFS)
def test_what_does_not_match_is_ignored(scripted, what):
    daemon, up = scripted()
    up.on("victim.example", spoof(SPOOFS[what]))
    reply = ask(daemon, "victim.example")
    assert rrs(reply) == ["192.0.2.1"]
    assert rrs(ask(daemon, "victim.example")) == ["192.0.2.1"]
    assert len(up.asked("victim.example", tcp=False)) == 1, "waiting went on: nothing was asked twice"


def test_another_sender_is_not_heard(scripted):
    """Right ID, right question, right port, wrong source."""
    daemon, up = scripted()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))

        def behave(a):
            other.sendto(bad(a), a.peer)
            return [a.reply("300 A 192.0.2.1").to_wire()]
        up.on("victim.example", behave)
        assert rrs(ask(daemon, "victim.example")) == ["192.0.2.1"]


def test_a_flood_of_guesses_ends_on_tcp(scripted):
    daemon, up = scripted()
    up.on("victim.example", lambda a: [a.reply("300 A 192.0.2.1").to_wire()] if a.tcp else
          [struct.pack(">H", (a.id + 1 + i) & 0xFFFF) + bad(a)[2:] for i in range(50)])
    assert rrs(ask(daemon, "victim.example")) == ["192.0.2.1"]
    assert up.asked("victim.example", tcp=True), "ten mismatches are an attack (RFC 5452 section 9.3)"


def test_records_that_nobody_asked_for_are_not_kept(scripted):
    daemon, up = scripted()
    up.on("a.example", F.records("300 A 192.0.2.1", "bank.example 300 A 203.0.113.66"))
    reply = ask(daemon, "a.example")
    assert rrs(reply) == ["192.0.2.1"]
    assert rrs(ask(daemon, "bank.example")) == ["192.0.2.200"]
    assert len(up.asked("bank.example")) == 1


def test_a_chain_that_loops(scripted):
    daemon, up = scripted(timeout="1s")
    up.on("loop.example", F.records("300 CNAME loop2.example.", "loop2.example 300 CNAME loop.example."))
    assert rcode(ask(daemon, "loop.example")) == "SERVFAIL"


# trouble upstream


def test_truncated_is_asked_again_over_tcp(scripted):
    daemon, up = scripted()
    up.on("big.example", F.truncated(F.answer(*(f"192.0.2.{i}" for i in range(1, 101)))))
    reply = ask(daemon, "big.example", tcp=True)
    assert len(rrs(reply)) == 100
    assert [a.tcp for a in up.asked("big.example")][-1] is True
    reply = ask(daemon, "big.example")
    assert reply.flags & dns.flags.TC


def test_a_question_over_tcp_gets_the_whole_64_kib(scripted):
    daemon, up = scripted()
    texts = [f'300 TXT "{i:04d}{"x" * 240}"' for i in range(250)]
    up.on("huge.example", F.truncated(F.records(*texts)))
    reply = ask(daemon, "huge.example", "TXT", tcp=True)
    assert len(reply.answer[0]) == 250 and len(reply.to_wire(max_size=65535)) > 60000


def test_the_next_server_when_one_is_silent(scripted):
    daemon, one, two = scripted(2)
    one.default = F.silence
    two.default = F.answer("192.0.2.2")
    assert rrs(ask(daemon, "a.example")) == ["192.0.2.2"]
    assert one.asked("a.example") and two.asked("a.example")


@pytest.mark.parametrize("fault", ["SERVFAIL", "REFUSED", "garbage", "lame"])
def test_the_next_server_when_one_fails(scripted, fault):
    daemon, one, two = scripted(2)
    lame = F.records(authority=["example 300 NS ns.elsewhere.example."])
    one.default = {"garbage": F.garbage, "lame": lame}.get(fault) or F.error(fault)
    two.default = F.answer("192.0.2.2")
    assert rrs(ask(daemon, "a.example")) == ["192.0.2.2"]
    assert one.asked("a.example")


def test_the_next_server_when_one_is_not_there(saringd, fake):
    up = fake()
    daemon = saringd({"upstream": {"servers": [f"dns://127.0.0.1:{free_port()}", up.endpoint], "strategy": "ordered"}})
    assert rrs(ask(daemon, "a.example")) == ["192.0.2.200"]
    states = [u["state"] for u in daemon.ctl("--json", "upstream").json]
    assert len(states) == 2 and states[1] == "up"


def test_a_late_answer_still_counts(scripted):
    """The first server answers after the second was asked too: whoever comes first is taken, within the one timeout."""
    daemon, one, two = scripted(2, timeout="20s")
    gate = threading.Event()
    one.default = F.hold(gate, F.answer("192.0.2.1"))

    def open_gate(_ask):
        gate.set()
        return []
    two.default = open_gate
    assert rrs(ask(daemon, "a.example", timeout=30)) == ["192.0.2.1"]


def test_nobody_answers(scripted):
    daemon, one, two = scripted(2, timeout="600ms")
    one.default = two.default = F.silence
    for tcp in (False, True):
        reply = ask(daemon, f"{tcp}.example", tcp=tcp)  # what failed once is not asked again so soon
        assert rcode(reply) == "SERVFAIL" and not reply.answer and ede(reply)[0] in (22, 23)
    assert ask(daemon, "b.example", edns=False).edns == -1
    assert 1 <= len(one.asked("b.example")) <= 3 and 1 <= len(two.asked("b.example")) <= 3, "nobody is asked more than three times"
    queries = daemon.queries()
    assert queries["failed"] == 3 and queries["total"] == 3


def test_network_errors_are_told_apart(saringd):
    daemon = saringd({"upstream": {"servers": [f"dns://127.0.0.1:{free_port()}"], "timeout": "600ms"}})
    reply = ask(daemon, "a.example")
    assert rcode(reply) == "SERVFAIL" and ede(reply)[0] == 23


def test_all_fail(scripted):
    daemon, one, two = scripted(2, timeout="1s")
    one.default, two.default = F.error("SERVFAIL"), F.error("REFUSED")
    reply = ask(daemon, "a.example")
    assert rcode(reply) == "SERVFAIL" and ede(reply)[0] == 22
    assert not reply.answer


def test_servers_that_know_no_edns(scripted):
    daemon, up = scripted()

    def old(a):
        if a.message.edns >= 0:
            return [a.reply(rcode=1, edns=False).to_wire()]
        return [a.reply("300 A 192.0.2.1").to_wire()]
    up.default = old
    reply = ask(daemon, "a.example")
    assert rrs(reply) == ["192.0.2.1"] and reply.edns == 0, "our client still speaks EDNS with us"


def test_tcp_that_breaks_off(scripted):
    """The connection dies after half an answer: asked again, not given up."""
    daemon, up = scripted()
    state = {"cut": 0}

    def behave(a):
        if not a.tcp:
            return [a.reply(flags=dns.flags.TC).to_wire()]
        if not state["cut"]:
            state["cut"] = 1
            for connection in list(up.connections):
                connection.shutdown(socket.SHUT_RDWR)
            return []
        return [a.reply("300 A 192.0.2.1").to_wire()]
    up.on("a.example", behave)
    reply = ask(daemon, "a.example")
    assert rrs(reply) == ["192.0.2.1"], (reply.to_text(), [a.tcp for a in up.asked()])
    assert state["cut"] == 1


# equal questions


@pytest.mark.parametrize("workers", [1, 4])
def test_equal_questions_in_flight_are_asked_once(saringd, fake, workers):
    """However many ask, over whichever transport and at whichever worker; all get the answer."""
    up = fake()
    gate = threading.Event()
    up.on("same.example", F.hold(gate, F.answer("192.0.2.1")))
    daemon = saringd({"upstream": {"servers": [up.endpoint], "timeout": "30s"}}, workers=workers)
    assert daemon.status()["workers"] == workers
    with concurrent.futures.ThreadPoolExecutor(60) as pool:
        asks = [pool.submit(ask, daemon, ["same.example", "SAME.example"][i % 2], tcp=i % 3 == 0, timeout=60) for i in range(60)]
        eventually(lambda: daemon.queries()["total"] >= 60 or up.asked("same.example") and len(up.asked("same.example")) > 6,
                   "all have asked", timeout_s=30)
        gate.set()
        assert all(rrs(a.result()) == ["192.0.2.1"] for a in asks)
    # a slow answer may be asked for again of the same server, each time by one attempt of one and the same ask
    assert 1 <= len(up.asked("same.example")) <= 3
    assert {a.id for a in up.asked("same.example")}


def test_a_failure_reaches_all_who_wait(saringd, fake):
    up = fake(default=F.silence)
    daemon = saringd({"upstream": {"servers": [up.endpoint], "timeout": "1s"}}, workers=4)
    with concurrent.futures.ThreadPoolExecutor(40) as pool:
        replies = list(pool.map(lambda i: ask(daemon, "same.example", tcp=i % 2 == 0), range(40)))
    assert all(rcode(r) == "SERVFAIL" for r in replies)
    assert len(up.asked("same.example")) <= 12


def test_waiting_clients_do_not_hold_up_others(saringd, fake):
    up = fake()
    gate = threading.Event()
    up.on("slow.example", F.hold(gate, F.answer("192.0.2.1")))
    daemon = saringd({"upstream": {"servers": [up.endpoint], "timeout": "30s"}, "lists": [{"name": "l", "file": "l.yaml"}]},
                     {"l.yaml": "entries: [blocked.example]\n"}, workers=1)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        slow = pool.submit(ask, daemon, "slow.example", timeout=60)
        eventually(lambda: up.asked("slow.example"), "the slow question is under way")
        assert rrs(ask(daemon, "quick.example")) == ["192.0.2.200"]
        assert rcode(ask(daemon, "blocked.example")) == "NXDOMAIN"
        gate.set()
        assert rrs(slow.result()) == ["192.0.2.1"]


# routes and strategies


def test_routes(saringd, fake):
    default, corp, lab = fake(F.answer("192.0.2.1")), fake(F.answer("192.0.2.2")), fake(F.answer("192.0.2.3"))
    # flow is one way to write it; this is the other
    daemon = saringd(text=None, start=False)
    daemon.configure(upstream={"servers": [default.endpoint], "routes": [
        {"zone": "corp.example", "servers": [corp.endpoint]}, {"zone": "LAB.corp.example.", "servers": [lab.endpoint]}]})
    daemon.start()
    for name, address in (("a.example", 1), ("corp.example", 2), ("a.CORP.example", 2), ("xcorp.example", 1), ("lab.corp.example", 3),
                          ("x.y.lab.corp.example", 3), ("collab.corp.example", 2)):
        assert rrs(ask(daemon, name)) == [f"192.0.2.{address}"], name
    assert len(daemon.ctl("--json", "upstream").json) == 3


@pytest.mark.parametrize("strategy", ["fastest", "spread", "ordered"])
def test_strategies(saringd, fake, strategy):
    ups = [fake(F.answer("192.0.2.1")), fake(F.answer("192.0.2.1"))]
    daemon = saringd({"upstream": {"servers": [u.endpoint for u in ups], "strategy": strategy}, "cache": {"size": 0}})
    for i in range(40):
        assert rrs(ask(daemon, f"n{i}.example")) == ["192.0.2.1"]
    counts = [len(u.asked()) for u in ups]
    assert sum(counts) >= 40
    if strategy == "spread":
        assert min(counts) >= 8
    if strategy == "ordered":
        assert counts[0] == 40 and counts[1] == 0
    told = {u["server"]: u["sent"] for u in daemon.ctl("--json", "upstream").json}
    assert [told[u.endpoint] for u in ups] == counts


def test_counts(scripted):
    daemon, up = scripted()
    with Raw(daemon) as raw:
        assert counts_of(raw.exchange(header() + question("a", "example"))) == (1, 1, 0, 0)
        assert counts_of(raw.exchange(header(ar=1) + question("a", "example") + opt())) == (1, 1, 0, 1)
