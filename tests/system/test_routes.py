# SPDX-License-Identifier: BSD-2-Clause
"""Conditional forwarding as people expect it: prefixes for reverse look-ups, several zones at once, dotless names, and zones that would
be answered here."""
import pytest

from harness import fake as F
from harness.ask import ask, rcode, rrs


@pytest.fixture
def up(fake):
    return fake()


@pytest.fixture
def router(fake):
    def say(question):
        return [question.reply("60 PTR host.lan." if question.type == "PTR" else "60 A 192.0.2.53").to_wire()]
    return fake(say)


def serve(saringd, up, *routes, **config):
    return saringd({"upstream": {"servers": [up.endpoint], "routes": list(routes)}, **config})


def test_prefixes(saringd, up, router):
    daemon = serve(saringd, up, {"zone": "192.168.0.0/16", "servers": [router.endpoint]}, {"zone": "10.20.0.0/14", "servers": [router.endpoint]},
                   {"zone": "fd00:1234::/32", "servers": [router.endpoint]}, {"zone": "172.16.5.9", "servers": [router.endpoint]})
    routed = ["1.2.168.192.in-addr.arpa", "9.9.20.10.in-addr.arpa", "9.9.23.10.in-addr.arpa", "1." + "0." * 23 + "4.3.2.1.0.0.d.f.ip6.arpa", "9.5.16.172.in-addr.arpa"]
    for name in routed:
        assert rrs(ask(daemon, name, "PTR"), "PTR") == ["host.lan."], name
    for name in ("1.1.19.10.in-addr.arpa", "1.1.24.10.in-addr.arpa", "1.5.16.172.in-addr.arpa", "1.1.169.192.in-addr.arpa", "1." + "0." * 23 + "5.3.2.1.0.0.d.f.ip6.arpa"):
        assert not rrs(ask(daemon, name, "PTR"), "PTR"), name
    assert len(router.asked()) == len(routed) and [a.folded for a in up.asked()] == ["1.1.169.192.in-addr.arpa"]
    explained = daemon.ctl("--json", "explain", "9.9.23.10.in-addr.arpa", "--type", "PTR").json
    assert explained["route"] == "23.10.in-addr.arpa" and explained["answered_here"] is None


def test_several_zones_and_dotless_names(saringd, up, router):
    daemon = serve(saringd, up, {"zone": "lan", "zones": ["home.arpa", "nas", "192.168.1.0/24"], "servers": [router.endpoint]}, names={"dotless": "nodata", "deny": ["lan"]})
    for name in ("lan", "x.lan", "a.b.home.arpa", "nas", "x.nas"):
        assert rrs(ask(daemon, name)) == ["192.0.2.53"], name
    assert rrs(ask(daemon, "7.1.168.192.in-addr.arpa", "PTR"), "PTR") == ["host.lan."]
    assert rcode(ask(daemon, "other")) == "NOERROR" and not ask(daemon, "other").answer
    assert not up.asked()
    assert rrs(ask(daemon, "lan.example")) == ["192.0.2.200"]


def test_root_takes_the_rest(saringd, up, router):
    daemon = serve(saringd, up, {"zones": ["."], "servers": [router.endpoint]})
    assert rrs(ask(daemon, "www.example")) == ["192.0.2.53"] and not up.asked()


@pytest.mark.parametrize("route, line, text", [
    ("{servers: [dns://192.0.2.1]}", 4, "'zone' is missing"), ("{zone: 192.168.1.1/16, servers: [dns://192.0.2.1]}", 4, "prefix"),
    ("{zones: [], servers: [dns://192.0.2.1]}", 4, "empty"), ("{zones: [a.example, a.example], servers: [dns://192.0.2.1]}", 4, "has a route already"),
    ("{zone: a.example, zones: [{b: c}], servers: [dns://192.0.2.1]}", 4, "zone"), ("{zone: a..b, servers: [dns://192.0.2.1]}", 4, "label")])
def test_faults(saringd, route, line, text):
    daemon = saringd(text=f"listen: [dns://127.0.0.1:0]\nupstream:\n  routes:\n    - {route}\n", start=False)
    result = daemon.run("saringd", "-c", daemon.config_path, "-t")
    assert result.code == 1 and f"saring.yaml:{line}:" in result.out + result.err and text in result.out + result.err, result
