/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pool.h - a worker's way to the upstream servers: choose, ask, wait, retry, give up. RFC 5452, 7766, 6891; 0x20.
 *
 * Each worker owns one pool with its own sockets, on its own event base; the state of the servers (latency, up or down) is shared
 * by all workers through struct upstreams. Asks of equal questions are the caller's to merge (query/inflight). Owner thread only,
 * but for what is marked. It never calls back from within pool_ask.
 *
 * What is asked within one turn of the event loop is sent together at its end, and answers that came together are told one call
 * after the other: a caller that collects what it sends itself saves as much. */
#ifndef SARING_UPSTREAM_POOL_H
#define SARING_UPSTREAM_POOL_H

#include "base/base.h"
#include "cache/cache.h"
#include "observe/counters.h"
#include "observe/latency.h"
#include "settings/settings.h"
#include "wire/name.h"

#include <event2/event.h>

/* The servers of one configuration: default ones and each route's, with their health. Shared by all workers; created by the main
 * thread, kept across reloads for servers that stay (so that latencies are not forgotten). Health fields are relaxed atomics. */
struct upstreams;
MUST_CHECK struct upstreams *upstreams_create(const struct settings *s, const struct endpoint *servers, size_t count,
					      const struct upstreams *old);
void upstreams_destroy(struct upstreams *u);

struct upstream_stats {
	char server[80];   /* "dns://9.9.9.9:53" as status shows it */
	uint16_t number;   /* its own over reloads, from 1; 0: so many came before that there was none left */
	const char *state; /* "up", "down", "probing" */
	const char *zone;  /* of its route; NULL: default. Borrowed from u */
	const char *group; /* the first group of clients whose own it is; NULL: nobody's own. Borrowed from u */
	uint32_t set;	   /* of that group; 0: nobody's own */
	enum strategy strategy;
	double rtt_ms;
	uint64_t sent, failed;
	struct latency_sum rtt; /* of datagrams that were answered */
};
/* Are all of the default servers at private addresses, and so one's own? Any thread. */
MUST_CHECK bool upstreams_are_own(const struct upstreams *u);
/* The labels of the zone of the route that holds name; 0: the default servers, or a route for the root. Any thread. */
MUST_CHECK unsigned upstreams_zone_labels(const struct upstreams *u, const struct name *name, uint16_t type);
/* The number of the set of servers that a group of clients has for its own, which are asked where the default ones would be; 0: it
 * has none. The same servers have the same number in all configurations, one after the other. Any thread. */
MUST_CHECK uint32_t upstreams_of_group(const struct upstreams *u, size_t group);
/* Is any of the servers that name/type would be asked of up? set: as above. Any thread. */
MUST_CHECK bool upstreams_any_up(const struct upstreams *u, const struct name *name, uint16_t type, uint32_t set);
/* A number for its routes: another with other zones, or other servers for one. Any thread. */
MUST_CHECK uint64_t upstreams_routes(const struct upstreams *u);
/* The next zone, from *at = 0 on, that is another's business in u than it was in old: of a route that only one of them has, or with
 * other servers. False when there is no other. Any thread. */
MUST_CHECK bool upstreams_changed(const struct upstreams *u, const struct upstreams *old, size_t *at, struct name *ret_zone);
/* Is this the host of one of the servers, whatever the port? Any thread. */
MUST_CHECK bool upstreams_has_host(const struct upstreams *u, const struct addr *host);
size_t upstreams_count(const struct upstreams *u);				       /* any thread */
void upstreams_stats(const struct upstreams *u, size_t i, struct upstream_stats *ret); /* any thread */

struct pool;
MUST_CHECK struct pool *pool_create(struct event_base *base, struct counters *counters, struct upstreams *u);
void pool_destroy(struct pool *pool); /* outstanding asks are forgotten without a call */
/* From now on new asks go by u; asks under way finish with the servers they have. The old struct upstreams must outlive them:
 * pool_busy_with tells. */
void pool_set_upstreams(struct pool *pool, struct upstreams *u);
/* The same from anywhere, within the pool's callbacks too: what nobody uses any more is kept until the next pool_set_upstreams. */
void pool_follow(struct pool *pool, struct upstreams *u);
const struct upstreams *pool_upstreams(const struct pool *pool); /* what new asks go by */
bool pool_busy_with(const struct pool *pool, const struct upstreams *u);

enum pool_outcome {
	POOL_ANSWER,	   /* response is what the server said, distilled: NOERROR or NXDOMAIN */
	POOL_TIMEOUT,	   /* EDE 22: nobody answered in time */
	POOL_NETWORK,	   /* EDE 23: all that was heard were network errors */
	POOL_BAD,	   /* EDE 22: only failures (SERVFAIL, REFUSED, malformed) were heard */
	POOL_NO_RESOURCES, /* a limit of ours: sockets, asks */
};
/* response is NULL unless POOL_ANSWER, and borrowed until the callback returns. The ask is gone when it is called. */
typedef void pool_callback(void *arg, enum pool_outcome outcome, const struct response *response);

#define POOL_ASKS_MAX 8192 /* outstanding in one worker; more are POOL_NO_RESOURCES */

struct pool_ask;
/* Ask `name` (folded)/type/IN of the servers responsible for it. The callback comes later, exactly once, from the event loop, at
 * the latest after the configured timeout. Returns NULL when refused by a limit (then no call comes). */
MUST_CHECK struct pool_ask *pool_ask(struct pool *pool, const struct name *name, uint16_t type, bool dnssec_ok,
				     bool checking_disabled, bool prefer_tcp, pool_callback *done, void *arg);
/* The same for a client whose group has that set of servers. */
MUST_CHECK struct pool_ask *pool_ask_of(struct pool *pool, uint32_t set, const struct name *name, uint16_t type, bool dnssec_ok,
					bool checking_disabled, bool prefer_tcp, pool_callback *done, void *arg);

#endif
