/* SPDX-License-Identifier: BSD-2-Clause */
#include "observe/tap.h"

#include <stdlib.h>

static_assert((TAP_SLOTS_MAX & (TAP_SLOTS_MAX - 1)) == 0 && (TAP_SLOTS_MIN & (TAP_SLOTS_MIN - 1)) == 0, "places are low bits");

static_assert((TAP_BURST_SLOTS_MAX & (TAP_BURST_SLOTS_MAX - 1)) == 0, "likewise");

const char *const tap_via_words[] = {[TAP_UDP] = "udp", [TAP_TCP] = "tcp", [TAP_TLS] = "tls", [TAP_HTTPS] = "https"};

/* Of what the reader wants to see in TAP_DRAIN_MS. */
static size_t share(unsigned workers)
{
	return MAX(TAP_DRAIN_FACTS / MAX(workers, 1u), 1u);
}

/* So many slots for `wanted` facts. */
static uint32_t slots_for(size_t wanted, uint32_t most)
{
	uint32_t slots = TAP_SLOTS_MIN;

	while (slots < most && slots < wanted)
		slots *= 2;
	return slots;
}

/* Facts from number `from` on go into that ring, none of which is in use. */
static void use_ring(struct tap *t, bool all, uint64_t from)
{
	t->all = all;
	t->slots = t->rings[all];
	t->slot_count = t->ring_slots[all];
	t->half = t->slot_count / 2;
	t->step = t->slot_count / 16;
	t->room_to = from + t->slot_count;
}

struct tap *tap_create(unsigned workers, uint64_t seed)
{
	struct tap *t;

	must(posix_memalign((void **)&t, 64, sizeof(*t)) == 0);
	memset(t, 0, sizeof(*t));
	t->ring_slots[false] = slots_for(4 * share(workers), TAP_SLOTS_MAX);
	t->ring_slots[true] = slots_for(2 * TAP_BURST_FACTS / MAX(workers, 1u), TAP_BURST_SLOTS_MAX);
	/* Touched when it is first needed: an idle worker's stays unbacked. */
	for (size_t i = 0; i < ARRAY_LEN(t->rings); i++)
		must(posix_memalign((void **)&t->rings[i], 64, t->ring_slots[i] * sizeof(t->slots[0])) == 0);
	use_ring(t, false, 0);
	t->aim = share(workers);
	t->left = t->every = 1;
	t->dice = seed | 1;
	atomic_store_explicit(&t->wanted, 1, memory_order_relaxed);
	return t;
}

void tap_destroy(struct tap *t)
{
	if (t == NULL)
		return;
	for (size_t i = 0; i < ARRAY_LEN(t->rings); i++)
		free(t->rings[i]);
	free(t);
}

/* ---- the worker ---- */

/* Not before the reader is done with the last change: of two rings one is free then. */
static void follow_ring(struct tap *t)
{
	const bool every = atomic_load_explicit(&t->want_every, memory_order_relaxed);

	if (LIKELY(every == t->all) ||
	    atomic_load_explicit(&t->drained, memory_order_acquire) < atomic_load_explicit(&t->changed, memory_order_relaxed) / 2)
		return;
	use_ring(t, every, t->head);
	/* The facts that it is of are published after it. */
	atomic_store_explicit(&t->changed, t->head * 2 + every, memory_order_relaxed);
}

/* Gaps are uniform in 1 .. 2N - 1, N on average, so that traffic with a beat is not sampled on its beat. */
static void draw(struct tap *t, uint64_t waiting)
{
	uint64_t every = t->all ? 1 : atomic_load_explicit(&t->wanted, memory_order_relaxed);

	if (!t->all && UNLIKELY(waiting > t->half))
		every += (2u << (waiting - t->half) / t->step) - 1; /* what is added doubles with each step in the upper half */
	if (LIKELY(every == 1)) {
		t->left = t->every = 1;
		return;
	}
	every = MIN(every, (uint64_t)TAP_EVERY_MAX);
	/* xorshift: only the sampling hangs on it */
	t->dice ^= t->dice << 13;
	t->dice ^= t->dice >> 7;
	t->dice ^= t->dice << 17;
	t->every = (uint32_t)every;
	t->left = 1 + (uint32_t)((t->dice >> 32) * (2 * every - 1) >> 32);
}

struct tap_fact *tap_begin_busy(struct tap *t)
{
	const uint32_t weight = t->every;

	/* room_to says how full the ring was when the reader was asked last, which may be long ago. */
	if (t->room_to - t->head <= t->half) {
		uint64_t drained = atomic_load_explicit(&t->drained, memory_order_acquire);
		t->room_to = MAX(drained, atomic_load_explicit(&t->changed, memory_order_relaxed) / 2) + t->slot_count;
	}
	draw(t, t->slot_count - (t->room_to - t->head));
	if (t->head == t->room_to) {
		uint64_t lost = atomic_load_explicit(&t->lost, memory_order_relaxed);
		atomic_store_explicit(&t->lost, lost + weight, memory_order_relaxed);
		return NULL;
	}
	struct tap_fact *f = &t->slots[t->head & (t->slot_count - 1)];
	f->weight = weight;
	return f;
}

void tap_draw(struct tap *t)
{
	follow_ring(t);
	draw(t, 0);
}

/* ---- the reader ---- */

struct tap_reading tap_read(struct tap *t)
{
	struct tap_reading r = {.at = atomic_load_explicit(&t->drained, memory_order_relaxed),
				.to = atomic_load_explicit(&t->published, memory_order_acquire)};

	r.changed = atomic_load_explicit(&t->changed, memory_order_relaxed);
	t->crowded = r.to - r.at > t->ring_slots[false] / 2;
	return r;
}

uint64_t tap_read_end(struct tap *t, const struct tap_reading *r)
{
	atomic_store_explicit(&t->drained, r->to, memory_order_release);
	if ((r->changed & 1) != atomic_load_explicit(&t->want_every, memory_order_relaxed)) /* it may have had to wait for this */
		atomic_store_explicit(&t->calmer, true, memory_order_release);
	return r->queries;
}

void tap_adapt(struct tap *t, uint64_t queries, int64_t elapsed_ms)
{
	const uint32_t now = atomic_load_explicit(&t->wanted, memory_order_relaxed);
	uint64_t wanted = queries * TAP_DRAIN_MS / (uint64_t)MAX(elapsed_ms, (int64_t)1) / t->aim + 1;

	if (atomic_load_explicit(&t->want_every, memory_order_relaxed))
		wanted = 1;
	else /* a quiet moment is not taken for a quiet time */
		wanted = MIN(MAX(wanted, (uint64_t)now / 4), (uint64_t)TAP_EVERY_MAX);
	if (wanted != now)
		atomic_store_explicit(&t->wanted, (uint32_t)wanted, memory_order_relaxed);
	if (wanted < now || t->crowded)
		atomic_store_explicit(&t->calmer, true, memory_order_release);
}

void tap_want_every(struct tap *t, bool every)
{
	if (atomic_load_explicit(&t->want_every, memory_order_relaxed) == every)
		return;
	atomic_store_explicit(&t->want_every, every, memory_order_relaxed);
	atomic_store_explicit(&t->calmer, true, memory_order_release);
}

uint64_t tap_lost(const struct tap *t)
{
	return atomic_load_explicit(&t->lost, memory_order_relaxed);
}

uint32_t tap_every(const struct tap *t)
{
	return atomic_load_explicit(&t->wanted, memory_order_relaxed);
}
