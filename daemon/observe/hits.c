/* SPDX-License-Identifier: BSD-2-Clause */
#include "observe/hits.h"

#include "base/rand.h"
#include "base/addr.h"
#include "base/siphash.h"
#include "wire/name.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS_MIN 256
#define EVICT_LOOKS 32 /* places looked at for the one that was not hit for the longest time */

struct hits {
	struct siphash_key seed; /* names of lists are strangers' */
	struct hit **slots;	 /* owned; open addressing, at most half full */
	size_t slot_count, count;
	char *lists[HITS_LISTS_MAX];
	size_t list_count;
	struct hits_info info;
};

struct hits *hits_create(int64_t now_s)
{
	struct hits *h = base_alloc(sizeof(*h));

	rand_bytes(&h->seed, sizeof(h->seed));
	h->slot_count = SLOTS_MIN;
	h->slots = base_alloc(h->slot_count * sizeof(struct hit *));
	h->info.since_s = now_s;
	return h;
}

void hits_destroy(struct hits *h)
{
	if (h == NULL)
		return;
	for (size_t i = 0; i < h->slot_count; i++)
		free(h->slots[i]);
	for (size_t i = 0; i < h->list_count; i++)
		free(h->lists[i]);
	free(h->slots);
	free(h);
}

uint16_t hits_list(struct hits *h, struct str name)
{
	for (size_t i = 0; i < h->list_count; i++) {
		if (str_eq_c(name, h->lists[i]))
			return (uint16_t)i;
	}
	if (h->list_count == HITS_LISTS_MAX || name.len == 0 || name.len > UINT8_MAX)
		return HITS_NO_LIST;
	h->lists[h->list_count] = str_dup(name);
	return (uint16_t)h->list_count++;
}

struct str hits_list_name(const struct hits *h, uint16_t list)
{
	return list < h->list_count ? str_from(h->lists[list]) : (struct str){"", 0};
}

/* ---- the table ---- */

static uint64_t hash_of(const struct hits *h, const struct hits_key *key)
{
	struct siphash_key seed = h->seed;

	seed.k0 ^= (uint64_t)key->list << 8 | (uint64_t)key->match;
	seed.k1 ^= key->conditions;
	return siphash13(&seed, key->key.ptr, key->key.len);
}

static bool is_it(const struct hit *hit, const struct hits_key *key, uint64_t hash)
{
	return hit->hash == hash && hit->list == key->list && hit->match == (uint8_t)key->match &&
	       hit->conditions == key->conditions && str_eq(hit_key(hit), key->key);
}

/* Its place, or the free one where it would be. */
static size_t place_of(const struct hits *h, const struct hits_key *key, uint64_t hash)
{
	size_t at = hash & (h->slot_count - 1);

	while (h->slots[at] != NULL && !is_it(h->slots[at], key, hash))
		at = (at + 1) & (h->slot_count - 1);
	return at;
}

static void grow(struct hits *h)
{
	struct hit **old = h->slots;
	size_t old_count = h->slot_count;

	h->slot_count *= 2;
	h->slots = base_alloc(h->slot_count * sizeof(struct hit *));
	for (size_t i = 0; i < old_count; i++) {
		if (old[i] == NULL)
			continue;
		size_t at = old[i]->hash & (h->slot_count - 1);
		while (h->slots[at] != NULL)
			at = (at + 1) & (h->slot_count - 1);
		h->slots[at] = old[i];
	}
	free(old);
}

/* Those behind it move up, so that none is lost behind a hole. */
static void take_out(struct hits *h, size_t at)
{
	const size_t mask = h->slot_count - 1;

	free(h->slots[at]);
	for (size_t next = (at + 1) & mask; h->slots[next] != NULL; next = (next + 1) & mask) {
		size_t home = h->slots[next]->hash & mask;
		if (((next - home) & mask) >= ((next - at) & mask)) {
			h->slots[at] = h->slots[next];
			at = next;
		}
	}
	h->slots[at] = NULL;
	h->count--;
}

static void evict(struct hits *h)
{
	size_t at = rand_u32() & (h->slot_count - 1), oldest = SIZE_MAX;

	for (unsigned looks = 0; looks < EVICT_LOOKS; at = (at + 1) & (h->slot_count - 1)) {
		if (h->slots[at] == NULL)
			continue;
		looks++;
		if (oldest == SIZE_MAX || h->slots[at]->last_s < h->slots[oldest]->last_s)
			oldest = at;
	}
	take_out(h, oldest);
	h->info.evicted++;
}

struct hit *hits_find(struct hits *h, const struct hits_key *key)
{
	return h->slots[place_of(h, key, hash_of(h, key))];
}

struct hit *hits_add(struct hits *h, const struct hits_key *key, struct str written)
{
	const uint64_t hash = hash_of(h, key);

	if (key->key.len > HITS_KEY_MAX || written.len > HITS_KEY_MAX || key->list == HITS_NO_LIST)
		return NULL;
	if (h->count == HITS_MAX)
		evict(h);
	if (2 * (h->count + 1) > h->slot_count)
		grow(h);
	struct hit *hit = base_alloc(sizeof(*hit) + key->key.len + written.len);
	hit->hash = hash;
	hit->list = key->list;
	hit->match = (uint8_t)key->match;
	hit->conditions = key->conditions;
	hit->has_written = written.ptr != NULL;
	hit->key_len = (uint16_t)key->key.len;
	hit->written_len = (uint16_t)written.len;
	memcpy(hit->bytes, key->key.ptr, key->key.len);
	if (written.ptr != NULL)
		memcpy(hit->bytes + key->key.len, written.ptr, written.len);
	h->slots[place_of(h, key, hash)] = hit;
	h->count++;
	return hit;
}

/* ---- figures ---- */

void hit_block(struct hit *hit, uint64_t weight, int64_t at_s, uint32_t ttl_s)
{
	hit->hits += weight;
	hit->last_s = MAX(hit->last_s, at_s);
	hit->ttl_s = MAX(hit->ttl_s, ttl_s);
	hit->until_s = MAX(hit->until_s, at_s + 1 + (int64_t)ttl_s);
}

void hit_allow(struct hit *hit, uint64_t weight, int64_t at_s)
{
	hit->hits += weight;
	hit->last_s = MAX(hit->last_s, at_s);
}

void hit_shadow(struct hit *hit, uint64_t weight, int64_t at_s)
{
	hit->would_block += weight;
	hit->last_s = MAX(hit->last_s, at_s);
}

char *hit_text(const struct hit *h, char buf[HITS_TEXT_MAX])
{
	const struct str written = hit_written(h), key = hit_key(h);
	struct name name;

	if (written.ptr != NULL)
		return str_escape(written, true, buf, HITS_TEXT_MAX);
	switch ((enum match)h->match) {
	case MATCH_EXACT:
	case MATCH_SUBTREE:
	case MATCH_SUBDOMAINS:
		if (name_from_wire((const uint8_t *)key.ptr, key.len, &name))
			return name_to_text(&name, buf);
		break;
	case MATCH_REGEX:
	case MATCH_PATTERN:
		break;
	case MATCH_ADDRESS:
	case MATCH_CLIENT:
		if (key.len == ADDR_WIDE_LEN + 1) {
			const struct prefix p = prefix_from_wide((const uint8_t *)key.ptr, (uint8_t)key.ptr[ADDR_WIDE_LEN]);
			return prefix_to_text(&p, buf);
		}
		break;
	}
	return str_escape(key, true, buf, HITS_TEXT_MAX);
}

void hits_info(const struct hits *h, struct hits_info *ret)
{
	*ret = h->info;
	ret->count = h->count;
}

void hits_begin(struct hits *h, int64_t since_s, uint64_t evicted, int64_t inexact_s)
{
	h->info = (struct hits_info){.since_s = since_s, .evicted = evicted, .inexact_s = inexact_s};
}

void hits_inexact(struct hits *h, int64_t at_s)
{
	h->info.inexact_s = MAX(h->info.inexact_s, at_s);
}

int64_t hits_until(const struct hits *h, const struct hit *hit)
{
	if (hit->until_s == 0)
		return 0;
	return MAX(hit->until_s, h->info.inexact_s == 0 ? 0 : h->info.inexact_s + 1 + (int64_t)hit->ttl_s);
}

const struct hit *hits_next(const struct hits *h, size_t *cursor)
{
	while (*cursor < h->slot_count) {
		const struct hit *hit = h->slots[(*cursor)++];
		if (hit != NULL)
			return hit;
	}
	return NULL;
}
