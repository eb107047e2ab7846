/* SPDX-License-Identifier: BSD-2-Clause
 *
 * queue.h - queries on their way from the main thread to the thread that writes them: packed into bytes, of which so many may wait.
 *
 * There are two buffers. The main thread fills one; the writer takes it whole and leaves its own, empty one: the lock is held for a
 * copy of some hundred bytes, or for the exchange of two pointers, never while anybody waits for a disk. What has no room is
 * counted. */
#ifndef SARING_QLOG_QUEUE_H
#define SARING_QLOG_QUEUE_H

#include "base/base.h"
#include "base/buf.h"
#include "wire/name.h"

#define QUEUE_BYTES_MAX (8u << 20) /* that wait in a buffer: some 100,000 queries */
#define QUEUE_TEXT_MAX 255u	   /* of one text; longer ones are cut */

/* One query. Borrowed texts; empty ones are not known. */
struct qlog_query {
	int64_t time_us; /* since the epoch */
	uint32_t took_us;
	uint16_t port, type, rcode;
	bool blocked, answered; /* answered: rcode was sent */
	uint8_t client_len;	/* 0: not known, 4, 16 */
	uint8_t client[16];
	const struct name *name;		/* NULL: not known */
	const char *transport, *fate, *verdict; /* constants: the pointers are what is queued; verdict NULL: none */
	struct str list, entry, group, upstream;
};

/* The main thread's. */
struct queue {
	struct buf bytes;
	size_t count;
};
/* False when there is no room. */
MUST_CHECK bool queue_put(struct queue *q, const struct qlog_query *query);

/* The writer's: the first query that was put in, from *at on, which moves behind it. Texts are borrowed from bytes. False at the
 * end. */
MUST_CHECK bool queue_get(struct str bytes, size_t *at, struct qlog_query *ret, struct name *ret_name);

#endif
