/* SPDX-License-Identifier: BSD-2-Clause
 *
 * report_entry.c - entries of lists as JSON, and the small parts that all documents about them are made of. */
#include "admin/commands.h"
#include "admin/report_part.h"
#include "ctl/proto.h"

void report_put(json_t *object, const char *key, json_t *value)
{
	must(value && json_object_set_new(object, key, value) == 0);
}

void report_put_str(json_t *object, const char *key, struct str text)
{
	report_put(object, key, ctl_text(text));
}

void report_put_word(json_t *object, const char *key, const char *word)
{
	report_put(object, key, ctl_text(str_from(word)));
}

void report_put_name(json_t *object, const char *key, const struct name *name)
{
	char text[NAME_TEXT_MAX];
	report_put_word(object, key, name_to_text(name, text));
}

void report_put_time(json_t *object, const char *key, int64_t time_s)
{
	char text[32];
	str_from_time(time_s, text, sizeof(text));
	report_put_word(object, key, text);
}

void report_add(json_t *array, json_t *value)
{
	must(value && json_array_append_new(array, value) == 0);
}

const char *report_verdict_word(enum verdict_kind kind)
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

json_t *report_rule(const struct policy_entry *e)
{
	json_t *contact = json_array();
	for (size_t i = 0; i < e->contact_count; i++)
		report_add(contact, ctl_text(e->contact[i]));
	json_t *object = json_object();
	report_put_str(object, "list", e->list);
	report_put_str(object, "file", e->file);
	report_put(object, "line", json_integer(e->line));
	report_put_str(object, "entry", e->entry);
	report_put_word(object, "match", match_words[e->match]);
	report_put_word(object, "action", action_words[e->action]);
	report_put(object, "mandatory", json_boolean(e->mandatory));
	report_put_word(object, "mode", mode_words[e->mode]);
	report_put_word(object, "code", code_words[e->code]);
	report_put_word(object, "sub_error", e->sub_error == SUB_ERROR_NONE ? NULL : sub_error_words[e->sub_error]);
	report_put_str(object, "authority", e->authority);
	report_put_str(object, "reason", e->reason);
	report_put_str(object, "reference", e->reference);
	report_put_str(object, "organization", e->organization);
	report_put_str(object, "language", e->language);
	report_put(object, "contact", contact);
	report_put_str(object, "added", e->added);
	report_put_str(object, "review", e->review);
	report_put_str(object, "expires", e->expires);
	report_put_str(object, "lifted", e->lifted);
	report_put_str(object, "lifted_by", e->lifted_by);
	report_put_str(object, "lift_reason", e->lift_reason);
	report_put_str(object, "lift_reference", e->lift_reference);
	return object;
}

/* overruled: why not the decider among them; NULL: it is none of these. */
static json_t *losers(const struct policy_hit *hits, size_t count, const char *overruled)
{
	json_t *array = json_array();
	for (size_t i = 0; i < count; i++) {
		bool decides = hits[i].why_not == WHY_DECIDES;
		if (decides && overruled == NULL)
			continue;
		json_t *object = report_rule(&hits[i].entry);
		report_put_word(object, "why_not", decides ? overruled : hits[i].why_not_text);
		report_add(array, object);
	}
	return array;
}

static void put_entries(json_t *object, json_t *rule, const char *overruled, const struct policy_hit *hits, size_t total)
{
	size_t count = MIN(total, (size_t)EXPLAIN_HITS_MAX);
	report_put(object, "rule", rule);
	report_put(object, "also", losers(hits, count, overruled));
	if (total > count)
		report_put(object, "also_omitted", json_integer((json_int_t)(total - count)));
}

void report_put_entries(json_t *object, const struct policy_hit *hits, size_t total)
{
	bool decided = total > 0 && hits[0].why_not == WHY_DECIDES;
	put_entries(object, decided ? report_rule(&hits[0].entry) : json_null(), NULL, hits, total);
}

void report_put_overruled(json_t *object, json_t *rule, const char *why_not, const struct policy_hit *hits, size_t total)
{
	put_entries(object, rule, why_not, hits, total);
}
