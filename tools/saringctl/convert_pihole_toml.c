/* SPDX-License-Identifier: BSD-2-Clause
 *
 * convert_pihole_toml.c - Pi-hole's pihole.toml, of version 6: which says every key, most of them at their defaults. */
#include "saringctl/convert_pihole.h"

#include "saringctl/toml.h"

#include <string.h>

#define TTL_MAX_S 3600

static void take_upstreams(struct convert *c, const struct yaml_node *node, const char *path)
{
	struct convert_each each;
	struct str one;
	for (convert_each_of(&each, node); convert_next(&each, &one);)
		convert_add_server(c, NULL, one, each.line, path);
}

static void take_hosts(struct convert *c, const struct yaml_node *node, const char *path)
{
	struct convert_each each;
	struct str one;
	for (convert_each_of(&each, node); convert_next(&each, &one);)
		pihole_hosts_line(c, one, each.line, path);
}

static void take_cnames(struct convert *c, const struct yaml_node *node, const char *path)
{
	const struct yaml_node *one = node->kind == YAML_SEQUENCE ? node->first : NULL; /* commas are within */
	for (; one != NULL; one = one->next)
		pihole_cname(c, one->text, one->line, path);
}

static void take_reverse(struct convert *c, const struct yaml_node *node, const char *path)
{
	const struct yaml_node *one = node->kind == YAML_SEQUENCE ? node->first : NULL;
	for (; one != NULL; one = one->next)
		pihole_reverse(c, one->text, one->line, path);
}

static void take_port(struct convert *c, const struct yaml_node *node, const char *path)
{
	int64_t port;
	if (!convert_number(c, node, path, &port) || port <= 0 || port > UINT16_MAX)
		return;
	convert_add(c, "listen", arena_printf(&c->arena, "dns://0.0.0.0:%d", (int)port));
	convert_add(c, "listen", arena_printf(&c->arena, "dns://[::]:%d", (int)port));
}

static void take_listening(struct convert *c, const struct yaml_node *node, const char *path)
{
	if (str_eq_nocase(node->text, STR_LIT("LOCAL")))
		convert_allow_private(c, node->line, path, "clients of this machine's own networks could ask");
	else
		convert_allow_private(c, node->line, path, "everybody who reached it could ask");
}

static void take_mode(struct convert *c, const struct yaml_node *node, const char *path)
{
	pihole_blocking(c, node->text, node->line, path);
}

static void take_active(struct convert *c, const struct yaml_node *node, const char *path)
{
	if (convert_node_true(node))
		c->off++;
	else
		convert_left(c, node->line, path, "blocking was switched off there; here it is on");
}

static void take_block_ttl(struct convert *c, const struct yaml_node *node, const char *path)
{
	int64_t s;
	if (convert_number(c, node, path, &s) && s >= 0)
		convert_put_seconds(c, "block.ttl", s > TTL_MAX_S ? TTL_MAX_S : s);
}

static void take_needed(struct convert *c, const struct yaml_node *node, const char *path)
{
	(void)path;
	if (convert_node_true(node))
		convert_put_text(c, "names.dotless", "nodata");
	else
		c->off++;
}

/* The network's own domain is never asked of servers: of the names that saring.yaml can deny, that can be said. */
static void take_domain(struct convert *c, const struct yaml_node *node, const char *path)
{
	static const char *const deniable[] = {"intranet", "internal", "private", "corp", "home", "lan"};
	const struct yaml_node *name = node->kind == YAML_MAPPING ? yaml_get(node, "name") : node;
	if (name == NULL || convert_node_off(name) || name->kind != YAML_SCALAR)
		return;
	for (size_t i = 0; i < ARRAY_LEN(deniable); i++) {
		if (str_eq_nocase(name->text, str_from(deniable[i]))) {
			convert_add(c, "names.deny", deniable[i]);
			return;
		}
	}
	convert_left(c, name->line, path,
		     "names below it are asked of servers when no record has them; a route or a list of its name keeps them in");
}

static void take_mozilla(struct convert *c, const struct yaml_node *node, const char *path)
{
	(void)path;
	if (convert_node_true(node))
		convert_add(c, "names.deny", "use-application-dns.net");
	else
		c->off++;
}

static void take_relay(struct convert *c, const struct yaml_node *node, const char *path)
{
	(void)path;
	if (!convert_node_true(node)) {
		c->off++;
		return;
	}
	convert_add(c, "names.deny", "mask.icloud.com");
	convert_add(c, "names.deny", "mask-h2.icloud.com");
}

static void take_optimizer(struct convert *c, const struct yaml_node *node, const char *path)
{
	int64_t s;
	if (!convert_number(c, node, path, &s))
		return;
	convert_put_seconds(c, "cache.serve-stale", s < 0 ? 0 : s == 0 ? 86400 : s);
	if (s >= 0)
		convert_changed(c, node->line, path,
				"an answer past its TTL is given only when no server answers in time (RFC 8767)");
}

static void take_logging(struct convert *c, const struct yaml_node *node, const char *path)
{
	pihole_query_log(c, convert_node_true(node), node->line, path);
}

static void take_days(struct convert *c, const struct yaml_node *node, const char *path)
{
	int64_t days;
	if (convert_number(c, node, path, &days) && days > 0 && convert_get(c, "log.queries.enabled") != NULL)
		convert_put(c, "log.queries.retention", json_sprintf("%lldd", (long long)(days > 364 ? 364 : days)));
}

static void take_privacy(struct convert *c, const struct yaml_node *node, const char *path)
{
	pihole_privacy(c, node->text, node->line, path);
}

static void take_rate(struct convert *c, const struct yaml_node *node, const char *path)
{
	const struct yaml_node *count = yaml_get(node, "count"), *interval = yaml_get(node, "interval");
	int64_t n, s;
	if (node->kind != YAML_MAPPING || count == NULL || interval == NULL || !convert_number(c, count, path, &n) ||
	    !convert_number(c, interval, path, &s) || n <= 0 || s <= 0) {
		c->off++;
		return;
	}
	convert_put(c, "clients.rate", json_sprintf("%lld/s", (long long)(n / s > 0 ? n / s : 1)));
	convert_changed(c, node->line, path,
			"queries in %lld s were counted for each client; here those in a second of a /24 or /56", (long long)s);
}

#define FTL "of Pi-hole's own statistics"
#define DNSMASQ "of the dnsmasq in it"
static const struct convert_row cache_rows[] = {{.key = "size", .left = "the cache is bounded in bytes: cache.size"},
						{.key = "optimizer", .take = take_optimizer},
						{.key = "upstreamBlockedTTL", .left = "what servers block is kept for its TTL"},
						{.key = "rrtype", .left = "all types are kept"},
						{.key = NULL}};
static const struct convert_row blocking_rows[] = {{.key = "active", .take = take_active},
						   {.key = "mode", .take = take_mode},
						   {.key = "edns", .left = "blocked answers always say why (RFC 8914)"},
						   {.key = NULL}};
static const struct convert_row special_rows[] = {
    {.key = "mozillaCanary", .take = take_mozilla},
    {.key = "iCloudPrivateRelay", .take = take_relay},
    {.key = "designatedResolver", .left = "resolver.arpa is answered as empty", .off = "true"},
    {.key = NULL}};
static const struct convert_row dns_rows[] = {
    {.key = "upstreams", .take = take_upstreams},
    {.key = "hosts", .take = take_hosts},
    {.key = "cnameRecords", .take = take_cnames},
    {.key = "revServers", .take = take_reverse},
    {.key = "port", .take = take_port},
    {.key = "listeningMode", .take = take_listening},
    {.key = "interface", .left = "an interface is listened at by its addresses: listen"},
    {.key = "blocking", .rows = blocking_rows},
    {.key = "blockTTL", .take = take_block_ttl},
    {.key = "cache", .rows = cache_rows},
    {.key = "domainNeeded", .take = take_needed},
    {.key = "domain", .take = take_domain},
    {.key = "expandHosts", .left = "records are written with their whole name"},
    {.key = "bogusPriv", .left = "private reverse names are answered here; names.forward makes exceptions", .off = "true"},
    {.key = "dnssec", .left = "saring does not validate; let the server that it asks do so"},
    {.key = "specialDomains", .rows = special_rows},
    {.key = "queryLogging", .take = take_logging},
    {.key = "rateLimit", .take = take_rate},
    {.key = "CNAMEdeepInspect", .left = "chains of CNAME records are always looked through", .off = "true"},
    {.key = "blockESNI", .left = "nothing asks for _esni names any more"},
    {.key = "EDNS0ECS", .left = "a client is the address it asks from"},
    {.key = "hostRecord", .left = "write it as records"},
    {.key = "localise", .left = "all addresses of a name are given"},
    {.key = "piholePTR", .left = "write a PTR record where one is wanted"},
    {.key = "reply", .left = "pi.hole is not a name here"},
    {.key = "replyWhenBusy", .left = "lists are never busy"},
    {.key = "ignoreLocalhost", .left = FTL},
    {.key = "showDNSSEC", .left = FTL},
    {.key = "analyzeOnlyAandAAAA", .left = FTL},
    {.key = NULL}};
static const struct convert_row database_rows[] = {
    {.key = "maxDBdays", .take = take_days}, {.key = "*", .left = FTL}, {.key = NULL}};
static const struct convert_row misc_rows[] = {{.key = "privacylevel", .take = take_privacy},
					       {.key = "dnsmasq_lines", .left = DNSMASQ},
					       {.key = "etc_dnsmasq_d", .left = DNSMASQ},
					       {.key = "*", .left = "of Pi-hole's own program"},
					       {.key = NULL}};
static const struct convert_row rows[] = {{.key = "dns", .rows = dns_rows},
					  {.key = "database", .rows = database_rows},
					  {.key = "misc", .rows = misc_rows},
					  {.key = "dhcp", .left = "saring is no DHCP server"},
					  {.key = "ntp", .left = "saring is no time server"},
					  {.key = "resolver", .left = "clients' names are not looked up"},
					  {.key = "webserver", .left = "there is no web interface; saringctl does it"},
					  {.key = "files", .left = "it logs to the journal"},
					  {.key = "debug", .left = "of Pi-hole's own program"},
					  {.key = NULL}};

bool pihole_toml(struct convert *c, struct str text, const char *path)
{
	const struct yaml_node *root = toml_parse(text, path, &c->arena, &c->errors);
	if (root == NULL)
		return false;
	convert_walk(c, root, "", rows);
	return true;
}
