/* SPDX-License-Identifier: BSD-2-Clause */
#include "cache/failures.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/rand.h"
#include "cache/entry.h"

#define FAILURES_SHARDS 16
#define FAILURES_WAYS 8 /* one cache line of hashes */
#define FAILURES_SETS (FAILURES_MAX / FAILURES_SHARDS / FAILURES_WAYS)
#define FAILURES_STEPS 6

static_assert((FAILURES_SETS & (FAILURES_SETS - 1)) == 0, "a power of two, so that bits of the hash choose the set");
static_assert(FAILURES_TIME_FIRST_MS >= 1000 && FAILURES_TIME_LAST_MS <= 300000, "RFC 9520 §3.2");

static const int64_t times_ms[FAILURES_STEPS] = {FAILURES_TIME_FIRST_MS, 2000, 4000, 8000, 16000, FAILURES_TIME_LAST_MS};

struct failure {
	int64_t until_ms;
	uint16_t type, class, ede;
	uint8_t step; /* in times_ms */
	bool checking_disabled;
	uint8_t name_len;
	uint8_t name[NAME_LEN_MAX];
};

struct set {
	_Alignas(64) uint64_t hashes[FAILURES_WAYS]; /* 0: free */
	struct failure ways[FAILURES_WAYS];
};

struct shard {
	_Alignas(64) pthread_mutex_t lock;
	_Atomic uint64_t entries, noted, evicted; /* written under the lock, read without */
};

struct failures {
	/* Nothing is remembered at this time or later: the way past all locks. It only grows. */
	_Alignas(64) _Atomic int64_t empty_from_ms;
	struct siphash_key key;
	struct set *sets; /* FAILURES_SETS for each shard */
	void *block;	  /* what was allocated for them */
	struct shard shards[FAILURES_SHARDS];
};

/* A question's place. */
struct place {
	uint64_t hash;
	struct shard *shard;
	struct set *set;
};

static void count(_Atomic uint64_t *counter, int by)
{
	uint64_t old = atomic_load_explicit(counter, memory_order_relaxed);
	atomic_store_explicit(counter, old + (uint64_t)(int64_t)by, memory_order_relaxed);
}

static struct place place_lock(struct failures *f, const struct cache_key *key)
{
	uint64_t hash = key_hash(&f->key, key, key->checking_disabled);
	hash = hash != 0 ? hash : 1; /* 0: free */
	size_t shard = (size_t)(hash >> 56) % FAILURES_SHARDS;
	struct place p = {
	    .hash = hash, .shard = &f->shards[shard], .set = &f->sets[shard * FAILURES_SETS + (size_t)hash % FAILURES_SETS]};
	must(pthread_mutex_lock(&p.shard->lock) == 0);
	return p;
}

static void shard_unlock(struct shard *s)
{
	must(pthread_mutex_unlock(&s->lock) == 0);
}

static int seek(const struct place *p, const struct cache_key *key)
{
	for (int i = 0; i < FAILURES_WAYS; i++) {
		const struct failure *e = &p->set->ways[i];
		if (p->set->hashes[i] == p->hash && e->type == key->type && e->class == key->class &&
		    e->checking_disabled == key->checking_disabled && e->name_len == key->name->len &&
		    memcmp(e->name, key->name->wire, e->name_len) == 0)
			return i;
	}
	return -1;
}

static bool is_empty(const struct failures *f, int64_t now_ms)
{
	return f == NULL || now_ms >= atomic_load_explicit(&f->empty_from_ms, memory_order_relaxed);
}

struct failures *failures_create(void)
{
	struct failures *f = aligned_alloc(_Alignof(struct failures), sizeof(*f));
	must(f != NULL);
	memset(f, 0, sizeof(*f));
	atomic_init(&f->empty_from_ms, INT64_MIN);
	rand_bytes(&f->key, sizeof(f->key));
	for (size_t i = 0; i < FAILURES_SHARDS; i++)
		must(pthread_mutex_init(&f->shards[i].lock, NULL) == 0);
	/* not aligned_alloc: from calloc the pages are zero without being touched, and cost nothing until something fails */
	f->block = calloc(1, (size_t)FAILURES_SHARDS * FAILURES_SETS * sizeof(struct set) + _Alignof(struct set));
	must(f->block != NULL);
	size_t past = (uintptr_t)f->block % _Alignof(struct set);
	f->sets = (struct set *)(void *)((uint8_t *)f->block + (past != 0 ? _Alignof(struct set) - past : 0));
	return f;
}

void failures_destroy(struct failures *f)
{
	if (f == NULL)
		return;
	for (size_t i = 0; i < FAILURES_SHARDS; i++)
		must(pthread_mutex_destroy(&f->shards[i].lock) == 0);
	free(f->block);
	free(f);
}

bool failures_find(struct failures *f, const struct cache_key *key, int64_t now_ms, uint16_t *ret_ede)
{
	if (is_empty(f, now_ms))
		return false;
	struct place p = place_lock(f, key);
	int i = seek(&p, key);
	bool found = i >= 0 && now_ms < p.set->ways[i].until_ms;
	if (found)
		*ret_ede = p.set->ways[i].ede;
	shard_unlock(p.shard);
	return found;
}

/* A free way, else the one that may be asked again first. A flood of questions that fail once so pushes out its like, not those
 * that have failed for long. */
static int victim(const struct place *p)
{
	int best = 0;
	for (int i = 0; i < FAILURES_WAYS; i++) {
		if (p->set->hashes[i] == 0)
			return i;
		if (p->set->ways[i].until_ms < p->set->ways[best].until_ms)
			best = i;
	}
	return best;
}

static struct failure *take_way(struct place *p, const struct cache_key *key, int64_t now_ms)
{
	int i = victim(p);
	struct failure *e = &p->set->ways[i];
	if (p->set->hashes[i] == 0)
		count(&p->shard->entries, 1);
	else if (now_ms < e->until_ms)
		count(&p->shard->evicted, 1);
	p->set->hashes[i] = p->hash;
	e->type = key->type;
	e->class = key->class;
	e->checking_disabled = key->checking_disabled;
	e->name_len = key->name->len;
	memcpy(e->name, key->name->wire, key->name->len);
	return e;
}

static void put_off_emptiness(struct failures *f, int64_t from_ms)
{
	int64_t now = atomic_load_explicit(&f->empty_from_ms, memory_order_relaxed);
	while (now < from_ms &&
	       !atomic_compare_exchange_weak_explicit(&f->empty_from_ms, &now, from_ms, memory_order_relaxed, memory_order_relaxed))
		;
}

void failures_note(struct failures *f, const struct cache_key *key, uint16_t ede, bool servers_down, int64_t now_ms)
{
	if (f == NULL)
		return;
	struct place p = place_lock(f, key);
	int i = seek(&p, key);
	struct failure *e = i >= 0 ? &p.set->ways[i] : NULL;
	count(&p.shard->noted, 1);
	if (i < 0 || now_ms >= e->until_ms) {
		bool in_a_row = i >= 0 && now_ms < e->until_ms + FAILURES_REMEMBERED_MS && !servers_down;
		uint8_t step = in_a_row ? (uint8_t)MIN(e->step + 1, FAILURES_STEPS - 1) : 0;
		if (i < 0)
			e = take_way(&p, key, now_ms);
		e->step = step;
		e->ede = ede;
		e->until_ms = now_ms + times_ms[step];
		put_off_emptiness(f, e->until_ms + FAILURES_REMEMBERED_MS);
	}
	shard_unlock(p.shard);
}

void failures_forget(struct failures *f, const struct cache_key *key, int64_t now_ms)
{
	if (is_empty(f, now_ms))
		return;
	struct place p = place_lock(f, key);
	int i = seek(&p, key);
	if (i >= 0) {
		p.set->hashes[i] = 0;
		count(&p.shard->entries, -1);
	}
	shard_unlock(p.shard);
}

static bool failure_is_of(const struct failure *e, const struct name *name, bool subtree)
{
	if (name == NULL)
		return true;
	if (!subtree)
		return e->name_len == name->len && memcmp(e->name, name->wire, name->len) == 0;
	struct name own;
	return name_from_wire(e->name, e->name_len, &own) && name_is_below_or_eq(&own, name);
}

static size_t shard_flush(struct failures *f, size_t shard, const struct name *name, bool subtree)
{
	struct shard *s = &f->shards[shard];
	size_t gone = 0;
	if (atomic_load_explicit(&s->entries, memory_order_relaxed) == 0)
		return 0; /* and its pages stay untouched */
	must(pthread_mutex_lock(&s->lock) == 0);
	for (size_t at = 0; at < FAILURES_SETS; at++) {
		struct set *set = &f->sets[shard * FAILURES_SETS + at];
		for (size_t i = 0; i < FAILURES_WAYS; i++) {
			if (set->hashes[i] == 0 || !failure_is_of(&set->ways[i], name, subtree))
				continue;
			set->hashes[i] = 0;
			count(&s->entries, -1);
			gone++;
		}
	}
	shard_unlock(s);
	return gone;
}

size_t failures_flush(struct failures *f, const struct name *name, bool subtree)
{
	size_t gone = 0;
	for (size_t i = 0; f != NULL && i < FAILURES_SHARDS; i++)
		gone += shard_flush(f, i, name, subtree);
	return gone;
}

void failures_stats(const struct failures *f, struct failures_stats *ret)
{
	struct failures_stats sum = {0};
	for (size_t i = 0; f != NULL && i < FAILURES_SHARDS; i++) {
		const struct shard *s = &f->shards[i];
		sum.entries += atomic_load_explicit(&s->entries, memory_order_relaxed);
		sum.noted += atomic_load_explicit(&s->noted, memory_order_relaxed);
		sum.evicted += atomic_load_explicit(&s->evicted, memory_order_relaxed);
	}
	*ret = sum;
}
