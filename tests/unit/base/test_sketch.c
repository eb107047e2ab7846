/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/sketch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static uint64_t hash_of(uint64_t n)
{
	static const struct siphash_key key = {7, 9};
	return siphash13(&key, &n, sizeof(n));
}

/* Never too little; too much by more than 2.8 / width of all of it for few. */
static void countmin_bounds(void **state)
{
	struct countmin c;
	uint64_t total = 0;
	unsigned far = 0;
	(void)state;
	countmin_init(&c, 1024);
	for (uint64_t n = 1; n <= 5000; n++) {
		uint32_t times = (uint32_t)(5000 / n); /* as names are: some often, most seldom */
		countmin_add(&c, hash_of(n), times);
		total += times;
	}
	for (uint64_t n = 1; n <= 5000; n++) {
		uint32_t told = countmin_get(&c, hash_of(n)), times = (uint32_t)(5000 / n);
		assert_true(told >= times);
		far += (double)(told - times) > 2.8 * (double)total / 1024;
	}
	assert_true(far <= 100);
	assert_true(countmin_get(&c, hash_of(1)) <= 5000 + 2.8 * (double)total / 1024);
	countmin_finish(&c);
}

static void countmin_stops_at_its_end(void **state)
{
	struct countmin a, b;
	(void)state;
	countmin_init(&a, 16);
	countmin_init(&b, 16);
	countmin_add(&a, 1, UINT32_MAX - 1);
	countmin_add(&a, 1, 5);
	assert_int_equal(countmin_get(&a, 1), UINT32_MAX);
	countmin_add(&b, 1, 7);
	countmin_merge(&b, &a);
	assert_int_equal(countmin_get(&b, 1), UINT32_MAX);
	countmin_finish(&a);
	countmin_finish(&b);
}

static void countmin_merges(void **state)
{
	struct countmin a, b;
	(void)state;
	countmin_init(&a, 4096);
	countmin_init(&b, 4096);
	countmin_add(&a, hash_of(1), 3);
	countmin_add(&b, hash_of(1), 4);
	countmin_add(&b, hash_of(2), 5);
	countmin_merge(&a, &b);
	assert_int_equal(countmin_get(&a, hash_of(1)), 7);
	assert_int_equal(countmin_get(&a, hash_of(2)), 5);
	assert_int_equal(countmin_get(&a, hash_of(3)), 0);
	countmin_finish(&a);
	countmin_finish(&b);
}

static void near(uint64_t told, uint64_t truth, double part)
{
	assert_true((double)told >= (double)truth * (1 - part) && (double)told <= (double)truth * (1 + part));
}

/* 1024 registers: 3.25 % is the standard error, four times that is not seen by chance. */
static void loglog_estimates(void **state)
{
	uint8_t registers[1024] = {0};
	uint64_t at = 0;
	static const uint64_t counts[] = {1, 10, 100, 1000, 3000, 10000, 100000};
	(void)state;
	assert_int_equal(loglog_estimate(registers, 10), 0);
	for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
		while (at < counts[i])
			loglog_add(registers, 10, hash_of(at++));
		loglog_add(registers, 10, hash_of(0)); /* one seen before is no news */
		near(loglog_estimate(registers, 10), counts[i], 0.13);
	}
}

static void distinct_is_exact_for_few(void **state)
{
	struct distinct d = {.count = 0};
	(void)state;
	for (unsigned i = 0; i < 3 * DISTINCT_FEW; i++)
		distinct_add(&d, (uint32_t)(hash_of(i % DISTINCT_FEW) >> 32));
	assert_int_equal(distinct_estimate(&d), DISTINCT_FEW);
	for (unsigned i = 0; i < 1000; i++)
		distinct_add(&d, (uint32_t)(hash_of(i) >> 32));
	near(distinct_estimate(&d), 1000, 0.52);
}

static void distinct_merges(void **state)
{
	(void)state;
	for (unsigned left = 0; left <= 40; left += 10) {
		for (unsigned right = 0; right <= 40; right += 10) {
			struct distinct a = {.count = 0}, b = {.count = 0}, both = {.count = 0};
			for (unsigned i = 0; i < left + right; i++) {
				distinct_add(i < left ? &a : &b, (uint32_t)(hash_of(i) >> 32));
				distinct_add(&both, (uint32_t)(hash_of(i) >> 32));
			}
			distinct_merge(&a, &b);
			assert_int_equal(distinct_estimate(&a), distinct_estimate(&both));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(countmin_bounds),	cmocka_unit_test(countmin_stops_at_its_end), cmocka_unit_test(countmin_merges),
	    cmocka_unit_test(loglog_estimates), cmocka_unit_test(distinct_is_exact_for_few), cmocka_unit_test(distinct_merges),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
