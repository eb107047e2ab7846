/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cmd_list.c - the lists as the daemon has them: list. */
#include "saringctl/context.h"
#include "saringctl/carried.h"

#include "saringctl/list_signed.h"

#include <string.h>

static void show_due(const struct output *o, const json_t *lists)
{
	const json_t *list;
	size_t i;
	char entries[FIGURE_MAX];
	bool first = true;
	json_array_foreach(lists, i, list)
	{
		int64_t due = field_int(list, "review_due");
		if (due <= 0)
			continue;
		if (first)
			putchar('\n');
		output_print(o, stdout, PAINT_WARN, "%s of %s due for review: 'saringctl review' shows them",
			     figure_count(due, "entry", "entries", entries), field_text(list, "name"));
		putchar('\n');
		first = false;
	}
}

enum exit_status cmd_list(struct context *ctx)
{
	static const struct column columns[] = {
	    {"NAME", false, false},	    {"ACTION", false, false},	     {"MODE", false, false},
	    {"ENTRIES", true, false},	    {"IN FORCE", true, false},	     {"BLOCKED", true, false},
	    {"FORMAT", false, false, true}, {"CHANGED", false, false, true}, {"SOURCE", false, true}};
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
		table_cell(t, 6, PAINT_NONE, field_text(list, "format"));
		table_cell(t, 7, PAINT_NONE, field_text(list, "changed_at"));
		table_cell(t, 8, PAINT_NONE, field_text(list, "source"));
	}
	table_finish(t);
	bool first = true;
	json_array_foreach(lists, i, list)
	{
		const json_t *lifted = json_object_get(list, "lifted");
		if (field_int(lifted, "count") == 0)
			continue;
		if (first)
			putchar('\n');
		carried_show(&ctx->out, first ? "lifted" : "", field_text(list, "name"), lifted);
		first = false;
	}
	list_signed_show(&ctx->out, lists);
	show_due(&ctx->out, lists);
	json_decref(lists);
	return STATUS_DONE;
}
