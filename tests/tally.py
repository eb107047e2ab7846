#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Count what `meson test` ran: one line "passed|failed|skipped NAME" for each test, and for each case where pytest ran.

usage: tally.py BUILD

pytest's cases come from the junit files that tests/system and tests/package leave beside meson's own log. A test that meson saw fail although
its file reports no failure (a timeout, a crash of the runner) counts as failed too: what did not finish did not pass."""
import json
import pathlib
import sys
import xml.etree.ElementTree as ElementTree

WORDS = {"OK": "passed", "EXPECTEDFAIL": "passed", "SKIP": "skipped", "IGNORED": "skipped"}


def cases(path):
    for case in ElementTree.parse(path).iter("testcase"):
        word = "passed"
        if case.find("failure") is not None or case.find("error") is not None:
            word = "failed"
        elif case.find("skipped") is not None:
            word = "skipped"
        yield word, "{}::{}".format(path.stem.removeprefix("pytest-"), case.get("name"))


def main():
    logs = pathlib.Path(sys.argv[1]) / "meson-logs"
    log = logs / "testlog.json"
    if not log.exists():
        print("failed", sys.argv[1], "no test ran")
        return
    for line in log.read_text().splitlines():
        test = json.loads(line)
        name = test["name"].split(" / ")[-1]
        word = WORDS.get(test["result"], "failed")
        kind, _, stem = name.rpartition("/")
        junit = logs / "pytest-{}{}.xml".format("package-" if kind == "package" else "", stem)
        seen = []
        if kind in ("system", "package") and junit.exists():
            try:
                seen = list(cases(junit))
            except ElementTree.ParseError:
                word = "failed"
        for case_word, case in seen:
            print(case_word, kind + "/" + case.removeprefix("package-"))
        if not seen or (word == "failed" and not any(w == "failed" for w, _ in seen)):
            print(word, name)


main()
