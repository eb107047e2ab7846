/* SPDX-License-Identifier: BSD-2-Clause */
#include "import/import.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "import_real.h"

static const struct segment_settings may_allow = {.format = FORMAT_UNBOUND, .may_allow = true};

static void entries(const char *text, const char *expected)
{
	import_fixture_entries(import_unbound, FORMAT_UNBOUND, text, NULL, expected);
}

static void test_golden(void **state)
{
	(void)state;
	import_fixture_golden("unbound", import_unbound, FORMAT_UNBOUND);
}

static void test_zones(void **state)
{
	(void)state;
	entries("local-zone: \"a.example.\" always_nxdomain\nserver:\n\tlocal-zone: b.example static # why\n",
		"1: block subtree a.example\n3: block subtree b.example\n");
	entries("local-zone: a.example refuse\nlocal-zone: b.example deny\nlocal-zone: c.example always_nodata\n",
		"1: block subtree a.example answer refused\n2: block subtree b.example answer drop\n"
		"3: block subtree c.example answer nodata\n");
	entries("local-zone: a.example block_a\n", "1: block subtree a.example answer nodata type 1\n");
}

/* A block list may not let through what others block, unless it is told that it may. */
static void test_transparent(void **state)
{
	static const char text[] = "local-zone: a.example transparent\nlocal-zone: b.example static\n";
	(void)state;
	entries(text, "2: block subtree b.example\n");
	import_fixture_entries(import_unbound, FORMAT_UNBOUND, text, &may_allow,
			       "1: allow subtree a.example\n2: block subtree b.example\n");
}

/* Unbound answers the data of a transparent zone's own name: there is nothing to allow, whichever line is first. */
static void test_transparent_with_data(void **state)
{
	static const struct {
		const char *text, *expected;
		unsigned left;
	} cases[] = {
	    {"local-zone: a.test transparent\nlocal-data: \"a.test A 0.0.0.0\"\n", "2: block exact a.test\n", 1},
	    {"local-data: \"A.test. 300 IN A 192.0.2.1\"\nlocal-zone: \"a.test.\" typetransparent\n",
	     "1: block exact a.test answer local records 1/300/c0000201\n", 1},
	    {"local-zone: a.test inform\nlocal-data: \"a.test TXT x\"\n", "2: block exact a.test answer local records 16/-/0178\n",
	     1},
	    {"local-zone: ad*.test transparent\nlocal-data: \"ad*.test A 0.0.0.0\"\n", "2: block pattern ad*.test\n", 1},
	    {"local-zone: *.a.test transparent\nlocal-data: \"*.a.test A 0.0.0.0\"\n", "2: block subdomains a.test\n", 1},
	    /* the data of another name, or data that is none, or that counts for nothing */
	    {"local-zone: a.test transparent\nlocal-data: \"b.a.test A 0.0.0.0\"\n",
	     "1: allow subtree a.test\n2: block exact b.a.test\n", 0},
	    {"local-zone: a.test transparent\nlocal-data: \"a.test A x\"\n", "1: allow subtree a.test\n", 0},
	    {"local-zone: a.test transparent\nview:\n local-data: \"a.test A 0.0.0.0\"\n", "1: allow subtree a.test\n", 0},
	    {"local-zone: a.test always_transparent\nlocal-data: \"a.test A 0.0.0.0\"\n",
	     "1: allow subtree a.test\n2: block exact a.test\n", 0},
	    {"local-data: \"a.test A 0.0.0.0\"\nlocal-zone: a.test redirect\nlocal-zone: b.test redirect\n"
	     "local-zone: b.test transparent\n",
	     "4: allow subtree b.test\n1: block subtree a.test\n3: block subtree b.test\n", 0},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err_list errors = {0};
		import_fixture_entries(import_unbound, FORMAT_UNBOUND, cases[i].text, &may_allow, cases[i].expected);
		struct segment *s = segment_import(str_from(cases[i].text), &may_allow, "list", "list", &errors);
		assert_non_null(s);
		unsigned others = strstr(cases[i].text, "view:") != NULL ? 2 : 0; /* the clause, and what stands in it */
		assert_int_equal(segment_report(s)->left[LEFT_OPTION].count, cases[i].left + others);
		segment_destroy(s);
		err_list_finish(&errors);
	}
}

static void test_data(void **state)
{
	(void)state;
	entries("local-data: \"a.example A 0.0.0.0\"\nlocal-data: \"a.example AAAA ::\"\n", "1: block exact a.example\n");
	entries("local-data: \"a.example 300 A 192.0.2.1\"\n", "1: block exact a.example answer local records 1/300/c0000201\n");
	entries("local-data: \"a.example CNAME B.example\"\n",
		"1: block exact a.example answer local records 5/-/0162076578616d706c6500\n");
}

/* The data of a redirect zone is for all below it, wherever it stands. */
static void test_redirect(void **state)
{
	(void)state;
	entries("local-zone: a.example redirect\nlocal-data: \"a.example A 192.0.2.1\"\n",
		"1: block subtree a.example answer local records 1/-/c0000201\n");
	entries("local-data: \"a.example A 192.0.2.1\"\nlocal-zone: a.example redirect\n",
		"1: block subtree a.example answer local records 1/-/c0000201\n");
	entries("local-zone: a.example redirect\nlocal-data: \"a.example A 0.0.0.0\"\n", "1: block subtree a.example\n");
	entries("local-zone: a.example redirect\n", "1: block subtree a.example\n");
}

/* What stands in another clause is not for everybody. */
static void test_clauses(void **state)
{
	(void)state;
	entries("view:\n name: x\n local-zone: a.example static\nserver:\n local-zone: b.example static\n",
		"5: block subtree b.example\n");
	entries("forward-zone:\n name: a.example\n forward-addr: 192.0.2.1\n", "");
}

static void test_real(void **state)
{
	(void)state;
	struct segment *s = import_real(import_unbound, FORMAT_UNBOUND, "unbound-easylist-2022.conf", NULL);
	assert_int_equal(report_taken(segment_report(s)), 50231);
	assert_int_equal(report_left(segment_report(s)), 0);
	segment_destroy(s);
	s = import_real(import_unbound, FORMAT_UNBOUND, "unbound-id-ads.conf", NULL);
	assert_int_equal(report_taken(segment_report(s)), 278);
	segment_destroy(s);
	s = import_real(import_unbound, FORMAT_UNBOUND, "unbound-nordic.conf", NULL);
	assert_int_equal(segment_report(s)->left[LEFT_MAY_ALLOW].count, 19);
	assert_int_equal(segment_report(s)->taken_allow, 0);
	assert_int_equal(segment_report(s)->left[LEFT_IP].count, 71);
	segment_destroy(s);
	s = import_real(import_unbound, FORMAT_UNBOUND, "unbound-nordic.conf", &may_allow);
	assert_int_equal(segment_report(s)->taken_allow, 19);
	segment_destroy(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_golden),	cmocka_unit_test(test_zones),
	    cmocka_unit_test(test_transparent), cmocka_unit_test(test_transparent_with_data),
	    cmocka_unit_test(test_data),	cmocka_unit_test(test_redirect),
	    cmocka_unit_test(test_clauses),	cmocka_unit_test(test_real),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
