# SPDX-License-Identifier: BSD-2-Clause
"""The age of files: one that changed shortly before it was read is not known again by its times (settings/identity.h)."""
import time

from harness.ask import eventually

RACY_NS = 30_000_000


def settle(*paths):
    """Until each of them is old enough to be known again."""
    def old():
        return all(time.time_ns() - max(p.stat().st_ctime_ns, p.stat().st_mtime_ns) > RACY_NS for p in paths)
    eventually(old, "the files have come of age")
