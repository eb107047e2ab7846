/* SPDX-License-Identifier: BSD-2-Clause
 * Any bytes as YAML: a tree or errors, never both; and every place in the tree is true of the text. */
#include "settings/yaml.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct yaml_limits limits = {.bytes = 1 << 16, .nodes = 4096};

/* Line and column by a count of its own. */
static void check_place(struct str text, const struct yaml_node *node)
{
	size_t at = text.len >= 3 && memcmp(text.ptr, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
	uint32_t line = 1, column = 1;
	for (; at < node->begin; at++) {
		char c = text.ptr[at];
		bool crlf = c == '\r' && at + 1 < text.len && text.ptr[at + 1] == '\n';
		if (c == '\n' || (c == '\r' && !crlf)) {
			line++;
			column = 1;
		} else if (((unsigned char)c & 0xc0) != 0x80) {
			column++;
		}
	}
	must(node->line == line && node->column == column);
}

static void check_node(struct str text, const struct yaml_node *node)
{
	struct str slice = {text.ptr + node->begin, node->end - node->begin};
	must(node->begin <= node->end && node->end <= text.len);
	if (node->kind == YAML_SCALAR) {
		must(strlen(node->text.ptr) == node->text.len && str_is_utf8(node->text));
		must(node->first == NULL && node->count == 0);
		/* a plain scalar of one line is the text itself */
		if (node->style == YAML_STYLE_PLAIN && memchr(node->text.ptr, '\n', node->text.len) == NULL &&
		    memchr(slice.ptr, '\n', slice.len) == NULL && memchr(slice.ptr, '\r', slice.len) == NULL &&
		    memmem(slice.ptr, slice.len, "\xc2\x85", 2) == NULL && memmem(slice.ptr, slice.len, "\xe2\x80", 2) == NULL)
			must(str_eq(slice, node->text));
	}
	if (node->style == YAML_STYLE_QUOTED)
		must(slice.len >= 2 && slice.ptr[0] == slice.ptr[slice.len - 1]);
	if (node->style == YAML_STYLE_BLOCK_SCALAR)
		must(slice.ptr[0] == '|' || slice.ptr[0] == '>');
	check_place(text, node);
}

static void check_tree(struct str text, const struct yaml_node *root)
{
	const struct yaml_node *stack[YAML_DEPTH_MAX + 1], *parents[YAML_DEPTH_MAX + 1];
	size_t depth = 0;
	stack[depth] = root;
	parents[depth++] = NULL;
	while (depth > 0) {
		const struct yaml_node *node = stack[depth - 1], *parent = parents[depth - 1];
		if (node == NULL) {
			depth--;
			continue;
		}
		check_node(text, node);
		if (parent != NULL) {
			must(node->begin >= parent->begin && node->end <= parent->end);
			must((node->key != NULL) == (parent->kind == YAML_MAPPING));
			must(node->next == NULL || node->next->begin >= node->end);
		}
		if (node->key != NULL) {
			check_node(text, node->key);
			must((yaml_get(parent, node->key->text.ptr) == node) == !node->again);
		}
		stack[depth - 1] = node == root ? NULL : node->next;
		if (node->first != NULL) {
			must(depth < YAML_DEPTH_MAX + 1);
			stack[depth] = node->first;
			parents[depth++] = node;
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena = {0};
	struct err_list errors = {0};
	struct str text = {(const char *)data, size};
	const struct yaml_node *root = yaml_parse(text, "fuzz", &limits, &arena, &errors);
	must(root != NULL || errors.count > 0);
	if (root != NULL)
		check_tree(text, root);
	for (size_t i = 1; i < errors.count; i++)
		must(errors.items[i - 1].line <= errors.items[i].line);
	err_list_finish(&errors);
	arena_finish(&arena);
	return 0;
}
