# SPDX-License-Identifier: BSD-2-Clause
"""import-config: configurations of Pi-hole 5 and 6, AdGuard Home and Blocky, in the shapes of real files. Each is converted, checked,
served, and asked, so that its meaning is seen to hold. Clients are the addresses of 127.0.0.0/8."""
import re
import sqlite3

import dns.query
import pytest

from harness import fake as F
from harness.ask import ANSWER_S, make, rcode, rrs

ADDRESS = "192.0.2.200"

GRAVITY = """
CREATE TABLE "group" (id INTEGER PRIMARY KEY, enabled BOOLEAN NOT NULL DEFAULT 1, name TEXT UNIQUE NOT NULL, description TEXT);
CREATE TABLE adlist (id INTEGER PRIMARY KEY, address TEXT NOT NULL, enabled BOOLEAN NOT NULL DEFAULT 1, date_added INTEGER, comment TEXT, type INTEGER NOT NULL DEFAULT 0);
CREATE TABLE domainlist (id INTEGER PRIMARY KEY, type INTEGER NOT NULL, domain TEXT NOT NULL, enabled BOOLEAN NOT NULL DEFAULT 1, date_added INTEGER, comment TEXT);
CREATE TABLE client (id INTEGER PRIMARY KEY, ip TEXT NOT NULL UNIQUE, date_added INTEGER, comment TEXT);
CREATE TABLE adlist_by_group (adlist_id INTEGER, group_id INTEGER);
CREATE TABLE domainlist_by_group (domainlist_id INTEGER, group_id INTEGER);
CREATE TABLE client_by_group (client_id INTEGER, group_id INTEGER);
INSERT INTO "group" VALUES (0, 1, 'Default', NULL), (1, 1, 'kids', NULL), (2, 0, 'asleep', NULL);
INSERT INTO adlist VALUES (1, 'https://lists.example.net/hosts', 1, 1600000000, 'the big one', 0), (2, 'https://lists.example.net/off', 0, 0, NULL, 0),
  (3, 'file:///etc/own.list', 1, 0, NULL, 0), (4, 'https://lists.example.net/good', 1, 0, NULL, 1);
INSERT INTO adlist_by_group VALUES (1, 0), (1, 1), (2, 0), (3, 0), (4, 0), (4, 1);
INSERT INTO domainlist VALUES (1, 1, 'ads.example', 1, 1600000000, 'seen on the tv'), (2, 0, 'good.tracker.example', 1, 0, NULL),
  (3, 3, '(^|\\.)tracker\\.example$', 1, 0, NULL), (4, 1, 'games.example', 1, 0, NULL), (5, 1, 'sleeping.example', 0, 0, NULL),
  (6, 3, 'x;querytype=AAAA', 1, 0, NULL), (7, 3, '([', 1, 0, NULL), (8, 3, '^AD[0-9]', 1, 0, NULL), (9, 1, 'nobody.example', 1, 0, NULL);
INSERT INTO domainlist_by_group VALUES (1, 0), (1, 1), (2, 0), (2, 1), (3, 0), (3, 1), (4, 1), (5, 0), (6, 0), (7, 0), (8, 0), (8, 1);
INSERT INTO client VALUES (1, '127.0.0.32/27', 0, 'tablets'), (2, 'aa:bb:cc:dd:ee:ff', 0, NULL), (3, '127.0.0.5', 0, NULL), (4, '127.0.0.6', 0, NULL);
INSERT INTO client_by_group VALUES (1, 0), (1, 1), (2, 1), (3, 2), (4, 0);
"""

PIHOLE_6 = """# Pi-hole configuration file (v6.1)
[dns]
  upstreams = [
    "192.0.2.1",
    "192.0.2.2#5335",
    "resolver.example"
  ] ### CHANGED, default = []
  hosts = [ "192.168.1.10 nas.home.example nas", "fd00::10 nas.home.example" ]
  cnameRecords = [ "files.home.example,nas.home.example,60" ]
  revServers = [ "true,192.168.1.0/24,192.168.1.1#5300,lan", "false,10.0.0.0/8,10.0.0.1" ]
  domainNeeded = true
  bogusPriv = true
  interface = "eth0"
  listeningMode = "ALL"
  queryLogging = true
  port = 5353
  blockTTL = 2
  unheard_of = { secret = "hunter2" }
  [dns.blocking]
    active = true
    mode = "NX"
  [dns.cache]
    size = 10000
    optimizer = 3600
  [dns.specialDomains]
    mozillaCanary = true
    iCloudPrivateRelay = true
  [dns.domain]
    name = "lan"
    local = true
[dhcp]
  active = false
  start = ""
[webserver]
  domain = "pi.hole"
  port = "80o,443os"
[database]
  maxDBdays = 91
[misc]
  privacylevel = 0
  nice = -10
"""

PIHOLE_5 = {"setupVars.conf": "WEBPASSWORD=0123456789abcdef\nPIHOLE_INTERFACE=eth0\nIPV4_ADDRESS=192.168.0.2/24\nQUERY_LOGGING=true\n"
            "PIHOLE_DNS_1=192.0.2.1\nPIHOLE_DNS_2=192.0.2.2#5335\nDNS_FQDN_REQUIRED=true\nDNS_BOGUS_PRIV=true\nDNSSEC=false\nODD_KEY=1\n"
            "REV_SERVER=true\nREV_SERVER_CIDR=192.168.0.0/24\nREV_SERVER_TARGET=192.168.0.1\nREV_SERVER_DOMAIN=lan\n",
            "custom.list": "192.168.0.10 nas.home.example\n192.168.0.11 tv.home.example\n",
            "05-pihole-custom-cname.conf": "cname=files.home.example,nas.home.example\n",
            "pihole-FTL.conf": "PRIVACYLEVEL=0\nBLOCKINGMODE=NODATA\nMAXDBDAYS=30\n"}

ADGUARD = """http:
  address: 0.0.0.0:3000
users:
  - name: admin
    password: $2a$10$hunter2
dns:
  bind_hosts: [127.0.0.1]
  port: 5354
  upstream_dns:
    - 192.0.2.1
    - "[/corp.example/b.example/]192.0.2.53"
    - tls://dns.example
    - "# a comment"
  bootstrap_dns: [192.0.2.99]
  fallback_dns: []
  ratelimit: 30
  cache_size: 4194304
  cache_ttl_min: 60
  cache_optimistic: true
  allowed_clients: [127.0.0.0/8, phone]
  upstream_timeout: 10s
  enable_dnssec: true
tls: {enabled: false, port_https: 443}
querylog: {enabled: true, interval: 2160h, size_memory: 1000, file_enabled: true, ignored: []}
statistics: {enabled: true, interval: 24h, ignored: []}
filters:
  - {enabled: true, url: "https://lists.example.net/filter_1.txt", name: "AdGuard DNS filter", id: 1}
  - {enabled: false, url: "https://lists.example.net/filter_2.txt", name: AdAway, id: 2}
whitelist_filters:
  - {enabled: true, url: "https://lists.example.net/allow.txt", name: allow, id: 3}
user_rules:
  - "||ads.example^"
  - "@@||good.ads.example^"
  - "/^track[0-9]+\\\\./"
  - "! a comment"
  - "||x.example^$removeparam=utm"
filtering:
  blocking_mode: custom_ip
  blocking_ipv4: 192.0.2.80
  blocking_ipv6: "2001:db8::80"
  blocked_response_ttl: 20
  filters_update_interval: 24
  rewrites:
    - {domain: nas.home.example, answer: 192.168.1.10}
    - {domain: "*.lab.example", answer: 192.168.1.20}
    - {domain: files.home.example, answer: nas.home.example}
    - {domain: off.home.example, answer: 192.168.1.30, enabled: false}
    - {domain: same.home.example, answer: A}
  blocked_services:
    schedule: {time_zone: UTC, mon: {start: 8h, end: 9h30m}}
    ids: [youtube]
  safe_search: {enabled: true, google: true, bing: false, youtube: false, duckduckgo: false, ecosia: false, yandex: false, pixabay: false}
  parental_enabled: false
  safebrowsing_enabled: true
clients:
  runtime_sources: {whois: true}
  persistent:
    - name: lab
      ids: [127.0.0.5, "aa:bb:cc:dd:ee:ff"]
      use_global_settings: false
      filtering_enabled: false
      use_global_blocked_services: true
    - name: like all others
      ids: [127.0.0.7]
      use_global_settings: true
schema_version: 29
"""

BLOCKY = """upstreams:
  groups:
    default: [192.0.2.1, "tcp-tls:dns.example:853"]
    127.0.0.9: [192.0.2.9]
  strategy: strict
  timeout: 3s
customDNS:
  customTTL: 1h
  mapping:
    printer.home.example: 192.168.178.3,2001:db8::3
  rewrite: {a.example: b.example}
  zone: |
    $ORIGIN zone.example.
    www 300 IN A 192.168.178.9
    @ IN MX 10 mail
conditional:
  mapping:
    corp.example: 192.0.2.53
    .: 192.168.178.1
blocking:
  %(deny)s:
    ads:
      - https://lists.example.net/hosts
      - own.txt
      - |
        # a comment
        ads.example
        *.tracker.example
        /^banners?[_.-]/
    games:
      - |
        games.example
  %(allow)s:
    ads:
      - |
        good.tracker.example
  clientGroupsBlock:
    default: [ads]
    127.0.0.0/24: [ads]
    127.0.0.33/27: [games]
    tablet*: [games]
    unknown: [games]
  blockType: nxDomain
  blockTTL: 1m
  refreshPeriod: 4h
clientLookup:
  clients:
    tablet1: [127.0.1.8]
caching: {minTime: 5m, maxTime: 30m, prefetching: true, cacheTimeNegative: 30m}
prometheus: {enable: true, path: /metrics}
queryLog: {type: csv, target: /logs, logRetentionDays: 7}
ports: {dns: "127.0.0.1:5355", http: 4000}
hostsFile: {filePath: /etc/hosts, hostsTTL: 1h}
ede: {enable: true}
redis: {address: "redis:6379", password: hunter2}
log: {level: warn}
somethingNew: true
"""
BLOCKY_NEW = {"deny": "denylists", "allow": "allowlists"}
BLOCKY_OLD = {"deny": "blackLists", "allow": "whiteLists"}


@pytest.fixture
def up(fake):
    return fake(F.answer(ADDRESS, ttl=600))


@pytest.fixture
def tool(saringd):
    """saringctl, before there is a daemon."""
    return saringd({}, start=False)


def gravity(path, more=""):
    db = sqlite3.connect(path)
    db.executescript(GRAVITY + more)
    db.close()


@pytest.fixture
def products(home):
    folder = home / "from"
    for name in ("p6", "p5", "ag", "bl", "blo"):
        (folder / name).mkdir(parents=True)
    (folder / "p6" / "pihole.toml").write_text(PIHOLE_6)
    gravity(folder / "p6" / "gravity.db")
    for name, text in PIHOLE_5.items():
        (folder / "p5" / name).write_text(text)
    gravity(folder / "p5" / "gravity.db")
    (folder / "ag" / "AdGuardHome.yaml").write_text(ADGUARD)
    for name, words in (("bl", BLOCKY_NEW), ("blo", BLOCKY_OLD)):
        (folder / name / "config.yml").write_text(BLOCKY % words)
        (folder / name / "own.txt").write_text("0.0.0.0 own.example\n")
    return {"pihole 6": ("pihole", folder / "p6"), "pihole 5": ("pihole", folder / "p5"), "adguardhome": ("adguardhome", folder / "ag" / "AdGuardHome.yaml"),
            "blocky": ("blocky", folder / "bl" / "config.yml"), "blocky, old": ("blocky", folder / "blo" / "config.yml")}


ALL = ["pihole 6", "pihole 5", "adguardhome", "blocky", "blocky, old"]


def convert(tool, products, which):
    product, path = products[which]
    done = tool.ctl("--json", "import-config", product, str(path))
    return done.json


def notes(told, kind):
    return [(n["key"], n["why"]) for n in told[kind]]


def has_note(told, kind, key, why):
    return any(key in k and why in w for k, w in notes(told, kind))


def serve(saringd, up, told):
    """With the ports, the servers and the folders of a test, and else as it was made."""
    text = told["config"]
    text = re.sub(r"(?m)^listen: .*$", "listen: [dns://127.0.0.1:0]\nuser: root\nworkers: 2\ncontrol: {socket: c.sock}\nstate: state", text)
    text = re.sub(r"(?m)^  servers: .*$", f"  servers: ['{up.endpoint}']", text)
    text = re.sub(r"(?m)^hosts: .*\n", "", text) + "\nhosts: off\n"
    text = re.sub(r"(?m)^metrics:\n.*\n", "", text)
    text = re.sub(r"(?m)^  - name: (.*)\n    url: (.*)$", r"  - name: \1\n    file: lists/none.txt\n    format: domains", text)
    text = re.sub(r"(?m)^    refresh: .*\n", "", text)
    return saringd(text=text, lists={"lists/none.txt": "nothing.invalid\n", **told["lists"]})


def asked(daemon, name, rdtype="A", source="127.0.0.1"):
    return dns.query.udp(make(name, rdtype), "127.0.0.1", port=daemon.udp["127.0.0.1"], source=source, timeout=ANSWER_S)


def is_let(daemon, name, source="127.0.0.1"):
    return rrs(asked(daemon, name, source=source)) == [ADDRESS]


@pytest.mark.parametrize("which", ALL)
def test_written_and_sound(tool, products, which):
    """A folder that check takes without an error or a warning about what was written; nothing is replaced without --force."""
    product, path = products[which]
    out = tool.home / "out"
    done = tool.ctl("import-config", product, str(path), "--output", str(out))
    assert "changed in meaning:" in done.out and "left out:" in done.out and "hunter2" not in done.out + done.err
    checked = tool.ctl("check", str(out / "saring.yaml"))
    assert "no errors" in checked.out, checked
    told = convert(tool, products, which)
    assert told["output"] is None and (out / "saring.yaml").read_text() == told["config"]
    assert {str(p.relative_to(out)) for p in out.rglob("*.*")} == {"saring.yaml", *told["lists"]}
    (out / "saring.yaml").write_text("mine\n")
    refused = tool.ctl("import-config", product, str(path), "-o", str(out), code=1)
    assert "--force" in refused.err and (out / "saring.yaml").read_text() == "mine\n"
    tool.ctl("import-config", product, str(path), "-o", str(out), "--force")
    assert (out / "saring.yaml").read_text() == told["config"]


def test_pihole_6(tool, products, saringd, up):
    told = convert(tool, products, "pihole 6")
    config = told["config"].replace("'", "")
    assert "listen: [dns://0.0.0.0:5353, dns://[::]:5353]" in config
    assert "servers: [dns://192.0.2.1, dns://192.0.2.2:5335]" in config
    assert "zones: [192.168.1.0/24, lan]" in config and "10.0.0.1" not in config
    for left in (("dns.upstreams", "not an address"), ("dns.unheard_of", "does not know"), ("webserver", "(2 values)"), ("adlist:3", "file:///etc/own.list"),
                 ("domainlist:5", "switched off"), ("domainlist:6", "querytype"), ("domainlist:7", "PCRE2"), ("domainlist:9", "no group"),
                 ("client:2", "aa:bb:cc:dd:ee:ff")):
        assert has_note(told, "left_out", *left), (left, notes(told, "left_out"))
    assert not has_note(told, "left_out", "dhcp", "")
    assert has_note(told, "changed", "dns.listeningMode", "private networks")
    assert [n["line"] for n in told["left_out"] if n["key"] == "dns.interface"] == [13]
    daemon = serve(saringd, up, told)
    assert rcode(asked(daemon, "ads.example")) == "NXDOMAIN"
    for name in ("tracker.example", "a.tracker.example", "ad7.example"):
        assert not is_let(daemon, name), name
    for name in ("sub.ads.example", "good.tracker.example", "games.example", "sleeping.example", "nobody.example"):
        assert is_let(daemon, name), name
    assert not is_let(daemon, "games.example", "127.0.0.40") and not is_let(daemon, "ads.example", "127.0.0.40")
    assert is_let(daemon, "ads.example", "127.0.0.5"), "its only group is switched off"
    assert not is_let(daemon, "ads.example", "127.0.0.6")
    assert rrs(asked(daemon, "nas.home.example")) == ["192.168.1.10"] and rrs(asked(daemon, "nas.home.example", "AAAA"), "AAAA") == ["fd00::10"]
    assert rrs(asked(daemon, "files.home.example")) == ["192.168.1.10"]
    assert rrs(asked(daemon, "10.1.168.192.in-addr.arpa", "PTR"), "PTR") == ["nas.home.example."]
    assert rcode(asked(daemon, "use-application-dns.net")) == "NXDOMAIN"
    assert "added: 2020-09-13" in told["lists"]["lists/deny-Default-kids.yaml"] and "# seen on the tv" in told["lists"]["lists/deny-Default-kids.yaml"]


def test_pihole_5(tool, products, saringd, up):
    told = convert(tool, products, "pihole 5")
    assert "servers: [dns://192.0.2.1, dns://192.0.2.2:5335]" in told["config"] and "zones: [192.168.0.0/24, lan]" in told["config"]
    assert has_note(told, "left_out", "ODD_KEY", "does not know") and has_note(told, "left_out", "WEBPASSWORD", "web interface")
    assert "0123456789abcdef" not in str(told)
    daemon = serve(saringd, up, told)
    blocked = asked(daemon, "ads.example")
    assert (rcode(blocked), rrs(blocked)) == ("NOERROR", [])
    assert rrs(asked(daemon, "tv.home.example")) == ["192.168.0.11"] and rrs(asked(daemon, "files.home.example")) == ["192.168.0.10"]


def test_pihole_6_is_what_counts(tool, products):
    """What version 5 left in the folder is not read a second time."""
    _, folder = products["pihole 6"]
    (folder / "setupVars.conf").write_text("PIHOLE_DNS_1=192.0.2.77\n")
    told = convert(tool, products, "pihole 6")
    assert "192.0.2.77" not in told["config"] and has_note(told, "left_out", "", "version 5")


@pytest.mark.parametrize("more", [
    "DROP TABLE adlist; CREATE VIEW adlist AS SELECT 1 AS id, load_extension('/tmp/x') AS address, 1 AS enabled, '' AS comment, 0 AS type;",
    "DROP TABLE domainlist; CREATE VIRTUAL TABLE domainlist USING fts5(id, type, domain, enabled, comment, date_added);",
    "DROP TABLE adlist; CREATE TABLE adlist (id, enabled, comment, type, address AS (hex(zeroblob(100000000))));"
    "INSERT INTO adlist (id, enabled, comment, type) VALUES (1, 1, '', 0);",
    "DELETE FROM domainlist; WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 120000)"
    "INSERT INTO domainlist SELECT i, 1, 'x' || i || '.example', 1, 0, NULL FROM n;"
    "CREATE INDEX d ON domainlist_by_group (domainlist_id);",
], ids=["view", "virtual", "generated", "rows"])
def test_hostile_database(tool, home, more):
    """Neither views nor virtual tables nor functions of a schema are run, and rows are bounded: it ends, and says why."""
    folder = home / "hostile"
    folder.mkdir()
    gravity(folder / "gravity.db", more)
    before = (folder / "gravity.db").read_bytes()
    done = tool.run("saringctl", "--json", "import-config", "pihole", str(folder / "gravity.db"))
    assert done.code in (0, 1), done
    if done.code == 0:
        assert any("could not be read whole" in n["why"] for n in done.json["left_out"]), done
    assert (folder / "gravity.db").read_bytes() == before and list(folder.iterdir()) == [folder / "gravity.db"]


def test_damaged_database(tool, home):
    path = home / "gravity.db"
    gravity(path)
    whole = path.read_bytes()
    for at in range(0, len(whole), 997):
        path.write_bytes(whole[:at] + bytes(255 - b for b in whole[at:at + 64]) + whole[at + 64:])
        done = tool.run("saringctl", "--json", "import-config", "pihole", str(path))
        assert done.code in (0, 1) and done.json, done


def test_adguardhome(tool, products, saringd, up):
    told = convert(tool, products, "adguardhome")
    config = told["config"].replace("'", "")
    for line in ("listen: [dns://127.0.0.1:5354]", "zones: [corp.example, b.example]", "safe-search: [google]", "min-ttl: 1m", "answer: address", "rate: 30/s",
                 "allow: [127.0.0.0/8]", "refresh: 24h", "retention: 2160h", "# AdGuard DNS filter"):
        assert line in config, (line, config)
    for left in (("dns.upstream_dns", "DNS over TLS"), ("dns.allowed_clients", "not named by an address"), ("user_rules", "x.example"), ("users", "web interface"),
                 ("filtering.rewrites", "not enabled"), ("filtering.rewrites", "exception"), ("filtering.blocked_services", "youtube"),
                 ("filtering.safebrowsing_enabled", "AdGuard"), ("clients.persistent", "aa:bb:cc:dd:ee:ff"), ("dns.enable_dnssec", "validate")):
        assert has_note(told, "left_out", *left), (left, notes(told, "left_out"))
    assert not any(key.startswith("tls") for key, _ in notes(told, "left_out"))
    assert "days: [mon]\n        hours: [00:00-08:00, 09:30-24:00]" in config
    daemon = serve(saringd, up, told)
    for name in ("ads.example", "sub.ads.example", "track12.example"):
        assert rrs(asked(daemon, name)) == ["192.0.2.80"], name
    assert rrs(asked(daemon, "ads.example", "AAAA"), "AAAA") == ["2001:db8::80"]
    for name in ("good.ads.example", "x.example"):
        assert is_let(daemon, name), name
    assert is_let(daemon, "ads.example", "127.0.0.5") and not is_let(daemon, "ads.example", "127.0.0.7")
    assert rrs(asked(daemon, "a.lab.example")) == ["192.168.1.20"] and rrs(asked(daemon, "files.home.example")) == ["192.168.1.10"]
    assert is_let(daemon, "off.home.example")
    assert rrs(asked(daemon, "www.google.com"), "CNAME") == ["forcesafesearch.google.com."]


@pytest.mark.parametrize("which", ["blocky", "blocky, old"])
def test_blocky(tool, products, saringd, up, which):
    told = convert(tool, products, which)
    config = told["config"].replace("'", "")
    for line in ("listen: [dns://127.0.0.1:5355]", "strategy: ordered", "timeout: 3s", "zones: [corp.example]", "refresh: 4h", "listen: 127.0.0.1:9953", "level: warning",
                 "max-ttl: 30m", "ttl: 1m", "retention: 7d", "upstream: [dns://192.0.2.9]"):
        assert line in config, (line, config)
    for left in (("upstreams.groups.default", "DNS over TLS"), ("customDNS.rewrite", "not rewritten"), ("conditional.mapping", "without a dot"),
                 ("blocking.clientGroupsBlock.unknown", "unknown"), ("redis", "(2 values)"), ("somethingNew", "does not know")):
        assert has_note(told, "left_out", *left), (left, notes(told, "left_out"))
    assert "hunter2" not in str(told)
    daemon = serve(saringd, up, told)
    assert rcode(asked(daemon, "ads.example")) == "NXDOMAIN"
    for name in ("tracker.example", "a.tracker.example", "banner-1.example", "own.example"):
        assert not is_let(daemon, name), name
    for name in ("sub.ads.example", "good.tracker.example", "games.example"):
        assert is_let(daemon, name), name
    assert not is_let(daemon, "games.example", "127.0.0.40") and not is_let(daemon, "ads.example", "127.0.0.40"), "every key that fits gives its lists"
    assert not is_let(daemon, "games.example", "127.0.1.8") and is_let(daemon, "ads.example", "127.0.1.8"), "by its name, and so not by default"
    assert rrs(asked(daemon, "printer.home.example")) == rrs(asked(daemon, "my.printer.home.example")) == ["192.168.178.3"]
    assert rrs(asked(daemon, "www.zone.example")) == ["192.168.178.9"] and rrs(asked(daemon, "zone.example", "MX"), "MX") == ["10 mail.zone.example."]


def test_blocky_hours(tool, home):
    """Lists that act at hours do so in every group that has them."""
    path = home / "config.yml"
    path.write_text("upstreams: {groups: {default: [192.0.2.1]}}\nblocking:\n  denylists:\n    play:\n      - |\n        games.example\n"
                    "  clientGroupsBlock: {default: [play], 192.0.2.7: [play]}\n  schedules:\n    night: {weekdays: [mon, fri], start: \"22:00\", end: \"06:00\"}\n"
                    "  listSchedules: {play: [night, none]}\n")
    told = tool.ctl("--json", "import-config", "blocky", str(path)).json
    assert told["config"].replace("'", "").count("hours: [22:00-06:00]") == 2
    assert has_note(told, "left_out", "blocking.listSchedules.play", "'none'")
    tool.ctl("import-config", "blocky", str(path), "-o", str(home / "out"))
    assert "no errors" in tool.ctl("check", str(home / "out" / "saring.yaml")).out


def test_what_only_saring_refuses(tool, home):
    """A zone with two routes, and a shortest time above the longest: both are as good as any there."""
    path = home / "AdGuardHome.yaml"
    path.write_text("dns:\n  upstream_dns: [192.0.2.1, '[/lan/]192.0.2.2', '[/lan/]192.0.2.3', '[/a.example/lan/]192.0.2.4']\n  cache_ttl_min: 3000\n"
                    "  cache_ttl_max: 600\nschema_version: 29\n")
    told = tool.ctl("--json", "import-config", "adguardhome", str(path)).json
    config = told["config"].replace("'", "")
    assert "- zones: [lan]\n      servers: [dns://192.0.2.2, dns://192.0.2.3, dns://192.0.2.4]" in config
    assert "- zones: [a.example]\n      servers: [dns://192.0.2.4]" in config
    assert "max-ttl: 50m" in config and has_note(told, "changed", "cache.max-ttl", "raised")


@pytest.mark.parametrize("product, text, says", [
    ("adguardhome", "dns: [\n", ":2:1"), ("adguardhome", "a: 1\n", "neither 'dns'"), ("blocky", "- a\n", "no configuration"), ("blocky", "", "no configuration"),
    ("pihole", "", None)])
def test_no_configuration(tool, home, product, text, says):
    path = home / "x.yaml"
    path.write_text(text)
    if says is None:
        path = home / "nothing"
        says = "No such file"
    done = tool.run("saringctl", "import-config", product, str(path))
    assert done.code == 1 and says in done.err, done


def test_archive_and_usage(tool, home):
    (home / "t.zip").write_bytes(b"PK\3\4")
    assert "unpack" in tool.run("saringctl", "import-config", "pihole", str(home / "t.zip")).err
    assert tool.run("saringctl", "import-config", "dnsmasq", "x").code == 2


def test_toml_place(tool, home):
    path = home / "pihole.toml"
    path.write_text("[dns]\nport = 53\nport = 54\n")
    done = tool.run("saringctl", "import-config", "pihole", str(path))
    assert done.code == 1 and f"{path}:3:" in done.err, done
