/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/rand.h"
#include "base/str.h"

static void comparing(void **state)
{
	(void)state;
	assert_true(str_eq(str_from(NULL), str_from("")));
	assert_true(str_eq_c(STR_LIT("abc"), "abc"));
	assert_false(str_eq_c(STR_LIT("abc"), "ab"));
	assert_false(str_eq_c(STR_LIT("abc"), "abd"));
	assert_true(str_eq_nocase(STR_LIT("AbZ"), STR_LIT("aBz")));
	assert_false(str_eq_nocase(STR_LIT("["), STR_LIT("{"))); /* 0x5b and 0x7b: no letters */
	assert_false(str_eq_nocase(STR_LIT("@"), STR_LIT("`")));
	assert_true(str_starts(STR_LIT("abc"), "ab"));
	assert_true(str_starts(STR_LIT("abc"), ""));
	assert_true(str_starts(str_from(NULL), ""));
	assert_false(str_starts(STR_LIT("a"), "ab"));
}

static void trimming_and_cutting(void **state)
{
	(void)state;
	assert_true(str_eq_c(str_trim(STR_LIT(" \t a b \r\n")), "a b"));
	assert_int_equal(str_trim(STR_LIT(" \t\r\n")).len, 0);
	assert_int_equal(str_trim(str_from(NULL)).len, 0);

	struct str rest = STR_LIT("a,,b,");
	assert_true(str_eq_c(str_cut(&rest, ','), "a"));
	assert_true(str_eq_c(str_cut(&rest, ','), ""));
	assert_true(str_eq_c(str_cut(&rest, ','), "b"));
	assert_non_null(rest.ptr); /* something follows the last comma: an empty piece */
	assert_true(str_eq_c(str_cut(&rest, ','), ""));
	assert_null(rest.ptr);
	assert_int_equal(str_cut(&rest, ',').len, 0);

	char *copy = str_dup(STR_LIT("x\0y"));
	assert_memory_equal(copy, "x\0y\0", 4);
	free(copy);
	copy = str_dup(str_from(NULL));
	assert_string_equal(copy, "");
	free(copy);
}

static void nearest(void **state)
{
	(void)state;
	static const char *const words[] = {"listen", "workers", "user",    "clients", "upstream",
					    "cache",  "min-ttl", "max-ttl", "block"};
	const size_t count = ARRAY_LEN(words);
	assert_string_equal(str_nearest(STR_LIT("lisen"), words, count), "listen");
	assert_string_equal(str_nearest(STR_LIT("listne"), words, count), "listen"); /* a swap is one fault */
	assert_string_equal(str_nearest(STR_LIT("LISTEN"), words, count), "listen");
	assert_string_equal(str_nearest(STR_LIT("min_ttl"), words, count), "min-ttl");
	assert_string_equal(str_nearest(STR_LIT("max_ttl"), words, count), "max-ttl");
	assert_string_equal(str_nearest(STR_LIT("upstreams"), words, count), "upstream");
	assert_string_equal(str_nearest(STR_LIT("usr"), words, count), "user");
	assert_null(str_nearest(STR_LIT("zebra"), words, count));
	assert_null(str_nearest(STR_LIT(""), words, count));
	assert_null(str_nearest(STR_LIT("x"), words, count));
	assert_null(str_nearest(STR_LIT("listen"), words, 0));
	char big[500];
	memset(big, 'l', sizeof(big));
	assert_null(str_nearest((struct str){big, sizeof(big)}, words, count));
}

/* The reference: unbounded matrix, written from the definition. */
static size_t slow_distance(const char *a, const char *b)
{
	size_t d[16][16];
	size_t la = strlen(a), lb = strlen(b);
	for (size_t i = 0; i <= la; i++)
		for (size_t j = 0; j <= lb; j++) {
			if (i == 0 || j == 0) {
				d[i][j] = i + j;
				continue;
			}
			size_t best = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
			best = MIN(best, d[i - 1][j] + 1);
			best = MIN(best, d[i][j - 1] + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				best = MIN(best, d[i - 2][j - 2] + 1);
			d[i][j] = best;
		}
	return d[la][lb];
}

static void nearest_agrees_with_the_definition(void **state)
{
	(void)state;
	rand_seed_for_test(7);
	for (int round = 0; round < 20000; round++) {
		char a[16] = {0}, b[16] = {0};
		uint32_t la = 2 + rand_below(9), lb = 1 + rand_below(11);
		for (uint32_t i = 0; i < la; i++)
			a[i] = (char)('a' + rand_below(3));
		for (uint32_t i = 0; i < lb; i++)
			b[i] = (char)('a' + rand_below(3));
		const char *words[] = {b};
		bool near = slow_distance(a, b) <= MAX(la / 3, 1u);
		assert_int_equal(str_nearest(str_from(a), words, 1) != NULL, near);
	}
	rand_seed_for_test(0);
}

static void escaping(void **state)
{
	(void)state;
	char buf[64];
	assert_string_equal(str_escape(STR_LIT("a\"b\\c"), false, buf, sizeof(buf)), "a\\\"b\\\\c");
	assert_string_equal(str_escape(STR_LIT("\x1b[31m\r\n\0"), false, buf, sizeof(buf)), "\\027[31m\\013\\010\\000");
	assert_string_equal(str_escape(STR_LIT("\x7f\x80\xff"), false, buf, sizeof(buf)), "\\127\\128\\255");
	assert_string_equal(str_escape(STR_LIT("\xc3\xa9"), false, buf, sizeof(buf)), "\\195\\169");
	assert_string_equal(str_escape(STR_LIT("\xc3\xa9"), true, buf, sizeof(buf)), "\xc3\xa9");
	/* invalid UTF-8, C1 controls, marks of direction, a BOM, a separator of lines: never as they are */
	assert_string_equal(str_escape(STR_LIT("\xc3"), true, buf, sizeof(buf)), "\\195");
	assert_string_equal(str_escape(STR_LIT("\xc0\xaf"), true, buf, sizeof(buf)), "\\192\\175");
	assert_string_equal(str_escape(STR_LIT("\xc2\x9b"), true, buf, sizeof(buf)), "\\194\\155");
	assert_string_equal(str_escape(STR_LIT("\xe2\x80\xae"), true, buf, sizeof(buf)), "\\226\\128\\174");
	assert_string_equal(str_escape(STR_LIT("\xef\xbb\xbf"), true, buf, sizeof(buf)), "\\239\\187\\191");
	assert_string_equal(str_escape(STR_LIT("\xe2\x80\xa8"), true, buf, sizeof(buf)), "\\226\\128\\168");
	assert_string_equal(str_escape(str_from(NULL), true, buf, sizeof(buf)), "");
}

static void cleaning(void **state)
{
	(void)state;
	char buf[64];
	assert_string_equal(str_clean(STR_LIT("a\"b\\c"), true, buf, sizeof(buf)), "a\"b\\c");
	assert_string_equal(str_clean(STR_LIT("\x1b[31m\xc3\xa9\xff"), true, buf, sizeof(buf)), "\\027[31m\xc3\xa9\\255");
	assert_string_equal(str_clean(STR_LIT("\xe2\x80\xae\xc2\x85"), true, buf, sizeof(buf)), "\\226\\128\\174\\194\\133");
	assert_string_equal(str_clean(STR_LIT("\xc3\xa9"), false, buf, sizeof(buf)), "\\195\\169");
	/* clean is clean */
	char again[64];
	assert_string_equal(str_clean(str_from(str_clean(STR_LIT("\"\x1b\\"), true, buf, sizeof(buf))), true, again, sizeof(again)),
			    buf);
}

static void masking(void **state)
{
	(void)state;
	char text[] = "a\n\x7f\xc3\xa9\xe2\x80\xae\xc2\x9b\xff\"\\\xf3\xa0\x80\x81z\xe2\x80";
	str_mask(text, sizeof(text) - 1);
	assert_string_equal(text, "a??\xc3\xa9??????\"\\????z??");
	str_mask(text, 0);
}

static void what_is_hidden(void **state)
{
	(void)state;
	static const uint32_t hidden[] = {0,	  '\n',	  0x1b,	  0x7f,	  0x80,	  0x9b,	  0x9f,	  0xad,	   0x200b,  0x200e,
					  0x2028, 0x202e, 0x2066, 0xfdd0, 0xfeff, 0xfffb, 0xfffe, 0xe0001, 0x1ffff, 0x10ffff};
	static const uint32_t shown[] = {' ', '~', '"', 0xa0, 0xe9, 0x200c, 0x200d, 0x20ac, 0xfffd, 0x1f600, 0x10fffd};
	for (size_t i = 0; i < ARRAY_LEN(hidden); i++)
		assert_true(str_is_hidden(hidden[i]));
	for (size_t i = 0; i < ARRAY_LEN(shown); i++)
		assert_false(str_is_hidden(shown[i]));
	uint32_t c = 0;
	assert_int_equal(str_utf8_first(STR_LIT("\xe2\x82\xacx"), &c), 3);
	assert_int_equal(c, 0x20ac);
	assert_int_equal(str_utf8_first(STR_LIT("\xe2\x82"), &c), 0);
	assert_int_equal(str_utf8_first(STR_LIT("\xed\xa0\x80"), &c), 0); /* a surrogate */
	assert_int_equal(str_utf8_first((struct str){NULL, 0}, &c), 0);
}

static void escaping_cut_text_ends_in_dots(void **state)
{
	(void)state;
	char buf[64];
	assert_string_equal(str_escape(STR_LIT("abcdef"), false, buf, 7), "abcdef");
	assert_string_equal(str_escape(STR_LIT("abcdefg"), false, buf, 7), "abc...");
	assert_string_equal(str_escape(STR_LIT("ab\ncdefg"), false, buf, 9),
			    "ab..."); /* the escape would not fit before the dots */
	assert_string_equal(str_escape(STR_LIT("ab\ncdefg"), false, buf, 10), "ab\\010..."); /* here it does */
	assert_string_equal(str_escape(STR_LIT("\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"), true, buf, 8), "\xc3\xa9\xc3\xa9...");
	assert_string_equal(str_escape(STR_LIT("abcdef"), false, buf, 4), "...");
	assert_string_equal(str_escape(STR_LIT("abcdef"), false, buf, 3), "..");
	assert_string_equal(str_escape(STR_LIT("abcdef"), false, buf, 1), "");
	buf[0] = 'k';
	str_escape(STR_LIT("abcdef"), false, buf, 0);
	assert_int_equal(buf[0], 'k');
}

static void escaping_never_lets_a_control_through(void **state)
{
	(void)state;
	rand_seed_for_test(42);
	for (int round = 0; round < 20000; round++) {
		char in[40], out[64];
		size_t len = rand_below(sizeof(in)), size = 1 + rand_below(sizeof(out));
		rand_bytes(in, len);
		memset(out, 'Z', sizeof(out));
		str_escape((struct str){in, len}, round % 2 == 0, out, size);
		size_t got = strnlen(out, size);
		assert_true(got < size);
		for (size_t i = 0; i < got; i++)
			assert_true((unsigned char)out[i] >= 0x20 && out[i] != 0x7f &&
				    (round % 2 == 0 || (unsigned char)out[i] < 0x80));
		assert_true(str_is_utf8((struct str){out, got}));
		for (size_t i = size; i < sizeof(out); i++)
			assert_int_equal(out[i], 'Z');
	}
	rand_seed_for_test(0);
}

static void utf8(void **state)
{
	(void)state;
	static const char *const good[] = {"",
					   "a",
					   "\xc2\x80",
					   "\xdf\xbf",
					   "\xe0\xa0\x80",
					   "\xed\x9f\xbf",
					   "\xee\x80\x80",
					   "\xef\xbf\xbf",
					   "\xf0\x90\x80\x80",
					   "\xf4\x8f\xbf\xbf",
					   "x\xf0\x9f\x8e\xb0y"};
	static const char *const bad[] = {"\x80",
					  "\xc1\xbf",
					  "\xc2",
					  "\xe0\x9f\xbf",
					  "\xe0\xa0",
					  "\xed\xa0\x80",
					  "\xf0\x8f\xbf\xbf",
					  "\xf4\x90\x80\x80",
					  "\xf5\x80\x80\x80",
					  "\xff",
					  "a\xe2\x28\xa1"};
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		assert_true(str_is_utf8(str_from(good[i])));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(str_is_utf8(str_from(bad[i])));
	assert_true(str_is_utf8((struct str){"\0", 1}));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(comparing),
	    cmocka_unit_test(trimming_and_cutting),
	    cmocka_unit_test(nearest),
	    cmocka_unit_test(nearest_agrees_with_the_definition),
	    cmocka_unit_test(escaping),
	    cmocka_unit_test(cleaning),
	    cmocka_unit_test(masking),
	    cmocka_unit_test(what_is_hidden),
	    cmocka_unit_test(escaping_cut_text_ends_in_dots),
	    cmocka_unit_test(escaping_never_lets_a_control_through),
	    cmocka_unit_test(utf8),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
