/* SPDX-License-Identifier: BSD-2-Clause
 *
 * queue.h - who waits for which run of the compiler. Knows nothing of processes or time.
 *
 * One run goes on at a time. A request that comes while one is under way waits for the next: the one under way may have read the
 * files before they were changed. All that wait then are served by that one run. A run of kind REBUILD_ALL serves everybody; if it
 * fails, those who asked for the lists only are not to suffer from somebody's broken saring.yaml: they go on to a run of their own.
 * Main thread. */
#ifndef SARING_REBUILD_QUEUE_H
#define SARING_REBUILD_QUEUE_H

#include "base/base.h"
#include "base/err.h"

enum rebuild_kind {
	REBUILD_LISTS, /* the lists again, with the saring.yaml now in force */
	REBUILD_ALL,   /* saring.yaml too */
};

#define REBUILD_RESTART_MAX 8

/* What became of a request. Borrowed until the callback returns. */
struct rebuild_report {
	bool ok;
	/* when ok: what every worker now serves by */
	uint32_t generation;
	uint64_t lists, entries, in_force;
	double compile_seconds;
	const char *bulk;		       /* how the bulk tier came to be: "kept", "compiled" or "none" */
	uint64_t segments_kept, segments_made; /* lists whose text had not to be read again, and that had */
	const struct json_t *changes;	       /* what became of lists, as saring-compile says it (jobs.h); NULL: not said */
	const char *restart_needed[REBUILD_RESTART_MAX]; /* keys whose new value waits for a restart */
	size_t restart_count;
	/* when not: what was served before is still served */
	const struct err *err;
	const struct err_list *errors; /* may be empty */
};
typedef void rebuild_done(void *arg, const struct rebuild_report *report);

struct rebuild_waiter;
struct rebuild_waiters {
	struct rebuild_waiter *first, **last; /* owned */
};
struct rebuild_queue {
	bool busy;
	enum rebuild_kind kind; /* of the run under way */
	bool wanted;		/* another run is wanted after it */
	enum rebuild_kind wanted_kind;
	struct rebuild_waiters running, pending;
};

void rebuild_queue_init(struct rebuild_queue *q);
/* done may be NULL: nobody wants to know. It is called exactly once. */
void rebuild_queue_add(struct rebuild_queue *q, enum rebuild_kind kind, rebuild_done *done, void *arg);
/* Begin the next run, for all who wait now. False when one is under way or none is wanted. */
bool rebuild_queue_begin(struct rebuild_queue *q, enum rebuild_kind *ret_kind);
/* The run under way has ended: tell those it served. The callbacks may add. */
void rebuild_queue_end(struct rebuild_queue *q, const struct rebuild_report *report);
/* No run will come any more: tell everybody. */
void rebuild_queue_finish(struct rebuild_queue *q, const struct rebuild_report *report);

#endif
