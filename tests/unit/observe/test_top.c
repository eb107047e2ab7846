/* SPDX-License-Identifier: BSD-2-Clause */
#include "observe/top.h"

#include "dice.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NAMES 20000

static struct name name_of(unsigned number)
{
	struct name name;
	char text[32];
	snprintf(text, sizeof(text), "n%u.example", number);
	assert_true(name_from_text(str_from(text), &name, NULL));
	return name;
}

static void take(struct top *t, unsigned number, uint32_t client, uint32_t weight)
{
	static const struct siphash_key key = {1, 2};
	struct name name = name_of(number);
	top_take(t, &name, siphash13(&key, name.wire, name.len), client, weight);
}

static const struct top_name *find(const struct top *t, unsigned number)
{
	struct name name = name_of(number);
	for (size_t i = 0; i < top_count(t); i++) {
		const struct top_name *n = top_at(t, i);
		if (n->len == name.len && memcmp(n->wire, name.wire, name.len) == 0)
			return n;
	}
	return NULL;
}

static void few_are_exact(void **state)
{
	struct top *t = top_create();
	(void)state;
	for (unsigned i = 0; i < TOP_NAMES; i++)
		for (unsigned k = 0; k <= i % 5; k++)
			take(t, i, 100 + k % 3, 2);
	assert_int_equal(top_count(t), TOP_NAMES);
	for (unsigned i = 0; i < TOP_NAMES; i++) {
		const struct top_name *n = find(t, i);
		assert_non_null(n);
		assert_int_equal(n->count, 2 * (i % 5 + 1));
		assert_int_equal(n->error, 0);
		assert_int_equal(distinct_estimate(&n->clients), MIN(i % 5 + 1, 3u));
	}
	top_destroy(t);
}

/* Against exact counts: what is told holds, and nothing that is often is missing. */
static void bounds_hold(void **state)
{
	struct top *t = top_create();
	uint32_t *truth = calloc(NAMES, sizeof(*truth));
	uint64_t total = 0, sum = 0;
	(void)state;
	assert_non_null(truth);
	random_state = 42;
	for (unsigned i = 0; i < 300000; i++) {
		unsigned number = below(below(NAMES) + 1); /* the lower the more often */
		uint32_t weight = 1 + below(3);
		truth[number] += weight;
		total += weight;
		take(t, number, number, weight);
	}
	for (unsigned number = 0; number < NAMES; number++) {
		const struct top_name *n = find(t, number);
		if (n != NULL) {
			assert_true(n->count >= truth[number] && n->count - n->error <= truth[number]);
			sum += n->count;
		} else {
			assert_true((uint64_t)truth[number] * TOP_NAMES <= total);
		}
	}
	assert_int_equal(sum, total);
	free(truth);
	top_destroy(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(few_are_exact), cmocka_unit_test(bounds_hold)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
