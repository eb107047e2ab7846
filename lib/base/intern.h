/* SPDX-License-Identifier: BSD-2-Clause
 *
 * intern.h - byte strings kept once and numbered in the order they first came. For the compiler's and the checker's own tables:
 * cold path, one owner. The table's hash has a random key (lists are strangers' text); numbers do not depend on it. */
#ifndef SARING_BASE_INTERN_H
#define SARING_BASE_INTERN_H

#include "base/base.h"
#include "base/buf.h"
#include "base/siphash.h"
#include "base/str.h"

struct intern {
	struct siphash_key key;
	uint32_t *slots; /* owned; number + 1, 0 = free */
	size_t slot_count;
	struct buf bytes;
	struct buf ends; /* u32 in the machine's order: where each ends in bytes */
	uint32_t count;
	bool full; /* something did not fit the 32 bits of a place or a number; what was returned then is 0 */
};

void intern_init(struct intern *t);
void intern_finish(struct intern *t);
/* The number of these bytes, which are kept when new (ret_new, may be NULL). */
uint32_t intern_add(struct intern *t, const void *bytes, size_t len, bool *ret_new);
MUST_CHECK bool intern_find(const struct intern *t, const void *bytes, size_t len, uint32_t *ret);
/* Borrowed until the next intern_add. */
struct str intern_get(const struct intern *t, uint32_t number);

#endif
