/* SPDX-License-Identifier: BSD-2-Clause
 *
 * compile_sets.h - items in order of names to names with their sets: the first half of compile_index.h's work. One owner. */
#ifndef SARING_COMPILE_COMPILE_SETS_H
#define SARING_COMPILE_COMPILE_SETS_H

#include "compile/compile_index.h"

/* A name: where its items stand; there are as many as its set has rules, in the same order. */
struct index_name {
	uint32_t first, set;
};

struct sets {
	struct intern rules;	  /* u32 each in the machine's order: the rules of a set, strongest first */
	struct buf by_use;	  /* u32: the sets, most used first */
	struct index_name *names; /* owned */
	size_t name_count;
};

uint32_t index_line(const struct buf *texts, uint32_t line);
/* Sorts items, drops doubles, numbers the sets by how many names have them. entries as in compile_index.h. */
void sets_make(struct items *items, const struct buf *texts, const struct rules *rules, uint32_t *entries, struct sets *ret);
void sets_finish(struct sets *sets);
/* The set with that number as the image numbers it. Borrowed. */
static inline struct str sets_get(const struct sets *sets, uint32_t number)
{
	uint32_t raw;
	memcpy(&raw, sets->by_use.ptr + (size_t)number * sizeof(raw), sizeof(raw));
	return intern_get(&sets->rules, raw);
}

#endif
