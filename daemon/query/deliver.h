/* SPDX-License-Identifier: BSD-2-Clause
 *
 * deliver.h - what an ask came to reaches the queries that wait for it: here, and by the mailbox on other workers (mailbox.h). And
 * what else ends a wait: the client response timer, and the end of the worker.
 *
 * A query that waited is judged again first: an entry added meanwhile is in force (house law 3). The
 * worker's thread. Nothing here fails: whom an outcome cannot be carried to, for want of memory, asks again. */
#ifndef SARING_QUERY_DELIVER_H
#define SARING_QUERY_DELIVER_H

#include "base/base.h"
#include "query/query.h"

/* The ask for key has ended: whoever waits for it in the registry gets the outcome, on whatever worker. r: of POOL_ANSWER, borrowed
 * until the call returns. Within a batch. Queries that were parked may be gone afterwards, and their slots another's. */
void deliver_all(struct service *s, const struct cache_key *key, enum pool_outcome outcome, const struct response *r);
/* Answers other workers' asks brought for queries here. Within a batch. */
void service_drain(struct service *s);
/* The client response timer fired (RFC 8767 §5): give stale answers to those who waited long enough. Begins a batch of its own. */
void service_stale_due(struct service *s);
/* The worker ends: whoever still waits is answered by what has expired, or that there is no answer now. In a batch. */
void asks_give_up(struct service *s);

#endif
