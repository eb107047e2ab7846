# SPDX-License-Identifier: BSD-2-Clause
"""Who gets what: groups of clients by address and by where they ask, each with its lists, answer, servers and hours. Clients are the
addresses of 127.0.0.0/8; the daemon's clock is the test's (faults.c)."""
import threading

import dns.query
import dns.rdatatype
import pytest

from harness import fake as F
from harness.ask import ANSWER_S, eventually, make, rcode, rrs
from harness.faults import Faults
from test_expiry import Clock

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


# ---- answers of their own ----


def test_own_answer(saringd, up):
    """It outranks block.answer, the list's and the entry's, for what an answer leads to as well; but not an entry's own records."""
    lists = {**LISTS, "own.rpz": "$TTL 300\n@ SOA localhost. nobody.invalid. 1 3600 600 86400 300\n@ NS localhost.\nown.example A 192.0.2.99\ngone.example CNAME .\n"}
    up.on("chain.test", F.records("chain.test. 600 CNAME social.example.", f"social.example. 600 A {ADDRESS}"))
    groups = [{"name": "kids", "clients": [KIDS], "answer": "nodata"}, {"name": "grandma", "clients": [GRANDMA], "answer": "refused"},
              {"name": "lab", "clients": [LAB], "answer": "address", "addresses": ["198.51.100.7", "2001:db8::7"]},
              {"name": "default", "addresses": ["198.51.100.8"]}]
    named = [{**one, "answer": "null"} if one["name"] == "social" else one for one in NAMED]
    named += [{"name": "own", "file": "own.rpz", "format": "rpz"}]
    daemon = saringd(config(up, groups, block={"answer": "address", "addresses": ["192.0.2.80"]}) | {"lists": named}, lists)
    for tcp in (False, True):
        for name in ("ads.example", "law.example", "social.example", "gone.example", "chain.test"):
            kids, grandma, lab = (from_(daemon, one, name, tcp=tcp) for one in (KIDS, GRANDMA, LAB))
            assert (rcode(kids), rrs(kids)) == ("NOERROR", []), name
            assert rcode(grandma) == "REFUSED", name
            assert rrs(lab) == ["198.51.100.7"] and rrs(from_(daemon, LAB, name, "AAAA", tcp=tcp), "AAAA") == ["2001:db8::7"], name
        assert rrs(from_(daemon, OTHER, "ads.example", tcp=tcp)) == ["198.51.100.8"], "the addresses alone"
        assert rrs(from_(daemon, OTHER, "social.example", tcp=tcp)) == ["0.0.0.0"], "what the list says"
        for source in (KIDS, GRANDMA, LAB, OTHER):
            assert rrs(from_(daemon, source, "own.example", tcp=tcp)) == ["192.0.2.99"]
    told = daemon.ctl("--json", "explain", "social.example", "--client", KIDS).json
    assert (told["answer"], told["verdict"]) == ("nodata", "blocked")
    assert daemon.ctl("--json", "explain", "social.example").json["answer"] == "null"


# ---- servers of their own ----


def test_own_servers_are_not_mixed(saringd, up, fake):
    """What a group's servers say is for that group: not from the cache, not by waiting for the same question, not stale. Groups with the
    same servers share."""
    family, other = fake(F.answer("203.0.113.1", ttl=600)), fake(F.answer("203.0.113.2", ttl=600))
    gate = threading.Event()
    family.on("slow.example", F.hold(gate, F.answer("203.0.113.1")))
    up.on("slow.example", F.hold(gate, F.answer(ADDRESS)))
    zone = fake(F.answer("203.0.113.9", ttl=600))
    groups = [{"name": "kids", "clients": [KIDS], "upstream": [family.endpoint]},
              {"name": "grandma", "clients": [GRANDMA], "upstream": {"servers": [family.endpoint]}},
              {"name": "lab", "clients": [LAB], "upstream": {"servers": [other.endpoint], "strategy": "ordered"}}]
    upstream = {"servers": [up.endpoint], "routes": [{"zone": "corp.test", "servers": [zone.endpoint]}]}
    daemon = saringd({**config(up, groups), "upstream": upstream}, LISTS)
    for tcp in (False, True):
        for _ in range(3):
            for source, address in ((OTHER, ADDRESS), (KIDS, "203.0.113.1"), (GRANDMA, "203.0.113.1"), (LAB, "203.0.113.2")):
                assert rrs(from_(daemon, source, "www.test", tcp=tcp)) == [address], source
                assert rrs(from_(daemon, source, "a.corp.test", tcp=tcp)) == ["203.0.113.9"], "a zone's route is for all"
    assert (len(up.asked("www.test")), len(family.asked("www.test")), len(other.asked("www.test"))) == (1, 1, 1)
    # at the same time
    got = {}
    waiting = [threading.Thread(target=lambda s=s: got.setdefault(s, rrs(from_(daemon, s, "slow.example"))))
               for s in (KIDS, OTHER, GRANDMA)]
    for one in waiting:
        one.start()
    eventually(lambda: up.asked("slow.example") and family.asked("slow.example"), "both were asked")
    gate.set()
    for one in waiting:
        one.join()
    assert got == {KIDS: ["203.0.113.1"], OTHER: [ADDRESS], GRANDMA: ["203.0.113.1"]}
    # after a reload that gives the group other servers, and back
    daemon.configure(groups=[{**groups[0], "upstream": [other.endpoint]}] + groups[1:])
    assert daemon.ctl("reload").code == 0
    assert rrs(from_(daemon, KIDS, "www.test")) == ["203.0.113.2"]
    assert rrs(from_(daemon, OTHER, "www.test")) == [ADDRESS] and rrs(from_(daemon, GRANDMA, "www.test")) == ["203.0.113.1"]
    daemon.configure(groups=groups)
    assert daemon.ctl("reload").code == 0
    assert rrs(from_(daemon, KIDS, "www.test")) == ["203.0.113.1"]
    told = {one["server"]: one["group"] for one in daemon.status()["upstream"]}
    assert told[family.endpoint] == "kids" and told[other.endpoint] == "lab" and told[up.endpoint] is None
    servers = daemon.ctl("--json", "explain", "www.test", "--client", LAB).json["upstream"]
    assert servers["servers"] == [other.endpoint] and servers["strategy"] == "ordered"


def test_own_servers_fail_alone(saringd, up):
    """Servers that are down fail their group, and what failed is remembered for that group only."""
    groups = [{"name": "kids", "clients": [KIDS], "upstream": ["dns://127.0.0.1:1"]}]
    daemon = saringd({**config(up, groups), "upstream": {"servers": [up.endpoint], "timeout": "500ms"}}, LISTS)
    for _ in range(2):
        assert rcode(from_(daemon, KIDS, "www.test")) == "SERVFAIL"
        assert rrs(from_(daemon, OTHER, "www.test")) == [ADDRESS]


# ---- schedules ----

T0 = 1_900_000_000 - 1_900_000_000 % 86400  # midnight in UTC, in 2030


@pytest.fixture
def clock(home):
    faults = Faults(home)
    yield Clock(faults)
    faults.close()


def scheduled(up, clock, saringd, **more):
    """kids: social from 8 to 9 o'clock in UTC, ads always."""
    groups = [{"name": "kids", "clients": [KIDS], "lists": ["ads", "social"],
               "schedule": [{"lists": ["social"], "hours": ["08:00-09:00"], "time-zone": "UTC"}]}]
    return saringd(config(up, groups, block={"ttl": "1h"}, **more), LISTS, env=clock.env)


def test_what_is_off_is_not_in_force(saringd, up):
    """A list in mode off is the group's, and acts for nobody."""
    daemon = saringd(config(up, [{"name": "kids", "clients": [KIDS], "lists": ["ads", "social"]}]), LISTS)
    assert daemon.ctl("list", "mode", "social", "off").code == 0
    kids = {one["name"]: one for one in daemon.status()["groups"]}["kids"]
    assert kids["lists"] == ["ads", "social", "law"] and kids["active"] == ["ads", "law"]


def test_schedule_at_its_second(saringd, up, clock):
    """Without a reload; the clock may be set in both directions."""
    edge = T0 + 8 * 3600
    clock.set(edge - 100)
    daemon = scheduled(up, clock, saringd)
    for at, acts in ((edge - 100, False), (edge, True), (edge + 1800, True), (edge + 3600, False), (edge + 100, True), (edge - 2000, False),
                     (edge + 86400 * 400, True), (edge - 86400 * 400 + 3600, False)):
        clock.set(at)
        assert is_blocked(daemon, KIDS, "social.example") == acts, at - edge
        assert is_blocked(daemon, KIDS, "ads.example") and is_blocked(daemon, KIDS, "law.example")
        assert is_blocked(daemon, OTHER, "social.example"), "who has no schedule"
        kids = {one["name"]: one for one in daemon.status()["groups"]}["kids"]
        assert kids["active"] == (["ads", "social", "law"] if acts else ["ads", "law"]) and kids["lists"] == ["ads", "social", "law"]
        told = daemon.ctl("--json", "explain", "social.example", "--client", KIDS).json
        assert told["verdict"] == ("blocked" if acts else "none")
        assert [a["why_not"] for a in told["also"]] == ([] if acts else ["outside of the group's schedule"])
    clock.set(edge - 100)
    shown = daemon.ctl("groups")
    assert shown.code == 0 and "kids" in shown.out and "all others" in shown.out and "2030-" in shown.out
    told = daemon.ctl("explain", "social.example", "--client", KIDS)
    assert "kids, by 127.0.0.33" in told.out and "outside of the group's schedule" in told.out


def kept(reply):
    ttls = [rrset.ttl for rrset in reply.answer]
    for rrset in reply.authority:
        ttls.append(min(rrset.ttl, rrset[0].minimum) if rrset.rdtype == dns.rdatatype.SOA else rrset.ttl)
    return max(ttls)


@pytest.mark.parametrize("acts", [False, True], ids=["free", "blocked"])
def test_nothing_outlives_the_edge(saringd, up, clock, acts):
    """Of what is forwarded, cached, stale, blocked, denied, chained or answered here: a client of the group has forgotten it when other
    lists act. Others may keep it."""
    edge = T0 + (9 if acts else 8) * 3600
    up.on("gone.test", F.records(rcode=3, authority=[F.SOA.replace(" 60", " 600")]))
    up.on("chain.test", F.records("chain.test. 600 CNAME www.test.", f"www.test. 600 A {ADDRESS}"))
    clock.set(edge - 3000)
    daemon = scheduled(up, clock, saringd)
    names = ["social.example", "ads.example", "www.test", "gone.test", "chain.test", "localhost"]
    for before in (2000, 300, 20, 5):
        for name in names:
            for tcp in (False, True):
                clock.set(edge - before)
                start = clock.now()
                reply = from_(daemon, KIDS, name, tcp=tcp)
                end = clock.now()
                if end >= edge:
                    continue  # a slow machine; other rounds ask the same
                assert start + kept(reply) <= edge, f"{name}: {kept(reply)} s, {edge - start} s before the edge"
                if before <= 300:
                    assert kept(reply) >= min(edge - int(end) - 1, 200), f"{name}: {kept(reply)} s, {edge - end} s before the edge"
                if name in ("www.test", "chain.test"):
                    assert kept(from_(daemon, OTHER, name, tcp=tcp)) > 500
    any_ = from_(daemon, KIDS, "www.test", "ANY")
    assert kept(any_) <= max(0, edge - clock.now() + 3600)
    clock.set(edge)
    assert is_blocked(daemon, KIDS, "social.example") != acts


def test_parked_questions_take_the_lists_of_the_moment(saringd, up, clock):
    """Asked before the edge, answered behind it."""
    edge = T0 + 8 * 3600
    gate = threading.Event()
    up.on("social.example", F.hold(gate, F.answer(ADDRESS)))
    clock.set(edge - 100)
    daemon = scheduled(up, clock, saringd)
    got = []
    waiting = threading.Thread(target=lambda: got.append(from_(daemon, KIDS, "social.example")))
    waiting.start()
    eventually(lambda: up.asked("social.example"), "the question went out")
    clock.set(edge + 10)
    gate.set()
    waiting.join()
    assert rrs(got[0]) == [], "it is blocked now"


def test_parked_questions_of_own_records_take_the_group_of_now(saringd, up):
    """An own CNAME sent it on, and no list is asked; but groups have other numbers in another world."""
    gate = threading.Event()
    up.on("slow.test", F.hold(gate, F.answer(ADDRESS)))
    daemon = saringd(config(up, GROUPS, records=["own.home.example CNAME slow.test"], **{"safe-search": True}), LISTS)
    got = []
    waiting = threading.Thread(target=lambda: got.append(from_(daemon, LAB, "own.home.example")))
    waiting.start()
    eventually(lambda: up.asked("slow.test"), "the question went out")
    daemon.configure(groups=[{"name": "new", "clients": [LAB], "lists": []}])
    assert daemon.ctl("reload").code == 0
    gate.set()
    waiting.join()
    assert rrs(got[0]) == [ADDRESS]
    assert [q["group"] for q in daemon.ctl("--json", "log").json] == ["new"]


def test_safe_search_ends_at_the_edge(saringd, up, clock):
    """Whom safe search leads now, a list may block then."""
    edge = T0 + 8 * 3600
    up.on("restrict.youtube.com", F.answer(ADDRESS, ttl=900))
    clock.set(edge - 20)
    groups = [{"name": "kids", "clients": [KIDS], "lists": ["social"], "safe-search": True,
               "schedule": [{"lists": ["social"], "hours": ["08:00-09:00"], "time-zone": "UTC"}]}]
    daemon = saringd(config(up, groups, block={"ttl": "1h"}), {**LISTS, "social.yaml": "entries: [youtube.com]\n"}, env=clock.env)
    for rdtype in ("A", "HTTPS"):
        reply = from_(daemon, KIDS, "www.youtube.com", rdtype)
        assert rcode(reply) == "NOERROR" and bool(rrs(reply)) == (rdtype == "A")
        assert 0 < kept(reply) < 20, reply
        told = daemon.ctl("--json", "explain", "www.youtube.com", "--type", rdtype, "--client", KIDS).json
        assert told["safe_search"] == "youtube" and all(step["ttl"] < 20 for step in told["cname"]), told
    clock.set(edge)
    assert is_blocked(daemon, KIDS, "www.youtube.com")


# ---- what is wrong ----


def test_faults_have_their_places(saringd, up):
    daemon = saringd(config(up, GROUPS), LISTS)
    before = daemon.status()["policy"]["generation"]
    daemon.configure(groups=[{"name": "kids", "clients": [KIDS, "dns://127.0.0.1:5399"], "lists": ["adz"],
                              "schedule": [{"hours": ["8-9"], "time-zone": "Mars/Base", "days": "someday", "dates": ["soon"]}]}])
    done = daemon.ctl("reload", code=1)
    for fault in ("there is no list 'adz'", "is not in 'listen'", "'8-9' are no hours", "Mars/Base", "'someday' is no day", "'soon' is no date"):
        assert fault in done.err, fault
    assert daemon.status()["policy"]["generation"] == before
    assert blocked_of(daemon, LAB) == {"law"}, "the old groups serve on"


def test_check_warns_of_groups_without_clients(saringd, up):
    groups = [{"name": "far", "clients": ["10.0.0.0/8"]}, {"name": "taken", "clients": ["127.9.0.0/31"]},
              {"name": "both", "clients": ["127.9.0.0", "127.9.0.1"]}]
    daemon = saringd(config(up, groups), LISTS, start=False)
    done = daemon.ctl("--json", "check")
    assert done.code == 0
    warned = [one["text"] for one in done.json["warnings"] if one["kind"] == "unreachable"]
    assert len(warned) == 2 and "'far'" in warned[0] and "'taken'" in warned[1]


def test_reload_under_load_loses_nothing(saringd, up):
    """Groups come, go and change their order while their clients ask: every question is answered, and by one of the two configurations."""
    daemon = saringd(config(up, GROUPS), LISTS)
    other = [GROUPS[2], {**GROUPS[0], "lists": ["social"]}, {"name": "new", "clients": ["127.0.2.0/24"], "lists": []}]
    stop, faults = threading.Event(), []

    def load(source, name, allowed):
        while not stop.is_set():
            try:
                got = is_blocked(daemon, source, name)
                if got not in allowed:
                    faults.append((source, name, got))
            except Exception as fault:  # pylint: disable=broad-except
                faults.append((source, name, fault))
    asked = [(KIDS, "social.example", {True}), (KIDS, "ads.example", {True, False}), (GRANDMA, "social.example", {False}),
             (GRANDMA, "ads.example", {True}), (OTHER, "ads.example", {True}), (OTHER, "none.example", {False})]
    threads = [threading.Thread(target=load, args=one) for one in asked]
    for one in threads:
        one.start()
    for i in range(12):
        daemon.configure(groups=other if i % 2 == 0 else GROUPS if i % 4 == 1 else [GROUPS[0], GROUPS[2]])
        assert daemon.ctl("reload").code == 0
    stop.set()
    for one in threads:
        one.join()
    assert not faults, faults[:5]
