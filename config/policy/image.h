/* SPDX-License-Identifier: BSD-2-Clause
 *
 * image.h - the compiled policy as bytes: the layout that image_write.c writes, image_map.c and image_verify.c check, and match.c
 * and explain.c read. For config/policy only; everybody else sees match.h and explain.h.
 *
 *      +--------------------+  0
 *      | header             |  magic, byte order, version, sizes, checksums, content hash, generation, time; one (offset, count)
 * for |                    |  each section; ends with a checksum of itself
 *      +--------------------+  IMAGE_HEADER_SIZE: from here on the body, which the header's other checksum covers
 *      | NAME_DIR   u32     |  hot: 2^bits + 1 places in NAMES; bucket = the hash's upper bits
 *      | NAMES      24      |  hot: hash, wire place and length, first entry and count; in order of (hash, wire)
 *      | ENTRIES    16      |  hot: in force until, list, match, rank; entries of one name adjacent, best rank first; then those
 * with a |                    |       regular expression, best rank first | BELOW_DIR  u32     |  names that have an allow entry
 * below them (RFC 8020), found like NAMES | BELOW      24      | | BELOW_TIMES 16     |  for each of them: until when an ordinary,
 * and a mandatory, allow entry lies below | WIRE       u8      |  hot: folded wire-form names; BELOW's lie inside those of NAMES |
 * IPV4 4, IPV6 16    |  for ANSWER_ADDRESS | LISTS      40      |  cold from here: in the order of saring.yaml, those in mode off
 * left out | UNTILS     i64     |  for each list the ends of its entries that end, sorted: counts what is in force without a walk
 *      | COLD       16      |  for each entry, same number: provenance, text as written, line, column
 *      | PROVENANCE 56      |  each once
 *      | CONTACTS   u32     |  strings
 *      | STRING_ENDS u32    |  string n is STRINGS[ends[n-1] .. ends[n])
 *      | STRINGS    u8      |  UTF-8, each once
 *      +--------------------+  total size
 *
 * Every section starts at the next multiple of 8 after the one before (zeroes between): sections cannot overlap. Numbers are
 * little-endian and read byte by byte, so that neither alignment nor the machine's order matters; the byte-order mark tells a
 * foreign image from a damaged one. The hash is SipHash-1-3 of the wire form with a key made from the content hash, so that the
 * same input gives the same bytes and yet nobody can choose names that collide without changing the key.
 *
 * A struct policy is only made by a pass over every byte of this; afterwards every index in it is good. Accessors still check
 * theirs. */
#ifndef SARING_POLICY_IMAGE_H
#define SARING_POLICY_IMAGE_H

#include "base/base.h"
#include "base/err.h"
#include "base/file.h"
#include "base/siphash.h"
#include "base/str.h"
#include "policy/match.h"
#include "policy/pattern.h"
#include "policy/terms.h"
#include "wire/name.h"

#include <assert.h>

#define IMAGE_MAGIC "\x89SARING\n"
#define IMAGE_MAGIC_LEN 8
#define IMAGE_BYTE_ORDER 0x0a0b0c0du
#define IMAGE_VERSION 1
#define IMAGE_NONE UINT32_MAX	/* no string, no name */
#define IMAGE_FOREVER INT64_MAX /* until: has no end */
#define IMAGE_NEVER INT64_MIN	/* until: there is none */
#define IMAGE_BITS_MAX 31
#define IMAGE_CONTACTS_MAX 16	 /* of one entry; struct policy_entry has room for these */
#define IMAGE_EXTRA_TEXT_MAX 200 /* bytes of an extended DNS error's text */
#define IMAGE_PATTERN_LEN_MAX 255

enum image_section_id {
	IMAGE_NAME_DIR,
	IMAGE_NAMES,
	IMAGE_ENTRIES,
	IMAGE_BELOW_DIR,
	IMAGE_BELOW,
	IMAGE_BELOW_TIMES,
	IMAGE_WIRE,
	IMAGE_IPV4,
	IMAGE_IPV6,
	IMAGE_LISTS,
	IMAGE_UNTILS,
	IMAGE_COLD,
	IMAGE_PROVENANCE,
	IMAGE_CONTACTS,
	IMAGE_STRING_ENDS,
	IMAGE_STRINGS,
	IMAGE_SECTION_COUNT,
};

/* Places in the header. */
enum {
	IMAGE_H_MAGIC = 0,
	IMAGE_H_BYTE_ORDER = 8,	    /* u32 */
	IMAGE_H_VERSION = 12,	    /* u16 */
	IMAGE_H_HEADER_SIZE = 14,   /* u16 */
	IMAGE_H_TOTAL_SIZE = 16,    /* u64 */
	IMAGE_H_CHECKSUM = 24,	    /* u64, of the body */
	IMAGE_H_CONTENT_HASH = 32,  /* 16 bytes: of what was compiled; tells changes, not forgeries */
	IMAGE_H_COMPILED_AT = 48,   /* i64 */
	IMAGE_H_GENERATION = 56,    /* u32 */
	IMAGE_H_TTL = 60,	    /* u32, seconds */
	IMAGE_H_LABEL_COUNTS = 64,  /* 2 x u64: bit n = some name in NAMES has n labels */
	IMAGE_H_RANKS = 80,	    /* u8: bit n = some entry has rank n */
	IMAGE_H_NAME_BITS = 81,	    /* u8 */
	IMAGE_H_BELOW_BITS = 82,    /* u8 */
	IMAGE_H_ZERO = 83,	    /* u8 */
	IMAGE_H_PATTERN_COUNT = 84, /* u32: entries with a regular expression */
	IMAGE_H_SECTIONS = 88,	    /* u64 offset, u64 count for each */
	IMAGE_H_HEADER_CHECKSUM = IMAGE_H_SECTIONS + 16 * IMAGE_SECTION_COUNT, /* u64, of the header up to here */
	IMAGE_HEADER_SIZE = IMAGE_H_HEADER_CHECKSUM + 8,
};
static_assert(IMAGE_HEADER_SIZE == 352, "the header's size is part of the format");
static_assert(IMAGE_HEADER_SIZE % 8 == 0, "the body starts aligned");
static_assert(NAME_LABELS_MAX < 128, "label counts fit their bitmap");

/* A record of NAMES and BELOW. */
enum {
	IMAGE_NAME_HASH = 0,	/* u64 */
	IMAGE_NAME_WIRE = 8,	/* u32, place in WIRE */
	IMAGE_NAME_FIRST = 12,	/* u32, entry; 0 in BELOW */
	IMAGE_NAME_COUNT = 16,	/* u32, entries; 0 in BELOW */
	IMAGE_NAME_LEN = 20,	/* u8 */
	IMAGE_NAME_LABELS = 21, /* u8 */
	IMAGE_NAME_SIZE = 24,
};
/* ENTRIES: what a query reads. */
enum {
	IMAGE_ENTRY_UNTIL = 0,	/* i64: in force before this second; the earlier of expiry and lift */
	IMAGE_ENTRY_LIST = 8,	/* u16 */
	IMAGE_ENTRY_MATCH = 10, /* u8 */
	IMAGE_ENTRY_RANK = 11,	/* u8: rank, and IMAGE_SHADOW */
	IMAGE_ENTRY_NAME = 12,	/* u32; IMAGE_NONE for a regular expression */
	IMAGE_ENTRY_SIZE = 16,
};
#define IMAGE_SHADOW 0x80u
enum {
	IMAGE_TIMES_ORDINARY = 0,  /* i64 */
	IMAGE_TIMES_MANDATORY = 8, /* i64 */
	IMAGE_TIMES_SIZE = 16,
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
	IMAGE_LIST_ANSWER = 35,	     /* u8 */
	IMAGE_LIST_SIZE = 40,
};
enum {
	IMAGE_COLD_PROVENANCE = 0, /* u32 */
	IMAGE_COLD_TEXT = 4,	   /* string */
	IMAGE_COLD_LINE = 8,	   /* u32 */
	IMAGE_COLD_COLUMN = 12,	   /* u32 */
	IMAGE_COLD_SIZE = 16,
};
enum {
	IMAGE_PROV_AUTHORITY = 0, /* strings, IMAGE_NONE for what is not said */
	IMAGE_PROV_REASON = 4,
	IMAGE_PROV_REFERENCE = 8,
	IMAGE_PROV_ADDED = 12,
	IMAGE_PROV_REVIEW = 16,
	IMAGE_PROV_EXPIRES = 20,
	IMAGE_PROV_LIFTED = 24,
	IMAGE_PROV_EXTRA_TEXT = 28,
	IMAGE_PROV_CONTACT_FIRST = 32, /* u32, in CONTACTS */
	IMAGE_PROV_CONTACT_COUNT = 36, /* u16 */
	IMAGE_PROV_CODE = 38,	       /* u8, and a zero */
	IMAGE_PROV_EXPIRES_S = 40,     /* i64, IMAGE_FOREVER when not said */
	IMAGE_PROV_LIFTED_S = 48,      /* i64, IMAGE_FOREVER when not said */
	IMAGE_PROV_SIZE = 56,
};

/* Bytes of one record of each section; part of the format. */
static const uint8_t image_record_sizes[IMAGE_SECTION_COUNT] = {
    [IMAGE_NAME_DIR] = 4,
    [IMAGE_NAMES] = IMAGE_NAME_SIZE,
    [IMAGE_ENTRIES] = IMAGE_ENTRY_SIZE,
    [IMAGE_BELOW_DIR] = 4,
    [IMAGE_BELOW] = IMAGE_NAME_SIZE,
    [IMAGE_BELOW_TIMES] = IMAGE_TIMES_SIZE,
    [IMAGE_WIRE] = 1,
    [IMAGE_IPV4] = 4,
    [IMAGE_IPV6] = 16,
    [IMAGE_LISTS] = IMAGE_LIST_SIZE,
    [IMAGE_UNTILS] = 8,
    [IMAGE_COLD] = IMAGE_COLD_SIZE,
    [IMAGE_PROVENANCE] = IMAGE_PROV_SIZE,
    [IMAGE_CONTACTS] = 4,
    [IMAGE_STRING_ENDS] = 4,
    [IMAGE_STRINGS] = 1,
};

/* Lower is stronger. */
enum rank { RANK_MANDATORY_ALLOW = 0, RANK_MANDATORY_BLOCK = 1, RANK_ALLOW = 2, RANK_BLOCK = 3 };
#define RANK_COUNT 4

static inline enum rank rank_of(enum action action, bool mandatory)
{
	if (action == ACTION_ALLOW)
		return mandatory ? RANK_MANDATORY_ALLOW : RANK_ALLOW;
	return mandatory ? RANK_MANDATORY_BLOCK : RANK_BLOCK;
}

static inline bool rank_blocks(unsigned rank)
{
	return rank == RANK_MANDATORY_BLOCK || rank == RANK_BLOCK;
}

static inline bool rank_mandatory(unsigned rank)
{
	return rank <= RANK_MANDATORY_BLOCK;
}

static inline uint16_t image_u16(const uint8_t *p)
{
	return (uint16_t)(p[0] | (unsigned)p[1] << 8);
}

static inline uint32_t image_u32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static inline uint64_t image_u64(const uint8_t *p)
{
	return (uint64_t)image_u32(p) | (uint64_t)image_u32(p + 4) << 32;
}

static inline int64_t image_i64(const uint8_t *p)
{
	uint64_t v = image_u64(p);
	int64_t ret;
	memcpy(&ret, &v, sizeof(ret));
	return ret;
}

static inline void image_put_u16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
}

static inline void image_put_u32(uint8_t *p, uint32_t v)
{
	image_put_u16(p, (uint16_t)v);
	image_put_u16(p + 2, (uint16_t)(v >> 16));
}

static inline void image_put_u64(uint8_t *p, uint64_t v)
{
	image_put_u32(p, (uint32_t)v);
	image_put_u32(p + 4, (uint32_t)(v >> 32));
}

static inline void image_put_i64(uint8_t *p, int64_t v)
{
	image_put_u64(p, (uint64_t)v);
}

struct image_section {
	const uint8_t *base;
	size_t count; /* records */
	size_t size;  /* bytes of one */
};

/* A record; an index out of range is a bug of ours (the image was verified) and stops the process. */
static inline const uint8_t *image_at(const struct image_section *s, size_t index)
{
	must(index < s->count);
	return s->base + index * s->size;
}

/* A directory and the names it leads to. */
struct image_table {
	struct image_section dir, names;
	unsigned bits;
};

struct policy {
	struct file_map map; /* addr NULL when the bytes are somebody else's */
	size_t len;
	struct image_section sections[IMAGE_SECTION_COUNT];
	struct image_table names, below;
	struct siphash_key key;
	uint64_t label_counts[2];
	unsigned best_rank;   /* the strongest rank in the image: found, nothing can outrank it */
	size_t pattern_first; /* the first entry with a regular expression */
	size_t pattern_count;
	struct pattern **patterns; /* owned */
	uint32_t generation, ttl_s;
	int64_t compiled_at_s;
	uint8_t content_hash[16];
};

static inline const uint8_t *image_record(const struct policy *p, enum image_section_id id, size_t index)
{
	return image_at(&p->sections[id], index);
}

static inline struct str image_string(const struct policy *p, uint32_t id)
{
	if (id == IMAGE_NONE)
		return (struct str){NULL, 0};
	size_t end = image_u32(image_record(p, IMAGE_STRING_ENDS, id));
	size_t begin = id == 0 ? 0 : image_u32(image_record(p, IMAGE_STRING_ENDS, id - 1));
	must(begin <= end && end <= p->sections[IMAGE_STRINGS].count);
	return (struct str){(const char *)p->sections[IMAGE_STRINGS].base + begin, end - begin};
}

/* An entry's hot record, taken apart. */
struct image_entry {
	int64_t until_s;
	uint32_t name;
	uint16_t list;
	enum match match;
	unsigned rank;
	bool shadow;
};

static inline struct image_entry image_entry(const struct policy *p, size_t index)
{
	const uint8_t *r = image_record(p, IMAGE_ENTRIES, index);
	return (struct image_entry){
	    .until_s = image_i64(r + IMAGE_ENTRY_UNTIL),
	    .name = image_u32(r + IMAGE_ENTRY_NAME),
	    .list = image_u16(r + IMAGE_ENTRY_LIST),
	    .match = (enum match)r[IMAGE_ENTRY_MATCH],
	    .rank = r[IMAGE_ENTRY_RANK] & ~IMAGE_SHADOW,
	    .shadow = (r[IMAGE_ENTRY_RANK] & IMAGE_SHADOW) != 0,
	};
}

/* Does an entry with this match speak for the entry's own name (whole) or for one below it? Regular expressions are not asked. */
static inline bool image_match_applies(enum match match, bool whole)
{
	return match == MATCH_SUBTREE || match == (whole ? MATCH_EXACT : MATCH_SUBDOMAINS);
}

/* Is there a name with so many labels at all? */
static inline bool image_has_labels(const struct policy *p, unsigned labels)
{
	return (p->label_counts[labels / 64] >> (labels % 64) & 1) != 0;
}

static inline size_t image_bucket(uint64_t hash, unsigned bits)
{
	return bits == 0 ? 0 : (size_t)(hash >> (64 - bits));
}

static inline uint64_t image_hash(const struct siphash_key *key, const uint8_t *wire, size_t len)
{
	return siphash13(key, wire, len);
}

/* The index's key, from the content hash. */
static inline struct siphash_key image_key(const uint8_t content_hash[16])
{
	struct siphash_key from = {image_u64(content_hash), image_u64(content_hash + 8)};
	return (struct siphash_key){siphash24(&from, "saring names 0", 14), siphash24(&from, "saring names 1", 14)};
}

static inline uint64_t image_checksum(const uint8_t *bytes, size_t len)
{
	static const struct siphash_key key = {0x736172696e672d69ull, 0x6d6167652d737563ull};
	return siphash13(&key, bytes, len);
}

/* The place of a wire-form name in table->names. Never allocates. */
MUST_CHECK bool image_find(const struct policy *p, const struct image_table *table, const uint8_t *wire, size_t len, size_t *ret);

/* The text regular expressions see: lower case, no final dot, the root empty. Returns a slice of buf. */
struct str image_subject(const struct name *name, char buf[NAME_TEXT_MAX]);

/* policy_open for bytes already in memory; they are borrowed until policy_close. For policy_open, tests and fuzzing. */
MUST_CHECK bool policy_open_memory(const void *bytes, size_t len, struct policy **ret, struct err *err);

/* image_verify.c: is everything that the sections hold good? The section table and the checksums were checked before. */
MUST_CHECK bool image_verify(const struct policy *p, unsigned ranks, struct err *err);

#endif
