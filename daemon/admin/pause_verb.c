/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pause_verb.c - the verbs pause and resume: blocking off for a while, for all, a group, a list, a client, or a name. What a pause
 * is, pauses.h says. The reply comes when it is in force on every worker. */
#include "admin/call.h"

#include "base/clock.h"
#include "ctl/proto.h"
#include "pausing.h"

#include <stdlib.h>
#include <string.h>

#define SECONDS_MAX (INT64_C(100) * 366 * 86400)
#define BY_MAX 128

/* A change that waits for the workers. */
struct waiting {
	struct call *call; /* owned */
	json_t *result;	   /* owned */
	json_t *more;	   /* owned; for the record */
};

static void finish_waiting(struct waiting *w)
{
	struct audit *audit = w->call->commands->config.audit;
	if (audit != NULL) { /* before the reply: whoever has that finds the record */
		const struct audit_said said = call_said(w->call);
		audit_done(audit, &said, NULL, w->more);
	} else {
		json_decref(w->more);
	}
	call_ok(w->call, w->result);
	call_free(w->call);
	free(w);
}

static void on_in_force(void *arg)
{
	finish_waiting(arg);
}

static struct waiting *wait_begin(const struct call *call, json_t *more)
{
	struct waiting *w = base_alloc(sizeof(*w));
	*w = (struct waiting){.call = call_keep(call), .result = json_object(), .more = more};
	must(w->result != NULL && more != NULL);
	return w;
}

static void wait_cancel(struct waiting *w)
{
	json_decref(w->result);
	json_decref(w->more);
	call_free(w->call);
	free(w);
}

static void put_kept(struct waiting *w, const struct pausing *pausing)
{
	const char *why = pausing_unkept(pausing);
	must(json_object_set_new(w->result, "kept", json_boolean(why[0] == '\0')) == 0);
	must(json_object_set_new(w->result, "error", why[0] == '\0' ? json_null() : json_string(why)) == 0);
}

/* The lists that block on. */
static json_t *mandatory_json(const struct commands *c)
{
	const struct settings *s = generation_current(c->config.generations)->settings;
	json_t *array = json_array();
	for (size_t i = 0; i < s->list_count; i++)
		if (s->lists[i].mandatory && s->lists[i].mode == MODE_ENFORCE)
			must(json_array_append_new(array, ctl_text(str_from(s->lists[i].name))) == 0);
	return array;
}

/* ---- arguments ---- */

static bool arg_scope(json_t *args, enum pause_scope *ret, struct err *err)
{
	struct str word;
	char safe[64];
	if (!arg_text(args, "scope", &word, err))
		return false;
	for (int i = 0; i < PAUSE_SCOPE_COUNT; i++) {
		*ret = (enum pause_scope)i;
		if (word.ptr != NULL && str_eq_c(word, pause_scope_words[i]))
			return true;
	}
	return err_set(err, ERR_USAGE, "the argument 'scope' is one of all, group, list, client and name, and not '%s'",
		       str_escape(word, true, safe, sizeof(safe)));
}

/* What it is of; pause_finish it in any case. */
static bool arg_pause(json_t *args, struct pause *ret, struct err *err)
{
	struct str target, client;
	*ret = (struct pause){.scope = PAUSE_ALL};
	return arg_scope(args, &ret->scope, err) && arg_text(args, "target", &target, err) &&
	       arg_text(args, "client", &client, err) && pause_fill(ret, target, client, err);
}

static bool arg_seconds(json_t *args, int64_t now_s, int64_t *ret_until_s, struct err *err)
{
	const json_t *value = json_object_get(args, "seconds");
	*ret_until_s = PAUSES_FOREVER;
	if (value == NULL || json_is_null(value))
		return true;
	if (!json_is_integer(value) || json_integer_value(value) < 1 || json_integer_value(value) > SECONDS_MAX)
		return err_set(err, ERR_USAGE, "the argument 'seconds' is how long: 1 and more");
	*ret_until_s = now_s + json_integer_value(value);
	return true;
}

static char *said_text(const struct call *call, const char *key)
{
	const char *text = json_string_value(json_object_get(call->change, key));
	return text == NULL ? NULL : base_strdup(text);
}

/* The login, as the audit log has it. */
static char *by_of(const struct call *call)
{
	json_t *record = json_object();
	must(record != NULL);
	audit_who_put(&call->who, record);
	const char *login = json_string_value(json_object_get(record, "login"));
	char *by = base_strdup(login != NULL ? login : call->who.by);
	json_decref(record);
	return by;
}

/* ---- the verbs ---- */

static bool has_pausing(const struct commands *c, struct err *err)
{
	return c->config.pausing != NULL || err_set(err, ERR_INTERNAL, "nothing can be paused here");
}

void call_pause(struct commands *c, json_t *args, struct call *call)
{
	const int64_t now_s = clock_wall_s();
	struct err err = {.code = ERR_NONE};
	struct pause pause = {.scope = PAUSE_ALL};
	if (!has_pausing(c, &err) || !arg_pause(args, &pause, &err) || !arg_seconds(args, now_s, &pause.until_s, &err)) {
		pause_finish(&pause);
		call_fail(call, &err, NULL);
		return;
	}
	pause.since_s = now_s;
	pause.by = by_of(call);
	pause.reason = said_text(call, "reason");
	pause.reference = said_text(call, "reference");
	struct waiting *w = wait_begin(call, json_pack("{s:o}", "pause", pausing_one_json(&pause)));
	must(json_object_set_new(w->result, "pause", pausing_one_json(&pause)) == 0);
	if (!pausing_begin(c->config.pausing, &pause, on_in_force, w, &err)) {
		pause_finish(&pause);
		wait_cancel(w);
		call_fail(call, &err, NULL);
		return;
	}
	must(json_object_set_new(w->result, "mandatory", mandatory_json(c)) == 0);
	put_kept(w, c->config.pausing);
}

void call_resume(struct commands *c, json_t *args, struct call *call)
{
	struct err err = {.code = ERR_NONE};
	struct pause what = {.scope = PAUSE_ALL};
	const bool all = json_object_get(args, "scope") == NULL;
	json_t *ended = NULL;
	if (!has_pausing(c, &err) || (!all && !arg_pause(args, &what, &err))) {
		pause_finish(&what);
		call_fail(call, &err, NULL);
		return;
	}
	struct waiting *w = wait_begin(call, json_object());
	if (!pausing_end(c->config.pausing, all ? NULL : &what, on_in_force, w, &ended, &err)) {
		wait_cancel(w);
		call_fail(call, &err, NULL);
	} else {
		must(json_object_set(w->result, "ended", ended) == 0);
		must(json_object_set_new(w->more, "ended", ended) == 0);
		put_kept(w, c->config.pausing);
		if (json_array_size(ended) == 0) { /* no world is made for it */
			call_ok(call, json_incref(w->result));
			wait_cancel(w);
		}
	}
	pause_finish(&what);
}
