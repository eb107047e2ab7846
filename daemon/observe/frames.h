/* SPDX-License-Identifier: BSD-2-Clause
 *
 * frames.h - messages as they came and went, for dnstap: a ring of bytes for each worker, with one writer and one reader.
 *
 * It exists only while dnstap is on. The main thread offers it at the worker's seat; the worker takes it, or lets go of it, when
 * its next batch begins, and says so: from then on it may be freed. What has no room is counted; the worker never waits. */
#ifndef SARING_OBSERVE_FRAMES_H
#define SARING_OBSERVE_FRAMES_H

#include "base/addr.h"
#include "base/base.h"
#include "observe/tap.h"

#include <stdatomic.h>

#define FRAMES_BYTES (1u << 20) /* a power of two */

enum frame_type { FRAME_QUESTION, FRAME_ANSWER, FRAME_SKIP };
/* What policy did, and by what it was moved to; 0: nothing is to be said. As dnstap numbers them. */
enum frame_action {
	FRAME_NXDOMAIN = 1,
	FRAME_NODATA = 2,
	FRAME_PASS = 3,
	FRAME_DROP = 4,
	FRAME_TRUNCATE = 5,
	FRAME_LOCAL_DATA = 6,
};
enum frame_match { FRAME_BY_QNAME = 1, FRAME_BY_CLIENT = 2, FRAME_BY_ADDRESS = 3 };

/* Behind it: the message, the list's name, the entry, what it matched; `size` is all that, a multiple of its alignment. */
struct frame {
	uint32_t size;
	uint8_t type, via; /* enum frame_type, enum tap_via */
	uint8_t action, match;
	int64_t came_us, left_us; /* wall clock; left_us of an answer */
	uint8_t client[ADDR_WIDE_LEN], server[ADDR_WIDE_LEN];
	uint16_t client_port, server_port; /* server_port 0: the server's side is not known */
	uint16_t message_len, list_len, entry_len, value_len;
	bool has_policy;
	uint8_t privacy; /* enum privacy, of the world that it ended in: what may be told of the client. None: no frame is made */
};

struct frames {
	/* the worker's */
	_Alignas(64) uint64_t head, room_to;
	uint8_t *bytes;
	/* told by the worker */
	_Alignas(64) _Atomic uint64_t published;
	_Atomic uint64_t lost;
	/* told by the reader */
	_Alignas(64) _Atomic uint64_t drained;
	/* told by the main thread: which are wanted (bits of enum dnstap_message), and with their bytes? */
	_Atomic uint32_t messages;
	_Atomic bool whole;
};

/* A worker's place. */
struct frames_seat {
	_Atomic(struct frames *) offered; /* the main thread's */
	_Atomic(struct frames *) taken;	  /* the worker's */
};

MUST_CHECK struct frames *frames_create(void);
void frames_destroy(struct frames *f); /* takes NULL */

/* ---- the main thread ---- */

/* NULL: what was offered is withdrawn. */
static inline void frames_offer(struct frames_seat *seat, struct frames *f)
{
	atomic_store(&seat->offered, f);
}
/* After it was withdrawn: the worker has none, and takes none until one is offered anew. */
static inline bool frames_are_left(struct frames_seat *seat)
{
	return atomic_load(&seat->taken) == NULL;
}

/* ---- the worker ---- */

/* Say that offered is taken, and look again: what was withdrawn before that was said may be gone. Returns what may be used. */
static inline struct frames *frames_sit(struct frames_seat *seat, struct frames *offered)
{
	atomic_store(&seat->taken, offered);
	if (atomic_load(&seat->offered) != offered) {
		offered = NULL;
		atomic_store(&seat->taken, offered);
	}
	return offered;
}
/* When a batch begins: the ring to use until the next; NULL: none. */
static inline struct frames *frames_take(struct frames_seat *seat, struct frames *now)
{
	struct frames *offered = atomic_load_explicit(&seat->offered, memory_order_acquire);

	return LIKELY(offered == now) ? offered : frames_sit(seat, offered);
}
static inline bool frames_wants(const struct frames *f, unsigned message)
{
	return (atomic_load_explicit(&f->messages, memory_order_relaxed) >> message & 1) != 0;
}
/* Room for a frame with so many octets behind it; size is set. NULL, counted, without. frames_end tells the reader. */
MUST_CHECK struct frame *frames_begin(struct frames *f, size_t octets);
void frames_end(struct frames *f);

/* ---- the reader ---- */

/* The oldest frame, borrowed until frames_next; NULL: there is none. */
const struct frame *frames_first(const struct frames *f);
void frames_next(struct frames *f, const struct frame *first);
/* Octets behind a frame, in their order. */
static inline const uint8_t *frame_octets(const struct frame *f)
{
	return (const uint8_t *)(f + 1);
}

#endif
