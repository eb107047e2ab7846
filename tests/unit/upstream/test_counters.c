/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "observe/counters.h"

static void names_and_sums(void **state)
{
	(void)state;
	static struct counters blocks[3];
	const struct counters *all[] = {&blocks[0], &blocks[1], &blocks[2]};
	uint64_t sum[COUNTER_COUNT];
	counters_add(&blocks[0], COUNTER_TOTAL);
	counters_add(&blocks[2], COUNTER_TOTAL);
	counters_add(&blocks[2], COUNTER_UPSTREAM_NO_SOCKET);
	counters_sum(all, 3, sum);
	for (size_t i = 0; i < COUNTER_COUNT; i++)
		assert_int_equal(sum[i], i == COUNTER_TOTAL ? 2 : i == COUNTER_UPSTREAM_NO_SOCKET ? 1 : 0);
	counters_sum(all, 0, sum);
	assert_int_equal(sum[COUNTER_TOTAL], 0);
	assert_string_equal(counter_names[COUNTER_TOTAL], "total");
	assert_string_equal(counter_names[COUNTER_UPSTREAM_MISMATCHED], "upstream_mismatched");
	for (size_t i = 0; i < COUNTER_COUNT; i++)
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(counter_names[i], counter_names[j]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(names_and_sums)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
