/* SPDX-License-Identifier: BSD-2-Clause
 *
 * main_loop.h - the main thread's event loop, and what it wakes for: signals, workers that have adopted a world, and the two clocks
 * of the daemon. What is to be done then is daemon.c's to say. Modules put events of their own on its base. Main thread, but for
 * main_loop_wake. */
#ifndef SARING_MAIN_LOOP_H
#define SARING_MAIN_LOOP_H

#include "base/base.h"
#include "base/err.h"

struct event_base;

struct main_loop_config {
	void (*on_stop)(void *arg, int signal); /* SIGTERM or SIGINT */
	void (*on_reload)(void *arg);		/* SIGHUP */
	void (*on_wake)(void *arg);		/* some time after main_loop_wake; once for many */
	void (*on_tick)(void *arg);		/* every tick_s */
	void (*on_drain)(void *arg);		/* every drain_ms */
	void *arg;
	int tick_s, drain_ms;
};

struct main_loop;
/* NULL: there is no descriptor left for it. */
MUST_CHECK struct main_loop *main_loop_create(const struct main_loop_config *config, struct err *err);
/* Takes NULL. Nothing has an event on its base any more, and no thread wakes it. */
void main_loop_destroy(struct main_loop *l);

struct event_base *main_loop_base(struct main_loop *l);
/* Until main_loop_end, which has an effect from within the loop only. */
void main_loop_run(struct main_loop *l);
void main_loop_end(struct main_loop *l);
/* Any thread. */
void main_loop_wake(const struct main_loop *l);

#endif
