/* SPDX-License-Identifier: BSD-2-Clause */
#include "query/limit.h"

#include "base/rand.h"
#include "base/siphash.h"
#include "query/answer.h"
#include "query/query.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define WAYS 8u /* one cache line */
#define SETS (LIMIT_CLIENTS_MAX / WAYS)
#define TRIES 4u /* other workers may be at the same bucket; after so many it passes */
#define SECOND_NS INT64_C(1000000000)

/* A bucket, as a word: whose it is (19 bits of the hash, never 0), whose turn it is above the rate (1 bit), and until when it is
 * used (44 bits: nanoseconds, modulo five hours). It is full when that is a second ahead; a bucket older than those hours may be
 * taken for one in use, for a second of them. */
#define TAG_SHIFT 45u
#define SLIPPED (UINT64_C(1) << 44)
#define TIME_MASK (SLIPPED - 1)

struct limit {
	struct siphash_key key;
	_Atomic uint64_t *cells[LIMIT_KINDS]; /* SETS x WAYS, each set in a cache line of its own */
	void *blocks[LIMIT_KINDS];
};

uint64_t limit_client(const struct addr *peer)
{
	const uint8_t *bytes = peer->in6.sin6_addr.s6_addr;
	uint64_t client = 0;
	uint8_t tag = 6;

	if (peer->sa.sa_family == AF_INET)
		return UINT64_C(4) << 56 | ntohl(peer->in.sin_addr.s_addr) >> 8;
	if (IN6_IS_ADDR_LINKLOCAL(&peer->in6.sin6_addr)) {
		bytes += 9;
		tag = 10;
	}
	for (size_t i = 0; i < 7; i++)
		client = client << 8 | bytes[i];
	return (uint64_t)tag << 56 | client;
}

struct limit *limit_create(void)
{
	struct limit *l = base_alloc(sizeof(*l));

	rand_bytes(&l->key, sizeof(l->key));
	for (size_t i = 0; i < LIMIT_KINDS; i++) {
		/* not aligned_alloc: from calloc the pages are zero without being touched */
		l->blocks[i] = calloc(1, LIMIT_CLIENTS_MAX * sizeof(uint64_t) + 64);
		must(l->blocks[i] != NULL);
		size_t past = (uintptr_t)l->blocks[i] % 64;
		l->cells[i] = (_Atomic uint64_t *)(void *)((uint8_t *)l->blocks[i] + (past != 0 ? 64 - past : 0));
	}
	return l;
}

void limit_destroy(struct limit *l)
{
	if (l == NULL)
		return;
	for (size_t i = 0; i < LIMIT_KINDS; i++)
		free(l->blocks[i]);
	free(l);
}

/* How much of its second a bucket has used, 0 to SECOND_NS. */
static int64_t used_ns(uint64_t cell, uint64_t now)
{
	int64_t ns = (int64_t)(((cell - now) & TIME_MASK) << (64 - 44)) >> (64 - 44);

	return ns < 0 || ns > SECOND_NS ? 0 : ns;
}

/* The client's bucket, or the one it may take. *ret is what was in it. */
static _Atomic uint64_t *find(_Atomic uint64_t *set, uint64_t tag, uint64_t now, uint64_t *ret)
{
	_Atomic uint64_t *best = &set[0];
	int64_t best_ns = INT64_MAX;

	for (size_t i = 0; i < WAYS; i++) {
		uint64_t cell = atomic_load_explicit(&set[i], memory_order_relaxed);
		if (cell >> TAG_SHIFT == tag) {
			*ret = cell;
			return &set[i];
		}
		int64_t ns = cell == 0 ? -1 : used_ns(cell, now);
		if (ns < best_ns) {
			best = &set[i];
			best_ns = ns;
			*ret = cell;
		}
	}
	return best;
}

enum limit_word limit_take(struct limit *l, enum limit_kind kind, uint64_t client, uint32_t rate, int64_t now_ms)
{
	if (l == NULL)
		return LIMIT_PASSES;
	uint64_t hash = siphash13(&l->key, &client, sizeof(client)), tag = hash >> TAG_SHIFT, now = (uint64_t)now_ms * 1000000;
	_Atomic uint64_t *set = l->cells[kind] + hash % SETS * WAYS;
	int64_t each_ns = MAX(SECOND_NS / rate, (int64_t)1);

	tag = tag != 0 ? tag : 1;
	for (unsigned i = 0; i < TRIES; i++) {
		enum limit_word word = LIMIT_PASSES;
		uint64_t cell, next;
		_Atomic uint64_t *at = find(set, tag, now, &cell);
		bool own = cell >> TAG_SHIFT == tag;
		int64_t ns = own ? used_ns(cell, now) : 0;
		if (ns + each_ns <= SECOND_NS) {
			next = tag << TAG_SHIFT | (own ? cell & SLIPPED : 0) | ((now + (uint64_t)(ns + each_ns)) & TIME_MASK);
		} else {
			word = (cell & SLIPPED) == 0 ? LIMIT_SLIPS : LIMIT_DROPS;
			next = cell ^ SLIPPED;
		}
		if (atomic_compare_exchange_strong_explicit(at, &cell, next, memory_order_relaxed, memory_order_relaxed))
			return word;
	}
	return LIMIT_PASSES;
}

/* Above the rate: told to come by TCP, or with the cookie that goes along; only of a question is there anything to be told. */
static enum fate slip(struct service *s, struct query *q)
{
	if (q->has_cookie)
		answer_rcode(s, q, RCODE_BADCOOKIE, &(struct query_extra){.has_ede = false});
	else
		answer_truncated(s, q);
	counters_add(s->counters, COUNTER_RATE_SLIPPED);
	query_finish(s, q, COUNTER_REFUSED);
	return FATE_ANSWER;
}

/* clients.rate. Whoever comes by TCP or brings a good cookie is who he says he is, and is held back by other means: an answer to
 * him hits nobody else. */
enum fate limit_stage(struct service *s, struct query *q)
{
	uint32_t rate = s->world->settings->rate;

	if (rate == 0 || q->via->stream || q->cookie_good)
		return FATE_NEXT;
	enum limit_word word = limit_take(s->limit, LIMIT_QUERIES, limit_client(&q->peer), rate, s->now_ms);
	if (word == LIMIT_PASSES)
		return FATE_NEXT;
	bool asks = q->parsed == MSG_QUERY || (q->parsed == MSG_COOKIE && q->has_cookie);
	if (word == LIMIT_SLIPS && asks)
		return slip(s, q);
	counters_add(s->counters, COUNTER_RATE_DROPPED);
	query_drop(s, q, COUNTER_DROPPED);
	return FATE_DROP;
}
