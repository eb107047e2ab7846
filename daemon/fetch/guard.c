/* SPDX-License-Identifier: BSD-2-Clause */
#include "fetch/guard.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

/* Lines that are nothing a list of names could have. The other reasons - cosmetic rules, localhost, rules for parts of a site - are
 * said of lists that are good ones, though not written for a DNS server alone. */
static const char *const bad_reasons[] = {"bad-name", "empty-label", "single-label", "ip",	 "url",	    "action",
					  "record",   "out-of-zone", "syntax",	     "too-long", "not-text"};

static uint64_t count_of(const json_t *object, const char *key)
{
	json_int_t count = json_integer_value(json_object_get(object, key));
	return count > 0 ? (uint64_t)count : 0;
}

static void add_left(const json_t *item, struct fetch_counts *counts)
{
	const char *reason = json_string_value(json_object_get(item, "reason"));
	uint64_t count = count_of(item, "count");
	counts->left += count;
	for (size_t i = 0; reason && i < ARRAY_LEN(bad_reasons); i++)
		if (strcmp(reason, bad_reasons[i]) == 0)
			counts->bad += count;
}

bool fetch_counts_parse(struct str text, struct fetch_counts *ret)
{
	struct fetch_counts counts = {0};
	json_error_t fault;
	size_t i;
	json_t *item, *root = text.ptr ? json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES, &fault) : NULL;
	const char *refused = json_string_value(json_object_get(root, "refused"));
	const char *format = json_string_value(json_object_get(root, "format"));
	json_t *taken = json_object_get(root, "taken");
	bool good =
	    refused || (json_is_integer(json_object_get(taken, "total")) && json_is_array(json_object_get(root, "left_out")));
	counts.refused = refused != NULL;
	counts.unsigned_ = refused && json_is_false(json_object_get(root, "signed"));
	(void)snprintf(counts.why, sizeof(counts.why), "%s", refused ? refused : "");
	(void)snprintf(counts.format, sizeof(counts.format), "%s", format ? format : "");
	counts.taken = count_of(taken, "total");
	json_array_foreach(json_object_get(root, "left_out"), i, item)
	{
		add_left(item, &counts);
	}
	json_decref(root);
	if (good)
		*ret = counts;
	return good;
}

#define FORCE_TEXT "; 'saringctl list fetch --force' takes it"

bool fetch_judge(const struct fetch_counts *c, const struct fetch_rules *r, char why[FETCH_WHY_MAX])
{
	if (c->refused) {
		(void)snprintf(why, FETCH_WHY_MAX, "%s%s", c->unsigned_ ? "" : "it is no list: ", c->why);
		return false;
	}
	if (r->force)
		return true;
	if (c->bad > 0 && c->taken * 100 < (c->taken + c->bad) * FETCH_PARSE_PERCENT_MIN) {
		(void)snprintf(why, FETCH_WHY_MAX, "of its %" PRIu64 " entries %" PRIu64 " can be read" FORCE_TEXT,
			       c->taken + c->bad, c->taken);
		return false;
	}
	if (c->taken == 0 && c->left > 0) {
		(void)snprintf(why, FETCH_WHY_MAX, "of its %" PRIu64 " entries none is for a DNS server" FORCE_TEXT, c->left);
		return false;
	}
	bool compare = r->compare && r->old_taken > 0 && r->max_change_percent > 0;
	uint64_t change = c->taken > r->old_taken ? c->taken - r->old_taken : r->old_taken - c->taken;
	if (compare && change * 100 > r->old_taken * r->max_change_percent) {
		(void)snprintf(why, FETCH_WHY_MAX,
			       "it has %" PRIu64 " entries and the copy in use %" PRIu64
			       ", which is a change of more than %u%%" FORCE_TEXT,
			       c->taken, r->old_taken, r->max_change_percent);
		return false;
	}
	if (c->taken == 0) {
		(void)snprintf(why, FETCH_WHY_MAX, "nothing in it can be used" FORCE_TEXT);
		return false;
	}
	return true;
}

/* ---- when ---- */

static int64_t jitter(int64_t s, uint32_t random)
{
	int64_t span = s * 2 * FETCH_JITTER_PERCENT / 100;
	return s - span / 2 + (int64_t)(random % ((uint64_t)span + 1));
}

int64_t fetch_refresh_s(int64_t refresh_s, uint32_t random)
{
	return jitter(refresh_s, random);
}

int64_t fetch_retry_s(unsigned failures, int64_t refresh_s, uint32_t random)
{
	int64_t s = FETCH_RETRY_FIRST_S;
	for (unsigned i = 1; i < failures && s < refresh_s; i++)
		s *= 2;
	return MIN(jitter(MIN(s, refresh_s), random), refresh_s);
}

bool fetch_is_due(int64_t next_s, int64_t now_s, int64_t refresh_s)
{
	return now_s >= next_s || next_s - now_s > refresh_s + refresh_s * FETCH_JITTER_PERCENT / 100;
}
