/* SPDX-License-Identifier: BSD-2-Clause
 *
 * glob.h - patterns with `*` and the text they, and regular expressions, are asked about: a name without its final dot, as
 * name_to_text writes it ("" for the root). `*` is any run of characters, dots too. Any thread; nothing allocates. */
#ifndef SARING_POLICY_GLOB_H
#define SARING_POLICY_GLOB_H

#include "base/base.h"
#include "base/str.h"
#include "wire/name.h"

struct subject {
	uint16_t len;
	uint16_t starts[NAME_LABELS_MAX]; /* of the labels in text, from the left */
	uint8_t labels;
	char text[NAME_TEXT_MAX];
};
void subject_make(const struct name *name, struct subject *ret);
static inline struct str subject_str(const struct subject *subject)
{
	return (struct str){subject->text, subject->len};
}

/* Does the whole of text match? steps: how many characters may be looked at, and then how many are left; at none it is no match.
 * pattern.len * text.len are always enough. */
bool glob_match(struct str pattern, struct str text, size_t *steps);
/* The same, or does a name above it (one label or more) match? */
bool glob_match_above(struct str pattern, const struct subject *subject, size_t *steps);

#endif
