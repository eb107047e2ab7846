/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Any bytes as TOML: a tree whose parts lie within the text, whose keys are unique in each mapping and whose texts are UTF-8; or no
 * tree and exactly one error, at a line that the text has. */
#include <stdint.h>
#include <string.h>

#include "saringctl/toml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_children(const struct yaml_node *node, size_t size)
{
	size_t count = 0;
	for (const struct yaml_node *one = node->first; one != NULL; one = one->next, count++) {
		must(one->begin <= size && one->line > 0);
		must((one->key != NULL) == (node->kind == YAML_MAPPING));
		must(one->key == NULL || yaml_get(node, one->key->text.ptr) == one ||
		     memchr(one->key->text.ptr, '\0', one->key->text.len) != NULL);
		if (one->kind == YAML_SCALAR)
			must(str_is_utf8(one->text) && strlen(one->text.ptr) == one->text.len);
	}
	must(count == node->count && (node->last == NULL || node->last->next == NULL));
}

/* Down, then aside, then up: the depth is the reader's own bound. */
static void check_tree(const struct yaml_node *top, size_t size)
{
	const struct yaml_node *stack[4 * TOML_DEPTH_MAX];
	size_t depth = 0;
	for (const struct yaml_node *node = top;;) {
		check_children(node, size);
		if (node->first != NULL) {
			must(depth < ARRAY_LEN(stack));
			stack[depth++] = node;
			node = node->first;
			continue;
		}
		while (depth > 0 && node->next == NULL)
			node = stack[--depth];
		if (depth == 0)
			return;
		node = node->next;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena = {0};
	struct err_list errors = {0};
	const struct yaml_node *root = toml_parse((struct str){(const char *)data, size}, "x.toml", &arena, &errors);
	uint32_t lines = 1;
	for (size_t i = 0; i < size; i++)
		lines += data[i] == '\n';
	if (root != NULL) {
		must(errors.count == 0 && root->kind == YAML_MAPPING);
		check_tree(root, size);
	} else
		must(errors.count == 1 && errors.items[0].line > 0 && errors.items[0].line <= lines);
	err_list_finish(&errors);
	arena_finish(&arena);
	return 0;
}
