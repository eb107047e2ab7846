/* SPDX-License-Identifier: BSD-2-Clause */
#include "lifesigns.h"

#include "base/clock.h"
#include "base/log.h"
#include "crew.h"
#include "generation.h"
#include "notify.h"
#include "policy/match.h"
#include "upstream/pool.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STATUS_TICKS 15 /* how old what the service manager is told may be */
#define STUCK_TICKS 10	/* a worker that has not gone round for so many ticks is reported */

void lifesigns_init(struct lifesigns *l, unsigned worker_count)
{
	*l = (struct lifesigns){.ticks = base_alloc(worker_count * sizeof(*l->ticks))};
}

void lifesigns_finish(struct lifesigns *l)
{
	free(l->ticks);
	l->ticks = NULL;
}

void lifesigns_watch(struct lifesigns *l, struct crew *crew)
{
	const struct counters *const *counters = crew_counters(crew);
	const unsigned count = crew_count(crew);
	static struct log_limit limit = {.interval_ms = 10000};
	unsigned stuck = 0, first = 0;
	for (unsigned i = 0; i < count; i++) {
		if (atomic_load_explicit(&counters[i]->ticks, memory_order_relaxed) == l->ticks[i] && stuck++ == 0)
			first = i;
		crew_nudge(crew, i);
	}
	if (stuck > 0) {
		if (++l->unticked >= STUCK_TICKS)
			log_limited(&limit, LOG_LEVEL_ERROR, "worker.stuck workers=%u first=%u seconds=%u", stuck, first,
				    l->unticked * LIFESIGNS_TICK_S);
		return;
	}
	l->unticked = 0;
	for (unsigned i = 0; i < count; i++)
		l->ticks[i] = atomic_load_explicit(&counters[i]->ticks, memory_order_relaxed);
	notify_watchdog();
}

void lifesigns_status(struct lifesigns *l, const struct generation *g, uint64_t runs, const char *failure)
{
	if (runs == l->status_runs && ++l->status_age < STATUS_TICKS)
		return;
	l->status_runs = runs;
	l->status_age = 0;
	struct policy_info info;
	policy_info(g->policy, clock_wall_s(), &info);
	size_t servers = upstreams_count(g->upstreams), up = 0;
	for (size_t i = 0; i < servers; i++) {
		struct upstream_stats stats;
		upstreams_stats(g->upstreams, i, &stats);
		up += strcmp(stats.state, "up") == 0;
	}
	char text[sizeof(l->status)] = "";
	snprintf(text, sizeof(text), "serving; %zu of %zu entries in force; generation %" PRIu32 "; upstream %zu/%zu up%s%s",
		 info.in_force_count, info.entry_count, info.generation, up, servers,
		 failure[0] ? "; the last reload failed: " : "", failure);
	if (strcmp(text, l->status) == 0)
		return;
	memcpy(l->status, text, sizeof(text));
	notify_status(text);
}
