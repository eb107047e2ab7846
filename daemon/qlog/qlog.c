/* SPDX-License-Identifier: BSD-2-Clause */
#include "qlog/qlog.h"

#include "base/addr.h"
#include "base/clock.h"
#include "base/log.h"
#include "qlog/rows.h"
#include "thread.h"
#include "wire/rrtype.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ROW_BYTES 300		  /* of the file, with its texts and in the indexes: seldom more */
#define ROOM_STEPS_MAX 100	  /* of trimming, between two batches */
#define WAKE_ROWS ROWS_BATCH_ROWS /* so many waiting are not kept waiting until the second is over */

/* What the thread is to do. */
struct orders {
	bool on, stop;
	char path[PATH_MAX];
	int64_t retention_s; /* 0: for ever */
	uint64_t bytes_max;  /* 0: any */
};

struct qlog { // NOLINT(clang-analyzer-optin.performance.Padding): what one thread has stands together
	/* the main thread's */
	gid_t group;
	struct orders given;
	bool blocked_only;
	pthread_t thread;
	bool started;
	/* the lock's */
	pthread_mutex_t lock;
	pthread_cond_t news, ended_cond;
	struct queue queue, before; /* before: what came before the orders, and goes by those that were */
	struct orders orders;
	struct qlog_info info;
	bool ended;
	/* the writer's */
	struct orders mine;
	struct queue work; /* what it took last */
	size_t done;	   /* of its bytes, what is in the file */
	struct rows *store;
	bool failing; /* and that is said */
	uint64_t failing_dropped;
};

/* ---- the writer: one query as a row ---- */

struct row_room {
	struct name name_wire;
	char name[NAME_TEXT_MAX], client[ADDR_TEXT_MAX], type[RRTYPE_TEXT_MAX], rcode[RCODE_TEXT_MAX];
};

static const char *client_text(const struct qlog_query *q, char buf[ADDR_TEXT_MAX])
{
	struct addr a = {.len = 0};

	if (q->client_len == 4) {
		a.in = (struct sockaddr_in){.sin_family = AF_INET};
		a.len = sizeof(a.in);
		memcpy(&a.in.sin_addr, q->client, 4);
	} else if (q->client_len == 16) {
		a.in6 = (struct sockaddr_in6){.sin6_family = AF_INET6};
		a.len = sizeof(a.in6);
		memcpy(&a.in6.sin6_addr, q->client, 16);
	}
	return a.len == 0 ? "" : addr_host_to_text(&a, buf);
}

static void make_row(const struct qlog_query *q, struct row_room *room, struct row *ret)
{
	*ret = (struct row){.time_us = q->time_us,
			    .took_us = q->took_us,
			    .port = q->port,
			    .blocked = q->blocked,
			    .client = str_from(client_text(q, room->client)),
			    .name = str_from(q->name == NULL ? "" : name_to_text(q->name, room->name)),
			    .type = str_from(q->type == 0 ? "" : rrtype_to_text(q->type, room->type)),
			    .transport = str_from(q->transport),
			    .fate = str_from(q->fate),
			    .rcode = str_from(q->answered ? rcode_to_text(q->rcode, room->rcode) : ""),
			    .verdict = str_from(q->verdict),
			    .list = q->list,
			    .entry = q->entry,
			    .group = q->group,
			    .upstream = q->upstream};
}

/* ---- the writer: what fails ---- */

static void say_failing(struct qlog *q, const struct err *err)
{
	pthread_mutex_lock(&q->lock);
	const bool same = q->failing && strcmp(q->info.error, err->text) == 0;
	memcpy(q->info.error, err->text, sizeof(q->info.error));
	const uint64_t dropped = q->info.dropped;
	pthread_mutex_unlock(&q->lock);
	if (same)
		return;
	if (!q->failing)
		q->failing_dropped = dropped;
	q->failing = true;
	log_warning("querylog.failed error=\"%s\"", err->text);
}

static void say_well(struct qlog *q)
{
	if (!q->failing)
		return;
	q->failing = false;
	pthread_mutex_lock(&q->lock);
	q->info.error[0] = '\0';
	const uint64_t dropped = q->info.dropped;
	pthread_mutex_unlock(&q->lock);
	log_info("querylog.resumed file=\"%s\" dropped=%llu", q->mine.path, (unsigned long long)(dropped - q->failing_dropped));
}

static void close_store(struct qlog *q)
{
	rows_close(q->store);
	q->store = NULL;
}

/* The one that is broken is kept for whoever wants to look at it, and the log begins anew. */
static void begin_anew(struct qlog *q, const struct err *why)
{
	struct err err = {0};

	close_store(q);
	if (rows_set_aside(q->mine.path, &err))
		log_warning("querylog.begun_anew file=\"%s\" moved_to=\"%s" ROWS_DAMAGED "\" error=\"%s\"", q->mine.path,
			    q->mine.path, why->text);
	else
		say_failing(q, &err);
}

static void end_badly(struct qlog *q, enum rows_end end, const struct err *err)
{
	if (end == ROWS_BROKEN)
		begin_anew(q, err);
	else
		say_failing(q, err);
}

/* ---- the writer: a turn ---- */

static bool have_store(struct qlog *q)
{
	struct err err = {0};
	enum rows_end end = ROWS_OK;

	if (q->store != NULL && rows_is_elsewhere(q->store)) {
		log_warning("querylog.gone file=\"%s\"", q->mine.path);
		close_store(q);
	}
	/* A broken one is moved aside, and then there is none in the way. */
	for (int tries = 0; q->store == NULL && tries < 2; tries++) {
		q->store = rows_open(q->mine.path, q->group, &end, &err);
		if (q->store != NULL || end != ROWS_BROKEN)
			break;
		begin_anew(q, &err);
	}
	if (q->store == NULL)
		end_badly(q, ROWS_LATER, &err);
	return q->store != NULL;
}

/* Of a small file a batch takes no more than half of what is left where trimming begins. */
static size_t batch_rows(const struct qlog *q)
{
	const uint64_t fit = q->mine.bytes_max / 20 / ROW_BYTES + 1;

	return q->mine.bytes_max > 0 && fit < ROWS_BATCH_ROWS ? (size_t)fit : ROWS_BATCH_ROWS;
}

/* One transaction's worth, from *at on. */
static enum rows_end write_some(struct qlog *q, size_t *at, size_t *ret_rows, struct err *err)
{
	const struct str bytes = buf_str(&q->work.bytes);
	const size_t end_at = *at + ROWS_BATCH_BYTES;
	struct qlog_query query;
	struct row_room room;
	struct row row;
	const size_t rows_max = batch_rows(q);
	enum rows_end end = rows_begin(q->store, err);

	for (*ret_rows = 0; end == ROWS_OK && *ret_rows < rows_max && *at < end_at && queue_get(bytes, at, &query, &room.name_wire);
	     ++*ret_rows) {
		make_row(&query, &room, &row);
		end = rows_add(q->store, &row, err);
	}
	return end == ROWS_OK ? rows_commit(q->store, err) : end;
}

/* True when there is more to do. */
static bool trim_some(struct qlog *q)
{
	const struct orders *o = &q->mine;
	const struct rows_bounds bounds = {.before_us = o->retention_s == 0 ? 0 : (clock_wall_s() - o->retention_s) * 1000000,
					   .bytes_max = o->bytes_max};
	struct err err = {0};
	bool more = false;
	enum rows_end end = rows_trim(q->store, &bounds, &more, &err);

	if (end != ROWS_OK)
		end_badly(q, end, &err);
	return end == ROWS_OK && more;
}

/* A burst may bring more than its bound leaves of the file: what is needed is made between two batches, before it is full. */
static void make_room(struct qlog *q)
{
	for (unsigned i = 0; i < ROOM_STEPS_MAX && q->store != NULL && rows_is_tight(q->store, q->mine.bytes_max) && trim_some(q);
	     i++)
		;
}

/* False: what is left is tried again later. */
static bool write_all(struct qlog *q)
{
	struct err err = {0};

	while (q->done < q->work.bytes.len) {
		size_t at = q->done, rows = 0;
		enum rows_end end = write_some(q, &at, &rows, &err);
		if (end != ROWS_OK) {
			end_badly(q, end, &err);
			return false;
		}
		q->done = at;
		q->work.count -= rows;
		pthread_mutex_lock(&q->lock);
		q->info.written += rows;
		pthread_mutex_unlock(&q->lock);
		make_room(q);
		if (q->store == NULL)
			return false;
	}
	buf_reset(&q->work.bytes);
	q->work.count = q->done = 0;
	return true;
}

static void note_size(struct qlog *q)
{
	const uint64_t rows = q->store == NULL ? 0 : rows_count(q->store), bytes = q->store == NULL ? 0 : rows_bytes(q->store);

	pthread_mutex_lock(&q->lock);
	q->info.rows = rows;
	q->info.bytes = bytes;
	pthread_mutex_unlock(&q->lock);
}

/* True when there is more to do at once. */
static bool take_turn(struct qlog *q)
{
	bool more = false, well = false;

	if (!q->mine.on)
		return false;
	if (have_store(q)) {
		well = write_all(q);
		/* Where the file is full by its own bound, trimming is what makes room. */
		more = q->store != NULL && trim_some(q);
	}
	if (well && q->store != NULL)
		say_well(q);
	note_size(q);
	return more;
}

/* ---- the writer: its loop ---- */

static void until(int64_t in_ms, struct timespec *ret)
{
	const int64_t ns = clock_mono_ns() + in_ms * 1000000;

	*ret = (struct timespec){.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
}

static bool is_same_file(const struct orders *a, const struct orders *b)
{
	return a->on == b->on && strcmp(a->path, b->path) == 0;
}

/* What could not be written to a file that is not to be written any more. */
static void give_up_work(struct qlog *q)
{
	pthread_mutex_lock(&q->lock);
	q->info.dropped += q->work.count;
	pthread_mutex_unlock(&q->lock);
	buf_reset(&q->work.bytes);
	q->work.count = q->done = 0;
}

/* Waits for news. Locked on entry and return. */
static void wait_for_news(struct qlog *q, bool hurry)
{
	struct timespec end;

	until(QLOG_WRITE_MS, &end);
	while (!hurry && !q->orders.stop && is_same_file(&q->orders, &q->mine) &&
	       (q->queue.count < WAKE_ROWS || q->work.count > 0) && pthread_cond_timedwait(&q->news, &q->lock, &end) != ETIMEDOUT)
		;
}

/* The queue, when all that was taken before is done with. Locked. */
static void take_queue(struct qlog *q)
{
	if (q->work.bytes.len > 0)
		return;
	const struct queue work = q->work;
	q->work = q->queue;
	q->queue = work;
}

/* Takes `before`. */
static void follow_orders(struct qlog *q, const struct orders *orders, struct queue *before)
{
	if (!is_same_file(orders, &q->mine)) {
		(void)take_turn(q);
		give_up_work(q);
		buf_finish(&q->work.bytes);
		q->work = *before;
		(void)take_turn(q);
		give_up_work(q);
		close_store(q);
		say_well(q);
	}
	q->mine = *orders;
}

static void *writer_main(void *arg)
{
	struct qlog *q = arg;
	bool more = false;

	for (bool stop = false; !stop;) {
		pthread_mutex_lock(&q->lock);
		wait_for_news(q, more);
		const struct orders orders = q->orders;
		struct queue before = {.count = 0};
		const bool another = !is_same_file(&orders, &q->mine);
		if (another) {
			before = q->before;
			q->before = (struct queue){.count = 0};
		} else {
			take_queue(q);
		}
		stop = orders.stop && !another;
		pthread_mutex_unlock(&q->lock);
		follow_orders(q, &orders, &before);
		more = take_turn(q) || another;
	}
	give_up_work(q);
	close_store(q);
	pthread_mutex_lock(&q->lock);
	q->ended = true;
	pthread_cond_signal(&q->ended_cond);
	pthread_mutex_unlock(&q->lock);
	return NULL;
}

/* ---- the main thread ---- */

struct qlog *qlog_create(gid_t group)
{
	struct qlog *q = base_alloc(sizeof(*q));
	pthread_condattr_t attr;

	q->group = group;
	must(pthread_mutex_init(&q->lock, NULL) == 0 && pthread_condattr_init(&attr) == 0);
	must(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0);
	must(pthread_cond_init(&q->news, &attr) == 0 && pthread_cond_init(&q->ended_cond, &attr) == 0);
	(void)pthread_condattr_destroy(&attr);
	return q;
}

static void start(struct qlog *q)
{
	int rc = thread_start(&q->thread, "query-log", writer_main, q);

	q->started = rc == 0;
	if (!q->started)
		log_error("querylog.failed error=\"its thread cannot be started: %s\"", strerror(rc));
}

static void give_orders(struct qlog *q)
{
	pthread_mutex_lock(&q->lock);
	if (!is_same_file(&q->orders, &q->given)) {
		q->info.dropped += q->before.count; /* the thread has not even heard of the last change yet */
		buf_finish(&q->before.bytes);
		q->before = q->queue;
		q->queue = (struct queue){.count = 0};
	}
	q->orders = q->given;
	q->info.on = q->given.on;
	pthread_cond_signal(&q->news);
	pthread_mutex_unlock(&q->lock);
}

void qlog_follow(struct qlog *q, const struct settings *settings)
{
	struct orders wanted = {
	    .on = settings->query_log, .retention_s = settings->query_log_retention_s, .bytes_max = settings->query_log_bytes};

	(void)snprintf(wanted.path, sizeof(wanted.path), "%s", settings->query_log_file);
	q->blocked_only = settings->query_log_blocked_only;
	if (is_same_file(&wanted, &q->given) && wanted.retention_s == q->given.retention_s &&
	    wanted.bytes_max == q->given.bytes_max)
		return;
	q->given = wanted;
	if (wanted.on && !q->started)
		start(q);
	if (q->started)
		give_orders(q);
}

bool qlog_is_on(const struct qlog *q)
{
	return q->given.on && q->started;
}

void qlog_take(struct qlog *q, const struct qlog_query *query)
{
	if (!qlog_is_on(q) || (q->blocked_only && !query->blocked))
		return;
	pthread_mutex_lock(&q->lock);
	if (!queue_put(&q->queue, query))
		q->info.dropped++;
	else if (q->queue.count == WAKE_ROWS)
		pthread_cond_signal(&q->news);
	pthread_mutex_unlock(&q->lock);
}

void qlog_info(struct qlog *q, struct qlog_info *ret)
{
	pthread_mutex_lock(&q->lock);
	*ret = q->info;
	pthread_mutex_unlock(&q->lock);
}

/* False: it hangs in the disk, and uses all this still. */
static bool stop(struct qlog *q)
{
	struct timespec end;

	q->given.stop = true;
	give_orders(q);
	until(QLOG_STOP_MS, &end);
	pthread_mutex_lock(&q->lock);
	while (!q->ended && pthread_cond_timedwait(&q->ended_cond, &q->lock, &end) != ETIMEDOUT)
		;
	const bool ended = q->ended;
	pthread_mutex_unlock(&q->lock);
	if (ended)
		(void)pthread_join(q->thread, NULL);
	return ended;
}

void qlog_destroy(struct qlog *q)
{
	if (q == NULL)
		return;
	if (q->started && !stop(q)) {
		log_warning("querylog.abandoned file=\"%s\" error=\"the disk does not answer\"", q->given.path);
		(void)pthread_detach(q->thread);
		return;
	}
	(void)pthread_mutex_destroy(&q->lock);
	(void)pthread_cond_destroy(&q->news);
	(void)pthread_cond_destroy(&q->ended_cond);
	buf_finish(&q->queue.bytes);
	buf_finish(&q->before.bytes);
	buf_finish(&q->work.bytes);
	free(q);
}
