/* SPDX-License-Identifier: BSD-2-Clause
 *
 * screen.h - the whole terminal, redrawn in place, and put back as it was in the end: also when a signal ends the program. One
 * screen in a process. */
#ifndef SARING_SARINGCTL_SCREEN_H
#define SARING_SARINGCTL_SCREEN_H

#include "base/base.h"
#include "base/buf.h"
#include "base/err.h"
#include "saringctl/output.h"

/* False, ERR_USAGE, when stdin or stdout is no terminal that can be drawn on. */
MUST_CHECK bool screen_begin(struct err *err);
void screen_end(void);
void screen_size(size_t *ret_rows, size_t *ret_columns);
/* Draw these lines, of which those that have no room are left out. Begins with the first line that screen_line adds. */
void screen_show(const struct buf *lines);
/* Wait for a key, at most so long. Returns it; 0: none came; -1: it is to end (q, Ctrl-C, SIGTERM, the terminal is gone). */
int screen_key(int64_t wait_ms);

/* So many columns of text, cut or filled with blanks, wide characters counted as the terminal does. text is safe (output_safe). */
void screen_put(struct buf *out, const char *text, size_t width, bool right);
/* The end of a line. */
void screen_line(struct buf *out);

/* How wide the terminal that stdout is is; 80 when it is none, or does not say. */
size_t screen_columns(void);

#endif
