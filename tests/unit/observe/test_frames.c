/* SPDX-License-Identifier: BSD-2-Clause */
#include "observe/frames.h"

#include "dice.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A frame whose octets all are the low byte of its number. */
static bool put(struct frames *f, uint64_t number, size_t len)
{
	struct frame *frame = frames_begin(f, len);
	if (frame == NULL)
		return false;
	frame->type = FRAME_ANSWER;
	frame->came_us = (int64_t)number;
	frame->message_len = (uint16_t)len;
	memset(frame + 1, (int)(number & 255), len);
	frames_end(f);
	return true;
}

static void take(struct frames *f, uint64_t number)
{
	const struct frame *frame = frames_first(f);
	assert_non_null(frame);
	assert_int_equal(frame->type, FRAME_ANSWER);
	assert_int_equal(frame->came_us, number);
	for (size_t i = 0; i < frame->message_len; i++)
		assert_int_equal(frame_octets(frame)[i], number & 255);
	frames_next(f, frame);
}

static void test_frames_come_out_in_their_order(void **state)
{
	(void)state;
	struct frames *f = frames_create();
	uint64_t in = 0, out = 0;
	random_state = 11;
	assert_null(frames_first(f));
	while (out < 20000) {
		if (below(2) == 0 && put(f, in, below(10) == 0 ? below(60000) : below(600)))
			in++;
		else if (out < in)
			take(f, out++);
	}
	while (out < in)
		take(f, out++);
	assert_null(frames_first(f));
	frames_destroy(f);
	frames_destroy(NULL);
}

static void test_what_has_no_room_is_counted(void **state)
{
	(void)state;
	struct frames *f = frames_create();
	uint64_t in = 0;
	while (put(f, in, 1000))
		in++;
	assert_true(in > FRAMES_BYTES / 1200 && in < FRAMES_BYTES / 1000);
	assert_false(put(f, in, 1000));
	assert_int_equal(atomic_load(&f->lost), 2);
	take(f, 0);
	take(f, 1);
	assert_true(put(f, in, 1000));
	for (uint64_t i = 2; i <= in; i++)
		take(f, i);
	assert_null(frames_first(f));
	frames_destroy(f);
}

/* A seat is taken and left by who sits there, and says so. */
static void test_a_seat(void **state)
{
	(void)state;
	struct frames_seat seat = {.offered = NULL};
	struct frames *f = frames_create();
	assert_null(frames_take(&seat, NULL));
	atomic_store(&seat.offered, f);
	assert_null(atomic_load(&seat.taken));
	assert_ptr_equal(frames_take(&seat, NULL), f);
	assert_ptr_equal(atomic_load(&seat.taken), f);
	atomic_store(&seat.offered, NULL);
	assert_ptr_equal(atomic_load(&seat.taken), f);
	assert_null(frames_take(&seat, f));
	assert_null(atomic_load(&seat.taken));
	frames_destroy(f);
}

#define MANY 200000u

static void *write_many(void *arg)
{
	struct frames *f = arg;
	for (uint64_t i = 0; i < MANY;)
		i += put(f, i, (size_t)(i % 700));
	return NULL;
}

static void test_two_threads(void **state)
{
	(void)state;
	struct frames *f = frames_create();
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, write_many, f), 0);
	for (uint64_t i = 0; i < MANY;) {
		if (frames_first(f) != NULL)
			take(f, i++);
	}
	assert_int_equal(pthread_join(thread, NULL), 0);
	frames_destroy(f);
}

/* Who was about to sit down when the ring was withdrawn, and had not said so yet, does not get it: it may be gone. */
static void test_nobody_takes_what_was_withdrawn(void **state)
{
	(void)state;
	struct frames_seat seat = {.offered = NULL};
	struct frames *f = frames_create();
	frames_offer(&seat, f);
	frames_offer(&seat, NULL);
	assert_true(frames_are_left(&seat));
	assert_null(frames_sit(&seat, f));
	assert_true(frames_are_left(&seat));
	frames_offer(&seat, f);
	assert_ptr_equal(frames_sit(&seat, f), f);
	assert_false(frames_are_left(&seat));
	frames_destroy(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_frames_come_out_in_their_order),
	    cmocka_unit_test(test_what_has_no_room_is_counted),
	    cmocka_unit_test(test_a_seat),
	    cmocka_unit_test(test_two_threads),
	    cmocka_unit_test(test_nobody_takes_what_was_withdrawn),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
