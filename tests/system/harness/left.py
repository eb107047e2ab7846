# SPDX-License-Identifier: BSD-2-Clause
"""Half-written files: what one finds of who died or failed while it wrote."""
from harness.ask import eventually


def left_in(folder):
    """Files that are not there for readers, as what writes puts the whole one in its place."""
    return [str(p.relative_to(folder)) for p in folder.rglob("*") if p.name.startswith(".")]


def nothing_stays(folder):
    """Where a daemon writes whenever it will: what lies there for a moment is its own, what stays is the dead's."""
    eventually(lambda: not left_in(folder), f"nothing half written stays in {folder}", timeout_s=30)
