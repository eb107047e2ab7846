/* SPDX-License-Identifier: BSD-2-Clause
 *
 * counters.h - what was counted: one block for each worker, written by that worker alone, summed when somebody asks.
 * Relaxed atomics: reading costs the workers nothing. */
#ifndef SARING_OBSERVE_COUNTERS_H
#define SARING_OBSERVE_COUNTERS_H

#include "base/base.h"
#include "settings/settings.h"

#include <stdatomic.h>

/* Every query counts once in TOTAL and once in exactly one of the eight that follow it. */
/* clang-format off */
#define COUNTERS_TABLE(X)                                                                                                     \
	X(TOTAL, total)                                                                                                       \
	X(BLOCKED, blocked) X(CACHED, cached) X(FORWARDED, forwarded) X(STALE, stale) X(LOCAL, local) X(REFUSED, refused)     \
	    X(DROPPED, dropped) X(FAILED, failed) /* and beside the queries */                                                \
	    X(CACHE_HITS, cache_hits) X(CACHE_MISSES, cache_misses) X(COALESCED, coalesced) X(SHADOWED, shadowed)             \
		X(TRUNCATED, truncated) X(TCP_ACCEPTED, tcp_accepted) X(TCP_REFUSED, tcp_refused) X(TCP_TIMEOUT, tcp_timeout) \
		    X(SLOTS_FULL, slots_full) X(SEND_FAILED, send_failed) X(UPSTREAM_MISMATCHED, upstream_mismatched)         \
			X(UPSTREAM_TIMEOUT, upstream_timeout) X(UPSTREAM_TCP, upstream_tcp) X(UPSTREAM_BAD, upstream_bad)     \
			    X(PREFETCHED, prefetched) X(UPSTREAM_NO_SOCKET, upstream_no_socket) X(UPSTREAM_FULL, upstream_full)   \
				X(UPSTREAM_SERVER_FULL, upstream_server_full)
/* clang-format on */

enum counter {
#define X(upper, lower) COUNTER_##upper,
	COUNTERS_TABLE(X)
#undef X
	    COUNTER_COUNT
};
extern const char *const counter_names[COUNTER_COUNT]; /* "total", ... */

struct counters {
	_Alignas(64) _Atomic uint64_t values[COUNTER_COUNT];
	_Atomic uint64_t list_blocked[SETTINGS_LISTS_MAX];  /* by the stable number daemon/generation gives a list's name */
	_Atomic uint64_t list_shadowed[SETTINGS_LISTS_MAX]; /* would have blocked, were the list not in mode shadow */
	_Atomic uint64_t ticks;				    /* the worker's loop goes round: for the watchdog */
};

/* The sum of n blocks, while their owners go on counting. Any thread. */
void counters_sum(const struct counters *const *blocks, size_t n, uint64_t ret[COUNTER_COUNT]);

/* Owner thread only: it is the only writer, so that no locked instruction is needed. */
static inline void counters_bump(_Atomic uint64_t *value)
{
	atomic_store_explicit(value, atomic_load_explicit(value, memory_order_relaxed) + 1, memory_order_relaxed);
}

static inline void counters_add(struct counters *c, enum counter which)
{
	counters_bump(&c->values[which]);
}

#endif
