/* SPDX-License-Identifier: BSD-2-Clause */
#include "settings/whole.h"

#include <string.h>

#include "settings/groups.h"
#include "settings/load.h"

/* What all steps here need. */
struct whole {
	const struct values *values;
	struct settings *settings;
	const struct bind_arrays *arrays; /* those of the settings */
};

static const struct yaml_node *get(const struct yaml_node *root, const char *section, const char *key)
{
	return yaml_get(yaml_get(root, section), key);
}

/* Values that are good alone and not together. The place is that of the one that was said. */
static void check_ttls(const struct whole *w, const struct yaml_node *root)
{
	const struct settings *s = w->settings;
	const struct yaml_node *min = get(root, "cache", "min-ttl");
	char low[32], high[32];
	str_from_duration_ms(s->min_ttl_s * 1000, low, sizeof(low));
	const struct {
		const char *key;
		int64_t value_s;
	} upper[] = {{"max-ttl", s->max_ttl_s}, {"max-negative-ttl", s->max_negative_ttl_s}};
	for (size_t i = 0; i < ARRAY_LEN(upper); i++) {
		const struct yaml_node *max = get(root, "cache", upper[i].key);
		if (upper[i].value_s >= s->min_ttl_s)
			continue;
		str_from_duration_ms(upper[i].value_s * 1000, high, sizeof(high));
		(void)values_fault(w->values, max != NULL ? max : min, "'%s' (%s) is less than 'min-ttl' (%s)", upper[i].key, high,
				   low);
	}
}

static void check_addresses(const struct whole *w, const struct yaml_node *root)
{
	static const char sentence[] = "answer: address needs 'addresses' under 'block'";
	const struct settings *s = w->settings;
	if (s->address_count > 0)
		return;
	const struct yaml_node *addresses = get(root, "block", "addresses");
	if (addresses != NULL && (addresses->kind != YAML_SEQUENCE || addresses->count > 0))
		return; /* they were said, and are faulty: that is reported */
	if (s->block_answer == ANSWER_ADDRESS)
		(void)values_fault(w->values, get(root, "block", "answer"), "%s", sentence);
	size_t i = 0;
	const struct yaml_node *lists = s->list_count > 0 ? yaml_get(root, "lists") : NULL;
	for (const struct yaml_node *item = lists != NULL ? lists->first : NULL; item != NULL; item = item->next, i++) {
		if (s->lists[i].has_answer && s->lists[i].answer == ANSWER_ADDRESS)
			(void)values_fault(w->values, yaml_get(item, "answer"), "%s", sentence);
	}
}

static void check_list_names(const struct whole *w, const struct yaml_node *root)
{
	const struct settings *s = w->settings;
	const struct yaml_node *lists = s->list_count > 0 ? yaml_get(root, "lists") : NULL;
	size_t i = 0;
	for (const struct yaml_node *item = lists != NULL ? lists->first : NULL; item != NULL; item = item->next, i++) {
		for (size_t j = 0; j < i && s->lists[i].name != NULL; j++) {
			if (s->lists[j].name == NULL || strcmp(s->lists[i].name, s->lists[j].name) != 0)
				continue;
			(void)values_fault(w->values, yaml_get(item, "name"), "the list in line %u is called '%s' too",
					   s->lists[j].line, s->lists[j].name);
			break;
		}
	}
}

/* A fetched copy is kept under the list's name, and what is known of it under that and ".json". */
static bool can_name_copy(struct str name)
{
	static const struct str tail = {".json", 5};
	return name.ptr[0] != '.' && (name.len < tail.len || !str_eq((struct str){name.ptr + name.len - tail.len, tail.len}, tail));
}

static bool ends_in_yaml(const char *path)
{
	const char *dot = strrchr(path, '.');
	return dot != NULL && (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0);
}

/* The signature lies beside the list, wherever that is. */
static void finish_signature(const struct whole *w, const struct yaml_node *item, struct settings_list *list)
{
	const struct yaml_node *said = yaml_get(item, "signature");
	if (said != NULL && list->key == NULL && yaml_get(item, "key") == NULL)
		(void)values_fault(w->values, said->key, "'signature' is for a list with a 'key'");
	if (list->key == NULL) {
		list->signature_url = NULL;
		return;
	}
	if (list->url == NULL) {
		list->signature = arena_printf(w->values->arena, "%s" SETTINGS_SIGNATURE_TAIL, list->file);
		list->signature_shown = arena_printf(w->values->arena, "%s" SETTINGS_SIGNATURE_TAIL, list->file_shown);
		return;
	}
	if (list->signature_url == NULL)
		list->signature_url = arena_printf(w->values->arena, "%s" SETTINGS_SIGNATURE_TAIL, list->url);
	list->signature_shown = list->signature_url;
	list->signature = arena_printf(w->values->arena, "%s/" SETTINGS_FETCHED "/%s@minisig", w->settings->state, list->name);
}

/* What follows from where a list is. */
static void finish_source(const struct whole *w, const struct yaml_node *item, struct settings_list *list)
{
	if (list->url == NULL) {
		if (list->format == FORMAT_AUTO && list->file != NULL && ends_in_yaml(list->file))
			list->format = FORMAT_YAML;
		return;
	}
	if (list->name == NULL || list->file != NULL)
		return; /* a fault that was told already */
	list->file_shown = list->url;
	if (can_name_copy(str_from(list->name)))
		list->file = arena_printf(w->values->arena, "%s/" SETTINGS_FETCHED "/%s", w->settings->state, list->name);
	else
		(void)values_fault(w->values, yaml_get(item, "name"),
				   "'%s' can't name a list with a 'url', whose copy is kept under its name: no '.' in front and no "
				   "'.json' behind",
				   list->name);
}

static void finish_sources(const struct whole *w, const struct yaml_node *root)
{
	struct settings_list *lists = w->arrays->lists;
	const struct yaml_node *node = lists != NULL && w->settings->list_count > 0 ? yaml_get(root, "lists") : NULL;
	for (const struct yaml_node *item = node != NULL ? node->first : NULL; item != NULL; item = item->next, lists++) {
		if (item->kind != YAML_MAPPING)
			continue;
		finish_source(w, item, lists);
		if (lists->file != NULL && lists->name != NULL)
			finish_signature(w, item, lists);
	}
}

/* A route for each zone: who asks by them need not know how they were written. */
static void finish_routes(const struct whole *w)
{
	struct settings *s = w->settings;
	size_t count = 0, written = 0;
	char text[NAME_TEXT_MAX];
	for (size_t i = 0; i < s->route_item_count; i++)
		written += s->route_items[i].zone_count;
	struct settings_route *routes =
	    arena_alloc(w->values->arena, (MIN(written, (size_t)SETTINGS_ZONES_MAX) + 1) * sizeof(*routes));
	for (size_t i = 0; i < s->route_item_count; i++) {
		const struct settings_route_item *item = &s->route_items[i];
		for (size_t k = 0; k < item->zone_count; k++) {
			const struct settings_zone *zone = &item->zones[k];
			size_t j = 0;
			while (j < count && !name_eq(&routes[j].zone, &zone->name))
				j++;
			if (j < count)
				err_list_add_at(w->values->errors, w->values->shown, zone->line, zone->column,
						"the zone '%s' has a route already", name_to_text(&zone->name, text));
			else if (count == SETTINGS_ZONES_MAX)
				err_list_add_at(w->values->errors, w->values->shown, zone->line, zone->column,
						"all routes together have more than %d zones", SETTINGS_ZONES_MAX);
			else
				routes[count++] = (struct settings_route){
				    .zone = zone->name, .servers = item->servers, .server_count = item->server_count};
		}
	}
	s->routes = routes;
	s->route_count = count;
}

static void check_servers(const struct whole *w, const struct endpoint *servers, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (settings_is_self(w->settings, &servers[i].addr))
			err_list_add_at(w->values->errors, w->values->shown, servers[i].line, servers[i].column,
					"'%s' is where saringd itself listens: it would ask itself", servers[i].text);
	}
}

static void check_endpoints(const struct whole *w)
{
	const struct settings *s = w->settings;
	for (size_t i = 0; i < s->listen_count; i++) {
		const struct endpoint *e = &s->listen[i];
		for (size_t j = 0; j < i && addr_port(&e->addr) != 0; j++) {
			if (addr_eq(&e->addr, &s->listen[j].addr)) {
				err_list_add_at(w->values->errors, w->values->shown, e->line, e->column, "'%s' stands here twice",
						e->text);
				break;
			}
		}
	}
	check_servers(w, s->servers, s->server_count);
	for (size_t r = 0; r < s->route_item_count; r++)
		check_servers(w, s->route_items[r].servers, s->route_items[r].server_count);
	for (size_t g = 0; g < s->group_count; g++)
		check_servers(w, s->groups[g].servers, s->groups[g].server_count);
}

/* A group that says nothing has what is said for all. */
static void finish_safe_search(const struct whole *w)
{
	struct settings *s = w->settings;
	s->any_safe_search = s->safe_search != 0;
	for (size_t i = 0; w->arrays->groups != NULL && i < s->group_count; i++) {
		struct settings_group *group = &w->arrays->groups[i];
		if (!group->has_safe_search)
			group->safe_search = s->safe_search;
		s->any_safe_search |= group->safe_search != 0;
	}
}

void whole_finish(const struct values *v, const struct yaml_node *root, struct settings *s, const struct bind_arrays *arrays)
{
	const struct whole w = {.values = v, .settings = s, .arrays = arrays};
	check_ttls(&w, root);
	check_addresses(&w, root);
	check_list_names(&w, root);
	finish_sources(&w, root);
	if (s->group_count > 0)
		groups_finish(v, yaml_get(root, "groups"), s, arrays->groups);
	check_endpoints(&w);
	finish_routes(&w);
	finish_safe_search(&w);
}
