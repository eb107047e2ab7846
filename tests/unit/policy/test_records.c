/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "policy/records.h"
#include "wire/rrtype.h"

static bool add(struct buf *bytes, uint16_t type, uint32_t ttl_s, const char *rdata, size_t len)
{
	struct record record = {.type = type, .ttl_s = ttl_s, .rdata = {rdata, len}};
	return records_add(bytes, &record);
}

static void expect(const struct buf *bytes, size_t *at, uint16_t type, uint32_t ttl_s, const char *rdata, size_t len)
{
	struct record record;
	assert_true(records_next(buf_str(bytes), at, &record));
	assert_int_equal(record.type, type);
	assert_int_equal(record.ttl_s, ttl_s);
	assert_int_equal(record.rdata.len, len);
	assert_memory_equal(record.rdata.ptr, rdata, len);
}

static void records_come_back_sorted(void **state)
{
	(void)state;
	struct buf bytes = {0};
	size_t at = 0;
	struct record record;
	assert_true(add(&bytes, RRTYPE_AAAA, 60, "0123456789abcdef", 16));
	assert_true(add(&bytes, RRTYPE_A, RECORDS_TTL_UNSAID, "\300\0\2\2", 4));
	assert_true(add(&bytes, RRTYPE_A, 5, "\300\0\2\1", 4));
	assert_true(add(&bytes, RRTYPE_TXT, 0, "", 0));
	assert_true(add(&bytes, RRTYPE_A, 7, "\300\0\2\2", 4)); /* there already: the said, the shorter time */
	assert_true(add(&bytes, RRTYPE_A, 9, "\300\0\2\2", 4));
	assert_true(add(&bytes, RRTYPE_A, 9, "\300\0\2", 3)); /* shorter first */
	assert_true(records_verify(buf_str(&bytes)));
	assert_int_equal(records_rcode(buf_str(&bytes)), RCODE_NOERROR);
	expect(&bytes, &at, RRTYPE_A, 9, "\300\0\2", 3);
	expect(&bytes, &at, RRTYPE_A, 5, "\300\0\2\1", 4);
	expect(&bytes, &at, RRTYPE_A, 7, "\300\0\2\2", 4);
	expect(&bytes, &at, RRTYPE_TXT, 0, "", 0);
	expect(&bytes, &at, RRTYPE_AAAA, 60, "0123456789abcdef", 16);
	assert_false(records_next(buf_str(&bytes), &at, &record));
	assert_false(records_next(buf_str(&bytes), &at, &record));
	assert_int_equal(at, bytes.len);
	buf_finish(&bytes);
}

static void order_of_adding_is_not_seen(void **state)
{
	(void)state;
	static const char *const rdata[] = {"\1a", "\1b", "\1c", "\2ab"};
	struct buf first = {0}, other = {0};
	for (size_t i = 0; i < 4; i++)
		assert_true(add(&first, RRTYPE_TXT, 1, rdata[i], strlen(rdata[i])));
	for (size_t i = 4; i-- > 0;)
		assert_true(add(&other, RRTYPE_TXT, 1, rdata[i], strlen(rdata[i])));
	assert_true(str_eq(buf_str(&first), buf_str(&other)));
	buf_finish(&first);
	buf_finish(&other);
}

static void an_alias_stands_alone(void **state)
{
	(void)state;
	struct buf bytes = {0};
	assert_false(add(&bytes, RRTYPE_CNAME, 1, "\1a", 2)); /* no root */
	assert_false(add(&bytes, RRTYPE_CNAME, 1, "", 0));
	assert_false(add(&bytes, RRTYPE_CNAME, 1, "\1a\0\1", 4));
	assert_false(add(&bytes, RRTYPE_CNAME, 1, "\300\1\0", 3)); /* no pointers */
	assert_int_equal(bytes.len, 0);
	assert_true(add(&bytes, RRTYPE_CNAME, 1, "\1*\1a\0", 5));
	assert_true(add(&bytes, RRTYPE_CNAME, 1, "\1*\1a\0", 5));
	struct buf before = {0};
	buf_add_str(&before, buf_str(&bytes));
	assert_false(add(&bytes, RRTYPE_CNAME, 1, "\1*\1b\0", 5));
	assert_false(add(&bytes, RRTYPE_A, 1, "\300\0\2\1", 4));
	assert_true(str_eq(buf_str(&bytes), buf_str(&before)));
	assert_true(records_verify(buf_str(&bytes)));
	buf_reset(&bytes);
	assert_true(add(&bytes, RRTYPE_A, 1, "\300\0\2\1", 4));
	assert_false(add(&bytes, RRTYPE_CNAME, 1, "\1b\0", 3));
	assert_true(records_verify(buf_str(&bytes)));
	buf_finish(&bytes);
	buf_finish(&before);
}

static void a_code_has_no_records(void **state)
{
	(void)state;
	struct buf bytes = {0};
	size_t at = 0;
	struct record record;
	assert_true(add(&bytes, RRTYPE_A, 1, "\300\0\2\1", 4));
	records_set_rcode(&bytes, RCODE_SERVFAIL);
	assert_int_equal(bytes.len, 2);
	assert_true(records_verify(buf_str(&bytes)));
	assert_int_equal(records_rcode(buf_str(&bytes)), RCODE_SERVFAIL);
	assert_false(records_next(buf_str(&bytes), &at, &record));
	assert_false(add(&bytes, RRTYPE_A, 1, "\300\0\2\1", 4));
	records_set_rcode(&bytes, RCODE_NOERROR); /* no records: NODATA for every type */
	assert_true(records_verify(buf_str(&bytes)));
	assert_true(add(&bytes, RRTYPE_A, 1, "\300\0\2\1", 4));
	assert_true(records_verify(buf_str(&bytes)));
	buf_finish(&bytes);
}

static void limits_are_kept(void **state)
{
	(void)state;
	struct buf bytes = {0};
	static char big[RECORDS_LEN_MAX + 1];
	assert_false(add(&bytes, RRTYPE_TXT, 1, big, RECORDS_LEN_MAX - 9));
	assert_int_equal(bytes.len, 0);
	assert_true(add(&bytes, RRTYPE_TXT, 1, big, RECORDS_LEN_MAX - 10));
	assert_int_equal(bytes.len, RECORDS_LEN_MAX);
	assert_true(records_verify(buf_str(&bytes)));
	assert_false(add(&bytes, RRTYPE_A, 1, "", 0));
	assert_false(add(&bytes, RRTYPE_A, 1, big, sizeof(big)));
	assert_int_equal(bytes.len, RECORDS_LEN_MAX);
	buf_finish(&bytes);
}

static void other_bytes_are_refused(void **state)
{
	(void)state;
	struct buf bytes = {0};
	assert_false(records_verify(buf_str(&bytes)));
	assert_int_equal(records_rcode(buf_str(&bytes)), 0);
	assert_true(add(&bytes, RRTYPE_A, 1, "\300\0\2\1", 4));
	size_t one = bytes.len;
	assert_true(add(&bytes, RRTYPE_AAAA, 1, "0123456789abcdef", 16));
	for (size_t len = 0; len < bytes.len; len++) /* whole after the code and after the first record only */
		assert_int_equal(records_verify((struct str){bytes.ptr, len}), len == 2 || len == one);
	buf_add(&bytes, "", 1);
	assert_false(records_verify(buf_str(&bytes)));
	bytes.len--;
	bytes.ptr[1] = RCODE_REFUSED; /* a code with records */
	assert_false(records_verify(buf_str(&bytes)));
	bytes.ptr[1] = 0;
	bytes.ptr[3] = 99; /* A becomes a type above AAAA: order */
	assert_false(records_verify(buf_str(&bytes)));
	bytes.ptr[3] = RRTYPE_CNAME; /* beside another, and no name */
	assert_false(records_verify(buf_str(&bytes)));
	buf_finish(&bytes);

	static const char twice[] = "\0\0\0\1\0\0\0\1\0\1x\0\1\0\0\0\2\0\1x", beside[] = "\0\0\0\1\0\0\0\1\0\1x\0\5\0\0\0\1\0\1\0",
			  alone[] = "\0\0\0\5\0\0\0\1\0\1\0", wide[] = "\0\20";
	assert_false(records_verify((struct str){twice, sizeof(twice) - 1}));
	assert_false(records_verify((struct str){beside, sizeof(beside) - 1}));
	assert_true(records_verify((struct str){alone, sizeof(alone) - 1}));
	assert_false(records_verify((struct str){wide, sizeof(wide) - 1}));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(records_come_back_sorted), cmocka_unit_test(order_of_adding_is_not_seen),
	    cmocka_unit_test(an_alias_stands_alone),	cmocka_unit_test(a_code_has_no_records),
	    cmocka_unit_test(limits_are_kept),		cmocka_unit_test(other_bytes_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
