/* SPDX-License-Identifier: BSD-2-Clause
 *
 * convert_blocky.c - Blocky's config.yml, of old and new spellings: servers, records, routes, cache and what stays behind. Lists
 * are convert_blocky_lists.c's, who gets them convert_blocky_clients.c's. */
#include "saringctl/convert_blocky.h"

#include "base/file.h"
#include "base/addr.h"

#include <string.h>

/* ---- servers ---- */

static void take_default_servers(struct convert *c, const struct yaml_node *node, const char *path)
{
	struct convert_each each;
	struct str one;
	for (convert_each_of(&each, node); convert_next(&each, &one);)
		convert_add_server(c, NULL, one, each.line, path);
}

/* The servers of a group: of all, or of the clients that its name says. */
static void take_servers(struct convert *c, const struct yaml_node *node, const char *path)
{
	if (str_eq_c(node->key->text, "default"))
		take_default_servers(c, node, path);
	else
		blocky_client_servers(c, node, path);
}

static void take_strategy(struct convert *c, const struct yaml_node *node, const char *path)
{
	if (str_eq_c(node->text, "strict"))
		convert_put_text(c, "upstream.strategy", "ordered");
	else if (str_eq_c(node->text, "random"))
		convert_put_text(c, "upstream.strategy", "spread");
	else {
		convert_put_text(c, "upstream.strategy", "fastest");
		convert_changed(c, node->line, path,
				"two servers are not asked at once: the fastest of late is, and others when it is slow");
	}
}

static void take_timeout(struct convert *c, const struct yaml_node *node, const char *path)
{
	int64_t s;
	if (convert_duration(c, node, path, 1, &s) && s > 0)
		convert_put_seconds(c, "upstream.timeout", s > 60 ? 60 : s);
}

static const struct convert_row upstream_rows[] = {{.key = "*", .take = take_servers}, {.key = NULL}};
static const struct convert_row upstreams_rows[] = {
    {.key = "groups", .rows = upstream_rows},
    {.key = "strategy", .take = take_strategy},
    {.key = "timeout", .take = take_timeout},
    {.key = "init", .left = "saring starts without its servers and asks them when asked"},
    {.key = "quic", .left = "saring asks servers by plain DNS"},
    {.key = "userAgent", .left = "there is no HTTP to servers"},
    {.key = NULL}};

/* ---- records ---- */

static int64_t ttl_of(const struct convert *c)
{
	const json_t *ttl = json_object_get(c->settings, "#custom-ttl");
	return ttl != NULL ? json_integer_value(ttl) : 3600;
}

static void take_custom_ttl(struct convert *c, const struct yaml_node *node, const char *path)
{
	int64_t s;
	size_t i;
	json_t *record;
	if (!convert_duration(c, node, path, 1, &s) || s < 0)
		return;
	json_object_set_new(c->settings, "#custom-ttl", json_integer(s));
	json_array_foreach(json_object_get(c->settings, "records"), i, record) json_object_set_new(record, "ttl", json_integer(s));
}

/* One name with its addresses; Blocky means all names below it, too. */
static void take_mapping(struct convert *c, const struct yaml_node *node, const char *path)
{
	struct convert_each each;
	struct str one, name = node->key->text;
	for (convert_each_of(&each, node); convert_next(&each, &one);) {
		convert_record(c, name, NULL, one, ttl_of(c), each.line, path);
		convert_record(c, str_from(arena_printf(&c->arena, "*.%s", name.ptr)), NULL, one, ttl_of(c), each.line, path);
	}
}

static const struct convert_row mapping_rows[] = {{.key = "*", .take = take_mapping}, {.key = NULL}};

static const struct convert_row custom_rows[] = {
    {.key = "customTTL", .take = take_custom_ttl},
    {.key = "mapping", .rows = mapping_rows},
    {.key = "zone", .take = blocky_zone},
    {.key = "rewrite", .left = "names are not rewritten; a CNAME record does it for one name"},
    {.key = "filterUnmappedTypes", .left = "a name with records has only those", .off = "true"},
    {.key = NULL}};

/* ---- routes ---- */

static void take_route(struct convert *c, const struct yaml_node *node, const char *path)
{
	struct convert_each each;
	struct str one;
	json_t *servers = json_array();
	if (str_eq_c(node->key->text, ".")) {
		convert_left(c, node->line, path, "for names without a dot; give each a route of its own, or see names.dotless");
		json_decref(servers);
		return;
	}
	if (!convert_is_name(node->key->text)) {
		convert_left(c, node->line, path, "not a zone");
		json_decref(servers);
		return;
	}
	for (convert_each_of(&each, node); convert_next(&each, &one);)
		convert_add_server(c, servers, one, each.line, path);
	convert_route(c, json_pack("[s]", node->key->text.ptr), servers);
}

static const struct convert_row route_rows[] = {{.key = "*", .take = take_route}, {.key = NULL}};
static const struct convert_row conditional_rows[] = {{.key = "mapping", .rows = route_rows},
						      {.key = "rewrite", .left = "names are not rewritten before they are asked"},
						      {.key = "fallbackUpstream", .left = "what a route's servers say is final"},
						      {.key = NULL}};

/* ---- cache ---- */

static void take_cache_time(struct convert *c, const struct yaml_node *node, const char *path, const char *to)
{
	int64_t s;
	if (!convert_duration(c, node, path, 60, &s))
		return;
	if (s == 0) {
		c->off++;
		return;
	}
	if (s < 0)
		convert_left(c, node->line, path, "answers are kept for their TTL; cache.size: 0 keeps none");
	else
		convert_put_seconds(c, to, s > 31449600 ? 31449600 : s);
}

static void take_min(struct convert *c, const struct yaml_node *node, const char *path)
{
	take_cache_time(c, node, path, "cache.min-ttl");
}

static void take_max(struct convert *c, const struct yaml_node *node, const char *path)
{
	take_cache_time(c, node, path, "cache.max-ttl");
}

static void take_negative(struct convert *c, const struct yaml_node *node, const char *path)
{
	take_cache_time(c, node, path, "cache.max-negative-ttl");
}

static void take_prefetch(struct convert *c, const struct yaml_node *node, const char *path)
{
	(void)path;
	convert_put(c, "cache.prefetch", json_boolean(convert_node_true(node)));
}

#define PREFETCH "saring's prefetch has no settings: it asks again for names that are used when their TTL ends"
static const struct convert_row caching_rows[] = {{.key = "minTime", .take = take_min},
						  {.key = "maxTime", .take = take_max},
						  {.key = "cacheTimeNegative", .take = take_negative},
						  {.key = "prefetching", .take = take_prefetch},
						  {.key = "prefetchExpires", .left = PREFETCH},
						  {.key = "prefetchThreshold", .left = PREFETCH},
						  {.key = "prefetchMaxItemsCount", .left = PREFETCH},
						  {.key = "maxItemsCount", .left = "the cache is bounded in bytes: cache.size"},
						  {.key = "exclude", .left = "nothing is left out of the cache"},
						  {.key = NULL}};

/* ---- ports, hosts, log ---- */

/* "53", ":53", "127.0.0.1:53", "[::]:53" */
static bool put_listen(struct convert *c, struct str one)
{
	uint64_t port;
	struct addr a;
	char text[ADDR_TEXT_MAX];
	struct str bare = str_starts(one, ":") ? (struct str){one.ptr + 1, one.len - 1} : one;
	if (str_to_u64(bare, &port) && port <= UINT16_MAX) {
		convert_add(c, "listen", arena_printf(&c->arena, "dns://0.0.0.0:%u", (unsigned)port));
		convert_add(c, "listen", arena_printf(&c->arena, "dns://[::]:%u", (unsigned)port));
		return true;
	}
	if (!addr_from_text(one, 53, &a))
		return false;
	convert_add(c, "listen", arena_printf(&c->arena, "dns://%s", addr_to_text(&a, text)));
	return true;
}

static void take_dns_port(struct convert *c, const struct yaml_node *node, const char *path)
{
	struct convert_each each;
	struct str one;
	for (convert_each_of(&each, node); convert_next(&each, &one);) {
		if (!put_listen(c, one))
			convert_left(c, each.line, path, "not an address and port");
	}
}

static void take_http_port(struct convert *c, const struct yaml_node *node, const char *path)
{
	if (!convert_node_off(node))
		convert_left(c, node->line, path,
			     "no DNS over HTTPS and no REST API here; metrics have a port of their own: metrics.listen");
}

static const struct convert_row port_rows[] = {{.key = "dns", .take = take_dns_port},
					       {.key = "tls", .left = "saring serves plain DNS"},
					       {.key = "https", .take = take_http_port},
					       {.key = "http", .take = take_http_port},
					       {.key = "dohPath", .left = "no DNS over HTTPS here"},
					       {.key = NULL}};

static void take_hosts(struct convert *c, const struct yaml_node *node, const char *path)
{
	struct convert_each each;
	struct str one;
	for (convert_each_of(&each, node); convert_next(&each, &one);) {
		if (one.ptr[0] == '/' && memchr(one.ptr, '\n', one.len) == NULL)
			convert_add(c, "hosts", arena_strndup(&c->arena, one.ptr, one.len));
		else
			convert_left(c, each.line, path, "a hosts file is taken by its absolute path");
	}
}

static const struct convert_row hosts_rows[] = {
    {.key = "filePath", .take = take_hosts},
    {.key = "sources", .take = take_hosts},
    {.key = "hostsTTL", .left = "answers out of hosts files have a TTL of 60 seconds"},
    {.key = "refreshPeriod", .left = "hosts files are followed by themselves"},
    {.key = "filterLoopback", .left = "loopback addresses are told to clients on this machine alone"},
    {.key = "loading", .left = "hosts files are followed by themselves"},
    {.key = NULL}};

static void take_level(struct convert *c, const struct yaml_node *node, const char *path)
{
	static const char *const from[] = {"trace", "debug", "info", "warn", "error", "fatal"};
	static const char *const to[] = {"debug", "debug", "info", "warning", "error", "error"};
	for (size_t i = 0; i < ARRAY_LEN(from); i++) {
		if (str_eq_nocase(node->text, str_from(from[i]))) {
			convert_put_text(c, "log.level", to[i]);
			return;
		}
	}
	convert_left(c, node->line, path, "not a level");
}

static void take_log_privacy(struct convert *c, const struct yaml_node *node, const char *path)
{
	if (!convert_node_true(node)) {
		c->off++;
		return;
	}
	convert_put_text(c, "log.privacy", "none");
	convert_changed(c, node->line, path, "'saringctl log' shows no queries at all; log.privacy has milder words");
}

static const struct convert_row log_rows[] = {
    {.key = "level", .take = take_level},
    {.key = "privacy", .take = take_log_privacy},
    {.key = "format", .left = "lines of key=value, to the journal or to stderr", .off = "text"},
    {.key = "timestamp", .left = "the journal knows when", .off = "true"},
    {.key = NULL}};

static void take_prometheus(struct convert *c, const struct yaml_node *node, const char *path)
{
	if (!convert_node_true(node)) {
		c->off++;
		return;
	}
	convert_put_text(c, "metrics.listen", "127.0.0.1:9953");
	convert_changed(c, node->line, path, "figures are at http://127.0.0.1:9953/metrics, with names of saring's own");
}

static const struct convert_row prometheus_rows[] = {
    {.key = "enable", .take = take_prometheus}, {.key = "path", .left = "the path is /metrics", .off = "/metrics"}, {.key = NULL}};

static void take_query_log(struct convert *c, const struct yaml_node *node, const char *path)
{
	const struct yaml_node *type = yaml_get(node, "type"), *days = yaml_get(node, "logRetentionDays");
	int64_t n;
	if (type == NULL || convert_node_off(type) || str_eq_c(type->text, "console")) {
		c->off++;
		return;
	}
	convert_put(c, "log.queries.enabled", json_true());
	if (days != NULL && convert_number(c, days, path, &n) && n > 0)
		convert_put(c, "log.queries.retention", json_sprintf("%lldd", (long long)(n > 364 ? 364 : n)));
	convert_changed(c, node->key->line, path,
			"queries are logged to an SQLite file in the state directory; what was logged so far, and where and "
			"in which fields, is left");
}

static void take_fqdn_only(struct convert *c, const struct yaml_node *node, const char *path)
{
	const struct yaml_node *enable = node->kind == YAML_MAPPING ? yaml_get(node, "enable") : node;
	(void)path;
	if (enable != NULL && convert_node_true(enable))
		convert_put_text(c, "names.dotless", "nodata");
	else
		c->off++;
}

static const struct convert_row rows[] = {
    {.key = "upstreams", .rows = upstreams_rows},
    {.key = "upstream", .rows = upstream_rows},
    {.key = "upstreamTimeout", .take = take_timeout},
    {.key = "customDNS", .rows = custom_rows},
    {.key = "conditional", .rows = conditional_rows},
    {.key = "blocking", .rows = blocky_blocking_rows},
    {.key = "caching", .rows = caching_rows},
    {.key = "ports", .rows = port_rows},
    {.key = "port", .take = take_dns_port},
    {.key = "httpPort", .take = take_http_port},
    {.key = "httpsPort", .take = take_http_port},
    {.key = "tlsPort", .left = "saring serves plain DNS"},
    {.key = "hostsFile", .rows = hosts_rows},
    {.key = "log", .rows = log_rows},
    {.key = "logLevel", .take = take_level},
    {.key = "logFormat", .left = "lines of key=value, to the journal or to stderr", .off = "text"},
    {.key = "logTimestamp", .left = "the journal knows when", .off = "true"},
    {.key = "logPrivacy", .take = take_log_privacy},
    {.key = "prometheus", .rows = prometheus_rows},
    {.key = "queryLog", .take = take_query_log},
    {.key = "clientLookup", .take = blocky_client_lookup},
    {.key = "bootstrapDns", .left = "servers are addresses here, and the system's resolver finds the hosts of lists"},
    {.key = "rateLimit", .left = "see clients.rate"},
    {.key = "redis", .left = "servers share nothing; the same files give the same answers"},
    {.key = "ede", .left = "blocked answers always say why (RFC 8914)"},
    {.key = "ecs", .left = "the client's network is never sent to servers"},
    {.key = "dnssec", .left = "saring does not validate; let the server that it asks do so"},
    {.key = "dns64", .left = "no DNS64 here"},
    {.key = "rebindingProtection", .left = "see rebind-protection in saring.yaml(5)"},
    {.key = "filtering", .left = "types of queries are not filtered"},
    {.key = "fqdnOnly", .take = take_fqdn_only},
    {.key = "specialUseDomains", .left = "special names are answered by RFC 6761; names.forward makes exceptions"},
    {.key = "minTlsServeVersion", .left = "no TLS is served"},
    {.key = "certFile", .left = "no TLS is served"},
    {.key = "keyFile", .left = "no TLS is served"},
    {.key = "connectIPVersion", .left = "servers are asked by the addresses that they are given as", .off = "dual"},
    {.key = "startVerifyUpstream", .left = "saring starts without its servers and asks them when asked"},
    {.key = "dohUserAgent", .left = "there is no HTTP to servers"},
    {.key = NULL}};

bool convert_blocky(struct convert *c, const char *path)
{
	struct buf text = {0};
	struct err err = {.code = ERR_NONE};
	const struct yaml_limits limits = {.bytes = CONVERT_BYTES_MAX, .nodes = CONVERT_NODES_MAX};
	const struct yaml_node *root = NULL;
	if (!file_read(path, CONVERT_BYTES_MAX, &text, &err))
		err_list_add(&c->errors, &err);
	else
		root = yaml_parse(buf_str(&text), path, &limits, &c->arena, &c->errors);
	if (root != NULL && (root->kind != YAML_MAPPING || root->count == 0)) {
		err_list_add_at(&c->errors, path, 1, 1, "no configuration of Blocky");
		root = NULL;
	}
	if (root != NULL && c->errors.count == 0) {
		c->file = c->base = path;
		blocky_know_clients(c, root);
		convert_walk(c, root, "", rows);
		blocky_settle(c);
		json_object_del(c->settings, "#custom-ttl");
		if (convert_get(c, "listen") == NULL)
			(void)put_listen(c, STR_LIT("53"));
		convert_allow_private(c, 0, "", "everybody could ask");
	}
	buf_finish(&text);
	return root != NULL && c->errors.count == 0;
}
