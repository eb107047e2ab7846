/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/intern.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

static void numbers_follow_the_first_coming(void **state)
{
	(void)state;
	struct intern t;
	uint32_t n = 0;
	bool is_new = false;
	intern_init(&t);
	assert_false(intern_find(&t, "a", 1, &n));
	assert_int_equal(intern_add(&t, "b", 1, &is_new), 0);
	assert_true(is_new);
	assert_int_equal(intern_add(&t, "", 0, &is_new), 1);
	assert_true(is_new);
	assert_int_equal(intern_add(&t, "a\0c", 3, NULL), 2);
	assert_int_equal(intern_add(&t, "a\0d", 3, NULL), 3);
	assert_int_equal(intern_add(&t, "b", 1, &is_new), 0);
	assert_false(is_new);
	assert_true(intern_find(&t, "", 0, &n));
	assert_int_equal(n, 1);
	assert_false(intern_find(&t, "a", 1, &n));
	assert_int_equal(t.count, 4);
	assert_true(str_eq(intern_get(&t, 3), (struct str){"a\0d", 3}));
	assert_int_equal(intern_get(&t, 1).len, 0);
	intern_finish(&t);
}

static void growth_keeps_everything(void **state)
{
	(void)state;
	struct intern t;
	char text[32];
	intern_init(&t);
	for (uint32_t i = 0; i < 10000; i++) {
		int len = snprintf(text, sizeof(text), "%u", i);
		assert_int_equal(intern_add(&t, text, (size_t)len, NULL), i);
	}
	for (uint32_t i = 0; i < 10000; i++) {
		uint32_t n = 0;
		int len = snprintf(text, sizeof(text), "%u", i);
		assert_true(intern_find(&t, text, (size_t)len, &n));
		assert_int_equal(n, i);
		assert_true(str_eq_c(intern_get(&t, i), text));
	}
	assert_false(t.full);
	intern_finish(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(numbers_follow_the_first_coming),
	    cmocka_unit_test(growth_keeps_everything),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
