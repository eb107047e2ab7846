/* SPDX-License-Identifier: BSD-2-Clause
 *
 * compile_buckets.h - records in any order to records in the order of their buckets. Millions of small pieces are moved twice, each
 * time to places that the cache holds, rather than once to anywhere in memory. For the compiler only. One owner. */
#ifndef SARING_COMPILE_COMPILE_BUCKETS_H
#define SARING_COMPILE_COMPILE_BUCKETS_H

#include "compile/image_write.h"

#define BUCKETS_REGION_BITS 10

struct buckets_chunk;
struct buckets {
	unsigned bits, region_bits;			       /* a region is so many first bits of a bucket's number */
	struct buckets_chunk *first, *last;		       /* owned: what was added */
	size_t region_bytes[(size_t)1 << BUCKETS_REGION_BITS]; /* of what was added */
	size_t record_bytes, cold_bytes;
};

void buckets_init(struct buckets *b, unsigned bits);
void buckets_finish(struct buckets *b);
/* A name's record, and its piece of COLD. */
void buckets_add(struct buckets *b, uint32_t bucket, const uint8_t *record, size_t record_len, const void *cold, size_t cold_len);
/* The sections DIR, RECORDS, COLD_DIR and COLD; within a bucket in the order added. What was added is gone then. False when a
 * bucket holds more than IMAGE_BUCKET_MAX: then the sections are as they were. Places in RECORDS and COLD must fit 32 bits. */
MUST_CHECK bool buckets_write(struct buckets *b, struct image_parts *ret);

#endif
