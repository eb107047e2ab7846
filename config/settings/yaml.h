/* SPDX-License-Identifier: BSD-2-Clause
 *
 * yaml.h - YAML text to a small tree with places; the only file that knows libyaml is yaml.c.
 *
 * Built from libyaml's events (its document loader takes duplicate keys and self-referring aliases), with every bound checked while
 * events come, so that a bomb costs nothing: bytes, depth, nodes. Reported with their place: duplicate keys. Refused with theirs:
 * aliases, anchors, tags, keys that are not scalars or stand behind "? ", more than one document, invalid UTF-8 or NUL (a "\0" in
 * quotes too). A node's places are bytes of the original text (libyaml's marks count characters and not the BOM; yaml.c converts),
 * so that list/edit can splice. Cold path, any thread. */
#ifndef SARING_SETTINGS_YAML_H
#define SARING_SETTINGS_YAML_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

#define YAML_DEPTH_MAX 32

enum yaml_kind { YAML_SCALAR, YAML_SEQUENCE, YAML_MAPPING };
enum yaml_style { YAML_STYLE_PLAIN, YAML_STYLE_QUOTED, YAML_STYLE_BLOCK_SCALAR, YAML_STYLE_BLOCK, YAML_STYLE_FLOW };

struct yaml_node {
	enum yaml_kind kind;
	enum yaml_style style;
	uint32_t line, column; /* from 1, column in characters */
	size_t begin, end;     /* bytes of the text. For block collections end is the end of the last thing in it (never of comments
				* after),     for a block scalar that of its last line without its line break */
	struct str text;       /* YAML_SCALAR: its value; in the arena, terminated */
	struct yaml_node *key; /* when a member of a mapping: its key, a scalar */
	struct yaml_node *first, *last; /* children: items, or the values of members */
	struct yaml_node *next;		/* the next child of the same parent */
	size_t count;			/* children */
	bool again; /* a member whose key stood in the mapping before: an error, and what yaml_get never returns */
};

struct yaml_limits {
	size_t bytes; /* of text */
	size_t nodes;
};

/* Returns the root (in the arena), or NULL with errors. Empty text, or only comments, gives an empty mapping. Duplicate keys are
 * all reported, and the tree is returned nevertheless, so that its other faults can be found: the first value holds, the others are
 * marked `again`. Who needs a sound tree looks at errors->count too. Syntax errors end at the first, as nothing sensible can
 * follow. shown names the text in errors, which are in order of place. */
MUST_CHECK struct yaml_node *yaml_parse(struct str text, const char *shown, const struct yaml_limits *limits, struct arena *arena,
					struct err_list *errors);
/* The (first) value of a mapping's key, or NULL. */
struct yaml_node *yaml_get(const struct yaml_node *mapping, const char *key);
/* "a mapping", "a list", "text": for messages. */
const char *yaml_kind_word(const struct yaml_node *node);
/* A plain scalar that YAML 1.2 reads as null: "", "~", "null". */
bool yaml_is_null(const struct yaml_node *node);

/* Put the errors from index first on in order of line and column: faults found by different passes are shown as one reads. */
void yaml_sort_errors(struct err_list *errors, size_t first);

#endif
