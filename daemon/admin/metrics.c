/* SPDX-License-Identifier: BSD-2-Clause */
#include "admin/metrics.h"

#include "observer.h"
#include "signed.h"
#include "version.h"
#include "wire/rrtype.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MAX_LEN 96

static struct openmetrics_label label(const char *name, const char *value)
{
	return (struct openmetrics_label){name, str_from(value)};
}

/* ---- queries ---- */

/* Added up over the workers: the counter at that offset of each. */
static uint64_t sum_at(const struct report_source *s, size_t offset)
{
	uint64_t total = 0;
	for (size_t i = 0; i < s->worker_count; i++) {
		const char *block = (const char *)s->counters[i];
		total += atomic_load_explicit((const _Atomic uint64_t *)(const void *)(block + offset), memory_order_relaxed);
	}
	return total;
}

static uint64_t sum_of(const struct report_source *s, enum counter which)
{
	return sum_at(s, offsetof(struct counters, values) + which * sizeof(_Atomic uint64_t));
}

static void write_verdicts(const struct report_source *s, struct openmetrics *om)
{
	openmetrics_counter(om, "saring_queries_received", "Queries that came, those that still wait for their answer included.",
			    sum_of(s, COUNTER_TOTAL));
	openmetrics_family(om, OPENMETRICS_COUNTER, "saring_queries", "Queries that ended, by what became of them.");
	for (size_t i = 0; i < COUNTER_ENDS; i++)
		openmetrics_count(om, OPENMETRICS_LABELS(label("verdict", counter_names[COUNTER_BLOCKED + i])),
				  sum_of(s, (enum counter)(COUNTER_BLOCKED + i)));
}

static void write_types(const struct report_source *s, struct openmetrics *om)
{
	openmetrics_family(om, OPENMETRICS_COUNTER, "saring_queries_by_type", "The same queries by the type asked for.");
	for (size_t i = 0; i < COUNTER_TYPE_COUNT; i++)
		openmetrics_count(om, OPENMETRICS_LABELS(label("type", counter_type_names[i])),
				  sum_at(s, offsetof(struct counters, types) + i * sizeof(_Atomic uint64_t)));
}

static void write_transports(const struct report_source *s, struct openmetrics *om)
{
	static const char *const names[COUNTER_TRANSPORT_COUNT] = {[COUNTER_UDP] = "udp", [COUNTER_STREAM] = "tcp"};

	openmetrics_family(om, OPENMETRICS_COUNTER, "saring_queries_by_transport", "Queries that came, by how.");
	for (size_t i = 0; i < COUNTER_TRANSPORT_COUNT; i++)
		openmetrics_count(om, OPENMETRICS_LABELS(label("transport", names[i])),
				  sum_at(s, offsetof(struct counters, transports) + i * sizeof(_Atomic uint64_t)));
}

static void write_rcodes(const struct report_source *s, struct openmetrics *om)
{
	static const char *const names[COUNTER_RCODES] = {"NOERROR",
							  "FORMERR",
							  "SERVFAIL",
							  "NXDOMAIN",
							  "NOTIMP",
							  "REFUSED",
							  "YXDOMAIN",
							  [RCODE_NOTAUTH] = "NOTAUTH",
							  [RCODE_BADVERS] = "BADVERS",
							  [RCODE_BADCOOKIE] = "BADCOOKIE"};
	uint64_t others = 0;

	openmetrics_family(om, OPENMETRICS_COUNTER, "saring_responses", "Answers sent, by their response code.");
	for (size_t i = 0; i < COUNTER_RCODES; i++) {
		uint64_t count = sum_at(s, offsetof(struct counters, rcodes) + i * sizeof(_Atomic uint64_t));
		if (names[i] != NULL)
			openmetrics_count(om, OPENMETRICS_LABELS(label("rcode", names[i])), count);
		else
			others += count;
	}
	openmetrics_count(om, OPENMETRICS_LABELS(label("rcode", "other")), others);
}

/* A query that is dropped has no answer to be timed; `block: {answer: drop}` counts as blocked all the same. */
static void write_durations(const struct report_source *s, struct openmetrics *om)
{
	openmetrics_family(
	    om, OPENMETRICS_HISTOGRAM, "saring_query_duration_seconds",
	    "From a query being read to its answer being given to the kernel, by what became of it; since there is an "
	    "endpoint of metrics.");
	for (size_t i = 0; i < COUNTER_ENDS; i++) {
		struct latency_sum sum = {.sum_us = 0};
		if (COUNTER_BLOCKED + i == COUNTER_DROPPED)
			continue;
		for (size_t w = 0; w < s->worker_count; w++)
			latency_read(&s->counters[w]->durations[i], &sum);
		openmetrics_latency(om, OPENMETRICS_LABELS(label("verdict", counter_names[COUNTER_BLOCKED + i])), &sum);
	}
}

/* Every other row of the table, each a family of its own; saringctl(1) says what they mean. */
static void write_counters(const struct report_source *s, struct openmetrics *om)
{
	char name[NAME_MAX_LEN], help[2 * NAME_MAX_LEN];

	for (size_t i = COUNTER_FAILED + 1; i < COUNTER_COUNT; i++) {
		(void)snprintf(name, sizeof(name), "saring_%s", counter_names[i]);
		(void)snprintf(help, sizeof(help), "The counter %s of saringctl status; saringctl(1) says what it counts.",
			       counter_names[i]);
		openmetrics_counter(om, name, help, sum_of(s, (enum counter)i));
	}
}

/* ---- cache ---- */

static void write_cache(const struct report_source *s, struct openmetrics *om)
{
	struct cache_stats cache = {0};

	cache_stats(s->cache, &cache);
	openmetrics_gauge(om, "saring_cache_entries", "Answers in the cache.", cache.entries);
	openmetrics_gauge(om, "saring_cache_bytes", "Memory that the cache takes from the system.", cache.bytes);
	openmetrics_gauge(om, "saring_cache_limit_bytes", "The most that it may take.", cache.limit_bytes);
	openmetrics_counter(om, "saring_cache_evictions", "Answers that left the cache for others before their time.",
			    cache.evictions);
	if (s->failures == NULL)
		return;
	struct failures_stats failures = {0};
	failures_stats(s->failures, &failures);
	openmetrics_gauge(om, "saring_failures_entries", "Questions that nobody could answer a moment ago, and that fail at once.",
			  failures.entries);
	openmetrics_counter(om, "saring_failures_noted", "Questions that nobody could answer.", failures.noted);
	openmetrics_counter(om, "saring_failures_evictions", "Of them, those pushed out while their time ran.", failures.evicted);
}

/* ---- upstreams ---- */

/* Copied once, so that all families tell of the same moment, and a server that stands twice under one zone, or in one group's set,
 * is told of once: no two samples have the same labels. */
static size_t copy_upstreams(const struct upstreams *u, struct upstream_stats **ret)
{
	size_t count = 0, zone_from = 0, all = upstreams_count(u);
	struct upstream_stats *stats = base_alloc((all + 1) * sizeof(*stats));

	for (size_t i = 0; i < all; i++) {
		struct upstream_stats *one = &stats[count];
		*one = (struct upstream_stats){.rtt_ms = 0};
		upstreams_stats(u, i, one);
		/* they come route by route, and set by set */
		if (count > 0 && (one->zone != stats[count - 1].zone || one->set != stats[count - 1].set))
			zone_from = count;
		bool twice = false;
		for (size_t j = zone_from; j < count && !twice; j++)
			twice = strcmp(stats[j].server, one->server) == 0;
		count += twice ? 0 : 1;
	}
	*ret = stats;
	return count;
}

enum upstream_figure { UPSTREAM_STATE, UPSTREAM_SENT, UPSTREAM_FAILED, UPSTREAM_SMOOTHED, UPSTREAM_RTT };

static void write_upstream(struct openmetrics *om, const struct upstream_stats *u, enum upstream_figure what)
{
	const struct openmetrics_label labels[] = {label("server", u->server), label("zone", u->zone != NULL ? u->zone : "."),
						   label("group", u->group != NULL ? u->group : "")};
	const size_t count = ARRAY_LEN(labels) - (u->group != NULL ? 0 : 1);

	switch (what) {
	case UPSTREAM_STATE:
		openmetrics_count(om, labels, count, strcmp(u->state, "up") == 0 ? 1 : 0);
		break;
	case UPSTREAM_SENT:
		openmetrics_count(om, labels, count, u->sent);
		break;
	case UPSTREAM_FAILED:
		openmetrics_count(om, labels, count, u->failed);
		break;
	case UPSTREAM_SMOOTHED:
		openmetrics_real(om, labels, count, u->rtt_ms / 1000);
		break;
	case UPSTREAM_RTT:
		openmetrics_latency(om, labels, count, &u->rtt);
		break;
	}
}

static void write_upstreams(const struct report_source *s, struct openmetrics *om)
{
	static const struct {
		enum upstream_figure what;
		enum openmetrics_type type;
		const char *name, *help;
	} families[] = {
	    {UPSTREAM_STATE, OPENMETRICS_GAUGE, "saring_upstream_up", "1 for a server that answers, 0 for one that is down."},
	    {UPSTREAM_SENT, OPENMETRICS_COUNTER, "saring_upstream_sent", "Questions sent to a server, retries included."},
	    {UPSTREAM_FAILED, OPENMETRICS_COUNTER, "saring_upstream_failed",
	     "Of them, those that came to nothing or to an answer of no use."},
	    {UPSTREAM_SMOOTHED, OPENMETRICS_GAUGE, "saring_upstream_smoothed_rtt_seconds",
	     "The latency by which a server is chosen; 0 when nothing was measured."},
	    {UPSTREAM_RTT, OPENMETRICS_HISTOGRAM, "saring_upstream_rtt_seconds",
	     "From a datagram sent to a server to its answer being read."},
	};
	struct upstream_stats *stats;
	size_t count = copy_upstreams(s->generation->upstreams, &stats);

	for (size_t f = 0; f < ARRAY_LEN(families); f++) {
		openmetrics_family(om, families[f].type, families[f].name, families[f].help);
		for (size_t i = 0; i < count; i++)
			write_upstream(om, &stats[i], families[f].what);
	}
	free(stats);
}

/* ---- policy ---- */

static void write_rebuilds(const struct rebuild_figures *r, struct openmetrics *om)
{
	openmetrics_family(om, OPENMETRICS_COUNTER, "saring_policy_rebuilds",
			   "Runs for edits, fetched lists and reloads since the start, by how they ended.");
	openmetrics_count(om, OPENMETRICS_LABELS(label("result", "done")), r->done);
	openmetrics_count(om, OPENMETRICS_LABELS(label("result", "failed")), r->failed);
	openmetrics_family(om, OPENMETRICS_HISTOGRAM, "saring_policy_edit_to_effect_seconds",
			   "From an edit, a reload or a fetched list being told of to every worker serving by it.");
	openmetrics_latency(om, OPENMETRICS_BARE, &r->effect);
}

static void write_policy(const struct metrics_source *source, struct openmetrics *om)
{
	const struct report_source *s = &source->report;
	char content[IDENTITY_CONTENT_HEX];
	struct policy_info info;

	policy_info(s->generation->policy, s->now_s, &info);
	openmetrics_family(om, OPENMETRICS_INFO, "saring_policy",
			   "Which policy is in force: its content, as policy.saring. tells it.");
	openmetrics_count(
	    om, OPENMETRICS_LABELS(label("content", identity_content(info.content_hash, content)), label("bulk", s->bulk)), 1);
	openmetrics_gauge(om, "saring_policy_generation", "The number of the policy in force.", info.generation);
	openmetrics_gauge(om, "saring_policy_lists", "Lists in it.", info.list_count);
	openmetrics_gauge(om, "saring_policy_refused_lists", "Lists refused for want of a good signature.",
			  signed_refused_count(s->generation->settings));
	openmetrics_gauge(om, "saring_policy_entries", "Entries in it.", info.entry_count);
	openmetrics_gauge(om, "saring_policy_entries_in_force", "Of them, those that are neither lifted, expired nor on trial.",
			  info.in_force_count);
	openmetrics_gauge(om, "saring_policy_entries_to_review", "Entries whose date of review has come.", source->review_due);
	openmetrics_gauge(om, "saring_policy_lifts", "Lifts on record.", info.lift_count);
	openmetrics_gauge(om, "saring_policy_bytes", "What its images take.", info.bytes);
	openmetrics_gauge(om, "saring_policy_compiled_timestamp_seconds", "When it was compiled.",
			  (uint64_t)MAX(info.compiled_at_s, 0));
	openmetrics_gauge_real(om, "saring_policy_compile_seconds",
			       "How long that took; 0 for a policy that an earlier run of the daemon compiled.",
			       s->compile_seconds);
	write_rebuilds(&source->rebuild, om);
}

/* ---- pauses ---- */

static void write_pauses(const struct report_source *s, struct openmetrics *om)
{
	const struct pauses *pauses = s->generation->pauses;
	uint64_t counts[PAUSE_SCOPE_COUNT] = {0};

	for (size_t i = 0; pauses != NULL && i < pauses->count; i++)
		counts[pauses->all[i].scope] += pause_holds(&pauses->all[i], s->now_s);
	openmetrics_gauge(om, "saring_paused", "1 while blocking is paused for everybody, but for mandatory lists.",
			  counts[PAUSE_ALL]);
	openmetrics_family(om, OPENMETRICS_GAUGE, "saring_pauses",
			   "Pauses in force, by what they are of; names are those let through.");
	for (size_t i = 0; i < PAUSE_SCOPE_COUNT; i++)
		openmetrics_count(om, OPENMETRICS_LABELS(label("scope", pause_scope_words[i])), counts[i]);
}

/* ---- the daemon ---- */

static void write_daemon(const struct metrics_source *source, struct openmetrics *om)
{
	openmetrics_family(om, OPENMETRICS_INFO, "saring_build", "The version of saringd.");
	openmetrics_count(om, OPENMETRICS_LABELS(label("version", SARING_VERSION)), 1);
	openmetrics_gauge(om, "saring_workers", "Threads that serve.", source->report.worker_count);
	openmetrics_gauge(om, "saring_tcp_connections", "TCP connections of clients that are open.", source->tcp_connections);
	if (source->observer != NULL) {
		struct observer_info info;
		observer_info(source->observer, &info);
		openmetrics_gauge(om, "saring_observer_sampling", "One query of so many is looked at for hits and traffic now.",
				  info.every);
		openmetrics_counter(om, "saring_observer_lost", "Queries that should have been looked at, and were not.",
				    info.lost);
	}
	openmetrics_gauge(om, "saring_metrics_connections", "Connections to this endpoint that are open, this one included.",
			  source->http.connections);
	openmetrics_counter(om, "saring_metrics_requests", "Requests that this endpoint answered.", source->http.requests);
	openmetrics_counter(om, "saring_metrics_refused", "Connections closed at once, as there were too many.",
			    source->http.refused);
	openmetrics_counter(om, "saring_metrics_overdue", "Connections closed as they took too long.", source->http.overdue);
	openmetrics_gauge_real(om, "saring_metrics_build_seconds", "How long it took to put these figures together the last time.",
			       (double)source->http.build_us / 1e6);
}

void metrics_write(const struct metrics_source *source, struct openmetrics *om)
{
	const struct report_source *s = &source->report;

	write_daemon(source, om);
	write_pauses(s, om);
	/* What is summed up first may miss what happens meanwhile: more have come than have ended, whenever one looks. */
	write_verdicts(s, om);
	write_types(s, om);
	write_transports(s, om);
	write_rcodes(s, om);
	write_durations(s, om);
	write_counters(s, om);
	write_cache(s, om);
	write_upstreams(s, om);
	write_policy(source, om);
	metrics_write_lists(source, om);
	metrics_write_process(source, om);
	openmetrics_end(om);
}
