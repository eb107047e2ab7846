/* SPDX-License-Identifier: BSD-2-Clause */
#include "import/import.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "import_real.h"
#include "import/import_rdata.h"
#include "import/import_rpz_trigger.h"
#include "import/import_rpz_zone.h"
#include "wire/rdata_text.h"
#include "wire/rrtype.h"

static const struct segment_settings may_allow = {.format = FORMAT_RPZ, .may_allow = true};

static void entries(const char *text, const char *expected)
{
	import_fixture_entries(import_rpz, FORMAT_RPZ, text, NULL, expected);
}

static void test_golden(void **state)
{
	(void)state;
	import_fixture_golden("rpz", import_rpz, FORMAT_RPZ);
}

static void test_actions(void **state)
{
	(void)state;
	entries("a.example CNAME .\n*.a.example CNAME .\n", "1: block exact a.example\n2: block subdomains a.example\n");
	entries("a.example CNAME *.\nb.example CNAME rpz-drop.\nc.example CNAME rpz-tcp-only.\n",
		"1: block exact a.example answer nodata\n2: block exact b.example answer drop\n"
		"3: block exact c.example answer truncate\n");
	entries("a.example CNAME rpz-unknown.\nb.example CNAME x.rpz-drop.\n", "");
}

static void test_passthru(void **state)
{
	static const char text[] =
	    "a.example CNAME rpz-passthru.\nb.example CNAME b.example.\n32.1.2.0.192.rpz-ip CNAME rpz-passthru.\n";
	(void)state;
	entries(text, "");
	import_fixture_entries(import_rpz, FORMAT_RPZ, text, &may_allow,
			       "1: allow exact a.example\n2: allow exact b.example\n3: allow address 192.0.2.1/32\n");
}

/* What comes first counts, in whatever order the file has them, and nothing is taken twice. */
static void test_action_and_data(void **state)
{
	(void)state;
	entries("a.example CNAME .\na.example A 192.0.2.1\n", "1: block exact a.example\n");
	entries("a.example A 192.0.2.1\na.example CNAME .\n", "1: block exact a.example answer local records 1/-/c0000201\n");
	entries("a.example A 192.0.2.1\nb.example CNAME .\na.example A 192.0.2.2\n",
		"2: block exact b.example\n1: block exact a.example answer local records 1/-/c0000201 1/-/c0000202\n");
	/* an allow rule that does not count takes nothing away */
	entries("a.example CNAME rpz-passthru.\na.example A 192.0.2.1\n",
		"2: block exact a.example answer local records 1/-/c0000201\n");
	import_fixture_entries(import_rpz, FORMAT_RPZ, "a.example CNAME rpz-passthru.\na.example A 192.0.2.1\n", &may_allow,
			       "1: allow exact a.example\n");
}

static void test_owners_in_and_out_of_zone(void **state)
{
	(void)state;
	entries("$ORIGIN rpz.example.\na.test CNAME .\nb.test.rpz.example. CNAME .\nc.test. CNAME .\n",
		"2: block exact a.test\n3: block exact b.test\n");
	entries("@ SOA . . 1 2 3 4 5\na.test CNAME .\nb.test. CNAME .\n", "2: block exact a.test\n");
	entries("a.test. CNAME .\n", "1: block exact a.test\n");
	entries("$ORIGIN .\nrpz.example SOA . . 1 2 3 4 5\n$ORIGIN test.rpz.example.\na CNAME .\n", "4: block exact a.test\n");
}

/* A parenthesis nobody closes takes its own line with it, not the file. */
static void test_open_parenthesis(void **state)
{
	struct buf text = {0};
	(void)state;
	entries("x.example TXT ( \"a\"\na.example CNAME .\n", "2: block exact a.example\n");
	buf_add_c(&text, "x.example TXT (\n");
	for (unsigned i = 0; i < RPZ_GROUP_LINES; i++)
		buf_printf(&text, "a%u.example CNAME .\n", i);
	buf_add_c(&text, ")\n");
	struct segment *s = import_fixture_segment(import_rpz, FORMAT_RPZ, buf_str(&text), NULL);
	assert_int_equal(segment_entry_count(s), RPZ_GROUP_LINES);
	assert_int_equal(segment_report(s)->left[LEFT_SYNTAX].count, 2);
	segment_destroy(s);
	buf_reset(&text);
	buf_add_c(&text, "x.example TXT (\n");
	for (unsigned i = 1; i < RPZ_GROUP_LINES; i++)
		buf_printf(&text, " \"%u\"\n", i);
	buf_add_c(&text, ")\na.example CNAME .\n");
	s = import_fixture_segment(import_rpz, FORMAT_RPZ, buf_str(&text), NULL);
	assert_int_equal(segment_entry_count(s), 2);
	assert_int_equal(report_left(segment_report(s)), 0);
	segment_destroy(s);
	buf_finish(&text);
}

static void test_prefix(void **state)
{
	static const struct {
		const char *text, *expected; /* NULL: refused */
	} rows[] = {
	    {"24.0.2.0.192", "192.0.2.0/24"},
	    {"32.1.2.0.192", "192.0.2.1/32"},
	    {"48.zz.db8.2001", "2001:db8::/48"},
	    {"128.1.zz", "::1/128"},
	    {"128.8.7.6.5.4.3.2.1", "1:2:3:4:5:6:7:8/128"},
	    {"64.0.0.0.0.4.3.2.1", "1:2:3:4::/64"},
	    {"128.zz.1", "1::/128"},
	    {"128.1.zz.2.1", "1:2::1/128"},
	    {"128.1.ZZ.FF.1", "1:ff::1/128"},
	    {"24.1.2.0.192", NULL},	/* host bits */
	    {"47.zz.1.db8.2001", NULL}, /* the same */
	    {"33.1.2.0.192", NULL},	/* more bits than there are */
	    {"129.1.zz", NULL},
	    {"0.0.0.0.0", NULL},
	    {"032.1.2.0.192", NULL}, /* leading zeros */
	    {"32.01.2.0.192", NULL},
	    {"48.zz.0db8.2001", NULL},
	    {"32.256.2.0.192", NULL},
	    {"32.a.2.0.192", NULL},
	    {"128.10000.zz", NULL},
	    {"128.g.zz", NULL},
	    {"48.zz.zz.2001", NULL},
	    {"128.1.2.3", NULL},	     /* too few */
	    {"128.9.8.7.6.5.4.3.2.1", NULL}, /* too many */
	    {"128.8.7.6.5.4.3.2.1.zz", NULL},
	    {"128.zz.7.6.5.4.3.2.1", "1:2:3:4:5:6:7:0/128"},
	    {"24", NULL},
	    {"", NULL},
	    {".", NULL},
	    {"zz", NULL},
	    {"24..2.0.192", NULL},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct prefix p;
		char text[ADDR_TEXT_MAX];
		bool good = rpz_trigger_prefix(str_from(rows[i].text), &p);
		if (good != (rows[i].expected != NULL))
			fail_msg("%s is %s", rows[i].text, good ? "taken" : "refused");
		if (good)
			assert_string_equal(prefix_to_text(&p, text), rows[i].expected);
	}
}

static void test_ttl(void **state)
{
	static const struct {
		const char *text;
		int64_t expected; /* -1: refused */
	} rows[] = {
	    {"0", 0},	      {"3600", 3600},	  {"1h30m", 5400},
	    {"1W2D", 777600}, {"1h5", 3605},	  {"2147483647", 2147483647},
	    {"", -1},	      {"2147483648", -1}, {"h", -1},
	    {"1hh", -1},      {"1x", -1},	  {"3551w", -1},
	    {"-1", -1},	      {"1 h", -1},	  {"99999999999999999999", -1},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint32_t ttl_s = 0;
		bool good = rdata_text_ttl(str_from(rows[i].text), &ttl_s);
		if (good != (rows[i].expected >= 0))
			fail_msg("'%s' is %s", rows[i].text, good ? "taken" : "refused");
		if (good)
			assert_int_equal(ttl_s, rows[i].expected);
	}
}

static void rdata(uint16_t type, const char *text, const char *expected)
{
	struct buf wire = {0}, hex = {0};
	bool good = rdata_read(type, str_from(text), NULL, &wire);
	for (size_t i = 0; good && i < wire.len; i++)
		buf_printf(&hex, "%02x", (unsigned char)wire.ptr[i]);
	if (good != (expected != NULL))
		fail_msg("type %u '%s' is %s", type, text, good ? "taken" : "refused");
	if (good)
		assert_string_equal(hex.ptr, expected);
	buf_finish(&wire);
	buf_finish(&hex);
}

static void test_rdata(void **state)
{
	(void)state;
	rdata(RRTYPE_A, "192.0.2.1", "c0000201");
	rdata(RRTYPE_A, "\\# 4 c0000201", "c0000201");
	rdata(RRTYPE_MX, "10 mx.", "000a026d7800");
	rdata(RRTYPE_TXT, "\"a b\" c",
	      "03612062"
	      "0163");
	rdata(RRTYPE_TXT, "\"a\\\"b\"", "03612262");
	rdata(RRTYPE_HTTPS, "1 . alpn=h2", "00010000010003026832");
	rdata(65280, "\\# 2 abcd", "abcd");
	rdata(RRTYPE_RESINFO, "\\# 1 00", "00");
	rdata(RRTYPE_CNAME, "*.x", "012a017800");
	/* no good */
	rdata(RRTYPE_A, "192.0.2", NULL);
	rdata(RRTYPE_A, "192.0.2.01x", NULL);
	rdata(RRTYPE_A, "192.0.2.1 192.0.2.2", NULL);
	rdata(RRTYPE_A, "\\# 3 c00002", NULL);
	rdata(RRTYPE_AAAA, "fe80::1%lo", NULL);
	rdata(RRTYPE_AAAA, "\\# 4 c0000201", NULL);
	rdata(RRTYPE_MX, "mx.", NULL);
	rdata(RRTYPE_MX, "10", NULL);
	rdata(RRTYPE_MX, "", NULL);
	rdata(RRTYPE_CNAME, "a..b", NULL);
	rdata(RRTYPE_CNAME, "\\# 2 c00c", NULL); /* a compression pointer */
	rdata(RRTYPE_SOA, "a. b. 1 2 3 4 5", NULL);
	rdata(RRTYPE_ANY, "\\# 0", NULL);
	rdata(65280, "\\# 5 abcd", NULL);
	rdata(65280, "abcd", NULL);
	rdata(RRTYPE_CERT, "1 2 3 AwEA", NULL); /* only in the generic form */
	rdata(RRTYPE_CERT, "\\# 6 000100020300", "000100020300");
}

/* Relative names in data stand below the origin that holds at their line. */
static void test_relative_rdata(void **state)
{
	(void)state;
	entries("$ORIGIN z.\na CNAME b\n", "2: block exact a answer local records 5/-/0162017a00\n");
	entries("$ORIGIN z.\na CNAME b.\n", "2: block exact a answer local records 5/-/016200\n");
	entries("$ORIGIN z.\na MX 1 b\n", "2: block exact a answer local records 15/-/00010162017a00\n");
	entries("a CNAME *.b\n", "1: block exact a answer local records 5/-/012a016200\n");
}

static void real(const char *name, const struct segment_settings *settings, uint64_t taken, uint64_t left)
{
	struct segment *s = import_real(import_rpz, FORMAT_RPZ, name, settings);
	assert_int_equal(report_taken(segment_report(s)), taken);
	assert_int_equal(report_left(segment_report(s)), left);
	segment_destroy(s);
}

static void test_real(void **state)
{
	(void)state;
	real("rpz-hagezi-light.zone", NULL, 84700, 2);
	real("rpz-hagezi-abused-tlds.zone", NULL, 445, 2);
	real("rpz-hagezi-nosafesearch.zone", NULL, 410, 2);
	real("rpz-mullvad-privacy.zone", NULL, 47840, 2);
	real("rpz-phishing-filter.zone", NULL, 36904, 3); /* one owner has a final dot: not of this zone */
	struct segment *s = import_real(import_rpz, FORMAT_RPZ, "rpz-nordic.zone", &may_allow);
	assert_int_equal(segment_report(s)->taken_allow, 19);
	assert_int_equal(segment_report(s)->left[LEFT_IP].count, 71);
	segment_destroy(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_golden),
	    cmocka_unit_test(test_actions),
	    cmocka_unit_test(test_passthru),
	    cmocka_unit_test(test_action_and_data),
	    cmocka_unit_test(test_owners_in_and_out_of_zone),
	    cmocka_unit_test(test_open_parenthesis),
	    cmocka_unit_test(test_prefix),
	    cmocka_unit_test(test_ttl),
	    cmocka_unit_test(test_rdata),
	    cmocka_unit_test(test_relative_rdata),
	    cmocka_unit_test(test_real),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
