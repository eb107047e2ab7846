# SPDX-License-Identifier: BSD-2-Clause
"""Servers of a route are believed for the names of its zone and for no other (MaginotDNS), and nobody else is for those. A chain of
CNAMEs that crosses from one into the other is put together from what each side says of its own."""
import concurrent.futures
import threading

import dns.flags
import dns.rdatatype
import dns.rrset
import pytest

from harness import fake as F
from harness.ask import Raw, ask, blocked, ede, eventually, header, opt, question, rcode, rcode_of, rrs, soa_of

FALSE = "6.6.6.6"


@pytest.fixture
def sides(saringd, fake):
    """A daemon, the default server, and those of the routes corp.example and lab.example."""
    def make(lists=None, cache=None, **upstream):
        default, corp, lab = fake(F.answer("192.0.2.1")), fake(F.answer("192.0.2.2")), fake(F.answer("192.0.2.3"))
        daemon = saringd({
            "upstream": {"servers": [default.endpoint], "routes": [{"zone": "corp.example", "servers": [corp.endpoint]},
                                                                   {"zone": "lab.example", "servers": [lab.endpoint]}], **upstream},
            "lists": [{"name": name.split(".")[0], "file": name} for name in (lists or {})] or None,
            "cache": cache or {}}, lists=lists)
        return daemon, default, corp, lab
    return make


def chain(reply):
    """The answer section, in order: (owner, type, data)."""
    return [(rrset.name.to_text(omit_final_dot=True).lower(), dns.rdatatype.to_text(rrset.rdtype), rdata.to_text().rstrip(".").lower())
            for rrset in reply.answer for rdata in rrset]


def cname(to, *more, ttl=300, **how):
    return F.records(f"{ttl} CNAME {to}.", *more, **how)


# each is believed for its own


def test_what_a_route_says_of_others_is_not_heard(sides):
    daemon, default, corp, _ = sides()

    def poison(asked):
        reply = asked.reply("300 A 192.0.2.2", f"www.bank.example. 300 A {FALSE}", f"corp.example.bank.example. 300 A {FALSE}",
                            authority=["bank.example. 300 NS ns.bank.example.", f"www.bank.example. 300 A {FALSE}"])
        reply.additional += [dns.rrset.from_text(name, 300, "IN", "A", FALSE) for name in ("www.bank.example.", "ns.bank.example.")]
        return [reply.to_wire()]
    corp.on("a.corp.example", poison)
    assert chain(ask(daemon, "a.corp.example")) == [("a.corp.example", "A", "192.0.2.2")]
    assert not ask(daemon, "a.corp.example").authority
    for name in ("www.bank.example", "bank.example", "ns.bank.example", "corp.example.bank.example"):
        assert rrs(ask(daemon, name)) == ["192.0.2.1"], name
    assert not corp.asked("www.bank.example") and len(default.asked("www.bank.example")) == 1


def test_a_chain_out_of_a_route(sides):
    daemon, default, corp, _ = sides()
    corp.on("a.corp.example", cname("b.corp.example", "b.corp.example. 200 CNAME www.bank.example.", f"www.bank.example. 300 A {FALSE}"))
    whole = [("a.corp.example", "CNAME", "b.corp.example"), ("b.corp.example", "CNAME", "www.bank.example"), ("www.bank.example", "A", "192.0.2.1")]
    for how in ({}, {"tcp": True}, {"edns": False}):
        assert chain(ask(daemon, "a.corp.example", **how)) == whole
    assert chain(ask(daemon, "www.bank.example")) == whole[2:], "and so it is cached"
    assert len(corp.asked()) == 1 and [(a.folded, a.type) for a in default.asked()] == [("www.bank.example", "A")]
    reply = ask(daemon, "A.Corp.EXAMPLE")
    assert reply.question[0].name.to_text() == "A.Corp.EXAMPLE." and chain(reply) == whole
    queries = daemon.queries()
    assert (queries["forwarded"], queries["cached"]) == (1, 4)


def test_a_chain_into_a_route(sides):
    daemon, default, corp, _ = sides()
    default.on("www.shop.example", cname("in.corp.example", f"in.corp.example. 300 A {FALSE}"))
    for _ in range(2):
        assert chain(ask(daemon, "www.shop.example")) == [("www.shop.example", "CNAME", "in.corp.example"), ("in.corp.example", "A", "192.0.2.2")]
    assert not default.asked("in.corp.example") and len(corp.asked("in.corp.example")) == 1


def test_a_chain_through_all(sides):
    daemon, default, corp, lab = sides()
    corp.on("a.corp.example", cname("b.lab.example"))
    lab.on("b.lab.example", cname("c.shop.example", rcode=3))
    default.on("c.shop.example", cname("d.corp.example"))
    want = [("a.corp.example", "CNAME", "b.lab.example"), ("b.lab.example", "CNAME", "c.shop.example"), ("c.shop.example", "CNAME", "d.corp.example"),
            ("d.corp.example", "A", "192.0.2.2")]
    for _ in range(2):
        reply = ask(daemon, "a.corp.example")
        assert chain(reply) == want and rcode(reply) == "NOERROR", "an rcode is about the end of the chain"
    assert [len(up.asked()) for up in (default, corp, lab)] == [1, 2, 1]


def test_the_end_says_how_it_ends(sides):
    daemon, default, corp, _ = sides()
    for name in ("gone", "nodata", "fails"):
        corp.on(f"{name}.corp.example", cname(f"{name}.shop.example", ttl=100))
    default.on("gone.shop.example", F.records(rcode=3, authority=["shop.example. 60 SOA ns.example. h.example. 1 2 3 4 50"]))
    default.on("nodata.shop.example", F.records(authority=["shop.example. 60 SOA ns.example. h.example. 1 2 3 4 50"]))
    default.on("fails.shop.example", F.error("SERVFAIL"))
    for _ in range(2):
        for name, code in (("gone", "NXDOMAIN"), ("nodata", "NOERROR")):
            reply = ask(daemon, f"{name}.corp.example")
            assert rcode(reply) == code and chain(reply) == [(f"{name}.corp.example", "CNAME", f"{name}.shop.example")]
            assert soa_of(reply)[0].to_text() == "shop.example." and soa_of(reply)[1] <= 50
        reply = ask(daemon, "fails.corp.example")
        assert rcode(reply) == "SERVFAIL" and not reply.answer and ede(reply)[0] == 22
    assert [len(default.asked(f"{n}.shop.example")) for n in ("gone", "nodata")] == [1, 1]


def test_ttls_run_down_for_each_part(sides):
    daemon, default, corp, _ = sides()
    corp.on("a.corp.example", cname("www.shop.example", ttl=1000))
    default.on("www.shop.example", F.answer("192.0.2.1", ttl=50))
    ask(daemon, "www.shop.example")
    eventually(lambda: ask(daemon, "www.shop.example").answer[0].ttl < 50, "the target ages")
    first = ask(daemon, "a.corp.example").answer
    assert first[0].ttl == 1000 and first[1].ttl < 50
    eventually(lambda: ask(daemon, "a.corp.example").answer[0].ttl < 1000, "and so does the link")
    assert len(corp.asked()) == len(default.asked()) == 1


def test_parts_of_no_ttl_are_for_this_query_alone(sides):
    daemon, default, corp, _ = sides()
    corp.on("a.corp.example", cname("www.shop.example", ttl=0))
    for i in range(1, 4):
        reply = ask(daemon, "a.corp.example")
        assert [r.ttl for r in reply.answer] == [0, reply.answer[1].ttl] and reply.answer[1].ttl > 0
        assert len(corp.asked()) == i
    assert len(default.asked()) == 1


def test_questions_that_a_link_answers_go_no_further(sides):
    daemon, default, corp, _ = sides()
    corp.on("a.corp.example", cname("www.shop.example"))
    assert chain(ask(daemon, "a.corp.example", "CNAME")) == [("a.corp.example", "CNAME", "www.shop.example")]
    assert chain(ask(daemon, "a.corp.example", "ANY", tcp=True)) == [("a.corp.example", "CNAME", "www.shop.example")]
    assert not default.asked()


def test_the_ds_of_a_zone_is_its_parents(sides):
    daemon, default, corp, _ = sides()
    for up in (default, corp):
        up.default = F.records(authority=[F.SOA])
    for name in ("corp.example", "sub.corp.example"):
        ask(daemon, name, "DS")
        ask(daemon, name, "DNSKEY")
    assert [(a.folded, a.type) for a in default.asked()] == [("corp.example", "DS")]
    assert sorted((a.folded, a.type) for a in corp.asked()) == [("corp.example", "DNSKEY"), ("sub.corp.example", "DNSKEY"), ("sub.corp.example", "DS")]


# no chain is endless


def zigzag(default, corp, length):
    """A chain of that many links, each in the zone of the other: z0.corp.example, z1.shop.example, z2.corp.example ..."""
    names = [f"z{i}." + ("shop.example" if i % 2 else "corp.example") for i in range(length + 1)]
    for i in range(length):
        (default if i % 2 else corp).on(names[i], cname(names[i + 1]))
    return names


def test_loops_over_zones_fail(sides):
    daemon, default, corp, _ = sides()
    corp.on("a.corp.example", cname("b.shop.example"))
    default.on("b.shop.example", cname("a.corp.example"))
    corp.on("self.corp.example", cname("c.shop.example"))
    default.on("c.shop.example", cname("d.corp.example"))
    corp.on("d.corp.example", cname("c.shop.example"))
    for name in ("a.corp.example", "b.shop.example", "self.corp.example"):
        reply = ask(daemon, name)
        assert rcode(reply) == "SERVFAIL" and not reply.answer and ede(reply)[0] == 22, name
    assert max(len(up.asked(a.folded)) for up in (default, corp) for a in up.asked()) == 1
    assert rrs(ask(daemon, "other.corp.example")) == ["192.0.2.2"]


def test_steps_are_bounded(sides):
    daemon, default, corp, _ = sides()
    names = zigzag(default, corp, 40)
    reply = ask(daemon, names[40 - 8])
    assert rcode(reply) == "NOERROR" and len(reply.answer) == 9
    before = len(default.asked()) + len(corp.asked())
    assert rcode(ask(daemon, names[0])) == "SERVFAIL"
    assert len(default.asked()) + len(corp.asked()) - before <= 9


def test_a_loop_without_ttls_is_not_run_by_each_query(sides):
    daemon, default, corp, _ = sides()
    corp.on("a.corp.example", cname("b.shop.example", ttl=0))
    default.on("b.shop.example", cname("a.corp.example", ttl=0))
    with Raw(daemon) as raw:
        for i in range(50):
            assert rcode_of(raw.exchange(header(i) + question("a", "corp", "example"))) == 2
    assert len(corp.asked("a.corp.example")) < 25, "a failure is kept for a second at least (RFC 9520)"


def test_names_that_are_nobodys_are_asked_of_nobody(sides):
    daemon, default, corp, _ = sides()
    corp.on("a.corp.example", cname("hidden.onion"))
    reply = ask(daemon, "a.corp.example")
    assert rcode(reply) == "NXDOMAIN" and chain(reply) == [("a.corp.example", "CNAME", "hidden.onion")]
    assert not default.asked()


# policy judges the whole


def test_a_blocked_link_is_not_followed(sides):
    daemon, default, corp, _ = sides(lists={"l.yaml": "entries: [ads.example, end.example]\n"})
    corp.on("a.corp.example", cname("ads.example"))
    corp.on("b.corp.example", cname("c.shop.example"))
    default.on("c.shop.example", cname("end.example"))
    corp.on("d.corp.example", cname("e.shop.example"))
    default.on("e.shop.example", cname("f.corp.example"))
    corp.on("f.corp.example", cname("x.ads.example"))
    for name in ("a.corp.example", "b.corp.example", "d.corp.example"):
        for _ in range(2):
            reply = ask(daemon, name)
            assert blocked(reply), name
            assert soa_of(reply)[0].to_text() != "ads.example.", "the chain is not disclosed"
    assert not default.asked("ads.example") and not default.asked("x.ads.example")
    assert daemon.queries()["blocked"] == 6


def test_an_edit_while_the_chain_is_walked(sides):
    daemon, default, corp, _ = sides(lists={"l.yaml": "entries: [other.example]\n"}, timeout="60s")
    gate = threading.Event()
    corp.on("a.corp.example", cname("late.shop.example"))
    default.on("late.shop.example", F.hold(gate, F.answer("192.0.2.1")))
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        slow = pool.submit(ask, daemon, "a.corp.example")
        eventually(lambda: default.asked("late.shop.example"), "the end is asked")
        (daemon.home / "l.yaml").write_text("entries: [late.shop.example]\n")
        daemon.ctl("reload")
        gate.set()
        assert blocked(slow.result())


def test_an_allowed_name_is_allowed_its_whole_chain(sides):
    daemon, default, corp, _ = sides(lists={"l.yaml": "entries: [ads.example]\n", "ok.yaml": "action: allow\nentries: [a.corp.example]\n"})
    corp.on("a.corp.example", cname("ads.example"))
    assert chain(ask(daemon, "a.corp.example")) == [("a.corp.example", "CNAME", "ads.example"), ("ads.example", "A", "192.0.2.1")]


def test_an_entrys_cname_leads_through_zones(sides):
    daemon, default, corp, _ = sides(lists={"l.rpz": "$ORIGIN l.test.\n@ 60 SOA ns. h. 1 2 3 4 5\nads.example CNAME garden.corp.example.\n"})
    corp.on("garden.corp.example", cname("real.shop.example"))
    want = [("ads.example", "CNAME", "garden.corp.example"), ("garden.corp.example", "CNAME", "real.shop.example"), ("real.shop.example", "A", "192.0.2.1")]
    for _ in range(2):
        assert chain(ask(daemon, "ads.example")) == want
    assert len(default.asked()) == len(corp.asked()) == 1


# failing, waiting, reloading


def test_a_stale_part_makes_the_whole_stale(sides):
    daemon, default, corp, _ = sides(timeout="500ms")
    corp.on("a.corp.example", cname("www.shop.example", ttl=300))
    default.on("www.shop.example", F.answer("192.0.2.1", ttl=1), F.silence)
    whole = chain(ask(daemon, "a.corp.example"))

    def stale():
        reply = ask(daemon, "a.corp.example")
        assert chain(reply) == whole, "never a failure while there is something to say"
        return ede(reply) and ede(reply)[0] == 3 and all(rrset.ttl == 30 for rrset in reply.answer)
    eventually(stale, "Stale Answer (RFC 8767)")
    assert len(corp.asked()) == 1


def test_equal_ends_are_asked_once(sides):
    daemon, default, corp, _ = sides(timeout="60s")
    gate = threading.Event()
    default.on("www.shop.example", F.hold(gate, F.answer("192.0.2.1")))
    names = [f"n{i}.corp.example" for i in range(8)]
    for name in names:
        corp.on(name, cname("www.shop.example"))
    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        replies = [pool.submit(ask, daemon, name) for name in names * 3]
        eventually(lambda: {a.folded for a in corp.asked()} >= set(names) and default.asked("www.shop.example"), "all have come to the end")
        gate.set()
        for name, reply in zip(names * 3, replies):
            assert chain(reply.result()) == [(name, "CNAME", "www.shop.example"), ("www.shop.example", "A", "192.0.2.1")]
    assert len(default.asked("www.shop.example")) <= 3, "one question, and what is sent again for want of an answer"


def test_without_recursion_desired_only_what_is_cached(sides):
    daemon, default, corp, _ = sides()
    corp.on("a.corp.example", cname("www.shop.example"))
    ask(daemon, "a.corp.example")
    assert len(chain(ask(daemon, "a.corp.example", flags=0))) == 2
    daemon.ctl("cache", "flush", "shop.example")
    assert rcode(ask(daemon, "a.corp.example", flags=0)) == "REFUSED"
    assert len(default.asked()) == 1


def test_a_whole_that_is_too_large(sides):
    daemon, default, corp, _ = sides()
    corp.on("a.corp.example", cname("www.shop.example"))
    default.on("www.shop.example", F.truncated(F.answer(*(f"192.0.2.{i}" for i in range(200)))))
    reply = ask(daemon, "a.corp.example")
    assert reply.flags & dns.flags.TC and not reply.answer
    assert len(chain(ask(daemon, "a.corp.example", tcp=True))) == 201


def test_no_ad_from_parts(sides):
    """AD of one server is nothing of the other's; over plain DNS none is passed on at all."""
    daemon, default, corp, _ = sides()
    corp.on("a.corp.example", cname("www.shop.example", flags=dns.flags.AD))
    default.on("www.shop.example", F.records("300 A 192.0.2.1", flags=dns.flags.AD))
    with Raw(daemon) as raw:
        for name in (("a", "corp", "example"), ("www", "shop", "example")):
            wire = raw.exchange(header(flags=0x0120, ar=1) + question(*name) + opt(flags=0x8000))
            assert rcode_of(wire) == 0 and not wire[3] & 0x20


def reroute(daemon, default, routes):
    daemon.configure(upstream={"servers": [default.endpoint], "routes": [{"zone": z, "servers": [u.endpoint]} for z, u in routes]})
    daemon.ctl("reload")


def test_a_route_that_changes_takes_its_answers_along(sides):
    daemon, default, corp, lab = sides()
    default.on("www.shop.example", cname("a.corp.example", f"a.corp.example. 300 A {FALSE}"))
    default.on("far.shop.example", cname("near.shop.example", f"near.shop.example. 300 CNAME x.new.example.", f"x.new.example. 300 A {FALSE}"))
    names = ("a.corp.example", "b.lab.example", "c.other.example", "x.new.example", "www.shop.example", "far.shop.example")

    def now():
        return [rrs(ask(daemon, name))[-1] for name in names]
    assert now() == ["192.0.2.2", "192.0.2.3", "192.0.2.1", "192.0.2.1", "192.0.2.2", FALSE]
    # corp.example moves to the other server, new.example is new
    reroute(daemon, default, [("corp.example", lab), ("lab.example", lab), ("new.example", corp)])
    for _ in range(2):
        assert now() == ["192.0.2.3", "192.0.2.3", "192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.2"]
    assert len(default.asked("c.other.example")) == 1 and len(lab.asked("b.lab.example")) == 1, "what did not change is kept"
    # and all go
    reroute(daemon, default, [])
    default.on("far.shop.example", F.answer("192.0.2.9"))
    assert now() == ["192.0.2.1"] * 4 + [FALSE, "192.0.2.9"], "now it is the default servers that know"
    assert len(default.asked("c.other.example")) == 1


def test_what_was_under_way_to_the_old_route_is_not_kept(sides):
    daemon, default, corp, lab = sides(timeout="60s")
    gate = threading.Event()
    corp.on("slow.corp.example", F.hold(gate, F.answer("192.0.2.2")))
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        slow = pool.submit(ask, daemon, "slow.corp.example")
        eventually(lambda: corp.asked("slow.corp.example"), "it is asked")
        reroute(daemon, default, [("corp.example", lab)])
        gate.set()
        slow.result()
    assert rrs(ask(daemon, "slow.corp.example")) == ["192.0.2.3"]
