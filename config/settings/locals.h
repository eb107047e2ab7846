/* SPDX-License-Identifier: BSD-2-Clause
 *
 * locals.h - the operator's own records as one table: those of saring.yaml (`records:`), those of hosts files (`hosts:`), and the
 * PTR records that follow from their addresses. Built once for a world, by its main thread, and never changed: any thread may look
 * into it. It owns all it holds.
 *
 * What is a name's: records say what a name has, and nothing about names beside or below it, which are asked for as ever. A
 * wildcard says more: below the name that it stands under, all is local, as in a zone of that name (RFC 4592). */
#ifndef SARING_SETTINGS_LOCALS_H
#define SARING_SETTINGS_LOCALS_H

#include "base/base.h"
#include "base/str.h"
#include "wire/name.h"

#include <string.h>

#define LOCALS_TTL_S 300	  /* of a record that does not say, and of denials */
#define LOCALS_HOSTS_TTL_S 60	  /* of what a hosts file has */
#define LOCALS_CHAIN_MAX 16	  /* CNAMEs followed from one record to the next */
#define LOCALS_RECORDS_MAX 100000 /* of saring.yaml */
#define LOCALS_HOSTS_MAX 500000	  /* of all hosts files */
#define LOCALS_SOURCES_MAX 17	  /* saring.yaml, and SETTINGS_HOSTS_MAX files */

/* A record as it was read. Slices are the reader's. */
struct locals_record {
	struct str name; /* wire form, folded */
	uint16_t type;
	uint16_t source; /* which file: 0 is saring.yaml, then the hosts files in their order */
	uint32_t ttl_s;
	struct str rdata; /* wire form, names uncompressed */
	uint32_t line, column;
	bool second; /* of a hosts file: an alias, which no PTR names */
};

struct locals;
/* records: sound (values_records.c has checked them). Of a name that they have, hosts say nothing. sources: what the files are
 * called, source_count of them. NULL when there is nothing to be told. */
struct locals *locals_build(const struct locals_record *records, size_t count, const struct locals_record *hosts, size_t host_count,
			    const char *const *sources, size_t source_count);
void locals_destroy(struct locals *l); /* takes NULL */

/* What most names asked for end at, before the table: bits by parts of names and their lengths. */
struct locals_sieve {
	uint64_t *bits;
	unsigned shift; /* of the product to a bit's number */
	bool all;	/* wildcards: names that are not in the table may be local, too */
};
const struct locals_sieve *locals_sieve(const struct locals *l); /* takes NULL, and returns it then */
#define LOCALS_SIEVE_LEN 8					 /* shorter names all pass */

/* The bit of a name that is not shorter: by eight octets of its front and of its middle, as ends are alike. */
static inline uint64_t locals_sieve_bit(const struct locals_sieve *sieve, const uint8_t *wire, size_t len)
{
	const uint64_t odd = 0x9e3779b97f4a7c15u;
	uint64_t front, middle;

	memcpy(&front, wire, sizeof(front));
	memcpy(&middle, wire + len / 2 - sizeof(middle) / 2, sizeof(middle));
	return ((front ^ len) * odd + middle) * odd >> sieve->shift;
}
/* False: the table does not have that name. */
static inline bool locals_sieve_has(const struct locals_sieve *sieve, const uint8_t *wire, size_t len)
{
	if (len < LOCALS_SIEVE_LEN)
		return true;
	const uint64_t bit = locals_sieve_bit(sieve, wire, len);
	return (sieve->bits[bit / 64] >> bit % 64 & 1) != 0;
}
/* False: locals_find would find NONE. */
static inline bool locals_may_have(const struct locals_sieve *sieve, const struct name *name)
{
	return sieve->all || locals_sieve_has(sieve, name->wire, name->len);
}

struct locals_rr {
	uint16_t type;
	uint16_t len;
	uint32_t ttl_s;
	const uint8_t *rdata;
	uint32_t line;
	uint16_t source;
	bool made; /* a PTR that follows from an address; the line is the address's */
	bool near; /* a loopback address of a hosts file: this machine's business, and told to nobody else */
};

enum locals_kind {
	LOCALS_NONE,   /* nothing is known of the name */
	LOCALS_ABOVE,  /* it has no records, but names below it do: it exists, whatever others say */
	LOCALS_HERE,   /* it is local, with these records, or without any */
	LOCALS_DENIED, /* below a wildcard's name, and there is no such name */
};
struct locals_found {
	enum locals_kind kind;
	const struct locals_rr *rrs; /* those that this client is told, of all types */
	size_t count;
	unsigned zone_labels; /* of the name asked: where the denial's SOA stands */
};
/* near: the client is on this machine. Nothing allocates. */
void locals_find(const struct locals *l, const struct name *name, bool near, struct locals_found *ret);
/* The first record of that type among those found, or NULL. */
const struct locals_rr *locals_of_type(const struct locals_found *found, uint16_t type);

const char *locals_source(const struct locals *l, uint16_t source); /* what the file is called */
struct locals_counts {
	size_t records, hosts, made, names; /* of saring.yaml, of hosts files, PTRs that follow; names that have any */
};
void locals_counts(const struct locals *l, struct locals_counts *ret); /* takes NULL */
/* Each record with its owner, in the order of the files' lines as far as names go. *at begins with {0}. */
struct locals_walk {
	size_t node, rr;
};
bool locals_next(const struct locals *l, struct locals_walk *at, struct name *ret_owner, const struct locals_rr **ret);
/* The next CNAME that leads back to itself by wildcards, or to more than LOCALS_CHAIN_MAX in a row: who asks for it gets SERVFAIL.
 * Settings have none by exact names; what hosts files have ends some chains, and begins none. */
bool locals_circle(const struct locals *l, struct locals_walk *at, struct name *ret_owner, const struct locals_rr **ret);

#endif
