/* SPDX-License-Identifier: BSD-2-Clause */
#include "saring-fetch/hops.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netinet/in.h>

static bool is_near(const char *text)
{
	struct sockaddr_storage storage = {0};
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
		memcpy(&storage, &v4, sizeof(v4));
	else if (inet_pton(AF_INET6, text, &v6.sin6_addr) == 1)
		memcpy(&storage, &v6, sizeof(v6));
	else
		fail_msg("no address: %s", text);
	return hops_is_near((const struct sockaddr *)&storage);
}

static void test_addresses(void **state)
{
	(void)state;
	static const char *const near[] = {"0.0.0.0",
					   "0.1.2.3",
					   "10.0.0.1",
					   "10.255.255.255",
					   "100.64.0.1",
					   "100.127.255.255",
					   "127.0.0.1",
					   "127.255.255.255",
					   "169.254.169.254",
					   "172.16.0.1",
					   "172.31.255.255",
					   "192.0.0.1",
					   "192.168.0.1",
					   "198.18.0.1",
					   "198.19.255.255",
					   "224.0.0.1",
					   "240.0.0.1",
					   "255.255.255.255",
					   "::",
					   "::1",
					   "::7f00:1",
					   "fe80::1",
					   "fc00::1",
					   "fdff::1",
					   "fec0::1",
					   "ff02::1",
					   "::ffff:10.0.0.1",
					   "64:ff9b::10.0.0.1",
					   "2002:7f00:1::1",
					   "::ffff:127.0.0.1"};
	static const char *const far[] = {"1.1.1.1",	    "9.255.255.255",	"11.0.0.0",	  "100.63.255.255",
					  "100.128.0.0",    "126.255.255.255",	"128.0.0.1",	  "172.15.255.255",
					  "172.32.0.0",	    "192.167.255.255",	"192.169.0.0",	  "198.17.255.255",
					  "198.20.0.0",	    "223.255.255.255",	"2001:db8::1",	  "2a00::1",
					  "::ffff:9.9.9.9", "64:ff9b::9.9.9.9", "2002:909:909::1"};
	for (size_t i = 0; i < ARRAY_LEN(near); i++)
		if (!is_near(near[i]))
			fail_msg("far: %s", near[i]);
	for (size_t i = 0; i < ARRAY_LEN(far); i++)
		if (is_near(far[i]))
			fail_msg("near: %s", far[i]);
	assert_true(hops_is_near(&(struct sockaddr){.sa_family = AF_UNIX}));
}

static void test_connections(void **state)
{
	(void)state;
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	const struct sockaddr *addr = (const struct sockaddr *)(const void *)&v4;
	bool asked = false;
	v4.sin_addr.s_addr = htonl(0x09090909);
	assert_true(hops_may_connect(addr, 0, &asked) && !asked);
	v4.sin_addr.s_addr = htonl(0x7f000001);
	assert_false(hops_may_connect(addr, 1, &asked)); /* from a public host to loopback */
	assert_false(hops_may_connect(addr, 5, &asked));
	assert_true(hops_may_connect(addr, 0, &asked) && asked); /* the operator's own url */
	v4.sin_addr.s_addr = htonl(0x0a000001);
	assert_true(hops_may_connect(addr, 1, &asked));
	assert_false(hops_may_connect(&(struct sockaddr){.sa_family = AF_UNIX}, 0, &asked));
}

static void test_redirects(void **state)
{
	(void)state;
	struct err err = {0};
	assert_true(hops_may("http://a/", "http://b/", 0, &err));
	assert_true(hops_may("http://a/", "https://b/", HOPS_MAX - 1, &err));
	assert_true(hops_may("https://a/", "HTTPS://b/", 0, &err));
	assert_false(hops_may("http://a/", "http://b/", HOPS_MAX, &err));
	assert_string_equal(err.text, "the server sends on more than 5 times");
	assert_false(hops_may("https://a/", "http://b/", 0, &err));
	assert_string_equal(err.text, "the server sends on from https to http");
	assert_false(hops_may("HTTPS://a/", "http://b/", 0, &err));
	static const char *const other[] = {"ftp://b/", "file:///etc/passwd", "gopher://b/", "//b/", "httpx://b/", ""};
	for (size_t i = 0; i < ARRAY_LEN(other); i++)
		assert_false(hops_may("http://a/", other[i], 0, &err));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_addresses), cmocka_unit_test(test_connections),
					   cmocka_unit_test(test_redirects)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
