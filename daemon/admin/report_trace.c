/* SPDX-License-Identifier: BSD-2-Clause
 *
 * report_trace.c - how a question is answered, step by step, and the bytes: what a rehearsal (query/rehearse.h) found, with
 * policy's word on each step. */
#include "admin/commands.h"
#include "admin/report_part.h"
#include "base/hex.h"
#include "ctl/proto.h"
#include "query/names.h"
#include "query/rehearse.h"
#include "wire/rrtype.h"

#include <stdlib.h>
#include <string.h>

/* One trace being written. */
struct report_trace {
	const struct explain_source *source;
	const struct explain_question *q;
	const struct verdict *verdict; /* of the name asked */
	bool guarded;		       /* no private address may be its (upstream.rebind-protection) */
	size_t decides;		       /* the step that makes the answer a block; SIZE_MAX: none does */
	struct rehearse_question question;
	struct rehearsal r;
	struct policy_hit hits[EXPLAIN_HITS_MAX]; /* of the step that was looked at last */
};

/* ---- the steps ---- */

/* What policy says of one. */
struct said {
	struct verdict verdict;
	size_t total; /* entries in hits, as far as they have room */
	bool refused; /* a private address for a public name */
	bool blocks;
};

static struct said say(struct report_trace *t, const struct rehearse_step *step)
{
	const struct explain_source *from = t->source;
	const struct policy *policy = from->generation->policy;
	const struct addr *client = t->q->has_client ? &t->q->client : NULL;
	struct list_mask room;
	struct policy_question question = {
	    .name = &step->target, .type = t->q->type, .client = client, .lists = explain_lists(t->q)};
	struct said said = {.verdict = {.kind = VERDICT_NONE}};

	if (!step->judged)
		return said;
	if (step->kind == REHEARSE_ADDRESS) {
		question.name = &t->q->name;
		(void)policy_match_answer(policy, &step->address, &question, t->q->at_s, &said.verdict);
		said.total = policy_explain_answer(policy, &step->address, &question, t->q->at_s, t->hits, EXPLAIN_HITS_MAX);
		said.refused = t->guarded && addr_is_private(&step->address);
	} else {
		question.lists = explain_lists_of_target(from->generation, t->q, &step->target, &room);
		(void)policy_match(policy, from->scratch, &question, t->q->at_s, &said.verdict);
		said.total = policy_explain(policy, from->scratch, &question, t->q->at_s, t->hits, EXPLAIN_HITS_MAX);
	}
	report_group_reasons(from->generation, t->q, t->hits, MIN(said.total, (size_t)EXPLAIN_HITS_MAX));
	/* an allow entry for the name asked holds for all of its answer, but for what outranks it (saring-lists(5)) */
	said.blocks = said.refused ||
		      (said.verdict.kind == VERDICT_BLOCKED && (t->verdict->kind != VERDICT_ALLOWED || said.verdict.mandatory));
	return said;
}

/* The one that makes the answer a block: the targets of CNAMEs are asked about first, then the records in their order. */
static size_t deciding_step(struct report_trace *t)
{
	if (t->r.fate != COUNTER_BLOCKED || t->verdict->kind == VERDICT_BLOCKED)
		return SIZE_MAX;
	for (unsigned pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < t->r.step_count; i++)
			if ((t->r.steps[i].kind == REHEARSE_CNAME) == (pass == 0) && say(t, &t->r.steps[i]).blocks)
				return i;
	return SIZE_MAX;
}

static const char *kind_word(enum rehearse_kind kind)
{
	switch (kind) {
	case REHEARSE_CNAME:
		return "cname";
	case REHEARSE_ENTRY:
		return "entry";
	case REHEARSE_RECORD:
		return "record";
	case REHEARSE_TARGET:
		return "target";
	case REHEARSE_ADDRESS:
		return "address";
	}
	return "";
}

/* Why a step that an entry blocks is let through, or one that no entry blocks is not. */
static const char *note_of(const struct said *said)
{
	if (said->refused)
		return "a private address for a public name (upstream.rebind-protection)";
	if (said->verdict.kind == VERDICT_BLOCKED && !said->blocks)
		return "an allow entry for the name asked holds for its whole answer";
	return NULL;
}

static void put_target(json_t *object, const char *key, const struct rehearse_step *step)
{
	char address[ADDR_TEXT_MAX];
	if (step->kind == REHEARSE_ADDRESS)
		report_put_word(object, key, addr_host_to_text(&step->address, address));
	else
		report_put_name(object, key, &step->target);
}

static json_t *step_json(struct report_trace *t, const struct rehearse_step *step, bool decides)
{
	struct said said = say(t, step);
	char type[RRTYPE_TEXT_MAX];
	json_t *object = json_object();

	report_put_word(object, "kind", kind_word(step->kind));
	report_put_name(object, "owner", &step->owner);
	report_put_word(object, "type", rrtype_to_text(step->type, type));
	report_put(object, "ttl", step->kind == REHEARSE_ENTRY ? json_null() : json_integer(step->ttl_s));
	put_target(object, "target", step);
	report_put(object, "judged", json_boolean(step->judged));
	report_put_word(object, "verdict", report_verdict_word(said.verdict.kind));
	report_put(object, "decides", json_boolean(decides));
	report_put_word(object, "note", note_of(&said));
	report_put_entries(object, t->hits, said.total);
	return object;
}

static json_t *steps_json(struct report_trace *t)
{
	if (t->r.cached == REHEARSE_MISS && t->r.step_count == 0)
		return json_null(); /* nobody knows before it is asked for */
	json_t *array = json_array();
	for (size_t i = 0; i < t->r.step_count; i++)
		report_add(array, step_json(t, &t->r.steps[i], i == t->decides));
	return array;
}

/* ---- the servers ---- */

static const char *strategy_word(enum strategy strategy)
{
	switch (strategy) {
	case STRATEGY_FASTEST:
		return "fastest";
	case STRATEGY_ORDERED:
		return "ordered";
	case STRATEGY_SPREAD:
		return "spread";
	}
	return "";
}

/* Those of the route of that zone; NULL: the default ones, or the set that stands in for them. ret_strategy: of the last. */
static json_t *servers_of(const struct upstreams *u, const char *zone, uint32_t set, enum strategy *ret_strategy)
{
	json_t *array = json_array();
	size_t count = upstreams_count(u);
	for (size_t i = 0; i < count; i++) {
		struct upstream_stats stats;
		upstreams_stats(u, i, &stats);
		if (zone == NULL ? stats.zone != NULL || stats.set != set : stats.zone == NULL || strcmp(stats.zone, zone) != 0)
			continue;
		*ret_strategy = stats.strategy;
		report_add(array, ctl_text(str_from(stats.server)));
	}
	return array;
}

/* Who is, or was, asked for the name. */
static json_t *upstream_json(const struct generation *g, const struct name *name, uint16_t type, uint16_t group)
{
	enum strategy strategy = g->settings->strategy;
	char text[NAME_TEXT_MAX] = ".";
	struct name zone;
	unsigned labels = upstreams_zone_labels(g->upstreams, name, type);
	if (labels > 0 && name_suffix(name, labels, &zone))
		(void)name_to_text(&zone, text);
	json_t *object = json_object(), *servers = servers_of(g->upstreams, text, 0, &strategy);
	bool routed = json_array_size(servers) > 0; /* a route for the root takes what others leave */
	if (!routed) {
		json_decref(servers);
		servers = servers_of(g->upstreams, NULL, upstreams_of_group(g->upstreams, group), &strategy);
	}
	report_put_name(object, "name", name);
	report_put_word(object, "route", routed ? text : NULL);
	report_put_word(object, "strategy", strategy_word(strategy));
	report_put(object, "servers", servers);
	return object;
}

static void put_upstream(json_t *object, const struct report_trace *t)
{
	const struct name *name = &t->q->name;
	switch ((unsigned)t->r.fate) {
	case COUNTER_FORWARDED:
		name = &t->r.sought;
		break;
	case COUNTER_CACHED:
	case COUNTER_STALE:
	case COUNTER_FAILED:
		break;
	default:
		report_put(object, "upstream", json_null());
		return;
	}
	report_put(object, "upstream", upstream_json(t->source->generation, name, t->q->type, t->q->group));
}

/* ---- the bytes ---- */

static json_t *hex(const uint8_t *bytes, size_t len)
{
	if (len == 0)
		return json_null();
	char *text = base_alloc(2 * len + 1);
	json_t *value = json_string(hex_from_bytes(bytes, len, text));
	free(text);
	return value;
}

/* What a client is sent that takes structured errors, and may have them: null where that is the same. */
static json_t *structured_json(const struct rehearsal *plain, struct rehearse_question question)
{
	if (plain->fate != COUNTER_BLOCKED || plain->answer_len == 0)
		return json_null();
	struct rehearsal *r = base_alloc(sizeof(*r));
	question.structured = true;
	rehearse(&question, r);
	bool same = r->answer_len == plain->answer_len && memcmp(r->answer, plain->answer, r->answer_len) == 0;
	json_t *value = same ? json_null() : hex(r->answer, r->answer_len);
	free(r);
	return value;
}

static json_t *wire_json(const struct rehearsal *r, const struct rehearse_question *question)
{
	json_t *object = json_object();
	report_put_word(object, "transport", "udp");
	report_put(object, "query", hex(r->query, r->query_len));
	report_put(object, "answer", hex(r->answer, r->answer_len));
	report_put(object, "structured", structured_json(r, *question));
	return object;
}

/* ---- the whole ---- */

static const char *cached_word(enum rehearse_cached cached)
{
	switch (cached) {
	case REHEARSE_NOT_SOUGHT:
		return "not sought";
	case REHEARSE_MISS:
		return "none";
	case REHEARSE_FRESH:
		return "fresh";
	case REHEARSE_STALE:
		return "stale";
	}
	return "";
}

struct report_trace *report_trace_create(const struct explain_source *source, const struct explain_question *q,
					 const struct verdict *verdict)
{
	const struct generation *g = source->generation;
	struct report_trace *t = base_alloc(sizeof(*t));

	t->source = source;
	t->q = q;
	t->verdict = verdict;
	t->guarded = g->settings->rebind_protection && verdict->kind != VERDICT_ALLOWED && names_is_public(g, &q->name, q->type);
	t->question = (struct rehearse_question){.world = g,
						 .cache = source->cache,
						 .failures = source->failures,
						 .name = &q->name,
						 .type = q->type,
						 .client = q->has_client ? &q->client : NULL,
						 .now_s = q->at_s,
						 .group = q->group,
						 .until_s = q->now.until_s};
	rehearse(&t->question, &t->r);
	t->decides = deciding_step(t);
	return t;
}

void report_trace_destroy(struct report_trace *t)
{
	free(t);
}

bool report_trace_put_block(struct report_trace *t, json_t *object, json_t **ret_rule)
{
	struct policy_answer answer;
	if (t->decides == SIZE_MAX)
		return false;
	const struct rehearse_step *step = &t->r.steps[t->decides];
	const struct said said = say(t, step);
	if (said.verdict.kind != VERDICT_BLOCKED || said.total == 0)
		return false; /* a private address: no entry is in that */
	rehearse_block(&t->question, &said.verdict, false, &answer);
	report_put_word(object, "verdict", report_verdict_word(said.verdict.kind));
	report_put_word(object, "answer", answer_words[answer.answer]);
	report_put(object, "ttl", json_integer(answer.ttl_s));
	report_put_word(object, "by", kind_word(step->kind));
	put_target(object, "by_target", step);
	*ret_rule = report_rule(&t->hits[0].entry);
	return true;
}

void report_trace_put(struct report_trace *t, json_t *object)
{
	report_put_word(object, "outcome", counter_names[t->r.fate]);
	report_put(object, "rebind_protection", json_boolean(t->guarded));
	report_put_word(object, "cache", cached_word(t->r.cached));
	report_put(object, "cname", steps_json(t));
	if (t->r.steps_omitted > 0)
		report_put(object, "cname_omitted", json_integer((json_int_t)t->r.steps_omitted));
	if (t->r.has_missing)
		report_put_name(object, "missing", &t->r.missing);
	else
		report_put(object, "missing", json_null());
	put_upstream(object, t);
	report_put(object, "wire", wire_json(&t->r, &t->question));
}
