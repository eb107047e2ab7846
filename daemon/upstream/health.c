/* SPDX-License-Identifier: BSD-2-Clause */
#include "upstream/health.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/rand.h"
#include "wire/rrtype.h"

#define SRTT_WEIGHT 8		 /* a new measurement counts for one part in this many (RFC 6298) */
#define FAILURE_SCORE_US 400000u /* what a failure in a row weighs against latency in `fastest` */
#define FAILURES_SCORED_MAX 16u
#define USELESS_SCORE_US 400u /* what one in HEALTH_USELESS_ALL of replies of no use weighs: all of them, as one failure */

#define GET(field) atomic_load_explicit(&(field), memory_order_relaxed)
#define SET(field, value) atomic_store_explicit(&(field), (value), memory_order_relaxed)
#define ADD(field, value) atomic_fetch_add_explicit(&(field), (value), memory_order_relaxed)

struct server *server_ref(struct server *s)
{
	ADD(s->refs, 1);
	return s;
}

void server_unref(struct server *s)
{
	/* the last one must see what the others wrote before they let go */
	if (s != NULL && atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) == 1)
		free(s);
}

void server_sent(struct server *s)
{
	ADD(s->sent, 1);
}

void server_useless(struct server *s)
{
	ADD(s->failed, 1);
	uint32_t old = GET(s->useless);
	SET(s->useless, old + (HEALTH_USELESS_ALL - old) / SRTT_WEIGHT);
}

/* The line is other workers' too: it is written only while there is something to forget. */
void server_useful(struct server *s)
{
	uint32_t old = GET(s->useless);
	if (old != 0)
		SET(s->useless, old - (old + SRTT_WEIGHT - 1) / SRTT_WEIGHT);
}

void server_answered(struct server *s, uint32_t rtt_us)
{
	if (rtt_us > 0) {
		uint32_t old_us = GET(s->srtt_us);
		uint64_t new_us = old_us == 0 ? rtt_us : ((uint64_t)old_us * (SRTT_WEIGHT - 1) + rtt_us) / SRTT_WEIGHT;
		SET(s->srtt_us, (uint32_t)MAX(new_us, 1u));
		latency_add_shared(&s->rtt, rtt_us);
	}
	/* read first: the line is other workers' too, and is written only when there is something to say */
	if (GET(s->failures) != 0)
		SET(s->failures, 0);
	if (GET(s->backoff_ms) != 0)
		SET(s->backoff_ms, 0);
	if (GET(s->state) != SERVER_UP && atomic_exchange_explicit(&s->state, SERVER_UP, memory_order_relaxed) != SERVER_UP)
		log_info("upstream.up server=\"%s\"", s->text);
}

static void go_down(struct server *s, enum server_failure why, int64_t now_ms)
{
	SET(s->backoff_ms, HEALTH_BACKOFF_MIN_MS);
	SET(s->probe_ms, now_ms + HEALTH_BACKOFF_MIN_MS);
	if (atomic_exchange_explicit(&s->state, SERVER_DOWN, memory_order_relaxed) == SERVER_UP)
		log_warning("upstream.down server=\"%s\" why=%s", s->text, why == SERVER_TIMEOUT ? "timeout" : "network");
}

/* The next interval began with the probe, not with the news that it failed: that may be a whole timeout later. */
static void probe_failed(struct server *s)
{
	int probing = SERVER_PROBING;
	(void)atomic_compare_exchange_strong_explicit(&s->state, &probing, SERVER_DOWN, memory_order_relaxed, memory_order_relaxed);
}

void server_failed(struct server *s, enum server_failure why, bool first_of_ask, int64_t since_ms, int64_t now_ms)
{
	ADD(s->failed, 1);
	SET(s->last_failure, (int)why);
	if (!first_of_ask)
		return;
	uint32_t failures = ADD(s->failures, 1) + 1;
	if (failures == 1)
		SET(s->failing_ms, since_ms);
	switch ((enum server_state)GET(s->state)) {
	case SERVER_UP:
		if (failures >= HEALTH_FAILURES && now_ms - GET(s->failing_ms) >= HEALTH_GRACE_MS)
			go_down(s, why, now_ms);
		break;
	case SERVER_PROBING:
		probe_failed(s);
		break;
	case SERVER_DOWN: /* a last resort failed: says nothing new */
		break;
	}
}

bool server_probe_due(struct server *s, int64_t now_ms)
{
	if (GET(s->state) == SERVER_UP)
		return false;
	int64_t due_ms = GET(s->probe_ms);
	if (now_ms < due_ms)
		return false;
	/* whatever becomes of this probe: a lost one is followed by another */
	uint32_t backoff_ms = MIN(GET(s->backoff_ms) * 2, (uint32_t)HEALTH_BACKOFF_MAX_MS);
	int64_t next_ms = now_ms + backoff_ms;
	if (!atomic_compare_exchange_strong_explicit(&s->probe_ms, &due_ms, next_ms, memory_order_relaxed, memory_order_relaxed))
		return false;
	SET(s->backoff_ms, MAX(backoff_ms, (uint32_t)HEALTH_BACKOFF_MIN_MS));
	int down = SERVER_DOWN;
	(void)atomic_compare_exchange_strong_explicit(&s->state, &down, SERVER_PROBING, memory_order_relaxed, memory_order_relaxed);
	return GET(s->state) == SERVER_PROBING;
}

bool server_is_up(const struct server *s)
{
	return GET(s->state) == SERVER_UP;
}

int64_t server_wait_ms(const struct server *s, unsigned sends)
{
	int64_t srtt_ms = GET(s->srtt_us) / 1000;
	int64_t wait_ms = GET(s->srtt_us) == 0 ? HEALTH_WAIT_UNKNOWN_MS : MAX(3 * srtt_ms, (int64_t)HEALTH_WAIT_MIN_MS);
	return MIN(sends <= 1 ? wait_ms : wait_ms << MIN(sends - 1, 4u), (int64_t)HEALTH_WAIT_MAX_MS);
}

bool server_keeps_case(const struct server *s, int64_t now_ms)
{
	int64_t until_ms = GET(s->no_case_until_ms);
	return until_ms == 0 || now_ms >= until_ms;
}

void server_case_proved(struct server *s, int64_t now_ms)
{
	if (ADD(s->case_proofs, 1) + 1 < HEALTH_CASE_PROOFS)
		return;
	SET(s->case_proofs, 0);
	SET(s->no_case_until_ms, now_ms + HEALTH_CASE_OFF_MS);
	log_info("upstream.case server=\"%s\" does not keep the case of letters; not mixed for an hour", s->text);
}

bool server_expects_cookie(const struct server *s)
{
	return GET(s->cookies);
}

void server_cookie_seen(struct server *s, int64_t now_ms)
{
	if (!GET(s->cookies) && now_ms >= GET(s->no_cookies_until_ms))
		SET(s->cookies, true);
}

void server_cookie_missing(struct server *s, int64_t now_ms)
{
	if (!GET(s->cookies))
		return;
	SET(s->no_cookies_until_ms, now_ms + HEALTH_COOKIE_OFF_MS);
	SET(s->cookies, false);
	log_info("upstream.cookie server=\"%s\" has no cookie any more; none is expected of it for five minutes", s->text);
}

const struct route *upstreams_route(const struct upstreams *u, const struct name *name, uint16_t type)
{
	const struct route *best = &u->routes[0];
	for (size_t i = 1; i < u->zone_count; i++) {
		const struct route *r = &u->routes[i];
		if (!name_is_below_or_eq(name, &r->zone) || (type == RRTYPE_DS && name->len == r->zone.len && name->len > 1))
			continue;
		if (best->is_default || r->zone.labels > best->zone.labels)
			best = r;
	}
	return best;
}

const struct route *upstreams_route_for(const struct upstreams *u, const struct name *name, uint16_t type, uint32_t set)
{
	const struct route *route = upstreams_route(u, name, type);
	if (LIKELY(set == 0) || !route->is_default)
		return route;
	for (size_t i = u->zone_count; i < u->route_count; i++)
		if (u->routes[i].set == set)
			return &u->routes[i];
	return route; /* the group has it no longer */
}

static uint64_t score(const struct server *s)
{
	uint32_t failures = GET(s->failures);
	return GET(s->srtt_us) + (uint64_t)MIN(failures, FAILURES_SCORED_MAX) * FAILURE_SCORE_US +
	       (uint64_t)GET(s->useless) * USELESS_SCORE_US;
}

static void sort_by_score(const struct route *route, uint8_t *order, size_t count)
{
	uint64_t scores[SETTINGS_SERVERS_MAX]; /* read once: they move under us */
	for (size_t i = 0; i < count; i++)
		scores[order[i]] = score(route->servers[order[i]]);
	for (size_t i = 1; i < count; i++) {
		uint8_t moved = order[i];
		size_t at = i;
		for (; at > 0 && scores[order[at - 1]] > scores[moved]; at--)
			order[at] = order[at - 1];
		order[at] = moved;
	}
}

static void shuffle(uint8_t *order, size_t count)
{
	for (size_t i = count; i > 1; i--) {
		size_t j = rand_below((uint32_t)i);
		uint8_t swap = order[i - 1];
		order[i - 1] = order[j];
		order[j] = swap;
	}
}

size_t route_order(const struct route *route, enum strategy strategy, uint8_t ret[SETTINGS_SERVERS_MAX])
{
	size_t up = 0, count = MIN(route->server_count, (size_t)SETTINGS_SERVERS_MAX);
	uint8_t down[SETTINGS_SERVERS_MAX];
	size_t down_count = 0;
	for (size_t i = 0; i < count; i++) {
		if (server_is_up(route->servers[i]))
			ret[up++] = (uint8_t)i;
		else
			down[down_count++] = (uint8_t)i;
	}
	switch (strategy) {
	case STRATEGY_FASTEST:
		shuffle(ret, up); /* so that equals share */
		sort_by_score(route, ret, up);
		if (up > 1 && rand_below(100) < HEALTH_EXPLORE_PERCENT) {
			size_t other = 1 + rand_below((uint32_t)up - 1);
			uint8_t swap = ret[0];
			ret[0] = ret[other];
			ret[other] = swap;
		}
		break;
	case STRATEGY_SPREAD:
		shuffle(ret, up);
		break;
	case STRATEGY_ORDERED:
		break;
	}
	for (size_t i = 0; i < down_count; i++)
		ret[up + i] = down[i];
	return up;
}
