/* SPDX-License-Identifier: BSD-2-Clause
 *
 * log_show.h - queries as the daemon tells of them, for people: a table of some, or line by line as they come. */
#ifndef SARING_SARINGCTL_LOG_SHOW_H
#define SARING_SARINGCTL_LOG_SHOW_H

#include "saringctl/output.h"

void log_show_table(const struct output *o, const json_t *queries);

/* Lines under each other: a column is as wide as the widest that was there so far. Begins as {0}. */
#define LOG_COLUMNS 9
struct log_lines {
	int widths[LOG_COLUMNS];
	bool begun;
};
void log_show_line(const struct output *o, struct log_lines *lines, const json_t *query);

#define LOG_TOOK_MAX 24
/* "41 us", "1.2 ms", "1.5 s" */
char *log_took(int64_t us, char buf[LOG_TOOK_MAX]);

#endif
