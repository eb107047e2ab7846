/* SPDX-License-Identifier: BSD-2-Clause
 * Time zones against the C library's, over a hundred years; and files that are none. */
#include "settings/zone.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/file.h"

#define HOUR_S INT64_C(3600)

static int32_t offset_of_libc(int64_t at_s)
{
	struct tm tm;
	time_t t = (time_t)at_s;
	assert_non_null(localtime_r(&t, &tm));
	return (int32_t)tm.tm_gmtoff;
}

/* Every zone with something odd about it: half hours, both hemispheres, negative saving, a day left out, several changes a year. */
static void test_like_libc(void **state)
{
	static const char *const names[] = {"Europe/Berlin",	 "Europe/Dublin",
					    "America/Santiago",	 "Australia/Lord_Howe",
					    "Asia/Jakarta",	 "America/New_York",
					    "Asia/Kathmandu",	 "Pacific/Apia",
					    "Africa/Casablanca", "Asia/Tehran",
					    "Antarctica/Troll",	 "Etc/GMT+12",
					    "America/Nuuk",	 "UTC"};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct arena arena = {0};
		struct err err = {0};
		const struct time_zone *z = zone_load(str_from(names[i]), &arena, &err);
		if (z == NULL)
			fail_msg("%s: %s", names[i], err.text);
		assert_int_equal(setenv("TZ", names[i], 1), 0);
		tzset();
		unsigned changes = 0;
		/* from 1970 to 2070, every three hours; and on both sides of each change */
		for (int64_t at_s = 0; at_s < 100 * 366 * 24 * HOUR_S; at_s += 3 * HOUR_S)
			if (zone_offset(z, at_s) != offset_of_libc(at_s))
				fail_msg("%s at %lld: %d, not %d", names[i], (long long)at_s, zone_offset(z, at_s),
					 offset_of_libc(at_s));
		for (int64_t at_s = 0; (at_s = zone_next_change(z, at_s)) != ZONE_NEVER && at_s < 100 * 366 * 24 * HOUR_S;
		     changes++) {
			assert_int_equal(zone_offset(z, at_s), offset_of_libc(at_s));
			assert_int_equal(zone_offset(z, at_s - 1), offset_of_libc(at_s - 1));
		}
		if (strcmp(names[i], "Europe/Berlin") == 0)
			assert_true(changes > 150);
		arena_finish(&arena);
	}
	(void)unsetenv("TZ");
}

static void test_rules(void **state)
{
	static const char *const bad[] = {"",
					  "X",
					  "AB3",
					  "CET",
					  "CET-1CEST",
					  "CET-1CEST,M3.5.0",
					  "CET-1CEST,M13.5.0,M10.5.0",
					  "CET-1CEST,M3.6.0,M10.5.0",
					  "CET-1CEST,M3.5.7,M10.5.0",
					  "CET-1CEST,J0,J1",
					  "CET-1CEST,J1,366",
					  "<+03-3",
					  "CET-25",
					  "CET-1CEST,M3.5.0/168,M10.5.0",
					  "CET-1CEST,M3.5.0,M10.5.0x",
					  "CET-1:60"};
	struct arena arena = {0};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (zone_from_rule(str_from(bad[i]), &arena) != NULL)
			fail_msg("'%s' is a rule", bad[i]);
	const struct time_zone *always = zone_from_rule(STR_LIT("EST5EDT,0/0,J365/25"), &arena); /* RFC 8536 §3.3.1 */
	assert_non_null(always);
	for (int64_t day = 0; day < 1500; day++)
		assert_int_equal(zone_offset(always, day * 24 * HOUR_S + day % 24 * HOUR_S), -4 * 3600);
	const struct time_zone *fixed = zone_from_rule(STR_LIT("<-0330>3:30"), &arena);
	assert_non_null(fixed);
	assert_int_equal(zone_offset(fixed, 0), -12600);
	assert_true(zone_next_change(fixed, 0) == ZONE_NEVER);
	arena_finish(&arena);
}

static void test_system(void **state)
{
	struct arena arena = {0};
	(void)state;
	assert_int_equal(setenv("TZ", "Asia/Jakarta", 1), 0);
	assert_int_equal(zone_offset(zone_system(&arena), 0), 7 * 3600);
	assert_int_equal(setenv("TZ", ":Asia/Tokyo", 1), 0);
	assert_int_equal(zone_offset(zone_system(&arena), 1700000000), 9 * 3600);
	assert_int_equal(setenv("TZ", ":/usr/share/zoneinfo/Asia/Tokyo", 1), 0);
	assert_int_equal(zone_offset(zone_system(&arena), 1700000000), 9 * 3600);
	assert_int_equal(setenv("TZ", "/usr/share/zoneinfo/Asia/Jakarta", 1), 0);
	assert_int_equal(zone_offset(zone_system(&arena), 0), 7 * 3600);
	assert_int_equal(setenv("TZ", "XYZ-2", 1), 0);
	assert_int_equal(zone_offset(zone_system(&arena), 0), 2 * 3600);
	assert_int_equal(setenv("TZ", "no such zone", 1), 0);
	assert_int_equal(zone_offset(zone_system(&arena), 0), 0);
	(void)unsetenv("TZ");
	assert_non_null(zone_system(&arena));
	arena_finish(&arena);
}

static void test_bad_names(void **state)
{
	static const char *const names[] = {
	    "",		"/etc/localtime", "../zoneinfo/UTC", "Europe/../Asia/Jakarta", "Europe//Berlin", "Europe",
	    "No/Where", "a\nb",		  "tzdata.zi",	     "Europe/Berlin/"};
	struct arena arena = {0};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct err err = {0};
		if (zone_load(str_from(names[i]), &arena, &err) != NULL)
			fail_msg("'%s' is a zone", names[i]);
		assert_int_equal(err.code, ERR_INPUT);
		assert_true(err.text[0] != '\0');
	}
	arena_finish(&arena);
}

/* A file cut anywhere, or with any octet of its head and its footer changed, is read as one or is refused, and does no harm. */
static void test_broken_files(void **state)
{
	struct buf bytes = {0};
	struct err err = {0};
	size_t good = 0;
	(void)state;
	assert_true(file_read(ZONE_FOLDER "/Europe/Berlin", ZONE_FILE_MAX, &bytes, &err));
	for (size_t len = 0; len <= bytes.len; len++) {
		struct arena arena = {0};
		uint8_t *cut = base_alloc(len + 1);
		memcpy(cut, bytes.ptr, len);
		good += zone_from_bytes(cut, len, &arena) != NULL;
		free(cut);
		arena_finish(&arena);
	}
	assert_int_equal(good, 1);
	for (size_t at = 0; at < bytes.len; at++) {
		struct arena arena = {0};
		const char was = bytes.ptr[at];
		bytes.ptr[at] = (char)(was ^ 0x40);
		const struct time_zone *z = zone_from_bytes(bytes.ptr, bytes.len, &arena);
		if (z != NULL) {
			(void)zone_offset(z, 1700000000);
			(void)zone_offset(z, INT64_MAX);
			(void)zone_offset(z, INT64_MIN);
			(void)zone_next_change(z, 4000000000);
			assert_true(zone_next_change(z, INT64_MIN) == ZONE_NEVER);
		}
		bytes.ptr[at] = was;
		arena_finish(&arena);
	}
	buf_finish(&bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_like_libc), cmocka_unit_test(test_rules),	   cmocka_unit_test(test_system),
	    cmocka_unit_test(test_bad_names), cmocka_unit_test(test_broken_files),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
