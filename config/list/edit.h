/* SPDX-License-Identifier: BSD-2-Clause
 *
 * edit.h - a YAML file changed in place: every comment and all layout that the edit does not touch stay byte for byte.
 *
 * Each call takes the file's lock, reads it, splices text, parses the result again and refuses to write unless exactly the meant
 * entries differ, then replaces the file atomically. Two edits at once both survive. CRLF, BOM and a missing final newline are
 * kept. Cold path; saringctl only. */
#ifndef SARING_LIST_EDIT_H
#define SARING_LIST_EDIT_H

#include "base/err.h"
#include "list/lifts.h"
#include "list/list.h"

struct edit_entry {
	const char *name; /* as typed by the user */
	bool is_regex;	  /* name is a regular expression: nothing of match counts */
	bool has_match;
	enum match match;
	bool shadow;	 /* `mode: shadow` */
	bool has_unsaid; /* what an entry of this list that says no match means, where that is not the subtree (saring.yaml's
			    `match:`) */
	enum match unsaid;
	const char *reason, *authority, *reference, *review, *expires; /* NULL: not said */
	const char *const *contact;
	size_t contact_count;
};

/* What became of each name, for the report to the user. text points into the caller's array. */
enum edit_outcome { EDIT_DONE, EDIT_ALREADY, EDIT_NOT_FOUND };
struct edit_result {
	const char *name;
	enum edit_outcome outcome;
	uint32_t line; /* where it now stands, or where it stood already; 0 = nowhere */
};

/* A list that was looked at before it is edited. The edit, which happens under the file's lock, reads it again only when it has
 * changed since: a long one is then parsed once. An edit uses it up; destroy it after. Loading fails with all faults of the file.
 */
struct edit_seen;
MUST_CHECK bool edit_seen_load(const char *path, const char *shown, struct edit_seen **ret, struct err_list *errors);
const struct list *edit_seen_list(const struct edit_seen *seen); /* borrowed; NULL for NULL */
void edit_seen_destroy(struct edit_seen *seen);			 /* takes NULL */

/* In the following, seen is NULL or what was loaded from the path. */

/* Add entries, each stamped `added: today_s` (a date, UTC). A name that is there already with the same match is EDIT_ALREADY, but
 * one that is lifted or expired is put in force again (what ended it removed, `added` set). A file that is not there is made,
 * without an `action:` of its own: edit_create first says one. results has count places. Like edit_lift, it may succeed with a
 * remark for the user in err->text (err->code ERR_NONE): here that the whole list is lifted or expired, so that what was added,
 * or was there already, is not in force. */
MUST_CHECK bool edit_add(const char *path, struct edit_seen *seen, const struct edit_entry *entries, size_t count, int64_t today_s,
			 struct edit_result *results, struct err *err);
/* Make an empty list file: a comment, `action:` and `entries:`. ERR_EXISTS when there is a file. */
MUST_CHECK bool edit_create(const char *path, enum action action, struct err *err);
/* Remove names as if they had never been there (every entry of that name, whatever its match), with the comment beside each and any
 * inside it; a comment on a line of its own between entries stays. A regular expression is named by its text, letter for letter. */
MUST_CHECK bool edit_remove(const char *path, struct edit_seen *seen, const char *const *names, size_t count,
			    struct edit_result *results, struct err *err);
/* Lift names: `lifted: DATE` (and `lifted-by:`, `lift-reason:`, `lift-reference:` as how, which may be NULL, says) into each entry
 * of that name; a bare name becomes a mapping. count 0: the whole list, by one `lifted:` at the top of the file (results may be
 * NULL; a remark when it was lifted already). */
MUST_CHECK bool edit_lift(const char *path, struct edit_seen *seen, const char *const *names, size_t count,
			  const struct lift_how *how, int64_t today_s, struct edit_result *results, struct err *err);
/* Set `mode:` of the list called name in saring.yaml. */
MUST_CHECK bool edit_mode(const char *config_path, const char *list_name, enum mode mode, struct err *err);

#endif
