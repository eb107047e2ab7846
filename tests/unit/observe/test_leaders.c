/* SPDX-License-Identifier: BSD-2-Clause */
#include "observe/leaders.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define NOON ((int64_t)86400 * 20000 + 43200)

struct asked {
	const char *name, *list; /* list NULL: not blocked */
	uint8_t client;
	uint32_t weight;
	int64_t at_s;
	enum privacy privacy;
	bool refused;
};

static void ask(struct leaders *l, const struct asked *a)
{
	uint8_t wide[ADDR_WIDE_LEN] = {0x20, 0x01, 0x0d, 0xb8, [15] = a->client};
	struct name name;
	assert_true(name_from_text(str_from(a->name), &name, NULL));
	const struct fact fact = {.at_us = a->at_s * 1000000,
				  .weight = a->weight,
				  .address = wide,
				  .name = &name,
				  .fate = a->refused	    ? COUNTER_REFUSED
					  : a->list != NULL ? COUNTER_BLOCKED
							    : COUNTER_CACHED,
				  .list = a->list != NULL ? str_from(a->list) : (struct str){NULL, 0}};
	leaders_take(l, &fact, a->privacy);
}

static struct leaders_digest told(struct leaders *l, enum leaders_kind kind, int64_t now_s)
{
	struct leaders_digest d;
	leaders_digest(l, kind, now_s, &d);
	return d;
}

static void each_kind(void **state)
{
	struct leaders *l = leaders_create(NOON);
	(void)state;
	ask(l, &(struct asked){"a.example", "ads", 1, 2, NOON, PRIVACY_FULL, false});
	ask(l, &(struct asked){"b.example", "ads", 2, 1, NOON, PRIVACY_FULL, false});
	ask(l, &(struct asked){"c.example", NULL, 2, 5, NOON, PRIVACY_FULL, false});
	ask(l, &(struct asked){"d.example", NULL, 3, 100, NOON, PRIVACY_FULL, true}); /* a stranger's */
	struct leaders_digest d = told(l, LEADERS_BLOCKED, NOON);
	assert_int_equal(d.count, 2);
	assert_int_equal(d.total, 3);
	assert_int_equal(d.leaders[0].count, 2);
	assert_memory_equal(d.leaders[0].key.ptr, "\1a\7example", 11);
	assert_true(str_eq_c(d.leaders[0].note, "ads"));
	leaders_digest_finish(&d);
	d = told(l, LEADERS_CLIENTS, NOON);
	assert_int_equal(d.count, 2);
	assert_int_equal(d.leaders[0].count, 6);
	assert_int_equal(d.leaders[0].key.ptr[15], 2);
	assert_int_equal((uint8_t)d.leaders[0].key.ptr[16], 128);
	leaders_digest_finish(&d);
	d = told(l, LEADERS_LISTS, NOON);
	assert_int_equal(d.count, 1);
	assert_int_equal(d.leaders[0].clients, 2);
	leaders_digest_finish(&d);
	leaders_destroy(l);
}

static void segments_are_put_together_and_go(void **state)
{
	struct leaders *l = leaders_create(NOON);
	(void)state;
	ask(l, &(struct asked){"a.example", "old", 1, 3, NOON, PRIVACY_FULL, false});
	ask(l, &(struct asked){"a.example", "new", 2, 4, NOON + LEADERS_SEGMENT_S, PRIVACY_FULL, false});
	struct leaders_digest d = told(l, LEADERS_BLOCKED, NOON + LEADERS_SEGMENT_S);
	assert_int_equal(d.count, 1);
	assert_int_equal(d.leaders[0].count, 7);
	assert_int_equal(d.leaders[0].clients, 2);
	assert_true(str_eq_c(d.leaders[0].note, "new"));
	leaders_digest_finish(&d);
	d = told(l, LEADERS_BLOCKED, NOON + LEADERS_SEGMENTS * LEADERS_SEGMENT_S);
	assert_int_equal(d.leaders[0].count, 4);
	assert_int_equal(d.total, 4);
	leaders_digest_finish(&d);
	d = told(l, LEADERS_BLOCKED, NOON + (LEADERS_SEGMENTS + 1) * LEADERS_SEGMENT_S);
	assert_int_equal(d.count, 0);
	leaders_digest_finish(&d);
	/* a clock set far back */
	ask(l, &(struct asked){"b.example", "new", 2, 1, NOON, PRIVACY_FULL, false});
	d = told(l, LEADERS_BLOCKED, NOON);
	assert_int_equal(d.count, 1);
	leaders_digest_finish(&d);
	leaders_destroy(l);
}

static void clients_as_far_as_they_may_be_told(void **state)
{
	struct leaders *l = leaders_create(NOON);
	(void)state;
	ask(l, &(struct asked){"a.example", NULL, 1, 1, NOON, PRIVACY_ANONYMOUS, false});
	ask(l, &(struct asked){"a.example", NULL, 2, 1, NOON, PRIVACY_ANONYMOUS, false});
	ask(l, &(struct asked){"a.example", "ads", 3, 1, NOON, PRIVACY_NAMES, false});
	ask(l, &(struct asked){"a.example", "ads", 3, 1, NOON, PRIVACY_NONE, false});
	struct leaders_digest d = told(l, LEADERS_CLIENTS, NOON);
	assert_int_equal(d.count, 1);
	assert_int_equal(d.leaders[0].count, 2);
	assert_int_equal(d.leaders[0].key.ptr[15], 0);
	assert_int_equal(d.leaders[0].key.ptr[16], 56);
	leaders_digest_finish(&d);
	d = told(l, LEADERS_BLOCKED, NOON);
	assert_int_equal(d.total, 1);
	leaders_digest_finish(&d);
	leaders_destroy(l);
}

/* Whatever comes by the thousand, who leads by more than the error leads here. */
static void the_error_holds(void **state)
{
	struct leaders *l = leaders_create(NOON);
	char name[32];
	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		(void)snprintf(name, sizeof(name), "n%u.example", i);
		ask(l, &(struct asked){name, "ads", 1, 1, NOON, PRIVACY_FULL, false});
		if (i % 10 == 0)
			ask(l, &(struct asked){"often.example", "ads", 1, 1, NOON, PRIVACY_FULL, false});
	}
	struct leaders_digest d = told(l, LEADERS_BLOCKED, NOON);
	assert_int_equal(d.total, 22000);
	assert_memory_equal(d.leaders[0].key.ptr, "\5often", 6);
	assert_true(d.leaders[0].count >= 2000 && d.leaders[0].count <= 2000 + d.leaders[0].error);
	for (size_t i = 1; i < d.count; i++)
		assert_true(d.leaders[i].count - d.leaders[i].error <= 1);
	leaders_digest_finish(&d);
	leaders_destroy(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_kind),
	    cmocka_unit_test(segments_are_put_together_and_go),
	    cmocka_unit_test(clients_as_far_as_they_may_be_told),
	    cmocka_unit_test(the_error_holds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
