/* SPDX-License-Identifier: BSD-2-Clause */
#include "query/query.h"

#include "base/clock.h"
#include "query/local.h"
#include "wire/edns.h"

static enum fate near_stage(struct service *s, struct query *q);
static enum fate records_stage(struct service *s, struct query *q);

/* A row with which a whole batch has nothing to do is passed over at once. */
struct batch {
	const struct generation *world;
	bool has_cookies;
	bool has_locals; /* one of the names may be among the operator's own records */
	bool has_any;	 /* one of the questions is for ANY */
};

static bool no_cookies(const struct batch *b)
{
	return !b->has_cookies;
}

static bool no_rate(const struct batch *b)
{
	return b->world->settings->rate == 0;
}

static bool no_locals(const struct batch *b)
{
	return !b->has_locals;
}

static bool no_safe_search(const struct batch *b)
{
	return !b->world->settings->any_safe_search;
}

static bool no_any(const struct batch *b)
{
	return !b->has_any;
}

/* The order of judgement, each row with its reason. A stage that ends a query has called query_finish or query_drop itself. Rows
 * that only fetch memory always say NEXT: of a batch, all go through a row before the next row begins. */
static const struct stage {
	const char *name;
	enum fate (*run)(struct service *s, struct query *q);
	const char *why;
	bool (*is_idle)(const struct batch *b); /* NULL: never */
} stages[] = {
    {"client", client_stage, "strangers get nothing built for them, not even an error about their packet's form"},
    {"cookie", cookie_stage, "before whatever spares a client that has shown who it is", no_cookies},
    {"limit", limit_stage, "as soon as it is known who shows a good cookie; what is above the rate costs no look-up", no_rate},
    {"screen", screen_stage, "what is no question to resolve is refused before any look-up"},
    {"near", near_stage, "the policy's filter is asked; where a name may be in a list, its bucket is fetched"},
    {"records", records_stage, "and what is in that bucket"},
    {"local", local_stage, "the operator's own records come before any list, and before whoever else knows the name", no_locals},
    {"decide", decide_stage, "above the cache, so that an edit acts on the next packet and flushes nothing"},
    {"safe", safe_stage, "after decide: a blocked engine stays blocked; an allowed one is led to its filtered host all the same",
     no_safe_search},
    {"names", names_stage, "after decide: what a list says of such a name is the operator's own word; the rest is nobody else's"},
    {"any", any_stage, "after decide: a blocked name is blocked for ANY too; before the cache: ANY is not looked up over UDP",
     no_any},
    {"key", key_stage, "hashed once, for the cache and for the asks under way; the cache's bucket is fetched"},
    {"entry", entry_stage, "and the entry in it"},
    {"cached", cached_stage, "cheaper than asking; what it finds is judged again, since lists change while answers rest"},
    {"ask", ask_stage, "only misses get here; equal ones are merged"},
};

/* The answers of a batch are sent together, so that all of its queries that did not wait took as long as it: nobody has to look at
 * the clock for each. */
static __attribute__((noinline)) void begin_timing(struct service *s)
{
	for (size_t i = 0; i < COUNTER_ENDS; i++)
		s->ends_before[i] = atomic_load_explicit(&s->counters->values[COUNTER_BLOCKED + i], memory_order_relaxed);
}

static __attribute__((noinline)) void end_timing(struct service *s)
{
	int64_t us = -1;

	for (size_t i = 0; i < COUNTER_ENDS; i++) {
		uint64_t ended =
		    atomic_load_explicit(&s->counters->values[COUNTER_BLOCKED + i], memory_order_relaxed) - s->ends_before[i];
		if (ended == 0)
			continue;
		if (us < 0)
			us = MAX(clock_mono_ns() / 1000 - s->now_us, 0);
		latency_add(&s->counters->durations[i], (uint64_t)us, ended);
	}
}

bool service_begin_batch(struct service *s)
{
	s->world = generation_adopt(s->generations, s->worker);
	s->now_us = clock_mono_ns() / 1000;
	s->wall_us = clock_wall_us();
	s->now_ms = s->now_us / 1000;
	s->now_s = s->wall_us / 1000000;
	if (s->world == NULL)
		return false;
	s->grouped = s->world->masked;
	if (UNLIKELY(s->grouped))
		groups_refresh(s);
	if (s->tap != NULL) {
		tap_refresh(s->tap);
		tap_refresh(s->away);
	}
	if (s->frames_seat != NULL)
		s->frames = frames_take(s->frames_seat, s->frames);
	if (UNLIKELY(service_is_timed(s)))
		begin_timing(s);
	cache_enter(s->reader);
	return true;
}

void service_end_batch(struct service *s)
{
	if (UNLIKELY(service_is_timed(s)))
		end_timing(s);
	cache_leave(s->reader);
	s->world = NULL;
}

/* What only a stream, or an encrypted transport, asks of the packet. */
static __attribute__((noinline)) void begin_stream(struct query *q, const struct msg_query *m)
{
	q->pads = q->via->encrypted && m->edns.present && m->edns.has_padding;
	if (!q->via->stream)
		return;
	q->limit = MSG_LEN_MAX;
	q->has_keepalive = m->edns.present && m->edns.has_keepalive;
	if (q->parsed == MSG_QUERY && m->edns.present && m->edns.bad_keepalive)
		q->parsed = MSG_FORMERR;
}

void query_begin(struct query *q, const uint8_t *bytes, size_t len)
{
	struct msg_query m;

	q->parsed = msg_parse_query(bytes, len, &m, &q->name);
	q->packet = bytes;
	q->packet_len = (uint16_t)len;
	q->serial = 0;
	q->has_stale = false;
	q->stale_queued = false;
	q->moves = false;
	q->shadow_by_answer = false;
	q->upstream = 0;
	q->verdict = (struct verdict){.kind = VERDICT_NONE};
	q->rewrite.on = false;
	q->trail = NULL;
	q->prepared = NULL;
	q->group = 0;
	q->relieved = false;
	q->until_s = SCHEDULE_NEVER;
	q->has_keepalive = q->pads = false;
	q->keepalive_100ms = 0;
	q->id = m.header.id;
	q->flags = m.header.flags;
	q->has_question = m.has_question;
	q->question = bytes + MSG_HEADER_LEN;
	q->question_len = m.has_question ? (uint16_t)(m.question_end - MSG_HEADER_LEN) : 0;
	q->type = m.type;
	q->class = m.class;
	q->has_edns = m.edns.present;
	q->dnssec_ok = m.edns.present && m.edns.dnssec_ok;
	q->has_tsig = m.has_tsig;
	q->wants_structured = m.edns.present && m.edns.has_sde;
	q->wants_nsid = m.edns.present && m.edns.has_nsid;
	q->has_cookie = q->cookie_good = false;
	q->raw_cookie = m.edns.present ? m.edns.cookie : NULL;
	q->raw_cookie_len = m.edns.cookie_len;
	q->limit = (uint16_t)edns_udp_limit(&m.edns);
	if (UNLIKELY(q->via->stream | q->via->encrypted))
		begin_stream(q, &m);
}

static enum fate near_stage(struct service *s, struct query *q)
{
	if (q->prepared != NULL)
		policy_fetch(s->world->policy, &q->name, q->prepared);
	return FATE_NEXT;
}

static enum fate records_stage(struct service *s, struct query *q)
{
	if (q->prepared != NULL)
		policy_fetch_records(s->world->policy, q->prepared);
	return FATE_NEXT;
}

/* What nobody is to be answered. */
static bool is_deaf_to(const struct query *q)
{
	return q->parsed == MSG_IGNORE || addr_port(&q->peer) == 0;
}

static void count_in(struct service *s, const struct via *via, unsigned count)
{
	counters_add_by(s->counters, COUNTER_TOTAL, count);
	counters_bump_by(&s->counters->transports[via->stream ? COUNTER_STREAM : COUNTER_UDP], count);
}

void query_run(struct service *s, struct query *q)
{
	q->came_us = s->now_us;
	count_in(s, q->via, 1);
	if (is_deaf_to(q)) {
		query_drop(s, q, COUNTER_DROPPED);
		return;
	}
	if (UNLIKELY(s->frames != NULL))
		query_frame_question(s, q);
	for (size_t i = 0; i < ARRAY_LEN(stages); i++) {
		if (stages[i].run(s, q) != FATE_NEXT)
			return;
	}
	(void)unlikely_bug(true); /* the last stage never says NEXT */
	query_drop(s, q, COUNTER_DROPPED);
}

void query_rehearse(struct service *s, struct query *q, bool client_known)
{
	for (size_t i = 0; i < ARRAY_LEN(stages); i++) {
		if (stages[i].run == client_stage && !client_known) {
			if (s->world->masked)
				query_find_group(s, q);
			continue;
		}
		if (stages[i].run(s, q) != FATE_NEXT)
			return;
	}
}

void query_run_batch(struct service *s, struct query *queries, struct policy_prepared *prepared, unsigned count)
{
	uint8_t going[QUERY_BATCH_MAX]; /* those without an end yet */
	struct batch b = {.world = s->world};
	unsigned left = 0;

	if (count == 0)
		return;
	count_in(s, queries[0].via, count); /* they came by one socket */
	for (unsigned i = 0; i < count; i++) {
		struct query *q = &queries[i];
		q->came_us = s->now_us;
		if (is_deaf_to(q)) {
			query_drop(s, q, COUNTER_DROPPED);
			continue;
		}
		if (UNLIKELY(s->frames != NULL))
			query_frame_question(s, q);
		if (q->parsed == MSG_QUERY) {
			policy_prepare(s->world->policy, &q->name, &prepared[i]);
			q->prepared = &prepared[i];
			b.has_locals |= local_is_possible(s->world, &q->name);
			b.has_any |= q->type == RRTYPE_ANY;
		}
		b.has_cookies |= q->raw_cookie != NULL;
		going[left++] = (uint8_t)i;
	}
	for (size_t stage = 0; stage < ARRAY_LEN(stages) && left > 0; stage++) {
		unsigned still = 0;
		if (stages[stage].is_idle != NULL && stages[stage].is_idle(&b))
			continue;
		for (unsigned i = 0; i < left; i++) {
			if (stages[stage].run(s, &queries[going[i]]) == FATE_NEXT)
				going[still++] = going[i];
		}
		left = still;
	}
	(void)unlikely_bug(left > 0); /* the last stage never says NEXT */
}
