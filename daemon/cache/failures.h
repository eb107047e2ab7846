/* SPDX-License-Identifier: BSD-2-Clause
 *
 * failures.h - questions that could lately not be resolved, shared by all workers: they are answered SERVFAIL without asking again
 * until their time is over (RFC 9520 §3.2). Looked at where an ask would begin, so on the miss path only.
 *
 * The time is 1 s, and 2, 4, 8, 16, 30 s when the question fails again soon after it could be asked again; never near the 300 s
 * that are the most (RFC 9520 §3.2). The key is that of the cache without DO: what failed for CD=0 may do well for CD=1 (RFC 6840
 * §5.9), but whether signatures were wanted says nothing. A table of fixed size, hashed with SipHash under a random key: in a full
 * set the one that may be asked again first goes. It takes pages as it fills, at most about 2.5 MiB.
 *
 * It is no part of the cache: it is kept with cache.size 0 too, and says nothing about answers that the cache holds, stale ones
 * among them. Any thread; each shard has a lock, held for one look-up. While nothing failed for a minute, and on the way of answers
 * that came, no lock is taken and nothing is hashed. NULL in the place of the table is one that keeps nothing. Times are monotonic
 * milliseconds. */
#ifndef SARING_CACHE_FAILURES_H
#define SARING_CACHE_FAILURES_H

#include "base/base.h"
#include "cache/cache.h"

struct failures; /* opaque */

#define FAILURES_MAX 8192	     /* questions remembered */
#define FAILURES_TIME_FIRST_MS 1000  /* of the first failure; also of each while the servers are known to be down */
#define FAILURES_TIME_LAST_MS 30000  /* of the sixth in a row, and all after it */
#define FAILURES_REMEMBERED_MS 30000 /* after its time: a failure within it is one in a row */

MUST_CHECK struct failures *failures_create(void);
void failures_destroy(struct failures *f);

/* True: it failed lately and is not to be asked now. ret_ede is the code that went with it (RFC 8914: 22, 23 or 24). */
MUST_CHECK bool failures_find(struct failures *f, const struct cache_key *key, int64_t now_ms, uint16_t *ret_ede);
/* It was asked, and failed. Not for what a limit of our own refused: that says nothing about the question. While its time runs
 * nothing changes: asks that began before (of the other DO) end after, and are of the same round.
 * servers_down: all servers it could be asked of are known to be down, which is nothing about the question: then the time stays
 * the shortest, so that it is answered soon after they are back. */
void failures_note(struct failures *f, const struct cache_key *key, uint16_t ede, bool servers_down, int64_t now_ms);
/* An answer came. */
void failures_forget(struct failures *f, const struct cache_key *key, int64_t now_ms);
/* Forget name and, when subtree, all below; NULL forgets everything. Returns how many went. */
size_t failures_flush(struct failures *f, const struct name *name, bool subtree);

struct failures_stats {
	uint64_t entries; /* remembered; the time of some may be over */
	uint64_t noted;	  /* failures, since the start */
	uint64_t evicted; /* pushed out while their time ran */
};
/* Takes no lock. */
void failures_stats(const struct failures *f, struct failures_stats *ret);

#endif
