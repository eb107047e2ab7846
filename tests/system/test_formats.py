# SPDX-License-Identifier: BSD-2-Clause
"""What each line of each list format blocks, and what not: one daemon with a list of every format, asked as clients ask. `explain`
must agree with every answer, and name the list, the file and the line."""
import threading

import dns.flags
import dns.message
import dns.query
import pytest

from harness.ask import ANSWER_S, Load, Raw, ask, ede, eventually, header, make, opt, question, rcode, rrs, soa_of
from harness.fake import SOA, hold, records

OPEN = "192.0.2.200"  # what the upstream answers to whatever is not said otherwise

HOSTS = """\
# a hosts file
127.0.0.1 localhost
::1 localhost ip6-localhost
0.0.0.0 0.0.0.0
0.0.0.0 ads.hosts.test
127.0.0.1 one.hosts.test two.hosts.test # inline
:: Upper.Hosts.Test
fe80::1%lo0 scope.hosts.test
0.0.0.0 192.0.2.7
0.0.0.0 https://url.hosts.test/x
0.0.0.0 a..empty.hosts.test
"""

DOMAINS = """\
# plain names
ads.domains.test
dot.domains.test.
.lead.domains.test
*.star.domains.test
||abp.domains.test^
under_score.domains.test
bücher.domains.test
192.0.2.7
https://url.domains.test/x
"""

WILDCARD = """\
# names with *
*.star.wildcard.test
plain.wildcard.test
log-*.inner.wildcard.test
"""

ADBLOCK = """\
[Adblock Plus 2.0]
! comment
||sub.adblock.test^
||open.adblock.test
|start.adblock.test^
plain.adblock.test
0.0.0.0 host.adblock.test
||allow.adblock.test^
@@||good.allow.adblock.test^
||important.adblock.test^$important
@@||important.adblock.test^
||both.adblock.test^$important
@@||both.adblock.test^$important
||dnstype.adblock.test^$dnstype=AAAA
||nottype.adblock.test^$dnstype=~AAAA
||deny.adblock.test^$denyallow=ok.deny.adblock.test
||bad.adblock.test^
||bad.adblock.test^$badfilter
||client.adblock.test^$client=127.0.0.1
||notclient.adblock.test^$client=~127.0.0.1
||net.adblock.test^$client=127.0.5.0/24
/^regex[0-9]+\\.adblock\\.test$/
||log-*.inner.adblock.test^
||unknown.adblock.test^$removeparam
||third.adblock.test^$third-party
||image.adblock.test^$image
||192.0.2.7^
||path.adblock.test/ads/
adblock.test##.banner
||rewrite.adblock.test^$dnsrewrite=192.0.2.33
||cname.adblock.test^$dnsrewrite=garden.test
||nodata.adblock.test^$dnsrewrite=NOERROR
||refused.adblock.test^$dnsrewrite=REFUSED
||servfail.adblock.test^$dnsrewrite=SERVFAIL
"""

STRICT = """\
! a list that may not allow
||strict.test^
@@||good.strict.test^
@@||sub.adblock.test^
"""

DNSMASQ = """\
# dnsmasq
address=/sub.dnsmasq.test/#
address=/zero.dnsmasq.test/0.0.0.0
address=/empty.dnsmasq.test/
address=/own.dnsmasq.test/192.0.2.44
server=/none.dnsmasq.test/
local=/local.dnsmasq.test/
server=/forward.dnsmasq.test/192.0.2.53
bogus-nxdomain=192.0.2.166
"""

UNBOUND = """\
server:
    local-zone: "nx.unbound.test." always_nxdomain
    local-zone: "null.unbound.test" always_null
    local-zone: "refuse.unbound.test" refuse
    local-zone: "nodata.unbound.test" always_nodata
    local-zone: "deny.unbound.test" deny
    local-zone: "good.nx.unbound.test" transparent
    local-data: "data.unbound.test A 192.0.2.55"
    local-data: "zero.unbound.test A 0.0.0.0"
"""

RPZ = """\
$TTL 300
$ORIGIN rpz.invalid.
@ SOA localhost. root.localhost. (
        1 ; serial
        3600 600 86400 60 )
  NS localhost.
exact.rpz.test CNAME .
*.wild.rpz.test CNAME .
nodata.rpz.test CNAME *.
*.both.rpz.test CNAME .
pass.both.rpz.test CNAME rpz-passthru.
drop.rpz.test CNAME rpz-drop.
tcp.rpz.test CNAME rpz-tcp-only.
local.rpz.test 77 A 192.0.2.88
local.rpz.test A 192.0.2.89
local.rpz.test TXT "own words"
local.rpz.test MX 10 mail.garden.test.
cname.rpz.test CNAME garden.test.
*.expand.rpz.test CNAME *.garden.test.
strange.rpz.test CNAME rpz-whatever.
32.67.2.0.192.rpz-ip CNAME .
24.0.100.51.198.rpz-ip A 192.0.2.90
128.66.zz.db8.2001.rpz-ip CNAME .
32.68.2.0.192.rpz-ip CNAME garden.test.
32.9.0.0.127.rpz-client-ip CNAME .
ns.rpz.test.rpz-nsdname CNAME .
32.1.2.0.192.rpz-nsip CNAME .
"""

YAML = """\
reason: by hand
entries:
  - sub.yaml.test
  - domain: exact.yaml.test
    match: exact
"""

AUTO = {
    "a-hosts": ("hosts", "# guess\n0.0.0.0 x.autohosts.test\n0.0.0.0 y.autohosts.test\n"),
    "a-domains": ("domains", "# guess\nx.autodomains.test\ny.autodomains.test\n"),
    "a-wildcard": ("wildcard", "# guess\n*.x.autowildcard.test\n*.y.autowildcard.test\n"),
    "a-adblock": ("adblock", "! guess\n||x.autoadblock.test^\n||y.autoadblock.test^\n"),
    "a-dnsmasq": ("dnsmasq", "# guess\naddress=/x.autodnsmasq.test/#\naddress=/y.autodnsmasq.test/#\n"),
    "a-unbound": ("unbound", "# guess\nlocal-zone: \"x.autounbound.test\" always_nxdomain\nlocal-zone: \"y.autounbound.test\" static\n"),
    "a-rpz": ("rpz", "; guess\n@ SOA localhost. root.localhost. 1 2 3 4 5\nx.autorpz.test CNAME .\n*.x.autorpz.test CNAME .\n"),
    "a-yaml": ("yaml", "# guess\nentries:\n  - x.autoyaml.test\n"),
}

LISTS = {
    "h": ("h.txt", {"format": "hosts"}, HOSTS),
    "d": ("d.txt", {"format": "domains"}, DOMAINS),
    "w": ("w.txt", {"format": "wildcard"}, WILDCARD),
    "a": ("a.txt", {"format": "adblock", "may-allow": True}, ADBLOCK),
    "s": ("s.txt", {"format": "adblock"}, STRICT),
    "m": ("m.conf", {"format": "dnsmasq"}, DNSMASQ),
    "u": ("u.conf", {"format": "unbound", "may-allow": True}, UNBOUND),
    "r": ("r.zone", {"format": "rpz", "may-allow": True}, RPZ),
    "y": ("y.yaml", {"format": "yaml"}, YAML),
    **{name: (name + ".txt", {}, text) for name, (_, text) in AUTO.items()},
}


@pytest.fixture
def up(fake):
    return fake()


@pytest.fixture
def daemon(saringd, up):
    return saringd({
        "upstream": {"servers": [up.endpoint]},
        "lists": [{"name": name, "file": file, **options} for name, (file, options, _) in LISTS.items()],
    }, {file: text for file, _, text in LISTS.values()})


def ask_from(daemon, client, name, rdtype="A", tcp=False):
    query = make(name, rdtype)
    if tcp:
        return dns.query.tcp(query, "127.0.0.1", port=daemon.port, timeout=ANSWER_S, source=client)
    return dns.query.udp(query, "127.0.0.1", port=daemon.port, timeout=ANSWER_S, source=client)


def is_blocked(daemon, name, rdtype="A", client="127.0.0.1"):
    """As the wire says it (only blocks carry this extended error); explain must agree."""
    reply = ask_from(daemon, client, name, rdtype)
    got = ede(reply) is not None
    told = daemon.explain(name, "--type", rdtype, "--client", client)["verdict"]
    assert got == (told == "blocked"), f"{name} {rdtype} for {client}: answered {reply}, explained {told}"
    if got:
        assert ede(reply)[0] == 15
    elif rdtype == "A" and not reply.flags & dns.flags.AA:  # AA: localhost, invalid, answered by saring itself
        assert rrs(reply) == [OPEN], f"{name}: {reply}"
    return got


def check(daemon, blocked=(), open_=()):
    wrong = [f"{name}: not blocked" for name in blocked if not is_blocked(daemon, name)]
    wrong += [f"{name}: blocked" for name in open_ if is_blocked(daemon, name)]
    assert not wrong, "\n".join(wrong)


# which names


def test_hosts(daemon):
    check(daemon,
          ["ads.hosts.test", "ADS.hosts.test", "one.hosts.test", "two.hosts.test", "upper.hosts.test", "scope.hosts.test"],
          ["sub.ads.hosts.test", "hosts.test", "localhost", "ip6-localhost", "url.hosts.test", "empty.hosts.test", "inline"])


def test_domains(daemon):
    check(daemon,
          ["ads.domains.test", "dot.domains.test", "lead.domains.test", "x.lead.domains.test", "x.star.domains.test",
           "x.y.star.domains.test", "abp.domains.test", "x.abp.domains.test", "under_score.domains.test",
           "xn--bcher-kva.domains.test"],
          ["x.ads.domains.test", "x.dot.domains.test", "star.domains.test", "xlead.domains.test", "url.domains.test", "domains.test"])


def test_wildcard(daemon):
    check(daemon,
          ["x.star.wildcard.test", "x.y.star.wildcard.test", "plain.wildcard.test", "log-1.inner.wildcard.test"],
          ["star.wildcard.test", "x.plain.wildcard.test", "log.inner.wildcard.test", "inner.wildcard.test", "xstar.wildcard.test"])


def test_adblock_names(daemon):
    check(daemon,
          ["sub.adblock.test", "x.sub.adblock.test", "x.y.sub.adblock.test", "open.adblock.test", "x.open.adblock.test",
           "start.adblock.test", "plain.adblock.test", "host.adblock.test", "regex12.adblock.test", "REGEX1.adblock.test",
           "log-x.inner.adblock.test", "a.log-x.inner.adblock.test"],
          ["xsub.adblock.test", "sub.adblock.test.example", "x.start.adblock.test", "x.plain.adblock.test", "x.host.adblock.test",
           "regex.adblock.test", "x.regex1.adblock.test", "log.inner.adblock.test", "adblock.test", "path.adblock.test"])


def test_adblock_leaves_out_what_it_does_not_know(daemon):
    check(daemon, [], ["unknown.adblock.test", "third.adblock.test", "image.adblock.test", "bad.adblock.test"])


def test_adblock_allow(daemon):
    check(daemon,
          ["allow.adblock.test", "x.allow.adblock.test", "important.adblock.test", "x.important.adblock.test"],
          ["good.allow.adblock.test", "x.good.allow.adblock.test", "both.adblock.test"])
    assert daemon.explain("good.allow.adblock.test")["verdict"] == "allowed"
    assert daemon.explain("good.allow.adblock.test")["rule"]["action"] == "allow"


def test_a_list_that_may_not_allow_allows_nothing(daemon):
    check(daemon, ["strict.test", "good.strict.test", "sub.adblock.test"], [])
    assert [hit["entry"] for hit in daemon.explain("good.strict.test")["also"]] == []


def test_adblock_types(daemon):
    for name, blocked_types, open_types in (("dnstype.adblock.test", ("AAAA",), ("A", "TXT", "HTTPS")),
                                            ("nottype.adblock.test", ("A", "TXT", "HTTPS"), ("AAAA",))):
        for rdtype in blocked_types:
            assert is_blocked(daemon, name, rdtype), (name, rdtype)
        for rdtype in open_types:
            assert not is_blocked(daemon, name, rdtype), (name, rdtype)
    hits = daemon.explain("dnstype.adblock.test", "--type", "A")["also"]
    assert [hit["why_not"] for hit in hits] == ["not for this type"]


def test_adblock_denyallow(daemon):
    check(daemon, ["deny.adblock.test", "x.deny.adblock.test", "xok.deny.adblock.test"],
          ["ok.deny.adblock.test", "x.ok.deny.adblock.test"])


@pytest.mark.parametrize("tcp", [False, True])
def test_adblock_clients(daemon, tcp):
    for name, client, expected in (("client.adblock.test", "127.0.0.1", True), ("client.adblock.test", "127.0.0.2", False),
                                   ("notclient.adblock.test", "127.0.0.1", False), ("notclient.adblock.test", "127.0.0.2", True),
                                   ("net.adblock.test", "127.0.5.77", True), ("net.adblock.test", "127.0.6.77", False)):
        assert is_blocked(daemon, name, client=client) == expected, (name, client)
        assert (ede(ask_from(daemon, client, name, tcp=tcp)) is not None) == expected, (name, client)


def test_one_answer_is_not_another_clients(daemon, up):
    """What the cache holds for one client is judged anew for the next, and questions that wait for one ask each by their own client."""
    release = threading.Event()
    up.on("client.adblock.test", hold(release, records("300 A " + OPEN)))
    got = {}
    threads = [threading.Thread(target=lambda c=c: got.setdefault(c, ask_from(daemon, c, "client.adblock.test")))
               for c in ("127.0.0.1", "127.0.0.2", "127.0.0.3")]
    for thread in threads:
        thread.start()
    eventually(lambda: up.asked("client.adblock.test") and "127.0.0.1" in got, "one asked, one blocked")
    release.set()
    for thread in threads:
        thread.join(ANSWER_S)
    assert ede(got["127.0.0.1"])[0] == 15
    assert rrs(got["127.0.0.2"]) == rrs(got["127.0.0.3"]) == [OPEN]
    assert ede(ask_from(daemon, "127.0.0.1", "client.adblock.test"))[0] == 15


def test_dnsmasq(daemon):
    check(daemon,
          ["sub.dnsmasq.test", "x.sub.dnsmasq.test", "zero.dnsmasq.test", "x.zero.dnsmasq.test", "empty.dnsmasq.test", "own.dnsmasq.test",
           "none.dnsmasq.test", "x.none.dnsmasq.test", "local.dnsmasq.test"],
          ["xsub.dnsmasq.test", "dnsmasq.test", "forward.dnsmasq.test", "x.forward.dnsmasq.test"])


def test_unbound(daemon):
    check(daemon,
          ["nx.unbound.test", "x.nx.unbound.test", "null.unbound.test", "refuse.unbound.test", "nodata.unbound.test", "data.unbound.test",
           "zero.unbound.test"],
          ["good.nx.unbound.test", "x.good.nx.unbound.test", "unbound.test", "x.zero.unbound.test"])


def test_rpz(daemon):
    check(daemon,
          ["exact.rpz.test", "x.wild.rpz.test", "x.y.wild.rpz.test", "nodata.rpz.test", "x.both.rpz.test", "local.rpz.test"],
          ["x.exact.rpz.test", "wild.rpz.test", "pass.both.rpz.test", "strange.rpz.test", "rpz.test", "exact.rpz.test.rpz.invalid"])


def test_yaml(daemon):
    check(daemon, ["sub.yaml.test", "x.sub.yaml.test", "exact.yaml.test"], ["x.exact.yaml.test", "yaml.test"])


def test_auto(daemon):
    told = {one["name"]: one["format"] for one in daemon.ctl("--json", "list").json}
    for name, (format_, text) in AUTO.items():
        assert told[name] == format_, name
    for name, (options, _) in {k: v[1:] for k, v in LISTS.items() if k not in AUTO}.items():
        assert told[name] == options["format"], name
    check(daemon,
          ["x.autohosts.test", "x.autodomains.test", "z.x.autowildcard.test", "z.x.autoadblock.test", "z.x.autodnsmasq.test",
           "z.x.autounbound.test", "x.autorpz.test", "z.x.autorpz.test", "z.x.autoyaml.test"],
          ["z.x.autohosts.test", "z.x.autodomains.test", "x.autowildcard.test"])


# match: for the formats that don't say


@pytest.mark.parametrize("match,apex,below", [("exact", True, False), ("subtree", True, True), ("subdomains", False, True)])
def test_match_of_saring_yaml(saringd, up, match, apex, below):
    daemon = saringd({"upstream": {"servers": [up.endpoint]},
                      "lists": [{"name": "h", "file": "h", "format": "hosts", "match": match},
                                {"name": "d", "file": "d", "format": "domains", "match": match},
                                {"name": "a", "file": "a", "format": "adblock", "match": match}]},
                     {"h": "0.0.0.0 x.hosts.test\n", "d": "x.domains.test\n", "a": "||x.adblock.test^\n|y.adblock.test^\n"})
    for name in ("x.hosts.test", "x.domains.test"):
        assert is_blocked(daemon, name) == apex and is_blocked(daemon, "z." + name) == below, name
    check(daemon, ["x.adblock.test", "z.x.adblock.test", "y.adblock.test"], ["z.y.adblock.test"])


def test_lists_of_allow_entries(saringd, up):
    """`action: allow`: what a format writes as a block is then an allow; ordinary blocks yield to it, $important ones too."""
    daemon = saringd({"upstream": {"servers": [up.endpoint]},
                      "lists": [{"name": "block", "file": "b", "format": "adblock"},
                                {"name": "hosts", "file": "h", "format": "hosts", "action": "allow"},
                                {"name": "abp", "file": "a", "format": "adblock", "action": "allow"}]},
                     {"b": "||x.test^\n||y.test^$important\n||z.test^\n", "h": "0.0.0.0 a.x.test\n", "a": "||good.y.test^\n@@||good.z.test^\n"})
    check(daemon, ["x.test", "b.x.test", "y.test", "z.test"], ["a.x.test", "good.y.test", "x.good.y.test", "good.z.test"])


def test_imported_lists_in_shadow(saringd, up):
    daemon = saringd({"upstream": {"servers": [up.endpoint]},
                      "lists": [{"name": "h", "file": "h", "format": "hosts", "mode": "shadow"},
                                {"name": "r", "file": "r", "format": "rpz", "mode": "shadow"}]},
                     {"h": "0.0.0.0 x.test\n", "r": "32.67.2.0.192.rpz-ip CNAME .\ny.test CNAME .\n"})
    up.on("ip.test", records("300 A 192.0.2.67"))
    for name in ("x.test", "y.test"):
        assert rrs(ask(daemon, name)) == [OPEN]
    assert rrs(ask(daemon, "ip.test")) == ["192.0.2.67"]
    counts = {one["name"]: (one["blocked"], one["would_block"]) for one in daemon.ctl("--json", "list").json}
    assert counts == {"h": (0, 1), "r": (0, 2)}


# what is answered


def test_answers_of_the_formats(daemon):
    for name in ("x.nx.unbound.test", "null.unbound.test", "exact.rpz.test", "zero.dnsmasq.test", "ads.hosts.test"):
        assert rcode(ask(daemon, name)) == "NXDOMAIN", name
    assert rcode(ask(daemon, "nx.unbound.test")) == "NOERROR", "an allowed name lies below it"
    assert rcode(ask(daemon, "refuse.unbound.test")) == "REFUSED"
    for name in ("nodata.unbound.test", "nodata.rpz.test", "nodata.adblock.test"):
        reply = ask(daemon, name)
        assert rcode(reply) == "NOERROR" and not reply.answer and soa_of(reply), name
    assert rcode(ask(daemon, "refused.adblock.test")) == "REFUSED"
    assert rcode(ask(daemon, "servfail.adblock.test")) == "SERVFAIL"
    assert rrs(ask(daemon, "rewrite.adblock.test")) == ["192.0.2.33"]
    assert rrs(ask(daemon, "x.own.dnsmasq.test")) == ["192.0.2.44"]
    assert rrs(ask(daemon, "data.unbound.test")) == ["192.0.2.55"]
    for name, answer in (("nodata.rpz.test", "nodata"), ("drop.rpz.test", "drop"), ("refuse.unbound.test", "refused"), ("exact.rpz.test", "nxdomain")):
        assert daemon.explain(name)["answer"] == answer, name


def test_dropped(daemon):
    with Raw(daemon) as raw:
        raw.silent(header(qid=7, ar=1) + question("drop", "rpz", "test") + opt())
        raw.silent(header(qid=8, ar=1) + question("deny", "unbound", "test") + opt())
    assert rrs(ask(daemon, "x.drop.rpz.test")) == [OPEN]


def test_tcp_only(daemon):
    reply = ask(daemon, "tcp.rpz.test")
    assert reply.flags & dns.flags.TC and not reply.answer and rcode(reply) == "NOERROR" and ede(reply) is None
    assert rrs(ask(daemon, "tcp.rpz.test", tcp=True)) == [OPEN]
    assert rrs(ask(daemon, "tcp.rpz.test", retry_tcp=True)) == [OPEN]
    queries = daemon.queries()
    assert queries["local"] == 2 and queries["blocked"] == 0


def test_local_data(daemon):
    reply = ask(daemon, "LOCAL.rpz.test")
    assert rrs(reply) == ["192.0.2.88", "192.0.2.89"] and ede(reply)[0] == 15
    assert reply.answer[0].name.to_text() == "LOCAL.rpz.test."
    assert rrs(ask(daemon, "local.rpz.test", "TXT"), "TXT") == ['"own words"']
    assert rrs(ask(daemon, "local.rpz.test", "MX"), "MX") == ["10 mail.garden.test."]
    reply = ask(daemon, "local.rpz.test", "AAAA")
    assert rcode(reply) == "NOERROR" and not reply.answer and soa_of(reply) and ede(reply)[0] == 15
    assert rrs(ask(daemon, "x.local.rpz.test")) == [OPEN]
    counts = {one["name"]: one["blocked"] for one in daemon.ctl("--json", "list").json}
    assert counts["r"] == 4 and daemon.queries()["blocked"] == 4


def test_cname_is_followed(daemon, up):
    up.on("garden.test", records("60 CNAME www.garden.test.", "www.garden.test. 60 A 192.0.2.99", "www.garden.test. 60 A 192.0.2.67"))
    for name in ("cname.rpz.test", "cname.adblock.test"):
        for tcp in (False, True, False):
            reply = ask(daemon, name, tcp=tcp)
            assert rcode(reply) == "NOERROR" and ede(reply)[0] == 15
            assert [(r.name.to_text(), r.to_rdataset()[0].to_text()) for r in reply.answer[:2]] == [
                (name + ".", "garden.test."), ("garden.test.", "www.garden.test.")]
            # 192.0.2.67 is blocked in answers, but not in what policy itself led to
            assert rrs(reply) == ["192.0.2.67", "192.0.2.99"]
    assert len(up.asked("garden.test")) == 1 and not up.asked("cname.rpz.test") and not up.asked("cname.adblock.test")
    reply = ask(daemon, "cname.rpz.test", "CNAME")
    assert rrs(reply, "CNAME") == ["garden.test."] and len(reply.answer) == 1
    reply = ask(daemon, "cname.rpz.test", "TXT")
    assert rrs(reply, "CNAME") == ["garden.test.", "www.garden.test."]
    assert daemon.queries()["blocked"] == 8


def test_cname_expands(daemon, up):
    up.on("a.b.expand.rpz.test.garden.test", records("60 A 192.0.2.101"))
    reply = ask(daemon, "A.b.expand.rpz.test")
    assert rrs(reply, "CNAME") == ["a.b.expand.rpz.test.garden.test."] and rrs(reply) == ["192.0.2.101"]
    assert rrs(ask(daemon, "expand.rpz.test")) == [OPEN]


def test_cname_to_what_is_not_there(daemon, up):
    up.on("garden.test", records(rcode=3, authority=[SOA]))
    reply = ask(daemon, "cname.rpz.test")
    assert rcode(reply) == "NXDOMAIN" and rrs(reply, "CNAME") == ["garden.test."] and soa_of(reply)


def test_edit_while_a_target_is_asked_for(saringd, up):
    """The question that waits is answered by the lists in force when the answer has come."""
    daemon = saringd({"upstream": {"servers": [up.endpoint]}, "lists": [{"name": "r", "file": "r.zone", "format": "rpz"}]},
                     {"r.zone": "x.test CNAME garden.test.\n"})
    for zone, held, expected in (("y.test CNAME .\n", "garden.test", [OPEN]), ("x.test CNAME garden.test.\n", "x.test", ["192.0.2.99"]),
                                 ("x.test CNAME other.test.\n", "garden.test", ["192.0.2.98"]), ("x.test A 192.0.2.97\n", "other.test", ["192.0.2.97"])):
        release, got = threading.Event(), []
        for name, address in (("garden.test", "192.0.2.99"), ("other.test", "192.0.2.98"), ("x.test", OPEN)):
            up.on(name, hold(release, records("0 A " + address)) if name == held else records("0 A " + address))
        before = len(up.asked(held))
        thread = threading.Thread(target=lambda: got.append(ask(daemon, "x.test")))
        thread.start()
        eventually(lambda: len(up.asked(held)) > before, f"{held} is asked for")
        (daemon.home / "r.zone").write_text(zone)
        daemon.ctl("reload")
        release.set()
        thread.join(ANSWER_S)
        assert rrs(got[0]) == expected, (zone, got[0])


def test_rewrites_under_load(saringd, up):
    """Equal targets are asked for once over all workers, and every client gets the name it asked for back."""
    up.default = records("0 A 192.0.2.99")
    names = [f"n{i}.test" for i in range(8)]
    daemon = saringd({"upstream": {"servers": [up.endpoint]}, "lists": [{"name": "r", "file": "r.zone", "format": "rpz"}]},
                     {"r.zone": "".join(f"{name} CNAME garden.test.\n" for name in names[:4]) +
                      "".join(f"{name} CNAME *.garden.test.\n" for name in names[4:])})

    def right(name):
        def check_bytes(answer):
            reply = dns.message.from_wire(answer)
            target = "garden.test." if name in names[:4] else f"{name}.garden.test."
            return [(r.name.to_text(), r.to_rdataset()[0].to_text()) for r in reply.answer] == [(name + ".", target), (target, "192.0.2.99")]
        return check_bytes

    with Load(daemon, [(name, "A", right(name)) for name in names], clients=8) as load:
        load.reach(300)
        daemon.ctl("reload")
        load.reach(300)
    queries = daemon.queries()
    assert queries["blocked"] == queries["total"]


def test_addresses_in_answers(daemon, up):
    up.on("one.ip.test", records("300 A 192.0.2.1", "300 A 192.0.2.67"))
    up.on("chain.ip.test", records("300 CNAME other.test.", "other.test. 300 A 192.0.2.67"))
    up.on("six.ip.test", records("300 AAAA 2001:db8::66"))
    up.on("hint.ip.test", records('300 HTTPS 1 . ipv4hint=192.0.2.1,192.0.2.67'))
    up.on("bogus.ip.test", records("300 A 192.0.2.166"))
    up.on("clean.ip.test", records("300 A 192.0.2.66", "300 A 198.51.101.1"))
    up.on("pass.both.rpz.test", records("300 A 192.0.2.67"))
    for _ in range(2):  # from the upstream, and from the cache
        for name, rdtype in (("one.ip.test", "A"), ("chain.ip.test", "A"), ("six.ip.test", "AAAA"), ("hint.ip.test", "HTTPS"),
                             ("bogus.ip.test", "A")):
            reply = ask(daemon, name, rdtype)
            # what an HTTPS record holds is no reason to deny the name's other types
            assert rcode(reply) == ("NOERROR" if rdtype == "HTTPS" else "NXDOMAIN") and not reply.answer and ede(reply)[0] == 15, name
        assert rrs(ask(daemon, "clean.ip.test")) == ["192.0.2.66", "198.51.101.1"]
        assert rrs(ask(daemon, "pass.both.rpz.test")) == ["192.0.2.67"], "who passes, passes with what it leads to"
    up.on("net.ip.test", records("300 A 198.51.100.200"))
    assert rrs(ask(daemon, "net.ip.test")) == ["192.0.2.90"]
    counts = {one["name"]: one["blocked"] for one in daemon.ctl("--json", "list").json}
    assert counts["r"] == 9 and counts["m"] == 2


def test_an_address_that_leads_elsewhere(daemon, up):
    up.on("garden.test", records("60 A 192.0.2.99"))
    for ttl in (0, 300):
        name = f"ttl{ttl}.ip.test"
        up.on(name, records(f"{ttl} A 192.0.2.68"))
        for _ in range(2):
            reply = ask(daemon, name)
            assert rrs(reply, "CNAME") == ["garden.test."] and rrs(reply) == ["192.0.2.99"] and ede(reply)[0] == 15


def test_client_addresses(daemon):
    assert is_blocked(daemon, "anything.test", client="127.0.0.9")
    assert rcode(ask_from(daemon, "127.0.0.9", "anything.test")) == "NXDOMAIN"
    assert not is_blocked(daemon, "anything.test", client="127.0.0.8")
    assert not is_blocked(daemon, "pass.both.rpz.test", client="127.0.0.9"), "an allow outranks"
    rule = daemon.explain("anything.test", "--client", "127.0.0.9")["rule"]
    assert (rule["list"], rule["match"], rule["line"]) == ("r", "client", line_of("r", "rpz-client-ip"))
    assert daemon.explain("anything.test")["verdict"] == "none", "without a client, nothing is said of clients"


# explain: list, file and line


def line_of(name, text):
    lines = LISTS[name][2].splitlines()
    found = [i for i, line in enumerate(lines, 1) if text in line]
    assert found, (name, text)
    return found[0]


@pytest.mark.parametrize("name,owner,text,match", [
    ("two.hosts.test", "h", "two.hosts.test", "exact"),
    ("upper.hosts.test", "h", "Upper.Hosts.Test", "exact"),
    ("ads.domains.test", "d", "ads.domains.test", "exact"),
    ("z.lead.domains.test", "d", ".lead.domains.test", "subtree"),
    ("z.star.domains.test", "d", "*.star.domains.test", "subdomains"),
    ("z.star.wildcard.test", "w", "*.star.wildcard.test", "subdomains"),
    ("log-1.inner.wildcard.test", "w", "log-*.inner", "pattern"),
    ("z.sub.adblock.test", "a", "||sub.adblock.test^", "subtree"),
    ("start.adblock.test", "a", "|start.adblock.test^", "exact"),
    ("regex1.adblock.test", "a", "/^regex", "regex"),
    ("z.log-1.inner.adblock.test", "a", "||log-*.inner", "pattern"),
    ("good.allow.adblock.test", "a", "@@||good.allow.adblock.test^", "subtree"),
    ("important.adblock.test", "a", "$important", "subtree"),
    ("z.sub.dnsmasq.test", "m", "/sub.dnsmasq.test/", "subtree"),
    ("own.dnsmasq.test", "m", "/own.dnsmasq.test/", "subtree"),
    ("z.nx.unbound.test", "u", '"nx.unbound.test."', "subtree"),
    ("data.unbound.test", "u", '"data.unbound.test', "exact"),
    ("exact.rpz.test", "r", "exact.rpz.test", "exact"),
    ("z.wild.rpz.test", "r", "*.wild.rpz.test", "subdomains"),
    ("local.rpz.test", "r", "local.rpz.test 77", "exact"),
    ("z.sub.yaml.test", "y", "sub.yaml.test", "subtree"),
    ("x.autorpz.test", "a-rpz", "x.autorpz.test", "exact"),
])
def test_explain_names_the_line(daemon, name, owner, text, match):
    rule = daemon.explain(name)["rule"]
    assert (rule["list"], rule["file"], rule["line"], rule["match"]) == (owner, LISTS[owner][0], line_of(owner, text), match)


def test_every_query_counts_once(daemon):
    test_local_data(daemon)
    ask(daemon, "tcp.rpz.test")
    ask(daemon, "cname.rpz.test")
    ask(daemon, "open.test")
    queries = daemon.queries()
    assert sum(v for k, v in queries.items() if k != "total") == queries["total"]
