/* SPDX-License-Identifier: BSD-2-Clause
 *
 * table.h - from hashes to places, read without a lock. Inside daemon/cache only.
 *
 * A bucket is a cache line of eight slots, two neighbours are a pair (which the processor's prefetcher often brings together). A
 *hash has a first bucket; when that is full its entry lies in the other of the pair, and the first counts it, so that a miss reads
 *one line unless somebody of this bucket had to go next door. Slots never move:
 *
 *	slot   63      56 55           32 31            0
 *	      | guests   |  tag, odd     | place, 0: free |	guests: in slot 0 only
 *
 * The place is where the entry begins, from the start of the mapping, in steps of eight bytes. One word says all, so that a reader
 * sees a slot before or after a change. The tag has 23 bits of the hash: another entry's line is seldom read for nothing.
 *
 * With both buckets full somebody has to go: table_victim says who. Readers use table_probe and what it is made of; all else is for
 * who holds the shard's lock. */
#ifndef SARING_CACHE_TABLE_H
#define SARING_CACHE_TABLE_H

#include "base/base.h"
#include "cache/entry.h"

#include <stdatomic.h>

#define BUCKET_SLOTS 8

struct bucket {
	_Alignas(64) _Atomic uint64_t slots[BUCKET_SLOTS];
};

struct table {
	struct bucket *buckets; /* borrowed: zeroed memory */
	uint8_t *base;		/* of places */
	uint32_t pairs;		/* of buckets */
};

#define SLOT_TAG_MASK ((uint64_t)0xffffff << 32)
#define SLOT_GUEST ((uint64_t)1 << 56)
#define SLOT_GUESTS_MASK ((uint64_t)0xff << 56)

/* Bits 60..63 choose the shard, 33..56 are the tag, 32 the bucket in its pair, 0..31 the pair. */
static inline uint64_t table_tag(uint64_t hash)
{
	return ((hash >> 33 & 0xffffff) | 1) << 32;
}

static inline struct bucket *table_first(const struct table *t, uint64_t hash)
{
	return t->buckets + ((((hash & UINT32_MAX) * t->pairs) >> 32) * 2 + (hash >> 32 & 1));
}

static inline struct bucket *table_other(const struct table *t, const struct bucket *b)
{
	return t->buckets + ((size_t)(b - t->buckets) ^ 1);
}

static inline struct entry *table_entry(const struct table *t, uint64_t slot)
{
	return (struct entry *)(void *)(t->base + (size_t)(slot & UINT32_MAX) * ENTRY_ALIGN);
}

static inline uint32_t table_place(const struct table *t, const struct entry *e)
{
	return (uint32_t)((size_t)((const uint8_t *)e - t->base) / ENTRY_ALIGN);
}

static inline _Atomic uint64_t *table_probe_bucket(const struct table *t, struct bucket *b, const struct cache_key *key,
						   struct entry **ret)
{
	uint64_t tag = table_tag(key->hash);
	for (size_t i = 0; i < BUCKET_SLOTS; i++) {
		uint64_t slot = atomic_load_explicit(&b->slots[i], memory_order_acquire);
		if (LIKELY(((slot ^ tag) & SLOT_TAG_MASK) != 0))
			continue;
		struct entry *e = table_entry(t, slot);
		if (entry_is_for(e, key)) {
			*ret = e;
			return &b->slots[i];
		}
	}
	return NULL;
}

/* The slot of key, and in ret its entry; NULL: not here. */
static inline _Atomic uint64_t *table_probe(const struct table *t, const struct cache_key *key, struct entry **ret)
{
	struct bucket *b = table_first(t, key->hash);
	_Atomic uint64_t *slot = table_probe_bucket(t, b, key, ret);
	if (slot != NULL || atomic_load_explicit(&b->slots[0], memory_order_relaxed) < SLOT_GUEST)
		return slot;
	return table_probe_bucket(t, table_other(t, b), key, ret);
}

/* The slot that links this very entry; NULL: none does any more. */
_Atomic uint64_t *table_slot_of(const struct table *t, const struct entry *e);
/* The slot links e from now, which is the same key's. */
void table_relink(const struct table *t, _Atomic uint64_t *slot, const struct entry *e);
/* False when both buckets are full. */
MUST_CHECK bool table_link(const struct table *t, const struct entry *e);
/* slot is linked. */
void table_unlink(const struct table *t, _Atomic uint64_t *slot);
/* When both of the hash's buckets are full: one of their slots. Entries that nobody asked for lately go first, and of those the
 * ones that lie before `proven`, so that a scan does not push the others out. */
_Atomic uint64_t *table_victim(const struct table *t, uint64_t hash, const uint8_t *proven);

#endif
