/* SPDX-License-Identifier: BSD-2-Clause
 *
 * special.h - the names that a forwarder answers itself, or may be told to (RFC 6761, RFC 6303 and those after them): one row each,
 * with what is answered and who says so. daemon/query/names.c answers by it; saring.yaml's `names` switches rows. A row holds for
 * its name and all below it. Const data; any thread. */
#ifndef SARING_SETTINGS_SPECIAL_H
#define SARING_SETTINGS_SPECIAL_H

#include "base/base.h"
#include "wire/name.h"

enum special_kind {
	SPECIAL_LOCALHOST, /* A 127.0.0.1, AAAA ::1, no other data */
	SPECIAL_DENIED,	   /* NXDOMAIN, the name itself too */
	SPECIAL_EMPTY,	   /* RFC 6303: SOA and NS at the top, no other data there; NXDOMAIN below */
	SPECIAL_RESOLVER,  /* the same, but _dns below it exists and has no data (RFC 9462 §6.4) */
	SPECIAL_LOOPBACK,  /* the same, but the loopback address below it, or it, has PTR localhost */
};

enum special_when {
	SPECIAL_ALWAYS,	 /* but where `names.forward` says otherwise */
	SPECIAL_OUTSIDE, /* the same, but servers of one's own network are asked: they may know it */
	SPECIAL_ON_WISH, /* where `names.deny` says so */
};

struct special {
	const char *name;   /* as people write it, no final dot */
	const char *source; /* "RFC 6761" */
	enum special_kind kind;
	enum special_when when;
};

#define SPECIAL_MAX 160	       /* rows, at most */
#define SPECIAL_LABELS_MAX 34u /* of a row: a whole IPv6 address below ip6.arpa */
#define SPECIAL_SLOTS 512u
#define SPECIAL_END_LEN 3 /* octets of text that every row has at least */
extern const struct special specials[];
extern const size_t special_count;

/* All rows by the hash of their names, and those that are on by how they end. */
struct special_index {
	bool ends[1024];
	uint8_t slots[SPECIAL_SLOTS]; /* a row's number + 1; 0: free. Linear probing */
};
/* on: those that special_may_be is about. */
void special_index_make(const bool on[SPECIAL_MAX], struct special_index *ret);

/* The row of the longest name at or above `name` (folded), of those in `on` (NULL: of all); -1 when there is none. */
int special_find(const struct special_index *index, const struct name *name, const bool *on);

static inline unsigned special_end(const uint8_t end[SPECIAL_END_LEN])
{
	return (end[0] * 31u ^ end[1] * 5u ^ end[2] * 131u) & 1023u;
}
/* Could a name that ends so be one that is on? What nearly all names fail, in a few instructions. */
static inline bool special_may_be(const struct special_index *index, const struct name *name)
{
	return name->len > SPECIAL_END_LEN + 1 && index->ends[special_end(name->wire + name->len - 1 - SPECIAL_END_LEN)];
}

#endif
