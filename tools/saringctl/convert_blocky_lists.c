/* SPDX-License-Identifier: BSD-2-Clause
 *
 * convert_blocky_lists.c - Blocky's lists, and the clients that get them.
 *
 * Blocky gives a client the lists of every key that fits it (address, network, name), and those of `default` where none does. Here
 * the longest prefix counts: each prefix is given what all that hold it have, so that the meaning stays. */
#include "saringctl/convert_blocky.h"

#include "base/file.h"

#include <fnmatch.h>
#include <ldns/ldns.h>
#include <string.h>

#define PREFIXES_MAX 4096
#define REFRESH_MIN_S 60
#define TTL_MAX_S 3600

struct client {
	struct prefix prefix;
	const char *label;
	json_t *groups;	 /* Blocky's groups of lists; NULL: not said */
	json_t *servers; /* NULL: not said */
};

struct blocky {
	const struct yaml_node *names; /* clientLookup.clients */
	const struct yaml_node *schedules, *list_schedules;
	json_t *lists;	  /* Blocky's group -> names of lists here */
	json_t *denied;	  /* those of them that have something to deny */
	json_t *fallback; /* groups of default; NULL: not said */
	struct client *clients;
	size_t client_count;
	int64_t refresh_s;
	bool has_refresh;
};

static struct blocky *own(struct convert *c)
{
	return c->reader;
}

void blocky_know_clients(struct convert *c, const struct yaml_node *root)
{
	const struct yaml_node *lookup = yaml_get(root, "clientLookup");
	struct blocky *b = arena_alloc(&c->arena, sizeof(*b));
	b->lists = json_object();
	b->denied = json_object();
	b->clients = arena_alloc(&c->arena, PREFIXES_MAX * sizeof(*b->clients));
	if (lookup != NULL && lookup->kind == YAML_MAPPING)
		b->names = yaml_get(lookup, "clients");
	if (b->names != NULL && b->names->kind != YAML_MAPPING)
		b->names = NULL;
	c->reader = b;
}

static const struct convert_row lookup_rows[] = {
    {.key = "clients", .left = "used for the names of clients in groups; groups here are of addresses"},
    {.key = "upstream", .left = "clients' names are not looked up"},
    {.key = "singleNameOrder", .left = "clients' names are not looked up"},
    {.key = NULL}};

void blocky_client_lookup(struct convert *c, const struct yaml_node *node, const char *path)
{
	if (node->kind == YAML_MAPPING)
		convert_walk(c, node, path, lookup_rows);
}

void blocky_fqdn_only(struct convert *c, const struct yaml_node *node, const char *path)
{
	const struct yaml_node *enable = node->kind == YAML_MAPPING ? yaml_get(node, "enable") : node;
	(void)path;
	if (enable != NULL && convert_node_true(enable))
		convert_put_text(c, "names.dotless", "nodata");
	else
		c->off++;
}

/* ---- clients ---- */

static struct client *client_of(struct convert *c, const struct prefix *prefix, const char *label)
{
	struct blocky *b = own(c);
	for (size_t i = 0; i < b->client_count; i++) {
		if (prefix_eq(&b->clients[i].prefix, prefix))
			return &b->clients[i];
	}
	if (b->client_count == PREFIXES_MAX)
		return NULL;
	b->clients[b->client_count] = (struct client){.prefix = *prefix, .label = label};
	return &b->clients[b->client_count++];
}

static void give(struct client *client, json_t *groups, json_t *servers)
{
	size_t i;
	json_t *one;
	if (client == NULL)
		return;
	if (groups != NULL && client->groups == NULL)
		client->groups = json_array();
	json_array_foreach(groups, i, one) json_array_append(client->groups, one);
	if (servers != NULL && json_array_size(servers) > 0 && client->servers == NULL)
		client->servers = json_incref(servers);
}

/* A key that names clients: addresses, networks, and names that clientLookup.clients gives addresses for; commas between them. */
static void clients_of_key(struct convert *c, const struct yaml_node *node, const char *path, json_t *groups, json_t *servers)
{
	struct str rest = node->key->text;
	struct prefix prefix;
	while (rest.ptr != NULL) {
		struct str part = str_trim(str_cut(&rest, ','));
		const char *label = arena_strndup(&c->arena, part.ptr, part.len);
		bool found = convert_prefix(part, &prefix);
		if (found)
			give(client_of(c, &prefix, label), groups, servers);
		const struct yaml_node *name = found || own(c)->names == NULL ? NULL : own(c)->names->first;
		for (; name != NULL; name = name->next) {
			struct convert_each each;
			struct str address;
			if (fnmatch(label, name->key->text.ptr, FNM_CASEFOLD) != 0)
				continue;
			for (convert_each_of(&each, name); convert_next(&each, &address);) {
				if (convert_prefix(address, &prefix)) {
					give(client_of(c, &prefix, label), groups, servers);
					found = true;
				}
			}
		}
		if (!found)
			convert_left(c, node->key->line, path,
				     "clients named '%s': groups here are of addresses and networks; add those to a group", label);
	}
}

static json_t *texts_of(const struct yaml_node *node)
{
	struct convert_each each;
	struct str one;
	json_t *texts = json_array();
	for (convert_each_of(&each, node); convert_next(&each, &one);)
		json_array_append_new(texts, json_stringn(one.ptr, one.len));
	return texts;
}

static void take_client(struct convert *c, const struct yaml_node *node, const char *path)
{
	json_t *groups = texts_of(node);
	if (str_eq_c(node->key->text, "default"))
		own(c)->fallback = json_incref(groups);
	else
		clients_of_key(c, node, path, groups, NULL);
	json_decref(groups);
}

void blocky_client_servers(struct convert *c, const struct yaml_node *node, const char *path)
{
	struct convert_each each;
	struct str one;
	json_t *servers = json_array();
	for (convert_each_of(&each, node); convert_next(&each, &one);)
		convert_add_server(c, servers, one, each.line, path);
	clients_of_key(c, node, path, NULL, servers);
	json_decref(servers);
}

/* ---- lists ---- */

static void know_list(struct convert *c, const char *group, json_t *list, bool allow)
{
	json_t *names = json_object_get(own(c)->lists, group);
	if (names == NULL) {
		names = json_array();
		json_object_set_new(own(c)->lists, group, names);
	}
	json_array_append_new(names, json_string(convert_list_name(list)));
	if (!allow)
		json_object_set_new(own(c)->denied, group, json_true());
}

static void take_inline(struct convert *c, const struct yaml_node *node, const char *path, const char *group, bool allow)
{
	json_t *list;
	struct str rest = node->text;
	uint32_t line = node->line + (node->style == YAML_STYLE_BLOCK_SCALAR ? 1 : 0);
	struct convert_file *f = convert_own(c, arena_printf(&c->arena, "%s-%s", group, allow ? "own-allow" : "own"), allow,
					     "names that stood in config.yml", &list);
	for (; rest.ptr != NULL; line++) {
		struct str one = str_trim(str_cut(&rest, '\n'));
		if (one.len > 0 && one.ptr[0] != '#')
			convert_own_line(c, f, one, line, path);
	}
	know_list(c, group, list, allow);
}

static void take_file(struct convert *c, const struct yaml_node *node, const char *path, const char *group, bool allow)
{
	struct buf text = {0};
	struct err err = {.code = ERR_NONE};
	struct str name = node->text;
	if (str_starts(name, "file://"))
		name = (struct str){name.ptr + 7, name.len - 7};
	char *from = file_path_beside(c->base, name.ptr);
	if (!file_read(from, CONVERT_BYTES_MAX, &text, &err))
		convert_left(c, node->line, path, "a file that could not be read here: %s", err.text);
	else {
		json_t *list = convert_list(c, allow ? arena_printf(&c->arena, "%s-allow", group) : group);
		struct convert_file *f = convert_own_text(c, arena_printf(&c->arena, "lists/%s.txt", convert_list_name(list)));
		buf_add_str(&f->text, buf_str(&text));
		json_object_set_new(list, "file", json_string(f->path));
		if (allow)
			json_object_set_new(list, "action", json_string("allow"));
		know_list(c, group, list, allow);
	}
	buf_finish(&text);
	free(from);
}

static void take_source(struct convert *c, const struct yaml_node *node, const char *path, const char *group, bool allow)
{
	if (node->kind != YAML_SCALAR || node->text.len == 0)
		convert_left(c, node->line, path, "not a source of a list");
	else if (memchr(node->text.ptr, '\n', node->text.len) != NULL)
		take_inline(c, node, path, group, allow);
	else if (!str_starts(node->text, "http://") && !str_starts(node->text, "https://"))
		take_file(c, node, path, group, allow);
	else if (memchr(node->text.ptr, '@', node->text.len) != NULL)
		convert_left(c, node->line, path, "a url with a user's name or password is not taken");
	else {
		json_t *list = convert_list(c, allow ? arena_printf(&c->arena, "%s-allow", group) : group);
		json_object_set_new(list, "url", json_string(node->text.ptr));
		if (allow)
			json_object_set_new(list, "action", json_string("allow"));
		know_list(c, group, list, allow);
	}
}

static void take_sources(struct convert *c, const struct yaml_node *node, const char *path, bool allow)
{
	const char *group = node->key->text.ptr;
	if (node->kind != YAML_SEQUENCE) {
		take_source(c, node, path, group, allow);
		return;
	}
	for (const struct yaml_node *one = node->first; one != NULL; one = one->next)
		take_source(c, one, path, group, allow);
}

static void take_deny(struct convert *c, const struct yaml_node *node, const char *path)
{
	take_sources(c, node, path, false);
}

static void take_allow(struct convert *c, const struct yaml_node *node, const char *path)
{
	take_sources(c, node, path, true);
}

/* ---- blocking ---- */

static void take_type(struct convert *c, const struct yaml_node *node, const char *path)
{
	struct convert_each each;
	struct str one;
	struct addr a;
	if (str_eq_nocase(node->text, STR_LIT("nxDomain")))
		convert_put_text(c, "block.answer", "nxdomain");
	else if (str_eq_nocase(node->text, STR_LIT("zeroIp")))
		convert_put_text(c, "block.answer", "null");
	else {
		for (convert_each_of(&each, node); convert_next(&each, &one);) {
			if (addr_from_text(one, 0, &a))
				convert_add(c, "block.addresses", arena_strndup(&c->arena, one.ptr, one.len));
		}
		if (convert_get(c, "block.addresses") != NULL)
			convert_put_text(c, "block.answer", "address");
		else
			convert_left(c, node->line, path, "neither zeroIp nor nxDomain nor addresses");
	}
}

static void take_ttl(struct convert *c, const struct yaml_node *node, const char *path)
{
	int64_t s;
	if (!convert_duration(c, node, path, 60, &s) || s < 0)
		return;
	if (s > TTL_MAX_S)
		convert_changed(c, node->line, path, "an hour at most: a lifted block should be forgotten");
	convert_put_seconds(c, "block.ttl", s > TTL_MAX_S ? TTL_MAX_S : s);
}

static void take_refresh(struct convert *c, const struct yaml_node *node, const char *path)
{
	int64_t s;
	if (!convert_duration(c, node, path, 60, &s) || s == 0)
		return;
	own(c)->has_refresh = true;
	own(c)->refresh_s = s < 0 ? 0 : s < REFRESH_MIN_S ? REFRESH_MIN_S : s;
}

static void take_schedules(struct convert *c, const struct yaml_node *node, const char *path)
{
	(void)path;
	own(c)->schedules = node->kind == YAML_MAPPING ? node : NULL;
}

static void take_list_schedules(struct convert *c, const struct yaml_node *node, const char *path)
{
	(void)path;
	own(c)->list_schedules = node->kind == YAML_MAPPING ? node : NULL;
}

#define DOWNLOADS "saring-fetch has its own deadlines, tries again later, and serves the last good copy meanwhile"
static const struct convert_row group_rows[] = {{.key = "*", .take = take_deny}, {.key = NULL}};
static const struct convert_row allow_rows[] = {{.key = "*", .take = take_allow}, {.key = NULL}};
static const struct convert_row client_rows[] = {{.key = "*", .take = take_client}, {.key = NULL}};
static const struct convert_row loading_rows[] = {
    {.key = "refreshPeriod", .take = take_refresh},
    {.key = "downloads", .left = DOWNLOADS},
    {.key = "strategy", .left = DOWNLOADS},
    {.key = "concurrency", .left = DOWNLOADS},
    {.key = "maxErrorsPerSource", .left = "lines that cannot be read are left out and counted; max-change guards a fetched list"},
    {.key = NULL}};
const struct convert_row blocky_blocking_rows[] = {
    {.key = "denylists", .rows = group_rows},
    {.key = "blackLists", .rows = group_rows},
    {.key = "allowlists", .rows = allow_rows},
    {.key = "whiteLists", .rows = allow_rows},
    {.key = "clientGroupsBlock", .rows = client_rows},
    {.key = "blockType", .take = take_type},
    {.key = "blockTTL", .take = take_ttl},
    {.key = "blockTtl", .take = take_ttl},
    {.key = "refreshPeriod", .take = take_refresh},
    {.key = "loading", .rows = loading_rows},
    {.key = "schedules", .take = take_schedules},
    {.key = "listSchedules", .take = take_list_schedules},
    {.key = "downloadTimeout", .left = DOWNLOADS},
    {.key = "downloadAttempts", .left = DOWNLOADS},
    {.key = "downloadCooldown", .left = DOWNLOADS},
    {.key = "startStrategy", .left = DOWNLOADS},
    {.key = "failStartOnListError", .left = DOWNLOADS},
    {.key = "processingConcurrency", .left = DOWNLOADS},
    {.key = "maxErrorsPerFile", .left = "lines that cannot be read are left out and counted; max-change guards a fetched list"},
    {.key = NULL}};

/* ---- custom zone ---- */

static bool zone_line(struct convert *c, const char *line, uint32_t *ttl, ldns_rdf **origin, ldns_rdf **prev, uint32_t at,
		      const char *path)
{
	ldns_rr *rr = NULL;
	if (ldns_rr_new_frm_str(&rr, line, *ttl, *origin, prev) != LDNS_STATUS_OK || rr == NULL)
		return false;
	char *owner = ldns_rdf2str(ldns_rr_owner(rr)), *type = ldns_rr_type2str(ldns_rr_get_type(rr));
	struct buf data = {0};
	for (size_t i = 0; i < ldns_rr_rd_count(rr); i++) {
		char *part = ldns_rdf2str(ldns_rr_rdf(rr, i));
		buf_printf(&data, "%s%s", i == 0 ? "" : " ", part);
		free(part);
	}
	static const char *const known[] = {"A", "AAAA", "CNAME", "TXT", "PTR", "MX", "SRV", "HTTPS", "SVCB"};
	bool is_known = false;
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		is_known = is_known || strcmp(type, known[i]) == 0;
	if (is_known)
		convert_record(c, str_from(owner), type, buf_str(&data), ldns_rr_ttl(rr), at, path);
	else
		convert_left(c, at, path, "records of type %s are not served", type);
	buf_finish(&data);
	free(owner);
	free(type);
	ldns_rr_free(rr);
	return true;
}

void blocky_zone(struct convert *c, const struct yaml_node *node, const char *path)
{
	uint32_t ttl = 3600, at = node->line + (node->style == YAML_STYLE_BLOCK_SCALAR ? 1 : 0);
	ldns_rdf *origin = ldns_dname_new_frm_str("."), *prev = NULL;
	struct str rest = node->kind == YAML_SCALAR ? node->text : STR_LIT("");
	for (; rest.ptr != NULL; at++) {
		struct str one = str_cut(&rest, '\n'), trimmed = str_trim(one);
		const char *line = arena_strndup(&c->arena, one.ptr, one.len);
		uint64_t value;
		if (trimmed.len == 0 || trimmed.ptr[0] == ';')
			continue;
		if (str_starts(trimmed, "$ORIGIN ")) {
			struct str name = str_trim((struct str){trimmed.ptr + 8, trimmed.len - 8});
			ldns_rdf *made = ldns_dname_new_frm_str(arena_strndup(&c->arena, name.ptr, name.len));
			if (made != NULL) {
				ldns_rdf_deep_free(origin);
				origin = made;
			}
		} else if (str_starts(trimmed, "$TTL ") &&
			   str_to_u64(str_trim((struct str){trimmed.ptr + 5, trimmed.len - 5}), &value))
			ttl = (uint32_t)value;
		else if (!zone_line(c, line, &ttl, &origin, &prev, at, path))
			convert_left(c, at, path, "not a record on one line");
	}
	ldns_rdf_deep_free(origin);
	ldns_rdf_deep_free(prev);
}

/* ---- who gets what ---- */

static void add_lists(struct convert *c, json_t *names, json_t *groups)
{
	size_t i, n, m;
	json_t *group, *list, *there;
	json_array_foreach(groups, i, group)
	{
		json_array_foreach(json_object_get(own(c)->lists, json_string_value(group)), n, list)
		{
			bool again = false;
			json_array_foreach(names, m, there) again = again || json_equal(there, list) != 0;
			if (!again)
				json_array_append(names, list);
		}
	}
}

static bool holds(const struct prefix *outer, const struct prefix *inner)
{
	return outer->family == inner->family && outer->bits <= inner->bits &&
	       addr_bits_agree(outer->bytes, inner->bytes, outer->bits);
}

static json_t *lists_of(struct convert *c, const struct client *client)
{
	struct blocky *b = own(c);
	json_t *names = json_array();
	bool any = false;
	for (size_t i = 0; i < b->client_count; i++) {
		if (b->clients[i].groups != NULL && holds(&b->clients[i].prefix, &client->prefix)) {
			add_lists(c, names, b->clients[i].groups);
			any = true;
		}
	}
	if (!any)
		add_lists(c, names, b->fallback);
	return names;
}

static void put_client(struct convert *c, const struct client *client)
{
	char text[ADDR_TEXT_MAX];
	size_t i;
	json_t *group, *lists = lists_of(c, client), *address = json_string(prefix_to_text(&client->prefix, text));
	json_array_foreach(json_object_get(c->settings, "groups"), i, group)
	{
		const json_t *servers = json_object_get(group, "upstream");
		const char *label = json_string_value(json_object_get(group, "#"));
		if (label != NULL && strcmp(label, client->label) == 0 && json_equal(json_object_get(group, "lists"), lists) != 0 &&
		    (client->servers == NULL ? servers == NULL : json_equal(servers, client->servers) != 0)) {
			json_array_append_new(json_object_get(group, "clients"), address);
			json_decref(lists);
			return;
		}
	}
	group = convert_group(c, client->label);
	json_object_set_new(group, "#", json_string(client->label));
	json_object_set_new(group, "clients", json_pack("[o]", address));
	json_object_set_new(group, "lists", lists);
	if (client->servers != NULL)
		json_object_set(group, "upstream", client->servers);
}

/* One of Blocky's hours for those lists of a group that are named. */
static void add_rule(struct convert *c, json_t *group, json_t *lists, const struct yaml_node *schedule, const char *path)
{
	const struct yaml_node *days = yaml_get(schedule, "weekdays"), *start = yaml_get(schedule, "start"),
			       *end = yaml_get(schedule, "end");
	const struct yaml_node *zone = yaml_get(schedule, "timezone");
	json_t *rules = json_object_get(group, "schedule"), *rule = json_object();
	if (rules == NULL) {
		rules = json_array();
		json_object_set_new(group, "schedule", rules);
	}
	json_object_set(rule, "lists", lists);
	if (days != NULL)
		json_object_set_new(rule, "days", texts_of(days));
	if (start != NULL && end != NULL && start->text.len == 5 && end->text.len == 5)
		json_object_set_new(rule, "hours", json_pack("[o]", json_sprintf("%s-%s", start->text.ptr, end->text.ptr)));
	else if (start != NULL || end != NULL)
		convert_left(c, schedule->line, path, "hours that are not HH:MM; the whole day is meant now");
	if (zone != NULL && zone->text.len > 0)
		json_object_set_new(rule, "time-zone", json_string(zone->text.ptr));
	json_array_append_new(rules, rule);
}

/* The lists that a group of Blocky's stands for and that this group has. */
static json_t *shared(const json_t *names, const json_t *has)
{
	size_t i, n;
	json_t *one, *other, *both = json_array();
	json_array_foreach(names, i, one)
	{
		json_array_foreach(has, n, other)
		{
			if (json_equal(one, other) != 0)
				json_array_append(both, one);
		}
	}
	return both;
}

static void add_schedules(struct convert *c, json_t *group)
{
	const struct blocky *b = own(c);
	const struct yaml_node *key = b->list_schedules != NULL ? b->list_schedules->first : NULL;
	for (; key != NULL; key = key->next) {
		struct convert_each each;
		struct str name;
		const char *path = arena_printf(&c->arena, "blocking.listSchedules.%s", key->key->text.ptr);
		json_t *lists = shared(json_object_get(b->lists, key->key->text.ptr), json_object_get(group, "lists"));
		for (convert_each_of(&each, key); json_array_size(lists) > 0 && convert_next(&each, &name);) {
			const char *called = arena_strndup(&c->arena, name.ptr, name.len);
			const struct yaml_node *schedule = b->schedules != NULL ? yaml_get(b->schedules, called) : NULL;
			if (schedule != NULL && schedule->kind == YAML_MAPPING)
				add_rule(c, group, lists, schedule, path);
			else
				convert_left(c, each.line, path, "there are no hours called '%s'", called);
		}
		json_decref(lists);
	}
}

static void note_groups(struct convert *c)
{
	const char *group;
	json_t *names;
	json_object_foreach(own(c)->lists, group, names)
	{
		if (json_object_get(own(c)->denied, group) == NULL)
			convert_left(c, 0, arena_printf(&c->arena, "blocking.allowlists.%s", group),
				     "a group that only allows lets nothing else through in Blocky; here it only allows");
	}
}

void blocky_settle(struct convert *c)
{
	struct blocky *b = own(c);
	size_t i;
	json_t *list;
	char every[32];
	str_from_duration_ms(b->refresh_s * 1000, every, sizeof(every));
	json_array_foreach(json_object_get(c->settings, "lists"), i, list)
	{
		if (b->has_refresh && json_object_get(list, "url") != NULL)
			json_object_set_new(list, "refresh", json_string(b->refresh_s == 0 ? "0s" : every));
	}
	note_groups(c);
	for (i = 0; i < b->client_count; i++)
		put_client(c, &b->clients[i]); /* looks at all of them */
	for (i = 0; i < b->client_count; i++) {
		json_decref(b->clients[i].groups);
		json_decref(b->clients[i].servers);
	}
	if (b->fallback == NULL && json_object_size(b->lists) > 0)
		convert_changed(c, 0, "blocking.clientGroupsBlock",
				"has no 'default', so that no list acts for other clients, here neither: see the group 'default'");
	if (json_object_size(b->lists) > 0) {
		json_t *names = json_array(), *group = convert_group(c, "default");
		add_lists(c, names, b->fallback);
		json_object_set_new(group, "lists", names);
	}
	json_array_foreach(json_object_get(c->settings, "groups"), i, list) add_schedules(c, list);
	json_decref(b->lists);
	json_decref(b->denied);
	json_decref(b->fallback);
	c->reader = NULL;
}
