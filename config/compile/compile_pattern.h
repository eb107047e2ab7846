/* SPDX-License-Identifier: BSD-2-Clause
 *
 * compile_pattern.h - what of a pattern or a regular expression can be known before a name is asked: the name it hangs on, and
 * three characters that every name it matches has. For the compiler only. Any thread. */
#ifndef SARING_COMPILE_COMPILE_PATTERN_H
#define SARING_COMPILE_COMPILE_PATTERN_H

#include "base/base.h"
#include "base/str.h"
#include "wire/name.h"

/* The longest whole labels at the end of a pattern with `*` that are literal: all it matches is that name or below it. False when
 * there are none.
 * ret_at   can it match the name itself? (it has no `*` then) */
MUST_CHECK bool pattern_hang(struct str text, struct name *ret, bool *ret_at);

/* IMAGE_PATTERN_NEED: three bytes, the first lowest, that stand together in everything it matches; 0 when in doubt. */
uint32_t pattern_need_glob(struct str text);
uint32_t pattern_need_regex(struct str text, bool caseless);

#endif
