/* SPDX-License-Identifier: BSD-2-Clause
 *
 * block.h - what a verdict of kind BLOCKED comes to: what the client gets for it, with the entry's own records, the operator's, its
 * group's answer and the extended error (RFC 8914), or under which name the question goes on. Whether there is such a verdict is
 * policy's to say (decide.c, inspect.h).
 *
 * The worker's thread, within a batch: verdicts and answers point into that batch's policy. block_answer and what takes a
 * policy_answer alone are for any thread that holds the world. Nothing here allocates or fails. */
#ifndef SARING_QUERY_BLOCK_H
#define SARING_QUERY_BLOCK_H

#include "base/base.h"
#include "query/query.h"

struct record; /* policy/records.h */

enum block_end {
	BLOCK_ENDED,	 /* answered, or dropped as the entry says */
	BLOCK_PASSES,	 /* let through: rpz-tcp-only over TCP, a CNAME to the name asked */
	BLOCK_REWRITTEN, /* q->rewrite says where the question goes on */
};
/* v is of kind BLOCKED. owns: it is of the name asked itself, not of what an answer to it held. */
MUST_CHECK enum block_end query_block(struct service *s, struct query *q, const struct verdict *v, bool owns);
/* Is what q may be told structured? Whoever cannot be sure of the answer's integrity must not act on it, so that by default only
 * clients over encrypted transports and on this machine get it. */
bool query_structured(const struct service *s, const struct query *q);
/* What is sent for a verdict of kind BLOCKED to a question for qname (folded) and qtype. owns: as policy_answer's, which this is
 * but for what HTTPS and SVCB records lead to, for the operator's own records below qname, for the group's own answer, and for its
 * schedule. */
struct block_for {
	const struct name *qname;
	uint16_t qtype, group;
	int64_t until_s; /* so long the group's lists act */
	int64_t now_s;
};
void block_answer(const struct generation *world, const struct block_for *whom, const struct verdict *v, bool owns,
		  struct policy_answer *ret);
/* The same for q. */
void query_block_answer(const struct service *s, const struct query *q, const struct verdict *v, bool owns,
			struct policy_answer *ret);
/* The CNAME among an entry's own records, with its target for q (`*.garden.` expanded). */
enum block_cname { BLOCK_CNAME_NONE, BLOCK_CNAME_FOUND, BLOCK_CNAME_TOO_LONG };
enum block_cname block_cname(const struct policy_answer *a, const struct query *q, struct name *ret_to, uint32_t *ret_ttl_s);

/* How long a client may keep what it is sent. */
uint32_t block_kept_s(const struct policy_answer *a);
/* The TTL that one of an entry's own records is sent with. */
uint32_t block_record_ttl(const struct policy_answer *a, const struct record *record);
/* A block of which nothing was counted yet, because an entry's CNAME sent q elsewhere first; or what else did. Returns what the
 * query is counted as. */
enum counter query_count_rewrite(struct service *s, const struct query *q);

#endif
