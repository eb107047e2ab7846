/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cmd_status.c - how the daemon does: status, cache, cache flush, upstream. */
#include "saringctl/context.h"
#include "saringctl/carried.h"

#include "base/str.h"
#include "saringctl/change.h"
#include "saringctl/pause_show.h"
#include "wire/name.h"

#include <string.h>

static double percent(int64_t part, int64_t whole)
{
	return whole > 0 ? 100.0 * (double)part / (double)whole : 0;
}

static void show_queries(const struct output *o, const json_t *queries)
{
	static const char *const fates[] = {"blocked", "cached", "forwarded", "stale", "local", "refused", "dropped", "failed"};
	int64_t total = field_int(queries, "total");
	char digits[32]; /* all as wide as the total */
	int width = snprintf(digits, sizeof(digits), "%lld", (long long)total);
	output_linef(o, "queries", "%s", digits);
	for (size_t i = 0; i < ARRAY_LEN(fates); i++) {
		int64_t count = field_int(queries, fates[i]);
		if (count > 0)
			output_linef(o, "", "%-9s %*lld (%.1f %%)", fates[i], width, (long long)count, percent(count, total));
	}
}

static void show_policy(const struct output *o, const json_t *policy)
{
	char bytes[FIGURE_MAX], took[FIGURE_MAX], lists[FIGURE_MAX], entries[FIGURE_MAX];
	output_linef(o, "policy", "generation %lld: %s, %s, %lld in force", (long long)field_int(policy, "generation"),
		     figure_count(field_int(policy, "lists"), "list", "lists", lists),
		     figure_count(field_int(policy, "entries"), "entry", "entries", entries),
		     (long long)field_int(policy, "in_force"));
	if (field_int(policy, "refused") > 0)
		output_linef(o, "", "%s refused ('saringctl list' says why): last good in force",
			     figure_count(field_int(policy, "refused"), "signed list", "signed lists", lists));
	if (field_int(policy, "review_due") > 0)
		output_linef(o, "", "%s due for review: 'saringctl review' shows them",
			     figure_count(field_int(policy, "review_due"), "entry", "entries", entries));
	output_linef(o, "", "%s, compiled %s in %s", figure_bytes((uint64_t)MAX(field_int(policy, "bytes"), 0), bytes),
		     field_text(policy, "compiled_at"), figure_seconds(field_real(policy, "compile_seconds"), took));
	output_linef(o, "", "content %s, %s on record", field_text(policy, "content"),
		     figure_count(field_int(policy, "lifts"), "lift", "lifts", lists));
	const json_t *one;
	size_t i;
	json_array_foreach(json_object_get(policy, "lifted"), i, one)
	    carried_show(o, i == 0 ? "lifted" : "", field_text(one, "list"), one);
}

static void show_cache(const struct output *o, const char *label, const json_t *cache)
{
	char bytes[FIGURE_MAX], limit[FIGURE_MAX], entries[FIGURE_MAX];
	int64_t hits = field_int(cache, "hits"), misses = field_int(cache, "misses");
	if (field_int(cache, "limit_bytes") == 0) {
		output_line(o, label, "off");
		return;
	}
	output_linef(o, label, "%s, %s of %s", figure_count(field_int(cache, "entries"), "entry", "entries", entries),
		     figure_bytes((uint64_t)MAX(field_int(cache, "bytes"), 0), bytes),
		     figure_bytes((uint64_t)MAX(field_int(cache, "limit_bytes"), 0), limit));
	output_linef(o, "", "%lld hits, %lld misses (%.1f %% hits), %lld evicted", (long long)hits, (long long)misses,
		     percent(hits, hits + misses), (long long)field_int(cache, "evictions"));
}

static void show_upstream(const struct output *o, const json_t *servers)
{
	size_t i;
	json_t *server;
	json_array_foreach(servers, i, server)
	{
		output_linef(o, i == 0 ? "upstream" : "", "%s %s, %.1f ms, %lld sent, %lld failed", field_text(server, "server"),
			     field_text(server, "state"), field_real(server, "rtt_ms"), (long long)field_int(server, "sent"),
			     (long long)field_int(server, "failed"));
	}
}

/* What was lost for want of room, by its name in saringctl(1). Usually nothing is shown. */
static void show_limits(const struct output *o, const json_t *counters)
{
	static const struct {
		const char *key, *text;
	} limits[] = {
	    {"rxq_dropped", "datagrams dropped: the receive buffer was full"},
	    {"slots_full", "queries refused: too many wait"},
	    {"inflight_full", "queries refused: too many questions are on their way"},
	    {"upstream_full", "questions refused: too many are out to upstream servers"},
	    {"upstream_no_socket", "times without a socket for an upstream server"},
	};
	bool first = true;
	for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
		int64_t count = field_int(counters, limits[i].key);
		if (count <= 0)
			continue;
		output_linef(o, first ? "limits" : "", "%lld %s", (long long)count, limits[i].text);
		first = false;
	}
}

/* Only when something is wrong with it. */
static void show_audit(const struct output *o, const json_t *audit)
{
	char lost[FIGURE_MAX];
	const char *error = field_text(audit, "error");
	if (field_int(audit, "lost") > 0)
		output_linef(o, "audit log", "%s lost: %s", figure_count(field_int(audit, "lost"), "record", "records", lost),
			     error);
	else if (error[0] != '\0')
		output_linef(o, "audit log", "%s", error);
}

/* Only when it is on. */
static void show_query_log(const struct output *o, const json_t *log)
{
	char rows[FIGURE_MAX], bytes[FIGURE_MAX], dropped[FIGURE_MAX];
	const char *error = field_text(log, "error");
	if (!json_is_true(json_object_get(log, "enabled")))
		return;
	output_linef(o, "query log", "%s, %s", figure_count(field_int(log, "rows"), "row", "rows", rows),
		     figure_bytes((uint64_t)MAX(field_int(log, "bytes"), 0), bytes));
	if (field_int(log, "dropped") > 0)
		output_linef(o, "", "%s dropped", figure_count(field_int(log, "dropped"), "query", "queries", dropped));
	if (error[0] != '\0')
		output_line(o, "", error);
}

static void show_dnstap(const struct output *o, const json_t *dnstap)
{
	char sent[FIGURE_MAX];
	const char *error = field_text(dnstap, "error");
	if (!json_is_true(json_object_get(dnstap, "enabled")))
		return;
	output_linef(o, "dnstap", "%s sent, %lld dropped", figure_count(field_int(dnstap, "sent"), "message", "messages", sent),
		     (long long)field_int(dnstap, "dropped"));
	if (error[0] != '\0')
		output_line(o, "", error);
}

enum exit_status cmd_status(struct context *ctx)
{
	const struct output *o = &ctx->out;
	json_t *status = NULL, *endpoint;
	enum exit_status exit_status;
	size_t i;
	char up[FIGURE_MAX], workers[FIGURE_MAX];
	if (!context_call(ctx, "status", NULL, NULL, &status, &exit_status))
		return exit_status;
	if (o->json) {
		output_json(status);
		json_decref(status);
		return STATUS_DONE;
	}
	output_print(o, stdout, PAINT_HEAD, "saringd %s", field_text(status, "version"));
	output_print(o, stdout, PAINT_GOOD, " is up");
	output_print(o, stdout, PAINT_NONE, " for %s, process %lld, %s", figure_seconds(field_real(status, "uptime_seconds"), up),
		     (long long)field_int(status, "pid"), figure_count(field_int(status, "workers"), "worker", "workers", workers));
	putchar('\n');
	pause_show_status(o, json_object_get(status, "pauses"));
	json_array_foreach(json_object_get(status, "listen"), i, endpoint)
	    output_line(o, i == 0 ? "listen" : "", json_string_value(endpoint));
	json_array_foreach(json_object_get(status, "metrics"), i, endpoint)
	    output_line(o, i == 0 ? "metrics" : "", json_string_value(endpoint));
	show_queries(o, json_object_get(status, "queries"));
	show_policy(o, json_object_get(status, "policy"));
	show_cache(o, "cache", json_object_get(status, "cache"));
	show_upstream(o, json_object_get(status, "upstream"));
	show_limits(o, json_object_get(status, "counters"));
	show_audit(o, json_object_get(status, "audit"));
	show_query_log(o, json_object_get(status, "query_log"));
	show_dnstap(o, json_object_get(status, "dnstap"));
	json_decref(status);
	return STATUS_DONE;
}

enum exit_status cmd_cache(struct context *ctx)
{
	json_t *cache = NULL;
	enum exit_status exit_status;
	if (!context_call(ctx, "cache", NULL, NULL, &cache, &exit_status))
		return exit_status;
	if (ctx->out.json)
		output_json(cache);
	else
		show_cache(&ctx->out, "cache", cache);
	json_decref(cache);
	return STATUS_DONE;
}

enum exit_status cmd_cache_flush(struct context *ctx)
{
	struct change change;
	json_t *flushed = NULL, *args = NULL;
	enum exit_status exit_status;
	char text[NAME_TEXT_MAX];
	if (ctx->in->operand_count == 1) {
		struct name name;
		struct err err = {.code = ERR_NONE};
		if (!name_from_text(str_from(ctx->in->operands[0]), &name, &err)) {
			err_context(&err, "'%s'", ctx->in->operands[0]);
			return output_fail(&ctx->out, &err, NULL);
		}
		args = json_pack("{s:s}", "name", name_to_text(&name, text));
		must(args != NULL);
	}
	change_init(&change, ctx);
	change.names = ctx->in->operands;
	change.name_count = ctx->in->operand_count;
	if (!context_call(ctx, "cache.flush", change_put(&change, args), NULL, &flushed, &exit_status))
		return exit_status;
	if (ctx->out.json) {
		output_json(flushed);
	} else {
		char count[FIGURE_MAX];
		output_print(&ctx->out, stdout, PAINT_NONE, "flushed %s",
			     figure_count(field_int(flushed, "flushed"), "entry", "entries", count));
		if (ctx->in->operand_count == 1)
			output_print(&ctx->out, stdout, PAINT_NONE, " of %s and below", ctx->in->operands[0]);
		putchar('\n');
	}
	json_decref(flushed);
	return STATUS_DONE;
}

static enum paint paint_of_state(const char *state)
{
	if (strcmp(state, "up") == 0)
		return PAINT_GOOD;
	return strcmp(state, "down") == 0 ? PAINT_BAD : PAINT_WARN;
}

enum exit_status cmd_upstream(struct context *ctx)
{
	static const struct column columns[] = {{"SERVER", false, false}, {"ZONE", false, true}, {"STATE", false, false},
						{"RTT MS", true, false},  {"SENT", true, false}, {"FAILED", true, false}};
	json_t *servers = NULL, *server;
	enum exit_status exit_status;
	size_t i;
	if (!context_call(ctx, "upstream", NULL, NULL, &servers, &exit_status))
		return exit_status;
	if (ctx->out.json) {
		output_json(servers);
		json_decref(servers);
		return STATUS_DONE;
	}
	if (json_array_size(servers) == 0) {
		puts("There are no upstream servers.");
		json_decref(servers);
		return STATUS_DONE;
	}
	struct table *t = table_create(&ctx->out, columns, ARRAY_LEN(columns));
	json_array_foreach(servers, i, server)
	{
		char rtt[32];
		const char *zone = field_text(server, "zone"), *state = field_text(server, "state");
		(void)snprintf(rtt, sizeof(rtt), "%.1f", field_real(server, "rtt_ms"));
		table_row(t);
		table_cell(t, 0, PAINT_NONE, field_text(server, "server"));
		table_cell(t, 1, PAINT_NONE, zone[0] != '\0' ? zone : ".");
		table_cell(t, 2, paint_of_state(state), state);
		table_cell(t, 3, PAINT_NONE, rtt);
		table_number(t, 4, field_int(server, "sent"));
		table_number(t, 5, field_int(server, "failed"));
	}
	table_finish(t);
	json_decref(servers);
	return STATUS_DONE;
}
