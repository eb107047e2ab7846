# SPDX-License-Identifier: BSD-2-Clause
"""A real upstream: Knot DNS from Debian, authoritative for the root, so that it answers every name as a recursive server would:
data, NODATA or NXDOMAIN with an SOA, whole CNAME chains."""
import pathlib
import shutil
import signal
import subprocess
import time

import dns.exception
import dns.message
import dns.query
import dns.rcode

from harness.ports import free_port

START_S = 20

BIG_TXT = " ".join('"{}"'.format(c * 250) for c in "abcdefgh")  # 2 000 octets: over any UDP limit

ZONE = f"""\
$ORIGIN .
$TTL 300
@ SOA ns.example. hostmaster.example. 1 3600 600 86400 60
@ NS ns.example.
ns.example A 127.0.0.1
; what the list of 2017 names, and what stands around it
t.me A 149.154.167.99
t.me AAAA 2001:67c:4e8:f004::9
t.me TXT "v=spf1 -all"
t.me MX 10 mail.t.me.
*.t.me A 149.154.167.98
telegram.me A 149.154.167.99
telegram.org A 149.154.167.99
*.telegram.org A 149.154.167.97
web.telegram.org A 149.154.167.96
*.web.telegram.org A 149.154.167.95
tt.me A 192.0.2.10
xtelegram.org A 192.0.2.11
telegram.org.example A 192.0.2.12
me A 192.0.2.13
org A 192.0.2.14
me.t A 192.0.2.15
t\\.me A 192.0.2.16
; a name with a record of many types
www.example A 192.0.2.1
www.example AAAA 2001:db8::1
www.example TXT "hello" "there"
www.example MX 10 mail.example.
www.example SRV 1 2 53 www.example.
www.example NAPTR 10 20 "S" "SIP+D2U" "" _sip._udp.example.
www.example CAA 0 issue "ca.example"
www.example TYPE65280 \\# 4 0a0b0c0d
www.example LOC 52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m
www.example HINFO "x" "y"
www.example HTTPS 1 . alpn="h2"
www.example SSHFP 4 2 123456789abcdef67890123456789abcdef67890123456789abcdef123456789
example MX 5 mail.example.
mail.example A 192.0.2.25
1.2.0.192.in-addr.arpa PTR www.example.
big.example TXT {BIG_TXT}
*.wild.example A 192.0.2.77
short.example 2 A 192.0.2.2
zero.example 0 A 192.0.2.3
long.example 700000 A 192.0.2.4
; chains
alias.example CNAME www.example.
chain1.example CNAME chain2.example.
chain2.example CNAME chain3.example.
chain3.example CNAME www.example.
cloak.example CNAME tracker.example.
tracker.example A 192.0.2.66
deepcloak.example CNAME mid.example.
mid.example CNAME x.tracker.example.
x.tracker.example A 192.0.2.67
totelegram.example CNAME web.telegram.org.
dangling.example CNAME nowhere.example.
; names that tests block and allow
ads.example A 192.0.2.80
*.ads.example A 192.0.2.81
good.ads.example A 192.0.2.82
deep.good.ads.example A 192.0.2.83
ad1.example A 192.0.2.84
ad.example A 192.0.2.85
add.example A 192.0.2.86
xn--bcher-kva.example A 192.0.2.87
"""
ZONE += "".join(f"n{i}.many.example A 192.0.2.90\n" for i in range(400))


def available():
    return shutil.which("knotd") or (pathlib.Path("/usr/sbin/knotd").exists() and "/usr/sbin/knotd")


class Knot:
    def __init__(self, home, zone=ZONE, signed=False):
        self.home = pathlib.Path(home)
        self.home.mkdir(parents=True, exist_ok=True)
        self.zone = zone
        self.signed = signed
        self.process = None
        self.port = None

    @property
    def endpoint(self):
        return f"dns://127.0.0.1:{self.port}"

    def start(self):
        """Again: on the port it had, which is where it is looked for."""
        keep = self.port
        (self.home / "db").mkdir(exist_ok=True)
        (self.home / "root.zone").write_text(self.zone, encoding="ascii")
        # another program may take the port between our look and knotd's bind: then again
        for _ in range(3):
            self.port = self.port or free_port()
            (self.home / "knot.conf").write_text(f"""\
server:
    rundir: "{self.home}"
    pidfile: "{self.home}/knot.pid"
    listen: 127.0.0.1@{self.port}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
database:
    storage: "{self.home}/db"
log:
  - target: stderr
    any: info
template:
  - id: default
    storage: "{self.home}"
    zonefile-sync: -1
    zonefile-load: whole
    journal-content: none
    semantic-checks: off
    dnssec-signing: {"on" if self.signed else "off"}
zone:
  - domain: .
    file: root.zone
""")
            with open(self.home / "knot.log", "ab") as log:
                self.process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", available(), "-c", str(self.home / "knot.conf")], stdin=subprocess.DEVNULL,
                                                stdout=log, stderr=log, cwd=self.home)
            if self._answers():
                return self
            self.stop()
            self.port = keep
        raise AssertionError("knotd does not start:\n" + (self.home / "knot.log").read_text())

    def _answers(self):
        end = time.monotonic() + START_S
        query = dns.message.make_query("www.example", "A", want_dnssec=self.signed)
        while time.monotonic() < end and self.process.poll() is None:
            try:
                reply = dns.query.udp(query, "127.0.0.1", port=self.port, timeout=0.25)
                if reply.rcode() == dns.rcode.NOERROR and reply.answer and (not self.signed or len(reply.answer) > 1):
                    return True
            except (dns.exception.DNSException, OSError):
                pass
            time.sleep(0.02)
        return False

    def stop(self):
        """The port is kept for the next start."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None
