/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/rand.h"
#include "upstream/wheel.h"

#define START_MS 1000003
#define MANY 2000

struct one {
	struct wheel_timer timer;
	int64_t due_ms; /* -1: not set */
	unsigned calls;
};

static struct event_base *base;
static struct wheel wheel;
static struct one all[MANY];
static int64_t now_ms;
static struct one *also_clear, *also_set;
static bool end_it;

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what, (void)arg;
}

static void begin(void)
{
	base = event_base_new();
	assert_non_null(base);
	now_ms = START_MS;
	memset(all, 0, sizeof(all));
	for (size_t i = 0; i < MANY; i++)
		all[i].due_ms = -1;
	also_clear = also_set = NULL;
	end_it = false;
	wheel_init(&wheel, base, now_ms, on_wake, NULL);
}

static void end(void)
{
	wheel_finish(&wheel);
	event_base_free(base);
}

static void on_due(struct wheel_timer *t)
{
	struct one *o = (struct one *)(void *)((char *)t - offsetof(struct one, timer));
	assert_true(o->due_ms >= 0 && o->due_ms <= now_ms); /* never early, and once for each time it was set */
	o->due_ms = -1;
	o->calls++;
	if (also_clear != NULL) {
		wheel_clear(&also_clear->timer);
		also_clear->due_ms = -1;
	}
	if (also_set != NULL) {
		wheel_set(&wheel, &also_set->timer, now_ms, 0);
		also_set->due_ms = now_ms;
	}
	if (end_it)
		wheel_finish(&wheel);
}

static void set(struct one *o, int64_t wait_ms)
{
	o->timer.due = on_due;
	o->due_ms = now_ms + wait_ms;
	wheel_set(&wheel, &o->timer, now_ms, wait_ms);
}

static bool run(int64_t pass_ms)
{
	now_ms += pass_ms;
	return wheel_run(&wheel, now_ms);
}

/* Against a list of when each is due: many set, cleared and set anew, over several rounds, by small and large steps. */
static void as_a_list_would(void **state)
{
	(void)state;
	begin();
	rand_seed_for_test(7);
	for (int step = 0; step < 3000; step++) {
		for (int i = 0; i < 20; i++) {
			struct one *o = &all[rand_below(MANY)];
			if (rand_below(4) == 0) {
				wheel_clear(&o->timer);
				o->due_ms = -1;
			} else {
				set(o, rand_below(10) == 0 ? rand_below(20000) : rand_below(400));
			}
		}
		assert_true(run(rand_below(50) == 0 ? rand_below(9000) : rand_below(20)));
		for (size_t i = 0; i < MANY; i++)
			assert_true(all[i].due_ms < 0 || all[i].due_ms > now_ms - WHEEL_TICK_MS); /* none is forgotten */
	}
	rand_seed_for_test(0);
	end();
}

static void the_loop_is_woken_for_the_next(void **state)
{
	(void)state;
	begin();
	assert_false(event_pending(&wheel.wake, EV_TIMEOUT, NULL)); /* nothing to wake for */
	set(&all[0], 500);
	int64_t first = wheel.wake_tick;
	set(&all[1], 3000);
	assert_int_equal(wheel.wake_tick, first); /* the earlier stands */
	set(&all[2], 100);
	assert_true(wheel.wake_tick < first);
	assert_true(run(100 + WHEEL_TICK_MS));
	assert_int_equal(all[2].calls, 1);
	assert_int_equal(wheel.wake_tick, first);
	wheel_clear(&all[0].timer);
	assert_true(run(500));
	assert_int_equal(all[0].calls, 0);
	assert_true(event_pending(&wheel.wake, EV_TIMEOUT, NULL));
	assert_true(run(3000));
	assert_int_equal(all[1].calls, 1);
	assert_false(event_pending(&wheel.wake, EV_TIMEOUT, NULL)); /* and sleeps */
	end();
}

static void callbacks_may_do_what_they_like(void **state)
{
	(void)state;
	begin();
	set(&all[0], 10);
	set(&all[1], 10);
	also_clear = &all[1];
	assert_true(run(20));
	assert_int_equal(all[0].calls + all[1].calls, 1); /* whichever came first cleared the other, or itself */
	also_clear = NULL;
	also_set = &all[2];
	all[2].timer.due = on_due;
	set(&all[0], 0);
	assert_true(run(WHEEL_TICK_MS));
	assert_int_equal(all[2].calls, 0); /* not in the same run: it would never end */
	also_set = NULL;
	assert_true(run(WHEEL_TICK_MS));
	assert_int_equal(all[2].calls, 1);
	set(&all[3], 5);
	set(&all[4], 5);
	end_it = true;
	assert_false(run(10)); /* the wheel may be gone with its pool */
	assert_int_equal(all[3].calls + all[4].calls, 1);
	event_base_free(base);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(as_a_list_would),
	    cmocka_unit_test(the_loop_is_woken_for_the_next),
	    cmocka_unit_test(callbacks_may_do_what_they_like),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
