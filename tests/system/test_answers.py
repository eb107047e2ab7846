# SPDX-License-Identifier: BSD-2-Clause
"""What a blocked name is answered: every answer mode of interface and manual, for the types clients ask."""
import socket
import struct

import dns.name
import pytest

from harness.ask import ANSWER_S, Raw, ask, ede, eventually, header, opt, question, rcode, rrs, soa_of

ALL_TYPES = ["A", "AAAA", "TXT", "HTTPS", "MX", "SVCB", "CNAME", "ANY", "NS", "SOA", "DS", "TYPE65280"]

LIST = """\
action: block
authority: the authority
reason: the reason
code: {code}
entries: [blocked.example]
"""


@pytest.fixture
def serve(saringd, fake):
    def make(block=None, code="blocked", **per_list):
        upstream = fake()
        return saringd({
            "upstream": {"servers": [upstream.endpoint]},
            **({"block": block} if block else {}),
            "lists": [{"name": "l", "file": "l.yaml", **per_list}],
        }, {"l.yaml": LIST.format(code=code)})

    return make


def check_soa(reply, ttl=10, name="blocked.example"):
    owner, soa_ttl, minimum = soa_of(reply)
    assert (soa_ttl, minimum) == (ttl, ttl)
    assert dns.name.from_text(name).is_subdomain(owner)


def each(daemon, types=None):
    for name in ("blocked.example", "sub.blocked.example"):
        for rdtype in types or ALL_TYPES:
            for tcp in (False, True):
                yield rdtype, name, ask(daemon, name, rdtype, tcp=tcp)


@pytest.mark.parametrize("block", [None, {"answer": "nxdomain"}])
def test_nxdomain(serve, block):
    for rdtype, name, reply in each(serve(block)):
        assert rcode(reply) == "NXDOMAIN" and not reply.answer, rdtype
        check_soa(reply, name=name)
        assert ede(reply)[0] == 15


def test_nodata(serve):
    for rdtype, name, reply in each(serve({"answer": "nodata"})):
        assert rcode(reply) == "NOERROR" and not reply.answer, rdtype
        check_soa(reply, name=name)
        assert ede(reply)[0] == 15


def test_null(serve):
    for rdtype, name, reply in each(serve({"answer": "null"})):
        assert rcode(reply) == "NOERROR" and ede(reply)[0] == 15, rdtype
        if rdtype in ("A", "AAAA"):
            assert rrs(reply, rdtype) == ["0.0.0.0" if rdtype == "A" else "::"]
            assert [(r.name.to_text(omit_final_dot=True), r.ttl) for r in reply.answer] == [(name, 10)]
        else:
            assert not reply.answer, rdtype
            check_soa(reply, name=name)


def test_address(serve):
    daemon = serve({"answer": "address", "addresses": ["192.0.2.80", "2001:db8::80", "192.0.2.81"]})
    for rdtype, name, reply in each(daemon):
        assert rcode(reply) == "NOERROR" and ede(reply)[0] == 15, rdtype
        if rdtype == "A":
            assert rrs(reply) == ["192.0.2.80", "192.0.2.81"]
        elif rdtype == "AAAA":
            assert rrs(reply, "AAAA") == ["2001:db8::80"]
        else:
            assert not reply.answer, rdtype
            check_soa(reply, name=name)
        for rrset in reply.answer:
            assert rrset.ttl == 10 and rrset.name.to_text(omit_final_dot=True) == name


def test_address_of_one_family_only(serve):
    daemon = serve({"answer": "address", "addresses": ["192.0.2.80"]})
    assert rrs(ask(daemon, "blocked.example")) == ["192.0.2.80"]
    reply = ask(daemon, "blocked.example", "AAAA")
    assert rcode(reply) == "NOERROR" and not reply.answer
    check_soa(reply)


def test_refused(serve):
    for rdtype, _, reply in each(serve({"answer": "refused"})):
        assert rcode(reply) == "REFUSED" and not reply.answer and not reply.authority, rdtype
        assert ede(reply)[0] == 15


def test_drop_over_udp(serve):
    daemon = serve({"answer": "drop"})
    with Raw(daemon) as raw:
        for rdtype in (1, 28, 16, 65, 255):
            raw.silent(header(qid=7, ar=1) + question("blocked", "example", rdtype=rdtype) + opt())
            raw.silent(header(qid=7) + question("sub", "blocked", "example", rdtype=rdtype))
    assert rrs(ask(daemon, "open.example")) == ["192.0.2.200"]
    queries = eventually(lambda: (q := daemon.queries())["total"] >= 21 and q, "all counted")
    assert queries["dropped"] + queries["blocked"] == 10
    assert sum(v for k, v in queries.items() if k != "total") == queries["total"]


def test_drop_over_tcp(serve):
    daemon = serve({"answer": "drop"})
    with socket.create_connection(("127.0.0.1", daemon.port), ANSWER_S) as s:
        for qid, name in ((1, "blocked"), (2, "open")):
            wire = header(qid) + question(name, "example")
            s.sendall(struct.pack(">H", len(wire)) + wire)
        s.shutdown(socket.SHUT_WR)
        got = b""
        while piece := s.recv(65535):
            got += piece
        # either nothing but the second answer, or a connection cut short: never an answer to the first
        while got:
            length = struct.unpack(">H", got[:2])[0]
            assert got[2:4] == b"\0\2"
            got = got[2 + length:]


@pytest.mark.parametrize("code,number", [("blocked", 15), ("censored", 16), ("filtered", 17)])
def test_codes(serve, code, number):
    daemon = serve(code=code)
    for tcp in (False, True):
        got, text = ede(ask(daemon, "blocked.example", tcp=tcp))
        assert got == number and "the reason" in text
    assert ask(daemon, "blocked.example", edns=False).edns == -1


def test_ttl_is_configurable(serve):
    daemon = serve({"ttl": "77s"})
    check_soa(ask(daemon, "blocked.example"), ttl=77)
    assert daemon.explain("blocked.example")["ttl"] == 77
    daemon = serve({"ttl": "0s", "answer": "null"})
    assert ask(daemon, "blocked.example").answer[0].ttl == 0


@pytest.mark.parametrize("answer,code", [("null", "NOERROR"), ("nodata", "NOERROR"), ("refused", "REFUSED"), ("nxdomain", "NXDOMAIN")])
def test_a_list_has_its_own_answer(saringd, fake, answer, code):
    """`answer:` under a list outranks `block.answer`, for that list only."""
    daemon = saringd({
        "upstream": {"servers": [fake().endpoint]},
        "block": {"answer": "refused" if answer != "refused" else "nodata"},
        "lists": [{"name": "own", "file": "own.yaml", "answer": answer}, {"name": "other", "file": "other.yaml"}],
    }, {"own.yaml": "entries: [own.example]\n", "other.yaml": "entries: [other.example]\n"})
    reply = ask(daemon, "own.example")
    assert rcode(reply) == code
    assert rrs(reply) == (["0.0.0.0"] if answer == "null" else [])
    assert rcode(ask(daemon, "other.example")) == ("REFUSED" if answer != "refused" else "NOERROR")
    assert daemon.explain("own.example")["answer"] == answer


def test_a_list_that_answers_addresses(saringd, fake):
    daemon = saringd({
        "upstream": {"servers": [fake().endpoint]},
        "block": {"addresses": ["192.0.2.80"]},
        "lists": [{"name": "l", "file": "l.yaml", "answer": "address"}],
    }, {"l.yaml": "entries: [own.example]\n"})
    assert rrs(ask(daemon, "own.example")) == ["192.0.2.80"]


def test_organization_is_in_the_text(serve):
    daemon = serve({"organization": "Contoh ISP", "contact": ["mailto:dns-help@example.net"], "language": "id"})
    assert "Contoh ISP" in ede(ask(daemon, "blocked.example"))[1]


def test_long_words_never_make_an_answer_large(saringd, fake):
    """The text is cut at a character, at most 200 octets, and never costs the answer itself."""
    daemon = saringd({
        "upstream": {"servers": [fake().endpoint]},
        "lists": [{"name": "l", "file": "l.yaml"}],
    }, {"l.yaml": "reason: " + "ü€" * 400 + "\nentries: [blocked.example]\n"})
    for edns in (True, 512, 100):
        reply = ask(daemon, "blocked.example", edns=edns)
        assert rcode(reply) == "NXDOMAIN" and soa_of(reply) and len(reply.to_wire()) <= 512
        code, text = ede(reply)
        assert code == 15 and 100 < len(text.encode()) <= 200 and "\ufffd" not in text
