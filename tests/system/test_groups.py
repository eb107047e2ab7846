# SPDX-License-Identifier: BSD-2-Clause
"""Who gets what: groups of clients by address and by where they ask, each with its lists, answer, servers and hours. Clients are the
addresses of 127.0.0.0/8; the daemon's clock is the test's (faults.c)."""
import pytest

import dns.query

from harness import fake as F
from harness.ask import ANSWER_S, ask, make, rcode, rrs

ADDRESS = "192.0.2.200"
LISTS = {"ads.yaml": "entries: [ads.example, both.example]\n", "social.yaml": "entries: [social.example, both.example]\n",
         "law.yaml": "entries: [law.example]\n", "free.yaml": "action: allow\nentries: [free.ads.example]\n",
         "trial.yaml": "entries: [trial.example]\n"}
NAMED = [{"name": "ads", "file": "ads.yaml"}, {"name": "social", "file": "social.yaml"},
         {"name": "law", "file": "law.yaml", "mandatory": True}, {"name": "free", "file": "free.yaml"},
         {"name": "trial", "file": "trial.yaml", "mode": "shadow"}]
KIDS, GRANDMA, LAB, OTHER = "127.0.0.33", "127.0.0.5", "127.0.1.7", "127.0.0.2"
GROUPS = [{"name": "kids", "clients": ["127.0.0.32/27"], "lists": ["ads", "social"]},
          {"name": "lab", "clients": ["127.0.1.0/24"], "lists": []},
          {"name": "grandma", "clients": [GRANDMA], "lists": ["ads", "free"]}]


def from_(daemon, source, name, rdtype="A", tcp=False, host="127.0.0.1", **how):
    """Asked by the client of that address."""
    query = make(name, rdtype, **how)
    return (dns.query.tcp if tcp else dns.query.udp)(query, host, port=daemon.udp[host], source=source, timeout=ANSWER_S)


def is_blocked(daemon, source, name, **how):
    reply = from_(daemon, source, name, **how)
    assert rcode(reply) in ("NXDOMAIN", "NOERROR")
    assert rrs(reply) in ([], [ADDRESS])
    return rrs(reply) == []


def blocked_of(daemon, source, **how):
    names = ("ads", "social", "law", "free.ads", "both", "none")
    return {name for name in names if is_blocked(daemon, source, f"{name}.example", **how)}


@pytest.fixture
def up(fake):
    return fake(F.answer(ADDRESS, ttl=600))


def config(up, groups, **more):
    return {"upstream": {"servers": [up.endpoint]}, "lists": NAMED, "groups": groups, **more}


@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
def test_each_gets_its_lists(saringd, up, tcp):
    """A mandatory list acts for all; the rest of the clients get all lists, unless there is a group `default`."""
    daemon = saringd(config(up, GROUPS), LISTS)
    for source, blocked in ((KIDS, {"ads", "social", "law", "free.ads", "both"}), ("127.0.0.63", {"ads", "social", "law", "free.ads", "both"}),
                            (LAB, {"law"}), (GRANDMA, {"ads", "law", "both"}), (OTHER, {"ads", "social", "law", "both"}),
                            ("127.0.0.64", {"ads", "social", "law", "both"})):
        assert blocked_of(daemon, source, tcp=tcp) == blocked, source
    daemon.configure(groups=GROUPS + [{"name": "default", "lists": ["social"]}])
    assert daemon.ctl("reload").code == 0
    assert blocked_of(daemon, OTHER, tcp=tcp) == {"social", "law", "both"}
    daemon.configure(groups=[])
    assert daemon.ctl("reload").code == 0
    for source in (KIDS, LAB, GRANDMA, OTHER):
        assert blocked_of(daemon, source, tcp=tcp) == {"ads", "social", "law", "both"}, source


def test_hits_and_shadow_are_the_groups(saringd, up):
    """What does not act for a client is not counted for it, nor is what would have blocked it."""
    daemon = saringd(config(up, GROUPS), LISTS)
    for source in (KIDS, LAB, GRANDMA, OTHER, OTHER):
        from_(daemon, source, "trial.example")
        from_(daemon, source, "social.example")
    lists = {one["name"]: one for one in daemon.ctl("--json", "list").json}
    assert lists["social"]["blocked"] == 3, "kids, and the other twice"
    assert lists["trial"]["would_block"] == 2, "the other twice"


def test_cname_targets_and_addresses(saringd, up):
    """Chains and addresses are judged by the lists of who asks, whoever brought the answer into the cache."""
    up.on("chain.test", F.records("chain.test. 600 CNAME social.example.", f"social.example. 600 A {ADDRESS}"))
    up.on("address.test", F.answer("203.0.113.9", ttl=600))
    lists = {**LISTS, "net.rpz": "$TTL 300\n@ SOA localhost. nobody.invalid. 1 3600 600 86400 300\n@ NS localhost.\n24.0.113.0.203.rpz-ip CNAME .\n"}
    groups = [{"name": "kids", "clients": [KIDS], "lists": ["social", "net"]}, {"name": "lab", "clients": [LAB], "lists": ["ads"]}]
    daemon = saringd(config(up, groups) | {"lists": NAMED + [{"name": "net", "file": "net.rpz", "format": "rpz"}]}, lists)
    for _ in range(2):
        for name in ("chain.test", "address.test"):
            assert rcode(from_(daemon, LAB, name)) == "NOERROR"
            assert rcode(from_(daemon, KIDS, name)) == "NXDOMAIN"
    assert len(up.asked("chain.test")) == 1, "one answer for both"


def test_allow_decides_who_may_ask(saringd, up):
    daemon = saringd(config(up, GROUPS, clients={"allow": ["127.0.0.0/24"]}), LISTS)
    assert rcode(from_(daemon, LAB, "none.example")) == "REFUSED"
    assert not is_blocked(daemon, GRANDMA, "none.example")


def test_where_it_is_asked(saringd, up):
    """An endpoint speaks for who asks there and whom no prefix names."""
    groups = [{"name": "kids", "clients": ["dns://127.0.0.9:0"], "lists": ["social"]}, {"name": "lab", "clients": [LAB], "lists": []}]
    daemon = saringd(config(up, groups, listen=["dns://127.0.0.1:0", "dns://127.0.0.9:0"]), LISTS)
    for tcp in (False, True):
        assert blocked_of(daemon, OTHER, host="127.0.0.9", tcp=tcp) == {"social", "law", "both"}
        assert blocked_of(daemon, OTHER, host="127.0.0.1", tcp=tcp) == {"ads", "social", "law", "both"}
        assert blocked_of(daemon, LAB, host="127.0.0.9", tcp=tcp) == {"law"}


def test_explain_says_the_group(saringd, up):
    daemon = saringd(config(up, GROUPS), LISTS)

    def told(client, name="social.example"):
        return daemon.ctl("--json", "explain", name, *(["--client", client] if client else [])).json
    kids, lab, none = told(KIDS), told(LAB), told(None)
    assert (kids["group"], kids["group_by"], kids["verdict"]) == ("kids", "127.0.0.32/27", "blocked")
    assert kids["group_lists"] == kids["group_active"] == ["ads", "social", "law"]
    assert (lab["group"], lab["verdict"], lab["rule"], lab["outcome"]) == ("lab", "none", None, "forwarded")
    assert [a["why_not"] for a in lab["also"]] == ["not in the group's lists"]
    assert (none["group"], none["group_by"], none["verdict"]) == ("default", None, "blocked")
    assert told("::ffff:" + KIDS)["group"] == "kids"
