#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Speed of saringd against a bare echo server, on this machine, now.

    bench.py BUILD [--names N] [--seconds S] [--rounds R]

Server on core 0, load generator and upstream on core 1, loopback only. Each kind of traffic is measured in turn with the echo (the ceiling:
recvmmsg and sendmmsg, QR bit set), and told as queries a second and as a ratio x echo of the same round; the median of the rounds counts.
Absolute figures move with the machine, ratios less so. Every answer is checked by the generator; lost or wrong ones are told.
"""
import argparse
import os
import random
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SEED = 20170714
TLDS = ("com", "net", "org", "io", "id", "co.id", "info", "xyz", "top", "click")
WORDS = ("ads", "track", "pixel", "metrics", "cdn", "stat", "promo", "click", "banner", "beacon", "tag", "sync", "img", "api", "push")


def generate(count):
    """Names that look like those of blocklists: two to four labels, words and numbers, a few top-level domains."""
    rng = random.Random(SEED)
    names = set()
    while len(names) < count:
        labels = [rng.choice(WORDS) + rng.choice(("", "-", str(rng.randrange(1000)))) + rng.choice(WORDS) + str(rng.randrange(10 ** 6))]
        labels += [rng.choice(WORDS) for _ in range(rng.randrange(2))]
        names.add(".".join(reversed(labels)) + "." + rng.choice(TLDS))
    return sorted(names)


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Bench:
    def __init__(self, args):
        self.build = Path(args.build).resolve()
        self.args = args
        self.home = Path(tempfile.mkdtemp(prefix="saring-bench-"))
        self.started = []

    def start(self, core, *command):
        process = subprocess.Popen(["taskset", "-c", str(core), *map(str, command)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.started.append(process)
        return process

    def end(self):
        for process in self.started:
            process.send_signal(signal.SIGTERM)
        for process in self.started:
            process.wait(10)
        shutil.rmtree(self.home)

    def load(self, queries, port):
        out = subprocess.run(["taskset", "-c", "1", self.build / "tests/bench/bench-gen", "-q", queries, "-s", f"127.0.0.1:{port}",
                              "-t", str(self.args.seconds), "-w", "256"], check=True, capture_output=True, text=True).stdout
        figures = {k: float(v) for k, v in re.findall(r"(\w+)=([0-9.]+)", out)}
        return figures

    def set_up(self):
        names = generate(self.args.names)
        rng = random.Random(SEED + 1)
        blocked = rng.sample(names, min(len(names), 50000))
        free = [f"host{i}.{rng.choice(WORDS)}.example.{rng.choice(('net', 'org'))}" for i in range(20000)]
        files = {"list.yaml": "entries:\n" + "".join(f"  - {n}\n" for n in names),
                 "blocked": "".join(f"B {n}\n" for n in blocked),
                 "cached": "".join(f"F {n}\n" for n in free),
                 "forwarded": "".join(f"U u{i}.example.net\n" for i in range(2000)),
                 "mix": "".join(rng.choices([f"B {rng.choice(blocked)}\n", f"F {rng.choice(free)}\n", f"U u{rng.randrange(2000)}.example.net\n"],
                                            (20, 75, 5))[0] for _ in range(50000))}
        for name, text in files.items():
            (self.home / name).write_text(text)
        self.echo, self.up, self.port = free_port(), free_port(), free_port()
        (self.home / "saring.yaml").write_text(f"""\
listen: [dns://127.0.0.1:{self.port}]
workers: 1
user: {"root" if os.geteuid() == 0 else os.environ.get("USER", "nobody")}
upstream: {{servers: [dns://127.0.0.1:{self.up}]}}
lists: [{{name: bench, file: list.yaml}}]
control: {{socket: control.sock}}
state: state
""")
        self.start(0, self.build / "tests/bench/bench-echo", "mmsg", self.echo)
        self.start(1, self.build / "tests/bench/bench-echo", "up", self.up)
        daemon = self.start(0, self.build / "saringd", "-c", self.home / "saring.yaml")
        for line in daemon.stderr:
            if b" ready " in line:
                break
        else:
            sys.exit("saringd did not start")
        time.sleep(0.2)

    def measure(self):
        kinds = ("blocked", "cached", "mix", "forwarded")
        results = {kind: [] for kind in kinds}
        self.load(self.home / "cached", self.port)  # fills the cache
        for _ in range(self.args.rounds):
            for kind in kinds:
                ceiling = self.load(self.home / kind, self.echo)["qps"]
                figures = self.load(self.home / kind, self.port)
                results[kind].append((figures["qps"] / ceiling, figures["qps"], figures["lost"], figures["wrong"] + figures["err"]))
        print(f"{self.args.names} names blocked, one worker, median of {self.args.rounds} rounds of {self.args.seconds:g} s")
        print(f"{'traffic':<10} {'x echo':>7} {'queries/s':>10} {'lost':>6} {'wrong':>6}")
        for kind in kinds:
            ratio = statistics.median(r[0] for r in results[kind])
            rate = statistics.median(r[1] for r in results[kind])
            print(f"{kind:<10} {ratio:7.2f} {rate:10.0f} {sum(r[2] for r in results[kind]):6.0f} {sum(r[3] for r in results[kind]):6.0f}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--names", type=int, default=100000)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    bench = Bench(parser.parse_args())
    try:
        bench.set_up()
        bench.measure()
    finally:
        bench.end()


if __name__ == "__main__":
    main()
