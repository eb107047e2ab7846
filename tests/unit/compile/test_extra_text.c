/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/fixture.h"

#include <stdio.h>
#include <string.h>

#include "compile/extra_text.h"

static char buf[IMAGE_EXTRA_TEXT_MAX + 1];

static void says(const char *expected, enum code code, const char *organization, const char *authority, const char *reason,
		 const char *reference)
{
	assert_string_equal(extra_text_compose(code, organization, authority, reason, reference, NULL, buf), expected);
	assert_true(str_is_utf8(str_from(buf)));
}

static void sentences(void **state)
{
	(void)state;
	says("", CODE_CENSORED, NULL, NULL, NULL, NULL);
	says("", CODE_BLOCKED, "", "", "", "");
	says("Example ISP: blocked", CODE_BLOCKED, "Example ISP", NULL, NULL, NULL);
	says("blocked: advertising", CODE_BLOCKED, NULL, NULL, "advertising", NULL);
	says("blocked by the operator: malware (https://x.example/1)", CODE_BLOCKED, NULL, "the operator", "malware",
	     "https://x.example/1");
	says("Example ISP: blocked by order of Kominfo: unrest (order 7)", CODE_CENSORED, "Example ISP", "Kominfo", "unrest",
	     "order 7");
	says("blocked by order (order 7)", CODE_CENSORED, NULL, NULL, NULL, "order 7");
	says("filtered on request of the family: school nights", CODE_FILTERED, NULL, "the family", "school nights", NULL);
	says("filtered on request: games", CODE_FILTERED, NULL, NULL, "games", NULL);
}

static void one_line_without_controls(void **state)
{
	(void)state;
	says("blocked: first second third", CODE_BLOCKED, NULL, NULL, "  first\n  second\t\x01third\n", NULL);
	says("blocked: a b", CODE_BLOCKED, NULL, NULL,
	     "\xc2\xa0"
	     "a\xe3\x80\x80\xe2\x80\x83"
	     "b\xc2\xa0",
	     NULL);
	says("blocked by \xe2\x82\xac: a b", CODE_BLOCKED, NULL, "\xe2\x82\xac",
	     "a\xc2\x85"
	     "b\x7f",
	     NULL);
}

static void long_reasons_leave_room_for_the_reference(void **state)
{
	(void)state;
	char reason[1001];
	memset(reason, 'r', sizeof(reason) - 1);
	reason[sizeof(reason) - 1] = '\0';
	(void)extra_text_compose(CODE_CENSORED, "ISP", "A", reason, "https://x.example/1", NULL, buf);
	assert_int_equal(strlen(buf), IMAGE_EXTRA_TEXT_MAX);
	assert_non_null(strstr(buf, "rr\xe2\x80\xa6 (https://x.example/1)"));
	/* what is long is the authority: the end goes */
	(void)extra_text_compose(CODE_CENSORED, "ISP", reason, "why", "https://x.example/1", NULL, buf);
	assert_int_equal(strlen(buf), IMAGE_EXTRA_TEXT_MAX);
	assert_memory_equal(buf, "ISP: blocked by order of rrr", 28);
}

/* Without a reference the list is one; both are never there. */
static void the_list_stands_in_for_a_reference(void **state)
{
	(void)state;
	assert_string_equal(extra_text_compose(CODE_BLOCKED, NULL, NULL, NULL, NULL, "ads", buf), "blocked (list ads)");
	assert_string_equal(extra_text_compose(CODE_BLOCKED, "ISP", NULL, "why", NULL, "ads", buf), "ISP: blocked: why (list ads)");
	assert_string_equal(extra_text_compose(CODE_BLOCKED, "ISP", NULL, "why", "order 7", "ads", buf),
			    "ISP: blocked: why (order 7)");
}

/* A reference is whole or absent, and a reason ends with a word. */
static void a_long_reference_goes(void **state)
{
	(void)state;
	char url[300] = "https://www.example.org/";
	memset(url + 24, 'u', 250);
	(void)extra_text_compose(CODE_CENSORED, NULL, "Ministry", "a reason of a few words that all fit", url, NULL, buf);
	assert_string_equal(buf, "blocked by order of Ministry: a reason of a few words that all fit");
	(void)extra_text_compose(CODE_CENSORED, NULL, "Ministry", "a reason of a few words that all fit", url, "orders", buf);
	assert_string_equal(buf, "blocked by order of Ministry: a reason of a few words that all fit (list orders)");
	char reason[600] = "word";
	for (int i = 0; i < 100; i++)
		strcat(reason, " word");
	(void)extra_text_compose(CODE_CENSORED, NULL, "Ministry", reason, url, NULL, buf);
	assert_null(strstr(buf, "https"));
	assert_non_null(strstr(buf, " word\xe2\x80\xa6"));
	assert_in_range(strlen(buf), IMAGE_EXTRA_TEXT_MAX - 12, IMAGE_EXTRA_TEXT_MAX);
}

static void a_reference_outranks_a_reason(void **state)
{
	(void)state;
	char url[300] = "https://www.example.org/", wanted[400];
	memset(url + 24, 'u', 130);
	(void)extra_text_compose(CODE_CENSORED, NULL, "Ministry", "a reason of a few words that all fit", url, "orders", buf);
	(void)snprintf(wanted, sizeof(wanted), "blocked by order of Ministry (%s)", url);
	assert_string_equal(buf, wanted);
}

/* Wherever the cut falls in text of two, three and four octets a character, whole characters stay. */
static void cuts_fall_between_characters(void **state)
{
	(void)state;
	static const char *const letters[] = {"\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};
	for (size_t l = 0; l < ARRAY_LEN(letters); l++) {
		for (size_t lead = 0; lead < 8; lead++) {
			char text[1001];
			size_t len = 0;
			while (len < lead)
				text[len++] = 'x';
			while (len + 4 < sizeof(text)) {
				memcpy(text + len, letters[l], strlen(letters[l]));
				len += strlen(letters[l]);
			}
			text[len] = '\0';
			const char *reason = extra_text_compose(CODE_BLOCKED, NULL, NULL, text, "ref", NULL, buf);
			assert_true(str_is_utf8(str_from(reason)) && strlen(reason) <= IMAGE_EXTRA_TEXT_MAX &&
				    strlen(reason) > IMAGE_EXTRA_TEXT_MAX - 4);
			const char *authority = extra_text_compose(CODE_BLOCKED, NULL, text, NULL, NULL, NULL, buf);
			assert_true(str_is_utf8(str_from(authority)) && strlen(authority) > IMAGE_EXTRA_TEXT_MAX - 4);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(sentences),
	    cmocka_unit_test(one_line_without_controls),
	    cmocka_unit_test(long_reasons_leave_room_for_the_reference),
	    cmocka_unit_test(the_list_stands_in_for_a_reference),
	    cmocka_unit_test(a_long_reference_goes),
	    cmocka_unit_test(a_reference_outranks_a_reason),
	    cmocka_unit_test(cuts_fall_between_characters),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
