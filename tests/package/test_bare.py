# SPDX-License-Identifier: BSD-2-Clause
"""On a Debian with nothing on it: what the package depends on is all it needs, and when it is purged nothing of it is left."""
import os
import re

import pytest

from harness.bare import bare_root
from harness.machine import FOOTPRINTS, USERS


@pytest.fixture
def bare(build, debs):
    made = bare_root(build, debs.deb())
    yield made
    made.finish()


def listing(machine):
    """Every file of the machine but those that come and go by themselves: name -> what it is."""
    found = {}
    for line in machine.run("find", "/", "-xdev", "-printf", r"%p\t%y\t%m\t%U:%G\t%l\t%s\n").splitlines():
        name, kind, mode, owner, link, size = line.split("\t")
        if not name.startswith((*FOOTPRINTS, "/tmp", "/run")) and name.rstrip("-") not in USERS:
            found[name] = (kind, mode, owner, link, "" if kind == "d" else size)
    return found


def test_life_on_a_bare_machine(bare, debs):
    deb = f"/tmp/{debs.deb().name}"
    apt = ("apt-get", "-q", "-y", "--no-install-recommends")

    # what it depends on first, so that what is left after a purge is saring's alone
    bare.run(*apt, "install", deb)
    bare.run("dpkg", "--purge", "saring")
    before = listing(bare)

    bare.run(*apt, "install", deb)
    assert bare.run("dpkg", "--audit") == ""
    assert bare.run("saringd", "-t") == "/etc/saring/saring.yaml: no errors\n"
    assert re.search(r"^saring:", bare.run("getent", "passwd", "saring"))

    # first light, started by root with no service manager: it becomes its user by itself
    daemon = bare.start("saringd")
    bare.wait_for(daemon, "saringd")
    processes = [p for p in os.listdir(bare.path("/proc")) if p.isdigit()]
    names = {p: (bare.path(f"/proc/{p}/comm").read_text().strip(), os.stat(bare.path(f"/proc/{p}")).st_uid) for p in processes}
    uid = int(bare.run("id", "-u", "saring"))
    assert ("saringd", uid) in names.values() and uid != 0
    bare.run("saringctl", "list", "mode", "telegram-2017", "enforce")
    seen = bare.ask("t.me")
    assert seen["rcode"] == "NXDOMAIN" and [code for code, _ in seen["ede"]] == [16]
    assert "Kementerian Komunikasi" in bare.run("saringctl", "explain", "t.me")
    assert "Kementerian Komunikasi" in bare.run("saringctl", "explain", "--offline", "t.me")
    bare.run("saringctl", "list", "lift", "telegram-2017", "--reason", "over")
    assert bare.ask("t.me")["rcode"] != "NXDOMAIN"
    bare.run("sh", "-c", "kill -TERM " + next(p for p, (name, _) in names.items() if name == "saringd"))
    assert daemon.wait(30) == 0

    bare.run("dpkg", "--remove", "saring")
    left = listing(bare)
    assert {n for n in left if n.startswith("/etc/saring/")} and "/var/lib/saring" in left
    assert {n for n in set(left) - set(before) if not n.startswith(("/etc/saring", "/var/lib/saring", "/etc/systemd/"))} == set()
    bare.run("dpkg", "--purge", "saring")
    after = listing(bare)
    assert {n: after[n] for n in after if before.get(n) != after[n]} == {}
    assert set(before) - set(after) == set()
