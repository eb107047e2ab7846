/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Every kind of damage is found, at its place, and nothing else is told. */
#include "audit/verify.h"

#include "audit/log_fixture.h"
#include "base/file.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define TIME "2026-01-01T00:00:00.000Z"

/* "kind file:line seq; " of each damage. */
static void note(void *arg, const struct audit_damage *d)
{
	const char *slash = strrchr(d->file, '/');
	assert_true(strlen(d->text) > 10);
	buf_printf(arg, "%s %s:%u %" PRIu64 "; ", audit_damage_words[d->kind], slash ? slash + 1 : d->file, d->line, d->seq);
}

static struct audit_verdict expect_at(const char *path, const char *damages)
{
	struct buf told = {0};
	struct err err = {0};
	struct audit_verdict verdict;
	if (!audit_verify(path, note, &told, &verdict, &err))
		fail_msg("%s", err.text);
	assert_string_equal(told.ptr ? told.ptr : "", damages);
	buf_finish(&told);
	return verdict;
}

static struct audit_verdict expect(const struct log_fixture *f, const char *damages)
{
	return expect_at(f->folder, damages);
}

/* Six records: two in each of three files. */
static int set_up(void **state)
{
	struct log_fixture *f = base_alloc(sizeof(*f));
	log_fixture_make(f);
	for (int i = 0; i < 6; i++) {
		log_fixture_add(f, "list add", TIME, "{\"reason\": \"of some length, so that there are bytes\"}");
		if (i == 1 || i == 3)
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

static void path_of(const struct log_fixture *f, const char *file, char path[256])
{
	(void)snprintf(path, 256, "%s/%s", f->folder, file);
}

/* The lines of a file put back in the order given ("21": the second, then the first). */
static void reorder(const struct log_fixture *f, const char *file, const char *order)
{
	char path[256];
	struct buf text = {0}, new = {0};
	struct str lines[8];
	size_t count = 0;
	path_of(f, file, path);
	assert_true(file_read(path, 1 << 20, &text, NULL));
	for (struct str rest = buf_str(&text); rest.ptr && rest.len > 0 && count < ARRAY_LEN(lines);)
		lines[count++] = str_cut(&rest, '\n');
	for (; *order; order++) {
		buf_add_str(&new, lines[*order - '1']);
		buf_add_c(&new, "\n");
	}
	log_fixture_put(f, file, new.ptr, new.len);
	buf_finish(&text);
	buf_finish(&new);
}

/* One byte of a file is another. */
static void flip(const struct log_fixture *f, const char *file, size_t at)
{
	char path[256];
	struct buf text = {0};
	path_of(f, file, path);
	assert_true(file_read(path, 1 << 20, &text, NULL) && at < text.len);
	text.ptr[at] ^= 1;
	log_fixture_put(f, file, text.ptr, text.len);
	buf_finish(&text);
}

static void test_good(void **state)
{
	struct log_fixture *f = *state;
	struct audit_verdict v = expect(f, "");
	assert_int_equal(v.records, 6);
	assert_int_equal(v.files, 3);
	assert_int_equal(v.first_seq, 1);
	assert_int_equal(v.last_seq, 6);
	assert_true(audit_hash_eq(&v.last_hash, &f->hash));
	assert_false(v.behind);
	char path[256];
	path_of(f, "audit-000000000003.jsonl", path);
	v = expect_at(path, ""); /* a file by itself */
	assert_int_equal(v.first_seq, 3);
}

static void test_altered(void **state)
{
	flip(*state, "audit-000000000003.jsonl", 40);
	expect(*state, "altered audit-000000000003.jsonl:1 3; ");
}

static void test_altered_anywhere(void **state)
{
	struct log_fixture *f = *state;
	char path[256];
	struct buf text = {0};
	path_of(f, AUDIT_FILE, path);
	assert_true(file_read(path, 1 << 20, &text, NULL));
	for (size_t at = 0; at < text.len; at += 5) {
		struct buf told = {0};
		struct audit_verdict v;
		struct err err = {0};
		flip(f, AUDIT_FILE, at);
		assert_true(audit_verify(f->folder, note, &told, &v, &err));
		if (v.damages == 0)
			fail_msg("byte %zu can be another", at);
		flip(f, AUDIT_FILE, at);
		buf_finish(&told);
	}
	buf_finish(&text);
	expect(f, "");
}

static void test_missing(void **state)
{
	reorder(*state, AUDIT_FILE, "2");
	expect(*state, "missing audit.jsonl:1 5; ");
}

static void test_missing_file(void **state)
{
	struct log_fixture *f = *state;
	char path[256];
	path_of(f, "audit-000000000003.jsonl", path);
	assert_int_equal(unlink(path), 0);
	expect(f, "missing audit.jsonl:1 3; ");
}

static void test_missing_beginning(void **state)
{
	struct log_fixture *f = *state;
	char path[256];
	path_of(f, "audit-000000000001.jsonl", path);
	assert_int_equal(unlink(path), 0);
	expect(f, "missing audit-000000000003.jsonl:1 1; ");
	/* the daemon may do so, if it says it */
	log_fixture_add(f, "audit trim", TIME, "{\"through\": 2}");
	log_fixture_write(f);
	expect(f, "");
}

static void test_order(void **state)
{
	reorder(*state, AUDIT_FILE, "21");
	expect(*state, "order audit.jsonl:2 5; ");
	reorder(*state, AUDIT_FILE, "212");
	expect(*state, "order audit.jsonl:3 5; order audit.jsonl:3 5; ");
}

static void test_truncated(void **state)
{
	reorder(*state, AUDIT_FILE, "1");
	expect(*state, "truncated audit.jsonl:1 6; ");
	log_fixture_put(*state, AUDIT_FILE, "", 0);
	expect(*state, "truncated audit-000000000003.jsonl:2 6; ");
}

static void test_torn(void **state)
{
	struct log_fixture *f = *state;
	struct buf text = {0};
	buf_add_str(&text, buf_str(&f->text));
	buf_add_c(&text, "{\"seq\":7,\"time\":\"20");
	log_fixture_put(f, AUDIT_FILE, text.ptr, text.len);
	expect(f, "torn audit.jsonl:3 7; ");
	/* a whole record without its end is none, and the one that the head names is then not there */
	log_fixture_put(f, AUDIT_FILE, f->text.ptr, f->text.len - 1);
	expect(f, "torn audit.jsonl:2 6; truncated audit.jsonl:1 6; ");
	buf_finish(&text);
}

static void test_broken(void **state)
{
	struct log_fixture *f = *state;
	struct buf text = {0};
	buf_add_c(&text, "rubbish\n");
	buf_add_str(&text, buf_str(&f->text));
	log_fixture_put(f, AUDIT_FILE, text.ptr, text.len);
	expect(f, "broken audit.jsonl:1 0; ");
	buf_finish(&text);
}

/* Whoever writes a record anew, hash and all, must write all that follow, too; and the head. */
static void test_written_anew(void **state)
{
	struct log_fixture *f = *state, other = *f;
	buf_finish(&f->text);
	*f = (struct log_fixture){.seq = 2};
	memcpy(f->folder, other.folder, sizeof(f->folder));
	/* records 3 and 4 with another text, but with the right hash before them */
	char path[256];
	struct buf text = {0};
	struct audit_line line;
	path_of(f, "audit-000000000001.jsonl", path);
	assert_true(file_read(path, 1 << 20, &text, NULL));
	struct str rest = buf_str(&text);
	(void)str_cut(&rest, '\n');
	assert_int_equal(audit_line_read(str_cut(&rest, '\n'), &line), AUDIT_LINE_GOOD);
	f->hash = line.hash;
	log_fixture_add(f, "list add", TIME, "{\"reason\": \"nothing happened\"}");
	log_fixture_add(f, "list add", TIME, NULL);
	log_fixture_rotate(f);
	expect(f, "chain audit.jsonl:1 5; ");
	log_fixture_add(f, "list add", TIME, NULL);
	log_fixture_add(f, "list add", TIME, NULL);
	log_fixture_put(f, AUDIT_FILE, f->text.ptr, f->text.len);
	expect(f, "head audit.jsonl:2 6; ");
	buf_finish(&text);
}

static void test_head(void **state)
{
	struct log_fixture *f = *state;
	char path[256];
	path_of(f, AUDIT_HEAD, path);
	log_fixture_put(f, AUDIT_HEAD, "{}", 2);
	expect(f, "head audit.jsonl:0 6; ");
	assert_int_equal(unlink(path), 0);
	expect(f, "head audit.jsonl:0 6; ");
	/* killed between the record and the head: no damage, but known */
	log_fixture_write(f);
	log_fixture_add(f, "list add", TIME, NULL);
	log_fixture_put(f, AUDIT_FILE, f->text.ptr, f->text.len);
	assert_true(expect(f, "").behind);
	log_fixture_add(f, "list add", TIME, NULL);
	log_fixture_put(f, AUDIT_FILE, f->text.ptr, f->text.len);
	expect(f, "head audit.jsonl:4 8; ");
}

static void test_nothing(void **state)
{
	struct log_fixture f;
	struct audit_verdict v;
	struct err err = {0};
	(void)state;
	log_fixture_make(&f);
	expect(&f, "");
	log_fixture_remove(&f);
	assert_false(audit_verify(f.folder, note, NULL, &v, &err));
	assert_int_equal(err.code, ERR_NOT_FOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_good, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_altered, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_altered_anywhere, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_missing, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_missing_file, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_missing_beginning, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_order, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_truncated, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_torn, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_broken, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_written_anew, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_head, set_up, tear_down),
	    cmocka_unit_test(test_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
