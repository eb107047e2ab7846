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

/* However little is looked at at once, going on from where it ended finds each record once; also when the file is full meanwhile.
 */
static void expect_pages(struct log_fixture *f, const char *verb, size_t scan_max, bool rotate, const char *seqs)
{
	struct audit_query query = {.verb = verb, .scan_max = scan_max};
	struct err err = {0};
	struct buf said = {0};
	json_t *all = json_array(), *one;
	size_t i, pages = 0;
	do {
		json_t *found;
		assert_true(audit_read_page(f->folder, &query, &found, &query.from, &err));
		assert_int_equal(json_array_extend(found, all), 0);
		json_decref(all);
		all = found;
		if (++pages == 1 && rotate) {
			log_fixture_rotate(f);
			log_fixture_add(f, "reload", "2026-03-01T00:00:00.000Z", NULL);
			log_fixture_write(f);
		}
		assert_true(pages < 100);
	} while (query.from.file > 0);
	json_array_foreach(all, i, one)
	    buf_printf(&said, "%s%" JSON_INTEGER_FORMAT, i > 0 ? " " : "", json_integer_value(json_object_get(one, "seq")));
	assert_string_equal(said.ptr ? said.ptr : "", seqs);
	assert_true(scan_max > 1 || pages >= 10);
	buf_finish(&said);
	json_decref(all);
}

static void test_pages(void **state)
{
	struct log_fixture *f = *state;
	for (size_t scan_max = 1; scan_max < 4000; scan_max += 37) {
		expect_pages(f, NULL, scan_max, false, "1 2 3 4 5 6 7 8 9 10 11 12");
		expect_pages(f, "reload", scan_max, false, "1 4 7 10");
		expect_pages(f, "no such verb", scan_max, false, "");
	}
	expect_pages(f, NULL, 300, true, "1 2 3 4 5 6 7 8 9 10 11 12");
	/* a file that was taken away meanwhile: what is older than it */
	expect(f, &(struct audit_query){.from = {.file = 8, .end = 5}}, "1 2 3 4 5 6 7 8 9 10");
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
	    cmocka_unit_test_setup_teardown(test_pages, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_odd_lines, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_long_lines, set_up, tear_down),
	    cmocka_unit_test(test_absent),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
