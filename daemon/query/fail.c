/* SPDX-License-Identifier: BSD-2-Clause */
#include "query/fail.h"

#include "query/answer.h"
#include "query/give.h"

static uint16_t ede_of(enum pool_outcome outcome)
{
	return outcome == POOL_NETWORK ? EDE_NETWORK_ERROR : EDE_NO_REACHABLE_AUTHORITY;
}

void fail_as(struct service *s, struct query *q, const struct query_extra *extra)
{
	if (give_stale(s, q))
		return;
	answer_rcode(s, q, RCODE_SERVFAIL, extra);
	query_finish(s, q, COUNTER_FAILED);
}

void fail_by(struct service *s, struct query *q, enum pool_outcome outcome)
{
	const struct str circle = STR_LIT("the servers asked lead back to this one"), none = {NULL, 0};

	fail_as(s, q, &(struct query_extra){.has_ede = true, .ede = ede_of(outcome), .text = loop_is_known(s) ? circle : none});
}

bool fail_again(struct service *s, struct query *q, const struct cache_key *key)
{
	uint16_t why;

	if (!failures_find(s->failures, key, s->now_ms, &why))
		return false;
	counters_add(s->counters, COUNTER_FAILURE_HITS);
	fail_as(s, q, &(struct query_extra){.has_ede = true, .ede = why, .also_ede = EDE_CACHED_ERROR});
	return true;
}

void fail_note(struct service *s, const struct cache_key *key, enum pool_outcome outcome)
{
	switch (outcome) {
	case POOL_ANSWER:
		failures_forget(s->failures, key, s->now_ms);
		break;
	case POOL_TIMEOUT:
	case POOL_NETWORK:
	case POOL_BAD:
		failures_note(s->failures, key, ede_of(outcome),
			      !upstreams_any_up(s->world->upstreams, key->name, key->type, key->servers), s->now_ms);
		break;
	case POOL_NO_RESOURCES:
		break;
	}
}
