/* SPDX-License-Identifier: BSD-2-Clause */
#include "fixture.h"

#include <stdio.h>
#include <string.h>

static struct fixture f;

static int set_up(void **state)
{
	(void)state;
	fixture_init(&f);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	fixture_finish(&f);
	return 0;
}

/* "list:line why; list:line why; ..." */
static const char *explained(const char *text, size_t max)
{
	static char out[1024];
	struct policy_hit hits[16];
	struct name name = name_of(text);
	size_t count = policy_explain(f.policy, f.scratch, &name, f.now_s, hits, max), used = 0;
	out[0] = '\0';
	for (size_t i = 0; i < MIN(count, max); i++) {
		struct policy_entry e;
		policy_entry(f.policy, hits[i].entry, &e);
		used += (size_t)snprintf(out + used, sizeof(out) - used, "%s%.*s:%u %s", i == 0 ? "" : "; ", (int)e.list.len,
					 e.list.ptr, e.line, hits[i].why_not == WHY_DECIDES ? "decides" : hits[i].why_not_text);
	}
	return out;
}

static void every_reason_to_lose(void **state)
{
	(void)state;
	size_t b = fixture_list(&f, "b", ACTION_BLOCK, false, MODE_ENFORCE),
	       s = fixture_list(&f, "s", ACTION_BLOCK, false, MODE_SHADOW);
	size_t c = fixture_list(&f, "c", ACTION_BLOCK, false, MODE_ENFORCE);
	fixture_entry(&f, b, "x.example", MATCH_SUBTREE);
	fixture_entry(&f, b, "example", MATCH_SUBTREE);
	fixture_entry(&f, b, "x.example", MATCH_EXACT);
	fixture_expires(&f, fixture_entry(&f, b, "x.example", MATCH_SUBTREE), NOW_S);
	fixture_lifted(&f, fixture_entry(&f, b, "example", MATCH_SUBDOMAINS), NOW_S);
	fixture_entry(&f, s, "x.example", MATCH_EXACT);
	fixture_entry(&f, c, "x.example", MATCH_EXACT);
	fixture_entry(&f, c, "^x", MATCH_REGEX);
	fixture_entry(&f, c, "x\\.", MATCH_REGEX);
	fixture_open(&f);
	assert_string_equal(
	    explained("x.example", 16),
	    "b:3 decides; s:1 shadow; c:1 the same name, further down; b:1 less specific; b:4 expired; b:2 less specific; "
	    "b:5 lifted; c:2 less specific; c:3 less specific");
	assert_string_equal(explained("x.example", 1), "b:3 decides");
	assert_string_equal(explained("x.example", 0), "");
	assert_string_equal(explained("xy.net", 16), "c:2 decides");
	assert_string_equal(explained("x.net", 16), "c:2 decides; c:3 an expression further up matches");
	assert_string_equal(explained("y.net", 16), "");
}

static void the_rank_that_wins_is_named(void **state)
{
	(void)state;
	size_t b = fixture_list(&f, "b", ACTION_BLOCK, false, MODE_ENFORCE),
	       a = fixture_list(&f, "a", ACTION_ALLOW, false, MODE_ENFORCE);
	size_t mb = fixture_list(&f, "mb", ACTION_BLOCK, true, MODE_ENFORCE),
	       ma = fixture_list(&f, "ma", ACTION_ALLOW, true, MODE_ENFORCE);
	fixture_entry(&f, b, "one.example", MATCH_EXACT);
	fixture_entry(&f, a, "example", MATCH_SUBTREE);
	fixture_entry(&f, b, "two.example", MATCH_EXACT);
	fixture_entry(&f, mb, "two.example", MATCH_SUBTREE);
	fixture_entry(&f, b, "three.example", MATCH_EXACT);
	fixture_entry(&f, mb, "three.example", MATCH_SUBTREE);
	fixture_entry(&f, ma, "three.example", MATCH_SUBTREE);
	fixture_open(&f);
	assert_string_equal(explained("one.example", 16), "a:1 decides; b:1 an allow outranks it");
	assert_string_equal(explained("two.example", 16),
			    "mb:1 decides; a:1 a mandatory block outranks it; b:2 a mandatory block outranks it");
	assert_string_equal(explained("three.example", 16),
			    "ma:1 decides; mb:2 a mandatory allow outranks it; a:1 a mandatory allow outranks it; "
			    "b:3 a mandatory allow outranks it");
}

static void nothing_in_force_yet_something_matches(void **state)
{
	(void)state;
	size_t s = fixture_list(&f, "s", ACTION_BLOCK, true, MODE_SHADOW),
	       b = fixture_list(&f, "b", ACTION_BLOCK, false, MODE_ENFORCE);
	fixture_lifted(&f, fixture_entry(&f, s, "x.example", MATCH_SUBTREE), NOW_S); /* lifted and shadow: lifted is said */
	fixture_entry(&f, s, "example", MATCH_SUBTREE);
	struct list_entry *e = fixture_entry(&f, b, "x.example", MATCH_SUBTREE); /* lifted and expired */
	fixture_lifted(&f, e, NOW_S - 1);
	fixture_expires(&f, e, NOW_S - 5);
	fixture_open(&f);
	assert_string_equal(explained("x.example", 16), "s:1 lifted; s:2 shadow; b:1 lifted");
}

static void an_entry_tells_all_it_knows(void **state)
{
	(void)state;
	static const char *const contacts[20] = {"mailto:a@example",
						 "mailto:b@example",
						 "c",
						 "c",
						 "c",
						 "c",
						 "c",
						 "c",
						 "c",
						 "c",
						 "c",
						 "c",
						 "c",
						 "c",
						 "c",
						 "the sixteenth",
						 "q",
						 "q",
						 "q",
						 "q"};
	size_t l = fixture_list(&f, "l", ACTION_BLOCK, true, MODE_SHADOW);
	f.lists[l].provenance =
	    (struct provenance){.authority = "the file's", .reason = "the file's", .contact = contacts, .contact_count = 20};
	f.settings_lists[l].provenance = (struct provenance){
	    .reference = "https://settings.example/", .has_code = true, .code = CODE_FILTERED, .reason = "the settings'"};
	struct list_entry *e = fixture_entry(&f, l, "X.Example.", MATCH_SUBDOMAINS);
	struct provenance *p = fixture_provenance(&f, e);
	*p = (struct provenance){.authority = "its own \xc3\xa9",
				 .added = "2017-07-14",
				 .review = "2017-08-14",
				 .expires = "2030-01-01",
				 .expires_s = NOW_S * 2,
				 .lifted = "2029-01-01",
				 .lifted_s = NOW_S * 2 - 1};
	fixture_entry(&f, l, "bare.example", MATCH_SUBTREE)->line = 40;
	fixture_open(&f);

	struct name name = name_of("a.x.example");
	struct policy_hit hit;
	struct policy_entry got;
	assert_int_equal(policy_explain(f.policy, f.scratch, &name, NOW_S, &hit, 1), 1);
	policy_entry(f.policy, hit.entry, &got);
	assert_true(str_eq_c(got.list, "l"));
	assert_true(str_eq_c(got.file, "l.yaml"));
	assert_int_equal(got.line, 1);
	assert_true(str_eq_c(got.entry, "X.Example."));
	assert_int_equal(got.match, MATCH_SUBDOMAINS);
	assert_int_equal(got.action, ACTION_BLOCK);
	assert_int_equal(got.mode, MODE_SHADOW);
	assert_true(got.mandatory);
	assert_int_equal(got.code, CODE_FILTERED);
	assert_true(str_eq_c(got.authority, "its own \xc3\xa9"));
	assert_true(str_eq_c(got.reason, "the file's"));
	assert_true(str_eq_c(got.reference, "https://settings.example/"));
	assert_int_equal(got.contact_count, 16);
	assert_true(str_eq_c(got.contact[0], "mailto:a@example"));
	assert_true(str_eq_c(got.contact[15], "the sixteenth"));
	assert_true(str_eq_c(got.added, "2017-07-14"));
	assert_true(str_eq_c(got.review, "2017-08-14"));
	assert_true(str_eq_c(got.expires, "2030-01-01"));
	assert_true(str_eq_c(got.lifted, "2029-01-01"));

	name = name_of("bare.example");
	assert_int_equal(policy_explain(f.policy, f.scratch, &name, NOW_S, &hit, 1), 1);
	policy_entry(f.policy, hit.entry, &got);
	assert_int_equal(got.line, 40);
	assert_true(str_eq_c(got.authority, "the file's"));
	assert_null(got.added.ptr);
	assert_null(got.review.ptr);
	assert_null(got.expires.ptr);
	assert_null(got.lifted.ptr);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(every_reason_to_lose),
	    TEST(the_rank_that_wins_is_named),
	    TEST(nothing_in_force_yet_something_matches),
	    TEST(an_entry_tells_all_it_knows),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
