/* SPDX-License-Identifier: BSD-2-Clause
 * A rehearsal comes to what the pipeline comes to, octet for octet, and leaves nothing behind. */
#include "query/rehearse.h"

#include "rig.h"

#include "base/clock.h"
#include "query/query.h"
#include "script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOW_MS 1000000
#define NOW_S 1800000000

static struct rehearsal done;

static void rehearse_for(struct rig *rig, const char *text, uint16_t type, const char *client)
{
	struct name name = rig_name(text);
	struct addr address;
	struct rehearse_question question = {.world = generation_current(rig->gs),
					     .cache = rig->cache,
					     .failures = rig->service->failures,
					     .name = &name,
					     .type = type,
					     .now_s = NOW_S};

	if (client != NULL) {
		assert_true(addr_from_text(str_from(client), 0, &address));
		question.client = &address;
	}
	rehearse(&question, &done);
}

/* Rehearse, then ask: the same octets but the ID, the same count. Nothing of the rehearsal is seen before. */
static void same_for(struct rig *rig, const char *client, const char *name, uint16_t type, enum counter fate)
{
	uint64_t before[COUNTER_COUNT], after[COUNTER_COUNT];
	const struct counters *counters = rig->counters;
	unsigned sent = rig->sent_count, dropped = rig->dropped_count;

	counters_sum(&counters, 1, before);
	rehearse_for(rig, name, type, client);
	counters_sum(&counters, 1, after);
	assert_memory_equal(before, after, sizeof(before));
	assert_int_equal(rig->sent_count, sent);
	assert_int_equal(rig->dropped_count, dropped);
	if (done.fate != fate)
		fail_msg("%s: %s, not %s", name, counter_names[done.fate], counter_names[fate]);
	rig_ask_from(rig, &rig_udp, client, name, type, true);
	assert_int_equal(rig_count(rig, fate), before[fate] + 1);
	assert_int_equal(done.answer_len, rig->sent_len);
	if (rig->sent_len > 0)
		assert_memory_equal(done.answer + 2, rig->sent + 2, rig->sent_len - 2);
}

static void same(struct rig *rig, const char *name, uint16_t type, enum counter fate)
{
	same_for(rig, "127.0.0.1", name, type, fate);
}

/* The steps as "owner TYPE target; ...", `!` behind those that nobody judges. */
static const char *steps(void)
{
	static char text[4096];
	size_t used = 0;

	text[0] = '\0';
	for (size_t i = 0; i < done.step_count; i++) {
		const struct rehearse_step *step = &done.steps[i];
		char owner[NAME_TEXT_MAX], target[NAME_TEXT_MAX], type[RRTYPE_TEXT_MAX], address[ADDR_TEXT_MAX];
		const char *to = step->kind == REHEARSE_ADDRESS ? addr_host_to_text(&step->address, address)
								: name_to_text(&step->target, target);
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s %s %s%s", i > 0 ? "; " : "",
					 name_to_text(&step->owner, owner), rrtype_to_text(step->type, type), to,
					 step->judged ? "" : "!");
	}
	return text;
}

static void cache_one(struct rig *rig, const char *name, uint16_t type, const char *rdata)
{
	static struct rig_reply r;

	rig_reply_begin(&r, name, type, RCODE_NOERROR);
	rig_reply_add(&r, name, type, 300, rdata);
	rig_reply_end(&r);
	rig_cache(rig, &r);
}

/* name CNAME middle CNAME target A address. */
static void cache_chain(struct rig *rig, const char *name, const char *middle, const char *target, const char *address)
{
	static struct rig_reply r;

	rig_reply_begin(&r, name, RRTYPE_A, RCODE_NOERROR);
	rig_reply_add(&r, name, RRTYPE_CNAME, 300, middle);
	rig_reply_add(&r, middle, RRTYPE_CNAME, 200, target);
	rig_reply_add(&r, target, RRTYPE_A, 100, address);
	rig_reply_end(&r);
	rig_cache(rig, &r);
}

static void test_blocked(void **state)
{
	struct rig *rig = *state;
	struct policy *policy = script_policy(rig);
	static const enum answer answers[] = {ANSWER_NXDOMAIN, ANSWER_NODATA, ANSWER_NULL, ANSWER_REFUSED, ANSWER_DROP};
	char name[32];

	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		(void)snprintf(name, sizeof(name), "b%zu.example", i);
		script_name(policy, name, answers[i])->code = i % 2 == 0 ? CODE_CENSORED : CODE_FILTERED;
		same(rig, name, RRTYPE_A, COUNTER_BLOCKED);
		same(rig, name, RRTYPE_AAAA, COUNTER_BLOCKED);
		same(rig, name, RRTYPE_MX, COUNTER_BLOCKED);
		assert_int_equal(done.step_count, 0);
		assert_int_equal(done.cached, REHEARSE_NOT_SOUGHT);
	}
	(void)script_name(policy, "tcp.example", ANSWER_TRUNCATE);
	same(rig, "tcp.example", RRTYPE_A, COUNTER_LOCAL);
	struct script_rule *local = script_name(policy, "local.example", ANSWER_LOCAL);
	script_record(local, RRTYPE_A, 300, "192.0.2.1");
	script_record(local, RRTYPE_TXT, 5, "\2hi");
	same(rig, "local.example", RRTYPE_A, COUNTER_BLOCKED);
	same(rig, "local.example", RRTYPE_TXT, COUNTER_BLOCKED);
	same(rig, "local.example", RRTYPE_AAAA, COUNTER_BLOCKED);
}

static void test_answered_here(void **state)
{
	struct rig *rig = *state;

	same(rig, "localhost", RRTYPE_A, COUNTER_LOCAL);
	same(rig, "1.0.0.127.in-addr.arpa", RRTYPE_PTR, COUNTER_LOCAL);
	same(rig, "x.invalid", RRTYPE_A, COUNTER_LOCAL);
	same(rig, "any.example", RRTYPE_ANY, COUNTER_LOCAL);
	same(rig, "axfr.example", RRTYPE_AXFR, COUNTER_REFUSED);
	same(rig, "opt.example", RRTYPE_OPT, COUNTER_REFUSED);
	assert_int_equal(done.step_count, 0);
}

static void test_client(void **state)
{
	struct rig *rig = *state;

	(void)script_name(script_policy(rig), "ads.example", ANSWER_NXDOMAIN);
	same_for(rig, "198.51.100.1", "ads.example", RRTYPE_A, COUNTER_REFUSED);
	same_for(rig, "::1", "ads.example", RRTYPE_A, COUNTER_BLOCKED);
	rehearse_for(rig, "ads.example", RRTYPE_A, NULL);
	assert_int_equal(done.fate, COUNTER_BLOCKED);
	assert_int_equal(script_client.sa.sa_family, AF_UNSPEC);
}

static void test_cached(void **state)
{
	struct rig *rig = *state;
	static struct rig_reply r;

	cache_chain(rig, "www.example", "mid.example", "end.example", "192.0.2.1");
	same(rig, "www.example", RRTYPE_A, COUNTER_CACHED);
	assert_int_equal(done.cached, REHEARSE_FRESH);
	assert_string_equal(steps(), "www.example CNAME mid.example; mid.example CNAME end.example; end.example A 192.0.2.1");
	assert_int_equal(done.steps[0].ttl_s, 300);
	assert_int_equal(done.steps[1].ttl_s, 200);
	assert_int_equal(done.steps[2].ttl_s, 100);
	rig_reply_begin(&r, "gone.example", RRTYPE_A, RCODE_NXDOMAIN);
	rig_reply_add(&r, "example", RRTYPE_SOA, 60, "-");
	rig_reply_end(&r);
	rig_cache(rig, &r);
	same(rig, "gone.example", RRTYPE_A, COUNTER_CACHED);
	assert_int_equal(done.step_count, 0);
	assert_int_equal(done.cached, REHEARSE_FRESH);
	assert_false(done.has_missing);
}

static void test_chain_is_blocked(void **state)
{
	struct rig *rig = *state;
	struct policy *policy = script_policy(rig);

	(void)script_name(policy, "tracker.example", ANSWER_NXDOMAIN);
	cache_chain(rig, "cloak.example", "tracker.example", "end.example", "192.0.2.1");
	same(rig, "cloak.example", RRTYPE_A, COUNTER_BLOCKED);
	assert_string_equal(steps(),
			    "cloak.example CNAME tracker.example; tracker.example CNAME end.example; end.example A 192.0.2.1");
	/* an allow entry for the name asked holds for all of it; behind a mandatory one nothing is judged */
	script_name(policy, "cloak.example", ANSWER_NXDOMAIN)->kind = VERDICT_ALLOWED;
	same(rig, "cloak.example", RRTYPE_A, COUNTER_CACHED);
	assert_true(done.steps[0].judged);
	policy->rules[policy->rule_count - 1].mandatory = true;
	same(rig, "cloak.example", RRTYPE_A, COUNTER_CACHED);
	assert_false(done.steps[0].judged);
	(void)script_address(policy, "192.0.2.66", ANSWER_NODATA);
	cache_one(rig, "host.example", RRTYPE_A, "192.0.2.66");
	same(rig, "host.example", RRTYPE_A, COUNTER_BLOCKED);
	assert_string_equal(steps(), "host.example A 192.0.2.66");
}

static void test_services(void **state)
{
	struct rig *rig = *state;
	static struct rig_reply r;
	/* priority 1, target, ipv4hint of two, ipv6hint of one */
	static const uint8_t rdata[] = {0, 1,	3,    'A', 'd', 's', 7, 'e', 'x', 'a', 'm', 'p', 'l', 'e', 0,	0,
					4, 0,	8,    192, 0,	2,   1, 192, 0,	  2,   66,  0,	 6,   0,   16,	0x20,
					1, 0xd, 0xb8, 0,   0,	0,   0, 0,   0,	  0,   0,   0,	 0,   0,   0x66};
	static const uint8_t self[] = {0, 1, 0, 0, 1, 0, 3, 2, 'h', '2'};

	rig_reply_begin(&r, "svc.example", RRTYPE_HTTPS, RCODE_NOERROR);
	rig_reply_add_bytes(&r, "svc.example", RRTYPE_HTTPS, 300, rdata, sizeof(rdata));
	rig_reply_add_bytes(&r, "svc.example", RRTYPE_HTTPS, 300, self, sizeof(self));
	rig_reply_end(&r);
	rig_cache(rig, &r);
	same(rig, "svc.example", RRTYPE_HTTPS, COUNTER_CACHED);
	assert_string_equal(steps(), "svc.example HTTPS ads.example; svc.example HTTPS 192.0.2.1; svc.example HTTPS 192.0.2.66; "
				     "svc.example HTTPS 2001:db8::66");
	(void)script_name(script_policy(rig), "ads.example", ANSWER_NXDOMAIN);
	same(rig, "svc.example", RRTYPE_HTTPS, COUNTER_BLOCKED);
	assert_int_equal(done.step_count, 4);
}

static void test_entry_sends_elsewhere(void **state)
{
	struct rig *rig = *state;
	struct policy *policy = script_policy(rig);

	script_record(script_name(policy, "garden.example", ANSWER_LOCAL), RRTYPE_CNAME, RECORDS_TTL_UNSAID, "wall.example");
	script_record(script_name(policy, "home.example", ANSWER_LOCAL), RRTYPE_CNAME, 60, "localhost");
	script_record(script_address(policy, "192.0.2.66", ANSWER_LOCAL), RRTYPE_CNAME, 60, "wall.example");
	cache_one(rig, "wall.example", RRTYPE_A, "192.0.2.80");
	cache_one(rig, "host.example", RRTYPE_A, "192.0.2.66");
	same(rig, "garden.example", RRTYPE_A, COUNTER_BLOCKED);
	assert_string_equal(steps(), "garden.example CNAME wall.example!; wall.example A 192.0.2.80!");
	same(rig, "home.example", RRTYPE_A, COUNTER_BLOCKED);
	assert_string_equal(steps(), "home.example CNAME localhost!");
	same(rig, "host.example", RRTYPE_A, COUNTER_BLOCKED);
	assert_string_equal(steps(), "host.example A 192.0.2.66; host.example CNAME wall.example!; wall.example A 192.0.2.80!");
	/* where it leads is not known */
	rehearse_for(rig, "garden.example", RRTYPE_AAAA, NULL);
	assert_int_equal(done.fate, COUNTER_FORWARDED);
	struct name wall = rig_name("wall.example");
	assert_true(name_eq(&done.sought, &wall));
	assert_true(done.has_missing && name_eq(&done.missing, &wall));
	assert_string_equal(steps(), "garden.example CNAME wall.example!");
}

/* Nobody is asked, and no slot is taken. */
static void test_unknown(void **state)
{
	struct rig *rig = *state;
	struct name name = rig_name("new.example");
	struct cache_key key = rig_key(rig, &name, RRTYPE_A);

	rehearse_for(rig, "new.example", RRTYPE_A, "127.0.0.1");
	assert_int_equal(done.fate, COUNTER_FORWARDED);
	assert_int_equal(done.answer_len, 0);
	assert_int_equal(done.cached, REHEARSE_MISS);
	assert_int_equal(done.step_count, 0);
	assert_true(name_eq(&done.sought, &name) && name_eq(&done.missing, &name));
	assert_int_equal(rig->service->slots_used, 0);
	struct inflight_waiter waiter = {.worker = 0};
	assert_int_equal(inflight_join(rig->inflight, &key, &waiter), INFLIGHT_OWNER); /* it is not under way */
	struct inflight_waiter *waiters;
	(void)inflight_take(rig->inflight, &key, &waiters);
	free(waiters);
}

static void test_failed_lately(void **state)
{
	struct rig *rig = *state;
	struct name name = rig_name("broken.example");
	struct cache_key key = rig_key(rig, &name, RRTYPE_A);

	rig->service->failures = failures_create();
	failures_note(rig->service->failures, &key, EDE_NETWORK_ERROR, false, NOW_MS);
	same(rig, "broken.example", RRTYPE_A, COUNTER_FAILED);
	/* with something that has expired to fall back on */
	rig->cached_since_ms = 400000;
	cache_one(rig, "broken.example", RRTYPE_A, "192.0.2.1");
	same(rig, "broken.example", RRTYPE_A, COUNTER_STALE);
	assert_int_equal(done.cached, REHEARSE_STALE);
	assert_string_equal(steps(), "broken.example A 192.0.2.1");
	assert_int_equal(done.steps[0].ttl_s, 30);
	failures_destroy(rig->service->failures);
	rig->service->failures = NULL;
}

/* A long answer is told as far as there is room. */
static void test_many_steps(void **state)
{
	struct rig *rig = *state;
	static struct rig_reply r;
	char address[32];

	rig_reply_begin(&r, "many.example", RRTYPE_A, RCODE_NOERROR);
	for (int i = 0; i < REHEARSE_STEPS_MAX + 6; i++) {
		(void)snprintf(address, sizeof(address), "192.0.2.%d", i);
		rig_reply_add(&r, "many.example", RRTYPE_A, 300, address);
	}
	rig_reply_end(&r);
	rig_cache(rig, &r);
	same(rig, "many.example", RRTYPE_A, COUNTER_CACHED); /* truncated, as it is for the client */
	assert_int_equal(done.step_count, REHEARSE_STEPS_MAX);
	assert_int_equal(done.steps_omitted, 6);
}

static int set_up(void **state)
{
	clock_set_for_test(NOW_MS, NOW_S);
	return script_set_up(state);
}

static int tear_down(void **state)
{
	clock_set_for_test(-1, -1);
	return script_tear_down(state);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    T(test_blocked),  T(test_answered_here),	     T(test_client),  T(test_cached),	     T(test_chain_is_blocked),
	    T(test_services), T(test_entry_sends_elsewhere), T(test_unknown), T(test_failed_lately), T(test_many_steps),
	};
#undef T
	return cmocka_run_group_tests(tests, NULL, NULL);
}
