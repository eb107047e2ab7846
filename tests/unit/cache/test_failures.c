/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The table of questions that could not be resolved, by a clock of the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/rand.h"
#include "base/str.h"
#include "cache/failures.h"
#include "wire/rrtype.h"

#define NEVER 9999

static struct name name_of(const char *text)
{
	struct name n;
	struct err err;
	assert_true(name_from_text(str_from(text), &n, &err));
	return n;
}

static struct cache_key key_of(const struct name *n)
{
	return (struct cache_key){.name = n, .type = RRTYPE_A, .class = RRCLASS_IN};
}

/* The code it failed with, or NEVER. */
static unsigned found(struct failures *f, const struct cache_key *key, int64_t now_ms)
{
	uint16_t ede = NEVER;
	bool is = failures_find(f, key, now_ms, &ede);
	assert_true(is == (ede != NEVER)); /* untouched when it did not fail */
	return ede;
}

static unsigned found_name(struct failures *f, const char *text, int64_t now_ms)
{
	struct name n = name_of(text);
	struct cache_key key = key_of(&n);
	return found(f, &key, now_ms);
}

static void note_name(struct failures *f, const char *text, int64_t now_ms)
{
	struct name n = name_of(text);
	struct cache_key key = key_of(&n);
	failures_note(f, &key, EDE_NETWORK_ERROR, false, now_ms);
}

static struct failures_stats stats_of(const struct failures *f)
{
	struct failures_stats s;
	failures_stats(f, &s);
	return s;
}

static void what_failed_is_found_for_its_time(void **state)
{
	(void)state;
	struct failures *f = failures_create();
	struct name n = name_of("a.example");
	struct cache_key key = key_of(&n);
	assert_int_equal(found(f, &key, 0), NEVER);
	failures_note(f, &key, EDE_NO_REACHABLE_AUTHORITY, false, 5000);
	assert_int_equal(found(f, &key, 5000), EDE_NO_REACHABLE_AUTHORITY);
	assert_int_equal(found(f, &key, 5999), EDE_NO_REACHABLE_AUTHORITY);
	assert_int_equal(found(f, &key, 6000), NEVER);
	assert_int_equal(found_name(f, "b.example", 5000), NEVER);
	assert_int_equal(stats_of(f).entries, 1);
	assert_int_equal(stats_of(f).noted, 1);
	failures_destroy(f);
}

/* A clock that began far below zero, and one near its end. */
static void any_clock_will_do(void **state)
{
	(void)state;
	static const int64_t starts_ms[] = {-1000000000000, -500, 0, 1000000000000};
	for (size_t i = 0; i < ARRAY_LEN(starts_ms); i++) {
		struct failures *f = failures_create();
		assert_int_equal(found_name(f, "a.example", starts_ms[i]), NEVER);
		note_name(f, "a.example", starts_ms[i]);
		assert_int_equal(found_name(f, "a.example", starts_ms[i] + 999), EDE_NETWORK_ERROR);
		assert_int_equal(found_name(f, "a.example", starts_ms[i] + 1000), NEVER);
		failures_destroy(f);
	}
}

static void every_part_of_the_key_counts_but_do(void **state)
{
	(void)state;
	struct failures *f = failures_create();
	struct name n = name_of("a.example"), longer = name_of("a.example.example"), shorter = name_of("example");
	struct cache_key key = key_of(&n), other;
	failures_note(f, &key, EDE_INVALID_DATA, false, 0);
	other = key, other.dnssec_ok = true;
	assert_int_equal(found(f, &other, 10), EDE_INVALID_DATA);
	other = key, other.checking_disabled = true;
	assert_int_equal(found(f, &other, 10), NEVER);
	other = key, other.type = RRTYPE_AAAA;
	assert_int_equal(found(f, &other, 10), NEVER);
	other = key, other.class = 3;
	assert_int_equal(found(f, &other, 10), NEVER);
	other = key, other.name = &longer;
	assert_int_equal(found(f, &other, 10), NEVER);
	other = key, other.name = &shorter;
	assert_int_equal(found(f, &other, 10), NEVER);
	assert_int_equal(found_name(f, ".", 10), NEVER);
	assert_int_equal(found(f, &key, 10), EDE_INVALID_DATA);
	failures_destroy(f);
}

static void times_double_to_a_bound(void **state)
{
	(void)state;
	static const int64_t times_ms[] = {1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000};
	struct failures *f = failures_create();
	struct name n = name_of("a.example");
	struct cache_key key = key_of(&n);
	int64_t now_ms = 77;
	for (size_t i = 0; i < ARRAY_LEN(times_ms); i++) {
		failures_note(f, &key, EDE_NETWORK_ERROR, false, now_ms);
		assert_int_equal(found(f, &key, now_ms + times_ms[i] - 1), EDE_NETWORK_ERROR);
		assert_int_equal(found(f, &key, now_ms + times_ms[i]), NEVER);
		now_ms += times_ms[i] + FAILURES_REMEMBERED_MS - 1; /* the last moment that is still in a row */
	}
	now_ms += 1; /* and one that is not */
	failures_note(f, &key, EDE_NETWORK_ERROR, false, now_ms);
	assert_int_equal(found(f, &key, now_ms + 1000), NEVER);
	assert_int_equal(stats_of(f).entries, 1);
	failures_destroy(f);
}

/* The other DO's ask, or one of another worker, ends a moment later. */
static void one_round_counts_once(void **state)
{
	(void)state;
	struct failures *f = failures_create();
	struct name n = name_of("a.example");
	struct cache_key key = key_of(&n);
	failures_note(f, &key, EDE_NETWORK_ERROR, false, 0);
	for (int64_t now_ms = 0; now_ms < 1000; now_ms += 100)
		failures_note(f, &key, EDE_INVALID_DATA, false, now_ms);
	assert_int_equal(found(f, &key, 999), EDE_NETWORK_ERROR);
	assert_int_equal(found(f, &key, 1000), NEVER);
	failures_note(f, &key, EDE_INVALID_DATA, false, 1000);
	assert_int_equal(found(f, &key, 2999), EDE_INVALID_DATA); /* doubled once */
	assert_int_equal(found(f, &key, 3000), NEVER);
	failures_destroy(f);
}

static void servers_that_are_down_are_not_the_questions_fault(void **state)
{
	(void)state;
	struct failures *f = failures_create();
	struct name n = name_of("a.example");
	struct cache_key key = key_of(&n);
	int64_t now_ms = 0;
	failures_note(f, &key, EDE_NETWORK_ERROR, false, now_ms);
	for (int i = 0; i < 10; i++) {
		now_ms += 1000;
		assert_int_equal(found(f, &key, now_ms), NEVER);
		failures_note(f, &key, EDE_NETWORK_ERROR, true, now_ms);
		assert_int_equal(found(f, &key, now_ms + 999), EDE_NETWORK_ERROR);
	}
	now_ms += 1000;
	failures_note(f, &key, EDE_NETWORK_ERROR, false, now_ms); /* back, and failing by itself: the second in a row at most */
	assert_int_equal(found(f, &key, now_ms + 1999), EDE_NETWORK_ERROR);
	assert_int_equal(found(f, &key, now_ms + 2000), NEVER);
	failures_destroy(f);
}

static void an_answer_clears_it_and_its_past(void **state)
{
	(void)state;
	struct failures *f = failures_create();
	struct name n = name_of("a.example");
	struct cache_key key = key_of(&n), disabled = key;
	disabled.checking_disabled = true;
	failures_note(f, &key, EDE_NETWORK_ERROR, false, 0);
	failures_note(f, &disabled, EDE_INVALID_DATA, false, 0);
	failures_note(f, &key, EDE_NETWORK_ERROR, false, 1000);
	failures_forget(f, &key, 1500);
	assert_int_equal(found(f, &key, 1500), NEVER);
	assert_int_equal(found(f, &disabled, 999), EDE_INVALID_DATA); /* another question */
	failures_forget(f, &key, 1500);				      /* nothing there is nothing to do */
	assert_int_equal(stats_of(f).entries, 1);
	failures_note(f, &key, EDE_NETWORK_ERROR, false, 1600);
	assert_int_equal(found(f, &key, 2600), NEVER); /* from the start again */
	failures_destroy(f);
}

static void flush_takes_what_it_names(void **state)
{
	(void)state;
	static const char *const names[] = {"example.com", "www.example.com", "a.b.example.com", "xexample.com",
					    "com",	   "example.org"};
	struct failures *f = failures_create();
	struct name n = name_of("example.com"), root = name_of(".");
	struct cache_key key = key_of(&n);
	assert_int_equal(failures_flush(f, NULL, true), 0);
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		note_name(f, names[i], 0);
	key.type = RRTYPE_MX;
	failures_note(f, &key, EDE_NETWORK_ERROR, false, 0);
	assert_int_equal(failures_flush(f, &n, false), 2); /* both types of that name alone */
	assert_int_equal(found_name(f, "example.com", 1), NEVER);
	assert_int_equal(found_name(f, "www.example.com", 1), EDE_NETWORK_ERROR);
	assert_int_equal(failures_flush(f, &n, true), 2);
	assert_int_equal(found_name(f, "a.b.example.com", 1), NEVER);
	assert_int_equal(found_name(f, "xexample.com", 1), EDE_NETWORK_ERROR);
	assert_int_equal(failures_flush(f, &root, false), 0);
	assert_int_equal(stats_of(f).entries, 3);
	assert_int_equal(failures_flush(f, NULL, true), 3);
	assert_int_equal(found_name(f, "com", 1), NEVER);
	assert_int_equal(stats_of(f).entries, 0);
	failures_destroy(f);
}

/* Whatever is asked, it does not grow; and what it holds of a flood is true. */
static void a_flood_is_bounded(void **state)
{
	(void)state;
	struct failures *f = failures_create();
	char text[64];
	const unsigned count = 4 * FAILURES_MAX;
	for (unsigned i = 0; i < count; i++) {
		(void)snprintf(text, sizeof(text), "n%u.example", i);
		note_name(f, text, 0);
		assert_int_equal(found_name(f, text, 0), EDE_NETWORK_ERROR); /* the newest is in always */
	}
	struct failures_stats s = stats_of(f);
	assert_true(s.entries <= FAILURES_MAX && s.entries > FAILURES_MAX * 9 / 10);
	assert_int_equal(s.noted, count);
	assert_int_equal(s.evicted, count - s.entries);
	unsigned hits = 0;
	for (unsigned i = 0; i < count; i++) {
		(void)snprintf(text, sizeof(text), "n%u.example", i);
		hits += found_name(f, text, 500) != NEVER;
	}
	assert_int_equal(hits, s.entries);
	assert_int_equal(failures_flush(f, NULL, true), s.entries);
	failures_destroy(f);
}

/* A name that has failed for long stays when strangers make thousands of others fail once. */
static void a_flood_does_not_push_out_what_fails_for_long(void **state)
{
	(void)state;
	rand_seed_for_test(1);
	struct failures *f = failures_create();
	rand_seed_for_test(0);
	char text[64];
	int64_t now_ms = 0;
	for (int i = 0; i < 6; i++, now_ms += 30500)
		note_name(f, "broken.example", now_ms);
	now_ms -= 30500; /* when it was noted last, for 30 s */
	for (unsigned i = 0; i < 4 * FAILURES_MAX; i++) {
		(void)snprintf(text, sizeof(text), "n%u.example", i);
		note_name(f, text, now_ms + 10);
	}
	assert_int_equal(found_name(f, "broken.example", now_ms + 29999), EDE_NETWORK_ERROR);
	/* what is over goes without being counted as pushed out */
	uint64_t evicted = stats_of(f).evicted;
	for (unsigned i = 0; i < FAILURES_MAX / 4; i++) {
		(void)snprintf(text, sizeof(text), "m%u.example", i);
		note_name(f, text, now_ms + 60000 + i);
	}
	assert_true(stats_of(f).evicted - evicted < FAILURES_MAX / 40);
	failures_destroy(f);
}

static void names_of_any_length(void **state)
{
	(void)state;
	struct failures *f = failures_create();
	char text[256] = "";
	for (int i = 0; i < 126; i++)
		strcat(text, "a.");
	strcat(text, "b");
	struct name longest = name_of(text), root = name_of(".");
	assert_int_equal(longest.len, NAME_LEN_MAX);
	struct cache_key key = key_of(&longest);
	failures_note(f, &key, EDE_NETWORK_ERROR, false, 0);
	assert_int_equal(found(f, &key, 0), EDE_NETWORK_ERROR);
	key.name = &root;
	assert_int_equal(found(f, &key, 0), NEVER);
	failures_note(f, &key, EDE_INVALID_DATA, false, 0);
	assert_int_equal(found(f, &key, 0), EDE_INVALID_DATA);
	assert_int_equal(failures_flush(f, &root, true), 2);
	failures_destroy(f);
}

static void no_table_keeps_nothing(void **state)
{
	(void)state;
	struct name n = name_of("a.example");
	struct cache_key key = key_of(&n);
	failures_note(NULL, &key, EDE_NETWORK_ERROR, false, 0);
	assert_int_equal(found(NULL, &key, 0), NEVER);
	failures_forget(NULL, &key, 0);
	assert_int_equal(failures_flush(NULL, NULL, true), 0);
	assert_int_equal(stats_of(NULL).entries, 0);
	failures_destroy(NULL);
}

/* ---- threads ---- */

#define THREADS 4
#define ROUNDS 20000
#define NAMES 300

struct job {
	struct failures *failures;
	const struct name *names;
	unsigned index, wrong;
};

/* Every name has a code of its own: what is found is that one. */
static uint16_t code_of(unsigned n)
{
	return (uint16_t)(EDE_NO_REACHABLE_AUTHORITY + n % 3);
}

static void *work(void *arg)
{
	struct job *job = arg;
	unsigned seed = job->index;
	for (unsigned i = 0; i < ROUNDS; i++) {
		seed = seed * 1664525u + 1013904223u;
		unsigned n = (seed >> 8) % NAMES;
		struct cache_key key = key_of(&job->names[n]);
		int64_t now_ms = i / 4;
		uint16_t ede;
		if (failures_find(job->failures, &key, now_ms, &ede))
			job->wrong += ede != code_of(n);
		else
			failures_note(job->failures, &key, code_of(n), false, now_ms);
		if (i % 7 == 0)
			failures_forget(job->failures, &key, now_ms);
		if (i % 1000 == 0)
			(void)failures_flush(job->failures, i % 2000 == 0 ? NULL : key.name, true);
		if (i % 100 == 0)
			job->wrong += stats_of(job->failures).entries > NAMES;
	}
	return NULL;
}

static void threads_share_it(void **state)
{
	(void)state;
	static struct name names[NAMES];
	for (unsigned i = 0; i < NAMES; i++) {
		char text[32];
		(void)snprintf(text, sizeof(text), "n%u.example", i);
		names[i] = name_of(text);
	}
	struct failures *f = failures_create();
	struct job jobs[THREADS];
	pthread_t threads[THREADS];
	for (unsigned i = 0; i < THREADS; i++) {
		jobs[i] = (struct job){.failures = f, .names = names, .index = i};
		assert_int_equal(pthread_create(&threads[i], NULL, work, &jobs[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_int_equal(jobs[i].wrong, 0);
	}
	uint64_t left = stats_of(f).entries;
	assert_int_equal(failures_flush(f, NULL, true), left);
	assert_int_equal(stats_of(f).entries, 0);
	failures_destroy(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_failed_is_found_for_its_time),
	    cmocka_unit_test(any_clock_will_do),
	    cmocka_unit_test(every_part_of_the_key_counts_but_do),
	    cmocka_unit_test(times_double_to_a_bound),
	    cmocka_unit_test(one_round_counts_once),
	    cmocka_unit_test(servers_that_are_down_are_not_the_questions_fault),
	    cmocka_unit_test(an_answer_clears_it_and_its_past),
	    cmocka_unit_test(flush_takes_what_it_names),
	    cmocka_unit_test(a_flood_is_bounded),
	    cmocka_unit_test(a_flood_does_not_push_out_what_fails_for_long),
	    cmocka_unit_test(names_of_any_length),
	    cmocka_unit_test(no_table_keeps_nothing),
	    cmocka_unit_test(threads_share_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
