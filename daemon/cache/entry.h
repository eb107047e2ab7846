/* SPDX-License-Identifier: BSD-2-Clause
 *
 * entry.h - one kept answer as it lies in a ring: a head, then the places (of TTLs, then of targets), the name, the body. Inside
 * daemon/cache only. But for its heat nothing of it changes once it is linked, so that readers need no lock. */
#ifndef SARING_CACHE_ENTRY_H
#define SARING_CACHE_ENTRY_H

#include "base/base.h"
#include "base/siphash.h"
#include "cache/cache.h"

#include <assert.h>
#include <endian.h>
#include <stdatomic.h>
#include <string.h>

#define ENTRY_ALIGN 8u

/* Bits of heat: set with relaxed operations and only when they are not set yet, so that a hot answer's line stays shared. */
#define HEAT_HIT 1u	      /* asked for once since it was put */
#define HEAT_HIT_AGAIN 2u     /* twice or more: hot enough to be prefetched */
#define HEAT_MARK 4u	      /* asked for since eviction last came by */
#define HEAT_PREFETCH_SAID 8u /* to one caller: once is enough */

#define ASKED_DNSSEC_OK 1u
#define ASKED_CHECKING_DISABLED 2u

struct entry {
	uint64_t hash;
	int64_t stored_ms;
	uint32_t ttl_s;
	uint16_t body_len;
	uint16_t type, class;
	uint16_t flags;
	uint16_t ancount, nscount, arcount;
	uint16_t ttl_count;
	uint8_t target_count;
	uint8_t name_len; /* 0: no entry, the ring goes on at its start */
	uint8_t asked;
	_Atomic uint8_t heat; /* last of the head: what is copied lies before and behind it */
	uint16_t places[];
};
static_assert(sizeof(struct entry) == 40 && offsetof(struct entry, heat) == 39, "entries are counted in bytes");
static_assert(CACHE_TARGETS_MAX <= UINT8_MAX && NAME_LEN_MAX <= UINT8_MAX, "fields of struct entry");

static inline const uint8_t *entry_name(const struct entry *e)
{
	return (const uint8_t *)(e->places + e->ttl_count + e->target_count);
}

static inline const uint8_t *entry_body(const struct entry *e)
{
	return entry_name(e) + e->name_len;
}

static inline uint8_t entry_asked(const struct cache_key *key)
{
	return (uint8_t)((key->dnssec_ok ? ASKED_DNSSEC_OK : 0u) | (key->checking_disabled ? ASKED_CHECKING_DISABLED : 0u));
}

/* Name, type, class and what else is asked, under a key of the table's own. */
uint64_t key_hash(const struct siphash_key *sip, const struct cache_key *key, uint8_t asked);

static inline uint64_t entry_word(const uint8_t *p)
{
	uint64_t word;
	memcpy(&word, p, sizeof(word));
	return le64toh(word);
}

/* By words, without a call: name has slack behind it, and in an entry something follows, the least body being a word. */
static inline bool entry_has_name(const struct entry *e, const struct name *name)
{
	const uint8_t *a = entry_name(e), *b = name->wire;
	size_t left = name->len;
	if (e->name_len != left)
		return false;
	for (; left > sizeof(uint64_t); left -= sizeof(uint64_t), a += sizeof(uint64_t), b += sizeof(uint64_t))
		if (entry_word(a) != entry_word(b))
			return false;
	return (entry_word(a) ^ entry_word(b)) << (64 - 8 * left) == 0;
}
static_assert(NAME_SLACK >= sizeof(uint64_t), "names are read by words");

/* A hash may be shared by accident; what it stands for decides. */
static inline bool entry_is_for(const struct entry *e, const struct cache_key *key)
{
	return e->hash == key->hash && e->type == key->type && e->class == key->class && e->asked == entry_asked(key) &&
	       entry_has_name(e, key->name);
}

static inline bool entry_is_marked(struct entry *e)
{
	return (atomic_load_explicit(&e->heat, memory_order_relaxed) & HEAT_MARK) != 0;
}

/* The lowest and highest TTL that may be kept. */
struct ttl_bounds {
	uint32_t low_s, high_s;
};

/* In its ring. */
size_t entry_size(const struct entry *e);
size_t entry_size_for(const struct cache_key *key, const struct response *r);
/* e has room for entry_size_for's bytes. r is sound; its records' TTLs are brought within bounds like ttl_s. */
void entry_fill(struct entry *e, const struct cache_key *key, const struct response *r, struct ttl_bounds bounds, int64_t now_ms);
/* Readers may be at `from`; nobody knows of `to` yet. The copy has the heat but for its mark. */
void entry_copy(struct entry *to, struct entry *from);
/* Past its end and past the time it may be served stale. */
bool entry_is_dead(const struct entry *e, int64_t serve_stale_s, int64_t now_ms);
/* Of name, or, when subtree, of a name below, or leading there by a CNAME. */
bool entry_is_below(const struct entry *e, const struct name *name, bool subtree);
uint32_t ttl_clamp(struct ttl_bounds bounds, uint32_t ttl_s);

#endif
