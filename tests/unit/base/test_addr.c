/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "base/addr.h"
#include "base/rand.h"

static void addresses_taken(void **state)
{
	(void)state;
	static const struct {
		const char *text, *full, *host;
	} good[] = {
	    {"192.0.2.1", "192.0.2.1:53", "192.0.2.1"},
	    {"192.0.2.1:5300", "192.0.2.1:5300", "192.0.2.1"},
	    {"192.0.2.1:0", "192.0.2.1:0", "192.0.2.1"},
	    {"192.0.2.1:65535", "192.0.2.1:65535", "192.0.2.1"},
	    {"[::1]:5353", "[::1]:5353", "::1"},
	    {"[::1]", "[::1]:53", "::1"},
	    {"::1", "[::1]:53", "::1"},
	    {"::", "[::]:53", "::"},
	    {"2001:DB8:0:0:0:0:0:1", "[2001:db8::1]:53", "2001:db8::1"},
	    {"::ffff:192.0.2.1", "[::ffff:192.0.2.1]:53", "::ffff:192.0.2.1"},
	    {"[fe80::1%lo]:53", "[fe80::1%lo]:53", "fe80::1%lo"},
	};
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		struct addr a;
		char buf[ADDR_TEXT_MAX];
		assert_true(addr_from_text(str_from(good[i].text), 53, &a));
		assert_string_equal(addr_to_text(&a, buf), good[i].full);
		assert_string_equal(addr_host_to_text(&a, buf), good[i].host);
		struct addr again;
		assert_true(addr_from_text(str_from(addr_to_text(&a, buf)), 1, &again));
		assert_true(addr_eq(&a, &again));
	}
}

static void addresses_refused(void **state)
{
	(void)state;
	static const char *const bad[] = {
	    "",
	    "1.2.3",
	    "1.2.3.4.5",
	    "1.2.3.256",
	    "01.2.3.4",
	    "1.2.3.4:",
	    "1.2.3.4:65536",
	    "1.2.3.4:-1",
	    "1.2.3.4:+5",
	    "1.2.3.4:5x",
	    "1.2.3.4:000053",
	    " 1.2.3.4",
	    "1.2.3.4 ",
	    "[::1",
	    "::1]",
	    "[::1]x",
	    "[::1]:",
	    "[::1]53",
	    "[1.2.3.4]:53",
	    "[]",
	    "[]:53",
	    ":",
	    ":53",
	    "::1::",
	    "1:2:3:4:5:6:7:8:9",
	    "fe80::1%",
	    "fe80::1%nosuchif0",
	    "fe80::1%0",
	    "localhost",
	    "example.com:53",
	    "1.2.3.4%lo",
	    "12345::1",
	    "[::1]:53:53",
	    "::ffff:1.2.3.4:53x",
	};
	struct addr a = {.len = 99};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(addr_from_text(str_from(bad[i]), 53, &a));
	assert_false(addr_from_text((struct str){"1.2.3.4\0", 8}, 53, &a));
	char big[300];
	memset(big, ':', sizeof(big));
	assert_false(addr_from_text((struct str){big, sizeof(big)}, 53, &a));
	assert_int_equal(a.len, 99); /* untouched */
}

static struct addr from(const char *text)
{
	struct addr a;
	assert_true(addr_from_text(str_from(text), 53, &a));
	return a;
}

static void comparing(void **state)
{
	(void)state;
	struct addr a = from("192.0.2.1:53"), b = from("192.0.2.1:54"), c = from("192.0.2.2:53"), d = from("[::1]:53"),
		    e = from("[::2]:53");
	assert_true(addr_eq(&a, &a));
	assert_false(addr_eq(&a, &b));
	assert_true(addr_same_host(&a, &b));
	assert_false(addr_same_host(&a, &c));
	assert_false(addr_same_host(&a, &d));
	assert_false(addr_same_host(&d, &e));
	assert_true(addr_eq(&d, &d));
	struct addr scoped = from("[fe80::1%lo]:53"), other = scoped;
	other.in6.sin6_scope_id++;
	assert_false(addr_eq(&scoped, &other));
	addr_set_port(&d, 99);
	assert_int_equal(addr_port(&d), 99);
	struct addr none = {0};
	assert_int_equal(addr_port(&none), 0);
	assert_false(addr_eq(&none, &none));
	char buf[ADDR_TEXT_MAX];
	assert_string_equal(addr_host_to_text(&none, buf), "?");
}

static void kinds(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool any, loopback;
	} rows[] = {
	    {"0.0.0.0", true, false},
	    {"127.0.0.1", false, true},
	    {"127.255.0.9", false, true},
	    {"128.0.0.1", false, false},
	    {"::", true, false},
	    {"::1", false, true},
	    {"::ffff:127.0.0.1", false, true},
	    {"::ffff:0.0.0.0", true, false},
	    {"::2", false, false},
	    {"fe80::1", false, false},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct addr a = from(rows[i].text);
		assert_int_equal(addr_is_any(&a), rows[i].any);
		assert_int_equal(addr_is_loopback(&a), rows[i].loopback);
	}
	struct addr mapped = from("[::ffff:192.0.2.1]:99"), plain = from("192.0.2.1:99"), v6 = from("::1"), v6_before = v6;
	addr_unmap(&mapped);
	assert_true(addr_eq(&mapped, &plain));
	assert_int_equal(mapped.len, sizeof(struct sockaddr_in));
	addr_unmap(&v6);
	assert_true(addr_eq(&v6, &v6_before));
}

static void the_longest_text_fits(void **state)
{
	(void)state;
	struct addr a = from("[1111:2222:3333:4444:5555:6666:7777:8888]:65535");
	char buf[ADDR_TEXT_MAX];
	a.in6.sin6_scope_id = UINT32_MAX; /* no such interface: the number is shown */
	assert_string_equal(addr_to_text(&a, buf), "[1111:2222:3333:4444:5555:6666:7777:8888%4294967295]:65535");
}

static void prefixes(void **state)
{
	(void)state;
	static const struct {
		const char *text, *back;
	} good[] = {
	    {"10.0.0.0/8", "10.0.0.0/8"},	  {"192.0.2.1", "192.0.2.1/32"}, {"0.0.0.0/0", "0.0.0.0/0"},
	    {"192.0.2.128/25", "192.0.2.128/25"}, {"::1/128", "::1/128"},	 {"::/0", "::/0"},
	    {"2001:db8::/33", "2001:db8::/33"},	  {"fe80::1", "fe80::1/128"},	 {"::ffff:10.0.0.0/104", "10.0.0.0/8"},
	};
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		struct prefix p;
		char buf[ADDR_TEXT_MAX];
		assert_true(prefix_from_text(str_from(good[i].text), &p));
		assert_string_equal(prefix_to_text(&p, buf), good[i].back);
	}
	static const char *const bad[] = {
	    "",		 "10.0.0.1/8",	  "10.0.0.0/33",   "10.0.0.0/",	    "10.0.0.0/-1", "10.0.0.0/8/8",
	    "/8",	 "10/8",	  "::1/0",	   "2001:db8::/16", "::/129",	   "::1%lo/128",
	    "[::1]/128", "10.0.0.0:53/8", "10.0.0.0/0008", "10.0.0.0/8 ",   "10.0.0.0/256"};
	struct prefix p = {.bits = 77};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(prefix_from_text(str_from(bad[i]), &p));
	assert_int_equal(p.bits, 77);
}

static void prefix_membership(void **state)
{
	(void)state;
	static const struct {
		const char *prefix, *addr;
		bool in;
	} rows[] = {
	    {"10.0.0.0/8", "10.255.1.2", true},
	    {"10.0.0.0/8", "11.0.0.0", false},
	    {"10.0.0.0/8", "::ffff:10.1.1.1", true},
	    {"::ffff:10.0.0.0/104", "10.1.1.1", true},
	    {"::ffff:10.0.0.0/104", "::ffff:10.1.1.1", true},
	    {"0.0.0.0/0", "1.2.3.4", true},
	    {"0.0.0.0/0", "::1", false},
	    {"::/0", "1.2.3.4", false},
	    {"::/0", "2001:db8::1", true},
	    {"::/0", "::ffff:1.2.3.4", false}, /* counts as IPv4 */
	    {"192.0.2.128/25", "192.0.2.127", false},
	    {"192.0.2.128/25", "192.0.2.128", true},
	    {"::1/128", "::1", true},
	    {"::1/128", "::2", false},
	    {"2001:db8::/33", "2001:db8:7fff::1", true},
	    {"2001:db8::/33", "2001:db8:8000::1", false},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct prefix p;
		assert_true(prefix_from_text(str_from(rows[i].prefix), &p));
		struct addr a = from(rows[i].addr);
		assert_int_equal(prefix_holds(&p, &a), rows[i].in);
	}
}

static void prefix_membership_agrees_with_arithmetic(void **state)
{
	(void)state;
	rand_seed_for_test(3);
	for (int round = 0; round < 20000; round++) {
		uint32_t bits = rand_below(33), mask = bits == 0 ? 0 : ~(uint32_t)0 << (32 - bits);
		uint32_t net = rand_u32() & mask, host = rand_below(2) ? net | (rand_u32() & ~mask) : rand_u32();
		char text[ADDR_TEXT_MAX];
		(void)snprintf(text, sizeof(text), "%u.%u.%u.%u/%u", net >> 24, net >> 16 & 255, net >> 8 & 255, net & 255, bits);
		struct prefix p;
		assert_true(prefix_from_text(str_from(text), &p));
		struct addr a = {.len = sizeof(a.in)};
		a.in.sin_family = AF_INET;
		a.in.sin_addr.s_addr = htonl(host);
		assert_int_equal(prefix_holds(&p, &a), (host & mask) == net);
	}
	rand_seed_for_test(0);
}

static void wide_form(void **state)
{
	static const struct {
		const char *text;
		unsigned bits;
		bool v4;
		uint8_t wide[ADDR_WIDE_LEN];
	} cases[] = {{"192.0.2.0/23", 119, true, {[10] = 0xff, 0xff, 192, 0, 2}},
		     {"0.0.0.0/0", 96, true, {[10] = 0xff, 0xff}},
		     {"2001:db8::/33", 33, false, {0x20, 0x01, 0x0d, 0xb8}},
		     {"::/0", 0, false, {0}}};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		uint8_t wide[ADDR_WIDE_LEN];
		char text[ADDR_TEXT_MAX];
		struct prefix p;
		assert_true(prefix_from_text(str_from(cases[i].text), &p));
		assert_int_equal(prefix_to_wide(&p, wide), cases[i].bits);
		assert_memory_equal(wide, cases[i].wide, sizeof(wide));
		assert_int_equal(addr_wide_is_v4(wide), cases[i].v4);
		p = prefix_from_wide(wide, cases[i].bits);
		assert_string_equal(prefix_to_text(&p, text), cases[i].text);
	}
	/* a v6 prefix that v4-mapped addresses lie in is none of v4 */
	struct prefix short_one = prefix_from_wide(cases[0].wide, 95);
	assert_int_equal(short_one.family, AF_INET6);

	struct addr a;
	uint8_t wide[ADDR_WIDE_LEN];
	assert_true(addr_from_text(STR_LIT("192.0.2.0"), 0, &a));
	addr_to_wide(&a, wide);
	assert_memory_equal(wide, cases[0].wide, sizeof(wide));
}

static void bits(void **state)
{
	static const uint8_t all[ADDR_WIDE_LEN] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
						   0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	(void)state;
	for (unsigned from = 0; from <= 128; from++) {
		uint8_t bytes[ADDR_WIDE_LEN];
		memcpy(bytes, all, sizeof(bytes));
		assert_int_equal(addr_bits_are_zero(bytes, from, 128), from == 128);
		addr_bits_clear(bytes, from, 128);
		assert_true(addr_bits_are_zero(bytes, from, 128));
		assert_true(addr_bits_agree(bytes, all, from));
		if (from < 128)
			assert_false(addr_bits_agree(bytes, all, from + 1));
		if (from > 0)
			assert_false(addr_bits_are_zero(bytes, from - 1, 128));
	}
}

/* The edges of each range, plain and embedded in IPv6 (RFC 1918, 6598, 3927, 4193, 4291, 6052, 3056, 8215). */
static void private_addresses(void **state)
{
	(void)state;
	static const char *const v4[][2] = {{"0.0.0.0", "0.255.255.255"},	{"10.0.0.0", "10.255.255.255"},
					    {"100.64.0.0", "100.127.255.255"},	{"127.0.0.0", "127.255.255.255"},
					    {"169.254.0.0", "169.254.255.255"}, {"172.16.0.0", "172.31.255.255"},
					    {"192.168.0.0", "192.168.255.255"}};
	static const char *const v6_private[] = {"::",	   "::1",	   "fc00::",	  "fdff:ffff::1",
						 "fe80::", "febf:ffff::1", "64:ff9b:1::", "64:ff9b:1:ffff::ffff"};
	static const char *const v6_public[] = {"fbff:ffff::1", "fe00::1",     "fe7f::1",     "fec0::",
						"ff02::1",	"2001:db8::1", "64:ff9b:2::", "64:ff9b:0:1::a00:1",
						"2003:a00:1::", "::1:a00:1",   "1::a00:1"};
	struct addr a;
	for (size_t i = 0; i < ARRAY_LEN(v4); i++) {
		for (size_t end = 0; end < 2; end++) {
			assert_true(addr_from_text(str_from(v4[i][end]), 0, &a));
			uint32_t edge = ntohl(a.in.sin_addr.s_addr), beyond = end == 0 ? edge - 1 : edge + 1;
			for (size_t outside = 0; outside < 2; outside++) {
				uint32_t value = outside ? beyond : edge;
				if (outside && i == 0 && end == 0)
					continue; /* nothing lies below 0.0.0.0 */
				char text[5][ADDR_TEXT_MAX], dotted[INET_ADDRSTRLEN];
				unsigned high = value >> 16, low = value & 0xffff;
				a.in.sin_addr.s_addr = htonl(value);
				assert_non_null(inet_ntop(AF_INET, &a.in.sin_addr, dotted, sizeof(dotted)));
				snprintf(text[0], sizeof(text[0]), "%s", dotted);
				snprintf(text[1], sizeof(text[1]), "::ffff:%s", dotted);
				snprintf(text[2], sizeof(text[2]), "::%x:%x", high, low);
				snprintf(text[3], sizeof(text[3]), "64:ff9b::%x:%x", high, low);
				snprintf(text[4], sizeof(text[4]), "2002:%x:%x::1", high, low);
				for (size_t form = 0; form < ARRAY_LEN(text); form++) {
					struct addr other;
					assert_true(addr_from_text(str_from(text[form]), 0, &other));
					if (addr_is_private(&other) != !outside)
						fail_msg("%s is taken for %s", text[form], outside ? "private" : "public");
				}
			}
		}
	}
	for (size_t i = 0; i < ARRAY_LEN(v6_private); i++) {
		assert_true(addr_from_text(str_from(v6_private[i]), 0, &a));
		assert_true(addr_is_private(&a));
	}
	for (size_t i = 0; i < ARRAY_LEN(v6_public); i++) {
		assert_true(addr_from_text(str_from(v6_public[i]), 0, &a));
		if (addr_is_private(&a))
			fail_msg("%s is taken for private", v6_public[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(wide_form),
	    cmocka_unit_test(bits),
	    cmocka_unit_test(addresses_taken),
	    cmocka_unit_test(addresses_refused),
	    cmocka_unit_test(comparing),
	    cmocka_unit_test(kinds),
	    cmocka_unit_test(private_addresses),
	    cmocka_unit_test(the_longest_text_fits),
	    cmocka_unit_test(prefixes),
	    cmocka_unit_test(prefix_membership),
	    cmocka_unit_test(prefix_membership_agrees_with_arithmetic),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
