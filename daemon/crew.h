/* SPDX-License-Identifier: BSD-2-Clause
 *
 * crew.h - the workers as one: made, started, woken and stopped together, with what is shared by them and by nobody else. One
 * worker is worker.h's; whether all of them go round is lifesigns.h's to watch. Main thread. */
#ifndef SARING_CREW_H
#define SARING_CREW_H

#include "base/base.h"
#include "base/err.h"
#include "cache/cache.h"
#include "cache/failures.h"
#include "generation.h"
#include "listen/sockets.h"
#include "observe/counters.h"
#include "observer.h"
#include "outlets.h"

/* Borrowed for the crew's whole life. */
struct crew_config {
	unsigned count;		       /* of workers */
	const struct sockets *sockets; /* each has its share; they stay the caller's to close, after crew_destroy */
	bool has_successor;	       /* they outlive us (listen/handed.h) */
	struct cache *cache;
	struct failures *failures;
};

struct crew;
/* There are no workers yet: crew_nudge does nothing, and there are no counters. */
MUST_CHECK struct crew *crew_create(const struct crew_config *config);
/* Once, when a world is published: from here on it has readers. What workers tell and send goes by the last two, which are borrowed
 * until crew_stop. False: some of them may run; crew_stop is due all the same. */
MUST_CHECK bool crew_start(struct crew *c, struct generations *generations, struct observer *observer, struct outlets *outlets,
			   struct err *err);
void crew_nudge(struct crew *c, unsigned worker); /* wake its loop */
/* They let answers go out, for at most a second, and have ended when this returns; their counters are still there. Takes NULL, and
 * a crew that never started. */
void crew_stop(struct crew *c);
void crew_destroy(struct crew *c); /* takes NULL; after crew_stop */

unsigned crew_count(const struct crew *c);
/* One for each worker, as they are made; NULL until then. The array is there from crew_create on. */
const struct counters *const *crew_counters(const struct crew *c);
size_t crew_tcp_connections(const struct crew *c); /* open now */

#endif
