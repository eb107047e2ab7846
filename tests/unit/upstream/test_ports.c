/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What is asked within one turn of the loop: which ports it goes from, how answers find their question, the limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "rig.h"
#include "upstream/health.h"
#include "upstream/pool_ask.h"

#define GOOD 0x0a000001u
#define EVIL 0x06060606u
#define LONG_MS 3600000
#define BURST 200

struct seen {
	unsigned count, answer_at; /* all are answered, the last first, when so many are there */
	struct fake_query queries[2 * BURST];
};

static uint32_t number_of(const struct fake_query *q)
{
	const uint8_t *p = q->bytes + MSG_HEADER_LEN + 1;
	return (uint32_t)((p[0] - '0') * 100 + (p[1] - '0') * 10 + p[2] - '0');
}

static void script_gather(struct fake_query *q, void *arg)
{
	struct seen *seen = arg;
	assert_true(seen->count < ARRAY_LEN(seen->queries));
	seen->queries[seen->count++] = *q;
	if (seen->count != seen->answer_at)
		return;
	for (unsigned i = seen->count; i-- > 0;)
		fake_answer_a(&seen->queries[i], number_of(&seen->queries[i]));
}

static void ask_all(struct rig *r, struct rig_result *results, unsigned from, unsigned count)
{
	for (unsigned i = from; i < from + count; i++) {
		char name[32];
		(void)snprintf(name, sizeof(name), "%03u.example.com", i);
		rig_ask(r, name, false, &results[i]);
	}
}

static void check_all(const struct rig_result *results, unsigned from, unsigned count)
{
	for (unsigned i = from; i < from + count; i++) {
		rig_check_a(&results[i], i);
		free(results[i].body);
	}
}

/* How many of the queries [from, to) came from the port of query i. */
static unsigned sharing(const struct seen *seen, unsigned i, unsigned from, unsigned to)
{
	unsigned n = 0;
	for (unsigned j = from; j < to; j++)
		n += addr_port(&seen->queries[j].peer) == addr_port(&seen->queries[i].peer);
	return n;
}

static void one_turn_shares_ports(void **state)
{
	(void)state;
	struct rig r;
	static struct seen seen;
	static struct rig_result results[2 * BURST];
	rig_begin(&r);
	seen = (struct seen){.answer_at = BURST};
	struct fake *f = fake_create(r.base, script_gather, &seen);
	rig_pool(&r, STRATEGY_ORDERED, LONG_MS, (const struct addr *const[]){fake_addr(f)}, 1);
	ask_all(&r, results, 0, BURST);
	rig_wait(&r, results, BURST);
	check_all(results, 0, BURST);
	assert_int_equal(fake_counts(f).udp, BURST);
	assert_int_equal(r.pool->ports.open_count, 0); /* closed with their last answer */
	seen.answer_at = 2 * BURST;
	ask_all(&r, results, BURST, BURST);
	rig_wait(&r, results + BURST, BURST);
	check_all(results, BURST, BURST);
	unsigned lone = 0;
	for (unsigned i = 0; i < 2 * BURST; i++) {
		unsigned from = i < BURST ? 0 : BURST;
		assert_in_range(sharing(&seen, i, from, from + BURST), 1, PORT_QUERIES_MAX);
		lone += sharing(&seen, i, 0, 2 * BURST) != sharing(&seen, i, from, from + BURST);
		for (unsigned j = from; j < i; j++)
			if (addr_port(&seen.queries[i].peer) == addr_port(&seen.queries[j].peer))
				assert_int_not_equal(seen.queries[i].q.header.id, seen.queries[j].q.header.id);
	}
	assert_true(lone <= 2 * PORT_QUERIES_MAX); /* a port of the first turn is met again by chance only: 49 in 64512 */
	rig_end(&r);
	fake_destroy(f);
}

/* The youngest port is too old for questions of another turn. */
static void age(struct rig *r)
{
	struct port *port = TAILQ_FIRST(&r->pool->ports.open);
	if (port != NULL)
		port->opened_ns -= (PORT_SHARE_MS + 1) * (int64_t)1000000;
}

/* Ask in 20 turns, none answered before all are there: ports with room stay open. */
static void ask_in_turns(struct seen *seen, bool aged)
{
	struct rig r;
	static struct rig_result results[BURST];
	rig_begin(&r);
	*seen = (struct seen){.answer_at = 20};
	struct fake *f = fake_create(r.base, script_gather, seen);
	rig_pool(&r, STRATEGY_ORDERED, LONG_MS, (const struct addr *const[]){fake_addr(f)}, 1);
	for (unsigned i = 0; i < 20; i++) {
		ask_all(&r, results, i, 1);
		RIG_UNTIL(&r, seen->count > i);
		if (aged)
			age(&r);
	}
	rig_wait(&r, results, 20);
	check_all(results, 0, 20);
	assert_int_equal(r.pool->ports.open_count, 0);
	rig_end(&r);
	fake_destroy(f);
}

static void turns_share_under_load(void **state)
{
	(void)state;
	static struct seen seen;
	ask_in_turns(&seen, false);
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(sharing(&seen, i, 0, 20), i < PORT_SHARE_FROM - 2 ? 1 : 20 - (PORT_SHARE_FROM - 2));
}

static void each_turn_has_its_own(void **state)
{
	(void)state;
	static struct seen seen;
	ask_in_turns(&seen, true);
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(sharing(&seen, i, 0, 20), 1);
}

/* Each answer is preceded by lies: its name under another's ID, other case, another name. */
static void script_lies(struct fake_query *q, void *arg)
{
	struct seen *seen = arg;
	seen->queries[seen->count++] = *q;
	if (seen->count != seen->answer_at)
		return;
	uint8_t buf[512];
	for (unsigned i = 0; i < seen->count; i++) {
		const struct fake_query *one = &seen->queries[i], *next = &seen->queries[(i + 1) % seen->count];
		struct wr w = fake_begin(one, 0, buf, sizeof(buf));
		fake_put_a(&w, EVIL);
		memcpy(buf, next->bytes, 2);
		fake_send(one, &w);
		memcpy(buf, one->bytes, 2);
		buf[MSG_HEADER_LEN + 5] ^= 0x20; /* the e of example */
		fake_send(one, &w);
		buf[MSG_HEADER_LEN + 5] ^= 0x21;
		fake_send(one, &w);
	}
	for (unsigned i = seen->count; i-- > 0;) {
		fake_answer_a(&seen->queries[i], number_of(&seen->queries[i]));
		fake_answer_a(&seen->queries[i], EVIL); /* too late */
	}
}

static void lies_hit_nobody_else(void **state)
{
	(void)state;
	struct rig r;
	static struct seen seen;
	static struct rig_result results[PORT_QUERIES_MAX];
	rig_begin(&r);
	seen = (struct seen){.answer_at = PORT_QUERIES_MAX};
	struct fake *f = fake_create(r.base, script_lies, &seen);
	rig_pool(&r, STRATEGY_ORDERED, LONG_MS, (const struct addr *const[]){fake_addr(f)}, 1);
	ask_all(&r, results, 0, PORT_QUERIES_MAX);
	rig_wait(&r, results, PORT_QUERIES_MAX);
	check_all(results, 0, PORT_QUERIES_MAX);
	assert_int_equal(fake_counts(f).udp, PORT_QUERIES_MAX);
	assert_int_equal(fake_counts(f).tcp, 0);
	assert_true(rig_count(&r, COUNTER_UPSTREAM_MISMATCHED) >= 3 * PORT_QUERIES_MAX);
	rig_end(&r);
	fake_destroy(f);
}

/* The first question is answered; then its answer comes again and again. The second is answered after that. */
static void script_double(struct fake_query *q, void *arg)
{
	struct seen *seen = arg;
	seen->queries[seen->count++] = *q;
	if (seen->count != 2)
		return;
	for (int i = 0; i < 2 * ASK_MISMATCHES_MAX; i++)
		fake_answer_a(&seen->queries[0], number_of(&seen->queries[0]));
	fake_answer_a(&seen->queries[1], number_of(&seen->queries[1]));
}

static void doubled_answers_are_no_guesses(void **state)
{
	(void)state;
	struct rig r;
	static struct seen seen;
	static struct rig_result results[2];
	rig_begin(&r);
	seen = (struct seen){0};
	struct fake *f = fake_create(r.base, script_double, &seen);
	rig_pool(&r, STRATEGY_ORDERED, LONG_MS, (const struct addr *const[]){fake_addr(f)}, 1);
	ask_all(&r, results, 0, 2);
	rig_wait(&r, results, 2);
	check_all(results, 0, 2);
	assert_int_equal(fake_counts(f).tcp, 0);
	rig_end(&r);
	fake_destroy(f);
}

static void script_guess(struct fake_query *q, void *arg)
{
	struct seen *seen = arg;
	if (q->tcp) {
		fake_answer_a(q, number_of(q));
		return;
	}
	seen->queries[seen->count++] = *q;
	if (seen->count != seen->answer_at)
		return;
	uint8_t buf[512];
	struct wr w = fake_begin(q, 0, buf, sizeof(buf));
	fake_put_a(&w, EVIL);
	unsigned guesses = 0;
	for (uint16_t id = 0; guesses < ASK_MISMATCHES_MAX; id++) {
		bool used = false;
		for (unsigned i = 0; i < seen->count; i++)
			used = used || seen->queries[i].q.header.id == id;
		if (used)
			continue;
		buf[0] = (uint8_t)(id >> 8);
		buf[1] = (uint8_t)id;
		fake_send(q, &w);
		guesses++;
	}
}

static void guesses_count_against_all_of_the_port(void **state)
{
	(void)state;
	struct rig r;
	static struct seen seen;
	static struct rig_result results[8];
	rig_begin(&r);
	seen = (struct seen){.answer_at = 8};
	struct fake *f = fake_create(r.base, script_guess, &seen);
	rig_pool(&r, STRATEGY_ORDERED, LONG_MS, (const struct addr *const[]){fake_addr(f)}, 1);
	ask_all(&r, results, 0, 8);
	rig_wait(&r, results, 8);
	check_all(results, 0, 8);
	assert_int_equal(rig_count(&r, COUNTER_UPSTREAM_MISMATCHED), ASK_MISMATCHES_MAX);
	assert_int_equal(fake_counts(f).tcp, 8);
	assert_int_equal(fake_counts(f).connections, 1);
	assert_int_equal(r.pool->ports.open_count, 0);
	rig_end(&r);
	fake_destroy(f);
}

static void script_silent(struct fake_query *q, void *arg)
{
	(void)q, (void)arg;
}

static void script_good(struct fake_query *q, void *arg)
{
	(void)arg;
	fake_answer_a(q, GOOD);
}

static void never(void *arg, enum pool_outcome outcome, const struct response *response)
{
	(void)outcome, (void)response;
	(*(unsigned *)arg)++;
}

/* A turn each, so that each would have a port. */
static void ask_one_by_one(struct rig *r, unsigned count, unsigned *calls)
{
	struct name n = rig_name("example.com");
	for (unsigned i = 0; i < count; i++) {
		assert_non_null(pool_ask(r->pool, &n, RRTYPE_A, false, false, false, never, calls));
		rig_turn(r);
		age(r);
		assert_true(r->pool->ports.open_count <= PORTS_MAX);
	}
}

static void ports_to_one_server_are_bounded(void **state)
{
	(void)state;
	struct rig r;
	unsigned calls = 0;
	rig_begin(&r);
	struct fake *silent = fake_create(r.base, script_silent, NULL), *f = fake_create(r.base, script_good, NULL);
	const struct endpoint server = {.addr = *fake_addr(f), .text = "dns://corp"};
	const struct settings_route route = {.zone = rig_name("corp.example"), .servers = &server, .server_count = 1};
	r.settings.routes = &route;
	r.settings.route_count = 1;
	rig_pool(&r, STRATEGY_ORDERED, LONG_MS, (const struct addr *const[]){fake_addr(silent)}, 1);
	ask_one_by_one(&r, PORTS_LANE_MAX + 100, &calls);
	RIG_UNTIL(&r, fake_counts(silent).udp == PORTS_LANE_MAX + 100); /* the rest joined */
	assert_int_equal(r.pool->ports.open_count, PORTS_LANE_MAX);
	assert_int_equal(rig_count(&r, COUNTER_UPSTREAM_NO_SOCKET), 0);
	rig_want_a(&r, "www.corp.example", false, GOOD); /* there is a port for others */
	assert_int_equal(calls, 0);
	rig_end(&r);
	fake_destroy(silent);
	fake_destroy(f);
}

#define SHORT 0x0a000009u

static void script_short_names(struct fake_query *q, void *arg)
{
	(void)arg;
	if (q->bytes[MSG_HEADER_LEN] == 1)
		fake_answer_a(q, SHORT);
}

static void ports_are_bounded(void **state)
{
	(void)state;
	struct rlimit limit;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = limit.rlim_max;
	if (limit.rlim_max < PORTS_MAX + 100 || setrlimit(RLIMIT_NOFILE, &limit) != 0)
		skip(); /* not so many descriptors here */
	struct rig r;
	struct fake *fakes[3];
	unsigned calls = 0, asked = PORTS_MAX + 500;
	rig_begin(&r);
	for (size_t i = 0; i < 3; i++)
		fakes[i] = fake_create(r.base, script_silent, NULL);
	rig_pool(&r, STRATEGY_SPREAD, LONG_MS,
		 (const struct addr *const[]){fake_addr(fakes[0]), fake_addr(fakes[1]), fake_addr(fakes[2])}, 3);
	ask_one_by_one(&r, asked, &calls);
	RIG_UNTIL(&r, fake_counts(fakes[0]).udp + fake_counts(fakes[1]).udp + fake_counts(fakes[2]).udp == asked);
	assert_int_equal(r.pool->ports.open_count, PORTS_MAX);
	assert_int_equal(rig_count(&r, COUNTER_UPSTREAM_NO_SOCKET), 0);
	assert_int_equal(calls, 0);
	rig_end(&r);
	for (size_t i = 0; i < 3; i++)
		fake_destroy(fakes[i]);
}

static void a_server_takes_but_so_many(void **state)
{
	(void)state;
	struct rig r;
	unsigned calls = 0;
	rig_begin(&r);
	struct fake *f = fake_create(r.base, script_silent, NULL), *g = fake_create(r.base, script_silent, NULL);
	rig_pool(&r, STRATEGY_ORDERED, LONG_MS, (const struct addr *const[]){fake_addr(f), fake_addr(g)}, 2);
	struct name n = rig_name("example.com");
	for (unsigned i = 0; i < LANE_OPEN_MAX; i++)
		assert_non_null(pool_ask(r.pool, &n, RRTYPE_A, false, false, false, never, &calls));
	assert_int_equal(rig_count(&r, COUNTER_UPSTREAM_SERVER_FULL), 0);
	for (unsigned i = 0; i < LANE_OPEN_MAX; i++) /* the next one's */
		assert_non_null(pool_ask(r.pool, &n, RRTYPE_A, false, false, false, never, &calls));
	assert_int_equal(rig_count(&r, COUNTER_UPSTREAM_SERVER_FULL), LANE_OPEN_MAX);
	RIG_UNTIL(&r, rig_stats(&r, 0).sent + rig_stats(&r, 1).sent == 2 * LANE_OPEN_MAX);
	assert_int_equal(rig_stats(&r, 0).sent, LANE_OPEN_MAX);
	struct rig_result result = rig_ask_wait(&r, "one.too.many.example.com", false);
	assert_int_equal(result.outcome, POOL_NO_RESOURCES);
	assert_int_equal(rig_count(&r, COUNTER_UPSTREAM_SERVER_FULL), LANE_OPEN_MAX + 2);
	assert_int_equal(rig_stats(&r, 1).sent, LANE_OPEN_MAX);
	assert_int_equal(rig_stats(&r, 0).failed + rig_stats(&r, 1).failed, 0);
	assert_int_equal(calls, 0);
	rig_end(&r);
	fake_destroy(f);
	fake_destroy(g);
}

/* One who asks for names that nobody answers keeps nobody else out. */
static void what_is_out_for_long_makes_room(void **state)
{
	(void)state;
	struct rig r;
	unsigned calls = 0;
	rig_begin(&r);
	struct fake *f = fake_create(r.base, script_short_names, NULL);
	rig_pool(&r, STRATEGY_ORDERED, LONG_MS, (const struct addr *const[]){fake_addr(f)}, 1);
	struct name n = rig_name("silent.example.com");
	for (unsigned i = 0; i < LANE_OPEN_MAX; i++)
		assert_non_null(pool_ask(r.pool, &n, RRTYPE_A, false, false, false, never, &calls));
	RIG_UNTIL(&r, rig_stats(&r, 0).sent == LANE_OPEN_MAX);
	struct rig_result result = rig_ask_wait(&r, "a.example.com", false);
	assert_int_equal(result.outcome, POOL_NO_RESOURCES); /* all of them are young */
	rig_pass(&r, HEALTH_WAIT_ALONE_MS);		     /* all are asked again, each in the place of one before */
	RIG_UNTIL(&r, rig_stats(&r, 0).sent == 2 * LANE_OPEN_MAX);
	rig_pass(&r, HEALTH_WAIT_UNKNOWN_MS);
	rig_turn(&r);
	for (unsigned i = 0; i < 100; i++)
		rig_want_a(&r, "a.example.com", false, SHORT);
	/* and one that finds it up again: so many silent ones took it down */
	assert_int_equal(rig_stats(&r, 0).sent, 2 * LANE_OPEN_MAX + 1 + 100);
	assert_int_equal(calls, 0); /* they may still be asked once more, or be told at their time */
	rig_end(&r);
	fake_destroy(f);
}

/* A burst to a port where nobody is: the kernel's refusals come while the rest is still being sent. */
static void a_burst_that_is_refused(void **state)
{
	(void)state;
	struct rig r;
	static struct seen seen;
	static struct rig_result results[BURST];
	rig_begin(&r);
	seen = (struct seen){.answer_at = BURST};
	struct fake *gone = fake_create(r.base, script_silent, NULL), *f = fake_create(r.base, script_gather, &seen);
	fake_stop(gone);
	rig_pool(&r, STRATEGY_ORDERED, LONG_MS, (const struct addr *const[]){fake_addr(gone), fake_addr(f)}, 2);
	ask_all(&r, results, 0, BURST);
	rig_wait(&r, results, BURST);
	check_all(results, 0, BURST);
	assert_int_equal(rig_stats(&r, 0).sent, BURST);
	assert_int_equal(rig_stats(&r, 0).failed, BURST);
	assert_int_equal(r.pool->ports.open_count, 0);
	rig_end(&r);
	fake_destroy(gone);
	fake_destroy(f);
}

struct chain {
	struct rig *rig;
	unsigned calls;
	struct upstreams *next;
};

static void on_done_end(void *arg, enum pool_outcome outcome, const struct response *response)
{
	struct chain *c = arg;
	(void)response;
	assert_int_equal(outcome, POOL_ANSWER);
	c->calls++;
	pool_destroy(c->rig->pool);
	c->rig->pool = NULL;
}

/* Thirty-two answers lie in one read, and the first ends it all. */
static void the_pool_may_end_within_a_batch(void **state)
{
	(void)state;
	struct rig r;
	static struct seen seen;
	struct chain c = {.rig = &r};
	rig_begin(&r);
	seen = (struct seen){.answer_at = BURST};
	struct fake *f = fake_create(r.base, script_gather, &seen);
	rig_pool(&r, STRATEGY_ORDERED, LONG_MS, (const struct addr *const[]){fake_addr(f)}, 1);
	for (unsigned i = 0; i < BURST; i++) {
		char name[32];
		(void)snprintf(name, sizeof(name), "%03u.example.com", i);
		struct name n = rig_name(name);
		assert_non_null(pool_ask(r.pool, &n, RRTYPE_A, false, false, false, on_done_end, &c));
	}
	RIG_UNTIL(&r, r.pool == NULL);
	assert_int_equal(c.calls, 1);
	rig_end(&r);
	fake_destroy(f);
}

static void on_done_reload(void *arg, enum pool_outcome outcome, const struct response *response)
{
	struct chain *c = arg;
	assert_int_equal(outcome, POOL_ANSWER);
	assert_non_null(response);
	c->calls++;
	pool_set_upstreams(c->rig->pool, c->next);
}

/* A reload within a callback, while the port the answer came from is being read. */
static void a_reload_within_a_callback(void **state)
{
	(void)state;
	struct rig r;
	static struct seen seen;
	struct chain c = {.rig = &r};
	rig_begin(&r);
	seen = (struct seen){.answer_at = 1};
	struct fake *f = fake_create(r.base, script_gather, &seen);
	rig_pool(&r, STRATEGY_ORDERED, LONG_MS, (const struct addr *const[]){fake_addr(f)}, 1);
	struct upstreams *old = r.u;
	c.next = upstreams_create(&r.settings, r.endpoints, 1, old);
	struct name n = rig_name("007.example.com");
	assert_non_null(pool_ask(r.pool, &n, RRTYPE_A, false, false, false, on_done_reload, &c));
	RIG_UNTIL(&r, c.calls == 1);
	assert_false(pool_busy_with(r.pool, old));
	upstreams_destroy(old);
	r.u = c.next;
	seen = (struct seen){.answer_at = 1};
	rig_want_a(&r, "042.example.com", false, 42);
	rig_end(&r);
	fake_destroy(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(one_turn_shares_ports),	       cmocka_unit_test(each_turn_has_its_own),
	    cmocka_unit_test(turns_share_under_load),	       cmocka_unit_test(lies_hit_nobody_else),
	    cmocka_unit_test(doubled_answers_are_no_guesses),  cmocka_unit_test(guesses_count_against_all_of_the_port),
	    cmocka_unit_test(ports_to_one_server_are_bounded), cmocka_unit_test(ports_are_bounded),
	    cmocka_unit_test(a_server_takes_but_so_many),      cmocka_unit_test(what_is_out_for_long_makes_room),
	    cmocka_unit_test(a_burst_that_is_refused),	       cmocka_unit_test(the_pool_may_end_within_a_batch),
	    cmocka_unit_test(a_reload_within_a_callback),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
