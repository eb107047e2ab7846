# SPDX-License-Identifier: BSD-2-Clause
"""What every entry that blocks must say (block.require), and names that are blocked by force alone (block.protect)."""
import pytest

from harness.ask import ask, blocked

REQUIRE = ["authority", "reason", "expires"]
FULL = "{domain: %s, authority: Court, reason: r, expires: 2099-01-01}"
OPTIONS = ["--authority", "Court", "--reason", "r", "--expires", "30d"]


def config(require=(), protect=(), **lists):
    """lists: name -> more keys of it."""
    return {"block": {"require": list(require), "protect": list(protect)},
            "lists": [{"name": name, "file": f"{name}.yaml", **more} for name, more in lists.items()]}


def entries(*items, top=""):
    return top + "entries:\n" + "".join(f"  - {item}\n" for item in items)


# ---- block.require ----


def test_an_entry_without_what_is_required(saringd):
    one = saringd(config(REQUIRE, a={}), {"a.yaml": entries(FULL % "good.example")})
    assert blocked(ask(one, "good.example"))
    (one.home / "a.yaml").write_text(entries(FULL % "new.example", "bare.example", "{domain: half.example, reason: r}",
                                             "{regex: ^odd, authority: Court, expires: 2099-01-01}"))
    result = one.ctl("reload", code=1)
    assert "a.yaml:3:5: 'bare.example' does not say authority, reason, expires, as block.require asks" in result.err
    assert "a.yaml:4:14: 'half.example' does not say authority, expires" in result.err
    assert "a.yaml:5:13: '^odd' does not say reason" in result.err
    assert "new.example" not in result.err
    assert blocked(ask(one, "good.example")) and not blocked(ask(one, "new.example")), "what was in force is"
    check = one.ctl("check", code=1)
    assert check.err.count("block.require") == 3
    one.stop()
    one.config_path.touch()
    start = one.run("saringd", "-c", one.config_path)
    assert start.code == 1 and "a.yaml:3:5: 'bare.example' does not say" in start.err


@pytest.mark.parametrize("where", ["file", "saring.yaml", "both"])
def test_what_is_said_above_counts(saringd, where):
    top = {"file": "authority: Court\nreason: r\nexpires: 2099-01-01\n", "saring.yaml": "", "both": "authority: Court\n"}[where]
    more = {"file": {}, "saring.yaml": {"authority": "Court", "reason": "r", "expires": "2099-01-01"}, "both": {"reason": "r", "expires": "2099-01-01"}}
    one = saringd(config(REQUIRE, a=more[where]), {"a.yaml": entries("bare.example", top=top)})
    assert blocked(ask(one, "bare.example"))


def test_who_need_not_say_it(saringd):
    """Entries that allow, and those that were lifted."""
    one = saringd(config(REQUIRE, a={}, b={"action": "allow"}),
                  {"a.yaml": entries(FULL % "good.example", "{domain: gone.example, lifted: 2018-01-01}"), "b.yaml": entries("fine.example")})
    assert blocked(ask(one, "good.example")) and not blocked(ask(one, "gone.example"))
    # but not those that are lifted one day
    (one.home / "a.yaml").write_text(entries("{domain: soon.example, lifted: 2099-01-01}"))
    assert "a.yaml:2:14: 'soon.example'" in one.ctl("reload", code=1).err
    # a whole list that is lifted blocks nothing
    (one.home / "a.yaml").write_text(entries("bare.example", top="lifted: 2018-01-01\n"))
    one.ctl("reload")


def test_shadow_is_asked_too_and_off_is_not(saringd):
    one = saringd(config(REQUIRE, a={"mode": "off"}), {"a.yaml": entries("bare.example")})
    assert "a.yaml:2:5" in one.ctl("list", "mode", "a", "shadow", code=1).err


def test_an_imported_list(saringd):
    one = saringd(config(REQUIRE, ads={"file": "ads.txt", "authority": "me"}), {"ads.txt": "0.0.0.0 a.example\n0.0.0.0 b.example\n"}, start=False)
    result = one.run("saringd", "-c", one.config_path)
    line = 1 + next(i for i, text in enumerate(one.config_path.read_text().splitlines()) if text.startswith("  - name: ads"))
    assert result.code == 1 and result.err.count("block.require") == 1
    assert f"saring.yaml:{line}:5: list 'ads' does not say reason, expires" in result.err
    one.configure(**config(REQUIRE, ads={"file": "ads.txt", "authority": "me", "reason": "r", "expires": "2099-01-01"}))
    one.start()
    assert blocked(ask(one, "a.example"))


def test_of_thousands_the_first_are_told_and_all_are_counted(saringd):
    one = saringd(config(REQUIRE, a={}), {"a.yaml": entries(FULL % "good.example")})
    (one.home / "a.yaml").write_text(entries(*(f"n{i}.example" for i in range(5000))))
    result = one.ctl("check", code=1)
    assert result.err.count("block.require") == 200 and "4800 more" in result.err
    result = one.ctl("reload", code=1)
    assert result.err.count("block.require") == 200


def test_required_anew(saringd):
    """What a daemon goes by is not known from the lists alone: a reload looks at all of them when more is required."""
    big = "".join(f"0.0.0.0 n{i}.example\n" for i in range(1000))
    one = saringd(config((), a={}, ads={"file": "ads.txt"}), {"a.yaml": entries("bare.example"), "ads.txt": big})
    one.configure(**config(["contact"], a={"contact": "mailto:x@example.net"}, ads={"file": "ads.txt"}))
    result = one.ctl("reload", code=1)
    assert "list 'ads' does not say contact" in result.err and "bare.example" not in result.err
    one.configure(**config(["contact"], a={}, ads={"file": "ads.txt", "contact": "mailto:x@example.net"}))
    assert "'bare.example' does not say contact" in one.ctl("reload", code=1).err


@pytest.mark.parametrize("verb", ["add", "import"])
def test_an_edit_that_would_leave_it_out(saringd, verb):
    one = saringd(config([*REQUIRE, "added", "review", "code"], a={}), {"a.yaml": "entries: []\n", "new.txt": "x.example\ny.example\n"})
    before = (one.home / "a.yaml").read_bytes()
    what = ["list", verb, "a", *(["x.example", "y.example"] if verb == "add" else [one.home / "new.txt"])]
    result = one.ctl(*what, "--reason", "r", "--reference", "u", code=1)
    assert "what is missing: --authority, --review, --expires, and 'code' at the top of the list's file" in result.err
    assert result.err.count("what is missing") == 2 and "2 of 2" in result.err
    assert (one.home / "a.yaml").read_bytes() == before
    (one.home / "a.yaml").write_text("code: censored\nentries: []\n")
    one.ctl(*what, *OPTIONS, "--review", "26w")
    assert blocked(ask(one, "x.example")) and blocked(ask(one, "y.example"))
    assert one.explain("x.example")["rule"]["review"] > "2026"


def test_a_file_that_is_not_there_yet(saringd):
    one = saringd(config(REQUIRE, a={}, b={"mode": "off"}), {"a.yaml": "entries: []\n"})
    assert "what is missing" in one.ctl("list", "add", "b", "x.example", code=1).err
    assert not (one.home / "b.yaml").exists()


def test_what_an_entry_says_already_counts(saringd):
    one = saringd(config(REQUIRE, a={}), {"a.yaml": entries("{domain: old.example, authority: Court, reason: r, expires: 2099-01-01, lifted: 2018-01-01}")})
    one.ctl("list", "add", "a", "old.example")
    assert blocked(ask(one, "old.example"))


def test_an_allow_list_is_edited_freely(saringd):
    one = saringd(config(REQUIRE, b={"action": "allow"}), {"b.yaml": "entries: []\n"})
    one.ctl("list", "add", "b", "x.example")


def test_words_that_are_none(saringd):
    one = saringd(config(["authority"], a={}), {"a.yaml": "entries: []\n"})
    one.configure(**config(["autority", "lifted"], a={}))
    err = one.ctl("reload", code=1).err
    assert "autority" in err and "authority" in err and "lifted" in err


# ---- block.protect ----


@pytest.fixture
def guarded(saringd):
    return saringd(config((), ["health.example", "Gov.Example."], a={}, b={"action": "allow"}),
                   {"a.yaml": "entries: []\n", "b.yaml": "entries: []\n", "new.txt": "x.health.example\ny.example\n"})


@pytest.mark.parametrize("name, options", [
    ("health.example", []), ("x.y.health.example", ["--match", "exact"]), ("gov.example", ["--match", "exact"]),
    ("gov.example", ["--match", "subdomains"]), ("example", ["--match", "subdomains"])])
def test_protected(guarded, name, options):
    before = (guarded.home / "a.yaml").read_bytes()
    result = guarded.ctl("list", "add", "a", "fine.test", name, *options, code=1)
    assert ("would block what block.protect keeps" in result.err or "top-level domain" in result.err) and "--force" in result.err
    assert "1 of 2" in result.err and (guarded.home / "a.yaml").read_bytes() == before
    guarded.ctl("list", "add", "a", name, *options, "--force")
    # it is not kept from acting, and not passed over in silence
    assert "block.protect" in guarded.ctl("check").out
    kinds = [(w["kind"], w["file"].split("/")[-1]) for w in guarded.ctl("--json", "check").json["warnings"]]
    assert ("protected", "a.yaml") in kinds


@pytest.mark.parametrize("name", ["example.com", "xhealth.example", "health.example.com"])
def test_not_protected(guarded, name):
    guarded.ctl("list", "add", "a", name)
    assert "block.protect" not in guarded.ctl("check").out


def test_allowing_is_free(guarded):
    guarded.ctl("list", "add", "b", "health.example")
    assert "block.protect" not in guarded.ctl("check").out


def test_import_is_guarded(guarded):
    assert "x.health.example" in guarded.ctl("list", "import", "a", guarded.home / "new.txt", code=1).err
    assert not blocked(ask(guarded, "y.example"))
    guarded.ctl("list", "import", "a", guarded.home / "new.txt", "--force")
    assert blocked(ask(guarded, "y.example")) and blocked(ask(guarded, "x.health.example"))


def test_others_lists_are_warned_of(saringd):
    one = saringd(config((), ["health.example"], ads={"file": "ads.txt"}, r={}),
                  {"ads.txt": "".join(f"0.0.0.0 n{i}.health.example\n" for i in range(50)) + "0.0.0.0 fine.example\n",
                   "r.yaml": entries("{regex: 'health'}", "{regex: '^nothing'}")})
    result = one.ctl("--json", "check").json
    found = [w for w in result["warnings"] if w["kind"] == "protected"]
    assert len([w for w in found if w["file"].endswith("ads.txt")]) == 20 and "of 50 such entries" in found[19]["text"]
    assert [(w["line"], w["text"].startswith("'health' would block")) for w in found if w["file"].endswith("r.yaml")] == [(2, True)]
    assert blocked(ask(one, "n1.health.example")), "it acts all the same"


def test_the_host_of_a_list(saringd):
    one = saringd({"lists": [{"name": "a", "file": "a.yaml"}, {"name": "ads", "url": "https://lists.example.net:444/ads.txt", "mode": "off"}]},
                  {"a.yaml": "entries: []\n"})
    for name in ("lists.example.net", "example.net"):
        assert "where the list 'ads' is fetched from" in one.ctl("list", "add", "a", name, code=1).err
    one.ctl("list", "add", "a", "x.lists.example.net")
    one.ctl("list", "add", "a", "example.net", "--match", "exact")


def test_names_that_are_none(saringd):
    one = saringd(config((), ["fine.example"], a={}), {"a.yaml": "entries: []\n"})
    one.configure(**config((), ["bad..name", "."], a={}))
    err = one.ctl("reload", code=1).err
    assert err.count("saring.yaml:") >= 2
