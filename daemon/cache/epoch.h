/* SPDX-License-Identifier: BSD-2-Clause
 *
 * epoch.h - when may bytes be overwritten that readers without a lock might still see? Inside daemon/cache only.
 *
 * A reader says on a line of its own at which epoch it came in, and takes that back when it leaves. Who unlinks something retires
 * it: that gives a tag and starts the next epoch. Once no reader is inside that came in at the tag or before, nobody sees it any
 * more. Nobody waits for anybody: who wants bytes that are still seen goes without.
 *
 * Why it holds (C11 orders, no fences, which ThreadSanitizer does not know): a reader writes its line and then reads the epoch; a
 * writer unlinks, advances the epoch, and then reads the lines; all four are seq_cst. If the writer did not see the reader's line,
 * the reader saw the new epoch and with it all that was unlinked before. A line seen empty or later was written after the reader's
 * last look, so that overwriting happens after it. */
#ifndef SARING_CACHE_EPOCH_H
#define SARING_CACHE_EPOCH_H

#include "base/base.h"

#include <stdatomic.h>

#define EPOCH_LINE 64 /* bytes that cores pass to each other */

struct epoch_reader {
	_Alignas(EPOCH_LINE) _Atomic uint64_t at; /* 0: outside */
	_Atomic bool taken;
	struct epoch_reader *next; /* never changes once in the list */
};

struct epoch {
	_Alignas(EPOCH_LINE) _Atomic uint64_t now;
	_Atomic(struct epoch_reader *) readers; /* only ever grows; who leaves is taken again */
};

void epoch_init(struct epoch *epoch);
void epoch_finish(struct epoch *epoch); /* nobody reads any more */
MUST_CHECK struct epoch_reader *epoch_join(struct epoch *epoch);
void epoch_part(struct epoch_reader *reader);

static inline void epoch_enter(struct epoch *epoch, struct epoch_reader *reader)
{
	atomic_store(&reader->at, atomic_load_explicit(&epoch->now, memory_order_relaxed));
	(void)atomic_load(&epoch->now); /* what was unlinked before it is unlinked for us */
}

static inline void epoch_leave(struct epoch_reader *reader)
{
	atomic_store_explicit(&reader->at, 0, memory_order_release);
}

/* The reader's own thread only. */
static inline bool epoch_is_inside(const struct epoch_reader *reader)
{
	return atomic_load_explicit(&reader->at, memory_order_relaxed) != 0;
}

/* All that the caller has unlinked until now gets this tag. */
static inline uint64_t epoch_retire(struct epoch *epoch)
{
	return atomic_fetch_add(&epoch->now, 1);
}

/* What was retired with a tag below this is seen by nobody. */
MUST_CHECK uint64_t epoch_lowest(struct epoch *epoch);
/* Wait until what has this tag is seen by nobody; false when that takes too long. Never in a thread that is inside. */
MUST_CHECK bool epoch_wait(struct epoch *epoch, uint64_t tag);

#endif
