/* SPDX-License-Identifier: BSD-2-Clause */
#include "qlog/rows.h"

#include "base/rand.h"
#include "qlog/format.h"
#include "qlog/rows_db.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUSY_MS 1000		  /* so long another process's lock is waited for; the batch is tried again later */
#define CHECKPOINT_PAGES 1000	  /* that wait in the WAL before they go into the file */
#define WAL_KEPT_BYTES (16 << 20) /* of a WAL that was long once */
#define SAME_US_MAX 10000	  /* rows that may share a microsecond, when the clock went back to where others are */

/* clang-format off */
static const char schema[] =
    "CREATE TABLE names(id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);"
    "CREATE TABLE clients(id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);"
    "CREATE TABLE lists(id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);"
    "CREATE TABLE entries(id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);"
    "CREATE TABLE words(id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);"
    "CREATE TABLE state(key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
    "INSERT INTO state VALUES('rows', 0);"
    "CREATE TABLE log(id INTEGER PRIMARY KEY, client INTEGER, port INTEGER, name INTEGER, type INTEGER, transport INTEGER,"
    " fate INTEGER, rcode INTEGER, verdict INTEGER, blocked INTEGER NOT NULL, list INTEGER, entry INTEGER, grp INTEGER, upstream INTEGER,"
    " took_us INTEGER NOT NULL);"
    "CREATE INDEX log_client ON log(client) WHERE client IS NOT NULL;"
    "CREATE INDEX log_name ON log(name) WHERE name IS NOT NULL;"
    "CREATE INDEX log_blocked ON log(blocked) WHERE blocked;"
    "CREATE VIEW queries AS SELECT log.id AS id,"
    " strftime('%Y-%m-%dT%H:%M:%fZ', log.id / 1000000.0, 'unixepoch') AS time,"
    " clients.text AS client, log.port AS port, names.text AS name, type.text AS type, transport.text AS transport,"
    " fate.text AS fate, rcode.text AS rcode, verdict.text AS verdict, log.blocked AS blocked, lists.text AS list, entries.text AS entry,"
    " grp.text AS \"group\", upstream.text AS upstream, log.took_us / 1000.0 AS took_ms"
    " FROM log LEFT JOIN clients ON clients.id = log.client LEFT JOIN names ON names.id = log.name"
    " LEFT JOIN words AS type ON type.id = log.type LEFT JOIN words AS transport ON transport.id = log.transport"
    " LEFT JOIN words AS fate ON fate.id = log.fate LEFT JOIN words AS rcode ON rcode.id = log.rcode"
    " LEFT JOIN words AS verdict ON verdict.id = log.verdict"
    " LEFT JOIN lists ON lists.id = log.list LEFT JOIN entries ON entries.id = log.entry"
    " LEFT JOIN words AS grp ON grp.id = log.grp LEFT JOIN words AS upstream ON upstream.id = log.upstream;";
/* clang-format on */

/* ---- SQLite's calls and errors ---- */

static enum rows_end end_of(int rc)
{
	switch (rc & 0xff) {
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return ROWS_BROKEN;
	default: /* full, read-only, locked, no such folder, input/output: all may pass */
		return ROWS_LATER;
	}
}

enum rows_end rows_failed(struct rows *s, const char *doing, struct err *err)
{
	const int rc = sqlite3_errcode(s->db), number = sqlite3_system_errno(s->db);
	const bool system = number != 0 && (rc == SQLITE_IOERR || rc == SQLITE_CANTOPEN || rc == SQLITE_FULL);

	(void)err_set(err, ERR_IO, "%s '%s': %s%s%s", doing, s->path, sqlite3_errmsg(s->db), system ? ": " : "",
		      system ? strerror(number) : "");
	if (sqlite3_get_autocommit(s->db) == 0)
		(void)!rows_run(s, "ROLLBACK"); /* what cannot be undone now is when the file is opened next */
	for (size_t t = 0; t < TABLE_COUNT; t++)
		words_forget(s, (enum table)t);
	s->written = 0;
	return end_of(rc);
}

bool rows_run(struct rows *s, const char *sql)
{
	return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK;
}

bool rows_prepare(struct rows *s, const char *sql, sqlite3_stmt **ret)
{
	return sqlite3_prepare_v3(s->db, sql, -1, SQLITE_PREPARE_PERSISTENT, ret, NULL) == SQLITE_OK;
}

bool rows_number(struct rows *s, const char *sql, int64_t *ret)
{
	sqlite3_stmt *stmt = NULL;
	bool ok = sqlite3_prepare_v2(s->db, sql, -1, &stmt, NULL) == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW;

	if (ok)
		*ret = sqlite3_column_int64(stmt, 0);
	(void)sqlite3_finalize(stmt);
	return ok;
}

bool rows_measure(struct rows *s)
{
	int64_t pages, free_pages;

	if (!rows_number(s, "PRAGMA page_count", &pages) || !rows_number(s, "PRAGMA freelist_count", &free_pages))
		return false;
	s->pages = (uint64_t)pages;
	s->free_pages = (uint64_t)free_pages;
	return true;
}

/* ---- opening ---- */

/* A process that may not give a group away leaves the file with its own. */
static void give_group(int fd, gid_t group)
{
	(void)!fchown(fd, (uid_t)-1, group);
}

/* SQLite would make the files as the umask has it, and give what it makes beside it no group. */
static bool make_file(const char *path, const char *tail, gid_t group, struct err *err)
{
	char whole[PATH_MAX];

	if ((size_t)snprintf(whole, sizeof(whole), "%s%s", path, tail) >= sizeof(whole))
		return err_set(err, ERR_LIMIT, "the path '%s' is too long", path);
	int fd = open(whole, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, ROWS_MODE);
	if (fd < 0)
		return errno == EEXIST || err_set_errno(err, ERR_IO, "making the query log '%s'", whole);
	(void)fchmod(fd, ROWS_MODE);
	give_group(fd, group);
	close(fd);
	return true;
}

static bool note_file(struct rows *s)
{
	struct stat st;

	if (stat(s->path, &st) != 0)
		return false;
	s->dev = st.st_dev;
	s->ino = st.st_ino;
	return true;
}

bool rows_is_elsewhere(const struct rows *s)
{
	struct stat st;

	return stat(s->path, &st) != 0 ? errno == ENOENT : st.st_dev != s->dev || st.st_ino != s->ino;
}

static int on_wal(void *arg, sqlite3 *db, const char *name, int pages)
{
	struct rows *s = arg;

	(void)name;
	s->wal_pages = (unsigned)pages;
	/* What it could not do for a reader's sake it does another time. */
	if (pages >= CHECKPOINT_PAGES)
		(void)sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
	return SQLITE_OK;
}

/* A file that is new: empty, or with nothing in it. */
static bool make_tables(struct rows *s)
{
	char sql[96];

	(void)snprintf(sql, sizeof(sql), "PRAGMA application_id=%d; PRAGMA user_version=%d", QLOG_APPLICATION_ID, QLOG_SCHEMA);
	return rows_run(s, "PRAGMA auto_vacuum=INCREMENTAL") && rows_run(s, "PRAGMA journal_mode=WAL") &&
	       rows_run(s, "BEGIN IMMEDIATE") && rows_run(s, schema) && rows_run(s, sql) && rows_run(s, "COMMIT");
}

/* Whose file is it, and of which version? */
static bool check_owner(struct rows *s, bool *ret_new, struct err *err, enum rows_end *ret_end)
{
	int64_t id, version, tables;

	if (!rows_number(s, "PRAGMA application_id", &id) || !rows_number(s, "PRAGMA user_version", &version) ||
	    !rows_number(s, "SELECT count(*) FROM sqlite_schema", &tables)) {
		*ret_end = rows_failed(s, "opening the query log", err);
		return false;
	}
	*ret_new = tables == 0;
	*ret_end = ROWS_LATER; /* it is whole, and somebody's: it is left alone */
	if (tables != 0 && id != QLOG_APPLICATION_ID)
		return err_set(err, ERR_INPUT, "'%s' is a database, but no query log of saring: it is left as it is", s->path);
	if (tables != 0 && version != QLOG_SCHEMA)
		return err_set(err, ERR_INPUT, "the query log '%s' is of version %lld, and this saringd writes version %d", s->path,
			       (long long)version, QLOG_SCHEMA);
	return true;
}

/* A WAL that stays lets those read who may not write beside it, whether or not the daemon runs. */
static bool configure(struct rows *s)
{
	int persist = 1;
	char sql[96];

	(void)sqlite3_file_control(s->db, "main", SQLITE_FCNTL_PERSIST_WAL, &persist);
	(void)sqlite3_wal_hook(s->db, on_wal, s);
	(void)snprintf(sql, sizeof(sql), "PRAGMA journal_size_limit=%d", WAL_KEPT_BYTES);
	return rows_run(s, "PRAGMA journal_mode=WAL") && rows_run(s, "PRAGMA synchronous=NORMAL") && rows_run(s, sql) &&
	       rows_run(s, "PRAGMA cache_size=-16384") && rows_run(s, "PRAGMA temp_store=MEMORY");
}

static bool prepare(struct rows *s)
{
	int64_t page_size;

	if (!rows_prepare(s,
			  "INSERT INTO log(id, client, port, name, type, transport, fate, rcode, blocked, list, entry, grp, "
			  "upstream, took_us, verdict)"
			  " VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
			  &s->insert) ||
	    !rows_prepare(s, "UPDATE state SET value = value + ? WHERE key = 'rows'", &s->count))
		return false;
	if (!rows_number(s, "SELECT value FROM state WHERE key = 'rows'", &s->rows) ||
	    !rows_number(s, "PRAGMA page_size", &page_size))
		return false;
	s->page_size = (uint64_t)page_size;
	return words_open(s) && rows_measure(s);
}

static bool open_file(struct rows *s, gid_t group, enum rows_end *ret_end, struct err *err)
{
	bool is_new = false;

	if (!make_file(s->path, "", group, err) || !make_file(s->path, "-wal", group, err) ||
	    !make_file(s->path, "-shm", group, err))
		return false;
	int rc = sqlite3_open_v2(s->path, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE, NULL);
	must(s->db != NULL); /* NULL is for want of memory */
	if (rc != SQLITE_OK) {
		*ret_end = rows_failed(s, "opening the query log", err);
		return false;
	}
	(void)sqlite3_extended_result_codes(s->db, 0);
	(void)sqlite3_busy_timeout(s->db, BUSY_MS);
	if (!check_owner(s, &is_new, err, ret_end))
		return false;
	if ((is_new && !make_tables(s)) || !configure(s) || !prepare(s)) {
		*ret_end = rows_failed(s, "opening the query log", err);
		return false;
	}
	return note_file(s) || err_set_errno(err, ERR_IO, "looking at '%s'", s->path);
}

struct rows *rows_open(const char *path, gid_t group, enum rows_end *ret_end, struct err *err)
{
	struct rows *s = base_alloc(sizeof(*s));

	*ret_end = ROWS_LATER;
	rand_bytes(&s->key, sizeof(s->key));
	if ((size_t)snprintf(s->path, sizeof(s->path), "%s", path) < sizeof(s->path)) {
		if (open_file(s, group, ret_end, err))
			return s;
	} else {
		(void)err_set(err, ERR_LIMIT, "the path '%s' is too long", path);
	}
	rows_close(s);
	return NULL;
}

void rows_close(struct rows *s)
{
	if (s == NULL)
		return;
	words_close(s);
	(void)sqlite3_finalize(s->insert);
	(void)sqlite3_finalize(s->count);
	must(sqlite3_close(s->db) == SQLITE_OK); /* a statement of ours is open otherwise */
	free(s);
}

bool rows_set_aside(const char *path, struct err *err)
{
	char from[PATH_MAX], to[PATH_MAX];
	static const char *const tails[] = {"-wal", "-shm"};

	for (size_t i = 0; i < ARRAY_LEN(tails); i++) {
		if ((size_t)snprintf(from, sizeof(from), "%s%s", path, tails[i]) < sizeof(from) && unlink(from) != 0 &&
		    errno != ENOENT)
			return err_set_errno(err, ERR_IO, "removing '%s'", from);
	}
	if ((size_t)snprintf(to, sizeof(to), "%s" ROWS_DAMAGED, path) >= sizeof(to))
		return err_set(err, ERR_LIMIT, "the path '%s' is too long", path);
	return rename(path, to) == 0 || err_set_errno(err, ERR_IO, "moving '%s' aside", path);
}

/* ---- writing ---- */

enum rows_end rows_begin(struct rows *s, struct err *err)
{
	if (s->wal_pages > ROWS_WAL_PAGES_MAX) {
		int rc = sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_RESTART, NULL, NULL);
		if (rc != SQLITE_OK) {
			(void)err_set(err, ERR_LIMIT,
				      "writing the query log '%s': who reads it keeps %u MiB from being taken over into the file",
				      s->path, (unsigned)(ROWS_WAL_PAGES_MAX * s->page_size >> 20));
			return ROWS_LATER;
		}
		s->wal_pages = 0;
	}
	s->written = 0;
	return rows_run(s, "BEGIN IMMEDIATE") ? ROWS_OK : rows_failed(s, "writing the query log", err);
}

static void bind(sqlite3_stmt *stmt, int at, int64_t id)
{
	if (id == 0)
		(void)sqlite3_bind_null(stmt, at);
	else
		(void)sqlite3_bind_int64(stmt, at, id);
}

/* The first microsecond from there on that no row has. */
static bool insert_at(struct rows *s, int64_t us)
{
	for (int64_t i = 0; i < SAME_US_MAX; i++) {
		(void)sqlite3_bind_int64(s->insert, 1, us + i);
		int rc = sqlite3_step(s->insert);
		(void)sqlite3_reset(s->insert);
		if (rc == SQLITE_DONE) {
			s->last_us = us + i;
			return true;
		}
		if ((rc & 0xff) != SQLITE_CONSTRAINT)
			return false;
	}
	return false;
}

enum rows_end rows_add(struct rows *s, const struct row *row, struct err *err)
{
	const struct {
		struct str text;
		enum table table;
		int at;
	} words[] = {
	    {row->client, TABLE_CLIENTS, 2},  {row->name, TABLE_NAMES, 4},     {row->type, TABLE_WORDS, 5},
	    {row->transport, TABLE_WORDS, 6}, {row->fate, TABLE_WORDS, 7},     {row->rcode, TABLE_WORDS, 8},
	    {row->list, TABLE_LISTS, 10},     {row->entry, TABLE_ENTRIES, 11}, {row->group, TABLE_WORDS, 12},
	    {row->upstream, TABLE_WORDS, 13}, {row->verdict, TABLE_WORDS, 15},
	};
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		int64_t id;
		if (!words_id(s, words[i].table, words[i].text, &id))
			return rows_failed(s, "writing the query log", err);
		bind(s->insert, words[i].at, id);
	}
	bind(s->insert, 3, row->port);
	(void)sqlite3_bind_int64(s->insert, 9, row->blocked);
	(void)sqlite3_bind_int64(s->insert, 14, row->took_us);
	/* Those of one batch of packets came in one microsecond: the next begins behind them, unless it is far from there. */
	const int64_t behind = s->last_us + 1, ahead = behind - row->time_us;
	if (!insert_at(s, ahead > 0 && ahead < 1000000 ? behind : row->time_us))
		return rows_failed(s, "writing the query log", err);
	s->written++;
	return ROWS_OK;
}

enum rows_end rows_commit(struct rows *s, struct err *err)
{
	(void)sqlite3_bind_int64(s->count, 1, s->written);
	int rc = sqlite3_step(s->count);
	(void)sqlite3_reset(s->count);
	if (rc != SQLITE_DONE || !rows_run(s, "COMMIT"))
		return rows_failed(s, "writing the query log", err);
	s->rows += s->written;
	s->written = 0;
	(void)!rows_measure(s);
	return ROWS_OK;
}

uint64_t rows_count(const struct rows *s)
{
	return (uint64_t)MAX(s->rows, 0);
}

uint64_t rows_bytes(const struct rows *s)
{
	return s->pages * s->page_size;
}
