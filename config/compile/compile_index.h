/* SPDX-License-Identifier: BSD-2-Clause
 *
 * compile_index.h - items to the index: one set of rules for each name, names compressed into buckets, the filter in front, and the
 * cold lines behind. For the compiler only. One owner. */
#ifndef SARING_COMPILE_COMPILE_INDEX_H
#define SARING_COMPILE_COMPILE_INDEX_H

#include "policy/codec.h"
#include "compile/compile_items.h"
#include "compile/compile_rules.h"
#include "compile/image_write.h"

/* item.line: the line, or with this bit a number in texts */
#define INDEX_TEXT 0x80000000u
struct index_text {
	uint32_t line, string;
};

/* Consumes items (sorts them, and uses their memory).
 * items   rule: of rules; line: as above
 * texts   what the flagged lines mean
 * counts  of the names' symbols
 * entries for each rule, raised by the number of names it is an entry of
 * ret     the sections FILTER to SETS, COLD_DIR and COLD, and the header's numbers that go with them; has PATTERNS already
 * False when something does not fit the format. */
MUST_CHECK bool index_write(struct items *items, const struct buf *texts, const uint32_t counts[CODEC_LENGTHS_SIZE],
			    const struct rules *rules, uint32_t *entries, struct image_parts *ret, struct err *err);

#endif
