# SPDX-License-Identifier: BSD-2-Clause
"""The transparency report: its numbers are those of what was done, in every format; and no word of a list is more than a word in it."""
import datetime
import html.parser
import json
import re

import pytest

from harness.ask import ask, eventually

TODAY = datetime.datetime.now(datetime.timezone.utc).date()


def day(offset):
    return (TODAY + datetime.timedelta(days=offset)).isoformat()


ORDERS = f"""\
title: Orders of the court
authority: District Court
reason: an order
reference: https://court.example/1
contact: [mailto:court@example.net]
added: {day(-100)}
entries:
  - one.example
  - two.example
  - three.example
  - {{domain: new.example, added: {day(-3)}, reference: https://court.example/2, review: {day(10)}}}
  - {{domain: gone.example, expires: {day(-2)}}}
  - {{domain: long-gone.example, expires: {day(-90)}}}
  - {{domain: lifted.example, lifted: {day(-60)}}}
  - {{domain: trial.example, mode: shadow}}
"""
LISTS = {"orders.yaml": ORDERS, "ads.txt": "".join(f"0.0.0.0 ad{i}.example\n" for i in range(50)),
         "fine.yaml": "action: allow\nentries: [fine.example]\n"}
CONFIG = {"block": {"organization": "Example ISP", "contact": ["mailto:dns@example.net"]},
          "lists": [{"name": "orders", "file": "orders.yaml"}, {"name": "ads", "file": "ads.txt", "format": "hosts", "reason": "advertising"},
                    {"name": "fine", "file": "fine.yaml"}]}


@pytest.fixture
def daemon(saringd, fake):
    return saringd({"upstream": {"servers": [fake().endpoint]}, **CONFIG}, LISTS)


def report(daemon, *args):
    return json.loads(daemon.ctl("report", "--format", "json", *args).out)


def names(orders):
    return sorted(name for order in orders for name in order["names"])


def test_numbers_are_of_what_was_done(daemon):
    daemon.ctl("list", "add", "orders", "fresh.example", "--reason", "another", "--reference", "https://court.example/3")
    daemon.ctl("list", "lift", "orders", "one.example", "two.example", "--reason", "order withdrawn")
    (daemon.home / "ads.txt").write_text(LISTS["ads.txt"] + "0.0.0.0 by.hand.example\n")
    daemon.ctl("reload")
    found = report(daemon)
    counts = found["counts"]
    groups = {group["authority"]: group for group in found["in_force"]}
    assert set(groups) == {"District Court", None}
    assert names(groups["District Court"]["orders"]) == ["fresh.example", "new.example", "three.example"]
    assert groups["District Court"]["entries"] == 3 and groups[None]["entries"] == 51
    assert (counts["authorities"], counts["entries"]) == (2, 54)
    ads = groups[None]["orders"][0]
    assert (ads["list"], ads["entries"], ads["reason"], len(ads["names"])) == ("ads", 51, "advertising", 20)
    three = next(o for o in groups["District Court"]["orders"] if o["names"] == ["three.example"])
    assert (three["authority"], three["reason"], three["reference"], three["contact"], three["added"], three["review"]) == \
        ("District Court", "an order", "https://court.example/1", ["mailto:court@example.net"], day(-100), None)
    # in the last thirty days
    assert names(found["added"]) == ["fresh.example", "new.example"]
    assert names(found["lifted"]) == ["one.example", "two.example"] and counts["lifted_entries"] == 2
    lifted = found["lifted"][0]
    assert lifted["in_force_days"] == 100 and lifted["lift_reason"] == "order withdrawn"
    records = json.loads(daemon.ctl("--json", "audit").out)
    lift = next(r for r in records if r["verb"] == "list lift")
    assert (lifted["record"]["seq"], lifted["record"]["effect_ms"], lifted["record"]["reason"]) == \
        (lift["seq"], lift["effect_ms"], "order withdrawn")
    assert names(found["expired"]) == ["gone.example"]
    assert names(found["due"]) == ["new.example"]
    assert names(found["shadow"]) == ["trial.example"] and counts["shadow_entries"] == 1
    # who, and how fast
    done = [r["verb"] for r in records if r["verb"] != "start"]
    assert done == ["list add", "list lift", "reload", "unannounced"]
    assert counts["changes"] == len(done) and counts["unannounced"] == 1 and counts["records_lost"] == 0
    assert sorted(one["changes"] for one in found["changes_by"]) == [1, len(done) - 1]
    assert next(one["verbs"] for one in found["changes_by"] if "reload" in one["verbs"]) == \
        {verb: done.count(verb) for verb in done if verb != "unannounced"}
    assert found["time_to_effect"]["count"] == 1
    assert found["time_to_lift"] == {"count": 1, "median_ms": lift["effect_ms"], "max_ms": lift["effect_ms"]}
    assert found["organization"] == "Example ISP"


def test_hits(daemon):
    """Of each order, list and entry: what clients asked for in vain."""
    for name in ["three.example"] * 3 + ["new.example", "ad7.example", "trial.example"]:
        ask(daemon, name)

    def hits():
        found = report(daemon)
        return found if found["hits"]["counted"] and found["hits"]["total"] >= 5 else None

    found = eventually(hits, "the hits are counted")
    orders = {o["names"][0]: o for group in found["in_force"] for o in group["orders"]}
    assert orders["one.example"]["names"][2] == "three.example" and orders["one.example"]["hits"] == 3 and orders["new.example"]["hits"] == 1 and orders["ad0.example"]["hits"] == 1
    assert {group["authority"]: group["hits"] for group in found["in_force"]} == {"District Court": 4, None: 1}
    assert {one["list"]: one["hits"] for one in found["hits"]["lists"]} == {"orders": 4, "ads": 1}
    assert found["hits"]["top"][0]["entry"] == "three.example"
    assert found["shadow"][0]["would_block"] == 1 and found["shadow"][0]["hits"] == 0
    assert "3  three.example (orders)" in daemon.ctl("report").out


def test_lifts_in_lists_that_cannot_be_edited(daemon):
    daemon.ctl("list", "lift", "ads", "ad3.example", "ad4.example", "--reason", "not an advertiser")
    found = report(daemon)
    assert names(found["lifted"]) == ["ad3.example", "ad4.example"] and found["counts"]["lifted_entries"] == 2
    lifted = found["lifted"][0]
    assert (lifted["list"], lifted["reason"], lifted["lift_reason"]) == ("ads", "advertising", "not an advertiser")
    ads = next(o for group in found["in_force"] for o in group["orders"] if o["list"] == "ads")
    assert ads["entries"] == 48 and "ad3.example" not in ads["names"]
    record = [r for r in json.loads(daemon.ctl("--json", "audit").out) if r["verb"] == "list lift"]
    assert len(record) == 1 and record[0]["reason"] == "not an advertiser" and sorted(record[0]["names"]) == ["ad3.example", "ad4.example"]


def test_since_and_until(daemon):
    assert names(report(daemon, "--since", day(-200))["lifted"]) == ["lifted.example"]
    assert names(report(daemon, "--since", day(-200))["expired"]) == ["gone.example", "long-gone.example"]
    early = report(daemon, "--since", day(-200), "--until", day(-30))
    assert names(early["expired"]) == ["long-gone.example"] and early["counts"]["changes"] == 0
    assert len(names(early["added"])) >= 3
    assert names(report(daemon, "--since", "1d")["added"]) == []
    assert "later than" in daemon.ctl("report", "--since", day(-1), "--until", day(-2), code=2).err
    daemon.ctl("report", "--format", "pdf", code=2)
    daemon.ctl("report", "--format", "yaml", code=2)
    assert "two forms" in daemon.ctl("--json", "report", "--format", "html", code=2).err
    assert daemon.ctl("--json", "report", "--format", "json").json["counts"]


def test_text_says_it_too(daemon):
    daemon.ctl("list", "lift", "orders", "one.example", "--reason", "order withdrawn")
    text = daemon.ctl("report").out
    for part in ("Transparency report of Example ISP", "In force: 53 entries in 3 orders of 2 authorities.", "order withdrawn", "District Court",
                 "https://court.example/1", "one.example", "100 days"):
        assert part in text, part


def test_without_the_daemon(daemon):
    daemon.ctl("list", "lift", "orders", "one.example")
    daemon.stop()
    result = daemon.ctl("--json", "report")
    found = json.loads(result.out)
    assert found["recorded"] is True and found["counts"]["lifted_entries"] == 1
    assert found["hits"] == {"counted": False}
    assert "not running" in result.err


def test_a_broken_list_is_left_out_and_said(daemon):
    (daemon.home / "orders.yaml").write_text("entries: [\n")
    result = daemon.ctl("--json", "report")
    assert "'orders' is left out" in result.err
    found = json.loads(result.out)
    assert [o["list"] for group in found["in_force"] for o in group["orders"]] == ["ads"]
    assert next(one for one in found["lists"] if one["list"] == "orders")["error"]


# the page

VOID = {"meta", "br", "hr", "img", "link", "input"}


class Page(html.parser.HTMLParser):
    """Is it well formed; what it shows, and what it would load."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.stack, self.faults, self.loads, self.links, self.text, self.tags, self.metas, self.style = [], [], [], [], [], [], {}, ""
        self.feed(text)
        self.close()
        if self.stack:
            self.faults.append(f"left open: {self.stack}")

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        given = dict(attrs)
        if tag == "meta":
            self.metas[given.get("name") or given.get("http-equiv") or "charset"] = given.get("content") or given.get("charset")
        for key, value in given.items():
            if key.startswith("on") or key in ("src", "srcset", "data", "action"):
                self.loads.append((tag, key, value))
            if key == "href":
                (self.links if tag == "a" else self.loads).append(value if tag == "a" else (tag, key, value))
        if tag not in VOID:
            self.stack.append(tag)

    def handle_endtag(self, tag):
        if not self.stack or self.stack.pop() != tag:
            self.faults.append(f"</{tag}> at {self.getpos()}")

    def handle_data(self, data):
        if self.stack and self.stack[-1] == "style":
            self.style += data
        else:
            self.text.append(data)

    @property
    def shown(self):
        return re.sub(r"\s+", " ", "".join(self.text))


def page_of(daemon, *args):
    path = daemon.home / "report.html"
    assert daemon.ctl("report", "--format", "html", "-o", path, *args).out == ""
    raw = path.read_bytes()
    page = Page(raw.decode("utf-8"))
    assert page.faults == []
    return page, raw


def test_one_page_that_needs_nothing_else(daemon):
    daemon.ctl("list", "lift", "orders", "one.example", "--reason", "order withdrawn")
    page, raw = page_of(daemon)
    assert page.loads == [] and not set(page.tags) & {"script", "link", "img", "iframe", "object", "embed", "form", "base", "svg"}
    assert "url(" not in page.style and "@import" not in page.style
    assert page.metas["charset"] == "utf-8" and page.metas["viewport"].startswith("width=device-width")
    assert page.metas["Content-Security-Policy"].startswith("default-src 'none'")
    assert "prefers-color-scheme:dark" in page.style and "@media print" in page.style
    # a phone of 360 px: nothing has a width of its own that is wider, and words break
    assert "overflow-wrap:anywhere" in page.style and not set(page.tags) & {"table", "pre"}
    assert all(float(width) <= 20 for width in re.findall(r"min(?:-width:|max\()([\d.]+)rem", page.style))
    assert raw.startswith(b"<!DOCTYPE html>") and raw.count(b"<h1>") == 1
    # the same as the data
    found = report(daemon)
    for order in [o for group in found["in_force"] for o in group["orders"]] + found["lifted"] + found["due"]:
        for key in ("reason", "authority", "reference", "added", "lifted", "lift_reason"):
            assert order[key] is None or order[key] in page.shown, (key, order)
        assert all(name in page.shown for name in order["names"])
    assert f"{found['counts']['entries']}entries in force" in page.shown


HOSTILE = "<script>alert(1)</script> & \"quoted\" 'single' --> ]]> <!-- \u202e evil \u200b \u00e9\u4e2d javascript:alert(1)"


def test_hostile_words_are_words(saringd, fake):
    text = "\n".join(["title: " + json.dumps(HOSTILE), "authority: " + json.dumps(HOSTILE), "reason: " + json.dumps(HOSTILE),
                      "reference: " + json.dumps("javascript:alert(1)//" + HOSTILE), "contact: [" + json.dumps("https://x.example/\"onclick=\"alert(1)") + "]",
                      f"added: {day(-1)}", "entries:", "  - a.example", "  - regex: '^<b>[\"&]$'"]) + "\n"
    daemon = saringd({"upstream": {"servers": [fake().endpoint]}, "block": {"organization": "<b>ISP</b> & \"sons\""},
                      "lists": [{"name": "l", "file": "l.yaml"}]}, {"l.yaml": text})
    daemon.ctl("list", "lift", "l", "a.example", "--reason", HOSTILE)
    page, raw = page_of(daemon)
    assert page.loads == [] and "script" not in page.tags
    assert b"<script" not in raw and b"\xe2\x80\xae" not in raw and b"\xe2\x80\x8b" not in raw
    assert all(link.startswith(("https://", "http://", "mailto:", "tel:")) for link in page.links), page.links
    assert "<script>alert(1)</script> & \"quoted\" 'single' --> ]]> <!-- \\u{202e} evil" in page.shown
    assert "<b>ISP</b> & \"sons\"" in page.shown and "^<b>[\"&]$" in page.shown and "\u00e9\u4e2d" in page.shown
    for args in (["report"], ["audit"]):  # and no terminal is steered
        out = daemon.ctl(*args).out
        assert "\u202e" not in out and "\u200b" not in out and "\x1b" not in out
    assert "\u202e" not in daemon.ctl("--json", "report").out
