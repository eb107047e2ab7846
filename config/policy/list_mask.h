/* SPDX-License-Identifier: BSD-2-Clause
 *
 * list_mask.h - a set of lists, a bit for each by its place among `lists:` of saring.yaml, those in mode off counted. What acts for
 * a group of clients is such a set: all lists are stored once, and looked up once. Plain data; any thread. */
#ifndef SARING_POLICY_LIST_MASK_H
#define SARING_POLICY_LIST_MASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LIST_MASK_LISTS 1024

struct list_mask {
	uint64_t words[LIST_MASK_LISTS / 64];
};

/* A place that has no bit is in no set. */
static inline bool list_mask_has(const struct list_mask *mask, size_t place)
{
	return place < LIST_MASK_LISTS && (mask->words[place / 64] >> place % 64 & 1) != 0;
}

static inline void list_mask_add(struct list_mask *mask, size_t place)
{
	if (place < LIST_MASK_LISTS)
		mask->words[place / 64] |= (uint64_t)1 << place % 64;
}

static inline void list_mask_remove(struct list_mask *mask, size_t place)
{
	if (place < LIST_MASK_LISTS)
		mask->words[place / 64] &= ~((uint64_t)1 << place % 64);
}

/* The first `count` places. */
static inline struct list_mask list_mask_all(size_t count)
{
	struct list_mask mask = {{0}};
	for (size_t i = 0; i < count; i++)
		list_mask_add(&mask, i);
	return mask;
}

static inline bool list_mask_eq(const struct list_mask *a, const struct list_mask *b)
{
	uint64_t other = 0;
	for (size_t i = 0; i < LIST_MASK_LISTS / 64; i++)
		other |= a->words[i] ^ b->words[i];
	return other == 0;
}

#endif
