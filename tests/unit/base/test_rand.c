/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/rand.h"

#define DRAWS 4096

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return x < y ? -1 : x > y;
}

/* Of n draws of 32 bits about n * n / 2^33 pairs meet. */
static unsigned pairs(uint32_t *values, size_t n)
{
	unsigned met = 0;
	qsort(values, n, sizeof(*values), compare);
	for (size_t i = 1; i < n; i++)
		met += values[i] == values[i - 1];
	return met;
}

static void nothing_comes_twice(void **state)
{
	(void)state;
	static uint32_t values[DRAWS];
	for (size_t i = 0; i < DRAWS; i++)
		values[i] = rand_u32();
	assert_in_range(pairs(values, DRAWS), 0, 3);
	for (size_t len = sizeof(uint32_t); len <= 1024; len *= 2) { /* with bytes in hand and without */
		for (size_t i = 0; i < DRAWS; i += len / sizeof(uint32_t))
			rand_bytes(&values[i], len);
		assert_in_range(pairs(values, DRAWS), 0, 3);
	}
	uint8_t one = 7;
	rand_bytes(&one, 0);
	assert_int_equal(one, 7);
}

static void bytes_are_even(void **state)
{
	(void)state;
	unsigned counts[256] = {0};
	for (int i = 0; i < 100000; i++) {
		uint8_t octets[3];
		rand_bytes(octets, sizeof(octets));
		for (size_t j = 0; j < sizeof(octets); j++)
			counts[octets[j]]++;
	}
	double chi = 0, expected = 300000 / 256.0;
	for (size_t i = 0; i < 256; i++)
		chi += (counts[i] - expected) * (counts[i] - expected) / expected;
	assert_true(chi < 400); /* 255 degrees of freedom: by chance once in 10^8 runs */
}

static void below_is_below(void **state)
{
	(void)state;
	unsigned counts[3] = {0};
	for (int i = 0; i < 30000; i++)
		counts[rand_below(3)]++;
	for (size_t i = 0; i < 3; i++)
		assert_in_range(counts[i], 9400, 10600);
	assert_int_equal(rand_below(1), 0);
}

/* The bytes a parent has in hand must not be its child's too. */
static void a_child_begins_anew(void **state)
{
	(void)state;
	int ends[2];
	uint32_t mine[8], its[8];
	(void)rand_u32();
	assert_int_equal(pipe(ends), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		rand_bytes(its, sizeof(its));
		_exit(write(ends[1], its, sizeof(its)) == (ssize_t)sizeof(its) ? 0 : 1);
	}
	rand_bytes(mine, sizeof(mine));
	assert_int_equal(read(ends[0], its, sizeof(its)), sizeof(its));
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	for (size_t i = 0; i < 8; i++)
		for (size_t j = 0; j < 8; j++)
			assert_int_not_equal(mine[i], its[j]);
	(void)close(ends[0]);
	(void)close(ends[1]);
}

static void *draw(void *arg)
{
	uint32_t *values = arg;
	for (size_t i = 0; i < DRAWS / 4; i++)
		values[i] = rand_u32();
	return NULL;
}

static void threads_draw_apart(void **state)
{
	(void)state;
	static uint32_t values[DRAWS];
	pthread_t threads[4];
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, draw, values + i * (DRAWS / 4)), 0);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_in_range(pairs(values, DRAWS), 0, 3);
}

static void tests_may_seed_it(void **state)
{
	(void)state;
	uint8_t one[600], two[600];
	rand_seed_for_test(42);
	rand_bytes(one, sizeof(one));
	uint32_t n = rand_u32();
	rand_seed_for_test(42);
	rand_bytes(two, sizeof(two));
	assert_memory_equal(one, two, sizeof(one));
	assert_int_equal(rand_u32(), n);
	rand_seed_for_test(0);
	rand_bytes(two, sizeof(two));
	assert_memory_not_equal(one, two, sizeof(one));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(nothing_comes_twice), cmocka_unit_test(bytes_are_even),	 cmocka_unit_test(below_is_below),
	    cmocka_unit_test(a_child_begins_anew), cmocka_unit_test(threads_draw_apart), cmocka_unit_test(tests_may_seed_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
