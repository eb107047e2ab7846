/* SPDX-License-Identifier: BSD-2-Clause
 *
 * hits.h - how often each entry of each list has acted: a table of those that ever did, by what they are and not by where they
 * stand.
 *
 * An entry is its list's name, its match, its name (or pattern, or address) and its conditions: the table outlives reloads, and
 * restarts by a file. It holds HITS_MAX entries; when it is full, one of those not hit for long goes, and is counted, so that who
 * says "never hit" can say with what reservation. Figures are weights of facts (tap.h): exact while every query is recorded. Main
 * thread. */
#ifndef SARING_OBSERVE_HITS_H
#define SARING_OBSERVE_HITS_H

#include "base/base.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "policy/terms.h"

#define HITS_MAX 65536
#define HITS_LISTS_MAX 1024		 /* names of lists; entries of more are not counted */
#define HITS_FILE_MAX ((size_t)64 << 20) /* bytes of a file that is read */
#define HITS_KEY_MAX 4096		 /* bytes of a key, or of an entry as written */
#define HITS_TEXT_MAX 4600
#define HITS_NO_LIST UINT16_MAX

struct hit {
	uint64_t hash;
	uint64_t hits;	      /* it has blocked, or let through */
	uint64_t would_block; /* were it not in mode shadow */
	int64_t last_s;	      /* wall clock, of either */
	int64_t until_s;      /* when the last answer handed out for it must be forgotten; 0: none was */
	uint64_t conditions;
	uint32_t ttl_s; /* the longest of an answer handed out */
	uint16_t list;
	uint8_t match; /* enum match */
	bool has_written;
	uint16_t key_len, written_len;
	uint8_t bytes[]; /* key, then the entry as written, if that says more */
};
static inline struct str hit_key(const struct hit *h)
{
	return (struct str){(const char *)h->bytes, h->key_len};
}
/* ptr NULL: as the key says it. */
static inline struct str hit_written(const struct hit *h)
{
	return (struct str){h->has_written ? (const char *)h->bytes + h->key_len : NULL, h->written_len};
}

/* How the entry is shown: as explain does, made safe to print. buf is returned. */
char *hit_text(const struct hit *h, char buf[HITS_TEXT_MAX]);

struct hits_key {
	uint16_t list; /* hits_list */
	enum match match;
	uint64_t conditions;
	struct str key; /* policy/ident.h */
};

struct hits;
MUST_CHECK struct hits *hits_create(int64_t now_s);
void hits_destroy(struct hits *h); /* takes NULL */

/* The number of a list's name in this table; HITS_NO_LIST when there are too many. */
uint16_t hits_list(struct hits *h, struct str name);
struct str hits_list_name(const struct hits *h, uint16_t list);

/* NULL: never hit. Borrowed until the next hits_add. */
MUST_CHECK struct hit *hits_find(struct hits *h, const struct hits_key *key);
/* One that is not there yet; written as in policy_ident_written. NULL when it is too long to be kept. */
MUST_CHECK struct hit *hits_add(struct hits *h, const struct hits_key *key, struct str written);
/* at_s: of the second in which the answer was sent, at whose end the client may have got it. */
void hit_block(struct hit *hit, uint64_t weight, int64_t at_s, uint32_t ttl_s);
void hit_allow(struct hit *hit, uint64_t weight, int64_t at_s);
void hit_shadow(struct hit *hit, uint64_t weight, int64_t at_s);

struct hits_info {
	int64_t since_s;   /* counting began */
	size_t count;	   /* entries */
	uint64_t evicted;  /* that had to go, since then */
	int64_t inexact_s; /* when a fact was last left out; 0: never */
};
void hits_info(const struct hits *h, struct hits_info *ret);
/* Facts were sampled, or lost, at that time: any entry may have been hit then. */
void hits_inexact(struct hits *h, int64_t at_s);
/* Until when clients may keep an answer of this entry, what was not recorded included. 0: none was handed out. */
int64_t hits_until(const struct hits *h, const struct hit *hit);

/* Each entry, in no order; start with *cursor 0; NULL at the end. */
const struct hit *hits_next(const struct hits *h, size_t *cursor);

/* As bytes, with a checksum (hits_file.c). hits_read takes only what is whole and sound: else NULL, and err says what is not.
 * complete: nothing is counted after this, so that the table can be gone on with as if nobody had stopped. From any other file
 * something may be missing: who reads it says so by hits_inexact. A list's name that no entry needs is not taken over. */
void hits_write(const struct hits *h, bool complete, struct buf *ret);
MUST_CHECK struct hits *hits_read(struct str bytes, bool *ret_complete, struct err *err);
uint64_t hits_sum(const void *bytes, size_t len); /* of what follows magic and sum; for tests */
void hits_begin(struct hits *h, int64_t since_s, uint64_t evicted, int64_t inexact_s); /* for hits_read */

#endif
