/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A pool among servers that do whatever the dice say, while it is asked, reloaded, and ended at any moment: every ask is told once,
 * in its time and with the right answer, and what is out is counted to nothing in the end. The dice are seeded; what the kernel
 * delivers first is not, but nothing that is wanted here depends on it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "dice.h"
#include "rig.h"
#include "upstream/pool_ask.h"

#define ROUNDS 30
#define STEPS 60
#define FAKES 3
#define ASKS_MAX 4096
#define NAMES 50
#define TIMEOUT_MS 2000
#define HELD_MAX 32
#define OLD_MAX (STEPS + 1)

struct one_ask {
	struct world *world;
	unsigned number, calls;
};

struct world {
	struct rig r;
	struct fake *fakes[FAKES];
	bool up[FAKES];
	bool kind; /* the servers are well */
	struct fake_query held[HELD_MAX];
	unsigned held_count;
	struct upstreams *old[OLD_MAX];
	unsigned old_count;
	struct one_ask asks[ASKS_MAX];
	unsigned ask_count, told, answered;
	unsigned end_after; /* callbacks, then the pool ends within one; 0: never */
};

static uint32_t address_of(const struct fake_query *q)
{
	return 0x0a000000u + (uint32_t)(q->bytes[MSG_HEADER_LEN + 1] - '0') * 10 + (uint32_t)(q->bytes[MSG_HEADER_LEN + 2] - '0');
}

static void lie(const struct fake_query *q, unsigned how)
{
	uint8_t buf[512];
	struct wr w = fake_begin(q, 0, buf, sizeof(buf));
	fake_put_a(&w, 0x06060606u);
	switch (how) {
	case 0:
		buf[0] ^= 0x55; /* another ID */
		break;
	case 1:
		buf[MSG_HEADER_LEN + 5] ^= 0x01; /* another name */
		break;
	case 2:
		fake_send_bytes(q, buf, below(MSG_HEADER_LEN)); /* cut */
		return;
	default:
		if (!q->tcp)
			fake_send_elsewhere(q, &w);
		return;
	}
	fake_send(q, &w);
}

static void script_dice(struct fake_query *q, void *arg)
{
	struct world *world = arg;
	unsigned what = world->kind ? 0 : below(20);
	if (what < 8) {
		fake_answer_a(q, address_of(q));
	} else if (what < 10) {
		fake_answer_a(q, address_of(q));
		fake_answer_a(q, address_of(q)); /* twice */
	} else if (what == 10) {
		fake_answer_rcode(q, MSG_TC);
	} else if (what == 11) {
		static const uint16_t rcodes[] = {RCODE_SERVFAIL, RCODE_FORMERR, RCODE_REFUSED, RCODE_NOTIMP};
		fake_answer_rcode(q, rcodes[below(ARRAY_LEN(rcodes))]);
	} else if (what < 14) {
		lie(q, below(4));
	} else if (what == 14 && q->tcp) {
		fake_hang_up(q);
	} else if (what == 15 && q->tcp) {
		fake_send_raw(q, "\1\1half", 6);
	} else if (what < 18 && !q->tcp && world->held_count < HELD_MAX) {
		world->held[world->held_count++] = *q;
	} /* else silence */
}

static void ask_some(struct world *world, unsigned count);

static void on_told(void *arg, enum pool_outcome outcome, const struct response *response)
{
	struct one_ask *ask = arg;
	struct world *world = ask->world;
	assert_int_equal(ask->calls++, 0);
	world->told++;
	if (outcome == POOL_ANSWER) {
		assert_int_equal(response->ancount, 1);
		const uint8_t *p = response->body + response->body_len - 4;
		assert_int_equal((uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3],
				 0x0a000000u + ask->number);
		world->answered++;
	} else {
		assert_null(response);
	}
	if (world->end_after > 0 && world->told >= world->end_after) {
		pool_destroy(world->r.pool);
		world->r.pool = NULL;
	} else if (!world->kind && below(4) == 0) {
		ask_some(world, 1);
	}
}

static void ask_some(struct world *world, unsigned count)
{
	for (unsigned i = 0; i < count && world->ask_count < ASKS_MAX; i++) {
		struct one_ask *ask = &world->asks[world->ask_count++];
		char text[32];
		*ask = (struct one_ask){.world = world, .number = below(NAMES)};
		(void)snprintf(text, sizeof(text), "%02u.letters.example", ask->number);
		struct name name = rig_name(text);
		assert_non_null(
		    pool_ask(world->r.pool, &name, RRTYPE_A, below(2) != 0, below(8) == 0, below(4) == 0, on_told, ask));
		assert_int_equal(ask->calls, 0);
	}
}

static void reload(struct world *world)
{
	struct endpoint servers[FAKES];
	size_t count = 0;
	for (unsigned i = 0; i < FAKES; i++)
		if (below(3) != 0)
			servers[count++] = (struct endpoint){.addr = *fake_addr(world->fakes[i]), .text = "dns://some"};
	world->r.settings.strategy = (enum strategy)below(3);
	world->old[world->old_count++] = world->r.u;
	world->r.u = upstreams_create(&world->r.settings, servers, count, world->r.u);
	pool_set_upstreams(world->r.pool, world->r.u);
}

/* What no ask uses any more may go; what none may use, must not be busy for ever. */
static void release(struct world *world)
{
	for (unsigned i = 0; i < world->old_count;) {
		if (world->r.pool != NULL && pool_busy_with(world->r.pool, world->old[i])) {
			i++;
			continue;
		}
		upstreams_destroy(world->old[i]);
		world->old[i] = world->old[--world->old_count];
	}
}

static void answer_held(struct world *world)
{
	for (unsigned i = 0; i < world->held_count; i++)
		fake_answer_a(&world->held[i], address_of(&world->held[i]));
	world->held_count = 0;
}

static void switch_server(struct world *world, unsigned i)
{
	if (world->up[i])
		fake_stop(world->fakes[i]);
	else
		fake_start(world->fakes[i]);
	world->up[i] = !world->up[i];
}

static void step(struct world *world)
{
	switch (below(8)) {
	case 0:
		ask_some(world, 1);
		break;
	case 1:
		ask_some(world, below(60));
		break;
	case 2:
		reload(world);
		break;
	case 3:
		switch_server(world, below(FAKES));
		break;
	case 4:
		answer_held(world);
		break;
	default:
		break;
	}
	if (below(4) != 0)
		rig_turn(&world->r);
	if (world->r.pool != NULL)
		rig_pass(&world->r, below(2) != 0 ? below(20) : below(700));
	release(world);
}

/* Nothing is out, and nothing is counted as if it were. */
static void check_quiet(const struct world *world)
{
	const struct pool *pool = world->r.pool;
	assert_int_equal(world->told, world->ask_count);
	assert_int_equal(pool->ask_count, 0);
	assert_int_equal(pool->probe_count, 0);
	assert_int_equal(pool->last_resort_count, 0);
	assert_int_equal(pool->ports.open_count, 0);
	assert_true(TAILQ_EMPTY(&pool->unsent) && TAILQ_EMPTY(&pool->ended) && STAILQ_EMPTY(&pool->dirty));
	for (unsigned i = 0; i < LANE_BUCKETS; i++) {
		const struct lane *lane;
		LIST_FOREACH(lane, &pool->lanes.buckets[i], link)
		{
			assert_int_equal(lane->open, 0);
			assert_int_equal(lane->port_count, 0);
			assert_false(lane->waits);
		}
	}
}

/* All well again: it is answered, soon. */
static void check_well(struct world *world)
{
	world->kind = true;
	for (unsigned i = 0; i < FAKES; i++)
		if (!world->up[i])
			switch_server(world, i);
	const struct addr *all[FAKES];
	struct endpoint servers[FAKES];
	for (unsigned i = 0; i < FAKES; i++) {
		all[i] = fake_addr(world->fakes[i]);
		servers[i] = (struct endpoint){.addr = *all[i], .text = "dns://some"};
	}
	world->old[world->old_count++] = world->r.u;
	world->r.u = upstreams_create(&world->r.settings, servers, FAKES, world->r.u);
	pool_set_upstreams(world->r.pool, world->r.u);
	unsigned asked = world->ask_count, answered = world->answered, tries = 0;
	do {
		assert_true(tries++ < 100);
		asked = world->ask_count;
		answered = world->answered;
		ask_some(world, 8);
		while (world->told < world->ask_count) {
			rig_turn(&world->r);
			rig_pass(&world->r, 20);
		}
	} while (world->answered - answered < world->ask_count - asked);
	release(world);
}

static void play(unsigned seed, bool ends)
{
	static struct world world;
	memset(&world, 0, sizeof(world));
	random_state = 0x9e3779b97f4a7c15u * (seed + 1);
	const struct addr *addrs[FAKES];
	rig_begin(&world.r);
	for (unsigned i = 0; i < FAKES; i++) {
		world.fakes[i] = fake_create(world.r.base, script_dice, &world);
		world.up[i] = true;
		addrs[i] = fake_addr(world.fakes[i]);
	}
	rig_pool(&world.r, (enum strategy)below(3), TIMEOUT_MS, addrs, FAKES);
	world.end_after = ends ? 1 + below(200) : 0;
	for (unsigned i = 0; i < STEPS && world.r.pool != NULL; i++)
		step(&world);
	if (world.r.pool != NULL) {
		world.kind = true;   /* no more asks from within, */
		world.end_after = 0; /* and no end */
		int64_t end_ms = rig_now_ms(&world.r) + TIMEOUT_MS + WHEEL_TICK_MS;
		while (rig_now_ms(&world.r) < end_ms) {
			rig_turn(&world.r);
			rig_pass(&world.r, 100);
		}
		rig_turn(&world.r);
		check_quiet(&world);
		check_well(&world);
		check_quiet(&world);
	}
	release(&world);
	rig_end(&world.r);
	for (unsigned i = 0; i < FAKES; i++)
		fake_destroy(world.fakes[i]);
}

static void whatever_happens_all_are_told_once(void **state)
{
	(void)state;
	for (unsigned seed = 0; seed < ROUNDS; seed++)
		play(seed, false);
}

static void it_may_end_at_any_moment(void **state)
{
	(void)state;
	for (unsigned seed = 0; seed < 2 * ROUNDS; seed++)
		play(1000 + seed, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(whatever_happens_all_are_told_once),
	    cmocka_unit_test(it_may_end_at_any_moment),
	};
	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
