/* SPDX-License-Identifier: BSD-2-Clause
 *
 * wheel.h - a pool's timers: thousands are set and nearly all are cleared again, so that both must cost next to nothing (a timer of
 * the event library's is a heap's insertion and removal for each question). A ring of lists, a slot for each tick; one
 * event-library timer wakes it for the next slot that is not empty, and none when all are. Never early, at most WHEEL_TICK_MS late.
 * Inside daemon/upstream only; the pool's worker thread. */
#ifndef SARING_UPSTREAM_WHEEL_H
#define SARING_UPSTREAM_WHEEL_H

#include "base/base.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <sys/queue.h>

#define WHEEL_TICK_MS 4
#define WHEEL_SLOTS 1024 /* four seconds once round; what is due later stays in its slot for a round more */
#define WHEEL_WORD_BITS 64

struct wheel_timer;
typedef void wheel_callback(struct wheel_timer *timer);

/* Embedded in what it is the timer of; its zero value is one that is not set. */
struct wheel_timer {
	LIST_ENTRY(wheel_timer) link;
	int64_t tick; /* 0: not set */
	wheel_callback *due;
};
LIST_HEAD(wheel_list, wheel_timer);

struct wheel {
	struct event wake;
	int64_t wake_tick; /* 0: asleep */
	int64_t seen_tick; /* all up to it have been called */
	bool *gone;	   /* set when the wheel ends within a callback */
	struct wheel_list due;
	struct wheel_list slots[WHEEL_SLOTS];
	uint64_t used[WHEEL_SLOTS / WHEEL_WORD_BITS]; /* a bit for each slot that may hold something */
};

/* on_wake(arg) is to call wheel_run. */
void wheel_init(struct wheel *w, struct event_base *base, int64_t now_ms, event_callback_fn on_wake, void *arg);
void wheel_finish(struct wheel *w); /* also from within a callback; timers still set are forgotten */
/* Set anew, whether it was set or not. */
void wheel_set(struct wheel *w, struct wheel_timer *t, int64_t now_ms, int64_t wait_ms);
void wheel_clear(struct wheel_timer *t);
/* Call what is due, each once and cleared first. Returns false when the wheel ended within a callback. */
bool wheel_run(struct wheel *w, int64_t now_ms);

#endif
