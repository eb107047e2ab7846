/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Replies that match their question and are not believed all the same: by their cookie, or because they are no message; and that
 * nobody can make a question cost more sends than its four. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "rig.h"
#include "upstream/cookies.h"
#include "upstream/health.h"

#define GOOD 0x0a000001u
#define EVIL 0x06060606u
#define LONG_MS 3600000

/* What came, and what is answered. */
struct script {
	enum {
		ECHO,
		LIES,
		SHORT,
		NONE,
		NONE_BY_UDP,
		NONE_AND_HANGS_UP,
		BAD_ONCE,
		BAD_ALWAYS,
		GARBLED_FIRST,
		GARBLED_BY_UDP,
		SILENT
	} how;
	unsigned count;
	uint8_t cookie[COOKIE_CLIENT_LEN + COOKIE_SERVER_MAX]; /* of the last query */
	size_t cookie_len;
	uint8_t server[COOKIE_SERVER_MAX];
	size_t server_len;
};

static void put_opt(struct wr *w, uint16_t rcode, const uint8_t *cookie, size_t len)
{
	size_t mark = edns_write_begin(w, MSG_UDP_EDNS_MAX, rcode, false);
	edns_write_option(w, EDNS_COOKIE, cookie, len);
	edns_write_end(w, mark);
	wr_patch_u16(w, 10, 1);
}

/* A reply with the cookie whose parts these are. */
static void reply(struct fake_query *q, uint16_t rcode, uint32_t address, const uint8_t *client, const struct script *s, size_t len)
{
	uint8_t buf[512], cookie[COOKIE_CLIENT_LEN + COOKIE_SERVER_MAX + 1] = {0};
	struct wr w = fake_begin(q, rcode & MSG_RCODE, buf, sizeof(buf));
	if (rcode == RCODE_NOERROR)
		fake_put_a(&w, address);
	memcpy(cookie, client, COOKIE_CLIENT_LEN);
	memcpy(cookie + COOKIE_CLIENT_LEN, s->server, s->server_len);
	put_opt(&w, rcode, cookie, len);
	fake_send(q, &w);
}

static void script_lies(struct fake_query *q, const struct script *s)
{
	static const size_t lens[] = {0, 1, 7, 9, 15, 41};
	uint8_t other[COOKIE_CLIENT_LEN];
	memcpy(other, s->cookie, sizeof(other));
	other[7] ^= 1;
	reply(q, RCODE_NOERROR, EVIL, other, s, 24);
	for (size_t i = 0; i < ARRAY_LEN(lens); i++)
		reply(q, RCODE_NOERROR, EVIL, s->cookie, s, lens[i]);
	reply(q, RCODE_NOERROR, GOOD, s->cookie, s, 24);
}

static void garbled(struct fake_query *q)
{
	uint8_t buf[512];
	struct wr w = fake_begin(q, 0, buf, sizeof(buf));
	fake_put_a(&w, EVIL);
	w.pos -= 2;
	fake_send(q, &w);
}

static void script_run(struct fake_query *q, void *arg)
{
	struct script *s = arg;
	s->count++;
	s->cookie_len = q->q.edns.cookie != NULL ? q->q.edns.cookie_len : 0;
	if (s->cookie_len > 0)
		memcpy(s->cookie, q->q.edns.cookie, s->cookie_len);
	size_t whole = COOKIE_CLIENT_LEN + s->server_len;
	switch (s->how) {
	case ECHO:
		reply(q, RCODE_NOERROR, GOOD, s->cookie, s, whole);
		return;
	case LIES:
		script_lies(q, s);
		return;
	case SHORT:
		reply(q, RCODE_NOERROR, GOOD, s->cookie, s, COOKIE_CLIENT_LEN);
		return;
	case NONE:
		fake_answer_a(q, GOOD);
		return;
	case NONE_BY_UDP:
		if (q->tcp)
			reply(q, RCODE_NOERROR, GOOD, s->cookie, s, whole);
		for (int i = 0; !q->tcp && i < 3; i++)
			fake_answer_a(q, EVIL);
		return;
	case NONE_AND_HANGS_UP:
		if (q->tcp)
			fake_hang_up(q);
		else
			fake_answer_a(q, GOOD);
		return;
	case BAD_ONCE:
	case BAD_ALWAYS:
		if (s->how == BAD_ONCE && s->cookie_len == whole &&
		    memcmp(s->cookie + COOKIE_CLIENT_LEN, s->server, s->server_len) == 0)
			reply(q, RCODE_NOERROR, GOOD, s->cookie, s, whole);
		else
			reply(q, RCODE_BADCOOKIE, 0, s->cookie, s, whole);
		return;
	case GARBLED_FIRST:
		garbled(q);
		fake_answer_a(q, GOOD);
		return;
	case GARBLED_BY_UDP:
		if (q->tcp)
			fake_answer_a(q, GOOD);
		else
			garbled(q);
		return;
	case SILENT:
		return;
	}
}

struct bench {
	struct rig r;
	struct fake *f;
	struct script s;
};

static void bench_begin(struct bench *b, int64_t timeout_ms)
{
	memset(&b->s, 0, sizeof(b->s));
	b->s.server_len = 16;
	memset(b->s.server, 0x5e, b->s.server_len);
	rig_begin(&b->r);
	b->r.settings.upstream_cookies = true;
	b->f = fake_create(b->r.base, script_run, &b->s);
	rig_pool(&b->r, STRATEGY_ORDERED, timeout_ms, (const struct addr *const[]){fake_addr(b->f)}, 1);
}

static void bench_end(struct bench *b)
{
	rig_end(&b->r);
	fake_destroy(b->f);
}

static void the_servers_part_is_sent_back(void **state)
{
	(void)state;
	struct bench b, other;
	uint8_t ours[COOKIE_CLIENT_LEN];
	bench_begin(&b, LONG_MS);
	for (b.s.server_len = COOKIE_SERVER_MIN; b.s.server_len <= COOKIE_SERVER_MAX; b.s.server_len += 8) {
		rig_want_a(&b.r, "example.com", false, GOOD);
		memcpy(ours, b.s.cookie, sizeof(ours));
		rig_want_a(&b.r, "example.com", false, GOOD);
		assert_int_equal(b.s.cookie_len, sizeof(ours) + b.s.server_len);
		assert_memory_equal(b.s.cookie, ours, sizeof(ours));
		assert_memory_equal(b.s.cookie + sizeof(ours), b.s.server, b.s.server_len);
	}
	b.s.server_len = 16;
	rig_want_a(&b.r, "example.com", true, GOOD); /* by TCP as well */
	assert_int_equal(b.s.cookie_len, sizeof(ours) + COOKIE_SERVER_MAX);
	rig_pass(&b.r, COOKIES_RENEW_MS);
	rig_want_a(&b.r, "example.com", false, GOOD); /* another after an hour, without what the server gave for the old one */
	assert_int_equal(b.s.cookie_len, sizeof(ours));
	assert_memory_not_equal(b.s.cookie, ours, sizeof(ours));
	bench_begin(&other, LONG_MS);
	rig_want_a(&other.r, "example.com", false, GOOD);
	assert_memory_not_equal(b.s.cookie, other.s.cookie, sizeof(ours)); /* no two servers get the same */
	bench_end(&other);
	bench_end(&b);
}

static void none_is_sent_when_it_is_off(void **state)
{
	(void)state;
	struct bench b;
	bench_begin(&b, LONG_MS);
	b.s.how = NONE;
	b.r.settings.upstream_cookies = false;
	struct upstreams *off = upstreams_create(&b.r.settings, b.r.endpoints, 1, b.r.u);
	pool_set_upstreams(b.r.pool, off);
	rig_want_a(&b.r, "example.com", false, GOOD);
	assert_int_equal(b.s.cookie_len, 0);
	pool_set_upstreams(b.r.pool, b.r.u);
	upstreams_destroy(off);
	bench_end(&b);
}

static void wrong_cookies_are_passed_over(void **state)
{
	(void)state;
	struct bench b;
	bench_begin(&b, LONG_MS);
	b.s.how = LIES;
	rig_want_a(&b.r, "example.com", false, GOOD);
	assert_int_equal(rig_count(&b.r, COUNTER_UPSTREAM_COOKIE), 7);
	assert_int_equal(rig_count(&b.r, COUNTER_UPSTREAM_MISMATCHED), 7);
	assert_int_equal(fake_counts(b.f).udp, 1);
	assert_int_equal(fake_counts(b.f).tcp, 0);
	bench_end(&b);
}

/* There is no server's part: none is read, and none is expected later. */
static void a_short_cookie_is_our_own(void **state)
{
	(void)state;
	struct bench b;
	bench_begin(&b, LONG_MS);
	b.s.how = SHORT;
	for (int i = 0; i < 3; i++) {
		rig_want_a(&b.r, "example.com", false, GOOD);
		assert_int_equal(b.s.cookie_len, COOKIE_CLIENT_LEN);
	}
	b.s.how = NONE;
	rig_want_a(&b.r, "example.com", false, GOOD);
	assert_int_equal(fake_counts(b.f).tcp, 0);
	bench_end(&b);
}

static void a_missing_cookie_leads_to_tcp(void **state)
{
	(void)state;
	struct bench b;
	bench_begin(&b, LONG_MS);
	rig_want_a(&b.r, "example.com", false, GOOD);
	b.s.how = NONE_BY_UDP;
	rig_want_a(&b.r, "example.com", false, GOOD); /* not EVIL */
	assert_int_equal(fake_counts(b.f).udp, 2);
	assert_int_equal(fake_counts(b.f).tcp, 1); /* once, however many came without */
	assert_true(rig_count(&b.r, COUNTER_UPSTREAM_COOKIE) >= 1);
	rig_want_a(&b.r, "example.com", false, GOOD); /* still expected */
	assert_int_equal(fake_counts(b.f).tcp, 2);
	bench_end(&b);
}

static void tcp_without_a_cookie_ends_the_expectation(void **state)
{
	(void)state;
	struct bench b;
	bench_begin(&b, LONG_MS);
	rig_want_a(&b.r, "example.com", false, GOOD);
	b.s.how = NONE;
	rig_want_a(&b.r, "example.com", false, GOOD);
	assert_int_equal(fake_counts(b.f).tcp, 1);
	for (int i = 0; i < 3; i++)
		rig_want_a(&b.r, "example.com", false, GOOD);
	assert_int_equal(fake_counts(b.f).tcp, 1);
	b.s.how = ECHO; /* seen again, it is expected again, but not at once: not every server behind an address may speak them */
	rig_want_a(&b.r, "example.com", false, GOOD);
	b.s.how = NONE;
	rig_want_a(&b.r, "example.com", false, GOOD);
	assert_int_equal(fake_counts(b.f).tcp, 1);
	rig_pass(&b.r, HEALTH_COOKIE_OFF_MS);
	b.s.how = ECHO;
	rig_want_a(&b.r, "example.com", false, GOOD);
	b.s.how = NONE;
	rig_want_a(&b.r, "example.com", false, GOOD);
	assert_int_equal(fake_counts(b.f).tcp, 2);
	bench_end(&b);
}

/* Were TCP shut to us, such a server would never be of use again. */
static void tcp_that_is_shut_ends_it_too(void **state)
{
	(void)state;
	struct bench b;
	bench_begin(&b, LONG_MS);
	rig_want_a(&b.r, "example.com", false, GOOD);
	b.s.how = NONE_AND_HANGS_UP;
	rig_want_a(&b.r, "example.com", false, GOOD);
	assert_int_equal(fake_counts(b.f).udp, 3);
	assert_int_equal(fake_counts(b.f).tcp, 1);
	rig_want_a(&b.r, "example.com", false, GOOD);
	assert_int_equal(fake_counts(b.f).udp, 4);
	bench_end(&b);
}

static void badcookie_is_asked_again_with_the_new_one(void **state)
{
	(void)state;
	struct bench b;
	bench_begin(&b, LONG_MS);
	b.s.how = BAD_ONCE;
	rig_want_a(&b.r, "example.com", false, GOOD);
	assert_int_equal(fake_counts(b.f).udp, 2);
	rig_want_a(&b.r, "example.com", false, GOOD);
	assert_int_equal(fake_counts(b.f).udp, 3);
	memset(b.s.server, 0x77, b.s.server_len); /* its secret rolled over */
	rig_want_a(&b.r, "example.com", false, GOOD);
	assert_int_equal(fake_counts(b.f).udp, 5);
	assert_int_equal(fake_counts(b.f).tcp, 0);
	b.s.how = BAD_ALWAYS;
	struct rig_result result = rig_ask_wait(&b.r, "example.com", false);
	assert_int_equal(result.outcome, POOL_BAD);
	assert_int_equal(fake_counts(b.f).udp, 7);
	assert_int_equal(fake_counts(b.f).tcp, 1);
	bench_end(&b);
}

static void what_is_no_message_ends_nothing(void **state)
{
	(void)state;
	struct bench b;
	bench_begin(&b, LONG_MS);
	b.s.how = GARBLED_FIRST;
	rig_want_a(&b.r, "example.com", false, GOOD);
	assert_int_equal(fake_counts(b.f).udp, 1);
	assert_int_equal(rig_count(&b.r, COUNTER_UPSTREAM_BAD), 1);
	b.s.how = GARBLED_BY_UDP;
	struct rig_result result;
	rig_ask(&b.r, "example.com", false, &result);
	RIG_UNTIL(&b.r, rig_count(&b.r, COUNTER_UPSTREAM_BAD) == 2);
	assert_int_equal(result.calls, 0);
	rig_pass(&b.r, HEALTH_WAIT_ALONE_MS); /* nothing better came: the server's own word */
	rig_wait(&b.r, &result, 1);
	rig_check_a(&result, GOOD);
	free(result.body);
	assert_int_equal(fake_counts(b.f).udp, 2);
	assert_int_equal(fake_counts(b.f).tcp, 1);
	bench_end(&b);
}

static bool it_has_all(const struct rig *r, void *arg)
{
	return fake_counts(arg).udp + fake_counts(arg).tcp == rig_stats(r, 0).sent;
}

static void silence_costs_three_datagrams_and_a_connection(void **state)
{
	(void)state;
	struct bench b;
	bench_begin(&b, 4000);
	b.s.how = SILENT;
	struct rig_result result = rig_ask_in_vain(&b.r, it_has_all, b.f);
	assert_int_equal(result.outcome, POOL_TIMEOUT);
	assert_int_equal(fake_counts(b.f).udp, 3);
	assert_int_equal(fake_counts(b.f).tcp, 1);
	bench_end(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_servers_part_is_sent_back),   cmocka_unit_test(none_is_sent_when_it_is_off),
	    cmocka_unit_test(wrong_cookies_are_passed_over),   cmocka_unit_test(a_short_cookie_is_our_own),
	    cmocka_unit_test(a_missing_cookie_leads_to_tcp),   cmocka_unit_test(tcp_without_a_cookie_ends_the_expectation),
	    cmocka_unit_test(tcp_that_is_shut_ends_it_too),    cmocka_unit_test(badcookie_is_asked_again_with_the_new_one),
	    cmocka_unit_test(what_is_no_message_ends_nothing), cmocka_unit_test(silence_costs_three_datagrams_and_a_connection),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
