# SPDX-License-Identifier: BSD-2-Clause
"""Asking: one question by dnspython, bytes by hand, and many clients at once."""
import random
import socket
import struct
import threading
import time

import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdataclass
import dns.rdatatype

ANSWER_S = 20  # far above what any answer takes: a slow machine is not a fault
HESITATES_S = 0.25  # from a connection to its first question: 0.3 is what a daemon that stops waits for it


def make(name, rdtype="A", edns=True, flags=None, rdclass="IN", **more):
    """edns: True for a plain OPT of 1232 octets, a number for its payload size, False for none."""
    query = dns.message.make_query(name, rdtype, rdclass, use_edns=0 if edns else False,
                                   payload=1232 if edns is True else (edns or 1232), **more)
    if flags is not None:
        query.flags = flags
    return query


def ask(daemon, name, rdtype="A", tcp=False, host="127.0.0.1", timeout=ANSWER_S, retry_tcp=False, **how):
    """One question; the answer as dnspython reads it (which checks ID and question)."""
    query = make(name, rdtype, **how)
    port = daemon.udp[host] if hasattr(daemon, "udp") else daemon
    if tcp:
        return dns.query.tcp(query, host, port=port, timeout=timeout)
    reply = dns.query.udp(query, host, port=port, timeout=timeout)
    if retry_tcp and reply.flags & dns.flags.TC:
        return dns.query.tcp(query, host, port=port, timeout=timeout)
    return reply


def rcode(reply):
    return dns.rcode.to_text(reply.rcode())


def rrs(reply, rdtype="A"):
    """The texts of all answer records of a type, sorted."""
    want = dns.rdatatype.from_text(rdtype)
    return sorted(rd.to_text() for rrset in reply.answer if rrset.rdtype == want for rd in rrset)


def ede(reply):
    """The first extended error's (code, text), or None."""
    for option in reply.options:
        if option.otype == dns.edns.EDE:
            return int(option.code), option.text or ""
    return None


def soa_of(reply):
    """The SOA of a negative answer: (owner, ttl, minimum)."""
    for rrset in reply.authority:
        if rrset.rdtype == dns.rdatatype.SOA:
            return rrset.name, rrset.ttl, rrset[0].minimum
    return None


def blocked(reply):
    """The default answer for a blocked name: NXDOMAIN with an SOA that is ours."""
    return rcode(reply) == "NXDOMAIN" and not reply.answer and soa_of(reply) is not None and soa_of(reply)[1] <= 10


def eventually(condition, what, timeout_s=ANSWER_S, every_s=0.02):
    """Wait for something that must come by itself; returns its first true value."""
    end = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"did not happen within {timeout_s} s: {what}"
        time.sleep(every_s)


# bytes by hand


def header(qid=0x1234, flags=0x0100, qd=1, an=0, ns=0, ar=0):
    return struct.pack(">6H", qid, flags, qd, an, ns, ar)


def wire_name(*labels):
    """Labels as bytes (or text) to wire form; whatever stands in them stays."""
    raw = [label.encode() if isinstance(label, str) else label for label in labels]
    return b"".join(bytes([len(label)]) + label for label in raw) + b"\0"


def question(*labels, rdtype=1, rdclass=1):
    return wire_name(*labels) + struct.pack(">2H", rdtype, rdclass)


def opt(size=1232, ext_rcode=0, version=0, flags=0, options=b"", owner=b"\0"):
    return owner + struct.pack(">2H2BHH", 41, size, ext_rcode, version, flags, len(options)) + options


class Raw:
    """A UDP client of bytes. `exchange` returns the answer; `silent` proves that none came: a question known to be answered is sent
    after it by the same socket, hence to the same worker, which answers in order, and its answer is the first to arrive."""

    def __init__(self, daemon, host="127.0.0.1"):
        self.socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.connect((host, daemon.udp[host]))
        self.socket.settimeout(ANSWER_S)

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def exchange(self, wire):
        self.socket.send(wire)
        return self.socket.recv(65535)

    def silent(self, wire):
        self.socket.send(wire)
        qid = random.randrange(0x10000)
        # opcode 15: answered with a bare header by any server, whatever its policy
        self.socket.send(header(qid, 0x7800, qd=0))
        answer = self.socket.recv(65535)
        assert answer[:2] == struct.pack(">H", qid) and len(answer) == 12, f"an answer where none was due: {answer.hex()}"


def flags_of(answer):
    return struct.unpack(">H", answer[2:4])[0]


def counts_of(answer):
    return struct.unpack(">4H", answer[4:12])


def rcode_of(answer):
    return answer[3] & 15


class Load:
    """Clients that ask without pause, one question under way each, none ever asked twice: every answer that stays away is a lost one.

    questions: (name, rdtype, check) where check(message bytes) says whether the answer is right. Use as a context manager."""

    def __init__(self, daemon, questions, clients=4, tcp=False):
        self.daemon, self.questions, self.tcp = daemon, questions, tcp
        self.asked = 0
        self.lost = []
        self.wrong = []
        self.stopping = threading.Event()
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self._client, args=(i,), daemon=True) for i in range(clients)]

    def _exchange(self, s, wire):
        if not self.tcp:
            s.send(wire)
            return s.recv(65535)
        # a connection for each question; who lets it wait for his question may find it closed, and asks again
        while True:
            begun, hesitated = time.monotonic(), None
            with socket.create_connection(("127.0.0.1", self.port), ANSWER_S) as stream, stream.makefile("rb") as come:
                try:
                    stream.sendall(struct.pack(">H", len(wire)) + wire)
                    hesitated = time.monotonic() - begun > HESITATES_S
                    answer = come.read(struct.unpack(">H", come.read(2).rjust(2, b"\0"))[0])
                except OSError:
                    if hesitated is None:
                        hesitated = time.monotonic() - begun > HESITATES_S
                    if not hesitated:
                        raise
                    answer = b""
            if answer or not hesitated:
                return answer

    def _client(self, seed):
        rng = random.Random(seed)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.connect(("127.0.0.1", self.port))
            s.settimeout(ANSWER_S)
            while not self.stopping.is_set():
                name, rdtype, check = rng.choice(self.questions)
                qid = rng.randrange(0x10000)
                wire = header(qid, ar=1) + question(*name.split("."), rdtype=dns.rdatatype.from_text(rdtype)) + opt()
                try:
                    answer = self._exchange(s, wire)
                except OSError:
                    with self.lock:
                        self.lost.append(name)
                    return
                with self.lock:
                    self.asked += 1
                    if answer[:2] != wire[:2] or not check(answer):
                        self.wrong.append((name, answer.hex()))

    def __enter__(self):
        self.port = self.daemon.port
        for thread in self.threads:
            thread.start()
        self.reach(len(self.threads) * 5)
        return self

    def reach(self, more):
        """Wait until so many more answers came."""
        target = self.asked + more
        eventually(lambda: self.asked >= target or self.lost, f"{more} more answers under load", timeout_s=60)

    def __exit__(self, *failed):
        self.stopping.set()
        for thread in self.threads:
            thread.join(ANSWER_S + 5)
        if failed[0] is None:
            assert not self.lost, f"{len(self.lost)} answers never came of {self.asked}: {self.lost[:5]}"
            assert not self.wrong, f"{len(self.wrong)} wrong answers of {self.asked}: {self.wrong[:3]}"
