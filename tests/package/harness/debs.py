# SPDX-License-Identifier: BSD-2-Clause
"""The Debian packages of this tree, and of one that is older and a little different, built once for each state of the tree and kept
in BUILD/package."""
import contextlib
import fcntl
import hashlib
import os
import pathlib
import re
import shutil
import subprocess

SOURCE = pathlib.Path(__file__).resolve().parents[3]
OLD_VERSION = "0.0.9"
# what the older one's saring.yaml has and the newer one's has not
OLD_LINE = "# This is the configuration of an older version."


def run(*argv, **kwargs):
    """Ends with what was said when it failed."""
    done = subprocess.run([str(a) for a in argv], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **kwargs)
    assert done.returncode == 0, f"{' '.join(str(a) for a in argv)}: exit status {done.returncode}\n{done.stdout[-6000:]}"
    return done.stdout


class Debs:
    def __init__(self, folder):
        self.folder = folder
        self.tree = folder / "saring"

    def _one(self, pattern):
        found = sorted(self.folder.glob(pattern))
        assert len(found) == 1, f"{pattern}: {found}"
        return found[0]

    @property
    def changes(self):
        return self._one("new/*.changes")

    def deb(self, name="saring", which="new"):
        return self._one(f"{which}/{name}_*.deb")

    def version(self, which="new"):
        return run("dpkg-deb", "-f", self.deb(which=which), "Version").strip()


def _digest(tree):
    """Of what packages are made of: tests are not."""
    total = hashlib.sha256()
    for path in sorted(p for p in tree.rglob("*") if p.is_file() and p.relative_to(tree).parts[0] != "tests"):
        total.update(f"{path.relative_to(tree)}\0{path.stat().st_mode:o}\0{path.stat().st_size}\0".encode())
        total.update(path.read_bytes())
    return total.hexdigest()


def _move(folder, name, pattern):
    shutil.rmtree(folder / name, ignore_errors=True)
    (folder / name).mkdir()
    for path in folder.glob(pattern):
        if path.is_file():
            path.rename(folder / name / path.name)


def _edit(path, pattern, text):
    old = path.read_text()
    new = re.sub(pattern, text, old, count=1, flags=re.M)
    assert new != old, f"{path} has no {pattern}"
    path.write_text(new)


def _build_old(tree, environment):
    """Of the tree that the new one was built in, so that only what tells the version is compiled again."""
    _edit(tree / "meson.build", r"version: '[^']*'", f"version: '{OLD_VERSION}'")
    _edit(tree / "debian/changelog", r"^saring \(\S+\)", f"saring ({OLD_VERSION})")
    _edit(tree / "config/saring.yaml", r"\A", OLD_LINE + "\n")
    for name in ("debhelper-build-stamp", "files"):
        (tree / "debian" / name).unlink()
    run("dpkg-buildpackage", "--build=binary", "--no-pre-clean", "--unsigned-changes", cwd=tree, env=environment)


def built(build):
    """The packages, made first where those of this very tree are not there yet."""
    folder = pathlib.Path(build) / "package"
    folder.mkdir(exist_ok=True)
    with contextlib.closing(open(folder / "lock", "w")) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        run(SOURCE / "tools/package", "-t", folder / "now")
        digest = _digest(folder / "now/saring")
        shutil.rmtree(folder / "now")
        stamp = folder / "stamp"
        if not stamp.exists() or stamp.read_text() != digest:
            stamp.unlink(missing_ok=True)
            # unit tests have run before, and a package's tests are not to be this machine's C locale's
            environment = {**os.environ, "DEB_BUILD_OPTIONS": "nocheck", "LC_ALL": "C.UTF-8"}
            run(SOURCE / "tools/package", folder, env=environment)
            _move(folder, "new", "saring*_*")
            _build_old(folder / "saring", environment)
            _move(folder, "old", "saring*_*")
            stamp.write_text(digest)
    return Debs(folder)
