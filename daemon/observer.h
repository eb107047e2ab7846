/* SPDX-License-Identifier: BSD-2-Clause
 *
 * observer.h - what becomes of the facts that workers tell, in the order of their times: hits of entries (tally.h), the traffic of
 * the last day (observe/traffic.h), and whoever has subscribed. Main thread.
 *
 * A fact names its entry by a rule of the world it was judged by. That world's policy is still there when the fact is looked at:
 * the rings are emptied before a policy is closed (generations_before_close), and by then every worker has told all that it judged
 * by it. */
#ifndef SARING_OBSERVER_H
#define SARING_OBSERVER_H

#include "base/base.h"
#include "generation.h"
#include "observe/fact.h"
#include "observe/hits.h"
#include "observe/tap.h"
#include "observe/traffic.h"
#include "policy/ident.h"

struct observer_config {
	unsigned workers;
	struct generations *generations;
	const char *state; /* directory; NULL: hits are not kept, in tests */
};

struct observer;
/* Reads the hits of an earlier run (tally_create). */
MUST_CHECK struct observer *observer_create(const struct observer_config *config);
/* Takes NULL. Workers tell nothing any more, and no policy was closed since they stopped. Saves. */
void observer_destroy(struct observer *o);
struct tap *observer_tap(struct observer *o, unsigned worker);
struct tap *observer_away(struct observer *o, unsigned worker); /* for what is turned away */

/* Take what the workers told so far; every TAP_DRAIN_MS, and before figures are read. */
void observer_drain(struct observer *o);
/* Once a second or so: saves when it is time to. */
void observer_tick(struct observer *o);

#define OBSERVER_SUBSCRIBERS_MAX 16
/* Call fn(arg, fact) for each fact there is of a finished query from now on, from within observer_drain, in the
 * order of their times, as far as they were told when the drain began. What fn does is short: it keeps what it needs, and blocks
 * never. wants_every: no query is left out to spare the main thread, at any rate; what finds no room is counted (counter
 * facts_lost). Returns a handle for observer_unsubscribe, which may be called from within fn. */
typedef void observer_fact(void *arg, const struct fact *fact);
struct observer_subscriber;
MUST_CHECK struct observer_subscriber *observer_subscribe(struct observer *o, observer_fact *fn, void *arg, bool wants_every);
void observer_unsubscribe(struct observer *o, struct observer_subscriber *s); /* takes NULL */

/* What is counted of the entry of a verdict by the world of that serial; NULL: it never acted. Borrowed until the next drain. */
const struct hit *observer_find(struct observer *o, uint64_t serial, const struct policy_spoke *spoke);

struct hits *observer_hits(struct observer *o);
struct traffic *observer_traffic(struct observer *o);
struct observer_info {
	bool traffic;	/* settings want it */
	uint32_t every; /* one query of so many is recorded now, on the worker with the most to do; 1: each */
	uint64_t lost;	/* queries that were left out although they should have been recorded, since the start */
};
void observer_info(const struct observer *o, struct observer_info *ret);

#endif
