# SPDX-License-Identifier: BSD-2-Clause
"""`meson install` into a folder: everything in its place, and what an operator has edited left alone."""
import json
import os
import pathlib
import re
import subprocess

import pytest

SOURCE = pathlib.Path(__file__).resolve().parents[2]


def meson(*argv, **environment):
    done = subprocess.run(["meson", *(str(a) for a in argv)], capture_output=True, text=True, env={**os.environ, **environment})
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def places(build):
    """Of an option of the build: where that is below the prefix."""
    options = {o["name"]: o["value"] for o in json.loads(meson("introspect", "--buildoptions", build))}
    return lambda name: pathlib.Path(options["prefix"]) / options[name]


@pytest.fixture
def installed(build, tmp_path):
    meson("install", "-C", build, "--no-rebuild", "--quiet", DESTDIR=str(tmp_path))
    return tmp_path


def below(root, place):
    return root / str(place).lstrip("/")


def test_places(installed, places):
    found = {"/" + str(p.relative_to(installed)) for p in installed.rglob("*") if p.is_file()}
    wanted = {places("bindir") / "saringctl", places("sbindir") / "saringd"}
    wanted |= {places("libexecdir") / "saring" / n for n in ("saring-compile", "saring-explain", "saring-fetch")}
    wanted |= {places("sysconfdir") / "saring" / n for n in ("saring.yaml", "lists/local.yaml", "lists/telegram-2017.yaml")}
    wanted |= {places("mandir") / n for n in ("man1/saringctl.1", "man5/saring.yaml.5", "man5/saring-lists.5", "man8/saringd.8")}
    wanted |= {places("datadir") / "doc/saring" / n for n in ("LICENSE", "NEWS.md", "README.md")}
    wanted |= {places("systemdsystemunitdir") / n for n in ("saringd.service", "saringd.socket", "saring-fetch@.service", "saring-fetch.socket")}
    wanted |= {places("datadir") / n for n in ("bash-completion/completions/saringctl", "fish/vendor_completions.d/saringctl.fish")}
    wanted |= {places("prefix") / "lib/tmpfiles.d/saring.conf"}
    wanted |= {places("prefix") / "lib/sysusers.d/saring.conf"}
    assert {str(w) for w in wanted} - found == set()
    # and no program that is not one of these; nothing of the tests
    programs = {f for f in found if (installed / f.lstrip("/")).read_bytes()[:4] == b"\x7fELF"}
    assert programs == {str(w) for w in wanted if w.parent.name in ("bin", "sbin") or w.name.startswith("saring-") and "libexec" in str(w)}
    assert not [f for f in found if "test" in f.lower() or f.endswith((".a", ".h", ".so"))]


def test_every_manual_and_unit_of_the_source_is_installed(installed):
    names = {p.name for p in installed.rglob("*")}
    for folder in ("config", "daemon", "tools"):
        assert {p.name for p in (SOURCE / folder).rglob("*.[1-8]")} <= names
    for kind in ("service", "socket", "timer", "path"):
        for path in (SOURCE / "systemd").glob(f"*.{kind}*"):
            assert path.name.removesuffix(".in") in names, path


def test_units_name_what_is_there(installed, places):
    for unit in below(installed, places("systemdsystemunitdir")).iterdir():
        assert "@" not in re.sub(r"(saring-fetch@|=@|~@| @|//\S+@)", "", unit.read_text()), unit
        for program in re.findall(r"^Exec\w+=[-+!:]*(/\S+)", unit.read_text(), re.M):
            assert below(installed, program).exists(), f"{unit.name}: {program}"


def test_configuration(build, installed, places):
    """One that saringd is content with: port 53 of loopback, and what is written goes where it does by default."""
    conf = below(installed, places("sysconfdir")) / "saring/saring.yaml"
    done = subprocess.run([build / "saringd", "-c", conf, "-t"], capture_output=True, text=True)
    assert (done.returncode, done.stdout + done.stderr) == (0, f"{conf}: no errors\n")
    text = conf.read_text()
    assert re.search(r"^listen:\n  - dns://127\.0\.0\.1:53\n  - \"dns://\[::1\]:53\"\n", text, re.M)
    active = "\n".join(line for line in text.splitlines() if not re.match(r" *#", line))
    assert "5300" not in text and "../" not in text and "from a checkout with" not in text
    assert not re.search(r"^ *(socket|state|user):", active, re.M)
    # what is shipped as an example blocks nothing before somebody says so
    assert re.search(r"name: telegram-2017\n +file: lists/telegram-2017\.yaml\n +mode: off$", active, re.M)
    assert re.search(r"name: local\n +file: lists/local\.yaml$", active, re.M)


def test_every_substitution_finds_its_line(build):
    """The installed saring.yaml is config/saring.yaml but for these: each command of installed.sed changes it."""
    script = (SOURCE / "config/installed.sed").read_text()
    whole = subprocess.run(["sed", "-f", SOURCE / "config/installed.sed", SOURCE / "config/saring.yaml"],
                           capture_output=True, text=True, check=True).stdout
    assert whole == (build / "config/saring.yaml").read_text()
    commands = re.findall(r"^[s/](?:.*\\\n)*.*", script, re.M)
    assert len(commands) == 7
    for command in commands:
        rest = script.replace(command, "", 1)
        less = subprocess.run(["sed", "-e", rest, SOURCE / "config/saring.yaml"], capture_output=True, text=True, check=True).stdout
        assert less != whole, command


def test_settings_of_the_installed_one(build, tmp_path):
    """Every key of the schema is in it, too, with its default: the same check as the checkout's."""
    for name in ("schema.c", "saring.yaml.5"):
        path = next((SOURCE / "config").rglob(name))
        (tmp_path / path.relative_to(SOURCE)).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path.relative_to(SOURCE)).write_text(path.read_text())
    (tmp_path / "config/saring.yaml").write_text((build / "config/saring.yaml").read_text())
    done = subprocess.run(["/usr/bin/python3", "-B", SOURCE / "tests/lint/settings.py", tmp_path], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_was_edited_is_kept(build, installed, places):
    conf = below(installed, places("sysconfdir")) / "saring"
    mine = (conf / "saring.yaml").read_text() + "# mine\n"
    (conf / "saring.yaml").write_text(mine)
    (conf / "lists/local.yaml").unlink()
    meson("install", "-C", build, "--no-rebuild", DESTDIR=str(installed))
    assert (conf / "saring.yaml").read_text() == mine
    assert (conf / "saring.yaml.new").read_text() == mine.removesuffix("# mine\n")
    assert (conf / "lists/local.yaml").exists()
    assert not list((conf / "lists").glob("*.new"))
