/* SPDX-License-Identifier: BSD-2-Clause
 *
 * rebuild.h - from what the operator wrote to a world that every worker serves by: run saring-compile, verify its image, publish
 * it, wait until all workers have adopted it, tell who asked. Built beside the old; any failure leaves the old serving (house law
 * 6).
 *
 * Images are <state>/policy-<generation>.img, beside each the bulk-<hash>.img it names (images.h). At the start the newest one is
 * served by at once when nothing has changed since it was compiled (kept.h), and no compiler runs. Otherwise generations go on from
 * it, and the compiler may take over from it what is unchanged; as it may from the one in force at every later run. An image that
 * is refused (damaged, cut short, of another version) is said so in the log, and all is compiled anew. Older images are removed
 * once a newer one serves. saring.yaml is read once for each run: the bytes that were parsed here are the bytes the compiler gets.
 * Main thread. */
#ifndef SARING_REBUILD_H
#define SARING_REBUILD_H

#include "base/base.h"
#include "base/buf.h"
#include "base/err.h"
#include "cache/cache.h"
#include "cache/failures.h"
#include "generation.h"
#include "observe/latency.h"
#include "rebuild/queue.h"
#include "settings/settings.h"

struct event_base;
struct hosts_files;

struct rebuild_config {
	struct event_base *base;
	const char *config_path;
	const char *compiler;	  /* path of saring-compile */
	const struct addr *bound; /* where is listened, with the ports the kernel chose; lives as long as this */
	size_t bound_count;
	const char *resolv_conf;     /* asked for servers when saring.yaml names none */
	const struct settings *boot; /* what the daemon was started with: some of it holds until it ends */
	struct generations *generations;
	struct cache *cache;
	struct failures *failures; /* may be NULL */
	/* What saring.yaml wants opened is opened before anything is compiled: stage, which may fail. Then it is taken (adopt, when
	 * the world that wants it is published), or the run fails and it is closed again (unstage). Not for the first world, whose
	 * settings are boot's. May be NULL, all or none. */
	bool (*stage)(void *arg, const struct settings *settings, struct err *err);
	void (*adopt)(void *arg);
	void (*unstage)(void *arg);
	void *stage_arg;
	struct hosts_files *hosts; /* may be NULL: no local records */
	bool keep_log_level;	   /* said on the command line: outranks saring.yaml */
	int64_t deadline_ms;	   /* of one compile; 0 = JOBS_DEADLINE_MS */
	/* Called once, after the first publication, before anybody can have adopted it: the workers are to be started. */
	void (*first_published)(void *arg);
	/* Called around telling those who waited for a run that was published: the audit log's look at what it changed. config: the
	 * bytes of saring.yaml in force. May be NULL. */
	void (*run_begins)(void *arg, struct str config, enum rebuild_kind kind, const struct rebuild_report *report);
	void (*run_ends)(void *arg);
	void *arg;
};

struct rebuild;
/* The strings and the settings in config are borrowed for its whole life. Reads the state directory. */
MUST_CHECK struct rebuild *rebuild_create(const struct rebuild_config *config, struct err *err);
/* Ends a run under way; all who wait are told. No generations_collect may follow. Takes NULL. */
void rebuild_destroy(struct rebuild *r);

/* The first run, with the configuration the daemon has read already. Takes both. */
void rebuild_first(struct rebuild *r, struct buf *bytes, struct settings *settings, rebuild_done *done, void *arg);
/* done may be NULL; it may be called before this returns. */
void rebuild_request(struct rebuild *r, enum rebuild_kind kind, rebuild_done *done, void *arg);

/* Since the start; the first world is nobody's edit. */
struct rebuild_figures {
	uint64_t done, failed;	   /* runs */
	struct latency_sum effect; /* of those done: from the first request they served to every worker serving by it */
};
void rebuild_figures(const struct rebuild *r, struct rebuild_figures *ret);
double rebuild_compile_seconds(const struct rebuild *r); /* of what is served; 0 for an image of an earlier run */
const char *rebuild_bulk(const struct rebuild *r);	 /* the same of its bulk tier: "kept", "compiled" or "none" */
bool rebuild_is_busy(const struct rebuild *r);		 /* a run goes on, or is wanted */
uint64_t rebuild_runs(const struct rebuild *r);		 /* ended so far, well or not */
const char *rebuild_failure(const struct rebuild *r);	 /* why the last reload failed; "" when it did not */

/* Which keys differ that only a restart can change. Returns how many. */
size_t rebuild_restart_needed(const struct settings *boot, const struct settings *now, const char *ret[REBUILD_RESTART_MAX]);
/* The cache's part of the settings. */
struct cache_config rebuild_cache_config(const struct settings *settings);
/* The servers that the settings name, else those that resolv_conf does, which go into the settings' arena: they are not published
 * yet. old: those before, of which what is known is kept; may be NULL. */
MUST_CHECK struct upstreams *rebuild_upstreams(struct settings *settings, const struct settings *boot, const char *resolv_conf,
					       const struct upstreams *old);

#endif
