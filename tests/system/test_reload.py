# SPDX-License-Identifier: BSD-2-Clause
"""Reload, by the verb and by SIGHUP: the new is built beside the old, an error leaves the old serving, no query is lost."""
import signal

import pytest

from harness.ask import Load, ask, blocked, eventually, rcode, rcode_of, rrs, soa_of


@pytest.fixture
def daemon(saringd, fake):
    return saringd({"upstream": {"servers": [fake().endpoint]}, "lists": [{"name": "l", "file": "l.yaml"}]}, {"l.yaml": "entries: [a.example]\n"})


def hup(daemon):
    """SIGHUP has no answer: the notification socket says when it is over."""
    daemon.forget_notes()
    daemon.signal(signal.SIGHUP)
    assert daemon.wait_note("RELOADING=1"), "the service manager is told that it began"
    assert daemon.wait_note("MONOTONIC_USEC")
    assert daemon.wait_note("READY=1"), "and that it ended"


def verb(daemon):
    daemon.ctl("reload")


@pytest.mark.parametrize("how", [hup, verb])
def test_a_new_list_text(daemon, how):
    (daemon.home / "l.yaml").write_text("entries: [b.example]\n")
    assert blocked(ask(daemon, "a.example")), "nothing happens by itself"
    how(daemon)
    assert blocked(ask(daemon, "b.example")) and rrs(ask(daemon, "a.example")) == ["192.0.2.200"]
    assert daemon.status()["policy"]["generation"] == 2


@pytest.mark.parametrize("how", [hup, verb])
def test_new_settings(daemon, fake, how):
    other = fake()
    other.default = lambda a: [a.reply("300 A 192.0.2.201").to_wire()]
    (daemon.home / "m.yaml").write_text("entries: [m.example]\n")
    daemon.configure(upstream={"servers": [other.endpoint]}, block={"answer": "nodata", "ttl": "33s"}, cache={"size": "1MiB"},
                     lists=[{"name": "l", "file": "l.yaml"}, {"name": "m", "file": "m.yaml", "answer": "refused"}])
    how(daemon)
    reply = ask(daemon, "a.example")
    assert rcode(reply) == "NOERROR" and not reply.answer and soa_of(reply)[1:] == (33, 33)
    assert rcode(ask(daemon, "m.example")) == "REFUSED"
    assert rrs(ask(daemon, "fresh.example")) == ["192.0.2.201"]
    status = daemon.status()
    assert status["cache"]["limit_bytes"] == 1024 * 1024 and [u["server"] for u in status["upstream"]] == [other.endpoint]
    assert status["policy"]["lists"] == 2


def test_the_cache_survives(daemon):
    ask(daemon, "x.example")
    daemon.ctl("reload")
    ask(daemon, "x.example")
    assert daemon.queries()["cached"] == 1, "a reload forgets nothing that upstreams said"


@pytest.mark.parametrize("broken", ["list", "settings", "both", "gone"])
def test_an_error_leaves_the_old_serving(daemon, broken):
    config = daemon.config_path.read_text()
    if broken in ("list", "both"):
        (daemon.home / "l.yaml").write_text("entries:\n  - b.example\n  - c..d\n  - e..f\n")
    if broken in ("settings", "both"):
        daemon.config_path.write_text(config + "listn: 1\nblock: {answer: nothing}\n")
    if broken == "gone":
        (daemon.home / "l.yaml").unlink()
    result = daemon.ctl("reload", code=1)
    line = len(config.splitlines()) + 1
    for place in {"list": ["l.yaml:3:5: ", "l.yaml:4:5: "], "settings": [f"saring.yaml:{line}:1: ", f"saring.yaml:{line + 1}:17: "],
                  "both": [f"saring.yaml:{line}:1: "], "gone": ["l.yaml"]}[broken]:
        assert place in result.err, f"{place} in {result}"
    hup(daemon)
    assert daemon.process.poll() is None
    assert ("l.yaml:3:5: " in daemon.stderr()) == (broken == "list"), "the log has the place too"
    assert blocked(ask(daemon, "a.example")) and rrs(ask(daemon, "b.example")) == ["192.0.2.200"]
    assert daemon.status()["policy"]["generation"] == 1
    # and it is not stuck: what is mended is taken
    (daemon.home / "l.yaml").write_text("entries: [b.example]\n")
    daemon.config_path.write_text(config)
    daemon.ctl("reload")
    assert blocked(ask(daemon, "b.example"))


def test_what_needs_a_restart_is_said(daemon):
    listen, workers = daemon.status()["listen"], daemon.status()["workers"]
    daemon.configure(workers=workers + 1, listen=["dns://127.0.0.1:0"], lists=[{"name": "l", "file": "l.yaml", "mode": "off"}])
    result = daemon.ctl("reload")
    assert "restart" in result.out + result.err and "workers" in result.out + result.err
    assert daemon.status()["workers"] == workers and daemon.status()["listen"] == listen
    assert rrs(ask(daemon, "a.example")) == ["192.0.2.200"], "the rest is taken"
    told = daemon.ctl("--json", "reload").json
    assert "workers" in told["restart_needed"]


def test_reloads_at_once(daemon):
    """Ten askers, far fewer compilations, everyone told the truth."""
    import concurrent.futures
    (daemon.home / "l.yaml").write_text("entries: [b.example]\n")
    with concurrent.futures.ThreadPoolExecutor(10) as pool:
        told = list(pool.map(lambda _: daemon.ctl("--json", "reload").json, range(10)))
    assert blocked(ask(daemon, "b.example"))
    assert daemon.status()["policy"]["generation"] == max(t["generation"] for t in told) <= 11


def test_a_reload_during_a_reload_sees_the_newest(daemon):
    """Text written before the command began is in force when it returns, whatever was under way."""
    import concurrent.futures
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for i in range(6):
            (daemon.home / "l.yaml").write_text(f"entries: [v{i}.example]\n")
            jobs = [pool.submit(daemon.ctl, "reload") for _ in range(2)]
            daemon.ctl("reload")
            assert blocked(ask(daemon, f"v{i}.example"))
            for job in jobs:
                job.result()


def test_no_query_is_lost(daemon, fake):
    other = fake()
    questions = [("a.example", "A", lambda m: rcode_of(m) == 3), ("open.example", "A", lambda m: rcode_of(m) == 0),
                 *((f"n{i}.example", "A", lambda m: rcode_of(m) == 0) for i in range(50))]
    with Load(daemon, questions) as load:
        for i in range(6):
            daemon.configure(upstream={"servers": [other.endpoint]} if i % 2 == 0 else {"servers": [daemon.config["upstream"]["servers"][0]]})
            (hup if i % 2 else verb)(daemon)
            daemon.ctl("cache", "flush")
            load.reach(100)
    assert load.asked >= 600


def test_upstream_changes_under_way(daemon, fake):
    """An ask that began with the old servers ends with them."""
    import concurrent.futures
    import threading
    gate = threading.Event()
    slow = fake(lambda a: gate.wait(60) and [a.reply("300 A 192.0.2.55").to_wire()])
    daemon.configure(upstream={"servers": [slow.endpoint], "timeout": "30s"})
    daemon.ctl("reload")
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        job = pool.submit(ask, daemon, "slow.example", timeout=60)
        eventually(lambda: slow.asked("slow.example"), "it is under way")
        daemon.configure(upstream={"servers": [fake().endpoint]})
        daemon.ctl("reload")
        assert rrs(ask(daemon, "quick.example")) == ["192.0.2.200"]
        gate.set()
        assert rrs(job.result()) == ["192.0.2.55"]


def test_counters_of_lists_survive(daemon):
    ask(daemon, "a.example")
    eventually(lambda: daemon.queries()["blocked"] == 1, "counted")
    (daemon.home / "m.yaml").write_text("entries: [m.example]\n")
    daemon.configure(lists=[{"name": "m", "file": "m.yaml"}, {"name": "l", "file": "l.yaml"}])
    daemon.ctl("reload")
    ask(daemon, "m.example")
    ask(daemon, "m.example")
    eventually(lambda: daemon.queries()["blocked"] == 3, "counted")
    assert {one["name"]: one["blocked"] for one in daemon.ctl("--json", "list").json} == {"m": 2, "l": 1}
