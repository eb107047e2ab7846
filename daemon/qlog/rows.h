/* SPDX-License-Identifier: BSD-2-Clause
 *
 * rows.h - the query log's file (qlog/format.h): opening it or making it, writing rows in batches, throwing away the oldest.
 *
 * SQLite in WAL with synchronous=NORMAL: what a crash of the machine may cost is the last moments, never the file. Everything here
 * waits for the disk: one thread, the query log's own. Nothing here logs: what is wrong is told by the return value and an error.
 */
#ifndef SARING_QLOG_ROWS_H
#define SARING_QLOG_ROWS_H

#include "base/base.h"
#include "base/err.h"
#include "base/str.h"

#include <sys/types.h>

#define ROWS_MODE 0640
#define ROWS_DAMAGED ".damaged"	  /* behind the name of a file that was moved aside */
#define ROWS_BATCH_ROWS 5000	  /* of one transaction, */
#define ROWS_BATCH_BYTES 262144	  /* and what their texts may take: in the smallest file there is room for that much */
#define ROWS_TRIM_ROWS 20000	  /* that one step of rows_trim removes at most */
#define ROWS_WAL_PAGES_MAX 65536u /* 256 MiB: more waits only while a reader holds an old state of the file */

enum rows_end {
	ROWS_OK,
	ROWS_LATER,  /* full, read-only, locked, not there: it may be better in a while, and nothing of the batch is in the file */
	ROWS_BROKEN, /* the file is no database any more: rows_set_aside, then open anew */
};

struct rows;
/* The file of that path, made when it is not there, with that group if the process may give it. NULL: *ret_end says what to do. */
MUST_CHECK struct rows *rows_open(const char *path, gid_t group, enum rows_end *ret_end, struct err *err);
void rows_close(struct rows *s); /* takes NULL */
/* Put a broken file out of the way, under its name and ROWS_DAMAGED; one that lay there is replaced. The file is not open. */
MUST_CHECK bool rows_set_aside(const char *path, struct err *err);
/* Is the file at the path another one than is open, or none? */
bool rows_is_elsewhere(const struct rows *s);

/* One query. Texts of length 0 are not known. */
struct row {
	int64_t time_us; /* since the epoch */
	uint32_t took_us;
	uint16_t port; /* of the client; 0: not known */
	bool blocked;
	struct str client, name, type, transport, fate, rcode, verdict, list, entry, group, upstream;
};
/* Between begin and commit: rows. On any end but ROWS_OK the transaction is undone, and the next call is begin. */
MUST_CHECK enum rows_end rows_begin(struct rows *s, struct err *err);
MUST_CHECK enum rows_end rows_add(struct rows *s, const struct row *row, struct err *err);
MUST_CHECK enum rows_end rows_commit(struct rows *s, struct err *err);

struct rows_bounds {
	int64_t before_us;  /* rows older than this go; 0: none for their age */
	uint64_t bytes_max; /* of the file; 0: any */
};
/* One step: some rows that are too old or too many, some texts that no row names any more, some pages given back to the file
 * system. *ret_more: there is more to do. */
/* Is so much of that bound in use that rows_trim would take rows away for it? As of the last commit. */
bool rows_is_tight(const struct rows *s, uint64_t bytes_max);
MUST_CHECK enum rows_end rows_trim(struct rows *s, const struct rows_bounds *bounds, bool *ret_more, struct err *err);

uint64_t rows_count(const struct rows *s);
uint64_t rows_bytes(const struct rows *s); /* of the file, without what waits in its WAL */

#endif
