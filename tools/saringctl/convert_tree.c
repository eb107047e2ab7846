/* SPDX-License-Identifier: BSD-2-Clause
 *
 * convert_tree.c - a configuration's tree walked by tables of its keys, and what stands in its scalars. */
#include "saringctl/convert.h"

#include <string.h>

#define DEPTH_MAX YAML_DEPTH_MAX

const char *convert_path(struct convert *c, const char *path, const char *key)
{
	return path[0] == '\0' ? arena_strdup(&c->arena, key) : arena_printf(&c->arena, "%s.%s", path, key);
}

bool convert_node_off(const struct yaml_node *node)
{
	static const char *const words[] = {"false", "0", "", "no", "off", "0s", "none"};
	if (node->kind != YAML_SCALAR)
		return node->count == 0;
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (str_eq_c(str_trim(node->text), words[i]))
			return true;
	}
	return yaml_is_null(node);
}

bool convert_node_true(const struct yaml_node *node)
{
	return node->kind == YAML_SCALAR &&
	       (str_eq_c(node->text, "true") || str_eq_c(node->text, "yes") || str_eq_c(node->text, "on"));
}

/* Without recursion: first children, then next ones, then those of the parents. Bounded by the depth that the readers allow. */
static size_t count_scalars(const struct yaml_node *top)
{
	const struct yaml_node *stack[DEPTH_MAX + 1] = {NULL};
	size_t depth = 0, count = 0;
	const struct yaml_node *node = top;
	for (;;) {
		if (node->kind == YAML_SCALAR)
			count++;
		if (node->first != NULL && depth < DEPTH_MAX) {
			stack[depth++] = node;
			node = node->first;
			continue;
		}
		while (depth > 0 && node->next == NULL)
			node = stack[--depth];
		if (depth == 0)
			return count;
		node = node->next;
	}
}

static const struct convert_row *row_of(const struct convert_row *rows, struct str key)
{
	for (; rows->key != NULL; rows++) {
		if (str_eq_c(key, rows->key) || strcmp(rows->key, "*") == 0)
			return rows;
	}
	return NULL;
}

/* A section that says of itself that it is off. */
static bool says_off(const struct yaml_node *node)
{
	static const char *const switches[] = {"enabled", "enable", "active"};
	for (size_t i = 0; node->kind == YAML_MAPPING && i < ARRAY_LEN(switches); i++) {
		const struct yaml_node *value = yaml_get(node, switches[i]);
		if (value != NULL)
			return convert_node_off(value);
	}
	return false;
}

static void leave(struct convert *c, const struct yaml_node *node, const struct convert_row *row, const char *path)
{
	if (convert_node_off(node) || says_off(node) ||
	    (row->off != NULL && node->kind == YAML_SCALAR && str_eq_c(node->text, row->off))) {
		c->off++;
		return;
	}
	size_t count = count_scalars(node);
	if (node->kind == YAML_SCALAR || count == 1)
		convert_left(c, node->key->line, path, "%s", row->left);
	else
		convert_left(c, node->key->line, path, "(%zu values) %s", count, row->left);
}

/* One level; a row with rows is walked when its turn comes, from a stack. */
void convert_walk(struct convert *c, const struct yaml_node *mapping, const char *path, const struct convert_row *rows)
{
	struct {
		const struct yaml_node *at;
		const struct convert_row *rows;
		const char *path;
	} stack[DEPTH_MAX + 1];
	size_t depth = 0;
	stack[0].at = mapping->first;
	stack[0].rows = rows;
	stack[0].path = path;
	for (;;) {
		const struct yaml_node *n = stack[depth].at;
		if (n == NULL) {
			if (depth == 0)
				return;
			depth--;
			continue;
		}
		stack[depth].at = n->next;
		const struct convert_row *row = row_of(stack[depth].rows, n->key->text);
		const char *here = convert_path(c, stack[depth].path, n->key->text.ptr);
		if (n->again)
			convert_left(c, n->key->line, here, "stands there twice; the first counts");
		else if (row == NULL)
			convert_left(c, n->key->line, here, "a key that this tool does not know");
		else if (row->take != NULL)
			row->take(c, n, here);
		else if (row->left != NULL)
			leave(c, n, row, here);
		else if (n->kind == YAML_MAPPING && depth < DEPTH_MAX) {
			depth++;
			stack[depth].at = n->first;
			stack[depth].rows = row->rows;
			stack[depth].path = here;
		} else if (!convert_node_off(n))
			convert_left(c, n->key->line, here, "a mapping should be here, and there is %s", yaml_kind_word(n));
	}
}

/* ---- scalars ---- */

static bool number(struct str text, int64_t *ret)
{
	uint64_t value;
	bool negative = str_starts(text, "-");
	if (negative)
		text = (struct str){text.ptr + 1, text.len - 1};
	if (!str_to_u64(text, &value) || value > INT32_MAX)
		return false;
	*ret = negative ? -(int64_t)value : (int64_t)value;
	return true;
}

bool convert_number(struct convert *c, const struct yaml_node *node, const char *path, int64_t *ret)
{
	if (node->kind == YAML_SCALAR && number(str_trim(node->text), ret))
		return true;
	convert_left(c, node->line, path, "not a number");
	return false;
}

/* Go's durations: numbers with units, one behind the other. In milliseconds. */
static bool duration(struct str text, int64_t *ret_ms)
{
	static const struct {
		const char *unit;
		int64_t ms;
	} units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
	int64_t sum = 0;
	bool negative = str_starts(text, "-");
	if (negative)
		text = (struct str){text.ptr + 1, text.len - 1};
	while (text.len > 0) {
		size_t digits = 0, letters, i;
		uint64_t value;
		while (digits < text.len && text.ptr[digits] >= '0' && text.ptr[digits] <= '9')
			digits++;
		for (letters = digits; letters < text.len && text.ptr[letters] >= 'a' && text.ptr[letters] <= 'z';)
			letters++;
		struct str unit = {text.ptr + digits, letters - digits};
		for (i = 0; i < ARRAY_LEN(units) && !str_eq_c(unit, units[i].unit);)
			i++;
		if (digits == 0 || i == ARRAY_LEN(units) || !str_to_u64((struct str){text.ptr, digits}, &value) ||
		    value > INT32_MAX)
			return false;
		sum += (int64_t)value * units[i].ms;
		text = (struct str){text.ptr + letters, text.len - letters};
	}
	*ret_ms = negative ? -sum : sum;
	return true;
}

bool convert_duration(struct convert *c, const struct yaml_node *node, const char *path, int64_t unit_s, int64_t *ret_s)
{
	int64_t value;
	struct str text = str_trim(node->text);
	if (node->kind == YAML_SCALAR && number(text, &value)) {
		*ret_s = value * unit_s;
		return true;
	}
	if (node->kind == YAML_SCALAR && text.len > 0 && duration(text, &value)) {
		*ret_s = value > 0 && value < 1000 ? 1 : value / 1000;
		return true;
	}
	convert_left(c, node->line, path, "not a duration");
	return false;
}

void convert_each_of(struct convert_each *each, const struct yaml_node *node)
{
	*each = (struct convert_each){.line = node->line};
	if (node->kind == YAML_SCALAR && !yaml_is_null(node))
		each->rest = node->text;
	else if (node->kind == YAML_SEQUENCE)
		each->next = node->first;
}

bool convert_next(struct convert_each *each, struct str *ret)
{
	while (each->rest.ptr != NULL || each->next != NULL) {
		if (each->rest.ptr == NULL) {
			const struct yaml_node *node = each->next;
			each->next = node->next;
			each->line = node->line;
			if (node->kind == YAML_SCALAR && node->text.len > 0) {
				*ret = node->text;
				return true;
			}
			continue;
		}
		*ret = str_trim(str_cut(&each->rest, ','));
		if (ret->len > 0)
			return true;
	}
	return false;
}
