/* SPDX-License-Identifier: BSD-2-Clause */
#include "fetch/item.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/rand.h"
#include "fetch/guard.h"
#include "version.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COPY_DIR_MODE 0750
#define SIGNATURE_BYTES_MAX 16384u /* as import/signature.h has it, which is not for this process */
#define HTTP_NOT_FOUND 404
#define HTTP_GONE 410

static const char *safe(const char *text, char buf[1024])
{
	return str_escape(str_from(text), true, buf, 1024);
}

/* ---- how a fetch ends ---- */

static void item_save(struct fetch_item *i)
{
	struct err err = {0};
	char text[1024];
	if (!fetch_record_save(i->file, &i->record, &err))
		log_warning("fetch.record-failed list=%s error=\"%s\"", i->name, safe(err.text, text));
}

/* For the audit log. Of what was due by itself, that nothing changed is not worth a record, and a server that is down is worth one.
 */
static void item_record(const struct fetch_item *i, enum fetch_state state, const struct rebuild_report *report)
{
	const struct fetch_config *c = &i->fetch->config;
	bool failed = state == FETCH_FAILED || state == FETCH_REFUSED;
	if (!c->record || (!i->asked && (state == FETCH_UNCHANGED || (failed && !report && i->record.failures > 1))))
		return;
	struct fetch_event event = {.list = i->name,
				    .state = fetch_state_words[state],
				    .error = failed ? i->record.error : NULL,
				    .asked = i->asked,
				    .who = i->who,
				    .change = i->change,
				    .begun_ns = i->begun_ns,
				    .entries_before = i->before.entries,
				    .entries = i->record.entries,
				    .bytes = i->record.bytes,
				    .report = report};
	if (state != FETCH_DONE)
		event.entries_before = event.entries;
	c->record(c->record_arg, &event);
}

static void item_end(struct fetch_item *i, enum fetch_state state, const struct rebuild_report *report)
{
	item_record(i, state, report);
	fetch_item_end(i, state);
}

void fetch_item_end(struct fetch_item *i, enum fetch_state state)
{
	json_decref(i->change);
	i->change = NULL;
	i->asked = false;
	i->state = state;
	i->force = i->rebuilding = false;
	fetch_record_clean(i->file, i->signature);
}

/* The server answered and all is well: the next time is as far away as it should be. */
static void item_checked(struct fetch_item *i)
{
	int64_t now_s = clock_wall_s();
	i->record.checked_at_s = now_s;
	i->record.failures = 0;
	i->record.error[0] = '\0';
	i->record.refused_since_s = 0;
	i->next_s = now_s + fetch_refresh_s(i->refresh_s, rand_u32());
}

static void item_fail(struct fetch_item *i, enum fetch_state state, const char *why)
{
	char text[1024], copy[sizeof(i->record.error)];
	(void)snprintf(copy, sizeof(copy), "%s", why); /* it may be our own */
	i->record.checked_at_s = clock_wall_s();
	i->record.failures += i->record.failures < INT_MAX;
	memcpy(i->record.error, copy, sizeof(copy));
	if (state == FETCH_REFUSED && i->record.refused_since_s == 0)
		i->record.refused_since_s = i->record.checked_at_s;
	i->next_s = i->record.checked_at_s + fetch_retry_s(i->record.failures, i->refresh_s, rand_u32());
	log_warning("fetch.%s list=%s failures=%u error=\"%s\"", fetch_state_words[state], i->name, i->record.failures,
		    safe(copy, text));
	item_save(i);
	item_end(i, state, NULL);
}

static void item_unchanged(struct fetch_item *i)
{
	item_checked(i);
	item_save(i);
	log_info("fetch.unchanged list=%s entries=%" PRIu64, i->name, i->record.entries);
	item_end(i, FETCH_UNCHANGED, NULL);
}

/* ---- its third part: in force ---- */

struct ticket {
	struct fetch *fetch;
	uint64_t serial;
};

/* Is it this url? A message may have the configuration's directory before it, as it has before files; and a long name is cut. */
static bool names_url(const struct err *e, const char *url)
{
	size_t len = strlen(e->file), all = strlen(url);
	if (len == sizeof(e->file) - 1 && strncmp(e->file, url, len) == 0)
		return true;
	return len >= all && strcmp(e->file + len - all, url) == 0 && (len == all || e->file[len - all - 1] == '/');
}

/* Was it this list that the compiler complained of? */
static const struct err *error_of(const struct fetch_item *i, const struct err_list *errors)
{
	for (size_t n = 0; errors && n < errors->count; n++)
		if (names_url(&errors->items[n], i->url))
			return &errors->items[n];
	return NULL;
}

/* A copy that keeps everybody from reloading can't stay. */
static void item_take_back(struct fetch_item *i, const struct err *fault)
{
	struct err err = {0};
	char why[sizeof(i->record.error)], text[1024];
	(void)snprintf(why, sizeof(why), "line %u: %.400s", fault->line, fault->text);
	if (!fetch_record_take_back(i->file, i->signature, &err))
		log_error("fetch.take-back-failed list=%s error=\"%s\"", i->name, safe(err.text, text));
	i->record = i->before;
	item_fail(i, FETCH_REFUSED, why);
	i->fetch->config.rebuild(i->fetch->config.rebuild_arg, REBUILD_LISTS, NULL, NULL);
}

static void fetch_on_rebuilt(void *arg, const struct rebuild_report *report)
{
	struct ticket *ticket = arg;
	struct fetch_item *i = NULL;
	for (size_t n = 0; n < ticket->fetch->count; n++)
		if (ticket->fetch->items[n]->serial == ticket->serial)
			i = ticket->fetch->items[n];
	free(ticket);
	if (!i || !i->rebuilding)
		return;
	const struct err *fault = report->ok ? NULL : error_of(i, report->errors);
	if (fault) {
		item_take_back(i, fault);
		return;
	}
	if (!report->ok) /* something else is wrong; what was fetched waits for that to be mended */
		(void)snprintf(i->record.error, sizeof(i->record.error), "fetched, and not in force yet: %.400s",
			       report->err ? report->err->text : "");
	item_end(i, report->ok ? FETCH_DONE : FETCH_FAILED, report);
}

static void item_take(struct fetch_item *i, const struct fetch_counts *counts)
{
	struct err err = {0};
	if (!fetch_record_take(i->file, i->signature, &err)) {
		item_fail(i, FETCH_FAILED, err.text);
		return;
	}
	i->before = i->record;
	struct fetch_record *r = &i->record;
	(void)snprintf(r->url, sizeof(r->url), "%s", i->url);
	(void)snprintf(r->format, sizeof(r->format), "%s", format_words[i->format]);
	memcpy(r->etag, i->result.end.etag, sizeof(r->etag));
	memcpy(r->last_modified, i->result.end.last_modified, sizeof(r->last_modified));
	memcpy(r->hash, i->result.hash, sizeof(r->hash));
	memcpy(r->signature, i->new_signature, sizeof(r->signature));
	r->entries = counts->taken;
	r->bytes = i->result.bytes;
	r->fetched_at_s = clock_wall_s();
	item_checked(i);
	item_save(i);
	log_info("fetch.done list=%s format=%s entries=%" PRIu64 " left_out=%" PRIu64 " bytes=%" PRIu64, i->name, counts->format,
		 counts->taken, counts->left, r->bytes);
	if (i->off) {
		item_end(i, FETCH_DONE, NULL);
		return;
	}
	struct ticket *ticket = base_alloc(sizeof(*ticket));
	*ticket = (struct ticket){i->fetch, i->serial};
	i->rebuilding = true;
	i->fetch->config.rebuild(i->fetch->config.rebuild_arg, REBUILD_LISTS, fetch_on_rebuilt, ticket);
}

/* ---- its second part: what came ---- */

static void fetch_on_probed(void *arg, const struct fetch_counts *counts, const struct err *err)
{
	struct fetch_item *i = arg;
	struct fetch *f = i->fetch;
	char why[FETCH_WHY_MAX];
	i->probe = NULL;
	bool same_kind = strcmp(i->record.url, i->url) == 0 && strcmp(i->record.format, format_words[i->format]) == 0;
	struct fetch_rules rules = {
	    .max_change_percent = i->max_change_percent, .compare = same_kind, .old_taken = i->record.entries, .force = i->force};
	if (!counts)
		item_fail(i, FETCH_FAILED, err->text);
	else if (!fetch_judge(counts, &rules, why))
		item_fail(i, FETCH_REFUSED, why);
	else
		item_take(i, counts);
	fetch_pump(f);
}

static void probe(struct fetch_item *i)
{
	char new[PATH_MAX], signature[PATH_MAX] = "";
	struct err err = {0};
	fetch_record_new(i->file, new, sizeof(new));
	if (i->key)
		fetch_record_new(i->signature, signature, sizeof(signature));
	const struct fetch_probe_what what = {.compiler = i->fetch->config.compiler,
					      .file = new,
					      .format = format_words[i->format],
					      .may_allow = i->may_allow,
					      .key = i->key,
					      .signature = signature,
					      .state = i->fetch->config.state,
					      .list = i->name};
	i->probe = fetch_probe_start(i->fetch->config.base, &what, fetch_on_probed, i, &err);
	if (!i->probe)
		item_fail(i, FETCH_FAILED, err.text);
}

/* ---- its first part: over the network ---- */

static void fetch_on_run(void *arg, const struct fetch_run_result *result)
{
	struct fetch_item *i = arg;
	struct fetch *f = i->fetch;
	bool known = strcmp(i->record.url, i->url) == 0;
	i->run = NULL;
	i->result = *result;
	i->progress.bytes = MAX(i->progress.bytes, result->bytes);
	if (result->end.error[0]) {
		item_fail(i, FETCH_FAILED, result->end.error);
	} else if (result->end.status == 304 && known) {
		item_unchanged(i);
	} else if (result->end.status != 200) {
		item_fail(i, FETCH_FAILED, "the server says that a copy is good which there is not");
	} else if (known && i->same_signature && result->bytes == i->record.bytes &&
		   memcmp(result->hash, i->record.hash, FETCH_HASH_SIZE) == 0) {
		memcpy(i->record.etag, result->end.etag, sizeof(i->record.etag));
		memcpy(i->record.last_modified, result->end.last_modified, sizeof(i->record.last_modified));
		item_unchanged(i);
	} else {
		probe(i);
	}
	fetch_pump(f);
}

static bool make_directory(const char *file, struct err *err)
{
	char dir[PATH_MAX];
	(void)snprintf(dir, sizeof(dir), "%s", file);
	*strrchr(dir, '/') = '\0';
	return file_mkdirs(dir, COPY_DIR_MODE, err);
}

/* What is the same of both runs. place: where it is to lie once it is taken; new gets what it is called until then. */
static struct fetch_run_config run_config(struct fetch_item *i, const char *url, const char *place, char new[PATH_MAX],
					  fetch_run_done *done)
{
	fetch_record_new(place, new, PATH_MAX);
	struct fetch_run_config what = {.base = i->fetch->config.base,
					.program = i->fetch->config.program,
					.socket_path = i->fetch->socket_path,
					.file = new,
					.done = done,
					.arg = i};
	download_request_init(&what.request);
	(void)snprintf(what.request.url, sizeof(what.request.url), "%s", url);
	(void)snprintf(what.request.user_agent, sizeof(what.request.user_agent), "saring/%s", SARING_VERSION);
	return what;
}

static void run_list(struct fetch_item *i)
{
	char new[PATH_MAX];
	struct err err = {0};
	struct fetch_record now;
	struct fetch_run_config what = run_config(i, i->url, i->file, new, fetch_on_run);
	/* Somebody may have removed the copy since. */
	fetch_record_load(i->file, &now);
	if (!now.url[0])
		i->record.url[0] = '\0';
	if (strcmp(i->record.url, i->url) == 0 && !i->force && i->same_signature) {
		memcpy(what.request.etag, i->record.etag, sizeof(what.request.etag));
		memcpy(what.request.last_modified, i->record.last_modified, sizeof(what.request.last_modified));
	}
	i->run = fetch_run_start(&what, &err);
	if (!i->run)
		item_fail(i, FETCH_FAILED, err.text);
}

/* The signature comes first: one that is not the copy's says that the list is not, either, and that it is to be sent whole. A
 * server where they are just being replaced gives a pair that does not fit; that is refused, and asked for again in a minute. */
static void fetch_on_signature(void *arg, const struct fetch_run_result *result)
{
	struct fetch_item *i = arg;
	struct fetch *f = i->fetch;
	char why[FETCH_WHY_MAX];
	i->run = NULL;
	if (!result->end.error[0] && result->end.status == 200) {
		memcpy(i->new_signature, result->hash, sizeof(i->new_signature));
		i->same_signature = memcmp(i->record.signature, result->hash, sizeof(i->new_signature)) == 0;
		run_list(i);
	} else {
		bool none = result->end.status == HTTP_NOT_FOUND || result->end.status == HTTP_GONE;
		(void)snprintf(why, sizeof(why), "%s: %.300s", none ? "it is not signed" : "its signature", result->end.error);
		item_fail(i, none ? FETCH_REFUSED : FETCH_FAILED, why);
	}
	fetch_pump(f);
}

static void run_signature(struct fetch_item *i)
{
	char new[PATH_MAX];
	struct err err = {0};
	struct fetch_run_config what = run_config(i, i->signature_url, i->signature, new, fetch_on_signature);
	what.request.max_bytes = SIGNATURE_BYTES_MAX;
	i->run = fetch_run_start(&what, &err);
	if (!i->run)
		item_fail(i, FETCH_FAILED, err.text);
}

void fetch_item_run(struct fetch_item *i)
{
	struct err err = {0};
	i->state = FETCH_RUNNING;
	if (!i->asked)
		i->begun_ns = clock_mono_ns();
	i->progress = (struct download_progress){0};
	log_debug("fetch.start list=%s", i->name);
	memset(i->new_signature, 0, sizeof(i->new_signature));
	i->same_signature = !i->key;
	if (!make_directory(i->file, &err))
		item_fail(i, FETCH_FAILED, err.text);
	else if (i->key)
		run_signature(i);
	else
		run_list(i);
}
