/* SPDX-License-Identifier: BSD-2-Clause */
#include "audit/audit.h"

#include "audit/lists.h"
#include "audit/record.h"
#include "base/clock.h"
#include "ctl/proto.h"
#include "fetch/fetch.h"
#include "generation.h"
#include "settings/identity.h"
#include "version.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct audit {
	struct audit_config config;
	char *folder;	  /* owned */
	char *lifts_path; /* owned; of the file of lifts */
	struct audit_log *log;
	bool started; /* the start is recorded */
	json_t *now;  /* owned: the snapshot of what is in force; NULL: none yet */
	json_t *head; /* owned: what of it the head knows: without what is not recorded yet */
	/* of the run that just ended */
	json_t *before, *changed; /* owned; changed NULL: none */
	enum rebuild_kind kind;
	json_t *claimed;	      /* owned: an object with the names of lists that somebody said he changed */
	bool config_open, lifts_open; /* saring.yaml, or the file of lifts by itself, is another, and nobody said so */
	json_t *held;		      /* owned: changes by list that may yet be claimed */
	struct event *on_hold, *on_mend;
	struct audit_waiters waiters;
};

/* ---- writing ---- */

static void start_mending(struct audit *a)
{
	static const struct timeval mend = {.tv_sec = AUDIT_MEND_MS / 1000};
	struct audit_log_state state;
	audit_log_state(a->log, &state);
	if ((state.lost > 0 || state.error[0]) && !evtimer_pending(a->on_mend, NULL))
		(void)event_add(a->on_mend, &mend);
}

static void write_findings(struct audit *a)
{
	json_t *findings, *finding;
	size_t i;
	while ((findings = audit_log_findings(a->log)) != NULL) {
		json_array_foreach(findings, i, finding)(void) audit_log_append(a->log, json_incref(finding), NULL);
		json_decref(findings);
	}
}

/* As far as the head knew it before. */
static void keep_member(json_t *object, const json_t *before, const char *key)
{
	json_t *old = json_object_get(before, key);
	if (old)
		must(json_object_set(object, key, old) == 0);
	else
		(void)json_object_del(object, key);
}

/* What is in force, but for the changes that no record has yet: killed now, the next start must find them to be changes. */
static void update_head(struct audit *a)
{
	json_t *head = json_copy(a->now), *lists = json_copy(json_object_get(a->now, "lists")), *change;
	const json_t *before = json_object_get(a->head, "lists");
	const char *list;
	size_t i;
	json_object_foreach(a->held, list, change) keep_member(lists, before, list);
	json_array_foreach(a->changed, i, change)
	{
		list = json_string_value(json_object_get(change, "list"));
		if (!json_object_get(a->claimed, list))
			keep_member(lists, before, list);
	}
	must(head && lists && json_object_set_new(head, "lists", lists) == 0);
	if (a->config_open)
		keep_member(head, a->head, "config");
	if (a->lifts_open)
		keep_member(head, a->head, "lifts");
	json_decref(a->head);
	a->head = head;
}

/* What the record tells of is claimed, and held no more. */
static void write_record(struct audit *a, json_t *record)
{
	if (a->now)
		update_head(a);
	(void)audit_log_append(a->log, record, a->head);
	write_findings(a); /* what the writer met on the way */
	start_mending(a);
	audit_waiters_wake(&a->waiters, audit_seq(a));
}

static void audit_on_mend(evutil_socket_t fd, short what, void *arg)
{
	struct audit *a = arg;
	(void)fd, (void)what;
	audit_log_mend(a->log);
	write_findings(a);
	start_mending(a);
	audit_waiters_wake(&a->waiters, audit_seq(a));
}

/* ---- what nobody announced ---- */

/* NULL: saring.yaml does not name it any more. */
static const struct settings_list *find_list(const struct audit *a, const char *name)
{
	const struct settings *s = generation_current(a->config.generations)->settings;
	for (size_t i = 0; i < s->list_count; i++)
		if (strcmp(s->lists[i].name, name) == 0)
			return &s->lists[i];
	return NULL;
}

/* list and change NULL: of no list by itself. */
static void write_unannounced(struct audit *a, const char *file, const char *list, json_t *change)
{
	static const struct audit_who who = {.by = "file"};
	json_t *record = audit_record_begin("unannounced", &who, NULL);
	audit_record_file(record, file);
	must(json_object_set_new(record, "list", list ? json_string(list) : json_null()) == 0);
	if (change)
		must(json_object_set_new(record, "lists", json_pack("[O]", change)) == 0);
	audit_record_policy(record, a->before, a->now);
	must(json_object_set_new(record, "outcome", json_string("ok")) == 0);
	write_record(a, record);
}

static void write_list(struct audit *a, const char *list, json_t *change)
{
	const struct settings_list *l = find_list(a, list);
	const char *file = l ? l->file : a->config.config_path;
	write_unannounced(a, audit_lists_only_lifts(change) ? a->lifts_path : file, list, change);
}

/* One after the other: the head must not know of one whose record is still to come. */
static void write_held(struct audit *a)
{
	json_t *change;
	const char *key;
	void *next;
	json_object_foreach_safe(a->held, next, key, change)
	{
		char *list = base_strdup(key);
		json_incref(change);
		must(json_object_del(a->held, list) == 0);
		write_list(a, list, change);
		json_decref(change);
		free(list);
	}
}

static void hold(struct audit *a)
{
	static const struct timeval later = {.tv_sec = AUDIT_HOLD_MS / 1000};
	if (json_object_size(a->held) > 0)
		(void)event_add(a->on_hold, &later);
}

static void audit_on_hold(evutil_socket_t fd, short what, void *arg)
{
	struct audit *a = arg;
	(void)fd, (void)what;
	if (a->config.is_busy(a->config.arg))
		hold(a);
	else
		write_held(a);
}

/* ---- a run ---- */

static void run_finish(struct audit *a)
{
	json_decref(a->changed);
	json_decref(a->claimed);
	a->changed = a->claimed = NULL;
	a->config_open = a->lifts_open = false;
}

static bool is_another(const struct audit *a, const char *key)
{
	return !json_equal(json_object_get(a->before, key), json_object_get(a->now, key));
}

static void run_begin(struct audit *a, struct str config, enum rebuild_kind kind, const json_t *changes)
{
	json_t *now = audit_lists_snapshot(generation_current(a->config.generations), config);
	json_decref(a->before);
	a->before = a->now;
	a->now = now;
	a->kind = kind;
	a->changed = audit_lists_changed(a->before, now, changes, generation_current(a->config.generations)->policy);
	a->config_open = is_another(a, "config");
	a->lifts_open = is_another(a, "lifts") && !audit_lists_have_lifts(a->changed);
	a->claimed = json_object();
	must(a->claimed);
}

/* What is of no list by itself. */
static void end_files(struct audit *a)
{
	if (a->config_open) {
		a->config_open = false;
		write_unannounced(a, a->config.config_path, NULL, NULL);
	}
	if (a->lifts_open) {
		a->lifts_open = false;
		write_unannounced(a, a->lifts_path, NULL, NULL);
	}
}

static void run_end(struct audit *a)
{
	size_t i;
	json_t *change;
	json_array_foreach(a->changed, i, change)
	{
		const char *list = json_string_value(json_object_get(change, "list"));
		if (json_object_get(a->claimed, list))
			continue;
		const struct settings_list *l = find_list(a, list);
		json_t *held = json_object_get(a->held, list), *one = held ? audit_lists_join(held, change) : json_incref(change);
		must(json_object_set_new(a->claimed, list, json_true()) == 0);
		if (a->kind == REBUILD_ALL && !(l && l->url)) {
			(void)json_object_del(a->held, list);
			write_list(a, list, one);
		} else {
			must(json_object_set(a->held, list, one) == 0);
		}
		json_decref(one);
	}
	end_files(a);
	hold(a);
	run_finish(a);
}

/* The lists that a change is about: that which it names, and those in which one of its names changed. */
static json_t *claim(struct audit *a, const json_t *change)
{
	const char *name;
	json_t *mine = json_array(), *one;
	size_t i;
	must(mine);
	json_array_foreach(a->changed, i, one)
	{
		if (!audit_record_is_about(change, one))
			continue;
		must(json_array_append(mine, one) == 0);
		must(json_object_set_new(a->claimed, json_string_value(json_object_get(one, "list")), json_true()) == 0);
	}
	void *next;
	json_object_foreach_safe(a->held, next, name, one)
	{
		if (!audit_record_is_about(change, one))
			continue;
		must(json_array_append(mine, one) == 0);
		must(json_object_del(a->held, name) == 0);
	}
	/* list mode, and whatever else says that it wrote saring.yaml */
	a->config_open = a->config_open && !audit_record_wrote_config(change);
	a->lifts_open = a->lifts_open && !audit_record_wrote_lifts(change);
	return mine;
}

void audit_ran(struct audit *a, const struct audit_said *said, const struct rebuild_report *report, json_t *more)
{
	json_t *record = audit_record_begin(said->verb, said->who, said->change);
	if (report->ok) {
		json_t *mine = claim(a, said->change);
		audit_record_beyond(record, said->change, mine);
		must(json_object_set_new(record, "lists", mine) == 0);
		audit_record_policy(record, a->before, a->now);
	}
	audit_record_more(record, more);
	audit_record_outcome(record, report->ok ? NULL : report->err->text);
	if (report->ok)
		audit_record_effect(record, said->change, said->arrived_ns);
	write_record(a, record);
}

void audit_done(struct audit *a, const struct audit_said *said, const char *error, json_t *more)
{
	json_t *record = audit_record_begin(said->verb, said->who, said->change);
	audit_record_more(record, more);
	audit_record_outcome(record, error);
	if (!error)
		audit_record_effect(record, said->change, said->arrived_ns);
	write_record(a, record);
}

/* Its change may name more lists than this one, or none. */
void audit_fetched(struct audit *a, const struct fetch_event *event)
{
	static const struct audit_who refresh = {.by = "refresh"};
	json_t *change = event->change ? json_copy((json_t *)(uintptr_t)event->change) : json_object();
	must(change && json_object_set_new(change, "list", json_string(event->list)) == 0);
	const struct audit_said said = {
	    .who = event->asked ? &event->who : &refresh, .verb = "list fetch", .change = change, .arrived_ns = event->begun_ns};
	json_t *more =
	    json_pack("{s:s, s:{s:I, s:I}, s:I}", "fetch", event->state, "entries", "before", (json_int_t)event->entries_before,
		      "after", (json_int_t)event->entries, "bytes", (json_int_t)event->bytes);
	must(more);
	if (event->report)
		audit_ran(a, &said, event->report, more);
	else
		audit_done(a, &said, event->error, more);
	json_decref(change);
}

/* ---- the first run, and the end ---- */

/* The first world is in force when the daemon has started; what is another than it was when it stopped is part of that. */
static void write_start(struct audit *a, struct str config, const json_t *changes)
{
	struct audit_who who = {.by = "daemon", .is_person = true, .uid = geteuid(), .pid = getpid()};
	const json_t *kept = audit_log_kept(a->log);
	bool first = !json_is_object(json_object_get(kept, "lists"));
	bool clean = first || json_is_true(json_object_get(kept, "stopped"));
	write_findings(a);
	a->now = first ? NULL : json_deep_copy(kept);
	a->head = json_incref(a->now);
	run_begin(a, config, REBUILD_ALL, changes);
	if (first)
		run_finish(a);
	json_t *record = audit_record_begin("start", &who, NULL);
	must(json_object_set_new(record, "version", json_string(SARING_VERSION)) == 0);
	must(json_object_set_new(record, "stopped_cleanly", json_boolean(clean)) == 0);
	if (first) /* from here on what is another is known to be */
		must(json_object_set(record, "baseline", json_object_get(a->now, "lists")) == 0);
	audit_record_policy(record, a->before, a->now);
	audit_record_outcome(record, NULL);
	write_record(a, record);
	if (!first)
		run_end(a);
}

void audit_run_begin(struct audit *a, struct str config, enum rebuild_kind kind, const json_t *changes)
{
	if (a->started)
		run_begin(a, config, kind, changes);
	else
		write_start(a, config, changes);
}

void audit_run_end(struct audit *a)
{
	if (a->started)
		run_end(a);
	a->started = true;
}

void audit_stopped(struct audit *a, const char *why)
{
	struct audit_who who = {.by = "signal", .pid = 0};
	if (!a || !a->started)
		return;
	write_held(a);
	if (a->now)
		must(json_object_set_new(a->now, "stopped", json_true()) == 0);
	json_t *record = audit_record_begin("stop", &who, NULL);
	must(json_object_set_new(record, "detail", json_string(why)) == 0);
	audit_record_outcome(record, NULL);
	write_record(a, record);
}

/* ---- reading ---- */

json_t *audit_status(const struct audit *a)
{
	struct audit_log_state state;
	audit_log_state(a->log, &state);
	json_t *status = json_pack("{s:I, s:o, s:I, s:o}", "seq", (json_int_t)state.seq, "hash",
				   state.seq > 0 ? json_string(state.hash.hex) : json_null(), "lost", (json_int_t)state.lost,
				   "error", state.error[0] ? ctl_text(str_from(state.error)) : json_null());
	must(status);
	return status;
}

bool audit_records(const struct audit *a, const struct audit_query *query, json_t **ret, struct audit_place *ret_next,
		   struct err *err)
{
	return audit_read_page(a->folder, query, ret, ret_next, err);
}

uint64_t audit_seq(const struct audit *a)
{
	struct audit_log_state state;
	audit_log_state(a->log, &state);
	return state.seq;
}

bool audit_wait(struct audit *a, uint64_t after_seq, int64_t wait_s, audit_woken *done, void *arg)
{
	return audit_waiters_add(&a->waiters, after_seq, audit_seq(a), wait_s, done, arg);
}

void audit_end_waits(struct audit *a)
{
	if (a)
		audit_waiters_end(&a->waiters);
}

/* ---- life ---- */

void audit_configure(struct audit *a, const struct settings *settings)
{
	audit_log_configure(a->log, settings->audit_size, settings->audit_keep);
}

struct audit *audit_create(const struct audit_config *config)
{
	struct audit *a = base_alloc(sizeof(*a));
	struct buf folder = {0}, lifts = {0};
	a->config = *config;
	buf_printf(&folder, "%s/audit", config->state);
	buf_printf(&lifts, "%s/" LIFTS_FILE, config->state);
	a->folder = folder.ptr;
	a->lifts_path = lifts.ptr;
	a->log = audit_log_open(a->folder);
	audit_waiters_init(&a->waiters, config->base);
	a->held = json_object();
	a->on_hold = evtimer_new(config->base, audit_on_hold, a);
	a->on_mend = evtimer_new(config->base, audit_on_mend, a);
	must(a->held && a->on_hold && a->on_mend);
	return a;
}

void audit_destroy(struct audit *a)
{
	if (!a)
		return;
	must(!a->waiters.first);
	event_free(a->on_hold);
	event_free(a->on_mend);
	run_finish(a);
	json_decref(a->before);
	json_decref(a->now);
	json_decref(a->head);
	json_decref(a->held);
	audit_log_close(a->log);
	free(a->folder);
	free(a->lifts_path);
	free(a);
}
