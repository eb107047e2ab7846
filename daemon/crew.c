/* SPDX-License-Identifier: BSD-2-Clause */
#include "crew.h"

#include "base/rand.h"
#include "listen/tcp_seats.h"
#include "query/inflight.h"
#include "query/limit.h"
#include "query/loop.h"
#include "startup.h"
#include "worker.h"

#include <stdlib.h>

struct crew {
	struct crew_config config;
	struct worker **workers;	  /* owned; NULL: not made yet */
	const struct counters **counters; /* the workers' */
	/* shared by them */
	struct siphash_key cookie_seed;
	struct limit *limit;
	struct loop *loop;
	struct inflight *inflight;
	struct tcp_seats *tcp_seats;
};

struct crew *crew_create(const struct crew_config *config)
{
	struct crew *c = base_alloc(sizeof(*c));
	c->config = *config;
	c->workers = base_alloc(config->count * sizeof(void *));
	c->counters = base_alloc(config->count * sizeof(void *));
	rand_bytes(&c->cookie_seed, sizeof(c->cookie_seed));
	c->limit = limit_create();
	c->loop = loop_create();
	c->inflight = inflight_create();
	c->tcp_seats = tcp_seats_create(config->count, tcp_seats_of_files(startup_files(), config->sockets->count),
					TCP_CONNECTIONS_ADDRESS_MAX);
	return c;
}

bool crew_start(struct crew *c, struct generations *generations, struct observer *observer, struct outlets *outlets,
		struct err *err)
{
	for (unsigned i = 0; i < c->config.count; i++) {
		size_t count;
		const struct listener *listeners = sockets_share(c->config.sockets, i, &count);
		struct worker_config config = {.index = i,
					       .listeners = listeners,
					       .listener_count = count,
					       .has_successor = c->config.has_successor,
					       .generations = generations,
					       .cache = c->config.cache,
					       .failures = c->config.failures,
					       .cookie_seed = c->cookie_seed,
					       .limit = c->limit,
					       .loop = c->loop,
					       .frames = outlets_seat(outlets, i),
					       .tap = observer_tap(observer, i),
					       .away = observer_away(observer, i),
					       .inflight = c->inflight,
					       .tcp_seats = c->tcp_seats,
					       .workers = c->workers};
		c->workers[i] = worker_create(&config, err);
		if (!c->workers[i])
			return false;
		c->counters[i] = worker_counters(c->workers[i]);
	}
	/* A worker may speak to any other as soon as it runs: all exist before the first does. */
	for (unsigned i = 0; i < c->config.count; i++)
		if (!worker_start(c->workers[i], err))
			return false;
	return true;
}

void crew_nudge(struct crew *c, unsigned worker)
{
	if (c->workers[worker])
		worker_nudge(c->workers[worker]);
}

void crew_stop(struct crew *c)
{
	for (unsigned i = 0; c && i < c->config.count; i++)
		if (c->workers[i])
			worker_stop(c->workers[i]);
	for (unsigned i = 0; c && i < c->config.count; i++)
		if (c->workers[i])
			worker_join(c->workers[i]);
}

void crew_destroy(struct crew *c)
{
	if (!c)
		return;
	for (unsigned i = 0; i < c->config.count; i++)
		worker_destroy(c->workers[i]);
	free(c->workers);
	free(c->counters);
	tcp_seats_destroy(c->tcp_seats);
	inflight_destroy(c->inflight);
	limit_destroy(c->limit);
	loop_destroy(c->loop);
	free(c);
}

unsigned crew_count(const struct crew *c)
{
	return c->config.count;
}

const struct counters *const *crew_counters(const struct crew *c)
{
	return c->counters;
}

size_t crew_tcp_connections(const struct crew *c)
{
	return tcp_seats_taken(c->tcp_seats);
}
