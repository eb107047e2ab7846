/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The writer: what it appends is whole, whatever it finds and whatever becomes of the disk; new files begin, old ones go. */
#include "audit/log.h"

#include "audit/log_fixture.h"
#include "audit/read.h"
#include "audit/verify.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static int set_up(void **state)
{
	struct log_fixture *f = base_alloc(sizeof(*f));
	log_fixture_make(f);
	log_open("test", LOG_LEVEL_ERROR);
	clock_set_for_test(1000, 1767225600);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	log_fixture_remove(*state);
	clock_set_for_test(-1, -1);
	free(*state);
	return 0;
}

static void on_damage(void *arg, const struct audit_damage *d)
{
	buf_printf(arg, "%s %" PRIu64 "; ", audit_damage_words[d->kind], d->seq);
}

static void expect(const struct log_fixture *f, uint64_t records, const char *damages)
{
	struct buf told = {0};
	struct err err = {0};
	struct audit_verdict v;
	assert_true(audit_verify(f->folder, on_damage, &told, &v, &err));
	assert_string_equal(told.ptr ? told.ptr : "", damages);
	assert_int_equal(v.records, records);
	buf_finish(&told);
}

static bool add(struct audit_log *log, const char *verb)
{
	return audit_log_append(log, json_pack("{s:s, s:s}", "verb", verb, "reason", "of some length"), NULL);
}

/* "verb kind; " of what was found. */
static void expect_findings(struct audit_log *log, const char *wanted)
{
	struct buf said = {0};
	json_t *found = audit_log_findings(log), *one;
	size_t i;
	json_array_foreach(found, i, one)
	{
		const char *kind = json_string_value(json_object_get(one, "kind"));
		buf_printf(&said, "%s %s; ", json_string_value(json_object_get(one, "verb")), kind ? kind : "");
	}
	assert_string_equal(said.ptr ? said.ptr : "", wanted);
	json_decref(found);
	buf_finish(&said);
}

static uint64_t seq_of(const struct audit_log *log)
{
	struct audit_log_state state;
	audit_log_state(log, &state);
	return state.seq;
}

static void test_goes_on_where_it_was(void **state)
{
	struct log_fixture *f = *state;
	for (unsigned life = 0; life < 3; life++) {
		struct audit_log *log = audit_log_open(f->folder);
		json_t *kept = json_pack("{s:i}", "life", (int)life);
		assert_int_equal(seq_of(log), life * 2);
		if (life > 0)
			assert_int_equal(json_integer_value(json_object_get(audit_log_kept(log), "life")), life - 1);
		assert_true(audit_log_append(log, json_pack("{s:s}", "verb", "x"), kept));
		assert_true(add(log, "y")); /* what is kept stays */
		expect_findings(log, "");
		json_decref(kept);
		audit_log_close(log);
	}
	expect(f, 6, "");
}

static size_t full_files(const struct log_fixture *f)
{
	struct audit_folder folder;
	struct err err = {0};
	assert_true(audit_folder_list(f->folder, &folder, &err));
	size_t count = folder.count - 1;
	audit_folder_finish(&folder);
	return count;
}

static void test_rotation(void **state)
{
	struct log_fixture *f = *state;
	struct audit_log *log = audit_log_open(f->folder);
	audit_log_configure(log, 1000, 0);
	for (int i = 0; i < 20; i++)
		assert_true(add(log, "x"));
	size_t files = full_files(f);
	assert_true(files >= 4 && files < 20);
	expect(f, 20, "");
	audit_log_close(log);
	log = audit_log_open(f->folder); /* in the middle of a file */
	audit_log_configure(log, 1000, 0);
	for (int i = 0; i < 20; i++)
		assert_true(add(log, "x"));
	expect(f, 40, "");
	audit_log_configure(log, 0, 0); /* never a new one */
	files = full_files(f);
	for (int i = 0; i < 20; i++)
		assert_true(add(log, "x"));
	assert_int_equal(full_files(f), files);
	/* only the newest two stay, which is said first */
	audit_log_configure(log, 1000, 2);
	for (int i = 0; i < 10; i++)
		assert_true(add(log, "x"));
	assert_int_equal(full_files(f), 2);
	uint64_t last = seq_of(log);
	struct audit_verdict v;
	struct buf told = {0};
	struct err err = {0};
	assert_true(audit_verify(f->folder, on_damage, &told, &v, &err));
	assert_null(told.ptr);
	assert_true(v.first_seq > 1 && v.last_seq == last && v.records == last - v.first_seq + 1);
	audit_log_close(log);
}

static void test_what_is_found(void **state)
{
	struct log_fixture *f = *state;
	char path[128];
	struct buf text = {0};
	struct audit_log *log = audit_log_open(f->folder);
	for (int i = 0; i < 4; i++)
		assert_true(add(log, "x"));
	audit_log_close(log);
	(void)snprintf(path, sizeof(path), "%s/" AUDIT_FILE, f->folder);
	assert_true(file_read(path, 1 << 20, &text, NULL));
	/* torn */
	assert_int_equal(truncate(path, (off_t)text.len - 10), 0);
	log = audit_log_open(f->folder);
	expect_findings(log, "audit repair ; audit damage truncated; ");
	assert_int_equal(seq_of(log), 4); /* the head knew of it: its number is not given again */
	assert_true(add(log, "x"));
	audit_log_close(log);
	expect(f, 4, "missing 4; ");
	/* altered */
	buf_finish(&text);
	assert_true(file_read(path, 1 << 20, &text, NULL));
	text.ptr[text.len - 150] ^= 1;
	log_fixture_put(f, AUDIT_FILE, text.ptr, text.len);
	log = audit_log_open(f->folder);
	expect_findings(log, "audit damage altered; ");
	audit_log_close(log);
	buf_finish(&text);
}

/* However large the file, its last line is found; a hole stands for what came before. */
static void test_a_large_file(void **state)
{
	struct log_fixture *f = *state;
	char path[128];
	struct buf text = {0};
	struct audit_log *log = audit_log_open(f->folder);
	for (int i = 0; i < 3; i++)
		assert_true(add(log, "x"));
	audit_log_close(log);
	(void)snprintf(path, sizeof(path), "%s/" AUDIT_FILE, f->folder);
	assert_true(file_read(path, 1 << 20, &text, NULL));
	const char *last = (const char *)memrchr(text.ptr, '\n', text.len - 1);
	assert_int_equal(truncate(path, 0), 0);
	FILE *out = fopen(path, "r+");
	assert_true(out && fseeko(out, (off_t)5 << 29, SEEK_SET) == 0);
	assert_true(fwrite(last, 1, text.len - (size_t)(last - text.ptr), out) > 0 && fclose(out) == 0);
	log = audit_log_open(f->folder);
	expect_findings(log, "");
	assert_int_equal(seq_of(log), 3);
	audit_log_close(log);
	buf_finish(&text);
}

static void test_lost_and_told(void **state)
{
	struct log_fixture *f = *state;
	struct audit_log_state s;
	char folder[128];
	struct err err = {0};
	const struct audit_query all = {0};
	json_t *records;
	/* a file stands where the folder belongs */
	(void)snprintf(folder, sizeof(folder), "%s/log", f->folder);
	log_fixture_put(f, "log", "", 0);
	struct audit_log *log = audit_log_open(folder);
	assert_false(add(log, "x"));
	assert_false(add(log, "x"));
	audit_log_state(log, &s);
	assert_true(s.lost == 2 && s.seq == 0 && s.error[0] != '\0');
	assert_int_equal(unlink(folder), 0);
	audit_log_mend(log);
	audit_log_state(log, &s);
	assert_true(s.lost == 0 && s.seq == 1 && s.error[0] == '\0');
	assert_true(add(log, "x"));
	audit_log_close(log);
	assert_true(audit_read(folder, &all, &records, &err));
	const json_t *gap = json_array_get(records, 0);
	assert_string_equal(json_string_value(json_object_get(gap, "verb")), "audit gap");
	assert_int_equal(json_integer_value(json_object_get(gap, "lost")), 2);
	json_decref(records);
	/* log_fixture_remove takes no folders */
	struct buf command = {0};
	static const char *const files[] = {AUDIT_FILE, AUDIT_HEAD};
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		buf_reset(&command);
		buf_printf(&command, "%s/%s", folder, files[i]);
		assert_int_equal(unlink(command.ptr), 0);
	}
	buf_finish(&command);
	assert_int_equal(rmdir(folder), 0);
}

static void test_taken_away(void **state)
{
	struct log_fixture *f = *state;
	char path[128];
	struct audit_log *log = audit_log_open(f->folder);
	(void)snprintf(path, sizeof(path), "%s/" AUDIT_FILE, f->folder);
	char away[128];
	(void)snprintf(away, sizeof(away), "%s/away", f->folder);
	assert_true(add(log, "x") && add(log, "x"));
	assert_int_equal(rename(path, away), 0);
	assert_true(add(log, "x"));
	expect_findings(log, "audit damage replaced; ");
	expect(f, 1, "missing 1; ");
	/* somebody wrote a line of his own */
	FILE *out = fopen(path, "a");
	assert_true(out && fputs("{\"seq\":4}\n", out) > 0 && fclose(out) == 0);
	assert_true(add(log, "x"));
	expect_findings(log, "audit damage resized; ");
	audit_log_close(log);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_goes_on_where_it_was, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_rotation, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_what_is_found, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_a_large_file, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_lost_and_told, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_taken_away, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
