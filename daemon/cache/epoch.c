/* SPDX-License-Identifier: BSD-2-Clause */
#include "cache/epoch.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define WAIT_STEP_NS 200000 /* a worker's batch is shorter */
#define WAIT_STEPS 250

void epoch_init(struct epoch *epoch)
{
	atomic_init(&epoch->now, 1);
	atomic_init(&epoch->readers, NULL);
}

void epoch_finish(struct epoch *epoch)
{
	struct epoch_reader *next;
	for (struct epoch_reader *r = atomic_load(&epoch->readers); r != NULL; r = next) {
		next = r->next;
		free(r);
	}
	atomic_store(&epoch->readers, NULL);
}

struct epoch_reader *epoch_join(struct epoch *epoch)
{
	for (struct epoch_reader *r = atomic_load(&epoch->readers); r != NULL; r = r->next) {
		bool taken = false;
		if (atomic_compare_exchange_strong(&r->taken, &taken, true))
			return r;
	}
	struct epoch_reader *r = aligned_alloc(_Alignof(struct epoch_reader), sizeof(*r));
	must(r != NULL);
	memset(r, 0, sizeof(*r));
	atomic_init(&r->taken, true);
	r->next = atomic_load(&epoch->readers);
	while (!atomic_compare_exchange_weak(&epoch->readers, &r->next, r))
		;
	return r;
}

void epoch_part(struct epoch_reader *reader)
{
	epoch_leave(reader);
	atomic_store(&reader->taken, false);
}

uint64_t epoch_lowest(struct epoch *epoch)
{
	uint64_t lowest = UINT64_MAX;
	for (const struct epoch_reader *r = atomic_load(&epoch->readers); r != NULL; r = r->next) {
		uint64_t at = atomic_load(&r->at);
		if (at != 0 && at < lowest)
			lowest = at;
	}
	return lowest;
}

bool epoch_wait(struct epoch *epoch, uint64_t tag)
{
	const struct timespec step = {.tv_nsec = WAIT_STEP_NS};
	for (unsigned i = 0; i < WAIT_STEPS; i++) {
		if (tag < epoch_lowest(epoch))
			return true;
		(void)nanosleep(&step, NULL);
	}
	return tag < epoch_lowest(epoch);
}
