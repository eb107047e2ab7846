/* SPDX-License-Identifier: BSD-2-Clause */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
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

/* "FILE:LINE kind text", one a line. */
static const char *checked(void)
{
	static char out[8192];
	struct compile_input input = fixture_input(&f);
	struct policy_warning *w = NULL;
	size_t used = 0, count = policy_check(&input, &w);
	out[0] = '\0';
	for (size_t i = 0; i < count; i++)
		used += (size_t)snprintf(out + used, sizeof(out) - used, "%s:%u %s %s\n", w[i].file, w[i].line,
					 warning_words[w[i].kind], w[i].text);
	assert_true(used < sizeof(out));
	free(w);
	return out;
}

static size_t list_of(const char *name, enum action action, bool mandatory)
{
	return fixture_list(&f, name, action, mandatory, MODE_ENFORCE);
}

static void good_lists_give_no_warning(void **state)
{
	(void)state;
	size_t b = list_of("b", ACTION_BLOCK, false), a = list_of("a", ACTION_ALLOW, false);
	fixture_entry(&f, b, "x.example", MATCH_SUBTREE);
	fixture_entry(&f, b, "y.example", MATCH_EXACT);
	fixture_entry(&f, b, "z.y.example", MATCH_EXACT);
	fixture_entry(&f, a, "x.example", MATCH_SUBTREE); /* the other action */
	fixture_entry(&f, a, "good.x.example", MATCH_SUBDOMAINS);
	fixture_entry(&f, b, "^x", MATCH_REGEX);
	fixture_entry(&f, a, "^x", MATCH_REGEX);
	assert_string_equal(checked(), "a.yaml:2 covered 'good.x.example' is covered by 'x.example' (subtree) at line 1\n");
	f.lists[a].entry_count = 1;
	assert_string_equal(checked(), "");
}

static void duplicates_say_where_the_first_is(void **state)
{
	(void)state;
	size_t b = list_of("b", ACTION_BLOCK, false), c = list_of("c", ACTION_BLOCK, true);
	fixture_entry(&f, b, "x.example", MATCH_EXACT);
	fixture_entry(&f, b, "X.Example.", MATCH_EXACT);
	fixture_entry(&f, b, "^r", MATCH_REGEX);
	fixture_entry(&f, c, "x.example", MATCH_EXACT);
	fixture_entry(&f, c, "^r", MATCH_REGEX);
	fixture_entry(&f, c, "x.example", MATCH_EXACT);
	fixture_lifted(&f, fixture_entry(&f, c, "x.example", MATCH_EXACT), NOW_S);
	assert_string_equal(checked(), "b.yaml:2 duplicate 'X.Example.' (exact) stands already at line 1\n"
				       "c.yaml:1 duplicate 'x.example' (exact) stands already at b.yaml:1\n"
				       "c.yaml:2 duplicate '^r' (regex) stands already at b.yaml:3\n"
				       "c.yaml:3 duplicate 'x.example' (exact) stands already at b.yaml:1\n");
	/* the first is lifted: the next one is the first */
	fixture_lifted(&f, &f.entries[b][0], NOW_S);
	f.lists[c].entry_count = 0;
	assert_string_equal(checked(), "");
}

static void covered_entries_name_what_covers_them(void **state)
{
	(void)state;
	size_t b = list_of("b", ACTION_BLOCK, false), m = list_of("m", ACTION_BLOCK, true),
	       s = fixture_list(&f, "s", ACTION_BLOCK, false, MODE_SHADOW);
	fixture_entry(&f, b, "web.telegram.org", MATCH_SUBTREE); /* 1: the one that covers comes later */
	fixture_entry(&f, b, "telegram.org", MATCH_SUBTREE);	 /* 2 */
	fixture_entry(&f, b, "telegram.org", MATCH_EXACT);	 /* 3 */
	fixture_entry(&f, b, "telegram.org", MATCH_SUBDOMAINS);	 /* 4 */
	fixture_entry(&f, b, "b.example", MATCH_SUBDOMAINS);	 /* 5 */
	fixture_entry(&f, b, "b.example", MATCH_EXACT);		 /* 6: not below it */
	fixture_entry(&f, b, "x.b.example", MATCH_SUBTREE);	 /* 7 */
	fixture_entry(&f, b, "hard.example", MATCH_SUBTREE);	 /* 8 */
	fixture_entry(&f, b, "x.m.example", MATCH_SUBTREE);	 /* 9: covered by the mandatory list */
	fixture_entry(&f, m, "m.example", MATCH_SUBTREE);
	fixture_entry(&f, m, "x.hard.example", MATCH_SUBTREE); /* an ordinary list does not cover a mandatory entry */
	fixture_entry(&f, s, "x.telegram.org", MATCH_SUBTREE); /* a list on trial is compared with its like only */
	assert_string_equal(checked(), "b.yaml:1 covered 'web.telegram.org' is covered by 'telegram.org' (subtree) at line 2\n"
				       "b.yaml:3 covered 'telegram.org' is covered by 'telegram.org' (subtree) at line 2\n"
				       "b.yaml:4 covered 'telegram.org' is covered by 'telegram.org' (subtree) at line 2\n"
				       "b.yaml:7 covered 'x.b.example' is covered by 'b.example' (subdomains) at line 5\n"
				       "b.yaml:9 covered 'x.m.example' is covered by 'm.example' (subtree) at m.yaml:1\n");
}

static void what_ends_sooner_does_not_cover(void **state)
{
	(void)state;
	size_t b = list_of("b", ACTION_BLOCK, false);
	fixture_expires(&f, fixture_entry(&f, b, "sooner.example", MATCH_SUBTREE), NOW_S + 10);
	fixture_entry(&f, b, "x.sooner.example", MATCH_SUBTREE);
	fixture_expires(&f, fixture_entry(&f, b, "y.sooner.example", MATCH_SUBTREE), NOW_S + 10);
	assert_string_equal(checked(), "b.yaml:3 covered 'y.sooner.example' is covered by 'sooner.example' (subtree) at line 1\n");
}

static void times_that_have_passed(void **state)
{
	(void)state;
	size_t b = list_of("b", ACTION_BLOCK, false), whole = list_of("whole", ACTION_BLOCK, false),
	       due = list_of("due", ACTION_BLOCK, false);
	fixture_expires(&f, fixture_entry(&f, b, "old.example", MATCH_SUBTREE), NOW_S);
	fixture_expires(&f, fixture_entry(&f, b, "new.example", MATCH_SUBTREE), NOW_S + 1);
	struct provenance *p = fixture_provenance(&f, fixture_entry(&f, b, "review.example", MATCH_SUBTREE));
	*p = (struct provenance){.review = "2017-08-14", .review_s = NOW_S};
	p = fixture_provenance(&f, fixture_entry(&f, b, "later.example", MATCH_SUBTREE));
	*p = (struct provenance){.review = "2040-08-14", .review_s = NOW_S + 1};
	p = fixture_provenance(&f, fixture_entry(&f, b, "lifted.example", MATCH_SUBTREE));
	*p = (struct provenance){
	    .review = "2017-08-14", .review_s = NOW_S, .expires = "2017", .expires_s = 0, .lifted = "2016", .lifted_s = 1};
	f.lists[whole].provenance = (struct provenance){.expires = "2018-07-14", .expires_s = NOW_S - 1};
	fixture_entry(&f, whole, "a.whole.example", MATCH_SUBTREE);
	fixture_entry(&f, whole, "b.whole.example", MATCH_SUBTREE);
	f.settings_lists[due].provenance = (struct provenance){.review = "2018-07-14", .review_s = NOW_S - 1};
	fixture_entry(&f, due, "a.due.example", MATCH_SUBTREE);
	assert_string_equal(checked(), "b.yaml:1 expired 'old.example' has expired: expires 1700000000\n"
				       "b.yaml:3 past-review 'review.example' should have been looked at again: 2017-08-14\n"
				       "whole.yaml:1 expired the list has expired: 2018-07-14\n"
				       "due.yaml:1 past-review the list should have been looked at again: 2018-07-14\n");
}

static void too_broad_entries(void **state)
{
	(void)state;
	size_t b = list_of("b", ACTION_BLOCK, false), a = list_of("a", ACTION_ALLOW, true);
	fixture_entry(&f, b, "co.uk", MATCH_SUBTREE);
	fixture_entry(&f, b, "example.co.uk", MATCH_SUBTREE);
	fixture_entry(&f, b, "de", MATCH_SUBDOMAINS);
	fixture_entry(&f, b, "nosuchtld", MATCH_SUBTREE);
	fixture_entry(&f, b, "fr", MATCH_EXACT);
	fixture_entry(&f, a, "com", MATCH_SUBTREE);
	const char *got = checked();
	assert_non_null(strstr(got, "b.yaml:1 over-broad 'co.uk' is a public suffix"));
	assert_non_null(strstr(got, "b.yaml:3 over-broad 'de' is a top-level domain"));
	assert_non_null(strstr(got, "b.yaml:4 over-broad 'nosuchtld' is a top-level domain"));
	assert_null(strstr(got, "b.yaml:2 over-broad"));
	assert_null(strstr(got, "b.yaml:5 over-broad"));
	assert_null(strstr(got, "a.yaml"));
	f.lists[b].entry_count = 0;
	fixture_entry(&f, b, ".", MATCH_SUBTREE);
	assert_non_null(strstr(checked(), "b.yaml:1 over-broad '.' is the root"));
}

static void lists_in_mode_off_are_left_alone(void **state)
{
	(void)state;
	size_t off = fixture_list(&f, "off", ACTION_BLOCK, false, MODE_OFF);
	fixture_entry(&f, off, "com", MATCH_SUBTREE);
	assert_string_equal(checked(), "");
	f.list_pointers[off] = &f.lists[off];
	assert_string_equal(checked(), "");
}

/* One name over and over, and a deep chain of names: linear, and bounded. */
static void many_warnings_are_bounded(void **state)
{
	(void)state;
	enum { COUNT = POLICY_WARNINGS_MAX * 2 };
	size_t l = list_of("l", ACTION_BLOCK, false);
	struct list_entry *entries = arena_alloc(&f.arena, COUNT * sizeof(*entries));
	struct name name = name_of("x.example");
	for (uint32_t i = 0; i < COUNT; i++)
		entries[i] = (struct list_entry){.text = "x.example",
						 .match = MATCH_EXACT,
						 .has_match = true,
						 .name = name.wire,
						 .name_len = name.len,
						 .line = i + 1};
	f.lists[l].entries = entries;
	f.lists[l].entry_count = COUNT;
	struct compile_input input = fixture_input(&f);
	struct policy_warning *w = NULL;
	assert_int_equal(policy_check(&input, &w), POLICY_WARNINGS_MAX);
	assert_int_equal(w[POLICY_WARNINGS_MAX - 1].line, POLICY_WARNINGS_MAX + 1);
	free(w);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(good_lists_give_no_warning),
	    TEST(duplicates_say_where_the_first_is),
	    TEST(covered_entries_name_what_covers_them),
	    TEST(what_ends_sooner_does_not_cover),
	    TEST(times_that_have_passed),
	    TEST(too_broad_entries),
	    TEST(lists_in_mode_off_are_left_alone),
	    TEST(many_warnings_are_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
