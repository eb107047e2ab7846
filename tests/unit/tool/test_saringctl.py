#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""saringctl as a program: exit statuses, JSON, files edited in place. The daemon's part is played by a thread on a Unix socket that
speaks the frames of lib/ctl/proto.h, so that it can say whatever a test needs, true or not."""
import datetime
import fcntl
import json
import os
import pty
import re
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
import unittest

SARINGCTL = os.environ["SARINGCTL"]
MANUAL = os.environ["SARINGCTL_MAN"]
ESC = "\x1b"
HOSTILE = "\x1b[2J\x07\u202eevil\x9b31m"

LIST = """\
# who asked for this
title: A house list
reason: tracking
contact: [mailto:dns@example.net]
entries:
  # the first
  - a.example   # stays
  - domain: b.example
    match: exact
    added: 2020-01-01
  - {domain: old.example, expires: 2001-01-01}
  - regex: '^ads?[0-9]*\\.'
"""

CONFIG = """\
# my configuration
listen: [dns://127.0.0.1:0]
lists:
  - name: house   # at home
    file: house.yaml
control:
  socket: control.sock
"""


LOOKS = ("hits", "traffic")  # asked beside what a verb is about, and of no consequence for the daemon


class Daemon:
    """Answers each request with what `answer(verb, args)` returns: a dict is the reply, bytes go out as they are."""

    def __init__(self, path, answer):
        self.answer, self.requests, self.faults = answer, [], []
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(path)
        self.listener.listen(8)
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    @staticmethod
    def read(connection, count):
        data = b""
        while len(data) < count:
            more = connection.recv(count - len(data))
            if not more:
                raise EOFError
            data += more
        return data

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection:
                try:
                    length, = struct.unpack(">I", self.read(connection, 4))
                    request = json.loads(self.read(connection, length))
                    if request.get("version") != 1:
                        raise ValueError(f"version {request.get('version')}")
                    if request["verb"] not in LOOKS:
                        self.requests.append((request["verb"], request.get("args")))
                    reply = self.answer(request["verb"], request.get("args"))
                    if isinstance(reply, dict):
                        text = json.dumps(reply).encode()
                        reply = struct.pack(">I", len(text)) + text
                    connection.sendall(reply)
                except (EOFError, BrokenPipeError, ConnectionResetError):
                    pass
                except Exception as fault:  # shown by the test that meets it
                    self.faults.append(repr(fault))

    def stop(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join()


def good(result):
    return {"ok": True, "result": result}


def bad(code, text, errors=()):
    return {"ok": False, "error": {"code": code, "text": text}, "errors": list(errors)}


OWN = ("asked", "as_typed", "offline")  # what explain puts beside the daemon's words


def sent(document, verb):
    """What the daemon sent of what the tool shows."""
    if verb != "explain" or not isinstance(document, dict):
        return document
    if isinstance(document.get("wire"), dict):
        document["wire"].pop("decoded", None)
    return {k: v for k, v in document.items() if k not in OWN}


REBUILT = {"generation": 7, "compile_seconds": 0.01, "lists": 1, "entries": 4, "in_force": 3}


class Case(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="saringctl-")
        self.addCleanup(shutil.rmtree, self.dir)
        self.socket = os.path.join(self.dir, "control.sock")
        self.config = os.path.join(self.dir, "saring.yaml")
        self.list = os.path.join(self.dir, "house.yaml")
        self.write(self.config, CONFIG)
        self.write(self.list, LIST)

    def write(self, path, text):
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)

    def text(self, path):
        with open(path, encoding="utf-8", newline="") as f:
            return f.read()

    def daemon(self, answer):
        daemon = Daemon(self.socket, answer if callable(answer) else lambda verb, args: answer)
        self.addCleanup(lambda: self.assertEqual(daemon.faults, []))
        self.addCleanup(daemon.stop)
        return daemon

    def run_bare(self, *args, **env):
        return subprocess.run([SARINGCTL, *args], stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8",
                              errors="surrogateescape", timeout=60, env={**os.environ, **env}, check=False)

    def run_tool(self, *args, status=0, **env):
        done = self.run_bare("-c", self.config, *args, **env)
        self.assertEqual(done.returncode, status, f"{args}\n{done.stdout}\n{done.stderr}")
        self.assertNotIn(ESC, done.stdout + done.stderr)
        self.assertNotRegex(done.stderr, "runtime error:|Sanitizer")
        if status != 0:
            self.assertTrue(done.stderr.strip(), "a failure says why on stderr")
        return done

    def run_json(self, *args, status=0):
        return json.loads(self.run_tool("--json", *args, status=status).stdout)


class Usage(Case):
    def test_usage_is_2_with_reason_and_hint(self):
        for args in [["frobnicate"], ["statsu"], ["status", "x"], ["explain"], ["list", "add", "house"], ["status", "--frob"],
                     ["list", "mode", "house", "on"], ["explain", "t.me", "--type", "NOPE"], ["list", "import", "house"],
                     ["pause", "soon"], ["list", "add", "house", "x.example", "--expires", "soon"], ["-c"]]:
            done = self.run_bare(*args)
            lines = done.stderr.splitlines()
            self.assertEqual((done.returncode, len(lines), done.stdout), (2, 2, ""), f"{args}: {done.stderr}")
            self.assertTrue(lines[0].startswith("saringctl: "), lines)
            self.assertIn("--help", lines[1])

    def test_a_hostile_word_is_escaped(self):
        done = self.run_bare(HOSTILE)
        self.assertEqual(done.returncode, 2)
        self.assertNotIn(ESC, done.stderr)
        self.assertIn("\\027[2J", done.stderr)

    def test_did_you_mean(self):
        self.assertIn("did you mean 'status'?", self.run_bare("statsu").stderr)
        self.assertIn("did you mean 'house'?", self.run_tool("list", "show", "hose", status=1).stderr)

    def test_help_and_version(self):
        done = self.run_bare("--version")
        self.assertEqual(done.returncode, 0)
        self.assertRegex(done.stdout, r"^saringctl \d+\.\d+\.\d+\n$")
        helped = self.run_bare("--help")
        self.assertEqual((helped.returncode, helped.stderr), (0, ""))
        self.assertIn("usage: saringctl", helped.stdout)
        self.assertEqual(self.run_bare("help").stdout, helped.stdout)
        for words in [["list", "add"], ["list"], ["why"], ["audit", "verify"]]:  # the rest is test_manual.py's
            one = self.run_bare(*words, "--help")
            self.assertEqual((one.returncode, one.stderr), (0, ""), words)
            self.assertEqual(self.run_bare("help", *words).stdout, one.stdout)

    def test_alone_it_shows_what_there_is(self):
        for args in [[], ["--json"]]:
            done = self.run_bare(*args)
            self.assertEqual((done.returncode, done.stdout), (2, ""))
            self.assertTrue(done.stderr.startswith("saringctl: no verb given\n"))
            self.assertIn("\nLists:\n  list  ", done.stderr)
            self.assertNotIn("complete ", done.stderr)

    def test_did_you_mean_everywhere(self):
        for args, near in [(["lsit"], "'list'"), (["STATUS"], "'status'"), (["list", "shw", "x"], "'list show'"), (["status", "--jsno"], "'--json'"),
                           (["list", "mode", "house", "enforcee"], "'enforce'"), (["list", "add", "house", "a.example", "--match", "subtre"], "'subtree'"),
                           (["explain", "t.me", "--type", "htps"], "'HTTPS'"), (["list", "export", "house", "--format", "hots"], "'hosts'"),
                           (["report", "--format", "jsno"], "'json'"), (["completion", "bahs"], "'bash'")]:
            done = self.run_bare(*args)
            self.assertEqual(done.returncode, 2, args)
            self.assertIn(f"did you mean {near}?", done.stderr)


class Daemonless(Case):
    def test_unreachable_is_3(self):
        for args in [["status"], ["reload"], ["explain", "t.me"], ["list"], ["cache"], ["cache", "flush"], ["upstream"]]:
            done = self.run_tool(*args, status=3)
            self.assertIn(self.socket, done.stderr)
            self.assertEqual(done.stdout, "")
        self.assertEqual(self.run_json("status", status=3)["error"]["code"], "unreachable")

    def test_a_stale_socket_is_3(self):
        s = socket.socket(socket.AF_UNIX)
        s.bind(self.socket)
        s.close()
        self.run_tool("status", status=3)

    def test_option_s_outranks_the_file(self):
        done = self.run_tool("status", "-s", self.dir + "/other.sock", status=3)
        self.assertIn("/other.sock", done.stderr)

    def test_config_that_is_not_there(self):
        done = self.run_bare("-c", self.dir + "/none.yaml", "status")
        self.assertEqual(done.returncode, 1)
        self.assertIn("none.yaml", done.stderr)
        done = self.run_bare("-c", self.dir + "/none.yaml", "-s", self.socket, "status")
        self.assertEqual(done.returncode, 3)

    def test_edit_waits_in_the_file(self):
        done = self.run_tool("list", "add", "house", "new.example", status=3)
        self.assertIn("waits until saringd runs", done.stderr)
        self.assertIn("new.example", self.text(self.list))
        document = self.run_json("list", "add", "house", "newer.example", status=3)
        self.assertEqual(document["results"][0]["outcome"], "added")
        self.assertIs(document["in_force"], False)
        self.assertIsNone(document["generation"])
        self.assertEqual(document["error"]["code"], "unreachable")
        self.run_tool("list", "mode", "house", "shadow", status=3)
        self.assertIn("mode: shadow", self.text(self.config))


class Faulty(Case):
    """Replies no daemon should give: each fails with a reason, none with a crash."""

    def test_broken_replies(self):
        cases = {
            "nothing": (b"", 3),
            "half a head": (b"\0\0", 3),
            "half a frame": (struct.pack(">I", 100) + b"{", 3),
            "a huge frame": (struct.pack(">I", 0xFFFFFFFF) + b"{}", 1),
            "no JSON": (struct.pack(">I", 4) + b"oops", 1),
            "an array": (struct.pack(">I", 2) + b"[]", 1),
            "no ok": ({"result": 1}, 1),
            "no result": ({"ok": True}, 1),
            "no reason": ({"ok": False}, 1),
            "bad UTF-8": (struct.pack(">I", 4) + b'"\xff"\n', 1),
        }
        reply = [None]
        self.daemon(lambda verb, args: reply[0])
        for name, (reply[0], status) in cases.items():
            with self.subTest(name):
                self.run_tool("status", status=status)

    def test_results_of_the_wrong_shape(self):
        shapes = [None, 3, "text", [], {}, [None, 3, []], {"queries": 3, "policy": [], "cache": "x", "upstream": {"a": 1}, "listen": [1]},
                  {"rule": 3, "also": [1, None], "ttl": "x"}, {"verdict": "blocked", "rule": {"contact": [1, {}]}},
                  {"uptime_seconds": -1e308, "cache": {"bytes": -1, "limit_bytes": 9e99}},
                  {"outcome": "forwarded", "listen": [1, "", "dns://", "dns://nowhere:53", "dns://[::1]:99999", "dns://127.0.0.1:0"]},
                  {"outcome": 3, "cname": [1, None, {"rule": 3, "target": [], "ttl": "x"}], "upstream": {"servers": [1, {}]}, "wire": {"answer": 3},
                   "lists_off": [3], "lists_not_fetched": 7}, {"cname": {}, "upstream": [], "wire": "00", "also": {"a": 1}}]
        result = [None]
        self.daemon(lambda verb, args: good(result[0]))
        for result[0] in shapes:
            for args in [["status"], ["reload"], ["explain", "t.me"], ["list"], ["cache"], ["cache", "flush"], ["upstream"]]:
                with self.subTest(shape=result[0], args=args):
                    self.run_tool(*args)
                    self.assertEqual(sent(self.run_json(*args), args[0]), result[0])

    def test_denied_is_1(self):
        self.daemon(bad("denied", "only root and saring may change things"))
        done = self.run_tool("reload", status=1)
        self.assertIn("only root and saring may change things", done.stderr)
        before = self.text(self.list)
        done = self.run_tool("list", "add", "house", "new.example", status=1)
        self.assertIn("not in force", done.stderr)
        self.assertNotEqual(self.text(self.list), before)

    def test_reload_errors_are_all_printed(self):
        self.daemon(bad("input", "2 errors", [{"file": "a.yaml", "line": 3, "column": 5, "text": "no name"},
                                               {"file": "b.yaml", "line": 1, "column": 1, "text": HOSTILE}]))
        done = self.run_tool("reload", status=1)
        self.assertIn("a.yaml:3:5: no name\n", done.stderr)
        self.assertIn("b.yaml:1:1: \\027", done.stderr)
        document = self.run_json("reload", status=1)
        self.assertEqual(document["errors"][0], {"file": "a.yaml", "line": 3, "column": 5, "text": "no name"})

    def test_full_disk(self):
        self.daemon(good({"generation": 1}))
        with open("/dev/full", "w", encoding="utf-8") as full:
            done = subprocess.run([SARINGCTL, "-c", self.config, "--json", "status"], stdout=full, stderr=subprocess.PIPE, check=False,
                                  timeout=60)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"writing the output", done.stderr)


STATUS = {"version": "0.1.0", "pid": 1, "uptime_seconds": 12.3, "paused_until": None, "workers": 2, "listen": ["dns://127.0.0.1:53"],
          "queries": {"total": 10, "blocked": 4, "cached": 1, "forwarded": 5, "stale": 0, "local": 0, "refused": 0, "dropped": 0,
                      "failed": 0},
          "policy": {"generation": 1, "lists": 1, "entries": 11, "in_force": 11, "bytes": 2048, "compiled_at": "2026-01-01T00:00:00Z",
                     "compile_seconds": 0.02},
          "cache": {"entries": 3, "bytes": 900, "limit_bytes": 67108864, "hits": 1, "misses": 5, "evictions": 0},
          "upstream": [{"server": "dns://9.9.9.9", "state": "up", "rtt_ms": 11.5, "sent": 5, "failed": 0}]}

EXPLAINED = {"name": "web.telegram.org", "type": "A", "client": None, "verdict": "blocked", "answer": "nxdomain", "ttl": 10,
             "rule": {"list": "telegram-2017", "file": "lists/telegram-2017.yaml", "line": 14, "entry": "web.telegram.org",
                      "match": "subtree", "action": "block", "mandatory": True, "mode": "enforce", "code": "censored",
                      "authority": "Kominfo", "reason": "caf\u00e9 \"quoted\"", "reference": "https://example.net/1",
                      "contact": ["mailto:a@example.net", "mailto:b@example.net"], "added": "2017-07-14", "review": None,
                      "expires": "2018-07-14", "lifted": None},
             "also": [{"list": "house", "entry": "telegram.org", "match": "subtree", "action": "block", "why_not": "less specific"}]}


class Asking(Case):
    def test_json_is_passed_on_whole(self):
        answers = {"status": STATUS, "explain": EXPLAINED, "list": [{"name": "x", "extra": [1.5, None, True]}],
                   "cache": STATUS["cache"], "cache.flush": {"flushed": 3}, "upstream": STATUS["upstream"], "reload": REBUILT}
        self.daemon(lambda verb, args: good(answers[verb]))
        for words, verb in [(["status"], "status"), (["explain", "web.telegram.org"], "explain"), (["list"], "list"),
                            (["cache"], "cache"), (["cache", "flush"], "cache.flush"), (["upstream"], "upstream"),
                            (["reload"], "reload")]:
            done = self.run_tool("--json", *words)
            self.assertEqual(sent(json.loads(done.stdout), verb), answers[verb])
            self.assertEqual(list(sent(json.loads(done.stdout), verb)), list(answers[verb]), "members keep their order")
            self.assertEqual(done.stderr, "")

    def test_what_is_asked(self):
        daemon = self.daemon(good({}))
        self.run_tool("explain", "T.ME.")
        self.run_tool("explain", "b\u00fccher.example", "--type", "aaaa", "--client", "2001:DB8::1")
        self.run_tool("cache", "flush")
        self.run_tool("cache", "flush", "Example.COM.")
        self.assertEqual(daemon.requests[0], ("explain", {"name": "t.me", "type": "A"}))
        self.assertEqual(daemon.requests[1], ("explain", {"name": "xn--bcher-kva.example", "type": "AAAA", "client": "2001:db8::1"}))
        self.assertEqual(daemon.requests[2][0], "cache.flush")
        self.assertEqual(list(daemon.requests[2][1]), ["change"])
        verb, args = daemon.requests[3]
        self.assertEqual((verb, args["name"], args["change"]["names"]), ("cache.flush", "example.com", ["Example.COM."]))

    def test_why_is_explain(self):
        daemon = self.daemon(good({}))
        self.run_tool("why", "t.me", "--at", "2027-01-31")
        self.run_tool("explain", "t.me", "--at", "2027-01-31T12:00:00+01:00")
        self.assertEqual(daemon.requests, [("explain", {"name": "t.me", "type": "A", "at": "2027-01-31T00:00:00Z"}),
                                           ("explain", {"name": "t.me", "type": "A", "at": "2027-01-31T11:00:00Z"})])
        for at in ["tomorrow", "", "+", "-", "++1d", "1", "2027-13-01", "+1000000d"]:
            self.run_tool("explain", "t.me", "--at", at, status=2)
        self.run_tool("status", "--at", "2027-01-31", status=2)
        self.run_tool("list", "--offline", status=2)

    def test_a_moment_from_now(self):
        daemon = self.daemon(good({}))
        for at, offset in [("+2d", 172800), ("2d", 172800), ("-1h", -3600), ("0", 0)]:
            before = int(time.time())
            self.run_tool("explain", "t.me", "--at", at)
            asked = datetime.datetime.fromisoformat(daemon.requests[-1][1]["at"].replace("Z", "+00:00")).timestamp()
            self.assertTrue(before + offset <= asked <= time.time() + offset, at)

    def test_a_bad_name_is_1_and_not_asked(self):
        daemon = self.daemon(good({}))
        for name in ["a..example", "x" * 64 + ".example", "a b"]:
            self.run_tool("explain", name, status=1)
            self.run_tool("cache", "flush", name, status=1)
        self.assertEqual(daemon.requests, [])

    def test_status_for_people(self):
        self.daemon(good(STATUS))
        out = self.run_tool("status").stdout
        for piece in ["saringd 0.1.0 is up for 12.3 s, process 1, 2 workers", "dns://127.0.0.1:53", "blocked    4 (40.0 %)",
                      "generation 1: 1 list, 11 entries, 11 in force", "900 B of 64.0 MiB", "dns://9.9.9.9 up, 11.5 ms"]:
            self.assertIn(piece, out)

    def test_explain_for_people(self):
        self.daemon(good(EXPLAINED))
        out = self.run_tool("explain", "web.telegram.org").stdout
        for piece in ["web.telegram.org A is blocked: the answer is nxdomain (TTL 10 s).", "telegram-2017 (mandatory block, enforce)",
                      "lists/telegram-2017.yaml:14", "Kominfo", "caf\u00e9 \"quoted\"", "mailto:b@example.net", "2018-07-14",
                      "less specific"]:
            self.assertIn(piece, out)
        self.assertNotIn("review", out)

    def test_explain_more(self):
        self.daemon(good(dict(EXPLAINED, client="192.0.2.1", client_allowed=False, also_omitted=5)))
        out = self.run_tool("explain", "web.telegram.org", "--client", "192.0.2.1").stdout
        self.assertIn("for the client 192.0.2.1.", out)
        self.assertIn("may not ask", out)
        self.assertIn("... and 5 more", out)

    def test_no_verdict(self):
        self.daemon(good({"name": "x.example", "type": "A", "client": None, "verdict": "none", "answer": None, "rule": None,
                          "also": []}))
        self.assertIn("is not blocked", self.run_tool("explain", "x.example").stdout)

    def test_hostile_text_steers_no_terminal(self):
        rule = {k: HOSTILE if isinstance(v, str) else v for k, v in EXPLAINED["rule"].items()}
        step = dict({k: HOSTILE for k in ("owner", "type", "target", "verdict", "note")}, judged=True, rule=rule)
        hostile = dict(EXPLAINED, rule=rule, also=[{"list": HOSTILE, "entry": HOSTILE, "why_not": HOSTILE}], name=HOSTILE, unicode=HOSTILE,
                       would_block=HOSTILE, client=HOSTILE, client_is=HOSTILE, client_allowed_by=HOSTILE, lists_off=[HOSTILE], lists_not_fetched=[HOSTILE],
                       cname=[step], missing=HOSTILE, upstream={"name": HOSTILE, "route": HOSTILE, "servers": [HOSTILE]}, wire={"answer": HOSTILE})
        lifted = dict(hostile, also=[{k: HOSTILE for k in ("list", "file", "lifted", "lifted_by", "lift_reason", "lift_reference")} | {"why_not": "lifted"}])
        server = {"server": HOSTILE, "state": HOSTILE, "zone": HOSTILE}
        answers = {"explain": hostile, "upstream": [server], "list": [{k: HOSTILE for k in ("name", "mode", "source", "changed_at")}],
                   "status": dict(STATUS, version=HOSTILE, listen=[HOSTILE], upstream=[server])}
        self.daemon(lambda verb, args: good(answers[verb]))
        for args in [["explain", "t.me"], ["upstream"], ["list"], ["status"]]:
            for env in [{"LC_ALL": "C.UTF-8"}, {"LC_ALL": "C"}, {"LC_ALL": ""}]:
                out = self.run_tool(*args, **env).stdout
                self.assertIn("\\027[2J", out)
                self.assertFalse({ESC, "\x07", "\x9b", "\u202e"} & set(out))
        answers["explain"] = lifted
        out = self.run_tool("explain", "t.me").stdout
        self.assertIn("lifted \\027[2J", out)
        self.assertFalse({ESC, "\x07", "\x9b", "\u202e"} & set(out))

    def test_a_trace_for_people(self):
        entry = dict(EXPLAINED["rule"], why_not="lifted", lifted="2017-08-10", lifted_by="Kominfo", lift_reason="it complied", lift_reference="https://example.net/2")
        steps = [{"kind": "cname", "owner": "a.example", "type": "CNAME", "target": "b.example", "ttl": 300, "judged": True, "verdict": "blocked",
                  "decides": True, "note": None, "rule": EXPLAINED["rule"]},
                 {"kind": "address", "owner": "b.example", "type": "A", "target": "192.0.2.1", "ttl": 60, "judged": False, "verdict": "none",
                  "decides": False, "note": "a remark", "rule": None}]
        wire = {"answer": "000081830001000000000001016101" + "6200" + "00010001" + "00002904d0000000000009" + "000f0005000f" + "686921"}
        trace = dict(EXPLAINED, verdict="none", answer=None, ttl=None, rule=None, also=[entry], outcome="blocked", cache="fresh", cname=steps, wire=wire,
                     unicode="b\u00fccher.example", upstream={"name": "a.example", "route": "corp.example", "servers": ["dns://192.0.2.53", "dns://192.0.2.54"]},
                     missing=None, lists_off=["one", "two"], at="2017-01-01T00:00:00Z", would_block="watch")
        self.daemon(good(trace))
        out = self.run_tool("explain", "Web.Telegram.ORG", "--at", "2017-01-01").stdout
        flat = " ".join(out.split())
        for piece in ["But its answer is blocked", "as typed Web.Telegram.ORG", "in letters b\u00fccher.example", "lists off one", "at 2017-01-01T00:00:00Z",
                      "shadow watch", "lifted 2017-08-10 by Kominfo: it complied (https://example.net/2)", "a.example CNAME b.example 300 blocked: decides",
                      "lists/telegram-2017.yaml:14 web.telegram.org", "not judged a remark", "It is asked of dns://192.0.2.53, dns://192.0.2.54 (the route corp.example).",
                      "rcode: NXDOMAIN", "; a.b. IN A", "extended error 15: hi!"]:
            self.assertIn(piece, flat)
        self.assertNotIn("A CNAME in its answer", out)
        self.assertIn("0000  00008183", out)

    def test_by_what_it_is_blocked(self):
        answer = [None]
        self.daemon(lambda verb, args: good(answer[0]))
        for by, target, said in [("cname", "x.example", "a CNAME leads to x.example."), ("target", "x.example", "a record leads to x.example."),
                                 ("address", "192.0.2.1", "that holds the address 192.0.2.1."), ("name", None, None), ("cname", HOSTILE, "\\027[2J")]:
            answer[0] = dict(EXPLAINED, by=by, by_target=target)
            out = self.run_tool("explain", "web.telegram.org").stdout
            self.assertIn("web.telegram.org A is blocked: the answer is nxdomain (TTL 10 s).\n", out)
            self.assertEqual(out.count("Its answer is what blocks it"), said is not None)
            self.assertIn(said or "", out)
            self.assertNotIn(ESC, out)

    def test_lists_as_a_table(self):
        self.daemon(good([{"name": "telegram-2017", "action": "block", "mode": "enforce", "mandatory": False, "entries": 11,
                           "in_force": 10, "source": "lists/t.yaml", "format": "yaml", "changed_at": "2026-01-01T00:00:00Z",
                           "blocked": 12345678901}]))
        head, row = self.run_tool("list").stdout.splitlines()
        self.assertEqual(head.split(), "NAME ACTION MODE ENTRIES IN FORCE BLOCKED FORMAT CHANGED SOURCE".split())
        self.assertEqual(row.split(), "telegram-2017 block enforce 11 10 12345678901 yaml 2026-01-01T00:00:00Z lists/t.yaml".split())

    def test_fractions_are_not_said_longer_than_they_are(self):
        self.daemon(good({"rtt_ms": 41.533, "compile_seconds": 0.1, "uptime_seconds": 1234567.891, "bytes": 9007199254740993}))
        out = self.run_tool("--json", "status").stdout
        for piece in ["41.533,", "0.1,", "1234567.891,", "9007199254740993\n"]:
            self.assertIn(f": {piece}", out)

    def test_explain_tells_of_cnames(self):
        said = "A CNAME in its answer that leads to a blocked name would still block it.\n"
        allowed = dict(EXPLAINED, verdict="allowed", answer=None, rule=dict(EXPLAINED["rule"], action="allow", mandatory=False))
        none = dict(EXPLAINED, verdict="none", answer=None, rule=None)
        mandatory = dict(allowed, rule=dict(allowed["rule"], mandatory=True))
        answer = [None]
        self.daemon(lambda verb, args: good(answer[0]))
        for answer[0], expected in [(allowed, 1), (none, 1), (mandatory, 0), (EXPLAINED, 0)]:
            with self.subTest(verdict=answer[0]["verdict"], rule=answer[0]["rule"]):
                self.assertEqual(self.run_tool("explain", "web.telegram.org").stdout.count(said), expected)

    def test_restart_needed_is_said(self):
        self.daemon(good(dict(REBUILT, restart_needed=["listen"])))
        self.assertIn("'listen' has changed", self.run_tool("reload").stderr)


def out_lines(out):
    return out.decode().splitlines()


class Terminal(Case):
    def on_terminal(self, *args, seen=lambda out: None, columns=80, **env):
        """The output of a run on a terminal; seen is called with what has come so far."""
        parent, child = pty.openpty()
        fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        env = {k: v for k, v in {**os.environ, "TERM": "xterm", "NO_COLOR": None, "COLUMNS": None, **env}.items() if v is not None}
        with subprocess.Popen([SARINGCTL, "-c", self.config, *args], stdin=subprocess.DEVNULL, stdout=child, stderr=child, env=env) as p:
            os.close(child)
            out = b""
            while True:
                try:
                    more = os.read(parent, 4096)
                except OSError:  # EIO: nobody holds the other end any more
                    break
                if not more:
                    break
                out += more
                seen(out)
            os.close(parent)
            self.assertEqual(p.wait(), 0, out)
        return out

    def test_a_table_is_as_wide_as_the_terminal(self):
        name, source = "a-long-name-of-a-list", "https://lists.example.org/a/long/way/to/a/list/that/goes/on/and/on.txt"
        row = {"name": name, "action": "block", "mode": "enforce", "entries": 123456, "in_force": 123400, "blocked": 7, "format": "adblock",
               "changed_at": "2026-01-01T00:00:00Z", "source": source}
        self.daemon(good([row, dict(row, name="\u00fc\u4e16\u754c", source="b.yaml")]))
        piped = self.run_tool("list").stdout.splitlines()
        self.assertEqual(len(piped), 3)
        self.assertTrue(piped[1].startswith(name) and piped[1].endswith(source) and "2026-01-01T00:00:00Z" in piped[1])
        for columns in (40, 60, 80, 100, 200):
            out = self.on_terminal("list", columns=columns, NO_COLOR="1").decode().splitlines()
            self.assertIn(name, "\n".join(out))
            if columns >= 80:
                self.assertTrue(out[0].startswith("NAME"), out)
                self.assertEqual([line for line in out if len(line.rstrip()) > columns], [], columns)
            self.assertEqual("CHANGED" in out[0], columns >= 200 or (columns >= 120), out[0])
        narrow = [line.split(None, 1) for line in out_lines(self.on_terminal("list", columns=40, NO_COLOR="1"))]
        self.assertIn(["SOURCE", source], narrow)

    def status_on_terminal(self, **env):
        self.daemon(good(STATUS))
        out = self.on_terminal("status", **env)
        self.assertIn(b"is up", out)
        return out

    def test_progress(self):
        shown = threading.Event()

        def answer(verb, args):
            if not shown.wait(30):
                raise TimeoutError("no progress was shown")
            return good(REBUILT)
        self.daemon(answer)
        out = self.on_terminal("reload", seen=lambda out: shown.set() if b"reading configuration and lists" in out else None)
        self.assertRegex(out, rb"\r\x1b\[Kin force: generation 7", "the line is gone before the result comes")

    def test_no_progress_on_a_dumb_terminal(self):
        self.daemon(good(REBUILT))
        self.assertNotIn(b"\x1b", self.on_terminal("reload", TERM="dumb"))

    def test_colour_on_a_terminal(self):
        self.assertIn(b"\x1b[", self.status_on_terminal())

    def test_no_color(self):
        self.assertNotIn(b"\x1b", self.status_on_terminal(NO_COLOR="1"))

    def test_dumb(self):
        self.assertNotIn(b"\x1b", self.status_on_terminal(TERM="dumb"))

    def test_no_term(self):
        self.assertNotIn(b"\x1b", self.status_on_terminal(TERM=None))


class BrokenConfig(Case):
    """A configuration that is being edited still tells where the daemon is."""

    def check_socket_is_found(self, text):
        self.write(self.config, text)
        self.daemon(good(STATUS))
        self.run_tool("status")

    def test_unknown_key(self):
        self.check_socket_is_found("frobnicate: 1\n" + CONFIG)

    def test_syntax_error_before(self):
        self.check_socket_is_found("listen: [}\n" + CONFIG.split("\n", 2)[2])

    def test_syntax_error_after(self):
        self.check_socket_is_found(CONFIG + "cache: {size: 1\n")

    def test_flow(self):
        self.check_socket_is_found("frobnicate: 1\ncontrol: {socket: control.sock}\n")

    def test_the_control_section_itself(self):
        self.write(self.config, "control:\n  socket: [}\n")
        done = self.run_tool("status", status=1)
        self.assertIn("saring.yaml:2:", done.stderr)
        self.assertIn("-s", done.stderr)

    def test_edits_are_refused(self):
        self.write(self.config, "frobnicate: 1\nalso-wrong: 2\n" + CONFIG)
        before = self.text(self.list)
        for args in [["add", "house", "new.example"], ["remove", "house", "a.example"], ["lift", "house"], ["mode", "house", "off"],
                     ["show", "house"]]:
            done = self.run_tool("list", *args, status=1)
            self.assertIn("saring.yaml:1:1: ", done.stderr)
            self.assertIn("saring.yaml:2:1: ", done.stderr)
        self.assertEqual(self.text(self.list), before)


class Check(Case):
    def test_good(self):
        self.write(self.list, "entries: [a.example, b.example]\n")
        done = self.run_tool("check")
        self.assertEqual(done.stderr, "")
        self.assertRegex(done.stdout, r"no errors, 0 warnings; 1 list with 2 entries\n$")
        self.assertEqual(self.run_json("check"), {"ok": True, "errors": [], "warnings": [], "lists": 1, "entries": 2, "reports": []})
        self.run_tool("check", self.config)

    def test_errors_everywhere(self):
        self.write(self.config, CONFIG.replace("file: house.yaml", "file: house.yaml\n  - name: other\n    file: other.yaml"))
        self.write(self.list, "entries:\n  - a..example\n  - regex: 'x'\n    frob: 1\n")
        self.write(self.dir + "/other.yaml", "entries:\n  - good.example\n  - regex: '('\n")
        done = self.run_tool("check", status=1)
        for place in ["house.yaml:2:", "house.yaml:4:", "other.yaml:3:"]:
            self.assertRegex(done.stderr, r"(?m)^\S*" + re.escape(place) + r"\d+: ")
        document = self.run_json("check", status=1)
        self.assertIs(document["ok"], False)
        self.assertEqual(len(document["errors"]), 3)
        self.assertEqual({e["line"] for e in document["errors"]}, {2, 3, 4})
        for e in document["errors"]:
            self.assertEqual(set(e), {"file", "line", "column", "text"})

    def test_config_errors(self):
        self.write(self.config, CONFIG + "wrokers: 2\ncache:\n  size: lots\n")
        done = self.run_tool("check", status=1)
        self.assertIn("saring.yaml:8:1: ", done.stderr)
        self.assertIn("workers", done.stderr)
        self.assertIn("saring.yaml:10:9: ", done.stderr)

    def test_warnings_are_no_errors(self):
        self.write(self.list, "entries:\n  - a.example\n  - a.example\n  - www.a.example\n  - com\n"
                              "  - {domain: old.example, expires: 2001-01-01}\n")
        done = self.run_tool("check")
        self.assertEqual(done.stderr, "")
        self.assertRegex(done.stdout, rf"(?m)^{re.escape(self.list)}:3:\d+: warning: ")
        kinds = {w["kind"]: w for w in self.run_json("check")["warnings"]}
        self.assertEqual(set(kinds), {"duplicate", "covered", "over-broad", "expired"})
        self.assertEqual(kinds["duplicate"]["line"], 3)
        self.assertEqual(set(kinds["duplicate"]), {"kind", "file", "line", "column", "text"})

    def test_a_list_alone(self):
        done = self.run_tool("check", self.list)
        self.assertIn("1 list with 4 entries", done.stdout)
        self.write(self.list, "title: x\nentires: []\n")
        done = self.run_tool("check", self.list, status=1)
        self.assertIn("entries", done.stderr)
        self.write(self.list, "entries: [a.example\n")
        self.run_tool("check", self.list, status=1)

    def test_files_that_cannot_be_read(self):
        for path in [self.dir + "/none.yaml", self.dir]:
            self.run_tool("check", path, status=1)
        os.unlink(self.list)
        self.assertIn("house.yaml", self.run_tool("check", status=1).stderr)

    def test_lists_in_mode_off_are_looked_at_and_not_counted(self):
        self.write(self.config, CONFIG.replace("file: house.yaml", "file: house.yaml\n    mode: off"))
        self.assertEqual(self.run_json("check")["lists"], 0)
        self.write(self.list, "entries: [a..example]\n")
        self.assertIn("house.yaml:1:11: ", self.run_tool("check", status=1).stderr)


class Show(Case):
    def test_for_people(self):
        out = self.run_tool("list", "show", "house").stdout
        for piece in ["house: A house list", "tracking", "mailto:dns@example.net", "a.example", "expired", "^ads?[0-9]*\\."]:
            self.assertIn(piece, out)

    def test_json(self):
        entries = self.run_json("list", "show", "house")
        self.assertEqual([e["entry"] for e in entries], ["a.example", "b.example", "old.example", "^ads?[0-9]*\\."])
        self.assertEqual([e["match"] for e in entries], ["subtree", "exact", "subtree", "regex"])
        self.assertEqual([e["state"] for e in entries], ["in force", "in force", "expired", "in force"])
        self.assertEqual([e["line"] for e in entries], [7, 8, 11, 12])
        self.assertLessEqual(set(EXPLAINED["rule"]) | {"state"}, set(entries[0]))
        self.assertEqual(entries[0]["reason"], "tracking")
        self.assertEqual(entries[0]["contact"], ["mailto:dns@example.net"])
        self.assertIsNone(entries[0]["added"])
        self.assertEqual(entries[1]["added"], "2020-01-01")

    def test_what_saring_yaml_says(self):
        said = ["file: house.yaml", "action: allow", "match: exact", "mode: shadow", "mandatory: true"]
        self.write(self.config, CONFIG.replace("file: house.yaml", "\n    ".join(said)))
        entry = self.run_json("list", "show", "house")[0]
        self.assertEqual((entry["action"], entry["match"], entry["mode"], entry["mandatory"], entry["state"]),
                         ("allow", "exact", "shadow", True, "shadow"))


HOSTS = """\
# a hosts file
127.0.0.1 localhost
0.0.0.0 ads.example   # with a remark
0.0.0.0 Tracker.Example
0.0.0.0 bad..example
0.0.0.0 ads.example
"""


class Formats(Case):
    """Lists that are not YAML: looked at in every way, changed in none."""

    def setUp(self):
        super().setUp()
        self.hosts = self.dir + "/ads.txt"
        self.write(self.hosts, HOSTS)
        self.write(self.config, CONFIG.replace("file: house.yaml", "file: house.yaml\n  - name: ads\n    file: ads.txt\n    format: hosts"))

    def test_check(self):
        document = self.run_json("check")
        self.assertEqual((document["ok"], document["lists"]), (True, 2))
        self.assertEqual([(r["name"], r["file"], r["report"]["format"]) for r in document["reports"]], [("ads", "ads.txt", "hosts")])
        report = document["reports"][0]["report"]
        left = {r["reason"]: r for r in report["left_out"]}
        self.assertEqual(set(left), {"localhost", "empty-label"})
        self.assertEqual([s["line"] for s in left["empty-label"]["samples"]], [5])
        self.assertEqual(report["taken"]["total"], 3)
        kinds = {(w["kind"], w["file"]) for w in document["warnings"]}
        self.assertIn(("duplicate", self.hosts), kinds)
        out = self.run_tool("check").stdout
        for piece in ["ads: ads.txt", "empty-label", "bad..example", "localhost"]:
            self.assertIn(piece, out)
        self.assertNotIn(HOSTILE[0], out)

    def test_check_alone(self):
        document = self.run_json("check", self.hosts)
        self.assertEqual((document["ok"], document["lists"], document["reports"][0]["report"]["format"]), (True, 1, "hosts"))
        self.write(self.hosts, "<!DOCTYPE html><html><body>gone</body></html>\n")
        self.run_tool("check", self.hosts, status=1)
        self.assertIn("ads.txt", self.run_tool("check", status=1).stderr)

    def test_show(self):
        entries = self.run_json("list", "show", "ads")
        self.assertEqual([(e["entry"].lower(), e["line"], e["match"], e["action"], e["state"]) for e in entries],
                         [("ads.example", 3, "exact", "block", "in force"), ("tracker.example", 4, "exact", "block", "in force"),
                          ("ads.example", 6, "exact", "block", "in force")])
        self.assertIn("hosts", self.run_tool("list", "show", "ads").stdout)
        self.write(self.hosts, "# nothing\n0.0.0.0 localhost\n")
        self.assertEqual(self.run_json("list", "show", "ads"), [])
        self.assertRegex(self.run_tool("list", "show", "ads").stdout, r"entries +none")

    def test_show_many(self):
        count = 30000
        self.write(self.hosts, "".join(f"0.0.0.0 n{i}.example\n" for i in range(count)))
        lines = self.run_tool("list", "show", "ads").stdout.splitlines()
        self.assertRegex(lines[-1], rf"^ *{count} n{count - 1}\.example +exact +block +in force$")
        self.assertEqual(len(self.run_json("list", "show", "ads")), count)

    def test_show_in_mode_off(self):
        self.write(self.config, self.text(self.config).replace("format: hosts", "format: hosts\n    mode: off"))
        self.assertEqual([e["state"] for e in self.run_json("list", "show", "ads")], ["off"] * 3)

    def test_not_edited(self):
        for args in [["add", "ads", "x.example"], ["remove", "ads", "ads.example"]]:
            done = self.run_tool("list", *args, status=1)
            self.assertIn("list 'ads' is a hosts file; only YAML lists are edited here", done.stderr)
        self.assertIn("'saringctl list mode ads off'", self.run_tool("list", "lift", "ads", status=1).stderr)
        self.assertEqual(self.text(self.hosts), HOSTS)
        # of a list that says nothing, the file does
        self.write(self.config, self.text(self.config).replace("    format: hosts\n", ""))
        self.assertIn("is a hosts file", self.run_tool("list", "add", "ads", "x.example", status=1).stderr)
        self.assertEqual(self.text(self.hosts), HOSTS)

    def test_a_fetched_list_is_not_edited(self):
        self.write(self.config, self.text(self.config).replace("file: ads.txt", "url: https://lists.example/ads.txt"))
        done = self.run_tool("list", "add", "ads", "x.example", status=1)
        self.assertIn("https://lists.example/ads.txt", done.stderr)
        self.assertIn("only YAML lists are edited here", done.stderr)


class Edit(Case):
    def rebuilding(self):
        """A daemon that notes what the files held when it was asked."""
        self.seen = []

        def answer(verb, args):
            if verb == "list":
                return good(self.lists())
            if verb in ("status", "explain", "hits", "cache.flush"):  # how a lift is proved
                return good({})
            if verb not in LOOKS:
                self.seen.append((verb, self.text(self.list), self.text(self.config)))
            return good(REBUILT)
        return self.daemon(answer)

    def lists(self):
        """What a daemon says that has read our saring.yaml."""
        mode = re.search(r"(?m)^    mode: (\w+)", self.text(self.config))
        return [{"name": "other", "source": "other.yaml", "mode": "off"},
                {"name": "house", "source": "house.yaml", "mode": mode.group(1) if mode else "enforce"}]

    def lines_changed(self, before, after):
        return [line for line in after.splitlines() if line not in before.splitlines()]

    def test_add(self):
        self.rebuilding()
        done = self.run_tool("list", "add", "house", "New.Example.", "--reason", "tv: \"tracker\"", "--expires", "2099-01-01")
        after = self.text(self.list)
        self.assertTrue(after.startswith(LIST), "what was there stays byte for byte")
        self.assertIn("new.example", after)
        self.assertRegex(done.stdout, r"^added New\.Example\. to house \(line 13\), in force: generation 7\n$")
        self.assertEqual(done.stderr, "")
        self.assertEqual([(verb, text) for verb, text, _ in self.seen], [("policy.rebuild", after)])
        entry = self.run_json("list", "show", "house")[-1]
        self.assertEqual((entry["entry"], entry["reason"], entry["expires"]), ("new.example", "tv: \"tracker\"", "2099-01-01"))

    def test_add_json(self):
        self.rebuilding()
        document = self.run_json("list", "add", "house", "x.example", "a.example", "--authority", "me",
                                 "--contact", "mailto:x@example.net")
        self.assertEqual([(r["name"], r["outcome"]) for r in document["results"]], [("x.example", "added"), ("a.example", "already")])
        self.assertEqual(document["results"][1]["line"], 7)
        self.assertEqual((document["list"], document["generation"], document["in_force"]), ("house", 7, True))

    def test_already_there_is_done(self):
        daemon = self.rebuilding()
        done = self.run_tool("list", "add", "house", "a.example")
        self.assertEqual((done.stdout, done.stderr), ("a.example is already in house (line 7), in force: generation 7\n", ""))
        self.assertEqual(self.text(self.list), LIST)
        self.assertEqual([verb for verb, _ in daemon.requests], ["policy.rebuild", "list"])

    def test_change_is_described(self):
        """What the daemon is told for its audit log."""
        daemon = self.rebuilding()
        self.run_tool("list", "add", "house", "New.Example", "a.example", "--reason", "why", "--reference", "https://x.example/1")
        self.run_tool("list", "remove", "house", "new.example", "--reason", "slip")
        self.run_tool("list", "lift", "house", "--reference", "order 7")
        self.run_tool("list", "mode", "house", "shadow")
        self.run_tool("reload", "--reason", "by hand")
        # what a lift makes the cache forget is a part of it
        changes = [args["change"] for verb, args in daemon.requests if args and "change" in args and verb != "cache.flush"]
        for change in changes:
            self.assertGreater(change.pop("asked_at_ns"), 0)
        nothing = {"names": [], "name_count": 0, "reason": None, "reference": None, "detail": None, "list": None}
        self.assertEqual(changes, [
            {**nothing, "verb": "list add", "list": "house", "names": ["new.example"], "name_count": 1, "reason": "why",
             "reference": "https://x.example/1"},
            {**nothing, "verb": "list remove", "list": "house", "names": ["new.example"], "name_count": 1, "reason": "slip"},
            {**nothing, "verb": "list lift", "list": "house", "reference": "order 7"},
            {**nothing, "verb": "list mode", "list": "house", "detail": "mode: shadow"},
            {**nothing, "verb": "reload", "reason": "by hand"}])

    def test_change_fits_a_request(self):
        """However much is said, and however many names there are, the edit gets through."""
        daemon = self.rebuilding()
        names = [f"{'x' * 60}.{'y' * 60}.{number:04}.example" for number in range(1500)]
        self.run_tool("list", "add", "house", *names)
        change = daemon.requests[0][1]["change"]
        self.assertEqual(change["name_count"], 1500)
        self.assertEqual(change["names"], names[:len(change["names"])])
        self.assertGreater(len(change["names"]), 200)
        self.assertLess(len(json.dumps(change)), 60000)
        self.run_tool("reload", "--reason", "\u202e" * 5000, "--reference", "\u00e9" * 3000)
        change = daemon.requests[-1][1]["change"]
        self.assertEqual(change["reference"], "\u00e9" * 1024)
        self.assertEqual(change["reason"], "\u202e" * (2048 // 3))

    def test_already_there_may_be_waiting(self):
        """What an earlier edit wrote is not in force before the daemon has read it."""
        self.run_tool("list", "lift", "house", "a.example", status=3)
        self.run_tool("list", "mode", "house", "shadow", status=3)
        for args in [["add", "house", "b.example", "--match", "exact"], ["lift", "house", "a.example"], ["mode", "house", "shadow"]]:
            done = self.run_tool("list", *args, status=3)
            self.assertIn("already", done.stdout)
            self.assertNotIn("in force", done.stdout)
            self.assertIn("waits until saringd runs", done.stderr)
            document = self.run_json("list", *args, status=3)
            self.assertEqual((document["results"][0]["outcome"], document["in_force"], document["generation"]), ("already", False, None))
        self.run_tool("list", "mode", "house", "enforce", status=3)
        daemon = self.rebuilding()
        self.assertIn("a.example is already lifted in house (line 7), in force: generation 7\n",
                      self.run_tool("list", "lift", "house", "a.example").stdout)
        self.assertEqual("house is already in mode enforce, in force: generation 7\n",
                         self.run_tool("list", "mode", "house", "enforce").stdout)
        self.assertEqual([verb for verb, _ in daemon.requests if verb in ("policy.rebuild", "list", "reload")],
                         ["policy.rebuild", "list", "reload"])
        daemon.answer = lambda verb, args: bad("input", "the lists have errors")
        for args in [["add", "house", "b.example", "--match", "exact"], ["lift", "house", "a.example"], ["mode", "house", "enforce"]]:
            self.assertIn("the lists have errors", self.run_tool("list", *args, status=1).stderr)

    def test_a_daemon_that_has_not_read_this_saring_yaml(self):
        theirs = [None]
        daemon = self.daemon(lambda verb, args: good(theirs[0] if verb == "list" else REBUILT))
        ours = {"name": "house", "source": "house.yaml", "mode": "enforce"}
        verbs = [["add", "house", "a.example"], ["add", "house", "x.example"], ["lift", "house", "x.example"],
                 ["remove", "house", "x.example"]]
        for theirs[0], what in [([], "it has no list 'house'"), ([dict(ours, name="hose")], "it has no list 'house'"), ({}, "no list"),
                                ([None, 3, {}], "no list"), ([dict(ours, mode=7)], "in mode , not enforce"),
                                ([dict(ours, source="old.yaml")], "is the file 'old.yaml', not 'house.yaml'"),
                                ([dict(ours, mode="shadow")], "is in mode shadow, not enforce")]:
            for args in verbs:
                with self.subTest(theirs=theirs[0], args=args):
                    done = self.run_tool("list", *args, status=1)
                    self.assertNotIn("generation", done.stdout)
                    self.assertIn("not in force: the daemon has not read this saring.yaml yet; 'saringctl reload' makes it", done.stderr)
                    self.assertIn(what, done.stderr)
            document = self.run_json("list", "add", "house", "a.example", status=1)
            self.assertEqual((document["in_force"], document["generation"], document["error"]["code"]), (False, None, "input"))
            self.assertIn("saringctl reload", document["error"]["text"])
        theirs[0] = []
        self.run_tool("list", "mode", "house", "off")
        self.assertEqual(daemon.requests[-1][0], "reload")
        self.run_tool("list", "mode", "house", "enforce")
        theirs[0] = [ours]
        for args in verbs:
            self.assertIn("in force: generation 7", self.run_tool("list", *args).stdout)

    def test_the_lists_cannot_be_asked_for(self):
        self.daemon(lambda verb, args: bad("internal", "no lists today") if verb == "list" else good(REBUILT))
        done = self.run_tool("list", "add", "house", "x.example", status=1)
        self.assertIn("no lists today", done.stderr)
        self.assertNotIn("generation", done.stdout)

    def test_what_decides_nothing_is_not_said_to_be_in_force(self):
        self.rebuilding()
        verbs = [["add", "house", "a.example"], ["add", "house", "x.example"], ["lift", "house", "x.example"],
                 ["lift", "house", "x.example"], ["remove", "house", "x.example"]]
        for mode in ["shadow", "off"]:
            self.assertEqual(f"house is now in mode {mode}, taken up: generation 7\n",
                             self.run_tool("list", "mode", "house", mode).stdout)
            self.assertEqual(f"house is already in mode {mode}, taken up: generation 7\n",
                             self.run_tool("list", "mode", "house", mode).stdout)
            for args in verbs:
                done = self.run_tool("list", *args)
                self.assertNotIn("in force", done.stdout + done.stderr)
                self.assertIn(", taken up: generation 7\n", done.stdout)
                self.assertIn(f"is in mode {mode}: it decides nothing", done.stderr)

    def test_already_there_in_a_list_that_has_ended(self):
        self.rebuilding()
        for end, word in [("lifted: 2020-01-01\n", "the whole list was lifted"), ("expires: 2020-01-01\n", "the whole list expired")]:
            self.write(self.list, end + LIST)
            done = self.run_tool("list", "add", "house", "a.example")
            self.assertEqual(done.stdout, "a.example is already in house (line 8), taken up: generation 7\n")
            self.assertIn(word, done.stderr)
            self.assertEqual(self.text(self.list), end + LIST)

    def test_what_is_said_of_an_entry_already_there_is_not_written(self):
        self.rebuilding()
        said = ["--reason", "r", "--authority", "a", "--reference", "https://example.net", "--contact", "tel:+1", "--expires", "2099-01-01"]
        done = self.run_tool("list", "add", "house", "a.example", *said)
        self.assertIn("a.example was in the list 'house' already and stands unchanged: "
                      "--reason, --authority, --reference, --contact, --expires not written\n", done.stderr)
        self.assertEqual(self.text(self.list), LIST)
        done = self.run_tool("list", "add", "house", "x.example", "X.Example.", "--reason", "r")
        self.assertEqual(done.stderr, "", "the second is the first, whose reason was written")
        done = self.run_tool("list", "add", "house", "y.example", "x.example", "--authority", "z")
        self.assertIn("x.example was in the list 'house' already and stands unchanged: --authority not written\n", done.stderr)
        self.assertNotIn("y.example", done.stderr)
        self.write(self.list, "entries: [a.example]\n")
        done = self.run_tool("list", "add", "house", "b.example", "a.example", "--reason", "r")
        self.assertIn("a.example was in the list", done.stderr, "though they stand in one line")
        self.assertEqual(self.run_tool("list", "add", "house", "a.example").stderr, "")

    def test_a_bad_name_leaves_the_file_alone(self):
        daemon = self.rebuilding()
        done = self.run_tool("list", "add", "house", "good.example", "bad..example", "x" * 64 + ".example", status=1)
        self.assertIn("bad..example", done.stderr)
        self.assertIn("2 of 3", done.stderr)
        self.run_tool("list", "remove", "house", "a.example", "bad..example", status=1)
        self.run_tool("list", "lift", "house", "a.example", "bad..example", status=1)
        self.assertEqual(self.text(self.list), LIST)
        self.assertEqual(daemon.requests, [])

    def test_public_suffixes_need_force(self):
        self.rebuilding()
        for name in ["com", "co.uk", "frobnicate", "github.io", "XN--P1AI", "."]:
            done = self.run_tool("list", "add", "house", "fine.example", name, status=1)
            self.assertIn("--force", done.stderr)
        self.assertEqual(self.text(self.list), LIST)
        self.run_tool("list", "add", "house", "co.uk", "--match", "exact")
        self.run_tool("list", "add", "house", "com", "--force")
        self.assertEqual([e["entry"] for e in self.run_json("list", "show", "house")][-2:], ["co.uk", "com"])

    def test_an_allow_list_takes_any_name(self):
        self.write(self.config, CONFIG.replace("file: house.yaml", "file: house.yaml\n    action: allow"))
        self.rebuilding()
        self.run_tool("list", "add", "house", "com")

    def test_match(self):
        self.rebuilding()
        self.run_tool("list", "add", "house", "x.example", "--match", "subdomains")
        self.run_tool("list", "add", "house", "y.example", "--match", "subtree")
        self.assertEqual([e["match"] for e in self.run_json("list", "show", "house")][-2:], ["subdomains", "subtree"])

    def test_match_where_saring_yaml_says_one(self):
        self.write(self.config, CONFIG.replace("file: house.yaml", "file: house.yaml\n    match: exact"))
        self.rebuilding()
        self.run_tool("list", "add", "house", "x.example")
        self.run_tool("list", "add", "house", "y.example", "--match", "subdomains")
        self.assertIn("already", self.run_tool("list", "add", "house", "x.example", "--match", "exact").stdout)
        self.assertEqual([e["match"] for e in self.run_json("list", "show", "house")][-2:], ["exact", "subdomains"])
        self.run_tool("list", "add", "house", "x.example", "--match", "subtree")
        self.assertIn("  - domain: x.example\n    match: subtree\n", self.text(self.list))
        self.assertEqual(self.run_json("list", "show", "house")[-1]["match"], "subtree")

    def test_remove(self):
        self.rebuilding()
        done = self.run_tool("list", "remove", "house", "b.example")
        after = self.text(self.list)
        self.assertEqual(after, LIST.replace("  - domain: b.example\n    match: exact\n    added: 2020-01-01\n", ""))
        self.assertRegex(done.stdout, r"^removed b\.example from house, in force: generation 7\n$")

    def test_remove_a_regex_by_its_text(self):
        self.rebuilding()
        self.run_tool("list", "remove", "house", "^ads?[0-9]*\\.")
        self.assertNotIn("regex", self.text(self.list))

    def test_not_found(self):
        daemon = self.rebuilding()
        done = self.run_tool("list", "remove", "house", "none.example", status=1)
        self.assertIn("none.example is not in the list 'house'", done.stderr)
        self.assertEqual(daemon.requests, [])
        self.assertEqual(self.text(self.list), LIST)
        document = self.run_json("list", "lift", "house", "none.example", "a.example", status=1)
        self.assertEqual([r["outcome"] for r in document["results"]], ["not-found", "lifted"])
        self.assertIs(document["in_force"], True)
        self.assertIsNone(document["results"][0]["line"])

    def test_lift_a_name_and_back(self):
        self.rebuilding()
        self.run_tool("list", "lift", "house", "a.example", "--reason", "order withdrawn")
        self.assertEqual(self.run_json("list", "show", "house")[0]["state"], "lifted")
        self.assertIn("# stays", self.text(self.list))
        self.assertIn("already lifted", self.run_tool("list", "lift", "house", "a.example").stdout)
        self.run_tool("list", "add", "house", "a.example")
        self.assertEqual(self.run_json("list", "show", "house")[0]["state"], "in force")

    def test_lift_the_whole_list(self):
        self.rebuilding()
        self.assertIn("lifted the whole list in house", self.run_tool("list", "lift", "house").stdout)
        self.assertEqual(len(self.lines_changed(LIST, self.text(self.list))), 2)
        self.assertRegex(self.text(self.list), r"(?m)^lifted: \d{4}-\d\d-\d\d\nlifted-by: \S")
        self.assertEqual({e["state"] for e in self.run_json("list", "show", "house")}, {"lifted"})
        self.assertEqual(self.run_json("list", "lift", "house")["results"], [{"name": None, "outcome": "already", "line": None}])
        rebuilds = [verb for verb, _, _ in self.seen if verb != "hits"]
        self.assertEqual(len(rebuilds), 2, "an earlier edit may be waiting: the daemon is asked again")
        self.assertIn("already lifted in house, in force: generation 7", self.run_tool("list", "lift", "house").stdout)
        self.assertIn("whole list was lifted", self.run_tool("list", "add", "house", "more.example").stderr)

    def test_mode(self):
        self.rebuilding()
        done = self.run_tool("list", "mode", "house", "shadow")
        self.assertRegex(done.stdout, r"^house is now in mode shadow, taken up: generation 7\n$")
        self.assertEqual(self.lines_changed(CONFIG, self.text(self.config)), ["    mode: shadow"])
        self.assertEqual([(verb, config) for verb, _, config in self.seen], [("reload", self.text(self.config))])
        self.assertEqual(self.text(self.list), LIST)
        document = self.run_json("list", "mode", "house", "shadow")
        self.assertEqual((document["mode"], document["results"][0]["outcome"]), ("shadow", "already"))
        self.assertEqual([verb for verb, _, _ in self.seen], ["reload", "reload"])
        self.assertIn("mode shadow", self.run_tool("list", "add", "house", "s.example").stderr)

    def test_unknown_list(self):
        for args in [["add", "hose", "x.example"], ["remove", "hose", "x.example"], ["lift", "hose"], ["mode", "hose", "off"]]:
            self.assertIn("did you mean 'house'?", self.run_tool("list", *args, status=1).stderr)

    def test_a_list_with_errors_is_not_edited(self):
        daemon = self.rebuilding()
        broken = LIST + "  - frob: 1\n  - c..example\n"
        self.write(self.list, broken)
        for args in [["add", "house", "x.example"], ["remove", "house", "a.example"], ["lift", "house"]]:
            done = self.run_tool("list", *args, status=1)
            self.assertIn("house.yaml:13:", done.stderr)
            self.assertIn("house.yaml:14:", done.stderr)
        self.assertEqual(self.text(self.list), broken)
        self.assertEqual(daemon.requests, [])

    def test_a_list_that_is_not_there_yet_is_made(self):
        os.unlink(self.list)
        self.rebuilding()
        self.run_tool("list", "remove", "house", "x.example", status=1)
        self.assertFalse(os.path.exists(self.list))
        self.run_tool("list", "add", "house", "x.example")
        entries = self.run_json("list", "show", "house")
        self.assertEqual([(e["entry"], e["action"]) for e in entries], [("x.example", "block")])

    def test_the_daemon_refuses(self):
        self.daemon(bad("input", "the lists have errors", [{"file": "other.yaml", "line": 2, "column": 5, "text": "no name"},
                                                            {"file": "other.yaml", "line": 9, "column": 1, "text": "what"}]))
        done = self.run_tool("list", "add", "house", "x.example", status=1)
        self.assertIn("other.yaml:2:5: no name\nother.yaml:9:1: what\n", done.stderr)
        self.assertIn("not in force", done.stderr)
        self.assertNotIn("in force: generation", done.stdout)
        document = self.run_json("list", "add", "house", "y.example", status=1)
        self.assertIs(document["in_force"], False)
        self.assertEqual(len(document["errors"]), 2)

    def test_past_expiry_is_said(self):
        self.rebuilding()
        done = self.run_tool("list", "add", "house", "x.example", "--expires", "2001-01-01")
        self.assertIn("has passed", done.stderr)
        self.assertNotIn("in force", done.stdout)

    def test_words_that_a_list_cannot_hold(self):
        daemon = self.rebuilding()
        self.run_tool("list", "add", "house", "x.example", "--reason", "x" * 100000, status=1)
        self.assertEqual(self.text(self.list), LIST)
        self.assertEqual(daemon.requests, [])

    def test_two_edits_at_once_both_survive(self):
        self.rebuilding()
        running = [subprocess.Popen([SARINGCTL, "-c", self.config, "list", "add", "house", f"n{i}.example"], stdout=subprocess.DEVNULL)
                   for i in range(8)]
        self.assertEqual([p.wait(timeout=60) for p in running], [0] * 8)
        names = {e["entry"] for e in self.run_json("list", "show", "house")}
        self.assertLessEqual({f"n{i}.example" for i in range(8)}, names)

    def test_no_right_to_write(self):
        os.chmod(self.dir, 0o755)
        os.chmod(self.list, 0o444)
        tool, as_nobody = SARINGCTL, []
        if os.geteuid() == 0:  # root may write everything; and the build may lie where nobody else can look
            tool = shutil.copy(SARINGCTL, self.dir)
            as_nobody = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
            if not shutil.which("setpriv") or subprocess.run([*as_nobody, "test", "-x", tool], check=False).returncode != 0:
                self.skipTest("cannot run as another user here")
        done = subprocess.run([*as_nobody, tool, "-c", self.config, "list", "add", "house", "x.example"], capture_output=True,
                              encoding="utf-8", timeout=60, check=False)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("cannot be written", done.stderr)
        self.assertEqual(self.text(self.list), LIST)


if __name__ == "__main__":
    sys.exit(unittest.main(verbosity=1))
