/* SPDX-License-Identifier: BSD-2-Clause */
#include "fixture.h"

#include <stdio.h>
#include <string.h>

static struct fixture f;

/* "list:line why; list:line why; ..." */
static const char *explained_for(const char *text, uint16_t type, const char *client, size_t max)
{
	static char out[1024];
	static struct policy_hit hits[16];
	struct name name = name_of(text);
	struct addr address;
	struct policy_question q = {.name = &name, .type = type};
	size_t used = 0;
	if (client != NULL) {
		assert_true(addr_from_text(str_from(client), 0, &address));
		q.client = &address;
	}
	size_t count = policy_explain(f.policy, f.scratch, &q, f.now_s, hits, max);
	out[0] = '\0';
	for (size_t i = 0; i < MIN(count, max); i++) {
		const struct policy_entry *e = &hits[i].entry;
		used += (size_t)snprintf(out + used, sizeof(out) - used, "%s%.*s:%u %s", i == 0 ? "" : "; ", (int)e->list.len,
					 e->list.ptr, e->line, hits[i].why_not == WHY_DECIDES ? "decides" : hits[i].why_not_text);
	}
	return out;
}

static const char *explained(const char *text, size_t max)
{
	return explained_for(text, 1, NULL, max);
}

static void every_reason_to_lose(void **state)
{
	(void)state;
	fixture_names(&f, "b", ACTION_BLOCK, false, MODE_ENFORCE,
		      "x.example example =x.example x.example !expires=2020-01-01 *.example !lifted=2020-01-01");
	fixture_names(&f, "s", ACTION_BLOCK, false, MODE_SHADOW, "=x.example");
	fixture_names(&f, "c", ACTION_BLOCK, false, MODE_ENFORCE, "=x.example /^x/ /x\\./");
	fixture_names(&f, "d", ACTION_BLOCK, false, MODE_ENFORCE, "y.org /^z/");
	fixture_names(&f, "e", ACTION_BLOCK, false, MODE_ENFORCE, "y.org /^z/");
	fixture_open(&f);
	assert_string_equal(
	    explained("x.example", 16),
	    "b:4 decides; s:2 shadow; c:2 the same name, in a later list; b:2 less specific; b:5 expired; b:3 less specific; "
	    "b:6 lifted; c:3 less specific; c:4 less specific");
	assert_string_equal(explained("x.example", 1), "b:4 decides");
	assert_string_equal(explained("x.example", 0), "");
	assert_string_equal(explained("xy.net", 16), "c:3 decides");
	assert_string_equal(explained("x.net", 16), "c:3 decides; c:4 an expression further up matches");
	assert_string_equal(explained("y.net", 16), "");
	assert_string_equal(explained("y.org", 16), "d:2 decides; e:2 the same name, in a later list");
	assert_string_equal(explained("z.net", 16), "d:3 decides; e:3 an expression of an earlier list matches");
}

static void the_rank_that_wins_is_named(void **state)
{
	(void)state;
	fixture_names(&f, "b", ACTION_BLOCK, false, MODE_ENFORCE, "=one.example =two.example =three.example");
	fixture_names(&f, "a", ACTION_ALLOW, false, MODE_ENFORCE, "example");
	fixture_names(&f, "mb", ACTION_BLOCK, true, MODE_ENFORCE, "two.example three.example");
	fixture_names(&f, "ma", ACTION_ALLOW, true, MODE_ENFORCE, "three.example");
	fixture_add(&f, &(struct fixture_list){.name = "agh",
					       .text = "||four.net^$important\n@@||four.net^\n||five.net^\n@@||five.net^\n",
					       .format = FORMAT_ADBLOCK,
					       .may_allow = true});
	fixture_open(&f);
	assert_string_equal(explained("one.example", 16), "a:2 decides; b:2 an allow outranks it");
	assert_string_equal(explained("two.example", 16),
			    "mb:2 decides; a:2 a mandatory block outranks it; b:3 a mandatory block outranks it");
	assert_string_equal(explained("three.example", 16),
			    "ma:2 decides; mb:3 a mandatory allow outranks it; a:2 a mandatory allow outranks it; "
			    "b:4 a mandatory allow outranks it");
	assert_string_equal(explained("four.net", 16), "agh:1 decides; agh:2 an important block outranks it");
	assert_string_equal(explained("five.net", 16), "agh:4 decides; agh:3 an allow outranks it");
}

static void nothing_in_force_yet_something_matches(void **state)
{
	(void)state;
	fixture_names(&f, "s", ACTION_BLOCK, true, MODE_SHADOW, "x.example !lifted=2020-01-01 example"); /* lifted is said first */
	fixture_names(&f, "b", ACTION_BLOCK, false, MODE_ENFORCE, "x.example !lifted=2020-01-02 !expires=2020-01-01");
	fixture_open(&f);
	assert_string_equal(explained("x.example", 16), "s:2 lifted; s:3 shadow; b:2 lifted");
}

static void an_entry_on_trial_says_so(void **state)
{
	(void)state;
	fixture_names(&f, "b", ACTION_BLOCK, false, MODE_ENFORCE, "=x.example !mode=shadow x.example");
	fixture_open(&f);
	assert_string_equal(explained("x.example", 16), "b:3 decides; b:2 shadow");
}

static void conditions_that_fail_are_named(void **state)
{
	(void)state;
	fixture_add(&f, &(struct fixture_list){.name = "agh",
					       .text = "||x.example^$dnstype=AAAA\n||x.example^$client=192.0.2.0/24\n"
						       "||example^$denyallow=x.example\n||org^\n",
					       .format = FORMAT_ADBLOCK});
	fixture_open(&f);
	assert_string_equal(explained("x.example", 16),
			    "agh:1 not for this type; agh:2 not for this client; agh:3 not for this name");
	assert_string_equal(explained_for("x.example", 28, "192.0.2.1", 16),
			    "agh:1 decides; agh:2 the same name, further down; agh:3 not for this name");
}

/* Entries about an address in an answer: the decider is policy_match_answer's. */
static void addresses_in_answers(void **state)
{
	(void)state;
	static struct policy_hit hits[8];
	struct name name = name_of("www.example");
	struct addr address;
	struct policy_question q = {.name = &name, .type = 1};
	struct verdict verdict;
	fixture_add(&f, &(struct fixture_list){.name = "a",
					       .text = "$TTL 60\n@ SOA localhost. root.localhost. 1 2 3 4 5\n@ NS localhost.\n"
						       "24.0.2.0.192.rpz-ip CNAME .\n32.66.2.0.192.rpz-ip CNAME rpz-passthru.\n"
						       "www.example CNAME .\n",
					       .format = FORMAT_RPZ,
					       .may_allow = true});
	fixture_add(&f, &(struct fixture_list){.name = "b",
					       .text = "$TTL 60\n@ SOA localhost. root.localhost. 1 2 3 4 5\n@ NS localhost.\n"
						       "32.66.2.0.192.rpz-ip CNAME *.\n",
					       .format = FORMAT_RPZ});
	fixture_open(&f);
	assert_true(addr_from_text(str_from("192.0.2.66"), 0, &address));
	assert_int_equal(policy_explain_answer(f.policy, &address, &q, f.now_s, hits, ARRAY_LEN(hits)), 3);
	assert_true(policy_match_answer(f.policy, &address, &q, f.now_s, &verdict));
	assert_int_equal(verdict.kind, VERDICT_ALLOWED);
	assert_int_equal(hits[0].why_not, WHY_DECIDES);
	assert_int_equal(hits[0].entry.action, ACTION_ALLOW);
	assert_int_equal(hits[0].entry.match, MATCH_ADDRESS);
	assert_true(str_eq_c(hits[0].entry.list, "a") && hits[0].entry.line == 5);
	assert_string_equal(hits[1].why_not_text, "an allow outranks it");
	assert_string_equal(hits[2].why_not_text, "an allow outranks it");
	assert_true(addr_from_text(str_from("192.0.2.67"), 0, &address));
	assert_int_equal(policy_explain_answer(f.policy, &address, &q, f.now_s, hits, ARRAY_LEN(hits)), 1);
	assert_int_equal(hits[0].why_not, WHY_DECIDES);
	assert_true(str_eq_c(hits[0].entry.entry, "192.0.2.0/24"));
	assert_true(addr_from_text(str_from("198.51.100.1"), 0, &address));
	assert_int_equal(policy_explain_answer(f.policy, &address, &q, f.now_s, hits, ARRAY_LEN(hits)), 0);
}

/* Each kind of entry, as it is shown. */
static void entries_are_shown_as_written(void **state)
{
	(void)state;
	static const struct {
		const char *name, *entry;
		enum match match;
	} rows[] = {{"a.sub.example", "sub.example", MATCH_SUBTREE},
		    {"log-1.example", "log-*.example", MATCH_PATTERN},
		    {"ad7.net", "^ad[0-9]\\.", MATCH_REGEX}};
	static struct policy_hit hit;
	struct addr client;
	fixture_add(&f, &(struct fixture_list){
			    .name = "agh", .text = "||sub.example^\n||log-*.example^\n/^ad[0-9]\\./\n", .format = FORMAT_ADBLOCK});
	fixture_add(&f, &(struct fixture_list){.name = "zone",
					       .text = "$TTL 60\n@ SOA localhost. root.localhost. 1 60 60 60 60\n  NS localhost.\n"
						       "24.0.2.0.192.rpz-client-ip CNAME .\n",
					       .format = FORMAT_RPZ});
	fixture_open(&f);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct name name = name_of(rows[i].name);
		struct policy_question q = {.name = &name, .type = 1};
		assert_int_equal(policy_explain(f.policy, f.scratch, &q, NOW_S, &hit, 1), 1);
		assert_int_equal(hit.entry.match, rows[i].match);
		assert_int_equal(hit.entry.line, i + 1);
		assert_true(hit.entry.entry.len >= strlen(rows[i].entry));
		assert_non_null(memmem(hit.entry.entry.ptr, hit.entry.entry.len, rows[i].entry, strlen(rows[i].entry)));
	}
	struct name name = name_of("any.name");
	assert_true(addr_from_text(STR_LIT("192.0.2.1"), 0, &client));
	struct policy_question q = {.name = &name, .type = 1, .client = &client};
	assert_int_equal(policy_explain(f.policy, f.scratch, &q, NOW_S, &hit, 1), 1);
	assert_int_equal(hit.entry.match, MATCH_CLIENT);
	assert_int_equal(hit.entry.line, 4);
	assert_true(hit.entry.entry.len > 0);
}

static void an_entry_tells_all_it_knows(void **state)
{
	(void)state;
	char text[1024] = "authority: the file's\nreason: the file's\ncontact: [";
	for (int i = 0; i < POLICY_CONTACTS_MAX; i++)
		(void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s'c%d'", i == 0 ? "" : ", ", i);
	strcat(text, "]\nentries:\n"
		     "  - {domain: X.Example., match: subdomains, authority: \"its own \xc3\xa9\", added: 2017-07-14, "
		     "review: 2017-08-14, expires: 2035-01-01, lifted: 2034-01-01, lifted-by: B, lift-reason: L, "
		     "lift-reference: R, organization: O, language: id, sub-error: spam}\n  - bare.example\n");
	fixture_add(&f, &(struct fixture_list){.name = "l",
					       .text = text,
					       .mandatory = true,
					       .mode = MODE_SHADOW,
					       .provenance = {.reference = "https://settings.example/",
							      .has_code = true,
							      .code = CODE_FILTERED,
							      .has_sub_error = true,
							      .sub_error = SUB_ERROR_DNS_POLICY,
							      .reason = "the settings'"}});
	fixture_open(&f);
	struct name name = name_of("a.x.example");
	struct policy_question q = {.name = &name, .type = 1};
	static struct policy_hit hit;
	const struct policy_entry *got = &hit.entry;
	assert_int_equal(policy_explain(f.policy, f.scratch, &q, NOW_S, &hit, 1), 1);
	assert_true(str_eq_c(got->list, "l"));
	assert_true(str_eq_c(got->file, "l.yaml"));
	assert_int_equal(got->line, 5);
	assert_true(str_eq_c(got->entry, "X.Example."));
	assert_int_equal(got->match, MATCH_SUBDOMAINS);
	assert_int_equal(got->action, ACTION_BLOCK);
	assert_int_equal(got->answer, ANSWER_NXDOMAIN);
	assert_int_equal(got->mode, MODE_SHADOW);
	assert_true(got->mandatory);
	assert_int_equal(got->code, CODE_FILTERED);
	assert_true(str_eq_c(got->authority, "its own \xc3\xa9"));
	assert_true(str_eq_c(got->reason, "the file's"));
	assert_true(str_eq_c(got->reference, "https://settings.example/"));
	assert_int_equal(got->contact_count, POLICY_CONTACTS_MAX);
	assert_true(str_eq_c(got->contact[0], "c0"));
	assert_true(str_eq_c(got->contact[15], "c15"));
	assert_true(str_eq_c(got->added, "2017-07-14"));
	assert_true(str_eq_c(got->review, "2017-08-14"));
	assert_true(str_eq_c(got->expires, "2035-01-01"));
	assert_true(str_eq_c(got->lifted, "2034-01-01"));
	assert_true(str_eq_c(got->lifted_by, "B"));
	assert_true(str_eq_c(got->lift_reason, "L"));
	assert_true(str_eq_c(got->lift_reference, "R"));
	assert_true(str_eq_c(got->organization, "O"));
	assert_true(str_eq_c(got->language, "id"));
	assert_int_equal(got->sub_error, SUB_ERROR_SPAM);

	name = name_of("bare.example");
	assert_int_equal(policy_explain(f.policy, f.scratch, &q, NOW_S, &hit, 1), 1);
	assert_int_equal(got->line, 6);
	assert_true(str_eq_c(got->entry, "bare.example"));
	assert_true(str_eq_c(got->authority, "the file's"));
	assert_null(got->added.ptr);
	assert_null(got->review.ptr);
	assert_null(got->expires.ptr);
	assert_null(got->lifted.ptr);
	assert_null(got->lifted_by.ptr);
	assert_null(got->lift_reason.ptr);
	assert_null(got->lift_reference.ptr);
	assert_int_equal(got->sub_error, SUB_ERROR_NONE); /* a default that does not go with the code "filtered" */
}

#define TEST(name) FIXTURE_TEST(name, &f)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(every_reason_to_lose),		  TEST(the_rank_that_wins_is_named), TEST(nothing_in_force_yet_something_matches),
	    TEST(conditions_that_fail_are_named), TEST(addresses_in_answers),	     TEST(entries_are_shown_as_written),
	    TEST(an_entry_tells_all_it_knows),	  TEST(an_entry_on_trial_says_so),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
