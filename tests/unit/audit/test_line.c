/* SPDX-License-Identifier: BSD-2-Clause */
#include "audit/line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char first[] =
    "{\"seq\":1,\"verb\":\"start\",\"prev\":\"0000000000000000000000000000000000000000000000000000000000000000\""
    /* printf '%s' '{"seq":1,...,"prev":"00..."' | sha256sum */
    ",\"hash\":\"HASH\"}\n";

static void make(struct buf *out, struct audit_hash *hash)
{
	json_t *record = json_pack("{s:i, s:s}", "seq", 1, "verb", "start");
	audit_line_put(out, record, &audit_hash_none, hash);
	json_decref(record);
}

static void test_form(void **state)
{
	(void)state;
	struct buf out = {0};
	struct audit_hash hash;
	struct audit_line line;
	make(&out, &hash);
	/* the hash as sha256sum gives it */
	assert_string_equal(hash.hex, "e69569f0a34a6a205e0a178866a25108d62ce848e956585df17ae40ead70d950");
	assert_int_equal(out.len, strlen(first) - 4 + AUDIT_HASH_HEX);
	assert_memory_equal(out.ptr, first, strstr(first, "HASH") - first);
	struct str text = {out.ptr, out.len - 1};
	assert_int_equal(audit_line_read(text, &line), AUDIT_LINE_GOOD);
	assert_int_equal(line.seq, 1);
	assert_true(audit_hash_eq(&line.prev, &audit_hash_none) && audit_hash_eq(&line.hash, &hash));
	buf_finish(&out);
}

/* No byte can be another, none can be left out, none put in. */
static void test_every_byte_counts(void **state)
{
	(void)state;
	struct buf out = {0};
	struct audit_hash hash;
	struct audit_line line;
	make(&out, &hash);
	size_t len = out.len - 1;
	char *copy = base_alloc(len + 2);
	for (size_t i = 0; i < len; i++) {
		memcpy(copy, out.ptr, len);
		copy[i] ^= 1;
		assert_int_not_equal(audit_line_read((struct str){copy, len}, &line), AUDIT_LINE_GOOD);
		memcpy(copy, out.ptr, i);
		memcpy(copy + i, out.ptr + i + 1, len - i - 1);
		assert_int_not_equal(audit_line_read((struct str){copy, len - 1}, &line), AUDIT_LINE_GOOD);
		memcpy(copy, out.ptr, i);
		copy[i] = ' ';
		memcpy(copy + i + 1, out.ptr + i, len - i);
		assert_int_not_equal(audit_line_read((struct str){copy, len + 1}, &line), AUDIT_LINE_GOOD);
		assert_int_not_equal(audit_line_read((struct str){out.ptr, i}, &line), AUDIT_LINE_GOOD);
	}
	free(copy);
	buf_finish(&out);
}

static void test_broken(void **state)
{
	(void)state;
	struct audit_line line;
	static const char *const texts[] = {"", "{}", "{\"seq\":12", "{\"seq\":12,", "no record", "{\"seq\":-1,\"x\":1}"};
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		assert_int_equal(audit_line_read(str_from(texts[i]), &line), AUDIT_LINE_BROKEN);
	/* what can be read is */
	assert_int_equal(audit_line_read(str_from("{\"seq\":12,\"verb\":"), &line), AUDIT_LINE_BROKEN);
	assert_int_equal(line.seq, 12);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_form),
	    cmocka_unit_test(test_every_byte_counts),
	    cmocka_unit_test(test_broken),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
