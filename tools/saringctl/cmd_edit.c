/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cmd_edit.c - lists changed: list add, remove, mode. First the file, in place; then the daemon is told, and the command
 * returns when the edit is in force. With the daemon down the edit waits in the file. */
#include "saringctl/context.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/str.h"
#include "list/doc.h"
#include "list/edit.h"
#include "list/lifts.h"
#include "import/import.h"
#include "saringctl/day.h"
#include "saringctl/edit_guard.h"
#include "saringctl/edit_report.h"
#include "saringctl/list_signed.h"
#include "saringctl/list_source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- before the edit ---- */

/* A file is replaced by rename, which asks for rights on its directory; but one that was made read-only is left alone too. */
bool edit_may_write(const char *path, const char *shown, struct err *err)
{
	char *real = realpath(path, NULL); /* what a symbolic link leads to is replaced, not the link */
	if (real == NULL)
		real = base_strdup(path);
	const char *slash = strrchr(real, '/');
	char *directory = slash == NULL ? base_strdup(".") : str_dup((struct str){real, MAX((size_t)(slash - real), 1u)});
	bool file_good = faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) == 0 || (errno != EACCES && errno != EROFS && errno != EPERM);
	int why = errno;
	bool good = file_good;
	if (file_good && faccessat(AT_FDCWD, directory, W_OK | X_OK, AT_EACCESS) != 0) {
		why = errno;
		good = why != EACCES && why != EROFS && why != EPERM;
	}
	if (!good)
		err_set(err, ERR_DENIED, "%s'%s' cannot be written (%s)%s", file_good ? "the directory of " : "", shown,
			strerror(why), why == EROFS ? "" : ": change lists as root, or as the user who owns them");
	free(directory);
	free(real);
	return good;
}

/* A name that cannot be one, unless it is the text of an entry that stands there (a regular expression is no name). */
static bool name_or_entry(const struct list *list, const char *text, struct err *err)
{
	struct name name;
	if (list_name_from_text(str_from(text), &name, err))
		return true;
	for (size_t i = 0; list != NULL && i < list->entry_count; i++) {
		if (list->entries[i].match == MATCH_REGEX && strcmp(list->entries[i].text, text) == 0)
			return true;
	}
	return err_context(err, "'%s'", text);
}

/* All names are looked at before the file is touched, and every bad one is said. */
static bool names_good(const struct context *ctx, const struct list *list, size_t *ret_bad)
{
	size_t bad = 0;
	for (size_t i = 1; i < ctx->in->operand_count; i++) {
		struct err err = {.code = ERR_NONE};
		if (name_or_entry(list, ctx->in->operands[i], &err))
			continue;
		output_note(&ctx->out, "%s", err.text);
		bad++;
	}
	*ret_bad = bad;
	return bad == 0;
}

static enum exit_status refuse_names(const struct context *ctx, size_t bad)
{
	struct err err = {.code = ERR_NONE};
	err_set(&err, ERR_INPUT, "nothing was done: %zu of %zu names refused", bad, ctx->in->operand_count - 1);
	return output_fail(&ctx->out, &err, NULL);
}

static enum match match_of(const struct edit *e)
{
	const struct invocation *in = e->ctx->in;
	return in->has_match ? in->match : e->list->has_match ? e->list->match : MATCH_SUBTREE;
}

#define GUARD_QUERIES_MIN 1000 /* of fewer in the last day nobody can say what 1 % is */
#define GUARD_PERCENT 1.0

/* Does the very entry stand there, and not as a record only? Then adding it changes nothing. */
static bool stands_there(const struct list *list, const struct name *name, enum match match)
{
	const int64_t now_s = clock_wall_s();
	for (size_t i = 0; list != NULL && i < list->entry_count; i++) {
		const struct list_entry *entry = &list->entries[i];
		const struct provenance *p = entry->provenance;
		if (entry->name == NULL || entry->match != match || entry->name_len != name->len ||
		    memcmp(entry->name, name->wire, name->len) != 0)
			continue;
		if (p == NULL || (p->lifted == NULL && (p->expires == NULL || p->expires_s > now_s)))
			return true;
	}
	return false;
}

/* Is everything such an entry speaks of blocked already, so that nobody would miss it? */
static bool blocked_already(const struct edit *e, const struct name *name, enum match match)
{
	char text[NAME_TEXT_MAX];
	struct err_list errors = {0};
	struct err err = {.code = ERR_NONE};
	json_t *args = json_pack("{s:s}", "name", name_to_text(name, text)), *reply = NULL;
	must(args != NULL);
	bool blocked = context_ask(e->ctx, "explain", args, NULL, &reply, &errors, &err) &&
		       strcmp(field_text(reply, "verdict"), "blocked") == 0;
	if (blocked) { /* by an entry for the name or one above it, and not by what its answer leads to */
		const char *by = field_text(reply, "by"), *of = field_text(json_object_get(reply, "rule"), "match");
		blocked = (by[0] == '\0' || strcmp(by, "name") == 0) &&
			  (match == MATCH_EXACT || strcmp(of, match_words[MATCH_SUBTREE]) == 0);
	}
	err_list_finish(&errors);
	json_decref(reply);
	return blocked;
}

/* A name that so much of the last day's traffic was for is mostly not meant to be blocked either, unless it was already. Of what
 * the daemon cannot be asked nothing is said. */
static bool traffic_good(const struct edit *e, const struct list *list, enum action action, size_t *ret_bad)
{
	const struct invocation *in = e->ctx->in;
	struct err err = {.code = ERR_NONE};
	struct day day = {.reply = NULL};
	struct name name;
	size_t bad = 0;
	if (action != ACTION_BLOCK || in->force)
		return true;
	bool known = day_load(e->ctx, false, &day, &err) && day.on && day.queries >= GUARD_QUERIES_MIN;
	for (size_t i = 1; i < in->operand_count && known; i++) {
		if (!list_name_from_text(str_from(in->operands[i]), &name, NULL))
			continue;
		double percent =
		    100.0 * (double)day_most(&day, name.wire, name.len, name.labels, match_of(e)) / (double)day.queries;
		if (percent <= GUARD_PERCENT || stands_there(list, &name, match_of(e)) || blocked_already(e, &name, match_of(e)))
			continue;
		output_note(&e->ctx->out, "%s would have taken up to %.1f %% of all queries since %s; use --force if that is meant",
			    in->operands[i], percent, day.since);
		bad++;
	}
	day_finish(&day);
	*ret_bad = bad;
	return bad == 0;
}

/* Only a YAML list of a file can be edited. One of no said format that is not there yet will be such a one. */
static bool format_good(const struct edit *e, struct err *err)
{
	const struct settings_list *l = e->list;
	enum format format = source_format(l);
	if (l->key != NULL)
		return list_signed_refuse(l, err);
	if (l->url != NULL)
		return err_set(err, ERR_INPUT, "list '%s' is fetched from %s; only YAML lists are edited here", l->name, l->url);
	if (format == FORMAT_AUTO) {
		struct buf text = {0};
		const char *why;
		if (file_read(l->file, LIST_BYTES_MAX, &text, NULL))
			format = import_detect(buf_str(&text), &why);
		buf_finish(&text);
	}
	if (format == FORMAT_YAML || format == FORMAT_AUTO)
		return true; /* what is no list at all is told where it is read */
	return err_set(err, ERR_INPUT, "list '%s' is %s; only YAML lists are edited here", l->name, list_source_called(format));
}

/* ---- the verbs ---- */

/* The list as it stands, for looking at; the edit looks again, under the lock. False and said when it has errors; a file that is
 * not there gives NULL when that may be. */
MUST_CHECK static bool list_before(const struct edit *e, bool may_be_absent, struct edit_seen **ret)
{
	struct err_list errors = {0};
	struct err err = {.code = ERR_NONE};
	*ret = NULL;
	if (!format_good(e, &err)) {
		(void)output_fail(&e->ctx->out, &err, NULL);
		return false;
	}
	if (may_be_absent && access(e->list->file, F_OK) != 0 && errno == ENOENT)
		return true;
	if (!edit_seen_load(e->list->file, e->file, ret, &errors)) {
		err_set(&err, ERR_INPUT, "the list '%s' cannot be edited; nothing was done", e->list->name);
		(void)output_fail(&e->ctx->out, &err, &errors);
	}
	err_list_finish(&errors);
	return *ret != NULL;
}

static enum exit_status add(struct edit *e, struct edit_seen *before)
{
	const struct invocation *in = e->ctx->in;
	struct err err = {.code = ERR_NONE};
	size_t count = in->operand_count - 1;
	edit_room(e, count);
	struct edit_entry *entries = base_alloc((count + 1) * sizeof(*entries));
	for (size_t i = 0; i < count; i++) {
		entries[i] = (struct edit_entry){.name = in->operands[1 + i],
						 .has_match = in->has_match,
						 .match = in->match,
						 .has_unsaid = e->list->has_match,
						 .unsaid = e->list->match,
						 .reason = in->reason,
						 .authority = in->authority,
						 .reference = in->reference,
						 .review = in->review[0] != '\0' ? in->review : NULL,
						 .expires = in->expires[0] != '\0' ? in->expires : NULL,
						 .contact = in->contact,
						 .contact_count = in->contact_count};
	}
	bool good = edit_may_write(e->list->file, e->file, &err) &&
		    (before != NULL || edit_create(e->list->file, e->list->has_action ? e->list->action : ACTION_BLOCK, &err)) &&
		    edit_add(e->list->file, before, entries, count, clock_wall_s(), e->results, &err);
	free(entries);
	return edit_end(e, good, &err);
}

/* ---- what was lifted in a list that cannot be edited ---- */

/* The list's entries of that name that are lifted there: those that do what the list does, else the others. */
static bool find_lifted(const struct edit *e, const struct lifts *lifts, struct lift_wanted *wanted)
{
	const enum action own = e->list->has_action ? e->list->action : ACTION_BLOCK;
	const enum action actions[] = {own, own == ACTION_BLOCK ? ACTION_ALLOW : ACTION_BLOCK};
	for (size_t i = 0; i < ARRAY_LEN(actions); i++) {
		wanted->action = actions[i];
		if (lifts_find(lifts, wanted->list, &wanted->name, wanted->action) != NULL)
			return true;
	}
	return false;
}

/* Is any of the names lifted there? */
static bool has_lifted(const struct edit *e, const char *path, struct lift_wanted *wanted)
{
	struct err_list errors = {0};
	struct lifts *lifts = lifts_load(path, &errors);
	bool has = false;
	err_list_finish(&errors);
	for (size_t i = 1; lifts != NULL && i < e->ctx->in->operand_count; i++) {
		wanted[i - 1].list = e->list->name;
		has |= list_name_from_text(str_from(e->ctx->in->operands[i]), &wanted[i - 1].name, NULL) &&
		       find_lifted(e, lifts, &wanted[i - 1]);
	}
	lifts_destroy(lifts);
	return has;
}

/* Adding a name that is lifted in such a list takes the lift back: the list's own entry is in force again. False: there is no such
 * name, and nothing was done. */
static bool restore(struct edit *e, enum exit_status *ret_status)
{
	struct err err = {.code = ERR_NONE};
	const size_t count = e->ctx->in->operand_count - 1;
	struct lift_wanted *wanted = base_alloc((count + 1) * sizeof(*wanted));
	struct buf path = {NULL, 0, 0};
	buf_printf(&path, "%s/" LIFTS_FILE, e->ctx->settings->state);
	const bool any = !format_good(e, &err) && has_lifted(e, path.ptr, wanted);
	if (any) {
		size_t bad = 0;
		edit_room(e, count);
		if (!names_good(e->ctx, NULL, &bad)) {
			*ret_status = refuse_names(e->ctx, bad);
		} else {
			err = (struct err){.code = ERR_NONE};
			const bool good = lifts_end(path.ptr, wanted, count, LIFT_RESTORED, clock_wall_s(), &err);
			for (size_t i = 0; i < count; i++)
				e->results[i] = (struct edit_result){.name = e->ctx->in->operands[i + 1],
								     .outcome = wanted[i].done ? EDIT_DONE : EDIT_NOT_FOUND};
			*ret_status = edit_end(e, good, &err);
		}
	}
	buf_finish(&path);
	free(wanted);
	return any;
}

enum exit_status cmd_list_add(struct context *ctx)
{
	struct edit e;
	struct edit_seen *before = NULL;
	size_t bad = 0;
	enum exit_status status = STATUS_FAILED;
	if (!edit_begin(&e, ctx, &wording_add))
		return STATUS_FAILED;
	if (restore(&e, &status)) {
		edit_finish(&e);
		return status;
	}
	if (list_before(&e, true, &before)) {
		const struct list *list = edit_seen_list(before);
		enum action action = e.list->has_action			? e.list->action
				     : list != NULL && list->has_action ? list->action
									: ACTION_BLOCK;
		if (!names_good(ctx, NULL, &bad) || !edit_guard_names(&e, list, action, &bad) ||
		    !traffic_good(&e, list, action, &bad))
			status = refuse_names(ctx, bad);
		else
			status = add(&e, before);
	}
	edit_seen_destroy(before);
	edit_finish(&e);
	return status;
}

enum exit_status cmd_list_remove(struct context *ctx)
{
	struct edit e;
	struct err err = {.code = ERR_NONE};
	struct edit_seen *before;
	size_t bad = 0;
	enum exit_status status = STATUS_FAILED;
	if (!edit_begin(&e, ctx, &wording_remove))
		return STATUS_FAILED;
	if (list_before(&e, false, &before)) {
		edit_room(&e, ctx->in->operand_count - 1);
		if (!names_good(ctx, edit_seen_list(before), &bad))
			status = refuse_names(ctx, bad);
		else
			status = edit_end(&e,
					  edit_may_write(e.list->file, e.file, &err) &&
					      edit_remove(e.list->file, before, ctx->in->operands + 1, e.count, e.results, &err),
					  &err);
	}
	edit_seen_destroy(before);
	edit_finish(&e);
	return status;
}

enum exit_status cmd_list_mode(struct context *ctx)
{
	struct edit e;
	struct err err = {.code = ERR_NONE};
	const char *word = ctx->in->operands[1];
	int mode = terms_find(mode_words, str_from(word));
	must(mode >= 0); /* the table has the words */
	if (!edit_begin(&e, ctx, &wording_mode))
		return STATUS_FAILED;
	e.mode = mode_words[mode];
	e.file = ctx->config;
	edit_room(&e, 1);
	e.results[0] =
	    (struct edit_result){.name = e.list->name, .outcome = e.list->mode == (enum mode)mode ? EDIT_ALREADY : EDIT_DONE};
	bool good = e.results[0].outcome == EDIT_ALREADY ||
		    (edit_may_write(ctx->config, ctx->config, &err) && edit_mode(ctx->config, e.list->name, (enum mode)mode, &err));
	enum exit_status status = edit_end(&e, good, &err);
	edit_finish(&e);
	return status;
}
