# SPDX-License-Identifier: BSD-2-Clause
"""saringctl explain: the whole trace, the octets that are really sent, another moment, and the same without a daemon."""
import datetime
import json
import shutil
import subprocess

import dns.flags
import dns.message
import dns.rdatatype
import pytest

from harness.ask import Raw, ask, ede, eventually, header, opt, question, rcode, rrs
from harness.fake import SOA, error, records
from harness.web import Reply, Web

ORDER = """\
title: An order
authority: The Authority
reason: because
code: censored
reference: https://example.org/order/1
contact: [mailto:who@example.org]
entries:
  - blocked.example
  - domain: gone.example
    lifted: 2021-01-01
    lifted-by: Kim
    lift-reason: the order was withdrawn
    lift-reference: https://example.org/lift/2
  - domain: until.example
    expires: 2030-01-01T00:00:00Z
  - tracker.example
  - bücher.example
  - deep.b.example
"""
LISTS = {
    "order.yaml": ORDER,
    "nodata.yaml": "entries: [nodata.example]\n",
    "null.yaml": "entries: [null.example]\n",
    "refused.yaml": "entries: [refused.example]\n",
    "drop.yaml": "entries: [drop.example]\n",
    "address.yaml": "entries: [address.example]\n",
    "allow.yaml": "entries: [ok.blocked.example, allowed.example]\n",
    "watch.yaml": "entries: [blocked.example, watched.example]\n",
    "off.yaml": "entries: [blocked.example]\n",
    "zone.rpz": "$TTL 60\n@ SOA localhost. root.localhost. 1 2 3 4 5\n@ NS localhost.\n"
                "garden.example CNAME wall.example.\nlocal.example A 192.0.2.7\nlocal.example TXT \"hi\"\ntcp.example CNAME rpz-tcp-only.\n"
                "32.66.2.0.192.rpz-ip CNAME .\n32.9.9.0.10.rpz-client-ip CNAME .\n",
    "ads.txt": "||ads.example^\n||typed.example^$dnstype=AAAA\n@@||fine.ads.example^\n/^ad[0-9]+\\.re\\./\n",
}
SETTINGS = [{"name": "order", "file": "order.yaml"}] + [{"name": n, "file": f"{n}.yaml", "answer": n} for n in ("nodata", "null", "refused", "drop", "address")]
SETTINGS += [{"name": "allow", "file": "allow.yaml", "action": "allow"}, {"name": "watch", "file": "watch.yaml", "mode": "shadow"},
             {"name": "off", "file": "off.yaml", "mode": "off"}, {"name": "zone", "file": "zone.rpz", "format": "rpz"},
             {"name": "ads", "file": "ads.txt", "format": "adblock", "may-allow": True}]
BLOCK = {"addresses": ["192.0.2.80", "2001:db8::80"], "ttl": "10s"}
CLIENTS = {"allow": ["127.0.0.0/8", "::1/128", "10.0.0.0/8"]}

OWN = ("at", "offline")  # what differs by the way it was asked


@pytest.fixture
def world(saringd, fake):
    """The daemon, its upstream, and the one of the route corp.example."""
    up, corp = fake(), fake()
    up.on("cloak.example", records("300 CNAME mid.example.", "mid.example. 200 CNAME tracker.example.", "tracker.example. 100 A 192.0.2.1"))
    up.on("alias.example", records("300 CNAME www.example.", "www.example. 300 A 192.0.2.1"))
    up.on("badhost.example", records("300 A 192.0.2.1", "300 A 192.0.2.66"))
    up.on("nx.example", lambda asked: [asked.reply(rcode=3, authority=[SOA]).to_wire()])
    daemon = saringd({"upstream": {"servers": [up.endpoint], "routes": [{"zone": "corp.example", "servers": [corp.endpoint]}]},
                      "clients": CLIENTS, "block": BLOCK, "lists": SETTINGS}, lists=LISTS)
    return daemon, up, corp


def steps(told):
    return [(s["owner"], s["type"], s["target"], s["verdict"], s["decides"]) for s in told["cname"]]


def blocked_by(told):
    return told["verdict"], told["answer"], told["ttl"], told["by"], told["by_target"]


def query(name, rdtype):
    return header(ar=1) + question(*name.split("."), rdtype=dns.rdatatype.from_text(rdtype)) + opt()


def sent(daemon, name, rdtype="A"):
    """What a client gets, ID and all."""
    with Raw(daemon) as raw:
        return raw.exchange(query(name, rdtype))


# the octets


CASES = [("blocked.example", "A", "blocked"), ("x.blocked.example", "MX", "blocked"), ("nodata.example", "A", "blocked"), ("null.example", "A", "blocked"),
         ("null.example", "AAAA", "blocked"), ("null.example", "TXT", "blocked"), ("refused.example", "A", "blocked"), ("address.example", "A", "blocked"),
         ("address.example", "AAAA", "blocked"), ("garden.example", "A", "blocked"), ("local.example", "A", "blocked"), ("local.example", "AAAA", "blocked"),
         ("local.example", "TXT", "blocked"), ("tcp.example", "A", "local"), ("typed.example", "AAAA", "blocked"), ("typed.example", "A", "cached"),
         ("ad1.re.example", "A", "blocked"), ("localhost", "A", "local"), ("1.0.0.127.in-addr.arpa", "PTR", "local"), ("x.invalid", "A", "local"),
         ("any.example", "ANY", "local"), ("some.example", "AXFR", "refused"), ("cloak.example", "A", "blocked"), ("alias.example", "A", "cached"),
         ("badhost.example", "A", "blocked"), ("nx.example", "A", "cached"), ("ok.blocked.example", "A", "cached"), ("watched.example", "A", "cached"),
         ("x.corp.example", "A", "cached"), ("ads.example", "HTTPS", "blocked"), ("xn--bcher-kva.example", "A", "blocked")]


def test_the_octets_are_those_that_are_sent(world):
    daemon, _, _ = world
    for name, rdtype, outcome in CASES:
        for _ in range(5):  # the TTL of a cached answer may change between the two
            told = daemon.explain(name, "--type", rdtype, "--client", "127.0.0.1")
            wire = bytes.fromhex(told["wire"]["answer"])
            got = sent(daemon, name, rdtype)
            if wire[2:] == got[2:]:
                break
        assert wire[2:] == got[2:], (name, rdtype, dns.message.from_wire(wire), dns.message.from_wire(got))
        assert told["outcome"] == outcome, (name, rdtype, told["outcome"])
        asked = dns.message.from_wire(bytes.fromhex(told["wire"]["query"]))
        assert asked.question == dns.message.from_wire(query(name, rdtype)).question and asked.flags & dns.flags.RD
        words = "\n".join(told["wire"]["decoded"])
        assert f"rcode: {rcode(dns.message.from_wire(got))}" in words
        if ede(dns.message.from_wire(got)):
            assert f";; EDNS: extended error {ede(dns.message.from_wire(got))[0]}" in words


def test_dropped_and_refused(world, saringd):
    daemon, _, _ = world
    told = daemon.explain("drop.example")
    assert (told["verdict"], told["answer"], told["outcome"], told["wire"]["answer"], told["wire"]["decoded"]) == ("blocked", "drop", "blocked", None, None)
    assert "Nothing would be sent." in daemon.ctl("explain", "drop.example").out
    told = daemon.explain("blocked.example", "--client", "192.0.2.1")
    assert (told["client_is"], told["client_allowed"], told["client_allowed_by"], told["verdict"], told["outcome"]) == (
        "public", False, None, "blocked", "refused")
    reply = dns.message.from_wire(bytes.fromhex(told["wire"]["answer"]))
    assert rcode(reply) == "REFUSED" and ede(reply)[0] == 18
    told = daemon.explain("blocked.example", "--client", "10.1.2.3")
    assert (told["client_is"], told["client_allowed_by"], told["outcome"]) == ("private", "10.0.0.0/8", "blocked")
    assert daemon.explain("fresh.example", "--client", "10.0.9.9", "--no-ask")["verdict"] == "blocked"  # rpz-client-ip
    deaf = saringd({"clients": {"allow": ["127.0.0.0/8"], "others": "drop"}})
    assert deaf.explain("x.example", "--client", "192.0.2.1")["outcome"] == "dropped"


def test_structured_errors(world):
    """A client on loopback that asks for them gets what explain says of one over an encrypted transport."""
    daemon, _, _ = world
    for name in ("blocked.example", "null.example"):
        told = daemon.explain(name, "--client", "127.0.0.1")
        with Raw(daemon) as raw:
            got = raw.exchange(header(ar=1) + question(*name.split(".")) + opt(options=bytes.fromhex("001a0000")))
        assert bytes.fromhex(told["wire"]["structured"])[2:] == got[2:], name
    told = daemon.explain("blocked.example")
    said = json.loads(ede(dns.message.from_wire(bytes.fromhex(told["wire"]["structured"])))[1])
    assert said["j"] == "because" and said["c"] == ["mailto:who@example.org"]
    people = daemon.ctl("explain", "blocked.example").out
    assert "structured errors is told" in people and '"j":"because"' in people
    assert daemon.explain("localhost")["wire"]["structured"] is None
    off = daemon.explain("ok.blocked.example")
    assert off["wire"]["structured"] is None


# how the answer comes about


def test_chain_is_learned_and_judged(world):
    daemon, up, _ = world
    told = daemon.explain("cloak.example")
    assert blocked_by(told) == ("blocked", "nxdomain", 10, "cname", "tracker.example") and told["outcome"] == "blocked" and told["cache"] == "fresh"
    assert told["rule"] == {**told["cname"][1]["rule"], **{k: told["rule"][k] for k in ("hits", "last_hit")}} and told["also"] == []
    assert told["rule"]["entry"] == "tracker.example" and told["rule"]["hits"] == 1
    asked = told["asked"]
    assert (asked["listener"], asked["rcode"], asked["error"]) == (f"dns://127.0.0.1:{daemon.port}", "NXDOMAIN", None)
    assert asked["answer"] == told["wire"]["answer"]
    assert steps(told) == [("cloak.example", "CNAME", "mid.example", "none", False), ("mid.example", "CNAME", "tracker.example", "blocked", True),
                           ("tracker.example", "A", "192.0.2.1", "none", False)]
    assert 290 <= told["cname"][0]["ttl"] <= 300 and told["cname"][1]["ttl"] <= 200
    assert told["cname"][1]["rule"]["list"] == "order" and told["cname"][1]["rule"]["line"] == 16
    assert len(up.asked("cloak.example")) == 1
    again = daemon.explain("cloak.example")
    assert again["asked"] is None and steps(again) == steps(told) and len(up.asked("cloak.example")) == 1
    people = daemon.ctl("explain", "cloak.example").out
    assert "is blocked: the answer is nxdomain (TTL 10 s)." in people and "a CNAME leads to tracker.example." in people
    assert "But its answer" not in people and "blocked: decides" in people and "order.yaml:16 tracker.example" in people


def test_verdict_by_what_the_answer_leads_to(saringd, fake):
    """Whoever reads the verdict alone must not take a name for free that no client gets."""
    up = fake()
    for name in ("front", "ours", "fine", "top"):
        up.on(f"{name}.example", records("300 CNAME x.bad.example.", "x.bad.example. 300 A 192.0.2.1"))
    up.on("svc.example", records("300 HTTPS 1 svc.bad.example."))
    up.on("short.example", records("300 CNAME brief.example.", "brief.example. 300 A 192.0.2.1"))
    lists = [{"name": "bad", "file": "bad.yaml"}, {"name": "must", "file": "must.yaml", "mandatory": True, "answer": "refused"},
             {"name": "fine", "file": "fine.yaml", "action": "allow"}, {"name": "top", "file": "top.yaml", "action": "allow", "mandatory": True}]
    daemon = saringd({"upstream": {"servers": [up.endpoint]}, "block": BLOCK, "lists": lists},
                     lists={"bad.yaml": "reason: because\nentries:\n  - bad.example\n  - domain: brief.example\n    expires: 2030-01-01T00:00:00Z\n",
                            "must.yaml": "entries: [elsewhere.example]\n", "fine.yaml": "entries: [fine.example]\n", "top.yaml": "entries: [top.example]\n"})
    told = daemon.explain("front.example")
    assert blocked_by(told) == ("blocked", "nxdomain", 10, "cname", "x.bad.example") and told["rule"]["entry"] == "bad.example"
    assert rcode(ask(daemon, "front.example")) == "NXDOMAIN"
    told = daemon.explain("svc.example", "--type", "HTTPS")
    assert blocked_by(told) == ("blocked", "nodata", 10, "target", "svc.bad.example")
    assert rcode(dns.message.from_wire(sent(daemon, "svc.example", "HTTPS"))) == "NOERROR"
    assert "a record leads to svc.bad.example" in daemon.ctl("explain", "svc.example", "--type", "HTTPS").out
    told = daemon.explain("short.example", "--at", "2029-12-31T23:59:57Z")
    assert blocked_by(told) == ("blocked", "nxdomain", 2, "cname", "brief.example")
    assert blocked_by(daemon.explain("short.example", "--at", "2030-01-01")) == ("none", None, None, None, None)
    # an allow entry for the name holds for its answer, but against a mandatory block
    told = daemon.explain("fine.example")
    assert blocked_by(told) == ("allowed", None, None, "name", None) and told["rule"]["entry"] == "fine.example" and told["outcome"] == "cached"
    daemon.ctl("list", "add", "must", "bad.example")
    told = daemon.explain("fine.example")
    assert blocked_by(told) == ("blocked", "refused", 10, "cname", "x.bad.example") and told["rule"]["list"] == "must" and told["outcome"] == "blocked"
    assert [(e["list"], e["entry"], e["why_not"]) for e in told["also"]] == [("fine", "fine.example", "a mandatory block of what its answer leads to outranks it")]
    assert rcode(ask(daemon, "fine.example")) == "REFUSED"
    assert blocked_by(daemon.explain("top.example"))[0] == "allowed"
    # the name's own entry is said first
    daemon.ctl("list", "add", "bad", "ours.example")
    told = daemon.explain("ours.example")
    assert blocked_by(told) == ("blocked", "nxdomain", 10, "name", None) and told["rule"]["entry"] == "ours.example"
    # what nobody knows is not said
    daemon.ctl("cache", "flush")
    assert blocked_by(daemon.explain("front.example", "--no-ask")) == ("none", None, None, None, None)
    assert blocked_by(offline(daemon, "front.example")) == ("none", None, None, None, None)


def test_no_ask(world):
    daemon, up, corp = world
    before = daemon.status()
    told = daemon.explain("cloak.example", "--no-ask")
    assert blocked_by(told) == ("none", None, None, None, None) and told["rule"] is None
    assert (told["outcome"], told["cache"], told["cname"], told["missing"], told["asked"]) == ("forwarded", "none", None, "cloak.example", None)
    assert told["wire"]["answer"] is None and told["wire"]["query"]
    assert told["upstream"] == {"name": "cloak.example", "route": None, "strategy": "fastest", "servers": [up.endpoint]}
    told = daemon.explain("a.corp.example", "--no-ask")
    assert told["route"] == "corp.example" and told["upstream"]["route"] == "corp.example" and told["upstream"]["servers"] == [corp.endpoint]
    assert "Not known yet: cloak.example would be asked of" in daemon.ctl("explain", "cloak.example", "--no-ask").out
    for name, rdtype, _ in CASES:
        daemon.explain(name, "--type", rdtype, "--no-ask")
    after = daemon.status()
    assert not up.asked() and not corp.asked()
    assert after["queries"] == before["queries"] and after["counters"] == before["counters"]


def test_chain_from_one_route_into_another(saringd, fake):
    up, corp = fake(), fake()
    corp.on("a.corp.example", records("300 CNAME b.example.", "b.example. 300 A 192.0.2.99"))
    up.on("b.example", records("200 CNAME deep.b.example.", "deep.b.example. 100 A 192.0.2.1"))
    daemon = saringd({"upstream": {"servers": [up.endpoint], "routes": [{"zone": "corp.example", "servers": [corp.endpoint]}]},
                      "lists": [{"name": "l", "file": "l.yaml"}]}, lists={"l.yaml": "entries: [elsewhere.example]\n"})
    told = daemon.explain("a.corp.example")
    assert steps(told) == [("a.corp.example", "CNAME", "b.example", "none", False), ("b.example", "CNAME", "deep.b.example", "none", False),
                           ("deep.b.example", "A", "192.0.2.1", "none", False)]
    assert told["outcome"] == "cached" and rrs(dns.message.from_wire(bytes.fromhex(told["wire"]["answer"]))) == ["192.0.2.1"]
    daemon.ctl("cache", "flush", "b.example")
    ask(daemon, "a.corp.example")
    daemon.ctl("list", "add", "l", "deep.b.example")
    told = daemon.explain("a.corp.example")
    assert told["outcome"] == "blocked" and steps(told)[1] == ("b.example", "CNAME", "deep.b.example", "blocked", True)
    # the part that the other servers have is not known
    daemon.ctl("list", "remove", "l", "deep.b.example")
    up.on("b.example", error("SERVFAIL"))
    daemon.ctl("cache", "flush")
    assert rcode(ask(daemon, "a.corp.example")) == "SERVFAIL"
    told = daemon.explain("a.corp.example", "--no-ask")
    assert told["missing"] == "b.example" and steps(told) == [("a.corp.example", "CNAME", "b.example", "none", False)]
    assert told["outcome"] in ("failed", "forwarded")


def test_addresses_and_services(world):
    daemon, up, _ = world
    told = daemon.explain("badhost.example")
    assert sorted(steps(told)) == [("badhost.example", "A", "192.0.2.1", "none", False), ("badhost.example", "A", "192.0.2.66", "blocked", True)]
    assert blocked_by(told) == ("blocked", "nxdomain", 10, "address", "192.0.2.66")
    rule = next(step["rule"] for step in told["cname"] if step["decides"])
    assert rule["match"] == "address" and rule["list"] == "zone" and told["rule"]["line"] == rule["line"]
    assert "holds the address 192.0.2.66" in daemon.ctl("explain", "badhost.example").out
    up.on("svc.example", records("300 HTTPS 1 tracker.example. ipv4hint=192.0.2.66"))
    told = daemon.explain("svc.example", "--type", "https")
    assert steps(told) == [("svc.example", "HTTPS", "tracker.example", "blocked", True), ("svc.example", "HTTPS", "192.0.2.66", "blocked", False)]
    # an allow entry for the name asked holds for all of it
    up.on("allowed.example", records("300 CNAME tracker.example.", "tracker.example. 300 A 192.0.2.1"))
    told = daemon.explain("allowed.example")
    assert (told["verdict"], told["outcome"], told["rule"]["action"]) == ("allowed", "cached", "allow")
    assert steps(told)[0] == ("allowed.example", "CNAME", "tracker.example", "blocked", False)
    assert "allow entry" in told["cname"][0]["note"]


def test_rebinding(saringd, fake):
    up = fake()
    up.on("bad.example", records("300 A 192.0.2.1", "300 A 10.0.0.1"))
    daemon = saringd({"upstream": {"servers": [up.endpoint], "rebind-protection": True}})
    told = daemon.explain("bad.example")
    assert told["rebind_protection"] is True and told["outcome"] == "blocked" and blocked_by(told) == ("none", None, None, None, None)
    assert "But its answer is blocked" in daemon.ctl("explain", "bad.example").out
    assert sorted(steps(told)) == [("bad.example", "A", "10.0.0.1", "none", True), ("bad.example", "A", "192.0.2.1", "none", False)]
    assert "private address" in next(step["note"] for step in told["cname"] if step["decides"]) and sent(daemon, "bad.example")[2:] == bytes.fromhex(told["wire"]["answer"])[2:]


def test_entry_that_sends_elsewhere(world):
    daemon, up, _ = world
    told = daemon.explain("garden.example")
    assert (told["verdict"], told["answer"], told["outcome"]) == ("blocked", "local", "blocked")
    assert steps(told) == [("garden.example", "CNAME", "wall.example", "none", False), ("wall.example", "A", "192.0.2.200", "none", False)]
    assert [s["judged"] for s in told["cname"]] == [False, False] and told["cname"][0]["kind"] == "entry"
    assert told["asked"]["rcode"] == "NOERROR" and len(up.asked("wall.example")) == 1


def test_what_is_not_kept_is_told_as_it_was_sent(saringd, fake):
    up = fake(default=error("NXDOMAIN"))  # without an SOA nobody may keep it
    daemon = saringd({"upstream": {"servers": [up.endpoint]}, "workers": 1})
    told = daemon.explain("denied.example")
    assert (told["outcome"], told["wire"]["answer"]) == ("forwarded", None)
    assert told["asked"]["rcode"] == "NXDOMAIN" and bytes.fromhex(told["asked"]["answer"])[2:] == sent(daemon, "denied.example")[2:]
    out = daemon.ctl("explain", "denied.example").out
    assert "Just now it was" in out and "rcode: NXDOMAIN" in out


def test_failures(saringd, fake):
    up = fake(default=error("SERVFAIL"))
    daemon = saringd({"upstream": {"servers": [up.endpoint], "timeout": "1s"}})
    told = daemon.explain("broken.example")
    assert told["asked"]["rcode"] == "SERVFAIL"
    if told["outcome"] == "failed":  # it is remembered for a second
        assert rcode(dns.message.from_wire(bytes.fromhex(told["wire"]["answer"]))) == "SERVFAIL"
    else:
        assert told["outcome"] == "forwarded"


# entries


def test_every_list_has_its_say(world):
    daemon, _, _ = world
    told = daemon.explain("OK.Blocked.example.")
    assert told["as_typed"] == "OK.Blocked.example." and told["name"] == "ok.blocked.example" and told["unicode"] == told["name"]
    assert told["rule"]["list"] == "allow" and told["lists_off"] == ["off"] and told["lists_not_fetched"] == []
    assert [(e["list"], e["entry"], e["why_not"]) for e in told["also"]] == [("order", "blocked.example", "an allow outranks it"), ("watch", "blocked.example", "shadow")]
    assert told["also"][0]["authority"] == "The Authority" and told["also"][0]["line"] == 8
    told = daemon.explain("watched.example", "--no-ask")
    assert told["would_block"] == "watch" and told["verdict"] == "none"
    told = daemon.explain("BÜCHER.example")
    assert (told["as_typed"], told["name"], told["unicode"]) == ("BÜCHER.example", "xn--bcher-kva.example", "bücher.example")
    people = daemon.ctl("why", "BÜCHER.example", "--client", "10.1.2.3").out
    for words in ("as typed    BÜCHER.example", "in letters  bücher.example", "client      10.1.2.3, a private address, may ask by clients.allow 10.0.0.0/8",
                  "lists off   off"):
        assert words in people, people


def test_lifted_and_expired(world):
    daemon, _, _ = world
    told = daemon.explain("www.gone.example", "--no-ask")
    also = told["also"][0]
    assert told["verdict"] == "none" and (also["why_not"], also["lifted"], also["lifted_by"], also["lift_reason"], also["lift_reference"]) == (
        "lifted", "2021-01-01", "Kim", "the order was withdrawn", "https://example.org/lift/2")
    assert "lifted 2021-01-01 by Kim: the order was withdrawn (https://example.org/lift/2)" in " ".join(daemon.ctl("explain", "gone.example", "--no-ask").out.split())


# another moment


def test_at(world):
    daemon, up, _ = world
    told = daemon.explain("gone.example", "--at", "2020-12-31T23:59:59Z")
    assert (told["at"], told["verdict"], told["ttl"], told["rule"]["lifted"]) == ("2020-12-31T23:59:59Z", "blocked", 0, "2021-01-01")
    assert daemon.explain("gone.example", "--at", "2021-01-01", "--no-ask")["verdict"] == "none"
    told = daemon.explain("until.example", "--at", "2029-12-31T23:59:57Z")
    assert (told["verdict"], told["ttl"], told["rule"]["expires"]) == ("blocked", 2, "2030-01-01T00:00:00Z")
    reply = dns.message.from_wire(bytes.fromhex(told["wire"]["answer"]))
    assert reply.authority[0].ttl == 2 and reply.authority[0][0].minimum == 2
    told = daemon.explain("until.example", "--at", "2030-01-01", "--no-ask")
    assert (told["verdict"], told["outcome"], told["also"][0]["why_not"]) == ("none", "forwarded", "expired")
    assert daemon.explain("until.example")["ttl"] == 10
    # a chain is judged as of then, too
    up.on("later.example", records("300 CNAME until.example.", "until.example. 300 A 192.0.2.1"))
    assert daemon.explain("later.example")["outcome"] == "blocked"
    told = daemon.explain("later.example", "--at", "2031-01-01")
    assert told["outcome"] == "cached" and steps(told)[0] == ("later.example", "CNAME", "until.example", "none", False)
    now = datetime.datetime.now(datetime.timezone.utc)
    at = datetime.datetime.fromisoformat(daemon.explain("until.example", "--at", "+2d")["at"].replace("Z", "+00:00"))
    assert datetime.timedelta(days=1, hours=23) < at - now < datetime.timedelta(days=2, hours=1)
    assert "2021-01-01T00:00:00Z" in daemon.ctl("explain", "gone.example", "--at", "2021-01-01", "--no-ask").out
    for bad in ("yesterday", "2021-13-01", "1", "++1d"):
        daemon.ctl("explain", "gone.example", "--at", bad, code=2)


# without a daemon


def offline(daemon, name, *args, folder=None, code=0, env=None):
    result = daemon.run("saringctl", "-c", (folder or daemon.home) / "saring.yaml", "--json", "explain", "--offline", name, *args, env=env)
    assert result.code == code, result
    return result.json if code == 0 else result


@pytest.fixture
def copy(home):
    """A factory of copies of a daemon's files, without its state."""
    def make(daemon, **changes):
        folder = home / f"copy{len(list(home.glob('copy*')))}"
        shutil.copytree(daemon.home, folder, ignore=shutil.ignore_patterns("state", "*.sock", "*.log", "sanitizer*"))
        for name, text in changes.items():
            (folder / name.replace("_", ".")).write_text(text, encoding="utf-8")
        return folder
    return make


TABLE = [(name, "--type", rdtype) for name, rdtype, outcome in CASES if outcome != "cached" and name not in ("garden.example", "cloak.example", "badhost.example")]
TABLE += [("unknown.example",), ("x.corp.example",), ("gone.example",), ("until.example",), ("ok.blocked.example",), ("drop.example",), ("Watched.Example",),
          ("blocked.example", "--client", "10.9.9.9"), ("x.example", "--client", "10.0.9.9"), ("blocked.example", "--client", "192.0.2.1"),
          ("garden.example",), ("gone.example", "--at", "2020-01-01"), ("until.example", "--at", "2031-01-01"), ("until.example", "--at", "2029-12-31T23:59:58Z")]


def test_offline_says_the_same(world, copy, home):
    """By the images that the daemon left, and by the files alone."""
    daemon, up, _ = world
    bare = copy(daemon)
    temporary = home / "tmp"
    temporary.mkdir()
    for name, *args in TABLE:
        online = daemon.explain(name, *args, "--no-ask")
        for folder in (daemon.home, bare):
            told = offline(daemon, name, *args, folder=folder, env={"TMPDIR": str(temporary)})
            for counted in ("hits", "last_hit"):  # the daemon's alone
                (online["rule"] or {}).pop(counted, None)
            assert told["offline"] is True and told["asked"] is None
            for key in set(online) | set(told):
                assert key in OWN or told[key] == online[key], (name, args, folder, key, told[key], online[key])
    assert not up.asked()
    assert not list(temporary.iterdir())
    assert not (bare / "state").exists(), "it writes nothing"


def test_offline_needs_no_daemon(saringd, home):
    daemon = saringd({"lists": SETTINGS, "block": BLOCK}, lists=LISTS, start=False)
    told = offline(daemon, "x.blocked.example")
    assert told["verdict"] == "blocked" and told["rule"]["file"] == "order.yaml" and told["wire"]["answer"]
    assert "is blocked" in daemon.ctl("why", "blocked.example", "--offline").out
    daemon.ctl("explain", "blocked.example", code=3)
    for args in (["a..b"], ["a.example", "--type", "NOSUCH"]):
        assert daemon.ctl("explain", "--offline", *args, code=None).code in (1, 2)


def test_offline_with_an_edit_that_is_not_in_force(world):
    daemon, _, _ = world
    (daemon.home / "order.yaml").write_text(ORDER + "  - new.example\n", encoding="utf-8")
    assert daemon.explain("new.example", "--no-ask")["verdict"] == "none"
    told = offline(daemon, "new.example")
    assert told["verdict"] == "blocked" and told["rule"]["line"] == len(ORDER.splitlines()) + 1
    soa = dns.message.from_wire(bytes.fromhex(told["wire"]["answer"])).authority[0][0]
    assert soa.serial == daemon.status()["policy"]["generation"] + 1  # as it will be


def test_offline_tells_errors_with_their_places(world, copy, home):
    daemon, _, _ = world
    temporary = home / "tmp"
    temporary.mkdir()
    env = {"TMPDIR": str(temporary)}
    broken = copy(daemon, order_yaml="title: x\nentries:\n  - a..example\n  - fine.example\n  - b: c\n")
    result = offline(daemon, "fine.example", folder=broken, code=1, env=env)
    assert "order.yaml:3:5: " in result.err and "order.yaml:5:5: " in result.err
    assert {(e["line"], e["column"]) for e in result.json["errors"]} == {(3, 5), (5, 5)}
    broken = copy(daemon, saring_yaml="listen: [dns://127.0.0.1:0]\nlistz: []\ncache: {size: much}\n")
    result = offline(daemon, "fine.example", folder=broken, code=1, env=env)
    assert "saring.yaml:2:1: " in result.err and "saring.yaml:3:" in result.err
    assert offline(daemon, "x.example", folder=home / "nowhere", code=1, env=env).err
    # nowhere to work
    edited = copy(daemon, order_yaml="entries: [fine.example]\n")
    assert "temporary" in offline(daemon, "fine.example", folder=edited, code=1, env={"TMPDIR": str(home / "none")}).err
    assert not list(temporary.iterdir())


def test_offline_that_nobody_waits_for_leaves_nothing(saringd, home):
    """saringctl is killed while the lists are compiled."""
    temporary = home / "tmp"
    temporary.mkdir()
    names = "".join(f"n{i}.example\n" for i in range(300000))
    daemon = saringd({"lists": [{"name": "l", "file": "l.txt", "format": "domains"}]}, {"l.txt": names}, start=False)
    process = subprocess.Popen([daemon.build / "saringctl", "-c", daemon.config_path, "explain", "--offline", "n1.example"], env=daemon.environment(TMPDIR=str(temporary)),
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    eventually(lambda: list(temporary.iterdir()) or process.poll() is not None, "it has begun")
    process.kill()
    process.wait()
    eventually(lambda: not list(temporary.iterdir()), "the directory is gone")


def test_offline_reads_the_copy_of_a_url_list(saringd, copy):
    web = Web()
    try:
        web.pages["/ads"] = Reply("0.0.0.0 fetched.example\n0.0.0.0 second.example\n")
        daemon = saringd({"lists": [{"name": "ads", "url": web.url("/ads"), "format": "hosts"}]})
        eventually(lambda: daemon.explain("fetched.example", "--no-ask")["verdict"] == "blocked", "the list is fetched")
        told = offline(daemon, "fetched.example")
        assert told["verdict"] == "blocked" and told["rule"]["file"] == web.url("/ads") and told["lists_not_fetched"] == []
        told = offline(daemon, "fetched.example", folder=copy(daemon))
        assert told["verdict"] == "none" and told["lists_not_fetched"] == ["ads"]
    finally:
        web.close()


# strangers


def test_hostile_answers_stay_escaped(saringd, fake):
    up = fake()
    up.on("evil.example", records("300 CNAME a\\027[31m\\155b\\010verdict\\032x.example.", "a\\027[31m\\155b\\010verdict\\032x.example. 300 A 192.0.2.1"))
    daemon = saringd({"upstream": {"servers": [up.endpoint]}, "lists": [{"name": "l", "file": "l.yaml"}]},
                     {"l.yaml": "reason: \"\\e[31m red\"\nentries: ['a\\027[31m\\155b\\010verdict\\032x.example']\n".replace("\\e[31m ", "")})
    told = daemon.explain("evil.example")
    assert told["outcome"] == "blocked" and told["cname"][0]["target"] == "a\\027[31m\\155b\\010verdict\\032x.example"
    out = daemon.ctl("explain", "evil.example").out
    assert "a\\027[31m\\155b" in out and not set(out) & set("\x1b\x9b\x07\x08\r")
    for name in ("a\\027\\155.example", "\\000.example", "\\226\\128\\174x.example", "xn--a-ecp.example", "xn--zzzzzzzz.example"):
        out = daemon.ctl("explain", name).out + json.dumps(daemon.explain(name), ensure_ascii=False)
        assert not set(out) & set("\x00\x1b\x9b\x07\x08\r\u202e"), name
