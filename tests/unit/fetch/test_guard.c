/* SPDX-License-Identifier: BSD-2-Clause */
#include "fetch/guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_reports(void **state)
{
	(void)state;
	struct fetch_counts c;
	assert_true(
	    fetch_counts_parse(STR_LIT("{\"format\": \"adblock\", \"taken\": {\"total\": 7, \"exact\": 7}, \"left_out\": ["
				       "{\"reason\": \"cosmetic\", \"count\": 100}, {\"reason\": \"syntax\", \"count\": 3}, "
				       "{\"reason\": \"ip\", \"count\": 2}, {\"reason\": \"localhost\", \"count\": 5}, "
				       "{\"reason\": \"a new one\", \"count\": 1}, {\"count\": 1}, 7]}"),
			       &c));
	assert_true(!c.refused && c.taken == 7 && c.left == 112 && c.bad == 5);
	assert_string_equal(c.format, "adblock");
	assert_true(fetch_counts_parse(STR_LIT("{\"refused\": \"an HTML page\"}"), &c) && c.refused);
	assert_string_equal(c.why, "an HTML page");
	static const char *const bad[] = {"",
					  "{",
					  "[]",
					  "{}",
					  "{\"taken\": 7, \"left_out\": []}",
					  "{\"taken\": {\"total\": \"7\"}, \"left_out\": []}",
					  "{\"taken\": {\"total\": 7}}",
					  "{\"taken\": {\"total\": 7}, \"left_out\": []"};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (fetch_counts_parse(str_from(bad[i]), &c))
			fail_msg("taken: %s", bad[i]);
}

static bool judge(uint64_t taken, uint64_t bad, uint64_t left, unsigned max, int64_t old)
{
	char why[FETCH_WHY_MAX] = "";
	struct fetch_counts counts = {.taken = taken, .bad = bad, .left = left};
	struct fetch_rules rules = {.max_change_percent = max, .compare = old >= 0, .old_taken = old > 0 ? (uint64_t)old : 0};
	bool good = fetch_judge(&counts, &rules, why);
	assert_int_equal(good, why[0] == '\0');
	rules.force = true;
	assert_true(fetch_judge(&counts, &rules, why));
	return good;
}

static void test_judgement(void **state)
{
	(void)state;
	assert_true(judge(10, 0, 0, 50, -1));
	assert_false(judge(0, 0, 0, 50, -1)); /* nothing, whatever there was before */
	assert_false(judge(0, 0, 0, 50, 0));
	assert_false(judge(0, 0, 0, 0, 100));
	assert_true(judge(10, 90, 90, 50, -1));	 /* a tenth */
	assert_false(judge(10, 91, 91, 50, -1)); /* less */
	assert_true(judge(10, 0, 100000, 50, -1));
	assert_false(judge(0, 0, 1, 50, -1));
	assert_false(judge(0, 1, 1, 50, -1));
	/* a change of just as much, and of one more */
	assert_true(judge(50, 0, 0, 50, 100));
	assert_false(judge(49, 0, 0, 50, 100));
	assert_true(judge(150, 0, 0, 50, 100));
	assert_false(judge(151, 0, 0, 50, 100));
	assert_false(judge(0, 0, 0, 50, 100));
	assert_false(judge(0, 0, 0, 100, 100));
	assert_true(judge(1100, 0, 0, 1000, 100));
	assert_false(judge(1101, 0, 0, 1000, 100));
	assert_true(judge(1, 0, 0, 0, 1000000));  /* 0: any */
	assert_true(judge(1000000, 0, 0, 50, 0)); /* from nothing */
	assert_true(judge(99, 0, 0, 1, 100));
	assert_false(judge(98, 0, 0, 1, 100));
	/* what is no list is refused whatever is said */
	char why[FETCH_WHY_MAX];
	struct fetch_counts html = {.refused = true, .why = "an HTML page"};
	struct fetch_rules force = {.force = true};
	assert_false(fetch_judge(&html, &force, why));
	assert_string_equal(why, "it is no list: an HTML page");
}

static void test_times(void **state)
{
	(void)state;
	static const uint32_t randoms[] = {0, 1, 17280, 17281, 99999, UINT32_MAX};
	int64_t least = INT64_MAX, most = 0;
	for (size_t i = 0; i < ARRAY_LEN(randoms); i++) {
		int64_t s = fetch_refresh_s(86400, randoms[i]);
		assert_true(s >= 77760 && s <= 95040);
		least = MIN(least, s);
		most = MAX(most, s);
		/* a minute, two, four, and never more than the usual time */
		for (unsigned failures = 1; failures < 40; failures++) {
			int64_t retry = fetch_retry_s(failures, 86400, randoms[i]);
			int64_t whole = failures > 11 ? 86400 : MIN((int64_t)60 << (failures - 1), 86400);
			assert_true(retry >= whole * 9 / 10 && retry <= whole * 11 / 10 && retry <= 86400);
		}
		assert_true(fetch_retry_s(1, 60, randoms[i]) <= 60 && fetch_retry_s(UINT32_MAX, 60, randoms[i]) >= 54);
		assert_int_equal(fetch_refresh_s(0, randoms[i]), 0);
	}
	assert_true(least == 77760 && most == 95040);
	assert_true(fetch_is_due(100, 100, 60) && fetch_is_due(100, 101, 60) && !fetch_is_due(101, 100, 60));
	assert_false(fetch_is_due(166, 100, 60));
	assert_true(fetch_is_due(167, 100, 60)); /* the clock was set back */
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_reports), cmocka_unit_test(test_judgement),
					   cmocka_unit_test(test_times)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
