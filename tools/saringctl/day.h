/* SPDX-License-Identifier: BSD-2-Clause
 *
 * day.h - what the last day looked like, as the daemon has counted it: its most frequent names, and a sketch that tells of any name
 * or subtree how often it was asked at most. Asked for whole, as that is bounded (some MiB at most), whatever then is looked up in
 * it. One thread. */
#ifndef SARING_SARINGCTL_DAY_H
#define SARING_SARINGCTL_DAY_H

#include "base/sketch.h"
#include "policy/terms.h"
#include "saringctl/context.h"
#include "wire/name.h"

struct day_name {
	struct name name;
	uint64_t count, error; /* asked count times at most, and no less than count - error */
	uint64_t clients;      /* about */
};

struct day {
	json_t *reply;		   /* owned */
	bool on;		   /* it is counted at all */
	const char *since, *until; /* borrowed from reply */
	uint64_t queries, clients, sampled, lost;
	struct siphash_key seed;
	struct countmin sketch;
	unsigned labels;	/* of the longest suffix in the sketch */
	struct day_name *names; /* owned; the most frequent first */
	size_t name_count;
};

/* names: the most frequent are wanted, too. False, and err, when the daemon could not be asked. day_finish it in both cases. */
MUST_CHECK bool day_load(struct context *ctx, bool names, struct day *ret, struct err *err);
void day_finish(struct day *d);
/* How many clients, about, asked any of these: numbers in d->names. Only the daemon can tell; it is asked of as many, from the
 * first on, as one request has room for (some hundreds at least). */
MUST_CHECK bool day_clients(struct context *ctx, const struct day *d, const size_t *numbers, size_t count, uint64_t *ret,
			    struct err *err);
/* So often at most an entry for that name (wire form) would have spoken. */
uint64_t day_most(const struct day *d, const uint8_t *wire, size_t len, unsigned labels, enum match match);

#endif
