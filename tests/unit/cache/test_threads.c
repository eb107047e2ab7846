/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Many threads at one small cache, while it is flushed, measured and reconfigured: nothing torn comes out. Under ThreadSanitizer
 * this is also where a missing lock shows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/base.h"
#include "base/str.h"
#include "cache/cache.h"
#include "wire/rrtype.h"

#define THREADS 4
#define ROUNDS 20000
#define NAMES 500

struct job {
	struct cache *cache;
	const struct name *names;
	unsigned index;
	_Atomic unsigned *torn, *hits;
};

static unsigned next(unsigned *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

/* What is kept under name n: every byte says n, the length too. */
static size_t length_for(unsigned n)
{
	return 40 + n % 300;
}

static void *serve(void *arg)
{
	struct job *job = arg;
	unsigned seed = job->index;
	uint8_t in[400], out[400];
	for (unsigned i = 0; i < ROUNDS; i++) {
		unsigned n = next(&seed) % NAMES;
		struct cache_key key = {.name = &job->names[n], .type = RRTYPE_A, .class = RRCLASS_IN};
		struct response r = {.body = out, .body_cap = sizeof(out)};
		if (cache_get(job->cache, &key, i, &r) != CACHE_MISS) {
			atomic_fetch_add(job->hits, 1);
			bool good = r.body_len == length_for(n);
			for (size_t b = 0; good && b < r.body_len; b++)
				good = out[b] == (uint8_t)n;
			if (!good)
				atomic_fetch_add(job->torn, 1);
			continue;
		}
		r = (struct response){.body = in, .body_cap = sizeof(in), .body_len = length_for(n), .ttl_s = 1000};
		memset(in, (int)(uint8_t)n, r.body_len);
		cache_put(job->cache, &key, false, i, &r);
	}
	return NULL;
}

static void *administer(void *arg)
{
	struct job *job = arg;
	struct cache_config config = {.max_ttl_s = 86400, .max_negative_ttl_s = 60, .serve_stale_s = 10, .prefetch = true};
	for (unsigned i = 0; i < 300; i++) {
		struct cache_stats s;
		cache_stats(job->cache, &s);
		if (i % 10 == 0) {
			config.size_bytes = i % 20 == 0 ? 96 * 1024 : 256 * 1024;
			cache_configure(job->cache, &config);
			cache_stats(job->cache, &s);
			if (s.bytes > config.size_bytes)
				atomic_fetch_add(job->torn, 1);
		}
		(void)cache_flush(job->cache, &job->names[i % NAMES], i % 2 == 0);
		if (i % 50 == 0)
			(void)cache_flush(job->cache, NULL, true);
	}
	return NULL;
}

static void nothing_torn(void **state)
{
	(void)state;
	static struct name names[NAMES];
	for (unsigned i = 0; i < NAMES; i++) {
		char text[32];
		struct err err;
		(void)snprintf(text, sizeof(text), "n%u.example", i);
		assert_true(name_from_text(str_from(text), &names[i], &err));
	}
	const struct cache_config config = {
	    .size_bytes = 96 * 1024, .max_ttl_s = 86400, .max_negative_ttl_s = 60, .prefetch = true};
	struct cache *cache = cache_create(&config);
	_Atomic unsigned torn = 0, hits = 0;
	struct job jobs[THREADS + 1];
	pthread_t threads[THREADS + 1];
	for (unsigned i = 0; i <= THREADS; i++) {
		jobs[i] = (struct job){.cache = cache, .names = names, .index = i, .torn = &torn, .hits = &hits};
		assert_int_equal(pthread_create(&threads[i], NULL, i == THREADS ? administer : serve, &jobs[i]), 0);
	}
	for (unsigned i = 0; i <= THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(torn, 0);
	assert_true(hits > 0);
	cache_destroy(cache);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(nothing_torn)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
