/* SPDX-License-Identifier: BSD-2-Clause */
#include "query/answer.h"
#include "query/block.h"
#include "query/query.h"

static void judge(struct service *s, struct query *q)
{
	struct policy_question question = {.name = &q->name, .type = q->type, .client = &q->peer, .lists = query_lists(s, q)};
	if (q->prepared != NULL)
		(void)policy_match_prepared(s->world->policy, s->scratch, &question, q->prepared, s->now_s, &q->verdict);
	else
		(void)policy_match(s->world->policy, s->scratch, &question, s->now_s, &q->verdict);
	q->judged_world = s->world->serial;
	q->judged_s = s->now_s;
}

enum fate decide_stage(struct service *s, struct query *q)
{
	bool counted = q->verdict.shadowed; /* a parked question comes here again with its answer */

	if (UNLIKELY(q->rewrite.on) && q->rewrite.kind == REWRITE_RECORD) { /* the operator's own word outranks every list */
		q->judged_world = s->world->serial;
		q->judged_s = s->now_s;
		return FATE_NEXT;
	}
	judge(s, q);
	if (q->verdict.shadowed && !counted)
		query_count_shadow(s, q, &q->verdict, NULL);
	/* What an answer brought is known for the policy that judged that answer only, and as long as that entry is in force. */
	if (q->rewrite.on && (!q->rewrite.by_answer || q->rewrite.world != s->world->serial ||
			      !policy_in_force(s->world->policy, &q->rewrite.verdict, s->now_s)))
		q->rewrite.on = false;
	switch (q->verdict.kind) {
	case VERDICT_NONE:
	case VERDICT_ALLOWED:
		return FATE_NEXT;
	case VERDICT_BLOCKED:
		break;
	}
	switch (query_block(s, q, &q->verdict, true)) {
	case BLOCK_ENDED:
		break;
	case BLOCK_PASSES:
	case BLOCK_REWRITTEN:
		return FATE_NEXT;
	}
	return FATE_ANSWER;
}

/* RFC 8482 §4.2: over UDP one synthesised HINFO; over TCP the question is forwarded like any other. */
enum fate any_stage(struct service *s, struct query *q)
{
	if (q->type != RRTYPE_ANY || q->via->stream)
		return FATE_NEXT;
	answer_any(s, q);
	query_finish(s, q, COUNTER_LOCAL);
	return FATE_ANSWER;
}
