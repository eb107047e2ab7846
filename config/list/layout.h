/* SPDX-License-Identifier: BSD-2-Clause
 *
 * layout.h - changes to a YAML tree noted as splices of its text, in the layout that the text has: block or flow, its indents, its
 * trailing commas, comments beside and between items.
 *
 * Nothing here is trusted to be right for every text that YAML allows: the caller parses the result and compares (edit_check.h).
 * Nodes must come from the very text the splices are for. Cold path. */
#ifndef SARING_LIST_LAYOUT_H
#define SARING_LIST_LAYOUT_H

#include "list/splice.h"
#include "settings/yaml.h"

/* A member to be written. */
struct pair {
	const char *key;
	const char *text;	  /* UTF-8; NULL: a list of items instead */
	const char *const *items; /* UTF-8 */
	size_t count;
	bool verbatim; /* text is a date or a word of ours: never quoted */
};

/* How one mapping changes: members set (in place where they stand, else added) and members dropped. */
struct change {
	const struct pair *set;
	size_t set_count;
	const char *const *drop;
	size_t drop_count;
};
bool change_drops(const struct change *change, struct str key);
const struct pair *change_sets(const struct change *change, struct str key);

/* Apply change to a mapping. drop must not name all of its members. */
void layout_change(struct splices *s, const struct yaml_node *map, const struct change *change);

/* Make the scalar item of a sequence a mapping {key: scalar, pairs...}. */
void layout_widen(struct splices *s, const struct yaml_node *sequence, const struct yaml_node *item, const char *key,
		  const struct pair *pairs, size_t count);

/* Add members to the top mapping: after the member before `before`, or first when there is none; last when `before` is absent. */
void layout_insert_top(struct splices *s, const struct yaml_node *root, const char *before, const struct pair *pairs, size_t count);

/* Append mappings (count of them, each given by pair_counts[i] pairs) to root's sequence `key`, which may be null, empty or absent.
 */
void layout_append(struct splices *s, const struct yaml_node *root, const char *key, const struct pair *const *pairs,
		   const size_t *pair_counts, size_t count);

/* Remove the items whose flag is set; of a sequence that is the value of a key. False when the text is laid out in no way known. */
MUST_CHECK bool layout_remove(struct splices *s, const struct yaml_node *sequence, const bool *removed);

#endif
