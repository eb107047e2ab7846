/* SPDX-License-Identifier: BSD-2-Clause
 *
 * writer.h - the query log's own thread, and what it and the main thread (qlog.c) share. Not for others.
 *
 *   main thread --> queue, orders --> writer --> the file (rows.h)
 *                        info <---------+
 *
 * The main thread says by its orders which file is written, within which bounds, and when that is over; the writer takes the queue
 * whole, writes it in batches, and trims the file between them. The lock is held for copies and exchanges only, never while the
 * disk is waited for. What fails stays in `work` and is tried again in the next turn, with one line in the daemon's log when that
 * begins and one when it ends. */
#ifndef SARING_QLOG_WRITER_H
#define SARING_QLOG_WRITER_H

#include "base/base.h"
#include "base/clock.h"
#include "qlog/qlog.h"
#include "qlog/queue.h"
#include "qlog/rows.h"

#include <limits.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#define WAKE_ROWS ROWS_BATCH_ROWS /* so many waiting are not kept waiting until the second is over */

/* What the thread is to do. */
struct orders {
	bool on, stop;
	char path[PATH_MAX];
	int64_t retention_s; /* 0: for ever */
	uint64_t bytes_max;  /* 0: any */
};

static inline bool orders_name_same_file(const struct orders *a, const struct orders *b)
{
	return a->on == b->on && strcmp(a->path, b->path) == 0;
}

struct qlog { // NOLINT(clang-analyzer-optin.performance.Padding): what one thread has stands together
	/* the main thread's; group is read by both */
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
	/* the writer's; when it has ended, the main thread's to free */
	struct orders mine;
	struct queue work; /* what it took last */
	size_t done;	   /* of its bytes, what is in the file */
	struct rows *store;
	bool failing; /* and that is said */
	uint64_t failing_dropped;
};

/* When that will be, by the clock that `news` and `ended_cond` go by. Any thread. */
static inline void writer_until(int64_t in_ms, struct timespec *ret)
{
	const int64_t ns = clock_mono_ns() + in_ms * 1000000;

	*ret = (struct timespec){.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
}

/* The thread; arg is the struct qlog. Writes until its orders say stop, and says by `ended` that it touches nothing any more. */
void *writer_main(void *arg);

#endif
