# SPDX-License-Identifier: BSD-2-Clause
"""Blocking off for a while: for all, a group, a list, a client, a name; what is mandatory stays, and the end comes by itself. Clients
are the addresses of 127.0.0.0/8; the daemon's clock is the test's (faults.c)."""
import json
import threading

import dns.query
import pytest

from harness import fake as F
from harness.ask import ANSWER_S, eventually, make, rcode, rrs
from test_expiry import T0, Clock, kept, rfc3339
from harness.faults import Faults

ADDRESS = "192.0.2.200"
LISTS = {"ads.yaml": "entries: [ads.example, both.example]\n", "social.yaml": "entries: [social.example, both.example]\n",
         "law.yaml": "entries: [law.example]\n"}
NAMED = [{"name": "ads", "file": "ads.yaml"}, {"name": "social", "file": "social.yaml"},
         {"name": "law", "file": "law.yaml", "mandatory": True}]
KIDS, OTHER = "127.0.0.33", "127.0.0.2"
GROUPS = [{"name": "kids", "clients": ["127.0.0.32/27"], "lists": ["ads", "social"]}]
ALL = {"ads", "social", "both", "law"}


@pytest.fixture
def clock(home):
    faults = Faults(home)
    yield Clock(faults)
    faults.close()


@pytest.fixture
def up(fake):
    return fake(F.answer(ADDRESS, ttl=600))


def config(up, **more):
    return {"upstream": {"servers": [up.endpoint]}, "lists": NAMED, **more}


def from_(daemon, source, name, rdtype="A"):
    return dns.query.udp(make(name, rdtype), "127.0.0.1", port=daemon.udp["127.0.0.1"], source=source, timeout=ANSWER_S)


def is_blocked(daemon, source, name):
    reply = from_(daemon, source, name)
    assert (rcode(reply), rrs(reply)) in (("NXDOMAIN", []), ("NOERROR", [ADDRESS])), reply
    return rrs(reply) == []


def blocked_of(daemon, source=OTHER):
    """And explain says the same."""
    found = {name for name in ("ads", "social", "both", "law", "none") if is_blocked(daemon, source, f"{name}.example")}
    told = {name for name in ("ads", "social", "both", "law", "none")
            if daemon.explain(f"{name}.example", "--client", source)["verdict"] == "blocked"}
    assert found == told
    return found


def test_all(saringd, up):
    """On the next packet, and on again; what is mandatory stays, and both are said."""
    daemon = saringd(config(up), LISTS)
    assert blocked_of(daemon) == ALL
    done = daemon.ctl("pause")
    assert "everything: blocking is paused until it is resumed" in done.out
    assert "mandatory lists go on blocking: law" in done.out
    assert blocked_of(daemon) == {"law"}
    status = daemon.status()
    assert [(p["scope"], p["target"], p["until"]) for p in status["pauses"]] == [("all", None, None)]
    assert status["paused_until"].startswith("9999-12-31")
    assert "everything until it is resumed" in daemon.ctl("status").out
    told = daemon.explain("ads.example")
    assert (told["verdict"], told["rule"], told["paused"]["scope"]) == ("none", None, "all")
    assert [a["why_not"] for a in told["also"]] == ["paused"]
    assert "everything until it is resumed" in daemon.ctl("explain", "ads.example").out
    assert "blocking is on again" in daemon.ctl("resume").out
    assert blocked_of(daemon) == ALL
    assert daemon.status()["paused_until"] is None and daemon.status()["pauses"] == []
    assert daemon.explain("ads.example")["paused"] is None
    assert "nothing to resume" in daemon.ctl("resume").out


def test_a_group(saringd, up):
    daemon = saringd(config(up, groups=GROUPS), LISTS)
    daemon.ctl("pause", "1h", "--group", "kids", "--reason", "film night")
    assert blocked_of(daemon, KIDS) == {"law"}
    assert blocked_of(daemon, OTHER) == ALL
    assert daemon.status()["paused_until"] is None, "that is of a pause of everything"
    assert [g["active"] for g in daemon.status()["groups"] if g["name"] == "kids"] == [["law"]]
    daemon.ctl("resume", "--group", "kids")
    assert blocked_of(daemon, KIDS) == ALL
    failed = daemon.ctl("pause", "--group", "nobody", code=1)
    assert "there is no group 'nobody'" in failed.err


def test_a_list(saringd, up):
    daemon = saringd(config(up), LISTS)
    daemon.ctl("pause", "1h", "--list", "ads")
    assert blocked_of(daemon) == {"social", "both", "law"}
    told = daemon.explain("ads.example")
    assert (told["paused"]["scope"], told["paused"]["target"]) == ("list", "ads")
    daemon.ctl("pause", "1h", "--list", "social")
    assert blocked_of(daemon) == {"law"}
    daemon.ctl("resume", "--list", "ads")
    assert blocked_of(daemon) == {"ads", "both", "law"}
    assert "'law' is mandatory" in daemon.ctl("pause", "--list", "law", code=1).err
    assert "there is no list 'x'" in daemon.ctl("pause", "--list", "x", code=1).err
    assert blocked_of(daemon) == {"ads", "both", "law"}


@pytest.mark.parametrize("client", [KIDS, "127.0.0.32/27", "::ffff:127.0.0.33"])
def test_a_client(saringd, up, client):
    daemon = saringd(config(up), LISTS)
    daemon.ctl("pause", "1h", "--client", client)
    assert blocked_of(daemon, KIDS) == {"law"}
    assert blocked_of(daemon, OTHER) == ALL
    daemon.ctl("resume", "--client", client)
    assert blocked_of(daemon, KIDS) == ALL


def test_a_name(saringd, up):
    """It and all below; for one client alone when that is said; a pause's end does not end it."""
    daemon = saringd(config(up), LISTS)
    done = daemon.ctl("allow", "ads.example", "law.example", "--for", "30m", "--reason", "a form")
    assert "ads.example and all below it: let through until" in done.out
    assert blocked_of(daemon) == {"social", "both", "law"}
    assert not is_blocked(daemon, OTHER, "deep.below.ads.example")
    assert daemon.explain("ads.example")["paused"]["scope"] == "name"
    daemon.ctl("allow", "social.example", "--for", "30m", "--client", KIDS)
    assert blocked_of(daemon, KIDS) == {"both", "law"} and blocked_of(daemon, OTHER) == {"social", "both", "law"}
    daemon.ctl("resume")
    assert blocked_of(daemon) == {"social", "both", "law"}
    daemon.ctl("resume", "ads.example", "social.example")
    assert blocked_of(daemon, KIDS) == ALL and blocked_of(daemon, OTHER) == ALL


def test_targets(saringd, up):
    """A chain through a name that is let through; one through a mandatory name stays blocked whatever is paused."""
    up.on("chain.test", F.records("chain.test. 600 CNAME ads.example.", f"ads.example. 600 A {ADDRESS}"))
    up.on("lawful.test", F.records("lawful.test. 600 CNAME law.example.", f"law.example. 600 A {ADDRESS}"))
    daemon = saringd(config(up), LISTS)

    def blocked():
        found = {name for name in ("chain.test", "lawful.test") if is_blocked(daemon, OTHER, name)}
        assert found == {name for name in ("chain.test", "lawful.test") if daemon.explain(name, "--client", OTHER)["verdict"] == "blocked"}
        return found
    assert blocked() == {"chain.test", "lawful.test"}
    daemon.ctl("allow", "ads.example", "law.example", "--for", "1h")
    assert blocked() == {"lawful.test"}
    assert kept(from_(daemon, OTHER, "chain.test")) <= 600
    daemon.ctl("resume", "ads.example", "law.example")
    assert blocked() == {"chain.test", "lawful.test"}
    daemon.ctl("pause")
    assert blocked() == {"lawful.test"}
    daemon.ctl("resume")
    daemon.ctl("pause", "--client", OTHER)
    assert blocked() == {"lawful.test"}
    daemon.ctl("resume", "--client", OTHER)
    assert blocked() == {"chain.test", "lawful.test"}


# ---- the end ----


def test_it_ends_on_the_second(saringd, up, clock):
    """And nobody is told anything for longer: answers through a pause end with it, a block at its beginning does as before."""
    clock.set(T0 - 100)
    daemon = saringd(config(up, groups=GROUPS), LISTS, env=clock.env)
    up.on("chain.test", F.records("chain.test. 600 CNAME both.example.", f"both.example. 600 A {ADDRESS}"))
    for at, how in enumerate((["pause", "1m"], ["pause", "1m", "--group", "kids"], ["pause", "1m", "--list", "ads"],
                              ["pause", "1m", "--client", KIDS],
                              ["allow", "ads.example", "--for", "1m"])):
        clock.set(T0 - 100)
        end = json.loads(daemon.ctl("--json", *how).out)
        end = (end[0] if isinstance(end, list) else end)["pause"]["until"]
        assert end in {rfc3339(T0 - 40 + late).replace("+00:00", "Z") for late in range(5)}
        until = next(T0 - 40 + late for late in range(5) if rfc3339(T0 - 40 + late).replace("+00:00", "Z") == end)
        assert not is_blocked(daemon, KIDS, "ads.example")
        assert kept(from_(daemon, KIDS, "ads.example")) <= 60
        clock.set(until - 10)
        assert not is_blocked(daemon, KIDS, "ads.example")
        assert kept(from_(daemon, KIDS, "ads.example")) < 10
        clock.set(until)
        assert is_blocked(daemon, KIDS, "ads.example")
        assert daemon.status()["pauses"] == []
        eventually(lambda: daemon.stderr().count(".over ") == at + 1, "it is told of, once")
    clock.set(T0)
    daemon.ctl("allow", "both.example", "--for", "1m")
    assert not is_blocked(daemon, OTHER, "chain.test")
    assert kept(from_(daemon, OTHER, "chain.test")) <= 60, "the chain is let through by its target, so long"
    clock.set(T0 + 100)
    assert is_blocked(daemon, OTHER, "chain.test")


def test_a_clock_set_back_does_not_prolong(saringd, up, clock):
    clock.set(T0)
    daemon = saringd(config(up), LISTS, env=clock.env)
    daemon.ctl("pause", "10m")
    clock.set(T0 - 86400)
    told = eventually(lambda: [p for p in daemon.status()["pauses"] if p["until"] < rfc3339(T0 - 80000)], "the end is moved with the clock")
    assert told[0]["until"] >= rfc3339(T0 - 86400 + 500)
    eventually(lambda: not is_blocked(daemon, OTHER, "ads.example"), "it goes on")
    clock.set(T0 - 86400 + 700)
    assert is_blocked(daemon, OTHER, "ads.example")


def test_it_survives_a_restart(saringd, up, clock):
    clock.set(T0)
    daemon = saringd(config(up, groups=GROUPS), LISTS, env=clock.env)
    daemon.ctl("pause", "1h", "--group", "kids", "--reason", "film night", "--reference", "T-1")
    daemon.ctl("allow", "ads.example", "--for", "30m", "--client", OTHER)
    daemon.ctl("pause", "1h", "--client", "127.0.0.77")
    before = daemon.status()["pauses"]
    assert [p["reason"] for p in before] == ["film night", None, None] and before[0]["reference"] == "T-1"
    for end in (daemon.stop, daemon.kill):
        end()
        told = daemon.ctl("--json", "explain", "--offline", "ads.example", "--client", KIDS, env=clock.env).json
        assert told["verdict"] == "none" and told["paused"]["target"] == "kids"
        daemon.start(env=clock.env)
        assert daemon.status()["pauses"] == before
        assert blocked_of(daemon, KIDS) == {"law"} and blocked_of(daemon, OTHER) == {"social", "both", "law"}
        assert blocked_of(daemon, "127.0.0.77") == {"law"}
    daemon.stop()
    clock.set(T0 + 2400)
    daemon.start(env=clock.env)
    assert [p["scope"] for p in daemon.status()["pauses"]] == ["group", "client"], "one ended meanwhile"
    assert blocked_of(daemon, OTHER) == ALL


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"version":2,"pauses":[]}', b"\0" * 100, b'{"version":1,"pauses":[{"scope":"all"}]}'])
def test_a_damaged_file(saringd, up, damage):
    """It is told of, nothing is paused, and the next pause is kept."""
    daemon = saringd(config(up), LISTS)
    daemon.ctl("pause")
    daemon.stop()
    (daemon.home / "state/pauses").write_bytes(damage)
    daemon.start()
    assert "pause.unreadable" in daemon.stderr()
    assert blocked_of(daemon) == ALL
    assert daemon.ctl("--json", "pause").json["kept"] is True
    daemon.stop()
    daemon.start()
    assert blocked_of(daemon) == {"law"}


def test_it_cannot_be_kept(saringd, up):
    """It is in force all the same, and is said not to outlive a restart."""
    daemon = saringd(config(up), LISTS)
    blocker = daemon.home / "state/pauses"
    blocker.mkdir()
    done = daemon.ctl("--json", "pause", "1h").json
    assert done["kept"] is False and done["error"]
    assert blocked_of(daemon) == {"law"}
    assert "a restart of the daemon would undo it" in daemon.ctl("pause", "2h").err
    blocker.rmdir()
    assert daemon.ctl("--json", "pause", "1h").json["kept"] is True


# ---- beside other changes ----


def test_it_outlives_reloads_and_edits(saringd, up):
    daemon = saringd(config(up, groups=GROUPS), LISTS)
    daemon.ctl("pause", "1h", "--group", "kids")
    daemon.ctl("pause", "1h", "--list", "ads")
    daemon.ctl("list", "add", "social", "more.example")
    daemon.ctl("reload")
    assert not is_blocked(daemon, KIDS, "more.example") and is_blocked(daemon, OTHER, "more.example")
    assert not is_blocked(daemon, OTHER, "ads.example")
    daemon.configure(groups=[], lists=NAMED[1:])
    daemon.ctl("reload")
    assert is_blocked(daemon, KIDS, "more.example") and not is_blocked(daemon, KIDS, "ads.example")
    assert {p["target"] for p in daemon.status()["pauses"]} == {"kids", "ads"}, "they are there again when the group and the list are"
    daemon.configure(groups=[{"name": "first", "clients": [OTHER], "lists": []}] + GROUPS, lists=NAMED)
    daemon.ctl("reload")
    assert blocked_of(daemon, KIDS) == {"law"}
    daemon.ctl("resume", "--group", "kids")
    daemon.ctl("resume", "--list", "ads")
    assert blocked_of(daemon, KIDS) == ALL


@pytest.mark.parametrize("begins", [True, False], ids=["begins", "ends"])
def test_who_waits_is_judged_again(saringd, up, begins):
    """A question that waits for its server is answered by what is in force when the answer comes."""
    event, arrived = threading.Event(), threading.Event()

    def late(asked):
        arrived.set()
        event.wait(ANSWER_S)
        return F.records("chain.test. 600 CNAME ads.example.", f"ads.example. 600 A {ADDRESS}")(asked)
    up.on("chain.test", late)
    daemon = saringd(config(up), LISTS)
    if not begins:
        daemon.ctl("pause")
    replies = []
    waiting = threading.Thread(target=lambda: replies.append(from_(daemon, OTHER, "chain.test")))
    waiting.start()
    assert arrived.wait(ANSWER_S)
    daemon.ctl("pause" if begins else "resume")
    event.set()
    waiting.join(ANSWER_S)
    assert rcode(replies[0]) == ("NOERROR" if begins else "NXDOMAIN")


def test_under_load(saringd, up):
    """Fifty pauses begun and ended while four workers serve: every question is answered, by one or the other, and by what is in force
    once the command has returned."""
    daemon = saringd(config(up), LISTS, workers=4)
    stop, lost, asked = threading.Event(), [], [0] * 4

    def client(at):
        while not stop.is_set():
            for name in ("ads.example", "law.example", "none.example"):
                try:
                    reply = from_(daemon, f"127.0.1.{at + 1}", name)
                    good = rcode(reply) == "NXDOMAIN" if name == "law.example" else rcode(reply) in ("NOERROR", "NXDOMAIN")
                    if not good:
                        lost.append(reply)
                except Exception as fault:  # pylint: disable=broad-except
                    lost.append(fault)
                asked[at] += 1
    threads = [threading.Thread(target=client, args=(at,)) for at in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(50):
        daemon.ctl("pause", "1h")
        assert not is_blocked(daemon, OTHER, "ads.example")
        daemon.ctl("resume")
        assert is_blocked(daemon, OTHER, "ads.example")
    stop.set()
    for thread in threads:
        thread.join(ANSWER_S)
    assert lost == [] and min(asked) > 0


# ---- what is said ----


def test_json_and_audit(saringd, up):
    daemon = saringd(config(up, groups=GROUPS), LISTS)
    begun = daemon.ctl("--json", "pause", "10m", "--group", "kids", "--reason", "film night").json
    assert set(begun) == {"pause", "mandatory", "kept", "error"}
    assert begun["mandatory"] == ["law"] and begun["kept"] is True and begun["error"] is None
    assert set(begun["pause"]) == {"scope", "target", "client", "since", "until", "by", "reason", "reference"}
    names = daemon.ctl("--json", "allow", "a.example", "b.example", "--for", "1h").json
    assert [one["pause"]["target"] for one in names] == ["a.example", "b.example"]
    ended = daemon.ctl("--json", "resume").json
    assert [one["target"] for one in ended["ended"]] == ["kids"] and set(ended) == {"ended", "kept", "error"}
    assert daemon.ctl("--json", "resume").json["ended"] == []
    assert [len(one["ended"]) for one in daemon.ctl("--json", "resume", "a.example", "b.example").json] == [1, 1]
    records = [r for r in daemon.ctl("--json", "audit").json if r["verb"] in ("pause", "allow", "resume")]
    assert [r["verb"] for r in records] == ["pause", "allow", "allow", "resume", "resume", "resume"], "resuming nothing changes nothing"
    assert records[0]["reason"] == "film night" and records[0]["pause"]["target"] == "kids"
    shown = daemon.ctl("audit").out
    assert "the group 'kids' until" in shown and "film night" in shown
    assert "a.example and all below it until" in shown


def test_exit_statuses(saringd, up):
    daemon = saringd(config(up, groups=GROUPS), LISTS)
    for wrong in (["pause", "--group", "kids", "--list", "ads"], ["pause", "soon"], ["pause", "0s"], ["pause", "2030-01-01"],
                  ["allow", "a.example"], ["allow", "--for", "1h"], ["pause", "--client", "nobody"], ["pause", "1h", "2h"],
                  ["resume", "a.example", "--list", "ads"], ["allow", "a.example", "--for", "1h", "--group", "kids"]):
        assert daemon.ctl(*wrong, code=2).err
    assert "list add" in daemon.ctl("allow", "a.example", code=2).err, "the way to do so for good"
    assert daemon.ctl("allow", "good.example", "not..a.name", "--for", "1h", code=None).code in (1, 2)
    assert daemon.status()["pauses"] == [], "none of them"
    daemon.stop()
    for verb in (["pause"], ["resume"], ["allow", "a.example", "--for", "1h"]):
        assert daemon.ctl(*verb, code=3).err
