/* SPDX-License-Identifier: BSD-2-Clause */
#include "saringctl/output.h"

#include "base/str.h"
#include "ctl/proto.h"

#include <langinfo.h>
#include <libsmartcols.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#define WIDTH_MIN 20
#define WIDTH_MAX 10000 /* of a terminal that is one */
#define WIDTH_DEFAULT 80
#define WRAP_LEAST 20  /* a column that is broken over lines has as much */
#define LABEL_WIDTH 11 /* "in force at" and the like */

enum exit_status output_status(const struct err *err)
{
	switch (err->code) {
	case ERR_NONE:
		return STATUS_DONE;
	case ERR_USAGE:
		return STATUS_USAGE;
	case ERR_UNREACHABLE:
		return STATUS_UNREACHABLE;
	case ERR_INPUT:
	case ERR_IO:
	case ERR_MEMORY:
	case ERR_LIMIT:
	case ERR_EXISTS:
	case ERR_NOT_FOUND:
	case ERR_DENIED:
	case ERR_INTERNAL:
		return STATUS_FAILED;
	}
	return STATUS_FAILED;
}

bool output_is_terminal(FILE *f)
{
	const char *term = getenv("TERM");
	return isatty(fileno(f)) == 1 && term != NULL && term[0] != '\0' && strcmp(term, "dumb") != 0;
}

size_t output_width(FILE *f)
{
	struct winsize size;
	uint64_t columns;
	const char *said = getenv("COLUMNS");
	if (said != NULL && str_to_u64(str_from(said), &columns) && columns > 0 && columns < WIDTH_MAX)
		return MAX((size_t)columns, (size_t)WIDTH_MIN);
	if (isatty(fileno(f)) == 1 && ioctl(fileno(f), TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		return MAX((size_t)size.ws_col, (size_t)WIDTH_MIN);
	return WIDTH_DEFAULT;
}

bool output_wants_colour(bool terminal, const char *no_color)
{
	return terminal && (no_color == NULL || no_color[0] == '\0');
}

void output_init(struct output *o, bool json)
{
	const char *locale = setlocale(LC_ALL, "");
	/* Where nobody chose a locale (containers, cron, ssh without AcceptEnv) lists still hold UTF-8. */
	if (locale == NULL || strcmp(setlocale(LC_CTYPE, NULL), "C") == 0 || strcmp(setlocale(LC_CTYPE, NULL), "POSIX") == 0)
		(void)setlocale(LC_CTYPE, "C.UTF-8");
	(void)setlocale(LC_NUMERIC, "C"); /* numbers look the same everywhere, so that they can be searched for */
	*o = (struct output){
	    .json = json,
	    .utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0,
	    .colour = output_wants_colour(output_is_terminal(stdout), getenv("NO_COLOR")),
	    .progress = output_is_terminal(stderr),
	};
}

char *output_safe(const struct output *o, const char *text)
{
	char *plain = base_strdup(text == NULL ? "" : text);
	size_t len = strlen(plain);
	while (len > 0 && plain[len - 1] == '\n')
		plain[--len] = '\0';
	for (size_t i = 0; i < len; i++) {
		if (plain[i] == '\n' || plain[i] == '\t' || plain[i] == '\r')
			plain[i] = ' ';
	}
	size_t size = len * 4 + 8; /* \DDD for each octet, and the NUL */
	char *safe = base_alloc(size);
	str_clean((struct str){plain, len}, o->utf8, safe, size);
	free(plain);
	return safe;
}

static const char *paint_code(const struct output *o, enum paint paint)
{
	if (!o->colour)
		return "";
	switch (paint) {
	case PAINT_NONE:
		return "";
	case PAINT_GOOD:
		return "\033[32m";
	case PAINT_WARN:
		return "\033[33m";
	case PAINT_BAD:
		return "\033[31m";
	case PAINT_HEAD:
		return "\033[1m";
	}
	return "";
}

/* The same for libsmartcols. */
static const char *paint_name(enum paint paint)
{
	switch (paint) {
	case PAINT_NONE:
		return NULL;
	case PAINT_GOOD:
		return "green";
	case PAINT_WARN:
		return "brown";
	case PAINT_BAD:
		return "red";
	case PAINT_HEAD:
		return "bold";
	}
	return NULL;
}

static void print_painted(const struct output *o, FILE *f, enum paint paint, const char *text)
{
	const char *code = f == stdout ? paint_code(o, paint) : "";
	fprintf(f, "%s%s%s", code, text, code[0] != '\0' ? "\033[0m" : "");
}

/* Formats without a limit. Owned by the caller. */
MUST_CHECK PRINTF_LIKE(1, 0) static char *format(const char *fmt, va_list args)
{
	char *text = NULL;
	must(vasprintf(&text, fmt, args) >= 0);
	return text;
}

void output_print(const struct output *o, FILE *f, enum paint paint, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	char *text = format(fmt, args);
	va_end(args);
	char *safe = output_safe(o, text);
	print_painted(o, f, paint, safe);
	free(safe);
	free(text);
}

void output_line(const struct output *o, const char *label, const char *text)
{
	if (text == NULL || text[0] == '\0')
		return;
	char *safe = output_safe(o, text);
	printf("  %-*s %s\n", LABEL_WIDTH, label, safe);
	free(safe);
}

void output_linef(const struct output *o, const char *label, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	char *text = format(fmt, args);
	va_end(args);
	output_line(o, label, text);
	free(text);
}

void output_note(const struct output *o, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	char *text = format(fmt, args);
	va_end(args);
	char *safe = output_safe(o, text);
	(void)fflush(stdout);
	fprintf(stderr, "saringctl: %s\n", safe);
	free(safe);
	free(text);
}

void output_errors(const struct output *o, const struct err_list *errors)
{
	if (errors == NULL)
		return;
	(void)fflush(stdout);
	for (size_t i = 0; i < errors->count; i++) {
		char line[sizeof(struct err) + 32];
		err_format(&errors->items[i], line, sizeof(line));
		char *safe = output_safe(o, line);
		fprintf(stderr, "%s\n", safe);
		free(safe);
	}
	if (errors->swallowed > 0)
		fprintf(stderr, "... and %zu more\n", errors->swallowed);
}

void output_json(const json_t *document)
{
	char *text = ctl_json(document, JSON_INDENT(2));
	puts(text);
	free(text);
}

json_t *output_errors_json(const struct err_list *errors)
{
	json_t *array = json_array();
	must(array != NULL);
	for (size_t i = 0; errors != NULL && i < errors->count; i++) {
		const struct err *e = &errors->items[i];
		json_t *one = json_pack("{s:o, s:I, s:I, s:o}", "file", ctl_text(str_from(e->file)), "line", (json_int_t)e->line,
					"column", (json_int_t)e->column, "text", ctl_text(str_from(e->text)));
		must(one != NULL && json_array_append_new(array, one) == 0);
	}
	return array;
}

enum exit_status output_fail(const struct output *o, const struct err *err, const struct err_list *errors)
{
	output_errors(o, errors);
	char line[sizeof(struct err) + 32];
	err_format(err, line, sizeof(line));
	if (err->file[0] != '\0') {
		char *safe = output_safe(o, line);
		(void)fflush(stdout);
		fprintf(stderr, "%s\n", safe);
		free(safe);
	} else {
		output_note(o, "%s", line);
	}
	if (o->json) {
		char *safe = output_safe(o, line);
		json_t *document = json_pack("{s:{s:s, s:s}, s:o}", "error", "code", ctl_code_word(err->code), "text", safe,
					     "errors", output_errors_json(errors));
		must(document != NULL);
		output_json(document);
		json_decref(document);
		free(safe);
	}
	return output_status(err);
}

/* ---- tables ---- */

struct table {
	const struct output *o;
	struct libscols_table *cols;  /* owned */
	struct libscols_line *line;   /* the current row */
	struct libscols_line **lines; /* owned; all of them: libsmartcols finds its n-th by going there from the first */
	size_t line_count, line_room;
	struct column *columns; /* owned */
	size_t count;
};

struct table *table_create(const struct output *o, const struct column *columns, size_t count)
{
	struct table *t = base_alloc(sizeof(*t));
	t->o = o;
	t->columns = base_alloc(count * sizeof(*t->columns));
	memcpy(t->columns, columns, count * sizeof(*columns));
	t->count = count;
	t->cols = scols_new_table();
	must(t->cols != NULL);
	(void)scols_table_enable_colors(t->cols, o->colour);
	for (size_t i = 0; i < count; i++) {
		int flags = (columns[i].right ? SCOLS_FL_RIGHT : 0) | (columns[i].wrap ? SCOLS_FL_WRAP : 0);
		struct libscols_column *c = scols_table_new_column(t->cols, columns[i].title, 0, flags);
		must(c != NULL);
		if (o->colour)
			(void)scols_cell_set_color(scols_column_get_header(c), "bold");
	}
	return t;
}

void table_row(struct table *t)
{
	t->line = scols_table_new_line(t->cols, NULL);
	must(t->line != NULL);
	if (t->line_count == t->line_room) {
		t->line_room = MAX(2 * t->line_room, (size_t)64);
		t->lines = base_realloc(t->lines, t->line_room * sizeof(struct libscols_line *));
	}
	t->lines[t->line_count++] = t->line;
}

void table_cell(struct table *t, size_t column, enum paint paint, const char *text)
{
	char *safe = output_safe(t->o, text);
	must(scols_line_refer_data(t->line, column, safe) == 0); /* takes it */
	if (t->o->colour && paint != PAINT_NONE) {
		struct libscols_cell *cell = scols_line_get_cell(t->line, column);
		(void)scols_cell_set_color(cell, paint_name(paint));
	}
}

void table_number(struct table *t, size_t column, int64_t number)
{
	char text[32];
	(void)snprintf(text, sizeof(text), "%lld", (long long)number);
	table_cell(t, column, PAINT_NONE, text);
}

/* In columns of a terminal. */
static size_t text_width(const char *text)
{
	wchar_t wide[WIDTH_MAX];
	size_t len = text == NULL ? 0 : mbstowcs(wide, text, ARRAY_LEN(wide));
	int width = len == 0 ? 0 : len == (size_t)-1 ? -1 : wcswidth(wide, MIN(len, ARRAY_LEN(wide)));
	return width < 0 ? strlen(text) : (size_t)width;
}

static const char *cell_text(struct libscols_line *line, size_t column)
{
	const char *text = scols_cell_get_data(scols_line_get_cell(line, column));
	return text != NULL ? text : "";
}

/* How wide it is when nothing is broken but what may be, and that not below a few words. */
static size_t least_width(const struct table *t, size_t column)
{
	size_t width = text_width(t->columns[column].title);
	for (size_t i = 0; i < t->line_count; i++) {
		size_t cell = text_width(cell_text(t->lines[i], column));
		width = MAX(width, t->columns[column].wrap ? MIN(cell, (size_t)WRAP_LEAST) : cell);
	}
	return width;
}

/* Leaves out what may be. False: it is still too wide. */
static bool make_fit(struct table *t, size_t width)
{
	size_t total = 0;
	for (size_t i = 0; i < t->count; i++)
		total += least_width(t, i) + (i > 0 ? 1 : 0);
	for (size_t i = t->count; i > 0 && total > width; i--) {
		if (!t->columns[i - 1].spare)
			continue;
		struct libscols_column *c = scols_table_get_column(t->cols, i - 1);
		(void)scols_column_set_flags(c, scols_column_get_flags(c) | SCOLS_FL_HIDDEN);
		total -= least_width(t, i - 1) + 1;
	}
	return total <= width;
}

/* A line for each cell that says something, and an empty one between rows. */
static void print_records(const struct table *t)
{
	size_t label = 0;
	for (size_t i = 0; i < t->count; i++)
		label = MAX(label, strlen(t->columns[i].title));
	for (size_t i = 0; i < t->line_count; i++) {
		struct libscols_line *line = t->lines[i];
		if (i > 0)
			putchar('\n');
		for (size_t k = 0; k < t->count; k++) {
			if (cell_text(line, k)[0] == '\0')
				continue;
			print_painted(t->o, stdout, PAINT_HEAD, t->columns[k].title);
			printf("%*s %s\n", (int)(label - strlen(t->columns[k].title)), "", cell_text(line, k));
		}
	}
}

void table_finish(struct table *t)
{
	if (isatty(STDOUT_FILENO) == 1 && !make_fit(t, output_width(stdout)))
		print_records(t);
	else
		(void)scols_print_table(t->cols);
	scols_unref_table(t->cols);
	free(t->columns);
	free(t->lines);
	free(t);
}

/* ---- members and figures ---- */

const char *field_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text != NULL ? text : "";
}

int64_t field_int(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

double field_real(const json_t *object, const char *key)
{
	return json_number_value(json_object_get(object, key));
}

bool field_bool(const json_t *object, const char *key)
{
	return json_is_true(json_object_get(object, key));
}

void field_put(json_t *object, const char *key, json_t *value)
{
	must(value != NULL);
	if (json_is_object(object))
		must(json_object_set_new(object, key, value) == 0);
	else
		json_decref(value);
}

void field_put_text(json_t *object, const char *key, const char *text)
{
	field_put(object, key, ctl_text(str_from(text)));
}

char *figure_bytes(uint64_t bytes, char buf[FIGURE_MAX])
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
	double figure = (double)bytes;
	size_t unit = 0;
	while (figure >= 1024 && unit + 1 < ARRAY_LEN(units)) {
		figure /= 1024;
		unit++;
	}
	(void)snprintf(buf, FIGURE_MAX, unit == 0 ? "%.0f %s" : "%.1f %s", figure, units[unit]);
	return buf;
}

char *figure_count(int64_t count, const char *one, const char *many, char buf[FIGURE_MAX])
{
	(void)snprintf(buf, FIGURE_MAX, "%lld %s", (long long)count, count == 1 ? one : many);
	return buf;
}

char *figure_seconds(double seconds, char buf[FIGURE_MAX])
{
	if (!(seconds >= 0 && seconds < 1e12)) { /* not a number, or another version's idea of one */
		(void)snprintf(buf, FIGURE_MAX, "-");
		return buf;
	}
	long long s = (long long)seconds;
	if (s >= 86400)
		(void)snprintf(buf, FIGURE_MAX, "%lld d %lld h", s / 86400, s % 86400 / 3600);
	else if (s >= 3600)
		(void)snprintf(buf, FIGURE_MAX, "%lld h %lld min", s / 3600, s % 3600 / 60);
	else if (s >= 60)
		(void)snprintf(buf, FIGURE_MAX, "%lld min %lld s", s / 60, s % 60);
	else if (seconds >= 1)
		(void)snprintf(buf, FIGURE_MAX, "%.1f s", seconds);
	else
		(void)snprintf(buf, FIGURE_MAX, "%.1f ms", seconds * 1000);
	return buf;
}
