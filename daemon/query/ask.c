/* SPDX-License-Identifier: BSD-2-Clause */
#include "query/query.h"

#include "query/mailbox.h"
#include "upstream/distill.h"

#include <stdlib.h>

/* A question under way to the upstreams; whoever waits for it is in the in-flight registry. */
struct ask {
	struct service *service;
	struct ask *prev, *next; /* of service->asks */
	struct name name;
	uint16_t type;
	bool dnssec_ok, checking_disabled;
};

static struct cache_key key_of(const struct query *q)
{
	return (struct cache_key){.name = query_sought(q),
				  .type = q->question.type,
				  .class = RRCLASS_IN,
				  .dnssec_ok = q->dnssec_ok,
				  .checking_disabled = (q->flags & MSG_CD) != 0};
}

static struct cache_key key_of_ask(const struct ask *a)
{
	return (struct cache_key){.name = &a->name,
				  .type = a->type,
				  .class = RRCLASS_IN,
				  .dnssec_ok = a->dnssec_ok,
				  .checking_disabled = a->checking_disabled};
}

/* The question seeks another name now than the one it was looked up or waited for. It is looked up anew, in a slot of its own; who
 * still answers the old one finds nobody. */
static void seek_again(struct service *s, const struct query *q)
{
	struct query next = *q;

	if (q->serial != 0)
		slot_free(s, slot_find(s, q->slot, q->serial));
	next.serial = 0;
	next.stale_queued = false;
	next.has_stale = false;
	if (cached_stage(s, &next) == FATE_NEXT)
		(void)ask_stage(s, &next);
}

/* Send a response that policy lets through, or what it brings: a block, or the entry's CNAME to be followed. What a CNAME of policy
 * itself led to is not judged. */
static void give(struct service *s, struct query *q, const struct response *r, enum answer_age age, enum counter as)
{
	struct verdict v;

	if (q->rewrite.on) {
		query_count_list(s, &q->rewrite.verdict);
		answer_rewritten(s, q, r, age);
		query_finish(s, q, COUNTER_BLOCKED);
		return;
	}
	if (inspect_response(s, q, r, &v)) {
		switch (query_block(s, q, &v, false)) {
		case BLOCK_ENDED:
			return;
		case BLOCK_REWRITTEN:
			seek_again(s, q);
			return;
		case BLOCK_PASSES:
			break;
		}
	}
	answer_response(s, q, r, age);
	query_finish(s, q, as);
}

static enum cache_find look_up(struct service *s, const struct cache_key *key)
{
	s->response.body = s->body;
	s->response.body_cap = sizeof(s->body);
	return cache_get(s->cache, key, s->now_ms, &s->response);
}

enum fate cached_stage(struct service *s, struct query *q)
{
	struct cache_key key = key_of(q);
	bool prefetch = false;

	switch (look_up(s, &key)) {
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
	give(s, q, &s->response, ANSWER_AGE_FRESH, COUNTER_CACHED);
	/* After the answer, which lies in the service's buffers; and not for RD=0, which gives nobody the right to make us ask. */
	if (prefetch && (q->flags & MSG_RD) != 0)
		ask_prefetch(s, &key);
	return FATE_ANSWER;
}

static bool give_stale(struct service *s, struct query *q)
{
	struct cache_key key = key_of(q);

	if (!q->has_stale || look_up(s, &key) != CACHE_STALE)
		return false;
	give(s, q, &s->response, ANSWER_AGE_STALE, COUNTER_STALE);
	return true;
}

static uint16_t ede_of(enum pool_outcome outcome)
{
	return outcome == POOL_NETWORK ? EDE_NETWORK_ERROR : EDE_NO_REACHABLE_AUTHORITY;
}

/* SERVFAIL says why (RFC 8914 §4.23, §4.24), unless an expired answer can stand in. */
static void fail_as(struct service *s, struct query *q, const struct query_extra *extra)
{
	if (give_stale(s, q))
		return;
	answer_rcode(s, q, RCODE_SERVFAIL, extra);
	query_finish(s, q, COUNTER_FAILED);
}

static void fail(struct service *s, struct query *q, enum pool_outcome outcome)
{
	fail_as(s, q, &(struct query_extra){.has_ede = true, .ede = ede_of(outcome)});
}

/* It failed a moment ago: nobody is asked again so soon (RFC 9520 §3.2), and it fails again, saying so (RFC 8914 §4.14) behind why
 * it did, since many read the first code alone. */
static bool failed_lately(struct service *s, struct query *q, const struct cache_key *key)
{
	uint16_t why;

	if (!failures_find(s->failures, key, s->now_ms, &why))
		return false;
	counters_add(s->counters, COUNTER_FAILURE_HITS);
	fail_as(s, q, &(struct query_extra){.has_ede = true, .ede = why, .also_ede = EDE_CACHED_ERROR});
	return true;
}

/* What an ask came to, for whoever asks the same next. A limit of ours says nothing about the question. */
static void note_outcome(struct service *s, const struct cache_key *key, enum pool_outcome outcome)
{
	switch (outcome) {
	case POOL_ANSWER:
		failures_forget(s->failures, key, s->now_ms);
		break;
	case POOL_TIMEOUT:
	case POOL_NETWORK:
	case POOL_BAD:
		failures_note(s->failures, key, ede_of(outcome), !upstreams_any_up(s->world->upstreams, key->name, key->type),
			      s->now_ms);
		break;
	case POOL_NO_RESOURCES:
		break;
	}
}

/* Policy is asked again about a parked query: an entry added meanwhile is in force. False: it ended, or it seeks another name now.
 */
static bool judge_again(struct service *s, struct query *q)
{
	struct name before = *query_sought(q);

	if (decide_stage(s, q) != FATE_NEXT)
		return false;
	if (name_eq(&before, query_sought(q)))
		return true;
	seek_again(s, q);
	return false;
}

/* A parked query's answer has come. */
static void deliver(struct service *s, struct query *q, enum pool_outcome outcome, const struct response *r)
{
	if (!judge_again(s, q))
		return;
	if (outcome == POOL_ANSWER)
		give(s, q, r, ANSWER_AGE_FRESH, COUNTER_FORWARDED);
	else
		fail(s, q, outcome);
}

/* Hand the outcome to everybody who waits, here and on other workers. */
static void deliver_all(struct service *s, const struct cache_key *key, enum pool_outcome outcome, const struct response *r)
{
	struct inflight_waiter *waiters;
	size_t count = inflight_take(s->inflight, key, &waiters);
	struct outcome *shared = NULL;
	bool posted[SETTINGS_WORKERS_MAX] = {false};

	for (size_t i = 0; i < count; i++) {
		const struct inflight_waiter *w = &waiters[i];
		if (w->worker == s->worker)
			continue;
		if (shared == NULL)
			shared = outcome_create(outcome, outcome == POOL_ANSWER ? r : NULL);
		if (shared != NULL && mailbox_post(s->peer(s->peer_arg, w->worker)->mailbox, w, shared))
			posted[w->worker] = true;
	}
	if (shared != NULL)
		outcome_unref(shared);
	for (unsigned i = 0; i < SETTINGS_WORKERS_MAX; i++) {
		struct service *peer = posted[i] ? s->peer(s->peer_arg, i) : NULL;
		if (peer != NULL)
			peer->wake(peer->wake_arg);
	}
	for (size_t i = 0; i < count; i++) {
		if (waiters[i].worker != s->worker)
			continue;
		struct query *q = slot_find(s, waiters[i].slot, waiters[i].serial);
		if (q != NULL)
			deliver(s, q, outcome, r);
	}
	free(waiters);
}

static void ask_end(struct ask *a)
{
	if (a->prev != NULL)
		a->prev->next = a->next;
	else
		a->service->asks = a->next;
	if (a->next != NULL)
		a->next->prev = a->prev;
	free(a);
}

void asks_forget(struct service *s)
{
	while (s->asks != NULL)
		ask_end(s->asks); // NOLINT(clang-analyzer-unix.Malloc): the head has no prev, so that ask_end moves s->asks on
}

static void on_upstream_done(void *arg, enum pool_outcome outcome, const uint8_t *bytes, size_t len)
{
	struct ask *a = arg;
	struct service *s = a->service;
	struct cache_key key = key_of_ask(a);
	/* not s->response: giving a stale answer to one waiter must not disturb the next one's */
	struct response r = {.body = s->distilled, .body_cap = sizeof(s->distilled)};
	bool negative = false;

	if (service_begin_batch(s)) {
		if (outcome == POOL_ANSWER) {
			switch (distill(bytes, len, &a->name, a->type, a->dnssec_ok, &r, &negative)) {
			case DISTILL_OK:
				cache_put(s->cache, &key, negative, s->now_ms, &r);
				break;
			case DISTILL_UNCACHED:
				break;
			case DISTILL_FAILED:
			case DISTILL_BAD:
				outcome = POOL_BAD;
				break;
			}
			r.negative = negative;
		}
		note_outcome(s, &key, outcome); /* before the registry lets go of it, so that the next owner sees it */
		deliver_all(s, &key, outcome, &r);
	}
	s->world = NULL;
	ask_end(a);
}

/* The caller owns the registry's entry for key. False when a limit refuses the ask. */
static bool ask_start(struct service *s, const struct cache_key *key)
{
	struct ask *a = malloc(sizeof(*a));

	if (a == NULL)
		return false;
	*a = (struct ask){.service = s,
			  .name = *key->name,
			  .type = key->type,
			  .dnssec_ok = key->dnssec_ok,
			  .checking_disabled = key->checking_disabled};
	/* Never TCP because the client came by it (a SHOULD of RFC 5625 §4.4.1): an upstream that truncates is asked again by TCP
	 * anyway, and a client that asks by TCP after our own TC is answered from the cache. */
	if (pool_ask(s->pool, &a->name, a->type, a->dnssec_ok, a->checking_disabled, false, on_upstream_done, a) == NULL) {
		free(a);
		return false;
	}
	a->next = s->asks;
	if (a->next != NULL)
		a->next->prev = a;
	s->asks = a;
	return true;
}

void ask_prefetch(struct service *s, const struct cache_key *key)
{
	uint16_t why;

	if (failures_find(s->failures, key, s->now_ms, &why) || inflight_join(s->inflight, key, NULL) != INFLIGHT_OWNER)
		return;
	if (ask_start(s, key)) {
		counters_add(s->counters, COUNTER_PREFETCHED);
		return;
	}
	/* Somebody may have joined in between: they are failed, not forgotten. */
	deliver_all(s, key, POOL_NO_RESOURCES, NULL);
}

enum fate ask_stage(struct service *s, struct query *q)
{
	struct cache_key key = key_of(q);
	uint16_t why;

	/* RD=0 gives nobody the right to make us ask; what is cached was given above (protocol: no cache is filled by it either).
	 */
	if ((q->flags & MSG_RD) == 0) {
		answer_rcode(s, q, RCODE_REFUSED, &(struct query_extra){.has_ede = true, .ede = EDE_NOT_AUTHORITATIVE});
		query_finish(s, q, COUNTER_REFUSED);
		return FATE_ANSWER;
	}
	if (failed_lately(s, q, &key))
		return FATE_ANSWER;
	struct query *parked = slot_park(s, q);
	if (parked == NULL) {
		counters_add(s->counters, COUNTER_SLOTS_FULL);
		fail(s, q, POOL_NO_RESOURCES);
		return FATE_ANSWER;
	}
	struct inflight_waiter waiter = {.worker = (uint16_t)s->worker, .slot = parked->slot, .serial = parked->serial};
	switch (inflight_join(s->inflight, &key, &waiter)) {
	case INFLIGHT_FULL:
		counters_add(s->counters, COUNTER_INFLIGHT_FULL);
		fail(s, parked, POOL_NO_RESOURCES);
		return FATE_ANSWER;
	case INFLIGHT_WAITS:
		counters_add(s->counters, COUNTER_COALESCED);
		break;
	case INFLIGHT_OWNER:
		/* The ask of another worker may have ended between our look-up and our joining. */
		key = key_of(parked);
		if (look_up(s, &key) == CACHE_FRESH) {
			struct response r = s->response;
			deliver_all(s, &key, POOL_ANSWER, &r);
			return FATE_ANSWER;
		}
		if (failures_find(s->failures, &key, s->now_ms, &why)) {
			deliver_all(s, &key, why == EDE_NETWORK_ERROR ? POOL_NETWORK : POOL_BAD, NULL);
			return FATE_ANSWER;
		}
		if (!ask_start(s, &key)) {
			deliver_all(s, &key, POOL_NO_RESOURCES, NULL);
			return FATE_ANSWER;
		}
		break;
	}
	if (parked->has_stale)
		stale_push(s, parked);
	return FATE_WAIT;
}

void service_drain(struct service *s)
{
	struct letter *next;

	if (!service_begin_batch(s))
		return;
	for (struct letter *l = mailbox_take(s->mailbox); l != NULL; l = next) {
		next = l->next;
		struct query *q = slot_find(s, l->waiter.slot, l->waiter.serial);
		if (q != NULL)
			deliver(s, q, l->outcome->outcome, &l->outcome->response);
		letter_destroy(l);
	}
}

void service_stale_due(struct service *s)
{
	if (!service_begin_batch(s))
		return;
	while (s->stale_first != NULL && s->stale_first->stale_at_ms <= s->now_ms) {
		struct query *q = s->stale_first;
		stale_remove(s, q);
		if (judge_again(s, q))
			(void)give_stale(s, q); /* else it waits on for the upstream */
	}
	if (s->stale_first != NULL)
		s->stale_timer(s->stale_timer_arg, s->stale_first->stale_at_ms - s->now_ms);
	s->world = NULL;
}
