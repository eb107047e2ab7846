# SPDX-License-Identifier: BSD-2-Clause
"""The operator's own records: every type as dnspython reads it, the semantics of names as Knot DNS has them for the same zone, their place
before lists, routes and special names, and every fault in them with its place."""
import random

import dns.flags
import dns.name
import dns.rdatatype
import dns.rrset
import pytest

from harness import fake as F
from harness import knot as K
from harness.ask import ask, eventually, rcode, rrs

LAB = """\
*.lab.example 300 A 192.0.2.1
*.lab.example 300 TXT "wild"
host.lab.example 300 A 192.0.2.2
host.lab.example 300 AAAA 2001:db8::2
deep.ent.lab.example 300 A 192.0.2.3
*.sub.lab.example 300 MX 10 host.lab.example.
alias.lab.example 300 CNAME host.lab.example.
toalias.lab.example 300 CNAME alias.lab.example.
towild.lab.example 300 CNAME anything.lab.example.
*.cn.lab.example 300 CNAME alias.lab.example.
tonodata.lab.example 300 CNAME deep.ent.lab.example.
tonx.lab.example 300 CNAME x.host.lab.example.
toent.lab.example 300 CNAME ent.lab.example.
""".splitlines()
TYPES = ["A", "AAAA", "CNAME", "TXT", "MX", "SRV", "HTTPS", "PTR", "DS"]


@pytest.fixture
def up(fake):
    return fake()


def serve(saringd, up, records, files=None, routes=None, **config):
    return saringd({"upstream": {"servers": [up.endpoint], **({"routes": routes} if routes else {})}, "records": records, **config}, files)


def answers(reply):
    """The answer section as text, names folded, TTLs left out: as two servers say the same."""
    return sorted((rrset.name.canonicalize().to_text(), dns.rdatatype.to_text(rrset.rdtype), rd.to_text().lower()) for rrset in reply.answer for rd in rrset)


def names_below(rng, count):
    labels = ["host", "ent", "deep", "sub", "cn", "alias", "x", "*", "toalias", "towild", "tonx", "toent", "tonodata"]
    return {".".join(rng.choice(labels) for _ in range(rng.randint(1, 4))) + ".lab.example" for _ in range(count)}


def test_as_knot_has_them(saringd, up, own_knot):
    """RFC 4592 and RFC 1034 §4.3.2, by another's word: below the wildcard's name, rcode and records are those of a zone."""
    knot = own_knot(zone=K.ZONE + "\n".join(line.replace(" 300 ", " 300 IN ", 1) for line in LAB) + "\n")
    daemon = serve(saringd, up, LAB)
    rng = random.Random(4592)
    asked = 0
    for name in sorted(names_below(rng, 120) | {line.split()[0] for line in LAB} | {"ent.lab.example", "x.ent.lab.example", "sub.lab.example"}):
        for rdtype in TYPES:
            ours, theirs = ask(daemon, name, rdtype), ask(knot.port, name, rdtype)
            assert (rcode(ours), answers(ours)) == (rcode(theirs), answers(theirs)), f"{name} {rdtype}\n{ours}\n{theirs}"
            assert ours.flags & dns.flags.AA and ours.flags & dns.flags.RA
            assert bool(ours.authority) == (not theirs.answer or bool(theirs.authority)), f"{name} {rdtype}\n{ours}\n{theirs}"
            asked += 1
    assert asked > 500 and not up.asked()
    queries = daemon.queries()
    assert queries["local"] == queries["total"]


FORMS = [
    ("A", "192.168.1.10"), ("AAAA", "fd00::10"), ("TXT", '"v=spf1 -all" "second \\" \\\\ \\255"'), ("PTR", "host.example."), ("MX", "10 mail.example."),
    ("SRV", "0 5 5060 sip.example."), ("HTTPS", '1 . alpn="h2,h3" port="8443" ipv4hint="192.0.2.1,192.0.2.2" ipv6hint="2001:db8::1"'),
    ("HTTPS", "0 other.example."), ("SVCB", '1 svc.example. mandatory="alpn" alpn="dot" no-default-alpn'),
    ("HTTPS", '16 foo.example.org. mandatory="alpn,ipv4hint" alpn="h2,h3-19" ipv4hint="192.0.2.1"'), ("HTTPS", '1 foo.example. key667="hello\\210qoo"'),
    ("HTTPS", '1 . ech="AEn+DQBFKwAgACABWIHUGj4u+PIggYXcR5JF0gYk3dCRioBW8uJq9H4mKAAIAAEAAQABAANAEnB1YmxpYy50bHMtZWNoLmRldgAA"'),
]


def test_every_type(saringd, up):
    """Written as zone files have them; read back by dnspython, which reads the same text."""
    daemon = serve(saringd, up, [f"n{i}.home.example 7m IN {rdtype} {data}" for i, (rdtype, data) in enumerate(FORMS)])
    for i, (rdtype, data) in enumerate(FORMS):
        want = dns.rrset.from_text(f"n{i}.home.example.", 420, "IN", rdtype, data)
        for tcp in (False, True):
            reply = ask(daemon, f"N{i}.Home.Example", rdtype, tcp=tcp)
            assert rcode(reply) == "NOERROR" and len(reply.answer) == 1 and reply.flags & dns.flags.AA
            assert reply.answer[0].to_rdataset() == want.to_rdataset() and reply.answer[0].ttl == 420
        missing = ask(daemon, f"n{i}.home.example", "NAPTR")
        assert rcode(missing) == "NOERROR" and not missing.answer and missing.authority[0].rdtype == dns.rdatatype.SOA
    assert not up.asked()


def test_mappings(saringd, up):
    daemon = serve(saringd, up, [
        {"name": "nas.home.example", "data": ["192.168.1.10", "192.168.1.11", "fd00::10"]},
        {"name": "mail.home.example", "type": "TXT", "data": "v=spf1 -all", "ttl": 60},
        {"name": "key.home.example", "type": "TXT", "data": "k" * 600},
        {"name": "b\u00fccher.home.example", "type": "a", "data": "192.168.1.12", "ttl": "1h"}])
    assert rrs(ask(daemon, "nas.home.example", "A")) == ["192.168.1.10", "192.168.1.11"]
    assert ask(daemon, "nas.home.example", "A").answer[0].ttl == 300
    assert rrs(ask(daemon, "nas.home.example", "AAAA"), "AAAA") == ["fd00::10"]
    assert rrs(ask(daemon, "mail.home.example", "TXT"), "TXT") == ['"v=spf1 -all"']
    strings = ask(daemon, "key.home.example", "TXT").answer[0][0].strings
    assert [len(s) for s in strings] == [255, 255, 90] and b"".join(strings) == b"k" * 600
    reply = ask(daemon, "xn--bcher-kva.home.example", "A")
    assert rrs(reply) == ["192.168.1.12"] and reply.answer[0].ttl == 3600
    assert daemon.status()["records"] == {"configured": 6, "hosts": 0, "reverse": 4, "names": 8}


def test_beside_and_below_goes_on(saringd, up):
    """Records say nothing of other names: one host of a domain does not take the domain."""
    daemon = serve(saringd, up, ["www.corp.example A 192.168.1.1", "a.b.other.example A 192.168.1.2"])
    for name in ("corp.example", "mail.corp.example", "x.www.corp.example", "other.example", "b.other.example"):
        assert rrs(ask(daemon, name)) == ["192.0.2.200"], name
    assert rrs(ask(daemon, "www.corp.example")) == ["192.168.1.1"]


def test_names_above_are_not_denied(saringd, up):
    """NXDOMAIN would deny the record below (RFC 8020): whoever says it of a name above, it becomes NODATA."""
    up.on("b.gone.example", F.error("NXDOMAIN"))
    up.on("c.gone.example", F.error("NXDOMAIN"))
    daemon = serve(saringd, up, ["a.b.gone.example A 192.168.1.1", "a.b.home.arpa A 192.168.1.2", "a.b.far.example A 192.168.1.3"],
                   files={"l.txt": "far.example\n"}, **{"lists": [{"name": "l", "file": "l.txt", "format": "domains", "match": "subtree"}]})
    for name in ("b.gone.example", "b.home.arpa", "b.far.example"):
        reply = ask(daemon, name)
        assert rcode(reply) == "NOERROR" and not reply.answer, name
    for name in ("c.gone.example", "c.home.arpa", "c.far.example", "x.b.home.arpa"):
        assert rcode(ask(daemon, name)) == "NXDOMAIN", name
    for name in ("a.b.gone.example", "a.b.home.arpa", "a.b.far.example"):
        assert len(rrs(ask(daemon, name))) == 1


def test_reverse(saringd, up):
    daemon = serve(saringd, up, [
        "nas.home.example A 192.168.1.10", "second.home.example A 192.168.1.10", "nas.home.example AAAA fd00::10", "said.home.example A 192.168.1.11",
        "11.1.168.192.in-addr.arpa PTR other.home.example", "null.home.example A 0.0.0.0", "*.wild.home.example A 192.168.1.12"])
    assert rrs(ask(daemon, "10.1.168.192.in-addr.arpa", "PTR"), "PTR") == ["nas.home.example."]
    assert rrs(ask(daemon, "11.1.168.192.in-addr.arpa", "PTR"), "PTR") == ["other.home.example."]
    nibbles = dns.name.from_text("0.1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa")
    assert rrs(ask(daemon, nibbles, "PTR"), "PTR") == ["nas.home.example."]
    assert rcode(ask(daemon, "12.1.168.192.in-addr.arpa", "PTR")) == "NXDOMAIN"  # RFC 6303: nobody else's
    assert rcode(ask(daemon, "1.168.192.in-addr.arpa", "PTR")) == "NOERROR"      # above a record
    assert not up.asked()


def test_cname_leads_out(saringd, up):
    """The question goes on under the target, which no list judges; its records, denials and failures are the answer's."""
    up.on("target.example", F.records("100 A 192.0.2.9"))
    up.on("gone.example", F.error("NXDOMAIN"))
    up.on("broken.example", F.error("SERVFAIL"))
    daemon = serve(saringd, up, ["one.home.example CNAME two.home.example", "two.home.example 30 CNAME target.example", "nx.home.example CNAME gone.example",
                                 "bad.home.example CNAME broken.example", "loc.home.example CNAME localhost"],
                   files={"l.txt": "target.example\none.home.example\n"}, **{"lists": [{"name": "l", "file": "l.txt", "format": "domains"}]})
    for _ in range(2):  # asked for, and cached
        for tcp in (False, True):
            reply = ask(daemon, "one.home.example", tcp=tcp)
            assert [(r.name.to_text(), dns.rdatatype.to_text(r.rdtype), r[0].to_text()) for r in reply.answer] == [
                ("one.home.example.", "CNAME", "two.home.example."), ("two.home.example.", "CNAME", "target.example."), ("target.example.", "A", "192.0.2.9")]
            assert [r.ttl for r in reply.answer][:2] == [300, 30] and rcode(reply) == "NOERROR"
    assert len(up.asked("target.example")) == 1 and not up.asked("one.home.example")
    assert rcode(ask(daemon, "nx.home.example")) == "NXDOMAIN" and rrs(ask(daemon, "nx.home.example"), "CNAME") == ["gone.example."]
    assert rcode(ask(daemon, "bad.home.example")) == "SERVFAIL"
    assert rrs(ask(daemon, "loc.home.example")) == ["127.0.0.1"]
    assert rrs(ask(daemon, "one.home.example", "CNAME"), "CNAME") == ["two.home.example."]
    assert rcode(ask(daemon, "target.example")) == "NXDOMAIN"  # asked for itself it is blocked
    queries = daemon.queries()
    assert queries["blocked"] == 1 and queries["failed"] == 1 and queries["local"] == queries["total"] - 2


def test_before_lists_and_routes(saringd, up, fake):
    other = fake(F.answer("192.0.2.77"))
    daemon = serve(saringd, up, ["ads.example A 192.168.1.1", "host.corp.example A 192.168.1.2", "5.1.168.192.in-addr.arpa PTR five.example", "router A 192.168.1.254",
                                 "localhost A 192.168.1.3"],
                   routes=[{"zone": "corp.example", "servers": [other.endpoint]}, {"zone": "192.168.0.0/16", "servers": [other.endpoint]}],
                   files={"l.txt": "ads.example\n"},
                   **{"lists": [{"name": "l", "file": "l.txt", "format": "domains", "mandatory": True, "match": "subtree"}], "names": {"dotless": "nodata"}})
    assert rrs(ask(daemon, "ads.example")) == ["192.168.1.1"] and rcode(ask(daemon, "ads.example", "AAAA")) == "NOERROR"
    assert rcode(ask(daemon, "x.ads.example")) == "NXDOMAIN"
    assert rrs(ask(daemon, "host.corp.example")) == ["192.168.1.2"] and rrs(ask(daemon, "else.corp.example")) == ["192.0.2.77"]
    assert rrs(ask(daemon, "5.1.168.192.in-addr.arpa", "PTR"), "PTR") == ["five.example."]
    assert rrs(ask(daemon, "router")) == ["192.168.1.254"] and rrs(ask(daemon, "localhost")) == ["192.168.1.3"]
    assert [a.folded for a in other.asked()] == ["else.corp.example"]


def test_any_and_size(saringd, up):
    daemon = serve(saringd, up, [f"big.example TXT \"{'x' * 200}{i}\"" for i in range(40)] + ["two.example A 192.168.1.1", "two.example MX 1 two.example"])
    assert ask(daemon, "big.example", "TXT").flags & dns.flags.TC
    assert len(rrs(ask(daemon, "big.example", "TXT", tcp=True), "TXT")) == 40
    reply = ask(daemon, "two.example", "ANY")
    assert rrs(reply, "A") == ["192.168.1.1"] and rrs(reply, "MX") == ["1 two.example."]


def test_wildcards_in_a_circle(saringd, up):
    """A hosts file may end it, so that it is no error; what asks there fails, and whoever looks is told."""
    daemon = serve(saringd, up, ["*.a.example CNAME x.b.example", "*.b.example CNAME x.a.example"], hosts="hosts")
    assert rcode(ask(daemon, "y.a.example")) == "SERVFAIL" and not up.asked()
    assert daemon.stderr().count("records.circle") == 2
    warnings = [w for w in daemon.ctl("--json", "check").json["warnings"] if "circle" in w["text"]]
    assert [w["kind"] for w in warnings] == ["unreachable"] * 2 and all(w["file"].endswith("saring.yaml") for w in warnings)
    (daemon.home / "hosts").write_text("192.0.2.9 x.a.example\n")
    eventually(lambda: rrs(ask(daemon, "y.b.example")) == ["192.0.2.9"], "the hosts file has the name")
    assert not any("circle" in w["text"] for w in daemon.ctl("--json", "check").json["warnings"])


def test_reload_and_waiting(saringd, up):
    """A record that comes while its name is being asked for upstream is what the client gets."""
    import threading
    event = threading.Event()
    up.on("slow.example", F.hold(event, F.answer("192.0.2.1")))
    daemon = serve(saringd, up, ["fixed.example A 192.168.1.1"])
    got = []
    thread = threading.Thread(target=lambda: got.append(ask(daemon, "slow.example")))
    thread.start()
    eventually(lambda: up.asked("slow.example"), "it is asked for")
    daemon.configure(records=["slow.example A 192.168.1.2"])
    assert daemon.ctl("reload").code == 0
    event.set()
    thread.join()
    assert rrs(got[0]) == ["192.168.1.2"]
    assert rrs(ask(daemon, "fixed.example")) == ["192.0.2.200"]


def test_faults(saringd, up):
    """All of them, each with its line."""
    text = """\
listen: [dns://127.0.0.1:0]
records:
  - nas.home.example A 192.168.1.300
  - {name: x.example, type: FOO, data: 1}
  - {name: x.example, type: AAAA, data: 192.168.1.1}
  - {nam: y.example, data: 192.168.1.1}
  - {name: y.example}
  - {name: y.example, data: hello}
  - {name: y.example, data: 192.168.1.1, ttl: soon}
  - c.example CNAME d.example
  - c.example A 192.168.1.1
  - t.example A 192.168.1.1
  - t.example 60 IN A 192.168.1.1
  - l1.example CNAME l2.example
  - l2.example CNAME l1.example
  - h.example CH TXT "x"
  - "* A 192.168.1.1"
  - h.example HTTPS 1 . alpn=h2 alpn=h3
  - h.example HTTPS 1 . mandatory=port
  - h.example TXT "open
  - [a, b]
  - e.example CNAME f.example
  - e.example CNAME g.example
  - "h.example MX mail.example"
"""
    daemon = saringd(text=text, start=False)
    result = daemon.run("saringd", "-c", daemon.config_path, "-t")
    lines = {int(line.split("saring.yaml:")[1].split(":")[0]) for line in (result.out + result.err).splitlines() if "saring.yaml:" in line}
    assert result.code == 1 and {3, 4, 5, 6, 7, 8, 9, 10, 13, 14, 15, 16, 17, 18, 19, 20, 21, 23, 24} <= lines, (lines, result)
    assert "192.168.1.300" in result.out + result.err and "line 12 already" in result.out + result.err


def test_a_hundred_thousand(saringd, up):
    daemon = serve(saringd, up, [f"h{i}.many.example A 10.{i >> 16}.{i >> 8 & 255}.{i & 255}" for i in range(100000)])
    for i in (0, 1, 4711, 99999):
        address = f"10.{i >> 16}.{i >> 8 & 255}.{i & 255}"
        assert rrs(ask(daemon, f"h{i}.many.example")) == [address]
        assert rrs(ask(daemon, ".".join(reversed(address.split("."))) + ".in-addr.arpa", "PTR"), "PTR") == [f"h{i}.many.example."]
    assert rrs(ask(daemon, "h100000.many.example")) == ["192.0.2.200"]
    assert daemon.status()["records"]["configured"] == 100000


def test_explain_of_a_chain_to_a_blocked_name(saringd, fake):
    """What is blocked for where its answer leads, above a record of one's own: served as NODATA, and explain says no other."""
    up = fake(F.records("up.r.example. 300 CNAME tracker.example.", "tracker.example. 300 A 192.0.2.9"))
    daemon = serve(saringd, up, ["below.up.r.example A 192.0.2.1"], {"l.yaml": "entries: [tracker.example]\n"},
                   lists=[{"name": "l", "file": "l.yaml"}])
    reply = ask(daemon, "up.r.example")
    assert rcode(reply) == "NOERROR" and not reply.answer
    told = daemon.ctl("--json", "explain", "up.r.example").json
    assert told["verdict"] == "blocked" and told["by"] == "cname" and told["answer"] == "nodata", told
