/* SPDX-License-Identifier: BSD-2-Clause */
#include "query/query.h"

#include "query/ask.h"
#include "query/mailbox.h"
#include "query/trail.h"

#include <stdlib.h>
#include <string.h>

/* Slots come in chunks, made when first needed and kept: memory is bounded by QUERY_SLOTS_MAX and never moves under a waiter. */
#define SLOTS_CHUNK 256u
#define SLOTS_CHUNKS (QUERY_SLOTS_MAX / SLOTS_CHUNK)

struct service *service_create(unsigned worker, struct generations *generations, struct cache *cache, struct inflight *inflight,
			       struct counters *counters)
{
	struct service *s = base_alloc(sizeof(*s));

	s->worker = worker;
	s->generations = generations;
	s->cache = cache;
	s->reader = cache_reader_create(cache);
	s->inflight = inflight;
	s->counters = counters;
	s->scratch = policy_scratch_create();
	policy_scratch_count(s->scratch, &counters->values[COUNTER_PATTERNS_STOPPED]);
	s->mailbox = mailbox_create();
	s->slot_chunks = base_alloc(SLOTS_CHUNKS * sizeof(struct query *));
	s->next_serial = 1;
	share_init(&s->clients);
	share_init(&s->zones);
	return s;
}

void service_destroy(struct service *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < SLOTS_CHUNKS; i++)
		free(s->slot_chunks[i]);
	free(s->slot_chunks);
	free(s->groups);
	mailbox_destroy(s->mailbox);
	trails_finish(s);
	cache_reader_destroy(s->reader);
	policy_scratch_destroy(s->scratch);
	free(s);
}

static bool slots_more(struct service *s)
{
	if (s->slots_made >= QUERY_SLOTS_MAX)
		return false;
	struct query *chunk = calloc(SLOTS_CHUNK, sizeof(struct query));
	if (chunk == NULL)
		return false; /* serving drops the query and goes on */
	s->slot_chunks[s->slots_made / SLOTS_CHUNK] = chunk;
	for (uint32_t i = SLOTS_CHUNK; i-- > 0;) {
		chunk[i].slot = s->slots_made + i;
		chunk[i].next_free = s->free_slots;
		s->free_slots = &chunk[i];
	}
	s->slots_made += SLOTS_CHUNK;
	return true;
}

/* How many more may wait and be asked for: the less there are, the less one client may have of them. */
static size_t slots_left(const struct service *s)
{
	return MIN(QUERY_SLOTS_MAX - (size_t)s->slots_used, asks_left(s));
}

struct query *slot_park(struct service *s, const struct query *q)
{
	uint64_t client = limit_client(&q->peer);
	struct share_place share = share_place(&s->clients, &client, sizeof(client));

	if (!q->moves && !share_may(&s->clients, share, slots_left(s), QUERY_CLIENT_MAX)) {
		counters_add(s->counters, s->slots_used < QUERY_SLOTS_MAX ? COUNTER_CLIENT_FULL : COUNTER_SLOTS_FULL);
		return NULL;
	}
	if (s->free_slots == NULL && !slots_more(s)) {
		counters_add(s->counters, COUNTER_SLOTS_FULL);
		return NULL;
	}
	struct query *parked = s->free_slots;
	s->free_slots = parked->next_free;
	uint32_t slot = parked->slot;
	memcpy(parked, q, offsetof(struct query, rewrite));
	if (q->rewrite.on)
		parked->rewrite = q->rewrite;
	else
		parked->rewrite.on = false;
	parked->slot = slot;
	parked->serial = s->next_serial++;
	parked->next_free = NULL;
	parked->share = share;
	parked->moves = false;
	share_take(&s->clients, share);
	parked->stale_queued = false;
	parked->prepared = NULL; /* it was this batch's */
	memcpy(parked->question_room, q->question, q->question_len);
	parked->question = parked->question_room;
	parked->key.name = query_sought(parked);
	s->slots_used++;
	return parked;
}

struct query *slot_at(struct service *s, uint32_t slot)
{
	return &s->slot_chunks[slot / SLOTS_CHUNK][slot % SLOTS_CHUNK];
}

struct query *slot_find(struct service *s, uint32_t slot, uint64_t serial)
{
	if (slot >= s->slots_made)
		return NULL;
	struct query *q = slot_at(s, slot);
	return q->serial == serial ? q : NULL;
}

void stale_push(struct service *s, struct query *q)
{
	q->stale_at_ms = s->now_ms + QUERY_STALE_AFTER_MS;
	q->stale_queued = true;
	q->stale_next = NULL;
	q->stale_prev = s->stale_last;
	if (s->stale_last != NULL)
		s->stale_last->stale_next = q;
	else
		s->stale_first = q;
	s->stale_last = q;
	if (q->stale_prev == NULL)
		s->stale_timer(s->stale_timer_arg, QUERY_STALE_AFTER_MS);
}

void stale_remove(struct service *s, struct query *q)
{
	if (!q->stale_queued)
		return;
	if (q->stale_prev != NULL)
		q->stale_prev->stale_next = q->stale_next;
	else
		s->stale_first = q->stale_next;
	if (q->stale_next != NULL)
		q->stale_next->stale_prev = q->stale_prev;
	else
		s->stale_last = q->stale_prev;
	q->stale_queued = false;
}

void slot_free(struct service *s, struct query *q)
{
	must(q->serial != 0);
	stale_remove(s, q);
	trail_drop(s, q);
	share_give(&s->clients, q->share);
	q->serial = 0;
	q->next_free = s->free_slots;
	s->free_slots = q;
	s->slots_used--;
}

void slots_drop_all(struct service *s)
{
	for (uint32_t i = 0; i < s->slots_made; i++) {
		struct query *q = slot_at(s, i);
		if (q->serial != 0)
			query_drop(s, q, COUNTER_DROPPED);
	}
}
