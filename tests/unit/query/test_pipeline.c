/* SPDX-License-Identifier: BSD-2-Clause
 * The pipeline from packet to bytes, with a real policy, cache and world, and a transport that keeps what it is given. */
#include "query/query.h"

#include "import/segment.h"
#include "import/source.h"
#include "compile/compile.h"
#include "query/deliver.h"
#include "query/mailbox.h"
#include "rig.h"
#include "wire/edns.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char config_text[] = "listen: [dns://127.0.0.1:5300]\n"
				  "upstream: {servers: [dns://127.0.0.1:1]}\n"
				  "clients: {allow: [127.0.0.0/8]}\n"
				  "lists:\n"
				  "  - {name: nx, file: nx.yaml}\n"
				  "  - {name: null-list, file: null.yaml, answer: 'null'}\n"
				  "  - {name: refused, file: refused.yaml, answer: refused}\n"
				  "  - {name: drop, file: drop.yaml, answer: drop}\n"
				  "  - {name: allow, file: allow.yaml}\n"
				  "  - {name: watched, file: watched.yaml, mode: shadow}\n";
static const char *const list_texts[] = {
    "code: censored\nentries: [blocked.example, parent.example, {domain: exact.example, match: exact}]\n",
    "reason: 'list ads'\nentries: [ads.example.com]\n",
    "entries: [refused.example]\n",
    "entries: [drop.example]\n",
    "action: allow\nentries: [child.parent.example]\n",
    "entries: [watched.example]\n",
};
#define LISTS (sizeof(list_texts) / sizeof(list_texts[0]))

static struct policy *compile(const struct settings *settings)
{
	static const struct segment_settings as_yaml = {.format = FORMAT_YAML};
	struct source sources[LISTS] = {0};
	struct err_list errors = {0};
	struct buf image = {0};
	struct err err;
	struct policy *policy = NULL;
	char path[] = "/tmp/saring-test-XXXXXX";

	for (size_t i = 0; i < LISTS; i++) {
		sources[i].segment = segment_import(str_from(list_texts[i]), &as_yaml, "/nowhere/list.yaml", "list.yaml", &errors);
		assert_non_null(sources[i].segment);
	}
	struct compile_input input = {
	    .settings = settings, .sources = sources, .tier = IMAGE_LIVE, .generation = 7, .now_s = 1500000000};
	assert_true(policy_compile(&input, &image, &errors));
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, image.ptr, image.len), image.len);
	close(fd);
	if (!policy_open(path, NULL, &policy, &err))
		fail_msg("%s", err.text);
	unlink(path);
	buf_finish(&image);
	for (size_t i = 0; i < LISTS; i++)
		segment_destroy(sources[i].segment);
	return policy;
}

static int set_up(void **state)
{
	struct settings *settings = rig_settings(config_text);

	*state = rig_create(settings, compile(settings));
	return 0;
}

static int tear_down(void **state)
{
	rig_destroy(*state);
	return 0;
}

static size_t from_hex(const char *hex, uint8_t *ret)
{
	size_t len = strlen(hex) / 2;

	for (size_t i = 0; i < len; i++)
		assert_int_equal(sscanf(hex + 2 * i, "%2hhx", &ret[i]), 1);
	return len;
}

/* Whole messages, byte for byte. Case kept, SOA owner the parent, TTL and MINIMUM 10. */
static void test_golden(void **state)
{
	struct rig *f = *state;
	static const char *const cases[][2] = {
	    /* BADVERS to EDNS version 1 */
	    {"12340100000100000000000103616473074578616d706c6503636f6d000001000100002904d00001000000 00",
	     "12348180000100000000000103616473074578616d706c6503636f6d000001000100002904d0010000000000"},
	    /* NOTIMP to opcode 15, header only */
	    {"12347800000000000000 0000", "1234f8040000000000000000"},
	};

	for (size_t i = 0; i < 2; i++) {
		uint8_t query[512], want[512];
		char hex[1024];
		size_t n = 0;
		for (const char *p = cases[i][0]; *p != '\0'; p++)
			if (*p != ' ')
				hex[n++] = *p;
		hex[n] = '\0';
		rig_run(f, &rig_udp, "127.0.0.1", query, from_hex(hex, query));
		size_t want_len = from_hex(cases[i][1], want);
		assert_int_equal(f->sent_len, want_len);
		assert_memory_equal(f->sent, want, want_len);
	}
}

static void test_null_answer(void **state)
{
	struct rig *f = *state;
	static const uint8_t want_rr[] = {0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 10, 0, 4, 0, 0, 0, 0};

	rig_ask(f, &rig_udp, "ads.example.com", RRTYPE_A, false);
	assert_int_equal(rig_flags(f), 0x8180);
	assert_int_equal(rig_u16(f, 6), 1);
	assert_memory_equal(f->sent + f->sent_len - sizeof(want_rr), want_rr, sizeof(want_rr));
	rig_ask(f, &rig_udp, "ads.example.com", RRTYPE_AAAA, false);
	assert_int_equal(rig_u16(f, 6), 1);
	for (int i = 0; i < 16; i++)
		assert_int_equal(f->sent[f->sent_len - 16 + (size_t)i], 0);
	/* every other type: NODATA with a SOA, for the subtree too */
	rig_ask(f, &rig_udp, "x.ads.example.com", RRTYPE_HTTPS, true);
	assert_int_equal(rig_flags(f), 0x8180);
	assert_int_equal(rig_u16(f, 6), 0);
	assert_int_equal(rig_u16(f, 8), 1);
	assert_int_equal(rig_ede(f), EDE_BLOCKED);
	rig_ask(f, &rig_udp, "ads.example.com", RRTYPE_ANY, false);
	assert_int_equal(rig_u16(f, 6), 0);
	assert_int_equal(rig_u16(f, 8), 1);
	assert_int_equal(rig_count(f, COUNTER_BLOCKED), 4);
}

static void test_nxdomain_and_its_exception(void **state)
{
	struct rig *f = *state;

	rig_ask(f, &rig_udp, "blocked.example", RRTYPE_MX, true);
	assert_int_equal(rig_flags(f), 0x8183);
	assert_int_equal(rig_u16(f, 8), 1);
	assert_int_equal(rig_ede(f), EDE_CENSORED);
	rig_ask(f, &rig_udp, "blocked.example", RRTYPE_A, false);
	assert_int_equal(rig_u16(f, 10), 0); /* no OPT unasked */
	/* an allowed child: NXDOMAIN would deny it too (RFC 8020) */
	rig_ask(f, &rig_udp, "parent.example", RRTYPE_A, false);
	assert_int_equal(rig_flags(f), 0x8180);
	assert_int_equal(rig_u16(f, 8), 1);
	rig_ask(f, &rig_udp, "other.parent.example", RRTYPE_A, false);
	assert_int_equal(rig_flags(f), 0x8183);
}

static void test_refused_and_drop(void **state)
{
	struct rig *f = *state;

	rig_ask(f, &rig_udp, "www.refused.example", RRTYPE_A, true);
	assert_int_equal(rig_flags(f), 0x8185);
	assert_int_equal(rig_ede(f), EDE_BLOCKED);
	rig_ask(f, &rig_udp, "drop.example", RRTYPE_A, true);
	assert_int_equal(f->sent_len, 0);
	assert_int_equal(f->dropped_count, 1);
	assert_int_equal(rig_count(f, COUNTER_BLOCKED), 2);
}

static void test_strangers_are_refused(void **state)
{
	struct rig *f = *state;
	static const uint8_t query[] = {0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 'a', 0, 0, 1, 0, 1};

	rig_run(f, &rig_udp, "192.0.2.1", query, sizeof(query));
	assert_int_equal(rig_flags(f), 0x8185);
	assert_int_equal(rig_count(f, COUNTER_REFUSED), 1);
	assert_int_equal(rig_count(f, COUNTER_TOTAL), 1);
}

static void test_garbage_is_dropped(void **state)
{
	struct rig *f = *state;
	static const uint8_t response[] = {0, 1, 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0, 1, 'a', 0, 0, 1, 0, 1};

	rig_run(f, &rig_udp, "127.0.0.1", response, sizeof(response));
	rig_run(f, &rig_udp, "127.0.0.1", response, 11);
	assert_int_equal(f->sent_len, 0);
	assert_int_equal(rig_count(f, COUNTER_DROPPED), 2);
}

static void test_meta_types(void **state)
{
	struct rig *f = *state;
	static const struct {
		uint16_t type;
		unsigned rcode;
	} cases[] = {{0, RCODE_FORMERR},	   {RRTYPE_OPT, RCODE_FORMERR},	 {RRTYPE_NXNAME, RCODE_FORMERR},
		     {RRTYPE_AXFR, RCODE_REFUSED}, {RRTYPE_IXFR, RCODE_REFUSED}, {RRTYPE_TKEY, RCODE_REFUSED},
		     {RRTYPE_TSIG, RCODE_REFUSED}, {RRTYPE_MAILA, RCODE_NOTIMP}, {RRTYPE_MAILB, RCODE_NOTIMP}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		rig_ask(f, &rig_udp, "free.example", cases[i].type, true);
		assert_int_equal(rig_flags(f) & MSG_RCODE, cases[i].rcode);
	}
	/* RFC 8482, and that it is ours to answer */
	rig_ask(f, &rig_udp, "free.example", RRTYPE_ANY, false);
	assert_int_equal(rig_flags(f), 0x8180);
	assert_int_equal(rig_u16(f, 6), 1);
	assert_int_equal(rig_count(f, COUNTER_LOCAL), 1);
}

/* Store an answer of one CNAME to target and see what a client gets. */
static void cache_cname(struct rig *f, const char *owner, const char *target)
{
	uint8_t body[600];
	struct wr w = wr_init(body, sizeof(body));
	struct name o, t;
	struct err err;

	assert_true(name_from_text(str_from(owner), &o, &err) && name_from_text(str_from(target), &t, &err));
	wr_u16(&w, 0xc00c);
	wr_u16(&w, RRTYPE_CNAME);
	wr_u16(&w, RRCLASS_IN);
	wr_u32(&w, 300);
	wr_u16(&w, t.len);
	struct response r = {.ancount = 1, .ttl_count = 1, .target_count = 1, .ttl_s = 300, .body = body};
	const uint16_t ttl_pos[] = {6}, targets[] = {(uint16_t)w.pos};
	r.ttl_pos = ttl_pos;
	r.targets = targets;
	name_write(&w, &t);
	r.body_len = (uint32_t)w.pos;
	struct cache_key key = rig_key(f, &o, RRTYPE_A);
	assert_true(service_begin_batch(f->service));
	cache_put(f->service->reader, &key, f->service->now_ms - f->cached_since_ms, &r);
	service_end_batch(f->service);
}

static void test_cached_and_cloaked(void **state)
{
	struct rig *f = *state;

	cache_cname(f, "free.example", "other.example");
	rig_ask(f, &rig_udp, "FREE.example", RRTYPE_A, true);
	assert_int_equal(rig_flags(f), 0x8180);
	assert_int_equal(rig_u16(f, 6), 1);
	assert_int_equal(rig_count(f, COUNTER_CACHED), 1);
	cache_cname(f, "cloaked.example", "x.blocked.example");
	rig_ask(f, &rig_udp, "cloaked.example", RRTYPE_A, true);
	assert_int_equal(rig_flags(f), 0x8183);
	assert_int_equal(rig_u16(f, 6), 0); /* the chain is not shown */
	assert_int_equal(rig_ede(f), EDE_CENSORED);
	assert_int_equal(rig_count(f, COUNTER_BLOCKED), 1);
	/* an allow entry for the name asked holds for its chain */
	cache_cname(f, "www.child.parent.example", "x.blocked.example");
	rig_ask(f, &rig_udp, "www.child.parent.example", RRTYPE_A, true);
	assert_int_equal(rig_u16(f, 6), 1);
	assert_int_equal(rig_count(f, COUNTER_CACHED), 2);
}

static void test_truncation(void **state)
{
	struct rig *f = *state;
	static uint8_t body[3000];
	struct wr w = wr_init(body, sizeof(body));
	struct name n;
	struct err err;
	uint16_t ttl_pos[100];
	struct response r = {.ttl_s = 300, .ttl_pos = ttl_pos, .body = body};

	assert_true(name_from_text(str_from("big.example"), &n, &err));
	for (int i = 0; i < 100; i++) {
		wr_u16(&w, 0xc00c);
		wr_u16(&w, RRTYPE_A);
		wr_u16(&w, RRCLASS_IN);
		ttl_pos[r.ttl_count++] = (uint16_t)w.pos;
		wr_u32(&w, 300);
		wr_u16(&w, 4);
		wr_u32(&w, 0xc0000201);
	}
	r.ancount = 100;
	r.body_len = (uint32_t)w.pos;
	struct cache_key key = rig_key(f, &n, RRTYPE_A);
	assert_true(service_begin_batch(f->service));
	cache_put(f->service->reader, &key, f->service->now_ms, &r);
	service_end_batch(f->service);
	/* 12 + 17 + 1600 bytes: too big for either UDP limit; header, question and OPT alone are sent */
	rig_ask(f, &rig_udp, "big.example", RRTYPE_A, false);
	assert_int_equal(rig_flags(f), 0x8380);
	assert_int_equal(f->sent_len, 12 + 13 + 4);
	rig_ask(f, &rig_udp, "big.example", RRTYPE_A, true);
	assert_int_equal(rig_flags(f), 0x8380);
	assert_int_equal(f->sent_len, 12 + 13 + 4 + 11);
	rig_ask(f, &rig_tcp, "big.example", RRTYPE_A, true);
	assert_int_equal(rig_flags(f), 0x8180);
	assert_int_equal(rig_u16(f, 6), 100);
	assert_int_equal(f->sent_len, 12 + 13 + 4 + 1600 + 11);
}

static void test_no_recursion_desired(void **state)
{
	struct rig *f = *state;
	uint8_t query[] = {0,	1,   0, 0,   0,	  1,   0,   0,	 0,   0,   0, 0, 4, 'f', 'r',
			   'e', 'e', 7, 'e', 'x', 'a', 'm', 'p', 'l', 'e', 0, 0, 1, 0,	 1};

	rig_run(f, &rig_udp, "127.0.0.1", query, sizeof(query));
	assert_int_equal(rig_flags(f), 0x8085);
	cache_cname(f, "free.example", "other.example");
	rig_run(f, &rig_udp, "127.0.0.1", query, sizeof(query));
	assert_int_equal(rig_flags(f), 0x8080);
}

/* An answer in its last tenth, asked for often enough, is asked for anew; not for who may not make us ask. */
static void test_no_recursion_desired_no_prefetch(void **state)
{
	struct rig *f = *state;
	uint8_t query[] = {0,	1,   0, 0,   0,	  1,   0,   0,	 0,   0,   0, 0, 4, 'f', 'r',
			   'e', 'e', 7, 'e', 'x', 'a', 'm', 'p', 'l', 'e', 0, 0, 1, 0,	 1};
	struct name name;
	struct err err;

	cache_configure(f->cache, &(struct cache_config){.size_bytes = 1 << 20, .max_ttl_s = 86400, .prefetch = true});
	f->cached_since_ms = 295000;
	cache_cname(f, "free.example", "other.example");
	for (int i = 0; i < 4; i++)
		rig_run(f, &rig_udp, "127.0.0.1", query, sizeof(query));
	assert_int_equal(rig_count(f, COUNTER_CACHED), 4);
	assert_true(name_from_text(str_from("free.example"), &name, &err));
	struct cache_key key = rig_key(f, &name, RRTYPE_A);
	assert_int_equal(inflight_join(f->inflight, &key, NULL), INFLIGHT_OWNER); /* nobody asks */
	assert_int_equal(rig_count(f, COUNTER_PREFETCHED), 0);
	/* nor was it used up for who may */
	struct response r;
	assert_true(service_begin_batch(f->service));
	assert_int_equal(cache_get(f->service->reader, &key, f->service->now_ms, &r), CACHE_PREFETCH);
	service_end_batch(f->service);
}

/* Policy is asked again when a parked question's answer comes; the question is shadowed once all the same. */
static void test_shadowed_once(void **state)
{
	struct rig *f = *state;
	struct name name;
	struct err err;

	assert_true(name_from_text(str_from("watched.example"), &name, &err));
	struct cache_key key = rig_key(f, &name, RRTYPE_A);
	assert_int_equal(inflight_join(f->inflight, &key, NULL), INFLIGHT_OWNER); /* another worker asks */
	rig_ask(f, &rig_udp, "watched.example", RRTYPE_A, false);
	assert_int_equal(f->sent_count, 0);
	assert_int_equal(rig_count(f, COUNTER_SHADOWED), 1);
	struct inflight_waiter *waiters;
	assert_int_equal(inflight_take(f->inflight, &key, &waiters), 1);
	struct outcome *outcome = outcome_create(POOL_TIMEOUT, NULL);
	assert_non_null(outcome);
	assert_true(mailbox_post(f->service->mailbox, &waiters[0], outcome));
	outcome_unref(outcome);
	free(waiters);
	assert_true(service_begin_batch(f->service));
	service_drain(f->service);
	service_end_batch(f->service);
	assert_int_equal(f->sent_count, 1);
	assert_int_equal(rig_count(f, COUNTER_FAILED), 1);
	assert_int_equal(rig_count(f, COUNTER_SHADOWED), 1);
}

/* Every query counts once in the total and once in exactly one of the others. */
static void test_sum(void **state)
{
	struct rig *f = *state;

	test_null_answer(state);
	test_meta_types(state);
	test_garbage_is_dropped(state);
	uint64_t sum = 0;
	for (int i = COUNTER_BLOCKED; i <= COUNTER_FAILED; i++)
		sum += rig_count(f, (enum counter)i);
	assert_int_equal(sum, rig_count(f, COUNTER_TOTAL));
	assert_int_equal(atomic_load(&f->counters->list_blocked[1]), 4); /* null-list */
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(test_golden),
	    TEST(test_null_answer),
	    TEST(test_nxdomain_and_its_exception),
	    TEST(test_refused_and_drop),
	    TEST(test_strangers_are_refused),
	    TEST(test_garbage_is_dropped),
	    TEST(test_meta_types),
	    TEST(test_cached_and_cloaked),
	    TEST(test_truncation),
	    TEST(test_no_recursion_desired),
	    TEST(test_no_recursion_desired_no_prefetch),
	    TEST(test_shadowed_once),
	    TEST(test_sum),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
