/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Servers that do not answer, what is still asked of them, and how they come back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "rig.h"
#include "upstream/health.h"

#define GOOD 0x0a000001u
#define TIMEOUT_MS 2000

static void script_good(struct fake_query *q, void *arg)
{
	fake_answer_a(q, arg == NULL ? GOOD : *(uint32_t *)arg);
}

static void script_silent(struct fake_query *q, void *arg)
{
	(void)q, (void)arg;
}

static const char *state_of(const struct rig *r, size_t i)
{
	return rig_stats(r, i).state;
}

static void a_server_that_was_down_comes_back(void **state)
{
	(void)state;
	struct rig r;
	uint32_t second = 0x0a000002;
	rig_begin(&r);
	struct fake *f = fake_create(r.base, script_good, NULL), *g = fake_create(r.base, script_good, &second);
	rig_pool(&r, STRATEGY_ORDERED, TIMEOUT_MS, (const struct addr *const[]){fake_addr(f), fake_addr(g)}, 2);
	rig_want_a(&r, "example.com", false, GOOD);
	fake_stop(f);
	for (int i = 0; i < 3; i++) {
		rig_want_a(&r, "example.com", false, second);
		rig_pass(&r, 600);
	}
	assert_string_equal(state_of(&r, 0), "down");
	uint64_t before = rig_stats(&r, 0).sent;
	for (int64_t ms = 0; ms < 20000; ms += 100) { /* gone for long: probed, and not too often */
		rig_want_a(&r, "example.com", false, second);
		RIG_UNTIL(&r, !pool_busy_with(r.pool, r.u));
		rig_pass(&r, 100);
	}
	/* a datagram, and as that is refused a connection */
	assert_in_range(rig_stats(&r, 0).sent - before, 2 * (20000 / HEALTH_BACKOFF_MAX_MS),
			2 * (20000 / HEALTH_BACKOFF_MAX_MS + 5));
	fake_start(f);
	int64_t since_ms = rig_now_ms(&r);
	while (strcmp(state_of(&r, 0), "up") != 0) { /* the clients do not wait for the probe */
		rig_want_a(&r, "example.com", false, second);
		RIG_UNTIL(&r, !pool_busy_with(r.pool, r.u));
		rig_pass(&r, 100);
		assert_true(rig_now_ms(&r) - since_ms < 2000);
	}
	rig_want_a(&r, "example.com", false, GOOD);
	rig_end(&r);
	fake_destroy(f);
	fake_destroy(g);
}

/* A probe whose datagram is lost must not keep the next one waiting. */
static void lost_probes_do_not_put_off_the_return(void **state)
{
	(void)state;
	struct rig r;
	uint32_t second = 0x0a000002;
	rig_begin(&r);
	struct fake *silent = fake_create(r.base, script_silent, NULL), *g = fake_create(r.base, script_good, &second);
	rig_pool(&r, STRATEGY_ORDERED, TIMEOUT_MS, (const struct addr *const[]){fake_addr(silent), fake_addr(g)}, 2);
	fake_stop(silent);
	while (strcmp(state_of(&r, 0), "down") != 0) {
		rig_want_a(&r, "example.com", false, second);
		rig_pass(&r, 600);
	}
	RIG_UNTIL(&r, !pool_busy_with(r.pool, r.u));
	fake_start(silent); /* it refuses no longer, and says nothing */
	uint64_t before = rig_stats(&r, 0).sent;
	int64_t last_ms = rig_now_ms(&r), gap_ms = 0;
	unsigned seen = 0;
	for (int i = 0; i < 300; i++) {
		rig_want_a(&r, "example.com", false, second);
		rig_turn(&r);
		RIG_UNTIL(&r, fake_counts(silent).udp == rig_stats(&r, 0).sent - before);
		if (fake_counts(silent).udp != seen) {
			gap_ms = MAX(gap_ms, rig_now_ms(&r) - last_ms);
			seen = fake_counts(silent).udp;
			last_ms = rig_now_ms(&r);
		}
		rig_pass(&r, 100);
	}
	assert_string_not_equal(state_of(&r, 0), "up");
	assert_true(seen > 15);
	assert_true(gap_ms < 2000);
	rig_end(&r);
	fake_destroy(silent);
	fake_destroy(g);
}

static bool it_has_all(const struct rig *r, void *arg)
{
	return fake_counts(arg).udp + fake_counts(arg).tcp == rig_stats(r, 0).sent;
}

static void all_down_is_still_tried_by_a_few(void **state)
{
	(void)state;
	struct rig r;
	static struct rig_result results[100];
	rig_begin(&r);
	struct fake *f = fake_create(r.base, script_silent, NULL);
	rig_pool(&r, STRATEGY_ORDERED, TIMEOUT_MS, (const struct addr *const[]){fake_addr(f)}, 1);
	for (int i = 0; i < 3; i++) {
		struct rig_result result = rig_ask_in_vain(&r, it_has_all, f);
		assert_int_equal(result.outcome, POOL_TIMEOUT);
	}
	assert_string_equal(state_of(&r, 0), "down");
	unsigned before = fake_counts(f).udp;
	for (size_t i = 0; i < ARRAY_LEN(results); i++)
		rig_ask(&r, "example.com", false, &results[i]);
	rig_turn(&r);
	RIG_UNTIL(&r, it_has_all(&r, f));
	unsigned told = 0;
	for (size_t i = 0; i < ARRAY_LEN(results); i++)
		told += results[i].calls;
	assert_int_equal(told, ARRAY_LEN(results) - 32); /* at once */
	for (int i = 0; i < 50; i++) {
		rig_pass(&r, 50);
		rig_turn(&r);
		RIG_UNTIL(&r, it_has_all(&r, f));
	}
	rig_wait(&r, results, ARRAY_LEN(results));
	for (size_t i = 0; i < ARRAY_LEN(results); i++)
		assert_int_equal(results[i].outcome, POOL_TIMEOUT);
	assert_in_range(fake_counts(f).udp - before, 32, 32 * 3 + 1); /* and a probe */
	assert_in_range(fake_counts(f).tcp, 3, 3 + 32);		      /* the last of each question's four */
	rig_end(&r);
	fake_destroy(f);
}

static void script_root_only(struct fake_query *q, void *arg)
{
	(void)arg;
	if (q->bytes[MSG_HEADER_LEN] == 0)
		fake_answer_rcode(q, 0);
}

/* All that clients ask may be names that nobody answers: the server is not to blame, and comes up for those who ask others. */
static void a_server_comes_up_without_the_clients_names(void **state)
{
	(void)state;
	struct rig r;
	static struct rig_result results[16];
	size_t asked = 0;
	rig_begin(&r);
	struct fake *f = fake_create(r.base, script_root_only, NULL);
	rig_pool(&r, STRATEGY_ORDERED, TIMEOUT_MS, (const struct addr *const[]){fake_addr(f)}, 1);
	for (int i = 0; i < 3; i++) {
		struct rig_result result = rig_ask_in_vain(&r, it_has_all, f);
		assert_int_equal(result.outcome, POOL_TIMEOUT);
	}
	assert_string_equal(state_of(&r, 0), "down");
	while (strcmp(state_of(&r, 0), "up") != 0) {
		assert_true(asked < ARRAY_LEN(results));
		rig_ask(&r, "example.com", false, &results[asked++]);
		rig_turn(&r);
		RIG_UNTIL(&r, it_has_all(&r, f));
		rig_turn(&r);
		rig_pass(&r, 100);
	}
	rig_end(&r);
	fake_destroy(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_server_that_was_down_comes_back),
	    cmocka_unit_test(lost_probes_do_not_put_off_the_return),
	    cmocka_unit_test(all_down_is_still_tried_by_a_few),
	    cmocka_unit_test(a_server_comes_up_without_the_clients_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
