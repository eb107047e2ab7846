/* SPDX-License-Identifier: BSD-2-Clause */
#include "list/wanted.h"

#include <stdlib.h>
#include <string.h>

#include "list/doc.h"

#define WANTED_MAX 1000000 /* names in one edit */

bool wanted_init(struct wanted_set *set, size_t cap, const struct list *list, struct err *err)
{
	if (cap > WANTED_MAX)
		return err_set(err, ERR_LIMIT, "%zu names at once; at most %d are taken", cap, WANTED_MAX);
	set->items = base_alloc((cap + 1) * sizeof(*set->items));
	set->sorted = base_alloc((cap + 1) * sizeof(struct wanted *));
	set->cap = cap;
	set->list = list;
	for (size_t i = 0; list != NULL && i < list->entry_count && set->regex_count < LIST_REGEX_MAX; i++) {
		if (list->entries[i].match == MATCH_REGEX)
			set->regexes[set->regex_count++] = list->entries[i].text;
	}
	return true;
}

void wanted_finish(struct wanted_set *set)
{
	free(set->items);
	free(set->sorted);
	*set = (struct wanted_set){0};
}

static struct wanted *put(struct wanted_set *set, const char *text)
{
	must(set->count < set->cap);
	struct wanted *w = &set->items[set->count];
	*w = (struct wanted){.text = text, .index = set->count};
	return w;
}

bool wanted_put_name(struct wanted_set *set, const char *text, struct err *err)
{
	struct wanted *w = put(set, text);
	if (!list_name_from_text(str_from(text), &w->name, err))
		return false;
	set->count++;
	return true;
}

bool wanted_put_regex(struct wanted_set *set, const char *text)
{
	put(set, text)->is_regex = true;
	set->count++;
	return true;
}

static bool has_name(const struct list *list, const struct name *name)
{
	for (size_t i = 0; i < list->entry_count; i++) {
		const struct list_entry *entry = &list->entries[i];
		if (entry->match != MATCH_REGEX && entry->name_len == name->len && memcmp(entry->name, name->wire, name->len) == 0)
			return true;
	}
	return false;
}

bool wanted_put_subject(struct wanted_set *set, const char *text, struct err *err)
{
	struct name name;
	for (size_t i = 0; i < set->regex_count; i++) {
		if (strcmp(set->regexes[i], text) != 0)
			continue;
		if (list_name_from_text(str_from(text), &name, NULL) && has_name(set->list, &name))
			break;
		return wanted_put_regex(set, text);
	}
	return wanted_put_name(set, text, err);
}

/* Any order will do, as long as it is one. */
static int compare(const struct wanted *w, bool is_regex, const void *bytes, size_t len)
{
	const void *own = w->is_regex ? (const void *)w->text : w->name.wire;
	size_t own_len = w->is_regex ? strlen(w->text) : w->name.len;
	if (w->is_regex != is_regex)
		return w->is_regex ? 1 : -1;
	if (own_len != len)
		return own_len < len ? -1 : 1;
	return memcmp(own, bytes, len);
}

static int compare_wanted(const void *a, const void *b)
{
	const struct wanted *x = *(const struct wanted *const *)a, *y = *(const struct wanted *const *)b;
	int order = y->is_regex ? compare(x, true, y->text, strlen(y->text)) : compare(x, false, y->name.wire, y->name.len);
	return order != 0 ? order : x->index < y->index ? -1 : x->index > y->index;
}

void wanted_sort(struct wanted_set *set)
{
	for (size_t i = 0; i < set->count; i++)
		set->sorted[i] = &set->items[i];
	if (set->count > 1)
		qsort(set->sorted, set->count, sizeof(struct wanted *), compare_wanted);
}

const struct wanted *wanted_find(const struct wanted_set *set, const struct list_entry *entry, const struct wanted *after)
{
	bool is_regex = entry->match == MATCH_REGEX;
	const void *bytes = is_regex ? (const void *)entry->text : entry->name;
	size_t len = is_regex ? strlen(entry->text) : entry->name_len, low = 0, high = set->count;
	while (low < high) { /* the first that is not before the entry, nor before what comes next after `after` */
		size_t middle = low + (high - low) / 2;
		const struct wanted *w = set->sorted[middle];
		int order = compare(w, is_regex, bytes, len);
		if (order < 0 || (order == 0 && after != NULL && w->index <= after->index))
			low = middle + 1;
		else
			high = middle;
	}
	return low < set->count && compare(set->sorted[low], is_regex, bytes, len) == 0 ? set->sorted[low] : NULL;
}
