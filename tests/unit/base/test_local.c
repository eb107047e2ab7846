/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/local.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include <ifaddrs.h>

static struct addr addr_of(const char *text)
{
	struct addr a;
	assert_true(addr_from_text(str_from(text), 5300, &a));
	return a;
}

static void test_known_addresses(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool local;
	} cases[] = {
	    {"127.0.0.1", true},       {"127.3.2.1:9", true},  {"::1", true},	   {"192.0.2.77", false},
	    {"198.51.100.9:0", false}, {"2001:db8::1", false}, {"0.0.0.0", false},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct addr a = addr_of(cases[i].text);
		if (local_has(&a) != cases[i].local)
			fail_msg("%s", cases[i].text);
	}
}

/* Whatever the interfaces have, by another way of asking. */
static void test_interfaces(void **state)
{
	(void)state;
	struct ifaddrs *all;
	if (getifaddrs(&all) != 0)
		skip();
	for (const struct ifaddrs *i = all; i != NULL; i = i->ifa_next) {
		struct addr a = {.len = 0};
		char text[ADDR_TEXT_MAX];
		if (i->ifa_addr != NULL && i->ifa_addr->sa_family == AF_INET)
			a.len = sizeof(a.in);
		else if (i->ifa_addr != NULL && i->ifa_addr->sa_family == AF_INET6)
			a.len = sizeof(a.in6);
		if (a.len == 0)
			continue;
		memcpy(&a.in6, i->ifa_addr, a.len);
		if (!local_has(&a))
			fail_msg("%s", addr_to_text(&a, text));
	}
	freeifaddrs(all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_known_addresses),
	    cmocka_unit_test(test_interfaces),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
