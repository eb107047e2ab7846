/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <stdio.h>
#include <time.h>

#include "base/str.h"

static void numbers(void **state)
{
	(void)state;
	uint64_t n = 77;
	assert_true(str_to_u64(STR_LIT("0"), &n) && n == 0);
	assert_true(str_to_u64(STR_LIT("18446744073709551615"), &n) && n == UINT64_MAX);
	static const char *const bad[] = {"",	"-1", "+1", " 1", "1 ", "0x1", "18446744073709551616", "99999999999999999999999",
					  "1e3"};
	n = 77;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(str_to_u64(str_from(bad[i]), &n));
	assert_int_equal(n, 77); /* untouched */
}

static void durations(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t ms;
		const char *back;
	} good[] = {
	    {"500ms", 500, "500ms"},
	    {"10s", 10000, "10s"},
	    {"5m", 300000, "5m"},
	    {"2h", 7200000, "2h"},
	    {"1d", 86400000, "1d"},
	    {"2w", 1209600000, "2w"},
	    {"0", 0, "0s"},
	    {"0s", 0, "0s"},
	    {"90s", 90000, "90s"},
	    {"14d", 1209600000, "2w"},
	    {"1001ms", 1001, "1001ms"},
	    {"60s", 60000, "1m"},
	};
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		int64_t ms = -1;
		char buf[32];
		assert_true(str_to_duration_ms(str_from(good[i].text), &ms));
		assert_int_equal(ms, good[i].ms);
		str_from_duration_ms(ms, buf, sizeof(buf));
		assert_string_equal(buf, good[i].back);
	}
	static const char *const bad[] = {"",	 "10",	 "s", "-1s", "1.5h", "1 s", "1S", "1min", "10s ", "00", "15250284452471w",
					  "1us", "5ms3s"};
	int64_t kept = 7;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(str_to_duration_ms(str_from(bad[i]), &kept));
	assert_int_equal(kept, 7);
	assert_true(str_to_duration_ms(STR_LIT("9223372036854775807ms"), &kept));
	assert_false(str_to_duration_ms(STR_LIT("9223372036854775808ms"), &kept));
	char buf[32];
	str_from_duration_ms(-1500, buf, sizeof(buf));
	assert_string_equal(buf, "-1500ms");
	str_from_duration_ms(INT64_MIN, buf, sizeof(buf));
	assert_string_equal(buf, "-9223372036854775808ms");
}

static void sizes(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		uint64_t bytes;
		const char *back;
	} good[] = {
	    {"64KiB", 65536, "64KiB"}, {"64MiB", 67108864, "64MiB"}, {"1GiB", 1073741824, "1GiB"}, {"0", 0, "0"},
	    {"4096", 4096, "4KiB"},    {"1000", 1000, "1000"},
	};
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		uint64_t n = 1;
		char buf[32];
		assert_true(str_to_size(str_from(good[i].text), &n));
		assert_int_equal(n, good[i].bytes);
		str_from_size(n, buf, sizeof(buf));
		assert_string_equal(buf, good[i].back);
	}
	static const char *const bad[] = {"", "KiB", "64K", "64kib", "64 MiB", "-1", "1.5GiB", "17179869184GiB", "64MiBx"};
	uint64_t kept = 3;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(str_to_size(str_from(bad[i]), &kept));
	assert_int_equal(kept, 3);
}

static void times_taken(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t s;
		bool is_date;
	} good[] = {
	    {"2017-07-14", 1499990400, true},
	    {"1970-01-01", 0, true},
	    {"1969-12-31", -86400, true},
	    {"2000-02-29", 951782400, true},
	    {"2016-02-29", 1456704000, true},
	    {"0000-01-01", -62167219200, true},
	    {"9999-12-31", 253402214400, true},
	    {"2017-07-14T02:40:00Z", 1500000000, false},
	    {"2017-07-14t02:40:00z", 1500000000, false},
	    {"2017-07-14 02:40:00Z", 1500000000, false},
	    {"2017-07-14T09:40:00+07:00", 1500000000, false},
	    {"2017-07-13T21:10:00-05:30", 1500000000, false},
	    {"2017-07-14T02:40:00.25Z", 1500000000, false},
	    {"2017-07-14T02:40:00.999999999Z", 1500000000, false},
	    {"2017-07-14T02:40:00-00:00", 1500000000, false},
	    {"2016-12-31T23:59:60Z", 1483228800, false}, /* a leap second */
	    {"2017-01-01T06:59:60+07:00", 1483228800, false},
	    {"2017-01-01T00:00:00+23:59", 1483142460, false},
	};
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		int64_t s = 1;
		bool is_date = !good[i].is_date;
		assert_true(str_to_time(str_from(good[i].text), &s, &is_date));
		assert_int_equal(s, good[i].s);
		assert_int_equal(is_date, good[i].is_date);
		assert_true(str_to_time(str_from(good[i].text), &s, NULL));
	}
}

static void times_refused(void **state)
{
	(void)state;
	static const char *const bad[] = {
	    "",
	    "2017-02-30",
	    "2017-02-29",
	    "1900-02-29",
	    "2017-04-31",
	    "2017-13-01",
	    "2017-00-01",
	    "2017-01-00",
	    "2017-01-32",
	    "2017-1-1",
	    "17-01-01",
	    "2017/01/01",
	    "2017-01-01 ",
	    " 2017-01-01",
	    "20170101",
	    "+017-01-01",
	    "2017-01-01T",
	    "2017-01-01T00:00:00",
	    "2017-01-01T00:00Z",
	    "2017-01-01T24:00:00Z",
	    "2017-01-01T00:60:00Z",
	    "2017-01-01T00:00:61Z",
	    "2017-01-01T00:00:60Z", /* no leap second there */
	    "2017-01-01T00:00:00.Z",
	    "2017-01-01T00:00:00,5Z",
	    "2017-01-01T00:00:00+7:00",
	    "2017-01-01T00:00:00+0700",
	    "2017-01-01T00:00:00+24:00",
	    "2017-01-01T00:00:00+00:60",
	    "2017-01-01T00:00:00Zx",
	    "2017-01-01X00:00:00Z",
	    "2017-01-01T00:00:00+",
	};
	int64_t s = 5;
	bool is_date = true;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(str_to_time(str_from(bad[i]), &s, &is_date));
	assert_false(str_to_time((struct str){"2017-01-01\0", 11}, &s, NULL));
	assert_int_equal(s, 5);
}

static void times_agree_with_the_system(void **state)
{
	(void)state;
	for (int64_t s = -62167219200; s <= 253402300799; s += 86399 * 311 + 7) {
		char ours[32], theirs[64], date[16];
		time_t t = (time_t)s;
		struct tm tm;
		assert_non_null(gmtime_r(&t, &tm));
		(void)snprintf(theirs, sizeof(theirs), "%04d-%02d-%02dT%02d:%02d:%02dZ", tm.tm_year + 1900, tm.tm_mon + 1,
			       tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
		str_from_time(s, ours, sizeof(ours));
		assert_string_equal(ours, theirs);
		str_from_date(s, date, sizeof(date));
		assert_memory_equal(date, theirs, 10);
		int64_t back;
		assert_true(str_to_time(str_from(ours), &back, NULL));
		assert_int_equal(back, s);
	}
}

static void times_outside_the_calendar_are_clamped(void **state)
{
	(void)state;
	char buf[32];
	str_from_time(INT64_MAX, buf, sizeof(buf));
	assert_string_equal(buf, "9999-12-31T23:59:59Z");
	str_from_time(INT64_MIN, buf, sizeof(buf));
	assert_string_equal(buf, "0000-01-01T00:00:00Z");
	str_from_date(0, buf, 11);
	assert_string_equal(buf, "1970-01-01");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(numbers),
	    cmocka_unit_test(durations),
	    cmocka_unit_test(sizes),
	    cmocka_unit_test(times_taken),
	    cmocka_unit_test(times_refused),
	    cmocka_unit_test(times_agree_with_the_system),
	    cmocka_unit_test(times_outside_the_calendar_are_clamped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
