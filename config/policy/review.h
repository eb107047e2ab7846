/* SPDX-License-Identifier: BSD-2-Clause
 *
 * review.h - which entries of a policy are to be looked at again, and when: for the alarm and for those who ask. Cold path; main
 * thread. */
#ifndef SARING_POLICY_REVIEW_H
#define SARING_POLICY_REVIEW_H

#include "policy/match.h"

/* Entries that have all of this in common. */
struct policy_review {
	int64_t review_s;
	int64_t until_s; /* they end then, or were lifted; IMAGE_FOREVER: never */
	size_t entries;
	uint16_t list;					  /* of the policy */
	struct str review, authority, reference, contact; /* contact: the first; borrowed as a verdict is; NULL: not said */
};

/* How many there are, and the nth: those of the live tier first, each tier's by the date. */
size_t policy_review_count(const struct policy *policy);
void policy_review(const struct policy *policy, size_t n, struct policy_review *ret);

#endif
