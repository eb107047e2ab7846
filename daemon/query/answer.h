/* SPDX-License-Identifier: BSD-2-Clause
 *
 * answer.h - a query's answer as bytes: of what policy, the cache, an upstream or saring itself says. Each function writes s->out
 * and s->out_len, in the transport's room where there is one (struct via), with what the client's EDNS asks for (RFC 6891); what
 * does not fit is TC=1. Nothing is sent: that is query_finish's.
 *
 * answer.c has most of it, answer_here.c and answer_local.c what is answered here. The worker's thread, within a batch. Nothing
 * here allocates or fails. */
#ifndef SARING_QUERY_ANSWER_H
#define SARING_QUERY_ANSWER_H

#include "base/base.h"
#include "query/query.h"

void answer_rcode(struct service *s, const struct query *q, uint16_t rcode, const struct query_extra *extra);
/* Every answer but DROP and TRUNCATE; of a CNAME of LOCAL, the CNAME alone. structured: what the client gets for a text; NULL: it
 * gets the plain one. */
void answer_blocked(struct service *s, const struct query *q, const struct policy_answer *a,
		    const struct policy_structured *structured);
void answer_truncated(struct service *s, const struct query *q); /* ask again by TCP */
void answer_any(struct service *s, const struct query *q);
/* One TXT, class CHAOS, of so many character-strings; of each the first 255 octets. */
void answer_chaos(struct service *s, const struct query *q, const struct str *texts, size_t count);
/* Of a zone that is answered here, with AA. */
void answer_here(struct service *s, const struct query *q, const struct here *h);
/* NODATA of saring's own, for ttl_s. */
void answer_nothing(struct service *s, const struct query *q, uint32_t ttl_s, const struct query_extra *extra);
enum answer_age { ANSWER_AGE_FRESH, ANSWER_AGE_STALE };
/* Returns where the body of r begins in out; 0 when it did not fit and the answer is TC=1. */
size_t answer_response(struct service *s, const struct query *q, const struct response *r, enum answer_age age);
/* q was rewritten: the CNAME, or several of the operator's, and behind it r, which is the answer for the target. */
void answer_rewritten(struct service *s, const struct query *q, const struct response *r, enum answer_age age);
/* The same where the target is answered here. */
void answer_here_rewritten(struct service *s, const struct query *q, const struct here *h);
/* A response as a message that answers for its question: pointers in its body resolve. */
struct laid_out {
	const uint8_t *bytes;
	size_t len, body_at; /* len 0: it does not fit */
};
/* TTLs as sent (RFC 2181 §5.2, RFC 8767 §4): what the upstream gave, capped by the configuration, less the age; never less than the
 * time the answer itself may still be kept (min-ttl raised it). */
struct ttl_rule {
	uint32_t cap_s, age_s, least_s;
	uint32_t left_s; /* query_left_s, which nothing outlives */
	bool stale;
};
struct ttl_rule answer_ttl_rule(const struct service *s, const struct response *r, enum answer_age age, uint32_t left_s);
uint32_t answer_ttl(const struct ttl_rule *rule, uint32_t given_s);
/* r, an answer for name, in the service's own room: until the next. */
struct laid_out answer_lay_out(struct service *s, const struct name *name, const struct response *r);

#endif
