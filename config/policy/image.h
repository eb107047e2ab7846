/* SPDX-License-Identifier: BSD-2-Clause
 *
 * image.h - the compiled policy as bytes: the layout that image_write.c writes, image_map.c and image_verify.c check, and match.c
 * and explain.c read. For config/policy only; everybody else sees match.h and explain.h. Both tiers have this format.
 *
 *      +--------------------+  0
 *      | header             |  magic, byte order, version, sizes, hash of the body, numbers; (offset, count) of each section; ends
 *      |                    |  with a checksum of itself
 *      +--------------------+  IMAGE_HEADER_SIZE: the body, which the header's hash covers
 *      | FILTER     u64     |  hot: a blocked Bloom filter over all names; a name that is in no list mostly ends here
 *      | DIR        u32     |  hot: 2^bits + 1 places in RECORDS: the buckets
 *      | RECORDS    u8      |  hot: the names, compressed, each with the number of its set
 *      | CODEC      u8      |  code lengths of the name compression (codec.h)
 *      | SET_DIR    u32     |  set n is SETS[dir[n] .. dir[n + 1])
 *      | SETS       u32     |  numbers of rules, strongest first; a name in many lists has one set
 *      | RULES      48      |  what holds for all names of a set's member: list, match, rank, until when, answer, condition
 *      | CONDS      u8      |  conditions (cond.h), each after a u32 of its length
 *      | DATA       u8      |  local records (records.h), each after a u32 of its length
 *      | PATTERNS   24      |  expressions and patterns: first those asked for every name, then those that hang on a name
 *      | ADDRESSES  32      |  of answers, then of clients; longest prefix first, then by address
 *      | IPV4 4, IPV6 16    |  for ANSWER_ADDRESS
 *      | LIFTS      8       |  live tier only: the rules that lift entries, each with its name
 *      | LISTS      136     |  cold from here: in the order of saring.yaml, those of this tier
 *      | UNTILS     i64     |  for each list the ends of its entries that end, sorted: counts what is in force without a walk;
 *      |                    |  entries in mode shadow of a list that is enforced stand here with the end IMAGE_NEVER
 *      | REVIEWS    32     |  which entries are to be looked at again: by the date, then list, provenance and end
 *      | PROVENANCE 72      |  each once
 *      | CONTACTS   u32     |  strings
 *      | STRING_ENDS u32    |  string n is STRINGS[ends[n-1] .. ends[n])
 *      | STRINGS    u8      |  UTF-8, each once
 *      | COLD_DIR   u32     |  for each IMAGE_COLD_BUCKETS buckets a place in COLD, and the end
 *      | COLD       u8      |  for each record in order, for each rule of its set that is an entry: varint line * 2 + has_text
 *      |                    |  [varint string: the entry as written]
 *      +--------------------+  total size
 *
 * Every section starts at the next multiple of 64 after the one before (zeroes between): sections cannot overlap, and a filter word
 * or a bucket's head never straddles a line. Numbers are little-endian; hot ones are read by aligned loads on a little-endian
 * machine (image_open refuses another).
 *
 * A name in the index. Its labels are coded from the right (codec.h) to a string of bits, so that a parent's code is, but for the
 * end mark, the beginning of its children's. Of the code, the first `bits` bits are left out: with R the bytes that remain (the
 * last padded with zeroes) and H a hash of R, the name stands in bucket (first bits) XOR (H's upper bits). Bucket and R together
 * give the whole name back: comparing R is comparing the name, exactly. A record:
 *
 *      u8    set number (low 3 bits; 7: a varint of number - 7 follows), length of R (high 5; 31: then a varint of length - 31)
 *      R
 *
 * Sets are numbered by how many names have them, so that nearly all records have one byte beside R. varint: LEB128.
 *
 * Below a blocked name an allow entry may lie (RFC 8020): each name above an allow entry's has a rule of match IMAGE_MATCH_BELOW in
 * its set, in force as long as some such allow entry is; it never decides anything and is no entry. IMAGE_H_LABELS_ABOVE tells for
 * which names it may be worth looking. Patterns with a literal end hang on the name of that end: a rule of match MATCH_PATTERN in
 * its set, asked for names below.
 *
 * A lift outranks an entry of a list that cannot be edited, until that list drops it. It is a rule of match IMAGE_MATCH_LIFT in the
 * live tier, at the very name and of the order of the list; the list itself may lie in either tier, which is not compiled anew for
 * it. It decides nothing: an entry that would have decided is passed over when such a rule is there from that second on
 * (IMAGE_RULE_UNTIL) and is of the same parity of rank, which says whether it lifts what blocks or what allows. It has no line in
 * COLD, and no LIST; its PROVENANCE says who lifted, and why.
 *
 * The hash H and the filter's hash have fixed seeds but `seed`, which the writer raises until no bucket holds more than
 * IMAGE_BUCKET_MAX records: nobody gains by a list of names that collide. Times and the generation stand in the header, outside the
 * hash: the same input gives the same body. */
#ifndef SARING_POLICY_IMAGE_H
#define SARING_POLICY_IMAGE_H

#include "base/base.h"
#include "policy/terms.h"

#include <assert.h>

#define IMAGE_MAGIC "\x89SARING\n"
#define IMAGE_MAGIC_LEN 8
#define IMAGE_BYTE_ORDER 0x0a0b0c0du
#define IMAGE_VERSION 6
#define IMAGE_NONE UINT32_MAX	/* no string, no condition, no data */
#define IMAGE_FOREVER INT64_MAX /* until: has no end */
#define IMAGE_NEVER INT64_MIN	/* in UNTILS: was at no time in force */
#define IMAGE_BITS_MAX 28	/* of the buckets; 0 when there are few names */
#define IMAGE_PER_BUCKET 8	/* bits are the least for which buckets hold no more than these on average: 4 to 8 */
#define IMAGE_BUCKET_MAX 128	/* records in a bucket */
#define IMAGE_FILTER_BITS 16	/* for a name, on average */
#define IMAGE_FILTER_PROBES 4	/* bits set in one word */
#define IMAGE_COLD_BUCKETS 16
#define IMAGE_ALIGN 64
#define IMAGE_EXTRA_TEXT_MAX 200  /* bytes of an extended DNS error's text */
#define IMAGE_STRUCTURED_MAX 1000 /* bytes of one that is structured */
#define IMAGE_STRUCTURED_FORMS 3  /* of it: whole, with less, with the least (compile/structured.h) */
#define IMAGE_CONTACTS_MAX 16

enum image_section_id {
	IMAGE_FILTER,
	IMAGE_DIR,
	IMAGE_RECORDS,
	IMAGE_CODEC,
	IMAGE_SET_DIR,
	IMAGE_SETS,
	IMAGE_RULES,
	IMAGE_CONDS,
	IMAGE_DATA,
	IMAGE_PATTERNS,
	IMAGE_ADDRESSES,
	IMAGE_IPV4,
	IMAGE_IPV6,
	IMAGE_LIFTS,
	IMAGE_LISTS,
	IMAGE_UNTILS,
	IMAGE_REVIEWS,
	IMAGE_PROVENANCE,
	IMAGE_CONTACTS,
	IMAGE_STRING_ENDS,
	IMAGE_STRINGS,
	IMAGE_COLD_DIR,
	IMAGE_COLD,
	IMAGE_SECTION_COUNT,
};

/* Places in the header. */
enum {
	IMAGE_H_MAGIC = 0,
	IMAGE_H_BYTE_ORDER = 8,	     /* u32 */
	IMAGE_H_VERSION = 12,	     /* u16 */
	IMAGE_H_HEADER_SIZE = 14,    /* u16 */
	IMAGE_H_TOTAL_SIZE = 16,     /* u64 */
	IMAGE_H_BODY_HASH = 24,	     /* 16 bytes: XXH3-128 of the body; also what tells that two images are the same */
	IMAGE_H_SETTINGS_HASH = 40,  /* 16 bytes: XXH3-128 of saring.yaml; zeroes in a bulk image */
	IMAGE_H_BULK_HASH = 56,	     /* 16 bytes: body hash of the bulk image that belongs to a live one; zeroes: none */
	IMAGE_H_COMPILED_AT = 72,    /* i64; 0: when the file was written */
	IMAGE_H_GENERATION = 80,     /* u32; 0 in a bulk image */
	IMAGE_H_TTL = 84,	     /* u32, seconds: block.ttl */
	IMAGE_H_NAME_COUNT = 88,     /* u32: records */
	IMAGE_H_ENTRY_COUNT = 92,    /* u32: of all lists */
	IMAGE_H_LABELS_AT = 96,	     /* 2 x u64: bit n = some name of n labels has a rule that speaks for the name itself */
	IMAGE_H_LABELS_BELOW = 112,  /* 2 x u64: ... for names below it */
	IMAGE_H_LABELS_ABOVE = 128,  /* 2 x u64: ... has a rule of match IMAGE_MATCH_BELOW */
	IMAGE_H_SEED = 144,	     /* u32 */
	IMAGE_H_GENERAL_COUNT = 148, /* u32: of PATTERNS, asked for every name */
	IMAGE_H_ANSWER_COUNT = 152,  /* u32: of ADDRESSES, for answers; the rest is for clients */
	IMAGE_H_BITS = 156,	     /* u8 */
	IMAGE_H_RANKS = 157,	     /* u8: bit n = some rule has rank n */
	IMAGE_H_TIER = 158,	     /* u8: enum image_tier */
	IMAGE_H_ZERO = 159,	     /* u8 */
	IMAGE_H_LIFTS_HASH = 160,    /* 16 bytes: lifts_hash of the file of lifts; zeroes in a bulk image, and when there is none */
	IMAGE_H_SECTIONS = 176,	     /* u64 offset, u64 count for each */
	IMAGE_H_HEADER_CHECKSUM = IMAGE_H_SECTIONS + 16 * IMAGE_SECTION_COUNT, /* u64: XXH3-64 of the header up to here */
	IMAGE_HEADER_SIZE = (IMAGE_H_HEADER_CHECKSUM + 8 + IMAGE_ALIGN - 1) / IMAGE_ALIGN * IMAGE_ALIGN,
};
static_assert(IMAGE_HEADER_SIZE == 576, "the header's size is part of the format");

enum image_tier { IMAGE_LIVE = 0, IMAGE_BULK = 1 };

enum {
	IMAGE_RULE_UNTIL = 0, /* i64: in force before this second; the earlier of expiry and lift. IMAGE_MATCH_LIFT: from it on */
	IMAGE_RULE_PROVENANCE = 8,  /* u32; 0 for IMAGE_MATCH_BELOW */
	IMAGE_RULE_COND = 12,	    /* u32, place in CONDS, or IMAGE_NONE */
	IMAGE_RULE_DATA = 16,	    /* u32, place in DATA, or IMAGE_NONE */
	IMAGE_RULE_PATTERN = 20,    /* u32, for MATCH_REGEX and MATCH_PATTERN, else IMAGE_NONE */
	IMAGE_RULE_LIST = 24,	    /* u16, in this image's LISTS */
	IMAGE_RULE_ORDER = 26,	    /* u16, of the list in saring.yaml */
	IMAGE_RULE_MATCH = 28,	    /* u8 */
	IMAGE_RULE_RANK = 29,	    /* u8: rank, and IMAGE_SHADOW */
	IMAGE_RULE_ANSWER = 30,	    /* u8: enum answer */
	IMAGE_RULE_CODE = 31,	    /* u8: enum code */
	IMAGE_RULE_EXTRA_TEXT = 32, /* u32: string of the extended DNS error, or IMAGE_NONE */
	IMAGE_RULE_STRUCTURED = 36, /* 3 x u32: strings of the same for clients that want it structured, or IMAGE_NONE */
	IMAGE_RULE_SIZE = 48,
};
#define IMAGE_SHADOW 0x80u
/* No enum match, and no entries: see above. */
#define IMAGE_MATCH_BELOW 0x40u
#define IMAGE_MATCH_LIFT 0x20u

enum {
	IMAGE_PATTERN_RULE = 0,	   /* u32 */
	IMAGE_PATTERN_TEXT = 4,	   /* string: the expression, or the pattern */
	IMAGE_PATTERN_WRITTEN = 8, /* string, or IMAGE_NONE: as TEXT */
	IMAGE_PATTERN_LINE = 12,   /* u32 */
	IMAGE_PATTERN_NEED = 16,   /* u32: three bytes (first lowest) that stand in every name it matches; 0: not known */
	IMAGE_PATTERN_FLAGS = 20,  /* u32 */
	IMAGE_PATTERN_SIZE = 24,
};
#define IMAGE_PATTERN_REGEX 1u /* else a pattern with `*` */
#define IMAGE_PATTERN_CASELESS 2u
#define IMAGE_PATTERN_SUBTREE 4u /* a pattern: or any name above the asked one */

enum {
	IMAGE_ADDRESS_BYTES = 0,    /* 16: v4 as v4-mapped */
	IMAGE_ADDRESS_RULE = 16,    /* u32 */
	IMAGE_ADDRESS_LINE = 20,    /* u32 */
	IMAGE_ADDRESS_WRITTEN = 24, /* string, or IMAGE_NONE */
	IMAGE_ADDRESS_BITS = 28,    /* u8: of the prefix, of 128; three zeroes */
	IMAGE_ADDRESS_SIZE = 32,
};

enum {
	IMAGE_LIFT_RULE = 0, /* u32 */
	IMAGE_LIFT_NAME = 4, /* string: the entry's name */
	IMAGE_LIFT_SIZE = 8,
};

enum {
	IMAGE_LIST_NAME = 0,	     /* string */
	IMAGE_LIST_FILE = 4,	     /* string */
	IMAGE_LIST_TITLE = 8,	     /* string */
	IMAGE_LIST_ENTRY_COUNT = 12, /* u32 */
	IMAGE_LIST_CHANGED_AT = 16,  /* i64 */
	IMAGE_LIST_UNTIL_FIRST = 24, /* u32, in UNTILS */
	IMAGE_LIST_UNTIL_COUNT = 28, /* u32 */
	IMAGE_LIST_ACTION = 32,	     /* u8 */
	IMAGE_LIST_MODE = 33,	     /* u8 */
	IMAGE_LIST_MANDATORY = 34,   /* u8 */
	IMAGE_LIST_FORMAT = 35,	     /* u8 */
	IMAGE_LIST_ORDER = 36,	     /* u16: place among the lists of saring.yaml, off ones counted; and two zeroes */
	IMAGE_LIST_IDENTITY = 40,    /* 40 bytes: five u64 of struct source_identity */
	IMAGE_LIST_CONTENT = 80,     /* 16 bytes: the segment's key */
	IMAGE_LIST_SETTINGS = 96,    /* 16 bytes: hash of what settings say of this list and of block:; compile.c */
	IMAGE_LIST_MEANING =
	    112, /* 16 bytes: hash of what the list says and of what settings say of it, wherever it lies; compile.c */
	IMAGE_LIST_LIFTS = 128, /* u32: entries that say when they were lifted, or will be; and four zeroes */
	IMAGE_LIST_SIZE = 136,
};
enum {
	IMAGE_PROV_AUTHORITY = 0, /* strings, IMAGE_NONE for what is not said */
	IMAGE_PROV_REASON = 4,
	IMAGE_PROV_REFERENCE = 8,
	IMAGE_PROV_ADDED = 12,
	IMAGE_PROV_REVIEW = 16,
	IMAGE_PROV_EXPIRES = 20,
	IMAGE_PROV_LIFTED = 24,
	IMAGE_PROV_LIFTED_BY = 28,
	IMAGE_PROV_LIFT_REASON = 32,
	IMAGE_PROV_LIFT_REFERENCE = 36,
	IMAGE_PROV_ORGANIZATION = 40,
	IMAGE_PROV_LANGUAGE = 44,
	IMAGE_PROV_CONTACT_FIRST = 48, /* u32, in CONTACTS */
	IMAGE_PROV_CONTACT_COUNT = 52, /* u16 */
	IMAGE_PROV_CODE = 54,	       /* u8 */
	IMAGE_PROV_SUB_ERROR = 55,     /* u8: one that goes with the code, or SUB_ERROR_NONE */
	IMAGE_PROV_EXPIRES_S = 56,     /* i64, IMAGE_FOREVER when not said */
	IMAGE_PROV_LIFTED_S = 64,      /* i64, IMAGE_FOREVER when not said */
	IMAGE_PROV_SIZE = 72,
};

enum {
	IMAGE_REVIEW_AT = 0,	      /* i64 */
	IMAGE_REVIEW_UNTIL = 8,	      /* i64: they end then, or were lifted; IMAGE_FOREVER */
	IMAGE_REVIEW_PROVENANCE = 16, /* u32; one that says a review */
	IMAGE_REVIEW_COUNT = 20,      /* u32: of entries, at least 1 */
	IMAGE_REVIEW_LIST = 24,	      /* u16, in this image's LISTS; and six zeroes */
	IMAGE_REVIEW_SIZE = 32,
};

/* Bytes of one record of each section; part of the format. */
static const uint8_t image_record_sizes[IMAGE_SECTION_COUNT] = {
    [IMAGE_FILTER] = 8,
    [IMAGE_DIR] = 4,
    [IMAGE_RECORDS] = 1,
    [IMAGE_CODEC] = 1,
    [IMAGE_SET_DIR] = 4,
    [IMAGE_SETS] = 4,
    [IMAGE_RULES] = IMAGE_RULE_SIZE,
    [IMAGE_CONDS] = 1,
    [IMAGE_DATA] = 1,
    [IMAGE_PATTERNS] = IMAGE_PATTERN_SIZE,
    [IMAGE_ADDRESSES] = IMAGE_ADDRESS_SIZE,
    [IMAGE_IPV4] = 4,
    [IMAGE_IPV6] = 16,
    [IMAGE_LIFTS] = IMAGE_LIFT_SIZE,
    [IMAGE_LISTS] = IMAGE_LIST_SIZE,
    [IMAGE_UNTILS] = 8,
    [IMAGE_REVIEWS] = IMAGE_REVIEW_SIZE,
    [IMAGE_PROVENANCE] = IMAGE_PROV_SIZE,
    [IMAGE_CONTACTS] = 4,
    [IMAGE_STRING_ENDS] = 4,
    [IMAGE_STRINGS] = 1,
    [IMAGE_COLD_DIR] = 4,
    [IMAGE_COLD] = 1,
};

/* Lower is stronger; odd ones block. */
enum rank {
	RANK_MANDATORY_ALLOW = 0,
	RANK_MANDATORY_BLOCK = 1,
	RANK_IMPORTANT_ALLOW = 2, /* a list of allow entries; adblock's @@...$important */
	RANK_IMPORTANT_BLOCK = 3, /* adblock's $important */
	RANK_ALLOW = 4,		  /* an allow rule of a block list (@@, rpz-passthru, transparent) */
	RANK_BLOCK = 5,
};
#define RANK_COUNT 6

/* list_allows: the list's own action is allow. */
static inline enum rank rank_of(enum action action, bool list_allows, bool important, bool mandatory)
{
	unsigned blocks = action == ACTION_BLOCK;
	if (mandatory)
		return (enum rank)(RANK_MANDATORY_ALLOW + blocks);
	if (important || (!blocks && list_allows))
		return (enum rank)(RANK_IMPORTANT_ALLOW + blocks);
	return (enum rank)(RANK_ALLOW + blocks);
}

static inline bool rank_blocks(unsigned rank)
{
	return (rank & 1) != 0;
}

static inline bool rank_mandatory(unsigned rank)
{
	return rank <= RANK_MANDATORY_BLOCK;
}

/* Is a rule with this match an entry of some list, with a line there? */
static inline bool image_match_is_entry(unsigned match)
{
	return match <= MATCH_CLIENT;
}

/* Does a rule with this match speak for the name it stands at (whole), or for one below it? */
static inline bool image_match_applies(unsigned match, bool whole)
{
	return match == MATCH_SUBTREE || match == (whole ? MATCH_EXACT : MATCH_SUBDOMAINS) || match == MATCH_PATTERN;
}

#endif
