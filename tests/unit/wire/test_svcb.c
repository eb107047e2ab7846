/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "wire/svcb.h"

/* RDATA behind some octets that a pointer could point to. */
static bool sound(const void *bytes, size_t len)
{
	uint8_t message[70000];
	assert_true(len + 32 <= sizeof(message));
	memset(message, 0, sizeof(message));
	memcpy(message + 32, bytes, len);
	struct rd r = rd_init(message, 32 + len);
	r.pos = 32;
	return svcb_is_sound(r);
}
#define SOUND(literal) sound(literal, sizeof(literal) - 1)

static void records_that_are_sound(void **state)
{
	(void)state;
	assert_true(SOUND("\0\1\0"));
	assert_true(SOUND("\0\0\3cdn\7example\0"));					   /* AliasMode */
	assert_true(SOUND("\0\0\0\0\3\0\1x"));						   /* whose parameters nobody reads */
	assert_true(SOUND("\0\1\0\0\1\0\6\2h2\2h3\0\3\0\2\1\273\0\4\0\4\300\0\2\1"));	   /* alpn, port, ipv4hint */
	assert_true(SOUND("\0\1\0\0\0\0\4\0\1\0\4\0\1\0\3\2h3\0\4\0\10\1\1\1\1\2\2\2\2")); /* mandatory */
	assert_true(SOUND("\0\1\0\0\1\0\3\2h2\0\2\0\0"));
	assert_true(SOUND("\0\1\0\0\6\0\20aaaabbbbccccdddd"));
	assert_true(SOUND("\0\1\0\0\7\0\20/dns-query{?dns}"));
	assert_true(SOUND("\0\1\0\1\0\0\0\1\1\0\0\2\0\0\1x")); /* keys that nobody knows, of any length */
}

static void records_that_are_not(void **state)
{
	(void)state;
	assert_false(SOUND(""));
	assert_false(SOUND("\0"));
	assert_false(SOUND("\0\1"));
	assert_false(SOUND("\0\1\3cdn"));					   /* the name does not end */
	assert_false(SOUND("\0\1\300\14"));					   /* a pointer */
	assert_false(SOUND("\0\1\3cdn\300\14"));				   /* behind a label */
	assert_false(SOUND("\0\1\100\0"));					   /* a label type nobody has */
	assert_false(SOUND("\0\1\0\0"));					   /* half a key */
	assert_false(SOUND("\0\1\0\0\3\0"));					   /* half a length */
	assert_false(SOUND("\0\1\0\0\3\0\2\1"));				   /* overruns */
	assert_false(SOUND("\0\1\0\0\3\0\2\1\273\0\1\0\3\2h2"));		   /* descending */
	assert_false(SOUND("\0\1\0\0\1\0\3\2h2\0\1\0\3\2h2"));			   /* twice */
	assert_false(SOUND("\0\0\0\0\3\0\2\1\273\0\3\0\2\1\273"));		   /* in AliasMode, too */
	assert_false(SOUND("\0\1\0\0\0\0\2\0\4\0\1\0\3\2h3"));			   /* a mandatory key is not there */
	assert_false(SOUND("\0\1\0\0\0\0\2\0\1"));				   /* nor this one */
	assert_false(SOUND("\0\1\0\0\0\0\4\0\4\0\1\0\1\0\3\2h3\0\4\0\4\1\1\1\1")); /* the list descends */
	assert_false(SOUND("\0\1\0\0\0\0\4\0\1\0\1\0\1\0\3\2h3"));		   /* names one twice */
	assert_false(SOUND("\0\1\0\0\0\0\2\0\0\0\1\0\3\2h3"));			   /* names itself */
	assert_false(SOUND("\0\1\0\0\0\0\0\0\1\0\3\2h3"));			   /* is empty */
	assert_false(SOUND("\0\1\0\0\0\0\3\0\1\0\0\1\0\3\2h3"));		   /* is odd */
	assert_false(SOUND("\0\1\0\0\1\0\0"));					   /* alpn: nothing */
	assert_false(SOUND("\0\1\0\0\1\0\1\0"));				   /* an empty one */
	assert_false(SOUND("\0\1\0\0\1\0\3\3h2"));				   /* overruns */
	assert_false(SOUND("\0\1\0\0\2\0\1x"));
	assert_false(SOUND("\0\1\0\0\3\0\1x"));
	assert_false(SOUND("\0\1\0\0\3\0\3xyz"));
	assert_false(SOUND("\0\1\0\0\4\0\3abc"));
	assert_false(SOUND("\0\1\0\0\4\0\0"));
	assert_false(SOUND("\0\1\0\0\6\0\4abcd"));
	assert_false(SOUND("\0\1\0\0\7\0\0"));
	assert_false(SOUND("\0\1\0\0\10\0\1x"));
	assert_false(SOUND("\0\1\0\377\377\0\0")); /* the invalid key */
}

/* A target of 255 octets is one, of 256 none. */
static void targets_have_their_length(void **state)
{
	(void)state;
	uint8_t rdata[2 + 300] = {0, 1};
	for (size_t last = 61; last <= 62; last++) {
		size_t at = 2;
		for (int i = 0; i < 4; i++) {
			size_t len = i < 3 ? 63 : last;
			rdata[at] = (uint8_t)len;
			memset(rdata + at + 1, 'x', len);
			at += 1 + len;
		}
		rdata[at++] = 0;
		assert_int_equal(sound(rdata, at), last == 61);
	}
}

/* Ten thousand keys, all mandatory. */
static void as_many_as_there_may_be(void **state)
{
	(void)state;
	static uint8_t rdata[65000];
	const unsigned count = 10000;
	size_t at = 0;
	rdata[at++] = 0, rdata[at++] = 1, rdata[at++] = 0;
	rdata[at++] = 0, rdata[at++] = 0;
	rdata[at++] = (uint8_t)(count * 2 >> 8), rdata[at++] = (uint8_t)(count * 2);
	for (unsigned i = 0; i < count; i++)
		rdata[at++] = (uint8_t)((1000 + i) >> 8), rdata[at++] = (uint8_t)(1000 + i);
	for (unsigned i = 0; i < count; i++) {
		rdata[at++] = (uint8_t)((1000 + i) >> 8), rdata[at++] = (uint8_t)(1000 + i);
		rdata[at++] = 0, rdata[at++] = 0;
	}
	assert_true(sound(rdata, at));
	assert_false(sound(rdata, at - 4)); /* the last is not there */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(records_that_are_sound),
	    cmocka_unit_test(records_that_are_not),
	    cmocka_unit_test(targets_have_their_length),
	    cmocka_unit_test(as_many_as_there_may_be),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
