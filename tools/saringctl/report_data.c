/* SPDX-License-Identifier: BSD-2-Clause */
#include "saringctl/report_data.h"

#include "audit/read.h"
#include "ctl/proto.h"
#include "saringctl/audit_show.h"
#include "version.h"

#include <stdlib.h>
#include <string.h>

#define DAY_S 86400

static json_t *time_json(int64_t time_s)
{
	char text[32];
	str_from_time(time_s, text, sizeof(text));
	return json_string(text);
}

static bool is_state(const json_t *order, const char *state)
{
	return strcmp(field_text(order, "state"), state) == 0;
}

static bool is_block(const json_t *order)
{
	return strcmp(field_text(order, "action"), "block") == 0;
}

static bool has_entries(const json_t *order)
{
	return field_int(order, "entries") > 0;
}

/* A moment of an order, within the report's time; a date stands for its whole day. */
static bool is_within(const struct report_sources *s, const json_t *order, const char *key)
{
	char key_s[32];
	(void)snprintf(key_s, sizeof(key_s), "%s_s", key);
	const json_t *moment = json_object_get(order, key_s);
	bool is_date = strchr(field_text(order, key), 'T') == NULL && strchr(field_text(order, key), 't') == NULL;
	json_int_t from = json_integer_value(moment), to = from + (is_date ? DAY_S - 1 : 0);
	return json_is_integer(moment) && to >= s->since_s && from <= s->until_s;
}

/* ---- orders ---- */

/* {"authority", "orders": [...], "entries", "hits"} of each who has something in force. */
static json_t *by_authority(const struct report_sources *s)
{
	json_t *ret = json_array(), *places = json_object(), *order;
	size_t i;
	must(ret != NULL && places != NULL);
	json_array_foreach(json_object_get(s->orders, "orders"), i, order)
	{
		if (!is_block(order) || !is_state(order, "in force") || !has_entries(order))
			continue;
		const char *authority = field_text(order, "authority"); /* "" for none: nobody is called so */
		json_t *group = json_object_get(places, authority);
		if (group == NULL) {
			group = json_pack("{s:O, s:[], s:i, s:o}", "authority", json_object_get(order, "authority"), "orders",
					  "entries", 0, "hits", s->hits != NULL ? json_integer(0) : json_null());
			must(group != NULL && json_object_set(places, authority, group) == 0 &&
			     json_array_append_new(ret, group) == 0);
		}
		must(json_array_append(json_object_get(group, "orders"), order) == 0);
		field_put(group, "entries", json_integer(field_int(group, "entries") + field_int(order, "entries")));
		if (s->hits != NULL)
			field_put(group, "hits", json_integer(field_int(group, "hits") + field_int(order, "hits")));
	}
	json_decref(places);
	return ret;
}

/* The record of the lift of an order, when there is one. */
static const json_t *lift_record(const struct report_sources *s, const json_t *order)
{
	const json_t *found = NULL, *record, *list, *name, *names = json_object_get(order, "names");
	size_t i, j, k, m;
	const json_t *lifted;
	json_array_foreach(s->records, i, record)
	{
		json_array_foreach(json_object_get(record, "lists"), j, list)
		{
			if (!json_equal(json_object_get(list, "list"), json_object_get(order, "list")))
				continue;
			json_array_foreach(json_object_get(json_object_get(list, "names"), "lifted"), k, lifted)
			{
				json_array_foreach(names, m, name)
				{
					if (json_equal(name, lifted))
						found = record;
				}
			}
		}
	}
	return found;
}

static json_t *lifted_order(const struct report_sources *s, const json_t *order)
{
	json_t *one = json_copy((json_t *)(uintptr_t)order);
	const json_t *record = lift_record(s, order), *added = json_object_get(order, "added_s");
	must(one != NULL);
	field_put(one, "in_force_days",
		  json_is_integer(added) ? json_integer(MAX(field_int(order, "lifted_s") - json_integer_value(added), 0) / DAY_S)
					 : json_null());
	if (record == NULL) {
		field_put(one, "record", json_null());
		return one;
	}
	char *who = audit_show_who(record);
	field_put(one, "record",
		  json_pack("{s:O?, s:O?, s:o, s:O?, s:O?, s:O?}", "seq", json_object_get(record, "seq"), "time",
			    json_object_get(record, "time"), "who", ctl_text(str_from(who)), "reason",
			    json_object_get(record, "reason"), "reference", json_object_get(record, "reference"), "effect_ms",
			    json_object_get(record, "effect_ms")));
	free(who);
	return one;
}

enum section { SECTION_ADDED, SECTION_LIFTED, SECTION_EXPIRED, SECTION_DUE, SECTION_SHADOW, SECTION_COUNT };
static const char *const section_words[SECTION_COUNT] = {"added", "lifted", "expired", "due", "shadow"};

static bool belongs(const struct report_sources *s, const json_t *order, enum section section)
{
	const json_t *review = json_object_get(order, "review_s");
	switch (section) {
	case SECTION_ADDED:
		return is_within(s, order, "added");
	case SECTION_LIFTED:
		return is_state(order, "lifted") && is_within(s, order, "lifted");
	case SECTION_EXPIRED:
		return is_state(order, "expired") && is_within(s, order, "expires");
	case SECTION_DUE:
		return (is_state(order, "in force") || is_state(order, "shadow")) && json_is_integer(review) &&
		       json_integer_value(review) <= s->now_s + REPORT_DUE_S;
	case SECTION_SHADOW:
		return is_state(order, "shadow");
	case SECTION_COUNT:
		break;
	}
	return false;
}

static json_t *section_json(const struct report_sources *s, enum section section)
{
	json_t *ret = json_array();
	const json_t *order;
	size_t i;
	must(ret != NULL);
	json_array_foreach(json_object_get(s->orders, "orders"), i, order)
	{
		if (!is_block(order) || !has_entries(order) || !belongs(s, order, section))
			continue;
		json_t *one = section == SECTION_LIFTED ? lifted_order(s, order) : json_incref((json_t *)(uintptr_t)order);
		must(json_array_append_new(ret, one) == 0);
	}
	return ret;
}

static json_int_t entries_of(const json_t *orders)
{
	json_int_t sum = 0;
	const json_t *order;
	size_t i;
	json_array_foreach(orders, i, order) sum += field_int(order, "entries");
	return sum;
}

/* ---- changes ---- */

/* Some happen to the log alone, or to the daemon. */
static bool is_change(const json_t *record)
{
	const char *verb = field_text(record, "verb");
	return strcmp(verb, "start") != 0 && strcmp(verb, "stop") != 0 && strncmp(verb, "audit ", 6) != 0;
}

static json_t *changes_by_who(const json_t *records)
{
	json_t *ret = json_array(), *places = json_object();
	const json_t *record;
	size_t i;
	must(ret != NULL && places != NULL);
	json_array_foreach(records, i, record)
	{
		if (!is_change(record))
			continue;
		char *who = audit_show_who(record);
		json_t *one = json_object_get(places, who), *verbs;
		if (one == NULL) {
			one =
			    json_pack("{s:o, s:i, s:i, s:{}}", "who", ctl_text(str_from(who)), "changes", 0, "failed", 0, "verbs");
			must(one != NULL && json_object_set(places, who, one) == 0 && json_array_append_new(ret, one) == 0);
		}
		free(who);
		verbs = json_object_get(one, "verbs");
		const char *verb = field_text(record, "verb");
		field_put(one, "changes", json_integer(field_int(one, "changes") + 1));
		field_put(one, "failed",
			  json_integer(field_int(one, "failed") + (strcmp(field_text(record, "outcome"), "error") == 0)));
		field_put(verbs, verb, json_integer(field_int(verbs, verb) + 1));
	}
	json_decref(places);
	return ret;
}

static json_t *changes(const json_t *records, json_int_t *ret_count, json_int_t *ret_unannounced)
{
	json_t *ret = json_array();
	must(ret != NULL);
	*ret_count = *ret_unannounced = 0;
	for (size_t i = json_array_size(records); i > 0; i--) { /* newest first */
		json_t *record = json_array_get(records, i - 1);
		if (!is_change(record))
			continue;
		*ret_count += 1;
		*ret_unannounced += strcmp(field_text(record, "verb"), "unannounced") == 0;
		if (json_array_size(ret) < REPORT_CHANGES_MAX)
			must(json_array_append(ret, record) == 0);
	}
	return ret;
}

static int real_order(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;
	return a < b ? -1 : a > b;
}

/* Did it put something in force, or out of it? By what changed, not by what the verb is called. */
static bool changed(const json_t *record, const char *a, const char *b)
{
	const json_t *list;
	size_t i;
	json_array_foreach(json_object_get(record, "lists"), i, list)
	{
		if (field_int(list, a) > 0 || field_int(list, b) > 0)
			return true;
	}
	return false;
}

/* {"count", "median_ms", "max_ms"} of those that people asked for. */
static json_t *effect(const json_t *records, const char *a, const char *b)
{
	size_t i, count = 0;
	const json_t *record;
	double *times = base_alloc((json_array_size(records) + 1) * sizeof(*times));
	json_array_foreach(records, i, record)
	{
		if (json_is_integer(json_object_get(record, "uid")) && field_real(record, "effect_ms") > 0 && changed(record, a, b))
			times[count++] = field_real(record, "effect_ms");
	}
	qsort(times, count, sizeof(*times), real_order);
	double median = count == 0 ? 0 : count % 2 == 1 ? times[count / 2] : (times[count / 2 - 1] + times[count / 2]) / 2;
	json_t *ret =
	    json_pack("{s:I, s:o, s:o}", "count", (json_int_t)count, "median_ms", count > 0 ? json_real(median) : json_null(),
		      "max_ms", count > 0 ? json_real(times[count - 1]) : json_null());
	must(ret != NULL);
	free(times);
	return ret;
}

/* ---- hits ---- */

static int hit_order(const void *left, const void *right)
{
	const json_t *a = *(json_t *const *)left, *b = *(json_t *const *)right;
	int64_t x = field_int(a, "hits") + field_int(a, "would_block"), y = field_int(b, "hits") + field_int(b, "would_block");
	return x > y ? -1 : x < y;
}

static json_t *hits_by_list(const json_t *entries)
{
	json_t *ret = json_array(), *places = json_object(), *one;
	size_t i;
	must(ret != NULL && places != NULL);
	json_array_foreach(entries, i, one)
	{
		const char *list = field_text(one, "list");
		json_t *sum = json_object_get(places, list);
		if (sum == NULL) {
			sum = json_pack("{s:o, s:i, s:i}", "list", ctl_text(str_from(list)), "hits", 0, "would_block", 0);
			must(sum != NULL && json_object_set(places, list, sum) == 0 && json_array_append_new(ret, sum) == 0);
		}
		field_put(sum, "hits", json_integer(field_int(sum, "hits") + field_int(one, "hits")));
		field_put(sum, "would_block", json_integer(field_int(sum, "would_block") + field_int(one, "would_block")));
	}
	json_decref(places);
	return ret;
}

static json_t *hits_json(const json_t *hits)
{
	const json_t *entries = json_object_get(hits, "entries");
	size_t count = json_array_size(entries);
	json_t *top = json_array();
	json_int_t total = 0;
	if (hits == NULL) {
		json_decref(top);
		json_t *none = json_pack("{s:b}", "counted", 0);
		must(none != NULL);
		return none;
	}
	json_t **sorted = base_alloc((count + 1) * sizeof(json_t *));
	for (size_t i = 0; i < count; i++) {
		sorted[i] = json_array_get(entries, i);
		total += field_int(sorted[i], "hits");
	}
	qsort(sorted, count, sizeof(json_t *), hit_order);
	for (size_t i = 0; i < MIN(count, (size_t)REPORT_TOP_MAX); i++)
		must(json_array_append(top, sorted[i]) == 0);
	free(sorted);
	json_t *ret = json_pack("{s:b, s:O?, s:O?, s:O?, s:I, s:o, s:o}", "counted", 1, "since", json_object_get(hits, "since"),
				"sampled", json_object_get(hits, "sampled"), "lost", json_object_get(hits, "lost"), "total", total,
				"lists", hits_by_list(entries), "top", top);
	must(ret != NULL);
	return ret;
}

/* ---- the whole ---- */

static json_t *texts_json(const char *const *texts, size_t count)
{
	json_t *ret = json_array();
	for (size_t i = 0; i < count; i++)
		must(json_array_append_new(ret, ctl_text(str_from(texts[i]))) == 0);
	return ret;
}

static json_t *lost_records(const json_t *records)
{
	json_int_t lost = 0;
	const json_t *record;
	size_t i;
	json_array_foreach(records, i, record) lost +=
	    strcmp(field_text(record, "verb"), "audit gap") == 0 ? field_int(record, "lost") : 0;
	return json_integer(lost);
}

json_t *report_data(const struct report_sources *s)
{
	json_int_t change_count, unannounced;
	json_t *report = json_object(), *in_force = by_authority(s), *counts = json_object(), *group;
	json_int_t entries = 0, orders = 0;
	size_t i;
	must(report != NULL && counts != NULL);
	json_array_foreach(in_force, i, group)
	{
		entries += field_int(group, "entries");
		orders += (json_int_t)json_array_size(json_object_get(group, "orders"));
	}
	field_put(report, "organization", ctl_text(str_from(s->settings->organization)));
	field_put(report, "contact", texts_json(s->settings->contact, s->settings->contact_count));
	field_put(report, "since", time_json(s->since_s));
	field_put(report, "until", time_json(s->until_s));
	field_put(report, "generated_at", time_json(s->now_s));
	field_put(report, "version", json_string(SARING_VERSION));
	field_put(counts, "authorities", json_integer((json_int_t)json_array_size(in_force)));
	field_put(counts, "orders", json_integer(orders));
	field_put(counts, "orders_left_out", json_integer(field_int(s->orders, "left_out")));
	field_put(counts, "entries", json_integer(entries));
	field_put(report, "counts", counts);
	field_put(report, "in_force", in_force);
	for (int section = 0; section < SECTION_COUNT; section++) {
		json_t *some = section_json(s, (enum section)section);
		char key[32];
		(void)snprintf(key, sizeof(key), "%s_entries", section_words[section]);
		field_put(counts, section_words[section], json_integer((json_int_t)json_array_size(some)));
		field_put(counts, key, json_integer(entries_of(some)));
		field_put(report, section_words[section], some);
	}
	field_put(report, "lists", json_incref(json_object_get(s->orders, "lists")));
	field_put(report, "recorded", json_boolean(s->records != NULL));
	field_put(report, "changes", changes(s->records, &change_count, &unannounced));
	field_put(counts, "changes", json_integer(change_count));
	field_put(counts, "unannounced", json_integer(unannounced));
	field_put(counts, "records_lost", lost_records(s->records));
	field_put(report, "changes_by", changes_by_who(s->records));
	field_put(report, "time_to_effect", effect(s->records, "added", "restored"));
	field_put(report, "time_to_lift", effect(s->records, "lifted", "removed"));
	field_put(report, "hits", hits_json(s->hits));
	return report;
}
