/* SPDX-License-Identifier: BSD-2-Clause */
#include "observe/latency.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

/* The way that needs no thought. */
static unsigned slow_bucket(uint64_t us)
{
	unsigned i = 0;
	while (i < LATENCY_BOUNDS && us > latency_bounds_us[i])
		i++;
	return i;
}

static void every_bound_and_its_neighbours(void **state)
{
	(void)state;
	for (size_t i = 0; i < LATENCY_BOUNDS; i++) {
		assert_int_equal(latency_bucket(latency_bounds_us[i]), i);
		assert_int_equal(latency_bucket((uint64_t)latency_bounds_us[i] + 1), i + 1);
		assert_true(i == 0 || latency_bounds_us[i] > latency_bounds_us[i - 1]);
	}
	for (unsigned bit = 0; bit < 64; bit++)
		for (int64_t near = -2; near <= 2; near++)
			assert_int_equal(latency_bucket((UINT64_C(1) << bit) + (uint64_t)near),
					 slow_bucket((UINT64_C(1) << bit) + (uint64_t)near));
	for (uint64_t us = 0; us < 300000; us++)
		assert_int_equal(latency_bucket(us), slow_bucket(us));
	assert_int_equal(latency_bucket(UINT64_MAX), LATENCY_BOUNDS);
}

static void bounds_as_text_are_the_bounds(void **state)
{
	(void)state;
	for (size_t i = 0; i < LATENCY_BOUNDS; i++)
		assert_int_equal((uint64_t)(strtod(latency_bounds_s[i], NULL) * 1e6 + 0.5), latency_bounds_us[i]);
}

static void what_was_added_is_read(void **state)
{
	struct latency a = {.sum_us = 0}, b = {.sum_us = 0};
	struct latency_sum sum = {.sum_us = 0};
	(void)state;
	latency_add(&a, 50, 3);
	latency_add(&a, 51, 1);
	latency_add_shared(&b, 5000001);
	latency_add_shared(&b, 0);
	latency_read(&a, &sum);
	latency_read(&b, &sum);
	assert_int_equal(sum.counts[0], 4);
	assert_int_equal(sum.counts[1], 1);
	assert_int_equal(sum.counts[LATENCY_BOUNDS], 1);
	assert_int_equal(sum.sum_us, 150 + 51 + 5000001);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_bound_and_its_neighbours),
	    cmocka_unit_test(bounds_as_text_are_the_bounds),
	    cmocka_unit_test(what_was_added_is_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
