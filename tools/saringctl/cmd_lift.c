/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cmd_lift.c - lists whose entries are given up: list lift, unblock. What the user names is looked for in the files; the rest is
 * lift.c's. */
#include "saringctl/lift.h"

#include "base/clock.h"
#include "base/str.h"
#include "compile/compile.h"
#include "list/doc.h"
#include "saringctl/edit_report.h"
#include "saringctl/list_source.h"
#include "saringctl/who.h"

#include <stdlib.h>
#include <string.h>

/* ---- one list ---- */

/* What a list that cannot be edited has of the names, or texts, on the command line. */
struct search {
	struct lifting *lift;
	size_t number;
	enum action action;	/* the list's own */
	uint32_t *lines;	/* owned; for each operand: where its entry stands, 0: nowhere */
	uint32_t *other;	/* owned; the same of an entry that is no name, or does something else */
	struct lookout lookout; /* the names, told apart at little cost */
	struct intern names;	/* wire forms */
	struct buf numbers;	/* u32 for each: the operand */
};

static void plan_add(struct plan *plan, size_t list, const struct segment_entry *e, enum match match)
{
	if (plan->lift_count == plan->lift_cap) {
		plan->lift_cap = plan->lift_cap * 2 + 16;
		plan->lift = base_realloc(plan->lift, plan->lift_cap * sizeof(plan->lift[0]));
	}
	struct blocker *b = &plan->lift[plan->lift_count++];
	*b = (struct blocker){.list = list, .match = match, .below = match != MATCH_EXACT, .class = e->class, .line = e->line};
	must(name_from_wire(e->wire, e->wire_len, &b->name));
	plan->own_count = plan->lift_count;
}

static bool on_listed(void *arg, const struct listed *listed)
{
	struct search *s = arg;
	const struct segment_entry *e = listed->entry;
	uint32_t number, operand;
	if (e->wire == NULL || listed->match > MATCH_SUBDOMAINS) {
		const struct invocation *in = s->lift->ctx->in;
		for (size_t i = 1; i < in->operand_count; i++) {
			if (str_eq_c(e->text, in->operands[i]) || str_eq_c(e->written, in->operands[i]))
				s->other[i - 1] = e->line;
		}
		return true;
	}
	if (!lookout_wants(&s->lookout, e) || !intern_find(&s->names, e->wire, e->wire_len, &number))
		return true;
	memcpy(&operand, s->numbers.ptr + (size_t)number * sizeof(operand), sizeof(operand));
	if (listed->action != s->action)
		s->other[operand] = e->line;
	else if (s->lines[operand] == 0)
		s->lines[operand] = e->line;
	return true;
}

static void search_begin(struct search *s, struct lifting *l, size_t number)
{
	const struct invocation *in = l->ctx->in;
	const struct segment *segment = l->blockers.sources[number].segment;
	*s = (struct search){.lift = l,
			     .number = number,
			     .action = compile_list_action(segment, &l->blockers.settings->lists[number]),
			     .lines = base_alloc(in->operand_count * sizeof(uint32_t)),
			     .other = base_alloc(in->operand_count * sizeof(uint32_t))};
	intern_init(&s->names);
	lookout_init(&s->lookout);
	for (uint32_t i = 1; i < in->operand_count; i++) {
		const uint32_t operand = i - 1;
		struct name name;
		bool is_new = false;
		if (!list_name_from_text(str_from(in->operands[i]), &name, NULL))
			continue;
		(void)intern_add(&s->names, name.wire, name.len, &is_new);
		lookout_name(&s->lookout, &name);
		if (is_new)
			buf_add(&s->numbers, &operand, sizeof(operand));
	}
	blockers_list(&l->blockers, number, on_listed, s);
}

static void search_end(struct search *s)
{
	free(s->lines);
	free(s->other);
	intern_finish(&s->names);
	lookout_finish(&s->lookout);
	buf_finish(&s->numbers);
}

/* Each name must be an entry's: what has none, an expression or an address, cannot be lifted there. Faults are said one by one. */
static bool take_operands(struct lifting *l, const struct search *s)
{
	const struct invocation *in = l->ctx->in;
	const struct output *o = &l->ctx->out;
	size_t bad = 0;
	for (size_t i = 1; i < in->operand_count; i++) {
		struct name name;
		struct err err = {.code = ERR_NONE};
		char text[NAME_TEXT_MAX];
		const bool is_name = list_name_from_text(str_from(in->operands[i]), &name, &err);
		if (is_name && (s->lines[i - 1] > 0 || s->other[i - 1] == 0)) {
			lift_list_add(lift_list_of(l, s->number), name_to_text(&name, text));
		} else if (s->other[i - 1] > 0) {
			output_note(
			    o,
			    "%s: line %u of the list '%s' is no entry of a name that the list %s, and cannot be lifted there; "
			    "an allow entry, or 'list mode %s off', does it",
			    in->operands[i], s->other[i - 1], l->list, s->action == ACTION_BLOCK ? "blocks" : "allows", l->list);
			bad++;
		} else {
			output_note(o, "'%s': %s", in->operands[i], err.text);
			bad++;
		}
	}
	return bad == 0;
}

static void list_name(struct lifting *l, const struct segment_entry *e)
{
	if (l->listed_count == l->listed_cap) {
		l->listed_cap = l->listed_cap * 2 + 16;
		l->listed = base_realloc(l->listed, l->listed_cap * sizeof(l->listed[0]));
	}
	must(name_from_wire(e->wire, e->wire_len, &l->listed[l->listed_count++]));
}

/* The names' entries in that list, whatever they do: what is forgotten of the cache goes by them. */
static bool on_own(void *arg, const struct listed *listed)
{
	struct search *s = arg;
	const struct segment_entry *e = listed->entry;
	if (e->wire == NULL || listed->match > MATCH_SUBDOMAINS ||
	    (s->lift->ctx->in->operand_count > 1 && !lookout_wants(&s->lookout, e)))
		return true;
	for (size_t i = 0; s->lift->ctx->in->operand_count > 1 && i < s->lift->plan.lift_count; i++) {
		struct blocker *b = &s->lift->plan.lift[i];
		if (b->list == s->number && b->name.len == e->wire_len && memcmp(b->name.wire, e->wire, e->wire_len) == 0) {
			b->below |= listed->match != MATCH_EXACT;
			return true;
		}
	}
	plan_add(&s->lift->plan, s->number, e, listed->match);
	if (s->lift->ctx->in->operand_count == 1 && listed->action == ACTION_BLOCK)
		list_name(s->lift, e);
	return true;
}

static bool take_list(struct lifting *l, size_t number)
{
	const struct invocation *in = l->ctx->in;
	struct err_list errors = {0};
	struct err err = {.code = ERR_NONE};
	struct search s;
	bool good = true;
	struct lift_list *list = lift_list_of(l, number);
	list->whole = in->operand_count == 1;
	if (l->blockers.sources[number].segment == NULL || l->blockers.sources[number].missing) {
		struct source source;
		source_check(l->blockers.settings, number, &source, &errors);
		source_close(&source);
		err_set(&err, ERR_INPUT, "the list '%s' cannot be %s; nothing was done", l->list,
			list->editable ? "edited" : "read");
		(void)output_fail(&l->ctx->out, &err, &errors);
		err_list_finish(&errors);
		return false;
	}
	if (list->whole && !list->editable) {
		err_set(&err, ERR_INPUT,
			"list '%s' cannot be edited, and so not be lifted as a whole: 'saringctl list mode %s off' leaves it out",
			l->list, l->list);
		(void)output_fail(&l->ctx->out, &err, NULL);
		return false;
	}
	search_begin(&s, l, number);
	if (list->editable) {
		for (size_t i = 1; i < in->operand_count; i++) {
			struct name name;
			char text[NAME_TEXT_MAX];
			const bool is_name = list_name_from_text(str_from(in->operands[i]), &name, &err);
			if (!is_name && s.other[i - 1] == 0) {
				output_note(&l->ctx->out, "'%s': %s", in->operands[i], err.text);
				good = false;
			}
			lift_list_add(list, is_name ? name_to_text(&name, text) : in->operands[i]);
		}
	} else {
		good = take_operands(l, &s);
	}
	if (good)
		blockers_list(&l->blockers, number, on_own, &s);
	search_end(&s);
	if (good)
		return true;
	err_set(&err, ERR_INPUT, "nothing was done");
	(void)output_fail(&l->ctx->out, &err, NULL);
	return false;
}

/* ---- the plan ---- */

static struct plan_wish wish_of(const struct lifting *l, size_t number)
{
	const struct invocation *in = l->ctx->in;
	const bool whole = number != SIZE_MAX && in->operand_count == 1;
	return (struct plan_wish){.names = whole ? l->listed : l->wanted,
				  .count = whole ? l->listed_count : l->wanted_count,
				  .list = number,
				  .closure = in->closure,
				  .force = in->force};
}

/* What the plan adds to what the user named. */
static void take_plan(struct lifting *l)
{
	char text[NAME_TEXT_MAX];
	for (size_t i = 0; i < l->plan.lift_count; i++) {
		const struct blocker *b = &l->plan.lift[i];
		struct lift_list *list = lift_list_of(l, b->list);
		if (!list->whole)
			lift_list_add(list, name_to_text(&b->name, text));
	}
}

static bool plan(struct lifting *l, size_t number)
{
	const struct plan_wish wish = wish_of(l, number);
	struct plan own = l->plan; /* of the one list */
	struct err err = {.code = ERR_NONE};
	if (l->list == NULL || l->ctx->in->closure) {
		plan_make(&l->blockers, &wish, &l->plan);
		plan_finish(&own);
	}
	if (l->plan.too_many) {
		err_set(
		    &err, ERR_LIMIT,
		    "more than %d further entries would be lifted; nothing was done. --force lifts them all, --dry-run shows them",
		    CLOSURE_MAX);
		(void)output_fail(&l->ctx->out, &err, NULL);
		return false;
	}
	take_plan(l);
	if (l->list == NULL)
		lift_look_up(l);
	return true;
}

/* ---- the verbs ---- */

static bool take_names(struct lifting *l, size_t first)
{
	const struct invocation *in = l->ctx->in;
	struct err err = {.code = ERR_NONE};
	size_t bad = 0;
	l->wanted = base_alloc((in->operand_count + 1) * sizeof(l->wanted[0]));
	for (size_t i = first; i < in->operand_count; i++) {
		if (list_name_from_text(str_from(in->operands[i]), &l->wanted[l->wanted_count], &err)) {
			l->wanted_count++;
		} else if (l->list == NULL) { /* of one list it may be the text of an expression */
			output_note(&l->ctx->out, "%s", err.text);
			bad++;
		}
	}
	if (bad == 0)
		return true;
	err_set(&err, ERR_INPUT, "nothing was done: %zu of %zu names refused", bad, in->operand_count - first);
	(void)output_fail(&l->ctx->out, &err, NULL);
	return false;
}

/* A list of exceptions: what is lifted there is blocked again, if anything blocks it, and there is nothing to be proved. */
static bool lets_through(const struct lifting *l, size_t number)
{
	return number != SIZE_MAX && l->blockers.sources[number].segment != NULL &&
	       compile_list_action(l->blockers.sources[number].segment, &l->blockers.settings->lists[number]) == ACTION_ALLOW;
}

static enum exit_status finish(struct lifting *l, size_t number)
{
	const struct plan_wish wish = wish_of(l, number);
	struct err err = {.code = ERR_NONE};
	if (l->ctx->in->dry_run) {
		plan_look_round(&l->blockers, &wish, &l->plan);
		lift_show_plan(l);
		return STATUS_DONE;
	}
	if (!lift_write(l, &err)) {
		if (lift_count(l, EDIT_DONE) == 0)
			return output_fail(&l->ctx->out, &err, NULL);
		/* some of it stands in the files: that much is put in force, and what failed is said */
		output_note(&l->ctx->out, "%s", err.text);
	}
	enum exit_status status = lift_tell(l);
	const bool proves = (l->in_force || (l->list == NULL && !l->asked)) && !lets_through(l, number);
	if (proves)
		status = lift_prove(l);
	if (proves && l->ctx->in->closure && status == STATUS_DONE && err.code == ERR_NONE) {
		status = lift_follow(l, &err);
		if (err.code != ERR_NONE)
			output_note(&l->ctx->out, "%s", err.text);
	}
	if (!lets_through(l, number))
		plan_look_round(&l->blockers, &wish, &l->plan);
	l->failed = err;
	lift_show(l);
	if (status != STATUS_DONE)
		return status;
	bool failed = false;
	for (size_t i = 0; l->unknown != NULL && i < l->wanted_count; i++)
		failed |= l->unknown[i];
	failed |= err.code != ERR_NONE || lift_count(l, EDIT_NOT_FOUND) > 0 || (l->check_count > 0 && !lift_proved(l));
	return failed ? STATUS_FAILED : STATUS_DONE;
}

/* A list that is broken keeps all others from being compiled anew: what would be written would lie in wait for some later reload. A
 * list with a url may have no copy yet; what is wrong with the list that is lifted itself is told in full by who edits it. */
static bool all_read(const struct lifting *l, size_t number, struct err *err)
{
	const struct settings *settings = l->blockers.settings;
	for (size_t i = 0; i < settings->list_count && !l->ctx->in->force; i++) {
		const struct settings_list *list = &settings->lists[i];
		if (i != number && list->url == NULL && list->mode != MODE_OFF && l->blockers.sources[i].segment == NULL)
			return err_set(err, ERR_INPUT,
				       "the list '%s' cannot be read, so that no lift could be put in force; nothing was done. "
				       "'saringctl check' says why; --force writes it all the same",
				       list->name);
	}
	return true;
}

/* list: its place in saring.yaml, SIZE_MAX: any. */
static enum exit_status run(struct lifting *l, size_t number)
{
	struct err err = {.code = ERR_NONE};
	if (!take_names(l, l->list == NULL ? 0 : 1))
		return STATUS_FAILED;
	if (!blockers_open(l->ctx->settings, number, l->now_s, &l->blockers, &err) || !all_read(l, number, &err))
		return output_fail(&l->ctx->out, &err, NULL);
	if (l->ctx->in->closure && lets_through(l, number))
		return context_usage(l->ctx, "'%s' lets through: nothing of a service is blocked by it", l->list);
	if ((number != SIZE_MAX && !take_list(l, number)) || !plan(l, number))
		return STATUS_FAILED;
	return finish(l, number);
}

static enum exit_status begin(struct context *ctx, const struct settings_list *list)
{
	struct lifting l = {.ctx = ctx, .list = list == NULL ? NULL : list->name, .login = who_login(), .now_s = clock_wall_s()};
	const enum exit_status status = run(&l, list == NULL ? SIZE_MAX : (size_t)(list - ctx->settings->lists));
	lift_finish(&l);
	return status;
}

enum exit_status cmd_list_lift(struct context *ctx)
{
	const struct settings_list *list = context_list(ctx, ctx->in->operands[0]);
	return list == NULL ? STATUS_FAILED : begin(ctx, list);
}

enum exit_status cmd_unblock(struct context *ctx)
{
	if (ctx->in->reason == NULL && !ctx->in->dry_run)
		return context_usage(ctx, "unblock needs --reason: a lift stays on record, and says why");
	return context_settings(ctx) == NULL ? STATUS_FAILED : begin(ctx, NULL);
}
