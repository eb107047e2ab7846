/* SPDX-License-Identifier: BSD-2-Clause */
#include "import/segment_diff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct segment *segment_of(const char *text, enum format format)
{
	const struct segment_settings settings = {.format = format, .action = ACTION_BLOCK};
	struct err_list errors = {0};
	struct segment *s = segment_import(str_from(text), &settings, "list", "list", &errors);
	if (!s)
		fail_msg("%s", errors.items[0].text);
	return s;
}

/* Counts as "added removed lifted restored changed", and the names of one kind, with blanks between. */
static void expect(const char *before, const char *after, enum format format, const size_t counts[SEGMENT_DIFF_KINDS],
		   enum segment_diff_kind kind, const char *names)
{
	struct segment *old = segment_of(before, format), *new = segment_of(after, format);
	struct segment_diff diff;
	struct buf said = {0};
	segment_diff(old, new, &diff);
	for (size_t i = 0; i < SEGMENT_DIFF_KINDS; i++)
		if (diff.counts[i] != counts[i])
			fail_msg("%s: %zu, not %zu", segment_diff_words[i], diff.counts[i], counts[i]);
	for (size_t i = 0; i < diff.name_counts[kind]; i++)
		buf_printf(&said, "%s%s", i > 0 ? " " : "", diff.names[kind][i]);
	assert_string_equal(said.ptr ? said.ptr : "", names);
	buf_finish(&said);
	segment_diff_finish(&diff);
	segment_destroy(old);
	segment_destroy(new);
}

#define COUNTS(...) ((const size_t[SEGMENT_DIFF_KINDS]){__VA_ARGS__})

static void test_hosts(void **state)
{
	(void)state;
	static const char old[] = "0.0.0.0 a.example\n0.0.0.0 b.example\n0.0.0.0 c.example\n";
	expect(old, old, FORMAT_HOSTS, COUNTS(0), SEGMENT_DIFF_ADDED, "");
	/* neither order nor how often counts */
	expect(old, "# x\n0.0.0.0 c.example\n0.0.0.0 b.example\n0.0.0.0 b.example\n\n0.0.0.0 A.Example\n", FORMAT_HOSTS, COUNTS(0),
	       SEGMENT_DIFF_REMOVED, "");
	expect(old, "0.0.0.0 z.example\n0.0.0.0 b.example\n0.0.0.0 d.example\n", FORMAT_HOSTS, COUNTS(2, 2), SEGMENT_DIFF_ADDED,
	       "z.example d.example");
	expect(old, "0.0.0.0 b.example\n", FORMAT_HOSTS, COUNTS(0, 2), SEGMENT_DIFF_REMOVED, "a.example c.example");
	expect("", old, FORMAT_HOSTS, COUNTS(3), SEGMENT_DIFF_ADDED, "a.example b.example c.example");
	expect(old, "", FORMAT_HOSTS, COUNTS(0, 3), SEGMENT_DIFF_REMOVED, "a.example b.example c.example");
}

static void test_what_is_said(void **state)
{
	(void)state;
	static const char old[] =
	    "reason: r\nentries:\n  - a.example\n  - b.example\n  - {domain: c.example, lifted: 2020-01-01}\n";
	expect(old,
	       "reason: r\nentries:\n  - a.example\n  - {domain: b.example, lifted: 2020-01-01}\n  - c.example\n"
	       "  - {domain: a.example, match: exact}\n",
	       FORMAT_YAML, COUNTS(1, 0, 1, 1), SEGMENT_DIFF_LIFTED, "b.example");
	expect(old, "reason: another\nentries:\n  - a.example\n  - b.example\n  - {domain: c.example, lifted: 2020-01-01}\n",
	       FORMAT_YAML, COUNTS(0, 0, 0, 0, 3), SEGMENT_DIFF_CHANGED, "a.example b.example c.example");
	/* the whole list at once */
	expect(
	    old,
	    "reason: r\nlifted: 2020-01-01\nentries:\n  - a.example\n  - b.example\n  - {domain: c.example, lifted: 2020-01-01}\n",
	    FORMAT_YAML, COUNTS(0, 0, 2, 0, 1), SEGMENT_DIFF_LIFTED, "a.example b.example");
	/* another match, another action: another entry */
	expect("entries: [a.example]", "entries: [{domain: a.example, match: exact}]", FORMAT_YAML, COUNTS(1, 1),
	       SEGMENT_DIFF_ADDED, "a.example");
	expect("entries: [{domain: a.example, match: subtree}]", "entries: [a.example]", FORMAT_YAML, COUNTS(0), SEGMENT_DIFF_ADDED,
	       "");
	expect("entries: [{regex: '^x$'}]", "entries: [{regex: '^y$'}]", FORMAT_YAML, COUNTS(1, 1), SEGMENT_DIFF_REMOVED, "^x$");
}

static void test_names_are_bounded(void **state)
{
	(void)state;
	struct buf many = {0}, names = {0};
	for (int i = 0; i < 1000; i++)
		buf_printf(&many, "n%d.example\n", i);
	for (int i = 0; i < SEGMENT_DIFF_NAMES_MAX; i++)
		buf_printf(&names, "%sn%d.example", i > 0 ? " " : "", i);
	expect("", many.ptr, FORMAT_DOMAINS, COUNTS(1000), SEGMENT_DIFF_ADDED, names.ptr);
	buf_finish(&many);
	buf_finish(&names);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_hosts),
	    cmocka_unit_test(test_what_is_said),
	    cmocka_unit_test(test_names_are_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
