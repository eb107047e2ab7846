/* SPDX-License-Identifier: BSD-2-Clause */
#include "cache/shard.h"

#include <string.h>

/* For entries that move as they are: none counts as dead. */
#define NO_TIME (INT64_MIN / 2)

/* Figures have one writer at a time: no read-modify-write is needed. */
static void figure_add(_Atomic uint64_t *figure, uint64_t more)
{
	atomic_store_explicit(figure, atomic_load_explicit(figure, memory_order_relaxed) + more, memory_order_relaxed);
}

static uint64_t figure(const _Atomic uint64_t *figure)
{
	return atomic_load_explicit(figure, memory_order_relaxed);
}

static void show(struct shard *s, const struct store *store)
{
	atomic_store_explicit(&s->entries, store != NULL ? store->entries : 0, memory_order_relaxed);
	atomic_store_explicit(&s->bytes, store != NULL ? store_bytes(store) : 0, memory_order_relaxed);
}

/* Only who may change it asks. */
static struct store *store_of(const struct shard *s)
{
	return atomic_load_explicit(&s->store, memory_order_relaxed);
}

void shard_init(struct shard *s)
{
	memset(s, 0, sizeof(*s));
	must(pthread_mutex_init(&s->lock, NULL) == 0);
}

void shard_finish(struct shard *s)
{
	store_destroy(store_of(s));
	atomic_store_explicit(&s->store, NULL, memory_order_relaxed);
	(void)pthread_mutex_destroy(&s->lock);
}

void shard_lock(struct shard *s)
{
	must(pthread_mutex_lock(&s->lock) == 0);
}

void shard_unlock(struct shard *s)
{
	must(pthread_mutex_unlock(&s->lock) == 0);
}

void shard_put(struct shard *s, struct epoch *readers, const struct shard_rules *rules, const struct cache_key *key, int64_t now_ms,
	       const struct response *response)
{
	struct store *store = store_of(s);
	if (store == NULL)
		return;
	store_fetch(store, key->hash);
	struct ttl_bounds bounds = response->negative ? rules->negative : rules->positive;
	struct store_work w = {
	    .readers = readers, .now_ms = now_ms, .serve_stale_s = rules->serve_stale_s, .moves = STORE_MOVES_MAX};
	bool to_keep =
	    !response->uncached && ttl_clamp(bounds, response->ttl_s) > 0 && store_fits(store, entry_size_for(key, response));
	bool kept = to_keep && store_put(store, &w, key, response, bounds);
	if (!kept)
		store_forget(store, key); /* it is no longer what upstream says */
	figure_add(&s->evictions, w.evicted);
	figure_add(&s->insertions, kept ? 1 : 0);
	if (UNLIKELY(to_keep && !kept))
		shard_refuse(s);
	show(s, store);
}

void shard_refuse(struct shard *s)
{
	atomic_fetch_add_explicit(&s->refused, 1, memory_order_relaxed);
}

struct store *shard_renew(struct shard *s, uint64_t len, bool keep, uint64_t *ret_dropped)
{
	atomic_store(&s->moving, true);
	shard_lock(s);
	struct store *old = store_of(s), *store = store_create(len);
	struct store_work w = {.now_ms = NO_TIME};
	if (keep && old != NULL && store != NULL)
		store_take_over(store, &w, old);
	uint64_t had = old != NULL ? old->entries : 0;
	*ret_dropped = had - (store != NULL ? store->entries : 0);
	if (keep)
		figure_add(&s->evictions, *ret_dropped);
	atomic_store_explicit(&s->store, store, memory_order_release);
	show(s, store);
	shard_unlock(s);
	atomic_store(&s->moving, false);
	return old;
}

size_t shard_flush(struct shard *s, const struct name *name, bool subtree)
{
	size_t count = 0;
	struct store *store = store_of(s);
	for (uint32_t pair = 0; store != NULL && pair < store->table.pairs;) {
		shard_lock(s);
		count += store_flush_some(store, name, subtree, &pair);
		show(s, store);
		shard_unlock(s);
	}
	return count;
}

void shard_add_stats(const struct shard *s, struct cache_stats *sum)
{
	sum->entries += figure(&s->entries);
	sum->bytes += figure(&s->bytes);
	sum->evictions += figure(&s->evictions);
	sum->insertions += figure(&s->insertions);
	sum->refused += figure(&s->refused);
}
