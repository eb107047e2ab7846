/* SPDX-License-Identifier: BSD-2-Clause
 *
 * limit.h - how often one client may: a token bucket for each prefix, shared by all workers. A second's worth may come at once.
 *
 * A client is a /24 or a /56, as whoever has one address of it may have them all (a link-local address is one by itself). The table
 * has a fixed size, hashed with SipHash under a random key; in a full set whoever has used least of his second goes: a flood from
 * addresses made up at random pushes out neither those who are held to their limit nor anything that is worth keeping. No lock and
 * no allocation: a bucket is one word, changed by compare-and-swap, and pages are touched as it fills. Any thread. */
#ifndef SARING_QUERY_LIMIT_H
#define SARING_QUERY_LIMIT_H

#include "base/addr.h"
#include "base/base.h"

#define LIMIT_CLIENTS_MAX 65536 /* buckets, of each kind */
#define LIMIT_REFUSALS_S 100	/* refusals a second to one client; saring.yaml(5) promises it */

enum limit_kind { LIMIT_QUERIES, LIMIT_REFUSALS, LIMIT_KINDS };

/* The client that an address belongs to, as a number. */
uint64_t limit_client(const struct addr *peer);

struct limit; /* opaque */
MUST_CHECK struct limit *limit_create(void);
void limit_destroy(struct limit *l);

enum limit_word {
	LIMIT_PASSES,
	LIMIT_SLIPS, /* above the rate, and the turn to be told so: every other one */
	LIMIT_DROPS, /* above the rate */
};
/* One more, of rate a second (at least 1). now_ms is monotonic. l NULL: no limit. */
MUST_CHECK enum limit_word limit_take(struct limit *l, enum limit_kind kind, uint64_t client, uint32_t rate, int64_t now_ms);

#endif
