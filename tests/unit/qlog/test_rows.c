/* SPDX-License-Identifier: BSD-2-Clause */
#include "qlog/rows.h"

#include "base/file.h"
#include "qlog/format.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define NOON_US INT64_C(1500000000000000)

static char folder[] = "/tmp/test-qlog-XXXXXX";
static char path[PATH_MAX];

static int make_folder(void **state)
{
	(void)state;
	if (mkdtemp(folder) == NULL)
		return -1;
	(void)snprintf(path, sizeof(path), "%s/q.db", folder);
	return 0;
}

static int remove_files(void **state)
{
	static const char *const tails[] = {"", "-wal", "-shm", ROWS_DAMAGED};
	char whole[PATH_MAX + 16];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(tails); i++) {
		(void)snprintf(whole, sizeof(whole), "%s%s", path, tails[i]);
		(void)unlink(whole);
	}
	return 0;
}

static int remove_folder(void **state)
{
	(void)remove_files(state);
	return rmdir(folder);
}

static struct rows *opened(void)
{
	struct err err = {0};
	enum rows_end end;
	struct rows *s = rows_open(path, getegid(), &end, &err);
	if (s == NULL)
		print_error("%s\n", err.text);
	assert_non_null(s);
	return s;
}

static void add(struct rows *s, const struct row *row)
{
	struct err err = {0};
	assert_int_equal(rows_add(s, row, &err), ROWS_OK);
}

static void begin(struct rows *s)
{
	struct err err = {0};
	assert_int_equal(rows_begin(s, &err), ROWS_OK);
}

static void commit(struct rows *s)
{
	struct err err = {0};
	assert_int_equal(rows_commit(s, &err), ROWS_OK);
}

/* Everything there is to be trimmed; returns in how many steps. */
static unsigned trim(struct rows *s, const struct rows_bounds *bounds)
{
	struct err err = {0};
	bool more = true;
	unsigned steps = 0;
	for (; more; steps++)
		assert_int_equal(rows_trim(s, bounds, &more, &err), ROWS_OK);
	return steps;
}

/* The only value of a query by another connection. */
static char *value(const char *sql)
{
	static char text[512];
	sqlite3 *db;
	sqlite3_stmt *stmt;
	assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	const char *got = (const char *)sqlite3_column_text(stmt, 0);
	(void)snprintf(text, sizeof(text), "%s", got == NULL ? "NULL" : got);
	(void)sqlite3_finalize(stmt);
	(void)sqlite3_close(db);
	return text;
}

static void run(const char *sql)
{
	sqlite3 *db;
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	(void)sqlite3_close(db);
}

#define TEXT(s)                    \
	{                          \
		(s), sizeof(s) - 1 \
	}
static const struct row whole = {.time_us = NOON_US,
				 .took_us = 1500,
				 .port = 4711,
				 .blocked = true,
				 .client = TEXT("192.0.2.1"),
				 .name = TEXT("a.example"),
				 .type = TEXT("AAAA"),
				 .transport = TEXT("udp"),
				 .fate = TEXT("blocked"),
				 .rcode = TEXT("NXDOMAIN"),
				 .verdict = TEXT("blocked"),
				 .list = TEXT("ads"),
				 .entry = TEXT("*.example"),
				 .group = TEXT("kids"),
				 .upstream = TEXT("dns://192.0.2.53:53")};
static const struct row bare = {.time_us = NOON_US, .fate = TEXT("dropped")};

#define AS_TEXT                                                                                                                   \
	"SELECT concat_ws_ FROM (SELECT time||'|'||coalesce(client,'-')||'|'||coalesce(port,'-')||'|'||coalesce(name,'-')||'|'||" \
	"coalesce(type,'-')||'|'||coalesce(transport,'-')||'|'||fate||'|'||coalesce(rcode,'-')||'|'||blocked||'|'||"              \
	"coalesce(list,'-')||'|'||coalesce(entry,'-')||'|'||coalesce(\"group\",'-')||'|'||coalesce(upstream,'-')||'|'||took_ms "  \
	"AS "                                                                                                                     \
	"concat_ws_, id FROM queries ORDER BY id)"

static void test_rows_are_read_as_they_were_written(void **state)
{
	(void)state;
	struct rows *s = opened();
	struct stat st;
	begin(s);
	add(s, &whole);
	add(s, &bare);
	commit(s);
	assert_int_equal(rows_count(s), 2);
	assert_string_equal(value(AS_TEXT " LIMIT 1"),
			    "2017-07-14T02:40:00.000Z|192.0.2.1|4711|a.example|AAAA|udp|blocked|NXDOMAIN|1|ads|*.example|kids|"
			    "dns://192.0.2.53:53|1.5");
	assert_string_equal(value(AS_TEXT " LIMIT 1 OFFSET 1"), "2017-07-14T02:40:00.000Z|-|-|-|-|-|dropped|-|0|-|-|-|-|0.0");
	assert_string_equal(value("SELECT group_concat(id) FROM log"), "1500000000000000,1500000000000001");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, ROWS_MODE);
	rows_close(s);
	/* what is there is gone on with */
	s = opened();
	assert_int_equal(rows_count(s), 2);
	begin(s);
	add(s, &whole);
	commit(s);
	rows_close(s);
	assert_string_equal(value("SELECT count(*) FROM names"), "1");
	assert_string_equal(value("SELECT group_concat(id) FROM log"), "1500000000000000,1500000000000001,1500000000000002");
	assert_string_equal(value("PRAGMA journal_mode"), "wal");
	assert_string_equal(value("PRAGMA integrity_check"), "ok");
}

/* A clock that goes back does not lose rows, nor make them younger than they are. */
static void test_times(void **state)
{
	(void)state;
	struct rows *s = opened();
	struct row row = bare;
	begin(s);
	for (int64_t i = 0; i < 3; i++) {
		row.time_us = NOON_US + 10 * i;
		add(s, &row);
	}
	row.time_us = NOON_US - INT64_C(3600000000);
	add(s, &row);
	add(s, &row);
	row.time_us = NOON_US + 10;
	add(s, &row);
	commit(s);
	rows_close(s);
	assert_string_equal(value("SELECT group_concat(id - 1500000000000000) FROM log"), "-3600000000,-3599999999,0,10,11,20");
}

static void test_what_is_undone_leaves_nothing(void **state)
{
	(void)state;
	struct err err = {0};
	struct rows *s = opened();
	begin(s);
	add(s, &bare);
	commit(s);
	/* another process has the lock while a batch begins: it can be tried again, and its words are made anew */
	sqlite3 *other;
	assert_int_equal(sqlite3_open(path, &other), SQLITE_OK);
	assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(rows_begin(s, &err), ROWS_LATER);
	assert_non_null(strstr(err.text, "locked"));
	assert_non_null(strstr(err.text, path));
	(void)sqlite3_close(other);
	begin(s);
	add(s, &whole);
	commit(s);
	assert_int_equal(rows_count(s), 2);
	rows_close(s);
	assert_string_equal(value("SELECT value FROM state WHERE key = 'rows'"), "2");
}

static void write_file(const char *text, size_t len)
{
	struct err err = {0};
	assert_true(file_replace(path, text, len, 0640, &err));
}

static void test_broken_files_are_moved_aside(void **state)
{
	(void)state;
	struct err err = {0};
	enum rows_end end = ROWS_OK;
	char noise[8192], moved[PATH_MAX + 16];
	struct stat st;
	memset(noise, 'x', sizeof(noise));
	write_file(noise, sizeof(noise));
	assert_null(rows_open(path, getegid(), &end, &err));
	assert_int_equal(end, ROWS_BROKEN);
	assert_true(rows_set_aside(path, &err));
	(void)snprintf(moved, sizeof(moved), "%s" ROWS_DAMAGED, path);
	assert_int_equal(stat(moved, &st), 0);
	assert_int_equal(st.st_size, sizeof(noise));
	struct rows *s = opened();
	begin(s);
	add(s, &whole);
	commit(s);
	rows_close(s);
	/* a page in the middle */
	assert_string_equal(value("PRAGMA wal_checkpoint"), "0");
	int fd = open(path, O_RDWR);
	assert_true(fd >= 0);
	for (off_t at = 4096; at < 16 * 4096; at += 4096)
		assert_int_equal(pwrite(fd, noise, 4096, at), 4096);
	close(fd);
	s = rows_open(path, getegid(), &end, &err);
	if (s != NULL) {
		begin(s);
		end = rows_add(s, &whole, &err);
		rows_close(s);
	}
	assert_int_equal(end, ROWS_BROKEN);
}

static void test_what_is_somebody_elses_is_left(void **state)
{
	(void)state;
	struct err err = {0};
	enum rows_end end = ROWS_OK;
	run("CREATE TABLE recipes(dish TEXT)");
	assert_null(rows_open(path, getegid(), &end, &err));
	assert_int_equal(end, ROWS_LATER);
	assert_non_null(strstr(err.text, "no query log of saring"));
	assert_string_equal(value("SELECT count(*) FROM recipes"), "0");
	(void)remove_files(NULL);
	rows_close(opened());
	run("PRAGMA user_version=2");
	assert_null(rows_open(path, getegid(), &end, &err));
	assert_int_equal(end, ROWS_LATER);
	assert_non_null(strstr(err.text, "version 2"));
}

static void test_no_such_folder(void **state)
{
	(void)state;
	struct err err = {0};
	enum rows_end end = ROWS_OK;
	assert_null(rows_open("/nonexistent/q.db", getegid(), &end, &err));
	assert_int_equal(end, ROWS_LATER);
	assert_non_null(strstr(err.text, "No such file"));
}

static void test_it_is_noticed_that_the_file_is_gone(void **state)
{
	(void)state;
	char moved[PATH_MAX + 16];
	struct rows *s = opened();
	assert_false(rows_is_elsewhere(s));
	(void)snprintf(moved, sizeof(moved), "%s" ROWS_DAMAGED, path);
	assert_int_equal(rename(path, moved), 0);
	assert_true(rows_is_elsewhere(s));
	write_file("", 0);
	assert_true(rows_is_elsewhere(s));
	rows_close(s);
}

/* count rows, a second apart, each of a name and a client of its own when `distinct`. */
static void fill(struct rows *s, size_t count, bool distinct)
{
	char name[64], client[64];
	for (size_t i = 0; i < count; i++) {
		struct row row = whole;
		row.time_us = NOON_US + (int64_t)i * 1000000;
		row.blocked = i % 4 == 0;
		if (distinct) {
			(void)snprintf(name, sizeof(name), "name-%zu-of-some-length.example", i);
			(void)snprintf(client, sizeof(client), "10.%zu.%zu.%zu", i >> 16, i >> 8 & 255, i & 255);
			row.name = str_from(name);
			row.client = str_from(client);
		}
		if (i % ROWS_BATCH_ROWS == 0)
			begin(s);
		add(s, &row);
		if (i % ROWS_BATCH_ROWS == ROWS_BATCH_ROWS - 1 || i == count - 1)
			commit(s);
	}
}

static void test_old_rows_go_and_what_only_they_named(void **state)
{
	(void)state;
	struct rows *s = opened();
	const struct rows_bounds none = {.bytes_max = 0}, half = {.before_us = NOON_US + INT64_C(25000) * 1000000};
	fill(s, 50000, true);
	const uint64_t bytes = rows_bytes(s);
	assert_int_equal(trim(s, &none), 1);
	assert_int_equal(rows_count(s), 50000);
	assert_true(trim(s, &half) > 2);
	assert_int_equal(rows_count(s), 25000);
	assert_true(rows_bytes(s) < bytes * 3 / 4);
	assert_int_equal(trim(s, &half), 1);
	/* ids given anew are not taken for those that were */
	begin(s);
	add(s, &whole);
	commit(s);
	rows_close(s);
	assert_string_equal(value("SELECT min(id) FROM log WHERE name <> (SELECT id FROM names WHERE text = 'a.example')"),
			    "1500025000000000");
	assert_string_equal(value("SELECT count(*) FROM names"), "25001");
	assert_string_equal(value("SELECT count(*) FROM clients"), "25001");
	assert_string_equal(value("SELECT count(*) FROM queries WHERE name IS NULL OR client IS NULL OR list IS NULL"), "0");
	assert_string_equal(value("SELECT value FROM state"), "25001");
	assert_string_equal(value("PRAGMA integrity_check"), "ok");
}

/* However much comes, the file keeps its size, and what is in it is what came last. */
static void test_a_bound_on_the_bytes(void **state)
{
	(void)state;
	struct rows *s = opened();
	const struct rows_bounds bounds = {.bytes_max = 8 << 20};
	struct stat st;
	char name[64];
	for (size_t i = 0; i < 60; i++) {
		begin(s);
		for (size_t j = 0; j < 3000; j++) {
			struct row row = whole;
			row.time_us = NOON_US + (int64_t)(i * 3000 + j) * 1000;
			(void)snprintf(name, sizeof(name), "name-%zu-of-some-length.example", i * 3000 + j);
			row.name = str_from(name);
			add(s, &row);
		}
		commit(s);
		(void)trim(s, &bounds);
		assert_true(rows_bytes(s) <= bounds.bytes_max);
	}
	assert_true(rows_count(s) > 20000 && rows_count(s) < 100000);
	const uint64_t rows = rows_count(s);
	/* a smaller one takes effect, too */
	const struct rows_bounds smaller = {.bytes_max = 4 << 20};
	(void)trim(s, &smaller);
	assert_true(rows_bytes(s) <= smaller.bytes_max);
	assert_true(rows_count(s) < rows);
	rows_close(s);
	assert_string_equal(value("SELECT max(id) FROM log"), "1500000179999000");
	assert_string_equal(value("SELECT max(id) - min(id) = (count(*) - 1) * 1000 FROM log"), "1");
	assert_string_equal(value("PRAGMA wal_checkpoint(TRUNCATE)"), "0");
	assert_int_equal(stat(path, &st), 0);
	assert_true((uint64_t)st.st_size <= smaller.bytes_max);
	assert_string_equal(value("PRAGMA integrity_check"), "ok");
}

/* What was counted is not there any more: the bound is kept all the same, and there is an end of it. */
static void test_rows_deleted_by_hand(void **state)
{
	(void)state;
	struct rows *s = opened();
	const struct rows_bounds bounds = {.bytes_max = 1 << 20};
	struct err err = {0};
	bool more = true;
	unsigned steps = 0;
	fill(s, 20000, true);
	run("DELETE FROM log");
	for (; more && steps < 200; steps++)
		assert_int_equal(rows_trim(s, &bounds, &more, &err), ROWS_OK);
	assert_false(more);
	assert_int_equal(rows_count(s), 0);
	assert_true(rows_bytes(s) <= bounds.bytes_max);
	begin(s);
	add(s, &whole);
	commit(s);
	rows_close(s);
	assert_string_equal(value("SELECT count(*) FROM names"), "1");
	assert_string_equal(value("SELECT value FROM state"), "1");
}

/* When its own bound is reached in the middle of a batch, trimming makes room, and the batch fits then. */
static void test_full_by_its_own_bound(void **state)
{
	(void)state;
	struct rows *s = opened();
	const struct rows_bounds bounds = {.bytes_max = 2 << 20};
	struct err err = {0};
	enum rows_end end = ROWS_OK;
	char name[128];
	size_t i = 0;
	(void)trim(s, &bounds);
	for (size_t batch = 0; end == ROWS_OK; batch++) {
		assert_true(batch < 100);
		begin(s);
		for (size_t j = 0; j < 500 && end == ROWS_OK; j++, i++) {
			struct row row = whole;
			row.time_us = NOON_US + (int64_t)i;
			(void)snprintf(name, sizeof(name),
				       "name-%zu-which-is-rather-long-so-that-it-soon-has-filled-the-file.example", i);
			row.name = str_from(name);
			end = rows_add(s, &row, &err);
		}
		if (end == ROWS_OK)
			end = rows_commit(s, &err);
	}
	assert_int_equal(end, ROWS_LATER);
	assert_non_null(strstr(err.text, "full"));
	const uint64_t rows = rows_count(s);
	(void)trim(s, &bounds);
	assert_true(rows_count(s) < rows);
	fill(s, 500, true);
	rows_close(s);
	assert_string_equal(value("PRAGMA integrity_check"), "ok");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_teardown(test_rows_are_read_as_they_were_written, remove_files),
	    cmocka_unit_test_teardown(test_times, remove_files),
	    cmocka_unit_test_teardown(test_what_is_undone_leaves_nothing, remove_files),
	    cmocka_unit_test_teardown(test_broken_files_are_moved_aside, remove_files),
	    cmocka_unit_test_teardown(test_what_is_somebody_elses_is_left, remove_files),
	    cmocka_unit_test(test_no_such_folder),
	    cmocka_unit_test_teardown(test_it_is_noticed_that_the_file_is_gone, remove_files),
	    cmocka_unit_test_teardown(test_old_rows_go_and_what_only_they_named, remove_files),
	    cmocka_unit_test_teardown(test_a_bound_on_the_bytes, remove_files),
	    cmocka_unit_test_teardown(test_rows_deleted_by_hand, remove_files),
	    cmocka_unit_test_teardown(test_full_by_its_own_bound, remove_files),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
