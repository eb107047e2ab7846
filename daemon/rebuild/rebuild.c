/* SPDX-License-Identifier: BSD-2-Clause */
#include "rebuild/rebuild.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "hosts_files.h"
#include "rebuild/images.h"
#include "jobs.h"
#include "rebuild/kept.h"
#include "notify.h"
#include "policy/match.h"
#include "settings/load.h"
#include "signed.h"
#include "upstream/pool.h"

#include <inttypes.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct rebuild {
	struct rebuild_config config;
	struct rebuild_queue queue;
	struct buf in_force; /* the bytes of saring.yaml by which is served */
	bool published;	     /* something is */
	uint32_t generation; /* of the newest image */
	double compile_seconds;
	const char *bulk;  /* of what is served: how its bulk tier came to be; job_bulk_words */
	uint64_t runs;	   /* ended */
	int64_t wanted_ns; /* CLOCK_MONOTONIC: since when another run is wanted; 0: none is */
	int64_t asked_ns;  /* the same of the run under way; 0: it is the first */
	struct rebuild_figures figures;
	/* At the start: of an earlier run, sound but not what is wanted now; its bulk tier may be. Owned until the first is
	 * published.
	 */
	struct policy *kept;
	char failure[256]; /* why the last reload failed; "" when it did not */
	/* the run under way */
	struct buf bytes;	   /* REBUILD_ALL: read for it */
	struct settings *settings; /* REBUILD_ALL: parsed from them; owned until published */
	struct job *job;
	bool reloading;	  /* the service manager was told so */
	bool by_previous; /* the compiler was given the image before */
	char image[PATH_MAX];
	struct rebuild_report report; /* being filled */
	json_t *changes;	      /* owned; the report borrows it */
	struct name *rerouted;	      /* zones that other servers answer for now; owned until they are flushed */
	size_t rerouted_count;
};

static void rebuild_go_on(struct rebuild *r);
MUST_CHECK static bool compile(struct rebuild *r, bool with_previous, struct err *err);

/* ---- what depends on settings alone ---- */

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same_listen(const struct settings *a, const struct settings *b)
{
	if (a->listen_count != b->listen_count)
		return false;
	for (size_t i = 0; i < a->listen_count; i++)
		if (a->listen[i].scheme != b->listen[i].scheme || !addr_eq(&a->listen[i].addr, &b->listen[i].addr))
			return false;
	return true;
}

size_t rebuild_restart_needed(const struct settings *boot, const struct settings *now, const char *ret[REBUILD_RESTART_MAX])
{
	size_t count = 0;
	if (!same_listen(boot, now))
		ret[count++] = "listen";
	if (boot->workers != now->workers)
		ret[count++] = "workers";
	if (!same_text(boot->user, now->user))
		ret[count++] = "user";
	if (!same_text(boot->control_socket, now->control_socket) || !same_text(boot->control_group, now->control_group))
		ret[count++] = "control";
	if (!same_text(boot->state, now->state))
		ret[count++] = "state";
	return count;
}

struct cache_config rebuild_cache_config(const struct settings *s)
{
	return (struct cache_config){.size_bytes = s->cache_size,
				     .min_ttl_s = s->min_ttl_s,
				     .max_ttl_s = s->max_ttl_s,
				     .max_negative_ttl_s = s->max_negative_ttl_s,
				     .serve_stale_s = s->serve_stale_s,
				     .prefetch = s->prefetch};
}

struct upstreams *rebuild_upstreams(struct settings *s, const struct settings *boot, const char *resolv_conf,
				    const struct upstreams *old)
{
	const struct endpoint *servers = s->servers;
	size_t count = s->server_count;
	if (count == 0) {
		struct endpoint *found = arena_alloc(&s->arena, SETTINGS_SERVERS_MAX * sizeof(*found));
		count = settings_resolv_conf(resolv_conf, boot, found, SETTINGS_SERVERS_MAX, &s->arena);
		servers = found;
	}
	if (count == 0)
		log_warning("upstream.none text=\"no upstream server is configured and %s names none: names that are not blocked "
			    "get SERVFAIL\"",
			    resolv_conf);
	return upstreams_create(s, servers, count, old);
}

static struct upstreams *make_upstreams(const struct rebuild *r, struct settings *s)
{
	const struct generation *now = r->published ? generation_current(r->config.generations) : NULL;
	return rebuild_upstreams(s, r->config.boot, r->config.resolv_conf, now ? now->upstreams : NULL);
}

/* ---- the end of a run ---- */

static void run_reset(struct rebuild *r)
{
	settings_destroy(r->settings);
	r->settings = NULL;
	buf_finish(&r->bytes);
	r->report = (struct rebuild_report){0};
	json_decref(r->changes);
	r->changes = NULL;
}

static void run_end(struct rebuild *r)
{
	struct rebuild_report report = r->report;
	json_t *changes = r->changes;
	enum rebuild_kind kind = r->queue.kind;
	r->changes = NULL;
	r->runs++;
	if (r->reloading)
		notify_ready();
	r->reloading = false;
	run_reset(r);
	if (report.ok && r->config.run_begins)
		r->config.run_begins(r->config.arg, buf_str(&r->in_force), kind, &report);
	rebuild_queue_end(&r->queue, &report);
	if (r->queue.wanted && r->wanted_ns == 0) /* of those it was to serve, some go on to the next */
		r->wanted_ns = r->asked_ns;
	if (report.ok && r->config.run_ends)
		r->config.run_ends(r->config.arg);
	json_decref(changes);
}

#define ERROR_TEXT_MAX 1400

/* The first of many says more than how many there are. */
static const char *first_text(const struct err *err, const struct err_list *errors, char buf[ERROR_TEXT_MAX])
{
	(void)err_format(errors && errors->count > 0 ? &errors->items[0] : err, buf, ERROR_TEXT_MAX);
	return buf;
}

/* At the start the daemon shows the errors itself. */
static void run_fail(struct rebuild *r, const struct err *err, const struct err_list *errors)
{
	r->report = (struct rebuild_report){.err = err, .errors = errors};
	if (r->config.unstage && r->queue.kind == REBUILD_ALL)
		r->config.unstage(r->config.stage_arg);
	if (r->published) {
		char text[ERROR_TEXT_MAX], safe[1600];
		r->figures.failed++;
		for (size_t i = 0; errors && i < errors->count; i++) {
			(void)err_format(&errors->items[i], text, sizeof(text));
			log_error("reload.error text=\"%s\"", str_escape(str_from(text), true, safe, sizeof(safe)));
		}
		if (r->queue.kind == REBUILD_ALL)
			snprintf(r->failure, sizeof(r->failure), "%s",
				 str_escape(str_from(first_text(err, errors, text)), true, safe, sizeof(safe)));
		(void)err_format(err, text, sizeof(text));
		log_error("reload.failed what=%s generation=%u reason=\"%s\"", r->queue.kind == REBUILD_ALL ? "all" : "lists",
			  r->generation, str_escape(str_from(text), true, safe, sizeof(safe)));
	}
	run_end(r);
}

static void log_success(const struct rebuild *r)
{
	const struct rebuild_report *report = &r->report;
	log_info("policy.in-force generation=%u lists=%" PRIu64 " entries=%" PRIu64 " in_force=%" PRIu64
		 " compile_seconds=%.3f bulk=%s segments_kept=%" PRIu64 " segments_made=%" PRIu64,
		 report->generation, report->lists, report->entries, report->in_force, report->compile_seconds, report->bulk,
		 report->segments_kept, report->segments_made);
	for (size_t i = 0; i < report->restart_count; i++)
		log_warning("reload.restart-needed key=%s text=\"the new value takes effect when saringd is restarted\"",
			    report->restart_needed[i]);
}

/* ---- what routes leave behind ---- */

static void note_rerouted(struct rebuild *r, const struct upstreams *upstreams)
{
	const struct upstreams *old = generation_current(r->config.generations)->upstreams;
	r->rerouted = base_alloc((size_t)2 * SETTINGS_ZONES_MAX * sizeof(*r->rerouted));
	r->rerouted_count = 0;
	for (size_t at = 0; r->rerouted_count < (size_t)2 * SETTINGS_ZONES_MAX &&
			    upstreams_changed(upstreams, old, &at, &r->rerouted[r->rerouted_count]);)
		r->rerouted_count++;
}

/* What the servers before said of those zones is not to be believed any more. Not sooner than every worker asks by the new routes;
 * what is still under way to the old servers then is not kept (query/ask.c). */
static void flush_rerouted(struct rebuild *r)
{
	for (size_t i = 0; i < r->rerouted_count; i++)
		(void)cache_flush(r->config.cache, &r->rerouted[i], true);
	free(r->rerouted);
	r->rerouted = NULL;
	r->rerouted_count = 0;
}

static void count_effect(struct rebuild *r)
{
	if (r->asked_ns == 0)
		return;
	uint64_t us = (uint64_t)MAX(clock_mono_ns() - r->asked_ns, 0) / 1000;
	r->figures.done++;
	r->figures.effect.counts[latency_bucket(us)]++;
	r->figures.effect.sum_us += us;
}

/* Every worker serves by it. */
static void rebuild_on_settled(void *arg)
{
	struct rebuild *r = arg;
	flush_rerouted(r);
	const struct policy *policy = generation_current(r->config.generations)->policy;
	images_keep_only(r->config.boot->state, r->generation, policy_bulk_file(policy));
	struct policy_info info;
	policy_info(policy, clock_wall_s(), &info);
	if (r->queue.kind == REBUILD_ALL)
		r->failure[0] = '\0';
	count_effect(r);
	r->report.ok = true;
	r->report.generation = r->generation;
	r->report.lists = info.list_count;
	r->report.entries = info.entry_count;
	r->report.in_force = info.in_force_count;
	r->report.compile_seconds = r->compile_seconds;
	r->report.bulk = r->bulk;
	log_success(r);
	signed_log(generation_current(r->config.generations)->settings);
	run_end(r);
	rebuild_go_on(r);
}

static void publish(struct rebuild *r, struct policy *policy)
{
	struct settings *settings = r->settings;
	struct upstreams *upstreams = NULL;
	bool first = !r->published;
	if (settings) {
		r->report.restart_count = rebuild_restart_needed(r->config.boot, settings, r->report.restart_needed);
		upstreams = make_upstreams(r, settings);
		struct cache_config cache = rebuild_cache_config(settings);
		if (!first) {
			cache_configure(r->config.cache, &cache);
			note_rerouted(r, upstreams);
			if (r->config.adopt)
				r->config.adopt(r->config.stage_arg);
		}
		if (r->config.hosts != NULL)
			generation_give_locals(r->config.generations, hosts_files_read(r->config.hosts, settings));
		(void)failures_flush(r->config.failures, NULL, true); /* other servers may do better */
		if (!r->config.keep_log_level)
			log_set_level(settings->log_level);
		buf_finish(&r->in_force);
		r->in_force = r->bytes;
		r->bytes = (struct buf){0};
		r->settings = NULL;
	}
	r->published = true;
	policy_close(r->kept); /* what was of use in it, policy shares */
	r->kept = NULL;
	/* While the workers change over, the old pages and the new would both be the daemon's; the old ones live until this thread
	 * collects what the workers let go. Before: as this thread may have to wait for its turn just after. After: for what was
	 * asked of the old policy in between. */
	const struct policy *before = first ? NULL : generation_current(r->config.generations)->policy;
	if (before != NULL)
		policy_cool(before);
	generation_publish(r->config.generations, policy, settings, upstreams, rebuild_on_settled, r);
	if (before != NULL)
		policy_cool(before);
	if (first)
		r->config.first_published(r->config.arg);
}

/* What stands for "the policy before": the one in force, or at the start the one an earlier run left. */
static const struct policy *previous_policy(const struct rebuild *r)
{
	return r->published ? generation_current(r->config.generations)->policy : r->kept;
}

static bool open_image(const char *path, uint32_t generation, const struct policy *previous, struct policy **ret, struct err *err)
{
	struct policy *policy = NULL;
	struct policy_info info;
	if (!policy_open(path, previous, &policy, err))
		return false;
	policy_info(policy, clock_wall_s(), &info);
	if (info.generation == generation) {
		*ret = policy;
		return true;
	}
	policy_close(policy);
	return err_set(err, ERR_INTERNAL, "it is of generation %u, not %u", info.generation, generation);
}

static void run_fail_and_go_on(struct rebuild *r, const struct err *err, const struct err_list *errors)
{
	run_fail(r, err, errors);
	if (r->published)
		rebuild_go_on(r);
}

/* The image just compiled cannot be used. The compiler may have trusted what lies on the disk: a second time it gets nothing to go
 * by, and then it is an error. */
static void compile_anew(struct rebuild *r, struct err *err)
{
	const struct policy *in_force = r->published ? previous_policy(r) : NULL;
	char text[ERROR_TEXT_MAX], safe[1600];
	(void)unlink(r->image);
	(void)err_context(err, "the image just compiled cannot be used");
	if (!r->by_previous) {
		run_fail_and_go_on(r, err, NULL);
		return;
	}
	(void)err_format(err, text, sizeof(text));
	log_warning("policy.refused image=\"%s\" reason=\"%s\" text=\"everything is compiled anew\"", r->image,
		    str_escape(str_from(text), true, safe, sizeof(safe)));
	images_drop_bulk(r->config.boot->state, in_force ? policy_bulk_file(in_force) : "");
	policy_close(r->kept);
	r->kept = NULL;
	struct err again = {0};
	if (!compile(r, false, &again))
		run_fail_and_go_on(r, &again, NULL);
}

static void rebuild_on_compiled(void *arg, const struct job_result *result)
{
	struct rebuild *r = arg;
	struct policy *policy = NULL;
	struct err err = {0};
	r->job = NULL;
	if (!result->ok) {
		run_fail_and_go_on(r, &result->err, &result->errors);
		return;
	}
	if (!open_image(r->image, r->generation + 1, previous_policy(r), &policy, &err)) {
		compile_anew(r, &err);
		return;
	}
	r->generation++;
	r->compile_seconds = result->compile_seconds;
	r->bulk = result->bulk;
	r->report.segments_kept = result->segments_kept;
	r->report.segments_made = result->segments_made;
	json_decref(r->changes);
	r->changes = json_incref(result->changes);
	r->report.changes = r->changes;
	publish(r, policy);
}

/* ---- the beginning of a run ---- */

static bool read_configuration(struct rebuild *r, struct err *err, struct err_list *errors)
{
	if (!file_read(r->config.config_path, (size_t)SETTINGS_BYTES_MAX, &r->bytes, err))
		return false;
	r->settings = settings_parse(buf_str(&r->bytes), r->config.config_path, errors);
	if (r->settings && settings_check_here(r->settings, r->config.bound, r->config.bound_count, errors))
		return !r->config.stage || r->config.stage(r->config.stage_arg, r->settings, err);
	size_t count = errors->count + errors->swallowed;
	return err_set(err, ERR_INPUT, count == 1 ? "there is %zu error" : "there are %zu errors", count);
}

/* with_previous: what is there may be taken over as far as it fits. */
static bool compile(struct rebuild *r, bool with_previous, struct err *err)
{
	char previous[PATH_MAX];
	const char *state = r->config.boot->state;
	if (r->generation + 1 == UINT32_MAX || !images_path(state, r->generation + 1, r->image, sizeof(r->image)) ||
	    !images_path(state, r->generation, previous, sizeof(previous)))
		return err_set(err, ERR_LIMIT, "no image can be named in %s any more", state);
	r->by_previous = with_previous && previous_policy(r);
	struct job_compile what = {.program = r->config.compiler,
				   .config_path = r->config.config_path,
				   .image_path = r->image,
				   .generation = r->generation + 1,
				   .previous = r->by_previous ? previous : NULL,
				   .config = buf_str(r->settings ? &r->bytes : &r->in_force),
				   .deadline_ms = r->config.deadline_ms};
	log_debug("compile.start image=\"%s\" previous=\"%s\"", r->image, r->by_previous ? previous : "");
	r->job = job_start(r->config.base, &what, rebuild_on_compiled, r, err);
	return r->job != NULL;
}

/* The start: serve by what an earlier run compiled, when nothing has changed since. False: it is to be compiled. */
static bool publish_kept(struct rebuild *r)
{
	char path[PATH_MAX], text[ERROR_TEXT_MAX], safe[1600];
	struct policy *policy = NULL;
	struct err why = {0};
	const char *state = r->config.boot->state;
	if (r->generation == 0 || !images_path(state, r->generation, path, sizeof(path)))
		return false;
	bool sound = open_image(path, r->generation, NULL, &policy, &why);
	if (sound && kept_is_current(policy, r->settings, buf_str(&r->bytes), &why)) {
		r->bulk = policy_bulk_file(policy)[0] ? job_bulk_words[JOB_BULK_KEPT] : job_bulk_words[JOB_BULK_NONE];
		log_info("policy.kept image=\"%s\" text=\"nothing has changed since it was compiled\"", path);
		publish(r, policy);
		return true;
	}
	(void)err_format(&why, text, sizeof(text));
	(void)str_escape(str_from(text), true, safe, sizeof(safe));
	if (sound) {
		log_info("policy.outdated image=\"%s\" reason=\"%s\"", path, safe);
		r->kept = policy;
	} else {
		/* What is wrong may be its bulk image, whose header alone the compiler would look at. */
		log_warning("policy.refused image=\"%s\" reason=\"%s\" text=\"everything is compiled anew\"", path, safe);
	}
	return false;
}

/* Begin what is wanted; a run that fails before it has a process leaves room for the next at once. */
static void rebuild_go_on(struct rebuild *r)
{
	enum rebuild_kind kind;
	while (rebuild_queue_begin(&r->queue, &kind)) {
		struct err err = {0};
		struct err_list errors = {0};
		bool ok = true;
		r->asked_ns = r->wanted_ns;
		r->wanted_ns = 0;
		if (kind == REBUILD_ALL && r->published) {
			notify_reloading();
			r->reloading = true;
			ok = read_configuration(r, &err, &errors);
		} else if (!r->published) {
			if (publish_kept(r))
				continue;
			if (!r->kept)
				images_drop_bulk(r->config.boot->state, "");
		}
		ok = ok && compile(r, true, &err);
		if (!ok)
			run_fail(r, &err, &errors);
		err_list_finish(&errors);
	}
}

void rebuild_request(struct rebuild *r, enum rebuild_kind kind, rebuild_done *done, void *arg)
{
	rebuild_queue_add(&r->queue, kind, done, arg);
	if (r->wanted_ns == 0)
		r->wanted_ns = clock_mono_ns();
	/* Before the first world is served there is nothing to be replaced; what is wanted now follows it. */
	if (r->published)
		rebuild_go_on(r);
}

void rebuild_first(struct rebuild *r, struct buf *bytes, struct settings *settings, rebuild_done *done, void *arg)
{
	must(!r->published && !r->settings && !r->queue.busy);
	r->bytes = *bytes;
	*bytes = (struct buf){0};
	r->settings = settings;
	rebuild_queue_add(&r->queue, REBUILD_ALL, done, arg);
	rebuild_go_on(r);
}

/* ---- life ---- */

struct rebuild *rebuild_create(const struct rebuild_config *config, struct err *err)
{
	struct rebuild *r = base_alloc(sizeof(*r));
	r->config = *config;
	rebuild_queue_init(&r->queue);
	r->bulk = job_bulk_words[JOB_BULK_NONE];
	if (images_newest(config->boot->state, &r->generation, err))
		return r;
	free(r);
	return NULL;
}

void rebuild_destroy(struct rebuild *r)
{
	if (!r)
		return;
	job_cancel(r->job);
	r->job = NULL;
	struct err err = {0};
	(void)err_set(&err, ERR_UNREACHABLE, "saringd is stopping");
	rebuild_queue_finish(&r->queue, &(struct rebuild_report){.err = &err});
	run_reset(r);
	free(r->rerouted);
	policy_close(r->kept);
	buf_finish(&r->in_force);
	free(r);
}

void rebuild_figures(const struct rebuild *r, struct rebuild_figures *ret)
{
	*ret = r->figures;
}

double rebuild_compile_seconds(const struct rebuild *r)
{
	return r->compile_seconds;
}

const char *rebuild_bulk(const struct rebuild *r)
{
	return r->bulk;
}

bool rebuild_is_busy(const struct rebuild *r)
{
	return r->queue.busy || r->queue.wanted;
}

uint64_t rebuild_runs(const struct rebuild *r)
{
	return r->runs;
}

const char *rebuild_failure(const struct rebuild *r)
{
	return r->failure;
}
