# SPDX-License-Identifier: BSD-2-Clause
"""SIGKILL at every call by which files change, of an edit, a compile, a fetch and the daemon itself: no list is lost, nothing half written
is served, the next start serves the last good state, and what the dead left is cleared away."""
import os
import random
import re
import signal
import subprocess
import threading
import time

import pytest

from harness.ask import Load, ask, blocked, eventually, rcode_of, rrs
from harness.faults import Faults
from harness.left import left_in, nothing_stays
from harness.web import Reply, Web

KILLS = int(os.environ.get("SARING_TEST_KILLS", "8"))  # of the random ones; by hand: 200
KILLED = -signal.SIGKILL
BULK = 3000  # entries that are enough to be of the bulk tier


@pytest.fixture
def faults(home):
    one = Faults(home)
    yield one
    one.close()


@pytest.fixture
def daemon(saringd, fake, faults):
    bulk = "".join(f"0.0.0.0 h{i}.bulk.example\n" for i in range(BULK))
    return saringd({"upstream": {"servers": [fake().endpoint]},
                    "lists": [{"name": "l", "file": "lists/l.yaml"}, {"name": "bulk", "file": "lists/bulk.txt", "format": "hosts"}]},
                   {"lists/l.yaml": "# mine\nentries:\n  - a.example # stays\n", "lists/bulk.txt": bulk}, env=faults.env)


def is_served(daemon):
    """What was good from the start on."""
    return blocked(ask(daemon, "a.example")) and blocked(ask(daemon, f"h{BULK - 1}.bulk.example")) and rrs(ask(daemon, "open.example"))


def calls(faults, program, run):
    faults.count_calls(program)
    run()
    count = faults.count
    faults.clear()
    assert count > 0, f"{program} changed no file"
    return count


EDITS = {  # what is done, and in what file
    "add": (["list", "add", "l", "n.example"], "lists/l.yaml"),
    "lift": (["list", "lift", "l", "a.example"], "lists/l.yaml"),
    "mode": (["list", "mode", "bulk", "shadow"], "saring.yaml"),
}


@pytest.mark.parametrize("kind", EDITS)
def test_an_edit_killed_at_every_call(daemon, faults, kind):
    edit, file = EDITS[kind]
    path = daemon.home / file
    before = path.read_text()

    def undo():
        path.write_text(before)
        daemon.ctl("reload")

    count = calls(faults, "saringctl", lambda: daemon.ctl(*edit, env=faults.env))
    after = path.read_text()
    undo()
    assert after != before and count >= 4, "a temporary file, its bytes, its name"
    for at in range(1, count + 1):
        faults.kill("saringctl", at)
        daemon.ctl(*edit, code=KILLED, env=faults.env)
        faults.clear()
        text = path.read_text()
        assert text in (before, after), f"killed at call {at}: the file is neither the old one nor the new"
        assert len(left_in(path.parent)) <= 1
        daemon.ctl("check")
        assert rrs(ask(daemon, "open.example")), "serving goes on"
        # the dead one holds no lock, and what it left goes with the next edit
        daemon.ctl(*edit)
        assert path.read_text() == after and not left_in(path.parent)
        undo()
    assert is_served(daemon)


def test_a_compile_killed_at_every_call(daemon, faults):
    bulk = daemon.home / "lists/bulk.txt"
    number = 0

    def change():
        """Of both tiers, so that everything is written anew."""
        nonlocal number
        number += 1
        with open(bulk, "a", encoding="ascii") as text:
            text.write(f"0.0.0.0 more{number}.bulk.example\n")
        (daemon.home / "lists/l.yaml").write_text(f"entries: [a.example, v{number}.example]\n")

    def reload():
        change()
        daemon.ctl("reload")

    count = calls(faults, "saring-compile", reload)
    assert count >= 10, "segments and two images"
    with Load(daemon, [("a.example", "A", lambda m: rcode_of(m) == 3), ("open.example", "A", lambda m: rcode_of(m) == 0)], clients=2):
        for at in range(1, count + 1):
            generation = daemon.status()["policy"]["generation"]
            change()
            faults.kill("saring-compile", at)
            result = daemon.ctl("reload", code=1)
            assert "saring-compile was ended by signal 9" in result.err
            faults.clear()
            assert daemon.status()["policy"]["generation"] == generation and is_served(daemon)
            assert rrs(ask(daemon, f"v{number}.example")) and blocked(ask(daemon, f"v{number - 1}.example")), "the old policy, whole"
            daemon.ctl("reload")
            assert blocked(ask(daemon, f"v{number}.example")) and blocked(ask(daemon, f"more{number}.bulk.example"))
            nothing_stays(daemon.home / "state")


def wait_dead(daemon, at, faults):
    try:
        daemon.process.wait(20)
    except subprocess.TimeoutExpired:
        pytest.fail(f"it lives, after {faults.count} calls, and was to die at call {at}:\n{daemon.stderr()}")


def restarted(daemon, faults):
    daemon.process.wait()
    daemon.kill()
    return daemon.start(env=faults.env)


def test_saringd_killed_at_every_call_of_a_reload(daemon, faults):
    """What it does itself: away with the old image."""
    path = daemon.home / "lists/l.yaml"

    def reload(i):
        path.write_text(f"entries: [a.example, v{i}.example]\n")
        daemon.ctl("reload", code=None)

    count = calls(faults, "saringd", lambda: reload(0))
    for at in range(1, count + 1):
        faults.kill("saringd", at)
        reload(at)
        wait_dead(daemon, at, faults)
        faults.clear()
        restarted(daemon, faults)
        assert is_served(daemon) and blocked(ask(daemon, f"v{at}.example"))
        nothing_stays(daemon.home / "state")
        assert len([p for p in (daemon.home / "state").iterdir() if p.suffix == ".img"]) == 2, "the one image of each tier"


@pytest.fixture
def web():
    one = Web()
    yield one
    one.close()


def hosts(stem):
    return "".join(f"0.0.0.0 {stem}{i}.example\n" for i in range(2000)) + f"0.0.0.0 {stem}.last.example\n"


@pytest.fixture
def fetching(saringd, fake, faults, web):
    web.pages["/ads"] = Reply(hosts("old"), etag='"0"')
    one = saringd({"upstream": {"servers": [fake().endpoint]}, "lists": [{"name": "ads", "url": web.url("/ads")}]}, env=faults.env)
    eventually(lambda: blocked(ask(one, "old.last.example")), "the first copy", timeout_s=60)
    return one


def test_a_fetch_killed_at_every_call_of_saringd(fetching, faults, web):
    """The copy is the one or the other, whole, and what is known of it is not taken for the other's."""
    def fetch(stem):
        web.pages["/ads"] = Reply(hosts(stem), etag=f'"{stem}"')
        return fetching.ctl("list", "fetch", "--force", code=None)

    count = calls(faults, "saringd", lambda: fetch("new"))
    assert count >= 6, "the copy, its name, the record of it"
    for at in range(1, count + 1):
        old, new = ("new", "old") if at % 2 else ("old", "new")
        faults.kill("saringd", at)
        told = fetch(new)
        if told.code == 0 and faults.count < at and at > count // 2:
            # what the daemon writes beside (figures, records) is not the same each time: this one took fewer calls, and is done
            faults.clear()
            assert blocked(ask(fetching, f"{new}.last.example"))
            break
        wait_dead(fetching, at, faults)
        faults.clear()
        restarted(fetching, faults)
        whole = [stem for stem in ("old", "new") if blocked(ask(fetching, f"{stem}.last.example"))]
        assert len(whole) == 1 and blocked(ask(fetching, f"{whole[0]}0.example")), f"killed at call {at}: {whole} of {old} and {new}"
        # and it comes to the newest by itself, or by one more fetch
        fetching.ctl("list", "fetch", "--force")
        assert blocked(ask(fetching, f"{new}.last.example")) and not blocked(ask(fetching, f"{old}.last.example"))
        nothing_stays(fetching.home / "state")


def test_a_fetcher_that_is_killed(fetching, web):
    """In the middle of the body: the old copy serves on."""
    go_on = threading.Event()
    web.pages["/ads"] = Reply(hosts("new"), wait=go_on)
    with subprocess.Popen([fetching.build / "saringctl", "-c", fetching.config_path, "list", "fetch"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          env=fetching.environment(), text=True) as ctl:
        web.began.wait(60)
        children = subprocess.run(["ps", "-o", "pid=,comm=", "--ppid", str(fetching.process.pid)], capture_output=True, text=True, check=True).stdout
        fetchers = [int(line.split()[0]) for line in children.splitlines() if "saring-fetch" in line]
        assert len(fetchers) == 1
        os.kill(fetchers[0], signal.SIGKILL)
        _, told = ctl.communicate(timeout=60)
        assert ctl.returncode == 1 and "ended before its time" in told
    go_on.set()
    assert blocked(ask(fetching, "old.last.example")) and not blocked(ask(fetching, "new0.example"))
    nothing_stays(fetching.home / "state")


def test_killed_at_random(daemon, faults):
    """The daemon and whoever works for it or on its lists, at any moment; by hand with SARING_TEST_KILLS=200."""
    rng = random.Random(20170714)
    path = daemon.home / "lists/l.yaml"
    running, stop, lock = [], threading.Event(), threading.Lock()

    def edits(who):
        number = 0
        while not stop.is_set():
            number += 1
            command = ["list", "add", "l", f"w{who}-{number}.example"] if number % 3 else ["reload"]
            with lock:
                if stop.is_set():
                    return
                one = subprocess.Popen([daemon.build / "saringctl", "-c", daemon.config_path, *command], env=daemon.environment(),
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                running.append(one)
            one.wait()

    for _ in range(KILLS):
        stop.clear()
        running.clear()
        workers = [threading.Thread(target=edits, args=(i,)) for i in range(2)]
        for worker in workers:
            worker.start()
        time.sleep(rng.uniform(0.02, 1.0))  # the moment is what is random here
        with lock:
            stop.set()
            for one in running:
                if one.poll() is None:
                    one.kill()
            daemon.process.kill()
        for worker in workers:
            worker.join()
        text = path.read_text()
        names = re.findall(r"w[\w-]+\.example", text)
        assert text.startswith("# mine\n") and text.endswith("\n") and "a.example # stays" in text
        restarted(daemon, faults)
        assert is_served(daemon)
        assert not any(p.name.startswith(".policy") or p.name.startswith(".bulk") for p in (daemon.home / "state").iterdir())
        for name in names[-3:]:
            assert blocked(ask(daemon, name)), "what stands in the file is in force"
    daemon.ctl("list", "add", "l", "end.example")
    assert not left_in(path.parent) and blocked(ask(daemon, "end.example"))
