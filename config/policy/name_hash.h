/* SPDX-License-Identifier: BSD-2-Clause
 *
 * name_hash.h - the filter's hash (codec.h), inline for match_prepare.c, where every question goes through it. For config/policy.
 */
#ifndef SARING_POLICY_NAME_HASH_H
#define SARING_POLICY_NAME_HASH_H

#include <assert.h>
#include <string.h>

#include "policy/codec.h"

/* Odd constants with about as many ones as zeroes; part of the format. */
#define FOLD_NAME 0x9e3779b97f4a7c15ull
#define HASH_ROOT 0xa0761d6478bd642full
#define CHUNK 16 /* octets hashed at once */

static inline uint64_t fold(uint64_t a, uint64_t b)
{
	__extension__ typedef unsigned __int128 wide;
	wide product = (wide)a * b;
	return (uint64_t)(product >> 64) ^ (uint64_t)product;
}

/* The first n (0 to 16) of sixteen octets, as two numbers, the first octets lowest. */
struct chunk {
	uint64_t low, high;
};
extern const struct chunk chunk_masks[CHUNK + 1];

/* Sixteen octets are read. */
static inline struct chunk chunk_load(const uint8_t *p, size_t n)
{
	struct chunk c;
	memcpy(&c, p, sizeof(c));
	return (struct chunk){c.low & chunk_masks[n].low, c.high & chunk_masks[n].high};
}

/* A label and its length octet on top of the hash of what follows it: nearly always one chunk, so one multiplication. */
static inline uint64_t hash_step(uint64_t hash, struct chunk c)
{
	return fold(hash ^ c.low, FOLD_NAME ^ c.high);
}

/* ret[n]: of the suffix of n labels, and where the labels stand in wire: name->labels of them. */
static inline void name_hashes_places(const struct name *name, uint8_t *ret_places, uint64_t *ret)
{
	const unsigned count = name->labels;
	uint64_t hash = HASH_ROOT;
	size_t at = 0;
	for (unsigned i = 0; i < count; i++) {
		ret_places[i] = (uint8_t)at;
		at += 1u + name->wire[at];
	}
	ret[0] = hash;
	for (unsigned n = 1; n <= count; n++) {
		const uint8_t *label = name->wire + ret_places[count - n];
		size_t left = 1u + label[0];
		for (; UNLIKELY(left > CHUNK); left -= CHUNK, label += CHUNK)
			hash = hash_step(hash, chunk_load(label, CHUNK));
		ret[n] = hash = hash_step(hash, chunk_load(label, left));
	}
}
static_assert(NAME_SLACK >= CHUNK, "a chunk may be loaded from any place of a name");

#endif
