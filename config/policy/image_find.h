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
	return filter_passes(le_get_u64(image_filter_word(im, hash)), hash) != 0;
}

/* The number of a set -> its rules. False: there is none of that number. */
bool image_set_take(const struct image *im, uint32_t set, struct image_set *ret);

/* Where the last `labels` labels of the name would stand; then, what stands there. In two steps, so that memory may be fetched
 * between them. places: of all its labels in wire. Of r at least IMAGE_REST_READ octets may be read. */
#define IMAGE_REST_READ 16
static inline void image_place(const struct image *im, const struct name *name, const uint8_t *places, unsigned labels,
			       struct code_place *ret)
{
	codec_find(&im->codec, name->wire, places + (name->labels - labels), labels, im->bits, im->seed, ret);
}
/* Among the records [from, to) of a bucket. By value, and small: this is on the way of every name that is there. */
struct image_seen {
	uint32_t set;	 /* its number; IMAGE_NONE: R is not there */
	uint32_t record; /* which of the bucket's */
};
struct image_seen image_seek(const struct image *im, uint32_t from, uint32_t to, const uint8_t *r, uint32_t r_len);
bool image_scan(const struct image *im, uint32_t bucket, const uint8_t *r, uint32_t r_len, struct image_set *ret);
bool image_find(const struct image *im, const struct name *name, unsigned labels, struct image_set *ret);

/* The line of the set's rule `index`, which is an entry, and the string it was written as (IMAGE_NONE: as the name). False, and
 * zeroes, when COLD makes no sense there. Walks some buckets: for explain. */
bool image_cold(const struct image *im, const struct image_set *set, uint32_t index, uint32_t *ret_line, uint32_t *ret_string);

/* --- addresses --- */

/* ADDRESSES of one prefix length that hold the address: [first, end). */
void image_run_find(const struct image *im, const struct image_run *run, const uint8_t address[16], uint32_t *ret_first,
		    uint32_t *ret_end);

#endif
