/* SPDX-License-Identifier: BSD-2-Clause */
#include "cache/ring.h"

#define NOTE_EVERY 4 /* parts of the gap */

void ring_init(struct ring *r, uint8_t *bytes, uint64_t size, uint64_t gap)
{
	*r = (struct ring){.bytes = bytes, .size = size, .gap = gap};
}

/* What is left at the end behind pos when an entry of this size does not fit before it. */
static uint64_t filler_at(const struct ring *r, uint64_t pos, size_t bytes)
{
	uint64_t left = r->size - pos % r->size;
	return left < bytes ? left : 0;
}

static uint64_t cost_of(const struct ring *r, size_t bytes)
{
	return filler_at(r, r->head, bytes) + bytes;
}

bool ring_is_short(const struct ring *r, size_t bytes)
{
	return r->tail < r->head && r->tail + r->size < r->head + cost_of(r, bytes) + r->gap;
}

bool ring_could_take(const struct ring *r, size_t bytes)
{
	return r->head + cost_of(r, bytes) <= r->tail + r->size;
}

struct entry *ring_next(const struct ring *r, uint64_t *pos)
{
	while (*pos < r->head) {
		uint64_t at = *pos % r->size, left = r->size - at;
		struct entry *e = (struct entry *)(void *)(r->bytes + at);
		if (left >= sizeof(*e) && e->name_len != 0) {
			*pos += entry_size(e);
			return e;
		}
		*pos += left;
	}
	return NULL;
}

struct entry *ring_oldest(struct ring *r)
{
	uint64_t pos = r->tail;
	struct entry *e = ring_next(r, &pos);
	if (e == NULL)
		r->tail = r->head;
	return e;
}

void ring_drop_oldest(struct ring *r)
{
	(void)ring_next(r, &r->tail);
}

static void note(struct ring *r, struct epoch *readers)
{
	if (r->noted == r->tail || r->note_count == RING_NOTES)
		return;
	r->notes[(r->note_first + r->note_count++) % RING_NOTES] = (struct ring_note){.pos = r->tail, .tag = epoch_retire(readers)};
	r->noted = r->tail;
}

static void follow(struct ring *r, struct epoch *readers)
{
	uint64_t lowest = epoch_lowest(readers);
	while (r->note_count > 0 && r->notes[r->note_first].tag < lowest) {
		r->safe = r->notes[r->note_first].pos;
		r->note_first = (r->note_first + 1) % RING_NOTES;
		r->note_count--;
	}
}

bool ring_has_safe_room(struct ring *r, size_t bytes, struct epoch *readers)
{
	uint64_t end = r->head + cost_of(r, bytes);
	if (readers == NULL)
		r->safe = r->noted = r->tail;
	else if (r->tail - r->noted >= r->gap / NOTE_EVERY)
		note(r, readers);
	if (end <= r->safe + r->size)
		return true;
	if (readers == NULL)
		return false;
	note(r, readers);
	follow(r, readers);
	return end <= r->safe + r->size;
}

struct entry *ring_take(struct ring *r, size_t bytes)
{
	uint64_t filler = filler_at(r, r->head, bytes);
	if (filler >= sizeof(struct entry))
		((struct entry *)(void *)(r->bytes + r->head % r->size))->name_len = 0;
	r->head += filler;
	struct entry *e = (struct entry *)(void *)(r->bytes + r->head % r->size);
	r->head += bytes;
	must(r->head <= r->safe + r->size);
	return e;
}

bool ring_has(const struct ring *r, const struct entry *e)
{
	const uint8_t *p = (const uint8_t *)e;
	return p >= r->bytes && p < r->bytes + r->size;
}

uint64_t ring_touched(const struct ring *r)
{
	return MIN(r->head, r->size);
}
