/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "rig.h"
#include "upstream/pool_ask.h"

#define RIG_PATIENCE_S 20 /* a test that hangs fails; nothing is measured by it */

void rig_begin(struct rig *r)
{
	memset(r, 0, sizeof(*r));
	r->now_ms = 1000000;
	clock_set_for_test(r->now_ms, 0);
	struct event_config *config = event_config_new();
	assert_non_null(config);
	assert_int_equal(event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK), 0);
	r->base = event_base_new_with_config(config);
	assert_non_null(r->base);
	event_config_free(config);
	r->counters = aligned_alloc(_Alignof(struct counters), sizeof(*r->counters));
	assert_non_null(r->counters);
	memset(r->counters, 0, sizeof(*r->counters));
}

void rig_pool(struct rig *r, enum strategy strategy, int64_t timeout_ms, const struct addr *const *servers, size_t count)
{
	r->settings.strategy = strategy;
	r->settings.timeout_ms = timeout_ms;
	r->server_count = count;
	for (size_t i = 0; i < count; i++) {
		char text[ADDR_TEXT_MAX];
		(void)snprintf(r->texts[i], sizeof(r->texts[i]), "dns://%s", addr_to_text(servers[i], text));
		r->endpoints[i] = (struct endpoint){.addr = *servers[i], .text = r->texts[i]};
	}
	r->u = upstreams_create(&r->settings, r->endpoints, count, NULL);
	r->pool = pool_create(r->base, r->counters, r->u);
}

void rig_end(struct rig *r)
{
	pool_destroy(r->pool);
	upstreams_destroy(r->u);
	event_base_free(r->base);
	free(r->counters);
	clock_set_for_test(-1, -1);
}

uint64_t rig_count(const struct rig *r, enum counter which)
{
	uint64_t sum[COUNTER_COUNT];
	counters_sum((const struct counters *const[]){r->counters}, 1, sum);
	return sum[which];
}

struct name rig_name(const char *text)
{
	struct name n;
	struct err err;
	assert_true(name_from_text(str_from(text), &n, &err));
	return n;
}

static void on_done(void *arg, enum pool_outcome outcome, const struct response *response)
{
	struct rig_result *result = arg;
	result->calls++;
	result->outcome = outcome;
	assert_int_equal(response != NULL, outcome == POOL_ANSWER);
	if (response == NULL)
		return;
	result->response = *response;
	result->body = malloc(MAX(response->body_len, 1u));
	assert_non_null(result->body);
	memcpy(result->body, response->body, response->body_len);
	result->response.body = result->body;
}

void rig_ask(struct rig *r, const char *name, bool prefer_tcp, struct rig_result *ret)
{
	struct name n = rig_name(name);
	*ret = (struct rig_result){.rig = r};
	assert_non_null(pool_ask(r->pool, &n, RRTYPE_A, false, false, prefer_tcp, on_done, ret));
	assert_int_equal(ret->calls, 0); /* never from within */
}

static void on_patience_end(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	*(bool *)arg = true;
}

void rig_step(struct rig *r)
{
	bool hung = false;
	struct event *guard = evtimer_new(r->base, on_patience_end, &hung);
	const struct timeval tv = {.tv_sec = RIG_PATIENCE_S};
	assert_int_equal(evtimer_add(guard, &tv), 0);
	assert_int_equal(event_base_loop(r->base, EVLOOP_ONCE), 0);
	event_free(guard);
	assert_false(hung);
}

void rig_wait(struct rig *r, struct rig_result *results, size_t count)
{
	for (size_t i = 0; i < count; i++)
		RIG_UNTIL(r, results[i].calls > 0);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(results[i].calls, 1);
}

int64_t rig_now_ms(const struct rig *r)
{
	return r->now_ms;
}

void rig_pass(struct rig *r, int64_t ms)
{
	clock_set_for_test(r->now_ms += ms, 0);
	if (r->pool == NULL)
		return;
	pool_clock(r->pool);
	(void)wheel_run(&r->pool->wheel, r->now_ms);
}

struct upstream_stats rig_stats(const struct rig *r, size_t server)
{
	struct upstream_stats stats;
	upstreams_stats(r->u, server, &stats);
	return stats;
}

void rig_turn(struct rig *r)
{
	for (int i = 0; i < 20; i++)
		assert_true(event_base_loop(r->base, EVLOOP_NONBLOCK) >= 0);
}

struct rig_result rig_ask_wait(struct rig *r, const char *name, bool prefer_tcp)
{
	struct rig_result result;
	rig_ask(r, name, prefer_tcp, &result);
	rig_wait(r, &result, 1);
	return result;
}

struct rig_result rig_ask_in_vain(struct rig *r, bool (*arrived)(const struct rig *r, void *arg), void *arg)
{
	struct rig_result result;
	rig_ask(r, "a.name.with.letters.to.toss.example.com", false, &result);
	for (int i = 0; result.calls == 0; i++) {
		assert_true(i < 100);
		rig_turn(r);
		RIG_UNTIL(r, arrived(r, arg));
		rig_pass(r, 50);
	}
	return result;
}

void rig_check_a(const struct rig_result *result, uint32_t address)
{
	assert_int_equal(result->outcome, POOL_ANSWER);
	const struct response *r = &result->response;
	assert_int_equal(r->ancount, 1);
	assert_true(r->body_len >= 16);
	const uint8_t *p = r->body + r->body_len - 4;
	assert_int_equal(r->body[0], 0xc0); /* no letter's case of ours: the question's own */
	assert_int_equal(r->body[1], MSG_HEADER_LEN);
	assert_int_equal((uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3], address);
}

void rig_want_a(struct rig *r, const char *name, bool prefer_tcp, uint32_t address)
{
	struct rig_result result = rig_ask_wait(r, name, prefer_tcp);
	rig_check_a(&result, address);
	free(result.body);
}
