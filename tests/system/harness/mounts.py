# SPDX-License-Identifier: BSD-2-Clause
"""File systems of a test's own: small, full, read-only. What is mounted is seen by the programs that the test starts, and by nobody
else on the machine."""
import concurrent.futures
import ctypes
import errno
import fcntl
import os
import pathlib
import socket
import struct

import pytest

CLONE_NEWNS, CLONE_NEWNET = 0x20000, 0x40000000
MS_RDONLY, MS_REMOUNT, MS_REC, MS_PRIVATE = 0x1, 0x20, 0x4000, 0x40000
LIBC = ctypes.CDLL(None, use_errno=True)


def own_namespace():
    """This thread's, and of what it starts from now on."""
    if LIBC.unshare(CLONE_NEWNS) != 0:
        pytest.skip(f"no mount namespace of its own: {os.strerror(ctypes.get_errno())}")
    if LIBC.mount(None, b"/", None, MS_REC | MS_PRIVATE, None) != 0:
        pytest.skip(f"the mount namespace cannot be made private: {os.strerror(ctypes.get_errno())}")


def own_network():
    """This thread's, and of what it starts from now on: a loopback where port 53 is free."""
    if LIBC.unshare(CLONE_NEWNET) != 0:
        pytest.skip(f"no network namespace of its own: {os.strerror(ctypes.get_errno())}")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        fcntl.ioctl(s, 0x8914, struct.pack("16sh14x", b"lo", 0x1 | 0x40))  # SIOCSIFFLAGS: IFF_UP, IFF_RUNNING


def in_thread(work):
    """Namespaces are a thread's: what is done there does not stay with the rest of the tests. What it raises is raised here."""
    with concurrent.futures.ThreadPoolExecutor(max_workers=1) as one:
        return one.submit(work).result()


def proc_hidden():
    """/proc as systemd's ProtectProc=invisible has it: who is not root sees nobody else's processes. In own_namespace."""
    if LIBC.mount(b"proc", b"/proc", b"proc", 0, b"hidepid=invisible") != 0:
        pytest.skip(f"/proc cannot be mounted anew: {os.strerror(ctypes.get_errno())}")


class Tiny:
    """A file system in memory at a folder, which is made."""

    def __init__(self, folder, kib=1024, inodes=200):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.options = f"size={kib}k,nr_inodes={inodes},mode=755"
        self._mount(0)

    def _mount(self, flags):
        if LIBC.mount(b"tmpfs", str(self.folder).encode(), b"tmpfs", flags, self.options.encode()) != 0:
            raise OSError(ctypes.get_errno(), f"mounting at {self.folder}: {os.strerror(ctypes.get_errno())}")

    def read_only(self, on=True):
        self._mount(MS_REMOUNT | (MS_RDONLY if on else 0))

    def fill(self):
        """Up to the last byte."""
        with open(self.folder / "filler", "ab", buffering=0) as filler:
            for size in (65536, 4096, 1):
                try:
                    while filler.write(bytes(size)) == size:
                        pass
                except OSError as error:
                    assert error.errno == errno.ENOSPC

    def empty(self):
        (self.folder / "filler").unlink()

    def umount(self):
        LIBC.umount2(str(self.folder).encode(), 2)
