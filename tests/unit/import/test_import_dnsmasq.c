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
#include "policy/records.h"

static void entries(const char *text, const char *expected)
{
	import_fixture_entries(import_dnsmasq, FORMAT_DNSMASQ, text, NULL, expected);
}

static void test_golden(void **state)
{
	(void)state;
	import_fixture_golden("dnsmasq", import_dnsmasq, FORMAT_DNSMASQ);
}

static void test_blocks(void **state)
{
	(void)state;
	entries("address=/a.example/#\n", "1: block subtree a.example\n");
	entries("address=/a.example/b.example/\n", "1: block subtree a.example\n1: block subtree b.example\n");
	entries("server=/a.example/\nlocal=/b.example/", "1: block subtree a.example\n2: block subtree b.example\n");
	entries("address=/.a.example/#\naddress=/*.b.example/#\naddress=/*c.example/#",
		"1: block subtree a.example\n2: block subdomains b.example\n3: block pattern *c.example subtree\n");
}

/* A forward in place of a block would be harmless; a block in place of a forward takes names away. */
static void test_forwards_are_no_blocks(void **state)
{
	(void)state;
	entries("server=/a.example/192.0.2.1\nserver=/b.example/127.0.0.1\nserver=/c.example/#\nlocal=/d.example/192.0.2.1#53\n",
		"");
	entries("server=192.0.2.1\nrev-server=192.0.2.0/24,192.0.2.1\n", "");
}

/* Local data wins over "no such address of the other family", in whatever order they stand. */
static void test_addresses_of_one_name(void **state)
{
	static const char expected[] = "2: block subtree a.example answer local records 1/-/c0000201\n";
	(void)state;
	entries("address=/a.example/::\naddress=/a.example/192.0.2.1\n", expected);
	entries("\naddress=/a.example/192.0.2.1\naddress=/a.example/::\naddress=/a.example/192.0.2.1\n", expected);
	entries("address=/a.example/192.0.2.2\naddress=/A.example/192.0.2.1\n",
		"1: block subtree a.example answer local records 1/-/c0000201 1/-/c0000202\n");
	/* another name, or another reach of it, is another matter */
	entries("address=/a.example/192.0.2.1\naddress=/*.a.example/#\naddress=/b.a.example/#\n",
		"2: block subdomains a.example\n3: block subtree b.a.example\n"
		"1: block subtree a.example answer local records 1/-/c0000201\n");
}

static void test_answer_addresses(void **state)
{
	(void)state;
	entries("bogus-nxdomain=192.0.2.1\nbogus-nxdomain=192.0.2.255/25\nbogus-nxdomain=2001:db8::1/0\n",
		"1: block address 192.0.2.1/32 answer nxdomain\n2: block address 192.0.2.128/25 answer nxdomain\n"
		"3: block address ::/0 answer nxdomain\n");
	entries("bogus-nxdomain=192.0.2.1/33\nbogus-nxdomain=2001:db8::/129\nbogus-nxdomain=x\nbogus-nxdomain=192.0.2.1/\n", "");
}

/* One name cannot hold more records than fit; the others of its lines are left out and said so. */
static void test_records_limit(void **state)
{
	(void)state;
	struct buf text = {0};
	for (unsigned i = 0; i < 2000; i++)
		buf_printf(&text, "address=/a.example/10.0.%u.%u\n", i / 250, i % 250 + 1);
	struct segment *s = import_fixture_segment(import_dnsmasq, FORMAT_DNSMASQ, buf_str(&text), NULL);
	size_t fit = (RECORDS_LEN_MAX - 2) / 12;
	assert_int_equal(segment_entry_count(s), 1);
	assert_int_equal(segment_report(s)->left[LEFT_RECORD].count, 2000 - fit);
	segment_destroy(s);
	buf_finish(&text);
}

static void real(const char *name, uint64_t taken, uint64_t forwards)
{
	struct segment *s = import_real(import_dnsmasq, FORMAT_DNSMASQ, name, NULL);
	const struct report *r = segment_report(s);
	assert_int_equal(report_taken(r), taken);
	assert_int_equal(r->left[LEFT_FORWARD].count, forwards);
	assert_int_equal(report_left(r), forwards);
	segment_destroy(s);
}

static void test_real(void **state)
{
	(void)state;
	real("dnsmasq-blp-scam.conf", 8527, 0);
	real("dnsmasq-hagezi-personal-2022.conf", 9671, 0);
	real("dnsmasq-id-ads.conf", 278, 0);
	real("dnsmasq-china-forward.conf", 0, 110769);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_golden),
	    cmocka_unit_test(test_blocks),
	    cmocka_unit_test(test_forwards_are_no_blocks),
	    cmocka_unit_test(test_addresses_of_one_name),
	    cmocka_unit_test(test_answer_addresses),
	    cmocka_unit_test(test_records_limit),
	    cmocka_unit_test(test_real),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
