# SPDX-License-Identifier: BSD-2-Clause
"""Disks that are full, read-only, or fail in the middle: serving goes on by the old policy, whoever asked for more is told what is wrong
and where, no list is harmed, and all is well again when the disk is."""
import os
import pwd

import pytest

from harness.ask import Load, ask, blocked, eventually, rcode_of, rrs
from harness.daemon import needs_root
from harness.faults import Faults
from harness.left import left_in, nothing_stays
from harness.mounts import Tiny, own_namespace
from harness.web import Reply, Web
from test_service import open_home  # noqa: F401 a fixture

QUESTIONS = [("a.example", "A", lambda m: rcode_of(m) == 3), ("open.example", "A", lambda m: rcode_of(m) == 0)]
SPACE, READ_ONLY = "No space left on device", "Read-only file system"


@pytest.fixture(scope="module")
def mounts():
    own_namespace()


@pytest.fixture
def tiny(mounts):
    made = []

    def make(folder, **more):
        made.append(Tiny(folder, **more))
        return made[-1]

    yield make
    for one in made:
        one.umount()


@pytest.fixture
def faults(home):
    one = Faults(home)
    yield one
    one.close()


CONFIG = {"lists": [{"name": "l", "file": "lists/l.yaml"}, {"name": "bulk", "file": "lists/bulk.txt"}]}
LISTS = {"lists/l.yaml": "entries:\n  - a.example\n", "lists/bulk.txt": "".join(f"0.0.0.0 h{i}.example\n" for i in range(2000))}


def prepared(saringd, fake, **more):
    return saringd({"upstream": {"servers": [fake().endpoint]}, **CONFIG, **more}, LISTS, start=False)


@pytest.fixture(params=["full", "read-only"])
def trouble(request):
    """(how it begins, how it ends, what is said)."""
    return {"full": (Tiny.fill, Tiny.empty, SPACE), "read-only": (Tiny.read_only, lambda t: t.read_only(False), READ_ONLY)}[request.param]


def is_old(daemon):
    return blocked(ask(daemon, "a.example")) and blocked(ask(daemon, "h1999.example")) and rrs(ask(daemon, "new.example")) and \
        daemon.status()["policy"]["generation"] == 1


def test_a_state_that_cannot_be_written(saringd, fake, tiny, trouble):
    begin, end, said = trouble
    daemon = prepared(saringd, fake)
    state = tiny(daemon.home / "state")
    daemon.start()
    path = daemon.home / "lists/l.yaml"
    with Load(daemon, QUESTIONS, clients=2) as load:
        begin(state)
        for command in (["list", "add", "l", "new.example"], ["reload"]):
            result = daemon.ctl(*command, code=1)
            assert said in result.err and f"{state.folder}/" in result.err, result
            assert is_old(daemon)
        assert path.read_text().count("new.example") == 1, "the edit is in the file, as it says"
        assert said in daemon.stderr()
        load.reach(50)
        end(state)
        daemon.ctl("reload")
        assert blocked(ask(daemon, "new.example")) and blocked(ask(daemon, "h1999.example"))
        load.reach(50)
    nothing_stays(state.folder)


def test_a_start_with_a_state_that_cannot_be_written(saringd, fake, tiny, trouble):
    """By what is there, when it is what is wanted; otherwise it says what is wrong and where, and the next start is whole."""
    begin, end, said = trouble
    daemon = prepared(saringd, fake)
    state = tiny(daemon.home / "state")
    daemon.start()
    daemon.stop()
    begin(state)
    daemon.start()
    assert is_old(daemon)
    assert daemon.ctl("list", "add", "l", "new.example", code=1)
    assert is_old(daemon)
    daemon.stop()
    # now the image there is not what is wanted
    daemon.spawn()
    assert daemon.process.wait(60) == 1
    assert said in daemon.stderr() and f"{state.folder}/" in daemon.stderr()
    daemon.kill()
    end(state)
    daemon.start()
    assert blocked(ask(daemon, "new.example"))


def test_a_first_start_without_room(saringd, fake, tiny, trouble):
    begin, end, said = trouble
    daemon = prepared(saringd, fake)
    state = tiny(daemon.home / "state")
    begin(state)
    daemon.spawn()
    assert daemon.process.wait(60) == 1
    assert said in daemon.stderr() and str(state.folder) in daemon.stderr()
    daemon.kill()
    end(state)
    daemon.start()
    assert blocked(ask(daemon, "a.example"))


def test_a_list_that_cannot_be_written(saringd, fake, tiny, trouble):
    """The file itself is whole, to the byte; nothing of the edit is half done."""
    begin, end, said = trouble
    daemon = saringd({"upstream": {"servers": [fake().endpoint]}, **CONFIG}, start=False)
    disk = tiny(daemon.home / "lists")
    for name, text in LISTS.items():
        (daemon.home / name).write_text(text)
    daemon.start()
    path = disk.folder / "l.yaml"
    before = path.read_bytes()
    with Load(daemon, QUESTIONS, clients=2):
        begin(disk)
        for edit in (["add", "l", "new.example"], ["remove", "l", "a.example"], ["lift", "l", "a.example"]):
            result = daemon.ctl("list", *edit, code=1)
            assert said in result.err and "lists" in result.err, result
            assert path.read_bytes() == before and is_old(daemon)
            assert not left_in(disk.folder)
        daemon.ctl("reload")
        end(disk)
        daemon.ctl("list", "add", "l", "new.example")
        assert blocked(ask(daemon, "new.example"))


def test_a_copy_that_cannot_be_written(saringd, fake, tiny, trouble):
    begin, end, said = trouble
    web = Web()
    try:
        daemon = saringd({"upstream": {"servers": [fake().endpoint]}, "lists": [{"name": "ads", "url": web.url("/ads")}]}, start=False)
        state = tiny(daemon.home / "state")
        web.pages["/ads"] = Reply(LISTS["lists/bulk.txt"])
        daemon.start()
        eventually(lambda: blocked(ask(daemon, "h1.example")), "the first copy", timeout_s=60)
        web.pages["/ads"] = Reply(LISTS["lists/bulk.txt"].replace("h1.", "k1."))
        begin(state)
        result = daemon.ctl("list", "fetch", code=1)
        assert said in result.out + result.err and blocked(ask(daemon, "h1.example"))
        end(state)
        daemon.ctl("list", "fetch")
        assert blocked(ask(daemon, "k1.example")) and not blocked(ask(daemon, "h1.example"))
        nothing_stays(state.folder)
    finally:
        web.close()


def test_a_lift_of_which_one_list_cannot_be_written(saringd, fake, tiny):
    """The others are lifted and in force; with --json the failure stands in the document, at its list and as the error."""
    daemon = saringd({"upstream": {"servers": [fake().endpoint]}, "lists": [{"name": n, "file": f"{n}/l.yaml"} for n in "abc"]}, start=False)
    text = "entries:\n" + "".join(f"  - h{i}.example\n" for i in range(400)) + "  - t.me\n"
    for name in "abc":
        folder = daemon.home / name
        if name == "b":
            small = tiny(folder)
        folder.mkdir(exist_ok=True)
        (folder / "l.yaml").write_text(text)
    daemon.start()
    small.fill()
    document = daemon.ctl("--json", "unblock", "t.me", "--reason", "r", code=1).json
    by_list = {one["list"]: one for one in document["lists"]}
    assert SPACE in by_list["b"]["error"] and by_list["b"]["results"] == [] and SPACE in document["error"]["text"]
    assert document["error"]["code"] == "io" and document["in_force"] is True
    for name in "ac":
        assert by_list[name]["error"] is None and by_list[name]["results"][0]["outcome"] == "lifted"
    assert document["passed"] is False and document["checks"][0]["blocked_by"]["list"] == "b"
    small.empty()
    document = daemon.ctl("--json", "unblock", "t.me", "--reason", "r").json
    assert "error" not in document and document["passed"] is True


@needs_root
def test_a_state_of_somebody_else(open_home, fake):  # noqa: F811
    """chmod takes the right to write away."""
    from harness.daemon import Saringd
    for name, text in LISTS.items():
        (open_home / name).parent.mkdir(exist_ok=True)
        (open_home / name).write_text(text)
    daemon = Saringd(open_home, {"upstream": {"servers": [fake().endpoint]}, "user": "nobody", "control": {"socket": "run/c.sock"}, **CONFIG})
    daemon.copy_binaries(open_home / "bin")
    daemon.start(env={"ASAN_OPTIONS": "detect_leaks=0"})
    try:
        state = open_home / "state"
        assert state.stat().st_uid == pwd.getpwnam("nobody").pw_uid
        os.chmod(state, 0o500)
        result = daemon.ctl("list", "add", "l", "new.example", code=1)
        assert "Permission denied" in result.err and f"{state}/" in result.err and is_old(daemon)
        os.chmod(state, 0o750)
        daemon.ctl("reload")
        assert blocked(ask(daemon, "new.example"))
    finally:
        daemon.stop()


@pytest.mark.parametrize("error", ["ENOSPC", "EIO"])
def test_a_compile_whose_disk_fails_at_any_call(saringd, fake, faults, error):
    daemon = prepared(saringd, fake).start(env=faults.env)
    bulk, path = daemon.home / "lists/bulk.txt", daemon.home / "lists/l.yaml"
    text = {"ENOSPC": SPACE, "EIO": "Input/output error"}[error]
    number = 0

    def change():
        nonlocal number
        number += 1
        path.write_text(f"entries: [a.example, v{number}.example]\n")
        with open(bulk, "a", encoding="ascii") as more:
            more.write(f"0.0.0.0 more{number}.example\n")

    faults.count_calls("saring-compile")
    change()
    daemon.ctl("reload")
    count = faults.count
    assert count >= 10
    failed = 0
    for at in range(1, count + 1):
        change()
        faults.fail("saring-compile", at, error)
        result = daemon.ctl("reload", code=None)
        faults.clear()
        if result.code != 0:  # what is only kept for the next time may be lost
            failed += 1
            assert result.code == 1 and text in result.err and "/state/" in result.err, result
            assert blocked(ask(daemon, "a.example")) and not blocked(ask(daemon, f"v{number}.example"))
            daemon.ctl("reload")
        assert blocked(ask(daemon, f"v{number}.example")) and blocked(ask(daemon, f"more{number}.example"))
    assert failed >= 8
    nothing_stays(daemon.home / "state")


@pytest.mark.parametrize("error", ["ENOSPC", "EIO"])
def test_an_edit_whose_disk_fails_at_any_call(saringd, fake, faults, error):
    daemon = prepared(saringd, fake).start()
    path = daemon.home / "lists/l.yaml"
    before = path.read_text()
    faults.count_calls("saringctl")
    daemon.ctl("list", "add", "l", "new.example", env=faults.env)
    after, count = path.read_text(), faults.count
    told = 0
    for at in range(1, count + 1):
        path.write_text(before)
        daemon.ctl("reload")
        faults.fail("saringctl", at, error, once=True)
        result = daemon.ctl("list", "add", "l", "new.example", code=None, env=faults.env)
        faults.clear()
        assert path.read_text() == (before if result.code else after) or "written, but" in result.err
        assert not left_in(path.parent), "it clears up behind itself"
        told += result.code == 1 and ("l.yaml" in result.err or "lists" in result.err)
    assert told >= 4 and count - told <= 1
