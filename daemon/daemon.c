/* SPDX-License-Identifier: BSD-2-Clause */
#include "daemon.h"

#include "admin/commands.h"
#include "admin/control.h"
#include "admin/metrics.h"
#include "audit/audit.h"
#include "base/clock.h"
#include "base/log.h"
#include "cache/cache.h"
#include "cache/failures.h"
#include "crew.h"
#include "fetch/fetch.h"
#include "fetch/world.h"
#include "generation.h"
#include "happened.h"
#include "hosts_files.h"
#include "lifesigns.h"
#include "main_loop.h"
#include "notify.h"
#include "observer.h"
#include "outlets.h"
#include "pausing.h"
#include "premises.h"
#include "rebuild/rebuild.h"
#include "review.h"
#include "settings/load.h"
#include "startup.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RESOLV_CONF "/etc/resolv.conf"
#define START_EXTEND_MS 30000 /* asked of the service manager at each tick while the first image is compiled */
#define STOP_S 5	      /* a stop that takes longer is cut short */

struct daemon {
	const struct daemon_options *options;
	int64_t started_ms, started_wall_ms;
	struct settings *boot; /* what was started with: ports, user, sockets and state hold for the whole life */
	struct premises premises;
	struct main_loop *loop;

	/* what queries are answered with */
	struct cache *cache;
	struct failures *failures;
	struct hosts_files *hosts;
	struct crew *crew;
	struct lifesigns lifesigns;
	struct generations *generations;
	struct pausing *pausing;
	struct rebuild *rebuild;
	/* what is remembered and told of it */
	struct audit *audit;
	struct observer *observer;
	struct outlets *outlets;
	struct happened *happened;
	/* there is a world: from daemon_on_first */
	struct fetch *fetch;
	struct review *review;
	struct commands *commands;
	struct control *control;
	struct metrics_http *metrics; /* it is opened before */

	bool ready, ending, failed;
	int stop_signal; /* 0: none */
	int64_t hup_ns;	 /* CLOCK_MONOTONIC: the last SIGHUP */
};

/* ---- while serving ---- */

static void daemon_end(struct daemon *d, bool failed)
{
	d->failed |= failed;
	d->ending = true;
	main_loop_end(d->loop);
}

static void nudge_worker(void *arg, unsigned worker)
{
	struct daemon *d = arg;
	crew_nudge(d->crew, worker);
}

/* On a worker's thread. */
static void wake_main(void *arg)
{
	const struct daemon *d = arg;
	main_loop_wake(d->loop);
}

static void daemon_on_settled(void *arg)
{
	const struct daemon *d = arg;
	generations_collect(d->generations);
}

static void tell_status(struct daemon *d)
{
	lifesigns_status(&d->lifesigns, generation_current(d->generations), rebuild_runs(d->rebuild), rebuild_failure(d->rebuild));
}

static void daemon_on_tick(void *arg)
{
	struct daemon *d = arg;
	if (!d->ready) {
		notify_extend(START_EXTEND_MS);
		return;
	}
	lifesigns_watch(&d->lifesigns, d->crew);
	generations_collect(d->generations);
	observer_tick(d->observer);
	hosts_files_follow(d->hosts, d->generations);
	happened_tick(d->happened);
	tell_status(d);
	pausing_tick(d->pausing, clock_wall_s());
	const struct generation *g = generation_current(d->generations);
	review_tick(d->review, g->policy, g->serial, clock_wall_s());
}

static void daemon_on_drain(void *arg)
{
	const struct daemon *d = arg;
	observer_drain(d->observer);
	outlets_follow(d->outlets);
	happened_drained(d->happened);
}

static void daemon_on_stop(void *arg, int number)
{
	struct daemon *d = arg;
	log_info("stop signal=%d", number);
	d->stop_signal = number;
	daemon_end(d, false);
}

/* Nobody waits for it, but it is recorded. Who sent the signal is not known. */
static void daemon_on_reloaded(void *arg, const struct rebuild_report *report)
{
	static const struct audit_who who = {.by = "signal"};
	struct daemon *d = arg;
	struct audit_said said = {.who = &who, .verb = "reload", .arrived_ns = d->hup_ns};
	if (!d->ending)
		audit_ran(d->audit, &said, report, NULL);
}

static void daemon_on_hup(void *arg)
{
	struct daemon *d = arg;
	log_info("reload asked=signal");
	d->hup_ns = clock_mono_ns();
	rebuild_request(d->rebuild, REBUILD_ALL, daemon_on_reloaded, d);
}

/* ---- what modules ask of each other ---- */

static bool is_rebuilding(void *arg)
{
	const struct daemon *d = arg;
	return rebuild_is_busy(d->rebuild);
}

static void on_run_begins(void *arg, struct str config, enum rebuild_kind kind, const struct rebuild_report *report)
{
	const struct daemon *d = arg;
	audit_configure(d->audit, generation_current(d->generations)->settings);
	outlets_follow(d->outlets);
	audit_run_begin(d->audit, config, kind, report->changes);
}

static void on_run_ends(void *arg)
{
	const struct daemon *d = arg;
	audit_run_end(d->audit);
}

static void on_fetched(void *arg, const struct fetch_event *e)
{
	audit_fetched(arg, e);
}

static double compile_seconds(void *arg)
{
	return rebuild_compile_seconds(arg);
}

static const char *bulk_word(void *arg)
{
	return rebuild_bulk(arg);
}

static void request_rebuild(void *arg, enum rebuild_kind kind, rebuild_done *done, void *done_arg)
{
	rebuild_request(arg, kind, done, done_arg);
}

static bool stage_metrics(void *arg, const struct settings *settings, struct err *err)
{
	return metrics_http_stage(arg, settings, err);
}

static void adopt_metrics(void *arg)
{
	metrics_http_adopt(arg);
}

static void unstage_metrics(void *arg)
{
	metrics_http_unstage(arg);
}

/* ---- start: with the first world ---- */

/* The first world is published and has no readers yet. */
static void start_workers(void *arg)
{
	struct daemon *d = arg;
	struct err err = {0};
	char text[1024];
	outlets_follow(d->outlets);
	if (crew_start(d->crew, d->generations, d->observer, d->outlets, &err))
		return;
	(void)err_format(&err, text, sizeof(text));
	log_error("start.failed error=\"%s\"", text);
	daemon_end(d, true);
}

static void start_fetch(struct daemon *d)
{
	struct fetch_config config = {.base = main_loop_base(d->loop),
				      .settings = fetch_world_settings,
				      .is_read = fetch_world_is_read,
				      .settings_arg = d->generations,
				      .program = d->premises.fetcher,
				      .compiler = d->premises.compiler,
				      .state = d->boot->state,
				      .control_socket = d->boot->control_socket,
				      .rebuild = request_rebuild,
				      .rebuild_arg = d->rebuild,
				      .record = on_fetched,
				      .record_arg = d->audit};
	d->fetch = fetch_create(&config);
}

static void start_control(struct daemon *d)
{
	struct commands_config config = {.generations = d->generations,
					 .cache = d->cache,
					 .failures = d->failures,
					 .counters = crew_counters(d->crew),
					 .worker_count = d->premises.worker_count,
					 .listen = d->premises.listen,
					 .listen_count = d->premises.sockets.addr_count,
					 .started_ms = d->started_ms,
					 .rebuild = request_rebuild,
					 .compile_seconds = compile_seconds,
					 .bulk = bulk_word,
					 .rebuild_arg = d->rebuild,
					 .fetch = d->fetch,
					 .audit = d->audit,
					 .observer = d->observer,
					 .outlets = d->outlets,
					 .happened = d->happened,
					 .review = d->review,
					 .metrics = d->metrics,
					 .pausing = d->pausing};
	d->commands = commands_create(&config);
	d->control = control_create(main_loop_base(d->loop), &d->premises.control, d->premises.control_group, d->commands);
}

static void write_metrics(void *arg, struct openmetrics *om)
{
	struct daemon *d = arg;
	struct metrics_source source = {.report = commands_report_source(d->commands),
					.fetch = d->fetch,
					.observer = d->observer,
					.tcp_connections = crew_tcp_connections(d->crew),
					.started_at_ms = d->started_wall_ms};
	const struct generation *g = source.report.generation;
	source.review_due = review_due(d->review, g->policy, g->serial, source.report.now_s);
	rebuild_figures(d->rebuild, &source.rebuild);
	metrics_http_stats(d->metrics, &source.http);
	metrics_write(&source, om);
}

/* The first run has ended: every worker serves, or there is nothing to serve by. */
static void daemon_on_first(void *arg, const struct rebuild_report *report)
{
	struct daemon *d = arg;
	if (d->ending)
		return;
	if (!report->ok) {
		startup_complain(report->err, report->errors);
		daemon_end(d, true);
		return;
	}
	start_fetch(d);
	d->review = review_create(clock_wall_s());
	start_control(d);
	metrics_http_serve(d->metrics, main_loop_base(d->loop), write_metrics, d);
	d->ready = true;
	for (size_t i = 0; i < d->premises.sockets.addr_count; i++)
		log_info("listen endpoint=\"%s\"", d->premises.listen[i]);
	log_info("ready workers=%u generation=%u seconds=%.3f", d->premises.worker_count, report->generation,
		 (double)(clock_mono_ms() - d->started_ms) / 1000);
	tell_status(d);
	notify_ready();
}

/* ---- start: all that comes before it ---- */

/* Where figures are asked for: opened with no more rights than a reload has. */
static bool open_metrics(struct daemon *d, struct err *err)
{
	d->metrics = metrics_http_create();
	return metrics_http_stage(d->metrics, d->boot, err);
}

/* Now that the ports are known: no server may be ourselves. */
static bool asks_others(const struct daemon *d)
{
	struct err_list errors = {0};
	bool ok = settings_check_here(d->boot, d->premises.sockets.addrs, d->premises.sockets.addr_count, &errors);
	if (!ok)
		startup_complain(NULL, &errors);
	err_list_finish(&errors);
	return ok;
}

static bool build_loop(struct daemon *d, struct err *err)
{
	struct main_loop_config config = {.on_stop = daemon_on_stop,
					  .on_reload = daemon_on_hup,
					  .on_wake = daemon_on_settled,
					  .on_tick = daemon_on_tick,
					  .on_drain = daemon_on_drain,
					  .arg = d,
					  .tick_s = LIFESIGNS_TICK_S,
					  .drain_ms = TAP_DRAIN_MS};
	d->loop = main_loop_create(&config, err);
	return d->loop != NULL;
}

/* What queries are answered with. */
static void build_serving(struct daemon *d)
{
	struct cache_config cache = rebuild_cache_config(d->boot);
	d->cache = cache_create(&cache);
	d->failures = failures_create();
	d->hosts = hosts_files_create();
	struct crew_config crew = {.count = d->premises.worker_count,
				   .sockets = &d->premises.sockets,
				   .has_successor = d->premises.has_successor,
				   .cache = d->cache,
				   .failures = d->failures};
	d->crew = crew_create(&crew);
	lifesigns_init(&d->lifesigns, d->premises.worker_count);
	d->generations = generations_create(d->premises.worker_count, nudge_worker, wake_main, d);
	d->pausing = pausing_create(d->generations, d->boot->state);
}

/* What is remembered and told of them, and of changes. */
static void build_watching(struct daemon *d)
{
	struct audit_config audit = {.base = main_loop_base(d->loop),
				     .state = d->boot->state,
				     .config_path = d->options->config_path,
				     .generations = d->generations,
				     .is_busy = is_rebuilding,
				     .arg = d};
	d->audit = audit_create(&audit);
	struct observer_config observer = {
	    .workers = d->premises.worker_count, .generations = d->generations, .state = d->boot->state};
	d->observer = observer_create(&observer);
	struct outlets_config outlets = {.observer = d->observer,
					 .generations = d->generations,
					 .workers = d->premises.worker_count,
					 .group = d->premises.control_group};
	d->outlets = outlets_create(&outlets);
	struct happened_config happened = {.observer = d->observer,
					   .generations = d->generations,
					   .counters = crew_counters(d->crew),
					   .worker_count = d->premises.worker_count,
					   .state = d->boot->state};
	d->happened = happened_create(&happened);
}

/* What makes a world of what the operator wrote. */
static bool build_rebuild(struct daemon *d, struct err *err)
{
	struct rebuild_config config = {.base = main_loop_base(d->loop),
					.config_path = d->options->config_path,
					.compiler = d->premises.compiler,
					.bound = d->premises.sockets.addrs,
					.bound_count = d->premises.sockets.addr_count,
					.resolv_conf = RESOLV_CONF,
					.boot = d->boot,
					.generations = d->generations,
					.cache = d->cache,
					.failures = d->failures,
					.stage = stage_metrics,
					.adopt = adopt_metrics,
					.unstage = unstage_metrics,
					.stage_arg = d->metrics,
					.hosts = d->hosts,
					.keep_log_level = d->options->debug,
					.first_published = start_workers,
					.run_begins = on_run_begins,
					.run_ends = on_run_ends,
					.arg = d};
	d->rebuild = rebuild_create(&config, err);
	return d->rebuild != NULL;
}

/* ---- stop ---- */

static void stop_took_too_long(int number)
{
	static const char text[] = "saringd: a worker does not stop; ending without it\n";
	(void)number;
	(void)!write(STDERR_FILENO, text, sizeof(text) - 1);
	_exit(1);
}

/* Also for one half built. Whoever waits for a rebuild is answered before the control socket goes; workers go before what they use.
 */
static void daemon_finish(struct daemon *d)
{
	struct sigaction cut = {.sa_handler = stop_took_too_long};
	(void)sigaction(SIGALRM, &cut, NULL);
	(void)alarm(STOP_S);
	notify_stopping();
	rebuild_destroy(d->rebuild);
	pausing_destroy(d->pausing);
	fetch_destroy(d->fetch);
	audit_stopped(d->audit, d->stop_signal ? strsignal(d->stop_signal) : "a failure");
	audit_end_waits(d->audit);
	metrics_http_destroy(d->metrics);
	review_destroy(d->review);
	control_destroy(d->control);
	control_socket_close(&d->premises.control);
	commands_destroy(d->commands);
	crew_stop(d->crew);
	happened_destroy(d->happened); /* with all that the workers have told and counted, which goes with them */
	crew_destroy(d->crew);
	lifesigns_finish(&d->lifesigns);
	audit_destroy(d->audit);
	outlets_destroy(d->outlets);
	observer_destroy(d->observer);
	generations_destroy(d->generations);
	hosts_files_destroy(d->hosts);
	failures_destroy(d->failures);
	cache_destroy(d->cache);
	main_loop_destroy(d->loop);
	premises_close(&d->premises);
	settings_destroy(d->boot);
	(void)alarm(0);
}

/* ---- the whole ---- */

/* All but the first world, and what needs one. On failure that was said. The last two are for rebuild_first. */
static bool daemon_start(struct daemon *d, struct buf *ret_bytes, struct settings **ret_first)
{
	struct err err = {0};
	if (!startup_read_settings(d->options->config_path, ret_bytes, &d->boot, ret_first))
		return false;
	if (!d->options->debug)
		log_set_level(d->boot->log_level);
	bool ok = premises_open(&d->premises, d->boot, d->options->argv, &err) && open_metrics(d, &err);
	if (ok && !asks_others(d))
		return false;
	ok = ok && build_loop(d, &err);
	if (ok) {
		build_serving(d);
		build_watching(d);
		ok = build_rebuild(d, &err);
	}
	if (!ok)
		startup_complain(&err, NULL);
	return ok;
}

/* Until it is told to end. The first run may have failed before the loop began, which is what breaks out of it. */
static void daemon_serve(struct daemon *d, struct buf *bytes, struct settings *first)
{
	notify_status("starting; reading lists");
	rebuild_first(d->rebuild, bytes, first, daemon_on_first, d);
	if (!d->failed)
		main_loop_run(d->loop);
}

int daemon_run(const struct daemon_options *options)
{
	struct daemon d = {.options = options, .started_ms = clock_mono_ms(), .started_wall_ms = clock_wall_ms()};
	struct buf bytes = {0};
	struct settings *first = NULL;

	premises_init(&d.premises);
	log_open("saringd", options->debug ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO);
	startup_ignore_signals();
	startup_raise_limits();
	bool ok = daemon_start(&d, &bytes, &first);
	if (ok) {
		daemon_serve(&d, &bytes, first);
		first = NULL; /* taken */
	}
	daemon_finish(&d);
	settings_destroy(first);
	buf_finish(&bytes);
	return ok && !d.failed ? 0 : 1;
}
