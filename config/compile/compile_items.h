/* SPDX-License-Identifier: BSD-2-Clause
 *
 * compile_items.h - names by the million: an array of small items, and its order by name. For the compiler and the checker. An item
 * borrows its name from a segment (or an arena); nothing is allocated for one. One owner. */
#ifndef SARING_COMPILE_COMPILE_ITEMS_H
#define SARING_COMPILE_COMPILE_ITEMS_H

#include <assert.h>
#include <string.h>

#include "base/base.h"
#include "base/buf.h"
#include "wire/name.h"

struct item {
	uint64_t hash;	     /* name_hash */
	const uint8_t *wire; /* a whole, folded name; borrowed */
	uint32_t rule;	     /* what the owner of the array makes of it */
	uint32_t line;
};
static_assert(sizeof(struct item) == 24, "ten million of them lie in memory, for a while twice");

struct items {
	struct item *ptr; /* owned */
	size_t count, cap;
};

void items_reserve(struct items *items, size_t count);
void items_finish(struct items *items);
static inline void items_add(struct items *items, struct item item)
{
	if (UNLIKELY(items->count == items->cap))
		items_reserve(items, items->cap + items->cap / 2 + 64);
	items->ptr[items->count++] = item;
}

/* One with that rule for each name above, down to one label, and for the name itself when so said. */
void items_add_above(struct items *items, const uint8_t *wire, size_t len, bool itself, uint32_t rule);

static inline size_t item_wire_len(const uint8_t *wire)
{
	size_t at = 0;
	while (wire[at] != 0)
		at += wire[at] + 1u;
	return at + 1;
}
static inline bool item_same_name(const struct item *a, const struct item *b)
{
	if (a->hash != b->hash)
		return false;
	if (a->wire == b->wire)
		return true;
	size_t len = item_wire_len(a->wire);
	return len == item_wire_len(b->wire) && memcmp(a->wire, b->wire, len) == 0;
}
/* By hash, then by name: negative, zero, positive. */
int item_name_order(const struct item *a, const struct item *b);

/* Sorts by hash, then name, then `order` of the two (which sees equal names only, and must leave no two equal). Never more than
 * n log n, whatever the names hash to. */
typedef int item_order(const struct item *a, const struct item *b, const void *arg);
void items_sort(struct items *items, item_order *order, const void *arg);

#endif
