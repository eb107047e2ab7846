/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The edits as users of files see them: links, modes, locks, files that are not there, two edits at once. */
#include "list/edit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"

#define TODAY_S 1795392000 /* 2026-11-23 */

static char dir[64];
static char path[128], link_path[128];

static int set_up(void **state)
{
	(void)state;
	(void)snprintf(dir, sizeof(dir), "/tmp/test_list_edit.XXXXXX");
	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/list.yaml", dir);
	(void)snprintf(link_path, sizeof(link_path), "%s/link.yaml", dir);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	(void)unlink(path);
	(void)unlink(link_path);
	return rmdir(dir); /* and so no temporary file stays either */
}

static void put(const char *text)
{
	struct err err = {0};
	if (!file_replace(path, text, strlen(text), 0640, &err))
		fail_msg("%s", err.text);
}

static void check(const char *expected)
{
	struct buf text = {0};
	struct err err = {0};
	if (!file_read(path, 1 << 20, &text, &err))
		fail_msg("%s", err.text);
	assert_string_equal(text.ptr, expected);
	buf_finish(&text);
}

static bool add(const char *where, const char *name, struct edit_result *result, struct err *err)
{
	struct edit_entry entry = {.name = name};
	return edit_add(where, NULL, &entry, 1, TODAY_S, result, err);
}

static void test_in_place(void **state)
{
	(void)state;
	struct edit_result result;
	struct err err = {0};
	struct stat before, after;
	const char *name = "t.me";
	put("# c\nentries:\n  - t.me  # note\n");
	assert_true(add(path, "x.org", &result, &err));
	check("# c\nentries:\n  - t.me  # note\n  - domain: x.org\n    added: 2026-11-23\n");
	assert_int_equal(stat(path, &after), 0);
	assert_int_equal(after.st_mode & 0777, 0640);
	assert_true(edit_lift(path, NULL, &name, 1, NULL, TODAY_S, &result, &err));
	check("# c\nentries:\n  - domain: t.me  # note\n    lifted: 2026-11-23\n  - domain: x.org\n    added: 2026-11-23\n");
	assert_true(edit_remove(path, NULL, &name, 1, &result, &err));
	check("# c\nentries:\n  - domain: x.org\n    added: 2026-11-23\n");
	assert_true(edit_lift(path, NULL, NULL, 0, &(struct lift_how){.reason = "why"}, TODAY_S, NULL, &err));
	check("# c\nlifted: 2026-11-23\nlift-reason: why\nentries:\n  - domain: x.org\n    added: 2026-11-23\n");
	/* what changes nothing writes nothing */
	assert_int_equal(stat(path, &before), 0);
	assert_true(edit_remove(path, NULL, &name, 1, &result, &err));
	assert_int_equal(result.outcome, EDIT_NOT_FOUND);
	assert_int_equal(stat(path, &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
}

static void test_remark_survives_writing(void **state)
{
	(void)state;
	struct edit_result result;
	struct err err = {0};
	put("lifted: 2017-08-10\n");
	assert_true(add(path, "x.org", &result, &err));
	assert_int_equal(err.code, ERR_NONE);
	assert_non_null(strstr(err.text, "2017-08-10"));
}

static void test_link(void **state)
{
	(void)state;
	struct edit_result result;
	struct err err = {0};
	struct stat st;
	put("entries: []\n");
	assert_int_equal(symlink("list.yaml", link_path), 0);
	assert_true(add(link_path, "x.org", &result, &err));
	assert_int_equal(lstat(link_path, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	check("entries:\n  - domain: x.org\n    added: 2026-11-23\n");
}

static void test_absent(void **state)
{
	(void)state;
	struct edit_result result;
	struct err err = {0};
	const char *name = "t.me";
	assert_false(edit_remove(path, NULL, &name, 1, &result, &err));
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_false(edit_lift(path, NULL, &name, 1, NULL, TODAY_S, &result, &err));
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_false(edit_mode(path, "a", MODE_OFF, &err));
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_int_equal(access(path, F_OK), -1);
	/* a name that is none makes no file either */
	assert_false(add(path, "a b", &result, &err));
	assert_int_equal(access(path, F_OK), -1);
	assert_true(add(path, "x.org", &result, &err));
	check("# Made by saringctl; saring-lists(5) says what may stand here.\n"
	      "entries:\n  - domain: x.org\n    added: 2026-11-23\n");
	assert_int_equal(result.line, 3);
	assert_false(add("/nonexistent/list.yaml", "x.org", &result, &err));
	assert_true(err.code != ERR_NONE);
}

static void test_create(void **state)
{
	(void)state;
	struct edit_result result;
	struct err err = {0};
	assert_true(edit_create(path, ACTION_ALLOW, &err));
	assert_true(add(path, "x.org", &result, &err));
	check("# Made by saringctl; saring-lists(5) says what may stand here.\n"
	      "action: allow\nentries:\n  - domain: x.org\n    added: 2026-11-23\n");
	assert_false(edit_create(path, ACTION_BLOCK, &err));
	assert_int_equal(err.code, ERR_EXISTS);
}

static void test_faulty_file_is_left(void **state)
{
	(void)state;
	struct edit_result result;
	struct err err = {0};
	static const char text[] = "entries:\n  - a..b\n  - c..d\n";
	put(text);
	assert_false(add(path, "x.org", &result, &err));
	assert_string_equal(err.file, path);
	assert_int_equal(err.line, 2);
	assert_int_equal(err.column, 5);
	assert_false(edit_lift(path, NULL, NULL, 0, NULL, TODAY_S, NULL, &err));
	check(text);
}

static void test_mode_file(void **state)
{
	(void)state;
	struct err err = {0};
	put("lists:\n  - name: ads # the ads\n    file: a.yaml\n");
	assert_true(edit_mode(path, "ads", MODE_OFF, &err));
	check("lists:\n  - name: ads # the ads\n    file: a.yaml\n    mode: off\n");
	assert_true(edit_mode(path, "ads", MODE_ENFORCE, &err));
	check("lists:\n  - name: ads # the ads\n    file: a.yaml\n    mode: enforce\n");
	assert_false(edit_mode(path, "adz", MODE_ENFORCE, &err));
	assert_int_equal(err.code, ERR_NOT_FOUND);
}

/* Several processes add at the same time: every name is there in the end. */
#define EDITORS 4
#define EDITS 5

static void run_editor(int editor)
{
	for (int i = 0; i < EDITS; i++) {
		char name[32];
		struct edit_result result;
		struct err err = {0};
		(void)snprintf(name, sizeof(name), "e%d-%d.example", editor, i);
		if (!add(path, name, &result, &err) || result.outcome != EDIT_DONE)
			_exit(1);
	}
	_exit(0);
}

static void test_at_once(void **state)
{
	(void)state;
	pid_t editors[EDITORS];
	struct err_list errors = {0};
	put("entries:\n");
	for (int i = 0; i < EDITORS; i++) {
		editors[i] = fork();
		assert_true(editors[i] >= 0);
		if (editors[i] == 0)
			run_editor(i);
	}
	for (int i = 0; i < EDITORS; i++) {
		int status = -1;
		assert_int_equal(waitpid(editors[i], &status, 0), editors[i]);
		assert_int_equal(status, 0);
	}
	struct list *list = list_load(path, path, &errors);
	assert_non_null(list);
	assert_int_equal(list->entry_count, EDITORS * EDITS);
	list_destroy(list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_in_place, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_remark_survives_writing, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_link, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_absent, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_create, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_faulty_file_is_left, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_mode_file, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_at_once, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
