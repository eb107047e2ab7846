# SPDX-License-Identifier: BSD-2-Clause
"""An upstream that does what a test tells it, over UDP and TCP on one port of 127.0.0.1, and remembers everything it was sent.

    up = Fake()
    up.on("slow.example", hold(event), answer("192.0.2.1"))

A behaviour is called as f(ask) with an Ask and returns or yields the packets to send (bytes), in order; none means silence. Several behaviours
for a name are used one after the other, the last one for ever after."""
import concurrent.futures
import socket
import struct
import threading

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdatatype
import dns.rrset

from harness.ports import free_port


COOKIE = 10


class Ask:
    """One question as it came."""

    def __init__(self, wire, tcp, peer):
        self.wire, self.tcp, self.peer = wire, tcp, peer
        self.message = dns.message.from_wire(wire, ignore_trailing=False)
        self.id = self.message.id
        self.name = self.message.question[0].name  # case as sent
        self.folded = self.name.to_text(omit_final_dot=True).lower()
        self.type = dns.rdatatype.to_text(self.message.question[0].rdtype)

    @property
    def cookie(self):
        """The content of its COOKIE option (RFC 7873); empty when there is none."""
        return next((option.to_wire() for option in self.message.options if option.otype == COOKIE), b"")

    def reply(self, *records, rcode=0, authority=(), flags=0, edns=True, options=()):
        """records: "TTL TYPE RDATA", or "NAME TTL TYPE RDATA" when the first word is no number. options: (code, bytes) each."""
        message = dns.message.make_response(self.message, recursion_available=True)
        if options:
            message.use_edns(0, options=[dns.edns.GenericOption(code, data) for code, data in options])
        if not edns:
            message.use_edns(False)
        message.set_rcode(rcode)
        message.flags |= flags
        for section, texts in ((message.answer, records), (message.authority, authority)):
            for text in texts:
                words = text.split(" ")
                owner = self.name if words[0].isdigit() else dns.name.from_text(words.pop(0))
                rrset = dns.rrset.from_text(owner, int(words[0]), "IN", words[1], " ".join(words[2:]))
                for there in section:
                    if there.name == rrset.name and there.rdtype == rrset.rdtype and there.covers == rrset.covers:
                        there.update(rrset)
                        break
                else:
                    section.append(rrset)
        return message


class Unframed(bytes):
    """Over TCP: octets to go as they are, without a length before them."""


HANG_UP = object()  # over TCP: the connection is closed

SOA = ". 60 SOA ns.example. hostmaster.example. 1 3600 600 86400 60"


def answer(*texts, ttl=300):
    """A records of these addresses (AAAA for AAAA questions would need `records`)."""
    return lambda ask: [ask.reply(*(f"{ttl} A {a}" for a in texts)).to_wire(max_size=65535)] if ask.type == "A" else [
        ask.reply(authority=[SOA]).to_wire()]


def records(*texts, **more):
    return lambda ask: [ask.reply(*texts, **more).to_wire(max_size=65535)]


def error(rcode):
    return lambda ask: [ask.reply(rcode=dns.rcode.from_text(rcode)).to_wire()]


def silence(_ask):
    return []


def garbage(ask):
    return [ask.wire[:2] + b"\xff" * 40]


def hold(event, then):
    """Answer, but not before the event."""

    def behave(ask):
        assert event.wait(60)
        return then(ask)

    return behave


def truncated(then):
    """TC over UDP, the whole over TCP."""
    return lambda ask: then(ask) if ask.tcp else [ask.reply(flags=dns.flags.TC).to_wire()]


def flip_id(wire):
    return struct.pack(">H", struct.unpack(">H", wire[:2])[0] ^ 0x5555) + wire[2:]


class Fake:
    def __init__(self, default=None, port=None):
        self.default = default or answer("192.0.2.200")
        self.log = []
        self.rules = {}
        self.lock = threading.Lock()
        self.closing = self.udp_shut = False
        self.port = port or free_port()
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", self.port))
        self.tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.tcp.bind(("127.0.0.1", self.port))
        self.tcp.listen(64)
        self.connections = []
        self.faults = []
        self.pool = concurrent.futures.ThreadPoolExecutor(max_workers=64)
        self.threads = [threading.Thread(target=f, daemon=True) for f in (self._udp_loop, self._tcp_loop)]
        for thread in self.threads:
            thread.start()

    @property
    def endpoint(self):
        return f"dns://127.0.0.1:{self.port}"

    def on(self, name, *behaviours):
        with self.lock:
            self.rules[name.lower().rstrip(".")] = list(behaviours)

    def asked(self, name=None, rdtype=None, tcp=None):
        """What came, as a list of Ask."""
        with self.lock:
            return [a for a in self.log if (name is None or a.folded == name.lower()) and (rdtype is None or a.type == rdtype)
                    and (tcp is None or a.tcp == tcp)]

    def _behave(self, wire, tcp, peer):
        ask = Ask(wire, tcp, peer)
        with self.lock:
            self.log.append(ask)
            rule = self.rules.get(ask.folded)
            behaviour = self.default if not rule else (rule.pop(0) if len(rule) > 1 else rule[0])
        return behaviour(ask)

    def _udp_one(self, wire, peer):
        try:
            for packet in self._behave(wire, False, peer):
                self.udp.sendto(packet, peer)
        except Exception as fault:  # reported by close(): a thread has nobody to raise to
            if not self.closing:
                self.faults.append(repr(fault))

    def _udp_loop(self):
        while True:
            try:
                wire, peer = self.udp.recvfrom(65535)
            except OSError:
                return
            if self.closing or self.udp_shut:
                return
            self.pool.submit(self._udp_one, wire, peer)

    def _tcp_loop(self):
        while True:
            try:
                connection, peer = self.tcp.accept()
            except OSError:
                return
            if self.closing:
                connection.close()
                return
            self.connections.append(connection)
            threading.Thread(target=self._tcp_one, args=(connection, peer), daemon=True).start()

    def _tcp_one(self, connection, peer):
        send_lock = threading.Lock()

        def work(wire):
            try:
                for packet in self._behave(wire, True, peer):
                    with send_lock:
                        if packet is HANG_UP:
                            connection.shutdown(socket.SHUT_RDWR)
                            return
                        connection.sendall(packet if isinstance(packet, Unframed) else struct.pack(">H", len(packet)) + packet)
            except OSError:
                pass  # the client has gone
            except Exception as fault:
                if not self.closing:
                    self.faults.append(repr(fault))

        def exactly(n):
            data = b""
            while len(data) < n:
                piece = connection.recv(n - len(data))
                if not piece:
                    raise OSError("closed")
                data += piece
            return data

        try:
            while True:
                self.pool.submit(work, exactly(struct.unpack(">H", exactly(2))[0]))
        except OSError:
            connection.close()

    def shut_udp(self):
        """Datagrams find nobody from now on: port unreachable, as where a server has TCP alone."""
        self.udp_shut = True
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as poke:
            poke.sendto(b"", ("127.0.0.1", self.port))
        self.threads[0].join(10)
        self.udp.close()

    def close(self):
        if self.closing:
            return
        self.closing = True
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as poke:
            poke.sendto(b"", ("127.0.0.1", self.port))
        self.tcp.shutdown(socket.SHUT_RDWR)
        for thread in self.threads:
            thread.join(10)
        for one in [self.udp, self.tcp, *self.connections]:
            one.close()
        self.pool.shutdown(wait=False, cancel_futures=True)
        assert not self.faults, f"the fake upstream stumbled: {self.faults}"
