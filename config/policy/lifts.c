/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Lifts that outrank a list which cannot be edited: image.h draws them. They stand in the live tier; what they lift may stand in
 * either. */
#include "policy/match_ask.h"

#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

/* Does the rule r lift that entry's? */
static inline bool lifts(const uint8_t *r, const uint8_t *entry, int64_t now_s)
{
	return r[IMAGE_RULE_MATCH] == IMAGE_MATCH_LIFT &&
	       le_get_u16(r + IMAGE_RULE_ORDER) == le_get_u16(entry + IMAGE_RULE_ORDER) &&
	       rank_blocks(r[IMAGE_RULE_RANK]) == rank_blocks(entry[IMAGE_RULE_RANK] & ~IMAGE_SHADOW) &&
	       now_s >= le_get_i64(r + IMAGE_RULE_UNTIL);
}

const uint8_t *asking_lift_find(const struct asking *a, const uint8_t *rule, unsigned labels)
{
	const struct image *live = a->policy->tiers[IMAGE_LIVE];
	struct image_set set;
	if (!image_find(live, a->question->name, labels, &set))
		return NULL;
	for (uint32_t i = 0; i < set.count; i++) {
		const uint8_t *r = image_rule(live, image_set_rule(&set, i));
		if (lifts(r, rule, a->now_s))
			return r;
	}
	return NULL;
}

/* --- for reports --- */

size_t policy_lift_count(const struct policy *policy)
{
	return policy->tiers[IMAGE_LIVE]->sections[IMAGE_LIFTS].count;
}

static const uint8_t *lift_at(const struct policy *p, size_t index)
{
	return image_at(p->tiers[IMAGE_LIVE], IMAGE_LIFTS, (uint32_t)p->lifts[index]);
}

static const uint8_t *rule_of_lift(const struct policy *p, const uint8_t *lift)
{
	return image_rule(p->tiers[IMAGE_LIVE], le_get_u32(lift + IMAGE_LIFT_RULE));
}

static int number_order(const void *left, const void *right)
{
	const uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
	return (a > b) - (a < b);
}

void image_lifts_sort(struct policy *policy)
{
	const size_t count = policy_lift_count(policy);
	if (count == 0)
		return;
	policy->lifts = base_alloc(count * sizeof(policy->lifts[0]));
	for (size_t i = 0; i < count; i++) {
		const uint8_t *lift = image_at(policy->tiers[IMAGE_LIVE], IMAGE_LIFTS, i);
		policy->lifts[i] = (uint64_t)le_get_u16(rule_of_lift(policy, lift) + IMAGE_RULE_ORDER) << 32 | i;
	}
	qsort(policy->lifts, count, sizeof(policy->lifts[0]), number_order);
}

/* The first whose list is not before that order. */
static size_t first_of_order(const struct policy *p, unsigned order)
{
	size_t low = 0, high = policy_lift_count(p);
	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		if (p->lifts[middle] >> 32 < order)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The list that stands at that place in saring.yaml. */
static bool list_of_order(const struct policy *p, unsigned order, uint16_t *ret)
{
	size_t low = 0, high = p->list_count; /* they stand in that order */
	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		const struct policy_list_place *place = &p->lists[middle];
		const unsigned here = le_get_u16(image_at(p->tiers[place->tier], IMAGE_LISTS, place->list) + IMAGE_LIST_ORDER);
		if (here == order) {
			*ret = (uint16_t)middle;
			return true;
		}
		if (here < order)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

/* Entries in that list's tier that would be in force at that time but for the rule. */
static size_t count_entries(const struct image *im, const struct name *name, const uint8_t *rule, int64_t now_s)
{
	struct image_set set;
	size_t count = 0;
	if (!image_find(im, name, name->labels, &set))
		return 0;
	for (uint32_t i = 0; i < set.count; i++) {
		const uint8_t *r = image_rule(im, image_set_rule(&set, i));
		count += r[IMAGE_RULE_MATCH] <= MATCH_SUBDOMAINS && (r[IMAGE_RULE_RANK] & IMAGE_SHADOW) == 0 &&
			 now_s < le_get_i64(r + IMAGE_RULE_UNTIL) && lifts(rule, r, now_s);
	}
	return count;
}

size_t image_lifted(const struct policy *policy, size_t tier, size_t list, int64_t now_s)
{
	const struct image *live = policy->tiers[IMAGE_LIVE], *im = policy->tiers[tier];
	const unsigned order = le_get_u16(image_at(im, IMAGE_LISTS, list) + IMAGE_LIST_ORDER);
	const size_t end = first_of_order(policy, order + 1);
	size_t lifted = 0;
	for (size_t i = first_of_order(policy, order); i < end; i++) {
		const uint8_t *lift = lift_at(policy, i), *rule = rule_of_lift(policy, lift);
		struct name name;
		if (now_s >= le_get_i64(rule + IMAGE_RULE_UNTIL) &&
		    name_from_text(image_string(live, le_get_u32(lift + IMAGE_LIFT_NAME)), &name, NULL))
			lifted += count_entries(im, &name, rule, now_s);
	}
	return lifted;
}

/* NULL and "" differ. */
static uint64_t hash_text(struct str text, uint64_t seed)
{
	const uint64_t hash = XXH3_64bits_withSeed(text.ptr == NULL ? "" : text.ptr, text.len, seed);
	return text.ptr == NULL ? ~hash : hash;
}

void image_lifts_sum(const struct policy *policy, uint64_t ret[2])
{
	const struct image *live = policy->tiers[IMAGE_LIVE];
	ret[0] = ret[1] = 0;
	for (size_t i = 0; i < policy_lift_count(policy); i++) {
		const uint8_t *lift = image_at(live, IMAGE_LIFTS, i), *rule = image_rule(live, le_get_u32(lift + IMAGE_LIFT_RULE));
		const uint8_t *p = image_at(live, IMAGE_PROVENANCE, le_get_u32(rule + IMAGE_RULE_PROVENANCE));
		uint16_t list = 0; /* those in mode off are not counted: they are no part of the policy */
		(void)list_of_order(policy, le_get_u16(rule + IMAGE_RULE_ORDER), &list);
		uint64_t hash = (uint64_t)rule[IMAGE_RULE_RANK] << 16 | list;
		hash = hash_text(image_string(live, le_get_u32(lift + IMAGE_LIFT_NAME)), hash);
		hash = hash_text(image_string(live, le_get_u32(p + IMAGE_PROV_LIFT_REASON)), hash);
		hash = hash_text(image_string(live, le_get_u32(p + IMAGE_PROV_LIFT_REFERENCE)), hash);
		ret[0] += hash;
		ret[1] += XXH3_64bits(&hash, sizeof(hash));
	}
}

size_t policy_list_lifts(const struct policy *policy, uint16_t list, size_t *ret_first)
{
	const struct policy_list_place *place = &policy->lists[list];
	const unsigned order = le_get_u16(image_at(policy->tiers[place->tier], IMAGE_LISTS, place->list) + IMAGE_LIST_ORDER);
	*ret_first = first_of_order(policy, order);
	return first_of_order(policy, order + 1) - *ret_first;
}

bool policy_lift(const struct policy *policy, size_t index, struct policy_lift *ret)
{
	const struct image *live = policy->tiers[IMAGE_LIVE];
	const uint8_t *lift = lift_at(policy, index), *rule = rule_of_lift(policy, lift);
	const uint8_t *p = image_at(live, IMAGE_PROVENANCE, le_get_u32(rule + IMAGE_RULE_PROVENANCE));
	*ret = (struct policy_lift){.name = image_string(live, le_get_u32(lift + IMAGE_LIFT_NAME)),
				    .lifted = image_string(live, le_get_u32(p + IMAGE_PROV_LIFTED)),
				    .lifted_s = le_get_i64(rule + IMAGE_RULE_UNTIL)};
	return list_of_order(policy, le_get_u16(rule + IMAGE_RULE_ORDER), &ret->list);
}

bool policy_list_has(const struct policy *policy, uint16_t list, const struct name *name)
{
	must(list < policy->list_count);
	const struct policy_list_place *place = &policy->lists[list];
	const struct image *im = policy->tiers[place->tier];
	const unsigned order = le_get_u16(image_at(im, IMAGE_LISTS, place->list) + IMAGE_LIST_ORDER);
	struct image_set set;
	if (!image_find(im, name, name->labels, &set))
		return false;
	for (uint32_t i = 0; i < set.count; i++) {
		const uint8_t *r = image_rule(im, image_set_rule(&set, i));
		if (r[IMAGE_RULE_MATCH] <= MATCH_SUBDOMAINS && le_get_u16(r + IMAGE_RULE_ORDER) == order)
			return true;
	}
	return false;
}
