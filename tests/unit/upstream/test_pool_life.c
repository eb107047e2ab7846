/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The pool's own life: limits, shortage of descriptors, ends in the midst of things, reloads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "rig.h"

#define GOOD 0x0a000001u
#define LONG_MS 3600000

static void script_good(struct fake_query *q, void *arg)
{
	(void)arg;
	fake_answer_a(q, GOOD);
}

static void script_silent(struct fake_query *q, void *arg)
{
	(void)q, (void)arg;
}

static void never(void *arg, enum pool_outcome outcome, const struct response *response)
{
	(void)outcome, (void)response;
	(*(unsigned *)arg)++;
}

static void asks_are_bounded(void **state)
{
	(void)state;
	struct rig r;
	unsigned calls = 0;
	rig_begin(&r);
	struct fake *f = fake_create(r.base, script_silent, NULL);
	rig_pool(&r, STRATEGY_ORDERED, LONG_MS, (const struct addr *const[]){fake_addr(f)}, 1);
	struct name n = rig_name("example.com");
	for (unsigned i = 0; i < POOL_ASKS_MAX; i++)
		assert_non_null(pool_ask(r.pool, &n, RRTYPE_A, false, false, true, never, &calls));
	assert_null(pool_ask(r.pool, &n, RRTYPE_A, false, false, true, never, &calls));
	assert_int_equal(rig_count(&r, COUNTER_UPSTREAM_FULL), 1);
	assert_int_equal(calls, 0);
	assert_true(pool_busy_with(r.pool, r.u));
	rig_end(&r); /* outstanding asks are forgotten without a call */
	assert_int_equal(calls, 0);
	fake_destroy(f);
}

/* No new descriptor can be had until the old limit is put back. */
static struct rlimit old_limit;

static void no_more_descriptors(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old_limit), 0);
	struct rlimit limit = old_limit;
	limit.rlim_cur = (rlim_t)fd; /* the lowest free one is not below this */
	(void)close(fd);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static void descriptors_again(void)
{
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old_limit), 0);
}

static void without_descriptors_it_says_so(void **state)
{
	(void)state;
	struct rig r;
	rig_begin(&r);
	struct fake *f = fake_create(r.base, script_good, NULL);
	rig_pool(&r, STRATEGY_ORDERED, LONG_MS, (const struct addr *const[]){fake_addr(f)}, 1);
	no_more_descriptors();
	struct rig_result udp = rig_ask_wait(&r, "example.com", false);
	struct rig_result tcp = rig_ask_wait(&r, "example.com", true);
	descriptors_again();
	assert_int_equal(udp.outcome, POOL_NO_RESOURCES);
	assert_int_equal(tcp.outcome, POOL_NO_RESOURCES);
	assert_int_equal(rig_count(&r, COUNTER_UPSTREAM_NO_SOCKET), 2); /* tried once each: no spinning */
	struct upstream_stats stats;
	upstreams_stats(r.u, 0, &stats);
	assert_int_equal(stats.sent, 0);
	assert_int_equal(stats.failed, 0); /* it is not the server's fault */
	rig_want_a(&r, "example.com", false, GOOD);
	rig_end(&r);
	fake_destroy(f);
}

static void without_descriptors_an_open_connection_serves(void **state)
{
	(void)state;
	struct rig r;
	rig_begin(&r);
	struct fake *f = fake_create(r.base, script_good, NULL);
	rig_pool(&r, STRATEGY_ORDERED, LONG_MS, (const struct addr *const[]){fake_addr(f)}, 1);
	rig_want_a(&r, "example.com", true, GOOD);
	no_more_descriptors();
	struct rig_result result = rig_ask_wait(&r, "example.com", false);
	descriptors_again();
	rig_check_a(&result, GOOD);
	free(result.body);
	assert_int_equal(fake_counts(f).tcp, 2);
	assert_int_equal(fake_counts(f).connections, 1);
	assert_int_equal(rig_count(&r, COUNTER_UPSTREAM_NO_SOCKET), 1);
	rig_end(&r);
	fake_destroy(f);
}

struct ender {
	struct rig *rig;
	unsigned calls;
};

static void on_done_destroy(void *arg, enum pool_outcome outcome, const struct response *response)
{
	struct ender *e = arg;
	(void)response;
	assert_int_equal(outcome, POOL_ANSWER);
	e->calls++;
	pool_destroy(e->rig->pool);
	e->rig->pool = NULL;
}

static void the_pool_may_end_within_a_callback(void **state)
{
	(void)state;
	for (int tcp = 0; tcp < 2; tcp++) {
		struct rig r;
		struct ender e = {.rig = &r};
		rig_begin(&r);
		struct fake *f = fake_create(r.base, script_good, NULL);
		rig_pool(&r, STRATEGY_ORDERED, LONG_MS, (const struct addr *const[]){fake_addr(f)}, 1);
		struct name n = rig_name("example.com");
		for (int i = 0; i < 10; i++) /* over TCP all ten answers lie in one read */
			assert_non_null(pool_ask(r.pool, &n, RRTYPE_A, false, false, tcp != 0, on_done_destroy, &e));
		while (r.pool != NULL)
			assert_int_equal(event_base_loop(r.base, EVLOOP_ONCE), 0);
		assert_int_equal(e.calls, 1);
		rig_end(&r);
		fake_destroy(f);
	}
}

static void script_hang_up(struct fake_query *q, void *arg)
{
	(void)arg;
	if (q->tcp)
		fake_hang_up(q);
}

static void on_lost_destroy(void *arg, enum pool_outcome outcome, const struct response *response)
{
	struct ender *e = arg;
	(void)response;
	assert_int_equal(outcome, POOL_NETWORK);
	e->calls++;
	pool_destroy(e->rig->pool);
	e->rig->pool = NULL;
}

static void the_pool_may_end_while_a_connection_is_lost(void **state)
{
	(void)state;
	struct rig r;
	struct ender e = {.rig = &r};
	rig_begin(&r);
	struct fake *f = fake_create(r.base, script_hang_up, NULL);
	rig_pool(&r, STRATEGY_ORDERED, LONG_MS, (const struct addr *const[]){fake_addr(f)}, 1);
	struct name n = rig_name("example.com");
	for (int i = 0; i < 10; i++)
		assert_non_null(pool_ask(r.pool, &n, RRTYPE_A, false, false, true, on_lost_destroy, &e));
	while (r.pool != NULL)
		assert_int_equal(event_base_loop(r.base, EVLOOP_ONCE), 0);
	assert_int_equal(e.calls, 1);
	rig_end(&r);
	fake_destroy(f);
}

struct chain {
	struct rig *rig;
	unsigned left;
	bool tcp;
};

static void on_done_ask_again(void *arg, enum pool_outcome outcome, const struct response *response)
{
	struct chain *c = arg;
	assert_int_equal(outcome, POOL_ANSWER);
	uint8_t before[64], size = (uint8_t)MIN(response->body_len, sizeof(before));
	assert_true(size > 0);
	memcpy(before, response->body, size);
	if (c->left == 0)
		return;
	c->left--;
	struct name n = rig_name("example.net");
	assert_non_null(pool_ask(c->rig->pool, &n, RRTYPE_A, false, false, c->tcp, on_done_ask_again, c));
	assert_memory_equal(before, response->body, size); /* borrowed until the callback returns, whatever it asks */
}

static void callbacks_may_ask(void **state)
{
	(void)state;
	for (int tcp = 0; tcp < 2; tcp++) {
		struct rig r;
		struct chain c = {.rig = &r, .left = 50, .tcp = tcp != 0};
		rig_begin(&r);
		struct fake *f = fake_create(r.base, script_good, NULL);
		rig_pool(&r, STRATEGY_ORDERED, LONG_MS, (const struct addr *const[]){fake_addr(f)}, 1);
		struct name n = rig_name("example.com");
		assert_non_null(pool_ask(r.pool, &n, RRTYPE_A, false, false, c.tcp, on_done_ask_again, &c));
		while (pool_busy_with(r.pool, r.u))
			assert_int_equal(event_base_loop(r.base, EVLOOP_ONCE), 0);
		assert_int_equal(c.left, 0);
		assert_int_equal(tcp ? fake_counts(f).tcp : fake_counts(f).udp, 51);
		rig_end(&r);
		fake_destroy(f);
	}
}

struct held {
	bool has;
	struct fake_query q;
};

static void script_hold(struct fake_query *q, void *arg)
{
	struct held *h = arg;
	h->has = true;
	h->q = *q;
}

static void asks_under_way_finish_with_their_servers(void **state)
{
	(void)state;
	struct rig r;
	struct held held = {0};
	rig_begin(&r);
	struct fake *f = fake_create(r.base, script_hold, &held), *g = fake_create(r.base, script_good, NULL);
	rig_pool(&r, STRATEGY_ORDERED, LONG_MS, (const struct addr *const[]){fake_addr(f)}, 1);
	struct rig_result first;
	rig_ask(&r, "example.com", true, &first);
	while (!held.has)
		assert_int_equal(event_base_loop(r.base, EVLOOP_ONCE), 0);

	struct upstreams *old = r.u;
	const struct endpoint server = {.addr = *fake_addr(g), .text = "dns://new"};
	r.u = upstreams_create(&r.settings, &server, 1, old);
	pool_set_upstreams(r.pool, r.u);
	assert_true(pool_busy_with(r.pool, old));
	assert_false(pool_busy_with(r.pool, r.u));
	rig_want_a(&r, "example.net", false, GOOD);
	assert_int_equal(fake_counts(g).udp, 1);
	assert_int_equal(first.calls, 0);
	fake_answer_a(&held.q, GOOD);
	rig_wait(&r, &first, 1);
	rig_check_a(&first, GOOD);
	free(first.body);
	assert_false(pool_busy_with(r.pool, old));
	upstreams_destroy(old); /* its server's connection is still open, and outlives it */
	rig_want_a(&r, "example.org", true, GOOD);
	rig_end(&r);
	fake_destroy(f);
	fake_destroy(g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(asks_are_bounded),
	    cmocka_unit_test(without_descriptors_it_says_so),
	    cmocka_unit_test(without_descriptors_an_open_connection_serves),
	    cmocka_unit_test(the_pool_may_end_within_a_callback),
	    cmocka_unit_test(the_pool_may_end_while_a_connection_is_lost),
	    cmocka_unit_test(callbacks_may_ask),
	    cmocka_unit_test(asks_under_way_finish_with_their_servers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
