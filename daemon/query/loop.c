/* SPDX-License-Identifier: BSD-2-Clause */
#include "query/loop.h"

#include "base/log.h"
#include "base/rand.h"
#include "query/ask.h"
#include "query/mailbox.h"
#include "query/query.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX "saring-"
#define PREFIX_LEN (sizeof(PREFIX) - 1)
#define LABEL_LEN (PREFIX_LEN + 16) /* and the number in hexadecimal */

struct loop {
	_Atomic uint64_t probe;	  /* the number of the last; 0: none, or it came back */
	_Atomic int64_t probe_ms; /* when it was sent */
	_Atomic int64_t next_ms;
	_Atomic int64_t known_until_ms;
	_Atomic uint64_t host; /* whom it came back from: host_of */
	pthread_mutex_t lock;
	int64_t interval_ms;
	bool has_suspect;
	struct inflight_waiter suspect; /* what the last probe was sent for */
};

struct loop *loop_create(void)
{
	struct loop *l = base_alloc(sizeof(*l));

	must(pthread_mutex_init(&l->lock, NULL) == 0);
	l->interval_ms = LOOP_PROBE_MIN_MS;
	l->known_until_ms = l->next_ms = INT64_MIN;
	return l;
}

void loop_destroy(struct loop *l)
{
	if (l == NULL)
		return;
	pthread_mutex_destroy(&l->lock);
	free(l);
}

/* An address without its port, as a number. For IPv6 half of the bits would do, but not always the same half. */
static uint64_t host_of(const struct addr *a)
{
	uint8_t wide[ADDR_WIDE_LEN];
	uint64_t part[2];

	addr_to_wide(a, wide);
	memcpy(part, wide, sizeof(part));
	return part[0] * 31 + part[1];
}

bool loop_is_known(const struct service *s)
{
	return s->loop != NULL && s->now_ms < atomic_load_explicit(&s->loop->known_until_ms, memory_order_relaxed);
}

/* ---- asking ---- */

/* The label, right below the root or the route's zone: it goes by the same servers, and nobody behind them is told it whose zone
 * was asked for. He could have a browser here ask for it, too. */
static void probe_name(uint64_t number, const struct name *name, unsigned labels, struct name *ret)
{
	char label[LABEL_LEN + 1];

	while (name->len - name_suffix_at(name, labels) + 1 + LABEL_LEN > NAME_LEN_MAX)
		labels--;
	size_t at = name_suffix_at(name, labels), len = name->len - at;
	(void)snprintf(label, sizeof(label), PREFIX "%016llx", (unsigned long long)number);
	ret->wire[0] = LABEL_LEN;
	memcpy(ret->wire + 1, label, LABEL_LEN);
	memcpy(ret->wire + 1 + LABEL_LEN, name->wire + at, len);
	ret->len = (uint8_t)(1 + LABEL_LEN + len);
	ret->labels = (uint8_t)(labels + 1);
}

/* The number of a new probe; 0: it is not time for one. */
static uint64_t probe_begin(struct loop *l, const struct inflight_waiter *suspect, int64_t now_ms)
{
	uint64_t number = 0;

	if (now_ms < atomic_load_explicit(&l->next_ms, memory_order_relaxed))
		return 0;
	pthread_mutex_lock(&l->lock);
	if (now_ms >= atomic_load_explicit(&l->next_ms, memory_order_relaxed)) {
		rand_bytes(&number, sizeof(number));
		number |= 1;
		atomic_store_explicit(&l->probe, number, memory_order_relaxed);
		atomic_store_explicit(&l->probe_ms, now_ms, memory_order_relaxed);
		atomic_store_explicit(&l->next_ms, now_ms + l->interval_ms, memory_order_relaxed);
		l->interval_ms = MIN(l->interval_ms * 2, (int64_t)LOOP_PROBE_MAX_MS);
		l->has_suspect = suspect != NULL;
		if (suspect != NULL)
			l->suspect = *suspect;
	}
	pthread_mutex_unlock(&l->lock);
	return number;
}

static void probe(struct service *s, const struct cache_key *of, const struct inflight_waiter *suspect)
{
	const struct name *name = of->name;
	unsigned labels = upstreams_zone_labels(s->world->upstreams, name, of->type);
	uint64_t number = probe_begin(s->loop, suspect, s->now_ms);
	struct name sought;

	if (number == 0)
		return;
	probe_name(number, name, labels, &sought);
	struct cache_key key = {
	    .name = &sought, .type = RRTYPE_TXT, .class = RRCLASS_IN, .servers = of->servers, .no_prefetch = true};
	cache_hash(s->cache, &key);
	(void)ask_alone(s, &key);
}

bool loop_joined(struct service *s, const struct query *q, const struct inflight_waiter *waiter)
{
	if (s->loop == NULL)
		return false;
	if (loop_is_known(s))
		return host_of(&q->peer) == atomic_load_explicit(&s->loop->host, memory_order_relaxed);
	if (upstreams_has_host(s->world->upstreams, &q->peer))
		probe(s, &q->key, waiter);
	return false;
}

void loop_timed_out(struct service *s, const struct cache_key *key, size_t waiters)
{
	if (s->loop != NULL && waiters > 1 && !loop_is_known(s))
		probe(s, key, NULL);
}

/* ---- and finding that it was us who was asked ---- */

/* What it was sent for went round as well, and need not wait for the end of its time. */
static void release(struct service *s, const struct inflight_waiter *suspect)
{
	struct service *owner = s->peer(s->peer_arg, suspect->worker);
	struct outcome *bad = outcome_create(POOL_BAD, NULL);

	if (bad == NULL)
		return;
	if (mailbox_post(owner->mailbox, suspect, bad))
		owner->wake(owner->wake_arg);
	outcome_unref(bad);
}

static void proved(struct service *s, const struct query *q)
{
	static struct log_limit limit = {.interval_ms = 60000};
	struct loop *l = s->loop;
	struct inflight_waiter suspect;
	char host[ADDR_TEXT_MAX];

	pthread_mutex_lock(&l->lock);
	bool has_suspect = l->has_suspect;
	suspect = l->suspect;
	atomic_store_explicit(&l->probe, 0, memory_order_relaxed);
	l->has_suspect = false;
	l->interval_ms = LOOP_PROBE_MIN_MS;
	atomic_store_explicit(&l->host, host_of(&q->peer), memory_order_relaxed);
	atomic_store_explicit(&l->known_until_ms, s->now_ms + LOOP_KNOWN_MS, memory_order_relaxed);
	pthread_mutex_unlock(&l->lock);
	counters_add(s->counters, COUNTER_LOOPS);
	log_limited(
	    &limit, LOG_LEVEL_WARNING,
	    "upstream.loop from=\"%s\" text=\"a question that was asked of an upstream server came back from this address: the "
	    "servers ask each other in a circle\"",
	    addr_host_to_text(&q->peer, host));
	if (has_suspect)
		release(s, &suspect);
}

bool loop_is_probe(struct service *s, const struct query *q)
{
	const uint8_t *wire = query_sought(q)->wire;
	char label[LABEL_LEN + 1];

	if (s->loop == NULL || wire[0] != LABEL_LEN || memcmp(wire + 1, PREFIX, PREFIX_LEN) != 0)
		return false;
	uint64_t number = atomic_load_explicit(&s->loop->probe, memory_order_relaxed);
	(void)snprintf(label, sizeof(label), PREFIX "%016llx", (unsigned long long)number);
	if (number == 0 || memcmp(wire + 1, label, LABEL_LEN) != 0 ||
	    s->now_ms - atomic_load_explicit(&s->loop->probe_ms, memory_order_relaxed) > LOOP_PROBE_LIFE_MS)
		return false;
	proved(s, q);
	return true;
}
