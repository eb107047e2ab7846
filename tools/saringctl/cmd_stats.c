/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cmd_stats.c - stats: how many queries there were over time, as bars, how many were blocked, and how long they took. */
#include "saringctl/context.h"

#include "base/buf.h"
#include "base/clock.h"
#include "saringctl/log_show.h"
#include "saringctl/screen.h"

#include <stdlib.h>
#include <string.h>

#define BARS_MAX 24	   /* lines; what is finer is put together */
#define BAR_COLUMNS_MAX 60 /* of the longest bar */
#define SECONDS_DEFAULT 3600

/* One line: some of the daemon's buckets together. */
struct bar {
	const char *time; /* of the first */
	json_int_t queries, blocked;
};

static size_t make_bars(const json_t *buckets, struct bar bars[BARS_MAX])
{
	const size_t count = json_array_size(buckets), each = (count + BARS_MAX - 1) / BARS_MAX;
	size_t made = 0, i;
	const json_t *bucket;
	json_array_foreach(buckets, i, bucket)
	{
		if (i % each == 0)
			bars[made++] = (struct bar){.time = field_text(bucket, "time")};
		bars[made - 1].queries += field_int(bucket, "total");
		bars[made - 1].blocked += field_int(bucket, "blocked");
	}
	return made;
}

/* So many of eighths of a column; in plain ASCII whole ones. What is there at all is seen. */
static void put_bar(const struct output *o, enum paint paint, bool blocked, size_t eighths)
{
	static const char *const parts[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
	struct buf b = {0};
	for (size_t i = 0; i < eighths / 8; i++)
		buf_add_c(&b, blocked ? (o->utf8 ? "▓" : "x") : (o->utf8 ? "█" : "#"));
	if (!blocked && o->utf8)
		buf_add_c(&b, parts[eighths % 8]);
	if (b.len > 0)
		output_print(o, stdout, paint, "%s", b.ptr);
	buf_finish(&b);
}

/* Blocked first, in whole columns, then the others. */
static void show_bar(const struct output *o, const struct bar *bar, json_int_t most, size_t columns, bool by_day)
{
	const double scale = most > 0 ? (double)columns * 8 / (double)most : 0;
	size_t all = (size_t)((double)bar->queries * scale), blocked = (size_t)((double)bar->blocked * scale) / 8 * 8;
	if (bar->queries > 0 && all == 0)
		all = 1;
	if (bar->blocked > 0 && blocked == 0)
		blocked = MIN((size_t)8, all / 8 * 8);
	if (!o->utf8)
		all = bar->queries > 0 ? MAX((all + 4) / 8 * 8, (size_t)8) : 0;
	output_print(o, stdout, PAINT_NONE, by_day ? "%.10s %.5s " : "%.0s%.8s ", bar->time,
		     bar->time + MIN(strlen(bar->time), (size_t)11));
	output_print(o, stdout, PAINT_NONE, "%9lld %9lld ", (long long)bar->queries, (long long)bar->blocked);
	put_bar(o, PAINT_BAD, true, blocked);
	put_bar(o, PAINT_NONE, false, all > blocked ? all - blocked : 0);
	putchar('\n');
}

static void show_bars(const struct output *o, const json_t *said)
{
	struct bar bars[BARS_MAX];
	const size_t count = make_bars(json_object_get(said, "buckets"), bars);
	const size_t wide = screen_columns();
	json_int_t most = 0;
	if (count == 0)
		return;
	const bool by_day = strncmp(bars[0].time, bars[count - 1].time, 10) != 0;
	const size_t front = (by_day ? 17u : 9u) + 20u;
	for (size_t i = 0; i < count; i++)
		most = MAX(most, bars[i].queries);
	output_print(o, stdout, PAINT_HEAD, by_day ? "%-16s %9s %9s" : "%-8s %9s %9s", "UTC", "QUERIES", "BLOCKED");
	putchar('\n');
	for (size_t i = 0; i < count; i++)
		show_bar(o, &bars[i], most, MIN(wide > front + 10 ? wide - front - 1 : 10, (size_t)BAR_COLUMNS_MAX), by_day);
}

static void show_totals(const struct output *o, const json_t *said)
{
	static const char *const fates[] = {"blocked", "cached", "forwarded", "stale", "local", "refused", "dropped", "failed"};
	const json_t *total = json_object_get(said, "total"), *took = json_object_get(total, "took_us");
	const json_int_t queries = field_int(total, "total");
	struct buf b = {0};
	for (size_t i = 0; i < ARRAY_LEN(fates); i++) {
		json_int_t count = field_int(total, fates[i]);
		if (count > 0)
			buf_printf(&b, "%s%.1f %% %s", b.len > 0 ? ", " : "",
				   100.0 * (double)count / (double)MAX(queries, (json_int_t)1), fates[i]);
	}
	output_linef(o, "queries", "%lld%s%s", (long long)queries, b.len > 0 ? ": " : "", b.len > 0 ? b.ptr : "");
	buf_finish(&b);
	if (field_int(total, "would_block") > 0)
		output_linef(o, "would block", "%lld by lists in mode shadow", (long long)field_int(total, "would_block"));
	if (json_is_object(took)) {
		char texts[4][LOG_TOOK_MAX];
		output_linef(o, "took", "half at most %s, 90 %% %s, 99 %% %s, 99.9 %% %s",
			     log_took(field_int(took, "p50"), texts[0]), log_took(field_int(took, "p90"), texts[1]),
			     log_took(field_int(took, "p99"), texts[2]), log_took(field_int(took, "p99.9"), texts[3]));
	}
	output_linef(o, "span", "%s to %s, counted since %s", field_text(said, "since"), field_text(said, "until"),
		     field_text(said, "counting_since"));
}

static enum exit_status reset(struct context *ctx)
{
	enum exit_status status;
	json_t *said;
	if (!context_call(ctx, "stats.reset", NULL, NULL, &said, &status))
		return status;
	if (ctx->out.json)
		output_json(said);
	else
		puts("The figures begin anew.");
	json_decref(said);
	return STATUS_DONE;
}

enum exit_status cmd_stats(struct context *ctx)
{
	const struct invocation *in = ctx->in;
	enum exit_status status;
	json_t *said;
	if (in->reset && in->since_s != 0)
		return context_usage(ctx, "--reset forgets all of them: --since makes no sense with it");
	if (in->reset)
		return reset(ctx);
	const int64_t seconds = in->since_s != 0 ? clock_wall_s() - in->since_s : SECONDS_DEFAULT;
	json_t *args = json_pack("{s:I}", "seconds", (json_int_t)MAX(seconds, (int64_t)1));
	must(args != NULL);
	if (!context_call(ctx, "stats", args, NULL, &said, &status))
		return status;
	if (ctx->out.json) {
		output_json(said);
	} else {
		show_bars(&ctx->out, said);
		show_totals(&ctx->out, said);
	}
	json_decref(said);
	return STATUS_DONE;
}
