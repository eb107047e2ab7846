/* SPDX-License-Identifier: BSD-2-Clause
 *
 * shard.h - one shard of the cache: a hash table of entries, their SIEVE queue, and the bytes they take. Inside daemon/cache only.
 *
 * Every function but shard_init and shard_finish wants the shard's lock held. A shard never holds more than its limit: an entry is
 * let in only after enough others went, and the table is sized once for the limit, so that nothing has to grow while serving.
 *
 * SIEVE (Zhang et al., NSDI 2024): new entries join at the newest end; a hit only sets a bit; the hand walks from oldest to newest,
 * takes the bit from those that have it and evicts the first that has not. One-hit names go first, hot ones are never moved. */
#ifndef SARING_CACHE_SHARD_H
#define SARING_CACHE_SHARD_H

#include "base/base.h"
#include "cache/cache.h"

#include <pthread.h>

/* One allocation: this head, then the places (TTLs, then targets), then the name, then the body. */
struct entry {
	struct entry *chain;	     /* next in the same bucket */
	struct entry *newer, *older; /* SIEVE queue */
	uint64_t hash;
	int64_t stored_ms;
	uint32_t ttl_s;
	uint32_t hits;
	uint32_t body_len;
	uint16_t type, class, flags;
	uint16_t ancount, nscount, arcount;
	uint16_t ttl_count, target_count;
	uint8_t name_len;
	bool dnssec_ok, checking_disabled;
	bool visited;	    /* since the hand last passed */
	bool prefetch_said; /* to one caller: once is enough */
	uint16_t places[];
};

/* What the shards must know of struct cache_config, so that it is read under their lock. */
struct shard_rules {
	int64_t min_ttl_s, max_ttl_s, max_negative_ttl_s, serve_stale_s;
	bool prefetch;
};

struct shard {
	_Alignas(64) pthread_mutex_t lock;
	struct entry **buckets; /* owned; NULL when the shard is off */
	size_t bucket_count;	/* a power of two */
	struct entry *newest, *oldest, *hand;
	uint64_t limit, used; /* bytes, the table and malloc's own included */
	uint64_t entries, evictions, insertions;
	struct shard_rules rules;
};

#define SHARD_LIMIT_MIN 1024	   /* a shard smaller than this is off */
#define SHARD_BYTES_PER_BUCKET 256 /* about what a small answer takes */
#define SHARD_NO_TIME INT64_MIN	   /* for shard_make_room: no entry counts as dead */

void shard_init(struct shard *s);
void shard_finish(struct shard *s);

/* What malloc takes for a block of this size (glibc: a header, 16-byte steps; whole pages from its mmap threshold on). */
uint64_t shard_alloc_cost(size_t size);
/* Make the limit this; entries over it go, and the table is made anew. */
void shard_set_limit(struct shard *s, uint64_t limit);

struct entry *shard_find(const struct shard *s, const struct cache_key *key, uint64_t hash);
void shard_remove(struct shard *s, struct entry *e); /* frees e */
/* Room for `cost` more bytes by evicting; false when the shard is too small for that at all. */
MUST_CHECK bool shard_make_room(struct shard *s, uint64_t cost, int64_t now_ms);
/* Take e in, whose cost has room. The shard owns it from now. */
void shard_insert(struct shard *s, struct entry *e);

size_t entry_size(size_t place_count, size_t name_len, size_t body_len);
const uint8_t *entry_name(const struct entry *e);
const uint8_t *entry_body(const struct entry *e);
/* Past its end and past the time it may be served stale. */
bool entry_is_dead(const struct entry *e, int64_t serve_stale_s, int64_t now_ms);

#endif
