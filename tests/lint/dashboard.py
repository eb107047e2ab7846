#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The dashboard and the alerts ask only for figures that the manual says there are (the manual is held against the daemon itself by
tests/system/test_metrics.py), and the dashboard is what Grafana takes.

Usage: dashboard.py SOURCE_ROOT. Prints each fault as FILE: text, exits 1 if there was one.
"""
import json
import pathlib
import re
import sys

import yaml

FIGURE = re.compile(r"\b(?:saring|process)_[a-z0-9_]+\b")
PANELS_MIN = 20
KINDS = {"row", "stat", "timeseries", "table", "state-timeline"}


def counters(root):
    """Of the table in observe/counters.h, those that are families of their own: all but the first nine, which are verdicts."""
    table = (root / "daemon/observe/counters.h").read_text().split("#define COUNTERS_TABLE(X)")[1].split("/* clang-format on */")[0]
    return re.findall(r"X\(\w+, (\w+)\)", table)[9:]


def documented(root):
    manual = (root / "daemon/saringd.8").read_text().split(".Sh METRICS\n")[1].split(".Sh ")[0]
    named = {n for line in re.findall(r"^\.It Va (.+)$", manual, re.M) for n in line.split(" , ") if " Ns " not in n}
    named |= {f"saring_{name}_total" for name in counters(root)}
    return named


def family(figure, named):
    """Of a histogram, its parts are figures, too."""
    base = re.sub(r"_(bucket|sum|count)$", "", figure)
    return figure in named or (base != figure and base.endswith("_seconds") and base in named)


def check_layout(panels):
    """No two panels on one place, all within Grafana's 24 columns."""
    taken = {}
    for panel in panels:
        at = panel["gridPos"]
        if at["x"] + at["w"] > 24:
            yield f"panel '{panel['title']}' is wider than the page"
        for cell in ((x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])):
            if cell in taken:
                yield f"panels '{taken[cell]}' and '{panel['title']}' lie on one another"
                break
            taken[cell] = panel["title"]


def check_dashboard(root, named):
    dashboard = json.loads((root / "tools/dashboard/saring.json").read_text())
    panels = dashboard["panels"]
    if len(panels) < PANELS_MIN:
        yield f"only {len(panels)} panels were understood"
    if len({p["id"] for p in panels}) != len(panels):
        yield "two panels have one id"
    yield from check_layout(panels)
    variables = {v["name"] for v in dashboard["templating"]["list"]}
    texts = [v["query"]["query"] for v in dashboard["templating"]["list"] if v["type"] == "query"]
    texts += [a["expr"] for a in dashboard["annotations"]["list"]]
    for panel in panels:
        if panel["type"] not in KINDS:
            yield f"panel '{panel['title']}' is of the unknown kind {panel['type']}"
        if panel["type"] != "row" and not panel["targets"]:
            yield f"panel '{panel['title']}' asks for nothing"
        texts += [t["expr"] for t in panel.get("targets", [])]
    for text in texts:
        for figure in FIGURE.findall(text):
            if not family(figure, named):
                yield f"there is no figure {figure}"
        for variable in re.findall(r"\$\{?(\w+)", text):
            if variable not in variables and not variable.startswith("__"):
                yield f"there is no variable {variable}"
        if text.count("(") != text.count(")") or text.count("{") != text.count("}"):
            yield f"a bracket is missing: {text}"


def check_rules(root, named):
    groups = yaml.safe_load((root / "tools/dashboard/saring.rules.yml").read_text())["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    if len(rules) < 5:
        yield f"only {len(rules)} rules were understood"
    for rule in rules:
        if not rule["annotations"].get("summary") or not rule["labels"].get("severity"):
            yield f"{rule['alert']} has no summary or no severity"
        for figure in FIGURE.findall(rule["expr"]):
            if not family(figure, named):
                yield f"{rule['alert']}: there is no figure {figure}"


def main():
    root = pathlib.Path(sys.argv[1])
    named = documented(root)
    faults = [] if len(named) > 60 else [f"saringd.8: only {len(named)} figures were understood"]
    faults += [f"saring.json: {fault}" for fault in check_dashboard(root, named)]
    faults += [f"saring.rules.yml: {fault}" for fault in check_rules(root, named)]
    print("\n".join(faults) if faults else f"{len(named)} figures are known")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
