/* SPDX-License-Identifier: BSD-2-Clause
 *
 * report_html.c - the transparency report as one page that needs nothing beside itself: no script, no font, no picture, no request.
 * Names and reasons come from lists, lists from strangers: all text goes through put(), which leaves nothing that is markup, or
 * that hides or turns what is read (str_is_hidden). */
#include "saringctl/report_data.h"

#include "base/str.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static const char style[] =
    ":root{color-scheme:light dark;--fg:#1b1b1b;--bg:#fff;--soft:#5a5a5a;--card:#f5f5f3;--line:#d9d9d4;--accent:#0b57a4}"
    "@media(prefers-color-scheme:dark){:root{--fg:#e8e8e6;--bg:#161618;--soft:#a9a9a6;--card:#222225;--line:#3a3a3e;--accent:#"
    "8ab8f0}}"
    "*{box-sizing:border-box}"
    "body{margin:0 auto;max-width:60rem;padding:1rem;font:1rem/1.5 system-ui,sans-serif;color:var(--fg);background:var(--bg);"
    "overflow-wrap:anywhere}"
    "h1{font-size:1.5rem;line-height:1.2;margin:.5rem 0}h2{font-size:1.2rem;margin:2rem 0 .5rem;border-bottom:1px solid "
    "var(--line)}"
    "h3{font-size:1rem;margin:1rem 0 .25rem}p{margin:.5rem 0}a{color:var(--accent)}"
    ".soft{color:var(--soft)}"
    ".tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(8rem,1fr));gap:.5rem;padding:0;list-style:none}"
    ".tiles li{background:var(--card);border-radius:.5rem;padding:.5rem .75rem}.tiles "
    "b{display:block;font-size:1.5rem;line-height:1.2}"
    "article{background:var(--card);border-radius:.5rem;padding:.5rem .75rem;margin:.5rem 0;break-inside:avoid}"
    "article h3{margin:0}"
    "dl{display:grid;grid-template-columns:minmax(5rem,8rem) minmax(0,1fr);gap:.1rem .75rem;margin:.25rem 0}"
    "dt{color:var(--soft)}dd{margin:0}"
    "details summary{cursor:pointer}"
    "ul.plain{padding-left:1.2rem;margin:.25rem 0}"
    "@media print{body{max-width:none;padding:0;font-size:10pt;color:#000;background:#fff}article,.tiles "
    "li{background:none;border:1px solid "
    "#999}a{color:inherit}}";

static void put_char(struct buf *b, uint32_t c, struct str bytes)
{
	switch (c) {
	case '&':
		buf_add_c(b, "&amp;");
		return;
	case '<':
		buf_add_c(b, "&lt;");
		return;
	case '>':
		buf_add_c(b, "&gt;");
		return;
	case '"':
		buf_add_c(b, "&quot;");
		return;
	case '\'':
		buf_add_c(b, "&#39;");
		return;
	default:
		break;
	}
	if (c == '\n' || c == '\t')
		buf_add_c(b, " ");
	else if (str_is_hidden(c))
		buf_printf(b, "\\u{%x}", (unsigned)c);
	else
		buf_add_str(b, bytes);
}

/* Text, whatever it is. */
static void put(struct buf *b, const char *text)
{
	struct str rest = str_from(text);
	while (rest.len > 0) {
		uint32_t c = 0;
		size_t n = str_utf8_first(rest, &c);
		if (n == 0) { /* JSON has none such; this is for the day that it has */
			buf_printf(b, "\\%03o", (unsigned char)rest.ptr[0]);
			n = 1;
		} else {
			put_char(b, c, (struct str){rest.ptr, n});
		}
		rest = (struct str){rest.ptr + n, rest.len - n};
	}
}

static void putf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void putf(struct buf *b, const char *fmt, ...)
{
	struct buf raw = {0};
	va_list args;
	va_start(args, fmt);
	buf_vprintf(&raw, fmt, args); // NOLINT(clang-analyzer-valist.Uninitialized): va_start is above
	va_end(args);
	put(b, raw.ptr != NULL ? raw.ptr : "");
	buf_finish(&raw);
}

/* A link where it is one that a reader can follow and nothing else: no javascript:, no data:. */
static void put_link(struct buf *b, const char *text)
{
	static const char *const schemes[] = {"https://", "http://", "mailto:", "tel:"};
	for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
		if (strncmp(text, schemes[i], strlen(schemes[i])) != 0)
			continue;
		buf_add_c(b, "<a rel=\"noopener noreferrer\" href=\"");
		put(b, text);
		buf_add_c(b, "\">");
		put(b, text);
		buf_add_c(b, "</a>");
		return;
	}
	put(b, text);
}

static void row(struct buf *b, const char *label, const char *text)
{
	if (text[0] == '\0')
		return;
	buf_printf(b, "<dt>%s</dt><dd>", label);
	put_link(b, text);
	buf_add_c(b, "</dd>\n");
}

static void names(struct buf *b, const json_t *order)
{
	const json_t *all = json_object_get(order, "names"), *name;
	size_t count = (size_t)MAX(field_int(order, "entries"), 0), i;
	if (json_array_size(all) == 0)
		return;
	buf_add_c(b, "<dt>names</dt><dd>");
	json_array_foreach(all, i, name)
	{
		buf_add_c(b, i > 0 ? ", " : "");
		put(b, json_string_value(name));
	}
	if (count > json_array_size(all))
		putf(b, " and %zu more", count - json_array_size(all));
	buf_add_c(b, "</dd>\n");
}

static void recorded(struct buf *b, const json_t *order)
{
	const json_t *record = json_object_get(order, "record");
	char took[FIGURE_MAX];
	if (json_is_integer(json_object_get(order, "in_force_days")))
		buf_printf(b, "<dt>in force</dt><dd>%lld days</dd>\n", (long long)field_int(order, "in_force_days"));
	if (!json_is_object(record))
		return;
	buf_add_c(b, "<dt>recorded</dt><dd>");
	putf(b, "%s by %s, out of force within %s (record %lld)", field_text(record, "time"), field_text(record, "who"),
	     figure_seconds(field_real(record, "effect_ms") / 1000, took), (long long)field_int(record, "seq"));
	buf_add_c(b, "</dd>\n");
}

static void order(struct buf *b, const json_t *o)
{
	char entries[FIGURE_MAX];
	const char *reason = field_text(o, "reason");
	size_t i;
	const json_t *contact;
	buf_add_c(b, "<article><h3>");
	put(b, reason[0] != '\0' ? reason : "No reason is given");
	buf_add_c(b, "</h3>\n<p class=\"soft\">");
	putf(b, "%s, %s", field_text(o, "list"), figure_count(field_int(o, "entries"), "entry", "entries", entries));
	buf_add_c(b, "</p>\n<dl>\n");
	row(b, "authority", field_text(o, "authority"));
	row(b, "reference", field_text(o, "reference"));
	json_array_foreach(json_object_get(o, "contact"), i, contact) row(b, "contact", json_string_value(contact));
	row(b, "added", field_text(o, "added"));
	row(b, "review", field_text(o, "review"));
	row(b, "expires", field_text(o, "expires"));
	row(b, "lifted", field_text(o, "lifted"));
	row(b, "lifted by", field_text(o, "lifted_by"));
	row(b, "lifted for", field_text(o, "lift_reason"));
	row(b, "by order", field_text(o, "lift_reference"));
	recorded(b, o);
	names(b, o);
	if (json_is_integer(json_object_get(o, "hits")))
		buf_printf(b, "<dt>hits</dt><dd>%lld blocked, %lld would have been</dd>\n", (long long)field_int(o, "hits"),
			   (long long)field_int(o, "would_block"));
	buf_add_c(b, "</dl></article>\n");
}

static void section(struct buf *b, const char *title, const json_t *orders, const char *none)
{
	size_t i;
	const json_t *o;
	buf_printf(b, "<section>\n<h2>%s</h2>\n", title);
	json_array_foreach(orders, i, o) order(b, o);
	if (json_array_size(orders) == 0)
		buf_printf(b, "<p class=\"soft\">%s</p>\n", none);
	buf_add_c(b, "</section>\n");
}

static void tile(struct buf *b, int64_t number, const char *what)
{
	buf_printf(b, "<li><b>%lld</b>%s</li>\n", (long long)number, what);
}

static void tiles(struct buf *b, const json_t *counts)
{
	buf_add_c(b, "<ul class=\"tiles\">\n");
	tile(b, field_int(counts, "entries"), "entries in force");
	tile(b, field_int(counts, "orders"), "orders in force");
	tile(b, field_int(counts, "authorities"), "authorities");
	tile(b, field_int(counts, "added_entries"), "entries added");
	tile(b, field_int(counts, "lifted_entries"), "entries lifted");
	tile(b, field_int(counts, "expired_entries"), "entries expired");
	tile(b, field_int(counts, "due"), "orders due for review");
	tile(b, field_int(counts, "shadow_entries"), "entries on trial");
	tile(b, field_int(counts, "unannounced"), "changes nobody announced");
	buf_add_c(b, "</ul>\n");
	if (field_int(counts, "orders_left_out") > 0)
		buf_printf(b, "<p>%lld orders more are not told of one by one.</p>\n",
			   (long long)field_int(counts, "orders_left_out"));
}

static void effect(struct buf *b, const char *what, const json_t *e)
{
	char median[FIGURE_MAX], longest[FIGURE_MAX];
	buf_printf(b, "<dt>%s</dt><dd>", what);
	if (field_int(e, "count") == 0)
		buf_add_c(b, "nothing to measure");
	else
		buf_printf(b, "%s (median of %lld), at most %s", figure_seconds(field_real(e, "median_ms") / 1000, median),
			   (long long)field_int(e, "count"), figure_seconds(field_real(e, "max_ms") / 1000, longest));
	buf_add_c(b, "</dd>\n");
}

static void in_force(struct buf *b, const json_t *groups)
{
	size_t i, j;
	const json_t *group, *o;
	buf_add_c(b, "<section>\n<h2>In force, by authority</h2>\n");
	json_array_foreach(groups, i, group)
	{
		char entries[FIGURE_MAX], orders[FIGURE_MAX];
		const char *authority = field_text(group, "authority");
		buf_add_c(b, "<details open><summary><strong>");
		put(b, authority[0] != '\0' ? authority : "No authority is named");
		buf_printf(b, "</strong>: %s in %s</summary>\n",
			   figure_count(field_int(group, "entries"), "entry", "entries", entries),
			   figure_count((int64_t)json_array_size(json_object_get(group, "orders")), "order", "orders", orders));
		json_array_foreach(json_object_get(group, "orders"), j, o) order(b, o);
		buf_add_c(b, "</details>\n");
	}
	if (json_array_size(groups) == 0)
		buf_add_c(b, "<p class=\"soft\">Nothing is blocked.</p>\n");
	buf_add_c(b, "</section>\n");
}

static void who_changed(struct buf *b, const json_t *report)
{
	size_t i;
	const json_t *one;
	const json_t *counts = json_object_get(report, "counts");
	buf_add_c(b, "<section>\n<h2>Changes, by who made them</h2>\n");
	if (!json_is_true(json_object_get(report, "recorded")))
		buf_add_c(b, "<p>The audit log could not be read.</p>\n");
	buf_add_c(b, "<ul class=\"plain\">\n");
	json_array_foreach(json_object_get(report, "changes_by"), i, one)
	{
		const char *verb, *sep = "";
		json_t *number;
		buf_add_c(b, "<li><strong>");
		put(b, field_text(one, "who"));
		buf_printf(b, "</strong>: %lld (", (long long)field_int(one, "changes"));
		json_object_foreach(json_object_get(one, "verbs"), verb, number)
		{
			putf(b, "%s%s %lld", sep, verb, (long long)json_integer_value(number));
			sep = ", ";
		}
		buf_add_c(b, ")</li>\n");
	}
	if (json_array_size(json_object_get(report, "changes_by")) == 0)
		buf_add_c(b, "<li class=\"soft\">None is recorded.</li>\n");
	buf_add_c(b, "</ul>\n");
	if (field_int(counts, "records_lost") > 0)
		buf_printf(b, "<p>%lld records were lost.</p>\n", (long long)field_int(counts, "records_lost"));
	buf_add_c(b, "</section>\n");
}

static void most_hit(struct buf *b, const json_t *hit)
{
	size_t i;
	const json_t *one;
	buf_add_c(b, "<section>\n<h2>Hits</h2>\n");
	if (!json_is_true(json_object_get(hit, "counted"))) {
		buf_add_c(b, "<p class=\"soft\">Hits are not counted, or the daemon could not be asked.</p>\n</section>\n");
		return;
	}
	buf_printf(b, "<p>%lld since ", (long long)field_int(hit, "total"));
	put(b, field_text(hit, "since"));
	buf_add_c(b, "</p>\n<ul class=\"plain\">\n");
	json_array_foreach(json_object_get(hit, "top"), i, one)
	{
		buf_add_c(b, "<li>");
		putf(b, "%s (%s): %lld blocked, %lld would have been", field_text(one, "entry"), field_text(one, "list"),
		     (long long)field_int(one, "hits"), (long long)field_int(one, "would_block"));
		buf_add_c(b, "</li>\n");
	}
	if (json_array_size(json_object_get(hit, "top")) == 0)
		buf_add_c(b, "<li class=\"soft\">None.</li>\n");
	buf_add_c(b, "</ul>\n</section>\n");
}

static void foot(struct buf *b, const json_t *report)
{
	size_t i;
	const json_t *contact;
	buf_add_c(b, "<footer class=\"soft\">\n<p>");
	putf(b, "Made on %s by saring %s.", field_text(report, "generated_at"), field_text(report, "version"));
	json_array_foreach(json_object_get(report, "contact"), i, contact)
	{
		buf_add_c(b, i == 0 ? " Questions: " : ", ");
		put_link(b, json_string_value(contact));
	}
	buf_add_c(b, "</p>\n</footer>\n");
}

void report_html(const json_t *report, struct buf *b)
{
	const char *organization = field_text(report, "organization");
	buf_add_c(b, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
		     "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
		     /* whatever slips through, nothing is loaded and nothing runs */
		     "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
		     "<title>");
	putf(b, "Transparency report%s%s", organization[0] != '\0' ? " of " : "", organization);
	buf_printf(b, "</title>\n<style>%s</style>\n</head>\n<body>\n<main>\n<h1>", style);
	putf(b, "Transparency report%s%s", organization[0] != '\0' ? " of " : "", organization);
	buf_add_c(b, "</h1>\n<p class=\"soft\">");
	putf(b, "%s to %s", field_text(report, "since"), field_text(report, "until"));
	buf_add_c(b, "</p>\n");
	tiles(b, json_object_get(report, "counts"));
	buf_add_c(b, "<section>\n<h2>How fast</h2>\n<dl>\n");
	effect(b, "from command to effect", json_object_get(report, "time_to_effect"));
	effect(b, "from command to lift", json_object_get(report, "time_to_lift"));
	buf_add_c(b, "</dl>\n</section>\n");
	section(b, "Lifted in this time", json_object_get(report, "lifted"), "Nothing was lifted.");
	section(b, "Added in this time", json_object_get(report, "added"), "Nothing was added.");
	section(b, "Expired in this time", json_object_get(report, "expired"), "Nothing has expired.");
	section(b, "Due for review", json_object_get(report, "due"), "Nothing is due.");
	section(b, "On trial: counted, not blocked", json_object_get(report, "shadow"), "Nothing is on trial.");
	in_force(b, json_object_get(report, "in_force"));
	who_changed(b, report);
	most_hit(b, json_object_get(report, "hits"));
	buf_add_c(b, "</main>\n");
	foot(b, report);
	buf_add_c(b, "</body>\n</html>\n");
}
