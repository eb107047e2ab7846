/* SPDX-License-Identifier: BSD-2-Clause */
#include "observe/tap.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* What came out. */
struct seen {
	uint64_t facts, weights, next;
	bool in_order;
};

static void take(struct seen *s, const struct tap_fact *f)
{
	s->facts++;
	s->weights += f->weight;
	s->in_order &= f->world >= s->next && f->rule == (uint32_t)f->world && f->wire[1] == (uint8_t)f->world;
	s->next = f->world + 1;
}

static uint64_t drain(struct tap *t, struct seen *seen)
{
	struct tap_reading r = tap_read(t);
	const struct tap_fact *f;
	while ((f = tap_read_peek(t, &r)) != NULL) {
		take(seen, f);
		tap_read_next(t, &r);
	}
	return tap_read_end(t, &r);
}

/* One query, numbered. */
static void query(struct tap *t, uint64_t number)
{
	struct name name = {.len = 3, .labels = 1, .wire = {1, (uint8_t)number, 0}};
	if (!tap_wants(t))
		return;
	struct tap_fact *f = tap_begin(t);
	if (f == NULL)
		return;
	f->world = number;
	f->rule = (uint32_t)number;
	f->flags = TAP_QUERY;
	tap_put_name(f, &name);
	tap_end(t);
}

static void each_is_recorded_when_there_is_room(void **state)
{
	struct tap *t = tap_create(1, 1);
	struct seen seen = {.in_order = true};
	uint64_t number = 0;
	(void)state;
	for (unsigned round = 0; round < 100; round++) {
		for (unsigned i = 0; i < 900; i++)
			query(t, number++);
		assert_int_equal(drain(t, &seen), 900);
	}
	assert_int_equal(seen.facts, number);
	assert_int_equal(seen.weights, number);
	assert_true(seen.in_order);
	assert_int_equal(tap_lost(t), 0);
	tap_destroy(t);
}

/* Nobody reads: the ring takes what it can, the rest is counted, and the weights tell of all. */
static void a_full_ring_raises_n_and_counts_the_rest(void **state)
{
	struct tap *t = tap_create(1, 5);
	struct seen seen = {.in_order = true};
	(void)state;
	for (uint64_t i = 0; i < 20000; i++)
		query(t, i);
	assert_int_equal(tap_lost(t), 0); /* by a higher N it goes on for long */
	for (uint64_t i = 20000; i < 3000000; i++)
		query(t, i);
	assert_true(tap_lost(t) > 0);
	(void)drain(t, &seen);
	assert_int_equal(seen.facts, TAP_SLOTS_MAX);
	assert_true(seen.in_order);
	uint64_t told = seen.weights + tap_lost(t);
	assert_true(told > 3000000 / 100 * 85 && told < 3000000 / 100 * 115);
	/* and it fills again once it was emptied */
	uint64_t before = seen.facts;
	for (uint64_t i = 0; i < 100000; i++)
		query(t, 3000000 + i);
	(void)drain(t, &seen);
	assert_true(seen.facts > before);
	tap_destroy(t);
}

static void samples_weigh_what_they_stand_for(void **state)
{
	struct tap *t = tap_create(1, 3);
	struct seen seen = {.in_order = true};
	uint64_t number = 0;
	(void)state;
	tap_adapt(t, 100 * TAP_DRAIN_FACTS, TAP_DRAIN_MS);
	assert_true(tap_every(t) >= 100 && tap_every(t) <= 102);
	for (unsigned round = 0; round < 200; round++) {
		for (unsigned i = 0; i < 10000; i++)
			query(t, number++);
		(void)drain(t, &seen);
	}
	assert_true(seen.facts < number / 60);
	assert_true(seen.weights > number / 100 * 95 && seen.weights < number / 100 * 105);
	tap_destroy(t);
}

static void n_follows_what_comes(void **state)
{
	struct tap *t = tap_create(4, 1);
	struct seen seen = {.in_order = true};
	unsigned steps = 0;
	(void)state;
	/* a worker of four has a quarter of what is to be seen */
	tap_adapt(t, TAP_DRAIN_FACTS / 4 * 10, TAP_DRAIN_MS);
	assert_int_equal(tap_every(t), 11);
	tap_adapt(t, TAP_DRAIN_FACTS / 4 * 20, 2 * TAP_DRAIN_MS);
	assert_int_equal(tap_every(t), 11);
	query(t, 0);
	/* it becomes quiet: in a few steps each is recorded again, and the worker does not count down what it drew before */
	while (tap_every(t) > 1) {
		tap_adapt(t, 0, TAP_DRAIN_MS);
		assert_true(++steps < 5);
	}
	tap_refresh(t);
	(void)drain(t, &seen);
	for (unsigned i = 0; i < 10; i++)
		query(t, 1 + i);
	assert_int_equal(drain(t, &seen), 10);
	tap_destroy(t);
}

/* A burst goes in whole, and what does not is counted; then N is as before. */
static void every_one_is_recorded_for_whoever_wants_it(void **state)
{
	struct tap *t = tap_create(2, 1);
	struct seen seen = {.in_order = true};
	uint64_t number = 0;
	(void)state;
	for (unsigned i = 0; i < 100; i++)
		query(t, number++);
	tap_adapt(t, (uint64_t)1000 * TAP_DRAIN_FACTS, TAP_DRAIN_MS); /* there is much to do */
	query(t, number++);					      /* and a long gap is drawn */
	tap_want_every(t, true);
	tap_refresh(t);
	for (unsigned i = 0; i < TAP_BURST_FACTS; i++)
		query(t, number++);
	/* those before the change lie in the other ring, and are read first */
	assert_int_equal(drain(t, &seen), number);
	assert_int_equal(seen.weights, seen.facts);
	for (unsigned round = 0; round < 20; round++) {
		tap_adapt(t, (uint64_t)1000 * TAP_DRAIN_FACTS, TAP_DRAIN_MS);
		assert_int_equal(tap_every(t), 1);
		for (unsigned i = 0; i < 3000; i++)
			query(t, number++);
		tap_refresh(t);
		(void)drain(t, &seen);
	}
	assert_int_equal(seen.facts, number);
	assert_true(seen.in_order);
	for (unsigned i = 0; i < t->slot_count + 77; i++)
		query(t, number++);
	assert_int_equal(tap_lost(t), 77);
	(void)drain(t, &seen);
	assert_int_equal(seen.facts, number - 77);
	tap_want_every(t, false);
	tap_refresh(t);
	tap_adapt(t, (uint64_t)1000 * TAP_DRAIN_FACTS, TAP_DRAIN_MS);
	assert_true(tap_every(t) > 1);
	for (unsigned i = 0; i < 100000; i++)
		query(t, number++);
	seen.facts = 0;
	(void)drain(t, &seen);
	assert_true(seen.facts > 0 && seen.facts < 1000);
	tap_destroy(t);
}

/* It is wanted and no longer wanted before the reader came by: the change waits, and nothing is lost or read twice. */
static void rings_change_one_at_a_time(void **state)
{
	struct tap *t = tap_create(4, 1);
	struct seen seen = {.in_order = true};
	uint64_t number = 0;
	(void)state;
	for (unsigned round = 0; round < 50; round++) {
		for (unsigned change = 0; change < 5; change++) {
			tap_want_every(t, change % 2 == round % 2);
			tap_refresh(t);
			for (unsigned i = 0; i < 7; i++)
				query(t, number++);
		}
		assert_int_equal(drain(t, &seen), 35);
	}
	assert_int_equal(seen.facts, number);
	assert_true(seen.in_order);
	tap_refresh(t);
	assert_true(t->all == atomic_load(&t->want_every)); /* the last wish is followed in the end */
	tap_destroy(t);
}

#define PASSED 400000

static void *writer(void *arg)
{
	for (uint64_t i = 0; i < PASSED; i++) {
		if (i % 32 == 0)
			tap_refresh(arg);
		query(arg, i);
	}
	return NULL;
}

/* Two threads; under ThreadSanitizer this is where a missing order shows. */
static void between_threads(void **state)
{
	struct tap *t = tap_create(2, 9);
	struct seen seen = {.in_order = true};
	pthread_t thread;
	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, writer, t), 0);
	for (unsigned round = 0; seen.weights + tap_lost(t) < PASSED / 2; round++) {
		uint64_t queries = drain(t, &seen);
		tap_adapt(t, queries, 1);
		tap_want_every(t, round % 8 < 3);
	}
	assert_int_equal(pthread_join(thread, NULL), 0);
	(void)drain(t, &seen);
	assert_true(seen.in_order);
	assert_int_equal(atomic_load(&t->drained), atomic_load(&t->published));
	tap_destroy(t);
}

static void addresses_are_wide(void **state)
{
	struct tap_fact f;
	struct addr a;
	uint8_t wide[ADDR_WIDE_LEN];
	static const char *const texts[] = {"192.0.2.1", "2001:db8::1", "0.0.0.0", "::"};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		assert_true(addr_from_text(str_from(texts[i]), 53, &a));
		addr_to_wide(&a, wide);
		tap_put_address(&f, &a);
		assert_memory_equal(f.address, wide, sizeof(wide));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_is_recorded_when_there_is_room),
	    cmocka_unit_test(a_full_ring_raises_n_and_counts_the_rest),
	    cmocka_unit_test(samples_weigh_what_they_stand_for),
	    cmocka_unit_test(n_follows_what_comes),
	    cmocka_unit_test(every_one_is_recorded_for_whoever_wants_it),
	    cmocka_unit_test(rings_change_one_at_a_time),
	    cmocka_unit_test(between_threads),
	    cmocka_unit_test(addresses_are_wide),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
