/* SPDX-License-Identifier: BSD-2-Clause */
#include "list/layout.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "list/flow.h"
#include "list/quote.h"

bool change_drops(const struct change *change, struct str key)
{
	for (size_t i = 0; i < change->drop_count; i++) {
		if (str_eq_c(key, change->drop[i]))
			return true;
	}
	return false;
}

const struct pair *change_sets(const struct change *change, struct str key)
{
	for (size_t i = 0; i < change->set_count; i++) {
		if (str_eq_c(key, change->set[i].key))
			return &change->set[i];
	}
	return NULL;
}

static const char *quoted(struct splices *s, const char *text, bool flow)
{
	const char *ret = quote_yaml(&s->arena, str_from(text), flow);
	must(ret != NULL); /* the caller saw to UTF-8 */
	return ret;
}

static void put_value(struct splices *s, struct buf *out, const struct pair *pair, bool flow)
{
	if (pair->text != NULL) {
		buf_add_c(out, pair->verbatim ? pair->text : quoted(s, pair->text, flow));
		return;
	}
	buf_add_c(out, "[");
	for (size_t i = 0; i < pair->count; i++)
		buf_printf(out, "%s%s", i > 0 ? ", " : "", quoted(s, pair->items[i], true));
	buf_add_c(out, "]");
}

static void put_pair(struct splices *s, struct buf *out, const struct pair *pair, bool flow)
{
	buf_printf(out, "%s: ", pair->key);
	put_value(s, out, pair, flow);
}

/* "indent""key: value" LF */
static void put_line(struct splices *s, struct buf *out, size_t indent, const char *dash, const struct pair *pair)
{
	buf_printf(out, "%*s%s", (int)indent, "", dash);
	put_pair(s, out, pair, false);
	buf_add_c(out, "\n");
}

/* Set the value of a member that is there. */
static void set_value(struct splices *s, const struct yaml_node *value, const struct pair *pair, bool flow)
{
	struct buf out = {0};
	size_t begin = value->begin;
	/* An empty value ends at the colon. */
	if (value->begin == value->end && begin > 0 && s->text.ptr[begin - 1] == ':')
		buf_add_c(&out, " ");
	/* A word of ours takes over the quotes of the old one. */
	if (value->style == YAML_STYLE_QUOTED && pair->verbatim)
		buf_printf(&out, "%c%s%c", s->text.ptr[begin], pair->text, s->text.ptr[begin]);
	else
		put_value(s, &out, pair, flow);
	splice_replace(s, begin, value->end, buf_str(&out));
	buf_finish(&out);
}

/* Put `pair` where the member `value` stands, key and all. */
static void take_place(struct splices *s, const struct yaml_node *value, const struct pair *pair, bool flow)
{
	struct buf out = {0};
	put_pair(s, &out, pair, flow);
	splice_replace(s, value->key->begin, value->end, buf_str(&out));
	buf_finish(&out);
}

static void add_after(struct splices *s, const struct yaml_node *map, const struct yaml_node *value, const struct pair *pair)
{
	struct buf out = {0};
	if (map->style == YAML_STYLE_FLOW) {
		buf_add_c(&out, ", ");
		put_pair(s, &out, pair, true);
		splice_replace(s, value->end, value->end, buf_str(&out));
	} else {
		put_line(s, &out, map->column - 1, "", pair);
		splice_lines_below(s, value->end, buf_str(&out));
	}
	buf_finish(&out);
}

/* What becomes of each member of a mapping that changes. */
struct plan {
	const struct yaml_node **members;
	bool *gone; /* to be removed with its text */
	size_t count;
	const struct yaml_node *host; /* a dropped member whose place a new pair takes; NULL: none */
	const struct pair *guest;
};

/* A member that opens the item's line ("- lifted: x") can't go with its line, and in any mapping a new pair best stands where the
 * old one did: so the first new pair takes the place of the first dropped member. Where the first member goes and no pair is new,
 * one that is there already moves. */
static void choose_host(struct plan *plan, const struct yaml_node *map, const struct change *change)
{
	for (size_t i = 0; i < plan->count && plan->host == NULL; i++) {
		if (plan->gone[i])
			plan->host = plan->members[i];
	}
	for (size_t i = 0; i < change->set_count && plan->guest == NULL; i++) {
		if (yaml_get(map, change->set[i].key) == NULL)
			plan->guest = &change->set[i];
	}
	if (plan->host != NULL && plan->guest == NULL && plan->gone[0]) {
		for (size_t i = 1; i < plan->count && plan->guest == NULL; i++) {
			plan->guest = change_sets(change, plan->members[i]->key->text);
			plan->gone[i] = plan->gone[i] || plan->guest != NULL;
		}
	}
	if (plan->guest == NULL || plan->host == NULL) {
		plan->host = NULL;
		plan->guest = NULL;
	}
	for (size_t i = 0; i < plan->count; i++) {
		if (plan->members[i] == plan->host)
			plan->gone[i] = false;
	}
}

static void remove_members(struct splices *s, const struct yaml_node *map, const struct plan *plan)
{
	if (map->style != YAML_STYLE_FLOW) {
		for (size_t i = 0; i < plan->count; i++) {
			if (plan->gone[i])
				splice_delete_lines(s, plan->members[i]->key->begin, plan->members[i]->end);
		}
		return;
	}
	struct span *spans = base_alloc(plan->count * sizeof(*spans));
	for (size_t i = 0; i < plan->count; i++)
		spans[i] = (struct span){plan->members[i]->key->begin, plan->members[i]->end};
	flow_remove(s, spans, plan->gone, plan->count);
	free(spans);
}

void layout_change(struct splices *s, const struct yaml_node *map, const struct change *change)
{
	bool flow = map->style == YAML_STYLE_FLOW;
	struct plan plan = {.members = base_alloc(map->count * sizeof(struct yaml_node *)),
			    .gone = base_alloc(map->count * sizeof(bool))};
	for (const struct yaml_node *value = map->first; value != NULL; value = value->next) {
		plan.gone[plan.count] = change_drops(change, value->key->text);
		plan.members[plan.count++] = value;
	}
	choose_host(&plan, map, change);

	const struct yaml_node *last_kept = NULL;
	for (size_t i = 0; i < plan.count; i++) {
		const struct yaml_node *value = plan.members[i];
		const struct pair *pair = change_sets(change, value->key->text);
		if (plan.gone[i])
			continue;
		last_kept = value;
		if (value == plan.host)
			take_place(s, value, plan.guest, flow);
		else if (pair != NULL)
			set_value(s, value, pair, flow);
	}
	must(last_kept != NULL);
	remove_members(s, map, &plan);

	bool bare_pair = flow && s->text.ptr[map->begin] != '{'; /* [domain: x] */
	if (bare_pair)
		splice_insert(s, map->begin, "{");
	for (size_t i = 0; i < change->set_count; i++) {
		if (yaml_get(map, change->set[i].key) == NULL && &change->set[i] != plan.guest)
			add_after(s, map, last_kept, &change->set[i]);
	}
	if (bare_pair)
		splice_insert(s, map->end, "}");
	free(plan.members);
	free(plan.gone);
}

void layout_widen(struct splices *s, const struct yaml_node *sequence, const struct yaml_node *item, const char *key,
		  const struct pair *pairs, size_t count)
{
	struct buf out = {0};
	bool flow = sequence->style == YAML_STYLE_FLOW;
	buf_printf(&out, "%s%s: ", flow ? "{" : "", key);
	if (item->style == YAML_STYLE_BLOCK_SCALAR) {
		/* its text would stand too far left for a value of the mapping */
		buf_add_c(&out, quoted(s, item->text.ptr, flow));
		splice_replace(s, item->begin, item->end, buf_str(&out));
	} else {
		splice_replace(s, item->begin, item->begin, buf_str(&out));
	}
	buf_reset(&out);
	for (size_t i = 0; i < count; i++) {
		if (flow) {
			buf_add_c(&out, ", ");
			put_pair(s, &out, &pairs[i], true);
		} else {
			put_line(s, &out, item->column - 1, "", &pairs[i]);
		}
	}
	if (flow) {
		buf_add_c(&out, "}");
		splice_replace(s, item->end, item->end, buf_str(&out));
	} else {
		splice_lines_below(s, item->end, buf_str(&out));
	}
	buf_finish(&out);
}

void layout_insert_top(struct splices *s, const struct yaml_node *root, const char *before, const struct pair *pairs, size_t count)
{
	const struct yaml_node *after = NULL, *value = root->first;
	for (; value != NULL && !str_eq_c(value->key->text, before); value = value->next)
		after = value;
	if (after != NULL) {
		for (size_t i = 0; i < count; i++)
			add_after(s, root, after, &pairs[i]);
		return;
	}
	struct buf out = {0};
	if (root->style == YAML_STYLE_FLOW) {
		for (size_t i = 0; i < count; i++) {
			put_pair(s, &out, &pairs[i], true);
			buf_add_c(&out, i + 1 < count || root->first != NULL ? ", " : "");
		}
		splice_replace(s, root->begin + 1, root->begin + 1, buf_str(&out));
	} else {
		for (size_t i = 0; i < count; i++)
			put_line(s, &out, root->column - 1, "", &pairs[i]);
		if (root->first != NULL)
			splice_lines_above(s, root->first->key->begin, buf_str(&out));
		else
			splice_lines_below(s, s->text.len, buf_str(&out));
	}
	buf_finish(&out);
}

/* "- k: v" and the lines under it, for each new item. */
static void put_block_items(struct splices *s, struct buf *out, size_t indent, const struct pair *const *pairs,
			    const size_t *pair_counts, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		for (size_t k = 0; k < pair_counts[i]; k++)
			put_line(s, out, k == 0 ? indent : indent + 2, k == 0 ? "- " : "", &pairs[i][k]);
	}
}

static void put_flow_item(struct splices *s, struct buf *out, const struct pair *pairs, size_t count)
{
	buf_add_c(out, "{");
	for (size_t k = 0; k < count; k++) {
		buf_add_c(out, k > 0 ? ", " : "");
		put_pair(s, out, &pairs[k], true);
	}
	buf_add_c(out, "}");
}

static void append_to_flow(struct splices *s, const struct yaml_node *sequence, const struct pair *const *pairs,
			   const size_t *pair_counts, size_t count)
{
	struct flow_end end = flow_end(s->text, sequence);
	struct buf out = {0};
	size_t indent = end.own_lines ? sequence->last->begin - text_line_begin(s->text, sequence->last->begin) : 0;
	if (end.own_lines && !end.has_comma)
		splice_insert(s, sequence->last->end, ",");
	for (size_t i = 0; i < count; i++) {
		if (end.own_lines)
			buf_add(&out, s->text.ptr + text_line_begin(s->text, sequence->last->begin), indent);
		else if (sequence->last != NULL || i > 0)
			buf_add_c(&out, ", ");
		put_flow_item(s, &out, pairs[i], pair_counts[i]);
		if (end.own_lines)
			buf_add_c(&out, i + 1 < count || end.has_comma ? ",\n" : "\n");
	}
	if (end.own_lines)
		splice_lines_below(s, end.has_comma ? end.comma : sequence->last->end, buf_str(&out));
	else
		splice_replace(s, end.inside, end.inside, buf_str(&out));
	buf_finish(&out);
}

/* `entries:`, `entries: ~` or `entries: []` with nothing in it becomes a block list. */
static void fill_empty(struct splices *s, const struct yaml_node *value, struct buf *items)
{
	if (value->begin < value->end)
		splice_delete(s, text_skip_blanks_back(s->text, value->begin), value->end);
	splice_lines_below(s, value->end, buf_str(items));
}

/* The key is absent, or its value is nothing that an item could be appended to. */
static void start_sequence(struct splices *s, const struct yaml_node *root, const char *key, const struct yaml_node *value,
			   const struct pair *const *pairs, const size_t *pair_counts, size_t count)
{
	struct buf out = {0};
	if (root->style == YAML_STYLE_FLOW) {
		if (value == NULL)
			buf_printf(&out, "%s%s: ", root->first != NULL ? ", " : "", key);
		else if (value->begin > 0 && s->text.ptr[value->begin - 1] == ':')
			buf_add_c(&out, " ");
		buf_add_c(&out, "[");
		for (size_t i = 0; i < count; i++) {
			buf_add_c(&out, i > 0 ? ", " : "");
			put_flow_item(s, &out, pairs[i], pair_counts[i]);
		}
		buf_add_c(&out, "]");
		size_t at = root->last != NULL ? root->last->end : root->begin + 1;
		splice_replace(s, value != NULL ? value->begin : at, value != NULL ? value->end : at, buf_str(&out));
	} else if (value != NULL) {
		put_block_items(s, &out, value->key->column + 1, pairs, pair_counts, count);
		fill_empty(s, value, &out);
	} else {
		buf_printf(&out, "%*s%s:\n", (int)(root->column - 1), "", key);
		put_block_items(s, &out, root->column + 1, pairs, pair_counts, count);
		splice_lines_below(s, root->last != NULL ? root->last->end : s->text.len, buf_str(&out));
	}
	buf_finish(&out);
}

void layout_append(struct splices *s, const struct yaml_node *root, const char *key, const struct pair *const *pairs,
		   const size_t *pair_counts, size_t count)
{
	const struct yaml_node *value = yaml_get(root, key);
	if (count == 0)
		return;
	if (value == NULL || value->kind != YAML_SEQUENCE) {
		start_sequence(s, root, key, value, pairs, pair_counts, count);
	} else if (value->style == YAML_STYLE_FLOW) {
		if (value->count == 0 && root->style != YAML_STYLE_FLOW && flow_is_blank(s->text, value))
			start_sequence(s, root, key, value, pairs, pair_counts, count);
		else
			append_to_flow(s, value, pairs, pair_counts, count);
	} else {
		struct buf out = {0};
		put_block_items(s, &out, value->column - 1, pairs, pair_counts, count);
		splice_lines_below(s, value->last->end, buf_str(&out));
		buf_finish(&out);
	}
}

/* Where each dash is: in the gap before its item, where only blanks, line endings and comments are besides. */
static bool remove_block_items(struct splices *s, const struct yaml_node *sequence, const bool *removed, bool all)
{
	size_t from = sequence->begin, i = 0;
	for (const struct yaml_node *item = sequence->first; item != NULL; item = item->next, i++) {
		size_t dash = text_skip_gap(s->text, from);
		from = item->end;
		if (!removed[i])
			continue;
		if (dash >= item->begin || s->text.ptr[dash] != '-' || !text_is_first_of_line(s->text, dash))
			return false;
		splice_delete_lines(s, dash, item->end);
	}
	if (all) {
		size_t colon = text_skip_gap(s->text, sequence->key->end);
		if (colon >= sequence->begin || s->text.ptr[colon] != ':')
			return false;
		splice_insert(s, colon + 1, " []");
	}
	return true;
}

bool layout_remove(struct splices *s, const struct yaml_node *sequence, const bool *removed)
{
	bool any = false, all = true;
	for (size_t i = 0; i < sequence->count; i++) {
		any = any || removed[i];
		all = all && removed[i];
	}
	if (!any)
		return true;
	if (sequence->style != YAML_STYLE_FLOW)
		return remove_block_items(s, sequence, removed, all);
	struct span *spans = base_alloc(sequence->count * sizeof(*spans));
	size_t i = 0;
	for (const struct yaml_node *item = sequence->first; item != NULL; item = item->next)
		spans[i++] = (struct span){item->begin, item->end};
	if (all && !flow_has_comments(s->text, sequence))
		splice_replace(s, sequence->begin, sequence->end, STR_LIT("[]"));
	else
		flow_remove(s, spans, removed, sequence->count);
	free(spans);
	return true;
}
