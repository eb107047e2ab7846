/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cmd_list.c - lists looked at: list (as the daemon has them) and list show (a file's entries, daemon or not). */
#include "saringctl/context.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/str.h"
#include "ctl/proto.h"
#include "list/list.h"
#include "policy/compile.h"

#include <stdlib.h>
#include <string.h>

enum exit_status cmd_list(struct context *ctx)
{
	static const struct column columns[] = {{"NAME", false, false},	   {"ACTION", false, false},  {"MODE", false, false},
						{"ENTRIES", true, false},  {"IN FORCE", true, false}, {"BLOCKED", true, false},
						{"CHANGED", false, false}, {"SOURCE", false, true}};
	json_t *lists = NULL, *list;
	enum exit_status exit_status;
	size_t i;
	if (!context_call(ctx, "list", NULL, NULL, &lists, &exit_status))
		return exit_status;
	if (ctx->out.json) {
		output_json(lists);
		json_decref(lists);
		return STATUS_DONE;
	}
	if (json_array_size(lists) == 0) {
		puts("There are no lists.");
		json_decref(lists);
		return STATUS_DONE;
	}
	struct table *t = table_create(&ctx->out, columns, ARRAY_LEN(columns));
	json_array_foreach(lists, i, list)
	{
		char action[32];
		const char *mode = field_text(list, "mode");
		(void)snprintf(action, sizeof(action), "%s%s", field_bool(list, "mandatory") ? "mandatory " : "",
			       field_text(list, "action"));
		table_row(t);
		table_cell(t, 0, PAINT_NONE, field_text(list, "name"));
		table_cell(t, 1, PAINT_NONE, action);
		table_cell(t, 2, strcmp(mode, "enforce") == 0 ? PAINT_GOOD : PAINT_WARN, mode);
		table_number(t, 3, field_int(list, "entries"));
		table_number(t, 4, field_int(list, "in_force"));
		table_number(t, 5, field_int(list, "blocked"));
		table_cell(t, 6, PAINT_NONE, field_text(list, "changed_at"));
		table_cell(t, 7, PAINT_NONE, field_text(list, "source"));
	}
	table_finish(t);
	json_decref(lists);
	return STATUS_DONE;
}

/* ---- list show ---- */

struct shown {
	const struct settings_list *settings;
	const struct list *list;
	enum action action;
	int64_t now_s;
};

static const char *state_of(const struct shown *s, const struct provenance *p)
{
	if (p->lifted != NULL && p->lifted_s <= s->now_s)
		return "lifted";
	if (p->expires != NULL && p->expires_s <= s->now_s)
		return "expired";
	return s->settings->mode == MODE_ENFORCE ? "in force" : mode_words[s->settings->mode];
}

static json_t *entry_json(const struct shown *s, const struct list_entry *e)
{
	const struct provenance p = list_provenance(e->provenance, &s->list->provenance, &s->settings->provenance);
	json_t *contact = json_array();
	must(contact != NULL);
	for (size_t i = 0; i < p.contact_count; i++)
		must(json_array_append_new(contact, ctl_text(str_from(p.contact[i]))) == 0);
	json_t *one = json_pack("{s:o, s:o, s:I, s:o, s:s, s:s, s:b, s:s, s:s, s:s}", "list", ctl_text(str_from(s->settings->name)),
				"file", ctl_text(str_from(s->settings->file_shown)), "line", (json_int_t)e->line, "entry",
				ctl_text(str_from(e->text)), "match", match_words[compile_entry_match(e, s->settings)], "action",
				action_words[s->action], "mandatory", s->settings->mandatory, "mode", mode_words[s->settings->mode],
				"state", state_of(s, &p), "code", code_words[p.has_code ? p.code : CODE_BLOCKED]);
	must(one != NULL);
	json_t *rest = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "authority", ctl_text(str_from(p.authority)), "reason",
				 ctl_text(str_from(p.reason)), "reference", ctl_text(str_from(p.reference)), "contact", contact,
				 "added", ctl_text(str_from(p.added)), "review", ctl_text(str_from(p.review)), "expires",
				 ctl_text(str_from(p.expires)), "lifted", ctl_text(str_from(p.lifted)));
	must(rest != NULL && json_object_update(one, rest) == 0);
	json_decref(rest);
	return one;
}

static void show_json(const struct shown *s)
{
	json_t *entries = json_array();
	must(entries != NULL);
	for (size_t i = 0; i < s->list->entry_count; i++)
		must(json_array_append_new(entries, entry_json(s, &s->list->entries[i])) == 0);
	output_json(entries);
	json_decref(entries);
}

/* What holds for all entries that do not say otherwise. */
static void show_head(const struct output *o, const struct shown *s)
{
	const struct provenance p = list_provenance(NULL, &s->list->provenance, &s->settings->provenance);
	output_print(o, stdout, PAINT_HEAD, "%s", s->settings->name);
	if (s->list->title != NULL)
		output_print(o, stdout, PAINT_NONE, ": %s", s->list->title);
	putchar('\n');
	output_linef(o, "list", "%s%s, %s", s->settings->mandatory ? "mandatory " : "", action_words[s->action],
		     mode_words[s->settings->mode]);
	output_line(o, "file", s->settings->file_shown);
	output_line(o, "authority", p.authority);
	output_line(o, "reason", p.reason);
	output_line(o, "code", code_words[p.has_code ? p.code : CODE_BLOCKED]);
	output_line(o, "reference", p.reference);
	for (size_t i = 0; i < p.contact_count; i++)
		output_line(o, i == 0 ? "contact" : "", p.contact[i]);
	output_line(o, "added", p.added);
	output_line(o, "review", p.review);
	output_line(o, "expires", p.expires);
	output_line(o, "lifted", p.lifted);
}

/* A column stands only where an entry has something of its own to say there. */
static const struct {
	const char *title;
	bool wrap;
	size_t offset; /* of a const char * in struct provenance */
} own_columns[] = {
    {"ADDED", false, offsetof(struct provenance, added)},	 {"REVIEW", false, offsetof(struct provenance, review)},
    {"EXPIRES", false, offsetof(struct provenance, expires)},	 {"LIFTED", false, offsetof(struct provenance, lifted)},
    {"AUTHORITY", true, offsetof(struct provenance, authority)}, {"REASON", true, offsetof(struct provenance, reason)},
    {"REFERENCE", true, offsetof(struct provenance, reference)},
};

static const char *own_text(const struct list_entry *e, size_t column)
{
	if (e->provenance == NULL)
		return NULL;
	const char *text;
	memcpy(&text, (const char *)e->provenance + own_columns[column].offset, sizeof(text));
	return text;
}

static enum paint paint_of_state(const char *state)
{
	return strcmp(state, "in force") == 0 ? PAINT_GOOD : PAINT_WARN;
}

static void show_entries(const struct output *o, const struct shown *s)
{
	struct column columns[4 + ARRAY_LEN(own_columns)] = {
	    {"LINE", true, false}, {"ENTRY", false, true}, {"MATCH", false, false}, {"STATE", false, false}};
	size_t own[ARRAY_LEN(own_columns)], own_count = 0;
	for (size_t k = 0; k < ARRAY_LEN(own_columns); k++) {
		bool said = false;
		for (size_t i = 0; i < s->list->entry_count && !said; i++)
			said = own_text(&s->list->entries[i], k) != NULL;
		if (said) {
			columns[4 + own_count] = (struct column){own_columns[k].title, false, own_columns[k].wrap};
			own[own_count++] = k;
		}
	}
	struct table *t = table_create(o, columns, 4 + own_count);
	for (size_t i = 0; i < s->list->entry_count; i++) {
		const struct list_entry *e = &s->list->entries[i];
		const struct provenance p = list_provenance(e->provenance, &s->list->provenance, &s->settings->provenance);
		const char *state = state_of(s, &p);
		table_row(t);
		table_number(t, 0, e->line);
		table_cell(t, 1, PAINT_NONE, e->text);
		table_cell(t, 2, PAINT_NONE, match_words[compile_entry_match(e, s->settings)]);
		table_cell(t, 3, paint_of_state(state), state);
		for (size_t k = 0; k < own_count; k++)
			table_cell(t, 4 + k, PAINT_NONE, own_text(e, own[k]));
	}
	table_finish(t);
}

enum exit_status cmd_list_show(struct context *ctx)
{
	struct err_list errors = {0};
	struct err err;
	const struct settings_list *l = context_list(ctx, ctx->in->operands[0]);
	if (l == NULL)
		return STATUS_FAILED;
	char *shown = file_path_beside(ctx->config, l->file_shown);
	struct list *list = list_load(l->file, shown, &errors);
	free(shown);
	if (list == NULL) {
		err_set(&err, ERR_INPUT, "the list '%s' cannot be shown", l->name);
		enum exit_status status = output_fail(&ctx->out, &err, &errors);
		err_list_finish(&errors);
		return status;
	}
	const struct shown s = {.settings = l, .list = list, .action = compile_list_action(list, l), .now_s = clock_wall_s()};
	if (ctx->out.json) {
		show_json(&s);
	} else {
		show_head(&ctx->out, &s);
		if (list->entry_count > 0) {
			putchar('\n');
			show_entries(&ctx->out, &s);
		} else {
			output_line(&ctx->out, "entries", "none");
		}
	}
	list_destroy(list);
	err_list_finish(&errors);
	return STATUS_DONE;
}
