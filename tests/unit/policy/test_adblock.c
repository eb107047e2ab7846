/* SPDX-License-Identifier: BSD-2-Clause
 *
 * AdGuard's DNS syntax from its text to the verdict: what each form of a rule means for names. */
#include "fixture.h"

#include <stdlib.h>
#include <string.h>

#include "policy/records.h"
#include "wire/rrtype.h"

static void open_list(struct fixture *f, const char *text, bool may_allow, bool allow)
{
	const struct fixture_list list = {.name = "x",
					  .text = text,
					  .format = FORMAT_ADBLOCK,
					  .may_allow = may_allow,
					  .has_action = allow,
					  .action = allow ? ACTION_ALLOW : ACTION_BLOCK};
	fixture_init(f);
	fixture_policy(f, &list, 1, NOW_S);
}

/* yes, no: names that the rule blocks, and that it does not. */
static const struct {
	const char *rule, *yes[4], *no[4];
} patterns[] = {
    {"||d.example^", {"d.example", "a.d.example", "a.b.d.example"}, {"xd.example", "example", "d.example.net"}},
    {"||d.example", {"d.example", "a.d.example"}, {"xd.example", "example"}},
    {"|d.example^", {"d.example"}, {"a.d.example", "xd.example"}},
    {"|d.ex", {"d.example", "d.ex"}, {"a.d.example", "xd.example"}},
    {"d.example", {"d.example"}, {"a.d.example", "xd.example"}},
    {"0.0.0.0 d.example", {"d.example"}, {"a.d.example", "xd.example"}},
    {"d.example^", {"d.example", "a.d.example", "xd.example"}, {"d.example.net", "example"}},
    {"d.example|", {"d.example", "a.d.example", "xd.example"}, {"d.example.net"}},
    {"d.example$important", {"d.example", "xd.example.net"}, {"example"}},
    {"advert", {"advert.example", "my-advertising.example", "x.adverts"}, {"adve.rt", "example"}},
    {"://ads.", {"ads.example", "ads.x.example"}, {"x.ads.example", "ads", "myads.example"}},
    {"/ads.", {"ads.example"}, {"x.ads.example", "myads.example"}},
    {"||ads*.x.example^",
     {"ads.x.example", "ads1.x.example", "a.ads1.b.x.example"},
     {"x.example", "ads1.y.example", "xads.x.example"}},
    {"|ads*.x.example^", {"ads1.x.example", "ads.b.x.example"}, {"a.ads1.x.example", "x.example"}},
    {"exam*.com", {"exam.com", "onemoreexamsite.com", "example.com"}, {"exa.com", "exam.net"}},
    {"||*.top^", {"a.top", "a.b.top"}, {"top", "atop"}},
    {"*.d.example", {"a.d.example"}, {"d.example", "xd.example"}},
    {".d.example^", {"d.example", "a.d.example"}, {"xd.example"}},
    {"||beginning-", {"beginning-x.example", "a.beginning-.example"}, {"beginning.example", "xbeginning-.example"}},
    {"||d.example/*", {"d.example", "a.d.example"}, {"xd.example"}},
    {"||zip^", {"zip", "a.zip"}, {"gzip", "a.gzip"}},
    {"/^ads[0-9]+\\./", {"ads1.example", "ads22.x"}, {"xads1.example", "ads.example"}},
    {"/ADS[0-9]/", {"ads1.example", "x.ads2"}, {"ads.example"}},
    {"*$denyallow=good.example|fine.test", {"example", "bad.example", "x"}, {"good.example", "a.good.example", "fine.test"}},
    {"||d.example^$denyallow=good.d.example", {"d.example", "a.d.example"}, {"good.d.example", "a.good.d.example"}},
    {"||d.example^$all", {NULL}, {"d.example", "a.d.example", "example"}}, /* a browser's, who may know what it is */
    {"||d.example^$~script", {"d.example"}, {"example"}},
    {"||d.example^$script", {NULL}, {"d.example", "a.d.example"}},
    {"||d.example^$third-party", {NULL}, {"d.example"}},
    {"||d.example^$banana", {NULL}, {"d.example"}},
    {"||d.example/path", {NULL}, {"d.example"}},
    {"d.example##.ad", {NULL}, {"d.example"}},
    {"@@||d.example^", {NULL}, {"d.example"}},
    {"*", {NULL}, {"d.example", "x"}},
};

static void patterns_mean_names(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(patterns); i++) {
		struct fixture f;
		open_list(&f, patterns[i].rule, false, false);
		for (size_t n = 0; n < 4; n++) {
			const char *yes = patterns[i].yes[n], *no = patterns[i].no[n];
			if (yes != NULL && strcmp(decision(&f, yes), "block x.txt:1") != 0)
				fail_msg("%s: %s is not blocked but %s", patterns[i].rule, yes, decision(&f, yes));
			if (no != NULL && strcmp(decision(&f, no), "-") != 0)
				fail_msg("%s: %s is not left alone but %s", patterns[i].rule, no, decision(&f, no));
		}
		fixture_finish(&f);
	}
}

static void exceptions_and_important(void **state)
{
	(void)state;
	const char *text = "||a.example^\n"
			   "@@||good.a.example^\n"
			   "||evil.good.a.example^$important\n"
			   "@@||really.evil.good.a.example^$important\n"
			   "hosts.example\n"
			   "@@||hosts.example^\n"
			   "@@/^good[0-9]\\./\n"
			   "||good1.b.example^\n";
	struct fixture f;
	open_list(&f, text, true, false);
	assert_string_equal(decision(&f, "a.example"), "block x.txt:1");
	assert_string_equal(decision(&f, "x.good.a.example"), "allow x.txt:2");
	assert_string_equal(decision(&f, "evil.good.a.example"), "block x.txt:3");
	assert_string_equal(decision(&f, "really.evil.good.a.example"), "allow x.txt:4");
	assert_string_equal(decision(&f, "hosts.example"), "allow x.txt:6");
	assert_string_equal(decision(&f, "good1.b.example"), "allow x.txt:7");
	fixture_finish(&f);
	open_list(&f, text, false, false); /* without may-allow they are not there */
	assert_string_equal(decision(&f, "x.good.a.example"), "block x.txt:1");
	assert_string_equal(decision(&f, "really.evil.good.a.example"), "block x.txt:3");
	assert_string_equal(decision(&f, "hosts.example"), "block x.txt:5");
	fixture_finish(&f);
	open_list(&f, "||a.example^\n@@||b.example^\nc.example\n", false, true); /* a list of what is allowed */
	assert_string_equal(decision(&f, "x.a.example"), "allow x.txt:1");
	assert_string_equal(decision(&f, "b.example"), "allow x.txt:2");
	assert_string_equal(decision(&f, "c.example"), "allow x.txt:3");
	fixture_finish(&f);
}

static void types_and_clients(void **state)
{
	(void)state;
	struct fixture f;
	open_list(&f,
		  "||t.example^$dnstype=AAAA|HTTPS\n"
		  "||n.example^$dnstype=~CNAME\n"
		  "||c.example^$client=192.0.2.0/24|~192.0.2.7\n"
		  "*$dnstype=HTTPS,client=192.0.2.99\n",
		  false, false);
	assert_string_equal(decision_for(&f, "t.example", RRTYPE_AAAA, NULL), "block x.txt:1");
	assert_string_equal(decision_for(&f, "t.example", RRTYPE_A, NULL), "-");
	assert_string_equal(decision_for(&f, "n.example", RRTYPE_A, NULL), "block x.txt:2");
	assert_string_equal(decision_for(&f, "n.example", RRTYPE_CNAME, NULL), "-");
	assert_string_equal(decision_for(&f, "c.example", RRTYPE_A, "192.0.2.1"), "block x.txt:3");
	assert_string_equal(decision_for(&f, "c.example", RRTYPE_A, "192.0.2.7"), "-");
	assert_string_equal(decision_for(&f, "c.example", RRTYPE_A, "198.51.100.1"), "-");
	assert_string_equal(decision_for(&f, "c.example", RRTYPE_A, NULL), "-");
	assert_string_equal(decision_for(&f, "any.thing", RRTYPE_HTTPS, "192.0.2.99"), "block x.txt:4");
	assert_string_equal(decision_for(&f, "any.thing", RRTYPE_A, "192.0.2.99"), "-");
	fixture_finish(&f);
}

/* A plain exception undoes no rewrite, an exception of the rewrite does. */
static void exceptions_and_rewrites(void **state)
{
	(void)state;
	struct fixture f;
	open_list(&f,
		  "||a.example^$dnsrewrite=192.0.2.1\n@@||a.example^\n||b.example^$dnsrewrite=192.0.2.1\n"
		  "@@||b.example^$dnsrewrite\n||c.example^\n@@||c.example^\n",
		  true, false);
	assert_string_equal(decision(&f, "a.example"), "block x.txt:1");
	assert_string_equal(decision(&f, "b.example"), "-");
	assert_string_equal(decision(&f, "c.example"), "allow x.txt:6");
	fixture_finish(&f);
}

static void rewrites_are_answers(void **state)
{
	(void)state;
	struct fixture f;
	struct record record;
	size_t at = 0;
	open_list(&f,
		  "||a.example^$dnsrewrite=192.0.2.2\n"
		  "||a.example^$dnsrewrite=192.0.2.1\n"
		  "||r.example^$dnsrewrite=REFUSED\n"
		  "||n.example^$dnsrewrite=NOERROR\n"
		  "||s.example^$dnsrewrite=SERVFAIL\n",
		  false, false);
	struct policy_answer answer = answer_of(&f, "x.a.example", NOW_S);
	assert_int_equal(answer.answer, ANSWER_LOCAL);
	assert_true(records_next(answer.records, &at, &record));
	assert_int_equal(record.type, RRTYPE_A);
	assert_memory_equal(record.rdata.ptr, "\300\0\2\1", 4);
	assert_true(records_next(answer.records, &at, &record));
	assert_memory_equal(record.rdata.ptr, "\300\0\2\2", 4);
	assert_false(records_next(answer.records, &at, &record));
	assert_int_equal(answer_of(&f, "r.example", NOW_S).answer, ANSWER_REFUSED);
	assert_int_equal(answer_of(&f, "n.example", NOW_S).answer, ANSWER_NODATA);
	answer = answer_of(&f, "s.example", NOW_S);
	assert_int_equal(answer.answer, ANSWER_LOCAL);
	assert_int_equal(records_rcode(answer.records), RCODE_SERVFAIL);
	fixture_finish(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(patterns_mean_names),  cmocka_unit_test(exceptions_and_important),
	    cmocka_unit_test(types_and_clients),    cmocka_unit_test(exceptions_and_rewrites),
	    cmocka_unit_test(rewrites_are_answers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
