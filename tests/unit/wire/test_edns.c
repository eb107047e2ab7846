/* SPDX-License-Identifier: BSD-2-Clause */
#include "wire_test.h"

#include "wire/edns.h"
#include "wire/msg.h"

static bool parse(const char *options, uint32_t ttl, struct edns *ret)
{
	static uint8_t *kept; /* ret borrows it until the next call */
	free(kept);
	size_t len;
	kept = unhex(options, &len);
	bool ok = edns_parse(1232, ttl, kept, (uint16_t)len, ret);
	if (options[0] == '\0') {
		free(kept);
		kept = NULL;
	}
	return ok;
}

static int forget(void **state)
{
	(void)state;
	struct edns e;
	assert_true(parse("", 0, &e));
	return 0;
}

static void the_fixed_part(void **state)
{
	(void)state;
	struct edns e;
	assert_true(parse("", 0x00008000, &e));
	assert_true(e.present && e.dnssec_ok);
	assert_int_equal(e.udp_size, 1232);
	assert_int_equal(e.version, 0);
	assert_true(parse("", 0x12014000, &e)); /* CO and other Z bits are ignored */
	assert_false(e.dnssec_ok);
	assert_int_equal(e.ext_rcode, 0x12);
	assert_int_equal(e.version, 1);
}

static void options_met(void **state)
{
	(void)state;
	struct edns e;
	assert_true(parse(
	    "0003 0000  0008 0007 0001 18 00 c00002  000a 0008 0102030405060708  000b 0000  000c 0002 0000  001a 0000", 0, &e));
	assert_true(e.has_nsid && e.has_ecs && e.has_keepalive && e.has_padding && e.has_sde);
	assert_int_equal(e.cookie_len, 8);
	assert_memory_equal(e.cookie, "\1\2\3\4\5\6\7\10", 8);
	assert_true(parse("fde9 0003 616263", 0, &e)); /* unknown: let be */
	assert_false(e.has_nsid || e.has_ecs || e.has_keepalive || e.has_padding || e.has_sde || e.cookie != NULL);
	/* an option of a length that means nothing still counts as there (SDE), or is to be ignored (keepalive over UDP) */
	assert_true(parse("001a 0001 ff  000b 0003 000000", 0, &e));
	assert_true(e.has_sde && e.has_keepalive && e.bad_keepalive);
	/* the first keepalive counts */
	assert_true(parse("000b 0000  000b 0002 0064", 0, &e));
	assert_true(e.has_keepalive && !e.bad_keepalive);
	assert_true(parse("000b 0002 0064  000b 0000", 0, &e));
	assert_true(e.has_keepalive && e.bad_keepalive);
	/* the first cookie counts, whatever a second one is */
	assert_true(parse("000a 0008 0102030405060708  000a 0001 ff", 0, &e));
	assert_int_equal(e.cookie[0], 1);
}

static void options_refused(void **state)
{
	(void)state;
	static const char *const bad[] = {
	    "00", /* half an option */
	    "0003 00",
	    "0003 0001", /* overruns */
	    "0003 0000 0003 ffff 00",
	    "000a 0000", /* cookies: 8, or 16 to 40 */
	    "000a 0007 01020304050607",
	    "000a 0009 010203040506070809",
	    "000a 000f 010203040506070809101112131415",
	    "000a 0029 0102030405060708091011121314151617181920212223242526272829303132333435363738394041",
	    "0008 0000", /* client subnet: family, lengths, address */
	    "0008 0003 000118",
	    "0008 0004 00011800",	       /* 24 bits need three octets */
	    "0008 0008 0001 18 00 c0000201",   /* and not four */
	    "0008 0009 0001 21 00 c000020100", /* 33 bits of IPv4 */
	};
	struct edns e;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		if (parse(bad[i], EDNS_DO, &e))
			fail_msg("row %zu was taken", i);
		assert_true(e.present && e.dnssec_ok); /* the answer needs an OPT too */
		assert_int_equal(e.udp_size, 1232);
		assert_true(parse(bad[i], 0x00010000, &e)); /* version 1: its options are not ours to judge */
	}
	static const char *const good[] = {
	    "000a 0010 01020304050607080910111213141516",
	    "000a 0028 01020304050607080910111213141516171819202122232425262728293031323334353637383940",
	    "0008 0004 00010000",
	    "0008 0004 00000000", /* family 0: "do not use my address" as some send it */
	    "0008 000b 0002 38 00 20010db8000000",
	};
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		assert_true(parse(good[i], 0, &e));
}

static void only_so_many_options_are_looked_at(void **state)
{
	(void)state;
	uint8_t options[4 * EDNS_OPTIONS_MAX + 4 + 5] = {0};
	for (size_t i = 0; i < EDNS_OPTIONS_MAX; i++)
		options[4 * i + 1] = 99;
	uint8_t *past = options + (size_t)4 * EDNS_OPTIONS_MAX;
	past[1] = EDNS_NSID;
	struct edns e;
	assert_true(edns_parse(1232, 0, options, 4 * EDNS_OPTIONS_MAX + 4, &e));
	assert_false(e.has_nsid);
	options[1] = EDNS_NSID;
	assert_true(edns_parse(1232, 0, options, 4 * EDNS_OPTIONS_MAX + 4, &e));
	assert_true(e.has_nsid);
	/* but one that overruns is seen wherever it is */
	past[5] = EDNS_NSID;
	past[7] = 9;
	assert_false(edns_parse(1232, 0, options, sizeof(options), &e));
}

static void a_flood_of_options(void **state)
{
	(void)state;
	static uint8_t options[60000];
	struct edns e;
	assert_true(edns_parse(1232, 0, options, sizeof(options), &e)); /* 15,000 empty ones of code 0 */
	assert_false(edns_parse(1232, 0, options, sizeof(options) - 1, &e));
}

static void udp_limits(void **state)
{
	(void)state;
	static const struct {
		bool present;
		uint16_t size;
		size_t limit;
	} rows[] = {{false, 4096, 512}, {true, 0, 512},	    {true, 511, 512},	{true, 513, 513},
		    {true, 1232, 1232}, {true, 1233, 1232}, {true, 65535, 1232}};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct edns e = {.present = rows[i].present, .udp_size = rows[i].size};
		assert_int_equal(edns_udp_limit(&e), rows[i].limit);
	}
}

static void walking(void **state)
{
	(void)state;
	size_t len;
	uint8_t *bytes = unhex("000f 0003 001141 0001 0000 0002 0005 00", &len);
	struct rd r = rd_init(bytes, len);
	uint16_t code = 0, option_len = 0;
	const uint8_t *data = NULL;
	assert_true(edns_next(&r, &code, &data, &option_len));
	assert_int_equal(code, 15);
	assert_int_equal(option_len, 3);
	assert_memory_equal(data,
			    "\0\x11"
			    "A",
			    3);
	assert_true(edns_next(&r, &code, &data, &option_len));
	assert_int_equal(option_len, 0);
	assert_false(edns_next(&r, &code, &data, &option_len));
	assert_true(r.bad);
	assert_int_equal(code, 1); /* untouched by what failed */
	free(bytes);
	r = rd_init(NULL, 0);
	assert_false(edns_next(&r, &code, &data, &option_len));
	assert_false(r.bad);
}

static void writing(void **state)
{
	(void)state;
	uint8_t bytes[600];
	struct wr w = wr_init(bytes, sizeof(bytes));
	size_t mark = edns_write_begin(&w, 1232, RCODE_BADVERS, true);
	edns_write_end(&w, mark);
	assert_int_equal(w.pos, 11);
	assert_memory_equal(bytes, "\0\0\x29\x04\xd0\x01\0\x80\0\0\0", 11);
	wr_cut(&w, mark);
	mark = edns_write_begin(&w, 1232, RCODE_BADCOOKIE, false);
	edns_write_ede(&w, EDE_CENSORED, STR_LIT("ab"));
	edns_write_ede(&w, EDE_STALE, str_from(NULL));
	edns_write_end(&w, mark);
	assert_memory_equal(bytes,
			    "\0\0\x29\x04\xd0\x01\0\0\0\0\x0e"
			    "\0\x0f\0\4\0\x10"
			    "ab"
			    "\0\x0f\0\2\0\3",
			    25);
	assert_int_equal(w.pos, 25);
}

static void extra_text_is_cut_at_a_character(void **state)
{
	(void)state;
	char text[EDNS_EDE_TEXT_MAX + 50];
	uint8_t bytes[600];
	for (size_t shift = 0; shift < 4; shift++) {
		memset(text, 'a', sizeof(text));
		for (size_t i = shift; i + 4 <= sizeof(text); i += 4)
			memcpy(text + i, "\xf0\x9f\x8e\xb0", 4);
		for (size_t len = 0; len <= sizeof(text); len++) {
			struct wr w = wr_init(bytes, sizeof(bytes));
			edns_write_ede(&w, 15, (struct str){text, len});
			size_t written = w.pos - 6;
			assert_true(written <= MIN(len, EDNS_EDE_TEXT_MAX));
			assert_true(written + 4 > MIN(len, EDNS_EDE_TEXT_MAX));
			assert_int_equal((size_t)bytes[2] << 8 | bytes[3], written + 2);
			if (len > EDNS_EDE_TEXT_MAX)
				assert_true(str_is_utf8((struct str){(const char *)bytes + 6, written}));
			else
				assert_int_equal(written, len);
		}
	}
	/* nothing but continuation octets: nothing can be kept */
	memset(text, '\x80', sizeof(text));
	struct wr w = wr_init(bytes, sizeof(bytes));
	edns_write_ede(&w, 15, (struct str){text, sizeof(text)});
	assert_int_equal(w.pos, 6);
}

static void a_full_writer_stays_whole(void **state)
{
	(void)state;
	for (size_t cap = 0; cap < 24; cap++) {
		uint8_t *bytes = malloc(cap + 1);
		assert_non_null(bytes);
		bytes[cap] = 0x5a;
		struct wr w = wr_init(bytes, cap);
		size_t mark = edns_write_begin(&w, 1232, 0, false);
		edns_write_ede(&w, 15, STR_LIT("text"));
		edns_write_end(&w, mark);
		assert_int_equal(w.full, cap < 21);
		assert_int_equal(w.pos, cap < 11 ? 0 : cap < 21 ? 11 : 21);
		assert_int_equal(bytes[cap], 0x5a);
		free(bytes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_fixed_part),
	    cmocka_unit_test_teardown(options_met, forget),
	    cmocka_unit_test_teardown(options_refused, forget),
	    cmocka_unit_test(only_so_many_options_are_looked_at),
	    cmocka_unit_test(a_flood_of_options),
	    cmocka_unit_test(udp_limits),
	    cmocka_unit_test(walking),
	    cmocka_unit_test(writing),
	    cmocka_unit_test(extra_text_is_cut_at_a_character),
	    cmocka_unit_test(a_full_writer_stays_whole),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
