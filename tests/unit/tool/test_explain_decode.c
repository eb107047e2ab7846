/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_explain_decode.c - a message in words, whatever it is. */
#include "saringctl/explain_show.h"

#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* a.b. A 192.0.2.1 */
#define RECORD                     \
	"000081800001000100000000" \
	"0161016200"               \
	"00010001"                 \
	"c00c000100010000000a0004c0000201"
/* a.b. A is NXDOMAIN, with an extended error 15 "hi!" and an option 10. */
#define BLOCKED                                      \
	"000081830001000000000001016101620000010001" \
	"00002904d0000080000012"                     \
	"000f0005000f686921"                         \
	"000a00050102030405"

static bool has(const json_t *lines, const char *text)
{
	const json_t *line;
	size_t i;
	json_array_foreach(lines, i, line)
	{
		if (strcmp(json_string_value(line), text) == 0)
			return true;
	}
	return false;
}

static void test_words(void **state)
{
	static const char *const wanted[] = {";; rcode: NXDOMAIN, id: 0, flags: qr rd ra",
					     ";; QUESTION",
					     "; a.b. IN A",
					     ";; EDNS: version 0, payload 1232, DO",
					     ";; EDNS: extended error 15: hi!",
					     ";; EDNS: option 10: 01 02 03 04 05"};
	json_t *lines = explain_decode(BLOCKED);
	(void)state;
	assert_non_null(lines);
	for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
		if (!has(lines, wanted[i]))
			fail_msg("missing: %s", wanted[i]);
	assert_false(has(lines, ";; ANSWER")); /* nothing is in it */
	json_decref(lines);
	lines = explain_decode(RECORD);
	assert_true(has(lines, ";; ANSWER") && has(lines, "a.b.\t10\tIN\tA\t192.0.2.1"));
	json_decref(lines);
}

static void test_none(void **state)
{
	static const char *const none[] = {"", "0", "00", "zz", "0000818300010000000000", "000081830001000000000g01"};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(none); i++)
		assert_null(explain_decode(none[i]));
}

/* Cut anywhere, and with any octet changed. */
static void test_any_octets(void **state)
{
	static const char digits[] = "0123456789abcdef";
	static const char *const whole[] = {BLOCKED, RECORD};
	(void)state;
	for (size_t w = 0; w < ARRAY_LEN(whole); w++) {
		size_t len = strlen(whole[w]);
		for (size_t cut = 0; cut <= len; cut++) {
			char *text = base_strdup(whole[w]);
			text[cut] = '\0';
			json_decref(explain_decode(text));
			free(text);
		}
		for (size_t at = 0; at < len; at++) {
			char *text = base_strdup(whole[w]);
			for (size_t d = 0; d < 16; d++) {
				text[at] = digits[d];
				json_decref(explain_decode(text));
			}
			free(text);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_words),
	    cmocka_unit_test(test_none),
	    cmocka_unit_test(test_any_octets),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
