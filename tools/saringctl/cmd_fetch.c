/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cmd_fetch.c - list fetch: the daemon fetches lists with a url, and we watch it do so. */
#include "saringctl/context.h"

#include "ctl/proto.h"
#include "saringctl/change.h"
#include "saringctl/progress.h"

#include <string.h>
#include <time.h>

#define POLL_MS 150 /* how often the daemon is asked how far it is */

static bool is_among(const json_t *names, const json_t *name)
{
	size_t i;
	const json_t *one;
	json_array_foreach(names, i, one) if (json_equal(one, name)) return true;
	return false;
}

static bool is_state(const json_t *list, const char *state)
{
	return strcmp(field_text(list, "state"), state) == 0;
}

static bool is_busy(const json_t *list)
{
	return is_state(list, "waiting") || is_state(list, "running");
}

/* The lists in question, of all that the daemon tells of: a new reference. */
static json_t *pick(const json_t *names, const json_t *all)
{
	size_t i;
	json_t *list, *picked = json_array();
	must(picked != NULL);
	json_array_foreach(all, i, list) if (is_among(names, json_object_get(list, "name")))
	    must(json_array_append(picked, list) == 0);
	return picked;
}

/* How far all of them are together; how much there is in all is known once each has said so. */
static bool is_any_busy(const json_t *lists, struct progress *progress)
{
	size_t i;
	const json_t *list;
	uint64_t done = 0, total = 0;
	bool busy = false, known = true;
	json_array_foreach(lists, i, list)
	{
		int64_t bytes = field_int(list, "bytes"), of = field_int(list, "total");
		busy |= is_busy(list);
		known &= of > 0 || !is_busy(list);
		done += (uint64_t)MAX(bytes, 0);
		total += (uint64_t)MAX(of, bytes);
	}
	progress_step(progress, done / 1024, known ? total / 1024 : 0);
	return busy;
}

/* Until none is under way any more. ret_lists: as they are then. */
static bool watch(struct context *ctx, const json_t *names, json_t **ret_lists, enum exit_status *ret_status)
{
	static const struct timespec turn = {.tv_nsec = (long)POLL_MS * 1000000};
	struct progress progress;
	struct err_list errors = {0};
	struct err err = {.code = ERR_NONE};
	json_t *all = NULL, *lists = NULL;
	bool good, busy = true;
	progress_start(&progress, &ctx->out, "fetching, KiB");
	while ((good = context_ask(ctx, "list.fetch.status", NULL, NULL, &all, &errors, &err))) {
		lists = pick(names, all);
		json_decref(all);
		busy = is_any_busy(lists, &progress);
		if (!busy)
			break;
		json_decref(lists);
		(void)nanosleep(&turn, NULL);
	}
	progress_stop(&progress);
	if (good)
		*ret_lists = lists;
	else
		*ret_status = output_fail(&ctx->out, &err, &errors);
	err_list_finish(&errors);
	return good;
}

static bool is_good(const json_t *list)
{
	return is_state(list, "done") || is_state(list, "unchanged");
}

static enum paint paint_of(const json_t *list)
{
	return is_good(list) ? PAINT_GOOD : is_state(list, "refused") ? PAINT_WARN : PAINT_BAD;
}

static void show(const struct output *o, const json_t *lists)
{
	static const struct column columns[] = {{"NAME", false, false},	   {"FETCH", false, false}, {"ENTRIES", true, false},
						{"FETCHED", false, false}, {"NEXT", false, false},  {"URL", false, true}};
	size_t i;
	const json_t *list;
	struct table *t = table_create(o, columns, ARRAY_LEN(columns));
	json_array_foreach(lists, i, list)
	{
		table_row(t);
		table_cell(t, 0, PAINT_NONE, field_text(list, "name"));
		table_cell(t, 1, paint_of(list), field_text(list, "state"));
		table_number(t, 2, field_int(list, "entries"));
		table_cell(t, 3, PAINT_NONE, field_text(list, "fetched_at"));
		table_cell(t, 4, PAINT_NONE, field_text(list, "next_at"));
		table_cell(t, 5, PAINT_NONE, field_text(list, "url"));
	}
	table_finish(t);
}

/* Why not, for each that is not in force as it should be. */
static enum exit_status judge(const struct output *o, const json_t *lists)
{
	size_t i;
	const json_t *list;
	enum exit_status status = STATUS_DONE;
	json_array_foreach(lists, i, list)
	{
		if (is_good(list))
			continue;
		output_note(o, "%s: %s: %s", field_text(list, "name"), field_text(list, "state"),
			    field_text(list, "error")[0] != '\0' ? field_text(list, "error") : "no longer a list that is fetched");
		status = STATUS_FAILED;
	}
	return status;
}

enum exit_status cmd_list_fetch(struct context *ctx)
{
	enum exit_status status;
	json_t *begun = NULL, *lists = NULL, *names = json_array();
	for (size_t i = 0; i < ctx->in->operand_count; i++)
		must(json_array_append_new(names, ctl_text(str_from(ctx->in->operands[i]))) == 0);
	json_t *args = json_pack("{s:o, s:b}", "lists", ctx->in->operand_count > 0 ? names : json_null(), "force", ctx->in->force);
	if (ctx->in->operand_count == 0)
		json_decref(names);
	must(args != NULL);
	struct change change;
	change_init(&change, ctx);
	if (ctx->in->operand_count == 1)
		change.list = ctx->in->operands[0];
	if (!context_call(ctx, "list.fetch", change_put(&change, args), NULL, &begun, &status))
		return status;
	bool good = watch(ctx, json_object_get(begun, "lists"), &lists, &status);
	json_decref(begun);
	if (!good)
		return status;
	if (ctx->out.json)
		output_json(lists);
	else if (json_array_size(lists) == 0)
		puts("No list has a url.");
	else
		show(&ctx->out, lists);
	status = judge(&ctx->out, lists);
	json_decref(lists);
	return status;
}
