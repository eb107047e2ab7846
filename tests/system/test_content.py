# SPDX-License-Identifier: BSD-2-Clause
"""What strangers write (names, lists, servers, clients, file names) comes out of the log, the tools and the answers as text: one line for
one event, valid UTF-8, no byte that steers a terminal, JSON that reads back, and in another format nothing that means something else."""
import json
import subprocess

import pytest

from harness.ask import Raw, ask, blocked, ede, eventually, header, opt, question, rcode, rrs
from harness.daemon import CALL_S
from harness.fake import records
from harness.web import Reply, Web

# what a YAML list takes in its texts, and what nobody may see raw
STEERING = "\u009b31m \u0085 \u2028 \u2029 \u202e \u200e \u2066 \u200b \ufeff \U000e0041"
PLAIN = "\"q\" \\ , ; ' =cmd|' /C calc'!A0 <script>alert(1)</script> $(id) `id` %s %n {{7*7}} é €"
TEXTS = {"steering": STEERING, "plain": PLAIN, "long": "\u202e" * 255, "lines": "one\nverdict: EVIL\ttwo", "formula": "=cmd|' /C calc'!A0"}
# names by their presentation form; all of them may stand in a list
NAMES = ["a\\000b.example", "a\\027[31m.example", "a\\010b.example", "a\\013b.example", "a\\127b.example", "a\\.b.example", "a\\\\b.example", "\\\"q\\\".example",
         "a,b.example", "a'b.example", "=cmd|calc.example", "<script>.example", "#c.example", "a#c.example", "!x.example", "a!x.example", "a|b^.example", "a/b.example",
         "a\\$important.example", "\\$include.example", "\\@.example", "\\;c.example", "a\\;b.example", "\\(a\\).example", "a\\(b.example", "a%b.example", "a&b.example",
         "\\195\\169.example", "\\194\\155x.example", "\\226\\128\\174x.example", "\\255\\254.example", "rpz-ip", "1.2.3.4.rpz-ip", "x.rpz-client-ip", "in.example",
         "xn--bcher-kva.example", ".".join(["x" * 63] * 3 + ["y" * 61]), "\\000" * 63 + ".example", "-x.example", "_x.example", "plain.example"]


def is_steering(c):
    n = ord(c)
    return (n < 0x20 and c != "\n") or 0x7f <= n < 0xa0 or n in (0xad, 0x61c, 0x180e, 0x200b, 0x200e, 0x200f, 0xfeff) or \
        0x2028 <= n <= 0x202e or 0x2060 <= n <= 0x206f or 0xfff0 <= n <= 0xfffb or 0xe0000 <= n <= 0xe0fff


def clean(raw, what=""):
    """The text of bytes that somebody will see."""
    text = raw.decode("utf-8")  # strictly
    found = [c for c in text if is_steering(c)]
    assert not found, (what, [hex(ord(c)) for c in found[:5]], text[:2000])
    return text


class Done:
    def __init__(self, done, what):
        self.code, self.out, self.err = done.returncode, clean(done.stdout, what), clean(done.stderr, what)


def run(daemon, program, *args, stdin=None):
    """Any of the programs, its output seen as bytes."""
    raw = [a if isinstance(a, bytes) else str(a).encode() for a in args]
    done = subprocess.run([str(daemon.binaries / program).encode(), *raw], cwd=daemon.home, capture_output=True, timeout=CALL_S,
                          env=daemon.environment(), input=stdin, stdin=subprocess.DEVNULL if stdin is None else None, check=False)
    return Done(done, (program, args))


def ctl(daemon, *args, code=0, **how):
    done = run(daemon, "saringctl", "-c", daemon.config_path, *args, **how)
    assert code is None or done.code == code, (args, done.code, done.out, done.err)
    return done


def as_json(daemon, *args, code=0):
    return json.loads(ctl(daemon, "--json", *args, code=code).out)


def log(daemon):
    text = clean(daemon.stderr_path.read_bytes(), "log")
    for line in text.splitlines():
        assert line.startswith("20") and " saringd " in line[:45], line  # each line is one event of its own
    return text


def quoted(text):
    """A double-quoted scalar of YAML."""
    return '"' + "".join(c if 0x20 <= ord(c) < 0x7f and c not in '"\\' else f"\\U{ord(c):08x}" for c in text) + '"'


def yaml_list(names, **texts):
    return "".join(f"{key}: {quoted(text)}\n" for key, text in texts.items()) + "entries:\n" + "".join(f"  - {quoted(name)}\n" for name in names)


@pytest.fixture
def daemon(saringd, fake):
    texts = {"title": STEERING, "authority": PLAIN, "reason": STEERING + PLAIN, "reference": TEXTS["formula"]}
    return saringd({"upstream": {"servers": [fake().endpoint]}, "log": {"level": "debug"},
                    "lists": [{"name": "l", "file": "l.yaml"}, {"name": "other", "file": "other.yaml"}],
                    "block": {"organization": "red \u202e \u200b evil", "contact": ["mailto:who@example.net"]}},
                   {"l.yaml": yaml_list(NAMES, **texts), "other.yaml": "entries: []\n"})


# names


def test_names_of_queries(daemon):
    """On the wire, through explain, and in the log: there is none of it in the log, and all is text in explain."""
    labels = [b"a\x1b[31m", b"a\r\nb", b"a\0b", b'"', b"a,b", b"=cmd|x", b"<script>", "é".encode(), b"\xff\xfe", b"\xc2\x9b31m", "\u202e".encode(), b"a.b",
              b"\\", b"\x7f", b"x" * 63]
    with Raw(daemon) as raw:
        for label in labels:
            for wire in (header(ar=1) + question(label, "example") + opt(), header() + question(*[label[:63 - 3]] * 3, "example")):
                assert raw.exchange(wire)[:2] == wire[:2]
    for name in NAMES:
        assert blocked(ask(daemon, name)), name
        found = as_json(daemon, "explain", "--", name)
        assert found["verdict"] == "blocked" and found["name"].isascii() and found["name"].isprintable(), found
        assert as_json(daemon, "explain", "--", found["name"])["name"] == found["name"]
        shown = ctl(daemon, "explain", "--", name).out
        assert not any(line.startswith("verdict: EVIL") for line in shown.splitlines())
    # what is one label is not several, and a NUL ends no name
    for name in ("a.b.example", "a.example", "b.example"):
        assert as_json(daemon, "explain", name)["verdict"] == "none", name
    log(daemon)


# texts


def test_texts_of_a_list(daemon):
    """Provenance of any characters: tables, JSON (as it was written), and the extended error."""
    for what, text in TEXTS.items():
        (daemon.home / "l.yaml").write_text(yaml_list(["a.example"], title=text, authority=text, reason=text, reference=text, contact=text), encoding="utf-8")
        ctl(daemon, "reload")
        rule = as_json(daemon, "explain", "a.example")["rule"]
        for key in ("authority", "reason", "reference"):
            assert rule[key] == text.strip(" \n\t"), (what, key)
        assert rule["contact"] == [text.strip(" \n\t")]
        assert as_json(daemon, "list", "show", "l")[0]["reason"] == rule["reason"]
        for args in (["explain", "a.example"], ["list", "show", "l"], ["list"], ["status"], ["check"]):
            shown = ctl(daemon, *args).out
            assert not any(line.startswith("verdict: EVIL") for line in shown.splitlines()), (what, args)
        code, said = ede(ask(daemon, "a.example"))
        assert code in (15, 16, 17)
        assert not [c for c in said if is_steering(c) or c == "\n"], said
    log(daemon)


# files


@pytest.mark.parametrize("name", [b"c\x1b[31m.yaml", b"c\nFILE:1:1: no.yaml", b"c\r.yaml", b"c\x7f.yaml", b"c\xff.yaml", "c\u009b\u202e.yaml".encode(), b"c\"\\.yaml"])
def test_names_of_files(saringd, name):
    daemon = saringd(start=False)
    (daemon.home.joinpath(name.decode("utf-8", "surrogateescape"))).write_text("statte: x\nlisten: 5\n", encoding="utf-8")
    for program, args in (("saringd", ["-t", "-c", name]), ("saringd", ["-c", name]), ("saringctl", ["check", name]), ("saringctl", ["-c", name, "status"]),
                          ("saringctl", ["-c", name, "list", "show", "l"]), ("saringctl", ["--json", "check", name]),
                          ("saring-compile", ["-c", name, "-o", "x.img", "-g", "1"]), ("saring-compile", ["-c", b"not" + name, "--check"]),
                          ("saringd", ["-t", "-c", b"not" + name]), ("saringctl", ["check", b"not" + name])):
        done = run(daemon, program, *args)
        assert done.code in (1, 3) and done.err, (program, done.out, done.err)
        assert not any(line.startswith("FILE:1:1:") for line in (done.out + done.err).splitlines())


def test_words_of_a_configuration(saringd):
    """Keys, values, names and paths of a bad one are quoted in its errors."""
    daemon = saringd(start=False)
    words = ["\\e[31m\\\"", "\\x9b\\u202e\\x7f\\\\", "a\\nb: é", "\\0"]
    shapes = ['"{}": 1\n', 'listen: ["{}"]\n', 'user: "{}"\n', 'log: {{level: "{}"}}\n', 'lists: [{{name: "{}", file: x}}]\n', 'lists: [{{name: l, file: "{}"}}]\n',
              'lists: [{{name: l, url: "https://x/{}"}}]\n', 'upstream: {{servers: ["{}"]}}\n', 'upstream: {{routes: [{{zone: "{}.example", servers: [x]}}]}}\n',
              'clients: {{allow: ["{}"]}}\n', 'cache: {{size: "{}"}}\n', 'control: {{socket: "{}", group: "{}"}}\n', 'state: "{}"\nstate: "{}"\n']
    for shape in shapes:
        for word in words:
            daemon.config_path.write_text(shape.replace("{}", word).replace("{{", "{").replace("}}", "}"), encoding="utf-8")
            for program, args in (("saringd", ["-t", "-c", "saring.yaml"]), ("saringctl", ["--json", "check", "saring.yaml"])):
                done = run(daemon, program, *args)
                assert done.code in (0, 1), (shape, word)
                if program == "saringctl":
                    json.loads(done.out)


def test_errors_of_a_reload(daemon):
    """They go through the compiler, the daemon's log and the control socket."""
    for word in ("\\e[31m", "\\x9b", "\\u202e", "\\x7f", "a\\nb", "\\\"", "é"):
        for text in (f'"{word}": 1\nentries: []\n', f'entries: ["{word} {word}"]\n', f'entries: [{{regex: "({word}"}}]\n', f'code: "{word}"\nentries: []\n'):
            (daemon.home / "l.yaml").write_text(text, encoding="utf-8")
            done = ctl(daemon, "reload", code=None)
            if done.code != 0:
                assert "l.yaml:" in done.err
    (daemon.home / "l.yaml").write_bytes(b"entries:\n  - a\x1b[31m.example\n")
    assert "l.yaml:2:" in ctl(daemon, "reload", code=1).err
    assert "reload.error" in log(daemon)
    assert blocked(ask(daemon, "plain.example"))  # by what was in force before


# import and export

LINES = {
    "hosts": "0.0.0.0 {}\n", "domains": "{}\n", "wildcard": "*.{}\n", "adblock": "||{}^\n", "dnsmasq": "address=/{}/#\n", "unbound": 'local-zone: "{}" always_nxdomain\n',
    "rpz": "{} CNAME .\n",
}
DEBRIS = [b"\x1b[31m.example", b"a\0b.example", b"\xff\xfe.example", b"\xc2\x9b31m.example", "\u202eevil.example".encode(), b"a\rb.example", b"\x7f.example", b"a\tb.example",
          b"$\x1b[2J", b"\"\x1b]0;x\x07\"", b"<script>.example", b"=cmd|.example", b"a$\x1b=1", b"x" * 300 + b".example", b"a..b"]


@pytest.mark.parametrize("form", LINES)
def test_import_reports(daemon, form):
    """What was left out or changed is shown with its line, for people and programs."""
    head, tail = (part.encode() for part in LINES[form].split("{}"))
    path = daemon.home / "in.txt"
    path.write_bytes(b"".join(head + b"good%d.example" % i + tail for i in range(40)) + b"".join(head + junk + tail for junk in DEBRIS))
    done = ctl(daemon, "list", "import", "other", "in.txt", "--format", form)
    assert "left out" in done.out, done.out
    report = as_json(daemon, "list", "import", "other", "in.txt", "--format", form)
    assert "good" in json.dumps(as_json(daemon, "list", "show", "other"))
    assert report and blocked(ask(daemon, "below.good1.example" if form == "wildcard" else "good1.example"))
    # and as a list of its own, with its errors
    daemon.configure(lists=[{"name": "x", "file": "in.txt", "format": form}])
    ctl(daemon, "check")
    as_json(daemon, "check")
    ctl(daemon, "reload")
    for args in (["list", "show", "x"], ["list", "export", "x"], ["list", "export", "x", "--format", form], ["--json", "list", "export", "x", "--format", form]):
        ctl(daemon, *args)
    log(daemon)


def shown_entries(daemon, name):
    """What the entries mean, whatever way they are written."""
    ret = set()
    for row in as_json(daemon, "list", "show", name):
        text = row["entry"]
        if row["match"] == "subtree":
            ret |= {(text, "exact"), (text, "subdomains")}
        else:
            ret.add((text, row["match"]))
    return ret


@pytest.mark.parametrize("form", ["yaml", *LINES])
def test_exports_mean_the_same(daemon, form):
    """Whatever stands in a name, an export has it as that name or not at all; a text of the list never becomes an entry."""
    if form == "hosts":  # which has names alone
        (daemon.home / "l.yaml").write_text("entries:\n" + "".join(f"  - {{domain: {quoted(name)}, match: exact}}\n" for name in NAMES), encoding="utf-8")
    before = shown_entries(daemon, "l")
    assert len(before) == len(NAMES) * (1 if form == "hosts" else 2)
    done = ctl(daemon, "list", "export", "l", "--format", form)
    assert as_json(daemon, "list", "export", "l", "--format", form)["text"] == done.out
    assert "plain.example" in done.out
    (daemon.home / "in.txt").write_text(done.out, encoding="utf-8")
    daemon.configure(lists=[{"name": "l", "file": "l.yaml"}, {"name": "again", "file": "in.txt", "format": form}])
    ctl(daemon, "reload")
    after = shown_entries(daemon, "again")
    assert after, done.out
    assert after <= before, (after - before, done.out)
    if form == "yaml":
        assert after == before
        texts = [as_json(daemon, "list", "show", name)[0] for name in ("l", "again")]
        for key in ("authority", "reason", "reference", "contact"):
            assert texts[0][key] == texts[1][key]


def test_edits_write_text(daemon):
    """What a command line says goes into the file as that text, and into saring.yaml not at all."""
    before = daemon.config_path.read_bytes()
    for i, text in enumerate(TEXTS.values()):
        ctl(daemon, "list", "add", "other", f"n{i}.example", "--reason", text, "--authority", text, "--reference", text, "--contact", text)
        row = next(one for one in as_json(daemon, "list", "show", "other") if one["entry"] == f"n{i}.example")
        assert row["reason"] == row["authority"] == row["reference"] == text.strip(" \n\t") and row["contact"] == [text.strip(" \n\t")]
        clean((daemon.home / "other.yaml").read_bytes().replace(b"\t", b" "), "other.yaml")
    ctl(daemon, "list", "add", "other", "--force", "--", *NAMES)
    assert {name.strip(".") for name in NAMES} <= {one["entry"] for one in as_json(daemon, "list", "show", "other")}
    ctl(daemon, "list", "show", "other")
    for bad in ("\x1b[31m", "\x7f", b"\xff", "a\nb", "\u202e.example"):
        ctl(daemon, "list", "add", "other", bad, code=1)
        ctl(daemon, "list", "add", "other", "x.example", "--expires", bad, code=2)
        ctl(daemon, "list", "mode", bad, "shadow", code=1)
        ctl(daemon, "explain", bad, code=None)
        ctl(daemon, bad, code=2)
        ctl(daemon, "list", "show", "l", bad, code=2)
        ctl(daemon, "--json", "list", "show", bad, code=1)
    assert daemon.config_path.read_bytes() == before
    ctl(daemon, "list", "mode", "other", "shadow")
    ctl(daemon, "check")
    log(daemon)


# servers of lists

WORD = "\x1b[31m\u009b\u202e\x7f\"\\"


@pytest.fixture
def web():
    one = Web()
    yield one
    one.close()


@pytest.mark.parametrize("reply", [
    Reply(status=500, body=WORD), Reply(status=302, headers={"Location": "http://\x1b[31m/\x7f"}), Reply(status=302, headers={"Location": "file:///etc/passwd"}),
    Reply(status=302, headers={"Location": "gopher://x\u202e".encode().decode("latin-1")}), Reply(("<!DOCTYPE html>" + WORD) * 50), Reply(WORD * 1000),
    Reply(b"0.0.0.0 a.example\n" * 3 + b"0.0.0.0 \x1b[31m.example\n" * 10, etag='"\x1b[31m\x7f"', headers={"X-Evil": "\x1b]0;x\x07"}),
    Reply("entries: [{%s: 1}]\n" % json.dumps(WORD))], ids=["500", "location", "file", "scheme", "html", "nonsense", "headers", "yaml"])
def test_servers(saringd, web, reply):
    web.pages["/ads"] = reply
    daemon = saringd({"lists": [{"name": "ads", "url": web.url("/ads")}], "log": {"level": "debug"}})
    ctl(daemon, "list", "fetch", "ads", code=None)
    eventually(lambda: as_json(daemon, "list")[0]["fetch_error"] or as_json(daemon, "list")[0]["entries"], "it was fetched, or not")
    as_json(daemon, "list", "fetch", "ads", code=None)
    for args in (["list"], ["list", "show", "ads"], ["status"], ["check"]):
        ctl(daemon, *args, code=None)
    assert "fetch." in log(daemon)


def test_answers_of_upstreams_are_not_shown(saringd, fake):
    """What an upstream writes reaches the client that asked, and no log."""
    up = fake()
    up.on("a.example", lambda one: [one.wire[:2] + b"\x1b[31m evil \r\n\xff" * 5])
    up.on("b.example", records('60 TXT "\\027[31m\\010" "x"'))
    daemon = saringd({"upstream": {"servers": [up.endpoint], "timeout": "500ms"}, "log": {"level": "debug"}})
    assert rcode(ask(daemon, "a.example")) == "SERVFAIL"
    assert rrs(ask(daemon, "b.example", "TXT"), "TXT") == ['"\\027[31m\\010" "x"']
    for args in (["upstream"], ["status"], ["cache"]):
        ctl(daemon, *args)
    assert "evil" not in log(daemon)
