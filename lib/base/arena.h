/* SPDX-License-Identifier: BSD-2-Clause
 *
 * arena.h - bump memory freed whole: parse trees, documents, settings. One owner, one thread. */
#ifndef SARING_BASE_ARENA_H
#define SARING_BASE_ARENA_H

#include "base/base.h"
#include "base/str.h"

struct arena_chunk;
struct arena {
	struct arena_chunk *head; /* owned */
	size_t used;		  /* bytes handed out */
};

void *arena_alloc(struct arena *a, size_t size);       /* zeroed, aligned to 16; out of memory stops the process */
char *arena_strdup(struct arena *a, const char *text); /* NULL stays NULL */
char *arena_strndup(struct arena *a, const char *text, size_t len);
char *arena_printf(struct arena *a, const char *fmt, ...) PRINTF_LIKE(2, 3);
void arena_finish(struct arena *a); /* frees all; usable again */

#endif
