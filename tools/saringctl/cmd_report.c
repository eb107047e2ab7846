/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cmd_report.c - report: the transparency report. The lists are read from their files, the changes from the audit log, the hits
 * from the daemon; what cannot be had of the last two is said to be missing, and the rest is reported. */
#include "saringctl/context.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "ctl/proto.h"
#include "saringctl/audit_show.h"
#include "saringctl/carried.h"
#include "saringctl/progress.h"
#include "saringctl/report_data.h"
#include "saringctl/report_orders.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SINCE_DEFAULT_S (30 * 86400)
#define OUTPUT_MODE 0644

const char *const report_format_words[] = {"text", "json", "html", NULL};
enum report_format { REPORT_TEXT, REPORT_JSON, REPORT_HTML };

static enum report_format format_of(const struct invocation *in)
{
	for (int i = 0; in->format_word != NULL && report_format_words[i] != NULL; i++)
		if (strcmp(in->format_word, report_format_words[i]) == 0)
			return (enum report_format)i;
	return in->json ? REPORT_JSON : REPORT_TEXT;
}

/* NULL: not counted, or nobody there to say. */
static json_t *ask_hits(struct context *ctx)
{
	struct err_list errors = {0};
	struct err err = {.code = ERR_NONE};
	json_t *hits = NULL;
	if (context_socket(ctx) == NULL || !context_ask(ctx, "hits", NULL, NULL, &hits, &errors, &err))
		hits = NULL;
	err_list_finish(&errors);
	return hits;
}

static json_t *ask_records(struct context *ctx, int64_t since_s, int64_t until_s)
{
	const struct audit_query query = {.since_s = since_s, .until_s = until_s, .limit = AUDIT_READ_LIMIT_MAX};
	enum exit_status unused;
	json_t *records = NULL;
	const bool json = ctx->out.json;
	ctx->out.json = false; /* what is missing is told beside the report, which is the one document */
	const bool ok = audit_fetch_records(ctx, &query, &records, &unused);
	ctx->out.json = json;
	return ok ? records : NULL;
}

static enum exit_status write_out(struct context *ctx, const struct buf *text)
{
	struct err err = {.code = ERR_NONE};
	if (ctx->in->output_path == NULL) {
		(void)fwrite(text->ptr, 1, text->len, stdout); /* main looks whether it went well */
		return STATUS_DONE;
	}
	if (!file_replace(ctx->in->output_path, text->ptr, text->len, OUTPUT_MODE, &err))
		return output_fail(&ctx->out, &err, NULL);
	return STATUS_DONE;
}

static void draw(const struct context *ctx, const json_t *report, struct buf *ret)
{
	char *text;
	switch (format_of(ctx->in)) {
	case REPORT_TEXT:
		report_text(&ctx->out, report, ret);
		return;
	case REPORT_HTML:
		report_html(report, ret);
		return;
	case REPORT_JSON:
		text = ctl_json(report, JSON_INDENT(2));
		buf_printf(ret, "%s\n", text);
		free(text);
		return;
	}
}

static void note_unread(const struct output *o, const json_t *lists)
{
	size_t i;
	const json_t *list;
	json_array_foreach(lists, i, list)
	{
		if (field_text(list, "error")[0] != '\0')
			output_note(o, "the list '%s' is left out: %s", field_text(list, "list"), field_text(list, "error"));
	}
}

enum exit_status cmd_report(struct context *ctx)
{
	struct report_sources s = {.now_s = clock_wall_s(), .settings = context_settings(ctx)};
	struct progress progress;
	struct buf text = {0};
	if (s.settings == NULL)
		return STATUS_FAILED;
	s.until_s = ctx->in->until_s > 0 ? ctx->in->until_s : s.now_s;
	s.since_s = ctx->in->since_s > 0 ? ctx->in->since_s : s.until_s - SINCE_DEFAULT_S;
	if (s.since_s > s.until_s)
		return context_usage(ctx, "--since is later than --until");
	json_t *records = ask_records(ctx, s.since_s, s.until_s), *hits = ask_hits(ctx);
	progress_start(&progress, &ctx->out, "reading the lists");
	struct lifts *lifts = carried_load(ctx);
	json_t *orders = report_orders(s.settings, lifts, hits, s.now_s);
	progress_stop(&progress);
	lifts_destroy(lifts);
	note_unread(&ctx->out, json_object_get(orders, "lists"));
	s.orders = orders;
	s.records = records;
	s.hits = hits;
	json_t *report = report_data(&s);
	draw(ctx, report, &text);
	enum exit_status status = write_out(ctx, &text);
	buf_finish(&text);
	json_decref(report);
	json_decref(orders);
	json_decref(records);
	json_decref(hits);
	return status;
}
