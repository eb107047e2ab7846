# SPDX-License-Identifier: BSD-2-Clause
"""A restart without a lost query: the service manager keeps the sockets, the kernel what comes by them meanwhile, and the next saringd
answers it. No client here asks anything twice."""
import os
import pathlib
import random
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

import dns.message
import pytest

from harness.ask import ANSWER_S, Load, ask, blocked, ede, eventually, header, opt, question, rcode, rrs
from harness.daemon import has_ipv6, sanitized
from harness.fake import answer, hold, silence
from harness.manager import Manager
from harness.ports import free_port

RATE = 150 if sanitized() else 600  # queries a second that come whether others are answered or not
ADDRESS = "192.0.2.200"  # what the fake upstream says


FAR_AWAY = """
import sys
from harness.quick import Quick
far = Quick(lambda label: 0.03)
print(far.endpoint, flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def far_away():
    """An upstream 30 ms away, so that there are always some questions under way; a process of its own, which does not wait its turn with
    the clients here."""
    with subprocess.Popen([sys.executable, "-B", "-c", FAR_AWAY], cwd=pathlib.Path(__file__).parent, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          text=True) as process:
        yield process.stdout.readline().strip()
        process.stdin.close()


@pytest.fixture
def manager(home, far_away):
    """A factory of daemons under the stand-in for systemd."""
    made = []

    def make(config=None, start=True, upstream=None, **more):
        port = free_port()
        folder = home / f"m{len(made)}"
        folder.mkdir()
        one = Manager(folder, {"listen": [f"dns://127.0.0.1:{port}"], "upstream": {"servers": [upstream.endpoint if upstream else far_away], "timeout": "30s"},
                               "lists": [{"name": "l", "file": "l.yaml"}], **(config or {})},
                      {"l.yaml": "entries: [blocked.example]\n"}, **more)
        made.append(one)
        return one.start() if start else one

    yield make
    faults = []
    for one in made:
        try:
            one.stop()
        except AssertionError as fault:
            faults.append(fault)
    if faults:
        raise faults[0]


def is_blocked(wire):
    return blocked(dns.message.from_wire(wire))


def is_open(wire):
    return rrs(dns.message.from_wire(wire)) == [ADDRESS]


NOT_READY = 14    # RFC 8914
GIVEN_UP_S = 0.9  # saringd waits a second for its upstreams before it says that


def is_given_up(wire, took_s):
    """On a machine so busy that the upstream took longer than a stop: told so, and not before its time."""
    reply = dns.message.from_wire(wire)
    return rcode(reply) == "SERVFAIL" and (ede(reply) or (0,))[0] == NOT_READY and took_s >= GIVEN_UP_S


QUESTIONS = [("blocked.example", "A", is_blocked), ("open.example", "A", lambda wire: is_open(wire) or is_given_up(wire, GIVEN_UP_S))]


class Flow:
    """Queries that come at a steady rate by many sockets, each once. What was sent when is known, and what was answered rightly."""

    def __init__(self, daemon, sockets=16, fresh=0.2):
        self.daemon, self.fresh = daemon, fresh
        self.stopping, self.all_sent = threading.Event(), threading.Event()
        self.sent = {}      # (socket, id) -> when, name
        self.answered = {}  # the same -> when
        self.wrong = []
        self.given_up = 0
        self.sockets = []
        for _ in range(sockets):
            s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)  # the answers to all that waited come at once
            s.connect(("127.0.0.1", daemon.port))
            s.settimeout(0.1)
            self.sockets.append(s)
        self.threads = [threading.Thread(target=self._hear, args=(i,), daemon=True) for i in range(sockets)]
        self.sender = threading.Thread(target=self._send, daemon=True)

    def _send(self):
        rng = random.Random(1)
        begun, count = time.monotonic(), 0
        while not self.stopping.is_set():
            due = int((time.monotonic() - begun) * RATE)
            for _ in range(count, due):
                at = count % len(self.sockets)
                qid = count // len(self.sockets) % 0x10000
                dice = rng.random()
                name = "blocked.example" if dice < 0.4 else f"n{count}.example" if dice < 0.4 + self.fresh else "open.example"
                self.sent[at, qid] = (time.monotonic(), name)
                self.sockets[at].send(header(qid, ar=1) + question(*name.split(".")) + opt())
                count += 1
            time.sleep(0.002)  # the pace of what comes

    def _hear(self, at):
        while not self.all_sent.is_set() or len(self.sent) > len(self.answered):
            try:
                wire = self.sockets[at].recv(65535)
            except TimeoutError:
                if self.all_sent.is_set() and time.monotonic() > self.end:
                    return
                continue
            qid = struct.unpack(">H", wire[:2])[0]
            when, name = self.sent[at, qid]
            if name != "blocked.example" and is_given_up(wire, time.monotonic() - when):
                self.given_up += 1
            elif not (is_blocked(wire) if name == "blocked.example" else is_open(wire)):
                reply = dns.message.from_wire(wire)
                self.wrong.append((name, rcode(reply), ede(reply), round(time.monotonic() - when, 3)))
            self.answered[at, qid] = time.monotonic()

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        self.sender.start()
        return self

    def __exit__(self, *failed):
        self.stopping.set()
        self.sender.join(ANSWER_S + 5)  # it may be in the middle of what is due
        self.end = time.monotonic() + ANSWER_S
        self.all_sent.set()
        for thread in self.threads:
            thread.join(ANSWER_S + 5)
        self.overflows = self._overflows()
        for s in self.sockets:
            s.close()

    def _overflows(self):
        """Answers that came, and for which a client here had no room."""
        mine = {str(os.fstat(s.fileno()).st_ino) for s in self.sockets}
        rows = [line.split() for line in pathlib.Path("/proc/net/udp").read_text().splitlines()[1:]]
        return sum(int(row[12]) for row in rows if row[9] in mine)

    def lost(self):
        return [(when, name) for key, (when, name) in self.sent.items() if key not in self.answered]


def test_what_is_kept(manager):
    """A socket of UDP and of TCP for each worker and endpoint; the next process has the very same."""
    daemon = manager(workers=2)
    assert {name: len(fds) for name, fds in daemon.store.items()} == {f"saringd-{proto}-127.0.0.1_{daemon.port}": 2 for proto in ("udp", "tcp")}
    before = {name: sorted(fds) for name, fds in daemon.store.items()}
    port = daemon.port
    daemon.restart()
    assert daemon.port == port
    assert {name: sorted(fds) for name, fds in daemon.store.items()} == before, "they are not given a second time"
    assert blocked(ask(daemon, "blocked.example")) and blocked(ask(daemon, "blocked.example", tcp=True))


def test_what_came_while_nobody_was_there(manager):
    daemon = manager()
    port = daemon.port
    daemon.end()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, socket.create_connection(("127.0.0.1", port)) as tcp:
        wire = header() + question("blocked", "example")
        udp.connect(("127.0.0.1", port))
        udp.settimeout(ANSWER_S)
        tcp.settimeout(ANSWER_S)
        for _ in range(100):
            udp.send(wire)
        tcp.sendall(struct.pack(">H", len(wire)) + wire)
        daemon.start()
        assert all(is_blocked(udp.recv(65535)) for _ in range(100))
        assert is_blocked(tcp.recv(65535)[2:])


def test_twenty_restarts_under_load(manager):
    """By SIGTERM: nothing is lost, nothing is wrong, by UDP and by new connections of TCP; questions wait for the upstream meanwhile."""
    daemon = manager()
    with Load(daemon, QUESTIONS, clients=3) as udp, Load(daemon, QUESTIONS, clients=3, tcp=True) as tcp, Flow(daemon) as flow:
        for i in range(20):
            daemon.restart()
            udp.reach(3)
            tcp.reach(3)
    assert not udp.wrong and not tcp.wrong and not flow.wrong, (udp.wrong[:3], tcp.wrong[:3], flow.wrong[:3])
    assert not flow.lost() and not tcp.lost and not udp.lost, (flow.lost()[:5], tcp.lost, udp.lost)
    assert flow.given_up < len(flow.sent) / 4, "most were answered, not given up"
    assert len(flow.sent) > 20 * RATE / 20 and daemon.stderr().count(" ready ") == 21


def test_killed(manager):
    """SIGKILL takes what had been read, and nothing else: whatever came after it is answered by the next."""
    daemon = manager()
    killed = []
    with Flow(daemon) as flow:
        for _ in range(8):
            answered = len(flow.answered)
            killed.append(time.monotonic())
            daemon.end(signal.SIGKILL)
            killed[-1] = (killed[-1], time.monotonic())
            daemon.start()
            eventually(lambda: len(flow.answered) > answered + 50, "it serves again")
    assert not flow.wrong
    for when, name in flow.lost():
        assert any(from_ - 1 < when <= to for from_, to in killed), f"{name} was asked when nobody was killed"


def test_who_waits_is_answered(manager, fake):
    """Asked of an upstream server before SIGTERM, answered by it after: whoever waits gets that answer, on whatever worker, and it ends."""
    answers_now = threading.Event()
    up = fake(hold(answers_now, answer(ADDRESS)))
    daemon = manager(upstream=up, workers=3)
    wire = header(ar=1) + question("held", "example") + opt()
    clients = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(12)]
    with socket.create_connection(("127.0.0.1", daemon.port), ANSWER_S) as tcp:
        for client in clients:
            client.connect(("127.0.0.1", daemon.port))
            client.settimeout(ANSWER_S)
            client.send(wire)
        tcp.sendall(struct.pack(">H", len(wire)) + wire)
        eventually(lambda: up.asked("held.example"), "it is asked")
        # what came before this one was read before it: of each worker one, as its sockets are hashed to
        for client in clients:
            client.send(header(7) + question("blocked", "example"))
            assert client.recv(65535)[:2] == b"\0\7"
        daemon.forget_notes()
        daemon.signal(signal.SIGTERM)
        assert daemon.wait_note("STOPPING=1")
        answers_now.set()
        assert all(is_open(client.recv(65535)) for client in clients)
        assert is_open(tcp.recv(65535)[2:])
        assert daemon.process.wait(ANSWER_S) == 0
    for client in clients:
        client.close()


def test_slow_servers_do_not_hold_up_the_rest(manager, fake):
    """Who waits for a server that does not answer is told so after a second, and does not wait for the successor in vain."""
    up = fake(silence)
    daemon = manager(upstream=up, start=False)
    daemon.configure(upstream={"servers": [up.endpoint], "timeout": "60s"})
    daemon.start()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, socket.create_connection(("127.0.0.1", daemon.port)) as tcp:
        wire = header(ar=1) + question("slow", "example") + opt()
        udp.connect(("127.0.0.1", daemon.port))
        udp.settimeout(ANSWER_S)
        tcp.settimeout(ANSWER_S)
        udp.send(wire)
        tcp.sendall(struct.pack(">H", len(wire)) + wire.replace(b"slow", b"sloe"))
        eventually(lambda: {"slow.example", "sloe.example"} <= {ask_.folded for ask_ in up.asked()}, "both are under way")
        daemon.restart()
        assert rcode(dns.message.from_wire(udp.recv(65535))) == "SERVFAIL"
        assert rcode(dns.message.from_wire(tcp.recv(65535)[2:])) == "SERVFAIL"


@pytest.mark.parametrize("numbers", [(1, 2), (2, 1), (3, 2), (1, 4)], ids=lambda n: f"{n[0]}to{n[1]}")
def test_other_workers(manager, numbers):
    """With another number of workers nothing is lost either: one reads several sockets, or more are opened."""
    before, after = numbers
    daemon = manager(workers=before)
    with Load(daemon, QUESTIONS, clients=6) as udp, Load(daemon, QUESTIONS, clients=3, tcp=True) as tcp, Flow(daemon) as flow:
        for count in (after, before, after):
            daemon.restart(workers=count)
            assert daemon.status()["workers"] == count
            udp.reach(6)
            tcp.reach(3)
    assert not (udp.wrong + tcp.wrong + flow.wrong + udp.lost + tcp.lost + flow.lost()), (flow.overflows, len(flow.sent), daemon.stderr()[-3000:])
    assert {len(fds) for fds in daemon.store.values()} == {max(numbers)}


def test_other_endpoints(manager):
    """What `listen` names no more is given back; what stays, stays; what is new is opened and kept."""
    daemon = manager()
    port, other = daemon.port, free_port()
    with Load(daemon, QUESTIONS) as load:
        daemon.restart(listen=[f"dns://127.0.0.1:{port}", f"dns://127.0.0.2:{other}"])
        load.reach(5)
        assert blocked(ask(other, "blocked.example", host="127.0.0.2"))
        daemon.restart(listen=[f"dns://127.0.0.1:{port}"])
        load.reach(5)
    assert not load.wrong
    eventually(lambda: {name.split("_")[-1] for name in daemon.store} == {str(port)}, "the store has let go of the other")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.2", other))
    assert f"127.0.0.2:{other}" in daemon.stderr()


def test_from_wildcard_to_address(manager):
    """The old socket would be in the way: it goes first."""
    daemon = manager(start=False)
    port = int(daemon.config["listen"][0].rsplit(":", 1)[1])
    daemon.configure(listen=[f"dns://0.0.0.0:{port}"])
    daemon.start()
    daemon.restart(listen=[f"dns://127.0.0.1:{port}"])
    assert blocked(ask(daemon, "blocked.example"))
    daemon.restart(listen=[f"dns://0.0.0.0:{port}"])
    daemon.udp["127.0.0.1"] = port
    assert blocked(ask(daemon, "blocked.example"))
    eventually(lambda: set(daemon.store) == {f"saringd-{proto}-0.0.0.0_{port}" for proto in ("udp", "tcp")}, "only the newest is kept")


def test_any_port_is_the_port_it_was(manager):
    daemon = manager(start=False)
    daemon.configure(listen=["dns://127.0.0.1:0"] + (["dns://[::1]:0"] if has_ipv6() else []))
    daemon.start()
    ports = dict(daemon.udp)
    daemon.restart()
    assert daemon.udp == ports


def test_a_manager_that_keeps_nothing(manager):
    """Nothing is handed over: it opens its sockets again, as ever."""
    daemon = manager(keeps=False)
    for _ in range(3):
        daemon.restart()
        assert blocked(ask(daemon, "blocked.example")) and blocked(ask(daemon, "blocked.example", tcp=True))
    assert not daemon.store
