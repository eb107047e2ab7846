/* SPDX-License-Identifier: BSD-2-Clause */
#include "observer.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/rand.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SHADOW_LOG_MS 1000
#define FILE_MODE 0640
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
	struct hits *hits;
	struct traffic *traffic;
	int64_t drained_ms, saved_ms;
	bool changed; /* hits, since they were saved */
	/* the world of the facts being taken */
	uint64_t world;
	const struct policy *policy;	 /* NULL: it is gone */
	const struct settings *settings; /* the same */
	bool wants_traffic;
	uint16_t lists[SETTINGS_LISTS_MAX]; /* its lists in the table of hits */
	struct log_limit shadow_limit;
};

/* ---- the file ---- */

static bool file_path(const struct observer *o, char path[PATH_MAX])
{
	int n = o->config.state == NULL ? -1 : snprintf(path, PATH_MAX, "%s/%s", o->config.state, OBSERVER_FILE);

	return n > 0 && n < PATH_MAX;
}

static void write_file(struct observer *o, const char *path, bool complete)
{
	struct buf bytes = {0};
	struct err err = {.code = ERR_NONE};

	hits_write(o->hits, complete, &bytes);
	if (file_replace(path, bytes.ptr, bytes.len, FILE_MODE, &err))
		o->changed = false;
	else
		log_warning("hits.not_saved file=\"%s\" error=\"%s\"", path, err.text);
	buf_finish(&bytes);
}

/* A file that was not written at the end of a run lacks what came after it: answers that clients may hold still. That this run has
 * not ended yet is written at once, so that it can be told however it ends. */
static void load(struct observer *o)
{
	const int64_t now_s = clock_wall_s();
	bool complete = false;
	struct buf bytes = {0};
	struct err err = {.code = ERR_NONE};
	char path[PATH_MAX];

	if (file_path(o, path) && (access(path, F_OK) == 0 || errno != ENOENT)) {
		file_sweep(path);
		o->hits = file_read(path, HITS_FILE_MAX, &bytes, &err) ? hits_read(buf_str(&bytes), &complete, &err) : NULL;
		if (o->hits == NULL) {
			log_warning("hits.begun_anew file=\"%s\" error=\"%s\"", path, err.text);
			o->hits = hits_create(now_s);
		}
		if (!complete)
			hits_inexact(o->hits, now_s);
	}
	buf_finish(&bytes);
	if (o->hits == NULL)
		o->hits = hits_create(now_s);
	if (complete)
		write_file(o, path, false);
}

static void save(struct observer *o, bool complete)
{
	char path[PATH_MAX];

	o->saved_ms = clock_mono_ms();
	if ((o->changed || complete) && file_path(o, path))
		write_file(o, path, complete);
}

/* ---- one fact ---- */

static void enter_world(struct observer *o, uint64_t serial)
{
	struct policy_info info;

	if (o->world == serial)
		return;
	o->world = serial;
	o->policy = generation_policy(o->config.generations, serial);
	o->settings = generation_settings(o->config.generations, serial);
	if (o->policy == NULL)
		return;
	policy_info(o->policy, 0, &info);
	for (size_t i = 0; i < SETTINGS_LISTS_MAX; i++) {
		struct policy_list list;
		o->lists[i] = HITS_NO_LIST;
		if (i >= info.list_count)
			continue;
		policy_list(o->policy, (uint16_t)i, 0, &list);
		o->lists[i] = hits_list(o->hits, list.name);
	}
}

/* add: it has acted just now. */
static struct hit *find_hit(struct observer *o, const struct policy_spoke *spoke, bool add)
{
	struct policy_ident ident;

	if (o->policy == NULL || !policy_identify(o->policy, spoke, &ident) || ident.list >= SETTINGS_LISTS_MAX)
		return NULL;
	const struct hits_key key = {
	    .list = o->lists[ident.list], .match = ident.match, .conditions = ident.conditions, .key = ident.key};
	struct hit *hit = hits_find(o->hits, &key);
	return hit != NULL || !add ? hit : hits_add(o->hits, &key, policy_ident_written(o->policy, spoke, &ident));
}

const struct hit *observer_find(struct observer *o, uint64_t serial, const struct policy_spoke *spoke)
{
	enter_world(o, serial);
	return find_hit(o, spoke, false);
}

/* The entry is named, and never who asked. */
static void log_shadow(struct observer *o, const struct hit *hit)
{
	char entry[HITS_TEXT_MAX], list[128];
	const char *text = hit->match == MATCH_CLIENT ? "" : hit_text(hit, entry); /* which is who asked */

	log_limited(&o->shadow_limit, LOG_LEVEL_INFO, "shadow.would_block list=\"%s\" entry=\"%s\" match=%s count=%llu",
		    str_escape(hits_list_name(o->hits, hit->list), true, list, sizeof(list)), text, match_words[hit->match],
		    (unsigned long long)hit->would_block);
}

static void take_entry(struct observer *o, const struct tap_fact *f, const struct name *name)
{
	const struct policy_spoke spoke = {
	    .rule = f->rule, .labels = f->labels, .bulk = (f->flags & TAP_BULK) != 0, .name = name, .wide = f->address};
	struct hit *hit = find_hit(o, &spoke, true);

	o->changed = true;
	if (hit == NULL) { /* it cannot be kept, or its policy is gone */
		hits_inexact(o->hits, f->at_us / 1000000);
		return;
	}
	if ((f->flags & TAP_ALLOWED) != 0) {
		hit_allow(hit, f->weight, f->at_us / 1000000);
		return;
	}
	if ((f->flags & TAP_SHADOW) == 0) {
		hit_block(hit, f->weight, f->at_us / 1000000, f->ttl_s);
		return;
	}
	hit_shadow(hit, f->weight, f->at_us / 1000000);
	log_shadow(o, hit);
}

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
	return find_hit(r->o, &spoke, false);
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
	const bool has_entry = f->list < SETTINGS_LISTS_MAX && o->policy != NULL;
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
	    .list = has_entry ? hits_list_name(o->hits, o->lists[f->list]) : (struct str){NULL, 0},
	    .hit = has_entry ? find_named(r, f, name) : NULL,
	    .group = f->group,
	    .group_name = o->settings != NULL && f->group < o->settings->group_count ? o->settings->groups[f->group].name : NULL,
	    .upstream = f->upstream,
	    .server = f->upstream < o->server_count ? o->servers[f->upstream] : NULL,
	    .world = f->world,
	    .privacy = o->settings != NULL ? o->settings->log_privacy : PRIVACY_NONE,
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
	enter_world(o, f->world);
	if (is_traffic(f) && o->wants_traffic)
		traffic_take(o->traffic, &name, f->address, f->weight, f->at_us / 1000000);
	if ((f->flags & (TAP_BLOCKED | TAP_SHADOW | TAP_ALLOWED)) != 0 && (f->flags & TAP_TOLD) == 0 && f->list != TAP_NO_LIST)
		take_entry(o, f, &name);
	if ((f->flags & TAP_QUERY) == 0)
		r->by = *f;
	else if (o->subscriber_count > 0)
		tell(r, f, &name);
	if (f->weight > 1 && (is_traffic(f) || (f->flags & TAP_QUERY) == 0)) {
		hits_inexact(o->hits, f->at_us / 1000000);
		o->changed = true;
	}
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
		if (lost != r->lost && i % 2 == 0) {
			hits_inexact(o->hits, clock_wall_s());
			o->changed = true;
		}
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
	if (clock_mono_ms() - o->saved_ms >= (int64_t)OBSERVER_SAVE_S * 1000)
		save(o, false);
}

static void before_close(void *arg)
{
	struct observer *o = arg;

	observer_drain(o);
	o->world = 0; /* what is known of it is borrowed from the policy */
	o->policy = NULL;
	o->settings = NULL;
}

/* ---- life ---- */

struct observer *observer_create(const struct observer_config *config)
{
	struct observer *o = base_alloc(sizeof(*o));

	o->config = *config;
	o->shadow_limit.interval_ms = SHADOW_LOG_MS;
	o->reader_count = (size_t)2 * config->workers;
	o->readers = base_alloc(o->reader_count * sizeof(o->readers[0]));
	for (unsigned i = 0; i < o->reader_count; i++) {
		unsigned sharers = i % 2 == 0 ? config->workers : config->workers * TAP_AWAY_PART;
		o->readers[i].o = o;
		o->readers[i].tap = tap_create(sharers, (uint64_t)rand_u32() << 32 | rand_u32());
	}
	o->traffic = traffic_create(clock_wall_s());
	o->drained_ms = o->saved_ms = clock_mono_ms();
	load(o);
	generations_before_close(config->generations, before_close, o);
	return o;
}

void observer_destroy(struct observer *o)
{
	if (o == NULL)
		return;
	observer_drain(o);
	save(o, true);
	generations_before_close(o->config.generations, NULL, NULL);
	for (size_t i = 0; i < o->reader_count; i++)
		tap_destroy(o->readers[i].tap);
	free(o->readers);
	for (size_t i = 0; i < o->server_count; i++)
		free(o->servers[i]);
	free(o->servers);
	hits_destroy(o->hits);
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

struct hits *observer_hits(struct observer *o)
{
	return o->hits;
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
