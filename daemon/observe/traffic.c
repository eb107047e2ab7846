/* SPDX-License-Identifier: BSD-2-Clause */
#include "observe/traffic.h"

#include "base/rand.h"

#include <stdlib.h>
#include <string.h>

struct segment {
	bool used;
	int64_t number; /* of six hours since the epoch */
	uint64_t queries;
	struct top *top;
	struct countmin sketch;
	uint8_t clients[1 << TRAFFIC_CLIENT_BITS];
};

struct traffic {
	struct siphash_key seed, client_seed;
	int64_t since_s;
	int64_t newest; /* number of the segment under way */
	struct segment segments[TRAFFIC_SEGMENTS];
};

struct traffic *traffic_create(int64_t now_s)
{
	struct traffic *t = base_alloc(sizeof(*t));

	rand_bytes(&t->seed, sizeof(t->seed));
	rand_bytes(&t->client_seed, sizeof(t->client_seed));
	t->since_s = now_s;
	t->newest = now_s / TRAFFIC_SEGMENT_S;
	return t;
}

static void segment_finish(struct segment *s)
{
	top_destroy(s->top);
	countmin_finish(&s->sketch);
	*s = (struct segment){.used = false};
}

void traffic_destroy(struct traffic *t)
{
	if (t == NULL)
		return;
	for (size_t i = 0; i < TRAFFIC_SEGMENTS; i++)
		segment_finish(&t->segments[i]);
	free(t);
}

void traffic_forget(struct traffic *t, int64_t now_s)
{
	for (size_t i = 0; i < TRAFFIC_SEGMENTS; i++)
		segment_finish(&t->segments[i]);
	t->since_s = now_s;
	t->newest = now_s / TRAFFIC_SEGMENT_S;
}

/* What is no longer of the last day goes. A clock that was set back by more than a segment makes all that was counted undated. */
static void move_on(struct traffic *t, int64_t now_s)
{
	const int64_t number = now_s / TRAFFIC_SEGMENT_S;

	if (number < t->newest - 1)
		traffic_forget(t, now_s);
	t->newest = MAX(t->newest, number);
	for (size_t i = 0; i < TRAFFIC_SEGMENTS; i++) {
		if (t->segments[i].used && t->segments[i].number <= t->newest - TRAFFIC_SEGMENTS)
			segment_finish(&t->segments[i]);
	}
}

static struct segment *segment_now(struct traffic *t)
{
	struct segment *s = &t->segments[t->newest % TRAFFIC_SEGMENTS];

	if (!s->used) {
		s->used = true;
		s->number = t->newest;
		s->top = top_create();
		countmin_init(&s->sketch, TRAFFIC_WIDTH);
	}
	return s;
}

void traffic_take(struct traffic *t, const struct name *name, const uint8_t address[ADDR_WIDE_LEN], uint32_t weight, int64_t at_s)
{
	const uint64_t client = siphash13(&t->client_seed, address, ADDR_WIDE_LEN);
	const unsigned most = MIN(name->labels, SKETCH_LABELS_MAX);
	size_t at = name_suffix_at(name, most);

	move_on(t, at_s);
	struct segment *s = segment_now(t);
	s->queries += weight;
	loglog_add(s->clients, TRAFFIC_CLIENT_BITS, client);
	for (unsigned labels = most; labels > 0; labels--, at += 1u + name->wire[at])
		countmin_add(&s->sketch, sketch_hash(&t->seed, name->wire + at, name->len - at, false), weight);
	const uint64_t itself = sketch_hash(&t->seed, name->wire, name->len, true);
	countmin_add(&s->sketch, itself, weight);
	top_take(s->top, name, itself, (uint32_t)(client >> 32), weight);
}

/* ---- the digest ---- */

static int by_wire(const void *a, const void *b)
{
	const struct top_name *x = a, *y = b;

	if (x->len != y->len)
		return x->len < y->len ? -1 : 1;
	return memcmp(x->wire, y->wire, x->len);
}

static int by_count(const void *a, const void *b)
{
	const struct top_name *x = a, *y = b;

	if (x->count != y->count)
		return x->count > y->count ? -1 : 1;
	return by_wire(a, b);
}

/* The same name in several segments becomes one. */
static void names_join(struct traffic_digest *d)
{
	size_t to = 0;

	qsort(d->names, d->name_count, sizeof(d->names[0]), by_wire);
	for (size_t i = 1; i < d->name_count; i++) {
		struct top_name *into = &d->names[to], *from = &d->names[i];
		if (by_wire(into, from) != 0) {
			d->names[++to] = *from;
			continue;
		}
		into->count += from->count;
		into->error += from->error;
		distinct_merge(&into->clients, &from->clients);
	}
	d->name_count = d->name_count == 0 ? 0 : to + 1;
	qsort(d->names, d->name_count, sizeof(d->names[0]), by_count);
}

void traffic_digest(struct traffic *t, int64_t now_s, struct traffic_digest *ret)
{
	uint8_t clients[1 << TRAFFIC_CLIENT_BITS] = {0};

	move_on(t, now_s);
	*ret = (struct traffic_digest){.since_s = MAX(t->since_s, (t->newest - TRAFFIC_SEGMENTS + 1) * TRAFFIC_SEGMENT_S),
				       .seed = t->seed};
	countmin_init(&ret->sketch, TRAFFIC_WIDTH);
	ret->names = base_alloc((size_t)TRAFFIC_SEGMENTS * TOP_NAMES * sizeof(ret->names[0]));
	for (size_t i = 0; i < TRAFFIC_SEGMENTS; i++) {
		const struct segment *s = &t->segments[i];
		if (!s->used)
			continue;
		ret->queries += s->queries;
		countmin_merge(&ret->sketch, &s->sketch);
		loglog_merge(clients, s->clients, TRAFFIC_CLIENT_BITS);
		for (size_t k = 0; k < top_count(s->top); k++)
			ret->names[ret->name_count++] = *top_at(s->top, k);
	}
	ret->clients = loglog_estimate(clients, TRAFFIC_CLIENT_BITS);
	names_join(ret);
}

void traffic_digest_finish(struct traffic_digest *d)
{
	countmin_finish(&d->sketch);
	free(d->names);
	d->names = NULL;
}
