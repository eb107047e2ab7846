/* SPDX-License-Identifier: BSD-2-Clause
 *
 * compile.h - the write half of the policy: settings and list files -> image bytes. saring-compile and tests only (house law 1).
 * Deterministic: the same input gives the same bytes (but for generation and time, which are arguments). */
#ifndef SARING_POLICY_COMPILE_H
#define SARING_POLICY_COMPILE_H

#include "base/buf.h"
#include "base/err.h"
#include "list/list.h"
#include "settings/settings.h"

/* lists[i] belongs to settings->lists[i]; NULL for one in mode off. */
struct compile_input {
	const struct settings *settings;
	struct list *const *lists;
	const int64_t *changed_at_s; /* mtime for each list */
	uint32_t generation;
	int64_t now_s;
};
/* Appends the image to ret. False and errors (e.g. a regular expression that pcre2 refuses, with its place) otherwise. */
MUST_CHECK bool policy_compile(const struct compile_input *input, struct buf *ret, struct err_list *errors);

/* An entry's match: its own word, else saring.yaml's for the list, else the subtree; MATCH_REGEX for an expression. */
enum match compile_entry_match(const struct list_entry *entry, const struct settings_list *settings);
/* A list's action: saring.yaml's word, else the file's, else block. */
enum action compile_list_action(const struct list *list, const struct settings_list *settings);

/* What `check` warns of: duplicates, entries covered by others, expired, past review, over-broad (public suffixes, libpsl). */
enum warning_kind { WARNING_DUPLICATE, WARNING_COVERED, WARNING_EXPIRED, WARNING_PAST_REVIEW, WARNING_OVER_BROAD };
extern const char *const warning_words[]; /* "duplicate", "covered", "expired", "past-review", "over-broad" */
struct policy_warning {
	enum warning_kind kind;
	const char *file; /* shown name; borrowed from the list */
	uint32_t line, column;
	char text[512];
};
/* Of lists in mode off, and of entries that are lifted, nothing. A fault of a whole file (it has expired) is said once, at its
 * line 1. ret: an array owned by the caller (free), NULL for none. Sorted by list, then line. At most POLICY_WARNINGS_MAX. */
#define POLICY_WARNINGS_MAX 20000
size_t policy_check(const struct compile_input *input, struct policy_warning **ret);

#endif
