/* SPDX-License-Identifier: BSD-2-Clause */
#include "settings/schema.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "policy/terms.h"
#include "settings/settings.h"

static bool has_field(const struct schema_key *row)
{
	return row->type != SCHEMA_SECTION && row->type != SCHEMA_PROVENANCE && row->type != SCHEMA_RECORD_PART;
}

static void test_rows_are_whole(void **state)
{
	(void)state;
	for (size_t i = 0; i < schema_key_count; i++) {
		const struct schema_key *row = &schema_keys[i];
		assert_non_null(row->help);
		assert_true(strlen(row->help) > 0 && strchr(row->help, '\n') == NULL);
		assert_int_equal(row->size > 0, has_field(row));
		assert_int_equal(row->type == SCHEMA_WORD || row->type == SCHEMA_WORDS, row->words != NULL);
		assert_true(row->min <= row->max);
		assert_false(row->required && row->fallback != NULL);
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(row->path, schema_keys[j].path);
	}
}

/* Each section or list stands before what is in it, so that nothing is unreachable. */
static void test_parents_are_there(void **state)
{
	(void)state;
	for (size_t i = 0; i < schema_key_count; i++) {
		char parent[64];
		const char *last = strrchr(schema_keys[i].path, '.');
		if (last == NULL)
			continue;
		size_t len = (size_t)(last - schema_keys[i].path);
		bool item = len > 2 && strncmp(last - 2, "[]", 2) == 0;
		len -= item ? 2 : 0;
		assert_true(len < sizeof(parent));
		memcpy(parent, schema_keys[i].path, len);
		parent[len] = '\0';
		bool found = false;
		for (size_t j = 0; j < i; j++) {
			enum schema_type type = schema_keys[j].type;
			found |= strcmp(schema_keys[j].path, parent) == 0 &&
				 (item ? type == SCHEMA_LISTS || type == SCHEMA_ROUTES || type == SCHEMA_RECORDS ||
					     type == SCHEMA_GROUPS || type == SCHEMA_SCHEDULE
				       : type == SCHEMA_SECTION);
		}
		assert_true(found);
	}
}

static void test_find(void **state)
{
	(void)state;
	assert_string_equal(schema_find("", STR_LIT("listen"))->path, "listen");
	assert_string_equal(schema_find("cache.", STR_LIT("size"))->path, "cache.size");
	assert_string_equal(schema_find("lists[].", STR_LIT("name"))->path, "lists[].name");
	assert_null(schema_find("", STR_LIT("size")));
	assert_null(schema_find("", STR_LIT("cache.size")));
	assert_null(schema_find("upstream.", STR_LIT("routes[]")));
	assert_null(schema_find("upstream.", STR_LIT("routes[].zone")));
	assert_null(schema_find("", STR_LIT("")));
	assert_null(schema_find("cache", STR_LIT(".size")));
}

static void test_suggest(void **state)
{
	(void)state;
	char text[600];
	schema_suggest("", STR_LIT("upstreams"), text, sizeof(text));
	assert_string_equal(text, "; did you mean 'upstream'?");
	schema_suggest("", STR_LIT("strategy"), text, sizeof(text));
	assert_string_equal(text, "; did you mean 'upstream.strategy'?");
	schema_suggest("clients.", STR_LIT("zzzzzz"), text, sizeof(text));
	assert_string_equal(text, "; what may stand here: allow, others, rate");
	char small[12];
	schema_suggest("clients.", STR_LIT("zzzzzz"), small, sizeof(small));
	assert_string_equal(small, "; what may ");
	schema_join(answer_words, small, sizeof(small));
	assert_string_equal(small, "nxdomain, n");
}

/* The numbers are written into images: they never change. */
static void test_terms(void **state)
{
	(void)state;
	assert_int_equal(terms_find(action_words, STR_LIT("block")), ACTION_BLOCK);
	assert_int_equal(terms_find(action_words, STR_LIT("allow")), ACTION_ALLOW);
	assert_int_equal(terms_find(match_words, STR_LIT("exact")), MATCH_EXACT);
	assert_int_equal(terms_find(match_words, STR_LIT("subtree")), MATCH_SUBTREE);
	assert_int_equal(terms_find(match_words, STR_LIT("subdomains")), MATCH_SUBDOMAINS);
	assert_int_equal(terms_find(match_words, STR_LIT("regex")), MATCH_REGEX);
	assert_int_equal(terms_find(mode_words, STR_LIT("enforce")), MODE_ENFORCE);
	assert_int_equal(terms_find(mode_words, STR_LIT("shadow")), MODE_SHADOW);
	assert_int_equal(terms_find(mode_words, STR_LIT("off")), MODE_OFF);
	assert_int_equal(terms_find(code_words, STR_LIT("blocked")), CODE_BLOCKED);
	assert_int_equal(terms_find(code_words, STR_LIT("censored")), CODE_CENSORED);
	assert_int_equal(terms_find(code_words, STR_LIT("filtered")), CODE_FILTERED);
	assert_int_equal(terms_find(answer_words, STR_LIT("nxdomain")), ANSWER_NXDOMAIN);
	assert_int_equal(terms_find(answer_words, STR_LIT("nodata")), ANSWER_NODATA);
	assert_int_equal(terms_find(answer_words, STR_LIT("null")), ANSWER_NULL);
	assert_int_equal(terms_find(answer_words, STR_LIT("refused")), ANSWER_REFUSED);
	assert_int_equal(terms_find(answer_words, STR_LIT("drop")), ANSWER_DROP);
	assert_int_equal(terms_find(answer_words, STR_LIT("address")), ANSWER_ADDRESS);
	assert_int_equal(terms_find(answer_words, STR_LIT("Address")), -1);
	assert_int_equal(terms_find(answer_words, STR_LIT("")), -1);
	assert_int_equal(terms_find(answer_words, STR_LIT("addresses")), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rows_are_whole), cmocka_unit_test(test_parents_are_there),
	    cmocka_unit_test(test_find),	   cmocka_unit_test(test_suggest),
	    cmocka_unit_test(test_terms),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
