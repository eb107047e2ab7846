/* SPDX-License-Identifier: BSD-2-Clause
 *
 * impact.h - what entries would hit, were they enforced: of the last day's traffic, and of names that somebody cares for. Entries
 * go by one at a time and are not kept, so that there may be millions.
 *
 * Of queries two bounds are told. At least: what the most frequent names that are hit were asked for certain. At most: the sum of
 * what the sketch says of each entry, or those names and all that was asked besides the most frequent ones, whichever is less. One
 * thread.
 */
#ifndef SARING_SARINGCTL_IMPACT_H
#define SARING_SARINGCTL_IMPACT_H

#include "saringctl/covered.h"
#include "saringctl/day.h"

#define IMPACT_SHOWN 100 /* of each kind; the others are counted */

enum care {
	CARE_LIST_HOST, /* a list is fetched from it; text: which */
	CARE_ROUTE,	/* a zone that has servers of its own */
	CARE_PROTECTED, /* block.protect */
	CARE_COUNT
};
struct care_name {
	struct name name;
	enum care why;
	const char *list; /* borrowed; of CARE_LIST_HOST */
};

struct impact_entry {
	struct name name;
	enum match match;
	uint64_t most;
};

struct impact {
	const struct day *day; /* NULL: not known */
	struct covered covered;
	struct care_name *cares; /* owned */
	size_t care_count, care_room;
	/* entries */
	uint64_t names, left_allow, left_over, left_other;
	uint64_t sum; /* of what each may have hit */
	struct impact_entry top[IMPACT_SHOWN];
	size_t top_count;
	struct name suffixes[IMPACT_SHOWN]; /* public ones */
	size_t suffix_count;		    /* more, if need be, than there is room for */
};

void impact_init(struct impact *im, const struct day *day);
void impact_finish(struct impact *im);
/* Before the first entry. */
void impact_care(struct impact *im, const struct name *name, enum care why, const char *list);
void impact_entry(struct impact *im, const uint8_t *wire, size_t len, unsigned labels, enum match match);

/* After the last one. */
struct impact_sum {
	uint64_t least, most; /* queries */
	size_t *names;	      /* owned: numbers in day->names, the most frequent first */
	size_t name_count;
};
void impact_sum(const struct impact *im, struct impact_sum *ret);
void impact_sum_finish(struct impact_sum *s);

#endif
