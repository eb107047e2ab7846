/* SPDX-License-Identifier: BSD-2-Clause */
#include "saringctl/log_file.h"

#include "base/addr.h"
#include "ctl/proto.h"
#include "qlog/format.h"
#include "wire/name.h"

#include <sqlite3.h>
#include <string.h>
#include <unistd.h>

#define BUSY_MS 5000

/* The newest first: which are looked at is decided by the client's or the name's index, where either is said, else by the time. */
static const char select_sql[] =
    "SELECT time, client, port, \"group\", transport, name, type, fate, coalesce(verdict, 'none'), list, entry, rcode,"
    " upstream, took_ms FROM queries WHERE id IN (SELECT id FROM log WHERE id >= ?1 AND id < ?2"
    " AND (?3 IS NULL OR client IN (SELECT id FROM clients WHERE in_prefix(text, ?3)))"
    " AND (?4 IS NULL OR name IN (SELECT id FROM names WHERE is_below(text, ?4)))"
    " AND (?5 = 0 OR blocked OR verdict = (SELECT id FROM words WHERE text = 'would-block'))"
    " ORDER BY id DESC LIMIT ?6) ORDER BY id";

static struct str text_of(sqlite3_value *value)
{
	const char *text = (const char *)sqlite3_value_text(value);

	return (struct str){text, text == NULL ? 0 : (size_t)sqlite3_value_bytes(value)};
}

static void in_prefix(sqlite3_context *context, int count, sqlite3_value **values)
{
	struct prefix prefix;
	struct addr a;

	(void)count;
	sqlite3_result_int(context, prefix_from_text(text_of(values[1]), &prefix) && addr_from_text(text_of(values[0]), 0, &a) &&
					prefix_holds(&prefix, &a));
}

static void is_below(sqlite3_context *context, int count, sqlite3_value **values)
{
	struct name name, zone;

	(void)count;
	sqlite3_result_int(context, name_from_text(text_of(values[0]), &name, NULL) &&
					name_from_text(text_of(values[1]), &zone, NULL) && name_is_below_or_eq(&name, &zone));
}

static json_t *row(sqlite3_stmt *stmt)
{
	static const char *const keys[] = {"time", "client",  "port", "group", "transport", "name",    "type",
					   "fate", "verdict", "list", "entry", "rcode",	    "upstream"};
	json_t *object = json_object();

	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		const int at = (int)i;
		const char *text = (const char *)sqlite3_column_text(stmt, at);
		json_t *value = text == NULL ? json_null()
				: strcmp(keys[i], "port") == 0
				    ? json_integer(sqlite3_column_int64(stmt, at))
				    : ctl_text((struct str){text, (size_t)sqlite3_column_bytes(stmt, at)});
		must(json_object_set_new(object, keys[i], value) == 0);
	}
	const json_int_t took_us = (json_int_t)(sqlite3_column_double(stmt, (int)ARRAY_LEN(keys)) * 1000 + 0.5);
	must(json_object_set_new(object, "took_us", json_integer(took_us)) == 0);
	return object;
}

static bool check(sqlite3 *db, const struct log_file_ask *ask, struct err *err)
{
	sqlite3_stmt *stmt = NULL;
	bool ours = sqlite3_prepare_v2(db, "SELECT application_id, user_version FROM pragma_application_id, pragma_user_version",
				       -1, &stmt, NULL) == SQLITE_OK &&
		    sqlite3_step(stmt) == SQLITE_ROW;

	if (!ours)
		(void)err_set(err, ERR_IO, "reading the query log '%s': %s", ask->path, sqlite3_errmsg(db));
	else if (sqlite3_column_int64(stmt, 0) != QLOG_APPLICATION_ID || sqlite3_column_int64(stmt, 1) != QLOG_SCHEMA)
		ours = err_set(err, ERR_INPUT, "'%s' is no query log of this version of saring", ask->path);
	(void)sqlite3_finalize(stmt);
	return ours;
}

static void bind_ask(sqlite3_stmt *stmt, const struct log_file_ask *ask)
{
	(void)sqlite3_bind_int64(stmt, 1, ask->since_us);
	(void)sqlite3_bind_int64(stmt, 2, ask->until_us == 0 ? INT64_MAX : ask->until_us);
	if (ask->client[0] != '\0')
		(void)sqlite3_bind_text(stmt, 3, ask->client, -1, SQLITE_STATIC);
	if (ask->name != NULL)
		(void)sqlite3_bind_text(stmt, 4, ask->name, -1, SQLITE_STATIC);
	(void)sqlite3_bind_int(stmt, 5, ask->blocked);
	(void)sqlite3_bind_int64(stmt, 6, (sqlite3_int64)ask->limit);
}

static bool read_rows(sqlite3 *db, const struct log_file_ask *ask, json_t *rows, struct err *err)
{
	const int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY;
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_create_function_v2(db, "in_prefix", 2, flags, NULL, in_prefix, NULL, NULL, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_create_function_v2(db, "is_below", 2, flags, NULL, is_below, NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_prepare_v2(db, select_sql, -1, &stmt, NULL);
	if (rc == SQLITE_OK)
		bind_ask(stmt, ask);
	while (rc == SQLITE_OK || rc == SQLITE_ROW) {
		rc = sqlite3_step(stmt);
		if (rc == SQLITE_ROW)
			must(json_array_append_new(rows, row(stmt)) == 0);
	}
	if (rc != SQLITE_DONE)
		(void)err_set(err, ERR_IO, "reading the query log '%s': %s", ask->path, sqlite3_errmsg(db));
	(void)sqlite3_finalize(stmt);
	return rc == SQLITE_DONE;
}

bool log_file_read(const struct log_file_ask *ask, json_t **ret, struct err *err)
{
	sqlite3 *db = NULL;
	json_t *rows = json_array();
	struct name name;
	bool ok;

	if (ask->name != NULL && !name_from_text(str_from(ask->name), &name, err))
		ok = err_context(err, "--name");
	else if (access(ask->path, R_OK) != 0)
		ok = err_set_errno(err, ERR_IO, "reading the query log '%s' (log.queries)", ask->path);
	else if (sqlite3_open_v2(ask->path, &db, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK)
		ok = err_set(err, ERR_IO, "opening the query log '%s': %s", ask->path, sqlite3_errmsg(db));
	else
		ok = sqlite3_busy_timeout(db, BUSY_MS) == SQLITE_OK && check(db, ask, err) && read_rows(db, ask, rows, err);
	(void)sqlite3_close(db);
	if (ok)
		*ret = rows;
	else
		json_decref(rows);
	return ok;
}
