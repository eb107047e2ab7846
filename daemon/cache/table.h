/* SPDX-License-Identifier: BSD-2-Clause
 *
 * table.h - from hashes to places, read without a lock. Inside daemon/cache only.
 *
 * A bucket is a cache line of eight slots, two neighbours are a pair (which the processor's prefetcher often brings together).
 * A hash has a first bucket; when that is full its entry lies in the other of the pair, and the first counts it, so that a miss
 * reads one line unless somebody of this bucket had to go next door. Slots never move:
 *
 *	slot   63           40 39      32 31            0
 *	      |  tag, odd     | guests   | place, 0: free |	guests: in slot 0 only
 *
 * The place is where the entry begins, from the start of the mapping, in steps of eight bytes. One word says all, so that a
 * reader sees a slot before or after a change. The tag has 23 bits of the hash: another entry's line is seldom read for
 * nothing.
 *
 * With both buckets full somebody has to go: table_victim says who. Readers use table_probe and what it is made of; all else is
 * for who holds the shard's lock. */
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

/* Written out eight times the probe of a bucket is half as long. */
#ifdef __clang__
#define EACH_SLOT _Pragma("unroll")
#else
#define EACH_SLOT _Pragma("GCC unroll 8")
#endif

#define SLOT_TAG_SHIFT 40
#define SLOT_GUEST ((uint64_t)1 << 32)
#define SLOT_GUESTS_MASK ((uint64_t)0xff << 32)

/* Bits 60..63 choose the shard, 33..56 are the tag, 32 the bucket in its pair, 0..31 the pair. */
static inline uint64_t table_tag(uint64_t hash)
{
	return ((hash >> 33 & 0xffffff) | 1) << SLOT_TAG_SHIFT;
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

static inline bool table_has_tag(uint64_t slot, uint64_t tag)
{
	return (slot ^ tag) >> SLOT_TAG_SHIFT == 0;
}

static inline bool table_has_guests(const struct bucket *b)
{
	return (atomic_load_explicit(&b->slots[0], memory_order_relaxed) & SLOT_GUESTS_MASK) != 0;
}

/* table_probe from this slot of the first bucket on: for what hardly ever happens. */
_Atomic uint64_t *table_probe_rest(const struct table *t, const struct cache_key *key, size_t from, struct entry **ret);

/* The slot of key, and in ret its entry; NULL: not here. */
static inline _Atomic uint64_t *table_probe(const struct table *t, const struct cache_key *key, struct entry **ret)
{
	struct bucket *b = table_first(t, key->hash);
	uint64_t tag = table_tag(key->hash), slot = 0;
	size_t i;
	EACH_SLOT
	for (i = 0; i < BUCKET_SLOTS; i++) {
		slot = atomic_load_explicit(&b->slots[i], memory_order_acquire);
		if (UNLIKELY(table_has_tag(slot, tag)))
			break;
	}
	if (i == BUCKET_SLOTS)
		return LIKELY(!table_has_guests(b)) ? NULL : table_probe_rest(t, key, i, ret);
	struct entry *e = table_entry(t, slot);
	if (UNLIKELY(!entry_is_for(e, key)))
		return table_probe_rest(t, key, i + 1, ret);
	*ret = e;
	return &b->slots[i];
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
