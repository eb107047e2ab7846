/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What is not wrong in lists, but probably not meant. Two passes: all entries in force into a table by name, then each against what
 * the table holds for its name and the names above it. */
#include "policy/compile.h"

#include <libpsl.h>
#include <stdio.h>
#include <stdlib.h>

#include "policy/image.h"
#include "policy/intern.h"

const char *const warning_words[] = {"duplicate", "covered", "expired", "past-review", "over-broad", NULL};

/* The first entry of its kind for a name: entries that agree in name, match, action, mandatory and mode are one kind. */
struct kind {
	struct kind *next; /* another kind of the same name; there are few: 4 matches, 4 ranks, 2 modes */
	const struct list_entry *entry;
	size_t list;
	int64_t until_s; /* the latest of all of this kind */
	enum match match;
	enum rank rank;
	enum mode mode;
};

/* An entry with what holds for it. */
struct item {
	const struct list_entry *entry;
	size_t list;
	struct provenance provenance;
	int64_t until_s;
	enum match match;
	enum rank rank;
	enum mode mode;
};

struct checker {
	const struct compile_input *input;
	struct arena arena;
	struct intern names;
	struct kind **kinds; /* owned; by number of the name */
	size_t kinds_cap;
	const psl_ctx_t *psl;		 /* libpsl's own; NULL when it was built without */
	struct policy_warning *warnings; /* owned by the caller in the end */
	size_t count, cap;
};

static void warn(struct checker *c, enum warning_kind kind, size_t list, uint32_t line, uint32_t column, const char *fmt, ...)
    PRINTF_LIKE(6, 7);

static void warn(struct checker *c, enum warning_kind kind, size_t list, uint32_t line, uint32_t column, const char *fmt, ...)
{
	va_list args;
	if (c->count == POLICY_WARNINGS_MAX)
		return;
	if (c->count == c->cap) {
		c->cap = c->cap == 0 ? 16 : c->cap * 2;
		c->warnings = base_realloc(c->warnings, c->cap * sizeof(c->warnings[0]));
	}
	struct policy_warning *w = &c->warnings[c->count++];
	*w = (struct policy_warning){.kind = kind, .file = c->input->lists[list]->shown, .line = line, .column = column};
	va_start(args, fmt);
	(void)vsnprintf(w->text, sizeof(w->text), fmt, args);
	va_end(args);
}

/* False for a lifted entry: kept for the record, nothing is said of it. */
static bool item_get(const struct checker *c, size_t list, size_t index, struct item *ret)
{
	const struct settings_list *sl = &c->input->settings->lists[list];
	const struct list *l = c->input->lists[list];
	const struct list_entry *entry = &l->entries[index];
	struct provenance p = list_provenance(entry->provenance, &l->provenance, &sl->provenance);
	if (p.lifted != NULL && p.lifted_s <= c->input->now_s)
		return false;
	*ret = (struct item){.entry = entry,
			     .list = list,
			     .provenance = p,
			     .match = compile_entry_match(entry, sl),
			     .rank = rank_of(compile_list_action(l, sl), sl->mandatory),
			     .mode = sl->mode};
	ret->until_s = MIN(p.lifted != NULL ? p.lifted_s : IMAGE_FOREVER, p.expires != NULL ? p.expires_s : IMAGE_FOREVER);
	return true;
}

static bool is_checked(const struct checker *c, size_t list)
{
	return c->input->lists[list] != NULL && c->input->settings->lists[list].mode != MODE_OFF;
}

/* --- the table --- */

/* The key of a regular expression starts with an octet that no name starts with. */
static size_t item_key(const struct item *item, uint8_t *buf, size_t size)
{
	if (item->entry->name != NULL) {
		memcpy(buf, item->entry->name, item->entry->name_len);
		return item->entry->name_len;
	}
	size_t len = MIN(strlen(item->entry->text), size - 1);
	buf[0] = 0xff;
	memcpy(buf + 1, item->entry->text, len);
	return len + 1;
}

static struct kind *kinds_of(const struct checker *c, const uint8_t *key, size_t len)
{
	uint32_t number = 0;
	return intern_find(&c->names, key, len, &number) ? c->kinds[number] : NULL;
}

static void table_add(struct checker *c, const struct item *item)
{
	uint8_t key[1 + LIST_REGEX_LEN_MAX + 1 + NAME_LEN_MAX];
	uint32_t number = intern_add(&c->names, key, item_key(item, key, sizeof(key)), NULL);
	if (number >= c->kinds_cap) {
		size_t cap = MAX((size_t)64, c->kinds_cap * 2);
		c->kinds = base_realloc(c->kinds, cap * sizeof(c->kinds[0]));
		memset(c->kinds + c->kinds_cap, 0, (cap - c->kinds_cap) * sizeof(c->kinds[0]));
		c->kinds_cap = cap;
	}
	struct kind **place = &c->kinds[number];
	for (; *place != NULL; place = &(*place)->next) {
		struct kind *k = *place;
		if (k->match == item->match && k->rank == item->rank && k->mode == item->mode) {
			k->until_s = MAX(k->until_s, item->until_s);
			return;
		}
	}
	struct kind *k = arena_alloc(&c->arena, sizeof(*k));
	*k = (struct kind){.entry = item->entry,
			   .list = item->list,
			   .until_s = item->until_s,
			   .match = item->match,
			   .rank = item->rank,
			   .mode = item->mode};
	*place = k;
}

/* --- what is found --- */

/* "line 12", or "lists/ads.yaml:12" from another file. */
static const char *where(const struct checker *c, const struct kind *k, size_t list, char *buf, size_t size)
{
	const char *file = c->input->lists[k->list]->shown;
	if (k->list == list || strcmp(file, c->input->lists[list]->shown) == 0)
		(void)snprintf(buf, size, "line %u", k->entry->line);
	else
		(void)snprintf(buf, size, "%.160s:%u", file, k->entry->line);
	return buf;
}

#define SHOWN_MAX 100

static const char *shown(const struct list_entry *entry, char buf[SHOWN_MAX])
{
	return str_escape(str_from(entry->text), true, buf, SHOWN_MAX);
}

static bool is_before(const struct kind *k, const struct item *item)
{
	return k->list < item->list || (k->list == item->list && k->entry < item->entry);
}

/* The first entry of this name, match, action and mode, when it is another and stands before. */
static bool warn_duplicate(struct checker *c, const struct item *item)
{
	uint8_t key[1 + LIST_REGEX_LEN_MAX + 1 + NAME_LEN_MAX];
	char name[SHOWN_MAX], place[192];
	const struct kind *first = NULL;
	for (const struct kind *k = kinds_of(c, key, item_key(item, key, sizeof(key))); k != NULL; k = k->next) {
		if (k->match == item->match && k->mode == item->mode && rank_blocks(k->rank) == rank_blocks(item->rank) &&
		    is_before(k, item) &&
		    (first == NULL || k->list < first->list || (k->list == first->list && k->entry < first->entry)))
			first = k;
	}
	if (first == NULL)
		return false;
	warn(c, WARNING_DUPLICATE, item->list, item->entry->line, item->entry->column, "'%s' (%s) stands already at %s",
	     shown(item->entry, name), match_words[item->match], where(c, first, item->list, place, sizeof(place)));
	return true;
}

/* Does an entry of this kind, for the item's own name (whole) or one above it, hold wherever the item does, as long, and no weaker?
 */
static bool covers(const struct kind *k, const struct item *item, bool whole)
{
	if (k->mode != item->mode || rank_blocks(k->rank) != rank_blocks(item->rank) || k->rank > item->rank ||
	    k->until_s < item->until_s)
		return false;
	if (k->match == MATCH_SUBTREE)
		return !whole || item->match != MATCH_SUBTREE;
	return k->match == MATCH_SUBDOMAINS && !whole;
}

static void warn_covered(struct checker *c, const struct item *item)
{
	const struct list_entry *e = item->entry;
	char name[SHOWN_MAX], by[SHOWN_MAX], place[192];
	if (e->name == NULL)
		return;
	for (size_t at = 0; at < e->name_len; at += e->name[at] + 1u) {
		for (const struct kind *k = kinds_of(c, e->name + at, e->name_len - at); k != NULL; k = k->next) {
			if (!covers(k, item, at == 0))
				continue;
			warn(c, WARNING_COVERED, item->list, e->line, e->column, "'%s' is covered by '%s' (%s) at %s",
			     shown(e, name), shown(k->entry, by), match_words[k->match],
			     where(c, k, item->list, place, sizeof(place)));
			return;
		}
	}
}

static void warn_over_broad(struct checker *c, const struct item *item)
{
	const struct list_entry *e = item->entry;
	struct name name;
	char text[NAME_TEXT_MAX], as_written[SHOWN_MAX];
	if (e->name == NULL || !rank_blocks(item->rank) || item->match == MATCH_EXACT ||
	    !name_from_wire(e->name, e->name_len, &name))
		return;
	const char *what = NULL;
	if (name.labels == 0)
		what = "the root: every name there is";
	else if (name.labels == 1)
		what = "a top-level domain: every name in it";
	else if (c->psl != NULL && psl_is_public_suffix2(c->psl, name_to_text(&name, text), PSL_TYPE_ANY | PSL_TYPE_NO_STAR_RULE))
		what = "a public suffix, under which anyone may register: every name in it";
	if (what != NULL)
		warn(c, WARNING_OVER_BROAD, item->list, e->line, e->column, "'%s' is %s would be blocked", shown(e, as_written),
		     what);
}

/* Of an entry that says so itself; what its file says is said once (warn_list). */
static bool warn_own_times(struct checker *c, const struct item *item)
{
	const struct provenance *own = item->entry->provenance;
	char name[SHOWN_MAX];
	bool expired = item->provenance.expires != NULL && item->provenance.expires_s <= c->input->now_s;
	if (expired && own != NULL && own->expires != NULL)
		warn(c, WARNING_EXPIRED, item->list, item->entry->line, item->entry->column, "'%s' has expired: %s",
		     shown(item->entry, name), own->expires);
	else if (!expired && own != NULL && own->review != NULL && own->review_s <= c->input->now_s)
		warn(c, WARNING_PAST_REVIEW, item->list, item->entry->line, item->entry->column,
		     "'%s' should have been looked at again: %s", shown(item->entry, name), own->review);
	return expired;
}

/* Of a whole list, whether its file or saring.yaml says so. */
static void warn_list(struct checker *c, size_t list)
{
	const struct settings_list *sl = &c->input->settings->lists[list];
	const struct list *l = c->input->lists[list];
	struct provenance p = list_provenance(NULL, &l->provenance, &sl->provenance);
	if (p.lifted != NULL && p.lifted_s <= c->input->now_s)
		return;
	if (p.expires != NULL && p.expires_s <= c->input->now_s)
		warn(c, WARNING_EXPIRED, list, 1, 1, "the list has expired: %s", p.expires);
	else if (p.review != NULL && p.review_s <= c->input->now_s)
		warn(c, WARNING_PAST_REVIEW, list, 1, 1, "the list should have been looked at again: %s", p.review);
}

/* --- the whole --- */

static void check_item(struct checker *c, const struct item *item)
{
	if (warn_own_times(c, item))
		return;
	warn_over_broad(c, item);
	if (!warn_duplicate(c, item))
		warn_covered(c, item);
}

size_t policy_check(const struct compile_input *input, struct policy_warning **ret)
{
	struct checker c = {.input = input, .psl = psl_builtin()};
	struct item item;
	intern_init(&c.names);
	for (size_t i = 0; i < input->settings->list_count; i++) {
		for (size_t j = 0; is_checked(&c, i) && j < input->lists[i]->entry_count; j++)
			if (item_get(&c, i, j, &item) && item.until_s > input->now_s)
				table_add(&c, &item);
	}
	for (size_t i = 0; i < input->settings->list_count; i++) {
		if (is_checked(&c, i))
			warn_list(&c, i);
		for (size_t j = 0; is_checked(&c, i) && j < input->lists[i]->entry_count; j++)
			if (item_get(&c, i, j, &item))
				check_item(&c, &item);
	}
	intern_finish(&c.names);
	arena_finish(&c.arena);
	free(c.kinds);
	*ret = c.warnings;
	return c.count;
}
