/* SPDX-License-Identifier: BSD-2-Clause
 *
 * loop.h - servers that ask each other in a circle, we among them. Such a question ends by itself, as an equal one under way is
 * waited for and not asked again (inflight.h); but each ends only when the time is over. So a circle is looked for and remembered:
 *
 *   suspected  a question like one of ours under way comes from the host of an upstream server; or one that two and more waited for
 *              got no answer in time. Either may be chance: other clients live on that host, and clients ask again.
 *   probed     a name that nobody else knows, of the same servers' business, is asked the usual way, seldom (LOOP_PROBE_*_MS). Who
 *              has it comes to us with it.
 *   proved     it came back: counted, logged, and for LOOP_KNOWN_MS a question from that host that is under way already is refused
 *              at once, which ends it for all in the circle.
 *
 * One for all workers; what is looked at for each question that waits is atomic, the rest has a lock. The functions that take a
 * service are its worker's. */
#ifndef SARING_QUERY_LOOP_H
#define SARING_QUERY_LOOP_H

#include "base/base.h"
#include "cache/cache.h"
#include "query/inflight.h"

#define LOOP_KNOWN_MS 60000
#define LOOP_PROBE_LIFE_MS 5000	 /* later, and more than once, it proves nothing */
#define LOOP_PROBE_MIN_MS 1000	 /* from one probe to the next; twice that after each that did not come back ... */
#define LOOP_PROBE_MAX_MS 600000 /* ... up to this */

struct query;
struct service;
struct loop; /* opaque */
MUST_CHECK struct loop *loop_create(void);
void loop_destroy(struct loop *l);

/* q asks for the probe that is out: there is a circle. The caller refuses it. */
MUST_CHECK bool loop_is_probe(struct service *s, const struct query *q);
/* q, parked as waiter, waits for an equal question under way. True: it came round a circle that is known, and is to be refused. */
MUST_CHECK bool loop_joined(struct service *s, const struct query *q, const struct inflight_waiter *waiter);
/* So many waited for key, and nobody answered in time. */
void loop_timed_out(struct service *s, const struct cache_key *key, size_t waiters);
/* A circle was seen of late: what fails may fail for that. */
MUST_CHECK bool loop_is_known(const struct service *s);

#endif
