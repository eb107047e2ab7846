/* SPDX-License-Identifier: BSD-2-Clause
 *
 * edit_doc.h - one edit under way: a list's text with its tree and entries, the changes meant, and the end in which the new text is
 * parsed and compared. Between edit_text.c (which entries?) and layout.c (which bytes?). Cold path; one owner. */
#ifndef SARING_LIST_EDIT_DOC_H
#define SARING_LIST_EDIT_DOC_H

#include "base/buf.h"
#include "list/edit_check.h"
#include "list/layout.h"
#include "list/list.h"

struct edit_doc {
	struct str text; /* borrowed */
	const char *shown;
	struct arena arena;	       /* of the tree and of what is meant */
	struct yaml_node *root;	       /* NULL for saring.yaml's edit until opened */
	struct list *list;	       /* owned; entry i is item i */
	struct yaml_node **items;      /* in the arena; NULL when there are none */
	const struct change **changes; /* in the arena; for each item, NULL: none */
	bool *removed;		       /* in the arena */
	const struct pair **appended;  /* in the arena */
	size_t *appended_pairs;
	size_t appended_count;
	const struct change *top;
	const char *sequence_key; /* "entries" */
	size_t touched;		  /* changes, removals, appends: 0 = the text stays */
};

/* Parse a list. False with the first fault's place: a file with faults is not edited. Finish it in any case. */
MUST_CHECK bool edit_doc_open(struct edit_doc *d, struct str text, const char *shown, struct err *err);
/* The same with every fault. */
MUST_CHECK bool edit_doc_open_all(struct edit_doc *d, struct str text, const char *shown, struct err_list *errors);
/* The same for any YAML file whose `sequence_key` holds mappings; no list is made of it. */
MUST_CHECK bool edit_doc_open_yaml(struct edit_doc *d, struct str text, const char *shown, const char *sequence_key,
				   const struct yaml_limits *limits, struct err *err);
void edit_doc_finish(struct edit_doc *d);

/* Note what is meant. Pairs and changes must live as long as d: in its arena. At most one for each item. */
void edit_doc_change(struct edit_doc *d, size_t item, const struct change *change);
void edit_doc_remove(struct edit_doc *d, size_t item);
void edit_doc_append(struct edit_doc *d, const struct pair *pairs, size_t count);
void edit_doc_set_top(struct edit_doc *d, const struct change *change);

/* Make the text, parse it, compare it with what was meant; append it to ret. ret_list: the list it reads as (list_destroy, before d
 * is finished), may be NULL. ERR_INTERNAL when the text did not become what was meant: then ret is as before. */
MUST_CHECK bool edit_doc_write(struct edit_doc *d, struct buf *ret, struct list **ret_list, struct err *err);

#endif
