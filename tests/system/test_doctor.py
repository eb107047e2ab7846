# SPDX-License-Identifier: BSD-2-Clause
"""saringctl doctor: each thing that may be wrong is made wrong, on a machine of the test's own (namespaces of network and of mounts), seen,
and told with a remedy; and where all is right it says so."""
import ctypes
import os
import pathlib
import shutil
import subprocess
import sys

import dns.flags
import pytest

from harness.daemon import SANITIZER, has_ipv6, needs_root
from harness.fake import error, records, silence
from harness.mounts import CLONE_NEWNS, LIBC, MS_PRIVATE, MS_REC, Tiny

pytestmark = needs_root

CLONE_NEWNET = 0x40000000
MS_BIND = 0x1000
NOBODY = 65534
STATES = {"ok", "warning", "problem", "unknown"}
SITTER = """\
import ctypes, socket, sys
family = socket.AF_INET6 if ":" in sys.argv[2] else socket.AF_INET
kept = []
for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
    s = socket.socket(family, kind)
    s.bind((sys.argv[2], 53))
    if kind == socket.SOCK_STREAM:
        s.listen()
    kept.append(s)
ctypes.CDLL(None).prctl(15, sys.argv[1].encode())  # PR_SET_NAME
print("sits", flush=True)
sys.stdin.read()
"""
LIST = "title: A list\nentries:\n  - a.example\n"
NSSWITCH = "passwd: files\ngroup: files\nhosts: files dns\n"


@pytest.fixture(scope="module", autouse=True)
def machine(tmp_path_factory):
    """Nobody else's: port 53 is free, and /etc is a copy of which files are the test's."""
    if LIBC.unshare(CLONE_NEWNS | CLONE_NEWNET) != 0:
        pytest.skip(f"no namespaces of its own: {os.strerror(ctypes.get_errno())}")
    assert LIBC.mount(None, b"/", None, MS_REC | MS_PRIVATE, None) == 0, os.strerror(ctypes.get_errno())
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    etc = tmp_path_factory.mktemp("etc")
    for name in ("passwd", "group", "ld.so.cache", "hosts", "localtime"):
        if os.path.exists(f"/etc/{name}"):
            shutil.copy(f"/etc/{name}", etc / name)
    with open(etc / "passwd", "a", encoding="utf-8") as f:
        f.write("saringtest:x:4242:4242::/nonexistent:/usr/sbin/nologin\n")
    with open(etc / "group", "a", encoding="utf-8") as f:
        f.write("saringtest:x:4242:\n")
    (etc / "nsswitch.conf").write_text(NSSWITCH)
    assert LIBC.mount(str(etc).encode(), b"/etc", None, MS_BIND, None) == 0, os.strerror(ctypes.get_errno())
    return etc


@pytest.fixture
def etc(machine):
    """The folder, as it should be at the begin of each test."""
    (machine / "resolv.conf").unlink(missing_ok=True)
    (machine / "resolv.conf").write_text("nameserver 127.0.0.1\n")
    (machine / "nsswitch.conf").write_text(NSSWITCH)
    return machine


@pytest.fixture
def sitter():
    """sitter("systemd-resolve", "127.0.0.53"): a process of that name at port 53."""
    made = []

    def sit(name, address):
        process = subprocess.Popen([sys.executable, "-c", SITTER, name, address], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        made.append(process)
        assert process.stdout.readline() == "sits\n"
        return process

    yield sit
    for process in made:
        process.stdin.close()
        process.wait(10)
        process.stdout.close()


@pytest.fixture
def at53(saringd, fake):
    """A saring as one has it: at port 53."""

    def make(start=True, config=None):
        listen = ["dns://127.0.0.1:53"] + (["dns://[::1]:53"] if has_ipv6() else [])
        one = {"listen": listen, "upstream": {"servers": [fake().endpoint]}, "lists": [{"name": "l", "file": "l.yaml"}], **(config or {})}
        return saringd(one, {"l.yaml": LIST}, start=start)

    return make


def doctor(daemon, code=None, **how):
    """The checks by name, those of one name in a list."""
    result = daemon.ctl("--json", "doctor", code=code, **how)
    assert not SANITIZER.search(result.err), result
    checks = {}
    for check in result.json["checks"]:
        assert set(check) == {"name", "state", "seen", "remedy"} and check["state"] in STATES and check["seen"], check
        assert check["state"] != "problem" or check["remedy"], check
        checks.setdefault(check["name"], []).append(check)
    problems = [c for c in result.json["checks"] if c["state"] == "problem"]
    assert result.code == (1 if problems else 0), result
    return checks


def states(checks, name):
    return [c["state"] for c in checks[name]]


def test_all_is_well(at53, etc):
    daemon = at53()
    checks = doctor(daemon, code=0)
    for name in ("configuration", "daemon", "port", "resolv.conf", "nsswitch.conf", "upstream", "state", "control socket", "open files", "memory", "IPv6"):
        assert set(states(checks, name)) == {"ok"}, checks[name]
    assert "bootstrap" not in checks
    assert f"process {daemon.process.pid}" in checks["daemon"][0]["seen"]
    assert all("saringd listens there" in c["seen"] for c in checks["port"])
    text = daemon.ctl("doctor", code=0).out
    assert text.startswith("ok       configuration") and "\n0 problems, " in text and "\x1b" not in text


def test_systemd_resolved_has_port_53(at53, etc, sitter):
    """The stub is at 127.0.0.53: in the way of a wildcard, and not of 127.0.0.1."""
    process = sitter("systemd-resolve", "127.0.0.53")
    daemon = at53(start=False)
    assert set(states(doctor(daemon), "port")) == {"ok"}
    daemon.configure(listen=["dns://0.0.0.0:53"])
    port = doctor(daemon, code=1)["port"][0]
    assert port["state"] == "problem" and f"systemd-resolve, process {process.pid}, sits at 127.0.0.53:53" in port["seen"]
    for line in ("printf '[Resolve]\\nDNS=127.0.0.1\\nDNSStubListener=no\\n' > /etc/systemd/resolved.conf.d/saring.conf",
                 "ln -sf /run/systemd/resolve/resolv.conf /etc/resolv.conf", "systemctl restart systemd-resolved"):
        assert line in port["remedy"].splitlines()
    assert f"\n                         {line}\n" in daemon.ctl("doctor", code=1).out


@pytest.mark.parametrize("name,address,remedy", [("dnsmasq", "127.0.0.1", "dnsmasq"), ("named", "0.0.0.0", "systemctl disable --now named"),
                                                 ("unbound", "127.0.0.1", "unbound"), ("docker-proxy", "0.0.0.0", "docker ps"),
                                                 ("somebody", "127.0.0.1", "ss -lnptu")])
def test_others_have_port_53(at53, etc, sitter, name, address, remedy):
    process = sitter(name, address)
    port = doctor(at53(start=False), code=1)["port"][0]
    assert port["state"] == "problem" and f"{name}, process {process.pid}" in port["seen"] and remedy in port["remedy"]


def test_whom_only_root_may_see(at53, etc, sitter):
    sitter("somebody", "127.0.0.1")
    daemon = at53(start=False)
    shutil.chown(daemon.home, NOBODY)
    daemon.copy_binaries(daemon.home / "bin")
    for path in (daemon.home, daemon.home.parent):
        path.chmod(0o755)
    port = doctor(daemon, code=1, user=NOBODY)["port"][0]
    assert port["state"] == "problem" and "a process that only root may see" in port["seen"]


@pytest.mark.skipif(not has_ipv6(), reason="no IPv6 here")
def test_a_wildcard_of_ipv6_is_in_the_way_too(at53, etc, sitter):
    sitter("named", "::")
    daemon = at53(start=False, config={"listen": ["dns://127.0.0.1:53"]})
    assert "named" in doctor(daemon, code=1)["port"][0]["seen"]


def test_resolv_conf(at53, etc):
    daemon = at53(start=False)

    def judged(text):
        (etc / "resolv.conf").write_text(text)
        return doctor(daemon)["resolv.conf"][0]

    assert judged("# a comment\nnameserver\t127.0.0.1\noptions edns0\n")["state"] == "ok"
    other = judged("nameserver 192.0.2.1\n")
    assert other["state"] == "warning" and "names 192.0.2.1, not saring" in other["seen"] and "nameserver 127.0.0.1" in other["remedy"]
    beside = judged("nameserver 127.0.0.1\nnameserver 192.0.2.1\n")
    assert beside["state"] == "warning" and "others beside saring" in beside["seen"]
    assert "names no server" in judged("search example\n")["seen"]
    (etc / "resolv.conf").unlink()
    assert "cannot be read" in doctor(daemon)["resolv.conf"][0]["seen"]


def test_resolv_conf_is_the_stub(at53, etc):
    stub = etc / "stub-resolv.conf"
    stub.write_text("nameserver 127.0.0.53\noptions edns0 trust-ad\n")
    (etc / "resolv.conf").unlink()
    (etc / "resolv.conf").symlink_to("stub-resolv.conf")
    found = doctor(at53(start=False))["resolv.conf"][0]
    assert found["state"] == "warning" and "a link to stub-resolv.conf" in found["seen"] and "stub of systemd-resolved" in found["seen"]
    assert "DNSStubListener=no" in found["remedy"]


def test_nobody_is_left_to_ask(at53, etc):
    daemon = at53(start=False, config={"upstream": None})
    assert doctor(daemon, code=1)["bootstrap"][0]["state"] == "problem"
    (etc / "resolv.conf").write_text("nameserver 192.0.2.1\n")
    assert "bootstrap" not in doctor(daemon)


def test_nsswitch(at53, etc):
    daemon = at53(start=False)
    (etc / "nsswitch.conf").write_text("hosts: files mdns4_minimal [NOTFOUND=return]\n")
    found = doctor(daemon)["nsswitch.conf"][0]
    assert found["state"] == "warning" and "do not ask DNS" in found["seen"]
    (etc / "nsswitch.conf").write_text("hosts: files resolve [!UNAVAIL=return] dns\n")
    assert states(doctor(daemon), "nsswitch.conf") == ["ok"]  # systemd-resolved does not run
    run = Tiny("/run/systemd/resolve")
    try:
        (run.folder / "io.systemd.Resolve").touch()
        found = doctor(daemon)["nsswitch.conf"][0]
        assert found["state"] == "warning" and "asks systemd-resolved" in found["seen"] and "Domains=~." in found["remedy"]
    finally:
        run.umount()


def test_upstream_servers(at53, etc, fake):
    good, checks_dnssec, refusing, udp_only, dead, serves_not = (fake() for _ in range(6))
    checks_dnssec.default = lambda ask: [ask.reply(flags=dns.flags.AD).to_wire()]
    refusing.default = error("REFUSED")
    udp_only.default = lambda ask: [] if ask.tcp else records()(ask)
    dead.default = silence
    serves_not.default = error("SERVFAIL")
    servers = [one.endpoint for one in (good, checks_dnssec, refusing, udp_only, dead, serves_not)]
    found = doctor(at53(start=False, config={"upstream": {"servers": servers}}))["upstream"]
    assert [c["seen"].split(":", 3)[2].isdigit() or c["seen"].startswith("dns://") for c in found] == [True] * 6
    assert [c["state"] for c in found] == ["ok", "ok", "problem", "warning", "problem", "warning"]
    assert all(c["seen"].startswith(server) for c, server in zip(found, servers))
    assert "does not check DNSSEC" in found[0]["seen"] and "; checks DNSSEC" in found[1]["seen"]
    assert "refuses to look up" in found[2]["seen"] and "TCP no answer" in found[3]["seen"] and "TCP port" in found[3]["remedy"]
    assert "UDP no answer, TCP no answer" in found[4]["seen"] and "SERVFAIL" in found[5]["seen"]
    assert {(ask.tcp, ask.type) for ask in good.log} == {(False, "SOA"), (True, "SOA")}


def test_a_route_has_servers_of_its_own(at53, etc, fake):
    """Which may know their zone alone: no recursion is asked of them."""
    own = fake()
    own.default = lambda ask: [without_ra(ask)]

    def without_ra(ask):
        message = ask.reply()
        message.flags &= ~dns.flags.RA
        return message.to_wire()

    daemon = at53(start=False)
    daemon.config_path.write_text(daemon.config_path.read_text().replace(
        "upstream: {", f"upstream: {{routes: [{{zone: corp.example, servers: [\"{own.endpoint}\"]}}], "), encoding="utf-8")
    found = doctor(daemon)["upstream"]
    assert [c["state"] for c in found] == ["ok", "ok"] and "for corp.example" in found[1]["seen"]
    assert {ask.folded for ask in own.log} == {"corp.example"}


def test_servers_of_a_group_and_of_a_prefix(at53, etc, fake):
    """A group's own are asked too, each server once; 172.16.0.0/12 is sixteen zones, of which one is asked about."""
    common, own = fake(), fake()
    found = doctor(at53(start=False, config={
        "upstream": {"servers": [common.endpoint], "routes": [{"zone": "172.16.0.0/12", "servers": [own.endpoint]}]},
        "groups": [{"name": "kids", "clients": ["192.0.2.0/24"], "upstream": {"servers": [common.endpoint, own.endpoint, "dns://127.0.0.1:1"]}}]}))["upstream"]
    assert [c["state"] for c in found] == ["ok", "ok", "problem", "ok"], found
    assert f"{own.endpoint} of the group kids: " in found[1]["seen"] and "of the group kids: UDP nobody there" in found[2]["seen"]
    assert "172.in-addr.arpa" in found[3]["seen"]


def test_nobody_is_there(at53, etc):
    found = doctor(at53(start=False, config={"upstream": {"servers": ["dns://127.0.0.1:1"]}}), code=1)["upstream"][0]
    assert found["state"] == "problem" and "UDP nobody there" in found["seen"]


def test_the_daemon_does_not_run(at53, etc):
    found = doctor(at53(start=False), code=1)
    assert states(found, "daemon") == ["problem"] and "systemctl start saringd" in found["daemon"][0]["remedy"]
    assert set(states(found, "port")) == {"ok"} and states(found, "open files") == ["unknown"]


def test_another_configuration_than_the_daemon_has(at53, etc):
    daemon = at53()
    daemon.configure(listen=["dns://127.0.0.1:53", "dns://127.0.0.2:54"])
    port = doctor(daemon, code=1)["port"]
    assert [c["state"] for c in port] == ["ok", "problem"] and "does not listen there" in port[1]["seen"]


def test_the_configuration_has_errors(at53, etc):
    daemon = at53(start=False, config={"cache": {"sice": "1MiB"}})
    found = doctor(daemon, code=1)["configuration"][0]
    assert found["state"] == "problem" and "saring.yaml:" in found["seen"] and "sice" in found["seen"] and " check" in found["remedy"]


def test_there_is_no_configuration(at53, etc):
    daemon = at53(start=False)
    daemon.config_path.unlink()
    found = doctor(daemon, code=1)
    assert states(found, "configuration") == ["problem"] and states(found, "daemon") == ["problem"]


def test_a_broken_list_and_none(at53, etc):
    daemon = at53(start=False)
    (daemon.home / "l.yaml").write_text("entries: 3\n")
    assert states(doctor(daemon, code=1), "configuration") == ["problem"]
    daemon.configure(lists=[])
    assert "nothing is blocked" in doctor(daemon)["configuration"][0]["seen"]


def test_rights(at53, etc):
    """What the daemon's user may not read or write."""
    daemon = at53(start=False, config={"user": "saringtest"})
    state = daemon.home / "state"
    for path in (daemon.home, daemon.home.parent):
        path.chmod(0o755)
    state.mkdir()
    shutil.chown(state, "saringtest", "saringtest")
    state.chmod(0o700)
    daemon.config_path.chmod(0o644)
    (daemon.home / "l.yaml").chmod(0o644)
    found = doctor(daemon)
    assert set(states(found, "rights") + states(found, "state")) == {"ok"}

    daemon.config_path.chmod(0o600)
    (daemon.home / "l.yaml").chmod(0o600)
    shutil.chown(state, "root")
    found = doctor(daemon)
    assert states(found, "rights") == ["problem", "problem"] and states(found, "state") == ["problem"]
    assert found["rights"][0]["remedy"] == f"chgrp saringtest {daemon.config_path} && chmod g+r {daemon.config_path}"
    assert "the list 'l'" in found["rights"][1]["seen"]
    # the remedies are what makes it well
    for check in found["rights"] + found["state"]:
        subprocess.run(check["remedy"], shell=True, check=True)
    found = doctor(daemon)
    assert set(states(found, "rights") + states(found, "state")) == {"ok"}, found

    daemon.home.chmod(0o700)  # a folder above is in the way
    found = doctor(daemon)["rights"][0]
    assert found["state"] == "problem" and f"for the rights of {daemon.home}" in found["seen"]
    daemon.home.chmod(0o755)
    state.chmod(0o777)
    assert "everybody may write" in doctor(daemon)["state"][0]["seen"]
    state.rmdir()
    assert states(doctor(daemon), "state") == ["warning"]


def test_there_is_no_such_user(at53, etc):
    found = doctor(at53(start=False, config={"user": "nosuchuser"}))
    assert any("no user nosuchuser" in c["seen"] or "nosuchuser" in c["seen"] for c in found["rights"] + found["configuration"])


def test_a_full_disk(at53, etc):
    daemon = at53(start=False)
    tiny = Tiny(daemon.home / "state", kib=64)
    try:
        found = doctor(daemon, code=1)["disk"][0]
        assert found["state"] == "problem" and "KiB are free" in found["seen"] and "du -sh" in found["remedy"]
    finally:
        tiny.umount()


def test_too_few_files(at53, etc):
    daemon = at53()
    assert states(doctor(daemon), "open files") == ["ok"]
    subprocess.run(["prlimit", f"--pid={daemon.process.pid}", "--nofile=300:300"], check=True)
    found = doctor(daemon)["open files"][0]
    assert found["state"] == "warning" and "may have 300 open" in found["seen"] and "LimitNOFILE" in found["remedy"]


def test_a_cache_bigger_than_the_memory(at53, etc):
    found = doctor(at53(start=False, config={"cache": {"size": "900GiB"}}))
    assert states(found, "memory") == ["problem"] or states(found, "configuration") == ["problem"]


def test_a_list_that_cannot_be_fetched(at53, etc):
    daemon = at53(config={"lists": [{"name": "l", "file": "l.yaml"}, {"name": "far", "url": "http://127.0.0.1:1/list.txt", "refresh": "1d"}]})
    daemon.ctl("list", "fetch", "far", code=None)
    found = doctor(daemon, code=1)["list"][0]
    assert found["state"] == "problem" and "far has never been fetched: " in found["seen"] and found["remedy"] == "saringctl list fetch far"


def test_without_root_it_says_what_it_could_not_see(at53, etc):
    daemon = at53()
    daemon.copy_binaries(daemon.home / "bin")
    for path in (daemon.home, daemon.home.parent):
        path.chmod(0o755)
    daemon.config_path.chmod(0o600)
    found = doctor(daemon, user=NOBODY)
    assert states(found, "configuration") == ["unknown"]
    assert "unknown" in {c["state"] for checks in found.values() for c in checks}


def test_hostile_text_steers_no_terminal(at53, etc):
    (etc / "nsswitch.conf").write_text("hosts: files \x1b[2J\x07evil\n")
    result = at53(start=False).ctl("doctor", code=None)
    assert "\x1b" not in result.out and "\\027[2J" in result.out


def test_nothing_is_changed(at53, etc):
    daemon = at53(start=False)
    before = {p: (p.stat().st_mtime_ns, p.stat().st_mode) for p in [*daemon.home.rglob("*"), *pathlib.Path("/etc").iterdir()]}
    doctor(daemon)
    assert before == {p: (p.stat().st_mtime_ns, p.stat().st_mode) for p in before}
