/* SPDX-License-Identifier: BSD-2-Clause */
#include "admin/report.h"

#include "admin/commands.h"
#include "ctl/proto.h"
#include "policy/explain.h"
#include "wire/rrtype.h"

#include <stdlib.h>

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
	put_str(object, "authority", e->authority);
	put_str(object, "reason", e->reason);
	put_str(object, "reference", e->reference);
	put(object, "contact", contact);
	put_str(object, "added", e->added);
	put_str(object, "review", e->review);
	put_str(object, "expires", e->expires);
	put_str(object, "lifted", e->lifted);
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
	put_word(object, "why_not", hit->why_not_text);
	return object;
}

static json_t *losers(const struct generation *g, struct policy_scratch *scratch, const struct name *name, int64_t now_s,
		      size_t *ret_omitted)
{
	struct policy_hit *hits = base_alloc(EXPLAIN_HITS_MAX * sizeof(*hits));
	size_t total = policy_explain(g->policy, scratch, name, now_s, hits, EXPLAIN_HITS_MAX);
	json_t *array = json_array();
	for (size_t i = 0; i < MIN(total, (size_t)EXPLAIN_HITS_MAX); i++) {
		struct policy_entry entry = {0};
		if (hits[i].why_not == WHY_DECIDES)
			continue;
		policy_entry(g->policy, hits[i].entry, &entry);
		must(json_array_append_new(array, loser(&entry, &hits[i])) == 0);
	}
	*ret_omitted = total > EXPLAIN_HITS_MAX ? total - EXPLAIN_HITS_MAX : 0;
	free(hits);
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

json_t *report_explain(const struct generation *g, struct policy_scratch *scratch, const struct explain_question *q, int64_t now_s)
{
	struct verdict verdict;
	bool decides = policy_match(g->policy, scratch, &q->name, now_s, &verdict);
	char name[NAME_TEXT_MAX], type[RRTYPE_TEXT_MAX];
	json_t *object = json_object();
	put_word(object, "name", name_to_text(&q->name, name));
	put_word(object, "type", rrtype_to_text(q->type, type));
	put_client(object, g->settings, q);
	put_word(object, "verdict", verdict_word(verdict.kind));
	if (verdict.kind == VERDICT_BLOCKED) {
		struct policy_answer answer;
		policy_answer(g->policy, &verdict, &q->name, now_s, &answer);
		put_word(object, "answer", answer_words[answer.answer]);
		put(object, "ttl", json_integer(answer.ttl_s));
	} else {
		put(object, "answer", json_null());
		put(object, "ttl", json_null());
	}
	if (decides) {
		struct policy_entry entry = {0};
		policy_entry(g->policy, verdict.entry, &entry);
		put(object, "rule", rule(&entry));
	} else {
		put(object, "rule", json_null());
	}
	size_t omitted;
	put(object, "also", losers(g, scratch, &q->name, now_s, &omitted));
	if (omitted)
		put(object, "also_omitted", json_integer((json_int_t)omitted));
	return object;
}
