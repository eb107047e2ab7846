# SPDX-License-Identifier: BSD-2-Clause
"""dnstap: what Debian's dnstap-ldns and fstrm_capture read of it, the fields of policy, and collectors that are away, come back or hang."""
import os
import pathlib
import re
import shutil
import signal
import socket
import struct
import subprocess

import dns.message
import pytest

from harness.ask import Load, ask, blocked, eventually, rcode_of, rrs

LISTS = {"lists/l.yaml": "entries:\n  - a.example\n  - {domain: wide.example, match: subdomains}\n  - {regex: '^reg[0-9]+\\.example$'}\n",
         "lists/zero.yaml": "entries:\n  - null.example\n",
         "lists/ok.yaml": "action: allow\nentries:\n  - good.wide.example\n"}
CONFIG = {"lists": [{"name": "ok", "file": "lists/ok.yaml"}, {"name": "l", "file": "lists/l.yaml"},
                    {"name": "zero", "file": "lists/zero.yaml", "answer": "null"}],
          "server": {"identity": "tap-1", "version": "of-a-test"}}
QUESTIONS = [("a.example", "A", lambda m: rcode_of(m) == 3), ("open.example", "A", lambda m: rcode_of(m) == 0)]
CLIENT_QUERY, CLIENT_RESPONSE = 5, 6


# ---- a reader of our own: frame streams, and the wire form of protobuf ----

def frames(path):
    """The data frames of a file, which must begin with START and end with STOP."""
    data, at, got, controls = pathlib.Path(path).read_bytes(), 0, [], []
    while at < len(data):
        (size,) = struct.unpack_from(">I", data, at)
        at += 4
        if size == 0:
            (size,) = struct.unpack_from(">I", data, at)
            at += 4
            controls.append(struct.unpack_from(">I", data, at)[0])
        else:
            got.append(data[at:at + size])
        assert at + size <= len(data), "a frame is cut"
        at += size
    assert controls == [2, 3], controls
    return got


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7f) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def fields(data):
    """number -> value, of a message without repeated fields."""
    got, at = {}, 0
    while at < len(data):
        tag, at = varint(data, at)
        number, kind = tag >> 3, tag & 7
        assert number not in got
        if kind == 0:
            got[number], at = varint(data, at)
        elif kind == 2:
            size, at = varint(data, at)
            got[number] = data[at:at + size]
            at += size
        elif kind == 5:
            (got[number],) = struct.unpack_from("<I", data, at)
            at += 4
        else:
            raise AssertionError(f"wire type {kind}")
    return got


class Tapped:
    def __init__(self, frame):
        outer = fields(frame)
        assert outer[15] == 1
        self.identity, self.version = outer.get(1), outer.get(2)
        self.m = fields(outer[14])
        self.type = self.m[1]
        self.bytes = self.m.get(10 if self.type == CLIENT_QUERY else 14)
        self.message = dns.message.from_wire(self.bytes) if self.bytes else None
        self.name = self.message.question[0].name.to_text(omit_final_dot=True) if self.message else None
        policy = fields(self.m[15]) if 15 in self.m else {}
        self.policy = (policy[2].decode(), policy.get(3), policy.get(4), policy.get(5)) if policy else None
        assert not policy or policy[1] == b"saring"


def read(path):
    return [Tapped(f) for f in frames(path)]


def state(daemon):
    return daemon.status()["dnstap"]


def sent(daemon, count):
    eventually(lambda: state(daemon)["sent"] >= count, f"{count} messages are sent", timeout_s=60)
    return state(daemon)


def wire(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"


@pytest.fixture
def tapping(saringd, fake, home):
    def make(dnstap, start=True, **more):
        return saringd({"upstream": {"servers": [fake().endpoint]}, **CONFIG, "dnstap": dnstap, **more}, LISTS, start=start)
    return make


class Capture:
    """fstrm_capture at a socket."""

    def __init__(self, folder):
        self.socket, self.file = folder / "tap.sock", folder / "captured"
        self.socket.unlink(missing_ok=True)
        self.process = subprocess.Popen(["fstrm_capture", "-t", "protobuf:dnstap.Dnstap", "-u", str(self.socket), "-w", str(self.file)],
                                        stderr=subprocess.DEVNULL)
        eventually(self.socket.exists, "the collector listens", timeout_s=30)

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)


@pytest.fixture
def capture(home):
    if not shutil.which("fstrm_capture"):
        pytest.skip("fstrm_capture is not installed")
    made = []

    def make():
        made.append(Capture(home))
        return made[-1]

    yield make
    for one in made:
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait()


def test_a_file_and_what_debian_reads_of_it(tapping, home):
    path = home / "tap"
    daemon = tapping({"file": str(path)})
    assert blocked(ask(daemon, "a.example"))
    assert rrs(ask(daemon, "open.example"))
    assert rrs(ask(daemon, "open.example", tcp=True))
    got = sent(daemon, 6)
    assert got["enabled"] and got["dropped"] == 0 and got["error"] == "", got
    assert re.search(r"dnstap +6 messages sent, 0 dropped", daemon.ctl("status").out)
    daemon.stop()
    messages = read(path)
    assert sorted((m.name, m.type) for m in messages) == sorted(2 * [("open.example", CLIENT_QUERY), ("open.example", CLIENT_RESPONSE)] +
                                                                [("a.example", CLIENT_QUERY), ("a.example", CLIENT_RESPONSE)])
    for m in messages:
        assert (m.identity, m.version) == (b"tap-1", b"of-a-test")
        assert m.m[2] == 1 and m.m[3] in (1, 2) and m.m[4] == bytes([127, 0, 0, 1]) and m.m[6] > 0
        assert abs(m.m[8] - path.stat().st_mtime) < 3600 and m.m[9] < 10**9
        if m.type == CLIENT_RESPONSE:
            assert (m.m[12], m.m[13]) >= (m.m[8], m.m[9]) and m.message.flags & 0x8000
    assert [m.m[3] for m in messages if m.type == CLIENT_RESPONSE and m.name == "open.example"].count(2) == 1
    if shutil.which("dnstap-ldns"):
        text = subprocess.run(["dnstap-ldns", "-r", str(path), "-q"], capture_output=True, text=True, check=True).stdout
        assert len(text.splitlines()) == 6 and text.count(" CQ 127.0.0.1 ") == 3 and text.count(" CR 127.0.0.1 ") == 3, text
        assert text.count('"a.example." IN A') == 2 and text.count(" TCP ") == 2, text
        whole = subprocess.run(["dnstap-ldns", "-r", str(path), "-y"], capture_output=True, text=True, check=True).stdout
        assert 'identity: "tap-1"' in whole and "NXDOMAIN" in whole, whole


def test_the_fields_of_policy(tapping, home, fake):
    path = home / "tap"
    daemon = tapping({"file": str(path), "messages": ["client-response"]})
    for name in ("a.example", "x.wide.example", "null.example", "reg7.example", "good.wide.example", "open.example"):
        ask(daemon, name)
    sent(daemon, 6)
    daemon.stop()
    assert {m.type for m in read(path)} == {CLIENT_RESPONSE}
    assert {m.name: m.policy for m in read(path)} == {
        "a.example": ("l/a.example", 1, 1, wire("a.example")),
        "x.wide.example": ("l/wide.example", 1, 1, wire("x.wide.example")),
        "null.example": ("zero/null.example", 6, 1, wire("null.example")),
        "reg7.example": ("l/^reg[0-9]+\\.example$", 1, 1, wire("reg7.example")),
        "good.wide.example": ("ok/good.wide.example", 3, 1, wire("good.wide.example")),
        "open.example": None}


def test_the_name_behind_a_cname(saringd, fake, home):
    from harness.fake import records
    path, up = home / "tap", fake()
    up.on("front.example", records("300 CNAME a.example.", "a.example. 300 A 192.0.2.1"))
    daemon = saringd({"upstream": {"servers": [up.endpoint]}, **CONFIG, "dnstap": {"file": str(path), "messages": ["client-response"]}}, LISTS)
    assert blocked(ask(daemon, "front.example"))
    sent(daemon, 1)
    daemon.stop()
    assert [(m.name, m.policy) for m in read(path)] == [("front.example", ("l/a.example", 1, 1, wire("a.example")))]


def test_without_bytes(tapping, home):
    path = home / "tap"
    daemon = tapping({"file": str(path), "bytes": False})
    ask(daemon, "a.example")
    sent(daemon, 2)
    daemon.stop()
    assert [(m.type, m.bytes, m.policy is not None) for m in read(path)] == [(CLIENT_QUERY, None, False), (CLIENT_RESPONSE, None, True)]
    assert all(m.m[4] == bytes([127, 0, 0, 1]) for m in read(path))


@pytest.mark.parametrize("privacy,address", [("anonymous", bytes([127, 0, 0, 0])), ("names", None)])
def test_privacy(tapping, home, privacy, address):
    path = home / "tap"
    daemon = tapping({"file": str(path)}, log={"privacy": privacy})
    ask(daemon, "a.example")
    sent(daemon, 2)
    daemon.stop()
    for m in read(path):
        assert m.m.get(4) == address and 6 not in m.m and m.name == "a.example"
        assert m.message.edns == -1, "no options tell of the client"


def test_privacy_none(tapping, home):
    daemon = tapping({"file": str(home / "tap")}, log={"privacy": "none"})
    ask(daemon, "a.example")
    assert not state(daemon)["enabled"]
    daemon.stop()
    assert not (home / "tap").exists()


def test_on_off_and_rotation(tapping, home):
    path = home / "tap"
    daemon = tapping({"bytes": True})
    ask(daemon, "before.example")
    assert not state(daemon)["enabled"]
    daemon.configure(dnstap={"file": str(path)})
    daemon.ctl("reload")
    ask(daemon, "one.example")
    sent(daemon, 2)
    path.rename(home / "rotated")
    daemon.ctl("reload")
    eventually(path.exists, "a new file is begun", timeout_s=60)
    assert [m.name for m in read(home / "rotated")] == ["one.example"] * 2
    ask(daemon, "two.example")
    sent(daemon, 4)
    daemon.configure(dnstap={"bytes": True})
    daemon.ctl("reload")
    ask(daemon, "after.example")
    eventually(lambda: path.read_bytes()[-12:] == struct.pack(">III", 0, 4, 3), "the stream is ended", timeout_s=60)
    assert [m.name for m in read(path)] == ["two.example"] * 2
    daemon.configure(dnstap={"file": str(path)})
    daemon.ctl("reload")
    ask(daemon, "three.example")
    sent(daemon, 6)
    daemon.stop()
    assert [m.name for m in read(path)] == ["three.example"] * 2
    (old,) = home.glob("tap.2*")
    assert [m.name for m in read(old)] == ["two.example"] * 2


def test_a_collector_that_goes_and_comes_back(tapping, home, capture):
    daemon = tapping({"socket": str(home / "tap.sock")})
    with Load(daemon, QUESTIONS, clients=2) as load:
        eventually(lambda: "connecting to" in state(daemon)["error"], "it says that nobody is there", timeout_s=60)
        load.reach(50)
        collector = capture()
        eventually(lambda: state(daemon)["error"] == "" and state(daemon)["sent"] > 100, "it is sent what comes", timeout_s=60)
        collector.end()
        eventually(lambda: state(daemon)["error"] != "", "it is noticed that the collector is gone", timeout_s=60)
        load.reach(100)
        before = state(daemon)["sent"]
        first = home / "first"
        collector.file.rename(first)
        collector = capture()
        eventually(lambda: state(daemon)["sent"] > before + 100, "it is sent again", timeout_s=60)
    daemon.stop()
    collector.end()
    for file in (first, collector.file):
        messages = read(file)
        assert messages and {m.name for m in messages} <= {"a.example", "open.example"}
        assert all(m.policy[0] == "l/a.example" for m in messages if m.name == "a.example" and m.type == CLIENT_RESPONSE)
    assert daemon.stderr().count("dnstap.failed") <= 6, "not a line for each try"


def test_a_collector_that_hangs(tapping, home):
    """It takes the connection, and never says or reads a thing: answers do not wait, and the daemon ends."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(home / "tap.sock"))
        listener.listen(16)
        daemon = tapping({"socket": str(home / "tap.sock")})
        with Load(daemon, QUESTIONS, clients=2) as load:
            eventually(lambda: "timed out" in state(daemon)["error"], "it says what is wrong", timeout_s=60)
            load.reach(300)
        eventually(lambda: state(daemon)["dropped"] > 0, "what was not sent is counted", timeout_s=60)
        daemon.stop()


def test_both_at_once(tapping, home, capture):
    collector = capture()
    daemon = tapping({"socket": str(collector.socket), "file": str(home / "tap")})
    ask(daemon, "a.example")
    sent(daemon, 4)
    daemon.stop()
    collector.end()
    assert [m.name for m in read(home / "tap")] == [m.name for m in read(collector.file)] == ["a.example"] * 2
    assert os.stat(home / "tap").st_mode & 0o777 == 0o640
