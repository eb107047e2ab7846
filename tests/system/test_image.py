# SPDX-License-Identifier: BSD-2-Clause
"""The compiled policy on the disk: served at start without a compiler when nothing has changed, never believed when it is damaged, and
in two tiers, so that an edit leaves the bulk of it alone."""
import os
import struct
import time

import pytest

from harness.age import settle
from harness.ask import ask, blocked, rcode, rrs

HOSTS = "# a hosts file\n" + "".join(f"0.0.0.0 n{i}.bulk.example\n" for i in range(2000))
CONFIG = {"lists": [{"name": "live", "file": "live.yaml"}, {"name": "bulk", "file": "bulk.txt", "format": "hosts"}]}


@pytest.fixture
def daemon(saringd, fake, home):
    one = saringd({"upstream": {"servers": [fake().endpoint]}, **CONFIG}, {"live.yaml": "entries: [a.example]\n", "bulk.txt": HOSTS}, start=False)
    one.copy_binaries(home / "bin")
    one.compiler = home / "bin/saring-compile"
    settle(one.home / "live.yaml", one.home / "bulk.txt")
    return one.start()


def replace_compiler(daemon, script):
    daemon.compiler.unlink()
    daemon.compiler.write_text("#!/bin/sh\n" + script)
    daemon.compiler.chmod(0o755)


def restore_compiler(daemon):
    daemon.compiler.unlink()
    os.link(daemon.build / "saring-compile", daemon.compiler) if same_device(daemon) else daemon.copy_binaries(daemon.binaries)


def same_device(daemon):
    return daemon.build.stat().st_dev == daemon.compiler.parent.stat().st_dev


def images(daemon, pattern):
    return sorted((daemon.home / "state").glob(pattern))


def bulk_of(daemon):
    found = images(daemon, "bulk-*.img")
    assert len(found) == 1, found
    return found[0]


def live_of(daemon):
    found = images(daemon, "policy-*.img")
    assert len(found) == 1, found
    return found[0]


def serves_both(daemon):
    assert blocked(ask(daemon, "a.example")) and blocked(ask(daemon, "n1999.bulk.example"))
    assert rrs(ask(daemon, "sub.n1999.bulk.example")) == ["192.0.2.200"], "a hosts file is exact"


@pytest.mark.parametrize("how", ["stop", "kill"])
@pytest.mark.parametrize("script", ["exit 9\n", "exec sleep 1000\n"])
def test_a_restart_needs_no_compiler(daemon, how, script):
    before = daemon.status()["policy"]
    getattr(daemon, how)()
    replace_compiler(daemon, script)
    daemon.start()
    serves_both(daemon)
    after = daemon.status()["policy"]
    assert after["bulk"] == "kept" and after["generation"] == before["generation"] and after["entries"] == before["entries"] == 2001
    assert after["compiled_at"] == before["compiled_at"]
    told = daemon.explain("n7.bulk.example")["rule"]
    assert (told["list"], told["file"], told["line"]) == ("bulk", "bulk.txt", 9)


def test_it_goes_on_from_there(daemon):
    """Started from the kept image: an edit that cannot be compiled changes nothing, the next one works."""
    daemon.stop()
    replace_compiler(daemon, "exit 9\n")
    daemon.start()
    assert daemon.ctl("list", "add", "live", "b.example", code=None).code == 1
    assert rrs(ask(daemon, "b.example")) == ["192.0.2.200"]
    serves_both(daemon)
    restore_compiler(daemon)
    daemon.ctl("reload")
    assert blocked(ask(daemon, "b.example"))
    serves_both(daemon)


@pytest.mark.parametrize("what", ["live", "bulk", "settings", "touched"])
def test_what_changed_while_it_was_down(daemon, what):
    daemon.stop()
    bulk = bulk_of(daemon)
    inode = bulk.stat().st_ino
    if what == "live":
        (daemon.home / "live.yaml").write_text("entries: [b.example]\n")
    if what == "bulk":
        (daemon.home / "bulk.txt").write_text(HOSTS.replace("n1999.", "o1999."))
    if what == "settings":
        daemon.configure(block={"answer": "refused"})
    if what == "touched":
        (daemon.home / "live.yaml").touch()
    daemon.start()
    assert blocked(ask(daemon, "b.example")) == (what == "live")
    assert rcode(ask(daemon, "o1999.bulk.example")) == ("NXDOMAIN" if what == "bulk" else "NOERROR")
    assert rcode(ask(daemon, "n1999.bulk.example")) == {"bulk": "NOERROR", "settings": "REFUSED"}.get(what, "NXDOMAIN")
    status = daemon.status()["policy"]
    assert status["generation"] == 2
    assert live_of(daemon).name == "policy-2.img"
    if what in ("live", "touched"):
        assert status["bulk"] == "kept" and bulk_of(daemon).stat().st_ino == inode
    if what == "bulk":
        assert status["bulk"] == "compiled" and not bulk.exists()


def test_an_edit_leaves_the_bulk_alone(daemon):
    bulk = bulk_of(daemon)
    before = bulk.stat()
    for i in range(3):
        daemon.ctl("list", "add", "live", f"e{i}.example")
        assert blocked(ask(daemon, f"e{i}.example"))
        assert bulk_of(daemon) == bulk and bulk.stat().st_ino == before.st_ino and bulk.stat().st_mtime_ns == before.st_mtime_ns
        policy = daemon.status()["policy"]
        assert policy["generation"] == 2 + i and policy["bulk"] == "kept" and policy["entries"] == 2002 + i
        assert live_of(daemon).name == f"policy-{2 + i}.img"
    serves_both(daemon)
    (daemon.home / "bulk.txt").write_text("0.0.0.0 other.bulk.example\n")
    told = daemon.ctl("--json", "reload").json
    assert told["bulk"] == "compiled" and told["entries"] == 5
    assert bulk_of(daemon) != bulk, "the old one is gone"
    assert blocked(ask(daemon, "other.bulk.example")) and rrs(ask(daemon, "n1.bulk.example")) == ["192.0.2.200"]


def flip(path, at):
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


DAMAGE = {
    "body": lambda p: flip(p, p.stat().st_size - 100),
    "header": lambda p: flip(p, 90),
    "cut": lambda p: os.truncate(p, p.stat().st_size - 64),
    "empty": lambda p: os.truncate(p, 0),
    "older": lambda p: p.write_bytes(p.read_bytes()[:12] + struct.pack("<H", 1) + p.read_bytes()[14:]),
    "gone": lambda p: p.unlink(),
}


@pytest.mark.parametrize("tier", ["live", "bulk"])
@pytest.mark.parametrize("damage", sorted(DAMAGE))
def test_a_damaged_image_is_compiled_anew(daemon, tier, damage):
    daemon.stop()
    DAMAGE[damage](live_of(daemon) if tier == "live" else bulk_of(daemon))
    daemon.start()
    serves_both(daemon)
    live_of(daemon), bulk_of(daemon)
    assert daemon.status()["policy"]["bulk"] == "compiled", "nothing of it is trusted"
    if (tier, damage) != ("live", "gone"):
        lines = [line for line in daemon.stderr().splitlines() if "policy.refused" in line]
        assert len(lines) == 1 and 'reason="' in lines[0], lines
        if (tier, damage) == ("live", "older"):
            assert "version" in lines[0]


def test_segments_are_kept(daemon):
    """A list that did not change is not read again: the log says how many were."""
    (daemon.home / "more.txt").write_text("0.0.0.0 more.example\n")
    settle(daemon.home / "more.txt")
    daemon.configure(lists=CONFIG["lists"] + [{"name": "more", "file": "more.txt", "format": "hosts"}])
    daemon.ctl("reload")
    line = [line for line in daemon.stderr().splitlines() if "policy.in-force" in line][-1]
    fields = dict(f.split("=", 1) for f in line.split() if "=" in f)
    assert int(fields["segments_made"]) == 1 and int(fields["segments_kept"]) == 2 and fields["bulk"] == "compiled", line
    assert blocked(ask(daemon, "more.example"))
    serves_both(daemon)


def test_the_same_input_gives_the_same_bytes(daemon):
    """Whenever and wherever it is compiled."""
    first = {p.name: p.read_bytes() for p in (daemon.home / "state").glob("*.img")}
    daemon.stop()
    for path in (daemon.home / "state").rglob("*.*"):
        if path.is_file():
            path.unlink()
    clock = int(time.time())
    while int(time.time()) == clock:  # the next second
        pass
    daemon.start()
    assert {p.name: p.read_bytes() for p in (daemon.home / "state").glob("*.img")} == first and len(first) == 2
