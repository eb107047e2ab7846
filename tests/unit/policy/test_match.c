/* SPDX-License-Identifier: BSD-2-Clause */
#include "fixture.h"

#include <string.h>

static struct fixture f;

static int set_up(void **state)
{
	(void)state;
	fixture_init(&f);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	fixture_finish(&f);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static size_t block_list(const char *name)
{
	return fixture_list(&f, name, ACTION_BLOCK, false, MODE_ENFORCE);
}

static size_t allow_list(const char *name)
{
	return fixture_list(&f, name, ACTION_ALLOW, false, MODE_ENFORCE);
}

static void nothing_decides_in_an_empty_policy(void **state)
{
	(void)state;
	fixture_open(&f);
	assert_string_equal(decision(&f, "."), "-");
	assert_string_equal(decision(&f, "t.me"), "-");
	struct policy_info info;
	policy_info(f.policy, NOW_S, &info);
	assert_int_equal(info.entry_count, 0);
	assert_int_equal(info.list_count, 0);
	assert_int_equal(info.bytes, f.image.len);
}

static void each_match_takes_its_own_names(void **state)
{
	(void)state;
	size_t l = block_list("l");
	fixture_entry(&f, l, "exact.example", MATCH_EXACT);
	fixture_entry(&f, l, "subtree.example", MATCH_SUBTREE);
	fixture_entry(&f, l, "below.example", MATCH_SUBDOMAINS);
	fixture_entry(&f, l, "^ads?[0-9]*\\.", MATCH_REGEX);
	fixture_open(&f);
	assert_string_equal(decision(&f, "exact.example"), "block l.yaml:1");
	assert_string_equal(decision(&f, "EXACT.example."), "block l.yaml:1");
	assert_string_equal(decision(&f, "a.exact.example"), "-");
	assert_string_equal(decision(&f, "inexact.example"), "-");
	assert_string_equal(decision(&f, "subtree.example"), "block l.yaml:2");
	assert_string_equal(decision(&f, "a.b.c.subtree.example"), "block l.yaml:2");
	assert_string_equal(decision(&f, "xsubtree.example"), "-");
	assert_string_equal(decision(&f, "below.example"), "-");
	assert_string_equal(decision(&f, "a.below.example"), "block l.yaml:3");
	assert_string_equal(decision(&f, "example"), "-");
	assert_string_equal(decision(&f, "ad.net"), "block l.yaml:4");
	assert_string_equal(decision(&f, "ads17.net"), "block l.yaml:4");
	assert_string_equal(decision(&f, "ads"), "-"); /* no dot: without its final one */
	assert_string_equal(decision(&f, "x.ads.net"), "-");
}

static void the_eleven_names_and_their_neighbours(void **state)
{
	(void)state;
	static const char *const names[] = {"t.me",
					    "telegram.me",
					    "telegram.org",
					    "core.telegram.org",
					    "desktop.telegram.org",
					    "macos.telegram.org",
					    "web.telegram.org",
					    "venus.web.telegram.org",
					    "pluto.web.telegram.org",
					    "flora.web.telegram.org",
					    "flora-1.web.telegram.org"};
	size_t l = block_list("telegram");
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		fixture_entry(&f, l, names[i], MATCH_SUBTREE);
	fixture_open(&f);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct verdict v = verdict_of(&f, names[i]);
		struct policy_entry e;
		assert_int_equal(v.kind, VERDICT_BLOCKED);
		policy_entry(f.policy, v.entry, &e);
		assert_int_equal(e.line, i + 1); /* its own, the most specific */
	}
	assert_string_equal(decision(&f, "x.y.web.telegram.org"), "block telegram.yaml:7");
	assert_string_equal(decision(&f, "api.telegram.org"), "block telegram.yaml:3");
	const char *const neighbours[] = {"tt.me", "me",	   "xt.me",	      "xtelegram.org", "telegram.org.example",
					  "org",   "telegram.com", "web-telegram.org"};
	for (size_t i = 0; i < ARRAY_LEN(neighbours); i++)
		assert_string_equal(decision(&f, neighbours[i]), "-");
}

static void matching_is_on_wire_labels(void **state)
{
	(void)state;
	size_t l = block_list("l");
	fixture_entry(&f, l, "t.me", MATCH_SUBTREE);
	fixture_entry(&f, l, "a\\000b.example", MATCH_EXACT);
	fixture_entry(&f, l, "^t\\.me$", MATCH_REGEX);
	fixture_open(&f);
	struct name one_label = name_of_wire("\4t.me", 5), below_one_label = name_of_wire("\1x\4t.me", 7);
	assert_int_equal(verdict_at(&f, &one_label, NOW_S).kind, VERDICT_NONE);
	assert_int_equal(verdict_at(&f, &below_one_label, NOW_S).kind, VERDICT_NONE);
	struct name two = name_of_wire("\1t\2me", 5), dot_before = name_of_wire("\3x.t\2me", 7);
	assert_int_equal(verdict_at(&f, &two, NOW_S).kind, VERDICT_BLOCKED);
	assert_int_equal(verdict_at(&f, &dot_before, NOW_S).kind, VERDICT_NONE);
	struct name nul = name_of_wire("\3a\0b\7example", 12), cut = name_of_wire("\1a\7example", 10),
		    other = name_of_wire("\3a\0c\7example", 12);
	assert_int_equal(verdict_at(&f, &nul, NOW_S).kind, VERDICT_BLOCKED);
	assert_int_equal(verdict_at(&f, &cut, NOW_S).kind, VERDICT_NONE);
	assert_int_equal(verdict_at(&f, &other, NOW_S).kind, VERDICT_NONE);
	/* a label that holds what looks like the rest of a name */
	struct name inside = name_of_wire("\6\1t\2me\0", 7);
	assert_int_equal(verdict_at(&f, &inside, NOW_S).kind, VERDICT_NONE);
}

static void the_root_and_the_longest_name(void **state)
{
	(void)state;
	char wire[NAME_LEN_MAX];
	size_t l = block_list("l"), a = allow_list("a");
	fixture_entry(&f, l, ".", MATCH_SUBTREE);
	fixture_entry(&f, a, ".", MATCH_EXACT);
	fixture_open(&f);
	for (size_t i = 0; i < sizeof(wire) - 1; i++)
		wire[i] = i % 2 == 0 ? 1 : 'x';
	struct name longest = name_of_wire(wire, NAME_LEN_MAX - 1);
	assert_int_equal(longest.labels, NAME_LABELS_MAX);
	assert_int_equal(verdict_at(&f, &longest, NOW_S).kind, VERDICT_BLOCKED);
	assert_string_equal(decision(&f, "."), "allow a.yaml:1");
	assert_string_equal(decision(&f, "com"), "block l.yaml:1");

	struct list_entry *e = fixture_entry(&f, a, "x", MATCH_EXACT);
	e->name = longest.wire;
	e->name_len = longest.len;
	fixture_open(&f);
	assert_int_equal(verdict_at(&f, &longest, NOW_S).kind, VERDICT_ALLOWED);
}

/* Every pair of (action, mandatory) x match x place, both in force: the verdict is what the table in saring-lists(5) says. */
static void precedence_of_every_pair(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		enum match match;
		int specific; /* greater is more */
	} shapes[] = {
	    {"a.b.c", MATCH_EXACT, 9},	  {"a.b.c", MATCH_SUBTREE, 8}, {"b.c", MATCH_SUBTREE, 7},
	    {"b.c", MATCH_SUBDOMAINS, 6}, {"c", MATCH_SUBTREE, 5},     {"c", MATCH_SUBDOMAINS, 4},
	    {".", MATCH_SUBTREE, 3},	  {".", MATCH_SUBDOMAINS, 2},  {"^a\\.b", MATCH_REGEX, 1},
	};
	for (unsigned left = 0; left < 4; left++) {
		for (unsigned right = 0; right < 4; right++) {
			for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
				for (size_t j = 0; j < ARRAY_LEN(shapes); j++) {
					fixture_finish(&f);
					fixture_init(&f);
					/* 0 mandatory allow, 1 mandatory block, 2 allow, 3 block */
					size_t l = fixture_list(&f, "l", left % 2 == 0 ? ACTION_ALLOW : ACTION_BLOCK, left < 2,
								MODE_ENFORCE);
					size_t r = fixture_list(&f, "r", right % 2 == 0 ? ACTION_ALLOW : ACTION_BLOCK, right < 2,
								MODE_ENFORCE);
					fixture_entry(&f, l, shapes[i].text, shapes[i].match);
					fixture_entry(&f, r, shapes[j].text, shapes[j].match);
					fixture_open(&f);
					bool left_wins = left != right ? left < right : shapes[i].specific >= shapes[j].specific;
					struct verdict v = verdict_of(&f, "a.b.c");
					assert_int_equal(v.list, left_wins ? 0 : 1);
					assert_int_equal(v.kind,
							 (left_wins ? left : right) % 2 == 0 ? VERDICT_ALLOWED : VERDICT_BLOCKED);
					assert_int_equal(v.mandatory, (left_wins ? left : right) < 2);
					assert_false(v.shadowed);
				}
			}
		}
	}
}

static void equals_go_by_list_then_line(void **state)
{
	(void)state;
	size_t a = block_list("a"), b = block_list("b");
	fixture_entry(&f, b, "x.example", MATCH_SUBTREE);
	fixture_entry(&f, a, "other.example", MATCH_SUBTREE);
	fixture_entry(&f, a, "x.example", MATCH_SUBTREE);
	fixture_entry(&f, a, "x.example", MATCH_SUBTREE);
	fixture_entry(&f, a, "^y", MATCH_REGEX);
	fixture_entry(&f, b, "y", MATCH_REGEX);
	fixture_open(&f);
	assert_string_equal(decision(&f, "x.example"), "block a.yaml:2");
	assert_string_equal(decision(&f, "y.example"), "block a.yaml:4");
	assert_string_equal(decision(&f, "zy.example"), "block b.yaml:2");
}

static void expiry_and_lift_to_the_second(void **state)
{
	(void)state;
	size_t l = block_list("l");
	fixture_expires(&f, fixture_entry(&f, l, "expires.example", MATCH_SUBTREE), NOW_S + 100);
	fixture_lifted(&f, fixture_entry(&f, l, "lifted.example", MATCH_SUBTREE), NOW_S);
	fixture_lifted(&f, fixture_entry(&f, l, "later.example", MATCH_SUBTREE), NOW_S + 50);
	struct list_entry *both = fixture_entry(&f, l, "both.example", MATCH_SUBTREE);
	fixture_lifted(&f, both, NOW_S + 20);
	fixture_expires(&f, both, NOW_S + 10);
	fixture_entry(&f, l, "always.example", MATCH_SUBTREE);
	fixture_open(&f);

	struct name expires = name_of("x.expires.example"), lifted = name_of("lifted.example"), later = name_of("later.example");
	assert_int_equal(verdict_at(&f, &expires, NOW_S + 99).kind, VERDICT_BLOCKED);
	assert_int_equal(verdict_at(&f, &expires, NOW_S + 100).kind, VERDICT_NONE);
	assert_int_equal(verdict_at(&f, &lifted, NOW_S - 1).kind, VERDICT_BLOCKED);
	assert_int_equal(verdict_at(&f, &lifted, NOW_S).kind, VERDICT_NONE);
	assert_int_equal(verdict_at(&f, &later, NOW_S + 49).kind, VERDICT_BLOCKED);
	assert_int_equal(verdict_at(&f, &later, NOW_S + 50).kind, VERDICT_NONE);
	assert_int_equal(answer_of(&f, "expires.example", NOW_S).ttl_s, 10);
	assert_int_equal(answer_of(&f, "expires.example", NOW_S + 89).ttl_s, 10);
	assert_int_equal(answer_of(&f, "expires.example", NOW_S + 90).ttl_s, 10);
	assert_int_equal(answer_of(&f, "expires.example", NOW_S + 93).ttl_s, 7);
	assert_int_equal(answer_of(&f, "expires.example", NOW_S + 99).ttl_s, 1);
	assert_int_equal(answer_of(&f, "both.example", NOW_S + 4).ttl_s, 6);
	assert_int_equal(answer_of(&f, "always.example", NOW_S).ttl_s, 10);

	struct policy_info info;
	struct policy_list list;
	const struct {
		int64_t at_s;
		size_t in_force;
	} steps[] = {{NOW_S - 1, 5},  {NOW_S, 4},	{NOW_S + 9, 4},	   {NOW_S + 10, 3},
		     {NOW_S + 50, 2}, {NOW_S + 100, 1}, {INT64_MAX - 1, 1}};
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		policy_info(f.policy, steps[i].at_s, &info);
		policy_list(f.policy, 0, steps[i].at_s, &list);
		assert_int_equal(info.entry_count, 5);
		assert_int_equal(info.in_force_count, steps[i].in_force);
		assert_int_equal(list.in_force_count, steps[i].in_force);
	}
	/* an answer for a verdict that was taken a moment before the end */
	struct verdict v = verdict_at(&f, &expires, NOW_S + 99);
	struct policy_answer a;
	policy_answer(f.policy, &v, &expires, NOW_S + 100, &a);
	assert_int_equal(a.ttl_s, 1);
}

static void a_ttl_of_nought_stays(void **state)
{
	(void)state;
	f.settings.block_ttl_s = 0;
	fixture_expires(&f, fixture_entry(&f, block_list("l"), "x.example", MATCH_SUBTREE), NOW_S + 3);
	fixture_open(&f);
	assert_int_equal(answer_of(&f, "x.example", NOW_S).ttl_s, 0);
}

static void a_list_may_be_lifted_or_expire_whole(void **state)
{
	(void)state;
	size_t l = block_list("l"), g = block_list("g");
	fixture_entry(&f, l, "x.example", MATCH_SUBTREE);
	fixture_lifted(&f, fixture_entry(&f, l, "y.example", MATCH_SUBTREE), NOW_S + 1000000); /* long after the list */
	f.lists[l].provenance = (struct provenance){.lifted = "2023-11-15", .lifted_s = NOW_S + 10};
	fixture_entry(&f, g, "z.example", MATCH_SUBTREE);
	f.settings_lists[g].provenance = (struct provenance){.expires = "2023-11-15", .expires_s = NOW_S + 20};
	fixture_open(&f);
	struct name x = name_of("x.example"), y = name_of("y.example"), z = name_of("z.example");
	assert_int_equal(verdict_at(&f, &x, NOW_S + 9).kind, VERDICT_BLOCKED);
	assert_int_equal(verdict_at(&f, &x, NOW_S + 10).kind, VERDICT_NONE);
	assert_int_equal(verdict_at(&f, &y, NOW_S + 9).kind, VERDICT_BLOCKED);
	assert_int_equal(verdict_at(&f, &y, NOW_S + 10).kind, VERDICT_NONE);
	assert_int_equal(verdict_at(&f, &z, NOW_S + 19).kind, VERDICT_BLOCKED);
	assert_int_equal(verdict_at(&f, &z, NOW_S + 20).kind, VERDICT_NONE);
}

static void an_expired_entry_uncovers_the_next(void **state)
{
	(void)state;
	size_t a = allow_list("a"), b = block_list("b");
	fixture_expires(&f, fixture_entry(&f, a, "x.example", MATCH_EXACT), NOW_S + 5);
	fixture_entry(&f, b, "example", MATCH_SUBTREE);
	fixture_expires(&f, fixture_entry(&f, b, "x.example", MATCH_SUBTREE), NOW_S);
	fixture_open(&f);
	assert_string_equal(decision(&f, "x.example"), "allow a.yaml:1");
	f.now_s = NOW_S + 5;
	assert_string_equal(decision(&f, "x.example"), "block b.yaml:1");
}

static void shadow_is_said_and_never_decides(void **state)
{
	(void)state;
	size_t s = fixture_list(&f, "s", ACTION_BLOCK, false, MODE_SHADOW), b = block_list("b"), a = allow_list("a");
	size_t m = fixture_list(&f, "m", ACTION_BLOCK, true, MODE_SHADOW),
	       w = fixture_list(&f, "w", ACTION_ALLOW, true, MODE_SHADOW);
	fixture_entry(&f, s, "only.example", MATCH_SUBTREE);
	fixture_entry(&f, s, "deep.both.example", MATCH_EXACT);
	fixture_entry(&f, b, "both.example", MATCH_SUBTREE);
	fixture_entry(&f, s, "allowed.example", MATCH_SUBTREE);
	fixture_entry(&f, a, "allowed.example", MATCH_SUBTREE);
	fixture_entry(&f, m, "strong.example", MATCH_SUBTREE);
	fixture_entry(&f, a, "strong.example", MATCH_SUBTREE);
	fixture_entry(&f, w, "w.example", MATCH_SUBTREE);
	fixture_entry(&f, b, "w.example", MATCH_SUBTREE);
	fixture_expires(&f, fixture_entry(&f, s, "gone.example", MATCH_SUBTREE), NOW_S);
	fixture_entry(&f, s, "^shadowy\\.", MATCH_REGEX);
	fixture_open(&f);
	assert_string_equal(decision(&f, "only.example"), "- +shadow");
	assert_int_equal(verdict_of(&f, "only.example").shadow_list, 0);
	assert_string_equal(decision(&f, "deep.both.example"),
			    "block b.yaml:1 +shadow"); /* the shadow entry is the more specific */
	assert_string_equal(decision(&f, "x.both.example"), "block b.yaml:1");
	assert_string_equal(decision(&f, "allowed.example"), "allow a.yaml:1"); /* an allow outranks it, shadow or not */
	assert_string_equal(decision(&f, "strong.example"), "allow a.yaml:2 +shadow");
	assert_int_equal(verdict_of(&f, "strong.example").shadow_list, 3);
	assert_string_equal(decision(&f, "w.example"), "block b.yaml:2"); /* a shadow allow: nothing would be blocked by it */
	assert_string_equal(decision(&f, "gone.example"), "-");
	assert_string_equal(decision(&f, "shadowy.net"), "- +shadow");
	struct policy_list list;
	policy_list(f.policy, 0, NOW_S, &list);
	assert_int_equal(list.entry_count, 5);
	assert_int_equal(list.in_force_count, 0);
	assert_int_equal(list.mode, MODE_SHADOW);
}

static void off_lists_are_not_in_the_image(void **state)
{
	(void)state;
	size_t off = fixture_list(&f, "off", ACTION_BLOCK, true, MODE_OFF), on = block_list("on");
	fixture_entry(&f, off, "x.example", MATCH_SUBTREE);
	fixture_entry(&f, on, "y.example", MATCH_SUBTREE);
	f.lists[on].title = "Some title";
	fixture_open(&f);
	assert_string_equal(decision(&f, "x.example"), "-");
	struct verdict v = verdict_of(&f, "y.example");
	struct policy_list list;
	struct policy_info info;
	policy_list(f.policy, v.list, NOW_S, &list);
	policy_info(f.policy, NOW_S, &info);
	assert_int_equal(info.list_count, 1);
	assert_true(str_eq_c(list.name, "on"));
	assert_true(str_eq_c(list.file, "on.yaml"));
	assert_true(str_eq_c(list.title, "Some title"));
	assert_int_equal(list.changed_at_s, f.changed_at_s[on]);
	f.list_pointers[off] = &f.lists[off]; /* given all the same: left out */
	fixture_open(&f);
	assert_string_equal(decision(&f, "x.example"), "-");
}

static void defaults_of_action_and_match(void **state)
{
	(void)state;
	size_t l = block_list("l"), m = block_list("m");
	f.settings_lists[l].has_action = false;
	f.lists[l].has_action = true;
	f.lists[l].action = ACTION_ALLOW; /* the file's own word counts where saring.yaml has none */
	fixture_entry(&f, l, "allowed.example", MATCH_SUBTREE)->has_match = false;
	f.lists[m].has_action = true;
	f.lists[m].action = ACTION_ALLOW; /* saring.yaml says block */
	f.settings_lists[m].has_match = true;
	f.settings_lists[m].match = MATCH_EXACT;
	fixture_entry(&f, m, "blocked.example", MATCH_SUBTREE)->has_match = false;
	fixture_entry(&f, m, "said.example", MATCH_SUBTREE);
	fixture_open(&f);
	assert_string_equal(decision(&f, "x.allowed.example"), "allow l.yaml:1");
	assert_string_equal(decision(&f, "blocked.example"), "block m.yaml:1");
	assert_string_equal(decision(&f, "x.blocked.example"), "-");
	assert_string_equal(decision(&f, "x.said.example"), "block m.yaml:2");
}

static void expressions_are_bounded(void **state)
{
	(void)state;
	size_t l = block_list("l");
	fixture_entry(&f, l, "^(a+)+$", MATCH_REGEX);
	fixture_entry(&f, l, "^(([a-z])+\\.?)+[0-9]$", MATCH_REGEX);
	fixture_entry(&f, l, "(?:(?:a?){30}){30}c$", MATCH_REGEX);
	fixture_entry(&f, l, "^(?R)?a", MATCH_REGEX);
	fixture_entry(&f, l, "\\.b$", MATCH_REGEX);
	fixture_entry(&f, l, "^((a|b|\\.)*)*x$", MATCH_REGEX);
	fixture_open(&f);
	/* the first four meet their bounds, or do not match; the fifth still does its work */
	assert_string_equal(
	    decision(&f, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz.b"),
	    "block l.yaml:5");
	assert_string_equal(decision(&f, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaa-.zz"), "-");
	assert_string_equal(decision(&f, "aaaa"), "block l.yaml:1");
	struct pattern *p = NULL;
	struct err err;
	/* it would match in the end, after a million steps */
	assert_true(pattern_compile(STR_LIT("^(?:a+)+$|z"), &p, NULL, &err));
	assert_false(pattern_match(p, f.scratch, STR_LIT("aaaaaaaaaaaaaaaaaaaaaa.z")));
	assert_true(pattern_match(p, f.scratch, STR_LIT("aaa.z")));
	pattern_destroy(p);
	char long_subject[1000];
	memset(long_subject, 'a', sizeof(long_subject));
	assert_true(pattern_compile(STR_LIT("^(?:(a)|(b)|(c)|(d)|(e)|(f)|(g))*x"), &p, NULL, &err));
	for (int i = 0; i < 100; i++) /* deep backtracking, again and again in the same memory */
		assert_false(pattern_match(p, f.scratch, (struct str){long_subject, sizeof(long_subject)}));
	assert_true(pattern_match(p, f.scratch, STR_LIT("abcdefgx")));
	pattern_destroy(p);
}

static void expressions_see_the_name_as_text(void **state)
{
	(void)state;
	size_t l = block_list("l");
	fixture_entry(&f, l, "^$", MATCH_REGEX);
	fixture_entry(&f, l, "^x\\.example$", MATCH_REGEX);
	fixture_entry(&f, l, "\\\\001", MATCH_REGEX); /* an octet that is no letter, as it is written */
	fixture_open(&f);
	assert_string_equal(decision(&f, "."), "block l.yaml:1");
	assert_string_equal(decision(&f, "x.example."), "block l.yaml:2");
	struct name odd = name_of_wire("\1\1\2me", 5);
	assert_int_equal(verdict_at(&f, &odd, NOW_S).kind, VERDICT_BLOCKED);
}

static void nodata_where_an_allow_lies_below(void **state)
{
	(void)state;
	size_t b = block_list("b"), a = allow_list("a"), s = fixture_list(&f, "s", ACTION_ALLOW, false, MODE_SHADOW);
	fixture_entry(&f, b, "example", MATCH_SUBTREE);
	fixture_entry(&f, a, "good.site.example", MATCH_SUBTREE);
	fixture_entry(&f, a, "self.example", MATCH_SUBDOMAINS);
	fixture_expires(&f, fixture_entry(&f, a, "x.until.example", MATCH_EXACT), NOW_S + 7);
	fixture_lifted(&f, fixture_entry(&f, a, "x.lifted.example", MATCH_EXACT), NOW_S);
	fixture_entry(&f, s, "x.shadow.example", MATCH_EXACT);
	fixture_entry(&f, a, "exact.example", MATCH_EXACT);
	fixture_open(&f);
	assert_int_equal(answer_of(&f, "example", NOW_S).answer, ANSWER_NODATA);
	assert_int_equal(answer_of(&f, "site.example", NOW_S).answer, ANSWER_NODATA);
	assert_int_equal(answer_of(&f, "other.example", NOW_S).answer, ANSWER_NXDOMAIN);
	assert_int_equal(answer_of(&f, "x.site.example", NOW_S).answer, ANSWER_NXDOMAIN);
	assert_int_equal(answer_of(&f, "self.example", NOW_S).answer, ANSWER_NODATA); /* all below is allowed */
	assert_string_equal(decision(&f, "x.self.example"), "allow a.yaml:2");
	assert_int_equal(answer_of(&f, "until.example", NOW_S + 6).answer, ANSWER_NODATA);
	assert_int_equal(answer_of(&f, "until.example", NOW_S + 7).answer, ANSWER_NXDOMAIN);
	assert_int_equal(answer_of(&f, "lifted.example", NOW_S).answer, ANSWER_NXDOMAIN);
	assert_int_equal(answer_of(&f, "lifted.example", NOW_S - 1).answer, ANSWER_NODATA);
	assert_int_equal(answer_of(&f, "shadow.example", NOW_S).answer, ANSWER_NXDOMAIN);
	assert_int_equal(answer_of(&f, "x.exact.example", NOW_S).answer, ANSWER_NXDOMAIN); /* the allow is above, not below */
}

static void nodata_only_for_an_allow_that_wins(void **state)
{
	(void)state;
	size_t b = block_list("b"), m = fixture_list(&f, "m", ACTION_BLOCK, true, MODE_ENFORCE), a = allow_list("a");
	size_t w = fixture_list(&f, "w", ACTION_ALLOW, true, MODE_ENFORCE);
	fixture_entry(&f, m, "hard.example", MATCH_SUBTREE);
	fixture_entry(&f, a, "x.hard.example", MATCH_SUBTREE);
	fixture_entry(&f, w, "y.way.hard.example", MATCH_SUBTREE);
	fixture_entry(&f, m, "one.example", MATCH_EXACT); /* mandatory, but holds for one name only */
	fixture_entry(&f, a, "x.one.example", MATCH_EXACT);
	fixture_entry(&f, m, "tree.example", MATCH_EXACT);
	fixture_entry(&f, a, "tree.example", MATCH_SUBTREE);
	fixture_entry(&f, b, "soft.example", MATCH_SUBTREE);
	fixture_entry(&f, m, "x.soft.example", MATCH_SUBTREE);
	fixture_entry(&f, a, "x.soft.example", MATCH_EXACT); /* the mandatory block there outranks it */
	fixture_entry(&f, b, "under.example", MATCH_SUBTREE);
	fixture_entry(&f, m, "under.example", MATCH_SUBDOMAINS);
	fixture_entry(&f, a, "x.under.example", MATCH_EXACT); /* likewise */
	fixture_expires(&f, fixture_entry(&f, m, "brief.example", MATCH_SUBTREE), NOW_S + 5);
	fixture_entry(&f, a, "x.brief.example", MATCH_EXACT); /* wins later, but not while what blocks brief.example is in force */
	fixture_entry(&f, b, "late.example", MATCH_SUBTREE);
	fixture_expires(&f, fixture_entry(&f, m, "x.late.example", MATCH_SUBTREE), NOW_S + 5);
	fixture_entry(&f, a, "x.late.example", MATCH_EXACT); /* wins once the mandatory block has expired */
	fixture_open(&f);
	assert_int_equal(answer_of(&f, "x.hard.example", NOW_S).answer, ANSWER_NXDOMAIN);
	assert_int_equal(answer_of(&f, "hard.example", NOW_S).answer, ANSWER_NODATA);
	assert_int_equal(answer_of(&f, "way.hard.example", NOW_S).answer, ANSWER_NODATA);
	assert_int_equal(answer_of(&f, "other.hard.example", NOW_S).answer, ANSWER_NXDOMAIN);
	assert_string_equal(decision(&f, "x.one.example"), "allow a.yaml:2");
	assert_int_equal(answer_of(&f, "one.example", NOW_S).answer, ANSWER_NODATA);
	assert_string_equal(decision(&f, "x.tree.example"), "allow a.yaml:3");
	assert_int_equal(answer_of(&f, "tree.example", NOW_S).answer, ANSWER_NODATA);
	assert_int_equal(answer_of(&f, "soft.example", NOW_S).answer, ANSWER_NXDOMAIN);
	assert_int_equal(answer_of(&f, "under.example", NOW_S).answer, ANSWER_NXDOMAIN);
	assert_int_equal(answer_of(&f, "brief.example", NOW_S).answer, ANSWER_NXDOMAIN);
	assert_int_equal(answer_of(&f, "late.example", NOW_S + 5).answer, ANSWER_NODATA);
}

static void only_nxdomain_becomes_nodata(void **state)
{
	(void)state;
	static const enum answer answers[] = {ANSWER_NODATA, ANSWER_NULL, ANSWER_REFUSED, ANSWER_DROP, ANSWER_ADDRESS};
	struct addr addresses[3] = {{0}};
	assert_true(addr_from_text(STR_LIT("192.0.2.80"), 0, &addresses[0]));
	assert_true(addr_from_text(STR_LIT("2001:db8::80"), 0, &addresses[1]));
	assert_true(addr_from_text(STR_LIT("192.0.2.81"), 0, &addresses[2]));
	f.settings.addresses = addresses;
	f.settings.address_count = 3;
	size_t b = block_list("b"), a = allow_list("a");
	fixture_entry(&f, b, "example", MATCH_SUBTREE);
	fixture_entry(&f, a, "x.example", MATCH_SUBTREE);
	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		f.settings_lists[b].has_answer = true;
		f.settings_lists[b].answer = answers[i];
		fixture_open(&f);
		assert_int_equal(answer_of(&f, "example", NOW_S).answer, answers[i]);
	}
	struct policy_answer got = answer_of(&f, "example", NOW_S);
	assert_int_equal(got.ipv4_count, 2);
	assert_memory_equal(got.ipv4, "\xc0\0\2\x50\xc0\0\2\x51", 8);
	assert_int_equal(got.ipv6_count, 1);
	assert_memory_equal(got.ipv6, "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x80", 16);
	f.settings_lists[b].has_answer = false;
	f.settings.block_answer = ANSWER_NULL;
	fixture_open(&f);
	assert_int_equal(answer_of(&f, "example", NOW_S).answer, ANSWER_NULL);
}

static void the_answer_carries_code_owner_and_serial(void **state)
{
	(void)state;
	size_t b = block_list("b");
	struct provenance *p = fixture_provenance(&f, fixture_entry(&f, b, "example", MATCH_SUBTREE));
	*p = (struct provenance){.has_code = true, .code = CODE_CENSORED, .authority = "the Office", .reason = "because"};
	fixture_entry(&f, b, "^re", MATCH_REGEX);
	f.settings.organization = "Example ISP";
	f.generation = 4711;
	fixture_open(&f);
	struct policy_answer a = answer_of(&f, "x.y.example", NOW_S);
	assert_int_equal(a.code, CODE_CENSORED);
	assert_int_equal(a.owner_labels, 1);
	assert_int_equal(a.serial, 4711);
	assert_true(str_eq_c(a.extra_text, "Example ISP: blocked by order of the Office: because"));
	a = answer_of(&f, "re.net", NOW_S);
	assert_int_equal(a.code, CODE_BLOCKED);
	assert_int_equal(a.owner_labels, 0);
	/* a CNAME led from elsewhere to the blocked name: its owner is no ancestor of the name asked for */
	struct name target = name_of("x.example"), qname = name_of("www.elsewhere.net");
	struct verdict v = verdict_at(&f, &target, NOW_S);
	policy_answer(f.policy, &v, &qname, NOW_S, &a);
	assert_int_equal(a.owner_labels, 0);
	assert_int_equal(a.answer, ANSWER_NXDOMAIN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(nothing_decides_in_an_empty_policy),
	    TEST(each_match_takes_its_own_names),
	    TEST(the_eleven_names_and_their_neighbours),
	    TEST(matching_is_on_wire_labels),
	    TEST(the_root_and_the_longest_name),
	    TEST(precedence_of_every_pair),
	    TEST(equals_go_by_list_then_line),
	    TEST(expiry_and_lift_to_the_second),
	    TEST(a_ttl_of_nought_stays),
	    TEST(a_list_may_be_lifted_or_expire_whole),
	    TEST(an_expired_entry_uncovers_the_next),
	    TEST(shadow_is_said_and_never_decides),
	    TEST(off_lists_are_not_in_the_image),
	    TEST(defaults_of_action_and_match),
	    TEST(expressions_are_bounded),
	    TEST(expressions_see_the_name_as_text),
	    TEST(nodata_where_an_allow_lies_below),
	    TEST(nodata_only_for_an_allow_that_wins),
	    TEST(only_nxdomain_becomes_nodata),
	    TEST(the_answer_carries_code_owner_and_serial),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
