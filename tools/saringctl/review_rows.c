/* SPDX-License-Identifier: BSD-2-Clause */
#include "saringctl/review_rows.h"

#include "base/intern.h"
#include "base/str.h"
#include "compile/compile.h"
#include "list/list.h"

#include <stdlib.h>
#include <string.h>

#define NOT_DUE (UINT32_MAX - 1)
#define UNKNOWN UINT32_MAX

struct walk {
	struct review_rows *rows;
	const struct settings_list *list;
	const struct segment *segment;
	int64_t now_s, until_s;
	bool has_hits;
	struct intern seen; /* what rows of this list have in common; numbers count from `first` */
	size_t first;
};

static bool counts(const char *text, int64_t time_s, int64_t until_s)
{
	return text != NULL && time_s <= until_s;
}

/* Is there something to be done about entries of which this holds? Those lifted or past their end are no more. */
static bool is_due(const struct provenance *p, int64_t now_s, int64_t until_s, struct review_row *ret)
{
	if ((p->lifted != NULL && p->lifted_s <= now_s) || (p->expires != NULL && p->expires_s <= now_s))
		return false;
	ret->review = counts(p->review, p->review_s, until_s);
	ret->ends = counts(p->expires, p->expires_s, until_s);
	ret->at_s = ret->review && ret->ends ? MIN(p->review_s, p->expires_s) : ret->review ? p->review_s : p->expires_s;
	return ret->review || ret->ends;
}

static void add_text(struct buf *b, const char *text)
{
	buf_add_c(b, text != NULL ? text : "");
	buf_add(b, "", 1);
}

/* The row of a class: new, or one that has all of it in common. */
static uint32_t row_of(struct walk *w, uint32_t number)
{
	struct segment_class class;
	struct provenance own;
	struct review_row row = {.list = w->list, .has_hits = w->has_hits};
	struct buf key = {NULL, 0, 0};
	bool is_new = false;
	segment_class(w->segment, number, &class);
	if (class.provenance != SEGMENT_NONE)
		segment_provenance(w->segment, class.provenance, &own);
	row.provenance =
	    list_provenance(class.provenance != SEGMENT_NONE ? &own : NULL, segment_defaults(w->segment), &w->list->provenance);
	const struct provenance *p = &row.provenance;
	if (!is_due(p, w->now_s, w->until_s, &row))
		return NOT_DUE;
	const char *const texts[] = {p->review, p->expires, p->authority, p->reference};
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		add_text(&key, texts[i]);
	for (size_t i = 0; i < p->contact_count; i++)
		add_text(&key, p->contact[i]);
	const uint32_t n = intern_add(&w->seen, key.ptr, key.len, &is_new);
	buf_finish(&key);
	if (is_new) {
		struct review_rows *r = w->rows;
		if ((r->count & (r->count - 1)) == 0) /* grown at each power of two */
			r->rows = base_realloc(r->rows, (r->count == 0 ? 1 : r->count * 2) * sizeof(r->rows[0]));
		r->rows[r->count++] = row;
	}
	return n;
}

/* As explain has it. Owned by the caller. */
static char *entry_text(const struct segment_entry *e)
{
	char text[NAME_TEXT_MAX];
	struct name name;
	const struct str written = e->written.len > 0 ? e->written : e->text;
	if (written.len > 0)
		return str_dup(written);
	if (e->wire != NULL && name_from_wire(e->wire, e->wire_len, &name))
		return base_strdup(name_to_text(&name, text));
	return base_strdup(prefix_to_text(&e->prefix, text));
}

void review_rows_add(struct review_rows *r, const struct settings_list *list, const struct source *source, int64_t now_s,
		     int64_t due_s, review_hits *hits, void *arg)
{
	struct walk w = {.rows = r,
			 .list = list,
			 .segment = source->segment,
			 .now_s = now_s,
			 .until_s = now_s + due_s,
			 .has_hits = hits != NULL,
			 .first = r->count};
	const size_t classes = segment_class_count(source->segment);
	uint32_t *rows = base_alloc((classes + 1) * sizeof(rows[0]));
	struct segment_cursor cursor = {0};
	struct segment_entry entry;
	intern_init(&w.seen);
	memset(rows, 0xff, classes * sizeof(rows[0]));
	while (segment_next(source->segment, &cursor, &entry)) {
		if (rows[entry.class] == UNKNOWN)
			rows[entry.class] = row_of(&w, entry.class);
		if (rows[entry.class] == NOT_DUE)
			continue;
		struct review_row *row = &r->rows[w.first + rows[entry.class]];
		const bool named = row->entries < REVIEW_NAMES_MAX;
		row->entries++;
		if (!named && hits == NULL)
			continue;
		struct segment_class class;
		char *text = entry_text(&entry);
		segment_class(source->segment, entry.class, &class);
		if (hits != NULL)
			row->hits += hits(arg, text, match_words[compile_entry_match(source->segment, &class, list)]);
		if (named)
			row->names[row->entries - 1] = text;
		else
			free(text);
	}
	intern_finish(&w.seen);
	free(rows);
}

bool review_rows_may(const struct settings_list *list, int64_t now_s, int64_t due_s)
{
	struct review_row row;
	if (list->mode == MODE_OFF)
		return false;
	const enum format format = source_format(list);
	return format == FORMAT_YAML || format == FORMAT_AUTO || is_due(&list->provenance, now_s, now_s + due_s, &row);
}

static int row_order(const void *left, const void *right)
{
	const struct review_row *a = left, *b = right;
	if (a->at_s != b->at_s)
		return a->at_s < b->at_s ? -1 : 1;
	if (a->list != b->list)
		return a->list < b->list ? -1 : 1;
	return strcmp(a->names[0], b->names[0]);
}

void review_rows_sort(struct review_rows *r)
{
	if (r->count > 0)
		qsort(r->rows, r->count, sizeof(r->rows[0]), row_order);
}

void review_rows_finish(struct review_rows *r)
{
	for (size_t i = 0; i < r->count; i++)
		for (size_t k = 0; k < REVIEW_NAMES_MAX; k++)
			free(r->rows[i].names[k]);
	free(r->rows);
	*r = (struct review_rows){.count = 0};
}
