/* SPDX-License-Identifier: BSD-2-Clause */
#include "fixture.h"

#include <stdio.h>
#include <string.h>

#include "policy/glob.h"
#include "policy/pattern.h"
#include "policy/records.h"

#define TYPE_A 1
#define TYPE_AAAA 28

static struct fixture f;

#define TEST(name) FIXTURE_TEST(name, &f)

static size_t blocks(const char *name, const char *names)
{
	return fixture_names(&f, name, ACTION_BLOCK, false, MODE_ENFORCE, names);
}

static size_t allows(const char *name, const char *names)
{
	return fixture_names(&f, name, ACTION_ALLOW, false, MODE_ENFORCE, names);
}

static size_t foreign(const char *name, enum format format, const char *text, bool may_allow)
{
	return fixture_add(&f, &(struct fixture_list){.name = name, .text = text, .format = format, .may_allow = may_allow});
}

/* "x.example !expires=<NOW_S + s>" */
static const char *with_end(const char *word, const char *key, int64_t after_s)
{
	static char texts[8][96];
	static unsigned next;
	char time[32], *text = texts[next++ % 8];
	str_from_time(NOW_S + after_s, time, sizeof(time));
	(void)snprintf(text, sizeof(texts[0]), "%s !%s=%s ", word, key, time);
	return text;
}

static enum verdict_kind kind_at(const char *text, int64_t after_s)
{
	struct name name = name_of(text);
	return verdict_at(&f, &name, NOW_S + after_s).kind;
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
	assert_int_equal(info.bytes, f.images[IMAGE_LIVE].len);
	assert_false(policy_has_answer_addresses(f.policy));
	assert_string_equal(policy_bulk_file(f.policy), "");
}

static void each_match_takes_its_own_names(void **state)
{
	(void)state;
	blocks("l", "=exact.example subtree.example *.below.example /^ads?[0-9]*\\./");
	fixture_open(&f);
	assert_string_equal(decision(&f, "exact.example"), "block l.yaml:2");
	assert_string_equal(decision(&f, "EXACT.example."), "block l.yaml:2");
	assert_string_equal(decision(&f, "a.exact.example"), "-");
	assert_string_equal(decision(&f, "inexact.example"), "-");
	assert_string_equal(decision(&f, "subtree.example"), "block l.yaml:3");
	assert_string_equal(decision(&f, "a.b.c.subtree.example"), "block l.yaml:3");
	assert_string_equal(decision(&f, "xsubtree.example"), "-");
	assert_string_equal(decision(&f, "below.example"), "-");
	assert_string_equal(decision(&f, "a.below.example"), "block l.yaml:4");
	assert_string_equal(decision(&f, "example"), "-");
	assert_string_equal(decision(&f, "ad.net"), "block l.yaml:5");
	assert_string_equal(decision(&f, "ads17.net"), "block l.yaml:5");
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
	static const char *const neighbours[] = {
	    "tt.me", "me", "xt.me", "xtelegram.org", "telegram.org.example", "org", "telegram.com", "web-telegram.org"};
	char all[512] = "", expected[64];
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		(void)snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s ", names[i]);
	blocks("telegram", all);
	fixture_open(&f);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		(void)snprintf(expected, sizeof(expected), "block telegram.yaml:%zu", i + 2);
		assert_string_equal(decision(&f, names[i]), expected); /* its own, the most specific */
		assert_int_equal(verdict_of(&f, names[i]).labels, name_of(names[i]).labels);
	}
	assert_string_equal(decision(&f, "x.y.web.telegram.org"), "block telegram.yaml:8");
	assert_string_equal(decision(&f, "api.telegram.org"), "block telegram.yaml:4");
	for (size_t i = 0; i < ARRAY_LEN(neighbours); i++)
		assert_string_equal(decision(&f, neighbours[i]), "-");
}

static void matching_is_on_wire_labels(void **state)
{
	(void)state;
	blocks("l", "t.me =a\\000b.example /^t\\.me$/");
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

static void the_root_and_the_deepest_names(void **state)
{
	(void)state;
	char wire[NAME_LEN_MAX], text[512] = "", deep[2 * 64 + 1] = "";
	for (size_t i = 0; i < sizeof(wire) - 1; i++)
		wire[i] = i % 2 == 0 ? 1 : 'x';
	struct name longest = name_of_wire(wire, NAME_LEN_MAX - 1);
	assert_int_equal(longest.labels, NAME_LABELS_MAX);
	for (size_t i = 0; i < NAME_LABELS_MAX; i++)
		strcat(text, i == 0 ? "x" : ".x");
	for (size_t i = 0; i < 64; i++)
		strcat(deep, i == 0 ? "x" : ".x");
	blocks("l", ".");
	size_t a = allows("a", "=.");
	fixture_open(&f);
	assert_int_equal(verdict_at(&f, &longest, NOW_S).kind, VERDICT_BLOCKED);
	assert_int_equal(verdict_at(&f, &longest, NOW_S).labels, 0);
	assert_string_equal(decision(&f, "."), "allow a.yaml:2");
	assert_string_equal(decision(&f, "com"), "block l.yaml:2");
	assert_int_equal(a, 1);

	char word[sizeof(text) + sizeof(deep) + 2];
	(void)snprintf(word, sizeof(word), "=%s %s", text, deep);
	allows("b", word);
	fixture_open(&f);
	assert_int_equal(verdict_at(&f, &longest, NOW_S).labels, NAME_LABELS_MAX);
	assert_int_equal(verdict_at(&f, &longest, NOW_S).kind, VERDICT_ALLOWED);
	struct name suffix;
	for (unsigned labels = 1; labels < NAME_LABELS_MAX; labels++) {
		assert_true(name_suffix(&longest, labels, &suffix));
		assert_int_equal(verdict_at(&f, &suffix, NOW_S).kind, labels < 64 ? VERDICT_BLOCKED : VERDICT_ALLOWED);
	}
}

/* Every pair of (action, mandatory) x match x place, both in force: the verdict is what the table in saring-lists(5) says. */
static void precedence_of_every_pair(void **state)
{
	(void)state;
	static const struct {
		const char *word;
		int specific; /* greater is more */
	} shapes[] = {{"=a.b.c", 9}, {"a.b.c", 8}, {"b.c", 7}, {"*.b.c", 6}, {"c", 5}, {"*.c", 4}, {".", 3}, {"/^a\\.b/", 1}};
	for (unsigned left = 0; left < 4; left++) {
		for (unsigned right = 0; right < 4; right++) {
			for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
				for (size_t j = 0; j < ARRAY_LEN(shapes); j++) {
					fixture_finish(&f);
					fixture_init(&f);
					/* 0 mandatory allow, 1 mandatory block, 2 allow, 3 block */
					fixture_names(&f, "l", left % 2 == 0 ? ACTION_ALLOW : ACTION_BLOCK, left < 2, MODE_ENFORCE,
						      shapes[i].word);
					fixture_names(&f, "r", right % 2 == 0 ? ACTION_ALLOW : ACTION_BLOCK, right < 2,
						      MODE_ENFORCE, shapes[j].word);
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
	blocks("a", "other.example x.example /^y/");
	foreign("m", FORMAT_ADBLOCK, "||x.example^\n||x.example^$dnstype=A\n/^y/\n||b*.example^\n", false); /* in the bulk tier */
	blocks("b", "x.example /y/ z.example /^b/");
	foreign("n", FORMAT_ADBLOCK, "||z.example^\n", false);
	fixture_open(&f);
	assert_string_equal(decision(&f, "x.example"), "block a.yaml:3");
	assert_string_equal(decision(&f, "y.example"), "block a.yaml:4");
	assert_string_equal(decision(&f, "zy.example"), "block b.yaml:3");
	assert_string_equal(decision(&f, "z.example"), "block b.yaml:4");
	assert_string_equal(decision(&f, "bx.example"), "block m.txt:4");
	assert_string_equal(decision(&f, "bx.net"), "block b.yaml:5");
	assert_int_equal(verdict_of(&f, "bx.example").list, 1);
	assert_true(verdict_of(&f, "bx.example").bulk);
	assert_false(verdict_of(&f, "z.example").bulk);
}

static void imported_rules_keep_their_own_order(void **state)
{
	(void)state;
	foreign("agh", FORMAT_ADBLOCK,
		"||x.example^\n@@||a.x.example^\n||b.a.x.example^$important\n@@||c.b.a.x.example^$important\n@@||all.example^\n",
		true);
	blocks("own", "all.example a.x.example");
	fixture_open(&f);
	assert_string_equal(decision(&f, "x.example"), "block agh.txt:1");
	assert_string_equal(decision(&f, "a.x.example"), "allow agh.txt:2");
	assert_string_equal(decision(&f, "b.a.x.example"), "block agh.txt:3");
	assert_string_equal(decision(&f, "c.b.a.x.example"), "allow agh.txt:4");
	assert_string_equal(decision(&f, "all.example"), "allow agh.txt:5");
	allows("hand", "b.a.x.example");
	fixture_open(&f);
	assert_string_equal(decision(&f, "b.a.x.example"), "allow hand.yaml:2"); /* a list of allow entries, before $important */
}

static void conditions_are_asked(void **state)
{
	(void)state;
	foreign("agh", FORMAT_ADBLOCK,
		"||six.example^$dnstype=AAAA\n||lan.example^$client=192.0.2.0/24\n||but.example^$denyallow=good.but.example\n"
		"||out.example^$client=~192.0.2.0/24\n",
		false);
	fixture_open(&f);
	assert_string_equal(decision_for(&f, "six.example", TYPE_AAAA, NULL), "block agh.txt:1");
	assert_string_equal(decision_for(&f, "six.example", TYPE_A, NULL), "-");
	assert_string_equal(decision_for(&f, "lan.example", TYPE_A, "192.0.2.200"), "block agh.txt:2");
	assert_string_equal(decision_for(&f, "lan.example", TYPE_A, "192.0.3.1"), "-");
	assert_string_equal(decision_for(&f, "lan.example", TYPE_A, NULL), "-");
	assert_string_equal(decision_for(&f, "x.but.example", TYPE_A, NULL), "block agh.txt:3");
	assert_string_equal(decision_for(&f, "x.good.but.example", TYPE_A, NULL), "-");
	assert_string_equal(decision_for(&f, "out.example", TYPE_A, "2001:db8::1"), "block agh.txt:4");
	assert_string_equal(decision_for(&f, "out.example", TYPE_A, "192.0.2.1"), "-");
	assert_string_equal(decision_for(&f, "out.example", TYPE_A, NULL), "-");
}

static void patterns_with_stars(void **state)
{
	(void)state;
	foreign("agh", FORMAT_ADBLOCK, "||log-*.example^\n|a*z.net^\n||*tracker*.org^\n||exact.example^\n", false);
	fixture_open(&f);
	assert_string_equal(decision(&f, "log-1.example"), "block agh.txt:1");
	assert_string_equal(decision(&f, "x.log-1.example"), "block agh.txt:1");
	assert_string_equal(decision(&f, "log.example"), "-");
	assert_string_equal(decision(&f, "example"), "-");
	assert_string_equal(decision(&f, "a.b.z.net"), "block agh.txt:2");
	assert_string_equal(decision(&f, "x.abz.net"), "-");
	assert_string_equal(decision(&f, "my-tracker-2.org"), "block agh.txt:3");
	assert_string_equal(decision(&f, "my-tracke-2.org"), "-");
	assert_int_equal(verdict_of(&f, "log-1.example").labels, 0);
	/* names come before patterns of the same rank */
	blocks("own", "example");
	fixture_open(&f);
	assert_string_equal(decision(&f, "log-1.example"), "block own.yaml:2");
}

static void globs(void **state)
{
	(void)state;
	static const struct {
		const char *pattern, *text;
		bool matches;
	} rows[] = {
	    {"", "", true},	    {"", "a", false},		{"*", "", true},	   {"*", "a.b", true},
	    {"a*", "a", true},	    {"a*", "ba", false},	{"*a", "ba", true},	   {"*a", "bab", false},
	    {"a*b*c", "abc", true}, {"a*b*c", "aXbXbXc", true}, {"a*b*c", "acb", false},   {"**a**", "xax", true},
	    {"a*a", "a", false},    {"*ab*ab*", "abab", true},	{"*ab*ab*", "aba", false},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(glob_match(str_from(rows[i].pattern), str_from(rows[i].text), &(size_t){SIZE_MAX}),
				 rows[i].matches);
	/* a text against which trying everything would never end */
	char text[1000], pattern[201];
	memset(text, 'a', sizeof(text));
	for (size_t i = 0; i + 1 < sizeof(pattern); i++)
		pattern[i] = i % 2 == 0 ? '*' : 'a';
	pattern[sizeof(pattern) - 2] = 'b';
	pattern[sizeof(pattern) - 1] = '\0';
	assert_false(glob_match(str_from(pattern), (struct str){text, sizeof(text)}, &(size_t){SIZE_MAX}));
	/* labels begin after a dot, not after one that is escaped */
	struct subject subject;
	struct name name = name_of_wire("\3x.y\1z", 6);
	subject_make(&name, &subject);
	assert_true(str_eq_c(subject_str(&subject), "x\\.y.z"));
	assert_true(glob_match_above(STR_LIT("z"), &subject, &(size_t){SIZE_MAX}));
	assert_false(glob_match_above(STR_LIT("y.z"), &subject, &(size_t){SIZE_MAX}));
}

static void clients_and_answers(void **state)
{
	(void)state;
	foreign("zone", FORMAT_RPZ,
		"$TTL 60\n@ SOA localhost. root.localhost. 1 60 60 60 60\n  NS localhost.\n"
		"24.0.2.0.192.rpz-client-ip CNAME .\n32.9.2.0.192.rpz-client-ip CNAME rpz-drop.\n48.zz.1.db8.2001.rpz-client-ip "
		"CNAME .\n"
		"8.0.0.0.10.rpz-ip CNAME .\n24.0.2.1.10.rpz-ip CNAME *.\n128.1.zz.db8.2001.rpz-ip CNAME .\n",
		false);
	blocks("own", "x.example");
	fixture_open(&f);
	assert_string_equal(decision_for(&f, "any.name", TYPE_A, "192.0.2.1"), "block zone.txt:4");
	assert_string_equal(decision_for(&f, "any.name", TYPE_A, "192.0.2.9"), "block zone.txt:5");
	assert_string_equal(decision_for(&f, "any.name", TYPE_A, "192.0.3.9"), "-");
	assert_string_equal(decision_for(&f, "any.name", TYPE_A, NULL), "-");
	assert_string_equal(decision_for(&f, "x.example", TYPE_A, "192.0.2.1"), "block zone.txt:4"); /* before any name */
	assert_string_equal(decision_for(&f, "any.name", TYPE_A, "2001:db8:1::7"), "block zone.txt:6");
	assert_true(policy_has_answer_addresses(f.policy));
	static const struct {
		const char *address;
		enum verdict_kind kind;
		enum answer answer;
	} rows[] = {{"10.9.9.9", VERDICT_BLOCKED, ANSWER_NXDOMAIN},
		    {"10.1.2.3", VERDICT_BLOCKED, ANSWER_NODATA},
		    {"11.0.0.1", VERDICT_NONE, 0},
		    {"2001:db8::1", VERDICT_BLOCKED, ANSWER_NXDOMAIN},
		    {"2001:db8::2", VERDICT_NONE, 0}};
	struct name name = name_of("any.name");
	struct policy_question q = {.name = &name, .type = TYPE_A};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct addr address;
		struct verdict v;
		struct policy_answer a;
		assert_true(addr_from_text(str_from(rows[i].address), 0, &address));
		assert_int_equal(policy_match_answer(f.policy, &address, &q, NOW_S, &v), rows[i].kind != VERDICT_NONE);
		assert_int_equal(v.kind, rows[i].kind);
		if (v.kind != VERDICT_BLOCKED)
			continue;
		policy_answer(f.policy, &v, &name, false, NOW_S, &a);
		assert_int_equal(a.answer, rows[i].answer);
		assert_int_equal(a.owner_labels, 0);
	}
}

static void expiry_and_lift_to_the_second(void **state)
{
	(void)state;
	char all[512];
	(void)snprintf(all, sizeof(all), "%s%s%salways.example", with_end("expires.example", "expires", 100),
		       with_end("lifted.example", "lifted", 0), with_end("later.example", "lifted", 50));
	blocks("l", all);
	fixture_open(&f);
	assert_int_equal(kind_at("x.expires.example", 99), VERDICT_BLOCKED);
	assert_int_equal(kind_at("x.expires.example", 100), VERDICT_NONE);
	assert_int_equal(kind_at("lifted.example", -1), VERDICT_BLOCKED);
	assert_int_equal(kind_at("lifted.example", 0), VERDICT_NONE);
	assert_int_equal(kind_at("later.example", 49), VERDICT_BLOCKED);
	assert_int_equal(kind_at("later.example", 50), VERDICT_NONE);
	assert_int_equal(answer_of(&f, "expires.example", NOW_S).ttl_s, 10);
	assert_int_equal(answer_of(&f, "expires.example", NOW_S + 89).ttl_s, 10);
	assert_int_equal(answer_of(&f, "expires.example", NOW_S + 90).ttl_s, 9);
	assert_int_equal(answer_of(&f, "expires.example", NOW_S + 93).ttl_s, 6);
	assert_int_equal(answer_of(&f, "expires.example", NOW_S + 99).ttl_s, 0); /* its last second has begun */
	assert_int_equal(answer_of(&f, "expires.example", NOW_S + 93).left_s, 6);
	assert_int_equal(answer_of(&f, "expires.example", NOW_S).left_s, 99);
	assert_int_equal(answer_of(&f, "always.example", NOW_S + 1000).left_s, UINT32_MAX);
	assert_int_equal(answer_of(&f, "always.example", NOW_S).ttl_s, 10);
	const struct {
		int64_t at_s;
		size_t in_force;
	} steps[] = {{NOW_S - 1, 4}, {NOW_S, 3}, {NOW_S + 50, 2}, {NOW_S + 100, 1}, {INT64_MAX - 1, 1}};
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		struct policy_info info;
		policy_info(f.policy, steps[i].at_s, &info);
		assert_int_equal(info.entry_count, 4);
		assert_int_equal(info.in_force_count, steps[i].in_force);
	}
	/* an answer for a verdict that was taken a moment before the end */
	struct name expires = name_of("expires.example");
	struct verdict v = verdict_at(&f, &expires, NOW_S + 99);
	struct policy_answer a;
	policy_answer(f.policy, &v, &expires, true, NOW_S + 100, &a);
	assert_int_equal(a.ttl_s, 0);
	assert_int_equal(a.left_s, 0);
	assert_true(policy_in_force(f.policy, &v, NOW_S + 99));
	assert_false(policy_in_force(f.policy, &v, NOW_S + 100));
}

static void an_expired_entry_uncovers_the_next(void **state)
{
	(void)state;
	char all[256];
	allows("a", with_end("=x.example", "expires", 5));
	(void)snprintf(all, sizeof(all), "example %s", with_end("x.example", "expires", 0));
	blocks("b", all);
	f.settings.block_ttl_s = 0;
	fixture_open(&f);
	assert_string_equal(decision(&f, "x.example"), "allow a.yaml:2");
	f.now_s = NOW_S + 5;
	assert_string_equal(decision(&f, "x.example"), "block b.yaml:2");
	assert_int_equal(answer_of(&f, "x.example", f.now_s).ttl_s, 0); /* a ttl of nought stays */
}

/* One entry on trial in a list that is enforced: it hides nothing behind it, and is not counted as in force. */
static void an_entry_may_be_on_trial_alone(void **state)
{
	(void)state;
	struct policy_list list;
	fixture_names(&f, "b", ACTION_BLOCK, false, MODE_ENFORCE,
		      "=x.example !mode=shadow x.example example !mode=shadow /^re\\./ !mode=shadow y.net !mode=enforce "
		      "=x.example gone.org !mode=shadow !expires=2020-01-01");
	fixture_names(&f, "s", ACTION_BLOCK, false, MODE_SHADOW, "z.net !mode=enforce");
	fixture_names(&f, "a", ACTION_ALLOW, false, MODE_ENFORCE, "=y.net !mode=shadow");
	fixture_open(&f);
	assert_string_equal(decision(&f, "x.example"), "block b.yaml:7 +shadow");
	assert_string_equal(decision(&f, "w.x.example"), "block b.yaml:3");
	assert_string_equal(decision(&f, "other.example"), "- +shadow");
	assert_string_equal(decision(&f, "re.org"), "- +shadow");
	assert_string_equal(decision(&f, "y.net"), "block b.yaml:6"); /* an allow on trial allows nothing */
	assert_string_equal(decision(&f, "z.net"), "- +shadow");      /* the list is on trial as a whole */
	assert_string_equal(decision(&f, "gone.org"), "-");
	policy_list(f.policy, 0, NOW_S, &list);
	assert_int_equal(list.mode, MODE_ENFORCE);
	assert_int_equal(list.entry_count, 7);
	assert_int_equal(list.in_force_count, 3);
	policy_list(f.policy, 1, NOW_S, &list);
	assert_int_equal(list.in_force_count, 0);
}

static void shadow_is_said_and_never_decides(void **state)
{
	(void)state;
	char all[512];
	(void)snprintf(all, sizeof(all), "only.example =deep.both.example allowed.example /^shadowy\\./ %s",
		       with_end("gone.example", "expires", 0));
	fixture_names(&f, "s", ACTION_BLOCK, false, MODE_SHADOW, all);
	blocks("b", "both.example w.example");
	allows("a", "allowed.example strong.example");
	fixture_names(&f, "m", ACTION_BLOCK, true, MODE_SHADOW, "strong.example");
	fixture_names(&f, "w", ACTION_ALLOW, true, MODE_SHADOW, "w.example");
	fixture_names(&f, "off", ACTION_BLOCK, true, MODE_OFF, "off.example");
	fixture_open(&f);
	assert_string_equal(decision(&f, "only.example"), "- +shadow");
	assert_int_equal(verdict_of(&f, "only.example").shadow_list, 0);
	assert_string_equal(decision(&f, "deep.both.example"),
			    "block b.yaml:2 +shadow"); /* the shadow entry is the more specific */
	assert_string_equal(decision(&f, "x.both.example"), "block b.yaml:2");
	assert_string_equal(decision(&f, "allowed.example"), "allow a.yaml:2"); /* an allow outranks it, shadow or not */
	assert_string_equal(decision(&f, "strong.example"), "allow a.yaml:3 +shadow");
	assert_int_equal(verdict_of(&f, "strong.example").shadow_list, 3);
	assert_string_equal(decision(&f, "w.example"), "block b.yaml:3"); /* a shadow allow: nothing would be blocked by it */
	assert_string_equal(decision(&f, "gone.example"), "-");
	assert_string_equal(decision(&f, "shadowy.net"), "- +shadow");
	assert_string_equal(decision(&f, "off.example"), "-");
	struct policy_list list;
	policy_list(f.policy, 0, NOW_S, &list);
	assert_int_equal(list.entry_count, 5);
	assert_int_equal(list.in_force_count, 0);
	assert_int_equal(list.mode, MODE_SHADOW);
}

static void lists_of_both_tiers_in_their_order(void **state)
{
	(void)state;
	static const enum format formats[] = {FORMAT_HOSTS, FORMAT_YAML, FORMAT_DOMAINS, FORMAT_YAML};
	static const char *const names[] = {"l0", "l1", "l2", "l3"}, *const texts[] = {"0.0.0.0 a.example\n",
										       "entries: [b.example]\n", "c.example\n",
										       "entries: [d.example]\n"};
	for (size_t i = 0; i < 4; i++)
		foreign(names[i], formats[i], texts[i], false);
	fixture_open(&f);
	for (size_t i = 0; i < 4; i++) {
		char name[16] = "a.example";
		struct policy_list list;
		name[0] = (char)('a' + i);
		struct verdict v = verdict_of(&f, name);
		assert_int_equal(v.list, i);
		assert_int_equal(v.bulk, i % 2 == 0);
		policy_list(f.policy, (uint16_t)i, NOW_S, &list);
		assert_true(str_eq_c(list.name, names[i]));
		assert_int_equal(list.format, formats[i]);
		assert_int_equal(list.changed_at_s, f.sources[i].changed_at_s);
	}
}

static void expressions_are_bounded(void **state)
{
	(void)state;
	blocks("l", "/^(a+)+$/ /^(([a-z])+\\.?)+[0-9]$/ /(?:(?:a?){30}){30}c$/ /^(?R)?a/ /\\.b$/ /^((a|b|\\.)*)*x$/");
	fixture_open(&f);
	/* the first four meet their bounds, or do not match; the fifth still does its work */
	assert_string_equal(
	    decision(&f, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz.b"),
	    "block l.yaml:6");
	assert_string_equal(decision(&f, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaa-.zz"), "-");
	assert_string_equal(decision(&f, "aaaa"), "block l.yaml:2");
	struct pattern *p = NULL;
	struct err err;
	assert_true(pattern_compile(STR_LIT("^(?:a+)+$|z"), &p, NULL, &err)); /* it would match in the end, after a million steps */
	assert_false(pattern_match(p, f.scratch, STR_LIT("aaaaaaaaaaaaaaaaaaaaaa.z")));
	assert_true(pattern_match(p, f.scratch, STR_LIT("aaa.z")));
	pattern_destroy(p);
	assert_true(pattern_compile_as(STR_LIT("^ADS\\."), true, &p, NULL, &err));
	assert_true(pattern_match(p, f.scratch, STR_LIT("ads.example")));
	pattern_destroy(p);
	char long_subject[1000];
	memset(long_subject, 'a', sizeof(long_subject));
	assert_true(pattern_compile(STR_LIT("^(?:(a)|(b)|(c)|(d)|(e)|(f)|(g))*x"), &p, NULL, &err));
	for (int i = 0; i < 100; i++) { /* deep backtracking, again and again in the same memory */
		pattern_begin(f.scratch, 0);
		assert_false(pattern_match(p, f.scratch, (struct str){long_subject, sizeof(long_subject)}));
	}
	pattern_begin(f.scratch, 0);
	assert_true(pattern_match(p, f.scratch, STR_LIT("abcdefgx")));
	pattern_destroy(p);
}

/* pcre2's own limit begins anew at each character: just under it at each of 140 they were half a million steps. */
static void expressions_are_bounded_wherever_they_begin(void **state)
{
	(void)state;
	struct policy_scratch *scratch = policy_scratch_create();
	struct pattern *p = NULL;
	struct err err;
	_Atomic uint64_t stopped = 0;
	char text[141];
	memset(text, 'a', sizeof(text) - 1);
	text[140] = 'z';
	policy_scratch_count(scratch, &stopped);
	assert_true(pattern_compile(STR_LIT("[a-y.]*[a-y.]*[01]|z"), &p, NULL, &err));
	assert_false(pattern_match(p, scratch, (struct str){text, sizeof(text)}));
	assert_int_equal(stopped, 1);
	assert_true(pattern_match(p, scratch, STR_LIT("aaa.z")));
	assert_false(pattern_match(p, scratch, STR_LIT("aaa.")));
	assert_int_equal(stopped, 1); /* not to match is not to be stopped */
	pattern_destroy(p);
	policy_scratch_destroy(scratch);
}

/* One question has so many steps for all it asks, and the next one has them again. */
static void a_question_is_bounded(void **state)
{
	(void)state;
	struct policy_scratch *scratch = policy_scratch_create();
	struct pattern *slow = NULL, *quick = NULL;
	struct err err;
	_Atomic uint64_t stopped = 0;
	policy_scratch_count(scratch, &stopped);
	assert_true(pattern_compile(STR_LIT("^(?:[a-z]+)*[0-9]$"), &slow, NULL, &err));
	assert_true(pattern_compile(STR_LIT("^a"), &quick, NULL, &err));
	const struct str text = STR_LIT("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
	for (int round = 0; round < 2; round++) {
		pattern_begin(scratch, 0);
		for (unsigned i = 0; i < PATTERN_STEPS_ALL / PATTERN_STEPS_ONE; i++) {
			assert_true(pattern_match(quick, scratch, text));
			assert_false(pattern_match(slow, scratch, text));
		}
		assert_false(pattern_match(quick, scratch, text));
		assert_true(stopped > 0);
		pattern_begin(scratch, 10000);
		assert_true(pattern_match(quick, scratch, text));
	}
	pattern_destroy(slow);
	pattern_destroy(quick);
	policy_scratch_destroy(scratch);
}

/* A pattern with `*` for a name and all below it, of a name of many labels. */
static void globs_are_bounded(void **state)
{
	(void)state;
	struct policy_scratch *scratch = policy_scratch_create();
	struct name name;
	struct subject subject;
	char text[253], pattern[202];
	_Atomic uint64_t stopped = 0;
	for (size_t i = 0; i < sizeof(text) - 1; i++)
		text[i] = i % 2 == 0 ? 'a' : '.';
	text[252] = 'a';
	for (size_t i = 0; i < 200; i++)
		pattern[i] = i % 2 == 0 ? '*' : 'a';
	memcpy(pattern + 200, "*b", 2);
	assert_true(name_from_text((struct str){text, sizeof(text)}, &name, NULL));
	subject_make(&name, &subject);
	policy_scratch_count(scratch, &stopped);
	unsigned asked = 0;
	pattern_begin(scratch, 0);
	while (stopped < 20 && asked++ < 1000)
		assert_false(pattern_glob(scratch, (struct str){pattern, sizeof(pattern)}, &subject, true));
	assert_true(asked < 1000);
	pattern_begin(scratch, 0);
	assert_true(pattern_glob(scratch, STR_LIT("a*a"), &subject, true));
	assert_false(pattern_glob(scratch, STR_LIT("b*a"), &subject, true));
	policy_scratch_destroy(scratch);
}

static void expressions_see_the_name_as_text(void **state)
{
	(void)state;
	blocks("l", "/^$/ /^x\\.example$/ /\\\\001/"); /* the last: an octet that is no letter, as it is written */
	fixture_open(&f);
	assert_string_equal(decision(&f, "."), "block l.yaml:2");
	assert_string_equal(decision(&f, "x.example."), "block l.yaml:3");
	struct name odd = name_of_wire("\1\1\2me", 5);
	assert_int_equal(verdict_at(&f, &odd, NOW_S).kind, VERDICT_BLOCKED);
}

static void nodata_where_an_allow_lies_below(void **state)
{
	(void)state;
	char all[512];
	blocks("b", "example");
	(void)snprintf(all, sizeof(all), "good.site.example *.self.example %s%s=exact.example",
		       with_end("=x.until.example", "expires", 7), with_end("=x.lifted.example", "lifted", 0));
	allows("a", all);
	fixture_names(&f, "s", ACTION_ALLOW, false, MODE_SHADOW, "=x.shadow.example");
	foreign("agh", FORMAT_ADBLOCK, "@@||ok.far.example^\n", true); /* in the other tier */
	fixture_open(&f);
	assert_int_equal(answer_of(&f, "example", NOW_S).answer, ANSWER_NODATA);
	assert_int_equal(answer_of(&f, "site.example", NOW_S).answer, ANSWER_NODATA);
	assert_int_equal(answer_of(&f, "other.example", NOW_S).answer, ANSWER_NXDOMAIN);
	assert_int_equal(answer_of(&f, "x.site.example", NOW_S).answer, ANSWER_NXDOMAIN);
	assert_int_equal(answer_of(&f, "self.example", NOW_S).answer, ANSWER_NODATA); /* all below is allowed */
	assert_string_equal(decision(&f, "x.self.example"), "allow a.yaml:3");
	assert_int_equal(answer_of(&f, "until.example", NOW_S + 6).answer, ANSWER_NODATA);
	assert_int_equal(answer_of(&f, "until.example", NOW_S + 7).answer, ANSWER_NXDOMAIN);
	assert_int_equal(answer_of(&f, "lifted.example", NOW_S).answer, ANSWER_NXDOMAIN);
	assert_int_equal(answer_of(&f, "lifted.example", NOW_S - 1).answer, ANSWER_NODATA);
	assert_int_equal(answer_of(&f, "shadow.example", NOW_S).answer, ANSWER_NXDOMAIN);
	assert_int_equal(answer_of(&f, "x.exact.example", NOW_S).answer, ANSWER_NXDOMAIN); /* the allow is above, not below */
	assert_int_equal(answer_of(&f, "far.example", NOW_S).answer, ANSWER_NODATA);
}

static void nodata_only_for_an_allow_that_wins(void **state)
{
	(void)state;
	fixture_names(&f, "m", ACTION_BLOCK, true, MODE_ENFORCE, "hard.example =one.example =tree.example");
	allows("a", "x.hard.example =x.one.example tree.example");
	fixture_names(&f, "w", ACTION_ALLOW, true, MODE_ENFORCE, "y.way.hard.example");
	foreign("agh", FORMAT_ADBLOCK,
		"||strong.example^$important\n@@||strong.example^\n||firm.example^$important\n@@||x.firm.example^\n"
		"||weak.example^$important\n@@||x.weak.example^$important\n",
		true);
	fixture_open(&f);
	assert_int_equal(answer_of(&f, "strong.example", NOW_S).answer, ANSWER_NXDOMAIN); /* $important outranks @@ */
	assert_int_equal(answer_of(&f, "firm.example", NOW_S).answer, ANSWER_NXDOMAIN);
	assert_int_equal(answer_of(&f, "x.firm.example", NOW_S).answer, ANSWER_NXDOMAIN);
	assert_int_equal(answer_of(&f, "weak.example", NOW_S).answer, ANSWER_NODATA);
	assert_int_equal(answer_of(&f, "x.hard.example", NOW_S).answer, ANSWER_NXDOMAIN);
	assert_int_equal(answer_of(&f, "hard.example", NOW_S).answer, ANSWER_NODATA);
	assert_int_equal(answer_of(&f, "way.hard.example", NOW_S).answer, ANSWER_NODATA);
	assert_int_equal(answer_of(&f, "other.hard.example", NOW_S).answer, ANSWER_NXDOMAIN);
	assert_int_equal(answer_of(&f, "one.example", NOW_S).answer, ANSWER_NODATA); /* mandatory, but holds for one name only */
	assert_int_equal(answer_of(&f, "tree.example", NOW_S).answer, ANSWER_NODATA);
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
	size_t b = blocks("b", "example");
	allows("a", "x.example");
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
}

static void the_answer_carries_what_is_sent(void **state)
{
	(void)state;
	fixture_add(&f, &(struct fixture_list){
			    .name = "b", .text = "code: censored\nauthority: the Office\nreason: because\nentries: [example]\n"});
	blocks("re", "/^re/");
	foreign("agh", FORMAT_ADBLOCK, "||own.net^$dnsrewrite=192.0.2.1\n", false);
	f.settings.organization = "Example ISP";
	f.generation = 4711;
	fixture_open(&f);
	struct policy_answer a = answer_of(&f, "x.y.example", NOW_S);
	assert_int_equal(a.code, CODE_CENSORED);
	assert_int_equal(a.owner_labels, 1);
	assert_int_equal(a.serial, 4711);
	assert_true(str_eq_c(a.extra_text, "Example ISP: blocked by order of the Office: because (list b)"));
	a = answer_of(&f, "re.net", NOW_S);
	assert_int_equal(a.code, CODE_BLOCKED);
	assert_int_equal(a.owner_labels, 0);
	a = answer_of(&f, "own.net", NOW_S);
	struct record record;
	size_t at = 0;
	assert_int_equal(a.answer, ANSWER_LOCAL);
	assert_true(records_next(a.records, &at, &record));
	assert_int_equal(record.type, TYPE_A);
	assert_true(str_eq(record.rdata, STR_LIT("\xc0\0\2\1")));
	assert_false(records_next(a.records, &at, &record));
	/* a CNAME led from elsewhere to the blocked name: its owner is no ancestor of the name asked for */
	struct name target = name_of("x.example"), qname = name_of("www.elsewhere.net");
	struct verdict v = verdict_at(&f, &target, NOW_S);
	policy_answer(f.policy, &v, &qname, false, NOW_S, &a);
	assert_int_equal(a.owner_labels, 0);
	assert_int_equal(a.answer, ANSWER_NXDOMAIN);
}

static void what_the_images_say_of_themselves(void **state)
{
	(void)state;
	struct policy_info info, again, other;
	foreign("big", FORMAT_HOSTS, "0.0.0.0 a.example\n", false);
	size_t l = blocks("l", "x.example");
	fixture_open(&f);
	policy_info(f.policy, NOW_S, &info);
	assert_int_equal(info.bytes, f.images[0].len + f.images[1].len);
	assert_int_equal(info.entry_count, 2);
	assert_int_equal(info.settings_hash[0], 0x5a);
	f.generation++;
	fixture_open(&f);
	policy_info(f.policy, NOW_S, &again);
	assert_int_equal(again.generation, info.generation + 1);
	assert_memory_equal(again.content_hash, info.content_hash, sizeof(info.content_hash));
	f.settings_lists[l].mandatory = true;
	fixture_open(&f);
	policy_info(f.policy, NOW_S, &other);
	assert_memory_not_equal(other.content_hash, info.content_hash, sizeof(info.content_hash));
}

static bool same_content(const struct policy_info *a)
{
	struct policy_info b;
	fixture_open(&f);
	policy_info(f.policy, NOW_S, &b);
	return memcmp(a->content_hash, b.content_hash, sizeof(b.content_hash)) == 0;
}

/* What two servers must agree about, and what they need not. */
static void the_content_is_told_by_what_it_says(void **state)
{
	(void)state;
	struct policy_info info;
	foreign("big", FORMAT_HOSTS, "0.0.0.0 a.example\n", false);
	size_t l = blocks("l", "x.example y.example");
	struct settings_list *list = &f.settings_lists[l], was = *list;
	fixture_open(&f);
	policy_info(f.policy, NOW_S, &info);
	/* where and when: a file elsewhere, touched, of another size for the tiers, compiled again */
	list->file = "/else/where";
	list->file_shown = "where";
	list->line += 7;
	f.sources[l].changed_at_s += 100;
	f.sources[l].identity.inode += 5;
	f.sources[l].identity.size = COMPILE_LIVE_BYTES_MAX + 1;
	f.generation += 3;
	assert_true(same_content(&info));
	*list = was;
	/* each of these says something else */
	list->name = "m";
	assert_false(same_content(&info));
	*list = was;
	list->mode = MODE_SHADOW;
	assert_false(same_content(&info));
	*list = was;
	list->has_answer = true;
	assert_false(same_content(&info));
	*list = was;
	list->provenance.reason = "why";
	assert_false(same_content(&info));
	list->provenance.reason = NULL;
	list->provenance.has_sub_error = true;
	assert_false(same_content(&info));
	*list = was;
	f.settings.block_ttl_s++;
	assert_false(same_content(&info));
	f.settings.block_ttl_s--;
	f.settings.organization = "Example ISP";
	assert_false(same_content(&info));
	f.settings.organization = NULL;
	f.sources[l].content_key[3] ^= 1;
	assert_false(same_content(&info));
	f.sources[l].content_key[3] ^= 1;
	assert_true(same_content(&info));
}

static void lifts_are_counted(void **state)
{
	(void)state;
	struct policy_info info;
	blocks("l", "a.example !lifted=2020-01-01 b.example !lifted=2099-01-01 =c.example !lifted=2020-01-01 d.example a.example "
		    "!lifted=2020-01-01");
	fixture_add(&f, &(struct fixture_list){.name = "whole", .text = "lifted: 2017-08-10\nentries: [t.me, telegram.org]\n"});
	fixture_open(&f);
	policy_info(f.policy, NOW_S, &info);
	assert_int_equal(info.lift_count, 5); /* the one that stands twice is one entry */
	assert_int_equal(info.entry_count, 6);
	assert_int_equal(info.in_force_count, 2);
	assert_int_equal(policy_in_force_count(f.policy, NOW_S), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(nothing_decides_in_an_empty_policy),
	    TEST(the_content_is_told_by_what_it_says),
	    TEST(lifts_are_counted),
	    TEST(each_match_takes_its_own_names),
	    TEST(the_eleven_names_and_their_neighbours),
	    TEST(matching_is_on_wire_labels),
	    TEST(the_root_and_the_deepest_names),
	    TEST(precedence_of_every_pair),
	    TEST(equals_go_by_list_then_line),
	    TEST(imported_rules_keep_their_own_order),
	    TEST(conditions_are_asked),
	    TEST(patterns_with_stars),
	    TEST(globs),
	    TEST(clients_and_answers),
	    TEST(expiry_and_lift_to_the_second),
	    TEST(an_expired_entry_uncovers_the_next),
	    TEST(shadow_is_said_and_never_decides),
	    TEST(an_entry_may_be_on_trial_alone),
	    TEST(lists_of_both_tiers_in_their_order),
	    TEST(expressions_are_bounded),
	    TEST(expressions_are_bounded_wherever_they_begin),
	    TEST(a_question_is_bounded),
	    TEST(globs_are_bounded),
	    TEST(expressions_see_the_name_as_text),
	    TEST(nodata_where_an_allow_lies_below),
	    TEST(nodata_only_for_an_allow_that_wins),
	    TEST(only_nxdomain_becomes_nodata),
	    TEST(the_answer_carries_what_is_sent),
	    TEST(what_the_images_say_of_themselves),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
