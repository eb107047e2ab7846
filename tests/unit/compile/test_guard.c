/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Which entries touch what is to be kept: all combinations of a small tree of names, against a slower eye. */
#include "compile/guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "settings/load.h"

static struct name named(const char *text)
{
	struct name name;
	assert_true(name_from_text(str_from(text), &name, NULL));
	return name;
}

static bool below(const char *name, const char *parent)
{
	size_t len = strlen(name), tail = strlen(parent);
	return len > tail && strcmp(name + len - tail, parent) == 0 && name[len - tail - 1] == '.';
}

/* Would an entry block this very name? */
static bool blocks(const char *entry, enum match match, const char *name)
{
	const bool same = strcmp(entry, name) == 0;
	return match == MATCH_EXACT ? same : match == MATCH_SUBTREE ? same || below(name, entry) : below(name, entry);
}

static void protected_names(void **state)
{
	(void)state;
	static const char *const all[] = {"b.test",	   "a.b.test",	 "x.a.b.test",	 "y.x.a.b.test",
					  "c.b.test",	   "xa.b.test",	 "list.test",	 "l.list.test",
					  "z.l.list.test", "other.test", "m.other.test", "192-0-2-1.test"};
	static const enum match matches[] = {MATCH_EXACT, MATCH_SUBTREE, MATCH_SUBDOMAINS};
	struct err_list errors = {0};
	struct settings *s = settings_parse(STR_LIT("block: {protect: [A.b.TEST.]}\n"
						    "lists:\n"
						    "  - {name: l, url: 'https://l.list.test:8443/x?y#z'}\n"
						    "  - {name: v4, url: 'http://192.0.2.1/x'}\n"
						    "  - {name: v6, url: 'http://[2001:db8::1]:80/x'}\n"),
					    "/s.yaml", &errors);
	assert_non_null(s);
	struct guard *guard = guard_create(s);
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		for (size_t m = 0; m < ARRAY_LEN(matches); m++) {
			struct guard_finding f = {.kind = GUARD_NOTHING};
			const struct name name = named(all[i]);
			/* any of these three is enough to see the whole of what is below a.b.test */
			const bool kept = blocks(all[i], matches[m], "a.b.test") || blocks(all[i], matches[m], "x.a.b.test") ||
					  below(all[i], "a.b.test");
			const bool host = blocks(all[i], matches[m], "l.list.test");
			assert_int_equal(guard_kept(guard, name.wire, name.len, matches[m], &f), kept || host);
			assert_int_equal(f.kind, kept ? GUARD_PROTECTED : host ? GUARD_LIST_HOST : GUARD_NOTHING);
			if (host)
				assert_string_equal(f.list, "l");
		}
	}
	struct guard_finding f;
	size_t at = 0, count = 0;
	while (guard_next(guard, &at, &f))
		count++;
	assert_int_equal(count, 2); /* addresses are no names */
	guard_destroy(guard);
	settings_destroy(s);
}

static void nothing_to_keep(void **state)
{
	(void)state;
	struct err_list errors = {0};
	struct settings *s = settings_parse(STR_LIT(""), "/s.yaml", &errors);
	assert_non_null(s);
	struct guard *guard = guard_create(s);
	const struct name root = named("."), name = named("a.test");
	struct guard_finding f;
	size_t at = 0;
	assert_false(guard_kept(guard, root.wire, root.len, MATCH_SUBTREE, &f));
	assert_false(guard_kept(guard, name.wire, name.len, MATCH_SUBTREE, &f));
	assert_false(guard_next(guard, &at, &f));
	guard_destroy(guard);
	settings_destroy(s);
}

/* Of a name that is both, block.protect's word is the stronger. */
static void both(void **state)
{
	(void)state;
	struct err_list errors = {0};
	struct settings *s = settings_parse(
	    STR_LIT("block: {protect: [l.test, l.test]}\nlists: [{name: l, url: 'http://l.test/'}]\n"), "/s.yaml", &errors);
	assert_non_null(s);
	struct guard *guard = guard_create(s);
	const struct name name = named("x.l.test"), top = named("test"), root = named(".");
	struct guard_finding f;
	assert_true(guard_kept(guard, name.wire, name.len, MATCH_EXACT, &f));
	assert_int_equal(f.kind, GUARD_PROTECTED);
	assert_true(guard_kept(guard, top.wire, top.len, MATCH_SUBDOMAINS, &f));
	assert_true(guard_kept(guard, root.wire, root.len, MATCH_SUBTREE, &f));
	assert_false(guard_kept(guard, top.wire, top.len, MATCH_EXACT, &f));
	guard_destroy(guard);
	settings_destroy(s);
}

static void too_broad(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		enum guard_kind subtree, exact;
	} rows[] = {{".", GUARD_ROOT, GUARD_NOTHING},
		    {"com", GUARD_TOP, GUARD_TOP},
		    {"no-such-tld", GUARD_TOP, GUARD_TOP},
		    {"co.uk", GUARD_SUFFIX, GUARD_SUFFIX},
		    {"github.io", GUARD_SUFFIX, GUARD_NOTHING}, /* somebody's own, and often meant */
		    {"example.co.uk", GUARD_NOTHING, GUARD_NOTHING},
		    {"a.b.c.d.e.f.g.example", GUARD_NOTHING, GUARD_NOTHING}};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct name name = named(rows[i].name);
		char text[GUARD_TEXT_MAX];
		struct guard_finding f = {.kind = guard_broad(&name, MATCH_SUBTREE)};
		assert_int_equal(f.kind, rows[i].subtree);
		assert_int_equal(guard_broad(&name, MATCH_EXACT), rows[i].exact);
		assert_int_equal(guard_text(&f, rows[i].name, MATCH_SUBTREE, text)[0] == '\0', f.kind == GUARD_NOTHING);
	}
}

static void host_of_a_url(void **state)
{
	static const struct {
		const char *url, *host; /* NULL: none that is a name */
	} cases[] = {
	    {"https://lists.example/a.txt", "lists.example"},
	    {"http://lists.example:8080/a.txt", "lists.example"},
	    {"https://LISTS.example", "lists.example"},
	    {"https://lists.example?x=1", "lists.example"},
	    {"https://user:secret@lists.example/a@b", "lists.example"},
	    {"https://us@er:secret@lists.example:443/", "lists.example"},
	    {"https://192.0.2.1/a.txt", NULL},
	    {"https://[2001:db8::1]/a.txt", NULL},
	    {"https://user@192.0.2.1:80/", NULL},
	    {"https:///a.txt", NULL},
	    {"https://./", NULL},
	    {"lists.example/a.txt", NULL},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct name host;
		bool found = guard_url_host(cases[i].url, &host);
		if (found != (cases[i].host != NULL))
			fail_msg("%s", cases[i].url);
		if (found) {
			const struct name wanted = named(cases[i].host);
			assert_true(name_eq(&host, &wanted));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(host_of_a_url), cmocka_unit_test(protected_names),
					   cmocka_unit_test(nothing_to_keep), cmocka_unit_test(both), cmocka_unit_test(too_broad)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
