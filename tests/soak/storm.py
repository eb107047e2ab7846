#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""storm - reloads without pause under full load: is a query lost, is an answer wrong?

    tests/soak/storm.py BUILD [--rate 50000] [--seconds 60] [--reloads 100] [--names 100000]

The load generator of tests/bench asks blocked and cached names in turn, open loop, so many a second, and looks at every answer. Meanwhile
`saringctl reload` is run as often as said, spread over the time; every tenth finds the big list changed and compiles it anew.

Exit status 0 when nothing was wrong, all reloads were done, and no more was lost than the kernel had no room for, on the way there or back
(RcvbufErrors: on a machine with nothing else to do that is 0 too). Needs two cores and a build without a sanitizer, with the bench's
tools: ninja -C BUILD tests/bench/bench-{gen,echo,relay,names}"""
import argparse
import pathlib
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "bench"))
from rig import CLIENT, SERVER, Rig  # noqa: E402 the path comes first

CACHED = 2000


def kernel_dropped():
    """Datagrams that no socket had room for, of all programs here."""
    with open("/proc/net/snmp", encoding="ascii") as text:
        names, values = [line.split() for line in text if line.startswith("Udp:")]
    return int(values[names.index("RcvbufErrors")])


class Reloads(threading.Thread):
    def __init__(self, rig, server, bulk, count, seconds):
        super().__init__()
        self.rig, self.server, self.bulk, self.count, self.seconds = rig, server, bulk, count, seconds
        self.done, self.fault, self.slowest = 0, None, 0.0

    def run(self):
        began = time.monotonic()
        try:
            for i in range(self.count):
                if i % 10 == 0:
                    with open(self.bulk, "a", encoding="ascii") as more:
                        more.write(f"storm{i}.example\n")
                start = time.monotonic()
                self.rig.control(self.server, "reload")
                self.slowest = max(self.slowest, time.monotonic() - start)
                self.done += 1
                time.sleep(max(0, began + (i + 1) * self.seconds / self.count - time.monotonic()))
        except (subprocess.SubprocessError, OSError) as fault:
            self.fault = str(fault)


def storm(rig, options):
    upstream = rig.upstream()
    bulk = rig.bulk(options.names)
    server = rig.saringd("storm", upstream, bulk=bulk, cores=f"{SERVER},{CLIENT}")  # the compiler wants a core, too
    cached = rig.cached(CACHED)
    while rig.control(server, "cache")["entries"] < CACHED:
        rig.fill(server, cached)
    names = [f"F {line.split()[1]}" for line in open(rig.home / cached, encoding="ascii")]
    blocked = [f"B {name}" for name in rig.sample(options.names)[:len(names) * 10]]
    queries = rig.write("storm", (line for i, one in enumerate(blocked) for line in (one, names[i % len(names)])))
    reloads = Reloads(rig, server, bulk, options.reloads, options.seconds)
    before = kernel_dropped()
    reloads.start()
    figures = rig.load(server, queries, seconds=options.seconds + 1, clients=8, rate=options.rate, cores=CLIENT)
    reloads.join()
    dropped = kernel_dropped() - before
    sent, answered, lost, wrong = (int(figures[k]) for k in ("sent", "answered", "lost", "wrong"))
    print(f"sent={sent} answered={answered} lost={lost} kernel_dropped={dropped} wrong={wrong} reloads={reloads.done} "
          f"slowest_reload_s={reloads.slowest:.2f} qps={sent / (options.seconds + 1):.0f}")
    faults = [text for bad, text in ((wrong, "answers were wrong"), (lost > dropped, "answers were lost"),
                                     (reloads.done < options.reloads, f"not all reloads were done: {reloads.fault}")) if bad]
    print("\n".join(faults) if faults else "none lost, none wrong")
    return 1 if faults else 0


def main():
    parser = argparse.ArgumentParser(description="reloads without pause under full load")
    parser.add_argument("build")
    parser.add_argument("--rate", type=int, default=50000)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--reloads", type=int, default=100)
    parser.add_argument("--names", type=int, default=100000)
    options = parser.parse_args()
    rig = Rig(options.build)
    try:
        return storm(rig, options)
    finally:
        rig.end()


if __name__ == "__main__":
    sys.exit(main())
