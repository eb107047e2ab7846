/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cmd_impact.c - impact: what a file, a list or names would hit, were they enforced. What the daemon has counted is told when it
 * can be asked; what the entries alone tell is told without it, too. */
#include "saringctl/context.h"

#include "base/clock.h"
#include "base/str.h"
#include "compile/compile.h"
#include "compile/guard.h"
#include "ctl/proto.h"
#include "list/doc.h"
#include "list/lifts.h"
#include "list/list.h"
#include "saringctl/blockers.h"
#include "saringctl/impact.h"
#include "saringctl/impact_report.h"
#include "saringctl/progress.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PROGRESS_EACH 65536 /* entries */

/* One impact being found out. */
struct work {
	struct context *ctx;
	struct impact_told told;
	struct progress progress;
	struct lifts *lifts; /* beside lists that cannot be edited; NULL: unknown */
};

/* A list that is gone through. */
struct reading {
	const struct settings_list *list;
	const struct segment *segment;
	enum action action;
	int64_t now_s;
	struct lookout lifted; /* names, by a lift beside it */
	bool has_lifted;
};

/* ---- entries ---- */

static bool is_over(const struct provenance *p, int64_t now_s)
{
	return (p->lifted != NULL && p->lifted_s <= now_s) || (p->expires != NULL && p->expires_s <= now_s);
}

/* Of the state directory; one that cannot be read is as if there were none. */
static void load_lifts(struct work *w)
{
	struct buf path = {NULL, 0, 0};
	struct err_list errors = {0};

	buf_printf(&path, "%s/" LIFTS_FILE, w->ctx->settings->state);
	w->lifts = lifts_load(path.ptr, &errors);
	err_list_finish(&errors);
	buf_finish(&path);
}

static void look_out(const struct work *w, struct reading *r)
{
	struct name name;

	lookout_init(&r->lifted);
	for (size_t i = 0; w->lifts != NULL && i < w->lifts->count; i++) {
		const struct lift *l = &w->lifts->items[i];
		if (!lift_holds(l) || l->action != ACTION_BLOCK || strcmp(l->list, r->list->name) != 0 ||
		    !name_from_wire(l->name, l->name_len, &name))
			continue;
		lookout_name(&r->lifted, &name);
		r->has_lifted = true;
	}
}

static bool is_lifted_beside(const struct work *w, const struct reading *r, const struct segment_entry *e)
{
	struct name name;

	if (!r->has_lifted || e->wire == NULL || !lookout_wants(&r->lifted, e) || !name_from_wire(e->wire, e->wire_len, &name))
		return false;
	return lifts_find(w->lifts, r->list->name, &name, ACTION_BLOCK) != NULL;
}

static void take_entry(struct work *w, const struct reading *r, const struct segment_entry *e)
{
	const struct segment *segment = r->segment;
	const struct settings_list *l = r->list;
	struct impact *im = &w->told.impact;
	struct segment_class class;
	struct provenance own = {.authority = NULL};

	segment_class(segment, e->class, &class);
	const bool says = class.provenance != SEGMENT_NONE;
	if (says)
		segment_provenance(segment, class.provenance, &own);
	const struct provenance p = list_provenance(says ? &own : NULL, segment_defaults(segment), &l->provenance);
	if ((class.has_action ? class.action : r->action) != ACTION_BLOCK)
		im->left_allow++;
	else if (is_over(&p, r->now_s) || is_lifted_beside(w, r, e))
		im->left_over++;
	else if (e->wire == NULL)
		im->left_other++;
	else
		impact_entry(im, e->wire, e->wire_len, e->labels, compile_entry_match(segment, &class, l));
}

static void take_segment(struct work *w, const struct segment *segment, const struct settings_list *l)
{
	struct reading r = {.list = l, .segment = segment, .action = compile_list_action(segment, l), .now_s = clock_wall_s()};
	const size_t count = segment_entry_count(segment);
	struct segment_cursor cursor = {0};
	struct segment_entry e;

	look_out(w, &r);
	for (size_t i = 0; segment_next(segment, &cursor, &e); i++) {
		if (i % PROGRESS_EACH == 0)
			progress_step(&w->progress, i, count);
		take_entry(w, &r, &e);
	}
	lookout_finish(&r.lifted);
}

static bool take_source(struct work *w, const struct settings *settings, size_t index, enum exit_status *ret_status)
{
	struct err_list errors = {0};
	struct err err;
	struct source source;

	source_check(settings, index, &source, &errors);
	bool good = source.segment != NULL;
	if (good) {
		take_segment(w, source.segment, &settings->lists[index]);
	} else {
		progress_stop(&w->progress);
		err_set(&err, ERR_INPUT, "'%s' cannot be read as a list", settings->lists[index].file_shown);
		*ret_status = output_fail(&w->ctx->out, &err, &errors);
	}
	source_close(&source);
	err_list_finish(&errors);
	return good;
}

/* A file that no configuration names: settings that know of it alone. */
static bool take_file(struct work *w, const char *path, enum exit_status *ret_status)
{
	const struct invocation *in = w->ctx->in;
	struct err_list errors = {0};
	struct settings_list l = {.name = path,
				  .file = path,
				  .file_shown = path,
				  .format = in->has_format ? in->format : FORMAT_AUTO,
				  .has_match = in->has_match,
				  .match = in->match,
				  .mode = MODE_ENFORCE};
	struct settings *settings = settings_parse(STR_LIT(""), "saring.yaml", &errors);

	must(settings != NULL);
	settings->lists = &l;
	settings->list_count = 1;
	bool good = take_source(w, settings, 0, ret_status);
	settings_destroy(settings);
	err_list_finish(&errors);
	return good;
}

static bool take_name(struct work *w, const char *text, enum exit_status *ret_status)
{
	const struct invocation *in = w->ctx->in;
	struct err err = {.code = ERR_NONE};
	struct name name;

	if (!list_name_from_text(str_from(text), &name, &err)) {
		progress_stop(&w->progress);
		err_context(&err, "'%s' is no list, no file and no name", text);
		*ret_status = output_fail(&w->ctx->out, &err, NULL);
		return false;
	}
	impact_entry(&w->told.impact, name.wire, name.len, name.labels, in->has_match ? in->match : MATCH_SUBTREE);
	return true;
}

/* A list of the configuration, else a file that is there, else a name. */
static bool take_operand(struct work *w, const char *text, enum exit_status *ret_status)
{
	const struct settings *s = w->ctx->settings;

	for (size_t i = 0; i < s->list_count; i++)
		if (strcmp(s->lists[i].name, text) == 0)
			return take_source(w, s, i, ret_status);
	if (strchr(text, '/') != NULL || access(text, F_OK) == 0)
		return take_file(w, text, ret_status);
	return take_name(w, text, ret_status);
}

/* ---- names that somebody cares for ---- */

static void care_for_own(struct impact *im, const struct settings *s)
{
	struct name name;

	for (size_t i = 0; i < s->list_count; i++)
		if (s->lists[i].url != NULL && guard_url_host(s->lists[i].url, &name))
			impact_care(im, &name, CARE_LIST_HOST, s->lists[i].name);
	for (size_t i = 0; i < s->route_count; i++)
		impact_care(im, &s->routes[i].zone, CARE_ROUTE, NULL);
	for (size_t i = 0; i < s->protect_count; i++)
		impact_care(im, &s->protect[i], CARE_PROTECTED, NULL);
}

static bool care_for_popular(struct work *w, enum exit_status *ret_status)
{
	const char *path = w->ctx->in->popular != NULL ? w->ctx->in->popular : w->ctx->settings->popular;
	struct popular_cursor cursor = {0};
	struct err err = {.code = ERR_NONE};
	struct name name;
	uint32_t rank;

	if (path == NULL)
		return true;
	if (!popular_load(path, &w->told.popular, &err)) {
		err_context(&err, "the popularity file");
		*ret_status = output_fail(&w->ctx->out, &err, NULL);
		return false;
	}
	w->told.has_popular = true;
	while (popular_next(&w->told.popular, &cursor, &name, &rank))
		covered_want(&w->told.impact.covered, &name);
	return true;
}

/* ---- the verb ---- */

/* Without the daemon the rest is told all the same. */
static enum exit_status ask_daemon(struct work *w)
{
	struct err err = {.code = ERR_NONE};

	if (!day_load(w->ctx, true, &w->told.day, &err)) {
		output_note(&w->ctx->out, "%s; what follows is by the entries alone", err.text);
		return output_status(&err);
	}
	w->told.has_day = w->told.day.on;
	if (!w->told.day.on)
		output_note(&w->ctx->out, "the traffic is not counted (log.traffic: false); what follows is by the entries alone");
	return STATUS_DONE;
}

/* After the last entry. */
static bool sum_up(struct work *w, enum exit_status *ret_status)
{
	struct impact_told *t = &w->told;
	struct err err = {.code = ERR_NONE};

	impact_sum(&t->impact, &t->sum);
	if (t->sum.name_count == 0 || day_clients(w->ctx, &t->day, t->sum.names, t->sum.name_count, &t->clients, &err))
		return true;
	*ret_status = output_fail(&w->ctx->out, &err, NULL);
	return false;
}

enum exit_status cmd_impact(struct context *ctx)
{
	struct work w = {.ctx = ctx, .progress = {.fd = -1, .pid = -1}};
	enum exit_status status = STATUS_FAILED;
	bool good = true;

	if (context_settings(ctx) == NULL)
		return STATUS_FAILED;
	const enum exit_status asked = ask_daemon(&w);
	impact_init(&w.told.impact, w.told.has_day ? &w.told.day : NULL);
	care_for_own(&w.told.impact, ctx->settings);
	good = care_for_popular(&w, &status);
	load_lifts(&w);
	if (good)
		progress_start(&w.progress, &ctx->out, "reading the entries");
	for (size_t i = 0; i < ctx->in->operand_count && good; i++)
		good = take_operand(&w, ctx->in->operands[i], &status);
	progress_stop(&w.progress);
	good = good && (!w.told.has_day || sum_up(&w, &status));
	if (good) {
		impact_report(&ctx->out, &w.told);
		status = asked;
	}
	lifts_destroy(w.lifts);
	impact_sum_finish(&w.told.sum);
	popular_finish(&w.told.popular);
	impact_finish(&w.told.impact);
	day_finish(&w.told.day);
	return status;
}
