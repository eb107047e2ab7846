/* SPDX-License-Identifier: BSD-2-Clause */
#include "observe/traffic.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define NOON ((int64_t)86400 * 20000 + 43200)

static struct name name_of(const char *text)
{
	struct name name;
	assert_true(name_from_text(str_from(text), &name, NULL));
	return name;
}

static void asked(struct traffic *t, const char *text, uint8_t client, uint32_t weight, int64_t at_s)
{
	struct name name = name_of(text);
	uint8_t address[ADDR_WIDE_LEN] = {0};
	address[15] = client;
	traffic_take(t, &name, address, weight, at_s);
}

static uint32_t told(const struct traffic_digest *d, const char *text, bool itself)
{
	struct name name = name_of(text);
	return countmin_get(&d->sketch, sketch_hash(&d->seed, name.wire, name.len, itself));
}

static void names_and_subtrees(void **state)
{
	struct traffic *t = traffic_create(NOON);
	struct traffic_digest d;
	(void)state;
	asked(t, "a.b.example", 1, 1, NOON);
	asked(t, "a.b.example", 2, 2, NOON);
	asked(t, "b.example", 1, 4, NOON);
	asked(t, "1.2.3.4.5.6.7.8.9.deep.example", 1, 8, NOON); /* more labels than are counted by suffix */
	traffic_digest(t, NOON, &d);
	assert_int_equal(d.queries, 15);
	assert_int_equal(d.clients, 2);
	assert_int_equal(d.since_s, NOON);
	assert_int_equal(told(&d, "a.b.example", true), 3);
	assert_int_equal(told(&d, "b.example", true), 4);
	assert_int_equal(told(&d, "b.example", false), 7);
	assert_int_equal(told(&d, "example", false), 15);
	assert_int_equal(told(&d, "example", true), 0);
	assert_int_equal(told(&d, "4.5.6.7.8.9.deep.example", false), 8);
	assert_int_equal(told(&d, "3.4.5.6.7.8.9.deep.example", false), 0); /* its ancestor bounds it */
	assert_int_equal(told(&d, "1.2.3.4.5.6.7.8.9.deep.example", true), 8);
	assert_int_equal(d.name_count, 3);
	assert_int_equal(d.names[0].count, 8);
	assert_int_equal(d.names[2].count, 3);
	assert_int_equal(distinct_estimate(&d.names[2].clients), 2);
	traffic_digest_finish(&d);
	traffic_destroy(t);
}

static uint64_t queries_at(struct traffic *t, int64_t now_s)
{
	struct traffic_digest d;
	traffic_digest(t, now_s, &d);
	uint64_t queries = d.queries;
	assert_int_equal(queries, told(&d, "example", false));
	traffic_digest_finish(&d);
	return queries;
}

/* A day, and up to six hours more; then they are gone. */
static void old_ones_go(void **state)
{
	struct traffic *t = traffic_create(NOON);
	(void)state;
	for (int64_t hour = 0; hour < 48; hour++)
		asked(t, "x.example", (uint8_t)hour, 1, NOON + hour * 3600);
	assert_int_equal(queries_at(t, NOON + 47 * 3600), 30);
	assert_int_equal(queries_at(t, NOON + 48 * 3600), 24);
	assert_int_equal(queries_at(t, NOON + 71 * 3600), 6);
	assert_int_equal(queries_at(t, NOON + 72 * 3600), 0);
	traffic_destroy(t);
}

static void clocks_that_jump(void **state)
{
	struct traffic *t = traffic_create(NOON);
	(void)state;
	asked(t, "x.example", 1, 1, NOON);
	asked(t, "x.example", 1, 1, NOON - 3600); /* a little back: the same day */
	assert_int_equal(queries_at(t, NOON), 2);
	asked(t, "x.example", 1, 1, NOON + 365 * 86400);
	assert_int_equal(queries_at(t, NOON + 365 * 86400), 1);
	asked(t, "x.example", 1, 1, NOON); /* the year was wrong */
	assert_int_equal(queries_at(t, NOON), 1);
	traffic_forget(t, NOON);
	assert_int_equal(queries_at(t, NOON), 0);
	traffic_destroy(t);
}

/* The same name in several segments is one. */
static void names_are_joined(void **state)
{
	struct traffic *t = traffic_create(NOON);
	struct traffic_digest d;
	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		asked(t, "x.example", (uint8_t)i, 10, NOON + i * TRAFFIC_SEGMENT_S);
		asked(t, i % 2 == 0 ? "even.example" : "odd.example", 9, 1, NOON + i * TRAFFIC_SEGMENT_S);
	}
	traffic_digest(t, NOON + 4 * TRAFFIC_SEGMENT_S, &d);
	assert_int_equal(d.name_count, 3);
	assert_int_equal(d.names[0].count, 50);
	assert_int_equal(distinct_estimate(&d.names[0].clients), 5);
	assert_int_equal(d.names[1].count, 3);
	assert_int_equal(d.names[2].count, 2);
	traffic_digest_finish(&d);
	traffic_destroy(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(names_and_subtrees), cmocka_unit_test(old_ones_go),
					   cmocka_unit_test(clocks_that_jump), cmocka_unit_test(names_are_joined)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
