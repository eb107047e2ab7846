# SPDX-License-Identifier: BSD-2-Clause
"""Servers that ask each other in a circle: saringd as its own upstream, refused by the place in the file; two and three daemons that
only find out when they are asked."""
import json
import re
import socket
import threading

import pytest

from harness import fake as F
from harness.ask import Raw, ask, ede, eventually, rcode, rrs
from harness.ports import free_port


def own_address():
    """An address of this machine that is not loopback, or None."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        try:
            s.connect(("192.0.2.1", 53))  # nothing is sent
        except OSError:
            return None
        host = s.getsockname()[0]
    return None if host.startswith("127.") or host == "0.0.0.0" else host


# ---- before anything is asked

BASE = {"control": {"socket": "c.sock"}, "state": "state"}


def circles(port):
    yield [f"dns://127.0.0.1:{port}"], f"dns://127.0.0.1:{port}"
    yield [f"dns://0.0.0.0:{port}"], f"dns://127.3.2.1:{port}"
    yield ["dns://127.0.0.1:0", f"dns://127.0.0.9:{port}"], f"dns://127.0.0.9:{port}"
    if own_address():
        yield [f"dns://0.0.0.0:{port}"], f"dns://{own_address()}:{port}"


@pytest.mark.parametrize("route", [False, True])
def test_not_its_own_server(saringd, route):
    """Told with the place: by -t, by saringctl, at the start and at a reload, which goes on serving by what was."""
    for listen, server in circles(free_port()):
        upstream = {"servers": ["dns://192.0.2.53", server]}
        if route:
            upstream = {"servers": ["dns://192.0.2.53"], "routes": [{"zone": "corp.test", "servers": [server]}]}
        daemon = saringd({"listen": listen, "upstream": upstream}, start=False)
        lines = daemon.config_path.read_text().splitlines()
        at = next((n, line.index(json.dumps(server)) + 1) for n, line in enumerate(lines, 1) if line.startswith("upstream"))
        place = f"saring.yaml:{at[0]}:{at[1]}: '{server}' is where saringd itself listens"
        for program, *args in (("saringd", "-c", daemon.config_path, "-t"), ("saringctl", "-c", daemon.config_path, "check"),
                               ("saringd", "-c", daemon.config_path)):
            result = daemon.run(program, *args)
            assert result.code == 1 and (result.err + result.out).count(place) == 1, (program, args, result)
        sound = {"servers": ["dns://192.0.2.53"]}
        daemon.configure(upstream=sound)
        daemon.start()
        daemon.configure(upstream=upstream)
        result = daemon.ctl("reload", code=1)
        assert place in result.err + result.out
        assert server not in daemon.ctl("upstream").out, "it serves by what was"
        daemon.stop()


def test_not_the_port_the_kernel_chose(saringd):
    """Port 0 is known only when it is bound: a reload knows it."""
    daemon = saringd({"listen": ["dns://127.0.0.1:0"], "upstream": {"servers": ["dns://192.0.2.53"]}})
    daemon.configure(upstream={"servers": [f"dns://127.0.0.1:{daemon.port}"]})
    result = daemon.ctl("reload", code=1)
    assert "is where saringd itself listens" in result.err + result.out


def test_other_servers_of_this_machine_are_fine(saringd, fake):
    """Another port of an address that is listened at, and another address of a port."""
    up = fake()
    port = free_port()
    daemon = saringd({"listen": ["dns://0.0.0.0:0"], "upstream": {"servers": [up.endpoint]}})
    with Raw(daemon, "0.0.0.0") as raw:
        raw.socket.connect(("127.0.0.1", daemon.udp["0.0.0.0"]))
        assert raw.exchange(b"\x12\x34\x01\0\0\1\0\0\0\0\0\0\4open\7example\0\0\1\0\1")[:2] == b"\x12\x34"
    other = saringd({"listen": [f"dns://127.0.0.1:{port}"], "upstream": {"servers": [f"dns://127.0.0.2:{port}", up.endpoint]}})
    assert rrs(ask(other, "open.example")) == ["192.0.2.200"]


# ---- and when it is


def ring(saringd, count, more=(), host="127.0.0.1"):
    """So many daemons, each asking the next, the last the first."""
    ports = [free_port() for _ in range(count)]
    daemons = []
    for i in range(count):
        config = {"listen": [f"dns://{host}:{ports[i]}"],
                  "upstream": {"servers": [f"dns://{host}:{ports[(i + 1) % count]}", *(more if i == 0 else ())], "strategy": "ordered"}}
        daemons.append(saringd(config))
    return daemons


def packets(daemons):
    """Each query that came, and its answer, which is counted when it goes out."""
    return sum(2 * d.queries()["total"] for d in daemons)


def settled(daemons):
    def ended():
        return all(q["total"] == sum(v for k, v in q.items() if k != "total") for q in (d.queries() for d in daemons))

    eventually(ended, "nothing is under way any more")


def counted(daemons, name):
    return sum(d.status()["counters"][name] for d in daemons)


def test_two_that_ask_each_other(saringd):
    daemons = ring(saringd, 2)
    reply = ask(daemons[0], "www.example.org")
    assert rcode(reply) == "SERVFAIL" and ede(reply)[0] in (22, 23)
    settled(daemons)
    assert packets(daemons) < 20, packets(daemons)
    assert counted(daemons, "loops") >= 1
    told = [d for d in daemons if "upstream.loop" in d.stderr()]
    assert told and re.search(r'upstream\.loop from="127\.0\.0\.1" text="[^"]*circle"', told[0].stderr())
    # now it is known: each question goes round once
    for i in range(10):
        before = packets(daemons)
        reply = ask(daemons[0], f"n{i}.example.org")
        assert rcode(reply) == "SERVFAIL" and ede(reply) == (22, "the servers asked lead back to this one")
        settled(daemons)
        assert packets(daemons) - before <= 8
    assert counted(daemons, "looped") >= 10
    assert counted(daemons, "loops") <= 2, "it is told once, not for each question"


@pytest.mark.parametrize("count", [1, 3, 4])
def test_rings(saringd, count):
    """A ring of one is a daemon that is led back to itself by another address."""
    if count == 1:
        port = free_port()
        # 127.0.0.1 is asked at, and the name of it that the file has is not seen to be the same: a relay stands between
        relay = Relay(port)
        daemons = [saringd({"listen": [f"dns://127.0.0.1:{port}"], "upstream": {"servers": [relay.endpoint]}})]
    else:
        daemons = ring(saringd, count)
    for i in range(3):
        reply = ask(daemons[0], f"www{i}.example.org")
        assert rcode(reply) == "SERVFAIL"
        settled(daemons)
    assert packets(daemons) < 20 * count * 3, packets(daemons)
    eventually(lambda: counted(daemons, "loops") >= 1, "it was found out")
    before = packets(daemons)
    reply = ask(daemons[0], "known.example.org")
    assert rcode(reply) == "SERVFAIL" and ede(reply)[1] == "the servers asked lead back to this one"
    settled(daemons)
    assert packets(daemons) - before <= 4 * count + 2
    if count == 1:
        relay.close()


def test_a_ring_of_strangers(saringd):
    """Questions come from a host that is none of those asked (127.0.0.1 here): the first ends with its time, and those after it at once."""
    daemons = ring(saringd, 3, host="127.0.0.7")
    assert rcode(ask(daemons[0], "www.example.org", host="127.0.0.7")) == "SERVFAIL"
    settled(daemons)
    assert packets(daemons) < 20 * 3
    eventually(lambda: counted(daemons, "loops") >= 1, "what two waited for in vain was probed")
    before = packets(daemons)
    reply = ask(daemons[0], "known.example.org", host="127.0.0.7")
    assert rcode(reply) == "SERVFAIL"
    if counted(daemons[:1], "loops"):  # else another of them was the first whose time was over
        assert ede(reply)[1] == "the servers asked lead back to this one"
    settled(daemons)
    assert packets(daemons) - before <= 20


class Relay:
    """Sends what comes to another port, and the answers back, as a NAT would."""

    def __init__(self, port):
        self.port, self.to = free_port(), ("127.0.0.1", port)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", self.port))
        self.closing = False
        self.asked = {}
        self.thread = threading.Thread(target=self._loop, daemon=True)
        self.thread.start()

    @property
    def endpoint(self):
        return f"dns://127.0.0.1:{self.port}"

    def _loop(self):
        while True:
            wire, peer = self.socket.recvfrom(4096)
            if self.closing:
                return
            if wire[2] & 0x80:
                self.socket.sendto(wire, self.asked[wire[:2]])
            else:
                self.asked[wire[:2]] = peer
                self.socket.sendto(wire, self.to)

    def close(self):
        self.closing = True
        self.socket.sendto(b"\0\0\x80", self.socket.getsockname())
        self.thread.join(10)
        self.socket.close()


def test_a_circle_beside_a_server_that_answers(saringd, fake):
    """The first daemon asks the second first, which leads back; the other server has the answer."""
    up = fake()
    daemons = ring(saringd, 2, more=[up.endpoint])
    for i in range(5):
        assert rrs(ask(daemons[0], f"open{i}.example")) == ["192.0.2.200"]


def test_equal_questions_are_no_circle(saringd, fake):
    """Clients on the upstream's own host ask what is under way already: it is probed, found to be nothing, and not asked again soon."""
    gate = threading.Event()
    up = fake()
    up.on("slow.example", F.hold(gate, F.answer("192.0.2.1")))
    daemon = saringd({"upstream": {"servers": [up.endpoint], "timeout": "20s"}})
    with Raw(daemon) as raw:
        for i in range(50):
            raw.socket.send(bytes((0, i)) + b"\x01\0\0\1\0\0\0\0\0\0\4slow\7example\0\0\1\0\1")
        eventually(lambda: up.asked("slow.example") and daemon.status()["counters"]["coalesced"] == 49, "they wait for one")
        gate.set()
        assert {raw.socket.recv(4096)[3] & 15 for _ in range(50)} == {0}
    counters = daemon.status()["counters"]
    assert counters["loops"] == counters["looped"] == 0
    probes = [a for a in up.asked() if a.folded.startswith("saring-")]
    assert len(probes) <= 1
    # right below the root: whoever has slow.example is not told the name, by which he could make others look like a circle
    assert all(re.fullmatch("saring-[0-9a-f]{16}", a.folded) and a.type == "TXT" for a in probes)


def test_a_probe_proves_once(saringd, fake):
    """Who has seen a probe may ask for it: the second time it is a name like any other."""
    up = fake(F.silence)
    daemon = saringd({"upstream": {"servers": [up.endpoint], "timeout": "4s"}})
    with Raw(daemon) as raw:
        for i in range(2):
            raw.socket.send(bytes((0, i)) + b"\x01\0\0\1\0\0\0\0\0\0\4slow\7example\0\0\1\0\1")
        name = eventually(lambda: [a.folded for a in up.asked() if a.folded.startswith("saring-")], "it is probed")[0]
    asked = len(up.asked(name))
    assert rcode(ask(daemon, name, "TXT")) == "SERVFAIL" and len(up.asked(name)) == asked
    assert daemon.status()["counters"]["loops"] == 1
    ask(daemon, name, "MX")
    assert up.asked(name, "MX") and daemon.status()["counters"]["loops"] == 1
