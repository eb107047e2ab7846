/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cmd_transfer.c - lists between formats: list import, list export. Both say what they left out, and why. */
#include "saringctl/context.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/str.h"
#include "ctl/proto.h"
#include "list/edit.h"
#include "list/list.h"
#include "import/source.h"
#include "compile/compile.h"
#include "compile/export.h"
#include "compile/export_entry.h"
#include "saringctl/carried.h"
#include "saringctl/edit_guard.h"
#include "saringctl/edit_report.h"
#include "saringctl/import_report.h"
#include "saringctl/list_signed.h"
#include "saringctl/progress.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define IMPORT_BYTES_MAX ((size_t)256 * 1024 * 1024)

/* What could not be said in the other format. */
static void note_left(const struct output *o, const struct export_result *r, const char *whereto)
{
	for (size_t i = 0; i < EXPORT_REASON_COUNT; i++) {
		const struct report_count *c = &r->left[i];
		if (c->count == 0)
			continue;
		output_note(o, "%llu left out, as %s can't say it: %s", (unsigned long long)c->count, whereto, export_words[i]);
		for (size_t k = 0; k < MIN(c->count, (uint64_t)REPORT_SAMPLES); k++)
			output_note(o, "  line %u: %s", c->samples[k].line, c->samples[k].text);
	}
}

static json_t *left_json(const struct export_result *r)
{
	json_t *all = json_array();
	for (size_t i = 0; i < EXPORT_REASON_COUNT; i++) {
		const struct report_count *c = &r->left[i];
		if (c->count == 0)
			continue;
		json_t *samples = json_array();
		for (size_t k = 0; k < MIN(c->count, (uint64_t)REPORT_SAMPLES); k++)
			must(json_array_append_new(samples, json_pack("{s:I, s:o}", "line", (json_int_t)c->samples[k].line, "text",
								      ctl_text(str_from(c->samples[k].text)))) == 0);
		must(json_array_append_new(all, json_pack("{s:s, s:I, s:o}", "reason", export_words[i], "count",
							  (json_int_t)c->count, "samples", samples)) == 0);
	}
	return all;
}

/* ---- export ---- */

static bool write_json(const struct settings_list *list, enum format format, const char *text, size_t len,
		       const struct export_result *r)
{
	json_t *document =
	    json_pack("{s:o, s:s, s:I, s:o, s:o}", "list", ctl_text(str_from(list->name)), "format", format_words[format],
		      "written", (json_int_t)r->written, "left_out", left_json(r), "text", ctl_text((struct str){text, len}));
	must(document != NULL);
	output_json(document);
	json_decref(document);
	return true;
}

enum exit_status cmd_list_export(struct context *ctx)
{
	const struct invocation *in = ctx->in;
	const struct settings_list *list = context_list(ctx, in->operands[0]);
	enum format format = in->has_format ? in->format : FORMAT_YAML;
	struct err_list errors = {0};
	struct err err = {.code = ERR_NONE};
	struct export_result result;
	struct source source;
	char *text = NULL;
	size_t len = 0;
	if (list == NULL)
		return STATUS_FAILED;
	if (format == FORMAT_AUTO)
		return context_usage(ctx, "--format: 'auto' is for reading; say which format to write");
	size_t index = (size_t)(list - ctx->settings->lists);
	source_open(ctx->settings, index, NULL, NULL, &source, &errors);
	if (source.segment == NULL) {
		(void)err_set(&err, ERR_INPUT, "the list '%s' cannot be read", list->name);
		enum exit_status status = output_fail(&ctx->out, &err, &errors);
		err_list_finish(&errors);
		source_close(&source);
		return status;
	}
	struct lifts *lifts = carried_load(ctx);
	FILE *out = ctx->out.json ? open_memstream(&text, &len) : stdout;
	must(out != NULL);
	bool good = export_list(source.segment, list, lifts, format, clock_wall_s(), out, &result, &err);
	if (ctx->out.json) {
		(void)fclose(out);
		good = good && write_json(list, format, text, len, &result);
		free(text);
	} else if (good) {
		note_left(&ctx->out, &result, format_words[format]);
	}
	lifts_destroy(lifts);
	source_close(&source);
	err_list_finish(&errors);
	return good ? STATUS_DONE : output_fail(&ctx->out, &err, NULL);
}

/* ---- import ---- */

/* The entries of a segment as what the editor of YAML lists takes. */
struct import_batch {
	struct arena arena;
	struct edit_entry *entries; /* owned */
	size_t count, regexes;
	struct export_result result; /* what YAML has no words for */
};

/* Which kind of thing the entry is; false when YAML can't say it. */
static bool can_say(const struct segment_class *class, enum match match, enum action action, enum export_reason *ret_why)
{
	const struct export_entry e = {.match = MATCH_ADDRESS,
				       .action = class->has_action ? class->action : action,
				       .list_action = action,
				       .important = class->important,
				       .has_answer = class->has_answer,
				       .cond = class->cond};
	return (!export_plain(&e, ret_why) && *ret_why == EXPORT_MATCH) && match != MATCH_ADDRESS && match != MATCH_CLIENT;
}

static void take_regex(struct import_batch *b, const struct segment_class *class, const struct segment_entry *s,
		       struct edit_entry *ret)
{
	struct buf regex = {0};
	char *text = str_dup(s->text);
	const struct export_entry e = {.text = text, .subtree = class->subtree};
	if (class->match == MATCH_PATTERN)
		export_pattern_regex(&e, &regex);
	else
		buf_printf(&regex, "%s%s", class->caseless && strncmp(text, "(?i)", 4) != 0 ? "(?i)" : "", text);
	if (regex.len > LIST_REGEX_LEN_MAX || b->regexes == LIST_REGEX_MAX) {
		export_leave(&b->result, EXPORT_PATTERN, s->line, text);
		ret->name = NULL;
	} else {
		ret->name = arena_strdup(&b->arena, regex.ptr);
		ret->is_regex = true;
		b->regexes++;
	}
	free(text);
	buf_finish(&regex);
}

static void take_entry(struct import_batch *b, const struct context *ctx, const struct segment *segment,
		       const struct segment_entry *s, enum action action)
{
	static const struct settings_list nothing_said = {.name = ""};
	const struct invocation *in = ctx->in;
	struct segment_class class;
	struct provenance own = {0};
	enum export_reason why;
	char text[NAME_TEXT_MAX];
	struct name name;
	segment_class(segment, s->class, &class);
	enum match match = compile_entry_match(segment, &class, &nothing_said);
	struct edit_entry *entry = &b->entries[b->count];
	*entry = (struct edit_entry){.has_match = true, .match = match};
	if (s->wire != NULL) {
		must(name_from_wire(s->wire, s->wire_len, &name)); /* import_take took it */
		(void)name_to_text(&name, text);
	} else {
		(void)str_escape(s->text, true, text, sizeof(text));
	}
	if (class.provenance != SEGMENT_NONE)
		segment_provenance(segment, class.provenance, &own);
	own = list_provenance(&own, segment_defaults(segment), &nothing_said.provenance);
	if (!can_say(&class, match, action, &why)) {
		export_leave(&b->result, why, s->line, text);
		return;
	}
	if ((own.lifted != NULL && own.lifted_s <= clock_wall_s()) || (own.expires != NULL && own.expires_s <= clock_wall_s())) {
		export_leave(&b->result, EXPORT_ENDED, s->line, text);
		return;
	}
	if (s->wire == NULL)
		take_regex(b, &class, s, entry);
	else
		entry->name = arena_strdup(&b->arena, text);
	entry->shadow = class.shadow;
	entry->reason = in->reason != NULL ? in->reason : own.reason;
	entry->authority = in->authority != NULL ? in->authority : own.authority;
	entry->reference = in->reference != NULL ? in->reference : own.reference;
	entry->review = in->review[0] != '\0' ? in->review : own.review;
	entry->expires = in->expires[0] != '\0' ? in->expires : own.expires;
	entry->contact = in->contact_count > 0 ? in->contact : own.contact;
	entry->contact_count = in->contact_count > 0 ? in->contact_count : own.contact_count;
	b->count += entry->name != NULL;
}

static void take_all(struct import_batch *b, const struct context *ctx, const struct segment *segment, enum action action)
{
	struct segment_cursor cursor = {0};
	struct segment_entry s;
	b->entries = base_alloc((segment_entry_count(segment) + 1) * sizeof(*b->entries));
	while (segment_next(segment, &cursor, &s))
		take_entry(b, ctx, segment, &s, action);
}

/* The file to be imported. FILE "-" is stdin. NULL when it can't be read, or is no list, which was said. */
static struct segment *read_file(struct context *ctx, const struct settings_list *list, enum action action)
{
	const char *path = ctx->in->operands[1];
	const struct segment_settings settings = {
	    .format = ctx->in->has_format ? ctx->in->format : FORMAT_AUTO, .action = action, .may_allow = list->may_allow};
	struct err_list errors = {0};
	struct err err = {.code = ERR_NONE};
	struct buf text = {0};
	struct segment *segment = NULL;
	struct progress progress;
	bool is_stdin = strcmp(path, "-") == 0;
	if (is_stdin ? !file_read_fd(STDIN_FILENO, "standard input", IMPORT_BYTES_MAX, &text, &err)
		     : !file_read(path, IMPORT_BYTES_MAX, &text, &err)) {
		(void)output_fail(&ctx->out, &err, NULL);
	} else {
		progress_start(&progress, &ctx->out, "reading");
		segment = segment_import(buf_str(&text), &settings, path, is_stdin ? "standard input" : path, &errors);
		progress_stop(&progress);
		if (segment == NULL) {
			(void)err_set(&err, ERR_INPUT, "nothing was imported");
			(void)output_fail(&ctx->out, &err, &errors);
		}
	}
	buf_finish(&text);
	err_list_finish(&errors);
	return segment;
}

/* defaults: of the list's file; NULL when there is none yet. */
static enum exit_status import(struct edit *e, const struct segment *segment, enum action action, const struct provenance *defaults)
{
	const bool absent = defaults == NULL;
	size_t bad = 0;
	struct import_batch batch = {.count = 0};
	struct err err = {.code = ERR_NONE};
	take_all(&batch, e->ctx, segment, action);
	edit_room(e, batch.count);
	for (size_t i = 0; i < batch.count; i++) {
		batch.entries[i].has_unsaid = e->list->has_match;
		batch.entries[i].unsaid = e->list->match;
	}
	if (!edit_guard_entries(e, batch.entries, batch.count, defaults, action, &bad)) {
		free(batch.entries);
		arena_finish(&batch.arena);
		(void)err_set(&err, ERR_INPUT, "nothing was imported: %zu of %zu entries refused", bad, e->count);
		return output_fail(&e->ctx->out, &err, NULL);
	}
	e->summary =
	    json_pack("{s:o, s:o}", "report", report_to_json(segment_report(segment)), "not_said", left_json(&batch.result));
	must(e->summary != NULL);
	bool good =
	    (!absent || edit_create(e->list->file, action, &err)) &&
	    (batch.count == 0 || edit_add(e->list->file, NULL, batch.entries, batch.count, clock_wall_s(), e->results, &err));
	if (good && !e->ctx->out.json) {
		import_report_show(&e->ctx->out, segment_report(segment));
		note_left(&e->ctx->out, &batch.result, "a YAML list");
	}
	enum exit_status status = edit_end(e, good, &err);
	free(batch.entries);
	arena_finish(&batch.arena);
	return status;
}

enum exit_status cmd_list_import(struct context *ctx)
{
	struct edit e;
	enum exit_status status = STATUS_FAILED;
	struct segment *segment = NULL;
	struct source target = {.segment = NULL};
	struct err_list errors = {0};
	struct err err;
	if (!edit_begin(&e, ctx, &wording_import))
		return STATUS_FAILED;
	if (e.list->key != NULL) {
		(void)list_signed_refuse(e.list, &err);
		edit_finish(&e);
		return output_fail(&ctx->out, &err, NULL);
	}
	bool absent = e.list->url == NULL && access(e.list->file, F_OK) != 0 && errno == ENOENT;
	enum action action = e.list->has_action ? e.list->action : ACTION_BLOCK;
	if (!absent) {
		source_open(ctx->settings, (size_t)(e.list - ctx->settings->lists), NULL, NULL, &target, &errors);
		if (target.segment != NULL)
			action = compile_list_action(target.segment, e.list);
	}
	if (!absent && target.segment == NULL) {
		(void)err_set(&err, ERR_INPUT, "the list '%s' cannot be edited; nothing was done", e.list->name);
		status = output_fail(&ctx->out, &err, &errors);
	} else if (e.list->url != NULL || (!absent && segment_format(target.segment) != FORMAT_YAML)) {
		(void)err_set(&err, ERR_INPUT, "the list '%s' is %s; only YAML lists of a file are imported into", e.list->name,
			      e.list->url != NULL ? "fetched from a URL" : "not a YAML list");
		status = output_fail(&ctx->out, &err, NULL);
	} else if ((segment = read_file(ctx, e.list, action)) != NULL) {
		status = import(&e, segment, action, absent ? NULL : segment_defaults(target.segment));
	}
	segment_destroy(segment);
	source_close(&target);
	err_list_finish(&errors);
	edit_finish(&e);
	return status;
}
