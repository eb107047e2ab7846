/* SPDX-License-Identifier: BSD-2-Clause */
#include "query/inflight.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define INFLIGHT_SHARDS 64u
#define INFLIGHT_BUCKETS 256u /* in a shard */

struct entry {
	struct entry *next;
	uint64_t hash;
	struct name name;
	uint16_t type, class;
	bool dnssec_ok, checking_disabled;
	struct inflight_waiter *waiters; /* owned */
	uint32_t waiter_count, waiter_cap;
};

struct shard {
	_Alignas(64) pthread_mutex_t lock;
	struct entry *buckets[INFLIGHT_BUCKETS];
	size_t count;
};

struct inflight {
	struct shard shards[INFLIGHT_SHARDS];
};

struct inflight *inflight_create(void)
{
	struct inflight *in = NULL;

	must(posix_memalign((void **)&in, 64, sizeof(*in)) == 0);
	memset(in, 0, sizeof(*in));
	for (size_t i = 0; i < INFLIGHT_SHARDS; i++)
		must(pthread_mutex_init(&in->shards[i].lock, NULL) == 0);
	return in;
}

static void entry_destroy(struct entry *e)
{
	free(e->waiters);
	free(e);
}

void inflight_destroy(struct inflight *in)
{
	if (in == NULL)
		return;
	for (size_t i = 0; i < INFLIGHT_SHARDS; i++) {
		for (size_t b = 0; b < INFLIGHT_BUCKETS; b++) {
			for (struct entry *e = in->shards[i].buckets[b], *next; e != NULL; e = next) {
				next = e->next;
				entry_destroy(e);
			}
		}
		pthread_mutex_destroy(&in->shards[i].lock);
	}
	free(in);
}

/* Where the entry hangs, or where a new one would: the whole key is compared, never the hash alone. */
static struct entry **find(struct shard *shard, const struct cache_key *key)
{
	struct entry **at = &shard->buckets[(key->hash >> 8) % INFLIGHT_BUCKETS];

	for (; *at != NULL; at = &(*at)->next) {
		const struct entry *e = *at;
		if (e->hash == key->hash && e->type == key->type && e->class == key->class && e->dnssec_ok == key->dnssec_ok &&
		    e->checking_disabled == key->checking_disabled && name_eq(&e->name, key->name))
			break;
	}
	return at;
}

/* May one more of this client wait? While half of all is left there is nothing to count. */
static bool has_room(const struct entry *e, uint64_t client)
{
	uint32_t left = INFLIGHT_WAITERS_MAX - e->waiter_count, same = 0;

	for (uint32_t i = 0; left <= INFLIGHT_WAITERS_MAX / 2 && i < e->waiter_count && same < left; i++)
		same += e->waiters[i].client == client;
	return same < left;
}

static bool waiter_add(struct entry *e, const struct inflight_waiter *waiter)
{
	if (!has_room(e, waiter->client))
		return false;
	if (e->waiter_count == e->waiter_cap) {
		uint32_t cap = e->waiter_cap == 0 ? 2 : e->waiter_cap * 2;
		struct inflight_waiter *more = realloc(e->waiters, cap * sizeof(*more));
		if (more == NULL)
			return false;
		e->waiters = more;
		e->waiter_cap = cap;
	}
	e->waiters[e->waiter_count++] = *waiter;
	return true;
}

static struct entry *entry_create(const struct cache_key *key)
{
	struct entry *e = malloc(sizeof(*e));

	if (e == NULL)
		return NULL;
	e->next = NULL;
	e->hash = key->hash;
	name_copy(&e->name, key->name);
	e->type = key->type;
	e->class = key->class;
	e->dnssec_ok = key->dnssec_ok;
	e->checking_disabled = key->checking_disabled;
	e->waiters = NULL;
	e->waiter_count = e->waiter_cap = 0;
	return e;
}

enum inflight_join inflight_join(struct inflight *in, const struct cache_key *key, const struct inflight_waiter *waiter)
{
	struct shard *shard = &in->shards[key->hash % INFLIGHT_SHARDS];
	enum inflight_join result = INFLIGHT_FULL;

	pthread_mutex_lock(&shard->lock);
	struct entry **at = find(shard, key);
	if (*at != NULL) {
		if (waiter == NULL || waiter_add(*at, waiter))
			result = INFLIGHT_WAITS;
	} else if (shard->count < INFLIGHT_ENTRIES_MAX / INFLIGHT_SHARDS) {
		struct entry *e = entry_create(key);
		if (e != NULL && (waiter == NULL || waiter_add(e, waiter))) {
			*at = e;
			shard->count++;
			result = INFLIGHT_OWNER;
		} else if (e != NULL) {
			entry_destroy(e);
		}
	}
	pthread_mutex_unlock(&shard->lock);
	return result;
}

size_t inflight_take(struct inflight *in, const struct cache_key *key, struct inflight_waiter **ret)
{
	struct shard *shard = &in->shards[key->hash % INFLIGHT_SHARDS];

	pthread_mutex_lock(&shard->lock);
	struct entry **at = find(shard, key);
	struct entry *e = *at;
	if (e != NULL) {
		*at = e->next;
		shard->count--;
	}
	pthread_mutex_unlock(&shard->lock);
	*ret = NULL;
	if (e == NULL)
		return 0;
	size_t count = e->waiter_count;
	*ret = e->waiters;
	e->waiters = NULL;
	entry_destroy(e);
	return count;
}
