/* SPDX-License-Identifier: BSD-2-Clause */
#include "admin/report.h"

#include "admin/commands.h"
#include "ctl/proto.h"
#include "policy/explain.h"
#include "query/names.h"
#include "wire/rrtype.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void put(json_t *object, const char *key, json_t *value)
{
	must(value && json_object_set_new(object, key, value) == 0);
}

static void put_str(json_t *object, const char *key, struct str text)
{
	put(object, key, ctl_text(text));
}

static void put_word(json_t *object, const char *key, const char *word)
{
	put(object, key, ctl_text(str_from(word)));
}

static const char *verdict_word(enum verdict_kind kind)
{
	switch (kind) {
	case VERDICT_NONE:
		return "none";
	case VERDICT_BLOCKED:
		return "blocked";
	case VERDICT_ALLOWED:
		return "allowed";
	}
	return "none";
}

/* The deciding entry, with all that is known of it. */
static json_t *rule(const struct policy_entry *e)
{
	json_t *contact = json_array();
	for (size_t i = 0; i < e->contact_count; i++)
		must(json_array_append_new(contact, ctl_text(e->contact[i])) == 0);
	json_t *object = json_object();
	put_str(object, "list", e->list);
	put_str(object, "file", e->file);
	put(object, "line", json_integer(e->line));
	put_str(object, "entry", e->entry);
	put_word(object, "match", match_words[e->match]);
	put_word(object, "action", action_words[e->action]);
	put(object, "mandatory", json_boolean(e->mandatory));
	put_word(object, "mode", mode_words[e->mode]);
	put_word(object, "code", code_words[e->code]);
	put_word(object, "sub_error", e->sub_error == SUB_ERROR_NONE ? NULL : sub_error_words[e->sub_error]);
	put_str(object, "authority", e->authority);
	put_str(object, "reason", e->reason);
	put_str(object, "reference", e->reference);
	put_str(object, "organization", e->organization);
	put_str(object, "language", e->language);
	put(object, "contact", contact);
	put_str(object, "added", e->added);
	put_str(object, "review", e->review);
	put_str(object, "expires", e->expires);
	put_str(object, "lifted", e->lifted);
	put_str(object, "lifted_by", e->lifted_by);
	put_str(object, "lift_reason", e->lift_reason);
	put_str(object, "lift_reference", e->lift_reference);
	return object;
}

/* One that matches too, and why it does not decide. */
static json_t *loser(const struct policy_entry *e, const struct policy_hit *hit)
{
	json_t *object = json_object();
	put_str(object, "list", e->list);
	put_str(object, "file", e->file);
	put(object, "line", json_integer(e->line));
	put_str(object, "entry", e->entry);
	put_word(object, "match", match_words[e->match]);
	put_word(object, "action", action_words[e->action]);
	put_word(object, "mode", mode_words[e->mode]);
	put_word(object, "why_not", hit->why_not_text);
	return object;
}

static json_t *losers(const struct policy_hit *hits, size_t count)
{
	json_t *array = json_array();
	for (size_t i = 0; i < count; i++)
		if (hits[i].why_not != WHY_DECIDES)
			must(json_array_append_new(array, loser(&hits[i].entry, &hits[i])) == 0);
	return array;
}

static bool client_may_ask(const struct settings *s, const struct addr *client)
{
	for (size_t i = 0; i < s->allow_count; i++)
		if (prefix_holds(&s->allow[i], client))
			return true;
	return false;
}

static void put_client(json_t *object, const struct settings *s, const struct explain_question *q)
{
	char text[ADDR_TEXT_MAX];
	if (!q->has_client) {
		put(object, "client", json_null());
		return;
	}
	put_word(object, "client", addr_host_to_text(&q->client, text));
	put(object, "client_allowed", json_boolean(client_may_ask(s, &q->client)));
}

/* The entries, in order: the decider first, if there is one. */
static void put_entries(json_t *object, const struct policy_hit *hits, size_t total)
{
	size_t count = MIN(total, (size_t)EXPLAIN_HITS_MAX);
	bool decided = count > 0 && hits[0].why_not == WHY_DECIDES;
	put(object, "rule", decided ? rule(&hits[0].entry) : json_null());
	put(object, "also", losers(hits, count));
	if (total > count)
		put(object, "also_omitted", json_integer((json_int_t)(total - count)));
}

/* "PTR localhost": the record that is sent. */
static void put_record(json_t *object, const struct here *h, const char *zone)
{
	char type[RRTYPE_TEXT_MAX], text[NAME_TEXT_MAX + RRTYPE_TEXT_MAX + 1], address[ADDR_TEXT_MAX];
	const char *data = zone; /* of SOA and NS */
	char host[NAME_TEXT_MAX];
	struct addr a;
	struct name name;

	memset(&a, 0, sizeof(a));
	if (h->type == RRTYPE_A) {
		a.in.sin_family = AF_INET;
		memcpy(&a.in.sin_addr, h->rdata, sizeof(a.in.sin_addr));
		data = addr_host_to_text(&a, address);
	} else if (h->type == RRTYPE_AAAA) {
		a.in6.sin6_family = AF_INET6;
		memcpy(&a.in6.sin6_addr, h->rdata, sizeof(a.in6.sin6_addr));
		data = addr_host_to_text(&a, address);
	}
	if (h->type == RRTYPE_PTR && name_from_wire(h->rdata, h->rdata_len, &name))
		data = name_to_text(&name, host);
	(void)snprintf(text, sizeof(text), "%s %s", rrtype_to_text(h->type, type), data);
	put_word(object, "record", text);
}

/* What becomes of a name that no entry blocks, where that is not to be asked of the default servers. */
static void put_way(json_t *object, const struct generation *g, const struct explain_question *q)
{
	unsigned route_labels = upstreams_zone_labels(g->upstreams, &q->name, q->type);
	char text[NAME_TEXT_MAX];
	struct name zone;
	struct here h;

	if (names_answer(g, &q->name, q->type, false, &h) && name_suffix(&q->name, h.zone_labels, &zone)) {
		json_t *here = json_object();
		put_word(here, "zone", name_to_text(&zone, text));
		put_word(here, "source", h.row != NULL ? h.row->source : "names.dotless");
		put_word(here, "answer", h.type != 0 ? "data" : h.rcode == RCODE_NXDOMAIN ? "nxdomain" : "nodata");
		if (h.type != 0)
			put_record(here, &h, text);
		put(here, "ttl", json_integer(HERE_TTL_S));
		put(object, "answered_here", here);
	} else {
		put(object, "answered_here", json_null());
	}
	if (route_labels > 0 && name_suffix(&q->name, route_labels, &zone))
		put_word(object, "route", name_to_text(&zone, text));
	else
		put(object, "route", json_null());
}

json_t *report_explain(const struct generation *g, struct policy_scratch *scratch, const struct explain_question *q, int64_t now_s)
{
	struct policy_question question = {.name = &q->name, .type = q->type, .client = q->has_client ? &q->client : NULL};
	struct verdict verdict;
	struct policy_hit *hits = base_alloc(EXPLAIN_HITS_MAX * sizeof(*hits));
	size_t total = policy_explain(g->policy, scratch, &question, now_s, hits, EXPLAIN_HITS_MAX);
	char name[NAME_TEXT_MAX], type[RRTYPE_TEXT_MAX];
	json_t *object = json_object();
	(void)policy_match(g->policy, scratch, &question, now_s, &verdict);
	put_word(object, "name", name_to_text(&q->name, name));
	put_word(object, "type", rrtype_to_text(q->type, type));
	put_client(object, g->settings, q);
	put_word(object, "verdict", verdict_word(verdict.kind));
	if (verdict.kind == VERDICT_BLOCKED) {
		struct policy_answer answer;
		policy_answer(g->policy, &verdict, &q->name, true, now_s, &answer);
		put_word(object, "answer", answer_words[answer.answer]);
		put(object, "ttl", json_integer(answer.ttl_s));
		put(object, "answered_here", json_null());
		put(object, "route", json_null());
	} else {
		put(object, "answer", json_null());
		put(object, "ttl", json_null());
		put_way(object, g, q);
	}
	put_entries(object, hits, total);
	free(hits);
	return object;
}
