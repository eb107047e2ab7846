/* SPDX-License-Identifier: BSD-2-Clause
 *
 * history.h - how many queries there were over time, and how long they took: buckets of a second for the last five minutes, of a
 * minute for a day, of an hour for thirty days.
 *
 * Counts are the workers' own counters (counters.h), looked at once a second, and so exact. How long queries took is told by facts
 * and stands for all by their weights, in a log-linear histogram: HISTORY_STEPS to each power of two of microseconds, so that a
 * percentile is told within 10 %. All rings together take HISTORY_BYTES. Minutes and hours outlive a restart by a file
 * (history_file.c). Times are wall clock; a clock that is set back leaves what lies ahead of it untold until it is reached again.
 * Main thread. */
#ifndef SARING_OBSERVE_HISTORY_H
#define SARING_OBSERVE_HISTORY_H

#include "base/base.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "observe/counters.h"

#define HISTORY_STEPS 4
#define HISTORY_OCTAVES 26 /* up to 67 s; what takes longer is in the last */
#define HISTORY_SLOTS (HISTORY_OCTAVES * HISTORY_STEPS)
#define HISTORY_FATES (COUNTER_FAILED + 1) /* COUNTER_TOTAL .. COUNTER_FAILED */
#define HISTORY_FILE_MAX ((size_t)8 << 20)

enum history_span { HISTORY_SECONDS, HISTORY_MINUTES, HISTORY_HOURS, HISTORY_SPANS };
extern const int64_t history_width_s[HISTORY_SPANS]; /* of a bucket */
extern const size_t history_buckets[HISTORY_SPANS];  /* how many there are */

struct history_bucket {
	int64_t number; /* of its width since the epoch */
	uint64_t counts[HISTORY_FATES];
	uint64_t shadowed;
	uint32_t took[HISTORY_SLOTS]; /* they stop at UINT32_MAX */
};

#define HISTORY_BYTES ((size_t)(300 + 1440 + 720) * sizeof(struct history_bucket)) /* some 1.2 MiB */

struct history;
MUST_CHECK struct history *history_create(int64_t now_s);
void history_destroy(struct history *h); /* takes NULL */
void history_reset(struct history *h, int64_t now_s);
/* The counters as they are now: what came since the last time, or since 0, is of this second. */
void history_count(struct history *h, const uint64_t counters[COUNTER_COUNT], int64_t now_s);
/* A query took so long. */
void history_took(struct history *h, uint32_t took_us, uint32_t weight, int64_t at_s);
/* Counting began then: at the start, the first start whose file was read, or the last reset. */
int64_t history_since_s(const struct history *h);

/* The bucket of that number; NULL: nothing came then, or it is too long ago. Borrowed. */
const struct history_bucket *history_at(const struct history *h, enum history_span span, int64_t number);
void history_add(struct history_bucket *into, const struct history_bucket *from);
/* So long took the fastest `part` of them: 0.5 is the median. 0: nobody knows. */
double history_percentile_us(const struct history_bucket *b, double part);

/* As bytes, with a checksum: minutes and hours. history_read takes only what is whole and sound; else NULL, and err says what is
 * not. */
void history_write(const struct history *h, struct buf *ret);
MUST_CHECK struct history *history_read(struct str bytes, struct err *err);
/* For history_read: the bucket of that number, emptied if it was another's. */
struct history_bucket *history_take(struct history *h, enum history_span span, int64_t number);
/* For history_write: whatever lies in that place; number -1: nothing. */
const struct history_bucket *history_slot(const struct history *h, enum history_span span, size_t place);

#endif
