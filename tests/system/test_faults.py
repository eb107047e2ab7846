# SPDX-License-Identifier: BSD-2-Clause
"""Outages, files that run out, and signals, each under load: what can be answered is answered all the while, and all is well soon after."""
import random
import resource
import signal
import socket
import struct
import subprocess
import threading
import time

import pytest

from harness import fake as F
from harness.ask import ANSWER_S, Load, ask, blocked, eventually, header, question, rcode, rcode_of, rrs
from harness.fake import Fake
from harness.ports import free_port

RECOVERY_S = 2.0
LISTS = {"lists": [{"name": "l", "file": "l.yaml"}]}
FILES = {"l.yaml": "entries: [blocked.example]\n"}
ALWAYS = [("blocked.example", "A", lambda m: rcode_of(m) == 3)] * 2 + [(f"c{i}.example", "A", lambda m: rcode_of(m) == 0 and m[6:8] == b"\0\1")
                                                                     for i in range(20)]


class Late:
    """How late this machine is, at worst: a thread that wants to run every 10 ms, while the block is run."""

    def __enter__(self):
        self.worst, self.stopping = 0.0, threading.Event()
        self.thread = threading.Thread(target=self._watch)
        self.thread.start()
        return self

    def _watch(self):
        last = time.monotonic()
        while not self.stopping.wait(0.01):
            now = time.monotonic()
            self.worst = max(self.worst, now - last - 0.01)
            last = now

    def __exit__(self, *_):
        self.stopping.set()
        self.thread.join()


class Upstreams:
    """Two, which go away together: silent, or gone with nobody at their ports."""

    def __init__(self, how):
        self.how, self.ports = how, [free_port() for _ in range(2)]
        self.fakes = [Fake(port=port) for port in self.ports]

    def leave(self):
        for fake in self.fakes:
            if self.how == "silent":
                fake.default = F.silence
            else:
                fake.close()

    def come_back(self):
        for i, fake in enumerate(self.fakes):
            if self.how == "silent":
                fake.default = F.answer("192.0.2.200")
            else:
                self.fakes[i] = Fake(port=self.ports[i])

    def close(self):
        for fake in self.fakes:
            fake.close()


@pytest.fixture(params=["silent", "gone"])
def upstreams(request):
    one = Upstreams(request.param)
    yield one
    one.close()


class Unique(Load):
    """Names that nobody has asked before; whether they are answered is not their matter, but that something comes."""

    def __init__(self, daemon, clients):
        super().__init__(daemon, self, clients)
        self.lock_number, self.number = threading.Lock(), 0

    def __len__(self):
        return 1

    def __getitem__(self, _):
        with self.lock_number:
            self.number += 1
            return f"u{self.number}.example", "A", lambda m: rcode_of(m) in (0, 2)


def test_every_upstream_dead_and_then_back(saringd, upstreams):
    daemon = saringd({"upstream": {"servers": [f.endpoint for f in upstreams.fakes], "timeout": "1s"}, **LISTS}, FILES)
    for name, rdtype, _ in ALWAYS:
        ask(daemon, name, rdtype)
    with Load(daemon, ALWAYS, clients=2) as always, Unique(daemon, 8) as unique:
        for _ in range(2):
            upstreams.leave()
            eventually(lambda: all(u["state"] != "up" for u in daemon.status()["upstream"]), "all are seen to be down", timeout_s=60)
            always.reach(200)
            unique.reach(40)
            assert blocked(ask(daemon, "blocked.example", tcp=True))
            with Late() as late:
                upstreams.come_back()
                began, i = time.monotonic(), 0
                while rcode(ask(daemon, f"back{i}-{began}.example".replace("back", "b", 1))) != "NOERROR":
                    i += 1
                    assert time.monotonic() - began < ANSWER_S
                took = time.monotonic() - began
            # a server may be seen late by as much as this machine is late, at each of some turns
            assert took < RECOVERY_S + 10 * late.worst, f"{took} s, on a machine that is up to {late.worst} s late"
            unique.reach(40)
    assert daemon.queries()["total"] > 400


def test_a_dead_server_gets_no_more_than_probes(saringd, fake):
    """One in each interval of 250 ms, 500 ms, 1 s and then 1.5 s, whatever is asked; every second one is about the root's SOA."""
    dead, alive = fake(F.silence), fake()
    daemon = saringd({"upstream": {"servers": [dead.endpoint, alive.endpoint], "strategy": "ordered"}}, workers=1)
    with Unique(daemon, 4) as unique:
        def is_down():
            return daemon.status()["upstream"][0]["state"] != "up"
        eventually(is_down, "it is seen to be down", timeout_s=60)
        began = time.monotonic()

        def enough():
            assert is_down()
            return time.monotonic() - began > 4 and len(dead.asked(".", "SOA")) >= 2
        eventually(enough, "some probes", every_s=0.2)
        took, probes = time.monotonic() - began, len(dead.asked(".", "SOA"))
    # the others are names that clients asked for: some are also asked of it because this machine made the other one late
    assert 2 <= probes <= (3 + took / 1.5) / 2 + 1, f"{probes} in {took} s"
    assert len(alive.asked()) > 100 and unique.asked > 100


def test_all_dead_and_no_herd(saringd, fake):
    """What reaches the dead, of all that is asked: probes, and as a last resort a few asks at a time."""
    dead = [fake(F.silence) for _ in range(2)]
    daemon = saringd({"upstream": {"servers": [d.endpoint for d in dead], "timeout": "1s"}}, workers=2)
    with Unique(daemon, 16) as unique:
        eventually(lambda: all(u["state"] != "up" for u in daemon.status()["upstream"]), "all are seen to be down", timeout_s=60)
        before, began = sum(len(d.asked()) for d in dead), time.monotonic()
        unique.reach(80)
        took, came = time.monotonic() - began, sum(len(d.asked()) for d in dead) - before
    # 32 at a time in each of two workers, each some sends in its second
    assert came <= (took + 1) * 2 * 32 * 4, f"{came} in {took} s"


# files that run out


def limited(saringd, home, files, config, lists):
    """A daemon with so few files."""
    folder = home / "few"
    folder.mkdir()
    real = saringd(start=False).build
    (folder / "saringd").write_text(f'#!/bin/sh\nulimit -n {files} && exec "{real}/saringd" "$@"\n')
    (folder / "saringd").chmod(0o755)
    for name in ("saringctl", "saring-compile", "saring-fetch"):
        (folder / name).symlink_to(real / name)
    return saringd(config, lists, binaries=folder)


def test_files_all_wanted_at_once(saringd, fake, home):
    """By TCP clients and by questions under way, far more than there are: lists are edited and reloaded nevertheless."""
    gate = threading.Event()
    up = fake(F.hold(gate, F.answer("192.0.2.200")))
    up.on("c.example", F.answer("192.0.2.1"))
    daemon = limited(saringd, home, 96, {"upstream": {"servers": [up.endpoint], "timeout": "30s"}, **LISTS}, FILES)
    assert rrs(ask(daemon, "c.example")) == ["192.0.2.1"]
    crowd = []
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.connect(("127.0.0.1", daemon.port))
            for i in range(300):
                s.send(header(i) + question(f"slow{i}", "example"))
            for i in range(200):
                one = socket.socket()
                one.bind((f"127.0.1.{i % 50 + 1}", 0))
                one.settimeout(ANSWER_S)
                one.connect(("127.0.0.1", daemon.port))
                crowd.append(one)
            with Load(daemon, ALWAYS[:2] + [("c.example", "A", lambda m: rcode_of(m) == 0)], clients=2) as load:
                for i in range(3):
                    daemon.ctl("list", "add", "l", f"e{i}.example")
                    assert blocked(ask(daemon, f"e{i}.example"))
                    daemon.ctl("reload")
                    load.reach(50)
            gate.set()
    finally:
        gate.set()
        for one in crowd:
            one.close()
    eventually(lambda: rcode(ask(daemon, "after.example")) == "NOERROR", "all is as before", timeout_s=60)
    assert blocked(ask(daemon, "blocked.example", tcp=True))


def test_no_file_left_at_all(saringd, fake):
    """The limit is lowered under what is open: nobody can be accepted. UDP goes on, and the listening sockets are looked at now and
    then, not all the time."""
    daemon = saringd({"upstream": {"servers": [fake().endpoint]}, **LISTS}, FILES, workers=2)
    ask(daemon, "c.example")
    pid = daemon.process.pid
    before = daemon.status()["counters"]["tcp_accept_failed"]
    old = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    began = time.monotonic()
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, old[1]))
    try:
        clients = [socket.create_connection(("127.0.0.1", daemon.port), timeout=ANSWER_S) for _ in range(32)]
        with Load(daemon, ALWAYS[:2] + [("c.example", "A", lambda m: rcode_of(m) == 0)], clients=2) as load:
            while time.monotonic() - began < 3:
                load.reach(50)
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, old)
    took = time.monotonic() - began
    for i, client in enumerate(clients):
        wire = header(i) + question("blocked", "example")
        client.sendall(struct.pack(">H", len(wire)) + wire)
        assert client.recv(4)[2:] == struct.pack(">H", i), "who waited is served now"
        client.close()
    failed = daemon.status()["counters"]["tcp_accept_failed"] - before
    listeners = 2 * len(daemon.udp)
    assert 1 <= failed <= listeners * (took / 0.1 + 2), f"{failed} times in {took} s"
    assert daemon.stderr().count("tcp.accept.failed") <= 2, "said once a minute"
    daemon.ctl("list", "add", "l", "e.example")
    assert blocked(ask(daemon, "e.example"))


# signals


def put(daemon, *names):
    """At once, as editors do it: a reload may read at any moment."""
    fresh = daemon.home / "l.yaml.fresh"
    fresh.write_text(f"entries: [{', '.join(names)}]\n")
    fresh.rename(daemon.home / "l.yaml")


def test_bursts_of_signals(saringd, fake):
    daemon = saringd({"upstream": {"servers": [fake().endpoint]}, **LISTS}, FILES)
    rng = random.Random(1)
    sent = 0
    with Load(daemon, ALWAYS, clients=2) as load:
        for burst in range(8):
            put(daemon, "blocked.example", f"s{burst}.example")
            for _ in range(30):
                one = rng.choice((signal.SIGHUP, signal.SIGHUP, signal.SIGPIPE, signal.SIGUSR1, signal.SIGUSR2))
                sent += one == signal.SIGHUP
                daemon.signal(one)
            daemon.signal(signal.SIGHUP)
            load.reach(50)
            eventually(lambda name=f"s{burst}.example": blocked(ask(daemon, name)), "the last one counts")
        assert daemon.process.poll() is None
    generation = daemon.status()["policy"]["generation"]
    assert 8 <= generation - 1 < sent / 2, f"{generation} for {sent} signals: they are merged"


def test_signals_during_a_reload(saringd, fake):
    """Whatever comes while lists are read makes one more run, which sees the newest text."""
    daemon = saringd({"upstream": {"servers": [fake().endpoint]}, **LISTS}, FILES)
    for i in range(5):
        generation = daemon.status()["policy"]["generation"]
        with subprocess.Popen([daemon.build / "saringctl", "-c", daemon.config_path, "reload"], env=daemon.environment(), stdout=subprocess.DEVNULL) as ctl:
            put(daemon, "blocked.example", f"d{i}.example")
            for _ in range(20):
                daemon.signal(signal.SIGHUP)
            assert ctl.wait(60) == 0
        eventually(lambda name=f"d{i}.example": blocked(ask(daemon, name)), "the newest text")
        daemon.ctl("reload")
        assert daemon.status()["policy"]["generation"] - generation <= 6


def test_sigterm_under_load(saringd, fake):
    """What was sent before it is answered, although nothing of it had been read; and what upstreams are quick to answer. Then it ends."""
    later = threading.Event()
    up = fake()
    up.on("soon.example", F.hold(later, F.answer("192.0.2.7")))
    daemon = saringd({"upstream": {"servers": [up.endpoint]}, **LISTS}, FILES, workers=2)
    ask(daemon, "c.example")
    sockets = []
    for _ in range(20):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.connect(("127.0.0.1", daemon.port))
        s.settimeout(ANSWER_S)
        sockets.append(s)
    stream = socket.create_connection(("127.0.0.1", daemon.port), timeout=ANSWER_S)
    wire = header(1) + question("soon", "example")
    stream.sendall(struct.pack(">H", len(wire)) + wire)
    eventually(lambda: up.asked("soon.example"), "it is under way")
    daemon.signal(signal.SIGSTOP)
    for n, s in enumerate(sockets):
        for i in range(50):
            s.send(header(n * 100 + i) + question("blocked" if i % 2 else "c", "example"))
    wire = header(2) + question("blocked", "example")
    stream.sendall(struct.pack(">H", len(wire)) + wire)
    daemon.signal(signal.SIGTERM)
    with Late() as late:
        daemon.signal(signal.SIGCONT)
        later.set()
        began = time.monotonic()
        for n, s in enumerate(sockets):
            got = {struct.unpack(">H", s.recv(4096)[:2])[0] for _ in range(50)}
            assert got == {n * 100 + i for i in range(50)}
            s.close()
        with stream.makefile("rb") as answers:
            got = {struct.unpack(">H", answers.read(struct.unpack(">H", answers.read(2))[0])[:2])[0] for _ in range(2)}
        assert got == {1, 2}
        stream.close()
        assert daemon.process.wait(60) == 0
        took = time.monotonic() - began
    assert took < 5 + 10 * late.worst


def test_a_storm_of_reloads(saringd, fake):
    """Every answer is of the one text or of the other, whole; none is lost. At full rate on demand: tests/soak/storm.py."""
    daemon = saringd({"upstream": {"servers": [fake().endpoint]}, **LISTS}, FILES)
    texts = (["blocked.example", *(f"even{i}.example" for i in range(200))], ["blocked.example", *(f"odd{i}.example" for i in range(200))])
    either = [(f"{kind}{i}.example", "A", lambda m: rcode_of(m) in (0, 3)) for kind in ("even", "odd") for i in range(0, 200, 20)]
    with Load(daemon, ALWAYS + either, clients=4) as load:
        for i in range(20):
            put(daemon, *texts[i % 2])
            daemon.ctl("reload")
            assert blocked(ask(daemon, f"{('even', 'odd')[i % 2]}7.example")) and not blocked(ask(daemon, f"{('odd', 'even')[i % 2]}7.example"))
        load.reach(50)
    assert daemon.status()["policy"]["generation"] >= 21 and daemon.queries()["failed"] == 0
