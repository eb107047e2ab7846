/* SPDX-License-Identifier: BSD-2-Clause */
#include "audit/read.h"

#include "audit/log_fixture.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define DAY_S 86400
#define FIRST_S 1767225600 /* 2026-01-01 */

/* Twelve records, one a day; every third is a reload; files of five. */
static int set_up(void **state)
{
	struct log_fixture *f = base_alloc(sizeof(*f));
	log_fixture_make(f);
	for (int i = 0; i < 12; i++) {
		char time[32];
		(void)snprintf(time, sizeof(time), "2026-01-%02dT00:00:00.500Z", i + 1);
		log_fixture_add(f, i % 3 == 0 ? "reload" : "list add", time, NULL);
		if (i % 5 == 4)
			log_fixture_rotate(f);
	}
	log_fixture_write(f);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	log_fixture_remove(*state);
	free(*state);
	return 0;
}

static void expect(const struct log_fixture *f, const struct audit_query *query, const char *seqs)
{
	struct buf said = {0};
	struct err err = {0};
	json_t *found = NULL, *one;
	size_t i;
	assert_true(audit_read(f->folder, query, &found, &err));
	json_array_foreach(found, i, one)
	    buf_printf(&said, "%s%" JSON_INTEGER_FORMAT, i > 0 ? " " : "", json_integer_value(json_object_get(one, "seq")));
	assert_string_equal(said.ptr ? said.ptr : "", seqs);
	buf_finish(&said);
	json_decref(found);
}

static void test_queries(void **state)
{
	const struct log_fixture *f = *state;
	expect(f, &(struct audit_query){0}, "1 2 3 4 5 6 7 8 9 10 11 12");
	expect(f, &(struct audit_query){.limit = 3}, "10 11 12");
	expect(f, &(struct audit_query){.after_seq = 9}, "10 11 12");
	expect(f, &(struct audit_query){.after_seq = 12}, "");
	expect(f, &(struct audit_query){.after_seq = 100}, "");
	expect(f, &(struct audit_query){.verb = "reload"}, "1 4 7 10");
	expect(f, &(struct audit_query){.verb = "reload", .limit = 2}, "7 10");
	expect(f, &(struct audit_query){.since_s = FIRST_S + 10 * DAY_S}, "11 12");
	expect(f, &(struct audit_query){.since_s = FIRST_S + 3 * DAY_S, .until_s = FIRST_S + 5 * DAY_S}, "4 5 6");
	expect(f, &(struct audit_query){.verb = "no such verb"}, "");
}

/* A record that is being written is none yet; one that is none is left out. */
static void test_odd_lines(void **state)
{
	struct log_fixture *f = *state;
	struct buf text = {0};
	buf_add_c(&text, "rubbish\n\n[1]\n");
	buf_add_str(&text, buf_str(&f->text));
	buf_add_c(&text, "{\"seq\":13,\"verb\":\"reload\"}");
	log_fixture_put(f, AUDIT_FILE, text.ptr, text.len);
	expect(f, &(struct audit_query){.after_seq = 9}, "10 11 12");
	buf_finish(&text);
}

/* Longer than what is read at a time. */
static void test_long_lines(void **state)
{
	struct log_fixture *f = *state;
	struct buf extra = {0};
	buf_add_c(&extra, "{\"names\":\"");
	for (size_t i = 0; i < 300000; i++)
		buf_add_c(&extra, "x");
	buf_add_c(&extra, "\"}");
	for (int i = 0; i < 4; i++)
		log_fixture_add(f, "long", "2026-02-01T00:00:00.000Z", extra.ptr);
	log_fixture_write(f);
	expect(f, &(struct audit_query){.after_seq = 9}, "10 11 12 13 14 15 16");
	expect(f, &(struct audit_query){.limit = 1}, "16");
	buf_finish(&extra);
}

static void test_absent(void **state)
{
	struct log_fixture f;
	(void)state;
	log_fixture_make(&f);
	log_fixture_remove(&f);
	expect(&f, &(struct audit_query){0}, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_queries, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_odd_lines, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_long_lines, set_up, tear_down),
	    cmocka_unit_test(test_absent),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
