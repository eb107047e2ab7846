#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""The compiled policy in figures, on this machine, now.

    policy.py BUILD [--names N] [--match M] [--real FILE] [--edits N] [--seconds S] [--instructions]

N names in one bulk list, each blocked with all below it (or as --match says), and a small YAML list beside it that is edited. With --real the file's names come
first, the rest are mixtures of them; without, all are made of syllables. What is told, each a line:

    compile   text to image on one core, nothing kept from before: seconds, and bytes of the image a name
    look-up   bench-match: nanoseconds for a hit and a miss, each with more of its memory fetched ahead, and resident bytes a name when all were touched
    counted   with --instructions: what callgrind counts for the same, in instructions; other machines count alike
    start     from exec of saringd with a kept image to the first correct answer: milliseconds
    edit      `saringctl list add` from exec to its return: milliseconds, median and worst
    reload    of the whole bulk list while 50 000 queries a second are answered: lost, wrong, peak resident memory x before
"""
import argparse
import os
import re
import shutil
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rig import free_port

LOOKUPS = 1000000


def question(name):
    wire = b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"
    return struct.pack("!6H", 4711, 0x100, 1, 0, 0, 0) + wire + struct.pack("!2H", 1, 1)


def status_kib(pid, key):
    return int(re.search(key + r":\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1])


class Policy:
    def __init__(self, args):
        self.args = args
        self.build = Path(args.build).resolve()
        self.bench = self.build / "tests/bench"
        self.home = Path(tempfile.mkdtemp(prefix="saring-policy-"))
        self.children = []

    def names(self, path, count, skip):
        command = [self.bench / "bench-names", str(count), str(skip)] + ([self.args.real] if self.args.real else [])
        with open(path, "wb") as out:
            subprocess.run(command, stdout=out, check=True)

    def set_up(self):
        count = self.args.names
        self.names(self.home / "bulk.txt", count, 0)
        self.names(self.home / "misses", LOOKUPS, count)
        with open(self.home / "bulk.txt") as f:
            lines = f.read().splitlines()
        step = max(1, count // LOOKUPS)
        self.hits = lines[::step]
        (self.home / "hits").write_text("\n".join(self.hits) + "\n")
        (self.home / "queries").write_text("".join(f"B {n}\n" for n in self.hits[:50000]))
        (self.home / "house.yaml").write_text("entries:\n  - first.example\n")
        (self.home / "state").mkdir()
        self.port, self.up = free_port(), free_port()
        user = "root" if os.geteuid() == 0 else os.environ.get("USER", "nobody")
        (self.home / "saring.yaml").write_text(f"""\
listen: [dns://127.0.0.1:{self.port}]
workers: 1
user: {user}
upstream: {{servers: [dns://127.0.0.1:{self.up}]}}
cache: {{size: 1MiB}}
lists:
  - {{name: bulk, file: bulk.txt, format: domains, match: {self.args.match}}}
  - {{name: house, file: house.yaml}}
control: {{socket: control.sock}}
state: state
""")

    def compile(self):
        image = self.home / "state/policy-1.img"
        begin = time.monotonic()
        subprocess.run(["taskset", "-c", "0", self.build / "saring-compile", "-c", self.home / "saring.yaml", "-o", image, "-g", "1"], check=True)
        took = time.monotonic() - begin
        size = sum(p.stat().st_size for p in (self.home / "state").glob("*.img"))
        print(f"compile  {took:7.2f} s   image {size / self.args.names:6.2f} bytes a name")
        return image

    def look_up(self, image):
        out = subprocess.run(["taskset", "-c", "0", self.bench / "bench-match", image, self.home / "hits", self.home / "misses"],
                             check=True, capture_output=True, text=True).stdout
        print("look-up  " + " ".join(out.split()))

    def count(self, image):
        """Instructions, of which those that unpack the names are taken off."""
        out = self.home / "callgrind"
        for file in ("hits", "misses"):  # loading names takes longest
            lines = (self.home / file).read_text().splitlines()
            (self.home / f"{file}-few").write_text("\n".join(lines[:: max(1, len(lines) // 20000)]) + "\n")

        def run(kind, way):
            text = subprocess.run(["valgrind", "-q", "--tool=callgrind", "--toggle-collect=count_here", f"--callgrind-out-file={out}", self.bench / "bench-match",
                                   image, self.home / "hits-few", self.home / "misses-few", kind, way], check=True, capture_output=True, text=True).stdout
            total = int(re.findall(r"^(?:summary|totals): (\d+)", out.read_text(), re.M)[-1])
            return total / int(re.search(r"counted=(\d+)", text)[1])

        for kind in ("hit", "miss"):
            none = run(kind, "none")
            ways = ("single", "batch", "fetched", "records", "answer")
            print("counted  " + " ".join(f"{kind}_{way}_instructions={run(kind, way) - none:.0f}" for way in ways))

    def start(self):
        """The daemon, and the milliseconds to its first correct answer."""
        name = self.hits[len(self.hits) // 2]
        packet = question(name)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.connect(("127.0.0.1", self.port))
            s.setblocking(False)
            begin = time.monotonic()
            daemon = subprocess.Popen(["taskset", "-c", "0", self.build / "saringd", "-c", self.home / "saring.yaml"],
                                      stdout=subprocess.DEVNULL, stderr=open(self.home / "log", "ab"))
            self.children.append(daemon)
            while time.monotonic() - begin < 120:
                try:
                    s.send(packet)
                    time.sleep(0.0002)
                    answer = s.recv(4096)
                except OSError:
                    continue
                if answer[3] & 15 == 3:
                    return daemon, (time.monotonic() - begin) * 1000
        sys.exit("no answer from saringd: " + (self.home / "log").read_text())

    def stop(self, daemon):
        daemon.send_signal(signal.SIGTERM)
        daemon.wait(20)
        self.children.remove(daemon)

    def starts(self):
        daemon, first = self.start()
        self.stop(daemon)
        times = []
        for _ in range(5):
            daemon, took = self.start()
            times.append(took)
            self.stop(daemon)
        print(f"start    {statistics.median(times):7.1f} ms median of 5, worst {max(times):.1f} (first of all {first:.1f})")

    def control(self, *words):
        return subprocess.run([self.build / "saringctl", "-c", self.home / "saring.yaml", *words], check=True, capture_output=True, text=True)

    def edits(self):
        daemon, _ = self.start()
        times = []
        for i in range(self.args.edits):
            begin = time.monotonic()
            self.control("list", "add", "house", f"edit{i}.bench.example")
            times.append((time.monotonic() - begin) * 1000)
        resident = status_kib(daemon.pid, "VmRSS")
        self.stop(daemon)
        print(f"edit     {statistics.median(times):7.1f} ms median of {len(times)}, worst {max(times):.1f}; resident {resident / 1024:.0f} MiB")

    def reload(self):
        daemon, _ = self.start()
        load = [self.bench / "bench-gen", "-q", self.home / "queries", "-s", f"127.0.0.1:{self.port}"]
        subprocess.run([*load, "-n", "50000", "-w", "64", "-t", "30"], check=True, capture_output=True)
        for _ in range(3):  # every page that serves is resident
            self.control("cache")
        before = status_kib(daemon.pid, "VmRSS")
        Path(f"/proc/{daemon.pid}/clear_refs").write_text("5")  # the peak counts from now
        queries = subprocess.Popen(["taskset", "-c", "1", *load, "-t", str(self.args.seconds), "-r", "50000"], stdout=subprocess.PIPE, text=True)
        time.sleep(1)
        with open(self.home / "bulk.txt", "a") as f:
            f.write("reloaded.bench.example\n")
        begin = time.monotonic()
        self.control("reload")
        took = time.monotonic() - begin
        out = queries.communicate()[0]
        figures = {k: float(v) for k, v in re.findall(r"(\w+)=([0-9.]+)", out)}
        peak = status_kib(daemon.pid, "VmHWM")
        self.stop(daemon)
        print(f"reload   {took:7.2f} s   at {figures['qps']:.0f} queries/s: lost {figures['lost']:.0f}, wrong {figures['wrong'] + figures['err']:.0f}; "
              f"resident {before / 1024:.1f} MiB, peak {peak / 1024:.1f} MiB ({peak / before:.2f} x)")

    def run(self):
        self.set_up()
        print(f"{self.args.names} names{', real ones first' if self.args.real else ''}")
        image = self.compile()
        self.look_up(image)
        if self.args.instructions:
            self.count(image)
        self.starts()
        self.edits()
        self.reload()

    def end(self):
        for child in self.children:
            child.kill()
            child.wait()
        shutil.rmtree(self.home)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--names", type=int, default=1000000)
    parser.add_argument("--match", choices=("subtree", "exact", "subdomains"), default="subtree")
    parser.add_argument("--real", help="a file of real names, one a line")
    parser.add_argument("--edits", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--instructions", action="store_true", help="count with callgrind, too")
    policy = Policy(parser.parse_args())
    try:
        policy.run()
    finally:
        policy.end()


if __name__ == "__main__":
    main()
