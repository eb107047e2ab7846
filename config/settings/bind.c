/* SPDX-License-Identifier: BSD-2-Clause */
#include "settings/bind.h"

#include <string.h>

#include "settings/provenance.h"
#include "settings/schema.h"

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

struct binder {
	const struct values *values;
	struct settings *settings;
	struct bind_arrays *arrays; /* those of the settings */
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

static void push(struct binder *b, const struct yaml_node *node, const char *prefix, void *object)
{
	struct pending *p = arena_alloc(b->values->arena, sizeof(*p));
	*p = (struct pending){.node = node, .prefix = prefix, .object = object};
	if (b->last == NULL)
		b->first = p;
	else
		b->last->next = p;
	b->last = p;
}

/* Defaults are YAML text, bound as if they stood in a file: the table says them once, in the words of the manual. */
static void bind_fallbacks(const struct values *v, const char *prefix, void *object)
{
	static const struct yaml_limits limits = {.bytes = 256, .nodes = 16};
	struct arena scratch = {0};
	struct err_list errors = {0};
	struct values values = *v;
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

static void unknown_key(const struct binder *b, const struct pending *p, const struct yaml_node *key)
{
	char shown[VALUES_SHOWN_MAX], suggestion[600] = "";
	if (!err_list_is_full(b->values->errors)) /* what is only counted needs no advice, which is dear */
		schema_suggest(p->prefix, key->text, suggestion, sizeof(suggestion));
	(void)values_fault(b->values, key, "unknown key '%s'%s", values_shown(key, shown), suggestion);
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
static void bind_items(struct binder *b, const struct schema_key *row, const char *key, const struct yaml_node *node, void *object)
{
	const struct items *of = items_of;
	while (of->type != row->type)
		of++;
	if (yaml_is_null(node) || !values_kind(b->values, key, node, YAML_SEQUENCE, "a list of mappings"))
		return;
	if (node->count > (size_t)row->max) {
		(void)values_fault(b->values, node, "'%s' has %zu items; at most %jd are taken", key, node->count,
				   (intmax_t)row->max);
		return;
	}
	char *items = arena_alloc(b->values->arena, (node->count + 1) * of->size); /* groups may become one more */
	size_t count = 0;
	for (const struct yaml_node *item = node->first; item != NULL; item = item->next) {
		void *at = items + of->size * count++;
		note_place(of->type, at, item);
		if (!values_kind(b->values, key, item, YAML_MAPPING, "a mapping in each item"))
			continue;
		bind_fallbacks(b->values, of->prefix, at);
		push(b, item, of->prefix, at);
	}
	const void *pointer = items;
	values_store(object, row->at, &pointer, sizeof(pointer));
	values_store(object, row->at_more, &count, sizeof(count));
	if (object == b->settings && of->type == SCHEMA_LISTS)
		b->arrays->lists = (struct settings_list *)(void *)items;
	if (object == b->settings && of->type == SCHEMA_GROUPS)
		b->arrays->groups = (struct settings_group *)(void *)items;
}

static void bind_member(struct binder *b, const struct pending *p, const struct schema_key *row, const struct yaml_node *member)
{
	const char *key = schema_child(row, p->prefix);
	void *object = p->object;
	if (member->again) {
		if (b->spare == NULL)
			b->spare = arena_alloc(b->values->arena, sizeof(union object));
		object = b->spare;
	}
	bool known = false;
	switch (row->type) {
	case SCHEMA_SECTION:
		if (member->kind == YAML_SEQUENCE && strcmp(row->path, PREFIX_GROUPS "upstream") == 0) {
			row = schema_find(PREFIX_GROUPS "upstream.", STR_LIT("servers"));
			(void)!values_bind(b->values, row, key, member, object);
			return;
		}
		/* A section whose keys are all commented out is null, and as good as absent. */
		if (!yaml_is_null(member) && values_kind(b->values, key, member, YAML_MAPPING, "a mapping"))
			push(b, member, arena_printf(b->values->arena, "%s.", row->path), object);
		return;
	case SCHEMA_LISTS:
	case SCHEMA_ROUTES:
	case SCHEMA_GROUPS:
	case SCHEMA_SCHEDULE:
		bind_items(b, row, key, member, object);
		return;
	case SCHEMA_PROVENANCE:
		/* What failed is in the list of errors, which decides in the end. */
		(void)!provenance_bind(member, PROVENANCE_IN_SETTINGS, b->values->shown, b->values->arena,
				       &((struct settings_list *)object)->provenance, b->values->errors, &known);
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
		(void)!values_bind(b->values, row, key, member, object);
		return;
	}
}

/* Where a list is: of a file or of a url; and the keys that mean something for a fetched list alone. */
static void check_source_keys(const struct binder *b, const struct yaml_node *item)
{
	static const char *const keys[] = {"refresh", "max-change", "signature"};
	const struct yaml_node *file = yaml_get(item, "file"), *url = yaml_get(item, "url");
	if (file == NULL && url == NULL) {
		(void)values_fault(b->values, item, "'file' or 'url' is missing here");
	} else if (file != NULL && url != NULL) {
		(void)values_fault(b->values, url->begin > file->begin ? url->key : file->key,
				   "a list has a 'file' or a 'url', not both");
	}
	for (size_t i = 0; i < ARRAY_LEN(keys) && file != NULL && url == NULL; i++) {
		const struct yaml_node *node = yaml_get(item, keys[i]);
		if (node != NULL)
			(void)values_fault(b->values, node->key, "'%s' is for a list with a 'url'; this one has a 'file'", keys[i]);
	}
}

static void check_list_item(const struct binder *b, const struct yaml_node *item)
{
	check_source_keys(b, item);
	/* What the file says is not known here: only what both stand here can be wrong. */
	(void)!provenance_codes_fit(item, NULL, b->values->shown, b->values->errors);
}

static void bind_mapping(struct binder *b, const struct pending *p)
{
	for (const struct yaml_node *member = p->node->first; member != NULL; member = member->next) {
		const struct schema_key *row = schema_find(p->prefix, member->key->text);
		if (row == NULL)
			unknown_key(b, p, member->key);
		else
			bind_member(b, p, row, member);
	}
	if (strcmp(p->prefix, PREFIX_ROUTES) == 0 && yaml_get(p->node, "zone") == NULL && yaml_get(p->node, "zones") == NULL)
		(void)values_fault(b->values, p->node, "'zone' is missing here");
	for (size_t i = 0; i < schema_key_count; i++) {
		const char *key = schema_keys[i].required ? schema_child(&schema_keys[i], p->prefix) : NULL;
		if (key != NULL && yaml_get(p->node, key) == NULL)
			(void)values_fault(b->values, p->node, "'%s' is missing here", key);
	}
	if (strcmp(p->prefix, PREFIX_LISTS) == 0)
		check_list_item(b, p->node);
}

void bind_defaults(const struct values *v, struct settings *s)
{
	bind_fallbacks(v, "", s);
	for (size_t i = 0; i < schema_key_count; i++) {
		if (schema_keys[i].type == SCHEMA_SECTION)
			bind_fallbacks(v, arena_printf(v->arena, "%s.", schema_keys[i].path), s);
	}
}

void bind_tree(const struct values *v, const struct yaml_node *root, struct settings *s, struct bind_arrays *ret)
{
	struct binder b = {.values = v, .settings = s, .arrays = ret};
	*ret = (struct bind_arrays){.lists = NULL};
	push(&b, root, "", s);
	for (const struct pending *p = b.first; p != NULL; p = p->next)
		bind_mapping(&b, p);
}
