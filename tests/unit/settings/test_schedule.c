/* SPDX-License-Identifier: BSD-2-Clause
 * When lists act: by examples, and against a naive reading of the clock on the wall by the C library's, minute by minute over the
 * days on which it is set. */
#include "settings/schedule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "dice.h"
#include "settings/load.h"

#define LISTS "lists:\n- {name: a, file: a}\n- {name: b, file: b}\n- {name: law, file: l, mandatory: true}\n"
#define ALL 7u

static struct settings *load(const char *fmt, ...) PRINTF_LIKE(1, 2);
static struct settings *load(const char *fmt, ...)
{
	struct err_list errors = {0};
	char *rest = NULL, *text = NULL;
	va_list args;
	va_start(args, fmt);
	assert_true(vasprintf(&rest, fmt, args) > 0);
	va_end(args);
	assert_true(asprintf(&text, LISTS "groups:\n- name: g\n  clients: [10.0.0.1]\n%s", rest) > 0);
	struct settings *s = settings_parse(str_from(text), "/s.yaml", &errors);
	err_list_print(&errors, stderr);
	if (s == NULL)
		fail_msg("%s", text);
	err_list_finish(&errors);
	free(rest);
	free(text);
	return s;
}

/* "2026-03-29T01:59:59Z" */
static int64_t at(const char *text)
{
	int64_t s;
	assert_true(str_to_time(str_from(text), &s, NULL));
	return s;
}

static unsigned lists_at(const struct settings *s, int64_t now_s)
{
	struct group_now now;
	schedule_now(s, 1, now_s, &now);
	assert_true(now_s >= now.from_s && now_s < now.until_s);
	assert_int_equal(now.all, now.lists.words[0] == ALL);
	return (unsigned)now.lists.words[0];
}

static int64_t until(const struct settings *s, int64_t now_s)
{
	struct group_now now;
	schedule_now(s, 1, now_s, &now);
	return now.until_s;
}

/* From `from` on the lists change at exactly these moments, and every other time to `there`, beginning with `first`. */
static void changes_at(const struct settings *s, const char *from, unsigned first, unsigned then, const char *const *moments)
{
	int64_t now_s = at(from);
	unsigned lists = first;
	for (size_t i = 0; moments[i] != NULL; i++) {
		char text[32];
		assert_int_equal(lists_at(s, now_s), lists);
		now_s = schedule_next_change(s, 1, now_s);
		str_from_time(now_s, text, sizeof(text));
		assert_string_equal(text, moments[i]);
		assert_int_equal(lists_at(s, now_s - 1), lists);
		lists = lists == first ? then : first;
		assert_int_equal(lists_at(s, now_s), lists);
	}
}

static void test_hours(void **state)
{
	struct settings *s =
	    load("  schedule: [{lists: [b], days: mon-fri, hours: [\"7:00-12:00\", \"13:30-24:00\"], time-zone: Asia/Jakarta}]\n");
	(void)state;
	/* 2026-11-27 is a Friday; Jakarta is seven hours ahead. Sunday and Saturday have nothing */
	changes_at(s, "2026-11-27T00:00:00Z", ALL, 5,
		   (const char *const[]){"2026-11-27T05:00:00Z", "2026-11-27T06:30:00Z", "2026-11-27T17:00:00Z",
					 "2026-11-30T00:00:00Z", "2026-11-30T05:00:00Z", NULL});
	settings_destroy(s);
}

/* What goes over midnight belongs to the day it began on. */
static void test_over_midnight(void **state)
{
	struct settings *s = load("  schedule: [{lists: b, days: [fri], hours: \"22:00-06:00\", time-zone: UTC}]\n");
	(void)state;
	changes_at(s, "2026-11-26T23:00:00Z", 5, ALL,
		   (const char *const[]){"2026-11-27T22:00:00Z", "2026-11-28T06:00:00Z", "2026-12-04T22:00:00Z", NULL});
	settings_destroy(s);
	s = load("  schedule: [{lists: b, dates: 2026-12-31, hours: [\"22:00-06:00\"], time-zone: UTC}]\n");
	changes_at(s, "2026-11-26T23:00:00Z", 5, ALL, (const char *const[]){"2026-12-31T22:00:00Z", "2027-01-01T06:00:00Z", NULL});
	assert_true(schedule_next_change(s, 1, at("2027-01-01T06:00:00Z")) == SCHEDULE_NEVER);
	settings_destroy(s);
}

static void test_dates(void **state)
{
	struct settings *s =
	    load("  schedule: [{lists: b, dates: [2026-12-24..2027-01-02, 2027-05-01], days: [sat-mon], time-zone: UTC}]\n");
	(void)state;
	changes_at(s, "2026-11-26T00:00:00Z", 5, ALL,
		   (const char *const[]){"2026-12-26T00:00:00Z", "2026-12-29T00:00:00Z", "2027-01-02T00:00:00Z",
					 "2027-01-03T00:00:00Z", "2027-05-01T00:00:00Z", "2027-05-02T00:00:00Z", NULL});
	settings_destroy(s);
}

/* Hours that meet are no change; nor is what has no day. */
static void test_what_changes_nothing(void **state)
{
	struct settings *s = load("  schedule:\n  - {lists: b, hours: [\"00:00-12:00\"], time-zone: UTC}\n"
				  "  - {lists: b, hours: [\"12:00-24:00\"], time-zone: UTC}\n");
	(void)state;
	assert_int_equal(lists_at(s, at("2026-11-26T12:00:00Z")), ALL);
	assert_true(until(s, at("2026-11-26T11:59:59Z")) > at("2026-12-03T00:00:00Z"));
	assert_true(schedule_next_change(s, 1, 0) == SCHEDULE_NEVER);
	settings_destroy(s);
	s = load("  schedule: [{lists: [b], days: mon, dates: 2026-11-26, time-zone: UTC}]\n"); /* a Thursday */
	assert_true(schedule_next_change(s, 1, at("2026-11-20T00:00:00Z")) == SCHEDULE_NEVER);
	settings_destroy(s);
}

/* A rule without lists is about all of the group's, a mandatory one left out; lists that no rule names always act. */
static void test_which_lists(void **state)
{
	struct settings *s = load("  lists: [a, b]\n  schedule: [{hours: \"08:00-09:00\", time-zone: UTC}]\n");
	(void)state;
	assert_int_equal(lists_at(s, at("2026-11-26T07:59:59Z")), 4);
	assert_int_equal(lists_at(s, at("2026-11-26T08:00:00Z")), 7);
	settings_destroy(s);
	s = load("  lists: [b]\n  schedule: [{lists: [law, b], hours: \"08:00-09:00\"}]\ntime-zone: UTC\n");
	assert_int_equal(lists_at(s, at("2026-11-26T07:59:59Z")), 4);
	assert_int_equal(lists_at(s, at("2026-11-26T08:00:00Z")), 6);
	settings_destroy(s);
	s = load(
	    "  schedule:\n  - {lists: a, hours: \"08:00-10:00\"}\n  - {lists: [a, b], hours: \"09:00-11:00\"}\ntime-zone: UTC\n");
	assert_int_equal(lists_at(s, at("2026-11-26T08:30:00Z")), 5);
	assert_int_equal(lists_at(s, at("2026-11-26T09:30:00Z")), 7);
	assert_int_equal(lists_at(s, at("2026-11-26T10:30:00Z")), 7);
	assert_int_equal(lists_at(s, at("2026-11-26T11:30:00Z")), 4);
	settings_destroy(s);
}

/* The clocks are set forward at 2 o'clock, and back at 3: an hour is not there, and one is there twice. */
static void test_summer_time(void **state)
{
	(void)state;
	struct settings *s = load("  schedule: [{lists: b, hours: \"02:15-02:45\", time-zone: Europe/Berlin}]\n");
	changes_at(s, "2026-03-28T00:00:00Z", 5, ALL,
		   (const char *const[]){"2026-03-28T01:15:00Z", "2026-03-28T01:45:00Z",
					 /* none on the 29th */ "2026-03-30T00:15:00Z", "2026-03-30T00:45:00Z", NULL});
	changes_at(s, "2026-10-24T12:00:00Z", 5, ALL,
		   (const char *const[]){"2026-10-25T00:15:00Z", "2026-10-25T00:45:00Z", "2026-10-25T01:15:00Z",
					 "2026-10-25T01:45:00Z", "2026-10-26T01:15:00Z", NULL});
	settings_destroy(s);
	/* over the edges: it begins where the clock jumps to, and ends where it says so */
	s = load("  schedule: [{lists: b, hours: \"02:30-04:00\", time-zone: Europe/Berlin}]\n");
	changes_at(s, "2026-03-28T12:00:00Z", 5, ALL, (const char *const[]){"2026-03-29T01:00:00Z", "2026-03-29T02:00:00Z", NULL});
	settings_destroy(s);
	s = load("  schedule: [{lists: b, hours: \"22:00-02:30\", time-zone: Europe/Berlin}]\n");
	changes_at(s, "2026-03-28T12:00:00Z", 5, ALL, (const char *const[]){"2026-03-28T21:00:00Z", "2026-03-29T01:00:00Z", NULL});
	settings_destroy(s);
	/* the south: forward in October, back in April, and there at midnight, which is not there then */
	s = load("  schedule: [{lists: b, hours: \"00:00-01:00\", time-zone: America/Santiago}]\n");
	changes_at(s, "2026-09-05T12:00:00Z", 5, ALL, (const char *const[]){"2026-09-07T03:00:00Z", "2026-09-07T04:00:00Z", NULL});
	settings_destroy(s);
	s = load("  schedule: [{lists: b, hours: \"02:15-02:45\", time-zone: Australia/Sydney}]\n");
	changes_at(s, "2026-04-04T12:00:00Z", 5, ALL,
		   (const char *const[]){"2026-04-04T15:15:00Z", "2026-04-04T15:45:00Z", "2026-04-04T16:15:00Z",
					 "2026-04-04T16:45:00Z", NULL});
	settings_destroy(s);
}

/* --- against the C library --- */

struct naive_rule {
	unsigned days;
	unsigned from, to; /* minutes */
};

static bool naive_acts(const struct naive_rule *r, int64_t now_s)
{
	struct tm tm;
	time_t t = (time_t)now_s;
	assert_non_null(localtime_r(&t, &tm));
	const unsigned minute = (unsigned)(tm.tm_hour * 60 + tm.tm_min), day = (unsigned)(tm.tm_wday + 6) % 7,
		       before = (day + 6) % 7;
	if (r->from < r->to)
		return (r->days >> day & 1) != 0 && minute >= r->from && minute < r->to;
	return ((r->days >> day & 1) != 0 && minute >= r->from) || ((r->days >> before & 1) != 0 && minute < r->to);
}

static void days_text(unsigned days, char *ret)
{
	static const char *const names[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
	char *end = ret;
	for (unsigned i = 0; i < 7; i++)
		if ((days >> i & 1) != 0)
			end += sprintf(end, "%s%s", end == ret ? "" : ", ", names[i]);
}

static void compare(const char *zone, int64_t from_s, unsigned round)
{
	struct naive_rule rules[2];
	char days[2][64];
	random_state = (round + 1) * 0x9e3779b97f4a7c15ull;
	for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
		/* about the small hours mostly, when clocks are set */
		rules[i] = (struct naive_rule){1 + below(127), below(4) == 0 ? below(1440) : below(5 * 60), below(6 * 60)};
		rules[i].to += rules[i].to == rules[i].from;
		days_text(rules[i].days, days[i]);
	}
	struct settings *s = load("  schedule:\n  - {lists: a, days: [%s], hours: \"%02u:%02u-%02u:%02u\"}\n"
				  "  - {lists: b, days: [%s], hours: \"%02u:%02u-%02u:%02u\"}\ntime-zone: %s\n",
				  days[0], rules[0].from / 60, rules[0].from % 60, rules[0].to / 60, rules[0].to % 60, days[1],
				  rules[1].from / 60, rules[1].from % 60, rules[1].to / 60, rules[1].to % 60, zone);
	const int64_t end_s = from_s + 4 * 86400;
	int64_t until_s = from_s;
	unsigned before = ALL + 1;
	for (int64_t now_s = from_s; now_s < end_s; now_s += 60) {
		const unsigned lists = 4u | (naive_acts(&rules[0], now_s) ? 1u : 0) | (naive_acts(&rules[1], now_s) ? 2u : 0);
		struct group_now now;
		if (now_s < until_s) {
			if (lists != before)
				fail_msg("%s %lld: %u before %lld", zone, (long long)now_s, lists, (long long)until_s);
			continue;
		}
		assert_int_equal(now_s, until_s); /* every edge is at a minute in these zones */
		if (lists == before)
			fail_msg("%s %lld: nothing changes", zone, (long long)now_s);
		schedule_now(s, 1, now_s, &now);
		assert_int_equal(now.lists.words[0], lists);
		before = lists;
		until_s = now.until_s;
	}
	settings_destroy(s);
}

static void test_like_libc(void **state)
{
	static const struct {
		const char *zone, *from;
	} edges[] = {
	    {"Europe/Berlin", "2026-03-27T12:00:00Z"},	     {"Europe/Berlin", "2026-10-23T12:00:00Z"},
	    {"America/New_York", "2027-03-12T12:00:00Z"},    {"America/New_York", "2027-11-05T12:00:00Z"},
	    {"America/Santiago", "2026-04-03T12:00:00Z"},    {"America/Santiago", "2026-09-04T12:00:00Z"},
	    {"Australia/Lord_Howe", "2026-04-03T00:00:00Z"}, {"Australia/Lord_Howe", "2026-10-02T00:00:00Z"},
	    {"Pacific/Apia", "2011-12-28T12:00:00Z"},	     {"Asia/Jakarta", "2026-11-26T00:00:00Z"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(edges); i++) {
		assert_int_equal(setenv("TZ", edges[i].zone, 1), 0);
		tzset();
		for (unsigned round = 0; round < 12; round++)
			compare(edges[i].zone, at(edges[i].from), round);
	}
	(void)unsetenv("TZ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_hours),	cmocka_unit_test(test_over_midnight),
	    cmocka_unit_test(test_dates),	cmocka_unit_test(test_what_changes_nothing),
	    cmocka_unit_test(test_which_lists), cmocka_unit_test(test_summer_time),
	    cmocka_unit_test(test_like_libc),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
