/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/buf.h"
#include "saringctl/toml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

struct parsed {
	struct arena arena;
	struct err_list errors;
	struct yaml_node *root;
};

static void parse(struct parsed *p, const char *text)
{
	*p = (struct parsed){.root = NULL};
	p->root = toml_parse(str_from(text), "pihole.toml", &p->arena, &p->errors);
}

static void finish(struct parsed *p)
{
	err_list_finish(&p->errors);
	arena_finish(&p->arena);
}

static const struct yaml_node *at(const struct yaml_node *node, const char *path)
{
	struct str rest = str_from(path);
	while (rest.ptr != NULL) {
		struct str part = str_cut(&rest, '.');
		char key[64];
		(void)snprintf(key, sizeof(key), "%.*s", (int)part.len, part.ptr);
		node = yaml_get(node, key);
		assert_non_null(node);
	}
	return node;
}

static void test_tables(void **state)
{
	struct parsed p;
	(void)state;
	parse(
	    &p,
	    "# a comment\n[dns]\n  upstreams = [\n    \"9.9.9.9\", # why\n    \"127.0.0.1#5335\",\n  ] ### CHANGED, default = []\n"
	    "  port = 53\n  [dns.cache]\n  size = 10_000\n[misc]\nprivacylevel = 0\n\"odd key\".x = 'a\\b'\n");
	assert_non_null(p.root);
	const struct yaml_node *up = at(p.root, "dns.upstreams");
	assert_int_equal(up->kind, YAML_SEQUENCE);
	assert_int_equal(up->count, 2);
	assert_string_equal(up->last->text.ptr, "127.0.0.1#5335");
	assert_int_equal(up->last->line, 5);
	assert_int_equal(at(p.root, "dns.port")->line, 7);
	assert_string_equal(at(p.root, "dns.port")->text.ptr, "53");
	assert_string_equal(at(p.root, "dns.cache.size")->text.ptr, "10_000");
	assert_string_equal(at(p.root, "misc.odd key.x")->text.ptr, "a\\b");
	finish(&p);
}

static void test_strings(void **state)
{
	struct parsed p;
	(void)state;
	parse(&p, "a = \"\\u00e9 \\\"x\\\" \\t\"\nb = \"\"\"\none \\\n   two\"\"\"\nc = '''it's'''\nd = ''\n");
	assert_non_null(p.root);
	assert_string_equal(at(p.root, "a")->text.ptr, "\xc3\xa9 \"x\" \t");
	assert_string_equal(at(p.root, "b")->text.ptr, "one two");
	assert_string_equal(at(p.root, "c")->text.ptr, "it's");
	assert_int_equal(at(p.root, "d")->text.len, 0);
	finish(&p);
}

static void test_inline(void **state)
{
	struct parsed p;
	(void)state;
	parse(&p, "x = { a = 1, b.c = [[], [1, 2], { d = true }] }\ny = []\n");
	assert_non_null(p.root);
	assert_int_equal(at(p.root, "x.b.c")->count, 3);
	assert_string_equal(at(at(p.root, "x.b.c")->last, "d")->text.ptr, "true");
	assert_int_equal(at(p.root, "y")->count, 0);
	finish(&p);
}

static void test_faults(void **state)
{
	static const struct {
		const char *text;
		uint32_t line;
		const char *says;
	} rows[] = {{"a = 1\na = 2\n", 2, "twice"},
		    {"a = \"x\n", 1, "does not end"},
		    {"[[x]]\n", 1, "arrays of tables"},
		    {"a = [1, 2\n", 2, "',' or ']'"},
		    {"a = word\n", 1, "in quotes"},
		    {"a\n", 1, "'='"},
		    {"a = 1 b = 2\n", 1, "line should end"},
		    {"[a\n", 1, "']'"},
		    {"a = 1\n[a]\n", 2, "value already"},
		    {"a = \"\\x\"\n", 1, "escape"},
		    {"a = \"\\ud800\"\n", 1, "no character"},
		    {"a = {b = 1\n}\n", 1, "',' or '}'"},
		    {"x = {a = 1}\n[x.b]\n", 2, "value already"},
		    {"= 1\n", 1, "key should"}};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct parsed p;
		parse(&p, rows[i].text);
		if (p.root != NULL)
			fail_msg("taken: %s", rows[i].text);
		assert_int_equal(p.errors.count, 1);
		if (strstr(p.errors.items[0].text, rows[i].says) == NULL || p.errors.items[0].line != rows[i].line)
			fail_msg("%s: line %u: %s", rows[i].text, p.errors.items[0].line, p.errors.items[0].text);
		finish(&p);
	}
}

static void test_bounds(void **state)
{
	struct parsed p;
	struct buf b = {0};
	(void)state;
	buf_add_c(&b, "a = ");
	for (int i = 0; i < 1000; i++)
		buf_add_c(&b, "[");
	parse(&p, b.ptr);
	assert_null(p.root);
	assert_non_null(strstr(p.errors.items[0].text, "too deep"));
	finish(&p);
	buf_reset(&b);
	buf_add_c(&b, "a = [");
	for (int i = 0; i < TOML_NODES_MAX; i++)
		buf_add_c(&b, "1,");
	parse(&p, b.ptr);
	assert_null(p.root);
	assert_non_null(strstr(p.errors.items[0].text, "too many values"));
	finish(&p);
	buf_finish(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_tables), cmocka_unit_test(test_strings),
					   cmocka_unit_test(test_inline), cmocka_unit_test(test_faults),
					   cmocka_unit_test(test_bounds)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
