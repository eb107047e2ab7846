/* SPDX-License-Identifier: BSD-2-Clause */
#include "settings/yaml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"

static const struct yaml_limits limits = {.bytes = 100000, .nodes = 2000};

/* The tree as one line: scalars 'text'@line:column[begin-end), lists [..]@.., mappings {key: value}@... */
static void dump(const struct yaml_node *node, struct buf *out)
{
	const char *brackets = node->kind == YAML_SEQUENCE ? "[]" : node->kind == YAML_MAPPING ? "{}" : "''";
	size_t count = 0;
	buf_printf(out, "%c", brackets[0]);
	if (node->kind == YAML_SCALAR)
		buf_add_str(out, node->text);
	for (const struct yaml_node *child = node->first; child != NULL; child = child->next) {
		if (count++ > 0)
			buf_add_c(out, ", ");
		if (child->key != NULL) {
			dump(child->key, out);
			buf_add_c(out, ": ");
		}
		dump(child, out);
	}
	assert_int_equal(count, node->count);
	buf_printf(out, "%c@%u:%u[%zu-%zu)", brackets[1], node->line, node->column, node->begin, node->end);
}

static char *errors_text(const struct err_list *errors)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	assert_non_null(out);
	err_list_print(errors, out);
	assert_int_equal(fclose(out), 0);
	return text;
}

static void check_tree(struct str text, const char *expected)
{
	struct arena arena = {0};
	struct err_list errors = {0};
	struct buf out = {0};
	const struct yaml_node *root = yaml_parse(text, "t.yaml", &limits, &arena, &errors);
	if (root == NULL) {
		err_list_print(&errors, stderr);
		fail_msg("refused: %.*s", (int)text.len, text.ptr);
	} else {
		dump(root, &out);
		assert_string_equal(out.ptr, expected);
	}
	assert_int_equal(errors.count, 0);
	buf_finish(&out);
	err_list_finish(&errors);
	arena_finish(&arena);
}

static void check_refused(struct str text, const struct yaml_limits *lim, const char *expected)
{
	struct arena arena = {0};
	struct err_list errors = {0};
	assert_null(yaml_parse(text, "t.yaml", lim, &arena, &errors));
	char *got = errors_text(&errors);
	assert_string_equal(got, expected);
	free(got);
	err_list_finish(&errors);
	arena_finish(&arena);
}

/* Reported, and the tree is there: of each key the first value holds, and each is looked at. */
static void check_duplicate(struct str text, const char *expected)
{
	struct arena arena = {0};
	struct err_list errors = {0};
	const struct yaml_node *root = yaml_parse(text, "t.yaml", &limits, &arena, &errors);
	char *got = errors_text(&errors);
	assert_string_equal(got, expected);
	assert_non_null(root);
	const struct yaml_node *first = yaml_get(root, "a");
	assert_non_null(first);
	assert_false(first->again);
	assert_true(str_eq_c(first->text, "1"));
	for (const struct yaml_node *child = first->next; child != NULL; child = child->next)
		assert_true(child->again == str_eq_c(child->key->text, "a"));
	free(got);
	err_list_finish(&errors);
	arena_finish(&arena);
}

#define DUPLICATE(text, expected) check_duplicate(STR_LIT(text), expected)
#define TREE(text, expected) check_tree(STR_LIT(text), expected)
#define REFUSED(text, expected) check_refused(STR_LIT(text), &limits, expected)

static void test_empty_is_a_mapping(void **state)
{
	(void)state;
	TREE("", "{}@1:1[0-0)");
	TREE("\n \n# only a comment\n", "{}@1:1[0-0)");
	TREE("---\n", "{}@1:1[0-0)");
	TREE("--- # nothing\n...\n", "{}@1:1[0-0)");
	TREE("\xef\xbb\xbf", "{}@1:1[3-3)");
	TREE("''\n", "''@1:1[0-2)");
}

static void test_places(void **state)
{
	(void)state;
	TREE("a: 1\nb: two words # c\n", "{'a'@1:1[0-1): '1'@1:4[3-4), 'b'@2:1[5-6): 'two words'@2:4[8-17)}@1:1[0-17)");
	TREE("a:\n  b: [x, 'y']\n\n# after\n",
	     "{'a'@1:1[0-1): {'b'@2:3[5-6): ['x'@2:7[9-10), 'y'@2:10[12-15)]@2:6[8-16)}@2:3[5-16)}@1:1[0-16)");
	TREE("a:\n- b\n-  c: d\n   e: f\n# after\n",
	     "{'a'@1:1[0-1): ['b'@2:3[5-6), {'c'@3:4[10-11): 'd'@3:7[13-14), 'e'@4:4[18-19): 'f'@4:7[21-22)}@3:4[10-22)]@2:1[3-22)}"
	     "@1:1[0-22)");
	TREE("a: {b: c}  \n", "{'a'@1:1[0-1): {'b'@1:5[4-5): 'c'@1:8[7-8)}@1:4[3-9)}@1:1[0-9)");
	TREE("[a: b , c]", "[{'a'@1:2[1-2): 'b'@1:5[4-5)}@1:2[1-5), 'c'@1:9[8-9)]@1:1[0-10)");
	TREE("--- \na: b\n...\n", "{'a'@2:1[5-6): 'b'@2:4[8-9)}@2:1[5-9)");
}

static void test_empty_values_end_where_their_mark_does(void **state)
{
	(void)state;
	TREE("a:\n# c\nb:\n", "{'a'@1:1[0-1): ''@1:3[2-2), 'b'@3:1[7-8): ''@3:3[9-9)}@1:1[0-9)");
	TREE("-\n# c\n- x\n", "[''@1:2[1-1), 'x'@3:3[8-9)]@1:1[0-9)");
	TREE("{a:  , b: }", "{'a'@1:2[1-2): ''@1:4[3-3), 'b'@1:8[7-8): ''@1:10[9-9)}@1:1[0-11)");
	TREE("{a, b: 1}", "{'a'@1:2[1-2): ''@1:3[2-2), 'b'@1:5[4-5): '1'@1:8[7-8)}@1:1[0-9)");
	TREE("a: []\nb: {}\n", "{'a'@1:1[0-1): []@1:4[3-5), 'b'@2:1[6-7): {}@2:4[9-11)}@1:1[0-11)");
}

static void test_block_scalar_ends_with_its_last_line(void **state)
{
	(void)state;
	TREE("a: |\n  x\n  y\n\n# c\nb: 1\n", "{'a'@1:1[0-1): 'x\ny\n'@1:4[3-12), 'b'@6:1[18-19): '1'@6:4[21-22)}@1:1[0-22)");
	TREE("a: >-\r\n  x\r\n  y\r\n", "{'a'@1:1[0-1): 'x y'@1:4[3-15)}@1:1[0-15)");
}

/* libyaml counts characters, from after the BOM; what is given out are bytes of the text. */
static void test_places_are_bytes(void **state)
{
	(void)state;
	TREE("\xef\xbb\xbf"
	     "a: b\n",
	     "{'a'@1:1[3-4): 'b'@1:4[6-7)}@1:1[3-7)");
	TREE("a: \xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80 z\nb: c\n",
	     "{'a'@1:1[0-1): '\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80 z'@1:4[3-14), 'b'@2:1[15-16): 'c'@2:4[18-19)}@1:1[0-19)");
	TREE("# \xc3\xa9\r\n\xc3\xa9: [\xc3\xa9, x]\r\n",
	     "{'\xc3\xa9'@2:1[6-8): ['\xc3\xa9'@2:5[11-13), 'x'@2:8[15-16)]@2:4[10-17)}@2:1[6-17)");
	TREE("a: 1\rb: 2\r", "{'a'@1:1[0-1): '1'@1:4[3-4), 'b'@2:1[5-6): '2'@2:4[8-9)}@1:1[0-9)");
}

static void test_properties_are_refused(void **state)
{
	(void)state;
	REFUSED("a: &x 1\nb: *x\n",
		"t.yaml:1:4: anchors ('&name') are not accepted; to begin a value with '&', put it in quotes\n"
		"t.yaml:2:4: aliases ('*name') are not accepted; to begin a value with '*', put it in quotes\n");
	REFUSED("a: &a [*a]\n", "t.yaml:1:4: anchors ('&name') are not accepted; to begin a value with '&', put it in quotes\n"
				"t.yaml:1:8: aliases ('*name') are not accepted; to begin a value with '*', put it in quotes\n");
	REFUSED("a: !!str 1\n", "t.yaml:1:4: tags ('!type') are not accepted; to begin a value with '!', put it in quotes\n");
	REFUSED("a: !x {b: c}\nd: ! e\n",
		"t.yaml:1:4: tags ('!type') are not accepted; to begin a value with '!', put it in quotes\n"
		"t.yaml:2:4: tags ('!type') are not accepted; to begin a value with '!', put it in quotes\n");
	REFUSED("- a\n- *.example.com\n",
		"t.yaml:2:3: aliases ('*name') are not accepted; to begin a value with '*', put it in quotes\n");
	REFUSED("- &.\n", "t.yaml:1:3: anchors ('&name') are not accepted; to begin a value with '&', put it in quotes\n");
	TREE("- '*.example.com'\n", "['*.example.com'@1:3[2-17)]@1:1[0-17)");
}

static void test_keys(void **state)
{
	(void)state;
	DUPLICATE("a: 1\nb:\n  c: 1\n  c: 2\na: 2\na: 3\n", "t.yaml:4:3: the key 'c' stands here again; first in line 3\n"
							    "t.yaml:5:1: the key 'a' stands here again; first in line 1\n"
							    "t.yaml:6:1: the key 'a' stands here again; first in line 1\n");
	DUPLICATE("{a: 1, 'a': 2}", "t.yaml:1:8: the key 'a' stands here again; first in line 1\n");
	REFUSED("? [a]\n: b\n", "t.yaml:1:3: a key must be text, not a list or a mapping\n");
	REFUSED("{a: b}: c\n", "t.yaml:1:1: a key must be text, not a list or a mapping\n");
	REFUSED("? a\n: b\n", "t.yaml:1:3: keys with '?' before them are not accepted: write 'key: value'\n");
	REFUSED("a: what?\n? b\n", "t.yaml:2:3: keys with '?' before them are not accepted: write 'key: value'\n");
	TREE("a: what?\nb?: c\n", "{'a'@1:1[0-1): 'what?'@1:4[3-8), 'b?'@2:1[9-11): 'c'@2:5[13-14)}@1:1[0-14)");
}

static void test_bytes_are_checked_first(void **state)
{
	(void)state;
	REFUSED("a: 1\n# \xc3\xa9\xff\n", "t.yaml:2:4: this is not UTF-8 text\n");
	REFUSED("a: \xed\xa0\x80\n", "t.yaml:1:4: this is not UTF-8 text\n"); /* a surrogate */
	REFUSED("a: \xc0\xaf\n", "t.yaml:1:4: this is not UTF-8 text\n");     /* longer than it must be */
	REFUSED("a: \xe2\x82", "t.yaml:1:4: this is not UTF-8 text\n");	      /* cut short */
	REFUSED("\xff\xfe"
		"a\0:\0",
		"t.yaml:1:1: this is not UTF-8 text\n"); /* UTF-16 */
	REFUSED("a: b\0c\n", "t.yaml:1:5: a NUL byte cannot stand in this file\n");
	REFUSED("a: \"b\\0c\"\nd: \"\\x00\"\n", "t.yaml:1:4: a NUL character cannot stand in a value\n"
						"t.yaml:2:4: a NUL character cannot stand in a value\n");
	REFUSED("a: 1\nb: \x07\n", "t.yaml:2:4: control characters are not allowed\n");
	REFUSED("\xef\xbb\xbf"
		"a: \xc3\xa9\x01\n",
		"t.yaml:1:5: control characters are not allowed\n");
}

static void test_syntax_errors_have_places(void **state)
{
	(void)state;
	REFUSED("a: [1\nb: 2\n",
		"t.yaml:2:2: did not find expected ',' or ']', while parsing a flow sequence that begins in line 1\n");
	REFUSED("a:\n\t- b\n", "t.yaml:2:1: a tab cannot stand here: YAML is indented with spaces\n");
	REFUSED("\xc3\xa9: 'x\n",
		"t.yaml:2:1: found unexpected end of stream, while scanning a quoted scalar that begins in line 1\n");
	REFUSED("a: b: c\n", "t.yaml:1:5: mapping values are not allowed in this context\n");
	REFUSED("a: 1\n---\nb: 2\n", "t.yaml:2:1: a second document ('---') in one file\n");
}

static void test_limits(void **state)
{
	(void)state;
	struct buf text = {0};
	struct arena arena = {0};
	struct err_list errors = {0};
	struct yaml_limits small = {.bytes = 10, .nodes = 3};
	check_refused(STR_LIT("a: 12345678"), &small, "t.yaml:1:1: larger than 10\n");
	check_refused(STR_LIT("[a, b, c]"), &small, "t.yaml:1:8: more than 3 values in one file\n");
	for (unsigned i = 0; i < YAML_DEPTH_MAX; i++)
		buf_add_c(&text, "[");
	for (unsigned i = 0; i < YAML_DEPTH_MAX; i++)
		buf_add_c(&text, "]");
	assert_non_null(yaml_parse(buf_str(&text), "t.yaml", &limits, &arena, &errors));
	buf_reset(&text);
	for (unsigned i = 0; i < 90000; i++) /* takes libyaml many seconds when it is let */
		buf_add_c(&text, "[");
	check_refused(buf_str(&text), &limits, "t.yaml:1:33: nested deeper than 32 levels\n");
	err_list_finish(&errors);
	arena_finish(&arena);
	buf_finish(&text);
}

/* libyaml compares each with all before it. */
static void test_directives(void **state)
{
	(void)state;
	struct arena arena = {0};
	struct err_list errors = {0};
	struct buf text = {0};
	for (unsigned i = 0; i < 8; i++)
		buf_printf(&text, "# so many may stand\n\n%%TAG !%u! tag:a,2000:\n", i);
	buf_add_c(&text, "---\na: 1\n");
	assert_non_null(yaml_parse(buf_str(&text), "t.yaml", &limits, &arena, &errors));
	assert_int_equal(errors.count, 0);
	static const char *const ends[] = {"\n", "\r\n", "\r", "\xc2\x85", "\xe2\x80\xa8", " # x\n  # y\n\n"};
	for (size_t e = 0; e < ARRAY_LEN(ends); e++) {
		buf_reset(&text);
		buf_add_c(&text, "\xef\xbb\xbf# head\na: 1\n...\n");
		for (unsigned i = 0; i < 3000; i++)
			buf_printf(&text, "%%TAG !%u! t:x%s", i, ends[e]);
		assert_null(yaml_parse(buf_str(&text), "t.yaml", &limits, &arena, &errors));
		assert_int_equal(errors.count, 1);
		assert_string_equal(errors.items[0].text, "too many directives (lines that begin with '%')");
		assert_int_equal(errors.items[0].line, e == 3 || e == 4 ? 4 : e == 5 ? 28 : 12);
		err_list_finish(&errors);
	}
	err_list_finish(&errors);
	arena_finish(&arena);
	buf_finish(&text);
}

/* Faults beyond the list's limit are counted, and do not make a file good. */
static void test_many_faults(void **state)
{
	(void)state;
	struct buf text = {0};
	struct arena arena = {0};
	struct err_list errors = {0};
	for (unsigned i = 0; i < ERR_LIST_MAX + 10; i++)
		buf_add_c(&text, "a: 1\n");
	assert_non_null(yaml_parse(buf_str(&text), "t.yaml", &limits, &arena, &errors));
	assert_int_equal(errors.count, ERR_LIST_MAX);
	assert_int_equal(errors.swallowed, 9);
	assert_null(yaml_parse(STR_LIT("a: &b 1\n"), "t.yaml", &limits, &arena, &errors)); /* into a list that is full already */
	assert_int_equal(errors.swallowed, 10);
	err_list_finish(&errors);
	arena_finish(&arena);
	buf_finish(&text);
}

static void test_small_functions(void **state)
{
	(void)state;
	struct arena arena = {0};
	struct err_list errors = {0};
	const struct yaml_node *root =
	    yaml_parse(STR_LIT("a: ~\nb: 'null'\nc: [1]\nd: {}\ne:\nf: null\ng: nul\n"), "t.yaml", &limits, &arena, &errors);
	assert_non_null(root);
	assert_true(yaml_is_null(yaml_get(root, "a")));
	assert_false(yaml_is_null(yaml_get(root, "b")));
	assert_false(yaml_is_null(yaml_get(root, "c")));
	assert_true(yaml_is_null(yaml_get(root, "e")));
	assert_true(yaml_is_null(yaml_get(root, "f")));
	assert_false(yaml_is_null(yaml_get(root, "g")));
	assert_null(yaml_get(root, "h"));
	assert_null(yaml_get(yaml_get(root, "b"), "a"));
	assert_null(yaml_get(NULL, "a"));
	assert_string_equal(yaml_kind_word(yaml_get(root, "b")), "text");
	assert_string_equal(yaml_kind_word(yaml_get(root, "c")), "a list");
	assert_string_equal(yaml_kind_word(yaml_get(root, "d")), "a mapping");
	assert_int_equal(yaml_get(root, "a")->style, YAML_STYLE_PLAIN);
	assert_int_equal(yaml_get(root, "b")->style, YAML_STYLE_QUOTED);
	assert_int_equal(yaml_get(root, "c")->style, YAML_STYLE_FLOW);
	assert_int_equal(root->style, YAML_STYLE_BLOCK);
	err_list_finish(&errors);
	arena_finish(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_empty_is_a_mapping),
	    cmocka_unit_test(test_places),
	    cmocka_unit_test(test_empty_values_end_where_their_mark_does),
	    cmocka_unit_test(test_block_scalar_ends_with_its_last_line),
	    cmocka_unit_test(test_places_are_bytes),
	    cmocka_unit_test(test_properties_are_refused),
	    cmocka_unit_test(test_keys),
	    cmocka_unit_test(test_bytes_are_checked_first),
	    cmocka_unit_test(test_syntax_errors_have_places),
	    cmocka_unit_test(test_limits),
	    cmocka_unit_test(test_directives),
	    cmocka_unit_test(test_many_faults),
	    cmocka_unit_test(test_small_functions),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
