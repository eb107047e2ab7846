/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/sketch.h"

#include <stdlib.h>
#include <string.h>

/* ---- how often ---- */

void countmin_init(struct countmin *c, uint32_t width)
{
	must(width > 0 && (width & (width - 1)) == 0);
	c->width = width;
	c->counts = base_alloc((size_t)COUNTMIN_DEPTH * width * sizeof(c->counts[0]));
}

void countmin_finish(struct countmin *c)
{
	free(c->counts);
	c->counts = NULL;
	c->width = 0;
}

/* Two halves of one hash make as many as are wanted (Kirsch, Mitzenmacher 2006). */
static uint32_t *place(const struct countmin *c, uint64_t hash, unsigned row)
{
	uint32_t a = (uint32_t)hash, b = (uint32_t)(hash >> 32) | 1;

	return &c->counts[(size_t)row * c->width + ((a + row * b) & (c->width - 1))];
}

uint32_t countmin_get(const struct countmin *c, uint64_t hash)
{
	uint32_t least = UINT32_MAX;

	for (unsigned row = 0; row < COUNTMIN_DEPTH; row++)
		least = MIN(least, *place(c, hash, row));
	return least;
}

/* No counter is raised above what the hash itself can have come to. */
void countmin_add(struct countmin *c, uint64_t hash, uint32_t by)
{
	uint32_t least = countmin_get(c, hash), sum = by > UINT32_MAX - least ? UINT32_MAX : least + by;

	for (unsigned row = 0; row < COUNTMIN_DEPTH; row++) {
		uint32_t *p = place(c, hash, row);
		*p = MAX(*p, sum);
	}
}

void countmin_merge(struct countmin *into, const struct countmin *from)
{
	must(into->width == from->width);
	for (size_t i = 0; i < (size_t)COUNTMIN_DEPTH * into->width; i++) {
		uint32_t a = into->counts[i], b = from->counts[i];
		into->counts[i] = b > UINT32_MAX - a ? UINT32_MAX : a + b;
	}
}

/* ---- how many different ---- */

void loglog_add(uint8_t *registers, unsigned bits, uint64_t hash)
{
	uint64_t rest = hash << bits;
	uint8_t rank = (uint8_t)(rest == 0 ? 65 - bits : (unsigned)__builtin_clzll(rest) + 1);
	uint8_t *r = &registers[hash >> (64 - bits)];

	*r = MAX(*r, rank);
}

void loglog_merge(uint8_t *into, const uint8_t *from, unsigned bits)
{
	for (size_t i = 0; i < (size_t)1 << bits; i++)
		into[i] = MAX(into[i], from[i]);
}

/* Flajolet, Fusy, Gandouet, Meunier 2007; while registers are empty, by how many are: so many draws it takes on average to fill the
 * others, which is a sum, and needs no logarithm. */
uint64_t loglog_estimate(const uint8_t *registers, unsigned bits)
{
	const double m = (double)((uint64_t)1 << bits), alpha = bits < 7 ? 0.709 : 0.7213 / (1 + 1.079 / m);
	double sum = 0, draws = 0;
	size_t empty = 0;

	for (size_t i = 0; i < (size_t)1 << bits; i++) {
		sum += 1.0 / (double)((uint64_t)1 << MIN(registers[i], 63));
		empty += registers[i] == 0;
	}
	double estimate = alpha * m * m / sum;
	if (estimate <= 2.5 * m && empty > 0) {
		for (size_t k = empty + 1; k <= (size_t)1 << bits; k++)
			draws += m / (double)k;
		estimate = draws;
	}
	return (uint64_t)(estimate + 0.5);
}

static void distinct_spread(struct distinct *d)
{
	uint32_t few[DISTINCT_FEW];

	memcpy(few, d->few, sizeof(few));
	memset(d->registers, 0, sizeof(d->registers));
	for (unsigned i = 0; i < d->count; i++)
		loglog_add(d->registers, DISTINCT_BITS, (uint64_t)few[i] << 32);
	d->count = DISTINCT_MANY;
}

void distinct_add(struct distinct *d, uint32_t hash)
{
	if (d->count != DISTINCT_MANY) {
		for (unsigned i = 0; i < d->count; i++)
			if (d->few[i] == hash)
				return;
		if (d->count < DISTINCT_FEW) {
			d->few[d->count++] = hash;
			return;
		}
		distinct_spread(d);
	}
	loglog_add(d->registers, DISTINCT_BITS, (uint64_t)hash << 32);
}

void distinct_merge(struct distinct *into, const struct distinct *from)
{
	if (from->count != DISTINCT_MANY) {
		for (unsigned i = 0; i < from->count; i++)
			distinct_add(into, from->few[i]);
		return;
	}
	if (into->count != DISTINCT_MANY)
		distinct_spread(into);
	loglog_merge(into->registers, from->registers, DISTINCT_BITS);
}

uint64_t distinct_estimate(const struct distinct *d)
{
	return d->count == DISTINCT_MANY ? loglog_estimate(d->registers, DISTINCT_BITS) : d->count;
}
