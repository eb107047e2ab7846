/* SPDX-License-Identifier: BSD-2-Clause */
#include "saringctl/pause_show.h"

#include <string.h>

static bool is_name(const json_t *pause)
{
	return strcmp(field_text(pause, "scope"), "name") == 0;
}

void pause_show_what(struct buf *b, const json_t *pause)
{
	const char *scope = field_text(pause, "scope"), *target = field_text(pause, "target"),
		   *client = field_text(pause, "client");
	if (strcmp(scope, "all") == 0)
		buf_add_c(b, "everything");
	else if (is_name(pause))
		buf_printf(b, "%s and all below it%s%s", target, client[0] != '\0' ? ", for " : "", client);
	else if (strcmp(scope, "client") == 0)
		buf_printf(b, "everything for %s", target);
	else
		buf_printf(b, "the %s '%s'", scope, target);
}

static void add_until(struct buf *b, const json_t *pause)
{
	const char *until = field_text(pause, "until");
	buf_printf(b, " until %s", until[0] != '\0' ? until : "it is resumed");
}

void pause_show_add(struct buf *b, const json_t *pause)
{
	pause_show_what(b, pause);
	add_until(b, pause);
}

static void add_why(struct buf *b, const json_t *pause)
{
	const char *by = field_text(pause, "by"), *reason = field_text(pause, "reason");
	if (by[0] != '\0')
		buf_printf(b, ", by %s", by);
	if (reason[0] != '\0')
		buf_printf(b, " (%s)", reason);
}

static void show_unkept(const struct output *o, const json_t *reply)
{
	if (json_is_false(json_object_get(reply, "kept")))
		output_note(o, "it is in force, but a restart of the daemon would undo it: %s", field_text(reply, "error"));
}

static void show_mandatory(const struct output *o, const json_t *lists)
{
	size_t i;
	const json_t *list;
	if (json_array_size(lists) == 0)
		return;
	output_print(o, stdout, PAINT_NONE, "mandatory lists go on blocking: ");
	json_array_foreach(lists, i, list)
	{
		output_print(o, stdout, PAINT_NONE, "%s%s", i > 0 ? ", " : "",
			     json_is_string(list) ? json_string_value(list) : "?");
	}
	putchar('\n');
}

void pause_show_begun(const struct output *o, const json_t *reply, bool last)
{
	const json_t *pause = json_object_get(reply, "pause");
	struct buf text = {0};
	pause_show_what(&text, pause);
	buf_add_c(&text, is_name(pause) ? ": let through" : ": blocking is paused");
	add_until(&text, pause);
	output_print(o, stdout, PAINT_WARN, "%.*s", (int)text.len, text.ptr);
	putchar('\n');
	buf_finish(&text);
	if (!last)
		return;
	show_mandatory(o, json_object_get(reply, "mandatory"));
	show_unkept(o, reply);
}

void pause_show_ended(const struct output *o, const json_t *reply, bool last)
{
	const json_t *ended = json_object_get(reply, "ended"), *one;
	size_t i;
	if (json_array_size(ended) == 0)
		output_print(o, stdout, PAINT_NONE, "there was nothing to resume\n");
	json_array_foreach(ended, i, one)
	{
		struct buf text = {0};
		pause_show_what(&text, one);
		output_print(o, stdout, PAINT_GOOD, "%.*s: %s", (int)text.len, text.ptr,
			     is_name(one) ? "let through no longer" : "blocking is on again");
		putchar('\n');
		buf_finish(&text);
	}
	if (last)
		show_unkept(o, reply);
}

void pause_show_status(const struct output *o, const json_t *pauses)
{
	size_t i;
	const json_t *one;
	json_array_foreach(pauses, i, one)
	{
		struct buf text = {0};
		if (is_name(one))
			buf_add_c(&text, "not blocking ");
		pause_show_add(&text, one);
		add_why(&text, one);
		output_linef(o, i == 0 ? "paused" : "", "%.*s", (int)text.len, text.ptr);
		buf_finish(&text);
	}
}
