/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The thread and its queue; what its file is, test_rows.c says. Waits are for what qlog_info tells. */
#include "qlog/qlog.h"

#include "qlog/format.h"

#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define WAIT_S 20

static char folder[] = "/tmp/test-qlog-XXXXXX";
static char path[PATH_MAX], other[PATH_MAX];

static int make_folder(void **state)
{
	(void)state;
	if (mkdtemp(folder) == NULL)
		return -1;
	(void)snprintf(path, sizeof(path), "%s/q.db", folder);
	(void)snprintf(other, sizeof(other), "%s/r.db", folder);
	return 0;
}

static int remove_files(void **state)
{
	static const char *const tails[] = {"", "-wal", "-shm", ".damaged"};
	char whole[PATH_MAX + 16];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(tails); i++) {
		(void)snprintf(whole, sizeof(whole), "%s%s", path, tails[i]);
		(void)unlink(whole);
		(void)snprintf(whole, sizeof(whole), "%s%s", other, tails[i]);
		(void)unlink(whole);
	}
	return 0;
}

static int remove_folder(void **state)
{
	(void)remove_files(state);
	return rmdir(folder);
}

static void turn(struct qlog *q, bool on, const char *file)
{
	const struct settings s = {.query_log = on, .query_log_file = file};
	qlog_follow(q, &s);
}

static void take(struct qlog *q, const char *text)
{
	struct name name;
	struct timespec now;
	assert_true(name_from_text(str_from(text), &name, NULL));
	(void)clock_gettime(CLOCK_REALTIME, &now);
	const struct qlog_query query = {.time_us = (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000,
					 .type = 1,
					 .answered = true,
					 .client_len = 4,
					 .client = {192, 0, 2, 7},
					 .name = &name,
					 .transport = "udp",
					 .fate = "cached"};
	qlog_take(q, &query);
}

static bool is_late(time_t end)
{
	(void)sched_yield();
	return time(NULL) > end;
}

static void wait_written(struct qlog *q, uint64_t rows)
{
	struct qlog_info info = {.written = 0};
	for (time_t end = time(NULL) + WAIT_S; info.written < rows; qlog_info(q, &info))
		assert_false(is_late(end));
	assert_int_equal(info.written, rows);
}

static void wait_error(struct qlog *q, bool wanted, struct qlog_info *ret)
{
	*ret = (struct qlog_info){.on = false};
	(void)snprintf(ret->error, sizeof(ret->error), "%s", wanted ? "" : "?");
	for (time_t end = time(NULL) + WAIT_S; (ret->error[0] != '\0') != wanted; qlog_info(q, ret))
		assert_false(is_late(end));
}

static int64_t count(const char *file, const char *sql)
{
	sqlite3 *db;
	sqlite3_stmt *stmt = NULL;
	int64_t n = -1;
	assert_int_equal(sqlite3_open_v2(file, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
	(void)sqlite3_busy_timeout(db, 10000);
	if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW)
		n = sqlite3_column_int64(stmt, 0);
	(void)sqlite3_finalize(stmt);
	(void)sqlite3_close(db);
	return n;
}

static void test_on_off_and_elsewhere(void **state)
{
	(void)state;
	struct qlog *q = qlog_create(getegid());
	struct qlog_info info;
	take(q, "before.example");
	assert_false(qlog_is_on(q));
	turn(q, true, path);
	assert_true(qlog_is_on(q));
	take(q, "a.example");
	take(q, "b.example");
	wait_written(q, 2);
	turn(q, true, other);
	take(q, "c.example");
	wait_written(q, 3);
	take(q, "d.example"); /* is written although it is turned off at once */
	turn(q, false, other);
	assert_false(qlog_is_on(q));
	take(q, "after.example");
	wait_written(q, 4);
	turn(q, true, path);
	take(q, "e.example");
	qlog_info(q, &info);
	assert_true(info.on);
	assert_int_equal(info.dropped, 0);
	qlog_destroy(q); /* writes what waits */
	assert_int_equal(count(path, "SELECT count(*) FROM queries WHERE name IN ('a.example', 'b.example', 'e.example')"), 3);
	assert_int_equal(count(path, "SELECT count(*) FROM log"), 3);
	assert_int_equal(count(other, "SELECT count(*) FROM queries WHERE name IN ('c.example', 'd.example')"), 2);
	assert_int_equal(count(other, "SELECT count(*) FROM log"), 2);
}

static void test_blocked_only(void **state)
{
	(void)state;
	const struct settings s = {.query_log = true, .query_log_blocked_only = true, .query_log_file = path};
	struct qlog *q = qlog_create(getegid());
	const struct qlog_query blocked = {
	    .time_us = 1, .blocked = true, .transport = "udp", .fate = "blocked", .list = STR_LIT("l")};
	qlog_follow(q, &s);
	take(q, "a.example");
	qlog_take(q, &blocked);
	qlog_destroy(q);
	assert_int_equal(count(path, "SELECT count(*) FROM log"), 1);
	assert_int_equal(
	    count(path, "SELECT count(*) FROM queries WHERE blocked AND list = 'l' AND name IS NULL AND client IS NULL"), 1);
}

/* What cannot be written waits, as far as there is room, and is written when it can be. */
static void test_locked_by_another(void **state)
{
	(void)state;
	struct qlog *q = qlog_create(getegid());
	struct qlog_info info;
	sqlite3 *db;
	turn(q, true, path);
	take(q, "a.example");
	wait_written(q, 1);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	take(q, "b.example");
	wait_error(q, true, &info);
	assert_non_null(strstr(info.error, "locked"));
	/* the queue is bounded, and what has no room is counted */
	uint64_t many = 0;
	for (; info.dropped == 0; many++) {
		assert_true(many < 1000000);
		take(q, "many.example");
		qlog_info(q, &info);
	}
	assert_int_equal(sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
	(void)sqlite3_close(db);
	wait_error(q, false, &info);
	wait_written(q, 2 + many - info.dropped); /* a slow machine needs more for that than a stop may take */
	qlog_destroy(q);
	assert_int_equal(count(path, "SELECT count(*) FROM queries WHERE name = 'b.example'"), 1);
	assert_true(count(path, "SELECT count(*) FROM queries WHERE name = 'many.example'") > 10000);
}

static void test_deleted_and_damaged(void **state)
{
	(void)state;
	struct qlog *q = qlog_create(getegid());
	char noise[20000], damaged[PATH_MAX + 16];
	struct stat st;
	memset(noise, 0x55, sizeof(noise));
	turn(q, true, path);
	take(q, "a.example");
	wait_written(q, 1);
	assert_int_equal(unlink(path), 0);
	take(q, "b.example");
	wait_written(q, 2);
	assert_int_equal(count(path, "SELECT count(*) FROM queries WHERE name = 'b.example'"), 1);
	turn(q, false, path);
	turn(q, true, other); /* it has let go of the file when it has written to this one */
	take(q, "c.example");
	wait_written(q, 3);
	int fd = open(path, O_WRONLY | O_TRUNC);
	assert_int_equal(write(fd, noise, sizeof(noise)), sizeof(noise));
	close(fd);
	turn(q, true, path);
	take(q, "d.example");
	wait_written(q, 4);
	qlog_destroy(q);
	(void)snprintf(damaged, sizeof(damaged), "%s.damaged", path);
	assert_int_equal(stat(damaged, &st), 0);
	assert_int_equal(st.st_size, sizeof(noise));
	assert_int_equal(count(path, "SELECT count(*) FROM queries WHERE name = 'd.example'"), 1);
}

static void test_what_cannot_be_written_at_the_end_is_dropped(void **state)
{
	(void)state;
	struct qlog *q = qlog_create(getegid());
	struct qlog_info info;
	turn(q, true, "/nonexistent/q.db");
	take(q, "a.example");
	wait_error(q, true, &info);
	assert_non_null(strstr(info.error, "/nonexistent/q.db"));
	turn(q, true, path);
	take(q, "b.example");
	wait_written(q, 1);
	/* the file is looked at after that */
	for (time_t end = time(NULL) + WAIT_S; info.rows != 1; qlog_info(q, &info))
		assert_false(is_late(end));
	assert_int_equal(info.dropped, 1);
	assert_string_equal(info.error, "");
	assert_true(info.bytes > 0);
	qlog_destroy(q);
	qlog_destroy(NULL);
}

/* What comes is many times what the file may hold: room is made on the way, and the bound is no full disk. */
static void test_a_burst_beyond_the_bound(void **state)
{
	(void)state;
	const struct settings s = {.query_log = true, .query_log_file = path, .query_log_bytes = UINT64_C(2) << 20};
	struct qlog *q = qlog_create(getegid());
	struct qlog_info info = {.written = 0};
	qlog_follow(q, &s);
	for (unsigned i = 0; i < 60000; i++) {
		char name[64];
		(void)snprintf(name, sizeof(name), "x%u.a-name-of-some-length-for-the-table.example", i);
		take(q, name);
		for (qlog_info(q, &info); i - info.written > 20000; qlog_info(q, &info)) /* the queue has a bound of its own */
			assert_string_equal(info.error, "");
	}
	for (time_t end = time(NULL) + 4 * WAIT_S; info.written < 60000; qlog_info(q, &info)) {
		assert_string_equal(info.error, "");
		assert_false(is_late(end));
	}
	assert_int_equal(info.dropped, 0);
	qlog_destroy(q);
	struct stat st;
	assert_int_equal(stat(path, &st), 0);
	assert_true(st.st_size <= 2 << 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_teardown(test_on_off_and_elsewhere, remove_files),
	    cmocka_unit_test_teardown(test_blocked_only, remove_files),
	    cmocka_unit_test_teardown(test_locked_by_another, remove_files),
	    cmocka_unit_test_teardown(test_deleted_and_damaged, remove_files),
	    cmocka_unit_test_teardown(test_what_cannot_be_written_at_the_end_is_dropped, remove_files),
	    cmocka_unit_test_teardown(test_a_burst_beyond_the_bound, remove_files),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
