# SPDX-License-Identifier: BSD-2-Clause
"""Mistakes in saring.yaml and in lists: all of them reported, each at its line and column, by saringd -t and saringctl check alike.

In the texts below § stands where an error must be reported, and is taken out before the file is written."""
import os
import re

import pytest

from harness.ask import ask, rcode
from harness.daemon import needs_root

LINE = re.compile(r"^(?P<file>.+?):(?P<line>\d+):(?P<column>\d+): (?P<text>.+)$")


def marks(text):
    """The text without its marks, and where they stood: [(line, column)], from 1, in characters."""
    places, clean = [], []
    for number, line in enumerate(text.split("\n"), 1):
        while (at := line.find("§")) >= 0:
            places.append((number, at + 1))
            line = line[:at] + line[at + 1:]
        clean.append(line)
    return "\n".join(clean), places


def errors_of(out):
    found = []
    for line in out.splitlines():
        match = LINE.match(line)
        if match and " warning: " not in line:
            found.append((match["file"], int(match["line"]), int(match["column"]), match["text"]))
    return found


@pytest.fixture
def check(saringd):
    """check(text, lists) -> [(file, line, column, text)] as `saringd -t` says it, after `saringctl check` said the same."""

    def run(text, lists=None, name="saring.yaml"):
        daemon = saringd(text=text, lists=lists or {}, start=False)
        by_daemon = daemon.run("saringd", "-t", "-c", name)
        by_tool = daemon.run("saringctl", "check", name)
        by_json = daemon.run("saringctl", "--json", "check", name)
        errors = errors_of(by_daemon.out + by_daemon.err)
        assert by_daemon.code == by_tool.code == by_json.code == (1 if errors else 0), (by_daemon, by_tool)
        assert [e[:3] for e in errors_of(by_tool.out + by_tool.err)] == [e[:3] for e in errors], (by_daemon, by_tool)
        assert [(e["file"], e["line"], e["column"]) for e in by_json.json["errors"]] == [e[:3] for e in errors], by_json
        assert by_json.json["ok"] is (not errors)
        daemon.reports()
        return errors

    return run


def expect(check, text, *words, lists=None):
    """Errors exactly at the marks, each with its words in it."""
    clean, places = marks(text)
    errors = check(clean, lists)
    assert [(line, column) for _, line, column, _ in errors] == places, errors
    assert all(file == "saring.yaml" for file, *_ in errors), errors
    for word, error in zip(words, errors):
        for part in [word] if isinstance(word, str) else word:
            assert part in error[3], errors
    return errors


@pytest.mark.parametrize("text", ["", "# nothing but a comment\n", "---\n", "workers: auto\n", "listen: [127.0.0.1]\n",
                                  "listen: ['127.0.0.1:5300', 'dns://[::1]:5300']\n", "\ufeffworkers: 2\n", "workers: 2\r\nstate: s\r\n",
                                  "lists: []\n", "log: {level: debug}\n"])
def test_sound(check, text):
    assert check(text) == []


@pytest.mark.parametrize("text,words", [
    ("§listn: [dns://127.0.0.1:53]\n", ("listn", "listen")),
    ("upstream:\n  §server: [dns://192.0.2.1]\n", ("server", "servers")),
    ("cache: {§sise: 64MiB}\n", ("sise", "size")),
    ("cache:\n    min-ttl: 0s\n    §min_ttl: 0s\n", ("min_ttl", "min-ttl")),
    ("lists:\n  - name: a\n    file: a.yaml\n    §mod: shadow\n", ("mod", "mode")),
    ("# ä ö ü\nüü: 1\n".replace("üü", "§üü"), ("üü",)),
    ("log: {§lewel: info}\n", ("lewel", "level")),
    ("§something-else-entirely: 1\n", ("something-else-entirely",)),
])
def test_unknown_keys(check, text, words):
    expect(check, text, words, lists={"a.yaml": "entries: []\n"})


@pytest.mark.parametrize("text,words", [
    ("listen: §5300\n", ()),
    ("listen: [§dns://nowhere.example:53]\n", ()),
    ("listen: ['dns://127.0.0.1:53', §'dns://127.0.0.1:65536']\n", ()),
    ("listen: [§'tls://127.0.0.1#x']\n", ("tls",)),
    ("listen: [§'dns://::1']\n", ()),
    ("workers: §0\n", ()),
    ("workers: §-1\n", ()),
    ("workers: §many\n", ("auto",)),
    ("workers: §[1]\n", ()),
    ("workers: §99999\n", ()),
    ("clients: {allow: [§127.0.0.0/33]}\n", ()),
    ("clients: {allow: [§'::1/129']}\n", ()),
    ("clients: {allow: [§'localhost']}\n", ()),
    ("clients: {others: §ignore}\n", ("refuse", "drop")),
    ("upstream: {servers: [§'dns://192.0.2.1:0']}\n", ()),
    ("upstream: {strategy: §fast}\n", ("fastest",)),
    ("upstream: {timeout: §2}\n", ()),
    ("upstream: {timeout: §-1s}\n", ()),
    ("upstream: {timeout: §2 parsecs}\n", ()),
    ("upstream: {routes: [{zone: §'a..b', servers: [dns://192.0.2.1]}]}\n", ()),
    ("cache: {size: §64MB}\n", ()),
    ("cache: {size: §lots}\n", ()),
    ("cache: {max-ttl: §1500ms}\n", ()),
    ("cache: {prefetch: §yes}\n", ("true",)),
    ("block: {answer: §nxdomian}\n", ("nxdomian", "nxdomain")),
    ("block: {ttl: §2h}\n", ()),
    ("block:\n  addresses: [192.0.2.1, §192.0.2.256]\n", ()),
    ("block: §nxdomain\n", ()),
    ("lists: §telegram\n", ()),
    ("lists:\n  - §telegram\n", ()),
    ("lists:\n  - name: a\n    file: a.yaml\n    mode: §on\n", ("enforce", "shadow", "off")),
    ("lists:\n  - name: a\n    file: a.yaml\n    mandatory: §1\n", ()),
    ("lists:\n  - name: §'a b'\n    file: a.yaml\n", ()),
    ("lists:\n  - name: a\n    file: a.yaml\n    expires: §2026-02-30\n", ()),
    ("log: {level: §loud}\n", ("error", "warning", "info", "debug")),
    ("control: {socket: §[a]}\n", ()),
    ("state: §{a: b}\n", ()),
])
def test_bad_values(check, text, words):
    expect(check, text, words, lists={"a.yaml": "entries: []\n"})


def test_missing_and_contradicting(check):
    lists = {"a.yaml": "entries: []\n"}
    for text in ("lists:\n  - file: a.yaml\n", "lists:\n  - name: a\n", "block: {answer: address}\n", "cache: {min-ttl: 30m, max-ttl: 10m}\n",
                 "upstream: {routes: [{zone: a.example}]}\n", "upstream: {routes: [{servers: [dns://192.0.2.1]}]}\n",
                 "lists:\n  - name: a\n    file: a.yaml\n    answer: address\n"):
        errors = check(text, lists)
        assert len(errors) == 1, (text, errors)
    errors = check("lists:\n  - name: a\n    file: a.yaml\n  - name: a\n    file: a.yaml\n", lists)
    assert [(e[1], e[2]) for e in errors] == [(4, 11)] and "a" in errors[0][3]


def test_every_error_is_reported_not_only_the_first(check):
    expect(check, """\
# a comment
§listn: [dns://127.0.0.1:53]
workers: §none
upstream:
  timeout: §soon
  §tiemout: 2s
block:
  answer: §nxdomian
  ttl: 10s
lists:
  - name: a
    file: a.yaml
    §modee: enforce
    action: §deny
log: {level: §noisy}
""", "listn", "none", "soon", "tiemout", "nxdomian", "modee", "deny", "noisy", lists={"a.yaml": "entries: []\n"})


@pytest.mark.parametrize("text,word", [
    ("workers: 1\n§workers: 2\n", "workers"),
    ("log: {level: info, §level: debug}\n", "level"),
    ("workers: &a 2\n".replace("&a", "§&a"), ""),
    ("state: §*a\n", ""),
    ("workers: §!!int 2\n", ""),
    ("workers: 2\n---\nworkers: 3\n".replace("---", "§---"), ""),
    ("? §[a]\n: b\n", ""),
])
def test_yaml_that_is_refused(check, text, word):
    expect(check, text, word)


@pytest.mark.parametrize("text,line", [("workers: [1\nlog: x\n", None), ("workers: 'x\n", None), ("\tworkers: 1\n", 1), ("a: b: c\n", 1),
                                       ("- a\n- b\n", 1), ("just text\n", 1), ("workers: \0\n", 1)])
def test_yaml_that_is_none(check, text, line):
    errors = check(text)
    assert len(errors) == 1 and (line is None or errors[0][1] == line), errors


def test_invalid_utf8(saringd):
    daemon = saringd(text="", start=False)
    daemon.config_path.write_bytes(b"# fine\nstate: caf\xe9\n")
    result = daemon.run("saringd", "-t", "-c", "saring.yaml")
    errors = errors_of(result.out + result.err)
    assert result.code == 1 and len(errors) == 1 and errors[0][1] == 2, result


def test_bombs_cost_nothing(check):
    """Depth, aliases, size: each an error, at once."""
    errors = check("workers: " + "[" * 5000 + "]" * 5000 + "\n")
    assert len(errors) == 1 and errors[0][1] == 1
    bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(f"{c}: &{c} [{','.join(['*' + p] * 9)}]\n" for p, c in zip("abcdefgh", "bcdefghi"))
    assert check(bomb)
    errors = check("".join(f"k{i}: 1\n" for i in range(5000)))
    assert 100 <= len(errors) <= 5000


def test_a_file_too_large(saringd):
    daemon = saringd(text="# " + "x" * (17 << 20) + "\n", start=False)
    for program, args in (("saringd", ["-t", "-c", "saring.yaml"]), ("saringctl", ["check", "saring.yaml"])):
        result = daemon.run(program, *args)
        assert result.code == 1 and "saring.yaml" in result.err and not result.err.count("\n") > 1, result


def test_files_that_are_not_there(saringd):
    daemon = saringd(text="lists:\n  - name: a\n    file: gone.yaml\n", start=False)
    result = daemon.run("saringd", "-t", "-c", "saring.yaml")
    assert result.code == 1 and "gone.yaml" in result.err + result.out and "No such file" in result.err + result.out, result
    result = daemon.run("saringd", "-t", "-c", "nothing.yaml")
    assert result.code == 1 and "nothing.yaml" in result.err + result.out
    result = daemon.run("saringctl", "check", "nothing.yaml")
    assert result.code == 1 and "nothing.yaml" in result.err + result.out


# lists

LISTS = "lists:\n  - name: l\n    file: lists/l.yaml\n"


def expect_list(check, text, *words):
    clean, places = marks(text)
    errors = check(LISTS, {"lists/l.yaml": clean})
    assert [(line, column) for _, line, column, _ in errors] == places, errors
    assert all(file.endswith("lists/l.yaml") for file, *_ in errors), errors
    for word, error in zip(words, errors):
        assert word in error[3], errors


@pytest.mark.parametrize("text", ["", "entries:\n", "entries: []\n", "title: x\n", "entries: [a.example, b.example]\n",
                                  "action: allow\ncode: filtered\nentries:\n- a.example\n- domain: b.example\n  contact: mailto:a@b\n",
                                  "entries:\n  - 1.0\n  - no\n  - 'null'\n", "added: 2020-01-01T00:00:00+07:00\nentries: []\n"])
def test_sound_lists(check, text):
    assert check(LISTS, {"lists/l.yaml": text}) == []


@pytest.mark.parametrize("text,word", [
    ("§entires: [a.example]\n", "entries"),
    ("action: §deny\n", "block"),
    ("code: §secret\n", "censored"),
    ("added: §yesterday\n", ""),
    ("expires: §2026-13-01\n", ""),
    ("review: §2017-02-29\n", ""),
    ("entries: §a.example\n", ""),
    ("entries:\n  - a.example\n  - §a..example\n", ""),
    ("entries:\n  - §'*.a.example'\n", "subdomains"),
    ("entries:\n  - §'a b.example'\n", ""),
    ("entries:\n  - §" + "a" * 64 + ".example\n", "63"),
    ("entries:\n  - §" + ".".join(["a" * 60] * 5) + "\n", ""),
    ("entries:\n  - domain: a.example\n    §mach: exact\n", "match"),
    ("entries:\n  - domain: a.example\n    match: §partly\n", "subtree"),
    ("entries:\n  - domain: a.example\n    lifted: §never\n", ""),
    ("entries:\n  - domain: §[a.example]\n", ""),
    ("entries:\n  - domain: a.example\n    §domain: b.example\n", "domain"),
    ("entries:\n  - §[a.example]\n", ""),
    ("entries:\n  - regex: §'(unclosed'\n", ""),
    ("entries:\n  - regex: §'" + "a" * 300 + "'\n", ""),
    ("entries: [a.example, §b..example, {domain: §c..example}]\n", ""),
])
def test_bad_lists(check, text, word):
    expect_list(check, text, word)


def test_bad_entries_without_a_value_of_their_own(check):
    for entry in ("match: exact", "domain: a.example\n    regex: b", "regex: a\n    match: exact"):
        errors = check(LISTS, {"lists/l.yaml": f"entries:\n  - {entry}\n"})
        assert len(errors) == 1 and errors[0][1] in (2, 3), errors


def test_every_error_of_every_list_is_reported(check):
    config = "lists:\n  - name: l\n    file: l.yaml\n  - name: m\n    file: m.yaml\n  - name: o\n    file: o.yaml\n    mode: off\n"
    errors = check(config, {"l.yaml": "entries:\n  - a..b\n  - c..d\n", "m.yaml": "actoin: block\n", "o.yaml": "entries: [e..f]\n"})
    assert [(e[0].rsplit("/")[-1], e[1], e[2]) for e in errors] == [("l.yaml", 2, 5), ("l.yaml", 3, 5), ("m.yaml", 1, 1), ("o.yaml", 1, 11)]


def test_a_duplicate_key_hides_nothing(check):
    expect(check, """\
§listn: []
log: {level: info, §level: §loud}
workers: 1
§workers: §none
lists:
  - name: a
    file: a.yaml
    mode: §on
""", "listn", "again", "loud", "again", "none", "on", lists={"a.yaml": "entries: []\n"})
    expect_list(check, "action: §deny\n§action: block\nentries:\n  - §a..b\n§entries: [c, §d..e]\n", "deny", "again", "", "again", "")


def test_a_bad_expression_is_not_hidden(check):
    """Neither by another fault in its list, nor by one in saring.yaml."""
    text = "entries:\n  - a..b\n  - regex: '(unclosed'\n  - c.example\n  - regex: '(too'\n    code: x\n"
    errors = check(LISTS, {"lists/l.yaml": text})
    assert sorted(e[:3] for e in errors) == [("lists/l.yaml", 2, 5), ("lists/l.yaml", 3, 12), ("lists/l.yaml", 5, 12), ("lists/l.yaml", 6, 11)]
    errors = check("workers: none\n" + LISTS, {"lists/l.yaml": "entries:\n  - regex: '(unclosed'\n"})
    assert [e[:3] for e in errors] == [("saring.yaml", 1, 10), ("lists/l.yaml", 2, 12)]


def test_faults_of_the_configuration_do_not_hide_those_of_lists(check):
    config = ("lists:\n  - name: l\n    file: l.yaml\n    answer: address\n  - name: m m\n    file: m.yaml\n"
              "  - name: o\n    file: o.yaml\n    mode: off\n  - name: p\n    file: gone.yaml\n")
    errors = check(config, {"l.yaml": "entries: [a..b]\n", "m.yaml": "entries: [c..d]\n", "o.yaml": "entries: [e..f]\n"})
    assert [e[:3] for e in errors] == [("saring.yaml", 4, 13), ("saring.yaml", 5, 11), ("l.yaml", 1, 11), ("o.yaml", 1, 11),
                                       ("saring.yaml", 10, 5)], errors


def test_places_can_be_opened_from_here(saringd):
    daemon = saringd(text="", lists={"etc/saring.yaml": LISTS, "etc/lists/l.yaml": "entries:\n  - a..b\n"}, start=False)
    for command in (("saringd", "-t", "-c", "etc/saring.yaml"), ("saringctl", "check", "etc/saring.yaml"),
                    ("saringctl", "-c", "etc/saring.yaml", "list", "show", "l"), ("saringctl", "check", "etc/lists/l.yaml")):
        result = daemon.run(*command)
        assert result.code == 1 and re.search(r"^(saringctl: )?etc/lists/l\.yaml:2:5: ", result.out + result.err, re.M), result


def test_a_fifo_is_refused_and_not_waited_for(saringd):
    daemon = saringd(text=LISTS, lists={"lists/other.yaml": ""}, start=False)
    os.mkfifo(daemon.home / "lists" / "l.yaml")
    os.mkfifo(daemon.home / "fifo.yaml")
    for command in (("saringd", "-t", "-c"), ("saringctl", "check")):
        for name, place in (("saring.yaml", "saring.yaml:2:5: "), ("fifo.yaml", "")):
            result = daemon.run(*command, name)
            assert result.code == 1 and place in result.out + result.err and "not a regular file" in result.out + result.err, result


def test_check_of_one_list(saringd):
    daemon = saringd(text="", lists={"l.yaml": "entries:\n  - a..b\n  - regex: '('\n", "sub/l.yaml": "entries: [a..b]\nentries: []\n"},
                     start=False)
    result = daemon.run("saringctl", "check", "l.yaml")
    assert result.code == 1 and [e[:3] for e in errors_of(result.out + result.err)] == [("l.yaml", 2, 5), ("l.yaml", 3, 12)], result
    result = daemon.run("saringctl", "check", "sub/l.yaml")
    assert result.code == 1 and [e[:3] for e in errors_of(result.out + result.err)] == [("sub/l.yaml", 1, 11), ("sub/l.yaml", 2, 1)], result


def test_warnings_are_no_errors(saringd):
    daemon = saringd(text=LISTS, lists={"lists/l.yaml": """\
entries:
  - a.example.com
  - a.example.com
  - example.com
  - domain: old.example.org
    expires: 2018-07-14
  - domain: due.example.org
    review: 2018-07-14
  - co.uk
"""}, start=False)
    result = daemon.run("saringctl", "--json", "check", "saring.yaml")
    assert result.code == 0, result
    told = {(w["kind"], w["line"]) for w in result.json["warnings"]}
    assert {("duplicate", 3), ("expired", 5), ("past-review", 7), ("over-broad", 9)} <= told, told
    assert any(kind == "covered" and line in (2, 3) for kind, line in told), told
    people = daemon.run("saringctl", "check", "saring.yaml")
    assert people.code == 0 and re.search(r"lists/l\.yaml:3:\d+: warning: ", people.out + people.err)
    assert daemon.run("saringd", "-t", "-c", "saring.yaml").code == 0


# what start-up does with them


def test_a_bad_configuration_does_not_start(saringd):
    daemon = saringd(text="workers: none\n", start=False)
    for text, place in (("workers: none\n", "saring.yaml:1:10: "), (LISTS + "listen: ['dns://127.0.0.1:0']\nstate: s\ncontrol: {socket: c.sock}\n",
                                                                   "lists/l.yaml:1:11: ")):
        (daemon.home / "lists").mkdir(exist_ok=True)
        (daemon.home / "lists/l.yaml").write_text("entries: [a..b]\n")
        daemon.config_path.write_text(text)
        daemon.spawn()
        daemon.expect_exit = 1
        assert daemon.process.wait(60) == 1
        assert place in daemon.stderr()
        assert not any(note.startswith("READY") for note in daemon.notes)
        daemon.stop()


def test_yesterdays_image_does_not_stand_in_at_start(saringd, fake):
    """An image of an earlier run is there; the list is broken now: start-up says so instead of serving something else."""
    daemon = saringd({"upstream": {"servers": [fake().endpoint]}, "lists": [{"name": "l", "file": "l.yaml"}]}, {"l.yaml": "entries: [a.example]\n"})
    daemon.stop()
    (daemon.home / "l.yaml").write_text("entries: [a..b]\n")
    daemon.spawn()
    assert daemon.process.wait(60) == 1 and "l.yaml:1:11: " in daemon.stderr()
    daemon.expect_exit = 1
    daemon.stop()
    (daemon.home / "l.yaml").write_text("entries: [b.example]\n")
    daemon.expect_exit = 0
    daemon.start()
    assert rcode(ask(daemon, "b.example")) == "NXDOMAIN" and rcode(ask(daemon, "a.example")) == "NOERROR"


def test_a_port_that_is_taken(saringd):
    one = saringd()
    other = saringd(start=False)
    other.configure(listen=[f"dns://127.0.0.1:{one.port}"])
    # another user's socket cannot share the port; the same user's could, by SO_REUSEPORT: what counts is that we are told
    import socket
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        other.configure(listen=[f"dns://127.0.0.1:{taken.getsockname()[1]}"])
        other.spawn()
        assert other.process.wait(60) == 1
    assert str(taken) and "in use" in other.stderr()
    other.expect_exit = 1


@needs_root
def test_users_that_are_not_there(saringd):
    daemon = saringd(start=False)
    daemon.configure(user="no-such-user-here")
    daemon.spawn()
    assert daemon.process.wait(60) == 1 and "no-such-user-here" in daemon.stderr()
    daemon.expect_exit = 1


@pytest.mark.parametrize("args,code", [(["--version"], 0), (["--help"], 0), (["--nonsense"], 2), (["-c"], 2), (["operand"], 2)])
def test_command_line(saringd, args, code):
    daemon = saringd(start=False)
    result = daemon.run("saringd", *args)
    assert result.code == code, result
    if args == ["--version"]:
        assert result.out.split()[0] == "saringd" and re.search(r"\d+\.\d+\.\d+", result.out)
    if code == 2:
        assert result.err and not result.out
