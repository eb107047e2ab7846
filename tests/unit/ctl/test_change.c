/* SPDX-License-Identifier: BSD-2-Clause */
#include "ctl/change.h"

#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static bool good(const char *text, struct err *err)
{
	json_t *change = json_loads(text, 0, NULL);
	assert_non_null(change);
	bool ok = ctl_change_good(change, err);
	json_decref(change);
	return ok;
}

static void test_taken(void **state)
{
	(void)state;
	struct err err = {0};
	assert_true(ctl_change_good(NULL, &err));
	assert_true(ctl_change_good(json_null(), &err));
	assert_true(good("{\"verb\": \"reload\"}", &err));
	assert_true(
	    good("{\"verb\": \"list lift\", \"list\": \"ads\", \"names\": [\"a.example\"], \"name_count\": 1, \"reason\": \"r\","
		 " \"reference\": null, \"detail\": \"forced\", \"asked_at_ns\": 12, \"login_uid\": 1000}",
		 &err));
	assert_int_equal(err.code, ERR_NONE);
}

static void test_refused(void **state)
{
	(void)state;
	static const char *const bad[] = {
	    "[]",
	    "{}",
	    "{\"verb\": 1}",
	    "{\"verb\": \"v\", \"uid\": 0}",
	    "{\"verb\": \"v\", \"list\": []}",
	    "{\"verb\": \"v\", \"names\": \"a\"}",
	    "{\"verb\": \"v\", \"names\": [1]}",
	    "{\"verb\": \"v\", \"name_count\": -1}",
	    "{\"verb\": \"v\", \"name_count\": 1.5}",
	    "{\"verb\": \"v\", \"reason\": {}}",
	    "{\"verb\": \"v\", \"reference\": false}",
	    "{\"verb\": \"v\", \"asked_at_ns\": \"now\"}",
	    "{\"verb\": \"v\", \"login_uid\": \"root\"}",
	    "{\"verb\": \"v\", \"login_uid\": -1}",
	};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct err err = {0};
		if (good(bad[i], &err))
			fail_msg("taken: %s", bad[i]);
		assert_int_equal(err.code, ERR_USAGE);
	}
}

static json_t *long_text(size_t len)
{
	char *text = base_alloc(len + 1);
	memset(text, 'x', len);
	json_t *value = json_string(text);
	free(text);
	return value;
}

static void test_bounds(void **state)
{
	(void)state;
	static const struct {
		const char *key;
		size_t max;
	} texts[] = {{"verb", CTL_CHANGE_VERB_MAX},
		     {"list", CTL_CHANGE_LIST_MAX},
		     {"reason", CTL_CHANGE_TEXT_MAX},
		     {"reference", CTL_CHANGE_TEXT_MAX},
		     {"detail", CTL_CHANGE_TEXT_MAX}};
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct err err = {0};
		json_t *change = json_pack("{s:s}", "verb", "v");
		json_object_set_new(change, texts[i].key, long_text(texts[i].max));
		assert_true(ctl_change_good(change, &err));
		json_object_set_new(change, texts[i].key, long_text(texts[i].max + 1));
		assert_false(ctl_change_good(change, &err));
		json_decref(change);
	}
}

static void test_bounds_of_names(void **state)
{
	(void)state;
	struct err err = {0};
	json_t *names = json_array(), *change = json_pack("{s:s, s:o}", "verb", "v", "names", names);
	for (size_t i = 0; i < CTL_CHANGE_NAMES_MAX; i++)
		json_array_append_new(names, long_text(i == 0 ? CTL_CHANGE_NAME_MAX : 3));
	assert_true(ctl_change_good(change, &err));
	json_array_append_new(names, json_string("one.more"));
	assert_false(ctl_change_good(change, &err));
	json_array_clear(names);
	json_array_append_new(names, long_text(CTL_CHANGE_NAME_MAX + 1));
	assert_false(ctl_change_good(change, &err));
	json_decref(change);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_taken),
	    cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_bounds),
	    cmocka_unit_test(test_bounds_of_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
