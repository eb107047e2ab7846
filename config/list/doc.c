/* SPDX-License-Identifier: BSD-2-Clause */
#include "list/doc.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "settings/provenance.h"
#include "settings/values.h"
#include "settings/yaml.h"

#define POOL_CHUNK ((size_t)64 * 1024)
#define KEYS_MAX 32

const struct yaml_limits list_limits = {.bytes = LIST_BYTES_MAX, .nodes = LIST_NODES_MAX};

struct binder {
	struct list *list;
	struct err_list *errors;
	struct values values;
	/* Texts and names lie side by side, unaligned: a million of them in the arena's own steps of 16 would cost half as much
	 * again. */
	char *pool;
	size_t pool_left;
	size_t regex_count;
	const struct provenance *last; /* of the entry before: neighbours mostly say the same, and share it */
	bool has_sub_errors;	       /* some entry says one */
	bool faulty;
};

static void fault(struct binder *b, const struct yaml_node *at, const char *fmt, ...) PRINTF_LIKE(3, 4);
static void fault(struct binder *b, const struct yaml_node *at, const char *fmt, ...)
{
	char text[512];
	va_list args;
	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	err_list_add_at(b->errors, b->list->shown, at->line, at->column, "%s", text);
	b->faulty = true;
}

static char *pool_put(struct binder *b, const void *bytes, size_t len)
{
	if (len > b->pool_left) {
		b->pool_left = MAX(len, POOL_CHUNK);
		b->pool = arena_alloc(&b->list->arena, b->pool_left);
	}
	char *put = b->pool;
	memcpy(put, bytes, len);
	b->pool += len;
	b->pool_left -= len;
	return put;
}

static void fault_unknown_key(struct binder *b, const struct yaml_node *key, const char *const *own, size_t own_count)
{
	const char *words[KEYS_MAX];
	size_t count = 0;
	for (; count < own_count && count < KEYS_MAX; count++)
		words[count] = own[count];
	for (const char *const *more = provenance_keys(PROVENANCE_IN_LIST); *more != NULL && count < KEYS_MAX; more++)
		words[count++] = *more;
	char shown[128];
	/* the nearest word costs more than all else; what is only counted needs none */
	const char *nearest = err_list_is_full(b->errors) ? NULL : str_nearest(key->text, words, count);
	str_escape(key->text, true, shown, sizeof(shown));
	if (nearest != NULL)
		fault(b, key, "unknown key '%s'; did you mean '%s'?", shown, nearest);
	else
		fault(b, key, "unknown key '%s'", shown);
}

/* A name that holds one of these in its last label was meant as something else: no such top-level domain can be. */
static bool looks_like_url(struct str text)
{
	for (size_t i = 0; i + 3 <= text.len; i++) {
		if (memcmp(text.ptr + i, "://", 3) == 0)
			return true;
	}
	size_t end = text.len > 1 && text.ptr[text.len - 1] == '.' ? text.len - 1 : text.len;
	for (size_t i = end; i > 0 && text.ptr[i - 1] != '.'; i--) {
		char c = text.ptr[i - 1];
		if ((c == '/' || c == ':' || c == '@' || c == '?') && !(i > 1 && text.ptr[i - 2] == '\\'))
			return true;
	}
	return false;
}

/* What is wrong with it before it is read as a name; NULL: nothing. */
static const char *not_a_name(struct str text)
{
	if (text.len > 2 && text.ptr[0] == '*' && text.ptr[1] == '.')
		return ": write the name without '*.', and 'match: subdomains' for the names below it";
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] == '*' && (i == 0 || text.ptr[i - 1] != '\\'))
			return ": '*' is no wildcard here; write a 'regex:' instead";
	}
	return looks_like_url(text) ? " is not a name alone; leave out scheme, port and path" : NULL;
}

bool list_name_from_text(struct str text, struct name *ret, struct err *err)
{
	char shown[256];
	if (text.len == 0)
		return err_set(err, ERR_INPUT, "a name is missing here");
	const char *why = not_a_name(text);
	if (why != NULL)
		return err_set(err, ERR_INPUT, "'%s'%s", str_escape(text, true, shown, sizeof(shown)), why);
	if (!name_from_text(text, ret, err))
		return err_context(err, "'%s'", str_escape(text, true, shown, sizeof(shown)));
	return true;
}

static void bind_name(struct binder *b, const struct yaml_node *value, struct list_entry *entry)
{
	struct name name = {0};
	struct err err = {0};
	if (!list_name_from_text(value->text, &name, &err)) {
		fault(b, value, "%s", err.text);
		return;
	}
	entry->name = (const uint8_t *)pool_put(b, name.wire, name.len);
	entry->name_len = name.len;
}

static void bind_regex(struct binder *b, const struct yaml_node *value, struct list_entry *entry)
{
	entry->match = MATCH_REGEX;
	if (value->text.len == 0)
		fault(b, value, "an empty regular expression would match every name");
	else if (value->text.len > LIST_REGEX_LEN_MAX)
		fault(b, value, "a regular expression of %zu bytes; at most %d are taken", value->text.len, LIST_REGEX_LEN_MAX);
	if (value->text.len == 0 || value->text.len > LIST_REGEX_LEN_MAX)
		entry->text = NULL; /* nothing to compile */
	if (++b->regex_count == LIST_REGEX_MAX + 1)
		fault(b, value, "more than %d regular expressions in one list", LIST_REGEX_MAX);
}

static void bind_subject(struct binder *b, const struct yaml_node *value, bool is_regex, struct list_entry *entry)
{
	if (value->kind != YAML_SCALAR) {
		fault(b, value, "'%s' must be text, not %s", value->key->text.ptr, yaml_kind_word(value));
		return;
	}
	entry->line = value->line;
	entry->column = value->column;
	entry->text = pool_put(b, value->text.ptr, value->text.len + 1);
	if (is_regex)
		bind_regex(b, value, entry);
	else
		bind_name(b, value, entry);
}

static bool text_eq(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool provenance_eq(const struct provenance *a, const struct provenance *b)
{
	if (a->contact_count != b->contact_count || a->has_code != b->has_code || (a->has_code && a->code != b->code) ||
	    a->has_sub_error != b->has_sub_error || (a->has_sub_error && a->sub_error != b->sub_error))
		return false;
	for (size_t i = 0; i < a->contact_count; i++) {
		if (!text_eq(a->contact[i], b->contact[i]))
			return false;
	}
	return text_eq(a->authority, b->authority) && text_eq(a->reason, b->reason) && text_eq(a->reference, b->reference) &&
	       text_eq(a->added, b->added) && text_eq(a->review, b->review) && text_eq(a->expires, b->expires) &&
	       text_eq(a->lifted, b->lifted) && text_eq(a->lifted_by, b->lifted_by) && text_eq(a->lift_reason, b->lift_reason) &&
	       text_eq(a->lift_reference, b->lift_reference) && text_eq(a->organization, b->organization) &&
	       text_eq(a->language, b->language);
}

static const struct provenance *share_provenance(struct binder *b, const struct provenance *said)
{
	static const struct provenance nothing;
	if (provenance_eq(said, &nothing))
		return NULL;
	if (b->last == NULL || !provenance_eq(said, b->last)) {
		struct provenance *own = arena_alloc(&b->list->arena, sizeof(*own));
		*own = *said;
		b->last = own;
	}
	return b->last;
}

static void bind_entry_match(struct binder *b, const struct yaml_node *value, struct list_entry *entry)
{
	static const char *const words[] = {"exact", "subtree", "subdomains", NULL}; /* enum match without MATCH_REGEX */
	int match = 0;
	entry->has_match = true;
	if (value->kind == YAML_SCALAR && str_eq_c(value->text, "regex"))
		fault(b, value, "a regular expression is written with 'regex:' in place of 'domain:'");
	else if (!values_word(&b->values, "match", value, words, &match))
		b->faulty = true;
	else
		entry->match = (enum match)match;
}

static void bind_entry_mode(struct binder *b, const struct yaml_node *value, struct list_entry *entry)
{
	static const char *const words[] = {"enforce", "shadow", NULL}; /* enum mode without MODE_OFF */
	int mode = MODE_ENFORCE;
	b->faulty |= !values_word(&b->values, "mode", value, words, &mode);
	entry->mode = (enum mode)mode;
}

/* A key that stands in its entry a second time holds nothing, but may have faults of its own. */
static void bind_entry_again(struct binder *b, const struct yaml_node *value)
{
	struct list_entry spare = {0};
	struct provenance said = {0};
	bool known = false;
	if (str_eq_c(value->key->text, "domain") || str_eq_c(value->key->text, "regex"))
		bind_subject(b, value, str_eq_c(value->key->text, "regex"), &spare);
	else if (str_eq_c(value->key->text, "match"))
		bind_entry_match(b, value, &spare);
	else if (str_eq_c(value->key->text, "mode"))
		bind_entry_mode(b, value, &spare);
	else
		b->faulty |= !provenance_bind(value, PROVENANCE_IN_LIST, b->list->shown, &b->list->arena, &said, b->errors, &known);
}

static void bind_entry_mapping(struct binder *b, const struct yaml_node *item, struct list_entry *entry)
{
	static const char *const own_keys[] = {"domain", "regex", "match", "mode"};
	const struct yaml_node *domain = NULL, *regex = NULL, *match = NULL;
	struct provenance said = {0};
	for (const struct yaml_node *value = item->first; value != NULL; value = value->next) {
		bool known = false;
		if (value->again)
			bind_entry_again(b, value);
		else if (str_eq_c(value->key->text, "domain"))
			domain = value;
		else if (str_eq_c(value->key->text, "regex"))
			regex = value;
		else if (str_eq_c(value->key->text, "match"))
			match = value;
		else if (str_eq_c(value->key->text, "mode"))
			bind_entry_mode(b, value, entry);
		else if (!provenance_bind(value, PROVENANCE_IN_LIST, b->list->shown, &b->list->arena, &said, b->errors, &known))
			b->faulty = true;
		else if (!known)
			fault_unknown_key(b, value->key, own_keys, ARRAY_LEN(own_keys));
	}
	b->has_sub_errors |= said.has_sub_error;
	entry->provenance = share_provenance(b, &said);
	if (match != NULL)
		bind_entry_match(b, match, entry);
	if (domain != NULL)
		bind_subject(b, domain, false, entry);
	if (regex != NULL && domain == NULL)
		bind_subject(b, regex, true, entry);
	if (domain != NULL && regex != NULL)
		fault(b, regex->key, "an entry has either 'domain' or 'regex', not both");
	else if (domain == NULL && regex == NULL)
		fault(b, item, "this entry says neither 'domain' nor 'regex'");
	else if (regex != NULL && match != NULL)
		fault(b, match->key, "'match' does not go with 'regex': the expression itself says what it matches");
}

static void bind_entry(struct binder *b, const struct yaml_node *item, struct list_entry *entry)
{
	entry->match = MATCH_SUBTREE;
	entry->line = item->line;
	entry->column = item->column;
	switch (item->kind) {
	case YAML_SCALAR:
		entry->text = pool_put(b, item->text.ptr, item->text.len + 1);
		bind_name(b, item, entry);
		return;
	case YAML_MAPPING:
		bind_entry_mapping(b, item, entry);
		return;
	case YAML_SEQUENCE:
		fault(b, item, "an entry is a name or a mapping, not a list");
		return;
	}
}

/* Only entries that match something are kept: the others would mean nothing to a compiler. list is b's, or spare. */
static void bind_entries(struct binder *b, const struct yaml_node *value, struct list *list)
{
	if (yaml_is_null(value))
		return;
	if (value->kind != YAML_SEQUENCE) {
		fault(b, value, "'entries' must be a list, not %s", yaml_kind_word(value));
		return;
	}
	if (value->count == 0)
		return;
	list->entries = arena_alloc(&b->list->arena, value->count * sizeof(struct list_entry));
	list->entry_count = 0; /* `entries` that stand a third time have their own room too */
	for (const struct yaml_node *item = value->first; item != NULL; item = item->next) {
		struct list_entry entry = {0};
		bind_entry(b, item, &entry);
		if (entry.name != NULL || (entry.match == MATCH_REGEX && entry.text != NULL))
			list->entries[list->entry_count++] = entry;
	}
}

static void bind_top(struct binder *b, const struct yaml_node *root)
{
	static const char *const own_keys[] = {"title", "action", "entries"};
	struct list spare = {0}; /* for keys that stand again; it owns nothing, all is in the list's arena */
	for (const struct yaml_node *value = root->first; value != NULL; value = value->next) {
		struct list *list = value->again ? &spare : b->list;
		bool known = false;
		if (str_eq_c(value->key->text, "entries")) {
			bind_entries(b, value, list);
		} else if (str_eq_c(value->key->text, "title")) {
			b->faulty |= !values_text(&b->values, "title", value, PROVENANCE_TEXT_MAX, &list->title);
		} else if (str_eq_c(value->key->text, "action")) {
			int action = ACTION_BLOCK;
			list->has_action = values_word(&b->values, "action", value, action_words, &action);
			list->action = (enum action)action;
			b->faulty |= !list->has_action;
		} else if (!provenance_bind(value, PROVENANCE_IN_LIST, b->list->shown, &b->list->arena, &list->provenance,
					    b->errors, &known)) {
			b->faulty = true;
		} else if (!known) {
			fault_unknown_key(b, value->key, own_keys, ARRAY_LEN(own_keys));
		}
	}
}

/* Sub-errors against codes, once all is read: the file's code may stand below its entries. */
static void check_codes(struct binder *b, const struct yaml_node *root)
{
	const struct provenance *file = &b->list->provenance;
	const struct yaml_node *entries = yaml_get(root, "entries");
	b->faulty |= !provenance_codes_fit(root, NULL, b->list->shown, b->errors);
	if (!b->has_sub_errors || entries == NULL || entries->kind != YAML_SEQUENCE)
		return;
	for (const struct yaml_node *item = entries->first; item != NULL; item = item->next) {
		if (item->kind == YAML_MAPPING)
			b->faulty |= !provenance_codes_fit(item, file->has_code ? &file->code : NULL, b->list->shown, b->errors);
	}
}

/* Returns whether there was no fault; what could be read in either case. */
static bool bind_tree(const struct yaml_node *root, const char *path, const char *shown, struct err_list *errors, struct list **ret)
{
	struct list *list = base_alloc(sizeof(*list));
	struct binder b = {.list = list, .errors = errors};
	list->path = arena_strdup(&list->arena, path);
	list->shown = arena_strdup(&list->arena, shown);
	b.values = (struct values){.shown = list->shown, .base = list->path, .arena = &list->arena, .errors = errors};
	if (root->kind == YAML_MAPPING) {
		bind_top(&b, root);
		check_codes(&b, root);
	} else {
		fault(&b, root, "a list file is a mapping with 'entries:' in it, not %s", yaml_kind_word(root));
	}
	*ret = list;
	return !b.faulty;
}

struct list *list_from_tree(const struct yaml_node *root, const char *path, const char *shown, struct err_list *errors)
{
	struct list *list = NULL;
	size_t first = errors->count;
	if (bind_tree(root, path, shown, errors, &list))
		return list;
	yaml_sort_errors(errors, first);
	list_destroy(list);
	return NULL;
}

/* Returns whether there was no fault; what could be read, or NULL, in either case. */
static bool parse(struct str text, const char *path, const char *shown, struct err_list *errors, struct list **ret)
{
	struct arena arena = {0};
	size_t first = errors->count, swallowed = errors->swallowed;
	const struct yaml_node *root = yaml_parse(text, shown, &list_limits, &arena, errors);
	bool good = root != NULL && bind_tree(root, path, shown, errors, ret);
	arena_finish(&arena);
	yaml_sort_errors(errors, first);
	return good && errors->count == first && errors->swallowed == swallowed;
}

struct list *list_parse(struct str text, const char *path, const char *shown, struct err_list *errors)
{
	struct list *list = NULL;
	if (parse(text, path, shown, errors, &list))
		return list;
	list_destroy(list);
	return NULL;
}

struct list *list_load(const char *path, const char *shown, struct err_list *errors)
{
	struct buf text = {0};
	struct err err = {0};
	struct list *list = NULL;
	if (file_read(path, LIST_BYTES_MAX, &text, &err))
		list = list_parse(buf_str(&text), path, shown, errors);
	else
		err_list_add(errors, &err);
	buf_finish(&text);
	return list;
}

char *list_shown(const struct settings *settings, const struct settings_list *list)
{
	return list->url != NULL ? base_strdup(list->url) : file_path_beside(settings->path, list->file_shown);
}

struct list *list_load_named(const struct settings *settings, size_t index, struct err_list *errors)
{
	const struct settings_list *named = &settings->lists[index];
	struct buf text = {0};
	struct err err = {0};
	struct list *list = NULL;
	char *shown = list_shown(settings, named);
	if (!file_read(named->file, LIST_BYTES_MAX, &text, &err))
		err_list_add_at(errors, settings->path, named->line, named->column, "list '%s': %s", named->name, err.text);
	else
		(void)!parse(buf_str(&text), named->file, shown, errors, &list);
	free(shown);
	buf_finish(&text);
	return list;
}

void list_destroy(struct list *list)
{
	if (list == NULL)
		return;
	arena_finish(&list->arena);
	free(list);
}
