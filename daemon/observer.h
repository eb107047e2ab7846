/* SPDX-License-Identifier: BSD-2-Clause
 *
 * observer.h - what becomes of the facts that workers tell: hits of entries (observe/hits.h) and the traffic of the last day
 * (observe/traffic.h). Main thread.
 *
 * A fact names its entry by a rule of the world it was judged by. That world's policy is still there when the fact is looked at:
 * the rings are emptied before a policy is closed (generations_before_close), and by then every worker has told all that it judged
 * by it. */
#ifndef SARING_OBSERVER_H
#define SARING_OBSERVER_H

#include "base/base.h"
#include "generation.h"
#include "observe/hits.h"
#include "observe/tap.h"
#include "observe/traffic.h"
#include "policy/ident.h"

#define OBSERVER_SAVE_S                                                                                                           \
	600		     /* so much of the hits a crash may lose; the table then says that it is inexact since the next start \
			      */
#define OBSERVER_FILE "hits" /* in the state directory */

struct observer_config {
	unsigned workers;
	struct generations *generations;
	const char *state; /* directory; NULL: hits are not kept, in tests */
};

struct observer;
/* Reads the hits of an earlier run; a file that is damaged is told of, and counting begins anew. */
MUST_CHECK struct observer *observer_create(const struct observer_config *config);
/* Takes NULL. Workers tell nothing any more, and no policy was closed since they stopped. Saves. */
void observer_destroy(struct observer *o);
struct tap *observer_tap(struct observer *o, unsigned worker);

/* Take what the workers told so far; every TAP_DRAIN_MS, and before figures are read. */
void observer_drain(struct observer *o);
/* Once a second or so: saves when it is time to. */
void observer_tick(struct observer *o);

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
