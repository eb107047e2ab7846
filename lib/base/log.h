/* SPDX-License-Identifier: BSD-2-Clause
 *
 * log.h - the daemon's and tools' own log: "event key=value ..." lines to stderr, or to the journal when stderr is it.
 *
 * lib/ (but this) and config/ never log. Lines that a stranger's packet can cause go through log_limited. errno is preserved.
 * Any thread: a line is one write. Query data goes to the query log, never here. */
#ifndef SARING_BASE_LOG_H
#define SARING_BASE_LOG_H

#include "base/base.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

void log_open(const char *program,
	      enum log_level level); /* picks the sink: "<N>" prefixes under the journal, else time and level */
void log_set_level(enum log_level level);
void log_error(const char *fmt, ...) PRINTF_LIKE(1, 2);
void log_warning(const char *fmt, ...) PRINTF_LIKE(1, 2);
void log_info(const char *fmt, ...) PRINTF_LIKE(1, 2);
void log_debug(const char *fmt, ...) PRINTF_LIKE(1, 2);

/* At most one line in interval_ms for this place; the next one says how many were swallowed.
 *     static struct log_limit limit = {.interval_ms = 60000};
 *     log_limited(&limit, LOG_LEVEL_WARNING, "accept.failed error=\"%s\"", strerror(errno)); */
struct log_limit {
	int64_t interval_ms;
	_Atomic int64_t next_ms;
	_Atomic uint64_t swallowed;
};
void log_limited(struct log_limit *limit, enum log_level level, const char *fmt, ...) PRINTF_LIKE(3, 4);

#endif
