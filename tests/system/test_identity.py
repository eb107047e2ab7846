# SPDX-License-Identifier: BSD-2-Clause
"""Which policy is this? `policy.saring` in class CHAOS, and status: the same on two servers that have the same lists under the same
settings, wherever these lie and whatever became of them before."""
import re
import time

import pytest

from harness import fake as F
from harness.ask import ask, ede, eventually, rcode, rrs

ELEVEN = ("t.me", "telegram.me", "telegram.org", "core.telegram.org", "desktop.telegram.org", "macos.telegram.org", "web.telegram.org",
          "venus.web.telegram.org", "pluto.web.telegram.org", "flora.web.telegram.org", "flora-1.web.telegram.org")
LIST = "reason: an order\nadded: 2017-07-14\nentries:\n" + "".join(f"  - {name}\n" for name in ELEVEN)
HOSTS = "".join(f"0.0.0.0 h{i}.example\n" for i in range(5000))
NAMES = ("generation", "content", "lifts", "entries", "in-force", "compiled")


def strings(reply):
    assert rcode(reply) == "NOERROR" and len(reply.answer) == 1 and len(reply.answer[0]) == 1, reply
    rrset = reply.answer[0]
    assert (rrset.rdclass, rrset.ttl) == (3, 0)
    return [s.decode() for s in rrset[0].strings]


def identity(daemon, name="policy.saring", rdtype="TXT", **how):
    """As a mapping; it is what status says, too."""
    told = dict(text.split("=", 1) for text in strings(ask(daemon, name, rdtype, rdclass="CH", **how)))
    assert tuple(told) == NAMES, told
    assert re.fullmatch("[0-9a-f]{32}", told["content"])
    policy = daemon.status()["policy"]
    assert told == {"generation": str(policy["generation"]), "content": policy["content"], "lifts": str(policy["lifts"]),
                    "entries": str(policy["entries"]), "in-force": str(policy["in_force"]), "compiled": policy["compiled_at"]}
    assert told["content"] in daemon.ctl("status").out
    return told


@pytest.fixture
def serve(saringd, fake):
    up = fake(F.answer("192.0.2.200"))

    def make(folder="lists", lists=None, **config):
        lists = lists or {"order": ("yaml", LIST), "hosts": ("hosts", HOSTS)}
        named = [{"name": name, "file": f"{folder}/{name}", "format": form} for name, (form, _) in lists.items()]
        return saringd({"upstream": {"servers": [up.endpoint]}, "lists": named, **config},
                       {f"{folder}/{name}": text for name, (_, text) in lists.items()})

    return make


def same(*daemons):
    contents = {identity(d)["content"] for d in daemons}
    return len(contents) == 1


def test_what_is_said(serve):
    daemon = serve()
    told = identity(daemon)
    assert (told["generation"], told["lifts"], told["entries"], told["in-force"]) == ("1", "0", "5011", "5011")
    for how in ({"tcp": True}, {"edns": False}, {"name": "PoLiCy.SARING"}, {"rdtype": "ANY"}):
        assert identity(daemon, **how) == told
    daemon.ctl("list", "lift", "order", "t.me", "--reason", "withdrawn")
    after = identity(daemon)
    assert (after["generation"], after["lifts"], after["entries"], after["in-force"]) == ("2", "1", "5011", "5010")
    assert after["content"] != told["content"]
    daemon.ctl("list", "lift", "order")
    after = identity(daemon)
    assert (after["lifts"], after["in-force"]) == ("11", "5000")
    # other types and names are as they were; in class IN it is a name like any other
    for name, rdtype in (("policy.saring", "A"), ("x.policy.saring", "TXT"), ("saring", "TXT"), ("policy.bind", "TXT")):
        reply = ask(daemon, name, rdtype, rdclass="CH")
        assert rcode(reply) == "REFUSED" and ede(reply)[0] == 21
    reply = ask(daemon, "policy.saring", "TXT")
    assert rcode(reply) == "NOERROR" and not reply.answer, "as the upstream server says"


def test_who_is_told(serve):
    daemon = serve(server={"policy": False})
    assert rcode(ask(daemon, "policy.saring", "TXT", rdclass="CH")) == "REFUSED"
    daemon.configure(server={"policy": True})
    daemon.ctl("reload")
    assert identity(daemon)["entries"] == "5011"
    daemon.configure(clients={"allow": ["192.0.2.0/24"]}, server=None)
    daemon.ctl("reload")
    assert rcode(ask(daemon, "policy.saring", "TXT", rdclass="CH")) == "REFUSED"


def test_two_servers(serve):
    """In different folders, started at different times, with different histories."""
    one, other = serve(), serve(folder="somewhere/else/lists")
    assert same(one, other)
    # a generation more, and a file that was touched, is nothing
    one.ctl("reload")
    path = one.home / "lists/order"
    path.write_text(path.read_text())
    one.ctl("reload")
    assert same(one, other) and identity(one)["generation"] != identity(other)["generation"]
    # each lifts in turn: they differ, and agree again
    for daemon, agree in ((one, False), (other, True)):
        daemon.ctl("list", "lift", "order", "t.me", "telegram.me", "--reason", "withdrawn")
        assert same(one, other) == agree
        assert (identity(one)["lifts"], identity(other)["lifts"]) == ("2", "2" if agree else "0")
    # so they do after a restart, which takes over what was compiled, and after one that may not
    before = identity(one)
    one.stop()
    one.start()
    now = identity(one)
    # compiled anew it may be all the same: a file that was written a moment ago is not known again
    assert all(now[k] == before[k] for k in ("content", "lifts", "entries", "in-force")) and same(one, other)
    one.stop()
    for old in (one.home / "state").rglob("*.*"):
        if old.suffix in (".img", ".seg"):
            old.unlink()
    one.start()
    assert same(one, other)


@pytest.mark.parametrize("change", ["entry", "provenance", "bulk", "setting", "block", "order", "mode", "shadow"])
def test_what_makes_a_difference(serve, change):
    one, other = serve(), serve(folder="b")
    lists = other.config["lists"]
    order, hosts = other.home / "b/order", other.home / "b/hosts"

    def again(**changes):
        other.configure(**changes)
        other.ctl("reload")

    assert same(one, other)
    if change == "entry":
        other.ctl("list", "add", "order", "telegram.dog")
    elif change == "provenance":
        order.write_text(LIST.replace("an order", "another order"))
        other.ctl("reload")
    elif change == "bulk":
        hosts.write_text(HOSTS.replace("h4999.", "h5000."))
        other.ctl("reload")
    elif change == "setting":
        again(lists=[{**lists[0], "mandatory": True}, lists[1]])
    elif change == "block":
        again(block={"organization": "Example ISP"})
    elif change == "order":
        again(lists=lists[::-1])
    elif change == "mode":
        other.ctl("list", "mode", "hosts", "shadow")
    elif change == "shadow":
        order.write_text(LIST.replace("  - t.me\n", "  - {domain: t.me, mode: shadow}\n"))
        other.ctl("reload")
    assert not same(one, other)
    # and back
    order.write_text(LIST)
    hosts.write_text(HOSTS)
    again(lists=lists, block=None)
    assert same(one, other)


def test_in_force_follows_the_time(serve):
    """Entries that end are no longer counted, though nothing is compiled anew; what was said of the policy stands."""
    until = int(time.time()) + 3
    when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(until))
    daemon = serve(lists={"l": ("yaml", f"entries:\n  - {{domain: a.example, expires: {when}}}\n  - b.example\n")})

    def told():
        return dict(text.split("=", 1) for text in strings(ask(daemon, "policy.saring", "TXT", rdclass="CH")))

    first = told()
    if time.time() < until:
        assert first["in-force"] == "2"
    last = eventually(lambda: (lambda t: t if t["in-force"] == "1" else None)(told()), "it has ended")
    assert time.time() >= until and {**last, "in-force": None} == {**first, "in-force": None}
    assert daemon.status()["policy"]["in_force"] == 1


def test_lifts_in_lists_that_cannot_be_edited(serve):
    """They are a part of the policy, whenever and in whichever order they were made."""
    one, other = serve(), serve(folder="b")
    for names, agree in ((("h1.example", "h2.example"), False), (("h2.example", "h1.example"), True)):
        daemon = other if agree else one
        for name in names:
            daemon.ctl("list", "lift", "hosts", name, "--reason", "withdrawn")
        assert same(one, other) == agree
    assert [identity(d)["lifts"] for d in (one, other)] == ["2", "2"] and identity(one)["in-force"] == "5009"
    other.ctl("list", "lift", "hosts", "h3.example", "--reason", "an error")
    one.ctl("list", "lift", "hosts", "h3.example", "--reason", "withdrawn")
    assert not same(one, other)


def test_none_of_it_is_a_list(saringd):
    daemon = saringd({"lists": []})
    told = identity(daemon)
    assert (told["lifts"], told["entries"], told["in-force"]) == ("0", "0", "0")
    assert rrs(ask(daemon, "policy.saring", "TXT", rdclass="CH"), "TXT"), "it is answered all the same"
