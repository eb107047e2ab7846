/* SPDX-License-Identifier: BSD-2-Clause */
#include "settings/clients.h"

#include "base/be.h"

#include <stdlib.h>
#include <string.h>

/* An address as a number. */
struct wide {
	uint64_t high, low;
};

struct range {
	struct wide from; /* up to where the next begins */
	uint16_t group;
};

struct clients {
	/* Each begins with a range from the lowest address on. IPv4 apart, as most clients are of it: four bytes a range. */
	const uint32_t *v4_from;
	const uint16_t *v4_groups;
	const struct range *v6;
	size_t v4_count, v6_count;
};

static inline int wide_order(struct wide a, struct wide b)
{
	if (a.high != b.high)
		return a.high < b.high ? -1 : 1;
	return a.low == b.low ? 0 : a.low < b.low ? -1 : 1;
}

static inline struct wide wide_from(const uint8_t bytes[ADDR_WIDE_LEN])
{
	return (struct wide){be_get_u64(bytes), be_get_u64(bytes + 8)};
}

/* The last address that agrees with `first` in its first `bits` bits. */
static struct wide wide_last(struct wide first, unsigned bits)
{
	if (bits < 64)
		return (struct wide){first.high | UINT64_MAX >> bits, UINT64_MAX};
	return (struct wide){first.high, bits < 128 ? first.low | UINT64_MAX >> (bits - 64) : first.low};
}

/* IPv4's stand before all others: a prefix of IPv6 that holds the mapped ones is none of theirs. */
static int prefix_order(const void *left, const void *right)
{
	const struct clients_prefix *a = left, *b = right;
	uint8_t a_wide[ADDR_WIDE_LEN], b_wide[ADDR_WIDE_LEN];
	const unsigned a_bits = prefix_to_wide(&a->prefix, a_wide), b_bits = prefix_to_wide(&b->prefix, b_wide);
	const bool a_v4 = addr_wide_is_v4(a_wide) && a_bits >= ADDR_WIDE_V4_BITS,
		   b_v4 = addr_wide_is_v4(b_wide) && b_bits >= ADDR_WIDE_V4_BITS;
	if (a_v4 != b_v4)
		return a_v4 ? -1 : 1;
	const int order = wide_order(wide_from(a_wide), wide_from(b_wide));
	return order != 0 ? order : (int)a_bits - (int)b_bits;
}

void clients_sort(struct clients_prefix *prefixes, size_t count)
{
	if (count > 0)
		qsort(prefixes, count, sizeof(prefixes[0]), prefix_order);
}

bool clients_same_prefix(const struct clients_prefix *a, const struct clients_prefix *b)
{
	return prefix_order(a, b) == 0;
}

/* Ranges being made. */
struct cut {
	struct range *ranges;
	size_t count;
	/* the prefixes that lie around where we are, the outermost first: no more than there are lengths */
	struct wide ends[129];
	uint16_t groups[129];
	size_t depth;
};

static void cut_emit(struct cut *c, struct wide from, uint16_t group)
{
	if (c->count > 0 && wide_order(c->ranges[c->count - 1].from, from) == 0)
		c->count--; /* nothing lies in it */
	if (c->count > 0 && c->ranges[c->count - 1].group == group)
		return;
	c->ranges[c->count++] = (struct range){from, group};
}

/* The innermost ends: what is behind it is of the one around it. */
static void cut_leave(struct cut *c)
{
	struct wide next = c->ends[--c->depth];
	if (++next.low == 0 && ++next.high == 0)
		return; /* the very last address */
	cut_emit(c, next, c->depth > 0 ? c->groups[c->depth - 1] : CLIENTS_NONE);
}

static void cut_enter(struct cut *c, struct wide first, unsigned bits, uint16_t group)
{
	while (c->depth > 0 && wide_order(c->ends[c->depth - 1], first) < 0)
		cut_leave(c);
	must(c->depth < ARRAY_LEN(c->ends));
	c->ends[c->depth] = wide_last(first, bits);
	c->groups[c->depth++] = group;
	cut_emit(c, first, group);
}

/* Ranges of the prefixes of one family; each has two ends at most. */
static void cut_make(struct cut *c, const struct clients_prefix *prefixes, size_t count, struct wide lowest)
{
	c->ranges = base_alloc((2 * count + 1) * sizeof(c->ranges[0]));
	cut_emit(c, lowest, CLIENTS_NONE);
	for (size_t i = 0; i < count; i++) {
		uint8_t bytes[ADDR_WIDE_LEN];
		const unsigned bits = prefix_to_wide(&prefixes[i].prefix, bytes);
		cut_enter(c, wide_from(bytes), bits, prefixes[i].group);
	}
	while (c->depth > 0)
		cut_leave(c);
}

static size_t v4_prefixes(const struct clients_prefix *prefixes, size_t count)
{
	size_t v4 = 0;
	for (; v4 < count; v4++) {
		uint8_t bytes[ADDR_WIDE_LEN];
		if (prefix_to_wide(&prefixes[v4].prefix, bytes) < ADDR_WIDE_V4_BITS || !addr_wide_is_v4(bytes))
			break;
	}
	return v4;
}

struct clients *clients_make(const struct clients_prefix *prefixes, size_t count, struct arena *arena)
{
	const size_t v4 = v4_prefixes(prefixes, count);
	struct clients *c = arena_alloc(arena, sizeof(*c));
	struct cut cut = {.count = 0};
	cut_make(&cut, prefixes, v4, (struct wide){0, UINT64_C(0xffff00000000)});
	uint32_t *from = arena_alloc(arena, cut.count * sizeof(*from));
	uint16_t *groups = arena_alloc(arena, cut.count * sizeof(*groups));
	/* a prefix may end with the last IPv4 address: what is behind that is not looked for */
	for (; c->v4_count < cut.count && cut.ranges[c->v4_count].from.low >> 32 == 0xffff; c->v4_count++) {
		from[c->v4_count] = (uint32_t)cut.ranges[c->v4_count].from.low;
		groups[c->v4_count] = cut.ranges[c->v4_count].group;
	}
	c->v4_from = from;
	c->v4_groups = groups;
	free(cut.ranges);
	cut = (struct cut){.count = 0};
	cut_make(&cut, prefixes + v4, count - v4, (struct wide){0, 0});
	struct range *v6 = arena_alloc(arena, cut.count * sizeof(*v6));
	memcpy(v6, cut.ranges, cut.count * sizeof(*v6));
	c->v6 = v6;
	c->v6_count = cut.count;
	free(cut.ranges);
	return c;
}

/* Do [from, next) and the prefix have an address in common? */
static bool touches(struct wide from, const struct wide *next, const struct prefix *p)
{
	uint8_t bytes[ADDR_WIDE_LEN];
	const unsigned bits = prefix_to_wide(p, bytes);
	const struct wide first = wide_from(bytes), last = wide_last(first, bits);
	return wide_order(from, last) <= 0 && (next == NULL || wide_order(first, *next) < 0);
}

bool clients_reach(const struct clients *clients, uint16_t group, const struct prefix *within, size_t count)
{
	bool reaches = false;
	for (size_t p = 0; p < count && !reaches; p++) {
		const bool v4 = within[p].family == AF_INET;
		const size_t ranges = v4 ? clients->v4_count : clients->v6_count;
		for (size_t i = 0; i < ranges && !reaches; i++) {
			struct wide next = {0, 0}, from = {0, 0};
			const bool last = i + 1 == ranges;
			if ((v4 ? clients->v4_groups[i] : clients->v6[i].group) != group)
				continue;
			from = v4 ? (struct wide){0, UINT64_C(0xffff00000000) | clients->v4_from[i]} : clients->v6[i].from;
			if (!last)
				next = v4 ? (struct wide){0, UINT64_C(0xffff00000000) | clients->v4_from[i + 1]}
					  : clients->v6[i + 1].from;
			reaches = touches(from, last ? NULL : &next, &within[p]);
		}
	}
	return reaches;
}

static uint16_t find_v4(const struct clients *c, uint32_t address)
{
	size_t low = 0, count = c->v4_count;
	while (count > 1) { /* v4_from[low] <= address */
		const size_t half = count / 2;
		low = c->v4_from[low + half] <= address ? low + half : low;
		count -= half;
	}
	return c->v4_groups[low];
}

static uint16_t find_v6(const struct clients *c, struct wide address)
{
	size_t low = 0, count = c->v6_count;
	while (count > 1) {
		const size_t half = count / 2;
		low = wide_order(c->v6[low + half].from, address) <= 0 ? low + half : low;
		count -= half;
	}
	return c->v6[low].group;
}

uint16_t clients_find(const struct clients *clients, const struct addr *address)
{
	if (address->sa.sa_family == AF_INET)
		return find_v4(clients, ntohl(address->in.sin_addr.s_addr));
	if (address->sa.sa_family != AF_INET6)
		return CLIENTS_NONE; /* nobody knows who asks */
	return find_v6(clients, wide_from(address->in6.sin6_addr.s6_addr));
}
