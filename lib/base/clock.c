/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/clock.h"

#include <stdatomic.h>
#include <time.h>

static _Atomic int64_t test_mono_ms = -1, test_wall_s = -1;

static int64_t now_ns(clockid_t clock)
{
	struct timespec t;
	must(clock_gettime(clock, &t) == 0);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t clock_mono_ns(void)
{
	int64_t fixed_ms = atomic_load_explicit(&test_mono_ms, memory_order_relaxed);
	return UNLIKELY(fixed_ms >= 0) ? fixed_ms * 1000000 : now_ns(CLOCK_MONOTONIC);
}

int64_t clock_mono_ms(void)
{
	return clock_mono_ns() / 1000000;
}

int64_t clock_wall_s(void)
{
	int64_t fixed_s = atomic_load_explicit(&test_wall_s, memory_order_relaxed);
	return UNLIKELY(fixed_s >= 0) ? fixed_s : now_ns(CLOCK_REALTIME) / 1000000000;
}

int64_t clock_wall_ms(void)
{
	int64_t fixed_s = atomic_load_explicit(&test_wall_s, memory_order_relaxed);
	return UNLIKELY(fixed_s >= 0) ? fixed_s * 1000 : now_ns(CLOCK_REALTIME) / 1000000;
}

int64_t clock_wall_us(void)
{
	int64_t fixed_s = atomic_load_explicit(&test_wall_s, memory_order_relaxed);
	return UNLIKELY(fixed_s >= 0) ? fixed_s * 1000000 : now_ns(CLOCK_REALTIME) / 1000;
}

void clock_set_for_test(int64_t mono_ms, int64_t wall_s)
{
	atomic_store_explicit(&test_mono_ms, mono_ms, memory_order_relaxed);
	atomic_store_explicit(&test_wall_s, wall_s, memory_order_relaxed);
}
