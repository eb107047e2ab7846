# SPDX-License-Identifier: BSD-2-Clause
"""What a unit file does to what it starts, without a systemd that runs: its system call filter, its user, its only capability."""
import ctypes
import ctypes.util
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

# run by itself: a filter that lets through what is named, and the program in its place
FILTER = """
import ctypes, os, sys
lib = ctypes.CDLL(sys.argv[1])
lib.seccomp_init.restype = ctypes.c_void_p
for f in (lib.seccomp_rule_add, lib.seccomp_load, lib.seccomp_attr_set):
    f.argtypes = None
EPERM, ALLOW = 0x00050001, 0x7FFF0000
ctx = ctypes.c_void_p(lib.seccomp_init(EPERM))
for name in sys.argv[2].split(","):
    number = lib.seccomp_syscall_resolve_name(name.encode())
    if number >= 0:
        assert lib.seccomp_rule_add(ctx, ctypes.c_uint32(ALLOW), ctypes.c_int(number), ctypes.c_uint(0)) == 0, name
assert lib.seccomp_load(ctx) == 0
os.execv(sys.argv[3], sys.argv[3:])
"""


def sets():
    """systemd's sets of system calls: name -> members, which may be sets."""
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not installed")
    text = subprocess.run(["systemd-analyze", "--no-pager", "syscall-filter"], capture_output=True, text=True, check=True, timeout=60).stdout
    found, here = {}, None
    for line in text.splitlines():
        if line.startswith("@"):
            here = found.setdefault(line.strip(), [])
        elif line.startswith("    ") and not line.strip().startswith("#") and here is not None:
            here.append(line.strip())
    return found


def expand(words, known):
    calls = set()
    for word in words:
        calls |= expand(known[word], known) if word.startswith("@") else {word}
    return calls


def system_calls(unit_text):
    """All that its SystemCallFilter= lines let through, in systemd's way: the first says which list it is, later ones add and take."""
    known = sets()
    calls = expand(["@default"], known)
    for line in re.findall(r"^SystemCallFilter=(.*)$", unit_text, re.M):
        words = line.lstrip("~").split()
        calls = calls - expand(words, known) if line.startswith("~") else calls | expand(words, known)
    return calls | {"execve", "exit", "exit_group"}


def filtered(unit_text):
    """A prefix that starts a program under the unit's filter."""
    lib = ctypes.util.find_library("seccomp")
    if lib is None:
        pytest.skip("libseccomp is not installed")
    return [sys.executable, "-I", "-S", "-c", FILTER, lib, ",".join(sorted(system_calls(unit_text)))]


def as_nobody(uid, gid, lent=True):
    """A prefix: that user, no groups, no rights but the unit's one (lent), and no way to any."""
    caps = "-all,+net_bind_service" if lent else "-all"
    return [shutil.which("setpriv"), f"--reuid={uid}", f"--regid={gid}", "--clear-groups", f"--inh-caps={caps}", f"--ambient-caps={caps}",
            f"--bounding-set={caps}", "--no-new-privs"]


def built(build, name):
    return (pathlib.Path(build) / "systemd" / name).read_text(encoding="utf-8")
