# SPDX-License-Identifier: BSD-2-Clause
"""Clients' DNS cookies (RFC 7873) with the server part of RFC 9018, which is computed here by other means."""
import ipaddress
import socket
import struct
import time

import pytest

from harness import fake as F
from harness.ask import ANSWER_S, ask, counts_of, eventually, flags_of, header, opt, question, rcode, rcode_of

FORMERR, BADCOOKIE = 1, 23
CLIENT = b"\x24\x64\xc4\xab\xcf\x10\xc9\x57"
SECRET = "e5e973e5a6b2a43f48e7dc849e37bfcf"
NEWER = "445536bcd2513298075a5d379663c962"
M64 = (1 << 64) - 1


def siphash24(key, data):
    def rotl(x, b):
        return (x << b | x >> (64 - b)) & M64

    k0, k1 = struct.unpack("<2Q", key)
    v = [k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D, k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573]

    def rounds(n):
        for _ in range(n):
            v[0] = (v[0] + v[1]) & M64
            v[1] = rotl(v[1], 13) ^ v[0]
            v[0] = rotl(v[0], 32)
            v[2] = (v[2] + v[3]) & M64
            v[3] = rotl(v[3], 16) ^ v[2]
            v[0] = (v[0] + v[3]) & M64
            v[3] = rotl(v[3], 21) ^ v[0]
            v[2] = (v[2] + v[1]) & M64
            v[1] = rotl(v[1], 17) ^ v[2]
            v[2] = rotl(v[2], 32)

    padded = data + b"\0" * (7 - len(data) % 8) + bytes([len(data) & 255])
    for (word,) in struct.iter_unpack("<Q", padded):
        v[3] ^= word
        rounds(2)
        v[0] ^= word
    v[2] ^= 255
    rounds(4)
    return struct.pack("<Q", v[0] ^ v[1] ^ v[2] ^ v[3])


def cookie(secret, address="127.0.0.1", when=None, client=CLIENT, reserved=b"\0\0\0"):
    head = client + b"\1" + reserved + struct.pack(">I", int(time.time() if when is None else when) & 0xFFFFFFFF)
    return head + siphash24(bytes.fromhex(secret), head + ipaddress.ip_address(address).packed)


def option(data, code=10):
    return struct.pack(">2H", code, len(data)) + data


def options_of(answer):
    """The answer's extended rcode, and the contents of its COOKIE options."""
    qd, an, ns, ar = counts_of(answer)
    at = 12

    def skip_name(at):
        while answer[at]:
            if answer[at] >= 0xC0:
                return at + 2
            at += 1 + answer[at]
        return at + 1

    for _ in range(qd):
        at = skip_name(at) + 4
    for _ in range(an + ns):
        at = skip_name(at)
        at += 10 + struct.unpack(">H", answer[at + 8:at + 10])[0]
    if ar == 0:
        return rcode_of(answer), None
    assert ar == 1 and answer[at:at + 3] == b"\0\0\x29"
    code = answer[at + 5] << 4 | rcode_of(answer)
    end = at + 11 + struct.unpack(">H", answer[at + 9:at + 11])[0]
    assert end == len(answer)
    at += 11
    found = []
    while at < end:
        kind, length = struct.unpack(">2H", answer[at:at + 4])
        if kind == 10:
            found.append(answer[at + 4:at + 4 + length])
        at += 4 + length
    return code, found


class Client:
    """Asks from an address of its own."""

    def __init__(self, daemon, source="127.0.0.1", host="127.0.0.1"):
        self.socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((source, 0))
        self.socket.connect((host, daemon.udp[host]))
        self.socket.settimeout(ANSWER_S)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def exchange(self, wire):
        self.socket.send(wire)
        return self.socket.recv(65535)

    def ask(self, options, *labels, rdtype=1):
        return options_of(self.exchange(header(ar=1) + question(*(labels or ("a", "example")), rdtype=rdtype) + opt(options=options)))

    def alone(self, options):
        """A query with a cookie and no question (RFC 7873, section 5.4): what the server thinks of it."""
        answer = self.exchange(header(qd=0, ar=1) + opt(options=options))
        assert counts_of(answer)[:3] == (0, 0, 0) and flags_of(answer) & 0xFFF0 == 0x8180
        return options_of(answer)


def is_ours(found, secret=None, address="127.0.0.1"):
    """One option: the client's part as it came, and a server part of version 1 that is of now."""
    assert len(found) == 1 and len(found[0]) == 24 and found[0][:12] == CLIENT + b"\1\0\0\0", found
    when = struct.unpack(">I", found[0][12:16])[0]
    assert abs(time.time() - when) < 120
    if secret is not None:
        assert found[0] == cookie(secret, address, when)
    return True


@pytest.fixture
def up(fake):
    return fake()


def serve(saringd, up, **server):
    return saringd({"upstream": {"servers": [up.endpoint]}, "lists": [{"name": "l", "file": "l.yaml"}], **({"server": server} if server else {})},
                   {"l.yaml": "entries: [blocked.example]\n"})


def test_the_vectors_hold_here_too():
    assert cookie(SECRET, "198.51.100.100", 1559731985)[16:].hex() == "1f8130c3eee29480"
    assert cookie(NEWER, "2001:db8:220:1:59de:d0f4:8769:82b8", 1559741961, bytes.fromhex("22681ab97d52c298"))[16:].hex() == "a6bb79d16625507a"


@pytest.mark.parametrize("given", [False, True])
def test_alone(saringd, up, given):
    secret = SECRET if given else None
    daemon = serve(saringd, up, **({"cookie-secrets": [SECRET]} if given else {}))
    with Client(daemon) as client, Client(daemon, source="127.0.0.2") as other:
        code, found = client.alone(option(CLIENT))
        assert code == 0 and is_ours(found, secret)
        mine = found[0]
        code, found = client.alone(option(mine))
        assert code == 0 and is_ours(found, secret)
        # one octet off, somebody else's, of another length, of another version
        for bad in (mine[:-1] + bytes([mine[-1] ^ 1]), CLIENT + b"\1" * 8, CLIENT + b"\1" * 16, mine + b"\0" * 16, mine[:8] + b"\2" + mine[9:]):
            code, found = client.alone(option(bad))
            assert code == BADCOOKIE and is_ours(found, secret), bad.hex()
        code, found = other.alone(option(mine))
        assert code == BADCOOKIE and is_ours(found, secret, "127.0.0.2")
        assert other.alone(option(found[0]))[0] == 0
        # of two the first counts, whatever the second is
        assert client.alone(option(mine) + option(CLIENT + b"\1" * 16))[0] == 0
        assert client.alone(option(CLIENT + b"\1" * 16) + option(mine))[0] == BADCOOKIE
        assert client.alone(option(mine) + option(b"short"))[0] == 0
    queries = eventually(lambda: (q := daemon.queries())["total"] == 12 and q, "all counted")
    assert queries["refused"] == 7 and queries["local"] == 5 and not up.asked()


def test_wrong_lengths(saringd, up):
    daemon = serve(saringd, up)
    with Client(daemon) as client:
        for length in (*range(0, 8), *range(9, 16), 41, 100):
            code, found = client.ask(option(b"\1" * length))
            assert code == FORMERR and found == [], length
            answer = client.exchange(header(qd=0, ar=1) + opt(options=option(b"\1" * length)))
            assert rcode_of(answer) == FORMERR
        for length in (8, *range(16, 41)):
            code, found = client.ask(option(CLIENT + b"\1" * (length - 8)))
            assert code == 0 and is_ours(found), length


def test_how_old(saringd, up):
    daemon = serve(saringd, up, **{"cookie-secrets": [SECRET]})
    now = time.time()
    with Client(daemon) as client:
        # an hour back and five minutes ahead, and a minute for the machine
        for age, good in ((0, True), (3000, True), (3540, True), (3660, False), (100000, False), (-240, True), (-400, False), (2 ** 31 + 10, False)):
            code, found = client.alone(option(cookie(SECRET, when=now - age)))
            assert code == (0 if good else BADCOOKIE) and is_ours(found, SECRET), age
        assert client.alone(option(cookie(SECRET, reserved=b"\xab\xcd\xef")))[0] == 0, "reserved octets are another maker's, and hashed"
        assert client.alone(option(cookie(NEWER)))[0] == BADCOOKIE


def test_with_every_answer(saringd, up):
    """A good cookie, a bad one, none: the answer is the same, and brings a fresh one to whoever knows of cookies."""
    daemon = serve(saringd, up, **{"cookie-secrets": [SECRET]})
    up.on("fails.example", F.error("SERVFAIL"))
    with Client(daemon) as client:
        for labels, rdtype, want in ((("blocked", "example"), 1, 3), (("a", "example"), 1, 0), (("a", "example"), 1, 0), (("x", "onion"), 1, 3),
                                     (("a", "example"), 252, 5), (("a", "example"), 255, 0), (("fails", "example"), 1, 2), (("a", "example"), 0, 1)):
            for sent in (CLIENT, cookie(SECRET), cookie(NEWER)):
                code, found = client.ask(option(sent), *labels, rdtype=rdtype)
                assert code == want and is_ours(found, SECRET), (labels, rdtype)
            assert client.ask(b"", *labels, rdtype=rdtype) == (want, [])
        answer = client.exchange(header(ar=1) + question("a", "example") + opt(version=1, options=option(CLIENT)))
        assert options_of(answer) == (16, []), "BADVERS comes before options"
    assert all(CLIENT not in a.wire for a in up.asked()), "it is between the client and us"


def test_over_tcp(saringd, up):
    daemon = serve(saringd, up, **{"cookie-secrets": [SECRET]})
    with socket.create_connection(("127.0.0.1", daemon.port), ANSWER_S) as s, s.makefile("rb") as reader:
        for wire, want in ((header(ar=1) + question("blocked", "example") + opt(options=option(CLIENT)), 3),
                           (header(ar=1) + question("blocked", "example") + opt(options=option(cookie(NEWER))), 3),
                           (header(qd=0, ar=1) + opt(options=option(CLIENT)), 0),
                           (header(qd=0, ar=1) + opt(options=option(cookie(SECRET))), 0),
                           (header(qd=0, ar=1) + opt(options=option(cookie(NEWER))), BADCOOKIE)):
            s.sendall(struct.pack(">H", len(wire)) + wire)
            answer = reader.read(struct.unpack(">H", reader.read(2))[0])
            code, found = options_of(answer)
            assert code == want and is_ours(found, SECRET)


def test_over_ipv6(saringd, up):
    daemon = serve(saringd, up, **{"cookie-secrets": [SECRET]})
    if "::1" not in daemon.udp:
        pytest.skip("no IPv6 on loopback")
    with Client(daemon, "::1", "::1") as client:
        code, found = client.alone(option(cookie(SECRET, "::1")))
        assert code == 0 and is_ours(found, SECRET, "::1")
        assert client.alone(option(cookie(SECRET, "127.0.0.1")))[0] == BADCOOKIE


def test_switched_off(saringd, up):
    daemon = serve(saringd, up, cookies=False)
    with Client(daemon) as client:
        for sent in (CLIENT, CLIENT + b"\1" * 16):
            assert client.ask(option(sent)) == (0, [])
            answer = client.exchange(header(qd=0, ar=1) + opt(options=option(sent)))
            assert options_of(answer) == (FORMERR, [])


def test_strangers_are_told_nothing(saringd, up):
    daemon = saringd({"upstream": {"servers": [up.endpoint]}, "clients": {"allow": ["192.0.2.0/24"]}})
    with Client(daemon) as client:
        assert client.ask(option(CLIENT)) == (5, [])


def test_own_secrets_end_with_the_process(saringd, up):
    daemon = serve(saringd, up)
    with Client(daemon) as client:
        _, (mine,) = client.alone(option(CLIENT))
    # whoever receives it, on whichever worker
    for _ in range(20):
        with Client(daemon) as client:
            assert client.alone(option(mine))[0] == 0
    daemon.ctl("reload")
    with Client(daemon) as client:
        assert client.alone(option(mine))[0] == 0, "a reload forgets nothing"
    daemon.stop()
    daemon.start()
    with Client(daemon) as client:
        assert client.alone(option(mine))[0] == BADCOOKIE


def test_rollover_on_two_servers(saringd, up):
    """The new secret second on both, then first, then alone: at no step does one refuse what the other made."""
    daemons = [serve(saringd, up, **{"cookie-secrets": [SECRET]}) for _ in range(2)]

    def made_by(daemon):
        with Client(daemon) as client:
            return client.alone(option(CLIENT))[1][0]

    def taken(daemon, sent):
        with Client(daemon) as client:
            return client.alone(option(sent))[0] == 0

    def all_agree():
        return all(taken(b, made_by(a)) for a in daemons for b in daemons)

    assert all_agree()
    for secrets in ([SECRET, NEWER], [NEWER, SECRET], [NEWER]):
        for daemon in daemons:
            daemon.configure(server={"cookie-secrets": secrets})
            daemon.ctl("reload")
            assert all_agree(), secrets
    assert taken(daemons[0], cookie(NEWER)) and not taken(daemons[0], cookie(SECRET))


def test_secrets_are_never_shown(saringd, up):
    broken = "e5e973e5a6b2a43f48e7dc849e37bfcX"
    daemon = serve(saringd, up, **{"cookie-secrets": [SECRET, NEWER]})
    daemon.configure(log={"level": "debug"})
    daemon.ctl("reload")
    shown = daemon.ctl("--json", "status").out + daemon.ctl("status").out + daemon.ctl("check").out
    daemon.configure(server={"cookie-secrets": [SECRET, broken]})
    for result in (daemon.ctl("reload", code=1), daemon.ctl("check", code=1), daemon.run("saringd", "-c", daemon.config_path, "-t")):
        assert result.code == 1 and "32 hexadecimal digits" in result.out + result.err
        shown += result.out + result.err
    daemon.configure(server={"cookie-secrets": SECRET})
    shown += repr(daemon.ctl("check", code=1))
    shown += daemon.stderr()
    for secret in (SECRET, NEWER, broken):
        assert secret not in shown
    with Client(daemon) as client:
        assert client.alone(option(cookie(SECRET)))[0] == 0, "the old configuration goes on serving"


def test_ordinary_clients_notice_nothing(saringd, up):
    daemon = serve(saringd, up)
    reply = ask(daemon, "a.example")
    assert rcode(reply) == "NOERROR" and not reply.options
