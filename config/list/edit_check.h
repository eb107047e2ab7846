/* SPDX-License-Identifier: BSD-2-Clause
 *
 * edit_check.h - the safety net of every edit: are two trees the same but for exactly the changes that were meant?
 *
 * It knows nothing of how the text was changed. Trees are compared by value: styles, places and comments don't count (comments are
 * nothing a splice can lose but by deleting the very lines). Cold path. */
#ifndef SARING_LIST_EDIT_CHECK_H
#define SARING_LIST_EDIT_CHECK_H

#include "list/layout.h"
#include "settings/yaml.h"

/* Kind, text, keys, order, all the way down. Both may be NULL. */
bool edit_check_same(const struct yaml_node *a, const struct yaml_node *b);

/* Is `after` the item `before` with the change made? A bare scalar before counts as {scalar_key: scalar}. */
bool edit_check_changed(const struct yaml_node *before, const struct yaml_node *after, const char *scalar_key,
			const struct change *change);

/* What was meant for a whole file. */
struct edit_meant {
	const struct change *top;	     /* of the top mapping; NULL: none */
	const char *sequence;		     /* the key whose items change; all other members stay the same but for top */
	const char *scalar_key;		     /* what a bare item stands for */
	const struct change *const *changes; /* for each item before; NULL: no item changes */
	const bool *removed;		     /* for each item before; NULL: none */
	const struct pair *const *appended;  /* items that come after, in order */
	const size_t *appended_pairs;
	size_t appended_count;
};
bool edit_check(const struct yaml_node *before, const struct yaml_node *after, const struct edit_meant *meant);

#endif
