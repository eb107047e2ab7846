/* SPDX-License-Identifier: BSD-2-Clause
 *
 * bench_cache.c - what the cache costs a worker: bench-cache [SIZE-MIB [DISTINCT-NAMES [ASKED]]] (64, 10 million,
 * 2 million). One line a measurement,
 * key=value: nanoseconds and, where the kernel lets us count them, instructions for each call, hashing included and told apart.
 * Gets come in batches with their memory fetched ahead, as in the daemon. hot: 11 names; cold: as many as fit; churn: every name
 * once, which never ends evicting, against `fill`, the same puts into room that is free; slowest: the longest single put, in
 * microseconds. */
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "cache/cache.h"

#define BATCH 32
#define HOT 11u

static int counter = -1;
static uint32_t ask_count = 2000000;
static uint64_t random_state = 0x9e3779b97f4a7c15ull;

struct measure {
	double ns;
	uint64_t instructions;
};

static uint32_t random_below(uint32_t bound)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)(((random_state >> 32) * bound) >> 32);
}

static double now_ns(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void counter_open(void)
{
	struct perf_event_attr attr = {.type = PERF_TYPE_HARDWARE,
				       .size = sizeof(attr),
				       .config = PERF_COUNT_HW_INSTRUCTIONS,
				       .exclude_kernel = 1,
				       .exclude_hv = 1};
	counter = (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
}

static struct measure measure_now(void)
{
	struct measure m = {0};
	if (counter >= 0 && read(counter, &m.instructions, sizeof(m.instructions)) != (ssize_t)sizeof(m.instructions))
		m.instructions = 0;
	m.ns = now_ns(CLOCK_MONOTONIC);
	return m;
}

static void report(const char *what, struct measure since, double count)
{
	struct measure now = measure_now();
	printf("%s ns=%.1f", what, (now.ns - since.ns) / count);
	if (counter >= 0)
		printf(" instructions=%.1f", (double)(now.instructions - since.instructions) / count);
	printf("\n");
}

static struct name name_number(uint32_t number)
{
	struct name n = {.labels = 3};
	char label[16];
	int len = snprintf(label, sizeof(label), "h%u", number);
	n.wire[0] = (uint8_t)len;
	memcpy(n.wire + 1, label, (size_t)len);
	memcpy(n.wire + 1 + len, "\7example\3com", 13);
	n.len = (uint8_t)(1 + len + 13);
	return n;
}

/* One A record: what most answers are. */
static void put(struct cache *cache, struct cache_reader *reader, const struct name *n)
{
	static const uint8_t body[] = {0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4, 192, 0, 2, 1};
	static const uint16_t ttl_pos[] = {6};
	const struct response r = {
	    .ancount = 1, .ttl_count = 1, .ttl_s = 300, .body_len = sizeof(body), .ttl_pos = ttl_pos, .body = body};
	struct cache_key key = {.name = n, .type = 1, .class = 1};
	cache_hash(cache, &key);
	cache_put(reader, &key, 0, &r);
}

static unsigned get_batch(struct cache *cache, struct cache_reader *reader, struct cache_key *keys)
{
	struct response r;
	unsigned hits = 0;
	cache_enter(reader);
	for (unsigned i = 0; i < BATCH; i++) {
		cache_hash(cache, &keys[i]);
		cache_fetch(cache, keys[i].hash);
	}
	for (unsigned i = 0; i < BATCH; i++)
		cache_fetch_entry(cache, keys[i].hash);
	for (unsigned i = 0; i < BATCH; i++)
		hits += cache_get(reader, &keys[i], 0, &r) != CACHE_MISS;
	cache_leave(reader);
	return hits;
}

/* Names first..first + count, at random; base is what the loop costs without the cache. */
static void gets(struct cache *cache, struct cache_reader *reader, const char *what, uint32_t first, uint32_t count)
{
	struct name *names = calloc(BATCH * 64, sizeof(*names));
	static struct cache_key keys[BATCH * 64];
	double asked = 0, found = 0, ns = 0, instructions = 0, hash_ns = 0, hash_instructions = 0;
	while (asked < ask_count) {
		for (unsigned i = 0; i < BATCH * 64; i++) {
			names[i] = name_number(first + random_below(count));
			keys[i] = (struct cache_key){.name = &names[i], .type = 1, .class = 1};
		}
		struct measure a = measure_now();
		for (unsigned i = 0; i < BATCH * 64; i++)
			cache_hash(cache, &keys[i]);
		struct measure b = measure_now();
		for (unsigned i = 0; i < 64; i++)
			found += get_batch(cache, reader, keys + i * BATCH);
		struct measure c = measure_now();
		hash_ns += b.ns - a.ns, hash_instructions += (double)(b.instructions - a.instructions);
		ns += c.ns - b.ns, instructions += (double)(c.instructions - b.instructions);
		asked += BATCH * 64;
	}
	printf("%s names=%u found=%.3f ns=%.1f hash_ns=%.1f", what, count, found / asked, ns / asked, hash_ns / asked);
	if (counter >= 0)
		printf(" instructions=%.1f hash_instructions=%.1f", instructions / asked, hash_instructions / asked);
	printf("\n");
	free(names);
}

static double put_range(struct cache *cache, struct cache_reader *reader, uint32_t first, uint32_t count)
{
	double slowest = 0, last = now_ns(CLOCK_THREAD_CPUTIME_ID);
	for (uint32_t i = 0; i < count; i++) {
		struct name n = name_number(first + i);
		put(cache, reader, &n);
		if (i % 8 != 0)
			continue;
		double now = now_ns(CLOCK_THREAD_CPUTIME_ID);
		slowest = now - last > slowest ? now - last : slowest;
		last = now;
	}
	return slowest;
}

static size_t resident_bytes(void)
{
	FILE *in = fopen("/proc/self/status", "r");
	char line[256];
	size_t bytes = 0;
	while (in != NULL && fgets(line, sizeof(line), in) != NULL)
		if (strncmp(line, "VmRSS:", 6) == 0)
			bytes = strtoull(line + 6, NULL, 10) * 1024;
	if (in != NULL)
		fclose(in);
	return bytes;
}

int main(int argc, char **argv)
{
	const struct cache_config config = {.size_bytes = (argc > 1 ? strtoull(argv[1], NULL, 10) : 64) << 20,
					    .max_ttl_s = 86400,
					    .max_negative_ttl_s = 3600,
					    .serve_stale_s = 86400,
					    .prefetch = true};
	uint32_t distinct = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 10000000;
	ask_count = argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 10) : ask_count;
	uint32_t room = (uint32_t)(config.size_bytes / 128); /* fits in any case */
	struct cache_stats s;
	size_t before = resident_bytes();
	counter_open();
	struct cache *cache = cache_create(&config);
	struct cache_reader *reader = cache_reader_create(cache);

	struct measure since = measure_now();
	for (uint32_t i = 0; i < ask_count; i++) {
		struct name n = name_number(i);
		__asm__ volatile("" : : "r"(&n) : "memory");
	}
	report("making a name, part of the puts below", since, ask_count);
	put_range(cache, reader, 0, HOT);
	gets(cache, reader, "hit hot", 0, HOT);
	since = measure_now();
	double slowest = put_range(cache, reader, 0, room);
	report("fill", since, room);
	printf("fill slowest_us=%.0f\n", slowest / 1000);
	gets(cache, reader, "hit cold", 0, room);
	gets(cache, reader, "miss", distinct * 2, distinct);
	since = measure_now();
	slowest = put_range(cache, reader, room, distinct);
	report("churn", since, distinct);
	cache_stats(cache, &s);
	printf("churn slowest_us=%.0f\n", slowest / 1000);
	printf("full entries=%llu bytes=%llu limit=%llu resident=%zu evictions=%llu refused=%llu bytes_per_entry=%.1f\n",
	       (unsigned long long)s.entries, (unsigned long long)s.bytes, (unsigned long long)s.limit_bytes,
	       resident_bytes() - before, (unsigned long long)s.evictions, (unsigned long long)s.refused,
	       (double)s.bytes / (double)(s.entries ? s.entries : 1));
	cache_reader_destroy(reader);
	cache_destroy(cache);
	return 0;
}
