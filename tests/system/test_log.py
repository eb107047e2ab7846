# SPDX-License-Identifier: BSD-2-Clause
"""log: every end of a query is told of with what became of it, live too; what privacy: hides is not told; a reader that does not read
loses lines, is told how many, and holds nobody up."""
import json
import os
import re
import socket
import struct
import subprocess
import time

import pytest

from harness import fake as f
from harness.ask import ANSWER_S, Raw, ask, blocked, eventually, header, opt, question
from harness.daemon import CALL_S, has_ipv6

ADS = """\
title: ads
entries:
  - ads.example
  - {domain: exact.example, match: exact}
  - tracker.example
  - shop.example
"""
FINE = """\
title: fine
action: allow
entries: [good.shop.example]
"""
TRIAL = """\
title: on trial
entries: [trial.example, trial-target.example]
"""


def frame(verb, **args):
    text = json.dumps({"version": 1, "verb": verb, "args": args}).encode()
    return struct.pack(">I", len(text)) + text


class Stream:
    """A control connection, for one request and whatever comes."""

    def __init__(self, daemon, verb, **args):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(CALL_S)
        self.socket.connect(str(daemon.socket_path))
        self.socket.sendall(frame(verb, **args))
        self.reader = self.socket.makefile("rb")

    def next(self):
        try:
            head = self.reader.read(4)
        except ConnectionResetError:
            head = b""
        if len(head) < 4:
            return None
        return json.loads(self.reader.read(struct.unpack(">I", head)[0]))

    def close(self):
        self.reader.close()
        self.socket.close()


def control(daemon, verb, **args):
    stream = Stream(daemon, verb, **args)
    reply = stream.next()
    stream.close()
    return reply["result"] if reply["ok"] else reply


def config(up, **more):
    lists = [{"name": "ads", "file": "ads.yaml"}, {"name": "fine", "file": "fine.yaml"},
             {"name": "trial", "file": "trial.yaml", "mode": "shadow"}]
    return {"upstream": {"servers": [up.endpoint]}, "lists": lists, **more}


FILES = {"ads.yaml": ADS, "fine.yaml": FINE, "trial.yaml": TRIAL}


@pytest.fixture
def up(fake):
    one = fake()
    one.on("alias.example", f.records("300 CNAME www.tracker.example.", "www.tracker.example. 300 A 192.0.2.9"))
    one.on("alias-trial.example",
           f.records("300 CNAME trial-target.example.", "trial-target.example. 300 A 192.0.2.9"))
    one.on("gone.example", f.error("NXDOMAIN"))
    one.on("broken.example", f.error("SERVFAIL"))
    return one


@pytest.fixture
def daemon(saringd, up):
    return saringd(config(up), FILES)


def log(daemon, *args):
    return daemon.ctl("--json", "log", *args).json


def last(daemon, *args):
    return log(daemon, "-n", "1", *args)[0]


def test_what_became_of_each(daemon, up):
    server = up.endpoint
    cases = [
        ("ads.example", {"fate": "blocked", "verdict": "blocked", "list": "ads", "entry": "ads.example", "rcode": "NXDOMAIN", "ttl": 10, "upstream": None}),
        ("www.ads.example", {"fate": "blocked", "verdict": "blocked", "list": "ads", "entry": "ads.example", "by_answer": False}),
        ("good.shop.example", {"fate": "forwarded", "verdict": "allowed", "list": "fine", "entry": "good.shop.example", "rcode": "NOERROR", "upstream": server}),
        ("plain.example", {"fate": "forwarded", "verdict": "none", "list": None, "entry": None, "rcode": "NOERROR", "ttl": 300, "upstream": server}),
        ("plain.example", {"fate": "cached", "verdict": "none", "rcode": "NOERROR", "upstream": None}),
        ("alias.example", {"fate": "blocked", "verdict": "blocked", "list": "ads", "entry": "tracker.example", "by_answer": True, "rcode": "NXDOMAIN"}),
        ("trial.example", {"fate": "forwarded", "verdict": "would-block", "list": "trial", "entry": "trial.example", "rcode": "NOERROR"}),
        ("alias-trial.example", {"fate": "forwarded", "verdict": "would-block", "list": "trial", "entry": "trial-target.example", "by_answer": True}),
        ("gone.example", {"fate": "forwarded", "rcode": "NXDOMAIN", "upstream": server}),
        ("broken.example", {"fate": "failed", "verdict": "none", "rcode": "SERVFAIL", "upstream": None}),
        ("localhost", {"fate": "local", "rcode": "NOERROR"}),
    ]
    for name, wanted in cases:
        before = time.time()
        ask(daemon, name)
        told = last(daemon)
        assert {k: told[k] for k in wanted} == wanted, name
        assert (told["name"], told["type"], told["client"], told["transport"], told["stands_for"]) == (name, "A", "127.0.0.1", "udp", 1)
        assert told["port"] and told["group"] is None
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", told["time"])
        assert 0 <= told["took_us"] <= (time.time() - before) * 1e6
    assert [q["number"] for q in log(daemon)] == list(range(1, len(cases) + 1)), "each once, oldest first"


def test_other_types_transports_and_codes(daemon):
    ask(daemon, "ads.example", "AAAA", tcp=True)
    assert (last(daemon)["type"], last(daemon)["transport"]) == ("AAAA", "tcp")
    ask(daemon, "ads.example", "TYPE65280")
    assert last(daemon)["type"] == "TYPE65280"
    with Raw(daemon) as raw:
        raw.exchange(header(ar=1) + question(b"x", b"example") + opt(version=1))
        assert (last(daemon)["rcode"], last(daemon)["fate"]) == ("BADVERS", "refused"), "an extended one is told whole"
        raw.exchange(header(flags=0x2900, qd=0))
        told = last(daemon)
        assert (told["name"], told["type"], told["rcode"], told["fate"]) == (None, None, "NOTIMP", "refused"), "a packet without a question"
        raw.silent(header(flags=0x8100) + question(b"x", b"example"))
    told = [q for q in log(daemon) if q["fate"] == "dropped"]
    assert [(q["rcode"], q["ttl"], q["client"]) for q in told] == [(None, None, "127.0.0.1")], "what is dropped is told of, too"


def test_a_blocked_query_that_gets_nothing(saringd, up):
    lists = [{"name": "ads", "file": "ads.yaml", "answer": "drop"}]
    one = saringd({"upstream": {"servers": [up.endpoint]}, "lists": lists}, FILES)
    with Raw(one) as raw:
        raw.silent(header() + question(b"ads", b"example"))
    told = last(one, "--name", "ads.example")
    assert (told["fate"], told["verdict"], told["list"], told["rcode"]) == ("blocked", "blocked", "ads", None)


def test_strangers_are_told_of(saringd, up):
    one = saringd(config(up, clients={"allow": ["192.0.2.0/24"], "others": "refuse"}), FILES)
    ask(one, "ads.example")
    told = last(one)
    assert (told["fate"], told["rcode"], told["verdict"], told["client"]) == ("refused", "REFUSED", "none", "127.0.0.1")


def test_filters(daemon):
    for name in ("ads.example", "plain.example", "www.plain.example", "trial.example", "plainer.example", "example"):
        ask(daemon, name)
    ask(daemon, "plain.example", host="::1") if has_ipv6() else None
    names = lambda *args: [q["name"] for q in log(daemon, *args)]  # noqa: E731
    assert names("--blocked") == ["ads.example", "trial.example"], "and what would have been blocked"
    assert set(names("--name", "plain.example")) == {"plain.example", "www.plain.example"}
    assert names("--name", "PLAIN.example.")[:2] == ["plain.example", "www.plain.example"]
    assert names("--name", "www.plain.example", "--blocked") == []
    assert names("--client", "127.0.0.1")[:6] == names("--client", "127.0.0.0/8")[:6]
    assert len(names("--client", "127.0.0.1")) == 6
    assert names("--client", "192.0.2.0/24") == []
    assert names("-n", "2", "--client", "127.0.0.1") == ["plainer.example", "example"], "the newest, oldest first"
    for bad in (["--client", "nonsense"], ["--client", "127.0.0.1/33"], ["-n", "0"], ["x"]):
        daemon.ctl("log", *bad, code=2)
    daemon.ctl("log", "--name", "a..b", code=1)


def test_text(daemon):
    assert daemon.ctl("log").out == "No queries are kept.\n"
    ask(daemon, "www.ads.example")
    ask(daemon, "plain.example")
    head, first, second = daemon.ctl("log").out.splitlines()
    assert head.split() == ["TIME", "CLIENT", "NAME", "TYPE", "VERDICT", "LIST", "RCODE", "TOOK", "UPSTREAM"]
    assert first.split()[1:8] == ["127.0.0.1", "www.ads.example", "A", "blocked", "ads:", "ads.example", "NXDOMAIN"]
    assert second.split()[1:7] == ["127.0.0.1", "plain.example", "A", "forwarded", "-", "NOERROR"]
    assert first.index("blocked") == head.index("VERDICT") == second.index("forwarded")
    assert daemon.ctl("log", "--name", "none.example").out == "Of the queries that are kept none is such.\n"


def test_the_ring_is_bounded(saringd, up):
    one = saringd(config(up, log={"recent": 5}), FILES)
    for i in range(12):
        ask(one, f"n{i}.ads.example")
    assert [q["name"] for q in log(one)] == [f"n{i}.ads.example" for i in range(7, 12)]
    one.configure(log={"recent": 3})
    one.ctl("reload")
    assert [q["number"] for q in log(one)] == [10, 11, 12], "the newest stay"
    one.configure(log={"recent": 0})
    one.ctl("reload")
    assert log(one) == []
    ask(one, "ads.example")
    assert log(one) == []


def test_pages(saringd, up):
    """-n of more than the daemon gives at once."""
    one = saringd(config(up, log={"queries": {"enabled": True}}), FILES)  # so that each is noted, however fast they come
    for i in range(1300):
        ask(one, f"n{i}.ads.example")
    assert [q["number"] for q in log(one, "-n", "1200")] == list(range(101, 1301))
    assert [q["number"] for q in log(one, "-n", "5000")] == list(range(1, 1301))
    page = control(one, "log", limit=10, before=50)
    assert [q["number"] for q in page["queries"]] == list(range(40, 50)) and page["next"] == 40 and page["kept"] == 1300
    assert control(one, "log", before=1) == {**page, "queries": [], "next": None}
    for bad in ({"limit": -1}, {"limit": 100000}, {"blocked": 1}, {"client": 7}, {"client": "x"}, {"name": "a..b"}, {"before": "1"}, {"other": 1}):
        assert "error" in control(one, "log", **bad), bad
        assert "error" in control(one, "log.follow", **bad), bad


def test_privacy(saringd, up):
    one = saringd(config(up, log={"privacy": "anonymous"}), FILES)
    ask(one, "ads.example")
    told = last(one)
    assert (told["client"], told["port"]) == ("127.0.0.0/24", None)
    assert len(log(one, "--client", "127.0.0.7")) == 1, "it may have been"
    assert log(one, "--client", "127.0.1.1") == []
    if has_ipv6():
        ask(one, "ads.example", host="::1")
        assert last(one)["client"] == "::/56"
    one.configure(log={"privacy": "names"})
    one.ctl("reload")
    assert log(one) == [], "another setting forgets what was kept by then"
    ask(one, "ads.example")
    told = last(one)
    assert (told["client"], told["port"], told["name"]) == (None, None, "ads.example")
    assert log(one, "--client", "127.0.0.1") == [], "nobody knows"
    one.configure(log={"privacy": "none"})
    one.ctl("reload")
    ask(one, "ads.example")
    assert "log.privacy is none" in one.ctl("log", code=1).err
    assert "log.privacy is none" in one.ctl("log", "--follow", code=1).err
    one.configure(log={"privacy": "full"})
    one.ctl("reload")
    assert log(one) == [], "nor was it kept in secret"


BY_CLIENT = "$TTL 300\n@ SOA localhost. nobody.invalid. 1 3600 600 86400 300\n@ NS localhost.\n32.1.0.0.127.rpz-client-ip CNAME .\n"


@pytest.mark.parametrize("privacy,says", [("full", True), ("anonymous", False), ("names", False)])
def test_an_entry_of_a_client_says_who_asked(saringd, up, privacy, says):
    """Its text is the address: only who may know that gets it, here, in the query log's file and by dnstap."""
    config = {"lists": [{"name": "r", "file": "r.rpz", "format": "rpz"}], "upstream": {"servers": [up.endpoint]}, "dnstap": {"file": "tap"},
              "log": {"privacy": privacy, "queries": {"enabled": True, "file": "q.db"}}}
    one = saringd(config, {"r.rpz": BY_CLIENT})
    folder = one.config_path.parent
    assert blocked(ask(one, "any.example"))
    told = last(one)
    assert (told["fate"], told["list"]) == ("blocked", "r") and (told["entry"] is not None) == says, told
    eventually(lambda: one.status()["query_log"]["written"] == 1 and one.status()["dnstap"]["sent"] == 2, "both have it")
    one.stop()
    for files in (folder.glob("q.db*"), [folder / "tap"]):
        octets = b"".join(file.read_bytes() for file in files)
        assert octets and (b"1.0.0.127" in octets or b"127.0.0.1" in octets) == says


def test_who_may_read(daemon):
    """As other verbs that look: root, the daemon's user, the control group."""
    if os.geteuid() != 0:
        pytest.skip("needs root to be somebody else")
    ask(daemon, "ads.example")
    done = daemon.run("saringctl", "-s", daemon.socket_path, "log", user="nobody")
    assert done.code != 0 and "ads.example" not in done.out


# ---- following ----


@pytest.fixture
def followers(daemon):
    """A factory: saringctl log --follow, with its lines."""
    made = []

    def start(*args):
        one = subprocess.Popen([daemon.binaries / "saringctl", "-s", str(daemon.socket_path), *args],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=daemon.environment(), text=True)
        made.append(one)
        return one

    yield start
    for one in made:
        one.kill()
        one.communicate()


def test_follow_json(daemon, followers):
    for i in range(15):
        ask(daemon, f"old{i}.ads.example")
    one = followers("--json", "log", "--follow", "-n", "3")
    assert [json.loads(one.stdout.readline())["name"] for _ in range(3)] == [f"old{i}.ads.example" for i in (12, 13, 14)]
    ask(daemon, "plain.example")
    ask(daemon, "ads.example")
    told = [json.loads(one.stdout.readline()) for _ in range(2)]
    assert [(q["name"], q["fate"]) for q in told] == [("plain.example", "forwarded"), ("ads.example", "blocked")]


def test_follow_filters_and_text(daemon, followers):
    ask(daemon, "before.ads.example")
    one = followers("log", "--follow", "--blocked", "--name", "ads.example")
    assert "before.ads.example" in one.stdout.readline()
    for name in ("plain.example", "trial.example", "www.ads.example"):
        ask(daemon, name)
    line = one.stdout.readline()
    assert line.split()[1:8] == ["127.0.0.1", "www.ads.example", "A", "blocked", "ads:", "ads.example", "NXDOMAIN"]


def test_follow_without_a_ring(saringd, up):
    one = saringd(config(up, log={"recent": 0}), FILES)
    stream = Stream(one, "log.follow", limit=5)
    assert stream.next() == {"ok": True, "result": {"queries": [], "lost": 0}}, "whoever follows is told that he does"
    ask(one, "ads.example")
    assert [q["name"] for q in stream.next()["result"]["queries"]] == ["ads.example"]
    stream.close()
    eventually(lambda: control(one, "log")["kept"] == 0, "what was kept for the follower goes with him")


def test_follow_ends_with_the_daemon(daemon, followers):
    one = followers("log", "--follow")
    ask(daemon, "ads.example")
    assert "ads.example" in one.stdout.readline()
    daemon.stop()
    assert one.wait(timeout=CALL_S) == 3


def test_followers_are_bounded(daemon):
    streams = [Stream(daemon, "log.follow") for _ in range(8)]
    for s in streams:
        assert s.next()["ok"]
    assert "8 others follow already" in control(daemon, "log.follow")["error"]["text"]
    streams.pop().close()
    eventually(lambda: place(daemon, streams), "who goes makes room")
    ask(daemon, "ads.example")
    for s in streams:
        assert [q["name"] for q in s.next()["result"]["queries"]] == ["ads.example"], "all are told"
        s.close()


def place(daemon, streams):
    stream = Stream(daemon, "log.follow")
    if stream.next()["ok"]:
        streams.append(stream)
        return True
    stream.close()
    return False


def test_a_follower_that_talks_is_closed(daemon):
    stream = Stream(daemon, "log.follow")
    assert stream.next()["ok"]
    stream.socket.sendall(frame("status"))
    assert stream.next() is None
    assert daemon.status()["queries"]["total"] == 0


def burst(daemon, count, window=64):
    """So many blocked queries; each is answered."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(ANSWER_S)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        s.connect(("127.0.0.1", daemon.port))
        sent = got = 0
        while got < count:
            while sent < count and sent - got < window:
                s.send(header(qid=sent & 0xffff) + question(b"n%d" % sent, b"ads", b"example"))
                sent += 1
            s.recv(512)
            got += 1


def test_who_does_not_read_loses_lines_and_is_told(saringd, up):
    """Followers that do not read, under a burst: every query is answered, each is told of or counted as lost."""
    one = saringd(config(up, log={"recent": 100}), FILES)
    lazy = [Stream(one, "log.follow") for _ in range(3)]
    for s in lazy:
        assert s.next()["ok"]
    total = 0
    while total == 0 or control(one, "log", limit=1)["queries"][0]["number"] < 6000:  # noted: more than ring and sockets have room for
        burst(one, 5000)
        total += 5000
    status = one.status()
    assert status["queries"]["blocked"] == total and status["queries"]["dropped"] == 0, "no query is lost"
    told = control(one, "log", limit=1)
    assert told["kept"] <= 2000 and told["queries"], "a follower's room, and no more"
    # one more, so that each has a last one to wait for
    for _ in range(2):
        ask(one, "end.ads.example")
    newest = control(one, "log", limit=1)["queries"][0]["number"]
    for s in lazy:
        lost = lines = 0
        while True:
            result = s.next()["result"]
            lost += result["lost"]
            lines += len(result["queries"])
            if result["queries"] and result["queries"][-1]["number"] == newest:
                break
        assert lost + lines == newest, "what is not told is counted"
        assert lost > 0, "it was to be more than there is room for"
        s.close()


def test_a_reload_meanwhile(daemon):
    """Facts outlive the world they are of: lists are named as they were."""
    stop = time.monotonic() + 3
    rounds = 0
    while time.monotonic() < stop and rounds < 5:
        ask(daemon, "ads.example")
        daemon.ctl("list", "add", "ads", f"new{rounds}.example")
        assert blocked(ask(daemon, f"new{rounds}.example"))
        told = log(daemon, "-n", "2")
        assert [(q["name"], q["list"], q["entry"]) for q in told] == [
            ("ads.example", "ads", "ads.example"), (f"new{rounds}.example", "ads", f"new{rounds}.example")]
        rounds += 1
    assert rounds > 0
