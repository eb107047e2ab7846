# SPDX-License-Identifier: BSD-2-Clause
"""Servers that do a question no good: it costs at most four sends, fails with its reason, hurts no other, and is answered as soon as
the server does its work again."""
import concurrent.futures
import os
import shutil
import struct
import time

import dns.flags
import pytest

from conftest import short_folder
from harness import fake as F
from harness.ask import Load, Raw, ask, ede, eventually, header, opt, question, rcode, rcode_of, rrs, wire_name
from harness.daemon import Saringd

GOOD = "192.0.2.1"
NO_REACHABLE, NETWORK = 22, 23


def only_tcp(behave):
    """TC over UDP, this over TCP."""
    return lambda a: behave(a) if a.tcp else [a.reply(flags=dns.flags.TC).to_wire()]


def framed(wire):
    return struct.pack(">H", len(wire)) + wire


def drip(a):
    for octet in framed(a.reply(f"300 A {GOOD}").to_wire()):
        yield F.Unframed([octet])
        time.sleep(0.1)  # its pace, not a wait for something


def badcookie(a):
    return [a.reply(rcode=23, options=[(F.COOKIE, a.cookie[:8] + b"n" * 8)]).to_wire()]


FAULTS = {
    "only TC": (lambda a: [a.reply(flags=dns.flags.TC).to_wire()], NO_REACHABLE),
    "only FORMERR": (F.error("FORMERR"), NO_REACHABLE),
    "only NOTIMP": (lambda a: [a.reply(rcode=4, edns=False).to_wire()], NO_REACHABLE),
    "only BADCOOKIE": (badcookie, NO_REACHABLE),
    "only BADVERS": (F.error("BADVERS"), NO_REACHABLE),
    "silence": (F.silence, NO_REACHABLE),
    "garbage": (F.garbage, NO_REACHABLE),
    "records cut short": (lambda a: [a.reply(f"300 A {GOOD}", edns=False).to_wire()[:-2]], NO_REACHABLE),
    # what comes after these on the connection is taken for their rest: it may end either way
    "half a frame": (only_tcp(lambda a: [F.Unframed(framed(a.reply(f"300 A {GOOD}").to_wire())[:20])]), NO_REACHABLE, NETWORK),
    "an octet now and then": (only_tcp(drip), NO_REACHABLE, NETWORK),
    "half a frame and good-bye": (only_tcp(lambda a: [F.Unframed(framed(a.reply().to_wire())[:20]), F.HANG_UP]), NETWORK),
    "64 KiB of nothing": (only_tcp(lambda a: [a.wire[:2] + b"\xff" * 65533]), NO_REACHABLE),
    "64 KiB of one record": (only_tcp(lambda a: [a.reply(edns=False).to_wire()[:6] + b"\0\1\0\0\0\0" + a.name.to_wire() + b"\0\1\0\1" +
                                                 b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 300, 65000) + bytes(65000)]), NO_REACHABLE),
    "an empty frame": (only_tcp(lambda a: [b""]), NETWORK),
    "good-bye at once": (only_tcp(lambda a: [F.HANG_UP]), NETWORK),
}


def bounded(asked):
    """RFC 9520 section 3.1, and no lever for who wants to make us send."""
    return 1 <= len(asked) <= 4 and sum(a.tcp for a in asked) <= 3 and sum(not a.tcp for a in asked) <= 3


def is_good(answer):
    return rcode_of(answer) == 0 and answer[6:8] == b"\0\1"


@pytest.fixture
def scripted(saringd, fake):
    def make(count=1, timeout="1s", **config):
        ups = [fake() for _ in range(count)]
        daemon = saringd({"upstream": {"servers": [u.endpoint for u in ups], "strategy": "ordered", "timeout": timeout}, **config})
        return (daemon, *ups)

    return make


@pytest.mark.parametrize("fault", FAULTS)
def test_alone(scripted, fault):
    daemon, up = scripted()
    behave, *reasons = FAULTS[fault]
    up.on("bad.example", behave)
    up.on("long.example", F.truncated(F.answer(*(f"192.0.2.{i}" for i in range(1, 100)))))
    ask(daemon, "cached.example")
    with Load(daemon, [("cached.example", "A", is_good)], clients=2), concurrent.futures.ThreadPoolExecutor(1) as pool:
        bad = pool.submit(ask, daemon, "bad.example")
        eventually(lambda: up.asked("bad.example"), "it is out")
        assert rrs(ask(daemon, "other.example")) == ["192.0.2.200"], "others are answered meanwhile"
        eventually(lambda: len(rrs(ask(daemon, "long.example", tcp=True))) == 99, "and over TCP, on the same connection or a later one")
        reply = bad.result()
    assert rcode(reply) == "SERVFAIL" and not reply.answer and ede(reply)[0] in reasons
    assert bounded(up.asked("bad.example")), [a.tcp for a in up.asked("bad.example")]
    up.on("bad.example", F.answer(GOOD))
    eventually(lambda: rrs(ask(daemon, "bad.example")) == [GOOD], "it is answered when the server does its work")
    assert daemon.ctl("--json", "upstream").json[0]["state"] == "up"


@pytest.mark.parametrize("fault", FAULTS)
def test_with_a_good_one_behind(scripted, fault):
    daemon, one, two = scripted(2, timeout="4s")
    one.default = FAULTS[fault][0]
    two.default = F.answer(GOOD)
    assert rrs(ask(daemon, "a.example")) == [GOOD]
    assert bounded(one.asked("a.example")) and len(two.asked("a.example")) <= 2
    assert len(one.asked("a.example")) + len(two.asked("a.example")) <= 4


def test_four_sends_over_all_servers(scripted):
    """However many servers there are, and however they fail."""
    daemon, *ups = scripted(4)
    for up, fault in zip(ups, ("only TC", "only FORMERR", "only BADCOOKIE", "silence")):
        up.default = FAULTS[fault][0]
    assert rcode(ask(daemon, "a.example")) == "SERVFAIL"
    assert len([a for up in ups for a in up.asked("a.example")]) == 4


# by TCP alone


def test_a_server_that_has_tcp_alone(scripted):
    daemon, up = scripted(timeout="30s")
    up.default = F.answer(GOOD)
    up.shut_udp()
    for i in range(5):
        assert rrs(ask(daemon, f"n{i}.example")) == [GOOD]
        assert [a.tcp for a in up.asked(f"n{i}.example")] == [True]
    assert len(up.connections) <= 2, "one connection serves them all"
    assert daemon.ctl("--json", "upstream").json[0]["state"] == "up"


def test_one_of_two_that_have_tcp_alone(scripted):
    daemon, one, two = scripted(2, timeout="30s")
    for up in (one, two):
        up.default = F.answer(GOOD)
        up.shut_udp()
    assert rrs(ask(daemon, "a.example")) == [GOOD]
    assert len(one.asked()) + len(two.asked()) == 1


# what a parser might stumble over (each alone, with nothing behind it, and the daemon lives on)


def message(a, records, counts, question_too=True):
    return a.wire[:2] + b"\x81\x80\0\1" + struct.pack(">HHH", *counts) + (a.wire[12:12 + len(a.name.to_wire()) + 4] if question_too else b"") + records


def rr(owner, rdtype, rdata, ttl=300, rdlength=None):
    return owner + struct.pack(">HHIH", rdtype, 1, ttl, len(rdata) if rdlength is None else rdlength) + rdata


Q = b"\xc0\x0c"
LONG = wire_name(*["x" * 63] * 3, "y" * 61)


def pointers(a):
    """A chain of 16 K pointers, and 4 000 records whose owner is its end."""
    start = 12 + len(a.name.to_wire()) + 4
    first = rr(Q, 16, b"")
    hops = (0x3FFF - start - len(first)) // 2 * 2
    blob = b"".join(struct.pack(">H", 0xC000 | (12 if i == 0 else start + len(first) + 2 * i - 2)) for i in range(hops // 2))
    end = struct.pack(">H", 0xC000 | (start + len(first) + hops - 2))
    records = rr(Q, 16, blob)
    count = 1
    while len(records) + 16 < 65400 - start and count < 4000:
        records += rr(end, 1, bytes([192, 0, 2, 1]))
        count += 1
    return message(a, records, (count, 0, 0))


def svcb(params):
    return lambda a: message(a, rr(Q, 65, b"\0\1\0" + params), (1, 0, 0))


MALFORMED = {
    "a pointer to itself": ("A", lambda a: message(a, rr(struct.pack(">H", 0xC000 | (12 + len(a.name.to_wire()) + 4)), 1, bytes(4)), (1, 0, 0))),
    "a pointer ahead": ("A", lambda a: message(a, rr(b"\xc0\xff", 1, bytes(4)) + bytes(300), (1, 0, 0))),
    "a pointer to the header": ("A", lambda a: message(a, rr(b"\xc0\x02", 1, bytes(4)), (1, 0, 0))),
    "16 K pointers": ("A", pointers),
    "a thousand names of 255 octets": ("A", lambda a: message(a, rr(LONG, 2, b"\0") * 240, (0, 240, 0))),
    "65535 answers": ("A", lambda a: message(a, b"", (65535, 65535, 65535))),
    "RDATA that overruns": ("A", lambda a: message(a, rr(Q, 1, bytes(4), rdlength=5), (1, 0, 0))),
    "an address of 3": ("A", lambda a: message(a, rr(Q, 1, bytes(3)), (1, 0, 0))),
    "an address of 5": ("A", lambda a: message(a, rr(Q, 1, bytes(5)), (1, 0, 0))),
    "an IPv6 address of 15": ("AAAA", lambda a: message(a, rr(Q, 28, bytes(15)), (1, 0, 0))),
    "a short SOA": ("A", lambda a: message(a, rr(b"\0", 6, b"\0\0" + bytes(19)), (0, 1, 0))),
    "200 OPTs": ("A", lambda a: message(a, rr(Q, 1, bytes([192, 0, 2, 1])) + opt() * 200, (1, 0, 200))),
    "an OPT that overruns": ("A", lambda a: message(a, rr(Q, 1, bytes([192, 0, 2, 1])) + rr(b"\0", 41, b"", rdlength=65535), (1, 0, 1))),
    "an OPT among the answers": ("A", lambda a: message(a, rr(Q, 1, bytes([192, 0, 2, 1])) + opt(), (2, 0, 0))),
    "a name of 256": ("A", lambda a: message(a, rr(wire_name(*["x" * 63] * 3, "y" * 62), 1, bytes(4)), (1, 0, 0))),
    "a label of type 0x80": ("A", lambda a: message(a, rr(b"\x80\0", 1, bytes(4)), (1, 0, 0))),
    "no text in TXT": ("TXT", lambda a: message(a, rr(Q, 16, b""), (1, 0, 0))),
    "text that overruns": ("TXT", lambda a: message(a, rr(Q, 16, b"\5abc"), (1, 0, 0))),
    "keys that descend": ("HTTPS", svcb(b"\0\3\0\2\1\xbb\0\1\0\3\2h2")),
    "a key twice": ("HTTPS", svcb(b"\0\3\0\2\1\xbb\0\3\0\2\1\xbb")),
    "a mandatory key that is absent": ("HTTPS", svcb(b"\0\0\0\2\0\4\0\3\0\2\1\xbb")),
    "an ipv4hint of 3": ("HTTPS", svcb(b"\0\4\0\3abc")),
    "a parameter that overruns": ("HTTPS", svcb(b"\0\3\0\xff\1\xbb")),
    "a compressed target": ("HTTPS", lambda a: message(a, rr(Q, 65, b"\0\1\xc0\x0c"), (1, 0, 0))),
}


@pytest.fixture(scope="module")
def one_daemon():
    """One for all of these: that it lives on is a part of each."""
    folder = short_folder()
    up = F.Fake()
    daemon = Saringd(folder, {"upstream": {"servers": [up.endpoint], "timeout": "5s"}, "cache": {"size": 0}}, workers=1).start()
    yield daemon, up
    daemon.stop()
    up.close()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.parametrize("what", MALFORMED)
def test_malformed_answers(one_daemon, what):
    daemon, up = one_daemon
    rdtype, make = MALFORMED[what]
    name = f"m{list(MALFORMED).index(what)}.example"
    up.on(name, only_tcp(lambda a: [make(a)]))
    reply = ask(daemon, name, rdtype)
    assert rcode(reply) == "SERVFAIL" and not reply.answer and ede(reply)[0] in (22, 24)
    assert rrs(ask(daemon, "alive.example")) == ["192.0.2.200"]


@pytest.mark.parametrize("rdtype,length", [(46, n) for n in (0, 1, 17, 18, 19)] + [(47, n) for n in (0, 1, 2)] + [(43, n) for n in (0, 3, 4, 5)] +
                         [(50, 4), (48, 3), (46, 4000)])
def test_dnssec_records_of_odd_lengths(one_daemon, rdtype, length):
    """What the DNSpooq overflows were in; passed on as they are, or refused, by a daemon that lives on."""
    daemon, up = one_daemon
    name = f"d{rdtype}-{length}.example"
    up.on(name, only_tcp(lambda a: [message(a, rr(Q, 1, bytes([192, 0, 2, 1])) + rr(Q, rdtype, b"\1" * length) + rr(Q, rdtype, b"\1" * length), (1, 2, 0))]))
    with Raw(daemon) as raw:
        assert rcode_of(raw.exchange(header(ar=1) + question(*name.split("."), rdtype=1) + opt(flags=0x8000))) in (0, 2)
    assert rrs(ask(daemon, "alive.example")) == ["192.0.2.200"]


def chain_of_300(a):
    links = b"".join(rr(wire_name(f"n{i}"), 5, wire_name(f"n{i + 1}")) for i in range(1, 300))
    return message(a, rr(Q, 5, wire_name("n1")) + links, (300, 0, 0))


def cpu_s(daemon):
    fields = open(f"/proc/{daemon.process.pid}/stat", encoding="ascii").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.parametrize("what", ["16 K pointers", "a thousand names of 255 octets", "200 OPTs", "chain of 300"])
def test_the_worst_messages_are_cheap(one_daemon, what):
    """Ten of each; the bound is far above what one needs, under a sanitizer too, and far below what a quadratic walk would."""
    daemon, up = one_daemon
    make = MALFORMED[what][1] if what in MALFORMED else chain_of_300
    for i in range(10):
        up.on(f"w{i}-{len(what)}.example", only_tcp(lambda a: [make(a)]))
    before = cpu_s(daemon)
    for i in range(10):
        assert rcode(ask(daemon, f"w{i}-{len(what)}.example")) == "SERVFAIL"
    assert cpu_s(daemon) - before < 10 * 0.2


def test_ttls_with_the_top_bit(scripted):
    """RFC 8767 section 4: a large number, to be capped, not 0."""
    daemon, up = scripted()
    up.on("a.example", lambda a: [message(a, rr(Q, 1, bytes([192, 0, 2, 1]), ttl=0x80000001), (1, 0, 0))])
    for _ in range(2):
        assert 80000 < ask(daemon, "a.example").answer[0].ttl <= 604800
    assert len(up.asked("a.example")) == 1


def test_the_flags_of_an_answer(scripted):
    """AD is not believed of a server that anybody may be (RFC 6840 section 5.8, RFC 4035 section 4.9.3); CD comes back; AA and Z are not
    passed on."""
    daemon, up = scripted()
    up.default = lambda a: [a.reply(f"300 A {GOOD}", flags=dns.flags.AD | dns.flags.AA | 0x40).to_wire()]
    with Raw(daemon) as raw:
        for flags, do in ((0x0100, 0), (0x0120, 0), (0x0100, 0x8000), (0x0110, 0), (0x0130, 0x8000)):
            for _ in range(2):
                answer = raw.exchange(header(flags=flags, ar=1) + question("a", "example") + opt(flags=do))
                assert struct.unpack(">H", answer[2:4])[0] == 0x8180 | flags & 0x10, (hex(flags), hex(do))
