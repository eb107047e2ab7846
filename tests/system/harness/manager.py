# SPDX-License-Identifier: BSD-2-Clause
"""A stand-in for systemd: it keeps the sockets that saringd gives it (FDSTORE=1), opens those of a .socket unit, and hands all of them to
the next that it starts (sd_listen_fds(3))."""
import array
import os
import pathlib
import signal
import socket
import sys

from harness.daemon import STOP_S, Saringd

LISTEN_FDS_START = 3

# run by itself: descriptors to 3, 4, ..., the environment, and saringd in its place, with its process id
HAND_OVER = """
import fcntl, os, sys
names, fds, command = sys.argv[1], [int(n) for n in sys.argv[2].split(",")], sys.argv[3:]
high = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 3 + len(fds)) for fd in fds]
for i, fd in enumerate(high):
    os.dup2(fd, 3 + i)
os.closerange(3 + len(fds), 4096)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(fds)), LISTEN_FDNAMES=names)
os.execv(command[0], command)
"""


def listening(address, kind, reuse=False, v6only=None, backlog=64):
    """As a .socket unit opens one; kind is socket.SOCK_DGRAM or SOCK_STREAM."""
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    one = socket.socket(family, kind)
    if kind == socket.SOCK_STREAM:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if reuse:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    if v6only is not None:
        one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, v6only)
    one.bind(address)
    if kind == socket.SOCK_STREAM:
        one.listen(backlog)
    return one


def inode(fd):
    return os.fstat(fd).st_ino


class Manager(Saringd):
    """passed: (name, socket) of a .socket unit. prefix: before saringd's own command. store: what it was given to keep, name -> descriptors."""

    def __init__(self, *args, passed=(), keeps=True, prefix=(), **more):
        super().__init__(*args, **more)
        self.prefix = list(prefix)
        self.passed_sockets = list(passed)
        self.keeps = keeps
        self.store = {}

    def wrapped(self, command):
        handed = [(name, one.fileno()) for name, one in self.passed_sockets] + [(name, fd) for name, fds in self.store.items() for fd in fds]
        command = [*self.prefix, *command]
        if not handed:
            return command, ()
        names, fds = zip(*handed)
        # no site, no user's settings: this stands in the way of every restart
        return [sys.executable, "-I", "-S", "-c", HAND_OVER, ":".join(names), ",".join(map(str, fds)), *command], fds

    def hear(self, notify):
        room = socket.CMSG_SPACE(253 * 4)
        text, ancillary, _, _ = notify.recvmsg(4096, room)
        fds = array.array("i")
        for level, kind, data in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                fds.frombytes(data[:len(data) - len(data) % fds.itemsize])
        text = text.decode(errors="replace")
        lines = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
        if lines.get("FDSTORE") == "1" and self.keeps:
            kept = self.store.setdefault(lines["FDNAME"], [])
            assert ":" not in lines["FDNAME"] and lines["FDPOLL"] == "0"
            for fd in fds:
                # what is there already is not kept twice
                if inode(fd) in (inode(other) for all_of in self.store.values() for other in all_of):
                    os.close(fd)
                else:
                    kept.append(fd)
        else:
            for fd in fds:
                os.close(fd)
        if lines.get("FDSTOREREMOVE") == "1":
            self.drop(lines["FDNAME"])
        return text

    def drop(self, name):
        for fd in self.store.pop(name, []):
            os.close(fd)

    def end(self, number=signal.SIGTERM):
        """The process, but not what it left in the store; what it said until then was heard."""
        self.process.send_signal(number)
        code = self.process.wait(STOP_S)
        self._end_listening()
        self.reports()
        self.process = None
        assert code == (-number if number == signal.SIGKILL else self.expect_exit), f"saringd ended with {code}:\n{self.stderr()}"

    def restart(self, number=signal.SIGTERM, **changes):
        """As `systemctl restart`, or after a crash."""
        self.end(number)
        if changes:
            self.configure(**changes)
        return self.start()

    def stop(self):
        super().stop()
        for name in list(self.store):
            self.drop(name)
        for _, one in self.passed_sockets:
            one.close()


def fds_of(pid):
    """The sockets a process has open: inode -> descriptor."""
    found = {}
    for link in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        try:
            target = os.readlink(link)
        except OSError:
            continue
        if target.startswith("socket:["):
            found[int(target[8:-1])] = int(link.name)
    return found
