/* SPDX-License-Identifier: BSD-2-Clause */
#include "observe/leaders.h"

#include "base/rand.h"

#include <stdlib.h>
#include <string.h>

#define NOTES_MAX 1024 /* names of lists; more are not told */

struct segment {
	int64_t number; /* of six hours since the epoch */
	uint64_t total[LEADERS_KINDS];
	struct top *top[LEADERS_KINDS]; /* owned; NULL: nothing was counted */
};

struct leaders {
	struct siphash_key seed;
	int64_t since_s, newest;
	struct segment segments[LEADERS_SEGMENTS];
	char *notes[NOTES_MAX + 1]; /* owned; names of lists by their notes, from 1 */
	uint16_t note_count;
};

struct leaders *leaders_create(int64_t now_s)
{
	struct leaders *l = base_alloc(sizeof(*l));

	rand_bytes(&l->seed, sizeof(l->seed));
	l->since_s = now_s;
	l->newest = now_s / LEADERS_SEGMENT_S;
	return l;
}

static void clear_segment(struct segment *s)
{
	for (size_t i = 0; i < LEADERS_KINDS; i++)
		top_destroy(s->top[i]);
	memset(s, 0, sizeof(*s));
}

void leaders_forget(struct leaders *l, int64_t now_s)
{
	for (size_t i = 0; i < LEADERS_SEGMENTS; i++)
		clear_segment(&l->segments[i]);
	l->since_s = now_s;
	l->newest = now_s / LEADERS_SEGMENT_S;
}

void leaders_destroy(struct leaders *l)
{
	if (l == NULL)
		return;
	leaders_forget(l, 0);
	for (size_t i = 1; i <= l->note_count; i++)
		free(l->notes[i]);
	free(l);
}

/* As in traffic.c: what is no longer of the last day goes, and a clock set far back makes all that was counted undated. */
static void move_on(struct leaders *l, int64_t now_s)
{
	const int64_t number = now_s / LEADERS_SEGMENT_S;

	if (number < l->newest - 1)
		leaders_forget(l, now_s);
	l->newest = MAX(l->newest, number);
	for (size_t i = 0; i < LEADERS_SEGMENTS; i++)
		if (l->segments[i].number <= l->newest - LEADERS_SEGMENTS)
			clear_segment(&l->segments[i]);
}

static struct top_name *count(struct leaders *l, enum leaders_kind kind, const void *key, size_t len, const struct fact *f)
{
	struct segment *s = &l->segments[l->newest % LEADERS_SEGMENTS];
	struct siphash_key seed = l->seed;
	const uint64_t client = siphash13(&seed, f->address, ADDR_WIDE_LEN);

	seed.k1 ^= (uint64_t)kind + 1;
	s->number = l->newest;
	s->total[kind] += f->weight;
	if (s->top[kind] == NULL)
		s->top[kind] = top_create();
	return top_take_key(s->top[kind], key, (uint8_t)len, siphash13(&seed, key, len), (uint32_t)(client >> 32), f->weight);
}

static uint16_t note_of(struct leaders *l, struct str list)
{
	for (uint16_t i = 1; i <= l->note_count; i++)
		if (str_eq_c(list, l->notes[i]))
			return i;
	if (l->note_count == NOTES_MAX)
		return 0;
	l->notes[++l->note_count] = str_dup(list);
	return l->note_count;
}

void leaders_take(struct leaders *l, const struct fact *fact, enum privacy privacy)
{
	uint8_t client[ADDR_WIDE_LEN + 1];
	unsigned bits;

	if (fact->fate == COUNTER_REFUSED || fact->fate == COUNTER_DROPPED || privacy == PRIVACY_NONE)
		return;
	move_on(l, fact->at_us / 1000000);
	if (fact_client(fact, privacy, client, &bits)) {
		client[ADDR_WIDE_LEN] = (uint8_t)bits;
		(void)count(l, LEADERS_CLIENTS, client, sizeof(client), fact);
	}
	if (fact->fate != COUNTER_BLOCKED || fact->name->len == 0)
		return;
	struct top_name *name = count(l, LEADERS_BLOCKED, fact->name->wire, fact->name->len, fact);
	if (fact->list.len == 0 || fact->list.len > UINT8_MAX)
		return;
	name->note = note_of(l, fact->list);
	(void)count(l, LEADERS_LISTS, fact->list.ptr, fact->list.len, fact);
}

/* ---- the digest ---- */

/* A leader of one segment, while those of all are put together. */
struct part {
	const struct top_name *name;
	struct leader leader;
	struct distinct clients;
};

static int by_key(const void *a, const void *b)
{
	const struct top_name *x = ((const struct part *)a)->name, *y = ((const struct part *)b)->name;

	if (x->len != y->len)
		return x->len < y->len ? -1 : 1;
	return memcmp(x->wire, y->wire, x->len);
}

static int by_count(const void *a, const void *b)
{
	const struct leader *x = &((const struct part *)a)->leader, *y = &((const struct part *)b)->leader;

	if (x->count != y->count)
		return x->count > y->count ? -1 : 1;
	return by_key(a, b);
}

static struct part part_of(const struct leaders *l, const struct top_name *n)
{
	return (struct part){.name = n,
			     .clients = n->clients,
			     .leader = {.count = n->count,
					.error = n->error,
					.key = {(const char *)n->wire, n->len},
					.note = n->note == 0 ? (struct str){NULL, 0} : str_from(l->notes[n->note])}};
}

/* The same key in several segments becomes one. Returns how many are left. */
static size_t join(struct part *parts, size_t count)
{
	size_t to = 0;

	qsort(parts, count, sizeof(parts[0]), by_key);
	for (size_t i = 1; i < count; i++) {
		struct part *into = &parts[to];
		const struct part *from = &parts[i];
		if (by_key(into, from) != 0) {
			parts[++to] = *from;
			continue;
		}
		into->leader.count += from->leader.count;
		into->leader.error += from->leader.error;
		if (into->leader.note.ptr == NULL)
			into->leader.note = from->leader.note;
		distinct_merge(&into->clients, &from->clients);
	}
	return count == 0 ? 0 : to + 1;
}

void leaders_digest(struct leaders *l, enum leaders_kind kind, int64_t now_s, struct leaders_digest *ret)
{
	struct part *parts = base_alloc((size_t)LEADERS_SEGMENTS * TOP_NAMES * sizeof(parts[0]));
	size_t count = 0;

	move_on(l, now_s);
	*ret = (struct leaders_digest){.since_s = MAX(l->since_s, (l->newest - LEADERS_SEGMENTS + 1) * LEADERS_SEGMENT_S)};
	for (int64_t n = l->newest; n > l->newest - LEADERS_SEGMENTS; n--) { /* the newest first: its note is kept */
		const struct segment *s = &l->segments[n % LEADERS_SEGMENTS];
		if (s->number != n || s->top[kind] == NULL)
			continue;
		ret->total += s->total[kind];
		for (size_t i = 0; i < top_count(s->top[kind]); i++)
			parts[count++] = part_of(l, top_at(s->top[kind], i));
	}
	count = join(parts, count);
	qsort(parts, count, sizeof(parts[0]), by_count);
	ret->leaders = base_alloc((count + 1) * sizeof(ret->leaders[0]));
	for (size_t i = 0; i < count; i++) {
		ret->leaders[i] = parts[i].leader;
		ret->leaders[i].clients = kind == LEADERS_CLIENTS ? 0 : distinct_estimate(&parts[i].clients);
	}
	ret->count = count;
	free(parts);
}

void leaders_digest_finish(struct leaders_digest *d)
{
	free(d->leaders);
	d->leaders = NULL;
}
