/* SPDX-License-Identifier: BSD-2-Clause */
#include "review.h"

#include "base/log.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct review {
	int64_t seen_s; /* dates up to here were told */
	bool told;	/* what was due at the start */
	/* of that policy, at that time: */
	bool known;
	uint64_t serial;
	size_t due;
	int64_t since_s, next_s; /* `due` holds from then until then */
};

struct review *review_create(int64_t now_s)
{
	struct review *r = base_alloc(sizeof(*r));
	r->seen_s = now_s;
	return r;
}

void review_destroy(struct review *r)
{
	free(r);
}

static bool is_due(const struct policy_review *one, int64_t now_s)
{
	return one->review_s <= now_s && now_s < one->until_s;
}

static void count(struct review *r, const struct policy *policy, uint64_t serial, int64_t now_s)
{
	const size_t all = policy_review_count(policy);
	*r = (struct review){
	    .seen_s = r->seen_s, .told = r->told, .known = true, .serial = serial, .since_s = now_s, .next_s = INT64_MAX};
	for (size_t i = 0; i < all; i++) {
		struct policy_review one;
		policy_review(policy, i, &one);
		if (is_due(&one, now_s)) {
			r->due += one.entries;
			r->next_s = MIN(r->next_s, one.until_s);
		} else if (one.review_s > now_s) {
			r->next_s = MIN(r->next_s, one.review_s);
		}
	}
}

static void look(struct review *r, const struct policy *policy, uint64_t serial, int64_t now_s)
{
	if (!r->known || r->serial != serial || now_s < r->since_s || now_s >= r->next_s)
		count(r, policy, serial, now_s);
}

size_t review_due(struct review *r, const struct policy *policy, uint64_t serial, int64_t now_s)
{
	look(r, policy, serial, now_s);
	return r->due;
}

static const char *safe(struct str text, char buf[512])
{
	return str_escape(text, true, buf, 512);
}

static void say(const struct policy *policy, const struct policy_review *one)
{
	struct policy_list list;
	char authority[512], reference[512], contact[512], review[64], name[128];
	policy_list(policy, one->list, one->review_s, &list);
	log_warning("review.due list=%s entries=%zu review=%s authority=\"%s\" reference=\"%s\" contact=\"%s\"",
		    str_escape(list.name, true, name, sizeof(name)), one->entries,
		    str_escape(one->review, true, review, sizeof(review)), safe(one->authority, authority),
		    safe(one->reference, reference), safe(one->contact, contact));
}

/* Dates that came since the last look. */
static void sound(const struct review *r, const struct policy *policy, int64_t now_s)
{
	const size_t all = policy_review_count(policy);
	size_t lines = 0, more = 0;
	for (size_t i = 0; i < all; i++) {
		struct policy_review one;
		policy_review(policy, i, &one);
		if (!is_due(&one, now_s) || one.review_s <= r->seen_s)
			continue;
		if (lines++ < REVIEW_LINES_MAX)
			say(policy, &one);
		else
			more += one.entries;
	}
	if (more > 0)
		log_warning("review.due-more entries=%zu text=\"'saringctl review' shows them\"", more);
}

void review_tick(struct review *r, const struct policy *policy, uint64_t serial, int64_t now_s)
{
	look(r, policy, serial, now_s);
	if (!r->told && r->due > 0)
		log_warning("review.past entries=%zu text=\"'saringctl review' shows them\"", r->due);
	r->told = true;
	/* counted anew since the last tick: something may have come */
	if (r->since_s > r->seen_s)
		sound(r, policy, now_s);
	r->seen_s = now_s;
}

void review_annotate(const struct policy *policy, json_t *lists, int64_t now_s)
{
	struct policy_info info;
	const size_t all = policy_review_count(policy);
	policy_info(policy, now_s, &info);
	size_t *due = base_alloc((info.list_count + 1) * sizeof(*due));
	for (size_t i = 0; i < all; i++) {
		struct policy_review one;
		policy_review(policy, i, &one);
		if (is_due(&one, now_s))
			due[one.list] += one.entries;
	}
	for (size_t i = 0; i < info.list_count; i++) {
		struct policy_list list;
		size_t n;
		json_t *object;
		policy_list(policy, (uint16_t)i, now_s, &list);
		json_array_foreach(lists, n, object)
		{
			const json_t *name = json_object_get(object, "name");
			if (json_is_string(name) && str_eq_c(list.name, json_string_value(name)))
				must(json_object_set_new(object, "review_due", json_integer((json_int_t)due[i])) == 0);
		}
	}
	free(due);
}
