# SPDX-License-Identifier: BSD-2-Clause
"""A minimal Debian of the release this machine runs, made by debootstrap from the mirror that this machine's apt knows. It is kept in
BUILD/package, with the packages that were fetched into it."""
import contextlib
import fcntl
import os
import pathlib
import re
import shutil
import subprocess

import pytest

from harness.machine import Machine

FETCH_S = 600  # a mirror that takes longer is none
# of apt's settings, those by which a mirror is reached
REACHED_BY = ("Acquire::http::Proxy", "Acquire::https::Proxy", "Acquire::ForceIPv4", "Acquire::Retries")


def codename():
    found = re.search(r"^VERSION_CODENAME=(\w+)", pathlib.Path("/etc/os-release").read_text(), re.M)
    return found.group(1) if found else pytest.skip("this is no Debian with a codename")


def mirror():
    """(address, keyring or None) of Debian's main."""
    rows = subprocess.run(["apt-get", "indextargets", "--format", "$(REPO_URI)\t$(CODENAME)\t$(COMPONENT)\t$(LABEL)\t$(SIGNED_BY)",
                           "Created-By: Packages"], capture_output=True, text=True).stdout.splitlines()
    for uri, name, component, label, signed_by in (row.split("\t") for row in rows if row.count("\t") == 4):
        if (name, component, label) == (codename(), "main", "Debian"):
            return uri.rstrip("/"), signed_by if os.path.isfile(signed_by) else None
    pytest.skip("apt knows no mirror of Debian's main (apt-get update may help)")


def apt_settings():
    """name -> value, of those that are set."""
    text = subprocess.run(["apt-config", "dump", *REACHED_BY], capture_output=True, text=True).stdout
    return dict(re.findall(r'^([\w:]+) "(.+)";$', text, re.M))


def debootstrap(folder, address, keyring):
    settings = apt_settings()
    environment = dict(os.environ)
    for scheme in ("http", "https"):
        if f"Acquire::{scheme}::Proxy" in settings:
            environment.setdefault(f"{scheme}_proxy", settings[f"Acquire::{scheme}::Proxy"])
    command = ["debootstrap", "--variant=minbase", *([f"--keyring={keyring}"] if keyring else []), codename(), folder, address]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              env=environment, timeout=FETCH_S)
    except subprocess.TimeoutExpired:
        shutil.rmtree(folder, ignore_errors=True)
        pytest.skip(f"debootstrap from {address}: not done after {FETCH_S} s")
    if done.returncode != 0:
        shutil.rmtree(folder, ignore_errors=True)
        said = done.stdout.strip().splitlines() or [f"exit status {done.returncode}"]
        pytest.skip(f"debootstrap from {address}: {said[-1]}")
    (folder / "etc/apt/apt.conf.d/90test").write_text("".join(f'{k} "{v}";\n' for k, v in settings.items()))
    certificates = pathlib.Path("/etc/ssl/certs/ca-certificates.crt")
    if address.startswith("https:") and certificates.exists():
        (folder / "etc/ssl/certs").mkdir(parents=True, exist_ok=True)
        shutil.copy(certificates, folder / "etc/ssl/certs")


def bare_root(build, deb):
    """A machine with nothing but a minimal Debian, and what the package depends on in apt's cache."""
    if os.geteuid() != 0:
        pytest.skip("debootstrap needs root")
    if not shutil.which("debootstrap"):
        pytest.skip("debootstrap is not installed")
    folder = pathlib.Path(build) / "package" / codename()
    folder.parent.mkdir(exist_ok=True)
    with contextlib.closing(open(f"{folder}.lock", "w")) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "etc/os-release").exists():
            shutil.rmtree(folder, ignore_errors=True)
            half = folder.with_suffix(".half")
            shutil.rmtree(half, ignore_errors=True)
            address, keyring = mirror()
            debootstrap(half, address, keyring)
            half.rename(folder)
        archives = folder.with_suffix(".archives")
        (archives / "partial").mkdir(parents=True, exist_ok=True)
        machine = Machine(folder)
        shutil.copy("/etc/resolv.conf", machine.path("/etc"))
        shutil.copy(deb, machine.path("/tmp"))
        # what other runs have fetched need not be fetched again
        for path in archives.glob("*.deb"):
            shutil.copy(path, machine.path("/var/cache/apt/archives"))
        wanted = f"/tmp/{deb.name}"
        # what is only fetched is not unpacked: that comes later, with no network
        fetch = ("apt-get", "-q", "-y", "--no-install-recommends", "-o", "APT::Sandbox::User=root", "--download-only", "install", wanted)
        said = machine.run(*fetch, status=None, network=True, timeout=FETCH_S)
        if "E: " in said:
            machine.run("apt-get", "-q", "update", status=None, network=True, timeout=FETCH_S)
            said = machine.run(*fetch, status=None, network=True, timeout=FETCH_S)
        if "E: " in said:
            machine.finish()
            pytest.skip(f"what saring depends on cannot be fetched: {[line for line in said.splitlines() if line.startswith('E: ')][:2]}")
        for path in machine.path("/var/cache/apt/archives").glob("*.deb"):
            if not (archives / path.name).exists():
                shutil.copy(path, archives)
    return machine
