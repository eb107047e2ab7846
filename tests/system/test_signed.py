# SPDX-License-Identifier: BSD-2-Clause
"""Signed lists: what the real minisign signs is taken, and nothing else is; what was last good stays in force, through a restart, too."""
import base64
import shutil
import subprocess
import time

import pytest

from harness.ask import ask, blocked
from harness.daemon import CALL_S
from harness.web import Reply, Web

pytestmark = pytest.mark.skipif(shutil.which("minisign") is None, reason="minisign is not installed")

ORDER = "title: Orders\nentries:\n"


class Signer:
    """A key pair of minisign's own, without a password."""

    def __init__(self, folder):
        folder.mkdir()
        self.public, self.secret = folder / "minisign.pub", folder / "minisign.key"
        subprocess.run(["minisign", "-G", "-W", "-f", "-p", self.public, "-s", self.secret], check=True, capture_output=True, timeout=CALL_S)
        self.key = self.public.read_text().splitlines()[1]
        self.id = base64.b64decode(self.key)[2:10][::-1].hex().upper()

    def sign(self, path, comment, legacy=False):
        """path.minisig beside it."""
        subprocess.run(["minisign", "-S", *(["-l"] if legacy else []), "-W", "-s", self.secret, "-m", path, "-t", comment], check=True,
                       capture_output=True, timeout=CALL_S, input="")
        return path.with_name(path.name + ".minisig")

    def signature(self, folder, text, comment, legacy=False):
        path = folder / "to-sign"
        path.write_text(text)
        return self.sign(path, comment, legacy).read_bytes()


@pytest.fixture
def signer(home):
    return Signer(home / "signer")


@pytest.fixture
def web():
    one = Web()
    yield one
    one.close()


def entries(*names):
    return ORDER + "".join(f"  - {name}\n" for name in names)


def row(daemon, name="order"):
    return next(one for one in daemon.ctl("--json", "list").json if one["name"] == name)


def until(what, say=lambda: ""):
    end = time.monotonic() + CALL_S
    while not what():
        assert time.monotonic() < end, say()


class Order:
    """A daemon with one signed list of a file, which blocks old.example by serial 5."""

    def __init__(self, saringd, signer, start=True, **more):
        self.signer = signer
        self.daemon = saringd({"lists": [{"name": "order", "file": "order.yaml", "key": signer.key, **more}]}, start=False)
        self.file = self.daemon.home / "order.yaml"
        self.signature = self.daemon.home / "order.yaml.minisig"
        self.put(entries("old.example"), "serial:5")
        if start:
            self.daemon.start()
            assert blocked(ask(self.daemon, "old.example"))

    def put(self, text, comment, legacy=False):
        self.file.write_text(text)
        self.signer.sign(self.file, comment, legacy)

    def refused(self, *words):
        """A reload that goes well, and leaves the list as it was."""
        result = self.daemon.ctl("reload")
        one = row(self.daemon)["signed"]
        assert one["refused_since"] and all(word in one["refused"] for word in words), one
        assert "is refused since" in result.err and "stays as it was" in result.err
        assert blocked(ask(self.daemon, "old.example")) and not blocked(ask(self.daemon, "new.example"))
        assert self.daemon.status()["policy"]["refused"] == 1
        return one

    def taken(self, name):
        result = self.daemon.ctl("reload")
        one = row(self.daemon)["signed"]
        assert one["refused"] is None and one["refused_since"] is None, one
        assert "refused" not in result.err
        assert blocked(ask(self.daemon, name))
        return one


@pytest.fixture
def order(saringd, signer):
    return Order(saringd, signer)


def test_taken_and_told(order):
    one = row(order.daemon)["signed"]
    assert one == {"key_id": order.signer.id, "serial": 5, "accepted_at": one["accepted_at"], "refused_since": None, "refused": None}
    assert order.daemon.explain("old.example")["rule"]["signed"] == {"key_id": order.signer.id, "serial": 5}
    assert f"signed by       key {order.signer.id}, serial 5".split() == [
        word for line in order.daemon.ctl("explain", "old.example").out.splitlines() if "signed" in line for word in line.split()]
    assert f"key {order.signer.id}, serial 5" in order.daemon.ctl("list", "show", "order").out
    assert f"order is signed by the key {order.signer.id}: serial 5" in order.daemon.ctl("list").out
    order.put(entries("new.example"), "serial:6")
    assert order.taken("new.example")["serial"] == 6
    assert not blocked(ask(order.daemon, "old.example"))


@pytest.mark.parametrize("legacy", [False, True], ids=["prehashed", "legacy"])
def test_both_algorithms_and_the_timestamp(order, legacy):
    order.put(entries("new.example"), "timestamp:1700000000\tfile:order.yaml", legacy)
    assert base64.b64decode(order.signature.read_text().splitlines()[1])[:2] == (b"Ed" if legacy else b"ED")
    assert order.taken("new.example")["serial"] == 1700000000


def test_what_minisign_writes_by_itself(order):
    order.file.write_text(entries("new.example"))
    subprocess.run(["minisign", "-S", "-W", "-s", order.signer.secret, "-m", order.file], check=True, capture_output=True, timeout=CALL_S)
    assert order.taken("new.example")["serial"] > 1700000000


def test_unsigned(order):
    order.file.write_text(entries("new.example"))
    order.signature.unlink()
    order.refused("it is not signed", "order.yaml.minisig")


def test_altered_text(order):
    order.put(entries("new.example"), "serial:6")
    order.file.write_text(entries("new.example", "more.example"))
    order.refused("order.yaml.minisig:2:1", "is not of this list")
    order.file.write_text(entries("new.example"))
    order.taken("new.example")


def test_altered_comment(order):
    order.put(entries("new.example"), "serial:6")
    order.signature.write_text(order.signature.read_text().replace("serial:6", "serial:9"))
    order.refused("order.yaml.minisig:3:1", "trusted comment was altered")


def test_another_key(order, home):
    Signer(home / "other").sign(order.file, "serial:6")
    other = order.refused("order.yaml.minisig:2:1", "is of the key")
    assert order.signer.id in other["refused"]


def test_the_number_of_our_key_on_anothers_signature(order, home):
    """The number is no secret: a signature that bears it is still another's."""
    Signer(home / "other").sign(order.file, "serial:6")
    lines = order.signature.read_text().splitlines()
    forged = bytearray(base64.b64decode(lines[1]))
    forged[2:10] = base64.b64decode(order.signer.key)[2:10]
    lines[1] = base64.b64encode(forged).decode()
    order.signature.write_text("\n".join(lines) + "\n")
    order.refused("order.yaml.minisig:2:1", "is not of this list")


@pytest.mark.parametrize("text, place", [
    ("", ":1:1"), ("untrusted comment: x\n", ":2:1"), ("hello\nthere\nwho\nare\n", ":1:1"), ("untrusted comment: x\nAAAA\ntrusted comment: serial:9\nAAAA\n", ":2:1"),
    ("x" * 20000, "longer than 16384 bytes")])
def test_no_signature_at_all(order, text, place):
    order.file.write_text(entries("new.example"))
    order.signature.write_text(text)
    order.refused(place)


def test_no_serial(order):
    order.put(entries("new.example"), "released on a sunny day")
    order.refused("order.yaml.minisig:3:1", "no serial")


def test_an_older_one_even_after_a_restart(order):
    old = order.file.read_bytes(), order.signature.read_bytes()
    order.put(entries("old.example", "six.example"), "serial:6")
    order.taken("six.example")
    order.file.write_bytes(old[0])
    order.signature.write_bytes(old[1])
    one = order.refused("order.yaml.minisig:3:1", "its serial is 5, and 6 was accepted")
    assert one["serial"] == 6 and blocked(ask(order.daemon, "six.example"))
    order.daemon.stop()
    order.daemon.start()
    assert blocked(ask(order.daemon, "six.example")) and row(order.daemon)["signed"]["refused_since"] == one["refused_since"]
    assert "list.refused list=order" in order.daemon.stderr()
    order.refused("its serial is 5, and 6 was accepted")
    assert blocked(ask(order.daemon, "six.example"))
    # the images gone, the memory is still there, and so is the text
    order.daemon.stop()
    for path in (order.daemon.home / "state").iterdir():
        if path.suffix == ".img":
            path.unlink()
    order.daemon.start()
    assert blocked(ask(order.daemon, "six.example"))
    order.refused("its serial is 5, and 6 was accepted")


def test_an_equal_serial(order):
    order.put(entries("new.example"), "serial:5")
    order.refused("serial 5 was accepted", "with another content")
    order.put(entries("old.example"), "serial:5 and signed once more")
    assert order.taken("old.example")["serial"] == 5


def test_a_key_has_its_own_memory(order, home):
    other = Signer(home / "other")
    config = order.daemon.config["lists"][0]
    before = order.file.read_bytes(), order.signature.read_bytes()
    order.put(entries("old.example", "nine.example"), "serial:9")
    order.taken("nine.example")
    # the new key begins where it likes
    order.file.write_text(entries("one.example"))
    other.sign(order.file, "serial:1")
    order.daemon.configure(lists=[{**config, "key": other.key}])
    assert order.taken("one.example")["serial"] == 1
    # and the old one goes on from where it was
    order.file.write_bytes(before[0])
    order.signature.write_bytes(before[1])
    order.daemon.configure(lists=[{**config, "key": order.signer.key}])
    result = order.daemon.ctl("reload", code=1)
    assert "its serial is 5, and 9 was accepted" in result.err
    assert blocked(ask(order.daemon, "one.example")), "what was in force is, as there is no last good of this key"


def test_a_key_that_has_signed_nothing_here(order, home):
    config = order.daemon.config["lists"][0]
    order.daemon.configure(lists=[{**config, "key": Signer(home / "other").key}])
    result = order.daemon.ctl("reload", code=1)
    assert "order.yaml.minisig:2:1: the signature is of the key" in result.err
    assert blocked(ask(order.daemon, "old.example"))


def test_does_not_start_without_one_that_is_good(saringd, signer):
    one = Order(saringd, signer, start=False)
    one.file.write_text(entries("new.example"))
    result = one.daemon.run("saringd", "-c", one.daemon.config_path)
    assert result.code == 1 and "order.yaml.minisig:2:1: the signature is not of this list" in result.err


def test_a_signed_list_with_faults_is_an_error_as_any(order):
    order.put("entries:\n  - bad name.example\n", "serial:6")
    result = order.daemon.ctl("reload", code=1)
    assert "order.yaml:2:5" in result.err and blocked(ask(order.daemon, "old.example"))
    assert row(order.daemon)["signed"]["serial"] == 5
    order.put(entries("new.example"), "serial:6")
    assert order.taken("new.example")["serial"] == 6, "what could not be read was not remembered, either"


def test_check(order):
    assert order.daemon.ctl("check").code == 0
    order.file.write_text(entries("new.example"))
    assert "order.yaml.minisig:2:1" in order.daemon.ctl("check", code=1).err
    shown = order.daemon.ctl("list", "show", "order")
    assert "old.example" in shown.out and "new.example" not in shown.out and "this is what was last good" in shown.err
    assert "order.yaml.minisig:2:1" in order.daemon.ctl("list", "export", "order", code=1).err


@pytest.mark.parametrize("verb", [["add", "order", "x.example"], ["remove", "order", "old.example"]],
                         ids=lambda verb: verb[0] + str(len(verb)))
def test_edits_are_refused(order, verb):
    before = order.file.read_bytes()
    assert "would break its signature" in order.daemon.ctl("list", *verb, code=1).err
    assert order.file.read_bytes() == before


def test_a_lift_stands_beside_it(order):
    """As with any list that is not edited here: what is signed stays signed, and the name is free all the same."""
    before = order.file.read_bytes()
    order.daemon.ctl("list", "lift", "order", "old.example", "--reason", "r", "--reference", "u", code=None)
    assert order.file.read_bytes() == before and not blocked(ask(order.daemon, "old.example"))
    assert row(order.daemon)["signed"]["refused"] is None
    # of a list that is refused the last good text is looked at
    order.file.write_text(entries("new.example"))
    order.daemon.ctl("reload")
    order.daemon.ctl("list", "add", "order", "old.example")
    assert blocked(ask(order.daemon, "old.example"))
    assert "cannot be edited" in order.daemon.ctl("list", "lift", "order", "--reason", "r", "--reference", "u", code=1).err


def test_import_is_refused(order):
    path = order.daemon.home / "more.txt"
    path.write_text("x.example\n")
    assert "would break its signature" in order.daemon.ctl("list", "import", "order", path, code=1).err


def test_an_edit_of_another_list_keeps_what_is_refused_refused(saringd, signer):
    one = Order(saringd, signer, start=False)
    one.daemon.configure(lists=[*one.daemon.config["lists"], {"name": "house", "file": "house.yaml"}])
    (one.daemon.home / "house.yaml").write_text("entries: []\n")
    one.daemon.start()
    one.file.write_text(entries("new.example"))
    for name in ("a.example", "b.example"):
        one.daemon.ctl("list", "add", "house", name)
        assert blocked(ask(one.daemon, name)) and blocked(ask(one.daemon, "old.example")) and not blocked(ask(one.daemon, "new.example"))
        assert row(one.daemon)["signed"]["refused_since"]


def test_what_is_kept(order):
    folder = order.daemon.home / "state/signed"
    names = sorted(path.name for path in folder.iterdir())
    assert len(names) == 3 and names[0].startswith("order.signed") and all(n.startswith("order@") for n in names[1:])
    order.put(entries("new.example"), "serial:6")
    order.taken("new.example")
    again = sorted(path.name for path in folder.iterdir())
    assert len(again) == 3 and again[1:] != names[1:], "the one before is gone"
    # damage to what was kept is seen: the daemon goes on by what is in force, and a refused list cannot be loaded anew
    for path in folder.glob("order@*.list"):
        path.write_text(entries("evil.example"))
    order.file.write_text(entries("worse.example"))
    order.daemon.ctl("reload", code=1)
    assert blocked(ask(order.daemon, "new.example")) and not blocked(ask(order.daemon, "evil.example"))


def test_a_damaged_copy_is_mended(order):
    """While the good text is at hand; of the same length, too."""
    (copy,) = (order.daemon.home / "state/signed").glob("order@*.list")
    good = copy.read_bytes()
    copy.write_bytes(good.replace(b"old.example", b"bad.example"))
    order.file.write_bytes(good + b"\n")  # another identity, refused; then the good one again
    order.daemon.ctl("reload", code=1)
    order.put(entries("old.example"), "serial:5")
    order.taken("old.example")
    assert copy.read_bytes() == good


def test_no_copy_is_left_of_what_did_not_come_in_force(saringd, signer):
    """While another list is faulty each new version would leave its own."""
    one = Order(saringd, signer)
    one.daemon.configure(lists=one.daemon.config["lists"] + [{"name": "faulty", "file": "faulty.yaml"}])
    (one.daemon.home / "faulty.yaml").write_text("entries: [a..b]\n")
    for serial in range(6, 10):
        one.put(entries(f"new{serial}.example"), f"serial:{serial}")
        one.daemon.ctl("reload", code=1)
    assert len(list((one.daemon.home / "state/signed").glob("order@*.list"))) == 1
    assert blocked(ask(one.daemon, "old.example"))
    (one.daemon.home / "faulty.yaml").write_text("entries: [good.example]\n")
    one.taken("new9.example")


# ---- of a url ----


class Fetched:
    def __init__(self, saringd, signer, web, home, **more):
        self.signer, self.web, self.home = signer, web, home
        self.serve(["old.example"], "serial:5")
        self.daemon = saringd({"lists": [{"name": "order", "url": web.url("/order"), "key": signer.key, "max-change": "0%", **more}]})
        until(lambda: row(self.daemon)["entries"] == 1, self.daemon.stderr)

    def serve(self, names, comment, etag=None, signature="/order.minisig"):
        text = "".join(f"0.0.0.0 {name}\n" for name in names)
        self.web.pages["/order"] = Reply(text, etag=etag)
        self.web.pages[signature] = Reply(self.signer.signature(self.home, text, comment))

    def fetch(self, state):
        result = self.daemon.ctl("--json", "list", "fetch", "--force", code=0 if state in ("done", "unchanged") else 1)
        assert result.json[0]["state"] == state, f"{result}\n{self.daemon.stderr()}"
        return result.json[0]

    def is_old(self):
        return blocked(ask(self.daemon, "old.example")) and row(self.daemon)["entries"] == 1


@pytest.fixture
def fetched(saringd, signer, web, home):
    return Fetched(saringd, signer, web, home)


def test_fetched(fetched):
    assert [path for path, _ in fetched.web.asked[:2]] == ["/order.minisig", "/order"]
    assert fetched.is_old() and row(fetched.daemon)["signed"]["serial"] == 5
    assert fetched.daemon.explain("old.example")["rule"]["signed"] == {"key_id": fetched.signer.id, "serial": 5}
    fetched.serve(["new.example", "more.example"], "serial:6")
    fetched.fetch("done")
    assert blocked(ask(fetched.daemon, "new.example")) and row(fetched.daemon)["signed"]["serial"] == 6
    assert sorted(path.name for path in (fetched.daemon.home / "state/fetched").iterdir()) == ["order", "order.json", "order@minisig"]


@pytest.mark.parametrize("fault", ["missing", "altered", "other", "older", "same serial", "too long"])
def test_refused_when_fetched(fetched, fault, home):
    good = fetched.web.pages["/order.minisig"]
    fetched.serve(["new.example"], {"older": "serial:4", "same serial": "serial:5"}.get(fault, "serial:6"))
    if fault == "missing":
        del fetched.web.pages["/order.minisig"]
    elif fault == "altered":
        fetched.web.pages["/order"] = Reply("0.0.0.0 worse.example\n")
    elif fault == "other":
        text = "0.0.0.0 new.example\n"
        fetched.web.pages["/order.minisig"] = Reply(Signer(home / "other").signature(home, text, "serial:6"))
    elif fault == "too long":
        fetched.web.pages["/order.minisig"] = Reply("x" * 20000)
    fetched.fetch("failed" if fault == "too long" else "refused")
    assert fetched.is_old()
    one = row(fetched.daemon)
    if fault != "too long":
        assert one["signed"]["refused_since"] == one["fetch_refused_since"] and one["signed"]["refused"] == one["fetch_error"]
        words = {"missing": "it is not signed", "altered": "is not of this list", "other": "is of the key", "older": "its serial is 4",
                 "same serial": "with another content"}
        assert words[fault] in one["fetch_error"]
    fetched.serve(["new.example"], "serial:7")
    fetched.fetch("done")
    one = row(fetched.daemon)
    assert blocked(ask(fetched.daemon, "new.example")) and one["signed"]["refused_since"] is None and good is not None


def test_a_new_signature_of_the_same_text(fetched):
    """The server says 304 of the list: the signature alone is news, and its serial counts."""
    fetched.serve(["old.example"], "serial:5", etag='"1"')
    fetched.daemon.ctl("--json", "list", "fetch")
    fetched.serve(["old.example"], "serial:8", etag='"1"')
    result = fetched.daemon.ctl("--json", "list", "fetch")
    assert result.json[0]["state"] == "done" and row(fetched.daemon)["signed"]["serial"] == 8
    result = fetched.daemon.ctl("--json", "list", "fetch")
    assert result.json[0]["state"] == "unchanged" and fetched.web.asked[-1][1]["If-None-Match"] == '"1"'
    fetched.serve(["new.example"], "serial:7")
    fetched.fetch("refused")
    assert fetched.is_old()


def test_a_signature_elsewhere(saringd, signer, web, home):
    text = "0.0.0.0 old.example\n"
    web.pages["/list?key=1"] = Reply(text)
    web.pages["/signatures/1"] = Reply(signer.signature(home, text, "serial:1"))
    one = saringd({"lists": [{"name": "order", "url": web.url("/list?key=1"), "key": signer.key, "signature": web.url("/signatures/1")}]})
    until(lambda: row(one)["entries"] == 1, one.stderr)
    assert blocked(ask(one, "old.example"))


def test_a_copy_that_was_tampered_with(fetched):
    """Whoever can write the copy can't put anything in force by it; and it is fetched anew."""
    copy = fetched.daemon.home / "state/fetched/order"
    fetched.daemon.stop()
    copy.write_text("0.0.0.0 evil.example\n")
    fetched.daemon.start()
    assert not blocked(ask(fetched.daemon, "evil.example")) and blocked(ask(fetched.daemon, "old.example"))
    until(lambda: copy.read_text() == "0.0.0.0 old.example\n" and row(fetched.daemon)["signed"]["refused_since"] is None, fetched.daemon.stderr)
    assert fetched.is_old()


def test_a_list_of_a_url_gets_a_key(saringd, signer, web, home):
    """What was fetched before it had one is not taken for signed; it is fetched anew at once."""
    text = "0.0.0.0 old.example\n"
    web.pages["/order"] = Reply(text)
    one = saringd({"lists": [{"name": "order", "url": web.url("/order")}]})
    until(lambda: row(one)["entries"] == 1, one.stderr)
    web.pages["/order.minisig"] = Reply(signer.signature(home, text, "serial:1"))
    one.configure(lists=[{"name": "order", "url": web.url("/order"), "key": signer.key}])
    one.ctl("reload")
    until(lambda: row(one)["entries"] == 1 and row(one)["signed"]["serial"] == 1, one.stderr)
    assert blocked(ask(one, "old.example"))


def test_a_list_of_a_url_gets_a_key_before_it_is_signed(saringd, signer, web, home):
    """Its copy goes on until a signed one is there, through a restart, too: a key that nobody signs by yet empties no list."""
    text = "0.0.0.0 old.example\n"
    web.pages["/order"] = Reply(text)
    one = saringd({"lists": [{"name": "order", "url": web.url("/order")}]})
    until(lambda: row(one)["entries"] == 1, one.stderr)
    web.pages["/order"] = Reply("0.0.0.0 unsigned.example\n")
    one.configure(lists=[{"name": "order", "url": web.url("/order"), "key": signer.key}])
    one.ctl("reload")
    assert blocked(ask(one, "old.example")) and row(one)["signed"]["refused_since"] and row(one)["signed"]["serial"] is None
    one.ctl("list", "fetch", "order", code=1)
    assert blocked(ask(one, "old.example")) and not blocked(ask(one, "unsigned.example"))
    one.stop()
    one.start()
    assert blocked(ask(one, "old.example")) and one.status()["policy"]["refused"] == 1
    web.pages["/order"] = Reply("0.0.0.0 new.example\n")
    web.pages["/order.minisig"] = Reply(signer.signature(home, "0.0.0.0 new.example\n", "serial:1"))
    one.ctl("list", "fetch", "order")
    assert blocked(ask(one, "new.example")) and not blocked(ask(one, "old.example"))
    assert row(one)["signed"]["refused"] is None and row(one)["signed"]["serial"] == 1


# ---- the record ----


def test_a_record_that_cannot_be_read(order):
    """What was accepted before is not known then: nothing is judged anew, and nothing forgotten."""
    record = order.daemon.home / "state/signed/order.signed"
    good = record.read_bytes()
    record.write_bytes(good[:-5])
    order.put(entries("older.example"), "serial:4")
    assert "signed/order.signed' is damaged" in order.daemon.ctl("reload", code=1).err
    assert blocked(ask(order.daemon, "old.example")) and not blocked(ask(order.daemon, "older.example"))
    assert record.read_bytes() == good[:-5]
    record.write_bytes(good)
    order.refused("older than what is in force")
    order.put(entries("new.example"), "serial:6")
    order.taken("new.example")


def test_a_record_of_a_url_that_cannot_be_read(fetched, home):
    """Nor does the list become empty."""
    record = fetched.daemon.home / "state/signed/order.signed"
    record.write_bytes(b"nonsense\n")
    fetched.daemon.configure(lists=[{**fetched.daemon.config["lists"][0], "reason": "x"}])
    assert "signed/order.signed' is damaged" in fetched.daemon.ctl("reload", code=1).err
    assert blocked(ask(fetched.daemon, "old.example"))


# ---- saring.yaml ----


@pytest.mark.parametrize("change, word", [
    ({"key": "RWQ"}, "is not a public key of minisign"), ({"key": "UlVO" * 14}, "is not a public key of minisign"),
    ({"key": None, "signature": "http://127.0.0.1/x"}, "'signature' is for a list with a"), ({"signature": "http://127.0.0.1/x"}, "'signature' is for a list with a 'url'")])
def test_faults_in_saring_yaml(order, change, word):
    one = {**order.daemon.config["lists"][0], **change}
    order.daemon.configure(lists=[{k: v for k, v in one.items() if v is not None}])
    assert word in order.daemon.ctl("reload", code=1).err
    assert blocked(ask(order.daemon, "old.example"))


# ---- without the daemon ----


def test_a_rehearsal_remembers_nothing(order):
    """explain --offline reads what is there, falls back as the daemon would, and leaves no trace."""
    def state():
        return {path.name: path.read_bytes() for path in (order.daemon.home / "state/signed").iterdir()}

    before = state()
    order.put(entries("new.example"), "serial:6")
    assert order.daemon.ctl("--json", "explain", "--offline", "new.example").json["verdict"] == "blocked"
    order.file.write_text(entries("worse.example"))
    assert order.daemon.ctl("--json", "explain", "--offline", "old.example").json["verdict"] == "blocked"
    assert order.daemon.ctl("--json", "explain", "--offline", "worse.example").json["verdict"] != "blocked"
    assert state() == before
