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

struct observer {
	struct observer_config config;
	struct tap **taps; /* owned */
	uint64_t *lost;	   /* of each, when it was last emptied */
	uint64_t *queries; /* of each, since N was last thought about */
	struct hits *hits;
	struct traffic *traffic;
	int64_t drained_ms, saved_ms;
	bool changed; /* hits, since they were saved */
	/* the world of the facts being taken */
	uint64_t world;
	const struct policy *policy; /* NULL: it is gone */
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

	log_limited(&o->shadow_limit, LOG_LEVEL_INFO, "shadow.would_block list=\"%s\" entry=\"%s\" match=%s count=%llu",
		    str_escape(hits_list_name(o->hits, hit->list), true, list, sizeof(list)), hit_text(hit, entry),
		    match_words[hit->match], (unsigned long long)hit->would_block);
}

static void take_entry(struct observer *o, const struct tap_fact *f, const struct name *name)
{
	const struct policy_spoke spoke = {
	    .rule = f->rule, .labels = f->labels, .bulk = (f->flags & TAP_BULK) != 0, .name = name, .wide = f->address};
	struct hit *hit = find_hit(o, &spoke, true);

	o->changed = true;
	if (hit == NULL) { /* it cannot be kept, or its policy is gone */
		hits_inexact(o->hits, f->at_s);
		return;
	}
	if ((f->flags & TAP_ALLOWED) != 0) {
		hit_allow(hit, f->weight, f->at_s);
		return;
	}
	if ((f->flags & TAP_SHADOW) == 0) {
		hit_block(hit, f->weight, f->at_s, f->ttl_s);
		return;
	}
	hit_shadow(hit, f->weight, f->at_s);
	log_shadow(o, hit);
}

static void take(void *arg, const struct tap_fact *f)
{
	struct observer *o = arg;
	struct name name = {.len = f->name_len, .labels = f->name_labels};

	memcpy(name.wire, f->wire, sizeof(name.wire));
	enter_world(o, f->world);
	if ((f->flags & TAP_QUERY) != 0 && o->wants_traffic)
		traffic_take(o->traffic, &name, f->address, f->weight, f->at_s);
	if ((f->flags & (TAP_BLOCKED | TAP_SHADOW | TAP_ALLOWED)) != 0)
		take_entry(o, f, &name);
	if (f->weight > 1) {
		hits_inexact(o->hits, f->at_s);
		o->changed = true;
	}
}

/* ---- all of them ---- */

static void follow_settings(struct observer *o)
{
	const struct generation *g = generation_current(o->config.generations);
	bool wanted = g != NULL && g->settings->log_traffic;

	if (o->wants_traffic != wanted)
		traffic_forget(o->traffic, clock_wall_s());
	o->wants_traffic = wanted;
}

void observer_drain(struct observer *o)
{
	const int64_t now_ms = clock_mono_ms(), elapsed_ms = now_ms - o->drained_ms;

	follow_settings(o);
	for (unsigned i = 0; i < o->config.workers; i++) {
		struct tap *t = o->taps[i];
		uint64_t queries = tap_drain(t, take, o), lost = tap_lost(t);
		queries += lost - o->lost[i];
		if (lost != o->lost[i]) {
			hits_inexact(o->hits, clock_wall_s());
			o->changed = true;
		}
		o->lost[i] = lost;
		/* A drain in between says little of how much comes in a whole while: it only empties. */
		o->queries[i] += queries;
		if (elapsed_ms < TAP_DRAIN_MS / 2)
			continue;
		tap_adapt(t, o->queries[i], elapsed_ms);
		o->queries[i] = 0;
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
}

/* ---- life ---- */

struct observer *observer_create(const struct observer_config *config)
{
	struct observer *o = base_alloc(sizeof(*o));

	o->config = *config;
	o->shadow_limit.interval_ms = SHADOW_LOG_MS;
	o->taps = base_alloc(config->workers * sizeof(struct tap *));
	o->lost = base_alloc(config->workers * sizeof(o->lost[0]));
	o->queries = base_alloc(config->workers * sizeof(o->queries[0]));
	for (unsigned i = 0; i < config->workers; i++)
		o->taps[i] = tap_create(config->workers, (uint64_t)rand_u32() << 32 | rand_u32());
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
	for (unsigned i = 0; i < o->config.workers; i++)
		tap_destroy(o->taps[i]);
	free(o->taps);
	free(o->lost);
	free(o->queries);
	hits_destroy(o->hits);
	traffic_destroy(o->traffic);
	free(o);
}

struct tap *observer_tap(struct observer *o, unsigned worker)
{
	must(worker < o->config.workers);
	return o->taps[worker];
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
	for (unsigned i = 0; i < o->config.workers; i++) {
		ret->every = MAX(ret->every, tap_every(o->taps[i]));
		ret->lost += o->lost[i];
	}
}
