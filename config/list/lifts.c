/* SPDX-License-Identifier: BSD-2-Clause */
#include "list/lifts.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"
#include "list/quote.h"
#include "settings/provenance.h"
#include "settings/values.h"

#define LOCK_WAIT_MS 10000
#define FILE_MODE 0640
#define ENDING_BYTES 40 /* that a lift's text gets longer by when it ends: there is always room for that */
#define LIST_NAME_MAX 255
#define NODES_EACH 24 /* of one lift: keys and values, with room */

static const char head[] =
    "# What was lifted in lists that cannot be edited here. saringctl and saring-compile write this file: change it with\n"
    "# 'saringctl list lift' and 'saringctl list add'. saring-lists(5), LIFTS, says what stands in it.\n";

/* --- those in force --- */

static struct lifts *new_lifts(void)
{
	struct lifts *l = base_alloc(sizeof(*l));
	intern_init(&l->held);
	return l;
}

static void put_key(struct buf *key, const char *list, enum action action, const uint8_t *wire, size_t len)
{
	const uint8_t octet = (uint8_t)action;
	buf_add(key, list, strlen(list) + 1);
	buf_add(key, &octet, sizeof(octet));
	buf_add(key, wire, len);
}

/* An entry is lifted in a list once, or it would be counted twice. False: the item's is lifted by another one. */
static bool hold_item(struct lifts *l, size_t item)
{
	const struct lift *lift = &l->items[item];
	const uint32_t place = (uint32_t)item;
	struct buf key = {NULL, 0, 0};
	bool is_new = false;
	put_key(&key, lift->list, lift->action, lift->name, lift->name_len);
	const uint32_t number = intern_add(&l->held, key.ptr, key.len, &is_new);
	buf_finish(&key);
	if (is_new) {
		buf_add(&l->places, &place, sizeof(place));
		return true;
	}
	uint8_t *old = (uint8_t *)l->places.ptr + (size_t)number * sizeof(place);
	uint32_t other;
	memcpy(&other, old, sizeof(other));
	if (lift_holds(&l->items[other]))
		return false;
	memcpy(old, &place, sizeof(place)); /* that one has ended meanwhile */
	return true;
}

/* SIZE_MAX: none. */
static size_t find_item(const struct lifts *l, const char *list, const struct name *name, enum action action)
{
	struct buf key = {NULL, 0, 0};
	uint32_t number = 0, place = 0;
	if (l->held.slot_count == 0)
		return SIZE_MAX;
	put_key(&key, list, action, name->wire, name->len);
	const bool found = intern_find(&l->held, key.ptr, key.len, &number);
	buf_finish(&key);
	if (!found)
		return SIZE_MAX;
	memcpy(&place, l->places.ptr + (size_t)number * sizeof(place), sizeof(place));
	return lift_holds(&l->items[place]) ? place : SIZE_MAX;
}

const struct lift *lifts_find(const struct lifts *lifts, const char *list, const struct name *name, enum action action)
{
	const size_t item = find_item(lifts, list, name, action);
	return item == SIZE_MAX ? NULL : &lifts->items[item];
}

/* --- reading --- */

static struct lift *add_item(struct lifts *l)
{
	if (l->count == l->cap) {
		l->cap = l->cap * 2 + 16;
		l->items = base_realloc(l->items, l->cap * sizeof(l->items[0]));
	}
	l->items[l->count] = (struct lift){.action = ACTION_BLOCK};
	return &l->items[l->count++];
}

static void set_name(struct lifts *l, struct lift *lift, const struct name *name)
{
	char text[NAME_TEXT_MAX];
	uint8_t *wire = arena_alloc(&l->arena, name->len);
	memcpy(wire, name->wire, name->len);
	lift->name = wire;
	lift->name_len = name->len;
	lift->text = arena_strdup(&l->arena, name_to_text(name, text));
}

static bool bind_name(const struct values *v, const struct yaml_node *node, struct lifts *l, struct lift *lift)
{
	struct name name;
	struct err err = {.code = ERR_NONE};
	if (!values_scalar(v, "domain", node, "a name"))
		return false;
	if (!name_from_text(node->text, &name, &err))
		return values_fault(v, node, "%s", err.text);
	set_name(l, lift, &name);
	return true;
}

/* One member of an item. False: an error was added. */
static bool bind_member(const struct values *v, const struct yaml_node *node, struct lifts *l, struct lift *lift)
{
	static const char *const keys[] = {"list",	  "domain",	    "action",  "lifted",  "lifted-by",
					   "lift-reason", "lift-reference", "dropped", "restored"};
	const struct str key = node->key->text;
	struct provenance *p = &lift->provenance;
	int64_t unused;
	int word = 0;
	char shown[VALUES_SHOWN_MAX];
	if (str_eq_c(key, "list"))
		return values_text(v, "list", node, LIST_NAME_MAX, &lift->list);
	if (str_eq_c(key, "domain"))
		return bind_name(v, node, l, lift);
	if (str_eq_c(key, "lifted"))
		return values_time(v, "lifted", node, &p->lifted, &p->lifted_s);
	if (str_eq_c(key, "lifted-by"))
		return values_text(v, "lifted-by", node, PROVENANCE_TEXT_MAX, &p->lifted_by);
	if (str_eq_c(key, "lift-reason"))
		return values_text(v, "lift-reason", node, PROVENANCE_TEXT_MAX, &p->lift_reason);
	if (str_eq_c(key, "lift-reference"))
		return values_text(v, "lift-reference", node, PROVENANCE_TEXT_MAX, &p->lift_reference);
	if (str_eq_c(key, "dropped"))
		return values_time(v, "dropped", node, &lift->dropped, &unused);
	if (str_eq_c(key, "restored"))
		return values_time(v, "restored", node, &lift->restored, &unused);
	if (str_eq_c(key, "action")) {
		if (!values_word(v, "action", node, action_words, &word))
			return false;
		lift->action = (enum action)word;
		return true;
	}
	const char *nearest = str_nearest(key, keys, ARRAY_LEN(keys));
	(void)values_shown(node->key, shown);
	return nearest != NULL ? values_fault(v, node->key, "unknown key '%s'; did you mean '%s'?", shown, nearest)
			       : values_fault(v, node->key, "unknown key '%s'", shown);
}

static bool bind_item(const struct values *v, const struct yaml_node *item, struct lifts *l)
{
	bool good = values_kind(v, "lifts", item, YAML_MAPPING, "mappings");
	if (!good)
		return false;
	struct lift *lift = add_item(l);
	for (const struct yaml_node *node = item->first; node != NULL; node = node->next) {
		if (!node->again)
			good &= bind_member(v, node, l, lift);
	}
	if (good && (lift->list == NULL || lift->name == NULL || lift->provenance.lifted == NULL))
		return values_fault(v, item, "a lift needs 'list', 'domain' and 'lifted'");
	if (good && lift_holds(lift) && !hold_item(l, l->count - 1))
		return values_fault(v, item, "%s is lifted in this list by another one already", lift->text);
	return good;
}

static bool bind_file(const struct values *v, const struct yaml_node *root, struct lifts *l)
{
	bool good = values_kind(v, "this file", root, YAML_MAPPING, "a mapping with 'lifts:' in it");
	for (const struct yaml_node *node = good ? root->first : NULL; node != NULL; node = node->next) {
		char shown[VALUES_SHOWN_MAX];
		if (!str_eq_c(node->key->text, "lifts")) {
			good = values_fault(v, node->key, "unknown key '%s'", values_shown(node->key, shown));
			continue;
		}
		if (node->again || yaml_is_null(node))
			continue;
		if (!values_kind(v, "lifts", node, YAML_SEQUENCE, "a list")) {
			good = false;
			continue;
		}
		for (const struct yaml_node *item = node->first; item != NULL; item = item->next)
			good &= bind_item(v, item, l);
	}
	return good;
}

struct lifts *lifts_parse(struct str text, const char *shown, struct err_list *errors)
{
	static const struct yaml_limits limits = {.bytes = LIFTS_BYTES_MAX, .nodes = (size_t)LIFTS_MAX * NODES_EACH};
	struct lifts *l = new_lifts();
	struct arena tree = {0};
	const size_t before = errors->count, swallowed = errors->swallowed;
	const struct values v = {.shown = shown, .arena = &l->arena, .errors = errors};
	lifts_hash(text, l->hash);
	const struct yaml_node *root = yaml_parse(text, shown, &limits, &tree, errors);
	bool good = root != NULL && bind_file(&v, root, l) && errors->count == before && errors->swallowed == swallowed;
	yaml_sort_errors(errors, before);
	arena_finish(&tree);
	if (good)
		return l;
	lifts_destroy(l);
	return NULL;
}

struct lifts *lifts_load(const char *path, struct err_list *errors)
{
	struct buf text = {NULL, 0, 0};
	struct err err = {.code = ERR_NONE};
	struct lifts *l = NULL;
	if (file_read(path, LIFTS_BYTES_MAX, &text, &err))
		l = lifts_parse(buf_str(&text), path, errors);
	else if (err.code == ERR_NOT_FOUND)
		l = new_lifts();
	else
		err_list_add(errors, &err);
	buf_finish(&text);
	return l;
}

void lifts_destroy(struct lifts *lifts)
{
	if (lifts == NULL)
		return;
	arena_finish(&lifts->arena);
	free(lifts->items);
	intern_finish(&lifts->held);
	buf_finish(&lifts->places);
	free(lifts);
}

/* --- writing --- */

static void put(struct buf *b, struct arena *arena, const char *key, const char *text)
{
	const char *quoted = text == NULL ? NULL : quote_yaml(arena, str_from(text), false);
	if (quoted != NULL) /* what is not UTF-8 was refused when it came */
		buf_printf(b, "    %s: %s\n", key, quoted);
}

void lift_note(const struct lift *l, struct provenance *ret)
{
	ret->lifted = l->provenance.lifted;
	ret->lifted_s = l->provenance.lifted_s;
	ret->lifted_by = l->provenance.lifted_by;
	ret->lift_reason = l->provenance.lift_reason;
	ret->lift_reference = l->provenance.lift_reference;
}

void lifts_text(const struct lifts *lifts, struct buf *ret)
{
	struct arena arena = {0};
	buf_add_c(ret, head);
	buf_add_c(ret, lifts->count == 0 ? "lifts: []\n" : "lifts:\n");
	for (size_t i = 0; i < lifts->count; i++) {
		const struct lift *l = &lifts->items[i];
		buf_printf(ret, "  - list: %s\n", quote_yaml(&arena, str_from(l->list), false));
		put(ret, &arena, "domain", l->text);
		if (l->action == ACTION_ALLOW)
			put(ret, &arena, "action", action_words[l->action]);
		if (l->provenance.lifted != NULL)
			buf_printf(ret, "    lifted: %s\n", l->provenance.lifted);
		put(ret, &arena, "lifted-by", l->provenance.lifted_by);
		put(ret, &arena, "lift-reason", l->provenance.lift_reason);
		put(ret, &arena, "lift-reference", l->provenance.lift_reference);
		if (l->dropped != NULL)
			buf_printf(ret, "    dropped: %s\n", l->dropped);
		if (l->restored != NULL)
			buf_printf(ret, "    restored: %s\n", l->restored);
	}
	arena_finish(&arena);
}

/* The directory, and the file's name in it. Owned. */
static char *split(const char *path, const char **ret_name)
{
	const char *slash = strrchr(path, '/');
	*ret_name = slash == NULL ? path : slash + 1;
	return slash == NULL ? base_strdup(".") : str_dup((struct str){path, slash == path ? 1 : (size_t)(slash - path)});
}

/* Read under the lock. NULL: err says why. Close *ret_dir in both cases (-1: none). */
static struct lifts *hold(const char *path, int *ret_dir, struct err *err)
{
	struct err_list errors = {0};
	struct lifts *l = NULL;
	const char *name;
	char *dir = split(path, &name);
	*ret_dir = -1;
	if (file_lock_directory(dir, path, LOCK_WAIT_MS, ret_dir, err)) {
		file_sweep_in(*ret_dir, name);
		l = lifts_load(path, &errors);
		must(l != NULL || errors.items != NULL);
		if (l == NULL && err != NULL)
			*err = errors.items[0];
	}
	free(dir);
	err_list_finish(&errors);
	return l;
}

/* room: bytes that there must be left. */
static bool settle(int dir, const char *path, const struct lifts *l, size_t room, struct err *err)
{
	struct buf text = {NULL, 0, 0};
	const char *name;
	free(split(path, &name));
	lifts_text(l, &text);
	bool ok = text.len + room <= LIFTS_BYTES_MAX ||
		  err_set(err, ERR_LIMIT, "what is lifted in lists that cannot be edited would take more than %zu MiB in '%s'",
			  LIFTS_BYTES_MAX >> 20, path);
	ok = ok && file_replace_in(dir, name, path, text.ptr, text.len, FILE_MODE, err);
	buf_finish(&text);
	return ok;
}

/* Room for so many more: of those that have ended the oldest are forgotten. */
static bool make_room(struct lifts *l, size_t more, struct err *err)
{
	size_t too_many = l->count + more > LIFTS_MAX ? l->count + more - LIFTS_MAX : 0, kept = 0;
	if (too_many == 0)
		return true;
	intern_finish(&l->held); /* as the places change */
	intern_init(&l->held);
	buf_reset(&l->places);
	for (size_t i = 0; i < l->count; i++) {
		if (too_many > 0 && !lift_holds(&l->items[i])) {
			too_many--;
			continue;
		}
		l->items[kept++] = l->items[i];
		if (lift_holds(&l->items[kept - 1]))
			must(hold_item(l, kept - 1));
	}
	l->count = kept;
	if (too_many == 0)
		return true;
	return err_set(err, ERR_LIMIT, "%d names are lifted in lists that cannot be edited; no more are taken", LIFTS_MAX);
}

static bool how_good(const struct lift_how *how, struct err *err)
{
	const char *const texts[] = {how->by, how->reason, how->reference};
	static const char *const keys[] = {"lifted-by", "reason", "reference"};
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		const struct str text = str_from(texts[i] == NULL ? "" : texts[i]);
		if (!str_is_utf8(text))
			return err_set(err, ERR_INPUT, "'%s' is not UTF-8 text", keys[i]);
		if (text.len > PROVENANCE_TEXT_MAX)
			return err_set(err, ERR_INPUT, "'%s' has %zu bytes; at most %d are taken", keys[i], text.len,
				       PROVENANCE_TEXT_MAX);
		for (size_t at = 0; at < text.len; at++) {
			const unsigned char c = (unsigned char)text.ptr[at];
			if ((c < 0x20 && c != '\n' && c != '\t') || c == 0x7f)
				return err_set(err, ERR_INPUT, "'%s' has a control character in it", keys[i]);
		}
	}
	return true;
}

static const char *said(struct arena *arena, const char *text)
{
	const struct str trimmed = str_trim(str_from(text == NULL ? "" : text));
	return trimmed.len == 0 ? NULL : arena_strndup(arena, trimmed.ptr, trimmed.len);
}

static void add_lift(struct lifts *l, const struct lift_wanted *wanted, const struct lift_how *how, const char *now, int64_t now_s)
{
	struct lift *lift = add_item(l);
	set_name(l, lift, &wanted->name);
	lift->list = arena_strdup(&l->arena, wanted->list);
	lift->action = wanted->action;
	lift->provenance = (struct provenance){.lifted = arena_strdup(&l->arena, now),
					       .lifted_s = now_s,
					       .lifted_by = said(&l->arena, how->by),
					       .lift_reason = said(&l->arena, how->reason),
					       .lift_reference = said(&l->arena, how->reference)};
	must(hold_item(l, l->count - 1));
}

bool lifts_add(const char *path, struct lift_wanted *wanted, size_t count, const struct lift_how *how, int64_t now_s,
	       struct err *err)
{
	char now[32];
	int dir;
	bool changed = false;
	size_t more = 0;
	if (!how_good(how, err))
		return false;
	struct lifts *l = hold(path, &dir, err);
	str_from_time(now_s, now, sizeof(now));
	for (size_t i = 0; l != NULL && i < count; i++)
		more += find_item(l, wanted[i].list, &wanted[i].name, wanted[i].action) == SIZE_MAX;
	bool ok = l != NULL && make_room(l, more, err);
	for (size_t i = 0; ok && i < count; i++) {
		wanted[i].done = find_item(l, wanted[i].list, &wanted[i].name, wanted[i].action) == SIZE_MAX;
		if (wanted[i].done)
			add_lift(l, &wanted[i], how, now, now_s);
		changed |= wanted[i].done;
	}
	ok = ok && (!changed || settle(dir, path, l, l->count * ENDING_BYTES, err));
	lifts_destroy(l);
	if (dir >= 0)
		close(dir);
	return ok;
}

bool lifts_end(const char *path, struct lift_wanted *wanted, size_t count, enum lift_end end, int64_t now_s, struct err *err)
{
	char now[32];
	int dir;
	bool changed = false;
	struct lifts *l = hold(path, &dir, err);
	bool ok = l != NULL;
	str_from_time(now_s, now, sizeof(now));
	for (size_t i = 0; ok && i < count; i++) {
		const size_t item = find_item(l, wanted[i].list, &wanted[i].name, wanted[i].action);
		wanted[i].done = item != SIZE_MAX;
		if (!wanted[i].done)
			continue;
		*(end == LIFT_DROPPED ? &l->items[item].dropped : &l->items[item].restored) = arena_strdup(&l->arena, now);
		changed = true;
	}
	ok = ok && (!changed || settle(dir, path, l, 0, err));
	lifts_destroy(l);
	if (dir >= 0)
		close(dir);
	return ok;
}
