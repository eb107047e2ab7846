# SPDX-License-Identifier: BSD-2-Clause
"""A wall clock that jumps, by a day and into the years after 2038 and 2106, while saringd runs: what is counted in seconds from now does
not notice, what is said in dates follows. The machine's own clock is left alone (faults.c)."""
import datetime
import re
import struct
import time

import dns.edns
import pytest

from harness import fake as F
from harness.ask import ask, blocked, eventually, rcode, rrs
from harness.faults import Faults
from harness.web import Reply, Web

DAY = 86400
TTL = 600
COOKIE = 10


def until(year):
    return int(datetime.datetime(year, 3, 1, tzinfo=datetime.timezone.utc).timestamp() - time.time())


JUMPS = {"a day on": DAY, "a day back": -DAY, "2038": until(2038), "2106": until(2107), "1970": -int(time.time()) + 1000}


@pytest.fixture
def faults(home):
    one = Faults(home)
    yield one
    one.close()


def ttl(daemon, name):
    return ask(daemon, name).answer[0].ttl


@pytest.fixture
def up(fake):
    return fake(F.answer("192.0.2.200", ttl=TTL))


def a_date(offset_s):
    return datetime.datetime.fromtimestamp(time.time() + offset_s, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.mark.parametrize("jump", JUMPS)
def test_what_is_counted_from_now(saringd, up, faults, jump):
    """TTLs, failures, timers: as if nothing had happened. Then back again."""
    up.on("broken.example", F.error("SERVFAIL"))
    daemon = saringd({"upstream": {"servers": [up.endpoint]}, "lists": [{"name": "l", "file": "l.yaml"}]}, {"l.yaml": "entries: [blocked.example]\n"},
                     env={**faults.env, "WATCHDOG_USEC": "3000000"})
    began = time.monotonic()
    assert ttl(daemon, "kept.example") == TTL
    for offset in (JUMPS[jump], 0):
        faults.wall(offset)
        left = ttl(daemon, "kept.example")
        passed = time.monotonic() - began
        assert TTL - passed - 2 <= left <= TTL, f"{left} after {passed} s"
        assert len(up.asked("kept.example")) == 1, "it is in the cache still"
        assert rcode(ask(daemon, "broken.example")) == "SERVFAIL" and blocked(ask(daemon, "blocked.example"))
        assert rrs(ask(daemon, f"new{offset}.example".replace("-", "m"))) == ["192.0.2.200"]
        # the timers of its own: watchdog, time-outs of questions, reload
        daemon.forget_notes()
        assert daemon.wait_note("WATCHDOG=1", 15)
        daemon.ctl("reload")
        assert daemon.status()["uptime_seconds"] <= time.monotonic() - began + 2
    up.on("mute.example", F.silence)
    assert rcode(ask(daemon, "mute.example")) == "SERVFAIL", "and not never"


def test_entries_expire_by_the_wall_clock(saringd, up, faults):
    """No reload is needed: each query is judged at its own time."""
    text = f"entries:\n  - {{domain: e.example, expires: {a_date(DAY / 2)}}}\n  - always.example\n"
    daemon = saringd({"upstream": {"servers": [up.endpoint]}, "lists": [{"name": "l", "file": "l.yaml"}]}, {"l.yaml": text}, env=faults.env)
    for offset, in_force in ((0, True), (DAY, False), (0, True), (-DAY, True), (until(2038), False), (until(2107), False), (0, True)):
        faults.wall(offset)
        assert blocked(ask(daemon, "e.example")) == in_force, f"at {offset} s from now"
        assert blocked(ask(daemon, "always.example"))
    # what it says of it follows, too
    faults.wall(DAY)
    assert daemon.status()["policy"]["in_force"] == 1
    faults.wall(0)
    assert daemon.status()["policy"]["in_force"] == 2


def cookie(daemon, sent):
    reply = ask(daemon, "blocked.example", options=[dns.edns.GenericOption(COOKIE, sent)])
    got = [bytes(o.data) if hasattr(o, "data") else bytes(o.client + o.server) for o in reply.options if o.otype == COOKIE]
    return got[0] if got else None


def test_cookies_are_issued_anew(saringd, up, faults):
    """RFC 9018: an hour old or five minutes ahead of the clock, a cookie is no longer good; who has one gets another, with the time as it
    is. The time is counted modulo 2^32: 2106 is the year after which it begins again."""
    daemon = saringd({"upstream": {"servers": [up.endpoint]}, "lists": [{"name": "l", "file": "l.yaml"}]}, {"l.yaml": "entries: [blocked.example]\n"},
                     env=faults.env)
    client = b"saringd?"
    had = cookie(daemon, client)
    if had is None:
        pytest.skip("this saringd gives no cookies")
    for offset in (DAY, -DAY, until(2038), until(2107), 0):
        faults.wall(offset)
        fresh = cookie(daemon, had)
        stamp, now = struct.unpack(">I", fresh[12:16])[0], int(time.time() + offset)
        assert fresh[:8] == client and fresh != had and (now - stamp) % 2**32 < 60, f"{stamp} at {now}"
        assert cookie(daemon, fresh)[8:16] == fresh[8:16] or (now - stamp) % 2**32 > 0, "and what it gave is good"
        had = fresh


def test_fetches_are_not_put_off_for_years(saringd, faults):
    """A list fetched while the clock was far ahead is not due in decades when it is set right."""
    web = Web()
    try:
        web.pages["/ads"] = Reply("0.0.0.0 a.example\n0.0.0.0 b.example\n")
        faults.wall(until(2038))
        daemon = saringd({"lists": [{"name": "ads", "url": web.url("/ads"), "refresh": "1h"}]}, env=faults.env)
        for times, offset in ((1, until(2038)), (2, 0), (3, 2 * DAY)):
            faults.wall(offset)
            eventually(lambda n=times: len(re.findall(r"fetch\.(?:done|unchanged)", daemon.stderr())) >= n, f"fetch number {times}", timeout_s=60)
        assert blocked(ask(daemon, "a.example"))
    finally:
        web.close()
