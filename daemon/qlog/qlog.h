/* SPDX-License-Identifier: BSD-2-Clause
 *
 * qlog.h - the query log: every finished query, or every blocked one, as a row of an SQLite file (qlog/format.h).
 *
 * The main thread puts facts into a bounded queue (queue.h); a thread of its own writes them, once a second or when many have come,
 * and removes what is too old or too much (rows.h). Nobody who serves ever waits for it: a disk that is full, slow, read-only or
 * gone costs rows, which are counted, and a line in the daemon's log when it begins and when it ends. A file that is no database
 * any more is moved aside and begun anew.
 *
 * The thread is made when the log is turned on for the first time, and rests while it is off. The functions here are the main
 * thread's. */
#ifndef SARING_QLOG_QLOG_H
#define SARING_QLOG_QLOG_H

#include "base/base.h"
#include "base/err.h"
#include "qlog/queue.h"
#include "settings/settings.h"

#include <sys/types.h>

#define QLOG_WRITE_MS 1000 /* what came is written at least so often */
#define QLOG_STOP_MS 2000  /* for what waits at the end; a disk that hangs does not keep the daemon from ending */
#define QLOG_ERROR_MAX sizeof(((struct err *)NULL)->text)

struct qlog;
/* group: of the file. */
MUST_CHECK struct qlog *qlog_create(gid_t group);
/* Takes NULL. What waits is written, as far as that does not take too long. */
void qlog_destroy(struct qlog *q);

/* The settings of the world now in force: on, off, another file, other bounds. */
void qlog_follow(struct qlog *q, const struct settings *settings);
bool qlog_is_on(const struct qlog *q);
/* One finished query; nothing while the log is off. What the settings do not want in the file is left out here. */
void qlog_take(struct qlog *q, const struct qlog_query *query);

struct qlog_info {
	bool on;
	uint64_t rows, bytes;	    /* in the file, as of the last write */
	uint64_t written;	    /* rows, since the start */
	uint64_t dropped;	    /* queries that came while the queue was full, or that could not be written at the end */
	char error[QLOG_ERROR_MAX]; /* why nothing can be written now; "": it can */
};
void qlog_info(struct qlog *q, struct qlog_info *ret);

#endif
