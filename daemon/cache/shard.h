/* SPDX-License-Identifier: BSD-2-Clause
 *
 * shard.h - a store, the lock of those who change it, and its figures. Inside daemon/cache only. Readers read the store's pointer
 * (acquire, inside their epoch) and never the lock. */
#ifndef SARING_CACHE_SHARD_H
#define SARING_CACHE_SHARD_H

#include "base/base.h"
#include "cache/store.h"

#include <pthread.h>

struct shard { // NOLINT(clang-analyzer-optin.performance.Padding): what readers read lies in a line of its own
	_Alignas(EPOCH_LINE) _Atomic(struct store *) store; /* NULL: off */
	_Atomic bool moving;				    /* a new size is being made: puts are refused, rather than wait */
	_Alignas(EPOCH_LINE) pthread_mutex_t lock;
	/* written under the lock (the last by anybody), read by anybody */
	_Atomic uint64_t entries, bytes, evictions, insertions;
	_Atomic uint64_t refused;
};

/* What an insertion must know of struct cache_config. */
struct shard_rules {
	struct ttl_bounds positive, negative;
	int64_t serve_stale_s;
};

void shard_init(struct shard *s);
void shard_finish(struct shard *s); /* nobody reads */
void shard_lock(struct shard *s);
void shard_unlock(struct shard *s);

/* Count a put that came to nothing. */
void shard_refuse(struct shard *s);
/* The lock is held. */
void shard_put(struct shard *s, struct epoch *readers, const struct shard_rules *rules, const struct cache_key *key, int64_t now_ms,
	       const struct response *response);
/* The lock is not held. From now the shard has a store of this size, empty or with what the old one has. Returns the old one, which
 * is to be retired, or NULL; ret_dropped: how many of its entries went. One thread at a time. */
MUST_CHECK struct store *shard_renew(struct shard *s, uint64_t len, bool keep, uint64_t *ret_dropped);
/* The lock is not held, nor is it for long at a time. One thread at a time, and not along with shard_renew. */
size_t shard_flush(struct shard *s, const struct name *name, bool subtree);
void shard_add_stats(const struct shard *s, struct cache_stats *sum);

#endif
