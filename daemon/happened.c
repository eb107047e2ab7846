/* SPDX-License-Identifier: BSD-2-Clause */
#include "happened.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define FILE_MODE 0640

struct happened_follower {
	void (*wake)(void *arg); /* NULL: free */
	void *arg;
};

struct happened {
	struct happened_config config;
	struct observer_subscriber *subscriber;
	struct recent *recent;
	struct leaders *leaders;
	struct history *history;
	int64_t saved_ms;
	uint64_t followed; /* the world whose settings are */
	bool wants_leaders;
	enum privacy privacy;
	size_t limit; /* log.recent */
	struct happened_follower followers[HAPPENED_FOLLOWERS_MAX];
	size_t follower_count;
};

/* ---- the file ---- */

static bool file_path(const struct happened *h, char path[PATH_MAX])
{
	int n = h->config.state == NULL ? -1 : snprintf(path, PATH_MAX, "%s/%s", h->config.state, HAPPENED_FILE);

	return n > 0 && n < PATH_MAX;
}

static void load(struct happened *h)
{
	struct buf bytes = {0};
	struct err err = {.code = ERR_NONE};
	char path[PATH_MAX];

	if (file_path(h, path) && (access(path, F_OK) == 0 || errno != ENOENT)) {
		file_sweep(path);
		if (file_read(path, HISTORY_FILE_MAX, &bytes, &err))
			h->history = history_read(buf_str(&bytes), &err);
		if (h->history == NULL)
			log_warning("stats.begun_anew file=\"%s\" error=\"%s\"", path, err.text);
	}
	buf_finish(&bytes);
	if (h->history == NULL)
		h->history = history_create(clock_wall_s());
}

static void save(struct happened *h)
{
	struct buf bytes = {0};
	struct err err = {.code = ERR_NONE};
	char path[PATH_MAX];

	h->saved_ms = clock_mono_ms();
	if (!file_path(h, path))
		return;
	history_write(h->history, &bytes);
	if (!file_replace(path, bytes.ptr, bytes.len, FILE_MODE, &err))
		log_warning("stats.not_saved file=\"%s\" error=\"%s\"", path, err.text);
	buf_finish(&bytes);
}

/* ---- settings ---- */

static void resize(struct happened *h)
{
	size_t least = h->follower_count > 0 ? HAPPENED_FOLLOW_ENTRIES : 0;

	recent_resize(h->recent, MAX(h->limit, least));
}

static void follow_settings(struct happened *h)
{
	const struct generation *g = generation_current(h->config.generations);
	const int64_t now_s = clock_wall_s();

	if (g == NULL || g->serial == h->followed)
		return;
	h->followed = g->serial;
	h->limit = g->settings->log_recent;
	if (h->privacy != g->settings->log_privacy || h->wants_leaders != g->settings->log_traffic)
		leaders_forget(h->leaders, now_s);
	h->wants_leaders = g->settings->log_traffic;
	h->privacy = g->settings->log_privacy;
	recent_set_privacy(h->recent, h->privacy);
	resize(h);
}

/* ---- what is told ---- */

static void on_fact(void *arg, const struct fact *fact)
{
	struct happened *h = arg;

	follow_settings(h);
	recent_take(h->recent, fact);
	if (h->wants_leaders)
		leaders_take(h->leaders, fact, fact_privacy(fact, h->privacy));
	if (fact->answered && fact->fate != COUNTER_REFUSED)
		history_took(h->history, fact->took_us, fact->weight, fact->at_us / 1000000);
}

static void count(struct happened *h)
{
	uint64_t sums[COUNTER_COUNT];

	for (size_t i = 0; i < h->config.worker_count; i++)
		if (h->config.counters[i] == NULL)
			return; /* no worker runs yet */
	counters_sum(h->config.counters, h->config.worker_count, sums);
	history_count(h->history, sums, clock_wall_s());
}

void happened_tick(struct happened *h)
{
	follow_settings(h);
	count(h);
	if (clock_mono_ms() - h->saved_ms >= (int64_t)HAPPENED_SAVE_S * 1000)
		save(h);
}

static void catch_up(struct happened *h)
{
	observer_drain(h->config.observer);
	follow_settings(h);
}

struct recent *happened_recent(struct happened *h)
{
	catch_up(h);
	return h->recent;
}

const struct recent *happened_kept(const struct happened *h)
{
	return h->recent;
}

struct leaders *happened_leaders(struct happened *h)
{
	catch_up(h);
	return h->leaders;
}

struct history *happened_history(struct happened *h)
{
	catch_up(h);
	count(h);
	return h->history;
}

enum privacy happened_privacy(const struct happened *h)
{
	return h->privacy;
}

struct observer *happened_observer(struct happened *h)
{
	return h->config.observer;
}

/* ---- followers ---- */

void happened_drained(struct happened *h)
{
	for (size_t i = 0; h->follower_count > 0 && i < ARRAY_LEN(h->followers); i++)
		if (h->followers[i].wake != NULL)
			h->followers[i].wake(h->followers[i].arg);
}

struct happened_follower *happened_follow(struct happened *h, void (*wake)(void *arg), void *arg)
{
	for (size_t i = 0; i < ARRAY_LEN(h->followers); i++) {
		if (h->followers[i].wake != NULL)
			continue;
		h->followers[i] = (struct happened_follower){.wake = wake, .arg = arg};
		h->follower_count++;
		resize(h);
		return &h->followers[i];
	}
	return NULL;
}

void happened_unfollow(struct happened *h, struct happened_follower *f)
{
	f->wake = NULL;
	h->follower_count--;
	resize(h);
}

/* ---- life ---- */

struct happened *happened_create(const struct happened_config *config)
{
	struct happened *h = base_alloc(sizeof(*h));

	h->config = *config;
	h->recent = recent_create();
	h->leaders = leaders_create(clock_wall_s());
	h->saved_ms = clock_mono_ms();
	load(h);
	h->subscriber = observer_subscribe(config->observer, on_fact, h, false);
	return h;
}

void happened_destroy(struct happened *h)
{
	if (h == NULL)
		return;
	catch_up(h);
	count(h);
	save(h);
	observer_unsubscribe(h->config.observer, h->subscriber);
	recent_destroy(h->recent);
	leaders_destroy(h->leaders);
	history_destroy(h->history);
	free(h);
}
