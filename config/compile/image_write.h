/* SPDX-License-Identifier: BSD-2-Clause
 *
 * image_write.h - sections to an image: offsets, padding, header, the two hashes. The write half's only; image.h has the layout.
 * One owner. */
#ifndef SARING_COMPILE_IMAGE_WRITE_H
#define SARING_COMPILE_IMAGE_WRITE_H

#include "base/buf.h"
#include "base/le.h"
#include "policy/image.h"

/* An image in the making: what the header says, and the sections. Fields are named as in the header. */
struct image_parts {
	struct buf sections[IMAGE_SECTION_COUNT]; /* owned */
	uint8_t settings_hash[16], bulk_hash[16], lifts_hash[16];
	int64_t compiled_at_s;
	uint32_t generation, ttl_s, name_count, entry_count, seed, general_count, answer_count;
	uint64_t labels_at[2], labels_below[2], labels_above[2];
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
