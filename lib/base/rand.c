/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/rand.h"

#include <stdlib.h>

static bool seeded;
static uint64_t state;

/* splitmix64: only for tests, where the same seed must give the same bytes */
static uint64_t test_next(void)
{
	uint64_t z = (state += 0x9e3779b97f4a7c15u);
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

void rand_bytes(void *buf, size_t len)
{
	if (LIKELY(!seeded)) {
		arc4random_buf(buf, len);
		return;
	}
	unsigned char *p = buf;
	for (size_t i = 0; i < len; i++)
		p[i] = (unsigned char)(test_next() >> 56);
}

uint32_t rand_u32(void)
{
	return LIKELY(!seeded) ? arc4random() : (uint32_t)(test_next() >> 32);
}

uint32_t rand_below(uint32_t bound)
{
	must(bound > 0);
	/* numbers below 2^32 mod bound would make the small results likelier: drawn again (at most every other time) */
	uint32_t floor = (uint32_t)(-bound) % bound;
	uint32_t n;
	do {
		n = rand_u32();
	} while (n < floor);
	return n % bound;
}

void rand_seed_for_test(uint64_t seed)
{
	seeded = seed != 0;
	state = seed;
}
