/* SPDX-License-Identifier: BSD-2-Clause */
#include "list/edit_check.h"

/* Line endings after the last line of a block scalar don't count: they come and go with the text that follows it (its last line may
 * have been the file's, without one), and what reads values cuts them off. */
static bool same_text(const struct yaml_node *a, const struct yaml_node *b)
{
	struct str x = a->text, y = b->text;
	if (a->style == YAML_STYLE_BLOCK_SCALAR && b->style == YAML_STYLE_BLOCK_SCALAR) {
		while (x.len > 0 && x.ptr[x.len - 1] == '\n')
			x.len--;
		while (y.len > 0 && y.ptr[y.len - 1] == '\n')
			y.len--;
	}
	return str_eq(x, y) && yaml_is_null(a) == yaml_is_null(b);
}

static bool same_node(const struct yaml_node *a, const struct yaml_node *b)
{
	return a->kind == b->kind && a->count == b->count && (a->kind != YAML_SCALAR || same_text(a, b)) &&
	       (a->key == NULL) == (b->key == NULL) && (a->key == NULL || str_eq(a->key->text, b->key->text));
}

/* One level of two trees walked side by side. */
struct walk {
	const struct yaml_node *a, *b;
};

/* The children of two equal nodes, depth first, with a stack of its own: the depth is bounded by the parser. */
static bool same_children(const struct yaml_node *a, const struct yaml_node *b)
{
	struct walk stack[YAML_DEPTH_MAX + 1];
	size_t depth = 0;
	stack[depth++] = (struct walk){a->first, b->first};
	while (depth > 0) {
		struct walk *level = &stack[depth - 1];
		if (level->a == NULL || level->b == NULL) {
			if (level->a != level->b)
				return false;
			depth--;
			continue;
		}
		struct walk here = *level;
		level->a = here.a->next;
		level->b = here.b->next;
		if (!same_node(here.a, here.b))
			return false;
		if (here.a->first != NULL) {
			if (depth == ARRAY_LEN(stack))
				return false;
			stack[depth++] = (struct walk){here.a->first, here.b->first};
		}
	}
	return true;
}

/* The values alone, whatever keys they stand under. */
static bool same_value(const struct yaml_node *a, const struct yaml_node *b)
{
	return a->kind == b->kind && a->count == b->count && (a->kind != YAML_SCALAR || str_eq(a->text, b->text)) &&
	       same_children(a, b);
}

bool edit_check_same(const struct yaml_node *a, const struct yaml_node *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return same_node(a, b) && same_children(a, b);
}

static bool pair_is(const struct pair *pair, const struct yaml_node *value)
{
	if (pair->text != NULL)
		return value->kind == YAML_SCALAR && str_eq_c(value->text, pair->text);
	if (value->kind != YAML_SEQUENCE || value->count != pair->count)
		return false;
	size_t i = 0;
	for (const struct yaml_node *item = value->first; item != NULL; item = item->next, i++) {
		if (item->kind != YAML_SCALAR || !str_eq_c(item->text, pair->items[i]))
			return false;
	}
	return true;
}

/* Do the members of `after` follow from those of `before`? skip: a key left out of it, or NULL. */
static bool members_changed(const struct yaml_node *before, const struct yaml_node *after, const char *scalar_key,
			    const struct change *change, const char *skip)
{
	size_t expected = change->set_count, found = 0;
	if (before->kind == YAML_SCALAR) {
		expected++;
	} else {
		for (const struct yaml_node *value = before->first; value != NULL; value = value->next) {
			if ((skip == NULL || !str_eq_c(value->key->text, skip)) && !change_drops(change, value->key->text) &&
			    change_sets(change, value->key->text) == NULL)
				expected++;
		}
	}
	if (after->kind != YAML_MAPPING)
		return false;
	for (const struct yaml_node *value = after->first; value != NULL; value = value->next) {
		if (skip != NULL && str_eq_c(value->key->text, skip))
			continue;
		const struct pair *pair = change_sets(change, value->key->text);
		bool ok;
		found++;
		if (pair != NULL) {
			ok = pair_is(pair, value);
		} else if (change_drops(change, value->key->text)) {
			ok = false;
		} else if (before->kind == YAML_SCALAR) {
			ok = str_eq_c(value->key->text, scalar_key) && same_value(before, value);
		} else {
			ok = edit_check_same(yaml_get(before, value->key->text.ptr), value);
		}
		if (!ok)
			return false;
	}
	return found == expected;
}

bool edit_check_changed(const struct yaml_node *before, const struct yaml_node *after, const char *scalar_key,
			const struct change *change)
{
	if (before->kind == YAML_SEQUENCE || (before->kind == YAML_SCALAR && scalar_key == NULL))
		return false;
	return members_changed(before, after, scalar_key, change, NULL);
}

static bool is_item_list(const struct yaml_node *value)
{
	return value == NULL || value->kind == YAML_SEQUENCE || yaml_is_null(value);
}

static const struct yaml_node *first_item(const struct yaml_node *value)
{
	return value != NULL && value->kind == YAML_SEQUENCE ? value->first : NULL;
}

bool edit_check(const struct yaml_node *before, const struct yaml_node *after, const struct edit_meant *meant)
{
	static const struct change none;
	const struct yaml_node *old_items = yaml_get(before, meant->sequence), *new_items = yaml_get(after, meant->sequence);
	if (before->kind != YAML_MAPPING || after->kind != YAML_MAPPING || !is_item_list(old_items) || !is_item_list(new_items))
		return false;
	if (!members_changed(before, after, NULL, meant->top != NULL ? meant->top : &none, meant->sequence))
		return false;
	const struct yaml_node *item = first_item(new_items);
	size_t i = 0;
	for (const struct yaml_node *old = first_item(old_items); old != NULL; old = old->next, i++) {
		if (meant->removed != NULL && meant->removed[i])
			continue;
		const struct change *change = meant->changes != NULL ? meant->changes[i] : NULL;
		if (item == NULL)
			return false;
		if (change != NULL ? !edit_check_changed(old, item, meant->scalar_key, change) : !edit_check_same(old, item))
			return false;
		item = item->next;
	}
	for (i = 0; i < meant->appended_count; i++) {
		struct yaml_node nothing = {.kind = YAML_MAPPING};
		struct change whole = {.set = meant->appended[i], .set_count = meant->appended_pairs[i]};
		if (item == NULL || !edit_check_changed(&nothing, item, NULL, &whole))
			return false;
		item = item->next;
	}
	return item == NULL;
}
