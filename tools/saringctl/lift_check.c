/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The proof of a lift: what do the daemon's own listeners say? And by when has the last client forgotten what it was told before?
 */
#include "saringctl/lift.h"

#include "base/clock.h"
#include "base/str.h"
#include "list/doc.h"
#include "saringctl/progress.h"
#include "wire/rrtype.h"

#include <stdlib.h>
#include <string.h>

/* ---- whom to ask ---- */

static void find_listeners(struct lifting *l)
{
	const json_t *one;
	size_t i;
	json_array_foreach(json_object_get(l->status, "listen"), i, one)
	{
		const char *text = json_string_value(one);
		struct lift_listener listener = {.text = text};
		if (text == NULL || l->listener_count == LIFT_LISTENERS_MAX || !dns_client_address(text, &listener.addr))
			continue;
		l->listeners[l->listener_count++] = listener;
	}
}

static bool add_check(struct lifting *l, const struct name *name)
{
	for (size_t i = 0; i < l->check_count; i++) {
		if (name_eq(&l->checks[i].name, name))
			return true;
	}
	if (l->check_count == LIFT_CHECKS_MAX) {
		l->check_more++;
		return false;
	}
	name_copy(&l->checks[l->check_count++].name, name);
	return true;
}

/* Of one list an expression may be lifted, by its text; that is an entry, and no name that anybody asks for, although DNS takes any
 * octets. What has none of these letters is a name, too. */
static bool is_expression(const struct lifting *l, const struct name *name)
{
	char text[NAME_TEXT_MAX];
	return l->list != NULL && strpbrk(name_to_text(name, text), "^$()[]{}|*+?/\\") != NULL;
}

/* The names on the command line, then those of what was lifted. */
static void find_names(struct lifting *l)
{
	struct name name;
	l->checks = base_alloc(LIFT_CHECKS_MAX * sizeof(l->checks[0]));
	for (size_t i = 0; i < l->wanted_count; i++) {
		if (!is_expression(l, &l->wanted[i]))
			(void)add_check(l, &l->wanted[i]);
	}
	for (size_t i = 0; i < l->list_count; i++) {
		const struct lift_list *list = &l->lists[i];
		for (size_t k = 0; k < list->count && !list->whole; k++) {
			if (list_name_from_text(str_from(list->names[k]), &name, NULL) && !is_expression(l, &name))
				(void)add_check(l, &name);
		}
	}
	for (size_t i = 0; i < l->listed_count; i++)
		(void)add_check(l, &l->listed[i]);
	for (size_t i = 0; i < l->plan.lift_count; i++)
		(void)add_check(l, &l->plan.lift[i].name);
}

/* ---- what came back ---- */

/* RFC 8914: Blocked, Censored, Filtered. Prohibited is about who asks: saringctl, which may be nobody that is served. */
static bool is_block(uint16_t ede)
{
	return ede >= 15 && ede <= 17;
}

static bool result_blocked(const struct dns_result *r)
{
	for (size_t i = 0; r->outcome == DNS_ANSWERED && i < r->ede_count; i++) {
		if (is_block(r->edes[i]))
			return true;
	}
	return false;
}

/* An answer is one even if there is no such name: then it comes from whom was asked, not from a list. */
static bool result_good(const struct dns_result *r)
{
	return r->outcome == DNS_ANSWERED && (r->rcode == RCODE_NOERROR || r->rcode == RCODE_NXDOMAIN) && !result_blocked(r);
}

static void ask_all(struct lifting *l, struct progress *progress)
{
	struct name *names = base_alloc((l->check_count + 1) * sizeof(*names));
	struct dns_result *results = base_alloc((l->check_count + 1) * sizeof(*results));
	for (size_t i = 0; i < l->check_count; i++) {
		name_copy(&names[i], &l->checks[i].name);
		l->checks[i].asked = l->listener_count > 0;
		l->checks[i].passed = l->checks[i].resolves = true; /* until something says otherwise */
	}
	for (size_t k = 0; k < l->listener_count; k++) {
		progress_step(progress, k, l->listener_count + l->check_count);
		dns_client_ask(&l->listeners[k].addr, names, l->check_count, clock_mono_ms() + LIFT_CHECK_MS, results);
		for (size_t i = 0; i < l->check_count; i++) {
			l->checks[i].results[k] = results[i];
			l->checks[i].passed &= !result_blocked(&results[i]);
			l->checks[i].resolves &= result_good(&results[i]);
		}
	}
	free(names);
	free(results);
}

/* Which entry still blocks it, one of its own or of what its answer leads to. */
static void explain(struct lifting *l, struct lift_check *check)
{
	char text[NAME_TEXT_MAX];
	json_t *explained = NULL;
	struct err err = {.code = ERR_NONE};
	json_t *args = json_pack("{s:s, s:s}", "name", name_to_text(&check->name, text), "type", "A");
	must(args != NULL);
	if (!context_ask(l->ctx, "explain", args, NULL, &explained, NULL, &err)) {
		check->blocked = base_strdup(err.text);
		return;
	}
	if (strcmp(field_text(explained, "verdict"), "blocked") == 0) {
		const char *target = field_text(explained, "by_target");
		check->rule = json_incref(json_object_get(explained, "rule"));
		check->steps = json_incref(json_object_get(explained, "cname"));
		check->target = target[0] != '\0' ? base_strdup(target) : NULL;
		check->passed = false;
	}
	json_decref(explained);
}

/* ---- when it is forgotten ---- */

/* Was the entry that was hit one of those that were lifted? As explain shows it: the list, and its name or what stands for it. */
static bool was_lifted(const struct lifting *l, const json_t *hit)
{
	const char *list = field_text(hit, "list"), *match = field_text(hit, "match");
	const struct str entry = str_from(field_text(hit, "entry"));
	for (size_t i = 0; i < l->plan.lift_count; i++) {
		const struct blocker *b = &l->plan.lift[i];
		char text[NAME_TEXT_MAX];
		if (strcmp(l->blockers.settings->lists[b->list].name, list) != 0 || strcmp(match_words[b->match], match) != 0)
			continue;
		(void)name_to_text(&b->name, text);
		/* as an importer's author wrote it: ||t.me^, 0.0.0.0 t.me, *.t.me */
		if (str_eq_c(entry, text) || memmem(entry.ptr, entry.len, text, strlen(text)) != NULL)
			return true;
	}
	return false;
}

/* Does the daemon know of every answer that a client may still keep, which is one of the last block.ttl? It samples none, has lost
 * none, nor forgotten any for want of room, and what it was not sure of is that long ago. */
static bool is_whole(const struct lifting *l, const json_t *hits)
{
	const char *inexact = json_string_value(json_object_get(hits, "inexact"));
	int64_t inexact_s = 0;
	if (field_int(hits, "sampled") != 1 || field_int(hits, "lost") != 0 || field_int(hits, "evicted") != 0)
		return false;
	if (inexact == NULL)
		return true;
	return str_to_time(str_from(inexact), &inexact_s, NULL) && inexact_s + l->blockers.settings->block_ttl_s < l->effect_s;
}

/* The daemon's word counts where it has recorded each answer; an entry that it does not know of may have been hit all the same,
 * before it counted. */
static void find_forgotten(struct lifting *l)
{
	const int64_t bound_s = l->effect_s + l->blockers.settings->block_ttl_s;
	json_t *hits = NULL;
	const json_t *one;
	struct err err = {.code = ERR_NONE};
	int64_t last_s = 0;
	size_t i;
	l->forgotten_s = bound_s;
	if (!context_ask(l->ctx, "hits", NULL, NULL, &hits, NULL, &err))
		return; /* a daemon that does not count them */
	json_array_foreach(json_object_get(hits, "entries"), i, one)
	{
		int64_t until_s = 0;
		if (was_lifted(l, one) && str_to_time(str_from(field_text(one, "blocked_until")), &until_s, NULL))
			last_s = MAX(last_s, until_s);
	}
	l->forgotten_told = last_s > 0 && is_whole(l, hits);
	l->forgotten_s = l->forgotten_told ? last_s : MAX(bound_s, last_s); /* block.ttl may have been longer */
	json_decref(hits);
}

void lift_prove_finish(struct lifting *l)
{
	for (size_t i = 0; i < l->check_count; i++) {
		json_decref(l->checks[i].rule);
		json_decref(l->checks[i].steps);
		free(l->checks[i].target);
		free(l->checks[i].blocked);
	}
	free(l->checks);
	json_decref(l->status);
	l->checks = NULL;
	l->status = NULL;
	l->check_count = l->check_more = l->listener_count = 0;
}

enum exit_status lift_prove(struct lifting *l)
{
	struct err err = {.code = ERR_NONE};
	struct progress progress;
	lift_prove_finish(l);
	find_names(l);
	if (context_socket(l->ctx) == NULL)
		return STATUS_DONE;
	if (!context_ask(l->ctx, "status", NULL, NULL, &l->status, NULL, &err)) {
		output_note(&l->ctx->out, "whether the names resolve could not be asked: %s", err.text);
		return output_status(&err);
	}
	find_listeners(l);
	if (l->plan.lift_count > 0 && l->in_force)
		find_forgotten(l);
	progress_start(&progress, &l->ctx->out, "asking for the names");
	ask_all(l, &progress);
	for (size_t i = 0; i < l->check_count; i++) {
		progress_step(&progress, l->listener_count + i, l->listener_count + l->check_count);
		explain(l, &l->checks[i]);
	}
	progress_stop(&progress);
	return STATUS_DONE;
}

bool lift_proved(const struct lifting *l)
{
	bool proved = true;
	for (size_t i = 0; i < l->check_count; i++)
		proved &= l->checks[i].passed;
	return proved;
}
