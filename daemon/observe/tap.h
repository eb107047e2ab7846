/* SPDX-License-Identifier: BSD-2-Clause
 *
 * tap.h - what a worker tells the main thread of the queries it has finished: a ring of plain facts with one writer and one reader.
 *
 * The worker records one query of N, with N as its weight; a ring that fills raises N by itself, and one that is full drops the
 * fact and counts it. The reader empties the ring every TAP_DRAIN_MS, and sets N so that it has no more to do than it should
 * (tap_adapt). At rates that the reader can follow N is 1, and what is counted by facts is exact. The worker takes no lock, no
 * memory and no system call here: a query that is not recorded costs it a decrement.
 *
 * Whoever must have every query (tap_want_every) gets another ring, which takes a burst of TAP_BURST_FACTS between all workers; N
 * stays 1 then, and what has no room is dropped and counted. The worker changes from one ring to the other at a fact whose number
 * it tells, so that neither waits: facts before it lie in the old ring, all others in the new.
 *
 * A worker has two taps: one of the queries of clients that are served, and a small one of what was turned away (refused, dropped),
 * so that strangers who send much do not make the figures of others less exact.
 *
 * Why a ring of facts, and not counters beside the entries: an image is mapped read-only and has tens of millions of names, and a
 * counter a name would be memory that every worker touches at random. Here the worker writes two lines it has just written before,
 * and all that is slow (which entry, which sketch) is another thread's. */
#ifndef SARING_OBSERVE_TAP_H
#define SARING_OBSERVE_TAP_H

#include "base/addr.h"
#include "base/base.h"
#include "wire/name.h"

#include <assert.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

#define TAP_DRAIN_MS 100
#define TAP_SLOTS_MAX 2048u /* facts that wait in one ring; a power of two, as fewer are */
#define TAP_SLOTS_MIN 256u
#define TAP_DRAIN_FACTS 320 /* so many facts, of all workers, the reader wants to see in TAP_DRAIN_MS: about 3,000 a second */
#define TAP_EVERY_MAX 1048576u
/* Where each query is wanted: 100 ms of 100,000 a second, of all workers. A worker's ring takes its share twice, as queries are not
 * spread evenly; all workers' together are 10 MiB at most up to 32 workers, and 20 MiB at 64, of which only what was used is
 * backed. */
#define TAP_BURST_FACTS 10000u
#define TAP_BURST_SLOTS_MAX 16384u
#define TAP_AWAY_PART 4 /* the tap of what was turned away has so much less room, and is looked at so much less */

enum tap_flag {
	TAP_QUERY = 1,	    /* a query has ended: of `name` by the client `address` */
	TAP_BLOCKED = 2,    /* the entry `rule` has blocked it */
	TAP_SHADOW = 4,	    /* the entry `rule`, of mode shadow, would have */
	TAP_BULK = 8,	    /* the rule is the bulk tier's */
	TAP_ALLOWED = 16,   /* the entry `rule` has let it through */
	TAP_TOLD = 32,	    /* the entry is named again: a fact of its own has told that it acted */
	TAP_BY_ANSWER = 64, /* it was judged of what an answer held: `name` is not what it is of */
	TAP_SENT = 128,	    /* an answer was sent, with `rcode` */
};

/* How the query came. */
enum tap_via { TAP_UDP, TAP_TCP, TAP_TLS, TAP_HTTPS };
extern const char *const tap_via_words[]; /* "udp", ... */

#define TAP_NO_LIST UINT16_MAX

/* One finished query, or one entry's part in it. Rule, labels and list are of the policy of that world. */
struct tap_fact {
	uint64_t world; /* serial */
	int64_t at_us;	/* wall clock, when it ended */
	uint32_t rule;
	uint32_t ttl_s;	  /* blocked: so long may the client keep it; else the first record's as sent, 0 without one */
	uint32_t weight;  /* stands for so many */
	uint32_t took_us; /* since the batch in which it came */
	uint16_t type;
	uint16_t group;	   /* of the world's settings */
	uint16_t upstream; /* the number of the server that answered (upstream_stats); 0: none did */
	uint16_t list;	   /* the rule's; TAP_NO_LIST: none */
	uint16_t port;	   /* the client's */
	uint8_t rcode;	   /* with TAP_SENT */
	uint8_t fate;	   /* enum counter; with TAP_QUERY */
	uint8_t flags, labels;
	uint8_t name_len;		/* 0: there was no question */
	uint8_t via;			/* enum tap_via */
	uint8_t address[ADDR_WIDE_LEN]; /* wide */
	uint8_t wire[NAME_LEN_MAX + 1];
};
static_assert(sizeof(struct tap_fact) == 320, "five lines, of which a usual name fills two");
static_assert(offsetof(struct tap_fact, wire) == 64, "the first has all but the name");

struct tap { // NOLINT(clang-analyzer-optin.performance.Padding): each side's own has cache lines of its own
	/* the worker's own */
	_Alignas(64) uint32_t left; /* queries until the next that is recorded, itself counted */
	uint32_t every;		    /* by which it was drawn: the weight */
	uint64_t head, room_to;	    /* written up to here; may be written up to there */
	uint64_t dice;
	struct tap_fact *slots;
	uint32_t slot_count, half, step;
	bool all; /* the ring for all is in use */
	/* fixed */
	struct tap_fact *rings[2]; /* owned: the usual one, and the one for all */
	uint32_t ring_slots[2];
	/* the reader's own */
	size_t aim;   /* facts in TAP_DRAIN_MS */
	bool crowded; /* the ring was over half full when it was emptied last: the worker has raised N by itself */
	/* told by the worker */
	_Alignas(64) _Atomic uint64_t published; /* facts ever */
	_Atomic uint64_t lost;			 /* weights of those the full ring had no room for */
	_Atomic uint64_t changed; /* twice the number of the first fact in the ring in use; odd: that is the one for all */
	/* told by the reader */
	_Alignas(64) _Atomic uint64_t drained;
	_Atomic uint32_t wanted; /* N */
	_Atomic bool want_every; /* all is to be true */
	_Atomic bool calmer;	 /* it became less, or another ring is wanted; the worker takes this back */
};

/* A ring for one of so many workers: the more there are, the smaller each, as they share what the reader wants to see. */
MUST_CHECK struct tap *tap_create(unsigned workers, uint64_t seed);
void tap_destroy(struct tap *t); /* takes NULL; neither end uses it any more */

/* ---- the worker ---- */

/* Is this query one to record? Then tap_begin must follow. */
static inline bool tap_wants(struct tap *t)
{
	return --t->left == 0;
}
/* Whatever is not the usual: N is not 1, or the ring may be half full. */
MUST_CHECK struct tap_fact *tap_begin_busy(struct tap *t);
/* Room for one fact, weight filled in; NULL, counted, when there is none. tap_end tells the reader. */
MUST_CHECK static inline struct tap_fact *tap_begin(struct tap *t)
{
	if (UNLIKELY(t->every != 1 || atomic_load_explicit(&t->wanted, memory_order_relaxed) != 1 ||
		     t->room_to - t->head <= t->half))
		return tap_begin_busy(t);
	struct tap_fact *f = &t->slots[t->head & (t->slot_count - 1)];
	t->left = f->weight = 1;
	return f;
}
static inline void tap_end(struct tap *t)
{
	atomic_store_explicit(&t->published, ++t->head, memory_order_release);
}
void tap_draw(struct tap *t); /* N anew, as the reader wants it */
/* Before a batch of queries: a count-down that a busier time drew is not waited for. */
static inline void tap_refresh(struct tap *t)
{
	if (UNLIKELY(atomic_load_explicit(&t->calmer, memory_order_relaxed)) &&
	    atomic_exchange_explicit(&t->calmer, false, memory_order_acquire))
		tap_draw(t);
}

static inline void tap_put_name(struct tap_fact *f, const struct name *name)
{
	f->name_len = name->len;
	if (LIKELY(name->len <= 48))
		memcpy(f->wire, name->wire, 48); /* longer than most, and quicker than a length that is not known */
	else
		memcpy(f->wire, name->wire, name->len);
}

static inline void tap_put_address(struct tap_fact *f, const struct addr *a)
{
	static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

	if (a->sa.sa_family == AF_INET6) {
		memcpy(f->address, &a->in6.sin6_addr, sizeof(f->address));
	} else {
		memcpy(f->address, mapped, sizeof(mapped));
		memcpy(f->address + sizeof(mapped), &a->in.sin_addr, sizeof(a->in.sin_addr));
	}
}

/* ---- the reader ---- */

/* The facts that are there now, in their order; what comes meanwhile is for the next time. */
struct tap_reading {
	uint64_t at, to, changed, queries;
};
struct tap_reading tap_read(struct tap *t);
/* The next one; NULL: that was all. Borrowed until tap_read_end. */
static inline const struct tap_fact *tap_read_peek(const struct tap *t, const struct tap_reading *r)
{
	const bool all = (r->changed & 1) == (r->at >= r->changed / 2);

	return r->at == r->to ? NULL : &t->rings[all][r->at & (t->ring_slots[all] - 1)];
}
static inline void tap_read_next(const struct tap *t, struct tap_reading *r)
{
	const struct tap_fact *f = tap_read_peek(t, r);

	if ((f->flags & TAP_QUERY) != 0)
		r->queries += f->weight;
	r->at++;
}
/* All were looked at: there is room for others. Returns how many queries they stand for. */
uint64_t tap_read_end(struct tap *t, const struct tap_reading *r);
/* N from now on, when so many queries (those lost among them) came in elapsed_ms, so that the worker's share of TAP_DRAIN_FACTS
 * comes in TAP_DRAIN_MS. */
void tap_adapt(struct tap *t, uint64_t queries, int64_t elapsed_ms);
/* Is every query to be recorded from now on? The worker follows with its next batch. */
void tap_want_every(struct tap *t, bool every);
uint64_t tap_lost(const struct tap *t); /* queries, since the beginning */
uint32_t tap_every(const struct tap *t);

#endif
