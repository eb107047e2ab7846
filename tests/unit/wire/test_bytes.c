/* SPDX-License-Identifier: BSD-2-Clause */
#include "wire_test.h"

#include "wire/reader.h"
#include "wire/rrtype.h"

static void reading_past_the_end_sticks(void **state)
{
	(void)state;
	const uint8_t bytes[] = {1, 2, 3, 4, 5, 6, 7};
	struct rd r = rd_init(bytes, sizeof(bytes));
	assert_int_equal(rd_u8(&r), 1);
	assert_int_equal(rd_u16(&r), 0x0203);
	assert_int_equal(rd_u32(&r), 0x04050607);
	assert_true(rd_ok(&r));
	assert_int_equal(rd_left(&r), 0);
	assert_int_equal(rd_u8(&r), 0);
	assert_false(rd_ok(&r));
	r.pos = 0; /* bad all the same */
	assert_int_equal(rd_u8(&r), 0);
	assert_null(rd_bytes(&r, 0));
	assert_int_equal(rd_left(&r), 0);

	r = rd_init(bytes, sizeof(bytes));
	rd_skip(&r, SIZE_MAX);
	assert_false(rd_ok(&r));
	r = rd_init(bytes, 3);
	assert_int_equal(rd_u32(&r), 0); /* nothing of it */
	assert_int_equal(r.pos, 0);
	r = rd_init(NULL, 0);
	assert_int_equal(rd_u8(&r), 0);
}

static void a_reader_in_a_reader(void **state)
{
	(void)state;
	const uint8_t bytes[] = {1, 2, 3, 4, 5};
	struct rd r = rd_init(bytes, sizeof(bytes));
	rd_skip(&r, 1);
	struct rd sub = rd_sub(&r, 2);
	assert_int_equal(r.pos, 3);
	assert_int_equal(rd_left(&sub), 2);
	assert_int_equal(rd_u16(&sub), 0x0203);
	assert_int_equal(rd_u8(&sub), 0);
	assert_false(rd_ok(&sub));
	assert_true(rd_ok(&r));
	sub = rd_sub(&r, 3);
	assert_false(rd_ok(&sub));
	assert_false(rd_ok(&r));
}

static void writing_is_whole_or_not_at_all(void **state)
{
	(void)state;
	uint8_t bytes[8] = {9, 9, 9, 9, 9, 9, 9, 9};
	struct wr w = wr_init(bytes, 5);
	wr_u8(&w, 1);
	wr_u16(&w, 0x0203);
	wr_u32(&w, 0x04050607); /* two of its octets would fit */
	assert_true(w.full);
	assert_int_equal(w.pos, 3);
	wr_u8(&w, 4); /* would fit, but full sticks */
	assert_int_equal(w.pos, 3);
	static const uint8_t want[] = {1, 2, 3, 9, 9, 9, 9, 9};
	assert_memory_equal(bytes, want, 8);
	wr_cut(&w, 1);
	assert_false(w.full);
	wr_u32(&w, 0xa0b0c0d0);
	assert_false(w.full);
	assert_memory_equal(bytes + 1, "\xa0\xb0\xc0\xd0\x09", 5);
	wr_patch_u16(&w, 0, 0x1122);
	assert_memory_equal(bytes, "\x11\x22", 2);
	wr_patch_u16(&w, 3, 0x3344);
	assert_memory_equal(bytes + 3, "\x33\x44\x09", 3);
	wr_patch_u16(&w, 4, 0x5566); /* would reach past what was written */
	wr_patch_u16(&w, SIZE_MAX, 0x5566);
	assert_memory_equal(bytes + 3, "\x33\x44\x09", 3);
	struct wr none = wr_init(bytes, 0);
	wr_patch_u16(&none, 0, 1);
	wr_bytes(&none, NULL, 0);
	assert_false(none.full);
	volatile size_t far_too_long = SIZE_MAX; /* the compiler would see through it */
	wr_bytes(&none, bytes, far_too_long);
	assert_true(none.full);
	assert_int_equal(bytes[0], 0x11);
}

static void types_by_name(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		uint16_t type;
		const char *back;
	} rows[] = {{"A", 1, "A"},
		    {"aaaa", 28, "AAAA"},
		    {"Https", 65, "HTTPS"},
		    {"TYPE65", 65, "HTTPS"},
		    {"type1234", 1234, "TYPE1234"},
		    {"TYPE0", 0, "TYPE0"},
		    {"TYPE65535", 65535, "TYPE65535"},
		    {"ANY", 255, "ANY"},
		    {"CAA", 257, "CAA"},
		    {"NXNAME", 128, "NXNAME"},
		    {"RESINFO", 261, "RESINFO"},
		    {"NSEC3PARAM", 51, "NSEC3PARAM"}};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint16_t type = 9999;
		char buf[RRTYPE_TEXT_MAX];
		assert_true(rrtype_from_text(str_from(rows[i].text), &type));
		assert_int_equal(type, rows[i].type);
		assert_string_equal(rrtype_to_text(type, buf), rows[i].back);
	}
	static const char *const bad[] = {"",	    "B",	  "TYPE", "TYPE65536", "TYPE-1", "TYPE 1",
					  "TYPE1x", "TYPE000001", "AA",	  "A ",	       "TYP1"};
	uint16_t type = 7;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(rrtype_from_text(str_from(bad[i]), &type));
	assert_int_equal(type, 7);
	/* every number survives */
	for (unsigned n = 0; n <= UINT16_MAX; n++) {
		char buf[RRTYPE_TEXT_MAX];
		assert_true(rrtype_from_text(str_from(rrtype_to_text((uint16_t)n, buf)), &type));
		assert_int_equal(type, n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(reading_past_the_end_sticks),
	    cmocka_unit_test(a_reader_in_a_reader),
	    cmocka_unit_test(writing_is_whole_or_not_at_all),
	    cmocka_unit_test(types_by_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
