/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The rest of match.h: what is sent for a verdict, and what the images say of themselves and their lists. */
#include "policy/image_find.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

static const struct image *tier_of(const struct policy *p, const struct verdict *verdict)
{
	size_t tier = verdict->bulk ? IMAGE_BULK : IMAGE_LIVE;
	must(tier < p->tier_count);
	return p->tiers[tier];
}

/* RFC 8020: NXDOMAIN for qname would deny every name below it, allowed ones too. Is there an allow entry in force below that wins
 * there? covers: the block, of that rank, holds for what is below qname as well, so that only a stronger allow wins against it. */
static bool tier_allows_below(const struct image *im, const struct name *qname, unsigned rank, bool covers, int64_t now_s)
{
	struct image_set set;
	if (!image_find(im, qname, qname->labels, &set))
		return false;
	for (uint32_t i = 0; i < set.count; i++) {
		const uint8_t *r = image_rule(im, image_set_rule(&set, i));
		if (r[IMAGE_RULE_MATCH] != IMAGE_MATCH_BELOW || now_s >= le_get_i64(r + IMAGE_RULE_UNTIL))
			continue;
		if (!covers || (r[IMAGE_RULE_RANK] & ~IMAGE_SHADOW) < rank)
			return true;
	}
	return false;
}

static inline bool is_above_allow(const uint64_t labels_above[2], const struct name *qname)
{
	return (labels_above[qname->labels / 64] >> qname->labels % 64 & 1) != 0;
}

/* Apart, so that policies without allow entries need no room for it. */
static __attribute__((noinline)) bool allowed_below(const struct policy *policy, const struct name *qname, unsigned rank,
						    bool covers, int64_t now_s)
{
	uint64_t hashes[NAME_LABELS_MAX + 1];
	bool allowed = false;
	name_hashes(qname, hashes);
	for (size_t tier = 0; tier < policy->tier_count && !allowed; tier++) {
		const struct image *im = policy->tiers[tier];
		allowed = is_above_allow(im->labels_above, qname) && image_may_have(im, hashes[qname->labels]) &&
			  tier_allows_below(im, qname, rank, covers, now_s);
	}
	return allowed;
}

/* Does the block hold for all names below qname too? Of patterns nobody can tell, and NODATA does no harm. */
static bool covers_below(const uint8_t *rule, bool owns)
{
	unsigned match = rule[IMAGE_RULE_MATCH];
	return owns && (match == MATCH_SUBTREE || match == MATCH_SUBDOMAINS || match == MATCH_CLIENT);
}

static void deny_no_more(const struct policy *policy, const uint8_t *r, const struct name *qname, bool owns, int64_t now_s,
			 struct policy_answer *a)
{
	if (UNLIKELY(is_above_allow(policy->labels_above, qname)) && a->answer == ANSWER_NXDOMAIN &&
	    allowed_below(policy, qname, r[IMAGE_RULE_RANK] & ~IMAGE_SHADOW, covers_below(r, owns), now_s))
		a->answer = ANSWER_NODATA;
}

void policy_answer(const struct policy *policy, const struct verdict *verdict, const struct name *qname, bool owns, int64_t now_s,
		   struct policy_answer *ret)
{
	const struct image *im = tier_of(policy, verdict);
	const uint8_t *r = image_rule(im, verdict->rule);
	const uint32_t left_s = policy_left(le_get_i64(r + IMAGE_RULE_UNTIL), now_s);
	*ret = (struct policy_answer){
	    .answer = (enum answer)r[IMAGE_RULE_ANSWER],
	    .code = (enum code)r[IMAGE_RULE_CODE],
	    .ttl_s = MIN(policy->tiers[IMAGE_LIVE]->ttl_s, left_s),
	    .left_s = left_s,
	    .serial = policy->tiers[IMAGE_LIVE]->generation,
	    .extra_text = image_string(im, le_get_u32(r + IMAGE_RULE_EXTRA_TEXT)),
	    .ipv4 = im->sections[IMAGE_IPV4].base,
	    .ipv6 = im->sections[IMAGE_IPV6].base,
	    .ipv4_count = im->sections[IMAGE_IPV4].count,
	    .ipv6_count = im->sections[IMAGE_IPV6].count,
	    .records = image_bytes(im, IMAGE_DATA, le_get_u32(r + IMAGE_RULE_DATA)),
	    .owner_labels = owns ? verdict->labels : 0,
	};
	deny_no_more(policy, r, qname, owns, now_s, ret);
}

void policy_answer_own(const struct policy *policy, const struct verdict *verdict, const struct name *qname, bool owns,
		       const struct own_answer *own, int64_t now_s, struct policy_answer *a)
{
	const uint8_t *r = image_rule(tier_of(policy, verdict), verdict->rule);
	if (own->has_addresses) {
		a->ipv4 = own->ipv4;
		a->ipv6 = own->ipv6;
		a->ipv4_count = own->ipv4_count;
		a->ipv6_count = own->ipv6_count;
	}
	if (!own->has_answer || a->answer == ANSWER_LOCAL || a->answer == ANSWER_TRUNCATE)
		return;
	a->answer = own->answer;
	deny_no_more(policy, r, qname, owns, now_s, a);
}

bool policy_in_force(const struct policy *policy, const struct verdict *verdict, int64_t now_s)
{
	return now_s < le_get_i64(image_rule(tier_of(policy, verdict), verdict->rule) + IMAGE_RULE_UNTIL);
}

static_assert(POLICY_STRUCTURED_FORMS == IMAGE_STRUCTURED_FORMS, "every form can be sent");

void policy_structured(const struct policy *policy, const struct verdict *verdict, struct policy_structured *ret)
{
	const struct image *im = tier_of(policy, verdict);
	const uint8_t *r = image_rule(im, verdict->rule);
	for (size_t form = 0; form < POLICY_STRUCTURED_FORMS; form++)
		ret->forms[form] = image_string(im, le_get_u32(r + IMAGE_RULE_STRUCTURED + 4 * form));
}

/* How many of a list's entries are in force: all, but for those whose end has come. UNTILS are sorted. */
static size_t list_in_force(const struct policy *p, size_t tier, size_t list, int64_t now_s)
{
	const struct image *im = p->tiers[tier];
	const uint8_t *r = image_at(im, IMAGE_LISTS, list);
	if (r[IMAGE_LIST_MODE] != MODE_ENFORCE)
		return 0;
	size_t first = le_get_u32(r + IMAGE_LIST_UNTIL_FIRST), low = 0, high = le_get_u32(r + IMAGE_LIST_UNTIL_COUNT);
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (le_get_i64(image_at(im, IMAGE_UNTILS, first + middle)) <= now_s)
			low = middle + 1;
		else
			high = middle;
	}
	const size_t left = le_get_u32(r + IMAGE_LIST_ENTRY_COUNT) - low;
	return left - MIN(left, image_lifted(p, tier, list, now_s));
}

size_t policy_in_force_count(const struct policy *policy, int64_t now_s)
{
	size_t count = 0;
	for (size_t tier = 0; tier < policy->tier_count; tier++) {
		const struct image *im = policy->tiers[tier];
		for (size_t list = 0; list < im->sections[IMAGE_LISTS].count; list++)
			count += list_in_force(policy, tier, list, now_s);
	}
	return count;
}

/* In the order of saring.yaml, whichever tier a list is in. */
static void sum_lists(const struct policy *policy, struct policy_info *ret)
{
	XXH128_canonical_t hash;
	XXH3_state_t *state = XXH3_createState();
	must(state != NULL);
	(void)XXH3_128bits_reset(state);
	for (size_t i = 0; i < policy->list_count; i++) {
		const uint8_t *r = image_at(policy->tiers[policy->lists[i].tier], IMAGE_LISTS, policy->lists[i].list);
		(void)XXH3_128bits_update(state, r + IMAGE_LIST_MEANING, 16);
		ret->lift_count += le_get_u32(r + IMAGE_LIST_LIFTS);
	}
	if (policy_lift_count(policy) > 0) {
		uint64_t lifts[2];
		image_lifts_sum(policy, lifts);
		(void)XXH3_128bits_update(state, lifts, sizeof(lifts));
		ret->lift_count += policy_lift_count(policy);
	}
	XXH128_canonicalFromHash(&hash, XXH3_128bits_digest(state));
	memcpy(ret->content_hash, hash.digest, sizeof(ret->content_hash));
	XXH3_freeState(state);
}

void policy_info(const struct policy *policy, int64_t now_s, struct policy_info *ret)
{
	const struct image *live = policy->tiers[IMAGE_LIVE];
	*ret = (struct policy_info){
	    .generation = live->generation, .list_count = policy->list_count, .compiled_at_s = live->compiled_at_s};
	memcpy(ret->settings_hash, live->settings_hash, sizeof(ret->settings_hash));
	memcpy(ret->lifts_hash, live->lifts_hash, sizeof(ret->lifts_hash));
	for (size_t tier = 0; tier < policy->tier_count; tier++) {
		ret->entry_count += policy->tiers[tier]->entry_count;
		ret->bytes += policy->tiers[tier]->len;
	}
	ret->in_force_count = policy_in_force_count(policy, now_s);
	sum_lists(policy, ret);
}

void policy_list(const struct policy *policy, uint16_t list, int64_t now_s, struct policy_list *ret)
{
	must(list < policy->list_count);
	const struct policy_list_place *place = &policy->lists[list];
	const struct image *im = policy->tiers[place->tier];
	const uint8_t *r = image_at(im, IMAGE_LISTS, place->list);
	*ret = (struct policy_list){
	    .name = image_string(im, le_get_u32(r + IMAGE_LIST_NAME)),
	    .file = image_string(im, le_get_u32(r + IMAGE_LIST_FILE)),
	    .title = image_string(im, le_get_u32(r + IMAGE_LIST_TITLE)),
	    .action = (enum action)r[IMAGE_LIST_ACTION],
	    .mode = (enum mode)r[IMAGE_LIST_MODE],
	    .format = (enum format)r[IMAGE_LIST_FORMAT],
	    .mandatory = r[IMAGE_LIST_MANDATORY] != 0,
	    .entry_count = le_get_u32(r + IMAGE_LIST_ENTRY_COUNT),
	    .in_force_count = list_in_force(policy, place->tier, place->list, now_s),
	    .changed_at_s = le_get_i64(r + IMAGE_LIST_CHANGED_AT),
	};
	memcpy(ret->content, r + IMAGE_LIST_CONTENT, sizeof(ret->content));
	memcpy(ret->identity, r + IMAGE_LIST_IDENTITY, sizeof(ret->identity));
}
