# SPDX-License-Identifier: BSD-2-Clause
"""Lists between formats: `list import` says what it took, changed and left out; `list export` writes what the other format can say."""
import pytest

from harness.ask import ask, blocked, rrs

HOUSE = "# ours\nentries:\n  - first.example   # stays\n"

HOSTS = """\
# a hosts file
127.0.0.1 localhost
0.0.0.0 Ads.Example
0.0.0.0 b.example c.example # two names
0.0.0.0 192.0.2.1
0.0.0.0 single
0.0.0.0 de2.node..example.com
0.0.0.0 first.example
"""

ADBLOCK = """\
! Title: rules
||tree.example^
||one.example^$dnstype=AAAA
|exact.example^
/^re[0-9]+\\.example$/
||ads*.pattern.example^
@@||ok.tree.example^
||browser.example^$third-party
example.com##.banner
"""


@pytest.fixture
def daemon(saringd, fake):
    return saringd({"upstream": {"servers": [fake().endpoint]}, "lists": [{"name": "house", "file": "lists/house.yaml"},
                                                                         {"name": "other", "file": "lists/other.yaml"}]},
                   {"lists/house.yaml": HOUSE, "lists/other.yaml": "entries: []\n"})


def give(daemon, name, text):
    path = daemon.home / name
    path.write_text(text)
    return path


def reasons(document):
    return {r["reason"]: r for r in document["report"]["left_out"]}


def test_import_hosts(daemon):
    path = give(daemon, "hosts.txt", HOSTS)
    done = daemon.ctl("--json", "list", "import", "house", path, "--reason", "ads").json
    assert (done["added"], done["already"], done["in_force"]) == (4, 0, True), "first.example stands there for its subtree, this is exact"
    assert done["report"]["format"] == "hosts" and done["report"]["detected"] is True
    left = reasons(done)
    assert left["localhost"]["count"] == 1 and left["localhost"]["samples"][0]["line"] == 2
    assert left["ip"]["samples"][0]["line"] == 5
    assert left["single-label"]["samples"][0]["line"] == 6 and "single" in left["single-label"]["samples"][0]["text"]
    assert left["empty-label"]["samples"][0]["line"] == 7
    for name in ("ads.example", "b.example", "c.example"):
        assert blocked(ask(daemon, name)), "in force when it returns"
    assert rrs(ask(daemon, "x.ads.example")) == ["192.0.2.200"], "hosts names are exact"
    rule = daemon.explain("ads.example")["rule"]
    assert rule["list"] == "house" and rule["reason"] == "ads" and rule["match"] == "exact"
    assert "first.example   # stays" in (daemon.home / "lists/house.yaml").read_text()
    again = daemon.ctl("--json", "list", "import", "house", path).json
    assert (again["added"], again["already"]) == (0, 4)


def test_import_says_it_to_people(daemon):
    result = daemon.ctl("list", "import", "house", give(daemon, "rules", ADBLOCK), "--format", "adblock")
    assert "read as   adblock" in result.out and "browser-only" in result.out and "third-party 1" in result.out
    assert "line 8" in result.out and "cosmetic" in result.out and "may-allow" in result.out
    assert "condition" in result.err and "one.example" in result.err, "what YAML cannot say"
    assert blocked(ask(daemon, "x.tree.example")) and blocked(ask(daemon, "ok.tree.example")) and blocked(ask(daemon, "re7.example"))
    assert blocked(ask(daemon, "exact.example")) and rrs(ask(daemon, "x.exact.example")) == ["192.0.2.200"]
    assert blocked(ask(daemon, "ads7.pattern.example")) and blocked(ask(daemon, "x.ads7.pattern.example"))
    assert rrs(ask(daemon, "pattern.example")) == ["192.0.2.200"] and rrs(ask(daemon, "one.example")) == ["192.0.2.200"]


def test_import_from_stdin_and_refusals(daemon):
    before = (daemon.home / "lists/house.yaml").read_bytes()
    html = daemon.ctl("list", "import", "house", give(daemon, "page", "<!DOCTYPE html><html><body>not found</body></html>\n"), code=1)
    assert "HTML" in html.err
    assert daemon.ctl("list", "import", "nolist", "x", code=1).err and daemon.ctl("list", "import", "house", code=2).err
    assert daemon.ctl("list", "import", "house", "/nonexistent", code=1).err
    assert "did you mean 'hosts'" in daemon.ctl("list", "import", "house", "x", "--format", "host", code=2).err
    assert (daemon.home / "lists/house.yaml").read_bytes() == before
    done = daemon.run("saringctl", "-c", daemon.home / "saring.yaml", "list", "import", "house", "-", stdin="*.below.example\n")
    assert done.code == 0, done.err
    assert blocked(ask(daemon, "x.below.example")) and rrs(ask(daemon, "below.example")) == ["192.0.2.200"]


@pytest.mark.parametrize("form", ["yaml", "hosts", "domains", "wildcard", "adblock", "dnsmasq", "unbound", "rpz"])
def test_export_and_back(daemon, form):
    source = "entries:\n  - tree.example\n  - {domain: exact.example, match: exact}\n  - {domain: below.example, match: subdomains}\n"
    (daemon.home / "lists/house.yaml").write_text(source)
    daemon.ctl("reload")
    exported = daemon.ctl("list", "export", "house", "--format", form)
    document = daemon.ctl("--json", "list", "export", "house", "--format", form).json
    assert document["text"] == exported.out and document["format"] == form
    left = sum(r["count"] for r in document["left_out"])
    assert document["written"] + left == 3 and bool(left) == bool(exported.err)
    assert left == {"hosts": 2, "dnsmasq": 2, "unbound": 1}.get(form, 0)
    (daemon.home / "lists/house.yaml").write_text("entries: []\n")
    imported = daemon.ctl("--json", "list", "import", "other", give(daemon, "exported", exported.out), "--format", form).json
    assert imported["in_force"] is True
    want = {"tree.example": form != "hosts", "x.tree.example": form != "hosts", "exact.example": form != "dnsmasq", "x.exact.example": False,
            "below.example": False, "x.below.example": form not in ("hosts", "dnsmasq", "unbound")}
    assert {name: blocked(ask(daemon, name)) for name in want} == want


def test_what_is_lifted_beside_a_list_is_lifted_in_its_export(saringd, fake):
    """A list that cannot be edited holds the name still: whoever is given the export gets the lift with it."""
    daemon = saringd({"upstream": {"servers": [fake().endpoint]}, "lists": [{"name": "ads", "file": "lists/ads.txt", "format": "hosts", "reason": "ads"},
                                                                            {"name": "house", "file": "lists/house.yaml"}]},
                     {"lists/ads.txt": "0.0.0.0 kept.example\n0.0.0.0 freed.example\n", "lists/house.yaml": "entries: []\n"})
    daemon.ctl("unblock", "freed.example", "--reason", "an error", "--reference", "T-7")
    assert rrs(ask(daemon, "freed.example")) == ["192.0.2.200"]
    told = daemon.ctl("list", "export", "ads", "--format", "rpz")
    assert "kept.example" in told.out and "freed.example" not in told.out
    assert "not-in-force" in told.err and "freed.example" in told.err
    house = daemon.ctl("list", "export", "ads").out
    assert "lift-reason: an error" in house and "lift-reference: T-7" in house
    (daemon.home / "lists/ads.txt").write_text("")
    (daemon.home / "lists/house.yaml").write_text(house)
    daemon.ctl("reload")
    assert blocked(ask(daemon, "kept.example")) and rrs(ask(daemon, "freed.example")) == ["192.0.2.200"]
