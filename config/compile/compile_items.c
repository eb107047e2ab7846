/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The sort: two passes of counting by the highest bits of the hash, as many as leave a handful in each run; then the runs. */
#include "compile/compile_items.h"

#include <stdlib.h>

#include "policy/codec.h"

#define DIGIT_BITS_MAX 11 /* more places than these to write to at once miss the cache at every item */
#define RUN_ITEMS 4	  /* about so many in a run */
#define RUN_SMALL 24	  /* up to these by insertion: a longer run is a stranger's doing */

void items_reserve(struct items *items, size_t count)
{
	if (count <= items->cap)
		return;
	items->ptr = base_realloc_big(items->ptr, count * sizeof(items->ptr[0]));
	items->cap = count;
}

void items_finish(struct items *items)
{
	free(items->ptr);
	*items = (struct items){NULL, 0, 0};
}

void items_add_above(struct items *items, const uint8_t *wire, size_t len, bool itself, uint32_t rule)
{
	size_t at = itself || wire[0] == 0 ? 0 : wire[0] + 1u;
	for (; wire[at] != 0; at += wire[at] + 1u)
		items_add(items, (struct item){.hash = name_hash(wire + at, len - at), .wire = wire + at, .rule = rule});
}

int item_name_order(const struct item *a, const struct item *b)
{
	if (a->hash != b->hash)
		return a->hash < b->hash ? -1 : 1;
	size_t la = item_wire_len(a->wire), lb = item_wire_len(b->wire);
	int order = memcmp(a->wire, b->wire, MIN(la, lb));
	return order != 0 ? order : (la > lb) - (la < lb);
}

struct sorter {
	item_order *order;
	const void *arg;
};

static int whole_order(const void *left, const void *right, void *arg)
{
	const struct sorter *s = arg;
	int order = item_name_order(left, right);
	return order != 0 ? order : s->order(left, right, s->arg);
}

/* Stable: by the bits of the hash from `shift` on, `bits` of them. */
static void count_pass(const struct item *from, size_t count, struct item *to, unsigned shift, unsigned bits)
{
	static_assert(DIGIT_BITS_MAX <= 16, "the counts lie on the stack");
	size_t places[1u << DIGIT_BITS_MAX] = {0};
	const uint64_t mask = (1u << bits) - 1;
	for (size_t i = 0; i < count; i++)
		places[from[i].hash >> shift & mask]++;
	for (size_t digit = 0, sum = 0; digit <= mask; digit++) {
		size_t here = places[digit];
		places[digit] = sum;
		sum += here;
	}
	for (size_t i = 0; i < count; i++)
		to[places[from[i].hash >> shift & mask]++] = from[i];
}

static void sort_run(struct item *run, size_t count, struct sorter *s)
{
	if (count > RUN_SMALL) {
		qsort_r(run, count, sizeof(run[0]), whole_order, s);
		return;
	}
	for (size_t i = 1; i < count; i++) {
		struct item item = run[i];
		size_t place = i;
		for (; place > 0 && whole_order(&run[place - 1], &item, s) > 0; place--)
			run[place] = run[place - 1];
		run[place] = item;
	}
}

void items_sort(struct items *items, item_order *order, const void *arg)
{
	struct sorter s = {order, arg};
	unsigned bits = 0;
	while (bits < 2 * DIGIT_BITS_MAX && items->count >> bits > RUN_ITEMS)
		bits++;
	if (bits > 0) {
		const unsigned high = (bits + 1) / 2, low = bits - high;
		struct item *other = base_realloc_big(NULL, items->count * sizeof(items->ptr[0]));
		if (low > 0)
			count_pass(items->ptr, items->count, other, 64 - bits, low);
		else
			memcpy(other, items->ptr, items->count * sizeof(other[0]));
		count_pass(other, items->count, items->ptr, 64 - high, high);
		free(other);
	}
	for (size_t i = 0, end; i < items->count; i = end) {
		const uint64_t top = bits == 0 ? 0 : items->ptr[i].hash >> (64 - bits);
		for (end = i + 1; end < items->count && (bits == 0 || items->ptr[end].hash >> (64 - bits) == top); end++)
			;
		sort_run(items->ptr + i, end - i, &s);
	}
}
