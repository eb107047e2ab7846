/* SPDX-License-Identifier: BSD-2-Clause
 *
 * image_read.h - an image as it lies in memory: numbers, sections, struct image (one tier) and struct policy (both). For
 * config/policy and its tests only; the layout is image.h's.
 *
 * A struct image is only made by image_map.c, after image_verify.c has looked at everything but RECORDS, COLD and FILTER: those are
 * far too large to be touched at every start, and are read within their bounds wherever they are read. */
#ifndef SARING_POLICY_IMAGE_READ_H
#define SARING_POLICY_IMAGE_READ_H

#include "base/base.h"
#include "base/err.h"
#include "base/file.h"
#include "base/le.h"
#include "base/str.h"
#include "policy/codec.h"
#include "policy/image.h"
#include "policy/match.h"
#include "policy/pattern.h"

#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "images are little-endian, and read without turning bytes round"
#endif

/* LEB128 at *p, which moves behind it. False: it does not end before `end`, or is more than 32 bits. */
static inline bool image_varint(const uint8_t **p, const uint8_t *end, uint32_t *ret)
{
	uint64_t v = 0;
	for (unsigned shift = 0; *p < end && shift < 35; shift += 7) {
		uint8_t octet = *(*p)++;
		v |= (uint64_t)(octet & 0x7fu) << shift;
		if ((octet & 0x80u) == 0) {
			*ret = (uint32_t)v;
			return v <= UINT32_MAX;
		}
	}
	return false;
}

/* The two checksums of the header, as they stand in it: XXH3-128 (canonical, the highest octet first) of the body, and XXH3-64 of
 * the header before IMAGE_H_HEADER_CHECKSUM. image_map.c. */
void image_body_hash(const uint8_t *body, size_t len, uint8_t ret[16]);
uint64_t image_header_checksum(const uint8_t *header);

/* --- one tier --- */

struct image_section {
	const uint8_t *base;
	size_t count; /* records */
};

/* ADDRESSES of one prefix length. */
struct image_run {
	uint8_t bits;
	uint32_t first, end;
};

/* A set of one rule that holds whoever asks, for what, and when: it is known without its rule. */
struct image_plain {
	uint32_t rule;
	uint16_t list; /* in this tier */
	uint8_t match; /* IMAGE_MATCH_BELOW, which never applies, for a set that is not so */
	uint8_t rank;
	uint16_t order; /* of the list in saring.yaml */
};
#define IMAGE_PLAIN_SETS 7 /* of the sets, those whose numbers are the shortest */

#define IMAGE_NEED_BITS 4096u	   /* of the set of a name's trigrams */
#define IMAGE_NEED_NONE UINT16_MAX /* a pattern that must be tried on every name */

/* What the query path reads stands first. */
struct image {
	const uint8_t *filter;
	size_t filter_words;
	uint64_t labels_at[2], labels_below[2], labels_above[2];
	struct image_plain plain[IMAGE_PLAIN_SETS];
	unsigned bits, best_rank;
	uint32_t seed;
	uint32_t general_count, answer_count, client_count;
	uint16_t *needs;	   /* of the general patterns: bit in the set of trigrams, or IMAGE_NEED_NONE */
	struct pattern **patterns; /* of all patterns; NULL for those that are no regular expressions */
	struct image_run *runs;	   /* of ADDRESSES: of answers, then of clients */
	size_t answer_runs, client_runs;
	struct image_section sections[IMAGE_SECTION_COUNT];
	struct codec codec;

	uint32_t name_count, entry_count, ttl_s, generation;
	int64_t compiled_at_s;
	unsigned ranks;
	enum image_tier tier;
	uint8_t body_hash[16], settings_hash[16], bulk_hash[16], lifts_hash[16];
	size_t len;
	struct file_map map; /* addr NULL when the bytes are somebody else's */
};

/* A record; an index out of range is a bug of ours (the image was verified) and stops the process. */
static inline const uint8_t *image_at(const struct image *im, enum image_section_id id, size_t index)
{
	const struct image_section *s = &im->sections[id];
	must(index < s->count);
	return s->base + index * image_record_sizes[id];
}

static inline const uint8_t *image_rule(const struct image *im, uint32_t rule)
{
	return image_at(im, IMAGE_RULES, rule);
}

/* IMAGE_NONE gives a NULL slice. */
static inline struct str image_string(const struct image *im, uint32_t id)
{
	if (id == IMAGE_NONE)
		return (struct str){NULL, 0};
	size_t end = le_get_u32(image_at(im, IMAGE_STRING_ENDS, id));
	size_t start = id == 0 ? 0 : le_get_u32(image_at(im, IMAGE_STRING_ENDS, id - 1));
	return (struct str){(const char *)im->sections[IMAGE_STRINGS].base + start, end - start};
}

/* CONDS and DATA: the bytes at a place, after their length; IMAGE_NONE gives the empty slice. */
static inline struct str image_bytes(const struct image *im, enum image_section_id id, uint32_t place)
{
	if (place == IMAGE_NONE)
		return (struct str){NULL, 0};
	const uint8_t *p = image_at(im, id, place);
	return (struct str){(const char *)p + 4, le_get_u32(p)};
}

/* Where in the set of trigrams a pattern's NEED has its bit. */
static inline unsigned image_need_bit(uint32_t trigram)
{
	return trigram * 0x9e3779b1u >> 20;
}
static_assert(IMAGE_NEED_BITS == 1u << (32 - 20), "a bit's number fits");

/* Every offset, number and text but for RECORDS, COLD and FILTER. image_verify.c */
MUST_CHECK bool image_verify(const struct image *im, struct err *err);

/* --- a policy --- */

struct image_shared {
	struct image image;
	unsigned policies; /* that have it; the main thread's */
};
/* Checked whole, and used by one policy. NULL: err is set. The bytes are borrowed until it goes; the file is mapped. image_map.c */
struct image_shared *image_shared_from_memory(const void *bytes, size_t len, enum image_tier tier, struct err *err);
struct image_shared *image_shared_from_file(const char *path, enum image_tier tier, struct err *err);
/* One policy less uses it; the last takes it along. Takes NULL. */
void image_shared_drop(struct image_shared *shared);
/* Gives back the mapping's pages, if no other policy has it. Takes NULL. */
void image_shared_cool(const struct image_shared *shared);

struct policy_list_place {
	uint16_t tier, list;
};

#define POLICY_TIERS 2
#define POLICY_BULK_FILE_MAX 64

struct policy {
	const struct image *tiers[POLICY_TIERS]; /* live, bulk; in the order of enum image_tier */
	size_t tier_count;
	struct image_shared *live, *bulk; /* bulk may be NULL */
	unsigned best_rank;		  /* of both */
	uint64_t labels_above[2];	  /* of either */
	bool has_clients, has_general;
	bool has_lifts;			      /* of the live tier */
	uint16_t *list_numbers[POLICY_TIERS]; /* in the policy, of each tier's lists */
	struct policy_list_place *lists;      /* in the order of saring.yaml */
	size_t list_count;
	uint64_t *lifts; /* owned; for each its list's order << 32 | its place in LIFTS, sorted */
	char bulk_file[POLICY_BULK_FILE_MAX];
};

/* Fills policy->lifts, once the live image is there. lifts.c */
void image_lifts_sort(struct policy *policy);
/* Entries of a tier's list that lifts keep from deciding at that time. lifts.c */
size_t image_lifted(const struct policy *policy, size_t tier, size_t list, int64_t now_s);
/* Of all lifts, for struct policy_info's content_hash: the same on every machine that has lifted the same names in the same lists
 * for the same reasons, in whichever order and at whatever time. lifts.c */
void image_lifts_sum(const struct policy *policy, uint64_t ret[2]);

/* For tests and fuzzing: the same from bytes, which are borrowed until policy_close. bulk NULL for none. */
MUST_CHECK bool policy_open_memory(const void *live, size_t live_len, const void *bulk, size_t bulk_len, struct policy **ret,
				   struct err *err);

#endif
