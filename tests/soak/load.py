# SPDX-License-Identifier: BSD-2-Clause
"""Those who ask, each a process of its own: every kind of question at a steady rate, every answer looked at, none ever asked twice."""
import collections
import multiprocessing
import random
import select
import signal
import socket
import struct
import time

from upstream import address

WAIT_S = 20      # an answer that takes longer is a lost one
WINDOW = 32      # questions under way over UDP
WARM = 60000     # questions before all others: more than the cache and the memory of failures hold
SOCKET_TURN = 3000  # so many questions, then another port: another worker may be the one who gets it
KINDS = {  # kind -> how often
    "blocked": 30, "cached": 40, "unique": 15, "edited": 4, "nx": 3, "fail": 3, "big": 1, "malformed": 3, "flushed": 1,
}
COUNTS = ("asked", "lost", "wrong", "failed_in_outage", "failed_late", "tcp")
BLOCKED, CACHED, EDITED, FLUSHED = 1000, 50, 8, 20


def wire_name(name):
    return b"".join(bytes([len(label)]) + label for label in name.split(b".")) + b"\0"


def make(qid, name):
    return struct.pack(">6H", qid, 0x0100, 1, 0, 0, 1) + wire_name(name) + b"\0\1\0\1" + b"\0\0\x29\x04\xd0\0\0\0\0\0\0"


def says(answer, query):
    """("address", four bytes), ("none", rcode), or None when it is no answer to the query."""
    end = len(query) - 11
    if len(answer) < end or answer[12:end] != query[12:end] or not answer[2] & 0x80:
        return None
    rcode, count = answer[3] & 15, struct.unpack(">H", answer[6:8])[0]
    if rcode == 0 and count == 1 and answer[end:end + 6] == b"\xc0\x0c\0\1\0\1":
        return "address", answer[end + 12:end + 16]
    return "none", rcode


class Asker:
    def __init__(self, seed, port, rate, shared):
        self.rng = random.Random(seed)
        self.seed, self.port, self.rate, self.shared = seed, port, rate, shared
        self.number = 0
        self.kinds, self.weights = list(KINDS), list(KINDS.values())

    def name(self, kind):
        self.number += 1
        if kind == "blocked":
            return b"x%d.b%d.test" % (self.number % 7, self.rng.randrange(BLOCKED))
        if kind == "cached":
            return b"c%d.often.test" % self.rng.randrange(CACHED)
        if kind == "edited":
            return b"e%d.edited.test" % self.rng.randrange(EDITED)
        if kind == "flushed":
            return b"f%d.flushed.test" % self.rng.randrange(FLUSHED)
        if kind == "big":
            return b"g%d.big.test" % self.rng.randrange(20)
        return b"u%d-%d.%s.test" % (self.seed, self.number, kind.encode())

    def right(self, kind, name, said, in_outage):
        if kind == "blocked":
            return said == ("none", 3)
        good = ("address", address(name))
        if kind == "cached":
            return said == good
        if in_outage and said == ("none", 2):
            self.shared.count("failed_in_outage")
            return True
        if kind == "fail":
            return said == ("none", 2)
        if said == ("none", 2) and self.shared.was_late():
            self.shared.count("failed_late")
            return True
        if kind == "nx":
            return said == ("none", 3)
        return said == good or (kind == "edited" and said == ("none", 3))

    def judge(self, kind, name, query, answer):
        self.shared.count("asked")
        # flags are set before anything happens, and lifted long after
        if not self.right(kind, name, says(answer, query), self.shared.outage.value):
            self.shared.count("wrong")
            self.shared.remember(f"{kind} {name.decode()}: {answer.hex()}")

    def lose(self, kind, name):
        self.shared.count("lost")
        self.shared.remember(f"lost: {kind} {name.decode()}")

    def garble(self, query):
        """Something that no answer is due to, or any; it carries ID 0, which no other question does."""
        query = bytearray(b"\0\0" + query[2:])
        for _ in range(self.rng.randrange(1, 6)):
            query[self.rng.randrange(2, len(query))] = self.rng.randrange(256)
        return bytes(query[:self.rng.randrange(3, len(query) + 1)])

    # over UDP

    def warm(self, count):
        """As fast as it goes, until tables that are filled by names of one use are full, and those that are to be kept are there."""
        self.kinds, self.weights = ["unique", "fail", "cached"], [3, 1, 1]
        self.rate = count * 1000
        while self.number < count and not self.shared.stop.is_set():
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
                s.connect(("127.0.0.1", self.port))
                s.setblocking(False)
                self.udp_turn(s)

    def udp(self):
        while not self.shared.stop.is_set():
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
                s.connect(("127.0.0.1", self.port))
                s.setblocking(False)
                self.udp_turn(s)

    def udp_turn(self, s):
        waiting, order = {}, collections.deque()
        sent, began, qid = 0, time.monotonic(), self.rng.randrange(1, 0x8000)
        while waiting or (sent < SOCKET_TURN and not self.shared.stop.is_set()):
            now = time.monotonic()
            allowed = min((now - began) * self.rate - sent, WINDOW - len(waiting), SOCKET_TURN - sent)
            for _ in range(int(allowed) if not self.shared.stop.is_set() else 0):
                sent += 1
                kind = self.rng.choices(self.kinds, self.weights)[0]
                name = self.name(kind)
                if kind == "malformed":
                    self.send(s, self.garble(make(0, name)))
                    continue
                qid = qid % 0xFFFF + 1
                waiting[qid] = (kind, name, make(qid, name))
                order.append((now, qid))
                self.send(s, waiting[qid][2])
            if select.select([s], [], [], 0.01)[0]:
                self.take(s, waiting)
            while order and (order[0][1] not in waiting or now - order[0][0] > WAIT_S):
                late = waiting.pop(order.popleft()[1], None)
                if late:
                    self.lose(late[0], late[1])

    @staticmethod
    def send(s, wire):
        while True:
            try:
                s.send(wire)
                return
            except BlockingIOError:
                select.select([], [s], [], 1)

    def take(self, s, waiting):
        try:
            while True:
                answer = s.recv(65535)
                one = waiting.pop(struct.unpack(">H", answer[:2])[0], None)
                if one:
                    self.judge(*one, answer)
        except BlockingIOError:
            pass

    # over TCP

    def tcp(self):
        """Connections with some questions each, pipelined; now and then one that is left with half a message."""
        left = collections.deque()
        while not self.shared.stop.is_set():
            began = time.monotonic()
            s = socket.create_connection(("127.0.0.1", self.port), timeout=WAIT_S)
            if self.rng.randrange(10) == 0:
                s.send(b"\0\x40half")
                left.append(s)
                if len(left) > 8:
                    left.popleft().close()
                continue
            with s:
                self.tcp_turn(s, self.rng.randrange(1, 6))
            time.sleep(max(0, began + 0.1 - time.monotonic()))

    def tcp_turn(self, s, count):
        asked = {}
        for qid in range(1, count + 1):
            kind = self.rng.choice(("blocked", "cached", "unique", "nx", "fail"))
            name = self.name(kind)
            asked[qid] = (kind, name, make(qid, name))
        s.sendall(b"".join(struct.pack(">H", len(one[2])) + one[2] for one in asked.values()))
        with s.makefile("rb") as stream:
            while asked:
                try:
                    answer = stream.read(struct.unpack(">H", stream.read(2))[0])
                except (TimeoutError, struct.error):
                    for kind, name, _ in asked.values():
                        self.lose(kind, name)
                    return
                self.shared.count("tcp")
                self.judge(*asked.pop(struct.unpack(">H", answer[:2])[0]), answer)


class Shared:
    """What all of them count, and are told."""

    def __init__(self, context, was_late):
        self.was_late = was_late  # says whether the upstream had no turn
        self.counts = context.Array("Q", len(COUNTS))
        self.outage = context.Value("i", 0)
        self.stop = context.Event()
        self.remembered = context.SimpleQueue()

    def count(self, what):
        with self.counts.get_lock():
            self.counts[COUNTS.index(what)] += 1

    def remember(self, text):
        if sum(self.counts[COUNTS.index(bad)] for bad in ("lost", "wrong")) <= 20:  # more would fill the pipe
            self.remembered.put(text)

    def figures(self):
        return dict(zip(COUNTS, self.counts))


class Load:
    """rate: questions a second over UDP, of all askers together."""

    def __init__(self, port, rate, was_late, askers=2, seed=1):
        context = multiprocessing.get_context("fork")
        self.shared = Shared(context, was_late)
        self.processes = []
        for i in range(askers + 1):
            one = Asker(seed * 1000 + i, port, rate / askers, self.shared)
            target = one.udp if i < askers else one.tcp
            self.processes.append(context.Process(target=self.run, args=(target,), daemon=True))

        self.warmer = context.Process(target=self.run, args=(Asker(seed * 1000 + 999, port, 0, self.shared).warm, WARM), daemon=True)

    @staticmethod
    def run(target, *args):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        target(*args)

    def start(self):
        """Returns when all is warm."""
        self.warmer.start()
        self.warmer.join()
        assert self.warmer.exitcode == 0
        for process in self.processes:
            process.start()

    def end(self):
        """Figures, and texts about the first that were lost or wrong."""
        self.shared.stop.set()
        for process in self.processes:
            process.join(WAIT_S + 10)
            assert process.exitcode == 0, f"one who asked stumbled: {process.exitcode}"
        texts = []
        while not self.shared.remembered.empty():
            texts.append(self.shared.remembered.get())
        return self.shared.figures(), texts
