# SPDX-License-Identifier: BSD-2-Clause
"""What a blocked client is told: extended errors (RFC 8914) and, for those that ask, structured ones
(draft-ietf-dnsop-structured-dns-error). Options are taken apart by hand, the JSON is read by Python's own reader."""
import json
import socket
import struct
import unicodedata

import dns.edns
import dns.flags
import dns.message
import pytest

from harness.ask import ANSWER_S, ask, blocked, ede, make, rcode, rrs, soa_of

SDE = 26
EDE = 15
ASKS = dns.edns.GenericOption(SDE, b"")
LIST = """title: an order
authority: Kementerian Komunikasi dan Informatika
reason: "a \\"reason\\" with \\\\ and a\\ttab, an Ł and an 😀"
code: censored
reference: https://www.example.org/order/7
contact: [mailto:order@example.org, "https://www.example.org/"]
entries:
  - plain.example
  - {domain: own.example, code: blocked, sub-error: malware, reason: its own, authority: Its Own, contact: "tel:+62-21-1"}
  - {domain: filtered.example, code: filtered, sub-error: spam, organization: A School, language: id}
  - {domain: bare.example, contact: "https://www.example.org/"}
"""
BLOCK = {"organization": "Example ISP", "contact": ["mailto:help@example.net"], "language": "en"}


def serve(saringd, block=None, lists=None, **more):
    lists = lists or {"order": ({}, LIST)}
    config = [{"name": name, "file": f"{name}.yaml", **keys} for name, (keys, _) in lists.items()]
    return saringd({"block": BLOCK if block is None else block, "lists": config, **more}, {f"{name}.yaml": text for name, (_, text) in lists.items()})


def exchange(daemon, query, tcp=False):
    """The answer as dnspython reads it, and its octets as its `wire`."""
    data = query.to_wire()
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM) as s:
        s.settimeout(ANSWER_S)
        s.connect(("127.0.0.1", daemon.port))
        s.sendall(struct.pack(">H", len(data)) + data if tcp else data)
        wire = s.recv(65535)
        while tcp and (len(wire) < 2 or len(wire) < 2 + struct.unpack(">H", wire[:2])[0]):
            wire += s.recv(65535)
    wire = wire[2:] if tcp else wire
    reply = dns.message.from_wire(wire)
    assert query.is_response(reply)
    reply.wire = wire
    return reply


def plain(daemon, name, rdtype="A"):
    return exchange(daemon, make(name, rdtype))


def options(reply):
    """(code, data) of each option, by hand: the OPT is the last record."""
    wire = reply.wire
    at = wire.rindex(b"\0\0\x29")
    length, = struct.unpack(">H", wire[at + 9:at + 11])
    rest, found = wire[at + 11:], []
    assert len(rest) == length
    while rest:
        code, size = struct.unpack(">2H", rest[:4])
        assert len(rest) >= 4 + size
        found.append((code, rest[4:4 + size]))
        rest = rest[4 + size:]
    return found


def told(reply):
    """The code and the text, which must be UTF-8; there is one extended error and no option 26."""
    found = options(reply)
    errors = [data for code, data in found if code == EDE]
    assert len(errors) == 1 and SDE not in [code for code, _ in found], found
    return struct.unpack(">H", errors[0][:2])[0], errors[0][2:].decode()


def as_object(text):
    """I-JSON (RFC 7493), minified, with the draft's names and nothing else."""
    def pairs(items):
        assert len({k for k, _ in items}) == len(items), "a name twice"
        return dict(items)

    value = json.loads(text, object_pairs_hook=pairs)
    assert json.dumps(value, ensure_ascii=False, separators=(",", ":")) == text, "not minified"
    assert set(value) <= {"c", "j", "s", "o", "l"} and {"c", "j", "s"} & set(value)
    assert ("l" in value) == bool({"j", "o"} & set(value))
    assert all(isinstance(value[k], str) and value[k] for k in ("j", "o", "l") if k in value)
    assert "s" not in value or (type(value["s"]) is int and 0 < value["s"] < 256)
    assert "c" not in value or (value["c"] and all(c.startswith(("tel:", "mailto:")) for c in value["c"]))
    assert not any(unicodedata.category(c) in ("Cc", "Cs", "Cn") for c in text)
    return value


def structured(daemon, name, rdtype="A", tcp=False, size=1232, option=ASKS):
    return exchange(daemon, make(name, rdtype, edns=size, options=[option]), tcp)


def test_plain_clients_are_told_in_a_sentence(saringd):
    daemon = serve(saringd)
    code, text = told(plain(daemon, "plain.example"))
    assert code == 16 and len(text.encode()) <= 200
    assert text.startswith("Example ISP: blocked by order of Kementerian Komunikasi dan Informatika: a \"reason\"")
    assert told(plain(daemon, "own.example")) == (15, "Example ISP: blocked by Its Own: its own (https://www.example.org/order/7)")
    code, text = told(plain(daemon, "filtered.example"))
    assert code == 17 and text.startswith("A School: filtered on request of Kementerian") and "\t" not in text
    # without EDNS nothing is said
    reply = ask(daemon, "plain.example", edns=False)
    assert blocked(reply) and reply.edns == -1
    # a list that says nothing is named: the operator can be asked about it
    daemon = serve(saringd, block={}, lists={"ads": ({}, "entries: [a.example]\n")})
    assert ede(ask(daemon, "a.example")) == (15, "blocked (list ads)")


def test_who_asks_is_told_in_json(saringd):
    daemon = serve(saringd)
    for tcp in (False, True):
        reply = structured(daemon, "plain.example", tcp=tcp)
        assert blocked(reply)
        code, text = told(reply)
        assert code == 16 and as_object(text) == {
            "c": ["mailto:order@example.org"], "j": "a \"reason\" with \\ and a tab, an Ł and an 😀", "o": "Example ISP", "l": "en"}
        # the entry over the list over block:
        code, text = told(structured(daemon, "own.example", tcp=tcp))
        assert code == 15 and as_object(text) == {"c": ["tel:+62-21-1"], "j": "its own", "s": 1, "o": "Example ISP", "l": "en"}
        code, text = told(structured(daemon, "filtered.example", tcp=tcp))
        got = as_object(text)
        assert code == 17 and (got["s"], got["o"], got["l"]) == (3, "A School", "id")
        # an entry without a contact that clients take: block:'s
        assert as_object(told(structured(daemon, "bare.example", tcp=tcp))[1])["c"] == ["mailto:help@example.net"]
    # data in the option is ignored, and does not come back
    assert as_object(told(structured(daemon, "own.example", option=dns.edns.GenericOption(SDE, b"\1en")))[1])["s"] == 1
    # without a language it is said to be undetermined
    daemon = serve(saringd, block={}, lists={"l": ({"reason": "why"}, "entries: [a.example]\n")})
    assert as_object(told(structured(daemon, "a.example"))[1]) == {"j": "why", "l": "und"}
    # with nothing to say there is no object
    daemon = serve(saringd, block={"organization": "Example ISP"}, lists={"ads": ({}, "entries: [a.example]\n")})
    assert told(structured(daemon, "a.example")) == (15, "Example ISP: blocked (list ads)")


def test_the_switch(saringd):
    daemon = serve(saringd, block={**BLOCK, "structured-errors": "off"})
    code, text = told(structured(daemon, "own.example"))
    assert code == 15 and text.startswith("Example ISP: blocked by Its Own")
    for word in ("always", "encrypted"):
        daemon.configure(block={**BLOCK, "structured-errors": word})
        daemon.ctl("reload")
        assert as_object(told(structured(daemon, "own.example"))[1])["s"] == 1
    daemon.configure(block={**BLOCK, "structured-errors": "sometimes"})
    refused = daemon.ctl("reload", code=1)
    assert "saring.yaml:" in refused.err and "encrypted, always, off" in refused.err


def test_whoever_asks_is_not_led_elsewhere(saringd):
    """With a structured error the draft allows no forged answer: no addresses that are not the name's own."""
    daemon = serve(saringd, {**BLOCK, "addresses": ["192.0.2.80", "2001:db8::80"]},
                   {"null": ({"answer": "null", "reason": "r"}, "entries: [null.example]\n"),
                    "address": ({"answer": "address", "reason": "r"}, "entries: [address.example]\n")})
    for name, a, aaaa in (("null.example", "0.0.0.0", "::"), ("address.example", "192.0.2.80", "2001:db8::80")):
        assert rrs(ask(daemon, name)) == [a] and rrs(ask(daemon, name, "AAAA"), "AAAA") == [aaaa]
        for rdtype in ("A", "AAAA", "TXT"):
            reply = structured(daemon, name, rdtype)
            assert rcode(reply) == "NOERROR" and not reply.answer and soa_of(reply)[1:] == (10, 10)
            assert as_object(told(reply)[1])["j"] == "r"


def test_what_gives_way_over_udp(saringd):
    """j, then o and l, then all of the text; never the answer. What is sent is whole at every size, and over TCP everything is."""
    text = f"entries:\n  - {{domain: {'a' * 60}.{'b' * 60}.{'c' * 50}.example, reason: '{'x' * 300}', contact: 'mailto:{'y' * 60}@example.org'}}\n"
    daemon = serve(saringd, {"organization": "Ö" * 60, "language": "sv"}, {"l": ({}, text)})
    name = f"{'a' * 60}.{'b' * 60}.{'c' * 50}.example"
    whole = as_object(told(structured(daemon, name, tcp=True))[1])
    assert set(whole) == {"c", "j", "o", "l"} and whole["j"] == "x" * 300
    shapes = []
    for size in list(range(512, 1233, 36)) + [1232]:
        reply = structured(daemon, name, size=size)
        assert len(reply.wire) <= size and not reply.flags & dns.flags.TC and blocked(reply)
        got = as_object(told(reply)[1])
        assert all(whole[k] == got[k] for k in got)
        if not shapes or shapes[-1] != set(got):
            shapes.append(set(got))
    assert shapes == [{"c", "o", "l"}, {"c", "j", "o", "l"}]
    # so little room that c alone fits, and that nothing does
    contacts = "[" + ", ".join(f"'mailto:{i}{'z' * 90}@example.org'" for i in range(3)) + "]"
    daemon = serve(saringd, {"organization": "O" * 180}, {"l": ({}, text.replace("contact:", f"contact: {contacts}, reference:"))})
    got = as_object(told(structured(daemon, name, size=620))[1])
    assert set(got) == {"c"} and len(got["c"]) == 3
    reply = structured(daemon, name, size=512)
    assert blocked(reply) and not reply.flags & dns.flags.TC and told(reply) == (15, "")


@pytest.mark.parametrize("said, place", [
    ("code: censored\nsub-error: malware\nentries: [a.example]\n", "l.yaml:2:12: "),
    ("code: filtered\nentries:\n  - {domain: a.example, sub-error: dns-policy}\n", "l.yaml:3:36: "),
    ("entries:\n  - domain: a.example\n    code: censored\n    sub-error: spam\n", "l.yaml:4:16: "),
    ("sub-error: spyware\nentries:\n  - domain: a.example\n    sub-error: seven\n", "l.yaml:4:16: ")])
def test_sub_errors_that_do_not_go_with_the_code(saringd, said, place):
    daemon = serve(saringd, lists={"l": ({}, "entries: [a.example]\n")})
    (daemon.home / "l.yaml").write_text(said)
    for result in (daemon.ctl("check", code=1), daemon.ctl("reload", code=1)):
        assert place in result.out + result.err and "sub-error" in result.out + result.err or "seven" in said and "network-policy" in result.err
    assert blocked(ask(daemon, "a.example"))


def test_sub_errors_from_defaults_are_left_out(saringd):
    """saring.yaml's word for a whole list gives way to an entry's code; `none` undoes it."""
    text = ("entries:\n  - a.example\n  - {domain: b.example, code: censored}\n  - {domain: c.example, code: filtered}\n"
            "  - {domain: d.example, sub-error: none}\n")
    daemon = serve(saringd, lists={"l": ({"sub-error": "network-policy"}, text)})
    assert [as_object(told(structured(daemon, f"{n}.example"))[1]).get("s") for n in "abcd"] == [5, None, None, None]
    assert [daemon.explain(f"{n}.example")["rule"]["sub_error"] for n in "abcd"] == ["network-policy", None, None, None]
    daemon.configure(lists=[{"name": "l", "file": "l.yaml", "code": "censored", "sub-error": "network-policy"}])
    assert "saring.yaml" in daemon.ctl("reload", code=1).err


def test_entries_on_trial(saringd):
    """`mode: shadow` in an entry: counted, and as if it were not there."""
    text = ("entries:\n  - {domain: tried.example, mode: shadow}\n  - {domain: a.both.example, mode: shadow}\n"
            "  - both.example\n")
    daemon = serve(saringd, lists={"l": ({}, text)})
    assert rcode(ask(daemon, "tried.example")) == "SERVFAIL", "it was asked of the upstream server, which is not there"
    assert blocked(ask(daemon, "a.both.example")), "the entry on trial hides nothing"
    status = daemon.status()
    assert (status["policy"]["entries"], status["policy"]["in_force"]) == (3, 1)
    also = daemon.explain("tried.example")
    assert also["rule"] is None and [(a["mode"], a["why_not"]) for a in also["also"]] == [("shadow", "shadow")]
    assert daemon.explain("a.both.example")["rule"]["entry"] == "both.example"
    shown = daemon.ctl("--json", "list", "show", "l").json
    assert [(e["mode"], e["state"]) for e in shown] == [("shadow", "shadow"), ("shadow", "shadow"), ("enforce", "in force")]
    lists = daemon.ctl("--json", "list").json
    assert lists[0]["in_force"] == 1 and lists[0]["would_block"] == 2, lists
    # adding it puts it in force
    daemon.ctl("list", "add", "l", "tried.example")
    assert blocked(ask(daemon, "tried.example")) and "mode" not in (daemon.home / "l.yaml").read_text().split("tried")[1].split("- ")[0]
    # and an exported list has it still
    assert daemon.ctl("list", "export", "l").out.count("mode: shadow") == 1
