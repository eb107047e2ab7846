/* SPDX-License-Identifier: BSD-2-Clause */
#include "admin/report.h"

#include "admin/report_part.h"

#include "ctl/proto.h"
#include "signed.h"
#include "version.h"

#include <stdatomic.h>
#include <unistd.h>

/* ---- small parts ---- */

static void put(json_t *object, const char *key, json_t *value)
{
	must(value && json_object_set_new(object, key, value) == 0);
}

static void put_count(json_t *object, const char *key, uint64_t count)
{
	put(object, key, json_integer((json_int_t)MIN(count, (uint64_t)INT64_MAX)));
}

static void put_text(json_t *object, const char *key, const char *text)
{
	put(object, key, ctl_text(str_from(text)));
}

/* JSON has no infinities; three decimals are milliseconds of a second, and microseconds of a millisecond. */
static void put_real(json_t *object, const char *key, double value)
{
	bool sane = value > -1e12 && value < 1e12;
	put(object, key, json_real(sane ? (double)(int64_t)(value * 1000 + (value < 0 ? -0.5 : 0.5)) / 1000 : 0.0));
}

static void put_time(json_t *object, const char *key, int64_t time_s)
{
	char text[32];
	str_from_time(time_s, text, sizeof(text));
	put_text(object, key, text);
}

static uint64_t sum(const struct report_source *s, enum counter which)
{
	uint64_t total = 0;
	for (size_t i = 0; i < s->worker_count; i++)
		total += atomic_load_explicit(&s->counters[i]->values[which], memory_order_relaxed);
	return total;
}

/* ---- status ---- */

/* "total" may run ahead of its parts while queries wait for an answer. */
static json_t *queries(const struct report_source *s)
{
	json_t *object = json_object();
	for (int i = COUNTER_TOTAL; i <= COUNTER_FAILED; i++)
		put_count(object, counter_names[i], sum(s, (enum counter)i));
	return object;
}

static json_t *other_counters(const struct report_source *s)
{
	json_t *object = json_object();
	for (int i = COUNTER_FAILED + 1; i < COUNTER_COUNT; i++)
		put_count(object, counter_names[i], sum(s, (enum counter)i));
	return object;
}

/* How many names are lifted that the list still holds, and which: the first of them. */
static json_t *carried(const struct policy *p, uint16_t list)
{
	size_t first;
	const size_t count = policy_list_lifts(p, list, &first);
	json_t *names = json_array(), *object = json_object();
	for (size_t i = first; i < first + MIN(count, (size_t)REPORT_LIFTED_MAX); i++) {
		struct policy_lift lift;
		if (policy_lift(p, i, &lift))
			must(json_array_append_new(names, ctl_text(lift.name)) == 0);
	}
	put_count(object, "count", count);
	put(object, "names", names);
	return object;
}

/* The lists that hold names which are lifted. */
static json_t *carriers(const struct policy *p, size_t list_count, int64_t now_s)
{
	json_t *array = json_array();
	for (size_t i = 0; i < list_count && policy_lift_count(p) > 0; i++) {
		json_t *object = carried(p, (uint16_t)i);
		struct policy_list list;
		if (json_integer_value(json_object_get(object, "count")) == 0) {
			json_decref(object);
			continue;
		}
		policy_list(p, (uint16_t)i, now_s, &list);
		put(object, "list", ctl_text(list.name));
		must(json_array_append_new(array, object) == 0);
	}
	return array;
}

static json_t *policy(const struct report_source *s)
{
	struct policy_info info;
	policy_info(s->generation->policy, s->now_s, &info);
	json_t *object = json_object();
	put_count(object, "generation", info.generation);
	put_count(object, "lists", info.list_count);
	put_count(object, "entries", info.entry_count);
	put_count(object, "in_force", info.in_force_count);
	size_t refused = signed_refused_count(s->generation->settings);
	if (refused > 0)
		put_count(object, "refused", refused);
	put_count(object, "bytes", info.bytes);
	put_time(object, "compiled_at", info.compiled_at_s);
	put_real(object, "compile_seconds", s->compile_seconds);
	put_text(object, "bulk", s->bulk);
	char content[IDENTITY_CONTENT_HEX];
	put_text(object, "content", identity_content(info.content_hash, content));
	put_count(object, "lifts", info.lift_count);
	put(object, "lifted", carriers(s->generation->policy, info.list_count, s->now_s));
	return object;
}

/* The operator's own records. */
static json_t *records(const struct report_source *s)
{
	struct locals_counts counts;
	locals_counts(s->generation->locals, &counts);
	json_t *object = json_object();
	put_count(object, "configured", counts.records);
	put_count(object, "hosts", counts.hosts);
	put_count(object, "reverse", counts.made);
	put_count(object, "names", counts.names);
	return object;
}

json_t *report_cache(const struct report_source *s)
{
	struct cache_stats stats = {0};
	cache_stats(s->cache, &stats);
	json_t *object = json_object();
	put_count(object, "entries", stats.entries);
	put_count(object, "bytes", stats.bytes);
	put_count(object, "limit_bytes", stats.limit_bytes);
	put_count(object, "hits", sum(s, COUNTER_CACHE_HITS));
	put_count(object, "misses", sum(s, COUNTER_CACHE_MISSES));
	put_count(object, "evictions", stats.evictions);
	return object;
}

static json_t *failures(const struct report_source *s)
{
	struct failures_stats stats;
	failures_stats(s->failures, &stats);
	json_t *object = json_object();
	put_count(object, "entries", stats.entries);
	put_count(object, "limit", FAILURES_MAX);
	put_count(object, "noted", stats.noted);
	put_count(object, "hits", sum(s, COUNTER_FAILURE_HITS));
	put_count(object, "evictions", stats.evicted);
	return object;
}

json_t *report_upstreams(const struct upstreams *upstreams)
{
	json_t *array = json_array();
	size_t count = upstreams_count(upstreams);
	for (size_t i = 0; i < count; i++) {
		struct upstream_stats stats = {0};
		upstreams_stats(upstreams, i, &stats);
		json_t *object = json_object();
		put_text(object, "server", stats.server);
		put_text(object, "state", stats.state);
		put_real(object, "rtt_ms", stats.rtt_ms);
		put_count(object, "sent", stats.sent);
		put_count(object, "failed", stats.failed);
		put_text(object, "zone", stats.zone);
		put_text(object, "group", stats.group);
		must(json_array_append_new(array, object) == 0);
	}
	return array;
}

json_t *report_status(const struct report_source *s)
{
	json_t *listen = json_array();
	for (size_t i = 0; i < s->listen_count; i++)
		must(json_array_append_new(listen, ctl_text(str_from(s->listen[i]))) == 0);
	json_t *object = json_object();
	put_text(object, "version", SARING_VERSION);
	put_count(object, "pid", (uint64_t)getpid());
	put_real(object, "uptime_seconds", (double)s->uptime_ms / 1000);
	put(object, "paused_until", json_null());
	put_count(object, "workers", s->worker_count);
	put(object, "listen", listen);
	put(object, "queries", queries(s));
	put(object, "policy", policy(s));
	put(object, "records", records(s));
	put(object, "cache", report_cache(s));
	put(object, "failures", failures(s));
	put(object, "upstream", report_upstreams(s->generation->upstreams));
	put(object, "groups", report_groups(s->generation, s->now_s));
	put(object, "counters", other_counters(s));
	return object;
}

/* ---- list ---- */

bool report_find_list(const struct generation *g, size_t image_lists, struct str name, int64_t now_s, size_t *at,
		      struct policy_list *ret)
{
	for (size_t tried = 0; tried < image_lists; tried++) {
		size_t i = (*at + tried) % image_lists;
		policy_list(g->policy, (uint16_t)i, now_s, ret);
		if (str_eq(ret->name, name)) {
			*at = i + 1;
			return true;
		}
	}
	return false;
}

/* What a list blocked so far, or would have blocked while it was in mode shadow; summed over the workers. */
static uint64_t counted_by(const struct report_source *s, struct str name, bool shadow)
{
	int number = generation_list_number(s->generations, name);
	uint64_t total = 0;
	for (size_t i = 0; number >= 0 && i < s->worker_count; i++) {
		const struct counters *c = s->counters[i];
		total += atomic_load_explicit(shadow ? &c->list_shadowed[number] : &c->list_blocked[number], memory_order_relaxed);
	}
	return total;
}

json_t *report_lists(const struct report_source *s)
{
	const struct settings *settings = s->generation->settings;
	struct policy_info info;
	policy_info(s->generation->policy, s->now_s, &info);
	json_t *array = json_array();
	size_t at = 0;
	for (size_t i = 0; i < settings->list_count; i++) {
		const struct settings_list *said = &settings->lists[i];
		struct policy_list list;
		bool there = report_find_list(s->generation, info.list_count, str_from(said->name), s->now_s, &at, &list);
		enum action action = there ? list.action : said->has_action ? said->action : ACTION_BLOCK;
		json_t *object = json_object();
		put_text(object, "name", said->name);
		put_text(object, "action", action_words[action]);
		put_text(object, "mode", mode_words[said->mode]);
		put(object, "mandatory", json_boolean(said->mandatory));
		/* A list in mode off is not loaded: how many entries it has is not known here. */
		put(object, "entries", there ? json_integer((json_int_t)list.entry_count) : json_null());
		put_count(object, "in_force", there ? list.in_force_count : 0);
		put_text(object, "source", said->file_shown);
		bool read = there && (said->url == NULL || list.changed_at_s != 0); /* there is no copy of it yet, or no good one */
		put_text(object, "format", format_words[read ? list.format : said->format]); /* as it was read, once it was */
		if (read)
			put_time(object, "changed_at", list.changed_at_s);
		else
			put(object, "changed_at", json_null());
		put_count(object, "blocked", counted_by(s, str_from(said->name), false));
		put_count(object, "would_block", counted_by(s, str_from(said->name), true));
		put(object, "lifted", there ? carried(s->generation->policy, (uint16_t)(at - 1)) : json_null());
		must(json_array_append_new(array, object) == 0);
	}
	return array;
}

/* ---- reload ---- */

json_t *report_rebuild(const struct rebuild_report *r)
{
	json_t *object = json_object();
	put_count(object, "generation", r->generation);
	put_real(object, "compile_seconds", r->compile_seconds);
	put_count(object, "lists", r->lists);
	put_count(object, "entries", r->entries);
	put_count(object, "in_force", r->in_force);
	put_text(object, "bulk", r->bulk);
	if (r->restart_count == 0)
		return object;
	json_t *keys = json_array();
	for (size_t i = 0; i < r->restart_count; i++)
		must(json_array_append_new(keys, ctl_text(str_from(r->restart_needed[i]))) == 0);
	put(object, "restart_needed", keys);
	return object;
}
