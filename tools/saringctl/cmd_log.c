/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cmd_log.c - log: the last queries, as the daemon keeps them in memory, and each as it comes. */
#include "saringctl/context.h"

#include "ctl/client.h"
#include "ctl/proto.h"
#include "saringctl/log_file.h"
#include "saringctl/log_show.h"

#include <stdlib.h>

#define QUERIES_DEFAULT 100
#define FOLLOW_FIRST 10
#define PAGE 1000 /* the daemon gives no more at once */

static json_t *filter_args(const struct invocation *in)
{
	json_t *args = json_object();
	must(args != NULL && json_object_set_new(args, "blocked", json_boolean(in->blocked)) == 0);
	if (in->client[0] != '\0')
		must(json_object_set_new(args, "client", json_string(in->client)) == 0);
	if (in->name != NULL)
		must(json_object_set_new(args, "name", ctl_text(str_from(in->name))) == 0);
	return args;
}

static void set_number(json_t *args, const char *key, size_t number)
{
	must(json_object_set_new(args, key, json_integer((json_int_t)number)) == 0);
}

/* Page for page, from the newest back. ret: oldest first; ret_last: what was said with the first page. */
static bool ask_queries(struct context *ctx, json_t **ret, json_t **ret_last, enum exit_status *ret_status)
{
	const size_t wanted = ctx->in->number > 0 ? ctx->in->number : QUERIES_DEFAULT;
	json_t *args = filter_args(ctx->in), *queries = json_array(), *page;
	*ret_last = NULL;
	for (;;) {
		set_number(args, "limit", MIN(wanted - json_array_size(queries), (size_t)PAGE));
		if (!context_call(ctx, "log", json_deep_copy(args), NULL, &page, ret_status)) {
			json_decref(args);
			json_decref(queries);
			json_decref(*ret_last);
			return false;
		}
		json_t *found = json_incref(json_object_get(page, "queries")), *next = json_object_get(page, "next");
		must(json_is_array(found) && json_array_extend(found, queries) == 0);
		json_decref(queries);
		queries = found;
		const bool more = json_is_integer(next) && json_array_size(queries) < wanted;
		if (more)
			must(json_object_set(args, "before", next) == 0);
		if (*ret_last == NULL)
			*ret_last = json_incref(page);
		json_decref(page);
		if (!more)
			break;
	}
	json_decref(args);
	*ret = queries;
	return true;
}

static void note_sampled(const struct output *o, const json_t *said)
{
	if (field_int(said, "sampled") > 1)
		output_note(o, "so much is asked that one query of %lld is noted", (long long)field_int(said, "sampled"));
}

/* ---- following ---- */

struct following {
	const struct output *o;
	struct log_lines lines;
};

static void show_json(const json_t *query)
{
	char *text = ctl_json(query, JSON_COMPACT);
	puts(text);
	free(text);
}

static bool on_queries(void *arg, json_t *result)
{
	struct following *f = arg;
	const json_int_t lost = field_int(result, "lost");
	size_t i;
	json_t *query;
	if (lost > 0 && f->o->json)
		printf("{\"lost\":%lld}\n", (long long)lost);
	else if (lost > 0)
		output_print(f->o, stdout, PAINT_WARN, "... %lld queries lost: they came faster than they could be shown\n",
			     (long long)lost);
	if (lost > 0 && !f->o->json)
		putchar('\n');
	json_array_foreach(json_object_get(result, "queries"), i, query)
	{
		if (f->o->json)
			show_json(query);
		else
			log_show_line(f->o, &f->lines, query);
	}
	return fflush(stdout) == 0 && !ferror(stdout);
}

/* Until it is stopped, or the daemon is. */
static enum exit_status follow(struct context *ctx)
{
	struct following f = {.o = &ctx->out};
	struct err_list errors = {0};
	struct err err = {.code = ERR_NONE};
	const char *socket = context_socket(ctx);
	if (socket == NULL)
		return STATUS_FAILED;
	json_t *args = filter_args(ctx->in);
	set_number(args, "limit", MIN(ctx->in->number > 0 ? ctx->in->number : FOLLOW_FIRST, (size_t)PAGE));
	bool ok = ctl_follow(socket, "log.follow", args, CONTEXT_ASK_MS, on_queries, &f, &errors, &err);
	enum exit_status status = ok ? STATUS_FAILED : output_fail(&ctx->out, &err, &errors); /* ok: stdout takes no more */
	json_decref(args);
	err_list_finish(&errors);
	return status;
}

/* From the file, with or without the daemon. */
static enum exit_status show_past(struct context *ctx)
{
	const struct invocation *in = ctx->in;
	const struct settings *settings = context_settings(ctx);
	struct err err = {.code = ERR_NONE};
	json_t *queries = NULL;
	if (settings == NULL)
		return STATUS_FAILED;
	const struct log_file_ask ask = {.path = settings->query_log_file,
					 .since_us = in->since_s * 1000000,
					 .until_us = in->until_s * 1000000,
					 .client = in->client,
					 .name = in->name,
					 .blocked = in->blocked,
					 .limit = in->number > 0 ? in->number : QUERIES_DEFAULT};
	if (!log_file_read(&ask, &queries, &err))
		return output_fail(&ctx->out, &err, NULL);
	if (ctx->out.json)
		output_json(queries);
	else if (json_array_size(queries) == 0)
		puts("In the query log none is such.");
	else
		log_show_table(&ctx->out, queries);
	json_decref(queries);
	return STATUS_DONE;
}

enum exit_status cmd_log(struct context *ctx)
{
	enum exit_status status;
	json_t *queries, *said;
	struct err err = {.code = ERR_NONE};
	const bool past = ctx->in->since_s != 0 || ctx->in->until_s != 0;
	if (past && ctx->in->follow) {
		(void)err_set(&err, ERR_USAGE, "--follow shows what comes, and --since what was");
		return output_fail(&ctx->out, &err, NULL);
	}
	if (past)
		return show_past(ctx);
	if (ctx->in->follow)
		return follow(ctx);
	if (!ask_queries(ctx, &queries, &said, &status))
		return status;
	if (ctx->out.json)
		output_json(queries);
	else if (json_array_size(queries) == 0)
		puts(field_int(said, "kept") == 0 ? "No queries are kept." : "Of the queries that are kept none is such.");
	else
		log_show_table(&ctx->out, queries);
	note_sampled(&ctx->out, said);
	json_decref(queries);
	json_decref(said);
	return STATUS_DONE;
}
