/* SPDX-License-Identifier: BSD-2-Clause
 *
 * base.h - attributes and small macros every file may use. Any thread. */
#ifndef SARING_BASE_BASE_H
#define SARING_BASE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define NORETURN __attribute__((noreturn))
#define UNUSED __attribute__((unused))

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

/* Stop with a core in every build: for broken memory or broken order only, never for input. */
#define must(cond) (LIKELY(cond) ? (void)0 : base_must_failed(#cond, __FILE__, __LINE__))
NORETURN void base_must_failed(const char *cond, const char *file, int line);

/* True when something impossible was met that a packet might still bring about: the caller drops and goes on.
 * Counted process-wide; base_bugs() reads the count. */
#define unlikely_bug(cond) (UNLIKELY(cond) ? ((void)base_bug_seen(#cond, __FILE__, __LINE__), true) : false)
bool base_bug_seen(const char *cond, const char *file, int line);
uint64_t base_bugs(void);

/* Allocation for cold code that may not go on without memory: stops the process with a message. */
MUST_CHECK void *base_alloc(size_t size);	       /* zeroed */
MUST_CHECK void *base_realloc(void *old, size_t size); /* new bytes undefined */
/* The same for memory of many MiB that will be written from end to end: asks for big pages, as a fault for every 4 KiB of it costs
 * a fifth of the time. Not for what may stay partly empty. */
MUST_CHECK void *base_realloc_big(void *old, size_t size);
MUST_CHECK char *base_strdup(const char *text);

#endif
