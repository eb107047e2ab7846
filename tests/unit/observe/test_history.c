/* SPDX-License-Identifier: BSD-2-Clause */
#include "observe/history.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define NOON ((int64_t)86400 * 20000 + 43200)

static void counters_become_what_came(void **state)
{
	struct history *h = history_create(NOON);
	uint64_t counters[COUNTER_COUNT] = {[COUNTER_TOTAL] = 5, [COUNTER_BLOCKED] = 2};
	(void)state;
	history_count(h, counters, NOON);
	counters[COUNTER_TOTAL] = 9;
	counters[COUNTER_SHADOWED] = 1;
	history_count(h, counters, NOON + 1);
	history_count(h, counters, NOON + 2); /* nothing came */
	assert_int_equal(history_at(h, HISTORY_SECONDS, NOON)->counts[COUNTER_TOTAL], 5);
	assert_int_equal(history_at(h, HISTORY_SECONDS, NOON + 1)->counts[COUNTER_TOTAL], 4);
	assert_null(history_at(h, HISTORY_SECONDS, NOON + 2));
	const struct history_bucket *hour = history_at(h, HISTORY_HOURS, NOON / 3600);
	assert_int_equal(hour->counts[COUNTER_TOTAL], 9);
	assert_int_equal(hour->counts[COUNTER_BLOCKED], 2);
	assert_int_equal(hour->shadowed, 1);
	/* the places come round */
	counters[COUNTER_TOTAL] = 10;
	history_count(h, counters, NOON + 300);
	assert_null(history_at(h, HISTORY_SECONDS, NOON));
	assert_int_equal(history_at(h, HISTORY_SECONDS, NOON + 300)->counts[COUNTER_TOTAL], 1);
	history_reset(h, NOON + 301);
	assert_null(history_at(h, HISTORY_HOURS, NOON / 3600));
	assert_int_equal(history_since_s(h), NOON + 301);
	history_destroy(h);
}

static double took_all(const uint32_t *us, size_t count, double part)
{
	struct history *h = history_create(NOON);
	for (size_t i = 0; i < count; i++)
		history_took(h, us[i], 1, NOON);
	double told = history_percentile_us(history_at(h, HISTORY_MINUTES, NOON / 60), part);
	history_destroy(h);
	return told;
}

/* Whatever the value, what is told of it is within a slot's width, which is an eighth to a quarter of it. */
static void percentiles_are_near(void **state)
{
	(void)state;
	for (uint32_t us = 1; us < 60000000; us = us + us / 3 + 1) {
		double told = took_all(&us, 1, 0.5);
		assert_true(told >= (double)us * 0.79 && told <= (double)us * 1.26 + 1);
	}
	uint32_t thousand[1000];
	for (uint32_t i = 0; i < 1000; i++)
		thousand[i] = 100 + i;
	for (unsigned percent = 5; percent < 100; percent += 5) {
		double wanted = 100 + 10.0 * percent, told = took_all(thousand, 1000, percent / 100.0);
		assert_true(told > wanted * 0.9 && told < wanted * 1.1);
	}
	uint32_t longest = UINT32_MAX;
	assert_true(took_all(&longest, 1, 1) > 50e6);
	assert_true(history_percentile_us(&(struct history_bucket){.number = 1}, 0.5) <= 0);
}

static void figures_stop_at_their_end(void **state)
{
	struct history *h = history_create(NOON);
	(void)state;
	for (int i = 0; i < 5; i++)
		history_took(h, 7, UINT32_MAX / 2, NOON);
	struct history_bucket all = *history_at(h, HISTORY_HOURS, NOON / 3600);
	history_add(&all, history_at(h, HISTORY_HOURS, NOON / 3600));
	assert_true(history_percentile_us(&all, 0.5) >= 7);
	history_destroy(h);
}

static void written_and_read(void **state)
{
	struct history *h = history_create(NOON);
	uint64_t counters[COUNTER_COUNT] = {[COUNTER_TOTAL] = 5, [COUNTER_FAILED] = 1};
	struct buf bytes = {0};
	struct err err = {0};
	(void)state;
	history_count(h, counters, NOON);
	history_took(h, 1234, 3, NOON);
	history_write(h, &bytes);
	struct history *again = history_read(buf_str(&bytes), &err);
	assert_non_null(again);
	assert_int_equal(history_since_s(again), NOON);
	assert_null(history_at(again, HISTORY_SECONDS, NOON));
	for (unsigned span = HISTORY_MINUTES; span < HISTORY_SPANS; span++) {
		const int64_t number = NOON / history_width_s[span];
		assert_memory_equal(history_at(again, span, number), history_at(h, span, number), sizeof(struct history_bucket));
	}
	history_destroy(again);
	for (size_t len = 0; len < bytes.len; len++)
		assert_null(history_read((struct str){bytes.ptr, len}, &err));
	for (size_t i = 0; i < bytes.len; i++) {
		bytes.ptr[i] ^= 16;
		assert_null(history_read(buf_str(&bytes), &err));
		bytes.ptr[i] ^= 16;
	}
	buf_finish(&bytes);
	history_destroy(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(counters_become_what_came),
	    cmocka_unit_test(percentiles_are_near),
	    cmocka_unit_test(figures_stop_at_their_end),
	    cmocka_unit_test(written_and_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
