/* SPDX-License-Identifier: BSD-2-Clause */
#include "list/edit_text.h"

#include <stdlib.h>
#include <string.h>

#include "list/doc.h"
#include "list/wanted.h"
#include "settings/load.h"

#define DATE_TEXT 11
#define ENTRY_PAIRS_MAX 10
#define NOWHERE SIZE_MAX

static void succeed(struct err *err)
{
	if (err != NULL)
		*err = (struct err){0};
}

static const char *date_text(struct arena *arena, int64_t s)
{
	char buf[DATE_TEXT];
	str_from_date(s, buf, sizeof(buf));
	return arena_strdup(arena, buf);
}

/* The user's own words: a fault in them is the user's, not the file's. */
static bool check_words(const struct pair *pairs, size_t count, struct err *err)
{
	struct splices s;
	struct buf text = {0};
	struct err_list errors = {0};
	bool ok = true;
	for (size_t i = 0; i < count && ok; i++) {
		ok = pairs[i].text == NULL || str_is_utf8(str_from(pairs[i].text));
		for (size_t k = 0; k < pairs[i].count; k++)
			ok = ok && str_is_utf8(str_from(pairs[i].items[k]));
		if (!ok)
			return err_set(err, ERR_INPUT, "'%s' is not UTF-8 text", pairs[i].key);
	}
	/* a list of this one entry, read as any list would be */
	struct yaml_node root = {.kind = YAML_MAPPING, .style = YAML_STYLE_BLOCK, .line = 1, .column = 1};
	splices_init(&s, STR_LIT(""));
	layout_append(&s, &root, "entries", &pairs, &count, 1);
	splices_apply(&s, &text);
	struct list *list = list_parse(buf_str(&text), "", "", &errors);
	if (list == NULL)
		ok = err_set(err, ERR_INPUT, "%s", errors.items[0].text);
	list_destroy(list);
	err_list_finish(&errors);
	buf_finish(&text);
	splices_finish(&s);
	return ok;
}

/* What the file is to hold for a name: as people would write it. Letters beyond ASCII stay as typed, rather than as A-labels. */
static const char *entry_text(struct arena *arena, const char *typed, const struct name *name)
{
	char text[NAME_TEXT_MAX];
	size_t len = strlen(typed);
	bool plain = true;
	for (size_t i = 0; i < len; i++)
		plain = plain && (unsigned char)typed[i] < 0x80 && typed[i] != '\\';
	if (plain)
		return arena_strdup(arena, name_to_text(name, text));
	return arena_strndup(arena, typed, len);
}

static size_t put_pair(struct pair *pairs, size_t count, const char *key, const char *text, bool verbatim)
{
	if (text == NULL)
		return count;
	pairs[count] = (struct pair){.key = key, .text = text, .verbatim = verbatim};
	return count + 1;
}

/* Which needs no quotes. */
static bool is_time(const char *text)
{
	int64_t time_s;
	return text != NULL && str_to_time(str_from(text), &time_s, NULL);
}

/* Everything but the name and how it matches. */
static size_t provenance_pairs(const struct edit_entry *entry, const char *today, struct pair *pairs, size_t count)
{
	count = put_pair(pairs, count, "mode", entry->shadow ? mode_words[MODE_SHADOW] : NULL, true);
	count = put_pair(pairs, count, "authority", entry->authority, false);
	count = put_pair(pairs, count, "reason", entry->reason, false);
	count = put_pair(pairs, count, "reference", entry->reference, false);
	if (entry->contact_count > 0)
		pairs[count++] = (struct pair){.key = "contact", .items = entry->contact, .count = entry->contact_count};
	count = put_pair(pairs, count, "added", today, true);
	count = put_pair(pairs, count, "review", entry->review, is_time(entry->review));
	return put_pair(pairs, count, "expires", entry->expires, is_time(entry->expires));
}

/* What an entry of the list that says nothing means. */
static enum match unsaid_match(const struct edit_entry *entry)
{
	return entry->has_unsaid ? entry->unsaid : MATCH_SUBTREE;
}

static enum match meant_match(const struct edit_entry *entry)
{
	return entry->has_match ? entry->match : unsaid_match(entry);
}

static size_t entry_pairs(struct arena *arena, const struct edit_entry *entry, const struct wanted *wanted, const char *today,
			  struct pair *pairs)
{
	if (entry->is_regex)
		return provenance_pairs(entry, today, pairs, put_pair(pairs, 0, "regex", entry->name, false));
	size_t count = put_pair(pairs, 0, "domain", entry_text(arena, entry->name, &wanted->name), false);
	if (meant_match(entry) != unsaid_match(entry))
		count = put_pair(pairs, count, "match", match_words[entry->match], true);
	return provenance_pairs(entry, today, pairs, count);
}

/* Is the entry itself given up or run out, whatever the file says? */
static bool is_dormant(const struct list_entry *entry, int64_t now_s)
{
	const struct provenance *p = entry->provenance;
	return p != NULL && (p->lifted != NULL || (p->expires != NULL && p->expires_s <= now_s));
}

/* Is there more to do for what is to be added than to see that it is there? An entry on trial is not in force either. */
static bool is_wanting(const struct list_entry *entry, const struct edit_entry *adds, int64_t now_s)
{
	return is_dormant(entry, now_s) || (entry->mode == MODE_SHADOW && !adds->shadow);
}

/* A name that is there but not in force comes back: what ended it goes, and it counts as added today. */
static void revive(struct edit_doc *d, size_t item, const struct edit_entry *entry, const char *today, int64_t now_s)
{
	static const char *const ended[] = {"lifted", "lifted-by", "lift-reason", "lift-reference"};
	const struct provenance *p = d->list->entries[item].provenance;
	struct pair *pairs = arena_alloc(&d->arena, ENTRY_PAIRS_MAX * sizeof(*pairs));
	struct change *change = arena_alloc(&d->arena, sizeof(*change));
	const char **drop = arena_alloc(&d->arena, (ARRAY_LEN(ended) + 2) * sizeof(*drop));
	bool run_out = entry->expires == NULL && p != NULL && p->expires != NULL && p->expires_s <= now_s;
	memcpy(drop, ended, sizeof(ended));
	change->drop_count = ARRAY_LEN(ended);
	if (run_out)
		drop[change->drop_count++] = "expires";
	if (!entry->shadow)
		drop[change->drop_count++] = "mode";
	change->set = pairs;
	change->set_count = provenance_pairs(entry, today, pairs, 0);
	change->drop = drop;
	edit_doc_change(d, item, change);
}

static void remark_file(const struct list *list, int64_t now_s, struct err *err)
{
	succeed(err);
	if (list->provenance.lifted != NULL)
		(void)err_set(err, ERR_NONE, "the whole list was lifted (%s), so its entries are not in force",
			      list->provenance.lifted);
	else if (list->provenance.expires != NULL && list->provenance.expires_s <= now_s)
		(void)err_set(err, ERR_NONE, "the whole list expired (%s): entries without an expiry of their own are not in force",
			      list->provenance.expires);
}

static void set_result(struct edit_result *result, const char *name, enum edit_outcome outcome)
{
	*result = (struct edit_result){.name = name, .outcome = outcome};
}

/* Where the entries stand now. at[i]: index of the entry of result i, or NOWHERE. */
static void set_lines(const struct list *list, const size_t *at, struct edit_result *results, size_t count)
{
	for (size_t i = 0; i < count; i++)
		results[i].line = at[i] != NOWHERE ? list->entries[at[i]].line : 0;
}

/* Which entries there are already for what is to be added: one in force before one that is not. */
static void find_present(const struct edit_doc *d, const struct wanted_set *set, const struct edit_entry *entries, int64_t now_s,
			 size_t *at)
{
	for (size_t i = 0; i < d->list->entry_count; i++) {
		const struct list_entry *entry = &d->list->entries[i];
		for (const struct wanted *w = wanted_find(set, entry, NULL); w != NULL; w = wanted_find(set, entry, w)) {
			const struct edit_entry *adds = &entries[w->index];
			if (!adds->is_regex && (entry->has_match ? entry->match : unsaid_match(adds)) != meant_match(adds))
				continue;
			size_t *found = &at[w->index];
			if (*found == NOWHERE ||
			    (is_wanting(&d->list->entries[*found], adds, now_s) && !is_wanting(entry, adds, now_s)))
				*found = i;
		}
	}
}

/* The earlier of the names to be added that is this same one, or NOWHERE. */
static size_t find_twin(const struct wanted_set *set, const struct edit_entry *entries, size_t index)
{
	const struct wanted *own = &set->items[index];
	struct list_entry self = {.name = own->name.wire, .name_len = own->name.len};
	if (own->is_regex)
		self = (struct list_entry){.match = MATCH_REGEX, .text = own->text};
	enum match match = meant_match(&entries[index]);
	for (const struct wanted *w = wanted_find(set, &self, NULL); w != NULL; w = wanted_find(set, &self, w)) {
		if (w->index < index && (own->is_regex || meant_match(&entries[w->index]) == match))
			return w->index;
	}
	return NOWHERE;
}

static bool plan_add(struct edit_doc *d, const struct wanted_set *set, const struct edit_entry *entries, size_t count,
		     int64_t today_s, struct edit_result *results, size_t *at, struct err *err)
{
	const char *today = date_text(&d->arena, today_s);
	find_present(d, set, entries, today_s, at);
	for (size_t i = 0; i < count; i++) {
		size_t twin = find_twin(set, entries, i);
		struct pair *pairs = arena_alloc(&d->arena, ENTRY_PAIRS_MAX * sizeof(*pairs));
		size_t pair_count = entry_pairs(&d->arena, &entries[i], &set->items[i], today, pairs);
		if (!check_words(pairs, pair_count, err))
			return false;
		set_result(&results[i], entries[i].name, EDIT_DONE);
		if (twin != NOWHERE) {
			results[i].outcome = EDIT_ALREADY;
			at[i] = at[twin];
		} else if (at[i] == NOWHERE) {
			at[i] = d->list->entry_count + d->appended_count;
			edit_doc_append(d, pairs, pair_count);
		} else if (is_wanting(&d->list->entries[at[i]], &entries[i], today_s)) {
			revive(d, at[i], &entries[i], today, today_s);
		} else {
			results[i].outcome = EDIT_ALREADY;
		}
	}
	return true;
}

static size_t *places(size_t count)
{
	size_t *at = base_alloc((count + 1) * sizeof(*at));
	for (size_t i = 0; i < count; i++)
		at[i] = NOWHERE;
	return at;
}

bool edit_text_add_to(struct edit_doc *d, const struct edit_entry *entries, size_t count, int64_t today_s,
		      struct edit_result *results, struct buf *ret, struct err *err)
{
	struct wanted_set set = {0};
	struct list *list = NULL;
	size_t *at = places(count);
	bool ok = wanted_init(&set, count, NULL, err);
	for (size_t i = 0; i < count && ok; i++)
		ok = entries[i].is_regex ? wanted_put_regex(&set, entries[i].name) : wanted_put_name(&set, entries[i].name, err);
	wanted_sort(&set);
	ok = ok && plan_add(d, &set, entries, count, today_s, results, at, err) && edit_doc_write(d, ret, &list, err);
	if (ok) {
		set_lines(list, at, results, count);
		remark_file(list, today_s, err);
	}
	list_destroy(list);
	wanted_finish(&set);
	free(at);
	return ok;
}

bool edit_text_add(struct str text, const char *shown, const struct edit_entry *entries, size_t count, int64_t today_s,
		   struct edit_result *results, struct buf *ret, struct err *err)
{
	struct edit_doc d = {0};
	bool ok = edit_doc_open(&d, text, shown, err) && edit_text_add_to(&d, entries, count, today_s, results, ret, err);
	edit_doc_finish(&d);
	return ok;
}

bool edit_text_remove_from(struct edit_doc *d, const char *const *names, size_t count, struct edit_result *results, struct buf *ret,
			   struct err *err)
{
	struct wanted_set set = {0};
	bool ok = wanted_init(&set, count, d->list, err);
	for (size_t i = 0; i < count && ok; i++) {
		ok = wanted_put_subject(&set, names[i], err);
		set_result(&results[i], names[i], EDIT_NOT_FOUND);
	}
	wanted_sort(&set);
	for (size_t i = 0; ok && i < d->list->entry_count; i++) {
		const struct list_entry *entry = &d->list->entries[i];
		const struct wanted *w = wanted_find(&set, entry, NULL);
		if (w != NULL)
			edit_doc_remove(d, i);
		for (; w != NULL; w = wanted_find(&set, entry, w))
			results[w->index].outcome = EDIT_DONE;
	}
	ok = ok && edit_doc_write(d, ret, NULL, err);
	if (ok)
		succeed(err);
	wanted_finish(&set);
	return ok;
}

bool edit_text_remove(struct str text, const char *shown, const char *const *names, size_t count, struct edit_result *results,
		      struct buf *ret, struct err *err)
{
	struct edit_doc d = {0};
	bool ok = edit_doc_open(&d, text, shown, err) && edit_text_remove_from(&d, names, count, results, ret, err);
	edit_doc_finish(&d);
	return ok;
}

#define LIFT_PAIRS 4

static const struct change *lift_change(struct arena *arena, const char *today, const struct lift_how *how)
{
	static const struct lift_how nothing;
	struct pair *pairs = arena_alloc(arena, LIFT_PAIRS * sizeof(*pairs));
	struct change *change = arena_alloc(arena, sizeof(*change));
	if (how == NULL)
		how = &nothing;
	size_t count = put_pair(pairs, 0, "lifted", today, true);
	count = put_pair(pairs, count, "lifted-by", how->by, false);
	count = put_pair(pairs, count, "lift-reason", how->reason, false);
	count = put_pair(pairs, count, "lift-reference", how->reference, false);
	change->set = pairs;
	change->set_count = count;
	return change;
}

/* Lifted at a time to come is not lifted yet. */
static bool is_lifted(const struct provenance *p, int64_t now_s)
{
	return p != NULL && p->lifted != NULL && p->lifted_s <= now_s;
}

static bool check_lift(const struct change *change, struct err *err)
{
	struct pair pairs[1 + LIFT_PAIRS] = {{.key = "domain", .text = "example.com"}};
	memcpy(pairs + 1, change->set, change->set_count * sizeof(pairs[0]));
	return check_words(pairs, change->set_count + 1, err);
}

static bool plan_lift(struct edit_doc *d, const struct wanted_set *set, const struct change *change, int64_t now_s,
		      struct edit_result *results, size_t *at)
{
	for (size_t i = 0; i < d->list->entry_count; i++) {
		const struct list_entry *entry = &d->list->entries[i];
		const struct wanted *w = wanted_find(set, entry, NULL);
		bool lifted = is_lifted(entry->provenance, now_s);
		if (w != NULL && !lifted)
			edit_doc_change(d, i, change);
		for (; w != NULL; w = wanted_find(set, entry, w)) {
			if (at[w->index] == NOWHERE || (!lifted && results[w->index].outcome != EDIT_DONE))
				at[w->index] = i;
			if (!lifted || results[w->index].outcome == EDIT_NOT_FOUND)
				results[w->index].outcome = lifted ? EDIT_ALREADY : EDIT_DONE;
		}
	}
	return true;
}

static bool lift_names(struct edit_doc *d, const char *const *names, size_t count, const struct change *change, int64_t today_s,
		       struct edit_result *results, struct buf *ret, struct err *err)
{
	struct wanted_set set = {0};
	struct list *list = NULL;
	size_t *at = places(count);
	bool ok = wanted_init(&set, count, d->list, err);
	for (size_t i = 0; i < count && ok; i++) {
		ok = wanted_put_subject(&set, names[i], err);
		set_result(&results[i], names[i], EDIT_NOT_FOUND);
	}
	wanted_sort(&set);
	ok = ok && plan_lift(d, &set, change, today_s, results, at) && edit_doc_write(d, ret, &list, err);
	if (ok) {
		set_lines(list, at, results, count);
		succeed(err);
	}
	list_destroy(list);
	wanted_finish(&set);
	free(at);
	return ok;
}

bool edit_text_lift_in(struct edit_doc *d, const char *const *names, size_t count, const struct lift_how *how, int64_t today_s,
		       struct edit_result *results, struct buf *ret, struct err *err)
{
	const struct change *change = lift_change(&d->arena, date_text(&d->arena, today_s), how);
	if (!check_lift(change, err))
		return false;
	if (count > 0)
		return lift_names(d, names, count, change, today_s, results, ret, err);
	bool already = is_lifted(&d->list->provenance, today_s);
	if (!already)
		edit_doc_set_top(d, change);
	if (!edit_doc_write(d, ret, NULL, err))
		return false;
	succeed(err);
	if (already)
		(void)err_set(err, ERR_NONE, "the whole list was lifted already (%s)", d->list->provenance.lifted);
	return true;
}

bool edit_text_lift(struct str text, const char *shown, const char *const *names, size_t count, const struct lift_how *how,
		    int64_t today_s, struct edit_result *results, struct buf *ret, struct err *err)
{
	struct edit_doc d = {0};
	bool ok = edit_doc_open(&d, text, shown, err) && edit_text_lift_in(&d, names, count, how, today_s, results, ret, err);
	edit_doc_finish(&d);
	return ok;
}

static bool plan_mode(struct edit_doc *d, const char *list_name, enum mode mode, struct err *err)
{
	const struct yaml_node *lists = yaml_get(d->root, d->sequence_key);
	size_t count = d->items != NULL ? lists->count : 0;
	for (size_t i = 0; i < count; i++) {
		const struct yaml_node *name = yaml_get(d->items[i], "name"), *value = yaml_get(d->items[i], "mode");
		if (name == NULL || name->kind != YAML_SCALAR || !str_eq_c(name->text, list_name))
			continue;
		if (value != NULL && value->kind != YAML_SCALAR)
			return err_set_at(err, ERR_INPUT, d->shown, value->line, value->column, "'mode' must be a word, not %s",
					  yaml_kind_word(value));
		if (value != NULL ? str_eq_c(value->text, mode_words[mode]) : mode == MODE_ENFORCE)
			return true;
		struct pair *pair = arena_alloc(&d->arena, sizeof(*pair));
		struct change *change = arena_alloc(&d->arena, sizeof(*change));
		*pair = (struct pair){.key = "mode", .text = mode_words[mode], .verbatim = true};
		*change = (struct change){.set = pair, .set_count = 1};
		edit_doc_change(d, i, change);
		return true;
	}
	return err_set(err, ERR_NOT_FOUND, "no list in '%s' has the name '%s'", d->shown, list_name);
}

bool edit_text_mode(struct str text, const char *shown, const char *list_name, enum mode mode, struct buf *ret, struct err *err)
{
	static const struct yaml_limits limits = {.bytes = (size_t)(SETTINGS_BYTES_MAX), .nodes = SETTINGS_NODES_MAX};
	struct edit_doc d = {0};
	bool ok = edit_doc_open_yaml(&d, text, shown, "lists", &limits, err) && plan_mode(&d, list_name, mode, err) &&
		  edit_doc_write(&d, ret, NULL, err);
	if (ok)
		succeed(err);
	edit_doc_finish(&d);
	return ok;
}
