/* SPDX-License-Identifier: BSD-2-Clause
 *
 * convert_blocky_clients.c - Blocky's clients, and which lists and servers they get.
 *
 * Blocky gives a client the lists of every key that fits it (address, network, name), and those of `default` where none does. Here
 * the longest prefix counts: each prefix is given what all that hold it have, so that the meaning stays. */
#include "saringctl/convert_blocky.h"

#include <fnmatch.h>
#include <string.h>

#define PREFIXES_MAX 4096

struct client {
	struct prefix prefix;
	const char *label;
	json_t *groups;	 /* Blocky's groups of lists; NULL: not said */
	json_t *servers; /* NULL: not said */
};

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

/* ---- who is there ---- */

static struct client *client_of(struct convert *c, const struct prefix *prefix, const char *label)
{
	struct blocky *b = blocky_own(c);
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
		const struct yaml_node *name = found || blocky_own(c)->names == NULL ? NULL : blocky_own(c)->names->first;
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

void blocky_client_lists(struct convert *c, const struct yaml_node *node, const char *path)
{
	json_t *groups = texts_of(node);
	if (str_eq_c(node->key->text, "default"))
		blocky_own(c)->fallback = json_incref(groups);
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

/* ---- who gets what ---- */

static void add_lists(struct convert *c, json_t *names, json_t *groups)
{
	size_t i, n, m;
	json_t *group, *list, *there;
	json_array_foreach(groups, i, group)
	{
		json_array_foreach(json_object_get(blocky_own(c)->lists, json_string_value(group)), n, list)
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
	struct blocky *b = blocky_own(c);
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
	const struct blocky *b = blocky_own(c);
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

void blocky_settle(struct convert *c)
{
	struct blocky *b = blocky_own(c);
	size_t i;
	json_t *group;
	blocky_settle_lists(c);
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
		json_t *names = json_array();
		add_lists(c, names, b->fallback);
		json_object_set_new(convert_group(c, "default"), "lists", names);
	}
	json_array_foreach(json_object_get(c->settings, "groups"), i, group) add_schedules(c, group);
	json_decref(b->lists);
	json_decref(b->denied);
	json_decref(b->fallback);
	c->reader = NULL;
}
