/* SPDX-License-Identifier: BSD-2-Clause */
#include "offline.h"

#include "admin/commands.h"
#include "base/clock.h"
#include "base/file.h"
#include "ctl/proto.h"
#include "hosts_files.h"
#include "rebuild/images.h"
#include "jobs.h"
#include "rebuild/kept.h"
#include "pausing.h"
#include "policy/match.h"
#include "rebuild/rebuild.h"
#include "settings/load.h"

#include <dirent.h>
#include <errno.h>
#include <event2/event.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEMPORARY_NAME "saring-explain-XXXXXX"
#define RESOLV_CONF "/etc/resolv.conf"

struct offline {
	const char *config_path;
	struct buf text; /* of saring.yaml */
	struct settings *settings;
	struct policy *policy;
	char directory[PATH_MAX]; /* "": none was made */
	uint32_t generation;
	/* the compile under way */
	struct event_base *base;
	bool ended, compiled, stopped;
	struct err err;
	struct err_list errors;
};

/* ---- the directory ---- */

static bool directory_make(struct offline *o)
{
	const char *base = getenv("TMPDIR");
	int n = snprintf(o->directory, sizeof(o->directory), "%s/" TEMPORARY_NAME, base && base[0] == '/' ? base : "/tmp");
	bool fits = n > 0 && (size_t)n < sizeof(o->directory);
	if (fits && mkdtemp(o->directory))
		return true;
	o->directory[0] = '\0';
	return err_set_errno(&o->err, ERR_IO, "making a directory for temporary files");
}

/* The files of a directory, and it. Nothing lies deeper than in one directory of ours. */
static void remove_files(const char *path)
{
	DIR *dir = opendir(path);
	for (struct dirent *entry; dir && (entry = readdir(dir));)
		(void)unlinkat(dirfd(dir), entry->d_name, 0);
	if (dir)
		closedir(dir);
}

static void directory_remove(struct offline *o)
{
	char below[PATH_MAX + 16];
	if (!o->directory[0])
		return;
	(void)snprintf(below, sizeof(below), "%s/segments", o->directory); /* saring-compile's */
	remove_files(below);
	(void)rmdir(below);
	remove_files(o->directory);
	(void)rmdir(o->directory);
	o->directory[0] = '\0';
}

/* ---- the policy ---- */

static bool read_settings(struct offline *o)
{
	if (!file_read(o->config_path, SETTINGS_BYTES_MAX, &o->text, &o->err))
		return false;
	o->settings = settings_parse(buf_str(&o->text), o->config_path, &o->errors);
	return o->settings ? true : err_set(&o->err, ERR_INPUT, "'%s' has errors", o->config_path);
}

/* The image that saringd would serve by at once. */
static bool open_kept(struct offline *o)
{
	char path[PATH_MAX];
	struct err err = {0};
	o->generation = 0;
	if (!images_newest(o->settings->state, &o->generation, &err) || o->generation == 0 ||
	    !images_path(o->settings->state, o->generation, path, sizeof(path)) || !policy_open(path, NULL, &o->policy, &err))
		return false;
	if (kept_is_current(o->policy, o->settings, buf_str(&o->text), &err))
		return true;
	policy_close(o->policy);
	o->policy = NULL;
	return false;
}

static void on_compiled(void *arg, const struct job_result *result)
{
	struct offline *o = arg;
	o->ended = true;
	o->compiled = result->ok;
	if (!result->ok)
		o->err = result->err;
	for (size_t i = 0; i < result->errors.count; i++)
		err_list_add(&o->errors, &result->errors.items[i]);
	o->errors.swallowed += result->errors.swallowed;
	event_base_loopbreak(o->base);
}

static void on_signal(evutil_socket_t number, short what, void *arg)
{
	struct offline *o = arg;
	(void)number, (void)what;
	o->stopped = true;
	event_base_loopbreak(o->base);
}

static bool run_compiler(struct offline *o, const char *image)
{
	char program[PATH_MAX];
	struct job_compile what = {.program = program,
				   .config_path = o->config_path,
				   .image_path = image,
				   .generation = o->generation + 1,
				   .config = buf_str(&o->text),
				   .rehearse = true};
	struct job *job = NULL;
	if (job_find_compiler(program, sizeof(program), &o->err) &&
	    (job = job_start(o->base, &what, on_compiled, o, &o->err)) != NULL)
		(void)event_base_dispatch(o->base);
	if (o->stopped && !o->ended) {
		job_cancel(job);
		(void)err_set(&o->err, ERR_IO, "it was stopped");
	}
	return o->compiled;
}

static bool compile_there(struct offline *o)
{
	char image[PATH_MAX];
	bool ok = directory_make(o) && images_path(o->directory, o->generation + 1, image, sizeof(image)) &&
		  run_compiler(o, image) && policy_open(image, NULL, &o->policy, &o->err);
	directory_remove(o); /* what is mapped stays */
	return ok;
}

/* From before the directory is made until it is gone, no signal that asks us to stop ends us in between. */
static bool compile(struct offline *o)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
	struct event *events[ARRAY_LEN(signals)] = {NULL};
	o->base = event_base_new();
	must(o->base);
	for (size_t i = 0; i < ARRAY_LEN(signals); i++) {
		events[i] = evsignal_new(o->base, signals[i], on_signal, o);
		must(events[i] && event_add(events[i], NULL) == 0);
	}
	bool ok = compile_there(o);
	for (size_t i = 0; i < ARRAY_LEN(signals); i++)
		event_free(events[i]);
	event_base_free(o->base);
	return ok;
}

/* ---- the world ---- */

static void no_nudge(void *arg, unsigned worker)
{
	(void)arg, (void)worker;
}

static void no_settle(void *arg)
{
	(void)arg;
}

static void no_rebuild(void *arg, enum rebuild_kind kind, rebuild_done *done, void *done_arg)
{
	(void)arg, (void)kind, (void)done, (void)done_arg;
	must(false); /* only who may change things gets that far */
}

static double no_seconds(void *arg)
{
	(void)arg;
	return 0;
}

static const char *no_bulk(void *arg)
{
	(void)arg;
	return job_bulk_words[JOB_BULK_NONE];
}

static void on_reply(void *arg, json_t *reply)
{
	json_t **ret = arg;
	*ret = reply;
}

/* Takes the policy and the settings. */
static json_t *run_command(struct offline *o, json_t *request)
{
	struct cache *cache = cache_create(&(struct cache_config){.size_bytes = 0});
	struct generations *generations = generations_create(1, no_nudge, no_settle, NULL);
	struct commands_config config = {.generations = generations,
					 .cache = cache,
					 .started_ms = clock_mono_ms(),
					 .rebuild = no_rebuild,
					 .compile_seconds = no_seconds,
					 .bulk = no_bulk};
	json_t *reply = NULL;
	struct pauses *pauses = pausing_load(o->settings->state, &o->err);
	struct upstreams *upstreams = rebuild_upstreams(o->settings, o->settings, RESOLV_CONF, NULL);

	struct hosts_files *hosts = hosts_files_create();
	generation_give_locals(generations, hosts_files_read(hosts, o->settings));
	hosts_files_destroy(hosts);
	if (pauses != NULL) /* saringd would go on with them; a file that it could not read it would do without */
		generation_pause(generations, pauses, NULL, NULL);
	generation_publish(generations, o->policy, o->settings, upstreams, NULL, NULL);
	o->policy = NULL;
	o->settings = NULL;
	struct commands *commands = commands_create(&config);
	commands_run(commands, request, &(struct command_peer){.right = RIGHT_READ, .who = {.by = "control"}}, on_reply, &reply);
	commands_destroy(commands);
	generations_destroy(generations);
	cache_destroy(cache);
	return reply;
}

json_t *offline_answer(const char *config_path, json_t *request)
{
	struct offline *o = base_alloc(sizeof(*o));
	json_t *reply;
	o->config_path = config_path;
	if (read_settings(o) && (open_kept(o) || compile(o)))
		reply = run_command(o, request);
	else
		reply = ctl_reply_err(&o->err, &o->errors);
	policy_close(o->policy);
	settings_destroy(o->settings);
	err_list_finish(&o->errors);
	buf_finish(&o->text);
	free(o);
	must(reply);
	return reply;
}
