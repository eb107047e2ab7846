/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/hex.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void all_octets_go_there_and_back(void **state)
{
	uint8_t bytes[256], back[256];
	char text[513];

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)i;
	assert_ptr_equal(hex_from_bytes(bytes, sizeof(bytes), text), text);
	assert_int_equal(strlen(text), 512);
	assert_memory_equal(text, "000102", 6);
	assert_string_equal(text + 506, "fdfeff");
	assert_true(hex_to_bytes(str_from(text), back, sizeof(back)));
	assert_memory_equal(back, bytes, sizeof(bytes));
}

static void what_is_added_is_the_same(void **state)
{
	struct buf b = {0};
	static const uint8_t bytes[] = {0x00, 0x9f, 0xa0, 0xff};

	(void)state;
	hex_add(&b, bytes, sizeof(bytes));
	assert_int_equal(b.len, 8);
	assert_memory_equal(b.ptr, "009fa0ff", 8);
	buf_finish(&b);
}

static void anything_else_is_refused(void **state)
{
	uint8_t room[2];
	static const char *const wrong[] = {"",	    "0",    "000",  "00000", "000000", "00g0",
					    "00F0", "0x00", "00 0", "/000",  ":000",   "`000"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		assert_false(hex_to_bytes(str_from(wrong[i]), room, sizeof(room)));
	assert_false(hex_to_bytes((struct str){"00\0", 4}, room, sizeof(room)));
	assert_true(hex_to_bytes(str_from(""), room, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(all_octets_go_there_and_back),
	    cmocka_unit_test(what_is_added_is_the_same),
	    cmocka_unit_test(anything_else_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
