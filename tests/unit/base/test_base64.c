/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The vectors of RFC 4648 §10, and that there is one text for each bytes alone. */
#include "base/base64.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void vectors(void **state)
{
	(void)state;
	static const struct {
		const char *text, *bytes;
	} rows[] = {{"", ""},
		    {"Zg==", "f"},
		    {"Zm8=", "fo"},
		    {"Zm9v", "foo"},
		    {"Zm9vYg==", "foob"},
		    {"Zm9vYmE=", "fooba"},
		    {"Zm9vYmFy", "foobar"}};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint8_t got[8] = {0};
		assert_true(base64_decode(str_from(rows[i].text), got, strlen(rows[i].bytes)));
		assert_memory_equal(got, rows[i].bytes, strlen(rows[i].bytes));
	}
	uint8_t got[3];
	assert_true(base64_decode(STR_LIT("+/+/"), got, 3));
	assert_memory_equal(got, "\xfb\xff\xbf", 3);
}

static void what_is_none(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		size_t size;
	} rows[] = {{"Zg==", 2},     {"Zg==", 0},     {"Zm8=", 1},    {"Zm8=", 3},   {"Zh==", 1}, {"Zm9=", 2},
		    {"Z===", 1},     {"====", 1},     {"Zg=g", 1},    {"Zm9v\n", 3}, {"Zm9", 2},  {"Zm 9", 3},
		    {"Zg==Zg==", 2}, {"Zm8=Zm9v", 5}, {"Zm9vZg=", 4}, {"Zm-_", 3},   {"=g==", 1}, {"Zm9vYg==", 3}};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint8_t got[8] = {1, 2, 3, 4, 5, 6, 7, 8};
		assert_false(base64_decode(str_from(rows[i].text), got, rows[i].size));
		assert_memory_equal(got, "\1\2\3\4\5\6\7\10", 8); /* untouched */
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(vectors), cmocka_unit_test(what_is_none)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
