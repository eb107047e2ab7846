/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/intern.h"

#include <stdlib.h>
#include <string.h>

#include "base/rand.h"

#define SLOTS_FIRST 64

void intern_init(struct intern *t)
{
	*t = (struct intern){.slot_count = SLOTS_FIRST};
	t->slots = base_alloc(SLOTS_FIRST * sizeof(t->slots[0]));
	rand_bytes(&t->key, sizeof(t->key));
}

void intern_finish(struct intern *t)
{
	free(t->slots);
	buf_finish(&t->bytes);
	buf_finish(&t->ends);
	*t = (struct intern){.slots = NULL};
}

static uint32_t end_of(const struct intern *t, uint32_t number)
{
	uint32_t end;
	memcpy(&end, t->ends.ptr + (size_t)number * sizeof(end), sizeof(end));
	return end;
}

struct str intern_get(const struct intern *t, uint32_t number)
{
	must(number < t->count);
	size_t begin = number == 0 ? 0 : end_of(t, number - 1);
	return (struct str){t->bytes.ptr + begin, end_of(t, number) - begin};
}

/* The slot that holds these bytes, or the free one where they belong. */
static size_t slot_of(const struct intern *t, const void *bytes, size_t len)
{
	size_t mask = t->slot_count - 1, slot = (size_t)siphash13(&t->key, bytes, len) & mask;
	for (; t->slots[slot] != 0; slot = (slot + 1) & mask) {
		struct str there = intern_get(t, t->slots[slot] - 1);
		if (there.len == len && (len == 0 || memcmp(there.ptr, bytes, len) == 0))
			break;
	}
	return slot;
}

static void grow(struct intern *t)
{
	free(t->slots);
	t->slot_count *= 2;
	t->slots = base_alloc(t->slot_count * sizeof(t->slots[0]));
	size_t mask = t->slot_count - 1;
	for (uint32_t i = 0; i < t->count; i++) {
		struct str s = intern_get(t, i);
		size_t slot = (size_t)siphash13(&t->key, s.ptr, s.len) & mask;
		while (t->slots[slot] != 0)
			slot = (slot + 1) & mask;
		t->slots[slot] = i + 1;
	}
}

uint32_t intern_add(struct intern *t, const void *bytes, size_t len, bool *ret_new)
{
	size_t slot = slot_of(t, bytes, len);
	if (ret_new != NULL)
		*ret_new = t->slots[slot] == 0;
	if (t->slots[slot] != 0)
		return t->slots[slot] - 1;
	if (len > UINT32_MAX - t->bytes.len || t->count >= UINT32_MAX - 1) {
		t->full = true;
		return 0;
	}
	uint32_t end = (uint32_t)(t->bytes.len + len), number = t->count++;
	buf_add(&t->bytes, bytes, len);
	buf_add(&t->ends, &end, sizeof(end));
	t->slots[slot] = number + 1;
	if (t->count > t->slot_count / 2)
		grow(t);
	return number;
}

bool intern_find(const struct intern *t, const void *bytes, size_t len, uint32_t *ret)
{
	uint32_t held = t->slots[slot_of(t, bytes, len)];
	if (held == 0)
		return false;
	*ret = held - 1;
	return true;
}
