/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Random calls against a reference that remembers what was last put under each key: a get gives that or nothing. Several readers,
 * some of which stay inside and hold what they borrowed; few hashes for many keys, so that slots and tags collide all the time. */
#include "rig.h"

#define KEYS 3000
#define READERS 4
#define HELD 32
#define STEPS 200000

struct kept {
	bool is_there; /* it may be in the cache, and is this if it is */
	unsigned seed;
	size_t body_len;
	int64_t stored_ms;
	uint32_t ttl_s;
};

struct held {
	struct response response;
	unsigned seed;
	size_t body_len;
};

struct hand {
	struct cache_reader *reader;
	bool inside;
	unsigned count;
	struct held held[HELD];
};

struct world {
	struct cache_config config;
	struct cache *cache;
	struct hand hands[READERS];
	struct kept kept[KEYS];
	int64_t now_ms;
	uint64_t random;
	unsigned hits, puts;
};

static unsigned below(struct world *w, unsigned bound)
{
	w->random ^= w->random << 13;
	w->random ^= w->random >> 7;
	w->random ^= w->random << 17;
	return (unsigned)(w->random >> 20) % bound;
}

/* A third of the keys share 40 hashes, of which some differ in few bits only. */
static struct cache_key key_number(const struct world *w, const struct name *n, unsigned i)
{
	struct cache_key key = key_of(w->cache, n);
	if (i % 3 == 0)
		key.hash = (uint64_t)(i % 8) << 31 | (uint64_t)(i % 5) << 33 | 1;
	return key;
}

static size_t some_len(struct world *w)
{
	switch (below(w, 40)) {
	case 0:
		return below(w, UINT16_MAX + 1);
	case 1:
	case 2:
	case 3:
		return below(w, 2000);
	default:
		return below(w, 200);
	}
}

static void do_put(struct world *w, struct hand *h, unsigned i)
{
	static struct sample s;
	struct name n = name_number(i);
	struct cache_key key = key_number(w, &n, i);
	struct kept k = {.is_there = true, .seed = below(w, 1000), .body_len = some_len(w), .stored_ms = w->now_ms};
	k.ttl_s = below(w, 30);
	sample_make(&s, k.seed, k.ttl_s, k.body_len);
	s.response.uncached = below(w, 20) == 0;
	k.is_there = !s.response.uncached && k.ttl_s > 0;
	cache_put(h->reader, &key, w->now_ms, &s.response);
	w->kept[i] = k;
	w->puts++;
}

static void do_get(struct world *w, struct hand *h, unsigned i)
{
	struct name n = name_number(i);
	struct cache_key key = key_number(w, &n, i);
	const struct kept *k = &w->kept[i];
	struct held held = {.seed = k->seed, .body_len = k->body_len};
	if (!h->inside) {
		cache_enter(h->reader);
		h->inside = true;
	}
	cache_fetch(w->cache, key.hash);
	cache_fetch_entry(w->cache, key.hash);
	enum cache_find find = cache_get(h->reader, &key, w->now_ms, &held.response);
	if (find == CACHE_MISS)
		return;
	w->hits++;
	int64_t age_s = (w->now_ms - k->stored_ms) / 1000;
	assert_true(k->is_there);
	assert_true(sample_is(&held.response, k->seed, k->body_len));
	assert_int_equal(held.response.age_s, age_s);
	assert_int_equal(find == CACHE_STALE, age_s >= k->ttl_s);
	assert_true(age_s < (int64_t)k->ttl_s + w->config.serve_stale_s);
	assert_int_equal(held.response.ttl_s, find == CACHE_STALE ? 0 : k->ttl_s - age_s);
	h->held[h->count++ % HELD] = held;
}

static void do_leave(struct hand *h)
{
	for (unsigned i = 0; i < h->count && i < HELD; i++)
		assert_true(sample_is(&h->held[i].response, h->held[i].seed, h->held[i].body_len));
	h->count = 0;
	if (h->inside)
		cache_leave(h->reader);
	h->inside = false;
}

static void do_flush(struct world *w, unsigned i)
{
	struct name n = name_number(i);
	if (below(w, 20) == 0) {
		(void)cache_flush(w->cache, NULL, false);
		for (unsigned j = 0; j < KEYS; j++)
			w->kept[j].is_there = false;
		return;
	}
	assert_true(cache_flush(w->cache, &n, below(w, 2) == 0) <= (w->kept[i].is_there ? 1 : 0));
	w->kept[i].is_there = false;
}

static void do_configure(struct world *w)
{
	static const uint64_t sizes[] = {100 * 1024, 300 * 1024, 2 * 1024 * 1024, 3 * 1024 * 1024, 0};
	w->config.size_bytes = sizes[below(w, ARRAY_LEN(sizes))];
	w->config.serve_stale_s = below(w, 3) * 5;
	cache_configure(w->cache, &w->config);
}

static void step(struct world *w)
{
	struct hand *h = &w->hands[below(w, READERS)];
	/* most calls go to few keys */
	unsigned i = below(w, 3) == 0 ? below(w, KEYS) : below(w, 100);
	unsigned what = below(w, 1000);
	w->now_ms += below(w, 3);
	if (what < 350)
		do_put(w, h, i);
	else if (what < 900)
		do_get(w, h, i);
	else if (what < 990)
		do_leave(h);
	else if (what < 998) /* who changes the cache waits for who is inside: all leave, so that this test does not */
		do_flush(w, i);
	else if (below(w, 20) == 0) {
		for (unsigned j = 0; j < READERS; j++)
			do_leave(&w->hands[j]);
		do_configure(w);
	}
}

static void what_comes_is_what_was_put_last(void **state)
{
	(void)state;
	static struct world w;
	w = (struct world){.config = usual, .random = 0x123456789abcdef1, .now_ms = 5000};
	w.config.size_bytes = 300 * 1024;
	w.cache = cache_create(&w.config);
	for (unsigned i = 0; i < READERS; i++)
		w.hands[i].reader = cache_reader_create(w.cache);
	for (unsigned i = 0; i < STEPS; i++) {
		step(&w);
		if (i % 100 != 0)
			continue;
		struct cache_stats s;
		cache_stats(w.cache, &s);
		assert_true(s.entries <= KEYS);
	}
	assert_true(w.hits > STEPS / 10 && w.puts > STEPS / 10);
	for (unsigned i = 0; i < READERS; i++) {
		do_leave(&w.hands[i]);
		cache_reader_destroy(w.hands[i].reader);
	}
	cache_destroy(w.cache);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(what_comes_is_what_was_put_last)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
