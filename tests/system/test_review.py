# SPDX-License-Identifier: BSD-2-Clause
"""Dates on which entries are to be looked at again: the alarm when one comes, and what `saringctl review` shows."""
import datetime
import re
import time

import pytest

from harness.ask import ask, blocked
from harness.daemon import CALL_S


def at(seconds=0, days=0):
    when = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds, days=days)
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


def day(days):
    return at(days=days)[:10]


def lists(*names, **more):
    return {"lists": [{"name": name, "file": f"{name}.yaml", **more.get(name, {})} for name in names]}


def entries(*items, top=""):
    return top + "entries:\n" + "".join(f"  - {item}\n" for item in items)


def until(what, say=lambda: ""):
    end = time.monotonic() + CALL_S
    while not what():
        assert time.monotonic() < end, say()
        time.sleep(0.05)


def row(daemon, name):
    return next(one for one in daemon.ctl("--json", "list").json if one["name"] == name)


def alarms(daemon, event="review.due"):
    return [line for line in daemon.stderr().splitlines() if f"{event} " in line]


# ---- the alarm ----


def test_a_date_that_comes(saringd):
    """Said once, without a reload, and blocked all the same."""
    soon = at(4)
    one = saringd(lists("a", "b"), {
        "a.yaml": entries(*(f"{{domain: n{i}.example, review: {soon}, authority: 'The Court', reference: 'No. 5', contact: 'mailto:clerk@court.example'}}" for i in range(3)),
                          f"{{domain: later.example, review: {day(400)}}}", f"{{domain: gone.example, review: {soon}, lifted: 2018-01-01}}"),
        "b.yaml": entries("x.example")})
    generation = one.status()["policy"]["generation"]
    until(lambda: alarms(one), one.stderr)
    line, = alarms(one)
    assert f"list=a entries=3 review={soon} authority=\"The Court\" reference=\"No. 5\" contact=\"mailto:clerk@court.example\"" in line
    assert row(one, "a")["review_due"] == 3 and row(one, "b")["review_due"] == 0
    assert one.status()["policy"]["review_due"] == 3 and one.status()["policy"]["generation"] == generation
    assert "3 entries due for review" in one.ctl("status").out and "3 entries of a due for review" in one.ctl("list").out
    assert blocked(ask(one, "n0.example"))
    # neither time nor a reload says it again
    one.ctl("reload")
    soon = at(2)
    one.ctl("list", "add", "b", "next.example", "--review", soon)
    until(lambda: len(alarms(one)) > 1, one.stderr)
    assert [re.search(r"list=(\w+)", line).group(1) for line in alarms(one)] == ["a", "b"]
    assert one.status()["policy"]["review_due"] == 4


def test_what_was_due_before_the_start(saringd):
    one = saringd(lists("a"), {"a.yaml": entries("{domain: a.example, review: 2018-01-01}", "b.example", top="review: 2019-01-01\n")})
    until(lambda: alarms(one, "review.past"), one.stderr)
    assert "entries=2 " in alarms(one, "review.past")[0] and not alarms(one)
    assert one.status()["policy"]["review_due"] == 2


def test_many_at_once_are_counted(saringd):
    soon = at(4)
    one = saringd(lists("a"), {"a.yaml": entries(*(f"{{domain: n{i}.example, review: {soon}, authority: 'a{i}'}}" for i in range(50)))})
    until(lambda: alarms(one, "review.due-more"), one.stderr)
    assert len(alarms(one)) == 20 and "entries=30 " in alarms(one, "review.due-more")[0]


def test_one_that_ends_is_no_longer_due(saringd):
    one = saringd(lists("a"), {"a.yaml": entries(f"{{domain: a.example, review: 2018-01-01, expires: {at(4)}}}", "{domain: b.example, review: 2018-01-01}")})
    assert one.status()["policy"]["review_due"] == 2
    until(lambda: one.status()["policy"]["review_due"] == 1, one.stderr)
    assert row(one, "a")["review_due"] == 1


def test_kept_in_the_image(saringd):
    """At a start without a compile, and of the bulk tier's lists."""
    one = saringd({"lists": [{"name": "ads", "file": "ads.txt", "review": "2018-01-01"}, {"name": "a", "file": "a.yaml"}]},
                  {"ads.txt": "".join(f"0.0.0.0 n{i}.example\n" for i in range(1000)), "a.yaml": entries("{domain: a.example, review: 2018-01-01}")})
    assert one.status()["policy"]["review_due"] == 1001
    one.ctl("list", "add", "a", "b.example")
    for _ in range(3):  # a file that was written a moment ago is not known again: then it is compiled once more
        one.stop()
        one.start()
        assert one.status()["policy"]["review_due"] == 1001
        if "policy.kept" in one.stderr():
            break
    else:
        raise AssertionError(one.stderr())
    assert row(one, "ads")["review_due"] == 1000 and row(one, "a")["review_due"] == 1


# ---- saringctl review ----


@pytest.fixture
def due(saringd):
    config = {"lists": [{"name": "orders", "file": "orders.yaml"},
                        {"name": "ads", "file": "ads.txt", "review": day(-10), "authority": "Ad team", "contact": ["mailto:ads@example.net", "tel:+1"]},
                        {"name": "quiet", "file": "quiet.txt"}, {"name": "trial", "file": "trial.yaml", "mode": "shadow"},
                        {"name": "off", "file": "off.yaml", "mode": "off"}]}
    return saringd(config, {
        "orders.yaml": entries(
            f"{{domain: past.example, review: {day(-5)}, reference: 'No. 1'}}", f"{{domain: soon.example, review: {day(20)}}}",
            f"{{domain: ends.example, expires: {day(10)}}}", f"{{domain: both.example, review: {day(15)}, expires: {day(12)}}}",
            f"{{domain: far.example, review: {day(90)}, expires: {day(90)}}}", "{domain: ended.example, expires: 2018-01-01, review: 2017-01-01}",
            "{domain: lifted.example, lifted: 2018-01-01, review: 2017-01-01}", "none.example", top="authority: Court\ncontact: mailto:clerk@court.example\n"),
        "ads.txt": "".join(f"0.0.0.0 n{i}.example\n" for i in range(5000)), "quiet.txt": "q.example\n",
        "trial.yaml": entries("t.example", top=f"review: {day(-1)}\n"), "off.yaml": entries("o.example", top=f"review: {day(-1)}\n")})


def review(daemon, *args, code=0):
    return daemon.ctl("--json", "review", *args, code=code).json


def test_past_alone(due):
    ads, past, trial = review(due)
    assert (ads["list"], ads["entries"], ads["names"]) == ("ads", 5000, ["n0.example", "n1.example", "n2.example"])
    assert ads["authority"] == "Ad team" and ads["contact"] == ["mailto:ads@example.net", "tel:+1"] and ads["review_due"] and ads["past"] and not ads["ends"]
    assert (past["list"], past["names"], past["entries"], past["reference"], past["authority"]) == ("orders", ["past.example"], 1, "No. 1", "Court")
    assert past["contact"] == ["mailto:clerk@court.example"] and past["review"] == day(-5) and past["expires"] is None
    assert (trial["list"], trial["mode"]) == ("trial", "shadow")


def test_within_a_time(due):
    rows = review(due, "--due", "30d")
    assert [r["names"][0] for r in rows] == ["n0.example", "past.example", "t.example", "ends.example", "both.example", "soon.example"]
    assert [(r["review_due"], r["ends"], r["past"]) for r in rows[3:]] == [(False, True, False), (True, True, False), (True, False, False)]
    assert len(review(due, "--due", "52w")) == 7
    assert len(review(due, "--due", "11d")) == 4


def test_for_people(due):
    text = due.ctl("review", "--due", "30d").out
    lines = text.splitlines()
    assert lines[0].split() == ["REVIEW", "ENDS", "LIST", "ENTRIES", "HITS", "AUTHORITY", "CONTACT", "REFERENCE"]
    assert "n0.example, n1.example, n2.example and 4997 more" in text and "mailto:ads@example.net, tel:+1" in text
    assert re.search(rf"{day(-5)} +orders +past\.example +\w+ +Court +mailto:clerk@court\.example +No\. 1", text)


def test_without_the_daemon(due):
    due.stop()
    rows = review(due)
    assert [r["hits"] for r in rows] == [None] * 3 and "unknown" in due.ctl("review").out


def test_hits(due):
    assert [r["hits"] for r in review(due)] == [0] * 3
    for name in ("n7.example", "n4000.example", "past.example", "t.example"):
        ask(due, name)
    until(lambda: [r["hits"] for r in review(due)] == [2, 1, 1], due.stderr)


def test_nothing_is_due(saringd):
    one = saringd(lists("a"), {"a.yaml": entries("a.example")})
    assert one.ctl("review", "--due", "52w").out == "Nothing is due.\n" and review(one) == []


def test_equal_dates_are_one_row(saringd):
    """Whatever else differs, and wherever they stand."""
    same = f"review: {day(-1)}, authority: A"
    one = saringd(lists("a"), {"a.yaml": entries(*(f"{{domain: n{i}.example, {same}, reason: 'r{i}'}}" for i in range(100)),
                                                 f"{{domain: other.example, review: {day(-1)}, authority: B}}", f"{{domain: last.example, {same}}}")})
    assert [(r["authority"], r["entries"]) for r in review(one)] == [("A", 101), ("B", 1)]


def test_a_list_with_faults_does_not_hide_the_others(due):
    (due.home / "trial.yaml").write_text("entries:\n  - not a name\n")
    result = due.ctl("--json", "review", code=1)
    assert [r["list"] for r in result.json] == ["ads", "orders"] and "trial.yaml:2:5" in result.err and "left out here" in result.err


@pytest.mark.parametrize("value", ["30", "soon", "-1d", "99999w", ""])
def test_no_duration(due, value):
    assert "--due" in due.ctl("review", "--due", value, code=2).err
