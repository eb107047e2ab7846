/* SPDX-License-Identifier: BSD-2-Clause
 *
 * compile_extras.h - entries that are no names: expressions, patterns, addresses. There are thousands of them, not millions: each
 * has a rule and a record of its own. For the compiler only. One owner. */
#ifndef SARING_COMPILE_COMPILE_EXTRAS_H
#define SARING_COMPILE_COMPILE_EXTRAS_H

#include "base/arena.h"
#include "compile/compile_items.h"
#include "compile/compile_rules.h"

struct extras {
	struct extra *items; /* owned */
	size_t count, cap;
	struct intern seen; /* list, class, and what it is: a double is left out */
	struct arena arena; /* the names patterns hang on: must outlive the items array */
};

void extras_init(struct extras *o);
void extras_finish(struct extras *o);
/* list must live until extras_write. */
void extras_add(struct extras *o, const struct rules_list *list, const struct segment_entry *entry);
/* The sections PATTERNS and ADDRESSES; patterns that hang on a name add an item each (and allow ones those above it). */
void extras_write(struct extras *o, struct rules *rules, struct items *items, struct image_parts *ret);
/* Raises each rule's entries by those that are in no set. */
void extras_count(const struct image_parts *parts, uint32_t *entries);

#endif
