# SPDX-License-Identifier: BSD-2-Clause
"""A package's life on a machine: installed, started as its unit starts it, upgraded, removed, purged."""
import re
import shutil

import pytest

from harness.debs import OLD_LINE, OLD_VERSION
from harness.machine import footprints

CONTENT = "/etc/saring/saring.yaml: no errors\n"
SYSTEMCTL = """#!/bin/sh
echo "$*" >>/run/systemctl.log
case " $* " in
*" is-enabled "*) echo enabled ;;
*" is-active "*) exit 0 ;;
*" start "*|*" restart "*) echo "Job for saringd.service failed." >&2; exit 1 ;;
esac
"""


def install(machine, deb, *options):
    shutil.copy(deb, machine.path("/tmp"))
    return machine.run("dpkg", *options, "--install", f"/tmp/{deb.name}")


def serve(machine):
    """As saringd.service does: as its own user, with the right to take port 53 and no other."""
    unit = machine.path("/lib/systemd/system/saringd.service").read_text()
    command = re.search(r"^ExecStart=(.*)", unit, re.M).group(1).split()
    assert re.search(r"^User=saring$", unit, re.M) and re.search(r"^AmbientCapabilities=CAP_NET_BIND_SERVICE$", unit, re.M)
    for folder in ("/run/saring", "/var/lib/saring"):
        machine.run("install", "-d", "-o", "saring", "-g", "saring", "-m", "750", folder)
    daemon = machine.start("setpriv", "--reuid", "saring", "--regid", "saring", "--init-groups", "--no-new-privs",
                           "--inh-caps", "-all,+net_bind_service", "--ambient-caps", "-all,+net_bind_service",
                           "--bounding-set", "-all,+net_bind_service", "--", *command)
    machine.wait_for(daemon, "setpriv")
    return daemon


def stop(machine, daemon):
    machine.run("pkill", "-TERM", "-x", "saringd")
    assert daemon.wait(30) == 0


def test_install(machine, debs):
    """Everything is in its place, the configuration is one that saringd is content with, the service is enabled, the user is there."""
    install(machine, debs.deb())
    assert machine.run("dpkg", "--audit") == ""
    assert machine.run("dpkg", "--verify", "saring") == ""
    assert machine.run("saringd", "-t") == CONTENT
    assert machine.run("saringctl", "check").count("\n") <= 3
    assert re.search(r"^saring:[^:]*:\d+:\d+:[^:]*:/var/lib/saring:/\S*nologin$", machine.run("getent", "passwd", "saring"), re.M)
    assert machine.run("saringd", "--version").split()[-1] == debs.version()
    for name in ("/etc/systemd/system/multi-user.target.wants/saringd.service", "/etc/systemd/system/sockets.target.wants/saring-fetch.socket"):
        assert machine.path(name).is_symlink()
    for folder in ("/var/lib/saring", "/run/saring"):
        assert machine.run("stat", "-c", "%U:%G %a", folder).strip() == "saring:saring 750"
    # this one is for who wants it
    assert machine.path("/lib/systemd/system/saringd.socket").exists()
    assert not machine.path("/etc/systemd/system/sockets.target.wants/saringd.socket").is_symlink()
    for name in ("saringd", "saringctl"):
        assert machine.run("man", "--where", name).strip().endswith(".gz")
    # the daemon's user may not change what it serves by, and others may read it
    assert machine.run("find", "/etc/saring", "(", "-not", "-user", "root", "-o", "-perm", "/022", "-o", "-type", "f", "-not", "-perm", "644", ")") == ""


def test_first_light(machine, debs):
    """As installed: on port 53, as an ordinary user with one capability. Nothing is blocked until somebody says so."""
    install(machine, debs.deb())
    daemon = serve(machine)
    assert machine.run("ps", "-o", "user=", "-C", "saringd").split() == ["saring"]
    # nobody to forward to: there is no network
    assert machine.ask("t.me")["rcode"] == "SERVFAIL"
    machine.run("saringctl", "list", "mode", "telegram-2017", "enforce")
    seen = machine.ask("web.telegram.org")
    assert seen["rcode"] == "NXDOMAIN" and [code for code, _ in seen["ede"]] == [16]
    assert "Kementerian Komunikasi" in machine.run("saringctl", "explain", "web.telegram.org")
    machine.run("saringctl", "list", "lift", "telegram-2017", "--reason", "over")
    assert machine.ask("web.telegram.org")["rcode"] == "SERVFAIL"
    machine.run("saringctl", "list", "add", "local", "ads.example", "--reason", "a test")
    seen = machine.ask("ads.example", server="::1")
    assert seen["rcode"] == "NXDOMAIN" and [code for code, _ in seen["ede"]] == [15]
    # its helpers are found where they are installed
    assert "blocked" in machine.run("saringctl", "explain", "--offline", "ads.example")
    assert "a test" in machine.run("saringctl", "audit")
    stop(machine, daemon)


def test_upgrade(machine, debs):
    """What the administrator changed is kept, what he did not is replaced, and nothing of what the daemon knows is lost."""
    install(machine, debs.deb(which="old"))
    assert machine.run("saringd", "--version").split()[-1] == OLD_VERSION
    conf = machine.path("/etc/saring/saring.yaml")
    assert OLD_LINE in conf.read_text()
    daemon = serve(machine)
    machine.run("saringctl", "list", "mode", "telegram-2017", "enforce")
    machine.run("saringctl", "list", "add", "local", "ads.example", "--reason", "a test")
    mine, local = conf.read_text(), machine.path("/etc/saring/lists/local.yaml").read_text()
    assert re.search(r"^    mode: enforce$", mine, re.M)
    # served all the while by the old one: nothing of it is needed that is replaced
    install(machine, debs.deb(), "--force-confold")
    assert machine.ask("ads.example")["rcode"] == "NXDOMAIN"
    stop(machine, daemon)
    assert conf.read_text() == mine
    assert machine.path("/etc/saring/lists/local.yaml").read_text() == local
    beside = machine.path("/etc/saring/saring.yaml.dpkg-dist").read_text()
    assert OLD_LINE not in beside and beside != mine
    assert machine.run("saringd", "--version").split()[-1] == debs.version()
    assert machine.run("saringd", "-t") == CONTENT
    daemon = serve(machine)
    assert machine.ask("ads.example")["rcode"] == "NXDOMAIN" and machine.ask("t.me")["rcode"] == "NXDOMAIN"
    assert "ads.example" in machine.run("saringctl", "audit")
    stop(machine, daemon)


def test_upgrade_of_what_nobody_changed(machine, debs):
    """No question, no leftover."""
    install(machine, debs.deb(which="old"))
    install(machine, debs.deb())
    assert OLD_LINE not in machine.path("/etc/saring/saring.yaml").read_text()
    assert sorted(p.name for p in machine.path("/etc/saring").iterdir()) == ["lists", "saring.yaml"]


def test_local_list_that_was_taken_away(machine, debs):
    """It is put in place with the first installation alone."""
    install(machine, debs.deb(which="old"))
    machine.path("/etc/saring/lists/local.yaml").unlink()
    install(machine, debs.deb())
    assert not machine.path("/etc/saring/lists/local.yaml").exists()


def test_remove_and_purge(machine, debs):
    """Removed, what was configured and learnt stays; purged, nothing does but the user."""
    before = machine.changed()
    install(machine, debs.deb())
    install(machine, debs.deb("saring-doc"))
    daemon = serve(machine)
    machine.run("saringctl", "list", "mode", "telegram-2017", "enforce")
    machine.run("saringctl", "list", "add", "local", "ads.example", "--reason", "a test")
    stop(machine, daemon)

    machine.run("dpkg", "--remove", "saring", "saring-doc")
    left = machine.changed() - before
    left -= footprints(left)
    kept = [n for n in left if n.startswith(("/etc/saring/", "/var/lib/saring/"))]
    assert {"/etc/saring/saring.yaml", "/etc/saring/lists/local.yaml", "/etc/saring/lists/telegram-2017.yaml"} <= left
    assert any(n.startswith("/var/lib/saring/audit/") for n in kept)
    # what is left besides is what systemd knows of the units, until a purge
    assert [n for n in left if n not in kept and not n.startswith("/etc/systemd/system/")] == []

    machine.run("dpkg", "--purge", "saring", "saring-doc")
    left = machine.changed() - before
    assert left - footprints(left) == set()
    assert not [n for n in machine.folders() if "saring" in n and machine.path(n).exists()]
    assert machine.run("getent", "passwd", "saring")
    # and once more, from nothing
    install(machine, debs.deb())
    assert machine.run("saringd", "-t") == CONTENT


def test_purge_keeps_what_is_not_ours(machine, debs):
    install(machine, debs.deb())
    machine.path("/etc/saring/lists/mine.yaml").write_text("entries: [a.example]\n")
    machine.run("dpkg", "--purge", "saring")
    assert [p.name for p in machine.path("/etc/saring/lists").iterdir()] == ["mine.yaml"]
    assert [p.name for p in machine.path("/etc/saring").iterdir()] == ["lists"]


@pytest.fixture
def managed(machine):
    """As if systemd ran here, with services that never start: port 53 is taken."""
    machine.path("/usr/sbin/policy-rc.d").unlink()
    machine.path("/run/systemd/system").mkdir(parents=True)
    shim = machine.path("/usr/local/bin/systemctl")
    shim.write_text(SYSTEMCTL)
    shim.chmod(0o755)

    def calls():
        log = machine.path("/run/systemctl.log")
        lines = log.read_text().splitlines() if log.exists() else []
        log.write_text("")
        return [line for line in lines if re.search(r"\b(start|stop|restart|try-restart)\b", line)]
    return calls


def test_start_that_fails_is_no_failed_installation(machine, debs, managed):
    install(machine, debs.deb())
    started = managed()
    assert not any("saringd.socket" in line for line in started)
    assert started and all(" start " in f" {line} " for line in started) and any("saringd.service" in line for line in started)
    assert machine.run("dpkg-query", "-W", "-f", "${db:Status-Status}", "saring") == "installed"


def test_upgrade_is_one_restart(machine, debs, managed):
    """Of a service that is never stopped before: what it keeps open, systemd keeps over a restart, and not over a stop."""
    install(machine, debs.deb(which="old"))
    managed()
    install(machine, debs.deb())
    did = [line for line in managed() if "saringd.service" in line]
    assert len(did) == 1 and "restart" in did[0], did
    assert "saringd.socket" not in did[0]
    machine.run("dpkg", "--remove", "saring")
    stopped = managed()
    assert re.search(r"\bstop\b.*saringd\.socket", stopped[0]) and re.search(r"\bstop\b.*saringd\.service", stopped[1])
