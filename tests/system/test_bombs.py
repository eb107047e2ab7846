# SPDX-License-Identifier: BSD-2-Clause
"""Configurations and lists made to cost: refused or taken in bounded time and memory, with a place, while what was in force serves on.

The bounds are on work, not on speed: a deadline of a minute is far above what any of them takes, and far below what the quadratic way
would. Memory is measured on builds without a sanitizer only."""
import gzip
import os
import resource
import socket
import subprocess
import time

import pytest

from harness.ask import ask, blocked, eventually, rcode
from harness.daemon import SANITIZER, sanitized

BOUND_S = 60
MIB = 1 << 20


SANITIZED = sanitized()


def run(daemon, program, *args, stdin=None, memory=None):
    """Within the deadline, and within so much address space (bytes)."""
    def limit():
        if memory and not SANITIZED:
            resource.setrlimit(resource.RLIMIT_AS, (memory, memory))

    done = subprocess.run([str(daemon.binaries / program), *map(str, args)], cwd=daemon.home, capture_output=True, timeout=BOUND_S, check=False,
                          env=daemon.environment(), stdin=stdin or subprocess.DEVNULL, preexec_fn=limit)
    done.text = (done.stdout + done.stderr).decode()
    assert done.returncode in (0, 1) and not SANITIZER.search(done.text), (program, args, done.returncode, done.text[:2000])
    return done


# YAML

CHAIN = b"a: &a [x,x,x,x,x,x,x,x,x]\n" + b"".join(b"%c: &%c [%s]\n" % (c, c, b",".join([b"*%c" % (c - 1)] * 9)) for c in range(98, 115))
YAML = {  # what is in the file -> what is said; both for saring.yaml and for a list
    "brackets": (b"[" * 200000, ":1:33: nested deeper than 32"),
    "braces": (b"{a: " * 200000, ":1:129: nested deeper than 32"),
    "braces as keys": (b"{" * 200000, ":1:2: a key must be text"),
    "dashes": (b"- " * 200000, ":1:65: nested deeper than 32"),
    "question marks": (b"? " * 200000, ":1:3: a key must be text"),
    "blocks": (b"\n".join(b" " * i + b"a:" for i in range(1000)), ":33:33: nested deeper than 32"),
    "colons": (b"a: " * 200000, ":1:5: mapping values are not allowed"),
    "billion laughs": (CHAIN, ":1:4: anchors"),
    "an alias to itself": (b"a: &a [*a]\n", ":1:8: aliases"),
    "merge keys": (b"a: &a {x: 1}\nb: {<<: *a}\n", ":2:9: aliases"),
    "a tag": (b"a: !!python/object/apply:os.system [id]\n", ":1:4: tags"),
    "a long tag": (b"a: !" + b"t" * 900000 + b" x\n", ":1:4: tags"),
    "anchors": (b"".join(b"k%d: &a%d x\n" % (i, i) for i in range(40000)), ":1:5: anchors"),
    "tag directives": (b"".join(b"%%TAG !a%d! t:x\n" % i for i in range(50000)) + b"--- {}\n", ":9:1: too many directives"),
    "tag directives of a second document": (b"a: 1\n...\n" + b"".join(b"%%TAG !a%d! t:x\r" % i for i in range(50000)), ":11:1: too many directives"),
    "a long directive": (b"%" + b"X" * 900000, "unknown directive"),
    "the same key again": (b"title: x\n" * 40000, ":2:1: the key 'title' stands here again"),
    "a hundred thousand keys": (b"".join(b"k%d: 1\n" % i for i in range(49000)), ":1:1: unknown key 'k0'"),
    "unclosed quotes": (b'user: "' + b"x\n " * 300000, ":300001:2: found unexpected end of stream"),
    "unclosed apostrophe": (b"title: '" + b"''" * 400000, "found unexpected end of stream"),
    "documents": (b"---\n" * 200000, ":2:1: a second document"),
    "UTF-16": ("a: b\n".encode("utf-16"), ":1:1: this is not UTF-8 text"),
    "UTF-32": ("a: b\n".encode("utf-32-be"), ":1:1: a NUL byte"),
    "a NUL": (b"a: b\0c\n", ":1:5: a NUL byte"),
    "not UTF-8": (b"a: \xc0\xaf\n", ":1:4: this is not UTF-8 text"),
    "surrogates": (b"a: \xed\xa0\x80\n", ":1:4: this is not UTF-8 text"),
    "escapes": (b"a: \x1b[31m\n", ":1:4: control characters are not allowed"),
    "a scalar of a MiB": (b"state: " + b"x" * 1000000, ":1:"),
}
HARMLESS = {"a BOM": b"\xef\xbb\xbf", "newlines": b"\n" * 900000, "a comment": b"#" + b"x" * 900000 + b"\n", "comments": b"#\n" * 400000, "a directive": b"%YAML 1.1\n---\n"}


@pytest.fixture
def daemon(saringd, fake):
    """One that serves a list, under a configuration that is about to become worse."""
    return saringd({"upstream": {"servers": [fake().endpoint]}, "lists": [{"name": "l", "file": "l.yaml"}]}, {"l.yaml": "entries: [a.example]\n"})


@pytest.mark.parametrize("what", YAML)
def test_yaml_bombs(daemon, what):
    bomb, said = YAML[what]
    for name in ("saring.yaml", "l.yaml"):
        path = daemon.home / name
        before = path.read_bytes()
        path.write_bytes(bomb)
        for program, args in (("saringd", ["-t", "-c", "saring.yaml"]), ("saringctl", ["check", "saring.yaml"])):
            done = run(daemon, program, *args, memory=1024 * MIB)
            place = next((line for line in done.text.splitlines() if name + ":" in line), "")
            assert done.returncode == 1 and place.split(name, 1)[-1].startswith(":") and said in done.text, (program, name, done.text[:600])
            assert len(done.text) < 64 * 1024
        done = run(daemon, "saringctl", "-s", "c.sock", "-c", "good.yaml" if name == "nothing" else "saring.yaml", "reload")
        assert done.returncode == 1 and said in done.text, (name, done.text[:600])
        path.write_bytes(before)
        assert blocked(ask(daemon, "a.example"))
    assert run(daemon, "saringctl", "-c", "saring.yaml", "reload").returncode == 0


def test_yaml_that_is_only_large(daemon):
    for what, head in HARMLESS.items():
        for name in ("saring.yaml", "l.yaml"):
            path = daemon.home / name
            before = path.read_bytes()
            path.write_bytes(head + before)
            done = run(daemon, "saringd", "-t", "-c", "saring.yaml", memory=1024 * MIB)
            assert done.returncode == 0, (what, name, done.text[:600])
            path.write_bytes(before)


def test_a_bomb_does_not_start(saringd):
    daemon = saringd(text="[" * 200000, start=False)
    done = run(daemon, "saringd", "-c", "saring.yaml")
    assert done.returncode == 1 and "saring.yaml:1:33: nested deeper" in done.text


def test_a_large_yaml_list(daemon):
    """Entries with provenance of their own, and one with too many faults to tell."""
    count = 10000 if SANITIZED else 50000
    (daemon.home / "l.yaml").write_text("entries:\n" + "".join(
        f"  - {{domain: n{i}.example, reason: r{i}, authority: a, reference: 'https://x.example/{i}'}}\n" for i in range(count)))
    done = run(daemon, "saringctl", "-c", "saring.yaml", "reload", memory=2048 * MIB)
    assert done.returncode == 0 and blocked(ask(daemon, f"n{count - 1}.example")), done.text[:600]
    (daemon.home / "l.yaml").write_text("entries:\n" + "".join(f"- {{domain: n.example, reson{i}: 1}}\n" for i in range(count)))
    done = run(daemon, "saringctl", "-c", "saring.yaml", "reload", memory=2048 * MIB)
    assert done.returncode == 1 and "l.yaml:2:23: unknown key 'reson0'" in done.text and f"... and {count - 200} more" in done.text, done.text[:600]
    assert blocked(ask(daemon, f"n{count - 1}.example"))


# lists


def settle(daemon, form, name="in.txt", more=None):
    daemon.configure(lists=[{"name": "l", "file": "l.yaml"}, {"name": "x", "file": name, "format": form, **(more or {})}])


def everywhere(daemon, memory=None):
    """-t, check and reload: the three say the same."""
    results = [run(daemon, "saringd", "-t", "-c", "saring.yaml", memory=memory), run(daemon, "saringctl", "check", "saring.yaml", memory=memory),
               run(daemon, "saringctl", "-c", "saring.yaml", "reload")]
    assert len({done.returncode for done in results}) == 1, [done.text[:300] for done in results]
    assert blocked(ask(daemon, "a.example"))
    return results


def refused(daemon, said, memory=512 * MIB):
    for done in everywhere(daemon, memory):
        assert done.returncode == 1 and said in done.text, done.text[:600]


FORMATS = ["hosts", "domains", "wildcard", "adblock", "dnsmasq", "unbound", "rpz", "auto"]


def test_files_that_are_none(daemon):
    """A FIFO is not waited for, and a device is not read."""
    os.mkfifo(daemon.home / "fifo")
    os.mkdir(daemon.home / "dir")
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(str(daemon.home / "sock"))
        for name, said in (("/dev/zero", "not a regular file"), ("/dev/full", "not a regular file"), ("fifo", "not a regular file"),
                           ("sock", ""), ("dir", "directory"), ("/proc/self/mem", ""), ("gone", "No such file")):
            settle(daemon, "hosts", name)
            refused(daemon, said)
            done = run(daemon, "saringctl", "-c", "saring.yaml", "list", "import", "l", name, memory=512 * MIB)
            assert done.returncode == 1 and said in done.text, (name, done.text)


def test_sparse_files(daemon):
    """Two GiB are not read; less is, and is seen to be no text."""
    with open(daemon.home / "in.txt", "wb") as f:
        f.write(b"0.0.0.0 b.example\n")
        f.truncate(2 << 30)
    for form in ("hosts", "yaml"):
        settle(daemon, form)
        refused(daemon, "is longer than")
    done = run(daemon, "saringctl", "-c", "saring.yaml", "list", "import", "l", "in.txt", memory=1024 * MIB)
    assert done.returncode == 1 and "is longer than" in done.text
    os.truncate(daemon.home / "in.txt", 32 * MIB)
    for form in ("hosts", "rpz", "auto"):
        settle(daemon, form)
        refused(daemon, "binary data")


@pytest.mark.parametrize("form", FORMATS)
def test_one_endless_line(daemon, form):
    """It is left out whole, however long, and the lines beside it are read."""
    good = {"rpz": b"good.example CNAME .\n", "dnsmasq": b"address=/good.example/#\n", "unbound": b'local-zone: "good.example" always_nxdomain\n',
            "adblock": b"||good.example^\n"}.get(form, b"good.example\n" if form in ("domains", "wildcard") else b"0.0.0.0 good.example\n")
    (daemon.home / "in.txt").write_bytes(good * 12 + b"0.0.0.0 " + b"bad.example " * (40 * MIB // 12) + b"\n" + good)
    settle(daemon, form)
    for done in everywhere(daemon, 512 * MIB):
        assert done.returncode == 0, done.text[:600]
    assert blocked(ask(daemon, "good.example")) and not blocked(ask(daemon, "bad.example"))


def test_a_pipe_without_end(daemon):
    """list import from a pipe: 500 MB in one line, which is more than it takes."""
    with subprocess.Popen(["sh", "-c", "head -c 500000000 /dev/zero | tr '\\0' a"], stdout=subprocess.PIPE) as pipe:
        done = run(daemon, "saringctl", "-c", "saring.yaml", "list", "import", "l", "-", "--format", "hosts", stdin=pipe.stdout, memory=1024 * MIB)
        pipe.stdout.close()
    assert done.returncode == 1 and "is longer than" in done.text, done.text[:600]


def test_what_is_no_list(daemon):
    import random
    rng = random.Random(5)
    pages = {"binary data": [rng.randbytes(100000), b"0.0.0.0 a.example\n" + bytes(4000)], "compressed data (gzip)": [gzip.compress(b"0.0.0.0 a.example\n" * 1000)],
             "an HTML page": [b"\n<!DOCTYPE html><html><body>" + b"<p>404 a.example</p>\n" * 100]}
    for said, bodies in pages.items():
        for body in bodies:
            (daemon.home / "in.txt").write_bytes(body)
            for form in FORMATS:
                settle(daemon, form)
                done = run(daemon, "saringctl", "check", "saring.yaml", memory=512 * MIB)
                assert done.returncode == 1 and "in.txt:1:1: this is no list of names: it looks like " + said in done.text, (form, done.text)
            refused(daemon, said)
            done = run(daemon, "saringctl", "-c", "saring.yaml", "list", "import", "l", "in.txt")
            assert done.returncode == 1 and said in done.text


ZONE = b"$TTL 60\n@ SOA a. b. 1 2 3 4 5\nb.example CNAME .\n"
ADBLOCK = b"||b.example^\n"
COSTLY = {  # format, text; b.example is blocked all the same
    "hosts lines of 10 000 names": ("hosts", (b"0.0.0.0 b.example " + b" ".join(b"n%d.example" % i for i in range(10000)) + b"\n") * 20),
    "names of 127 labels": ("domains", b"b.example\n" + b"".join(b"a." * 125 + b"%d\n" % (i % 10) for i in range(20000))),
    "the same again and again": ("domains", b"b.example\n" * 500000),
    "long IDN": ("domains", b"b.example\n" + ("ö" * 63 + "." + "ß" * 60 + "\n").encode() * 2000),
    "bad A-labels": ("domains", b"b.example\n" + b"xn--%s.example\n" % (b"a" * 55) * 100000),
    "options by the 100 000": ("adblock", ADBLOCK + b"||c.example^$" + b",".join(b"o%d" % i for i in range(100000)) + b"\n"),
    "commas": ("adblock", ADBLOCK + b"||c.example^$" + b"," * 900000 + b"\n"),
    "domains of an option": ("adblock", ADBLOCK + b"||example^$denyallow=" + b"|".join(b"d%d.example" % i for i in range(60000)) + b"\n"),
    "clients": ("adblock", ADBLOCK + b"".join(b"||c%d.example^$client=" % k + b"|".join(b"1.%d.%d.%d" % (i // 250, i % 250, k) for i in range(20000)) + b"\n" for k in range(5))),
    "badfilters": ("adblock", ADBLOCK + b"".join(b"||n%d.example^\n||n%d.example^$badfilter\n" % (i, i) for i in range(50000)) + b"||z.example^$badfilter\n" * 50000),
    "rewrites of one name": ("adblock", ADBLOCK + b"".join(b"||c.example^$dnsrewrite=NOERROR;A;1.1.%d.%d\n" % (i // 250, i % 250) for i in range(10000))),
    "thousands of expressions": ("adblock", ADBLOCK + b"".join(b"/(a+)+%d$/\n" % i for i in range(5000))),
    "nested repetitions": ("adblock", ADBLOCK + b"/((((a{0,100}){0,100}){0,100}){0,100})/\n" * 512 + b"/" + b"(" * 120 + b")" * 120 + b"/\n"),
    "giant classes": ("adblock", ADBLOCK + b"/[" + b"a-z" * 80 + b"]{1,200}/\n" * 512),
    "stars": ("adblock", ADBLOCK + b"".join(b"||*aaa%d*a*a*a*a*b^\n" % i for i in range(25000)) + b"*" * 253 + b"\n"),
    "include and generate": ("rpz", ZONE + b"$INCLUDE /etc/passwd\n$GENERATE 1-100000000 n$ CNAME .\n" * 1000),
    "many SOAs": ("rpz", ZONE + b"@ SOA a. b. 1 2 3 4 5\n" * 50000 + b"z. SOA a. b. 1 2 3 4 5\n" * 50000),
    "parentheses": ("rpz", ZONE + b"a.example TXT (" + b"(" * 500000 + b"\n" + b"a.example TXT (\n" * 5000),
    "records without end": ("rpz", ZONE + (b'a.example TXT ( "x"\n' + b'"y"\n' * 200) * 1000),
    "origins": ("rpz", ZONE + b"$ORIGIN a.\n" * 100000 + b"$ORIGIN a\n" * 100000),
    "lines of 500 characters": ("rpz", ZONE + (b"x" * 60 + b".") * 8 + b" CNAME .\n"),
    "records of one name": ("rpz", ZONE + b"".join(b'c.example TXT "%d"\n' % i for i in range(10000))),
    "cname chains": ("dnsmasq", b"address=/b.example/#\n" + b"".join(b"cname=n%d.example,n%d.example\n" % (i, i + 1) for i in range(50000))),
    "names between slashes": ("dnsmasq", b"address=/b.example/#\naddress=/" + b"/".join(b"n%d.example" % i for i in range(60000)) + b"/#\n"),
    "local data of one name": ("unbound", b'local-zone: "b.example" always_nxdomain\n' + b"".join(b'local-data: "c.example A 1.1.%d.%d"\n' % (i // 250, i % 250) for i in range(10000))),
    "a million tabs": ("unbound", b'local-zone: "b.example" always_nxdomain\n' + b"\t" * 1000000),
}


@pytest.mark.parametrize("what", COSTLY)
def test_costly_lists(daemon, what):
    form, text = COSTLY[what]
    (daemon.home / "in.txt").write_bytes(text)
    settle(daemon, form)
    done = run(daemon, "saringctl", "-c", "saring.yaml", "reload")
    assert done.returncode == 0, done.text[:600]
    assert blocked(ask(daemon, "b.example")) and blocked(ask(daemon, "a.example"))
    assert run(daemon, "saringctl", "check", "saring.yaml", memory=1024 * MIB).returncode == 0


def test_rules_that_are_too_broad_are_warned_of(daemon):
    for form, text in (("wildcard", "*.com\n*.\nb.example\n"), ("adblock", "||com^\n/./\n/.*/\n||b.example^\n")):
        (daemon.home / "in.txt").write_text(text)
        settle(daemon, form)
        done = run(daemon, "saringctl", "check", "saring.yaml")
        assert done.returncode == 0 and "in.txt:1:" in done.text and "every name" in done.text, (form, done.text)
    (daemon.home / "l.yaml").write_text("entries: [com, '.', a.example]\n")
    done = run(daemon, "saringctl", "check", "saring.yaml")
    assert "l.yaml:1:11: warning" in done.text and "l.yaml:1:16: warning" in done.text and done.text.count("every name") >= 2, done.text


# expressions at work


def counter(daemon, name):
    return daemon.status()["counters"][name]


def test_queries_for_the_worst_of_names(saringd, fake):
    """Hundreds of expressions and patterns that backtrack: no name costs more than its steps, and what gave up is counted. Without the
    bound, each question here took seconds."""
    up = fake()
    rules = [f"/[a-y.]*[a-y.]*[a-y.]*[{i % 10}][{i // 10 % 10}][{i // 100}]/" for i in range(500)] + [f"||*aaa*a*a*a*a*a*a*a*a*{i}z^" for i in range(5000)] + ["/^block/"]
    daemon = saringd({"upstream": {"servers": [up.endpoint]}, "workers": 1, "lists": [{"name": "x", "file": "in.txt", "format": "adblock"}]},
                     {"in.txt": "\n".join(rules) + "\n"})
    names = [".".join(["a" * 60] * 2) + f".x{i}" for i in range(20)] + [".".join(["aaa"] * 60) + f".y{i}" for i in range(20)]
    begun = time.monotonic()
    for name in names:
        assert rcode(ask(daemon, name)) == "NOERROR"
    assert time.monotonic() - begun < BOUND_S
    assert counter(daemon, "patterns_stopped") > 20
    assert blocked(ask(daemon, "block.example"))
    before = counter(daemon, "patterns_stopped")
    assert rcode(ask(daemon, "www.example")) == "NOERROR"
    assert counter(daemon, "patterns_stopped") == before
    assert daemon.explain(names[0])["verdict"] == "none"
    eventually(lambda: daemon.queries()["total"] == len(names) + 2, "all are counted")
