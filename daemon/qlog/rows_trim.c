/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The file's size: rows go by age and by how much they take, then the texts that no row names any more, then the pages that are
 * free. Each step is a transaction of its own and a fraction of a second, so that rows that come meanwhile are not kept waiting. */
#include "qlog/rows.h"

#include "qlog/rows_db.h"

#include <stdio.h>

#define PRUNE_IDS 20000	  /* texts looked at in one step */
#define PRUNE_PART 20	  /* of the rows */
#define VACUUM_PAGES 2000 /* given back in one step */

/* Rows go when the pages in use are more than this part of the bound, until they are less than that: what is written next finds
 * room in the pages that became free, and the file itself grows no further. */
#define TRIM_FROM_PERCENT 90u
#define TRIM_TO_PERCENT 85u

static bool count_less(struct rows *s, int64_t removed)
{
	(void)sqlite3_bind_int64(s->count, 1, -removed);
	int rc = sqlite3_step(s->count);
	(void)sqlite3_reset(s->count);
	return rc == SQLITE_DONE;
}

static bool note_removed(struct rows *s)
{
	s->written = sqlite3_changes(s->db); /* until it is committed */
	return count_less(s, s->written);
}

/* There are none, whatever was counted: somebody has deleted them by hand, and what only they named goes, too. */
static bool note_empty(struct rows *s)
{
	if (s->rows <= 0)
		return true;
	if (!count_less(s, s->rows))
		return false;
	s->removed += s->rows;
	s->rows = 0;
	return true;
}

/* The oldest, up to `count` of them, of those with an id below `below`. */
static bool remove_rows(struct rows *s, int64_t below, int64_t count, bool *ret_more)
{
	char sql[256];
	int64_t first;

	if (!rows_number(s, "SELECT coalesce(min(id), 9223372036854775807) FROM log", &first))
		return false;
	if (first == INT64_MAX)
		return note_empty(s);
	if (first >= below)
		return true;
	(void)snprintf(
	    sql, sizeof(sql),
	    "DELETE FROM log WHERE id < %lld AND id <= (SELECT max(id) FROM (SELECT id FROM log ORDER BY id LIMIT %lld))",
	    (long long)below, (long long)count);
	if (!rows_run(s, "BEGIN IMMEDIATE") || !rows_run(s, sql) || !note_removed(s) || !rows_run(s, "COMMIT"))
		return false;
	*ret_more |= s->written == count;
	s->rows -= s->written;
	s->removed += s->written;
	s->written = 0;
	return rows_measure(s);
}

/* What the texts that only these rows named take is as much again as the rows: it is given back before more rows go. */
static bool shrink(struct rows *s, uint64_t pages_max, bool *ret_more)
{
	const uint64_t used = s->pages - s->free_pages;

	s->shrinking = s->rows > 0 && used > pages_max / 100 * (s->shrinking ? TRIM_TO_PERCENT : TRIM_FROM_PERCENT);
	*ret_more |= s->shrinking;
	return !s->shrinking || s->pruning ||
	       remove_rows(s, INT64_MAX, MIN(s->rows / PRUNE_PART + 1, (int64_t)ROWS_TRIM_ROWS), ret_more);
}

/* Lists and words are as many as the configuration has, and stay. */
static bool may_prune(enum table table)
{
	return table == TABLE_NAMES || table == TABLE_CLIENTS;
}

static bool prune(struct rows *s, bool *ret_more)
{
	static const char *const columns[TABLE_COUNT] = {[TABLE_NAMES] = "name", [TABLE_CLIENTS] = "client"};
	const char *table = rows_tables[s->prune_table];
	char sql[256];
	int64_t last;

	(void)snprintf(sql, sizeof(sql), "SELECT coalesce(max(id), 0) FROM %s", table);
	if (!rows_number(s, sql, &last))
		return false;
	(void)snprintf(sql, sizeof(sql),
		       "DELETE FROM %s WHERE id > %lld AND id <= %lld AND NOT EXISTS (SELECT 1 FROM log WHERE log.%s = %s.id)",
		       table, (long long)s->prune_at, (long long)s->prune_at + PRUNE_IDS, columns[s->prune_table], table);
	if (!rows_run(s, sql))
		return false;
	if (sqlite3_changes(s->db) > 0)
		words_forget(s, s->prune_table); /* an id may be given anew */
	s->prune_at += PRUNE_IDS;
	if (s->prune_at >= last) {
		s->prune_at = 0;
		s->prune_table++;
		s->pruning = s->prune_table < TABLE_COUNT && may_prune(s->prune_table);
	}
	*ret_more |= s->pruning;
	return true;
}

/* A lap over all texts is worth its while when a part of the rows has gone. */
static void think_of_pruning(struct rows *s)
{
	if (s->pruning || s->removed == 0 || s->removed < s->rows / PRUNE_PART)
		return;
	s->pruning = true;
	s->prune_table = TABLE_NAMES;
	s->prune_at = 0;
	s->removed = 0;
}

static bool vacuum(struct rows *s, uint64_t pages_max, bool *ret_more)
{
	char sql[64];

	if (s->free_pages == 0 || (s->pages <= pages_max && s->free_pages <= s->pages / 4))
		return true;
	(void)snprintf(sql, sizeof(sql), "PRAGMA incremental_vacuum(%d)", VACUUM_PAGES);
	*ret_more = true;
	return rows_run(s, sql);
}

bool rows_is_tight(const struct rows *s, uint64_t bytes_max)
{
	return bytes_max > 0 && s->pages - s->free_pages > MAX(bytes_max / s->page_size, UINT64_C(1)) / 100 * TRIM_FROM_PERCENT;
}

static bool trim(struct rows *s, const struct rows_bounds *bounds, bool *ret_more)
{
	const uint64_t pages_max = bounds->bytes_max == 0 ? UINT64_MAX : MAX(bounds->bytes_max / s->page_size, UINT64_C(1));
	char sql[64];
	int64_t got;

	(void)snprintf(sql, sizeof(sql), "PRAGMA max_page_count=%llu", (unsigned long long)MIN(pages_max, UINT64_C(0xfffffffe)));
	if (!rows_number(s, sql, &got))
		return false;
	if (bounds->before_us > 0 && !remove_rows(s, bounds->before_us, ROWS_TRIM_ROWS, ret_more))
		return false;
	if (!rows_measure(s) || (bounds->bytes_max > 0 && !shrink(s, pages_max, ret_more)))
		return false;
	if (!*ret_more || s->shrinking)
		think_of_pruning(s);
	if (s->pruning && !prune(s, ret_more))
		return false;
	return rows_measure(s) && vacuum(s, pages_max, ret_more) && rows_measure(s);
}

enum rows_end rows_trim(struct rows *s, const struct rows_bounds *bounds, bool *ret_more, struct err *err)
{
	*ret_more = false;
	return trim(s, bounds, ret_more) ? ROWS_OK : rows_failed(s, "trimming the query log", err);
}
