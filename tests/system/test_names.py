# SPDX-License-Identifier: BSD-2-Clause
"""Names answered here (RFC 6761, RFC 6303 and those after them): every zone, and that nothing of it goes upstream unless a route or
saring.yaml says so. The table here is written from the RFCs, not from saring's."""
import itertools
import random

import dns.flags
import dns.name
import pytest

from harness import fake as F
from harness.ask import ask, ede, eventually, rcode, rrs

DENIED = ["invalid", "onion", "local", "alt", "6tisch.arpa", "eap-noob.arpa"]
ON_WISH = ["use-application-dns.net", "mask.icloud.com", "mask-h2.icloud.com", "intranet", "internal", "private", "corp", "home", "lan"]
NIBBLES = "0." * 31
EMPTY = ["home.arpa", "resolver.arpa", "service.arpa", "10.in-addr.arpa", "168.192.in-addr.arpa", "0.in-addr.arpa", "127.in-addr.arpa",
         "254.169.in-addr.arpa", "2.0.192.in-addr.arpa", "100.51.198.in-addr.arpa", "113.0.203.in-addr.arpa", "255.255.255.255.in-addr.arpa",
         *(f"{n}.172.in-addr.arpa" for n in range(16, 32)), *(f"{n}.100.in-addr.arpa" for n in range(64, 128)),
         f"0.{NIBBLES}ip6.arpa", f"1.{NIBBLES}ip6.arpa", "d.f.ip6.arpa", "8.e.f.ip6.arpa", "9.e.f.ip6.arpa", "a.e.f.ip6.arpa",
         "b.e.f.ip6.arpa", "8.b.d.0.1.0.0.2.ip6.arpa"]
ORDINARY = ["ipv4only.arpa", "170.0.0.192.in-addr.arpa", "171.0.0.192.in-addr.arpa", "example", "example.com", "www.example.net", "example.org",
            "15.172.in-addr.arpa", "32.172.in-addr.arpa", "63.100.in-addr.arpa", "128.100.in-addr.arpa", "11.in-addr.arpa", "arpa",
            "localhost.example", "notlocalhost", "c.e.f.ip6.arpa", f"2.{NIBBLES}ip6.arpa"]
TYPES = ["A", "AAAA", "SOA", "NS", "PTR", "TXT", "ANY", "DS", "SVCB"]


@pytest.fixture
def up(fake):
    return fake()


def serve(saringd, up, files=None, routes=None, **config):
    return saringd({"upstream": {"servers": [up.endpoint], **({"routes": routes} if routes else {})}, **config}, files)


def odd_case(name):
    return "".join(random.choice((c.lower(), c.upper())) for c in name)


def is_soa(rrset, zone):
    """RFC 6303, section 3: @ 10800 IN SOA @ nobody.invalid. 1 3600 1200 604800 10800"""
    zone = dns.name.from_text(zone)
    soa = rrset[0]
    return (rrset.name, rrset.ttl, soa.mname, soa.rname.to_text()) == (zone, 10800, zone, "nobody.invalid.") and (
        soa.serial, soa.refresh, soa.retry, soa.expire, soa.minimum) == (1, 3600, 1200, 604800, 10800)


def negative(reply, zone, code):
    assert rcode(reply) == code and not reply.answer and reply.flags & dns.flags.AA, reply
    assert len(reply.authority) == 1 and is_soa(reply.authority[0], zone), reply
    return True


def positive(reply, rdtype, *texts):
    assert rcode(reply) == "NOERROR" and reply.flags & dns.flags.AA and not reply.authority, reply
    assert [text.lower() for text in rrs(reply, rdtype)] == sorted(texts) and len(reply.answer) == 1 and reply.answer[0].ttl == 10800, reply
    return True


@pytest.fixture
def transports():
    turns = itertools.cycle((False, False, False, True))
    return lambda: next(turns)


def test_denied_zones(saringd, up, transports):
    daemon = serve(saringd, up, names={"deny": ON_WISH})
    for zone in DENIED + ON_WISH:
        for name in (zone, odd_case(f"www.{zone}"), f"a.b.c.{zone}"):
            for rdtype in TYPES:
                assert negative(ask(daemon, name, rdtype, tcp=transports()), zone, "NXDOMAIN")
    assert not up.asked()
    queries = daemon.queries()
    assert queries["local"] == queries["total"] and queries["forwarded"] == 0


def test_empty_zones(saringd, up, transports):
    daemon = serve(saringd, up)
    for zone in EMPTY:
        for rdtype in TYPES:
            reply = ask(daemon, odd_case(zone), rdtype, tcp=transports())
            if zone.startswith("1.0.") and rdtype in ("PTR", "ANY"):
                assert positive(reply, "PTR", "localhost.")
            elif rdtype in ("SOA", "ANY"):
                assert rcode(reply) == "NOERROR" and reply.flags & dns.flags.AA and is_soa(reply.answer[0], zone) and not reply.authority
            elif rdtype == "NS":
                assert positive(reply, "NS", zone + ".")
            else:
                assert negative(reply, zone, "NOERROR")
            assert negative(ask(daemon, f"x9.{zone}", rdtype), zone, "NXDOMAIN")
    assert not up.asked()


def test_localhost(saringd, up):
    daemon = serve(saringd, up)
    for name in ("localhost", "LocalHost", "foo.localhost", "a.b.localhost"):
        for tcp in (False, True):
            assert positive(ask(daemon, name, "A", tcp=tcp), "A", "127.0.0.1")
            assert positive(ask(daemon, name, "AAAA", tcp=tcp), "AAAA", "::1")
            assert positive(ask(daemon, name, "ANY", tcp=tcp), "A", "127.0.0.1")
            for rdtype in ("TXT", "MX", "HTTPS", "SVCB", "NS", "SOA", "DS", "PTR", "CNAME", "TYPE65280"):
                assert negative(ask(daemon, name, rdtype, tcp=tcp), "localhost", "NOERROR")
    assert positive(ask(daemon, "1.0.0.127.in-addr.arpa", "PTR"), "PTR", "localhost.")
    assert negative(ask(daemon, "1.0.0.127.in-addr.arpa", "A"), "127.in-addr.arpa", "NOERROR")
    assert negative(ask(daemon, "0.0.127.in-addr.arpa", "PTR"), "127.in-addr.arpa", "NOERROR")
    assert negative(ask(daemon, "2.0.0.127.in-addr.arpa", "PTR"), "127.in-addr.arpa", "NXDOMAIN")
    assert not up.asked()


def test_designated_resolvers(saringd, up):
    """RFC 9462: that there is none is said by NODATA, and never by what upstream servers would say of themselves."""
    daemon = serve(saringd, up)
    for name in ("_dns.resolver.arpa", "resolver.arpa"):
        for rdtype in ("SVCB", "A", "TXT"):
            assert negative(ask(daemon, name, rdtype), "resolver.arpa", "NOERROR")
    for name in ("_853._dns.resolver.arpa", "x.resolver.arpa"):
        assert negative(ask(daemon, name, "SVCB"), "resolver.arpa", "NXDOMAIN")
    assert not up.asked()


def test_names_that_are_ordinary(saringd, up):
    daemon = serve(saringd, up)
    for name in ORDINARY + ON_WISH + ["www.test"]:
        assert rrs(ask(daemon, name)) == ["192.0.2.200"], name
        assert len(up.asked(name)) == 1


def test_ds_of_home_arpa(saringd, up):
    """RFC 8375: a client that validates must hear from the parent that home.arpa is not signed."""
    daemon = serve(saringd, up)
    assert negative(ask(daemon, "home.arpa", "DS"), "home.arpa", "NOERROR")
    assert not up.asked()
    ask(daemon, "home.arpa", "DS", want_dnssec=True)
    assert [(a.folded, a.type) for a in up.asked()] == [("home.arpa", "DS")]
    assert negative(ask(daemon, "x.home.arpa", "DS", want_dnssec=True), "home.arpa", "NXDOMAIN")


def test_switched_off_one_by_one(saringd, up):
    """names.forward takes every name of the table, each as it stands there; the others stay."""
    zones = ["localhost", "test", *DENIED, *EMPTY]
    daemon = serve(saringd, up, names={"forward": zones[::2]})
    for zone in zones:
        reply = ask(daemon, f"x.{zone}")
        if zone in zones[::2] or zone == "test":  # the fake is at a private address
            assert rrs(reply) == ["192.0.2.200"] and up.asked(f"x.{zone}"), zone
        else:
            assert reply.flags & dns.flags.AA and not up.asked(f"x.{zone}"), zone


def test_a_reload_switches(saringd, up):
    """Above the cache: what was forwarded and kept a moment ago is answered here now, and the other way round."""
    daemon = serve(saringd, up)
    assert negative(ask(daemon, "nas.home.arpa"), "home.arpa", "NXDOMAIN") and rrs(ask(daemon, "nas.lan")) == ["192.0.2.200"]
    daemon.configure(names={"forward": ["home.arpa"], "deny": ["lan"]})
    daemon.ctl("reload")
    assert rrs(ask(daemon, "nas.home.arpa")) == ["192.0.2.200"] and negative(ask(daemon, "nas.lan"), "lan", "NXDOMAIN")
    daemon.configure(names={"forward": []})
    daemon.ctl("reload")
    assert negative(ask(daemon, "nas.home.arpa"), "home.arpa", "NXDOMAIN") and rrs(ask(daemon, "nas.lan")) == ["192.0.2.200"]


def test_routes_go_first(saringd, up, fake):
    own = fake(F.answer("192.0.2.99"))
    daemon = serve(saringd, up, names={"deny": ["lan", "corp"]},
                   routes=[{"zone": z, "servers": [own.endpoint]} for z in ("10.in-addr.arpa", "5.168.192.in-addr.arpa", "home.arpa", "lan", "lab.test")])
    for name in ("10.in-addr.arpa", "3.2.1.10.in-addr.arpa", "7.5.168.192.in-addr.arpa", "home.arpa", "nas.home.arpa", "nas.lan", "a.lab.test"):
        assert rrs(ask(daemon, name)) == ["192.0.2.99"], name
        assert daemon.explain(name)["route"] is not None and daemon.explain(name)["answered_here"] is None
    for name, zone in (("7.6.168.192.in-addr.arpa", "168.192.in-addr.arpa"), ("x.corp", "corp"), ("x.onion", "onion")):
        assert negative(ask(daemon, name), zone, "NXDOMAIN")
    assert not up.asked()
    # a route above a zone of the table takes it, too; one for the root is for what is left
    daemon = serve(saringd, up, routes=[{"zone": "arpa", "servers": [own.endpoint]}, {"zone": ".", "servers": [own.endpoint]}])
    assert rrs(ask(daemon, "1.16.172.in-addr.arpa")) == ["192.0.2.99"] and rrs(ask(daemon, "_dns.resolver.arpa")) == ["192.0.2.99"]
    assert negative(ask(daemon, "x.onion"), "onion", "NXDOMAIN") and positive(ask(daemon, "localhost"), "A", "127.0.0.1")
    assert not up.asked()


def test_lists_speak_first(saringd, up):
    daemon = serve(saringd, up, {"b.yaml": "entries: [ads.local, 10.in-addr.arpa]\n", "a.yaml": "action: allow\nentries: [good.onion]\n"},
                   lists=[{"name": "b", "file": "b.yaml"}, {"name": "a", "file": "a.yaml"}])
    for name in ("ads.local", "1.2.3.10.in-addr.arpa"):
        reply = ask(daemon, name)
        assert rcode(reply) == "NXDOMAIN" and ede(reply)[0] == 15 and not reply.flags & dns.flags.AA
        assert reply.authority[0].ttl == 10 and reply.authority[0][0].mname.to_text() == "saring.invalid."
    told = daemon.explain("ads.local")
    assert told["verdict"] == "blocked" and told["answered_here"] is None
    # an allow entry is no permission to ask anybody
    assert negative(ask(daemon, "good.onion"), "onion", "NXDOMAIN")
    told = daemon.explain("good.onion")
    assert told["verdict"] == "allowed" and told["answered_here"]["zone"] == "onion"
    assert negative(ask(daemon, "other.local"), "local", "NXDOMAIN")
    assert not up.asked()


def test_dotless(saringd, up):
    daemon = serve(saringd, up, names={"dotless": "nodata"})
    for rdtype in ("A", "AAAA"):
        assert negative(ask(daemon, "printer", rdtype), "printer", "NOERROR")
    assert not up.asked()
    ask(daemon, "com", "NS")
    ask(daemon, "com", "DS")
    assert rrs(ask(daemon, "printer.example")) == ["192.0.2.200"]
    assert {(a.folded, a.type) for a in up.asked()} == {("com", "NS"), ("com", "DS"), ("printer.example", "A")}
    assert positive(ask(daemon, "localhost"), "A", "127.0.0.1")


def test_what_explain_says(saringd, up):
    daemon = serve(saringd, up, names={"deny": ["lan"], "dotless": "nodata"}, routes=[{"zone": "corp.example", "servers": [up.endpoint]}])
    for name, rdtype, here in (
            ("a.localhost", "A", {"zone": "localhost", "source": "RFC 6761", "answer": "data", "record": "A 127.0.0.1", "ttl": 10800}),
            ("localhost", "AAAA", {"zone": "localhost", "source": "RFC 6761", "answer": "data", "record": "AAAA ::1", "ttl": 10800}),
            ("localhost", "TXT", {"zone": "localhost", "source": "RFC 6761", "answer": "nodata", "ttl": 10800}),
            ("1.0.0.127.in-addr.arpa", "PTR", {"zone": "127.in-addr.arpa", "source": "RFC 6303", "answer": "data", "record": "PTR localhost", "ttl": 10800}),
            ("10.in-addr.arpa", "SOA", {"zone": "10.in-addr.arpa", "source": "RFC 6303", "answer": "data", "record": "SOA 10.in-addr.arpa", "ttl": 10800}),
            ("1.10.in-addr.arpa", "PTR", {"zone": "10.in-addr.arpa", "source": "RFC 6303", "answer": "nxdomain", "ttl": 10800}),
            ("Nas.LAN", "A", {"zone": "lan", "source": "RFC 6762 appendix G", "answer": "nxdomain", "ttl": 10800}),
            ("printer", "A", {"zone": "printer", "source": "names.dotless", "answer": "nodata", "ttl": 10800}),
            ("www.example", "A", None), ("printer", "MX", None)):
        told = daemon.explain(name, "--type", rdtype)
        assert told["answered_here"] == here, name
        assert (told["verdict"], told["rule"], told["answer"], told["route"]) == ("none", None, None, None)
    assert daemon.explain("a.corp.example")["route"] == "corp.example"
    people = daemon.ctl("explain", "a.localhost").out
    assert "a.localhost A is not blocked: no entry decides; it is answered here (localhost, RFC 6761): A 127.0.0.1 (TTL 10800 s)." in people
    assert "CNAME" not in people
    assert "by the servers of the route corp.example." in daemon.ctl("explain", "x.corp.example").out
    assert "; it is resolved." in daemon.ctl("explain", "www.example").out


def test_where_an_entry_leads(saringd, up):
    """A CNAME of a list's own that points at such a name: its target is answered here, and asked of nobody."""
    zone = "$TTL 60\n@ SOA a. b. 1 2 3 4 5\n@ NS a.\nads.example CNAME localhost.\ndead.example CNAME x.invalid.\n"
    daemon = serve(saringd, up, {"l.rpz": zone}, lists=[{"name": "l", "file": "l.rpz", "format": "rpz"}])
    reply = ask(daemon, "ads.example")
    assert rrs(reply, "CNAME") == ["localhost."] and rrs(reply) == ["127.0.0.1"]
    reply = ask(daemon, "dead.example")
    assert rcode(reply) == "NXDOMAIN" and rrs(reply, "CNAME") == ["x.invalid."]
    assert not up.asked()
    assert eventually(lambda: daemon.queries()["blocked"] == 2, "counted as blocks")


def test_where_a_route_leads(saringd, up, fake):
    """A chain that leaves a route's zone for such a name ends there: it is there or not, as it would be if asked for, and nobody is asked."""
    own = fake()
    for label, target in (("a", "localhost."), ("b", "x.onion."), ("c", "home.arpa.")):
        own.on(f"{label}.corp.example", F.records(f"300 CNAME {target}"))
    daemon = serve(saringd, up, routes=[{"zone": "corp.example", "servers": [own.endpoint]}])
    for _ in range(2):
        for label, code, target in (("a", "NOERROR", "localhost."), ("b", "NXDOMAIN", "x.onion."), ("c", "NOERROR", "home.arpa.")):
            reply = ask(daemon, f"{label}.corp.example")
            assert (rcode(reply), rrs(reply, "CNAME")) == (code, [target])
    assert not up.asked()
