# SPDX-License-Identifier: BSD-2-Clause
"""Floods: clients over their rate, strangers, answers larger than what was asked, names that nobody answers, names made up at random,
and answers held back to come all at once. Clients are told apart by their /24: 127.0.N.1 is one for each N."""
import os
import random
import resource
import select
import socket
import struct
import threading
import time

import dns.edns
import dns.message
import dns.query
import dns.rcode
import pytest

from harness import fake as F
from harness.ask import ANSWER_S, ask, eventually, flags_of, header, opt, question, rcode_of
from harness.daemon import build_dir, sanitized
from harness.quick import Quick

TC = 0x0200
LISTS = {"l.yaml": "entries: [blocked.example]\n"}


@pytest.fixture
def quick():
    """A factory of quick upstreams."""
    made = []

    def make(*args, **more):
        made.append(Quick(*args, **more))
        return made[-1]

    yield make
    for one in made:
        one.close()


def configured(saringd, up=None, clients=None, binaries=None, **more):
    upstream = {"servers": [up.endpoint if up else "dns://127.0.0.1:1"], **more.pop("upstream", {})}
    return saringd({"upstream": upstream, "clients": clients or {"allow": ["127.0.0.0/8"]}, "lists": [{"name": "l", "file": "l.yaml"}],
                    **more}, LISTS, binaries=binaries)


def counters(daemon):
    return daemon.status()["counters"]


def query(qid, name, rdtype=1, options=b""):
    return header(qid, ar=1) + question(*name.split("."), rdtype=rdtype) + opt(options=options)


class Client:
    """UDP from an address of one's own; several sockets, so that every worker hears of it."""

    def __init__(self, daemon, n, sockets=16):
        self.sockets = []
        for _ in range(sockets):
            s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
            s.bind((f"127.0.{n}.1", 0))
            s.connect(("127.0.0.1", daemon.port))
            s.settimeout(ANSWER_S)
            self.sockets.append(s)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for s in self.sockets:
            s.close()

    def send(self, wires):
        """All of them, pausing now and then so that the kernel's queues are not what is tested."""
        for i, wire in enumerate(wires):
            self.sockets[i % len(self.sockets)].send(wire)
            if i % 64 == 63:
                time.sleep(0.002)

    def take(self, quiet_s=0.0):
        """What has come, and comes until nothing does for so long."""
        got = []
        by_fd = {s.fileno(): s for s in self.sockets}
        poll = select.poll()
        for fd in by_fd:
            poll.register(fd, select.POLLIN)
        while ready := poll.poll(quiet_s * 1000):
            got += [by_fd[fd].recv(65535) for fd, _ in ready]
        return got

    def exchange(self, wire):
        self.sockets[0].send(wire)
        return self.sockets[0].recv(65535)


def flood(daemon, client, wires):
    """Send, and wait until the daemon has judged them all (the kernel may have dropped some, which it counts)."""
    before = daemon.status()
    client.send(wires)

    def judged():
        now = daemon.status()
        return (now["queries"]["total"] - before["queries"]["total"]
                + now["counters"]["rxq_dropped"] - before["counters"]["rxq_dropped"]) >= len(wires)

    eventually(judged, "all are judged")
    return client.take(0.05)


# ---- the rate of a client


def test_above_the_rate(saringd):
    daemon = configured(saringd, clients={"allow": ["127.0.0.0/8"], "rate": "50/s"})
    with Client(daemon, 5) as client, Client(daemon, 6) as other:
        begin = time.monotonic()
        got = flood(daemon, client, [query(i, "blocked.example") for i in range(1000)])
        seconds = time.monotonic() - begin
        full = [g for g in got if not flags_of(g) & TC]
        told = [g for g in got if flags_of(g) & TC]
        assert {rcode_of(g) for g in full} == {3} and {len(g) for g in told} == {len(query(0, "blocked.example"))}
        # both workers count together: a second's worth at once, and the rate for as long as it took
        assert 50 <= len(full) <= 50 * (seconds + 2)
        count = counters(daemon)
        assert count["rate_slipped"] == len(told) and abs(count["rate_slipped"] - count["rate_dropped"]) <= 1
        assert len(full) + count["rate_slipped"] + count["rate_dropped"] + count["rxq_dropped"] == 1000
        # who is asked to come by TCP is answered there; and others do not notice
        reply = dns.query.tcp(dns.message.make_query("blocked.example", "A"), "127.0.0.1", ANSWER_S, daemon.port, source="127.0.5.9")
        assert reply.rcode() == dns.rcode.NXDOMAIN
        for i in range(20):
            assert rcode_of(other.exchange(query(i, "blocked.example"))) == 3


def test_a_cookie_is_the_way_out(saringd):
    daemon = configured(saringd, clients={"allow": ["127.0.0.0/8"], "rate": "10/s"})
    mine = struct.pack(">2H", 10, 8) + b"mycookie"
    with Client(daemon, 5) as client:
        flood(daemon, client, [query(i, "blocked.example") for i in range(100)])
        got = flood(daemon, client, [query(i, "blocked.example", options=mine) for i in range(200)])
        replies = [dns.message.from_wire(g) for g in got]
        assert replies and dns.rcode.BADCOOKIE in {r.rcode() for r in replies}
        cookie = next(o for r in replies for o in r.options if int(o.otype) == 10).to_wire()
        assert cookie[:8] == b"mycookie" and len(cookie) == 24
        shown = struct.pack(">2H", 10, len(cookie)) + cookie
        got = flood(daemon, client, [query(i, "blocked.example", options=shown) for i in range(200)])
        assert len(got) == 200 and {dns.message.from_wire(g).rcode() for g in got} == {dns.rcode.NXDOMAIN}


# ---- amplification

ODD = {
    "blocked": query(1, "blocked.example"),
    "blocked, no EDNS": header(1) + question("blocked", "example"),
    "ANY": query(1, "open.example", rdtype=255),
    "ANY, blocked": query(1, "blocked.example", rdtype=255),
    "AXFR": query(1, "open.example", rdtype=252),
    "malformed": query(1, "blocked.example") + b"x",
    "no question": header(1, qd=0),
    "an opcode that is unknown": header(1, flags=0x7800, qd=0),
    "CHAOS": header(1, ar=1) + question("version", "bind", rdtype=16, rdclass=3) + opt(),
    "localhost": query(1, "localhost"),
    "a zone's SOA": query(1, "10.in-addr.arpa", rdtype=6),
    "cookie": query(1, "blocked.example", options=struct.pack(">2H", 10, 8) + b"mycookie"),
    "large, cached": query(1, "large.example", rdtype=16),
}


def test_answers_are_not_worth_forging_questions_for(saringd, quick):
    """Of each kind: an answer is at most some times the size of its question; above the rate what goes out is less than what comes."""
    up = quick(text=b"x" * 1000)
    daemon = configured(saringd, up, clients={"allow": ["127.0.0.0/8"], "rate": "10/s"})
    assert len(ask(daemon, "large.example", "TXT").answer) == 1
    for n, (kind, wire) in enumerate(ODD.items()):
        with Client(daemon, 10 + n) as client:
            answer = client.exchange(wire)
            most = 30 if kind == "large, cached" else 6
            assert len(answer) <= most * len(wire) and len(answer) <= 1232, (kind, len(wire), len(answer))
            flood(daemon, client, [wire] * 20)  # the limit engages
            begin = time.monotonic()
            got = flood(daemon, client, [wire] * 500)
            passed = 10 * (time.monotonic() - begin + 1)
            out = sum(len(g) for g in got)
            assert len([g for g in got if len(g) > len(wire) + 16]) <= passed, kind
            assert out <= max(500 * len(wire), passed * len(answer)), (kind, out, 500 * len(wire))


def test_strangers_are_refused_a_hundred_times(saringd):
    daemon = configured(saringd, clients={"allow": ["127.0.0.0/24"]})
    wire = query(1, "blocked.example")
    with Client(daemon, 5) as stranger, Client(daemon, 6) as other:
        begin = time.monotonic()
        got = flood(daemon, stranger, [wire] * 2000)
        seconds = time.monotonic() - begin
        assert {rcode_of(g) for g in got} == {5} and 100 <= len(got) <= 100 * (seconds + 2)
        assert sum(len(g) for g in got) < 2000 * len(wire)
        count = counters(daemon)
        assert count["refusals_dropped"] == 2000 - len(got) - count["rxq_dropped"] > 0
        assert rcode_of(other.exchange(wire)) == 5, "another stranger is told"
    assert rcode_of(ask(daemon, "blocked.example").to_wire()) == 3


# ---- names that nobody answers


def dead(label):
    """Of these tests' names, those that begin so are not answered."""
    return None if label.startswith(b"dead") else 0


def success(daemon, client, count, pause_s=0.0):
    """How many of so many fresh names, one after the other, are resolved."""
    good = 0
    for i in range(count):
        good += rcode_of(client.exchange(query(i, f"good{random.getrandbits(60)}.example"))) == 0
        time.sleep(pause_s)
    return good


class Flooder(threading.Thread):
    """Asks for one name after the other, and takes no answers, until it is stopped."""

    def __init__(self, clients, name_of):
        super().__init__(daemon=True)
        self.clients, self.name_of, self.over, self.sent = clients, name_of, threading.Event(), 0

    def run(self):
        while not self.over.is_set():
            for client in self.clients:
                client.send([query(i, self.name_of(self.sent + i)) for i in range(64)])
                self.sent += 64
                client.take()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.join(30)


def workers(daemon):
    return daemon.config["workers"]


def test_one_client_does_not_take_all_the_slots(saringd, quick):
    """It asks for names that nobody answers, all of different zones: others are resolved (CVE-2026-42534)."""
    up = quick(dead)
    daemon = configured(saringd, up, upstream={"timeout": "10s"})
    with Client(daemon, 5) as greedy, Client(daemon, 6) as other:
        with Flooder([greedy], lambda i: f"dead{i}.zone{i}"):
            eventually(lambda: counters(daemon)["client_full"] > 1000, "it has all it may have")
            assert success(daemon, other, 200, 0.005) >= 180
            assert success(daemon, greedy, 3) == 0, "it waits for itself"
        # what it holds is bounded, whatever it sends
        assert len([label for label in up.asked if label.startswith(b"dead")]) <= 1024 * workers(daemon)


def test_names_made_up_below_one_zone(saringd, quick):
    """From everywhere: the rest of the world is resolved, from the same clients too; and those refused are told at once."""
    up = quick(dead)
    daemon = configured(saringd, up, upstream={"timeout": "10s"})
    crowd = [Client(daemon, n, 4) for n in range(10, 40)]
    try:
        with Flooder(crowd, lambda i: f"dead{i}.www.victim.example"):
            eventually(lambda: counters(daemon)["zone_full"] > 1000, "the zone has all it may have")
            with Client(daemon, 6) as other, Client(daemon, 12) as one_of_them:
                refused = other.exchange(query(1, "dead.victim.example"))
                assert rcode_of(refused) == 2, "at once, not when the time is over"
                for client in (other, one_of_them):
                    good = 0
                    for i in range(100):
                        good += rcode_of(client.exchange(query(i, f"good{random.getrandbits(60)}.elsewhere{i}.test2"))) == 0
                    assert good >= 90
        asked = [label for label in up.asked if label.startswith(b"dead")]
        assert len(asked) <= 1024 * workers(daemon)
        assert counters(daemon)["client_full"] == 0, "no client had more than its share"
    finally:
        for client in crowd:
            client.__exit__()


def resident(daemon):
    return int(open(f"/proc/{daemon.process.pid}/statm", encoding="ascii").read().split()[1]) * resource.getpagesize()


def test_unique_names_do_not_push_out_the_hot_ones(saringd, quick):
    """A cache of a quarter of a megabyte, a hundred names asked again and again, and twenty thousand asked once."""
    up = quick()
    daemon = configured(saringd, up, cache={"size": "256KiB", "prefetch": False})
    hot = [f"hot{i}.example" for i in range(100)]
    asked = unique = 0
    with Client(daemon, 5, 1) as client:
        def together(names):
            for i, name in enumerate(names):
                client.sockets[0].send(query(i, name))
            assert {rcode_of(client.sockets[0].recv(65535)) for _ in names} == {0}

        for _ in range(3):
            together(hot)
        before = dict(up.asked)
        memory = None
        for _ in range(400):
            together([f"once{unique + i}.example" for i in range(50)])
            unique += 50
            together(hot[:50] if asked % 100 == 0 else hot[50:])
            asked += 50
            if unique == 5000:
                memory = resident(daemon)
    missed = sum(up.asked[n.split(".")[0].encode()] - before[n.split(".")[0].encode()] for n in hot)
    cache = daemon.status()["cache"]
    assert cache["bytes"] <= cache["limit_bytes"] == 256 << 10
    assert 1 - missed / asked > 0.95, f"{missed} of {asked}"
    # a sanitizer keeps what was freed for a while
    assert resident(daemon) - memory < (128 if sanitized() else 8) << 20


# ---- answers held back (DNSBomb, CVE-2024-33655)


def test_answers_are_not_saved_up(saringd, quick):
    """One source, five thousand names whose answers take long: few may wait, the others are told at once."""
    up = quick(lambda label: 4)
    daemon = configured(saringd, up, upstream={"timeout": "30s"})
    with Client(daemon, 5, 64) as client:
        client.send([query(i, f"slow{i}.zone{i}") for i in range(5000)])
        most = 1024 * workers(daemon)
        eventually(lambda: counters(daemon)["client_full"] + counters(daemon)["rxq_dropped"] >= 5000 - most, "the rest is told")
        assert len(up.asked) <= most
        got = []
        eventually(lambda: got.extend(client.take()) or len(got) == 5000 - counters(daemon)["rxq_dropped"], "all are answered")
        assert len([g for g in got if rcode_of(g) == 0]) <= most


def test_one_answer_for_many_is_not_saved_up(saringd, quick):
    """The same with one name alone, which is asked of the upstream once."""
    up = quick(lambda label: 4)
    daemon = configured(saringd, up, upstream={"timeout": "30s"})
    with Client(daemon, 5, 64) as client:
        client.send([query(i, "slow.example") for i in range(5000)])
        most = 1024 * workers(daemon)

        def told():
            count = counters(daemon)
            return count["client_full"] + count["inflight_full"] + count["rxq_dropped"]

        eventually(lambda: told() >= 5000 - most, "the rest is told")
        got = []
        eventually(lambda: got.extend(client.take()) or len(got) == 5000 - counters(daemon)["rxq_dropped"], "all are answered")
        assert len([g for g in got if rcode_of(g) == 0]) <= most


def test_nothing_is_held_beyond_the_time(saringd, quick):
    """What the upstream says after the time is over is not passed on: the answer was SERVFAIL, when it was due."""
    up = quick(lambda label: 1)
    daemon = configured(saringd, up, upstream={"timeout": "100ms"})
    with Client(daemon, 5) as client:
        client.send([query(i, f"slow{i}.zone{i}") for i in range(500)])
        got = []
        eventually(lambda: got.extend(client.take()) or len(got) + counters(daemon)["rxq_dropped"] >= 500, "all are answered")
        assert {rcode_of(g) for g in got} == {2}
        eventually(lambda: len(up.asked) > 0 and counters(daemon)["upstream_timeout"] >= 500, "they were asked in vain")
        time.sleep(1.2)  # past the upstream's answers
        assert client.take() == []


# ---- what one question causes


def tc(ask_):
    return [ask_.reply(flags=TC).to_wire()]


HOSTILE = {
    "silence": F.silence,
    "garbage": F.garbage,
    "another's ID": lambda a: [F.flip_id(a.reply("300 A 192.0.2.1").to_wire())] * 20,
    "SERVFAIL": F.error("SERVFAIL"),
    "REFUSED": F.error("REFUSED"),
    "FORMERR": lambda a: [a.reply(rcode=1, edns=False).to_wire()],
    "truncated, and again over TCP": tc,
    "a CNAME that leads on": lambda a: [a.reply(f"300 CNAME next.{a.name}").to_wire()],
    "a CNAME to itself": lambda a: [a.reply(f"300 CNAME {a.name}").to_wire()],
}


@pytest.mark.parametrize("servers", [1, 3])
def test_one_question_is_few(saringd, fake, servers):
    """CAMP: whatever the upstreams do, one question is sent at most four times, retries, TCP and other servers included."""
    ups = [fake() for _ in range(servers)]
    daemon = configured(saringd, upstream={"servers": [u.endpoint for u in ups], "timeout": "2s"})
    for n, (kind, behaviour) in enumerate(HOSTILE.items()):
        for up in ups:
            up.default = behaviour
        with Client(daemon, 5, 1) as client:
            client.exchange(query(1, f"n{n}.example"))
        # a server that is down is probed by names of saring's own; that is bounded by time, not by questions
        sent = sum(len([a for a in up.asked() if a.folded.endswith(f"n{n}.example")]) for up in ups)
        assert 1 <= sent <= 4, (kind, sent)


def test_prefetch_and_stale_ask_once(saringd, fake):
    """Answers about to end, or that have: many clients want them, one question goes out for all, and four at most when none comes."""
    up = fake(default=F.answer("192.0.2.1", ttl=1))
    daemon = configured(saringd, up, upstream={"timeout": "1s"})
    with Client(daemon, 5) as client:
        assert rcode_of(client.exchange(query(1, "old.example"))) == 0
        up.on("old.example", F.silence)
        before = len(up.asked("old.example"))
        eventually(lambda: rcode_of(client.exchange(query(1, "old.example"))) == 0 and len(up.asked("old.example")) > before, "it has ended")
        client.send([query(i, "old.example") for i in range(300)])
        got = []
        eventually(lambda: got.extend(client.take()) or len(got) >= 300, "all are answered")
        assert {rcode_of(g) for g in got} == {0}, "by what there was"
    # rounds of asks follow each other while the name is wanted: each of four at most
    failed = daemon.status()["failures"]["noted"]
    assert len(up.asked("old.example")) - before <= 4 * (failed + 1)


# ---- descriptors


def test_few_files_and_many_questions(saringd, quick, home):
    """A flood of questions that nobody answers, from everywhere, where 256 files may be open: no more are, clients of TCP find a place,
    what is known is answered, and when it is over all is as before."""
    up = quick(dead)
    wrapped = home / "few"
    wrapped.mkdir()
    real = build_dir()
    (wrapped / "saringd").write_text(f'#!/bin/sh\nulimit -n 256 && exec "{real}/saringd" "$@"\n', encoding="utf-8")
    (wrapped / "saringd").chmod(0o755)
    for name in ("saringctl", "saring-compile", "saring-fetch"):
        (wrapped / name).symlink_to(real / name)
    daemon = configured(saringd, up, upstream={"timeout": "2s"}, binaries=wrapped)
    files = lambda: len(os.listdir(f"/proc/{daemon.process.pid}/fd"))
    before = files()
    crowd = [Client(daemon, n, 4) for n in range(10, 40)]
    try:
        with Flooder(crowd, lambda i: f"dead{i}.zone{i}"), Client(daemon, 6) as other:
            eventually(lambda: files() > 128, "it takes what there is")
            for i in range(20):
                assert files() <= 256
                assert rcode_of(other.exchange(query(i, "blocked.example"))) == 3
                assert ask(daemon, "blocked.example", tcp=True).rcode() == dns.rcode.NXDOMAIN
        with Client(daemon, 6) as other:
            eventually(lambda: success(daemon, other, 20) == 20, "all is well again")
        eventually(lambda: files() <= before + 10, "all is given back")
    finally:
        for client in crowd:
            client.__exit__()
