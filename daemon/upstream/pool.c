/* SPDX-License-Identifier: BSD-2-Clause */
#include "upstream/pool.h"

#include <stdlib.h>

#include "base/clock.h"
#include "upstream/pool_ask.h"

struct pool *pool_create(struct event_base *base, struct counters *counters, struct upstreams *u)
{
	struct pool *pool = base_alloc(sizeof(*pool));
	pool->base = base;
	pool->counters = counters;
	pool->u = u;
	LIST_INIT(&pool->asks);
	LIST_INIT(&pool->streams);
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
	stream_destroy_all(pool);
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

static struct pool_ask *ask_new(struct pool *pool, const struct name *name, uint16_t type, const struct route *route)
{
	struct pool_ask *ask = calloc(1, sizeof(*ask));
	if (ask == NULL)
		return NULL;
	ask->pool = pool;
	ask->u = pool->u;
	ask->route = route;
	ask->name = *name;
	ask->type = type;
	ask->hint = -1;
	ask->sends_max = ASK_SENDS_MAX;
	ask->deadline_ms = clock_mono_ms() + pool->u->timeout_ms;
	LIST_INSERT_HEAD(&pool->asks, ask, link);
	pool->ask_count++;
	return ask;
}

static void probe_done(void *arg, enum pool_outcome outcome, const struct response *response)
{
	(void)arg, (void)outcome, (void)response; /* the server's state was told already */
}

/* A server that is down gets this question too, once in its back-off interval: nobody waits for the answer, but it brings it up. */
static void probe(struct pool *pool, const struct route *route, uint8_t index, const struct name *name, uint16_t type)
{
	if (pool->probe_count >= POOL_PROBES_MAX || pool->ask_count >= POOL_ASKS_MAX ||
	    !server_probe_due(route->servers[index], clock_mono_ms()))
		return;
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
	if (pool->ask_count >= POOL_ASKS_MAX)
		return NULL;
	const struct route *route = upstreams_route(pool->u, name, type);
	struct pool_ask *ask = ask_new(pool, name, type, route);
	if (ask == NULL)
		return NULL;
	ask->dnssec_ok = dnssec_ok;
	ask->checking_disabled = checking_disabled;
	ask->prefer_tcp = prefer_tcp;
	ask->done = done;
	ask->arg = arg;
	size_t up = route_order(route, pool->u->strategy, ask->order);
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
