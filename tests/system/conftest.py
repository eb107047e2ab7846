# SPDX-License-Identifier: BSD-2-Clause
"""Fixtures of the system tests: the real programs on loopback, ports chosen by the kernel, waits on what the programs say of
themselves. SARING_BUILD names the build directory; SARING_TEST_KEEP=1 keeps each test's folder."""
import os
import pathlib
import shutil
import sys
import tempfile

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from harness import daemon as harness_daemon  # noqa: E402
from harness import fake as harness_fake  # noqa: E402
from harness import knot as harness_knot  # noqa: E402

SOURCE = pathlib.Path(__file__).resolve().parents[2]
SOCKET_PATH_MAX = 107


def short_folder():
    """A fresh folder whose path leaves room for a Unix socket's name."""
    for base in (tempfile.gettempdir(), "/tmp", "/var/tmp"):
        if os.path.isdir(base) and len(base) + len("/saring-12345678/") + 40 < SOCKET_PATH_MAX:
            return pathlib.Path(tempfile.mkdtemp(prefix="saring-", dir=base))
    raise OSError("no temporary folder with a short path")


@pytest.fixture
def home():
    folder = short_folder()
    yield folder
    if os.environ.get("SARING_TEST_KEEP"):
        print("kept:", folder)
    else:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def saringd(home):
    """A factory: saringd(config={...}, lists={...}) starts one; all are stopped, and judged, at the end."""
    made = []

    def make(config=None, lists=None, start=True, args=(), env=None, **more):
        folder = home / f"d{len(made)}"
        folder.mkdir()
        one = harness_daemon.Saringd(folder, config=config, lists=lists, **more)
        made.append(one)
        return one.start(*args, env=env) if start else one

    yield make
    faults = []
    for one in made:
        try:
            one.stop()
        except AssertionError as fault:
            faults.append(fault)
    if faults:
        raise faults[0]


@pytest.fixture(scope="module")
def knot():
    """knotd with harness.knot's zone; the tests of one file share it."""
    if not harness_knot.available():
        pytest.skip("knotd is not installed")
    folder = short_folder()
    server = harness_knot.Knot(folder).start()
    yield server
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def own_knot(home):
    """A factory of servers for one test alone, which may stop and start them: own_knot(signed=True)."""
    if not harness_knot.available():
        pytest.skip("knotd is not installed")
    made = []

    def make(**options):
        made.append(harness_knot.Knot(home / f"k{len(made)}", **options))
        return made[-1].start()

    yield make
    for one in made:
        one.stop()


@pytest.fixture
def fake():
    """A factory of scripted upstreams."""
    made = []

    def make(*args, **more):
        made.append(harness_fake.Fake(*args, **more))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture(scope="session")
def source():
    return SOURCE
