/* SPDX-License-Identifier: BSD-2-Clause
 *
 * popular.h - a popularity file that the operator gives: one name a line, the most used first, or `rank,name`, as common top lists
 * are. What is no name, such as a title line, is passed over. One thread. */
#ifndef SARING_SARINGCTL_POPULAR_H
#define SARING_SARINGCTL_POPULAR_H

#include "base/buf.h"
#include "base/err.h"
#include "wire/name.h"

#define POPULAR_BYTES_MAX ((size_t)64 * 1024 * 1024)
#define POPULAR_NAMES_MAX 1000000 /* the others are not looked at */

struct popular {
	struct buf text; /* owned */
};
MUST_CHECK bool popular_load(const char *path, struct popular *ret, struct err *err);
void popular_finish(struct popular *p);

struct popular_cursor {
	size_t at;
	uint32_t count;
};
/* The next name, folded, and its rank; start with a zeroed cursor. */
MUST_CHECK bool popular_next(const struct popular *p, struct popular_cursor *cursor, struct name *ret, uint32_t *ret_rank);

#endif
