/* SPDX-License-Identifier: BSD-2-Clause */
#include "saringctl/audit_show.h"

#include "base/buf.h"
#include "saringctl/pause_show.h"

#include <stdlib.h>
#include <string.h>

#define NAMES_SHOWN 3

static void put_user(struct buf *b, const json_t *user)
{
	const char *login = field_text(user, "login");
	if (login[0] != '\0')
		buf_add_c(b, login);
	else
		buf_printf(b, "uid %lld", (long long)field_int(user, "uid"));
}

char *audit_show_who(const json_t *record)
{
	struct buf b = {0};
	const json_t *behalf = json_object_get(record, "on_behalf_of"), *owner = json_object_get(record, "owner");
	if (json_is_integer(json_object_get(record, "uid"))) {
		put_user(&b, record);
		if (json_is_object(behalf)) {
			buf_add_c(&b, " for ");
			put_user(&b, behalf);
		}
	} else if (json_is_object(owner)) {
		buf_add_c(&b, "file of ");
		put_user(&b, owner);
	} else {
		buf_add_c(&b, field_text(record, "by"));
	}
	return b.ptr != NULL ? b.ptr : base_strdup("");
}

/* "a.example, b.example and 7 more" */
static void put_names(struct buf *b, const json_t *record)
{
	const json_t *names = json_object_get(record, "names");
	size_t count = (size_t)MAX(field_int(record, "name_count"), 0), shown = MIN(json_array_size(names), (size_t)NAMES_SHOWN);
	for (size_t i = 0; i < shown; i++) {
		const char *name = json_string_value(json_array_get(names, i));
		buf_printf(b, "%s%s", i > 0 ? ", " : "", name != NULL ? name : "?");
	}
	if (count > shown)
		buf_printf(b, "%s%zu%s", shown > 0 ? " and " : "", count - shown, shown > 0 ? " more" : " entries");
}

static void put_count(struct buf *b, const json_t *list, const char *key, const char *fmt)
{
	int64_t count = field_int(list, key);
	char text[32];
	if (count == 0)
		return;
	(void)snprintf(text, sizeof(text), "%lld", (long long)count);
	buf_printf(b, "%s%s %s", b->len > 0 && b->ptr[b->len - 1] != ' ' ? ", " : "", text, fmt);
}

/* The pause begun, or those ended, but for what the record names already. */
static void put_pauses(struct buf *b, const json_t *record)
{
	const json_t *pause = json_object_get(record, "pause"), *one;
	size_t i;
	if (json_is_object(pause)) {
		buf_add_c(b, b->len > 0 ? "; " : "");
		pause_show_add(b, pause);
	}
	json_array_foreach(json_object_get(record, "ended"), i, one)
	{
		buf_add_c(b, i > 0 ? ", " : b->len > 0 ? "; " : "");
		pause_show_what(b, one);
	}
}

/* "house: 1 added, 2 lifted" of each list, and what else is to be known. */
static void put_what(struct buf *b, const json_t *record)
{
	size_t i;
	const json_t *list;
	const char *list_name = field_text(record, "list");
	put_names(b, record);
	json_array_foreach(json_object_get(record, "lists"), i, list)
	{
		struct buf counts = {0};
		put_count(&counts, list, "added", "added");
		put_count(&counts, list, "removed", "removed");
		put_count(&counts, list, "lifted", "lifted");
		put_count(&counts, list, "restored", "in force again");
		put_count(&counts, list, "dropped", "lifted no more (the list has dropped it)");
		put_count(&counts, list, "changed", "changed");
		if (counts.len > 0)
			buf_printf(b, "%s%s: %.*s", b->len > 0 ? "; " : "", field_text(list, "list"), (int)counts.len, counts.ptr);
		buf_finish(&counts);
	}
	if (json_array_size(json_object_get(record, "lists")) == 0 && list_name[0] != '\0')
		buf_printf(b, "%s%s", b->len > 0 ? "; " : "", list_name);
	put_pauses(b, record);
	if (json_array_size(json_object_get(record, "beyond")) > 0)
		buf_printf(b, "; %zu not announced", json_array_size(json_object_get(record, "beyond")));
	static const char *const more[] = {"detail", "fetch", "kind", "file"};
	for (size_t m = 0; m < ARRAY_LEN(more); m++) {
		if (field_text(record, more[m])[0] != '\0')
			buf_printf(b, "%s%s", b->len > 0 ? "; " : "", field_text(record, more[m]));
	}
	if (field_int(record, "lost") > 0)
		buf_printf(b, "%s%lld records lost", b->len > 0 ? "; " : "", (long long)field_int(record, "lost"));
}

static char *what_of(const json_t *record)
{
	struct buf b = {0};
	put_what(&b, record);
	return b.ptr != NULL ? b.ptr : base_strdup("");
}

static char *why_of(const json_t *record)
{
	struct buf b = {0};
	const char *reason = field_text(record, "reason"), *reference = field_text(record, "reference");
	buf_printf(&b, "%s%s%s", reason, reason[0] != '\0' && reference[0] != '\0' ? "; " : "", reference);
	return b.ptr;
}

static char *outcome_of(const json_t *record)
{
	struct buf b = {0};
	char took[FIGURE_MAX];
	const char *error = field_text(record, "error"), *outcome = field_text(record, "outcome");
	double effect_ms = field_real(record, "effect_ms");
	if (strcmp(outcome, "error") == 0)
		buf_printf(&b, "failed: %s", error);
	else if (effect_ms > 0)
		buf_printf(&b, "ok, %s", figure_seconds(effect_ms / 1000, took));
	else
		buf_add_c(&b, outcome);
	return b.ptr != NULL ? b.ptr : base_strdup("");
}

static enum paint paint_of(const json_t *record)
{
	const char *verb = field_text(record, "verb");
	if (strcmp(field_text(record, "outcome"), "error") == 0 || strcmp(verb, "audit damage") == 0)
		return PAINT_BAD;
	return strcmp(verb, "unannounced") == 0 || strcmp(verb, "audit gap") == 0 || strcmp(verb, "audit repair") == 0 ? PAINT_WARN
														       : PAINT_NONE;
}

void audit_show_table(const struct output *o, const json_t *records)
{
	static const struct column columns[] = {{"SEQ", true, false},	 {"TIME", false, false}, {"WHO", false, true},
						{"VERB", false, true},	 {"WHAT", false, true},	 {"WHY", false, true},
						{"OUTCOME", false, true}};
	size_t i;
	const json_t *record;
	struct table *t = table_create(o, columns, ARRAY_LEN(columns));
	json_array_foreach(records, i, record)
	{
		char *who = audit_show_who(record), *what = what_of(record), *why = why_of(record), *outcome = outcome_of(record);
		char time[20];
		(void)snprintf(time, sizeof(time), "%s", field_text(record, "time")); /* to the second */
		table_row(t);
		table_number(t, 0, field_int(record, "seq"));
		table_cell(t, 1, PAINT_NONE, time);
		table_cell(t, 2, PAINT_NONE, who);
		table_cell(t, 3, paint_of(record), field_text(record, "verb"));
		table_cell(t, 4, PAINT_NONE, what);
		table_cell(t, 5, PAINT_NONE, why);
		table_cell(t, 6, paint_of(record), outcome);
		free(who);
		free(what);
		free(why);
		free(outcome);
	}
	table_finish(t);
}

void audit_show_line(const struct output *o, const json_t *record)
{
	char *who = audit_show_who(record), *what = what_of(record), *why = why_of(record), *outcome = outcome_of(record);
	output_print(o, stdout, PAINT_NONE, "%lld %s %s ", (long long)field_int(record, "seq"), field_text(record, "time"), who);
	output_print(o, stdout, paint_of(record), "%s", field_text(record, "verb"));
	output_print(o, stdout, PAINT_NONE, "%s%s%s%s%s", what[0] != '\0' ? " " : "", what, why[0] != '\0' ? " (" : "", why,
		     why[0] != '\0' ? ")" : "");
	output_print(o, stdout, paint_of(record), "%s%s", outcome[0] != '\0' ? ": " : "", outcome);
	putchar('\n');
	free(who);
	free(what);
	free(why);
	free(outcome);
}
