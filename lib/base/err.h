/* SPDX-License-Identifier: BSD-2-Clause
 *
 * err.h - what went wrong on a cold path: a code, a place, one sentence a stranger can act on.
 *
 * Used by everything that is not on the query path (there, an enum names the fate). lib/ and config/ never log: they fill a
 * struct err and return false. Context is added while passing up: err_context(err, "loading '%s'", name) puts
 * "loading 'x': " before the sentence. Any thread; a struct err is the caller's own. */
#ifndef SARING_BASE_ERR_H
#define SARING_BASE_ERR_H

#include "base/base.h"

#include <stdarg.h>
#include <stdio.h>

enum err_code {
	ERR_NONE = 0,
	ERR_USAGE, /* the command line */
	ERR_INPUT, /* a file's or a caller's text is wrong */
	ERR_IO,	   /* a system call failed */
	ERR_MEMORY,
	ERR_LIMIT,  /* a named limit was reached */
	ERR_EXISTS, /* already there */
	ERR_NOT_FOUND,
	ERR_DENIED,	 /* not allowed to this user */
	ERR_UNREACHABLE, /* the daemon can't be reached */
	ERR_INTERNAL,
};

struct err {
	enum err_code code;
	char file[512];	 /* "" when there is none */
	uint32_t line;	 /* from 1; 0 = none */
	uint32_t column; /* from 1, in characters; 0 = none */
	char text[768];
};

/* Fill err (may be NULL). Always returns false, so that "return err_set(...)" reads well. */
bool err_set(struct err *err, enum err_code code, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* The same with a place. */
bool err_set_at(struct err *err, enum err_code code, const char *file, uint32_t line, uint32_t column, const char *fmt, ...)
    PRINTF_LIKE(6, 7);
/* The same, ending with ": " and the text of errno as it was on entry. */
bool err_set_errno(struct err *err, enum err_code code, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* Put "fmt: " before the sentence; the place stays. Returns false. */
bool err_context(struct err *err, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* "FILE:LINE:COLUMN: text", or "FILE: text", or "text". Returns what snprintf returns. */
int err_format(const struct err *err, char *buf, size_t size);
/* The same and a newline, as one line that steers no terminal, whatever the file is called and the sentence quotes. */
void err_print(const struct err *err, FILE *out);

/* Many errors, in the order found: a file's faults are all reported, not the first only. Bounded: past ERR_LIST_MAX they are
 * counted, not kept. */
#define ERR_LIST_MAX 200
struct err_list {
	struct err *items; /* owned */
	size_t count;	   /* kept */
	size_t swallowed;  /* counted past the limit */
};
bool err_list_is_full(const struct err_list *list); /* one more is counted only: spare yourself the sentence */
void err_list_add(struct err_list *list, const struct err *err);
void err_list_add_at(struct err_list *list, const char *file, uint32_t line, uint32_t column, const char *fmt, ...)
    PRINTF_LIKE(5, 6);
void err_list_print(const struct err_list *list, FILE *out); /* one line each, and "... and N more" */
void err_list_finish(struct err_list *list);		     /* frees; list is empty and usable again */

#endif
