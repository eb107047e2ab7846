/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The program itself, run as saringd runs it: argv[1] is saring-compile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "policy/explain.h"
#include "policy/match.h"

#define OUTPUT_MAX (256 * 1024)
#define CHILD_CONFIG_FD 11
#define CHILD_SUMMARY_FD 12

static const char *program;
static char dir[64];

struct run {
	int status;
	struct buf err; /* what it wrote to stderr */
	struct buf out;
	json_t *summary; /* NULL: none */
};

static const char *in_dir(const char *name)
{
	static char paths[8][192];
	static unsigned turn;
	char *path = paths[turn++ % 8];
	(void)snprintf(path, sizeof(paths[0]), "%s/%s", dir, name);
	return path;
}

static void put(const char *name, const char *text)
{
	struct err err = {.code = ERR_NONE};
	assert_true(file_replace(in_dir(name), text, strlen(text), 0644, &err));
}

static int temporary(void)
{
	char path[80];
	(void)snprintf(path, sizeof(path), "%s/tmp-XXXXXX", dir);
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(unlink(path), 0);
	return fd;
}

/* argv ends with NULL. config: what comes on CHILD_CONFIG_FD, or NULL. */
static struct run run(const char *const *argv, const char *config)
{
	struct run ret = {.status = -1};
	struct err error = {.code = ERR_NONE};
	posix_spawn_file_actions_t actions;
	char *args[16] = {strdup(program)};
	pid_t pid = 0;
	int err_fd = temporary(), out_fd = temporary(), summary_fd = temporary(), config_fd = temporary(), status = 0;
	size_t count = 1;
	for (; argv[count - 1] != NULL; count++)
		args[count] = strdup(argv[count - 1]);
	if (config != NULL) {
		assert_int_equal(write(config_fd, config, strlen(config)), strlen(config));
		assert_int_equal(lseek(config_fd, 0, SEEK_SET), 0);
	}
	assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
	assert_int_equal(posix_spawn_file_actions_adddup2(&actions, err_fd, 2), 0);
	assert_int_equal(posix_spawn_file_actions_adddup2(&actions, out_fd, 1), 0);
	assert_int_equal(posix_spawn_file_actions_adddup2(&actions, config_fd, CHILD_CONFIG_FD), 0);
	assert_int_equal(posix_spawn_file_actions_adddup2(&actions, summary_fd, CHILD_SUMMARY_FD), 0);
	assert_int_equal(posix_spawn(&pid, program, &actions, NULL, args, environ), 0);
	while (waitpid(pid, &status, 0) < 0)
		assert_int_equal(errno, EINTR);
	assert_true(WIFEXITED(status));
	ret.status = WEXITSTATUS(status);
	assert_int_equal(lseek(err_fd, 0, SEEK_SET), 0);
	assert_int_equal(lseek(out_fd, 0, SEEK_SET), 0);
	assert_int_equal(lseek(summary_fd, 0, SEEK_SET), 0);
	assert_true(file_read_fd(out_fd, "stdout", OUTPUT_MAX, &ret.out, &error));
	assert_true(file_read_fd(err_fd, "stderr", OUTPUT_MAX, &ret.err, &error));
	ret.summary = json_loadfd(summary_fd, 0, NULL);
	close(err_fd);
	close(out_fd);
	close(summary_fd);
	close(config_fd);
	(void)posix_spawn_file_actions_destroy(&actions);
	for (size_t i = 0; i < count; i++)
		free(args[i]);
	return ret;
}

static void run_finish(struct run *r)
{
	buf_finish(&r->err);
	buf_finish(&r->out);
	json_decref(r->summary);
}

static struct run compile(const char *config)
{
	const char *argv[] = {
	    "-c", in_dir("saring.yaml"), "-o", in_dir("policy.image"), "-g", "7", "--summary-fd", "12", NULL, NULL, NULL};
	if (config != NULL) {
		argv[8] = "--config-fd";
		argv[9] = "11";
	}
	return run(argv, config);
}

static struct run check(void)
{
	const char *argv[] = {"-c", in_dir("saring.yaml"), "--check", NULL};
	return run(argv, NULL);
}

static bool exists(const char *name)
{
	return access(in_dir(name), F_OK) == 0;
}

static const char good_config[] = "lists:\n"
				  "  - name: one\n    file: one.yaml\n"
				  "  - name: off\n    file: off.yaml\n    mode: off\n"
				  "  - name: two\n    file: two.yaml\n    action: allow\n";

static int set_up(void **state)
{
	(void)state;
	(void)snprintf(dir, sizeof(dir), "/tmp/saring-test-compile-XXXXXX");
	if (mkdtemp(dir) == NULL)
		return -1;
	put("saring.yaml", good_config);
	put("one.yaml",
	    "title: One\nreason: because\nentries:\n  - t.me\n  - domain: Telegram.ORG\n    match: exact\n  - regex: '^ads'\n");
	put("off.yaml", "entries: [off.example]\n");
	put("two.yaml", "entries:\n  - good.t.me\n");
	return 0;
}

/* Removes the files of a directory that end so. */
static void sweep(const char *path, const char *tail)
{
	DIR *d = opendir(path);
	for (const struct dirent *e; d != NULL && (e = readdir(d)) != NULL;) {
		size_t len = strlen(e->d_name), tail_len = strlen(tail);
		if (len >= tail_len && strcmp(e->d_name + len - tail_len, tail) == 0)
			(void)unlinkat(dirfd(d), e->d_name, 0);
	}
	if (d != NULL)
		closedir(d);
}

static int tear_down(void **state)
{
	static const char *const names[] = {"saring.yaml", "one.yaml", "off.yaml", "two.yaml", "ads.txt", "policy.image"};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		(void)unlink(in_dir(names[i]));
	sweep(in_dir("segments"), ".seg");
	(void)rmdir(in_dir("segments"));
	sweep(dir, ".img");
	return rmdir(dir); /* nothing else was left behind */
}

static json_int_t number(const struct run *r, const char *object, const char *key)
{
	return json_integer_value(json_object_get(json_object_get(r->summary, object), key));
}

static void check_done(const struct run *r, const char *bulk, json_int_t kept, json_int_t made)
{
	if (r->status != 0)
		fail_msg("%s", r->err.ptr);
	assert_string_equal(json_string_value(json_object_get(r->summary, "bulk")), bulk);
	assert_int_equal(number(r, "segments", "kept"), kept);
	assert_int_equal(number(r, "segments", "made"), made);
}

static void an_image_and_its_summary(void **state)
{
	(void)state;
	struct run r = compile(NULL);
	struct policy *p = NULL;
	struct err err = {.code = ERR_NONE};
	struct policy_info info;
	struct policy_list list;
	struct stat st;
	assert_int_equal(r.status, 0);
	assert_int_equal(r.err.len, 0);
	assert_true(policy_open(in_dir("policy.image"), NULL, &p, &err));
	policy_info(p, 0, &info);
	policy_list(p, 0, 0, &list);
	assert_int_equal(info.generation, 7);
	assert_int_equal(info.list_count, 2);
	assert_int_equal(info.entry_count, 4);
	assert_true(str_eq_c(list.title, "One"));
	assert_true(str_eq_c(list.file, "one.yaml"));
	assert_true(list.changed_at_s > 0);
	policy_close(p);
	assert_int_equal(stat(in_dir("policy.image"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
	assert_true(json_is_true(json_object_get(r.summary, "ok")));
	assert_int_equal(json_integer_value(json_object_get(r.summary, "generation")), 7);
	assert_int_equal(json_integer_value(json_object_get(r.summary, "lists")), 2);
	assert_int_equal(json_integer_value(json_object_get(r.summary, "entries")), 4);
	assert_int_equal(json_integer_value(json_object_get(r.summary, "bytes")), info.bytes);
	assert_true(json_is_real(json_object_get(r.summary, "compile_seconds")));
	check_done(&r, "none", 0, 2);
	run_finish(&r);
}

static void every_error_and_no_image(void **state)
{
	(void)state;
	put("one.yaml", "entries:\n  - t..me\n  - fine.example\n  - domain: x.example\n    nonsense: 1\n  - regex: '(ads'\n");
	put("off.yaml", "entries:\n  - -\n    - x\n");
	struct run r = compile(NULL);
	assert_int_equal(r.status, 1);
	assert_false(exists("policy.image"));
	assert_non_null(strstr(r.err.ptr, "one.yaml:2:5: "));
	assert_non_null(strstr(r.err.ptr, "one.yaml:5:5: "));
	assert_null(strstr(r.err.ptr, "off.yaml:2:")); /* off is off; a check tells of it all the same */
	assert_true(json_is_false(json_object_get(r.summary, "ok")));
	const json_t *errors = json_object_get(r.summary, "errors");
	assert_non_null(strstr(r.err.ptr, "one.yaml:6:12: ")); /* the expression too, which is looked at last */
	assert_true(json_array_size(errors) == 3);
	const json_t *first = json_array_get(errors, 0);
	assert_string_equal(json_string_value(json_object_get(first, "file")), in_dir("one.yaml"));
	assert_int_equal(json_integer_value(json_object_get(first, "line")), 2);
	assert_int_equal(json_integer_value(json_object_get(first, "column")), 5);
	assert_true(json_string_length(json_object_get(first, "text")) > 0);
	run_finish(&r);
}

static void a_bad_expression_alone_is_an_error(void **state)
{
	(void)state;
	put("two.yaml", "entries:\n  - fine.example\n  - regex: '(ads'\n");
	put("off.yaml", "entries:\n  - -\n    - x\n");
	struct run r = check();
	assert_non_null(strstr(r.err.ptr, "off.yaml:2:"));
	assert_int_equal(r.status, 1);
	assert_non_null(strstr(r.err.ptr, "two.yaml:3:"));
	assert_non_null(strstr(r.err.ptr, "missing closing parenthesis"));
	run_finish(&r);
}

static void an_error_leaves_the_old_image(void **state)
{
	(void)state;
	struct buf before = {NULL, 0, 0}, after = {NULL, 0, 0};
	struct err err = {.code = ERR_NONE};
	struct run r = compile(NULL);
	assert_int_equal(r.status, 0);
	run_finish(&r);
	assert_true(file_read(in_dir("policy.image"), OUTPUT_MAX, &before, &err));
	put("saring.yaml", "lists:\n  - name: one\n    file: missing.yaml\nnonsense: 1\n");
	r = compile(NULL);
	assert_int_equal(r.status, 1);
	assert_non_null(strstr(r.err.ptr, "saring.yaml:4:1: "));
	run_finish(&r);
	put("saring.yaml", "lists:\n  - name: one\n    file: missing.yaml\n");
	r = compile(NULL);
	assert_int_equal(r.status, 1);
	assert_non_null(strstr(r.err.ptr, "missing.yaml"));
	run_finish(&r);
	assert_true(file_read(in_dir("policy.image"), OUTPUT_MAX, &after, &err));
	assert_int_equal(before.len, after.len);
	assert_memory_equal(before.ptr, after.ptr, before.len);
	buf_finish(&before);
	buf_finish(&after);
}

/* saringd hands over the very bytes it read: what stands in the file by now does not count. */
static void the_config_may_come_by_descriptor(void **state)
{
	(void)state;
	put("saring.yaml", "this: is not the one\n");
	struct run r = compile("lists:\n  - name: two\n    file: two.yaml\n");
	assert_int_equal(r.status, 0);
	assert_int_equal(json_integer_value(json_object_get(r.summary, "entries")),
			 1); /* two.yaml was looked for beside the named file */
	run_finish(&r);
	r = compile("lists:\n  - nam: two\n");
	assert_int_equal(r.status, 1);
	assert_non_null(strstr(r.err.ptr, "saring.yaml:2:5: "));
	run_finish(&r);
}

static void check_writes_nothing(void **state)
{
	(void)state;
	struct run r = check();
	assert_int_equal(r.status, 0);
	assert_int_equal(r.err.len, 0);
	assert_null(r.summary);
	assert_false(exists("policy.image"));
	assert_false(exists("segments"));
	run_finish(&r);
}

static void the_place_for_the_image_must_be_there(void **state)
{
	(void)state;
	const char *argv[] = {
	    "-c", in_dir("saring.yaml"), "-o", in_dir("no/such/folder/policy.image"), "-g", "1", "--summary-fd", "12", NULL};
	struct run r = run(argv, NULL);
	assert_int_equal(r.status, 1);
	assert_true(json_is_false(json_object_get(r.summary, "ok")));
	assert_int_equal(json_array_size(json_object_get(r.summary, "errors")), 1);
	run_finish(&r);
}

/* --- two tiers --- */

static const char two_tiers[] = "lists:\n"
				"  - name: one\n    file: one.yaml\n    format: yaml\n"
				"  - name: ads\n    file: ads.txt\n    format: hosts\n"
				"  - name: two\n    file: two.yaml\n    format: yaml\n    action: allow\n";

/* From one image to the next, as saringd does. */
static struct run compile_next(const char *from, const char *to)
{
	const char *argv[] = {"-c", in_dir("saring.yaml"), "-o", in_dir(to),   "-g",
			      "8",  "--summary-fd",	   "12", "--previous", in_dir(from == NULL ? "" : from),
			      NULL};
	if (from == NULL)
		argv[8] = NULL;
	return run(argv, NULL);
}

static void first_of_two_tiers(void)
{
	put("saring.yaml", two_tiers);
	put("ads.txt", "127.0.0.1 localhost\n0.0.0.0 ads.example\n0.0.0.0 more.example\n");
	const char *argv[] = {"-c", in_dir("saring.yaml"), "-o", in_dir("a.img"), "-g", "1", "--summary-fd", "12", NULL};
	struct run r = run(argv, NULL);
	check_done(&r, "compiled", 0, 3);
	assert_int_equal(json_integer_value(json_object_get(r.summary, "entries")), 6);
	assert_int_equal(json_integer_value(json_object_get(r.summary, "lists")), 3);
	run_finish(&r);
}

/* The name of the bulk image that belongs to a live one; and both are good. */
static void bulk_of(const char *live, char ret[64], size_t entries)
{
	struct policy *p = NULL;
	struct err err = {.code = ERR_NONE};
	struct policy_info info;
	if (!policy_open(in_dir(live), NULL, &p, &err))
		fail_msg("%s", err.text);
	policy_info(p, 0, &info);
	assert_int_equal(info.entry_count, entries);
	(void)snprintf(ret, 64, "%s", policy_bulk_file(p));
	policy_close(p);
}

static ino_t inode(const char *name)
{
	struct stat st;
	assert_int_equal(stat(in_dir(name), &st), 0);
	return st.st_ino;
}

static size_t count_files(const char *path, const char *tail)
{
	DIR *d = opendir(path);
	size_t count = 0;
	assert_non_null(d);
	for (const struct dirent *e; (e = readdir(d)) != NULL;)
		count += strlen(e->d_name) > strlen(tail) && strcmp(e->d_name + strlen(e->d_name) - strlen(tail), tail) == 0;
	closedir(d);
	return count;
}

static void an_edit_keeps_the_bulk(void **state)
{
	(void)state;
	char before[64], after[64];
	first_of_two_tiers();
	bulk_of("a.img", before, 6);
	ino_t ino = inode(before);
	put("one.yaml", "entries: [t.me]\n");
	sweep(in_dir("segments"), ".seg"); /* the bulk tier's would be made anew, if its lists were opened */
	struct run r = compile_next("a.img", "b.img");
	check_done(&r, "kept", 0, 2);
	assert_int_equal(json_integer_value(json_object_get(r.summary, "entries")), 4);
	run_finish(&r);
	bulk_of("b.img", after, 4);
	assert_string_equal(after, before);
	assert_int_equal(inode(after), ino);
	assert_int_equal(count_files(in_dir("segments"), ".seg"), 2);
}

static void a_bulk_list_that_changed(void **state)
{
	(void)state;
	char before[64], after[64];
	first_of_two_tiers();
	bulk_of("a.img", before, 6);
	assert_int_equal(count_files(in_dir("segments"), ".seg"), 3);
	put("ads.txt", "0.0.0.0 ads.example\n");
	struct run r = compile_next("a.img", "b.img");
	check_done(&r, "compiled", 2, 1);
	run_finish(&r);
	bulk_of("b.img", after, 5);
	assert_string_not_equal(after, before);
	assert_int_equal(count_files(in_dir("segments"), ".seg"), 3); /* the old text's went */
	/* what settings say of it counts as well, and needs no reading */
	put("saring.yaml", "lists:\n  - name: ads\n    file: ads.txt\n    format: hosts\n    answer: refused\n");
	r = compile_next("b.img", "c.img");
	check_done(&r, "compiled", 1, 0);
	run_finish(&r);
	bulk_of("c.img", before, 1);
	assert_string_not_equal(after, before);
	assert_int_equal(count_files(in_dir("segments"), ".seg"), 1);
	/* and one that went */
	put("saring.yaml", "lists:\n  - name: two\n    file: two.yaml\n    format: yaml\n");
	r = compile_next("c.img", "d.img");
	check_done(&r, "none", 0, 1);
	run_finish(&r);
	bulk_of("d.img", after, 1);
	assert_string_equal(after, "");
}

static void the_same_again(void **state)
{
	(void)state;
	char before[64], after[64];
	first_of_two_tiers();
	bulk_of("a.img", before, 6);
	ino_t ino = inode(before);
	/* without an earlier image all is compiled, from the kept segments; the bulk tier's file stays, for it is the same */
	struct run r = compile_next(NULL, "b.img");
	check_done(&r, "compiled", 3, 0);
	run_finish(&r);
	bulk_of("b.img", after, 6);
	assert_string_equal(after, before);
	assert_int_equal(inode(after), ino);
	r = compile_next("b.img", "c.img");
	check_done(&r, "kept", 2, 0);
	run_finish(&r);
}

static void overwrite(const char *name, off_t at, char octet)
{
	int fd = open(in_dir(name), O_RDWR);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, &octet, 1, at), 1);
	close(fd);
}

static void an_earlier_image_that_is_none(void **state)
{
	(void)state;
	char bulk[64], again[64];
	static const char *const texts[] = {"", "x",
					    "no image at all, but long enough to be looked at for a header; and more of it"};
	first_of_two_tiers();
	bulk_of("a.img", bulk, 6);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		put("x.img", texts[i]);
		struct run r = compile_next("x.img", "b.img");
		check_done(&r, "compiled", 3, 0);
		run_finish(&r);
	}
	struct run r = compile_next("missing.img", "b.img");
	check_done(&r, "compiled", 3, 0);
	run_finish(&r);
	overwrite("a.img", 12, 1); /* an older version */
	r = compile_next("a.img", "b.img");
	check_done(&r, "compiled", 3, 0);
	run_finish(&r);
	/* its bulk image is gone */
	assert_int_equal(unlink(in_dir(bulk)), 0);
	r = compile_next("b.img", "c.img");
	check_done(&r, "compiled", 3, 0);
	run_finish(&r);
	bulk_of("c.img", again, 6);
	assert_string_equal(again, bulk);
	/* one octet of its body is another: with nothing to go by, it is written again */
	overwrite(bulk, 600, 0x55);
	r = compile_next(NULL, "d.img");
	check_done(&r, "compiled", 3, 0);
	run_finish(&r);
	bulk_of("d.img", again, 6);
}

static void an_error_leaves_no_bulk_image(void **state)
{
	(void)state;
	put("saring.yaml", two_tiers);
	put("ads.txt", "0.0.0.0 ads.example\n");
	put("one.yaml", "entries:\n  - regex: '(ads'\n");
	struct run r = compile_next(NULL, "b.img");
	assert_int_equal(r.status, 1);
	assert_int_equal(count_files(dir, ".img"), 0);
	run_finish(&r);
	put("one.yaml", "entries: []\n");
	put("ads.txt", "<html>\n");
	r = compile_next(NULL, "b.img");
	assert_int_equal(r.status, 1);
	assert_non_null(strstr(r.err.ptr, "ads.txt:1:1: "));
	assert_non_null(strstr(r.err.ptr, "an HTML page"));
	assert_int_equal(count_files(dir, ".img"), 0);
	run_finish(&r);
}

/* What somebody put where an image belongs is kept beside it, and said. */
static void a_directory_in_the_place_of_an_image(void **state)
{
	(void)state;
	char bulk[64], aside[80], inside[96];
	first_of_two_tiers();
	bulk_of("a.img", bulk, 6);
	assert_int_equal(unlink(in_dir(bulk)), 0);
	assert_int_equal(mkdir(in_dir(bulk), 0755), 0);
	assert_int_equal(mkdir(in_dir("b.img"), 0755), 0);
	(void)snprintf(aside, sizeof(aside), "%s.directory", bulk);
	(void)snprintf(inside, sizeof(inside), "%s/full", bulk);
	put(inside, "x");
	struct run r = compile_next("a.img", "b.img");
	check_done(&r, "compiled", 3, 0);
	assert_non_null(strstr(r.err.ptr, "it is called"));
	run_finish(&r);
	bulk_of("b.img", bulk, 6);
	(void)snprintf(inside, sizeof(inside), "%s/full", aside);
	assert_int_equal(unlink(in_dir(inside)), 0);
	assert_int_equal(rmdir(in_dir(aside)), 0);
	assert_int_equal(rmdir(in_dir("b.img.directory")), 0);
}

/* A YAML list that is so called and so big that it is of the bulk tier, written anew as it was. */
static void a_big_yaml_list_with_the_same_text(void **state)
{
	(void)state;
	struct buf text = {NULL, 0, 0};
	put("saring.yaml", "lists:\n  - name: one\n    file: one.yaml\n");
	buf_add_c(&text, "entries:\n");
	for (int i = 0; text.len < 1100000; i++)
		buf_printf(&text, "  - n%d.example\n", i);
	put("one.yaml", text.ptr);
	const char *argv[] = {"-c", in_dir("saring.yaml"), "-o", in_dir("a.img"), "-g", "1", "--summary-fd", "12", NULL};
	struct run r = run(argv, NULL);
	check_done(&r, "compiled", 0, 1);
	run_finish(&r);
	put("one.yaml", text.ptr);
	r = compile_next("a.img", "b.img");
	check_done(&r, "kept", 1, 0);
	run_finish(&r);
	/* and one that becomes small is a live one again */
	put("one.yaml", "entries: [t.me]\n");
	r = compile_next("b.img", "c.img");
	check_done(&r, "none", 0, 1);
	run_finish(&r);
	buf_finish(&text);
}

static void what_is_swept(void **state)
{
	(void)state;
	first_of_two_tiers();
	put("segments/0123456789abcdef0123456789abcdef.seg", "x");
	put("segments/.segment.a1b2c3", "x");
	put("segments/README", "somebody's own");
	struct run r = compile_next("a.img", "b.img");
	check_done(&r, "kept", 2, 0);
	run_finish(&r);
	assert_false(exists("segments/0123456789abcdef0123456789abcdef.seg"));
	assert_false(exists("segments/.segment.a1b2c3"));
	assert_true(exists("segments/README"));
	assert_int_equal(unlink(in_dir("segments/README")), 0);
	assert_int_equal(count_files(in_dir("segments"), ".seg"), 3);
}

/* --- a look at one file --- */

static json_t *probe(const char *text, const char *format, bool may_allow, int status)
{
	put("ads.txt", text);
	const char *argv[] = {"--probe", in_dir("ads.txt"), "--format", format, may_allow ? "--may-allow" : NULL, NULL};
	struct run r = run(argv, NULL);
	assert_int_equal(r.status, status);
	json_t *ret = json_loadb(r.out.ptr, r.out.len, 0, NULL);
	assert_non_null(ret);
	run_finish(&r);
	return ret;
}

static void probes(void **state)
{
	(void)state;
	json_t *j = probe("0.0.0.0 a.example\n0.0.0.0 1.2.3.4\n", "auto", false, 0);
	assert_string_equal(json_string_value(json_object_get(j, "format")), "hosts");
	assert_int_equal(json_integer_value(json_object_get(json_object_get(j, "taken"), "total")), 1);
	assert_int_equal(json_array_size(json_object_get(j, "left_out")), 1);
	assert_null(json_object_get(j, "refused"));
	json_decref(j);
	j = probe("@@||a.example^\n", "adblock", false, 0);
	assert_int_equal(json_integer_value(json_object_get(json_object_get(j, "taken"), "total")), 0);
	json_decref(j);
	j = probe("@@||a.example^\n", "adblock", true, 0);
	assert_int_equal(json_integer_value(json_object_get(json_object_get(j, "taken"), "allow")), 1);
	json_decref(j);
	j = probe("<!doctype html>\n", "hosts", false, 1);
	assert_string_equal(json_string_value(json_object_get(j, "refused")), "it looks like an HTML page");
	json_decref(j);
	j = probe("entries:\n  - good.example\n  - a..b\n", "yaml", false, 1);
	assert_non_null(strstr(json_string_value(json_object_get(j, "refused")), "line 3: "));
	json_decref(j);
	const char *argv[] = {"--probe", in_dir("missing"), "--format", "auto", NULL};
	struct run r = run(argv, NULL);
	assert_int_equal(r.status, 1);
	assert_non_null(strstr(r.out.ptr, "\"refused\""));
	run_finish(&r);
}

static void wrong_usage(void **state)
{
	(void)state;
	const char *const cases[][8] = {
	    {"-o", "x", NULL},
	    {"-g", "1", NULL},
	    {NULL},
	    {"--check", "-o", "x", NULL},
	    {"--check", "more", NULL},
	    {"-o", "x", "-g", "4294967296", NULL},
	    {"-o", "x", "-g", "-1", NULL},
	    {"--nonsense", NULL},
	    {"--check", "--config-fd", "x", NULL},
	    {"--check", "--previous", "x", NULL},
	    {"--probe", "x", NULL},
	    {"--probe", "x", "--format", "nonsense", NULL},
	    {"--probe", "x", "--format", "hosts", "--check", NULL},
	    {"-o", "x", "-g", "1", "--format", "hosts", NULL},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct run r = run(cases[i], NULL);
		assert_int_equal(r.status, 2);
		assert_non_null(strstr(r.err.ptr, "usage: saring-compile"));
		run_finish(&r);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    TEST(an_image_and_its_summary),
	    TEST(every_error_and_no_image),
	    TEST(a_bad_expression_alone_is_an_error),
	    TEST(an_error_leaves_the_old_image),
	    TEST(the_config_may_come_by_descriptor),
	    TEST(check_writes_nothing),
	    TEST(the_place_for_the_image_must_be_there),
	    TEST(an_edit_keeps_the_bulk),
	    TEST(a_bulk_list_that_changed),
	    TEST(the_same_again),
	    TEST(an_earlier_image_that_is_none),
	    TEST(an_error_leaves_no_bulk_image),
	    TEST(a_directory_in_the_place_of_an_image),
	    TEST(a_big_yaml_list_with_the_same_text),
	    TEST(what_is_swept),
	    TEST(probes),
	    TEST(wrong_usage),
	};
	if (argc != 2)
		return 2;
	program = argv[1];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
