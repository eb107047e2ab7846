/* SPDX-License-Identifier: BSD-2-Clause */
#include "observe/latency.h"

const uint32_t latency_bounds_us[LATENCY_BOUNDS] = {50,	   100,	  250,	  500,	  1000,	  2500,	   5000,    10000,
						    25000, 50000, 100000, 250000, 500000, 1000000, 2500000, 5000000};
const char *const latency_bounds_s[LATENCY_BOUNDS] = {"5e-05", "0.0001", "0.00025", "0.0005", "0.001", "0.0025", "0.005", "0.01",
						      "0.025", "0.05",	 "0.1",	    "0.25",   "0.5",   "1.0",	 "2.5",	  "5.0"};

/* By how many bits the number has: the bucket of the least of them. From there at most two bounds are to be looked at. */
static const uint8_t first_bucket[] = {0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 14, 15};

unsigned latency_bucket(uint64_t us)
{
	unsigned bits = us == 0 ? 0 : 64 - (unsigned)__builtin_clzll(us);
	unsigned i = bits < ARRAY_LEN(first_bucket) ? first_bucket[bits] : LATENCY_BOUNDS;

	while (i < LATENCY_BOUNDS && us > latency_bounds_us[i])
		i++;
	return i;
}

static void grow(_Atomic uint64_t *value, uint64_t by)
{
	atomic_store_explicit(value, atomic_load_explicit(value, memory_order_relaxed) + by, memory_order_relaxed);
}

void latency_add(struct latency *l, uint64_t us, uint64_t count)
{
	grow(&l->counts[latency_bucket(us)], count);
	grow(&l->sum_us, us * count);
}

void latency_add_shared(struct latency *l, uint64_t us)
{
	atomic_fetch_add_explicit(&l->counts[latency_bucket(us)], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&l->sum_us, us, memory_order_relaxed);
}

void latency_read(const struct latency *l, struct latency_sum *sum)
{
	for (size_t i = 0; i < LATENCY_BUCKETS; i++)
		sum->counts[i] += atomic_load_explicit(&l->counts[i], memory_order_relaxed);
	sum->sum_us += atomic_load_explicit(&l->sum_us, memory_order_relaxed);
}
