/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_output.c - nothing a stranger wrote steers a terminal; what the daemon says becomes the right exit status. */
#include "saringctl/output.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct output utf8 = {.utf8 = true};
static const struct output ascii = {.utf8 = false};

static void assert_safe(const struct output *o, const char *text, const char *safe)
{
	char *got = output_safe(o, text);
	assert_string_equal(got, safe);
	free(got);
}

static void test_safe(void **state)
{
	(void)state;
	assert_safe(&utf8, "t.me", "t.me");
	assert_safe(&utf8, NULL, "");
	assert_safe(&utf8, "", "");
	assert_safe(&utf8, "\033[2J\033]0;owned\007", "\\027[2J\\027]0;owned\\007");
	assert_safe(&utf8, "\x7f", "\\127");
	assert_safe(&utf8,
		    "\xc2\x9b"
		    "31m",
		    "\\194\\15531m"); /* CSI as a C1 control, in UTF-8 */
	assert_safe(&utf8,
		    "a\xe2\x80\xae"
		    "b",
		    "a\\226\\128\\174b"); /* right-to-left override */
	assert_safe(&utf8, "\xff\xfe", "\\255\\254");
	assert_safe(&utf8, "caf\xc3\xa9", "caf\xc3\xa9");
	assert_safe(&ascii, "caf\xc3\xa9", "caf\\195\\169");
	/* for reading: quotes and backslashes as they stand, lines as one line */
	assert_safe(&utf8, "say \"no\"", "say \"no\"");
	assert_safe(&utf8, "^ads?[0-9]*\\.", "^ads?[0-9]*\\.");
	assert_safe(&utf8, "\\\\", "\\\\");
	assert_safe(&utf8, "one\ntwo\tthree\r\n", "one two three ");
	assert_safe(&utf8, "ends\n\n", "ends");
}

/* Everything that is escaped grows fourfold: nothing may be cut. */
static void test_safe_is_never_cut(void **state)
{
	char text[5001];
	(void)state;
	memset(text, '\033', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	char *got = output_safe(&utf8, text);
	assert_int_equal(strlen(got), 4 * (sizeof(text) - 1));
	assert_null(strstr(got, "..."));
	free(got);
}

static void test_status(void **state)
{
	static const struct {
		enum err_code code;
		enum exit_status status;
	} cases[] = {
	    {ERR_NONE, STATUS_DONE},	   {ERR_USAGE, STATUS_USAGE},
	    {ERR_INPUT, STATUS_FAILED},	   {ERR_IO, STATUS_FAILED},
	    {ERR_MEMORY, STATUS_FAILED},   {ERR_LIMIT, STATUS_FAILED},
	    {ERR_EXISTS, STATUS_FAILED},   {ERR_NOT_FOUND, STATUS_FAILED},
	    {ERR_DENIED, STATUS_FAILED},   {ERR_UNREACHABLE, STATUS_UNREACHABLE},
	    {ERR_INTERNAL, STATUS_FAILED},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct err err = {.code = cases[i].code};
		assert_int_equal(output_status(&err), cases[i].status);
	}
	assert_int_equal(STATUS_DONE, 0); /* interface, not ours to choose */
	assert_int_equal(STATUS_FAILED, 1);
	assert_int_equal(STATUS_USAGE, 2);
	assert_int_equal(STATUS_UNREACHABLE, 3);
}

static void test_colour(void **state)
{
	(void)state;
	assert_true(output_wants_colour(true, NULL));
	assert_true(output_wants_colour(true, "")); /* no-color.org: not when empty */
	assert_false(output_wants_colour(true, "1"));
	assert_false(output_wants_colour(true, "0"));
	assert_false(output_wants_colour(false, NULL));
}

static void test_terminal(void **state)
{
	FILE *f = tmpfile();
	(void)state;
	assert_non_null(f);
	assert_int_equal(setenv("TERM", "xterm", 1), 0);
	assert_false(output_is_terminal(f));
	fclose(f);
}

static void test_figures(void **state)
{
	char buf[FIGURE_MAX];
	(void)state;
	assert_string_equal(figure_bytes(0, buf), "0 B");
	assert_string_equal(figure_bytes(1023, buf), "1023 B");
	assert_string_equal(figure_bytes(67108864, buf), "64.0 MiB");
	assert_string_equal(figure_bytes(UINT64_MAX, buf), "16777216.0 TiB");
	assert_string_equal(figure_seconds(0.0123, buf), "12.3 ms");
	assert_string_equal(figure_seconds(12.3, buf), "12.3 s");
	assert_string_equal(figure_seconds(61, buf), "1 min 1 s");
	assert_string_equal(figure_seconds(7260, buf), "2 h 1 min");
	assert_string_equal(figure_seconds(2 * 86400 + 3600, buf), "2 d 1 h");
	assert_string_equal(figure_seconds(-1, buf), "-");
	assert_string_equal(figure_seconds(1e300, buf), "-");
	assert_string_equal(figure_count(1, "entry", "entries", buf), "1 entry");
	assert_string_equal(figure_count(0, "entry", "entries", buf), "0 entries");
}

/* A daemon of another version, or something else on the socket. */
static void test_fields(void **state)
{
	json_t *object = json_pack("{s:s, s:i, s:f, s:b, s:n}", "text", "x", "int", 3, "real", 2.5, "bool", 1, "null");
	(void)state;
	assert_non_null(object);
	assert_string_equal(field_text(object, "text"), "x");
	assert_string_equal(field_text(object, "int"), "");
	assert_string_equal(field_text(object, "null"), "");
	assert_string_equal(field_text(object, "absent"), "");
	assert_string_equal(field_text(NULL, "absent"), "");
	assert_int_equal(field_int(object, "int"), 3);
	assert_int_equal(field_int(object, "text"), 0);
	assert_true(field_real(object, "int") > 2.9 && field_real(object, "int") < 3.1);
	assert_true(field_real(object, "real") > 2.4 && field_real(object, "real") < 2.6);
	assert_true(field_bool(object, "bool"));
	assert_false(field_bool(object, "text"));
	json_decref(object);
}

static void test_errors_json(void **state)
{
	struct err_list errors = {0};
	(void)state;
	err_list_add_at(&errors, "lists/\xff.yaml", 3, 5, "no \"name\"");
	json_t *array = output_errors_json(&errors);
	assert_int_equal(json_array_size(array), 1);
	const json_t *one = json_array_get(array, 0);
	assert_int_equal(field_int(one, "line"), 3);
	assert_int_equal(field_int(one, "column"), 5);
	assert_string_equal(field_text(one, "text"), "no \"name\"");
	assert_string_equal(field_text(one, "file"), "lists/\\255.yaml"); /* JSON cannot hold the octet */
	json_decref(array);
	err_list_finish(&errors);
	array = output_errors_json(NULL);
	assert_int_equal(json_array_size(array), 0);
	json_decref(array);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_safe),   cmocka_unit_test(test_safe_is_never_cut), cmocka_unit_test(test_status),
	    cmocka_unit_test(test_colour), cmocka_unit_test(test_terminal),	     cmocka_unit_test(test_figures),
	    cmocka_unit_test(test_fields), cmocka_unit_test(test_errors_json),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
