/* SPDX-License-Identifier: BSD-2-Clause
 *
 * worker.h - a thread that serves: its own event base, its own SO_REUSEPORT sockets, query slots, upstream pool and counters.
 * The functions here are the main thread's. */
#ifndef SARING_WORKER_H
#define SARING_WORKER_H

#include "base/base.h"
#include "base/err.h"
#include "cache/cache.h"
#include "cache/failures.h"
#include "generation.h"
#include "listen/sockets.h"
#include "listen/tcp_seats.h"
#include "observe/counters.h"
#include "observe/frames.h"
#include "observe/tap.h"
#include "query/inflight.h"
#include "query/limit.h"
#include "query/loop.h"

struct worker_config {
	unsigned index;
	const struct listener *listeners; /* this worker's own sockets; they stay the caller's to close, after worker_join */
	size_t listener_count;
	struct generations *generations;
	struct cache *cache;
	struct failures *failures;	/* shared by all workers, as the cache is */
	struct inflight *inflight;	/* shared by all workers */
	struct tcp_seats *tcp_seats;	/* shared by all workers */
	struct siphash_key cookie_seed; /* the same in all workers */
	struct limit *limit;		/* shared by all workers */
	struct loop *loop;		/* shared by all workers */
	struct frames_seat *frames;	/* this worker\'s own; the reader is the caller\'s */
	struct tap *tap, *away;		/* this worker's own; the reader is the caller's */
	bool has_successor;		/* what is not read when it ends, another process will read (listen/handed.h) */
	struct worker *const *workers;	/* all of them, by index, for answers that wait on another's ask */
};

struct worker;
MUST_CHECK struct worker *worker_create(const struct worker_config *config, struct err *err);
MUST_CHECK bool worker_start(struct worker *w, struct err *err);
void worker_nudge(struct worker *w); /* any thread: wake its loop, so that it adopts the newest world and ticks */
void worker_stop(struct worker *w);  /* ask it to end: stops reading, lets answers go out, at most 1.1 s */
void worker_join(struct worker *w);
void worker_destroy(struct worker *w);				/* after worker_join */
const struct counters *worker_counters(const struct worker *w); /* any thread */

#endif
