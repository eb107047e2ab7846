/* SPDX-License-Identifier: BSD-2-Clause */
#include "cache/shard.h"

#include <stdlib.h>
#include <string.h>

/* glibc 2.36, 64 bit: chunks have an 8-byte header and come in steps of 16 from 32 on; blocks over the mmap threshold (at least
 * 128 KiB) are whole pages. */
#define MALLOC_HEADER 8u
#define MALLOC_STEP 16u
#define MALLOC_MIN 32u
#define MALLOC_MMAP_FROM (128u * 1024)
#define MALLOC_PAGE 4096u

uint64_t shard_alloc_cost(size_t size)
{
	uint64_t with_header = (uint64_t)size + MALLOC_HEADER;
	if (size >= MALLOC_MMAP_FROM)
		return (with_header + MALLOC_HEADER + MALLOC_PAGE - 1) / MALLOC_PAGE * MALLOC_PAGE;
	uint64_t chunk = (with_header + MALLOC_STEP - 1) / MALLOC_STEP * MALLOC_STEP;
	return MAX(chunk, MALLOC_MIN);
}

static uint64_t table_cost(size_t bucket_count)
{
	return bucket_count == 0 ? 0 : shard_alloc_cost(bucket_count * sizeof(struct entry *));
}

static size_t buckets_for(uint64_t limit)
{
	if (limit < SHARD_LIMIT_MIN)
		return 0;
	size_t count = 1;
	while ((uint64_t)count * 2 * SHARD_BYTES_PER_BUCKET <= limit)
		count *= 2;
	return count;
}

size_t entry_size(size_t place_count, size_t name_len, size_t body_len)
{
	return sizeof(struct entry) + place_count * sizeof(uint16_t) + name_len + body_len;
}

static size_t entry_size_of(const struct entry *e)
{
	return entry_size((size_t)e->ttl_count + e->target_count, e->name_len, e->body_len);
}

const uint8_t *entry_name(const struct entry *e)
{
	return (const uint8_t *)(e->places + e->ttl_count + e->target_count);
}

const uint8_t *entry_body(const struct entry *e)
{
	return entry_name(e) + e->name_len;
}

bool entry_is_dead(const struct entry *e, int64_t serve_stale_s, int64_t now_ms)
{
	int64_t lives_s = (int64_t)e->ttl_s + serve_stale_s;
	return now_ms != SHARD_NO_TIME && now_ms - e->stored_ms >= lives_s * 1000;
}

void shard_init(struct shard *s)
{
	memset(s, 0, sizeof(*s));
	must(pthread_mutex_init(&s->lock, NULL) == 0);
}

void shard_finish(struct shard *s)
{
	while (s->oldest != NULL)
		shard_remove(s, s->oldest);
	free(s->buckets);
	s->buckets = NULL;
	(void)pthread_mutex_destroy(&s->lock);
}

struct entry *shard_find(const struct shard *s, const struct cache_key *key, uint64_t hash)
{
	if (s->bucket_count == 0)
		return NULL;
	for (struct entry *e = s->buckets[hash & (s->bucket_count - 1)]; e != NULL; e = e->chain) {
		if (e->hash == hash && e->type == key->type && e->class == key->class && e->dnssec_ok == key->dnssec_ok &&
		    e->checking_disabled == key->checking_disabled && e->name_len == key->name->len &&
		    memcmp(entry_name(e), key->name->wire, e->name_len) == 0)
			return e;
	}
	return NULL;
}

static void queue_unlink(struct shard *s, struct entry *e)
{
	if (s->hand == e)
		s->hand = e->newer;
	if (e->newer != NULL)
		e->newer->older = e->older;
	else
		s->newest = e->older;
	if (e->older != NULL)
		e->older->newer = e->newer;
	else
		s->oldest = e->newer;
}

void shard_remove(struct shard *s, struct entry *e)
{
	struct entry **at = &s->buckets[e->hash & (s->bucket_count - 1)];
	while (*at != e) {
		must(*at != NULL);
		at = &(*at)->chain;
	}
	*at = e->chain;
	queue_unlink(s, e);
	s->used -= shard_alloc_cost(entry_size_of(e));
	s->entries--;
	free(e);
}

static void evict_one(struct shard *s, int64_t now_ms)
{
	struct entry *e = s->hand != NULL ? s->hand : s->oldest;
	/* ends: after one round no entry has its bit */
	// NOLINTNEXTLINE(clang-analyzer-unix.Malloc): shard_remove takes e out of the queue and moves the hand before it frees
	while (e->visited && !entry_is_dead(e, s->rules.serve_stale_s, now_ms)) {
		e->visited = false;
		e = e->newer != NULL ? e->newer : s->oldest;
	}
	s->hand = e->newer;
	shard_remove(s, e);
	s->evictions++;
}

bool shard_make_room(struct shard *s, uint64_t cost, int64_t now_ms)
{
	if (s->bucket_count == 0 || s->limit < table_cost(s->bucket_count) || cost > s->limit - table_cost(s->bucket_count))
		return false;
	while (s->used + cost > s->limit) {
		must(s->oldest != NULL);
		evict_one(s, now_ms);
	}
	return true;
}

void shard_insert(struct shard *s, struct entry *e)
{
	struct entry **bucket = &s->buckets[e->hash & (s->bucket_count - 1)];
	e->chain = *bucket;
	*bucket = e;
	e->newer = NULL;
	e->older = s->newest;
	if (s->newest != NULL)
		s->newest->newer = e;
	else
		s->oldest = e;
	s->newest = e;
	s->used += shard_alloc_cost(entry_size_of(e));
	s->entries++;
	s->insertions++;
	must(s->used <= s->limit);
}

static void replace_table(struct shard *s, struct entry **buckets, size_t count)
{
	s->used = s->used - table_cost(s->bucket_count) + table_cost(count);
	free(s->buckets);
	s->buckets = buckets;
	s->bucket_count = count;
	for (struct entry *e = s->oldest; e != NULL; e = e->newer) {
		// NOLINTNEXTLINE(clang-analyzer-unix.Malloc): what is in the queue lives
		struct entry **bucket = &s->buckets[e->hash & (count - 1)];
		e->chain = *bucket;
		*bucket = e;
	}
}

void shard_set_limit(struct shard *s, uint64_t limit)
{
	size_t count = buckets_for(limit);
	if (count != s->bucket_count && count > 0) {
		/* both tables live for a moment: make room for that first */
		uint64_t high = MAX(limit, s->limit);
		while (s->oldest != NULL && s->used + table_cost(count) > high)
			evict_one(s, SHARD_NO_TIME);
		struct entry **buckets = calloc(count, sizeof(*buckets));
		if (buckets != NULL)
			replace_table(s, buckets, count);
	}
	s->limit = limit;
	while (s->oldest != NULL && (s->used > limit || count == 0))
		evict_one(s, SHARD_NO_TIME);
	if (s->used > limit || count == 0)
		replace_table(s, NULL, 0);
}
