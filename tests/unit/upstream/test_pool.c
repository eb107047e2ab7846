/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The pool over UDP: choosing, waiting, retrying, giving up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "upstream/health.h"
#include "rig.h"

#define GOOD 0x0a000001u
#define EVIL 0x06060606u
#define TIMEOUT_MS 2000
#define FIRST_WAIT_MS 400 /* the first wait for a server nothing is known of is over by then */

static void script_good(struct fake_query *q, void *arg)
{
	fake_answer_a(q, arg == NULL ? GOOD : *(uint32_t *)arg);
}

static void script_silent(struct fake_query *q, void *arg)
{
	(void)q, (void)arg;
}

static void script_rcode(struct fake_query *q, void *arg)
{
	fake_answer_rcode(q, *(uint16_t *)arg);
}

static void a_question_is_answered(void **state)
{
	(void)state;
	struct rig r;
	rig_begin(&r);
	struct fake *f = fake_create(r.base, script_good, NULL);
	rig_pool(&r, STRATEGY_FASTEST, 2000, (const struct addr *const[]){fake_addr(f)}, 1);
	rig_want_a(&r, "www.example.com", false, GOOD);
	assert_int_equal(fake_counts(f).udp, 1);
	assert_int_equal(fake_counts(f).connections, 0);
	struct upstream_stats stats;
	upstreams_stats(r.u, 0, &stats);
	assert_string_equal(stats.state, "up");
	assert_int_equal(stats.sent, 1);
	assert_int_equal(stats.failed, 0);
	assert_true(stats.rtt_ms > 0);
	assert_false(pool_busy_with(r.pool, r.u));
	rig_end(&r);
	fake_destroy(f);
}

/* What an attacker who sees nothing, or a broken server, may send before the answer. Nine of them: one more goes to TCP. */
static void script_forgeries(struct fake_query *q, void *arg)
{
	uint8_t buf[2048];
	(void)arg;
	struct wr w = fake_begin(q, 0, buf, sizeof(buf));
	fake_put_a(&w, EVIL);
	buf[1] ^= 1; /* ID */
	fake_send(q, &w);
	buf[1] ^= 1;
	fake_send_elsewhere(q, &w);   /* port: the kernel drops it */
	buf[MSG_HEADER_LEN + 1] ^= 3; /* another name */
	fake_send(q, &w);
	buf[MSG_HEADER_LEN + 1] ^= 3;
	for (size_t i = MSG_HEADER_LEN; i < MSG_HEADER_LEN + q->question_len - 4; i++) /* the other case */
		if (buf[i] >= 'A')
			buf[i] ^= 0x20;
	fake_send(q, &w);
	w = fake_begin(q, 0, buf, sizeof(buf));
	buf[MSG_HEADER_LEN + q->question_len - 3] ^= 1; /* another type */
	fake_send(q, &w);
	fake_send_bytes(q, buf, 0);
	fake_send_bytes(q, buf, 5);
	w = fake_begin(q, RCODE_FORMERR, buf, sizeof(buf)); /* an error without a question */
	buf[5] = 0;
	fake_send_bytes(q, buf, MSG_HEADER_LEN);
	w = fake_begin(q, 5u << MSG_OPCODE_SHIFT, buf, sizeof(buf));
	fake_send(q, &w);
	w = fake_begin(q, 0, buf, sizeof(buf)); /* longer than we said we would take */
	fake_put_a(&w, EVIL);
	memset(buf + w.pos, 0, sizeof(buf) - w.pos);
	fake_send_bytes(q, buf, 1233);
	fake_answer_a(q, GOOD);
}

static void forgeries_are_passed_over(void **state)
{
	(void)state;
	struct rig r;
	rig_begin(&r);
	struct fake *f = fake_create(r.base, script_forgeries, NULL);
	rig_pool(&r, STRATEGY_FASTEST, 2000, (const struct addr *const[]){fake_addr(f)}, 1);
	rig_want_a(&r, "www.example.com", false, GOOD);
	assert_int_equal(rig_count(&r, COUNTER_UPSTREAM_MISMATCHED), 9);
	assert_int_equal(fake_counts(f).udp, 1);
	assert_int_equal(fake_counts(f).tcp, 0);
	rig_end(&r);
	fake_destroy(f);
}

static void script_guesser(struct fake_query *q, void *arg)
{
	(void)arg;
	if (q->tcp) {
		fake_answer_a(q, GOOD);
		return;
	}
	uint8_t buf[512];
	struct wr w = fake_begin(q, 0, buf, sizeof(buf));
	fake_put_a(&w, EVIL);
	for (unsigned i = 0; i < 10; i++) {
		buf[0] = (uint8_t)~q->bytes[0];
		buf[1] = (uint8_t)i;
		fake_send(q, &w);
	}
	fake_answer_a(q, EVIL); /* too late: nobody listens there any more */
}

static void ten_mismatches_lead_to_tcp(void **state)
{
	(void)state;
	struct rig r;
	rig_begin(&r);
	struct fake *f = fake_create(r.base, script_guesser, NULL);
	rig_pool(&r, STRATEGY_FASTEST, 2000, (const struct addr *const[]){fake_addr(f)}, 1);
	rig_want_a(&r, "www.example.com", false, GOOD);
	assert_int_equal(rig_count(&r, COUNTER_UPSTREAM_MISMATCHED), 10);
	assert_int_equal(rig_count(&r, COUNTER_UPSTREAM_TCP), 1);
	assert_int_equal(fake_counts(f).tcp, 1);
	rig_end(&r);
	fake_destroy(f);
}

static void silence_leads_to_the_next(void **state)
{
	(void)state;
	struct rig r;
	rig_begin(&r);
	struct fake *dead = fake_create(r.base, script_silent, NULL), *f = fake_create(r.base, script_good, NULL);
	rig_pool(&r, STRATEGY_ORDERED, TIMEOUT_MS, (const struct addr *const[]){fake_addr(dead), fake_addr(f)}, 2);
	struct rig_result result;
	rig_ask(&r, "www.example.com", false, &result);
	RIG_UNTIL(&r, fake_counts(dead).udp == 1);
	rig_pass(&r, FIRST_WAIT_MS);
	rig_wait(&r, &result, 1);
	rig_check_a(&result, GOOD);
	free(result.body);
	assert_int_equal(fake_counts(dead).udp, 1);
	assert_int_equal(fake_counts(f).udp, 1);
	assert_int_equal(rig_count(&r, COUNTER_UPSTREAM_TIMEOUT), 1);
	rig_end(&r);
	fake_destroy(dead);
	fake_destroy(f);
}

struct late {
	unsigned seen;
	struct fake_query first;
};

static void script_late(struct fake_query *q, void *arg)
{
	struct late *late = arg;
	if (late->seen++ == 0)
		late->first = *q;
	else
		fake_answer_a(&late->first, GOOD); /* to the first send, when the second has come */
}

static void a_late_answer_is_taken(void **state)
{
	(void)state;
	struct rig r;
	struct late late = {0};
	rig_begin(&r);
	struct fake *f = fake_create(r.base, script_late, &late);
	rig_pool(&r, STRATEGY_FASTEST, TIMEOUT_MS, (const struct addr *const[]){fake_addr(f)}, 1);
	struct rig_result result;
	rig_ask(&r, "www.example.com", false, &result);
	RIG_UNTIL(&r, late.seen == 1);
	rig_pass(&r, HEALTH_WAIT_ALONE_MS);
	rig_wait(&r, &result, 1);
	rig_check_a(&result, GOOD);
	free(result.body);
	assert_int_equal(late.seen, 2);
	rig_end(&r);
	fake_destroy(f);
}

struct seen {
	unsigned count;
	uint16_t ids[1000], ports[1000];
	uint8_t names[1000][64];
};

static void script_watch(struct fake_query *q, void *arg)
{
	struct seen *seen = arg;
	assert_true(seen->count < ARRAY_LEN(seen->ids));
	seen->ids[seen->count] = q->q.header.id;
	seen->ports[seen->count] = addr_port(&q->peer);
	memcpy(seen->names[seen->count], q->bytes + MSG_HEADER_LEN, MIN(q->question_len, 64u));
	seen->count++;
}

static bool both_have_it(const struct rig *r, void *arg)
{
	struct fake **fakes = arg;
	return fake_counts(fakes[0]).udp == rig_stats(r, 0).sent && fake_counts(fakes[1]).udp == rig_stats(r, 1).sent;
}

static void all_silent_is_a_timeout(void **state)
{
	(void)state;
	struct rig r;
	static struct seen seen;
	rig_begin(&r);
	struct fake *f = fake_create(r.base, script_watch, &seen), *g = fake_create(r.base, script_silent, NULL);
	rig_pool(&r, STRATEGY_FASTEST, TIMEOUT_MS, (const struct addr *const[]){fake_addr(f), fake_addr(g)}, 2);
	struct rig_result result = rig_ask_in_vain(&r, both_have_it, (struct fake *[]){f, g});
	assert_int_equal(result.outcome, POOL_TIMEOUT);
	assert_in_range(fake_counts(f).udp, 1, 3);
	assert_in_range(fake_counts(g).udp, 1, 3);
	assert_true(fake_counts(f).udp + fake_counts(g).udp >= 3); /* round again */
	for (unsigned i = 0; i < seen.count; i++) { /* every send has its own port and its own case; an ID may repeat by chance */
		for (unsigned j = 0; j < i; j++) {
			assert_int_not_equal(seen.ports[i], seen.ports[j]);
			assert_memory_not_equal(seen.names[i], seen.names[j], 40);
		}
	}
	struct upstream_stats stats;
	upstreams_stats(r.u, 0, &stats);
	assert_int_equal(stats.failed, stats.sent);
	rig_end(&r);
	fake_destroy(f);
	fake_destroy(g);
}

static bool all_failed(const struct rig *r, void *arg)
{
	(void)arg;
	return rig_stats(r, 0).failed == rig_stats(r, 0).sent;
}

static void refusals_are_network_errors(void **state)
{
	(void)state;
	struct rig r;
	rig_begin(&r);
	struct fake *f = fake_create(r.base, script_silent, NULL);
	fake_stop(f);
	rig_pool(&r, STRATEGY_FASTEST, TIMEOUT_MS, (const struct addr *const[]){fake_addr(f)}, 1);
	struct rig_result result = rig_ask_in_vain(&r, all_failed, NULL);
	assert_int_equal(result.outcome, POOL_NETWORK);
	assert_int_equal(rig_stats(&r, 0).sent, 4); /* a connection among them */
	rig_end(&r);

	/* what the kernel refuses at once is told from the loop all the same (rig_ask checks) */
	struct addr nowhere;
	assert_true(addr_from_text(str_from("255.255.255.255"), 53, &nowhere));
	rig_begin(&r);
	rig_pool(&r, STRATEGY_FASTEST, TIMEOUT_MS, (const struct addr *const[]){&nowhere}, 1);
	result = rig_ask_in_vain(&r, all_failed, NULL);
	assert_int_equal(result.outcome, POOL_NETWORK);
	rig_end(&r);

	rig_begin(&r);
	rig_pool(&r, STRATEGY_FASTEST, TIMEOUT_MS, NULL, 0); /* no server at all */
	result = rig_ask_wait(&r, "example.com", false);
	assert_int_equal(result.outcome, POOL_NETWORK);
	rig_end(&r);
	fake_destroy(f);
}

static void a_refusal_leads_to_the_next_at_once(void **state)
{
	(void)state;
	struct rig r;
	rig_begin(&r);
	struct fake *gone = fake_create(r.base, script_silent, NULL), *f = fake_create(r.base, script_good, NULL);
	fake_stop(gone);
	/* by the clock nothing ever times out here: what leads on is the refusal */
	rig_pool(&r, STRATEGY_ORDERED, 3600000, (const struct addr *const[]){fake_addr(gone), fake_addr(f)}, 2);
	rig_want_a(&r, "example.com", false, GOOD);
	assert_int_equal(rig_count(&r, COUNTER_UPSTREAM_TIMEOUT), 0);
	rig_end(&r);
	fake_destroy(gone);
	fake_destroy(f);
}

static void failures_everywhere_are_bad(void **state)
{
	(void)state;
	struct rig r;
	uint16_t servfail = RCODE_SERVFAIL, refused = RCODE_REFUSED;
	rig_begin(&r);
	struct fake *f = fake_create(r.base, script_rcode, &servfail), *g = fake_create(r.base, script_rcode, &refused);
	rig_pool(&r, STRATEGY_ORDERED, 3600000, (const struct addr *const[]){fake_addr(f), fake_addr(g)}, 2);
	struct rig_result result = rig_ask_wait(&r, "example.com", false);
	assert_int_equal(result.outcome, POOL_BAD);
	assert_int_equal(fake_counts(f).udp, 1); /* who has spoken is not asked again */
	assert_int_equal(fake_counts(g).udp, 1);
	assert_int_equal(rig_count(&r, COUNTER_UPSTREAM_BAD), 2);
	struct upstream_stats stats;
	upstreams_stats(r.u, 0, &stats);
	assert_string_equal(stats.state, "up");
	assert_int_equal(stats.failed, 1);
	rig_end(&r);
	fake_destroy(f);
	fake_destroy(g);
}

/* Matching replies that are no answers: a referral, a loop, an address of two octets. */
static void script_useless(struct fake_query *q, void *arg)
{
	uint8_t buf[512];
	struct wr w = fake_begin(q, 0, buf, sizeof(buf));
	switch (*(unsigned *)arg) {
	case 0:
	case 1:
		wr_u16(&w, 0xc000 | MSG_HEADER_LEN);
		wr_u16(&w, *(unsigned *)arg == 0 ? RRTYPE_NS : RRTYPE_CNAME);
		wr_u16(&w, RRCLASS_IN);
		wr_u32(&w, 60);
		wr_u16(&w, 2);
		wr_u16(&w, 0xc000 | MSG_HEADER_LEN);
		buf[*(unsigned *)arg == 0 ? 9 : 7] = 1; /* authority: lame; answer: a loop */
		break;
	default:
		fake_put_a(&w, EVIL);
		w.pos -= 2;
		wr_patch_u16(&w, w.pos - 4, 2);
		break;
	}
	fake_send(q, &w);
}

static void useless_answers_lead_to_the_next(void **state)
{
	(void)state;
	for (unsigned kind = 0; kind < 3; kind++) {
		struct rig r;
		rig_begin(&r);
		struct fake *f = fake_create(r.base, script_useless, &kind), *g = fake_create(r.base, script_good, NULL);
		rig_pool(&r, STRATEGY_ORDERED, 3600000, (const struct addr *const[]){fake_addr(f), fake_addr(g)}, 2);
		rig_want_a(&r, "example.com", false, GOOD);
		assert_int_equal(fake_counts(f).udp, 1);
		assert_int_equal(rig_count(&r, COUNTER_UPSTREAM_BAD), 1);
		rig_end(&r);
		fake_destroy(f);
		fake_destroy(g);
	}
}

struct edns_seen {
	unsigned with, without;
	uint16_t rcode;
};

static void script_no_edns(struct fake_query *q, void *arg)
{
	struct edns_seen *seen = arg;
	if (q->q.edns.present) {
		seen->with++;
		fake_answer_rcode(q, seen->rcode);
	} else {
		seen->without++;
		fake_answer_a(q, GOOD);
	}
}

static void without_opt_where_it_is_disliked(void **state)
{
	(void)state;
	static const uint16_t rcodes[] = {RCODE_FORMERR, RCODE_NOTIMP};
	for (size_t i = 0; i < ARRAY_LEN(rcodes); i++) {
		struct rig r;
		struct edns_seen seen = {.rcode = rcodes[i]};
		rig_begin(&r);
		struct fake *f = fake_create(r.base, script_no_edns, &seen);
		rig_pool(&r, STRATEGY_FASTEST, 3600000, (const struct addr *const[]){fake_addr(f)}, 1);
		rig_want_a(&r, "example.com", false, GOOD);
		rig_want_a(&r, "example.net", false, GOOD); /* nothing was remembered: OPT comes first again */
		assert_int_equal(seen.with, 2);
		assert_int_equal(seen.without, 2);
		rig_end(&r);
		fake_destroy(f);
	}
	/* a server that answers FORMERR to both has failed */
	struct rig r;
	uint16_t formerr = RCODE_FORMERR;
	rig_begin(&r);
	struct fake *f = fake_create(r.base, script_rcode, &formerr);
	rig_pool(&r, STRATEGY_FASTEST, 3600000, (const struct addr *const[]){fake_addr(f)}, 1);
	struct rig_result result = rig_ask_wait(&r, "example.com", false);
	assert_int_equal(result.outcome, POOL_BAD);
	assert_int_equal(fake_counts(f).udp, 2);
	rig_end(&r);
	fake_destroy(f);
}

static void script_lower(struct fake_query *q, void *arg)
{
	unsigned *mixed = arg;
	for (size_t i = MSG_HEADER_LEN; i < MSG_HEADER_LEN + q->question_len - 4; i++) {
		if (q->bytes[i] >= 'A' && q->bytes[i] <= 'Z') {
			q->bytes[i] = (uint8_t)(q->bytes[i] + 0x20);
			*mixed += q->tcp ? 0 : 1;
		}
	}
	fake_answer_a(q, GOOD);
}

/* The number'th answer with other case comes; then time passes, and TCP has the answer. */
static void want_after_case(struct rig *r, unsigned number)
{
	struct rig_result result;
	rig_ask(r, "a.name.with.letters.to.toss.example.com", false, &result);
	RIG_UNTIL(r, rig_count(r, COUNTER_UPSTREAM_MISMATCHED) == number);
	rig_pass(r, HEALTH_WAIT_ALONE_MS);
	rig_wait(r, &result, 1);
	rig_check_a(&result, GOOD);
	free(result.body);
}

static void a_server_that_does_not_keep_case(void **state)
{
	(void)state;
	struct rig r;
	unsigned mixed = 0;
	rig_begin(&r);
	struct fake *f = fake_create(r.base, script_lower, &mixed);
	rig_pool(&r, STRATEGY_FASTEST, TIMEOUT_MS, (const struct addr *const[]){fake_addr(f)}, 1);
	for (unsigned i = 1; i <= 3; i++) { /* answered by TCP, after UDP was waited for in vain */
		want_after_case(&r, i);
		assert_int_equal(fake_counts(f).udp, i);
		assert_int_equal(fake_counts(f).tcp, i);
	}
	assert_true(mixed > 0);
	mixed = 0;
	rig_want_a(&r, "a.name.with.letters.to.toss.example.com", false, GOOD);
	assert_int_equal(mixed, 0); /* proved three times: by UDP, in lower case */
	assert_int_equal(fake_counts(f).udp, 4);
	assert_int_equal(fake_counts(f).tcp, 3);
	rig_end(&r);
	fake_destroy(f);
}

static void script_forge_case(struct fake_query *q, void *arg)
{
	unsigned *asked = arg;
	if (q->tcp) {
		fake_answer_a(q, GOOD);
		return;
	}
	(*asked)++;
	script_lower(q, &(unsigned){0});
}

static void case_forged_by_udp_proves_nothing(void **state)
{
	(void)state;
	struct rig r;
	unsigned asked = 0;
	rig_begin(&r);
	struct fake *f = fake_create(r.base, script_forge_case, &asked);
	rig_pool(&r, STRATEGY_FASTEST, TIMEOUT_MS, (const struct addr *const[]){fake_addr(f)}, 1);
	for (unsigned i = 1; i <= 5; i++) {
		want_after_case(&r, i);
		assert_int_equal(fake_counts(f).tcp, i); /* by TCP the server keeps case: 0x20 stays */
	}
	rig_end(&r);
	fake_destroy(f);
}

static void it_speaks_ipv6(void **state)
{
	(void)state;
	struct rig r;
	rig_begin(&r);
	struct fake *f = fake_create_at(r.base, "::1", script_good, NULL);
	if (f == NULL) { /* this machine has none */
		rig_end(&r);
		skip();
	}
	rig_pool(&r, STRATEGY_FASTEST, 2000, (const struct addr *const[]){fake_addr(f)}, 1);
	rig_want_a(&r, "example.com", false, GOOD);
	rig_want_a(&r, "example.com", true, GOOD);
	assert_int_equal(fake_counts(f).udp, 1);
	assert_int_equal(fake_counts(f).tcp, 1);
	rig_end(&r);
	fake_destroy(f);
}

static void script_watch_and_answer(struct fake_query *q, void *arg)
{
	script_watch(q, arg);
	fake_answer_a(q, GOOD);
}

static int compare_u16(const void *a, const void *b)
{
	return (int)*(const uint16_t *)a - (int)*(const uint16_t *)b;
}

static unsigned distinct(uint16_t *values, unsigned count)
{
	unsigned n = count > 0;
	qsort(values, count, sizeof(*values), compare_u16);
	for (unsigned i = 1; i < count; i++)
		n += values[i] != values[i - 1];
	return n;
}

static void ports_and_ids_are_spread(void **state)
{
	(void)state;
	struct rig r;
	static struct seen seen;
	rig_begin(&r);
	struct fake *f = fake_create(r.base, script_watch_and_answer, &seen);
	rig_pool(&r, STRATEGY_FASTEST, 2000, (const struct addr *const[]){fake_addr(f)}, 1);
	for (unsigned i = 0; i < 500; i++)
		rig_want_a(&r, "example.com", false, GOOD);
	assert_int_equal(seen.count, 500);
	/* of 500 draws out of 64512 about 2 meet; 480 distinct ones are never missed by chance */
	assert_true(distinct(seen.ids, 500) > 480);
	assert_true(distinct(seen.ports, 500) > 480);
	assert_true(seen.ports[0] >= 1024 && seen.ports[0] < 5000); /* sorted: the whole range, not the kernel's part of it */
	assert_true(seen.ports[499] > 61000);
	rig_end(&r);
	fake_destroy(f);
}

struct flags_seen {
	bool cd, rd, dnssec_ok, edns;
	uint16_t type, udp_size, options_len;
};

static void script_flags(struct fake_query *q, void *arg)
{
	*(struct flags_seen *)arg = (struct flags_seen){.cd = q->q.header.flags & MSG_CD,
							.rd = q->q.header.flags & MSG_RD,
							.dnssec_ok = q->q.edns.dnssec_ok,
							.edns = q->q.edns.present,
							.type = q->q.type,
							.udp_size = q->q.edns.udp_size,
							.options_len = q->q.edns.options_len};
	fake_answer_rcode(q, 0);
}

static void count_call(void *arg, enum pool_outcome outcome, const struct response *response)
{
	assert_non_null(response);
	assert_int_equal(outcome, POOL_ANSWER);
	(*(unsigned *)arg)++;
}

static void flags_go_along(void **state)
{
	(void)state;
	struct rig r;
	struct flags_seen seen;
	rig_begin(&r);
	struct fake *f = fake_create(r.base, script_flags, &seen);
	rig_pool(&r, STRATEGY_FASTEST, 2000, (const struct addr *const[]){fake_addr(f)}, 1);
	struct name n = rig_name("example.com");
	for (unsigned bits = 0; bits < 4; bits++) {
		unsigned calls = 0;
		memset(&seen, 0xff, sizeof(seen));
		assert_non_null(pool_ask(r.pool, &n, RRTYPE_MX, bits & 1, bits & 2, false, count_call, &calls));
		while (calls == 0)
			assert_int_equal(event_base_loop(r.base, EVLOOP_ONCE), 0);
		assert_int_equal(seen.dnssec_ok, (bits & 1) != 0);
		assert_int_equal(seen.cd, (bits & 2) != 0);
		assert_true(seen.rd && seen.edns);
		assert_int_equal(seen.udp_size, 1232);
		assert_int_equal(seen.options_len, 0);
		assert_int_equal(seen.type, RRTYPE_MX);
	}
	rig_end(&r);
	fake_destroy(f);
}

static void a_zones_names_go_to_its_servers(void **state)
{
	(void)state;
	struct rig r;
	uint32_t corp_address = 0x0a0a0a0a;
	rig_begin(&r);
	struct fake *f = fake_create(r.base, script_good, NULL), *corp = fake_create(r.base, script_good, &corp_address);
	const struct endpoint server = {.addr = *fake_addr(corp), .text = "dns://corp"};
	const struct settings_route route = {.zone = rig_name("corp.example"), .servers = &server, .server_count = 1};
	r.settings.routes = &route;
	r.settings.route_count = 1;
	rig_pool(&r, STRATEGY_FASTEST, 2000, (const struct addr *const[]){fake_addr(f)}, 1);
	rig_want_a(&r, "www.example", false, GOOD);
	rig_want_a(&r, "corp.example", false, corp_address);
	rig_want_a(&r, "a.b.corp.example", false, corp_address);
	rig_want_a(&r, "xcorp.example", false, GOOD);
	assert_int_equal(fake_counts(f).udp, 2);
	assert_int_equal(fake_counts(corp).udp, 2);
	rig_end(&r);
	fake_destroy(f);
	fake_destroy(corp);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_question_is_answered),
	    cmocka_unit_test(forgeries_are_passed_over),
	    cmocka_unit_test(ten_mismatches_lead_to_tcp),
	    cmocka_unit_test(silence_leads_to_the_next),
	    cmocka_unit_test(a_late_answer_is_taken),
	    cmocka_unit_test(all_silent_is_a_timeout),
	    cmocka_unit_test(refusals_are_network_errors),
	    cmocka_unit_test(a_refusal_leads_to_the_next_at_once),
	    cmocka_unit_test(failures_everywhere_are_bad),
	    cmocka_unit_test(useless_answers_lead_to_the_next),
	    cmocka_unit_test(without_opt_where_it_is_disliked),
	    cmocka_unit_test(a_server_that_does_not_keep_case),
	    cmocka_unit_test(case_forged_by_udp_proves_nothing),
	    cmocka_unit_test(it_speaks_ipv6),
	    cmocka_unit_test(ports_and_ids_are_spread),
	    cmocka_unit_test(flags_go_along),
	    cmocka_unit_test(a_zones_names_go_to_its_servers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
