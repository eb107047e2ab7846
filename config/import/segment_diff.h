/* SPDX-License-Identifier: BSD-2-Clause
 *
 * segment_diff.h - what a list had yesterday and has today: how many entries came and went, were lifted or put in force again, or
 * are said something else of; and the first of each by name. For the audit log. Entries are told apart by a 64-bit hash of what
 * they match and do, under a secret that is another each time; where they stand in the file does not count, nor does how often.
 * Tools only; one thread. */
#ifndef SARING_IMPORT_SEGMENT_DIFF_H
#define SARING_IMPORT_SEGMENT_DIFF_H

#include "import/segment.h"

#define SEGMENT_DIFF_NAMES_MAX 100 /* of each kind */

enum segment_diff_kind {
	SEGMENT_DIFF_ADDED,
	SEGMENT_DIFF_REMOVED,
	SEGMENT_DIFF_LIFTED,   /* there before and now, in force before */
	SEGMENT_DIFF_RESTORED, /* the other way */
	SEGMENT_DIFF_CHANGED,  /* only what is said of it: reason, reference, expiry, ... */
	SEGMENT_DIFF_KINDS,
};
extern const char *const segment_diff_words[SEGMENT_DIFF_KINDS]; /* "added", "removed", ... */

struct segment_diff {
	size_t counts[SEGMENT_DIFF_KINDS];
	char **names[SEGMENT_DIFF_KINDS]; /* owned; the first in the order of their segment, as text */
	size_t name_counts[SEGMENT_DIFF_KINDS];
};
/* How many entries it looks at: takes 16 bytes and some 0.3 us of each. */
size_t segment_diff_cost(const struct segment *before, const struct segment *after);
/* segment_diff_finish ret. */
void segment_diff(const struct segment *before, const struct segment *after, struct segment_diff *ret);
void segment_diff_finish(struct segment_diff *diff);

#endif
