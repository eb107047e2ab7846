/* SPDX-License-Identifier: BSD-2-Clause
 *
 * edit_cut.h - the longest run of items that an edit leaves alone, so that a long list is not read as YAML a second time to see
 * that a short edit did what was meant.
 *
 * Why that is safe: the run is whole lines, begins with a line "  - ..." of a block sequence and ends before another one of the
 * same indent, and stands byte for byte in the new text. What a YAML reader makes of lines depends on what is open before them.
 * Where the run was cut out, the new text goes on with a line that begins as the run did, and the reader is seen to take it for the
 * next item of that sequence; so it would have taken the run's first line for an item as well, and the rest of the run as it did
 * before. */
#ifndef SARING_LIST_EDIT_CUT_H
#define SARING_LIST_EDIT_CUT_H

#include "list/edit_doc.h"

struct edit_cut {
	size_t first, end; /* items; none when equal */
	size_t from, to;   /* bytes of the old text */
	size_t at;	   /* where that stands in the new one */
	size_t indent;	   /* of the dashes */
	size_t index;	   /* among the new text's items: of the run's first, and without the run of the one behind it */
	size_t nodes;	   /* in the run */
};

/* Items fewer than these are not worth it. */
#define EDIT_CUT_MIN 64

/* The run, for a text made of d's by s (applied). False when there is none that is long enough and surely left alone. */
MUST_CHECK bool edit_cut_find(const struct edit_doc *d, const struct splices *s, struct str text, struct edit_cut *ret);
/* The new text without the run. */
void edit_cut_apply(const struct edit_cut *cut, struct str text, struct buf *ret);
/* Does the item behind the run, as read in `text` (without the run), stand where the run was? */
bool edit_cut_meets(const struct edit_cut *cut, struct str text, const struct yaml_node *item);
/* To list, read from the text without the run, come the run's entries: in the list's arena, their texts borrowed from d->list. */
void edit_cut_fill(const struct edit_cut *cut, const struct edit_doc *d, struct list *list);

#endif
