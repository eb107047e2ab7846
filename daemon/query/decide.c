/* SPDX-License-Identifier: BSD-2-Clause */
#include "query/query.h"

enum fate decide_stage(struct service *s, struct query *q)
{
	bool counted = q->verdict.shadowed; /* a parked question comes here again with its answer */

	(void)policy_match(s->world->policy, s->scratch, &q->name, s->now_s, &q->verdict);
	if (q->verdict.shadowed && !counted)
		query_count_shadow(s, &q->verdict);
	switch (q->verdict.kind) {
	case VERDICT_NONE:
	case VERDICT_ALLOWED:
		return FATE_NEXT;
	case VERDICT_BLOCKED:
		break;
	}
	query_count_list(s, &q->verdict);
	if (!answer_blocked(s, q, &q->verdict, true)) {
		query_drop(s, q, COUNTER_BLOCKED);
		return FATE_DROP;
	}
	query_finish(s, q, COUNTER_BLOCKED);
	return FATE_ANSWER;
}

/* RFC 8482 §4.2: over UDP one synthesised HINFO; over TCP the question is forwarded like any other. */
enum fate any_stage(struct service *s, struct query *q)
{
	if (q->question.type != RRTYPE_ANY || q->via->stream)
		return FATE_NEXT;
	answer_any(s, q);
	query_finish(s, q, COUNTER_LOCAL);
	return FATE_ANSWER;
}
