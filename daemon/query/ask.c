/* SPDX-License-Identifier: BSD-2-Clause */
#include "query/query.h"

#include "query/lookup.h"
#include "query/mailbox.h"
#include "query/trail.h"

#include <stdlib.h>
#include <string.h>

/* A question under way to the upstreams; whoever waits for it is in the in-flight registry. */
struct ask {
	struct service *service;
	struct ask *prev, *next; /* of service->asks */
	struct name name;
	uint16_t type;
	bool dnssec_ok, checking_disabled;
	uint32_t servers;
	uint64_t hash;		 /* of all that: the cache key's */
	uint64_t routes;	 /* upstreams_routes of those it goes by */
	struct share_place zone; /* of service->zones */
};

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

static struct cache_key key_of_ask(const struct ask *a)
{
	return (struct cache_key){.name = &a->name,
				  .type = a->type,
				  .class = RRCLASS_IN,
				  .dnssec_ok = a->dnssec_ok,
				  .checking_disabled = a->checking_disabled,
				  .servers = a->servers,
				  .hash = a->hash};
}

/* The question seeks another name now than the one it was looked up or waited for. It is looked up anew, in a slot of its own; who
 * still answers the old one finds nobody. What is cached is given from within: no deeper than an entry's CNAME and TRAIL_STEPS_MAX.
 */
static void seek_again(struct service *s, struct query *q)
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
		seek_again(s, q);
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
	seek_again(s, q);
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
	if (passes(s, q, r, &m))
		query_finish(s, q, as);
}

/* A part of a chain whose rest other servers have. Seldom, and apart, so that what is usual pays nothing for it. */
static void give_part(struct service *s, struct query *q, const struct response *r, enum answer_age age, enum counter as)
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

static void give(struct service *s, struct query *q, const struct response *r, enum answer_age age, enum counter as)
{
	if (UNLIKELY(q->trail != NULL || (r->flags & RESPONSE_CUT) != 0))
		give_part(s, q, r, age, as);
	else
		give_whole(s, q, r, age, as);
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

static bool give_stale(struct service *s, struct query *q)
{
	if (!q->has_stale)
		return false;
	struct response response;
	if (lookup(s, &q->key, &response) != CACHE_STALE)
		return false;
	give(s, q, &response, ANSWER_AGE_STALE, COUNTER_STALE);
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
	const struct str circle = STR_LIT("the servers asked lead back to this one"), none = {NULL, 0};

	fail_as(s, q, &(struct query_extra){.has_ede = true, .ede = ede_of(outcome), .text = loop_is_known(s) ? circle : none});
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
		failures_note(s->failures, key, ede_of(outcome),
			      !upstreams_any_up(s->world->upstreams, key->name, key->type, key->servers), s->now_ms);
		break;
	case POOL_NO_RESOURCES:
		break;
	}
}

/* Policy is asked again about a parked query: an entry added meanwhile is in force. False: it ended, or it seeks another name now.
 */
static bool judge_again(struct service *s, struct query *q)
{
	struct name before = {.len = 0}; /* where an entry sent it, if one did */

	if (q->judged_world == s->world->serial && q->judged_s == s->now_s)
		return true;
	if (q->rewrite.on)
		before = q->rewrite.to;
	/* It may have come in another world, whose groups had other numbers. */
	if (UNLIKELY(s->world->settings->group_count > 0) && q->judged_world != s->world->serial)
		query_find_group(s, q);
	if (local_stage(s, q) != FATE_NEXT || decide_stage(s, q) != FATE_NEXT || safe_stage(s, q) != FATE_NEXT)
		return false;
	if (before.len == 0 ? !q->rewrite.on : name_eq(&before, query_base(q)))
		return true;
	trail_drop(s, q);
	seek_again(s, q);
	return false;
}

/* A parked query's answer has come. */
static void deliver(struct service *s, struct query *q, enum pool_outcome outcome, const struct response *r)
{
	if (!judge_again(s, q))
		return;
	if (outcome == POOL_ANSWER) {
		q->upstream = r->upstream;
		give(s, q, r, ANSWER_AGE_FRESH, COUNTER_FORWARDED);
	} else {
		fail(s, q, outcome);
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

/* And to those here. */
static void deliver_all(struct service *s, const struct cache_key *key, enum pool_outcome outcome, const struct response *r)
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

static void ask_end(struct ask *a)
{
	if (a->prev != NULL)
		a->prev->next = a->next;
	else
		a->service->asks = a->next;
	if (a->next != NULL)
		a->next->prev = a->prev;
	share_give(&a->service->zones, a->zone);
	a->service->ask_count--;
	free(a);
}

void asks_forget(struct service *s)
{
	while (s->asks != NULL)
		ask_end(s->asks); // NOLINT(clang-analyzer-unix.Malloc): the head has no prev, so that ask_end moves s->asks on
}

static void on_upstream_done(void *arg, enum pool_outcome outcome, const struct response *response)
{
	struct ask *a = arg;
	struct service *s = a->service;
	struct cache_key key = key_of_ask(a);

	if (service_begin_batch(s)) {
		/* While it was asked, another route may have come into force: what its servers do not say is not kept. */
		if (response != NULL && a->routes == upstreams_routes(s->world->upstreams))
			lookup_keep(s, &key, response);
		note_outcome(s, &key, outcome); /* before the registry lets go of it, so that the next owner sees it */
		deliver_all(s, &key, outcome, response);
		service_end_batch(s);
	}
	ask_end(a);
}

/* The zone that names are counted under, as far as names alone tell: the last two labels, below arpa three. Names made up at random
 * below one that nobody answers for leave room for all others. */
static struct share_place zone_of(const struct service *s, const struct name *name)
{
	static const uint8_t arpa[] = "\4arpa"; /* and the root: the literal's own NUL */
	bool reverse = name->len > sizeof(arpa) && memcmp(name->wire + name->len - sizeof(arpa), arpa, sizeof(arpa)) == 0;
	size_t at = name_suffix_at(name, MIN((unsigned)name->labels, reverse ? 3u : 2u));

	return share_place(&s->zones, name->wire + at, name->len - at);
}

/* The caller owns the registry's entry for key. by_tcp: the client came by TCP, and has its reasons, such as a long answer: so are
 * the servers asked (RFC 5625 §4.4.1), as far as they can be reached by it. False when a limit refuses the ask. */
static bool ask_start(struct service *s, const struct cache_key *key, bool by_tcp)
{
	struct share_place zone = zone_of(s, key->name);

	if (!share_may(&s->zones, zone, asks_left(s), QUERY_ZONE_ASKS_MAX)) {
		counters_add(s->counters, COUNTER_ZONE_FULL);
		return false;
	}
	struct ask *a = malloc(sizeof(*a));
	if (a == NULL)
		return false;
	a->zone = zone;
	a->service = s;
	a->prev = NULL;
	name_copy(&a->name, key->name);
	a->type = key->type;
	a->dnssec_ok = key->dnssec_ok;
	a->checking_disabled = key->checking_disabled;
	a->servers = key->servers;
	a->hash = key->hash;
	/* A batch may be of a newer world than the loop has told the pool of: what its groups' servers are is known there only. */
	if (UNLIKELY(s->world->upstreams != pool_upstreams(s->pool)) && s->take_upstreams != NULL)
		s->take_upstreams(s->take_upstreams_arg, s->world->upstreams);
	a->routes = upstreams_routes(pool_upstreams(s->pool));
	if (pool_ask_of(s->pool, a->servers, &a->name, a->type, a->dnssec_ok, a->checking_disabled, by_tcp, on_upstream_done, a) ==
	    NULL) {
		free(a);
		return false;
	}
	a->next = s->asks;
	if (a->next != NULL)
		a->next->prev = a;
	s->asks = a;
	s->ask_count++;
	share_take(&s->zones, zone);
	return true;
}

bool ask_alone(struct service *s, const struct cache_key *key)
{
	if (inflight_join(s->inflight, key, NULL) != INFLIGHT_OWNER)
		return false;
	if (ask_start(s, key, false))
		return true;
	/* Somebody may have joined in between: they are failed, not forgotten. */
	deliver_all(s, key, POOL_NO_RESOURCES, NULL);
	return false;
}

void ask_prefetch(struct service *s, const struct cache_key *key)
{
	uint16_t why;

	if (!failures_find(s->failures, key, s->now_ms, &why) && ask_alone(s, key))
		counters_add(s->counters, COUNTER_PREFETCHED);
}

/* While all servers are known to be down nobody waits for them who can have an expired answer: it was waited for when they failed,
 * and would be again every time the failure is forgotten (RFC 8767 §5: a failed refresh is not to be tried by each query). The ask
 * goes out all the same, so that it is answered as soon as they are back. */
static bool stale_at_once(struct service *s, struct query *q)
{
	if (!q->has_stale || upstreams_any_up(s->world->upstreams, q->key.name, q->key.type, q->key.servers))
		return false;
	ask_prefetch(s, &q->key);
	return give_stale(s, q);
}

/* It is walked without RD, and stands for a question with it (rehearse.h): what failed a moment ago fails again, and else somebody
 * would be asked. */
static enum fate end_rehearsal(struct service *s, struct query *q)
{
	bool any_up = upstreams_any_up(s->world->upstreams, q->key.name, q->key.type, q->key.servers);

	if (failed_lately(s, q, &q->key) || (!any_up && give_stale(s, q)))
		return FATE_ANSWER;
	rehearse_asks(q);
	trail_drop(s, q);
	return FATE_ANSWER;
}

enum fate ask_stage(struct service *s, struct query *q)
{
	struct response response;
	uint16_t why;

	/* RD=0 gives nobody the right to make us ask; what is cached was given above (protocol: no cache is filled by it either).
	 */
	if ((q->flags & MSG_RD) == 0) {
		if (s->rehearses)
			return end_rehearsal(s, q);
		answer_rcode(s, q, RCODE_REFUSED, &(struct query_extra){.has_ede = true, .ede = EDE_NOT_AUTHORITATIVE});
		query_finish(s, q, COUNTER_REFUSED);
		return FATE_ANSWER;
	}
	if (loop_is_probe(s, q)) {
		fail(s, q, POOL_BAD);
		return FATE_ANSWER;
	}
	if (failed_lately(s, q, &q->key) || stale_at_once(s, q))
		return FATE_ANSWER;
	struct query *parked = slot_park(s, q);
	if (parked == NULL) {
		fail(s, q, POOL_NO_RESOURCES);
		return FATE_ANSWER;
	}
	struct cache_key key = parked->key; /* the slot may be freed before the key is done with */
	struct inflight_waiter waiter = {
	    .worker = (uint16_t)s->worker, .slot = parked->slot, .serial = parked->serial, .client = limit_client(&q->peer)};
	switch (inflight_join(s->inflight, &key, &waiter)) {
	case INFLIGHT_FULL:
		counters_add(s->counters, COUNTER_INFLIGHT_FULL);
		fail(s, parked, POOL_NO_RESOURCES);
		return FATE_ANSWER;
	case INFLIGHT_WAITS:
		counters_add(s->counters, COUNTER_COALESCED);
		if (loop_joined(s, parked, &waiter)) {
			counters_add(s->counters, COUNTER_LOOPED);
			fail(s, parked, POOL_BAD);
			return FATE_ANSWER;
		}
		break;
	case INFLIGHT_OWNER:
		/* The ask of another worker may have ended between our look-up and our joining. */
		key.no_prefetch = true;
		if (lookup(s, &key, &response) == CACHE_FRESH) {
			response.upstream = 0;
			deliver_all(s, &key, POOL_ANSWER, &response);
			return FATE_ANSWER;
		}
		if (failures_find(s->failures, &key, s->now_ms, &why)) {
			deliver_all(s, &key, why == EDE_NETWORK_ERROR ? POOL_NETWORK : POOL_BAD, NULL);
			return FATE_ANSWER;
		}
		if (!ask_start(s, &key, parked->via->stream)) {
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
