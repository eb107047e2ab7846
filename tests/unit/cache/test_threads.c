/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Many threads at one small cache, while it is flushed, measured and reconfigured: nothing torn comes out, and what was borrowed
 * stays what it was until the batch ends. Under ThreadSanitizer this is also where a missing order shows. */
#include "rig.h"

#include <pthread.h>
#include <stdatomic.h>

#define THREADS 4
#define READ_ONLY 2 /* of them never take a lock: what orders them is the epoch alone */
#define BATCHES 3000
#define BATCH 16
#define NAMES 1500

struct job {
	struct cache *cache;
	unsigned index;
	_Atomic unsigned *torn, *hits, *running;
};

static unsigned next(unsigned *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

/* What is kept under a number: its seed and length say which. */
static size_t length_for(unsigned number)
{
	return number % 97 == 0 ? 5000 : 40 + number % 300;
}

static void batch(struct job *job, struct cache_reader *reader, unsigned *seed, int64_t now_ms)
{
	struct sample sample;
	struct response found[BATCH];
	unsigned numbers[BATCH], count = 0;
	cache_enter(reader);
	for (unsigned i = 0; i < BATCH; i++) {
		unsigned number = next(seed) % (i % 2 == 0 ? NAMES : 50);
		struct name n = name_number(number);
		struct cache_key key = key_of(job->cache, &n);
		cache_fetch(job->cache, key.hash);
		cache_fetch_entry(job->cache, key.hash);
		if (cache_get(reader, &key, now_ms, &found[count]) != CACHE_MISS)
			numbers[count++] = number;
		else
			numbers[count] = 0;
		if (next(seed) % 4 != 0 || job->index < READ_ONLY)
			continue;
		sample_make(&sample, number, 1000, length_for(number));
		cache_put(reader, &key, now_ms, &sample.response);
	}
	for (unsigned i = 0; i < count; i++)
		if (!sample_is(&found[i], numbers[i], length_for(numbers[i])))
			atomic_fetch_add(job->torn, 1);
	cache_leave(reader);
	atomic_fetch_add(job->hits, count);
}

static void *serve(void *arg)
{
	struct job *job = arg;
	unsigned seed = job->index;
	struct cache_reader *reader = cache_reader_create(job->cache);
	for (unsigned i = 0; i < BATCHES; i++) {
		batch(job, reader, &seed, i);
		if (i % 500 != 499)
			continue;
		cache_reader_destroy(reader); /* workers come and go */
		reader = cache_reader_create(job->cache);
	}
	cache_reader_destroy(reader);
	atomic_fetch_sub(job->running, 1);
	return NULL;
}

static void *administer(void *arg)
{
	static const uint64_t sizes[] = {96 * 1024, 256 * 1024, 2 * 1024 * 1024, 3 * 1024 * 1024};
	struct job *job = arg;
	struct cache_config config = {.max_ttl_s = 86400, .max_negative_ttl_s = 60, .serve_stale_s = 10, .prefetch = true};
	for (unsigned i = 0; i < 400 || atomic_load(job->running) > 0; i++) {
		struct cache_stats s;
		cache_stats(job->cache, &s);
		struct name n = name_number(i % NAMES);
		(void)cache_flush(job->cache, &n, i % 2 == 0);
		if (i % 10 == 0) {
			config.size_bytes = sizes[i / 10 % ARRAY_LEN(sizes)];
			cache_configure(job->cache, &config);
		}
		if (i % 50 == 0)
			(void)cache_flush(job->cache, NULL, true);
	}
	return NULL;
}

static void nothing_torn(void **state)
{
	(void)state;
	const struct cache_config config = {
	    .size_bytes = 96 * 1024, .max_ttl_s = 86400, .max_negative_ttl_s = 60, .prefetch = true};
	struct cache *cache = cache_create(&config);
	_Atomic unsigned torn = 0, hits = 0, running = THREADS;
	struct job jobs[THREADS + 1];
	pthread_t threads[THREADS + 1];
	for (unsigned i = 0; i <= THREADS; i++) {
		jobs[i] = (struct job){.cache = cache, .index = i, .torn = &torn, .hits = &hits, .running = &running};
		assert_int_equal(pthread_create(&threads[i], NULL, i == THREADS ? administer : serve, &jobs[i]), 0);
	}
	for (unsigned i = 0; i <= THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(torn, 0);
	assert_true(hits > 0);
	struct cache_stats s;
	cache_stats(cache, &s);
	cache_destroy(cache);
}

/* All at one key and one small ring, with answers of changing length: every answer is one that somebody put. */
static void *fight(void *arg)
{
	struct job *job = arg;
	struct sample sample;
	struct response r;
	struct cache_reader *reader = cache_reader_create(job->cache);
	struct name n = name_number(7);
	struct cache_key key = key_of(job->cache, &n);
	for (unsigned i = 0; i < BATCHES; i++) {
		cache_enter(reader);
		sample_make(&sample, i % 100, 1000, 40 + i % 100);
		cache_put(reader, &key, 0, &sample.response);
		if (cache_get(reader, &key, 0, &r) != CACHE_MISS) {
			if (r.body_len < 40 || r.body_len >= 140 || !sample_is(&r, r.body_len - 40, r.body_len))
				atomic_fetch_add(job->torn, 1);
			atomic_fetch_add(job->hits, 1);
		}
		cache_leave(reader);
	}
	cache_reader_destroy(reader);
	return NULL;
}

static void one_key_for_all(void **state)
{
	(void)state;
	const struct cache_config config = {.size_bytes = 32 * 1024, .max_ttl_s = 86400, .prefetch = true};
	struct cache *cache = cache_create(&config);
	_Atomic unsigned torn = 0, hits = 0;
	struct job job = {.cache = cache, .torn = &torn, .hits = &hits};
	pthread_t threads[THREADS];
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, fight, &job), 0);
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(torn, 0);
	assert_true(hits > 0);
	struct cache_stats s;
	cache_stats(cache, &s);
	assert_true(s.entries <= 1 && s.bytes <= config.size_bytes);
	cache_destroy(cache);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(nothing_torn), cmocka_unit_test(one_key_for_all)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
