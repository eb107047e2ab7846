/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/fixture.h"

#include <stdio.h>
#include <string.h>

#include "compile/ijson.h"
#include "compile/structured.h"

#define ROUNDS 4000

static const struct settings nobody;
static const struct settings isp = {.organization = "Example ISP",
				    .language = "en",
				    .contact = (const char *const[]){"mailto:help@example.net"},
				    .contact_count = 1};

/* "" for none; static memory. Whatever comes is what it must be. */
static const char *composed(const struct provenance *said, enum code code, const struct settings *block, enum structured_form form)
{
	static char text[IMAGE_STRUCTURED_MAX + 1];
	struct buf b = {0};
	bool good = structured_compose(said, code, block, form, &b);
	assert_int_equal(good, b.len > 0);
	assert_true(b.len <= IMAGE_STRUCTURED_MAX);
	if (good) {
		const char *fault = ijson_fault(buf_str(&b));
		if (fault != NULL)
			fail_msg("%s: %.*s", fault, (int)b.len, b.ptr);
		memcpy(text, b.ptr, b.len);
	}
	text[b.len] = '\0';
	buf_finish(&b);
	return text;
}

static const char *whole(const struct provenance *said, enum code code, const struct settings *block)
{
	return composed(said, code, block, STRUCTURED_WHOLE);
}

static void all_names_in_three_forms(void **state)
{
	(void)state;
	static const char *const contact[] = {"tel:+62-21-555", "https://example.org/", "MAILTO:a@example.org"};
	const struct provenance said = {.reason = "unrest",
					.authority = "Kominfo",
					.reference = "order 7",
					.has_sub_error = true,
					.sub_error = SUB_ERROR_DNS_POLICY,
					.contact = contact,
					.contact_count = 3};
	assert_string_equal(whole(&said, CODE_BLOCKED, &isp),
			    "{\"c\":[\"tel:+62-21-555\",\"MAILTO:a@example.org\"],\"j\":\"unrest\",\"s\":6,\"o\":\"Example ISP\","
			    "\"l\":\"en\"}");
	assert_string_equal(composed(&said, CODE_BLOCKED, &isp, STRUCTURED_LESS),
			    "{\"c\":[\"tel:+62-21-555\",\"MAILTO:a@example.org\"],\"s\":6,\"o\":\"Example ISP\",\"l\":\"en\"}");
	assert_string_equal(composed(&said, CODE_BLOCKED, &isp, STRUCTURED_LEAST),
			    "{\"c\":[\"tel:+62-21-555\",\"MAILTO:a@example.org\"],\"s\":6}");
}

/* The entry over block:, and what stands in for what nobody says. */
static void levels_and_stand_ins(void **state)
{
	(void)state;
	static const char *const web[] = {"https://example.org/", "mailto:", "mailto:a b@example.org", "fax:1"};
	assert_string_equal(
	    whole(&(struct provenance){.organization = "School", .language = "id", .reason = "r"}, CODE_BLOCKED, &isp),
	    "{\"c\":[\"mailto:help@example.net\"],\"j\":\"r\",\"o\":\"School\",\"l\":\"id\"}");
	/* no contact that a client takes: those of block: */
	assert_string_equal(whole(&(struct provenance){.contact = web, .contact_count = 4}, CODE_BLOCKED, &isp),
			    "{\"c\":[\"mailto:help@example.net\"],\"o\":\"Example ISP\",\"l\":\"en\"}");
	/* who decided is who filters, when nobody else is said; the language nobody says */
	assert_string_equal(whole(&(struct provenance){.authority = "A", .reason = "r", .reference = "n"}, CODE_CENSORED, &nobody),
			    "{\"j\":\"r\",\"o\":\"A\",\"l\":\"und\"}");
	assert_string_equal(whole(&(struct provenance){.authority = "A", .reference = "n"}, CODE_CENSORED, &nobody),
			    "{\"j\":\"n\",\"o\":\"A\",\"l\":\"und\"}");
	assert_string_equal(whole(&(struct provenance){.authority = "A", .reference = "n"}, CODE_CENSORED, &isp),
			    "{\"c\":[\"mailto:help@example.net\"],\"j\":\"A (n)\",\"o\":\"Example ISP\",\"l\":\"en\"}");
	assert_string_equal(whole(&(struct provenance){.authority = "A"}, CODE_CENSORED, &isp),
			    "{\"c\":[\"mailto:help@example.net\"],\"j\":\"A\",\"o\":\"Example ISP\",\"l\":\"en\"}");
}

/* A client must not look at an object that has neither c, j nor s. */
static void nothing_is_not_said(void **state)
{
	(void)state;
	const struct settings named = {.organization = "Example ISP", .language = "en"};
	assert_string_equal(whole(&(struct provenance){.reason = NULL}, CODE_BLOCKED, &nobody), "");
	assert_string_equal(whole(&(struct provenance){.reason = " \n "}, CODE_BLOCKED, &named), "");
	assert_string_equal(whole(&(struct provenance){.authority = "A"}, CODE_BLOCKED, &nobody), "");
	const struct provenance only_j = {.reason = "r"};
	assert_string_equal(whole(&only_j, CODE_BLOCKED, &named), "{\"j\":\"r\",\"o\":\"Example ISP\",\"l\":\"en\"}");
	assert_string_equal(composed(&only_j, CODE_BLOCKED, &named, STRUCTURED_LESS), "");
	assert_string_equal(composed(&only_j, CODE_BLOCKED, &named, STRUCTURED_LEAST), "");
}

/* The registry: which sub-error goes with which code. */
static void sub_errors_go_with_their_codes(void **state)
{
	(void)state;
	for (enum sub_error s = SUB_ERROR_NONE; s < SUB_ERROR_COUNT; s++) {
		const struct provenance said = {.has_sub_error = true, .sub_error = s};
		char expected[16] = "";
		if (s != SUB_ERROR_NONE)
			(void)snprintf(expected, sizeof(expected), "{\"s\":%d}", (int)s);
		assert_string_equal(whole(&said, CODE_BLOCKED, &nobody), expected);
		assert_string_equal(whole(&said, CODE_FILTERED, &nobody), s >= SUB_ERROR_NETWORK_POLICY ? "" : expected);
		assert_string_equal(whole(&said, CODE_CENSORED, &nobody), "");
	}
}

static void texts_are_escaped_and_one_line(void **state)
{
	(void)state;
	const struct provenance said = {.reason = "say \"no\"\\\n\tto\x01\x7f \xe2\x80\xae\xef\xb7\x90x \xf0\x9f\x98\x80"};
	assert_string_equal(whole(&said, CODE_BLOCKED, &nobody),
			    "{\"j\":\"say \\\"no\\\"\\\\ to x \xf0\x9f\x98\x80\",\"l\":\"und\"}");
}

/* Everything as long as lists may make it. */
static void the_longest_fits(void **state)
{
	(void)state;
	static const char *const units[] = {"x", "\"", "\\", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "word "};
	for (size_t u = 0; u < ARRAY_LEN(units); u++) {
		char text[4097] = "", uri[4097] = "mailto:", small[120] = "tel:";
		const char *contact[16];
		while (strlen(text) + strlen(units[u]) < sizeof(text))
			strcat(text, units[u]);
		memset(uri + 7, 'm', sizeof(uri) - 8);
		memset(small + 4, '7', 100);
		for (size_t i = 0; i < ARRAY_LEN(contact); i++)
			contact[i] = i % 4 == 0 ? uri : small;
		const struct provenance said = {.reason = text,
						.organization = text,
						.language = "abcdefgh-abcdefgh-abcdefgh-abcdefgh",
						.contact = contact,
						.contact_count = ARRAY_LEN(contact),
						.has_sub_error = true,
						.sub_error = SUB_ERROR_DNS_POLICY};
		const char *got = whole(&said, CODE_BLOCKED, &nobody);
		assert_non_null(strstr(got, "\xe2\x80\xa6\",\"s\":6,\"o\":\""));
		assert_true(strlen(got) > 800);
		assert_null(strstr(got, uri));
	}
}

/* --- whatever the texts are --- */

static uint64_t random_state = 42;

static uint32_t below(uint32_t end)
{
	random_state = random_state * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(random_state >> 33) % end;
}

/* Valid UTF-8 of all sorts: what YAML may hold. */
static void random_text(char *ret, size_t len)
{
	static const char *const units[] = {"a",
					    "Z",
					    " ",
					    "\n",
					    "\t",
					    "\"",
					    "\\",
					    "/",
					    "\x01",
					    "\x1f",
					    "\x7f",
					    "{",
					    "\xc2\x80",
					    "\xc3\xa9",
					    "\xe2\x80\xae",
					    "\xe2\x82\xac",
					    "\xef\xbf\xbd",
					    "\xef\xb7\x90",
					    "\xef\xbf\xbf",
					    "\xf0\x9f\x98\x80",
					    "\xf4\x8f\xbf\xbf",
					    "mailto:",
					    "tel:",
					    "\xef\xbb\xbf"};
	size_t used = 0;
	for (const char *unit; (unit = units[below(ARRAY_LEN(units))]), used + strlen(unit) < len; used += strlen(unit))
		memcpy(ret + used, unit, strlen(unit) + 1);
	ret[used] = '\0';
}

static void whatever_is_said_comes_out_well(void **state)
{
	(void)state;
	static char texts[8][600];
	size_t made = 0;
	for (unsigned round = 0; round < ROUNDS; round++) {
		const char *t[ARRAY_LEN(texts)];
		for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
			random_text(texts[i], 1 + below(sizeof(texts[i])));
			t[i] = below(3) == 0 ? NULL : texts[i];
		}
		const char *contact[] = {texts[6], "mailto:x@example.org", texts[7]};
		const struct provenance said = {.reason = t[0],
						.authority = t[1],
						.reference = t[2],
						.organization = t[3],
						.contact = contact,
						.contact_count = below(4),
						.sub_error = (enum sub_error)below(SUB_ERROR_COUNT)};
		const struct settings block = {.organization = t[4], .language = below(2) == 0 ? NULL : "pt-BR"};
		for (enum structured_form form = STRUCTURED_WHOLE; form < STRUCTURED_FORMS; form++)
			made += composed(&said, (enum code)below(3), &block, form)[0] != '\0';
	}
	assert_true(made > ROUNDS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(all_names_in_three_forms),
	    cmocka_unit_test(levels_and_stand_ins),
	    cmocka_unit_test(nothing_is_not_said),
	    cmocka_unit_test(sub_errors_go_with_their_codes),
	    cmocka_unit_test(texts_are_escaped_and_one_line),
	    cmocka_unit_test(the_longest_fits),
	    cmocka_unit_test(whatever_is_said_comes_out_well),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
