/* SPDX-License-Identifier: BSD-2-Clause */
#include "upstream/pool.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "upstream/pool_ask.h"
#include "wire/rrtype.h"

void pool_clock(struct pool *pool)
{
	pool->now_ns = clock_mono_ns();
}

void pool_schedule_flush(struct pool *pool)
{
	if (pool->flush_due)
		return;
	pool->flush_due = true;
	/* behind the events that are active already: what they ask goes along */
	event_active(&pool->flush, EV_TIMEOUT, 0);
}

/* Those that ended within pool_ask. What is asked from within the callbacks is for the next flush. */
static bool tell_ended(struct pool *pool)
{
	struct pool_ask *ask, *last = TAILQ_LAST(&pool->ended, ask_queue);
	struct pool_watch watch;
	pool_watch_begin(pool, &watch);
	while (!watch.gone && last != NULL && (ask = TAILQ_FIRST(&pool->ended)) != NULL) {
		if (ask == last)
			last = NULL;
		pool_ask_finish(ask, ask->outcome);
	}
	return pool_watch_end(pool, &watch);
}

static void pool_on_flush(evutil_socket_t fd, short what, void *arg)
{
	struct pool *pool = arg;
	(void)fd, (void)what;
	pool->flush_due = false;
	pool_clock(pool);
	if (tell_ended(pool))
		(void)udp_flush(pool);
}

static void pool_on_wheel(evutil_socket_t fd, short what, void *arg)
{
	struct pool *pool = arg;
	(void)fd, (void)what;
	pool_clock(pool);
	(void)wheel_run(&pool->wheel, pool_now_ms(pool));
}

struct pool *pool_create(struct event_base *base, struct counters *counters, struct upstreams *u)
{
	struct pool *pool = base_alloc(sizeof(*pool));
	pool->base = base;
	pool->counters = counters;
	pool->u = u;
	LIST_INIT(&pool->asks);
	LIST_INIT(&pool->free_asks);
	LIST_INIT(&pool->streams);
	TAILQ_INIT(&pool->ended);
	TAILQ_INIT(&pool->unsent);
	STAILQ_INIT(&pool->dirty);
	lanes_init(&pool->lanes);
	ports_init(&pool->ports);
	udp_init(&pool->io);
	pool_clock(pool);
	wheel_init(&pool->wheel, base, pool_now_ms(pool), pool_on_wheel, pool);
	must(event_assign(&pool->flush, base, -1, 0, pool_on_flush, pool) == 0);
	pool->room.body = pool->room_body;
	pool->room.body_cap = sizeof(pool->room_body);
	return pool;
}

void pool_destroy(struct pool *pool)
{
	if (pool == NULL)
		return;
	for (struct pool_watch *w = pool->watch; w != NULL; w = w->outer)
		w->gone = true;
	struct pool_ask *ask;
	while ((ask = LIST_FIRST(&pool->asks)) != NULL)
		pool_ask_free(ask);
	while ((ask = LIST_FIRST(&pool->free_asks)) != NULL) {
		LIST_REMOVE(ask, link);
		free(ask);
	}
	stream_destroy_all(pool);
	ports_finish(&pool->ports);
	lanes_finish(&pool->lanes);
	wheel_finish(&pool->wheel);
	(void)event_del(&pool->flush);
	free(pool);
}

void pool_watch_begin(struct pool *pool, struct pool_watch *watch)
{
	*watch = (struct pool_watch){.gone = false, .outer = pool->watch};
	pool->watch = watch;
}

bool pool_watch_end(struct pool *pool, struct pool_watch *watch)
{
	if (watch->gone)
		return false;
	must(pool->watch == watch);
	pool->watch = watch->outer;
	return true;
}

void pool_set_upstreams(struct pool *pool, struct upstreams *u)
{
	pool->u = u;
	lanes_sweep(&pool->lanes);
}

void pool_follow(struct pool *pool, struct upstreams *u)
{
	pool->u = u;
}

const struct upstreams *pool_upstreams(const struct pool *pool)
{
	return pool->u;
}

bool pool_busy_with(const struct pool *pool, const struct upstreams *u)
{
	const struct pool_ask *ask;
	LIST_FOREACH(ask, &pool->asks, link)
	{
		if (ask->u == u)
			return true;
	}
	return false;
}

/* Asks that were are kept: at the busiest there are POOL_ASKS_MAX. Of the large struct only what is used is written. */
static struct pool_ask *ask_new(struct pool *pool, const struct name *name, uint16_t type, const struct route *route)
{
	struct pool_ask *ask = LIST_FIRST(&pool->free_asks);
	if (ask != NULL)
		LIST_REMOVE(ask, link);
	else if ((ask = malloc(sizeof(*ask))) == NULL)
		return NULL;
	memset(ask, 0, offsetof(struct pool_ask, name));
	memset(ask->servers, 0, route->server_count * sizeof(ask->servers[0]));
	ask->name.len = name->len;
	ask->name.labels = name->labels;
	memcpy(ask->name.wire, name->wire, name->len);
	ask->pool = pool;
	ask->u = pool->u;
	ask->route = route;
	ask->type = type;
	ask->hint = -1;
	ask->sends_max = ASK_SENDS_MAX;
	ask->deadline_ms = pool_now_ms(pool) + pool->u->timeout_ms;
	LIST_INSERT_HEAD(&pool->asks, ask, link);
	pool->ask_count++;
	return ask;
}

static void probe_done(void *arg, enum pool_outcome outcome, const struct response *response)
{
	(void)arg, (void)outcome, (void)response; /* the server's state was told already */
}

/* A server that is down gets this question too, once in its back-off interval: nobody waits for the answer, but it brings it up.
 * By turns it gets one about its zone instead: the clients' may all be of a kind that nobody answers. */
static void probe(struct pool *pool, const struct route *route, uint8_t index, const struct name *name, uint16_t type)
{
	struct name zone = {.len = 1}; /* the root */

	if (pool->probe_count >= POOL_PROBES_MAX || pool->ask_count >= POOL_ASKS_MAX ||
	    !server_probe_due(route->servers[index], pool_now_ms(pool)))
		return;
	pool->probed_by_zone = !pool->probed_by_zone;
	if (pool->probed_by_zone) {
		if (!route->is_default)
			zone = route->zone;
		name = &zone;
		type = RRTYPE_SOA;
	}
	struct pool_ask *ask = ask_new(pool, name, type, route);
	if (ask == NULL)
		return;
	ask->probe = true;
	pool->probe_count++;
	ask->sends_max = 1;
	ask->order[0] = index;
	ask->order_count = 1;
	ask->done = probe_done;
	pool_ask_start(ask);
}

struct pool_ask *pool_ask(struct pool *pool, const struct name *name, uint16_t type, bool dnssec_ok, bool checking_disabled,
			  bool prefer_tcp, pool_callback *done, void *arg)
{
	return pool_ask_of(pool, 0, name, type, dnssec_ok, checking_disabled, prefer_tcp, done, arg);
}

struct pool_ask *pool_ask_of(struct pool *pool, uint32_t set, const struct name *name, uint16_t type, bool dnssec_ok,
			     bool checking_disabled, bool prefer_tcp, pool_callback *done, void *arg)
{
	if (pool->ask_count >= POOL_ASKS_MAX) {
		counters_add(pool->counters, COUNTER_UPSTREAM_FULL);
		return NULL;
	}
	if (!pool->flush_due) /* else it was looked at within this turn */
		pool_clock(pool);
	const struct route *route = upstreams_route_for(pool->u, name, type, set);
	struct pool_ask *ask = ask_new(pool, name, type, route);
	if (ask == NULL)
		return NULL;
	ask->dnssec_ok = dnssec_ok;
	ask->checking_disabled = checking_disabled;
	ask->prefer_tcp = prefer_tcp;
	ask->done = done;
	ask->arg = arg;
	size_t up = route_order(route, route->strategy, ask->order);
	ask->order_count = (uint8_t)route->server_count;
	if (up == 0 && route->server_count > 0) {
		ask->last_resort = true;
		pool->last_resort_count++;
	}
	for (size_t i = up; i < route->server_count; i++)
		probe(pool, route, ask->order[i], name, type);
	pool_ask_start(ask);
	return ask;
}
