/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cmd_pause.c - blocking off for a while: pause, resume, allow. */
#include "saringctl/context.h"

#include "base/str.h"
#include "ctl/proto.h"
#include "saringctl/change.h"
#include "saringctl/moments.h"
#include "saringctl/pause_show.h"
#include "wire/name.h"

/* What a pause is of. */
static json_t *scope_args(const struct invocation *in)
{
	const char *client = in->client[0] != '\0' ? in->client : NULL;
	const char *target = in->of_group != NULL ? in->of_group : in->of_list != NULL ? in->of_list : client;
	const char *scope = in->of_group != NULL ? "group" : in->of_list != NULL ? "list" : client != NULL ? "client" : "all";
	json_t *args = json_pack("{s:s}", "scope", scope);
	must(args != NULL);
	if (target != NULL)
		field_put(args, "target", ctl_text(str_from(target)));
	return args;
}

static json_t *name_args(const struct invocation *in, const char *name)
{
	json_t *args = json_pack("{s:s, s:o}", "scope", "name", "target", ctl_text(str_from(name)));
	must(args != NULL);
	if (in->client[0] != '\0')
		field_put(args, "client", json_string(in->client));
	return args;
}

static unsigned count_scopes(const struct invocation *in)
{
	return (unsigned)(in->of_group != NULL) + (in->of_list != NULL) + (in->client[0] != '\0');
}

/* One request, and why for the record. */
static bool call(struct context *ctx, const char *verb, json_t *args, const char *name, json_t **ret, enum exit_status *status)
{
	struct change change;
	change_init(&change, ctx);
	change.list = ctx->in->of_list;
	change.names = &name;
	change.name_count = name != NULL;
	return context_call(ctx, verb, change_put(&change, args), NULL, ret, status);
}

enum exit_status cmd_pause(struct context *ctx)
{
	const struct invocation *in = ctx->in;
	struct err err = {.code = ERR_NONE};
	enum exit_status status;
	int64_t for_s = 0;
	json_t *reply = NULL;
	if (count_scopes(in) > 1)
		return context_usage(ctx, "--group, --list and --client: one of them");
	if (in->operand_count > 0 && !moment_parse("DURATION", MOMENT_SPAN, in->operands[0], 0, &for_s, &err))
		return context_usage(ctx, "%s", err.text);
	json_t *args = scope_args(in);
	if (in->operand_count > 0)
		field_put(args, "seconds", json_integer(for_s));
	if (!call(ctx, "pause", args, NULL, &reply, &status))
		return status;
	if (ctx->out.json)
		output_json(reply);
	else
		pause_show_begun(&ctx->out, reply, true);
	json_decref(reply);
	return STATUS_DONE;
}

/* Each name by itself. What one of them comes to is shown before the next is asked for. */
static enum exit_status each_name(struct context *ctx, const char *verb,
				  void (*show)(const struct output *, const json_t *, bool last))
{
	const struct invocation *in = ctx->in;
	enum exit_status status = STATUS_DONE;
	json_t *replies = json_array();
	must(replies != NULL);
	for (size_t i = 0; status == STATUS_DONE && i < in->operand_count; i++) {
		json_t *args = name_args(in, in->operands[i]), *reply = NULL;
		if (in->for_s > 0)
			field_put(args, "seconds", json_integer(in->for_s));
		if (!call(ctx, verb, args, in->operands[i], &reply, &status))
			break;
		if (!ctx->out.json)
			show(&ctx->out, reply, i + 1 == in->operand_count);
		must(json_array_append_new(replies, reply) == 0);
	}
	if (ctx->out.json && status == STATUS_DONE)
		output_json(replies);
	json_decref(replies);
	return status;
}

/* A name that is none is found before the first of them is let through. */
static bool are_names(struct context *ctx, enum exit_status *status)
{
	struct err err = {.code = ERR_NONE};
	struct name name;
	for (size_t i = 0; i < ctx->in->operand_count; i++) {
		if (name_from_text(str_from(ctx->in->operands[i]), &name, &err))
			continue;
		err_context(&err, "'%s'", ctx->in->operands[i]);
		*status = output_fail(&ctx->out, &err, NULL);
		return false;
	}
	return true;
}

enum exit_status cmd_resume(struct context *ctx)
{
	const struct invocation *in = ctx->in;
	enum exit_status status;
	json_t *reply = NULL;
	if (in->operand_count > 0) {
		if (in->of_group != NULL || in->of_list != NULL)
			return context_usage(ctx, "a name is let through for everybody or for --client; not by --group or --list");
		return are_names(ctx, &status) ? each_name(ctx, "resume", pause_show_ended) : status;
	}
	if (count_scopes(in) > 1)
		return context_usage(ctx, "--group, --list and --client: one of them");
	if (!call(ctx, "resume", count_scopes(in) > 0 ? scope_args(in) : NULL, NULL, &reply, &status))
		return status;
	if (ctx->out.json)
		output_json(reply);
	else
		pause_show_ended(&ctx->out, reply, true);
	json_decref(reply);
	return STATUS_DONE;
}

enum exit_status cmd_allow(struct context *ctx)
{
	enum exit_status status;
	if (ctx->in->for_s == 0)
		return context_usage(ctx,
				     "--for says for how long, such as 30m; for good, 'saringctl list add' to a list that allows");
	return are_names(ctx, &status) ? each_name(ctx, "pause", pause_show_begun) : status;
}
