/* SPDX-License-Identifier: BSD-2-Clause
 *
 * ask.h - questions under way to the upstreams. A query that the cache has nothing for is parked in a slot (ask_stage), joins an
 * equal question under way (inflight.h) or makes a new ask, whose outcome is remembered and handed to all who wait (deliver.h).
 * How many there may be, in all and below one zone, is bounded (share.h); what failed a moment ago is not asked again (fail.h).
 *
 * An ask is its worker's, from its start to the pool's callback. The worker's thread, within a batch where not said otherwise. */
#ifndef SARING_QUERY_ASK_H
#define SARING_QUERY_ASK_H

#include "base/base.h"
#include "query/query.h"

/* How many more may be asked at a time. */
static inline size_t asks_left(const struct service *s)
{
	return POOL_ASKS_MAX - MIN(s->ask_count, (size_t)POOL_ASKS_MAX);
}
/* Start an ask that nobody waits for. False: it is under way already, or a limit refuses it. */
bool ask_alone(struct service *s, const struct cache_key *key);
/* The same, counted: an answer about to expire. Not for what failed a moment ago. */
void ask_prefetch(struct service *s, const struct cache_key *key);
/* The pool is gone, and with it every ask under way. In a batch or not. */
void asks_forget(struct service *s);

#endif
