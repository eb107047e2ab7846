/* SPDX-License-Identifier: BSD-2-Clause */
#include "rebuild.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "jobs.h"
#include "notify.h"
#include "policy/match.h"
#include "settings/load.h"
#include "upstream/pool.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define IMAGE_PREFIX "policy-"
#define IMAGE_SUFFIX ".img"
#define TEMPORARY_TAIL 7 /* ".XXXXXX", which file_replace puts behind "." and the name */

struct rebuild {
	struct rebuild_config config;
	struct rebuild_queue queue;
	struct buf in_force; /* the bytes of saring.yaml by which is served */
	bool published;	     /* something is */
	uint32_t generation; /* of the newest image */
	double compile_seconds;
	uint64_t runs;	   /* ended */
	char failure[256]; /* why the last reload failed; "" when it did not */
	/* the run under way */
	struct buf bytes;	   /* REBUILD_ALL: read for it */
	struct settings *settings; /* REBUILD_ALL: parsed from them; owned until published */
	struct job *job;
	bool reloading; /* the service manager was told so */
	char image[PATH_MAX];
	struct rebuild_report report; /* being filled */
};

static void rebuild_go_on(struct rebuild *r);

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

/* The settings are still ours alone here, so what resolv.conf says may go into their arena. */
static struct upstreams *make_upstreams(const struct rebuild *r, struct settings *s)
{
	const struct generation *now = r->published ? generation_current(r->config.generations) : NULL;
	const struct endpoint *servers = s->servers;
	size_t count = s->server_count;
	if (count == 0) {
		struct endpoint *found = arena_alloc(&s->arena, SETTINGS_SERVERS_MAX * sizeof(*found));
		count = settings_resolv_conf(r->config.resolv_conf, r->config.boot, found, SETTINGS_SERVERS_MAX, &s->arena);
		servers = found;
	}
	if (count == 0)
		log_warning("upstream.none text=\"no upstream server is configured and %s names none: names that are not blocked "
			    "get SERVFAIL\"",
			    r->config.resolv_conf);
	return upstreams_create(s, servers, count, now ? now->upstreams : NULL);
}

/* ---- images on disk ---- */

bool rebuild_image_number(const char *file_name, uint32_t *ret)
{
	size_t prefix = strlen(IMAGE_PREFIX), suffix = strlen(IMAGE_SUFFIX), len = strlen(file_name);
	if (len <= prefix + suffix || strncmp(file_name, IMAGE_PREFIX, prefix) != 0 ||
	    strcmp(file_name + len - suffix, IMAGE_SUFFIX) != 0 || file_name[prefix] == '0')
		return false;
	uint64_t number;
	if (!str_to_u64((struct str){file_name + prefix, len - prefix - suffix}, &number) || number == 0 || number > UINT32_MAX)
		return false;
	*ret = (uint32_t)number;
	return true;
}

static bool find_newest(const char *state, uint32_t *ret, struct err *err)
{
	DIR *dir = opendir(state);
	if (!dir)
		return err_set_errno(err, ERR_IO, "opening the state directory %s", state);
	uint32_t newest = 0, number;
	for (struct dirent *entry; (entry = readdir(dir));)
		if (rebuild_image_number(entry->d_name, &number) && number > newest)
			newest = number;
	closedir(dir);
	if (newest == UINT32_MAX)
		return err_set(err, ERR_LIMIT, "%s holds an image of the last possible generation; remove it", state);
	*ret = newest;
	return true;
}

/* ".policy-42.img.a1b2c3": what a saring-compile that was killed while writing leaves. */
static bool is_temporary(const char *file_name)
{
	char name[64];
	size_t len = strlen(file_name);
	uint32_t number;
	if (file_name[0] != '.' || len < TEMPORARY_TAIL + 2 || len >= sizeof(name) || file_name[len - TEMPORARY_TAIL] != '.')
		return false;
	snprintf(name, sizeof(name), "%.*s", (int)(len - TEMPORARY_TAIL - 1), file_name + 1);
	return rebuild_image_number(name, &number);
}

/* Only now that no worker can need them, and no compile is under way. Names not ours stay. */
static void remove_others(const struct rebuild *r)
{
	DIR *dir = opendir(r->config.boot->state);
	if (!dir)
		return;
	uint32_t number;
	for (struct dirent *entry; (entry = readdir(dir));)
		if ((is_temporary(entry->d_name) || (rebuild_image_number(entry->d_name, &number) && number != r->generation)) &&
		    unlinkat(dirfd(dir), entry->d_name, 0) < 0)
			log_warning("policy.remove-failed file=\"%s\" error=\"%s\"", entry->d_name, strerror(errno));
	closedir(dir);
}

/* ---- the end of a run ---- */

static void run_reset(struct rebuild *r)
{
	settings_destroy(r->settings);
	r->settings = NULL;
	buf_finish(&r->bytes);
	r->report = (struct rebuild_report){0};
}

static void run_end(struct rebuild *r)
{
	struct rebuild_report report = r->report;
	r->runs++;
	if (r->reloading)
		notify_ready();
	r->reloading = false;
	run_reset(r);
	rebuild_queue_end(&r->queue, &report);
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
	if (r->published) {
		char text[ERROR_TEXT_MAX], safe[1600];
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
	log_info("policy.in-force generation=%u lists=%" PRIu64 " entries=%" PRIu64 " in_force=%" PRIu64 " compile_seconds=%.3f",
		 report->generation, report->lists, report->entries, report->in_force, report->compile_seconds);
	for (size_t i = 0; i < report->restart_count; i++)
		log_warning("reload.restart-needed key=%s text=\"the new value takes effect when saringd is restarted\"",
			    report->restart_needed[i]);
}

/* Every worker serves by it. */
static void rebuild_on_settled(void *arg)
{
	struct rebuild *r = arg;
	remove_others(r);
	struct policy_info info;
	policy_info(generation_current(r->config.generations)->policy, clock_wall_s(), &info);
	if (r->queue.kind == REBUILD_ALL)
		r->failure[0] = '\0';
	r->report.ok = true;
	r->report.generation = r->generation;
	r->report.lists = info.list_count;
	r->report.entries = info.entry_count;
	r->report.in_force = info.in_force_count;
	r->report.compile_seconds = r->compile_seconds;
	log_success(r);
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
		if (!first)
			cache_configure(r->config.cache, &cache);
		if (!r->config.keep_log_level)
			log_set_level(settings->log_level);
		buf_finish(&r->in_force);
		r->in_force = r->bytes;
		r->bytes = (struct buf){0};
		r->settings = NULL;
	}
	r->published = true;
	generation_publish(r->config.generations, policy, settings, upstreams, rebuild_on_settled, r);
	if (first)
		r->config.first_published(r->config.arg);
}

static void rebuild_on_compiled(void *arg, const struct job_result *result)
{
	struct rebuild *r = arg;
	r->job = NULL;
	if (!result->ok) {
		run_fail(r, &result->err, &result->errors);
		if (r->published)
			rebuild_go_on(r);
		return;
	}
	struct policy *policy = NULL;
	struct err err = {0};
	struct policy_info info;
	bool ok = policy_open(r->image, &policy, &err);
	if (ok) {
		policy_info(policy, clock_wall_s(), &info);
		if (info.generation != r->generation + 1)
			ok = err_set(&err, ERR_INTERNAL, "it is of generation %u, not %u", info.generation, r->generation + 1);
	}
	if (!ok) {
		policy_close(policy);
		(void)unlink(r->image);
		(void)err_context(&err, "the image just compiled cannot be used");
		run_fail(r, &err, NULL);
		if (r->published)
			rebuild_go_on(r);
		return;
	}
	r->generation++;
	r->compile_seconds = result->compile_seconds;
	publish(r, policy);
}

/* ---- the beginning of a run ---- */

static bool read_configuration(struct rebuild *r, struct err *err, struct err_list *errors)
{
	if (!file_read(r->config.config_path, (size_t)SETTINGS_BYTES_MAX, &r->bytes, err))
		return false;
	r->settings = settings_parse(buf_str(&r->bytes), r->config.config_path, errors);
	if (r->settings)
		return true;
	size_t count = errors->count + errors->swallowed;
	return err_set(err, ERR_INPUT, count == 1 ? "there is %zu error" : "there are %zu errors", count);
}

static bool compile(struct rebuild *r, struct err *err)
{
	int n =
	    snprintf(r->image, sizeof(r->image), "%s/" IMAGE_PREFIX "%u" IMAGE_SUFFIX, r->config.boot->state, r->generation + 1);
	if (n < 0 || (size_t)n >= sizeof(r->image) || r->generation + 1 == UINT32_MAX)
		return err_set(err, ERR_LIMIT, "no image can be named in %s any more", r->config.boot->state);
	struct job_compile what = {.program = r->config.compiler,
				   .config_path = r->config.config_path,
				   .image_path = r->image,
				   .generation = r->generation + 1,
				   .config = buf_str(r->settings ? &r->bytes : &r->in_force),
				   .deadline_ms = r->config.deadline_ms};
	log_debug("compile.start image=\"%s\"", r->image);
	r->job = job_start(r->config.base, &what, rebuild_on_compiled, r, err);
	return r->job != NULL;
}

/* Begin what is wanted; a run that fails before it has a process leaves room for the next at once. */
static void rebuild_go_on(struct rebuild *r)
{
	enum rebuild_kind kind;
	while (rebuild_queue_begin(&r->queue, &kind)) {
		struct err err = {0};
		struct err_list errors = {0};
		bool ok = true;
		if (kind == REBUILD_ALL && r->published) {
			notify_reloading();
			r->reloading = true;
			ok = read_configuration(r, &err, &errors);
		}
		ok = ok && compile(r, &err);
		if (!ok)
			run_fail(r, &err, &errors);
		err_list_finish(&errors);
	}
}

void rebuild_request(struct rebuild *r, enum rebuild_kind kind, rebuild_done *done, void *arg)
{
	rebuild_queue_add(&r->queue, kind, done, arg);
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
	if (find_newest(config->boot->state, &r->generation, err))
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
	buf_finish(&r->in_force);
	free(r);
}

double rebuild_compile_seconds(const struct rebuild *r)
{
	return r->compile_seconds;
}

uint64_t rebuild_runs(const struct rebuild *r)
{
	return r->runs;
}

const char *rebuild_failure(const struct rebuild *r)
{
	return r->failure;
}
