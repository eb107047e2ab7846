# SPDX-License-Identifier: BSD-2-Clause
"""What the Debian packages are: lintian's word on them, what is in which, how programs were compiled."""
import re
import shutil
import subprocess

import pytest

from harness.debs import OLD_VERSION, SOURCE, run

PROGRAMS = {"usr/bin/saringctl", "usr/sbin/saringd", *(f"usr/libexec/saring/saring-{n}" for n in ("compile", "explain", "fetch"))}


def files(deb):
    """name -> (mode and kind, owner)"""
    found = {}
    for line in run("dpkg-deb", "--contents", deb).splitlines():
        mode, owner, _, _, _, name = line.split(None, 5)
        found[name.split(" -> ")[0].removeprefix("./")] = (mode, owner)
    return found


@pytest.fixture(scope="module")
def unpacked(debs, tmp_path_factory):
    folder = tmp_path_factory.mktemp("deb")
    run("dpkg-deb", "--extract", debs.deb(), folder)
    return folder


def test_lintian(debs):
    """Nothing to say, down to the pedantic. The overrides are few, and each has its reason beside it."""
    if not shutil.which("lintian"):
        pytest.skip("lintian is not installed")
    done = subprocess.run(["lintian", "-EviI", "--pedantic", "--allow-root", "--tag-display-limit", "0", debs.changes],
                          capture_output=True, text=True)
    tags = [line for line in done.stdout.splitlines() if re.match(r"[EWIPX]: ", line)]
    assert (done.returncode, tags) == (0, []), done.stdout + done.stderr
    for name in ("saring.lintian-overrides", "source/lintian-overrides"):
        lines = (SOURCE / "systemd/packaging/debian" / name).read_text().splitlines()
        assert lines[0].startswith("#") and len([line for line in lines if not line.startswith("#")]) <= 2


def test_versions(debs):
    assert debs.version("old") == OLD_VERSION
    subprocess.run(["dpkg", "--compare-versions", debs.version("old"), "lt", debs.version()], check=True)
    wanted = re.search(r"^  version: '([^']+)'", (SOURCE / "meson.build").read_text(), re.M).group(1)
    assert debs.version() == wanted


def test_all_that_was_built_is_in_a_changes_file(debs):
    text = debs.changes.read_text()
    for name in ("saring_", "saring-doc_", "saring-dbgsym_"):
        assert re.search(rf" {name}\S+\.deb$", text, re.M)
    assert re.search(r"\.dsc$", text, re.M) and re.search(r"\.tar\.xz$", text, re.M)


def test_contents(debs):
    found = files(debs.deb())
    programs = {n for n, (mode, _) in found.items() if mode.startswith("-") and "x" in mode}
    assert programs == PROGRAMS
    assert {owner for _, owner in found.values()} == {"root/root"}
    assert not [n for n, (mode, _) in found.items() if "s" in mode[1:] or mode[5] == "w" or (mode[8] == "w" and mode[0] != "l")]
    for name in ("lib/systemd/system/saringd.service", "usr/lib/sysusers.d/saring.conf", "usr/share/man/man8/saringd.8.gz",
                 "usr/share/man/man1/saringctl.1.gz", "usr/share/man/man5/saring.yaml.5.gz", "usr/share/man/man5/saring-lists.5.gz",
                 "usr/share/bash-completion/completions/saringctl", "usr/share/zsh/vendor-completions/_saringctl",
                 "usr/share/fish/vendor_completions.d/saringctl.fish", "usr/lib/tmpfiles.d/saring.conf",
                 "usr/share/doc/saring/README.Debian", "usr/share/doc/saring/copyright", "usr/share/saring/local.yaml"):
        assert name in found
    # a manual for each program on PATH
    manuals = {n.rsplit("/", 1)[1].split(".")[0] for n in found if "/man/man" in n and not n.endswith("/")}
    assert {p.rsplit("/", 1)[1] for p in PROGRAMS if "libexec" not in p} <= manuals
    doc = files(debs.deb("saring-doc"))
    for name in ("README.md", "NEWS.md", "examples/saring.yaml", "examples/lists/telegram-2017.yaml"):
        assert f"usr/share/doc/saring/{name}" in doc
    assert not {n for n in found if n and not n.endswith("/")} & set(doc)


def test_conffiles(debs):
    """What dpkg asks about: what is shipped below /etc, and not the list that saringctl edits every day."""
    assert run("dpkg-deb", "--info", debs.deb(), "conffiles").split() == ["/etc/saring/lists/telegram-2017.yaml", "/etc/saring/saring.yaml"]


@pytest.mark.parametrize("program", sorted(PROGRAMS))
def test_hardening(unpacked, program):
    """As dpkg-buildflags' hardening=+all asks for: position-independent, no lazy binding, stack protector, fortified; no debugging
    information, which saring-dbgsym has."""
    path = unpacked / program
    header, segments = run("readelf", "-hW", path), run("readelf", "-lW", path)
    assert re.search(r"Type:\s+DYN \(Position-Independent Executable", header)
    assert "GNU_RELRO" in segments and re.search(r"GNU_STACK.* RW ", segments)
    dynamic = run("readelf", "-dW", path)
    assert "BIND_NOW" in dynamic and "RPATH" not in dynamic and "RUNPATH" not in dynamic and "TEXTREL" not in dynamic
    symbols = run("readelf", "--dyn-syms", "-W", path)
    assert "__stack_chk_fail@" in symbols and re.search(r"__\w+_chk@", symbols)
    sections = run("readelf", "-SW", path)
    assert ".debug_info" not in sections and ".symtab" not in sections and ".gnu_debuglink" in sections
    build_id = re.search(r"Build ID: (\w\w)(\w+)", run("readelf", "-nW", path))
    assert build_id


def test_debugging_information_is_beside(debs, unpacked):
    symbols = files(debs.deb("saring-dbgsym"))
    for program in PROGRAMS:
        first, rest = re.search(r"Build ID: (\w\w)(\w+)", run("readelf", "-nW", unpacked / program)).groups()
        assert f"usr/lib/debug/.build-id/{first}/{rest}.debug" in symbols


def test_no_path_of_the_build_is_in_it(debs, unpacked):
    """So that who builds it elsewhere gets the same."""
    for program in PROGRAMS:
        assert str(debs.folder).encode() not in (unpacked / program).read_bytes(), program


def test_what_it_is_built_with(debs):
    """Whatever tools/packages says, and nothing that was forgotten when a library came."""
    found = set(re.search(r"^Build-Depends: (.*)$", next((debs.folder / "new").glob("*.dsc")).read_text(), re.M).group(1).split(", "))
    text = (SOURCE / "tools/packages").read_text()
    wanted = set(re.findall(r"\S+-dev\b", re.search(r'PACKAGES_BUILD="([^"]*)"', text).group(1))) - {"libc6-dev"}
    assert wanted and wanted <= found


def test_dependencies_are_what_is_linked(debs):
    depends = run("dpkg-deb", "--field", debs.deb(), "Depends")
    assert "-dev" not in depends and "python" not in depends and "libc6" in depends
    assert "systemd-sysusers" in depends


def test_scripts(debs, tmp_path):
    run("dpkg-deb", "--control", debs.deb(), tmp_path / "c")
    for name in ("postinst", "postrm", "prerm"):
        script = tmp_path / "c" / name
        run("sh", "-n", script)
        assert re.search(r"^set -e$", script.read_text(), re.M)
    # a start that fails is no failed installation
    postinst = (tmp_path / "c/postinst").read_text()
    assert re.search(r"deb-systemd-invoke \$_dh_action .*saringd\.service.* \|\| true$", postinst, re.M)
