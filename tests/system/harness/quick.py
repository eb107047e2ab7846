# SPDX-License-Identifier: BSD-2-Clause
"""An upstream for floods: no more than UDP and one thread, which reads next to nothing of what comes. Of harness.fake, which can do
everything, a thousand questions are many; of this one a hundred thousand are few."""
import collections
import heapq
import socket
import struct
import threading
import time

from harness.ports import free_port


def first_label(wire):
    """The first label, folded: names come in mixed case."""
    return wire[13:13 + wire[12]].lower()


class Quick:
    """plan(first label) says what becomes of a question: a number of seconds to wait before the answer, or None for silence.
    Every answer is one A record, or a TXT record of `text` where that is asked for."""

    def __init__(self, plan=lambda label: 0, text=None):
        self.plan, self.text = plan, text
        self.port = free_port()
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.socket.bind(("127.0.0.1", self.port))
        self.asked = collections.Counter()  # first label -> how often
        self.closing = False
        self.thread = threading.Thread(target=self._loop, daemon=True)
        self.thread.start()

    @property
    def endpoint(self):
        return f"dns://127.0.0.1:{self.port}"

    def _answer(self, wire):
        end = wire.index(b"\0", 12) + 5  # no label of these tests holds a NUL
        if self.text and wire[end - 4:end - 2] == b"\0\x10":
            pieces = [self.text[i:i + 255] for i in range(0, len(self.text), 255)]
            data = b"".join(bytes([len(p)]) + p for p in pieces)
            record = struct.pack(">3HIH", 0xC00C, 16, 1, 3600, len(data)) + data
        else:
            record = struct.pack(">3HIH", 0xC00C, 1, 1, 3600, 4) + bytes((192, 0, 2, 200))
        opt = b"\0" + struct.pack(">2HIH", 41, 1232, 0, 0)
        return wire[:2] + b"\x81\x80" + struct.pack(">4H", 1, 1, 0, 1) + wire[12:end] + record + opt

    def _loop(self):
        late = []
        while not self.closing:
            self.socket.settimeout(max(late[0][0] - time.monotonic(), 0.001) if late else 0.2)
            try:
                wire, peer = self.socket.recvfrom(4096)
                label = first_label(wire)
                self.asked[label] += 1
                delay = self.plan(label)
                if delay is not None and delay <= 0:
                    self.socket.sendto(self._answer(wire), peer)
                elif delay is not None:
                    heapq.heappush(late, (time.monotonic() + delay, wire, peer))
            except (TimeoutError, BlockingIOError):
                pass
            while late and late[0][0] <= time.monotonic():
                _, wire, peer = heapq.heappop(late)
                self.socket.sendto(self._answer(wire), peer)

    def close(self):
        self.closing = True
        self.thread.join(10)
        self.socket.close()
