# SPDX-License-Identifier: BSD-2-Clause
"""saringctl and the control socket: every verb, the JSON of the interface to the field, exit statuses, who may do what."""
import grp
import json
import os
import re
import socket
import stat
import struct

import pytest

from harness.ask import ask, blocked, eventually, rcode, rrs
from harness.daemon import default_workers, needs_root

LIST = """\
title: A list
authority: The Authority
reason: because
code: censored
reference: https://example.org/order/1
contact: [mailto:who@example.org]
entries:
  - a.example       # the first
  - domain: b.example
    match: exact
    added: 2020-01-01
    review: 2099-01-01
    expires: 2099-02-01
    reason: its own
  - domain: gone.example
    lifted: 2021-01-01
"""
NUMBER = (int, float)
STATUS = {
    "version": str, "pid": int, "uptime_seconds": NUMBER, "paused_until": type(None), "workers": int, "listen": [str],
    "queries": {k: int for k in ("total", "blocked", "cached", "forwarded", "stale", "local", "refused", "dropped", "failed")},
    "policy": {"generation": int, "lists": int, "entries": int, "in_force": int, "bytes": int, "compiled_at": str, "compile_seconds": NUMBER},
    "cache": {k: int for k in ("entries", "bytes", "limit_bytes", "hits", "misses", "evictions")},
    "upstream": [{"server": str, "state": str, "rtt_ms": (int, float, type(None)), "sent": int, "failed": int}],
}
TEXT = (str, type(None))
RULE = {"list": str, "file": str, "line": int, "entry": str, "match": str, "action": str, "mandatory": bool, "mode": str, "code": str,
        "authority": TEXT, "reason": TEXT, "reference": TEXT, "contact": [str], "added": TEXT, "review": TEXT, "expires": TEXT, "lifted": TEXT}
EXPLAIN = {"name": str, "type": str, "client": TEXT, "verdict": str, "answer": TEXT, "ttl": (int, type(None)), "rule": RULE,
           "also": [{"list": str, "entry": str, "match": str, "action": str, "why_not": str}]}


def shaped(value, shape, where="$"):
    """Fails unless value has every field of shape, of its type; more fields are welcome."""
    if isinstance(shape, dict):
        assert isinstance(value, dict), where
        for key, inner in shape.items():
            assert key in value, f"{where}.{key} is missing"
            shaped(value[key], inner, f"{where}.{key}")
    elif isinstance(shape, list):
        assert isinstance(value, list), where
        for i, item in enumerate(value):
            shaped(item, shape[0], f"{where}[{i}]")
    else:
        assert isinstance(value, shape) and not (isinstance(value, bool) and shape in (int, NUMBER)), f"{where} is {value!r}"


@pytest.fixture
def daemon(saringd, fake):
    return saringd({"upstream": {"servers": [fake().endpoint]}, "lists": [{"name": "l", "file": "lists/l.yaml"}]}, {"lists/l.yaml": LIST})


# what is told


def test_status(daemon):
    ask(daemon, "a.example")
    ask(daemon, "x.example")
    status = daemon.status()
    shaped(status, STATUS)
    assert status["pid"] == daemon.process.pid and status["workers"] == default_workers() and status["paused_until"] is None
    assert all(re.fullmatch(r"dns://(127\.0\.0\.1|\[::1\]):\d+", e) for e in status["listen"])
    assert status["queries"]["total"] == 2 and status["queries"]["blocked"] == 1 and status["queries"]["forwarded"] == 1
    policy = status["policy"]
    assert (policy["generation"], policy["lists"], policy["entries"], policy["in_force"]) == (1, 1, 3, 2)
    assert policy["bytes"] > 0 and re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", policy["compiled_at"])
    assert status["cache"]["limit_bytes"] == 64 * 1024 * 1024 and status["cache"]["entries"] == 1
    assert [u["state"] for u in status["upstream"]] == ["up"] and status["upstream"][0]["sent"] == 1
    people = daemon.ctl("status").out
    assert status["version"] in people and "\x1b" not in people


def test_explain_shape(daemon):
    told = daemon.explain("A.example.", "--type", "aaaa", "--client", "192.0.2.7")
    shaped(told, EXPLAIN)
    assert (told["name"], told["type"], told["client"], told["verdict"], told["answer"], told["ttl"]) == (
        "a.example", "AAAA", "192.0.2.7", "blocked", "nxdomain", 10)
    assert told["rule"] == {
        "list": "l", "file": "lists/l.yaml", "line": 8, "entry": "a.example", "match": "subtree", "action": "block", "mandatory": False,
        "mode": "enforce", "code": "censored", "authority": "The Authority", "reason": "because", "reference": "https://example.org/order/1",
        "contact": ["mailto:who@example.org"], "added": None, "review": None, "expires": None, "lifted": None,
        "sub_error": None, "organization": None, "language": None, "lifted_by": None, "lift_reason": None, "lift_reference": None, "hits": 0, "last_hit": None}
    assert told["also"] == []
    told = daemon.explain("b.example")
    assert told["type"] == "A" and told["client"] is None
    rule = told["rule"]
    assert (rule["line"], rule["reason"], rule["authority"], rule["added"], rule["review"], rule["expires"]) == (
        9, "its own", "The Authority", "2020-01-01", "2099-01-01", "2099-02-01")
    told = daemon.explain("nobody.example")
    assert told["verdict"] == "none" and told["rule"] is None and told["also"] == []
    people = daemon.ctl("explain", "b.example").out
    for word in ("b.example", "lists/l.yaml:9", "its own", "The Authority", "2099-02-01", "https://example.org/order/1"):
        assert word in people
    assert daemon.ctl("explain", "nobody.example").code == 0


def test_explain_refuses_nonsense(daemon):
    for args in (["a..b"], ["a.example", "--type", "NOSUCH"], ["a.example", "--client", "300.1.1.1"], ["x" * 64 + ".example"]):
        result = daemon.ctl("explain", *args, code=None)
        assert result.code in (1, 2) and result.err and not result.out, result


def test_list(daemon):
    ask(daemon, "a.example")
    eventually(lambda: daemon.queries()["blocked"] == 1, "counted")
    told = daemon.ctl("--json", "list").json
    assert len(told) == 1
    for key, value in (("name", "l"), ("action", "block"), ("mode", "enforce"), ("mandatory", False), ("entries", 3), ("in_force", 2),
                       ("blocked", 1)):
        assert told[0][key] == value, key
    assert told[0]["source"] == "lists/l.yaml" and told[0]["changed_at"]
    people = daemon.ctl("list").out
    assert "lists/l.yaml" in people and "enforce" in people


def test_list_show(daemon):
    told = daemon.ctl("--json", "list", "show", "l").json
    assert [e["entry"] for e in told] == ["a.example", "b.example", "gone.example"]
    assert [e["line"] for e in told] == [8, 9, 15]
    assert told[0]["authority"] == "The Authority" and told[1]["reason"] == "its own" and told[2]["lifted"] == "2021-01-01"
    for entry in told:
        shaped(entry, {k: v for k, v in RULE.items() if k not in ("list", "file", "mandatory", "mode", "action")})
    assert "b.example" in daemon.ctl("list", "show", "l").out
    result = daemon.ctl("list", "show", "nothing", code=1)
    assert "nothing" in result.err


def test_cache_and_upstream(daemon):
    shaped(daemon.ctl("--json", "cache").json, STATUS["cache"])
    ask(daemon, "x.example")
    assert daemon.ctl("--json", "cache", "flush", "example").json["flushed"] == 1
    shaped(daemon.ctl("--json", "upstream").json, STATUS["upstream"])
    assert daemon.ctl("upstream").out and daemon.ctl("cache").out and daemon.ctl("cache", "flush").code == 0
    assert daemon.ctl("cache", "flush", "a..b", code=None).code in (1, 2)


def test_terminals_are_safe(saringd, fake):
    """Words and names from a list cannot steer a terminal: refused in the one, escaped in the other."""
    daemon = saringd({"upstream": {"servers": [fake().endpoint]}, "lists": [{"name": "l", "file": "l.yaml"}]},
                     {"l.yaml": "reason: fine\nentries: ['a\\027\\155.example']\n"})
    for args in (["explain", "a\\027\\155.example"], ["list", "show", "l"], ["list"], ["status"]):
        out = daemon.ctl(*args).out
        assert out and not set(out) & set("\x1b\x07\x08\r\x9b"), args
    assert daemon.explain("a\\027\\155.example")["verdict"] == "blocked"
    for evil in ("\\e[31m", "\\a", "\\x9b", "\\r", "\\nverdict: EVIL", "\\0", "\\u202e"):
        (daemon.home / "l.yaml").write_text(f'reason: "red {evil}"\nentries: [a.example]\n')
        result = daemon.ctl("reload", code=None)
        shown = result.err
        if result.code == 0:
            shown = daemon.ctl("explain", "a.example").out + daemon.ctl("list", "show", "l").out
            assert "red" in shown
        else:
            assert result.code == 1 and "l.yaml:1:9: " in result.err, (evil, result)
        assert not set(shown) & set("\x00\x1b\x07\x08\r\x9b\u202e"), (evil, shown)
        assert not any(line.lstrip().startswith("verdict: EVIL") for line in shown.splitlines()), (evil, shown)


# exit statuses


@pytest.mark.parametrize("args", [[], ["nonsense"], ["explain"], ["explain", "a", "b"], ["list", "add", "l"], ["list", "add"], ["list", "mode", "l"],
                                  ["list", "mode", "l", "loud"], ["status", "--nonsense"], ["list", "nonsense"], ["cache", "nonsense"],
                                  ["list", "remove", "l"], ["list", "lift"], ["list", "add", "l", "a.example", "--match", "partly"],
                                  ["list", "add", "l", "a.example", "--expires", "someday"]])
def test_usage_is_2(daemon, args):
    before = (daemon.home / "lists/l.yaml").read_bytes()
    result = daemon.ctl(*args, code=2)
    assert result.err and not result.out
    assert (daemon.home / "lists/l.yaml").read_bytes() == before


def test_a_verb_mistyped(daemon):
    assert "status" in daemon.ctl("staus", code=2).err


def test_version_and_help(daemon):
    assert "saringctl" in daemon.run("saringctl", "--version").out
    help_text = daemon.run("saringctl", "--help")
    assert help_text.code == 0
    for verb in ("status", "check", "reload", "explain", "list", "cache", "upstream"):
        assert verb in help_text.out


def test_what_cannot_be_done_is_1(daemon):
    before = (daemon.home / "lists/l.yaml").read_bytes()
    for args, word in ((["list", "add", "nolist", "x.example"], "nolist"), (["list", "remove", "l", "nobody.example"], "nobody.example"),
                       (["list", "lift", "l", "nobody.example"], "nobody.example"), (["list", "mode", "nolist", "off"], "nolist"),
                       (["list", "add", "l", "com"], "com"), (["list", "add", "l", "co.uk"], "co.uk")):
        result = daemon.ctl(*args, code=1)
        assert word in result.err, result
    for args in (["list", "add", "l", "a..b"], ["list", "add", "l", "good.example", "*.bad.example"]):
        assert daemon.ctl(*args, code=None).code in (1, 2)
    assert (daemon.home / "lists/l.yaml").read_bytes() == before
    assert daemon.status()["policy"]["generation"] == 1


def test_force(daemon):
    daemon.ctl("list", "add", "l", "co.uk", "--force")
    assert blocked(ask(daemon, "x.co.uk"))


def test_nobody_there_is_3(saringd):
    daemon = saringd(start=False)
    for args in (["status"], ["reload"], ["explain", "a.example"], ["list"], ["cache"], ["cache", "flush"], ["upstream"]):
        result = daemon.ctl(*args, code=3)
        assert result.err and not result.out, args
        result = daemon.ctl("--json", *args, code=3)
        assert not result.out or "error" in result.json


def test_edits_wait_for_the_daemon(saringd, fake):
    daemon = saringd({"upstream": {"servers": [fake().endpoint]}, "lists": [{"name": "l", "file": "l.yaml"}]},
                     {"l.yaml": "# mine\nentries:\n  - a.example\n"}, start=False)
    result = daemon.ctl("list", "add", "l", "b.example", code=3)
    assert "wait" in result.err.lower() or "when" in result.err.lower() or "until" in result.err.lower(), result
    result = daemon.ctl("--json", "list", "lift", "l", "a.example", code=3)
    assert result.json["in_force"] is False and result.json["generation"] is None
    daemon.ctl("list", "mode", "l", "shadow", code=3)
    daemon.ctl("list", "mode", "l", "enforce", code=3)
    text = (daemon.home / "l.yaml").read_text()
    assert text.startswith("# mine\n") and "b.example" in text and "lifted: " in text
    daemon.start()
    assert blocked(ask(daemon, "b.example")) and rrs(ask(daemon, "a.example")) == ["192.0.2.200"]
    daemon.ctl("--json", "list", "show", "l")


def test_socket_option_and_default(daemon):
    assert daemon.run("saringctl", "-s", daemon.socket_path, "--json", "status").json["pid"] == daemon.process.pid
    assert daemon.run("saringctl", "status", "-s", daemon.socket_path, "--json").json["pid"] == daemon.process.pid
    assert daemon.run("saringctl", "-s", daemon.home / "nothing", "status").code == 3
    assert daemon.run("saringctl", "-c", daemon.home / "nothing.yaml", "list", "add", "l", "x.example").code == 1


def test_a_crash_leaves_nothing_in_the_way(daemon):
    daemon.kill()
    assert daemon.socket_path.exists()
    assert daemon.ctl("status", code=3)
    daemon.start()
    generation = daemon.status()["policy"]["generation"]
    assert generation in (1, 2), "the image that was there, or a new one"
    daemon.ctl("reload")
    assert daemon.status()["policy"]["generation"] == generation + 1, "generations go on"
    daemon.stop()
    assert not daemon.socket_path.exists(), "a farewell takes the socket away"


def test_a_second_daemon_does_not_steal_the_socket(daemon, saringd):
    other = saringd(start=False)
    other.configure(control={"socket": str(daemon.socket_path)})
    other.spawn()
    assert other.process.wait(60) == 1 and other.stderr()
    other.expect_exit = 1
    assert daemon.status()["pid"] == daemon.process.pid


# who may


@needs_root
def test_changes_need_root_or_the_daemons_user(daemon):
    mode = daemon.socket_path.stat()
    assert stat.S_IMODE(mode.st_mode) == 0o660
    for folder in (daemon.home.parent, daemon.home, daemon.home / "lists"):
        os.chmod(folder, 0o777)
    for path in (daemon.config_path, daemon.home / "lists/l.yaml"):
        os.chmod(path, 0o666)
    os.chmod(daemon.socket_path, 0o666)  # so that it is the daemon that says no
    daemon.copy_binaries(daemon.home / "bin")
    os.chmod(daemon.home / "bin", 0o755)
    for args in (["status"], ["list"], ["explain", "a.example"], ["cache"], ["upstream"], ["reload"], ["cache", "flush"]):
        result = daemon.ctl(*args, code=None, user="65534")
        assert result.code == 1 and result.err and not result.out, result
    assert daemon.status()["queries"]["total"] == 0


@needs_root
def test_the_group_may_read(saringd, fake):
    group = grp.getgrnam("daemon")
    daemon = saringd({"upstream": {"servers": [fake().endpoint]}, "control": {"socket": "c.sock", "group": group.gr_name},
                      "lists": [{"name": "l", "file": "l.yaml"}]}, {"l.yaml": "entries: [a.example]\n"})
    assert daemon.socket_path.stat().st_gid == group.gr_gid
    for folder in (daemon.home.parent, daemon.home):
        os.chmod(folder, 0o755)
    for path in (daemon.config_path, daemon.home / "l.yaml"):
        os.chmod(path, 0o644)
    daemon.copy_binaries(daemon.home / "bin")
    for args in (["status"], ["list"], ["explain", "a.example"], ["cache"], ["upstream"], ["list", "show", "l"]):
        daemon.ctl(*args, user="65534", groups=[str(group.gr_gid)])
    for args in (["reload"], ["cache", "flush"]):
        result = daemon.ctl(*args, code=1, user="65534", groups=[str(group.gr_gid)])
        assert result.err
    assert daemon.ctl("list", "add", "l", "b.example", code=1, user="65534", groups=[str(group.gr_gid)]).err
    assert rcode(ask(daemon, "b.example")) == "NOERROR"
    # and who is in no group does not even get in
    assert daemon.ctl("status", code=None, user="65534").code in (1, 3)


# the socket itself


def frame(value):
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return struct.pack(">I", len(raw)) + raw


def talk(daemon, *pieces, close=True):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
        s.settimeout(30)
        s.connect(str(daemon.socket_path))
        try:
            for piece in pieces:
                s.sendall(piece)
            if close:
                s.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        got = b""
        try:
            while more := s.recv(65536):
                got += more
                if len(got) >= 4 and len(got) >= 4 + struct.unpack(">I", got[:4])[0]:
                    break
        except ConnectionResetError:
            pass
        return json.loads(got[4:]) if len(got) > 4 else None


def test_frames(daemon):
    reply = talk(daemon, frame({"version": 1, "verb": "status"}), close=False)
    assert reply["ok"] is True
    shaped(reply["result"], STATUS)
    whole = frame({"version": 1, "verb": "explain", "args": {"name": "a.example"}})
    reply = talk(daemon, *[whole[i:i + 1] for i in range(len(whole))], close=False)
    assert reply["ok"] is True and reply["result"]["verdict"] == "blocked"
    for bad in ({"version": 1, "verb": "nonsense"}, {"version": 99, "verb": "status"}, {"version": 1}, {"verb": 5}, [], b"not json",
                b"\xff\xfe", {"version": 1, "verb": "explain"}, {"version": 1, "verb": "explain", "args": {"name": 5}},
                {"version": 1, "verb": "explain", "args": "x"}, b"[" * 60000, b""):
        reply = talk(daemon, frame(bad))
        assert reply is None or (reply["ok"] is False and reply["error"]["text"]), bad
    for raw in (b"\xff\xff\xff\xff", struct.pack(">I", 1 << 20) + b"x" * 70000, b"\0", struct.pack(">I", 100) + b"{"):
        reply = talk(daemon, raw)
        assert reply is None or reply["ok"] is False
    assert daemon.status()["pid"] == daemon.process.pid


def connected(s, path):
    try:
        s.connect(str(path))
        return True
    except BlockingIOError:
        return False  # the queue is full at this moment


def test_many_connections_are_survived(daemon):
    """More than the limit sit there and say nothing; whoever comes with a question is served."""
    idle = []
    try:
        for _ in range(200):
            s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            s.settimeout(5)
            idle.append(s)
            eventually(lambda: connected(s, daemon.socket_path), "the queue of connections moves on")
        assert daemon.status()["pid"] == daemon.process.pid
    finally:
        for s in idle:
            s.close()
    assert blocked(ask(daemon, "a.example"))
