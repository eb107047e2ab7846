# SPDX-License-Identifier: BSD-2-Clause
"""The control socket under abuse: whoever may connect may say what he likes, and saringd answers clearly or hangs up, serves on, and
does not grow."""
import json
import os
import socket
import struct
import subprocess
import sys
import threading

import pytest

from harness.ask import ask, blocked, eventually
from harness.daemon import build_dir, needs_root

REQUEST_MAX = 65536
ANSWER_S = 60


@pytest.fixture
def daemon(saringd, fake):
    return saringd({"upstream": {"servers": [fake().endpoint]}, "lists": [{"name": "l", "file": "l.yaml"}]}, {"l.yaml": "entries: [a.example]\n"})


def connect(daemon):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    s.settimeout(ANSWER_S)

    def connected():
        try:
            s.connect(str(daemon.socket_path))
            return True
        except BlockingIOError:
            return False  # the queue of connections is full at this moment

    eventually(connected, "the queue of connections moves on")
    return s


def frame(message):
    raw = message if isinstance(message, bytes) else json.dumps(message).encode()
    return struct.pack(">I", len(raw)) + raw


def heard(s):
    """One reply; None when the other side hangs up without one."""
    got = b""
    try:
        while len(got) < 4 or len(got) < 4 + struct.unpack(">I", got[:4])[0]:
            more = s.recv(65536)
            if not more:
                break
            got += more
    except ConnectionResetError:
        pass
    return json.loads(got[4:]) if len(got) > 4 else None


def say(daemon, raw):
    with connect(daemon) as s:
        try:
            s.sendall(raw)
        except OSError:
            pass  # refused before all of it was said
        return heard(s)


def memory_kib(daemon):
    with open(f"/proc/{daemon.process.pid}/status", encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS:"))


def grew(daemon, before, mib):
    """A sanitizer keeps what is freed: then nothing is measured."""
    program = (build_dir() / "saringd").read_bytes()
    return b"__asan_init" not in program and b"__tsan_init" not in program and memory_kib(daemon) > before + mib * 1024


def serves(daemon):
    assert daemon.status()["pid"] == daemon.process.pid and blocked(ask(daemon, "a.example"))


def refused(reply, *words):
    assert reply is not None and reply["ok"] is False and reply["error"]["text"], reply
    text = reply["error"]["text"]
    assert all(0x20 <= ord(c) != 0x7f and not 0x80 <= ord(c) < 0xa0 for c in text), text
    assert any(word in text for word in words) or not words, text
    return text


def test_lengths_that_lie(daemon):
    """A frame that claims 4 GB costs four bytes, whatever follows."""
    serves(daemon)
    before = memory_kib(daemon)
    for _ in range(50):
        refused(say(daemon, b"\xff\xff\xff\xff"), "65536 bytes")
        refused(say(daemon, struct.pack(">I", REQUEST_MAX + 1)), "65536 bytes")
        refused(say(daemon, struct.pack(">I", 0)), "65536 bytes")
    assert not grew(daemon, before, 16)
    serves(daemon)


def test_ten_gigabytes(daemon):
    """Somebody who means it: the connection is gone long before."""
    sent = 0
    with connect(daemon) as s:
        s.sendall(b"\xff\xff\xff\xff")
        try:
            while sent < 10 << 30:
                sent += s.send(b"x" * 65536)
        except OSError:
            pass
    assert sent < 4 << 20
    # and in as many small frames as one likes: each is answered, none is kept
    before = memory_kib(daemon)
    with connect(daemon) as s:
        whole = frame(b" " * (REQUEST_MAX - 1) + b"1")
        s.sendall(whole)
        refused(heard(s), "not JSON")
        assert heard(s) is None  # who does not speak JSON is hung up on
    assert not grew(daemon, before, 16)
    serves(daemon)


def test_a_thousand_idle_connections(daemon):
    """They say nothing, or half of something, or do not read; who comes with a question is served meanwhile."""
    serves(daemon)
    before, idle = memory_kib(daemon), []
    part = [b"", b"\0", struct.pack(">I", REQUEST_MAX), struct.pack(">I", REQUEST_MAX) + b"{" * 30000, frame({"version": 1, "verb": "status"})]
    try:
        for i in range(1000):
            idle.append(connect(daemon))
            try:
                idle[-1].sendall(part[i % len(part)])
            except OSError:
                pass
            if i % 250 == 249:
                serves(daemon)
    finally:
        for s in idle:
            s.close()
    assert not grew(daemon, before, 64)
    serves(daemon)


def test_slow_writers_and_readers(daemon):
    """A byte now and then does not keep a connection; an answer that is not read keeps nobody else waiting."""
    stop = threading.Event()

    def drip(s):
        for byte in frame({"version": 1, "verb": "status"}) * 100:
            try:
                s.sendall(bytes([byte]))
            except OSError:
                return
            if stop.wait(1):
                return

    slow = [connect(daemon) for _ in range(20)]
    threads = [threading.Thread(target=drip, args=(s,), daemon=True) for s in slow]
    deaf = [connect(daemon) for _ in range(20)]
    try:
        for thread in threads:
            thread.start()
        for s in deaf:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
            s.setblocking(False)
            for _ in range(2000):  # more questions than their answers find room for
                try:
                    s.send(frame({"version": 1, "verb": "status"}))
                except OSError:
                    break
        for _ in range(5):
            serves(daemon)
        # all of them are hung up on: the request was not whole in time
        for s in slow:
            assert heard(s) is None
    finally:
        stop.set()
        for thread in threads:
            thread.join(20)
        for s in slow + deaf:
            s.close()
    serves(daemon)


BOMBS = {
    "deep lists": b"[" * 60000,
    "deep objects": b'{"a":' * 12000,
    "deep and closed": b"[" * 30000 + b"]" * 30000,
    "a large real": b'{"version": 1, "verb": "status", "args": {"name": 1e999}}',
    "a large integer": b'{"version": 99999999999999999999999, "verb": "status"}',
    "a real version": b'{"version": 1.0, "verb": "status"}',
    "not a number": b'{"version": NaN, "verb": "status"}',
    "duplicate keys": b'{"version": 1, "verb": "status", "verb": "reload"}',
    "a NUL escape": b'{"version": 1, "verb": "sta\\u0000tus"}',
    "a raw NUL": b'{"version": 1, "verb": "status"}\0',
    "a NUL in front": b'\0{"version": 1, "verb": "status"}',
    "a lone surrogate": b'{"version": 1, "verb": "\\ud800"}',
    "surrogates the wrong way round": b'{"version": 1, "verb": "\\udc00\\ud800"}',
    "an encoded surrogate": b'{"version": 1, "verb": "\xed\xa0\x80"}',
    "not UTF-8": b'{"version": 1, "verb": "\xff\xfe"}',
    "too long a form": b'{"version": 1, "verb": "\xc0\xaf"}',
    "two of them": b'{"version": 1, "verb": "status"}{"version": 1, "verb": "status"}',
    "cut off": b'{"version": 1, "verb": "stat',
    "a BOM": b'\xef\xbb\xbf{"version": 1, "verb": "status"}',
    "a control character": b'{"version": 1, "verb": "sta\x1b[31mtus"}',
    "a thousand members": b"{" + b",".join(b'"k%d":0' % i for i in range(5000)) + b"}",
    "no object": b'"status"',
    "nothing": b" ",
}


@pytest.mark.parametrize("what", BOMBS)
def test_json_bombs(daemon, what):
    refused(say(daemon, frame(BOMBS[what])))
    serves(daemon)


def test_many_bombs_leave_nothing(daemon):
    def all_of_them():
        for bomb in BOMBS.values():
            refused(say(daemon, frame(bomb)))

    all_of_them()
    before = memory_kib(daemon)
    for _ in range(20):
        all_of_them()
    assert not grew(daemon, before, 16)
    serves(daemon)


EVIL = ["\x1b[31mred", "a\r\nb", "\x7f", "\x9b31m", "\u202eevil", "\U000e0041", '"', "\\", "<script>", "=cmd|' /C calc'!A0", "x" * 60000, "é" * 5000]


def test_unknown_verbs_and_odd_arguments(daemon):
    for word in EVIL:
        assert word not in refused(say(daemon, frame({"version": 1, "verb": word})), "no verb") or word.isprintable()
        refused(say(daemon, frame({"version": 1, "verb": "status", "args": {word: 1}})), "takes no argument")
        refused(say(daemon, frame({"version": 1, "verb": "explain", "args": {"name": "a.example", "type": word}})), "record type")
        refused(say(daemon, frame({"version": 1, "verb": "explain", "args": {"name": "a.example", "client": word}})), "IP address")
        reply = say(daemon, frame({"version": 1, "verb": "list.fetch", "args": {"lists": [word]}}))
        refused(reply)
    for args in ([], "x", 1, True, 1.5):
        refused(say(daemon, frame({"version": 1, "verb": "status", "args": args})), "args are not")
    for verb, args in (("explain", {"name": None}), ("explain", {"name": []}), ("explain", {"name": ""}), ("explain", {"name": "." * 300}),
                       ("explain", {"name": "a" * 64}), ("explain", {"name": "a..b"}), ("explain", {"name": "a.example", "type": 5}),
                       ("explain", {"name": "a.example", "client": "1.2.3.4:53"}), ("cache.flush", {"name": 5}), ("cache.flush", {"name": "a..b"}),
                       ("cache.flush", {"nam": "a"}), ("list.fetch", {"lists": "l"}), ("list.fetch", {"lists": [5]}), ("list.fetch", {"lists": [None]}),
                       ("list.fetch", {"lists": [[]]}), ("list.fetch", {"force": "yes"}), ("list.fetch", {"lists": ["l"] * 10000}),
                       ("reload", {"x": 1}), ("", {}), ("status ", {}), ("STATUS", {})):
        refused(say(daemon, frame({"version": 1, "verb": verb, "args": args})))
    log = daemon.stderr_path.read_bytes()
    assert not set(log) & (set(range(32)) - {10}) and 0x7f not in log, log
    log.decode()
    serves(daemon)


def test_names_with_anything_in_them(daemon):
    """What explain is asked comes back escaped, and only as text."""
    for name in ("a\\000b.example", "a\\010b.example", "a\\027[31m.example", "\\\"\\\\.example", "a\\.b.example", "\\255" * 60 + ".example", "\\127.example"):
        reply = say(daemon, frame({"version": 1, "verb": "explain", "args": {"name": name}}))
        assert reply["ok"] is True and reply["result"]["verdict"] == "none", (name, reply)
        shown = reply["result"]["name"]
        assert shown.isascii() and shown.isprintable()
        again = say(daemon, frame({"version": 1, "verb": "explain", "args": {"name": shown}}))
        assert again["result"]["name"] == shown
        reply = say(daemon, frame({"version": 1, "verb": "cache.flush", "args": {"name": name}}))
        assert reply["ok"] is True
    lines = [line for line in daemon.stderr_path.read_bytes().split(b"\n") if b"cache.flush" in line]
    assert len(lines) == 7 and all(line.isascii() and line.decode().isprintable() for line in lines), lines


@needs_root
def test_another_user_is_refused(daemon):
    """Even one who finds the door open."""
    os.chmod(daemon.home, 0o755)
    os.chmod(daemon.home.parent, 0o755)
    os.chmod(daemon.socket_path, 0o666)
    code = ("import socket,struct,sys\ns=socket.socket(socket.AF_UNIX)\ns.settimeout(60)\ns.connect(sys.argv[1])\n"
            "for verb in ('status','explain','reload','cache.flush','list.fetch'):\n"
            " m=b'{\"version\": 1, \"verb\": \"%s\"}' % verb.encode()\n s.sendall(struct.pack('>I',len(m))+m)\n"
            " n=struct.unpack('>I',s.recv(4))[0]\n got=b''\n"
            " while len(got)<n: got+=s.recv(n-len(got))\n print(got.decode())\n")
    done = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", sys.executable, "-c", code, str(daemon.socket_path)],
                          capture_output=True, text=True, timeout=ANSWER_S, check=True)
    replies = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(replies) == 5
    for reply in replies:
        assert reply["ok"] is False and reply["error"]["code"] == "denied", reply
    serves(daemon)
