# SPDX-License-Identifier: BSD-2-Clause
"""The first thing asked of saring: the eleven names of 14 July 2017 blocked by the list that is shipped, and nothing else."""
import shutil
import subprocess

import dns.flags
import dns.name
import pytest

from harness.ask import Raw, ask, blocked, ede, eventually, header, opt, question, rcode, rcode_of, rrs, soa_of

ELEVEN = ["t.me", "telegram.me", "telegram.org", "core.telegram.org", "desktop.telegram.org", "macos.telegram.org", "web.telegram.org",
          "venus.web.telegram.org", "pluto.web.telegram.org", "flora.web.telegram.org", "flora-1.web.telegram.org"]
TYPES = ["A", "AAAA", "TXT", "MX", "NS", "SOA", "CNAME", "SRV", "CAA", "HTTPS", "SVCB", "DS", "DNSKEY", "NAPTR", "ANY", "TYPE65280"]
LISTS = [{"name": "telegram-2017", "file": "lists/telegram-2017.yaml"}]


@pytest.fixture
def daemon(saringd, knot, source):
    text = (source / "config/lists/telegram-2017.yaml").read_text(encoding="utf-8")
    return saringd({"upstream": {"servers": [knot.endpoint]}, "lists": LISTS}, {"lists/telegram-2017.yaml": text})


def test_the_list_holds_exactly_the_eleven(daemon):
    entries = daemon.ctl("--json", "list", "show", "telegram-2017").json
    assert sorted(e["entry"] for e in entries) == sorted(ELEVEN)
    status = daemon.status()
    assert (status["policy"]["lists"], status["policy"]["entries"], status["policy"]["in_force"]) == (1, 11, 11)


@pytest.mark.parametrize("name", ELEVEN)
def test_every_type_of_a_name_is_blocked(daemon, name):
    for rdtype in TYPES:
        for tcp in (False, True):
            reply = ask(daemon, name, rdtype, tcp=tcp)
            assert rcode(reply) == "NXDOMAIN", (rdtype, tcp)
            assert not reply.answer and not [a for a in reply.additional if a.rdtype != 41]
            assert ede(reply)[0] == 16, "EDE Censored"
            assert reply.flags & dns.flags.RA and reply.flags & dns.flags.RD
            assert not reply.flags & (dns.flags.AA | dns.flags.TC | dns.flags.AD)


@pytest.mark.parametrize("name", ELEVEN)
def test_what_lies_below_is_blocked(daemon, name):
    for below in ("www." + name, "a.b.c." + name, "xn--e1afmkfd." + name, "*." + name, "_443._tcp." + name):
        assert blocked(ask(daemon, below)), below


@pytest.mark.parametrize("name,address", [("tt.me", "192.0.2.10"), ("xtelegram.org", "192.0.2.11"), ("telegram.org.example", "192.0.2.12"),
                                          ("me", "192.0.2.13"), ("org", "192.0.2.14"), ("me.t", "192.0.2.15"), ("www.example", "192.0.2.1")])
def test_neighbours_resolve(daemon, name, address):
    for tcp in (False, True):
        reply = ask(daemon, name, tcp=tcp)
        assert rcode(reply) == "NOERROR" and rrs(reply) == [address]
        assert ede(reply) is None


@pytest.mark.parametrize("name", ["T.ME", "T.me", "WEB.Telegram.ORG", "fLoRa-1.wEb.TeLeGrAm.oRg", "Foo.T.mE"])
def test_case_is_nothing(daemon, name):
    reply = ask(daemon, name)
    assert blocked(reply)
    assert reply.question[0].name.to_text(omit_final_dot=True) == name, "the question comes back as it was sent"


def test_one_label_with_a_dot_in_it_is_another_name(daemon):
    name = dns.name.Name((b"t.me", b""))
    reply = ask(daemon, name)
    assert rcode(reply) == "NOERROR" and rrs(reply) == ["192.0.2.16"]
    # and the other way: a label that ends like a blocked name is none
    assert rcode(ask(daemon, dns.name.Name((b"web.telegram", b"org", b"")))) == "NXDOMAIN"
    assert ede(ask(daemon, dns.name.Name((b"web.telegram", b"org", b"")))) is None
    # below a name is below it whatever octets the label has
    assert blocked(ask(daemon, dns.name.Name((b"a.b\x00\xff", b"t", b"me", b""))))


def test_soa_and_ttl(daemon):
    for name in ELEVEN + ["x.y.t.me"]:
        reply = ask(daemon, name)
        owner, ttl, minimum = soa_of(reply)
        assert ttl == 10 and minimum == 10, "block.ttl, in both places (RFC 2308)"
        assert dns.name.from_text(name).is_subdomain(owner), "a SOA at or above the name"
        assert len(reply.authority) == 1


def test_extended_error_says_why(daemon):
    for tcp in (False, True):
        code, text = ede(ask(daemon, "web.telegram.org", tcp=tcp))
        assert code == 16
        assert "Komunikasi" in text, "whoever ordered it is named"
        assert 0 < len(text.encode()) <= 200


def test_no_edns_no_opt(daemon):
    reply = ask(daemon, "t.me", edns=False)
    assert rcode(reply) == "NXDOMAIN" and reply.edns == -1 and soa_of(reply) is not None
    with Raw(daemon) as raw:
        answer = raw.exchange(header() + question("t", "me"))
        assert rcode_of(answer) == 3 and answer[10:12] == b"\0\0", "no additional record at all"


def test_flags_come_back_as_they_should(daemon):
    with Raw(daemon) as raw:
        # CD is copied, AD and Z are not; RA is set (RFC 4035, 8906)
        answer = raw.exchange(header(flags=0x0100 | 0x0010 | 0x0020 | 0x0040, ar=1) + question("t", "me") + opt(flags=0x8000))
        assert answer[2:4].hex() == "8193"
        # DO comes back in the OPT
        assert b"\0\x00\x29\x04\xd0\x00\x00\x80\x00" in answer


def test_blocked_over_ipv6(daemon):
    if "::1" not in daemon.udp:
        pytest.skip("no IPv6 on loopback")
    for tcp in (False, True):
        assert blocked(ask(daemon, "t.me", host="::1", tcp=tcp))
        assert rrs(ask(daemon, "tt.me", host="::1", tcp=tcp)) == ["192.0.2.10"]


def test_blocked_names_never_go_upstream(saringd, fake, source):
    upstream = fake()
    text = (source / "config/lists/telegram-2017.yaml").read_text(encoding="utf-8")
    daemon = saringd({"upstream": {"servers": [upstream.endpoint]}, "lists": LISTS}, {"lists/telegram-2017.yaml": text})
    for name in ELEVEN:
        for rdtype in ("A", "AAAA", "HTTPS", "DS"):
            assert blocked(ask(daemon, name, rdtype))
    assert rcode(ask(daemon, "sentinel.example")) == "NOERROR"
    assert {a.folded for a in upstream.asked()} == {"sentinel.example"}


def test_counted_once_each(daemon):
    for name in ELEVEN:
        ask(daemon, name)
    ask(daemon, "tt.me")
    ask(daemon, "tt.me")
    queries = eventually(lambda: (q := daemon.queries())["total"] >= 13 and q, "13 queries counted")
    assert queries["total"] == 13
    assert (queries["blocked"], queries["forwarded"], queries["cached"]) == (11, 1, 1)
    assert sum(v for k, v in queries.items() if k != "total") == queries["total"]
    lists = daemon.ctl("--json", "list").json
    assert lists[0]["name"] == "telegram-2017" and lists[0]["blocked"] == 11


def test_lifting_the_order_resolves_all_eleven_at_once(daemon):
    path = daemon.home / "lists/telegram-2017.yaml"
    before = path.read_text(encoding="utf-8").splitlines()
    for name in ELEVEN:
        assert blocked(ask(daemon, name))
    daemon.ctl("list", "lift", "telegram-2017")
    for name in ELEVEN:
        reply = ask(daemon, name)
        assert rcode(reply) == "NOERROR" and rrs(reply) and ede(reply) is None, name
    after = path.read_text(encoding="utf-8").splitlines()
    new = [line for line in after if line not in before]
    assert [line for line in after if line not in new] == before, "only lines of the lift came"
    assert 1 <= len(new) <= 2 and new[0].startswith("lifted: ")
    assert daemon.status()["policy"]["in_force"] == 0


def test_explain_names_the_order(daemon):
    told = daemon.explain("web.telegram.org")
    assert told["verdict"] == "blocked" and told["answer"] == "nxdomain" and told["ttl"] == 10
    rule = told["rule"]
    assert rule["list"] == "telegram-2017" and rule["file"] == "lists/telegram-2017.yaml" and rule["entry"] == "web.telegram.org"
    lines = (daemon.home / rule["file"]).read_text(encoding="utf-8").splitlines()
    assert "web.telegram.org" in lines[rule["line"] - 1] and "venus" not in lines[rule["line"] - 1]
    assert rule["match"] == "subtree" and rule["code"] == "censored" and rule["mode"] == "enforce" and rule["mandatory"] is False
    assert rule["authority"] == "Kementerian Komunikasi dan Informatika" and rule["reason"] and rule["reference"].startswith("http")
    assert rule["added"] == "2017-07-14" and rule["lifted"] is None and rule["expires"] is None
    assert [a["entry"] for a in told["also"]] == ["telegram.org"] and told["also"][0]["why_not"] == "less specific"
    people = daemon.ctl("explain", "web.telegram.org").out
    for word in ("telegram-2017", f"lists/telegram-2017.yaml:{rule['line']}", "Kementerian Komunikasi dan Informatika"):
        assert word in people
    assert "\x1b" not in people, "no colour but on a terminal"


def test_kdig_sees_it_too(daemon):
    if not shutil.which("kdig"):
        pytest.skip("kdig is not installed")
    def kdig(*args):
        return subprocess.run(["kdig", "@127.0.0.1", "-p", str(daemon.port), *args], capture_output=True, text=True, timeout=60,
                              check=False).stdout
    out = kdig("web.telegram.org", "A", "+edns")
    assert "status: NXDOMAIN" in out and "EDE: 16 (Censored)" in out and "SOA" in out
    out = kdig("+tcp", "tt.me", "A", "+edns")
    assert "status: NOERROR" in out and "192.0.2.10" in out and "EDE" not in out


def test_saring_yaml_as_shipped_is_sound(saringd, source):
    """Whatever else it says, the configuration of `tools/run` passes its own check."""
    daemon = saringd(start=False)
    for args in (["-t", "-c", source / "config/saring.yaml"],):
        result = daemon.run("saringd", *args)
        assert result.code == 0, result
    result = daemon.run("saringctl", "--json", "check", source / "config/saring.yaml")
    assert result.code == 0 and result.json["errors"] == [], result
