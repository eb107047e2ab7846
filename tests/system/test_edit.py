# SPDX-License-Identifier: BSD-2-Clause
"""Edits from the command line: in force when the command returns, to the byte nothing else touched, none lost."""
import concurrent.futures
import datetime
import difflib
import os

import pytest

from harness.ask import Load, ask, blocked, ede, rcode, rcode_of, rrs

LIST = """\
# Kept by hand, since 2017.

title:   "A list"      # odd   spacing
authority: 'Someone'
entries:                # the names
  # first a comment
  - a.example           # bare, with a note

  - domain: b.example   # a mapping
    reason: "quoted: yes"   # why
    # a comment inside
    match: exact
  - { domain: c.example, match: subtree }
  - "d.example"
  # the last comment

# after the end
"""


def today():
    return {(datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=s)).strftime("%Y-%m-%d") for s in (-120, 0)}


@pytest.fixture
def daemon(saringd, fake):
    return saringd({"upstream": {"servers": [fake().endpoint]}, "lists": [{"name": "l", "file": "lists/l.yaml"}]}, {"lists/l.yaml": LIST})


class File:
    """What an edit did to the file, as `diff` tells it."""

    def __init__(self, daemon):
        self.path = daemon.home / "lists/l.yaml"
        self.before = self.path.read_bytes()

    def changes(self):
        """([lines gone], [lines come]) since the last call."""
        now = self.path.read_bytes()
        diff = list(difflib.ndiff(self.before.decode().splitlines(), now.decode().splitlines()))
        self.before = now
        return [d[2:] for d in diff if d.startswith("- ")], [d[2:] for d in diff if d.startswith("+ ")]


def test_add(daemon):
    file = File(daemon)
    result = daemon.ctl("list", "add", "l", "New.Example", "--reason", "it: is #1", "--authority", "Me & you", "--reference",
                        "https://example.org/?a=b#c", "--contact", "mailto:a@example.org", "--contact", "tel:+1", "--match", "exact", "--expires",
                        "2099-01-02")
    assert blocked(ask(daemon, "new.example")), "in force when it returns"
    assert rrs(ask(daemon, "x.new.example")) == ["192.0.2.200"]
    assert "generation 2" in result.out
    gone, come = file.changes()
    assert gone == [] and any("example" in line.lower() for line in come)
    shown = [e for e in daemon.ctl("--json", "list", "show", "l").json if e["entry"].lower() == "new.example"][0]
    assert (shown["match"], shown["reason"], shown["authority"], shown["reference"], shown["contact"], shown["expires"]) == (
        "exact", "it: is #1", "Me & you", "https://example.org/?a=b#c", ["mailto:a@example.org", "tel:+1"], "2099-01-02")
    assert shown["added"] in today()
    rule = daemon.explain("new.example")["rule"]
    assert rule["line"] == shown["line"] and "example" in file.path.read_text().splitlines()[rule["line"] - 1].lower()


def test_add_several_and_again(daemon):
    file = File(daemon)
    result = daemon.ctl("--json", "list", "add", "l", "x.example", "y.example", "a.example").json
    assert [(r["name"], r["outcome"]) for r in result["results"]] == [("x.example", "added"), ("y.example", "added"), ("a.example", "already")]
    assert result["in_force"] is True and result["generation"] == 2 and result["list"] == "l"
    assert file.changes()[0] == []
    assert blocked(ask(daemon, "x.example")) and blocked(ask(daemon, "y.example"))
    result = daemon.ctl("--json", "list", "add", "l", "x.example").json
    assert result["results"][0]["outcome"] == "already" and file.changes() == ([], [])
    assert result["in_force"] is True and result["generation"] == daemon.status()["policy"]["generation"]


def test_remove(daemon):
    file = File(daemon)
    daemon.ctl("list", "remove", "l", "b.example")
    assert rrs(ask(daemon, "b.example")) == ["192.0.2.200"]
    gone, come = file.changes()
    assert come == [] and "  - domain: b.example   # a mapping" in gone and '    reason: "quoted: yes"   # why' in gone
    assert not any("a.example" in line or "c.example" in line or "first a comment" in line for line in gone)
    daemon.ctl("list", "remove", "l", "a.example", "C.EXAMPLE.", "d.example")
    text = file.path.read_text()
    for comment in ("# Kept by hand, since 2017.", "# the names", "# first a comment", "# the last comment", "# after the end"):
        assert comment in text, comment
    assert daemon.status()["policy"]["entries"] == 0
    daemon.ctl("list", "add", "l", "again.example")
    assert blocked(ask(daemon, "again.example"))


def test_add_then_remove_is_as_if_it_had_never_been_there(daemon):
    file = File(daemon)
    before = file.before
    daemon.ctl("list", "add", "l", "x.example")
    daemon.ctl("list", "remove", "l", "x.example")
    assert file.path.read_bytes() == before


def test_lift(daemon):
    file = File(daemon)
    for name in ("a.example", "b.example", "c.example", "d.example"):
        assert blocked(ask(daemon, name))
        daemon.ctl("list", "lift", "l", name, "--reason", "the order is over")
        reply = ask(daemon, name)
        assert rrs(reply) == ["192.0.2.200"] and ede(reply) is None
        gone, come = file.changes()
        assert len(gone) <= 1 and any("lifted" in line for line in come), (gone, come)
    text = file.path.read_text()
    for comment in ("# Kept by hand", "# the names", "# first a comment", "# bare, with a note", "# a mapping", "# why", "# a comment inside",
                    "# the last comment", "# after the end", "title:   \"A list\"      # odd   spacing"):
        assert comment in text, comment
    shown = daemon.ctl("--json", "list", "show", "l").json
    assert [e["entry"] for e in shown] == ["a.example", "b.example", "c.example", "d.example"]
    assert {e["lifted"] for e in shown} <= today() and "the order is over" in text
    assert [a["why_not"] for a in daemon.explain("a.example")["also"]] == ["lifted"]
    result = daemon.ctl("--json", "list", "lift", "l", "a.example").json
    assert result["results"][0]["outcome"] == "already"
    # what was lifted can be put in force again
    daemon.ctl("list", "add", "l", "a.example")
    assert blocked(ask(daemon, "a.example"))
    assert [e for e in daemon.ctl("--json", "list", "show", "l").json if e["entry"] == "a.example"][0]["lifted"] is None


def test_lift_a_whole_list(daemon):
    file = File(daemon)
    daemon.ctl("list", "lift", "l")
    gone, come = file.changes()
    assert gone == [] and len(come) == 2 and come[0].removeprefix("lifted: ") in today() and come[1].startswith("lifted-by: ")
    for name in ("a.example", "b.example", "c.example", "d.example"):
        assert rrs(ask(daemon, name)) == ["192.0.2.200"]
    assert daemon.status()["policy"]["in_force"] == 0 and daemon.status()["policy"]["entries"] == 4


def test_add_to_a_lifted_list_is_said_to_wait(daemon):
    """The whole list is lifted: what is added is recorded, and nobody is told that it acts."""
    daemon.ctl("list", "lift", "l")
    result = daemon.ctl("list", "add", "l", "x.example")
    assert rrs(ask(daemon, "x.example")) == ["192.0.2.200"] and "lifted" in result.out + result.err, result


def test_mode(daemon):
    config = "# my house\n" + daemon.config_path.read_text() + "# the end\n"
    daemon.config_path.write_text(config)
    daemon.ctl("list", "mode", "l", "shadow")
    assert rrs(ask(daemon, "a.example")) == ["192.0.2.200"]
    now = daemon.config_path.read_text()
    diff = [d for d in difflib.ndiff(config.splitlines(), now.splitlines()) if d[0] in "+-"]
    assert len(diff) == 1 and diff[0].strip("+ ") == "mode: shadow", diff
    daemon.ctl("list", "mode", "l", "enforce")
    assert blocked(ask(daemon, "a.example"))
    assert daemon.config_path.read_text().replace("enforce", "shadow") == now


def test_a_saring_yaml_that_the_daemon_has_not_read(daemon):
    """The list's name leads elsewhere since: the edit is made, and nobody is told that it acts."""
    path = daemon.home / "lists/m.yaml"
    path.write_text("entries: [m.example]\n")
    text = daemon.config_path.read_text()
    assert text.count("lists/l.yaml") == 1
    daemon.config_path.write_text(text.replace("lists/l.yaml", "lists/m.yaml"))
    for name in ("x.example", "m.example"):
        result = daemon.ctl("list", "add", "l", name, code=1)
        assert "saringctl reload" in result.err and "generation" not in result.out, result
    assert "x.example" in path.read_text() and rrs(ask(daemon, "x.example")) == ["192.0.2.200"]
    daemon.ctl("reload")
    assert blocked(ask(daemon, "x.example"))
    assert ", in force: generation" in daemon.ctl("list", "add", "l", "m.example").out


def test_what_waited_in_the_file_is_taken_up(daemon):
    """Written without the daemon's knowledge; the next edit finds nothing to change, and makes it act all the same."""
    path = daemon.home / "lists/l.yaml"
    path.write_text(LIST.replace("a.example  ", "w.example  "))
    assert rrs(ask(daemon, "w.example")) == ["192.0.2.200"]
    result = daemon.ctl("list", "add", "l", "w.example")
    assert "w.example is already in l (line 7), in force: generation 2" in result.out, result
    assert blocked(ask(daemon, "w.example")) and rrs(ask(daemon, "a.example")) == ["192.0.2.200"]


def test_layouts_survive(daemon):
    """Windows line ends, a BOM, no final newline, a flow list: whatever is there stays."""
    path = daemon.home / "lists/l.yaml"
    for text in ("\ufeffentries:\r\n- a.example # ä\r\n- b.example\r\n", "entries: [a.example, b.example]  # flow\n", "entries:\n- a.example",
                 "entries: [\n  a.example,  # one\n  b.example   # two\n]\n", "title: x\n# none yet\nentries: []\n", "title: x\n"):
        path.write_bytes(text.encode())
        daemon.ctl("reload")
        daemon.ctl("list", "add", "l", "x.example")
        assert blocked(ask(daemon, "x.example")), text
        added = path.read_bytes()
        for line in text.splitlines():
            for piece in line.split("#")[1:]:
                assert ("#" + piece).encode() in added, text
        assert added.startswith("\ufeff".encode()) == text.startswith("\ufeff")
        if "\r\n" in text:
            assert added.count(b"\n") == added.count(b"\r\n")
        daemon.ctl("list", "lift", "l", "x.example")
        assert rrs(ask(daemon, "x.example")) == ["192.0.2.200"], text
        daemon.ctl("list", "remove", "l", "x.example")
        assert [e["entry"] for e in daemon.ctl("--json", "list", "show", "l").json] == [
            n for n in ("a.example", "b.example") if n in text], text


def test_a_file_that_is_broken_is_left_alone(daemon):
    path = daemon.home / "lists/l.yaml"
    path.write_text("entries:\n  - a.example\n  - b..example\n")
    before = path.read_bytes()
    for args in (["list", "add", "l", "x.example"], ["list", "remove", "l", "a.example"], ["list", "lift", "l"]):
        result = daemon.ctl(*args, code=1)
        assert "l.yaml:3:5: " in result.err
        assert path.read_bytes() == before
    assert blocked(ask(daemon, "a.example")) and rrs(ask(daemon, "x.example")) == ["192.0.2.200"], "the old policy serves on"


def test_links_and_rights_stay(daemon):
    path = daemon.home / "lists/l.yaml"
    real = daemon.home / "lists/real.yaml"
    path.rename(real)
    os.chmod(real, 0o640)
    path.symlink_to("real.yaml")
    daemon.ctl("list", "add", "l", "x.example")
    assert path.is_symlink() and "x.example" in real.read_text() and real.stat().st_mode & 0o777 == 0o640
    assert blocked(ask(daemon, "x.example"))
    assert not [p for p in (daemon.home / "lists").iterdir() if p.name not in ("l.yaml", "real.yaml")], "no temporary file stays"


def test_edits_at_once_all_survive(daemon):
    """Twenty adds and a lift and a removal, all at the same time."""
    with concurrent.futures.ThreadPoolExecutor(22) as pool:
        jobs = [pool.submit(daemon.ctl, "list", "add", "l", f"n{i}.example") for i in range(20)]
        jobs += [pool.submit(daemon.ctl, "list", "lift", "l", "a.example"), pool.submit(daemon.ctl, "list", "remove", "l", "d.example")]
        for job in jobs:
            job.result()
    for i in range(20):
        assert blocked(ask(daemon, f"n{i}.example")), i
    assert rrs(ask(daemon, "a.example")) == ["192.0.2.200"] and rrs(ask(daemon, "d.example")) == ["192.0.2.200"]
    entries = [e["entry"] for e in daemon.ctl("--json", "list", "show", "l").json]
    assert len(entries) == 23 and {f"n{i}.example" for i in range(20)} < set(entries)
    for comment in ("# Kept by hand", "# the names", "# bare, with a note", "# after the end"):
        assert comment in (daemon.home / "lists/l.yaml").read_text()
    status = daemon.status()
    assert status["policy"]["entries"] == 23 and status["policy"]["generation"] <= 23


def test_each_edit_is_in_force_when_its_own_command_returns(daemon):
    """While others edit too: who is told 'in force' finds it so with the very next query."""
    def one(i):
        for round_ in range(3):
            name = f"r{i}-{round_}.example"
            daemon.ctl("list", "add", "l", name)
            assert blocked(ask(daemon, name)), name
            daemon.ctl("list", "lift", "l", name)
            assert rrs(ask(daemon, name)) == ["192.0.2.200"], name
        return True

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        assert all(pool.map(one, range(4)))


def test_edits_under_load(daemon):
    """No query lost, no wrong answer: what is always blocked always is, what never is never is, what changes is one or the other."""
    questions = [
        ("a.example", "A", lambda m: rcode_of(m) == 3), ("x.a.example", "AAAA", lambda m: rcode_of(m) == 3),
        ("open.example", "A", lambda m: rcode_of(m) == 0 and b"\xc0\x00\x02\xc8" in m),
        ("toggled.example", "A", lambda m: rcode_of(m) == 3 or (rcode_of(m) == 0 and b"\xc0\x00\x02\xc8" in m)),
    ]
    with Load(daemon, questions) as load:
        for _ in range(8):
            daemon.ctl("list", "add", "l", "toggled.example", "--force")  # it is a quarter of all that is asked
            assert blocked(ask(daemon, "toggled.example"))
            load.reach(20)
            daemon.ctl("list", "remove", "l", "toggled.example")
            assert rcode(ask(daemon, "toggled.example")) == "NOERROR"
            load.reach(20)
    assert load.asked >= 300
    assert daemon.status()["policy"]["generation"] == 17
    images = [p.name for p in (daemon.home / "state").iterdir() if p.name.endswith(".img")]
    assert len(images) == 1, f"old images are taken away: {images}"
