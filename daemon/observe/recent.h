/* SPDX-License-Identifier: BSD-2-Clause
 *
 * recent.h - the last queries, in memory alone: a ring of so many as log.recent says, each with all that a log tells of it.
 *
 * Entries are numbered from 1 on as they come, so that whoever reads in pieces, or follows, says by a number where to go on, and
 * sees by the numbers what went meanwhile: the ring is the only buffer there is. One takes some 150 bytes, and at most
 * RECENT_ENTRY_MAX. What log.privacy does not let be told is not kept. Main thread. */
#ifndef SARING_OBSERVE_RECENT_H
#define SARING_OBSERVE_RECENT_H

#include "observe/fact.h"
#include "settings/settings.h"

#define RECENT_TEXT_MAX 240 /* bytes of a list's name, an entry, a server: what is longer is cut */
#define RECENT_ENTRY_MAX (sizeof(struct recent_entry) + NAME_LEN_MAX + 4 * (RECENT_TEXT_MAX + 1))

struct recent_entry {
	uint64_t number;
	int64_t at_us; /* wall clock */
	uint32_t took_us, ttl_s, weight;
	uint16_t type, rcode, port; /* port 0: not told */
	uint8_t fate, via, verdict; /* as in struct fact */
	bool answered, by_answer;
	uint8_t client_bits; /* of address, wide: 128 all of it, less a network; 0: not told */
	uint8_t name_len;    /* 0: there was no question */
	uint8_t list_len, entry_len, server_len, group_len;
	uint8_t address[ADDR_WIDE_LEN];
	uint8_t bytes[]; /* the name in wire form, then the four texts, each with a NUL behind it */
};
/* NULL: none. Borrowed as the entry. */
const char *recent_list(const struct recent_entry *e);
const char *recent_entry_text(const struct recent_entry *e);
const char *recent_server(const struct recent_entry *e);
const char *recent_group(const struct recent_entry *e);

struct recent;
MUST_CHECK struct recent *recent_create(void); /* for no entry yet */
void recent_destroy(struct recent *r);	       /* takes NULL */
/* So many entries from now on; the oldest go. */
void recent_resize(struct recent *r, size_t limit);
/* What is kept from now on. Another than before: what was kept by then is forgotten. */
void recent_set_privacy(struct recent *r, enum privacy privacy);
void recent_take(struct recent *r, const struct fact *fact);

uint64_t recent_oldest(const struct recent *r); /* the number of the oldest entry there is, or else of the next */
uint64_t recent_next(const struct recent *r);	/* the number that the next entry will get */
/* NULL: gone, or not yet. Borrowed until the next recent_take. */
const struct recent_entry *recent_at(const struct recent *r, uint64_t number);

struct recent_filter {
	bool blocked; /* blocked, and what a list in mode shadow would have blocked */
	bool has_client, has_name;
	unsigned client_bits; /* of the 128 */
	uint8_t client[ADDR_WIDE_LEN];
	struct name name; /* and all below it; folded */
};
/* A client of whom the network alone is known is held by whatever its network holds, or is held by. */
bool recent_passes(const struct recent_entry *e, const struct recent_filter *filter);

#endif
