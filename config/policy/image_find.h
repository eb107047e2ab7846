/* SPDX-License-Identifier: BSD-2-Clause
 *
 * image_find.h - looking up one tier: names, the rules of a name, an entry's line, addresses. For config/policy. What image_verify
 * left out is read here within its bounds: bytes that make no sense are a name that is not there. Any thread; nothing allocates. */
#ifndef SARING_POLICY_IMAGE_FIND_H
#define SARING_POLICY_IMAGE_FIND_H

#include "policy/image_read.h"

/* A name that is there, and its rules, strongest first. */
struct image_set {
	const uint8_t *rules; /* u32 each, good numbers */
	uint32_t count;
	uint32_t bucket, record; /* which of the bucket's records */
};

static inline uint32_t image_set_rule(const struct image_set *set, uint32_t index)
{
	return le_get_u32(set->rules + 4 * (size_t)index);
}

/* Bit n of the answer: rules can speak for a name of `labels` labels at its suffix of n (below 64: half 0, the others half 1). */
static inline uint64_t image_wanted(const struct image *im, unsigned labels, unsigned half)
{
	unsigned from = 64 * half;
	uint64_t wanted = 0;
	if (labels > from) /* suffixes: from .. labels - 1 */
		wanted = im->labels_below[half] & (labels - from >= 64 ? UINT64_MAX : ((uint64_t)1 << (labels - from)) - 1);
	if (labels / 64 == half)
		wanted |= im->labels_at[half] & (uint64_t)1 << labels % 64;
	return wanted;
}

static inline const uint8_t *image_bucket(const struct image *im, uint32_t bucket)
{
	return im->sections[IMAGE_DIR].base + 4 * (size_t)bucket;
}

static inline const uint8_t *image_filter_word(const struct image *im, uint64_t hash)
{
	return im->filter + 8 * filter_word(hash, im->filter_words);
}

/* False: no name with this hash is in the index. */
static inline bool image_may_have(const struct image *im, uint64_t hash)
{
	uint64_t mask = filter_mask(hash);
	return (le_get_u64(image_filter_word(im, hash)) & mask) == mask;
}

/* The number of a set -> its rules. False: there is none of that number. */
bool image_set_take(const struct image *im, uint32_t set, struct image_set *ret);

/* Where the name would stand; then, what stands there. In two steps, so that memory may be fetched between them. Behind the name
 * NAME_SLACK octets may be read; of r at least IMAGE_REST_READ. */
#define IMAGE_REST_READ 16
void image_place(const struct image *im, const uint8_t *wire, size_t len, struct code_place *ret);
/* The number of the set of R's record, and the record's place, among the records [from, to) of a bucket. */
bool image_seek(const struct image *im, uint32_t from, uint32_t to, const uint8_t *r, uint32_t r_len, uint32_t *ret_set,
		uint32_t *ret_record);
bool image_scan(const struct image *im, uint32_t bucket, const uint8_t *r, uint32_t r_len, struct image_set *ret);
static inline bool image_find(const struct image *im, const uint8_t *wire, size_t len, struct image_set *ret)
{
	struct code_place place;
	image_place(im, wire, len, &place);
	return image_scan(im, place.bucket, place.r, place.r_len, ret);
}

/* The line of the set's rule `index`, which is an entry, and the string it was written as (IMAGE_NONE: as the name). False, and
 * zeroes, when COLD makes no sense there. Walks some buckets: for explain. */
bool image_cold(const struct image *im, const struct image_set *set, uint32_t index, uint32_t *ret_line, uint32_t *ret_string);

/* --- addresses --- */

/* ADDRESSES of one prefix length that hold the address: [first, end). */
void image_run_find(const struct image *im, const struct image_run *run, const uint8_t address[16], uint32_t *ret_first,
		    uint32_t *ret_end);

#endif
