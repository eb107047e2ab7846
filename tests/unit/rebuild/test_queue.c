/* SPDX-License-Identifier: BSD-2-Clause */
#include "rebuild/queue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* Somebody who waits: how often told, and what. */
struct asker {
	int told;
	bool ok;
	uint32_t generation;
	struct rebuild_queue *ask_again; /* when told */
	struct asker *again;
};

static void on_told(void *arg, const struct rebuild_report *report)
{
	struct asker *a = arg;
	a->told++;
	a->ok = report->ok;
	a->generation = report->generation;
	if (a->ask_again)
		rebuild_queue_add(a->ask_again, REBUILD_LISTS, on_told, a->again);
}

static void end(struct rebuild_queue *q, bool ok, uint32_t generation)
{
	rebuild_queue_end(q, &(struct rebuild_report){.ok = ok, .generation = generation});
}

static void test_one(void **state)
{
	(void)state;
	struct rebuild_queue q;
	struct asker a = {0};
	enum rebuild_kind kind;
	rebuild_queue_init(&q);
	assert_false(rebuild_queue_begin(&q, &kind)); /* nobody wants any */
	rebuild_queue_add(&q, REBUILD_LISTS, on_told, &a);
	assert_true(rebuild_queue_begin(&q, &kind));
	assert_int_equal(kind, REBUILD_LISTS);
	assert_false(rebuild_queue_begin(&q, &kind)); /* one at a time */
	assert_int_equal(a.told, 0);
	end(&q, true, 7);
	assert_int_equal(a.told, 1);
	assert_int_equal(a.generation, 7);
	assert_false(rebuild_queue_begin(&q, &kind));
}

/* However many ask while a run is under way: one more run, which starts after it, answers them all. */
static void test_merged_into_one(void **state)
{
	(void)state;
	struct rebuild_queue q;
	struct asker first = {0}, later[50] = {0};
	enum rebuild_kind kind;
	rebuild_queue_init(&q);
	rebuild_queue_add(&q, REBUILD_LISTS, on_told, &first);
	assert_true(rebuild_queue_begin(&q, &kind));
	for (size_t i = 0; i < ARRAY_LEN(later); i++) {
		rebuild_queue_add(&q, REBUILD_LISTS, on_told, &later[i]);
		assert_false(rebuild_queue_begin(&q, &kind));
	}
	end(&q, true, 1);
	assert_int_equal(first.told, 1);
	for (size_t i = 0; i < ARRAY_LEN(later); i++)
		assert_int_equal(later[i].told, 0); /* the run may have read the old file */
	assert_true(rebuild_queue_begin(&q, &kind));
	end(&q, true, 2);
	for (size_t i = 0; i < ARRAY_LEN(later); i++) {
		assert_int_equal(later[i].told, 1);
		assert_int_equal(later[i].generation, 2);
	}
	assert_false(rebuild_queue_begin(&q, &kind)); /* exactly one further */
	assert_int_equal(first.told, 1);
}

static void test_all_outranks_lists(void **state)
{
	(void)state;
	const enum rebuild_kind orders[][2] = {{REBUILD_LISTS, REBUILD_ALL}, {REBUILD_ALL, REBUILD_LISTS}};
	for (size_t i = 0; i < 2; i++) {
		struct rebuild_queue q;
		struct asker a[2] = {0};
		enum rebuild_kind kind;
		rebuild_queue_init(&q);
		rebuild_queue_add(&q, orders[i][0], on_told, &a[0]);
		rebuild_queue_add(&q, orders[i][1], on_told, &a[1]);
		assert_true(rebuild_queue_begin(&q, &kind));
		assert_int_equal(kind, REBUILD_ALL);
		end(&q, true, 3);
		assert_int_equal(a[0].told + a[1].told, 2);
		assert_false(rebuild_queue_begin(&q, &kind));
		/* and the kind is forgotten with the run */
		rebuild_queue_add(&q, REBUILD_LISTS, on_told, &a[0]);
		assert_true(rebuild_queue_begin(&q, &kind));
		assert_int_equal(kind, REBUILD_LISTS);
		end(&q, true, 4);
	}
}

/* Somebody's broken saring.yaml does not fail the edit of a list. */
static void test_failed_all_spares_lists(void **state)
{
	(void)state;
	struct rebuild_queue q;
	struct asker edit = {0}, reload = {0};
	enum rebuild_kind kind;
	rebuild_queue_init(&q);
	rebuild_queue_add(&q, REBUILD_LISTS, on_told, &edit);
	rebuild_queue_add(&q, REBUILD_ALL, on_told, &reload);
	assert_true(rebuild_queue_begin(&q, &kind));
	end(&q, false, 0);
	assert_int_equal(reload.told, 1);
	assert_false(reload.ok);
	assert_int_equal(edit.told, 0);
	assert_true(rebuild_queue_begin(&q, &kind));
	assert_int_equal(kind, REBUILD_LISTS);
	end(&q, false, 0); /* now it is its own fault */
	assert_int_equal(edit.told, 1);
	assert_false(edit.ok);
	assert_int_equal(reload.told, 1);
	assert_false(rebuild_queue_begin(&q, &kind));
}

static void test_nobody_to_tell(void **state)
{
	(void)state;
	struct rebuild_queue q;
	enum rebuild_kind kind;
	rebuild_queue_init(&q);
	for (int i = 0; i < 1000; i++) /* a burst of SIGHUP */
		rebuild_queue_add(&q, REBUILD_ALL, NULL, NULL);
	assert_true(rebuild_queue_begin(&q, &kind));
	for (int i = 0; i < 1000; i++)
		rebuild_queue_add(&q, REBUILD_ALL, NULL, NULL);
	end(&q, false, 0);
	assert_true(rebuild_queue_begin(&q, &kind));
	assert_int_equal(kind, REBUILD_ALL);
	end(&q, true, 1);
	assert_false(rebuild_queue_begin(&q, &kind));
}

static void test_callback_adds(void **state)
{
	(void)state;
	struct rebuild_queue q;
	struct asker second = {0}, first = {.ask_again = &q, .again = &second};
	enum rebuild_kind kind;
	rebuild_queue_init(&q);
	rebuild_queue_add(&q, REBUILD_LISTS, on_told, &first);
	assert_true(rebuild_queue_begin(&q, &kind));
	end(&q, true, 1);
	assert_int_equal(first.told, 1);
	assert_int_equal(second.told, 0); /* it asked after that run had begun */
	assert_true(rebuild_queue_begin(&q, &kind));
	end(&q, true, 2);
	assert_int_equal(second.told, 1);
	assert_int_equal(first.told, 1);
}

static void test_finish_tells_all(void **state)
{
	(void)state;
	struct rebuild_queue q;
	struct asker running = {0}, pending = {0};
	enum rebuild_kind kind;
	rebuild_queue_init(&q);
	rebuild_queue_add(&q, REBUILD_LISTS, on_told, &running);
	assert_true(rebuild_queue_begin(&q, &kind));
	rebuild_queue_add(&q, REBUILD_ALL, on_told, &pending);
	rebuild_queue_finish(&q, &(struct rebuild_report){.ok = false});
	assert_int_equal(running.told, 1);
	assert_int_equal(pending.told, 1);
	assert_false(running.ok || pending.ok);
	assert_false(rebuild_queue_begin(&q, &kind));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_one),
	    cmocka_unit_test(test_merged_into_one),
	    cmocka_unit_test(test_all_outranks_lists),
	    cmocka_unit_test(test_failed_all_spares_lists),
	    cmocka_unit_test(test_nobody_to_tell),
	    cmocka_unit_test(test_callback_adds),
	    cmocka_unit_test(test_finish_tells_all),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
