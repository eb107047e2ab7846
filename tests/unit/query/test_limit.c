/* SPDX-License-Identifier: BSD-2-Clause
 * How often and how much of it: the rate of a client, and the shares of slots and asks. */
#include "query/limit.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "query/share.h"
#include "script.h"
#include "wire/edns.h"

static uint64_t client_of(const char *text)
{
	struct addr a;

	assert_true(addr_from_text(str_from(text), 53, &a));
	return limit_client(&a);
}

static unsigned passed(struct limit *l, uint64_t client, uint32_t rate, int64_t now_ms, unsigned tries)
{
	unsigned count = 0;

	for (unsigned i = 0; i < tries; i++)
		count += limit_take(l, LIMIT_QUERIES, client, rate, now_ms) == LIMIT_PASSES;
	return count;
}

static void test_a_client_is_a_prefix(void **state)
{
	(void)state;
	assert_int_equal(client_of("192.0.2.1"), client_of("192.0.2.255"));
	assert_int_not_equal(client_of("192.0.2.1"), client_of("192.0.3.1"));
	assert_int_equal(client_of("2001:db8:0:100::1"), client_of("2001:db8:0:1ff:ffff::1"));
	assert_int_not_equal(client_of("2001:db8:0:100::1"), client_of("2001:db8:0:200::1"));
	assert_int_not_equal(client_of("fe80::1"), client_of("fe80::2"));
	assert_int_not_equal(client_of("::1"), client_of("0.0.0.1"));
}

static void test_a_seconds_worth_at_once(void **state)
{
	static const uint32_t rates[] = {1, 7, 100, 1000, 50000};
	struct limit *l = limit_create();
	int64_t now_ms = 1000;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rates); i++) {
		uint32_t rate = rates[i];
		uint64_t client = 1000 + i;
		assert_int_equal(passed(l, client, rate, now_ms, 2 * rate), rate);
		assert_int_equal(passed(l, client, rate, now_ms + 500, 2 * rate), rate / 2);
		/* never more than a second's worth, however long it was quiet */
		assert_int_equal(passed(l, client, rate, now_ms + 100000, 2 * rate), rate);
		/* and the other kind knows nothing of it */
		assert_int_equal(limit_take(l, LIMIT_REFUSALS, client, rate, now_ms + 100000), LIMIT_PASSES);
	}
	/* more than the clock can tell apart: no limit */
	assert_int_equal(passed(l, 1, 1000000000, now_ms, 100000), 100000);
	limit_destroy(l);
	assert_int_equal(limit_take(NULL, LIMIT_QUERIES, 1, 1, 0), LIMIT_PASSES);
}

/* In the long run the rate is kept to the query. */
static void test_the_long_run(void **state)
{
	struct limit *l = limit_create();
	unsigned count = 0;

	(void)state;
	for (int64_t ms = 0; ms < 60000; ms++)
		count += passed(l, 5, 333, 777777 + ms, 2);
	assert_in_range(count, 333 * 60, 333 * 61);
	limit_destroy(l);
}

static void test_every_other_is_told(void **state)
{
	struct limit *l = limit_create();

	(void)state;
	assert_int_equal(limit_take(l, LIMIT_QUERIES, 1, 1, 0), LIMIT_PASSES);
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(limit_take(l, LIMIT_QUERIES, 1, 1, 0), i % 2 == 0 ? LIMIT_SLIPS : LIMIT_DROPS);
	/* at twice the rate too, where those that pass stand between */
	unsigned words[3] = {0};
	for (int64_t ms = 1000; ms < 101000; ms += 500)
		words[limit_take(l, LIMIT_QUERIES, 1, 1, ms)]++;
	assert_int_equal(words[LIMIT_PASSES], 100);
	assert_int_equal(words[LIMIT_SLIPS], 50);
	assert_int_equal(words[LIMIT_DROPS], 50);
	limit_destroy(l);
}

/* More clients than there are buckets: those who are held to their limit stay so, and nobody else is. */
static void test_a_crowd(void **state)
{
	struct limit *l = limit_create();
	unsigned held = 0;

	(void)state;
	for (uint64_t greedy = 0; greedy < 100; greedy++)
		assert_int_equal(passed(l, greedy, 50, 1000, 100), 50);
	for (uint64_t i = 0; i < 4u * LIMIT_CLIENTS_MAX; i++)
		held += passed(l, UINT64_C(1) << 40 | i, 50, 1000, 1) == 0;
	assert_int_equal(held, 0);
	for (uint64_t greedy = 0; greedy < 100; greedy++)
		held += passed(l, greedy, 50, 1001, 1) == 0;
	assert_in_range(held, 99, 100); /* two clients of one set may share a tag: once in sixty thousand */
	limit_destroy(l);
}

struct together {
	struct limit *l;
	_Atomic unsigned passed;
};

static void *take_many(void *arg)
{
	struct together *t = arg;

	for (unsigned i = 0; i < 50000; i++)
		if (limit_take(t->l, LIMIT_QUERIES, i % 3, 1000, 1000) == LIMIT_PASSES)
			atomic_fetch_add(&t->passed, 1);
	return NULL;
}

static void test_workers_share(void **state)
{
	struct together t = {.l = limit_create()};
	pthread_t threads[4];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, take_many, &t), 0);
	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	/* a bucket that is fought over lets one pass now and then */
	assert_in_range(t.passed, 3000, 6000);
	limit_destroy(t.l);
}

/* ---- shares ---- */

static struct share_place place_of(const struct share *s, unsigned who)
{
	return share_place(s, &who, sizeof(who));
}

/* One takes half, the next a half of what is left, and some is always left. */
static void test_nobody_takes_all(void **state)
{
	static struct share s;
	size_t left = 16384;

	(void)state;
	share_init(&s);
	for (unsigned who = 0; who < 5; who++) {
		unsigned got = 0;
		for (; share_may(&s, place_of(&s, who), left, SIZE_MAX); left--, got++)
			share_take(&s, place_of(&s, who));
		assert_int_equal(got, 16384 >> (who + 1));
	}
	assert_true(share_may(&s, place_of(&s, 5), left, SIZE_MAX));
	assert_false(share_may(&s, place_of(&s, 5), 0, SIZE_MAX));
	assert_false(share_may(&s, place_of(&s, 5), left, 0));
	for (unsigned i = 0; i < 8192; i++)
		share_give(&s, place_of(&s, 0));
	assert_int_equal(share_held(&s, place_of(&s, 0)), 0);
	assert_int_equal(share_held(&s, place_of(&s, 1)), 4096);
}

/* What many hold is hardly ever counted to a stranger. */
static void test_strangers_are_told_apart(void **state)
{
	static struct share s;
	unsigned wrong = 0;

	(void)state;
	share_init(&s);
	for (unsigned who = 0; who < 16; who++)
		for (unsigned i = 0; i < 1000; i++)
			share_take(&s, place_of(&s, who));
	for (unsigned who = 16; who < 100016; who++)
		wrong += share_held(&s, place_of(&s, who)) > 0;
	assert_in_range(wrong, 0, 20); /* 1.5 are to be expected */
}

/* ---- as a stage ---- */

static void query_from(struct rig *rig, const struct via *via, const char *from, const uint8_t *cookie, size_t cookie_len)
{
	uint8_t bytes[512];
	struct wr w = wr_init(bytes, sizeof(bytes));
	struct name n = rig_name("blocked.example");

	msg_write_header(&w, &(struct msg_header){.id = 0x1234, .flags = MSG_RD, .qdcount = 1, .arcount = 1});
	name_write(&w, &n);
	wr_u16(&w, RRTYPE_A);
	wr_u16(&w, RRCLASS_IN);
	size_t mark = edns_write_begin(&w, 1232, 0, false);
	if (cookie_len > 0)
		edns_write_option(&w, EDNS_COOKIE, cookie, cookie_len);
	edns_write_end(&w, mark);
	rig_run(rig, via, from, bytes, w.pos);
}

static struct rig *limited_rig(const char *clients)
{
	char text[512];
	snprintf(text, sizeof(text), "listen: [dns://127.0.0.1:5300]\nupstream: {servers: [dns://127.0.0.1:1]}\nclients: %s\n",
		 clients);
	struct policy *policy = script_create();
	(void)script_name(policy, "blocked.example", ANSWER_NXDOMAIN);
	struct rig *rig = rig_create(rig_settings(text), policy);
	rig->service->limit = limit_create();
	clock_set_for_test(5000000, 1500000000);
	return rig;
}

static void limited_rig_end(struct rig *rig)
{
	clock_set_for_test(-1, -1);
	limit_destroy(rig->service->limit);
	rig_destroy(rig);
}

static void test_above_the_rate(void **state)
{
	(void)state;
	struct rig *rig = limited_rig("{allow: [192.0.2.0/23], rate: 10/s}");
	unsigned told = 0;

	for (unsigned i = 0; i < 30; i++) {
		unsigned sent = rig->sent_count;
		query_from(rig, &rig_udp, i % 2 ? "192.0.2.1" : "192.0.2.77", NULL, 0);
		if (i < 10) {
			assert_int_equal(rig_flags(rig) & MSG_RCODE, RCODE_NXDOMAIN);
		} else if (rig->sent_count > sent) {
			told++;
			assert_int_equal(rig_flags(rig) & (MSG_TC | MSG_RCODE), MSG_TC);
			assert_int_equal(rig->sent_len, 12 + 17 + 4 + 11);
		}
	}
	assert_int_equal(told, 10);
	assert_int_equal(rig->dropped_count, 10);
	assert_int_equal(rig_count(rig, COUNTER_RATE_SLIPPED), 10);
	assert_int_equal(rig_count(rig, COUNTER_RATE_DROPPED), 10);
	assert_int_equal(rig_count(rig, COUNTER_BLOCKED), 10);
	assert_int_equal(rig_count(rig, COUNTER_REFUSED), 10);
	assert_int_equal(rig_count(rig, COUNTER_DROPPED), 10);
	/* the same client by TCP, and its neighbour */
	query_from(rig, &rig_tcp, "192.0.2.1", NULL, 0);
	assert_int_equal(rig_flags(rig) & MSG_RCODE, RCODE_NXDOMAIN);
	query_from(rig, &rig_udp, "192.0.3.1", NULL, 0);
	assert_int_equal(rig_flags(rig) & MSG_RCODE, RCODE_NXDOMAIN);
	limited_rig_end(rig);
}

/* Above the rate a cookie is answered with the one that is to be brought; who brings it is not held back. */
static void test_above_the_rate_with_a_cookie(void **state)
{
	static const uint8_t cookie[COOKIE_CLIENT_LEN] = {1, 2, 3, 4, 5, 6, 7, 8};
	(void)state;
	struct rig *rig = limited_rig("{allow: [192.0.2.0/23], rate: 1/s}");
	uint8_t given[COOKIE_LEN];

	query_from(rig, &rig_udp, "192.0.2.1", NULL, 0);
	query_from(rig, &rig_udp, "192.0.2.1", cookie, sizeof(cookie));
	assert_int_equal(rig_flags(rig) & MSG_RCODE, RCODE_BADCOOKIE & MSG_RCODE);
	assert_int_equal(rig->sent[rig->sent_len - 4 - COOKIE_LEN - 2 - 4], RCODE_BADCOOKIE >> 4);
	memcpy(given, rig->sent + rig->sent_len - COOKIE_LEN, sizeof(given));
	assert_memory_equal(given, cookie, sizeof(cookie));
	for (unsigned i = 0; i < 20; i++) {
		query_from(rig, &rig_udp, "192.0.2.1", given, sizeof(given));
		assert_int_equal(rig_flags(rig) & MSG_RCODE, RCODE_NXDOMAIN);
	}
	/* it is good for that address alone */
	query_from(rig, &rig_udp, "192.0.2.2", given, sizeof(given));
	assert_int_equal(rig->dropped_count, 1);
	limited_rig_end(rig);
}

static void test_what_is_no_question_is_told_nothing(void **state)
{
	(void)state;
	struct rig *rig = limited_rig("{allow: [192.0.2.0/23], rate: 1/s}");

	query_from(rig, &rig_udp, "192.0.2.1", NULL, 0);
	for (unsigned i = 0; i < 10; i++) {
		static const uint8_t notify[12] = {0x12, 0x34, 0x20};
		rig_run(rig, &rig_udp, "192.0.2.1", notify, sizeof(notify));
		assert_int_equal(rig->dropped_count, i + 1);
	}
	limited_rig_end(rig);
}

static void test_refusals_are_bounded(void **state)
{
	(void)state;
	struct rig *rig = limited_rig("{allow: [192.0.2.0/23]}");

	for (unsigned i = 0; i < 1000; i++)
		query_from(rig, &rig_udp, "198.51.100.1", NULL, 0);
	assert_int_equal(rig->sent_count, LIMIT_REFUSALS_S);
	assert_int_equal(rig_count(rig, COUNTER_REFUSALS_DROPPED), 1000 - LIMIT_REFUSALS_S);
	query_from(rig, &rig_udp, "198.51.101.1", NULL, 0);
	query_from(rig, &rig_tcp, "198.51.100.1", NULL, 0);
	query_from(rig, &rig_udp, "192.0.2.1", NULL, 0);
	assert_int_equal(rig->sent_count, LIMIT_REFUSALS_S + 3);
	limited_rig_end(rig);
}

/* A client that waits with all it may leaves slots to others; what it had comes back. */
static void test_one_client_and_the_slots(void **state)
{
	(void)state;
	struct rig *rig = limited_rig("{allow: [0.0.0.0/0]}");

	rig_asking(rig, "slow.example", RRTYPE_A);
	for (unsigned client = 0; client < 2; client++) {
		for (unsigned i = 0; i < QUERY_CLIENT_MAX + 10; i++)
			rig_ask_from(rig, &rig_udp, client ? "198.51.100.1" : "192.0.2.1", "slow.example", RRTYPE_A, false);
		assert_int_equal(rig->service->slots_used, (client + 1) * QUERY_CLIENT_MAX);
		assert_int_equal(rig_count(rig, COUNTER_CLIENT_FULL), (client + 1) * 10);
		assert_int_equal(rig->sent_count, (client + 1) * 10);
	}
	assert_int_equal(rig_answered(rig, "slow.example", RRTYPE_A, POOL_TIMEOUT, NULL), 2 * QUERY_CLIENT_MAX);
	assert_int_equal(rig->service->slots_used, 0);
	rig_asking(rig, "slow.example", RRTYPE_A);
	rig_ask_from(rig, &rig_udp, "192.0.2.1", "slow.example", RRTYPE_A, false);
	assert_int_equal(rig->service->slots_used, 1);
	limited_rig_end(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_a_client_is_a_prefix),
	    cmocka_unit_test(test_a_seconds_worth_at_once),
	    cmocka_unit_test(test_the_long_run),
	    cmocka_unit_test(test_every_other_is_told),
	    cmocka_unit_test(test_a_crowd),
	    cmocka_unit_test(test_workers_share),
	    cmocka_unit_test(test_nobody_takes_all),
	    cmocka_unit_test(test_strangers_are_told_apart),
	    cmocka_unit_test(test_above_the_rate),
	    cmocka_unit_test(test_above_the_rate_with_a_cookie),
	    cmocka_unit_test(test_what_is_no_question_is_told_nothing),
	    cmocka_unit_test(test_refusals_are_bounded),
	    cmocka_unit_test(test_one_client_and_the_slots),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
