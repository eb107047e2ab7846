/* SPDX-License-Identifier: BSD-2-Clause
 *
 * share.h - who holds how much of what is scarce, so that nobody takes all of it: query slots by clients, asks under way by zones.
 * Two rows of counters, each indexed by another part of a keyed hash; the smaller of the two counts. A stranger's share can thus be
 * counted too high only by whoever hits both of its counters, and nobody knows where these are. Fixed size, no allocation. One
 * worker's own.
 *
 * The rule (share_may) is that of buffers in switches: one holder may have no more than is still free, and no more than a fixed
 * number. A single greedy one gets half of all at most, two get a third each, and some is always left for who comes next. */
#ifndef SARING_QUERY_SHARE_H
#define SARING_QUERY_SHARE_H

#include "base/base.h"
#include "base/siphash.h"

#define SHARE_CELLS 4096u /* of a row */

struct share {
	struct siphash_key key;
	uint16_t rows[2][SHARE_CELLS];
};

/* A holder's two counters. */
struct share_place {
	uint16_t at[2];
};

void share_init(struct share *s); /* draws the key */

static inline struct share_place share_place(const struct share *s, const void *bytes, size_t len)
{
	uint64_t hash = siphash13(&s->key, bytes, len);

	return (struct share_place){.at = {(uint16_t)(hash % SHARE_CELLS), (uint16_t)((hash >> 32) % SHARE_CELLS)}};
}

static inline unsigned share_held(const struct share *s, struct share_place p)
{
	return MIN(s->rows[0][p.at[0]], s->rows[1][p.at[1]]);
}

/* May it have one more, where so many are left, and nobody has more than most? */
static inline bool share_may(const struct share *s, struct share_place p, size_t left, size_t most)
{
	unsigned held = share_held(s, p);

	return held < most && held < left;
}

/* One more, at most 65535 at a time in all; and one less, once for each. */
static inline void share_take(struct share *s, struct share_place p)
{
	s->rows[0][p.at[0]]++;
	s->rows[1][p.at[1]]++;
}

static inline void share_give(struct share *s, struct share_place p)
{
	s->rows[0][p.at[0]]--;
	s->rows[1][p.at[1]]--;
}

#endif
