# SPDX-License-Identifier: BSD-2-Clause
"""Safe search: each engine's names lead to the host that filters, whatever type a browser asks for; lists still block them."""
import dns.message
import dns.query
import dns.rdatatype
import pytest

from harness import fake as F
from harness.ask import ask, rcode, rrs

ENGINES = {
    "google": ("forcesafesearch.google.com", ["google.com", "www.google.com", "www.google.de", "google.co.uk", "www.google.com.au", "www.google.co.id", "google.cat"]),
    "bing": ("strict.bing.com", ["bing.com", "www.bing.com", "edgeservices.bing.com"]),
    "youtube": ("restrict.youtube.com", ["www.youtube.com", "youtube.com", "m.youtube.com", "youtubei.googleapis.com", "youtube.googleapis.com", "www.youtube-nocookie.com"]),
    "duckduckgo": ("safe.duckduckgo.com", ["duckduckgo.com", "www.duckduckgo.com", "start.duckduckgo.com"]),
    "ecosia": ("strict-safe-search.ecosia.org", ["www.ecosia.org", "ecosia.org"]),
    "yandex": ("familysearch.yandex.ru", ["yandex.ru", "www.yandex.com", "yandex.com.tr", "ya.ru"]),
    "pixabay": ("safesearch.pixabay.com", ["pixabay.com", "www.pixabay.com"]),
}
OTHERS = ["mail.google.com", "www.google.example", "google.com.evil.example", "www.google.com.de.example", "notgoogle.com", "xgoogle.com", "maps.google.de", "google",
          "www.www.google.com", "google.example.com", "images.bing.com", "strict.bing.com", "forcesafesearch.google.com", "restrict.youtube.com", "wwwgoogle.com",
          "img.youtube.com", "xduckduckgo.com", "yandex.example", "mail.yandex.ru", "cdn.pixabay.com", "googleapis.com", "com", "www.com"]


@pytest.fixture
def up(fake):
    made = fake(F.answer("192.0.2.200"))
    for host, _ in ENGINES.values():
        made.on(host, F.answer("192.0.2.99", ttl=900))
    made.on("restrictmoderate.youtube.com", F.answer("192.0.2.98"))
    return made


def serve(saringd, up, files=None, **config):
    return saringd({"upstream": {"servers": [up.endpoint]}, **config}, files)


def led(reply, name, host):
    return [(r.name.to_text(), dns.rdatatype.to_text(r.rdtype), r[0].to_text()) for r in reply.answer] == [
        (name + ".", "CNAME", host + "."), (host + ".", "A", "192.0.2.99")]


def test_every_engine(saringd, up):
    daemon = serve(saringd, up, **{"safe-search": True})
    count = 0
    for engine, (host, names) in ENGINES.items():
        for name in names:
            for tcp in (False, True):
                reply = ask(daemon, name, tcp=tcp)
                assert rcode(reply) == "NOERROR" and led(reply, name, host), reply
                assert reply.answer[0].ttl == 10  # block.ttl: what is switched off is soon forgotten
            odd = ask(daemon, name.upper(), "AAAA")
            assert rcode(odd) == "NOERROR" and [text.lower() for text in rrs(odd, "CNAME")] == [host + "."]
            for rdtype in ("HTTPS", "SVCB"):
                reply = ask(daemon, name, rdtype)
                assert rcode(reply) == "NOERROR" and not reply.answer and reply.authority
            assert ask(daemon, name, "MX") is not None
            count += 5
            assert daemon.ctl("--json", "explain", name).json["safe_search"] == engine
        assert daemon.ctl("--json", "explain", names[0], "--type", "MX").json["safe_search"] is None, "as it is answered"
    assert {a.folded for a in up.asked(rdtype="A")} == {host for host, _ in ENGINES.values()}
    assert {a.type for a in up.asked()} == {"A", "AAAA", "MX"}
    status = daemon.status()
    assert status["counters"]["safe_search"] == count == status["queries"]["local"]


def test_other_names_are_left_alone(saringd, up):
    daemon = serve(saringd, up, **{"safe-search": True})
    for name in OTHERS:
        reply = ask(daemon, name)
        assert not rrs(reply, "CNAME"), name
        assert up.asked(name), name
        assert daemon.ctl("--json", "explain", name).json["safe_search"] is None
    assert daemon.status()["counters"]["safe_search"] == 0


def test_off_by_default_and_engine_by_engine(saringd, up):
    daemon = serve(saringd, up)
    assert rrs(ask(daemon, "www.google.com")) == ["192.0.2.200"]
    daemon.configure(**{"safe-search": ["bing", "youtube-moderate"]})
    assert daemon.ctl("reload").code == 0
    assert rrs(ask(daemon, "www.google.com")) == ["192.0.2.200"]
    assert led(ask(daemon, "www.bing.com"), "www.bing.com", "strict.bing.com")
    assert rrs(ask(daemon, "www.youtube.com"), "CNAME") == ["restrictmoderate.youtube.com."]
    daemon.configure(**{"safe-search": False})
    assert daemon.ctl("reload").code == 0
    assert rrs(ask(daemon, "www.bing.com")) == ["192.0.2.200"]


def test_lists(saringd, up):
    """A block outranks it; an allow entry does not turn it off; what is behind it is not judged."""
    daemon = serve(saringd, up, {"b.txt": "www.bing.com\nforcesafesearch.google.com\n", "a.txt": "www.google.com\n"},
                   lists=[{"name": "b", "file": "b.txt", "format": "domains"}, {"name": "a", "file": "a.txt", "format": "domains", "action": "allow"}],
                   **{"safe-search": True})
    assert rcode(ask(daemon, "www.bing.com")) == "NXDOMAIN" and rcode(ask(daemon, "www.bing.com", "HTTPS")) == "NXDOMAIN"
    assert led(ask(daemon, "www.google.com"), "www.google.com", "forcesafesearch.google.com")
    assert daemon.ctl("--json", "explain", "www.bing.com").json["safe_search"] is None
    explained = daemon.ctl("--json", "explain", "www.google.com").json
    assert explained["safe_search"] == "google" and explained["outcome"] == "local" and explained["cname"][0]["target"] == "forcesafesearch.google.com"
    assert "safe search" in daemon.ctl("explain", "www.google.com").out


def test_groups(saringd, up):
    """Each group its own; one that says nothing has what is said for all."""
    daemon = serve(saringd, up, groups=[{"name": "kids", "clients": ["127.0.0.2"], "safe-search": True}, {"name": "office", "clients": ["127.0.0.3"]},
                                        {"name": "free", "clients": ["127.0.0.4"], "safe-search": False}], **{"safe-search": ["bing"]})

    def leads(source, name):
        query = dns.message.make_query(name, "A")
        return bool(rrs(dns.query.udp(query, "127.0.0.1", port=daemon.udp["127.0.0.1"], source=source, timeout=20), "CNAME"))

    assert [leads(f"127.0.0.{n}", "www.google.com") for n in (1, 2, 3, 4)] == [False, True, False, False]
    assert [leads(f"127.0.0.{n}", "www.bing.com") for n in (1, 2, 3, 4)] == [True, True, True, False]
    for client, engine in (("127.0.0.2", "google"), ("127.0.0.3", None)):
        assert daemon.ctl("--json", "explain", "www.google.com", "--client", client).json["safe_search"] == engine


def test_failure_and_records(saringd, up):
    up.on("strict.bing.com", F.error("SERVFAIL"))
    daemon = serve(saringd, up, records=["www.google.com A 192.168.1.1"], **{"safe-search": True})
    assert rcode(ask(daemon, "www.bing.com")) == "SERVFAIL"
    assert rrs(ask(daemon, "www.google.com")) == ["192.168.1.1"]
    assert daemon.status()["counters"]["safe_search"] == 0


@pytest.mark.parametrize("value, line", [("[gogle]", "did you mean 'google'"), ("maybe", "safe-search"), ("[youtube, youtube-moderate]", "exclude"), ("{a: b}", "safe-search")])
def test_faults(saringd, value, line):
    daemon = saringd(text=f"listen: [dns://127.0.0.1:0]\nsafe-search: {value}\n", start=False)
    result = daemon.run("saringd", "-c", daemon.config_path, "-t")
    assert result.code == 1 and "saring.yaml:2:" in result.out + result.err and line in result.out + result.err, result
