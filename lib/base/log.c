/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"

#define LOG_LINE_MAX 2048

static const char *const level_words[] = {"error", "warning", "info", "debug"};
static const char syslog_priority[] = {'3', '4', '6', '7'}; /* sd-daemon(3) */

/* The one piece of state, set at start-up before threads run; the level may change later. */
static const char *log_program;
static bool log_journal;
static _Atomic int log_threshold = LOG_LEVEL_INFO;

/* Is fd 2 the stream systemd names in JOURNAL_STREAM=DEVICE:INODE (systemd.exec(5))? A shell may have redirected it since. */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	struct stat st;
	if (stream == NULL || fstat(STDERR_FILENO, &st) != 0)
		return false;
	struct str inode = str_from(stream);
	struct str device = str_cut(&inode, ':');
	uint64_t dev, ino;
	return inode.ptr != NULL && str_to_u64(device, &dev) && str_to_u64(inode, &ino) && st.st_dev == dev && st.st_ino == ino;
}

void log_open(const char *program, enum log_level level)
{
	log_program = program;
	log_journal = stderr_is_journal();
	log_set_level(level);
}

void log_set_level(enum log_level level)
{
	atomic_store_explicit(&log_threshold, (int)level, memory_order_relaxed);
}

static bool wanted(enum log_level level)
{
	return (int)level <= atomic_load_explicit(&log_threshold, memory_order_relaxed);
}

/* What starts a line. Returns its length. */
static size_t line_head(enum log_level level, char *line, size_t size)
{
	int n;
	if (log_journal) {
		n = snprintf(line, size, "<%c>", syslog_priority[level]);
	} else {
		int64_t now_ms = clock_wall_ms();
		char time[32];
		str_from_time(now_ms / 1000, time, sizeof(time));
		n = snprintf(line, size, "%.19s.%03dZ %s%s%s: ", time, (int)(now_ms % 1000), log_program == NULL ? "" : log_program,
			     log_program == NULL ? "" : " ", level_words[level]);
	}
	return n < 0 ? 0 : MIN((size_t)n, size - 1);
}

PRINTF_LIKE(2, 0) static void put(enum log_level level, const char *fmt, va_list args, uint64_t swallowed)
{
	int saved = errno;
	char line[LOG_LINE_MAX];
	size_t len = line_head(level, line, sizeof(line));
	size_t text = len;
	int n = vsnprintf(line + len, sizeof(line) - len, fmt, args);
	len += n < 0 ? 0 : MIN((size_t)n, sizeof(line) - len - 1);
	if (swallowed > 0) {
		char tail[48];
		int tail_len = snprintf(tail, sizeof(tail), " swallowed=%llu", (unsigned long long)swallowed);
		size_t room = sizeof(line) - 1 - (size_t)tail_len;
		len = MIN(len, room);
		memcpy(line + len, tail, (size_t)tail_len);
		len += (size_t)tail_len;
	}
	/* whatever an argument held, a line stays one line and cannot drive a terminal */
	str_mask(line + text, len - text);
	line[len++] = '\n';
	ssize_t written;
	do {
		written = write(STDERR_FILENO, line, len);
	} while (written < 0 && errno == EINTR);
	errno = saved;
}

#define LOG_AT(level)                     \
	do {                              \
		if (!wanted(level))       \
			return;           \
		va_list args;             \
		va_start(args, fmt);      \
		put(level, fmt, args, 0); \
		va_end(args);             \
	} while (0)

void log_error(const char *fmt, ...)
{
	LOG_AT(LOG_LEVEL_ERROR);
}

void log_warning(const char *fmt, ...)
{
	LOG_AT(LOG_LEVEL_WARNING);
}

void log_info(const char *fmt, ...)
{
	LOG_AT(LOG_LEVEL_INFO);
}

void log_debug(const char *fmt, ...)
{
	LOG_AT(LOG_LEVEL_DEBUG);
}

void log_limited(struct log_limit *limit, enum log_level level, const char *fmt, ...)
{
	if (!wanted(level))
		return;
	/* next_ms is 0 before the first line; of the threads that meet here at its end, one wins the exchange and writes */
	int64_t now_ms = clock_mono_ms();
	int64_t next_ms = atomic_load_explicit(&limit->next_ms, memory_order_relaxed);
	if ((next_ms != 0 && now_ms < next_ms) ||
	    !atomic_compare_exchange_strong_explicit(&limit->next_ms, &next_ms, now_ms + MAX(limit->interval_ms, 1),
						     memory_order_relaxed, memory_order_relaxed)) {
		atomic_fetch_add_explicit(&limit->swallowed, 1, memory_order_relaxed);
		return;
	}
	uint64_t swallowed = atomic_exchange_explicit(&limit->swallowed, 0, memory_order_relaxed);
	va_list args;
	va_start(args, fmt);
	put(level, fmt, args, swallowed);
	va_end(args);
}
