/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Which entries of a policy are to be looked at again, and when: those of both tiers, by what they have in common. */
#include "policy/review.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "policy/fixture.h"
#include "compile/image_write.h"
#include "policy/image_read.h"

static struct fixture f;

#define T2018 INT64_C(1514764800)
#define T2030 INT64_C(1893456000)

static void of_both_tiers(void **state)
{
	(void)state;
	static const char *const contacts[] = {"mailto:a@example.net", "tel:+1"};
	const struct fixture_list lists[] = {
	    {.name = "live",
	     .text = "authority: Court\n"
		     "entries:\n"
		     "  - {domain: late.example, review: 2030-01-01}\n"
		     "  - {domain: a.example, review: 2018-01-01, match: exact}\n"
		     "  - {domain: b.example, review: 2018-01-01}\n" /* another rule, and the same review */
		     "  - {domain: c.example, review: 2018-01-01, expires: 2030-01-01}\n"
		     "  - {regex: '^d', review: 2018-01-01}\n"
		     "  - none.example\n"},
	    {.name = "bulk",
	     .text = "x.example\ny.example\n",
	     .format = FORMAT_DOMAINS,
	     .provenance = {.review = "2018-01-01", .review_s = T2018, .contact = contacts, .contact_count = 2}},
	    {.name = "quiet", .text = "entries: [q.example]\n"},
	};
	fixture_policy(&f, lists, ARRAY_LEN(lists), NOW_S);
	static const struct {
		int64_t review_s, until_s;
		size_t entries;
		uint16_t list;
	} wanted[] = {
	    {T2018, IMAGE_FOREVER, 3, 0}, {T2018, T2030, 1, 0}, {T2030, IMAGE_FOREVER, 1, 0}, {T2018, IMAGE_FOREVER, 2, 1}};
	assert_int_equal(policy_review_count(f.policy), ARRAY_LEN(wanted));
	size_t matched = 0;
	for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
		struct policy_review r;
		policy_review(f.policy, i, &r);
		for (size_t k = 0; k < ARRAY_LEN(wanted); k++)
			matched += r.review_s == wanted[k].review_s && r.until_s == wanted[k].until_s &&
				   r.entries == wanted[k].entries && r.list == wanted[k].list;
		assert_true(str_eq_c(r.review, r.review_s == T2018 ? "2018-01-01" : "2030-01-01"));
		assert_true(r.list == 1 ? str_eq_c(r.contact, "mailto:a@example.net") : r.contact.ptr == NULL);
		assert_true(r.list == 0 ? str_eq_c(r.authority, "Court") : r.authority.ptr == NULL);
		assert_null(r.reference.ptr);
	}
	assert_int_equal(matched, ARRAY_LEN(wanted));
}

static void none(void **state)
{
	(void)state;
	fixture_names(&f, "a", ACTION_BLOCK, false, MODE_ENFORCE, "a.example");
	fixture_open(&f);
	assert_int_equal(policy_review_count(f.policy), 0);
}

/* Entries are looked up to say how many are due: an image that lies of them is none. */
static void damage_is_refused(void **state)
{
	(void)state;
	struct err err;
	struct policy *policy = NULL;
	fixture_add(&f,
		    &(struct fixture_list){.name = "a", .text = "entries: [{domain: a.example, review: 2018-01-01}, b.example]\n"});
	fixture_compile(&f);
	uint8_t *image = (uint8_t *)f.images[IMAGE_LIVE].ptr;
	const uint64_t at = le_get_u64(image + IMAGE_H_SECTIONS + 16 * IMAGE_REVIEWS);
	static const struct {
		size_t place;
		uint32_t value;
	} damages[] = {{IMAGE_REVIEW_LIST, 1}, {IMAGE_REVIEW_PROVENANCE, 99}, {IMAGE_REVIEW_COUNT, 0}, {IMAGE_REVIEW_COUNT, 3}};
	for (size_t i = 0; i < ARRAY_LEN(damages); i++) {
		uint8_t *p = image + at + damages[i].place;
		const uint32_t was = le_get_u32(p);
		le_put_u32(p, damages[i].value);
		image_seal(image, f.images[IMAGE_LIVE].len);
		assert_false(policy_open_memory(image, f.images[IMAGE_LIVE].len, NULL, 0, &policy, &err));
		le_put_u32(p, was);
	}
	image_seal(image, f.images[IMAGE_LIVE].len);
	assert_true(policy_open_memory(image, f.images[IMAGE_LIVE].len, NULL, 0, &policy, &err));
	assert_int_equal(policy_review_count(policy), 1);
	policy_close(policy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {FIXTURE_TEST(of_both_tiers, &f), FIXTURE_TEST(none, &f),
					   FIXTURE_TEST(damage_is_refused, &f)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
