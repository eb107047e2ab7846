/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cmd_audit.c - audit: the record of who changed what, asked of the daemon or, when that is down, read from its files; audit
 * verify. */
#include "saringctl/context.h"

#include "audit/read.h"
#include "audit/verify.h"
#include "base/buf.h"
#include "ctl/proto.h"
#include "saringctl/audit_show.h"
#include "saringctl/progress.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define RECORDS_DEFAULT 100
#define FOLLOW_FIRST 10
#define FOLLOW_WAIT_S 8 /* less than CONTEXT_ASK_MS */

char *audit_folder_path(struct context *ctx)
{
	const struct settings *s = context_settings(ctx);
	struct buf path = {0};
	if (s == NULL)
		return NULL;
	buf_printf(&path, "%s/audit", s->state);
	return path.ptr;
}

static void put_time(json_t *args, const char *key, int64_t time_s)
{
	char text[32];
	if (time_s == 0)
		return;
	str_from_time(time_s, text, sizeof(text));
	must(json_object_set_new(args, key, json_string(text)) == 0);
}

/* The daemon is down: its files, when they may be read. */
static bool read_files(struct context *ctx, const struct audit_query *query, json_t **ret)
{
	struct err err = {.code = ERR_NONE};
	char *folder = audit_folder_path(ctx);
	if (folder == NULL)
		return false;
	bool ok = audit_read(folder, query, ret, &err);
	if (ok)
		output_note(&ctx->out, "saringd is not running: read from %s", folder);
	else
		(void)output_fail(&ctx->out, &err, NULL);
	free(folder);
	return ok;
}

/* What a page has goes before what later ones had. */
static void put_before(json_t *found, json_t **records)
{
	json_t *page = json_object_get(found, "records");
	if (!json_is_array(page))
		return;
	must(json_array_extend(page, *records) == 0);
	json_decref(*records);
	*records = json_incref(page);
}

/* All that args (taken) ask for: the daemon looks at so much of its log at once and no more, and says where to go on. ret_seq: of
 * the last record there is. */
static bool ask_records(struct context *ctx, json_t *args, size_t limit, json_t **ret, json_int_t *ret_seq, struct err_list *errors,
			struct err *err)
{
	json_t *records = json_array(), *found = NULL;
	must(records != NULL);
	*ret_seq = -1;
	for (;;) {
		if (limit > 0)
			must(json_object_set_new(args, "limit", json_integer((json_int_t)(limit - json_array_size(records)))) == 0);
		if (!context_ask(ctx, "audit", json_deep_copy(args), NULL, &found, errors, err)) {
			json_decref(records);
			json_decref(args);
			return false;
		}
		if (*ret_seq < 0)
			*ret_seq = field_int(found, "seq");
		put_before(found, &records);
		const size_t count = json_array_size(records);
		json_t *next = json_object_get(found, "next");
		const bool more = json_is_object(next) && count < (limit > 0 ? limit : AUDIT_READ_LIMIT_MAX);
		if (more)
			must(json_object_set(args, "from", next) == 0);
		json_decref(found);
		if (!more)
			break;
	}
	json_decref(args);
	*ret = records;
	return true;
}

bool audit_fetch_records(struct context *ctx, const struct audit_query *query, json_t **ret, enum exit_status *ret_status)
{
	struct err_list errors = {0};
	struct err err = {.code = ERR_NONE};
	json_t *args = json_object();
	json_int_t unused;
	must(args != NULL);
	put_time(args, "since", query->since_s);
	put_time(args, "until", query->until_s);
	*ret_status = STATUS_FAILED;
	if (context_socket(ctx) == NULL) {
		json_decref(args);
		return false;
	}
	bool ok = ask_records(ctx, args, query->limit, ret, &unused, &errors, &err);
	if (!ok && err.code == ERR_UNREACHABLE)
		ok = read_files(ctx, query, ret);
	else if (!ok)
		*ret_status = output_fail(&ctx->out, &err, &errors);
	err_list_finish(&errors);
	return ok;
}

/* ---- following ---- */

static void show_each(const struct output *o, const json_t *records)
{
	size_t i;
	const json_t *record;
	json_array_foreach(records, i, record)
	{
		if (o->json) {
			char *text = ctl_json(record, JSON_COMPACT);
			puts(text);
			free(text);
		} else {
			audit_show_line(o, record);
		}
	}
	(void)fflush(stdout);
}

/* Until it is stopped, or the daemon is. The daemon keeps us waiting, so nothing turns in circles here. */
static enum exit_status follow(struct context *ctx)
{
	struct err_list errors = {0};
	struct err err = {.code = ERR_NONE};
	enum exit_status status = STATUS_FAILED;
	size_t limit = ctx->in->number > 0 ? ctx->in->number : FOLLOW_FIRST;
	json_int_t seq;
	json_t *records = NULL, *args = json_object();
	must(args != NULL);
	put_time(args, "since", ctx->in->since_s);
	bool ok = context_socket(ctx) != NULL;
	if (!ok) {
		json_decref(args);
		return status;
	}
	while ((ok = ask_records(ctx, args, limit, &records, &seq, &errors, &err)) && !ferror(stdout)) {
		show_each(&ctx->out, records);
		json_decref(records);
		/* behind the last there is, shown or not */
		args = json_pack("{s:I, s:i}", "after", seq, "wait", FOLLOW_WAIT_S);
		must(args != NULL);
		limit = 0;
	}
	if (ok)
		json_decref(records);
	else
		status = output_fail(&ctx->out, &err, &errors);
	err_list_finish(&errors);
	return status;
}

enum exit_status cmd_audit(struct context *ctx)
{
	const struct invocation *in = ctx->in;
	enum exit_status status;
	json_t *records = NULL;
	struct audit_query query = {.since_s = in->since_s, .until_s = in->until_s, .limit = in->number};
	if (in->follow && in->until_s > 0)
		return context_usage(ctx, "--follow has no end: --until makes no sense with it");
	if (in->follow)
		return follow(ctx);
	if (query.limit == 0 && query.since_s == 0)
		query.limit = RECORDS_DEFAULT;
	if (!audit_fetch_records(ctx, &query, &records, &status))
		return status;
	if (ctx->out.json)
		output_json(records);
	else if (json_array_size(records) == 0)
		puts("Nothing is recorded.");
	else
		audit_show_table(&ctx->out, records);
	json_decref(records);
	return STATUS_DONE;
}

/* ---- verify ---- */

struct verifying {
	const struct output *out;
	json_t *damages; /* with --json; else NULL */
	struct progress progress;
};

static void on_damage(void *arg, const struct audit_damage *d)
{
	struct verifying *v = arg;
	char line[32] = "";
	if (v->damages != NULL) {
		json_t *one =
		    json_pack("{s:s, s:o, s:o, s:o, s:o}", "kind", audit_damage_words[d->kind], "file",
			      d->file[0] != '\0' ? ctl_text(str_from(d->file)) : json_null(), "line",
			      d->line > 0 ? json_integer(d->line) : json_null(), "seq",
			      d->seq > 0 ? json_integer((json_int_t)d->seq) : json_null(), "text", ctl_text(str_from(d->text)));
		must(one != NULL && json_array_append_new(v->damages, one) == 0);
		return;
	}
	progress_stop(&v->progress); /* nothing is drawn between lines of text */
	if (d->line > 0)
		(void)snprintf(line, sizeof(line), ":%" PRIu32, d->line);
	output_print(v->out, stdout, PAINT_NONE, "%s%s: ", d->file[0] != '\0' ? d->file : "the log", line);
	output_print(v->out, stdout, PAINT_BAD, "%s:", audit_damage_words[d->kind]);
	output_print(v->out, stdout, PAINT_NONE, " %s", d->text);
	putchar('\n');
}

static void show_verdict(const struct output *o, const char *path, const struct audit_verdict *v)
{
	char records[FIGURE_MAX], files[FIGURE_MAX], damages[FIGURE_MAX];
	output_print(o, stdout, PAINT_NONE, "%s: %s in %s", path, figure_count((int64_t)v->records, "record", "records", records),
		     figure_count((int64_t)v->files, "file", "files", files));
	if (v->records > 0)
		output_print(o, stdout, PAINT_NONE, ", %" PRIu64 " to %" PRIu64, v->first_seq, v->last_seq);
	output_print(o, stdout, PAINT_NONE, ": ");
	if (v->damages == 0)
		output_print(o, stdout, PAINT_GOOD, "no damage");
	else
		output_print(o, stdout, PAINT_BAD, "%s", figure_count((int64_t)v->damages, "damage", "damages", damages));
	putchar('\n');
	if (v->records == 0)
		return;
	output_print(o, stdout, PAINT_NONE, "head: %s%s", v->last_hash.hex, v->behind ? " (one record beyond the head file)" : "");
	putchar('\n');
}

enum exit_status cmd_audit_verify(struct context *ctx)
{
	struct verifying v = {.out = &ctx->out, .damages = ctx->out.json ? json_array() : NULL};
	struct audit_verdict verdict;
	struct err err = {.code = ERR_NONE};
	char *path = ctx->in->operand_count == 1 ? base_strdup(ctx->in->operands[0]) : audit_folder_path(ctx);
	progress_start(&v.progress, &ctx->out, "reading the audit log");
	bool read = path != NULL && audit_verify(path, on_damage, &v, &verdict, &err);
	progress_stop(&v.progress);
	/* what was taken away whole looks like this, too */
	if (read && verdict.files == 0 && verdict.damages == 0)
		read = err_set(&err, ERR_INPUT, "there is no audit log in %s", path);
	if (!read) {
		if (path != NULL)
			(void)output_fail(&ctx->out, &err, NULL);
		json_decref(v.damages);
		free(path);
		return STATUS_FAILED;
	}
	if (ctx->out.json) {
		json_t *document = json_pack("{s:b, s:o, s:I, s:I, s:I, s:I, s:s, s:b, s:I, s:O}", "ok", verdict.damages == 0,
					     "path", ctl_text(str_from(path)), "files", (json_int_t)verdict.files, "records",
					     (json_int_t)verdict.records, "first_seq", (json_int_t)verdict.first_seq, "last_seq",
					     (json_int_t)verdict.last_seq, "last_hash", verdict.last_hash.hex, "head_behind",
					     verdict.behind, "damage_count", (json_int_t)verdict.damages, "damages", v.damages);
		must(document != NULL);
		output_json(document);
		json_decref(document);
	} else {
		show_verdict(&ctx->out, path, &verdict);
	}
	json_decref(v.damages);
	free(path);
	return verdict.damages == 0 ? STATUS_DONE : STATUS_FAILED;
}
