/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cmd_groups.c - who gets what: the groups of clients, their lists, and what acts now. */
#include "saringctl/context.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"

/* "a, b, c"; owned by the caller. */
static char *joined(const json_t *texts)
{
	struct buf text = {0};
	const json_t *one;
	size_t i;
	json_array_foreach(texts, i, one)
	{
		buf_printf(&text, "%s%s", i > 0 ? ", " : "", json_is_string(one) ? json_string_value(one) : "");
	}
	char *copy = base_strdup(text.len > 0 ? text.ptr : "");
	buf_finish(&text);
	return copy;
}

static void show_group(struct table *t, const json_t *group)
{
	const json_t *lists = json_object_get(group, "lists"), *active = json_object_get(group, "active");
	const bool all_act = json_equal(lists, active);
	char *clients = joined(json_object_get(group, "clients")), *has = joined(lists), *acts = joined(active);
	const char *next = field_text(group, "next_change");
	table_row(t);
	table_cell(t, 0, PAINT_NONE, field_text(group, "name"));
	table_cell(t, 1, PAINT_NONE, clients[0] != '\0' ? clients : "all others");
	table_cell(t, 2, PAINT_NONE, has[0] != '\0' ? has : "none");
	table_cell(t, 3, all_act ? PAINT_NONE : PAINT_WARN, all_act ? "all of them" : acts[0] != '\0' ? acts : "none");
	table_cell(t, 4, PAINT_NONE, next[0] != '\0' ? next : "-");
	free(clients);
	free(has);
	free(acts);
}

enum exit_status cmd_groups(struct context *ctx)
{
	static const struct column columns[] = {{"GROUP", false, false},
						{"CLIENTS", false, true},
						{"LISTS", false, true},
						{"IN FORCE NOW", false, true},
						{"NEXT CHANGE", false, false}};
	json_t *status = NULL, *groups, *group;
	enum exit_status exit_status;
	size_t i;
	if (!context_call(ctx, "status", NULL, NULL, &status, &exit_status))
		return exit_status;
	groups = json_object_get(status, "groups");
	if (ctx->out.json) {
		output_json(groups);
	} else if (json_array_size(groups) == 0) {
		puts("There are no groups: all lists act for everybody.");
	} else {
		struct table *t = table_create(&ctx->out, columns, ARRAY_LEN(columns));
		json_array_foreach(groups, i, group)
		{
			show_group(t, group);
		}
		table_finish(t);
	}
	json_decref(status);
	return STATUS_DONE;
}
