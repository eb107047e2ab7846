/* SPDX-License-Identifier: BSD-2-Clause
 * Servers that are saringd itself, as far as the text does not tell. */
#include "settings/load.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* The places of what is wrong, as "LINE:COLUMN LINE:COLUMN ". */
static void check(const char *yaml, const char *bound, const char *expected)
{
	struct err_list errors = {0};
	struct addr at = {.len = 0};
	char got[256] = "";
	struct settings *s = settings_parse(str_from(yaml), "/s.yaml", &errors);
	assert_non_null(s);
	if (bound != NULL)
		assert_true(addr_from_text(str_from(bound), 0, &at));
	bool ok = settings_check_here(s, &at, bound != NULL, &errors);
	assert_int_equal(ok, errors.count == 0);
	for (size_t i = 0; i < errors.count; i++) {
		size_t len = strlen(got);
		assert_string_equal(errors.items[i].file, "/s.yaml");
		snprintf(got + len, sizeof(got) - len, "%u:%u ", errors.items[i].line, errors.items[i].column);
	}
	assert_string_equal(got, expected);
	err_list_finish(&errors);
	settings_destroy(s);
}

static void test_bound(void **state)
{
	(void)state;
	static const char text[] = "listen: [\"127.0.0.1:0\"]\n"
				   "upstream:\n"
				   "  servers: [\"127.0.0.1:5301\", 192.0.2.1]\n"
				   "  routes:\n"
				   "  - zone: corp.test\n"
				   "    servers: [\"127.0.0.1:5301\", \"127.0.0.2:5301\"]\n";
	check(text, NULL, "");
	check(text, "127.0.0.1:5300", "");
	check(text, "127.0.0.1:5301", "3:13 6:15 ");
	check(text, "0.0.0.0:5301", "3:13 6:15 6:33 ");
	check(text, "0.0.0.0:53", "");
	check(text, "[::]:5301", "");
}

/* A wildcard and the addresses of this machine: loopback ones are settings_parse's to find. */
static void test_others_are_fine(void **state)
{
	(void)state;
	check("listen: [0.0.0.0]\nupstream: {servers: [192.0.2.1, \"[::1]:53\"]}\n", NULL, "");
	check("listen: [\"[::]\"]\nupstream: {servers: [127.0.0.1, \"[2001:db8::1]:53\"]}\n", NULL, "");
}

static void test_is_here(void **state)
{
	(void)state;
	struct err_list errors = {0};
	struct addr a;
	struct settings *s = settings_parse(STR_LIT("listen: [\"0.0.0.0:5300\"]\n"), "/s.yaml", &errors);
	assert_non_null(s);
	assert_true(addr_from_text(STR_LIT("127.9.9.9:5300"), 0, &a));
	assert_true(settings_is_here(s, &a));
	assert_true(addr_from_text(STR_LIT("192.0.2.1:5300"), 0, &a));
	assert_false(settings_is_here(s, &a));
	settings_destroy(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_bound),
	    cmocka_unit_test(test_others_are_fine),
	    cmocka_unit_test(test_is_here),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
