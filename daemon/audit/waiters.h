/* SPDX-License-Identifier: BSD-2-Clause
 *
 * waiters.h - who waits for the next record of the audit log. That there is one is audit.c's to say. Main thread. */
#ifndef SARING_AUDIT_WAITERS_H
#define SARING_AUDIT_WAITERS_H

#include "base/base.h"

#define AUDIT_WAITERS_MAX 8
#define AUDIT_WAIT_S_MAX 30

struct event_base;

typedef void audit_woken(void *arg);

struct audit_waiter;
struct audit_waiters {
	struct event_base *base;
	struct audit_waiter *first; /* owned */
	size_t count;
};
void audit_waiters_init(struct audit_waiters *ws, struct event_base *base);

/* Call done when there is a record with a higher number, or after wait_s: from the event loop, once. seq: of the last there is.
 * False: too many wait. */
MUST_CHECK bool audit_waiters_add(struct audit_waiters *ws, uint64_t after_seq, uint64_t seq, int64_t wait_s, audit_woken *done,
				  void *arg);
/* There is a record of that number. */
void audit_waiters_wake(struct audit_waiters *ws, uint64_t seq);
void audit_waiters_end(struct audit_waiters *ws); /* all are called now */

#endif
