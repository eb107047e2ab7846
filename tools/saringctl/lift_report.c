/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a lift did, for people and for programs. */
#include "saringctl/lift.h"

#include "base/str.h"
#include "ctl/proto.h"
#include "wire/rrtype.h"

#include <stdlib.h>
#include <string.h>

#define LEFT_SHOWN 20 /* to people */

static const char *const outcome_words[] = {[EDIT_DONE] = "lifted", [EDIT_ALREADY] = "already", [EDIT_NOT_FOUND] = "not-found"};

static const char *outcome_text(enum dns_outcome outcome)
{
	switch (outcome) {
	case DNS_ANSWERED:
		return "answered";
	case DNS_SILENT:
		return "silent";
	case DNS_UNREACHABLE:
		return "unreachable";
	case DNS_GARBLED:
		return "garbled";
	}
	return "";
}

/* ---- for programs ---- */

static void put_name(json_t *object, const char *key, const struct name *name)
{
	char text[NAME_TEXT_MAX];
	field_put_text(object, key, name_to_text(name, text));
}

static json_t *entry_json(const struct lifting *l, const struct blocker *b)
{
	const struct settings_list *list = &l->blockers.settings->lists[b->list];
	json_t *object = json_object();
	field_put_text(object, "list", list->name);
	field_put_text(object, "file", list->file_shown);
	field_put(object, "line", json_integer(b->line));
	put_name(object, "entry", &b->name);
	field_put_text(object, "match", match_words[b->match]);
	field_put_text(object, "relation", relation_words[b->relation]);
	field_put(object, "wide", json_boolean(b->wide));
	return object;
}

static json_t *entries_json(const struct lifting *l, const struct blocker *items, size_t count)
{
	json_t *array = json_array();
	for (size_t i = 0; i < count; i++)
		must(json_array_append_new(array, entry_json(l, &items[i])) == 0);
	return array;
}

/* Of each list what became of each name. */
static json_t *lists_json(const struct lifting *l)
{
	json_t *array = json_array();
	for (size_t i = 0; i < l->list_count; i++) {
		const struct lift_list *list = &l->lists[i];
		json_t *object = json_object(), *results = json_array();
		for (size_t k = 0; list->results != NULL && k < (list->whole ? 1 : list->count); k++) {
			const struct edit_result *r = &list->results[k];
			json_t *one = json_object();
			field_put_text(one, "name", list->whole ? NULL : r->name);
			field_put_text(one, "outcome", outcome_words[r->outcome]);
			field_put(one, "line", r->line > 0 ? json_integer(r->line) : json_null());
			must(json_array_append_new(results, one) == 0);
		}
		field_put_text(object, "list", list->list->name);
		field_put_text(object, "file", list->list->file_shown);
		field_put_text(object, "kept_in", list->editable ? "list" : "lifts");
		field_put(object, "results", results);
		field_put_text(object, "error", list->error[0] != '\0' ? list->error : NULL);
		must(json_array_append_new(array, object) == 0);
	}
	return array;
}

static json_t *result_json(const struct lift_listener *listener, const struct dns_result *r)
{
	json_t *object = json_object(), *edes = json_array();
	char buf[DNS_RCODE_MAX];
	for (size_t i = 0; i < r->ede_count; i++)
		must(json_array_append_new(edes, json_integer(r->edes[i])) == 0);
	field_put_text(object, "listen", listener->text);
	field_put_text(object, "outcome", outcome_text(r->outcome));
	field_put_text(object, "rcode", r->outcome == DNS_ANSWERED ? dns_client_rcode(r->rcode, buf) : NULL);
	field_put(object, "answers", json_integer(r->answer_count));
	field_put_text(object, "transport", r->tcp ? "tcp" : "udp");
	field_put(object, "ede", edes);
	field_put_text(object, "ede_text", r->ede_text[0] != '\0' ? r->ede_text : NULL);
	return object;
}

static json_t *checks_json(const struct lifting *l)
{
	json_t *array = json_array();
	for (size_t i = 0; i < l->check_count; i++) {
		const struct lift_check *c = &l->checks[i];
		json_t *object = json_object(), *results = json_array();
		for (size_t k = 0; k < l->listener_count; k++)
			must(json_array_append_new(results, result_json(&l->listeners[k], &c->results[k])) == 0);
		put_name(object, "name", &c->name);
		field_put(object, "passed", c->asked || c->rule != NULL ? json_boolean(c->passed) : json_null());
		field_put(object, "resolves", c->asked ? json_boolean(c->resolves) : json_null());
		field_put(object, "blocked_by", c->rule != NULL ? json_incref(c->rule) : json_null());
		field_put_text(object, "leads_to", c->target);
		field_put(object, "answers", results);
		must(json_array_append_new(array, object) == 0);
	}
	return array;
}

static json_t *forgotten_json(const struct lifting *l)
{
	char text[32];
	if (!l->in_force || l->forgotten_s == 0 || !lift_proved(l)) /* else clients are told the block anew */
		return json_null();
	json_t *object = json_object();
	str_from_time(l->forgotten_s, text, sizeof(text));
	field_put_text(object, "by", text);
	field_put_text(object, "known_by", l->forgotten_told ? "hits" : "ttl");
	return object;
}

static void put_plan(const struct lifting *l, json_t *document)
{
	field_put(document, "closure", json_boolean(l->ctx->in->closure));
	field_put(document, "entries", entries_json(l, l->plan.lift, l->plan.lift_count));
	field_put(document, "left", entries_json(l, l->plan.left, l->plan.left_count));
	field_put(document, "left_more", json_integer((json_int_t)l->plan.left_more));
}

/* The names on the command line; or those among them that unblock found nowhere. */
static json_t *names_json(const struct lifting *l, bool unknown)
{
	json_t *array = json_array();
	char text[NAME_TEXT_MAX];
	for (size_t i = 0; i < l->wanted_count; i++) {
		if (unknown && (l->unknown == NULL || !l->unknown[i]))
			continue;
		must(json_array_append_new(array, ctl_text(str_from(name_to_text(&l->wanted[i], text)))) == 0);
	}
	return array;
}

static void show_json(const struct lifting *l)
{
	json_t *document = json_object(), *lists = lists_json(l);
	if (l->list != NULL) { /* the keys of every edit */
		const json_t *own = json_array_get(lists, 0);
		field_put_text(document, "list", l->list);
		field_put(document, "file", json_incref(json_object_get(own, "file")));
		field_put(document, "results", json_incref(json_object_get(own, "results")));
	}
	field_put(document, "names", names_json(l, false));
	field_put(document, "not_found", names_json(l, true));
	field_put(document, "lists", lists);
	field_put(document, "generation", l->in_force ? json_integer(l->generation) : json_null());
	field_put(document, "in_force", l->asked ? json_boolean(l->in_force) : json_null());
	field_put_text(document, "lifted_by", l->login);
	put_plan(l, document);
	field_put(document, "flushed", l->flushed >= 0 ? json_integer(l->flushed) : json_null());
	field_put(document, "checks", checks_json(l));
	field_put(document, "checks_more", json_integer((json_int_t)l->check_more));
	field_put(document, "passed", l->listener_count > 0 || !lift_proved(l) ? json_boolean(lift_proved(l)) : json_null());
	field_put(document, "forgotten", forgotten_json(l));
	const bool refused = l->asked && !l->in_force;
	if (refused || l->failed.code != ERR_NONE) {
		const struct err *err = refused ? &l->err : &l->failed;
		json_t *error = json_object();
		field_put_text(error, "code", ctl_code_word(err->code));
		field_put_text(error, "text", err->text);
		field_put(document, "error", error);
		field_put(document, "errors", output_errors_json(&l->errors));
	}
	output_json(document);
	json_decref(document);
}

/* ---- for people ---- */

static void show_results(const struct lifting *l, const struct lift_list *list)
{
	const struct output *o = &l->ctx->out;
	const bool acts = l->in_force && list->list->mode == MODE_ENFORCE;
	for (size_t k = 0; list->results != NULL && k < (list->whole ? 1 : list->count); k++) {
		const struct edit_result *r = &list->results[k];
		const char *name = list->whole ? "the whole list" : r->name;
		char line[32] = "";
		if (r->line > 0)
			(void)snprintf(line, sizeof(line), " (line %u)", r->line);
		if (r->outcome == EDIT_NOT_FOUND)
			continue; /* said on stderr */
		output_print(o, stdout, PAINT_NONE, r->outcome == EDIT_DONE ? "lifted %s in %s%s" : "%s is already lifted in %s%s",
			     name, list->list->name, line);
		if (!list->editable)
			output_print(o, stdout, PAINT_NONE, " until the list drops it");
		if (acts)
			output_print(o, stdout, PAINT_GOOD, ", in force: generation %lld", (long long)l->generation);
		else if (l->in_force)
			output_print(o, stdout, PAINT_NONE, ", taken up: generation %lld", (long long)l->generation);
		putchar('\n');
	}
}

/* "NXDOMAIN, extended error 15 (ads; order 7)" */
static void show_answer(const struct output *o, const struct lift_listener *listener, const struct dns_result *r)
{
	char buf[DNS_RCODE_MAX];
	if (r->outcome != DNS_ANSWERED) {
		output_print(o, stdout, PAINT_NONE, "%s %s", listener->text,
			     r->outcome == DNS_SILENT	     ? "does not answer"
			     : r->outcome == DNS_UNREACHABLE ? "is not there"
							     : "gives no sound answer");
		return;
	}
	output_print(o, stdout, PAINT_NONE, "%s answers %s", listener->text, dns_client_rcode(r->rcode, buf));
	for (size_t i = 0; i < r->ede_count; i++)
		output_print(o, stdout, PAINT_NONE, ", extended error %u", r->edes[i]);
	if (r->ede_text[0] != '\0')
		output_print(o, stdout, PAINT_NONE, " (%s)", r->ede_text);
}

static void show_check(const struct lifting *l, const struct lift_check *c)
{
	const struct output *o = &l->ctx->out;
	char text[NAME_TEXT_MAX], buf[DNS_RCODE_MAX];
	if (!c->asked && c->passed)
		return;
	output_print(o, stdout, PAINT_NONE, "%s: ", name_to_text(&c->name, text));
	bool good = c->passed && c->resolves;
	output_print(o, stdout, good ? PAINT_GOOD : PAINT_BAD, "%s",
		     good	 ? "pass"
		     : c->passed ? "not blocked, but not answered"
				 : "FAIL");
	if (good) {
		output_print(o, stdout, PAINT_NONE, " (%s)", dns_client_rcode(c->results[0].rcode, buf));
		putchar('\n');
		return;
	}
	output_print(o, stdout, PAINT_NONE, ", ");
	if (c->rule != NULL) {
		if (c->target != NULL)
			output_print(o, stdout, PAINT_NONE, "its answer leads to %s, ", c->target);
		output_print(o, stdout, PAINT_NONE, "still blocked by %s (%s) in %s", field_text(c->rule, "entry"),
			     field_text(c->rule, "match"), field_text(c->rule, "list"));
		output_print(o, stdout, PAINT_NONE, " (%s:%lld)", field_text(c->rule, "file"),
			     (long long)field_int(c->rule, "line"));
	}
	for (size_t k = 0; c->rule == NULL && k < l->listener_count; k++) {
		if (k > 0)
			output_print(o, stdout, PAINT_NONE, "; ");
		show_answer(o, &l->listeners[k], &c->results[k]);
	}
	putchar('\n');
}

static void show_checks(const struct lifting *l)
{
	const struct output *o = &l->ctx->out;
	if (l->check_count == 0 || l->status == NULL)
		return;
	output_print(o, stdout, PAINT_HEAD, l->listener_count > 0 ? "asked at" : "not asked: no listener can be reached from here");
	for (size_t k = 0; k < l->listener_count; k++)
		output_print(o, stdout, PAINT_NONE, " %s", l->listeners[k].text);
	putchar('\n');
	for (size_t i = 0; i < l->check_count; i++)
		show_check(l, &l->checks[i]);
	if (l->check_more > 0)
		printf("... and %zu more names were not asked for\n", l->check_more);
}

static void show_forgotten(const struct lifting *l)
{
	char text[32];
	if (!l->in_force || l->status == NULL || l->forgotten_s == 0 || !lift_proved(l))
		return;
	str_from_time(l->forgotten_s, text, sizeof(text));
	printf("the last client has forgotten the block by %s%s\n", text,
	       l->forgotten_told ? "" : ", at the latest: block.ttl after it was lifted");
}

static void show_entry(const struct lifting *l, const struct blocker *b)
{
	const struct settings_list *list = &l->blockers.settings->lists[b->list];
	char text[NAME_TEXT_MAX];
	output_print(&l->ctx->out, stdout, PAINT_NONE, "  %-11s %s (%s) in %s (line %u)%s", relation_words[b->relation],
		     name_to_text(&b->name, text), match_words[b->match], list->name, b->line, b->wide ? ", a public suffix" : "");
	putchar('\n');
}

static void show_left(const struct lifting *l)
{
	const struct plan *p = &l->plan;
	const size_t all = p->left_count + p->left_more;
	if (all == 0)
		return;
	output_print(&l->ctx->out, stdout, PAINT_WARN, "%s",
		     l->ctx->in->closure ? "left, as it is wider than this service (--force lifts it):"
					 : "left (--closure lifts these too):");
	putchar('\n');
	for (size_t i = 0; i < MIN(p->left_count, (size_t)LEFT_SHOWN); i++)
		show_entry(l, &p->left[i]);
	if (all > LEFT_SHOWN)
		printf("  ... and %zu more (--json names them)\n", all - LEFT_SHOWN);
}

/* What the daemon did not take up. */
static void show_failure(const struct lifting *l)
{
	const struct output *o = &l->ctx->out;
	char line[sizeof(struct err) + 32];
	output_errors(o, &l->errors);
	err_format(&l->err, line, sizeof(line));
	output_note(o, "%s", line);
	for (size_t i = 0; i < l->list_count; i++) {
		const struct lift_list *list = &l->lists[i];
		const char *file = list->editable ? list->list->file_shown : l->blockers.lifts_path;
		if (list->results == NULL)
			continue;
		if (l->unread)
			output_note(o, "the edit is in '%s'", file);
		else if (l->err.code == ERR_UNREACHABLE)
			output_note(o, "the edit is in '%s' and waits until saringd runs", file);
		else
			output_note(o, "the edit is in '%s', but not in force: what served before serves on", file);
	}
}

static void show_unknown(const struct lifting *l)
{
	char text[NAME_TEXT_MAX];
	for (size_t i = 0; l->unknown != NULL && i < l->wanted_count; i++) {
		if (l->unknown[i])
			output_note(&l->ctx->out, "%s: no list has an entry of that name", name_to_text(&l->wanted[i], text));
	}
	for (size_t i = 0; l->idle != NULL && i < l->wanted_count; i++) {
		if (l->idle[i])
			output_note(&l->ctx->out, "%s: no list has an entry of that name in force",
				    name_to_text(&l->wanted[i], text));
	}
}

static void show_notes(const struct lifting *l)
{
	const struct output *o = &l->ctx->out;
	for (size_t i = 0; i < l->list_count; i++) {
		const struct lift_list *list = &l->lists[i];
		for (size_t k = 0; list->results != NULL && !list->whole && k < list->count; k++) {
			if (list->results[k].outcome == EDIT_NOT_FOUND)
				output_note(o, "%s is not in the list '%s'", list->results[k].name, list->list->name);
		}
		if (list->results != NULL && list->list->mode != MODE_ENFORCE)
			output_note(o, "the list '%s' is in mode %s: it decides nothing", list->list->name,
				    mode_words[list->list->mode]);
	}
	show_unknown(l);
}

void lift_show(const struct lifting *l)
{
	if (l->ctx->out.json) {
		show_json(l);
	} else {
		for (size_t i = 0; i < l->list_count; i++)
			show_results(l, &l->lists[i]);
		if (l->flushed >= 0)
			printf("cache: %lld answers of these names forgotten\n", (long long)l->flushed);
		show_checks(l);
		show_forgotten(l);
		show_left(l);
	}
	if (l->asked && !l->in_force)
		show_failure(l);
	show_notes(l);
}

void lift_show_plan(const struct lifting *l)
{
	if (l->ctx->out.json) {
		json_t *document = json_object();
		field_put(document, "dry_run", json_true());
		field_put(document, "names", names_json(l, false));
		field_put(document, "not_found", names_json(l, true));
		put_plan(l, document);
		output_json(document);
		json_decref(document);
		return;
	}
	output_print(&l->ctx->out, stdout, PAINT_HEAD, "%s",
		     l->plan.lift_count > 0 ? "would be lifted:" : "nothing would be lifted");
	putchar('\n');
	for (size_t i = 0; i < l->plan.lift_count; i++)
		show_entry(l, &l->plan.lift[i]);
	show_left(l);
	show_unknown(l);
}
