/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct fixture f;

/* "FILE:LINE kind text", one a line. */
static const char *checked(void)
{
	static char out[16384];
	struct policy_warning *w = NULL;
	size_t used = 0, count = policy_check(&f.settings, f.sources, f.now_s, &w);
	out[0] = '\0';
	for (size_t i = 0; i < count && used < sizeof(out); i++)
		used += (size_t)snprintf(out + used, sizeof(out) - used, "%s:%u %s %s\n", w[i].file, w[i].line,
					 warning_words[w[i].kind], w[i].text);
	assert_true(used < sizeof(out));
	free(w);
	return out;
}

/* Entries stand from line 2 on. */
static size_t list_of(const char *name, enum action action, bool mandatory, const char *names)
{
	return fixture_names(&f, name, action, mandatory, MODE_ENFORCE, names);
}

static size_t imported(const char *name, enum format format, const char *text)
{
	return fixture_add(&f, &(struct fixture_list){.name = name, .text = text, .format = format, .may_allow = true});
}

static void good_lists_give_no_warning(void **state)
{
	(void)state;
	list_of("b", ACTION_BLOCK, false, "x.example =y.example =z.y.example /^x/");
	list_of("a", ACTION_ALLOW, false, "=x.example *.good.x.example /^x/");
	imported("h", FORMAT_HOSTS, "0.0.0.0 h.example\n0.0.0.0 i.h.example\n");
	assert_string_equal(checked(), "");
}

static void duplicates_say_where_the_first_is(void **state)
{
	(void)state;
	list_of("b", ACTION_BLOCK, false, "=x.example =X.Example. /^r/");
	list_of("c", ACTION_BLOCK, true, "=x.example /^r/ =x.example =x.example !lifted=2001-01-01");
	assert_string_equal(checked(), "b.yaml:3 duplicate 'X.Example.' (exact) stands already at line 2\n"
				       "c.yaml:2 duplicate 'x.example' (exact) stands already at b.yaml:2\n"
				       "c.yaml:4 duplicate 'x.example' (exact) stands already at b.yaml:2\n");
}

static void a_lifted_first_is_none(void **state)
{
	(void)state;
	list_of("b", ACTION_BLOCK, false, "=x.example !lifted=2001-01-01 =x.example");
	assert_string_equal(checked(), "");
}

static void expressions_and_addresses_twice(void **state)
{
	(void)state;
	list_of("b", ACTION_BLOCK, false, "/^r/ /^s/ /^r/");
	imported("p", FORMAT_ADBLOCK, "||log-*.x.example^\n||log-*.x.example^$important\n||log-*.x.example^\n");
	const char *got = checked();
	assert_non_null(strstr(got, "b.yaml:4 duplicate '^r' (regex) stands already at line 2\n"));
	assert_non_null(strstr(got, "p.txt:3 duplicate '||log-*.x.example^' (pattern) stands already at line 1\n"));
	assert_null(strstr(got, "p.txt:2"));
}

static void covered_entries_name_what_covers_them(void **state)
{
	(void)state;
	list_of("b", ACTION_BLOCK, false,
		"web.telegram.org " /* 2: the one that covers comes later */
		"telegram.org =telegram.org *.telegram.org "
		"*.b.example =b.example " /* 6, 7: not below it */
		"x.b.example hard.example "
		"x.m.example");					      /* 10: covered by the mandatory list */
	list_of("m", ACTION_BLOCK, true, "m.example x.hard.example"); /* an ordinary list does not cover a mandatory entry */
	fixture_names(&f, "s", ACTION_BLOCK, false, MODE_SHADOW, "x.telegram.org"); /* compared with its like only */
	assert_string_equal(checked(), "b.yaml:2 covered 'web.telegram.org' is covered by 'telegram.org' (subtree) at line 3\n"
				       "b.yaml:4 covered 'telegram.org' is covered by 'telegram.org' (subtree) at line 3\n"
				       "b.yaml:5 covered 'telegram.org' is covered by 'telegram.org' (subtree) at line 3\n"
				       "b.yaml:8 covered 'x.b.example' is covered by 'b.example' (subdomains) at line 6\n"
				       "b.yaml:10 covered 'x.m.example' is covered by 'm.example' (subtree) at m.yaml:2\n");
}

static void conditions_cover_nothing(void **state)
{
	(void)state;
	imported("p", FORMAT_ADBLOCK,
		 "||a.example^$dnstype=AAAA\n||x.a.example^\n||a.example^$dnstype=A\n||a.example^$dnstype=AAAA\n"
		 "||b.example^\n||x.b.example^$dnstype=A\n");
	assert_string_equal(checked(), "p.txt:4 duplicate '||a.example^$dnstype=AAAA' (subtree) stands already at line 1\n");
}

static void what_ends_sooner_does_not_cover(void **state)
{
	(void)state;
	list_of("b", ACTION_BLOCK, false,
		"sooner.example !expires=2030-01-01 x.sooner.example y.sooner.example !expires=2030-01-01");
	assert_string_equal(checked(), "b.yaml:4 covered 'y.sooner.example' is covered by 'sooner.example' (subtree) at line 2\n");
}

static void blocked_here_and_allowed_there(void **state)
{
	(void)state;
	list_of("b", ACTION_BLOCK, false, "x.example =y.example *.z.example late.example own.example");
	list_of("m", ACTION_BLOCK, true, "x.example");
	list_of("a", ACTION_ALLOW, false, "x.example y.example =z.example late.example !expires=2030-01-01");
	fixture_names(&f, "s", ACTION_ALLOW, false, MODE_SHADOW, "own.example");
	imported("p", FORMAT_ADBLOCK, "||p.example^\n@@||p.example^\n"); /* its own business */
	const char *got = checked();
	assert_non_null(
	    strstr(got, "b.yaml:2 contradiction 'x.example' (subtree) is blocked here, but allowed at a.yaml:2, and that wins\n"));
	assert_non_null(
	    strstr(got, "b.yaml:3 contradiction 'y.example' (exact) is blocked here, but allowed at a.yaml:3, and that wins\n"));
	assert_null(strstr(got, "b.yaml:4 contradiction"));
	assert_null(strstr(got, "b.yaml:5 contradiction"));
	assert_null(strstr(got, "b.yaml:6 contradiction"));
	assert_null(strstr(got, "m.yaml:2 contradiction")); /* a mandatory block wins */
	assert_null(strstr(got, "p.txt"));
}

static void times_that_have_passed(void **state)
{
	(void)state;
	list_of("b", ACTION_BLOCK, false,
		"old.example !expires=2023-11-14 new.example !expires=2023-11-15 review.example !review=2017-08-14 "
		"later.example !review=2040-08-14 gone.example !review=2017-08-14 !expires=2017-01-01 !lifted=2016-01-01");
	fixture_add(&f, &(struct fixture_list){.name = "whole", .text = "expires: 2018-07-14\nentries: [a.example, b.example]\n"});
	size_t due = list_of("due", ACTION_BLOCK, false, "a.due.example");
	f.settings_lists[due].provenance = (struct provenance){.review = "2018-07-14", .review_s = NOW_S - 1};
	assert_string_equal(checked(), "b.yaml:2 expired 'old.example' has expired: 2023-11-14\n"
				       "b.yaml:4 past-review 'review.example' should have been looked at again: 2017-08-14\n"
				       "whole.yaml:1 expired the list has expired: 2018-07-14\n"
				       "due.yaml:1 past-review the list should have been looked at again: 2018-07-14\n");
}

static void too_broad_entries(void **state)
{
	(void)state;
	list_of("b", ACTION_BLOCK, false, "co.uk example.co.uk *.de nosuchtld =fr =com.au");
	list_of("a", ACTION_ALLOW, true, "com");
	imported("h", FORMAT_HOSTS, "0.0.0.0 co.jp\n0.0.0.0 x.co.jp\n");
	imported("p", FORMAT_ADBLOCK, "||ac.id^\n");
	const char *got = checked();
	assert_non_null(strstr(got,
			       "b.yaml:2 over-broad 'co.uk' is a public suffix, under which anyone may register: every name in it "
			       "would be blocked\n"));
	assert_non_null(strstr(got, "b.yaml:4 over-broad 'de' is a top-level domain: every name in it would be blocked\n"));
	assert_non_null(strstr(got, "b.yaml:5 over-broad 'nosuchtld' is a top-level domain"));
	assert_non_null(strstr(got, "b.yaml:6 over-broad 'fr' is a top-level domain: probably a name in it was meant\n"));
	assert_non_null(strstr(got, "b.yaml:7 over-broad 'com.au' is a public suffix: probably"));
	assert_non_null(strstr(got, "h.txt:1 over-broad 'co.jp' is a public suffix: probably"));
	assert_non_null(strstr(got, "p.txt:1 over-broad"));
	assert_null(strstr(got, "b.yaml:3 over-broad"));
	assert_null(strstr(got, "h.txt:2"));
	assert_null(strstr(got, "a.yaml"));
}

static void the_root_is_too_broad(void **state)
{
	(void)state;
	fixture_add(&f, &(struct fixture_list){.name = "r", .text = "entries: [{domain: ., match: subtree}]\n"});
	assert_non_null(strstr(checked(), "r.yaml:1 over-broad '.' is the root: every name there is would be blocked\n"));
}

static void lists_in_mode_off_are_left_alone(void **state)
{
	(void)state;
	size_t off = list_of("off", ACTION_BLOCK, false, "com com");
	assert_non_null(strstr(checked(), "off.yaml:2 over-broad"));
	f.settings_lists[off].mode = MODE_OFF;
	assert_string_equal(checked(), "");
}

/* One line for each reason, with the first of them. */
static void what_a_reader_left_out(void **state)
{
	(void)state;
	imported("p", FORMAT_ADBLOCK,
		 "! title\n||a.example^\nexample.com##.banner\n||b.example^$third-party\n||c.example^$third-party\n");
	const char *got = checked();
	assert_non_null(strstr(got, "p.txt:3 left-out 1 line left out: cosmetic (first: line 3 'example.com##.banner')\n"));
	assert_non_null(
	    strstr(got, "p.txt:4 left-out 2 lines left out: browser-only (first: line 4 '||b.example^$third-party')\n"));
}

/* Of strangers' lists the first few of each kind, and how many there are. */
static void imported_lists_are_told_in_short(void **state)
{
	(void)state;
	struct buf text = {NULL, 0, 0};
	for (unsigned i = 0; i < 1000; i++)
		buf_printf(&text, "0.0.0.0 n%u.example\n", i % 10);
	size_t h = imported("h", FORMAT_HOSTS, text.ptr);
	buf_finish(&text);
	struct policy_warning *w = NULL;
	size_t count = policy_check(&f.settings, f.sources, f.now_s, &w);
	assert_int_equal(count, POLICY_WARNINGS_EACH);
	assert_int_equal(w[0].line, 11);
	assert_ptr_equal(w[0].file, f.settings_lists[h].file_shown);
	assert_string_equal(w[0].text, "'n0.example' (exact) stands already at line 1");
	assert_string_equal(w[count - 1].text,
			    "'n9.example' (exact) stands already at line 10; the last shown of 990 such entries");
	free(w);
}

/* One name over and over: not quadratic, and bounded. */
static void many_warnings_are_bounded(void **state)
{
	(void)state;
	struct buf text = {NULL, 0, 0};
	buf_add_c(&text, "entries:\n");
	for (unsigned i = 0; i < POLICY_WARNINGS_MAX * 2; i++)
		buf_add_c(&text, "- x.example\n");
	fixture_add(&f, &(struct fixture_list){.name = "l", .text = text.ptr});
	buf_finish(&text);
	struct policy_warning *w = NULL;
	assert_int_equal(policy_check(&f.settings, f.sources, f.now_s, &w), POLICY_WARNINGS_MAX);
	assert_int_equal(w[POLICY_WARNINGS_MAX - 1].line, POLICY_WARNINGS_MAX + 2);
	free(w);
}

#define TEST(name) FIXTURE_TEST(name, &f)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(good_lists_give_no_warning),
	    TEST(duplicates_say_where_the_first_is),
	    TEST(a_lifted_first_is_none),
	    TEST(expressions_and_addresses_twice),
	    TEST(covered_entries_name_what_covers_them),
	    TEST(conditions_cover_nothing),
	    TEST(what_ends_sooner_does_not_cover),
	    TEST(blocked_here_and_allowed_there),
	    TEST(times_that_have_passed),
	    TEST(too_broad_entries),
	    TEST(the_root_is_too_broad),
	    TEST(lists_in_mode_off_are_left_alone),
	    TEST(what_a_reader_left_out),
	    TEST(imported_lists_are_told_in_short),
	    TEST(many_warnings_are_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
