/* SPDX-License-Identifier: BSD-2-Clause
 *
 * audit_verb.c - the verb "audit": records of the audit log, at once or when there is one. */
#include "admin/call.h"

#include <stdlib.h>

struct audit_ask {
	struct audit_query query;
	int64_t wait_s; /* for one, when there is none yet */
	char *verb;	/* owned; the query's */
};

static bool arg_time(json_t *args, const char *key, int64_t *ret, struct err *err)
{
	struct str text;
	char safe[128];
	*ret = 0;
	if (!arg_text(args, key, &text, err))
		return false;
	if (text.ptr && !str_to_time(text, ret, NULL))
		return err_set(err, ERR_INPUT, "'%s' is no date and no RFC 3339 time", str_escape(text, true, safe, sizeof(safe)));
	return true;
}

static bool arg_place(json_t *args, const char *key, struct audit_place *ret, struct err *err)
{
	json_t *value = json_object_get(args, key);
	int64_t file;
	*ret = (struct audit_place){.file = 0};
	if (!value || json_is_null(value))
		return true;
	if (!json_is_object(value))
		return err_set(err, ERR_USAGE, "the argument '%s' is what an answer had as next", key);
	if (!arg_number(value, "file", INT64_MAX, &file, err) || !arg_number(value, "end", INT64_MAX, &ret->end, err))
		return false;
	ret->file = (uint64_t)file;
	return true;
}

static bool audit_args(json_t *args, struct audit_ask *ret, struct err *err)
{
	struct str verb;
	int64_t limit, after;
	if (!arg_time(args, "since", &ret->query.since_s, err) || !arg_time(args, "until", &ret->query.until_s, err) ||
	    !arg_text(args, "verb", &verb, err) || !arg_number(args, "limit", AUDIT_READ_LIMIT_MAX, &limit, err) ||
	    !arg_number(args, "after", INT64_MAX, &after, err) || !arg_number(args, "wait", AUDIT_WAIT_S_MAX, &ret->wait_s, err) ||
	    !arg_place(args, "from", &ret->query.from, err))
		return false;
	ret->verb = verb.ptr ? str_dup(verb) : NULL;
	ret->query.verb = ret->verb;
	ret->query.limit = (size_t)limit;
	ret->query.after_seq = (uint64_t)after;
	ret->query.scan_max = CALL_AUDIT_SCAN_MAX;
	return true;
}

/* False: an error was replied. */
static bool audit_found(const struct call *call, const struct audit_query *query, json_t **ret)
{
	struct err err = {0};
	const struct audit *audit = call->commands->config.audit;
	struct audit_place next = {.file = 0};
	json_t *records = NULL;
	uint64_t seq = audit ? audit_seq(audit) : 0;
	if (!audit) {
		records = json_array();
	} else if (!audit_records(audit, query, &records, &next, &err)) {
		call_fail(call, &err, NULL);
		return false;
	}
	json_t *place =
	    next.file > 0 ? json_pack("{s:I, s:I}", "file", (json_int_t)next.file, "end", (json_int_t)next.end) : json_null();
	*ret = json_pack("{s:o, s:I, s:o}", "records", records, "seq", (json_int_t)seq, "next", place);
	must(*ret);
	return true;
}

/* Something has happened since, even if the one who asked does not want it. */
static bool is_news(const json_t *found, const struct audit_query *query)
{
	return json_integer_value(json_object_get(found, "seq")) > (json_int_t)query->after_seq;
}

struct audit_call {
	struct call *call;
	struct audit_ask ask;
};

static void on_audit_woken(void *arg)
{
	struct audit_call *waiting = arg;
	json_t *found;
	if (audit_found(waiting->call, &waiting->ask.query, &found))
		call_ok(waiting->call, found);
	free(waiting->ask.verb);
	call_free(waiting->call);
	free(waiting);
}

void call_audit(struct commands *c, json_t *args, struct call *call)
{
	struct err err = {0};
	struct audit_ask ask = {.verb = NULL};
	json_t *found;
	if (!audit_args(args, &ask, &err)) {
		call_fail(call, &err, NULL);
		return;
	}
	if (!audit_found(call, &ask.query, &found)) {
		free(ask.verb);
		return;
	}
	if (ask.wait_s == 0 || !c->config.audit || is_news(found, &ask.query)) {
		free(ask.verb);
		call_ok(call, found);
		return;
	}
	json_decref(found);
	struct audit_call *waiting = base_alloc(sizeof(*waiting));
	*waiting = (struct audit_call){.call = call_keep(call), .ask = ask};
	if (audit_wait(c->config.audit, ask.query.after_seq, ask.wait_s, on_audit_woken, waiting))
		return;
	(void)err_set(&err, ERR_LIMIT, "%d others wait for records already", AUDIT_WAITERS_MAX);
	call_fail(call, &err, NULL);
	free(ask.verb);
	call_free(waiting->call);
	free(waiting);
}
