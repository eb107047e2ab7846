# SPDX-License-Identifier: BSD-2-Clause
"""What the benches stand on: programs pinned to cores in a folder of their own, and the generator's figures as numbers."""
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "system"))
from harness.ports import free_port  # noqa: E402 the path comes first

SEED = 20170714
SERVER, CLIENT = "0", "1"  # cores: the server under test alone; the generator and the upstream
READY_S = 600  # a list of millions is compiled first
STOP_S = 30
FILL_S = 600
BLOCKED_SAMPLE = 200000  # more names than a core's caches hold the image's lines of
CACHED_NAMES = 20000
MIX_LINES = 200000
ZIPF_NAMES = 100000


class Server:
    """A program that answers at a port. home: of saringd alone."""

    def __init__(self, process, port, home=None):
        self.process, self.port, self.home = process, port, home

    @property
    def pid(self):
        return self.process.pid


class Rig:
    def __init__(self, build):
        self.build = Path(build).resolve()
        self.tools = self.build / "tests/bench"
        self.home = Path(tempfile.mkdtemp(prefix="saring-bench-"))
        self.servers = []
        self.polls = False  # always
        programs = [self.build / p for p in ("saringd", "saringctl", "saring-compile")]
        programs += [self.tools / f"bench-{t}" for t in ("gen", "echo", "relay", "names")]
        if missing := [str(p.relative_to(self.build)) for p in programs if not p.exists()]:
            raise SystemExit(f"not built yet: ninja -C {build} {' '.join(missing)}")

    # programs

    def start(self, cores, *command, log="log"):
        with open(self.home / log, "ab") as out:
            return subprocess.Popen(["taskset", "-c", cores, *map(str, command)], stdin=subprocess.DEVNULL, stdout=out, stderr=out)

    def serve(self, cores, port, *command, home=None, log="log"):
        self.servers.append(Server(self.start(cores, *command, log=log), port, home))
        return self.servers[-1]

    def echo(self, mode="mmsg", cores=SERVER, workers=1):
        """Answers as soon as it is bound: asked until it does."""
        port = free_port()
        server = self.serve(cores, port, self.tools / "bench-echo", "-w", workers, mode, port)
        self.wait_answer(server, "plain.example", kind="F" if mode == "up" else "B")
        return server

    def upstream(self):
        return self.echo("up", CLIENT)

    def relay(self, mode, upstream):
        port = free_port()
        server = self.serve(SERVER, port, self.tools / "bench-relay", mode, port, upstream.port)
        self.wait_answer(server, "plain.example", kind="F")
        return server

    def wait_answer(self, server, name, kind="B"):
        done = subprocess.run([self.tools / "bench-gen", "-W", name, "-x", kind, "-s", f"127.0.0.1:{server.port}", "-t", "10"],
                              capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"{server.process.args}: no answer within 10 s; {(self.home / 'log').read_text(errors='replace')}")

    def saringd(self, name, upstream, bulk=None, workers=1, cores=SERVER, cache="64MiB", wrap=()):
        """saringd with one bulk list, ready. wrap: a program that runs it."""
        home, port = self.home / name, free_port()
        shutil.rmtree(home, ignore_errors=True)
        (home / "state").mkdir(parents=True)
        user = "root" if os.geteuid() == 0 else os.environ.get("USER", "nobody")
        lists = f"[{{name: bulk, file: {bulk}, format: domains, match: subtree}}]" if bulk else "[]"
        (home / "saring.yaml").write_text(f"""\
listen: [dns://127.0.0.1:{port}]
workers: {workers}
user: {user}
upstream: {{servers: [dns://127.0.0.1:{upstream.port}]}}
cache: {{size: {cache}}}
lists: {lists}
control: {{socket: control.sock}}
state: state
""")
        log = f"{name}.log"
        (self.home / log).unlink(missing_ok=True)
        server = self.serve(cores, port, *wrap, self.build / "saringd", "-c", home / "saring.yaml", home=home, log=log)
        end = time.monotonic() + READY_S
        while not re.search(r"\bready\b", (self.home / log).read_text(errors="replace")):
            if server.process.poll() is not None or time.monotonic() > end:
                raise SystemExit("saringd did not get ready:\n" + (self.home / log).read_text(errors="replace"))
            time.sleep(0.02)
        return server

    def control(self, server, *words):
        out = subprocess.run([self.build / "saringctl", "--json", "-c", server.home / "saring.yaml", *words],
                             check=True, capture_output=True, text=True, timeout=60).stdout
        return json.loads(out) if out.strip() else {}

    def stop(self, *servers):
        for server in servers:
            self.servers.remove(server)
            server.process.send_signal(signal.SIGTERM)
        for server in servers:
            try:
                server.process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                server.process.kill()
                server.process.wait()

    def end(self):
        self.stop(*list(self.servers))
        shutil.rmtree(self.home, ignore_errors=True)

    # load

    def load(self, server, queries, seconds=2, window=256, cores=CLIENT, clients=1, rate=None, count=None, interval=None, busy=False):
        """The generator's figures; with interval also "series", a list of those of each interval. busy: it never sleeps; not where an
        upstream needs its core too."""
        command = ["taskset", "-c", cores, self.tools / "bench-gen", "-q", self.home / queries, "-s", f"127.0.0.1:{server.port}",
                   "-t", str(seconds), "-c", str(clients), "-p", str(server.pid)]
        command += ["-r", str(rate)] if rate else ["-w", str(window)]
        command += ["-n", str(count)] if count else []
        command += ["-i", str(interval)] if interval else []
        command += ["-b"] if busy and not self.polls else []
        lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
        series = [{k: float(v) for k, v in re.findall(r"(\w+)=([0-9.]+)", line)} for line in lines]
        return {**series[-1], "series": series[:-1]}

    def fill(self, server, queries):
        """Every name of a file into the cache; twice, should a first one have got lost."""
        count = sum(1 for _ in open(self.home / queries, encoding="ascii"))
        for _ in range(2):
            self.load(server, queries, seconds=FILL_S, window=64, count=count)

    # what is asked

    def bulk(self, count):
        """A file of so many names that look like those of block lists, always the same ones."""
        path = self.home / f"bulk-{count}.txt"
        if not path.exists():
            with open(path, "wb") as out:
                subprocess.run([self.tools / "bench-names", str(count)], stdout=out, check=True)
        return path

    def sample(self, count):
        """Some of those names, shuffled."""
        step = max(1, count // BLOCKED_SAMPLE)
        with open(self.bulk(count), encoding="ascii") as f:
            names = [line.rstrip("\n") for i, line in enumerate(f) if i % step == 0][:BLOCKED_SAMPLE]
        random.Random(SEED).shuffle(names)
        return names

    def write(self, name, lines):
        name += ".queries"
        (self.home / name).write_text("".join(line + "\n" for line in lines), encoding="ascii")
        return name

    def blocked(self, count):
        return self.write(f"blocked-{count}", (f"B {n}" for n in self.sample(count)))

    def cached(self, names=CACHED_NAMES):
        return self.write(f"cached-{names}", (f"F {n}" for n in free_names(names)))

    def forwarded(self):
        return self.write("forwarded", (f"U u{i}.example.net" for i in range(2000)))

    def mix(self, count):
        """20 % blocked, 75 % of names that not all are asked alike often (Zipf), 5 % never asked before."""
        rng = random.Random(SEED)
        blocked, free = self.sample(count), free_names(ZIPF_NAMES)
        total, weights = 0.0, []
        for rank in range(1, ZIPF_NAMES + 1):
            total += 1 / rank
            weights.append(total)
        often = iter(rng.choices(free, cum_weights=weights, k=MIX_LINES))
        kinds = rng.choices("BFU", (20, 75, 5), k=MIX_LINES)
        ask = {"B": lambda i: f"B {rng.choice(blocked)}", "F": lambda i: f"F {next(often)}", "U": lambda i: f"U u{i % 2000}.example.net"}
        return self.write(f"mix-{count}", (ask[kind](i) for i, kind in enumerate(kinds)))

    def hits(self, count):
        """Blocked and cached names in turn."""
        pairs = zip(self.sample(count), free_names(CACHED_NAMES) * (BLOCKED_SAMPLE // CACHED_NAMES))
        return self.write(f"hits-{count}", (line for b, f in pairs for line in (f"B {b}", f"F {f}")))

    def churn(self, unique_percent):
        rng = random.Random(SEED)
        free = free_names(CACHED_NAMES)
        return self.write(f"churn-{unique_percent}", (f"U u{i % 2000}.example.net" if rng.randrange(100) < unique_percent
                                                      else f"F {rng.choice(free)}" for i in range(MIX_LINES)))


def free_names(count):
    """Names that no list of ours holds, so that the upstream is asked."""
    words = ("mail", "www", "shop", "news", "img", "api")
    return [f"host{i}.{words[i % len(words)]}.example.{'net' if i % 2 else 'org'}" for i in range(count)]


def machine():
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), os.uname().machine)
    return f"{model}, {os.cpu_count()} cores, Linux {os.uname().release}"
