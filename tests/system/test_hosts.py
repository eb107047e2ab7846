# SPDX-License-Identifier: BSD-2-Clause
"""hosts(5) files: names and addresses both ways, what is this machine's business alone, changes without a reload, and broken lines."""
import os
import socket

import dns.flags
import pytest

from harness import fake as F
from harness.ask import ask, eventually, rcode, rrs

HOSTS = """\
127.0.0.1	localhost localhost.localdomain
127.0.1.1	myhost.home.example myhost
::1	localhost ip6-localhost ip6-loopback
ff02::1	ip6-allnodes
# a comment
192.168.1.10  nas.home.example nas files   # the box
192.168.1.11  printer.home.example
fd00::10	nas.home.example nas
0.0.0.0	tracker.example
"""


@pytest.fixture
def up(fake):
    return fake()


def serve(saringd, up, hosts=HOSTS, **config):
    return saringd({"upstream": {"servers": [up.endpoint]}, "hosts": "hosts", **config}, {"hosts": hosts})


def elsewhere():
    """An address of this machine that is not a loopback one, as a client's; None where there is none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        try:
            s.connect(("192.0.2.1", 9))
            address = s.getsockname()[0]
        except OSError:
            return None
    return None if address.startswith("127.") else address


def test_names_and_addresses(saringd, up):
    daemon = serve(saringd, up)
    for name in ("nas.home.example", "NAS", "files"):
        reply = ask(daemon, name)
        assert rrs(reply) == ["192.168.1.10"] and reply.flags & dns.flags.AA and reply.answer[0].ttl == 60
    assert rrs(ask(daemon, "nas", "AAAA"), "AAAA") == ["fd00::10"]
    reply = ask(daemon, "files", "AAAA")
    assert rcode(reply) == "NOERROR" and not reply.answer
    assert rrs(ask(daemon, "10.1.168.192.in-addr.arpa", "PTR"), "PTR") == ["nas.home.example."]  # the first name of the line
    assert rrs(ask(daemon, "11.1.168.192.in-addr.arpa", "PTR"), "PTR") == ["printer.home.example."]
    assert rrs(ask(daemon, "tracker.example")) == ["0.0.0.0"]
    assert not up.asked()
    assert rrs(ask(daemon, "home.example")) == ["192.0.2.200"]
    assert daemon.status()["records"] == {"configured": 0, "hosts": 12, "reverse": 4, "names": 14}


def test_localhost_is_rfc_6761s(saringd, up):
    daemon = serve(saringd, up, "192.168.1.66 localhost\n192.168.1.67 x.localhost\n")
    assert rrs(ask(daemon, "localhost")) == ["127.0.0.1"] and rrs(ask(daemon, "x.localhost")) == ["127.0.0.1"]
    assert rrs(ask(daemon, "1.0.0.127.in-addr.arpa", "PTR"), "PTR") == ["localhost."]


def test_loopback_is_told_here_alone(saringd, up):
    """Debian writes 127.0.1.1 for the machine's own name: of no use, and wrong, to everybody else."""
    address = elsewhere()
    if address is None:
        pytest.skip("this machine has no address but loopback ones")
    daemon = serve(saringd, up, HOSTS + f"{address} both.example\n127.0.0.5 both.example\n", listen=["dns://0.0.0.0:0"],
                   clients={"allow": ["0.0.0.0/0"]})
    daemon.udp = {host: port for host, port in ((h, p) for p in daemon.udp.values() for h in ("127.0.0.1", address))}
    assert rrs(ask(daemon, "myhost")) == ["127.0.1.1"] and rrs(ask(daemon, "1.1.0.127.in-addr.arpa", "PTR"), "PTR") == ["myhost.home.example."]
    assert rrs(ask(daemon, "both.example")) == sorted([address, "127.0.0.5"])
    assert rrs(ask(daemon, "myhost", host=address)) == ["192.0.2.200"]  # as if it were not there
    assert rrs(ask(daemon, "both.example", host=address)) == [address]
    assert rcode(ask(daemon, "1.1.0.127.in-addr.arpa", "PTR", host=address)) == "NXDOMAIN"
    assert rrs(ask(daemon, "nas", host=address)) == ["192.168.1.10"]


def test_records_outrank_it(saringd, up):
    daemon = serve(saringd, up, records=["nas A 192.168.9.9", "10.1.168.192.in-addr.arpa PTR said.example"])
    assert rrs(ask(daemon, "nas")) == ["192.168.9.9"] and rcode(ask(daemon, "nas", "AAAA")) == "NOERROR"
    assert not rrs(ask(daemon, "nas", "AAAA"), "AAAA")
    assert rrs(ask(daemon, "10.1.168.192.in-addr.arpa", "PTR"), "PTR") == ["said.example."]
    assert rrs(ask(daemon, "nas.home.example")) == ["192.168.1.10"]


def test_changes_are_followed(saringd, up):
    """Rewritten in place, replaced, removed, and back: no reload."""
    daemon = serve(saringd, up)
    path = daemon.home / "hosts"
    path.write_text("192.168.1.20 nas\n")
    eventually(lambda: rrs(ask(daemon, "nas")) == ["192.168.1.20"], "the file was rewritten")
    (daemon.home / "new").write_text("192.168.1.21 nas\n")
    os.rename(daemon.home / "new", path)
    eventually(lambda: rrs(ask(daemon, "nas")) == ["192.168.1.21"], "the file was replaced")
    path.unlink()
    eventually(lambda: rrs(ask(daemon, "nas")) == ["192.0.2.200"], "the file was removed")
    path.write_text("192.168.1.22 nas\n")
    eventually(lambda: rrs(ask(daemon, "nas")) == ["192.168.1.22"], "the file is back")


def test_broken_lines_are_passed_over(saringd, up):
    daemon = serve(saringd, up, "192.168.1.300 bad\n192.168.1.1\n\xff\xfe\n192.168.1.2 good -- a..b *.c " + "x" * 70 + " fine\nfe80::1%eth0 link\n"
                   + "[::2] y\n" + "192.168.1.3 last")
    assert [rrs(ask(daemon, name)) for name in ("good", "fine", "last")] == [["192.168.1.2"], ["192.168.1.2"], ["192.168.1.3"]]
    lines = [line for line in daemon.stderr().splitlines() if "hosts.line" in line]
    places = {(int(line.split("line=")[1].split()[0]), int(line.split("column=")[1].split()[0])) for line in lines}
    assert {(1, 1), (2, 1), (3, 1), (4, 21), (4, 26), (4, 30), (6, 1)} <= places, lines
    # and whoever asks before is told the same
    told = daemon.ctl("--json", "check").json
    assert told["ok"] and {(w["line"], w["column"]) for w in told["warnings"]} == places
    assert all(w["kind"] == "left-out" and w["file"].endswith("hosts") for w in told["warnings"])
    assert "hosts:4:21: warning: 'a..b' " in daemon.ctl("check").out


def test_check_says_what_files_there_are_not(saringd, up):
    daemon = serve(saringd, up)
    daemon.configure(hosts=["hosts", "there-is-none"])
    (warning,) = daemon.ctl("--json", "check").json["warnings"]
    assert warning["file"].endswith("there-is-none") and "No such file" in warning["text"], warning
    (daemon.home / "hosts").write_text("bad line\n" * 30)
    broken = daemon.home / "broken.yaml"
    broken.write_text(daemon.config_path.read_text() + "xyzzy: 1\n")
    assert not daemon.ctl("--json", "check", broken, code=1).json["warnings"], "what it says of hosts is not known then"
    assert "the last shown of 30 such lines" in daemon.ctl("check").out


def test_off_several_and_none(saringd, up):
    daemon = serve(saringd, up)
    assert rrs(ask(daemon, "nas")) == ["192.168.1.10"]
    daemon.configure(hosts="off")
    assert daemon.ctl("reload").code == 0
    assert rrs(ask(daemon, "nas")) == ["192.0.2.200"]
    (daemon.home / "more").write_text("192.168.1.30 more\n192.168.1.10 nas\n")
    daemon.configure(hosts=["hosts", "more", "there-is-none"])
    assert daemon.ctl("reload").code == 0
    assert rrs(ask(daemon, "nas")) == ["192.168.1.10"] and rrs(ask(daemon, "more")) == ["192.168.1.30"]
    assert daemon.stderr().count("hosts.unread") == 1


def test_in_explain(saringd, up):
    daemon = serve(saringd, up)
    here = daemon.ctl("--json", "explain", "nas").json["answered_here"]
    assert (here["source"], here["file"], here["line"], here["answer"], here["record"]) == ("hosts", "hosts", 6, "data", "A 192.168.1.10")
    assert "hosts:6" in daemon.ctl("explain", "nas").out


def test_default_is_this_machines(saringd, up):
    """Without `hosts:` it is /etc/hosts, of which only what the file of this machine has can be said here."""
    daemon = saringd({"upstream": {"servers": [up.endpoint]}, "hosts": None})
    if os.path.exists("/etc/hosts"):
        assert 'hosts.read file="/etc/hosts"' in daemon.stderr()
