/* SPDX-License-Identifier: BSD-2-Clause
 *
 * review.h - entries whose `review` date passes: said once in the log, and counted for those who ask. It changes nothing of what is
 * in force. Looked at each second, as the clock may be set and the policy replaced; a look at a date not yet come costs nothing.
 * Main thread. */
#ifndef SARING_REVIEW_H
#define SARING_REVIEW_H

#include "base/base.h"
#include "policy/review.h"
#include "settings/settings.h"

#include <jansson.h>

#define REVIEW_LINES_MAX 20 /* in the log, of those whose date comes in the same second; the rest is counted */

struct review;
MUST_CHECK struct review *review_create(int64_t now_s); /* what was due by then is told once, as a number */
void review_destroy(struct review *review);		/* takes NULL */
/* serial: changes when the policy does. */
void review_tick(struct review *review, const struct policy *policy, uint64_t serial, int64_t now_s);
/* Entries in force, or on trial, that are due. */
size_t review_due(struct review *review, const struct policy *policy, uint64_t serial, int64_t now_s);
/* Put "review_due" into each object of an array that has the "name" of a list of the policy. */
void review_annotate(const struct policy *policy, json_t *lists, int64_t now_s);

#endif
