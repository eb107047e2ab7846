/* SPDX-License-Identifier: BSD-2-Clause */
#include "settings/load.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"

/* The servers as "A B C", of a resolv.conf with this text, for a saring.yaml with this text. */
static char *servers(const char *resolv_conf, const char *yaml, size_t max)
{
	char path[] = "/tmp/saring-resolv-XXXXXX";
	struct err_list errors = {0};
	struct arena arena = {0};
	struct endpoint found[SETTINGS_SERVERS_MAX];
	struct buf out = {0};
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, resolv_conf, strlen(resolv_conf)), strlen(resolv_conf));
	assert_int_equal(close(fd), 0);
	struct settings *s = settings_parse(str_from(yaml), "/s.yaml", &errors);
	assert_non_null(s);
	size_t count = settings_resolv_conf(path, s, found, max, &arena);
	assert_int_equal(unlink(path), 0);
	assert_true(count <= max);
	buf_add_c(&out, "");
	for (size_t i = 0; i < count; i++)
		buf_printf(&out, "%s%s", i > 0 ? " " : "", found[i].text);
	char *text = str_dup(buf_str(&out));
	buf_finish(&out);
	arena_finish(&arena);
	settings_destroy(s);
	err_list_finish(&errors);
	return text;
}

static void check(const char *resolv_conf, const char *yaml, const char *expected)
{
	char *got = servers(resolv_conf, yaml, SETTINGS_SERVERS_MAX);
	assert_string_equal(got, expected);
	free(got);
}

static void test_lines(void **state)
{
	(void)state;
	check("# c\n; c\nsearch example.net\nnameserver 192.0.2.1\n  nameserver\t2001:db8::1  # c\nnameserver 192.0.2.1\noptions "
	      "ndots:2\n"
	      "nameserver 192.0.2.2\r\nnameserver 192.0.2.3",
	      "", "dns://192.0.2.1:53 dns://[2001:db8::1]:53 dns://192.0.2.2:53 dns://192.0.2.3:53");
	check("nameserver\nnameserver x\nnameservers 192.0.2.1\nnameserver 192.0.2.1:5353\nnameserver [2001:db8::1]\n#nameserver "
	      "192.0.2.1\n",
	      "", "");
	check("", "", "");
}

static void test_itself_is_left_out(void **state)
{
	(void)state;
	static const char text[] = "nameserver 127.0.0.1\nnameserver 127.0.0.53\nnameserver ::1\nnameserver 192.0.2.1\n";
	check(text, "listen: [127.0.0.1]\n", "dns://127.0.0.53:53 dns://[::1]:53 dns://192.0.2.1:53");
	check(text, "listen: [127.0.0.1:5300]\n", "dns://127.0.0.1:53 dns://127.0.0.53:53 dns://[::1]:53 dns://192.0.2.1:53");
	check(text, "listen: [0.0.0.0]\n", "dns://[::1]:53 dns://192.0.2.1:53");
	check(text, "listen: [\"[::]\"]\n", "dns://127.0.0.1:53 dns://127.0.0.53:53 dns://192.0.2.1:53");
	check(text, "listen: [0.0.0.0:5300]\n", "dns://127.0.0.1:53 dns://127.0.0.53:53 dns://[::1]:53 dns://192.0.2.1:53");
	check(text, "listen: [192.0.2.1, 0.0.0.0, \"[::]\"]\n", "");
}

/* To libc 0.0.0.0 and :: mean this host. */
static void test_unspecified_is_loopback(void **state)
{
	(void)state;
	check("nameserver 0.0.0.0\nnameserver ::\n", "listen: [127.0.0.1:5300]\n", "dns://127.0.0.1:53 dns://[::1]:53");
	check("nameserver 0.0.0.0\nnameserver ::\n", "listen: [127.0.0.1]\n", "dns://[::1]:53");
}

static void test_bounds(void **state)
{
	(void)state;
	char *got = servers("nameserver 192.0.2.1\nnameserver 192.0.2.2\nnameserver 192.0.2.3\n", "", 2);
	assert_string_equal(got, "dns://192.0.2.1:53 dns://192.0.2.2:53");
	free(got);
	struct err_list errors = {0};
	struct arena arena = {0};
	struct endpoint found[1];
	struct settings *s = settings_parse(STR_LIT(""), "/s.yaml", &errors);
	assert_non_null(s);
	assert_int_equal(settings_resolv_conf("/nonexistent/resolv.conf", s, found, 1, &arena), 0);
	settings_destroy(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_lines),
	    cmocka_unit_test(test_itself_is_left_out),
	    cmocka_unit_test(test_unspecified_is_loopback),
	    cmocka_unit_test(test_bounds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
