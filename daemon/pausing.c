/* SPDX-License-Identifier: BSD-2-Clause */
#include "pausing.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "ctl/proto.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#define FILE_MODE 0640
#define TIME_TEXT_MAX 32

/* Somebody who wants to know when a change is in force. */
struct waiter {
	TAILQ_ENTRY(waiter) link;
	struct pausing *pausing;
	void (*done)(void *arg);
	void *arg;
};

struct pausing {
	struct generations *generations;
	const char *state;
	TAILQ_HEAD(, waiter) waiters;
	int64_t gap_s; /* wall clock less the monotonic one, when it was last looked at */
	char unkept[sizeof(((struct err *)NULL)->text)];
};

/* ---- the file ---- */

static bool file_path(const char *state, char path[PATH_MAX])
{
	int n = state == NULL ? -1 : snprintf(path, PATH_MAX, "%s/%s", state, PAUSING_FILE);
	return n > 0 && n < PATH_MAX;
}

static void save(struct pausing *p, const struct pauses *pauses)
{
	char path[PATH_MAX];
	struct buf text = {0};
	struct err err = {.code = ERR_NONE};

	p->unkept[0] = '\0';
	if (!file_path(p->state, path))
		return;
	pauses_write(pauses, &text);
	if (!file_replace(path, text.ptr, text.len, FILE_MODE, &err)) {
		(void)snprintf(p->unkept, sizeof(p->unkept), "%s", err.text);
		log_warning("pause.not_kept file=\"%s\" error=\"%s\" text=\"after a restart it is as it was before\"", path,
			    err.text);
	}
	buf_finish(&text);
}

struct pauses *pausing_load(const char *state, struct err *err)
{
	char path[PATH_MAX];
	struct buf text = {0};
	struct pauses *read = NULL;

	if (!file_path(state, path) || (access(path, F_OK) != 0 && errno == ENOENT))
		return NULL;
	if (file_read(path, PAUSES_FILE_MAX, &text, err))
		read = pauses_read(buf_str(&text), err);
	buf_finish(&text);
	return read;
}

static struct pauses *load(const struct pausing *p)
{
	char path[PATH_MAX];
	struct err err = {.code = ERR_NONE};

	if (!file_path(p->state, path))
		return NULL;
	file_sweep(path);
	struct pauses *read = pausing_load(p->state, &err);
	if (read == NULL && err.code != ERR_NONE)
		log_warning("pause.unreadable file=\"%s\" error=\"%s\" text=\"nothing is paused\"", path, err.text);
	return read;
}

/* ---- in words ---- */

static const char *until_text(int64_t until_s, char buf[TIME_TEXT_MAX])
{
	if (until_s == PAUSES_FOREVER)
		return "resumed";
	str_from_time(until_s, buf, TIME_TEXT_MAX);
	return buf;
}

static void log_pause(const char *event, const struct pause *pause)
{
	char target[300], by[128], until[TIME_TEXT_MAX], client[ADDR_TEXT_MAX];
	log_info("%s scope=%s target=\"%s\" client=\"%s\" until=%s by=\"%s\"", event, pause_scope_words[pause->scope],
		 str_escape(str_from(pause->target), true, target, sizeof(target)),
		 pause->has_client ? prefix_to_text(&pause->client, client) : "", until_text(pause->until_s, until),
		 str_escape(str_from(pause->by), true, by, sizeof(by)));
}

json_t *pausing_one_json(const struct pause *pause)
{
	char client[ADDR_TEXT_MAX], since[TIME_TEXT_MAX], until[TIME_TEXT_MAX];
	str_from_time(pause->since_s, since, sizeof(since));
	json_t *object =
	    json_pack("{s:s, s:o, s:o, s:s, s:o, s:o, s:o, s:o}", "scope", pause_scope_words[pause->scope], "target",
		      ctl_text(str_from(pause->target)), "client",
		      pause->has_client ? json_string(prefix_to_text(&pause->client, client)) : json_null(), "since", since,
		      "until", pause->until_s == PAUSES_FOREVER ? json_null() : json_string(until_text(pause->until_s, until)),
		      "by", ctl_text(str_from(pause->by)), "reason", ctl_text(str_from(pause->reason)), "reference",
		      ctl_text(str_from(pause->reference)));
	must(object != NULL);
	return object;
}

json_t *pausing_json(const struct pauses *p, int64_t now_s)
{
	json_t *array = json_array();
	for (size_t i = 0; p != NULL && i < p->count; i++)
		if (pause_holds(&p->all[i], now_s))
			must(json_array_append_new(array, pausing_one_json(&p->all[i])) == 0);
	return array;
}

/* ---- the clock ---- */

#define GAP_SLACK_S 2 /* seconds are whole ones, and clocks are slewed */

static int64_t gap_s(int64_t now_s)
{
	return now_s - clock_mono_ms() / 1000;
}

/* A clock that was set back must not prolong what was to last so long: its end is moved with it. One that was set on ends it. */
static struct pauses *followed(struct pausing *p, const struct pauses *from, int64_t now_s, bool *ret_moved)
{
	const int64_t gap = gap_s(now_s), by_s = gap - p->gap_s;
	struct pauses *next = pauses_copy(from, now_s);
	*ret_moved = next->count > 0 && by_s < -GAP_SLACK_S;
	for (size_t i = 0; *ret_moved && i < next->count; i++) {
		next->all[i].since_s = MAX(next->all[i].since_s + by_s, (int64_t)0);
		if (next->all[i].until_s != PAUSES_FOREVER)
			next->all[i].until_s += by_s;
	}
	p->gap_s = gap;
	return next;
}

/* ---- life ---- */

struct pausing *pausing_create(struct generations *generations, const char *state)
{
	struct pausing *p = base_alloc(sizeof(*p));
	*p = (struct pausing){.generations = generations, .state = state, .gap_s = gap_s(clock_wall_s())};
	TAILQ_INIT(&p->waiters);
	struct pauses *kept = load(p);
	if (kept == NULL)
		return p;
	struct pauses *now = pauses_copy(kept, clock_wall_s());
	for (size_t i = 0; i < now->count; i++)
		log_pause("pause.goes_on", &now->all[i]);
	if (now->count != kept->count)
		save(p, now);
	pauses_destroy(kept);
	generation_pause(generations, now, NULL, NULL);
	return p;
}

static void on_adopted(void *arg)
{
	struct waiter *w = arg;
	TAILQ_REMOVE(&w->pausing->waiters, w, link);
	w->done(w->arg);
	free(w);
}

/* next is taken. */
static void publish(struct pausing *p, struct pauses *next, void (*done)(void *arg), void *arg)
{
	struct waiter *w = base_alloc(sizeof(*w));
	*w = (struct waiter){.pausing = p, .done = done, .arg = arg};
	TAILQ_INSERT_TAIL(&p->waiters, w, link);
	save(p, next);
	generation_pause(p->generations, next, on_adopted, w);
}

void pausing_destroy(struct pausing *p)
{
	if (p == NULL)
		return;
	for (struct waiter *w = TAILQ_FIRST(&p->waiters), *next; w != NULL; w = next) {
		next = TAILQ_NEXT(w, link);
		w->done(w->arg);
		free(w);
	}
	free(p);
}

const char *pausing_unkept(const struct pausing *p)
{
	return p->unkept;
}

/* ---- changes ---- */

static const struct generation *world(const struct pausing *p, struct err *err)
{
	const struct generation *g = generation_current(p->generations);
	if (g == NULL)
		(void)err_set(err, ERR_INPUT, "the daemon is starting: there is nothing to pause yet");
	return g;
}

static bool exists(const struct settings *s, const struct pause *pause, struct err *err)
{
	char safe[300];
	(void)str_escape(str_from(pause->target), true, safe, sizeof(safe));
	if (pause->scope == PAUSE_GROUP && settings_group_find(s, str_from(pause->target)) < 0)
		return err_set(err, ERR_NOT_FOUND, "there is no group '%s'", safe);
	if (pause->scope != PAUSE_LIST)
		return true;
	for (size_t i = 0; i < s->list_count; i++) {
		if (strcmp(s->lists[i].name, pause->target) != 0)
			continue;
		return !s->lists[i].mandatory || err_set(err, ERR_INPUT, "the list '%s' is mandatory: it cannot be paused", safe);
	}
	return err_set(err, ERR_NOT_FOUND, "there is no list '%s'", safe);
}

bool pausing_begin(struct pausing *p, struct pause *pause, void (*done)(void *arg), void *arg, struct err *err)
{
	const struct generation *g = world(p, err);
	if (g == NULL || !exists(g->settings, pause, err))
		return false;
	bool moved;
	struct pauses *next = followed(p, g->pauses, clock_wall_s(), &moved);
	const struct pause said = *pause; /* its texts live on in next */
	if (!pauses_put(next, pause)) {
		pauses_destroy(next);
		return err_set(err, ERR_INPUT, "there are %d pauses already: end some with 'resume'", PAUSES_MAX);
	}
	log_pause(said.scope == PAUSE_NAME ? "allow.begin" : "pause.begin", &said);
	publish(p, next, done, arg);
	return true;
}

/* A name alone means what lets it through for anybody, be it for one client. */
static bool is_meant(const struct pause *pause, const struct pause *what)
{
	if (what == NULL)
		return pause->scope != PAUSE_NAME;
	if (what->scope == PAUSE_NAME && !what->has_client)
		return pause->scope == PAUSE_NAME && strcmp(pause->target, what->target) == 0;
	return pause_is_same(pause, what);
}

bool pausing_end(struct pausing *p, const struct pause *what, void (*done)(void *arg), void *arg, json_t **ret_ended,
		 struct err *err)
{
	const struct generation *g = world(p, err);
	if (g == NULL)
		return false;
	*ret_ended = json_array();
	bool moved;
	struct pauses *next = followed(p, g->pauses, clock_wall_s(), &moved);
	for (size_t i = next->count; i-- > 0;) {
		if (!is_meant(&next->all[i], what))
			continue;
		log_pause(next->all[i].scope == PAUSE_NAME ? "allow.end" : "pause.end", &next->all[i]);
		must(json_array_append_new(*ret_ended, pausing_one_json(&next->all[i])) == 0);
		pauses_remove(next, i);
	}
	if (json_array_size(*ret_ended) > 0) {
		publish(p, next, done, arg);
		return true;
	}
	if (moved) {
		save(p, next);
		generation_pause(p->generations, next, NULL, NULL);
	} else {
		pauses_destroy(next);
	}
	return true;
}

void pausing_tick(struct pausing *p, int64_t now_s)
{
	const struct generation *g = generation_current(p->generations);
	bool over = false;
	for (size_t i = 0; g != NULL && g->pauses != NULL && i < g->pauses->count; i++) {
		const struct pause *pause = &g->pauses->all[i];
		if (!pause_is_over(pause, now_s))
			continue;
		log_pause(pause->scope == PAUSE_NAME ? "allow.over" : "pause.over", pause);
		over = true;
	}
	if (g == NULL)
		return;
	bool moved;
	struct pauses *next = followed(p, g->pauses, now_s, &moved);
	if (!over && !moved) {
		pauses_destroy(next);
		return;
	}
	/* Workers have gone on without what is over since that second already: this is housekeeping. */
	save(p, next);
	generation_pause(p->generations, next, NULL, NULL);
}
