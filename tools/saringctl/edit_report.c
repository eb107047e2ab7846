/* SPDX-License-Identifier: BSD-2-Clause */
#include "saringctl/edit_report.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/str.h"
#include "ctl/change.h"
#include "ctl/proto.h"
#include "list/doc.h"
#include "saringctl/change.h"

#include <stdlib.h>
#include <string.h>

const struct wording wording_add = {"added", "to", "policy.rebuild"};
const struct wording wording_remove = {"removed", "from", "policy.rebuild"};
const struct wording wording_import = {"imported", "into", "policy.rebuild"};
const struct wording wording_mode = {"changed", "of", "reload"};

bool edit_begin(struct edit *e, struct context *ctx, const struct wording *wording)
{
	*e = (struct edit){.ctx = ctx, .wording = wording, .list = context_list(ctx, ctx->in->operands[0])};
	if (e->list == NULL)
		return false;
	e->file = e->list->file_shown;
	return true;
}

void edit_finish(struct edit *e)
{
	free(e->results);
	e->results = NULL;
	json_decref(e->summary);
	e->summary = NULL;
	err_list_finish(&e->errors);
}

void edit_room(struct edit *e, size_t count)
{
	e->count = count;
	e->results = base_alloc((count + 1) * sizeof(*e->results));
}

static const char *outcome_word(const struct edit *e, enum edit_outcome outcome)
{
	switch (outcome) {
	case EDIT_DONE:
		return e->wording->done;
	case EDIT_ALREADY:
		return "already";
	case EDIT_NOT_FOUND:
		return "not-found";
	}
	return "";
}

static void count_results(struct edit *e)
{
	for (size_t i = 0; i < e->count; i++) {
		e->done += e->results[i].outcome == EDIT_DONE;
		e->not_found += e->results[i].outcome == EDIT_NOT_FOUND;
	}
}

/* What the daemon has under the list's name, against what our saring.yaml says of it. False, with the difference in err. */
bool edit_has_list(const struct settings_list *ours, const json_t *lists, struct err *err)
{
	static const char unread[] = "not in force: the daemon has not read this saring.yaml yet; 'saringctl reload' makes it";
	const json_t *theirs = NULL, *one;
	size_t i;
	json_array_foreach(lists, i, one)
	{
		if (strcmp(field_text(one, "name"), ours->name) == 0)
			theirs = one;
	}
	if (theirs == NULL)
		return err_set(err, ERR_INPUT, "%s (it has no list '%s')", unread, ours->name);
	const char *source = field_text(theirs, "source"), *mode = field_text(theirs, "mode");
	if (strcmp(source, ours->file_shown) != 0)
		return err_set(err, ERR_INPUT, "%s (its list '%s' is the file '%s', not '%s')", unread, ours->name, source,
			       ours->file_shown);
	if (strcmp(mode, mode_words[ours->mode]) != 0)
		return err_set(err, ERR_INPUT, "%s (its list '%s' is in mode %s, not %s)", unread, ours->name, mode,
			       mode_words[ours->mode]);
	return true;
}

/* A rebuild goes by the saring.yaml that the daemon has read, which need not be the one that named the edited file. */
static enum exit_status check_read(struct edit *e)
{
	json_t *lists = NULL;
	if (!context_ask(e->ctx, "list", NULL, NULL, &lists, &e->errors, &e->err))
		return output_status(&e->err);
	e->unread = !edit_has_list(e->list, lists, &e->err);
	json_decref(lists);
	return e->unread ? STATUS_FAILED : STATUS_DONE;
}

/* As the list has it: a name in its one form, anything else (an expression) as it was typed. */
static char *as_listed(const char *typed)
{
	struct name name;
	char text[NAME_TEXT_MAX];
	return base_strdup(list_name_from_text(str_from(typed), &name, NULL) ? name_to_text(&name, text) : typed);
}

/* What the edit did, for the record. An import may have made thousands of entries: the first are named, all are counted. */
static json_t *describe(const struct edit *e)
{
	struct change change;
	char mode[64], **names = base_alloc(CTL_CHANGE_NAMES_MAX * sizeof(*names));
	size_t said = 0;
	change_init(&change, e->ctx);
	change.list = e->list->name;
	for (size_t i = 0; i < e->count && e->mode == NULL; i++) {
		if (e->results[i].outcome != EDIT_DONE || e->results[i].name == NULL)
			continue;
		if (said < CTL_CHANGE_NAMES_MAX)
			names[said++] = as_listed(e->results[i].name);
		change.name_count++;
	}
	change.names = (const char *const *)names;
	if (e->mode != NULL) {
		(void)snprintf(mode, sizeof(mode), "mode: %s", e->mode);
		change.detail = mode;
	}
	json_t *args = change_put(&change, NULL);
	for (size_t i = 0; i < said; i++)
		free(names[i]);
	free(names);
	return args;
}

/* The daemon takes the edit up. */
static enum exit_status tell_daemon(struct edit *e)
{
	json_t *result = NULL;
	enum exit_status status = STATUS_DONE;
	if (e->not_found == e->count && e->summary == NULL)
		return STATUS_DONE;
	e->asked = true;
	if (context_socket(e->ctx) == NULL) {
		err_set(&e->err, ERR_INPUT, "the control socket is not known");
		return STATUS_FAILED;
	}
	if (!context_ask(e->ctx, e->wording->call, describe(e), "compiling the lists", &result, &e->errors, &e->err))
		return output_status(&e->err);
	e->generation = field_int(result, "generation");
	json_decref(result);
	if (e->wording != &wording_mode) /* that one asked for a reload, which reads saring.yaml */
		status = check_read(e);
	e->in_force = status == STATUS_DONE;
	return status;
}

static bool has_passed(const char *expires)
{
	int64_t expires_s = 0;
	return expires[0] != '\0' && str_to_time(str_from(expires), &expires_s, NULL) && expires_s <= clock_wall_s();
}

/* Does what the daemon has taken up decide anything? Not in a list that is only counted or left out, nor what was added to one that
 * is lifted or has run out. */
static bool acts(const struct edit *e, enum edit_outcome outcome)
{
	if (e->mode != NULL)
		return strcmp(e->mode, mode_words[MODE_ENFORCE]) == 0;
	if (e->list->mode != MODE_ENFORCE)
		return false;
	if (e->wording != &wording_add)
		return true;
	return e->remark[0] == '\0' && (outcome != EDIT_DONE || !has_passed(e->ctx->in->expires));
}

/* The end of a line of the report. */
static void show_taken_up(const struct edit *e, enum edit_outcome outcome)
{
	const struct output *o = &e->ctx->out;
	if (e->in_force && acts(e, outcome))
		output_print(o, stdout, PAINT_GOOD, ", in force: generation %lld", (long long)e->generation);
	else if (e->in_force)
		output_print(o, stdout, PAINT_NONE, ", taken up: generation %lld", (long long)e->generation);
	putchar('\n');
}

static void show_result(const struct edit *e, const struct edit_result *r)
{
	const struct output *o = &e->ctx->out;
	const char *name = r->name != NULL ? r->name : "the whole list";
	char line[32] = "";
	if (r->line > 0)
		(void)snprintf(line, sizeof(line), " (line %u)", r->line);
	if (r->outcome == EDIT_NOT_FOUND)
		return; /* said on stderr */
	if (r->outcome == EDIT_ALREADY)
		output_print(o, stdout, PAINT_NONE, "%s is already %s %s%s", name, "in", e->list->name, line);
	else
		output_print(o, stdout, PAINT_NONE, "%s %s %s %s%s", e->wording->done, name, e->wording->preposition, e->list->name,
			     line);
	show_taken_up(e, r->outcome);
}

static void show_mode(const struct edit *e)
{
	output_print(&e->ctx->out, stdout, PAINT_NONE, "%s is %s in mode %s", e->list->name, e->done == 0 ? "already" : "now",
		     e->mode);
	show_taken_up(e, e->results[0].outcome);
}

/* Of an import: how many. */
static void show_import(const struct edit *e)
{
	char done[FIGURE_MAX], already[FIGURE_MAX] = "";
	if (e->count > e->done)
		(void)snprintf(already, sizeof(already), ", %zu were there already", e->count - e->done);
	output_print(&e->ctx->out, stdout, PAINT_NONE, "imported %s into %s%s",
		     figure_count((int64_t)e->done, "entry", "entries", done), e->list->name, already);
	show_taken_up(e, EDIT_DONE);
}

static void show_edit_json(const struct edit *e)
{
	json_t *results = json_array();
	must(results != NULL);
	for (size_t i = 0; i < e->count && e->summary == NULL; i++) {
		const struct edit_result *r = &e->results[i];
		json_t *one = json_pack("{s:o, s:s, s:o}", "name", ctl_text(str_from(r->name)), "outcome",
					outcome_word(e, r->outcome), "line", r->line > 0 ? json_integer(r->line) : json_null());
		must(one != NULL && json_array_append_new(results, one) == 0);
	}
	json_t *document =
	    json_pack("{s:o, s:o, s:o, s:o, s:o}", "list", ctl_text(str_from(e->list->name)), "file", ctl_text(str_from(e->file)),
		      "results", results, "generation", e->in_force ? json_integer(e->generation) : json_null(), "in_force",
		      e->asked ? json_boolean(e->in_force) : json_null());
	must(document != NULL);
	if (e->mode != NULL)
		must(json_object_set_new(document, "mode", json_string(e->mode)) == 0);
	if (e->summary != NULL) {
		must(json_object_del(document, "results") == 0 && json_object_update(document, e->summary) == 0);
		must(json_object_set_new(document, "added", json_integer((json_int_t)e->done)) == 0);
		must(json_object_set_new(document, "already", json_integer((json_int_t)(e->count - e->done))) == 0);
	}
	if (e->asked && !e->in_force) {
		json_t *error =
		    json_pack("{s:s, s:o}", "code", ctl_code_word(e->err.code), "text", ctl_text(str_from(e->err.text)));
		must(error != NULL && json_object_set_new(document, "error", error) == 0);
		must(json_object_set_new(document, "errors", output_errors_json(&e->errors)) == 0);
	}
	output_json(document);
	json_decref(document);
}

/* Why the edit is in the file and not in force. */
static void show_failure(const struct edit *e)
{
	const struct output *o = &e->ctx->out;
	char line[sizeof(struct err) + 32];
	output_errors(o, &e->errors);
	err_format(&e->err, line, sizeof(line));
	output_note(o, "%s", line);
	if (e->unread)
		output_note(o, "the edit is in '%s'", e->file);
	else if (e->err.code == ERR_UNREACHABLE)
		output_note(o, "the edit is in '%s' and waits until saringd runs", e->file);
	else
		output_note(o, "the edit is in '%s', but not in force: what served before serves on", e->file);
}

/* What is taken up and still does nothing. */
static void show_cautions(const struct edit *e)
{
	const struct output *o = &e->ctx->out;
	if (e->mode != NULL || e->not_found == e->count)
		return;
	if (e->wording == &wording_add && e->remark[0] != '\0')
		output_note(o, "%s", e->remark);
	if (e->list->mode != MODE_ENFORCE)
		output_note(o, "the list '%s' is in mode %s: it decides nothing", e->list->name, mode_words[e->list->mode]);
	if (e->wording == &wording_add && e->done > 0 && has_passed(e->ctx->in->expires))
		output_note(o, "--expires %s has passed: it decides nothing", e->ctx->in->expires);
}

/* Was the entry that stands there added by this very command, which named it twice? */
static bool is_twin(const struct edit *e, size_t index)
{
	struct name name, earlier;
	if (!list_name_from_text(str_from(e->results[index].name), &name, NULL))
		return false;
	for (size_t i = 0; i < index; i++) {
		if (e->results[i].outcome == EDIT_DONE && list_name_from_text(str_from(e->results[i].name), &earlier, NULL) &&
		    name_eq(&name, &earlier))
			return true;
	}
	return false;
}

/* What was said of an entry that was there already is written nowhere. */
static void show_unwritten(const struct edit *e)
{
	const struct invocation *in = e->ctx->in;
	const struct {
		const char *option;
		bool said;
	} options[] = {{"--reason", in->reason != NULL},       {"--authority", in->authority != NULL},
		       {"--reference", in->reference != NULL}, {"--contact", in->contact_count > 0},
		       {"--review", in->review[0] != '\0'},    {"--expires", in->expires[0] != '\0'}};
	struct buf said = {0};
	for (size_t i = 0; i < ARRAY_LEN(options); i++) {
		if (options[i].said)
			buf_printf(&said, "%s%s", said.len > 0 ? ", " : "", options[i].option);
	}
	for (size_t i = 0; e->wording == &wording_add && said.len > 0 && i < e->count; i++) {
		if (e->results[i].outcome == EDIT_ALREADY && !is_twin(e, i))
			output_note(&e->ctx->out, "%s was in the list '%s' already and stands unchanged: %.*s not written",
				    e->results[i].name, e->list->name, (int)said.len, said.ptr);
	}
	buf_finish(&said);
}

enum exit_status edit_end(struct edit *e, bool good, const struct err *err)
{
	const struct output *o = &e->ctx->out;
	if (!good)
		return output_fail(o, err, NULL);
	(void)snprintf(e->remark, sizeof(e->remark), "%s", err->text);
	count_results(e);
	enum exit_status status = tell_daemon(e);
	if (o->json)
		show_edit_json(e);
	else if (e->mode != NULL)
		show_mode(e);
	else if (e->summary != NULL)
		show_import(e);
	for (size_t i = 0; i < e->count && !o->json && e->mode == NULL && e->summary == NULL; i++)
		show_result(e, &e->results[i]);
	for (size_t i = 0; i < e->count; i++) {
		if (e->results[i].outcome == EDIT_NOT_FOUND)
			output_note(o, "%s is not in the list '%s'", e->results[i].name, e->list->name);
	}
	if (e->asked && !e->in_force)
		show_failure(e);
	show_unwritten(e);
	show_cautions(e);
	return status == STATUS_DONE && e->not_found > 0 ? STATUS_FAILED : status;
}
