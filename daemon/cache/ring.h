/* SPDX-License-Identifier: BSD-2-Clause
 *
 * ring.h - entries in the order they came, in one piece of memory that is written round and round. Inside daemon/cache only;
 * for who holds the shard's lock.
 *
 *	safe          tail                        head          safe + size
 *	  | evicted    | entries, and holes where   | free         |
 *	  | not yet    | some were replaced         | to be        |
 *	  | forgotten  |                            | written      |
 *
 * Positions only grow; modulo size they are places. Evicted bytes may be overwritten once no reader can see them: eviction
 * keeps a gap ahead of the head, notes in steps how far it came and under which epoch tag, and safe follows as those pass. When
 * it cannot follow (a reader stays inside) ring_has_safe_room says no; nothing is ever waited for. Entries do not reach over
 * the end: one that does not fit before it begins anew at the start, and what is left is a filler. */
#ifndef SARING_CACHE_RING_H
#define SARING_CACHE_RING_H

#include "base/base.h"
#include "cache/entry.h"
#include "cache/epoch.h"

#define RING_NOTES 8

struct ring {
	uint8_t *bytes; /* borrowed */
	uint64_t size;	/* multiple of ENTRY_ALIGN */
	uint64_t gap;
	uint64_t head, tail, safe;
	uint64_t noted; /* the last note's, or safe */
	struct ring_note {
		uint64_t pos, tag;
	} notes[RING_NOTES]; /* a queue */
	unsigned note_first, note_count;
};

void ring_init(struct ring *r, uint8_t *bytes, uint64_t size, uint64_t gap);
/* Must more be evicted before this many bytes are asked for? False when nothing is left. The ring has four times the bytes. */
bool ring_is_short(const struct ring *r, size_t bytes);
/* NULL: empty. */
struct entry *ring_oldest(struct ring *r);
/* It is linked no more. */
void ring_drop_oldest(struct ring *r);
/* Is there room for it but for readers who may still be looking? */
bool ring_could_take(const struct ring *r, size_t bytes);
/* Can an entry be written now? readers NULL: nobody reads. */
MUST_CHECK bool ring_has_safe_room(struct ring *r, size_t bytes, struct epoch *readers);
/* Room at the head, which ring_has_safe_room promised. */
struct entry *ring_take(struct ring *r, size_t bytes);
/* The entry at *pos or the next, linked or not, and *pos behind it; NULL: none. Begin with tail. */
struct entry *ring_next(const struct ring *r, uint64_t *pos);
bool ring_has(const struct ring *r, const struct entry *e);
/* Bytes that were ever written: what of it takes memory. */
uint64_t ring_touched(const struct ring *r);

#endif
