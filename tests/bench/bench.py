#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Speed of saringd against a bare echo server, on this machine, now.

    bench.py BUILD [ROW...] [--names N[,N...]] [--seconds S] [--rounds R] [--short]

Each ROW is one line of the table in README.md: blocked, cached, forwarded, mix, workers, churn, latency, memory; all (the default) is
every one of them. The server stands alone on core 0, the generator and the upstream on core 1, loopback only. A round measures the echo
(the ceiling: recvmmsg and sendmmsg, QR bit set) and then saringd; a ratio is that of one round, and the median of the rounds counts.
Every answer is checked; lost and wrong ones are told. tests/bench/README.md says how to read each row.
"""
import argparse
import os
import statistics
import sys
from pathlib import Path

sys.dont_write_bytecode = True
from rig import CLIENT, SERVER, Rig, machine  # noqa: E402

MIB = 1 << 20
FEW = 11  # names of the smallest list
RATE = 20000  # queries a second, for latency
BOTH = f"{SERVER},{CLIENT}"
CLIENTS = 32  # sockets, so that SO_REUSEPORT spreads them evenly


def median(values):
    return statistics.median(list(values))


class Bench:
    def __init__(self, rig, args):
        self.rig, self.args = rig, args
        self.up = rig.upstream()
        self.ceiling = rig.echo()

    # measuring

    def rounds(self, queries, servers, **how):
        """Each round: the echo, then each server. Returns the figures of the echo and of each server, round by round."""
        taken = [[] for _ in range(1 + len(servers))]
        for _ in range(self.args.rounds):
            for i, server in enumerate([self.ceiling, *servers]):
                taken[i].append(self.rig.load(server, queries, seconds=self.args.seconds, **how))
        return taken

    @staticmethod
    def ratio(figures, ceilings, key="qps"):
        return median(f[key] / c[key] if c[key] else 0 for f, c in zip(figures, ceilings))

    @staticmethod
    def faults(*runs):
        """What the generator had to complain of in some runs of a server."""
        lost, wrong = (sum(f[k] for run in runs for f in run) for k in ("lost", "wrong"))
        return f"lost {lost:.0f} wrong {wrong + sum(f['err'] for run in runs for f in run):.0f}"

    def line(self, name, figures, ceilings, note=""):
        """One line of a row that is told as x echo: by rate, and by CPU time an answer, which other processes disturb less."""
        print(f"{name:<26} {self.ratio(figures, ceilings):5.2f} x echo ({1 / (self.ratio(figures, ceilings, 'cpu_us') or 1):.2f} by CPU time)  "
              f"{median(f['qps'] for f in figures):8.0f}/s  {median(f['cpu_us'] for f in figures):5.2f} us a query  {self.faults(figures)}{note}", flush=True)

    # the rows

    def blocked(self):
        for names in self.args.names:
            server = self.rig.saringd("blocked", self.up, self.rig.bulk(names))
            queries = self.rig.blocked(names)
            self.rig.load(server, queries, seconds=1)
            echo, ours = self.rounds(queries, [server], busy=True)
            self.line(f"blocked, {names} names", ours, echo)
            self.rig.stop(server)

    def cached(self):
        queries = self.rig.cached()
        for names in self.args.names:
            few, many = (self.rig.saringd(f"cached-{n}", self.up, self.rig.bulk(n)) for n in (FEW, names))
            for server in (few, many):
                self.rig.fill(server, queries)
            echo, with_few, with_many = self.rounds(queries, [few, many], busy=True)
            self.line(f"cached, {FEW} names", with_few, echo)
            lost = 100 * (1 - self.ratio(with_many, with_few))
            by_cpu = 100 * (self.ratio(with_many, with_few, "cpu_us") - 1)
            self.line(f"cached, {names} names", with_many, echo, f"; {lost:.1f} % lost from {FEW} names to {names} (CPU a query {by_cpu:+.1f} %)")
            self.rig.stop(few, many)

    def forwarded(self):
        names = self.args.names[0]
        server = self.rig.saringd("forwarded", self.up, self.rig.bulk(names), cache="16MiB")
        relay = self.rig.relay("batch", self.up)
        queries = self.rig.forwarded()
        echo, ours, bare = self.rounds(queries, [server, relay])
        self.line("forwarded, unique names", ours, echo, f"; {self.ratio(ours, bare):.2f} x the bare relay")
        self.line("  (bare relay, batch)", bare, echo)
        self.rig.stop(server, relay)

    def mix(self):
        for names in self.args.names:
            server = self.rig.saringd("mix", self.up, self.rig.bulk(names))
            queries = self.rig.mix(names)
            self.rig.load(server, queries, seconds=max(2, self.args.seconds))  # the names often asked are cached
            echo, ours = self.rounds(queries, [server])
            self.line(f"mix, {names} names", ours, echo)
            self.rig.stop(server)

    def workers(self):
        """Both cores are the servers', and the generator's too: there is no third one to drive two workers from. So the rates say nothing; CPU
        time an answer does. What two workers lose to each other (shared lines, locks) shows as CPU time that one alone does not need."""
        names = self.args.names[0]
        bulk, queries = self.rig.bulk(names), self.rig.blocked(names)
        servers = [self.rig.saringd(f"workers-{n}", self.up, bulk, workers=n, cores=BOTH) for n in (1, 2)]
        bare = [self.rig.echo(cores=BOTH, workers=n) for n in (1, 2)]
        figures = {server: [] for server in (*bare, *servers)}
        for _ in range(self.args.rounds):
            for server in figures:
                figures[server].append(self.rig.load(server, queries, seconds=self.args.seconds, cores=BOTH, clients=CLIENTS))
        for what, (one, two) in (("echo", bare), ("saringd", servers)):
            more = self.ratio(figures[two], figures[one], "cpu_us")
            faults = "" if what == "echo" else "  " + self.faults(figures[one], figures[two])
            print(f"workers, {what:<17} CPU a query: one {median(f['cpu_us'] for f in figures[one]):.2f} us, two "
                  f"{median(f['cpu_us'] for f in figures[two]):.2f} us, x {more:.2f}; so with a core for each {2 / more:.2f} x one worker{faults}", flush=True)
        self.rig.stop(*figures)

    def churn(self):
        server = self.rig.saringd("churn", self.up, self.rig.bulk(FEW), cache=self.args.cache)
        hot, mixed, unique = self.rig.cached(), self.rig.churn(10), self.rig.forwarded()
        self.rig.fill(server, hot)
        echo_before, before = self.rounds(mixed, [server], interval=0.5)
        not_full = self.rig.control(server, "cache")
        figures = self.rig.load(server, unique, seconds=3600, window=128, count=self.args.distinct, interval=1)
        full = self.rig.control(server, "cache")
        self.rig.fill(server, hot)
        echo_after, after = self.rounds(mixed, [server], interval=0.5)
        last = self.rig.control(server, "cache")
        self.line("churn, cache not full", before, echo_before, f"; evictions {not_full['evictions']}")
        self.line("churn, evicting", after, echo_after, f"; evictions {last['evictions'] - full['evictions']}")
        rates = [f["qps"] for f in figures["series"]] or [figures["qps"]]
        third = max(1, len(rates) // 3)
        print(f"churn                      {self.ratio(after, echo_after) / self.ratio(before, echo_before):5.2f} x of not full; {self.args.distinct} distinct names "
              f"pushed through at {figures['qps']:.0f}/s (first third {median(rates[:third]):.0f}, last {median(rates[-third:]):.0f}), {self.faults([figures])}; "
              f"{last['entries']} entries, {last['bytes'] / MIB:.1f} MiB of {self.args.cache}")
        stalls = [max(f["stall"] for f in run) / 1000 for run in ([figures], after, before, echo_before + echo_after)]
        absent = max(f["absent"] for f in before + after + [figures]) / 1000
        print(f"churn, longest stall       {stalls[0]:.2f} ms pushed through, {stalls[1]:.2f} ms evicting, {stalls[2]:.2f} ms not full; the echo's in the same minutes "
              f"{stalls[3]:.2f} ms; the generator itself was off its core for {absent:.2f} ms", flush=True)
        self.rig.stop(server)

    def latency(self):
        names = self.args.names[0]
        server = self.rig.saringd("latency", self.up, self.rig.bulk(names))
        self.rig.fill(server, self.rig.cached())
        queries = self.rig.hits(names)
        self.rig.load(server, queries, seconds=1)
        echo, ours = self.rounds(queries, [server], rate=RATE, busy=True)
        told = ", ".join(f"{key} {median(f[key] for f in ours):.1f} us (echo {median(f[key] for f in echo):.1f}, x {self.ratio(ours, echo, key):.2f})"
                         for key in ("p50", "p99", "p999"))
        print(f"latency at {RATE}/s          {told}  {self.faults(ours)}", flush=True)
        self.rig.stop(server)

    def memory(self):
        limit = 64 * MIB
        for names in self.args.names:
            server = self.rig.saringd("memory", self.up, self.rig.bulk(names), cache="64MiB")
            unique = self.rig.forwarded()
            asked = 0
            while self.rig.control(server, "cache")["evictions"] == 0 and asked < 4000000:
                asked += self.rig.load(server, unique, seconds=600, window=64, count=100000)["sent"]
            self.rig.load(server, unique, seconds=600, window=64, count=200000)
            touched = self.rig.load(server, self.rig.blocked(names), seconds=600, window=64, count=min(names, 200000))
            cache = self.rig.control(server, "cache")
            total = smaps(server.pid)
            image = sum(p.stat().st_size for p in (server.home / "state").glob("*.img"))
            slack = total["Rss"] - image - limit
            print(f"memory, {names} names       RSS {total['Rss'] / MIB:.1f} MiB (PSS {total['Pss'] / MIB:.1f}) = image files {image / MIB:.1f} + cache limit 64.0 "
                  f"+ {slack / MIB:.1f} MiB; all but the images' pages ({total['image'] / MIB:.1f} resident) - 64 MiB: "
                  f"{(total['Rss'] - total['image'] - limit) / MIB:.1f} MiB; cache: {cache['bytes'] / MIB:.1f} MiB, {cache['entries']} entries, "
                  f"{cache['evictions']} evictions  {self.faults([touched])}", flush=True)
            self.rig.stop(server)


def smaps(pid):
    """Bytes: Rss and Pss of the whole process, and the resident part of the images it has mapped."""
    sums, is_image = {"Rss": 0, "Pss": 0, "image": 0}, False
    for line in Path(f"/proc/{pid}/smaps").read_text(encoding="utf-8", errors="replace").splitlines():
        words = line.split()
        if "-" in words[0] and not words[0].endswith(":"):
            is_image = len(words) > 5 and words[5].endswith(".img")
        elif words[0] in ("Rss:", "Pss:"):
            sums[words[0][:-1]] += int(words[1]) * 1024
            if is_image and words[0] == "Rss:":
                sums["image"] += int(words[1]) * 1024
    return sums


ROWS = ("blocked", "cached", "forwarded", "mix", "workers", "churn", "latency", "memory")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build")
    parser.add_argument("rows", nargs="*", default=["all"], metavar="ROW", help=", ".join(ROWS) + "; all of them by default")
    parser.add_argument("--names", default="100000", help="in the list; several, with commas, where a row tells several (100000)")
    parser.add_argument("--seconds", type=float, default=3, help="of one measurement (3)")
    parser.add_argument("--rounds", type=int, default=3, help="whose median counts (3)")
    parser.add_argument("--cache", default="64MiB", help="size of the cache that churns (64MiB)")
    parser.add_argument("--distinct", type=int, default=10000000, help="names pushed through the cache that churns (10000000)")
    parser.add_argument("--poll", action="store_true", help="the generator sleeps when nothing comes, for the echo too; waking it is then charged to the server")
    parser.add_argument("--short", action="store_true", help="a first look: one second each, 500 000 names through a cache of 16 MiB")
    args = parser.parse_args()
    rows = ROWS if "all" in args.rows else args.rows
    if unknown := [r for r in rows if r not in ROWS]:
        parser.error(f"unknown row {', '.join(unknown)}; there are {', '.join(ROWS)}")
    args.names = [int(n) for n in args.names.split(",")]
    if args.short:
        args.seconds, args.cache, args.distinct = 1, "16MiB", 500000
    if os.cpu_count() < 2:
        sys.exit("two cores are needed: one for the server, one for the generator")
    rig = Rig(args.build)
    rig.polls = args.poll
    try:
        print(f"{machine()}; median of {args.rounds} rounds of {args.seconds:g} s", flush=True)
        bench = Bench(rig, args)
        for row in rows:
            getattr(bench, row)()
    finally:
        rig.end()


if __name__ == "__main__":
    main()
