# SPDX-License-Identifier: BSD-2-Clause
"""DNS over TCP (RFC 7766): framing, pipelining, half-closed connections, and clients that behave badly."""
import collections
import os
import random
import resource
import socket
import struct
import threading
import time

import dns.message
import pytest

from harness import fake as F
from harness.ask import ANSWER_S, Raw, ask, blocked, eventually, header, opt, question, rcode_of, rrs


@pytest.fixture
def up(fake):
    return fake()


@pytest.fixture
def daemon(saringd, up):
    return saringd({"upstream": {"servers": [up.endpoint], "timeout": "20s"}, "lists": [{"name": "l", "file": "l.yaml"}]},
                   {"l.yaml": "entries: [blocked.example]\n"})


class Stream:
    def __init__(self, daemon, host="127.0.0.1", source=None):
        self.socket = socket.create_connection((host, daemon.udp[host]), ANSWER_S, (source, 0) if source else None)
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


def query(qid, *labels, rdtype=1, options=b""):
    return header(qid, ar=1) + question(*labels, rdtype=rdtype) + opt(options=options)


def counters(daemon):
    return daemon.status()["counters"]


KEEPALIVE = b"\0\x0b\0\0"


def keepalive_of(wire):
    """What the answer's OPT says of the connection's time: seconds, or None."""
    for option in dns.message.from_wire(wire).options:
        if int(option.otype) == 11:
            data = option.to_wire()
            return struct.unpack(">H", data)[0] / 10
    return None


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


@pytest.mark.parametrize("garbage", [b"\0\0", b"\0\5abcde"])
def test_asked_before_the_framing_broke(daemon, garbage):
    with Stream(daemon) as stream:
        wire = header(7) + question("blocked", "example")
        stream.socket.sendall((struct.pack(">H", len(wire)) + wire) * 2 + garbage)
        assert [rcode_of(stream.answer()) for _ in range(2)] == [3, 3]
        assert stream.closed()


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
    """Large answers nobody takes: bounded, others are served meanwhile, and after five seconds it is thrown out."""
    up.on("huge.example", F.truncated(F.records(*(f'300 TXT "{i:04d}{"x" * 240}"' for i in range(200)))))
    ask(daemon, "huge.example", "TXT", tcp=True)
    before = resident(daemon)
    with Stream(daemon) as s:
        s.socket.settimeout(0.5)
        sent = 0
        try:
            for _ in range(1000):  # of 50 megabytes of answers each
                s.send(*[query(1, "huge", "example", rdtype=16)] * 1000)
                sent += 1
        except (TimeoutError, ConnectionError):
            pass
        assert sent < 1000
        assert blocked(ask(daemon, "blocked.example", tcp=True)) and blocked(ask(daemon, "blocked.example"))
        assert resident(daemon) - before < 32 << 20
        eventually(lambda: counters(daemon)["tcp_stalled"] == 1, "its time is over")


def resident(daemon):
    return int(open(f"/proc/{daemon.process.pid}/statm").read().split()[1]) * resource.getpagesize()


def test_many_questions_on_one_connection(daemon):
    """However many there are, the memory is that of a few: a connection ends by its age, not by what it has asked."""
    wires = [query(i, "blocked", "example") for i in range(100)]
    with Stream(daemon) as s:
        def round_of(count):
            for _ in range(count):
                s.send(*wires)
                assert {s.answer()[1] for _ in wires} == set(range(100))

        round_of(20)
        before = resident(daemon)
        round_of(100)
        assert resident(daemon) - before < 4 << 20
    eventually(lambda: counters(daemon)["tcp_accepted"] == 1, "by one connection")


def test_one_byte_now_and_then(daemon):
    """A message that never ends is given five seconds, however often a byte of it comes."""
    wire = struct.pack(">H", 600) + query(1, "blocked", "example") + b"x" * 600
    with Stream(daemon) as s:
        started = time.monotonic()
        s.socket.settimeout(0.2)
        for byte in wire:
            try:
                s.socket.sendall(bytes([byte]))
                if s.socket.recv(1) == b"":
                    break
            except TimeoutError:
                assert time.monotonic() - started < 60
            except ConnectionError:
                break
        else:
            pytest.fail("it could send all of it")
    assert counters(daemon)["tcp_slow"] == 1


def test_a_hundred_out_of_order(daemon, up):
    """Every other of a hundred waits for its upstream: the others' answers all come first."""
    gate = threading.Event()
    up.on("slow.example", F.hold(gate, F.answer("192.0.2.1")))
    with Stream(daemon) as s:
        s.send(*(query(i, "slow" if i % 2 == 0 else f"n{i}", "example") for i in range(100)))
        first = [s.answer() for _ in range(50)]
        assert {a[1] for a in first} == set(range(1, 100, 2)) and {rcode_of(a) for a in first} == {0}
        gate.set()
        assert {s.answer()[1] for _ in range(50)} == set(range(0, 100, 2))


def test_keepalive(daemon, up):
    """RFC 7828: told over TCP to who asks, for blocked, forwarded, cached and refused questions alike; never over UDP."""
    with Stream(daemon) as s:
        for labels in ("blocked", "open", "open"):
            s.send(query(1, labels, "example", options=KEEPALIVE))
            assert keepalive_of(s.answer()) == 10
        s.send(query(2, "open", "example", rdtype=252, options=KEEPALIVE))
        assert keepalive_of(s.answer()) == 10
        s.send(query(3, "open", "example"))
        assert keepalive_of(s.answer()) is None
        for bad in (b"\0\x0b\0\2\0\x64", b"\0\x0b\0\1\0"):
            s.send(query(4, "open", "example", options=bad))
            assert rcode_of(s.answer()) == 1
        s.send(query(5, "blocked", "example"))
        assert rcode_of(s.answer()) == 3, "and the connection goes on"
    with Raw(daemon) as raw:
        for options in (KEEPALIVE, b"\0\x0b\0\2\0\x64"):
            wire = raw.exchange(query(6, "blocked", "example", options=options))
            assert rcode_of(wire) == 3 and keepalive_of(wire) is None
    assert all(option not in b"".join(a.wire for a in up.log) for option in (KEEPALIVE,)), "it is between the client and us"


def test_idle_connections_end(daemon):
    """Ten seconds without a question, or five within one: the server says goodbye (it, not the test's patience)."""
    with Stream(daemon) as idle, Stream(daemon) as half:
        half.socket.sendall(b"\0\x20\x12")
        for s in (idle, half):
            s.socket.settimeout(60)
        assert half.closed()
        assert idle.closed()


def served(streams):
    """How many of them are still answered."""
    count = 0
    for s in streams:
        try:
            s.send(query(1, "blocked", "example"))
            count += rcode_of(s.answer()) == 3
        except (EOFError, ConnectionError):
            pass
    return count


def test_one_address_over_its_share(daemon, up):
    """Its own oldest idle connection makes room, over all workers; a question under way protects; others do not notice."""
    gate = threading.Event()
    up.on("slow.example", F.hold(gate, F.answer("192.0.2.1")))
    with Stream(daemon, source="127.0.0.9") as other:
        first = Stream(daemon, source="127.0.0.2")
        streams = [first]
        try:
            other.send(query(1, "blocked", "example"))
            assert rcode_of(other.answer()) == 3
            first.send(query(1, "slow", "example"))
            eventually(lambda: up.asked("slow.example"), "it is under way")
            # the last comes alone: workers take in a crowd in any order
            for count in (200 - 1, 200):
                streams += [Stream(daemon, source="127.0.0.2") for _ in range(count - len(streams))]
                eventually(lambda: counters(daemon)["tcp_evicted"] == count - 128, "the rest is gone")
            gate.set()
            assert rcode_of(first.answer()) == 0, "the oldest of all, but it was never idle"
            assert served([first, streams[-1], other]) == 3 and served(streams) == 128
            assert counters(daemon)["tcp_refused"] == 0
        finally:
            gate.set()
            for s in streams:
                s.socket.close()


STALLED = 5000
STALLED_HOSTS = 50


class Crowd:
    """Connections that say nothing, half a message, or that ask and take no answer; from many addresses."""

    def __init__(self, daemon, count=STALLED, hosts=STALLED_HOSTS):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.limits = soft, hard
        want = count + 500
        if hard != resource.RLIM_INFINITY and hard < want:
            pytest.skip(f"{want} open files are needed, {hard} allowed")
        if soft != resource.RLIM_INFINITY and soft < want:
            resource.setrlimit(resource.RLIMIT_NOFILE, (want, hard))
        self.sockets = []
        kinds = (b"", b"\0\x30half", b"".join(struct.pack(">H", len(w)) + w for w in [query(1, "blocked", "example")] * 20))
        self.sent = collections.Counter()
        for i in range(count):
            s = socket.socket()
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            s.bind((f"127.0.1.{i % hosts + 1}", 0))
            s.settimeout(ANSWER_S)
            try:
                s.connect(("127.0.0.1", daemon.port))
                s.sendall(kinds[i % 3])
                self.sent[i % 3] += 1
            except (ConnectionError, TimeoutError):
                pass
            self.sockets.append(s)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for s in self.sockets:
            s.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, self.limits)


def files_of(daemon):
    return len(os.listdir(f"/proc/{daemon.process.pid}/fd"))


def answered(daemon, host="127.0.0.1", source=None):
    with Stream(daemon, host, source) as s:
        s.send(query(1, "blocked", "example"), query(2, "open", "example"))
        return {s.answer()[1], s.answer()[1]} == {1, 2}


def test_five_thousand_stalled_connections(daemon):
    """They keep nobody out: not from their own addresses, not from others, not over UDP."""
    with Crowd(daemon) as crowd:
        assert sum(crowd.sent.values()) > STALLED * 0.99, crowd.sent
        for source in (None, "127.0.2.1", "127.0.1.1"):
            for _ in range(10):
                assert answered(daemon, source=source)
        assert blocked(ask(daemon, "blocked.example"))
        assert files_of(daemon) < 4096 + 64 + 200
        told = counters(daemon)
        assert told["tcp_evicted"] + told["tcp_idle"] + told["tcp_slow"] + told["tcp_stalled"] > 800 and told["tcp_accept_failed"] == 0
    eventually(lambda: files_of(daemon) < 200, "and all of it is given back")


@pytest.mark.parametrize("files, count", [(1024, 2000), (64, 300)])
def test_stalled_connections_and_few_files(saringd, up, home, files, count):
    """Clients have half of them at most, upstreams, control and lists the rest."""
    wrapped = home / "few"
    wrapped.mkdir()
    real = saringd(start=False).build
    (wrapped / "saringd").write_text(f'#!/bin/sh\nulimit -n {files} && exec "{real}/saringd" "$@"\n')
    (wrapped / "saringd").chmod(0o755)
    for name in ("saringctl", "saring-compile", "saring-fetch"):
        (wrapped / name).symlink_to(real / name)
    daemon = saringd({"upstream": {"servers": [up.endpoint], "timeout": "20s"}, "lists": [{"name": "l", "file": "l.yaml"}]},
                     {"l.yaml": "entries: [blocked.example]\n"}, binaries=wrapped)

    def comes_in(source):
        """Of so few places one may be lost to the next who comes before the question is read: then the client comes again, as they do."""
        for _ in range(1 if files == 1024 else 10):
            try:
                return answered(daemon, source=source)
            except (EOFError, ConnectionError):
                continue
        return False

    with Crowd(daemon, count=count):
        for i in range(20):
            assert comes_in(f"127.0.2.{i + 1}")
        assert rrs(ask(daemon, "fresh.example")) == ["192.0.2.200"]
        if files == 1024:  # else its own are so many that it may, for a moment, have none left
            assert files_of(daemon) < 512 + 64 + 200 and counters(daemon)["tcp_accept_failed"] == 0


def test_many_at_once_come_and_go(daemon, up):
    """Clients of all kinds at the same time, resets and half questions among them; whoever behaves is answered."""
    faults = []

    def behave(n):
        rng = random.Random(n)
        for i in range(30):
            try:
                with Stream(daemon, source=f"127.0.3.{n + 1}") as s:
                    kind = rng.randrange(4)
                    s.send(query(i, "blocked", "example"), query(i + 100, f"n{n}-{i}", "example"))
                    if kind == 0:
                        s.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    elif kind == 1:
                        s.socket.sendall(b"\0\x20half")
                    else:
                        if kind == 2:
                            s.socket.shutdown(socket.SHUT_WR)
                        assert {s.answer()[1], s.answer()[1]} == {i, i + 100}
            except (OSError, EOFError, AssertionError) as fault:
                faults.append((n, i, repr(fault)))

    threads = [threading.Thread(target=behave, args=(n,)) for n in range(16)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not faults
    eventually(lambda: files_of(daemon) < 300, "nothing is left open")


def test_over_ipv6(daemon):
    if "::1" not in daemon.udp:
        pytest.skip("no IPv6 on loopback")
    with Stream(daemon, "::1") as s:
        s.send(query(1, "blocked", "example"))
        assert rcode_of(s.answer()) == 3
