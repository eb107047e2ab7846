# SPDX-License-Identifier: BSD-2-Clause
"""stats: queries and blocks over time, exactly as the daemon counts them, over restarts and whatever becomes of the file."""
import re
import subprocess

import pytest

from harness.ask import ask
from harness.faults import Faults

A_YAML = "title: a\nentries: [ads.example]\n"


@pytest.fixture
def daemon(saringd, fake):
    return saringd({"upstream": {"servers": [fake().endpoint]}, "lists": [{"name": "first", "file": "a.yaml"}]}, {"a.yaml": A_YAML})


def ask_some(daemon, blocked=4, plain=6):
    for name, times in (("ads.example", blocked), ("plain.example", plain)):
        for _ in range(times):
            ask(daemon, name)


def stats(daemon, since="1h"):
    return daemon.ctl("--json", "stats", "--since", since).json


def restart(daemon):
    daemon.stop()
    daemon.start()


FATES = ("total", "blocked", "cached", "forwarded", "stale", "local", "refused", "dropped", "failed")


def test_as_the_daemon_counts(daemon):
    none = stats(daemon)
    assert none["total"]["total"] == 0 and none["total"]["took_us"] is None
    ask_some(daemon)
    for since, width, count in (("5m", 1, 300), ("1h", 60, 60), ("1d", 60, 1440), ("2d", 3600, 48), ("30d", 3600, 720), ("60d", 3600, 720)):
        told = stats(daemon, since)
        assert told["width"] == width
        assert count - 1 <= len(told["buckets"]) <= count + 1, since
        for fate in FATES:
            assert told["total"][fate] == daemon.queries()[fate] == sum(b[fate] for b in told["buckets"]), (since, fate)
        assert told["total"]["blocked"] == 4 and told["total"]["total"] == 10
    took = stats(daemon)["total"]["took_us"]
    assert took["measured"] == 10
    assert 0 < took["p50"] <= took["p90"] <= took["p99"] <= took["p99.9"] < 20e6


def test_what_would_have_been_blocked(daemon):
    daemon.configure(lists=[{"name": "first", "file": "a.yaml", "mode": "shadow"}])
    daemon.ctl("reload")
    ask_some(daemon)
    assert (stats(daemon)["total"]["would_block"], stats(daemon)["total"]["blocked"]) == (4, 0)
    assert "4 by lists in mode shadow" in daemon.ctl("stats").out


def test_kept_over_a_restart(daemon):
    ask_some(daemon)
    before = stats(daemon, "1d")
    restart(daemon)
    after = stats(daemon, "1d")
    assert after["total"] == before["total"] and after["counting_since"] == before["counting_since"]
    assert daemon.queries()["total"] == 0, "while the daemon's own counters begin anew"
    ask_some(daemon)
    assert stats(daemon, "1d")["total"]["blocked"] == 8
    assert stats(daemon, "30d")["total"]["blocked"] == 8
    assert stats(daemon, "5m")["total"]["blocked"] == 4, "seconds are not kept"


@pytest.mark.parametrize("damage", [
    lambda b: b"", lambda b: b"nonsense", lambda b: b[:-1], lambda b: b[:40], lambda b: b + b"\0", lambda b: b[:30] + b"\xff" + b[31:],
    lambda b: b"SARSTAT9" + b[8:]], ids=["empty", "nonsense", "cut", "cut short", "longer", "a bit", "another version"])
def test_a_damaged_file(daemon, damage):
    ask_some(daemon)
    daemon.stop()
    path = daemon.home / "state/stats"
    path.write_bytes(damage(path.read_bytes()))
    daemon.start()
    assert "stats.begun_anew" in daemon.stderr()
    ask_some(daemon)
    assert stats(daemon, "1d")["total"]["blocked"] == 4
    restart(daemon)
    assert stats(daemon, "1d")["total"]["blocked"] == 4


def test_a_directory_in_its_place(daemon):
    daemon.stop()
    (daemon.home / "state/stats").unlink()
    (daemon.home / "state/stats").mkdir()
    daemon.start()
    ask_some(daemon)
    assert stats(daemon)["total"]["blocked"] == 4
    daemon.stop()
    assert "stats.not_saved" in daemon.stderr()


def test_a_clock_that_is_set_back(saringd, fake, home):
    faults = Faults(home)
    try:
        one = saringd({"upstream": {"servers": [fake().endpoint]}, "lists": [{"name": "first", "file": "a.yaml"}]}, {"a.yaml": A_YAML},
                      env=faults.env)
        ask_some(one)
        before = stats(one)["total"]["total"]
        assert before == 10
        faults.wall(-7200)
        ask_some(one)
        told = stats(one, "1d")
        assert told["total"]["total"] == 10, "what lies ahead is not told"
        faults.wall(0)
        assert stats(one, "1d")["total"]["total"] == 20
    finally:
        faults.close()


def test_reset(daemon):
    ask_some(daemon)
    assert daemon.ctl("stats", "--reset").out == "The figures begin anew.\n"
    assert stats(daemon)["total"]["total"] == 0
    ask_some(daemon)
    assert stats(daemon)["total"]["blocked"] == 4
    restart(daemon)
    assert stats(daemon)["total"]["blocked"] == 4
    daemon.ctl("stats", "--reset", "--since", "1h", code=2)
    daemon.ctl("stats", "x", code=2)
    daemon.ctl("stats", "--since", "soon", code=2)


def test_text(daemon):
    ask_some(daemon)
    out = daemon.ctl("stats", env={"LC_ALL": "C.UTF-8"}).out
    head, *lines = out.splitlines()
    assert head.split() == ["UTC", "QUERIES", "BLOCKED"] or head.split()[0] == "UTC"
    bars = [line for line in lines if re.match(r"(\d{4}-\d\d-\d\d )?\d\d:\d\d", line)]
    assert 20 <= len(bars) <= 24
    assert sum(int(re.findall(r" (\d+)", line)[-2]) for line in bars) == 10
    full = [line for line in bars if "█" in line]
    assert full and all(len(line) <= 80 for line in bars)
    assert all("▓" in line for line in full)
    assert re.search(r"queries +10: 40\.0 % blocked, ", out) and re.search(r"took +half at most \d", out)


def test_text_without_utf8(daemon, home):
    made = subprocess.run(["localedef", "-i", "en_US", "-f", "ISO-8859-1", str(home / "en_US.ISO-8859-1")], capture_output=True, check=False)
    if not (home / "en_US.ISO-8859-1").is_dir():
        pytest.skip(f"no such locale can be made here: {made.stderr.decode()}")
    ask_some(daemon)
    out = daemon.ctl("stats", env={"LOCPATH": str(home), "LC_ALL": "en_US.ISO-8859-1"}).out
    assert out.isascii() and re.search(r" xx+#+$", out, re.MULTILINE)
