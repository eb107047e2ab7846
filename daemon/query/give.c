/* SPDX-License-Identifier: BSD-2-Clause */
#include "query/give.h"

#include "query/ask.h"
#include "query/block.h"
#include "query/inspect.h"
#include "query/lookup.h"
#include "query/trail.h"

void give_anew(struct service *s, struct query *q)
{
	struct query next = *q;

	q->trail = NULL; /* it goes along */
	next.moves = q->moves || q->serial != 0;
	if (q->serial != 0) {
		next.question = next.question_room; /* what was the slot's may be another's soon */
		slot_free(s, slot_find(s, q->slot, q->serial));
	}
	next.serial = 0;
	next.stale_queued = false;
	next.has_stale = false;
	if (next.trail == NULL && names_stage(s, &next) != FATE_NEXT)
		return;
	(void)key_stage(s, &next);
	if (cached_stage(s, &next) == FATE_NEXT)
		(void)ask_stage(s, &next);
}

/* Somebody makes a public name point into the client's own network (DNS rebinding). */
static void refuse_private(struct service *s, struct query *q)
{
	const struct str text = STR_LIT("a private address for a public name");

	answer_nothing(s, q, MIN(s->world->settings->block_ttl_s, query_left_s(s, q)),
		       &(struct query_extra){.has_ede = true, .ede = EDE_BLOCKED, .text = text});
	counters_add(s->counters, COUNTER_REBIND_REFUSED);
	s->blocker = (struct blocker){.verdict = NULL, .ttl_s = s->world->settings->block_ttl_s, .owns = true};
	query_finish(s, q, COUNTER_BLOCKED);
}

/* What an answer held is blocked. False: it passes all the same. */
static bool give_block(struct service *s, struct query *q, const struct verdict *v)
{
	switch (query_block(s, q, v, false)) {
	case BLOCK_ENDED:
		return true;
	case BLOCK_REWRITTEN:
		trail_drop(s, q);
		give_anew(s, q);
		return true;
	case BLOCK_PASSES:
		break;
	}
	return false;
}

/* Judge r, which lies in m. False: that was the query's end, or it seeks another name now. */
static bool passes(struct service *s, struct query *q, const struct response *r, const struct laid_out *m)
{
	struct verdict v;

	switch (inspect_response(s, q, r, m, &v)) {
	case INSPECT_PASSES:
		return true;
	case INSPECT_PRIVATE:
		refuse_private(s, q);
		return false;
	case INSPECT_BLOCKED:
		break;
	}
	return !give_block(s, q, &v);
}

/* The chain goes on with other servers. Its links are judged first: nobody is asked for a name that is blocked. */
static void go_on(struct service *s, struct query *q, const struct response *links)
{
	if (!q->rewrite.on && inspect_needed(s, q, links)) {
		struct laid_out m = answer_lay_out(s, &q->name, links);
		if (!passes(s, q, links, &m))
			return;
	}
	give_anew(s, q);
}

/* Nor can an expired answer stand in: it may be the chain's own link. */
static void stop(struct service *s, struct query *q)
{
	answer_rcode(s, q, RCODE_SERVFAIL, &(struct query_extra){.has_ede = true, .ede = EDE_NO_REACHABLE_AUTHORITY});
	query_finish(s, q, COUNTER_FAILED);
}

/* The chain loops from one zone into another, or has no end: so it will for the next who asks (RFC 9520 §2.3). */
static void lose(struct service *s, struct query *q)
{
	struct cache_key key = q->key;

	key.name = query_base(q);
	cache_hash(s->cache, &key);
	failures_note(s->failures, &key, EDE_NO_REACHABLE_AUTHORITY, false, s->now_ms);
	stop(s, q);
}

/* Send a response that policy lets through, or what it brings: a block, or the entry's CNAME to be followed. What a CNAME of policy
 * itself led to is not judged. */
static void give_whole(struct service *s, struct query *q, const struct response *r, enum answer_age age, enum counter as)
{
	struct laid_out m = {.bytes = NULL};

	if (q->rewrite.on) {
		enum counter rewritten = query_count_rewrite(s, q);
		answer_rewritten(s, q, r, age);
		query_finish(s, q, rewritten);
		return;
	}
	m.body_at = answer_response(s, q, r, age);
	if (!inspect_needed(s, q, r)) {
		query_finish(s, q, as);
		return;
	}
	m.bytes = s->out;
	m.len = s->out_len;
	if (m.body_at == 0) /* it did not fit, and is judged all the same */
		m = answer_lay_out(s, &q->name, r);
	const int64_t until_s = q->until_s;
	if (!passes(s, q, r, &m))
		return;
	if (UNLIKELY(q->until_s != until_s)) /* a name it leads to is let through for a while */
		(void)answer_response(s, q, r, age);
	query_finish(s, q, as);
}

/* A part of a chain whose rest other servers have. Seldom, and apart, so that what is usual pays nothing for it. */
static __attribute__((noinline)) void give_part(struct service *s, struct query *q, const struct response *r, enum answer_age age,
						enum counter as)
{
	struct response joined;

	switch (trail_add(s, q, r, age, as, &joined, &age, &as)) {
	case TRAIL_WHOLE:
		give_whole(s, q, &joined, age, as);
		break;
	case TRAIL_GOES_ON:
		go_on(s, q, &joined);
		break;
	case TRAIL_NO_ROOM:
		counters_add(s->counters, COUNTER_SLOTS_FULL);
		stop(s, q);
		break;
	case TRAIL_LOST:
		lose(s, q);
		break;
	}
}

/* Inline: the cached path pays no call for the choice. */
static inline void give(struct service *s, struct query *q, const struct response *r, enum answer_age age, enum counter as)
{
	if (UNLIKELY(q->trail != NULL || (r->flags & RESPONSE_CUT) != 0))
		give_part(s, q, r, age, as);
	else
		give_whole(s, q, r, age, as);
}

void give_response(struct service *s, struct query *q, const struct response *r, enum answer_age age, enum counter as)
{
	give(s, q, r, age, as);
}

/* ---- out of the cache ---- */

/* The key, and the memory where the cache would have it. */
enum fate key_stage(struct service *s, struct query *q)
{
	q->key = (struct cache_key){.name = query_sought(q),
				    .type = q->type,
				    .class = RRCLASS_IN,
				    .dnssec_ok = q->dnssec_ok,
				    .checking_disabled = (q->flags & MSG_CD) != 0,
				    .servers = query_servers(s, q),
				    /* RD=0 gives nobody the right to make us ask */
				    .no_prefetch = (q->flags & MSG_RD) == 0};
	cache_hash(s->cache, &q->key);
	cache_fetch(s->cache, q->key.hash);
	return FATE_NEXT;
}

enum fate entry_stage(struct service *s, struct query *q)
{
	cache_fetch_entry(s->cache, q->key.hash);
	return FATE_NEXT;
}

enum fate cached_stage(struct service *s, struct query *q)
{
	struct response response;
	bool prefetch = false;

	switch (lookup(s, &q->key, &response)) {
	case CACHE_MISS:
		counters_add(s->counters, COUNTER_CACHE_MISSES);
		return FATE_NEXT;
	case CACHE_STALE:
		counters_add(s->counters, COUNTER_CACHE_MISSES);
		q->has_stale = true;
		return FATE_NEXT;
	case CACHE_PREFETCH:
		prefetch = true;
		break;
	case CACHE_FRESH:
		break;
	}
	counters_add(s->counters, COUNTER_CACHE_HITS);
	/* Before the answer, after which q may be another's. */
	if (prefetch)
		ask_prefetch(s, &q->key);
	give(s, q, &response, ANSWER_AGE_FRESH, COUNTER_CACHED);
	return FATE_ANSWER;
}

bool give_stale(struct service *s, struct query *q)
{
	if (!q->has_stale)
		return false;
	struct response response;
	if (lookup(s, &q->key, &response) != CACHE_STALE)
		return false;
	give(s, q, &response, ANSWER_AGE_STALE, COUNTER_STALE);
	return true;
}
