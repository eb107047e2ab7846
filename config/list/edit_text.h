/* SPDX-License-Identifier: BSD-2-Clause
 *
 * edit_text.h - the edits of edit.h as text in, text out: no file is touched. What edit.c does between lock and replace; tests and
 * fuzzers call it too.
 *
 * Each call parses text, changes it, parses the result and compares: exactly the meant entries differ, or the call fails with
 * ERR_INTERNAL and the place to be edited by hand. shown names the text in errors. ret gets the new text (appended), also where
 * nothing had to change. On success err->text is empty, or a remark for the user with err->code ERR_NONE. Cold path. */
#ifndef SARING_LIST_EDIT_TEXT_H
#define SARING_LIST_EDIT_TEXT_H

#include "base/buf.h"
#include "list/edit.h"
#include "list/edit_doc.h"

MUST_CHECK bool edit_text_add(struct str text, const char *shown, const struct edit_entry *entries, size_t count, int64_t today_s,
			      struct edit_result *results, struct buf *ret, struct err *err);
MUST_CHECK bool edit_text_remove(struct str text, const char *shown, const char *const *names, size_t count,
				 struct edit_result *results, struct buf *ret, struct err *err);
MUST_CHECK bool edit_text_lift(struct str text, const char *shown, const char *const *names, size_t count,
			       const struct lift_how *how, int64_t today_s, struct edit_result *results, struct buf *ret,
			       struct err *err);
MUST_CHECK bool edit_text_mode(struct str text, const char *shown, const char *list_name, enum mode mode, struct buf *ret,
			       struct err *err);

/* The same for a list that is open already. Once; edit_doc_finish stays the caller's. */
MUST_CHECK bool edit_text_add_to(struct edit_doc *d, const struct edit_entry *entries, size_t count, int64_t today_s,
				 struct edit_result *results, struct buf *ret, struct err *err);
MUST_CHECK bool edit_text_remove_from(struct edit_doc *d, const char *const *names, size_t count, struct edit_result *results,
				      struct buf *ret, struct err *err);
MUST_CHECK bool edit_text_lift_in(struct edit_doc *d, const char *const *names, size_t count, const struct lift_how *how,
				  int64_t today_s, struct edit_result *results, struct buf *ret, struct err *err);

#endif
