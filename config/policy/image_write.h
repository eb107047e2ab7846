/* SPDX-License-Identifier: BSD-2-Clause
 *
 * image_write.h - sections to an image: offsets, padding, header, the two hashes. The write half's only; image.h has the layout.
 * One owner. */
#ifndef SARING_POLICY_IMAGE_WRITE_H
#define SARING_POLICY_IMAGE_WRITE_H

#include <endian.h>
#include <string.h>

#include "base/buf.h"
#include "policy/image.h"

static inline void le_put_u16(uint8_t *p, uint16_t v)
{
	v = htole16(v);
	memcpy(p, &v, sizeof(v));
}

static inline void le_put_u32(uint8_t *p, uint32_t v)
{
	v = htole32(v);
	memcpy(p, &v, sizeof(v));
}

static inline void le_put_u64(uint8_t *p, uint64_t v)
{
	v = htole64(v);
	memcpy(p, &v, sizeof(v));
}

static inline uint16_t le_get_u16(const uint8_t *p)
{
	uint16_t v;
	memcpy(&v, p, sizeof(v));
	return le16toh(v);
}

static inline uint32_t le_get_u32(const uint8_t *p)
{
	uint32_t v;
	memcpy(&v, p, sizeof(v));
	return le32toh(v);
}

static inline uint64_t le_get_u64(const uint8_t *p)
{
	uint64_t v;
	memcpy(&v, p, sizeof(v));
	return le64toh(v);
}

/* An image in the making: what the header says, and the sections. Fields are named as in the header. */
struct image_parts {
	struct buf sections[IMAGE_SECTION_COUNT]; /* owned */
	uint8_t settings_hash[16], bulk_hash[16];
	int64_t compiled_at_s;
	uint32_t generation, ttl_s, name_count, entry_count, seed, general_count, answer_count;
	uint64_t labels_at[2], labels_below[2];
	uint8_t bits, ranks;
	enum image_tier tier;
};
void image_parts_finish(struct image_parts *parts);

/* Appends the image to ret, sealed; takes the sections' memory piece by piece. */
void image_write(struct image_parts *parts, struct buf *ret);

/* Compute both hashes of an image of at least IMAGE_HEADER_SIZE bytes. Tests and fuzzing use it on images they damaged, too. */
void image_seal(uint8_t *image, size_t len);
/* Is the header's checksum right? len bytes, at least IMAGE_HEADER_SIZE. */
MUST_CHECK bool image_header_good(const uint8_t *image, size_t len);

#endif
