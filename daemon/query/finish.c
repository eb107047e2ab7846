/* SPDX-License-Identifier: BSD-2-Clause */
#include "query/trail.h"

#include <assert.h>

#define RCODE_AT 3 /* in a message: the low octet of its flags */

/* It waited for an upstream, so that its time is its own and not its batch's. */
static __attribute__((noinline)) void time_waited(struct service *s, const struct query *q, enum counter as)
{
	if (s->world == NULL || !service_is_timed(s))
		return;
	latency_add(&s->counters->durations[as - COUNTER_BLOCKED], (uint64_t)MAX(s->now_us - q->came_us, 0), 1);
	s->ends_before[as - COUNTER_BLOCKED]++;
}

static void query_end(struct service *s, struct query *q, enum counter as)
{
	counters_add(s->counters, as);
	counters_bump(&s->counters->types[counter_type_of(q->type)]);
	if (UNLIKELY(q->trail != NULL))
		trail_drop(s, q);
	if (UNLIKELY(q->serial != 0 || q->moves))
		time_waited(s, q, as);
	if (q->serial != 0)
		slot_free(s, q);
}

/* Those of a client that was served, or tried to be. What strangers ask is no traffic, and blocks are told of with their entry. */
static bool is_told(enum counter as)
{
	const unsigned told =
	    1u << COUNTER_CACHED | 1u << COUNTER_FORWARDED | 1u << COUNTER_STALE | 1u << COUNTER_LOCAL | 1u << COUNTER_FAILED;

	static_assert(COUNTER_FAILED < 32, "the ends of a query have a bit each");
	return (told >> as & 1) != 0;
}

static void put_entry(struct tap_fact *f, uint32_t rule, uint8_t labels, uint32_t ttl_s)
{
	f->rule = rule;
	f->labels = labels;
	f->ttl_s = ttl_s;
}

/* Apart from here on: a busy worker tells of few queries. */
static __attribute__((noinline)) struct tap_fact *tell(struct service *s, const struct query *q, const struct judged *by,
						       unsigned flags)
{
	struct tap_fact *f = tap_begin(s->tap);

	if (UNLIKELY(f == NULL))
		return NULL;
	f->world = s->world->serial;
	f->at_s = s->now_s;
	f->flags = (uint8_t)flags;
	tap_put_name(f, by != NULL && by->address.len == 0 ? &by->name : &q->name);
	tap_put_address(f, by != NULL && by->address.len != 0 ? &by->address : &q->peer);
	return f;
}

static __attribute__((noinline)) void tell_query(struct service *s, const struct query *q)
{
	const struct verdict *v = &q->verdict;
	const bool allowed = v->kind == VERDICT_ALLOWED && q->judged_world == s->world->serial;
	struct tap_fact *f = tell(s, q, NULL, TAP_QUERY | (allowed ? TAP_ALLOWED : 0) | (allowed && v->bulk ? TAP_BULK : 0));

	if (f == NULL)
		return;
	put_entry(f, v->rule, v->labels, 0);
	tap_end(s->tap);
}

void query_tell(struct service *s, const struct query *q)
{
	if (query_is_told(s))
		tell_query(s, q);
}

void query_finish_as(struct service *s, struct query *q, enum counter as, uint16_t rcode)
{
	counters_bump(&s->counters->rcodes[rcode]);
	if (is_told(as) && query_is_told(s))
		tell_query(s, q);
	q->via->send(q, s->out, s->out_len);
	query_end(s, q, as);
}

void query_finish(struct service *s, struct query *q, enum counter as)
{
	query_finish_as(s, q, as, (uint16_t)(s->out[RCODE_AT] & MSG_RCODE));
}

void query_drop(struct service *s, struct query *q, enum counter as)
{
	if (q->via->dropped != NULL)
		q->via->dropped(q);
	query_end(s, q, as);
}

void query_count_list(struct service *s, const struct verdict *v)
{
	uint16_t number = s->world->list_numbers[v->list];

	if (number < SETTINGS_LISTS_MAX)
		counters_bump(&s->counters->list_blocked[number]);
}

void query_tell_block(struct service *s, const struct query *q, const struct judged *by, const struct verdict *v, uint32_t ttl_s)
{
	struct tap_fact *f = tell(s, q, by, TAP_BLOCKED | (by == NULL ? TAP_QUERY : 0) | (v->bulk ? TAP_BULK : 0));

	if (f == NULL)
		return;
	put_entry(f, v->rule, v->labels, ttl_s);
	tap_end(s->tap);
}

void query_count_shadow(struct service *s, const struct query *q, const struct verdict *v, const struct judged *by)
{
	uint16_t number = s->world->list_numbers[v->shadow_list];

	counters_add(s->counters, COUNTER_SHADOWED);
	if (number < SETTINGS_LISTS_MAX)
		counters_bump(&s->counters->list_shadowed[number]);
	if (!query_is_told(s))
		return;
	struct tap_fact *f = tell(s, q, by, TAP_SHADOW | (v->shadow_bulk ? TAP_BULK : 0));
	if (f == NULL)
		return;
	put_entry(f, v->shadow_rule, v->shadow_labels, 0);
	tap_end(s->tap);
}
