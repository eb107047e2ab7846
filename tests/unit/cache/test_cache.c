/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <malloc.h>
#include <stdio.h>
#include <string.h>

#include "base/base.h"
#include "base/str.h"
#include "cache/cache.h"
#include "cache/shard.h"
#include "wire/rrtype.h"

static const struct cache_config usual = {.size_bytes = 1024 * 1024,
					  .min_ttl_s = 0,
					  .max_ttl_s = 86400,
					  .max_negative_ttl_s = 3600,
					  .serve_stale_s = 100,
					  .prefetch = true};

static uint8_t in_body[65535], out_body[65535];

static struct name name_of(const char *text)
{
	struct name n;
	struct err err;
	assert_true(name_from_text(str_from(text), &n, &err));
	return n;
}

static struct cache_key key_of(const struct name *n)
{
	return (struct cache_key){.name = n, .type = RRTYPE_A, .class = RRCLASS_IN};
}

/* A response of body_len bytes with one TTL at 10 and one target at 20. */
static struct response response_of(uint32_t ttl_s, size_t body_len)
{
	struct response r = {.flags = 0x23,
			     .ancount = 1,
			     .nscount = 2,
			     .ttl_s = ttl_s,
			     .body_len = body_len,
			     .body = in_body,
			     .body_cap = sizeof(in_body)};
	for (size_t i = 0; i < body_len; i++)
		in_body[i] = (uint8_t)(i * 7 + body_len);
	if (body_len >= 32) {
		r.ttl_count = 1;
		r.ttl_pos[0] = 10;
		in_body[10] = (uint8_t)(ttl_s >> 24);
		in_body[11] = (uint8_t)(ttl_s >> 16);
		in_body[12] = (uint8_t)(ttl_s >> 8);
		in_body[13] = (uint8_t)ttl_s;
		r.target_count = 1;
		r.targets[0].pos = 20;
	}
	return r;
}

static struct response out(void)
{
	return (struct response){.body = out_body, .body_cap = sizeof(out_body)};
}

static uint32_t ttl_in_body(const struct response *r)
{
	const uint8_t *p = r->body + r->ttl_pos[0];
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void put(struct cache *c, const char *text, bool negative, int64_t now_ms, uint32_t ttl_s, size_t body_len)
{
	struct name n = name_of(text);
	struct cache_key k = key_of(&n);
	struct response r = response_of(ttl_s, body_len);
	cache_put(c, &k, negative, now_ms, &r);
}

static enum cache_find get(struct cache *c, const char *text, int64_t now_ms, struct response *ret)
{
	struct name n = name_of(text);
	struct cache_key k = key_of(&n);
	*ret = out();
	return cache_get(c, &k, now_ms, ret);
}

static uint64_t entries(struct cache *c)
{
	struct cache_stats s;
	cache_stats(c, &s);
	return s.entries;
}

static void what_is_put_comes_back(void **state)
{
	(void)state;
	struct cache *c = cache_create(&usual);
	struct response r;
	assert_int_equal(get(c, "a.example", 1000, &r), CACHE_MISS);
	put(c, "a.example", false, 1000, 300, 100);
	assert_int_equal(get(c, "a.example", 1000, &r), CACHE_FRESH);
	struct response want = response_of(300, 100);
	assert_int_equal(r.flags, 0x23);
	assert_int_equal(r.ancount, 1);
	assert_int_equal(r.nscount, 2);
	assert_int_equal(r.arcount, 0);
	assert_int_equal(r.ttl_count, 1);
	assert_int_equal(r.ttl_pos[0], 10);
	assert_int_equal(r.target_count, 1);
	assert_int_equal(r.targets[0].pos, 20);
	assert_int_equal(r.ttl_s, 300);
	assert_int_equal(r.age_s, 0);
	assert_int_equal(r.body_len, want.body_len);
	assert_memory_equal(r.body, want.body, want.body_len);
	/* an empty body is an answer too */
	put(c, "empty.example", true, 1000, 60, 0);
	assert_int_equal(get(c, "empty.example", 1000, &r), CACHE_FRESH);
	assert_int_equal(r.body_len, 0);
	cache_destroy(c);
}

static void every_part_of_the_key_counts(void **state)
{
	(void)state;
	struct cache *c = cache_create(&usual);
	struct name n = name_of("a.example"), other = name_of("b.example");
	struct cache_key k = key_of(&n), x;
	struct response r = response_of(300, 64), o = out();
	cache_put(c, &k, false, 0, &r);
	x = k, x.type = RRTYPE_AAAA;
	assert_int_equal(cache_get(c, &x, 0, &o), CACHE_MISS);
	x = k, x.class = RRCLASS_CH;
	assert_int_equal(cache_get(c, &x, 0, &o), CACHE_MISS);
	x = k, x.dnssec_ok = true;
	assert_int_equal(cache_get(c, &x, 0, &o), CACHE_MISS);
	x = k, x.checking_disabled = true;
	assert_int_equal(cache_get(c, &x, 0, &o), CACHE_MISS);
	x = k, x.name = &other;
	assert_int_equal(cache_get(c, &x, 0, &o), CACHE_MISS);
	assert_int_equal(cache_get(c, &k, 0, &o), CACHE_FRESH);
	cache_destroy(c);
}

static void answers_age_go_stale_and_end(void **state)
{
	(void)state;
	struct cache *c = cache_create(&usual);
	struct response r;
	put(c, "a.example", false, 10000, 30, 64);
	assert_int_equal(get(c, "a.example", 13999, &r), CACHE_FRESH);
	assert_int_equal(r.age_s, 3);
	assert_int_equal(r.ttl_s, 27);
	assert_int_equal(get(c, "a.example", 9000, &r), CACHE_FRESH); /* a clock read earlier */
	assert_int_equal(r.age_s, 0);
	assert_int_equal(get(c, "a.example", 10000 + 30000, &r), CACHE_STALE);
	assert_int_equal(r.ttl_s, 0);
	assert_int_equal(r.age_s, 30);
	assert_int_equal(get(c, "a.example", 10000 + 129999, &r), CACHE_STALE);
	assert_int_equal(entries(c), 1);
	assert_int_equal(get(c, "a.example", 10000 + 130000, &r), CACHE_MISS);
	assert_int_equal(entries(c), 0);
	cache_destroy(c);

	struct cache_config config = usual;
	config.serve_stale_s = 0;
	c = cache_create(&config);
	put(c, "a.example", false, 0, 30, 64);
	assert_int_equal(get(c, "a.example", 29999, &r), CACHE_FRESH);
	assert_int_equal(get(c, "a.example", 30000, &r), CACHE_MISS);
	cache_destroy(c);
}

static void ttls_are_clamped(void **state)
{
	(void)state;
	struct cache_config config = usual;
	config.min_ttl_s = 60;
	config.max_ttl_s = 600;
	config.max_negative_ttl_s = 30;
	struct cache *c = cache_create(&config);
	struct response r;
	put(c, "long.example", false, 0, 86400, 64);
	assert_int_equal(get(c, "long.example", 0, &r), CACHE_FRESH);
	assert_int_equal(r.ttl_s, 600);
	assert_int_equal(ttl_in_body(&r), 600);
	put(c, "short.example", false, 0, 5, 64);
	assert_int_equal(get(c, "short.example", 0, &r), CACHE_FRESH);
	assert_int_equal(r.ttl_s, 60);
	assert_int_equal(ttl_in_body(&r), 60);
	put(c, "denied.example", true, 0, 900, 64);
	assert_int_equal(get(c, "denied.example", 0, &r), CACHE_FRESH);
	assert_int_equal(r.ttl_s, 30); /* min-ttl does not lengthen a denial beyond its own limit */
	put(c, "within.example", false, 0, 120, 64);
	assert_int_equal(get(c, "within.example", 0, &r), CACHE_FRESH);
	assert_int_equal(r.ttl_s, 120);
	assert_int_equal(ttl_in_body(&r), 120);
	cache_destroy(c);

	config = usual;
	config.max_negative_ttl_s = 0;
	c = cache_create(&config);
	put(c, "zero.example", false, 0, 0, 64);
	assert_int_equal(get(c, "zero.example", 0, &r), CACHE_MISS);
	put(c, "denied.example", true, 0, 900, 64); /* denials are not kept at all */
	assert_int_equal(get(c, "denied.example", 0, &r), CACHE_MISS);
	assert_int_equal(entries(c), 0);
	cache_destroy(c);
}

static void a_new_answer_replaces(void **state)
{
	(void)state;
	struct cache *c = cache_create(&usual);
	struct response r;
	put(c, "a.example", false, 0, 100, 64);
	put(c, "a.example", false, 5000, 200, 80);
	assert_int_equal(entries(c), 1);
	assert_int_equal(get(c, "a.example", 5000, &r), CACHE_FRESH);
	assert_int_equal(r.body_len, 80);
	assert_int_equal(r.ttl_s, 200);
	put(c, "a.example", false, 6000, 0, 64); /* not to be kept: but the old one is no longer true */
	assert_int_equal(get(c, "a.example", 6000, &r), CACHE_MISS);
	cache_destroy(c);
}

static void what_does_not_fit_is_refused(void **state)
{
	(void)state;
	struct cache_config config = usual;
	config.size_bytes = 128 * 1024; /* shards of a little under 8 KiB */
	struct cache *c = cache_create(&config);
	struct response r;
	put(c, "small.example", false, 0, 100, 1000);
	assert_int_equal(get(c, "small.example", 0, &r), CACHE_FRESH);
	put(c, "large.example", false, 0, 100, 60000);
	assert_int_equal(get(c, "large.example", 0, &r), CACHE_MISS);
	assert_int_equal(get(c, "small.example", 0, &r), CACHE_FRESH); /* nothing was evicted for it */

	struct name n = name_of("small.example");
	struct cache_key k = key_of(&n);
	r = out();
	r.body_cap = 999;
	assert_int_equal(cache_get(c, &k, 0, &r), CACHE_MISS);

	struct response bad = response_of(100, 64);
	bad.ttl_pos[0] = 61; /* its last byte lies outside */
	uint64_t bugs = base_bugs();
	cache_put(c, &k, false, 0, &bad);
	assert_int_equal(base_bugs(), bugs + 1);
	bad = response_of(100, 64);
	bad.targets[0].pos = 64;
	cache_put(c, &k, false, 0, &bad);
	bad = response_of(100, 64);
	bad.ttl_count = CACHE_TTL_MAX_COUNT + 1;
	cache_put(c, &k, false, 0, &bad);
	assert_int_equal(base_bugs(), bugs + 3);
	cache_destroy(c);
}

static void prefetch_is_said_once_to_the_hot(void **state)
{
	(void)state;
	struct cache *c = cache_create(&usual);
	struct response r;
	put(c, "hot.example", false, 0, 100, 64);
	assert_int_equal(get(c, "hot.example", 91000, &r), CACHE_FRESH); /* the first hit: not hot yet */
	assert_int_equal(get(c, "hot.example", 89000, &r), CACHE_FRESH); /* hot, but not near its end */
	assert_int_equal(get(c, "hot.example", 90000, &r), CACHE_FRESH); /* exactly a tenth is left: not less */
	assert_int_equal(get(c, "hot.example", 90001, &r), CACHE_PREFETCH);
	assert_int_equal(r.ttl_s, 10);
	assert_int_equal(get(c, "hot.example", 95000, &r), CACHE_FRESH);
	put(c, "hot.example", false, 96000, 100, 64); /* a new life: hits count anew */
	assert_int_equal(get(c, "hot.example", 195000, &r), CACHE_FRESH);
	assert_int_equal(get(c, "hot.example", 195000, &r), CACHE_PREFETCH);
	cache_destroy(c);

	struct cache_config config = usual;
	config.prefetch = false;
	c = cache_create(&config);
	put(c, "hot.example", false, 0, 100, 64);
	for (int i = 0; i < 5; i++)
		assert_int_equal(get(c, "hot.example", 99000, &r), CACHE_FRESH);
	cache_destroy(c);
}

static size_t heap(void)
{
	struct mallinfo2 m = mallinfo2(); /* all zero under a sanitizer's own malloc */
	return m.uordblks + m.hblkhd;
}

static void the_bound_is_hard(void **state)
{
	(void)state;
	static const uint64_t sizes[] = {32 * 1024, 256 * 1024, 4 * 1024 * 1024};
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		struct cache_config config = usual;
		config.size_bytes = sizes[i];
		size_t before = heap();
		struct cache *c = cache_create(&config);
		struct cache_stats s;
		for (unsigned j = 0; j < 30000; j++) {
			char text[64];
			(void)snprintf(text, sizeof(text), "n%u.example", j);
			put(c, text, false, j, 1000, j * 37 % (j % 100 == 0 ? 60000 : 700));
			cache_stats(c, &s);
			assert_true(s.bytes <= sizes[i]);
		}
		/* what malloc itself says: it keeps some freed blocks back and counts them, so only a large cache tells */
		if (heap() != 0 && sizes[i] >= 4 * 1024 * 1024) {
			assert_true(heap() - before <= s.bytes + 256 * 1024);
			assert_true(heap() - before >= s.bytes - 512 * 1024);
		}
		assert_true(s.evictions > 0);
		assert_true(s.entries > 0);
		assert_int_equal(s.limit_bytes, sizes[i]);
		assert_int_equal(cache_flush(c, NULL, true), s.entries);
		cache_stats(c, &s);
		assert_int_equal(s.entries, 0);
		assert_true(s.bytes < sizes[i] / 4); /* tables only */
		cache_destroy(c);
	}
}

static void one_hit_names_do_not_push_hot_ones_out(void **state)
{
	(void)state;
	struct cache_config config = usual;
	config.size_bytes = 256 * 1024;
	struct cache *c = cache_create(&config);
	struct response r;
	char text[64];
	for (unsigned i = 0; i < 50; i++) {
		(void)snprintf(text, sizeof(text), "hot%u.example", i);
		put(c, text, false, 0, 10000, 64);
	}
	for (unsigned i = 0; i < 20000; i++) {
		if (i % 200 == 0) {
			for (unsigned h = 0; h < 50; h++) {
				(void)snprintf(text, sizeof(text), "hot%u.example", h);
				assert_int_equal(get(c, text, 0, &r), CACHE_FRESH);
			}
		}
		(void)snprintf(text, sizeof(text), "once%u.example", i);
		put(c, text, false, 0, 10000, 64);
	}
	struct cache_stats s;
	cache_stats(c, &s);
	assert_true(s.evictions > 10000);
	assert_int_equal(s.insertions, 20050);
	cache_destroy(c);
}

static void the_dead_go_before_the_living(void **state)
{
	(void)state;
	struct cache_config config = usual;
	config.size_bytes = 64 * 1024;
	config.serve_stale_s = 0;
	struct cache *c = cache_create(&config);
	struct response r;
	char text[64];
	for (unsigned i = 0; i < 1000; i++) { /* hit, so that their bit is set, but ended by the time room is wanted */
		(void)snprintf(text, sizeof(text), "dead%u.example", i);
		put(c, text, false, 0, 1, 64);
		(void)get(c, text, 0, &r);
	}
	for (unsigned i = 0; i < 40; i++) {
		(void)snprintf(text, sizeof(text), "live%u.example", i);
		put(c, text, false, 5000, 100, 64);
	}
	for (unsigned i = 0; i < 40; i++) {
		(void)snprintf(text, sizeof(text), "live%u.example", i);
		assert_int_equal(get(c, text, 5000, &r), CACHE_FRESH);
	}
	cache_destroy(c);
}

static void flush_takes_what_it_names(void **state)
{
	(void)state;
	static const char *const names[] = {"example.com", "www.example.com", "a.b.example.com", "xexample.com",
					    "com",	   "example.org"};
	struct cache *c = cache_create(&usual);
	struct response r;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		put(c, names[i], false, 0, 100, 64);
	struct name n = name_of("example.com");
	struct cache_key k = key_of(&n);
	k.type = RRTYPE_MX;
	struct response mx = response_of(100, 64);
	cache_put(c, &k, false, 0, &mx);
	assert_int_equal(cache_flush(c, &n, false), 2); /* both types of that name alone */
	assert_int_equal(get(c, "example.com", 0, &r), CACHE_MISS);
	assert_int_equal(get(c, "www.example.com", 0, &r), CACHE_FRESH);
	assert_int_equal(cache_flush(c, &n, true), 2);
	assert_int_equal(get(c, "a.b.example.com", 0, &r), CACHE_MISS);
	assert_int_equal(get(c, "xexample.com", 0, &r), CACHE_FRESH);
	assert_int_equal(get(c, "com", 0, &r), CACHE_FRESH);
	struct name root = name_of(".");
	assert_int_equal(cache_flush(c, &root, false), 0);
	assert_int_equal(cache_flush(c, &root, true), 3);
	assert_int_equal(entries(c), 0);
	cache_destroy(c);
}

/* The hand may stand at any entry when it is flushed or replaced. */
static void the_hand_outlives_what_it_points_to(void **state)
{
	(void)state;
	struct cache_config config = usual;
	config.size_bytes = 64 * 1024;
	struct cache *c = cache_create(&config);
	struct response r;
	char text[64];
	for (unsigned i = 0; i < 20000; i++) {
		(void)snprintf(text, sizeof(text), "n%u.example", i);
		put(c, text, false, 0, 1000, 64);
		if (i % 3 == 0)
			(void)get(c, text, 0, &r);
		(void)snprintf(text, sizeof(text), "n%u.example", i > 200 ? i - i % 200 : 0);
		struct name n = name_of(text);
		if (i % 7 == 0)
			(void)cache_flush(c, &n, false);
		else if (i % 11 == 0)
			put(c, text, false, 0, 1000, 64);
		if (i % 5000 == 4999)
			(void)cache_flush(c, NULL, true);
	}
	struct cache_stats s;
	cache_stats(c, &s);
	assert_true(s.evictions > 1000 && s.bytes <= config.size_bytes);
	cache_destroy(c);
}

static void malloc_is_counted_too(void **state)
{
	(void)state;
	assert_int_equal(shard_alloc_cost(1), 32);
	assert_int_equal(shard_alloc_cost(24), 32);
	assert_int_equal(shard_alloc_cost(25), 48);
	assert_int_equal(shard_alloc_cost(1000), 1008);
	assert_int_equal(shard_alloc_cost(1001), 1024);
	assert_int_equal(shard_alloc_cost(128 * 1024), 132 * 1024); /* whole pages, header included */
	for (size_t size = 1; size < 300000; size += 997) {
		assert_true(shard_alloc_cost(size) >= size + 8);
		assert_true(shard_alloc_cost(size) <= size + 8 + (size < 128 * 1024 ? 24 : 4096 + 8));
	}
}

static void limits_change_while_it_serves(void **state)
{
	(void)state;
	struct cache_config config = usual;
	struct cache *c = cache_create(&config);
	struct cache_stats s;
	struct response r;
	char text[64];
	for (unsigned i = 0; i < 1000; i++) {
		(void)snprintf(text, sizeof(text), "n%u.example", i);
		put(c, text, false, 0, 100, 100);
	}
	config.size_bytes = 16 * 1024 * 1024;
	cache_configure(c, &config);
	assert_int_equal(entries(c), 1000); /* growing loses nothing */
	for (unsigned i = 0; i < 1000; i++) {
		(void)snprintf(text, sizeof(text), "n%u.example", i);
		assert_int_equal(get(c, text, 0, &r), CACHE_FRESH);
	}
	config.size_bytes = 64 * 1024;
	cache_configure(c, &config);
	cache_stats(c, &s);
	assert_true(s.bytes <= 64 * 1024 && s.entries > 0 && s.entries < 1000);
	assert_int_equal(s.limit_bytes, 64 * 1024);
	config.size_bytes = 0;
	cache_configure(c, &config);
	cache_stats(c, &s);
	assert_int_equal(s.bytes, 0);
	assert_int_equal(s.entries, 0);
	put(c, "n1.example", false, 0, 100, 100);
	assert_int_equal(get(c, "n1.example", 0, &r), CACHE_MISS);
	config.size_bytes = 1024 * 1024;
	cache_configure(c, &config);
	put(c, "n1.example", false, 0, 100, 100);
	assert_int_equal(get(c, "n1.example", 0, &r), CACHE_FRESH);
	cache_destroy(c);

	config.size_bytes = 1; /* less than anything needs: as good as off, and never above */
	c = cache_create(&config);
	put(c, "n1.example", false, 0, 100, 100);
	cache_stats(c, &s);
	assert_int_equal(s.entries, 0);
	assert_int_equal(s.bytes, 0);
	cache_destroy(c);
	cache_destroy(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_put_comes_back),
	    cmocka_unit_test(every_part_of_the_key_counts),
	    cmocka_unit_test(answers_age_go_stale_and_end),
	    cmocka_unit_test(ttls_are_clamped),
	    cmocka_unit_test(a_new_answer_replaces),
	    cmocka_unit_test(what_does_not_fit_is_refused),
	    cmocka_unit_test(prefetch_is_said_once_to_the_hot),
	    cmocka_unit_test(the_bound_is_hard),
	    cmocka_unit_test(one_hit_names_do_not_push_hot_ones_out),
	    cmocka_unit_test(the_dead_go_before_the_living),
	    cmocka_unit_test(flush_takes_what_it_names),
	    cmocka_unit_test(the_hand_outlives_what_it_points_to),
	    cmocka_unit_test(malloc_is_counted_too),
	    cmocka_unit_test(limits_change_while_it_serves),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
