/* SPDX-License-Identifier: BSD-2-Clause
 *
 * top_verb.c - the verb "top": what was asked most in the last day, blocked most, who asks most, which lists block most. */
#include "admin/call.h"
#include "admin/report_part.h"
#include "base/clock.h"
#include "ctl/proto.h"
#include "happened.h"

#define LEADERS_DEFAULT 10

/* In the order of enum leaders_kind; names are of observe/traffic.h. */
static const char *const kinds[] = {"blocked", "clients", "lists", "names"};
#define KIND_NAMES LEADERS_KINDS

static bool top_args(json_t *args, unsigned *ret_kind, size_t *ret_limit, struct err *err)
{
	struct str kind;
	int64_t limit;
	if (!arg_text(args, "kind", &kind, err) || !arg_number(args, "limit", CALL_TOP_MAX, &limit, err))
		return false;
	*ret_limit = limit > 0 ? (size_t)limit : LEADERS_DEFAULT;
	for (unsigned i = 0; i < ARRAY_LEN(kinds); i++) {
		*ret_kind = i;
		if (kind.ptr ? str_eq_c(kind, kinds[i]) : i == KIND_NAMES)
			return true;
	}
	return err_set(err, ERR_USAGE, "the argument 'kind' is names, blocked, clients or lists");
}

static json_t *name_text(const void *wire, size_t len)
{
	char text[NAME_TEXT_MAX];
	struct name name;
	return name_from_wire(wire, len, &name) ? ctl_text(str_from(name_to_text(&name, text))) : json_null();
}

static json_t *numbers(uint64_t count, uint64_t error, uint64_t clients, bool has_clients)
{
	json_t *object = json_object();
	report_put(object, "queries", json_integer((json_int_t)count));
	report_put(object, "error", json_integer((json_int_t)error));
	if (has_clients)
		report_put(object, "clients", json_integer((json_int_t)clients));
	return object;
}

static json_t *one_leader(enum leaders_kind kind, const struct leader *l)
{
	json_t *object = numbers(l->count, l->error, l->clients, kind != LEADERS_CLIENTS);
	const uint8_t *key = (const uint8_t *)l->key.ptr;
	switch (kind) {
	case LEADERS_BLOCKED:
		report_put(object, "name", name_text(key, l->key.len));
		report_put_str(object, "list", l->note);
		break;
	case LEADERS_CLIENTS:
		report_put(object, "client", call_client(key, key[ADDR_WIDE_LEN]));
		break;
	case LEADERS_LISTS:
		report_put_str(object, "list", l->key);
		break;
	case LEADERS_KINDS:
		break;
	}
	return object;
}

/* What the first of those shown may be too high by. */
static void put_result(json_t *object, uint64_t total, int64_t since_s, uint64_t error, json_t *leaders)
{
	report_put_time(object, "since", since_s);
	report_put_time(object, "until", clock_wall_s());
	report_put(object, "total", json_integer((json_int_t)total));
	report_put(object, "error", json_integer((json_int_t)error));
	report_put(object, "leaders", leaders);
}

static void put_names(json_t *object, struct happened *h, size_t limit)
{
	struct traffic_digest d;
	json_t *leaders = json_array();
	uint64_t error = 0;
	observer_drain(happened_observer(h));
	traffic_digest(observer_traffic(happened_observer(h)), clock_wall_s(), &d);
	for (size_t i = 0; i < MIN(limit, d.name_count); i++) {
		const struct top_name *n = &d.names[i];
		json_t *one = numbers(n->count, n->error, distinct_estimate(&n->clients), true);
		report_put(one, "name", name_text(n->wire, n->len));
		report_add(leaders, one);
		error = MAX(error, n->error);
	}
	put_result(object, d.queries, d.since_s, error, leaders);
	traffic_digest_finish(&d);
}

static void put_leaders(json_t *object, struct happened *h, enum leaders_kind kind, size_t limit)
{
	struct leaders_digest d;
	json_t *leaders = json_array();
	uint64_t error = 0;
	leaders_digest(happened_leaders(h), kind, clock_wall_s(), &d);
	for (size_t i = 0; i < MIN(limit, d.count); i++) {
		report_add(leaders, one_leader(kind, &d.leaders[i]));
		error = MAX(error, d.leaders[i].error);
	}
	put_result(object, d.total, d.since_s, error, leaders);
	leaders_digest_finish(&d);
}

/* Why that is not told; NULL: it is. */
static const char *untold(const struct commands *c, unsigned kind)
{
	struct observer_info about;
	if (!c->config.happened)
		return "nothing is counted here";
	(void)happened_leaders(c->config.happened); /* the settings in force are followed */
	observer_info(happened_observer(c->config.happened), &about);
	if (!about.traffic)
		return "log.traffic is false: the last day's queries are not counted";
	switch (happened_privacy(c->config.happened)) {
	case PRIVACY_NONE:
		return "log.privacy is none: nothing is told of queries";
	case PRIVACY_NAMES:
		return kind == LEADERS_CLIENTS ? "log.privacy is names: nothing is told of clients" : NULL;
	case PRIVACY_FULL:
	case PRIVACY_ANONYMOUS:
		break;
	}
	return NULL;
}

void call_top(struct commands *c, json_t *args, struct call *call)
{
	struct err err = {0};
	struct observer_info about;
	unsigned kind;
	size_t limit;
	if (!top_args(args, &kind, &limit, &err)) {
		call_fail(call, &err, NULL);
		return;
	}
	const char *why = untold(c, kind);
	if (why) {
		(void)err_set(&err, ERR_INPUT, "%s", why);
		call_fail(call, &err, NULL);
		return;
	}
	json_t *object = json_object();
	observer_info(happened_observer(c->config.happened), &about);
	report_put_word(object, "kind", kinds[kind]);
	report_put(object, "sampled", json_integer((json_int_t)about.every));
	if (kind == KIND_NAMES)
		put_names(object, c->config.happened, limit);
	else
		put_leaders(object, c->config.happened, (enum leaders_kind)kind, limit);
	call_ok(call, object);
}
