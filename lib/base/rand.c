/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/rand.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define POOL_LEN 512 /* a system call and its ChaCha blocks for so many bytes: a query's ID, port and letters take some ten */

static bool seeded;
static uint64_t state;

/* Bytes drawn and not yet used: the last `left`. Each thread has its own, so that no lock is needed. */
static _Thread_local struct {
	size_t left;
	unsigned char bytes[POOL_LEN];
} drawn;

/* A child that goes on without exec must not use the bytes its parent uses. Only the thread that forks lives on in it. */
static void forget(void)
{
	explicit_bzero(&drawn, sizeof(drawn));
}

static void forget_on_fork(void)
{
	must(pthread_atfork(NULL, NULL, forget) == 0);
}

/* What is given out is wiped here: who reads this memory later learns nothing of what was used before. */
static void take(unsigned char *ret, size_t len)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	if (drawn.left < len) {
		must(pthread_once(&once, forget_on_fork) == 0);
		arc4random_buf(drawn.bytes, sizeof(drawn.bytes));
		drawn.left = sizeof(drawn.bytes);
	}
	unsigned char *from = drawn.bytes + sizeof(drawn.bytes) - drawn.left;
	memcpy(ret, from, len);
	explicit_bzero(from, len);
	drawn.left -= len;
}

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
	unsigned char *p = buf;
	if (UNLIKELY(seeded)) {
		for (size_t i = 0; i < len; i++)
			p[i] = (unsigned char)(test_next() >> 56);
	} else if (len <= POOL_LEN / 4) {
		take(p, len);
	} else {
		arc4random_buf(buf, len);
	}
}

uint32_t rand_u32(void)
{
	if (UNLIKELY(seeded))
		return (uint32_t)(test_next() >> 32);
	uint32_t n;
	take((unsigned char *)&n, sizeof(n));
	return n;
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
