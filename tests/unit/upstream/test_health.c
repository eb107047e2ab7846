/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <string.h>

#include "base/rand.h"
#include "base/str.h"
#include "upstream/health.h"
#include "wire/rrtype.h"

static struct endpoint endpoints[6];

static const struct endpoint *endpoint(size_t i, const char *text)
{
	assert_true(addr_from_text(str_from(text), 53, &endpoints[i].addr));
	endpoints[i].text = text;
	return &endpoints[i];
}

static struct name name_of(const char *text)
{
	struct name n;
	struct err err;
	assert_true(name_from_text(str_from(text), &n, &err));
	return n;
}

static struct upstreams *three(enum strategy strategy)
{
	(void)endpoint(0, "192.0.2.1");
	(void)endpoint(1, "192.0.2.2");
	(void)endpoint(2, "192.0.2.3");
	const struct settings s = {.strategy = strategy, .timeout_ms = 2000};
	return upstreams_create(&s, endpoints, 3, NULL);
}

static void fails(struct server *s, int64_t now_ms)
{
	server_failed(s, SERVER_TIMEOUT, true, now_ms, now_ms);
}

static const char *state_of(const struct upstreams *u, size_t i)
{
	struct upstream_stats stats;
	upstreams_stats(u, i, &stats);
	return stats.state;
}

static void down_and_up_by_edges(void **state)
{
	(void)state;
	struct upstreams *u = three(STRATEGY_ORDERED);
	struct server *s = u->routes[0].servers[0];
	fails(s, 1000);
	fails(s, 1001);
	fails(s, 1002); /* three, but within a moment: a burst is one event */
	assert_string_equal(state_of(u, 0), "up");
	server_answered(s, 5000);
	fails(s, 5000);
	fails(s, 9000); /* two only */
	assert_string_equal(state_of(u, 0), "up");
	for (int i = 0; i < 10; i++)
		server_failed(s, SERVER_TIMEOUT, false, 9000, 20000); /* later sends of the same asks say nothing more */
	assert_string_equal(state_of(u, 0), "up");
	fails(s, 9001);
	assert_string_equal(state_of(u, 0), "down");
	assert_false(server_is_up(s));
	server_answered(s, 0);
	assert_string_equal(state_of(u, 0), "up");
	assert_false(server_probe_due(s, 1000000));
	upstreams_destroy(u);
}

static void probes_back_off(void **state)
{
	(void)state;
	struct upstreams *u = three(STRATEGY_ORDERED);
	struct server *s = u->routes[0].servers[0];
	fails(s, 0);
	fails(s, 1000);
	fails(s, 2000);
	int64_t now_ms = 2000;
	static const int64_t backoff_ms[] = {250, 500, 1000, 1500, 1500, 1500};
	for (size_t i = 0; i < ARRAY_LEN(backoff_ms); i++) {
		assert_false(server_probe_due(s, now_ms + backoff_ms[i] - 1));
		now_ms += backoff_ms[i];
		assert_true(server_probe_due(s, now_ms));
		assert_string_equal(state_of(u, 0), "probing");
		assert_false(server_probe_due(s, now_ms)); /* one only */
		fails(s, now_ms + 200);			   /* the news of it does not put the next one off */
		assert_string_equal(state_of(u, 0), "down");
	}
	/* a probe that was never heard of again is followed by another */
	now_ms += 1500;
	assert_true(server_probe_due(s, now_ms));
	assert_false(server_probe_due(s, now_ms + 1499));
	assert_true(server_probe_due(s, now_ms + 1500));
	server_answered(s, 1000);
	assert_string_equal(state_of(u, 0), "up");
	upstreams_destroy(u);
}

static void fastest_goes_first_mostly(void **state)
{
	(void)state;
	struct upstreams *u = three(STRATEGY_FASTEST);
	const struct route *r = &u->routes[0];
	server_answered(r->servers[0], 30000);
	server_answered(r->servers[1], 5000);
	server_answered(r->servers[2], 90000);
	unsigned first[3] = {0};
	uint8_t order[SETTINGS_SERVERS_MAX];
	rand_seed_for_test(4711);
	for (int i = 0; i < 2000; i++) {
		assert_int_equal(route_order(r, u->strategy, order), 3);
		assert_int_equal(order[0] + order[1] + order[2], 3);
		first[order[0]]++;
	}
	assert_in_range(first[1], 1800, 1960);
	assert_true(first[0] > 10 && first[2] > 10); /* the others are looked at again now and then */
	fails(r->servers[1], 0);		     /* a failure outweighs latency at once */
	unsigned again = 0;
	for (int i = 0; i < 200; i++) {
		(void)route_order(r, u->strategy, order);
		again += order[0] == 1;
	}
	assert_in_range(again, 0, 20);
	rand_seed_for_test(0);
	upstreams_destroy(u);
}

/* The nearest server answers at once, but with SERVFAIL only: it is left, and comes back when it does better. */
static void fastest_leaves_who_is_of_no_use(void **state)
{
	(void)state;
	struct upstreams *u = three(STRATEGY_FASTEST);
	const struct route *route = &u->routes[0];
	uint8_t order[SETTINGS_SERVERS_MAX];
	unsigned first = 0;
	rand_seed_for_test(7);
	for (uint32_t i = 0; i < 3; i++)
		server_answered(route->servers[i], 1000 + 9000 * i);
	for (int i = 0; i < 20; i++) {
		server_answered(route->servers[0], 1000);
		server_useless(route->servers[0]);
	}
	assert_string_equal(state_of(u, 0), "up");
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(route_order(route, STRATEGY_FASTEST, order), 3);
		first += order[0] == 0;
	}
	assert_in_range(first, 1, 100); /* to see whether it does better */
	for (int i = 0; i < 60; i++)
		server_useful(route->servers[0]);
	assert_int_equal(route->servers[0]->useless, 0);
	for (int i = 0; i < 1000; i++)
		first += route_order(route, STRATEGY_FASTEST, order) == 3 && order[0] == 0;
	assert_in_range(first, 900, 1100);
	rand_seed_for_test(0);
	upstreams_destroy(u);
}

static void ordered_and_spread(void **state)
{
	(void)state;
	struct upstreams *u = three(STRATEGY_ORDERED);
	const struct route *r = &u->routes[0];
	uint8_t order[SETTINGS_SERVERS_MAX];
	server_answered(r->servers[0], 900000);
	for (int i = 0; i < 50; i++) {
		assert_int_equal(route_order(r, STRATEGY_ORDERED, order), 3);
		assert_memory_equal(order, ((uint8_t[]){0, 1, 2}), 3);
	}
	fails(r->servers[0], 0);
	fails(r->servers[0], 500);
	fails(r->servers[0], 1000);
	assert_int_equal(route_order(r, STRATEGY_ORDERED, order), 2); /* what is down comes last, in every strategy */
	assert_memory_equal(order, ((uint8_t[]){1, 2, 0}), 3);
	unsigned first[3] = {0};
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(route_order(r, STRATEGY_SPREAD, order), 2);
		assert_int_equal(order[2], 0);
		first[order[0]]++;
	}
	assert_int_equal(first[0], 0);
	assert_true(first[1] > 300 && first[2] > 300);
	upstreams_destroy(u);
}

static void waits_grow_with_latency_and_sends(void **state)
{
	(void)state;
	struct upstreams *u = three(STRATEGY_ORDERED);
	struct server *s = u->routes[0].servers[0];
	assert_int_equal(server_wait_ms(s, 1), HEALTH_WAIT_UNKNOWN_MS);
	server_answered(s, 10000);
	assert_int_equal(server_wait_ms(s, 1), 200);
	assert_int_equal(server_wait_ms(s, 2), 400);
	assert_int_equal(server_wait_ms(s, 3), 800);
	for (int i = 0; i < 100; i++)
		server_answered(s, 500000);
	assert_in_range(server_wait_ms(s, 1), 1400, 1500);
	upstreams_destroy(u);
}

static void case_is_given_up_after_three_proofs(void **state)
{
	(void)state;
	struct upstreams *u = three(STRATEGY_ORDERED);
	struct server *s = u->routes[0].servers[0];
	assert_true(server_keeps_case(s, 0));
	server_case_proved(s, 1000);
	server_case_proved(s, 1000);
	assert_true(server_keeps_case(s, 1000));
	server_case_proved(s, 1000);
	assert_false(server_keeps_case(s, 1000));
	assert_false(server_keeps_case(s, 1000 + 3599999));
	assert_true(server_keeps_case(s, 1000 + 3600000)); /* for an hour */
	upstreams_destroy(u);
}

static void the_longest_zone_takes_the_name(void **state)
{
	(void)state;
	const struct settings_route routes[] = {
	    {.zone = name_of("a.lab.corp.example"), .servers = endpoint(3, "192.0.2.4"), .server_count = 1},
	    {.zone = name_of("corp.example"), .servers = endpoint(1, "192.0.2.2"), .server_count = 1},
	    {.zone = name_of("lab.corp.example"), .servers = endpoint(2, "192.0.2.3"), .server_count = 1},
	};
	const struct settings s = {.timeout_ms = 1000, .routes = routes, .route_count = 3};
	struct upstreams *u = upstreams_create(&s, endpoint(0, "192.0.2.1"), 1, NULL);
	static const struct {
		const char *name;
		uint16_t type;
		size_t route;
	} cases[] = {
	    {"example", RRTYPE_A, 0},
	    {"xcorp.example", RRTYPE_A, 0},
	    {"corp.example", RRTYPE_A, 2},
	    {"www.corp.example", RRTYPE_A, 2},
	    {"lab.corp.example", RRTYPE_A, 3},
	    {"a.b.lab.corp.example", RRTYPE_A, 3},
	    {"x.a.lab.corp.example", RRTYPE_A, 1},
	    {"corp.example", RRTYPE_DS, 0},
	    {"lab.corp.example", RRTYPE_DS, 2},
	    {"x.lab.corp.example", RRTYPE_DS, 3},
	    {".", RRTYPE_NS, 0},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct name n = name_of(cases[i].name);
		assert_ptr_equal(upstreams_route(u, &n, cases[i].type), &u->routes[cases[i].route]);
	}
	assert_int_equal(upstreams_count(u), 4);
	struct upstream_stats stats;
	upstreams_stats(u, 0, &stats);
	assert_null(stats.zone);
	upstreams_stats(u, 3, &stats);
	assert_string_equal(stats.zone, "lab.corp.example");
	assert_string_equal(stats.server, "192.0.2.3");
	upstreams_destroy(u);
}

static void what_was_learned_outlives_a_reload(void **state)
{
	(void)state;
	struct upstreams *old = three(STRATEGY_ORDERED);
	server_answered(old->routes[0].servers[1], 42000);
	server_sent(old->routes[0].servers[1]);
	const struct settings_route routes[] = {{.zone = name_of("corp.example"), .servers = &endpoints[1], .server_count = 1}};
	const struct settings s = {.timeout_ms = 1000, .routes = routes, .route_count = 1};
	const struct endpoint again[] = {endpoints[1], *endpoint(4, "192.0.2.9")};
	struct upstreams *u = upstreams_create(&s, again, 2, old);
	upstreams_destroy(old);
	struct upstream_stats stats;
	upstreams_stats(u, 0, &stats);
	assert_true(stats.rtt_ms > 41.9 && stats.rtt_ms < 42.1);
	assert_int_equal(stats.sent, 1);
	upstreams_stats(u, 1, &stats);
	assert_true(stats.rtt_ms < 0.1);
	upstreams_stats(u, 2, &stats); /* the same address for a zone is another matter */
	assert_int_equal(stats.sent, 0);
	upstreams_destroy(u);
	upstreams_destroy(NULL);
}

/* Groups' own servers stand in for the default ones; the same servers are one set, whose number is never another's. */
static void groups_have_sets(void **state)
{
	(void)state;
	const struct settings_route routes[] = {
	    {.zone = name_of("corp.example"), .servers = endpoint(1, "192.0.2.2"), .server_count = 1}};
	const struct settings_group groups[] = {
	    {.name = "default"},
	    {.name = "kids", .servers = endpoint(2, "192.0.2.3"), .server_count = 1},
	    {.name = "lab",
	     .servers = endpoint(3, "192.0.2.4"),
	     .server_count = 1,
	     .has_strategy = true,
	     .strategy = STRATEGY_SPREAD},
	    {.name = "twins", .servers = endpoint(2, "192.0.2.3"), .server_count = 1},
	};
	const struct settings_group fewer[] = {groups[0], groups[2]};
	struct settings s = {.timeout_ms = 1000, .routes = routes, .route_count = 1, .groups = groups, .group_count = 4};
	struct name other = name_of("www.example"), corp = name_of("www.corp.example");
	struct upstreams *u = upstreams_create(&s, endpoint(0, "192.0.2.1"), 1, NULL),
			 *again = upstreams_create(&s, endpoint(0, "192.0.2.1"), 1, u);
	const uint32_t kids = upstreams_of_group(u, 1), lab = upstreams_of_group(u, 2);
	struct upstream_stats stats;
	assert_true(kids != 0 && lab != 0 && kids != lab);
	assert_int_equal(upstreams_of_group(u, 0), 0);
	assert_int_equal(upstreams_of_group(u, 3), kids);
	assert_int_equal(upstreams_of_group(u, 4), 0);
	assert_int_equal(upstreams_count(u), 4);
	upstreams_stats(u, 2, &stats);
	assert_string_equal(stats.group, "kids");
	assert_string_equal(stats.server, "192.0.2.3");
	assert_ptr_equal(upstreams_route_for(u, &other, RRTYPE_A, 0), &u->routes[0]);
	assert_ptr_equal(upstreams_route_for(u, &other, RRTYPE_A, kids), &u->routes[2]);
	assert_ptr_equal(upstreams_route_for(u, &corp, RRTYPE_A, kids), &u->routes[1]);
	assert_int_equal(upstreams_route_for(u, &other, RRTYPE_A, lab)->strategy, STRATEGY_SPREAD);
	assert_ptr_equal(upstreams_route(u, &other, RRTYPE_A), &u->routes[0]);
	/* kept, gone, and back with another number */
	assert_int_equal(upstreams_of_group(again, 1), kids);
	assert_ptr_equal(again->routes[2].servers[0], u->routes[2].servers[0]);
	s.groups = fewer;
	s.group_count = 2;
	struct upstreams *less = upstreams_create(&s, endpoint(0, "192.0.2.1"), 1, again);
	assert_int_equal(upstreams_of_group(less, 1), lab);
	assert_ptr_equal(upstreams_route_for(less, &other, RRTYPE_A, kids), &less->routes[0]);
	s.groups = groups;
	s.group_count = 4;
	struct upstreams *back = upstreams_create(&s, endpoint(0, "192.0.2.1"), 1, less);
	assert_int_equal(upstreams_of_group(back, 2), lab);
	assert_true(upstreams_of_group(back, 1) != kids && upstreams_of_group(back, 1) != lab && upstreams_of_group(back, 1) != 0);
	upstreams_destroy(u);
	upstreams_destroy(again);
	upstreams_destroy(less);
	upstreams_destroy(back);
}

/* The zones that are other servers' business after a reload, and whether there are any. */
static void routes_that_changed(void **state)
{
	(void)state;
	const struct settings_route before[] = {
	    {.zone = name_of("same.example"), .servers = endpoint(1, "192.0.2.2"), .server_count = 1},
	    {.zone = name_of("moved.example"), .servers = endpoint(2, "192.0.2.3"), .server_count = 1},
	    {.zone = name_of("gone.example"), .servers = endpoint(3, "192.0.2.4"), .server_count = 1},
	};
	const struct settings_route after[] = {
	    {.zone = name_of("new.example"), .servers = endpoint(3, "192.0.2.4"), .server_count = 1},
	    {.zone = name_of("moved.example"), .servers = endpoint(3, "192.0.2.4"), .server_count = 1},
	    {.zone = name_of("same.example"), .servers = endpoint(1, "192.0.2.2"), .server_count = 1},
	};
	static const char *const want[] = {"new.example", "moved.example", "moved.example", "gone.example"};
	struct settings s = {.timeout_ms = 1000, .routes = before, .route_count = 3};
	struct upstreams *old = upstreams_create(&s, endpoint(0, "192.0.2.1"), 1, NULL);
	struct upstreams *same = upstreams_create(&s, endpoint(0, "192.0.2.9"), 1, old); /* that the default moved is no route's */
	s.routes = after;
	struct upstreams *u = upstreams_create(&s, endpoint(0, "192.0.2.1"), 1, same);
	size_t at = 0;
	struct name zone;
	assert_false(upstreams_changed(same, old, &at, &zone));
	assert_true(upstreams_routes(same) == upstreams_routes(old));
	assert_true(upstreams_routes(u) != upstreams_routes(same));
	at = 0;
	for (size_t i = 0; i < ARRAY_LEN(want); i++) {
		struct name n = name_of(want[i]);
		assert_true(upstreams_changed(u, same, &at, &zone));
		assert_true(name_eq(&zone, &n));
	}
	assert_false(upstreams_changed(u, same, &at, &zone));
	upstreams_destroy(old);
	upstreams_destroy(same);
	upstreams_destroy(u);
}

static void *work(void *arg)
{
	struct upstreams *u = arg;
	uint8_t order[SETTINGS_SERVERS_MAX];
	for (int i = 0; i < 5000; i++) {
		size_t up = route_order(&u->routes[0], u->strategy, order);
		struct server *s = server_ref(u->routes[0].servers[order[0]]);
		server_sent(s);
		if (i % 3 == 0)
			fails(s, i);
		else
			server_answered(s, 1000);
		for (size_t j = up; j < 3; j++)
			(void)server_probe_due(u->routes[0].servers[order[j]], i);
		if (i % 500 == 0)
			server_case_proved(s, i);
		(void)server_keeps_case(s, i);
		server_unref(s);
		struct upstream_stats stats;
		upstreams_stats(u, (size_t)i % 3, &stats);
	}
	return NULL;
}

/* What is lost of it must not be the counts; ThreadSanitizer sees the rest. */
static void workers_share_the_servers(void **state)
{
	(void)state;
	struct upstreams *u = three(STRATEGY_FASTEST);
	pthread_t threads[4];
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, work, u), 0);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	uint64_t sent = 0;
	for (size_t i = 0; i < 3; i++) {
		struct upstream_stats stats;
		upstreams_stats(u, i, &stats);
		sent += stats.sent;
	}
	assert_int_equal(sent, 4 * 5000);
	upstreams_destroy(u);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(down_and_up_by_edges),
	    cmocka_unit_test(probes_back_off),
	    cmocka_unit_test(fastest_goes_first_mostly),
	    cmocka_unit_test(fastest_leaves_who_is_of_no_use),
	    cmocka_unit_test(ordered_and_spread),
	    cmocka_unit_test(waits_grow_with_latency_and_sends),
	    cmocka_unit_test(case_is_given_up_after_three_proofs),
	    cmocka_unit_test(the_longest_zone_takes_the_name),
	    cmocka_unit_test(what_was_learned_outlives_a_reload),
	    cmocka_unit_test(groups_have_sets),
	    cmocka_unit_test(routes_that_changed),
	    cmocka_unit_test(workers_share_the_servers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
