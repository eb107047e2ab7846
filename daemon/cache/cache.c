/* SPDX-License-Identifier: BSD-2-Clause */
#include "cache/cache.h"

#include <stdlib.h>
#include <string.h>

#include "base/rand.h"
#include "base/siphash.h"
#include "cache/shard.h"

/* A power of two. Enough that workers seldom meet at one lock; few enough that a small cache still has shards worth the name. */
#define CACHE_SHARDS 16
#define CACHE_ENTRY_SHARE 2 /* an entry may take at most one part in this many of its shard */
#define CACHE_PREFETCH_HITS 2
#define CACHE_PREFETCH_PART 10 /* asked again in the last tenth of its life */

struct cache_reader {
	struct cache *cache;
	struct response_room room;
	uint8_t body[UINT16_MAX + 1];
};

struct cache {
	struct shard shards[CACHE_SHARDS];
	struct siphash_key key;
	_Atomic uint64_t size_bytes; /* as configured, to be shown */
};

#define CACHE_OWN_COST (sizeof(struct cache) + 128) /* aligned_alloc may waste up to the alignment, and has its header */

/* name, type, class, flags: all that tells answers apart. The lowest bits choose the bucket, the highest the shard. */
void cache_hash(const struct cache *cache, struct cache_key *key)
{
	uint8_t bytes[NAME_LEN_MAX + 5];
	size_t len = key->name->len;
	memcpy(bytes, key->name->wire, len);
	bytes[len++] = (uint8_t)(key->type >> 8);
	bytes[len++] = (uint8_t)key->type;
	bytes[len++] = (uint8_t)(key->class >> 8);
	bytes[len++] = (uint8_t)key->class;
	bytes[len++] = (uint8_t)((key->dnssec_ok ? 1u : 0u) | (key->checking_disabled ? 2u : 0u));
	key->hash = siphash13(&cache->key, bytes, len);
}

static struct shard *shard_lock(struct cache *cache, uint64_t hash)
{
	struct shard *s = &cache->shards[(hash >> 56) % CACHE_SHARDS];
	must(pthread_mutex_lock(&s->lock) == 0);
	return s;
}

static void shard_unlock(struct shard *s)
{
	must(pthread_mutex_unlock(&s->lock) == 0);
}

struct cache *cache_create(const struct cache_config *config)
{
	struct cache *cache = aligned_alloc(_Alignof(struct cache), sizeof(*cache));
	must(cache != NULL);
	for (size_t i = 0; i < CACHE_SHARDS; i++)
		shard_init(&cache->shards[i]);
	rand_bytes(&cache->key, sizeof(cache->key));
	cache_configure(cache, config);
	return cache;
}

void cache_destroy(struct cache *cache)
{
	if (cache == NULL)
		return;
	for (size_t i = 0; i < CACHE_SHARDS; i++)
		shard_finish(&cache->shards[i]);
	free(cache);
}

void cache_configure(struct cache *cache, const struct cache_config *config)
{
	cache->size_bytes = config->size_bytes;
	uint64_t for_entries = config->size_bytes > CACHE_OWN_COST ? config->size_bytes - CACHE_OWN_COST : 0;
	for (size_t i = 0; i < CACHE_SHARDS; i++) {
		struct shard *s = &cache->shards[i];
		must(pthread_mutex_lock(&s->lock) == 0);
		s->rules = (struct shard_rules){
		    .min_ttl_s = config->min_ttl_s,
		    .max_ttl_s = config->max_ttl_s,
		    .max_negative_ttl_s = config->max_negative_ttl_s,
		    .serve_stale_s = config->serve_stale_s,
		    .prefetch = config->prefetch,
		};
		shard_set_limit(s, for_entries / CACHE_SHARDS);
		shard_unlock(s);
	}
}

struct cache_reader *cache_reader_create(struct cache *cache)
{
	struct cache_reader *reader = base_alloc(sizeof(*reader));
	reader->cache = cache;
	reader->room.body = reader->body;
	reader->room.body_cap = sizeof(reader->body);
	return reader;
}

void cache_reader_destroy(struct cache_reader *reader)
{
	free(reader);
}

void cache_enter(struct cache_reader *reader)
{
	(void)reader;
}

void cache_leave(struct cache_reader *reader)
{
	(void)reader;
}

void cache_fetch(const struct cache *cache, uint64_t hash)
{
	(void)cache, (void)hash;
}

void cache_fetch_entry(const struct cache *cache, uint64_t hash)
{
	(void)cache, (void)hash;
}

static void entry_copy_out(const struct entry *e, struct response_room *room, struct response *ret)
{
	ret->flags = e->flags;
	ret->ancount = e->ancount;
	ret->nscount = e->nscount;
	ret->arcount = e->arcount;
	ret->ttl_count = e->ttl_count;
	ret->target_count = e->target_count;
	ret->negative = false; /* the entry's records were capped when it was kept */
	ret->uncached = false;
	ret->body_len = e->body_len;
	memcpy(room->ttl_pos, e->places, e->ttl_count * sizeof(e->places[0]));
	memcpy(room->targets, e->places + e->ttl_count, e->target_count * sizeof(e->places[0]));
	memcpy(room->body, entry_body(e), e->body_len);
	ret->ttl_pos = room->ttl_pos;
	ret->targets = room->targets;
	ret->body = room->body;
}

/* What a hit on e is worth, and its ages. e is alive. */
static enum cache_find entry_judge(const struct shard *s, struct entry *e, int64_t now_ms, struct response *ret)
{
	int64_t life_ms = (int64_t)e->ttl_s * 1000;
	int64_t age_ms = MAX(now_ms - e->stored_ms, 0); /* another worker may have read its clock a moment later */
	ret->age_s = (uint32_t)MIN(age_ms / 1000, (int64_t)UINT32_MAX);
	if (age_ms >= life_ms) {
		ret->ttl_s = 0;
		return CACHE_STALE;
	}
	ret->ttl_s = e->ttl_s - ret->age_s;
	if (s->rules.prefetch && !e->prefetch_said && e->hits >= CACHE_PREFETCH_HITS &&
	    (life_ms - age_ms) * CACHE_PREFETCH_PART < life_ms) {
		e->prefetch_said = true;
		return CACHE_PREFETCH;
	}
	return CACHE_FRESH;
}

enum cache_find cache_get(struct cache_reader *reader, const struct cache_key *key, int64_t now_ms, struct response *ret)
{
	uint64_t hash = key->hash;
	struct shard *s = shard_lock(reader->cache, hash);
	enum cache_find find = CACHE_MISS;
	struct entry *e = shard_find(s, key, hash);
	if (e != NULL && entry_is_dead(e, s->rules.serve_stale_s, now_ms)) {
		shard_remove(s, e);
	} else if (e != NULL && e->body_len <= reader->room.body_cap) {
		e->visited = true;
		if (e->hits < UINT32_MAX)
			e->hits++;
		find = entry_judge(s, e, now_ms, ret);
		entry_copy_out(e, &reader->room, ret);
	}
	shard_unlock(s);
	return find;
}

/* Everything of it lies inside its body, and fits the entry's fields. */
static bool response_is_sound(const struct response *r)
{
	if (r->ttl_count > CACHE_TTL_MAX_COUNT || r->target_count > CACHE_TARGETS_MAX || r->body_len > UINT16_MAX)
		return false;
	for (size_t i = 0; i < r->ttl_count; i++)
		if ((size_t)r->ttl_pos[i] + 4 > r->body_len)
			return false;
	for (size_t i = 0; i < r->target_count; i++)
		if (r->targets[i] >= r->body_len)
			return false;
	return true;
}

/* The lowest and highest TTL that may be kept. A denial is kept by max_negative_ttl_s, whatever min_ttl_s says. */
struct ttl_bounds {
	uint32_t low_s, high_s;
};

static struct ttl_bounds ttl_bounds(const struct shard_rules *rules, bool negative)
{
	int64_t high_s = negative ? MIN(rules->max_negative_ttl_s, rules->max_ttl_s) : rules->max_ttl_s;
	high_s = MAX(MIN(high_s, (int64_t)INT32_MAX), 0);
	int64_t low_s = MAX(MIN(rules->min_ttl_s, high_s), 0);
	return (struct ttl_bounds){.low_s = (uint32_t)low_s, .high_s = (uint32_t)high_s};
}

static uint32_t ttl_clamp(struct ttl_bounds b, uint32_t ttl_s)
{
	return MAX(MIN(ttl_s, b.high_s), b.low_s);
}

/* The records are clamped like the answer, so that what clients are told counts down to when the entry ends. */
static void body_clamp_ttls(uint8_t *body, const struct response *r, struct ttl_bounds bounds)
{
	for (size_t i = 0; i < r->ttl_count; i++) {
		uint8_t *p = body + r->ttl_pos[i];
		uint32_t ttl_s = ttl_clamp(bounds, (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]);
		p[0] = (uint8_t)(ttl_s >> 24);
		p[1] = (uint8_t)(ttl_s >> 16);
		p[2] = (uint8_t)(ttl_s >> 8);
		p[3] = (uint8_t)ttl_s;
	}
}

static void entry_fill(struct entry *e, const struct cache_key *key, uint64_t hash, const struct response *r)
{
	*e = (struct entry){
	    .hash = hash,
	    .body_len = (uint32_t)r->body_len,
	    .type = key->type,
	    .class = key->class,
	    .flags = r->flags,
	    .ancount = r->ancount,
	    .nscount = r->nscount,
	    .arcount = r->arcount,
	    .ttl_count = r->ttl_count,
	    .target_count = r->target_count,
	    .name_len = key->name->len,
	    .dnssec_ok = key->dnssec_ok,
	    .checking_disabled = key->checking_disabled,
	};
	if (r->ttl_count > 0)
		memcpy(e->places, r->ttl_pos, r->ttl_count * sizeof(e->places[0]));
	if (r->target_count > 0)
		memcpy(e->places + r->ttl_count, r->targets, r->target_count * sizeof(e->places[0]));
	uint8_t *name = (uint8_t *)(e->places + r->ttl_count + r->target_count);
	memcpy(name, key->name->wire, key->name->len);
	if (r->body_len > 0)
		memcpy(name + key->name->len, r->body, r->body_len);
}

static void put_locked(struct shard *s, const struct cache_key *key, uint64_t hash, int64_t now_ms, const struct response *response)
{
	bool hot = false;
	struct entry *old = shard_find(s, key, hash);
	if (old != NULL) { /* whatever becomes of the new answer, the old one is no longer what upstream says */
		hot = old->visited;
		shard_remove(s, old);
	}
	struct ttl_bounds bounds = ttl_bounds(&s->rules, response->negative);
	uint32_t ttl_s = ttl_clamp(bounds, response->ttl_s);
	size_t size = entry_size((size_t)response->ttl_count + response->target_count, key->name->len, response->body_len);
	uint64_t cost = shard_alloc_cost(size);
	if (response->uncached || ttl_s == 0 || cost > s->limit / CACHE_ENTRY_SHARE || !shard_make_room(s, cost, now_ms))
		return;
	struct entry *e = malloc(size);
	if (e == NULL)
		return;
	entry_fill(e, key, hash, response);
	e->stored_ms = now_ms;
	e->ttl_s = ttl_s;
	e->visited = hot;
	body_clamp_ttls((uint8_t *)(e->places + e->ttl_count + e->target_count) + e->name_len, response, bounds);
	shard_insert(s, e);
}

void cache_put(struct cache_reader *reader, const struct cache_key *key, int64_t now_ms, const struct response *response)
{
	if (unlikely_bug(!response_is_sound(response)))
		return;
	struct shard *s = shard_lock(reader->cache, key->hash);
	put_locked(s, key, key->hash, now_ms, response);
	shard_unlock(s);
}

static bool entry_is_of(const struct entry *e, const struct name *name, bool subtree)
{
	if (name == NULL)
		return true;
	if (!subtree)
		return e->name_len == name->len && memcmp(entry_name(e), name->wire, name->len) == 0;
	struct name own;
	return name_from_wire(entry_name(e), e->name_len, &own) && name_is_below_or_eq(&own, name);
}

size_t cache_flush(struct cache *cache, const struct name *name, bool subtree)
{
	size_t count = 0;
	for (size_t i = 0; i < CACHE_SHARDS; i++) {
		struct shard *s = &cache->shards[i];
		must(pthread_mutex_lock(&s->lock) == 0);
		struct entry *newer;
		for (struct entry *e = s->oldest; e != NULL; e = newer) {
			newer = e->newer;
			if (entry_is_of(e, name, subtree)) {
				shard_remove(s, e);
				count++;
			}
		}
		shard_unlock(s);
	}
	return count;
}

void cache_stats(struct cache *cache, struct cache_stats *ret)
{
	struct cache_stats sum = {0};
	for (size_t i = 0; i < CACHE_SHARDS; i++) {
		struct shard *s = &cache->shards[i];
		must(pthread_mutex_lock(&s->lock) == 0);
		sum.entries += s->entries;
		sum.bytes += s->used;
		sum.evictions += s->evictions;
		sum.insertions += s->insertions;
		shard_unlock(s);
	}
	sum.limit_bytes = cache->size_bytes;
	if (sum.bytes > 0)
		sum.bytes += CACHE_OWN_COST;
	*ret = sum;
}
