/* SPDX-License-Identifier: BSD-2-Clause */
#include "cache/table.h"

/* Only who holds the lock changes slots: its own reads need no order. */
static uint64_t slot_read(const _Atomic uint64_t *slot)
{
	return atomic_load_explicit(slot, memory_order_relaxed);
}

static void slot_write(_Atomic uint64_t *slot, uint64_t value)
{
	atomic_store_explicit(slot, value, memory_order_release);
}

static _Atomic uint64_t *probe_bucket(const struct table *t, struct bucket *b, const struct cache_key *key, size_t from,
				      struct entry **ret)
{
	for (size_t i = from; i < BUCKET_SLOTS; i++) {
		uint64_t slot = atomic_load_explicit(&b->slots[i], memory_order_acquire);
		struct entry *e = table_has_tag(slot, table_tag(key->hash)) ? table_entry(t, slot) : NULL;
		if (e != NULL && entry_is_for(e, key)) {
			*ret = e;
			return &b->slots[i];
		}
	}
	return NULL;
}

_Atomic uint64_t *table_probe_rest(const struct table *t, const struct cache_key *key, size_t from, struct entry **ret)
{
	struct bucket *b = table_first(t, key->hash);
	_Atomic uint64_t *slot = probe_bucket(t, b, key, from, ret);
	return slot != NULL || !table_has_guests(b) ? slot : probe_bucket(t, table_other(t, b), key, 0, ret);
}

static _Atomic uint64_t *slot_in(struct bucket *b, uint32_t place)
{
	for (size_t i = 0; i < BUCKET_SLOTS; i++)
		if ((uint32_t)slot_read(&b->slots[i]) == place)
			return &b->slots[i];
	return NULL;
}

_Atomic uint64_t *table_slot_of(const struct table *t, const struct entry *e)
{
	uint32_t place = table_place(t, e);
	struct bucket *b = table_first(t, e->hash);
	_Atomic uint64_t *slot = slot_in(b, place);
	if (slot != NULL || !table_has_guests(b))
		return slot;
	return slot_in(table_other(t, b), place);
}

void table_relink(const struct table *t, _Atomic uint64_t *slot, const struct entry *e)
{
	slot_write(slot, (slot_read(slot) & ~(uint64_t)UINT32_MAX) | table_place(t, e));
}

bool table_link(const struct table *t, const struct entry *e)
{
	struct bucket *first = table_first(t, e->hash), *b = first;
	_Atomic uint64_t *slot = slot_in(b, 0);
	if (slot == NULL) {
		b = table_other(t, first);
		slot = slot_in(b, 0);
	}
	if (slot == NULL)
		return false;
	slot_write(slot, (slot_read(slot) & SLOT_GUESTS_MASK) | table_tag(e->hash) | table_place(t, e));
	if (b != first)
		slot_write(&first->slots[0], slot_read(&first->slots[0]) + SLOT_GUEST);
	return true;
}

void table_unlink(const struct table *t, _Atomic uint64_t *slot)
{
	uint64_t was = slot_read(slot);
	struct bucket *b = t->buckets + ((uintptr_t)slot - (uintptr_t)t->buckets) / sizeof(*b);
	struct bucket *first = table_first(t, table_entry(t, was)->hash);
	slot_write(slot, was & SLOT_GUESTS_MASK);
	if (b == first)
		return;
	must(table_has_guests(first));
	slot_write(&first->slots[0], slot_read(&first->slots[0]) - SLOT_GUEST);
}

_Atomic uint64_t *table_victim(const struct table *t, uint64_t hash, const uint8_t *proven)
{
	struct bucket *first = table_first(t, hash);
	_Atomic uint64_t *victim = &first->slots[hash >> 57 & (BUCKET_SLOTS - 1)];
	for (size_t i = 0; i < 2 * BUCKET_SLOTS; i++) {
		struct bucket *b = i < BUCKET_SLOTS ? first : table_other(t, first);
		_Atomic uint64_t *slot = &b->slots[i % BUCKET_SLOTS];
		struct entry *e = table_entry(t, slot_read(slot));
		if (entry_is_marked(e))
			continue;
		victim = slot;
		if ((const uint8_t *)e < proven)
			break;
	}
	return victim;
}
