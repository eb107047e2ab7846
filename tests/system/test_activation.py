# SPDX-License-Identifier: BSD-2-Clause
"""Sockets of a .socket unit (sd_listen_fds(3)): taken over, checked, served by every worker; and what is done without them: port 53 with
nothing but CAP_NET_BIND_SERVICE, other ports with nothing at all, under the unit's own system call filter."""
import os
import pathlib
import pwd
import re
import shutil
import socket

import pytest

from harness.ask import ANSWER_S, Load, ask, blocked, eventually, header, question
from harness.daemon import build_dir, has_ipv6, needs_root
from harness.manager import Manager, fds_of, inode, listening
from harness.mounts import in_thread, own_network
from harness.ports import free_port
from harness.unit import as_nobody, built, filtered

UDP, TCP = socket.SOCK_DGRAM, socket.SOCK_STREAM
LISTS = {"l.yaml": "entries: [blocked.example]\n"}
CONFIG = {"lists": [{"name": "l", "file": "l.yaml"}]}
NO_LEAKS = {"ASAN_OPTIONS": "detect_leaks=0"}


@pytest.fixture
def manager(home):
    made = []

    def make(config=None, start=True, env=None, **more):
        folder = home / f"m{len(made)}"
        folder.mkdir()
        made.append(Manager(folder, {**CONFIG, **(config or {})}, LISTS, **more))
        return made[-1].start(env=env) if start else made[-1]

    yield make
    for one in made:
        one.stop()


def pair(host, port, **how):
    return [("dns", listening((host, port), kind, **how)) for kind in (UDP, TCP)]


def serves(host, port):
    for tcp in (False, True):
        assert blocked(ask(port, "blocked.example", host=host, tcp=tcp)), f"{host} {port} tcp={tcp}"
    return True


def watched(pid):
    """What each event loop of the process waits for: descriptors, loop by loop."""
    loops = []
    for link in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        try:
            target = os.readlink(link)
        except FileNotFoundError:  # closed meanwhile
            continue
        if "eventpoll" in target:
            loops.append({int(n) for n in re.findall(r"^tfd:\s*(\d+)", pathlib.Path(f"/proc/{pid}/fdinfo/{link.name}").read_text(), re.M)})
    return loops


@pytest.mark.parametrize("reuse", [False, True])
def test_one_socket_for_all_workers(manager, reuse):
    """One of each kind is passed, as a .socket unit has them: no worker is without. With ReusePort= they get more beside it."""
    port = free_port()
    passed = pair("127.0.0.1", port, reuse=reuse) + (pair("::1", port, reuse=reuse, v6only=1) if has_ipv6() else [])
    daemon = manager({"listen": [f"dns://127.0.0.1:{port}"]}, workers=3, passed=passed)
    assert set(daemon.status()["listen"]) == {f"dns://127.0.0.1:{port}"} | ({f"dns://[::1]:{port}"} if has_ipv6() else set())
    for host in daemon.udp:
        assert serves(host, port)
    open_ones = fds_of(daemon.process.pid)
    passed_fds = {open_ones[inode(one.fileno())] for _, one in passed}
    loops = [loop for loop in watched(daemon.process.pid) if loop & passed_fds]
    assert len(loops) == (1 if reuse else 3)
    if reuse:  # one has those that were passed; the others their own
        assert {name: len(fds) for name, fds in daemon.store.items()}[f"saringd-udp-127.0.0.1_{port}"] == 2
    else:
        assert all(passed_fds <= loop for loop in loops) and not daemon.store, "what the .socket unit holds is its own to keep"


def test_all_share_the_work(manager):
    """Clients of one shared socket are all answered, however many ask at once."""
    port = free_port()
    daemon = manager(workers=3, passed=pair("127.0.0.1", port))
    with Load(daemon, [("blocked.example", "A", lambda wire: wire[3] & 15 == 3)], clients=16) as udp:
        udp.reach(2000)
    assert not udp.wrong and daemon.queries()["blocked"] >= 2000


def test_listen_is_ignored_where_sockets_are_passed(manager):
    """For the ports that are passed, and for 53; the rest of `listen` holds."""
    port, other = free_port(), free_port()
    daemon = manager({"listen": [f"dns://127.0.0.2:{port}", "dns://127.0.0.3:53", f"dns://127.0.0.1:{other}"]}, passed=pair("127.0.0.1", port))
    assert sorted(daemon.status()["listen"]) == sorted([f"dns://127.0.0.1:{port}", f"dns://127.0.0.1:{other}"])
    said = [line for line in daemon.stderr().splitlines() if "listen.ignored" in line]
    assert len(said) == 2 and f"127.0.0.2:{port}" in said[0] and "127.0.0.3:53" in said[1]
    assert serves("127.0.0.1", port) and serves("127.0.0.1", other)
    # who has passed nothing decides nothing
    alone = manager({"listen": [f"dns://127.0.0.2:{port}"]})
    assert serves("127.0.0.2", port) and "listen.ignored" not in alone.stderr()


def test_what_is_no_socket_to_serve(manager, home):
    """Each is refused by its reason, and the rest is served."""
    port = free_port()
    unix = socket.socket(socket.AF_UNIX, UDP)
    unix.bind(str(home / "u.sock"))
    unbound = socket.socket(socket.AF_INET, UDP)
    mute = socket.socket(socket.AF_INET, TCP)
    mute.bind(("127.0.0.1", free_port()))
    listener = listening(("127.0.0.1", free_port()), TCP)
    client = socket.create_connection(listener.getsockname())
    accepted, _ = listener.accept()
    wrong = {"unix": unix, "unbound": unbound, "mute": mute, "accepted": accepted}
    good = pair("127.0.0.1", port)
    daemon = manager({"listen": [f"dns://127.0.0.1:{port}"]}, passed=good[:1] + list(wrong.items()) + good[1:] + good[:1])
    told = dict(re.findall(r'listen\.handed\.refused fd=\d+ name="(\w+)" text="([^"]*)"', daemon.stderr()))
    assert {name: text.split(":")[0] for name, text in told.items()} == {
        "unix": "it is no Internet socket", "unbound": "it is not bound", "mute": "it does not listen", "accepted": "it does not listen"}
    assert serves("127.0.0.1", port)
    left = fds_of(daemon.process.pid)
    assert not {inode(one.fileno()) for one in wrong.values()} & set(left), "what is refused is closed"
    client.close()
    listener.close()


def test_for_another_process(manager):
    """LISTEN_PID is not ours: LISTEN_FDS is nobody's business here."""
    daemon = manager(env={"LISTEN_PID": "1", "LISTEN_FDS": "3"})
    assert blocked(ask(daemon, "blocked.example"))


def test_one_kind_alone(manager):
    """A .socket unit with a line too few: the other kind is opened beside it where that can be, and else missed aloud."""
    port = free_port()
    assert manager(passed=pair("127.0.0.1", port)[1:]).status() and serves("127.0.0.1", port)
    port = free_port()
    with listening(("127.0.0.1", port), TCP):  # somebody else's
        daemon = manager(passed=[("dns", listening(("127.0.0.1", port), UDP))])
        assert blocked(ask(port, "blocked.example"))
        assert re.search(rf'listen\.half endpoint="dns://127\.0\.0\.1:{port}" missing=tcp', daemon.stderr())


def test_wildcards(manager):
    """What we need of a socket we set ourselves (PassPacketInfo=no): answers come from the address that was asked."""
    port = free_port()
    manager(passed=pair("0.0.0.0", port))
    for host in ("127.0.0.1", "127.0.0.5"):
        assert serves(host, port)


@pytest.mark.skipif(not has_ipv6(), reason="no IPv6")
def test_both_families_by_one_socket(manager):
    """BindIPv6Only=both: said, and served. The client is who it is, not a mapped address."""
    port = free_port()
    daemon = manager({"clients": {"allow": ["127.0.0.1/32", "::1/128"]}}, passed=pair("::", port, v6only=0))
    assert serves("127.0.0.1", port) and serves("::1", port)
    # from elsewhere it is refused, by its IPv4 address
    with socket.socket(socket.AF_INET, UDP) as stranger:
        stranger.bind(("127.0.0.4", 0))
        stranger.connect(("127.0.0.1", port))
        stranger.settimeout(ANSWER_S)
        stranger.send(header() + question("blocked", "example"))
        assert stranger.recv(512)[3] & 15 == 5
    assert daemon.stderr().count("listen.dual") == 2


def test_a_buffer_that_was_chosen_stays(manager):
    """ReceiveBuffer= is the administrator's; one of the usual size becomes ours."""
    port = free_port()
    chosen, usual = (pair("127.0.0.1", p) for p in (port, free_port()))
    chosen[0][1].setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 50000)
    before = [one[0][1].getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) for one in (chosen, usual)]
    manager(passed=chosen + usual)
    after = [one[0][1].getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) for one in (chosen, usual)]
    assert after[0] == before[0] and after[1] > before[1]


def test_restarts_with_passed_sockets(manager):
    """The .socket unit holds them: nothing is lost by a restart."""
    daemon = manager(passed=pair("127.0.0.1", free_port()))
    check = [("blocked.example", "A", lambda wire: wire[3] & 15 == 3)]
    with Load(daemon, check) as udp, Load(daemon, check, tcp=True) as tcp:
        for _ in range(5):
            daemon.restart()
            udp.reach(4)
            tcp.reach(4)
    assert not udp.wrong + tcp.wrong + udp.lost + tcp.lost


@pytest.mark.parametrize("kind", ["stream", "datagram"])
def test_by_systemd(manager, kind):
    """systemd's own stand-in: it knows one kind at a time, and starts saringd when the first client comes."""
    program = shutil.which("systemd-socket-activate")
    if not program:
        pytest.skip("systemd-socket-activate is not installed")
    port = free_port()
    datagram = ["--datagram"] if kind == "datagram" else []
    passes = [part for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "LC_ALL", "NOTIFY_SOCKET") for part in ("-E", name)]
    daemon = manager(start=False, prefix=[program, *datagram, *passes, f"--listen=127.0.0.1:{port}", "--fdname=dns"])
    daemon.spawn()
    eventually(lambda: "Listening on" in daemon.stderr(), "it listens")
    # the question that wakes it is answered by it
    assert blocked(ask(port, "blocked.example", tcp=kind == "stream"))
    assert daemon.wait_note("READY=1")
    assert serves("127.0.0.1", port)


# rights


def lowly(home):
    """A folder that nobody may use, and the rights of nobody."""
    for folder in (home, *home.parents):
        if folder.stat().st_mode & 0o001 == 0:
            folder.chmod(0o755)
    return pwd.getpwnam("nobody")


def rights_of(pid):
    fields = []
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        fields.append(dict(line.split(":", 1) for line in (task / "status").read_text().splitlines()))
    return fields


def start_lowly(home, prefix, **config):
    nobody = lowly(home)
    folder = home / "low"
    folder.mkdir()
    daemon = Manager(folder, {**CONFIG, "user": None, **config}, LISTS, prefix=prefix(nobody))
    daemon.copy_binaries(folder / "bin")
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    return daemon


def check_lowly(daemon, port):
    for field in rights_of(daemon.process.pid):
        for kind in ("CapPrm", "CapEff", "CapAmb"):
            assert int(field[kind], 16) == 0, f"{kind} in a thread of a daemon that serves"
        assert field["NoNewPrivs"].strip() == "1" and set(field["Uid"].split()) == {str(pwd.getpwnam("nobody").pw_uid)}
    assert serves("127.0.0.1", port) and (serves("::1", port) if has_ipv6() else True)
    daemon.ctl("list", "add", "l", "later.example")
    assert blocked(ask(port, "later.example"))


@needs_root
@pytest.mark.parametrize("under_filter", [False, True], ids=["bare", "filtered"])
def test_nothing_but_net_bind_service(home, under_filter):
    """Port 53 by a user that is not root and was lent one capability; served without any. The unit's filter forbids capset(2): then it
    has started itself anew, and a restart finds everything again."""
    def work():
        own_network()
        endpoints = ["dns://127.0.0.1:53"] + (["dns://[::1]:53"] if has_ipv6() else [])
        unit = built(build_dir(), "saringd.service")
        daemon = start_lowly(home, lambda who: as_nobody(who.pw_uid, who.pw_gid) + (filtered(unit) if under_filter else []), listen=endpoints)
        try:
            daemon.start(env=NO_LEAKS)
            check_lowly(daemon, 53)
            environment = pathlib.Path(f"/proc/{daemon.process.pid}/environ").read_bytes()
            assert (b"SARINGD_STARTED_AGAIN" in environment) == under_filter
            assert set(daemon.store) == {f"saringd-{proto}-{e[6:].replace(':', '_')}" for proto in ("udp", "tcp") for e in endpoints}
            daemon.end()
            with socket.socket(socket.AF_INET, UDP) as early:
                early.connect(("127.0.0.1", 53))
                early.settimeout(ANSWER_S)
                early.send(header() + question("blocked", "example"))
                daemon.start(env=NO_LEAKS)
                assert early.recv(512)[3] & 15 == 3
            check_lowly_again(daemon)
            assert "cannot be given up" not in daemon.stderr()
        finally:
            daemon.stop()
    in_thread(work)


def check_lowly_again(daemon):
    assert all(int(field["CapPrm"], 16) == 0 for field in rights_of(daemon.process.pid))
    assert serves("127.0.0.1", 53)


@needs_root
def test_without_that_right_port_53_is_refused(home):
    """So the test above shows something."""
    def work():
        own_network()
        daemon = start_lowly(home, lambda who: as_nobody(who.pw_uid, who.pw_gid, lent=False), listen=["dns://127.0.0.1:53"])
        daemon.expect_exit = 1
        try:
            daemon.spawn(env=NO_LEAKS)
            assert daemon.process.wait(60) == 1
            assert "CAP_NET_BIND_SERVICE" in daemon.stderr()
        finally:
            daemon.stop()
    in_thread(work)


@needs_root
def test_nothing_at_all(home):
    """Ports from 1024 need no right; nor does port 53 that somebody else has opened."""
    def work():
        own_network()
        port = free_port()
        unit = built(build_dir(), "saringd.service")
        daemon = start_lowly(home, lambda who: as_nobody(who.pw_uid, who.pw_gid, lent=False) + filtered(unit),
                             listen=[f"dns://127.0.0.1:{port}"] + ([f"dns://[::1]:{port}"] if has_ipv6() else []))
        try:
            daemon.start(env=NO_LEAKS)
            check_lowly(daemon, port)
            daemon.end()
            daemon.passed_sockets = pair("127.0.0.1", 53) + (pair("::1", 53, v6only=1) if has_ipv6() else [])
            daemon.start(env=NO_LEAKS)
            assert serves("127.0.0.1", 53)
        finally:
            daemon.stop()
    in_thread(work)
