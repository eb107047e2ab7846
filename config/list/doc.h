/* SPDX-License-Identifier: BSD-2-Clause
 *
 * doc.h - what edit needs of the list reader besides list.h: a list from a tree that is parsed already, so that entry i of the list
 * is item i of the tree's `entries:`. Cold path; tools only. */
#ifndef SARING_LIST_DOC_H
#define SARING_LIST_DOC_H

#include "list/list.h"
#include "settings/yaml.h"

#define LIST_NODES_MAX ((size_t)16 * 1024 * 1024) /* values in a list file */

extern const struct yaml_limits list_limits;

/* Nothing in the list points into the tree. NULL when there was a fault; every fault is in errors, by place. */
MUST_CHECK struct list *list_from_tree(const struct yaml_node *root, const char *path, const char *shown, struct err_list *errors);

/* A name as lists and users write it -> folded wire form. Refuses besides what name_from_text refuses what would silently never
 * match: wildcards (`match:` says that) and URLs. err->text says which; no place is set. */
MUST_CHECK bool list_name_from_text(struct str text, struct name *ret, struct err *err);

#endif
