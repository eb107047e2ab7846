/* SPDX-License-Identifier: BSD-2-Clause
 *
 * store.h - one shard's memory, a single mapping, and what goes when it is full: S3-FIFO (Yang et al., SOSP 2023). Inside
 * daemon/cache only; for who holds the shard's lock, but for store_find.
 *
 *	head | table | ghosts | small ring, a tenth | main ring
 *
 * New answers go to the small ring. At its end those asked for meanwhile move on to the main ring, the others leave and are
 * remembered by their hash: one that comes back, or replaces an answer in the main ring, goes there at once; one that replaces
 * an answer that was asked for takes its mark over. At the main ring's end those asked for lose their mark and go round again.
 * A scan therefore passes through a tenth of the memory, whatever its length. Only until the main ring was full for the first
 * time do all go there.
 *
 * Rings rather than malloc: the bound is the mapping's length and so is exact, nothing fragments, and eviction in the order of
 * memory is what lets epochs work in steps. One insertion moves at most STORE_MOVES_MAX entries; who is marked beyond that goes
 * all the same. Pages are touched as the rings first reach them; a mapping goes as a whole (flush, new size). */
#ifndef SARING_CACHE_STORE_H
#define SARING_CACHE_STORE_H

#include "base/base.h"
#include "cache/cache.h"
#include "cache/entry.h"
#include "cache/epoch.h"
#include "cache/ghost.h"
#include "cache/ring.h"
#include "cache/table.h"

#define STORE_LEN_MIN ((uint64_t)16 * 1024)		  /* less is off */
#define STORE_LEN_MAX ((uint64_t)16 * 1024 * 1024 * 1024) /* places have 32 bits */
#define STORE_MOVES_MAX 64

struct store {
	struct table table;
	uint64_t len;
	_Alignas(EPOCH_LINE) struct ring small; /* from here on readers need nothing */
	struct ring main;
	struct ghosts ghosts;
	uint64_t entries;
	/* when it is in use no more: who may still read it */
	struct store *next;
	uint64_t tag;
};

/* One change of a store. */
struct store_work {
	struct epoch *readers; /* NULL: nobody reads yet */
	int64_t now_ms, serve_stale_s;
	unsigned moves; /* left */
	uint64_t evicted;
};

/* NULL when len is too small or there is no memory: then nothing is kept. len is rounded down to pages. */
MUST_CHECK struct store *store_create(uint64_t len);
void store_destroy(struct store *s); /* takes NULL; nobody reads */

/* A reader inside its epoch, without the lock. */
static inline struct entry *store_find(const struct store *s, const struct cache_key *key)
{
	struct entry *e = NULL;
	(void)table_probe(&s->table, key, &e);
	return e;
}

/* Is an entry of this size ever let in? */
bool store_fits(const struct store *s, size_t size);
/* In place of what was kept under key. False: readers may still see the memory it would take; nothing has changed but the order of
 * things. */
MUST_CHECK bool store_put(struct store *s, struct store_work *w, const struct cache_key *key, const struct response *r,
			  struct ttl_bounds bounds);
/* Have the memory fetched that store_put will touch. */
void store_fetch(const struct store *s, uint64_t hash);
/* Forget what is kept under key. */
void store_forget(struct store *s, const struct cache_key *key);
/* Copy all that `from` has into s, which is new. */
void store_take_over(struct store *s, struct store_work *w, const struct store *from);
/* Forget what is of name in the next pairs of buckets from *pair on; returns how many. The end: *pair == s->table.pairs. */
size_t store_flush_some(struct store *s, const struct name *name, bool subtree, uint32_t *pair);
/* Bytes it takes. */
uint64_t store_bytes(const struct store *s);

#endif
