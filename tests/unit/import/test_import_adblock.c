/* SPDX-License-Identifier: BSD-2-Clause */
#include "import_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "import_real.h"
#include "import/adblock_match.h"
#include "import/adblock_rule.h"
#include "policy/cond.h"
#include "policy/records.h"

static const struct segment_settings may_allow = {.format = FORMAT_ADBLOCK, .may_allow = true};

static void golden_files(void **state)
{
	(void)state;
	import_fixture_golden("adblock", import_adblock, FORMAT_ADBLOCK);
}

static void expect(const char *text, const struct segment_settings *settings, const char *expected)
{
	import_fixture_entries(import_adblock, FORMAT_ADBLOCK, text, settings, expected);
}

static void nothing_gives_nothing(void **state)
{
	(void)state;
	char *shown = import_fixture(import_adblock, FORMAT_ADBLOCK, (struct str){NULL, 0}, NULL);
	assert_string_equal(shown, "format adblock\nlines 0 comments 0 taken 0 allow 0\n");
	free(shown);
}

/* The quick way through a line and the slow one must not differ. */
static void quick_and_slow_are_one(void **state)
{
	(void)state;
	static const char *const names[] = {"a.example",  "A.Example",	 "a.example.",	"shop",	       "1.2.3.4",
					    "a..example", "x_y.example", "-a-.example", "a/b.example", "localhost",
					    ".a.example", "a b.example", "a*.example"};
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct buf quick = {0}, slow = {0};
		buf_printf(&quick, "||%s^\n", names[i]);
		buf_printf(&slow, "||%s^$_\n", names[i]); /* as long, so that samples are */
		slow.ptr[slow.len - 3] = '^';		  /* ||name^^: the same, but no common line */
		slow.ptr[slow.len - 2] = '^';
		char *a = import_fixture(import_adblock, FORMAT_ADBLOCK, buf_str(&quick), NULL);
		char *b = import_fixture(import_adblock, FORMAT_ADBLOCK, buf_str(&slow), NULL);
		for (char *p; (p = strstr(b, "^^^")) != NULL;)
			memmove(p + 1, p + 3, strlen(p + 3) + 1);
		assert_string_equal(a, b);
		free(a);
		free(b);
		buf_finish(&quick);
		buf_finish(&slow);
	}
}

/* An option nobody knows drops the rule, wherever it stands among others. */
static void no_rule_loses_its_restriction(void **state)
{
	(void)state;
	static const char *const unknown[] = {"banana", "~important", "IMPORTANT", "dnstype=X", "client=name", "denyallow=*.x",
					      "",	"ctag=x",     "domain=x",  "script",	" important"};
	for (size_t i = 0; i < ARRAY_LEN(unknown); i++) {
		for (size_t place = 0; place < 3; place++) {
			struct buf text = {0};
			buf_printf(&text, "||a.example^$%s%s%s%s%s\n", place == 0 ? unknown[i] : "important", place == 0 ? "," : "",
				   place == 0 ? "important" : ",", place == 0 ? "" : unknown[i], place == 2 ? ",dnstype=A" : "");
			char *shown = import_fixture(import_adblock, FORMAT_ADBLOCK, buf_str(&text), &may_allow);
			if ((strstr(shown, " taken 0 ") != NULL) != (unknown[i][0] != '\0'))
				fail_msg("%s gives\n%s", text.ptr, shown);
			free(shown);
			buf_finish(&text);
		}
	}
}

static void limits_are_kept(void **state)
{
	(void)state;
	struct buf text = {0};
	/* as many names as a condition holds, and one more */
	for (size_t more = 0; more < 2; more++) {
		buf_reset(&text);
		buf_add_c(&text, "||a.example^$denyallow=");
		for (size_t i = 0; i < COND_NAMES_MAX + more; i++)
			buf_printf(&text, "%sn%zu.example", i == 0 ? "" : "|", i);
		char *shown = import_fixture(import_adblock, FORMAT_ADBLOCK, buf_str(&text), NULL);
		assert_true((strstr(shown, " taken 1 ") != NULL) == (more == 0));
		assert_true((strstr(shown, "word unknown-modifier denyallow 1") != NULL) == (more == 1));
		free(shown);
	}
	/* more clients than it holds: also when they are equal */
	buf_reset(&text);
	buf_add_c(&text, "||a.example^$client=192.0.2.1");
	for (size_t i = 0; i < COND_CLIENTS_MAX; i++)
		buf_add_c(&text, "|192.0.2.1");
	expect(text.ptr, NULL, "");
	/* more records than an entry holds: those that fit are taken, the others are told of */
	buf_reset(&text);
	size_t rules = RECORDS_LEN_MAX / (8 + 4) + 10;
	for (size_t i = 0; i < rules; i++)
		buf_printf(&text, "||a.example^$dnsrewrite=10.0.%zu.%zu\n", i / 256, i % 256);
	struct segment *s = import_fixture_segment(import_adblock, FORMAT_ADBLOCK, buf_str(&text), NULL);
	const struct report *r = segment_report(s);
	assert_int_equal(report_taken(r), 1);
	assert_int_equal(r->left[LEFT_RECORD].count, rules - (RECORDS_LEN_MAX - 2) / (8 + 4));
	segment_destroy(s);
	/* expressions */
	buf_reset(&text);
	for (size_t i = 0; i < IMPORT_REGEX_MAX + 5; i++)
		buf_printf(&text, "/^ads%zu\\./\n", i);
	s = import_fixture_segment(import_adblock, FORMAT_ADBLOCK, buf_str(&text), NULL);
	assert_int_equal(segment_report(s)->taken[MATCH_REGEX], IMPORT_REGEX_MAX);
	assert_int_equal(segment_report(s)->left[LEFT_REGEX].count, 5);
	segment_destroy(s);
	buf_finish(&text);
}

/* Each line is a comment, or gives at least one entry, or is left out; but for rewrites that go into an entry made before. */
static void every_line_is_accounted_for(void **state)
{
	(void)state;
	static const char *const pieces[] = {
	    "||", "|",	 "@@", "a.example", "^",	"$",	    "important", ",",	   "dnstype=A",	       "*",   "/",  "/*",
	    "##", "# ",	 " ",  "badfilter", "~",	"0.0.0.0 ", "x",	 ".",	   "client=192.0.2.1", "://", "\\", "[",
	    "]",  "all", "!",  "-",	    "\xc3\xa9", "(",	    "$$",	 "1.2.3.4"};
	uint32_t seed = 1;
	struct buf text = {0};
	for (size_t i = 0; i < 20000; i++) {
		for (size_t n = 0; n < 1 + i % 7; n++) {
			seed = seed * 1664525u + 1013904223u;
			buf_add_c(&text, pieces[(seed >> 16) % ARRAY_LEN(pieces)]);
		}
		buf_add_c(&text, "\n");
	}
	struct segment *s = import_fixture_segment(import_adblock, FORMAT_ADBLOCK, buf_str(&text), &may_allow);
	const struct report *r = segment_report(s);
	assert_int_equal(r->lines, 20000);
	/* a hosts line may give several entries, or leave out several names */
	assert_true(r->comments + report_taken(r) + report_left(r) >= r->lines);
	struct segment_cursor cursor = {0};
	struct segment_entry entry;
	while (segment_next(s, &cursor, &entry)) {
		struct segment_class class;
		segment_class(s, entry.class, &class);
		assert_true(cond_verify(class.cond));
		assert_true(entry.line >= 1 && entry.line <= 20000);
	}
	segment_destroy(s);
	buf_finish(&text);
}

static void whole_names_are_told_from_pieces(void **state)
{
	(void)state;
	static const char *const names[] = {"a.example", "x-y.a_b.example",  "a.xn--p1ai",
					    "1.co",	 "\xc3\xa9.example", "a.\xc3\xa9\xc3\xa9"};
	static const char *const pieces[] = {"",	   ".",		  "example",	"a.example.", ".a.example", "a..example",
					     "-a.example", "a-.example",  "a.e",	"a.1",	      "a.250x300",  "1.2.3.4",
					     "a.example-", "a b.example", "a*.example", "a.xn--"};
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		assert_true(adblock_is_domain(str_from(names[i])));
	for (size_t i = 0; i < ARRAY_LEN(pieces); i++)
		assert_false(adblock_is_domain(str_from(pieces[i])));
}

static void lines_are_told_apart(void **state)
{
	(void)state;
	static const struct {
		const char *line;
		enum adblock_line kind;
		const char *text;
		bool cut;
	} rows[] = {
	    {"", ADBLOCK_COMMENT, "", false},
	    {"!x", ADBLOCK_COMMENT, "!x", false},
	    {"#x", ADBLOCK_COMMENT, "#x", false},
	    {"##x", ADBLOCK_COSMETIC, "##x", false},
	    {"a##b # c", ADBLOCK_COSMETIC, "a##b # c", false},
	    {"a # b##c", ADBLOCK_RULE, "a", true},
	    {"a#b", ADBLOCK_RULE, "a#b", false},
	    {" a\t# b", ADBLOCK_RULE, "a", true},
	    {"a #", ADBLOCK_RULE, "a", true},
	    {"[x]", ADBLOCK_COMMENT, "[x]", false},
	    {"[x", ADBLOCK_RULE, "[x", false},
	    {"[::1]", ADBLOCK_RULE, "[::1]", false},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct str text;
		bool cut = true;
		assert_int_equal(adblock_line(str_from(rows[i].line), &text, &cut), rows[i].kind);
		assert_int_equal(cut, rows[i].cut);
		if (rows[i].kind == ADBLOCK_RULE)
			assert_true(str_eq_c(text, rows[i].text));
	}
}

/* Lists of the field, where they are present. */
static void real_lists(void **state)
{
	(void)state;
	static const struct {
		const char *file;
		unsigned taken, allow, left; /* as it was when the samples of each reason had been looked at */
	} rows[] = {
	    {"adblock-abpindo-browser.txt", 50, 0, 1847},   {"adblock-blp-tracking.txt", 143876, 0, 0},
	    {"adblock-dandelion-agh.txt", 77462, 238, 252}, {"adblock-dandelion-antimalware.txt", 11924, 7, 687},
	    {"adblock-nocoin-browser.txt", 65, 0, 252},	    {"adblock-smarttv-agh.txt", 158, 9, 4},
	    {"adblock-vn-adservers.txt", 8628, 1, 0},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct segment *s = import_real(import_adblock, FORMAT_ADBLOCK, rows[i].file, &may_allow);
		const struct report *r = segment_report(s);
		assert_int_equal(report_taken(r), rows[i].taken);
		assert_int_equal(r->taken_allow, rows[i].allow);
		assert_int_equal(report_left(r), rows[i].left);
		segment_destroy(s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(golden_files),
	    cmocka_unit_test(nothing_gives_nothing),
	    cmocka_unit_test(quick_and_slow_are_one),
	    cmocka_unit_test(no_rule_loses_its_restriction),
	    cmocka_unit_test(limits_are_kept),
	    cmocka_unit_test(every_line_is_accounted_for),
	    cmocka_unit_test(whole_names_are_told_from_pieces),
	    cmocka_unit_test(lines_are_told_apart),
	    cmocka_unit_test(real_lists),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
