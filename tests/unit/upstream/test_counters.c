/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "observe/counters.h"
#include "observe/rxq.h"

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

/* Workers never write to a line that another's counters lie on. */
static void blocks_share_no_cache_line(void **state)
{
	(void)state;
	static struct counters blocks[2];
	assert_int_equal(sizeof(struct counters) % 64, 0);
	assert_int_equal((uintptr_t)&blocks[0] % 64, 0);
	assert_int_equal((uintptr_t)&blocks[1] % 64, 0);
	counters_add_by(&blocks[1], COUNTER_RXQ_DROPPED, UINT32_MAX);
	counters_add_by(&blocks[1], COUNTER_RXQ_DROPPED, 2);
	counters_bump(&blocks[1].ticks);
	assert_int_equal(atomic_load(&blocks[1].values[COUNTER_RXQ_DROPPED]), (uint64_t)UINT32_MAX + 2);
	assert_int_equal(atomic_load(&blocks[1].ticks), 1);
	for (size_t i = 0; i < COUNTER_COUNT; i++)
		assert_int_equal(atomic_load(&blocks[0].values[i]), 0);
}

static void what_the_kernel_dropped(void **state)
{
	(void)state;
	static const struct {
		uint32_t last, now, delta, kept;
	} cases[] = {
	    {0, 0, 0, 0},
	    {0, 1, 1, 1},
	    {7, 7, 0, 7},
	    {7, 1000007, 1000000, 1000007},
	    {UINT32_MAX, 0, 1, 0}, /* it wraps */
	    {UINT32_MAX - 4, 5, 10, 5},
	    {0, UINT32_MAX / 2, UINT32_MAX / 2, UINT32_MAX / 2},
	    {10, 9, 0, 10}, /* a datagram queued before the one seen last */
	    {5, UINT32_MAX, 0, 5},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		uint32_t last = cases[i].last;
		assert_int_equal(rxq_delta(&last, cases[i].now), cases[i].delta);
		assert_int_equal(last, cases[i].kept);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(names_and_sums), cmocka_unit_test(blocks_share_no_cache_line),
					   cmocka_unit_test(what_the_kernel_dropped)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
