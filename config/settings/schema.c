/* SPDX-License-Identifier: BSD-2-Clause */
#include "settings/schema.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "settings/provenance.h"
#include "settings/settings.h"

#define FIELD(type, field) .at = offsetof(struct type, field), .size = sizeof(((struct type *)NULL)->field)
#define MORE(type, field) .at_more = offsetof(struct type, field)
#define TTL_MAX (52 * 7 * 86400) /* a year; RFC 2181 §8 allows 68 of them, which nobody means */
#define TEXT_MAX 255
#define PATH_BYTES_MAX 4095
#define URL_BYTES_MAX 2047
#define NSID_MAX 128
#define REFRESH_MIN 60
#define SOCKET_PATH_MAX 107 /* sun_path less its NUL: unix(7) */

static_assert(sizeof(enum answer) == sizeof(int) && sizeof(enum log_level) == sizeof(int) && sizeof(enum privacy) == sizeof(int),
	      "words are stored as int");

static const char *const strategy_words[] = {"fastest", "ordered", "spread", NULL};
static const char *const others_words[] = {"refuse", "drop", NULL};
static const char *const dotless_words[] = {"forward", "nodata", NULL};
static const char *const structured_words[] = {"encrypted", "always", "off", NULL};
static const char *const privacy_words[] = {"full", "anonymous", "names", "none", NULL};
static const char *const dnstap_words[] = {"client-query", "client-response", NULL};
static const char *const level_words[] = {"error", "warning", "info", "debug", NULL};

/* clang-format off */
const struct schema_key schema_keys[] = {
    {.path = "listen", .type = SCHEMA_LISTEN, .reload = RELOAD_AT_RESTART, FIELD(settings, listen), MORE(settings, listen_count),
     .min = 1, .max = SETTINGS_LISTEN_MAX, .fallback = "[dns://127.0.0.1:53, \"dns://[::1]:53\"]",
     .help = "where queries are taken, over UDP and TCP; port 0: the kernel chooses"},
    {.path = "workers", .type = SCHEMA_WORKERS, .reload = RELOAD_AT_RESTART, FIELD(settings, workers), .min = 1,
     .max = SETTINGS_WORKERS_MAX, .fallback = "auto", .help = "threads that serve; auto = one for each core"},
    {.path = "user", .type = SCHEMA_TEXT, .reload = RELOAD_AT_RESTART, FIELD(settings, user), .max = 32,
     .help = "dropped to when started as root; default: saring, where that user exists"},

    {.path = "clients", .type = SCHEMA_SECTION, .help = "who may ask"},
    {.path = "clients.allow", .type = SCHEMA_PREFIXES, FIELD(settings, allow), MORE(settings, allow_count),
     .max = SETTINGS_ALLOW_MAX, .fallback = "[127.0.0.0/8, \"::1/128\"]", .help = "addresses and prefixes that may ask"},
    {.path = "clients.others", .type = SCHEMA_WORD, FIELD(settings, others), .words = others_words, .fallback = "refuse",
     .help = "what all others get: refuse | drop"},
    {.path = "clients.rate", .type = SCHEMA_RATE, FIELD(settings, rate), .min = 1, .max = 1000000000, .fallback = "off",
     .help = "queries a second over UDP of one /24 or /56 that are answered, as 1000/s; off = all"},

    {.path = "upstream", .type = SCHEMA_SECTION, .help = "who is asked"},
    {.path = "upstream.servers", .type = SCHEMA_SERVERS, FIELD(settings, servers), MORE(settings, server_count), .min = 1,
     .max = SETTINGS_SERVERS_MAX, .help = "default: the servers of /etc/resolv.conf, itself left out"},
    {.path = "upstream.strategy", .type = SCHEMA_WORD, FIELD(settings, strategy), .words = strategy_words, .fallback = "fastest",
     .help = "which server is asked first: fastest | ordered | spread"},
    {.path = "upstream.timeout", .type = SCHEMA_MS, FIELD(settings, timeout_ms), .min = 100, .max = 60000, .fallback = "2s",
     .help = "for one query, retries and all"},
    {.path = "upstream.rebind-protection", .type = SCHEMA_BOOL, FIELD(settings, rebind_protection),
     .help = "rebind-protection, said here"},
    {.path = "upstream.cookies", .type = SCHEMA_BOOL, FIELD(settings, upstream_cookies), .fallback = "true",
     .help = "DNS cookies (RFC 7873) are sent to servers, and believed once a server has sent one"},
    {.path = "upstream.routes", .type = SCHEMA_ROUTES, FIELD(settings, route_items), MORE(settings, route_item_count),
     .max = SETTINGS_ROUTES_MAX, .help = "zones whose names go to servers of their own"},
    {.path = "upstream.routes[].zone", .type = SCHEMA_ROUTE_ZONES, FIELD(settings_route_item, zones),
     MORE(settings_route_item, zone_count), .max = SETTINGS_ZONES_MAX,
     .help = "the zone: this name and all below it; or a prefix, for the names of its addresses"},
    {.path = "upstream.routes[].zones", .type = SCHEMA_ROUTE_ZONES, FIELD(settings_route_item, zones),
     MORE(settings_route_item, zone_count), .max = SETTINGS_ZONES_MAX, .help = "the same for several: a list"},
    {.path = "upstream.routes[].servers", .type = SCHEMA_SERVERS, .required = true, FIELD(settings_route_item, servers),
     MORE(settings_route_item, server_count), .min = 1, .max = SETTINGS_SERVERS_MAX, .help = "who is asked for it"},

    {.path = "rebind-protection", .type = SCHEMA_BOOL, FIELD(settings, rebind_protection), .fallback = "false",
     .help = "true: private addresses in answers for public names are not passed on"},

    {.path = "cache", .type = SCHEMA_SECTION, .help = "what upstream servers said, kept for their TTL"},
    {.path = "cache.size", .type = SCHEMA_SIZE, FIELD(settings, cache_size), .min = 65536, .max = INT64_C(1) << 40,
     .fallback = "64MiB", .help = "a hard bound on memory; 0 = off"},
    {.path = "cache.min-ttl", .type = SCHEMA_SECONDS, FIELD(settings, min_ttl_s), .max = TTL_MAX, .fallback = "0s",
     .help = "shorter TTLs are raised to this"},
    {.path = "cache.max-ttl", .type = SCHEMA_SECONDS, FIELD(settings, max_ttl_s), .max = TTL_MAX, .fallback = "1d",
     .help = "longer TTLs are lowered to this"},
    {.path = "cache.max-negative-ttl", .type = SCHEMA_SECONDS, FIELD(settings, max_negative_ttl_s), .max = TTL_MAX,
     .fallback = "1h", .help = "the same for answers that say there is nothing"},
    {.path = "cache.serve-stale", .type = SCHEMA_SECONDS, FIELD(settings, serve_stale_s), .max = TTL_MAX, .fallback = "1d",
     .help = "how long after its end an answer may be given when no server answers (RFC 8767); 0s = off"},
    {.path = "cache.prefetch", .type = SCHEMA_BOOL, FIELD(settings, prefetch), .fallback = "true",
     .help = "ask again for popular names shortly before they run out"},

    {.path = "names", .type = SCHEMA_SECTION, .help = "names that are answered here, such as localhost and private reverse zones"},
    {.path = "names.forward", .type = SCHEMA_SPECIALS, FIELD(settings, names_forward), .max = SPECIAL_MAX,
     .help = "of these, those that are asked of upstream servers all the same"},
    {.path = "names.deny", .type = SCHEMA_SPECIALS, FIELD(settings, names_deny), .max = SPECIAL_MAX,
     .help = "names denied on request: use-application-dns.net, mask.icloud.com, mask-h2.icloud.com, intranet, ..."},
    {.path = "names.dotless", .type = SCHEMA_WORD, FIELD(settings, dotless), .words = dotless_words, .fallback = "forward",
     .help = "what A and AAAA of a name without a dot get: forward | nodata"},

    {.path = "records", .type = SCHEMA_RECORDS, FIELD(settings, records), MORE(settings, record_count), .max = LOCALS_RECORDS_MAX,
     .help = "names that are answered here, before any list: mappings, or lines as zone files have them"},
    {.path = "records[].name", .type = SCHEMA_RECORD_PART, .help = "the name; *.NAME for all names below NAME that have no records"},
    {.path = "records[].type", .type = SCHEMA_RECORD_PART,
     .help = "A | AAAA | CNAME | TXT | PTR | MX | SRV | HTTPS | SVCB; may be left out for addresses"},
    {.path = "records[].data", .type = SCHEMA_RECORD_PART, .help = "what it is, or a list for several records"},
    {.path = "records[].ttl", .type = SCHEMA_RECORD_PART, .help = "how long clients may keep it; default: 5m"},
    {.path = "hosts", .type = SCHEMA_HOSTS, FIELD(settings, hosts), MORE(settings, host_count), .max = SETTINGS_HOSTS_MAX,
     .fallback = "/etc/hosts", .help = "hosts(5) files whose names are answered here, too: a path, a list of them, or off"},
    {.path = "safe-search", .type = SCHEMA_SAFE_SEARCH, FIELD(settings, safe_search),
     .fallback = "false", .help = "true, or a list of engines whose names lead to their filtered hosts"},

    {.path = "block", .type = SCHEMA_SECTION, .help = "what is sent for a blocked name: defaults for every list"},
    {.path = "block.answer", .type = SCHEMA_WORD, FIELD(settings, block_answer), .words = answer_settable_words, .fallback = "nxdomain",
     .help = "nxdomain | nodata | null | refused | drop | address"},
    {.path = "block.addresses", .type = SCHEMA_ADDRESSES, FIELD(settings, addresses), MORE(settings, address_count),
     .max = SETTINGS_ADDRESSES_MAX, .help = "for answer: address"},
    {.path = "block.ttl", .type = SCHEMA_SECONDS, FIELD(settings, block_ttl_s), .max = 3600, .fallback = "10s",
     .help = "of what is sent for a blocked name, so that a lifted block is soon forgotten"},
    {.path = "block.organization", .type = SCHEMA_TEXT, FIELD(settings, organization), .max = TEXT_MAX,
     .help = "who filters; this and the next two are told to the client"},
    {.path = "block.contact", .type = SCHEMA_TEXTS, FIELD(settings, contact), MORE(settings, contact_count),
     .max = PROVENANCE_CONTACT_MAX, .help = "whom to ask about a block, as mailto: or tel: URIs"},
    {.path = "block.language", .type = SCHEMA_LANGUAGE, FIELD(settings, language),
     .help = "the language of what is told, such as en or id"},
    {.path = "block.structured-errors", .type = SCHEMA_WORD, FIELD(settings, structured_errors), .words = structured_words,
     .fallback = "encrypted", .help = "who gets structured DNS errors on request: encrypted (and loopback) | always | off"},

    {.path = "block.popular", .type = SCHEMA_PATH, FIELD(settings, popular), MORE(settings, popular_shown), .max = PATH_BYTES_MAX,
     .help = "a file of names by how much they are used, for 'saringctl impact': one a line, or rank,name"},

    {.path = "block.require", .type = SCHEMA_WORDS, FIELD(settings, require), .words = require_words,
     .help = "keys that every entry that blocks must have, such as authority, reason and expires"},
    {.path = "block.protect", .type = SCHEMA_NAMES, FIELD(settings, protect), MORE(settings, protect_count),
     .max = SETTINGS_PROTECT_MAX, .help = "names that 'list add' blocks only by force, with all above and below them"},

    {.path = "lists", .type = SCHEMA_LISTS, FIELD(settings, lists), MORE(settings, list_count), .max = SETTINGS_LISTS_MAX,
     .help = "the block and allow lists"},
    {.path = "lists[].name", .type = SCHEMA_LIST_NAME, .required = true, FIELD(settings_list, name), .max = 64,
     .help = "what the list is called; unique, of letters, digits and ._-"},
    {.path = "lists[].file", .type = SCHEMA_PATH, FIELD(settings_list, file), MORE(settings_list, file_shown),
     .max = PATH_BYTES_MAX, .help = "where it is; either this or url must be said"},
    {.path = "lists[].url", .type = SCHEMA_URL, FIELD(settings_list, url), .max = URL_BYTES_MAX,
     .help = "where it is fetched from: http:// or https://"},
    {.path = "lists[].refresh", .type = SCHEMA_SECONDS, FIELD(settings_list, refresh_s), .min = REFRESH_MIN, .max = TTL_MAX,
     .or_zero = true, .fallback = "1d", .help = "how often it is fetched; 0s = only when asked for; for lists with a url"},
    {.path = "lists[].max-change", .type = SCHEMA_PERCENT, FIELD(settings_list, max_change_percent), .min = 1, .max = 1000,
     .fallback = "50%", .help = "a fetched copy that shrinks or grows by more is refused; 0 = any is taken; for lists with a url"},
    {.path = "lists[].key", .type = SCHEMA_KEY, FIELD(settings_list, key), MORE(settings_list, key_text),
     .help = "minisign's public key: the list is taken only with a good signature by it"},
    {.path = "lists[].signature", .type = SCHEMA_URL, FIELD(settings_list, signature_url), .max = URL_BYTES_MAX,
     .help = "where the signature of a list with a url is; default: its url and .minisig"},
    {.path = "lists[].format", .type = SCHEMA_WORD, FIELD(settings_list, format), .words = format_words, .fallback = "auto",
     .help = "auto | yaml | hosts | domains | wildcard | adblock | dnsmasq | unbound | rpz"},
    {.path = "lists[].may-allow", .type = SCHEMA_BOOL, FIELD(settings_list, may_allow), .fallback = "false",
     .help = "true: the list's own allow rules count although it blocks"},
    {.path = "lists[].action", .type = SCHEMA_WORD, FIELD(settings_list, action), MORE(settings_list, has_action),
     .words = action_words, .help = "block | allow; default: what the list says, else block"},
    {.path = "lists[].match", .type = SCHEMA_WORD, FIELD(settings_list, match), MORE(settings_list, has_match),
     .words = match_settable_words,
     .help = "exact | subtree | subdomains, for entries that don't say; default: what the format means"},
    {.path = "lists[].answer", .type = SCHEMA_WORD, FIELD(settings_list, answer), MORE(settings_list, has_answer),
     .words = answer_settable_words, .help = "as under block:, for this list; default: block.answer"},
    {.path = "lists[].mandatory", .type = SCHEMA_BOOL, FIELD(settings_list, mandatory), .fallback = "false",
     .help = "true: no allow entry of an ordinary list overrides it"},
    {.path = "lists[].mode", .type = SCHEMA_WORD, FIELD(settings_list, mode), .words = mode_words, .fallback = "enforce",
     .help = "enforce | shadow (counted and logged, never acted on) | off"},
    {.path = "lists[].authority", .type = SCHEMA_PROVENANCE, .help = "who ordered it"},
    {.path = "lists[].reason", .type = SCHEMA_PROVENANCE, .help = "why, in words a user can be shown"},
    {.path = "lists[].code", .type = SCHEMA_PROVENANCE, .help = "blocked | censored | filtered: which extended DNS error is sent"},
    {.path = "lists[].sub-error", .type = SCHEMA_PROVENANCE,
     .help = "malware | phishing | spam | spyware | network-policy | dns-policy | none: what structured errors say besides"},
    {.path = "lists[].reference", .type = SCHEMA_PROVENANCE, .help = "the order, ticket or article"},
    {.path = "lists[].contact", .type = SCHEMA_PROVENANCE, .help = "whom to ask about it"},
    {.path = "lists[].organization", .type = SCHEMA_PROVENANCE, .help = "who filters; default: block.organization"},
    {.path = "lists[].language", .type = SCHEMA_PROVENANCE, .help = "the language of reason and organization; default: block.language"},
    {.path = "lists[].added", .type = SCHEMA_PROVENANCE, .help = "since when: a date or an RFC 3339 time"},
    {.path = "lists[].review", .type = SCHEMA_PROVENANCE, .help = "when it should be looked at again"},
    {.path = "lists[].expires", .type = SCHEMA_PROVENANCE, .help = "when it stops by itself"},

    {.path = "groups", .type = SCHEMA_GROUPS, FIELD(settings, groups), MORE(settings, group_count), .max = SETTINGS_GROUPS_MAX,
     .help = "groups of clients, and which lists act for each"},
    {.path = "groups[].name", .type = SCHEMA_LIST_NAME, .required = true, FIELD(settings_group, name), .max = 64,
     .help = "what the group is called; unique; default: all clients that no other group has"},
    {.path = "groups[].clients", .type = SCHEMA_CLIENTS, FIELD(settings_group, clients), MORE(settings_group, client_count),
     .min = 1, .max = SETTINGS_GROUP_CLIENTS_MAX,
     .help = "addresses, prefixes, and endpoints of listen: the longest prefix counts, then where it was asked"},
    {.path = "groups[].lists", .type = SCHEMA_TEXTS, FIELD(settings_group, list_names), MORE(settings_group, list_name_count),
     .max = SETTINGS_LISTS_MAX, .help = "names of lists; default: all. Mandatory ones act for every group"},
    {.path = "groups[].safe-search", .type = SCHEMA_SAFE_SEARCH, FIELD(settings_group, safe_search),
     MORE(settings_group, has_safe_search), .help = "as safe-search, for this group; default: what that says"},
    {.path = "groups[].answer", .type = SCHEMA_WORD, FIELD(settings_group, answer), MORE(settings_group, has_answer),
     .words = answer_settable_words, .help = "as under block:, for what this group is blocked from, whatever its list says"},
    {.path = "groups[].addresses", .type = SCHEMA_ADDRESSES, FIELD(settings_group, addresses),
     MORE(settings_group, address_count), .max = SETTINGS_ADDRESSES_MAX, .help = "for answer: address; default: block.addresses"},
    {.path = "groups[].upstream", .type = SCHEMA_SECTION, .help = "servers of the group's own; a list is as upstream.servers"},
    {.path = "groups[].upstream.servers", .type = SCHEMA_SERVERS, .required = true, FIELD(settings_group, servers),
     MORE(settings_group, server_count), .min = 1, .max = SETTINGS_SERVERS_MAX,
     .help = "asked for its clients, but for names of upstream.routes"},
    {.path = "groups[].upstream.strategy", .type = SCHEMA_WORD, FIELD(settings_group, strategy),
     MORE(settings_group, has_strategy), .words = strategy_words, .help = "as under upstream:; default: what stands there"},
    {.path = "groups[].schedule", .type = SCHEMA_SCHEDULE, FIELD(settings_group, schedule), MORE(settings_group, schedule_count),
     .max = SETTINGS_SCHEDULE_MAX, .help = "when lists act for the group; those that are not named here always do"},
    {.path = "groups[].schedule[].lists", .type = SCHEMA_TEXTS, FIELD(settings_schedule, list_names),
     MORE(settings_schedule, list_name_count), .max = SETTINGS_LISTS_MAX, .help = "which lists; default: all of the group's"},
    {.path = "groups[].schedule[].days", .type = SCHEMA_DAYS, FIELD(settings_schedule, days), .max = 7,
     .fallback = "[mon-sun]", .help = "days of the week on which the hours begin, such as [mon-fri, sun]"},
    {.path = "groups[].schedule[].hours", .type = SCHEMA_HOURS, FIELD(settings_schedule, hours),
     MORE(settings_schedule, hours_count), .max = SETTINGS_SCHEDULE_MAX,
     .help = "such as [\"07:00-12:00\", \"22:00-06:00\"], the latter over midnight; default: the whole day"},
    {.path = "groups[].schedule[].dates", .type = SCHEMA_DATES, FIELD(settings_schedule, dates),
     MORE(settings_schedule, date_count), .max = SETTINGS_SCHEDULE_MAX,
     .help = "on these only, such as [2026-05-01, 2026-12-24..2027-01-02]; default: on all"},
    {.path = "groups[].schedule[].time-zone", .type = SCHEMA_TIME_ZONE, FIELD(settings_schedule, zone_name),
     MORE(settings_schedule, zone), .help = "whose clock tells; default: time-zone, else the system's"},
    {.path = "time-zone", .type = SCHEMA_TIME_ZONE, FIELD(settings, time_zone), MORE(settings, zone),
     .help = "of schedules that name none, such as Asia/Jakarta; default: the system's"},

    {.path = "control", .type = SCHEMA_SECTION, .help = "the socket that saringctl talks to"},
    {.path = "control.socket", .type = SCHEMA_PATH, .reload = RELOAD_AT_RESTART, FIELD(settings, control_socket),
     .max = SOCKET_PATH_MAX, .fallback = "/run/saring/control.sock", .help = "where it is"},
    {.path = "control.group", .type = SCHEMA_TEXT, .reload = RELOAD_AT_RESTART, FIELD(settings, control_group), .max = 32,
     .help = "may read; root and the daemon's user may change things; default: saring, where that group exists"},

    {.path = "state", .type = SCHEMA_PATH, .reload = RELOAD_AT_RESTART, FIELD(settings, state), .max = PATH_BYTES_MAX,
     .fallback = "/var/lib/saring", .help = "the directory of what the daemon writes"},

    {.path = "log", .type = SCHEMA_SECTION, .help = "what the daemon says of itself"},
    {.path = "log.level", .type = SCHEMA_WORD, FIELD(settings, log_level), .words = level_words, .fallback = "info",
     .help = "error | warning | info | debug"},
    {.path = "log.traffic", .type = SCHEMA_BOOL, FIELD(settings, log_traffic), .fallback = "true",
     .help = "what the last day's queries were is counted, in memory and in sketches alone, for 'saringctl impact' and 'top'"},
    {.path = "log.recent", .type = SCHEMA_COUNT, FIELD(settings, log_recent), .max = 1000000, .fallback = "10000",
     .help = "so many of the last queries are kept in memory, for 'saringctl log'; 0 = none"},
    {.path = "log.privacy", .type = SCHEMA_WORD, FIELD(settings, log_privacy), .words = privacy_words, .fallback = "full",
     .help = "full | anonymous (clients by their /24 and /56) | names (no clients) | none: of what logs of queries say"},

    {.path = "log.queries", .type = SCHEMA_SECTION, .help = "the query log: every query, or every blocked one, in an SQLite file"},
    {.path = "log.queries.enabled", .type = SCHEMA_BOOL, FIELD(settings, query_log), .fallback = "false",
     .help = "true: queries are written, as far as log.privacy lets them"},
    {.path = "log.queries.file", .type = SCHEMA_PATH, FIELD(settings, query_log_file), .max = PATH_BYTES_MAX,
     .help = "where; default: queries.db below state"},
    {.path = "log.queries.retention", .type = SCHEMA_SECONDS, FIELD(settings, query_log_retention_s), .min = 60,
     .max = INT64_C(3650) * 86400, .or_zero = true, .fallback = "30d", .help = "older ones are removed; 0s = none for their age"},
    {.path = "log.queries.max-size", .type = SCHEMA_SIZE, FIELD(settings, query_log_bytes), .min = 8 << 20, .max = INT64_C(1) << 43,
     .fallback = "1GiB", .help = "a bound on the file, for which the oldest are removed; 0 = none"},
    {.path = "log.queries.blocked-only", .type = SCHEMA_BOOL, FIELD(settings, query_log_blocked_only), .fallback = "false",
     .help = "true: only what was blocked is written"},

    {.path = "dnstap", .type = SCHEMA_SECTION, .help = "queries and answers as they came and went, for a collector"},
    {.path = "dnstap.socket", .type = SCHEMA_PATH, FIELD(settings, dnstap_socket), .max = SOCKET_PATH_MAX,
     .help = "the collector's Unix socket; neither this nor file: off"},
    {.path = "dnstap.file", .type = SCHEMA_PATH, FIELD(settings, dnstap_file), .max = PATH_BYTES_MAX,
     .help = "a file of frame streams, in place of the socket or beside it"},
    {.path = "dnstap.messages", .type = SCHEMA_WORDS, FIELD(settings, dnstap_messages), .words = dnstap_words,
     .fallback = "[client-query, client-response]", .help = "which are told of: client-query, client-response"},
    {.path = "dnstap.bytes", .type = SCHEMA_BOOL, FIELD(settings, dnstap_bytes), .fallback = "true",
     .help = "false: who, when and by which policy, without the messages themselves"},

    {.path = "metrics", .type = SCHEMA_SECTION, .help = "figures for Prometheus and others that read OpenMetrics"},
    {.path = "metrics.listen", .type = SCHEMA_HTTP, FIELD(settings, metrics_listen), MORE(settings, metrics_listen_count), .min = 1,
     .max = SETTINGS_METRICS_MAX, .help = "where they are served over HTTP, as 127.0.0.1:9953, or a list of such; not said: nowhere"},

    {.path = "audit", .type = SCHEMA_SECTION, .help = "the audit log: who changed what, in <state>/audit"},
    {.path = "audit.size", .type = SCHEMA_SIZE, FIELD(settings, audit_size), .min = 4096, .max = INT64_C(1) << 30,
     .fallback = "64MiB", .help = "of a file of it, after which a new one is begun; 0 = all in one file"},
    {.path = "audit.keep", .type = SCHEMA_COUNT, FIELD(settings, audit_keep), .max = 100000, .fallback = "0",
     .help = "how many full files are kept, the newest; 0 = all"},

    {.path = "server", .type = SCHEMA_SECTION, .help = "what saringd tells clients of itself, and cookies"},
    {.path = "server.version", .type = SCHEMA_TEXT, FIELD(settings, server_version), .max = TEXT_MAX,
     .help = "the answer to version.bind and version.server (CHAOS TXT); not said: REFUSED"},
    {.path = "server.identity", .type = SCHEMA_TEXT, FIELD(settings, server_identity), .max = TEXT_MAX,
     .help = "the answer to id.server and hostname.bind (CHAOS TXT); not said: REFUSED"},
    {.path = "server.nsid", .type = SCHEMA_TEXT, FIELD(settings, server_nsid), .max = NSID_MAX,
     .help = "the name server identifier (RFC 5001) for clients that ask for it"},
    {.path = "server.policy", .type = SCHEMA_BOOL, FIELD(settings, server_policy), .fallback = "true",
     .help = "policy.saring (CHAOS TXT) is answered to clients that may ask: which policy is in force, to compare servers by"},
    {.path = "server.cookies", .type = SCHEMA_BOOL, FIELD(settings, cookies), .fallback = "true",
     .help = "clients' DNS cookies (RFC 7873, RFC 9018) are answered"},
    {.path = "server.cookie-secrets", .type = SCHEMA_SECRETS, FIELD(settings, cookie_secrets),
     MORE(settings, cookie_secret_count), .min = 1, .max = SETTINGS_COOKIE_SECRETS_MAX,
     .help = "32 hexadecimal digits each: the first makes cookies, all are accepted; default: of the process's own, renewed each day"},
};
/* clang-format on */
const size_t schema_key_count = ARRAY_LEN(schema_keys);

#define SIBLINGS_MAX 32

const char *schema_child(const struct schema_key *row, const char *prefix)
{
	size_t len = strlen(prefix);
	if (strncmp(row->path, prefix, len) != 0)
		return NULL;
	const char *rest = row->path + len;
	return strpbrk(rest, ".[") == NULL ? rest : NULL;
}

const struct schema_key *schema_find(const char *prefix, struct str key)
{
	for (size_t i = 0; i < schema_key_count; i++) {
		const char *child = schema_child(&schema_keys[i], prefix);
		if (child != NULL && str_eq_c(key, child))
			return &schema_keys[i];
	}
	return NULL;
}

void schema_join(const char *const *words, char *buf, size_t size)
{
	size_t len = 0;
	buf[0] = '\0';
	for (size_t i = 0; words[i] != NULL && len < size; i++)
		len += (size_t)snprintf(buf + len, size - len, "%s%s", i > 0 ? ", " : "", words[i]);
}

/* A key of that name in another section; those of list items are left out, as there are many places for them. */
static const struct schema_key *find_elsewhere(struct str key)
{
	for (size_t i = 0; i < schema_key_count; i++) {
		const char *last = strrchr(schema_keys[i].path, '.');
		if (strchr(schema_keys[i].path, '[') == NULL && str_eq_c(key, last != NULL ? last + 1 : schema_keys[i].path))
			return &schema_keys[i];
	}
	return NULL;
}

void schema_suggest(const char *prefix, struct str key, char *buf, size_t size)
{
	const char *siblings[SIBLINGS_MAX];
	size_t count = 0;
	for (size_t i = 0; i < schema_key_count; i++) {
		const char *child = schema_child(&schema_keys[i], prefix);
		if (child == NULL)
			continue;
		must(count < SIBLINGS_MAX - 1);
		siblings[count++] = child;
	}
	siblings[count] = NULL;
	const char *nearest = str_nearest(key, siblings, count);
	const struct schema_key *elsewhere = nearest == NULL ? find_elsewhere(key) : NULL;
	if (nearest != NULL || elsewhere != NULL) {
		(void)snprintf(buf, size, "; did you mean '%s'?", nearest != NULL ? nearest : elsewhere->path);
		return;
	}
	char words[512];
	schema_join(siblings, words, sizeof(words));
	(void)snprintf(buf, size, "; what may stand here: %s", words);
}
