/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the cache promises to one who puts and gets. */
#include "rig.h"

#include <stdio.h>

#include "wire/msg.h"
#include "wire/rrtype.h"

static uint32_t ttl_in_body(const struct response *r)
{
	const uint8_t *p = r->body + r->ttl_pos[0];
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void put_denial(struct rig *rig, const char *text, uint32_t ttl_s)
{
	static struct sample s;
	struct name n = name_of(text);
	struct cache_key key = key_of(rig->cache, &n);
	sample_make(&s, 0, ttl_s, 64);
	s.response.negative = true;
	cache_put(rig->reader, &key, 0, &s.response);
}

static void what_is_put_comes_back(void **state)
{
	(void)state;
	struct rig rig;
	struct response r;
	rig_init(&rig, &usual);
	assert_int_equal(get(&rig, "a.example", 1000, &r), CACHE_MISS);
	put(&rig, "a.example", 1000, 300, 100);
	assert_int_equal(get(&rig, "a.example", 1000, &r), CACHE_FRESH);
	assert_true(sample_is(&r, 0, 100));
	assert_int_equal(ttl_in_body(&r), 300);
	assert_int_equal(r.ttl_s, 300);
	assert_int_equal(r.age_s, 0);
	put(&rig, "empty.example", 1000, 60, 0); /* an empty body is an answer too */
	assert_int_equal(get(&rig, "empty.example", 1000, &r), CACHE_FRESH);
	assert_true(sample_is(&r, 0, 0));
	put(&rig, ".", 1000, 60, 40);
	assert_int_equal(get(&rig, ".", 1000, &r), CACHE_FRESH);
	assert_true(sample_is(&r, 0, 40));
	rig_finish(&rig);
}

static void every_part_of_the_key_counts(void **state)
{
	(void)state;
	static struct sample s;
	struct rig rig;
	struct response r;
	rig_init(&rig, &usual);
	struct name n = name_of("a.example"), other = name_of("b.example");
	struct cache_key keys[6];
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		keys[i] = (struct cache_key){.name = &n, .type = RRTYPE_A, .class = RRCLASS_IN};
	keys[1].type = RRTYPE_AAAA;
	keys[2].class = RRCLASS_CH;
	keys[3].dnssec_ok = true;
	keys[4].checking_disabled = true;
	keys[5].name = &other;
	/* once with the hash that is theirs, once with one for all: strangers who share it do not share the answer */
	for (int same_hash = 0; same_hash < 2; same_hash++) {
		(void)cache_flush(rig.cache, NULL, true);
		for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
			cache_hash(rig.cache, &keys[i]);
			for (size_t j = 0; j < i && !same_hash; j++)
				assert_true(keys[i].hash != keys[j].hash);
			if (same_hash)
				keys[i].hash = 0x123456789abcdef0;
		}
		for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
			cache_enter(rig.reader);
			for (size_t j = 0; j < ARRAY_LEN(keys); j++) {
				assert_int_equal(cache_get(rig.reader, &keys[j], 0, &r), j < i ? CACHE_FRESH : CACHE_MISS);
				assert_true(j >= i || sample_is(&r, (unsigned)j, 64));
			}
			cache_leave(rig.reader);
			sample_make(&s, (unsigned)i, 300, 64);
			cache_put(rig.reader, &keys[i], 0, &s.response);
		}
	}
	rig_finish(&rig);
}

static void answers_age_go_stale_and_end(void **state)
{
	(void)state;
	struct rig rig;
	struct response r;
	struct cache_config config = usual;
	config.prefetch = false;
	rig_init(&rig, &config);
	put(&rig, "a.example", 10000, 30, 64);
	assert_int_equal(get(&rig, "a.example", 13999, &r), CACHE_FRESH);
	assert_int_equal(r.age_s, 3);
	assert_int_equal(r.ttl_s, 27);
	assert_int_equal(get(&rig, "a.example", 9000, &r), CACHE_FRESH); /* a clock read earlier */
	assert_int_equal(r.age_s, 0);
	assert_int_equal(r.ttl_s, 30);
	assert_int_equal(get(&rig, "a.example", 10000 + 30000, &r), CACHE_STALE);
	assert_int_equal(r.ttl_s, 0);
	assert_int_equal(r.age_s, 30);
	assert_int_equal(get(&rig, "a.example", 10000 + 129999, &r), CACHE_STALE);
	assert_int_equal(get(&rig, "a.example", 10000 + 130000, &r), CACHE_MISS);
	config.serve_stale_s = 200; /* holds at once */
	cache_configure(rig.cache, &config);
	assert_int_equal(get(&rig, "a.example", 10000 + 130000, &r), CACHE_STALE);
	config.serve_stale_s = 0;
	cache_configure(rig.cache, &config);
	assert_int_equal(get(&rig, "a.example", 10000 + 29999, &r), CACHE_FRESH);
	assert_int_equal(get(&rig, "a.example", 10000 + 30000, &r), CACHE_MISS);
	rig_finish(&rig);
}

static void ttls_are_clamped(void **state)
{
	(void)state;
	struct cache_config config = usual;
	config.min_ttl_s = 60;
	config.max_ttl_s = 600;
	config.max_negative_ttl_s = 30;
	struct rig rig;
	struct response r;
	rig_init(&rig, &config);
	static const struct {
		const char *name;
		uint32_t ttl_s, kept_s;
	} cases[] = {{"long.example", 86400, 600}, {"short.example", 5, 60}, {"within.example", 120, 120}, {"zero.example", 0, 60}};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		put(&rig, cases[i].name, 0, cases[i].ttl_s, 64);
		assert_int_equal(get(&rig, cases[i].name, 0, &r), CACHE_FRESH);
		assert_int_equal(r.ttl_s, cases[i].kept_s);
		assert_int_equal(ttl_in_body(&r), cases[i].kept_s);
	}
	put_denial(&rig, "denied.example", 900);
	assert_int_equal(get(&rig, "denied.example", 0, &r), CACHE_FRESH);
	assert_int_equal(r.ttl_s, 30); /* min-ttl does not lengthen a denial beyond its own limit */
	assert_int_equal(ttl_in_body(&r), 30);
	config = usual;
	config.max_negative_ttl_s = 0;
	cache_configure(rig.cache, &config);
	put(&rig, "none.example", 0, 0, 64);
	assert_int_equal(get(&rig, "none.example", 0, &r), CACHE_MISS);
	put_denial(&rig, "denied.example", 900); /* denials are not kept at all, nor is what was before */
	assert_int_equal(get(&rig, "denied.example", 0, &r), CACHE_MISS);
	rig_finish(&rig);
}

static void a_new_answer_replaces(void **state)
{
	(void)state;
	static struct sample s;
	struct rig rig;
	struct response r;
	rig_init(&rig, &usual);
	put(&rig, "a.example", 0, 100, 64);
	put(&rig, "a.example", 5000, 200, 80);
	assert_int_equal(stats_of(&rig).entries, 1);
	assert_int_equal(get(&rig, "a.example", 5000, &r), CACHE_FRESH);
	assert_int_equal(r.body_len, 80);
	assert_int_equal(r.ttl_s, 200);
	put(&rig, "a.example", 6000, 0, 64); /* not to be kept: but the old one is no longer true */
	assert_int_equal(get(&rig, "a.example", 6000, &r), CACHE_MISS);
	assert_int_equal(stats_of(&rig).entries, 0);
	put(&rig, "a.example", 0, 100, 64);
	struct name n = name_of("a.example");
	struct cache_key key = key_of(rig.cache, &n);
	sample_make(&s, 0, 100, 64);
	s.response.uncached = true;
	cache_put(rig.reader, &key, 0, &s.response);
	assert_int_equal(get(&rig, "a.example", 0, &r), CACHE_MISS);
	rig_finish(&rig);
}

static void what_does_not_fit_is_refused(void **state)
{
	(void)state;
	static struct sample s;
	struct cache_config config = usual;
	config.size_bytes = 128 * 1024;
	struct rig rig;
	struct response r;
	rig_init(&rig, &config);
	put(&rig, "small.example", 0, 100, 1000);
	put(&rig, "large.example", 0, 100, 60);
	put(&rig, "large.example", 0, 100, 60000);
	assert_int_equal(get(&rig, "large.example", 0, &r), CACHE_MISS);
	assert_int_equal(get(&rig, "small.example", 0, &r), CACHE_FRESH); /* nothing was evicted for it */
	assert_int_equal(stats_of(&rig).evictions, 0);
	assert_int_equal(stats_of(&rig).refused, 0); /* that counts who was refused for a while */

	struct name n = name_of("small.example");
	struct cache_key key = key_of(rig.cache, &n);
	uint64_t bugs = base_bugs();
	sample_make(&s, 0, 100, 64);
	s.ttl_pos[0] = 61; /* its last byte lies outside */
	cache_put(rig.reader, &key, 0, &s.response);
	assert_int_equal(base_bugs(), bugs + 1);
	sample_make(&s, 0, 100, 64);
	s.targets[0] = 64;
	cache_put(rig.reader, &key, 0, &s.response);
	sample_make(&s, 0, 100, 64);
	s.response.ttl_count = CACHE_TTL_MAX_COUNT + 1;
	cache_put(rig.reader, &key, 0, &s.response);
	sample_make(&s, 0, 100, 64);
	s.response.target_count = CACHE_TARGETS_MAX + 1;
	cache_put(rig.reader, &key, 0, &s.response);
	sample_make(&s, 0, 100, 64);
	s.response.body_len = UINT16_MAX + 1;
	cache_put(rig.reader, &key, 0, &s.response);
	assert_int_equal(base_bugs(), bugs + 5);
	assert_int_equal(cache_get(rig.reader, &key, 0, &r), CACHE_MISS); /* not inside: nothing may be borrowed */
	assert_int_equal(base_bugs(), bugs + 6);
	rig_finish(&rig);

	/* the largest answer there is, in the default cache */
	static uint16_t places[CACHE_TTL_MAX_COUNT];
	config.size_bytes = 64 * 1024 * 1024;
	rig_init(&rig, &config);
	key.hash = 0, cache_hash(rig.cache, &key);
	sample_make(&s, 0, 100, UINT16_MAX);
	s.response.ttl_count = CACHE_TTL_MAX_COUNT;
	s.response.ttl_pos = places;
	cache_put(rig.reader, &key, 0, &s.response);
	assert_int_equal(get(&rig, "small.example", 0, &r), CACHE_FRESH);
	assert_int_equal(r.body_len, UINT16_MAX);
	assert_memory_equal(r.body + 4, s.body + 4, UINT16_MAX - 4);
	rig_finish(&rig);
}

static void prefetch_is_said_once_to_the_hot(void **state)
{
	(void)state;
	struct rig rig;
	struct response r;
	rig_init(&rig, &usual);
	put(&rig, "hot.example", 0, 100, 64);
	assert_int_equal(get(&rig, "hot.example", 91000, &r), CACHE_FRESH); /* the first hit: not hot yet */
	assert_int_equal(get(&rig, "hot.example", 89000, &r), CACHE_FRESH); /* hot, but not near its end */
	assert_int_equal(get(&rig, "hot.example", 90000, &r), CACHE_FRESH); /* exactly a tenth is left: not less */
	assert_int_equal(get(&rig, "hot.example", 90001, &r), CACHE_PREFETCH);
	assert_int_equal(r.ttl_s, 10);
	assert_int_equal(get(&rig, "hot.example", 95000, &r), CACHE_FRESH);
	put(&rig, "hot.example", 96000, 100, 64); /* a new life: hits count anew */
	assert_int_equal(get(&rig, "hot.example", 195000, &r), CACHE_FRESH);
	assert_int_equal(get(&rig, "hot.example", 195000, &r), CACHE_PREFETCH);
	assert_int_equal(get(&rig, "hot.example", 196000, &r), CACHE_STALE);
	/* who may not have it asked for does not use the one time up, but makes it hot */
	put(&rig, "hot.example", 0, 100, 64);
	struct name n = name_of("hot.example");
	struct cache_key idle = key_of(rig.cache, &n);
	idle.no_prefetch = true;
	cache_enter(rig.reader);
	for (int i = 0; i < 5; i++)
		assert_int_equal(cache_get(rig.reader, &idle, 95000, &r), CACHE_FRESH);
	cache_leave(rig.reader);
	assert_int_equal(get(&rig, "hot.example", 95000, &r), CACHE_PREFETCH);
	assert_int_equal(get(&rig, "hot.example", 95000, &r), CACHE_FRESH);
	struct cache_config config = usual;
	config.prefetch = false;
	cache_configure(rig.cache, &config);
	put(&rig, "hot.example", 0, 100, 64);
	for (int i = 0; i < 5; i++)
		assert_int_equal(get(&rig, "hot.example", 99000, &r), CACHE_FRESH);
	rig_finish(&rig);
}

static void flush_takes_what_it_names(void **state)
{
	(void)state;
	static const char *const names[] = {"example.com", "www.example.com", "a.b.example.com", "xexample.com",
					    "com",	   "example.org"};
	static struct sample s;
	struct rig rig;
	struct response r;
	rig_init(&rig, &usual);
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		put(&rig, names[i], 0, 100, 64);
	struct name n = name_of("example.com");
	struct cache_key key = {.name = &n, .type = RRTYPE_MX, .class = RRCLASS_IN};
	cache_hash(rig.cache, &key);
	sample_make(&s, 0, 100, 64);
	cache_put(rig.reader, &key, 0, &s.response);
	assert_int_equal(cache_flush(rig.cache, &n, false), 2); /* both types of that name alone */
	assert_int_equal(get(&rig, "example.com", 0, &r), CACHE_MISS);
	assert_int_equal(get(&rig, "www.example.com", 0, &r), CACHE_FRESH);
	assert_int_equal(cache_flush(rig.cache, &n, true), 2);
	assert_int_equal(get(&rig, "a.b.example.com", 0, &r), CACHE_MISS);
	assert_int_equal(get(&rig, "xexample.com", 0, &r), CACHE_FRESH);
	assert_int_equal(get(&rig, "com", 0, &r), CACHE_FRESH);
	struct name root = name_of(".");
	assert_int_equal(cache_flush(rig.cache, &root, false), 0);
	assert_int_equal(cache_flush(rig.cache, &root, true), 3);
	assert_int_equal(stats_of(&rig).entries, 0);
	assert_int_equal(get(&rig, "com", 0, &r), CACHE_MISS);
	assert_int_equal(stats_of(&rig).evictions, 0);
	rig_finish(&rig);
}

/* What an answer says of the names its CNAMEs lead to goes with them, with their subtree. */
static void flush_takes_what_leads_there(void **state)
{
	(void)state;
	/* TTL, RDLENGTH, then the target: spelled out, or pointing into the question */
	static const uint8_t spelled[] = "\0\0\1\x2c\0\x0d\3WWW\3cdn\4Test"; /* and the root: the literal's own NUL */
	static const uint8_t pointing[] = {0, 0, 1, 44, 0, 6, 3, 'e', 'n', 'd', 0xc0, MSG_HEADER_LEN + 4};
	static uint8_t body[60000];
	static const uint16_t ttl_pos[] = {0}, near[] = {6}, far[] = {sizeof(body) - 20};
	struct rig rig;
	struct response r;
	rig_init(&rig, &usual);
	struct response answer = {
	    .ancount = 1, .ttl_count = 1, .target_count = 1, .ttl_s = 300, .ttl_pos = ttl_pos, .targets = near};
	struct name shop = name_of("www.shop.test"), zone = name_of("cdn.test"), end = name_of("end.shop.test"),
		    far_zone = name_of("x.test");
	struct cache_key key = key_of(rig.cache, &shop);
	for (int subtree = 0; subtree <= 1; subtree++) {
		answer.body = spelled;
		answer.body_len = sizeof(spelled);
		cache_put(rig.reader, &key, 0, &answer);
		assert_int_equal(cache_flush(rig.cache, &zone, subtree), subtree);
		assert_int_equal(get(&rig, "www.shop.test", 0, &r), subtree ? CACHE_MISS : CACHE_FRESH);
		answer.body = pointing;
		answer.body_len = sizeof(pointing);
		cache_put(rig.reader, &key, 0, &answer);
		assert_int_equal(cache_flush(rig.cache, &zone, subtree), 0);
		assert_int_equal(cache_flush(rig.cache, &end, subtree), subtree);
	}
	/* what is too far in to be looked at goes rather than stays */
	answer.body = body;
	answer.body_len = sizeof(body);
	answer.targets = far;
	cache_put(rig.reader, &key, 0, &answer);
	assert_int_equal(cache_flush(rig.cache, &far_zone, false), 0);
	assert_int_equal(cache_flush(rig.cache, &far_zone, true), 1);
	rig_finish(&rig);
}

static void fetching_is_only_a_hint(void **state)
{
	(void)state;
	struct cache_config config = usual;
	struct rig rig;
	struct response r;
	rig_init(&rig, &config);
	put(&rig, "a.example", 0, 100, 64);
	struct name n = name_of("a.example");
	struct cache_key key = key_of(rig.cache, &n);
	cache_enter(rig.reader);
	for (uint64_t i = 0; i < 64; i++) {
		cache_fetch(rig.cache, key.hash ^ (uint64_t)1 << i);
		cache_fetch_entry(rig.cache, key.hash ^ (uint64_t)1 << i);
	}
	cache_fetch(rig.cache, key.hash);
	cache_fetch_entry(rig.cache, key.hash);
	assert_int_equal(cache_get(rig.reader, &key, 0, &r), CACHE_FRESH);
	cache_leave(rig.reader);
	config.size_bytes = 0;
	cache_configure(rig.cache, &config);
	cache_enter(rig.reader);
	cache_fetch(rig.cache, key.hash);
	cache_fetch_entry(rig.cache, key.hash);
	assert_int_equal(cache_get(rig.reader, &key, 0, &r), CACHE_MISS);
	cache_leave(rig.reader);
	rig_finish(&rig);
	cache_reader_destroy(NULL);
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
	    cmocka_unit_test(flush_takes_what_it_names),
	    cmocka_unit_test(flush_takes_what_leads_there),
	    cmocka_unit_test(fetching_is_only_a_hint),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
