/* SPDX-License-Identifier: BSD-2-Clause */
#include <jansson.h>
#include <string.h>

#include "saring-compile/work.h"

#include "base/hex.h"

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

#define NAMES_BYTES_MAX 100000 /* of all changes together: past that they are only counted */

static json_t *hash_to_json(const uint8_t hash[16])
{
	char text[33];
	return json_string(hex_from_bytes(hash, 16, text));
}

static json_t *names_to_json(char *const *names, size_t count, size_t *room)
{
	json_t *ret = json_array();
	for (size_t i = 0; i < count && strlen(names[i]) <= *room; i++) {
		json_t *name = json_string(names[i]);
		*room -= strlen(names[i]);
		must(json_array_append_new(ret, name == NULL ? json_string("?") : name) == 0);
	}
	return ret;
}

static json_t *changes_to_json(const struct work *w)
{
	size_t room = NAMES_BYTES_MAX;
	json_t *ret = json_array();
	for (size_t i = 0; i < w->change_count; i++) {
		const struct work_change *c = &w->changes[i];
		json_t *one = json_pack("{s:s, s:o, s:o}", "list", c->list, "before", hash_to_json(c->before), "after",
					hash_to_json(c->after)),
		       *names = json_object();
		must(one != NULL && names != NULL);
		for (size_t kind = 0; kind < SEGMENT_DIFF_KINDS; kind++) {
			const char *word = segment_diff_words[kind];
			must(json_object_set_new(one, word, json_integer((json_int_t)c->diff.counts[kind])) == 0);
			json_t *some = names_to_json(c->diff.names[kind], c->diff.name_counts[kind], &room);
			must(json_object_set_new(names, word, some) == 0);
		}
		must(json_object_set_new(one, "names", names) == 0 && json_array_append_new(ret, one) == 0);
	}
	return ret;
}

static json_t *done_to_json(const struct options *o, const struct work *w, int64_t took_ns)
{
	static const char *const bulk_words[] = {"none", "kept", "compiled"}; /* enum bulk */
	return json_pack("{s:b, s:I, s:I, s:I, s:f, s:I, s:s, s:{s:I, s:I}, s:{s:i, s:b}, s:o}", "ok", 1, "generation",
			 (json_int_t)o->generation, "lists", (json_int_t)w->lists, "entries", (json_int_t)w->entries,
			 "compile_seconds", (double)took_ns / 1e9, "bytes", (json_int_t)w->bytes, "bulk", bulk_words[w->bulk],
			 "segments", "kept", (json_int_t)w->segments_kept, "made", (json_int_t)w->segments_made, "sandbox",
			 "landlock", (int)w->landlock, "seccomp", w->seccomp, "changes", changes_to_json(w));
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
