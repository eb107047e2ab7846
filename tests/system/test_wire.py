# SPDX-License-Identifier: BSD-2-Clause
"""Queries as they should not be, and as RFC 8906 says a server must bear them."""
import random
import socket
import struct

import dns.flags
import pytest

from harness import fake as F
from harness.ask import (Raw, ask, blocked, counts_of, ede, eventually, flags_of, header, make, opt, question, rcode, rcode_of, rrs,
                         wire_name)

FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED = 1, 2, 3, 4, 5
Q = question("a", "example")


@pytest.fixture
def up(fake):
    return fake()


@pytest.fixture
def daemon(saringd, up):
    return saringd({"upstream": {"servers": [up.endpoint]}, "lists": [{"name": "l", "file": "l.yaml"}]}, {"l.yaml": "entries: [blocked.example]\n"})


def option(code, data=b""):
    return struct.pack(">2H", code, len(data)) + data


@pytest.fixture
def raw(daemon):
    with Raw(daemon) as client:
        yield client


SILENT = {
    "nothing": b"",
    "one octet": b"x",
    "eleven octets": header()[:11],
    "an answer": header(flags=0x8100) + Q,
    "an answer with opcode": header(flags=0xA100) + Q,
}


@pytest.mark.parametrize("what", SILENT)
def test_never_answered(raw, what):
    raw.silent(SILENT[what])


BAD = {
    "no question": header(qd=0),
    "no question, but OPT": header(qd=0, ar=1) + opt(),
    "two questions": header(qd=2) + Q + Q,
    "65535 questions": header(qd=65535) + Q,
    "65535 questions, most of them there": header(qd=65535) + b"\0\0\1\0\1" * 800,
    "two questions and OPT": header(qd=2, ar=1) + Q + Q + opt(),
    "question cut short": header() + Q[:-1],
    "name cut short": header() + b"\x07exam",
    "label of 64": header() + b"\x40" + b"a" * 64 + b"\0" + b"\0\1\0\1",
    "label type 10": header() + b"\x80a\0\0\1\0\1",
    "name of 256": header() + wire_name(*["a" * 63] * 3, "a" * 62) + b"\0\1\0\1",
    "pointer to itself": header() + b"\xc0\x0c\0\1\0\1",
    "pointer forward": header() + b"\xc0\x20\0\1\0\1" + b"\0" * 32,
    "pointer into the header": header() + b"\xc0\x00\0\1\0\1",
    "trailing octets": header() + Q + b"\0",
    "a record in answer": header(an=1) + Q + b"\0" + struct.pack(">2HIH", 1, 1, 0, 4) + b"\1\2\3\4",
    "a record in authority": header(ns=1) + Q + b"\0" + struct.pack(">2HIH", 1, 1, 0, 4) + b"\1\2\3\4",
    "a record that is missing": header(ar=1) + Q,
    "a record cut short": header(ar=1) + Q + opt()[:-2],
    "two OPT": header(ar=2) + Q + opt() + opt(),
    "OPT not at the root": header(ar=1) + Q + opt(owner=b"\1x\0"),
    "OPT at a pointer to the root": header(ar=1) + Q + opt(owner=b"\xc0\x16"),
    "OPT in answer": header(an=1) + Q + opt(),
    "OPT in answer and in additional": header(an=1, ar=1) + Q + opt() + opt(),
    "OPT in authority": header(ns=1) + Q + opt(),
    "an option that overruns": header(ar=1) + Q + opt(options=struct.pack(">2H", 100, 5) + b"abc"),
    "an OPT that overruns": header(ar=1) + Q + opt()[:-2] + b"\0\x20" + option(3),
    "octets after the OPT": header(ar=1) + Q + opt() + b"\0",
    "an OPT nobody counted": header() + Q + opt(),
    "more records than have business there": header(ar=65) + Q + (b"\0" + struct.pack(">2HIH", 16, 1, 0, 0)) * 65,
    "half an option": header(ar=1) + Q + opt(options=b"\0\1\0"),
    "a cookie of 7": header(ar=1) + Q + opt(options=option(10, b"1234567")),
    "a cookie of 12": header(ar=1) + Q + opt(options=option(10, b"x" * 12)),
    "a cookie of 41": header(ar=1) + Q + opt(options=option(10, b"x" * 41)),
    "type 0": header() + question("a", "example", rdtype=0),
    "type OPT": header() + question("a", "example", rdtype=41),
    "counts of 65535": header(ar=65535) + Q,
}


@pytest.mark.parametrize("what", BAD)
def test_formerr(raw, up, what):
    answer = raw.exchange(BAD[what])
    assert answer[:2] == BAD[what][:2] and flags_of(answer) & 0x8000 and rcode_of(answer) == FORMERR
    assert counts_of(answer)[1:3] == (0, 0) and len(answer) <= 512
    assert not up.asked(), "nothing of it goes upstream"


def test_ports_that_echo_are_not_answered(daemon):
    """Services that send something back to whatever comes, and port 0, to which nothing can be sent: each is a loop, or a waste."""
    wires = []
    try:
        for port in (7, 13, 17, 19, 37):
            one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            wires.append(one)
            one.bind(("127.0.0.1", port))
            one.connect(("127.0.0.1", daemon.port))
    except PermissionError:
        pytest.skip("low ports are not ours to bind")
    for one in wires:
        one.send(header() + question("blocked", "example"))
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP) as raw:
        wire = header() + question("blocked", "example")
        raw.sendto(struct.pack(">4H", 0, daemon.port, 8 + len(wire), 0) + wire, ("127.0.0.1", 0))
    assert eventually(lambda: daemon.queries()["dropped"] == 6, "all were seen, and dropped")
    assert daemon.queries()["blocked"] == 0
    for one in wires:
        one.setblocking(False)
        with pytest.raises(BlockingIOError):
            one.recv(512)
        one.close()


def test_formerr_says_so_in_edns_when_that_was_understood(raw):
    """With OPT in the query an OPT is in the answer, whatever the rcode (RFC 6891)."""
    answer = raw.exchange(header(ar=1) + Q + opt(options=option(10, b"1234567")))
    assert rcode_of(answer) == FORMERR and counts_of(answer)[3] == 1


@pytest.mark.parametrize("opcode", [1, 2, 3, 4, 5, 6, 7, 15])
def test_notimp(raw, opcode):
    for body in (b"", Q):
        answer = raw.exchange(header(flags=opcode << 11 | 0x0100, qd=1 if body else 0) + body)
        assert rcode_of(answer) == NOTIMP and flags_of(answer) >> 11 & 15 == opcode and flags_of(answer) & 0x8000
        assert len(answer) == 12 and counts_of(answer) == (0, 0, 0, 0)


@pytest.mark.parametrize("version,flags,options", [(1, 0, b""), (1, 0x8000, b""), (1, 0x40, b""), (1, 0, option(100, b"x")), (255, 0, b"")])
def test_badvers(raw, version, flags, options):
    answer = raw.exchange(header(ar=1) + Q + opt(version=version, flags=flags, options=options))
    assert rcode_of(answer) == 0 and counts_of(answer) == (1, 0, 0, 1)
    tail = answer[12 + len(Q):]
    assert tail == b"\0" + struct.pack(">2H", 41, 1232) + bytes([1, 0]) + struct.pack(">2H", flags & 0x8000, 0), tail.hex()


@pytest.mark.parametrize("rdclass,rdtype,code", [(3, 16, REFUSED), (4, 1, REFUSED), (254, 1, REFUSED), (255, 1, REFUSED), (1, 251, REFUSED),
                                                 (1, 252, REFUSED), (1, 249, REFUSED), (1, 250, REFUSED), (1, 253, NOTIMP), (1, 254, NOTIMP)])
def test_questions_that_are_not_served(raw, up, rdclass, rdtype, code):
    answer = raw.exchange(header(ar=1) + question("version", "bind", rdtype=rdtype, rdclass=rdclass) + opt())
    assert rcode_of(answer) == code and counts_of(answer) == (1, 0, 0, 1)
    assert not up.asked()


def test_nxname_is_no_question(raw):
    answer = raw.exchange(header(ar=1) + question("a", "example", rdtype=128) + opt())
    assert rcode_of(answer) == FORMERR and struct.pack(">3H", 15, 2, 30) in answer


def test_ixfr_may_bring_an_soa(raw):
    soa = b"\0" + struct.pack(">2HIH", 6, 1, 0, 22) + b"\0\0" + b"\0" * 20
    answer = raw.exchange(header(ns=1) + question("example", rdtype=251) + soa)
    assert rcode_of(answer) == REFUSED


def test_any(daemon, up):
    """RFC 8482 allows several answers; a blocked name is blocked, another one is never SERVFAIL, and never from under a crash."""
    up.on("any.example", F.records("300 A 192.0.2.1", '300 TXT "x"', "300 MX 5 m.example."))
    for tcp in (False, True, False):
        assert rcode(ask(daemon, "any.example", "ANY", tcp=tcp)) == "NOERROR"
        assert ask(daemon, "any.example", "ANY", tcp=tcp).answer
    assert blocked(ask(daemon, "blocked.example", "ANY"))


# RFC 8906, section 8, in the form for recursive servers


def test_unknown_types_are_ordinary(daemon):
    assert rcode(ask(daemon, "a.example", "TYPE1000", edns=False)) == "NOERROR"


@pytest.mark.parametrize("bit", [0x0010, 0x0020, 0x0040, 0x0200, 0x0400, 0x0080])
def test_header_bits_are_borne(raw, bit):
    answer = raw.exchange(header(flags=0x0100 | bit) + Q)
    assert rcode_of(answer) == 0
    flags = flags_of(answer)
    assert flags & 0x8180 == 0x8180, "QR, RD, RA"
    assert flags & 0x0440 == 0, "no AA, no Z"
    assert flags & 0x0200 == 0 and bool(flags & 0x0010) == (bit == 0x0010)


def test_unknown_options_and_flags_are_not_echoed(raw):
    answer = raw.exchange(header(ar=1) + Q + opt(options=option(100, b"abc") + option(3) + option(9) + option(8, b"\0\1\0\0"), flags=0x40))
    assert rcode_of(answer) == 0 and counts_of(answer)[3] == 1
    assert answer.endswith(b"\0" + struct.pack(">2HIH", 41, 1232, 0, 0))


def test_many_options_are_borne(daemon, raw):
    for options in (option(3) * 200, option(10, b"12345678") * 60 + option(12, b"\0" * 200), option(65001) * 200):
        assert rcode_of(raw.exchange(header(ar=1) + Q + opt(options=options))) == 0
    # fifteen thousand of them, over TCP
    wire = header(ar=1) + Q + opt(options=option(3) * 15000)
    with socket.create_connection(("127.0.0.1", daemon.port), 20) as s:
        s.sendall(struct.pack(">H", len(wire)) + wire)
        got = b""
        while len(got) < 14:
            got += s.recv(65535)
    assert rcode_of(got[2:]) == 0


def test_no_edns_no_opt(raw):
    answer = raw.exchange(header() + Q)
    assert rcode_of(answer) == 0 and counts_of(answer) == (1, 1, 0, 0)


def test_small_buffers(daemon, up):
    """Below 512 counts as 512; what does not fit is TC, never a torn record."""
    up.on("mid.example", F.answer(*(f"192.0.2.{i}" for i in range(1, 41))))  # 40 x 16 octets and the question: over 512, under 1232
    for size in (0, 100, 511, 512):
        reply = ask(daemon, "mid.example", edns=size or 1)
        assert reply.flags & dns.flags.TC and len(reply.to_wire()) <= 512, size
    reply = ask(daemon, "mid.example", edns=False)
    assert reply.flags & dns.flags.TC
    for size in (1232, 4096, 65535):
        reply = ask(daemon, "mid.example", edns=size)
        assert not reply.flags & dns.flags.TC and len(rrs(reply)) == 40


def test_rd_clear(raw, up):
    """Not permission to recurse: nothing goes upstream for it."""
    answer = raw.exchange(header(flags=0, ar=1) + Q + opt())
    assert not flags_of(answer) & 0x0100 and rcode_of(answer) in (REFUSED, 0) and counts_of(answer)[1] == 0
    assert not up.asked()
    assert rcode_of(raw.exchange(header(flags=0) + question("blocked", "example"))) in (NXDOMAIN, REFUSED)


def test_the_question_comes_back_octet_for_octet(raw):
    odd = question(b"\x00\xff. ", "MiXeD", "example")
    answer = raw.exchange(header() + odd)
    assert answer[12:12 + len(odd)] == odd and rcode_of(answer) == 0


# who may ask


def test_others_are_refused_or_dropped(saringd, up):
    for others in ("refuse", "drop"):
        daemon = saringd({"upstream": {"servers": [up.endpoint]}, "clients": {"allow": ["192.0.2.0/24"], "others": others},
                          "lists": [{"name": "l", "file": "l.yaml"}]}, {"l.yaml": "entries: [blocked.example]\n"})
        if others == "refuse":
            for name in ("a.example", "blocked.example"):
                for tcp in (False, True):
                    reply = ask(daemon, name, tcp=tcp)
                    assert rcode(reply) == "REFUSED" and not reply.answer and ede(reply)[0] == 18, "Prohibited; and nothing of the policy"
            assert eventually(lambda: daemon.queries()["refused"] == 4, "counted")
        else:
            import dns.exception
            with pytest.raises(dns.exception.Timeout):
                ask(daemon, "a.example", timeout=0.5)
            assert eventually(lambda: daemon.queries()["dropped"] >= 1, "counted")
        daemon.configure(clients={"allow": ["127.0.0.0/8"]})
        daemon.ctl("reload")
        assert blocked(ask(daemon, "blocked.example")), "clients: is taken by a reload"
    assert {a.folded for a in up.asked()} == set()


# noise


def test_noise_is_survived(daemon, raw):
    """Ten thousand mutilated queries; what is answered is an answer, and afterwards all is as before."""
    rng = random.Random(20170714)
    seeds = [*BAD.values(), header(ar=1) + Q + opt(), make("blocked.example").to_wire(), make("a.b.c.example", "TXT", want_dnssec=True).to_wire()]
    raw.socket.setblocking(False)
    answers = 0
    for _ in range(10000):
        wire = bytearray(rng.choice(seeds))
        for _ in range(rng.randrange(1, 5)):
            what = rng.randrange(4)
            at = rng.randrange(len(wire)) if wire else 0
            if what == 0 and wire:
                wire[at] = rng.randrange(256)
            elif what == 1:
                del wire[at:]
            elif what == 2:
                wire[at:at] = rng.randbytes(rng.randrange(1, 20))
            elif wire:
                del wire[at:at + rng.randrange(1, 5)]
        try:
            raw.socket.send(bytes(wire[:4096]))
            while True:
                answer = raw.socket.recv(65535)
                assert len(answer) >= 12 and answer[2] & 0x80
                answers += 1
        except BlockingIOError:
            pass
    assert answers > 100
    assert blocked(ask(daemon, "blocked.example")) and rrs(ask(daemon, "open.example")) == ["192.0.2.200"]
    queries = daemon.queries()
    assert sum(v for k, v in queries.items() if k != "total") == queries["total"]
    assert len(daemon.stderr()) < 200000, "strangers do not fill the log"
