/* SPDX-License-Identifier: BSD-2-Clause */
#include <jansson.h>

#include "saring-compile/work.h"

static json_t *errors_to_json(const struct err_list *errors)
{
	json_t *ret = json_array();
	for (size_t i = 0; i < errors->count; i++) {
		const struct err *e = &errors->items[i];
		json_t *file = e->file[0] == '\0' ? json_null() : json_string(e->file);
		json_t *text = json_string(e->text);
		must(json_array_append_new(ret, json_pack("{s:o, s:I, s:I, s:o}", "file", file == NULL ? json_string("?") : file,
							  "line", (json_int_t)e->line, "column", (json_int_t)e->column, "text",
							  text == NULL ? json_string("the error's text is not UTF-8") : text)) ==
		     0);
	}
	return ret;
}

static json_t *done_to_json(const struct options *o, const struct work *w, int64_t took_ns)
{
	static const char *const bulk_words[] = {"none", "kept", "compiled"}; /* enum bulk */
	return json_pack("{s:b, s:I, s:I, s:I, s:f, s:I, s:s, s:{s:I, s:I}}", "ok", 1, "generation", (json_int_t)o->generation,
			 "lists", (json_int_t)w->lists, "entries", (json_int_t)w->entries, "compile_seconds", (double)took_ns / 1e9,
			 "bytes", (json_int_t)w->bytes, "bulk", bulk_words[w->bulk], "segments", "kept",
			 (json_int_t)w->segments_kept, "made", (json_int_t)w->segments_made);
}

bool summary_write(const struct options *o, const struct work *w, bool ok, int64_t took_ns)
{
	json_t *summary = ok ? done_to_json(o, w, took_ns)
			     : json_pack("{s:b, s:o, s:I}", "ok", 0, "errors", errors_to_json(&w->errors), "more",
					 (json_int_t)w->errors.swallowed);
	must(summary != NULL);
	bool written = json_dumpfd(summary, o->summary_fd, JSON_COMPACT) == 0;
	json_decref(summary);
	return written;
}
