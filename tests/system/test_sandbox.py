# SPDX-License-Identifier: BSD-2-Clause
"""The children that read strangers' text: what they need they can do, and nothing else, tried from inside. The sanitizers' runtimes need
more than the programs do, so that these are as they are shipped only in a build without: tools/test runs this with the release."""
import ctypes
import json
import os
import pathlib
import re
import subprocess

import pytest

from harness.age import settle
from harness.ask import ask, blocked, eventually
from harness.daemon import build_dir, needs_root, sanitized
from harness.manager import Manager
from harness.unit import built, filtered
from harness.web import Reply, Web

pytestmark = pytest.mark.skipif(sanitized(), reason="a sanitizer's runtime needs more than the programs")

EPERM, EACCES, ENOSYS = 1, 13, 38
CONFIG = {"lists": [{"name": "house", "file": "lists/house.yaml"}, {"name": "hosts", "file": "lists/hosts.txt", "format": "hosts"}]}
LISTS = {"lists/house.yaml": "entries: [a.example]\n", "lists/hosts.txt": "0.0.0.0 ads.example\n", "elsewhere/secret": "s\n"}
LANDLOCK_CREATE_RULESET, LANDLOCK_VERSION = 444, 1


def landlock():
    """The kernel's ABI; 0 without."""
    return max(0, ctypes.CDLL(None).syscall(LANDLOCK_CREATE_RULESET, None, ctypes.c_size_t(0), 1))


needs_landlock = pytest.mark.skipif(landlock() == 0, reason="the kernel has no landlock")


class Trespass:
    """What is tried in a child of that name, and what came of it. A FIFO, as saring-fetch may not even write to a log that is a file."""

    def __init__(self, home, program, *what):
        self.path = pathlib.Path(home) / f"trespass-{len(list(pathlib.Path(home).glob('trespass-*')))}"
        os.mkfifo(self.path)
        self.fifo = os.open(self.path, os.O_RDWR | os.O_NONBLOCK)
        self.text = ""
        self.env = {"LD_PRELOAD": str(build_dir() / "tests/system/trespass.so"), "TRESPASS_IN": program, "TRESPASS": ",".join(what),
                    "TRESPASS_TO": str(self.path)}

    def told(self):
        """What was tried -> its errno; the last time counts."""
        try:
            self.text += os.read(self.fifo, 65536).decode()
        except BlockingIOError:
            pass
        return {what: int(error) for what, error in re.findall(r"^(\w+) (\d+)$", self.text, re.M)}

    def __del__(self):
        os.close(self.fifo)


def test_it_is_said(saringd, fake):
    daemon = saringd({**CONFIG, "log": {"level": "debug"}, "upstream": {"servers": [fake().endpoint]}}, LISTS)
    assert f"compile.sandbox landlock={landlock()} seccomp=yes" in daemon.stderr()
    assert blocked(ask(daemon, "a.example")) and blocked(ask(daemon, "ads.example"))


@needs_landlock
def test_the_compiler(saringd, home):
    """It can read the lists and write the state; of the network, of other files and of code of its own there is nothing."""
    daemon = saringd(CONFIG, LISTS, start=False)
    state, lists = daemon.home / "state", daemon.home / "lists"
    tried = Trespass(home, "saring-compile", "socket", "map", "fork", f"read:{daemon.home}/elsewhere/secret")
    daemon.start(env=tried.env)
    assert tried.told() == {"socket": EPERM, "map": EPERM, "fork": ENOSYS, "read": EACCES}
    assert blocked(ask(daemon, "a.example")), "what it is for it does all the same"
    daemon.stop()
    for target, outcome in ((f"write:{daemon.home}/elsewhere/new", EACCES), (f"write:{lists}/new", EACCES), (f"write:{daemon.config_path}", EACCES),
                            (f"write:{state}/new", 0), (f"read:{lists}/hosts.txt", 0), ("read:/etc/passwd", EACCES)):
        (lists / "house.yaml").write_text(f"entries: [a.example] # {outcome} {target}\n")
        (state / "policy-1.img").unlink(missing_ok=True)
        tried = Trespass(home, "saring-compile", target)
        daemon.start(env=tried.env)
        assert tried.told() == {target.split(":")[0]: outcome}, target
        daemon.stop()
    assert (state / "new").exists() and not (daemon.home / "elsewhere/new").exists()


def test_a_compiler_that_was_taken_over(saringd, home):
    """Whoever runs a program from there is ended, and everybody hears of it."""
    daemon = saringd(CONFIG, LISTS, start=False)
    daemon.expect_exit = 1
    tried = Trespass(home, "saring-compile", "socket", "exec")
    daemon.spawn(env=tried.env)
    assert daemon.process.wait(60) == 1
    assert "a list may have taken it over" in daemon.stderr() and tried.told() == {"socket": EPERM}


@pytest.mark.parametrize("what", ["exec", "signal"])
def test_taken_over_while_it_serves(saringd, fake, home, what):
    """As above, by a list that comes later."""
    operand = f"{what}:{os.getpid()}"
    daemon = saringd({**CONFIG, "upstream": {"servers": [fake().endpoint]}}, LISTS, start=False)
    settle(*(daemon.home / name for name in LISTS))
    daemon.start()  # compiles in peace, so that the next start needs no compiler
    daemon.stop()
    tried = Trespass(home, "saring-compile", "socket", operand)
    daemon.start(env=tried.env)
    assert blocked(ask(daemon, "a.example"))
    (daemon.home / "lists/house.yaml").write_text("entries: [a.example, b.example]\n")
    result = daemon.ctl("reload", code=1)
    assert "a list may have taken it over" in result.err
    assert blocked(ask(daemon, "a.example")) and not blocked(ask(daemon, "b.example"))
    assert tried.told() == {"socket": EPERM}, "and that was its last word"


@pytest.fixture
def web():
    one = Web()
    yield one
    one.close()


@pytest.fixture
def fetching(saringd, fake, web, home):
    """A daemon with a list from the web, whose children try something."""
    def start(program, *what):
        web.pages["/ads"] = Reply("0.0.0.0 fetched.example\n", etag='"1"')
        daemon = saringd({"lists": [{"name": "ads", "url": web.url("/ads")}], "upstream": {"servers": [fake().endpoint]}},
                         {"elsewhere/secret": "s\n"}, start=False)
        tried = Trespass(home, program, *[w.replace("HOME", str(daemon.home)) for w in what])
        return daemon.start(env=tried.env), tried
    return start


def is_fetched(daemon):
    return eventually(lambda: blocked(ask(daemon, "fetched.example")), "it is fetched all the same")


@needs_landlock
@pytest.mark.parametrize("what, outcome", [
    ("socket", 0), ("packet", ENOSYS), ("fork", EPERM), ("read:HOME/elsewhere/secret", EACCES), ("read:HOME/saring.yaml", EACCES),
    ("read:/etc/passwd", EACCES), ("read:/etc/hosts", 0), ("write:HOME/state/new", EACCES), ("write:/tmp/saring-trespass", EACCES)])
def test_the_fetcher(fetching, what, outcome):
    """It speaks to servers, and reads what the resolver and TLS want; no list, no state, no configuration, and it writes nothing."""
    daemon, tried = fetching("saring-fetch", what)
    assert is_fetched(daemon) and tried.told() == {what.split(":")[0]: outcome}


def test_a_fetcher_that_was_taken_over(fetching):
    daemon, tried = fetching("saring-fetch", "packet", "exec")
    eventually(lambda: daemon.ctl("--json", "list").json[0]["fetch_error"], "the fetch has failed")
    assert tried.told() == {"packet": ENOSYS} and not blocked(ask(daemon, "fetched.example"))
    assert daemon.process.poll() is None


@needs_landlock
def test_the_probe(fetching):
    """What was fetched is looked at by a compiler that may read that file and nothing else."""
    daemon, tried = fetching("saring-compile", "socket", "map", "read:HOME/elsewhere/secret")
    assert is_fetched(daemon) and tried.told() == {"socket": EPERM, "map": EPERM, "read": EACCES}


# what must still be possible


def test_lists_wherever_they_lie(saringd, fake, home):
    """Links are followed, files are replaced while the daemon runs, and the configuration may name new folders at any reload."""
    far = home / "far"
    far.mkdir()
    (far / "real.yaml").write_text("entries: [linked.example]\n")
    daemon = saringd({**CONFIG, "upstream": {"servers": [fake().endpoint]}}, LISTS, start=False)
    (daemon.home / "lists/house.yaml").unlink()
    (daemon.home / "lists/house.yaml").symlink_to(far / "real.yaml")
    daemon.start()
    assert blocked(ask(daemon, "linked.example"))
    daemon.ctl("list", "add", "house", "more.example")
    assert blocked(ask(daemon, "more.example"))
    newer = far / "newer.yaml"
    newer.write_text("entries: [replaced.example]\n")
    os.replace(newer, far / "real.yaml")
    daemon.ctl("reload")
    assert blocked(ask(daemon, "replaced.example"))
    other = home / "other"
    other.mkdir()
    (other / "new.txt").write_text("0.0.0.0 elsewhere.example\n")
    daemon.configure(lists=[{"name": "new", "file": str(other / "new.txt"), "format": "hosts"}])
    daemon.ctl("reload")
    assert blocked(ask(daemon, "elsewhere.example")) and not blocked(ask(daemon, "replaced.example"))
    assert daemon.run("saringd", "-c", daemon.config_path, "-t").code == 0
    assert daemon.ctl("--json", "explain", "--offline", "elsewhere.example").json["verdict"] == "blocked"


@needs_root
def test_under_the_units_filter(home, fake):
    """It lets the children put themselves behind bars, too."""
    folder = home / "u"
    folder.mkdir()
    daemon = Manager(folder, {**CONFIG, "log": {"level": "debug"}, "upstream": {"servers": [fake().endpoint]}}, LISTS,
                     prefix=filtered(built(build_dir(), "saringd.service")))
    try:
        daemon.start()
        assert f"compile.sandbox landlock={landlock()} seccomp=yes" in daemon.stderr()
        daemon.ctl("list", "add", "house", "b.example")
        assert blocked(ask(daemon, "b.example"))
    finally:
        daemon.stop()


def test_the_fetcher_under_its_units_filter(web):
    """As systemd starts it for a connection: a request on standard input."""
    web.pages["/ads"] = Reply("0.0.0.0 x.example\n")
    request = {"version": 1, "url": web.url("/ads"), "etag": "", "last_modified": "", "max_bytes": 1000, "connect_s": 5, "low_bytes": 1, "low_s": 30,
               "total_s": 30, "user_agent": "test"}
    for url in (web.url("/ads"), web.url("/ads").replace("127.0.0.1", "localhost")):
        done = subprocess.run([*filtered(built(build_dir(), "saring-fetch@.service")), str(build_dir() / "saring-fetch")], check=False, timeout=60,
                              input=(json.dumps({**request, "url": url}) + "\n").encode(), capture_output=True)
        assert done.returncode == 0 and b"x.example" in done.stdout, done


@needs_landlock
def test_all_that_was_kept_is_used_again(saringd, fake):
    """Segments, images, the copies of what was fetched, what was signed: all of it is in reach at the second start, too."""
    daemon = saringd({**CONFIG, "upstream": {"servers": [fake().endpoint]}}, LISTS)
    before = sorted(p.name for p in pathlib.Path(daemon.home / "state/segments").iterdir())
    assert len(before) == 2
    (daemon.home / "lists/house.yaml").write_text("entries: [a.example, c.example]\n")
    daemon.ctl("reload")
    after = sorted(p.name for p in pathlib.Path(daemon.home / "state/segments").iterdir())
    assert len(after) == 2 and len(set(before) & set(after)) == 1, "one was kept, one made, one swept away"
