# SPDX-License-Identifier: BSD-2-Clause
"""The audit log of a real daemon: every change leaves its record, with whoever the kernel says it was; what nobody announced is recorded
as that; nothing can be altered, left out, put in or cut off without being found at its place; and no disk keeps a change from being made."""
import hashlib
import json
import os
import pwd
import re
import signal
import socket
import struct
import subprocess
import threading

import pytest

from harness.ask import ask, blocked, eventually, rrs
from harness.daemon import Saringd, needs_root
from harness.faults import Faults
from harness.mounts import Tiny, in_thread, own_namespace, proc_hidden
from harness.web import Reply, Web

LISTS = {"house.yaml": "authority: Ministry\nreason: r\nentries:\n  - a.example\n  - b.example\n  - c.example\n",
         "hosts.txt": "0.0.0.0 ads.example\n0.0.0.0 more.example\n"}
CONFIG = {"lists": [{"name": "house", "file": "house.yaml"}, {"name": "hosts", "file": "hosts.txt", "format": "hosts"}]}
ME = os.geteuid()


@pytest.fixture
def daemon(saringd, fake):
    return saringd({"upstream": {"servers": [fake().endpoint]}, **CONFIG}, LISTS)


def folder(daemon):
    return daemon.home / "state/audit"


def records(daemon, *args):
    return daemon.ctl("--json", "audit", *args).json


def last(daemon, verb=None):
    found = [r for r in records(daemon) if verb is None or r["verb"] == verb]
    return found[-1]


def verify(daemon, *path, code=0):
    return daemon.ctl("--json", "audit", "verify", *path, code=code).json


def lines(daemon, file="audit.jsonl"):
    return (folder(daemon) / file).read_bytes().splitlines(keepends=True)


def put(daemon, content, file="audit.jsonl"):
    (folder(daemon) / file).write_bytes(b"".join(content) if isinstance(content, list) else content)


def damages(daemon, code=1):
    return [(d["kind"], os.path.basename(d["file"] or ""), d["line"], d["seq"]) for d in verify(daemon, code=code)["damages"]]


def control(daemon, verb, /, **args):
    """A request as any program may send it."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
        s.settimeout(60)
        s.connect(str(daemon.socket_path))
        body = json.dumps({"version": 1, "verb": verb, "args": args}).encode()
        s.sendall(struct.pack("!I", len(body)) + body)
        stream = s.makefile("rb")
        reply = json.loads(stream.read(struct.unpack("!I", stream.read(4))[0]))
    assert reply["ok"], reply
    return reply["result"]


def grow(daemon, count, size):
    """As if the daemon had written so many records more; it is stopped."""
    prev, seq = json.loads(lines(daemon)[-1])["hash"], len(lines(daemon))
    with (folder(daemon) / "audit.jsonl").open("ab") as file:
        for _ in range(count):
            seq += 1
            text = json.dumps({"seq": seq, "time": "2026-01-01T00:00:00.000Z", "verb": "padding", "detail": "x" * size,
                               "prev": prev}, separators=(",", ":"))[:-1].encode()
            prev = hashlib.sha256(text).hexdigest()
            file.write(text + b',"hash":"' + prev.encode() + b'"}\n')
    head = json.loads((folder(daemon) / "head.json").read_text())
    (folder(daemon) / "head.json").write_text(json.dumps({**head, "seq": seq, "hash": prev}))
    assert verify(daemon)["ok"]


def change_of(record, name):
    return next(c for c in record["lists"] if c["list"] == name)


# every verb

CHANGES = [
    # command, verb, list, names, of the list's change
    (["list", "add", "house", "New.example.", "--reason", "why", "--reference", "T-1"], "list add", "house", ["new.example"],
     {"added": 1, "removed": 0, "lifted": 0}),
    (["list", "lift", "house", "a.example", "b.example", "--reason", "order withdrawn"], "list lift", "house", ["a.example", "b.example"],
     {"added": 0, "lifted": 2}),
    (["list", "add", "house", "a.example"], "list add", "house", ["a.example"], {"added": 0, "restored": 1}),
    (["list", "remove", "house", "c.example", "--reference", "T-2"], "list remove", "house", ["c.example"], {"removed": 1, "added": 0}),
    (["list", "lift", "house"], "list lift", "house", [], {"lifted": 4}),
    (["list", "mode", "hosts", "shadow", "--reason", "on trial"], "list mode", "hosts", [], {"mode": {"before": "enforce", "after": "shadow"}}),
    (["list", "mode", "hosts", "off"], "list mode", "hosts", [], {"mode": {"before": "shadow", "after": "off"}}),
    (["list", "mode", "hosts", "enforce"], "list mode", "hosts", [], {"mode": {"before": "off", "after": "enforce"}}),
    (["reload", "--reason", "to see"], "reload", None, [], None),
    (["cache", "flush", "x.example", "--reference", "T-3"], "cache flush", None, ["x.example"], None),
    (["cache", "flush"], "cache flush", None, [], None),
]


def test_every_verb_leaves_its_record(daemon):
    (daemon.home / "more.txt").write_text("0.0.0.0 i1.example\n0.0.0.0 i2.example\n")
    more = [(["list", "import", "house", "more.txt", "--reason", "taken over"], "list import", "house", ["i1.example", "i2.example"],
             {"added": 2})]
    start = records(daemon)
    assert [r["verb"] for r in start] == ["start"] and set(start[0]["baseline"]) == {"house", "hosts"}
    before = start[0]
    for command, verb, name, names, change in more + CHANGES:
        generation = daemon.status()["policy"]["generation"]
        daemon.ctl(*command)
        record = records(daemon)[-1]
        assert record["seq"] == before["seq"] + 1, f"{command}: exactly one"
        assert (record["verb"], record["list"], record["names"], record["name_count"]) == (verb, name, names, len(names)), record
        said = {option: command[command.index(f"--{option}") + 1] if f"--{option}" in command else None for option in ("reason", "reference")}
        assert {k: record[k] for k in said} == said, command
        assert (record["by"], record["uid"], record["outcome"]) == ("control", ME, "ok"), command
        assert 0 < record["effect_ms"] < 60000 and record["pid"] > 0
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", record["time"])
        assert record["prev"] == before["hash"]
        if change is not None:
            mine = change_of(record, name)
            assert {k: mine[k] for k in change} == change, record
            assert "beyond" not in record or not names
            assert record["policy"]["before"] != record["policy"]["after"]
            assert record["generation"] == generation + 1
        before = record
    assert records(daemon)[-1]["flushed"] >= 0 and records(daemon)[-1]["target"] is None
    assert verify(daemon)["records"] == before["seq"]


def test_who_it_was(daemon):
    """The kernel says who; on whose behalf, the login session does; the command line says nothing of it."""
    daemon.ctl("list", "add", "house", "x.example")
    record = last(daemon)
    assert record["login"] == subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()
    login_uid = open("/proc/self/loginuid", encoding="ascii").read().strip() if os.path.exists("/proc/self/loginuid") else ""
    if login_uid in ("", "4294967295", str(ME)):
        assert record["on_behalf_of"] is None
    else:
        assert record["on_behalf_of"]["uid"] == int(login_uid)


@needs_root
def test_who_it_was_where_others_are_hidden(home, fake):
    """ProtectProc=invisible: the daemon, which is not root, sees no other user's processes. Whose login it was saringctl says then."""
    nobody, somebody = pwd.getpwnam("nobody"), pwd.getpwnam("daemon")
    login = "/proc/self/loginuid"
    if not os.path.exists(login) or open(login, encoding="ascii").read().strip() != "4294967295":
        pytest.skip("the kernel keeps no login, or this session has one")
    home.chmod(0o755)
    daemon = Saringd(home, {"upstream": {"servers": [fake().endpoint]}, "user": "nobody", "state": "var/state", "control": {"socket": "run/c.sock"},
                            **CONFIG}, LISTS)
    daemon.copy_binaries(home / "bin")
    daemon.socket_path = home / "run/c.sock"
    in_thread(lambda: (own_namespace(), proc_hidden(), daemon.start(env={"ASAN_OPTIONS": "detect_leaks=0"})))
    try:
        assert os.stat(f"/proc/{daemon.process.pid}").st_uid == nobody.pw_uid
        ctl = f"echo {somebody.pw_uid} > {login} && exec {daemon.binaries}/saringctl -c {daemon.config_path} list add house said.example"
        done = subprocess.run(["sh", "-c", ctl], cwd=home, env=daemon.environment(), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        record = last(daemon)
        assert (record["uid"], record["login"]) == (0, "root"), "this the kernel says"
        assert record["on_behalf_of"] == {"uid": somebody.pw_uid, "login": "daemon", "said": True}
        assert "daemon" in daemon.ctl("audit", "-n", "1").out
        # nobody's login: nothing is made of it
        daemon.ctl("list", "add", "house", "unsaid.example")
        assert last(daemon)["on_behalf_of"] is None
    finally:
        daemon.stop()


def test_what_failed_is_recorded(daemon):
    (daemon.home / "house.yaml").write_text("entries: [\n")
    daemon.ctl("reload", "--reason", "oops", code=1)
    record = last(daemon)
    assert (record["verb"], record["outcome"], record["reason"]) == ("reload", "error", "oops")
    assert "error" in record["error"] and "effect_ms" not in record and "policy" not in record
    assert verify(daemon)["ok"]


def test_sighup(daemon):
    daemon.signal(signal.SIGHUP)
    assert eventually(lambda: last(daemon)["verb"] == "reload", "the record of the reload")
    record = last(daemon)
    assert (record["by"], record["uid"], record["login"], record["pid"]) == ("signal", None, None, None)


def test_start_and_stop(daemon):
    daemon.stop()
    daemon.start()
    verbs = [r["verb"] for r in records(daemon)]
    assert verbs == ["start", "stop", "start"]
    assert records(daemon)[-1]["stopped_cleanly"] is True and "baseline" not in records(daemon)[-1]
    daemon.kill()
    daemon.start()
    assert last(daemon)["stopped_cleanly"] is False
    assert verify(daemon)["ok"]


def test_the_hash_is_sha256sum(daemon):
    """Anybody can check a record without saring."""
    daemon.ctl("list", "add", "house", "x.example")
    before = "0" * 64
    for line in lines(daemon):
        text = re.sub(rb',"hash":"[0-9a-f]*"}$', b"", line.rstrip(b"\n"))
        record = json.loads(line)
        assert hashlib.sha256(text).hexdigest() == record["hash"] and record["prev"] == before
        before = record["hash"]
    assert f"audit.head seq={json.loads(lines(daemon)[-1])['seq']} hash={before}" in daemon.stderr()
    assert last(daemon)["policy"]["after"] is not None
    config = hashlib.sha256(daemon.config_path.read_bytes()).hexdigest()
    assert records(daemon)[0]["config"]["after"] == config


def test_many_names_are_bounded(daemon):
    names = [f"n{i}.example" for i in range(1500)]
    daemon.ctl("list", "add", "house", *names)
    record = last(daemon)
    assert record["name_count"] == 1500 and record["names"] == names[:1000]
    change = change_of(record, "house")
    assert change["added"] == 1500 and change["names"]["added"] == names[:100]


# what nobody announced

def test_edits_by_hand(daemon):
    path = daemon.home / "house.yaml"
    path.write_text(path.read_text().replace("  - b.example\n", "  - by.hand.example\n"))
    daemon.ctl("reload")
    reload, found = records(daemon)[-2:]
    assert reload["verb"] == "reload" and found["verb"] == "unannounced"
    assert (found["by"], found["uid"], found["list"], found["file"]) == ("file", None, "house", str(path))
    assert found["owner"]["uid"] == path.stat().st_uid and found["mtime"].startswith("20")
    change = change_of(found, "house")
    assert (change["added"], change["removed"]) == (1, 1)
    assert change["names"]["added"] == ["by.hand.example"] and change["names"]["removed"] == ["b.example"]


def test_edits_by_hand_that_ride_along(daemon):
    """Somebody wrote into the file; somebody else's announced edit puts it in force."""
    path = daemon.home / "house.yaml"
    path.write_text(path.read_text() + "  - hidden.example\n")
    daemon.ctl("list", "add", "house", "open.example")
    record = last(daemon)
    assert record["names"] == ["open.example"] and record["beyond"] == ["hidden.example"]
    (daemon.home / "hosts.txt").write_text("0.0.0.0 other.example\n")  # and another list
    daemon.ctl("list", "add", "house", "third.example")
    assert eventually(lambda: last(daemon)["verb"] == "unannounced", "the record of the edit by hand", 20)
    assert last(daemon)["list"] == "hosts" and change_of(last(daemon), "hosts")["added"] == 1


def test_edits_while_it_was_down(daemon):
    daemon.stop()
    daemon.ctl("list", "add", "house", "waits.example", code=3)
    daemon.start()
    start, found = records(daemon)[-2:]
    assert start["verb"] == "start" and (found["verb"], found["list"]) == ("unannounced", "house")
    assert change_of(found, "house")["names"]["added"] == ["waits.example"]
    daemon.stop()
    daemon.start()
    assert last(daemon)["verb"] == "start", "once"


def test_a_list_too_large_to_be_compared(daemon):
    """The record must not keep what is in force waiting: of very many entries it has the numbers."""
    many = "".join(f"0.0.0.0 n{i}.example\n" for i in range(1_000_001))
    (daemon.home / "hosts.txt").write_text(many)
    daemon.ctl("reload")
    change = change_of(last(daemon), "hosts")
    assert (change["added"], change["removed"], change["entries"]) == (1_000_001, 2, {"before": 2, "after": 1_000_001})
    (daemon.home / "hosts.txt").write_text(many + "0.0.0.0 more.example\n")
    daemon.ctl("reload")
    assert blocked(ask(daemon, "more.example"))
    change = change_of(last(daemon), "hosts")
    assert change["entries"] == {"before": 1_000_001, "after": 1_000_002}
    assert change["added"] is None and change["names"] is None


# lifts beside a list that cannot be edited

def lifts_file(daemon):
    return daemon.home / "state/lifts.yaml"


def test_lifts_beside_a_list(daemon):
    """The record says the list, and how many were lifted, restored, or dropped by the list itself."""
    before = last(daemon)
    daemon.ctl("unblock", "ads.example", "--reason", "not one")
    record = last(daemon)
    change = change_of(record, "hosts")
    assert (record["verb"], record["names"]) == ("unblock", ["ads.example"]) and "beyond" not in record
    assert (change["lifted"], change["restored"], change["dropped"], change["added"], change["removed"]) == (1, 0, 0, 0, 0)
    assert change["names"]["lifted"] == ["ads.example"] and change["lifts"] == {"before": 0, "after": 1}
    assert record["lifts"]["before"] != record["lifts"]["after"] and record["seq"] == before["seq"] + 1
    assert "hosts: 1 lifted" in daemon.ctl("audit").out
    daemon.ctl("list", "add", "hosts", "ads.example", "--reason", "it is")
    change = change_of(last(daemon), "hosts")
    assert (change["lifted"], change["restored"], change["dropped"]) == (0, 1, 0) and change["names"]["restored"] == ["ads.example"]
    daemon.ctl("list", "lift", "hosts", "ads.example")
    assert change_of(last(daemon), "hosts")["lifted"] == 1
    (daemon.home / "hosts.txt").write_text("0.0.0.0 more.example\n")
    daemon.ctl("reload")
    found = last(daemon)
    change = change_of(found, "hosts")
    assert (found["verb"], found["list"], found["file"]) == ("unannounced", "hosts", str(daemon.home / "hosts.txt"))
    assert (change["removed"], change["lifted"], change["restored"], change["dropped"]) == (1, 0, 0, 1)
    assert change["names"]["dropped"] == ["ads.example"] and change["lifts"] == {"before": 1, "after": 0}
    assert [r["verb"] for r in records(daemon)].count("unannounced") == 1 and verify(daemon)["ok"]


def test_lifts_that_nobody_announced(daemon):
    daemon.ctl("list", "lift", "hosts", "ads.example", "--reason", "one")
    path = lifts_file(daemon)
    path.write_text(path.read_text().replace("ads.example", "more.example"))
    daemon.ctl("reload")
    found = last(daemon)
    change = change_of(found, "hosts")
    assert (found["verb"], found["list"], found["file"]) == ("unannounced", "hosts", str(path))
    assert change["names"]["lifted"] == ["more.example"] and change["names"]["restored"] == ["ads.example"]
    # only what is said of it: it is no list's, and a change all the same
    path.write_text(path.read_text().replace("one", "another"))
    seq = last(daemon)["seq"]
    daemon.ctl("reload")
    new = [r for r in records(daemon) if r["seq"] > seq]
    assert [(r["verb"], r["list"], r.get("file")) for r in new] == [("reload", None, None), ("unannounced", None, str(path))]
    daemon.stop()
    path.write_text("lifts: []\n")
    daemon.start()
    found = last(daemon)
    assert (found["verb"], found["file"]) == ("unannounced", str(path)) and change_of(found, "hosts")["restored"] == 1
    daemon.stop()
    daemon.start()
    assert last(daemon)["verb"] == "start", "once"


def test_a_lift_while_it_was_down(daemon):
    daemon.stop()
    daemon.ctl("list", "lift", "hosts", "ads.example", "--reason", "r", code=None)
    assert "ads.example" in lifts_file(daemon).read_text()
    daemon.start()
    found = last(daemon)
    assert (found["verb"], found["list"], found["file"]) == ("unannounced", "hosts", str(lifts_file(daemon)))
    assert change_of(found, "hosts")["names"]["lifted"] == ["ads.example"]


def test_the_configuration_by_hand(daemon):
    daemon.configure(block={"ttl": "20s"})
    daemon.ctl("reload")
    found = last(daemon)
    assert (found["verb"], found["list"], found["file"]) == ("unannounced", None, str(daemon.config_path))
    assert found["config"]["after"] == hashlib.sha256(daemon.config_path.read_bytes()).hexdigest()


def test_two_edits_at_once_accuse_nobody(daemon):
    """Each is recorded as its own, whichever run of the compiler took it up."""
    def edit(name, count):
        for i in range(count):
            daemon.ctl("list", "add", name, f"{name}{i}.example")

    (daemon.home / "second.yaml").write_text("entries:\n  - s.example\n")
    daemon.configure(lists=[*CONFIG["lists"], {"name": "second", "file": "second.yaml"}])
    daemon.ctl("reload")
    seq = last(daemon)["seq"]
    threads = [threading.Thread(target=edit, args=(name, 6)) for name in ("house", "second")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    new = [r for r in records(daemon) if r["seq"] > seq]
    assert [r["verb"] for r in new] == ["list add"] * 12, new
    assert sum(change["added"] for r in new for change in r["lists"]) == 12


# a kill at any moment

@pytest.fixture
def faults(home):
    one = Faults(home)
    yield one
    one.close()


def test_killed_between_edit_and_record(saringd, fake, faults):
    """At every call by which the daemon changes files while it takes up an edit: the next start knows of the edit, by its record or as a
    change that nobody announced; and the log is whole."""
    daemon = saringd({"upstream": {"servers": [fake().endpoint]}, **CONFIG}, LISTS, env=faults.env)
    faults.count_calls("saringd")
    daemon.ctl("list", "add", "house", "k.example")
    count = faults.count
    faults.clear()
    assert count >= 3
    for at in range(1, count + 1):
        name = f"k{at}.example"
        faults.kill("saringd", at)
        daemon.ctl("list", "add", "house", name, code=None)
        faults.clear()
        daemon.process.wait(30)
        daemon.kill()
        daemon.start(env=faults.env)
        assert blocked(ask(daemon, name))
        known = [r for r in records(daemon) if any(name in (c["names"] or {}).get("added", []) for c in r.get("lists", []))
                 or name in r.get("names", []) or (r["verb"] == "unannounced" and r["list"] == "house")]
        assert known, f"killed at call {at}: the edit is in force and nobody knows of it"
        found = verify(daemon, code=None)
        assert found["ok"], (at, found)


def test_killed_before_what_is_held_is_recorded(daemon):
    """Somebody's edit was put in force by somebody else's: until it has its record, the head must not know of it."""
    (daemon.home / "hosts.txt").write_text("0.0.0.0 other.example\n")
    daemon.ctl("list", "add", "house", "open.example")
    assert last(daemon)["verb"] == "list add"  # it is held yet: AUDIT_HOLD_MS
    head = json.loads((folder(daemon) / "head.json").read_text())["lists"]
    assert head["house"]["entries"] == 4
    assert head["hosts"]["entries"] == 2, "not recorded, and yet known"
    daemon.kill()
    daemon.start()
    found = last(daemon)
    assert (found["verb"], found["list"]) == ("unannounced", "hosts"), "it is in force, and nobody knows of it"
    assert change_of(found, "hosts")["entries"] == {"before": 2, "after": 1}


def test_held_and_changed_again(daemon):
    """What is held and changes again is told from where it began to where it ended."""
    before = records(daemon)[0]["baseline"]["hosts"]
    for name in ("one", "two"):
        with (daemon.home / "hosts.txt").open("a") as file:
            file.write(f"0.0.0.0 {name}.example\n")
        daemon.ctl("list", "add", "house", f"of-{name}.example")
    assert eventually(lambda: last(daemon)["verb"] == "unannounced", "the record of what was held", 20)
    found = [r for r in records(daemon) if r["verb"] == "unannounced"]
    assert sum(change_of(r, "hosts")["added"] for r in found) == 2
    assert change_of(found[0], "hosts")["content"]["before"] == before["content"]
    for one, next_ in zip(found, found[1:]):  # when the two took longer than they are held
        assert change_of(one, "hosts")["content"]["after"] == change_of(next_, "hosts")["content"]["before"]
    daemon.stop()
    daemon.start()
    assert last(daemon)["verb"] == "start"


def test_a_torn_line_is_cut_off_and_told(daemon):
    daemon.ctl("list", "add", "house", "x.example")
    daemon.stop()
    whole = lines(daemon)
    put(daemon, whole + [b'{"seq":9,"time":"2026-\xff\n'[:-1]])
    assert damages(daemon) == [("torn", "audit.jsonl", len(whole) + 1, 9)]
    daemon.start()
    repair = [r for r in records(daemon) if r["verb"] == "audit repair"]
    assert len(repair) == 1 and repair[0]["torn_bytes"] == 23 and repair[0]["torn"].startswith('{\\"seq\\":9')
    assert verify(daemon)["ok"]


# damage

@pytest.fixture
def long(daemon):
    """A stopped daemon with a log of eight records or so."""
    for i in range(5):
        daemon.ctl("list", "add", "house", f"n{i}.example", "--reason", "a reason of some length")
    daemon.stop()
    assert verify(daemon)["ok"]
    return daemon


def test_an_altered_byte(long):
    original = lines(long)
    for at in (0, 2, len(original) - 1):
        for place in (10, 60, len(original[at]) - 100, len(original[at]) - 4):
            changed = list(original)
            byte = changed[at][place]
            changed[at] = changed[at][:place] + bytes([byte ^ 1]) + changed[at][place + 1:]
            put(long, changed)
            found = verify(long, code=1)["damages"]
            assert any(d["line"] == at + 1 and os.path.basename(d["file"]) == "audit.jsonl" for d in found), (at, place, found)
    put(long, original)
    assert verify(long)["ok"]


def test_a_deleted_line(long):
    original = lines(long)
    put(long, original[:3] + original[4:])
    assert damages(long) == [("missing", "audit.jsonl", 4, 4)]
    put(long, original[1:])
    assert damages(long) == [("missing", "audit.jsonl", 1, 1)]


def test_swapped_lines(long):
    original = lines(long)
    put(long, [*original[:2], original[3], original[2], *original[4:]])
    assert damages(long) == [("order", "audit.jsonl", 4, 3)]


def test_truncation(long):
    original = lines(long)
    put(long, original[:-2])
    assert damages(long) == [("truncated", "audit.jsonl", len(original) - 2, len(original))]
    text = long.ctl("audit", "verify", code=1).out
    assert f"the log ends at record {len(original) - 2}, but the head says {len(original)}" in text
    long.start()  # and the daemon says so, and does not hide it
    damage = [r for r in records(long) if r["verb"] == "audit damage"]
    assert [(r["kind"], r["log_seq"], r["head_seq"]) for r in damage] == [("truncated", len(original) - 2, len(original))]
    assert damages(long) == [("missing", "audit.jsonl", len(original) - 1, len(original) - 1)], "for good"
    assert "audit.found" in long.stderr()


def test_a_record_written_anew(long):
    """With a right hash of its own: what follows does not continue it."""
    original = lines(long)
    text = original[2].rstrip(b"\n").replace(b"a reason of some length", b"no reason at all")
    text = re.sub(rb',"hash":"[0-9a-f]*"}$', b"", text)
    put(long, original[:2] + [text + b',"hash":"' + hashlib.sha256(text).hexdigest().encode() + b'"}\n'] + original[3:])
    assert damages(long) == [("chain", "audit.jsonl", 4, 4)]
    # the last one: the head knows better
    text = re.sub(rb',"hash":"[0-9a-f]*"}$', b"", original[-1].rstrip(b"\n").replace(b"Terminated", b"terminated"))
    put(long, original[:-1] + [text + b',"hash":"' + hashlib.sha256(text).hexdigest().encode() + b'"}\n'])
    assert damages(long) == [("head", "audit.jsonl", len(original), len(original))]


def test_a_lost_head(long):
    (folder(long) / "head.json").unlink()
    assert [d[0] for d in damages(long)] == ["head"]
    long.start()
    assert [r["kind"] for r in records(long) if r["verb"] == "audit damage"] == ["no head"]
    assert verify(long)["ok"], "the log itself is whole, and there is a head again"


def test_a_lost_log(long):
    count = len(lines(long))
    (folder(long) / "audit.jsonl").unlink()
    assert [d[0] for d in damages(long)] == ["truncated"]
    long.start()
    assert records(long)[0]["seq"] == count + 1
    assert damages(long)[0][:1] + damages(long)[0][3:] == ("missing", 1)


def test_a_log_taken_away_while_it_runs(daemon):
    daemon.ctl("list", "add", "house", "x.example")
    (folder(daemon) / "audit.jsonl").rename(daemon.home / "away.jsonl")
    daemon.ctl("list", "add", "house", "y.example")
    assert [r["verb"] for r in records(daemon)] == ["list add", "audit damage"]
    assert records(daemon)[-1]["kind"] == "replaced"
    assert damages(daemon)[0][0] == "missing"


def test_a_log_that_is_not_there_is_not_whole(long, tmp_path):
    daemon = long
    assert "no audit log" in daemon.ctl("audit", "verify", tmp_path, code=1).err


def test_a_copy_can_be_verified(long, tmp_path):
    copy = tmp_path / "copy"
    copy.mkdir()
    for file in folder(long).iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    assert verify(long, copy)["ok"] and verify(long, copy / "audit.jsonl")["ok"]
    assert "nothing" in long.ctl("audit", "verify", tmp_path / "nothing", code=1).err


# rotation

def test_rotation_keeps_the_chain(saringd, fake):
    daemon = saringd({"upstream": {"servers": [fake().endpoint]}, **CONFIG, "audit": {"size": "4KiB"}}, LISTS)
    for i in range(14):
        daemon.ctl("list", "add", "house", f"n{i}.example")
    files = sorted(p.name for p in folder(daemon).glob("audit-*.jsonl"))
    assert len(files) >= 2 and files[0] == "audit-000000000001.jsonl"
    found = verify(daemon)
    assert (found["files"], found["first_seq"], found["last_seq"], found["records"]) == (len(files) + 1, 1, 15, 15)
    assert [r["seq"] for r in records(daemon)] == list(range(1, 16))
    assert all((folder(daemon) / name).stat().st_size <= 4096 for name in files)
    daemon.stop()
    daemon.start()  # goes on where it was
    assert verify(daemon)["last_seq"] == 17
    (folder(daemon) / files[1]).unlink()
    kind, _, _, seq = damages(daemon)[0]
    assert (kind, seq) == ("missing", int(re.search(r"\d+", files[1])[0]))


def test_killed_while_a_new_file_begins(saringd, fake, faults):
    """At every call by which a record comes, and another that old files go: what is left is no damage."""
    daemon = saringd({"upstream": {"servers": [fake().endpoint]}, **CONFIG, "audit": {"size": "4KiB", "keep": 1}}, LISTS, env=faults.env)
    written = 0

    def write():
        nonlocal written
        written += 1
        daemon.ctl("cache", "flush", f"n{written}.example", "--reason", "x" * 1900, code=None)

    def files():
        return sorted(p.name for p in folder(daemon).glob("audit-*.jsonl"))

    def fill():
        """Two records to a file: the next one begins another, and one is too many."""
        while not files() or len(lines(daemon)) < 2:
            write()

    fill()
    faults.count_calls("saringd")
    write()
    count = faults.count
    faults.clear()
    assert records(daemon)[-1]["verb"] == "audit trim" and count >= 8
    for at in range(1, count + 1):
        fill()
        faults.kill("saringd", at)
        write()
        faults.clear()
        daemon.process.wait(30)
        daemon.kill()
        daemon.start(env=faults.env)
        assert verify(daemon, code=None)["ok"], at
        damage = [r for r in records(daemon) if r["verb"] == "audit damage"]
        assert not damage, (at, damage)


def test_old_files_go_when_they_are_to(saringd, fake):
    daemon = saringd({"upstream": {"servers": [fake().endpoint]}, **CONFIG, "audit": {"size": "4KiB", "keep": 1}}, LISTS)
    for i in range(20):
        daemon.ctl("list", "add", "house", f"n{i}.example")
    assert len(list(folder(daemon).glob("audit-*.jsonl"))) == 1
    trims = [r for r in records(daemon) if r["verb"] == "audit trim"]
    assert trims and trims[-1]["through"] >= 1
    assert verify(daemon)["first_seq"] == trims[-1]["through"] + 1
    # but only those that are said to be gone
    oldest = next(folder(daemon).glob("audit-*.jsonl"))
    oldest.unlink()
    assert damages(daemon)[0][0] == "missing"


# disks

@pytest.fixture(scope="module")
def mounts():
    own_namespace()


@pytest.fixture(params=["full", "read-only"])
def trouble(request):
    return {"full": (Tiny.fill, Tiny.empty, "No space left on device"),
            "read-only": (Tiny.read_only, lambda t: t.read_only(False), "Read-only file system")}[request.param]


def test_a_disk_that_takes_no_records(saringd, fake, mounts, trouble):
    """The audit log lies on a disk of its own here, so that the change itself can be made."""
    begin, end, said = trouble
    daemon = saringd({"upstream": {"servers": [fake().endpoint]}, **CONFIG}, LISTS, start=False)
    disk = Tiny(folder(daemon), kib=64)
    try:
        daemon.start()
        begin(disk)
        tried = 0
        while daemon.status()["audit"]["lost"] < 2:  # a full disk may have room in the last page of a file
            tried += 1
            assert tried < 20
            daemon.ctl("list", "add", "house", f"x{tried}.example")
            assert blocked(ask(daemon, f"x{tried}.example")), "in force all the same"
            audit = daemon.status()["audit"]
        assert audit["lost"] == 2 and said in audit["error"], audit
        assert "audit log" in daemon.ctl("status").out
        assert "audit.unwritable" in daemon.stderr() and said in daemon.stderr()
        end(disk)
        daemon.ctl("list", "add", "house", "z.example")
        assert last(daemon)["names"] == ["z.example"] and records(daemon)[-2]["verb"] == "audit gap"
        gaps = [r for r in records(daemon) if r["verb"] == "audit gap"]
        assert all(said in gap["error"] for gap in gaps)
        written = [r for r in records(daemon) if r["verb"] == "list add"]
        assert sum(gap["lost"] for gap in gaps) + len(written) == tried + 1, "each is there, or known to be lost"
        assert daemon.status()["audit"]["lost"] == 0 and daemon.status()["audit"]["error"] is None
        assert verify(daemon)["ok"]
        daemon.stop()
    finally:
        daemon.stop()
        disk.umount()


def test_a_disk_that_is_read_only_from_the_start(saringd, fake, mounts):
    daemon = saringd({"upstream": {"servers": [fake().endpoint]}, **CONFIG}, LISTS, start=False)
    disk = Tiny(folder(daemon), kib=64)
    try:
        daemon.start()
        daemon.ctl("list", "add", "house", "w.example")
        daemon.stop()
        disk.read_only()
        daemon.start()
        daemon.ctl("list", "add", "house", "x.example")
        assert blocked(ask(daemon, "x.example")) and daemon.status()["audit"]["lost"] == 2  # the start, too
        disk.read_only(False)
        # by itself, without waiting for the next change
        assert eventually(lambda: last(daemon)["verb"] == "audit gap", "the record of the gap", 20)
        assert verify(daemon)["ok"]
        daemon.stop()
    finally:
        daemon.stop()
        disk.umount()


# fetched lists

def hosts(count, first=0):
    return "".join(f"0.0.0.0 f{i}.example\n" for i in range(first, first + count)).encode()


def test_fetches(saringd, fake):
    web = Web()
    try:
        web.pages["/l"] = Reply(hosts(100))
        daemon = saringd({"upstream": {"servers": [fake().endpoint]},
                          "lists": [{"name": "far", "url": web.url("/l"), "format": "hosts", "refresh": "1h"}]})
        eventually(lambda: last(daemon)["verb"] == "list fetch", "the record of the first fetch", 20)
        record = last(daemon)
        assert (record["by"], record["uid"], record["list"], record["fetch"]) == ("refresh", None, "far", "done")
        assert change_of(record, "far")["added"] == 100 and record["entries"]["after"] == 100
        web.pages["/l"] = Reply(hosts(100, first=30))
        daemon.ctl("list", "fetch", "far", "--reason", "now please")
        record = last(daemon)
        assert (record["verb"], record["by"], record["uid"], record["reason"]) == ("list fetch", "control", ME, "now please")
        change = change_of(record, "far")
        assert (change["added"], change["removed"], record["entries"]) == (30, 30, {"before": 100, "after": 100})
        assert len(change["names"]["removed"]) == 30
        daemon.ctl("list", "fetch")
        assert (last(daemon)["fetch"], last(daemon)["outcome"]) == ("unchanged", "ok")
        web.pages["/l"] = Reply(hosts(1))
        daemon.ctl("list", "fetch", code=1)
        assert (last(daemon)["fetch"], last(daemon)["outcome"]) == ("refused", "error") and last(daemon)["error"]
        assert not [r for r in records(daemon) if r["verb"] == "unannounced"]
        assert verify(daemon)["ok"]
    finally:
        web.close()


# reading

def test_options(daemon):
    for i in range(4):
        daemon.ctl("list", "add", "house", f"n{i}.example")
    assert [r["names"] for r in records(daemon, "-n", "2")] == [["n2.example"], ["n3.example"]]
    middle = records(daemon)[2]["time"]
    assert [r["seq"] for r in records(daemon, "--since", "1h")] == [1, 2, 3, 4, 5]
    assert records(daemon, "--until", "2001-01-01") == []
    assert all(r["time"] >= middle[:19] for r in records(daemon, "--since", middle[:19] + "Z"))
    text = daemon.ctl("audit").out
    assert "list add" in text and "n3.example" in text
    daemon.ctl("audit", "--since", "tomorrow", code=2)
    daemon.ctl("audit", "-n", "0", code=2)


def test_a_long_log_is_read_in_pages(daemon):
    """No request keeps the daemon's main thread for longer than so many bytes take; saringctl gets all of it nevertheless."""
    daemon.ctl("list", "add", "house", "x.example")
    daemon.stop()
    before = len(lines(daemon))
    grow(daemon, 1500, 10000)  # 15 MB
    daemon.start()
    page = control(daemon, "audit")
    assert 300 < len(page["records"]) < 600 and page["next"] and page["seq"] == before + 1501
    assert control(daemon, "audit", limit=3)["next"] is None
    page = control(daemon, "audit", verb="list add")
    assert page["records"] == [] and page["next"], "not looked at is not the same as not there"
    pages = 0
    while page["next"]:
        page = control(daemon, "audit", verb="list add", **{"from": page["next"]})
        pages += 1
    assert pages == 3 and [r["names"] for r in page["records"]] == [["x.example"]]
    assert [r["seq"] for r in records(daemon, "-n", "100000")] == list(range(1, before + 1502))
    assert [r["seq"] for r in records(daemon, "-n", "700")] == list(range(before + 802, before + 1502))


def test_waiting_ends_with_what_is_not_wanted(daemon):
    """Whoever waits for a verb is told how far the log is, and so waits again instead of turning in circles."""
    seq = control(daemon, "audit")["seq"]
    daemon.ctl("list", "add", "house", "x.example")
    found = control(daemon, "audit", verb="reload", after=seq, wait=30)
    assert found == {"records": [], "seq": seq + 1, "next": None}
    thread = threading.Timer(0, daemon.ctl, ("reload",))
    thread.start()
    found = control(daemon, "audit", verb="reload", after=found["seq"], wait=30)
    thread.join()
    assert [r["verb"] for r in found["records"]] == ["reload"] and found["seq"] == seq + 2


def test_follow_from_now_on(daemon):
    """Nothing since then: what comes next is new, and not all there ever was."""
    command = [str(daemon.binaries / "saringctl"), "-c", str(daemon.config_path), "--json", "audit", "--follow", "--since", "2100-01-01"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=daemon.environment()) as follower:
        try:
            os.set_blocking(follower.stdout.fileno(), True)
            names = iter(range(1000))
            first = []
            reader = threading.Thread(target=lambda: first.append(follower.stdout.readline()))
            reader.start()
            assert eventually(lambda: first or daemon.ctl("list", "add", "house", f"n{next(names)}.example") and None, "a record", 60)
            assert json.loads(first[0])["verb"] == "list add"
        finally:
            follower.terminate()


def test_a_flush_that_is_said_to_be_a_lift(daemon):
    """What is said of a change is a claim: it hides no flush of the whole cache."""
    control(daemon, "cache.flush", name="x.example", change={"verb": "list lift"})
    assert last(daemon)["verb"] == "start"
    control(daemon, "cache.flush", change={"verb": "list lift"})
    assert last(daemon)["verb"] == "list lift" and last(daemon)["target"] is None and "flushed" in last(daemon)


def test_without_the_daemon(daemon):
    daemon.ctl("list", "add", "house", "x.example")
    daemon.stop()
    result = daemon.ctl("--json", "audit")
    assert [r["verb"] for r in result.json] == ["start", "list add", "stop"] and "not running" in result.err


def test_follow(daemon):
    """One JSON document a line, each as it comes."""
    command = [str(daemon.binaries / "saringctl"), "-c", str(daemon.config_path), "--json", "audit", "--follow"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=daemon.environment()) as follower:
        assert json.loads(follower.stdout.readline())["verb"] == "start"
        for i in range(3):
            daemon.ctl("list", "add", "house", f"n{i}.example")
            assert json.loads(follower.stdout.readline())["names"] == [f"n{i}.example"]
        follower.terminate()
    assert rrs(ask(daemon, "open.example"))


def test_stopping_does_not_wait_for_followers(daemon):
    command = [str(daemon.binaries / "saringctl"), "-c", str(daemon.config_path), "--json", "audit", "--follow"]
    followers = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=daemon.environment())
                 for _ in range(10)]
    try:
        for follower in followers[:8]:
            assert json.loads(follower.stdout.readline())["verb"] == "start"
        daemon.ctl("list", "add", "house", "x.example")  # nobody is in its way
        daemon.stop()
        for follower in followers:
            assert follower.wait(30) in (1, 3)
    finally:
        for follower in followers:
            follower.kill()
            follower.wait()
            follower.stdout.close()
