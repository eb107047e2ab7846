/* SPDX-License-Identifier: BSD-2-Clause */
#include "observe/top.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS (2 * TOP_NAMES)
#define NONE UINT16_MAX
static_assert((SLOTS & (SLOTS - 1)) == 0 && SLOTS < NONE, "slots are a hash's low bits, and numbers fit");

struct top {
	struct top_name names[TOP_NAMES];
	uint16_t heap[TOP_NAMES];  /* numbers of names, the least count first: heap[i] is no more than heap[2i + 1], heap[2i + 2] */
	uint16_t place[TOP_NAMES]; /* of each name in heap */
	uint16_t slots[SLOTS];	   /* hash -> name; open addressing */
	size_t count;
};

struct top *top_create(void)
{
	struct top *t = base_alloc(sizeof(*t));

	memset(t->slots, 0xff, sizeof(t->slots));
	return t;
}

void top_destroy(struct top *t)
{
	if (t == NULL)
		return;
	for (size_t i = 0; i < t->count; i++)
		free(t->names[i].wire);
	free(t);
}

/* ---- by name ---- */

static size_t slot_of(const struct top *t, const uint8_t *key, uint8_t len, uint64_t hash)
{
	size_t at = hash & (SLOTS - 1);

	for (; t->slots[at] != NONE; at = (at + 1) & (SLOTS - 1)) {
		const struct top_name *n = &t->names[t->slots[at]];
		if (n->hash == hash && n->len == len && memcmp(n->wire, key, len) == 0)
			break;
	}
	return at;
}

/* Those behind it move up, so that none is lost behind a hole. */
static void forget(struct top *t, uint16_t number)
{
	size_t at = t->names[number].hash & (SLOTS - 1);

	while (t->slots[at] != number)
		at = (at + 1) & (SLOTS - 1);
	for (size_t next = (at + 1) & (SLOTS - 1); t->slots[next] != NONE; next = (next + 1) & (SLOTS - 1)) {
		size_t home = t->names[t->slots[next]].hash & (SLOTS - 1);
		if (((next - home) & (SLOTS - 1)) >= ((next - at) & (SLOTS - 1))) {
			t->slots[at] = t->slots[next];
			at = next;
		}
	}
	t->slots[at] = NONE;
}

/* ---- by count ---- */

static uint64_t count_at(const struct top *t, size_t i)
{
	return t->names[t->heap[i]].count;
}

static void put(struct top *t, size_t i, uint16_t number)
{
	t->heap[i] = number;
	t->place[number] = (uint16_t)i;
}

static void rise(struct top *t, size_t i)
{
	const uint16_t number = t->heap[i];

	for (; i > 0 && count_at(t, (i - 1) / 2) > t->names[number].count; i = (i - 1) / 2)
		put(t, i, t->heap[(i - 1) / 2]);
	put(t, i, number);
}

static void sink(struct top *t, size_t i)
{
	const uint16_t number = t->heap[i];

	for (;;) {
		size_t child = 2 * i + 1;
		if (child + 1 < t->count && count_at(t, child + 1) < count_at(t, child))
			child++;
		if (child >= t->count || count_at(t, child) >= t->names[number].count)
			break;
		put(t, i, t->heap[child]);
		i = child;
	}
	put(t, i, number);
}

/* ---- both ---- */

static void settle_in(struct top *t, uint16_t number, const uint8_t *key, uint8_t len, uint64_t hash)
{
	struct top_name *n = &t->names[number];

	n->hash = hash;
	n->note = 0;
	n->len = len;
	n->wire = base_realloc(n->wire, len);
	memcpy(n->wire, key, len);
	memset(&n->clients, 0, sizeof(n->clients));
	t->slots[slot_of(t, key, len, hash)] = number;
}

struct top_name *top_take_key(struct top *t, const uint8_t *key, uint8_t len, uint64_t hash, uint32_t client, uint32_t weight)
{
	const size_t slot = slot_of(t, key, len, hash);
	uint16_t number = t->slots[slot];

	if (number == NONE && t->count < TOP_NAMES) {
		number = (uint16_t)t->count++;
		settle_in(t, number, key, len, hash);
		put(t, number, number);
		rise(t, number);
	} else if (number == NONE) {
		number = t->heap[0];
		forget(t, number);
		t->names[number].error = t->names[number].count;
		settle_in(t, number, key, len, hash);
	}
	t->names[number].count += weight;
	distinct_add(&t->names[number].clients, client);
	sink(t, t->place[number]);
	return &t->names[number];
}

void top_take(struct top *t, const struct name *name, uint64_t hash, uint32_t client, uint32_t weight)
{
	(void)top_take_key(t, name->wire, name->len, hash, client, weight);
}

size_t top_count(const struct top *t)
{
	return t->count;
}

const struct top_name *top_at(const struct top *t, size_t i)
{
	must(i < t->count);
	return &t->names[i];
}
