/* SPDX-License-Identifier: BSD-2-Clause
 *
 * sketch.h - counting much in little memory: how often (count-min) and how many different (HyperLogLog), over 64-bit hashes.
 *
 * The daemon fills them and the tool reads them, so that they stand here, and so does the way a domain name becomes hashes. Not for
 * what must be exact: each function says how far it may be off. Any thread; one owner; nothing locks. */
#ifndef SARING_BASE_SKETCH_H
#define SARING_BASE_SKETCH_H

#include "base/base.h"
#include "base/siphash.h"

/* ---- how often ----
 *
 * Never says too little. Says too much by more than 2.8 / width of all that was added with a chance of 1 in 50; conservative update
 * (Estan, Varghese 2002) makes it less in practice. */
#define COUNTMIN_DEPTH 4
struct countmin {
	uint32_t width;	  /* a power of two */
	uint32_t *counts; /* owned; COUNTMIN_DEPTH rows of width; they stop at UINT32_MAX */
};
void countmin_init(struct countmin *c, uint32_t width);
void countmin_finish(struct countmin *c);
void countmin_add(struct countmin *c, uint64_t hash, uint32_t by);
uint32_t countmin_get(const struct countmin *c, uint64_t hash);
void countmin_merge(struct countmin *into, const struct countmin *from); /* of one width and one hash */

/* ---- how many different ----
 *
 * 2^bits registers, each an octet; the standard error is 1.04 / sqrt(2^bits). */
void loglog_add(uint8_t *registers, unsigned bits, uint64_t hash);
void loglog_merge(uint8_t *into, const uint8_t *from, unsigned bits);
uint64_t loglog_estimate(const uint8_t *registers, unsigned bits);

/* The same, small: exact up to DISTINCT_FEW, then with an error of 13 %. */
#define DISTINCT_FEW 16
#define DISTINCT_BITS 6
#define DISTINCT_MANY 255
struct distinct {
	uint8_t count; /* of few, or DISTINCT_MANY: registers */
	union {
		uint32_t few[DISTINCT_FEW];
		uint8_t registers[1 << DISTINCT_BITS];
	};
};
void distinct_add(struct distinct *d, uint32_t hash); /* the upper half of a 64-bit hash */
void distinct_merge(struct distinct *into, const struct distinct *from);
uint64_t distinct_estimate(const struct distinct *d);

/* ---- names ----
 *
 * A query for a.b.example counts under example, b.example and a.b.example, and once more under a.b.example itself: so that a
 * subtree can be asked as well as a name. Suffixes of more labels than this are not counted: their ancestor bounds them. */
#define SKETCH_LABELS_MAX 8
static inline uint64_t sketch_hash(const struct siphash_key *seed, const uint8_t *wire, size_t len, bool itself)
{
	const struct siphash_key key = {seed->k0, seed->k1 ^ itself};

	return siphash13(&key, wire, len);
}

#endif
