# SPDX-License-Identifier: BSD-2-Clause
"""A machine to install on that is gone afterwards: a root file system of which changes are kept in memory, with mounts, processes and
a network (loopback, nobody else) of its own. No service manager runs there.

Below is either this machine's own root, which takes no time and has all that packages depend on, or a folder with a Debian."""
import json
import os
import pathlib
import shutil
import subprocess
import tempfile

import pytest

HERE = pathlib.Path(__file__).parent

SETUP = r"""
set -e
mount -t tmpfs -o mode=755 tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=$2,upperdir=$1/upper,workdir=$1/work" "$1/root"
mount --rbind /dev "$1/root/dev"
mount -t proc proc "$1/root/proc"
mount -t tmpfs tmpfs "$1/root/run"
mount -t tmpfs -o mode=1777 tmpfs "$1/root/tmp"
mkdir -p "$1/root/run/lock"
# no package starts a service, as there is nobody to start it
printf '#!/bin/sh\nexit 101\n' >"$1/root/usr/sbin/policy-rc.d"
chmod 755 "$1/root/usr/sbin/policy-rc.d"
# an index of all manuals, after each package, takes longer than the package
rm -f "$1/root/var/lib/man-db/auto-update"
echo ready
exec cat
"""
# what every installation leaves behind, whatever it was of
FOOTPRINTS = ("/var/lib/dpkg/", "/var/log/", "/var/cache/", "/var/lib/apt/", "/var/lib/systemd/", "/etc/ld.so.cache")
# the user, which stays
USERS = ("/etc/passwd", "/etc/group", "/etc/shadow", "/etc/gshadow", "/etc/subuid", "/etc/subgid", "/etc/.pwd.lock")


class Done:
    def __init__(self, argv, status, text):
        self.argv, self.status, self.text = argv, status, text

    def __repr__(self):
        return f"{' '.join(self.argv)}: exit status {self.status}\n{self.text}"


class Machine:
    def __init__(self, lower="/"):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="saring-machine-"))
        self.holder = subprocess.Popen(
            ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--propagation", "private",
             "sh", "-c", SETUP, "sh", str(self.folder), str(lower)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if self.holder.stdout.readline().strip() != "ready":
            self.holder.stdin.close()
            said = self.holder.stderr.read().strip()
            self.finish()
            pytest.skip(f"no root file system of its own: {said}")
        children = pathlib.Path(f"/proc/{self.holder.pid}/task/{self.holder.pid}/children").read_text().split()
        self.pid = int(children[0])
        self.upper = pathlib.Path(f"/proc/{self.pid}/root{self.folder}/upper")
        self.root = pathlib.Path(f"/proc/{self.pid}/root{self.folder}/root")
        self.outside("-n", "/usr/bin/python3", "-B", HERE / "loopback.py")

    def finish(self):
        self.holder.stdin.close()
        self.holder.kill()
        self.holder.wait()
        self.holder.stdout.close()
        self.holder.stderr.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def outside(self, spaces, *argv):
        """A program of this machine's, in namespaces of that one's."""
        done = subprocess.run(["nsenter", "-t", str(self.pid), spaces, *(str(a) for a in argv)], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def _argv(self, argv, env, network):
        return ["nsenter", "-t", str(self.pid), "-m", "-p", *([] if network else ["-n"]), "--", "chroot", f"{self.folder}/root",
                "env", "-i", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LC_ALL=C.UTF-8",
                "DEBIAN_FRONTEND=noninteractive", *(f"{k}={v}" for k, v in (env or {}).items()), *(str(a) for a in argv)]

    def run(self, *argv, status=0, env=None, network=False, timeout=300):
        """Runs it there and hands back what it said; status: what it is to end with (None: whatever)."""
        done = subprocess.run(self._argv(argv, env, network), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, timeout=timeout)
        done = Done([str(a) for a in argv], done.returncode, done.stdout)
        assert status is None or done.status == status, repr(done)
        return done.text

    def start(self, *argv):
        """A process that outlives the call; it ends with the machine. Its output is in the machine's /run/NAME.log."""
        log = open(self.root / "run" / (pathlib.Path(str(argv[0])).name + ".log"), "wb")
        return subprocess.Popen(self._argv(argv, None, False), stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def wait_for(self, daemon, log):
        """Until it serves: saringctl says so, or the daemon why not."""
        tries = 0
        while "status 0" not in self.run("sh", "-c", "saringctl status >/dev/null 2>&1; echo status $?"):
            tries += 1
            assert daemon.poll() is None and tries < 600, self.path(f"/run/{log}.log").read_text()

    def path(self, name):
        """To a file of that machine, as seen from this one."""
        return self.root / name.lstrip("/")

    def ask(self, name, rrtype="A", server="127.0.0.1"):
        """{'rcode', 'ede': [[code, text]], 'answer': [text]}, or None when nobody answers."""
        return json.loads(self.outside("-n", "/usr/bin/python3", "-B", HERE / "ask.py", server, name, rrtype))

    def changed(self):
        """Every file that is there and was not, that is another, or that is gone."""
        found = set()
        for path in self.upper.rglob("*"):
            if path.is_symlink() or not path.is_dir():
                found.add("/" + str(path.relative_to(self.upper)))
        return found

    def folders(self):
        return {"/" + str(path.relative_to(self.upper)) for path in self.upper.rglob("*") if path.is_dir() and not path.is_symlink()}


def footprints(names):
    """Of these, those that every installation leaves."""
    return {n for n in names if n.startswith(FOOTPRINTS) or n.rstrip("-") in USERS or n == "/usr/sbin/policy-rc.d"}


def own_root():
    """A machine that is a copy of this one, without the packages."""
    if os.geteuid() != 0:
        pytest.skip("a root file system of its own needs root")
    for tool in ("unshare", "nsenter", "dpkg"):
        if not shutil.which(tool):
            pytest.skip(f"{tool} is not installed")
    device = os.stat("/").st_dev
    for name in ("/usr", "/etc", "/var", "/var/lib/dpkg"):
        if os.stat(name).st_dev != device:
            pytest.skip(f"{name} is a file system of its own, which an overlay of / does not have")
    machine = Machine()
    installed = machine.run("dpkg-query", "-W", "-f", "${Status}", "saring", status=None)
    if "not-installed" not in installed and "no packages" not in installed:
        machine.finish()
        pytest.skip("saring is installed on this machine")
    return machine
