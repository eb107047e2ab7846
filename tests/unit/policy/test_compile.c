/* SPDX-License-Identifier: BSD-2-Clause */
#include "fixture.h"

#include <stdio.h>
#include <string.h>

static struct fixture f;

static int set_up(void **state)
{
	(void)state;
	fixture_init(&f);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	fixture_finish(&f);
	return 0;
}

/* The errors, one a line; nothing may have been written. */
static const char *refused(void)
{
	static char text[4096];
	struct compile_input input = fixture_input(&f);
	struct err_list errors = {NULL, 0, 0};
	size_t used = 0;
	text[0] = '\0';
	assert_false(policy_compile(&input, &f.image, &errors));
	assert_true(errors.count > 0);
	assert_int_equal(f.image.len, 0);
	for (size_t i = 0; i < errors.count && used < sizeof(text) - 2; i++) {
		(void)err_format(&errors.items[i], text + used, sizeof(text) - used - 2);
		used += strlen(text + used);
		text[used++] = '\n';
		text[used] = '\0';
	}
	err_list_finish(&errors);
	return text;
}

static void bad_expressions_are_all_named_with_their_place(void **state)
{
	(void)state;
	char long_text[300];
	memset(long_text, 'a', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = '\0';
	size_t l = fixture_list(&f, "l", ACTION_BLOCK, false, MODE_ENFORCE),
	       m = fixture_list(&f, "m", ACTION_BLOCK, false, MODE_SHADOW);
	fixture_entry(&f, l, "^(ads", MATCH_REGEX);
	fixture_entry(&f, l, "fine.example", MATCH_EXACT);
	fixture_entry(&f, l, "[z-a]", MATCH_REGEX);
	fixture_entry(&f, m, "(*UTF)x", MATCH_REGEX);
	fixture_entry(&f, m, long_text, MATCH_REGEX);
	fixture_entry(&f, m, "(?:(?:a{1,1000}){1,1000}){1,1000}", MATCH_REGEX);
	const char *errors = refused();
	assert_non_null(
	    strstr(errors, "l.yaml:1:5: the regular expression is not valid at its character 6: missing closing parenthesis"));
	assert_non_null(strstr(errors, "l.yaml:3:5: "));
	assert_non_null(strstr(errors, "m.yaml:1:5: "));
	assert_non_null(strstr(errors, "m.yaml:2:5: the regular expression is longer than 255 bytes"));
	assert_non_null(strstr(errors, "m.yaml:3:5: "));
	assert_null(strstr(errors, "l.yaml:2"));
}

static void addresses_must_be_there(void **state)
{
	(void)state;
	size_t l = fixture_list(&f, "l", ACTION_BLOCK, false, MODE_ENFORCE);
	fixture_entry(&f, l, "x.example", MATCH_EXACT);
	f.settings_lists[l].has_answer = true;
	f.settings_lists[l].answer = ANSWER_ADDRESS;
	assert_string_equal(refused(), "saring.yaml:1:5: list 'l' answers with addresses, but block.addresses names none\n");
}

static void text_that_is_not_utf8_is_refused(void **state)
{
	(void)state;
	size_t l = fixture_list(&f, "l", ACTION_BLOCK, false, MODE_ENFORCE);
	fixture_provenance(&f, fixture_entry(&f, l, "x.example", MATCH_EXACT))->reason = "a\xff";
	assert_non_null(strstr(refused(), "not UTF-8"));
}

static void what_is_appended_to_stays(void **state)
{
	(void)state;
	struct compile_input input = fixture_input(&f);
	struct err_list errors = {NULL, 0, 0};
	struct buf out = {NULL, 0, 0};
	buf_add_c(&out, "before");
	assert_true(policy_compile(&input, &out, &errors));
	assert_memory_equal(out.ptr, "before", 6);
	assert_true(policy_open_memory(out.ptr + 6, out.len - 6, &f.policy, NULL)); /* unaligned, too */
	policy_close(f.policy);
	f.policy = NULL;
	buf_finish(&out);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(bad_expressions_are_all_named_with_their_place),
	    TEST(addresses_must_be_there),
	    TEST(text_that_is_not_utf8_is_refused),
	    TEST(what_is_appended_to_stays),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
