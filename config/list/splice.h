/* SPDX-License-Identifier: BSD-2-Clause
 *
 * splice.h - a text and the changes to be made to it, at byte offsets of the old text; and walking such a text by lines.
 *
 * Changes are noted in any order and made at once by splices_apply: what no change covers is copied byte for byte. A BOM, each
 * line's own ending and the lack of a final line ending are kept. It knows lines and comments, not YAML: layout.h does. Cold path;
 * one owner. */
#ifndef SARING_LIST_SPLICE_H
#define SARING_LIST_SPLICE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"

struct splice {
	size_t begin, end; /* what goes; begin == end: nothing */
	struct str put;	   /* what comes in its place */
	bool lines;	   /* put is whole lines, each ended by LF */
	size_t order;	   /* as noted: decides between two at one place */
};
struct splices {
	struct str text;      /* borrowed */
	struct arena arena;   /* of what is put */
	struct splice *items; /* owned */
	size_t count, cap;
};

void splices_init(struct splices *s, struct str text);
void splices_finish(struct splices *s);

/* Put `put` in place of [begin, end). Ranges may overlap: a byte goes once. */
void splice_replace(struct splices *s, size_t begin, size_t end, struct str put);
void splice_insert(struct splices *s, size_t at, const char *put);
void splice_delete(struct splices *s, size_t begin, size_t end);
/* Put whole lines (each ended by LF, which becomes the neighbours' line ending) below the line that `at` is in, or above it. */
void splice_lines_below(struct splices *s, size_t at, struct str lines);
void splice_lines_above(struct splices *s, size_t at, struct str lines);
/* Delete all lines that [begin, end) touches. */
void splice_delete_lines(struct splices *s, size_t begin, size_t end);

/* Appends the changed text to ret. */
void splices_apply(struct splices *s, struct buf *ret);

/* Where the line of `at` begins (after a BOM), ends (its line ending not included), and where the next begins. */
size_t text_line_begin(struct str text, size_t at);
size_t text_line_end(struct str text, size_t at);
size_t text_line_next(struct str text, size_t at);
/* Is there nothing but blanks between the line's begin and `at`? */
bool text_is_first_of_line(struct str text, size_t at);
/* Over blanks, forwards and backwards, within a line. */
size_t text_skip_blanks(struct str text, size_t at);
size_t text_skip_blanks_back(struct str text, size_t at);
/* From a place between two YAML tokens to the next token: over blanks, line endings and comments. */
size_t text_skip_gap(struct str text, size_t at);
/* Is there a line ending in [begin, end)? */
bool text_has_break(struct str text, size_t begin, size_t end);

#endif
