# SPDX-License-Identifier: BSD-2-Clause
"""Lists from urls: the real saringd, saring-fetch and saring-compile against a real web server on loopback, with its faults."""
import json
import os
import pty
import signal
import socket
import subprocess
import threading
import time

import pytest

from harness.ask import ask, blocked
from harness.daemon import CALL_S, build_dir
from harness.web import Reply, Web

HTML = "<!DOCTYPE html>\n<html><head><title>Not Found</title></head>\n<body>\n<h1>Not Found</h1>\n" + "<p>sorry</p>\n" * 20 + "</body></html>\n"


def hosts(*names):
    return "".join(f"0.0.0.0 {name}\n" for name in names)


def many(count, stem="n"):
    return hosts(*(f"{stem}{i}.example" for i in range(count)))


@pytest.fixture
def web():
    one = Web()
    yield one
    one.close()


def settings(url, **more):
    return {"lists": [{"name": "ads", "url": url, **more}]}


def row(daemon, name="ads"):
    return next(one for one in daemon.ctl("--json", "list").json if one["name"] == name)


def until(what, say=lambda: ""):
    """Ask until it is so."""
    end = time.monotonic() + CALL_S
    while not what():
        assert time.monotonic() < end, say()


@pytest.fixture
def daemon(saringd, web):
    """One that has fetched four names, with an ETag."""
    web.pages["/ads"] = Reply(hosts("a.example", "b.example", "c.example", "d.example"), etag='"1"')
    one = saringd(settings(web.url("/ads")))
    until(lambda: row(one)["entries"] == 4, one.stderr)
    return one


def fetch(daemon, *args, state, code=None):
    """saringctl list fetch; the row of the list."""
    code = code if code is not None else 0 if state in ("done", "unchanged") else 1
    result = daemon.ctl("--json", "list", "fetch", *args, code=code)
    one = result.json[0]
    assert one["state"] == state, f"{result}\n{daemon.stderr()}"
    assert (one["error"] is None) == (code == 0)
    assert code == 0 or one["error"] in result.err
    return one


def is_old(daemon):
    return blocked(ask(daemon, "a.example")) and row(daemon)["entries"] == 4


def test_fetched_at_the_start(daemon, web):
    assert blocked(ask(daemon, "a.example")) and not blocked(ask(daemon, "x.example"))
    one = row(daemon)
    assert one["source"] == web.url("/ads") and one["fetched_at"] and one["next_fetch_at"] and one["fetch_error"] is None
    found = daemon.explain("a.example")["rule"]
    assert found["list"] == "ads" and found["file"] == web.url("/ads") and found["line"] == 1
    path, headers = web.asked[0]
    assert path == "/ads" and headers["User-Agent"].startswith("saring/") and "If-None-Match" not in headers
    assert "gzip" in headers["Accept-Encoding"]
    folder = daemon.home / "state/fetched"
    assert sorted(p.name for p in folder.iterdir()) == ["ads", "ads.json"]
    kept = json.loads((folder / "ads.json").read_text())
    assert kept["url"] == web.url("/ads") and kept["etag"] == '"1"' and kept["entries"] == 4


def test_not_modified(daemon, web):
    generation = daemon.status()["policy"]["generation"]
    fetch(daemon, state="unchanged")
    assert web.asked[-1][1]["If-None-Match"] == '"1"'
    assert daemon.status()["policy"]["generation"] == generation
    web.pages["/ads"] = Reply(hosts("a.example", "b.example", "c.example", "new.example"), etag='"2"')
    one = fetch(daemon, "ads", state="done")
    assert one["entries"] == 4 and one["bytes"] > 0 and one["fetched_at"]
    assert blocked(ask(daemon, "new.example")) and not blocked(ask(daemon, "d.example")), "in force when it returns"
    fetch(daemon, state="unchanged")
    assert web.asked[-1][1]["If-None-Match"] == '"2"'


def test_last_modified(saringd, web):
    when = "Tue, 03 Nov 2026 10:00:00 GMT"
    web.pages["/ads"] = Reply(hosts("a.example"), modified=when)
    one = saringd(settings(web.url("/ads")))
    until(lambda: row(one)["entries"] == 1, one.stderr)
    fetch(one, state="unchanged")
    assert web.asked[-1][1]["If-Modified-Since"] == when


@pytest.mark.parametrize("status", [201, 204, 400, 404, 500, 503])
def test_another_status(daemon, web, status):
    good = web.pages["/ads"]
    web.pages["/ads"] = Reply(hosts("e.example") if status != 204 else "", status=status)
    assert fetch(daemon, state="failed")["error"] == f"the server answered {status}"
    assert is_old(daemon) and row(daemon)["fetch_error"] == f"the server answered {status}"
    web.pages["/ads"] = good
    fetch(daemon, state="unchanged")
    assert row(daemon)["fetch_error"] is None


@pytest.mark.parametrize("how", [{"short": 5}, {"short": 5, "chunked": True}])
def test_half_a_body(daemon, web, how):
    web.pages["/ads"] = Reply(many(400), **how)
    fetch(daemon, "--force", state="failed")
    assert is_old(daemon)


@pytest.mark.parametrize("to, error", [
    ("/ads", "more than 5 times"), ("file:///etc/passwd", "neither http nor https"), ("ftp://127.0.0.1/x", "neither http nor https"),
    ("http://u:p@127.0.0.1:1/", ""), ("", "where to go on"), ("http://[::1/", "")])
def test_bad_redirects(daemon, web, to, error):
    web.pages["/ads"] = Reply("", status=302, headers={"Location": to} if to else {})
    assert error in fetch(daemon, state="failed")["error"]
    assert is_old(daemon)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect(daemon, web, status):
    web.pages["/ads"] = Reply("gone", status=status, headers={"Location": "/else/where"})
    web.pages["/else/where"] = Reply(hosts("a.example", "b.example", "e.example"), etag='"e"')
    fetch(daemon, state="done")
    assert blocked(ask(daemon, "e.example"))


def test_packed(daemon, web):
    web.pages["/ads"] = Reply(many(6), packed=True)
    assert fetch(daemon, state="done")["entries"] == 6
    assert (daemon.home / "state/fetched/ads").read_text() == many(6)
    bad = Reply(many(6), packed=True)
    bad.body = bad.body[:10] + b"\xff" * 10 + bad.body[20:]
    web.pages["/ads"] = bad
    fetch(daemon, "--force", state="failed")
    assert blocked(ask(daemon, "n5.example"))


def test_not_a_list(daemon, web):
    for body in (HTML, b"\x7fELF\x02\x01\x01" + bytes(range(256)) * 8):
        web.pages["/ads"] = Reply(body, etag='"x"')
        for args in ([], ["--force"]):
            fetch(daemon, *args, state="refused")
            assert is_old(daemon)
    web.pages["/ads"] = Reply(hosts("a.example", "b.example", "c.example"), etag='"3"')
    fetch(daemon, state="done")
    assert web.asked[-1][1]["If-None-Match"] == '"1"', "what was refused is not what there is"


@pytest.mark.parametrize("names", [["a.example"], [f"n{i}.example" for i in range(7)], []])
def test_too_much_change(daemon, web, names):
    web.pages["/ads"] = Reply(hosts(*names) or "# nothing\n")
    one = fetch(daemon, state="refused")
    assert "more than 50%" in one["error"] and "--force" in one["error"]
    assert is_old(daemon) and one["entries"] == 4
    assert "fetch.refused" in daemon.stderr()
    assert row(daemon)["fetch_error"] == one["error"]
    assert fetch(daemon, "--force", state="done")["entries"] == len(names)
    assert row(daemon)["entries"] == len(names) and row(daemon)["fetch_error"] is None


def test_a_start_without_network(daemon, web):
    fetch(daemon, state="unchanged")
    daemon.stop()
    web.close()
    daemon.start()
    assert is_old(daemon)
    fetch(daemon, state="failed")
    assert is_old(daemon)
    daemon.stop()
    (daemon.home / "state/fetched/ads.json").unlink()
    daemon.start()
    assert is_old(daemon), "the copy is served even if nothing is known of it"
    until(lambda: row(daemon)["fetch_error"], daemon.stderr)
    daemon.stop()
    (daemon.home / "state/fetched/ads").unlink()
    daemon.start()
    assert not blocked(ask(daemon, "a.example")), "a list that was never fetched is empty, and no error"


def test_killed_in_the_middle(saringd, web):
    go_on = threading.Event()
    web.pages["/ads"] = Reply(many(20000), wait=go_on)
    one = saringd(settings(web.url("/ads")))
    assert web.began.wait(CALL_S)
    state = one.ctl("--json", "list").json
    assert state[0]["entries"] == 0 and state[0]["fetched_at"] is None
    one.kill()
    go_on.set()
    assert not (one.home / "state/fetched/ads").exists()
    one.start()
    until(lambda: row(one)["entries"] == 20000, one.stderr)
    assert sorted(p.name for p in (one.home / "state/fetched").iterdir()) == ["ads", "ads.json"]


def test_stopped_and_taken_away_in_the_middle(daemon, web):
    web.pages["/slow"] = Reply(many(20000), wait=threading.Event())
    daemon.configure(lists=[{"name": "ads", "url": web.url("/ads")}, {"name": "slow", "url": web.url("/slow")}])
    daemon.ctl("reload")
    assert web.began.wait(CALL_S)
    status = {one["name"]: one for one in daemon.ctl("--json", "list").json}
    assert status["slow"]["entries"] == 0 and blocked(ask(daemon, "a.example"))
    daemon.configure(lists=[{"name": "ads", "url": web.url("/ads")}])
    daemon.ctl("reload")
    until(lambda: not (daemon.home / "state/fetched/.slow.new").exists())
    web.began.clear()
    daemon.configure(lists=[{"name": "ads", "url": web.url("/ads")}, {"name": "slow", "url": web.url("/slow")}])
    daemon.ctl("reload")
    assert web.began.wait(CALL_S)
    daemon.stop()
    assert not list((daemon.home / "state/fetched").glob(".*"))


def test_another_url(daemon, web):
    web.pages["/other"] = Reply(status=500)
    daemon.configure(lists=[{"name": "ads", "url": web.url("/other")}])
    daemon.ctl("reload")
    assert is_old(daemon), "until there is one from the new url"
    until(lambda: row(daemon)["fetch_error"] == "the server answered 500", daemon.stderr)
    assert is_old(daemon)
    web.pages["/other"] = Reply(many(100))
    assert fetch(daemon, state="done")["entries"] == 100, "sizes of two lists are not compared"


def test_formats(saringd, web):
    web.pages["/y"] = Reply("entries: [y.example]\n")
    web.pages["/d"] = Reply("||d.example^\n@@||ok.d.example^\n")
    one = saringd({"lists": [{"name": "y", "url": web.url("/y"), "format": "yaml"},
                             {"name": "d", "url": web.url("/d"), "format": "adblock", "may-allow": True}]})
    until(lambda: sum(r["entries"] or 0 for r in one.ctl("--json", "list").json) == 3, one.stderr)
    assert blocked(ask(one, "x.y.example")) and blocked(ask(one, "x.d.example")) and not blocked(ask(one, "ok.d.example"))


def test_a_fetched_list_that_cannot_be_compiled(daemon, web):
    """It would keep everybody from reloading: it goes back."""
    web.pages["/y"] = Reply("entries: [y.example]\n", etag='"y1"')
    daemon.configure(lists=[{"name": "yaml", "url": web.url("/y"), "format": "yaml", "max-change": 0}])
    daemon.ctl("reload")
    until(lambda: blocked(ask(daemon, "y.example")), daemon.stderr)
    web.pages["/y"] = Reply("entries:\n  - z.example\n  - regex: '(unclosed'\n", etag='"y2"')
    fetch(daemon, state="refused")
    assert blocked(ask(daemon, "y.example"))
    daemon.ctl("reload")
    assert blocked(ask(daemon, "y.example"))
    web.pages["/y"] = Reply("entries: [z.example]\n", etag='"y3"')
    fetch(daemon, state="done")
    assert web.asked[-1][1]["If-None-Match"] == '"y1"' and blocked(ask(daemon, "z.example"))


def test_who_is_asked_for_what(daemon, web):
    (daemon.home / "f.yaml").write_text("entries: [f.example]\n")
    daemon.configure(lists=[{"name": "ads", "url": web.url("/ads"), "refresh": "0s"}, {"name": "f", "file": "f.yaml"}])
    daemon.ctl("reload")
    assert "has no url" in daemon.ctl("list", "fetch", "f", code=1).err
    assert "no list 'x'" in daemon.ctl("list", "fetch", "x", code=1).err
    assert row(daemon)["next_fetch_at"] is None and "fetched_at" not in row(daemon, "f")
    result = daemon.ctl("list", "fetch")
    assert "ads" in result.out and "unchanged" in result.out and result.err == ""
    daemon.configure(lists=[{"name": "f", "file": "f.yaml"}])
    daemon.ctl("reload")
    assert daemon.ctl("list", "fetch").out == "No list has a url.\n"
    assert daemon.ctl("--json", "list", "fetch").json == []
    daemon.stop()
    assert daemon.ctl("list", "fetch", code=3)


def test_behind_a_socket(saringd, web, home):
    """As under systemd: whoever connects to fetch.socket gets a saring-fetch of its own."""
    web.pages["/ads"] = Reply(hosts("a.example"))
    one = saringd(settings(web.url("/ads")), start=False)
    served = []
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(one.home / "fetch.socket"))
    listener.listen(8)

    def serve():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                served.append(subprocess.run([build_dir() / "saring-fetch"], stdin=connection, stdout=connection, check=False).returncode)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    one.start()
    until(lambda: row(one)["entries"] == 1, one.stderr)
    until(lambda: served == [0])
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(CALL_S)
    assert "fetch.socket" in fetch(one, state="failed")["error"], "it is there and nobody listens: that is no reason to do without"
    assert row(one)["entries"] == 1


# saring-fetch by itself: limits that would take too long, or too much, to be met through saringd

def alone(url, **more):
    request = {"version": 1, "url": url, **more}
    done = subprocess.run([build_dir() / "saring-fetch"], input=json.dumps(request).encode() + b"\n", capture_output=True, timeout=CALL_S, check=False)
    frames, at = [], 0
    while at < len(done.stdout):
        kind, length = chr(done.stdout[at]), int.from_bytes(done.stdout[at + 1:at + 5], "big")
        frames.append((kind, done.stdout[at + 5:at + 5 + length]))
        at += 5 + length
    assert frames and frames[-1][0] == "e" and not any(kind == "e" for kind, _ in frames[:-1]), done
    end = json.loads(frames[-1][1])
    assert done.returncode == (1 if "error" in end else 0) and done.stderr == b""
    return end, b"".join(part for kind, part in frames if kind == "b"), [json.loads(part) for kind, part in frames if kind == "p"]


def test_alone(web):
    web.pages["/ads"] = Reply(many(9000), etag='"1"')
    end, body, progress = alone(web.url("/ads"))
    assert end == {"status": 200, "etag": '"1"', "last_modified": None, "bytes": len(many(9000))} and body.decode() == many(9000)
    assert all(p["bytes"] <= p["total"] == len(body) for p in progress)
    assert alone(web.url("/ads"), etag='"1"')[0]["status"] == 304
    assert "error" in alone("file:///etc/passwd")[0]


def test_too_large(web):
    web.pages["/plain"] = Reply(b"x" * 100001)
    web.pages["/bomb"] = Reply(b"x" * 5_000_000, packed=True)
    web.pages["/endless"] = Reply(b"x" * 1000, endless=True)
    web.pages["/fits"] = Reply(b"x" * 100000, packed=True)
    for path in ("/plain", "/bomb", "/endless"):
        end, body, _ = alone(web.url(path), max_bytes=100000)
        assert end["error"] == "it has more than 100000 bytes" and len(body) <= 100000
    assert alone(web.url("/fits"), max_bytes=100000)[0]["bytes"] == 100000


def test_too_slow(web):
    web.pages["/drip"] = Reply(b"x" * 10000, drip=True)
    end, body, _ = alone(web.url("/drip"), low_bytes=1000, low_s=1)
    assert "slow" in end["error"] and len(body) < 10000
    end, body, _ = alone(web.url("/drip"), total_s=1)
    assert "error" in end and len(body) < 10000


def test_nobody_there():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        end, _, _ = alone(f"http://127.0.0.1:{s.getsockname()[1]}/")
    assert end["status"] == 0 and end["error"]


def test_a_certificate_of_nobody(web, home):
    """https is only worth something when it is looked at who is there."""
    import ssl
    made = subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-keyout",
                           home / "key", "-out", home / "cert"], capture_output=True, check=False) if os.access("/usr/bin/openssl", os.X_OK) else None
    if made is None or made.returncode != 0:
        pytest.skip("no openssl to make a certificate with")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(home / "cert", home / "key")
    web.pages["/ads"] = Reply(hosts("a.example"))
    web.server.socket = context.wrap_socket(web.server.socket, server_side=True)
    end, body, _ = alone(f"https://localhost:{web.port}/ads")
    assert "certificate" in end["error"].lower() and body == b""


def test_the_reader_goes_away(web):
    web.pages["/endless"] = Reply(b"x" * 1000, endless=True)
    process = subprocess.Popen([build_dir() / "saring-fetch"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    process.stdin.write(json.dumps({"version": 1, "url": web.url("/endless")}).encode() + b"\n")
    process.stdin.flush()
    assert process.stdout.read(100)
    process.stdout.close()
    try:
        assert process.wait(CALL_S) == 1
    finally:
        process.stdin.close()
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            process.wait()


@pytest.mark.parametrize("line", [b"", b"\n", b"{}\n", b"x" * 9000, b'{"version": 2, "url": "http://127.0.0.1/"}\n',
                                  b'{"version": 1, "url": "http://127.0.0.1/", "etag": "a\\r\\nX: y"}\n'])
def test_a_bad_request(line):
    done = subprocess.run([build_dir() / "saring-fetch"], input=line, capture_output=True, timeout=CALL_S, check=False)
    assert done.returncode == 1 and done.stdout[:1] == b"e" and "request" in json.loads(done.stdout[5:])["error"]


def test_a_progress_bar(daemon, web):
    """For a fetch that lasts, on a terminal; the result stands below it."""
    go_on = threading.Event()
    web.pages["/ads"] = Reply(many(5), wait=go_on)
    web.pages["/ads"].body += b"# " + b"x" * 100000 + b"\n"
    master, slave = pty.openpty()
    with subprocess.Popen([build_dir() / "saringctl", "-c", daemon.config_path, "list", "fetch"], stdout=subprocess.PIPE, stderr=slave,
                          env={**daemon.environment(), "TERM": "xterm"}) as process:
        os.close(slave)
        seen = b""
        while b"fetching, KiB [" not in seen:
            part = os.read(master, 1000)
            assert part, seen
            seen += part
        assert b"#" in seen and b"." in seen
        go_on.set()
        assert b"done" in process.stdout.read()
        assert process.wait(CALL_S) == 0
    os.close(master)
