/* SPDX-License-Identifier: BSD-2-Clause */
#include "observer.h"

#include "base/clock.h"
#include "base/rand.h"
#include "tally.h"

#include <stdlib.h>
#include <string.h>

#define SERVERS_MAX 4096 /* whose names are known by their numbers */

/* One end of a tap. */
struct reader {
	struct observer *o;
	struct tap *tap;  /* owned */
	uint64_t lost;	  /* when it was last emptied */
	uint64_t queries; /* since N was last thought about */
	struct tap_reading reading;
	struct tap_fact by; /* the last entry's part told of: the query that it is of comes next */
};

struct observer_subscriber {
	observer_fact *fn; /* NULL: free */
	void *arg;
	bool wants_every;
};

struct observer {
	struct observer_config config;
	struct reader *readers; /* two for each worker: of what is served, and of what is turned away */
	size_t reader_count;
	struct observer_subscriber subscribers[OBSERVER_SUBSCRIBERS_MAX];
	size_t subscriber_count;
	/* upstream servers by their numbers, as far as they were ever published */
	char **servers; /* owned */
	size_t server_count;
	uint64_t servers_of; /* learned from the world of that serial */
	struct tally *tally;
	struct traffic *traffic;
	int64_t drained_ms;
	bool wants_traffic;
};

/* ---- for those who are told ---- */

/* The entry that a query's fact names; counted it is elsewhere. What the answer held was told of just before it. */
static const struct hit *find_named(struct reader *r, const struct tap_fact *f, const struct name *name)
{
	struct name judged;
	struct policy_spoke spoke = {
	    .rule = f->rule, .labels = f->labels, .bulk = (f->flags & TAP_BULK) != 0, .name = name, .wide = f->address};

	if ((f->flags & TAP_BY_ANSWER) != 0) {
		const struct tap_fact *by = &r->by;
		if (by->world != f->world || by->rule != f->rule || by->labels != f->labels || by->list != f->list ||
		    !name_from_wire(by->wire, by->name_len, &judged))
			return NULL;
		spoke.name = &judged;
		spoke.wide = by->address;
	}
	return tally_find(r->o->tally, &spoke);
}

static enum fact_verdict verdict_of(const struct tap_fact *f)
{
	if ((f->flags & TAP_BLOCKED) != 0)
		return FACT_BLOCKED;
	if ((f->flags & TAP_ALLOWED) != 0)
		return FACT_ALLOWED;
	return (f->flags & TAP_SHADOW) != 0 ? FACT_WOULD_BLOCK : FACT_NONE;
}

static void tell(struct reader *r, const struct tap_fact *f, const struct name *name)
{
	struct observer *o = r->o;
	const struct settings *settings = tally_settings(o->tally);
	const struct str list = tally_list_name(o->tally, f->list);
	const bool sent = (f->flags & TAP_SENT) != 0;
	const struct fact fact = {
	    .at_us = f->at_us,
	    .took_us = f->took_us,
	    .weight = f->weight,
	    .address = f->address,
	    .port = f->port,
	    .via = f->via,
	    .name = name,
	    .type = f->type,
	    .fate = f->fate,
	    .answered = sent,
	    .rcode = sent ? f->rcode : 0,
	    .ttl_s = f->ttl_s,
	    .verdict = verdict_of(f),
	    .by_answer = (f->flags & TAP_BY_ANSWER) != 0,
	    .list = list,
	    .hit = list.ptr != NULL ? find_named(r, f, name) : NULL,
	    .group = f->group,
	    .group_name = settings != NULL && f->group < settings->group_count ? settings->groups[f->group].name : NULL,
	    .upstream = f->upstream,
	    .server = f->upstream < o->server_count ? o->servers[f->upstream] : NULL,
	    .world = f->world,
	    .privacy = settings != NULL ? settings->log_privacy : PRIVACY_NONE,
	};

	for (size_t i = 0; i < ARRAY_LEN(o->subscribers); i++)
		if (o->subscribers[i].fn != NULL)
			o->subscribers[i].fn(o->subscribers[i].arg, &fact);
}

/* Those of a client that was served, or tried to be. What strangers ask is no traffic. */
static bool is_traffic(const struct tap_fact *f)
{
	return (f->flags & TAP_QUERY) != 0 && f->fate != COUNTER_REFUSED && f->fate != COUNTER_DROPPED;
}

static void take(struct reader *r, const struct tap_fact *f)
{
	struct observer *o = r->o;
	struct name name;

	if (f->name_len == 0 || !name_from_wire(f->wire, f->name_len, &name))
		name = (struct name){.len = 0};
	tally_enter(o->tally, f->world);
	if (is_traffic(f) && o->wants_traffic)
		traffic_take(o->traffic, &name, f->address, f->weight, f->at_us / 1000000);
	if ((f->flags & (TAP_BLOCKED | TAP_SHADOW | TAP_ALLOWED)) != 0 && (f->flags & TAP_TOLD) == 0 && f->list != TAP_NO_LIST)
		tally_take(o->tally, f, &name);
	if ((f->flags & TAP_QUERY) == 0)
		r->by = *f;
	else if (o->subscriber_count > 0)
		tell(r, f, &name);
	if (f->weight > 1 && (is_traffic(f) || (f->flags & TAP_QUERY) == 0))
		tally_inexact(o->tally, f->at_us / 1000000);
}

/* Servers keep their numbers, so that what is known of those that are gone stays true. */
static void learn_servers(struct observer *o, const struct generation *g)
{
	struct upstream_stats stats;

	if (g == NULL || g->upstreams == NULL || o->servers_of == g->serial)
		return;
	o->servers_of = g->serial;
	for (size_t i = 0; i < upstreams_count(g->upstreams); i++) {
		upstreams_stats(g->upstreams, i, &stats);
		if (stats.number == 0 || stats.number >= SERVERS_MAX)
			continue;
		if (stats.number >= o->server_count) {
			size_t count = stats.number + 1u;
			o->servers = base_realloc(o->servers, count * sizeof(o->servers[0]));
			memset(o->servers + o->server_count, 0, (count - o->server_count) * sizeof(o->servers[0]));
			o->server_count = count;
		}
		if (o->servers[stats.number] == NULL)
			o->servers[stats.number] = base_strdup(stats.server);
	}
}

static void want_every(struct observer *o)
{
	bool every = false;

	o->subscriber_count = 0;
	for (size_t i = 0; i < ARRAY_LEN(o->subscribers); i++) {
		o->subscriber_count += o->subscribers[i].fn != NULL;
		every = every || (o->subscribers[i].fn != NULL && o->subscribers[i].wants_every);
	}
	for (size_t i = 0; i < o->reader_count; i++)
		tap_want_every(o->readers[i].tap, every);
}

struct observer_subscriber *observer_subscribe(struct observer *o, observer_fact *fn, void *arg, bool wants_every)
{
	struct observer_subscriber *s = o->subscribers;

	while (s->fn != NULL) {
		s++;
		must(s < o->subscribers + ARRAY_LEN(o->subscribers)); /* modules of the daemon, each once */
	}
	*s = (struct observer_subscriber){.fn = fn, .arg = arg, .wants_every = wants_every};
	want_every(o);
	return s;
}

void observer_unsubscribe(struct observer *o, struct observer_subscriber *s)
{
	if (s == NULL)
		return;
	s->fn = NULL;
	want_every(o);
}

/* ---- all of them ---- */

static void follow_settings(struct observer *o)
{
	const struct generation *g = generation_current(o->config.generations);
	bool wanted = g != NULL && g->settings->log_traffic;

	learn_servers(o, g);
	if (o->wants_traffic != wanted)
		traffic_forget(o->traffic, clock_wall_s());
	o->wants_traffic = wanted;
}

/* The one that has the oldest fact; NULL: none has any. There are few. */
static struct reader *oldest(struct observer *o, const struct tap_fact **ret)
{
	struct reader *first = NULL;

	for (size_t i = 0; i < o->reader_count; i++) {
		const struct tap_fact *f = tap_read_peek(o->readers[i].tap, &o->readers[i].reading);
		if (f == NULL || (first != NULL && f->at_us >= (*ret)->at_us))
			continue;
		first = &o->readers[i];
		*ret = f;
	}
	return first;
}

/* What all workers have told up to now, by the times that it is of. */
static void take_all(struct observer *o)
{
	const struct tap_fact *f = NULL;
	struct reader *r;

	for (size_t i = 0; i < o->reader_count; i++)
		o->readers[i].reading = tap_read(o->readers[i].tap);
	while ((r = oldest(o, &f)) != NULL) {
		take(r, f);
		tap_read_next(r->tap, &r->reading);
	}
}

void observer_drain(struct observer *o)
{
	const int64_t now_ms = clock_mono_ms(), elapsed_ms = now_ms - o->drained_ms;

	follow_settings(o);
	take_all(o);
	for (size_t i = 0; i < o->reader_count; i++) {
		struct reader *r = &o->readers[i];
		uint64_t queries = tap_read_end(r->tap, &r->reading), lost = tap_lost(r->tap);
		queries += lost - r->lost;
		if (lost != r->lost && i % 2 == 0)
			tally_inexact(o->tally, clock_wall_s());
		r->lost = lost;
		/* A drain in between says little of how much comes in a whole while: it only empties. */
		r->queries += queries;
		if (elapsed_ms < TAP_DRAIN_MS / 2)
			continue;
		tap_adapt(r->tap, r->queries, elapsed_ms);
		r->queries = 0;
	}
	if (elapsed_ms >= TAP_DRAIN_MS / 2)
		o->drained_ms = now_ms;
}

void observer_tick(struct observer *o)
{
	tally_tick(o->tally);
}

static void before_close(void *arg)
{
	struct observer *o = arg;

	observer_drain(o);
	tally_leave(o->tally);
}

/* ---- life ---- */

struct observer *observer_create(const struct observer_config *config)
{
	struct observer *o = base_alloc(sizeof(*o));

	o->config = *config;
	o->reader_count = (size_t)2 * config->workers;
	o->readers = base_alloc(o->reader_count * sizeof(o->readers[0]));
	for (unsigned i = 0; i < o->reader_count; i++) {
		unsigned sharers = i % 2 == 0 ? config->workers : config->workers * TAP_AWAY_PART;
		o->readers[i].o = o;
		o->readers[i].tap = tap_create(sharers, (uint64_t)rand_u32() << 32 | rand_u32());
	}
	o->traffic = traffic_create(clock_wall_s());
	o->drained_ms = clock_mono_ms();
	o->tally = tally_create(config->generations, config->state);
	generations_before_close(config->generations, before_close, o);
	return o;
}

void observer_destroy(struct observer *o)
{
	if (o == NULL)
		return;
	observer_drain(o);
	generations_before_close(o->config.generations, NULL, NULL);
	for (size_t i = 0; i < o->reader_count; i++)
		tap_destroy(o->readers[i].tap);
	free(o->readers);
	for (size_t i = 0; i < o->server_count; i++)
		free(o->servers[i]);
	free(o->servers);
	tally_destroy(o->tally);
	traffic_destroy(o->traffic);
	free(o);
}

struct tap *observer_tap(struct observer *o, unsigned worker)
{
	must(worker < o->config.workers);
	return o->readers[(size_t)2 * worker].tap;
}

struct tap *observer_away(struct observer *o, unsigned worker)
{
	must(worker < o->config.workers);
	return o->readers[(size_t)2 * worker + 1].tap;
}

const struct hit *observer_find(struct observer *o, uint64_t serial, const struct policy_spoke *spoke)
{
	tally_enter(o->tally, serial);
	return tally_find(o->tally, spoke);
}

struct hits *observer_hits(struct observer *o)
{
	return tally_hits(o->tally);
}

struct traffic *observer_traffic(struct observer *o)
{
	return o->traffic;
}

void observer_info(const struct observer *o, struct observer_info *ret)
{
	*ret = (struct observer_info){.traffic = o->wants_traffic, .every = 1};
	for (size_t i = 0; i < o->reader_count; i += 2) {
		ret->every = MAX(ret->every, tap_every(o->readers[i].tap));
		ret->lost += o->readers[i].lost;
	}
}
