/* SPDX-License-Identifier: BSD-2-Clause
 *
 * ghost.h - hashes of answers that left the small ring unasked for: one that comes back deserves the main ring. Inside daemon/cache
 * only; for who holds the shard's lock. Lines of sixteen, each a queue of its own that forgets its oldest; 32 bits of each hash, so
 * that a few strangers are let into the main ring, which does no harm. */
#ifndef SARING_CACHE_GHOST_H
#define SARING_CACHE_GHOST_H

#include "base/base.h"

#define GHOST_LINE 16

struct ghosts {
	uint32_t *hashes; /* borrowed: zeroed memory, lines of GHOST_LINE, newest first; 0: none */
	uint32_t lines;
};

void ghost_fetch(const struct ghosts *g, uint64_t hash); /* into the processor's cache */
void ghost_add(struct ghosts *g, uint64_t hash);
/* Is it known? It is forgotten with that. */
bool ghost_take(struct ghosts *g, uint64_t hash);

#endif
