/* SPDX-License-Identifier: BSD-2-Clause
 *
 * lane.h - a pool's own side of one server: what of the pool is out to it or about to go. Made when the server is first asked, and
 * let go of when idle at a reload. Inside daemon/upstream only; the pool's worker thread. */
#ifndef SARING_UPSTREAM_LANE_H
#define SARING_UPSTREAM_LANE_H

#include "base/base.h"
#include "upstream/cookies.h"
#include "upstream/health.h"
#include "upstream/port.h"

#include <sys/queue.h>

/* Attempts out to one server from one worker. Beyond, the one that is out for longest makes room, when it has had its time. */
#define LANE_OPEN_MAX 2048
#define LANE_BUCKETS 32

struct attempt;
TAILQ_HEAD(attempt_queue, attempt);

struct lane {
	LIST_ENTRY(lane) link;	  /* of its bucket */
	struct server *server;	  /* a reference */
	size_t open;		  /* attempts out to it, by UDP and TCP */
	struct attempt_queue out; /* these, the oldest first */
	struct port_list ports;	  /* the youngest first */
	size_t port_count;
	bool waits; /* it is on the list of those that have a queue */
	STAILQ_ENTRY(lane) dirty;
	struct attempt_queue queue; /* to go by UDP at the end of this turn */
	struct cookies cookies;
};
LIST_HEAD(lane_list, lane);
STAILQ_HEAD(lane_queue, lane);

struct lanes {
	struct lane_list buckets[LANE_BUCKETS];
};

void lanes_init(struct lanes *lanes);
void lanes_finish(struct lanes *lanes); /* nothing is open any more */
/* NULL: no memory. */
MUST_CHECK struct lane *lane_of(struct lanes *lanes, struct server *server);
/* After a reload: those that nothing is out on go, as their servers may have gone; the others draw a new cookie. */
void lanes_sweep(struct lanes *lanes);

#endif
