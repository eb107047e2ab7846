# SPDX-License-Identifier: BSD-2-Clause
"""Four workers that share a cache, the asks under way and the policy, while everything changes at once: the build with ThreadSanitizer is
what this is for, but what it asks must be right in any build."""
import itertools

import pytest

from harness.ask import Load, ask, blocked, eventually, rcode_of, rrs

WORKERS = 4
ROUNDS = 8


@pytest.fixture
def daemon(saringd, fake):
    upstream = fake()
    lists = {"house.yaml": "entries:\n" + "".join(f"  - b{i}.example\n" for i in range(200)), "edited.yaml": "entries: [seed.test]\n"}
    return saringd({"upstream": {"servers": [upstream.endpoint, fake().endpoint], "strategy": "spread"},
                    "cache": {"size": "256KiB"}, "lists": [{"name": "house", "file": "house.yaml"}, {"name": "edited", "file": "edited.yaml"}]},
                   lists, workers=WORKERS)


def is_blocked(answer):
    return rcode_of(answer) == 3


def is_forwarded(answer):
    return rcode_of(answer) == 0 and answer[6:8] == b"\0\1"


def is_either(answer):
    return is_blocked(answer) or is_forwarded(answer)


def questions():
    """Blocked ones, some that rest in the cache, more than it holds, and some that edits block and free meanwhile."""
    return ([(f"b{i}.example", "A", is_blocked) for i in range(200)] * 3 + [(f"c{i}.test", "A", is_forwarded) for i in range(50)] * 12 +
            [(f"u{i}.many.test", "A", is_forwarded) for i in range(1500)] + [(f"e{i}.test", "A", is_either) for i in range(ROUNDS)] * 20)


def test_edits_reloads_and_flushes_under_load(daemon):
    with Load(daemon, questions(), clients=16) as load:
        for i in range(ROUNDS):
            daemon.ctl("list", "add", "edited", f"e{i}.test")
            assert blocked(ask(daemon, f"e{i}.test")), "in force when the command returns"
            daemon.ctl("cache", "flush", "many.test")
            if i % 2:
                daemon.ctl("list", "remove", "edited", f"e{i - 1}.test")
                assert rrs(ask(daemon, f"e{i - 1}.test")), "lifted when the command returns"
            else:
                daemon.configure(cache={"size": "128KiB" if i % 4 else "384KiB"},
                                 upstream={**daemon.config["upstream"], "strategy": "fastest" if i % 4 else "ordered"})
                daemon.ctl("reload")
            daemon.ctl("cache", "flush")
            status = daemon.status()
            assert status["policy"]["generation"] > i
            load.reach(150)
    counted = daemon.queries()
    assert counted["total"] >= load.asked and counted["failed"] == 0
    assert counted["blocked"] > 0 and counted["cached"] > 0 and counted["forwarded"] > 0


def test_equal_questions_of_all_workers(daemon, fake):
    """A name nobody has asked yet, asked by many at once: whichever workers they come to, an upstream sees it seldom."""
    names = itertools.count()
    for _ in range(10):
        name = f"herd{next(names)}.test"
        with Load(daemon, [(name, "A", is_forwarded)], clients=24) as load:
            load.reach(48)
    counted = daemon.queries()
    assert counted["forwarded"] + counted["cached"] == counted["total"]
    eventually(lambda: daemon.status()["cache"]["entries"] >= 10, "all are kept")
