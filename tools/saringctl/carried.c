/* SPDX-License-Identifier: BSD-2-Clause */
#include "saringctl/carried.h"

#include "base/buf.h"

#define NAMES_SHOWN 10

void carried_show(const struct output *o, const char *label, const char *list, const json_t *lifted)
{
	const json_t *names = json_object_get(lifted, "names"), *name;
	const int64_t count = field_int(lifted, "count");
	struct buf text = {NULL, 0, 0};
	char figure[FIGURE_MAX];
	size_t i;
	if (count <= 0)
		return;
	json_array_foreach(names, i, name)
	{
		if (i < NAMES_SHOWN && json_string_value(name) != NULL)
			buf_printf(&text, "%s%s", i > 0 ? ", " : "", json_string_value(name));
	}
	if (count > NAMES_SHOWN)
		buf_printf(&text, ", ... (--json names them)");
	output_linef(o, label, "%s still holds %s: %s", list, figure_count(count, "lifted name", "lifted names", figure),
		     text.ptr != NULL ? text.ptr : "");
	buf_finish(&text);
}

struct lifts *carried_load(const struct context *ctx)
{
	struct buf path = {NULL, 0, 0};
	struct err_list errors = {0};
	buf_printf(&path, "%s/" LIFTS_FILE, ctx->settings->state);
	struct lifts *lifts = lifts_load(path.ptr, &errors);
	if (lifts == NULL)
		output_note(&ctx->out, "what is lifted beside lists cannot be read, and is shown as if it were in force: %s",
			    errors.count > 0 ? errors.items[0].text : path.ptr);
	err_list_finish(&errors);
	buf_finish(&path);
	return lifts;
}
