/* SPDX-License-Identifier: BSD-2-Clause
 *
 * list.h - one list as data: entries with their provenance and their place in the file. saring-lists(5) is its manual.
 * Everything lies in the list's arena. Built whole, then read-only. */
#ifndef SARING_LIST_LIST_H
#define SARING_LIST_LIST_H

#include "base/arena.h"
#include "base/err.h"
#include "policy/terms.h"
#include "settings/settings.h"
#include "wire/name.h"

#define LIST_BYTES_MAX ((size_t)256 * 1024 * 1024)
#define LIST_REGEX_MAX 100 /* regex entries in a list */
#define LIST_REGEX_LEN_MAX 255

struct list_entry {
	const char *text; /* as written: the name or the expression */
	enum match match;
	bool has_match;	     /* said in the entry */
	enum mode mode;	     /* MODE_SHADOW: on trial, though the list be enforced; MODE_ENFORCE: as the list is */
	const uint8_t *name; /* folded wire form, name_len octets; NULL for MATCH_REGEX */
	uint8_t name_len;
	uint32_t line, column;
	const struct provenance *provenance; /* what the entry itself says; NULL when a bare name */
};

struct list {
	struct arena arena;
	const char *path;  /* absolute */
	const char *shown; /* for messages */
	const char *title; /* NULL: not said */
	bool has_action;
	enum action action;
	struct provenance provenance; /* the file's own defaults */
	struct list_entry *entries;
	size_t entry_count;
};

/* Read a YAML list. Every fault is reported with its place; NULL when there was one.
 * path is opened; shown names it in messages. */
MUST_CHECK struct list *list_load(const char *path, const char *shown, struct err_list *errors);
/* The list that saring.yaml names there. A file that cannot be read is an error at the place in saring.yaml. Unlike the others it
 * returns the list even when errors were added, as far as it could be read at all: it then holds what was sound of it (no entry
 * without a name or an expression), and is there for the compiler to look at the expressions, never to be served. Callers look at
 * errors. Messages, and list->shown, name the file from the directory of settings->path, as that was given. */
MUST_CHECK struct list *list_load_named(const struct settings *settings, size_t index, struct err_list *errors);
MUST_CHECK struct list *list_parse(struct str text, const char *path, const char *shown, struct err_list *errors);
void list_destroy(struct list *list); /* takes NULL */
/* How messages name a list: its file as it can be opened from where settings->path can, or its url. Owned by the caller. */
MUST_CHECK char *list_shown(const struct settings *settings, const struct settings_list *list);

/* What holds for an entry: its own words, then the file's, then saring.yaml's defaults for the list. Lifted is special: an entry is
 * lifted when it or its file says so. Pointers are borrowed from all three. */
struct provenance list_provenance(const struct provenance *entry, const struct provenance *file, const struct provenance *defaults);

#endif
