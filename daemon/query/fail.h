/* SPDX-License-Identifier: BSD-2-Clause
 *
 * fail.h - what a query gets when nobody could answer it: what has expired, or SERVFAIL that says why (RFC 8914); and what of that
 * is remembered, so that nobody is asked again so soon (RFC 9520, cache/failures.h).
 *
 * The worker's thread, within a batch. After fail_as and fail_by, and after fail_again when it says true, the query has had its
 * end. */
#ifndef SARING_QUERY_FAIL_H
#define SARING_QUERY_FAIL_H

#include "base/base.h"
#include "query/query.h"

/* SERVFAIL with what extra says, unless an expired answer can stand in. */
void fail_as(struct service *s, struct query *q, const struct query_extra *extra);
/* The same by what an ask for it came to, which was no answer (RFC 8914 §4.23, §4.24). */
void fail_by(struct service *s, struct query *q, enum pool_outcome outcome);
/* Did key fail a moment ago? Then nobody is asked again so soon (RFC 9520 §3.2), and q fails again, saying so (RFC 8914 §4.14)
 * behind why it did, since many read the first code alone. */
MUST_CHECK bool fail_again(struct service *s, struct query *q, const struct cache_key *key);
/* What an ask came to, for whoever asks the same next. A limit of ours says nothing about the question. */
void fail_note(struct service *s, const struct cache_key *key, enum pool_outcome outcome);

#endif
