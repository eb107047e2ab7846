/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The file of lifts: what is read, what is written, what is refused; and that what was written reads the same. */
#include "list/lifts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"

#define NOW_S 1502323200 /* 2017-08-10 */

static char dir[64], path[128];

static int set_up(void **state)
{
	(void)state;
	(void)snprintf(dir, sizeof(dir), "/tmp/test_list_lifts.XXXXXX");
	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/" LIFTS_FILE, dir);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	(void)unlink(path);
	return rmdir(dir); /* no temporary file stays either */
}

static struct name name_of(const char *text)
{
	struct name name;
	assert_true(name_from_text(str_from(text), &name, NULL));
	return name;
}

static struct lifts *load(void)
{
	struct err_list errors = {NULL, 0, 0};
	struct lifts *l = lifts_load(path, &errors);
	err_list_print(&errors, stderr);
	assert_non_null(l);
	return l;
}

static bool add(const char *list, const char *name, const struct lift_how *how, bool *ret_done)
{
	struct lift_wanted wanted = {.list = list, .name = name_of(name)};
	struct err err = {.code = ERR_NONE};
	if (!lifts_add(path, &wanted, 1, how, NOW_S, &err))
		return false;
	*ret_done = wanted.done;
	return true;
}

static bool end(const char *list, const char *name, enum lift_end how, bool *ret_done)
{
	struct lift_wanted wanted = {.list = list, .name = name_of(name)};
	struct err err = {.code = ERR_NONE};
	if (!lifts_end(path, &wanted, 1, how, NOW_S + 86400, &err))
		return false;
	*ret_done = wanted.done;
	return true;
}

static void test_a_life(void **state)
{
	(void)state;
	const struct lift_how how = {.by = "alice", .reason = "  order: \"withdrawn\"\n", .reference = "https://x.example/#9"};
	const struct name t_me = name_of("t.me");
	uint8_t before[16];
	bool done = false;
	struct lifts *l = load();
	assert_int_equal(l->count, 0);
	lifts_destroy(l);
	assert_true(add("ads", "T.me.", &how, &done) && done);
	assert_true(add("ads", "t.me", &how, &done) && !done); /* once is enough */
	assert_true(add("other", "t.me", &(struct lift_how){.by = NULL}, &done) && done);
	l = load();
	memcpy(before, l->hash, sizeof(before));
	assert_int_equal(l->count, 2);
	const struct lift *one = lifts_find(l, "ads", &t_me, ACTION_BLOCK);
	assert_non_null(one);
	assert_string_equal(one->text, "t.me");
	assert_string_equal(one->provenance.lifted, "2017-08-10T00:00:00Z");
	assert_int_equal(one->provenance.lifted_s, NOW_S);
	assert_string_equal(one->provenance.lifted_by, "alice");
	assert_string_equal(one->provenance.lift_reason, "order: \"withdrawn\"");
	assert_string_equal(one->provenance.lift_reference, "https://x.example/#9");
	assert_null(lifts_find(l, "nolist", &t_me, ACTION_BLOCK));
	lifts_destroy(l);
	/* its list drops it; the other's stays */
	assert_true(end("ads", "t.me", LIFT_DROPPED, &done) && done);
	assert_true(end("ads", "t.me", LIFT_RESTORED, &done) && !done);
	l = load();
	assert_null(lifts_find(l, "ads", &t_me, ACTION_BLOCK));
	assert_non_null(lifts_find(l, "other", &t_me, ACTION_BLOCK));
	assert_string_equal(l->items[0].dropped, "2017-08-11T00:00:00Z");
	assert_memory_not_equal(before, l->hash, sizeof(before));
	lifts_destroy(l);
	/* and again: what was stays on record */
	assert_true(add("ads", "t.me", &how, &done) && done);
	assert_true(end("ads", "t.me", LIFT_RESTORED, &done) && done);
	l = load();
	assert_int_equal(l->count, 3);
	assert_non_null(l->items[2].restored);
	lifts_destroy(l);
}

static void test_what_is_refused(void **state)
{
	(void)state;
	bool done = false;
	struct stat st;
	assert_false(add("ads", "t.me", &(struct lift_how){.reason = "\xc3"}, &done));
	assert_false(add("ads", "t.me", &(struct lift_how){.reference = "a\x1b[2J"}, &done));
	assert_int_equal(stat(path, &st), -1);
	/* a file with faults is not written over */
	static const char bad[] = "lifts:\n  - {list: ads, domain: t.me, lifted: soon}\n";
	assert_true(file_replace(path, bad, sizeof(bad) - 1, 0640, NULL));
	assert_false(add("ads", "x.me", &(struct lift_how){.by = "a"}, &done));
	struct buf text = {NULL, 0, 0};
	assert_true(file_read(path, 1000, &text, NULL));
	assert_string_equal(text.ptr, bad);
	buf_finish(&text);
}

/* What blocks and what allows are lifted apart. */
static void test_by_action(void **state)
{
	(void)state;
	const struct name t_me = name_of("t.me");
	struct lift_wanted wanted[] = {{.list = "ads", .name = t_me, .action = ACTION_BLOCK},
				       {.list = "ads", .name = t_me, .action = ACTION_ALLOW},
				       {.list = "ads", .name = t_me, .action = ACTION_ALLOW}};
	const struct lift_how how = {.by = "a"};
	assert_true(lifts_add(path, wanted, 1, &how, NOW_S, NULL) && wanted[0].done);
	assert_true(lifts_add(path, wanted, 3, &how, NOW_S, NULL));
	assert_true(!wanted[0].done && wanted[1].done && !wanted[2].done);
	assert_true(lifts_end(path, wanted, 1, LIFT_DROPPED, NOW_S, NULL) && wanted[0].done);
	struct lifts *l = load();
	assert_null(lifts_find(l, "ads", &t_me, ACTION_BLOCK));
	assert_ptr_equal(lifts_find(l, "ads", &t_me, ACTION_ALLOW), &l->items[1]);
	lifts_destroy(l);
}

/* Root writes in a directory that is somebody else's: what a link there leads to is left alone. */
static void test_no_link_is_followed(void **state)
{
	(void)state;
	static const char kept[] = "lifts: []\n";
	char target[160];
	bool done = false;
	struct buf text = {NULL, 0, 0};
	(void)snprintf(target, sizeof(target), "%s-target", dir);
	assert_true(file_replace(target, kept, sizeof(kept) - 1, 0600, NULL));
	assert_int_equal(symlink(target, path), 0);
	assert_false(add("ads", "t.me", &(struct lift_how){.by = "a"}, &done));
	assert_true(file_read(target, 1000, &text, NULL));
	assert_string_equal(text.ptr, kept);
	/* nor is a hard link's other name changed */
	assert_int_equal(unlink(path), 0);
	assert_int_equal(link(target, path), 0);
	assert_true(add("ads", "t.me", &(struct lift_how){.by = "a"}, &done) && done);
	buf_reset(&text);
	assert_true(file_read(target, 1000, &text, NULL));
	assert_string_equal(text.ptr, kept);
	assert_int_equal(unlink(target), 0);
	buf_finish(&text);
}

/* What is written can be read again: more is refused, and what was there stays. What ends later still has room. */
static void test_too_much_is_refused(void **state)
{
	(void)state;
	enum { COUNT = 9000 };
	char *reason = malloc(4001);
	struct lift_wanted *wanted = calloc(COUNT, sizeof(*wanted));
	struct err err = {.code = ERR_NONE};
	assert_true(reason != NULL && wanted != NULL);
	memset(reason, 'r', 4000);
	reason[4000] = '\0';
	for (size_t i = 0; i < COUNT; i++) {
		char text[32];
		(void)snprintf(text, sizeof(text), "n%zu.example", i);
		wanted[i] = (struct lift_wanted){.list = "ads", .name = name_of(text)};
	}
	const struct lift_how how = {.by = "a", .reason = reason, .reference = reason};
	assert_true(lifts_add(path, wanted, 10, &how, NOW_S, &err));
	assert_false(lifts_add(path, wanted, COUNT, &how, NOW_S, &err));
	assert_int_equal(err.code, ERR_LIMIT);
	struct lifts *l = load();
	assert_int_equal(l->count, 10);
	lifts_destroy(l);
	free(reason);
	free(wanted);
}

static void test_faults_have_places(void **state)
{
	(void)state;
	static const struct {
		const char *text, *said;
	} rows[] = {
	    {"a: b\n", "l:1:1: unknown key 'a'"},
	    {"- x\n", "l:1:1: 'this file' takes a mapping with 'lifts:' in it, not a list"},
	    {"lifts: {a: b}\n", "l:1:8: 'lifts' takes a list, not a mapping"},
	    {"lifts: [t.me]\n", "l:1:9: 'lifts' takes mappings, not text"},
	    {"lifts:\n  - {list: ads, domain: t.me}\n", "l:2:5: a lift needs 'list', 'domain' and 'lifted'"},
	    {"lifts:\n  - {list: ads, domain: a..b, lifted: 2017-08-10}\n",
	     "l:2:25: \"a..b\" is not a domain name: it has an empty label"},
	    {"lifts:\n  - {list: ads, domain: t.me, lifted: 2017-08-10, lifted-bye: x}\n",
	     "l:2:51: unknown key 'lifted-bye'; did you mean 'lifted-by'?"},
	    {"lifts:\n  - {list: ads, domain: t.me, lifted: 2017-08-10}\n  - {list: ads, domain: T.ME, lifted: 2017-08-11}\n",
	     "l:3:5: t.me is lifted in this list by another one already"},
	    {"lifts:\n  - {list: ads, domain: t.me, lifted: 2017-08-10, action: allow, action: block}\n", "l:2:66: "},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct err_list errors = {NULL, 0, 0};
		char line[sizeof(struct err)];
		assert_null(lifts_parse(str_from(rows[i].text), "l", &errors));
		assert_true(errors.count >= 1);
		(void)err_format(&errors.items[0], line, sizeof(line));
		if (strncmp(line, rows[i].said, strlen(rows[i].said)) != 0)
			fail_msg("'%s', not '%s'", line, rows[i].said);
		err_list_finish(&errors);
	}
}

/* A dropped one beside one in force is no double; a second list is another. */
static void test_doubles_that_are_none(void **state)
{
	(void)state;
	static const char text[] = "lifts:\n"
				   "  - {list: ads, domain: t.me, lifted: 2017-08-10, dropped: 2017-08-12}\n"
				   "  - {list: ads, domain: t.me, lifted: 2017-08-13}\n"
				   "  - {list: more, domain: t.me, lifted: 2017-08-13, action: allow}\n";
	struct err_list errors = {NULL, 0, 0};
	struct buf out = {NULL, 0, 0}, again = {NULL, 0, 0};
	struct lifts *l = lifts_parse(STR_LIT(text), "l", &errors);
	assert_non_null(l);
	assert_int_equal(l->count, 3);
	assert_int_equal(l->items[2].action, ACTION_ALLOW);
	lifts_text(l, &out);
	lifts_destroy(l);
	l = lifts_parse(buf_str(&out), "l", &errors);
	assert_non_null(l);
	lifts_text(l, &again);
	assert_string_equal(out.ptr, again.ptr);
	lifts_destroy(l);
	buf_finish(&out);
	buf_finish(&again);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_a_life, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_what_is_refused, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_by_action, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_no_link_is_followed, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_too_much_is_refused, set_up, tear_down),
	    cmocka_unit_test(test_faults_have_places),
	    cmocka_unit_test(test_doubles_that_are_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
