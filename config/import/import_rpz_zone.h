/* SPDX-License-Identifier: BSD-2-Clause
 *
 * import_rpz_zone.h - a zone file (RFC 1035 §5.1) as its records: lines, ( ) over lines, quotes, comments, $ORIGIN, $TTL, owners
 * left out, and which zone it is. What a record means is import_rpz.c's matter. Tools only. One thread.
 *
 * Comments begin with `;`; lines with `#` and `!` are comments too, as lists have them. Which zone it is need not be said: with `@
 * SOA` and no $ORIGIN the owners are relative to a zone without a name. Without any SOA and $ORIGIN an owner with a final dot is
 * taken as the name that is meant. */
#ifndef SARING_IMPORT_IMPORT_RPZ_ZONE_H
#define SARING_IMPORT_IMPORT_RPZ_ZONE_H

#include "base/buf.h"
#include "import/import.h"

/* A parenthesis that is not closed within so many lines and bytes leaves out its own line only. */
#define RPZ_GROUP_LINES 64
#define RPZ_GROUP_BYTES 65536

struct rpz_zone {
	struct import *im;
	struct import_lines lines;
	struct buf flat;   /* the record at hand in one line, without comments and parentheses */
	struct buf apex;   /* text without the final dot; empty: the root */
	struct buf origin; /* the same; relative to the apex while !origin_is_absolute */
	struct buf owner;  /* the owner at hand where it had to be put together */
	bool apex_known, has_soa, origin_is_absolute;
	bool owner_is_lost; /* no line has named one yet, or that line could not be read */
	bool is_plain;	    /* relative owners are relative to the apex: nothing to put together */
	bool has_ttl;
	uint32_t ttl_s; /* $TTL */
};

struct rpz_record {
	uint32_t line;
	struct str whole; /* the first line, for samples */
	bool same_owner;  /* as the record before */
	bool is_orphan;	  /* same_owner, but there is none: owner_is_lost */
	struct str owner; /* as written */
	bool is_block;	  /* CNAME . */
	uint16_t type;
	bool other_class;
	uint32_t ttl_s;	  /* RECORDS_TTL_UNSAID */
	struct str rdata; /* presentation form, one line; empty with is_block */
};

void rpz_zone_init(struct rpz_zone *z, struct import *im, struct str text);
void rpz_zone_finish(struct rpz_zone *z);
/* The next record; lines that are none are counted and left out. Everything in ret is valid until the next call. */
bool rpz_zone_next(struct rpz_zone *z, struct rpz_record *ret);
/* An owner without the zone's own name, in ret. */
enum rpz_place { RPZ_INSIDE, RPZ_APEX, RPZ_OUTSIDE };
enum rpz_place rpz_zone_place(struct rpz_zone *z, struct str owner, struct str *ret);
/* A SOA stands at the owner: that is the apex. */
void rpz_zone_soa(struct rpz_zone *z, struct str owner);
/* What relative names in RDATA are put before; false when the zone has no name. */
bool rpz_zone_origin(const struct rpz_zone *z, struct name *ret);

#endif
