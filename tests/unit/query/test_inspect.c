/* SPDX-License-Identifier: BSD-2-Clause
 * What an answer holds is judged: targets of CNAMEs, addresses, the hints of HTTPS records. */
#include "query/query.h"

#include "rig.h"
#include "script.h"
#include "wire/edns.h"

#include <string.h>

static void cache_one(struct rig *rig, const char *name, uint16_t type, const char *rdata)
{
	static struct rig_reply r;

	rig_reply_begin(&r, name, type, RCODE_NOERROR);
	rig_reply_add(&r, name, type, 300, rdata);
	rig_reply_end(&r);
	rig_cache(rig, &r);
}

static void test_addresses(void **state)
{
	struct rig *rig = *state;
	static struct rig_reply r;

	(void)script_address(script_policy(rig), "192.0.2.66", ANSWER_NXDOMAIN);
	(void)script_address(script_policy(rig), "2001:db8::66", ANSWER_NULL);
	rig_reply_begin(&r, "two.example", RRTYPE_A, RCODE_NOERROR);
	rig_reply_add(&r, "two.example", RRTYPE_CNAME, 300, "www.two.example");
	rig_reply_add(&r, "www.two.example", RRTYPE_A, 300, "192.0.2.1");
	rig_reply_add(&r, "www.two.example", RRTYPE_A, 300, "192.0.2.66");
	rig_reply_end(&r);
	rig_cache(rig, &r);
	rig_ask(rig, &rig_udp, "two.example", RRTYPE_A, true);
	assert_int_equal(rig_flags(rig), 0x8183);
	assert_int_equal(rig_u16(rig, 6), 0);
	/* the SOA stands by the name asked, whatever the address's entry is */
	assert_string_equal(rig_record(rig, 0), "example 10 SOA saring.invalid");
	assert_int_equal(rig_ede(rig), EDE_FILTERED);
	cache_one(rig, "six.example", RRTYPE_AAAA, "2001:db8::66");
	rig_ask(rig, &rig_udp, "six.example", RRTYPE_AAAA, true);
	assert_string_equal(rig_record(rig, 0), "six.example 10 AAAA ::");
	assert_int_equal(rig_count(rig, COUNTER_BLOCKED), 2);
	assert_int_equal(atomic_load(&rig->counters->list_blocked[0]), 2);
	cache_one(rig, "good.example", RRTYPE_A, "192.0.2.65");
	rig_ask(rig, &rig_udp, "good.example", RRTYPE_A, true);
	assert_string_equal(rig_record(rig, 0), "good.example 300 A 192.0.2.65");
	/* the same octets in another type's data are no address */
	cache_one(rig, "ns.good.example", RRTYPE_NS, "192.0.2.66");
	rig_ask(rig, &rig_udp, "ns.good.example", RRTYPE_NS, true);
	assert_int_equal(rig_u16(rig, 6), 1);
}

/* What an upstream says is judged as what the cache says. */
static void test_fresh_answer(void **state)
{
	struct rig *rig = *state;
	static struct rig_reply r;

	(void)script_address(script_policy(rig), "192.0.2.66", ANSWER_DROP);
	rig_asking(rig, "x.example", RRTYPE_A);
	rig_ask(rig, &rig_udp, "x.example", RRTYPE_A, true);
	rig_reply_begin(&r, "x.example", RRTYPE_A, RCODE_NOERROR);
	rig_reply_add(&r, "x.example", RRTYPE_A, 300, "192.0.2.66");
	rig_reply_end(&r);
	assert_int_equal(rig_answered(rig, "x.example", RRTYPE_A, POOL_ANSWER, &r), 1);
	assert_int_equal(rig->sent_count, 0);
	assert_int_equal(rig->dropped_count, 1);
	assert_int_equal(rig_count(rig, COUNTER_BLOCKED), 1);
	assert_int_equal(rig->service->slots_used, 0);
}

static void test_hints(void **state)
{
	struct rig *rig = *state;
	static struct rig_reply r;
	/* priority, target ".", alpn, ipv4hint of two, ipv6hint of one */
	static const uint8_t hints4[] = {0, 1, 0, 0, 1, 0, 3, 2, 'h', '2', 0, 4, 0, 8, 192, 0, 2, 1, 192, 0, 2, 66};
	static const uint8_t hints6[] = {0, 1, 0, 0, 6, 0, 16, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x66};
	/* key 5 (ech) with the octets of an address */
	static const uint8_t other[] = {0, 1, 0, 0, 5, 0, 16, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x66};
	static const struct {
		const char *name;
		const uint8_t *rdata;
		uint16_t len;
		bool blocked;
	} cases[] = {{"v4.example", hints4, sizeof(hints4), true},
		     {"v6.example", hints6, sizeof(hints6), true},
		     {"other.example", other, sizeof(other), false}};

	(void)script_address(script_policy(rig), "192.0.2.66", ANSWER_NXDOMAIN);
	(void)script_address(script_policy(rig), "2001:db8::66", ANSWER_NXDOMAIN);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		rig_reply_begin(&r, cases[i].name, RRTYPE_HTTPS, RCODE_NOERROR);
		rig_reply_add_bytes(&r, cases[i].name, RRTYPE_HTTPS, 300, cases[i].rdata, cases[i].len);
		rig_reply_end(&r);
		rig_cache(rig, &r);
		rig_ask(rig, &rig_udp, cases[i].name, RRTYPE_HTTPS, true);
		/* not NXDOMAIN: for other types the name may have data */
		assert_int_equal(rig_flags(rig), 0x8180);
		assert_int_equal(rig_u16(rig, 6), cases[i].blocked ? 0 : 1);
	}
}

/* Where an HTTPS record sends clients is as good as a CNAME (protocol: cloaking), with and without rules for addresses. */
static void test_service_targets(void **state)
{
	struct rig *rig = *state;
	static struct rig_reply r;
	static const uint8_t alias[] = "\0\0\3ADS\7example"; /* priority 0, and the root: the literal's own NUL */
	static const uint8_t service[] = {0, 1, 3, 'a', 'd', 's', 7, 'e', 'x', 'a', 'm', 'p', 'l', 'e', 0, 0, 1, 0, 3, 2, 'h', '2'};
	static const uint8_t self[] = {0, 1, 0, 0, 1, 0, 3, 2, 'h', '2'};
	static const uint8_t other[] = "\0\1\3sda\7example";
	static const struct {
		const char *name;
		const uint8_t *rdata;
		uint16_t type, len;
		bool blocked;
	} cases[] = {{"alias.test", alias, RRTYPE_HTTPS, sizeof(alias), true},
		     {"service.test", service, RRTYPE_SVCB, sizeof(service), true},
		     {"self.test", self, RRTYPE_HTTPS, sizeof(self), false},
		     {"other.test", other, RRTYPE_HTTPS, sizeof(other), false},
		     {"unknown.test", alias, 65280, sizeof(alias), false}};

	(void)script_name(script_policy(rig), "ads.example", ANSWER_NXDOMAIN);
	for (int addresses = 0; addresses < 2; addresses++) {
		for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
			rig_reply_begin(&r, cases[i].name, cases[i].type, RCODE_NOERROR);
			rig_reply_add_bytes(&r, cases[i].name, cases[i].type, 300, cases[i].rdata, cases[i].len);
			rig_reply_end(&r);
			rig_cache(rig, &r);
			rig_ask(rig, &rig_udp, cases[i].name, cases[i].type, true);
			assert_int_equal(rig_flags(rig), 0x8180);
			assert_int_equal(rig_u16(rig, 6), cases[i].blocked ? 0 : 1);
			assert_int_equal(rig_ede(rig), cases[i].blocked ? EDE_FILTERED : -1);
		}
		(void)script_address(script_policy(rig), "192.0.2.66", ANSWER_NXDOMAIN);
	}
	/* what an allow entry for the name asked is worth here, too */
	script_name(script_policy(rig), "alias.test", ANSWER_NXDOMAIN)->kind = VERDICT_ALLOWED;
	rig_ask(rig, &rig_udp, "alias.test", RRTYPE_HTTPS, true);
	assert_int_equal(rig_u16(rig, 6), 1);
}

static void test_allowed_name(void **state)
{
	struct rig *rig = *state;
	struct policy *policy = script_policy(rig);

	script_name(policy, "ok.example", ANSWER_NXDOMAIN)->kind = VERDICT_ALLOWED;
	struct script_rule *must_ok = script_name(policy, "must.example", ANSWER_NXDOMAIN);
	must_ok->kind = VERDICT_ALLOWED;
	must_ok->mandatory = true;
	(void)script_address(policy, "192.0.2.66", ANSWER_NXDOMAIN);
	script_address(policy, "192.0.2.67", ANSWER_NXDOMAIN)->mandatory = true;
	script_address(policy, "192.0.2.68", ANSWER_NXDOMAIN)->kind = VERDICT_ALLOWED;
	static const struct {
		const char *name, *address;
		bool blocked;
	} cases[] = {{"ok.example", "192.0.2.66", false},   {"ok.example", "192.0.2.67", true},
		     {"must.example", "192.0.2.67", false}, {"other.example", "192.0.2.68", false},
		     {"other.example", "192.0.2.66", true}, {"other.example", "192.0.2.67", true}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cache_one(rig, cases[i].name, RRTYPE_A, cases[i].address);
		rig_ask(rig, &rig_udp, cases[i].name, RRTYPE_A, true);
		assert_int_equal(rig_flags(rig), cases[i].blocked ? 0x8183 : 0x8180);
	}
}

static void test_shadowed_address(void **state)
{
	struct rig *rig = *state;

	script_address(script_policy(rig), "192.0.2.66", ANSWER_NXDOMAIN)->shadow = true;
	cache_one(rig, "x.example", RRTYPE_A, "192.0.2.66");
	rig_ask(rig, &rig_udp, "x.example", RRTYPE_A, true);
	assert_string_equal(rig_record(rig, 0), "x.example 300 A 192.0.2.66");
	assert_int_equal(rig_count(rig, COUNTER_SHADOWED), 1);
	assert_int_equal(atomic_load(&rig->counters->list_shadowed[0]), 1);
	assert_int_equal(rig_count(rig, COUNTER_CACHED), 1);
}

static void test_local_data_for_an_address(void **state)
{
	struct rig *rig = *state;

	script_record(script_address(script_policy(rig), "192.0.2.66", ANSWER_LOCAL), RRTYPE_A, 60, "192.0.2.80");
	cache_one(rig, "x.example", RRTYPE_A, "192.0.2.66");
	rig_ask(rig, &rig_udp, "X.example", RRTYPE_A, true);
	assert_string_equal(rig_record(rig, 0), "X.example 60 A 192.0.2.80");
	assert_string_equal(rig_record(rig, 1), "OPT");
	assert_int_equal(rig_count(rig, COUNTER_BLOCKED), 1);
}

/* An address in the answer sends the question elsewhere. The second answer is not judged by the first question's, though the cache
 * does not hold that one; and the address in the second is not judged at all. */
static void test_cname_for_an_address(void **state)
{
	struct rig *rig = *state;
	static struct rig_reply own, target;

	script_record(script_address(script_policy(rig), "192.0.2.66", ANSWER_LOCAL), RRTYPE_CNAME, RECORDS_TTL_UNSAID,
		      "garden.example");
	rig_reply_begin(&own, "x.test", RRTYPE_A, RCODE_NOERROR);
	rig_reply_add(&own, "x.test", RRTYPE_A, 0, "192.0.2.66");
	rig_reply_end(&own);
	rig_reply_begin(&target, "garden.example", RRTYPE_A, RCODE_NOERROR);
	rig_reply_add(&target, "garden.example", RRTYPE_A, 300, "192.0.2.66");
	rig_reply_end(&target);
	for (int edit = 0; edit < 2; edit++) {
		unsigned sent = rig->sent_count;
		rig_asking(rig, "x.test", RRTYPE_A);
		rig_asking(rig, "garden.example", RRTYPE_A);
		rig_ask(rig, &rig_udp, "x.test", RRTYPE_A, true);
		assert_int_equal(rig_answered(rig, "x.test", RRTYPE_A, POOL_ANSWER, &own), 1);
		assert_int_equal(rig->sent_count, sent);
		assert_int_equal(rig->service->slots_used, 1);
		if (edit == 1) {
			/* a new policy: nothing is known of that answer any more, and it is asked for again */
			generation_publish(rig->gs, script_create(), NULL, NULL, NULL, NULL);
			rig_asking(rig, "x.test", RRTYPE_A);
			assert_int_equal(rig_answered(rig, "garden.example", RRTYPE_A, POOL_ANSWER, &target), 1);
			assert_int_equal(rig_answered(rig, "x.test", RRTYPE_A, POOL_ANSWER, &own), 1);
			assert_string_equal(rig_record(rig, 0), "x.test 0 A 192.0.2.66");
		} else {
			assert_int_equal(rig_answered(rig, "garden.example", RRTYPE_A, POOL_ANSWER, &target), 1);
			assert_string_equal(rig_record(rig, 0), "x.test 10 CNAME garden.example");
			assert_string_equal(rig_record(rig, 1), "garden.example 300 A 192.0.2.66");
			assert_int_equal(rig_ede(rig), EDE_FILTERED);
		}
		assert_int_equal(rig->sent_count, sent + 1);
	}
	assert_int_equal(rig_count(rig, COUNTER_BLOCKED), 1);
	assert_int_equal(rig_count(rig, COUNTER_FORWARDED), 1);
	assert_int_equal(rig->service->slots_used, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, script_set_up, script_tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(test_addresses),
	    TEST(test_fresh_answer),
	    TEST(test_hints),
	    TEST(test_service_targets),
	    TEST(test_allowed_name),
	    TEST(test_shadowed_address),
	    TEST(test_local_data_for_an_address),
	    TEST(test_cname_for_an_address),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
