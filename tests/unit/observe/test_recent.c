/* SPDX-License-Identifier: BSD-2-Clause */
#include "observe/recent.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void take_as(struct recent *r, const char *text, const char *client, const char *list, enum privacy privacy)
{
	uint8_t wide[ADDR_WIDE_LEN];
	struct addr addr;
	struct name name = {.len = 0};
	if (text != NULL)
		assert_true(name_from_text(str_from(text), &name, NULL));
	assert_true(addr_from_text(str_from(client), 53, &addr));
	addr_to_wide(&addr, wide);
	const struct fact fact = {.at_us = 1,
				  .weight = 1,
				  .address = wide,
				  .port = 4000,
				  .name = &name,
				  .type = 1,
				  .fate = list != NULL ? COUNTER_BLOCKED : COUNTER_CACHED,
				  .verdict = list != NULL ? FACT_BLOCKED : FACT_NONE,
				  .list = list != NULL ? str_from(list) : (struct str){NULL, 0},
				  .server = "dns://192.0.2.53",
				  .privacy = privacy};
	recent_take(r, &fact);
}

static void take(struct recent *r, const char *text, const char *client, const char *list)
{
	take_as(r, text, client, list, PRIVACY_FULL);
}

static void a_ring_of_so_many(void **state)
{
	struct recent *r = recent_create();
	char name[32];
	(void)state;
	take(r, "none.example", "192.0.2.1", NULL);
	assert_int_equal(recent_next(r), 1); /* there is no room yet */
	recent_resize(r, 7);
	for (int i = 1; i <= 20; i++) {
		(void)snprintf(name, sizeof(name), "n%d.example", i);
		take(r, name, "192.0.2.1", NULL);
	}
	assert_int_equal(recent_oldest(r), 14);
	assert_int_equal(recent_next(r), 21);
	assert_null(recent_at(r, 13));
	assert_null(recent_at(r, 21));
	recent_resize(r, 100);
	recent_resize(r, 3);
	for (uint64_t n = 18; n <= 20; n++)
		assert_int_equal(recent_at(r, n)->number, n);
	assert_int_equal(recent_oldest(r), 18);
	recent_resize(r, 0);
	assert_int_equal(recent_oldest(r), recent_next(r));
	recent_destroy(r);
}

static void texts_and_what_is_too_long(void **state)
{
	struct recent *r = recent_create();
	char list[RECENT_TEXT_MAX + 40];
	(void)state;
	recent_resize(r, 10);
	take(r, "ads.example", "192.0.2.1", "ads");
	const struct recent_entry *e = recent_at(r, 1);
	assert_string_equal(recent_list(e), "ads");
	assert_null(recent_entry_text(e));
	assert_string_equal(recent_server(e), "dns://192.0.2.53");
	assert_null(recent_group(e));
	/* cut before a character of two bytes, and not within */
	memset(list, 'a', sizeof(list));
	list[RECENT_TEXT_MAX - 1] = '\xc3';
	list[RECENT_TEXT_MAX] = '\xa4';
	list[sizeof(list) - 1] = '\0';
	take(r, NULL, "2001:db8::1", list);
	e = recent_at(r, 2);
	assert_int_equal(strlen(recent_list(e)), RECENT_TEXT_MAX - 1);
	assert_string_equal(recent_server(e), "dns://192.0.2.53");
	assert_int_equal(e->name_len, 0);
	recent_destroy(r);
}

static bool passes(const struct recent *r, uint64_t number, const char *client, const char *name, bool is_blocked)
{
	struct recent_filter f = {.blocked = is_blocked};
	struct prefix p;
	if (client != NULL) {
		assert_true(prefix_from_text(str_from(client), &p));
		f.has_client = true;
		f.client_bits = prefix_to_wide(&p, f.client);
	}
	if (name != NULL) {
		assert_true(name_from_text(str_from(name), &f.name, NULL));
		f.has_name = true;
	}
	return recent_passes(recent_at(r, number), &f);
}

static void filters(void **state)
{
	struct recent *r = recent_create();
	(void)state;
	recent_resize(r, 10);
	take(r, "www.ads.example", "192.0.2.1", "ads");
	take(r, "plain.example", "2001:db8:0:1::1", NULL);
	take(r, NULL, "192.0.2.1", NULL);
	assert_true(passes(r, 1, NULL, NULL, true));
	assert_false(passes(r, 2, NULL, NULL, true));
	assert_true(passes(r, 1, "192.0.2.0/24", "ads.example", true));
	assert_true(passes(r, 1, NULL, ".", false));
	assert_false(passes(r, 1, NULL, "s.example", false));
	assert_false(passes(r, 1, NULL, "x.www.ads.example", false));
	assert_false(passes(r, 1, "192.0.3.0/24", NULL, false));
	assert_false(passes(r, 1, "2001:db8::/32", NULL, false));
	assert_true(passes(r, 2, "2001:db8::/32", NULL, false));
	assert_false(passes(r, 2, "0.0.0.0/0", NULL, false));
	assert_false(passes(r, 3, NULL, "example", false)); /* a packet without a question */
	assert_true(passes(r, 3, "192.0.2.1", NULL, false));
	recent_destroy(r);
}

static void what_is_not_told_is_not_kept(void **state)
{
	struct recent *r = recent_create();
	static const uint8_t none[ADDR_WIDE_LEN] = {0};
	(void)state;
	recent_resize(r, 10);
	take(r, "a.example", "192.0.2.77", NULL);
	assert_int_equal(recent_at(r, 1)->port, 4000);
	recent_set_privacy(r, PRIVACY_FULL);
	assert_non_null(recent_at(r, 1)); /* as before */
	recent_set_privacy(r, PRIVACY_ANONYMOUS);
	assert_null(recent_at(r, 1));
	take(r, "a.example", "192.0.2.77", NULL);
	take(r, "a.example", "2001:db8:1:2ff:1::1", NULL);
	const struct recent_entry *e = recent_at(r, 2);
	assert_int_equal(e->client_bits, 120);
	assert_int_equal(e->address[15], 0);
	assert_int_equal(e->port, 0);
	e = recent_at(r, 3);
	assert_int_equal(e->client_bits, 56);
	assert_int_equal(e->address[6], 2);
	assert_memory_equal(e->address + 7, none, 9);
	recent_set_privacy(r, PRIVACY_NAMES);
	take(r, "a.example", "192.0.2.77", NULL);
	e = recent_at(r, 4);
	assert_int_equal(e->client_bits, 0);
	assert_memory_equal(e->address, none, sizeof(none));
	recent_set_privacy(r, PRIVACY_NONE);
	take(r, "a.example", "192.0.2.77", NULL);
	assert_int_equal(recent_next(r), 5);
	/* what was asked while less was to be told, and is told of after a reload */
	recent_set_privacy(r, PRIVACY_FULL);
	take_as(r, "a.example", "192.0.2.77", NULL, PRIVACY_NONE);
	assert_int_equal(recent_next(r), 5);
	take_as(r, "a.example", "192.0.2.77", NULL, PRIVACY_NAMES);
	assert_int_equal(recent_at(r, 5)->client_bits, 0);
	assert_int_equal(recent_at(r, 5)->port, 0);
	recent_destroy(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_ring_of_so_many),
	    cmocka_unit_test(texts_and_what_is_too_long),
	    cmocka_unit_test(filters),
	    cmocka_unit_test(what_is_not_told_is_not_kept),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
