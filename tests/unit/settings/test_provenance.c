/* SPDX-License-Identifier: BSD-2-Clause */
#include "settings/provenance.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "settings/schema.h"

static const struct yaml_limits limits = {.bytes = 100000, .nodes = 1000};

/* Binds every member; returns how many keys were known. The text is overwritten after, as nothing may borrow from it. */
static size_t bind_all(const char *yaml, enum provenance_place place, struct arena *arena, struct provenance *ret,
		       struct err_list *errors)
{
	struct arena tree = {0};
	size_t known_count = 0;
	const struct yaml_node *root = yaml_parse(str_from(yaml), "l.yaml", &limits, &tree, errors);
	assert_non_null(root);
	for (const struct yaml_node *member = root->first; member != NULL; member = member->next) {
		size_t before = errors->count;
		bool known = false;
		bool good = provenance_bind(member, place, "l.yaml", arena, ret, errors, &known);
		assert_int_equal(good, errors->count == before);
		assert_true(known || good);
		known_count += known;
	}
	arena_finish(&tree);
	return known_count;
}

static void test_all_keys_in_a_list(void **state)
{
	(void)state;
	struct arena arena = {0};
	struct err_list errors = {0};
	struct provenance p = {0};
	assert_int_equal(
	    bind_all("authority: a\nreason: b\ncode: filtered\nreference: c\ncontact: [d, e]\nadded: 1970-01-02\n"
		     "review: 1970-01-03\nexpires: 1970-01-01T00:00:01+00:00\nlifted: 1970-01-04\nlift-reason: f\nentries: []\n"
		     "sub-error: phishing\norganization: o\nlanguage: pt-BR\nlifted-by: g\nlift-reference: h\n",
		     PROVENANCE_IN_LIST, &arena, &p, &errors),
	    15);
	assert_int_equal(errors.count, 0);
	assert_string_equal(p.authority, "a");
	assert_string_equal(p.reason, "b");
	assert_true(p.has_code && p.code == CODE_FILTERED);
	assert_string_equal(p.reference, "c");
	assert_int_equal(p.contact_count, 2);
	assert_string_equal(p.contact[1], "e");
	assert_string_equal(p.added, "1970-01-02");
	assert_int_equal(p.added_s, 86400);
	assert_int_equal(p.review_s, 2 * 86400);
	assert_string_equal(p.expires, "1970-01-01T00:00:01+00:00");
	assert_int_equal(p.expires_s, 1);
	assert_string_equal(p.lifted, "1970-01-04");
	assert_int_equal(p.lifted_s, 3 * 86400);
	assert_string_equal(p.lift_reason, "f");
	assert_true(p.has_sub_error && p.sub_error == SUB_ERROR_PHISHING);
	assert_string_equal(p.organization, "o");
	assert_string_equal(p.language, "pt-BR");
	assert_string_equal(p.lifted_by, "g");
	assert_string_equal(p.lift_reference, "h");
	arena_finish(&arena);
}

static void test_lifted_is_not_for_settings(void **state)
{
	(void)state;
	struct arena arena = {0};
	struct err_list errors = {0};
	struct provenance p = {0};
	assert_int_equal(bind_all("lifted: nonsense\nlift-reason: [a]\nlifted-by: []\nlift-reference: []\nreason: r\n",
				  PROVENANCE_IN_SETTINGS, &arena, &p, &errors),
			 1);
	assert_int_equal(errors.count, 0);
	assert_null(p.lifted);
	assert_string_equal(p.reason, "r");
	arena_finish(&arena);
}

static void test_faults_leave_the_field_alone(void **state)
{
	(void)state;
	struct arena arena = {0};
	struct err_list errors = {0};
	struct provenance p = {.authority = "old", .added = "old", .added_s = 5, .contact_count = 0};
	assert_int_equal(
	    bind_all("authority: []\nadded: 2017-13-01\nlifted: yes\ncode: 15\ncontact: [[a]]\nreason: '  '\nreview: ~\n"
		     "sub-error: 0\nlanguage: e\n",
		     PROVENANCE_IN_LIST, &arena, &p, &errors),
	    9);
	assert_int_equal(errors.count, 9);
	static const char *const expected[] = {
	    "l.yaml:1:12: 'authority' takes text, not a list",
	    "l.yaml:2:8: '2017-13-01' is not a date such as 2017-07-14 or a time such as 2017-07-14T12:00:00Z",
	    "l.yaml:3:9: 'yes' is not a date such as 2017-07-14 or a time such as 2017-07-14T12:00:00Z",
	    "l.yaml:4:7: '15' is not one of blocked, censored, filtered",
	    "l.yaml:5:11: 'contact' takes text, not a list",
	    "l.yaml:6:9: 'reason' has nothing but blanks in it",
	    "l.yaml:7:9: '~' is not a date such as 2017-07-14 or a time such as 2017-07-14T12:00:00Z",
	    "l.yaml:8:12: '0' is not one of none, malware, phishing, spam, spyware, network-policy, dns-policy",
	    "l.yaml:9:11: 'e' is not a language tag such as en, id or pt-BR",
	};
	for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
		char line[sizeof(struct err)];
		(void)err_format(&errors.items[i], line, sizeof(line));
		assert_string_equal(line, expected[i]);
	}
	assert_string_equal(p.authority, "old");
	assert_int_equal(p.added_s, 5);
	assert_false(p.has_code);
	assert_null(p.contact);
	err_list_finish(&errors);
	arena_finish(&arena);
}

/* What the schema offers under a list is what is bound, and the lists of keys agree with the binder. */
static void test_keys_agree(void **state)
{
	(void)state;
	size_t count = 0;
	const char *const *keys = provenance_keys(PROVENANCE_IN_SETTINGS);
	while (keys[count] != NULL)
		count++;
	size_t rows = 0;
	for (size_t i = 0; i < schema_key_count; i++) {
		if (schema_keys[i].type != SCHEMA_PROVENANCE)
			continue;
		assert_true(rows < count);
		assert_string_equal(schema_child(&schema_keys[i], "lists[]."), keys[rows]);
		rows++;
	}
	assert_int_equal(rows, count);
	const char *const *more = provenance_keys(PROVENANCE_IN_LIST);
	for (size_t i = 0; i < count; i++)
		assert_string_equal(more[i], keys[i]);
	assert_string_equal(more[count], "lifted");
	assert_string_equal(more[count + 1], "lifted-by");
	assert_string_equal(more[count + 2], "lift-reason");
	assert_string_equal(more[count + 3], "lift-reference");
	assert_null(more[count + 4]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_all_keys_in_a_list),
	    cmocka_unit_test(test_lifted_is_not_for_settings),
	    cmocka_unit_test(test_faults_leave_the_field_alone),
	    cmocka_unit_test(test_keys_agree),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
