/* SPDX-License-Identifier: BSD-2-Clause
 *
 * flow.h - the text of flow collections, [a, b] and {a: b}: their commas, own lines and comments. For layout.c. Cold path. */
#ifndef SARING_LIST_FLOW_H
#define SARING_LIST_FLOW_H

#include "list/splice.h"
#include "settings/yaml.h"

/* A child's text. */
struct span {
	size_t begin, end;
};

/* Remove the children whose flag is set, with a comma each, and the lines (comments beside them too) that only they stand in. */
void flow_remove(struct splices *s, const struct span *children, const bool *removed, size_t count);

/* How a flow sequence ends: where the next item would go. */
struct flow_end {
	bool has_comma; /* after the last item */
	size_t comma;	/* where, when has_comma */
	bool own_lines; /* the last item has its own line, and the bracket closes further down */
	size_t inside;	/* after the last item, or after the opening bracket */
};
struct flow_end flow_end(struct str text, const struct yaml_node *sequence);

bool flow_has_comments(struct str text, const struct yaml_node *sequence); /* between its items */
bool flow_is_blank(struct str text, const struct yaml_node *sequence);	   /* "[]" or "[ ]" on one line */

#endif
