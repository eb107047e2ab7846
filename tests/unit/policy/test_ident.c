/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A verdict names its entry in terms that hold in another image, too. */
#include "policy/ident.h"

#include "fixture.h"

#include <string.h>

static struct fixture f;

#define RPZ                                                                                                              \
	"$TTL 60\n@ SOA a. b. 1 2 3 4 5\nzone.example CNAME .\n24.0.2.0.192.rpz-ip CNAME .\n32.1.2.0.192.rpz-client-ip " \
	"CNAME .\n"

static void set_up_lists(const char *before)
{
	char text[512];
	(void)snprintf(text, sizeof(text), "entries:\n%s  - t.me\n  - {domain: E.example, match: exact}\n  - regex: '^ads?\\.'\n",
		       before);
	const struct fixture_list lists[] = {
	    {.name = "yaml", .text = text},
	    {.name = "trial", .text = "entries: [trial.example]\n", .mode = MODE_SHADOW},
	    {.name = "abp", .text = "||plain.example^\n||x*.wild.example^\n||cond.example^$dnstype=A\n", .format = FORMAT_ADBLOCK},
	    {.name = "rpz", .text = RPZ, .format = FORMAT_RPZ},
	};
	fixture_policy(&f, lists, ARRAY_LEN(lists), NOW_S);
}

/* "list match key": of a name as text. */
static const char *told(const struct policy_spoke *spoke, bool *ret_conditions)
{
	static char text[2 * NAME_TEXT_MAX];
	char name_text[NAME_TEXT_MAX];
	struct policy_ident ident;
	struct policy_list list;
	struct name name;
	assert_true(policy_identify(f.policy, spoke, &ident));
	policy_list(f.policy, ident.list, NOW_S, &list);
	const struct str written = policy_ident_written(f.policy, spoke, &ident);
	const char *key = "";
	if (ident.match <= MATCH_SUBDOMAINS && name_from_wire((const uint8_t *)ident.key.ptr, ident.key.len, &name))
		key = name_to_text(&name, name_text);
	else if (ident.match == MATCH_REGEX || ident.match == MATCH_PATTERN)
		key = ident.key.ptr;
	(void)snprintf(text, sizeof(text), "%.*s %s %.*s %.*s", (int)list.name.len, list.name.ptr, match_words[ident.match],
		       key == ident.key.ptr ? (int)ident.key.len : (int)strlen(key), key, (int)written.len,
		       written.ptr != NULL ? written.ptr : "");
	*ret_conditions = ident.conditions != 0;
	return text;
}

static const char *of_name(const char *text)
{
	struct verdict v = verdict_of(&f, text);
	struct name name = name_of(text);
	bool conditions;
	const struct policy_spoke spoke = {.rule = v.shadowed ? v.shadow_rule : v.rule,
					   .labels = v.shadowed ? v.shadow_labels : v.labels,
					   .bulk = v.shadowed ? v.shadow_bulk : v.bulk,
					   .name = &name};
	assert_true(v.shadowed || v.kind == VERDICT_BLOCKED);
	const char *what = told(&spoke, &conditions);
	assert_int_equal(conditions, strcmp(text, "cond.example") == 0);
	return what;
}

static void check_all(void)
{
	assert_string_equal(of_name("www.t.me"), "yaml subtree t.me ");
	assert_string_equal(of_name("e.example"), "yaml exact e.example E.example");
	assert_string_equal(of_name("ad.example.org"), "yaml regex ^ads?\\. ");
	assert_string_equal(of_name("x.trial.example"), "trial subtree trial.example ");
	assert_string_equal(of_name("a.plain.example"), "abp subtree plain.example ");
	assert_string_equal(of_name("x7.wild.example"), "abp pattern x*.wild.example ||x*.wild.example^");
	assert_string_equal(of_name("cond.example"), "abp subtree cond.example ||cond.example^$dnstype=A");
	assert_string_equal(of_name("zone.example"), "rpz exact zone.example ");
}

/* The same, whatever stands around it: other rules have other numbers then. */
static void names_and_patterns(void **state)
{
	(void)state;
	set_up_lists("");
	check_all();
	fixture_finish(&f);
	fixture_init(&f);
	set_up_lists("  - {domain: more.example, reason: because}\n  - {domain: a.t.me, match: exact, reason: other}\n");
	check_all();
}

static void addresses(void **state)
{
	struct policy_ident ident;
	struct name name = name_of("any.example");
	struct policy_question question = {.name = &name, .type = 1};
	struct addr answer, client;
	struct verdict v;
	uint8_t wide[ADDR_WIDE_LEN];
	(void)state;
	set_up_lists("");
	assert_true(addr_from_text(STR_LIT("192.0.2.77"), 0, &answer) && addr_from_text(STR_LIT("192.0.2.1"), 0, &client));
	assert_true(policy_match_answer(f.policy, &answer, &question, NOW_S, &v));
	addr_to_wide(&answer, wide);
	struct policy_spoke spoke = {.rule = v.rule, .labels = v.labels, .bulk = v.bulk, .name = &name, .wide = wide};
	assert_true(policy_identify(f.policy, &spoke, &ident));
	assert_int_equal(ident.match, MATCH_ADDRESS);
	assert_int_equal(ident.key.len, ADDR_WIDE_LEN + 1);
	assert_int_equal((uint8_t)ident.key.ptr[ADDR_WIDE_LEN], 96 + 24);
	spoke.wide = NULL;
	assert_false(policy_identify(f.policy, &spoke, &ident));
	v = verdict_for(&f, "any.example", 1, "192.0.2.1");
	addr_to_wide(&client, wide);
	spoke = (struct policy_spoke){.rule = v.rule, .labels = v.labels, .bulk = v.bulk, .name = &name, .wide = wide};
	assert_true(policy_identify(f.policy, &spoke, &ident));
	assert_int_equal(ident.match, MATCH_CLIENT);
	/* another address is not of that entry */
	wide[15] ^= 1;
	assert_false(policy_identify(f.policy, &spoke, &ident));
}

/* Of another world, or torn: nothing is read out of bounds. */
static void what_there_is_not(void **state)
{
	struct policy_ident ident;
	struct name name = name_of("t.me");
	(void)state;
	set_up_lists("");
	for (uint32_t rule = 0; rule < 200; rule++) {
		for (unsigned labels = 0; labels < 5; labels++) {
			const struct policy_spoke spoke = {
			    .rule = rule, .labels = (uint8_t)labels, .bulk = rule % 2 != 0, .name = &name};
			if (policy_identify(f.policy, &spoke, &ident))
				(void)policy_ident_written(f.policy, &spoke, &ident);
		}
	}
	const struct policy_spoke far = {.rule = UINT32_MAX, .name = &name};
	assert_false(policy_identify(f.policy, &far, &ident));
}

int main(void)
{
	const struct CMUnitTest tests[] = {FIXTURE_TEST(names_and_patterns, &f), FIXTURE_TEST(addresses, &f),
					   FIXTURE_TEST(what_there_is_not, &f)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
