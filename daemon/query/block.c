/* SPDX-License-Identifier: BSD-2-Clause */
#include "query/block.h"

#include "policy/records.h"
#include "query/answer.h"
#include "query/local.h"

#include <string.h>

/* `*.rest`: the name asked put before rest. False when that is longer than a name may be. */
static bool expand(const struct name *asked, const struct name *wild, struct name *ret)
{
	uint8_t wire[2 * NAME_LEN_MAX];
	size_t front = asked->len - 1u, rest = wild->len - 2u; /* without its root; without the label `*` */

	memcpy(wire, asked->wire, front);
	memcpy(wire + front, wild->wire + 2, rest);
	return name_from_wire(wire, front + rest, ret);
}

uint32_t block_record_ttl(const struct policy_answer *a, const struct record *record)
{
	return record->ttl_s == RECORDS_TTL_UNSAID ? a->ttl_s : MIN(record->ttl_s, a->left_s);
}

enum block_cname block_cname(const struct policy_answer *a, const struct query *q, struct name *ret_to, uint32_t *ret_ttl_s)
{
	struct record record;
	struct name target;
	size_t at = 0;

	if (records_rcode(a->records) != RCODE_NOERROR || !records_next(a->records, &at, &record) || record.type != RRTYPE_CNAME ||
	    !name_from_wire((const uint8_t *)record.rdata.ptr, record.rdata.len, &target))
		return BLOCK_CNAME_NONE;
	if (target.wire[0] == 1 && target.wire[1] == '*') {
		if (!expand(&q->name, &target, ret_to))
			return BLOCK_CNAME_TOO_LONG;
	} else {
		*ret_to = target;
	}
	name_fold(ret_to);
	*ret_ttl_s = block_record_ttl(a, &record);
	return BLOCK_CNAME_FOUND;
}

static uint32_t longest_s(const struct policy_answer *a)
{
	struct record record;
	uint32_t longest = a->ttl_s;

	for (size_t at = 0; records_next(a->records, &at, &record);)
		longest = MAX(longest, block_record_ttl(a, &record));
	return longest;
}

uint32_t block_kept_s(const struct policy_answer *a)
{
	switch (a->answer) {
	case ANSWER_DROP:
	case ANSWER_REFUSED: /* nothing to keep */
	case ANSWER_TRUNCATE:
		return 0;
	case ANSWER_LOCAL:
		return longest_s(a);
	case ANSWER_NXDOMAIN:
	case ANSWER_NODATA:
	case ANSWER_NULL:
	case ANSWER_ADDRESS:
		break;
	}
	return a->ttl_s;
}

/* Whether an entry's CNAME sends the question elsewhere. For CNAME and ANY it is the answer itself. */
static enum block_end follow(struct service *s, struct query *q, const struct verdict *v, bool owns, const struct policy_answer *a)
{
	struct name to;
	uint32_t ttl_s;

	if (block_cname(a, q, &to, &ttl_s) != BLOCK_CNAME_FOUND)
		return BLOCK_ENDED;
	if (name_eq(&to, &q->name))
		return BLOCK_PASSES; /* a CNAME to oneself: how older zones write rpz-passthru */
	if (q->type == RRTYPE_CNAME || q->type == RRTYPE_ANY)
		return BLOCK_ENDED;
	q->rewrite = (struct rewrite){.on = true, .by_answer = !owns, .verdict = *v, .world = s->world->serial, .to = to};
	if (!owns) /* what was judged is known now, but not for long */
		query_tell_block(s, q, v, block_kept_s(a));
	return BLOCK_REWRITTEN;
}

bool query_structured(const struct service *s, const struct query *q)
{
	if (LIKELY(!q->wants_structured))
		return false;
	switch (s->world->settings->structured_errors) {
	case STRUCTURED_ERRORS_ENCRYPTED:
		return q->via->encrypted || addr_is_loopback(&q->peer);
	case STRUCTURED_ERRORS_ALWAYS:
		return true;
	case STRUCTURED_ERRORS_OFF:
		return false;
	}
	return false;
}

/* Whom the error itself tells what happened is not led to another address: the draft forbids a forged answer (EDE 4) then. */
static bool block_structured(const struct service *s, const struct query *q, const struct verdict *v, struct policy_answer *a,
			     struct policy_structured *ret)
{
	if (LIKELY(!query_structured(s, q)))
		return false;
	policy_structured(s->world->policy, v, ret);
	if (a->answer == ANSWER_NULL || a->answer == ANSWER_ADDRESS)
		a->answer = ANSWER_NODATA;
	return true;
}

static inline void count(struct service *s, const struct query *q, const struct verdict *v, bool owns,
			 const struct policy_answer *a)
{
	query_count_list(s, v);
	s->blocker = (struct blocker){.verdict = v, .answer = a, .owns = owns};
	if (UNLIKELY(!owns))
		query_tell_block(s, q, v, block_kept_s(a));
}

enum counter query_count_rewrite(struct service *s, const struct query *q)
{
	const struct verdict *v = &q->rewrite.verdict;
	struct policy_answer a;

	if (q->rewrite.kind != REWRITE_ENTRY) {
		if (q->rewrite.kind == REWRITE_SAFE)
			counters_add(s->counters, COUNTER_SAFE_SEARCH);
		return COUNTER_LOCAL;
	}
	query_block_answer(s, q, v, !q->rewrite.by_answer, &a);
	query_count_list(s, v); /* by an answer: the entry was told of when it sent the question on */
	s->blocker = (struct blocker){.verdict = v, .ttl_s = block_kept_s(&a), .owns = !q->rewrite.by_answer};
	return COUNTER_BLOCKED;
}

/* Apart, as most have no groups and pause nothing. */
static __attribute__((noinline)) void fit_group(const struct generation *world, const struct block_for *whom,
						const struct verdict *v, bool owns, struct policy_answer *a)
{
	const struct settings *settings = world->settings;
	const struct own_answer *own = settings->group_count > 0 ? &settings->groups[whom->group].own : NULL;

	if (own != NULL && (own->has_answer || own->has_addresses))
		policy_answer_own(world->policy, v, whom->qname, owns, own, whom->now_s, a);
	policy_answer_until(whom->until_s, whom->now_s, a);
}

/* What an HTTPS record held does not make the name itself be gone: for other types it may have data, which NXDOMAIN would deny
 * (RFC 2308 §5). Nor is a name gone that has records of the operator's own below it. */
static inline void spare_name(const struct generation *world, const struct name *qname, uint16_t qtype, bool owns,
			      struct policy_answer *a)
{
	if (a->answer != ANSWER_NXDOMAIN)
		return;
	if ((UNLIKELY(!owns) && (qtype == RRTYPE_HTTPS || qtype == RRTYPE_SVCB)) ||
	    (local_is_possible(world, qname) && local_is_above(world, qname)))
		a->answer = ANSWER_NODATA;
}

void block_answer(const struct generation *world, const struct block_for *whom, const struct verdict *v, bool owns,
		  struct policy_answer *ret)
{
	policy_answer(world->policy, v, whom->qname, owns, whom->now_s, ret);
	if (UNLIKELY(world->masked))
		fit_group(world, whom, v, owns, ret);
	spare_name(world, whom->qname, whom->qtype, owns, ret);
}

static __attribute__((noinline)) void grouped_answer(const struct service *s, const struct query *q, const struct verdict *v,
						     bool owns, struct policy_answer *ret)
{
	const struct block_for whom = {
	    .qname = &q->name, .qtype = q->type, .group = q->group, .until_s = query_until_s(s, q), .now_s = s->now_s};

	block_answer(s->world, &whom, v, owns, ret);
}

void query_block_answer(const struct service *s, const struct query *q, const struct verdict *v, bool owns,
			struct policy_answer *ret)
{
	if (UNLIKELY(s->grouped)) {
		grouped_answer(s, q, v, owns, ret);
		return;
	}
	policy_answer(s->world->policy, v, &q->name, owns, s->now_s, ret);
	spare_name(s->world, &q->name, q->type, owns, ret);
}

enum block_end query_block(struct service *s, struct query *q, const struct verdict *v, bool owns)
{
	struct policy_answer a;
	struct policy_structured structured;
	enum block_end end = BLOCK_ENDED;

	query_block_answer(s, q, v, owns, &a);
	switch (a.answer) {
	case ANSWER_DROP:
		count(s, q, v, owns, &a);
		query_drop(s, q, COUNTER_BLOCKED);
		return BLOCK_ENDED;
	case ANSWER_TRUNCATE:
		if (q->via->stream)
			return BLOCK_PASSES;
		answer_truncated(s, q);
		query_finish(s, q, COUNTER_LOCAL);
		return BLOCK_ENDED;
	case ANSWER_LOCAL:
		end = follow(s, q, v, owns, &a);
		break;
	case ANSWER_NXDOMAIN:
	case ANSWER_NODATA:
	case ANSWER_NULL:
	case ANSWER_REFUSED:
	case ANSWER_ADDRESS:
		break;
	}
	if (end != BLOCK_ENDED)
		return end;
	count(s, q, v, owns, &a);
	bool wanted = block_structured(s, q, v, &a, &structured);
	answer_blocked(s, q, &a, wanted ? &structured : NULL);
	query_finish(s, q, COUNTER_BLOCKED);
	return BLOCK_ENDED;
}
