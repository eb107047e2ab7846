/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cmd_show.c - list show: a list's entries with their provenance, read from its file in whatever format, daemon or not. */
#include "saringctl/context.h"

#include "base/clock.h"
#include "base/str.h"
#include "ctl/proto.h"
#include "list/list.h"
#include "compile/compile.h"
#include "saringctl/hits_seen.h"
#include "saringctl/blockers.h"
#include "saringctl/carried.h"
#include "saringctl/list_signed.h"
#include "saringctl/list_source.h"

#include <stdlib.h>
#include <string.h>

#define TABLE_ENTRIES_MAX 20000 /* a longer list is not held in memory for the sake of its columns' width */
#define SHOW_ENTRY_WIDTH 40

struct shown {
	const struct output *out;
	const struct settings_list *settings;
	const struct segment *segment;
	enum action action; /* the list's */
	int64_t now_s;
	char signed_by[64];    /* "": it has no key */
	struct hits_seen hits; /* reply NULL: the daemon was not reached */
	bool unused;	       /* only those never hit */
	struct lifts *lifts;   /* owned; beside a list that cannot be edited; NULL: unknown */
	struct lookout lifted; /* their names, those of this list */
	bool has_lifted;
};

/* One entry, as it is shown. */
struct row {
	struct segment_entry entry;
	struct segment_class class;
	struct provenance own; /* what the entry itself says */
	struct provenance all; /* what holds for it */
	char text[NAME_TEXT_MAX];
	char *written; /* owned; NULL when text is it */
	const char *state;
	const json_t *hit; /* what the daemon counted; NULL: nothing */
};

/* The entry's own mode, or its list's. */
static enum mode row_mode(const struct shown *s, const struct segment_class *class)
{
	return class->shadow && s->settings->mode == MODE_ENFORCE ? MODE_SHADOW : s->settings->mode;
}

static const char *state_of(const struct shown *s, const struct segment_class *class, const struct provenance *p)
{
	const enum mode mode = row_mode(s, class);
	if (p->lifted != NULL && p->lifted_s <= s->now_s)
		return "lifted";
	if (p->expires != NULL && p->expires_s <= s->now_s)
		return "expired";
	return mode == MODE_ENFORCE ? "in force" : mode_words[mode];
}

/* The entry as its author wrote it, else what it means. */
static void row_text(struct row *row)
{
	const struct segment_entry *e = &row->entry;
	struct str text = e->written.len > 0 ? e->written : e->text;
	struct name name;
	row->written = NULL;
	if (text.len > 0)
		row->written = str_dup(text);
	else if (e->wire != NULL && name_from_wire(e->wire, e->wire_len, &name))
		(void)name_to_text(&name, row->text);
	else
		(void)prefix_to_text(&e->prefix, row->text);
}

static const char *row_entry(const struct row *row)
{
	return row->written != NULL ? row->written : row->text;
}

static const char *row_match(const struct shown *s, const struct row *row)
{
	return match_words[compile_entry_match(s->segment, &row->class, s->settings)];
}

/* A name is looked for in its one form, too. */
static const json_t *row_hit(const struct shown *s, const struct row *row)
{
	const struct segment_entry *e = &row->entry;
	char text[NAME_TEXT_MAX];
	struct name name;
	if (s->hits.reply == NULL)
		return NULL;
	if (e->wire == NULL || row->class.cond.len > 0 || !name_from_wire(e->wire, e->wire_len, &name))
		return hits_seen_of(&s->hits, row_entry(row), NULL, row_match(s, row));
	return hits_seen_of(&s->hits, row_entry(row), name_to_text(&name, text), row_match(s, row));
}

/* A lift that outranks the list says so of each entry of its name. */
static void row_lift(const struct shown *s, struct row *row)
{
	const struct segment_entry *e = &row->entry;
	const enum action action = row->class.has_action ? row->class.action : s->action;
	struct name name;
	if (!s->has_lifted || e->wire == NULL || !lookout_wants(&s->lifted, e) || !name_from_wire(e->wire, e->wire_len, &name))
		return;
	const struct lift *lift = lifts_find(s->lifts, s->settings->name, &name, action);
	if (lift == NULL)
		return;
	lift_note(lift, &row->own);
	lift_note(lift, &row->all);
}

static bool row_read(const struct shown *s, struct segment_cursor *cursor, struct row *row)
{
	if (!segment_next(s->segment, cursor, &row->entry))
		return false;
	segment_class(s->segment, row->entry.class, &row->class);
	row->own = (struct provenance){.authority = NULL};
	bool says = row->class.provenance != SEGMENT_NONE;
	if (says)
		segment_provenance(s->segment, row->class.provenance, &row->own);
	row->all = list_provenance(says ? &row->own : NULL, segment_defaults(s->segment), &s->settings->provenance);
	row_lift(s, row);
	row->state = state_of(s, &row->class, &row->all);
	row_text(row);
	row->hit = row_hit(s, row);
	return true;
}

static bool row_is_shown(const struct shown *s, const struct row *row)
{
	return !s->unused || field_int(row->hit, "hits") + field_int(row->hit, "would_block") == 0;
}

static bool row_next(const struct shown *s, struct segment_cursor *cursor, struct row *row)
{
	while (row_read(s, cursor, row)) {
		if (row_is_shown(s, row))
			return true;
		free(row->written);
	}
	return false;
}

static const char *row_action(const struct shown *s, const struct row *row)
{
	return action_words[row->class.has_action ? row->class.action : s->action];
}

/* What goes with the code that holds (compile_rules.c); NULL: none. */
static const char *sub_error_shown(const struct provenance *p)
{
	bool sent = p->sub_error != SUB_ERROR_NONE && terms_sub_error_fits(p->sub_error, p->has_code ? p->code : CODE_BLOCKED);
	return sent ? sub_error_words[p->sub_error] : NULL;
}

/* ---- for programs ---- */

static json_t *row_json(const struct shown *s, const struct row *row)
{
	const struct provenance *p = &row->all;
	json_t *contact = json_array();
	must(contact != NULL);
	for (size_t i = 0; i < p->contact_count; i++)
		must(json_array_append_new(contact, ctl_text(str_from(p->contact[i]))) == 0);
	json_t *one = json_pack("{s:o, s:o, s:I, s:o, s:s, s:s, s:b, s:s, s:s, s:s}", "list", ctl_text(str_from(s->settings->name)),
				"file", ctl_text(str_from(s->settings->file_shown)), "line", (json_int_t)row->entry.line, "entry",
				ctl_text(str_from(row_entry(row))), "match", row_match(s, row), "action", row_action(s, row),
				"mandatory", s->settings->mandatory, "mode", mode_words[row_mode(s, &row->class)], "state",
				row->state, "code", code_words[p->has_code ? p->code : CODE_BLOCKED]);
	must(one != NULL);
	json_t *rest = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "authority",
				 ctl_text(str_from(p->authority)), "reason", ctl_text(str_from(p->reason)), "reference",
				 ctl_text(str_from(p->reference)), "contact", contact, "added", ctl_text(str_from(p->added)),
				 "review", ctl_text(str_from(p->review)), "expires", ctl_text(str_from(p->expires)), "lifted",
				 ctl_text(str_from(p->lifted)), "lifted_by", ctl_text(str_from(p->lifted_by)), "lift_reason",
				 ctl_text(str_from(p->lift_reason)), "lift_reference", ctl_text(str_from(p->lift_reference)),
				 "organization", ctl_text(str_from(p->organization)), "language", ctl_text(str_from(p->language)),
				 "sub_error", ctl_text(str_from(sub_error_shown(p))));
	must(rest != NULL && json_object_update(one, rest) == 0);
	json_decref(rest);
	if (s->hits.reply != NULL) {
		json_t *last = json_object_get(row->hit, "last_hit");
		json_t *hit = json_pack("{s:I, s:I}", "hits", (json_int_t)field_int(row->hit, "hits"), "would_block",
					(json_int_t)field_int(row->hit, "would_block"));
		must(hit != NULL && json_object_update(one, hit) == 0);
		json_decref(hit);
		must(json_object_set_new(one, "last_hit", last != NULL ? json_incref(last) : json_null()) == 0);
	}
	if (row->class.has_answer)
		must(json_object_set_new(one, "answer", json_string(answer_words[row->class.answer])) == 0);
	return one;
}

/* One document, but never all of it in memory: a list may have millions of entries. */
static void show_json(const struct shown *s)
{
	struct segment_cursor cursor = {0};
	struct row row;
	const char *before = "[\n";
	while (row_next(s, &cursor, &row)) {
		json_t *one = row_json(s, &row);
		char *text = ctl_json(one, JSON_INDENT(2));
		(void)printf("%s%s", before, text);
		free(text);
		json_decref(one);
		free(row.written);
		before = ",\n";
	}
	(void)puts(before[0] == '[' ? "[]" : "\n]");
}

/* ---- for people ---- */

/* What holds for all entries that do not say otherwise. */
static void show_head(const struct shown *s)
{
	const struct output *o = s->out;
	const struct provenance p = list_provenance(NULL, segment_defaults(s->segment), &s->settings->provenance);
	output_print(o, stdout, PAINT_HEAD, "%s", s->settings->name);
	if (segment_title(s->segment) != NULL)
		output_print(o, stdout, PAINT_NONE, ": %s", segment_title(s->segment));
	putchar('\n');
	output_linef(o, "list", "%s%s, %s", s->settings->mandatory ? "mandatory " : "", action_words[s->action],
		     mode_words[s->settings->mode]);
	output_line(o, s->settings->url != NULL ? "url" : "file", s->settings->file_shown);
	output_line(o, "signed by", s->signed_by);
	output_line(o, "format", format_words[segment_format(s->segment)]);
	output_line(o, "authority", p.authority);
	output_line(o, "reason", p.reason);
	output_line(o, "code", code_words[p.has_code ? p.code : CODE_BLOCKED]);
	output_line(o, "sub-error", sub_error_shown(&p));
	output_line(o, "reference", p.reference);
	for (size_t i = 0; i < p.contact_count; i++)
		output_line(o, i == 0 ? "contact" : "", p.contact[i]);
	output_line(o, "added", p.added);
	output_line(o, "review", p.review);
	output_line(o, "expires", p.expires);
	output_line(o, "lifted", p.lifted);
	output_line(o, "lifted by", p.lifted_by);
	output_line(o, "lift reason", p.lift_reason);
	output_line(o, "lift reference", p.lift_reference);
	char since[HITS_SEEN_SINCE_MAX];
	if (s->hits.reply != NULL)
		output_linef(o, s->unused ? "never hit" : "hits", "%s", hits_seen_since(&s->hits, since));
}

/* "12", or of an entry on trial "(12)": would have been. */
static const char *row_hits(const struct row *row, char buf[FIGURE_MAX])
{
	int64_t hits = field_int(row->hit, "hits"), would = field_int(row->hit, "would_block");
	if (hits == 0 && would > 0)
		(void)snprintf(buf, FIGURE_MAX, "(%lld)", (long long)would);
	else
		(void)snprintf(buf, FIGURE_MAX, "%lld", (long long)hits);
	return buf;
}

/* A column stands only where an entry has something of its own to say there. */
static const struct {
	const char *title;
	bool wrap;
	size_t offset; /* of a const char * in struct provenance */
} own_columns[] = {
    {"ADDED", false, offsetof(struct provenance, added)},
    {"REVIEW", false, offsetof(struct provenance, review)},
    {"EXPIRES", false, offsetof(struct provenance, expires)},
    {"LIFTED", false, offsetof(struct provenance, lifted)},
    {"AUTHORITY", true, offsetof(struct provenance, authority)},
    {"REASON", true, offsetof(struct provenance, reason)},
    {"REFERENCE", true, offsetof(struct provenance, reference)},
    {"LIFTED BY", true, offsetof(struct provenance, lifted_by)},
    {"LIFT REASON", true, offsetof(struct provenance, lift_reason)},
    {"LIFT REFERENCE", true, offsetof(struct provenance, lift_reference)},
};

static const char *own_text(const struct provenance *own, size_t column)
{
	const char *text;
	memcpy(&text, (const char *)own + own_columns[column].offset, sizeof(text));
	return text;
}

/* What the classes say is what some entry says. */
static size_t own_said(const struct shown *s, size_t ret[ARRAY_LEN(own_columns)], bool *ret_actions)
{
	bool said[ARRAY_LEN(own_columns)] = {false};
	size_t count = 0;
	*ret_actions = false;
	for (uint32_t c = 0; c < segment_class_count(s->segment); c++) {
		struct segment_class class;
		struct provenance own;
		segment_class(s->segment, c, &class);
		*ret_actions |= class.has_action && class.action != s->action;
		if (class.provenance == SEGMENT_NONE)
			continue;
		segment_provenance(s->segment, class.provenance, &own);
		for (size_t k = 0; k < ARRAY_LEN(own_columns); k++)
			said[k] |= own_text(&own, k) != NULL;
	}
	for (size_t k = 0; k < ARRAY_LEN(own_columns); k++)
		if (said[k] || (s->has_lifted && strcmp(own_columns[k].title, "LIFTED") == 0))
			ret[count++] = k;
	return count;
}

static enum paint paint_of_state(const char *state)
{
	return strcmp(state, "in force") == 0 ? PAINT_GOOD : PAINT_WARN;
}

static void show_table(const struct shown *s)
{
	struct column columns[7 + ARRAY_LEN(own_columns)] = {
	    {"LINE", true, false}, {"ENTRY", false, true}, {"MATCH", false, false}};
	size_t own[ARRAY_LEN(own_columns)], fixed = 3;
	bool actions;
	size_t own_count = own_said(s, own, &actions);
	if (actions)
		columns[fixed++] = (struct column){"ACTION", false, false};
	const size_t state = fixed;
	columns[fixed++] = (struct column){"STATE", false, false};
	if (s->hits.reply != NULL && !s->unused) {
		columns[fixed++] = (struct column){"HITS", true, false};
		columns[fixed++] = (struct column){"LAST HIT", false, false};
	}
	for (size_t k = 0; k < own_count; k++)
		columns[fixed + k] = (struct column){own_columns[own[k]].title, false, own_columns[own[k]].wrap};
	struct table *t = table_create(s->out, columns, fixed + own_count);
	struct segment_cursor cursor = {0};
	struct row row;
	while (row_next(s, &cursor, &row)) {
		table_row(t);
		table_number(t, 0, row.entry.line);
		table_cell(t, 1, PAINT_NONE, row_entry(&row));
		table_cell(t, 2, PAINT_NONE, row_match(s, &row));
		if (actions)
			table_cell(t, 3, PAINT_NONE, row_action(s, &row));
		table_cell(t, state, paint_of_state(row.state), row.state);
		if (fixed > state + 1) {
			char figure[FIGURE_MAX];
			table_cell(t, state + 1, PAINT_NONE, row_hits(&row, figure));
			table_cell(t, state + 2, PAINT_NONE, field_text(row.hit, "last_hit"));
		}
		for (size_t k = 0; k < own_count; k++)
			table_cell(t, fixed + k, PAINT_NONE, own_text(&row.own, own[k]));
		free(row.written);
	}
	table_finish(t);
}

static void show_lines(const struct shown *s)
{
	struct segment_cursor cursor = {0};
	struct row row;
	const bool hits = s->hits.reply != NULL && !s->unused;
	char figure[FIGURE_MAX];
	output_print(s->out, stdout, PAINT_HEAD, "%8s %-*s %-10s %-6s %s%s", "LINE", SHOW_ENTRY_WIDTH, "ENTRY", "MATCH", "ACTION",
		     "STATE", hits ? "     HITS" : "");
	putchar('\n');
	while (row_next(s, &cursor, &row)) {
		output_print(s->out, stdout, PAINT_NONE, hits ? "%8u %-*s %-10s %-6s %-9s %s" : "%8u %-*s %-10s %-6s %s%s",
			     row.entry.line, SHOW_ENTRY_WIDTH, row_entry(&row), row_match(s, &row), row_action(s, &row), row.state,
			     hits ? row_hits(&row, figure) : "");
		putchar('\n');
		free(row.written);
	}
}

static void show_people(const struct shown *s)
{
	size_t count = segment_entry_count(s->segment);
	show_head(s);
	if (count == 0) {
		output_line(s->out, "entries", "none");
		return;
	}
	putchar('\n');
	if (count <= TABLE_ENTRIES_MAX)
		show_table(s);
	else
		show_lines(s);
}

/* Without the daemon a list is shown without its hits; what was never hit cannot be said then. */
static bool load_hits(struct context *ctx, struct shown *s, enum exit_status *ret_status)
{
	struct err err = {.code = ERR_NONE};
	s->unused = ctx->in->unused;
	if (hits_seen_load(ctx, s->settings->name, &s->hits, &err) || !s->unused)
		return true;
	*ret_status = output_fail(&ctx->out, &err, NULL);
	return false;
}

static void load_lifts(const struct context *ctx, struct shown *s)
{
	s->lifts = carried_load(ctx);
	lookout_init(&s->lifted);
	for (size_t i = 0; s->lifts != NULL && i < s->lifts->count; i++) {
		const struct lift *l = &s->lifts->items[i];
		struct name name;
		if (!lift_holds(l) || strcmp(l->list, s->settings->name) != 0 || !name_from_wire(l->name, l->name_len, &name))
			continue;
		lookout_name(&s->lifted, &name);
		s->has_lifted = true;
	}
}

enum exit_status cmd_list_show(struct context *ctx)
{
	struct err_list errors = {0};
	struct err err;
	struct source source;
	enum exit_status status = STATUS_DONE;
	const struct settings_list *l = context_list(ctx, ctx->in->operands[0]);
	if (l == NULL)
		return STATUS_FAILED;
	source_check(ctx->settings, (size_t)(l - ctx->settings->lists), &source, &errors);
	if (source.refused && source_open_last_good(ctx->settings, (size_t)(l - ctx->settings->lists), NULL, &source)) {
		output_errors(&ctx->out, &errors);
		output_note(&ctx->out, "what there is of the list '%s' is refused; this is what was last good", l->name);
	}
	if (source.segment == NULL) {
		err_set(&err, ERR_INPUT, "the list '%s' cannot be shown", l->name);
		status = output_fail(&ctx->out, &err, &errors);
	} else {
		struct shown s = {.out = &ctx->out,
				  .settings = l,
				  .segment = source.segment,
				  .action = compile_list_action(source.segment, l),
				  .now_s = clock_wall_s()};
		if (l->key != NULL)
			(void)list_signed_text(ctx->settings, l, s.signed_by, sizeof(s.signed_by));
		load_lifts(ctx, &s);
		if (load_hits(ctx, &s, &status)) {
			if (ctx->out.json)
				show_json(&s);
			else
				show_people(&s);
		}
		hits_seen_finish(&s.hits);
		lookout_finish(&s.lifted);
		lifts_destroy(s.lifts);
	}
	source_close(&source);
	err_list_finish(&errors);
	return status;
}
