/* SPDX-License-Identifier: BSD-2-Clause */
#include "qlog/rows_db.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static_assert((WORDS_SLOTS & (WORDS_SLOTS - 1)) == 0, "a place is low bits");

const char *const rows_tables[TABLE_COUNT] = {
    [TABLE_NAMES] = "names",	 [TABLE_CLIENTS] = "clients", [TABLE_LISTS] = "lists",
    [TABLE_ENTRIES] = "entries", [TABLE_WORDS] = "words",
};

bool words_open(struct rows *s)
{
	char sql[128];

	for (size_t t = 0; t < TABLE_COUNT; t++) {
		struct words *w = &s->words[t];
		(void)snprintf(sql, sizeof(sql), "SELECT id FROM %s WHERE text = ?", rows_tables[t]);
		if (!rows_prepare(s, sql, &w->find))
			return false;
		(void)snprintf(sql, sizeof(sql), "INSERT INTO %s(text) VALUES(?)", rows_tables[t]);
		if (!rows_prepare(s, sql, &w->add))
			return false;
		w->slots = base_alloc(WORDS_SLOTS * sizeof(w->slots[0]));
	}
	return true;
}

void words_close(struct rows *s)
{
	for (size_t t = 0; t < TABLE_COUNT; t++) {
		(void)sqlite3_finalize(s->words[t].find);
		(void)sqlite3_finalize(s->words[t].add);
		free(s->words[t].slots);
		s->words[t].slots = NULL;
	}
}

void words_forget(struct rows *s, enum table table)
{
	if (s->words[table].slots != NULL)
		memset(s->words[table].slots, 0, WORDS_SLOTS * sizeof(s->words[table].slots[0]));
}

/* SQLITE_ROW, SQLITE_DONE, or what failed. */
static int step_with(sqlite3_stmt *stmt, struct str text)
{
	if (sqlite3_bind_text(stmt, 1, text.ptr, (int)text.len, SQLITE_STATIC) != SQLITE_OK)
		return SQLITE_NOMEM;
	return sqlite3_step(stmt);
}

/* Reset says again what step said: the error stays the connection's. */
static bool look_up(struct rows *s, const struct words *w, struct str text, int64_t *ret_id)
{
	int rc = step_with(w->find, text);

	if (rc == SQLITE_ROW)
		*ret_id = sqlite3_column_int64(w->find, 0);
	(void)sqlite3_reset(w->find);
	if (rc == SQLITE_ROW)
		return true;
	if (rc != SQLITE_DONE)
		return false;
	rc = step_with(w->add, text);
	(void)sqlite3_reset(w->add);
	*ret_id = sqlite3_last_insert_rowid(s->db);
	return rc == SQLITE_DONE;
}

bool words_id(struct rows *s, enum table table, struct str text, int64_t *ret_id)
{
	struct words *w = &s->words[table];

	*ret_id = 0;
	if (text.len == 0)
		return true;
	const uint64_t hash = siphash13(&s->key, text.ptr, text.len);
	const size_t at = hash & (WORDS_SLOTS - 1);
	if (w->slots[at].id != 0 && w->slots[at].hash == hash) {
		*ret_id = w->slots[at].id;
		return true;
	}
	if (!look_up(s, w, text, ret_id))
		return false;
	w->slots[at].hash = hash;
	w->slots[at].id = *ret_id;
	return true;
}
