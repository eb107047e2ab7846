/* SPDX-License-Identifier: BSD-2-Clause */
#include "compile/check_table.h"

#include <stdlib.h>

#include "policy/codec.h"

#define SLOT_KINDS 2   /* about so many for a place of the directory */
#define FILTER_BITS 10 /* for a name */

static int seq_order(const struct item *a, const struct item *b, const void *arg)
{
	(void)arg;
	return (a->line > b->line) - (a->line < b->line);
}

/* To the kinds of its name, which begin at `first`. */
static void take(struct check_table *t, size_t first, const struct item *item, const struct check_trait *traits)
{
	const struct check_trait *trait = &traits[item->rule];
	for (size_t i = first; i < t->count; i++) {
		struct check_kind *k = &t->kinds[i];
		if (traits[k->info].kind != trait->kind)
			continue;
		k->until_s = MAX(k->until_s, trait->until_s);
		return;
	}
	t->kinds[t->count++] = (struct check_kind){
	    .hash = item->hash, .wire = item->wire, .until_s = trait->until_s, .seq = item->line, .info = item->rule};
}

void check_table_make(struct items *items, size_t entry_count, const struct check_trait *traits, struct check_table *ret)
{
	struct check_table *t = ret;
	*t = (struct check_table){.kinds = NULL};
	items_sort(items, seq_order, NULL);
	t->kinds = base_realloc(NULL, (items->count + 1) * sizeof(t->kinds[0]));
	t->alone = base_alloc((entry_count / 64 + 1) * sizeof(t->alone[0]));
	for (size_t i = 0, end; i < items->count; i = end) {
		const size_t first = t->count;
		for (end = i; end < items->count && item_same_name(&items->ptr[i], &items->ptr[end]); end++)
			take(t, first, &items->ptr[end], traits);
		if (end - i == 1)
			t->alone[items->ptr[i].line / 64] |= UINT64_C(1) << items->ptr[i].line % 64;
	}
	items_finish(items);
	t->filter_words = t->count * FILTER_BITS / 64 + 1;
	t->filter = base_alloc(t->filter_words * sizeof(t->filter[0]));
	for (size_t i = 0; i < t->count; i++)
		t->filter[filter_word(t->kinds[i].hash, t->filter_words)] |= filter_mask(t->kinds[i].hash);
	while (t->bits < 31 && t->count >> t->bits > SLOT_KINDS)
		t->bits++;
	const size_t slots = (size_t)1 << t->bits;
	t->dir = base_alloc((slots + 1) * sizeof(t->dir[0]));
	for (size_t slot = 0, at = 0; slot <= slots; slot++) {
		while (at < t->count && (t->bits == 0 ? 0 : t->kinds[at].hash >> (64 - t->bits)) < slot)
			at++;
		t->dir[slot] = (uint32_t)at;
	}
}

void check_table_finish(struct check_table *t)
{
	free(t->kinds);
	free(t->dir);
	free(t->filter);
	free(t->alone);
	*t = (struct check_table){.kinds = NULL};
}

const struct check_kind *check_table_find(const struct check_table *t, const uint8_t *wire, size_t len, size_t *ret_count)
{
	const struct item wanted = {.hash = name_hash(wire, len), .wire = wire};
	const uint64_t mask = filter_mask(wanted.hash);
	const size_t slot = t->bits == 0 ? 0 : (size_t)(wanted.hash >> (64 - t->bits));
	*ret_count = 0;
	if ((t->filter[filter_word(wanted.hash, t->filter_words)] & mask) != mask)
		return t->kinds;
	size_t low = t->dir[slot], high = t->dir[slot + 1], end;
	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		const struct item there = {.hash = t->kinds[middle].hash, .wire = t->kinds[middle].wire};
		if (item_name_order(&there, &wanted) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (end = low; end < t->count; end++) {
		const struct item there = {.hash = t->kinds[end].hash, .wire = t->kinds[end].wire};
		if (!item_same_name(&there, &wanted))
			break;
	}
	*ret_count = end - low;
	return &t->kinds[low];
}
