/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a look-up does before it is one, each part by itself, so that memory comes while the same part is done for other names: the
 * hashes, the filter, the code and the place of the one name that is looked for first, its bucket. A name that is in no list ends
 * at the filter: it costs a hash for each label and a word of memory for each suffix that any rule could speak for. */
#include "policy/match.h"

#include "policy/match_ask.h"
#include "policy/name_hash.h"

static_assert(POLICY_HASHES_MAX <= 64 && POLICY_REST_MAX >= IMAGE_REST_READ && POLICY_REST_MAX % 8 == 0, "what is kept of a name");
static_assert(sizeof(struct policy_prepared) <= 256, "a batch of names stays near");

/* Of the far tier's words all are fetched, wanted or not: to tell them apart costs more. */
void policy_prepare(const struct policy *policy, const struct name *name, struct policy_prepared *ret)
{
	const struct image *im = policy->tiers[policy->tier_count - 1];
	const unsigned labels = name->labels;
	ret->judged = ret->has_records = false;
	if (UNLIKELY(labels >= POLICY_HASHES_MAX))
		return;
	name_hashes_places(name, ret->places, ret->hashes);
	__builtin_prefetch(image_filter_word(im, ret->hashes[labels]));
	for (unsigned n = 2; n < labels; n++)
		__builtin_prefetch(image_filter_word(im, ret->hashes[n]));
}

/* Of the suffixes that rules could speak for (wanted, bit n for hashes[n]), those that the filter does not tell apart from names
 * that are there. Asking for fewer is worth more than asking without branches. */
static inline uint64_t may_have(const struct image *im, const uint64_t *hashes, uint64_t wanted)
{
	uint64_t may = 0;
	for (; wanted != 0; wanted &= wanted - 1) {
		const unsigned n = (unsigned)__builtin_ctzll(wanted);
		may |= filter_passes(le_get_u64(image_filter_word(im, hashes[n])), hashes[n]) << n;
	}
	return may;
}

static inline void judge(const struct policy *policy, const uint64_t *hashes, unsigned labels, unsigned half,
			 uint64_t ret[POLICY_TIERS])
{
	const struct image *live = policy->tiers[IMAGE_LIVE], *bulk = policy->tiers[IMAGE_BULK];
	ret[IMAGE_LIVE] = may_have(live, hashes, image_wanted(live, labels, half));
	ret[IMAGE_BULK] = policy->tier_count > IMAGE_BULK ? may_have(bulk, hashes, image_wanted(bulk, labels, half)) : 0;
}

void asking_judge_deep(const struct policy *policy, const struct name *name, unsigned half, uint64_t ret[POLICY_TIERS])
{
	uint64_t hashes[NAME_LABELS_MAX + 1];
	name_hashes(name, hashes);
	judge(policy, hashes + 64 * (size_t)half, name->labels, half, ret);
}

/* Where the most specific of those that may be there (`any`, the root left out) would stand; of two tiers the bulk one, whose
 * memory is far away. places: of the name's labels. */
static void place_first(const struct policy *policy, const struct name *name, const uint8_t *places, uint64_t any,
			struct policy_prepared *p)
{
	struct code_place place;
	const unsigned labels = 63u - (unsigned)__builtin_clzll(any), tier = (unsigned)(p->may[IMAGE_BULK] >> labels & 1);
	const struct image *im = policy->tiers[tier];
	image_place(im, name, places, labels, &place);
	if (UNLIKELY(place.r_len > POLICY_REST_MAX))
		return;
	p->place.tier = (uint8_t)tier;
	p->place.labels = (uint8_t)labels;
	p->place.r_len = (uint8_t)place.r_len;
	p->place.bucket = place.bucket;
	memcpy(p->place.r, place.r, sizeof(p->place.r));
	__builtin_prefetch(image_bucket(im, place.bucket));
}

static inline uint64_t placeable(const struct policy_prepared *p)
{
	return (p->may[IMAGE_LIVE] | p->may[IMAGE_BULK]) & ~(uint64_t)1;
}

static __attribute__((noinline)) void fetch_deep(const struct policy *policy, const struct name *name, struct policy_prepared *p)
{
	uint8_t places[NAME_LABELS_MAX + 1];
	(void)name_offsets(name, places);
	asking_judge_deep(policy, name, 0, p->may);
	if (placeable(p) != 0)
		place_first(policy, name, places, placeable(p), p);
}

void policy_fetch(const struct policy *policy, const struct name *name, struct policy_prepared *p)
{
	p->judged = true;
	p->place.labels = 0;
	if (UNLIKELY(name->labels >= POLICY_HASHES_MAX)) {
		fetch_deep(policy, name, p);
		return;
	}
	judge(policy, p->hashes, name->labels, 0, p->may);
	if (placeable(p) != 0)
		place_first(policy, name, p->places, placeable(p), p);
}

void policy_fetch_records(const struct policy *policy, struct policy_prepared *p)
{
	if (!p->judged || p->place.labels == 0)
		return;
	const struct image *im = policy->tiers[p->place.tier];
	const uint8_t *dir = image_bucket(im, p->place.bucket), *records = im->sections[IMAGE_RECORDS].base;
	p->place.from = le_get_u32(dir);
	p->place.to = le_get_u32(dir + 4);
	p->has_records = true;
	__builtin_prefetch(records + p->place.from);
	__builtin_prefetch(records + p->place.from + 64); /* a bucket is some 60 bytes long */
}
