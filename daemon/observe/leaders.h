/* SPDX-License-Identifier: BSD-2-Clause
 *
 * leaders.h - who leads in the last day: names blocked most often, clients that ask most, lists that block most; in bounded memory
 * (top.h), as traffic.h does it for names asked.
 *
 * Segments of six hours, the one under way and the four before it; of each kind TOP_NAMES are counted in each. All together take
 * some 1.5 MiB when they are full. Which clients there are is kept as far as log.privacy lets it be told. Not kept over a restart.
 * Main thread. */
#ifndef SARING_OBSERVE_LEADERS_H
#define SARING_OBSERVE_LEADERS_H

#include "observe/fact.h"
#include "observe/top.h"

#define LEADERS_SEGMENT_S 21600
#define LEADERS_SEGMENTS 5

enum leaders_kind { LEADERS_BLOCKED, LEADERS_CLIENTS, LEADERS_LISTS, LEADERS_KINDS };

struct leaders;
MUST_CHECK struct leaders *leaders_create(int64_t now_s);
void leaders_destroy(struct leaders *l); /* takes NULL */
void leaders_forget(struct leaders *l, int64_t now_s);
/* A query of a client that was served, and that stands for its weight. */
void leaders_take(struct leaders *l, const struct fact *fact, enum privacy privacy);

struct leader {
	uint64_t count, error; /* as in struct top_name */
	uint64_t clients;      /* about so many asked; 0 for clients */
	struct str key;	       /* a name in wire form; a wide address and how many bits of it are known; a list's name */
	struct str note;       /* of a name: the list that blocked it last */
};
struct leaders_digest {
	int64_t since_s;
	uint64_t total;		/* of that kind: all blocked queries, all queries, all blocks by lists */
	struct leader *leaders; /* owned, the first first; what they hold is borrowed until the next leaders_take */
	size_t count;
};
void leaders_digest(struct leaders *l, enum leaders_kind kind, int64_t now_s, struct leaders_digest *ret);
void leaders_digest_finish(struct leaders_digest *d);

#endif
