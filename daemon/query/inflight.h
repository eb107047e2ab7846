/* SPDX-License-Identifier: BSD-2-Clause
 *
 * inflight.h - equal questions are asked once, whichever worker they came to (RFC 5452 §5: duplicates outstanding make birthday
 * attacks). A registry shared by all workers: the first worker that misses owns the ask, others wait for its answer.
 * House law 12 wants no mutex on the query path: this one lies on the miss path only, in shards, held for one hash look-up; the
 * alternative (a home worker for each name) costs most misses two hops between threads. */
#ifndef SARING_QUERY_INFLIGHT_H
#define SARING_QUERY_INFLIGHT_H

#include "base/base.h"
#include "cache/cache.h"

struct inflight; /* opaque */
MUST_CHECK struct inflight *inflight_create(void);
void inflight_destroy(struct inflight *in);

/* A query that waits: on which worker, in which slot. serial tells a slot's later tenants apart. */
struct inflight_waiter {
	uint16_t worker;
	uint32_t slot;
	uint64_t serial;
	uint64_t client; /* limit_client of who asks */
};

enum inflight_join {
	INFLIGHT_OWNER, /* nobody asks yet: the caller must ask and then call inflight_take */
	INFLIGHT_WAITS, /* joined an ask under way */
	INFLIGHT_FULL,	/* too many wait for this name, or too many names are asked: refuse */
};
#define INFLIGHT_WAITERS_MAX 4096 /* for one question; of them one client has no more than are left */
#define INFLIGHT_ENTRIES_MAX 65536
/* waiter NULL: an ask nobody waits for (a prefetch). */
enum inflight_join inflight_join(struct inflight *in, const struct cache_key *key, const struct inflight_waiter *waiter);
/* The ask has ended: the entry is gone; ret is its waiters (owned by the caller: free), in order of arrival. Returns how many. */
size_t inflight_take(struct inflight *in, const struct cache_key *key, struct inflight_waiter **ret);

#endif
