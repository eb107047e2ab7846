# SPDX-License-Identifier: BSD-2-Clause
"""The query log: what is in its file, how big it gets, what privacy leaves out; and that nothing which happens to the file or its disk
touches serving: full, read-only, damaged, deleted, locked, failing at any call."""
import grp
import os
import re
import sqlite3
import stat

import pytest

from harness.ask import Load, ask, blocked, eventually, rcode_of, rrs
from harness.daemon import needs_root
from harness.faults import Faults
from harness.mounts import Tiny, own_namespace

LISTS = {"lists/l.yaml": "entries:\n  - a.example\n  - wide.example\n"}
CONFIG = {"lists": [{"name": "l", "file": "lists/l.yaml"}]}
QUESTIONS = [("a.example", "A", lambda m: rcode_of(m) == 3), ("open.example", "A", lambda m: rcode_of(m) == 0)]


def queries(file, **more):
    return {"log": {"queries": {"enabled": True, "file": str(file), **more}}}


@pytest.fixture
def logging(saringd, fake, home):
    """A daemon that logs to a folder of its own: logging(max-size=...)."""
    def make(start=True, log=None, env=None, **more):
        (home / "log").mkdir(exist_ok=True)
        config = queries(home / "log/q.db", **more)
        config["log"].update(log or {})
        daemon = saringd({"upstream": {"servers": [fake().endpoint]}, **CONFIG, **config}, LISTS, start=start, env=env)
        daemon.db = home / "log/q.db"
        return daemon
    return make


def state(daemon):
    return daemon.status()["query_log"]


def written(daemon, count):
    eventually(lambda: state(daemon)["written"] >= count, f"{count} rows are written", timeout_s=60)
    return state(daemon)


def rows(file, what="name, type, fate, rcode, blocked, list, entry", where="1"):
    with sqlite3.connect(file, timeout=30) as db:
        return db.execute(f"SELECT {what} FROM queries WHERE {where} ORDER BY id").fetchall()


def test_what_is_in_it(logging):
    daemon = logging()
    assert blocked(ask(daemon, "a.example"))
    assert rrs(ask(daemon, "open.example"))
    assert rrs(ask(daemon, "open.example", "A", tcp=True))
    assert blocked(ask(daemon, "x.wide.example", "AAAA"))
    got = written(daemon, 4)
    assert got["enabled"] and got["rows"] == 4 and got["dropped"] == 0 and got["error"] == "" and got["bytes"] > 0, got
    assert rows(daemon.db) == [
        ("a.example", "A", "blocked", "NXDOMAIN", 1, "l", "a.example"),
        ("open.example", "A", "forwarded", "NOERROR", 0, None, None),
        ("open.example", "A", "cached", "NOERROR", 0, None, None),
        ("x.wide.example", "AAAA", "blocked", "NXDOMAIN", 1, "l", "wide.example")]
    assert rows(daemon.db, "client, transport, verdict") == [
        ("127.0.0.1", "udp", "blocked"), ("127.0.0.1", "udp", None), ("127.0.0.1", "tcp", None), ("127.0.0.1", "udp", "blocked")]
    (upstream,) = rows(daemon.db, "upstream", "fate = 'forwarded'")[0]
    assert re.fullmatch(r"(dns://)?127\.0\.0\.1:\d+", upstream), upstream
    (time, port, took), *_ = rows(daemon.db, "time, port, took_ms")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", time) and port > 0 and took >= 0
    assert stat.S_IMODE(daemon.db.stat().st_mode) == 0o640
    text = daemon.ctl("status").out
    assert re.search(r"query log +4 rows, ", text), text


def test_off_on_and_changed_by_reload(logging, home):
    daemon = logging(enabled=False)
    ask(daemon, "before.example")
    assert not state(daemon)["enabled"]

    def change(**how):
        daemon.configure(log={"queries": {"enabled": True, "file": str(daemon.db), **how}})
        daemon.ctl("reload")

    change()
    ask(daemon, "one.example")
    change(file=str(home / "log/other.db"))
    ask(daemon, "two.example")
    change(**{"blocked-only": True})
    ask(daemon, "three.example")
    ask(daemon, "a.example")
    change(enabled=False)
    ask(daemon, "after.example")
    written(daemon, 3)
    assert not state(daemon)["enabled"]
    assert [r[0] for r in rows(daemon.db)] == ["one.example", "a.example"]
    assert [r[0] for r in rows(home / "log/other.db")] == ["two.example"]
    assert not os.path.exists(home / "d0/state/queries.db")


@pytest.mark.parametrize("privacy,client,port", [("full", "127.0.0.1", True), ("anonymous", "127.0.0.0", False), ("names", None, False)])
def test_privacy(logging, privacy, client, port):
    daemon = logging(log={"privacy": privacy})
    ask(daemon, "a.example")
    written(daemon, 1)
    assert rows(daemon.db, "name, client, port IS NOT NULL") == [("a.example", client, port)]
    daemon.stop()
    if privacy != "full":
        assert b"127.0.0.1" not in b"".join(p.read_bytes() for p in daemon.db.parent.iterdir())


def test_each_query_by_the_privacy_it_was_asked_under(logging):
    """However close the reload comes behind it."""
    daemon = logging(log={"privacy": "none"})
    kinds = {"none": 0, "full": 0, "names": 0}  # and how many were asked
    for i in range(15):
        kind = list(kinds)[i % len(kinds)]
        daemon.configure(log={"privacy": kind, "queries": {"enabled": True, "file": str(daemon.db)}})
        daemon.ctl("reload")
        ask(daemon, f"{kind}{i}.example")
        kinds[kind] += 1
    written(daemon, kinds["full"] + kinds["names"])
    found = rows(daemon.db, "name, client")
    assert len(found) == kinds["full"] + kinds["names"]
    assert all(client == (None if name.startswith("names") else "127.0.0.1") for name, client in found), found
    assert not any(name.startswith("none") for name, _ in found)


def test_a_stop_writes_what_waits_and_a_start_goes_on(logging):
    daemon = logging()
    ask(daemon, "one.example")
    daemon.stop()
    assert [r[0] for r in rows(daemon.db)] == ["one.example"]
    daemon.start()
    ask(daemon, "two.example")
    written(daemon, 1)
    assert state(daemon)["rows"] == 2
    daemon.kill()  # a crash leaves a file that is whole
    daemon.start()
    ask(daemon, "three.example")
    written(daemon, 1)
    assert [r[0] for r in rows(daemon.db)] == ["one.example", "two.example", "three.example"]
    with sqlite3.connect(daemon.db) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_retention(logging):
    """By age, at an edge that a wall clock of the past puts rows behind."""
    daemon = logging(retention="1h")
    ask(daemon, "new.example")
    written(daemon, 1)
    with sqlite3.connect(daemon.db, timeout=30) as db:
        (newest,) = db.execute("SELECT max(id) FROM log").fetchone()
        db.execute("INSERT INTO log(id, blocked, took_us) VALUES(?, 0, 0)", (newest - 3600_000_000 - 1,))
        db.execute("INSERT INTO log(id, blocked, took_us) VALUES(?, 0, 0)", (newest - 3000_000_000,))
    eventually(lambda: len(rows(daemon.db)) == 2, "the row of an hour ago is removed", timeout_s=60)


@pytest.fixture(scope="module")
def mounts():
    own_namespace()


@pytest.fixture
def tiny(mounts, home):
    one = Tiny(home / "log", kib=65536)
    yield one
    one.umount()


@pytest.fixture(params=["full", "read-only"])
def trouble(request):
    return {"full": (Tiny.fill, Tiny.empty), "read-only": (Tiny.read_only, lambda t: t.read_only(False))}[request.param]


def test_a_disk_that_is_full(tiny, logging):
    begin, end = Tiny.fill, Tiny.empty
    daemon = logging()
    ask(daemon, "before.example")
    written(daemon, 1)
    with Load(daemon, QUESTIONS, clients=2) as load:
        begin(tiny)
        eventually(lambda: state(daemon)["error"] != "", "the failure is told", timeout_s=60)
        load.reach(200)  # Load judges each answer
        assert daemon.stderr().count("querylog.failed") >= 1
        assert re.search(r"query log.*\n.*(full|I/O)", daemon.ctl("status").out)
        end(tiny)
        eventually(lambda: state(daemon)["error"] == "", "it is written again", timeout_s=60)
    assert "querylog.resumed" in daemon.stderr()
    ask(daemon, "after.example")
    eventually(lambda: rows(daemon.db, where="name = 'after.example'"), "what came after is in it", timeout_s=60)
    assert rows(daemon.db, where="name = 'before.example'")


def test_a_start_with_a_disk_that_cannot_be_written(tiny, logging, trouble):
    begin, end = trouble
    begin(tiny)
    daemon = logging()
    assert blocked(ask(daemon, "a.example"))
    eventually(lambda: state(daemon)["error"] != "", "the failure is told", timeout_s=60)
    assert str(daemon.db) in state(daemon)["error"]
    end(tiny)
    written(daemon, 1)
    assert [r[0] for r in rows(daemon.db)] == ["a.example"]


def test_a_damaged_file(logging):
    daemon = logging(start=False)
    noise = bytes(range(256)) * 100
    daemon.db.write_bytes(noise)
    daemon.start()
    ask(daemon, "a.example")
    written(daemon, 1)
    assert (daemon.db.parent / "q.db.damaged").read_bytes() == noise
    assert daemon.stderr().count("querylog.begun_anew") == 1
    assert [r[0] for r in rows(daemon.db)] == ["a.example"]


def test_a_file_damaged_while_it_is_written(logging):
    daemon = logging()
    ask(daemon, "a.example")
    written(daemon, 1)
    with sqlite3.connect(daemon.db, timeout=30) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with open(daemon.db, "r+b") as file:
        size = file.seek(0, 2)
        file.seek(4096)
        file.write(b"\xa5" * (size - 4096))
    daemon.stop()
    daemon.start()
    ask(daemon, "open.example")
    written(daemon, 1)
    assert daemon.stderr().count("querylog.begun_anew") == 1
    assert [r[0] for r in rows(daemon.db)] == ["open.example"]


def test_a_deleted_file(logging):
    daemon = logging()
    ask(daemon, "one.example")
    written(daemon, 1)
    for path in list(daemon.db.parent.iterdir()):
        path.unlink()
    ask(daemon, "two.example")
    written(daemon, 2)
    assert [r[0] for r in rows(daemon.db)] == ["two.example"]
    assert daemon.stderr().count("querylog.gone") == 1


def test_a_file_of_somebody_else(logging):
    daemon = logging(start=False)
    with sqlite3.connect(daemon.db) as db:
        db.execute("CREATE TABLE recipes(dish)")
    before = daemon.db.read_bytes()
    daemon.start()
    assert blocked(ask(daemon, "a.example"))
    eventually(lambda: "no query log of saring" in state(daemon)["error"], "it says so", timeout_s=60)
    assert daemon.db.read_bytes() == before


def test_locked_by_another(logging):
    daemon = logging()
    ask(daemon, "one.example")
    written(daemon, 1)
    db = sqlite3.connect(daemon.db, timeout=30, isolation_level=None)
    db.execute("BEGIN IMMEDIATE")
    ask(daemon, "two.example")
    eventually(lambda: "locked" in state(daemon)["error"], "it says that it is locked", timeout_s=60)
    assert blocked(ask(daemon, "a.example"))
    db.execute("ROLLBACK")
    db.close()
    written(daemon, 3)
    assert [r[0] for r in rows(daemon.db)] == ["one.example", "two.example", "a.example"]


@pytest.mark.parametrize("error", ["ENOSPC", "EIO"])
def test_a_disk_that_fails_at_any_call(logging, home, error):
    faults = Faults(home)
    try:
        daemon = logging(env=faults.env)
        ask(daemon, "zero.example")
        written(daemon, 1)
        count = 1
        for at in range(1, 8):
            faults.fail("saringd", at, error, once=True)
            count += 1
            assert rrs(ask(daemon, f"n{at}.example"))
            written(daemon, count)
            faults.clear()
        assert state(daemon)["dropped"] == 0
        assert len(rows(daemon.db, "name", "name LIKE 'n%.example'")) == 7
        with sqlite3.connect(daemon.db, timeout=30) as db:
            assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    finally:
        faults.close()


@needs_root
def test_whose_it_is(saringd, fake, home):
    """The daemon's user's, and readable by control.group when the user is in it."""
    from harness.daemon import Saringd
    os.chmod(home, 0o755)
    folder = home / "own"
    folder.mkdir()
    os.chmod(folder, 0o755)
    (folder / "lists").mkdir()
    (folder / "lists/l.yaml").write_text(LISTS["lists/l.yaml"])
    group = grp.getgrgid(65534).gr_name
    daemon = Saringd(folder, {"upstream": {"servers": [fake().endpoint]}, "user": "nobody", "control": {"socket": "run/c.sock", "group": group},
                              "log": {"queries": {"enabled": True}}, **CONFIG})
    daemon.copy_binaries(folder / "bin")
    daemon.start(env={"ASAN_OPTIONS": "detect_leaks=0"})
    try:
        ask(daemon, "a.example")
        written(daemon, 1)
        for name in ("queries.db", "queries.db-wal", "queries.db-shm"):
            st = (folder / "state" / name).stat()
            assert (stat.S_IMODE(st.st_mode), st.st_uid, st.st_gid) == (0o640, 65534, 65534), name
        assert rows(folder / "state/queries.db")[0][0] == "a.example"
    finally:
        daemon.stop()


def test_saringctl_reads_it(logging):
    """With --since, with or without the daemon."""
    daemon = logging()
    for name in ("a.example", "open.example", "x.open.example", "other.example"):
        ask(daemon, name)
    written(daemon, 4)
    names = ["a.example", "open.example", "x.open.example", "other.example"]
    assert [q["name"] for q in daemon.ctl("--json", "log", "--since", "1h").json] == names
    in_memory = daemon.ctl("--json", "log").json[0]
    daemon.stop()

    def past(*args):
        return [q["name"] for q in daemon.ctl("--json", "log", *args).json]

    assert past("--since", "1h") == names
    assert past("--since", "1h", "-n", "2") == names[2:]
    assert past("--since", "1h", "--blocked") == ["a.example"]
    assert past("--since", "1h", "--name", "open.example") == ["open.example", "x.open.example"]
    assert past("--since", "1h", "--client", "127.0.0.0/8") == names
    assert past("--since", "1h", "--client", "127.0.0.2") == []
    assert past("--since", "2h", "--until", "1h") == []
    (query,) = daemon.ctl("--json", "log", "--since", "1h", "--blocked").json
    assert query.keys() == in_memory.keys() and query["stands_for"] == 1 and query["number"] is query["ttl"] is query["by_answer"] is None
    assert (query["client"], query["type"], query["fate"], query["verdict"], query["list"], query["entry"], query["rcode"]) == (
        "127.0.0.1", "A", "blocked", "blocked", "l", "a.example", "NXDOMAIN")
    assert re.search(r"127\.0\.0\.1 +a\.example +A +blocked +l +NXDOMAIN", daemon.ctl("log", "--since", "1h").out)
    assert "--follow" in daemon.ctl("log", "--since", "1h", "--follow", code=None).err
    daemon.db.unlink()
    assert "No such file" in daemon.ctl("log", "--since", "1h", code=1).err
