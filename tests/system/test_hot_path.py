# SPDX-License-Identifier: BSD-2-Clause
"""What a query costs that is blocked or cached: nothing of the heap, no lock, and no system call but those that wait for datagrams, take
them and send them."""
import collections
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time

import pytest

from harness import fake as f
from harness.ask import ANSWER_S, eventually, header, opt, question, rcode_of, counts_of
from harness.daemon import build_dir

COUNTED = 2000  # queries of each kind
TRACED = 2500
WINDOW = 32
TTL = 3600  # far from the end, when a hot name would be fetched again
ROW = struct.Struct("8Q")  # as hot_count.c has it
ANSWERS = ("nxdomain", "nodata", "null", "refused", "address")
WAITED_S = 30


def sanitized():
    program = (build_dir() / "saringd").read_bytes()
    return b"__asan_init" in program or b"__tsan_init" in program


needs_counting = pytest.mark.skipif(sanitized(), reason="a sanitizer's runtime has interposed malloc and the locks already: see the release build")


def shim():
    path = build_dir() / "tests/system/hot_count.so"
    assert path.exists(), f"{path} is built with the tests"
    return path


def counts(prefix, pid):
    """thread ID -> (allocations, frees, locks, waits)"""
    raw = (prefix.parent / f"{prefix.name}.{pid}").read_bytes()
    rows = (ROW.unpack_from(raw, at) for at in range(0, len(raw), ROW.size))
    return {row[0]: row[1:5] for row in rows if row[0] != 0}


def worker_of(pid):
    names = {int(t): open(f"/proc/{pid}/task/{t}/comm", encoding="ascii").read().strip() for t in os.listdir(f"/proc/{pid}/task")}
    return next(t for t, name in names.items() if name == "worker-0")


class Hot:
    """saringd with one worker, lists of every answer, and names that rest in its cache."""

    def __init__(self, saringd, fake, env=None):
        self.up = fake(default=f.answer("192.0.2.200", ttl=TTL))
        lists = {f"{answer}.yaml": f"entries: [{', '.join(f'{answer}{i}.example' for i in range(8))}]\n" for answer in ANSWERS}
        self.blocked = [(f"www.{answer}{i}.example", t) for answer in ANSWERS for i in range(8) for t in (1, 28)]
        self.cached = [(f"free{i}.example", 1) for i in range(24)] + [("empty.example", 28), ("gone.example", 1), ("alias.example", 1), ("text.example", 16),
                                                                       ("split.example", 1)]
        soa = f". {TTL} SOA ns.example. h.example. 1 3600 600 86400 {TTL}"
        self.up.on("empty.example", f.records(authority=[soa]))
        self.up.on("gone.example", f.records(rcode=3, authority=[soa]))
        self.up.on("alias.example", f.records(f"alias.example {TTL} CNAME free0.example.", f"free0.example {TTL} A 192.0.2.1"))
        # kept in two parts, as the servers of a route have the end of it
        self.up.on("split.example", f.records(f"split.example {TTL} CNAME end.corp.example."))
        self.up.on("text.example", f.records(*(f'{TTL} TXT "{c * 100}"' for c in "abcd")))
        self.daemon = saringd({"upstream": {"servers": [self.up.endpoint], "routes": [{"zone": "corp.example", "servers": [self.up.endpoint]}]},
                               "block": {"addresses": ["192.0.2.80", "2001:db8::80"]},
                               "lists": [{"name": a, "file": f"{a}.yaml", "answer": a} for a in ANSWERS]}, lists, workers=1, env=env)
        self.pid = self.daemon.process.pid
        self.worker = worker_of(self.pid)
        self.client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.client.connect(("127.0.0.1", self.daemon.port))
        self.client.settimeout(ANSWER_S)
        self.known = {}
        for one in self.blocked + self.cached:
            for edns in (True, False):
                answer = self.exchange([(one, edns)])[0]
                self.known[one, edns] = (rcode_of(answer), counts_of(answer))
        self.drive(self.blocked, 200)
        self.drive(self.cached, 200)

    def exchange(self, batch):
        """The answers to some questions sent at once, in their order."""
        for qid, ((name, rdtype), edns) in enumerate(batch):
            self.client.send(header(qid, ar=1 if edns else 0) + question(*name.split("."), rdtype=rdtype) + (opt() if edns else b""))
        answers = {}
        while len(answers) < len(batch):
            answer = self.client.recv(65535)
            answers[struct.unpack(">H", answer[:2])[0]] = answer
        return [answers[qid] for qid in range(len(batch))]

    def drive(self, questions, count):
        """So many queries, some with EDNS; every answer is what the same question had before."""
        for begin in range(0, count, WINDOW):
            batch = [(questions[i % len(questions)], i % 3 != 0) for i in range(begin, min(begin + WINDOW, count))]
            for one, answer in zip(batch, self.exchange(batch)):
                assert (rcode_of(answer), counts_of(answer)) == self.known[one], one


def grown(hot, before, kind, by):
    """Every query counted as its kind, and none of them as anything else."""
    after = hot.daemon.queries()
    assert {k: after[k] - before[k] for k in after if after[k] != before[k]} == {"total": by, kind: by}


@needs_counting
def test_the_counters_count(tmp_path):
    """The probe itself: a program that takes and frees and locks a known number of times."""
    code = ("import ctypes, os, struct\n"
            "c = ctypes.CDLL(None)\n"
            "c.malloc.restype = ctypes.c_void_p\n"
            "lock = ctypes.create_string_buffer(64)\n"
            "def seen(): return struct.unpack_from('8Q', open(os.environ['SARING_HOT_COUNT'] + '.' + str(os.getpid()), 'rb').read())\n"
            "seen()\n"
            "a = seen()\n"
            "for i in range(500): c.pthread_mutex_lock(lock); c.pthread_mutex_unlock(lock)\n"
            "for i in range(500): c.free(ctypes.c_void_p(c.malloc(100000)))\n"
            "b = seen()\n"
            "assert b[0] == os.getpid() and b[1] - a[1] >= 500 and b[2] - a[2] >= 500 and b[3] - a[3] >= 500, (a, b)\n")
    env = {**os.environ, "LD_PRELOAD": str(shim()), "SARING_HOT_COUNT": str(tmp_path / "counts")}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


@needs_counting
@pytest.mark.parametrize("kind", ["blocked", "cached"])
def test_no_allocation_and_no_lock(saringd, fake, home, kind):
    prefix = home / "counts"
    hot = Hot(saringd, fake, env={"LD_PRELOAD": str(shim()), "SARING_HOT_COUNT": str(prefix)})
    asked, queries = len(hot.up.asked()), hot.daemon.queries()
    begun = time.monotonic()
    before = counts(prefix, hot.pid)[hot.worker]
    assert before[0] > 0, "the worker was seen to allocate when it started"
    hot.drive(getattr(hot, kind), COUNTED)
    after = counts(prefix, hot.pid)[hot.worker]
    # once a second the main thread wakes it for the watchdog's sake, and it looks into its mailbox, which has a lock
    ticks = int(time.monotonic() - begun) + 1
    grown(hot, queries, kind, COUNTED)
    assert len(hot.up.asked()) == asked, "nothing was forwarded"
    cost = dict(zip(("allocations", "frees", "locks", "waits"), (b - a for a, b in zip(before, after))))
    assert cost["locks"] <= ticks < COUNTED / 10 and not any(v for k, v in cost.items() if k != "locks"), f"{COUNTED} {kind} queries cost the worker {cost} in {ticks} s"


class Strace:
    """strace on a running process, all its threads."""

    def __init__(self, pid, log):
        self.log, self.said = log, log.parent / (log.name + ".said")
        with open(self.said, "wb") as said:
            self.process = subprocess.Popen(["strace", "-f", "-p", str(pid), "-o", str(log)], stdin=subprocess.DEVNULL, stdout=said, stderr=said)
        eventually(lambda: "attached" in self.text() or self.process.poll() is not None, "strace attaches")
        if self.process.poll() is not None:
            pytest.skip(f"strace may not trace here: {self.text().strip()}")

    def text(self):
        return self.said.read_text(errors="replace")

    def end(self):
        """Lets go of the process; the calls of each thread, by name."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait(WAITED_S)
        calls = collections.defaultdict(collections.Counter)
        for line in self.log.read_text(errors="replace").splitlines():
            if found := re.match(r"(\d+) +(\w+)\(", line):  # "<... resumed>" is the second half of one
                calls[int(found[1])][found[2]] += 1
        return calls


def test_no_system_call_of_its_own(saringd, fake, home):
    if not shutil.which("strace"):
        pytest.skip("strace is not installed")
    hot = Hot(saringd, fake)
    queries = hot.daemon.queries()
    begin = time.monotonic()
    strace = Strace(hot.pid, home / "strace")
    hot.drive(hot.blocked, TRACED)
    hot.drive(hot.cached, TRACED)
    calls = strace.end()
    seconds = time.monotonic() - begin
    after = hot.daemon.queries()
    assert (after["blocked"] - queries["blocked"], after["cached"] - queries["cached"]) == (TRACED, TRACED)
    mine = calls[hot.worker]
    assert mine["recvmmsg"] > 0 and mine["sendmmsg"] > 0, "the probe itself works"
    assert mine["sendmmsg"] <= 2 * TRACED and mine["recvmmsg"] <= 4 * TRACED
    # the main thread asks each worker once a second for a sign of life, by an eventfd
    assert mine.pop("read", 0) <= seconds + 2, mine
    mine.pop("restart_syscall", None)  # strace's own: the call it interrupted when it came
    assert set(mine) <= {"epoll_wait", "recvmmsg", "sendmmsg"}, f"{2 * TRACED} queries: {dict(mine)}"
