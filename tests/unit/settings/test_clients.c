/* SPDX-License-Identifier: BSD-2-Clause
 * The longest prefix, against a look at all of them. */
#include "settings/clients.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dice.h"

static struct addr address(const char *text)
{
	struct addr a;
	memset(&a, 0, sizeof(a));
	assert_true(addr_from_text(str_from(text), 0, &a));
	addr_unmap(&a);
	return a;
}

static struct clients *clients_of(const char *const *texts, size_t count, struct arena *arena)
{
	struct clients_prefix prefixes[64];
	assert_true(count <= ARRAY_LEN(prefixes));
	for (size_t i = 0; i < count; i++) {
		prefixes[i] = (struct clients_prefix){.group = (uint16_t)i, .mark = (uint32_t)i};
		assert_true(prefix_from_text(str_from(texts[i]), &prefixes[i].prefix));
	}
	clients_sort(prefixes, count);
	return clients_make(prefixes, count, arena);
}

static void test_longest_wins(void **state)
{
	static const char *const texts[] = {
	    "10.0.0.0/8",      "10.1.0.0/16",		"10.1.2.0/24", "10.1.2.3",
	    "192.168.1.32/27", "255.255.255.255",	"::/0",	       "fd00::/64",
	    "fd00::5",	       "::ffff:172.16.0.0/108", "ff00::/8",    "::",
	};
	static const struct {
		const char *address;
		int group; /* -1: none */
	} cases[] = {
	    {"10.0.0.0", 0},
	    {"10.255.255.255", 0},
	    {"11.0.0.0", -1},
	    {"9.255.255.255", -1},
	    {"10.1.0.0", 1},
	    {"10.1.2.2", 2},
	    {"10.1.2.3", 3},
	    {"10.1.2.4", 2},
	    {"10.1.3.0", 1},
	    {"10.2.0.0", 0},
	    {"::ffff:10.1.2.3", 3},
	    {"192.168.1.31", -1},
	    {"192.168.1.32", 4},
	    {"192.168.1.63", 4},
	    {"192.168.1.64", -1},
	    {"255.255.255.255", 5},
	    {"255.255.255.254", -1},
	    {"0.0.0.0", -1},
	    {"2001:db8::1", 6},
	    {"fd00::1", 7},
	    {"fd00::5", 8},
	    {"fd00::6", 7},
	    {"fd00:0:0:1::", 6},
	    {"172.16.3.4", 9},
	    {"172.32.0.0", -1},
	    {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 10},
	    {"::", 11},
	    {"::1", 6},
	};
	struct arena arena = {0};
	const struct clients *c = clients_of(texts, ARRAY_LEN(texts), &arena);
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct addr a = address(cases[i].address);
		const uint16_t got = clients_find(c, &a);
		if (got != (cases[i].group < 0 ? CLIENTS_NONE : cases[i].group))
			fail_msg("%s is in %u, not in %d", cases[i].address, got, cases[i].group);
	}
	arena_finish(&arena);
}

static void test_nobody(void **state)
{
	struct arena arena = {0};
	const struct clients *c = clients_of(NULL, 0, &arena);
	struct addr none, a = address("192.0.2.1"), b = address("2001:db8::1");
	(void)state;
	memset(&none, 0, sizeof(none)); /* a rehearsal's: not known */
	assert_int_equal(clients_find(c, &none), CLIENTS_NONE);
	assert_int_equal(clients_find(c, &a), CLIENTS_NONE);
	assert_int_equal(clients_find(c, &b), CLIENTS_NONE);
	arena_finish(&arena);
}

/* --- random prefixes --- */

#define ROUNDS 60
#define PREFIXES 400

static struct prefix random_prefix(bool v4)
{
	/* few bits vary, so that they lie in each other */
	uint8_t wide[ADDR_WIDE_LEN] = {0};
	const unsigned bits = v4 ? ADDR_WIDE_V4_BITS + below(33) : below(129);
	if (v4)
		wide[10] = wide[11] = 0xff;
	for (unsigned i = v4 ? 12 : 0; i < ADDR_WIDE_LEN; i++)
		wide[i] = below(4) == 0 ? (uint8_t)below(256) : below(2) == 0 ? 0xff : 0;
	addr_bits_clear(wide, bits, 128);
	return prefix_from_wide(wide, bits);
}

static uint16_t naive(const struct clients_prefix *prefixes, size_t count, const struct addr *a)
{
	uint16_t best = CLIENTS_NONE;
	unsigned bits = 0;
	for (size_t i = 0; i < count; i++) {
		uint8_t wide[ADDR_WIDE_LEN];
		const unsigned its = prefix_to_wide(&prefixes[i].prefix, wide);
		if (prefix_holds(&prefixes[i].prefix, a) && (best == CLIENTS_NONE || its > bits)) {
			best = prefixes[i].group;
			bits = its;
		}
	}
	return best;
}

static struct addr random_address(const struct clients_prefix *prefixes, size_t count)
{
	uint8_t wide[ADDR_WIDE_LEN];
	struct addr a;
	const unsigned bits = prefix_to_wide(&prefixes[below((unsigned)count)].prefix, wide);
	const unsigned how = below(3);
	/* its first, its last, or any; and what lies beside */
	for (unsigned i = bits; i < 128; i++)
		if (how == 1 || (how == 2 && below(2) == 0))
			wide[i / 8] |= (uint8_t)(0x80u >> i % 8);
	for (unsigned i = ADDR_WIDE_LEN; i-- > 0 && how < 2 && below(2) == 0;) {
		if (how == 0 ? wide[i]-- != 0 : ++wide[i] != 0)
			break;
	}
	memset(&a, 0, sizeof(a));
	a.len = sizeof(a.in6);
	a.in6.sin6_family = AF_INET6;
	memcpy(&a.in6.sin6_addr, wide, sizeof(wide));
	addr_unmap(&a);
	return a;
}

static void test_random(void **state)
{
	(void)state;
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct clients_prefix prefixes[PREFIXES];
		struct arena arena = {0};
		random_state = (round + 1) * 0x9e3779b97f4a7c15ull;
		size_t count = 0, all = 1 + below(PREFIXES);
		for (size_t i = 0; i < all; i++)
			prefixes[i] = (struct clients_prefix){random_prefix(below(2) == 0), (uint16_t)i, 0};
		clients_sort(prefixes, all);
		for (size_t i = 0; i < all; i++)
			if (count == 0 || !clients_same_prefix(&prefixes[count - 1], &prefixes[i]))
				prefixes[count++] = prefixes[i];
		const struct clients *c = clients_make(prefixes, count, &arena);
		for (unsigned i = 0; i < 500; i++) {
			struct addr a = random_address(prefixes, count);
			assert_int_equal(clients_find(c, &a), naive(prefixes, count, &a));
		}
		arena_finish(&arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_longest_wins),
	    cmocka_unit_test(test_nobody),
	    cmocka_unit_test(test_random),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
