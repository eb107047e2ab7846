/* SPDX-License-Identifier: BSD-2-Clause
 *
 * edit_report.h - one edit of a list from its beginning to its report: which list, what became of each name, what the daemon made
 * of it, and how the user hears of all that. The edits themselves are cmd_edit.c's. */
#ifndef SARING_SARINGCTL_EDIT_REPORT_H
#define SARING_SARINGCTL_EDIT_REPORT_H

#include "list/edit.h"
#include "saringctl/context.h"

/* How a verb speaks of what it did. */
struct wording {
	const char *done;	 /* the outcome in JSON, and the first word for people: "added" */
	const char *preposition; /* "to" */
	const char *call;	 /* what the daemon is asked to do then */
};
extern const struct wording wording_add, wording_remove, wording_mode, wording_import;

struct edit {
	struct context *ctx;
	const struct settings_list *list;
	const char *file; /* as messages show it */
	const struct wording *wording;
	const char *mode;	     /* list mode: the word */
	struct edit_result *results; /* owned */
	size_t count, done, not_found;
	json_t *summary;				 /* list import: told in place of each name; owned. NULL otherwise */
	char remark[sizeof(((struct err *)NULL)->text)]; /* of the edit, for the user; "" for none */
	/* what the daemon made of it */
	bool asked, in_force;
	bool unread; /* it rebuilt, but by a saring.yaml that says something else of this list */
	int64_t generation;
	struct err err;
	struct err_list errors;
};

/* The list that the first operand names. False when there is none, which was said. edit_finish it in both cases. */
MUST_CHECK bool edit_begin(struct edit *e, struct context *ctx, const struct wording *wording);
void edit_finish(struct edit *e);
void edit_room(struct edit *e, size_t count); /* places for the results, once */

/* A file is replaced by rename, which asks for rights on its directory; but one that was made read-only is left alone too.
 * cmd_edit.c */
MUST_CHECK bool edit_may_write(const char *path, const char *shown, struct err *err);
/* Has the daemon read a saring.yaml that says the same of this list? lists: its answer to `list`. False, with the difference in
 * err. */
MUST_CHECK bool edit_has_list(const struct settings_list *ours, const json_t *lists, struct err *err);

/* After the edit of the file, or its failure (good is false, err says why): the daemon takes it up, and the user is told. That is
 * so too when the file needed no change, since an earlier edit may wait in it; only when no name was found there is nothing to ask.
 * err->text is a remark for the user when good. Returns the status to exit with. */
enum exit_status edit_end(struct edit *e, bool good, const struct err *err);

#endif
