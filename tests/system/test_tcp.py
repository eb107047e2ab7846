# SPDX-License-Identifier: BSD-2-Clause
"""DNS over TCP (RFC 7766): framing, pipelining, half-closed connections, and clients that behave badly."""
import random
import socket
import struct
import threading

import pytest

from harness import fake as F
from harness.ask import ANSWER_S, ask, blocked, eventually, header, opt, question, rcode_of, rrs


@pytest.fixture
def up(fake):
    return fake()


@pytest.fixture
def daemon(saringd, up):
    return saringd({"upstream": {"servers": [up.endpoint], "timeout": "20s"}, "lists": [{"name": "l", "file": "l.yaml"}]},
                   {"l.yaml": "entries: [blocked.example]\n"})


class Stream:
    def __init__(self, daemon, host="127.0.0.1"):
        self.socket = socket.create_connection((host, daemon.udp[host]), ANSWER_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, *wires):
        self.socket.sendall(b"".join(struct.pack(">H", len(w)) + w for w in wires))

    def exactly(self, n):
        data = b""
        while len(data) < n:
            piece = self.socket.recv(n - len(data))
            if not piece:
                raise EOFError(data)
            data += piece
        return data

    def answer(self):
        return self.exactly(struct.unpack(">H", self.exactly(2))[0])

    def closed(self):
        """Wait for the server's end of it: no byte more."""
        try:
            return self.socket.recv(1) == b""
        except ConnectionResetError:
            return True


def query(qid, *labels, rdtype=1):
    return header(qid, ar=1) + question(*labels, rdtype=rdtype) + opt()


def test_one_after_the_other(daemon):
    with Stream(daemon) as s:
        for i in range(50):
            s.send(query(i, "blocked", "example") if i % 2 else query(i, f"n{i}", "example"))
            answer = s.answer()
            assert answer[:2] == struct.pack(">H", i) and rcode_of(answer) == (3 if i % 2 else 0)


def test_pipelined(daemon):
    """A hundred questions in one write; every answer once, in any order."""
    with Stream(daemon) as s:
        s.send(*(query(i, "blocked", "example") if i % 2 else query(i, f"n{i}", "example") for i in range(100)))
        got = {}
        for _ in range(100):
            answer = s.answer()
            got[struct.unpack(">H", answer[:2])[0]] = rcode_of(answer)
    assert got == {i: 3 if i % 2 else 0 for i in range(100)}


def test_a_slow_answer_holds_up_no_other(daemon, up):
    gate = threading.Event()
    up.on("slow.example", F.hold(gate, F.answer("192.0.2.1")))
    with Stream(daemon) as s:
        s.send(query(1, "slow", "example"), query(2, "quick", "example"), query(3, "blocked", "example"))
        assert {s.answer()[1], s.answer()[1]} == {2, 3}
        gate.set()
        assert s.answer()[1] == 1


def test_byte_by_byte(daemon):
    wire = query(7, "blocked", "example")
    with Stream(daemon) as s:
        for byte in struct.pack(">H", len(wire)) + wire:
            s.socket.sendall(bytes([byte]))
        assert rcode_of(s.answer()) == 3
        # the end of one message and the beginning of the next in one segment
        both = b"".join(struct.pack(">H", len(w)) + w for w in (query(8, "blocked", "example"), query(9, "open", "example")))
        rng = random.Random(1)
        at = 0
        while at < len(both):
            step = rng.randrange(1, 9)
            s.socket.sendall(both[at:at + step])
            at += step
        assert {s.answer()[1], s.answer()[1]} == {8, 9}


def test_half_closed(daemon, up):
    """A client that has said all it wants still gets every answer, then the end."""
    gate = threading.Event()
    up.on("slow.example", F.hold(gate, F.answer("192.0.2.1")))
    with Stream(daemon) as s:
        s.send(query(1, "slow", "example"), query(2, "blocked", "example"))
        s.socket.shutdown(socket.SHUT_WR)
        assert s.answer()[1] == 2
        eventually(lambda: up.asked("slow.example"), "the slow one is under way")
        gate.set()
        assert s.answer()[1] == 1
        assert s.closed()


def test_half_closed_with_more_than_may_be_under_way(daemon, up):
    """More questions than one connection may have under way, then the farewell: those that had to wait are answered too."""
    gates = {name: threading.Event() for name in ("slow", "first")}
    for name, gate in gates.items():
        up.on(f"{name}.example", F.hold(gate, F.answer("192.0.2.1")))
    with Stream(daemon) as s:
        s.send(query(0, "first", "example"), *(query(i, "slow", "example") for i in range(1, 110)))
        s.socket.shutdown(socket.SHUT_WR)
        eventually(lambda: up.asked("first.example") and up.asked("slow.example"), "both are under way")
        gates["first"].set()
        assert s.answer()[1] == 0  # one place is free: the next question is read, and the farewell with it
        gates["slow"].set()
        assert {s.answer()[1] for _ in range(109)} == set(range(1, 110))
        assert s.closed()


def test_pipelined_for_large_answers(daemon, up):
    """Answers beyond what may wait to be taken, all asked for in one write: the rest is not forgotten when they have gone out."""
    up.on("huge.example", F.truncated(F.records(*(f'300 TXT "{i:04d}{"x" * 240}"' for i in range(200)))))
    ask(daemon, "huge.example", "TXT", tcp=True)
    with Stream(daemon) as s:
        s.send(*(query(i, "huge", "example", rdtype=16) for i in range(25)))
        assert {struct.unpack(">H", s.answer()[:2])[0] for _ in range(25)} == set(range(25))


@pytest.mark.parametrize("garbage", [b"\0\0", b"\0\x05hello", b"\0\x0b" + b"x" * 11])
def test_messages_that_are_none(daemon, garbage):
    """Length zero or shorter than a header: the connection ends, nothing else does."""
    with Stream(daemon) as s:
        s.socket.sendall(garbage)
        assert s.closed()
    assert blocked(ask(daemon, "blocked.example", tcp=True))


def test_answers_are_not_answered(daemon):
    with Stream(daemon) as s:
        s.send(header(1, flags=0x8180) + question("blocked", "example"), query(2, "blocked", "example"))
        try:
            assert s.answer()[1] == 2
        except (EOFError, ConnectionResetError):
            pass  # or thrown out: both are right, an answer is not
    assert blocked(ask(daemon, "blocked.example", tcp=True))


def test_malformed_is_told(daemon):
    with Stream(daemon) as s:
        s.send(query(1, "blocked", "example") + b"trailing")
        assert rcode_of(s.answer()) == 1
        s.send(header(2, flags=0x2000, qd=0))
        assert rcode_of(s.answer()) == 4
        s.send(query(3, "blocked", "example"))
        assert rcode_of(s.answer()) == 3


def test_clients_that_vanish(daemon, up):
    """Gone with questions under way, and gone without reading: the daemon goes on."""
    gate = threading.Event()
    up.on("slow.example", F.hold(gate, F.answer("192.0.2.1")))
    for i in range(20):
        s = Stream(daemon)
        s.send(*(query(j, "slow", "example") for j in range(10)))
        if i % 2:
            s.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset, not a farewell
        s.socket.close()
    eventually(lambda: up.asked("slow.example"), "they were heard")
    gate.set()
    assert rrs(ask(daemon, "slow.example", tcp=True)) == ["192.0.2.1"]
    assert blocked(ask(daemon, "blocked.example"))


def test_a_client_that_does_not_read(daemon, up):
    """Large answers nobody takes: bounded, and others are served meanwhile."""
    up.on("huge.example", F.truncated(F.records(*(f'300 TXT "{i:04d}{"x" * 240}"' for i in range(200)))))
    ask(daemon, "huge.example", "TXT", tcp=True)
    with Stream(daemon) as s:
        s.socket.settimeout(0.5)
        sent = 0
        try:
            for _ in range(400):  # 20 MB of answers
                s.send(query(1, "huge", "example", rdtype=16))
                sent += 1
        except (TimeoutError, ConnectionError):
            pass
        assert blocked(ask(daemon, "blocked.example", tcp=True)) and blocked(ask(daemon, "blocked.example"))
    pages = int(open(f"/proc/{daemon.process.pid}/statm").read().split()[1])
    assert sent > 0 and pages > 0


def test_idle_connections_end(daemon):
    """Ten seconds without a question, or five within one: the server says goodbye (it, not the test's patience)."""
    with Stream(daemon) as idle, Stream(daemon) as half:
        half.socket.sendall(b"\0\x20\x12")
        for s in (idle, half):
            s.socket.settimeout(60)
        assert half.closed()
        assert idle.closed()


def test_many_connections(daemon):
    """Each over the limit for one address is refused, none of those within it suffers, and places come free again."""
    streams = []
    try:
        for i in range(60):
            try:
                streams.append(Stream(daemon))
            except OSError:
                break
        served = 0
        for i, s in enumerate(streams):
            try:
                s.send(query(i, "blocked", "example"))
                served += rcode_of(s.answer()) == 3
            except (EOFError, OSError):
                pass
        assert served >= 10
        assert blocked(ask(daemon, "blocked.example")), "UDP is not concerned"
    finally:
        for s in streams:
            s.socket.close()

    def again():
        try:
            return blocked(ask(daemon, "blocked.example", tcp=True))
        except (EOFError, OSError):
            return False
    eventually(again, "places come free")


def test_over_ipv6(daemon):
    if "::1" not in daemon.udp:
        pytest.skip("no IPv6 on loopback")
    with Stream(daemon, "::1") as s:
        s.send(query(1, "blocked", "example"))
        assert rcode_of(s.answer()) == 3
