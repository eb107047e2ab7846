/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cmd_top.c - top: names, blocked names, clients or lists that led in the last day; once, or refreshed in place. */
#include "saringctl/context.h"

#include "base/buf.h"
#include "saringctl/log_show.h"
#include "saringctl/screen.h"

#include <stdlib.h>
#include <string.h>

#define LEADERS_DEFAULT 10
#define LEADERS_MAX 1000 /* the daemon tells no more */
#define REFRESH_MS 1000
#define RATE_S 10 /* queries a second are told over so many */

static const struct kind {
	const char *word, *title, *member; /* member: of a leader, what it is */
	const char *what;		   /* "most ..." */
	bool has_list, has_clients;
	char key;
} kinds[] = {
    {"names", "NAME", "name", "names asked most", false, true, 'n'},
    {"blocked", "NAME", "name", "names blocked most", true, true, 'b'},
    {"clients", "CLIENT", "client", "clients that ask most", false, false, 'c'},
    {"lists", "LIST", "list", "lists that block most", false, true, 'l'},
};

static const struct kind *kind_of(const char *word)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (strcmp(kinds[i].word, word) == 0)
			return &kinds[i];
	return NULL;
}

static json_t *top_args(const struct kind *kind, size_t limit)
{
	json_t *args = json_pack("{s:s, s:I}", "kind", kind->word, "limit", (json_int_t)MIN(limit, (size_t)LEADERS_MAX));
	must(args != NULL);
	return args;
}

/* "12.3 %" of all of that kind. */
static const char *share_of(const json_t *leader, const json_t *said, char buf[FIGURE_MAX])
{
	const double total = (double)field_int(said, "total");
	(void)snprintf(buf, FIGURE_MAX, "%.1f %%", total > 0 ? 100.0 * (double)field_int(leader, "queries") / total : 0.0);
	return buf;
}

/* What the figures are worth. Owned by the caller. */
static char *reservation(const json_t *said)
{
	struct buf b = {0};
	const json_int_t error = field_int(said, "error"), sampled = field_int(said, "sampled");
	if (error > 0)
		buf_printf(&b, "Counts are at most %lld too high.", (long long)error);
	if (sampled > 1)
		buf_printf(&b, "%sOne query of %lld is looked at now, and stands for the others.", error > 0 ? " " : "",
			   (long long)sampled);
	return b.ptr != NULL ? b.ptr : base_strdup("");
}

/* ---- once ---- */

static void show_table(const struct output *o, const struct kind *kind, const json_t *said)
{
	const struct column columns[] = {{"QUERIES", true, false},
					 {"SHARE", true, false},
					 {kind->title, false, true},
					 {kind->has_list ? "LIST" : "CLIENTS", !kind->has_list, true},
					 {"CLIENTS", true, false}};
	const size_t count = 3u + kind->has_list + kind->has_clients;
	size_t i;
	const json_t *leader;
	struct table *t = table_create(o, columns, count);
	json_array_foreach(json_object_get(said, "leaders"), i, leader)
	{
		char share[FIGURE_MAX];
		table_row(t);
		table_number(t, 0, field_int(leader, "queries"));
		table_cell(t, 1, PAINT_NONE, share_of(leader, said, share));
		table_cell(t, 2, PAINT_NONE, field_text(leader, kind->member));
		if (kind->has_list)
			table_cell(t, 3, PAINT_NONE, field_text(leader, "list"));
		if (kind->has_clients)
			table_number(t, count - 1, field_int(leader, "clients"));
	}
	table_finish(t);
}

static enum exit_status show_once(struct context *ctx, const struct kind *kind)
{
	enum exit_status status;
	json_t *said;
	const size_t limit = ctx->in->number > 0 ? ctx->in->number : LEADERS_DEFAULT;
	if (!context_call(ctx, "top", top_args(kind, limit), NULL, &said, &status))
		return status;
	if (ctx->out.json) {
		output_json(said);
	} else if (json_array_size(json_object_get(said, "leaders")) == 0) {
		output_print(&ctx->out, stdout, PAINT_NONE, "Nothing since %s.", field_text(said, "since"));
		putchar('\n');
	} else {
		char *worth = reservation(said);
		show_table(&ctx->out, kind, said);
		output_print(&ctx->out, stdout, PAINT_NONE, "Since %s: %s, of %lld. %s", field_text(said, "since"), kind->what,
			     (long long)field_int(said, "total"), worth);
		putchar('\n');
		free(worth);
	}
	json_decref(said);
	return STATUS_DONE;
}

/* ---- in place ---- */

struct watching {
	struct context *ctx;
	const struct kind *kind;
	struct buf lines;
	size_t rows, columns;
};

static void put_safe(struct watching *w, const char *text, size_t width, bool right)
{
	char *safe = output_safe(&w->ctx->out, text);
	screen_put(&w->lines, safe, width, right);
	free(safe);
}

/* Formatted text, cut to the terminal, and with it the line. */
PRINTF_LIKE(3, 4) static void put_line(struct watching *w, bool bold, const char *fmt, ...)
{
	va_list args;
	char *text;
	va_start(args, fmt);
	must(vasprintf(&text, fmt, args) >= 0);
	va_end(args);
	const bool paint = bold && w->ctx->out.colour;
	if (paint)
		buf_add_c(&w->lines, "\033[1m");
	put_safe(w, text, w->columns, false);
	if (paint)
		buf_add_c(&w->lines, "\033[0m");
	screen_line(&w->lines);
	free(text);
}

/* How it goes just now. */
static void put_head(struct watching *w, const json_t *stats)
{
	const json_t *total = json_object_get(stats, "total"), *took = json_object_get(total, "took_us");
	const json_int_t queries = field_int(total, "total"), blocked = field_int(total, "blocked");
	char median[LOG_TOOK_MAX], slow[LOG_TOOK_MAX];
	put_line(w, true, "saring top: %s", w->kind->what);
	put_line(w, false, "%.1f queries/s, %.1f %% blocked, %lld failed; half in %s, 99 %% in %s (last %d s)",
		 (double)queries / RATE_S, queries > 0 ? 100.0 * (double)blocked / (double)queries : 0.0,
		 (long long)field_int(total, "failed"), log_took(field_int(took, "p50"), median),
		 log_took(field_int(took, "p99"), slow), RATE_S);
}

static void put_leaders(struct watching *w, const json_t *said)
{
	const size_t list_width = w->kind->has_list ? MIN(w->columns / 4, (size_t)24) : 0;
	const size_t fixed = 10 + 1 + 8 + 1 + (list_width > 0 ? list_width + 1 : 0) + (w->kind->has_clients ? 9 : 0);
	const size_t width = w->columns > fixed + 10 ? w->columns - fixed : 10;
	size_t i;
	const json_t *leader;
	struct buf title = {0};
	buf_printf(&title, "%10s %8s %-*s", "QUERIES", "SHARE", (int)width, w->kind->title);
	if (list_width > 0)
		buf_printf(&title, " %-*s", (int)list_width, "LIST");
	if (w->kind->has_clients)
		buf_printf(&title, " %8s", "CLIENTS");
	put_line(w, true, "%s", title.ptr);
	buf_finish(&title);
	json_array_foreach(json_object_get(said, "leaders"), i, leader)
	{
		char share[FIGURE_MAX];
		if (i + 5 >= w->rows)
			break;
		buf_printf(&w->lines, "%10lld %8s ", (long long)field_int(leader, "queries"), share_of(leader, said, share));
		put_safe(w, field_text(leader, w->kind->member), width, false);
		if (list_width > 0) {
			buf_add_c(&w->lines, " ");
			put_safe(w, field_text(leader, "list"), list_width, false);
		}
		if (w->kind->has_clients)
			buf_printf(&w->lines, " %8lld", (long long)field_int(leader, "clients"));
		screen_line(&w->lines);
	}
}

/* One look at the daemon, drawn. False: err says why there is none. */
static bool draw(struct watching *w, struct err *err)
{
	struct err_list errors = {0};
	json_t *said = NULL, *stats = NULL, *span = json_pack("{s:i}", "seconds", RATE_S);
	screen_size(&w->rows, &w->columns);
	must(span != NULL);
	bool ok = context_ask(w->ctx, "top", top_args(w->kind, w->rows), NULL, &said, &errors, err);
	if (ok)
		ok = context_ask(w->ctx, "stats", span, NULL, &stats, &errors, err);
	else
		json_decref(span);
	if (ok) {
		char *worth = reservation(said);
		buf_reset(&w->lines);
		put_head(w, stats);
		screen_line(&w->lines);
		put_leaders(w, said);
		put_line(w, false, "since %s  %s%s[n]ames [b]locked [c]lients [l]ists [q]uit", field_text(said, "since"), worth,
			 worth[0] != '\0' ? "  " : "");
		screen_show(&w->lines);
		free(worth);
	}
	json_decref(said);
	json_decref(stats);
	err_list_finish(&errors);
	return ok;
}

static enum exit_status watch(struct context *ctx, const struct kind *kind)
{
	struct watching w = {.ctx = ctx, .kind = kind};
	struct err err = {.code = ERR_NONE};
	int key;
	if (context_socket(ctx) == NULL)
		return STATUS_FAILED;
	if (!screen_begin(&err))
		return output_fail(&ctx->out, &err, NULL);
	ctx->out.progress = false; /* nothing else draws here */
	bool ok;
	while ((ok = draw(&w, &err)) && (key = screen_key(REFRESH_MS)) >= 0)
		for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
			if (kinds[i].key == key)
				w.kind = &kinds[i];
	screen_end();
	buf_finish(&w.lines);
	return ok ? STATUS_DONE : output_fail(&ctx->out, &err, NULL);
}

enum exit_status cmd_top(struct context *ctx)
{
	const struct invocation *in = ctx->in;
	const struct kind *kind = kind_of(in->operand_count > 0 ? in->operands[0] : "names");
	if (kind == NULL)
		return context_usage(ctx, "'%s' is not one of names, blocked, clients, lists", in->operands[0]);
	if (in->interactive && ctx->out.json)
		return context_usage(ctx, "-i is for people, --json for programs");
	return in->interactive ? watch(ctx, kind) : show_once(ctx, kind);
}
