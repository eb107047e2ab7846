/* SPDX-License-Identifier: BSD-2-Clause
 *
 * output.h - what saringctl shows: text for people (aligned, escaped, coloured on a terminal alone) and JSON for programs.
 *
 * Names, reasons and addresses come from lists, from strangers and from the daemon: nothing of them reaches a terminal but through
 * output_safe (which the other functions here call). Results go to stdout, reasons why not to stderr. One thread. */
#ifndef SARING_SARINGCTL_OUTPUT_H
#define SARING_SARINGCTL_OUTPUT_H

#include "base/base.h"
#include "base/err.h"

#include <jansson.h>
#include <stdio.h>

/* saringctl(1): EXIT STATUS. */
enum exit_status { STATUS_DONE = 0, STATUS_FAILED = 1, STATUS_USAGE = 2, STATUS_UNREACHABLE = 3 };
enum exit_status output_status(const struct err *err);

struct output {
	bool json;     /* --json */
	bool utf8;     /* the locale's characters are UTF-8: they are shown as they are */
	bool colour;   /* stdout is a terminal that takes colours, and NO_COLOR is not set */
	bool progress; /* stderr is a terminal that can redraw a line */
};
/* Sets the locale too; the C locale becomes C.UTF-8. */
void output_init(struct output *o, bool json);
/* Is f a terminal that may be given escape sequences? TERM unset or "dumb" is none. */
bool output_is_terminal(FILE *f);
/* How many columns a line of f has: what COLUMNS says, else the terminal; 80 where there is none. 20 at least. */
size_t output_width(FILE *f);
/* May colours be sent to such a terminal: not when NO_COLOR is set to anything (no-color.org). */
bool output_wants_colour(bool terminal, const char *no_color);

/* Text that is safe on a terminal: control characters and what is no UTF-8 as \DDD, line ends and tabs as blanks. Quotes and
 * backslashes stay, since this is for reading; --json gives the exact bytes. NULL gives "". Owned by the caller. */
MUST_CHECK char *output_safe(const struct output *o, const char *text);

enum paint { PAINT_NONE, PAINT_GOOD, PAINT_WARN, PAINT_BAD, PAINT_HEAD };
/* Print formatted text, made safe. */
void output_print(const struct output *o, FILE *f, enum paint paint, const char *fmt, ...) PRINTF_LIKE(4, 5);
/* "  label      text", the labels of one width. An empty or NULL text prints nothing. */
void output_line(const struct output *o, const char *label, const char *text);
void output_linef(const struct output *o, const char *label, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* "saringctl: sentence" on stderr. */
void output_note(const struct output *o, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* "FILE:LINE:COLUMN: text" lines on stderr. */
void output_errors(const struct output *o, const struct err_list *errors);
/* One JSON document on stdout. */
void output_json(const json_t *document);
/* The whole of a failure: errors (may be NULL or empty) and the sentence on stderr; with --json also
 * {"error": {"code", "text"}, "errors": [...]} on stdout. Returns the status to exit with. */
enum exit_status output_fail(const struct output *o, const struct err *err, const struct err_list *errors);
/* [{"file","line","column","text"}, ...]; errors may be NULL. */
MUST_CHECK json_t *output_errors_json(const struct err_list *errors);

/* Tables of aligned columns (libsmartcols). Nothing in a cell is ever cut. A pipe gets a line for each row, however long; on a
 * terminal that is too narrow some columns are broken over lines, some left out, and where that does not help each row is shown as
 * lines of its own. */
struct column {
	const char *title;
	bool right; /* numbers */
	bool wrap;  /* may be broken over lines on a narrow terminal */
	bool spare; /* may be left out there, the last first */
};
struct table; /* opaque */
MUST_CHECK struct table *table_create(const struct output *o, const struct column *columns, size_t count);
void table_row(struct table *t); /* the cells that follow are this row's */
void table_cell(struct table *t, size_t column, enum paint paint, const char *text);
void table_number(struct table *t, size_t column, int64_t number);
void table_finish(struct table *t); /* prints and frees */

/* Members of what the daemon sent. It may be of another version, so that what is absent or of another type reads as "", 0, false.
 */
const char *field_text(const json_t *object, const char *key);
int64_t field_int(const json_t *object, const char *key);
double field_real(const json_t *object, const char *key); /* whole numbers too */
bool field_bool(const json_t *object, const char *key);

/* A member of a document: value is taken. What is no object, as of a daemon of another version, gets nothing. */
void field_put(json_t *object, const char *key, json_t *value);
void field_put_text(json_t *object, const char *key, const char *text); /* NULL: null */

/* For people: "1.5 KiB"; "2 d 3 h"; "0.8 ms". */
#define FIGURE_MAX 48
char *figure_bytes(uint64_t bytes, char buf[FIGURE_MAX]);
char *figure_count(int64_t count, const char *one, const char *many, char buf[FIGURE_MAX]); /* "1 list", "2 lists" */
char *figure_seconds(double seconds, char buf[FIGURE_MAX]);

#endif
