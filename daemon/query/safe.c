/* SPDX-License-Identifier: BSD-2-Clause
 *
 * safe.c - safe search (settings/safe_search.h): names of search engines lead to the hosts that filter, as if those had a CNAME. */
#include "query/answer.h"
#include "query/query.h"

static void lead(const struct service *s, struct query *q, enum safe_engine engine)
{
	q->rewrite.on = true;
	q->rewrite.kind = REWRITE_SAFE;
	q->rewrite.by_answer = false;
	q->rewrite.engine = engine;
	q->rewrite.world = s->world->serial;
	safe_search_host(engine, &q->rewrite.to);
}

/* Apart: few names are an engine's. What an HTTPS record says of addresses and protocols would lead past the host: there is none.
 */
static __attribute__((noinline)) enum fate safe_judge(struct service *s, struct query *q, uint32_t mask)
{
	enum safe_engine engine = safe_search_find(mask, &q->name);

	if (engine == SAFE_ENGINES)
		return FATE_NEXT;
	if (q->type != RRTYPE_HTTPS && q->type != RRTYPE_SVCB) {
		lead(s, q, engine);
		return FATE_NEXT;
	}
	answer_nothing(s, q, MIN(s->world->settings->block_ttl_s, query_left_s(s, q)), &(struct query_extra){.has_ede = false});
	counters_add(s->counters, COUNTER_SAFE_SEARCH);
	query_finish(s, q, COUNTER_LOCAL);
	return FATE_ANSWER;
}

uint32_t safe_mask(const struct settings *settings, uint16_t group)
{
	if (LIKELY(!settings->any_safe_search))
		return 0;
	return settings->group_count > 0 ? settings->groups[group].safe_search : settings->safe_search;
}

enum fate safe_stage(struct service *s, struct query *q)
{
	uint32_t mask = safe_mask(s->world->settings, q->group);

	if (LIKELY(mask == 0) || q->rewrite.on) /* a list, or a record, leads it elsewhere already */
		return FATE_NEXT;
	return safe_search_leads(q->type) ? safe_judge(s, q, mask) : FATE_NEXT;
}
