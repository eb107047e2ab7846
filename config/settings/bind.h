/* SPDX-License-Identifier: BSD-2-Clause
 *
 * bind.h - the part of load.h that puts a tree of saring.yaml into struct settings: mapping by mapping, key by key, by the rows of
 * schema.h, and whatever no row knows is a fault. It sees one key at a time, or one mapping: what several make together is
 * whole.h's. Faults are added to the values' errors. Cold path, any thread. */
#ifndef SARING_SETTINGS_BIND_H
#define SARING_SETTINGS_BIND_H

#include "settings/settings.h"
#include "settings/values.h"
#include "settings/yaml.h"

/* Arrays of the settings that are const there, for who finishes them; in the arena of the values. NULL: none was said. */
struct bind_arrays {
	struct settings_list *lists;
	struct settings_group *groups; /* with room for one more */
};

/* What holds where the file says nothing. Before bind_tree. */
void bind_defaults(const struct values *v, struct settings *s);
/* root is a mapping. Items of a sequence are counted and have their defaults, sound or not: item i of the tree is item i here. What
 * is faulty keeps its default. */
void bind_tree(const struct values *v, const struct yaml_node *root, struct settings *s, struct bind_arrays *ret);

#endif
