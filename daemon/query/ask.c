/* SPDX-License-Identifier: BSD-2-Clause */
#include "query/ask.h"

#include "query/answer.h"
#include "query/deliver.h"
#include "query/fail.h"
#include "query/give.h"
#include "query/lookup.h"
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
		fail_note(s, &key, outcome); /* before the registry lets go of it, so that the next owner sees it */
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

	if (fail_again(s, q, &q->key) || (!any_up && give_stale(s, q)))
		return FATE_ANSWER;
	rehearse_asks(q);
	trail_drop(s, q);
	return FATE_ANSWER;
}

/* The caller owns the registry's entry for key, and waits in it. False: whoever waits there has been answered already. */
static bool ask_as_owner(struct service *s, struct cache_key *key, bool by_tcp)
{
	struct response response;
	uint16_t why;

	/* The ask of another worker may have ended between our look-up and our joining. */
	key->no_prefetch = true;
	if (lookup(s, key, &response) == CACHE_FRESH) {
		response.upstream = 0;
		deliver_all(s, key, POOL_ANSWER, &response);
		return false;
	}
	if (failures_find(s->failures, key, s->now_ms, &why)) {
		deliver_all(s, key, why == EDE_NETWORK_ERROR ? POOL_NETWORK : POOL_BAD, NULL);
		return false;
	}
	if (!ask_start(s, key, by_tcp)) {
		deliver_all(s, key, POOL_NO_RESOURCES, NULL);
		return false;
	}
	return true;
}

enum fate ask_stage(struct service *s, struct query *q)
{
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
		fail_by(s, q, POOL_BAD);
		return FATE_ANSWER;
	}
	if (fail_again(s, q, &q->key) || stale_at_once(s, q))
		return FATE_ANSWER;
	struct query *parked = slot_park(s, q);
	if (parked == NULL) {
		fail_by(s, q, POOL_NO_RESOURCES);
		return FATE_ANSWER;
	}
	struct cache_key key = parked->key; /* the slot may be freed before the key is done with */
	struct inflight_waiter waiter = {
	    .worker = (uint16_t)s->worker, .slot = parked->slot, .serial = parked->serial, .client = limit_client(&q->peer)};
	switch (inflight_join(s->inflight, &key, &waiter)) {
	case INFLIGHT_FULL:
		counters_add(s->counters, COUNTER_INFLIGHT_FULL);
		fail_by(s, parked, POOL_NO_RESOURCES);
		return FATE_ANSWER;
	case INFLIGHT_WAITS:
		counters_add(s->counters, COUNTER_COALESCED);
		if (loop_joined(s, parked, &waiter)) {
			counters_add(s->counters, COUNTER_LOOPED);
			fail_by(s, parked, POOL_BAD);
			return FATE_ANSWER;
		}
		break;
	case INFLIGHT_OWNER:
		if (!ask_as_owner(s, &key, parked->via->stream))
			return FATE_ANSWER;
		break;
	}
	if (parked->has_stale)
		stale_push(s, parked);
	return FATE_WAIT;
}
