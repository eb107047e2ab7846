/* SPDX-License-Identifier: BSD-2-Clause
 *
 * stats_verb.c - the verbs "stats" and "stats.reset": figures over time. */
#include "admin/call.h"
#include "admin/report_part.h"
#include "base/clock.h"
#include "base/log.h"
#include "ctl/proto.h"
#include "happened.h"

#define SECONDS_DEFAULT 3600

/* The finest that reaches so far back. */
static enum history_span span_for(int64_t seconds)
{
	enum history_span span = HISTORY_SECONDS;
	while (span + 1 < HISTORY_SPANS && seconds > (int64_t)history_buckets[span] * history_width_s[span])
		span++;
	return span;
}

static void put_counts(json_t *object, const struct history_bucket *b)
{
	for (size_t i = 0; i < HISTORY_FATES; i++)
		report_put(object, counter_names[i], json_integer((json_int_t)b->counts[i]));
	report_put(object, "would_block", json_integer((json_int_t)b->shadowed));
}

/* Null where nothing was measured. */
static json_t *took(const struct history_bucket *b)
{
	static const struct {
		const char *key;
		double part;
	} parts[] = {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p99.9", 0.999}};
	uint64_t measured = 0;
	for (size_t i = 0; i < HISTORY_SLOTS; i++)
		measured += b->took[i];
	if (measured == 0)
		return json_null();
	json_t *object = json_object();
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		report_put(object, parts[i].key, json_integer((json_int_t)history_percentile_us(b, parts[i].part)));
	report_put(object, "measured", json_integer((json_int_t)measured));
	return object;
}

static json_t *one_bucket(const struct history_bucket *b, int64_t begin_s)
{
	json_t *object = json_object();
	report_put_time(object, "time", begin_s);
	put_counts(object, b);
	report_put(object, "took_us", took(b));
	return object;
}

void call_stats(struct commands *c, json_t *args, struct call *call)
{
	static const struct history_bucket none = {.number = -1};
	struct history_bucket all = {.number = -1};
	struct err err = {0};
	int64_t seconds;
	const int64_t most = (int64_t)history_buckets[HISTORY_HOURS] * history_width_s[HISTORY_HOURS];
	if (!arg_number(args, "seconds", INT64_MAX, &seconds, &err)) {
		call_fail(call, &err, NULL);
		return;
	}
	if (!c->config.happened) {
		(void)err_set(&err, ERR_INPUT, "no figures are kept here");
		call_fail(call, &err, NULL);
		return;
	}
	seconds = MIN(seconds > 0 ? seconds : SECONDS_DEFAULT, most);
	const struct history *h = happened_history(c->config.happened);
	const enum history_span span = span_for(seconds);
	const int64_t width_s = history_width_s[span], now_s = clock_wall_s(), last = now_s / width_s;
	const int64_t first = last - MAX(MIN((seconds + width_s - 1) / width_s, (int64_t)history_buckets[span]), (int64_t)1) + 1;
	json_t *buckets = json_array(), *object = json_object(), *total = json_object();
	for (int64_t n = first; n <= last; n++) {
		const struct history_bucket *b = history_at(h, span, n);
		report_add(buckets, one_bucket(b ? b : &none, n * width_s));
		if (b)
			history_add(&all, b);
	}
	put_counts(total, &all);
	report_put(total, "took_us", took(&all));
	report_put_time(object, "since", first * width_s);
	report_put_time(object, "until", now_s);
	report_put_time(object, "counting_since", history_since_s(h));
	report_put(object, "width", json_integer((json_int_t)width_s));
	report_put(object, "total", total);
	report_put(object, "buckets", buckets);
	call_ok(call, object);
}

void call_stats_reset(struct commands *c, json_t *args, struct call *call)
{
	(void)args;
	if (c->config.happened) {
		log_info("%s asked=control", call->verb);
		history_reset(happened_history(c->config.happened), clock_wall_s());
	}
	call_ok(call, json_object());
}
