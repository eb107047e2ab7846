/* SPDX-License-Identifier: BSD-2-Clause
 *
 * extra_text.h - the sentence a blocked user's software may show: the EXTRA-TEXT of an extended DNS error (RFC 8914 §2), made when
 * the policy is compiled. Any thread. */
#ifndef SARING_COMPILE_EXTRA_TEXT_H
#define SARING_COMPILE_EXTRA_TEXT_H

#include "base/base.h"
#include "base/buf.h"
#include "policy/image.h"

/* text as one line: line ends, and whatever steers rather than shows or is no character, become single blanks, with none at the
 * ends. NULL is nothing. Appended to b. */
void extra_text_line(struct buf *b, const char *text);

/* "ORGANIZATION: blocked by order of AUTHORITY: REASON (REFERENCE)", as far as these are known (NULL: not said); the verb is the
 * code's. Without a reference, or with one that has no room, "(list NAME)": whoever asks the operator can say which. One line of
 * UTF-8; when too long the reason is cut, then left out, then the end is cut, at a character. "" when nothing is known. Returns
 * buf. */
char *extra_text_compose(enum code code, const char *organization, const char *authority, const char *reason, const char *reference,
			 const char *list, char buf[IMAGE_EXTRA_TEXT_MAX + 1]);

#endif
