/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cache.h - what upstreams said, shared by all workers and bounded in bytes. Policy is asked above it on every query (house law 3):
 * it never holds a blocked answer.
 *
 * An answer is kept as the bytes that follow the question in a canonical message (see upstream/distill.h), with the places of its
 * TTLs, so that a hit copies and patches and never parses. Keys are hashed with SipHash under a random key. Shards have a lock
 * each, held for a look-up and a copy; eviction is SIEVE within a shard. Any worker thread. Times are monotonic milliseconds. */
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
};

/* A response by value, in a buffer of the caller's. body starts where the question ends; compression pointers in it count from the
 * start of a message whose header and question have the usual lengths for this name. */
struct response {
	uint16_t flags;			    /* AD and RCODE bits only */
	uint16_t ancount, nscount, arcount; /* OPT not counted */
	uint16_t ttl_count;
	uint16_t target_count;
	bool negative; /* as it came: NXDOMAIN or NODATA, which a chain of CNAMEs may hide. What was kept is capped by it already */
	uint32_t ttl_s; /* how long it may be kept: from now when stored, what is left when read; 0 and below: stale */
	uint32_t age_s; /* when read: to be taken off every TTL */
	size_t body_len;
	uint16_t ttl_pos[CACHE_TTL_MAX_COUNT]; /* in body */
	struct {
		uint16_t pos;
	} targets[CACHE_TARGETS_MAX]; /* CNAME RDATA in body, uncompressed or pointing back; in chain order */
	uint8_t *body;		      /* the caller's, body_cap bytes */
	size_t body_cap;
};

struct cache_config {
	uint64_t size_bytes; /* a hard bound on all memory the cache takes; 0 = off */
	int64_t min_ttl_s, max_ttl_s, max_negative_ttl_s, serve_stale_s;
	bool prefetch;
};

MUST_CHECK struct cache *cache_create(const struct cache_config *config);
void cache_destroy(struct cache *cache);
/* After a reload: new limits hold from now; entries over a smaller size are evicted before it returns. */
void cache_configure(struct cache *cache, const struct cache_config *config);

enum cache_find { CACHE_MISS, CACHE_FRESH, CACHE_PREFETCH /* fresh, hot and near its end: ask again too */, CACHE_STALE };
/* Fills ret (body copied into its buffer) unless CACHE_MISS. STALE answers are given with age_s and ttl_s = 0. */
enum cache_find cache_get(struct cache *cache, const struct cache_key *key, int64_t now_ms, struct response *ret);
/* Keep an answer; ttl_s and the kept copy's records are clamped by the configuration (negative: by max_negative_ttl_s, whatever
 * min_ttl_s says). What is 0 then, or larger than half a shard, is not kept; what was kept under the key before goes in any case.
 */
void cache_put(struct cache *cache, const struct cache_key *key, bool negative, int64_t now_ms, const struct response *response);
/* Drop name and, when subtree, all below; NULL drops everything. Returns how many entries went. */
size_t cache_flush(struct cache *cache, const struct name *name, bool subtree);

struct cache_stats {
	uint64_t entries, bytes, limit_bytes, evictions, insertions;
};
void cache_stats(struct cache *cache, struct cache_stats *ret);

#endif
