/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/siphash.h"

#include <endian.h>
#include <string.h>

struct sip {
	uint64_t v0, v1, v2, v3;
};

static inline uint64_t rotl(uint64_t x, unsigned bits)
{
	return x << bits | x >> (64 - bits);
}

__attribute__((always_inline)) static inline void rounds(struct sip *s, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		s->v0 += s->v1;
		s->v2 += s->v3;
		s->v1 = rotl(s->v1, 13) ^ s->v0;
		s->v3 = rotl(s->v3, 16) ^ s->v2;
		s->v0 = rotl(s->v0, 32);
		s->v2 += s->v1;
		s->v0 += s->v3;
		s->v1 = rotl(s->v1, 17) ^ s->v2;
		s->v3 = rotl(s->v3, 21) ^ s->v0;
		s->v2 = rotl(s->v2, 32);
	}
}

/* Little-endian whatever the machine is. Compilers make one load of neither as a loop over bytes. */
static inline uint64_t load_word(const uint8_t *p)
{
	uint64_t v;
	memcpy(&v, p, sizeof(v));
	return le64toh(v);
}

struct siphash_key siphash_key_from(const uint8_t bytes[16])
{
	return (struct siphash_key){.k0 = load_word(bytes), .k1 = load_word(bytes + 8)};
}

/* The last `left` of len bytes, fewer than a word, which end at `end`: out of the word that ends there when there is one. */
static inline uint64_t load_rest(const uint8_t *end, size_t left, size_t len)
{
	uint64_t v = 0;
	if (left == 0)
		return 0;
	if (len >= 8)
		return load_word(end - 8) >> (8 * (8 - left));
	for (size_t i = 0; i < left; i++)
		v |= (uint64_t)end[(ptrdiff_t)i - (ptrdiff_t)left] << (8 * i);
	return v;
}

__attribute__((always_inline)) static inline uint64_t siphash(const struct siphash_key *key, const uint8_t *p, size_t len,
							      unsigned c, unsigned d)
{
	struct sip s = {
	    .v0 = key->k0 ^ 0x736f6d6570736575u,
	    .v1 = key->k1 ^ 0x646f72616e646f6du,
	    .v2 = key->k0 ^ 0x6c7967656e657261u,
	    .v3 = key->k1 ^ 0x7465646279746573u,
	};
	size_t left = len;
	for (; left >= 8; p += 8, left -= 8) {
		uint64_t m = load_word(p);
		s.v3 ^= m;
		rounds(&s, c);
		s.v0 ^= m;
	}
	uint64_t last = (uint64_t)len << 56 | load_rest(p + left, left, len);
	s.v3 ^= last;
	rounds(&s, c);
	s.v0 ^= last;
	s.v2 ^= 0xff;
	rounds(&s, d);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

uint64_t siphash13(const struct siphash_key *key, const void *bytes, size_t len)
{
	return siphash(key, bytes, len, 1, 3);
}

uint64_t siphash24(const struct siphash_key *key, const void *bytes, size_t len)
{
	return siphash(key, bytes, len, 2, 4);
}
