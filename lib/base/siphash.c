/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/siphash.h"

struct sip {
	uint64_t v0, v1, v2, v3;
};

static inline uint64_t rotl(uint64_t x, unsigned bits)
{
	return x << bits | x >> (64 - bits);
}

static inline void rounds(struct sip *s, unsigned count)
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

/* Little-endian whatever the machine is; compilers make one load of it. */
static inline uint64_t load(const uint8_t *p, size_t len)
{
	uint64_t v = 0;
	for (size_t i = 0; i < len; i++)
		v |= (uint64_t)p[i] << (8 * i);
	return v;
}

static inline uint64_t siphash(const struct siphash_key *key, const uint8_t *p, size_t len, unsigned c, unsigned d)
{
	struct sip s = {
	    .v0 = key->k0 ^ 0x736f6d6570736575u,
	    .v1 = key->k1 ^ 0x646f72616e646f6du,
	    .v2 = key->k0 ^ 0x6c7967656e657261u,
	    .v3 = key->k1 ^ 0x7465646279746573u,
	};
	size_t left = len;
	for (; left >= 8; p += 8, left -= 8) {
		uint64_t m = load(p, 8);
		s.v3 ^= m;
		rounds(&s, c);
		s.v0 ^= m;
	}
	uint64_t last = (uint64_t)len << 56 | load(p, left);
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
