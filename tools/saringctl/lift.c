/* SPDX-License-Identifier: BSD-2-Clause */
#include "saringctl/lift.h"

#include "base/clock.h"
#include "base/str.h"
#include "compile/compile.h"
#include "ctl/change.h"
#include "saringctl/change.h"
#include "saringctl/edit_report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void lift_finish(struct lifting *l)
{
	for (size_t i = 0; i < l->list_count; i++) {
		for (size_t k = 0; k < l->lists[i].count; k++)
			free((char *)(uintptr_t)l->lists[i].names[k]);
		free(l->lists[i].names);
		free(l->lists[i].results);
	}
	free(l->lists);
	lift_prove_finish(l);
	free(l->wanted);
	free(l->listed);
	free(l->unknown);
	free(l->idle);
	free(l->login);
	plan_finish(&l->plan);
	if (l->blockers.settings != NULL)
		blockers_close(&l->blockers);
	err_list_finish(&l->errors);
}

struct lift_list *lift_list_of(struct lifting *l, size_t number)
{
	for (size_t i = 0; i < l->list_count; i++) {
		if (l->lists[i].number == number && !l->lists[i].told)
			return &l->lists[i];
	}
	if (l->list_count == l->list_cap) {
		l->list_cap = l->list_cap * 2 + 8;
		l->lists = base_realloc(l->lists, l->list_cap * sizeof(l->lists[0]));
	}
	l->lists[l->list_count] = (struct lift_list){
	    .list = &l->blockers.settings->lists[number], .number = number, .editable = blockers_editable(&l->blockers, number)};
	return &l->lists[l->list_count++];
}

void lift_list_add(struct lift_list *list, const char *name)
{
	for (size_t i = 0; i < list->count; i++) {
		if (strcmp(list->names[i], name) == 0)
			return;
	}
	if (list->count == list->cap) {
		list->cap = list->cap * 2 + 8;
		list->names = base_realloc(list->names, list->cap * sizeof(list->names[0]));
	}
	list->names[list->count++] = base_strdup(name);
}

size_t lift_count(const struct lifting *l, enum edit_outcome outcome)
{
	size_t count = 0;
	for (size_t i = 0; i < l->list_count; i++) {
		const struct lift_list *list = &l->lists[i];
		for (size_t k = 0; list->results != NULL && k < (list->whole ? 1 : list->count); k++)
			count += list->results[k].outcome == outcome;
	}
	return count;
}

/* ---- writing ---- */

/* The line of the planned entry of that list and name; 0: none. */
static uint32_t line_of(const struct lifting *l, size_t list, const char *name)
{
	char text[NAME_TEXT_MAX];
	for (size_t i = 0; i < l->plan.lift_count; i++) {
		const struct blocker *b = &l->plan.lift[i];
		if (b->list == list && strcmp(name_to_text(&b->name, text), name) == 0)
			return b->line;
	}
	return 0;
}

/* What became of a name in a list that cannot be edited. wanted: NULL when the plan has no entry of it. */
static enum edit_outcome beside_outcome(const struct lifting *l, const struct lift_list *list, const char *text,
					const struct lift_wanted *wanted)
{
	struct name name;
	if (wanted != NULL)
		return wanted->done ? EDIT_DONE : EDIT_ALREADY;
	must(name_from_text(str_from(text), &name, NULL));
	const enum action action = compile_list_action(l->blockers.sources[list->number].segment, list->list);
	return lifts_find(l->blockers.lifts, list->list->name, &name, action) != NULL ? EDIT_ALREADY : EDIT_NOT_FOUND;
}

/* Lists that cannot be edited: all their names at once, but those that the lists do not have. */
static bool write_beside(struct lifting *l, const struct lift_how *how, struct err *err)
{
	size_t count = 0, at = 0;
	for (size_t i = 0; i < l->list_count; i++)
		count += l->lists[i].editable || l->lists[i].told ? 0 : l->lists[i].count;
	if (count == 0)
		return true;
	struct lift_wanted *wanted = base_alloc(count * sizeof(*wanted));
	for (size_t i = 0; i < l->list_count; i++) {
		struct lift_list *list = &l->lists[i];
		if (list->editable || list->told)
			continue;
		list->results = base_alloc((list->count + 1) * sizeof(list->results[0]));
		for (size_t k = 0; k < list->count; k++) {
			const uint32_t line = line_of(l, list->number, list->names[k]);
			list->results[k] = (struct edit_result){.name = list->names[k], .line = line};
			if (line == 0)
				continue;
			wanted[at].list = list->list->name;
			wanted[at].action = compile_list_action(l->blockers.sources[list->number].segment, list->list);
			must(name_from_text(str_from(list->names[k]), &wanted[at++].name, NULL));
		}
	}
	const bool good = lifts_add(l->blockers.lifts_path, wanted, at, how, l->now_s, err);
	at = 0;
	for (size_t i = 0; i < l->list_count; i++) {
		struct lift_list *list = &l->lists[i];
		if (list->told)
			continue;
		for (size_t k = 0; !list->editable && k < list->count; k++) {
			struct edit_result *r = &list->results[k];
			r->outcome = beside_outcome(l, list, r->name, r->line > 0 ? &wanted[at++] : NULL);
		}
		if (!good && !list->editable) {
			free(list->results);
			list->results = NULL;
		}
	}
	free(wanted);
	return good;
}

/* The results are kept where the edit was made. */
static bool write_into(struct lifting *l, struct lift_list *list, const struct lift_how *how, struct err *err)
{
	const size_t count = list->whole ? 1 : list->count;
	struct edit_result *results = base_alloc((count + 1) * sizeof(*results));
	const bool good = edit_lift(list->list->file, NULL, list->whole ? NULL : list->names, list->whole ? 0 : list->count, how,
				    l->now_s, list->whole ? NULL : results, err);
	if (!good) {
		(void)snprintf(list->error, sizeof(list->error), "%s", err->text);
		free(results);
		return false;
	}
	(void)snprintf(list->remark, sizeof(list->remark), "%s", err->text);
	if (list->whole)
		results[0].outcome = list->remark[0] != '\0' ? EDIT_ALREADY : EDIT_DONE;
	list->results = results;
	return true;
}

bool lift_write(struct lifting *l, struct err *err)
{
	const struct invocation *in = l->ctx->in;
	const struct lift_how how = {.by = l->login, .reason = in->reason, .reference = in->reference};
	/* Before anything is written: may all of it be? */
	for (size_t i = 0; i < l->list_count; i++) {
		const struct lift_list *list = &l->lists[i];
		if (list->editable && !list->told && !edit_may_write(list->list->file, list->list->file_shown, err))
			return false;
	}
	if (!write_beside(l, &how, err))
		return err_context(err, "lifting what cannot be edited");
	/* One that fails, as on a full disk, is no reason to leave the others: the first such error is told. */
	bool good = true;
	for (size_t i = 0; i < l->list_count; i++) {
		struct err further = {.code = ERR_NONE};
		if (l->lists[i].editable && !l->lists[i].told)
			good &= write_into(l, &l->lists[i], &how, good ? err : &further);
	}
	return good;
}

/* ---- in force ---- */

static json_t *describe(const struct lifting *l)
{
	struct change change;
	const char **names = base_alloc(CTL_CHANGE_NAMES_MAX * sizeof(*names));
	size_t said = 0;
	change_init(&change, l->ctx);
	change.list = l->list_count == 1 ? l->lists[0].list->name : l->list;
	for (size_t i = 0; i < l->list_count; i++) {
		const struct lift_list *list = &l->lists[i];
		for (size_t k = 0; list->results != NULL && !list->told && !list->whole && k < list->count; k++) {
			if (list->results[k].outcome != EDIT_DONE)
				continue;
			if (said < CTL_CHANGE_NAMES_MAX)
				names[said++] = list->names[k];
			change.name_count++;
		}
	}
	change.names = names;
	json_t *args = change_put(&change, NULL);
	free(names);
	return args;
}

/* The daemon may have read another saring.yaml than this one. */
static enum exit_status check_read(struct lifting *l)
{
	json_t *lists = NULL;
	if (!context_ask(l->ctx, "list", NULL, NULL, &lists, &l->errors, &l->err))
		return output_status(&l->err);
	for (size_t i = 0; i < l->list_count && !l->unread; i++)
		l->unread = !edit_has_list(l->lists[i].list, lists, &l->err);
	json_decref(lists);
	return l->unread ? STATUS_FAILED : STATUS_DONE;
}

/* Is it below one that is forgotten with all below it? */
static bool is_covered(const struct lifting *l, const struct blocker *b)
{
	for (size_t i = 0; i < l->plan.lift_count; i++) {
		const struct blocker *other = &l->plan.lift[i];
		if (other == b || !other->below || !name_is_below_or_eq(&b->name, &other->name))
			continue;
		if (!name_eq(&b->name, &other->name) || !b->below || other < b)
			return true;
	}
	return false;
}

/* Nothing but what the lift concerns: each name, and what is below where the entry covered it. */
static void flush(struct lifting *l)
{
	char text[NAME_TEXT_MAX];
	struct change change;
	change_init(&change, l->ctx);
	if (l->plan.lift_count > LIFT_FLUSH_MAX) { /* nor need it be: it holds what upstream servers said */
		output_note(&l->ctx->out, "the cache is left as it is: more than %d entries were lifted", LIFT_FLUSH_MAX);
		return;
	}
	for (size_t i = l->told_count; i < l->plan.lift_count; i++) {
		const struct blocker *b = &l->plan.lift[i];
		json_t *result = NULL;
		struct err err = {.code = ERR_NONE};
		if (is_covered(l, b))
			continue;
		json_t *args =
		    json_pack("{s:s, s:s}", "name", name_to_text(&b->name, text), "match", b->below ? "subtree" : "exact");
		must(args != NULL);
		if (!context_ask(l->ctx, "cache.flush", change_put(&change, args), NULL, &result, NULL, &err)) {
			output_note(&l->ctx->out, "the cache's part of %s could not be forgotten: %s", text, err.text);
			continue;
		}
		l->flushed = MAX(l->flushed, (int64_t)0) + field_int(result, "flushed");
		json_decref(result);
	}
}

enum exit_status lift_tell(struct lifting *l)
{
	json_t *result = NULL;
	const size_t not_found = lift_count(l, EDIT_NOT_FOUND),
		     all = not_found + lift_count(l, EDIT_DONE) + lift_count(l, EDIT_ALREADY);
	if (l->told_count == 0)
		l->flushed = -1;
	if (not_found == all)
		return STATUS_DONE;
	l->asked = true;
	if (context_socket(l->ctx) == NULL) {
		err_set(&l->err, ERR_INPUT, "the control socket is not known");
		return STATUS_FAILED;
	}
	if (!context_ask(l->ctx, "policy.rebuild", describe(l), "compiling the lists", &result, &l->errors, &l->err))
		return output_status(&l->err);
	l->effect_s = clock_wall_s();
	l->generation = field_int(result, "generation");
	json_decref(result);
	const enum exit_status status = check_read(l);
	l->in_force = status == STATUS_DONE;
	if (!l->in_force)
		return status;
	flush(l);
	l->told_count = l->plan.lift_count;
	for (size_t i = 0; i < l->list_count; i++)
		l->lists[i].told = true;
	return status;
}
