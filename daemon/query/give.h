/* SPDX-License-Identifier: BSD-2-Clause
 *
 * give.h - a response that is there, from the cache or from an upstream, becomes a query's answer: joined with the other parts of
 * its chain (trail.h), judged (inspect.h), and sent or blocked. The stages of the cache are here too.
 *
 * The worker's thread, within a batch. After each of these that gave something the query has had its end, or goes on under another
 * name in a slot of its own: q is not to be touched. Responses are borrowed until the call returns. */
#ifndef SARING_QUERY_GIVE_H
#define SARING_QUERY_GIVE_H

#include "base/base.h"
#include "query/answer.h"
#include "query/query.h"

/* r answers query_sought. as: what the query is counted under when nothing in it is blocked. */
void give_response(struct service *s, struct query *q, const struct response *r, enum answer_age age, enum counter as);
/* What has expired, if the cache has it for q (RFC 8767 §5). False: it has not, and q is as it was. */
bool give_stale(struct service *s, struct query *q);
/* The question seeks another name now than the one it was looked up or waited for. It is looked up anew, in a slot of its own; who
 * still answers the old one finds nobody. What is cached is given from within: no deeper than an entry's CNAME and
 * TRAIL_STEPS_MAX. */
void give_anew(struct service *s, struct query *q);

#endif
