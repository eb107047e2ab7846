/* SPDX-License-Identifier: BSD-2-Clause
 *
 * wanted.h - the names of one edit, found for each entry of a list in the time of a search: lists are long, and so may the names
 * be. Cold path; one owner. */
#ifndef SARING_LIST_WANTED_H
#define SARING_LIST_WANTED_H

#include "list/list.h"

struct wanted {
	const char *text; /* as the user gave it; borrowed */
	bool is_regex;	  /* text is the expression of an entry, letter for letter */
	struct name name; /* folded; unless is_regex */
	size_t index;	  /* as put */
};
struct wanted_set {
	struct wanted *items;	      /* owned; in the order they were put */
	const struct wanted **sorted; /* owned */
	size_t count, cap;
	const char *regexes[LIST_REGEX_MAX]; /* those of the list; borrowed */
	size_t regex_count;
	const struct list *list; /* borrowed */
};

/* For cap names. list: where the regular expressions are that wanted_put_subject takes; NULL: none. */
MUST_CHECK bool wanted_init(struct wanted_set *set, size_t cap, const struct list *list, struct err *err);
void wanted_finish(struct wanted_set *set);
MUST_CHECK bool wanted_put_name(struct wanted_set *set, const char *text, struct err *err);
bool wanted_put_regex(struct wanted_set *set, const char *text); /* always true */
/* A name, or what some entry of the list has as its regular expression: `^ads` might be either. It is a name where the list has
 * that. */
MUST_CHECK bool wanted_put_subject(struct wanted_set *set, const char *text, struct err *err);
/* After the last put, before the first find. */
void wanted_sort(struct wanted_set *set);
/* Those that mean this entry, one after another: after NULL the first; NULL: no more. */
const struct wanted *wanted_find(const struct wanted_set *set, const struct list_entry *entry, const struct wanted *after);

#endif
