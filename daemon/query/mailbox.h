/* SPDX-License-Identifier: BSD-2-Clause
 *
 * mailbox.h - answers that one worker's ask brought for queries that wait on another worker. Many writers, one reader; the lock is
 * held for a pointer's exchange, on the miss path only. A letter's answer is shared by all who wait for it and freed with the last.
 */
#ifndef SARING_QUERY_MAILBOX_H
#define SARING_QUERY_MAILBOX_H

#include "base/base.h"
#include "cache/cache.h"
#include "query/inflight.h"
#include "upstream/pool.h"

/* What an ask came to. What response borrows lies behind it. */
struct outcome {
	_Atomic unsigned refs;
	enum pool_outcome outcome; /* POOL_ANSWER: response is filled */
	struct response response;
	uint16_t places[]; /* TTLs, targets; then the body */
};
/* A copy of response (may be NULL unless outcome is POOL_ANSWER), with one reference. NULL when out of memory. */
MUST_CHECK struct outcome *outcome_create(enum pool_outcome outcome, const struct response *response);
void outcome_ref(struct outcome *o);
void outcome_unref(struct outcome *o);

struct letter {
	struct letter *next;
	struct inflight_waiter waiter;
	struct outcome *outcome; /* a reference */
};

struct mailbox;
MUST_CHECK struct mailbox *mailbox_create(void);
void mailbox_destroy(struct mailbox *m);
/* Any thread. Takes a reference of its own. False when out of memory: the waiter's client will ask again. */
MUST_CHECK bool mailbox_post(struct mailbox *m, const struct inflight_waiter *waiter, struct outcome *outcome);
/* All letters, oldest first; owned by the caller (letter_destroy each). */
struct letter *mailbox_take(struct mailbox *m);
void letter_destroy(struct letter *l);

#endif
