/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What is not wrong in lists, but probably not meant. Two walks over all entries: those in force into a table by name, then each
 * against what the table holds for its name and the names above it. */
#include "compile/compile.h"

#include <stdio.h>
#include <stdlib.h>

#include "list/list.h"
#include "compile/check_entries.h"
#include "compile/guard.h"
#include "policy/pattern.h"

const char *const warning_words[] = {"duplicate", "covered",	   "expired",  "past-review", "over-broad",
				     "protected", "contradiction", "left-out", "unreachable", NULL};
#define WARNING_KINDS (WARNING_UNREACHABLE + 1)
#define SHOWN_MAX 100
#define PLACE_MAX 192

/* A warning with what it is sorted by. */
struct found {
	struct policy_warning w;
	size_t list;
};

struct checker {
	struct check_entries all;
	struct guard *guard;		/* owned */
	struct policy_scratch *scratch; /* owned */
	struct found *found;		/* owned */
	size_t count, cap;
	/* of the list that is being looked at: how many of each kind, and where in found the last is */
	size_t of_kind[WARNING_KINDS], last_of_kind[WARNING_KINDS];
};

/* --- warnings --- */

static void warn(struct checker *c, enum warning_kind kind, size_t list, uint32_t line, uint32_t column, const char *fmt, ...)
    PRINTF_LIKE(6, 7);

/* Strangers' lists hold thousands of a kind; people's own say each. */
static size_t most_of_kind(const struct checker *c, size_t list, enum warning_kind kind)
{
	bool own = segment_format(c->all.sources[list].segment) == FORMAT_YAML;
	return own || kind == WARNING_LEFT_OUT ? POLICY_WARNINGS_MAX : POLICY_WARNINGS_EACH;
}

/* NULL: there are enough. */
static struct found *found_new(struct checker *c)
{
	if (c->count == POLICY_WARNINGS_MAX)
		return NULL;
	if (c->count == c->cap) {
		c->cap = c->cap == 0 ? 16 : c->cap * 2;
		c->found = base_realloc(c->found, c->cap * sizeof(c->found[0]));
	}
	struct found *f = &c->found[c->count++];
	memset(f, 0, sizeof(*f));
	return f;
}

static void warn(struct checker *c, enum warning_kind kind, size_t list, uint32_t line, uint32_t column, const char *fmt, ...)
{
	if (c->of_kind[kind]++ >= most_of_kind(c, list, kind) || c->count == POLICY_WARNINGS_MAX)
		return;
	c->last_of_kind[kind] = c->count;
	struct found *f = found_new(c);
	f->list = list;
	f->w.kind = kind;
	f->w.file = c->all.settings->lists[list].file_shown;
	f->w.line = line;
	f->w.column = column;
	va_list args;
	va_start(args, fmt);
	(void)vsnprintf(f->w.text, sizeof(f->w.text), fmt, args);
	va_end(args);
}

/* At the end of a list: say how many there were of what was not all said. */
static void warn_totals(struct checker *c, size_t list)
{
	for (unsigned kind = 0; kind < WARNING_KINDS; kind++) {
		const size_t most = most_of_kind(c, list, (enum warning_kind)kind), last = c->last_of_kind[kind];
		if (c->of_kind[kind] <= most || last >= c->count || c->found[last].list != list)
			continue;
		struct policy_warning *w = &c->found[last].w;
		const size_t len = strlen(w->text);
		(void)snprintf(w->text + len, sizeof(w->text) - len, "; the last shown of %zu such entries", c->of_kind[kind]);
	}
	memset(c->of_kind, 0, sizeof(c->of_kind));
}

/* --- what is found --- */

/* "line 12", or "lists/ads.yaml:12" of another list. */
static const char *where(const struct checker *c, uint32_t seq, size_t list, char buf[PLACE_MAX])
{
	if (c->all.lists[seq] == list)
		(void)snprintf(buf, PLACE_MAX, "line %u", c->all.lines[seq]);
	else
		(void)snprintf(buf, PLACE_MAX, "%.160s:%u", c->all.settings->lists[c->all.lists[seq]].file_shown,
			       c->all.lines[seq]);
	return buf;
}

static const char *shown_name(const uint8_t *wire, size_t len, char buf[SHOWN_MAX])
{
	struct name name;
	char text[NAME_TEXT_MAX];
	must(name_from_wire(wire, len, &name)); /* segments hold whole names */
	return str_escape(str_from(name_to_text(&name, text)), true, buf, SHOWN_MAX);
}

static const char *shown(const struct segment_entry *entry, char buf[SHOWN_MAX])
{
	char text[ADDR_TEXT_MAX];
	if (entry->written.len > 0)
		return str_escape(entry->written, true, buf, SHOWN_MAX);
	if (entry->wire != NULL)
		return shown_name(entry->wire, entry->wire_len, buf);
	if (entry->text.len > 0)
		return str_escape(entry->text, true, buf, SHOWN_MAX);
	return str_escape(str_from(prefix_to_text(&entry->prefix, text)), true, buf, SHOWN_MAX);
}

static void warn_duplicate_of(struct checker *c, const struct checked *e, uint32_t first)
{
	char name[SHOWN_MAX], place[PLACE_MAX];
	warn(c, WARNING_DUPLICATE, e->info->list, e->entry.line, e->entry.column, "'%s' (%s) stands already at %s",
	     shown(&e->entry, name), match_words[e->info->match], where(c, first, e->info->list, place));
}

/* Of entries that have no name. */
static void check_text(struct checker *c, const struct checked *e)
{
	uint32_t first = 0;
	if (check_entries_first(&c->all, e, &first) && first < e->seq)
		warn_duplicate_of(c, e, first);
}

static bool same_sort(const struct checker *c, const struct check_kind *k, const struct checked *e)
{
	const struct info *a = info_get(&c->all, k->info), *b = e->info;
	return a->mode == b->mode && rank_blocks(a->rank) == rank_blocks(b->rank);
}

/* The first entry of this name, match, action and mode, when it is another and stands before. */
static bool warn_duplicate(struct checker *c, const struct checked *e, const struct check_kind *kinds, size_t count)
{
	const struct check_kind *first = NULL;
	const uint32_t kind = trait_get(&c->all, e->info_number)->kind;
	for (size_t i = 0; i < count; i++) {
		const struct check_kind *k = &kinds[i];
		const struct info *info = info_get(&c->all, k->info);
		bool same = trait_get(&c->all, k->info)->kind == kind || (info->bare && e->info->bare);
		if (same && info->match == e->info->match && same_sort(c, k, e) && k->seq < e->seq &&
		    (first == NULL || k->seq < first->seq))
			first = k;
	}
	if (first != NULL)
		warn_duplicate_of(c, e, first->seq);
	return first != NULL;
}

/* Does an entry of this kind, for the entry's own name (whole) or one above it, hold wherever the entry does, as long, and no
 * weaker?
 */
static bool covers(const struct checker *c, const struct check_kind *k, const struct checked *e, bool whole)
{
	const struct info *info = info_get(&c->all, k->info);
	if (!same_sort(c, k, e) || info->rank > e->info->rank || k->until_s < e->info->until_s || !info->bare || !e->info->bare)
		return false;
	if (info->match == MATCH_SUBTREE)
		return !whole || e->info->match != MATCH_SUBTREE;
	return info->match == MATCH_SUBDOMAINS && !whole;
}

/* kinds: of the entry's own name. */
static void warn_covered(struct checker *c, const struct checked *e, const struct check_kind *kinds, size_t count)
{
	const uint8_t *wire = e->entry.wire;
	const size_t len = e->entry.wire_len;
	char name[SHOWN_MAX], by[SHOWN_MAX], place[PLACE_MAX];
	for (size_t at = 0; at < len; at += wire[at] + 1u) {
		if (at > 0)
			kinds = check_table_find(&c->all.table, wire + at, len - at, &count);
		for (size_t i = 0; i < count; i++) {
			if (!covers(c, &kinds[i], e, at == 0))
				continue;
			warn(c, WARNING_COVERED, e->info->list, e->entry.line, e->entry.column,
			     "'%s' is covered by '%s' (%s) at %s", shown(&e->entry, name), shown_name(wire + at, len - at, by),
			     match_words[info_get(&c->all, kinds[i].info)->match], where(c, kinds[i].seq, e->info->list, place));
			return;
		}
	}
}

/* A block that another list's allow entry for the same name undoes wholly. An exception for less is what allow entries are for. */
static void warn_contradiction(struct checker *c, const struct checked *e, const struct check_kind *kinds, size_t count)
{
	char name[SHOWN_MAX], place[PLACE_MAX];
	for (size_t i = 0; i < count && rank_blocks(e->info->rank); i++) {
		const struct info *allow = info_get(&c->all, kinds[i].info);
		if (rank_blocks(allow->rank) || allow->rank > e->info->rank || allow->list == e->info->list || !allow->bare ||
		    rank_mandatory(allow->rank) != rank_mandatory(e->info->rank) || allow->mode != e->info->mode ||
		    kinds[i].until_s < e->info->until_s || (allow->match != e->info->match && allow->match != MATCH_SUBTREE))
			continue;
		warn(c, WARNING_CONTRADICTION, e->info->list, e->entry.line, e->entry.column,
		     "'%s' (%s) is blocked here, but allowed at %s, and that wins", shown(&e->entry, name),
		     match_words[e->info->match], where(c, kinds[i].seq, e->info->list, place));
		return;
	}
}

static void warn_over_broad(struct checker *c, const struct checked *e)
{
	struct guard_finding finding = {.kind = GUARD_NOTHING};
	struct name name;
	char as_written[SHOWN_MAX], text[GUARD_TEXT_MAX];
	if (!rank_blocks(e->info->rank) || !name_from_wire(e->entry.wire, e->entry.wire_len, &name))
		return;
	finding.kind = guard_broad(&name, e->info->match);
	if (finding.kind != GUARD_NOTHING)
		warn(c, WARNING_OVER_BROAD, e->info->list, e->entry.line, e->entry.column, "%.400s",
		     guard_text(&finding, shown(&e->entry, as_written), e->info->match, text));
	if (guard_kept(c->guard, e->entry.wire, e->entry.wire_len, e->info->match, &finding))
		warn(c, WARNING_PROTECTED, e->info->list, e->entry.line, e->entry.column, "%.400s",
		     guard_text(&finding, shown(&e->entry, as_written), e->info->match, text));
}

/* An expression is tried on the names that are to be kept; what it means of those below them nobody can say. */
static void warn_regex(struct checker *c, const struct checked *e)
{
	struct guard_finding finding;
	struct pattern *pattern = NULL;
	char name[NAME_TEXT_MAX], as_written[SHOWN_MAX], text[GUARD_TEXT_MAX];
	size_t at = 0;
	if (!rank_blocks(e->info->rank) || e->info->match != MATCH_REGEX || !guard_next(c->guard, &at, &finding) ||
	    !pattern_compile(e->entry.text, &pattern, NULL, NULL))
		return;
	bool hit = false;
	at = 0;
	while (!hit && guard_next(c->guard, &at, &finding)) {
		pattern_begin(c->scratch, 1);
		hit = pattern_match(pattern, c->scratch, str_from(name_to_text(&finding.name, name)));
	}
	if (hit)
		warn(c, WARNING_PROTECTED, e->info->list, e->entry.line, e->entry.column, "%.400s",
		     guard_text(&finding, shown(&e->entry, as_written), MATCH_EXACT, text));
	pattern_destroy(pattern);
}

/* Of an entry that says so itself; what its file says is said once (warn_list). */
static bool warn_own_times(struct checker *c, const struct checked *e)
{
	const struct info *info = e->info;
	const struct provenance *own = &info->own;
	char name[SHOWN_MAX];
	const bool expired = info->expires != NULL && info->expires_s <= c->all.now_s;
	if (!info->has_own)
		return expired;
	if (expired && own->expires != NULL)
		warn(c, WARNING_EXPIRED, info->list, e->entry.line, e->entry.column, "'%s' has expired: %s", shown(&e->entry, name),
		     own->expires);
	else if (!expired && own->review != NULL && own->review_s <= c->all.now_s)
		warn(c, WARNING_PAST_REVIEW, info->list, e->entry.line, e->entry.column,
		     "'%s' should have been looked at again: %s", shown(&e->entry, name), own->review);
	return expired;
}

/* Of a whole list, whether its file or saring.yaml says so. False when it is lifted: nothing is said of it. */
static void warn_list(struct checker *c, size_t list)
{
	const struct settings_list *sl = &c->all.settings->lists[list];
	const struct provenance p = list_provenance(NULL, segment_defaults(c->all.sources[list].segment), &sl->provenance);
	if (p.lifted != NULL && p.lifted_s <= c->all.now_s)
		return;
	if (p.expires != NULL && p.expires_s <= c->all.now_s)
		warn(c, WARNING_EXPIRED, list, 1, 1, "the list has expired: %s", p.expires);
	else if (p.review != NULL && p.review_s <= c->all.now_s)
		warn(c, WARNING_PAST_REVIEW, list, 1, 1, "the list should have been looked at again: %s", p.review);
}

static void warn_left_out(struct checker *c, size_t list)
{
	const struct report *r = segment_report(c->all.sources[list].segment);
	for (size_t reason = 0; reason < LEFT_REASON_COUNT; reason++) {
		const struct report_count *left = &r->left[reason];
		if (left->count > 0)
			warn(c, WARNING_LEFT_OUT, list, left->samples[0].line, 0, "%llu %s left out: %s (first: line %u '%s')",
			     (unsigned long long)left->count, left->count == 1 ? "line" : "lines", left_words[reason],
			     left->samples[0].line, left->samples[0].text);
	}
}

/* --- the whole --- */

static void check_entry(struct checker *c, const struct checked *e)
{
	size_t count = 0;
	if (e->info->lifted || warn_own_times(c, e))
		return;
	if (e->entry.wire == NULL) {
		check_text(c, e);
		warn_regex(c, e);
		return;
	}
	warn_over_broad(c, e);
	if (check_table_alone(&c->all.table, e->seq)) {
		warn_covered(c, e, NULL, 0);
		return;
	}
	const struct check_kind *kinds = check_table_find(&c->all.table, e->entry.wire, e->entry.wire_len, &count);
	if (!warn_duplicate(c, e, kinds, count))
		warn_covered(c, e, kinds, count);
	warn_contradiction(c, e, kinds, count);
}

static int found_order(const void *left, const void *right)
{
	const struct found *a = left, *b = right;
	if (a->list != b->list)
		return a->list < b->list ? -1 : 1;
	if (a->w.line != b->w.line)
		return a->w.line < b->w.line ? -1 : 1;
	if (a->w.column != b->w.column)
		return a->w.column < b->w.column ? -1 : 1;
	if (a->w.kind != b->w.kind)
		return a->w.kind < b->w.kind ? -1 : 1;
	return strcmp(a->w.text, b->w.text);
}

static size_t give(struct checker *c, struct policy_warning **ret)
{
	*ret = NULL;
	if (c->count == 0)
		return 0;
	qsort(c->found, c->count, sizeof(c->found[0]), found_order);
	*ret = base_realloc(NULL, c->count * sizeof((*ret)[0]));
	for (size_t i = 0; i < c->count; i++)
		(*ret)[i] = c->found[i].w;
	return c->count;
}

/* Groups that no client that may ask is in. Who asks at an endpoint that a group has may be anybody. */
static void warn_groups(struct checker *c)
{
	const struct settings *s = c->all.settings;
	for (size_t g = 1; g < s->group_count; g++) {
		const struct settings_group *group = &s->groups[g];
		bool listens = false;
		for (size_t i = 0; i < group->client_count; i++)
			listens |= group->clients[i].is_listener;
		if (listens || clients_reach(s->clients, (uint16_t)g, s->allow, s->allow_count))
			continue;
		struct found *f = found_new(c);
		if (f == NULL)
			return;
		f->list = s->list_count;
		f->w.kind = WARNING_UNREACHABLE;
		f->w.file = s->path;
		f->w.line = group->line;
		f->w.column = group->column;
		(void)snprintf(
		    f->w.text, sizeof(f->w.text),
		    "no client is in the group '%s': those of 'clients.allow' are none of its own, or in longer prefixes of "
		    "other groups",
		    group->name);
	}
}

size_t policy_check(const struct settings *settings, const struct source *sources, int64_t now_s, struct policy_warning **ret)
{
	struct checker c = {.guard = guard_create(settings), .scratch = policy_scratch_create()};
	struct checked e;
	uint32_t seq = 0;
	check_entries_init(&c.all, settings, sources, now_s);
	for (size_t i = 0; i < settings->list_count; i++) {
		struct segment_cursor cursor = {0};
		if (!check_entries_has(&c.all, i))
			continue;
		warn_list(&c, i);
		warn_left_out(&c, i);
		while (check_entries_next(&c.all, i, &cursor, &seq, &e))
			check_entry(&c, &e);
		warn_totals(&c, i);
	}
	warn_groups(&c);
	size_t count = give(&c, ret);
	check_entries_finish(&c.all);
	guard_destroy(c.guard);
	policy_scratch_destroy(c.scratch);
	free(c.found);
	return count;
}
