/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cmd_review.c - review: what is due to be looked at again, or about to end, from the lists' files; how often it was hit, from the
 * daemon, if it runs. */
#include "saringctl/context.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/str.h"
#include "ctl/proto.h"
#include "import/source.h"
#include "saringctl/hits_seen.h"
#include "saringctl/review_rows.h"

#include <stdlib.h>
#include <string.h>

struct reviewed {
	struct context *ctx;
	int64_t now_s;
	struct source *sources; /* owned; rows borrow from them */
	struct review_rows rows;
	size_t unread; /* lists that could not be read, which was said */
	bool no_hits;  /* the daemon was asked for them, and did not say */
	/* of the list that is being walked: */
	struct hits_seen hits;
};

/* ---- hits ---- */

static bool load_hits(struct reviewed *r, const char *list)
{
	struct err err = {.code = ERR_NONE};
	if (!r->no_hits)
		r->no_hits = !hits_seen_load(r->ctx, list, &r->hits, &err);
	return !r->no_hits;
}

/* Of an entry in mode shadow those that it would have been. */
static uint64_t hits_of(void *arg, const char *entry, const char *match)
{
	const struct reviewed *r = arg;
	const json_t *hit = hits_seen_of(&r->hits, entry, NULL, match);
	return (uint64_t)MAX(field_int(hit, "hits") + field_int(hit, "would_block"), 0);
}

/* ---- lists ---- */

static void read_list(struct reviewed *r, size_t i)
{
	const struct settings *s = r->ctx->settings;
	const struct settings_list *list = &s->lists[i];
	struct source *source = &r->sources[i];
	struct err_list errors = {0};
	if (!review_rows_may(list, r->now_s, r->ctx->in->due_s))
		return;
	source_open(s, i, NULL, NULL, source, &errors);
	if (source->refused)
		(void)!source_open_last_good(s, i, NULL, source);
	if (source->segment == NULL) {
		output_errors(&r->ctx->out, &errors);
		output_note(&r->ctx->out, "the list '%s' cannot be read, and is left out here", list->name);
		r->unread++;
	} else {
		const bool known = load_hits(r, list->name);
		review_rows_add(&r->rows, list, source, r->now_s, r->ctx->in->due_s, known ? hits_of : NULL, r);
		hits_seen_finish(&r->hits);
	}
	err_list_finish(&errors);
}

/* ---- for programs ---- */

static json_t *row_json(const struct review_row *row, int64_t now_s)
{
	const struct provenance *p = &row->provenance;
	json_t *names = json_array(), *contact = json_array();
	must(names != NULL && contact != NULL);
	for (size_t i = 0; i < REVIEW_NAMES_MAX && row->names[i] != NULL; i++)
		must(json_array_append_new(names, ctl_text(str_from(row->names[i]))) == 0);
	for (size_t i = 0; i < p->contact_count; i++)
		must(json_array_append_new(contact, ctl_text(str_from(p->contact[i]))) == 0);
	json_t *one = json_pack(
	    "{s:o, s:s, s:b, s:b, s:b, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "list", ctl_text(str_from(row->list->name)),
	    "mode", mode_words[row->list->mode], "review_due", row->review, "ends", row->ends, "past", row->at_s <= now_s,
	    "entries", (json_int_t)row->entries, "names", names, "authority", ctl_text(str_from(p->authority)), "contact", contact,
	    "reference", ctl_text(str_from(p->reference)), "review", ctl_text(str_from(p->review)), "expires",
	    ctl_text(str_from(p->expires)), "hits", row->has_hits ? json_integer((json_int_t)row->hits) : json_null());
	must(one != NULL);
	return one;
}

static void show_json(const struct reviewed *r)
{
	json_t *all = json_array();
	must(all != NULL);
	for (size_t i = 0; i < r->rows.count; i++)
		must(json_array_append_new(all, row_json(&r->rows.rows[i], r->now_s)) == 0);
	output_json(all);
	json_decref(all);
}

/* ---- for people ---- */

/* "t.me", or "a.example, b.example, c.example and 997 more". */
static void put_names(const struct review_row *row, struct buf *ret)
{
	buf_reset(ret);
	for (size_t i = 0; i < REVIEW_NAMES_MAX && row->names[i] != NULL; i++)
		buf_printf(ret, "%s%s", i > 0 ? ", " : "", row->names[i]);
	if (row->entries > REVIEW_NAMES_MAX)
		buf_printf(ret, " and %llu more", (unsigned long long)(row->entries - REVIEW_NAMES_MAX));
}

static void put_contacts(const struct provenance *p, struct buf *ret)
{
	buf_reset(ret);
	for (size_t i = 0; i < p->contact_count; i++)
		buf_printf(ret, "%s%s", i > 0 ? ", " : "", p->contact[i]);
}

static void show_row(struct table *t, const struct review_row *row, int64_t now_s, struct buf *text)
{
	const struct provenance *p = &row->provenance;
	const enum paint paint = row->at_s <= now_s ? PAINT_WARN : PAINT_NONE;
	char hits[32] = "unknown";
	if (row->has_hits)
		(void)snprintf(hits, sizeof(hits), "%llu", (unsigned long long)row->hits);
	table_row(t);
	table_cell(t, 0, paint, row->review ? p->review : "");
	table_cell(t, 1, row->ends ? PAINT_WARN : PAINT_NONE, p->expires);
	table_cell(t, 2, PAINT_NONE, row->list->name);
	put_names(row, text);
	table_cell(t, 3, PAINT_NONE, text->ptr);
	table_cell(t, 4, PAINT_NONE, hits);
	table_cell(t, 5, PAINT_NONE, p->authority);
	put_contacts(p, text);
	table_cell(t, 6, PAINT_NONE, text->len > 0 ? text->ptr : "");
	table_cell(t, 7, PAINT_NONE, p->reference);
}

static void show_people(const struct reviewed *r)
{
	static const struct column columns[] = {{"REVIEW", false, false}, {"ENDS", false, false},    {"LIST", false, false},
						{"ENTRIES", false, true}, {"HITS", true, false},     {"AUTHORITY", false, true},
						{"CONTACT", false, true}, {"REFERENCE", false, true}};
	struct buf text = {NULL, 0, 0};
	if (r->rows.count == 0) {
		puts("Nothing is due.");
		return;
	}
	struct table *t = table_create(&r->ctx->out, columns, ARRAY_LEN(columns));
	for (size_t i = 0; i < r->rows.count; i++)
		show_row(t, &r->rows.rows[i], r->now_s, &text);
	table_finish(t);
	buf_finish(&text);
}

enum exit_status cmd_review(struct context *ctx)
{
	struct reviewed r = {.ctx = ctx, .now_s = clock_wall_s()};
	const struct settings *s = context_settings(ctx);
	if (s == NULL)
		return STATUS_FAILED;
	r.sources = base_alloc((s->list_count + 1) * sizeof(r.sources[0]));
	for (size_t i = 0; i < s->list_count; i++)
		read_list(&r, i);
	review_rows_sort(&r.rows);
	if (ctx->out.json)
		show_json(&r);
	else
		show_people(&r);
	review_rows_finish(&r.rows);
	for (size_t i = 0; i < s->list_count; i++)
		source_close(&r.sources[i]);
	free(r.sources);
	return r.unread == 0 ? STATUS_DONE : STATUS_FAILED;
}
