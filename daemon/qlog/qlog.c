/* SPDX-License-Identifier: BSD-2-Clause */
#include "qlog/qlog.h"

#include "base/log.h"
#include "qlog/writer.h"
#include "thread.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
	if (!orders_name_same_file(&q->orders, &q->given)) {
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
	if (orders_name_same_file(&wanted, &q->given) && wanted.retention_s == q->given.retention_s &&
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
	writer_until(QLOG_STOP_MS, &end);
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
