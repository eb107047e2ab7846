/* SPDX-License-Identifier: BSD-2-Clause */
#include "upstream/wheel.h"

#include <assert.h>
#include <string.h>

static_assert(WHEEL_SLOTS % WHEEL_WORD_BITS == 0, "whole words");

static size_t slot_of(int64_t tick)
{
	return (size_t)(tick % WHEEL_SLOTS);
}

void wheel_init(struct wheel *w, struct event_base *base, int64_t now_ms, event_callback_fn on_wake, void *arg)
{
	memset(w, 0, sizeof(*w));
	w->seen_tick = now_ms / WHEEL_TICK_MS;
	must(evtimer_assign(&w->wake, base, on_wake, arg) == 0);
}

void wheel_finish(struct wheel *w)
{
	if (w->gone != NULL)
		*w->gone = true;
	(void)event_del(&w->wake);
}

static void wake_at(struct wheel *w, int64_t tick, int64_t now_ms)
{
	int64_t wait_ms = MAX(tick * WHEEL_TICK_MS - now_ms, 1);
	struct timeval tv = {.tv_sec = (time_t)(wait_ms / 1000), .tv_usec = (suseconds_t)(wait_ms % 1000 * 1000)};
	w->wake_tick = tick;
	must(evtimer_add(&w->wake, &tv) == 0);
}

static void put(struct wheel *w, struct wheel_timer *t)
{
	size_t slot = slot_of(t->tick);
	LIST_INSERT_HEAD(&w->slots[slot], t, link);
	w->used[slot / WHEEL_WORD_BITS] |= UINT64_C(1) << (slot % WHEEL_WORD_BITS);
}

void wheel_set(struct wheel *w, struct wheel_timer *t, int64_t now_ms, int64_t wait_ms)
{
	wheel_clear(t);
	/* rounded up; what is due at once waits for the next tick, so that nothing is called twice in one run */
	int64_t tick = (now_ms + MAX(wait_ms, 0) + WHEEL_TICK_MS - 1) / WHEEL_TICK_MS;
	t->tick = MAX(tick, w->seen_tick + 1);
	put(w, t);
	if (w->wake_tick == 0 || t->tick < w->wake_tick)
		wake_at(w, t->tick, now_ms);
}

void wheel_clear(struct wheel_timer *t)
{
	if (t->tick == 0)
		return;
	LIST_REMOVE(t, link);
	t->tick = 0;
}

/* How many ticks from `tick` (0: itself) to the next whose slot is not empty; -1: all are. */
static int next_used(struct wheel *w, int64_t tick)
{
	for (int ahead = 0; ahead < WHEEL_SLOTS;) {
		size_t slot = slot_of(tick + ahead), bit = slot % WHEEL_WORD_BITS;
		uint64_t *word = &w->used[slot / WHEEL_WORD_BITS];
		if (*word >> bit == 0) {
			ahead += (int)(WHEEL_WORD_BITS - bit);
			continue;
		}
		int skip = __builtin_ctzll(*word >> bit);
		if (ahead + skip >= WHEEL_SLOTS)
			break;
		if (!LIST_EMPTY(&w->slots[slot + (size_t)skip]))
			return ahead + skip;
		*word &= ~(UINT64_C(1) << (bit + (size_t)skip)); /* it was cleared meanwhile */
	}
	return -1;
}

/* What is due moves to one list, where wheel_clear takes off what a callback before it made needless. */
static void gather(struct wheel *w, int64_t now_tick)
{
	int64_t tick = MAX(w->seen_tick + 1, now_tick - WHEEL_SLOTS + 1);
	int ahead;
	while (tick <= now_tick && (ahead = next_used(w, tick)) >= 0 && tick + ahead <= now_tick) {
		struct wheel_list *slot = &w->slots[slot_of(tick + ahead)];
		struct wheel_timer *t, *next;
		for (t = LIST_FIRST(slot); t != NULL; t = next) {
			next = LIST_NEXT(t, link);
			if (t->tick > now_tick)
				continue; /* a round later */
			LIST_REMOVE(t, link);
			LIST_INSERT_HEAD(&w->due, t, link);
		}
		tick += ahead + 1;
	}
	w->seen_tick = MAX(w->seen_tick, now_tick);
}

bool wheel_run(struct wheel *w, int64_t now_ms)
{
	bool gone = false;
	struct wheel_timer *t;
	// cppcheck-suppress autoVariables ; it is taken off below, but when the wheel is gone
	w->gone = &gone;
	w->wake_tick = 0;
	gather(w, now_ms / WHEEL_TICK_MS);
	while (!gone && (t = LIST_FIRST(&w->due)) != NULL) {
		wheel_clear(t);
		t->due(t);
	}
	if (gone)
		return false;
	w->gone = NULL;
	int ahead = next_used(w, w->seen_tick + 1);
	if (ahead >= 0)
		wake_at(w, w->seen_tick + 1 + ahead, now_ms);
	else
		(void)event_del(&w->wake);
	return true;
}
