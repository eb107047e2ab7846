# SPDX-License-Identifier: BSD-2-Clause
"""The endpoint of metrics: both formats, figures that agree with what else is told, bounds on whoever comes, and a real Prometheus."""
import json
import re
import select
import socket
import time

import pytest

from harness import fake as F
from harness.ask import ask, blocked, eventually, rcode
from harness.daemon import has_ipv6, sanitized
from harness.prometheus import OPEN, PLAIN, Figures, Prometheus, available, families, get, promtool, split
from harness.web import Reply, Web

from conftest import SOURCE

VERDICTS = ("blocked", "cached", "forwarded", "stale", "local", "refused", "dropped", "failed")
DEADLINE_S = 60  # far above the ten seconds that a connection has
CONNECTIONS = 16
needs_prometheus = pytest.mark.skipif(not available(), reason="needs prometheus and promtool")


@pytest.fixture
def serve(saringd, fake):
    up = fake(F.answer("192.0.2.7"))

    def make(lists=None, metrics="127.0.0.1:0", **config):
        lists = lists or {"ads": "ads.example\n", "trial": "trial.example\n"}
        named = [{"name": n, "file": n, "format": "domains", **({"mode": "shadow"} if n == "trial" else {})} for n in lists]
        daemon = saringd({"upstream": {"servers": [up.endpoint]}, "lists": named, "metrics": {"listen": metrics}, **config}, lists)
        daemon.up = up
        return daemon

    return make


@pytest.fixture
def web():
    server = Web()
    yield server
    server.close()


def url_of(daemon):
    return daemon.status()["metrics"][0]


def figures(daemon, **how):
    return Figures(url_of(daemon), **how)


# ---- what is told ----


def test_both_formats(serve):
    daemon = serve()
    plain, open_ = figures(daemon), figures(daemon, accept="application/openmetrics-text; version=1.0.0")
    assert (plain.type, open_.type) == (PLAIN, OPEN)
    assert open_.text.endswith("\n# EOF\n") and open_.text.count("# EOF") == 1 and "# EOF" not in plain.text
    assert plain.samples.keys() == open_.samples.keys()
    told, told_open = families(plain.text), families(open_.text)
    for name, (kind, _) in told.items():
        base = re.sub("_total$", "", name) if kind == "counter" else re.sub("_info$", "", name) if name.endswith("_info") else name
        assert told_open[base][0] == ("info" if name.endswith("_info") else kind)
        assert (kind == "counter") == name.endswith("_total")
    assert len(told) == len(told_open)
    units = dict(re.findall(r"^# UNIT (\S+) (\S+)$", open_.text, re.M))
    assert units["saring_query_duration_seconds"] == "seconds" and units["saring_cache_bytes"] == "bytes"
    assert all(name.endswith("_" + unit) for name, unit in units.items()) and "# UNIT" not in plain.text
    # samples of a family stand together: what Prometheus' own parser of OpenMetrics insists on
    names = [re.sub(r"_(total|info|bucket|sum|count)$", "", re.split(r"[ {]", line)[0])
             for line in open_.text.splitlines() if not line.startswith("#")]
    seen = [n for i, n in enumerate(names) if i == 0 or names[i - 1] != n]
    assert len(seen) == len(set(seen))


@pytest.mark.parametrize("accept,wanted", [
    ("*/*", PLAIN), ("text/plain", PLAIN), ("application/openmetrics-text", OPEN),
    ("application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1", OPEN),
    ("application/openmetrics-text;version=0.0.1,text/plain;q=0.5", PLAIN), ("application/openmetrics-text;q=0", PLAIN)])
def test_who_gets_which(serve, accept, wanted):
    assert figures(serve(), accept=accept).type == wanted


@needs_prometheus
def test_promtool_has_no_complaint(serve):
    daemon = serve()
    ask(daemon, "ads.example")
    ask(daemon, "other.example")
    done = promtool("check", "metrics", stdin=figures(daemon).text)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def histogram_adds_up(told, name, **labels):
    buckets = [(dict(key[1])["le"], value) for key, value in told.samples.items()
               if key[0] == name + "_bucket" and labels.items() <= dict(key[1]).items()]
    assert [le for le, _ in buckets][-1] == "+Inf" and float(buckets[0][0]) == 50e-6 and float(buckets[-2][0]) == 5
    counts = [value for _, value in buckets]
    assert counts == sorted(counts) and counts[-1] == told(name + "_count", **labels)
    return counts[-1]


def test_the_figures_agree_with_status(serve, saringd):
    daemon = serve()
    assert blocked(ask(daemon, "ads.example"))
    for _ in range(3):
        ask(daemon, "a.example", "AAAA")
    ask(daemon, "b.example", tcp=True)
    ask(daemon, "trial.example", "HTTPS")
    ask(daemon, "localhost", "TYPE65280")
    ask(daemon, "localhost", "CAA")
    told, status = figures(daemon), daemon.status()
    queries = status["queries"]
    assert told.by("saring_queries_total", "verdict") == {v: queries[v] for v in VERDICTS}
    assert told("saring_queries_received_total") == queries["total"] == 8
    assert told.by("saring_queries_by_transport_total", "transport") == {"udp": 7, "tcp": 1}
    types = {k: v for k, v in told.by("saring_queries_by_type_total", "type").items() if v}
    assert types == {"A": 2, "AAAA": 3, "HTTPS": 1, "CAA": 1, "other": 1}
    rcodes = {k: v for k, v in told.by("saring_responses_total", "rcode").items() if v}
    assert rcodes["NXDOMAIN"] == 1 and sum(rcodes.values()) == 8
    for name, value in status["counters"].items():
        assert told(f"saring_{name}_total") == value, name
    cache = status["cache"]
    assert told("saring_cache_entries") == cache["entries"] > 0 and told("saring_cache_limit_bytes") == cache["limit_bytes"]
    assert told("saring_cache_hits_total") == cache["hits"] == 2 and told("saring_cache_misses_total") == cache["misses"]
    server = {"server": status["upstream"][0]["server"], "zone": "."}
    assert told("saring_upstream_up", **server) == 1
    assert told("saring_upstream_sent_total", **server) == status["upstream"][0]["sent"] == 3
    assert told("saring_upstream_failed_total", **server) == 0
    assert histogram_adds_up(told, "saring_upstream_rtt_seconds", **server) == 2  # who asks by TCP is asked for by TCP, which is not timed
    assert 0 < told("saring_upstream_rtt_seconds_sum", **server) < 60
    durations = {v: histogram_adds_up(told, "saring_query_duration_seconds", verdict=v) for v in VERDICTS if v != "dropped"}
    assert durations == {v: queries[v] for v in VERDICTS if v != "dropped"}
    assert told("saring_query_duration_seconds_sum", verdict="forwarded") >= told("saring_upstream_rtt_seconds_sum", **server)
    policy = status["policy"]
    for key in ("generation", "lists", "entries", "lifts", "bytes"):
        assert told(f"saring_policy_{key}") == policy[key], key
    assert told("saring_policy_entries_in_force") == policy["in_force"]
    assert told("saring_policy_info", content=policy["content"], bulk=policy["bulk"]) == 1
    assert told("saring_build_info", version=status["version"]) == 1 and told("saring_workers") == status["workers"]
    assert told.by("saring_list_blocked_total", "list") == {"ads": 1, "trial": 0}
    assert told.by("saring_list_would_block_total", "list") == {"ads": 0, "trial": 1}
    assert told.by("saring_list_entries", "list") == {"ads": 1, "trial": 1}
    assert told("saring_list_info", list="trial", action="block", mode="shadow", mandatory="false") == 1


def test_rcodes_whose_high_bits_are_in_the_opt(serve):
    """A BADVERS is NOERROR in the header."""
    daemon = serve()
    assert rcode(ask(daemon, "a.example", edns=1232, flags=None)) == "NOERROR"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(20)
        s.connect(("127.0.0.1", daemon.port))
        s.send(bytes.fromhex("123401000001000000000001") + b"\1a\7example\0" + bytes.fromhex("00010001") +
               bytes.fromhex("0000290400" "00010000" "0000"))  # EDNS version 1
        s.recv(4096)
    told = figures(daemon).by("saring_responses_total", "rcode")
    assert {k: v for k, v in told.items() if v} == {"NOERROR": 1, "BADVERS": 1}


def test_what_happens_is_counted(serve):
    daemon = serve()
    before = figures(daemon)
    assert before("saring_policy_edit_to_effect_seconds_count") == 0 == before("saring_policy_rebuilds_total", result="done")
    (daemon.home / "ads").write_text("ads.example\nmore.example\n")
    daemon.ctl("reload")
    (daemon.home / "saring.yaml").write_text("nonsense: 1\n")
    daemon.run("saringctl", "-s", daemon.socket_path, "reload")
    after = Figures(url_by_socket(daemon))
    assert after("saring_policy_generation") == before("saring_policy_generation") + 1
    assert after("saring_policy_rebuilds_total", result="done") == 1 == after("saring_policy_rebuilds_total", result="failed")
    assert histogram_adds_up(after, "saring_policy_edit_to_effect_seconds") == 1
    assert 0 < after("saring_policy_edit_to_effect_seconds_sum") < 60
    assert after("saring_list_entries", list="ads") == 2
    now = time.time()
    assert abs(now - after("process_start_time_seconds")) < 600 and abs(now - after("saring_list_changed_timestamp_seconds", list="ads")) < 600
    assert after("process_resident_memory_bytes") > 1 << 20 and after("process_cpu_seconds_total") > 0
    assert 10 < after("process_open_fds") < after("process_max_fds")


def url_by_socket(daemon):
    """When saring.yaml can't be read any more."""
    return daemon.run("saringctl", "-s", daemon.socket_path, "--json", "status").json["metrics"][0]


def test_lists_that_are_fetched(serve, web):
    web.pages["/good"] = Reply("good.example\n")
    lists = [{"name": n, "url": web.url(f"/{n}"), "format": "domains"} for n in ("good", "gone")]
    daemon = serve(lists={"ads": "ads.example\n"}, metrics="127.0.0.1:0")
    daemon.configure(lists=[{"name": "ads", "file": "ads", "format": "domains"}, *lists])
    daemon.ctl("reload")

    def settled():
        told = figures(daemon)
        good = told.has("saring_list_fetch_success_timestamp_seconds", list="good")
        return told if good and told.by("saring_list_fetch_failures", "list").get("gone", 0) >= 1 else None

    told = eventually(settled, "one list came, and one did not", timeout_s=60)
    assert told.by("saring_list_fetch_up_to_date", "list") == {"good": 1, "gone": 0}
    assert told.by("saring_list_fetch_failures", "list")["good"] == 0
    assert told.by("saring_list_fetch_failure_timestamp_seconds", "list").keys() == {"gone"}
    assert abs(told("saring_list_fetch_success_timestamp_seconds", list="good") - time.time()) < 600


def test_a_list_that_is_off(serve):
    daemon = serve()
    assert blocked(ask(daemon, "ads.example"))
    daemon.ctl("list", "mode", "ads", "off")
    told = figures(daemon)
    assert told("saring_list_blocked_total", list="ads") == 1 and not told.has("saring_list_entries", list="ads")
    assert told("saring_list_info", list="ads", action="block", mode="off", mandatory="false") == 1


def test_nothing_is_told_of_clients_or_names(serve):
    daemon = serve()
    ask(daemon, "ads.example")
    ask(daemon, "very-private.example")
    text = figures(daemon).text
    assert "private" not in text and "ads.example" not in text
    labels = {label for _, pairs in figures(daemon).samples for label, _ in pairs}
    assert labels == {"version", "verdict", "type", "transport", "rcode", "le", "server", "zone", "content", "bulk", "result", "list",
                      "action", "mode", "mandatory", "scope"}


def test_a_server_that_stands_twice_is_told_of_once(serve):
    """Two samples alike would cost the whole scrape."""
    daemon = serve()
    up = daemon.up.endpoint
    daemon.configure(upstream={"servers": [up, up], "routes": [{"zone": "corp.example", "servers": [up]}]},
                     groups=[{"name": "kids", "clients": ["127.0.0.32/27"], "upstream": {"servers": [up], "strategy": "ordered"}},
                             {"name": "lab", "clients": ["127.0.0.64/27"], "upstream": [up, "dns://127.0.0.1:9"]}])
    daemon.ctl("reload")
    labels = [dict(pairs) for name, pairs in figures(daemon).samples if name == "saring_upstream_up"]
    assert sorted((one["server"] == up, one["zone"], one.get("group", "")) for one in labels) == [
        (False, ".", "lab"), (True, ".", ""), (True, ".", "kids"), (True, ".", "lab"), (True, "corp.example", "")]


# ---- the manual ----


def test_the_manual_has_every_family_and_no_other(serve):
    """The dashboard and the alerts are held against the manual by tests/lint/dashboard.py."""
    manual = (SOURCE / "daemon/saringd.8").read_text().split(".Sh METRICS\n")[1].split(".Sh ")[0]
    documented = {name for line in re.findall(r"^\.It Va (.+)$", manual, re.M) for name in line.split(" , ") if " Ns " not in name}
    daemon = serve()
    served = families(figures(daemon).text)
    counters = {f"saring_{name}_total" for name in daemon.status()["counters"]}
    assert counters < served.keys()
    assert served.keys() - counters == documented - counters


# ---- on, off, elsewhere ----


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def answers(url):
    try:
        return get(url)[0] == 200
    except OSError:
        return False


def test_off_when_not_said(saringd):
    daemon = saringd()
    assert daemon.status()["metrics"] == [] and "metrics" not in daemon.ctl("status").out
    ask(daemon, "localhost")
    daemon.configure(metrics={"listen": "127.0.0.1:0"})
    daemon.ctl("reload")
    told = figures(daemon)
    assert told("saring_queries_total", verdict="local") == 1
    assert told("saring_query_duration_seconds_count", verdict="local") == 0  # nobody wanted to know how long it took
    ask(daemon, "localhost")
    assert figures(daemon)("saring_query_duration_seconds_count", verdict="local") == 1


def test_a_reload_moves_it_and_turns_it_off(serve):
    daemon = serve(metrics=["127.0.0.1:0"] + (["[::1]:0"] if has_ipv6() else []))
    first = daemon.status()["metrics"]
    assert len(first) == (2 if has_ipv6() else 1) and all(map(answers, first))
    for endpoint in first:
        assert endpoint in daemon.ctl("status").out
    daemon.ctl("reload")
    assert daemon.status()["metrics"] == first  # the same sockets
    daemon.configure(metrics={"listen": f"127.0.0.1:{free_port()}"})
    daemon.ctl("reload")
    moved = url_of(daemon)
    assert daemon.status()["metrics"] == [moved] and answers(moved) and not any(map(answers, first))
    daemon.configure(metrics=None)
    daemon.ctl("reload")
    assert daemon.status()["metrics"] == [] and not answers(moved)


def test_a_port_in_use_at_the_start(saringd):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        daemon = saringd({"metrics": {"listen": f"127.0.0.1:{s.getsockname()[1]}"}}, start=False)
        daemon.expect_exit = 1
        daemon.spawn()
        assert daemon.process.wait(60) == 1
    assert re.search(r"saring\.yaml:\d+:\d+: metrics\.listen: cannot listen on 127\.0\.0\.1:\d+: Address already in use", daemon.stderr())


def test_a_port_in_use_at_a_reload(serve):
    daemon = serve()
    url, generation = url_of(daemon), daemon.status()["policy"]["generation"]
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        other = free_port()
        daemon.configure(metrics={"listen": [f"127.0.0.1:{other}", f"127.0.0.1:{s.getsockname()[1]}"]})
        done = daemon.ctl("reload", code=1)
    assert re.search(r"saring\.yaml:\d+:\d+: .*Address already in use", done.err)
    status = daemon.status()
    assert status["metrics"] == [url] and answers(url) and status["policy"]["generation"] == generation
    assert not answers(f"http://127.0.0.1:{other}/metrics")  # the one that could be had was let go again
    daemon.configure(metrics={"listen": f"127.0.0.1:{other}"})
    daemon.ctl("reload")
    assert answers(url_of(daemon)) and not answers(url)


def test_a_reload_that_fails_otherwise_opens_nothing(serve):
    daemon = serve()
    url, port = url_of(daemon), free_port()
    daemon.configure(metrics={"listen": f"127.0.0.1:{port}"})
    (daemon.home / "ads").unlink()
    daemon.ctl("reload", code=1)
    assert daemon.status()["metrics"] == [url] and answers(url) and not answers(f"http://127.0.0.1:{port}/metrics")


@pytest.mark.parametrize("listen,said", [
    ("localhost:9953", "is not HOST:PORT"), ("::1", "is not HOST:PORT"), ("127.0.0.1:70000", "is not HOST:PORT"), ("[]", "is empty"),
    ("https://127.0.0.1:1", "is not HOST:PORT"), ("", "has no value"), ("{a: b}", "HOST:PORT, or a list of such")])
def test_what_cannot_be_said(saringd, listen, said):
    daemon = saringd(start=False)
    daemon.config_path.write_text(f"metrics:\n  listen: {listen}\n")
    done = daemon.ctl("check", code=1)
    assert said in done.out + done.err and re.search(r"saring\.yaml:2:\d+: ", done.out + done.err)


def test_an_address_that_others_reach_is_told_of(serve):
    daemon = serve(metrics="0.0.0.0:0")
    assert 'metrics.open endpoint="http://0.0.0.0:' in daemon.stderr()
    port = split(url_of(daemon))[1]
    assert answers(f"http://127.0.0.1:{port}/metrics")


# ---- bounds ----


def connect(daemon_url):
    host, port, _ = split(daemon_url)
    return socket.create_connection((host, port), timeout=DEADLINE_S)


def rest_of(s):
    """All until the other side closes."""
    data = b""
    while True:
        try:
            some = s.recv(65536)
        except ConnectionResetError:
            return data
        if not some:
            return data
        data += some


def exchange(url, data):
    with connect(url) as s:
        s.sendall(data)
        return rest_of(s)


def test_methods_and_paths(serve):
    url = url_of(serve())
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"):
        status, headers, _ = get(url, method=method)
        assert status == 405 and headers["allow"] == "GET, HEAD", method
    assert get(url, method="POST", body=b"x" * 100)[0] == 405
    for path in ("/metric", "/metrics/", "/metrics/..", "/../../etc/passwd", "/%6detrics/x"):
        assert get(url, path=path)[0] == 404, path
    assert get(url, path="/metrics?collect[]=x")[0] == 200
    status, headers, body = get(url, path="/")
    assert status == 200 and b'href="/metrics"' in body and headers["content-type"].startswith("text/html")
    status, headers, body = get(url, method="HEAD")
    assert status == 200 and body == b"" and int(headers["content-length"]) > 10000 and headers["content-type"] == PLAIN


def test_one_request_for_each_connection(serve):
    """HTTP/1.0 or 1.1, and whatever is said of keeping the connection: what comes behind the first request is not answered."""
    url = url_of(serve())
    one = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\n\r\n"
    for data in (one, one * 5, b"GET / HTTP/1.0\r\n\r\n", b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" * 2):
        got = exchange(url, data)
        assert got.count(b"200 OK") == 1 and b"Connection: close" in got and got.endswith(b"</html>\n"), data


@pytest.mark.parametrize("data", [
    b"\0" * 100 + b"\r\n\r\n", b"garbage\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 20 + b"\n\n",
    b"GET / HTTP/1.1\r\nnocolon\r\n\r\n", b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n",
    b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    b"POST /metrics HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n", b"FROB / HTTP/1.1\r\nHost: x\r\n\r\n"])
def test_garbage(serve, data):
    daemon = serve()
    url = url_of(daemon)
    with connect(url) as s:
        s.sendall(data)
        s.shutdown(socket.SHUT_WR)
        got = rest_of(s)
    assert got == b"" or re.match(rb"HTTP/1\.[01] [45]\d\d ", got), got
    assert answers(url) and blocked(ask(daemon, "ads.example"))


def test_a_huge_head_is_refused(serve):
    daemon = serve()
    url = url_of(daemon)
    for data in (b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 50000 + b"\r\n",
                 b"GET / HTTP/1.1\r\nX: " + b"y" * (1 << 20)):
        with connect(url) as s:
            try:
                s.sendall(data)
            except OSError:
                pass  # refused before it was all sent
            got = rest_of(s)
        assert b"200 OK" not in got and len(got) < 1000
    assert answers(url)


def test_a_client_that_drips_is_cut(serve):
    """A byte now and then is no life: the time is from the beginning, and for all of it."""
    daemon = serve()
    url = url_of(daemon)
    head = b"GET /metrics HTTP/1.1\r\nHost: x\r\nX-Filler: " + b"a" * 100000
    end = time.monotonic() + DEADLINE_S
    with connect(url) as s:
        for byte in head:
            readable, _, _ = select.select([s], [], [], 0.1)  # returns at once when it is cut
            if readable:
                break
            assert time.monotonic() < end, "it was let drip on"
            s.send(bytes([byte]))
        assert rest_of(s) == b""
    assert figures(daemon)("saring_metrics_overdue_total") == 1
    assert blocked(ask(daemon, "ads.example"))


def test_a_client_that_does_not_read_is_cut(serve):
    lists = {f"list-{i:04}-with-a-name-that-fills-the-buffers-of-the-kernel": f"n{i}.example\n" for i in range(400)}
    daemon = serve(lists=lists)
    url = url_of(daemon)
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.settimeout(DEADLINE_S)
        s.connect(split(url)[:2])
        s.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        eventually(lambda: figures(daemon)("saring_metrics_overdue_total") == 1 or None, "it is cut", timeout_s=DEADLINE_S)
        assert figures(daemon)("saring_metrics_connections") == 1


def test_too_many_connections(serve):
    daemon = serve()
    url = url_of(daemon)
    kept = [connect(url) for _ in range(CONNECTIONS)]
    further = [connect(url) for _ in range(40)]
    for s in further:
        assert rest_of(s) == b""
        s.close()
    assert blocked(ask(daemon, "ads.example"))
    kept.pop().close()

    def scraped():
        try:
            return figures(daemon)
        except (OSError, AssertionError):
            return None

    told = eventually(scraped, "there is room again")
    assert told("saring_metrics_refused_total") >= 40 and told("saring_metrics_connections") == CONNECTIONS
    for s in kept:  # those that were first were not put out
        s.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert b"200 OK" in rest_of(s)
        s.close()
    assert eventually(lambda: figures(daemon)("saring_metrics_connections") == 1, "all are gone")


def test_connections_that_end_leave_nothing(serve):
    daemon = serve()
    url = url_of(daemon)
    fds = figures(daemon)("process_open_fds")
    for i in range(200):
        with connect(url) as s:
            s.sendall((b"GET /metrics HTTP/1.1\r\n", b"", b"GET / HTTP/1.0\r\n\r\n", b"nonsense\r\n\r\n")[i % 4])
            if i % 4 >= 2:
                rest_of(s)
    assert eventually(lambda: figures(daemon)("process_open_fds") <= fds + 1, "descriptors came back")


def test_stopping_with_clients_half_way(serve):
    daemon = serve()
    url = url_of(daemon)
    waiting = [connect(url) for _ in range(5)]
    waiting[0].sendall(b"GET /metr")
    daemon.stop()
    for s in waiting:
        assert rest_of(s) == b""
        s.close()


# ---- a real Prometheus ----


def dashboard_expressions():
    """What the dashboard asks, its variables put in."""
    dashboard = json.loads((SOURCE / "tools/dashboard/saring.json").read_text())
    texts = [t["expr"] for p in dashboard["panels"] for t in p.get("targets", [])] + [a["expr"] for a in dashboard["annotations"]["list"]]
    assert len(texts) > 40
    return [re.sub(r"\$__\w+", "1m", re.sub(r"\$(job|instance)", ".*", text)) for text in texts]


@needs_prometheus
def test_prometheus_scrapes_it(serve, home):
    daemon = serve()
    for i in range(20):
        ask(daemon, "ads.example" if i % 2 else f"n{i}.example")
    folder = home / "prometheus"
    folder.mkdir()
    prometheus = Prometheus(folder, url_of(daemon), rules=SOURCE / "tools/dashboard/saring.rules.yml")
    try:
        target = eventually(prometheus.target, "it was scraped", timeout_s=60)
        assert (target["health"], target["lastError"]) == ("up", "")
        queries = daemon.queries()

        def same():
            told = prometheus.query("sum by (verdict) (saring_queries_total)")
            return told == {(("verdict", v),): queries[v] for v in VERDICTS}

        eventually(same, "what it has is what status says", timeout_s=60)
        assert prometheus.query("up") == {(): 1} or list(prometheus.query("up").values()) == [1.0]
        assert list(prometheus.query("sum(saring_queries_received_total)").values()) == [queries["total"]]
        assert list(prometheus.query("scrape_samples_scraped").values()) == [len(figures(daemon).samples)]
        quantile = "histogram_quantile(0.99, sum by (le) (saring_query_duration_seconds_bucket))"
        assert list(prometheus.query(quantile).values())[0] > 0
        for expression in dashboard_expressions():
            assert prometheus.api("query", query=expression) is not None, expression
        metadata = prometheus.api("metadata")
        assert metadata["saring_queries" if "saring_queries" in metadata else "saring_queries_total"][0]["type"] == "counter"
        rules = prometheus.api("rules")["groups"]
        assert rules and all(r["health"] in ("ok", "unknown") for g in rules for r in g["rules"])
    finally:
        prometheus.stop()


def test_it_does_not_take_long(serve):
    """1,024 lists: the main thread is held up for as long as the text is made. The bound is a hundred times what was measured."""
    lists = {f"l{i}": f"n{i}.example\n" for i in range(1024)}
    daemon = serve(lists=lists)
    figures(daemon)
    told = figures(daemon)
    print("seconds:", told("saring_metrics_build_seconds"), "bytes:", len(told.text))
    assert len(told.by("saring_list_entries", "list")) == 1024
    assert told("saring_metrics_build_seconds") < (5 if sanitized() else 1)
