/* SPDX-License-Identifier: BSD-2-Clause */
#include "settings/load.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "qlog/format.h"
#include "settings/groups.h"
#include "settings/minisign.h"
#include "settings/provenance.h"
#include "settings/schema.h"
#include "settings/values.h"
#include "settings/yaml.h"

#define PREFIX_LISTS "lists[]."
#define PREFIX_ROUTES "upstream.routes[]."
#define PREFIX_GROUPS "groups[]."
#define PREFIX_SCHEDULE "groups[].schedule[]."

/* A mapping still to be bound. A queue rather than calls in calls: what is in the file decides how much there is. */
struct pending {
	const struct yaml_node *node;
	const char *prefix; /* of the rows it may hold */
	void *object;	    /* what their fields are in */
	struct pending *next;
};

struct loader {
	struct values values;
	struct settings *settings;
	struct settings_list *lists;   /* those of the settings, while they are made */
	struct settings_group *groups; /* the same */
	struct pending *first, *last;
	void *spare; /* NULL until needed; what a key that stands again is bound to, for its faults alone */
};

/* Whatever rows are bound to. */
union object {
	struct settings settings;
	struct settings_list list;
	struct settings_route_item route;
	struct settings_group group;
	struct settings_schedule schedule;
};

static void push(struct loader *l, const struct yaml_node *node, const char *prefix, void *object)
{
	struct pending *p = arena_alloc(l->values.arena, sizeof(*p));
	*p = (struct pending){.node = node, .prefix = prefix, .object = object};
	if (l->last == NULL)
		l->first = p;
	else
		l->last->next = p;
	l->last = p;
}

/* Defaults are YAML text, bound as if they stood in a file: the table says them once, in the words of the manual. */
static void bind_defaults(const struct loader *l, const char *prefix, void *object)
{
	static const struct yaml_limits limits = {.bytes = 256, .nodes = 16};
	struct arena scratch = {0};
	struct err_list errors = {0};
	struct values values = l->values;
	values.errors = &errors;
	for (size_t i = 0; i < schema_key_count; i++) {
		const struct schema_key *row = &schema_keys[i];
		const char *key = schema_child(row, prefix);
		if (key == NULL || row->fallback == NULL)
			continue;
		const struct yaml_node *node = yaml_parse(str_from(row->fallback), row->path, &limits, &scratch, &errors);
		must(node != NULL && values_bind(&values, row, key, node, object));
	}
	err_list_finish(&errors);
	arena_finish(&scratch);
}

static void unknown_key(const struct loader *l, const struct pending *p, const struct yaml_node *key)
{
	char shown[VALUES_SHOWN_MAX], suggestion[600] = "";
	if (!err_list_is_full(l->values.errors)) /* what is only counted needs no advice, which is dear */
		schema_suggest(p->prefix, key->text, suggestion, sizeof(suggestion));
	(void)values_fault(&l->values, key, "unknown key '%s'%s", values_shown(key, shown), suggestion);
}

/* Sequences of mappings: what their items are bound by, and to. */
static const struct items {
	enum schema_type type;
	const char *prefix;
	size_t size;
} items_of[] = {
    {SCHEMA_LISTS, PREFIX_LISTS, sizeof(struct settings_list)},
    {SCHEMA_ROUTES, PREFIX_ROUTES, sizeof(struct settings_route_item)},
    {SCHEMA_GROUPS, PREFIX_GROUPS, sizeof(struct settings_group)},
    {SCHEMA_SCHEDULE, PREFIX_SCHEDULE, sizeof(struct settings_schedule)},
};

static void note_place(enum schema_type type, void *object, const struct yaml_node *item)
{
	if (type == SCHEMA_LISTS) {
		((struct settings_list *)object)->line = item->line;
		((struct settings_list *)object)->column = item->column;
	} else if (type == SCHEMA_GROUPS) {
		((struct settings_group *)object)->line = item->line;
		((struct settings_group *)object)->column = item->column;
	}
}

/* The items of `lists`, `upstream.routes`, `groups` and `groups[].schedule`: an array with the defaults in each, and their mappings
 * queued. */
static void bind_items(struct loader *l, const struct schema_key *row, const char *key, const struct yaml_node *node, void *object)
{
	const struct items *of = items_of;
	while (of->type != row->type)
		of++;
	if (yaml_is_null(node) || !values_kind(&l->values, key, node, YAML_SEQUENCE, "a list of mappings"))
		return;
	if (node->count > (size_t)row->max) {
		(void)values_fault(&l->values, node, "'%s' has %zu items; at most %jd are taken", key, node->count,
				   (intmax_t)row->max);
		return;
	}
	char *items = arena_alloc(l->values.arena, (node->count + 1) * of->size); /* groups may become one more */
	size_t count = 0;
	for (const struct yaml_node *item = node->first; item != NULL; item = item->next) {
		void *at = items + of->size * count++;
		note_place(of->type, at, item);
		if (!values_kind(&l->values, key, item, YAML_MAPPING, "a mapping in each item"))
			continue;
		bind_defaults(l, of->prefix, at);
		push(l, item, of->prefix, at);
	}
	const void *pointer = items;
	values_store(object, row->at, &pointer, sizeof(pointer));
	values_store(object, row->at_more, &count, sizeof(count));
	if (object == l->settings && of->type == SCHEMA_LISTS)
		l->lists = (struct settings_list *)(void *)items;
	if (object == l->settings && of->type == SCHEMA_GROUPS)
		l->groups = (struct settings_group *)(void *)items;
}

static void bind_member(struct loader *l, const struct pending *p, const struct schema_key *row, const struct yaml_node *member)
{
	const char *key = schema_child(row, p->prefix);
	void *object = p->object;
	if (member->again) {
		if (l->spare == NULL)
			l->spare = arena_alloc(l->values.arena, sizeof(union object));
		object = l->spare;
	}
	bool known = false;
	switch (row->type) {
	case SCHEMA_SECTION:
		if (member->kind == YAML_SEQUENCE && strcmp(row->path, PREFIX_GROUPS "upstream") == 0) {
			row = schema_find(PREFIX_GROUPS "upstream.", STR_LIT("servers"));
			(void)!values_bind(&l->values, row, key, member, object);
			return;
		}
		/* A section whose keys are all commented out is null, and as good as absent. */
		if (!yaml_is_null(member) && values_kind(&l->values, key, member, YAML_MAPPING, "a mapping"))
			push(l, member, arena_printf(l->values.arena, "%s.", row->path), object);
		return;
	case SCHEMA_LISTS:
	case SCHEMA_ROUTES:
	case SCHEMA_GROUPS:
	case SCHEMA_SCHEDULE:
		bind_items(l, row, key, member, object);
		return;
	case SCHEMA_PROVENANCE:
		/* What failed is in the list of errors, which decides in the end. */
		(void)!provenance_bind(member, PROVENANCE_IN_SETTINGS, l->values.shown, l->values.arena,
				       &((struct settings_list *)object)->provenance, l->values.errors, &known);
		must(known);
		return;
	case SCHEMA_WORD:
	case SCHEMA_BOOL:
	case SCHEMA_SECONDS:
	case SCHEMA_PERCENT:
	case SCHEMA_MS:
	case SCHEMA_RATE:
	case SCHEMA_SPECIALS:
	case SCHEMA_SECRETS:
	case SCHEMA_SIZE:
	case SCHEMA_WORKERS:
	case SCHEMA_COUNT:
	case SCHEMA_TEXT:
	case SCHEMA_TEXTS:
	case SCHEMA_LANGUAGE:
	case SCHEMA_LIST_NAME:
	case SCHEMA_URL:
	case SCHEMA_PATH:
	case SCHEMA_LISTEN:
	case SCHEMA_HTTP:
	case SCHEMA_SERVERS:
	case SCHEMA_PREFIXES:
	case SCHEMA_CLIENTS:
	case SCHEMA_DAYS:
	case SCHEMA_HOURS:
	case SCHEMA_DATES:
	case SCHEMA_TIME_ZONE:
	case SCHEMA_ADDRESSES:
	case SCHEMA_ZONE:
	case SCHEMA_NAMES:
	case SCHEMA_WORDS:
	case SCHEMA_KEY:
	case SCHEMA_ROUTE_ZONES:
	case SCHEMA_RECORD_PART:
	case SCHEMA_RECORDS:
	case SCHEMA_HOSTS:
	case SCHEMA_SAFE_SEARCH:
		(void)!values_bind(&l->values, row, key, member, object);
		return;
	}
}

/* Where a list is: of a file or of a url; and the keys that mean something for a fetched list alone. */
static void check_source_keys(const struct loader *l, const struct yaml_node *item)
{
	static const char *const keys[] = {"refresh", "max-change", "signature"};
	const struct yaml_node *file = yaml_get(item, "file"), *url = yaml_get(item, "url");
	if (file == NULL && url == NULL) {
		(void)values_fault(&l->values, item, "'file' or 'url' is missing here");
	} else if (file != NULL && url != NULL) {
		(void)values_fault(&l->values, url->begin > file->begin ? url->key : file->key,
				   "a list has a 'file' or a 'url', not both");
	}
	for (size_t i = 0; i < ARRAY_LEN(keys) && file != NULL && url == NULL; i++) {
		const struct yaml_node *node = yaml_get(item, keys[i]);
		if (node != NULL)
			(void)values_fault(&l->values, node->key, "'%s' is for a list with a 'url'; this one has a 'file'",
					   keys[i]);
	}
}

static void check_list_item(const struct loader *l, const struct yaml_node *item)
{
	check_source_keys(l, item);
	/* What the file says is not known here: only what both stand here can be wrong. */
	(void)!provenance_codes_fit(item, NULL, l->values.shown, l->values.errors);
}

static void bind_mapping(struct loader *l, const struct pending *p)
{
	for (const struct yaml_node *member = p->node->first; member != NULL; member = member->next) {
		const struct schema_key *row = schema_find(p->prefix, member->key->text);
		if (row == NULL)
			unknown_key(l, p, member->key);
		else
			bind_member(l, p, row, member);
	}
	if (strcmp(p->prefix, PREFIX_ROUTES) == 0 && yaml_get(p->node, "zone") == NULL && yaml_get(p->node, "zones") == NULL)
		(void)values_fault(&l->values, p->node, "'zone' is missing here");
	for (size_t i = 0; i < schema_key_count; i++) {
		const char *key = schema_keys[i].required ? schema_child(&schema_keys[i], p->prefix) : NULL;
		if (key != NULL && yaml_get(p->node, key) == NULL)
			(void)values_fault(&l->values, p->node, "'%s' is missing here", key);
	}
	if (strcmp(p->prefix, PREFIX_LISTS) == 0)
		check_list_item(l, p->node);
}

static const struct yaml_node *get(const struct yaml_node *root, const char *section, const char *key)
{
	return yaml_get(yaml_get(root, section), key);
}

/* Values that are good alone and not together. The place is that of the one that was said. */
static void check_ttls(const struct loader *l, const struct yaml_node *root)
{
	const struct settings *s = l->settings;
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
		(void)values_fault(&l->values, max != NULL ? max : min, "'%s' (%s) is less than 'min-ttl' (%s)", upper[i].key, high,
				   low);
	}
}

static void check_addresses(const struct loader *l, const struct yaml_node *root)
{
	static const char sentence[] = "answer: address needs 'addresses' under 'block'";
	const struct settings *s = l->settings;
	if (s->address_count > 0)
		return;
	const struct yaml_node *addresses = get(root, "block", "addresses");
	if (addresses != NULL && (addresses->kind != YAML_SEQUENCE || addresses->count > 0))
		return; /* they were said, and are faulty: that is reported */
	if (s->block_answer == ANSWER_ADDRESS)
		(void)values_fault(&l->values, get(root, "block", "answer"), "%s", sentence);
	size_t i = 0;
	const struct yaml_node *lists = s->list_count > 0 ? yaml_get(root, "lists") : NULL;
	for (const struct yaml_node *item = lists != NULL ? lists->first : NULL; item != NULL; item = item->next, i++) {
		if (s->lists[i].has_answer && s->lists[i].answer == ANSWER_ADDRESS)
			(void)values_fault(&l->values, yaml_get(item, "answer"), "%s", sentence);
	}
}

static void check_list_names(const struct loader *l, const struct yaml_node *root)
{
	const struct settings *s = l->settings;
	const struct yaml_node *lists = s->list_count > 0 ? yaml_get(root, "lists") : NULL;
	size_t i = 0;
	for (const struct yaml_node *item = lists != NULL ? lists->first : NULL; item != NULL; item = item->next, i++) {
		for (size_t j = 0; j < i && s->lists[i].name != NULL; j++) {
			if (s->lists[j].name == NULL || strcmp(s->lists[i].name, s->lists[j].name) != 0)
				continue;
			(void)values_fault(&l->values, yaml_get(item, "name"), "the list in line %u is called '%s' too",
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
static void finish_signature(const struct loader *l, const struct yaml_node *item, struct settings_list *list)
{
	const struct yaml_node *said = yaml_get(item, "signature");
	if (said != NULL && list->key == NULL && yaml_get(item, "key") == NULL)
		(void)values_fault(&l->values, said->key, "'signature' is for a list with a 'key'");
	if (list->key == NULL) {
		list->signature_url = NULL;
		return;
	}
	if (list->url == NULL) {
		list->signature = arena_printf(l->values.arena, "%s" SETTINGS_SIGNATURE_TAIL, list->file);
		list->signature_shown = arena_printf(l->values.arena, "%s" SETTINGS_SIGNATURE_TAIL, list->file_shown);
		return;
	}
	if (list->signature_url == NULL)
		list->signature_url = arena_printf(l->values.arena, "%s" SETTINGS_SIGNATURE_TAIL, list->url);
	list->signature_shown = list->signature_url;
	list->signature = arena_printf(l->values.arena, "%s/" SETTINGS_FETCHED "/%s@minisig", l->settings->state, list->name);
}

/* What follows from where a list is. */
static void finish_source(const struct loader *l, const struct yaml_node *item, struct settings_list *list)
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
		list->file = arena_printf(l->values.arena, "%s/" SETTINGS_FETCHED "/%s", l->settings->state, list->name);
	else
		(void)values_fault(&l->values, yaml_get(item, "name"),
				   "'%s' can't name a list with a 'url', whose copy is kept under its name: no '.' in front and no "
				   "'.json' behind",
				   list->name);
}

static void finish_sources(const struct loader *l, const struct yaml_node *root)
{
	struct settings_list *lists = l->lists;
	const struct yaml_node *node = lists != NULL && l->settings->list_count > 0 ? yaml_get(root, "lists") : NULL;
	for (const struct yaml_node *item = node != NULL ? node->first : NULL; item != NULL; item = item->next, lists++) {
		if (item->kind != YAML_MAPPING)
			continue;
		finish_source(l, item, lists);
		if (lists->file != NULL && lists->name != NULL)
			finish_signature(l, item, lists);
	}
}

/* A route for each zone: who asks by them need not know how they were written. */
static void finish_routes(const struct loader *l)
{
	struct settings *s = l->settings;
	size_t count = 0, written = 0;
	char text[NAME_TEXT_MAX];
	for (size_t i = 0; i < s->route_item_count; i++)
		written += s->route_items[i].zone_count;
	struct settings_route *routes =
	    arena_alloc(l->values.arena, (MIN(written, (size_t)SETTINGS_ZONES_MAX) + 1) * sizeof(*routes));
	for (size_t i = 0; i < s->route_item_count; i++) {
		const struct settings_route_item *item = &s->route_items[i];
		for (size_t k = 0; k < item->zone_count; k++) {
			const struct settings_zone *zone = &item->zones[k];
			size_t j = 0;
			while (j < count && !name_eq(&routes[j].zone, &zone->name))
				j++;
			if (j < count)
				err_list_add_at(l->values.errors, l->values.shown, zone->line, zone->column,
						"the zone '%s' has a route already", name_to_text(&zone->name, text));
			else if (count == SETTINGS_ZONES_MAX)
				err_list_add_at(l->values.errors, l->values.shown, zone->line, zone->column,
						"all routes together have more than %d zones", SETTINGS_ZONES_MAX);
			else
				routes[count++] = (struct settings_route){
				    .zone = zone->name, .servers = item->servers, .server_count = item->server_count};
		}
	}
	s->routes = routes;
	s->route_count = count;
}

static void check_servers(const struct loader *l, const struct endpoint *servers, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (settings_is_self(l->settings, &servers[i].addr))
			err_list_add_at(l->values.errors, l->values.shown, servers[i].line, servers[i].column,
					"'%s' is where saringd itself listens: it would ask itself", servers[i].text);
	}
}

static void check_endpoints(const struct loader *l)
{
	const struct settings *s = l->settings;
	for (size_t i = 0; i < s->listen_count; i++) {
		const struct endpoint *e = &s->listen[i];
		for (size_t j = 0; j < i && addr_port(&e->addr) != 0; j++) {
			if (addr_eq(&e->addr, &s->listen[j].addr)) {
				err_list_add_at(l->values.errors, l->values.shown, e->line, e->column, "'%s' stands here twice",
						e->text);
				break;
			}
		}
	}
	check_servers(l, s->servers, s->server_count);
	for (size_t r = 0; r < s->route_item_count; r++)
		check_servers(l, s->route_items[r].servers, s->route_items[r].server_count);
	for (size_t g = 0; g < s->group_count; g++)
		check_servers(l, s->groups[g].servers, s->groups[g].server_count);
}

/* The directory of the running process in front of a relative path: the daemon may change its directory later. */
static char *absolute_path(const char *path, struct arena *arena)
{
	char here[4096];
	if (path[0] == '/' || getcwd(here, sizeof(here)) == NULL)
		return arena_strdup(arena, path);
	return arena_printf(arena, "%s/%s", strcmp(here, "/") == 0 ? "" : here, path);
}

/* A group that says nothing has what is said for all. */
static void finish_safe_search(const struct loader *l)
{
	struct settings *s = l->settings;
	s->any_safe_search = s->safe_search != 0;
	for (size_t i = 0; l->groups != NULL && i < s->group_count; i++) {
		struct settings_group *group = &l->groups[i];
		if (!group->has_safe_search)
			group->safe_search = s->safe_search;
		s->any_safe_search |= group->safe_search != 0;
	}
}

static void bind_file(struct loader *l, struct str text, struct arena *tree)
{
	static const struct yaml_limits limits = {.bytes = SETTINGS_BYTES_MAX, .nodes = SETTINGS_NODES_MAX};
	const struct yaml_node *root = yaml_parse(text, l->values.shown, &limits, tree, l->values.errors);
	if (root == NULL)
		return;
	if (root->kind != YAML_MAPPING) {
		(void)values_fault(&l->values, root, "this file takes a mapping ('key: value'), not %s", yaml_kind_word(root));
		return;
	}
	push(l, root, "", l->settings);
	for (const struct pending *p = l->first; p != NULL; p = p->next)
		bind_mapping(l, p);
	check_ttls(l, root);
	check_addresses(l, root);
	check_list_names(l, root);
	finish_sources(l, root);
	if (l->settings->group_count > 0)
		groups_finish(&l->values, yaml_get(root, "groups"), l->settings, l->groups);
	check_endpoints(l);
	finish_routes(l);
	finish_safe_search(l);
}

/* Which special names are answered here. */
static void finish_names(struct settings *s)
{
	for (size_t i = 0; i < special_count; i++)
		s->special_on[i] = specials[i].when == SPECIAL_ON_WISH ? s->names_deny[i] : !s->names_forward[i];
	special_index_make(s->special_on, &s->special);
}

/* Returns whether there was no fault; the settings in either case. */
static bool parse(struct str text, const char *path, struct err_list *errors, struct settings **ret)
{
	struct settings *s = base_alloc(sizeof(*s));
	struct arena tree = {0};
	size_t before = errors->count, swallowed = errors->swallowed;
	struct loader l = {.settings = s};
	s->path = arena_strdup(&s->arena, path);
	l.values = (struct values){.shown = s->path, .base = absolute_path(path, &s->arena), .arena = &s->arena, .errors = errors};
	bind_defaults(&l, "", s);
	for (size_t i = 0; i < schema_key_count; i++) {
		if (schema_keys[i].type == SCHEMA_SECTION)
			bind_defaults(&l, arena_printf(&s->arena, "%s.", schema_keys[i].path), s);
	}
	bind_file(&l, text, &tree);
	finish_names(s);
	if (s->query_log_file == NULL)
		s->query_log_file = arena_printf(&s->arena, "%s/" QLOG_FILE, s->state);
	arena_finish(&tree);
	yaml_sort_errors(errors, before);
	*ret = s;
	return errors->count == before && errors->swallowed == swallowed;
}

struct settings *settings_parse(struct str text, const char *path, struct err_list *errors)
{
	struct settings *s = NULL;
	if (parse(text, path, errors, &s))
		return s;
	settings_destroy(s);
	return NULL;
}

/* The lists of `from` that can be found, with what names them and nothing else. */
static void take_lists(struct settings *s, const struct settings *from)
{
	struct settings_list *lists = arena_alloc(&s->arena, (from->list_count + 1) * sizeof(*lists));
	for (size_t i = 0; i < from->list_count; i++) {
		const struct settings_list *l = &from->lists[i];
		if (l->name == NULL || l->file == NULL || l->file_shown == NULL)
			continue;
		struct minisign_key *key = l->key != NULL ? arena_alloc(&s->arena, sizeof(*key)) : NULL;
		if (key != NULL)
			*key = *l->key;
		lists[s->list_count++] = (struct settings_list){.name = arena_strdup(&s->arena, l->name),
								.file = arena_strdup(&s->arena, l->file),
								.file_shown = arena_strdup(&s->arena, l->file_shown),
								.url = l->url != NULL ? arena_strdup(&s->arena, l->url) : NULL,
								.key_text = arena_strdup(&s->arena, l->key_text),
								.signature = arena_strdup(&s->arena, l->signature),
								.signature_shown = arena_strdup(&s->arena, l->signature_shown),
								.key = key,
								.format = l->format,
								.may_allow = l->may_allow,
								.has_action = l->has_action,
								.action = l->action,
								.mode = l->mode,
								.line = l->line,
								.column = l->column};
	}
	s->lists = lists;
}

struct settings *settings_parse_faulty(struct str text, const char *path, struct err_list *errors)
{
	struct settings *read = NULL, *s = NULL;
	if (parse(text, path, errors, &read))
		return read;
	must(parse(STR_LIT(""), path, errors, &s));
	take_lists(s, read);
	settings_destroy(read);
	return s;
}

struct settings *settings_load(const char *path, struct err_list *errors)
{
	struct buf text = {0};
	struct err err = {0};
	struct settings *s = NULL;
	if (!file_read(path, SETTINGS_BYTES_MAX, &text, &err))
		err_list_add(errors, &err);
	else
		s = settings_parse(buf_str(&text), path, errors);
	buf_finish(&text);
	return s;
}

void settings_destroy(struct settings *s)
{
	if (s == NULL)
		return;
	struct arena arena = s->arena;
	arena_finish(&arena);
	free(s);
}
