/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/arena.h"
#include "base/buf.h"

static void buf_grows_and_stays_terminated(void **state)
{
	(void)state;
	struct buf b = {0};
	for (int i = 0; i < 1000; i++) {
		buf_add_c(&b, "ab");
		buf_add(&b, "c", 1);
		buf_add_str(&b, STR_LIT("d"));
		assert_int_equal(b.ptr[b.len], '\0');
	}
	assert_int_equal(b.len, 4000);
	assert_memory_equal(b.ptr + 3996, "abcd", 5);
	assert_true(str_eq_c((struct str){buf_str(&b).ptr, 4}, "abcd"));
	buf_reset(&b);
	assert_string_equal(b.ptr, "");
	assert_true(b.cap >= 4000);
	buf_add(&b, NULL, 0);
	assert_int_equal(b.len, 0);
	buf_finish(&b);
	assert_null(b.ptr);
	buf_add_c(&b, "again");
	assert_string_equal(b.ptr, "again");
	buf_finish(&b);
	assert_int_equal(buf_str(&b).len, 0);
	buf_reset(&b);
}

static void buf_printf_of_any_length(void **state)
{
	(void)state;
	struct buf b = {0};
	char big[1000];
	memset(big, 'y', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	buf_printf(&b, "%d-", 5);
	buf_printf(&b, "%s", big);
	buf_printf(&b, "-%s", "end");
	assert_int_equal(b.len, 2 + 999 + 4);
	assert_memory_equal(b.ptr, "5-yy", 4);
	assert_string_equal(b.ptr + b.len - 4, "-end");
	for (size_t n = 0; n < 300; n++) {
		buf_reset(&b);
		buf_printf(&b, "%.*s", (int)n, big);
		assert_int_equal(b.len, n);
		assert_int_equal(strlen(b.ptr), n);
		buf_finish(&b);
	}
}

static void buf_grow_gives_zeros(void **state)
{
	(void)state;
	struct buf b = {0};
	buf_add_c(&b, "0123456789");
	buf_reset(&b);
	unsigned char *p = buf_grow(&b, 5);
	for (int i = 0; i < 5; i++)
		assert_int_equal(p[i], 0);
	assert_int_equal(b.len, 5);
	buf_finish(&b);
}

static void arena_is_aligned_zeroed_and_apart(void **state)
{
	(void)state;
	struct arena a = {0};
	unsigned char *last = NULL;
	for (size_t size = 0; size < 3000; size++) {
		unsigned char *p = arena_alloc(&a, size);
		assert_int_equal((uintptr_t)p % 16, 0);
		for (size_t i = 0; i < size; i++)
			assert_int_equal(p[i], 0);
		memset(p, 0xee, size); /* runs into a neighbour's bytes would show there, or under ASan */
		assert_ptr_not_equal(p, last);
		last = p;
	}
	assert_true(a.used >= 2999 * 3000 / 2);
	arena_finish(&a);
	assert_null(a.head);
	assert_int_equal(a.used, 0);
}

static void arena_big_things_do_not_waste_the_rest(void **state)
{
	(void)state;
	struct arena a = {0};
	char *small = arena_strdup(&a, "small");
	for (int i = 0; i < 12; i++)
		(void)arena_alloc(&a, 500000);
	const size_t size = (size_t)8 * 1024 * 1024;
	memset(arena_alloc(&a, size), 1, size);
	assert_string_equal(small, "small");
	assert_int_equal(*(char *)arena_alloc(&a, 1), 0);
	arena_finish(&a);
}

static void arena_texts(void **state)
{
	(void)state;
	struct arena a = {0};
	assert_null(arena_strdup(&a, NULL));
	assert_null(arena_strndup(&a, NULL, 3));
	assert_string_equal(arena_strndup(&a, "abcdef", 3), "abc");
	assert_string_equal(arena_strdup(&a, ""), "");
	assert_string_equal(arena_printf(&a, "%s/%d", "x", 9), "x/9");
	char big[600];
	memset(big, 'z', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	for (int n = 250; n < 600; n++) {
		char *p = arena_printf(&a, "%.*s", n, big);
		assert_int_equal(strlen(p), n);
	}
	arena_finish(&a);
	arena_finish(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(buf_grows_and_stays_terminated),
	    cmocka_unit_test(buf_printf_of_any_length),
	    cmocka_unit_test(buf_grow_gives_zeros),
	    cmocka_unit_test(arena_is_aligned_zeroed_and_apart),
	    cmocka_unit_test(arena_big_things_do_not_waste_the_rest),
	    cmocka_unit_test(arena_texts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
