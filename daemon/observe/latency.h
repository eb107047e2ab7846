/* SPDX-License-Identifier: BSD-2-Clause
 *
 * latency.h - how long things took: a histogram of fixed buckets from 50 us to 5 s, and the sum. One thread writes (latency_add),
 * or several do (latency_add_shared); any thread reads. Reading costs the writers nothing: counts are relaxed atomics that only
 * grow, and a reader adds up the counts itself, so that what it tells of one moment fits together. */
#ifndef SARING_OBSERVE_LATENCY_H
#define SARING_OBSERVE_LATENCY_H

#include "base/base.h"

#include <stdatomic.h>

#define LATENCY_BOUNDS 16
#define LATENCY_BUCKETS (LATENCY_BOUNDS + 1) /* the last holds what took longer than all bounds */

extern const uint32_t latency_bounds_us[LATENCY_BOUNDS];   /* a bucket holds what is at most its bound */
extern const char *const latency_bounds_s[LATENCY_BOUNDS]; /* the same in seconds, as text */

struct latency {
	_Atomic uint64_t counts[LATENCY_BUCKETS];
	_Atomic uint64_t sum_us;
};

/* What a reader took of one or more, added up. */
struct latency_sum {
	uint64_t counts[LATENCY_BUCKETS], sum_us;
};

unsigned latency_bucket(uint64_t us);
/* `count` things took so long. The only writer. */
void latency_add(struct latency *l, uint64_t us, uint64_t count);
/* One did; other threads may write, too. */
void latency_add_shared(struct latency *l, uint64_t us);
void latency_read(const struct latency *l, struct latency_sum *sum);

#endif
