/* SPDX-License-Identifier: BSD-2-Clause
 *
 * log_verb.c - the verbs "log" and "log.follow": the last queries, a page of them, or each as it comes. */
#include "admin/call.h"
#include "admin/report_part.h"
#include "ctl/proto.h"
#include "happened.h"
#include "wire/rrtype.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FRAME_ENTRIES 200 /* in one frame of a stream */
#define WAKE_ENTRIES 600  /* to one follower in TAP_DRAIN_MS: what that costs the main thread is bounded by it */

/* ---- one query as JSON ---- */

/* "2026-01-01T00:00:00.123456Z" */
static json_t *time_us(int64_t us)
{
	char text[32], whole[48];
	str_from_time(us / 1000000, text, sizeof(text));
	(void)snprintf(whole, sizeof(whole), "%.19s.%06dZ", text, (int)(us % 1000000));
	return ctl_text(str_from(whole));
}

json_t *call_client(const uint8_t wide[ADDR_WIDE_LEN], unsigned bits)
{
	char text[ADDR_TEXT_MAX];
	if (bits == 0)
		return json_null();
	struct prefix p = prefix_from_wide(wide, bits);
	(void)prefix_to_text(&p, text);
	if (bits == ADDR_WIDE_LEN * 8) /* an address, not the network of one */
		text[strcspn(text, "/")] = '\0';
	return ctl_text(str_from(text));
}

static json_t *one_query(const struct recent_entry *e)
{
	char type[RRTYPE_TEXT_MAX], rcode[RCODE_TEXT_MAX], text[NAME_TEXT_MAX];
	struct name name;
	json_t *object = json_object();
	report_put(object, "number", json_integer((json_int_t)e->number));
	report_put(object, "time", time_us(e->at_us));
	report_put(object, "client", call_client(e->address, e->client_bits));
	report_put(object, "port", e->port ? json_integer(e->port) : json_null());
	report_put_str(object, "group", str_from(recent_group(e)));
	report_put_word(object, "transport", tap_via_words[e->via]);
	bool asked = e->name_len > 0 && name_from_wire(e->bytes, e->name_len, &name);
	report_put(object, "name", asked ? ctl_text(str_from(name_to_text(&name, text))) : json_null());
	report_put(object, "type", asked ? ctl_text(str_from(rrtype_to_text(e->type, type))) : json_null());
	report_put_word(object, "fate", counter_names[e->fate]);
	report_put_word(object, "verdict", fact_verdict_words[e->verdict]);
	report_put_str(object, "list", str_from(recent_list(e)));
	report_put_str(object, "entry", str_from(recent_entry_text(e)));
	report_put(object, "by_answer", json_boolean(e->by_answer));
	report_put(object, "rcode", e->answered ? ctl_text(str_from(rcode_to_text(e->rcode, rcode))) : json_null());
	report_put(object, "ttl", e->answered ? json_integer(e->ttl_s) : json_null());
	report_put(object, "took_us", json_integer(e->took_us));
	report_put_str(object, "upstream", str_from(recent_server(e)));
	report_put(object, "stands_for", json_integer(e->weight));
	return object;
}

/* ---- arguments ---- */

struct log_ask {
	struct recent_filter filter;
	int64_t limit, before;
};

static bool arg_client(json_t *args, struct recent_filter *ret, struct err *err)
{
	struct str text;
	struct prefix prefix;
	char safe[128];
	if (!arg_text(args, "client", &text, err))
		return false;
	if (!text.ptr)
		return true;
	if (!prefix_from_text(text, &prefix))
		return err_set(err, ERR_INPUT, "'%s' is no address and no prefix such as 192.0.2.0/24",
			       str_escape(text, true, safe, sizeof(safe)));
	ret->has_client = true;
	ret->client_bits = prefix_to_wide(&prefix, ret->client);
	return true;
}

static bool arg_below(json_t *args, struct recent_filter *ret, struct err *err)
{
	struct str text;
	if (!arg_text(args, "name", &text, err))
		return false;
	ret->has_name = text.ptr != NULL;
	if (!ret->has_name)
		return true;
	char safe[300];
	if (!name_from_text(text, &ret->name, err))
		return err_context(err, "'%s' is not a domain name", str_escape(text, true, safe, sizeof(safe)));
	name_fold(&ret->name);
	return true;
}

static bool log_args(json_t *args, struct log_ask *ret, struct err *err)
{
	json_t *blocked = json_object_get(args, "blocked");
	*ret = (struct log_ask){.limit = 0};
	if (blocked && !json_is_null(blocked) && !json_is_boolean(blocked))
		return err_set(err, ERR_USAGE, "the argument 'blocked' is true or false");
	ret->filter.blocked = json_is_true(blocked);
	if (!arg_client(args, &ret->filter, err) || !arg_below(args, &ret->filter, err) ||
	    !arg_number(args, "limit", CALL_LOG_MAX, &ret->limit, err) || !arg_number(args, "before", INT64_MAX, &ret->before, err))
		return false;
	return true;
}

/* False: there is none, and why was replied. */
static bool has_log(const struct commands *c, const struct call *call)
{
	struct err err = {0};
	if (!c->config.happened)
		(void)err_set(&err, ERR_INPUT, "no queries are kept here");
	else if (happened_recent(c->config.happened) && happened_privacy(c->config.happened) == PRIVACY_NONE)
		(void)err_set(&err, ERR_INPUT, "log.privacy is none: nothing is told of queries");
	else
		return true;
	call_fail(call, &err, NULL);
	return false;
}

/* ---- a page ---- */

/* The newest that pass, of those with numbers below *at, oldest first; *at is where to go on, 0 when there is nothing before. */
static json_t *newest(const struct recent *r, const struct recent_filter *filter, size_t limit, uint64_t *at)
{
	const struct recent_entry **found = base_alloc((limit + 1) * sizeof(*found));
	const uint64_t oldest = recent_oldest(r);
	size_t count = 0;
	json_t *queries = json_array();
	uint64_t n = MIN(*at, recent_next(r));
	while (n > oldest && count < limit) {
		const struct recent_entry *e = recent_at(r, --n);
		if (recent_passes(e, filter))
			found[count++] = e;
	}
	*at = n > oldest ? n : 0;
	while (count > 0)
		report_add(queries, one_query(found[--count]));
	free(found);
	return queries;
}

void call_log(struct commands *c, json_t *args, struct call *call)
{
	struct err err = {0};
	struct log_ask ask;
	struct observer_info about;
	if (!log_args(args, &ask, &err)) {
		call_fail(call, &err, NULL);
		return;
	}
	if (!has_log(c, call))
		return;
	const struct recent *r = happened_recent(c->config.happened);
	uint64_t at = ask.before > 0 ? (uint64_t)ask.before : recent_next(r);
	json_t *object = json_object(), *queries = newest(r, &ask.filter, ask.limit > 0 ? (size_t)ask.limit : CALL_LOG_MAX, &at);
	const struct recent_entry *oldest = recent_at(r, recent_oldest(r));
	observer_info(happened_observer(c->config.happened), &about);
	report_put(object, "queries", queries);
	report_put(object, "next", at > 0 ? json_integer((json_int_t)at) : json_null());
	report_put(object, "kept", json_integer((json_int_t)(recent_next(r) - recent_oldest(r))));
	report_put(object, "since", oldest ? time_us(oldest->at_us) : json_null());
	report_put(object, "sampled", json_integer((json_int_t)about.every));
	call_ok(call, object);
}

/* ---- a stream ---- */

struct follower {
	struct happened *happened;
	struct happened_follower *place;
	const struct command_streams *streams;
	void *conn;
	struct log_ask ask;
	bool begun, told; /* the first frame is made; is out */
	uint64_t at;	  /* the number to go on with */
	size_t budget;	  /* entries that may be sent until it is woken again */
};

static void follower_wake(void *arg)
{
	struct follower *f = arg;
	f->budget = WAKE_ENTRIES;
	f->streams->wake(f->conn);
}

/* What there is when it begins, even if that is nothing: so that whoever follows knows that he does. */
static json_t *first_frame(struct follower *f, const struct recent *r)
{
	uint64_t at = recent_next(r);
	f->begun = true;
	f->at = at;
	return newest(r, &f->ask.filter, (size_t)f->ask.limit, &at);
}

static json_t *next_queries(struct follower *f, const struct recent *r)
{
	json_t *queries = json_array();
	while (f->at < recent_next(r) && f->budget > 0 && json_array_size(queries) < FRAME_ENTRIES) {
		const struct recent_entry *e = recent_at(r, f->at++);
		if (!recent_passes(e, &f->ask.filter))
			continue;
		report_add(queries, one_query(e));
		f->budget--;
	}
	return queries;
}

static json_t *follower_next(void *arg)
{
	struct follower *f = arg;
	const struct recent *r = happened_kept(f->happened);
	uint64_t lost = 0;
	if (f->begun && f->at < recent_oldest(r)) {
		lost = recent_oldest(r) - f->at;
		f->at = recent_oldest(r);
	}
	json_t *queries = f->begun ? next_queries(f, r) : first_frame(f, r);
	if (!queries || (f->told && lost == 0 && json_array_size(queries) == 0)) {
		json_decref(queries);
		return NULL;
	}
	f->told = true;
	json_t *object = json_object();
	report_put(object, "queries", queries);
	report_put(object, "lost", json_integer((json_int_t)lost));
	return ctl_reply_ok(object);
}

static void follower_closed(void *arg)
{
	struct follower *f = arg;
	happened_unfollow(f->happened, f->place);
	free(f);
}

void call_log_follow(struct commands *c, json_t *args, struct call *call)
{
	struct err err = {0};
	struct log_ask ask;
	if (!log_args(args, &ask, &err)) {
		call_fail(call, &err, NULL);
		return;
	}
	if (!has_log(c, call))
		return;
	struct follower *f = base_alloc(sizeof(*f));
	*f = (struct follower){.happened = c->config.happened, .streams = call->streams, .conn = call->arg, .ask = ask};
	if (call->streams)
		f->place = happened_follow(f->happened, follower_wake, f);
	if (!f->place) {
		free(f);
		(void)err_set(&err, ERR_LIMIT, "%d others follow already", HAPPENED_FOLLOWERS_MAX);
		call_fail(call, &err, NULL);
		return;
	}
	f->streams->begin(f->conn, &(struct command_stream){.next = follower_next, .closed = follower_closed, .arg = f});
}
