/* SPDX-License-Identifier: BSD-2-Clause */
#include "fetch/record.h"

#include "base/file.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[64], copy[96], json[96];

static void put(const char *path, const char *text)
{
	struct err err = {0};
	assert_true(file_replace(path, text, strlen(text), 0600, &err));
}

static void check_copy(const char *expected)
{
	struct buf text = {0};
	struct err err = {0};
	if (!expected) {
		assert_int_equal(access(copy, F_OK), -1);
		return;
	}
	assert_true(file_read(copy, 1000, &text, &err));
	assert_string_equal(text.ptr, expected);
	buf_finish(&text);
}

static int make(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/saring-record-XXXXXX");
	assert_non_null(mkdtemp(dir));
	(void)snprintf(copy, sizeof(copy), "%s/ads", dir);
	(void)snprintf(json, sizeof(json), "%s/ads.json", dir);
	return 0;
}

static int clean(void **state)
{
	(void)state;
	fetch_record_clean(copy, NULL);
	(void)unlink(copy);
	(void)unlink(json);
	return rmdir(dir); /* and nothing else was left */
}

static void test_round_trip(void **state)
{
	(void)state;
	struct err err = {0};
	struct fetch_record r = {.url = "http://h/",
				 .etag = "\"x\\\"y\"",
				 .last_modified = "yesterday",
				 .format = "hosts",
				 .entries = 3,
				 .bytes = 4,
				 .hash = {1, 2, 255},
				 .fetched_at_s = 100,
				 .checked_at_s = 200,
				 .failures = 2,
				 .error = "why"};
	struct fetch_record back;
	put(copy, "abcd");
	assert_true(fetch_record_save(copy, &r, &err));
	fetch_record_load(copy, &back);
	assert_string_equal(back.url, r.url);
	assert_string_equal(back.etag, r.etag);
	assert_string_equal(back.last_modified, r.last_modified);
	assert_string_equal(back.format, r.format);
	assert_string_equal(back.error, r.error);
	assert_memory_equal(back.hash, r.hash, sizeof(r.hash));
	assert_true(back.entries == 3 && back.bytes == 4 && back.fetched_at_s == 100 && back.checked_at_s == 200 &&
		    back.failures == 2);
	/* of another copy than the one there: nothing to ask the server by */
	put(copy, "abcde");
	fetch_record_load(copy, &back);
	assert_true(!back.url[0] && !back.etag[0] && !back.last_modified[0] && back.entries == 0 && back.fetched_at_s == 0);
	assert_true(back.failures == 2 && strcmp(back.error, "why") == 0);
	assert_int_equal(unlink(copy), 0);
	fetch_record_load(copy, &back);
	assert_true(!back.url[0] && !back.etag[0]);
}

static void test_bad_records(void **state)
{
	(void)state;
	static const char *const bad[] = {
	    "",
	    "x",
	    "[]",
	    "{}",
	    "{\"version\": 2, \"failures\": 3}",
	    "{\"version\": 1, \"failures\": 3, \"url\": \"http://h/\"}",
	    "{\"version\": 1, \"failures\": 3, \"url\": \"http://h/\", \"hash\": \"0\"}",
	    "{\"version\": 1, \"failures\": 3, \"url\": \"http://h/\", \"hash\": \"0000000000000000000000000000000G\"}",
	    "{\"version\": 1, \"failures\": 3, \"etag\": \"a\\r\\nHost: x\"}"};
	put(copy, "abcd");
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct fetch_record r;
		put(json, bad[i]);
		fetch_record_load(copy, &r);
		if (r.url[0] || r.etag[0] || r.failures)
			fail_msg("taken: %s", bad[i]);
	}
}

static void test_places(void **state)
{
	(void)state;
	char new[128];
	struct err err = {0};
	fetch_record_new(copy, new, sizeof(new));
	assert_string_equal(strrchr(new, '/'), "/.ads.new");
	assert_false(fetch_record_take(copy, NULL, &err));
	put(new, "one");
	assert_true(fetch_record_take(copy, NULL, &err));
	check_copy("one");
	assert_true(fetch_record_take_back(copy, NULL, &err)); /* there was none */
	check_copy(NULL);
	put(new, "one");
	assert_true(fetch_record_take(copy, NULL, &err));
	put(new, "two");
	assert_true(fetch_record_take(copy, NULL, &err));
	check_copy("two");
	assert_true(fetch_record_take_back(copy, NULL, &err));
	check_copy("one");
	put(new, "three");
	assert_true(fetch_record_take(copy, NULL, &err));
	fetch_record_clean(copy, NULL);
	check_copy("three");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_round_trip, make, clean),
	    cmocka_unit_test_setup_teardown(test_bad_records, make, clean),
	    cmocka_unit_test_setup_teardown(test_places, make, clean),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
