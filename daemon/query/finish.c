/* SPDX-License-Identifier: BSD-2-Clause */
#include "query/trail.h"

#include "base/clock.h"
#include "query/block.h"
#include "wire/msg.h"

#include <assert.h>

/* It waited for an upstream, or holds what is to be let go. The time of one that waited is its own and not its batch's. */
static __attribute__((noinline)) void end_waited(struct service *s, struct query *q, enum counter as)
{
	if (q->trail != NULL)
		trail_drop(s, q);
	if ((q->serial != 0 || q->moves) && s->world != NULL && service_is_timed(s)) {
		latency_add(&s->counters->durations[as - COUNTER_BLOCKED], (uint64_t)MAX(s->now_us - q->came_us, 0), 1);
		s->ends_before[as - COUNTER_BLOCKED]++;
	}
	if (q->serial != 0)
		slot_free(s, q);
}

/* One test for all that most queries have not. */
static inline void query_end(struct service *s, struct query *q, enum counter as)
{
	if (UNLIKELY((q->serial | (uint64_t)q->moves | (uint64_t)(uintptr_t)q->trail) != 0))
		end_waited(s, q, as);
}

/* What was turned away has a tap of its own (tap.h). */
static struct tap *tap_for(const struct service *s, enum counter as)
{
	static_assert(COUNTER_DROPPED == COUNTER_REFUSED + 1, "the two are neighbours");
	return as - COUNTER_REFUSED <= COUNTER_DROPPED - COUNTER_REFUSED ? s->away : s->tap;
}

/* To be asked once for each fact that is told then. */
static inline bool is_told(struct tap *t)
{
	return t != NULL && UNLIKELY(tap_wants(t));
}

/* ---- what a fact says; apart, as a busy worker tells of few queries ---- */

/* Of a query that waited it is now: an answer has just come for it. Else it is read anew, as a batch takes its time. */
static inline int64_t tell_us(const struct service *s, const struct query *q)
{
	return q->serial != 0 && s->world != NULL ? s->now_us : clock_mono_ns() / 1000;
}

static __attribute__((noinline)) struct tap_fact *tell(struct service *s, struct tap *t, const struct query *q, unsigned flags)
{
	struct tap_fact *f = tap_begin(t);

	if (UNLIKELY(f == NULL)) {
		counters_add(s->counters, COUNTER_FACTS_LOST);
		return NULL;
	}
	const int64_t now_us = tell_us(s, q), took_us = now_us - q->came_us;
	f->world = s->world == NULL ? 0 : s->world->serial;
	f->at_us = s->wall_us + (now_us - s->now_us);
	f->took_us = LIKELY(took_us >= 0 && took_us <= UINT32_MAX) ? (uint32_t)took_us : took_us < 0 ? 0 : UINT32_MAX;
	f->flags = (uint8_t)flags;
	f->rule = f->ttl_s = 0;
	f->list = TAP_NO_LIST;
	f->type = q->type;
	f->group = q->group;
	f->upstream = 0;
	f->port = addr_port(&q->peer);
	f->via = (uint8_t)q->via->told_as;
	f->labels = 0;
	return f;
}

static void put_entry(struct tap_fact *f, const struct verdict *v)
{
	f->rule = v->rule;
	f->labels = v->labels;
	f->list = v->list;
	if (v->bulk)
		f->flags |= TAP_BULK;
}

static void put_shadow(struct tap_fact *f, const struct verdict *v)
{
	f->rule = v->shadow_rule;
	f->labels = v->shadow_labels;
	f->list = v->shadow_list;
	if (v->shadow_bulk)
		f->flags |= TAP_BULK;
}

/* An entry's part in it. by: NULL for the name asked. */
static struct tap_fact *tell_entry(struct service *s, const struct query *q, const struct judged *by, unsigned flags)
{
	struct tap_fact *f = tell(s, s->tap, q, flags);

	if (f == NULL)
		return NULL;
	tap_put_name(f, by != NULL && by->address.len == 0 ? &by->name : &q->name);
	tap_put_address(f, by != NULL && by->address.len != 0 ? &by->address : &q->peer);
	return f;
}

static void put_blocker(struct tap_fact *f, const struct blocker *by)
{
	f->flags |= TAP_BLOCKED;
	f->ttl_s = by->answer != NULL ? block_kept_s(by->answer) : by->ttl_s;
	if (by->verdict == NULL)
		return;
	put_entry(f, by->verdict);
	if (!by->owns)
		f->flags |= TAP_TOLD | TAP_BY_ANSWER;
}

/* What policy says of a query that ends otherwise. */
static inline void put_verdict(struct tap_fact *f, const struct service *s, const struct query *q)
{
	const struct verdict *v = &q->verdict;

	if (s->world == NULL || q->judged_world != s->world->serial)
		return;
	if (v->kind == VERDICT_ALLOWED) {
		f->flags |= TAP_ALLOWED;
		put_entry(f, v);
	} else if (v->shadowed) {
		f->flags |= TAP_SHADOW | TAP_TOLD | (q->shadow_by_answer ? TAP_BY_ANSWER : 0);
		put_shadow(f, v);
	}
}

/* The TTL behind an owner that is no pointer to the question. */
static __attribute__((noinline)) uint32_t ttl_behind_name_s(const struct service *s, size_t at)
{
	struct rd rd = rd_init(s->out, s->out_len);

	rd_skip(&rd, at);
	if (!name_skip(&rd))
		return 0;
	rd_skip(&rd, 4); /* type and class */
	uint32_t ttl_s = rd_u32(&rd);
	return rd_ok(&rd) ? ttl_s : 0;
}

/* The TTL of the first record. */
static inline uint32_t sent_ttl_s(const struct service *s, const struct query *q)
{
	const size_t at = MSG_HEADER_LEN + (size_t)q->question_len;
	const uint8_t *owner = s->out + at, *counts = s->out + 6; /* of answer and authority */

	if ((counts[0] | counts[1] | counts[2] | counts[3]) == 0 || at + 10 > s->out_len)
		return 0;
	return LIKELY((owner[0] & 0xc0) == 0xc0) ? be_get_u32(owner + 6) : ttl_behind_name_s(s, at);
}

static inline unsigned sent_rcode(const struct service *s)
{
	const unsigned low = s->out[3] & MSG_RCODE;

	return LIKELY(s->out_rcode_high == 0) ? low : (unsigned)s->out_rcode_high << 4 | low;
}

static inline void put_sent(struct tap_fact *f, const struct service *s, const struct query *q)
{
	f->flags |= TAP_SENT;
	f->rcode = (uint8_t)sent_rcode(s);
	if ((f->flags & TAP_BLOCKED) == 0)
		f->ttl_s = sent_ttl_s(s, q);
}

static __attribute__((noinline)) void tell_query(struct service *s, struct tap *t, const struct query *q, enum counter as,
						 bool sent)
{
	static const struct name none = {.len = 0};
	struct tap_fact *f = tell(s, t, q, TAP_QUERY);

	if (f == NULL)
		return;
	f->fate = (uint8_t)as;
	f->rcode = 0;
	tap_put_name(f, q->has_question ? &q->name : &none);
	tap_put_address(f, &q->peer);
	if (as == COUNTER_BLOCKED)
		put_blocker(f, &s->blocker);
	else
		put_verdict(f, s, q);
	if (t == s->away) /* an entry that let it pass has let nothing pass in the end */
		f->flags |= TAP_TOLD;
	if (as == COUNTER_FORWARDED)
		f->upstream = q->upstream;
	if (sent)
		put_sent(f, s, q);
	tap_end(t);
}

/* ---- the doors ---- */

static inline void count_end(struct counters *c, const struct query *q, enum counter as)
{
	counters_add(c, as);
	counters_bump(&c->types[counter_type_of(q->type)]);
}

void query_finish(struct service *s, struct query *q, enum counter as)
{
	struct tap *t = tap_for(s, as);
	struct counters *const c = s->counters;

	count_end(c, q, as);
	counters_bump(&c->rcodes[sent_rcode(s) % COUNTER_RCODES]);
	if (is_told(t))
		tell_query(s, t, q, as, true);
	if (UNLIKELY(s->frames != NULL))
		query_frame_answer(s, q, as);
	q->via->send(q, s->out, s->out_len);
	query_end(s, q, as);
}

void query_drop(struct service *s, struct query *q, enum counter as)
{
	struct tap *t = tap_for(s, as);

	count_end(s->counters, q, as);
	if (is_told(t))
		tell_query(s, t, q, as, false);
	if (q->via->dropped != NULL)
		q->via->dropped(q);
	query_end(s, q, as);
}

/* ---- policy's part ---- */

void query_count_list(struct service *s, const struct verdict *v)
{
	uint16_t number = s->world->list_numbers[v->list];

	if (number < SETTINGS_LISTS_MAX)
		counters_bump(&s->counters->list_blocked[number]);
}

void query_tell_block(struct service *s, const struct query *q, const struct verdict *v, uint32_t ttl_s)
{
	if (!is_told(s->tap))
		return;
	struct tap_fact *f = tell_entry(s, q, &s->blocked_by, TAP_BLOCKED);
	if (f == NULL)
		return;
	put_entry(f, v);
	f->ttl_s = ttl_s;
	tap_end(s->tap);
}

void query_count_shadow(struct service *s, const struct query *q, const struct verdict *v, const struct judged *by)
{
	uint16_t number = s->world->list_numbers[v->shadow_list];

	counters_add(s->counters, COUNTER_SHADOWED);
	if (number < SETTINGS_LISTS_MAX)
		counters_bump(&s->counters->list_shadowed[number]);
	if (!is_told(s->tap))
		return;
	struct tap_fact *f = tell_entry(s, q, by, TAP_SHADOW);
	if (f == NULL)
		return;
	put_shadow(f, v);
	tap_end(s->tap);
}
