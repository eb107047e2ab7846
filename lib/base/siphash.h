/* SPDX-License-Identifier: BSD-2-Clause
 *
 * siphash.h - SipHash-2-4 and -1-3 (Aumasson, Bernstein): the keyed hash for tables whose keys strangers choose. Any thread. */
#ifndef SARING_BASE_SIPHASH_H
#define SARING_BASE_SIPHASH_H

#include "base/base.h"

struct siphash_key {
	uint64_t k0, k1;
};

struct siphash_key siphash_key_from(const uint8_t bytes[16]); /* as the reference does: two little-endian words */
uint64_t siphash13(const struct siphash_key *key, const void *bytes, size_t len);
uint64_t siphash24(const struct siphash_key *key, const void *bytes, size_t len);

#endif
