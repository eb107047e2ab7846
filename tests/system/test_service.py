# SPDX-License-Identifier: BSD-2-Clause
"""saringd as a service: readiness, status and watchdog over NOTIFY_SOCKET, privileges dropped, the unit that systemd is given."""
import os
import pathlib
import pwd
import re
import shutil
import signal
import subprocess
import tempfile

import pytest

from harness.ask import ask, blocked, eventually, rrs
from harness.daemon import needs_root

PROGRAMS = ("saringd", "saringctl", "saring-compile", "saring-explain", "saring-fetch")


@pytest.fixture
def daemon(saringd, fake):
    return saringd({"upstream": {"servers": [fake().endpoint]}, "lists": [{"name": "l", "file": "l.yaml"}]}, {"l.yaml": "entries: [a.example]\n"})


def test_ready_means_serving(saringd, fake):
    """READY=1 comes when the sockets are bound and the first policy is in force: the first query is answered by it."""
    text = "entries:\n" + "".join(f"  - n{i}.example\n" for i in range(20000))
    daemon = saringd({"upstream": {"servers": [fake().endpoint]}, "lists": [{"name": "l", "file": "l.yaml"}]}, {"l.yaml": text})
    assert blocked(ask(daemon, "n19999.example"))
    # with READY=1, or soon after
    assert any(note.startswith("STATUS=") for note in daemon.passed) or daemon.wait_note("STATUS")
    assert "20000" in [note for note in daemon.passed if note.startswith("STATUS=")][-1].replace(",", "")


def test_status_follows(daemon):
    daemon.forget_notes()
    (daemon.home / "l.yaml").write_text("entries: [a.example, b.example, c.example]\n")
    daemon.ctl("reload")
    assert daemon.wait_note("STATUS")
    assert re.search(r"\b3\b", daemon.passed[-1])


def test_stopping_is_said(daemon):
    daemon.forget_notes()
    daemon.signal(signal.SIGTERM)
    assert daemon.wait_note("STOPPING=1")
    assert daemon.process.wait(30) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stops_at_once_with_questions_under_way(saringd, fake, number):
    up = fake(lambda ask_: [])
    daemon = saringd({"upstream": {"servers": [up.endpoint], "timeout": "60s"}})
    import socket
    from harness.ask import header, question
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s, socket.create_connection(("127.0.0.1", daemon.port)):
        s.sendto(header() + question("slow", "example"), ("127.0.0.1", daemon.port))
        eventually(lambda: up.asked(), "it is under way")
        daemon.signal(number)
        assert daemon.process.wait(15) == 0


def test_signals_that_are_nothing(daemon):
    """A pipe that broke is no reason to die."""
    daemon.signal(signal.SIGPIPE)
    assert blocked(ask(daemon, "a.example")) and daemon.process.poll() is None


def test_watchdog(saringd, fake):
    daemon = saringd({"upstream": {"servers": [fake().endpoint]}}, env={"WATCHDOG_USEC": "3000000"})
    for _ in range(3):
        assert daemon.wait_note("WATCHDOG=1", 15)


def test_no_watchdog_unless_asked(daemon):
    daemon.ctl("reload")
    assert daemon.wait_note("READY=1")
    assert "WATCHDOG=1" not in daemon.passed


def test_the_log_is_lines_of_keys(daemon):
    daemon.ctl("reload")
    lines = daemon.stderr().splitlines()
    assert lines and not any("\x1b" in line for line in lines)
    assert not any("a.example" in line for line in lines), "no query is ever logged here"


# privileges


def enterable(folder):
    """May any user get there?"""
    return all(p.stat().st_mode & 0o001 for p in [folder, *folder.parents])


@pytest.fixture
def open_home():
    for base in (tempfile.gettempdir(), "/tmp", "/var/tmp"):
        base = pathlib.Path(base)
        if base.is_dir() and enterable(base) and len(str(base)) < 50:
            folder = pathlib.Path(tempfile.mkdtemp(prefix="saring-", dir=base))
            folder.chmod(0o755)
            yield folder
            shutil.rmtree(folder, ignore_errors=True)
            return
    pytest.skip("no temporary folder that every user may enter")


@needs_root
def test_drops_to_the_user(open_home, fake):
    from harness.daemon import Saringd
    nobody = pwd.getpwnam("nobody")
    daemon = Saringd(open_home, {"upstream": {"servers": [fake().endpoint]}, "user": "nobody", "state": "var/state",
                                 "control": {"socket": "run/c.sock"}, "lists": [{"name": "l", "file": "l.yaml"}]},
                     {"l.yaml": "entries: [a.example]\n"})
    daemon.copy_binaries(open_home / "bin")
    daemon.socket_path = open_home / "run/c.sock"
    # leak checks attach to the process, which an unprivileged one with no dumps does not allow
    daemon.start(env={"ASAN_OPTIONS": "detect_leaks=0"})
    try:
        for task in pathlib.Path(f"/proc/{daemon.process.pid}/task").iterdir():
            text = (task / "status").read_text()
            field = dict(line.split(":", 1) for line in text.splitlines())
            assert set(field["Uid"].split()) == {str(nobody.pw_uid)}, "real, effective, saved and file system user, in every thread"
            assert set(field["Gid"].split()) == {str(nobody.pw_gid)}
            assert set(field["Groups"].split()) <= {str(nobody.pw_gid)}, "root's groups are gone"
            assert int(field["CapEff"], 16) == 0 and int(field["CapPrm"], 16) == 0
            assert field["NoNewPrivs"].strip() == "1"
        assert blocked(ask(daemon, "a.example"))
        # what it writes and owns is its own; edits by root still work, and it can still compile
        assert (open_home / "var/state").stat().st_uid == nobody.pw_uid and daemon.socket_path.stat().st_uid == nobody.pw_uid
        daemon.ctl("list", "add", "l", "b.example")
        assert blocked(ask(daemon, "b.example"))
        # the daemon's own user may change things too
        daemon.ctl("reload", user=str(nobody.pw_uid), groups=[str(nobody.pw_gid)])
        daemon.ctl("cache", "flush", user=str(nobody.pw_uid), groups=[str(nobody.pw_gid)])
    finally:
        daemon.stop()


@needs_root
def test_a_low_port_is_bound_before(open_home, fake):
    """Port 53 of an address of our own, bound as root, served as nobody."""
    from harness.daemon import Saringd
    import socket
    address = "127.53.7.14"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, 53))
        except OSError as error:
            pytest.skip(f"port 53 of {address}: {error}")
    daemon = Saringd(open_home, {"upstream": {"servers": [fake().endpoint]}, "user": "nobody", "listen": [f"dns://{address}:53"],
                                 "control": {"socket": "run/c.sock"}})
    daemon.copy_binaries(open_home / "bin")
    daemon.start(env={"ASAN_OPTIONS": "detect_leaks=0"})
    try:
        for tcp in (False, True):
            assert rrs(ask(daemon, "x.example", host=address, tcp=tcp)) == ["192.0.2.200"]
    finally:
        daemon.stop()


def test_answers_come_from_the_address_that_was_asked(saringd, fake):
    """Bound to the wildcard: a reply from another address would be dropped by its client (RFC 2181 section 4)."""
    daemon = saringd({"upstream": {"servers": [fake().endpoint]}, "listen": ["dns://0.0.0.0:0"]}, start=False)
    daemon.spawn()
    assert daemon.wait_note("READY=1")
    port = int(daemon.status()["listen"][0].rsplit(":", 1)[1])
    for host in ("127.0.0.1", "127.0.0.2", "127.9.9.9"):
        daemon.udp[host] = port
        for tcp in (False, True):
            # dnspython refuses an answer from elsewhere
            assert rrs(ask(daemon, "x.example", host=host, tcp=tcp)) == ["192.0.2.200"]


# the unit


@pytest.fixture(scope="module")
def installed():
    """`meson install` into a folder of its own."""
    meson = shutil.which("meson")
    if not meson:
        pytest.skip("meson is not in PATH")
    from harness.daemon import build_dir
    folder = pathlib.Path(tempfile.mkdtemp(prefix="saring-image-"))
    done = subprocess.run([meson, "install", "-C", str(build_dir()), "--no-rebuild", "--quiet"], capture_output=True, text=True, check=False,
                          env={**os.environ, "DESTDIR": str(folder)}, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def one(folder, name):
    found = [p for p in folder.rglob(name) if "completion" not in p.parent.name]
    assert len(found) == 1, f"{name}: {found}"
    return found[0]


def test_what_is_installed(installed):
    for name in PROGRAMS:
        path = one(installed, name)
        assert os.access(path, os.X_OK)
    assert one(installed, "saringd").parent.name == "sbin" and one(installed, "saringctl").parent.name == "bin"
    assert one(installed, "saring-compile").parent == one(installed, "saring-fetch").parent
    assert one(installed, "saring-compile").parent.name == "saring"
    for page in ("saringd.8", "saringctl.1", "saring.yaml.5", "saring-lists.5"):
        assert [p for p in installed.rglob(page + "*")], page
    for unit in ("saringd.service", "saringd.socket", "saring-fetch.socket", "saring-fetch@.service"):
        assert one(installed, unit).parent == one(installed, "saringd.service").parent
    exec_start = re.search(r"^ExecStart=(\S+)", one(installed, "saring-fetch@.service").read_text(), re.M)[1]
    assert one(installed, "saring-fetch") == installed / exec_start.lstrip("/"), "the unit starts what was installed"
    assert re.search(r"^ListenStream=/run/saring/fetch\.socket$", one(installed, "saring-fetch.socket").read_text(), re.M)


def test_what_run_builds():
    """tools/run starts the daemon where it was built: what that looks for beside itself must be there too."""
    text = (pathlib.Path(__file__).parents[2] / "tools/run").read_text()
    assert set(PROGRAMS) <= set(re.search(r"^ninja -C \S+ (.*) >&2$", text, re.M)[1].split())


def verified(unit):
    done = subprocess.run(["systemd-analyze", "--man=no", "verify", str(unit)], capture_output=True, text=True, check=False, timeout=60)
    told = [line for line in (done.stdout + done.stderr).splitlines() if "saring" in line]
    assert done.returncode == 0 and not told, told


def exposure(unit):
    """What systemd makes of a unit's sandbox: 0.0 is all that can be shut, 10.0 is none."""
    done = subprocess.run(["systemd-analyze", "security", "--offline=yes", "--no-pager", str(unit)], capture_output=True, text=True, check=False,
                          timeout=60, env={**os.environ, "LC_ALL": "C.UTF-8"})
    level = re.search(r"Overall exposure level for \S+: (\d+\.\d)", done.stdout)
    assert level, done.stdout[-400:] + done.stderr
    return float(level[1])


def test_systemd_takes_the_fetcher(installed):
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not installed")
    unit = one(installed, "saring-fetch@.service")
    copy = unit.parent / "saring-verify@.service"
    copy.write_text(re.sub(r"^(Exec\w+=)(/\S+)", rf"\1{installed}\2", unit.read_text(), flags=re.M))
    verified(copy)
    assert exposure(unit) <= 1.1


def test_systemd_takes_the_sockets(installed):
    """saringd.socket too, which is not needed: each address in both kinds, and nothing that the unit then still needs a right for."""
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not installed")
    unit = one(installed, "saringd.socket")
    text = unit.read_text()
    kinds = {kind: re.findall(rf"^Listen{kind}=(\S+)$", text, re.M) for kind in ("Datagram", "Stream")}
    assert kinds["Datagram"] == kinds["Stream"] == ["127.0.0.1:53", "[::1]:53"]
    assert not re.search(r"^FileDescriptorName=saringd-", text, re.M), "that is what kept ones are called"
    service = one(installed, "saringd.service")
    for name in ("saring-verify2.socket", "saring-verify2.service"):
        source = unit if name.endswith("socket") else service
        (unit.parent / name).write_text(re.sub(r"^(Exec\w+=)(/\S+)", rf"\1{installed}\2", source.read_text(), flags=re.M))
    verified(unit.parent / "saring-verify2.socket")
    # what saringd(8) says of a drop-in for who uses it
    alone = unit.parent / "saring-alone.service"
    alone.write_text(re.sub(r"^(AmbientCapabilities|CapabilityBoundingSet)=.*$", r"\1=", service.read_text(), flags=re.M).replace(
        "PrivateTmp=yes", "PrivateTmp=yes\nPrivateUsers=yes"))
    assert exposure(alone) <= 1.1


def test_folders_without_the_unit(installed, home):
    """systemd-tmpfiles makes what the unit would have made."""
    if not shutil.which("systemd-tmpfiles") or not shutil.which("systemd-sysusers") or os.geteuid() != 0:
        pytest.skip("needs systemd-tmpfiles, systemd-sysusers and root")
    root = home / "root"
    for name, folder in (("sysusers.d", "etc"), ("tmpfiles.d", "etc")):
        (root / folder).mkdir(parents=True, exist_ok=True)
        found = [p for p in installed.rglob("saring.conf") if p.parent.name == name]
        assert len(found) == 1
        subprocess.run([f"systemd-{name.split('.')[0]}", f"--root={root}", *(["--create"] if name == "tmpfiles.d" else []), str(found[0])],
                       check=True, capture_output=True, timeout=60)
    uid, gid = re.search(r"^saring:x?:(\d+):(\d+):", (root / "etc/passwd").read_text(), re.M).groups()
    unit = one(installed, "saringd.service").read_text()
    for key, path in (("State", "var/lib/saring"), ("Runtime", "run/saring")):
        made = (root / path).stat()
        assert (made.st_uid, made.st_gid) == (int(uid), int(gid))
        assert f"{made.st_mode & 0o7777:04o}" == re.search(rf"^{key}DirectoryMode=(\d+)$", unit, re.M)[1]


def test_systemd_takes_the_unit(installed):
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not installed")
    unit = one(installed, "saringd.service")
    text = unit.read_text()
    for line in ("Type=notify", "NotifyAccess=main"):
        assert line in text.splitlines()
    assert re.search(r"^WatchdogSec=\d+", text, re.M) and re.search(r"^ExecReload=\S*saringctl\b.* reload", text, re.M)
    exec_start = re.search(r"^ExecStart=(\S+)", text, re.M)[1]
    assert one(installed, "saringd") == installed / exec_start.lstrip("/"), "the unit starts what was installed"
    exec_reload = re.search(r"^ExecReload=(\S+)", text, re.M)[1]
    assert one(installed, "saringctl") == installed / exec_reload.lstrip("/")
    # verified with the programs where they now lie
    copy = unit.parent / "saring-verify.service"
    copy.write_text(re.sub(r"^(Exec\w+=)(/\S+)", rf"\1{installed}\2", text, flags=re.M))
    verified(copy)
    assert exposure(unit) <= 1.4
