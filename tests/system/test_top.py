# SPDX-License-Identifier: BSD-2-Clause
"""top: what led in the last day, once and refreshed in place on a terminal, which is given back as it was."""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios

import pytest

from harness.ask import ask, eventually
from harness.daemon import CALL_S, has_ipv6

A_YAML = "title: a\nentries: [ads.example, tracker.example]\n"
B_YAML = "title: b\nentries: [other.example]\n"


@pytest.fixture
def daemon(saringd, fake):
    lists = [{"name": "first", "file": "a.yaml"}, {"name": "second", "file": "b.yaml"}]
    return saringd({"upstream": {"servers": [fake().endpoint]}, "lists": lists}, {"a.yaml": A_YAML, "b.yaml": B_YAML})


def ask_some(daemon):
    for name, times in (("ads.example", 4), ("www.tracker.example", 2), ("other.example", 3), ("plain.example", 5)):
        for _ in range(times):
            ask(daemon, name)


def top(daemon, *args):
    return daemon.ctl("--json", "top", *args).json


def test_each_kind(daemon):
    assert top(daemon)["leaders"] == []
    assert daemon.ctl("top").out.startswith("Nothing since 20")
    ask_some(daemon)
    told = top(daemon)
    assert (told["kind"], told["total"], told["error"], told["sampled"]) == ("names", 14, 0, 1)
    assert [(n["name"], n["queries"], n["clients"], n["error"]) for n in told["leaders"]] == [
        ("plain.example", 5, 1, 0), ("ads.example", 4, 1, 0), ("other.example", 3, 1, 0), ("www.tracker.example", 2, 1, 0)]
    assert top(daemon, "names", "-n", "1")["leaders"] == told["leaders"][:1]
    told = top(daemon, "blocked")
    assert [(n["name"], n["list"], n["queries"]) for n in told["leaders"]] == [
        ("ads.example", "first", 4), ("other.example", "second", 3), ("www.tracker.example", "first", 2)]
    assert told["total"] == 9
    told = top(daemon, "lists")
    assert [(n["list"], n["queries"], n["clients"]) for n in told["leaders"]] == [("first", 6, 1), ("second", 3, 1)]
    told = top(daemon, "clients")
    assert [(n["client"], n["queries"]) for n in told["leaders"]] == [("127.0.0.1", 14)]
    if has_ipv6():
        ask(daemon, "ads.example", host="::1")
        assert [(n["client"], n["queries"]) for n in top(daemon, "clients")["leaders"]] == [("127.0.0.1", 14), ("::1", 1)]
        assert top(daemon, "lists")["leaders"][0]["clients"] == 2


def test_text(daemon):
    ask_some(daemon)
    head, first, *_, last = daemon.ctl("top", "blocked").out.splitlines()
    assert head.split() == ["QUERIES", "SHARE", "NAME", "LIST", "CLIENTS"]
    assert first.split() == ["4", "44.4", "%", "ads.example", "first", "1"]
    assert re.match(r"Since 20\S+: names blocked most, of 9\.", last)
    assert daemon.ctl("top", "clients").out.splitlines()[1].split() == ["14", "100.0", "%", "127.0.0.1"]


def test_more_names_than_there_is_room_for(daemon):
    """The error is stated, and holds."""
    daemon.configure(log={"queries": {"enabled": True}})  # so that each is told of, however fast they come
    daemon.ctl("reload")
    ask(daemon, "ads.example")
    for i in range(1500):
        ask(daemon, f"n{i}.ads.example")
    for _ in range(20):
        ask(daemon, "tracker.example")
    told = top(daemon, "blocked", "-n", "1000")
    assert told["total"] == 1521 and told["error"] >= 1
    leader = told["leaders"][0]
    assert leader["name"] == "tracker.example" and 20 <= leader["queries"] <= 20 + leader["error"]
    assert "Counts are at most" in daemon.ctl("top", "blocked").out


def test_what_is_not_told(daemon):
    ask_some(daemon)
    # who asks is told of what has come until now: what is still under way at a reload is told under the new setting
    assert [n["queries"] for n in top(daemon, "clients")["leaders"]] == [14]
    daemon.configure(log={"privacy": "anonymous"})
    daemon.ctl("reload")
    assert top(daemon, "clients")["leaders"] == [], "another setting forgets"
    ask(daemon, "ads.example")
    assert [n["client"] for n in top(daemon, "clients")["leaders"]] == ["127.0.0.0/24"]
    daemon.configure(log={"privacy": "names"})
    daemon.ctl("reload")
    ask(daemon, "ads.example")
    assert "nothing is told of clients" in daemon.ctl("top", "clients", code=1).err
    assert [n["name"] for n in top(daemon, "blocked")["leaders"]] == ["ads.example"]
    daemon.configure(log={"privacy": "none"})
    daemon.ctl("reload")
    for kind in ("names", "blocked", "clients", "lists"):
        assert "log.privacy is none" in daemon.ctl("top", kind, code=1).err
    daemon.configure(log={"traffic": False})
    daemon.ctl("reload")
    assert "log.traffic is false" in daemon.ctl("top", code=1).err


def test_usage(daemon):
    for bad in (["nonsense"], ["names", "blocked"], ["--json", "-i"], ["-n", "0"]):
        daemon.ctl("top", *bad, code=2)
    assert "-i needs a terminal" in daemon.ctl("top", "-i", code=2).err


# ---- in place ----


class Terminal:
    """saringctl on a terminal of its own, with what it draws."""

    def __init__(self, daemon, *args, rows=20, columns=80, **env):
        self.master, slave = pty.openpty()
        self.size(rows, columns)
        self.before = termios.tcgetattr(slave)
        self.slave = slave
        self.process = subprocess.Popen(
            [daemon.binaries / "saringctl", "-s", str(daemon.socket_path), *args], stdin=slave, stdout=slave, stderr=slave,
            env=daemon.environment(**{"TERM": "xterm", "LC_ALL": "C.UTF-8", **env}), start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))  # noqa: PLW1509
        self.drawn = ""

    def size(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self):
        while select.select([self.master], [], [], 0)[0]:
            try:
                got = os.read(self.master, 65536).decode()
            except OSError:
                return
            if not got:
                return
            self.drawn += got

    def until(self, pattern, what):
        def found():
            self.read()
            return re.search(pattern, self.drawn, re.DOTALL)

        match = eventually(found, f"{what}: {pattern}")
        self.drawn = self.drawn[re.search(pattern, self.drawn, re.DOTALL).end():]
        return match

    def key(self, text):
        os.write(self.master, text.encode())

    def end(self):
        code = self.process.wait(timeout=CALL_S)
        self.read()
        assert termios.tcgetattr(self.slave) == self.before, "the terminal is as it was"
        assert "\033[?1049l" in self.drawn and "\033[?25h" in self.drawn
        os.close(self.slave)
        os.close(self.master)
        return code


def frames(drawn):
    return drawn.split("\033[H")[1:]


def test_refreshes_in_place(daemon):
    ask_some(daemon)
    terminal = Terminal(daemon, "top", "-i")
    terminal.until(r"\033\[\?1049h", "another screen")
    terminal.until(r"names asked most.*QUERIES.*5 +35\.7 % plain\.example.*\[q\]uit", "a first look")
    for _ in range(3):
        ask(daemon, "new.ads.example")
    terminal.until(r"3 +17\.6 % new\.ads\.example", "what came meanwhile")
    terminal.key("b")
    terminal.until(r"names blocked most.*4 +33\.3 % ads\.example +first", "the blocked ones")
    terminal.key("c")
    terminal.until(r"clients that ask most.*127\.0\.0\.1", "clients")
    terminal.key("l")
    terminal.until(r"lists that block most.*first", "lists")
    terminal.key("q")
    assert terminal.end() == 0


def test_a_terminal_of_another_size(daemon):
    for i in range(30):
        ask(daemon, f"{'x' * 60}{i:02}.ads.example")
    terminal = Terminal(daemon, "top", "-i", rows=12, columns=60)
    terminal.until(r"\[q\]uit|since", "a first look")
    terminal.size(8, 40)
    terminal.process.send_signal(signal.SIGWINCH)
    terminal.drawn = ""

    def small():
        terminal.read()
        whole = frames(terminal.drawn)[:-1]
        for one in whole:
            lines = [re.sub(r"\033\[[0-9;?]*[A-Za-z]", "", line) for line in one.split("\r\n")]
            if len(lines) <= 8 and all(len(line.rstrip("\r\n")) <= 40 for line in lines):
                return lines
        return None

    assert len(eventually(small, "a frame that fits")) > 4
    terminal.key("\x03")
    assert terminal.end() == 0, "Ctrl-C ends it as q does"


def test_a_signal_gives_the_terminal_back(daemon):
    terminal = Terminal(daemon, "top", "-i")
    terminal.until(r"names asked most", "a first look")
    terminal.process.send_signal(signal.SIGTERM)
    terminal.end()


def test_no_color(daemon):
    ask(daemon, "ads.example")
    terminal = Terminal(daemon, "top", "-i", NO_COLOR="")
    assert terminal.until(r"\033\[1m.*names asked most.*uit", "bold")
    terminal.key("q")
    terminal.end()
    terminal = Terminal(daemon, "top", "-i", NO_COLOR="1")
    eventually(lambda: terminal.read() or "uit" in terminal.drawn, "a first look")
    assert "\033[1m" not in terminal.drawn
    terminal.key("q")
    terminal.end()


def test_the_daemon_goes(daemon):
    terminal = Terminal(daemon, "top", "-i")
    terminal.until(r"names asked most", "a first look")
    daemon.stop()
    assert terminal.end() == 3
    assert "can't be reached" in terminal.drawn.split("\033[?1049l")[1], "and says so where it can be read"


def test_a_dumb_terminal(daemon):
    terminal = Terminal(daemon, "top", "-i", TERM="dumb")
    assert terminal.process.wait(timeout=CALL_S) == 2
    terminal.read()
    assert "\033" not in terminal.drawn
