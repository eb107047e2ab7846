/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

static char dir[64];

static const char *in_dir(const char *name)
{
	static char paths[4][128];
	static unsigned next;
	char *path = paths[next++ % 4];
	(void)snprintf(path, 128, "%s/%s", dir, name);
	return path;
}

static int make_dir(void **state)
{
	(void)state;
	(void)snprintf(dir, sizeof(dir), "/tmp/saring-test-file-XXXXXX");
	return mkdtemp(dir) == NULL ? -1 : 0;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *where)
{
	(void)st;
	(void)kind;
	(void)where;
	return remove(path);
}

static int remove_dir(void **state)
{
	(void)state;
	return nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static size_t entries_in(const char *path)
{
	size_t count = 0;
	DIR *d = opendir(path);
	assert_non_null(d);
	for (struct dirent *e; (e = readdir(d)) != NULL;)
		count += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
	closedir(d);
	return count;
}

static void put(const char *path, const char *text)
{
	struct err err;
	assert_true(file_replace(path, text, strlen(text), 0640, &err));
}

static void read_whole_and_limits(void **state)
{
	(void)state;
	struct buf b = {0};
	struct err err;
	put(in_dir("a"), "0123456789");
	buf_add_c(&b, "before:");
	assert_true(file_read(in_dir("a"), 10, &b, &err));
	assert_string_equal(b.ptr, "before:0123456789");
	assert_false(file_read(in_dir("a"), 9, &b, &err));
	assert_int_equal(err.code, ERR_LIMIT);
	assert_string_equal(b.ptr, "before:0123456789"); /* nothing of it stays */
	assert_false(file_read(in_dir("a"), 0, &b, &err));
	assert_false(file_read("/dev/null", 0, &b, &err));
	assert_non_null(strstr(err.text, "'/dev/null': it is not a regular file"));
	assert_int_equal(mkfifo(in_dir("fifo"), 0600), 0);
	assert_false(file_read(in_dir("fifo"), 100, &b, &err)); /* nobody writes to it, and nobody waits */
	assert_non_null(strstr(err.text, "it is not a regular file"));
	assert_int_equal(unlink(in_dir("fifo")), 0);
	assert_false(file_read(dir, 100, &b, &err));
	assert_non_null(strstr(err.text, "directory"));
	assert_false(file_read(in_dir("absent"), 100, &b, &err));
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_int_equal(b.len, 17);
	buf_finish(&b);
}

static void read_of_many_steps(void **state)
{
	(void)state;
	size_t len = 300001;
	char *text = malloc(len);
	assert_non_null(text);
	for (size_t i = 0; i < len; i++)
		text[i] = (char)('a' + i % 26);
	struct err err;
	assert_true(file_replace(in_dir("big"), text, len, 0600, &err));
	struct buf b = {0};
	assert_true(file_read(in_dir("big"), len, &b, &err));
	assert_int_equal(b.len, len);
	assert_memory_equal(b.ptr, text, len);
	assert_false(file_read(in_dir("big"), len - 1, &b, &err));
	assert_int_equal(b.len, len);
	buf_finish(&b);
	free(text);
}

static void replace_keeps_mode_and_leaves_nothing(void **state)
{
	(void)state;
	struct stat st;
	struct err err;
	put(in_dir("a"), "old");
	assert_int_equal(stat(in_dir("a"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(chmod(in_dir("a"), 0604), 0);
	assert_true(file_replace(in_dir("a"), "newer", 5, 0600, &err));
	assert_int_equal(stat(in_dir("a"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0604);
	assert_int_equal(st.st_size, 5);
	assert_true(file_replace(in_dir("a"), "", 0, 0600, &err));
	assert_int_equal(stat(in_dir("a"), &st), 0);
	assert_int_equal(st.st_size, 0);
	assert_int_equal(entries_in(dir), 1);
}

static void replace_that_fails_leaves_the_old(void **state)
{
	(void)state;
	struct err err;
	assert_int_equal(mkdir(in_dir("d"), 0700), 0);
	assert_false(file_replace(in_dir("d"), "x", 1, 0600, &err)); /* a directory */
	assert_false(file_replace(in_dir("no/such/file"), "x", 1, 0600, &err));
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_false(file_replace("/dev/null", "x", 1, 0600, &err));
	put(in_dir("a"), "old");
	assert_false(file_replace(in_dir("a/b"), "x", 1, 0600, &err)); /* a file where a directory should be */
	struct buf b = {0};
	assert_true(file_read(in_dir("a"), 10, &b, &err));
	assert_string_equal(b.ptr, "old");
	buf_finish(&b);
	assert_int_equal(entries_in(dir), 2);
}

/* Only what file_replace would have called so, of that very file; somebody's backup stays. */
static void sweep_removes_what_the_dead_left(void **state)
{
	static const char *const others[] = {
	    ".a.backup", ".a.saring-12345", ".a.saring-1234567", ".ab.saring-123456", "a.saring-123456", ".a.saring", "b"};
	struct stat st;
	(void)state;
	put(in_dir("a"), "old");
	put(in_dir(".a.saring-123456"), "ol");
	put(in_dir(".a.saring-AbCdEf"), "");
	assert_int_equal(mkdir(in_dir(".a.saring-folder"), 0700), 0);
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		put(in_dir(others[i]), "theirs");
	file_sweep(in_dir("a"));
	assert_int_equal(entries_in(dir), 2 + ARRAY_LEN(others));
	assert_int_not_equal(stat(in_dir(".a.saring-123456"), &st), 0);
	assert_int_equal(stat(in_dir(".a.saring-folder"), &st), 0);
	file_sweep(in_dir("no/such")); /* nothing to be swept */
}

static void replace_through_a_symbolic_link_keeps_the_link(void **state)
{
	(void)state;
	struct stat st;
	struct err err;
	assert_int_equal(mkdir(in_dir("real"), 0700), 0);
	put(in_dir("real/a"), "old");
	assert_int_equal(symlink("real/a", in_dir("link")), 0);
	assert_true(file_replace(in_dir("link"), "new", 3, 0600, &err));
	assert_int_equal(lstat(in_dir("link"), &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	struct buf b = {0};
	assert_true(file_read(in_dir("real/a"), 10, &b, &err));
	assert_string_equal(b.ptr, "new");
	buf_finish(&b);
}

static void lock_excludes_and_gives_up(void **state)
{
	(void)state;
	struct err err;
	int fd = -1, other = -1;
	assert_true(file_lock(in_dir("a"), 0, &fd, &err));     /* the file need not exist */
	assert_false(file_lock(in_dir("b"), 0, &other, &err)); /* the directory is what is locked */
	assert_int_equal(err.code, ERR_LIMIT);
	assert_false(file_lock(in_dir("a"), 30, &other, &err));
	assert_int_equal(other, -1);
	close(fd);
	assert_true(file_lock(in_dir("a"), 0, &other, &err));
	close(other);
	assert_false(file_lock(in_dir("no/such"), 0, &fd, &err));
	assert_int_equal(err.code, ERR_NOT_FOUND);
}

static void map(void **state)
{
	(void)state;
	struct err err;
	struct file_map m = {0};
	put(in_dir("a"), "mapped");
	assert_true(file_map_open(in_dir("a"), &m, &err));
	assert_int_equal(m.len, 6);
	put(in_dir("a"), "other!"); /* replaced by rename: the map still shows the old */
	assert_memory_equal(m.addr, "mapped", 6);
	file_map_close(&m);
	assert_null(m.addr);
	file_map_close(&m);
	put(in_dir("empty"), "");
	assert_true(file_map_open(in_dir("empty"), &m, &err));
	assert_non_null(m.addr);
	assert_int_equal(m.len, 0);
	file_map_close(&m);
	assert_false(file_map_open(dir, &m, &err));
	assert_false(file_map_open("/dev/zero", &m, &err));
	assert_false(file_map_open(in_dir("absent"), &m, &err));
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_null(m.addr);
}

static void beside(void **state)
{
	(void)state;
	static const char *const rows[][3] = {
	    {"/etc/saring/saring.yaml", "lists/a.yaml", "/etc/saring/lists/a.yaml"},
	    {"/etc/saring/saring.yaml", "/abs/a", "/abs/a"},
	    {"saring.yaml", "lists/a", "lists/a"},
	    {"./saring.yaml", "a", "./a"},
	    {"/saring.yaml", "a", "/a"},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char *path = file_path_beside(rows[i][0], rows[i][1]);
		assert_string_equal(path, rows[i][2]);
		free(path);
	}
}

static void mkdirs(void **state)
{
	(void)state;
	struct err err;
	struct stat st;
	assert_true(file_mkdirs(in_dir("x//y/z/"), 0750, &err));
	assert_int_equal(stat(in_dir("x/y/z"), &st), 0);
	assert_true(S_ISDIR(st.st_mode));
	assert_true(file_mkdirs(in_dir("x/y/z"), 0750, &err));
	assert_true(file_mkdirs("/", 0750, &err));
	put(in_dir("f"), "");
	assert_false(file_mkdirs(in_dir("f/g"), 0750, &err));
	assert_false(file_mkdirs(in_dir("f"), 0750, &err));
	assert_int_equal(err.code, ERR_EXISTS);
}

int main(void)
{
#define IN_DIR(test) cmocka_unit_test_setup_teardown(test, make_dir, remove_dir)
	const struct CMUnitTest tests[] = {
	    IN_DIR(read_whole_and_limits),
	    IN_DIR(read_of_many_steps),
	    IN_DIR(replace_keeps_mode_and_leaves_nothing),
	    IN_DIR(replace_that_fails_leaves_the_old),
	    IN_DIR(sweep_removes_what_the_dead_left),
	    IN_DIR(replace_through_a_symbolic_link_keeps_the_link),
	    IN_DIR(lock_excludes_and_gives_up),
	    IN_DIR(map),
	    cmocka_unit_test(beside),
	    IN_DIR(mkdirs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
