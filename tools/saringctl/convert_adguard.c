/* SPDX-License-Identifier: BSD-2-Clause
 *
 * convert_adguard.c - AdGuardHome.yaml, of schema versions up to 34: what it serves and asks. Filters, rules and clients are the
 * twins' matter. */
#include "saringctl/convert_adguard.h"

#include "base/file.h"

#include <string.h>

#define TTL_MAX_S 3600
#define PORT_DEFAULT 53

/* ---- listening ---- */

static void take_hosts(struct convert *c, const struct yaml_node *node, const char *path)
{
	struct convert_each each;
	struct str one;
	struct addr a;
	for (convert_each_of(&each, node); convert_next(&each, &one);) {
		if (addr_from_text(one, PORT_DEFAULT, &a))
			convert_add(c, "#hosts", arena_strndup(&c->arena, one.ptr, one.len));
		else
			convert_left(c, each.line, path, "not an address to listen at");
	}
}

static void take_port(struct convert *c, const struct yaml_node *node, const char *path)
{
	int64_t port;
	if (convert_number(c, node, path, &port) && port > 0 && port <= UINT16_MAX)
		json_object_set_new(c->settings, "#port", json_integer(port));
}

static void settle_listen(struct convert *c)
{
	json_t *hosts = json_object_get(c->settings, "#hosts");
	const json_t *port = json_object_get(c->settings, "#port"), *one;
	size_t i;
	if (hosts == NULL)
		convert_add(c, "#hosts", "0.0.0.0");
	hosts = json_object_get(c->settings, "#hosts");
	json_array_foreach(hosts, i, one)
	{
		struct addr a;
		char text[ADDR_TEXT_MAX];
		if (!addr_from_text(str_from(json_string_value(one)), 0, &a))
			continue;
		addr_set_port(&a, port != NULL ? (uint16_t)json_integer_value(port) : PORT_DEFAULT);
		convert_add(c, "listen", arena_printf(&c->arena, "dns://%s", addr_to_text(&a, text)));
	}
	json_object_del(c->settings, "#hosts");
	json_object_del(c->settings, "#port");
}

/* ---- servers ---- */

/* "[/a.example/b.example/]SERVER SERVER" */
static void take_route(struct convert *c, struct str line, uint32_t at, const char *path)
{
	const char *end = memmem(line.ptr, line.len, "/]", 2);
	if (end == NULL) {
		convert_left(c, at, path, "a route without its end '/]'");
		return;
	}
	struct str zones = {line.ptr + 2, (size_t)(end - line.ptr) - 2}, servers = {end + 2, line.len - zones.len - 4};
	json_t *names = json_array(), *to = json_array();
	while (zones.ptr != NULL) {
		struct str zone = str_cut(&zones, '/');
		if (zone.len == 0)
			convert_left(c, at, path, "a route for names without a dot; see names.dotless");
		else if (str_starts(zone, "*.")) {
			zone = (struct str){zone.ptr + 2, zone.len - 2};
			convert_changed(c, at, path, "a route for what is below %.*s: here for the name itself, too", (int)zone.len,
					zone.ptr);
		}
		if (zone.len > 0 && convert_is_name(zone))
			json_array_append_new(names, json_stringn(zone.ptr, zone.len));
		else if (zone.len > 0)
			convert_left(c, at, path, "a route for what is not a name");
	}
	while (servers.ptr != NULL) {
		struct str one = str_trim(str_cut(&servers, ' '));
		if (str_eq_c(one, "#"))
			convert_left(c, at, path, "a zone that goes to the default servers: give it a route with them");
		else if (one.len > 0)
			convert_add_server(c, to, one, at, path);
	}
	convert_route(c, names, to);
}

static void take_servers(struct convert *c, const struct yaml_node *node, const char *path)
{
	struct convert_each each;
	struct str one;
	for (convert_each_of(&each, node); convert_next(&each, &one);) {
		one = str_trim(one);
		if (one.len == 0 || one.ptr[0] == '#')
			continue;
		if (str_starts(one, "[/"))
			take_route(c, one, each.line, path);
		else
			convert_add_server(c, NULL, one, each.line, path);
	}
}

static void take_mode(struct convert *c, const struct yaml_node *node, const char *path)
{
	if (str_eq_c(node->text, "load_balance") || node->text.len == 0)
		convert_put_text(c, "upstream.strategy", "fastest");
	else {
		convert_put_text(c, "upstream.strategy", "fastest");
		convert_changed(c, node->line, path,
				"servers are not all asked at once: the fastest of late is, and others when it is slow");
	}
}

static void take_all_servers(struct convert *c, const struct yaml_node *node, const char *path)
{
	if (convert_node_true(node))
		take_mode(c, node, path);
	else
		c->off++;
}

static void take_timeout(struct convert *c, const struct yaml_node *node, const char *path)
{
	int64_t s;
	if (convert_duration(c, node, path, 1, &s) && s > 0)
		convert_put_seconds(c, "upstream.timeout", s > 60 ? 60 : s);
}

static void take_ptr_servers(struct convert *c, const struct yaml_node *node, const char *path)
{
	struct convert_each each;
	struct str one;
	json_t *servers = json_array();
	for (convert_each_of(&each, node); convert_next(&each, &one);)
		convert_add_server(c, servers, one, each.line, path);
	convert_route(c, json_pack("[s,s,s,s]", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fd00::/8"), servers);
}

/* ---- clients' rights ---- */

static void take_allowed(struct convert *c, const struct yaml_node *node, const char *path)
{
	struct convert_each each;
	struct str one;
	struct prefix prefix;
	char text[ADDR_TEXT_MAX];
	for (convert_each_of(&each, node); convert_next(&each, &one);) {
		if (convert_prefix(one, &prefix))
			convert_add(c, "clients.allow", prefix_to_text(&prefix, text));
		else
			convert_left(c, each.line, path, "a client that is not named by an address or a network");
	}
}

static void take_ratelimit(struct convert *c, const struct yaml_node *node, const char *path)
{
	int64_t n;
	if (!convert_number(c, node, path, &n))
		return;
	if (n <= 0) {
		c->off++;
		return;
	}
	convert_put(c, "clients.rate", json_sprintf("%lld/s", (long long)n));
	convert_changed(c, node->line, path,
			"counted for a /24 or /56 together; above it half is told to come by TCP, and half is dropped");
}

/* ---- blocking ---- */

static void take_blocking_mode(struct convert *c, const struct yaml_node *node, const char *path)
{
	static const char *const from[] = {"default", "null_ip", "nxdomain", "refused", "custom_ip"};
	static const char *const to[] = {"null", "null", "nxdomain", "refused", "address"};
	for (size_t i = 0; i < ARRAY_LEN(from); i++) {
		if (str_eq_c(node->text, from[i])) {
			convert_put_text(c, "block.answer", to[i]);
			return;
		}
	}
	convert_left(c, node->line, path, "a way of blocking that this tool does not know");
}

static void take_blocking_address(struct convert *c, const struct yaml_node *node, const char *path)
{
	struct addr a;
	if (convert_node_off(node))
		c->off++;
	else if (addr_from_text(node->text, 0, &a))
		convert_add(c, "block.addresses", node->text.ptr);
	else
		convert_left(c, node->line, path, "not an address");
}

static void take_block_ttl(struct convert *c, const struct yaml_node *node, const char *path)
{
	int64_t s;
	if (convert_number(c, node, path, &s) && s >= 0)
		convert_put_seconds(c, "block.ttl", s > TTL_MAX_S ? TTL_MAX_S : s);
}

static void take_protection(struct convert *c, const struct yaml_node *node, const char *path)
{
	if (convert_node_true(node))
		c->off++;
	else
		convert_left(c, node->line, path, "blocking was switched off there; here it is on");
}

static void take_rewrite(struct convert *c, const struct yaml_node *one, const char *path)
{
	const struct yaml_node *domain = one->kind == YAML_MAPPING ? yaml_get(one, "domain") : NULL;
	const struct yaml_node *answer = domain != NULL ? yaml_get(one, "answer") : NULL,
			       *enabled = domain != NULL ? yaml_get(one, "enabled") : NULL;
	struct addr a;
	if (answer == NULL || domain->kind != YAML_SCALAR || answer->kind != YAML_SCALAR)
		convert_left(c, one->line, path, "not a domain and its answer");
	else if (enabled != NULL && !convert_node_true(enabled))
		convert_left(c, one->line, path, "%.200s: not enabled", domain->text.ptr);
	else if (str_eq_c(answer->text, "A") || str_eq_c(answer->text, "AAAA") || str_eq(answer->text, domain->text))
		convert_left(c, one->line, path, "%.200s: an exception from other rewrites; a record here has no exceptions",
			     domain->text.ptr);
	else
		convert_record(c, domain->text, addr_from_text(answer->text, 0, &a) ? NULL : "CNAME", answer->text, 10, one->line,
			       path);
}

static void take_rewrites(struct convert *c, const struct yaml_node *node, const char *path)
{
	if (node->kind != YAML_SEQUENCE) {
		c->off++;
		return;
	}
	for (const struct yaml_node *one = node->first; one != NULL; one = one->next)
		take_rewrite(c, one, path);
}

/* ---- cache ---- */

static void take_cache_size(struct convert *c, const struct yaml_node *node, const char *path)
{
	int64_t n;
	if (convert_number(c, node, path, &n) && n >= 0)
		convert_put(c, "cache.size", json_integer(n > 0 && n < 1048576 ? 1048576 : n));
}

static void take_cache_enabled(struct convert *c, const struct yaml_node *node, const char *path)
{
	(void)path;
	if (convert_node_true(node))
		c->off++;
	else
		convert_put(c, "cache.size", json_integer(0));
}

static void take_ttl_min(struct convert *c, const struct yaml_node *node, const char *path)
{
	int64_t s;
	if (convert_number(c, node, path, &s) && s > 0)
		convert_put_seconds(c, "cache.min-ttl", s > TTL_MAX_S ? TTL_MAX_S : s);
}

static void take_ttl_max(struct convert *c, const struct yaml_node *node, const char *path)
{
	int64_t s;
	if (convert_number(c, node, path, &s) && s > 0)
		convert_put_seconds(c, "cache.max-ttl", s > 31449600 ? 31449600 : s);
}

static void take_optimistic(struct convert *c, const struct yaml_node *node, const char *path)
{
	convert_put_text(c, "cache.serve-stale", convert_node_true(node) ? "1d" : "0s");
	if (convert_node_true(node))
		convert_changed(c, node->line, path,
				"an answer past its TTL is given only when no server answers in time (RFC 8767)");
}

/* ---- logs ---- */

static void take_log_enabled(struct convert *c, const struct yaml_node *node, const char *path)
{
	if (!convert_node_true(node)) {
		c->off++;
		return;
	}
	convert_put(c, "log.queries.enabled", json_true());
	convert_changed(c, node->line, path,
			"queries are logged to an SQLite file in the state directory; what was logged so far stays behind");
}

static void take_log_interval(struct convert *c, const struct yaml_node *node, const char *path)
{
	int64_t s;
	if (convert_duration(c, node, path, 86400, &s) && s >= 3600 && convert_get(c, "log.queries.enabled") != NULL)
		convert_put(c, "log.queries.retention", json_sprintf("%lldh", (long long)(s / 3600 > 8736 ? 8736 : s / 3600)));
}

static void take_anonymize(struct convert *c, const struct yaml_node *node, const char *path)
{
	if (!convert_node_true(node)) {
		c->off++;
		return;
	}
	convert_put_text(c, "log.privacy", "anonymous");
	convert_changed(c, node->line, path, "clients are shown by their /24 and /56");
}

#define SERVICES "asked of AdGuard's servers; use lists of such names"
#define LOCAL "clients' names are not looked up"
#define WEB "there is no web interface; saringctl does it"
static const struct convert_row log_rows[] = {
    {.key = "enabled", .take = take_log_enabled},
    {.key = "interval", .take = take_log_interval},
    {.key = "file_enabled", .left = "with log.queries off, the last queries are kept in memory", .off = "true"},
    {.key = "size_memory", .left = "the last 10000 queries are kept in memory; see log.recent"},
    {.key = "ignored", .left = "no names are left out of the log"},
    {.key = "ignored_enabled", .left = "no names are left out of the log"},
    {.key = "dir_path", .left = "see log.queries.file"},
    {.key = NULL}};

/* dns: and, since schema 26, filtering: */
static const struct convert_row dns_rows[] = {
    {.key = "bind_hosts", .take = take_hosts},
    {.key = "bind_host", .take = take_hosts},
    {.key = "bind_interface", .left = "an interface is listened at by its addresses: listen"},
    {.key = "port", .take = take_port},
    {.key = "upstream_dns", .take = take_servers},
    {.key = "upstream_mode", .take = take_mode},
    {.key = "all_servers", .take = take_all_servers},
    {.key = "fastest_addr", .take = take_all_servers},
    {.key = "fastest_timeout", .left = "addresses in answers are not tried out"},
    {.key = "upstream_timeout", .take = take_timeout},
    {.key = "upstream_dns_file", .left = "put its servers into upstream.servers"},
    {.key = "bootstrap_dns", .left = "servers are addresses here, which need no looking up"},
    {.key = "bootstrap_prefer_ipv6", .left = "servers are addresses here"},
    {.key = "fallback_dns", .left = "put them behind the others with strategy: ordered"},
    {.key = "local_ptr_upstreams", .take = take_ptr_servers},
    {.key = "use_private_ptr_resolvers",
     .left = "without servers for them, private reverse names are answered as empty",
     .off = "true"},
    {.key = "private_networks", .left = "private reverse names are those of RFC 6303"},
    {.key = "allowed_clients", .take = take_allowed},
    {.key = "disallowed_clients", .left = "clients.allow names who may ask; all others are refused"},
    {.key = "blocked_hosts", .left = "version.bind and the like are answered only when server: says so"},
    {.key = "trusted_proxies", .left = "no DNS over HTTPS here"},
    {.key = "ratelimit", .take = take_ratelimit},
    {.key = "ratelimit_whitelist", .left = "clients.rate has no exceptions"},
    {.key = "ratelimit_subnet_len_ipv4", .left = "counted by /24", .off = "24"},
    {.key = "ratelimit_subnet_len_ipv6", .left = "counted by /56", .off = "56"},
    {.key = "refuse_any", .left = "ANY is answered by RFC 8482", .off = "true"},
    {.key = "protection_enabled", .take = take_protection},
    {.key = "protection_disabled_until", .left = "blocking was paused there"},
    {.key = "filtering_enabled", .take = take_protection},
    {.key = "blocking_mode", .take = take_blocking_mode},
    {.key = "blocking_ipv4", .take = take_blocking_address},
    {.key = "blocking_ipv6", .take = take_blocking_address},
    {.key = "blocked_response_ttl", .take = take_block_ttl},
    {.key = "rewrites", .take = take_rewrites},
    {.key = "rewrites_enabled", .left = "rewrites were switched off there; here the records are served", .off = "true"},
    {.key = "blocked_services", .take = adguard_services},
    {.key = "safe_search", .take = adguard_safe_search},
    {.key = "safesearch_enabled", .take = adguard_safe_search},
    {.key = "safebrowsing_enabled", .left = SERVICES},
    {.key = "parental_enabled", .left = SERVICES},
    {.key = "parental_sensitivity", .left = SERVICES},
    {.key = "safebrowsing_block_host", .left = SERVICES, .off = "standard-block.dns.adguard.com"},
    {.key = "parental_block_host", .left = SERVICES, .off = "family-block.dns.adguard.com"},
    {.key = "safe_fs_patterns", .left = "saring reads the lists that saring.yaml names"},
    {.key = "filters_update_interval", .take = adguard_filters_interval},
    {.key = "cache_enabled", .take = take_cache_enabled},
    {.key = "cache_size", .take = take_cache_size},
    {.key = "cache_ttl_min", .take = take_ttl_min},
    {.key = "cache_ttl_max", .take = take_ttl_max},
    {.key = "cache_optimistic", .take = take_optimistic},
    {.key = "cache_optimistic_answer_ttl", .left = "stale answers have a TTL of 30 seconds (RFC 8767)"},
    {.key = "cache_optimistic_max_age", .left = "see cache.serve-stale"},
    {.key = "cache_time", .left = "for AdGuard's own look-ups"},
    {.key = "safebrowsing_cache_size", .left = "for AdGuard's own look-ups"},
    {.key = "safesearch_cache_size", .left = "for AdGuard's own look-ups"},
    {.key = "parental_cache_size", .left = "for AdGuard's own look-ups"},
    {.key = "bogus_nxdomain", .left = "a list of format dnsmasq with bogus-nxdomain=ADDRESS does it"},
    {.key = "aaaa_disabled", .left = "types of queries are not filtered"},
    {.key = "enable_dnssec", .left = "saring does not validate; let the server that it asks do so"},
    {.key = "edns_client_subnet", .left = "the client's network is never sent to servers"},
    {.key = "use_dns64", .left = "no DNS64 here"},
    {.key = "dns64_prefixes", .left = "no DNS64 here"},
    {.key = "max_goroutines", .left = "see workers"},
    {.key = "pending_requests", .left = "the same question is asked once"},
    {.key = "handle_ddr", .left = "resolver.arpa is answered as empty", .off = "true"},
    {.key = "ipset", .left = "addresses are not put into ipsets"},
    {.key = "ipset_file", .left = "addresses are not put into ipsets"},
    {.key = "serve_http3", .left = "no DNS over HTTPS here"},
    {.key = "use_http3_upstreams", .left = "no DNS over HTTPS here"},
    {.key = "serve_plain_dns", .left = "saring serves plain DNS alone", .off = "true"},
    {.key = "hostsfile_enabled", .left = "/etc/hosts is served; hosts: off turns it off", .off = "true"},
    {.key = "autohost_tld", .left = LOCAL},
    {.key = "local_domain_name", .left = LOCAL},
    {.key = "resolve_clients", .left = LOCAL},
    {.key = "querylog_enabled", .take = take_log_enabled},
    {.key = "querylog_interval", .take = take_log_interval},
    {.key = "querylog_file_enabled", .left = "with log.queries off, the last queries are kept in memory", .off = "true"},
    {.key = "querylog_size_memory", .left = "the last 10000 queries are kept in memory; see log.recent"},
    {.key = "anonymize_client_ip", .take = take_anonymize},
    {.key = "statistics_interval", .left = "figures of the last day are kept; Prometheus keeps longer ones"},
    {.key = NULL}};

static const struct convert_row rows[] = {
    {.key = "dns", .rows = dns_rows},
    {.key = "filtering", .rows = dns_rows},
    {.key = "filters", .take = adguard_filters},
    {.key = "whitelist_filters", .take = adguard_allow_filters},
    {.key = "user_rules", .take = adguard_rules},
    {.key = "clients", .take = adguard_clients},
    {.key = "querylog", .rows = log_rows},
    {.key = "statistics", .left = "figures of the last day are kept; Prometheus keeps longer ones"},
    {.key = "http", .left = WEB},
    {.key = "users", .left = WEB},
    {.key = "bind_host", .left = WEB},
    {.key = "bind_port", .left = WEB},
    {.key = "auth_name", .left = WEB},
    {.key = "auth_pass", .left = WEB},
    {.key = "beta_bind_port", .left = WEB},
    {.key = "auth_attempts", .left = WEB},
    {.key = "block_auth_min", .left = WEB},
    {.key = "web_session_ttl", .left = WEB},
    {.key = "language", .left = WEB},
    {.key = "theme", .left = WEB},
    {.key = "rlimit_nofile", .left = "systemd's unit sets it"},
    {.key = "http_proxy", .left = "lists are fetched without a proxy"},
    {.key = "debug_pprof", .left = "no Go here"},
    {.key = "tls", .left = "saring serves plain DNS"},
    {.key = "dhcp", .left = "saring is no DHCP server"},
    {.key = "log", .left = "it logs to the journal; see log.level"},
    {.key = "log_compress", .left = "it logs to the journal"},
    {.key = "log_localtime", .left = "it logs to the journal"},
    {.key = "log_max_backups", .left = "it logs to the journal"},
    {.key = "log_max_size", .left = "it logs to the journal"},
    {.key = "log_max_age", .left = "it logs to the journal"},
    {.key = "log_file", .left = "it logs to the journal"},
    {.key = "verbose", .left = "see log.level"},
    {.key = "os", .left = "systemd's unit says who it runs as"},
    {.key = "schema_version", .left = "of AdGuard Home's own file"},
    {.key = NULL}};

static void settle(struct convert *c)
{
	settle_listen(c);
	adguard_settle_lists(c);
	if (convert_get(c, "block.answer") == NULL)
		convert_put_text(c, "block.answer", "null");
	if (strcmp(json_string_value(convert_get(c, "block.answer")), "address") != 0)
		json_object_del(json_object_get(c->settings, "block"), "addresses");
	else if (convert_get(c, "block.addresses") == NULL) {
		convert_put_text(c, "block.answer", "null");
		convert_left(c, 0, "dns.blocking_mode", "custom_ip without addresses");
	}
	convert_add(c, "names.deny", "use-application-dns.net");
	convert_allow_private(c, 0, "dns.allowed_clients", "everybody could ask");
}

bool convert_adguard(struct convert *c, const char *path)
{
	struct buf text = {0};
	struct err err = {.code = ERR_NONE};
	const struct yaml_limits limits = {.bytes = CONVERT_BYTES_MAX, .nodes = CONVERT_NODES_MAX};
	const struct yaml_node *root = NULL;
	if (!file_read(path, CONVERT_BYTES_MAX, &text, &err))
		err_list_add(&c->errors, &err);
	else
		root = yaml_parse(buf_str(&text), path, &limits, &c->arena, &c->errors);
	if (root != NULL &&
	    (root->kind != YAML_MAPPING || (yaml_get(root, "dns") == NULL && yaml_get(root, "schema_version") == NULL)))
		err_list_add_at(&c->errors, path, 1, 1,
				"no configuration of AdGuard Home: it has neither 'dns' nor 'schema_version'");
	if (root != NULL && c->errors.count == 0) {
		c->file = c->base = path;
		convert_walk(c, root, "", rows);
		settle(c);
	}
	buf_finish(&text);
	return root != NULL && c->errors.count == 0;
}
