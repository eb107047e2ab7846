/* SPDX-License-Identifier: BSD-2-Clause
 * Pauses as data: what they leave, whom they relieve, until when; and their file. */
#include "pauses.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "settings/load.h"

#define T0 INT64_C(1900000000)

/* lists: 0 ads, 1 law (mandatory), 2 social; groups: default, kids */
static struct settings *load(bool groups)
{
	struct err_list errors = {0};
	char text[512];
	(void)snprintf(text, sizeof(text), "%s%s",
		       "lists:\n- {name: ads, file: a}\n- {name: law, file: l, mandatory: true}\n- {name: social, file: s}\n",
		       groups ? "groups:\n- {name: kids, clients: [192.0.2.0/24], lists: [social]}\n" : "");
	struct settings *s = settings_parse(str_from(text), "/s.yaml", &errors);
	err_list_print(&errors, stderr);
	assert_non_null(s);
	err_list_finish(&errors);
	return s;
}

static void put(struct pauses *p, enum pause_scope scope, const char *target, const char *client, int64_t since_s, int64_t until_s)
{
	struct err err = {.code = ERR_NONE};
	struct pause pause = {.scope = scope, .since_s = since_s, .until_s = until_s, .by = base_strdup("root")};
	assert_true(pause_fill(&pause, target != NULL ? str_from(target) : (struct str){NULL, 0},
			       client != NULL ? str_from(client) : (struct str){NULL, 0}, &err));
	assert_true(pauses_put(p, &pause));
}

/* "ads law", and until when; both of a group. */
static void check_lists(const struct pauses *p, const struct settings *s, size_t group, int64_t now_s, const char *expected,
			int64_t until_s)
{
	struct group_now now;
	char text[64] = "";
	pauses_lists_now(p, s, group, now_s, &now);
	for (size_t i = 0; i < s->list_count; i++)
		if (list_mask_has(&now.lists, i))
			(void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", text[0] != '\0' ? " " : "",
				       s->lists[i].name);
	assert_string_equal(text, expected);
	assert_int_equal(now.until_s, until_s);
	assert_int_equal(now.all, strcmp(expected, "ads law social") == 0);
}

static void test_no_pause(void **state)
{
	struct settings *s = load(false), *grouped = load(true);
	struct pauses *p = pauses_create();
	(void)state;
	check_lists(NULL, s, 0, T0, "ads law social", SCHEDULE_NEVER);
	check_lists(p, s, 0, T0, "ads law social", SCHEDULE_NEVER);
	check_lists(p, grouped, (size_t)settings_group_find(grouped, STR_LIT("kids")), T0, "law social", SCHEDULE_NEVER);
	assert_int_equal(pauses_all_until(p, T0), 0);
	assert_null(pauses_relieve(p, NULL, NULL, T0));
	pauses_destroy(p);
	settings_destroy(s);
	settings_destroy(grouped);
}

static void test_all(void **state)
{
	struct settings *s = load(false);
	struct pauses *p = pauses_create();
	(void)state;
	put(p, PAUSE_ALL, NULL, NULL, T0, T0 + 60);
	check_lists(p, s, 0, T0, "law", T0 + 60);
	check_lists(p, s, 0, T0 + 59, "law", T0 + 60);
	check_lists(p, s, 0, T0 + 60, "ads law social", SCHEDULE_NEVER);
	assert_int_equal(pauses_all_until(p, T0 + 59), T0 + 60);
	assert_int_equal(pauses_all_until(p, T0 + 60), 0);
	/* the clock is before it began: it does not act, and is looked at again when it would */
	check_lists(p, s, 0, T0 - 1, "ads law social", T0);
	put(p, PAUSE_ALL, NULL, NULL, T0 + 10, PAUSES_FOREVER);
	assert_int_equal(p->count, 1);
	check_lists(p, s, 0, T0 + 60, "law", SCHEDULE_NEVER);
	assert_int_equal(pauses_all_until(p, T0 + 60), PAUSES_FOREVER);
	pauses_destroy(p);
	settings_destroy(s);
}

static void test_groups_and_lists(void **state)
{
	struct settings *s = load(true);
	const size_t kids = (size_t)settings_group_find(s, STR_LIT("kids"));
	struct pauses *p = pauses_create();
	(void)state;
	put(p, PAUSE_GROUP, "kids", NULL, T0, T0 + 60);
	check_lists(p, s, kids, T0, "law", T0 + 60);
	check_lists(p, s, 0, T0, "ads law social", SCHEDULE_NEVER);
	assert_ptr_equal(pauses_whole(p, s, kids, T0), &p->all[0]);
	assert_null(pauses_whole(p, s, 0, T0));
	put(p, PAUSE_LIST, "ads", NULL, T0, T0 + 30);
	put(p, PAUSE_LIST, "law", NULL, T0, T0 + 30);
	put(p, PAUSE_LIST, "gone", NULL, T0, T0 + 30);
	check_lists(p, s, 0, T0, "law social", T0 + 30);
	check_lists(p, s, kids, T0 + 60, "law social", SCHEDULE_NEVER);
	assert_string_equal(pauses_of_list(p, "ads", T0)->target, "ads");
	assert_null(pauses_of_list(p, "ads", T0 + 30));
	pauses_destroy(p);
	settings_destroy(s);
}

/* Who is relieved, by which pause: its target, or "". */
static void check_relief(const struct pauses *p, const char *name_text, const char *client_text, int64_t now_s,
			 const char *expected)
{
	struct name name;
	struct addr client;
	assert_true(name_from_text(str_from(name_text), &name, NULL));
	name_fold(&name);
	if (client_text != NULL)
		assert_true(addr_from_text(str_from(client_text), 0, &client));
	const struct pause *pause = pauses_relieve(p, &name, client_text != NULL ? &client : NULL, now_s);
	assert_string_equal(pause != NULL ? pause->target : "", expected);
}

static void test_relief(void **state)
{
	struct pauses *p = pauses_create();
	(void)state;
	put(p, PAUSE_CLIENT, "192.0.2.0/24", NULL, T0, T0 + 60);
	put(p, PAUSE_NAME, "Ads.Example.", NULL, T0, T0 + 30);
	put(p, PAUSE_NAME, "one.example", "198.51.100.7", T0, T0 + 90);
	put(p, PAUSE_ALL, NULL, NULL, T0, PAUSES_FOREVER);
	assert_true(p->has_clients && p->has_names);
	check_relief(p, "x.example", "192.0.2.7", T0, "192.0.2.0/24");
	check_relief(p, "x.example", "::ffff:192.0.2.7", T0, "192.0.2.0/24");
	check_relief(p, "x.example", "192.0.3.7", T0, "");
	check_relief(p, "x.example", NULL, T0, "");
	check_relief(p, "ads.example", "192.0.3.7", T0, "ads.example");
	check_relief(p, "a.b.ADS.example", NULL, T0, "ads.example");
	check_relief(p, "xads.example", NULL, T0, "");
	check_relief(p, "example", NULL, T0, "");
	check_relief(p, "ads.example", "192.0.2.7", T0, "192.0.2.0/24"); /* which ends last */
	check_relief(p, "ads.example", NULL, T0 + 30, "");
	check_relief(p, "one.example", "198.51.100.7", T0, "one.example");
	check_relief(p, "one.example", "198.51.100.8", T0, "");
	check_relief(p, "one.example", NULL, T0, "");
	for (size_t i = p->count; i-- > 0;)
		pauses_remove(p, i);
	assert_false(p->has_clients || p->has_names);
	pauses_destroy(p);
}

static void test_room(void **state)
{
	struct err err = {.code = ERR_NONE};
	struct pauses *p = pauses_create();
	char name[32];
	(void)state;
	for (unsigned i = 0; i < PAUSES_MAX; i++) {
		(void)snprintf(name, sizeof(name), "n%u.example", i);
		put(p, PAUSE_NAME, name, NULL, T0, T0 + 1 + i);
	}
	struct pause more = {.scope = PAUSE_NAME, .since_s = T0, .until_s = T0 + 5};
	assert_true(pause_fill(&more, STR_LIT("more.example"), (struct str){NULL, 0}, &err));
	assert_false(pauses_put(p, &more));
	pause_finish(&more);
	put(p, PAUSE_NAME, "n7.example", NULL, T0, T0 + 1000); /* in its own place */
	struct pauses *left = pauses_copy(p, T0 + 200);
	assert_int_equal(left->count, PAUSES_MAX - 200 + 1);
	pauses_destroy(left);
	pauses_destroy(p);
}

static void test_fill_faults(void **state)
{
	static const struct {
		enum pause_scope scope;
		const char *target, *client, *sentence;
	} rows[] = {
	    {PAUSE_ALL, "x", NULL, "a pause of scope 'all' has no target"},
	    {PAUSE_GROUP, NULL, NULL, "a pause of scope 'group' needs a target"},
	    {PAUSE_LIST, "", NULL, "that is no name of a list"},
	    {PAUSE_LIST, "ads", "192.0.2.1", "a pause of scope 'list' is not for one client"},
	    {PAUSE_CLIENT, "host", NULL, "'host' is neither an address nor a prefix"},
	    {PAUSE_CLIENT, "192.0.2.1/24", NULL, "'192.0.2.1/24' is neither an address nor a prefix"},
	    {PAUSE_NAME, "a.example", "x", "'x' is neither an address nor a prefix"},
	    {PAUSE_NAME, "a..example", NULL, "'a..example' is not a domain name"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct err err = {.code = ERR_NONE};
		struct pause pause = {.scope = rows[i].scope};
		assert_false(pause_fill(&pause, rows[i].target != NULL ? str_from(rows[i].target) : (struct str){NULL, 0},
					rows[i].client != NULL ? str_from(rows[i].client) : (struct str){NULL, 0}, &err));
		assert_memory_equal(err.text, rows[i].sentence, strlen(rows[i].sentence));
		pause_finish(&pause);
	}
}

/* ---- the file ---- */

static void test_written_and_read(void **state)
{
	struct err err = {.code = ERR_NONE};
	struct buf text = {0}, again = {0};
	struct pauses *p = pauses_create();
	(void)state;
	put(p, PAUSE_ALL, NULL, NULL, T0, PAUSES_FOREVER);
	put(p, PAUSE_GROUP, "kids \"x\" \xc3\xa4", NULL, T0, T0 + 60);
	put(p, PAUSE_LIST, "ads", NULL, T0, T0 + 60);
	put(p, PAUSE_CLIENT, "2001:db8::/32", NULL, T0, T0 + 60);
	put(p, PAUSE_NAME, "a.example", "192.0.2.7", T0, T0 + 60);
	p->all[1].reason = base_strdup("film\nnight");
	p->all[1].reference = base_strdup("T-1");
	pauses_write(p, &text);
	struct pauses *read = pauses_read(buf_str(&text), &err);
	assert_non_null(read);
	assert_int_equal(read->count, p->count);
	for (size_t i = 0; i < p->count; i++) {
		assert_true(pause_is_same(&p->all[i], &read->all[i]));
		assert_int_equal(p->all[i].since_s, read->all[i].since_s);
		assert_int_equal(p->all[i].until_s, read->all[i].until_s);
		assert_string_equal(read->all[i].by, "root");
	}
	assert_string_equal(read->all[1].reason, "film\nnight");
	assert_string_equal(read->all[1].reference, "T-1");
	assert_true(read->has_clients && read->has_names);
	pauses_write(read, &again);
	assert_int_equal(again.len, text.len);
	assert_memory_equal(again.ptr, text.ptr, text.len);
	/* cut anywhere, it is none */
	for (size_t len = 0; len < text.len - 2; len++)
		assert_null(pauses_read((struct str){text.ptr, len}, &err));
	pauses_destroy(p);
	pauses_destroy(read);
	buf_finish(&text);
	buf_finish(&again);
}

static void test_damaged(void **state)
{
	static const char *const rows[] = {
	    "",
	    "null",
	    "[]",
	    "{}",
	    "{\"version\":2,\"pauses\":[]}",
	    "{\"version\":1,\"pauses\":{}}",
	    "{\"version\":1,\"version\":1,\"pauses\":[]}",
	    "{\"version\":1,\"pauses\":[1]}",
	    "{\"version\":1,\"pauses\":[{\"scope\":\"all\",\"until\":null}]}",
	    "{\"version\":1,\"pauses\":[{\"scope\":\"all\",\"since\":1}]}",
	    "{\"version\":1,\"pauses\":[{\"scope\":\"none\",\"since\":1,\"until\":2}]}",
	    "{\"version\":1,\"pauses\":[{\"scope\":\"name\",\"since\":1,\"until\":2}]}",
	    "{\"version\":1,\"pauses\":[{\"scope\":\"client\",\"target\":\"x\",\"since\":1,\"until\":2}]}",
	    "{\"version\":1,\"pauses\":[{\"scope\":\"all\",\"since\":-9223372036854775808,\"until\":2}]}",
	    "{\"version\":1,\"pauses\":[{\"scope\":\"all\",\"since\":1,\"until\":9223372036854775807}]}",
	    "{\"version\":1,\"pauses\":[{\"scope\":\"all\",\"since\":1,\"until\":null},{\"scope\":\"all\"}]}",
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct err err = {.code = ERR_NONE};
		assert_null(pauses_read(str_from(rows[i]), &err));
		assert_int_not_equal(err.code, ERR_NONE);
		assert_true(err.text[0] != '\0');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_no_pause),	     cmocka_unit_test(test_all),     cmocka_unit_test(test_groups_and_lists),
	    cmocka_unit_test(test_relief),	     cmocka_unit_test(test_room),    cmocka_unit_test(test_fill_faults),
	    cmocka_unit_test(test_written_and_read), cmocka_unit_test(test_damaged),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
