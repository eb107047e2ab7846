/* SPDX-License-Identifier: BSD-2-Clause
 *
 * compile_lifts.h - what was lifted in lists that cannot be edited (list/lifts.h), into the live tier. For the compiler only. */
#ifndef SARING_COMPILE_COMPILE_LIFTS_H
#define SARING_COMPILE_COMPILE_LIFTS_H

#include "compile/compile.h"
#include "compile/compile_items.h"
#include "compile/compile_rules.h"
#include "policy/codec.h"

/* The section LIFTS, and for each lift in force of a list that is not off a rule at its name. input->lifts: not NULL, and to live
 * as long as items. counts: of the name code. */
void lifts_compile(const struct compile_input *input, struct rules *rules, struct items *items, uint32_t counts[CODEC_LENGTHS_SIZE],
		   struct image_parts *ret);

#endif
