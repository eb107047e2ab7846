#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Instructions that saringd spends on a query in user space, by callgrind.

    instructions.py BUILD [KIND...] [--names N] [--queries N] [--top N] [--twice]

For each KIND (blocked, cached, forwarded; all by default): saringd runs under `valgrind --tool=callgrind`, is warmed up, and is counted
while the generator sends so many queries in a closed loop. What is told: instructions a query of the worker, and the functions in which
most of them are spent; and what the main thread had to do beside. As valgrind is slow, each query is recorded for it (observe/tap.h); at
speed it is one of many. These figures hardly depend on the machine or on what else runs there, unlike speed. --twice measures again and tells by how
much the two differ. Build without a sanitizer, with optimisation: that is meson's default here.
"""
import argparse
import re
import shutil
import subprocess
import sys
from pathlib import Path

sys.dont_write_bytecode = True
from rig import Rig  # noqa: E402

KINDS = ("blocked", "cached", "forwarded")
WINDOW = 32  # small, so that valgrind's slowness loses nothing; full batches all the same, as the generator is so much faster
WARM_UP = 2000
TIMES_OUT_S = 600


def callgrind_control(pid, *words):
    done = subprocess.run(["callgrind_control", *words, str(pid)], capture_output=True, text=True, timeout=60, check=False)
    if done.returncode != 0 or "Error" in done.stdout + done.stderr:
        sys.exit(f"callgrind_control {' '.join(words)}: {done.stdout}{done.stderr}\nvalgrind must be allowed to ptrace its own process here")


class Instructions:
    def __init__(self, args):
        self.args = args
        self.rig = Rig(args.build)
        self.up = self.rig.upstream()

    def queries(self, kind):
        if kind == "blocked":
            return self.rig.blocked(self.args.names)
        return self.rig.cached(2000) if kind == "cached" else self.rig.forwarded()

    def measure(self, kind):
        """Instructions a query of the workers, and of the main thread; callgrind's files of the workers."""
        out = self.rig.home / "callgrind.out"
        for old in self.rig.home.glob("callgrind.out*"):
            old.unlink()
        wrap = ["valgrind", "-q", "--tool=callgrind", "--instr-atstart=no", "--separate-threads=yes", f"--callgrind-out-file={out}"]
        server = self.rig.saringd("instructions", self.up, self.rig.bulk(self.args.names), wrap=wrap)
        queries = self.queries(kind)
        self.load(server, queries, WARM_UP)
        callgrind_control(server.pid, "-i", "on")
        self.load(server, queries, WARM_UP)  # code seen for the first time is translated anew with instrumentation; also the cache's hits
        callgrind_control(server.pid, "-z")
        figures = self.load(server, queries, self.args.queries)
        callgrind_control(server.pid, "-d")
        callgrind_control(server.pid, "-i", "off")
        self.rig.stop(server)
        # One for each thread, the main one first; the end of the program writes others, of nothing.
        dumped = sorted(self.rig.home.glob("callgrind.out.1-*"))
        if len(dumped) < 2:
            sys.exit("callgrind left no dumps")
        main, *workers = (self.events(d) / figures["answered"] for d in dumped)
        return sum(workers), main, dumped[1:], figures

    def events(self, dumped):
        return int(re.search(r"^totals: (\d+)", dumped.read_text(errors="replace"), re.MULTILINE)[1])

    def load(self, server, queries, count):
        """Under valgrind an answer may take as long as other processes let it: what the generator gave up is asked again."""
        figures = self.rig.load(server, queries, seconds=TIMES_OUT_S, window=WINDOW, count=count)
        if figures["lost"] or figures["wrong"] or figures["err"]:
            print(f"  note: lost {figures['lost']:.0f} wrong {figures['wrong'] + figures['err']:.0f}")
        return figures

    def top(self, dumped, answered):
        out = subprocess.run(["callgrind_annotate", "--threshold=100", *dumped], capture_output=True, text=True, check=True).stdout
        found = re.findall(r"^\s*([\d,]+) \(\s*[\d.]+%\)\s+(.*?)\s*$", out, re.MULTILINE)
        functions = [(int(n.replace(",", "")), what) for n, what in found if "PROGRAM TOTALS" not in what]
        for count, what in functions[:self.args.top]:
            name = re.sub(r" \[.*\]$", "", what.split(":", 1)[-1])
            print(f"    {count / answered:8.0f}  {name}")

    def run(self):
        for kind in self.args.kinds or KINDS:
            cost, main, dumped, figures = self.measure(kind)
            print(f"{kind:<10} {cost:8.0f} instructions a query ({self.args.queries} queries, {self.args.names} names); "
                  f"the main thread, which counts: {main:.0f}", flush=True)
            self.top(dumped, figures["answered"])
            if self.args.twice:
                again = self.measure(kind)[0]
                print(f"    again: {again:.0f}, {100 * (again / cost - 1):+.2f} %", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build")
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=", ".join(KINDS))
    parser.add_argument("--names", type=int, default=100000)
    parser.add_argument("--queries", type=int, default=20000)
    parser.add_argument("--top", type=int, default=10, help="so many functions (10)")
    parser.add_argument("--twice", action="store_true")
    args = parser.parse_args()
    if unknown := [k for k in args.kinds if k not in KINDS]:
        parser.error(f"unknown kind {', '.join(unknown)}; there are {', '.join(KINDS)}")
    for tool in ("valgrind", "callgrind_control", "callgrind_annotate"):
        if not shutil.which(tool):
            sys.exit(f"{tool} is not installed (Debian: valgrind)")
    program = (Path(args.build) / "saringd").read_bytes()
    if b"__asan_init" in program or b"__tsan_init" in program:
        sys.exit("a build with a sanitizer does not run under valgrind")
    instructions = Instructions(args)
    try:
        instructions.run()
    finally:
        instructions.rig.end()


if __name__ == "__main__":
    main()
