/* SPDX-License-Identifier: BSD-2-Clause */
#include "admin/commands.h"

#include "admin/call.h"
#include "admin/metrics_http.h"
#include "admin/report.h"
#include "audit/audit.h"
#include "base/clock.h"
#include "base/log.h"
#include "ctl/change.h"
#include "ctl/proto.h"
#include "fetch/fetch.h"
#include "pausing.h"
#include "policy/match.h"
#include "review.h"
#include "signed.h"
#include "wire/name.h"
#include "wire/rrtype.h"

#include <stdlib.h>
#include <string.h>

struct report_source commands_report_source(const struct commands *c)
{
	const struct commands_config *config = &c->config;

	return (struct report_source){.generation = generation_current(config->generations),
				      .generations = config->generations,
				      .cache = config->cache,
				      .failures = config->failures,
				      .counters = config->counters,
				      .worker_count = config->worker_count,
				      .listen = config->listen,
				      .listen_count = config->listen_count,
				      .uptime_ms = clock_mono_ms() - config->started_ms,
				      .compile_seconds = config->compile_seconds(config->rebuild_arg),
				      .bulk = config->bulk(config->rebuild_arg),
				      .now_s = clock_wall_s()};
}

static json_t *metrics_endpoints(const struct metrics_http *metrics)
{
	json_t *array = json_array();
	for (size_t i = 0; i < metrics_http_endpoints(metrics); i++)
		must(json_array_append_new(array, ctl_text(str_from(metrics_http_endpoint(metrics, i)))) == 0);
	return array;
}

static void run_status(struct commands *c, json_t *args, struct call *call)
{
	(void)args;
	const struct commands_config *config = &c->config;
	struct report_source source = commands_report_source(c);
	json_t *status = report_status(&source);
	const int64_t until_s = pauses_all_until(source.generation->pauses, source.now_s);
	char until[32];
	if (until_s != 0) {
		str_from_time(until_s, until, sizeof(until)); /* one without an end: the last second there is */
		must(json_object_set_new(status, "paused_until", json_string(until)) == 0);
	}
	must(json_object_set_new(status, "pauses", pausing_json(source.generation->pauses, source.now_s)) == 0);
	if (config->metrics)
		must(json_object_set_new(status, "metrics", metrics_endpoints(config->metrics)) == 0);
	if (config->audit)
		must(json_object_set_new(status, "audit", audit_status(config->audit)) == 0);
	if (config->outlets)
		must(json_object_set_new(status, "query_log", report_query_log(config->outlets)) == 0 &&
		     json_object_set_new(status, "dnstap", report_dnstap(config->outlets)) == 0);
	const struct generation *g = source.generation;
	if (config->review) {
		size_t due = review_due(config->review, g->policy, g->serial, source.now_s);
		must(json_object_set_new(json_object_get(status, "policy"), "review_due", json_integer((json_int_t)due)) == 0);
	}
	call_ok(call, status);
}

static void run_list(struct commands *c, json_t *args, struct call *call)
{
	(void)args;
	struct report_source source = {.generation = generation_current(c->config.generations),
				       .generations = c->config.generations,
				       .counters = c->config.counters,
				       .worker_count = c->config.worker_count,
				       .now_s = clock_wall_s()};
	json_t *lists = report_lists(&source);
	if (c->config.fetch)
		fetch_annotate(c->config.fetch, lists);
	signed_annotate(source.generation->settings, lists);
	if (c->config.review)
		review_annotate(source.generation->policy, lists, source.now_s);
	call_ok(call, lists);
}

static void run_cache(struct commands *c, json_t *args, struct call *call)
{
	(void)args;
	struct report_source source = {
	    .cache = c->config.cache, .counters = c->config.counters, .worker_count = c->config.worker_count};
	call_ok(call, report_cache(&source));
}

static void run_upstream(struct commands *c, json_t *args, struct call *call)
{
	(void)args;
	call_ok(call, report_upstreams(generation_current(c->config.generations)->upstreams));
}

/* A lift has its record already, by which the list was compiled anew; that it makes the cache forget its names is a part of that.
 * It is only said, so whoever has the whole cache forgotten is recorded, whatever he says. */
static bool is_part_of_lift(const json_t *change)
{
	const char *verb = json_string_value(json_object_get(change, "verb"));
	return verb && (strcmp(verb, "list lift") == 0 || strcmp(verb, "unblock") == 0);
}

static void run_cache_flush(struct commands *c, json_t *args, struct call *call)
{
	struct err err = {0};
	struct str text, match;
	struct name name;
	if (!arg_text(args, "name", &text, &err) || (text.ptr && !arg_name(text, &name, &err)) ||
	    !arg_text(args, "match", &match, &err)) {
		call_fail(call, &err, NULL);
		return;
	}
	if (match.ptr && (!text.ptr || (!str_eq_c(match, "exact") && !str_eq_c(match, "subtree")))) {
		(void)err_set(&err, ERR_USAGE, "the argument 'match' goes with a name, and is exact or subtree");
		call_fail(call, &err, NULL);
		return;
	}
	const bool subtree = !match.ptr || str_eq_c(match, "subtree");
	size_t flushed = cache_flush(c->config.cache, text.ptr ? &name : NULL, subtree);
	/* What could not be resolved is asked again too; it is no entry of the cache, and not counted as one. */
	size_t failures = failures_flush(c->config.failures, text.ptr ? &name : NULL, subtree);
	char shown[NAME_TEXT_MAX] = "";
	log_info("cache.flush name=\"%s\" flushed=%zu failures=%zu", text.ptr ? name_to_text(&name, shown) : "", flushed, failures);
	json_t *result = json_pack("{s:I}", "flushed", (json_int_t)flushed);
	must(result);
	if (c->config.audit && !(text.ptr && is_part_of_lift(call->change))) {
		struct audit_said said = call_said(call);
		json_t *more = json_pack("{s:I, s:o}", "flushed", (json_int_t)flushed, "target",
					 text.ptr ? json_string(name_to_text(&name, shown)) : json_null());
		must(more);
		audit_done(c->config.audit, &said, NULL, more);
	}
	call_ok(call, result);
}

static bool explain_args(json_t *args, struct explain_question *ret, struct err *err)
{
	struct str name, type, client, at;
	if (!arg_text(args, "name", &name, err) || !arg_text(args, "type", &type, err) || !arg_text(args, "client", &client, err) ||
	    !arg_text(args, "at", &at, err))
		return false;
	if (!name.ptr)
		return err_set(err, ERR_USAGE, "explain needs a name");
	if (!arg_name(name, &ret->name, err))
		return false;
	char safe[128];
	ret->type = RRTYPE_A;
	if (type.ptr && !rrtype_from_text(type, &ret->type))
		return err_set(err, ERR_INPUT, "'%s' is not a record type", str_escape(type, true, safe, sizeof(safe)));
	ret->has_client = client.ptr != NULL;
	if (client.ptr && (!addr_from_text(client, 0, &ret->client) || addr_port(&ret->client) != 0))
		return err_set(err, ERR_INPUT, "'%s' is not an IP address", str_escape(client, true, safe, sizeof(safe)));
	if (ret->has_client)
		addr_unmap(&ret->client); /* as a query's is */
	ret->at_s = clock_wall_s();
	if (at.ptr && !str_to_time(at, &ret->at_s, NULL))
		return err_set(err, ERR_INPUT, "'%s' is neither a date nor a time (RFC 3339)",
			       str_escape(at, true, safe, sizeof(safe)));
	return true;
}

static void run_explain(struct commands *c, json_t *args, struct call *call)
{
	struct err err = {0};
	struct explain_question question = {0};
	if (!explain_args(args, &question, &err)) {
		call_fail(call, &err, NULL);
		return;
	}
	struct explain_source source = {.generation = generation_current(c->config.generations),
					.scratch = c->scratch,
					.cache = c->config.cache,
					.failures = c->config.failures};
	explain_find_group(source.generation, &question);
	json_t *explained = report_explain(&source, &question);
	signed_annotate_rule(source.generation->settings, json_object_get(explained, "rule"));
	if (c->config.observer)
		report_hits_annotate(c->config.observer, &source, &question, explained);
	call_ok(call, explained);
}

static void on_rebuilt(void *arg, const struct rebuild_report *report)
{
	struct call *call = arg;
	struct audit *audit = call->commands->config.audit;
	if (audit) { /* before the reply: whoever has that finds the record */
		struct audit_said said = call_said(call);
		audit_ran(audit, &said, report, NULL);
	}
	if (report->ok)
		call_ok(call, report_rebuild(report));
	else
		call_fail(call, report->err, report->errors);
	call_free(call);
}

/* The reply comes when every worker serves by the new world: the call outlives this function. */
static void start_rebuild(struct commands *c, enum rebuild_kind kind, const struct call *call)
{
	log_info("%s asked=control", call->verb);
	c->config.rebuild(c->config.rebuild_arg, kind, on_rebuilt, call_keep(call));
}

static void run_reload(struct commands *c, json_t *args, struct call *call)
{
	(void)args;
	start_rebuild(c, REBUILD_ALL, call);
}

static void run_policy_rebuild(struct commands *c, json_t *args, struct call *call)
{
	(void)args;
	start_rebuild(c, REBUILD_LISTS, call);
}

/* Replies when they have begun; list.fetch.status says how they do. */
static void run_list_fetch(struct commands *c, json_t *args, struct call *call)
{
	struct err err = {0};
	json_t *lists = json_object_get(args, "lists"), *force = json_object_get(args, "force"), *begun = NULL;
	struct audit_said said = call_said(call);
	if (lists && !json_is_null(lists) && !json_is_array(lists)) {
		(void)err_set(&err, ERR_USAGE, "the argument 'lists' takes names");
		call_fail(call, &err, NULL);
		return;
	}
	if (force && !json_is_boolean(force)) {
		(void)err_set(&err, ERR_USAGE, "the argument 'force' is true or false");
		call_fail(call, &err, NULL);
		return;
	}
	if (!c->config.fetch)
		begun = json_array();
	else if (!fetch_ask(c->config.fetch, json_is_array(lists) ? lists : NULL, json_is_true(force), &said, &begun, &err)) {
		call_fail(call, &err, NULL);
		return;
	}
	json_t *result = json_pack("{s:o}", "lists", begun);
	must(result);
	call_ok(call, result);
}

static void run_list_fetch_status(struct commands *c, json_t *args, struct call *call)
{
	(void)args;
	call_ok(call, c->config.fetch ? fetch_status(c->config.fetch) : json_array());
}

/* ---- the table ---- */

static const char *const explain_keys[] = {"name", "type", "client", "at", NULL};
static const char *const hits_keys[] = {"list", NULL};
static const char *const traffic_keys[] = {"top", "names", NULL};
static const char *const log_keys[] = {"blocked", "client", "name", "limit", "before", NULL};
static const char *const top_keys[] = {"kind", "limit", NULL};
static const char *const stats_keys[] = {"seconds", NULL};
static const char *const change_keys[] = {"change", NULL};
static const char *const audit_keys[] = {"since", "until", "verb", "limit", "after", "wait", "from", NULL};
static const char *const flush_keys[] = {"name", "match", "change", NULL};
static const char *const pause_keys[] = {"scope", "target", "client", "seconds", "change", NULL};
static const char *const resume_keys[] = {"scope", "target", "client", "change", NULL};
static const char *const fetch_keys[] = {"lists", "force", "change", NULL};

static const struct command {
	const char *verb;
	enum command_right right;
	const char *const *keys; /* arguments it takes; NULL: none */
	void (*run)(struct commands *c, json_t *args, struct call *call);
	const char *help;
} commands_table[] = {
    {"status", RIGHT_READ, NULL, run_status, "what is loaded and how the daemon does"},
    {"list", RIGHT_READ, NULL, run_list, "the lists and what they have blocked"},
    {"list.fetch", RIGHT_CHANGE, fetch_keys, run_list_fetch, "fetch lists with a url now"},
    {"list.fetch.status", RIGHT_READ, NULL, run_list_fetch_status, "how each list with a url was last fetched, or is being"},
    {"explain", RIGHT_READ, explain_keys, run_explain, "what would be answered for a name, and which entry decides"},
    {"hits", RIGHT_READ, hits_keys, call_hits, "how often each entry has acted"},
    {"traffic", RIGHT_READ, traffic_keys, call_traffic,
     "what the last day looked like, in sketches; or how many clients asked names"},
    {"log", RIGHT_READ, log_keys, call_log, "the last queries, as far as they are kept"},
    {"log.follow", RIGHT_READ, log_keys, call_log_follow, "the same, and then each query as it comes, until the caller goes"},
    {"top", RIGHT_READ, top_keys, call_top, "names, blocked names, clients or lists that led in the last day"},
    {"stats", RIGHT_READ, stats_keys, call_stats, "how many queries there were over time, and how long they took"},
    {"stats.reset", RIGHT_CHANGE, change_keys, call_stats_reset, "begin these figures anew"},
    {"cache", RIGHT_READ, NULL, run_cache, "figures of the cache"},
    {"upstream", RIGHT_READ, NULL, run_upstream, "the upstream servers and their health"},
    {"cache.flush", RIGHT_CHANGE, flush_keys, run_cache_flush, "forget everything, or a name and all below it"},
    {"audit", RIGHT_READ, audit_keys, call_audit, "who changed what, when and why: records, oldest first"},
    {"pause", RIGHT_CHANGE, pause_keys, call_pause, "blocking off for a while: all, a group, a list, a client, a name"},
    {"resume", RIGHT_CHANGE, resume_keys, call_resume, "and on again"},
    {"reload", RIGHT_CHANGE, change_keys, run_reload, "read saring.yaml and the lists again"},
    {"policy.rebuild", RIGHT_CHANGE, change_keys, run_policy_rebuild, "read the lists again, with the saring.yaml in force"},
};

static const struct command *command_find(const char *verb)
{
	for (size_t i = 0; i < ARRAY_LEN(commands_table); i++)
		if (strcmp(commands_table[i].verb, verb) == 0)
			return &commands_table[i];
	return NULL;
}

size_t commands_help(struct command_help *ret, size_t max)
{
	for (size_t i = 0; i < ARRAY_LEN(commands_table) && i < max; i++)
		ret[i] = (struct command_help){commands_table[i].verb, commands_table[i].help, commands_table[i].right};
	return ARRAY_LEN(commands_table);
}

/* A handler names what it takes; anything else in args is an error of the caller, not something to be silent about. */
static bool args_known(json_t *args, const char *const *known, struct err *err)
{
	const char *key;
	json_t *value;
	json_object_foreach(args, key, value)
	{
		bool found = false;
		for (size_t i = 0; known && known[i]; i++)
			found |= strcmp(key, known[i]) == 0;
		char safe[128];
		if (!found)
			return err_set(err, ERR_USAGE, "this verb takes no argument '%s'",
				       str_escape(str_from(key), true, safe, sizeof(safe)));
	}
	return true;
}

static bool refuse(const struct command *command, enum command_right right, struct err *err)
{
	if (right >= command->right)
		return true;
	if (command->right == RIGHT_CHANGE)
		return err_set(err, ERR_DENIED, "'%s' changes things: only root and the user saringd runs as may", command->verb);
	return err_set(err, ERR_DENIED, "'%s' is for root, the user saringd runs as, and the control group", command->verb);
}

void commands_run(struct commands *c, json_t *request, const struct command_peer *peer, command_reply *reply, void *arg)
{
	struct call call = {
	    .commands = c, .who = peer->who, .arrived_ns = clock_mono_ns(), .streams = peer->streams, .reply = reply, .arg = arg};
	struct err err = {0};
	const char *verb;
	json_t *args;
	if (!ctl_request_parse(request, &verb, &args, &err)) {
		call_fail(&call, &err, NULL);
		return;
	}
	const struct command *command = command_find(verb);
	if (!command) {
		char safe[64];
		(void)err_set(&err, ERR_USAGE, "there is no verb '%s'", str_escape(str_from(verb), true, safe, sizeof(safe)));
		call_fail(&call, &err, NULL);
		return;
	}
	call.verb = command->verb;
	if (!refuse(command, peer->right, &err) || !args_known(args, command->keys, &err) ||
	    !ctl_change_good(json_object_get(args, "change"), &err)) {
		call_fail(&call, &err, NULL);
		return;
	}
	if (!generation_current(c->config.generations)) {
		(void)err_set(&err, ERR_UNREACHABLE, "saringd is still starting");
		call_fail(&call, &err, NULL);
		return;
	}
	call.change = json_object_get(args, "change");
	audit_who_said(&call.who, call.change);
	command->run(c, args, &call);
}

struct commands *commands_create(const struct commands_config *config)
{
	struct commands *c = base_alloc(sizeof(*c));
	c->config = *config;
	c->scratch = policy_scratch_create();
	return c;
}

void commands_destroy(struct commands *c)
{
	if (!c)
		return;
	policy_scratch_destroy(c->scratch);
	free(c);
}
