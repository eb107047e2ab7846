/* SPDX-License-Identifier: BSD-2-Clause */
#include "query/answer.h"
#include "query/query.h"

/* Who asks: clients.allow and clients.others; and in whose name: groups, and what is paused for it. */
enum fate client_stage(struct service *s, struct query *q)
{
	const struct settings *settings = s->world->settings;

	for (size_t i = 0; i < settings->allow_count; i++) {
		if (!prefix_holds(&settings->allow[i], &q->peer))
			continue;
		if (UNLIKELY(s->grouped))
			query_find_group(s, q);
		return FATE_NEXT;
	}
	switch (settings->others) {
	case OTHERS_REFUSE:
		/* By UDP they may come from somebody else, whom the refusals would hit. */
		if (!q->via->stream &&
		    limit_take(s->limit, LIMIT_REFUSALS, limit_client(&q->peer), LIMIT_REFUSALS_S, s->now_ms) != LIMIT_PASSES) {
			counters_add(s->counters, COUNTER_REFUSALS_DROPPED);
			break;
		}
		answer_rcode(s, q, RCODE_REFUSED, &(struct query_extra){.has_ede = true, .ede = EDE_PROHIBITED});
		query_finish(s, q, COUNTER_REFUSED);
		return FATE_ANSWER;
	case OTHERS_DROP:
		break;
	}
	query_drop(s, q, COUNTER_DROPPED);
	return FATE_DROP;
}
