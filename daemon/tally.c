/* SPDX-License-Identifier: BSD-2-Clause */
#include "tally.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SHADOW_LOG_MS 1000
#define FILE_MODE 0640

struct tally {
	const struct generations *generations;
	const char *state; /* NULL: nothing is kept */
	struct hits *hits;
	int64_t saved_ms;
	bool changed; /* hits, since they were saved */
	/* the world of the facts being taken */
	uint64_t world;
	const struct policy *policy;	    /* NULL: it is gone */
	const struct settings *settings;    /* the same */
	uint16_t lists[SETTINGS_LISTS_MAX]; /* its lists in the table of hits */
	struct log_limit shadow_limit;
};

/* ---- the file ---- */

static bool file_path(const struct tally *t, char path[PATH_MAX])
{
	int n = t->state == NULL ? -1 : snprintf(path, PATH_MAX, "%s/%s", t->state, TALLY_FILE);

	return n > 0 && n < PATH_MAX;
}

static void write_file(struct tally *t, const char *path, bool complete)
{
	struct buf bytes = {0};
	struct err err = {.code = ERR_NONE};

	hits_write(t->hits, complete, &bytes);
	if (file_replace(path, bytes.ptr, bytes.len, FILE_MODE, &err))
		t->changed = false;
	else
		log_warning("hits.not_saved file=\"%s\" error=\"%s\"", path, err.text);
	buf_finish(&bytes);
}

/* A file that was not written at the end of a run lacks what came after it: answers that clients may hold still. That this run has
 * not ended yet is written at once, so that it can be told however it ends. */
static void load(struct tally *t)
{
	const int64_t now_s = clock_wall_s();
	bool complete = false;
	struct buf bytes = {0};
	struct err err = {.code = ERR_NONE};
	char path[PATH_MAX];

	if (file_path(t, path) && (access(path, F_OK) == 0 || errno != ENOENT)) {
		file_sweep(path);
		t->hits = file_read(path, HITS_FILE_MAX, &bytes, &err) ? hits_read(buf_str(&bytes), &complete, &err) : NULL;
		if (t->hits == NULL) {
			log_warning("hits.begun_anew file=\"%s\" error=\"%s\"", path, err.text);
			t->hits = hits_create(now_s);
		}
		if (!complete)
			hits_inexact(t->hits, now_s);
	}
	buf_finish(&bytes);
	if (t->hits == NULL)
		t->hits = hits_create(now_s);
	if (complete)
		write_file(t, path, false);
}

static void save(struct tally *t, bool complete)
{
	char path[PATH_MAX];

	t->saved_ms = clock_mono_ms();
	if ((t->changed || complete) && file_path(t, path))
		write_file(t, path, complete);
}

void tally_tick(struct tally *t)
{
	if (clock_mono_ms() - t->saved_ms >= (int64_t)TALLY_SAVE_S * 1000)
		save(t, false);
}

/* ---- one fact ---- */

void tally_enter(struct tally *t, uint64_t serial)
{
	struct policy_info info;

	if (t->world == serial)
		return;
	t->world = serial;
	t->policy = generation_policy(t->generations, serial);
	t->settings = generation_settings(t->generations, serial);
	if (t->policy == NULL)
		return;
	policy_info(t->policy, 0, &info);
	for (size_t i = 0; i < SETTINGS_LISTS_MAX; i++) {
		struct policy_list list;
		t->lists[i] = HITS_NO_LIST;
		if (i >= info.list_count)
			continue;
		policy_list(t->policy, (uint16_t)i, 0, &list);
		t->lists[i] = hits_list(t->hits, list.name);
	}
}

void tally_leave(struct tally *t)
{
	t->world = 0;
	t->policy = NULL;
	t->settings = NULL;
}

const struct settings *tally_settings(const struct tally *t)
{
	return t->settings;
}

struct str tally_list_name(const struct tally *t, uint16_t list)
{
	return list < SETTINGS_LISTS_MAX && t->policy != NULL ? hits_list_name(t->hits, t->lists[list]) : (struct str){NULL, 0};
}

/* add: it has acted just now. */
static struct hit *find_hit(struct tally *t, const struct policy_spoke *spoke, bool add)
{
	struct policy_ident ident;

	if (t->policy == NULL || !policy_identify(t->policy, spoke, &ident) || ident.list >= SETTINGS_LISTS_MAX)
		return NULL;
	const struct hits_key key = {
	    .list = t->lists[ident.list], .match = ident.match, .conditions = ident.conditions, .key = ident.key};
	struct hit *hit = hits_find(t->hits, &key);
	return hit != NULL || !add ? hit : hits_add(t->hits, &key, policy_ident_written(t->policy, spoke, &ident));
}

const struct hit *tally_find(struct tally *t, const struct policy_spoke *spoke)
{
	return find_hit(t, spoke, false);
}

void tally_inexact(struct tally *t, int64_t at_s)
{
	hits_inexact(t->hits, at_s);
	t->changed = true;
}

/* The entry is named, and never who asked. */
static void log_shadow(struct tally *t, const struct hit *hit)
{
	char entry[HITS_TEXT_MAX], list[128];
	const char *text = hit->match == MATCH_CLIENT ? "" : hit_text(hit, entry); /* which is who asked */

	log_limited(&t->shadow_limit, LOG_LEVEL_INFO, "shadow.would_block list=\"%s\" entry=\"%s\" match=%s count=%llu",
		    str_escape(hits_list_name(t->hits, hit->list), true, list, sizeof(list)), text, match_words[hit->match],
		    (unsigned long long)hit->would_block);
}

void tally_take(struct tally *t, const struct tap_fact *f, const struct name *name)
{
	const struct policy_spoke spoke = {
	    .rule = f->rule, .labels = f->labels, .bulk = (f->flags & TAP_BULK) != 0, .name = name, .wide = f->address};
	struct hit *hit = find_hit(t, &spoke, true);

	t->changed = true;
	if (hit == NULL) { /* it cannot be kept, or its policy is gone */
		tally_inexact(t, f->at_us / 1000000);
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
	log_shadow(t, hit);
}

/* ---- life ---- */

struct tally *tally_create(const struct generations *generations, const char *state)
{
	struct tally *t = base_alloc(sizeof(*t));

	t->generations = generations;
	t->state = state;
	t->shadow_limit.interval_ms = SHADOW_LOG_MS;
	t->saved_ms = clock_mono_ms();
	load(t);
	return t;
}

void tally_destroy(struct tally *t)
{
	if (t == NULL)
		return;
	save(t, true);
	hits_destroy(t->hits);
	free(t);
}

struct hits *tally_hits(struct tally *t)
{
	return t->hits;
}
