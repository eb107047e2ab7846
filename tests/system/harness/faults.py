# SPDX-License-Identifier: BSD-2-Clause
"""Orders to faults.so: which call of a program kills it or fails, and how far its wall clock is off. Changed while it runs."""
import errno
import mmap
import pathlib
import struct

from harness.daemon import build_dir

NONE, KILL, FAIL_ONCE, FAIL_ON = range(4)
LAYOUT = struct.Struct("=qQQIi32s")  # struct orders in faults.c
AT_OFFSET, AT_COUNT = 0, 8


class Faults:
    """env: for the programs that obey."""

    def __init__(self, home):
        self.path = pathlib.Path(home) / "faults"
        self.path.write_bytes(bytes(mmap.PAGESIZE))
        self.file = open(self.path, "r+b")
        self.map = mmap.mmap(self.file.fileno(), mmap.PAGESIZE)
        self.env = {"LD_PRELOAD": str(build_dir() / "tests/system/faults.so"), "SARING_FAULTS": str(self.path)}

    def close(self):
        self.map.close()
        self.file.close()

    def _order(self, program, action, at, error=0):
        self.map[8:LAYOUT.size] = LAYOUT.pack(0, 0, at, action, error, program.encode())[8:]

    def clear(self):
        self._order("", NONE, 0)

    def count_calls(self, program):
        """Only count, from now on."""
        self._order(program, FAIL_ON, 0)

    def kill(self, program, at):
        self._order(program, KILL, at)

    def fail(self, program, at, error="ENOSPC", once=False):
        """The call of that number, and all after it unless once."""
        self._order(program, FAIL_ONCE if once else FAIL_ON, at, getattr(errno, error))

    @property
    def count(self):
        return struct.unpack_from("=Q", self.map, AT_COUNT)[0]

    def wall(self, offset_s):
        self.map[AT_OFFSET:AT_OFFSET + 8] = struct.pack("=q", offset_s)
