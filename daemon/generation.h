/* SPDX-License-Identifier: BSD-2-Clause
 *
 * generation.h - the world the workers serve by, published by one atomic pointer: policy, settings, upstreams.
 *
 * The main thread builds a new world beside the old, publishes it, and nudges every worker. A worker adopts the newest world once
 * for each batch and keeps no pointer into an older policy past its return to the event loop (house law 2); by adopting it
 * acknowledges. When the last worker has acknowledged, the main thread closes the old policy, and the callback of whoever published
 * is called: an edit is in force when its command returns. Settings and upstreams are kept until no worker has an ask under way
 * with them.
 *
 * Main thread, but for generation_adopt and generation_release (the worker of that index). */
#ifndef SARING_GENERATION_H
#define SARING_GENERATION_H

#include "base/base.h"
#include "identity.h"
#include "pauses.h"
#include "policy/match.h"
#include "settings/locals.h"
#include "settings/settings.h"
#include "upstream/pool.h"

struct generation {
	uint64_t serial; /* from 1, one more with each publication */
	struct policy *policy;
	struct settings *settings;
	struct upstreams *upstreams;
	struct locals *locals;			 /* the operator's own records; NULL: there are none */
	const struct locals_sieve *locals_sieve; /* theirs */
	/* policy's list number -> stable number of that list's name, the index of counters.list_blocked; COUNT of it for none left
	 */
	uint16_t list_numbers[SETTINGS_LISTS_MAX];
	struct identity identity;    /* of the policy */
	const struct pauses *pauses; /* NULL: nothing was ever paused */
	bool masked;		     /* not all lists act for everybody: there are groups, or pauses */
};

struct generations;
/* nudge(arg, worker) is called on the main thread after each publication, and wakes that worker's loop;
 * settled(arg) is called on a worker thread after it adopted or released, and wakes the main loop, which calls generations_collect.
 */
MUST_CHECK struct generations *generations_create(unsigned workers, void (*nudge)(void *arg, unsigned worker),
						  void (*settled)(void *arg), void *arg);
void generations_destroy(struct generations *gs); /* when no worker runs any more */

/* Publish a new world. NULL for a part means the present one stays. Takes ownership of the parts given.
 * done(arg) is called on the main thread, from generations_collect, when every worker serves by it; may be NULL. */
void generation_publish(struct generations *gs, struct policy *policy, struct settings *settings, struct upstreams *upstreams,
			void (*done)(void *arg), void *arg);
/* A new world with these pauses (taken), which the worlds after it have too; all else as in the present one. Before the first
 * publication there is nothing to publish: that one has them then, and done is not called. */
void generation_pause(struct generations *gs, struct pauses *pauses, void (*done)(void *arg), void *arg);
/* Records for the next publication, which is to follow; until others are given they stay. Takes them; NULL: none. */
void generation_give_locals(struct generations *gs, struct locals *locals);
const struct generation *generation_current(const struct generations *gs); /* main thread */
void generations_collect(struct generations *gs);
/* The policy of the world of that serial, until generations_collect closes it; NULL when it is gone. Main thread. */
const struct policy *generation_policy(const struct generations *gs, uint64_t serial);
/* Its settings, as long as it has its policy. */
const struct settings *generation_settings(const struct generations *gs, uint64_t serial);
/* Call fn before generation_policy no longer gives the policy of a world that no worker serves by any more: for whoever has to do
 * with what they did by it. NULL: no more. */
void generations_before_close(struct generations *gs, void (*fn)(void *arg), void *arg);
/* The stable number of a list's name, or -1. */
int generation_list_number(const struct generations *gs, struct str list_name);

/* The newest world. Worker thread: call at the start of a batch, hold the policy until the batch ends. Cheap: one atomic load when
 * nothing changed. NULL before the first publication. */
const struct generation *generation_adopt(struct generations *gs, unsigned worker);
/* Says that this worker has no ask under way with upstreams of a serial below `serial` (and no use for such settings). */
void generation_release(struct generations *gs, unsigned worker, uint64_t serial);

#endif
