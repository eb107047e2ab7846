/* SPDX-License-Identifier: BSD-2-Clause */
#include "cache/cache.h"

#include <stdlib.h>
#include <string.h>

#include "base/rand.h"
#include "cache/shard.h"

/* A power of two. Enough that workers seldom meet at one lock; a small cache has fewer, that its shards are worth the name. */
#define CACHE_SHARDS_MAX 16
#define CACHE_SHARD_BYTES_MIN ((uint64_t)1024 * 1024)
#define CACHE_PREFETCH_PART 10 /* asked again in the last tenth of its life */

/* As configured; each is read alone. */
struct rules {
	_Atomic int64_t min_ttl_s, max_ttl_s, max_negative_ttl_s, serve_stale_s;
	_Atomic bool prefetch;
};

struct cache {
	struct siphash_key key;
	_Atomic uint64_t shard_mask;
	struct rules rules;
	_Atomic uint64_t size_bytes;	/* as configured, to be shown */
	_Atomic uint64_t retired_bytes; /* of stores whose readers had not left */
	struct epoch epoch;
	struct shard shards[CACHE_SHARDS_MAX];
	/* whoever flushes or configures; guards what follows */
	pthread_mutex_t change;
	uint64_t shard_len;
	struct store *retired;
};

#define CACHE_OWN_COST (sizeof(struct cache) + 128) /* aligned_alloc may waste up to the alignment, and has its header */

struct cache_reader {
	struct cache *cache;
	struct epoch_reader *epoch;
};

static_assert(NAME_SLACK >= sizeof(uint64_t), "names are copied by words, and five octets follow");

/* name, type, class, flags: all that tells answers apart. */
void cache_hash(const struct cache *cache, struct cache_key *key)
{
	key->hash = key_hash(&cache->key, key, entry_asked(key));
}

static size_t shard_index(const struct cache *cache, uint64_t hash)
{
	return (size_t)(hash >> 60 & atomic_load_explicit(&cache->shard_mask, memory_order_relaxed));
}

static const struct store *store_for(const struct cache *cache, uint64_t hash)
{
	return atomic_load_explicit(&cache->shards[shard_index(cache, hash)].store, memory_order_acquire);
}

struct cache *cache_create(const struct cache_config *config)
{
	struct cache *cache = aligned_alloc(_Alignof(struct cache), sizeof(*cache));
	must(cache != NULL);
	memset(cache, 0, sizeof(*cache));
	epoch_init(&cache->epoch);
	for (size_t i = 0; i < CACHE_SHARDS_MAX; i++)
		shard_init(&cache->shards[i]);
	must(pthread_mutex_init(&cache->change, NULL) == 0);
	rand_bytes(&cache->key, sizeof(cache->key));
	cache_configure(cache, config);
	return cache;
}

/* The ones that nobody reads any more go. */
static void retired_reap(struct cache *cache)
{
	uint64_t lowest = epoch_lowest(&cache->epoch), bytes = 0;
	for (struct store **at = &cache->retired; *at != NULL;) {
		struct store *store = *at;
		if (store->tag < lowest) {
			*at = store->next;
			store_destroy(store);
		} else {
			bytes += store_bytes(store);
			at = &store->next;
		}
	}
	atomic_store_explicit(&cache->retired_bytes, bytes, memory_order_relaxed);
}

/* No shard links it any more. */
static void retire(struct cache *cache, struct store *store)
{
	if (store == NULL)
		return;
	store->tag = epoch_retire(&cache->epoch);
	store->next = cache->retired;
	cache->retired = store;
}

/* Batches are short: give the memory back before we return. Where one is not, that is tried once, and left to who comes later. */
static void retired_wait(struct cache *cache, bool *patient)
{
	if (*patient && cache->retired != NULL)
		*patient = epoch_wait(&cache->epoch, cache->retired->tag);
	retired_reap(cache);
}

void cache_destroy(struct cache *cache)
{
	if (cache == NULL)
		return;
	for (size_t i = 0; i < CACHE_SHARDS_MAX; i++)
		shard_finish(&cache->shards[i]);
	for (struct store *store = cache->retired, *next; store != NULL; store = next) {
		next = store->next;
		store_destroy(store);
	}
	(void)pthread_mutex_destroy(&cache->change);
	epoch_finish(&cache->epoch);
	free(cache);
}

static void change_begin(struct cache *cache)
{
	must(pthread_mutex_lock(&cache->change) == 0);
}

static void change_end(struct cache *cache)
{
	must(pthread_mutex_unlock(&cache->change) == 0);
}

/* One shard after the other, so that no more than one lies there twice. With another number of shards everything is elsewhere. */
static void resize(struct cache *cache, uint64_t size_bytes)
{
	uint64_t for_entries = size_bytes > CACHE_OWN_COST ? size_bytes - CACHE_OWN_COST : 0, count = 1, dropped;
	while (count < CACHE_SHARDS_MAX && size_bytes / (count * 2) >= CACHE_SHARD_BYTES_MIN)
		count *= 2;
	uint64_t mask = atomic_load_explicit(&cache->shard_mask, memory_order_relaxed);
	uint64_t len = for_entries / count;
	bool keep = mask == count - 1, patient = true;
	if (keep && len == cache->shard_len)
		return;
	if (!keep) { /* all go before the first comes, lest old and new be too much together */
		for (size_t i = 0; i <= mask; i++)
			retire(cache, shard_renew(&cache->shards[i], 0, true, &dropped));
		retired_wait(cache, &patient);
	}
	atomic_store_explicit(&cache->shard_mask, count - 1, memory_order_relaxed);
	cache->shard_len = len;
	for (size_t i = 0; i < count; i++) {
		retire(cache, shard_renew(&cache->shards[i], len, true, &dropped));
		retired_wait(cache, &patient);
	}
}

void cache_configure(struct cache *cache, const struct cache_config *config)
{
	struct rules *rules = &cache->rules;
	change_begin(cache);
	atomic_store_explicit(&rules->min_ttl_s, config->min_ttl_s, memory_order_relaxed);
	atomic_store_explicit(&rules->max_ttl_s, config->max_ttl_s, memory_order_relaxed);
	atomic_store_explicit(&rules->max_negative_ttl_s, config->max_negative_ttl_s, memory_order_relaxed);
	atomic_store_explicit(&rules->serve_stale_s, config->serve_stale_s, memory_order_relaxed);
	atomic_store_explicit(&rules->prefetch, config->prefetch, memory_order_relaxed);
	atomic_store_explicit(&cache->size_bytes, config->size_bytes, memory_order_relaxed);
	resize(cache, config->size_bytes);
	change_end(cache);
}

struct cache_reader *cache_reader_create(struct cache *cache)
{
	struct cache_reader *reader = base_alloc(sizeof(*reader));
	reader->cache = cache;
	reader->epoch = epoch_join(&cache->epoch);
	return reader;
}

void cache_reader_destroy(struct cache_reader *reader)
{
	if (reader == NULL)
		return;
	epoch_part(reader->epoch);
	free(reader);
}

void cache_enter(struct cache_reader *reader)
{
	epoch_enter(&reader->cache->epoch, reader->epoch);
}

void cache_leave(struct cache_reader *reader)
{
	epoch_leave(reader->epoch);
}

void cache_fetch(const struct cache *cache, uint64_t hash)
{
	const struct store *store = store_for(cache, hash);
	if (store != NULL)
		__builtin_prefetch(table_first(&store->table, hash));
}

void cache_fetch_entry(const struct cache *cache, uint64_t hash)
{
	const struct store *store = store_for(cache, hash);
	if (store == NULL)
		return;
	const struct bucket *b = table_first(&store->table, hash);
	uint64_t tag = table_tag(hash);
	EACH_SLOT
	for (size_t i = 0; i < BUCKET_SLOTS; i++) {
		uint64_t slot = atomic_load_explicit(&b->slots[i], memory_order_relaxed);
		if (LIKELY(!table_has_tag(slot, tag)))
			continue;
		const char *line = (const char *)table_entry(&store->table, slot);
		__builtin_prefetch(line);
		__builtin_prefetch(line + EPOCH_LINE);
		__builtin_prefetch(line + (size_t)2 * EPOCH_LINE);
		break;
	}
}

/* Bits are set and never stored over, so that none is lost to another reader. */
static unsigned heat_up(struct entry *e)
{
	unsigned heat = atomic_load_explicit(&e->heat, memory_order_relaxed);
	unsigned want = heat | HEAT_MARK | ((heat & HEAT_HIT) == 0 ? HEAT_HIT : HEAT_HIT_AGAIN);
	if (UNLIKELY(heat != want))
		atomic_fetch_or_explicit(&e->heat, (uint8_t)want, memory_order_relaxed);
	return want;
}

static bool is_to_be_prefetched(const struct cache *cache, struct entry *e, unsigned heat)
{
	if ((heat & HEAT_HIT_AGAIN) == 0 || (heat & HEAT_PREFETCH_SAID) != 0 ||
	    !atomic_load_explicit(&cache->rules.prefetch, memory_order_relaxed))
		return false;
	return (atomic_fetch_or_explicit(&e->heat, HEAT_PREFETCH_SAID, memory_order_relaxed) & HEAT_PREFETCH_SAID) == 0;
}

enum cache_find cache_get(struct cache_reader *reader, const struct cache_key *key, int64_t now_ms, struct response *ret)
{
	if (unlikely_bug(!epoch_is_inside(reader->epoch)))
		return CACHE_MISS;
	const struct cache *cache = reader->cache;
	const struct store *store = store_for(cache, key->hash);
	struct entry *e = store != NULL ? store_find(store, key) : NULL;
	if (e == NULL)
		return CACHE_MISS;
	enum cache_find find = CACHE_FRESH;
	int64_t life_ms = (int64_t)e->ttl_s * 1000;
	int64_t age_ms = MAX(now_ms - e->stored_ms, 0); /* another worker may have read its clock a moment later */
	if (UNLIKELY(age_ms >= life_ms)) {
		if (entry_is_dead(e, atomic_load_explicit(&cache->rules.serve_stale_s, memory_order_relaxed), now_ms))
			return CACHE_MISS;
		find = CACHE_STALE;
		age_ms = MIN(age_ms, (int64_t)UINT32_MAX * 1000);
	}
	unsigned heat = heat_up(e);
	if (UNLIKELY((life_ms - age_ms) * CACHE_PREFETCH_PART < life_ms) && find == CACHE_FRESH && !key->no_prefetch &&
	    is_to_be_prefetched(cache, e, heat))
		find = CACHE_PREFETCH;
	uint32_t age_s = (uint32_t)((uint64_t)age_ms / 1000);
	*ret = (struct response){
	    .flags = e->flags,
	    .ancount = e->ancount,
	    .nscount = e->nscount,
	    .arcount = e->arcount,
	    .ttl_count = e->ttl_count,
	    .target_count = e->target_count,
	    .ttl_s = find == CACHE_STALE ? 0 : e->ttl_s - age_s,
	    .age_s = age_s,
	    .body_len = e->body_len,
	    .ttl_pos = e->places,
	    .targets = e->places + e->ttl_count,
	    .body = entry_body(e),
	};
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

static struct ttl_bounds ttl_bounds(int64_t min_s, int64_t max_s)
{
	int64_t high_s = MAX(MIN(max_s, (int64_t)INT32_MAX), 0);
	int64_t low_s = MAX(MIN(min_s, high_s), 0);
	return (struct ttl_bounds){.low_s = (uint32_t)low_s, .high_s = (uint32_t)high_s};
}

static struct shard_rules rules_now(const struct cache *cache)
{
	const struct rules *rules = &cache->rules;
	int64_t min_s = atomic_load_explicit(&rules->min_ttl_s, memory_order_relaxed);
	int64_t max_s = atomic_load_explicit(&rules->max_ttl_s, memory_order_relaxed);
	int64_t negative_s = atomic_load_explicit(&rules->max_negative_ttl_s, memory_order_relaxed);
	return (struct shard_rules){
	    .positive = ttl_bounds(min_s, max_s),
	    /* a denial is kept by max_negative_ttl_s, whatever min_ttl_s says */
	    .negative = ttl_bounds(min_s, MIN(negative_s, max_s)),
	    .serve_stale_s = atomic_load_explicit(&rules->serve_stale_s, memory_order_relaxed),
	};
}

void cache_put(struct cache_reader *reader, const struct cache_key *key, int64_t now_ms, const struct response *response)
{
	struct cache *cache = reader->cache;
	if (unlikely_bug(!response->uncached && !response_is_sound(response)))
		return;
	if (UNLIKELY(atomic_load_explicit(&cache->retired_bytes, memory_order_relaxed) > 0) &&
	    pthread_mutex_trylock(&cache->change) == 0) {
		retired_reap(cache);
		change_end(cache);
	}
	struct shard_rules rules = rules_now(cache);
	for (;;) {
		size_t index = shard_index(cache, key->hash);
		struct shard *s = &cache->shards[index];
		if (UNLIKELY(atomic_load_explicit(&s->moving, memory_order_relaxed))) {
			shard_refuse(s);
			return;
		}
		shard_lock(s);
		bool right = index == shard_index(cache, key->hash); /* the number of shards may just have changed */
		if (right)
			shard_put(s, &cache->epoch, &rules, key, now_ms, response);
		shard_unlock(s);
		if (right)
			return;
	}
}

size_t cache_flush(struct cache *cache, const struct name *name, bool subtree)
{
	static const struct name root = {.len = 1};
	size_t count = 0;
	bool all = name == NULL || (subtree && name->labels == 0), patient = true;
	change_begin(cache);
	retired_reap(cache);
	bool renew = all && cache->retired == NULL; /* or flushes would add up to any size while somebody stays inside */
	for (size_t i = 0; i <= atomic_load_explicit(&cache->shard_mask, memory_order_relaxed); i++) {
		struct shard *s = &cache->shards[i];
		uint64_t dropped = 0;
		if (renew)
			retire(cache, shard_renew(s, cache->shard_len, false, &dropped));
		else
			dropped = shard_flush(s, all ? &root : name, subtree || all);
		count += dropped;
	}
	retired_wait(cache, &patient);
	change_end(cache);
	return count;
}

void cache_stats(struct cache *cache, struct cache_stats *ret)
{
	struct cache_stats sum = {.bytes = atomic_load_explicit(&cache->retired_bytes, memory_order_relaxed)};
	for (size_t i = 0; i < CACHE_SHARDS_MAX; i++)
		shard_add_stats(&cache->shards[i], &sum);
	if (sum.bytes > 0)
		sum.bytes += CACHE_OWN_COST;
	sum.limit_bytes = atomic_load_explicit(&cache->size_bytes, memory_order_relaxed);
	*ret = sum;
}
