/* SPDX-License-Identifier: BSD-2-Clause
 *
 * dice.h - numbers that look random and are the same in every run, for tests that play many rounds: set random_state (not 0), and
 * what follows is told by it. For one file of a test. */
#ifndef SARING_TEST_DICE_H
#define SARING_TEST_DICE_H

#include <stdint.h>

static uint64_t random_state;

static inline uint64_t random_next(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

/* 0 to bound - 1. */
static inline unsigned below(unsigned bound)
{
	return (unsigned)(random_next() >> 20) % bound;
}

#endif
