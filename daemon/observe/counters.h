/* SPDX-License-Identifier: BSD-2-Clause
 *
 * counters.h - what was counted: one block for each worker, written by that worker alone, summed when somebody asks.
 * Relaxed atomics: reading costs the workers nothing. */
#ifndef SARING_OBSERVE_COUNTERS_H
#define SARING_OBSERVE_COUNTERS_H

#include "base/base.h"
#include "observe/latency.h"
#include "settings/settings.h"

#include <stdatomic.h>

/* The table. `saringctl status --json` shows the first nine as "queries", all others by their names as "counters"; saringctl(1)
 * says what each means. A new row needs no more than its line there. */
/* clang-format off */
#define COUNTERS_TABLE(X)                                                                                                    \
	/* every query counts once in TOTAL and once in exactly one of the eight that follow it */                           \
	X(TOTAL, total) X(BLOCKED, blocked) X(CACHED, cached) X(FORWARDED, forwarded) X(STALE, stale) X(LOCAL, local)        \
	X(REFUSED, refused) X(DROPPED, dropped) X(FAILED, failed)                                                            \
	/* and beside the queries: on their way */                                                                           \
	X(CACHE_HITS, cache_hits) X(CACHE_MISSES, cache_misses) X(CACHE_REFUSED, cache_refused)                              \
	X(FAILURE_HITS, failure_hits) X(COALESCED, coalesced) X(PREFETCHED, prefetched) X(SHADOWED, shadowed)                \
	X(REBIND_REFUSED, rebind_refused) X(SAFE_SEARCH, safe_search) X(PATTERNS_STOPPED, patterns_stopped)                                                                                    \
	X(TRUNCATED, truncated) X(SLOTS_FULL, slots_full) X(INFLIGHT_FULL, inflight_full)                                    \
	X(CLIENT_FULL, client_full) X(ZONE_FULL, zone_full) X(LOOPS, loops) X(LOOPED, looped)                                                                  \
	X(FACTS_LOST, facts_lost)                                                                                            \
	/* UDP clients */                                                                                                    \
	X(RXQ_DROPPED, rxq_dropped) X(SEND_FAILED, send_failed) X(RATE_SLIPPED, rate_slipped) X(RATE_DROPPED, rate_dropped)  \
	X(REFUSALS_DROPPED, refusals_dropped)                                                                                \
	/* TCP clients */                                                                                                    \
	X(TCP_ACCEPTED, tcp_accepted) X(TCP_REFUSED, tcp_refused) X(TCP_EVICTED, tcp_evicted) X(TCP_IDLE, tcp_idle)          \
	X(TCP_SLOW, tcp_slow) X(TCP_STALLED, tcp_stalled) X(TCP_AGED, tcp_aged) X(TCP_NO_ROOM, tcp_no_room)                  \
	X(TCP_ACCEPT_FAILED, tcp_accept_failed)                                                                              \
	/* upstream servers */                                                                                               \
	X(UPSTREAM_TIMEOUT, upstream_timeout) X(UPSTREAM_BAD, upstream_bad) X(UPSTREAM_MISMATCHED, upstream_mismatched)      \
	X(UPSTREAM_TCP, upstream_tcp) X(UPSTREAM_NO_SOCKET, upstream_no_socket) X(UPSTREAM_FULL, upstream_full)              \
	X(UPSTREAM_SERVER_FULL, upstream_server_full) X(UPSTREAM_COOKIE, upstream_cookie)
/* clang-format on */

enum counter {
#define X(upper, lower) COUNTER_##upper,
	COUNTERS_TABLE(X)
#undef X
	    COUNTER_COUNT
};
extern const char *const counter_names[COUNTER_COUNT]; /* "total", ... */

/* What is counted by the type asked for: these, and all others together as the first. */
/* clang-format off */
#define COUNTER_TYPES_TABLE(X)                                                                                               \
	X(A) X(AAAA) X(ANY) X(CAA) X(CNAME) X(DNSKEY) X(DS) X(HTTPS) X(MX) X(NAPTR) X(NS) X(PTR) X(SOA) X(SRV) X(SVCB)       \
	X(TLSA) X(TXT)
/* clang-format on */
enum counter_type {
	COUNTER_TYPE_OTHER,
#define X(name) COUNTER_TYPE_##name,
	COUNTER_TYPES_TABLE(X)
#undef X
	    COUNTER_TYPE_COUNT
};
extern const char *const counter_type_names[COUNTER_TYPE_COUNT]; /* "other", "A", ... */
#define COUNTER_TYPES_KNOWN 258					 /* types below it have a place here; the others are "other" */
extern const uint8_t counter_type_places[COUNTER_TYPES_KNOWN];

#define COUNTER_RCODES 32 /* BADCOOKIE, the highest that is sent, is 23 */

enum counter_transport { COUNTER_UDP, COUNTER_STREAM, COUNTER_TRANSPORT_COUNT };

#define COUNTER_ENDS (COUNTER_FAILED - COUNTER_BLOCKED + 1) /* the ways a query ends */

struct counters {
	_Alignas(64) _Atomic uint64_t values[COUNTER_COUNT];
	_Atomic uint64_t list_blocked[SETTINGS_LISTS_MAX];    /* by the stable number daemon/generation gives a list's name */
	_Atomic uint64_t list_shadowed[SETTINGS_LISTS_MAX];   /* would have blocked, were the list not in mode shadow */
	_Atomic uint64_t ticks;				      /* the worker's loop goes round: for the watchdog */
	_Atomic uint64_t transports[COUNTER_TRANSPORT_COUNT]; /* of TOTAL */
	_Atomic uint64_t types[COUNTER_TYPE_COUNT];	      /* of queries that ended, whatever became of them */
	_Atomic uint64_t rcodes[COUNTER_RCODES];	      /* of answers, as sent, the OPT's high bits included */
	struct latency durations[COUNTER_ENDS];		      /* of queries by how they ended, while there is a metrics endpoint */
};

static inline enum counter_type counter_type_of(uint16_t type)
{
	return type < COUNTER_TYPES_KNOWN ? (enum counter_type)counter_type_places[type] : COUNTER_TYPE_OTHER;
}

/* The sum of n blocks, while their owners go on counting. Any thread. */
void counters_sum(const struct counters *const *blocks, size_t n, uint64_t ret[COUNTER_COUNT]);

/* Owner thread only: it is the only writer, so that no locked instruction is needed. */
static inline void counters_bump_by(_Atomic uint64_t *value, uint64_t by)
{
	atomic_store_explicit(value, atomic_load_explicit(value, memory_order_relaxed) + by, memory_order_relaxed);
}

static inline void counters_bump(_Atomic uint64_t *value)
{
	counters_bump_by(value, 1);
}

static inline void counters_add(struct counters *c, enum counter which)
{
	counters_bump(&c->values[which]);
}

static inline void counters_add_by(struct counters *c, enum counter which, uint64_t by)
{
	counters_bump_by(&c->values[which], by);
}

#endif
