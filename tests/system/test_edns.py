# SPDX-License-Identifier: BSD-2-Clause
"""EDNS (RFC 6891) as a server owes it, the list of RFC 8906, and what clients may learn of the server: CHAOS, NSID, extended errors."""
import socket
import struct

import dns.edns
import dns.flags
import dns.message
import pytest

from harness import fake as F
from harness.ask import (ANSWER_S, Raw, ask, counts_of, ede, eventually, flags_of, header, make, opt, question, rcode, rcode_of, rrs, soa_of,
                         wire_name)

AA, TC, RD, RA, Z, AD, CD = 0x0400, 0x0200, 0x0100, 0x0080, 0x0040, 0x0020, 0x0010
SOA, A, TXT, DNSKEY = 6, 1, 16, 48
Q = question("a", "example")


def option(code, data=b""):
    return struct.pack(">2H", code, len(data)) + data


@pytest.fixture
def up(fake):
    return fake()


def serve(saringd, up, **config):
    return saringd({"upstream": {"servers": [up.endpoint]}, "lists": [{"name": "l", "file": "l.yaml"}], **config},
                   {"l.yaml": "entries: [blocked.example]\n"})


@pytest.fixture
def daemon(saringd, up):
    return serve(saringd, up)


@pytest.fixture
def raw(daemon):
    with Raw(daemon) as client:
        yield client


class Opt:
    """The OPT of an answer that has one, as its last record; read as bytes."""

    def __init__(self, answer):
        message = dns.message.from_wire(answer)
        assert message.edns >= 0 and counts_of(answer)[3] == 1
        at = answer.rindex(b"\0\0\x29")
        self.size, self.ext_rcode, self.version, self.flags, length = struct.unpack(">H2B2H", answer[at + 3:at + 11])
        self.options = answer[at + 11:]
        assert len(self.options) == length, "OPT is last"
        self.rcode = self.ext_rcode << 4 | rcode_of(answer)


def has_opt(answer):
    return counts_of(answer)[3] == 1


# RFC 8906, section 8, for a recursive server: RD=1 asked, AA=0 expected; the zone is the root


@pytest.fixture
def root(saringd, own_knot):
    """A signed zone, whose SOA and keys are asked for."""
    knot = own_knot(signed=True)
    with Raw(serve(saringd, type("Up", (), {"endpoint": knot.endpoint}))) as client:
        yield client


def is_answer(answer, rdtype=SOA):
    message = dns.message.from_wire(answer)
    assert rcode_of(answer) == 0 and flags_of(answer) & (AA | TC) == 0 and flags_of(answer) & (RD | RA) == RD | RA
    assert [r.rdtype for r in message.answer if r.rdtype == rdtype] == [rdtype]
    return True


def test_rfc_8906_without_edns(root):
    soa = wire_name() + struct.pack(">2H", SOA, 1)
    answer = root.exchange(header() + soa)  # 1: +noedns +noad
    assert is_answer(answer) and not has_opt(answer) and flags_of(answer) & (Z | AD | CD) == 0
    answer = root.exchange(header() + wire_name() + struct.pack(">2H", 1000, 1))  # 2: +noedns type1000
    assert rcode_of(answer) == 0 and counts_of(answer)[1] == 0 and not has_opt(answer)
    answer = root.exchange(header(flags=RD | CD) + soa)  # 3: +cd
    assert is_answer(answer) and flags_of(answer) & CD and not has_opt(answer)
    answer = root.exchange(header(flags=RD | AD) + soa)  # 4: +ad
    assert is_answer(answer) and not has_opt(answer)
    answer = root.exchange(header(flags=RD | Z) + soa)  # 5: +zflag
    assert is_answer(answer) and not flags_of(answer) & Z
    answer = root.exchange(header(flags=RD) + soa)  # 6: +rec
    assert is_answer(answer) and flags_of(answer) & RD
    answer = root.exchange(header(flags=15 << 11, qd=0))  # 7: +opcode=15 +header-only
    assert answer == struct.pack(">6H", 0x1234, 0x8000 | 15 << 11 | 4, 0, 0, 0, 0)


def test_rfc_8906_over_tcp(root):
    wire = header() + wire_name() + struct.pack(">2H", SOA, 1)  # 8: +tcp
    with socket.create_connection(root.socket.getpeername(), ANSWER_S) as s, s.makefile("rb") as reader:
        s.sendall(struct.pack(">H", len(wire)) + wire)
        assert is_answer(reader.read(struct.unpack(">H", reader.read(2))[0]))


def test_rfc_8906_with_edns(root):
    def exchange(rdtype=SOA, **more):
        answer = root.exchange(header(ar=1) + wire_name() + struct.pack(">2H", rdtype, 1) + opt(**more))
        return answer, Opt(answer)

    answer, got = exchange()  # 9: +edns=0
    assert is_answer(answer) and (got.version, got.flags, got.options) == (0, 0, b"")
    for more in ({}, {"flags": 0x40}, {"options": option(100)}, {"flags": 0x8000}):  # 10, 13, 14, 17: +edns=1
        answer, got = exchange(version=1, **more)
        assert (got.rcode, got.version, got.options) == (16, 0, b"") and got.flags == more.get("flags", 0) & 0x8000
        assert counts_of(answer) == (1, 0, 0, 1) and not flags_of(answer) & AA
    answer, got = exchange(options=option(100))  # 11: +ednsopt=100
    assert is_answer(answer) and (got.version, got.options) == (0, b"")
    answer, got = exchange(flags=0x40)  # 12: +ednsflags=0x40
    assert is_answer(answer) and got.flags == 0
    answer, got = exchange(DNSKEY, size=512, flags=0x8000)  # 15: +dnssec +bufsize=512 dnskey
    assert (got.rcode, got.version, got.flags) == (0, 0, 0x8000) and len(answer) <= 512
    assert flags_of(answer) & TC or counts_of(answer)[1] > 0
    answer, got = exchange(flags=0x8000)  # 16: +dnssec
    assert is_answer(answer) and got.flags == 0x8000 and 46 in [r.rdtype for r in dns.message.from_wire(answer).answer]
    answer, got = exchange(options=option(10, b"8 octets") + option(3) + option(9) + option(8, b"\0\1\0\0"))  # 18
    assert is_answer(answer) and (got.version, got.options[:4]) == (0, b"\0\x0a\0\x18") and len(got.options) == 28


# OPT with whatever is answered


WHATEVER = {
    "blocked": question("blocked", "example"),
    "forwarded": Q,
    "answered here": question("x", "onion"),
    "a failure": question("fails", "example"),
    "no zone transfers": question("a", "example", rdtype=252),
    "no such type": question("a", "example", rdtype=0),
    "no such class": question("a", "example", rdclass=4),
    "not implemented": question("a", "example", rdtype=254),
    "CHAOS": question("version", "bind", rdtype=TXT, rdclass=3),
    "ANY": question("a", "example", rdtype=255),
    "too long": question("long", "example", rdtype=TXT),
}


@pytest.mark.parametrize("what", WHATEVER)
def test_an_opt_if_and_only_if_asked(raw, up, what):
    """Whatever the rcode; DO and CD as they came; AD never, Z and unknown flags neither; the size is ours."""
    up.on("fails.example", F.error("SERVFAIL"))
    up.on("long.example", F.truncated(F.records(*(f'300 TXT "{i}{"x" * 200}"' for i in range(10)))))
    wire = WHATEVER[what]
    plain = raw.exchange(header() + wire)
    assert not has_opt(plain)
    for bits in (RD, RD | CD, RD | AD, RD | AD | CD | Z | TC | AA | RA):
        for flags in (0, 0x8000, 0x7FFF, 0xFFFF):
            answer = raw.exchange(header(flags=bits, ar=1) + wire + opt(size=4096, flags=flags))
            got = Opt(answer)
            assert (got.size, got.version, got.flags) == (1232, 0, flags & 0x8000)
            assert got.rcode == rcode_of(plain) and flags_of(answer) & (RD | CD) == bits & (RD | CD)
            assert flags_of(answer) & RA and not flags_of(answer) & (Z | AD)
            assert answer[12:12 + len(wire)] == wire


def test_any_octet_may_stand_in_a_label(raw, up):
    """RFC 2181, section 11: dots, blanks, NUL, 0xff; asked upstream as it came, and never mistaken for another name."""
    labels = [bytes(range(i, i + 32)) for i in range(0, 256, 64)]
    odd = wire_name(*labels, "example") + struct.pack(">2H", A, 1)
    answer = raw.exchange(header() + odd)
    assert rcode_of(answer) == 0 and answer[12:12 + len(odd)] == odd and counts_of(answer)[1] == 1
    (asked,) = up.log
    assert [label.lower() for label in asked.name.labels] == [label.lower() for label in [*labels, b"example", b""]]
    # one label "blocked.example" is not the name of two
    answer = raw.exchange(header() + wire_name(b"blocked.example") + struct.pack(">2H", A, 1))
    assert rcode_of(answer) == 0 and counts_of(answer)[1] == 1


def test_truncated_is_question_and_opt(raw, up):
    up.on("long.example", F.truncated(F.records(*(f'300 TXT "{i}{"x" * 200}"' for i in range(10)))))
    wire = question("long", "example", rdtype=TXT)
    for _ in range(2):
        answer = raw.exchange(header(ar=1) + wire + opt())
        assert flags_of(answer) == 0x8380 and counts_of(answer) == (1, 0, 0, 1)
        assert answer[12:] == wire + b"\0" + struct.pack(">2HIH", 41, 1232, 0, 0)
        answer = raw.exchange(header() + wire)
        assert answer[12:] == wire and flags_of(answer) == 0x8380 and counts_of(answer) == (1, 0, 0, 0)


def test_another_opcode_with_an_opt(raw):
    """RFC 6891: an OPT is owed for one that was sent, whatever the opcode; where none can be found, a header is all."""
    answer = raw.exchange(header(flags=0x2000, ar=1) + Q + opt(flags=0x8000))
    assert counts_of(answer) == (0, 0, 0, 1) and flags_of(answer) == 0xA004 and Opt(answer).flags == 0x8000
    for wire in (header(flags=0x2000, ar=1) + Q + opt()[:-1], header(flags=0x2000, ar=2) + Q + opt() + opt(), header(flags=0x7800, qd=65535, ar=65535)):
        assert len(raw.exchange(wire)) == 12


def test_client_subnet(daemon, raw, up):
    """RFC 7871: not passed on, not echoed; malformed is FORMERR."""
    for data in (b"\0\1\0\0", b"\0\1\x18\0\xc0\0\2", b"\0\2\x38\0\x20\1\x0d\xb8\0\0\0", b"\0\0\0\0"):
        answer = raw.exchange(header(ar=1) + question("ecs", "example") + opt(options=option(8, data)))
        assert Opt(answer).rcode == 0 and Opt(answer).options == b""
    for data in (b"", b"\0\1\x18", b"\0\1\x18\0\xc0\0", b"\0\1\x18\0\xc0\0\2\1", b"\0\1\x21\0\xc0\0\2\1\0", b"\0\2\x81\0" + b"\0" * 17):
        answer = raw.exchange(header(ar=1) + question("ecs", "example") + opt(options=option(8, data)))
        assert Opt(answer).rcode == 1, data
    assert all(o.otype != dns.edns.ECS for a in up.asked() for o in a.message.options)
    assert len(up.asked("ecs.example")) == 1, "one answer for all"


def test_options_stay_between_the_client_and_us(daemon, raw, up):
    """NSID, padding, keepalive, chain, unknown ones: hop by hop, none goes upstream."""
    sent = option(3) + option(12, b"\0" * 9) + option(11) + option(13, b"\0") + option(65001, b"secret") + option(15, b"\0\0")
    assert Opt(raw.exchange(header(ar=1) + question("hop", "example") + opt(options=sent))).options == b""
    (asked,) = up.asked("hop.example")
    assert b"secret" not in asked.wire and all(int(o.otype) == 10 for o in asked.message.options)
    assert asked.message.payload == 1232


def test_padding_is_for_encrypted_transports(daemon, raw):
    wire = header(ar=1) + question("blocked", "example") + opt(options=option(12, b"\0" * 100))
    for answer in (raw.exchange(wire), ask(daemon, "blocked.example", tcp=True, pad=128).to_wire()):
        assert len(answer) < 200


# CHAOS


def chaos(daemon, name, rdtype="TXT", **how):
    return ask(daemon, name, rdtype, rdclass="CH", **how)


def test_chaos_is_refused_unless_configured(daemon, up):
    for name in ("version.bind", "version.server", "id.server", "hostname.bind", "authors.bind", "saring", "."):
        for tcp in (False, True):
            reply = chaos(daemon, name, tcp=tcp)
            assert rcode(reply) == "REFUSED" and not reply.answer and ede(reply)[0] == 21
    assert not up.asked() and eventually(lambda: daemon.queries()["refused"] == 14, "counted")


def test_chaos(saringd, up):
    daemon = serve(saringd, up, server={"version": "saring \"x\"", "identity": "jakarta-1"})
    for name, text in (("version.bind", '"saring \\"x\\""'), ("VERSION.Bind", '"saring \\"x\\""'), ("version.server", '"saring \\"x\\""'),
                       ("id.server", '"jakarta-1"'), ("HostName.bind", '"jakarta-1"')):
        for rdtype in ("TXT", "ANY"):
            for tcp in (False, True):
                reply = chaos(daemon, name, rdtype, tcp=tcp)
                assert rcode(reply) == "NOERROR" and reply.flags & dns.flags.AA and len(reply.answer) == 1
                rrset = reply.answer[0]
                assert (rrset.ttl, rrset.rdclass, rrset[0].to_text()) == (0, 3, text)
    for name, rdtype in (("authors.bind", "TXT"), ("x.version.bind", "TXT"), ("bind", "TXT"), ("version.bind", "A"), ("id.server", "SOA")):
        assert rcode(chaos(daemon, name, rdtype)) == "REFUSED"
    # in class IN they are names like any other
    assert rrs(ask(daemon, "version.bind")) == ["192.0.2.200"]
    assert [a.folded for a in up.asked()] == ["version.bind"]
    # one of the two alone, and a reload
    daemon.configure(server={"version": "v"})
    daemon.ctl("reload")
    assert chaos(daemon, "version.bind").answer[0][0].to_text() == '"v"' and rcode(chaos(daemon, "id.server")) == "REFUSED"
    daemon.configure(server={"version": "x" * 255})
    daemon.ctl("reload")
    assert len(chaos(daemon, "version.bind").answer[0][0].strings[0]) == 255


def test_nsid(saringd, up):
    daemon = serve(saringd, up, server={"nsid": "jakarta-1"})

    def nsid_of(*args, **how):
        reply = ask(daemon, *args, **how)
        return [o.to_wire() for o in reply.options if int(o.otype) == 3]

    wants = {"options": [dns.edns.GenericOption(3, b"")]}
    for name in ("blocked.example", "a.example", "a.example", "x.onion"):
        for tcp in (False, True):
            assert nsid_of(name, tcp=tcp, **wants) == [b"jakarta-1"]
            assert nsid_of(name, tcp=tcp) == []
    assert nsid_of("a.example", "TYPE251", **wants) == [b"jakarta-1"]
    assert all(not a.message.options or all(int(o.otype) != 3 for o in a.message.options) for a in up.asked())
    daemon.configure(server={"nsid": "n" * 128})
    daemon.ctl("reload")
    assert nsid_of("a.example", **wants) == [b"n" * 128]
    daemon.configure(server={"cookies": False})
    daemon.ctl("reload")
    assert nsid_of("a.example", **wants) == []


# extended errors


def test_texts_give_way_before_answers(saringd, up):
    """A name of 255 octets, an OPT full of options, 512 octets: the text is left out, the code and the answer are not."""
    daemon = saringd({"upstream": {"servers": [up.endpoint]}, "lists": [{"name": "l", "file": "l.yaml"}], "server": {"nsid": "n" * 128}},
                     {"l.yaml": "reason: " + "ü€" * 400 + "\nentries: [blocked.example]\n"})
    name = ".".join(["b" * 63] * 3 + ["c" * 45, "blocked", "example"])
    reply = ask(daemon, name, edns=512, options=[dns.edns.GenericOption(3, b""), dns.edns.GenericOption(10, b"8 octets")])
    assert rcode(reply) == "NXDOMAIN" and soa_of(reply) and not reply.flags & dns.flags.TC and len(reply.to_wire()) <= 512
    assert ede(reply) == (15, "")
    code, text = ede(ask(daemon, name, edns=1232))
    assert code == 15 and len(text) > 50 and len(text.encode()) <= 200 and "\ufffd" not in text


def test_which_error_is_said(saringd, up, fake):
    """The codes of RFC 8914 for what saring itself refuses or fails at."""
    up.on("fails.example", F.error("SERVFAIL"))
    daemon = serve(saringd, up)
    with Raw(daemon) as raw:
        for what, wire, code in (("AXFR", question("a", "example", rdtype=252), 21), ("TKEY", question("a", "example", rdtype=249), 21),
                                 ("class HS", question("a", "example", rdclass=4), 21), ("MAILB", question("a", "example", rdtype=253), 21),
                                 ("NXNAME", question("a", "example", rdtype=128), 30), ("RD=0", None, 20), ("failure", question("fails", "example"), 22)):
            answer = raw.exchange(header(flags=0 if wire is None else RD, ar=1) + (wire or Q) + opt())
            assert Opt(answer).options[:6] == struct.pack(">3H", 15, 2, code) or struct.pack(">H", code) in Opt(answer).options, what
    assert ede(ask(daemon, "blocked.example"))[0] == 15 and ede(ask(daemon, "a.example")) is None


def test_tsig_is_not_passed_on(raw, up):
    """RFC 8945: signed under a key that is not shared with us, a query can be neither checked nor passed on."""
    rdata = wire_name("hmac-sha256") + struct.pack(">HIHH", 0, 0, 300, 0) + struct.pack(">3H", 0x1234, 0, 0)
    tsig = wire_name("key") + struct.pack(">2HIH", 250, 255, 0, len(rdata)) + rdata
    for wire in (header(ar=1) + Q + tsig, header(ar=2) + Q + opt() + tsig):
        answer = raw.exchange(wire)
        assert rcode_of(answer) in (5, 9) and counts_of(answer)[1:3] == (0, 0)
    assert rcode_of(raw.exchange(header(ar=2) + Q + tsig + opt())) == 1, "not last"
    assert rcode_of(raw.exchange(header(ar=2) + Q + tsig + tsig)) == 1
    sig0 = b"\0" + struct.pack(">2HIH", 24, 255, 0, 19) + b"\0\0" + b"\0" * 17
    assert rcode_of(raw.exchange(header(ar=1) + Q + sig0)) in (5, 9)
    assert not up.asked()


def test_many_options_at_once(daemon, raw):
    """Whatever a common client can be told to add, at once."""
    query = make("a.example", options=[dns.edns.GenericOption(c, b"") for c in (3, 9, 11, 13, 26, 65001)] + [dns.edns.GenericOption(12, b"\0" * 20)])
    query.ednsflags |= 0x4000  # compact answers
    reply = dns.message.from_wire(raw.exchange(query.to_wire()))
    assert rcode(reply) == "NOERROR" and reply.ednsflags & 0xFFFF == 0 and not reply.options
