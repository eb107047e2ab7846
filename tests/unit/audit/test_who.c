/* SPDX-License-Identifier: BSD-2-Clause */
#include "audit/who.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

static void said(struct audit_who *who, json_int_t uid)
{
	json_t *change = json_pack("{s:s, s:I}", "verb", "v", "login_uid", uid);
	audit_who_said(who, change);
	json_decref(change);
}

/* What the kernel shows is not overruled by what is said. */
static void test_seen(void **state)
{
	(void)state;
	struct audit_who who = {.by = "control", .is_person = true, .uid = 0, .login_seen = true};
	said(&who, 1000);
	assert_false(who.has_login_uid);
	who.has_login_uid = true;
	who.login_uid = 7;
	said(&who, 1000);
	assert_int_equal(who.login_uid, 7);
	assert_false(who.login_said);
}

static void test_not_seen(void **state)
{
	(void)state;
	struct audit_who who = {.by = "control", .is_person = true, .uid = 0};
	audit_who_said(&who, NULL);
	assert_false(who.has_login_uid);
	said(&who, (json_int_t)UINT32_MAX); /* not set */
	said(&who, (json_int_t)UINT32_MAX + 1001);
	assert_false(who.has_login_uid);
	said(&who, 1000);
	assert_true(who.has_login_uid && who.login_said);
	assert_int_equal(who.login_uid, 1000);

	json_t *record = json_object();
	audit_who_put(&who, record);
	const json_t *behalf = json_object_get(record, "on_behalf_of");
	assert_int_equal(json_integer_value(json_object_get(behalf, "uid")), 1000);
	assert_true(json_is_true(json_object_get(behalf, "said")));
	json_decref(record);
}

/* Nobody's word makes a person of what the daemon did by itself. */
static void test_no_person(void **state)
{
	(void)state;
	struct audit_who who = {.by = "refresh"};
	said(&who, 1000);
	assert_false(who.has_login_uid);
}

/* This process is seen; there is none of that number, which is as one that is hidden. */
static void test_looking(void **state)
{
	(void)state;
	struct audit_who who;
	audit_who_of_peer(getuid(), getpid(), &who);
	assert_true(who.login_seen == (access("/proc/self/loginuid", R_OK) == 0));
	audit_who_of_peer(0, INT32_MAX, &who);
	assert_false(who.login_seen);
	assert_false(who.has_login_uid);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_seen), cmocka_unit_test(test_not_seen),
					   cmocka_unit_test(test_no_person), cmocka_unit_test(test_looking)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
