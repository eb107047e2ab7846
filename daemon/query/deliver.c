/* SPDX-License-Identifier: BSD-2-Clause */
#include "query/deliver.h"

#include "query/fail.h"
#include "query/give.h"
#include "query/mailbox.h"
#include "query/trail.h"

#include <stdlib.h>

/* Policy is asked again about a parked query: an entry added meanwhile is in force. False: it ended, or it seeks another name now.
 */
static bool judge_again(struct service *s, struct query *q)
{
	struct name before = {.len = 0}; /* where an entry sent it, if one did */

	if (q->judged_world == s->world->serial && q->judged_s == s->now_s)
		return true;
	if (q->rewrite.on)
		before = q->rewrite.to;
	/* It may have come in another world, whose groups had other numbers; and what is paused ends with a second. */
	if (UNLIKELY(s->world->masked))
		query_find_group(s, q);
	if (local_stage(s, q) != FATE_NEXT || decide_stage(s, q) != FATE_NEXT || safe_stage(s, q) != FATE_NEXT)
		return false;
	if (before.len == 0 ? !q->rewrite.on : name_eq(&before, query_base(q)))
		return true;
	trail_drop(s, q);
	give_anew(s, q);
	return false;
}

/* A parked query's answer has come. */
static void deliver(struct service *s, struct query *q, enum pool_outcome outcome, const struct response *r)
{
	if (!judge_again(s, q))
		return;
	if (outcome == POOL_ANSWER) {
		q->upstream = r->upstream;
		give_response(s, q, r, ANSWER_AGE_FRESH, COUNTER_FORWARDED);
	} else {
		fail_by(s, q, outcome);
	}
}

/* Hand the outcome to those who wait on other workers. */
static void deliver_far(struct service *s, const struct inflight_waiter *waiters, size_t count, enum pool_outcome outcome,
			const struct response *r)
{
	struct outcome *shared = outcome_create(outcome, outcome == POOL_ANSWER ? r : NULL);
	bool posted[SETTINGS_WORKERS_MAX] = {false};

	if (shared == NULL)
		return; /* out of memory: their clients will ask again */
	for (size_t i = 0; i < count; i++) {
		const struct inflight_waiter *w = &waiters[i];
		if (w->worker != s->worker && mailbox_post(s->peer(s->peer_arg, w->worker)->mailbox, w, shared))
			posted[w->worker] = true;
	}
	outcome_unref(shared);
	for (unsigned i = 0; i < SETTINGS_WORKERS_MAX; i++) {
		struct service *peer = posted[i] ? s->peer(s->peer_arg, i) : NULL;
		if (peer != NULL)
			peer->wake(peer->wake_arg);
	}
}

void deliver_all(struct service *s, const struct cache_key *key, enum pool_outcome outcome, const struct response *r)
{
	struct inflight_waiter *waiters;
	size_t count = inflight_take(s->inflight, key, &waiters);
	bool far = false;

	for (size_t i = 0; i < count && !far; i++)
		far = waiters[i].worker != s->worker;
	if (outcome == POOL_TIMEOUT)
		loop_timed_out(s, key, count);
	if (far)
		deliver_far(s, waiters, count, outcome, r);
	for (size_t i = 0; i < count; i++) {
		if (waiters[i].worker != s->worker)
			continue;
		struct query *q = slot_find(s, waiters[i].slot, waiters[i].serial);
		if (q != NULL)
			deliver(s, q, outcome, r);
	}
	free(waiters);
}

void service_drain(struct service *s)
{
	struct letter *next;

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
	service_end_batch(s);
}

void asks_give_up(struct service *s)
{
	const struct str why = STR_LIT("the server is being stopped");
	const struct query_extra extra = {.has_ede = true, .ede = EDE_NOT_READY, .text = why};

	for (uint32_t i = 0; i < s->slots_made; i++) {
		struct query *q = slot_at(s, i);
		if (q->serial != 0 && judge_again(s, q))
			fail_as(s, q, &extra);
	}
}
