# SPDX-License-Identifier: BSD-2-Clause
"""Which names an entry speaks for, and which entry wins: seen from outside, by what is answered and by what `explain` says."""
import datetime

import dns.name
import pytest

from harness import fake as F
from harness.ask import ask, blocked, ede, eventually, rcode, rrs, soa_of


def utc(seconds=0):
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.fixture
def serve(saringd, fake):
    """serve("a: text of list a", ...) by keyword: serve(a="entries: [..]", b=({"mandatory": True}, "entries: ..."))"""

    def make(**lists):
        settings, files = [], {}
        for name, spec in lists.items():
            options, text = spec if isinstance(spec, tuple) else ({}, spec)
            settings.append({"name": name, "file": f"{name}.yaml", **options})
            files[f"{name}.yaml"] = text
        return saringd({"upstream": {"servers": [fake().endpoint]}, "lists": settings}, files)

    return make


def is_blocked(daemon, name):
    """As the wire says it; explain must agree."""
    reply = ask(daemon, name)
    told = daemon.explain(name)["verdict"]
    # the fake upstream has an address for every name, so that a negative answer is the policy's
    got = not (rcode(reply) == "NOERROR" and rrs(reply))
    assert got == (told == "blocked"), f"{name}: answered {rcode(reply)}, explained {told}"
    return got


def decider(daemon, name):
    rule = daemon.explain(name)["rule"]
    return rule and (rule["list"], rule["entry"], rule["match"])


def test_exact(serve):
    daemon = serve(l="entries:\n  - domain: x.example\n    match: exact\n")
    assert is_blocked(daemon, "x.example") and is_blocked(daemon, "X.Example")
    for name in ("a.x.example", "example", "ax.example", "x.example.org", "x"):
        assert not is_blocked(daemon, name), name


def test_subtree_is_the_default(serve):
    daemon = serve(l="entries:\n  - x.example\n  - domain: y.example\n    match: subtree\n")
    for name in ("x.example", "a.x.example", "a.b.c.x.example", "y.example", "a.y.example"):
        assert is_blocked(daemon, name), name
    for name in ("example", "ax.example", "x.example.org", "xy.example", "z.example"):
        assert not is_blocked(daemon, name), name


def test_subdomains(serve):
    daemon = serve(l="entries:\n  - domain: x.example\n    match: subdomains\n")
    assert not is_blocked(daemon, "x.example")
    assert is_blocked(daemon, "a.x.example") and is_blocked(daemon, "a.b.x.example")
    assert not is_blocked(daemon, "ax.example")


def test_match_default_of_saring_yaml(serve):
    daemon = serve(l=({"match": "exact"}, "entries:\n  - x.example\n  - domain: y.example\n    match: subtree\n"))
    assert is_blocked(daemon, "x.example") and not is_blocked(daemon, "a.x.example")
    assert is_blocked(daemon, "a.y.example"), "the entry's own word stands"


def test_regex(serve):
    daemon = serve(l="entries:\n  - regex: '^ads?[0-9]*\\.'\n  - regex: 'track(er|ing)'\n  - regex: '\\.test$'\n")
    for name in ("ad.example", "ads.example", "ad12.example", "ADS7.EXAMPLE", "a.trackers.example", "tracking", "x.test"):
        assert is_blocked(daemon, name), name
    for name in ("add.example", "sad.example", "trac.example", "x.test.example", "adsx.example"):
        assert not is_blocked(daemon, name), name
    assert decider(daemon, "ads.example") == ("l", "^ads?[0-9]*\\.", "regex")


def test_regex_that_explodes_is_bounded(serve):
    """(a+)+$ against a name of a's takes ages without a limit; the answer comes all the same, and other names are served."""
    daemon = serve(l="entries:\n  - regex: '^(a+)+$'\n  - z.example\n")
    label = "a" * 60
    name = ".".join([label, label, label, "b"])
    assert rcode(ask(daemon, name)) in ("NOERROR", "NXDOMAIN")
    assert blocked(ask(daemon, "z.example"))


def test_names_as_people_write_them(serve):
    daemon = serve(l="entries:\n  - Upper.Example\n  - final.example.\n  - bücher.example\n  - XN--FIQ228C.example\n  - Straße.example\n")
    for name in ("upper.example", "final.example", "xn--bcher-kva.example", "www.xn--bcher-kva.example", "xn--fiq228c.example",
                 "xn--strae-oqa.example"):
        assert is_blocked(daemon, name), name
    assert daemon.explain("bücher.example")["verdict"] == "blocked", "explain takes U-labels too"
    assert daemon.explain("BÜCHER.example.")["name"] == "xn--bcher-kva.example"
    assert not is_blocked(daemon, "strasse.example"), "IDNA2008: ß is its own letter"


def test_labels_are_octets(serve):
    daemon = serve(l="entries:\n  - t.me\n  - 'a\\.b.example'\n  - _dmarc.example\n  - 1.0.0.127.example\n")
    assert rrs(ask(daemon, dns.name.Name((b"t.me", b"")))) == ["192.0.2.200"]
    assert blocked(ask(daemon, dns.name.Name((b"a.b", b"example", b""))))
    assert rrs(ask(daemon, "a.b.example")) == ["192.0.2.200"]
    assert is_blocked(daemon, "_dmarc.example") and is_blocked(daemon, "1.0.0.127.example")


def test_long_names(serve):
    label = "a" * 63
    longest = ".".join([label, label, label, "a" * 61])  # 255 octets on the wire
    deep = ".".join(["a"] * 127)
    daemon = serve(l=f"entries:\n  - {longest}\n  - domain: {deep}\n    match: exact\n")
    assert blocked(ask(daemon, longest))
    assert blocked(ask(daemon, deep))
    assert rrs(ask(daemon, ".".join(["a"] * 126))) == ["192.0.2.200"]
    assert rrs(ask(daemon, ".".join([label, label, label, "a" * 60]))) == ["192.0.2.200"]


RANKS = [("ma", {"mandatory": True, "action": "allow"}), ("mb", {"mandatory": True, "action": "block"}), ("oa", {"action": "allow"}),
         ("ob", {"action": "block"})]


@pytest.mark.parametrize("present", range(1, 16))
def test_precedence(serve, present):
    """A mandatory allow, then a mandatory block, then an allow, then a block: all fifteen ways they can meet on one name, listed
    against their rank."""
    lists = {name: (options, "entries: [x.example]\n") for i, (name, options) in reversed(list(enumerate(RANKS))) if present & 1 << i}
    daemon = serve(**lists)
    winner = next(name for i, (name, _) in enumerate(RANKS) if present & 1 << i)
    told = daemon.explain("a.x.example")
    assert told["rule"]["list"] == winner
    assert told["verdict"] == ("allowed" if winner in ("ma", "oa") else "blocked")
    assert sorted(a["list"] for a in told["also"]) == sorted(set(lists) - {winner})
    assert all(a["why_not"] for a in told["also"])
    assert is_blocked(daemon, "a.x.example") == (winner in ("mb", "ob"))


def test_rank_beats_depth(serve):
    daemon = serve(
        allow=({"action": "allow"}, "entries: [example]\n"), block="entries: [deep.x.example]\n",
        must=({"mandatory": True}, "entries: [must.example]\n"), child=({"action": "allow"}, "entries: [child.must.example]\n"))
    assert not is_blocked(daemon, "deep.x.example"), "an allow above outranks a block below"
    assert is_blocked(daemon, "child.must.example"), "an ordinary allow does not open a mandatory block"
    assert decider(daemon, "child.must.example")[0] == "must"


def test_within_a_rank_the_most_specific_is_reported(serve):
    daemon = serve(
        first="entries:\n  - example\n  - regex: 'y'\n  - x.example\n",
        second="entries:\n  - domain: x.example\n    match: exact\n  - y.x.example\n  - domain: x.example\n    match: subdomains\n")
    assert decider(daemon, "z.example") == ("first", "example", "subtree")
    assert decider(daemon, "x.example") == ("second", "x.example", "exact")
    assert decider(daemon, "y.x.example") == ("second", "y.x.example", "subtree"), "names come before expressions"
    assert decider(daemon, "a.x.example")[1] == "x.example"
    assert decider(daemon, "y.other") == ("first", "y", "regex")


def test_action_of_the_file_and_of_saring_yaml(serve):
    daemon = serve(file="action: allow\nentries: [a.x.example]\n", base="entries: [x.example]\n",
                   turned=({"action": "block"}, "action: allow\nentries: [y.example]\n"))
    assert not is_blocked(daemon, "a.x.example") and is_blocked(daemon, "b.x.example")
    assert is_blocked(daemon, "y.example"), "saring.yaml's word outranks the file's"


def test_shadow_never_acts(serve):
    daemon = serve(s=({"mode": "shadow"}, "entries: [x.example, both.example]\n"), e="entries: [both.example]\n",
                   sa=({"mode": "shadow", "action": "allow"}, "entries: [both.example]\n"))
    assert not is_blocked(daemon, "x.example")
    assert is_blocked(daemon, "both.example"), "a shadow allow opens nothing"
    counts = {one["name"]: (one["blocked"], one["would_block"]) for one in daemon.ctl("--json", "list").json}
    assert counts == {"s": (0, 1), "e": (1, 0), "sa": (0, 0)}
    told = daemon.explain("x.example")
    assert told["verdict"] == "none" and told["rule"] is None
    assert [(a["list"], a["why_not"]) for a in told["also"]] == [("s", "shadow")]


def test_off_is_out(serve):
    daemon = serve(o=({"mode": "off"}, "entries: [x.example]\n"), e="entries: [y.example]\n")
    assert not is_blocked(daemon, "x.example") and is_blocked(daemon, "y.example")
    lists = {one["name"]: one for one in daemon.ctl("--json", "list").json}
    assert lists["o"]["mode"] == "off" and lists["o"]["in_force"] == 0 and lists["e"]["in_force"] == 1


def test_mode_changes_act_at_once(serve):
    daemon = serve(l="entries: [x.example]\n")
    for mode, acts in (("shadow", False), ("enforce", True), ("off", False), ("enforce", True)):
        daemon.ctl("list", "mode", "l", mode)
        assert is_blocked(daemon, "x.example") == acts, mode
        assert f"mode: {mode}" in daemon.config_path.read_text() or mode == "enforce"


def test_lifted_never_decides(serve):
    daemon = serve(l=f"""\
entries:
  - domain: past.example
    lifted: 2017-08-10
  - domain: now.example
    lifted: {utc(-2)}
  - domain: future.example
    lifted: {utc(86400)}
  - never.example
""")
    assert not is_blocked(daemon, "past.example") and not is_blocked(daemon, "now.example")
    assert is_blocked(daemon, "future.example"), "a lift to come leaves it in force until then"
    assert is_blocked(daemon, "never.example")
    assert [(a["entry"], a["why_not"]) for a in daemon.explain("past.example")["also"]] == [("past.example", "lifted")]
    assert daemon.status()["policy"]["entries"] == 4 and daemon.status()["policy"]["in_force"] == 2


def test_a_lifted_list(serve):
    daemon = serve(l="lifted: 2017-08-10\nentries: [x.example]\n")
    assert not is_blocked(daemon, "x.example")


def test_expired_never_decides(serve):
    daemon = serve(l=f"""\
entries:
  - domain: day.example
    expires: 2018-07-14
  - domain: time.example
    expires: {utc(-1)}
  - domain: later.example
    expires: {utc(86400)}
""")
    assert not is_blocked(daemon, "day.example") and not is_blocked(daemon, "time.example")
    assert is_blocked(daemon, "later.example")
    assert [a["why_not"] for a in daemon.explain("day.example")["also"]] == ["expired"]


def test_expiry_comes_by_itself(serve):
    """No reload, no edit: the second passes and the name resolves. The TTL before never outlives the entry."""
    daemon = serve(l=f"entries:\n  - domain: soon.example\n    expires: {utc(6)}\n")
    reply = ask(daemon, "soon.example")
    assert rcode(reply) == "NXDOMAIN"
    assert 0 < soa_of(reply)[1] <= 6 and 0 < soa_of(reply)[2] <= 6
    eventually(lambda: rrs(ask(daemon, "soon.example")) == ["192.0.2.200"], "an expired entry stops")
    assert daemon.status()["policy"]["in_force"] == 0 and daemon.status()["policy"]["generation"] == 1


# an allow below a block: RFC 8020


def test_nodata_where_an_allowed_name_lies_below(serve):
    daemon = serve(b="entries: [x.example]\n", a=({"action": "allow"}, "entries: [good.deep.x.example]\n"))
    for name in ("x.example", "deep.x.example"):
        for rdtype in ("A", "AAAA", "TXT"):
            reply = ask(daemon, name, rdtype)
            assert rcode(reply) == "NOERROR" and not reply.answer and soa_of(reply), "NXDOMAIN would deny the allowed child"
            assert ede(reply)[0] == 15
            assert dns.name.from_text(name).is_subdomain(soa_of(reply)[0])
    assert blocked(ask(daemon, "bad.x.example")) and blocked(ask(daemon, "bad.deep.x.example"))
    assert rrs(ask(daemon, "good.deep.x.example")) == ["192.0.2.200"]
    assert rrs(ask(daemon, "a.good.deep.x.example")) == ["192.0.2.200"]
    assert daemon.explain("x.example")["answer"] == "nodata" and daemon.explain("bad.x.example")["answer"] == "nxdomain"


@pytest.mark.parametrize("how", ["lifted", "expired", "shadow", "off", "outranked"])
def test_an_allow_that_does_not_count_changes_nothing(serve, how):
    entry = "entries:\n  - domain: good.x.example\n"
    extra = {"lifted": "    lifted: 2020-01-01\n", "expired": "    expires: 2020-01-01\n"}.get(how, "")
    mode = {"shadow": {"mode": "shadow"}, "off": {"mode": "off"}}.get(how, {})
    daemon = serve(b=({"mandatory": how == "outranked"}, "entries: [x.example]\n"), a=({"action": "allow", **mode}, entry + extra))
    assert blocked(ask(daemon, "x.example")) and blocked(ask(daemon, "good.x.example"))


# the chain of CNAMEs


@pytest.fixture
def chains(saringd, knot):
    return saringd({"upstream": {"servers": [knot.endpoint]}, "lists": [{"name": "l", "file": "l.yaml"}, {"name": "ok", "file": "ok.yaml"}]},
                   {"l.yaml": "reason: cloaked\nentries:\n  - tracker.example\n",
                    "ok.yaml": "action: allow\nentries:\n  - nothing.example\n"})


@pytest.mark.parametrize("name", ["cloak.example", "deepcloak.example"])
def test_a_blocked_target_blocks(chains, name):
    for _ in range(2):  # the second time from the cache
        for rdtype in ("A", "AAAA", "TXT"):
            reply = ask(chains, name, rdtype)
            assert rcode(reply) == "NXDOMAIN" and not reply.answer, "the chain is not disclosed"
            assert ede(reply)[0] == 15 and "cloaked" in ede(reply)[1]
            assert dns.name.from_text(name).is_subdomain(soa_of(reply)[0]), "a SOA at or above the name that was asked"
    assert rrs(ask(chains, "alias.example")) == ["192.0.2.1"]
    queries = chains.queries()
    assert queries["blocked"] == 6


def test_a_chain_is_judged_afresh_after_each_edit(chains):
    """The cache holds what upstreams said; the policy is asked above it, so that an edit acts on what rests there."""
    assert blocked(ask(chains, "cloak.example"))
    chains.ctl("list", "lift", "l", "tracker.example")
    reply = ask(chains, "cloak.example")
    assert rrs(reply) == ["192.0.2.66"] and rrs(reply, "CNAME") == ["tracker.example."]
    chains.ctl("list", "add", "l", "tracker.example")
    assert blocked(ask(chains, "cloak.example"))
    assert rrs(ask(chains, "alias.example")) == ["192.0.2.1"]
    chains.ctl("list", "add", "l", "www.example")
    assert blocked(ask(chains, "alias.example")) and blocked(ask(chains, "chain1.example"))
    chains.ctl("list", "remove", "l", "www.example")
    assert rrs(ask(chains, "chain1.example")) == ["192.0.2.1"]


def test_an_allowed_question_is_not_judged_by_its_chain(chains):
    chains.ctl("list", "add", "ok", "cloak.example")
    assert rrs(ask(chains, "cloak.example")) == ["192.0.2.66"], "the user allowed what was asked for"
    assert blocked(ask(chains, "deepcloak.example"))


def test_a_cname_question_shows_its_target_only_when_allowed(chains):
    assert blocked(ask(chains, "cloak.example", "CNAME"))
    assert rrs(ask(chains, "alias.example", "CNAME"), "CNAME") == ["www.example."]


def test_a_service_target_blocks(saringd, fake):
    """An HTTPS or SVCB record leads clients elsewhere as a CNAME does (RFC 9460, section 2.4)."""
    up = fake()
    daemon = saringd({"upstream": {"servers": [up.endpoint]}, "lists": [{"name": "l", "file": "l.yaml"}]}, {"l.yaml": "entries: [tracker.example]\n"})
    up.on("alias.example", F.records("300 HTTPS 0 x.tracker.example."))
    up.on("svc.example", F.records("300 HTTPS 1 . alpn=h2", "300 HTTPS 2 Tracker.Example. alpn=h2"))
    up.on("chain.example", F.records("300 CNAME svc2.example.", "svc2.example. 300 SVCB 1 tracker.example."))
    up.on("self.example", F.records("300 HTTPS 1 . alpn=h2"))
    for _ in range(2):  # the second time from the cache
        for name, rdtype in (("alias", "HTTPS"), ("svc", "HTTPS"), ("chain", "SVCB")):
            reply = ask(daemon, f"{name}.example", rdtype)
            assert rcode(reply) == "NOERROR" and not reply.answer and ede(reply)[0] == 15, name
            assert soa_of(reply)[1] <= 10, "no NXDOMAIN: what it held for other types is not denied"
        assert len(rrs(ask(daemon, "self.example", "HTTPS"), "HTTPS")) == 1
    daemon.ctl("list", "lift", "l", "tracker.example")
    assert len(rrs(ask(daemon, "svc.example", "HTTPS"), "HTTPS")) == 2
    assert len([a for a in up.asked() if a.folded != "tracker.example"]) == 4, "the lift itself asks for what it lifted"
