# SPDX-License-Identifier: BSD-2-Clause
"""An upstream for long runs, a process of its own: no log, no thread for each question, and what it says follows from the name, so that
whoever asked can tell whether an answer is that of its question.

The label before `test` says what is wanted: `fail` gets SERVFAIL, `nx` NXDOMAIN, `big` TC over UDP and the whole over TCP, `mute`
nothing at all; every other name its address."""
import multiprocessing
import os
import selectors
import signal
import socket
import struct
import time
import zlib

TTL = 300
LATE_S = 0.5   # an upstream that got no turn for so long was as good as away, and that is the machine's fault
AFTER_S = 10.0  # what was asked meanwhile may fail for so long after it
SOA = struct.pack(">BHHIH", 0, 6, 1, 60, 22) + b"\0\0" + struct.pack(">5I", 1, 3600, 600, 86400, 60)


def address(name):
    """The address of a name: 198.18.0.0/15 by its checksum."""
    return bytes([198, 18 + (zlib.crc32(name) >> 16 & 1), *struct.pack(">H", zlib.crc32(name) & 0xFFFF)])


def respond(wire, tcp):
    """The answer to a question, or None."""
    if len(wire) < 17 or wire[2] & 0x80 or wire[4:6] != b"\0\1":
        return None
    at, labels = 12, []
    while at < len(wire) and wire[at]:
        labels.append(wire[at + 1:at + 1 + wire[at]].lower())
        at += 1 + wire[at]
    at += 5
    if at > len(wire):
        return None
    kind = labels[-2] if len(labels) > 1 else b""
    is_a = wire[at - 4:at - 2] == b"\0\1"

    def message(rcode, answers=0, authorities=0, body=b"", tc=0):
        return wire[:2] + bytes([0x80 | wire[2] & 1 | tc, 0x80 | rcode]) + struct.pack(">4H", 1, answers, authorities, 0) + wire[12:at] + body

    if kind == b"mute":
        return None
    if kind == b"fail":
        return message(2)
    if kind == b"nx":
        return message(3, authorities=1, body=SOA)
    if kind == b"big" and not tcp:
        return message(0, tc=2)
    if not is_a:
        return message(0, authorities=1, body=SOA)
    return message(0, answers=1, body=struct.pack(">3HIH", 0xC00C, 1, 1, TTL, 4) + address(b".".join(labels)))


class Stream:
    def __init__(self, connection):
        self.connection, self.bytes = connection, b""

    def readable(self):
        """False when it has ended."""
        try:
            got = self.connection.recv(65536)
            self.bytes += got
            while len(self.bytes) >= 2 and len(self.bytes) >= 2 + struct.unpack(">H", self.bytes[:2])[0]:
                end = 2 + struct.unpack(">H", self.bytes[:2])[0]
                reply = respond(self.bytes[2:end], True)
                self.bytes = self.bytes[end:]
                if reply:
                    self.connection.sendall(struct.pack(">H", len(reply)) + reply)
            return bool(got)
        except OSError:
            return False


def serve(udp, listener, beat):
    """Until killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    selector = selectors.DefaultSelector()
    selector.register(udp, selectors.EVENT_READ)
    selector.register(listener, selectors.EVENT_READ)
    while True:
        ready, now = selector.select(0.1), time.monotonic()
        if now - beat[0] > LATE_S:
            beat[1] = now + AFTER_S
        beat[0] = now
        for key, _ in ready:
            if key.fileobj is udp:
                try:
                    for _ in range(64):
                        wire, peer = udp.recvfrom(4096, socket.MSG_DONTWAIT)
                        reply = respond(wire, False)
                        if reply:
                            udp.sendto(reply, peer)
                except OSError:
                    pass
            elif key.fileobj is listener:
                connection, _ = listener.accept()
                selector.register(connection, selectors.EVENT_READ, Stream(connection))
            elif not key.data.readable():
                selector.unregister(key.fileobj)
                key.fileobj.close()


class Upstream:
    """mute(), then speak(): it is there and says nothing. die(), then live(): nobody is at its port."""

    def __init__(self):
        self.process = None
        self.port = 0
        # when it last had a turn, and until when it is excused for having been late
        self.beat = multiprocessing.get_context("fork").Array("d", [time.monotonic(), 0.0], lock=False)
        self.live()

    def was_late(self):
        """By no fault of anybody who is tested."""
        now = time.monotonic()
        return now - self.beat[0] > LATE_S or now < self.beat[1]

    def live(self):
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * 1024 * 1024)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        udp.bind(("127.0.0.1", self.port))
        self.port = udp.getsockname()[1]
        listener.bind(("127.0.0.1", self.port))
        listener.listen(64)
        self.process = multiprocessing.get_context("fork").Process(target=serve, args=(udp, listener, self.beat), daemon=True)
        self.process.start()
        udp.close()
        listener.close()

    def die(self):
        self.process.kill()
        self.process.join()

    def mute(self):
        os.kill(self.process.pid, signal.SIGSTOP)

    def speak(self):
        os.kill(self.process.pid, signal.SIGCONT)

    @property
    def endpoint(self):
        return f"dns://127.0.0.1:{self.port}"
