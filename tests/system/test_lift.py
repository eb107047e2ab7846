# SPDX-License-Identifier: BSD-2-Clause
"""A lift that is a lift: in force in every list that has the name, also in those that cannot be edited, on record, out of the cache,
and proved at the daemon's own listeners."""
import concurrent.futures
import os
import pty
import re
import subprocess
import threading
import time

import pytest
import yaml

from harness.ask import ask, blocked, ede, rcode, rrs
from harness.daemon import needs_root
from harness.fake import answer, error, hold, records
from harness.web import Reply, Web

ELEVEN = ["t.me", "telegram.me", "telegram.org", "core.telegram.org", "desktop.telegram.org", "macos.telegram.org", "web.telegram.org",
          "venus.web.telegram.org", "pluto.web.telegram.org", "flora.web.telegram.org", "flora-1.web.telegram.org"]
RPZ = "$TTL 60\n@ SOA ns.x. h.x. 1 3600 600 86400 60\n@ NS ns.x.\n"


def names_of(result):
    return {(e["list"], e["entry"]) for e in result.json["entries"]}


def lifts_of(daemon):
    """What stands in the file of lifts."""
    path = daemon.home / "state/lifts.yaml"
    text = path.read_text() if path.exists() else ""  # an empty one is made first, for its owner's sake
    return yaml.safe_load(text)["lifts"] if text else []


@pytest.fixture
def serve(saringd, fake):
    """serve({"name": text or (text, settings)}) starts a daemon with these lists: file NAME.yaml when the text is YAML."""
    def start(lists, **config):
        files, rows = {}, []
        for name, text in lists.items():
            text, settings = text if isinstance(text, tuple) else (text, {})
            file = name + (".yaml" if "entries:" in text else ".txt")
            files[file] = text
            rows.append({"name": name, "file": file, **settings})
        up = fake()
        daemon = saringd({"upstream": {"servers": [up.endpoint]}, "lists": rows, **config}, files)
        daemon.up = up
        return daemon
    return start


def write(daemon, name, text):
    """As an editor or a download does: another file in its place."""
    path = daemon.home / name
    (daemon.home / "new").write_text(text)
    os.replace(daemon.home / "new", path)


@pytest.fixture
def telegram(serve, source):
    """The eleven names in three lists and more formats, as parents here and children there."""
    text = (source / "config/lists/telegram-2017.yaml").read_text(encoding="utf-8")
    hosts = "".join(f"0.0.0.0 {n}\n" for n in ["telegram.org", "web.telegram.org", "venus.web.telegram.org", "t.me", "ads.example"])
    adblock = "||t.me^\n||telegram.me^\n||cdn.telegram.org^\n||tracker.example^\n"
    rpz = RPZ + "telegram.org CNAME .\n*.telegram.org CNAME .\nflora.web.telegram.org CNAME .\nother.example CNAME .\n"
    return serve({"telegram-2017": text, "hosts": (hosts, {"format": "hosts"}), "adblock": (adblock, {"format": "adblock", "mandatory": True}),
                  "rpz": (rpz, {"format": "rpz"})})


def test_the_eleven_names_of_three_lists_in_one_command(telegram):
    daemon = telegram
    for name in ELEVEN:
        assert blocked(ask(daemon, name)), name
    assert blocked(ask(daemon, "cdn.telegram.org")) and blocked(ask(daemon, "ads.example"))
    result = daemon.ctl("unblock", "t.me", "--closure", "--reason", "the order was lifted", "--reference", "press release 9", env={"SUDO_USER": "alice"})
    for name in ELEVEN + ["cdn.telegram.org"]:
        assert rrs(ask(daemon, name)) == ["192.0.2.200"] and ede(ask(daemon, name)) is None, name
        assert f"{name}: pass (NOERROR)" in result.out, result
    for name in ("ads.example", "tracker.example", "other.example"):
        assert blocked(ask(daemon, name)), f"{name} has nothing to do with it"
    # on record: in the YAML file, and beside the others
    text = (daemon.home / "telegram-2017.yaml").read_text()
    assert text.count("lifted-by: alice") == 11 and text.count("lift-reference: press release 9") == 11 and text.count("lift-reason:") == 11
    lifts = lifts_of(daemon)
    assert {(x["list"], x["domain"]) for x in lifts} == {
        ("hosts", "telegram.org"), ("hosts", "web.telegram.org"), ("hosts", "venus.web.telegram.org"), ("hosts", "t.me"), ("adblock", "t.me"),
        ("adblock", "telegram.me"), ("adblock", "cdn.telegram.org"), ("rpz", "telegram.org"), ("rpz", "flora.web.telegram.org")}
    assert {(x["lifted-by"], x["lift-reason"], x["lift-reference"]) for x in lifts} == {("alice", "the order was lifted", "press release 9")}
    # again: nothing is left to be done
    again = daemon.ctl("--json", "unblock", *ELEVEN, "--reason", "again").json
    assert again["entries"] == [] and again["passed"] is True
    # and whoever looks sees which lists still hold the names
    carried = {x["list"]: sorted(x["names"]) for x in daemon.status()["policy"]["lifted"]}
    assert carried == {"hosts": ["t.me", "telegram.org", "venus.web.telegram.org", "web.telegram.org"],
                       "adblock": ["cdn.telegram.org", "t.me", "telegram.me"], "rpz": ["flora.web.telegram.org", "telegram.org"]}
    lists = {x["name"]: x["lifted"]["count"] for x in daemon.ctl("--json", "list").json}
    assert lists == {"telegram-2017": 0, "hosts": 4, "adblock": 3, "rpz": 2}
    for verb in ("status", "list"):
        assert "flora.web.telegram.org" in daemon.ctl(verb).out
    told = daemon.explain("t.me")
    shown = {e["entry"]: e for e in daemon.ctl("--json", "list", "show", "hosts").json}
    assert (shown["t.me"]["state"], shown["t.me"]["lifted_by"], shown["ads.example"]["state"]) == ("lifted", "alice", "in force")
    assert "lifted" in daemon.ctl("list", "show", "hosts").out
    assert told["verdict"] == "none" and {(a["list"], a["why_not"]) for a in told["also"]} == {
        ("telegram-2017", "lifted"), ("hosts", "lifted"), ("adblock", "lifted")}


def test_without_closure_the_rest_is_named_and_left(telegram):
    result = telegram.ctl("--json", "unblock", "web.telegram.org", "--reason", "an error", code=1)
    assert names_of(result) == {("telegram-2017", "web.telegram.org"), ("hosts", "web.telegram.org")}
    left = {(e["relation"], e["list"], e["entry"]) for e in result.json["left"]}
    assert ("parent", "telegram-2017", "telegram.org") in left and ("parent", "rpz", "telegram.org") in left
    assert ("child", "hosts", "venus.web.telegram.org") in left and ("same-order", "telegram-2017", "t.me") in left
    check = result.json["checks"][0]
    assert check["name"] == "web.telegram.org" and check["passed"] is False and result.json["passed"] is False
    assert check["blocked_by"]["entry"] == "telegram.org" and check["blocked_by"]["list"] in ("telegram-2017", "rpz")
    assert {a["outcome"] for a in check["answers"]} == {"answered"} and all(a["ede"] for a in check["answers"])
    assert blocked(ask(telegram, "web.telegram.org"))
    people = telegram.ctl("unblock", "web.telegram.org", "--reason", "an error", code=1)
    assert "FAIL, still blocked by telegram.org (subtree) in telegram-2017" in people.out and "--closure" in people.out


CLOAKED = {"o": "entries:\n  - front.example\n  - tracker.net\n  - other.example\n",
           "hosts": ("0.0.0.0 x.tracker.net\n0.0.0.0 y.tracker.net\n", {"format": "hosts"}),
           "more": "entries:\n  - deep.example\n  - x.tracker.net\n"}


@pytest.fixture
def cloaked(serve):
    daemon = serve(CLOAKED)
    daemon.up.on("front.example", records("300 CNAME x.tracker.net.", "x.tracker.net. 300 CNAME www.deep.example.", "www.deep.example. 300 A 192.0.2.1"))
    return daemon


def test_what_its_answer_leads_to_is_named(cloaked):
    result = cloaked.ctl("--json", "unblock", "front.example", "--reason", "an error", code=1).json
    check = result["checks"][0]
    assert (check["name"], check["passed"], check["leads_to"]) == ("front.example", False, "x.tracker.net")
    assert check["blocked_by"]["entry"] in ("tracker.net", "x.tracker.net") and check["blocked_by"]["list"] in ("o", "hosts", "more")
    people = cloaked.ctl("list", "lift", "o", "front.example", "--reason", "an error", code=1).out
    rule = check["blocked_by"]
    assert (f"front.example: FAIL, its answer leads to x.tracker.net, still blocked by {rule['entry']} ({rule['match']}) in {rule['list']} "
            f"({rule['file']}:{rule['line']})") in people, people
    assert ede(ask(cloaked, "front.example"))[0] == 15


@pytest.mark.parametrize("verb", [["unblock"], ["list", "lift", "o"]])
def test_closure_lifts_what_its_answer_leads_to(cloaked, verb):
    """It is known only when the name has an answer; what stands beside it in those lists stays."""
    result = cloaked.ctl("--json", *verb, "front.example", "--closure", "--reason", "an error", "--reference", "ticket 3").json
    assert result["passed"] is True and result["left"] == [] and result["in_force"] is True
    assert {c["name"]: (c["passed"], c["leads_to"]) for c in result["checks"]}["front.example"] == (True, None)
    found = {(e["relation"], e["list"], e["entry"]) for e in result["entries"]}
    assert found == {("same", "o", "front.example"), ("target", "o", "tracker.net"), ("target", "hosts", "x.tracker.net"),
                     ("target", "more", "x.tracker.net"), ("target", "more", "deep.example")}
    lists = {row["list"]: {r["name"]: r["outcome"] for r in row["results"]} for row in result["lists"]}
    assert lists == {"o": {"front.example": "lifted", "tracker.net": "lifted"}, "hosts": {"x.tracker.net": "lifted"},
                     "more": {"x.tracker.net": "lifted", "deep.example": "lifted"}} and len(result["lists"]) == 3
    assert [(row["domain"], row["lift-reason"], row["lift-reference"]) for row in lifts_of(cloaked)] == [("x.tracker.net", "an error", "ticket 3")]
    assert rrs(ask(cloaked, "front.example"))[-1] == "192.0.2.1" and blocked(ask(cloaked, "y.tracker.net")) and blocked(ask(cloaked, "other.example"))
    assert (cloaked.home / "more.yaml").read_text().count("lift-reason: an error") == 2


def test_closure_in_as_many_turns_as_there_are_lists(serve):
    """An entry of another list is found when the first is lifted."""
    daemon = serve({"a": "entries: [front.example]\n", "b": "entries: [middle.net]\n", "c": "entries: [{domain: last.net, match: exact}]\n",
                    "wide": "entries: [{domain: com, match: subtree}]\n"})
    daemon.up.on("front.example", records("300 CNAME www.middle.net.", "www.middle.net. 300 CNAME last.net.", "last.net. 300 A 192.0.2.1"))
    daemon.up.on("far.example", records("300 CNAME cdn.far.com.", "cdn.far.com. 300 A 192.0.2.1"))
    said = daemon.ctl("unblock", "front.example", "--closure", "--reason", "r").out
    assert "lifted middle.net in b" in said and "lifted last.net in c" in said and "front.example: pass" in said and said.count("asked at") == 1
    # and of a name that no list has
    daemon.up.on("own.example", records("300 CNAME www.tail.net.", "www.tail.net. 300 A 192.0.2.1"))
    daemon.ctl("list", "add", "c", "tail.net")
    result = daemon.ctl("--json", "unblock", "own.example", "--reason", "r", code=1).json
    assert result["entries"] == [] and (result["checks"][0]["leads_to"], result["checks"][0]["blocked_by"]["entry"]) == ("www.tail.net", "tail.net")
    result = daemon.ctl("--json", "unblock", "own.example", "--closure", "--reason", "r").json
    assert [(e["relation"], e["list"], e["entry"]) for e in result["entries"]] == [("target", "c", "tail.net")] and result["passed"] is True
    assert daemon.ctl("unblock", "own.example", "nowhere.example", "--reason", "r", code=1).err
    # what is wider than the service is named, and left
    daemon.ctl("list", "add", "a", "far.example")
    result = daemon.ctl("--json", "unblock", "far.example", "--closure", "--reason", "r", code=1).json
    assert [(e["relation"], e["entry"], e["wide"]) for e in result["left"]] == [("target", "com", True)]
    assert result["checks"][0]["leads_to"] == "cdn.far.com" and ede(ask(daemon, "far.example"))[0] == 15


def test_dry_run_does_nothing(telegram):
    before = {p.name: p.read_bytes() for p in telegram.home.glob("*.*") if p.is_file() and p.suffix in (".yaml", ".txt")}
    planned = telegram.ctl("--json", "unblock", "t.me", "--closure", "--dry-run").json
    assert planned["dry_run"] is True and len([e for e in planned["entries"] if e["list"] == "telegram-2017"]) == 11
    assert "would be lifted" in telegram.ctl("unblock", "t.me", "--dry-run").out
    assert {p.name: p.read_bytes() for p in telegram.home.glob("*.*") if p.is_file() and p.suffix in (".yaml", ".txt")} == before
    assert lifts_of(telegram) == [] and telegram.status()["policy"]["generation"] == 1


def test_a_whole_list_with_all_that_blocks_its_names(telegram):
    planned = telegram.ctl("--json", "list", "lift", "telegram-2017", "--closure", "--dry-run")
    assert ("adblock", "cdn.telegram.org") in names_of(planned) and ("telegram-2017", "t.me") in names_of(planned)
    assert "would be lifted" in telegram.ctl("list", "lift", "telegram-2017", "--closure", "--dry-run").out and lifts_of(telegram) == []
    for _ in range(2):   # the second time the list is lifted already
        result = telegram.ctl("--json", "list", "lift", "telegram-2017", "--closure", "--reason", "r", "--reference", "u").json
        assert result["passed"] is True and {c["name"] for c in result["checks"]} >= set(ELEVEN)
    for name in ELEVEN + ["cdn.telegram.org"]:
        assert rrs(ask(telegram, name)) == ["192.0.2.200"], name
    for name in ("ads.example", "tracker.example", "other.example"):
        assert blocked(ask(telegram, name)), f"{name} has nothing to do with it"


def test_names_of_which_nothing_is_in_force(serve):
    daemon = serve({"a": "entries: [t.me, {domain: old.example, expires: 2020-01-01}]\n", "b": ("t.me\n", {"format": "domains"})})
    result = daemon.ctl("unblock", "nowhere.example", "--reason", "r", code=1)
    assert "nowhere.example: no list has an entry of that name" in result.err and "nowhere.example: pass" in result.out
    result = daemon.ctl("unblock", "nowhere.example", "t.me", "--reason", "r", code=1)
    assert "nowhere.example: no list has" in result.err and "t.me: no list" not in result.err and rrs(ask(daemon, "t.me")) == ["192.0.2.200"]
    result = daemon.ctl("unblock", "t.me", "--reason", "again")
    assert "t.me is already lifted in a" in result.out and "t.me is already lifted in b" in result.out and "t.me: pass" in result.out
    assert "no list has" not in result.err
    result = daemon.ctl("--json", "unblock", "t.me", "nowhere.example", "--reason", "again", code=1).json
    assert result["not_found"] == ["nowhere.example"] and result["entries"] == []
    assert {(x["list"], r["outcome"]) for x in result["lists"] for r in x["results"]} == {("a", "already"), ("b", "already")}
    assert "old.example: no list has an entry of that name in force" in daemon.ctl("unblock", "old.example", "--reason", "r").err
    daemon.stop()
    for name in ("t.me", "old.example", "nowhere.example"):
        daemon.ctl("unblock", name, "--reason", "r", code=3)


def test_reason_is_asked_for(telegram):
    assert "--reason" in telegram.ctl("unblock", "t.me", code=2).err
    assert lifts_of(telegram) == []


@pytest.mark.parametrize("text,settings", [
    ("0.0.0.0 a.example\n0.0.0.0 b.example\n", {"format": "hosts"}), ("a.example\nb.example\n", {"format": "domains"}),
    ("*.a.example\nb.example\n", {"format": "wildcard"}), ("||a.example^\n||b.example^$important\n", {"format": "adblock"}),
    ("address=/a.example/\naddress=/b.example/#\n", {"format": "dnsmasq"}),
    ("server:\n  local-zone: \"a.example\" always_nxdomain\n  local-zone: \"b.example\" refuse\n", {"format": "unbound"}),
    (RPZ + "a.example CNAME .\n*.a.example CNAME .\nb.example CNAME *.\n", {"format": "rpz"})])
@pytest.mark.parametrize("mandatory", [False, True])
def test_every_format(serve, text, settings, mandatory):
    daemon = serve({"l": (text, {**settings, "mandatory": mandatory, "match": "subtree"} if settings["format"] in ("hosts", "domains")
                          else {**settings, "mandatory": mandatory})})
    asked = "www.a.example" if settings["format"] != "unbound" else "a.example"
    assert blocked(ask(daemon, asked))
    result = daemon.ctl("--json", "list", "lift", "l", "a.example", "--reason", "r").json
    assert [(r["name"], r["outcome"]) for r in result["results"]] == [("a.example", "lifted")] and result["results"][0]["line"] > 0
    assert result["in_force"] is True and result["passed"] is True
    assert rrs(ask(daemon, asked)) == ["192.0.2.200"] and not rrs(ask(daemon, "b.example")) == ["192.0.2.200"]
    assert daemon.status()["policy"]["bulk"] == "kept", "millions of other names are not compiled anew"
    assert daemon.ctl("--json", "list", "lift", "l", "a.example").json["results"][0]["outcome"] == "already"
    assert "not in the list" in daemon.ctl("list", "lift", "l", "nobody.example", code=1).err
    # the daemon's start knows it, too
    daemon.stop()
    daemon.start()
    assert rrs(ask(daemon, asked)) == ["192.0.2.200"]


def test_explain_tells_who_lifted(serve):
    daemon = serve({"ads": ("0.0.0.0 a.example\n", {"format": "hosts", "authority": "the ministry", "reference": "order 7"})})
    daemon.ctl("list", "lift", "ads", "a.example", "--reason", "a shop", "--reference", "ticket 9", env={"SUDO_USER": "bob"})
    text = daemon.ctl("explain", "a.example").out
    assert "lifted" in text
    told = daemon.explain("a.example")["also"][0]
    assert told["why_not"] == "lifted" and told["list"] == "ads" and told["line"] == 1
    assert (told["lifted_by"], told["lift_reason"], told["lift_reference"]) == ("bob", "a shop", "ticket 9")
    assert told["lifted"].startswith("20") and told["lifted"].endswith("Z")
    # at a moment before, it blocked
    assert daemon.explain("a.example", "--at", "2020-01-01")["rule"]["list"] == "ads"
    # the files alone tell the same
    daemon.stop()
    assert daemon.ctl("--json", "explain", "a.example", "--offline").json["also"][0]["lift_reason"] == "a shop"


def test_the_list_drops_the_name_and_takes_it_up_again(serve):
    daemon = serve({"ads": ("a.example\nb.example\n", {"format": "domains"})})
    daemon.ctl("list", "lift", "ads", "a.example", "b.example", "--reason", "r")
    # another edition that still holds it
    write(daemon, "ads.txt", "a.example\nb.example\nc.example\n")
    daemon.ctl("reload")
    assert rrs(ask(daemon, "a.example")) == ["192.0.2.200"] and blocked(ask(daemon, "c.example"))
    # one that does not
    write(daemon, "ads.txt", "b.example\nc.example\n")
    daemon.ctl("reload")
    lifts = {x["domain"]: x for x in lifts_of(daemon)}
    assert "dropped" in lifts["a.example"] and "dropped" not in lifts["b.example"]
    assert daemon.status()["policy"]["lifted"] == [{"count": 1, "names": ["b.example"], "list": "ads"}]
    # and one that has it again: that is a new block
    write(daemon, "ads.txt", "a.example\nb.example\n")
    daemon.ctl("reload")
    assert blocked(ask(daemon, "a.example")) and rrs(ask(daemon, "b.example")) == ["192.0.2.200"]
    daemon.ctl("list", "lift", "ads", "a.example", "--reason", "once more")
    assert rrs(ask(daemon, "a.example")) == ["192.0.2.200"]
    assert [("dropped" in x) for x in lifts_of(daemon) if x["domain"] == "a.example"] == [True, False], "what was stays on record"


def test_a_fetched_list(saringd, fake):
    web = Web()

    def publish(numbers):
        web.pages["/ads.txt"] = Reply("".join(f"0.0.0.0 n{i}.example\n" for i in numbers))

    publish(range(40))
    daemon = saringd({"upstream": {"servers": [fake().endpoint]}, 
                      "lists": [{"name": "ads", "url": web.url("/ads.txt"), "format": "hosts"}]})
    daemon.ctl("list", "fetch", "ads")
    assert blocked(ask(daemon, "n1.example"))
    daemon.ctl("unblock", "n1.example", "--reason", "r")
    assert rrs(ask(daemon, "n1.example")) == ["192.0.2.200"]
    publish(range(41))
    daemon.ctl("list", "fetch", "ads")
    assert rrs(ask(daemon, "n1.example")) == ["192.0.2.200"] and blocked(ask(daemon, "n40.example"))
    publish([i for i in range(41) if i != 1])
    daemon.ctl("list", "fetch", "ads")
    assert "dropped" in lifts_of(daemon)[0]
    publish(range(41))
    daemon.ctl("list", "fetch", "ads")
    assert blocked(ask(daemon, "n1.example"))
    # a copy that is lost says nothing of what the list holds
    daemon.ctl("unblock", "n2.example", "--reason", "r")
    daemon.stop()
    for path in (daemon.home / "state/fetched").iterdir():
        if path.is_file():
            path.unlink()
    web.close()
    daemon.start()
    assert "dropped" not in [x for x in lifts_of(daemon) if x["domain"] == "n2.example"][0]


def test_blocked_again_by_list_add(serve):
    daemon = serve({"ads": ("a.example\nb.example\n", {"format": "domains"}), "mine": "entries: [c.example]\n"})
    daemon.ctl("list", "lift", "ads", "a.example", "--reason", "r")
    daemon.ctl("list", "lift", "mine", "c.example", "--reason", "r", "--reference", "u")
    assert rrs(ask(daemon, "a.example")) == rrs(ask(daemon, "c.example")) == ["192.0.2.200"]
    assert "in force" in daemon.ctl("list", "add", "ads", "a.example").out
    assert blocked(ask(daemon, "a.example")) and "restored" in lifts_of(daemon)[0]
    daemon.ctl("list", "add", "mine", "c.example")
    assert blocked(ask(daemon, "c.example"))
    text = (daemon.home / "mine.yaml").read_text()
    assert "lift" not in text, text
    # what is not lifted cannot be added to such a list, nor removed
    for args in (["add", "ads", "b.example"], ["add", "ads", "new.example"], ["remove", "ads", "b.example"]):
        assert "only YAML lists are edited here" in daemon.ctl("list", *args, code=1).err


def test_neighbours_stay_in_the_cache(serve):
    daemon = serve({"ads": ("0.0.0.0 x.example\n", {"format": "hosts"}), "zones": ("||y.example^\n", {"format": "adblock"})})
    seen = ["a.example", "b.x.example", "y.example.org", "ey.example"]
    for name in seen:
        assert rrs(ask(daemon, name)) == ["192.0.2.200"]
    entries = daemon.status()["cache"]["entries"]
    assert entries >= len(seen)
    daemon.ctl("unblock", "x.example", "--reason", "r")   # exact: what is below stays
    daemon.ctl("unblock", "y.example", "--reason", "r")
    sent = sum(len(daemon.up.asked(n)) for n in seen)
    for name in seen:
        assert rrs(ask(daemon, name)) == ["192.0.2.200"]
    assert sum(len(daemon.up.asked(n)) for n in seen) == sent, "none had to be asked for again"
    assert blocked(ask(daemon, "q.y.example")) is False


def test_what_came_back_is_said(serve):
    daemon = serve({"l": "entries: [x.example, y.example]\n"})
    daemon.up.on("x.example", error("SERVFAIL"))
    said = daemon.ctl("unblock", "x.example", "--reason", "r")
    assert "x.example: not blocked, but not answered, " in said.out and "SERVFAIL" in said.out, "servers that are dead are no block"
    check = daemon.ctl("--json", "list", "lift", "l", "x.example").json["checks"][0]
    assert (check["passed"], check["resolves"], check["blocked_by"]) == (True, False, None)
    assert {a["rcode"] for a in check["answers"]} == {"SERVFAIL"}
    assert daemon.ctl("--json", "unblock", "y.example", "--reason", "r").json["passed"] is True


def test_by_when_it_is_forgotten(serve):
    daemon = serve({"l": "entries: [x.example, y.example]\n"}, block={"ttl": "90s"})
    assert rcode(ask(daemon, "x.example")) == "NXDOMAIN"
    before = time.time()
    forgotten = daemon.ctl("--json", "unblock", "x.example", "--reason", "r").json["forgotten"]
    assert forgotten["known_by"] == "hits"
    by = time.mktime(time.strptime(forgotten["by"], "%Y-%m-%dT%H:%M:%SZ")) - time.timezone
    assert before - 30 <= by - 90 <= before + 1, "when it was last told, and its TTL"
    # of what was never asked for there is a bound
    forgotten = daemon.ctl("--json", "unblock", "y.example", "--reason", "r").json["forgotten"]
    assert forgotten["known_by"] == "ttl"


def test_limits(serve):
    many = "reference: order 1\nentries:\n" + "".join(f"  - n{i}.example\n" for i in range(1200))
    daemon = serve({"many": many, "wide": ("||github.io^\n||x.github.io^\n", {"format": "adblock"})})
    said = daemon.ctl("unblock", "n0.example", "--closure", "--reason", "r", code=1).err
    assert "100 further" in said and "--force" in said and blocked(ask(daemon, "n0.example"))
    # a public suffix is not lifted for one name's sake
    result = daemon.ctl("--json", "unblock", "x.github.io", "--closure", "--reason", "r", code=1).json
    assert [(e["entry"], e["wide"]) for e in result["left"]] == [("github.io", True)] and blocked(ask(daemon, "x.github.io"))
    result = daemon.ctl("--json", "unblock", "x.github.io", "--closure", "--force", "--reason", "r").json
    assert ("wide", "github.io") in {(e["list"], e["entry"]) for e in result["entries"]}
    assert rrs(ask(daemon, "x.github.io")) == ["192.0.2.200"]


def test_what_is_no_name_cannot_be_lifted_in_an_imported_list(serve):
    daemon = serve({"ads": ("||a.example^\n/^ads[0-9]/\n||log-*.example^\n", {"format": "adblock"}), "mine": "entries:\n  - regex: '^x'\n"})
    for text, line in (("^ads[0-9]", 2), ("log-*.example", 3)):
        said = daemon.ctl("list", "lift", "ads", text, code=1).err
        assert f"line {line} of the list 'ads'" in said, said
    assert lifts_of(daemon) == [] and daemon.status()["policy"]["generation"] == 1
    daemon.ctl("list", "lift", "mine", "^x", "--reason", "r")
    assert "lift-reason: r" in (daemon.home / "mine.yaml").read_text() and rrs(ask(daemon, "x1.example")) == ["192.0.2.200"]
    result = daemon.ctl("unblock", "ads1.example", "--reason", "r", code=1)
    assert "still blocked by /^ads[0-9]/" in result.out.replace("by ^ads", "by /^ads").replace("9] (", "9]/ (") and "ads" in result.out


def test_the_text_of_an_expression_is_asked_of_nobody(serve):
    daemon = serve({"mine": "entries:\n  - regex: '^x[0-9]+\\.'\n  - a.example\n"})
    document = daemon.ctl("--json", "list", "lift", "mine", "^x[0-9]+\\.", "a.example", "--reason", "r").json
    assert [c["name"] for c in document["checks"]] == ["a.example"] and document["passed"] is True
    assert {ask.folded for ask in daemon.up.log} == {"a.example"}
    assert "error" not in document and [entry["error"] for entry in document["lists"]] == [None]


@pytest.mark.parametrize("verb,shown", [(("unblock", "a.example", "--reason", "r"), b"asking for the names ["), (("explain", "b.example"), b"asking ")])
def test_on_a_terminal_a_slow_answer_shows_progress(serve, verb, shown):
    """The upstream answers only once the bar was seen."""
    daemon = serve({"mine": "entries:\n  - a.example\n"})
    seen = threading.Event()
    for name in ("a.example", "b.example"):
        daemon.up.on(name, hold(seen, answer("192.0.2.7")))
    master, slave = pty.openpty()
    tool = subprocess.Popen([daemon.binaries / "saringctl", "-c", daemon.config_path, *verb], cwd=daemon.home, stdin=subprocess.DEVNULL,
                            stdout=subprocess.DEVNULL, stderr=slave, env=daemon.environment(TERM="xterm"))
    os.close(slave)
    drawn = b""
    try:
        while more := os.read(master, 4096):
            drawn += more
            if shown in drawn:
                seen.set()
    except OSError:  # EIO: it has ended
        pass
    finally:
        os.close(master)
        seen.set()
    tool.wait(60)
    assert shown in drawn and drawn.endswith(b"\r\x1b[K"), drawn


def test_a_child_below_a_name_that_stays_blocked(serve):
    """NXDOMAIN for the parent would deny the child (RFC 8020); where the parent covers it, the child stays blocked and is named."""
    daemon = serve({"hosts": ("0.0.0.0 p.example\n0.0.0.0 c.p.example\n", {"format": "hosts"})})
    assert rcode(ask(daemon, "p.example")) == "NXDOMAIN"
    daemon.ctl("unblock", "c.p.example", "--reason", "r")
    parent = ask(daemon, "p.example")
    assert rcode(parent) == "NOERROR" and not parent.answer and ede(parent), "blocked, but nothing is denied below it"
    assert rrs(ask(daemon, "c.p.example")) == ["192.0.2.200"]
    # in a list that is edited it is no different
    daemon = serve({"mine": "entries:\n  - {domain: p.example, match: exact}\n  - c.p.example\n"})
    assert rcode(ask(daemon, "p.example")) == "NXDOMAIN"
    daemon.ctl("unblock", "c.p.example", "--reason", "r")
    assert rcode(ask(daemon, "p.example")) == "NOERROR" and rrs(ask(daemon, "c.p.example")) == ["192.0.2.200"]
    # what covers the child denies it, as it is
    daemon = serve({"wide": "entries: [p.example, c.p.example]\n"})
    daemon.ctl("unblock", "c.p.example", "--reason", "r", code=1)
    assert rcode(ask(daemon, "p.example")) == rcode(ask(daemon, "c.p.example")) == "NXDOMAIN"


def test_what_is_lifted_changes_no_other_block(serve):
    """Only for names above it NXDOMAIN would deny what was lifted: not for the name itself, blocked for what its CNAME leads to."""
    from harness.fake import records
    daemon = serve({"mine": "entries:\n  - {domain: front.example, lifted: 2020-01-01}\n  - tracker.example\n",
                    "ads": ("front2.example\n", {"format": "domains"})})
    for name in ("front.example", "front2.example"):
        daemon.up.on(name, records("60 CNAME x.tracker.example.", "x.tracker.example. 60 A 192.0.2.7"))
    daemon.ctl("list", "lift", "ads", "front2.example", "--reason", "r", code=1)
    for name in ("front.example", "front2.example"):
        answer = ask(daemon, name)
        assert rcode(answer) == "NXDOMAIN" and ede(answer), name


def test_with_the_daemon_down_it_waits(serve):
    daemon = serve({"ads": ("a.example\n", {"format": "domains"}), "mine": "entries: [a.example]\n"})
    daemon.stop()
    result = daemon.ctl("unblock", "a.example", "--reason", "r", code=3)
    assert "waits" in result.err and "lifts.yaml" in result.err and "mine.yaml" in result.err
    daemon.start()
    assert rrs(ask(daemon, "a.example")) == ["192.0.2.200"]


def test_lifts_at_once_all_survive(serve):
    names = [f"n{i}.example" for i in range(12)]
    daemon = serve({"ads": ("\n".join(names) + "\n", {"format": "domains"})})
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        for job in [pool.submit(daemon.ctl, "unblock", n, "--reason", "r") for n in names]:
            job.result()
    assert sorted(x["domain"] for x in lifts_of(daemon)) == sorted(names)
    for name in names:
        assert rrs(ask(daemon, name)) == ["192.0.2.200"]


def test_killed_at_any_time(serve):
    """The file is whole, old or new, and the next lift goes on from it."""
    names = [f"n{i}.example" for i in range(30)]
    daemon = serve({"ads": ("\n".join(names) + "\n", {"format": "domains"})})
    begun = time.monotonic()
    daemon.ctl("list", "lift", "ads", names[0])
    whole = time.monotonic() - begun
    for i, name in enumerate(names):
        job = subprocess.Popen([daemon.build / "saringctl", "-c", daemon.config_path, "list", "lift", "ads", name], cwd=daemon.home,
                               env=daemon.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            job.wait(whole * i / len(names))
        except subprocess.TimeoutExpired:
            job.kill()
        job.wait()
        assert all(set(x) >= {"list", "domain", "lifted", "lifted-by"} for x in lifts_of(daemon))
    daemon.ctl("list", "lift", "ads", *names, "--reason", "r")
    for name in names:
        assert rrs(ask(daemon, name)) == ["192.0.2.200"]
    assert sorted(x["domain"] for x in lifts_of(daemon)) == sorted(names)
    assert not [p for p in (daemon.home / "state").iterdir() if p.name.startswith(".lifts")]


def test_a_file_of_lifts_with_faults(serve):
    daemon = serve({"ads": ("a.example\n", {"format": "domains"})})
    path = daemon.home / "state/lifts.yaml"
    path.write_text("lifts:\n  - list: ads\n    domain: a.example\n    lifted: never\n")
    assert "lifts.yaml:4:13" in daemon.ctl("reload", code=1).err
    assert blocked(ask(daemon, "a.example")), "what served before serves on"
    before = path.read_bytes()
    assert "lifts.yaml:4:13" in daemon.ctl("unblock", "a.example", "--reason", "r", code=1).err and path.read_bytes() == before
    path.write_text("lifts:\n  - {list: ads, domain: a.example, lifted: 2020-01-01}\n  - {list: gone, domain: a.example, lifted: 2020-01-01}\n")
    daemon.ctl("reload")
    assert rrs(ask(daemon, "a.example")) == ["192.0.2.200"]


@needs_root
def test_root_and_the_daemons_user_write_by_turns(saringd, fake, home):
    os.chmod(home, 0o755)
    daemon = saringd({"upstream": {"servers": [fake().endpoint]}, "user": "nobody", "lists": [{"name": "ads", "file": "ads.txt"}]},
                     {"ads.txt": "a.example\nb.example\nc.example\n"}, start=False)
    os.chmod(daemon.home, 0o755)
    daemon.copy_binaries(daemon.home / "bin")
    daemon.start()
    daemon.ctl("unblock", "a.example", "--reason", "r")
    path, state = daemon.home / "state/lifts.yaml", daemon.home / "state"
    assert (path.stat().st_uid, path.stat().st_gid) == (state.stat().st_uid, state.stat().st_gid)
    daemon.ctl("unblock", "b.example", "--reason", "r", user="nobody", groups=("nogroup",))
    assert rrs(ask(daemon, "b.example")) == ["192.0.2.200"]
    write(daemon, "ads.txt", "b.example\nc.example\n")
    daemon.ctl("reload")
    assert "dropped" in [x for x in lifts_of(daemon) if x["domain"] == "a.example"][0]
    daemon.ctl("unblock", "c.example", "--reason", "r")
    assert len(lifts_of(daemon)) == 3


def test_an_exception_that_is_lifted(serve):
    """It lets nothing through any more; there is no block whose end were to be proved."""
    daemon = serve({"ok": "action: allow\nentries: [free.example]\n", "l": "entries: [free.example]\n"})
    assert not blocked(ask(daemon, "free.example"))
    daemon.ctl("list", "lift", "ok", "free.example", "--closure", code=2)
    assert not blocked(ask(daemon, "free.example"))
    said = daemon.ctl("list", "lift", "ok", "free.example").out
    assert blocked(ask(daemon, "free.example")) and "FAIL" not in said and "forgotten the block" not in said


def test_a_file_of_lifts_that_cannot_be_read_is_said(serve):
    """Else what is lifted would look as if it were in force, with no word of it."""
    daemon = serve({"h": ("0.0.0.0 a.example\n", {"format": "hosts"})})
    daemon.ctl("unblock", "a.example", "--reason", "r")
    (daemon.home / "state/lifts.yaml").write_text("lifts: [\n")
    for command in (("list", "show", "h"), ("report",)):
        assert "lifted beside lists cannot be read" in daemon.ctl(*command).err, command


def test_a_broken_list_holds_a_lift_up(serve):
    """Nothing could be put in force: so nothing is written, to come into force with some later reload."""
    daemon = serve({"a": "entries: [t.me]\n", "b": "entries: [x.example]\n"})
    write(daemon, "b.yaml", "entries: [x.example\n")
    before = (daemon.home / "a.yaml").read_text()
    assert "'b' cannot be read" in daemon.ctl("unblock", "t.me", "--reason", "r", code=1).err
    assert (daemon.home / "a.yaml").read_text() == before
    write(daemon, "b.yaml", "entries: [x.example]\n")
    daemon.ctl("unblock", "t.me", "--reason", "r")
    assert not blocked(ask(daemon, "t.me"))
