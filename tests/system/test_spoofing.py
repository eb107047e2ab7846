# SPDX-License-Identifier: BSD-2-Clause
"""Strangers who want to be the upstream, or to part us from it: what they send is told from its answers, ends nothing, and is kept by
nobody. What of that test_forward.py shows (IDs, case, senders, a port that is shared) is not shown here again."""
import collections
import contextlib
import itertools
import random
import signal
import socket
import struct
import threading

import dns.flags
import dns.rcode
import pytest

from harness import fake as F
from harness.ask import ANSWER_S, Raw, ask, ede, eventually, header, opt, question, rcode, rcode_of, rrs, wire_name
from harness.daemon import needs_root

GOOD, EVIL = "192.0.2.1", "203.0.113.66"


@pytest.fixture
def scripted(saringd, fake):
    def make(timeout="5s", workers=None, **config):
        up = fake()
        upstream = {"servers": [up.endpoint], "timeout": timeout, **config.pop("upstream", {})}
        return saringd({"upstream": upstream, **config}, workers=workers), up

    return make


def good(a, **how):
    return a.reply(f"300 A {GOOD}", **how).to_wire()


def evil(a, *more, **how):
    return a.reply(f"300 A {EVIL}", *more, **how).to_wire()


def mismatched(daemon):
    return daemon.status()["counters"]["upstream_mismatched"]


# guessing


def test_ten_thousand_guesses_while_the_answer_is_late(scripted):
    """Kaminsky's attack, from the server's own address and port: IDs and names wrong, and a bank's address in each."""
    daemon, up = scripted(timeout="30s")
    sent, rng = threading.Event(), random.Random(5)

    def behave(a):
        if a.tcp:
            assert sent.wait(60)
            return [good(a)]
        lie = evil(a, f"bank.example 300 A {EVIL}")
        end = 12 + len(a.name.to_wire())
        for i in range(10000):
            wrong_id = struct.pack(">H", (a.id + 1 + rng.randrange(65535)) & 0xFFFF) + lie[2:]
            wrong_name = lie[:13] + bytes([lie[13] ^ 1]) + lie[14:]
            wrong_type = lie[:end] + b"\0\x1c" + lie[end + 2:]
            up.udp.sendto((wrong_id, wrong_name, wrong_type)[i % 3], a.peer)
        sent.set()
        return [evil(a)]  # the right ID at last, where nobody listens any more
    up.on("victim.example", behave)
    assert rrs(ask(daemon, "victim.example", timeout=60)) == [GOOD]
    assert mismatched(daemon) >= 10
    assert up.asked("victim.example", tcp=True), "after ten the question goes by TCP (RFC 5452 section 9.3)"
    assert rrs(ask(daemon, "victim.example")) == [GOOD], "nor is a lie what was kept"
    assert rrs(ask(daemon, "bank.example")) == ["192.0.2.200"] and len(up.asked("bank.example")) == 1


class Quick:
    """An upstream that only notes where a question came from, and under which ID."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.endpoint = f"dns://127.0.0.1:{self.socket.getsockname()[1]}"
        self.seen = []
        self.closing = False
        self.thread = threading.Thread(target=self._loop, daemon=True)
        self.thread.start()

    def _loop(self):
        record = b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 0, 4) + bytes([192, 0, 2, 1])
        while not self.closing:
            wire, peer = self.socket.recvfrom(4096)
            if len(wire) < 12:
                continue
            end = wire.index(b"\0", 12) + 5
            self.seen.append((peer[1], struct.unpack(">H", wire[:2])[0]))
            self.socket.sendto(wire[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + wire[12:end] + record, peer)

    def close(self):
        self.closing = True
        self.socket.sendto(b"", self.socket.getsockname())
        self.thread.join(10)
        self.socket.close()


def chi_square(values, bins, span):
    counts = collections.Counter(v * bins // span for v in values)
    expected = len(values) / bins
    return sum((counts[b] - expected) ** 2 / expected for b in range(bins))


def correlation(values):
    """Of each with the one after it."""
    mean = sum(values) / len(values)
    spread = sum((v - mean) ** 2 for v in values)
    return sum((a - mean) * (b - mean) for a, b in zip(values, values[1:])) / spread


def test_twenty_thousand_questions_have_nothing_in_common(saringd):
    """Ports and IDs over two runs: all of the range, evenly, by every worker, no sequence, and no run like the one before. Bounds are
    where chance comes once in a million runs or less."""
    each = 10000
    up = Quick()
    daemon = saringd({"upstream": {"servers": [up.endpoint], "cookies": False}, "cache": {"size": 0}}, workers=2)
    runs = []
    for _ in range(2):
        by_client = collections.defaultdict(list)
        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(Raw(daemon)) for _ in range(8)]  # the kernel deals them out to the workers
            for i in range(each):
                seen = len(up.seen)
                assert rcode_of(clients[i % 8].exchange(header(i) + question(f"n{i}", "example"))) == 0
                by_client[i % 8] += up.seen[seen:]
        runs.append(list(up.seen))
        up.seen.clear()
        for client, pairs in by_client.items():
            ports = [p for p, _ in pairs]
            assert max(ports) - min(ports) > 60000, f"client {client}: a worker that leaves out a part of the range tells who it serves"
            assert len(pairs) >= each // 8
        daemon.stop()
        daemon.start()
    up.close()
    for run in runs:
        for what, values, low in (("port", [p for p, _ in run], 1024), ("id", [i for _, i in run], 0)):
            span = 65536 - low
            assert min(values) >= low and max(values) - min(values) > span - 200, what
            assert chi_square([v - low for v in values], 64, span) < 140, f"{what}: 63 degrees of freedom"
            assert chi_square([v % 64 for v in values], 64, 64) < 140, f"{what}: the low bits"
            assert abs(correlation(values)) < 0.06, f"{what}: each with the next"
            steps = collections.Counter((b - a) % 65536 for a, b in zip(values, values[1:]))
            assert max(steps.values()) <= 8, f"{what}: no step is a habit"
        assert abs(correlation([v for pair in run for v in pair])) < 0.06, "a port says nothing of its ID"
    same = sum(a == b for a, b in zip(*runs))
    assert same <= 2, "a restart begins anew"


def test_five_hundred_who_ask_at_once_are_one_question(scripted):
    """No birthday to be won by having the same asked many times; each gets its own ID and letters back."""
    daemon, up = scripted(timeout="60s", workers=1)
    name, rng = "abcdefghij.example", random.Random(7)
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(Raw(daemon)) for _ in range(50)]
        wanted = collections.defaultdict(dict)
        daemon.signal(signal.SIGSTOP)  # all are there before the first is read
        try:
            for i in range(500):
                mixed = "".join(rng.choice((c.upper(), c)) for c in name)
                wire = header(i) + question(*mixed.split("."))
                wanted[i % 50][i] = wire[12:]
                clients[i % 50].socket.send(wire)
        finally:
            daemon.signal(signal.SIGCONT)
        for c, mine in wanted.items():
            for _ in range(len(mine)):
                answer = clients[c].socket.recv(65535)
                asked = mine.pop(struct.unpack(">H", answer[:2])[0])
                assert rcode_of(answer) == 0 and answer[12:12 + len(asked)] == asked and answer.endswith(bytes([192, 0, 2, 200]))
    # a machine too slow to answer in time is asked once more; that is no birthday either
    assert len(up.asked(name)) <= 2


def test_silence_gives_few_chances(scripted):
    """A name that the upstream drops: at most three datagrams, each with its own port and ID, one connection, and then no more."""
    daemon, up = scripted(timeout="4s")
    up.on("odd\\000name.example", F.silence)
    with Raw(daemon) as raw:
        answer = raw.exchange(header(ar=1) + question(b"odd\0name", "example") + opt())
        assert rcode_of(answer) == 2
    datagrams = up.asked(tcp=False)
    assert 1 <= len(datagrams) <= 3 and len(up.asked()) <= 4
    assert len({a.peer[1] for a in datagrams}) == len(datagrams) == len({a.id for a in datagrams})


# what does not end a question


def patched(wire, at, new):
    return wire[:at] + new + wire[at + len(new):]


TUDOOR = {
    "an empty datagram": lambda a: [b""],
    "five octets": lambda a: [evil(a)[:5]],
    "a question": lambda a: [patched(evil(a), 2, bytes([evil(a)[2] & 0x7F]))],
    "FORMERR under a wrong ID": lambda a: [F.flip_id(a.reply(rcode=1).to_wire())],
    "NOTIMP under a wrong ID": lambda a: [F.flip_id(a.reply(rcode=4).to_wire())],
    "SERVFAIL under a wrong ID": lambda a: [F.flip_id(a.reply(rcode=2).to_wire())],
    "TC under a wrong ID": lambda a: [F.flip_id(a.reply(flags=dns.flags.TC).to_wire())],
    "SERVFAIL without a question": lambda a: [a.wire[:2] + b"\x81\x82" + bytes(8)],
    "two questions": lambda a: [patched(evil(a), 4, b"\0\2")],
    "another question": lambda a: [patched(evil(a), 13, bytes([evil(a)[13] ^ 1]))],
    "opcode 5": lambda a: [patched(evil(a), 2, bytes([evil(a)[2] | 0x28]))],
    "an OPT of version 1": lambda a: [evil(a, edns=False)[:11] + b"\1" + evil(a, edns=False)[12:] + opt(version=1)],
    "a tail": lambda a: [evil(a) + b"\0"],
    "a count that lies": lambda a: [patched(evil(a), 6, b"\0\2")],
    "a record cut short": lambda a: [evil(a, edns=False)[:-2]],
    "a name that points at itself": lambda a: [patched(evil(a, edns=False), 12 + len(a.name.to_wire()) + 4,
                                                       struct.pack(">H", 0xC000 | (12 + len(a.name.to_wire()) + 4)))],
    "more than was asked for": lambda a: [a.reply(*(f"300 A 198.51.100.{i}" for i in range(100))).to_wire(max_size=65535)],
}


@pytest.mark.parametrize("what", TUDOOR)
def test_what_is_broken_ends_nothing(scripted, what):
    daemon, up = scripted(timeout="30s")
    up.on("victim.example", lambda a: [*TUDOOR[what](a), good(a)])
    assert rrs(ask(daemon, "victim.example")) == [GOOD]
    assert rrs(ask(daemon, "victim.example")) == [GOOD]
    assert len(up.asked("victim.example", tcp=False)) <= 2, "no storm of retries (one more where this machine is slow)"


@pytest.mark.parametrize("first", ["FORMERR", "SERVFAIL", "TC"])
def test_what_matches_is_heard(scripted, first):
    daemon, up = scripted()

    def behave(a):
        if first == "TC":
            return [good(a) if a.tcp else a.reply(flags=dns.flags.TC).to_wire()]
        return [a.reply(rcode=dns.rcode.from_text(first), edns=False).to_wire()]
    up.on("a.example", behave)
    reply = ask(daemon, "a.example")
    if first == "TC":
        assert rrs(reply) == [GOOD]
    else:
        assert rcode(reply) == "SERVFAIL" and ede(reply)[0] == 22
        assert len(up.asked("a.example")) == (2 if first == "FORMERR" else 1)


def test_what_is_too_long_is_asked_for_by_tcp(scripted):
    """More than the size that we gave is no answer, however right; a server that knows no better is still of use."""
    daemon, up = scripted(timeout="30s")
    texts = [f'300 TXT "{i}{"x" * 200}"' for i in range(7)]
    up.on("long.example", lambda a: [a.reply(*texts).to_wire(max_size=65535)])
    reply = ask(daemon, "long.example", "TXT", tcp=True)
    assert len(reply.answer[0]) == 7 and up.asked("long.example", tcp=True)
    assert all(a.message.payload == 1232 for a in up.asked())


@pytest.fixture
def icmp():
    raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    yield raw
    raw.close()


def checksum(data):
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def unreachable(code, sport, dport, mtu=0):
    """An ICMP error about a datagram from 127.0.0.1:sport to 127.0.0.1:dport."""
    lo = socket.inet_aton("127.0.0.1")
    inner = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 60, 1, 0, 64, 17, 0, lo, lo) + struct.pack(">HHHH", sport, dport, 40, 0)
    body = struct.pack(">HH", 0, mtu) + inner
    return struct.pack(">BBH", 3, code, checksum(struct.pack(">BBH", 3, code, 0) + body)) + body


@needs_root
@pytest.mark.parametrize("code", [0, 1, 2, 3, 4, 9, 10, 13])
def test_forged_icmp_does_not_end_a_question(scripted, icmp, code):
    """Net, host, protocol, port unreachable, too big, prohibited: the answer that comes after it counts."""
    daemon, up = scripted(timeout="30s")

    def behave(a):
        if a.tcp:
            return []  # what TCP could save is not what is asked here
        for _ in range(3):
            icmp.sendto(unreachable(code, a.peer[1], up.port, mtu=68), ("127.0.0.1", 0))
        return [a.reply(*(f"300 A 192.0.2.{i}" for i in range(60))).to_wire()]
    up.on("a.example", behave)
    assert len(rrs(ask(daemon, "a.example"))) == 60
    assert len(up.asked("a.example", tcp=False)) <= 2
    assert daemon.ctl("--json", "upstream").json[0]["state"] == "up"


def test_a_port_in_use_looks_like_one_that_is_not(scripted):
    """Who scans for the port gets the same word from both: the socket hears nobody but the server."""
    daemon, up = scripted(timeout="30s")
    gate = threading.Event()
    up.on("a.example", F.hold(gate, F.answer(GOOD)))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(ANSWER_S)
        client.sendto(header() + question("a", "example"), ("127.0.0.1", daemon.port))
        used = eventually(lambda: up.asked("a.example"), "the question is out")[0].peer[1]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.bind(("127.0.0.1", 0))
            unused = other.getsockname()[1]
        for port in (used, unused):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as scanner:
                scanner.connect(("127.0.0.1", port))
                scanner.settimeout(ANSWER_S)
                scanner.send(b"who is there")
                with pytest.raises(ConnectionRefusedError):
                    scanner.recv(100)
        gate.set()
        assert rcode_of(client.recv(65535)) == 0


# chains


def chain(links, end=True):
    texts = ["300 CNAME n1.example."] + [f"n{i}.example 300 CNAME n{i + 1}.example." for i in range(1, links)]
    return texts + ([f"n{links}.example 300 A {GOOD}"] if end else [])


CHAINS = {
    "of 12": chain(12),
    "of 16": chain(16),
    "of 300": chain(300),
    "to itself": ["300 CNAME a.example."],
    "of two and back": ["300 CNAME b.example.", "b.example 300 CNAME a.example."],
    "back to its middle": [*chain(3, end=False), "n3.example 300 CNAME n2.example."],
}


@pytest.mark.parametrize("what", CHAINS)
def test_chains_that_are_refused(scripted, what):
    daemon, up = scripted()
    up.on("a.example", F.truncated(F.records(*CHAINS[what])))
    reply = ask(daemon, "a.example", tcp=True)
    assert rcode(reply) == "SERVFAIL" and not reply.answer and ede(reply)[0] == 22
    assert rrs(ask(daemon, "n1.example")) == ["192.0.2.200"], "nothing of it is kept"


def test_two_aliases_of_one_name_are_refused(scripted):
    daemon, up = scripted()
    name = wire_name("a", "example")

    def behave(a):
        records = b"".join(b"\xc0\x0c" + struct.pack(">HHIH", 5, 1, 300, len(t)) + t for t in (wire_name("b", "example"), wire_name("c", "example")))
        address = wire_name("b", "example") + struct.pack(">HHIH", 1, 1, 300, 4) + bytes([192, 0, 2, 1])
        return [a.wire[:2] + b"\x81\x80\0\1\0\3\0\0\0\0" + a.wire[12:12 + len(name) + 4] + records + address]
    up.on("a.example", behave)
    assert rcode(ask(daemon, "a.example")) == "SERVFAIL"


def test_eleven_links_in_any_order(scripted):
    daemon, up = scripted()
    texts = chain(11)
    random.Random(3).shuffle(texts)
    up.on("a.example", F.truncated(F.records(*texts)))
    reply = ask(daemon, "a.example", tcp=True)
    assert rrs(reply) == [GOOD] and len(reply.answer) == 12


# what is learned of a server, and what it learns


def test_one_formerr_does_not_part_a_server_from_edns(scripted):
    daemon, up = scripted()
    up.on("a.example", lambda a: [a.reply(rcode=1, edns=False).to_wire()] if a.message.edns >= 0 else [good(a)])
    assert rrs(ask(daemon, "a.example")) == [GOOD]
    assert [a.message.edns for a in up.asked("a.example")] == [0, -1]
    ask(daemon, "b.example", want_dnssec=True)
    assert [a.message.edns for a in up.asked("b.example")] == [0] and up.asked("b.example")[0].message.ednsflags & 0x8000


@pytest.mark.parametrize("tcp", [False, True])
def test_no_option_of_a_client_goes_on(scripted, tcp):
    daemon, up = scripted()
    mine = bytes.fromhex("0102030405060708")
    options = [(3, b""), (8, bytes.fromhex("00011800c00002")), (10, mine), (26, b""), (65001, b"secret"), (100, b"x"), (15, b"\0\0")]
    options += [(11, b"")] if tcp else []
    wire = b"".join(struct.pack(">HH", code, len(data)) + data for code, data in options) + struct.pack(">HH", 12, 32) + bytes(32)
    query = header(flags=0x0140, ar=1) + question("a", "example") + opt(flags=0x4040, options=wire)
    if tcp:
        with socket.create_connection(("127.0.0.1", daemon.port), ANSWER_S) as s:
            s.sendall(struct.pack(">H", len(query)) + query)
            answer = s.makefile("rb").read(2 + 12)[2:]
    else:
        with Raw(daemon) as raw:
            answer = raw.exchange(query)
    assert rcode_of(answer) == 0
    sent = up.asked("a.example")[0]
    assert [o.otype for o in sent.message.options] == [F.COOKIE], "but our own cookie"
    assert len(sent.cookie) == 8 and sent.cookie != mine
    assert sent.message.ednsflags == 0 and sent.message.flags == dns.flags.RD | dns.flags.AD


# cookies (RFC 7873)


def cookie_server(secret=b"s" * 16):
    """A server that knows cookies: answers with one, and notes what it was sent."""
    return lambda a: [good(a, options=[(F.COOKIE, a.cookie[:8] + secret)])] if a.cookie else [good(a)]


def test_a_servers_cookie_is_sent_back(scripted):
    daemon, up = scripted(workers=1)
    up.default = cookie_server()
    for i in range(3):
        assert rrs(ask(daemon, f"n{i}.example")) == [GOOD]
    cookies = [a.cookie for a in up.asked()]
    assert len(cookies[0]) == 8 and set(cookies[1:]) == {cookies[0] + b"s" * 16}
    daemon.ctl("reload")
    ask(daemon, "n3.example")
    assert len(up.asked()[-1].cookie) == 8 and up.asked()[-1].cookie != cookies[0], "a reload draws another"


def test_no_two_servers_get_the_same_cookie(saringd, fake):
    ups = [fake(), fake()]
    daemon = saringd({"upstream": {"servers": [u.endpoint for u in ups], "strategy": "spread"}}, workers=1)
    names = (f"n{i}.example" for i in itertools.count())
    eventually(lambda: ask(daemon, next(names)) and all(u.asked() for u in ups), "both were asked")
    assert ups[0].asked()[0].cookie[:8] != ups[1].asked()[0].cookie[:8]


def test_cookies_can_be_switched_off(scripted):
    daemon, up = scripted(upstream={"cookies": False})
    ask(daemon, "a.example")
    assert not up.asked("a.example")[0].message.options


@pytest.mark.parametrize("option", ["another client's", "short", "long", "empty", "between"])
def test_a_wrong_cookie_is_not_heard(scripted, option):
    daemon, up = scripted(timeout="30s")

    def behave(a):
        wrong = {"another client's": bytes(8) + b"s" * 16, "short": a.cookie[:7], "long": a.cookie[:8] + bytes(33), "empty": b"",
                 "between": a.cookie[:8] + bytes(7)}[option]
        return [evil(a, options=[(F.COOKIE, wrong)]), *cookie_server()(a)]
    up.default = behave
    for name in ("a.example", "a.example", "b.example"):
        assert rrs(ask(daemon, name)) == [GOOD]
    counters = daemon.status()["counters"]
    assert counters["upstream_cookie"] == 2 == counters["upstream_mismatched"]


def test_our_own_part_alone_is_no_servers(scripted):
    """CVE-2026-33262: there is nothing behind the first eight octets."""
    daemon, up = scripted()
    up.default = lambda a: [good(a, options=[(F.COOKIE, a.cookie[:8])])]
    for i in range(3):
        assert rrs(ask(daemon, f"n{i}.example")) == [GOOD]
    assert all(len(a.cookie) == 8 and not a.tcp for a in up.asked())


def test_without_its_cookie_a_server_is_not_believed(scripted):
    """Somebody got ID, port, name and letters right, and did not see the cookie."""
    daemon, up = scripted(timeout="30s", workers=1)
    up.default = cookie_server()
    assert rrs(ask(daemon, "first.example")) == [GOOD]
    up.on("victim.example", lambda a: cookie_server()(a) if a.tcp else [evil(a), evil(a), evil(a, edns=False)])
    assert rrs(ask(daemon, "victim.example")) == [GOOD]
    assert [a.tcp for a in up.asked("victim.example")] == [False, True]
    assert daemon.status()["counters"]["upstream_cookie"] >= 1
    up.on("error.example", lambda a: cookie_server()(a) if a.tcp else [a.reply(rcode=2).to_wire()])
    assert rrs(ask(daemon, "error.example")) == [GOOD], "nor are its errors"


def test_a_server_may_stop_speaking_cookies(scripted):
    daemon, up = scripted(timeout="30s", workers=1)
    up.default = cookie_server()
    assert rrs(ask(daemon, "first.example")) == [GOOD]
    up.default = lambda a: [good(a)]
    for i in range(4):
        assert rrs(ask(daemon, f"n{i}.example")) == [GOOD]
    assert len(up.asked(tcp=True)) == 1, "asked by TCP once, and believed by UDP from then on"


def test_badcookie(scripted):
    """A server that wants a good cookie first, and whose secret changes."""
    daemon, up = scripted(timeout="30s", workers=1)
    secret = {"now": b"1" * 8}

    def strict(a):
        option = [(F.COOKIE, a.cookie[:8] + secret["now"])]
        if a.cookie[8:] == secret["now"]:
            return [good(a, options=option)]
        return [a.reply(rcode=23, options=option).to_wire()]
    up.default = strict
    assert rrs(ask(daemon, "a.example")) == [GOOD] and len(up.asked("a.example")) == 2
    assert rrs(ask(daemon, "b.example")) == [GOOD] and len(up.asked("b.example")) == 1
    secret["now"] = b"2" * 32
    assert rrs(ask(daemon, "c.example")) == [GOOD] and len(up.asked("c.example")) == 2
    assert not up.asked(tcp=True)
