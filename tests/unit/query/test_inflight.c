/* SPDX-License-Identifier: BSD-2-Clause */
#include "query/inflight.h"

#include "query/mailbox.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct name name_of(const char *text)
{
	struct name n;
	struct err err;

	assert_true(name_from_text(str_from(text), &n, &err));
	return n;
}

static struct cache_key key_of(const struct name *n, uint16_t type)
{
	struct cache_key key = {.name = n, .type = type, .class = 1};

	for (size_t i = 0; i < n->len; i++)
		key.hash = (key.hash + n->wire[i]) * 0x9e3779b97f4a7c15u;
	key.hash ^= key.hash >> 32;
	return key;
}

static void test_first_owns_others_wait(void **state)
{
	(void)state;
	struct inflight *in = inflight_create();
	struct name n = name_of("example.org");
	struct cache_key key = key_of(&n, 1);
	struct inflight_waiter *waiters;

	for (uint32_t i = 0; i < 5; i++) {
		struct inflight_waiter w = {.worker = (uint16_t)i, .slot = i * 10, .serial = i + 100};
		assert_int_equal(inflight_join(in, &key, &w), i == 0 ? INFLIGHT_OWNER : INFLIGHT_WAITS);
	}
	assert_int_equal(inflight_take(in, &key, &waiters), 5);
	for (uint32_t i = 0; i < 5; i++) {
		assert_int_equal(waiters[i].worker, i);
		assert_int_equal(waiters[i].slot, i * 10);
		assert_int_equal(waiters[i].serial, i + 100);
	}
	free(waiters);
	/* taken: the next one owns a new ask */
	assert_int_equal(inflight_take(in, &key, &waiters), 0);
	assert_null(waiters);
	assert_int_equal(inflight_join(in, &key, &(struct inflight_waiter){0}), INFLIGHT_OWNER);
	inflight_destroy(in);
}

static void test_every_part_of_the_key_counts(void **state)
{
	(void)state;
	struct inflight *in = inflight_create();
	struct name a = name_of("a.example"), b = name_of("b.example");
	/* all have the hash 0, so that they are told apart by their fields alone */
	struct cache_key keys[] = {
	    {.name = &a, .type = 1, .class = 1},
	    {.name = &b, .type = 1, .class = 1},
	    {.name = &a, .type = 28, .class = 1},
	    {.name = &a, .type = 1, .class = 3},
	    {.name = &a, .type = 1, .class = 1, .dnssec_ok = true},
	    {.name = &a, .type = 1, .class = 1, .checking_disabled = true},
	    {.name = &a, .type = 1, .class = 1, .dnssec_ok = true, .checking_disabled = true},
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		assert_int_equal(inflight_join(in, &keys[i], &(struct inflight_waiter){.slot = (uint32_t)i}), INFLIGHT_OWNER);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		struct inflight_waiter *waiters;
		assert_int_equal(inflight_take(in, &keys[i], &waiters), 1);
		assert_int_equal(waiters[0].slot, i);
		free(waiters);
	}
	inflight_destroy(in);
}

static void test_waiters_are_bounded(void **state)
{
	(void)state;
	struct inflight *in = inflight_create();
	struct name n = name_of("flood.example");
	struct cache_key key = key_of(&n, 1);
	struct inflight_waiter *waiters;

	for (uint32_t i = 0; i < INFLIGHT_WAITERS_MAX; i++)
		assert_int_not_equal(inflight_join(in, &key, &(struct inflight_waiter){.slot = i, .client = i}), INFLIGHT_FULL);
	assert_int_equal(inflight_join(in, &key, &(struct inflight_waiter){0}), INFLIGHT_FULL);
	assert_int_equal(inflight_take(in, &key, &waiters), INFLIGHT_WAITERS_MAX);
	free(waiters);
	inflight_destroy(in);
}

/* One client who waits as often as he can leaves room for others. */
static void test_one_client_does_not_fill_it(void **state)
{
	(void)state;
	struct inflight *in = inflight_create();
	struct name n = name_of("flood.example");
	struct cache_key key = key_of(&n, 1);
	struct inflight_waiter *waiters;

	for (uint64_t client = 1; client <= 4; client++) {
		unsigned joined = 0;
		while (inflight_join(in, &key, &(struct inflight_waiter){.client = client}) != INFLIGHT_FULL)
			joined++;
		assert_int_equal(joined, INFLIGHT_WAITERS_MAX >> client);
	}
	assert_int_equal(inflight_join(in, &key, &(struct inflight_waiter){.client = 5}), INFLIGHT_WAITS);
	assert_int_equal(inflight_take(in, &key, &waiters), INFLIGHT_WAITERS_MAX / 16 * 15 + 1);
	free(waiters);
	inflight_destroy(in);
}

static void test_entries_are_bounded(void **state)
{
	(void)state;
	struct inflight *in = inflight_create();
	size_t taken = 0, full = 0;

	for (unsigned i = 0; i < INFLIGHT_ENTRIES_MAX * 2; i++) {
		char text[32];
		snprintf(text, sizeof(text), "n%u.example", i);
		struct name n = name_of(text);
		struct cache_key key = key_of(&n, 1);
		switch (inflight_join(in, &key, NULL)) {
		case INFLIGHT_OWNER:
			taken++;
			break;
		case INFLIGHT_FULL:
			full++;
			break;
		case INFLIGHT_WAITS:
			fail_msg("'%s' was never asked", text);
		}
	}
	assert_in_range(taken, INFLIGHT_ENTRIES_MAX / 2, INFLIGHT_ENTRIES_MAX);
	assert_int_equal(taken + full, INFLIGHT_ENTRIES_MAX * 2);
	inflight_destroy(in);
}

/* Threads join and take the same few questions: every waiter comes out exactly once, and no question has two owners at a time. */
#define RACE_THREADS 4
#define RACE_ROUNDS 5000
struct race {
	struct inflight *in;
	struct name names[4];
	_Atomic int owners[4];
	_Atomic unsigned waited, taken;
	unsigned index;
};

static struct race shared_race;

static void *race_main(void *arg)
{
	unsigned seed = *(unsigned *)arg;
	struct race *r = &shared_race;

	for (unsigned i = 0; i < RACE_ROUNDS; i++) {
		seed = seed * 1103515245u + 12345u;
		unsigned which = (seed >> 16) % 4;
		struct cache_key key = key_of(&r->names[which], 1);
		struct inflight_waiter w = {.slot = i}, *waiters;
		enum inflight_join got = inflight_join(r->in, &key, &w);
		if (got == INFLIGHT_FULL)
			continue;
		atomic_fetch_add(&r->waited, 1);
		if (got != INFLIGHT_OWNER)
			continue;
		if (atomic_fetch_add(&r->owners[which], 1) != 0)
			return r; /* two owners */
		atomic_fetch_sub(&r->owners[which], 1);
		atomic_fetch_add(&r->taken, (unsigned)inflight_take(r->in, &key, &waiters));
		free(waiters);
	}
	return NULL;
}

static void test_threads(void **state)
{
	(void)state;
	struct race *r = &shared_race;
	pthread_t threads[RACE_THREADS];
	unsigned seeds[RACE_THREADS];
	const char *texts[] = {"a.example", "b.example", "c.example", "d.example"};

	memset(r, 0, sizeof(*r));
	r->in = inflight_create();
	for (size_t i = 0; i < 4; i++)
		r->names[i] = name_of(texts[i]);
	for (unsigned i = 0; i < RACE_THREADS; i++) {
		seeds[i] = i + 1;
		assert_int_equal(pthread_create(&threads[i], NULL, race_main, &seeds[i]), 0);
	}
	for (unsigned i = 0; i < RACE_THREADS; i++) {
		void *trouble;
		pthread_join(threads[i], &trouble);
		assert_null(trouble);
	}
	assert_int_equal(atomic_load(&r->waited), atomic_load(&r->taken));
	inflight_destroy(r->in);
}

static void test_mailbox(void **state)
{
	(void)state;
	struct mailbox *m = mailbox_create();
	uint8_t body[] = {1, 2, 3};
	struct response response = {.ancount = 1, .body = body, .body_len = sizeof(body)};
	struct outcome *o = outcome_create(POOL_ANSWER, &response);

	assert_non_null(o);
	assert_null(mailbox_take(m));
	for (uint32_t i = 0; i < 3; i++)
		assert_true(mailbox_post(m, &(struct inflight_waiter){.slot = i}, o));
	outcome_unref(o); /* the letters hold it */
	uint32_t i = 0;
	for (struct letter *l = mailbox_take(m), *next; l != NULL; l = next) {
		next = l->next;
		assert_int_equal(l->waiter.slot, i++);
		assert_int_equal(l->outcome->response.ancount, 1);
		assert_memory_equal(l->outcome->response.body, body, sizeof(body));
		letter_destroy(l);
	}
	assert_int_equal(i, 3);
	/* what nobody took goes with the box */
	o = outcome_create(POOL_TIMEOUT, NULL);
	assert_true(mailbox_post(m, &(struct inflight_waiter){0}, o));
	outcome_unref(o);
	mailbox_destroy(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_first_owns_others_wait),
	    cmocka_unit_test(test_every_part_of_the_key_counts),
	    cmocka_unit_test(test_waiters_are_bounded),
	    cmocka_unit_test(test_one_client_does_not_fill_it),
	    cmocka_unit_test(test_entries_are_bounded),
	    cmocka_unit_test(test_threads),
	    cmocka_unit_test(test_mailbox),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
