/* SPDX-License-Identifier: BSD-2-Clause
 *
 * images.h - the compiled policies that lie in the state directory, by their names: policy-<generation>.img, and beside each the
 * bulk-<hash>.img it may name. Knows nothing of what is in them. Main thread. */
#ifndef SARING_IMAGES_H
#define SARING_IMAGES_H

#include "base/base.h"
#include "base/err.h"

/* "policy-42.img" -> 42. False for any other name. */
MUST_CHECK bool images_number(const char *file_name, uint32_t *ret);
/* The highest number there is; 0 when there is none. */
MUST_CHECK bool images_newest(const char *state, uint32_t *ret, struct err *err);
/* "<state>/policy-42.img". False when it is too long. */
MUST_CHECK bool images_path(const char *state, uint32_t number, char *buf, size_t size);
/* All but these two go, and what a saring-compile that was killed while writing left; names that are not ours stay. Only when no
 * worker needs another any more, and no compile is under way. bulk_file: "" for none. */
void images_keep_only(const char *state, uint32_t number, const char *bulk_file);
/* All bulk images but this one ("" for none) go, so that the next compile makes them anew instead of believing them. */
void images_drop_bulk(const char *state, const char *but);

#endif
