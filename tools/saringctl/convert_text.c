/* SPDX-License-Identifier: BSD-2-Clause
 *
 * convert_text.c - the settings that were found, as the text of a saring.yaml: sections in the order of the shipped one. */
#include "saringctl/convert.h"

#include "list/quote.h"

#include <string.h>

static const char *const order[] = {
    "listen", "clients", "upstream", "rebind-protection", "cache", "names",  "records", "hosts", "safe-search",
    "block",  "lists",	 "groups",   "time-zone",	  "log",   "metrics"};

static void put_scalar(struct arena *arena, const json_t *value, bool flow, struct buf *b)
{
	if (json_is_string(value)) {
		const char *quoted = quote_yaml(arena, str_from(json_string_value(value)), flow);
		buf_add_c(b, quoted != NULL ? quoted : "''");
	} else if (json_is_integer(value))
		buf_printf(b, "%lld", (long long)json_integer_value(value));
	else
		buf_add_c(b, json_is_true(value) ? "true" : "false");
}

static void put_flow(struct arena *arena, const json_t *array, struct buf *b)
{
	size_t i;
	const json_t *one;
	buf_add_c(b, "[");
	json_array_foreach(array, i, one)
	{
		buf_add_c(b, i == 0 ? "" : ", ");
		put_scalar(arena, one, true, b);
	}
	buf_add_c(b, "]");
}

/* A member whose value stands on its line: a scalar, or a list of them. */
static bool put_short(struct arena *arena, const char *lead, const char *key, const json_t *value, struct buf *b)
{
	if (json_is_object(value) || (json_is_array(value) && json_is_object(json_array_get(value, 0))))
		return false;
	buf_printf(b, "%s%s: ", lead, key);
	if (json_is_array(value))
		put_flow(arena, value, b);
	else
		put_scalar(arena, value, false, b);
	buf_add_c(b, "\n");
	return true;
}

/* A list of mappings whose members are short, but for one kind of list in it, the schedule's. */
static void put_rows(struct arena *arena, const char *indent, json_t *rows, struct buf *b);

static void put_row(struct arena *arena, const char *indent, json_t *row, bool nested, struct buf *b)
{
	const char *key;
	json_t *value;
	bool first = true;
	const char *inner = arena_printf(arena, "%s    ", indent);
	const char *comment = json_string_value(json_object_get(row, "#"));
	if (comment != NULL)
		convert_put_comment(b, arena_printf(arena, "%s  ", indent), comment);
	json_object_foreach(row, key, value)
	{
		const char *lead = arena_printf(arena, first ? "%s  - " : "%s    ", indent);
		if (strcmp(key, "#") == 0)
			continue;
		first = false;
		if (put_short(arena, lead, key, value, b) || nested || !json_is_array(value))
			continue;
		buf_printf(b, "%s%s:\n", lead, key);
		size_t i;
		json_t *one;
		json_array_foreach(value, i, one) put_row(arena, inner, one, true, b);
	}
}

static void put_rows(struct arena *arena, const char *indent, json_t *rows, struct buf *b)
{
	size_t i;
	json_t *row;
	json_array_foreach(rows, i, row) put_row(arena, indent, row, false, b);
}

static void put_section(struct arena *arena, const char *key, json_t *value, struct buf *b)
{
	const char *member;
	json_t *inner;
	if (put_short(arena, "", key, value, b))
		return;
	buf_printf(b, "%s:\n", key);
	if (json_is_array(value)) {
		put_rows(arena, "", value, b);
		return;
	}
	json_object_foreach(value, member, inner)
	{
		const char *deeper;
		json_t *deep;
		if (put_short(arena, "  ", member, inner, b))
			continue;
		buf_printf(b, "  %s:\n", member);
		if (json_is_array(inner)) {
			put_rows(arena, "  ", inner, b);
			continue;
		}
		json_object_foreach(inner, deeper, deep)(void) put_short(arena, "    ", deeper, deep, b);
	}
}

void convert_write(const struct convert *c, const char *from, struct buf *ret)
{
	struct arena arena = {0};
	buf_printf(ret,
		   "# Made by 'saringctl import-config' out of %s. What was changed or left out it has said: run it again without\n"
		   "# --output to see. 'saringctl check' looks over what stands here; saring.yaml(5) is the manual.\n",
		   from);
	for (size_t i = 0; i < ARRAY_LEN(order); i++) {
		json_t *value = json_object_get(c->settings, order[i]);
		if (value == NULL || (json_is_object(value) && json_object_size(value) == 0))
			continue;
		buf_add_c(ret, "\n");
		put_section(&arena, order[i], value, ret);
	}
	arena_finish(&arena);
}
