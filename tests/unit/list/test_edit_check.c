/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The safety net must see what an edit gone wrong would leave. */
#include "list/edit_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct arena arena;

static struct yaml_node *tree(const char *text)
{
	static const struct yaml_limits limits = {.bytes = 4096, .nodes = 1000};
	struct err_list errors = {0};
	struct yaml_node *root = yaml_parse(str_from(text), "t", &limits, &arena, &errors);
	if (root == NULL)
		fail_msg("%s: %s", text, errors.items[0].text);
	return root;
}

static int tear_down(void **state)
{
	(void)state;
	arena_finish(&arena);
	return 0;
}

static void test_same(void **state)
{
	(void)state;
	static const char *const same[][2] = {
	    {"a: b", "'a': \"b\" # c"},
	    {"a: [b, {c: d}]", "a:\n- b\n- c: d\n"},
	    {"a: |\n  x\n\n\nb: c", "a: |+\n  x\n\n\n\nb: c"},
	    {"a: {b: {c: [[[d]]]}}", "a: {b: {c: [[[d]]]}}"},
	};
	static const char *const other[][2] = {
	    {"a: b", "a: c"},
	    {"a: b", "b: b"},
	    {"a: b", "a: b\nc: d"},
	    {"a: [b]", "a: b"},
	    {"a: [b, c]", "a: [c, b]"},
	    {"a: [b, c]", "a: [b]"},
	    {"a: [b]", "a: [b, c]"},
	    {"a: {b: {c: [[[d]]]}}", "a: {b: {c: [[[e]]]}}"},
	    {"a: {b: {c: [[[d]]]}}", "a: {b: {c: [[[d, d]]]}}"},
	    {"a: ~", "a: '~'"},
	    {"a: |\n  x\n", "a: |\n  x\n  # c\n"},
	    {"a: |\n  x\n", "a: \"x\\n\\n\""},
	};
	for (size_t i = 0; i < ARRAY_LEN(same); i++)
		assert_true(edit_check_same(tree(same[i][0]), tree(same[i][1])));
	for (size_t i = 0; i < ARRAY_LEN(other); i++) {
		if (edit_check_same(tree(other[i][0]), tree(other[i][1])))
			fail_msg("'%s' is not '%s'", other[i][0], other[i][1]);
	}
	assert_true(edit_check_same(NULL, NULL));
	assert_false(edit_check_same(tree("a: b"), NULL));
	assert_false(edit_check_same(NULL, tree("a: b")));
}

static const struct pair lifted = {.key = "lifted", .text = "2017-08-10"};

static bool changed(const char *before, const char *after)
{
	static const char *const drop[] = {"added"};
	static const struct change change = {.set = &lifted, .set_count = 1, .drop = drop, .drop_count = 1};
	return edit_check_changed(tree(before)->first, tree(after)->first, "domain", &change);
}

static void test_changed(void **state)
{
	(void)state;
	assert_true(changed("x: a", "x: {domain: a, lifted: 2017-08-10}"));
	assert_true(changed("x: {domain: a}", "x: {lifted: '2017-08-10', domain: a}"));
	assert_true(changed("x: {domain: a, added: b, lifted: c}", "x: {domain: a, lifted: 2017-08-10}"));
	assert_false(changed("x: a", "x: a"));
	assert_false(changed("x: a", "x: {domain: b, lifted: 2017-08-10}"));
	assert_false(changed("x: a", "x: {regex: a, lifted: 2017-08-10}"));
	assert_false(changed("x: a", "x: {lifted: 2017-08-10}"));
	assert_false(changed("x: a", "x: {domain: a, lifted: 2017-08-11}"));
	assert_false(changed("x: a", "x: {domain: a, lifted: [2017-08-10]}"));
	assert_false(changed("x: a", "x: {domain: a, reason: b, lifted: 2017-08-10}"));
	assert_false(changed("x: {domain: a, added: b}", "x: {domain: a, added: b, lifted: 2017-08-10}"));
	assert_false(changed("x: {domain: a, reason: b}", "x: {domain: a, lifted: 2017-08-10}"));
	assert_false(changed("x: {domain: a, reason: b}", "x: {domain: a, reason: c, lifted: 2017-08-10}"));
	assert_false(changed("x: [a]", "x: {domain: a, lifted: 2017-08-10}"));
}

static void test_lists_of_texts(void **state)
{
	(void)state;
	const char *items[] = {"a", "b"};
	struct pair contact = {.key = "contact", .items = items, .count = 2};
	struct change change = {.set = &contact, .set_count = 1};
	const struct yaml_node *before = tree("x: {domain: d}")->first;
	assert_true(edit_check_changed(before, tree("x: {domain: d, contact: [a, b]}")->first, NULL, &change));
	assert_false(edit_check_changed(before, tree("x: {domain: d, contact: [b, a]}")->first, NULL, &change));
	assert_false(edit_check_changed(before, tree("x: {domain: d, contact: [a]}")->first, NULL, &change));
	assert_false(edit_check_changed(before, tree("x: {domain: d, contact: [a, [b]]}")->first, NULL, &change));
	assert_false(edit_check_changed(before, tree("x: {domain: d, contact: a}")->first, NULL, &change));
}

static bool whole(const char *before, const char *after, const struct edit_meant *meant)
{
	return edit_check(tree(before), tree(after), meant);
}

static void test_whole(void **state)
{
	(void)state;
	static const struct pair name = {.key = "domain", .text = "c"};
	static const struct change lift = {.set = &lifted, .set_count = 1};
	const struct pair *appended[] = {&name};
	const size_t one = 1;
	const bool removed[] = {true, false};
	const struct change *changes[] = {NULL, &lift};
	struct edit_meant nothing = {.sequence = "entries", .scalar_key = "domain"};
	struct edit_meant add = nothing, take = nothing, change = nothing, top = nothing;
	add.appended = appended;
	add.appended_pairs = &one;
	add.appended_count = 1;
	take.removed = removed;
	change.changes = changes;
	top.top = &lift;

	assert_true(whole("t: x\nentries: [a, b]", "t: x\nentries: [a, b]", &nothing));
	assert_false(whole("t: x\nentries: [a, b]", "t: x\nentries: [a]", &nothing));
	assert_false(whole("t: x\nentries: [a]", "t: x\nentries: [a, b]", &nothing));
	assert_false(whole("t: x\nentries: [a]", "entries: [a]", &nothing));
	assert_false(whole("t: x\nentries: [a]", "t: y\nentries: [a]", &nothing));
	assert_false(whole("t: x\nentries: [a]", "t: x\nu: y\nentries: [a]", &nothing));
	assert_false(whole("entries: [a]", "[a]", &nothing));
	assert_false(whole("entries: a", "entries: a", &nothing));

	assert_true(whole("t: x", "t: x\nentries: [{domain: c}]", &add));
	assert_true(whole("entries: [a]", "entries: [a, {domain: c}]", &add));
	assert_true(whole("entries:", "entries: [{domain: c}]", &add));
	assert_false(whole("entries: [a]", "entries: [{domain: c}, a]", &add));
	assert_false(whole("entries: [a]", "entries: [a, c]", &add));
	assert_false(whole("entries: [a]", "entries: [a, {domain: d}]", &add));
	assert_false(whole("entries: [a]", "entries: [a, {domain: c, reason: r}]", &add));
	assert_false(whole("entries: [a]", "entries: [a]", &add));

	assert_true(whole("entries: [a, b]", "entries: [b]", &take));
	assert_false(whole("entries: [a, b]", "entries: [a]", &take));
	assert_false(whole("entries: [a, b]", "entries: []", &take));

	assert_true(whole("entries: [a, b]", "entries: [a, {domain: b, lifted: 2017-08-10}]", &change));
	assert_false(whole("entries: [a, b]", "entries: [{domain: a, lifted: 2017-08-10}, b]", &change));
	assert_false(whole("entries: [a, b]", "entries: [{domain: a}, {domain: b, lifted: 2017-08-10}]", &change));

	assert_true(whole("t: x\nentries: [a]", "t: x\nlifted: 2017-08-10\nentries: [a]", &top));
	assert_false(whole("t: x\nentries: [a]", "t: x\nentries: [a]", &top));
	assert_false(whole("t: x\nentries: [a]", "lifted: 2017-08-10\nentries: [a]", &top));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_teardown(test_same, tear_down),
	    cmocka_unit_test_teardown(test_changed, tear_down),
	    cmocka_unit_test_teardown(test_lists_of_texts, tear_down),
	    cmocka_unit_test_teardown(test_whole, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
