/* SPDX-License-Identifier: BSD-2-Clause */
#include "privs.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void test_not_root(void **state)
{
	(void)state;
	struct privs p;
	struct err err = {0};
	/* Nothing is looked up: even a name that does not exist has no effect. */
	assert_true(privs_resolve("no-such-user-here", 4711, &p, &err));
	assert_int_equal(p.plan, PRIVS_STAY);
	assert_int_equal(p.uid, 4711);
	assert_string_equal(p.name, "4711");
	assert_true(privs_resolve(NULL, 4711, &p, &err));
	assert_int_equal(p.plan, PRIVS_STAY);
}

static void test_named_user(void **state)
{
	(void)state;
	struct privs p;
	struct err err = {0};
	assert_true(privs_resolve("nobody", 0, &p, &err));
	assert_int_equal(p.plan, PRIVS_DROP);
	struct passwd *pw = getpwnam("nobody");
	assert_int_equal(p.uid, pw->pw_uid);
	assert_int_equal(p.gid, pw->pw_gid);
	assert_string_equal(p.name, "nobody");
	assert_true(privs_resolve("root", 0, &p, &err));
	assert_int_equal(p.plan, PRIVS_STAY_ROOT);
	assert_int_equal(p.uid, 0);
}

static void test_no_such_user(void **state)
{
	(void)state;
	struct privs p = {.plan = PRIVS_STAY};
	struct err err = {0};
	assert_false(privs_resolve("no-such-user-here", 0, &p, &err));
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_non_null(strstr(err.text, "no-such-user-here"));
	assert_false(privs_resolve("", 0, &p, &err));
	assert_false(privs_resolve("0", 0, &p, &err)); /* a number is no name */
	assert_int_equal(p.plan, PRIVS_STAY);	       /* untouched */
}

static void test_default_user(void **state)
{
	(void)state;
	struct privs p;
	struct err err = {0};
	assert_true(privs_resolve(NULL, 0, &p, &err));
	struct passwd *pw = getpwnam(PRIVS_USER_DEFAULT);
	assert_int_equal(p.plan, pw ? PRIVS_DROP : PRIVS_NO_USER);
	assert_int_equal(p.uid, pw ? pw->pw_uid : 0);
}

static void test_group(void **state)
{
	(void)state;
	struct err err = {0};
	gid_t gid = 12345;
	assert_false(privs_group("no-such-group-here", 7, &gid, &err));
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_int_equal(gid, 12345);
	assert_true(privs_group("root", 7, &gid, &err));
	assert_int_equal(gid, 0);
	assert_true(privs_group(NULL, 7, &gid, &err));
	struct group *gr = getgrnam(PRIVS_USER_DEFAULT);
	assert_int_equal(gid, gr ? gr->gr_gid : 7);
}

/* In a child, as it cannot be undone: returns its exit status, one bit for each thing that is wrong. */
static int drop_in_child(const struct privs *p)
{
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct err err = {0};
		int wrong = 0;
		gid_t groups[64];
		if (!privs_drop(p, &err)) {
			fprintf(stderr, "privs_drop: %s\n", err.text);
			_exit(128);
		}
		uid_t r, e, s;
		wrong |= getresuid(&r, &e, &s) != 0 || r != p->uid || e != p->uid || s != p->uid ? 1 : 0;
		wrong |= getegid() != p->gid ? 2 : 0;
		int count = getgroups(64, groups);
		for (int i = 0; i < count; i++)
			wrong |= p->uid != 0 && groups[i] == 0 ? 4 : 0;
		wrong |= p->uid != 0 && (setuid(0) == 0 || setgid(0) == 0) ? 8 : 0;
		wrong |= prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1 ? 16 : 0;
		wrong |= p->uid != 0 && prctl(PR_CAPBSET_DROP, 0, 0, 0, 0) == 0 ? 32 : 0; /* needs a capability */
		_exit(wrong);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void test_drop(void **state)
{
	(void)state;
	struct privs p;
	struct err err = {0};
	if (geteuid() != 0)
		skip();
	assert_true(privs_resolve("nobody", 0, &p, &err));
	assert_int_equal(drop_in_child(&p), 0);
	assert_true(privs_resolve("root", 0, &p, &err));
	assert_int_equal(drop_in_child(&p), 0);
}

static void test_drop_not_root(void **state)
{
	(void)state;
	struct privs p;
	struct err err = {0};
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		/* As a unit with User= would start it. */
		if (geteuid() == 0 && (setgid(65534) < 0 || setuid(65534) < 0))
			_exit(100);
		bool ok = privs_resolve("root", geteuid(), &p, &err) && p.plan == PRIVS_STAY && privs_drop(&p, &err) &&
			  prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
		_exit(ok ? 0 : 1);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_not_root),	  cmocka_unit_test(test_named_user), cmocka_unit_test(test_no_such_user),
	    cmocka_unit_test(test_default_user),  cmocka_unit_test(test_group),	     cmocka_unit_test(test_drop),
	    cmocka_unit_test(test_drop_not_root),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
