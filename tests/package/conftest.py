# SPDX-License-Identifier: BSD-2-Clause
"""Fixtures of the package tests. SARING_BUILD names the build directory: what is installed from, and where packages are kept."""
import os
import pathlib
import shutil
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from harness import debs as harness_debs  # noqa: E402
from harness import machine as harness_machine  # noqa: E402


@pytest.fixture(scope="session")
def build():
    return pathlib.Path(os.environ["SARING_BUILD"]).resolve()


@pytest.fixture(scope="session")
def debs(build):
    """The packages of this tree."""
    for tool in ("dpkg-buildpackage", "dh"):
        if not shutil.which(tool):
            pytest.skip(f"{tool} is not installed")
    return harness_debs.built(build)


@pytest.fixture
def machine():
    """A copy of this machine, to install on."""
    made = harness_machine.own_root()
    yield made
    made.finish()
