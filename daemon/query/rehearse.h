/* SPDX-License-Identifier: BSD-2-Clause
 *
 * rehearse.h - a question that goes through the pipeline for nobody: the same stages in the same order, the same builders, and at
 * the end the bytes that a client would be sent. Nothing is sent, nobody is asked, nothing is counted with what workers count. For
 * `explain`, so that what it says and what is served cannot differ.
 *
 * The question is walked without RD, by which nobody may be asked and nothing is prefetched (ask.c); in the bytes that are shown RD
 * is set, as clients set it. Beside the outcome it is told how the answer comes about, as far as the cache knows: the chain of
 * CNAMEs, what HTTPS and SVCB records lead to, the addresses. Whether an entry speaks about one of those is the caller's to ask
 * (policy/explain.h).
 *
 * Any thread that may hold the world for the time of the call; `explain` calls it on the main one. Allocates: it is no part of the
 * query path, though it runs its code. */
#ifndef SARING_QUERY_REHEARSE_H
#define SARING_QUERY_REHEARSE_H

#include "base/addr.h"
#include "base/base.h"
#include "cache/cache.h"
#include "cache/failures.h"
#include "generation.h"
#include "observe/counters.h"
#include "wire/msg.h"
#include "wire/name.h"

#define REHEARSE_STEPS_MAX 64 /* told of one answer */

struct rehearse_question {
	const struct generation *world;
	struct cache *cache;
	struct failures *failures; /* may be NULL */
	const struct name *name;   /* folded */
	uint16_t type;
	const struct addr *client; /* v4-mapped unmapped; NULL: not known, and then it may ask */
	int64_t now_s;		   /* wall clock: the moment that policy is asked about. The cache is asked as of now */
	uint16_t group;		   /* of the world's, for rehearse_block; the pipeline finds it by itself */
	int64_t until_s;	   /* so long the group's lists act; the same */
	bool structured;	   /* a client that takes structured errors, over an encrypted transport */
};

enum rehearse_kind {
	REHEARSE_CNAME,	 /* the record's target */
	REHEARSE_ENTRY,	 /* the same, but the CNAME is an entry's own: nobody judges where it leads */
	REHEARSE_TARGET, /* what an HTTPS or SVCB record sends clients to */
	REHEARSE_RECORD, /* the same, but it is one of the operator's own records, or safe search's */
	REHEARSE_ADDRESS /* of an A or AAAA record, or a hint of an HTTPS or SVCB record */
};

struct rehearse_step {
	enum rehearse_kind kind;
	bool judged;   /* policy was, or would be, asked about it */
	uint16_t type; /* the record's */
	uint32_t ttl_s;
	struct name owner;   /* folded */
	struct name target;  /* folded; of all but ADDRESS */
	struct addr address; /* of ADDRESS; without a port */
};

/* What the cache had. */
enum rehearse_cached { REHEARSE_NOT_SOUGHT, REHEARSE_MISS, REHEARSE_FRESH, REHEARSE_STALE };

struct rehearsal {
	/* What it would be counted as, COUNTER_BLOCKED to COUNTER_FAILED. FORWARDED: servers would be asked for `sought`, and what
	 * is sent depends on them. */
	enum counter fate;
	struct name sought;
	/* A UDP query with EDNS, as a client sends it, with ID 0; and what it would be sent. answer_len 0: nothing, or not known.
	 */
	uint8_t query[MSG_HEADER_LEN + NAME_LEN_MAX + 4 + 11 + 4];
	uint8_t answer[MSG_UDP_EDNS_MAX];
	size_t query_len, answer_len;
	enum rehearse_cached cached; /* of the name whose answer is given; NOT_SOUGHT: it is not looked for */
	bool has_missing;	     /* the steps end at this name, of which the cache has nothing */
	struct name missing;
	struct rehearse_step steps[REHEARSE_STEPS_MAX];
	size_t step_count, steps_omitted;
};

/* ret is filled whole. It is large: not for a stack. */
void rehearse(const struct rehearse_question *question, struct rehearsal *ret);
/* What is sent when that verdict, of kind BLOCKED, on the name itself (owns) or on a step of the answer is what blocks the
 * question. Slices are borrowed from the world's images. */
void rehearse_block(const struct rehearse_question *question, const struct verdict *verdict, bool owns, struct policy_answer *ret);

#endif
