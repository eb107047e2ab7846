#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Every test that README.md's table of attacks and faults names is there.

Usage: table.py SOURCE_ROOT. Prints each fault as README.md:LINE: text, exits 1 if there was one, or if there is no table.
"""
import pathlib
import re
import sys

ROW = re.compile(r"^\|.*\| `([\w./-]+?)(?:::(\w+))?` \|$")


def fault_of(root, path, test):
    """None when the test is there."""
    file = root / (path if "/" in path else f"tests/system/{path}")
    if not file.is_file():
        return f"there is no file {path}"
    if test and not re.search(rf"^(?:def|static void) {test}\(", file.read_text(encoding="utf-8"), re.MULTILINE):
        return f"{path} has no test {test}"
    return None


def main():
    root = pathlib.Path(sys.argv[1])
    rows, faults, inside = 0, [], False
    for number, line in enumerate((root / "README.md").read_text(encoding="utf-8").splitlines(), 1):
        if line.startswith("## "):
            inside = line == "## Attacks and faults"
        found = ROW.match(line) if inside else None
        if found:
            rows += 1
            fault = fault_of(root, found[1], found[2])
            if fault:
                faults.append(f"README.md:{number}: {fault}")
    if rows == 0:
        faults.append("README.md:1: the table of attacks and faults is gone")
    print(*faults, sep="\n", end="\n" if faults else "")
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
