/* SPDX-License-Identifier: BSD-2-Clause */
#include "query/query.h"

#include "base/clock.h"
#include "wire/edns.h"

/* The order of judgement, each row with its reason. A stage that ends a query has called query_finish or query_drop itself. */
static const struct stage {
	const char *name;
	enum fate (*run)(struct service *s, struct query *q);
	const char *why;
} stages[] = {
    {"client", client_stage, "strangers get nothing built for them, not even an error about their packet's form"},
    {"screen", screen_stage, "what is no question to resolve is refused before any look-up"},
    {"decide", decide_stage, "above the cache, so that an edit acts on the next packet and flushes nothing"},
    {"any", any_stage, "after decide: a blocked name is blocked for ANY too; before the cache: ANY is not looked up over UDP"},
    {"cached", cached_stage, "cheaper than asking; what it finds is judged again, since lists change while answers rest"},
    {"ask", ask_stage, "only misses get here; equal ones are merged"},
};

bool service_begin_batch(struct service *s)
{
	s->world = generation_adopt(s->generations, s->worker);
	s->now_ms = clock_mono_ms();
	s->now_s = clock_wall_s();
	return s->world != NULL;
}

void query_begin(struct query *q, const uint8_t *bytes, size_t len)
{
	struct msg_query m;

	q->parsed = msg_parse_query(bytes, len, &m);
	q->serial = 0;
	q->has_stale = false;
	q->stale_queued = false;
	q->verdict = (struct verdict){.kind = VERDICT_NONE};
	q->rewrite.on = false;
	q->prepared = NULL;
	q->has_question = false;
	q->has_edns = false;
	q->dnssec_ok = false;
	q->has_tsig = false;
	q->has_keepalive = false;
	q->keepalive_100ms = 0;
	q->limit = q->via->stream ? MSG_LEN_MAX : MSG_UDP_PLAIN_MAX;
	if (q->parsed == MSG_IGNORE)
		return;
	q->id = m.header.id;
	q->flags = m.header.flags;
	q->has_question = m.has_question;
	if (m.has_question) {
		q->question = m.question;
		q->name = m.folded;
	}
	q->has_edns = m.edns.present;
	q->dnssec_ok = m.edns.present && m.edns.dnssec_ok;
	q->has_tsig = m.has_tsig;
	if (!q->via->stream) {
		q->limit = edns_udp_limit(&m.edns);
		return;
	}
	q->has_keepalive = m.edns.present && m.edns.has_keepalive;
	if (q->parsed == MSG_QUERY && m.edns.present && m.edns.bad_keepalive)
		q->parsed = MSG_FORMERR;
}

void query_prepare(struct service *s, struct query *q, struct policy_prepared *room)
{
	if (q->parsed != MSG_QUERY)
		return;
	policy_prepare(s->world->policy, &q->name, room);
	q->prepared = room;
}

void query_run(struct service *s, struct query *q)
{
	counters_add(s->counters, COUNTER_TOTAL);
	if (q->parsed == MSG_IGNORE || addr_port(&q->peer) == 0) {
		query_drop(s, q, COUNTER_DROPPED);
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(stages); i++) {
		if (stages[i].run(s, q) != FATE_NEXT)
			return;
	}
	(void)unlikely_bug(true); /* the last stage never says NEXT */
	query_drop(s, q, COUNTER_DROPPED);
}
