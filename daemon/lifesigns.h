/* SPDX-License-Identifier: BSD-2-Clause
 *
 * lifesigns.h - what is told of a daemon that serves: that every worker goes round (the watchdog, the log), and in one line how it
 * is (the service manager's status). Main thread. */
#ifndef SARING_LIFESIGNS_H
#define SARING_LIFESIGNS_H

#include "base/base.h"

#define LIFESIGNS_TICK_S 1

struct crew;
struct generation;

struct lifesigns {
	uint64_t *ticks;   /* of each worker when the last life sign was sent; owned */
	unsigned unticked; /* ticks of ours since then */
	char status[512];
	uint64_t status_runs; /* of the compiler, when it was told */
	unsigned status_age;  /* in ticks */
};
void lifesigns_init(struct lifesigns *l, unsigned worker_count);
void lifesigns_finish(struct lifesigns *l);

/* Every LIFESIGNS_TICK_S: says that all is well only when every worker has gone round since it was last said. */
void lifesigns_watch(struct lifesigns *l, struct crew *crew);
/* Anew for a new world, and once in a while as entries expire. runs: of the compiler so far; failure: of the last one, or "". */
void lifesigns_status(struct lifesigns *l, const struct generation *g, uint64_t runs, const char *failure);

#endif
