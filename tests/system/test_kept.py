# SPDX-License-Identifier: BSD-2-Clause
"""What is kept of upstreams' answers, and when it is given: denials (RFC 2308, 8020), expired answers (RFC 8767), ANY (RFC 8482),
and the bits of DNSSEC in a forwarder that does not validate (RFC 4035, 6840)."""
import concurrent.futures
import socket
import struct
import threading

import dns.flags
import dns.message
import pytest

from harness import fake as F
from harness.ask import ANSWER_S, Raw, ask, blocked, ede, eventually, flags_of, header, opt, question, rcode, rcode_of, rrs, soa_of

AD, CD, DO = 0x0020, 0x0010, 0x8000
SOA = "example. 60 SOA ns.example. h.example. 1 2 3 4 50"
STALE, STALE_NXDOMAIN = 3, 19


@pytest.fixture
def scripted(saringd, fake):
    def make(count=1, timeout="5s", lists=None, **config):
        ups = [fake() for _ in range(count)]
        daemon = saringd({"upstream": {"servers": [u.endpoint for u in ups], "strategy": "ordered", "timeout": timeout},
                          "lists": [{"name": name.split(".")[0], "file": name} for name in (lists or {})] or None, **config}, lists=lists)
        return (daemon, *ups)
    return make


# denials


def referral(ask_):
    """What a server that does not recurse says of a name that is not its own."""
    return [ask_.reply(authority=["example. 300 NS ns.elsewhere.test."]).to_wire()]


def test_a_referral_is_no_answer(scripted):
    daemon, lame, good = scripted(2)
    lame.default = referral
    assert rrs(ask(daemon, "a.example")) == ["192.0.2.200"]
    assert lame.asked("a.example") and good.asked("a.example")
    good.default = referral
    reply = ask(daemon, "b.example")
    assert rcode(reply) == "SERVFAIL" and ede(reply)[0] == 22 and not reply.authority


def test_an_soa_beside_the_name_denies_nothing(scripted):
    """Were it kept, who owns x.example could say how long www.example does not exist."""
    daemon, up = scripted()
    up.on("www.example", F.records(rcode=3, authority=["x.example. 60 SOA ns.example. h.example. 1 2 3 4 50"]))
    up.on("ok.example", F.records(rcode=3, authority=["x.example. 60 SOA ns.example. h.example. 1 2 3 4 50", SOA]))
    for _ in range(2):
        reply = ask(daemon, "www.example")
        assert rcode(reply) == "NXDOMAIN" and soa_of(reply) is None
        assert soa_of(ask(daemon, "ok.example"))[0].to_text() == "example."
    assert len(up.asked("www.example")) == 2 and len(up.asked("ok.example")) == 1


def test_a_denial_is_of_one_name_and_type(scripted):
    daemon, up = scripted()
    up.on("gone.example", F.records(rcode=3, authority=[SOA]))
    up.on("a.gone.example", F.answer("192.0.2.1"))
    assert rcode(ask(daemon, "gone.example")) == "NXDOMAIN"
    assert rrs(ask(daemon, "a.gone.example")) == ["192.0.2.1"], "the cut of RFC 8020 is off: a route or a list may know better"
    up.on("nodata.example", lambda a: F.answer("192.0.2.1")(a) if a.type == "A" else F.records(authority=[SOA])(a))
    assert not rrs(ask(daemon, "nodata.example", "AAAA"), "AAAA")
    assert rrs(ask(daemon, "nodata.example")) == ["192.0.2.1"]


def test_a_block_leaves_nothing_in_the_cache(scripted):
    daemon, up = scripted(lists={"l.yaml": "entries: [ads.example]\n", "ok.yaml": "action: allow\nentries: [good.ads.example]\n"})
    assert not ask(daemon, "ads.example").answer and blocked(ask(daemon, "x.ads.example"))
    assert rrs(ask(daemon, "good.ads.example")) == ["192.0.2.200"]
    daemon.ctl("list", "remove", "l", "ads.example")
    for name in ("ads.example", "x.ads.example"):
        assert rrs(ask(daemon, name)) == ["192.0.2.200"], name
    assert daemon.ctl("--json", "cache").json["entries"] == 3


# ANY, which over TCP is a question like any other (CVE-2025-59029: a crash on ANY from the cache)


def test_any_from_the_cache(scripted):
    daemon, up = scripted()
    up.on("many.example", F.records("300 A 192.0.2.1", "200 TXT one", "100 MX 5 many.example.", "300 CAA 0 issue \"ca.example\""))
    up.on("alias.example", F.records("300 CNAME many.example.", "many.example. 300 A 192.0.2.1"))
    up.on("gone.example", F.records(rcode=3, authority=[SOA]))
    up.on("empty.example", F.records(authority=[SOA]))
    for want_dnssec in (False, True):
        for _ in range(3):
            for name, count in (("many", 4), ("alias", 1), ("gone", 0), ("empty", 0)):
                reply = ask(daemon, f"{name}.example", "ANY", tcp=True, want_dnssec=want_dnssec)
                assert len(reply.answer) == count and rcode(reply) == ("NXDOMAIN" if name == "gone" else "NOERROR"), name
                udp = ask(daemon, f"{name}.example", "ANY", want_dnssec=want_dnssec)
                assert rrs(udp, "HINFO") == ['"RFC8482" ""'] and len(udp.answer) == 1
    assert len(up.asked()) == 8 and all(a.type == "ANY" for a in up.asked())
    assert rrs(ask(daemon, "many.example")) and len(up.asked("many.example", "A")) == 1, "what ANY brought answers ANY alone"


# expired answers


def expired(daemon, name, rdtype="A"):
    """An answer that is given as stale."""
    def given():
        reply = ask(daemon, name, rdtype)
        assert rcode(reply) != "SERVFAIL"
        return reply if ede(reply) and ede(reply)[0] in (STALE, STALE_NXDOMAIN) else None
    return eventually(given, f"{name} is stale")


def test_every_kind_of_answer_may_be_stale(scripted):
    daemon, up = scripted()
    soa = "example. 1 SOA ns.example. h.example. 1 2 3 4 1"
    up.on("a.example", F.records("1 A 192.0.2.1"), F.error("SERVFAIL"))
    up.on("c.example", F.records("1 CNAME d.example.", "d.example. 3000 A 192.0.2.1"), F.error("REFUSED"))
    up.on("gone.example", F.records(rcode=3, authority=[soa]), F.garbage)
    up.on("empty.example", F.records(authority=[soa]), F.error("FORMERR"))
    for name, code, count in (("a", STALE, 1), ("c", STALE, 2), ("gone", STALE_NXDOMAIN, 0), ("empty", STALE, 0)):
        first = ask(daemon, f"{name}.example")
        reply = expired(daemon, f"{name}.example")
        assert ede(reply)[0] == code and reply.rcode() == first.rcode() and len(reply.answer) == count
        assert all(rrset.ttl == 30 for rrset in reply.answer + reply.authority), "RFC 8767, section 4"
    assert daemon.queries()["failed"] == 0


def test_what_replaces_it_and_what_does_not(scripted):
    daemon, up = scripted()
    up.on("a.example", F.records("1 A 192.0.2.1"), F.error("SERVFAIL"), F.records(rcode=3, authority=[SOA]), F.error("SERVFAIL"))
    assert rrs(ask(daemon, "a.example")) == ["192.0.2.1"]
    assert rrs(expired(daemon, "a.example")) == ["192.0.2.1"]
    eventually(lambda: rcode(ask(daemon, "a.example")) == "NXDOMAIN", "an NXDOMAIN replaces it")
    assert ede(ask(daemon, "a.example")) is None and len(up.asked("a.example")) == 3


def test_given_while_the_server_thinks(scripted):
    """The client response timer (RFC 8767, section 5); what comes late is kept for the next."""
    daemon, up = scripted(timeout="60s")
    gate = threading.Event()
    up.on("a.example", F.records("1 A 192.0.2.1"), F.hold(gate, F.answer("192.0.2.2")))
    ask(daemon, "a.example")
    assert rrs(expired(daemon, "a.example")) == ["192.0.2.1"]
    assert not gate.is_set()
    gate.set()
    eventually(lambda: rrs(ask(daemon, "a.example")) == ["192.0.2.2"], "the new answer")


def test_only_for_those_who_want_recursion(scripted):
    daemon, up = scripted()
    up.on("a.example", F.records("1 A 192.0.2.1"), F.error("SERVFAIL"))
    ask(daemon, "a.example")
    expired(daemon, "a.example")
    reply = ask(daemon, "a.example", flags=0)
    assert rcode(reply) == "REFUSED" and not reply.answer and ede(reply)[0] == 20


def test_switched_off(scripted):
    daemon, up = scripted(cache={"serve-stale": 0})
    up.on("a.example", F.records("1 A 192.0.2.1"), F.error("SERVFAIL"))
    ask(daemon, "a.example")
    eventually(lambda: rcode(ask(daemon, "a.example")) == "SERVFAIL", "nothing is left")
    assert daemon.queries()["stale"] == 0


@pytest.mark.parametrize("how", ["name", "target", "rewrite"])
def test_a_list_edit_acts_on_what_is_stale(scripted, how):
    """Also on a connection that was there before (protocol 5.5)."""
    daemon, up = scripted(lists={"l.yaml": "entries: [other.example]\n", "r.rpz": "$ORIGIN r.test.\n@ 60 SOA ns. h. 1 2 3 4 5\nz.example CNAME .\n"})
    up.on("a.example", F.records("1 CNAME b.example.", "b.example. 1 A 192.0.2.1"), F.error("SERVFAIL"))
    up.on("garden.example", F.records("1 A 192.0.2.80"), F.error("SERVFAIL"))
    ask(daemon, "garden.example")
    ask(daemon, "a.example")
    assert rrs(expired(daemon, "a.example")) == ["192.0.2.1"]
    with socket.create_connection(("127.0.0.1", daemon.port), ANSWER_S) as s:
        def over_tcp():
            wire = header(ar=1) + question("a", "example") + opt()
            s.sendall(struct.pack(">H", len(wire)) + wire)
            got = b""
            while len(got) < 2 or len(got) < 2 + struct.unpack(">H", got[:2])[0]:
                got += s.recv(65535)
            return dns.message.from_wire(got[2:])
        assert rrs(over_tcp()) == ["192.0.2.1"]
        if how == "rewrite":
            (daemon.home / "r.rpz").write_text("$ORIGIN r.test.\n@ 60 SOA ns. h. 2 2 3 4 5\na.example CNAME garden.example.\n")
            daemon.ctl("reload")
        else:
            daemon.ctl("list", "add", "l", "a.example" if how == "name" else "b.example")
        for reply in (ask(daemon, "a.example"), over_tcp(), ask(daemon, "a.example", tcp=True)):
            if how == "rewrite":
                assert rrs(reply) == ["192.0.2.80"] and rrs(reply, "CNAME") == ["garden.example."]
                assert all(rrset.ttl <= 30 for rrset in reply.answer)
            else:
                assert blocked(reply)


def test_an_edit_while_a_stale_answer_is_due(scripted):
    daemon, up = scripted(timeout="60s", lists={"l.yaml": "entries: [other.example]\n"})
    gate = threading.Event()
    up.on("a.example", F.records("1 A 192.0.2.1"), F.hold(gate, F.answer("192.0.2.2")))
    ask(daemon, "a.example")
    expired(daemon, "a.example")

    def coalesced():
        return daemon.status()["counters"]["coalesced"]
    before = coalesced()
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        waits = pool.submit(ask, daemon, "a.example")
        eventually(lambda: coalesced() > before, "it waits with the first")
        (daemon.home / "l.yaml").write_text("entries: [a.example]\n")
        daemon.ctl("reload")
        reply = waits.result()
    # the edit came before the timer, or on a slow machine after it: in no case is the old answer given once the edit is in force
    assert blocked(reply) or (rrs(reply) == ["192.0.2.1"] and ede(reply)[0] == STALE)
    assert blocked(ask(daemon, "a.example"))
    gate.set()


# DNSSEC's bits


def test_bits_of_dnssec(scripted):
    """CD and DO come back as they went, AD never: nobody here has validated, and the upstream's word came unprotected."""
    daemon, up = scripted()
    up.default = F.records("300 A 192.0.2.1", flags=dns.flags.AD | dns.flags.AA)
    with Raw(daemon) as raw:
        for name in ("a", "b"):
            for bits in (0, AD, CD, AD | CD):
                for do in (0, DO):
                    for _ in range(2):
                        answer = raw.exchange(header(flags=0x0100 | bits, ar=1) + question(name, "example") + opt(flags=do))
                        assert rcode_of(answer) == 0 and flags_of(answer) & (AD | CD | 0x0400) == bits & CD
                        assert struct.unpack(">H", answer[-4:-2])[0] == do
    assert all(a.message.flags & dns.flags.RD for a in up.asked())
    assert len(up.asked()) == 8


def test_signatures_only_for_those_who_want_them(scripted):
    """RFC 4035, section 3.2.1: without DO no RRSIG, NSEC or NSEC3 that was not asked for, even where a server sends them."""
    daemon, up = scripted()
    rrsig = "300 RRSIG {} 13 2 300 20301231000000 20200101000000 1 example. AAAA"
    up.on("a.example", F.records("300 A 192.0.2.1", rrsig.format("A")))
    up.on("s.example", F.records(rrsig.format("A")))
    up.on("gone.example", F.records(rcode=3, authority=[SOA, "example. " + rrsig.format("SOA"), "example. 300 NSEC z.example. A RRSIG NSEC",
                                                        "example. " + rrsig.format("NSEC")]))
    for _ in range(2):
        assert [len(ask(daemon, "a.example", want_dnssec=w).answer) for w in (False, True)] == [1, 2]
        assert [len(ask(daemon, "gone.example", want_dnssec=w).authority) for w in (False, True)] == [1, 4]
        assert len(ask(daemon, "s.example", "RRSIG").answer) == 1
