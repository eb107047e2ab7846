/* SPDX-License-Identifier: BSD-2-Clause
 *
 * report_text.c - the transparency report for a terminal or a mail: lines, no tables, nothing that is not in the data. */
#include "saringctl/report_data.h"

#include "base/str.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct text {
	const struct output *out;
	struct buf *buf;
};

static void line(const struct text *t, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void line(const struct text *t, const char *fmt, ...)
{
	struct buf raw = {0};
	va_list args;
	va_start(args, fmt);
	buf_vprintf(&raw, fmt, args); // NOLINT(clang-analyzer-valist.Uninitialized): va_start is above
	va_end(args);
	char *safe = output_safe(t->out, raw.ptr != NULL ? raw.ptr : "");
	buf_printf(t->buf, "%s\n", safe);
	free(safe);
	buf_finish(&raw);
}

static void heading(const struct text *t, const char *title)
{
	buf_add_c(t->buf, "\n");
	line(t, "%s", title);
	for (size_t i = 0; i < strlen(title); i++)
		buf_add_c(t->buf, "-");
	buf_add_c(t->buf, "\n");
}

static void labelled(const struct text *t, const char *label, const char *text)
{
	if (text[0] != '\0')
		line(t, "    %-10s %s", label, text);
}

static void names(const struct text *t, const json_t *order)
{
	struct buf b = {0};
	const json_t *all = json_object_get(order, "names");
	size_t count = (size_t)MAX(field_int(order, "entries"), 0), i;
	const json_t *name;
	json_array_foreach(all, i, name) buf_printf(&b, "%s%s", i > 0 ? ", " : "", json_string_value(name));
	if (count > json_array_size(all))
		buf_printf(&b, " and %zu more", count - json_array_size(all));
	labelled(t, "names", b.ptr != NULL ? b.ptr : "");
	buf_finish(&b);
}

static void hits(const struct text *t, const json_t *order)
{
	char text[64];
	if (!json_is_integer(json_object_get(order, "hits")))
		return;
	(void)snprintf(text, sizeof(text), "%lld blocked, %lld would have been", (long long)field_int(order, "hits"),
		       (long long)field_int(order, "would_block"));
	labelled(t, "hits", text);
}

static void order(const struct text *t, const json_t *o)
{
	char entries[FIGURE_MAX];
	const char *reason = field_text(o, "reason"), *added = field_text(o, "added");
	line(t, "  * %s: %s%s%s", field_text(o, "list"), figure_count(field_int(o, "entries"), "entry", "entries", entries),
	     reason[0] != '\0' ? ": " : "", reason);
	labelled(t, "authority", field_text(o, "authority"));
	labelled(t, "reference", field_text(o, "reference"));
	size_t i;
	const json_t *contact;
	json_array_foreach(json_object_get(o, "contact"), i, contact)
	    labelled(t, i == 0 ? "contact" : "", json_string_value(contact));
	labelled(t, "added", added);
	labelled(t, "review", field_text(o, "review"));
	labelled(t, "expires", field_text(o, "expires"));
	labelled(t, "lifted", field_text(o, "lifted"));
	labelled(t, "lifted by", field_text(o, "lifted_by"));
	labelled(t, "why", field_text(o, "lift_reason"));
	labelled(t, "by order", field_text(o, "lift_reference"));
	if (json_is_integer(json_object_get(o, "in_force_days")))
		line(t, "    %-10s %lld days", "in force", (long long)field_int(o, "in_force_days"));
	const json_t *record = json_object_get(o, "record");
	if (json_is_object(record)) {
		char took[FIGURE_MAX];
		line(t, "    %-10s %s by %s, out of force within %s (record %lld)", "recorded", field_text(record, "time"),
		     field_text(record, "who"), figure_seconds(field_real(record, "effect_ms") / 1000, took),
		     (long long)field_int(record, "seq"));
	}
	names(t, o);
	hits(t, o);
}

static void section(const struct text *t, const char *title, const json_t *orders, const char *none)
{
	size_t i;
	const json_t *o;
	heading(t, title);
	json_array_foreach(orders, i, o) order(t, o);
	if (json_array_size(orders) == 0)
		line(t, "  %s", none);
}

static void effect(const struct text *t, const char *what, const json_t *e)
{
	char median[FIGURE_MAX], longest[FIGURE_MAX];
	if (field_int(e, "count") == 0)
		line(t, "  %s: nothing to measure", what);
	else
		line(t, "  %s: %s (median of %lld), at most %s", what, figure_seconds(field_real(e, "median_ms") / 1000, median),
		     (long long)field_int(e, "count"), figure_seconds(field_real(e, "max_ms") / 1000, longest));
}

static void in_force(const struct text *t, const json_t *report)
{
	size_t i, j;
	const json_t *group, *o;
	heading(t, "In force");
	json_array_foreach(json_object_get(report, "in_force"), i, group)
	{
		char entries[FIGURE_MAX], orders[FIGURE_MAX];
		const char *authority = field_text(group, "authority");
		line(t, "  %s: %s in %s", authority[0] != '\0' ? authority : "(no authority is named)",
		     figure_count(field_int(group, "entries"), "entry", "entries", entries),
		     figure_count((int64_t)json_array_size(json_object_get(group, "orders")), "order", "orders", orders));
		json_array_foreach(json_object_get(group, "orders"), j, o) order(t, o);
	}
	if (json_array_size(json_object_get(report, "in_force")) == 0)
		line(t, "  Nothing is blocked.");
}

static void who_changed(const struct text *t, const json_t *report)
{
	size_t i;
	const json_t *one;
	heading(t, "Changes by who made them");
	if (!json_is_true(json_object_get(report, "recorded")))
		line(t, "  The audit log could not be read.");
	json_array_foreach(json_object_get(report, "changes_by"), i, one)
	{
		char count[FIGURE_MAX];
		const char *verb, *sep = "";
		json_t *number;
		struct buf verbs = {0};
		json_object_foreach(json_object_get(one, "verbs"), verb, number)
		{
			buf_printf(&verbs, "%s%s %lld", sep, verb, (long long)json_integer_value(number));
			sep = ", ";
		}
		line(t, "  %s: %s (%s)", field_text(one, "who"),
		     figure_count(field_int(one, "changes"), "change", "changes", count), verbs.ptr != NULL ? verbs.ptr : "");
		buf_finish(&verbs);
	}
	const json_t *counts = json_object_get(report, "counts");
	if (field_int(counts, "unannounced") > 0)
		line(t, "  %lld of them were announced by nobody: files were changed by hand.",
		     (long long)field_int(counts, "unannounced"));
	if (field_int(counts, "records_lost") > 0)
		line(t, "  %lld records were lost.", (long long)field_int(counts, "records_lost"));
}

static void most_hit(const struct text *t, const json_t *hit)
{
	size_t i;
	const json_t *one;
	heading(t, "Hits");
	if (!json_is_true(json_object_get(hit, "counted"))) {
		line(t, "  Hits are not counted, or the daemon could not be asked.");
		return;
	}
	line(t, "  %lld since %s", (long long)field_int(hit, "total"), field_text(hit, "since"));
	json_array_foreach(json_object_get(hit, "lists"), i, one)
	    line(t, "  %s: %lld blocked, %lld would have been", field_text(one, "list"), (long long)field_int(one, "hits"),
		 (long long)field_int(one, "would_block"));
	json_array_foreach(json_object_get(hit, "top"), i, one)
	{
		int64_t count = field_int(one, "hits") + field_int(one, "would_block");
		line(t, "  %10lld  %s (%s)", (long long)count, field_text(one, "entry"), field_text(one, "list"));
	}
}

void report_text(const struct output *o, const json_t *report, struct buf *ret)
{
	const struct text t = {o, ret};
	const json_t *counts = json_object_get(report, "counts");
	char entries[FIGURE_MAX], orders[FIGURE_MAX], authorities[FIGURE_MAX];
	const char *organization = field_text(report, "organization");
	line(&t, "Transparency report%s%s", organization[0] != '\0' ? " of " : "", organization);
	line(&t, "%s to %s", field_text(report, "since"), field_text(report, "until"));
	buf_add_c(ret, "\n");
	line(&t, "In force: %s in %s of %s.", figure_count(field_int(counts, "entries"), "entry", "entries", entries),
	     figure_count(field_int(counts, "orders"), "order", "orders", orders),
	     figure_count(field_int(counts, "authorities"), "authority", "authorities", authorities));
	line(&t,
	     "In this time: %lld entries added, %lld lifted, %lld expired. Due for review: %lld orders. On trial: %lld entries.",
	     (long long)field_int(counts, "added_entries"), (long long)field_int(counts, "lifted_entries"),
	     (long long)field_int(counts, "expired_entries"), (long long)field_int(counts, "due"),
	     (long long)field_int(counts, "shadow_entries"));
	if (field_int(counts, "orders_left_out") > 0)
		line(&t, "%lld orders more are not told of one by one.", (long long)field_int(counts, "orders_left_out"));
	heading(&t, "How fast");
	effect(&t, "from the command to its effect on every worker", json_object_get(report, "time_to_effect"));
	effect(&t, "from the command to the lift on every worker", json_object_get(report, "time_to_lift"));
	section(&t, "Lifted in this time", json_object_get(report, "lifted"), "Nothing was lifted.");
	section(&t, "Added in this time", json_object_get(report, "added"), "Nothing was added.");
	section(&t, "Expired in this time", json_object_get(report, "expired"), "Nothing has expired.");
	section(&t, "Due for review", json_object_get(report, "due"), "Nothing is due.");
	section(&t, "On trial (counted, not blocked)", json_object_get(report, "shadow"), "Nothing is on trial.");
	in_force(&t, report);
	who_changed(&t, report);
	most_hit(&t, json_object_get(report, "hits"));
}
