/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The write half of cond.h: tools only. */
#include "policy/cond.h"

#include <stdlib.h>
#include <string.h>

#include "policy/cond_bytes.h"

#define NAME_ITEM_MAX (1 + NAME_LEN_MAX)

/* Composing: each group is made an array of items of one size, sorted, and written without doubles. */

struct items {
	uint8_t *bytes; /* owned */
	size_t size;	/* of one */
	size_t count;
};

static struct items items_make(size_t size, size_t count)
{
	return (struct items){.bytes = base_alloc(size * MAX(count, 1u)), .size = size, .count = count};
}

static int compare_bytes(const void *a, const void *b, void *size)
{
	return memcmp(a, b, *(const size_t *)size);
}

static void items_sort(struct items *items)
{
	qsort_r(items->bytes, items->count, items->size, compare_bytes, &items->size);
	size_t kept = 0;
	for (size_t i = 0; i < items->count; i++) {
		const uint8_t *item = items->bytes + i * items->size;
		if (kept > 0 && memcmp(items->bytes + (kept - 1) * items->size, item, items->size) == 0)
			continue;
		memmove(items->bytes + kept * items->size, item, items->size);
		kept++;
	}
	items->count = kept;
}

static void add_count(struct buf *b, size_t count, size_t bytes)
{
	uint8_t big[2] = {(uint8_t)(count >> 8), (uint8_t)count};
	buf_add(b, big + (sizeof(big) - bytes), bytes);
}

static void add_types(struct buf *b, const uint16_t *types, size_t count)
{
	struct items items = items_make(2, count);
	for (size_t i = 0; i < count; i++) {
		items.bytes[2 * i] = (uint8_t)(types[i] >> 8);
		items.bytes[2 * i + 1] = (uint8_t)types[i];
	}
	items_sort(&items);
	add_count(b, items.count, 1);
	buf_add(b, items.bytes, items.count * items.size);
	free(items.bytes);
}

static void add_clients(struct buf *b, const struct prefix *clients, size_t count)
{
	struct items items = items_make(CLIENT_LEN, count);
	for (size_t i = 0; i < count; i++)
		items.bytes[i * CLIENT_LEN + ADDRESS_LEN] = (uint8_t)prefix_to_wide(&clients[i], items.bytes + i * CLIENT_LEN);
	items_sort(&items);
	add_count(b, items.count, 2);
	buf_add(b, items.bytes, items.count * items.size);
	free(items.bytes);
}

static void add_names(struct buf *b, const struct name *names, size_t count)
{
	struct items items =
	    items_make(NAME_ITEM_MAX, count); /* zeroes behind a name change nothing: the length stands before it */
	for (size_t i = 0; i < count; i++) {
		uint8_t *item = items.bytes + i * NAME_ITEM_MAX;
		item[0] = names[i].len;
		memcpy(item + 1, names[i].wire, names[i].len);
	}
	items_sort(&items);
	add_count(b, items.count, 2);
	for (size_t i = 0; i < items.count; i++) {
		const uint8_t *item = items.bytes + i * NAME_ITEM_MAX;
		buf_add(b, item, 1u + item[0]);
	}
	free(items.bytes);
}

bool cond_compose(const struct cond *cond, struct buf *ret)
{
	if (cond->type_count > COND_TYPES_MAX || cond->not_type_count > COND_TYPES_MAX || cond->client_count > COND_CLIENTS_MAX ||
	    cond->not_client_count > COND_CLIENTS_MAX || cond->deny_allow_count > COND_NAMES_MAX)
		return false;
	if (cond->type_count + cond->not_type_count + cond->client_count + cond->not_client_count + cond->deny_allow_count == 0)
		return true;
	add_types(ret, cond->types, cond->type_count);
	add_types(ret, cond->not_types, cond->not_type_count);
	add_clients(ret, cond->clients, cond->client_count);
	add_clients(ret, cond->not_clients, cond->not_client_count);
	add_names(ret, cond->deny_allow, cond->deny_allow_count);
	return true;
}
