/* SPDX-License-Identifier: BSD-2-Clause
 *
 * toml.h - TOML text to the small tree that yaml.h has, so that one walk serves both: of TOML what Pi-hole's pihole.toml uses, read
 * strictly. Tables, dotted and quoted keys, strings of all four kinds, numbers, booleans, dates (as their text), arrays and inline
 * tables; not arrays of tables ([[x]]), which are an error. Bounded in depth and nodes. Cold path, any thread. */
#ifndef SARING_SARINGCTL_TOML_H
#define SARING_SARINGCTL_TOML_H

#include "settings/yaml.h"

#define TOML_NODES_MAX 200000
#define TOML_DEPTH_MAX YAML_DEPTH_MAX

/* The root, a mapping in the arena, or NULL and one error with its place. Strings have YAML_STYLE_QUOTED, all else is plain; places
 * are lines and bytes of the text. Keys that stand twice are an error, as in TOML. */
MUST_CHECK struct yaml_node *toml_parse(struct str text, const char *shown, struct arena *arena, struct err_list *errors);

#endif
