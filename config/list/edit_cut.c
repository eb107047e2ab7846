/* SPDX-License-Identifier: BSD-2-Clause */
#include "list/edit_cut.h"

#include <string.h>

#include "list/doc.h"

#define KEPT 2 /* items beside what changes that are read too */

static bool is_touched(const struct edit_doc *d, size_t item)
{
	return d->changes[item] != NULL || d->removed[item];
}

/* Is the item one that begins with its dash on its line, at ret_indent? */
static bool dash_indent(struct str text, const struct yaml_node *item, size_t *ret_indent)
{
	const size_t line = text_line_begin(text, item->begin);
	size_t at = line;
	while (at < item->begin && text.ptr[at] == ' ')
		at++;
	*ret_indent = at - line;
	if (at + 1 >= item->begin || text.ptr[at] != '-')
		return false;
	for (at++; at < item->begin && text.ptr[at] == ' '; at++)
		;
	return at == item->begin;
}

/* The longest run of items that nothing is meant for, with KEPT on either side of it. */
static void longest_run(const struct edit_doc *d, size_t count, struct edit_cut *ret)
{
	for (size_t i = 0, end; i < count; i = end + 1) {
		for (end = i; end < count && !is_touched(d, end); end++)
			;
		if (end - i <= ret->end - ret->first + 2 * KEPT)
			continue;
		ret->first = i + KEPT;
		ret->end = end - KEPT;
	}
}

static bool is_clear(const struct splices *s, const struct edit_cut *cut)
{
	for (size_t i = 0; i < s->count; i++) {
		if (s->items[i].end >= cut->from && s->items[i].begin <= cut->to)
			return false;
	}
	return true;
}

/* Where the run begins in the new text: what comes before it is made once more, alone. */
static size_t place_of(const struct splices *s, const struct edit_cut *cut)
{
	struct buf before = {0};
	struct splices head;
	splices_init(&head, (struct str){s->text.ptr, cut->from});
	head.items = s->items; /* in order; those behind the run come later */
	while (head.count < s->count && s->items[head.count].begin < cut->from)
		head.count++;
	splices_apply(&head, &before);
	head.items = NULL;
	splices_finish(&head);
	const size_t at = before.len;
	buf_finish(&before);
	return at;
}

static bool adds_regex(const struct edit_doc *d)
{
	for (size_t i = 0; i < d->appended_count; i++) {
		for (size_t k = 0; k < d->appended_pairs[i]; k++) {
			if (strcmp(d->appended[i][k].key, "regex") == 0)
				return true;
		}
	}
	return false;
}

/* A list's items are two levels deep. */
static size_t count_nodes(const struct edit_doc *d, const struct edit_cut *cut)
{
	size_t nodes = 0;
	for (size_t i = cut->first; i < cut->end; i++) {
		nodes++;
		for (const struct yaml_node *value = d->items[i]->first; value != NULL; value = value->next)
			nodes += 2 + value->count;
	}
	return nodes;
}

bool edit_cut_find(const struct edit_doc *d, const struct splices *s, struct str text, struct edit_cut *ret)
{
	const struct yaml_node *sequence = yaml_get(d->root, d->sequence_key);
	struct edit_cut cut = {.first = 0};
	size_t indent_behind = 0;
	/* The limits of a list hold for the whole. */
	if (d->list == NULL || d->items == NULL || sequence->style != YAML_STYLE_BLOCK || sequence->count != d->list->entry_count ||
	    text.len > list_limits.bytes || adds_regex(d))
		return false;
	longest_run(d, sequence->count, &cut);
	if (cut.end - cut.first < EDIT_CUT_MIN || !dash_indent(d->text, d->items[cut.first], &cut.indent) ||
	    !dash_indent(d->text, d->items[cut.end], &indent_behind) || cut.indent != indent_behind)
		return false;
	cut.from = text_line_begin(d->text, d->items[cut.first]->begin);
	cut.to = text_line_begin(d->text, d->items[cut.end]->begin);
	if (!is_clear(s, &cut))
		return false;
	cut.at = place_of(s, &cut);
	const size_t len = cut.to - cut.from;
	if (cut.at > text.len || len > text.len - cut.at || memcmp(text.ptr + cut.at, d->text.ptr + cut.from, len) != 0)
		return false;
	cut.index = cut.first;
	for (size_t i = 0; i < cut.first; i++)
		cut.index -= d->removed[i];
	cut.nodes = count_nodes(d, &cut);
	*ret = cut;
	return true;
}

void edit_cut_apply(const struct edit_cut *cut, struct str text, struct buf *ret)
{
	const size_t behind = cut->at + (cut->to - cut->from);
	buf_add(ret, text.ptr, cut->at);
	buf_add(ret, text.ptr + behind, text.len - behind);
}

bool edit_cut_meets(const struct edit_cut *cut, struct str text, const struct yaml_node *item)
{
	size_t indent = 0;
	return item != NULL && text_line_begin(text, item->begin) == cut->at && dash_indent(text, item, &indent) &&
	       indent == cut->indent;
}

void edit_cut_fill(const struct edit_cut *cut, const struct edit_doc *d, struct list *list)
{
	const size_t count = cut->end - cut->first, behind = list->entry_count - cut->index;
	struct list_entry *all = arena_alloc(&list->arena, (list->entry_count + count) * sizeof(all[0]));
	/* The item behind the run was read where the run's first line is. Differences are modulo 2^32. */
	const uint32_t lines = d->items[cut->end]->line - d->items[cut->first]->line;
	const uint32_t shift = list->entries[cut->index].line - d->list->entries[cut->end].line + lines;
	memcpy(all, list->entries, cut->index * sizeof(all[0]));
	memcpy(all + cut->index, d->list->entries + cut->first, count * sizeof(all[0]));
	memcpy(all + cut->index + count, list->entries + cut->index, behind * sizeof(all[0]));
	for (size_t i = 0; i < count; i++)
		all[cut->index + i].line += shift;
	for (size_t i = 0; i < behind; i++)
		all[cut->index + count + i].line += lines;
	list->entries = all;
	list->entry_count += count;
}
