/* SPDX-License-Identifier: BSD-2-Clause */
#include "list/edit_doc.h"

#include <string.h>

#include "list/doc.h"
#include "list/edit_cut.h"

#define SCALAR_KEY "domain" /* what a bare item stands for */

static bool refuse_faulty(struct err_list *errors, struct err *err)
{
	must(errors->count > 0);
	if (err != NULL) {
		*err = errors->items[0];
		err->code = ERR_INPUT;
	}
	err_list_finish(errors);
	return false;
}

static void index_items(struct edit_doc *d)
{
	const struct yaml_node *sequence = yaml_get(d->root, d->sequence_key);
	size_t count = sequence != NULL && sequence->kind == YAML_SEQUENCE ? sequence->count : 0, i = 0;
	if (count == 0)
		return;
	d->items = arena_alloc(&d->arena, count * sizeof(struct yaml_node *));
	d->changes = arena_alloc(&d->arena, count * sizeof(struct change *));
	d->removed = arena_alloc(&d->arena, count * sizeof(*d->removed));
	for (struct yaml_node *item = sequence->first; item != NULL; item = item->next)
		d->items[i++] = item;
}

bool edit_doc_open_yaml(struct edit_doc *d, struct str text, const char *shown, const char *sequence_key,
			const struct yaml_limits *limits, struct err *err)
{
	struct err_list errors = {0};
	*d = (struct edit_doc){.text = text, .shown = shown, .sequence_key = sequence_key};
	d->root = yaml_parse(text, shown, limits, &d->arena, &errors);
	if (d->root == NULL || errors.count > 0)
		return refuse_faulty(&errors, err);
	index_items(d);
	return true;
}

bool edit_doc_open_all(struct edit_doc *d, struct str text, const char *shown, struct err_list *errors)
{
	const size_t first = errors->count, swallowed = errors->swallowed;
	*d = (struct edit_doc){.text = text, .shown = shown, .sequence_key = "entries"};
	d->root = yaml_parse(text, shown, &list_limits, &d->arena, errors);
	if (d->root != NULL)
		d->list = list_from_tree(d->root, shown, shown, errors);
	yaml_sort_errors(errors, first);
	if (d->list == NULL || errors->count > first || errors->swallowed > swallowed)
		return false;
	index_items(d);
	return true;
}

bool edit_doc_open(struct edit_doc *d, struct str text, const char *shown, struct err *err)
{
	struct err_list errors = {0};
	return edit_doc_open_all(d, text, shown, &errors) || refuse_faulty(&errors, err);
}

void edit_doc_finish(struct edit_doc *d)
{
	list_destroy(d->list);
	arena_finish(&d->arena);
	*d = (struct edit_doc){0};
}

void edit_doc_change(struct edit_doc *d, size_t item, const struct change *change)
{
	d->changes[item] = change;
	d->touched++;
}

void edit_doc_remove(struct edit_doc *d, size_t item)
{
	d->removed[item] = true;
	d->touched++;
}

void edit_doc_append(struct edit_doc *d, const struct pair *pairs, size_t count)
{
	size_t n = d->appended_count;
	if ((n & (n - 1)) == 0) { /* full at 0, 1, 2, 4, ...: what is left behind stays in the arena */
		const struct pair **items = arena_alloc(&d->arena, MAX(n * 2, (size_t)1) * sizeof(struct pair *));
		size_t *counts = arena_alloc(&d->arena, MAX(n * 2, (size_t)1) * sizeof(*counts));
		if (n > 0) {
			memcpy(items, d->appended, n * sizeof(struct pair *));
			memcpy(counts, d->appended_pairs, n * sizeof(*counts));
		}
		d->appended = items;
		d->appended_pairs = counts;
	}
	d->appended[n] = pairs;
	d->appended_pairs[n] = count;
	d->appended_count++;
	d->touched++;
}

void edit_doc_set_top(struct edit_doc *d, const struct change *change)
{
	d->top = change;
	d->touched++;
}

/* New members of the top mapping go before the entries, where the others are; those that are there are set in place. */
static void change_top(struct edit_doc *d, struct splices *s)
{
	struct pair *fresh = arena_alloc(&d->arena, (d->top->set_count + 1) * sizeof(*fresh));
	struct pair *there = arena_alloc(&d->arena, (d->top->set_count + 1) * sizeof(*there));
	size_t fresh_count = 0, there_count = 0;
	for (size_t i = 0; i < d->top->set_count; i++) {
		if (yaml_get(d->root, d->top->set[i].key) == NULL)
			fresh[fresh_count++] = d->top->set[i];
		else
			there[there_count++] = d->top->set[i];
	}
	struct change rest = {.set = there, .set_count = there_count, .drop = d->top->drop, .drop_count = d->top->drop_count};
	if (rest.set_count + rest.drop_count > 0)
		layout_change(s, d->root, &rest);
	if (fresh_count > 0)
		layout_insert_top(s, d->root, d->sequence_key, fresh, fresh_count);
}

static bool splice_all(struct edit_doc *d, struct splices *s)
{
	const struct yaml_node *sequence = yaml_get(d->root, d->sequence_key);
	size_t count = d->items != NULL ? sequence->count : 0;
	if (d->top != NULL)
		change_top(d, s);
	for (size_t i = 0; i < count; i++) {
		const struct change *change = d->changes[i];
		if (change == NULL)
			continue;
		if (d->items[i]->kind == YAML_MAPPING)
			layout_change(s, d->items[i], change);
		else
			layout_widen(s, sequence, d->items[i], SCALAR_KEY, change->set, change->set_count);
	}
	if (count > 0 && !layout_remove(s, sequence, d->removed))
		return false;
	layout_append(s, d->root, d->sequence_key, d->appended, d->appended_pairs, d->appended_count);
	return true;
}

static const struct yaml_node *item_at(const struct edit_doc *d, const struct yaml_node *root, size_t index)
{
	const struct yaml_node *sequence = yaml_get(root, d->sequence_key);
	const struct yaml_node *item = sequence != NULL ? sequence->first : NULL;
	for (; item != NULL && index > 0; index--)
		item = item->next;
	return item;
}

/* Parse the text and compare with what is meant, cut's items (NULL: none) left out of both. *ret_list is made where the old text
 * was a list. */
static bool reads_as_meant(struct edit_doc *d, struct str text, const struct edit_cut *cut, struct list **ret_list)
{
	struct arena arena = {0};
	struct err_list errors = {0};
	struct edit_meant meant = {.top = d->top,
				   .sequence = d->sequence_key,
				   .scalar_key = SCALAR_KEY,
				   .changes = d->changes,
				   .removed = d->removed,
				   .appended = d->appended,
				   .appended_pairs = d->appended_pairs,
				   .appended_count = d->appended_count};
	struct yaml_limits limits = list_limits;
	if (cut != NULL) {
		bool *removed = arena_alloc(&arena, yaml_get(d->root, d->sequence_key)->count * sizeof(*removed));
		memcpy(removed, d->removed, yaml_get(d->root, d->sequence_key)->count * sizeof(*removed));
		memset(removed + cut->first, true, (cut->end - cut->first) * sizeof(*removed));
		meant.removed = removed;
		limits.nodes -= MIN(limits.nodes, cut->nodes);
	}
	struct yaml_node *root = yaml_parse(text, d->shown, &limits, &arena, &errors);
	bool ok = root != NULL && errors.count == 0 && edit_check(d->root, root, &meant) &&
		  (cut == NULL || edit_cut_meets(cut, text, item_at(d, root, cut->index)));
	if (ok && d->list != NULL) {
		*ret_list = list_from_tree(root, d->shown, d->shown, &errors);
		ok = *ret_list != NULL;
	}
	if (ok && cut != NULL)
		edit_cut_fill(cut, d, *ret_list);
	err_list_finish(&errors);
	arena_finish(&arena);
	return ok;
}

/* s: applied, which gave text. */
static bool is_as_meant(struct edit_doc *d, const struct splices *s, struct str text, struct list **ret_list)
{
	struct edit_cut cut;
	struct buf rest = {0};
	if (!edit_cut_find(d, s, text, &cut))
		return reads_as_meant(d, text, NULL, ret_list);
	edit_cut_apply(&cut, text, &rest);
	bool ok = reads_as_meant(d, buf_str(&rest), &cut, ret_list);
	buf_finish(&rest);
	return ok;
}

bool edit_doc_write(struct edit_doc *d, struct buf *ret, struct list **ret_list, struct err *err)
{
	struct splices s;
	struct list *list = NULL;
	size_t before = ret->len;
	splices_init(&s, d->text);
	bool ok = splice_all(d, &s);
	if (ok) {
		splices_apply(&s, ret);
		ok = is_as_meant(d, &s, (struct str){ret->ptr != NULL ? ret->ptr + before : "", ret->len - before}, &list);
	}
	splices_finish(&s);
	if (ok && ret_list != NULL) {
		*ret_list = list;
		return true;
	}
	list_destroy(list);
	if (ok)
		return true;
	if (ret->ptr != NULL) {
		ret->len = before;
		ret->ptr[before] = '\0';
	}
	const struct yaml_node *at = yaml_get(d->root, d->sequence_key);
	if (at == NULL)
		at = d->root;
	return err_set_at(err, ERR_INTERNAL, d->shown, at->line, at->column,
			  "the layout of this file is beyond what can be edited here safely; nothing was changed, edit it by hand");
}
