/* SPDX-License-Identifier: BSD-2-Clause */
#include "observe/history.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

const int64_t history_width_s[HISTORY_SPANS] = {1, 60, 3600};
const size_t history_buckets[HISTORY_SPANS] = {300, 1440, 720};

static_assert(HISTORY_STEPS == 4, "slot_of takes two bits below the highest");

struct history {
	int64_t since_s;
	uint64_t last[COUNTER_COUNT];		     /* counters begin with the process, at 0 */
	struct history_bucket *rings[HISTORY_SPANS]; /* owned; bucket n is in n % history_buckets, if that is its number */
};

struct history *history_create(int64_t now_s)
{
	struct history *h = base_alloc(sizeof(*h));

	for (size_t i = 0; i < HISTORY_SPANS; i++)
		h->rings[i] = base_alloc(history_buckets[i] * sizeof(h->rings[i][0]));
	history_reset(h, now_s);
	return h;
}

void history_destroy(struct history *h)
{
	if (h == NULL)
		return;
	for (size_t i = 0; i < HISTORY_SPANS; i++)
		free(h->rings[i]);
	free(h);
}

void history_reset(struct history *h, int64_t now_s)
{
	h->since_s = now_s;
	for (size_t i = 0; i < HISTORY_SPANS; i++)
		for (size_t k = 0; k < history_buckets[i]; k++)
			h->rings[i][k].number = -1;
}

const struct history_bucket *history_slot(const struct history *h, enum history_span span, size_t place)
{
	return &h->rings[span][place];
}

int64_t history_since_s(const struct history *h)
{
	return h->since_s;
}

struct history_bucket *history_take(struct history *h, enum history_span span, int64_t number)
{
	struct history_bucket *b = &h->rings[span][(uint64_t)number % history_buckets[span]];

	if (b->number != number) {
		memset(b, 0, sizeof(*b));
		b->number = number;
	}
	return b;
}

const struct history_bucket *history_at(const struct history *h, enum history_span span, int64_t number)
{
	const struct history_bucket *b = &h->rings[span][(uint64_t)number % history_buckets[span]];

	return number >= 0 && b->number == number ? b : NULL;
}

void history_count(struct history *h, const uint64_t counters[COUNTER_COUNT], int64_t now_s)
{
	uint64_t came[COUNTER_COUNT];
	bool any = false;

	for (size_t i = 0; i < COUNTER_COUNT; i++) {
		came[i] = counters[i] > h->last[i] ? counters[i] - h->last[i] : 0;
		h->last[i] = counters[i];
	}
	for (size_t i = 0; i < HISTORY_FATES; i++)
		any = any || came[i] > 0;
	for (unsigned span = 0; any && now_s >= 0 && span < HISTORY_SPANS; span++) {
		struct history_bucket *b = history_take(h, span, now_s / history_width_s[span]);
		for (size_t i = 0; i < HISTORY_FATES; i++)
			b->counts[i] += came[i];
		b->shadowed += came[COUNTER_SHADOWED];
	}
}

/* ---- how long ---- */

/* Below HISTORY_STEPS each microsecond has a slot; above, the two bits below the highest say which of its octave. */
static unsigned slot_of(uint32_t us)
{
	unsigned octave, slot;

	if (us < HISTORY_STEPS)
		return us;
	octave = 31u - (unsigned)__builtin_clz(us);
	slot = (octave - 1) * HISTORY_STEPS + (us >> (octave - 2) & 3);
	return MIN(slot, (unsigned)HISTORY_SLOTS - 1);
}

/* Where a slot begins. */
static double slot_us(unsigned slot)
{
	if (slot < HISTORY_STEPS)
		return slot;
	return (double)((uint64_t)(HISTORY_STEPS + slot % HISTORY_STEPS) << (slot / HISTORY_STEPS - 1));
}

static void add_capped(uint32_t *to, uint64_t by)
{
	*to = (uint32_t)MIN(*to + by, (uint64_t)UINT32_MAX);
}

void history_took(struct history *h, uint32_t took_us, uint32_t weight, int64_t at_s)
{
	for (unsigned span = 0; at_s >= 0 && span < HISTORY_SPANS; span++)
		add_capped(&history_take(h, span, at_s / history_width_s[span])->took[slot_of(took_us)], weight);
}

double history_percentile_us(const struct history_bucket *b, double part)
{
	uint64_t total = 0, seen = 0;

	for (size_t i = 0; i < HISTORY_SLOTS; i++)
		total += b->took[i];
	if (total == 0)
		return 0;
	const double wanted = part * (double)total;
	for (unsigned i = 0; i < HISTORY_SLOTS; i++) {
		if ((double)(seen + b->took[i]) >= wanted && b->took[i] > 0) {
			/* as if a slot's were spread evenly over it */
			double from = slot_us(i), to = i + 1 < HISTORY_SLOTS ? slot_us(i + 1) : from;
			return from + (to - from) * MAX(wanted - (double)seen, 0.0) / (double)b->took[i];
		}
		seen += b->took[i];
	}
	return slot_us(HISTORY_SLOTS - 1);
}

void history_add(struct history_bucket *into, const struct history_bucket *from)
{
	for (size_t i = 0; i < HISTORY_FATES; i++)
		into->counts[i] += from->counts[i];
	into->shadowed += from->shadowed;
	for (size_t i = 0; i < HISTORY_SLOTS; i++)
		add_capped(&into->took[i], from->took[i]);
}
