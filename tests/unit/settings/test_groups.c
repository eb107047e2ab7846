/* SPDX-License-Identifier: BSD-2-Clause
 * groups: of saring.yaml: what follows from it, and every fault at its place. */
#include "settings/load.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "settings/schedule.h"

#define LISTS                                                                                                                   \
	"listen: [dns://127.0.0.1:5300, \"dns://[::1]:0\"]\nlists:\n- {name: ads, file: a}\n- {name: law, file: l, mandatory: " \
	"true}\n- {name: social, file: s, mode: off}\n"

static struct settings *load(const char *text)
{
	struct err_list errors = {0};
	struct settings *s = settings_parse(str_from(text), "/s.yaml", &errors);
	err_list_print(&errors, stderr);
	assert_non_null(s);
	assert_int_equal(errors.count, 0);
	err_list_finish(&errors);
	return s;
}

/* rest: behind LISTS; places are those of the whole. */
static void check(const char *rest, const char *expected)
{
	struct err_list errors = {0};
	char *text = NULL, *lines = NULL;
	size_t len = 0;
	assert_true(asprintf(&text, "%s%s", LISTS, rest) > 0);
	struct settings *s = settings_parse(str_from(text), "/s.yaml", &errors);
	FILE *out = open_memstream(&lines, &len);
	assert_non_null(out);
	err_list_print(&errors, out);
	assert_int_equal(fclose(out), 0);
	if (strcmp(lines, expected) != 0)
		print_error("file:\n%s\n", text);
	assert_string_equal(lines, expected);
	assert_null(s);
	err_list_finish(&errors);
	free(lines);
	free(text);
}

static struct addr address(const char *text)
{
	struct addr a;
	memset(&a, 0, sizeof(a));
	assert_true(addr_from_text(str_from(text), 0, &a));
	return a;
}

static const char *group_of(const struct settings *s, const char *client)
{
	struct addr a = address(client);
	const uint16_t group = clients_find(s->clients, &a);
	return group == CLIENTS_NONE ? "-" : s->groups[group].name;
}

static void test_none(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		static const char *const texts[] = {LISTS, LISTS "groups:\n", LISTS "groups: []\n"};
		struct settings *s = load(texts[i]);
		assert_int_equal(s->group_count, 0);
		settings_destroy(s);
	}
}

static void test_masks(void **state)
{
	struct settings *s = load(LISTS "groups:\n"
					"- {name: kids, clients: [10.0.0.0/8, \"fd00::/64\", 192.0.2.5], lists: [social]}\n"
					"- {name: lab, clients: [10.1.0.0/16, \"dns://[::1]:0\"]}\n"
					"- {name: none, clients: [10.1.2.3], lists: []}\n"
					"- {name: default, lists: ads}\n");
	struct addr lab = address("[::1]:0"), other = address("127.0.0.1:5300");
	struct group_now now;
	(void)state;
	assert_int_equal(s->group_count, 4);
	assert_string_equal(s->groups[0].name, "default");
	assert_string_equal(s->groups[1].name, "kids");
	assert_string_equal(s->groups[3].name, "none");
	assert_int_equal(s->groups[0].lists.words[0], 3); /* the mandatory one acts for all */
	assert_int_equal(s->groups[1].lists.words[0], 6);
	assert_int_equal(s->groups[2].lists.words[0], 7);
	assert_int_equal(s->groups[3].lists.words[0], 2);
	assert_string_equal(group_of(s, "10.2.0.1"), "kids");
	assert_string_equal(group_of(s, "10.1.2.2"), "lab");
	assert_string_equal(group_of(s, "10.1.2.3"), "none");
	assert_string_equal(group_of(s, "192.0.2.4"), "-");
	assert_int_equal(settings_group_of_listener(s, &lab), 2);
	assert_int_equal(settings_group_of_listener(s, &other), 0);
	assert_int_equal(settings_group_of_listener(s, NULL), 0);
	assert_int_equal(settings_group_find(s, STR_LIT("lab")), 2);
	assert_int_equal(settings_group_find(s, STR_LIT("la")), -1);
	schedule_now(s, 2, 0, &now);
	assert_true(now.all && now.until_s == SCHEDULE_NEVER);
	schedule_now(s, 1, 0, &now);
	assert_true(!now.all && list_mask_eq(&now.lists, &s->groups[1].lists));
	settings_destroy(s);
	s = load(LISTS "groups: [{name: a, clients: [10.0.0.1], lists: [ads]}]\n"); /* the rest gets all */
	assert_int_equal(s->group_count, 2);
	assert_string_equal(s->groups[0].name, "default");
	assert_int_equal(s->groups[0].lists.words[0], 7);
	settings_destroy(s);
}

static void test_faults(void **state)
{
	(void)state;
	check("groups: [{name: a}]\n", "/s.yaml:6:10: 'clients' is missing here; without it, nobody would be in this group\n");
	check("groups: [{clients: [10.0.0.1]}]\n", "/s.yaml:6:10: 'name' is missing here\n");
	check("groups: [{name: a, clients: []}]\n", "/s.yaml:6:29: 'clients' is empty: nobody would be in this group\n");
	check("groups: [{name: default, clients: [10.0.0.1]}]\n",
	      "/s.yaml:6:26: the group 'default' is of all clients that no other group has: it takes no 'clients'\n");
	check("groups:\n- {name: a, clients: [10.0.0.1]}\n- {name: a, clients: [10.0.0.2]}\n",
	      "/s.yaml:8:10: the group in line 7 is called 'a' too\n");
	check("groups: [{name: a b, clients: [10.0.0.1]}]\n",
	      "/s.yaml:6:17: 'a b' can't name a group: 1 to 64 of the characters A-Z a-z 0-9 . _ -\n");
	check("groups: [{name: a, clients: [10.0.0.1], lists: [ads, scial, x]}]\n",
	      "/s.yaml:6:54: there is no list 'scial'; did you mean 'social'?\n/s.yaml:6:61: there is no list 'x'\n");
	check(
	    "groups: [{name: a, clients: [10.0.0.1/8, kids, 127.0.0.1:5300]}]\n",
	    "/s.yaml:6:30: '10.0.0.1/8' is no client: an address, a prefix such as 192.0.2.0/24 or 2001:db8::/32 (no bit set past "
	    "its length), or an endpoint of 'listen' as dns://HOST:PORT\n"
	    "/s.yaml:6:42: 'kids' is no client: an address, a prefix such as 192.0.2.0/24 or 2001:db8::/32 (no bit set past its "
	    "length), or an endpoint of 'listen' as dns://HOST:PORT\n"
	    "/s.yaml:6:48: '127.0.0.1:5300' is no client: an address, a prefix such as 192.0.2.0/24 or 2001:db8::/32 (no bit set "
	    "past its length), or an endpoint of 'listen' as dns://HOST:PORT\n");
	check("groups: [{name: a, clients: [\"dns://127.0.0.1:5301\"]}]\n",
	      "/s.yaml:6:30: 'dns://127.0.0.1:5301' is not in 'listen': nobody can ask there\n");
	check("groups:\n- {name: a, clients: [\"dns://127.0.0.1:5300\"]}\n- {name: b, clients: [\"127.0.0.9\", "
	      "\"dns://127.0.0.1:5300\"]}\n",
	      "/s.yaml:8:36: 'dns://127.0.0.1:5300' is the group's in line 7 already\n");
	check("groups:\n- {name: a, clients: [10.0.0.0/8, \"::ffff:10.0.0.0/104\"]}\n- {name: b, clients: [10.0.0.0/8]}\n",
	      "/s.yaml:7:35: '10.0.0.0/8' is in the group 'a' already, in line 7\n"
	      "/s.yaml:8:23: '10.0.0.0/8' is in the group 'a' already, in line 7\n");
	check("groups: [{name: a, clients: [10.0.0.1], answer: address}]\n",
	      "/s.yaml:6:49: answer: address needs 'addresses' here or under 'block'\n");
	check("groups: [{name: a, clients: [10.0.0.1], upstream: {strategy: ordered}}]\n",
	      "/s.yaml:6:51: 'servers' is missing here\n");
	check("groups: [{name: a, clients: [10.0.0.1], upstream: [127.0.0.1:5300]}]\n",
	      "/s.yaml:6:52: 'dns://127.0.0.1:5300' is where saringd itself listens: it would ask itself\n");
	check("groups: [{name: a, clients: [10.0.0.1], lists: [ads], schedule: [{lists: [social], hours: \"09:00-09:00\"}]}]\n",
	      "/s.yaml:6:75: the list 'social' is none of this group's\n"
	      "/s.yaml:6:91: '09:00-09:00' ends when it begins; 00:00-24:00 is the whole day\n");
	check("groups: [{name: a, clients: [10.0.0.1], schedule: [{hours: [24:00-06:00, 7:0-8:00, 07:00], days: [mon-xyz, ''],\n"
	      "  dates: [2026-05-02..2026-05-01, 2026-02-30], time-zone: ../UTC}]}]\n",
	      "/s.yaml:6:61: '24:00-06:00' are no hours such as 07:00-12:00, or 22:00-06:00 over midnight\n"
	      "/s.yaml:6:74: '7:0-8:00' are no hours such as 07:00-12:00, or 22:00-06:00 over midnight\n"
	      "/s.yaml:6:84: '07:00' are no hours such as 07:00-12:00, or 22:00-06:00 over midnight\n"
	      "/s.yaml:6:99: 'mon-xyz' is no day or row of days, such as mon or mon-fri\n"
	      "/s.yaml:6:108: 'days' has no value; it takes text in each item\n"
	      "/s.yaml:7:11: '2026-05-02..2026-05-01' ends before it begins\n"
	      "/s.yaml:7:35: '2026-02-30' is no date such as 2026-05-01, nor two of them such as 2026-12-24..2027-01-02\n"
	      "/s.yaml:7:59: '../UTC' is not the name of a time zone such as Asia/Jakarta\n");
	check("groups: [x]\n", "/s.yaml:6:10: 'groups' takes a mapping in each item, not text\n");
	check("groups: [{name: a, client: [10.0.0.1]}]\n",
	      "/s.yaml:6:10: 'clients' is missing here; without it, nobody would be in this group\n"
	      "/s.yaml:6:20: unknown key 'client'; did you mean 'clients'?\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_none),
	    cmocka_unit_test(test_masks),
	    cmocka_unit_test(test_faults),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
