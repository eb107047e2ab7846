# SPDX-License-Identifier: BSD-2-Clause
"""upstream.rebind-protection: a public name does not get a private address, whatever way it is written (protocol 5.4)."""
import ipaddress

import pytest

from harness import fake as F
from harness.ask import ask, ede, rcode, rrs, soa_of

PRIVATE_V4 = ["0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.127.255.254", "127.0.0.1", "127.255.255.254",
              "169.254.169.254", "172.16.0.1", "172.31.255.254", "192.168.0.1", "192.168.255.254"]
PUBLIC_V4 = ["1.1.1.1", "9.255.255.255", "11.0.0.1", "100.63.255.255", "100.128.0.1", "126.255.255.255", "128.0.0.1", "169.253.255.255",
             "169.255.0.1", "172.15.255.255", "172.32.0.1", "192.0.2.1", "192.167.255.255", "192.169.0.1", "8.8.8.8"]
PRIVATE_V6 = ["::", "::1", "fc00::1", "fdff::1", "fe80::1", "febf::1"]
PUBLIC_V6 = ["2001:db8::1", "2606:4700::1111", "fbff::1", "fec0::1", "ff02::1", "2001::1", "2003::1"]


def embedded(v4):
    """The IPv6 addresses that hold an IPv4 one."""
    value = int(ipaddress.IPv4Address(v4))
    return [str(ipaddress.IPv6Address(n)) for n in (0xffff << 32 | value, value, 0x64ff9b << 96 | value, 0x2002 << 112 | value << 80 | 1)]


def hints(v4=(), v6=()):
    parts = ["300 HTTPS 1 . alpn=h2"]
    if v4:
        parts.append("ipv4hint=" + ",".join(v4))
    if v6:
        parts.append("ipv6hint=" + ",".join(v6))
    return " ".join(parts)


@pytest.fixture
def guarded(saringd, fake):
    def make(on=True, lists=None, **more):
        up, corp = fake(), fake()
        daemon = saringd({"upstream": {"servers": [up.endpoint], "rebind-protection": on,
                                       "routes": [{"zone": "corp.example", "servers": [corp.endpoint]}]},
                          "lists": [{"name": name.split(".")[0], "file": name} for name in (lists or {})] or None, **more}, lists=lists)
        return daemon, up, corp
    return make


def refused(reply):
    """NODATA that says why, with an SOA by which others keep it for as short as a block."""
    assert rcode(reply) == "NOERROR" and not reply.answer and not reply.additional
    assert soa_of(reply) is not None and soa_of(reply)[1] <= 10
    assert ede(reply)[0] == 15 and "private" in ede(reply)[1]
    return True


def counted(daemon):
    return daemon.status()["counters"]["rebind_refused"]


def test_every_form_of_a_private_address(guarded):
    daemon, up, _ = guarded()
    cases = [("A", a, True) for a in PRIVATE_V4] + [("A", a, False) for a in PUBLIC_V4]
    cases += [("AAAA", a, True) for a in PRIVATE_V6] + [("AAAA", a, False) for a in PUBLIC_V6]
    cases += [("AAAA", a, True) for v4 in PRIVATE_V4 for a in embedded(v4)]
    cases += [("AAAA", a, False) for v4 in PUBLIC_V4 for a in embedded(v4)]
    cases += [("AAAA", "64:ff9b:1::a00:1", True), ("AAAA", "64:ff9b:1:ffff::808:808", True), ("AAAA", "64:ff9b:2::a00:1", False)]
    bad = 0
    for i, (rdtype, address, private) in enumerate(cases):
        up.on(f"n{i}.example", F.records(f"300 {rdtype} {address}"))
        for _ in range(2):  # the second time from the cache
            reply = ask(daemon, f"n{i}.example", rdtype)
            bad += private
            assert refused(reply) if private else len(rrs(reply, rdtype)) == 1, (rdtype, address)
    assert counted(daemon) == bad
    assert len(up.asked()) == len(cases)


def test_one_among_others_is_enough(guarded):
    daemon, up, _ = guarded()
    up.on("a.example", F.records("300 A 192.0.2.1", "300 A 192.168.1.1", "300 A 192.0.2.2"))
    up.on("h4.example", F.records(hints(["192.0.2.1", "10.1.1.1"])))
    up.on("h6.example", F.records(hints(["192.0.2.1"], ["2001:db8::1", "::ffff:127.0.0.1"])))
    up.on("ok.example", F.records(hints(["192.0.2.1"], ["2001:db8::1"])))
    up.on("svcb.example", F.records("300 SVCB 1 svc.example. ipv4hint=172.20.1.1"))
    up.on("alias.example", F.records("300 CNAME far.example.", "far.example. 300 CNAME end.example.", "end.example. 300 A 10.0.0.1"))
    assert refused(ask(daemon, "a.example"))
    for name in ("h4.example", "h6.example"):
        assert refused(ask(daemon, name, "HTTPS")), name
    assert refused(ask(daemon, "svcb.example", "SVCB"))
    assert len(rrs(ask(daemon, "ok.example", "HTTPS"), "HTTPS")) == 1
    for tcp in (False, True):
        assert refused(ask(daemon, "alias.example", tcp=tcp))
    assert refused(ask(daemon, "a.example", "A", edns=True))
    plain = ask(daemon, "a.example", edns=False)
    assert rcode(plain) == "NOERROR" and not plain.answer and soa_of(plain)


def test_octets_that_are_no_address(guarded):
    """The same octets as text, or behind another key, are nobody's address."""
    daemon, up, _ = guarded()
    up.on("t.example", F.records('300 TXT "10.0.0.1"', '300 TXT "\\010\\000\\000\\001"'))
    up.on("k.example", F.records("300 HTTPS 1 . key65400=\\010\\000\\000\\001"))
    assert len(rrs(ask(daemon, "t.example", "TXT"), "TXT")) == 2
    assert len(rrs(ask(daemon, "k.example", "HTTPS"), "HTTPS")) == 1


def test_off_by_default(saringd, fake):
    up = fake(F.answer("192.168.1.1"))
    daemon = saringd({"upstream": {"servers": [up.endpoint]}})
    assert rrs(ask(daemon, "a.example")) == ["192.168.1.1"]
    assert counted(daemon) == 0


def test_what_is_exempt(guarded):
    """An allowed name, a name of a route, one without a dot, and special names that somebody else answers."""
    daemon, up, corp = guarded(lists={"ok.yaml": "action: allow\nentries: [nas.example]\n"},
                               names={"forward": ["home.arpa", "local"], "dotless": "forward"})
    up.default = corp.default = F.answer("192.168.1.1")
    for name in ("nas.example", "sub.nas.example", "corp.example", "a.b.corp.example", "printer", "router.home.arpa", "printer.local"):
        assert rrs(ask(daemon, name)) == ["192.168.1.1"], name
    for name in ("xcorp.example", "nas.example.org", "xnas.example"):
        assert refused(ask(daemon, name)), name
    assert counted(daemon) == 3


def test_a_public_name_that_leads_into_a_route(guarded):
    """What the own servers say of an own name is right, but a stranger's name is made to point there: the very attack."""
    daemon, up, corp = guarded()
    corp.on("intranet.corp.example", F.answer("10.0.0.5"))
    up.on("www.evil.example", F.records("300 CNAME intranet.corp.example."))
    for _ in range(2):
        assert refused(ask(daemon, "www.evil.example"))
    assert rrs(ask(daemon, "intranet.corp.example")) == ["10.0.0.5"]
    corp.on("out.corp.example", F.records("300 CNAME www.lan.example."))
    up.on("www.lan.example", F.answer("10.0.0.6"))
    assert rrs(ask(daemon, "out.corp.example")) == ["10.0.0.6"], "the operator's own name may"
    assert refused(ask(daemon, "www.lan.example"))


def test_own_answers_are_the_operators_word(guarded):
    daemon, up, _ = guarded(block={"answer": "null"}, lists={"l.yaml": "entries: [nulled.example]\n",
                                      "r.rpz": "$ORIGIN r.test.\n@ 60 SOA ns. h. 1 2 3 4 5\nads.example A 10.9.9.9\nc.example CNAME nas.example.\n"})
    up.on("nas.example", F.answer("10.9.9.8"))
    assert rrs(ask(daemon, "ads.example")) == ["10.9.9.9"]
    assert rrs(ask(daemon, "c.example")) == ["10.9.9.8"] and refused(ask(daemon, "nas.example"))
    assert rrs(ask(daemon, "nulled.example")) == ["0.0.0.0"]
    assert rrs(ask(daemon, "localhost")) == ["127.0.0.1"]
    assert counted(daemon) == 1


def test_it_follows_a_reload(guarded):
    daemon, up, _ = guarded(on=False)
    up.default = F.answer("192.168.1.1")
    assert rrs(ask(daemon, "a.example")) == ["192.168.1.1"]
    daemon.configure(upstream={**daemon.config["upstream"], "rebind-protection": True})
    daemon.ctl("reload")
    assert refused(ask(daemon, "a.example")), "what is cached is judged, too"
    daemon.configure(upstream={**daemon.config["upstream"], "rebind-protection": False})
    daemon.ctl("reload")
    assert rrs(ask(daemon, "a.example")) == ["192.168.1.1"]
    assert len(up.asked()) == 1


def test_a_stale_private_address_is_refused(guarded):
    daemon, up, _ = guarded(cache={"serve-stale": "1h"})
    up.on("a.example", F.records("1 A 192.168.1.1"), F.error("SERVFAIL"))
    for _ in range(3):
        assert refused(ask(daemon, "a.example"))
