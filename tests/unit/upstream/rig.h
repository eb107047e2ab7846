/* SPDX-License-Identifier: BSD-2-Clause
 *
 * rig.h - a pool, its loop, and fake servers around it: what the tests of the pool share.
 *
 * The clock stands still: nothing times out but by rig_pass, however slow the machine. What is waited for is something that comes
 * (RIG_UNTIL), never a time. */
#ifndef SARING_TEST_RIG_H
#define SARING_TEST_RIG_H

#include "fake.h"
#include "upstream/pool.h"

#define RIG_SERVERS_MAX 4

struct rig {
	struct event_base *base;
	struct counters *counters;
	struct settings settings;
	struct endpoint endpoints[RIG_SERVERS_MAX];
	char texts[RIG_SERVERS_MAX][96];
	size_t server_count;
	struct upstreams *u;
	struct pool *pool;
	int64_t now_ms;
};

/* What became of an ask. */
struct rig_result {
	struct rig *rig;
	unsigned calls;
	enum pool_outcome outcome;
	struct response response; /* of POOL_ANSWER */
	uint8_t *body;		  /* owned; the response's */
};

void rig_begin(struct rig *r); /* the loop only: fakes can be made on it */
/* The servers in this order, and the pool. */
void rig_pool(struct rig *r, enum strategy strategy, int64_t timeout_ms, const struct addr *const *servers, size_t count);
void rig_end(struct rig *r);
uint64_t rig_count(const struct rig *r, enum counter which);

struct name rig_name(const char *text);
/* Ask for name/A; ret is filled when the answer comes. The test fails when the pool refuses. */
void rig_ask(struct rig *r, const char *name, bool prefer_tcp, struct rig_result *ret);
void rig_wait(struct rig *r, struct rig_result *results, size_t count); /* until every one has been called back, once */
void rig_turn(struct rig *r);						/* what is due now, without waiting */
void rig_pass(struct rig *r, int64_t ms);				/* so much time goes by; what is due by it is called */
int64_t rig_now_ms(const struct rig *r);
void rig_step(struct rig *r); /* one turn of the loop, until something happens; too long a wait fails the test */
#define RIG_UNTIL(r, condition)      \
	do {                         \
		while (!(condition)) \
			rig_step(r); \
	} while (0)
struct upstream_stats rig_stats(const struct rig *r, size_t server);
/* Ask and wait; the result's body is the caller's (free). */
struct rig_result rig_ask_wait(struct rig *r, const char *name, bool prefer_tcp);
/* Ask, and have every wait run out until it is told; before time goes by, what was sent has arrived. */
struct rig_result rig_ask_in_vain(struct rig *r, bool (*arrived)(const struct rig *r, void *arg), void *arg);
/* Ask, wait, and want POOL_ANSWER with that one address. */
void rig_want_a(struct rig *r, const char *name, bool prefer_tcp, uint32_t address);
void rig_check_a(const struct rig_result *result, uint32_t address);

#endif
