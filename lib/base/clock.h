/* SPDX-License-Identifier: BSD-2-Clause
 *
 * clock.h - the time, from one place, so that tests own it. Any thread.
 * TTLs, timeouts and rates use the monotonic clock; the wall clock is for provenance, logs and expiry dates. */
#ifndef SARING_BASE_CLOCK_H
#define SARING_BASE_CLOCK_H

#include "base/base.h"

int64_t clock_mono_ns(void);
int64_t clock_mono_ms(void);
int64_t clock_wall_s(void);
int64_t clock_wall_ms(void);
int64_t clock_wall_us(void);
/* Tests: from now on the clocks stand still at these values until set again; -1 and -1 give them back to the kernel.
 * Not to be called while other threads run. */
void clock_set_for_test(int64_t mono_ms, int64_t wall_s);

#endif
