/* SPDX-License-Identifier: BSD-2-Clause */
#include "list/quote.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/rand.h"
#include "settings/yaml.h"

static void check(const char *text, const char *block, const char *flow)
{
	struct arena arena = {0};
	assert_string_equal(quote_yaml(&arena, str_from(text), false), block);
	assert_string_equal(quote_yaml(&arena, str_from(text), true), flow);
	arena_finish(&arena);
}

static void test_plain_where_it_can_be(void **state)
{
	(void)state;
	check("t.me", "t.me", "t.me");
	check("two words", "two words", "two words");
	check("a, b", "a, b", "'a, b'");
	check("mailto:a@b.example", "mailto:a@b.example", "mailto:a@b.example");
	check("https://a.example/?b=c", "https://a.example/?b=c", "https://a.example/?b=c");
	check("1e100.net", "1e100.net", "1e100.net");
	check("caf\xc3\xa9", "caf\xc3\xa9", "caf\xc3\xa9");
	check("it's", "it's", "it's");
}

static void test_quoted_where_it_must(void **state)
{
	(void)state;
	check("", "''", "''");
	check("1.0", "'1.0'", "'1.0'");
	check("0x1F", "'0x1F'", "'0x1F'");
	check("2017-07-14", "'2017-07-14'", "'2017-07-14'");
	check("No", "'No'", "'No'");
	check("null", "'null'", "'null'");
	check("~", "'~'", "'~'");
	check("*.x", "'*.x'", "'*.x'");
	check("- a", "'- a'", "'- a'");
	check("a: b", "'a: b'", "'a: b'");
	check("a:", "'a:'", "'a:'");
	check("a #b", "'a #b'", "'a #b'");
	check("a ", "'a '", "'a '");
	check("it's: so", "'it''s: so'", "'it''s: so'");
	check("^ads?[0-9]*\\.", "'^ads?[0-9]*\\.'", "'^ads?[0-9]*\\.'");
	check("a\nb\t\"c\"\\", "\"a\\nb\\t\\\"c\\\"\\\\\"", "\"a\\nb\\t\\\"c\\\"\\\\\"");
	check("a\x7f\xc2\x85\xe2\x80\xa8\xef\xbb\xbf", "\"a\\x7F\\x85\\u2028\\uFEFF\"", "\"a\\x7F\\x85\\u2028\\uFEFF\"");
}

static void test_not_utf8(void **state)
{
	(void)state;
	struct arena arena = {0};
	assert_null(quote_yaml(&arena, STR_LIT("a\xff"), false));
	assert_null(quote_yaml(&arena, STR_LIT("\xc3"), true));
	arena_finish(&arena);
}

/* What is written is what is read, for any text, in both contexts. */
static void test_read_back(void **state)
{
	(void)state;
	static const char *const pieces[] = {"a",
					     "0",
					     " ",
					     ":",
					     "#",
					     "'",
					     "\"",
					     "\\",
					     ",",
					     "[",
					     "]",
					     "{",
					     "}",
					     "-",
					     "?",
					     "!",
					     "&",
					     "*",
					     "%",
					     "@",
					     "`",
					     "|",
					     ">",
					     "~",
					     "=",
					     "<",
					     "\n",
					     "\t",
					     "\r",
					     "\x01",
					     "\xc3\xa9",
					     "\xe2\x80\xa8",
					     "\xf0\x9f\x8e\xb0",
					     "\xef\xbb\xbf",
					     "\xc2\x85",
					     "null",
					     "no",
					     ".",
					     "/"};
	static const struct yaml_limits limits = {.bytes = 4096, .nodes = 16};
	rand_seed_for_test(20170714);
	for (int round = 0; round < 4000; round++) {
		struct arena arena = {0};
		struct buf text = {0}, document = {0};
		struct err_list errors = {0};
		for (uint32_t n = rand_below(8); n > 0; n--)
			buf_add_c(&text, pieces[rand_below(ARRAY_LEN(pieces))]);
		bool flow = round % 2 == 0;
		buf_printf(&document, flow ? "k: [x, %s, y]\n" : "k:\n  - %s\n  - y\n", quote_yaml(&arena, buf_str(&text), flow));
		struct yaml_node *root = yaml_parse(buf_str(&document), "t", &limits, &arena, &errors);
		if (root == NULL)
			fail_msg("%s: %s", document.ptr, errors.items[0].text);
		const struct yaml_node *value = yaml_get(root, "k");
		value = flow ? value->first->next : value->first;
		if (!str_eq(value->text, buf_str(&text)))
			fail_msg("%s reads as '%s'", document.ptr, value->text.ptr);
		buf_finish(&text);
		buf_finish(&document);
		arena_finish(&arena);
	}
	rand_seed_for_test(0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_plain_where_it_can_be),
	    cmocka_unit_test(test_quoted_where_it_must),
	    cmocka_unit_test(test_not_utf8),
	    cmocka_unit_test(test_read_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
