/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cache.h - what upstreams said, shared by all workers and bounded in bytes. Policy is asked above it on every query (house law 3):
 * it never holds a blocked answer.
 *
 * An answer is kept as the bytes that follow the question in a canonical message (see upstream/distill.h), with the places of its
 * TTLs, so that a hit patches and never parses. Keys are hashed with SipHash-1-3 under a random key. A hit takes no lock, allocates
 * nothing, copies nothing, and writes only to the answer's own marks, the first time it is hit and when eviction has come by since.
 *
 * How (each file's header is its manual): shards (shard.h) have a lock for who changes them and one mapping each (store.h) in which
 * entries (entry.h) lie in two rings (ring.h) that S3-FIFO fills and empties; a table (table.h) is read without a lock; epochs
 * (epoch.h) say when bytes may be overwritten. Any thread. Times are monotonic milliseconds. */
#ifndef SARING_CACHE_CACHE_H
#define SARING_CACHE_CACHE_H

#include "base/base.h"
#include "wire/name.h"

struct cache; /* opaque */

#define CACHE_TTL_MAX_COUNT 512 /* records with a TTL in one answer; more is not cached */
#define CACHE_TARGETS_MAX 16	/* CNAME targets in one answer */

struct cache_key {
	const struct name *name; /* folded */
	uint16_t type, class;
	bool dnssec_ok, checking_disabled;
	uint32_t servers; /* which set of default servers it is asked of (upstream/pool.h); 0: those of upstream: */
	uint64_t hash;	  /* of all the above: cache_hash's */
	bool no_prefetch; /* only who may have it asked for again is told CACHE_PREFETCH, lest the one time be wasted */
};

/* Of a response's flags: its chain of CNAMEs goes on at the last target, which other servers answer for (upstream/distill.h). It
 * has no records but the links. The bit is TC's: as with that, something is missing. */
#define RESPONSE_CUT 0x0200u

/* A response, seen where it lies. body starts where the question ends; compression pointers in it count from the start of a message
 * whose header and question have the usual lengths for this name. */
struct response {
	uint16_t flags;			    /* AD, RCODE and RESPONSE_CUT bits only */
	uint16_t ancount, nscount, arcount; /* OPT not counted */
	uint16_t ttl_count;
	uint16_t target_count;
	uint16_t upstream; /* the number of the server that gave it (upstream_stats); not kept: undefined when read */
	bool negative; /* as it came: NXDOMAIN or NODATA, which a chain of CNAMEs may hide. What was kept is capped by it already */
	bool uncached; /* may be sent but not kept: a denial without SOA, more records than ttl_pos has room for */
	uint32_t ttl_s; /* how long it may be kept: from now when stored, what is left when read; 0: stale */
	uint32_t age_s; /* when read: to be taken off every TTL */
	uint32_t body_len;
	/* borrowed, all three */
	const uint16_t *ttl_pos; /* in body */
	const uint16_t *targets; /* CNAME RDATA in body, uncompressed or pointing back; in chain order */
	const uint8_t *body;
};

/* Copy what r borrows: ret_places takes its TTLs' places and then its targets', ret_body its body. They do not overlap. */
void response_copy(const struct response *r, uint16_t *ret_places, uint8_t *ret_body);

/* Room for a response that is being made. */
struct response_room {
	uint16_t ttl_pos[CACHE_TTL_MAX_COUNT];
	uint16_t targets[CACHE_TARGETS_MAX];
	uint8_t *body; /* the caller's */
	size_t body_cap;
};

struct cache_config {
	uint64_t size_bytes; /* a hard bound on all memory the cache takes; 0 = off */
	int64_t min_ttl_s, max_ttl_s, max_negative_ttl_s, serve_stale_s;
	bool prefetch;
};

MUST_CHECK struct cache *cache_create(const struct cache_config *config);
void cache_destroy(struct cache *cache);
/* After a reload: new limits hold from now. Another size_bytes gives every shard new memory: answers move over as far as they fit,
 * or all are dropped where the number of shards becomes another (below 16 MiB, at powers of two); meanwhile puts there are refused,
 * and one shard's old memory lies beside its new. The old is given back before this returns, unless a reader stays inside for very
 * long: then soon after it left, and stats.bytes counts it. By a thread that is not inside. */
void cache_configure(struct cache *cache, const struct cache_config *config);

/* A thread that reads; the worker's own. What cache_get gives is borrowed from the cache between cache_enter and cache_leave: a
 * worker enters once for a batch, and leaves before it goes back to its loop. They do not nest. */
struct cache_reader; /* opaque */
MUST_CHECK struct cache_reader *cache_reader_create(struct cache *cache);
void cache_reader_destroy(struct cache_reader *reader); /* takes NULL; before the cache goes */
void cache_enter(struct cache_reader *reader);
void cache_leave(struct cache_reader *reader);

/* Fill key->hash. The other fields are set. */
void cache_hash(const struct cache *cache, struct cache_key *key);
/* What the type makes of a hash: apart, so that the same name is hashed once for two types. Who knows it can have types of one name
 * meet in a bucket; names, of which there are many, only by the secret. */
static inline uint64_t cache_type_bits(uint16_t type)
{
	return type * UINT64_C(0x9e3779b97f4a7c15);
}
/* What the servers make of it. The same name for other servers has another hash for certain, as no two numbers give the same bits:
 * so that nothing need be kept of them where hashes are compared along with names. */
static inline uint64_t cache_servers_bits(uint32_t servers)
{
	return servers * UINT64_C(0xd6e8feb86659fd93);
}
/* The same key for another type. */
static inline struct cache_key cache_key_of_type(const struct cache_key *key, uint16_t type)
{
	struct cache_key other = *key;

	other.type = type;
	other.hash ^= cache_type_bits(key->type) ^ cache_type_bits(type);
	return other;
}
/* For a batch, inside: have the memory fetched that cache_get will touch: first for all of them the bucket, then what is in it.
 * Both may be left out. */
void cache_fetch(const struct cache *cache, uint64_t hash);
void cache_fetch_entry(const struct cache *cache, uint64_t hash);

enum cache_find { CACHE_MISS, CACHE_FRESH, CACHE_PREFETCH /* fresh, hot and near its end: ask again too */, CACHE_STALE };
/* Inside. Fills ret, borrowed until cache_leave, unless CACHE_MISS. STALE answers are given with age_s and ttl_s = 0. Never
 * allocates, takes no lock. PREFETCH is said once in an answer's life, to one of those who ask. */
enum cache_find cache_get(struct cache_reader *reader, const struct cache_key *key, int64_t now_ms, struct response *ret);
/* Keep an answer (entered or not); ttl_s and the kept copy's records are clamped by the configuration (negative ones by
 * max_negative_ttl_s, whatever min_ttl_s says). What is 0 then, uncached, or too large (a fifth of a shard, which of the default
 * 64 MiB has 4) is not kept; what was kept under the key before goes in any case. A put that would have to overwrite what a reader
 * may still see is refused and counted, never waited for: a batch can put some hundred KiB, and one that stays inside for long can
 * stop the others' puts, but not their hits. */
void cache_put(struct cache_reader *reader, const struct cache_key *key, int64_t now_ms, const struct response *response);
/* Drop name and, when subtree, all below and all whose CNAMEs lead there; NULL drops everything, and gives the memory back as
 * cache_configure does. Returns how many entries went. Puts wait for it a fraction of a millisecond, hits never. By a thread that
 * is not inside. */
size_t cache_flush(struct cache *cache, const struct name *name, bool subtree);

struct cache_stats {
	uint64_t entries;
	uint64_t bytes; /* that the cache takes from the system: what was once filled stays taken until all is flushed */
	uint64_t limit_bytes, evictions, insertions;
	uint64_t refused; /* puts that came to nothing over a reader that was inside, or a change of size */
};
/* Takes no lock. */
void cache_stats(struct cache *cache, struct cache_stats *ret);

#endif
