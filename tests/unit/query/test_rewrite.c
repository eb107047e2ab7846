/* SPDX-License-Identifier: BSD-2-Clause
 * What entries with records of their own are answered, where their CNAMEs lead, and what is made of rpz-tcp-only. */
#include "query/query.h"

#include "rig.h"

#include "base/clock.h"
#include "query/deliver.h"
#include "script.h"
#include "wire/edns.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A world with another policy. */
static struct policy *new_world(struct rig *rig)
{
	struct policy *policy = script_create();

	generation_publish(rig->gs, policy, NULL, NULL, NULL, NULL);
	return policy;
}

static uint64_t list_blocked(const struct rig *rig)
{
	return atomic_load(&rig->counters->list_blocked[0]);
}

static void cname_rule(struct rig *rig, const char *name, const char *to)
{
	script_record(script_name(script_policy(rig), name, ANSWER_LOCAL), RRTYPE_CNAME, RECORDS_TTL_UNSAID, to);
}

static void cache_a(struct rig *rig, const char *name, uint32_t ttl_s, const char *address)
{
	static struct rig_reply r;

	rig_reply_begin(&r, name, RRTYPE_A, RCODE_NOERROR);
	rig_reply_add(&r, name, RRTYPE_A, ttl_s, address);
	rig_reply_end(&r);
	rig_cache(rig, &r);
}

static void reply_a(struct rig_reply *r, const char *name, uint32_t ttl_s, const char *address)
{
	rig_reply_begin(r, name, RRTYPE_A, RCODE_NOERROR);
	rig_reply_add(r, name, RRTYPE_A, ttl_s, address);
	rig_reply_end(r);
}

static void test_local_records(void **state)
{
	struct rig *rig = *state;
	struct script_rule *rule = script_name(script_policy(rig), "local.example", ANSWER_LOCAL);

	script_record(rule, RRTYPE_A, 300, "192.0.2.1");
	script_record(rule, RRTYPE_A, RECORDS_TTL_UNSAID, "192.0.2.2");
	script_record(rule, RRTYPE_AAAA, 60, "2001:db8::1");
	script_record(rule, RRTYPE_TXT, 5, "\2hi");
	rig_ask(rig, &rig_udp, "Local.EXAMPLE", RRTYPE_A, true);
	assert_int_equal(rig_flags(rig), 0x8180);
	assert_string_equal(rig_record(rig, 0), "Local.EXAMPLE 300 A 192.0.2.1");
	assert_string_equal(rig_record(rig, 1), "Local.EXAMPLE 10 A 192.0.2.2");
	assert_string_equal(rig_record(rig, 2), "OPT");
	assert_int_equal(rig_ede(rig), EDE_FILTERED);
	rig_ask(rig, &rig_udp, "local.example", RRTYPE_AAAA, false);
	assert_string_equal(rig_record(rig, 0), "local.example 60 AAAA 2001:db8::1");
	assert_string_equal(rig_record(rig, 1), "");
	rig_ask(rig, &rig_udp, "local.example", RRTYPE_TXT, false);
	assert_string_equal(rig_record(rig, 0), "local.example 5 TXT 026869");
	rig_ask(rig, &rig_udp, "local.example", RRTYPE_ANY, false);
	assert_int_equal(rig_u16(rig, 6), 4);
	/* no record of that type: NODATA, not NXDOMAIN */
	rig_ask(rig, &rig_tcp, "local.example", RRTYPE_MX, true);
	assert_int_equal(rig_flags(rig), 0x8180);
	assert_int_equal(rig_u16(rig, 6), 0);
	assert_string_equal(rig_record(rig, 0), "local.example 10 SOA saring.invalid");
	assert_int_equal(rig_ede(rig), EDE_FILTERED);
	assert_int_equal(rig_count(rig, COUNTER_BLOCKED), 5);
	assert_int_equal(list_blocked(rig), 5);
}

static void test_local_rcode(void **state)
{
	struct rig *rig = *state;

	records_set_rcode(&script_name(script_policy(rig), "fails.example", ANSWER_LOCAL)->records, RCODE_SERVFAIL);
	rig_ask(rig, &rig_udp, "fails.example", RRTYPE_A, true);
	assert_int_equal(rig_flags(rig), 0x8182);
	assert_string_equal(rig_record(rig, 0), "OPT");
	assert_int_equal(rig_count(rig, COUNTER_BLOCKED), 1);
}

static void test_truncate(void **state)
{
	struct rig *rig = *state;
	static struct rig_reply r;

	(void)script_name(script_policy(rig), "tcp.example", ANSWER_TRUNCATE);
	(void)script_name(script_policy(rig), "bad.example", ANSWER_NXDOMAIN);
	cache_a(rig, "tcp.example", 300, "192.0.2.1");
	rig_ask(rig, &rig_udp, "tcp.example", RRTYPE_A, true);
	assert_int_equal(rig_flags(rig), 0x8380);
	assert_string_equal(rig_record(rig, 0), "OPT");
	assert_int_equal(rig_ede(rig), -1);
	assert_int_equal(rig_count(rig, COUNTER_LOCAL), 1);
	assert_int_equal(list_blocked(rig), 0);
	rig_ask(rig, &rig_tcp, "tcp.example", RRTYPE_A, true);
	assert_int_equal(rig_flags(rig), 0x8180);
	assert_string_equal(rig_record(rig, 0), "tcp.example 300 A 192.0.2.1");
	assert_int_equal(rig_count(rig, COUNTER_CACHED), 1);
	/* let through is not allowed: what the answer leads through still counts */
	rig_reply_begin(&r, "tcp.example", RRTYPE_A, RCODE_NOERROR);
	rig_reply_add(&r, "tcp.example", RRTYPE_CNAME, 300, "bad.example");
	rig_reply_add(&r, "bad.example", RRTYPE_A, 300, "192.0.2.1");
	rig_reply_end(&r);
	rig_cache(rig, &r);
	rig_ask(rig, &rig_tcp, "tcp.example", RRTYPE_A, true);
	assert_int_equal(rig_flags(rig), 0x8183);
	/* and a target of which this is said, is asked for by TCP as well */
	rig_reply_begin(&r, "alias.example", RRTYPE_A, RCODE_NOERROR);
	rig_reply_add(&r, "alias.example", RRTYPE_CNAME, 300, "tcp.example");
	rig_reply_add(&r, "tcp.example", RRTYPE_A, 300, "192.0.2.1");
	rig_reply_end(&r);
	rig_cache(rig, &r);
	rig_ask(rig, &rig_udp, "alias.example", RRTYPE_A, true);
	assert_int_equal(rig_flags(rig), 0x8380);
	rig_ask(rig, &rig_tcp, "alias.example", RRTYPE_A, true);
	assert_int_equal(rig_flags(rig), 0x8180);
	assert_int_equal(rig_u16(rig, 6), 2);
}

static void test_cname_alone(void **state)
{
	struct rig *rig = *state;

	script_record(script_name(script_policy(rig), "x.example", ANSWER_LOCAL), RRTYPE_CNAME, 77, "garden.example");
	rig_ask(rig, &rig_udp, "X.example", RRTYPE_CNAME, true);
	assert_string_equal(rig_record(rig, 0), "X.example 77 CNAME garden.example");
	assert_string_equal(rig_record(rig, 1), "OPT");
	rig_ask(rig, &rig_tcp, "x.example", RRTYPE_ANY, false);
	assert_string_equal(rig_record(rig, 0), "x.example 77 CNAME garden.example");
	assert_int_equal(rig_u16(rig, 6), 1);
	assert_int_equal(rig_count(rig, COUNTER_BLOCKED), 2);
}

/* The target's answer comes from the cache, behind the CNAME, and policy is not asked about the target. */
static void test_followed_in_the_cache(void **state)
{
	struct rig *rig = *state;

	cname_rule(rig, "x.example", "garden.example");
	(void)script_name(script_policy(rig), "garden.example", ANSWER_NXDOMAIN);
	rig->cached_since_ms = 100000;
	cache_a(rig, "garden.example", 300, "192.0.2.7");
	rig_ask(rig, &rig_udp, "X.Example", RRTYPE_A, true);
	assert_int_equal(rig_flags(rig), 0x8180);
	assert_int_equal(rig_u16(rig, 6), 2);
	assert_string_equal(rig_record(rig, 0), "X.Example 10 CNAME garden.Example"); /* packed against the question */
	assert_string_equal(rig_record(rig, 1), "garden.Example 200 A 192.0.2.7");
	assert_int_equal(rig_ede(rig), EDE_FILTERED);
	assert_int_equal(rig_count(rig, COUNTER_BLOCKED), 1);
	assert_int_equal(rig_count(rig, COUNTER_CACHED), 0);
	assert_int_equal(list_blocked(rig), 1);
	/* asked for itself it is as blocked as ever */
	rig_ask(rig, &rig_udp, "garden.example", RRTYPE_A, true);
	assert_int_equal(rig_flags(rig), 0x8183);
}

/* The target is asked for; a chain in its answer, with pointers into what is not there any more, is laid out anew. */
static void test_followed_upstream(void **state)
{
	struct rig *rig = *state;
	static struct rig_reply r;

	cname_rule(rig, "a.long.name.under.test.invalid", "www.garden.example");
	rig_asking(rig, "www.garden.example", RRTYPE_A);
	rig_ask(rig, &rig_udp, "a.long.name.under.test.invalid", RRTYPE_A, true);
	assert_int_equal(rig->sent_count, 0);
	rig_reply_begin(&r, "www.garden.example", RRTYPE_A, RCODE_NOERROR);
	rig_reply_add(&r, "www.garden.example", RRTYPE_CNAME, 30, "b.garden.example");
	rig_reply_add(&r, "b.garden.example", RRTYPE_CNAME, 31, "c.b.garden.example");
	rig_reply_add(&r, "c.b.garden.example", RRTYPE_A, 32, "192.0.2.1");
	rig_reply_add(&r, "c.b.garden.example", RRTYPE_A, 32, "192.0.2.2");
	rig_reply_end(&r);
	assert_int_equal(rig_answered(rig, "www.garden.example", RRTYPE_A, POOL_ANSWER, &r), 1);
	assert_int_equal(rig->sent_count, 1);
	assert_int_equal(rig_flags(rig), 0x8180);
	assert_string_equal(rig_record(rig, 0), "a.long.name.under.test.invalid 10 CNAME www.garden.example");
	assert_string_equal(rig_record(rig, 1), "www.garden.example 30 CNAME b.garden.example");
	assert_string_equal(rig_record(rig, 2), "b.garden.example 31 CNAME c.b.garden.example");
	assert_string_equal(rig_record(rig, 3), "c.b.garden.example 32 A 192.0.2.1");
	assert_string_equal(rig_record(rig, 4), "c.b.garden.example 32 A 192.0.2.2");
	assert_string_equal(rig_record(rig, 5), "OPT");
	assert_int_equal(rig_count(rig, COUNTER_BLOCKED), 1);
	assert_int_equal(rig_count(rig, COUNTER_FORWARDED), 0);
	assert_int_equal(rig->service->slots_used, 0);
}

static void test_denied_target(void **state)
{
	struct rig *rig = *state;
	static struct rig_reply r;

	cname_rule(rig, "x.test", "garden.example");
	rig_reply_begin(&r, "garden.example", RRTYPE_A, RCODE_NXDOMAIN);
	rig_reply_add(&r, "example", RRTYPE_SOA, 60, "-");
	rig_reply_end(&r);
	rig_cache(rig, &r);
	rig_ask(rig, &rig_udp, "x.test", RRTYPE_A, true);
	assert_int_equal(rig_flags(rig), 0x8183);
	assert_int_equal(rig_u16(rig, 6), 1);
	assert_int_equal(rig_u16(rig, 8), 1);
	assert_string_equal(rig_record(rig, 0), "x.test 10 CNAME garden.example");
	assert_string_equal(rig_record(rig, 1), "example 60 SOA ns.example");
}

static void test_target_fails(void **state)
{
	struct rig *rig = *state;

	cname_rule(rig, "x.test", "garden.example");
	rig_asking(rig, "garden.example", RRTYPE_A);
	rig_ask(rig, &rig_udp, "x.test", RRTYPE_A, true);
	assert_int_equal(rig_answered(rig, "garden.example", RRTYPE_A, POOL_TIMEOUT, NULL), 1);
	assert_int_equal(rig_flags(rig), 0x8182);
	assert_int_equal(rig_ede(rig), EDE_NO_REACHABLE_AUTHORITY);
	assert_int_equal(rig_count(rig, COUNTER_FAILED), 1);
	assert_int_equal(rig_count(rig, COUNTER_BLOCKED), 0);
	assert_int_equal(list_blocked(rig), 0);
}

static void test_stale_target(void **state)
{
	struct rig *rig = *state;

	cname_rule(rig, "x.test", "garden.example");
	rig->cached_since_ms = 400000;
	cache_a(rig, "garden.example", 300, "192.0.2.7");
	rig_asking(rig, "garden.example", RRTYPE_A);
	rig_ask(rig, &rig_udp, "x.test", RRTYPE_A, true);
	assert_int_equal(rig->sent_count, 0);
	assert_int_equal(rig_answered(rig, "garden.example", RRTYPE_A, POOL_TIMEOUT, NULL), 1);
	assert_int_equal(rig_flags(rig), 0x8180);
	assert_string_equal(rig_record(rig, 0), "x.test 10 CNAME garden.example");
	assert_string_equal(rig_record(rig, 1), "garden.example 30 A 192.0.2.7");
	assert_int_equal(rig_count(rig, COUNTER_BLOCKED), 1);
}

/* The client response timer gives the target's stale answer as well; the entry that went meanwhile is not followed. */
static void test_stale_timer(void **state)
{
	struct rig *rig = *state;

	cname_rule(rig, "x.test", "garden.example");
	cache_a(rig, "y.test", 300, "192.0.2.8");
	rig->cached_since_ms = 400000;
	cache_a(rig, "garden.example", 300, "192.0.2.7");
	rig_asking(rig, "garden.example", RRTYPE_A);
	rig_ask(rig, &rig_udp, "x.test", RRTYPE_A, true);
	assert_int_equal(rig->sent_count, 0);
	assert_non_null(rig->service->stale_first);
	rig->service->stale_first->stale_at_ms = 0;
	service_stale_due(rig->service);
	assert_int_equal(rig->sent_count, 1);
	assert_string_equal(rig_record(rig, 0), "x.test 10 CNAME garden.example");
	assert_string_equal(rig_record(rig, 1), "garden.example 30 A 192.0.2.7");
	/* the upstream's answer finds nobody */
	assert_int_equal(rig_answered(rig, "garden.example", RRTYPE_A, POOL_TIMEOUT, NULL), 1);
	assert_int_equal(rig->sent_count, 1);

	rig_asking(rig, "garden.example", RRTYPE_A);
	cname_rule(rig, "y.test", "garden.example");
	rig_ask(rig, &rig_udp, "y.test", RRTYPE_A, true);
	assert_non_null(rig->service->stale_first);
	(void)new_world(rig);
	rig->service->stale_first->stale_at_ms = 0;
	service_stale_due(rig->service);
	assert_int_equal(rig->sent_count, 2);
	assert_string_equal(rig_record(rig, 0), "y.test 300 A 192.0.2.8");
	assert_int_equal(rig->service->slots_used, 0);
	assert_null(rig->service->stale_first);
}

/* Two names with one target are one ask, and each gets its own name back. */
static void test_equal_targets_are_merged(void **state)
{
	struct rig *rig = *state;
	static struct rig_reply r;

	cname_rule(rig, "x.test", "garden.example");
	cname_rule(rig, "y.test", "garden.example");
	rig_asking(rig, "garden.example", RRTYPE_A);
	rig_ask(rig, &rig_udp, "x.test", RRTYPE_A, false);
	rig_ask(rig, &rig_udp, "y.test", RRTYPE_A, false);
	rig_ask(rig, &rig_udp, "garden.example", RRTYPE_A, false);
	assert_int_equal(rig_count(rig, COUNTER_COALESCED), 3);
	reply_a(&r, "garden.example", 300, "192.0.2.1");
	assert_int_equal(rig_answered(rig, "garden.example", RRTYPE_A, POOL_ANSWER, &r), 3);
	assert_int_equal(rig->sent_count, 3);
	assert_string_equal(rig_record(rig, 0), "garden.example 300 A 192.0.2.1"); /* the last in order of arrival */
	assert_int_equal(rig_count(rig, COUNTER_BLOCKED), 2);
	assert_int_equal(rig_count(rig, COUNTER_FORWARDED), 1);
}

static void test_wildcard_target(void **state)
{
	struct rig *rig = *state;
	char longest[NAME_TEXT_MAX] = "";

	cname_rule(rig, "x.test", "*.garden.example");
	cache_a(rig, "x.test.garden.example", 300, "192.0.2.1");
	rig_ask(rig, &rig_udp, "X.test", RRTYPE_A, false);
	assert_string_equal(rig_record(rig, 0), "X.test 10 CNAME x.test.garden.example");
	assert_string_equal(rig_record(rig, 1), "x.test.garden.example 300 A 192.0.2.1");
	for (int i = 0; i < 125; i++)
		strcat(longest, "a.");
	strcat(longest, "b"); /* 253 octets of wire form: nothing more fits */
	cname_rule(rig, longest, "*.garden.example");
	rig_ask(rig, &rig_udp, longest, RRTYPE_A, true);
	assert_int_equal(rig_flags(rig) & MSG_RCODE, RCODE_YXDOMAIN);
	assert_int_equal(rig_u16(rig, 6), 0);
	rig_ask(rig, &rig_udp, longest, RRTYPE_CNAME, true);
	assert_int_equal(rig_flags(rig) & MSG_RCODE, RCODE_YXDOMAIN);
	assert_int_equal(rig_count(rig, COUNTER_BLOCKED), 3);
}

static void test_cname_to_itself_lets_through(void **state)
{
	struct rig *rig = *state;

	cname_rule(rig, "x.test", "x.test");
	cache_a(rig, "x.test", 300, "192.0.2.1");
	rig_ask(rig, &rig_udp, "x.test", RRTYPE_A, true);
	assert_string_equal(rig_record(rig, 0), "x.test 300 A 192.0.2.1");
	assert_int_equal(rig_ede(rig), -1);
	assert_int_equal(rig_count(rig, COUNTER_CACHED), 1);
}

/* While a question waits for the target's answer, lists change: it gets what the new ones say. */
static void test_edit_while_waiting(void **state)
{
	struct rig *rig = *state;
	static struct rig_reply target, own;

	reply_a(&target, "garden.example", 300, "192.0.2.1");
	reply_a(&own, "x.test", 300, "192.0.2.2");
	cname_rule(rig, "x.test", "garden.example");

	/* no entry any more: the name asked is looked up itself */
	rig_asking(rig, "garden.example", RRTYPE_A);
	rig_ask(rig, &rig_udp, "x.test", RRTYPE_A, false);
	(void)new_world(rig);
	rig_asking(rig, "x.test", RRTYPE_A);
	assert_int_equal(rig_answered(rig, "garden.example", RRTYPE_A, POOL_ANSWER, &target), 1);
	assert_int_equal(rig->sent_count, 0);
	assert_int_equal(rig->service->slots_used, 1);
	assert_int_equal(rig_answered(rig, "x.test", RRTYPE_A, POOL_ANSWER, &own), 1);
	assert_string_equal(rig_record(rig, 0), "x.test 300 A 192.0.2.2");
	assert_int_equal(rig_count(rig, COUNTER_FORWARDED), 1);

	/* an entry since it waits: its CNAME is followed, the answer that came is not shown */
	rig_asking(rig, "x.test", RRTYPE_A);
	rig_ask(rig, &rig_udp, "x.test", RRTYPE_A, false);
	(void)new_world(rig);
	cname_rule(rig, "x.test", "garden.example");
	rig_asking(rig, "garden.example", RRTYPE_A);
	assert_int_equal(rig_answered(rig, "x.test", RRTYPE_A, POOL_ANSWER, &own), 1);
	assert_int_equal(rig->sent_count, 1);
	assert_int_equal(rig_answered(rig, "garden.example", RRTYPE_A, POOL_ANSWER, &target), 1);
	assert_string_equal(rig_record(rig, 0), "x.test 10 CNAME garden.example");
	assert_string_equal(rig_record(rig, 1), "garden.example 300 A 192.0.2.1");

	/* a plain block since it waits */
	rig_asking(rig, "garden.example", RRTYPE_A);
	rig_ask(rig, &rig_udp, "x.test", RRTYPE_A, false);
	(void)script_name(new_world(rig), "x.test", ANSWER_REFUSED);
	assert_int_equal(rig_answered(rig, "garden.example", RRTYPE_A, POOL_ANSWER, &target), 1);
	assert_int_equal(rig_flags(rig), 0x8185);
	assert_int_equal(rig->sent_count, 3);
	assert_int_equal(rig->service->slots_used, 0);
	assert_int_equal(rig_count(rig, COUNTER_TOTAL), 3);
	assert_int_equal(rig_count(rig, COUNTER_BLOCKED), 2);
}

/* The same policy, but the entry has ended meanwhile. */
static void test_expiry_while_waiting(void **state)
{
	struct rig *rig = *state;
	static struct rig_reply target;

	clock_set_for_test(1000000, 1800000000);
	cname_rule(rig, "x.test", "garden.example");
	cache_a(rig, "x.test", 300, "192.0.2.2");
	rig_asking(rig, "garden.example", RRTYPE_A);
	rig_ask(rig, &rig_udp, "x.test", RRTYPE_A, false);
	script_policy(rig)->rules[0].kind = VERDICT_NONE;
	clock_set_for_test(1000010, 1800000001);
	reply_a(&target, "garden.example", 300, "192.0.2.1");
	assert_int_equal(rig_answered(rig, "garden.example", RRTYPE_A, POOL_ANSWER, &target), 1);
	assert_string_equal(rig_record(rig, 0), "x.test 300 A 192.0.2.2");
	assert_int_equal(rig_count(rig, COUNTER_CACHED), 1);
	assert_int_equal(rig->service->slots_used, 0);
	clock_set_for_test(-1, -1);
}

/* Nothing that an entry brings outlives it: its own records, its CNAME, what that leads to, a denial. */
static void test_no_ttl_outlives_the_entry(void **state)
{
	struct rig *rig = *state;
	static struct rig_reply r;
	struct script_rule *rules[] = {script_name(script_policy(rig), "local.example", ANSWER_LOCAL),
				       script_name(script_policy(rig), "x.example", ANSWER_LOCAL),
				       script_name(script_policy(rig), "y.example", ANSWER_LOCAL)};

	script_record(rules[0], RRTYPE_A, 300, "192.0.2.1");
	script_record(rules[0], RRTYPE_A, RECORDS_TTL_UNSAID, "192.0.2.2");
	script_record(rules[0], RRTYPE_A, 3, "192.0.2.3");
	script_record(rules[1], RRTYPE_CNAME, 300, "garden.example");
	script_record(rules[2], RRTYPE_CNAME, 300, "gone.example");
	for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
		rules[i]->ends = true;
		rules[i]->left_s = 4;
	}
	cache_a(rig, "garden.example", 300, "192.0.2.7");
	rig_reply_begin(&r, "gone.example", RRTYPE_A, RCODE_NXDOMAIN);
	rig_reply_add(&r, "example", RRTYPE_SOA, 60, "-");
	rig_reply_end(&r);
	rig_cache(rig, &r);
	rig_ask(rig, &rig_udp, "local.example", RRTYPE_A, false);
	assert_string_equal(rig_record(rig, 0), "local.example 4 A 192.0.2.1");
	assert_string_equal(rig_record(rig, 1), "local.example 4 A 192.0.2.2");
	assert_string_equal(rig_record(rig, 2), "local.example 3 A 192.0.2.3");
	rig_ask(rig, &rig_udp, "local.example", RRTYPE_MX, false);
	assert_string_equal(rig_record(rig, 0), "local.example 4 SOA saring.invalid");
	rig_ask(rig, &rig_udp, "x.example", RRTYPE_CNAME, false);
	assert_string_equal(rig_record(rig, 0), "x.example 4 CNAME garden.example");
	rig_ask(rig, &rig_udp, "x.example", RRTYPE_A, false);
	assert_string_equal(rig_record(rig, 0), "x.example 4 CNAME garden.example");
	assert_string_equal(rig_record(rig, 1), "garden.example 4 A 192.0.2.7");
	rig_ask(rig, &rig_udp, "y.example", RRTYPE_A, false);
	assert_string_equal(rig_record(rig, 0), "y.example 4 CNAME gone.example");
	assert_string_equal(rig_record(rig, 1), "example 4 SOA ns.example");
	rules[1]->left_s = 1000; /* the target's own TTL is the shorter */
	rig_ask(rig, &rig_udp, "x.example", RRTYPE_A, false);
	assert_string_equal(rig_record(rig, 0), "x.example 300 CNAME garden.example");
	assert_string_equal(rig_record(rig, 1), "garden.example 300 A 192.0.2.7");
}

/* The entry was met behind a CNAME; it ends while its own CNAME's target is asked for. */
static void test_end_of_what_an_answer_brought(void **state)
{
	struct rig *rig = *state;
	static struct rig_reply r;
	struct script_rule *rule = script_name(script_policy(rig), "cloak.test", ANSWER_LOCAL);

	script_record(rule, RRTYPE_CNAME, 300, "garden.example");
	rig_reply_begin(&r, "alias.test", RRTYPE_A, RCODE_NOERROR);
	rig_reply_add(&r, "alias.test", RRTYPE_CNAME, 300, "cloak.test");
	rig_reply_add(&r, "cloak.test", RRTYPE_A, 300, "192.0.2.9");
	rig_reply_end(&r);
	rig_cache(rig, &r);
	for (unsigned ends = 0; ends < 2; ends++) {
		rig_asking(rig, "garden.example", RRTYPE_A);
		rig_ask(rig, &rig_udp, "alias.test", RRTYPE_A, false);
		assert_int_equal(rig->sent_count, ends);
		clock_set_for_test(-1, 1700000000 + (int64_t)ends);
		rule->ends = ends > 0;
		if (ends > 0)
			script_policy(rig)->rules[0].name.len = 0; /* what has ended matches nothing */
		reply_a(&r, "garden.example", 300, "192.0.2.1");
		assert_int_equal(rig_answered(rig, "garden.example", RRTYPE_A, POOL_ANSWER, &r), 1);
		assert_int_equal(rig->sent_count, ends + 1);
		assert_string_equal(rig_record(rig, 0),
				    ends > 0 ? "alias.test 300 CNAME cloak.test" : "alias.test 300 CNAME garden.example");
	}
	clock_set_for_test(-1, -1);
}

static void test_large_target_is_truncated(void **state)
{
	struct rig *rig = *state;
	static struct rig_reply r;
	char address[32];

	cname_rule(rig, "x.test", "garden.example");
	rig_reply_begin(&r, "garden.example", RRTYPE_A, RCODE_NOERROR);
	for (int i = 0; i < 100; i++) {
		snprintf(address, sizeof(address), "192.0.2.%d", i);
		rig_reply_add(&r, "garden.example", RRTYPE_A, 300, address);
	}
	rig_reply_end(&r);
	rig_cache(rig, &r);
	rig_ask(rig, &rig_udp, "x.test", RRTYPE_A, true);
	assert_int_equal(rig_flags(rig), 0x8380);
	assert_string_equal(rig_record(rig, 0), "OPT");
	rig_ask(rig, &rig_tcp, "x.test", RRTYPE_A, true);
	assert_int_equal(rig_flags(rig), 0x8180);
	assert_int_equal(rig_u16(rig, 6), 101);
	assert_string_equal(rig_record(rig, 100), "garden.example 300 A 192.0.2.99");
}

/* Who asks and for what is told to the policy, and a batch goes by what was prepared. */
static void test_the_question_is_told(void **state)
{
	struct rig *rig = *state;
	char text[ADDR_TEXT_MAX];

	(void)script_name(script_policy(rig), "x.test", ANSWER_NODATA);
	rig_ask(rig, &rig_udp, "x.test", RRTYPE_HTTPS, false);
	assert_string_equal(addr_host_to_text(&script_client, text), "127.0.0.1");
	assert_int_equal(script_type, RRTYPE_HTTPS);
	assert_int_equal(script_matched_prepared, 0);
	rig->prepare = true;
	rig_ask(rig, &rig_udp, "x.test", RRTYPE_A, false);
	assert_int_equal(script_matched_prepared, 1);
	assert_int_equal(rig_flags(rig), 0x8180);
	/* what was prepared is the batch's: a question that waited into another second is judged without */
	clock_set_for_test(1000000, 1800000000);
	rig_asking(rig, "y.test", RRTYPE_A);
	rig_ask(rig, &rig_udp, "y.test", RRTYPE_A, false);
	assert_int_equal(script_matched_prepared, 2);
	assert_int_equal(script_matched, 3);
	clock_set_for_test(1000010, 1800000001);
	assert_int_equal(rig_answered(rig, "y.test", RRTYPE_A, POOL_TIMEOUT, NULL), 1);
	assert_int_equal(script_matched_prepared, 2);
	assert_int_equal(script_matched, 4);
	/* within the second, and in the same world, the verdict stands */
	rig_asking(rig, "y.test", RRTYPE_A);
	rig_ask(rig, &rig_udp, "y.test", RRTYPE_A, false);
	assert_int_equal(script_matched, 5);
	assert_int_equal(rig_answered(rig, "y.test", RRTYPE_A, POOL_TIMEOUT, NULL), 1);
	assert_int_equal(script_matched, 5);
	clock_set_for_test(-1, -1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, script_set_up, script_tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(test_local_records),
	    TEST(test_local_rcode),
	    TEST(test_truncate),
	    TEST(test_cname_alone),
	    TEST(test_followed_in_the_cache),
	    TEST(test_followed_upstream),
	    TEST(test_denied_target),
	    TEST(test_target_fails),
	    TEST(test_stale_target),
	    TEST(test_stale_timer),
	    TEST(test_equal_targets_are_merged),
	    TEST(test_wildcard_target),
	    TEST(test_cname_to_itself_lets_through),
	    TEST(test_edit_while_waiting),
	    TEST(test_expiry_while_waiting),
	    TEST(test_no_ttl_outlives_the_entry),
	    TEST(test_end_of_what_an_answer_brought),
	    TEST(test_large_target_is_truncated),
	    TEST(test_the_question_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
