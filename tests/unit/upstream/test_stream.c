/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The pool over TCP: truncation, pipelining, connections that end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rig.h"

#define GOOD 0x0a000001u
#define LONG_MS 3600000 /* nothing times out by the clock: what leads on is what the server does */

static void rig_one(struct rig *r, struct fake **f, fake_script *script, void *arg, int64_t timeout_ms)
{
	rig_begin(r);
	*f = fake_create(r->base, script, arg);
	rig_pool(r, STRATEGY_ORDERED, timeout_ms, (const struct addr *const[]){fake_addr(*f)}, 1);
}

static void script_tc(struct fake_query *q, void *arg)
{
	(void)arg;
	if (q->tcp)
		fake_answer_a(q, GOOD);
	else
		fake_answer_rcode(q, MSG_TC);
}

static void truncated_is_asked_by_tcp(void **state)
{
	(void)state;
	struct rig r;
	struct fake *f;
	rig_one(&r, &f, script_tc, NULL, LONG_MS);
	rig_want_a(&r, "example.com", false, GOOD);
	rig_want_a(&r, "example.net", false, GOOD);
	assert_int_equal(fake_counts(f).udp, 2);
	assert_int_equal(fake_counts(f).tcp, 2);
	assert_int_equal(fake_counts(f).connections, 1); /* kept */
	assert_int_equal(rig_count(&r, COUNTER_UPSTREAM_TCP), 2);
	rig_end(&r);
	fake_destroy(f);
}

static void script_always_tc(struct fake_query *q, void *arg)
{
	(void)arg;
	fake_answer_rcode(q, MSG_TC);
}

static void truncated_by_tcp_too_is_no_answer(void **state)
{
	(void)state;
	struct rig r;
	struct fake *f;
	rig_one(&r, &f, script_always_tc, NULL, LONG_MS);
	struct rig_result result = rig_ask_wait(&r, "example.com", false);
	assert_int_equal(result.outcome, POOL_BAD);
	assert_int_equal(fake_counts(f).udp, 1);
	assert_int_equal(fake_counts(f).tcp, 1);
	rig_end(&r);
	fake_destroy(f);
}

/* 65535 bytes: a TXT record of 255-byte strings after the question. */
static void script_largest(struct fake_query *q, void *arg)
{
	static uint8_t buf[65535];
	(void)arg;
	if (!q->tcp) {
		fake_answer_rcode(q, MSG_TC);
		return;
	}
	struct wr w = fake_begin(q, 0, buf, sizeof(buf));
	fake_put_a(&w, GOOD);
	wr_u16(&w, 0xc000 | MSG_HEADER_LEN);
	wr_u16(&w, RRTYPE_TXT);
	wr_u16(&w, RRCLASS_IN);
	wr_u32(&w, 60);
	wr_u16(&w, (uint16_t)(sizeof(buf) - w.pos - 2));
	memset(buf + w.pos, 1, sizeof(buf) - w.pos);
	w.pos = sizeof(buf);
	wr_patch_u16(&w, 6, 2);
	fake_send(q, &w);
}

static void the_largest_message(void **state)
{
	(void)state;
	struct rig r;
	struct fake *f;
	rig_one(&r, &f, script_largest, NULL, LONG_MS);
	for (int i = 0; i < 3; i++) {
		struct rig_result result = rig_ask_wait(&r, "example.com", false);
		rig_check_a(&result, GOOD);
		free(result.body);
	}
	rig_end(&r);
	fake_destroy(f);
}

#define PIPE 50
struct held {
	unsigned count;
	struct fake_query queries[PIPE];
};

static void script_hold(struct fake_query *q, void *arg)
{
	struct held *held = arg;
	assert_true(held->count < PIPE);
	held->queries[held->count++] = *q;
	if (held->count < PIPE)
		return;
	for (unsigned i = PIPE; i-- > 0;) { /* the last first, each with an address that says which it was */
		const struct fake_query *h = &held->queries[i];
		fake_answer_a(h, (uint32_t)((h->bytes[13] - '0') * 10 + h->bytes[14] - '0'));
	}
}

static void answers_in_any_order(void **state)
{
	(void)state;
	struct rig r;
	struct fake *f;
	static struct held held;
	static struct rig_result results[PIPE];
	char name[32];
	rig_one(&r, &f, script_hold, &held, LONG_MS);
	for (unsigned i = 0; i < PIPE; i++) {
		(void)snprintf(name, sizeof(name), "%02u.example.com", i);
		rig_ask(&r, name, true, &results[i]);
	}
	rig_wait(&r, results, PIPE);
	assert_int_equal(fake_counts(f).connections, 1);
	assert_int_equal(fake_counts(f).udp, 0);
	for (unsigned i = 0; i < PIPE; i++) {
		(void)snprintf(name, sizeof(name), "%02u.example.com", i);
		rig_check_a(&results[i], i);
		free(results[i].body);
		for (unsigned j = 0; j < i; j++)
			assert_int_not_equal(held.queries[i].q.header.id, held.queries[j].q.header.id);
	}
	rig_end(&r);
	fake_destroy(f);
}

#define MANY 1000
struct ids {
	unsigned count;
	uint16_t ids[MANY];
};

static void script_ids(struct fake_query *q, void *arg)
{
	struct ids *seen = arg;
	assert_true(seen->count < MANY);
	seen->ids[seen->count++] = q->q.header.id;
}

static void ids_are_unique_on_a_connection(void **state)
{
	(void)state;
	struct rig r;
	struct fake *f;
	static struct ids seen;
	static struct rig_result results[MANY];
	rig_one(&r, &f, script_ids, &seen, LONG_MS);
	for (unsigned i = 0; i < MANY; i++)
		rig_ask(&r, "example.com", true, &results[i]);
	while (seen.count < MANY)
		assert_int_equal(event_base_loop(r.base, EVLOOP_ONCE), 0);
	for (unsigned i = 0; i < MANY; i++) /* by chance alone some seven pairs would be equal */
		for (unsigned j = 0; j < i; j++)
			assert_int_not_equal(seen.ids[i], seen.ids[j]);
	assert_int_equal(fake_counts(f).connections, 1);
	rig_end(&r);
	fake_destroy(f);
}

enum mischief {
	HALF_A_FRAME, /* then close */
	HALF_A_HEAD,  /* one byte, then close */
	CLOSE_AT_ONCE,
	SHORT_FRAME, /* less than a header */
	EMPTY_FRAME,
	MISCHIEF_COUNT,
};
struct trouble {
	enum mischief kind;
	unsigned times; /* then it answers well */
};

static void script_trouble(struct fake_query *q, void *arg)
{
	struct trouble *t = arg;
	if (t->times == 0) {
		fake_answer_a(q, GOOD);
		return;
	}
	t->times--;
	uint8_t buf[512];
	struct wr w = fake_begin(q, 0, buf, sizeof(buf));
	fake_put_a(&w, GOOD);
	switch (t->kind) {
	case HALF_A_FRAME:
		fake_send_raw(q, (uint8_t[]){0, (uint8_t)w.pos}, 2);
		fake_send_raw(q, buf, w.pos / 2);
		fake_hang_up(q);
		break;
	case HALF_A_HEAD:
		fake_send_raw(q, "", 1);
		fake_hang_up(q);
		break;
	case CLOSE_AT_ONCE:
		fake_hang_up(q);
		break;
	case SHORT_FRAME:
		fake_send_bytes(q, buf, 11);
		break;
	case EMPTY_FRAME:
		fake_send_bytes(q, buf, 0);
		break;
	case MISCHIEF_COUNT:
		break;
	}
}

static void what_was_not_answered_is_asked_again(void **state)
{
	(void)state;
	for (unsigned kind = 0; kind < MISCHIEF_COUNT; kind++) {
		struct rig r;
		struct fake *f;
		struct trouble t = {.kind = kind, .times = 1};
		rig_one(&r, &f, script_trouble, &t, LONG_MS);
		rig_want_a(&r, "example.com", true, GOOD);
		assert_int_equal(fake_counts(f).connections, 2);
		assert_int_equal(fake_counts(f).tcp, 2);
		assert_int_equal(fake_counts(f).udp, 0);
		rig_end(&r);
		fake_destroy(f);
	}
}

static void trouble_without_end_ends(void **state)
{
	(void)state;
	for (unsigned kind = 0; kind < MISCHIEF_COUNT; kind++) {
		struct rig r;
		struct fake *f, *g;
		struct trouble always = {.kind = kind, .times = 1000}, never = {.kind = kind};
		rig_one(&r, &f, script_trouble, &always, LONG_MS);
		struct rig_result result = rig_ask_wait(&r, "example.com", true);
		assert_int_equal(result.outcome, POOL_NETWORK);
		assert_int_equal(fake_counts(f).tcp, 3);
		rig_end(&r);

		rig_begin(&r); /* with another server it leads there */
		g = fake_create(r.base, script_trouble, &never);
		fake_destroy(f);
		f = fake_create(r.base, script_trouble, &always);
		rig_pool(&r, STRATEGY_ORDERED, LONG_MS, (const struct addr *const[]){fake_addr(f), fake_addr(g)}, 2);
		rig_want_a(&r, "example.com", true, GOOD);
		assert_int_equal(fake_counts(g).tcp, 1);
		rig_end(&r);
		fake_destroy(f);
		fake_destroy(g);
	}
}

/* Everything out on a connection that ends is asked again, and nothing is answered twice. */
static void script_drop_all(struct fake_query *q, void *arg)
{
	unsigned *left = arg;
	if (*left > 0) {
		if (--*left == 0)
			fake_hang_up(q);
		return;
	}
	fake_answer_a(q, GOOD);
}

static void a_full_pipe_survives_its_connection(void **state)
{
	(void)state;
	struct rig r;
	struct fake *f;
	unsigned left = PIPE;
	static struct rig_result results[PIPE];
	rig_one(&r, &f, script_drop_all, &left, LONG_MS);
	for (unsigned i = 0; i < PIPE; i++)
		rig_ask(&r, "example.com", true, &results[i]);
	rig_wait(&r, results, PIPE);
	for (unsigned i = 0; i < PIPE; i++) {
		rig_check_a(&results[i], GOOD);
		free(results[i].body);
	}
	assert_int_equal(fake_counts(f).connections, 2);
	assert_int_equal(fake_counts(f).tcp, 2 * PIPE);
	rig_end(&r);
	fake_destroy(f);
}

static void script_answer_and_close(struct fake_query *q, void *arg)
{
	(void)arg;
	fake_answer_a(q, GOOD);
	fake_hang_up(q);
}

static void a_server_that_closes_after_each_answer(void **state)
{
	(void)state;
	struct rig r;
	struct fake *f;
	rig_one(&r, &f, script_answer_and_close, NULL, LONG_MS);
	for (unsigned i = 1; i <= 5; i++) {
		rig_want_a(&r, "example.com", true, GOOD);
		assert_int_equal(fake_counts(f).connections, i);
		assert_int_equal(fake_counts(f).tcp, i);
		rig_turn(&r);
	}
	rig_end(&r);
	fake_destroy(f);
}

/* Many at once: after the first connection each is written what it bears, and nothing is sent a third time. */
static void a_server_that_closes_and_many_ask(void **state)
{
	(void)state;
	struct rig r;
	struct fake *f;
	static struct rig_result results[40];
	rig_one(&r, &f, script_answer_and_close, NULL, LONG_MS);
	for (unsigned round = 1; round <= 2; round++) {
		for (unsigned i = 0; i < ARRAY_LEN(results); i++)
			rig_ask(&r, "example.com", true, &results[i]);
		rig_wait(&r, results, ARRAY_LEN(results));
		for (unsigned i = 0; i < ARRAY_LEN(results); i++) {
			rig_check_a(&results[i], GOOD);
			free(results[i].body);
		}
		assert_in_range(fake_counts(f).connections, round * ARRAY_LEN(results), round * ARRAY_LEN(results) + 1);
	}
	assert_int_equal(rig_stats(&r, 0).sent, 3 * ARRAY_LEN(results) - 1); /* all but one of the first round twice */
	rig_end(&r);
	fake_destroy(f);
}

/* One that was held, and one that is out, when the pool ends; and some whose time is over while they are held. */
static void script_one_then_silence(struct fake_query *q, void *arg)
{
	unsigned *count = arg;
	if ((*count)++ == 0) {
		fake_answer_a(q, GOOD);
		fake_hang_up(q);
	}
}

static void held_questions_end_with_their_time(void **state)
{
	(void)state;
	struct rig r;
	struct fake *f;
	unsigned count = 0;
	static struct rig_result results[8];
	rig_one(&r, &f, script_one_then_silence, &count, 2000);
	for (unsigned i = 0; i < ARRAY_LEN(results); i++)
		rig_ask(&r, "example.com", true, &results[i]);
	RIG_UNTIL(&r, count > 1);
	for (unsigned i = 0; i < 60; i++) {
		rig_turn(&r);
		rig_pass(&r, 50);
	}
	unsigned good = 0;
	for (unsigned i = 0; i < ARRAY_LEN(results); i++) {
		assert_int_equal(results[i].calls, 1);
		good += results[i].outcome == POOL_ANSWER;
		free(results[i].body);
	}
	assert_int_equal(good, 1);
	count = 0;
	rig_ask(&r, "example.com", true, &results[0]);
	rig_ask(&r, "example.com", true, &results[1]);
	RIG_UNTIL(&r, count > 0);
	rig_end(&r); /* with questions held */
	fake_destroy(f);
}

static void script_strangers(struct fake_query *q, void *arg)
{
	uint8_t buf[512];
	unsigned *frames = arg;
	struct wr w = fake_begin(q, 0, buf, sizeof(buf));
	fake_put_a(&w, 0x06060606);
	buf[1] ^= 1; /* nobody's ID */
	for (unsigned i = 0; i < *frames; i++)
		fake_send(q, &w);
	buf[1] ^= 1;
	buf[MSG_HEADER_LEN + 1] ^= 3; /* its ID, another name */
	fake_send(q, &w);
	*frames = 0;
	fake_answer_a(q, GOOD);
}

static void frames_that_answer_nothing_are_passed_over(void **state)
{
	(void)state;
	struct rig r;
	struct fake *f;
	unsigned frames = 5;
	rig_one(&r, &f, script_strangers, &frames, LONG_MS);
	rig_want_a(&r, "example.com", true, GOOD);
	assert_int_equal(rig_count(&r, COUNTER_UPSTREAM_MISMATCHED), 6);
	assert_int_equal(fake_counts(f).connections, 1);
	rig_end(&r);
	fake_destroy(f);

	frames = 1000; /* a server that babbles is hung up on, and asked again */
	rig_one(&r, &f, script_strangers, &frames, LONG_MS);
	rig_want_a(&r, "example.com", true, GOOD);
	assert_int_equal(fake_counts(f).connections, 2);
	rig_end(&r);
	fake_destroy(f);
}

static void script_bare_error(struct fake_query *q, void *arg)
{
	uint8_t buf[512];
	(void)arg;
	struct wr w = fake_begin(q, RCODE_SERVFAIL, buf, sizeof(buf));
	w.base[5] = 0;
	fake_send_bytes(q, w.base, MSG_HEADER_LEN);
}

static void an_error_without_question_counts_by_tcp(void **state)
{
	(void)state;
	struct rig r;
	struct fake *f;
	rig_one(&r, &f, script_bare_error, NULL, LONG_MS);
	struct rig_result result = rig_ask_wait(&r, "example.com", true);
	assert_int_equal(result.outcome, POOL_BAD);
	assert_int_equal(fake_counts(f).tcp, 1);
	rig_end(&r);
	fake_destroy(f);
}

static void where_tcp_was_a_wish_udp_does(void **state)
{
	(void)state;
	struct rig r;
	rig_begin(&r);
	struct fake *f = fake_create(r.base, script_tc, NULL);
	fake_stop(f);
	rig_pool(&r, STRATEGY_ORDERED, 2000, (const struct addr *const[]){fake_addr(f)}, 1);
	struct rig_result result;
	rig_ask(&r, "example.com", true, &result);
	for (int i = 0; result.calls == 0; i++) {
		assert_true(i < 100);
		rig_turn(&r);
		RIG_UNTIL(&r, rig_stats(&r, 0).failed == rig_stats(&r, 0).sent);
		rig_pass(&r, 50);
	}
	assert_int_equal(result.outcome, POOL_NETWORK);		  /* both refused */
	assert_int_equal(rig_count(&r, COUNTER_UPSTREAM_TCP), 1); /* once by TCP, then by UDP */
	assert_int_equal(rig_stats(&r, 0).sent, 4);
	rig_end(&r);
	fake_destroy(f);
}

static void script_stuck(struct fake_query *q, void *arg)
{
	unsigned *left = arg;
	if (*left == 0)
		fake_answer_a(q, GOOD);
	else
		--*left; /* the connection is as good as dead */
}

static void a_dead_connection_is_left(void **state)
{
	(void)state;
	struct rig r;
	struct fake *f;
	unsigned left = 1;
	struct rig_result one;
	rig_one(&r, &f, script_stuck, &left, 4000);
	rig_ask(&r, "example.com", true, &one);
	RIG_UNTIL(&r, fake_counts(f).tcp == 1);
	rig_pass(&r, 2000); /* half its time */
	rig_wait(&r, &one, 1);
	rig_check_a(&one, GOOD);
	free(one.body);
	assert_int_equal(fake_counts(f).connections, 2); /* not asked on the same connection again */
	assert_int_equal(fake_counts(f).tcp, 2);
	rig_end(&r);
	fake_destroy(f);

	left = 1000; /* and an end comes */
	rig_one(&r, &f, script_stuck, &left, 4000);
	static struct rig_result results[PIPE];
	for (unsigned i = 0; i < PIPE; i++)
		rig_ask(&r, "example.com", true, &results[i]);
	for (unsigned i = 0; results[0].calls == 0; i++) {
		assert_true(i < 100);
		rig_turn(&r);
		RIG_UNTIL(&r, fake_counts(f).tcp == rig_stats(&r, 0).sent);
		rig_pass(&r, 100);
	}
	rig_wait(&r, results, PIPE);
	for (unsigned i = 0; i < PIPE; i++)
		assert_int_equal(results[i].outcome, POOL_TIMEOUT);
	assert_true(fake_counts(f).tcp <= PIPE * 3);
	rig_end(&r);
	fake_destroy(f);
}

/* Kept while it may be used again, and no longer: a server's own patience is not to be relied on. */
static void an_idle_connection_is_closed(void **state)
{
	(void)state;
	struct rig r;
	struct fake *f;
	rig_one(&r, &f, script_tc, NULL, LONG_MS);
	rig_want_a(&r, "example.com", true, GOOD);
	rig_pass(&r, 9900);
	rig_want_a(&r, "example.com", true, GOOD);
	rig_pass(&r, 9900); /* counted from the last that came */
	rig_want_a(&r, "example.com", true, GOOD);
	assert_int_equal(fake_counts(f).connections, 1);
	rig_pass(&r, 10100);
	rig_want_a(&r, "example.com", true, GOOD);
	assert_int_equal(fake_counts(f).connections, 2);
	rig_end(&r);
	fake_destroy(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(truncated_is_asked_by_tcp),
	    cmocka_unit_test(truncated_by_tcp_too_is_no_answer),
	    cmocka_unit_test(the_largest_message),
	    cmocka_unit_test(answers_in_any_order),
	    cmocka_unit_test(ids_are_unique_on_a_connection),
	    cmocka_unit_test(what_was_not_answered_is_asked_again),
	    cmocka_unit_test(trouble_without_end_ends),
	    cmocka_unit_test(a_full_pipe_survives_its_connection),
	    cmocka_unit_test(a_server_that_closes_after_each_answer),
	    cmocka_unit_test(a_server_that_closes_and_many_ask),
	    cmocka_unit_test(held_questions_end_with_their_time),
	    cmocka_unit_test(frames_that_answer_nothing_are_passed_over),
	    cmocka_unit_test(an_error_without_question_counts_by_tcp),
	    cmocka_unit_test(where_tcp_was_a_wish_udp_does),
	    cmocka_unit_test(a_dead_connection_is_left),
	    cmocka_unit_test(an_idle_connection_is_closed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
