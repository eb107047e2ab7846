/* SPDX-License-Identifier: BSD-2-Clause
 * Chains of CNAMEs that other servers have the end of: parts from the cache and from upstreams, judged and given as one. */
#include "query/trail.h"

#include "query/deliver.h"
#include "rig.h"
#include "script.h"
#include "wire/edns.h"

#include <stdio.h>
#include <string.h>

/* corp.example's servers: name is an alias of target, which is another's. */
static void cut(struct rig_reply *r, const char *name, uint32_t ttl_s, const char *target)
{
	rig_reply_begin(r, name, RRTYPE_A, RCODE_NOERROR);
	rig_reply_add(r, name, RRTYPE_CNAME, ttl_s, target);
	rig_reply_end_within(r, name);
	assert_true((r->response.flags & RESPONSE_CUT) != 0);
}

static void cache_cut(struct rig *rig, const char *name, uint32_t ttl_s, const char *target)
{
	static struct rig_reply r;

	cut(&r, name, ttl_s, target);
	rig_cache(rig, &r);
}

static void address(struct rig_reply *r, const char *name, uint32_t ttl_s, const char *text)
{
	rig_reply_begin(r, name, RRTYPE_A, RCODE_NOERROR);
	rig_reply_add(r, name, RRTYPE_A, ttl_s, text);
	rig_reply_end(r);
}

static void cache_address(struct rig *rig, const char *name, uint32_t ttl_s, const char *text)
{
	static struct rig_reply r;

	address(&r, name, ttl_s, text);
	rig_cache(rig, &r);
}

static struct trail *waiting_trail(struct rig *rig)
{
	struct service *s = rig->service;

	for (uint32_t i = 0; i < MIN(s->slots_made, 256u); i++) /* of the first chunk */
		if (s->slot_chunks[0][i].serial != 0)
			return s->slot_chunks[0][i].trail;
	return NULL;
}

static void assert_nothing_left(struct rig *rig)
{
	assert_int_equal(rig->service->slots_used, 0);
	assert_null(waiting_trail(rig));
}

static void test_cached_parts(void **state)
{
	struct rig *rig = *state;

	cache_cut(rig, "a.corp.example", 300, "b.lab.example");
	cache_cut(rig, "b.lab.example", 200, "www.shop.example");
	cache_address(rig, "www.shop.example", 100, "192.0.2.1");
	for (int i = 1; i <= 3; i++) {
		rig->prepare = i == 3;
		rig_ask(rig, i == 2 ? &rig_tcp : &rig_udp, "A.corp.example", RRTYPE_A, true);
		assert_int_equal(rig_flags(rig), 0x8180);
		assert_string_equal(rig_record(rig, 0), "A.corp.example 300 CNAME b.lab.example");
		assert_string_equal(rig_record(rig, 1), "b.lab.example 200 CNAME www.shop.example");
		assert_string_equal(rig_record(rig, 2), "www.shop.example 100 A 192.0.2.1");
		assert_string_equal(rig_record(rig, 3), "OPT");
		assert_int_equal(rig_count(rig, COUNTER_CACHED), i);
		assert_int_equal(rig->service->spare_trail_count, 1); /* the same each time */
	}
	assert_int_equal(rig_count(rig, COUNTER_TOTAL), 3);
	assert_nothing_left(rig);
}

static void test_fresh_parts(void **state)
{
	struct rig *rig = *state;
	static struct rig_reply first, last;

	cut(&first, "a.corp.example", 300, "www.shop.example");
	rig_reply_begin(&last, "www.shop.example", RRTYPE_A, RCODE_NXDOMAIN);
	rig_reply_add(&last, "shop.example", RRTYPE_SOA, 60, "-");
	rig_reply_end(&last);
	rig_asking(rig, "a.corp.example", RRTYPE_A);
	rig_asking(rig, "www.shop.example", RRTYPE_A);
	rig_ask(rig, &rig_udp, "a.corp.example", RRTYPE_A, true);
	assert_int_equal(rig_answered(rig, "a.corp.example", RRTYPE_A, POOL_ANSWER, &first), 1);
	assert_int_equal(rig->sent_count, 0);
	assert_int_equal(rig->service->slots_used, 1);
	waiting_trail(rig)->since_ms -= 7900; /* so long ago was the link heard of */
	assert_int_equal(rig_answered(rig, "www.shop.example", RRTYPE_A, POOL_ANSWER, &last), 1);
	assert_int_equal(rig_flags(rig), 0x8183);
	assert_string_equal(rig_record(rig, 0), "a.corp.example 293 CNAME www.shop.example");
	assert_string_equal(rig_record(rig, 1), "shop.example 60 SOA ns.example");
	assert_int_equal(rig_count(rig, COUNTER_FORWARDED), 1);
	assert_int_equal(rig->sent_count, 1);
	assert_nothing_left(rig);
	/* the end is cached: what was fetched for this query counts */
	cache_address(rig, "www.shop.example", 100, "192.0.2.1");
	rig_asking(rig, "a.corp.example", RRTYPE_A);
	rig_ask(rig, &rig_udp, "a.corp.example", RRTYPE_A, true);
	assert_int_equal(rig_answered(rig, "a.corp.example", RRTYPE_A, POOL_ANSWER, &first), 1);
	assert_int_equal(rig_count(rig, COUNTER_FORWARDED), 2);
	assert_nothing_left(rig);
}

static void test_the_end_fails(void **state)
{
	struct rig *rig = *state;

	cache_cut(rig, "a.corp.example", 300, "www.shop.example");
	rig_asking(rig, "www.shop.example", RRTYPE_A);
	rig_ask(rig, &rig_udp, "a.corp.example", RRTYPE_A, true);
	assert_int_equal(rig_answered(rig, "www.shop.example", RRTYPE_A, POOL_NETWORK, NULL), 1);
	assert_int_equal(rig_flags(rig), 0x8182);
	assert_string_equal(rig_record(rig, 0), "OPT");
	assert_int_equal(rig_ede(rig), EDE_NETWORK_ERROR);
	assert_int_equal(rig_count(rig, COUNTER_FAILED), 1);
	assert_nothing_left(rig);
}

static void test_stale_parts(void **state)
{
	struct rig *rig = *state;

	rig->cached_since_ms = 200000;
	cache_address(rig, "www.shop.example", 100, "192.0.2.1");
	cache_cut(rig, "a.corp.example", 300, "www.shop.example");
	rig_asking(rig, "www.shop.example", RRTYPE_A);
	rig_ask(rig, &rig_udp, "a.corp.example", RRTYPE_A, true);
	assert_int_equal(rig->sent_count, 0);
	/* the client response timer */
	assert_non_null(rig->service->stale_first);
	rig->service->stale_first->stale_at_ms = 0;
	service_stale_due(rig->service);
	assert_int_equal(rig->sent_count, 1);
	assert_string_equal(rig_record(rig, 0), "a.corp.example 30 CNAME www.shop.example");
	assert_string_equal(rig_record(rig, 1), "www.shop.example 30 A 192.0.2.1");
	assert_int_equal(rig_ede(rig), EDE_STALE);
	assert_int_equal(rig_count(rig, COUNTER_STALE), 1);
	assert_nothing_left(rig);
	/* the link is what is stale; its end is not, and is fetched */
	rig->cached_since_ms = 1000000;
	cache_cut(rig, "b.corp.example", 300, "new.shop.example");
	static struct rig_reply r;
	address(&r, "new.shop.example", 300, "192.0.2.2");
	rig_asking(rig, "b.corp.example", RRTYPE_A);
	rig_asking(rig, "new.shop.example", RRTYPE_A);
	rig_ask(rig, &rig_udp, "b.corp.example", RRTYPE_A, true);
	rig->service->stale_first->stale_at_ms = 0;
	service_stale_due(rig->service);
	assert_int_equal(rig->sent_count, 1);
	assert_int_equal(rig_answered(rig, "new.shop.example", RRTYPE_A, POOL_ANSWER, &r), 1);
	assert_string_equal(rig_record(rig, 1), "new.shop.example 30 A 192.0.2.2");
	assert_int_equal(rig_count(rig, COUNTER_STALE), 2);
	assert_nothing_left(rig);
}

static void test_judged_as_one(void **state)
{
	struct rig *rig = *state;
	struct policy *policy = script_policy(rig);

	(void)script_name(policy, "ads.example", ANSWER_NXDOMAIN);
	script_name(policy, "b.lab.example", ANSWER_NXDOMAIN)->shadow = true;
	(void)script_address(policy, "192.0.2.66", ANSWER_NXDOMAIN);
	/* a link is blocked: its end, which is in no cache, is not asked for */
	cache_cut(rig, "one.corp.example", 300, "ads.example");
	/* the end holds a blocked address */
	cache_cut(rig, "two.corp.example", 300, "www.shop.example");
	cache_address(rig, "www.shop.example", 300, "192.0.2.66");
	/* the first link of three would be blocked */
	cache_cut(rig, "three.corp.example", 300, "b.lab.example");
	cache_cut(rig, "b.lab.example", 300, "c.shop.example");
	cache_address(rig, "c.shop.example", 300, "192.0.2.1");
	rig_ask(rig, &rig_udp, "one.corp.example", RRTYPE_A, true);
	assert_int_equal(rig_flags(rig), 0x8183);
	assert_int_equal(rig_u16(rig, 6), 0);
	rig_ask(rig, &rig_udp, "two.corp.example", RRTYPE_A, true);
	assert_int_equal(rig_flags(rig), 0x8183);
	assert_int_equal(rig_count(rig, COUNTER_BLOCKED), 2);
	rig_ask(rig, &rig_udp, "three.corp.example", RRTYPE_A, true);
	assert_string_equal(rig_record(rig, 2), "c.shop.example 300 A 192.0.2.1");
	assert_int_equal(rig_count(rig, COUNTER_SHADOWED), 1); /* though it was looked at more than once */
	assert_nothing_left(rig);
}

/* A link is an entry's with a CNAME of its own: the chain so far is forgotten. */
static void test_a_link_is_rewritten(void **state)
{
	struct rig *rig = *state;

	script_record(script_name(script_policy(rig), "ads.example", ANSWER_LOCAL), RRTYPE_CNAME, RECORDS_TTL_UNSAID,
		      "garden.lab.example");
	cache_cut(rig, "a.corp.example", 300, "ads.example");
	cache_cut(rig, "garden.lab.example", 300, "www.shop.example");
	cache_address(rig, "www.shop.example", 300, "192.0.2.1");
	rig_ask(rig, &rig_udp, "a.corp.example", RRTYPE_A, true);
	assert_string_equal(rig_record(rig, 0), "a.corp.example 10 CNAME garden.lab.example");
	assert_string_equal(rig_record(rig, 1), "garden.lab.example 300 CNAME www.shop.example");
	assert_string_equal(rig_record(rig, 2), "www.shop.example 300 A 192.0.2.1");
	assert_int_equal(rig_count(rig, COUNTER_BLOCKED), 1);
	assert_nothing_left(rig);
}

/* An edit while the end is waited for. */
static void test_new_worlds(void **state)
{
	struct rig *rig = *state;
	static struct rig_reply r;

	address(&r, "www.shop.example", 300, "192.0.2.1");
	for (int edit = 0; edit < 4; edit++) {
		unsigned sent = rig->sent_count;
		generation_publish(rig->gs, script_create(), NULL, NULL, NULL, NULL);
		cache_cut(rig, "a.corp.example", 300, "www.shop.example");
		rig_asking(rig, "www.shop.example", RRTYPE_A);
		rig_ask(rig, &rig_udp, "a.corp.example", RRTYPE_A, true);
		struct policy *policy = script_create();
		if (edit == 1)
			(void)script_name(policy, "www.shop.example", ANSWER_NXDOMAIN);
		if (edit == 2)
			(void)script_name(policy, "a.corp.example", ANSWER_NODATA);
		if (edit == 3) {
			script_record(script_name(policy, "a.corp.example", ANSWER_LOCAL), RRTYPE_CNAME, 60, "garden.example");
			cache_address(rig, "garden.example", 300, "192.0.2.80");
		}
		generation_publish(rig->gs, policy, NULL, NULL, NULL, NULL);
		assert_int_equal(rig_answered(rig, "www.shop.example", RRTYPE_A, POOL_ANSWER, &r), 1);
		static const char *const want[] = {"a.corp.example 300 CNAME www.shop.example",
						   "corp.example 10 SOA saring.invalid", "a.corp.example 10 SOA saring.invalid",
						   "a.corp.example 60 CNAME garden.example"};
		assert_string_equal(rig_record(rig, 0), want[edit]);
		if (edit == 3)
			assert_string_equal(rig_record(rig, 1), "garden.example 300 A 192.0.2.80");
		assert_int_equal(rig->sent_count, sent + 1);
		assert_nothing_left(rig);
	}
}

static void test_loops_and_lengths(void **state)
{
	struct rig *rig = *state;
	char name[64], next[64];

	cache_cut(rig, "a.corp.example", 300, "b.shop.example");
	cache_cut(rig, "b.shop.example", 300, "A.corp.example");
	cache_cut(rig, "c.corp.example", 300, "b.shop.example"); /* leads into the loop */
	for (unsigned i = 0; i <= TRAIL_STEPS_MAX; i++) {
		snprintf(name, sizeof(name), "n%u.zone%u.example", i, i);
		snprintf(next, sizeof(next), "n%u.zone%u.example", i + 1, i + 1);
		cache_cut(rig, name, 300, next);
	}
	snprintf(name, sizeof(name), "n%u.zone%u.example", TRAIL_STEPS_MAX + 1, TRAIL_STEPS_MAX + 1);
	cache_address(rig, name, 300, "192.0.2.1");
	static const char *const lost[] = {"a.corp.example", "b.shop.example", "c.corp.example", "n0.zone0.example"};
	for (size_t i = 0; i < ARRAY_LEN(lost); i++) {
		rig_ask(rig, &rig_udp, lost[i], RRTYPE_A, true);
		assert_int_equal(rig_flags(rig), 0x8182);
		assert_int_equal(rig_ede(rig), EDE_NO_REACHABLE_AUTHORITY);
		assert_int_equal(rig_count(rig, COUNTER_FAILED), i + 1);
	}
	rig_ask(rig, &rig_udp, "n1.zone1.example", RRTYPE_A, true);
	assert_int_equal(rig_u16(rig, 6), TRAIL_STEPS_MAX + 1);
	assert_int_equal(rig_flags(rig), 0x8180);
	assert_nothing_left(rig);
}

/* Whoever lets each part take its time gets no more of it than one question has. */
static void test_it_takes_too_long(void **state)
{
	struct rig *rig = *state;
	static struct rig_reply r;

	for (int late = 0; late < 2; late++) {
		cache_cut(rig, "a.corp.example", 300, "b.lab.example");
		rig_asking(rig, "b.lab.example", RRTYPE_A);
		rig_ask(rig, &rig_udp, "a.corp.example", RRTYPE_A, true);
		cut(&r, "b.lab.example", 300, "www.shop.example");
		cache_address(rig, "www.shop.example", 300, "192.0.2.1");
		waiting_trail(rig)->begun_ms -= late ? 5001 : 1000;
		assert_int_equal(rig_answered(rig, "b.lab.example", RRTYPE_A, POOL_ANSWER, &r), 1);
		assert_int_equal(rig_flags(rig), late ? 0x8182 : 0x8180);
		assert_nothing_left(rig);
	}
}

/* Links of names as long as can be: more than there is room for. */
static void test_links_too_large(void **state)
{
	struct rig *rig = *state;
	static struct rig_reply r;
	char names[CACHE_TARGETS_MAX + 1][256];

	const unsigned half = CACHE_TARGETS_MAX / 2;
	for (unsigned i = 0; i <= CACHE_TARGETS_MAX; i++) {
		size_t len = (size_t)snprintf(names[i], sizeof(names[i]), "n%u", i);
		while (len < 230)
			len += (size_t)snprintf(names[i] + len, sizeof(names[i]) - len, ".%c%cbcdefgh", 'a' + (int)i,
						'a' + (int)(len / 10));
		(void)snprintf(names[i] + len, sizeof(names[i]) - len, ".p%u", i / half);
	}
	/* two parts of half of them each */
	for (unsigned part = 0; part < 2; part++) {
		unsigned from = part * half, to = from + half;
		char zone[8];
		snprintf(zone, sizeof(zone), "p%u", part);
		rig_reply_begin(&r, names[from], RRTYPE_A, RCODE_NOERROR);
		for (unsigned i = from; i < to; i++)
			rig_reply_add(&r, names[i], RRTYPE_CNAME, 300, names[i + 1]);
		rig_reply_end_within(&r, zone);
		rig_cache(rig, &r);
	}
	cache_address(rig, names[CACHE_TARGETS_MAX], 300, "192.0.2.1");
	rig_ask(rig, &rig_tcp, names[0], RRTYPE_A, true);
	assert_int_equal(rig_flags(rig), 0x8182);
	rig_ask(rig, &rig_tcp, names[half], RRTYPE_A, true);
	assert_int_equal(rig_flags(rig), 0x8180);
	assert_int_equal(rig_u16(rig, 6), half + 1);
	assert_nothing_left(rig);
}

/* Many wait for the end; some of their trails are kept for later, no more. Those who still wait when the worker ends go too. */
static void test_many(void **state)
{
	struct rig *rig = *state;
	static struct rig_reply r;

	address(&r, "www.shop.example", 300, "192.0.2.1");
	cache_cut(rig, "a.corp.example", 300, "www.shop.example");
	for (int round = 0; round < 2; round++) {
		rig_asking(rig, "www.shop.example", RRTYPE_A);
		for (int i = 0; i < 2 * TRAIL_SPARE_MAX; i++)
			rig_ask(rig, &rig_udp, "a.corp.example", RRTYPE_A, false);
		assert_int_equal(rig->service->slots_used, 2 * TRAIL_SPARE_MAX);
		assert_int_equal(rig->service->spare_trail_count, 0);
		if (round == 1)
			slots_drop_all(rig->service);
		else
			assert_int_equal(rig_answered(rig, "www.shop.example", RRTYPE_A, POOL_ANSWER, &r), 2 * TRAIL_SPARE_MAX);
		assert_int_equal(rig->service->spare_trail_count, TRAIL_SPARE_MAX);
		assert_nothing_left(rig);
	}
	assert_int_equal(rig->dropped_count, 2 * TRAIL_SPARE_MAX);
}

/* Who waits for the ends of chains takes room, and so not everybody may. */
static void test_too_many(void **state)
{
	struct rig *rig = *state;
	static struct rig_reply r;

	address(&r, "www.shop.example", 300, "192.0.2.1");
	cache_cut(rig, "a.corp.example", 300, "www.shop.example");
	rig_asking(rig, "www.shop.example", RRTYPE_A);
	/* of several clients: each has a share of the slots only */
	static const char *const clients[] = {"127.0.0.1", "127.0.1.1", "127.0.2.1", "127.0.3.1"};
	for (int i = 0; i < TRAILS_MAX; i++)
		rig_ask_from(rig, &rig_udp, clients[i % 4], "a.corp.example", RRTYPE_A, false);
	assert_int_equal(rig->service->slots_used, TRAILS_MAX);
	assert_int_equal(rig->sent_count, 0);
	rig_ask(rig, &rig_udp, "a.corp.example", RRTYPE_A, true);
	assert_int_equal(rig_flags(rig), 0x8182);
	assert_int_equal(rig_count(rig, COUNTER_SLOTS_FULL), 1);
	assert_int_equal(rig_answered(rig, "www.shop.example", RRTYPE_A, POOL_ANSWER, &r), TRAILS_MAX);
	assert_int_equal(rig->service->trail_count, 0);
	cache_address(rig, "www.shop.example", 300, "192.0.2.1");
	rig_ask(rig, &rig_udp, "a.corp.example", RRTYPE_A, true);
	assert_int_equal(rig_flags(rig), 0x8180);
	assert_nothing_left(rig);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, script_set_up, script_tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(test_cached_parts),	  TEST(test_fresh_parts),	  TEST(test_the_end_fails), TEST(test_stale_parts),
	    TEST(test_judged_as_one),	  TEST(test_a_link_is_rewritten), TEST(test_new_worlds),    TEST(test_loops_and_lengths),
	    TEST(test_it_takes_too_long), TEST(test_links_too_large),	  TEST(test_many),	    TEST(test_too_many),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
