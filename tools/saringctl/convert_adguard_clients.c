/* SPDX-License-Identifier: BSD-2-Clause
 *
 * convert_adguard_clients.c - AdGuard Home's clients with settings of their own, as groups; and its hours. */
#include "saringctl/convert_adguard.h"

#include <string.h>

#define DAY_MIN 1440

/* ---- hours ---- */

/* "9h30m", or milliseconds in older files; in minutes of the day. */
static bool minutes(struct convert *c, const struct yaml_node *day, const char *key, const char *path, int64_t *ret)
{
	const struct yaml_node *node = yaml_get(day, key);
	uint64_t ms;
	if (node == NULL || node->kind != YAML_SCALAR)
		return false;
	if (str_to_u64(node->text, &ms)) {
		*ret = (int64_t)(ms / 60000);
		return *ret <= DAY_MIN;
	}
	if (!convert_duration(c, node, path, 1, ret))
		return false;
	*ret /= 60;
	return *ret >= 0 && *ret <= DAY_MIN;
}

static void add_hours(json_t *hours, int64_t from, int64_t to)
{
	if (from < to)
		json_array_append_new(
		    hours, json_sprintf("%02d:%02d-%02d:%02d", (int)(from / 60), (int)(from % 60), (int)(to / 60), (int)(to % 60)));
}

/* There the hours are those in which nothing is blocked; here those in which the list acts. */
json_t *adguard_schedule(struct convert *c, const struct yaml_node *node, const char *path, const char *list)
{
	static const char *const days[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
	const struct yaml_node *zone;
	bool any = false;
	if (node == NULL || node->kind != YAML_MAPPING)
		return NULL;
	json_t *rules = json_array();
	zone = yaml_get(node, "time_zone");
	for (size_t i = 0; i < ARRAY_LEN(days); i++) {
		const struct yaml_node *day = yaml_get(node, days[i]);
		int64_t from, to;
		json_t *rule = json_pack("{s:[s], s:[s]}", "lists", list, "days", days[i]), *hours = json_array();
		if (day == NULL || day->kind != YAML_MAPPING || !minutes(c, day, "start", path, &from) ||
		    !minutes(c, day, "end", path, &to)) {
			from = to = 0;
		}
		any = any || from < to;
		add_hours(hours, 0, from);
		add_hours(hours, to, DAY_MIN);
		if (json_array_size(hours) == 0) {
			json_decref(hours);
			json_decref(rule);
			continue;
		}
		json_object_set_new(rule, "hours", hours);
		if (zone != NULL && zone->kind == YAML_SCALAR && zone->text.len > 0 && !str_eq_c(zone->text, "Local"))
			json_object_set_new(rule, "time-zone", json_string(zone->text.ptr));
		json_array_append_new(rules, rule);
	}
	if (any && json_array_size(rules) > 0)
		return rules;
	json_decref(rules);
	return NULL;
}

/* ---- clients ---- */

static json_t *addresses_of(struct convert *c, const struct yaml_node *client, const char *name, const char *path)
{
	const struct yaml_node *ids = yaml_get(client, "ids");
	struct convert_each each;
	struct str one;
	struct prefix prefix;
	char text[ADDR_TEXT_MAX];
	json_t *addresses = json_array();
	if (ids == NULL)
		return addresses;
	for (convert_each_of(&each, ids); convert_next(&each, &one);) {
		if (convert_prefix(one, &prefix))
			json_array_append_new(addresses, json_string(prefix_to_text(&prefix, text)));
		else
			convert_left(c, each.line, path,
				     "client '%s': '%.*s' is no address or network, and saring knows clients by these alone", name,
				     (int)(one.len > 64 ? 64 : one.len), one.ptr);
	}
	return addresses;
}

static bool is_true(const struct yaml_node *client, const char *key, bool fallback)
{
	const struct yaml_node *node = yaml_get(client, key);
	return node != NULL ? convert_node_true(node) : fallback;
}

static json_t *servers_of(struct convert *c, const struct yaml_node *client, const char *path)
{
	const struct yaml_node *node = yaml_get(client, "upstreams");
	struct convert_each each;
	struct str one;
	json_t *servers = json_array();
	if (node == NULL)
		return servers;
	for (convert_each_of(&each, node); convert_next(&each, &one);) {
		if (str_starts(one, "[/"))
			convert_left(c, each.line, path, "routes are for all clients");
		else if (one.len > 0 && one.ptr[0] != '#')
			convert_add_server(c, servers, one, each.line, path);
	}
	return servers;
}

/* All lists but the one of services that other clients are blocked from. */
static void own_settings(struct convert *c, const struct yaml_node *client, json_t *group, const char *name, const char *path)
{
	const struct yaml_node *safe = yaml_get(client, "safe_search");
	if (safe == NULL)
		safe = yaml_get(client, "safesearch_enabled");
	json_t *engines = adguard_engines(safe);
	json_object_set_new(group, "safe-search", engines != NULL ? engines : json_false());
	if (!is_true(client, "filtering_enabled", true))
		json_object_set_new(group, "lists", json_array());
	if (is_true(client, "parental_enabled", false) || is_true(client, "safebrowsing_enabled", false))
		convert_left(c, client->line, path,
			     "client '%s': parental control and safe browsing are asked of AdGuard's servers; use lists", name);
}

static void own_services(struct convert *c, const struct yaml_node *client, const char *name, const char *path)
{
	const struct yaml_node *services = yaml_get(client, "blocked_services");
	const struct yaml_node *ids = services != NULL && services->kind == YAML_MAPPING ? yaml_get(services, "ids") : services;
	struct convert_each each;
	struct str one;
	if (is_true(client, "use_global_blocked_services", true) || ids == NULL || convert_node_off(ids))
		return;
	for (convert_each_of(&each, ids); convert_next(&each, &one);)
		convert_left(c, each.line, path,
			     "client '%s': the service '%.*s'; make a list of its names and name it in the group", name,
			     (int)(one.len > 64 ? 64 : one.len), one.ptr);
	const struct yaml_node *schedule = services->kind == YAML_MAPPING ? yaml_get(services, "schedule") : NULL;
	if (schedule != NULL && schedule->count > 1)
		convert_left(c, schedule->line, path, "client '%s': the hours of its services; write them under groups[].schedule",
			     name);
}

static void take_client(struct convert *c, const struct yaml_node *client, const char *path)
{
	if (client->kind != YAML_MAPPING) {
		convert_left(c, client->line, path, "not a client");
		return;
	}
	const struct yaml_node *node = yaml_get(client, "name");
	char name[96];
	str_escape(node != NULL && node->kind == YAML_SCALAR ? node->text : STR_LIT("client"), true, name, sizeof(name));
	json_t *addresses = addresses_of(c, client, name, path), *servers = servers_of(c, client, path);
	bool own = !is_true(client, "use_global_settings", true);
	own_services(c, client, name, path);
	if (json_array_size(addresses) > 0 && (own || json_array_size(servers) > 0)) {
		json_t *group = convert_group(c, strcmp(name, "default") == 0 ? "client-default" : name);
		if (strcmp(name, convert_list_name(group)) != 0)
			json_object_set_new(group, "#", json_string(name));
		json_object_set(group, "clients", addresses);
		if (own)
			own_settings(c, client, group, name, path);
		if (json_array_size(servers) > 0)
			json_object_set(group, "upstream", servers);
	} else
		c->off++; /* a client like all others, or one that was told of already */
	if (is_true(client, "ignore_querylog", false) || is_true(client, "ignore_statistics", false))
		convert_left(c, client->line, path, "client '%s': nobody is left out of the log; see log.privacy", name);
	json_decref(addresses);
	json_decref(servers);
}

static const struct convert_row sources[] = {{.key = "persistent", .take = adguard_clients},
					     {.key = "runtime_sources", .left = "clients' names are not looked up"},
					     {.key = NULL}};

/* A mapping since schema 14, before that the list itself. */
void adguard_clients(struct convert *c, const struct yaml_node *node, const char *path)
{
	if (node->kind == YAML_MAPPING) {
		convert_walk(c, node, path, sources);
		return;
	}
	for (const struct yaml_node *one = node->kind == YAML_SEQUENCE ? node->first : NULL; one != NULL; one = one->next)
		take_client(c, one, path);
}
