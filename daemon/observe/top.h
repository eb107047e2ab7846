/* SPDX-License-Identifier: BSD-2-Clause
 *
 * top.h - the most frequent names of a stream, in bounded memory (space-saving; Metwally, Agrawal, El Abbadi 2005).
 *
 * TOP_NAMES names are counted. A name that is not among them takes the place of the least frequent one, and its count, as `error`:
 * it may have been asked so often before it was seen, and not more. Every name asked more often than 1 in TOP_NAMES is among them.
 * Other keys than names are counted alike (top_take_key).
 * Main thread. */
#ifndef SARING_OBSERVE_TOP_H
#define SARING_OBSERVE_TOP_H

#include "base/sketch.h"
#include "wire/name.h"

#define TOP_NAMES 1024

struct top_name {
	uint64_t count;		 /* at most; at least count - error */
	uint64_t error;		 /* 0: exact */
	struct distinct clients; /* since it has its place */
	uint64_t hash;
	uint16_t note; /* the caller's; 0 when it has just got its place */
	uint8_t len;   /* of wire */
	uint8_t *wire; /* owned */
};

struct top;
MUST_CHECK struct top *top_create(void);
void top_destroy(struct top *t); /* takes NULL */
/* hash: of the name, keyed. client: the upper half of one of the client. */
void top_take(struct top *t, const struct name *name, uint64_t hash, uint32_t client, uint32_t weight);
/* The same for any key of 1 to 255 bytes. Returns its place, borrowed until the next one is taken. */
struct top_name *top_take_key(struct top *t, const uint8_t *key, uint8_t len, uint64_t hash, uint32_t client, uint32_t weight);
size_t top_count(const struct top *t);
const struct top_name *top_at(const struct top *t, size_t i); /* in no order */

#endif
