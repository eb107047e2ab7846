# SPDX-License-Identifier: BSD-2-Clause
"""debian/tests, run by autopkgtest on a copy of this machine with the package installed: without a network, without systemd."""
import re
import shutil

import pytest

from harness.debs import SOURCE, run


def test_first_light(machine, debs):
    if not shutil.which("autopkgtest"):
        pytest.skip("autopkgtest is not installed")
    shutil.copy(debs.deb(), machine.path("/tmp"))
    machine.run("dpkg", "--install", f"/tmp/{debs.deb().name}")
    tree = machine.path("/tmp/source")
    tree.mkdir()
    shutil.copytree(debs.tree / "debian", tree / "debian", ignore=shutil.ignore_patterns("saring", "saring-doc", "tmp", ".debhelper"))
    said = machine.run("autopkgtest", "--no-built-binaries", "/tmp/source", "--", "null", status=None, timeout=500)
    summary = said[said.rindex("summary"):]
    assert re.search(r"^first-light +PASS", summary, re.M), said
    # a machine that may not be changed, and has no systemd: service is not for it
    assert re.search(r"^service +SKIP", summary, re.M), said
    for line in ("ok: web.telegram.org is blocked, and says so (EDE 16)", "ok: explain --offline", "ok: it ended as it was asked to"):
        assert line in said
    assert "FAIL" not in summary


def test_first_light_can_fail(machine, debs):
    """It is no test of saringd if a broken one passes it: here the compiler is not where it is looked for."""
    shutil.copy(debs.deb(), machine.path("/tmp"))
    machine.run("dpkg", "--install", f"/tmp/{debs.deb().name}")
    machine.path("/usr/libexec/saring/saring-compile").unlink()
    tests = machine.path("/tmp/tests")
    shutil.copytree(SOURCE / "systemd/packaging/debian/tests", tests)
    machine.run("/tmp/tests/first-light", status=1, timeout=120)
    # no systemd here: 77 is what says that it did not run
    assert "systemd does not run here" in machine.run("/tmp/tests/service", status=77)


def test_both_are_declared_and_executable():
    control = (SOURCE / "systemd/packaging/debian/tests/control").read_text()
    names = set(re.findall(r"^Tests: (\S+)", control, re.M))
    folder = SOURCE / "systemd/packaging/debian/tests"
    assert names == {p.name for p in folder.iterdir() if p.stat().st_mode & 0o111}
    for name in names:
        run("sh", "-n", folder / name)
