/* SPDX-License-Identifier: BSD-2-Clause
 *
 * check_table.h - all entries in force by name, for check.c: an array in order of the names, with a directory over their hashes. Of
 * entries of one name that are of one kind the first is kept. One owner. */
#ifndef SARING_COMPILE_CHECK_TABLE_H
#define SARING_COMPILE_CHECK_TABLE_H

#include "compile/compile_items.h"

/* The first entry of its kind for a name. */
struct check_kind {
	uint64_t hash;
	const uint8_t *wire; /* borrowed from the segment */
	int64_t until_s;     /* the latest of all of this kind */
	uint32_t seq;	     /* number among all entries */
	uint32_t info;	     /* number; the table's user knows what of */
};

/* What the table has to know of an info. */
struct check_trait {
	uint32_t kind; /* equal kinds are equal numbers */
	int64_t until_s;
};

struct check_table {
	struct check_kind *kinds; /* owned */
	size_t count;
	uint32_t *dir;	  /* owned; 2^bits + 1 places in kinds */
	uint64_t *filter; /* owned; most names above an entry's are in no list, and end here */
	size_t filter_words;
	unsigned bits;
	uint64_t *alone; /* owned; a bit for each entry: in force, and no other of its name is */
};

/* items: rule is the info's number, line the entry's, of entry_count. Consumed. traits: by info's number. */
void check_table_make(struct items *items, size_t entry_count, const struct check_trait *traits, struct check_table *ret);
void check_table_finish(struct check_table *t);
/* The kinds of a name; ret_count may be 0. */
const struct check_kind *check_table_find(const struct check_table *t, const uint8_t *wire, size_t len, size_t *ret_count);
/* Is the entry in force, and its name's only one? Most are: what is asked here lies in the cache, what is looked for does not. */
static inline bool check_table_alone(const struct check_table *t, uint32_t entry)
{
	return (t->alone[entry / 64] >> entry % 64 & 1) != 0;
}

#endif
