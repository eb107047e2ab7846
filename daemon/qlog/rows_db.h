/* SPDX-License-Identifier: BSD-2-Clause
 *
 * rows_db.h - what rows.c, rows_words.c and rows_trim.c share. Not for others. */
#ifndef SARING_QLOG_ROWS_DB_H
#define SARING_QLOG_ROWS_DB_H

#include "base/siphash.h"
#include "qlog/rows.h"

#include <limits.h>
#include <sqlite3.h>

enum table { TABLE_NAMES, TABLE_CLIENTS, TABLE_LISTS, TABLE_ENTRIES, TABLE_WORDS, TABLE_COUNT };
extern const char *const rows_tables[TABLE_COUNT];

#define WORDS_SLOTS 32768u /* texts whose ids are remembered, of one table; a power of two */

/* Which id a text has, by a keyed hash of it alone: nobody who does not know the key can make two that share one, and by chance it
 * takes 2^32 texts at a time. */
struct words {
	struct {
		uint64_t hash;
		int64_t id; /* 0: free */
	} * slots;
	sqlite3_stmt *find, *add;
};

struct rows {
	sqlite3 *db;
	char path[PATH_MAX];
	dev_t dev;
	ino_t ino;
	struct siphash_key key;
	struct words words[TABLE_COUNT];
	sqlite3_stmt *insert, *count;
	int64_t last_us;       /* id of the row written last */
	int64_t rows, written; /* in the file; in this transaction */
	unsigned wal_pages;    /* that wait, when last told */
	uint64_t pages, free_pages, page_size;
	bool shrinking; /* rows go for the sake of the bytes */
	/* the lap over texts that nothing names any more */
	bool pruning;
	enum table prune_table;
	int64_t prune_at;
	int64_t removed; /* rows, since the last lap began */
};

/* What the last call of SQLite came to, as an end; err is filled. The transaction, if one is open, is undone. */
enum rows_end rows_failed(struct rows *s, const char *doing, struct err *err);
MUST_CHECK bool rows_run(struct rows *s, const char *sql);
/* The first column of the only row. */
MUST_CHECK bool rows_number(struct rows *s, const char *sql, int64_t *ret);
MUST_CHECK bool rows_prepare(struct rows *s, const char *sql, sqlite3_stmt **ret);
/* pages, free_pages */
MUST_CHECK bool rows_measure(struct rows *s);

MUST_CHECK bool words_open(struct rows *s);
void words_close(struct rows *s);
void words_forget(struct rows *s, enum table table);
/* *ret_id 0: the text is empty. */
MUST_CHECK bool words_id(struct rows *s, enum table table, struct str text, int64_t *ret_id);

#endif
