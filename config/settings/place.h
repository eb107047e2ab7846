/* SPDX-License-Identifier: BSD-2-Clause
 *
 * place.h - where in a text: byte, line and column, kept while going over it once. For yaml.c, whose library counts characters.
 * Places start after a BOM, which is no character of the first line. Any thread. */
#ifndef SARING_SETTINGS_PLACE_H
#define SARING_SETTINGS_PLACE_H

#include "base/base.h"
#include "base/str.h"

struct place {
	size_t chars; /* from after the BOM */
	size_t byte;  /* of the whole text */
	uint32_t line, column;
};

struct place place_first(struct str text);
/* Over one character of valid UTF-8; not to be called at the end. A line ends at LF, CR LF or CR; CR LF moves the line at its LF.
 */
void place_step(struct place *p, struct str text);
/* Forward to a count of characters, or to the end. All calls together cost one pass over the text while the counts don't fall.
 * Returns p. */
const struct place *place_at(struct place *p, struct str text, size_t chars);
/* Where the first NUL, or the first byte that is not UTF-8, stands; false when there is none. */
MUST_CHECK bool place_of_bad_byte(struct str text, struct place *ret);

#endif
