/* SPDX-License-Identifier: BSD-2-Clause
 *
 * happened.h - what happened, live: the last queries (observe/recent.h), who leads in the last day (observe/leaders.h), and figures
 * over time (observe/history.h), as the observer tells of queries. Main thread.
 *
 * What is kept follows log.recent, log.traffic and log.privacy of the world in force, from the next fact on, or the next second.
 * Figures are saved in the state directory every HAPPENED_SAVE_S and at the end. */
#ifndef SARING_HAPPENED_H
#define SARING_HAPPENED_H

#include "base/base.h"
#include "generation.h"
#include "observe/counters.h"
#include "observe/history.h"
#include "observe/leaders.h"
#include "observe/recent.h"
#include "observer.h"

#define HAPPENED_SAVE_S 600
#define HAPPENED_FILE "stats" /* in the state directory */
#define HAPPENED_FOLLOWERS_MAX 8
#define HAPPENED_FOLLOW_ENTRIES 2000 /* are kept at least, as long as somebody follows */

struct happened_config {
	struct observer *observer;
	const struct generations *generations;
	const struct counters *const *counters; /* one for each worker, as they are made; NULL until then */
	size_t worker_count;
	const char *state; /* directory; NULL: figures are not kept, in tests */
};

struct happened;
MUST_CHECK struct happened *happened_create(const struct happened_config *config);
void happened_destroy(struct happened *h); /* takes NULL; before the observer, and while counters can be read. Saves. */
/* Once a second. */
void happened_tick(struct happened *h);
/* After the observer was drained: whoever follows is woken, to look whether there is something new. */
void happened_drained(struct happened *h);

/* With all that the workers have told up to now. */
struct recent *happened_recent(struct happened *h);
const struct recent *happened_kept(const struct happened *h); /* the same as it is now: for who is told of news anyway */
struct leaders *happened_leaders(struct happened *h);
struct history *happened_history(struct happened *h);
enum privacy happened_privacy(const struct happened *h);
struct observer *happened_observer(struct happened *h);

/* Call wake(arg) whenever recent may have new entries, ten times a second. NULL: HAPPENED_FOLLOWERS_MAX follow already. */
struct happened_follower;
MUST_CHECK struct happened_follower *happened_follow(struct happened *h, void (*wake)(void *arg), void *arg);
void happened_unfollow(struct happened *h, struct happened_follower *f);

#endif
