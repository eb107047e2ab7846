/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/ident.h"

#include "base/siphash.h"
#include "policy/image_find.h"

static const struct siphash_key conditions_key = {0, 0}; /* compared with themselves alone */

/* The place in ADDRESSES of the rule's prefix that holds the address. */
static bool find_address(const struct image *im, uint32_t rule, bool of_client, const uint8_t *wide, uint32_t *ret)
{
	const size_t from = of_client ? im->answer_runs : 0, count = of_client ? im->client_runs : im->answer_runs;

	for (size_t i = 0; i < count; i++) {
		uint32_t first = 0, end = 0;
		image_run_find(im, &im->runs[from + i], wide, &first, &end);
		for (; first < end; first++) {
			if (le_get_u32(image_at(im, IMAGE_ADDRESSES, first) + IMAGE_ADDRESS_RULE) == rule) {
				*ret = first;
				return true;
			}
		}
	}
	return false;
}

static bool key_address(const struct image *im, const struct policy_spoke *spoke, struct policy_ident *ret)
{
	if (spoke->wide == NULL || !find_address(im, spoke->rule, ret->match == MATCH_CLIENT, spoke->wide, &ret->place))
		return false;
	const uint8_t *p = image_at(im, IMAGE_ADDRESSES, ret->place);
	memcpy(ret->address, p + IMAGE_ADDRESS_BYTES, ADDR_WIDE_LEN);
	ret->address[ADDR_WIDE_LEN] = p[IMAGE_ADDRESS_BITS];
	ret->key = (struct str){(const char *)ret->address, sizeof(ret->address)};
	return true;
}

static bool key_pattern(const struct image *im, const uint8_t *rule, struct policy_ident *ret)
{
	uint32_t pattern = le_get_u32(rule + IMAGE_RULE_PATTERN);

	if (pattern >= im->sections[IMAGE_PATTERNS].count)
		return false;
	ret->key = image_string(im, le_get_u32(image_at(im, IMAGE_PATTERNS, pattern) + IMAGE_PATTERN_TEXT));
	return true;
}

static bool key_name(const struct policy_spoke *spoke, struct policy_ident *ret)
{
	if (spoke->labels > spoke->name->labels)
		return false;
	size_t at = name_suffix_at(spoke->name, spoke->labels);
	ret->key = (struct str){(const char *)spoke->name->wire + at, spoke->name->len - at};
	return true;
}

static const struct image *tier_of(const struct policy *policy, const struct policy_spoke *spoke)
{
	const size_t tier = spoke->bulk ? IMAGE_BULK : IMAGE_LIVE;

	if (tier >= policy->tier_count || spoke->rule >= policy->tiers[tier]->sections[IMAGE_RULES].count)
		return NULL;
	return policy->tiers[tier];
}

bool policy_identify(const struct policy *policy, const struct policy_spoke *spoke, struct policy_ident *ret)
{
	const struct image *im = tier_of(policy, spoke);

	if (im == NULL)
		return false;
	const uint8_t *rule = image_rule(im, spoke->rule);
	const struct str conditions = image_bytes(im, IMAGE_CONDS, le_get_u32(rule + IMAGE_RULE_COND));
	if (!image_match_is_entry(rule[IMAGE_RULE_MATCH]))
		return false;
	ret->match = (enum match)rule[IMAGE_RULE_MATCH];
	ret->list = policy->list_numbers[spoke->bulk ? IMAGE_BULK : IMAGE_LIVE][le_get_u16(rule + IMAGE_RULE_LIST)];
	ret->conditions = conditions.ptr == NULL ? 0 : siphash13(&conditions_key, conditions.ptr, conditions.len) | 1;
	switch (ret->match) {
	case MATCH_EXACT:
	case MATCH_SUBTREE:
	case MATCH_SUBDOMAINS:
		return key_name(spoke, ret);
	case MATCH_REGEX:
	case MATCH_PATTERN:
		return key_pattern(im, rule, ret);
	case MATCH_ADDRESS:
	case MATCH_CLIENT:
		return key_address(im, spoke, ret);
	}
	return false;
}

static struct str written_name(const struct image *im, const struct policy_spoke *spoke)
{
	struct image_set set;
	uint32_t line, string = IMAGE_NONE;

	if (!image_find(im, spoke->name, spoke->labels, &set))
		return (struct str){NULL, 0};
	for (uint32_t i = 0; i < set.count; i++) {
		if (image_set_rule(&set, i) == spoke->rule) {
			(void)image_cold(im, &set, i, &line, &string);
			break;
		}
	}
	return image_string(im, string);
}

struct str policy_ident_written(const struct policy *policy, const struct policy_spoke *spoke, const struct policy_ident *ident)
{
	const struct image *im = tier_of(policy, spoke);

	if (im == NULL)
		return (struct str){NULL, 0};
	switch (ident->match) {
	case MATCH_EXACT:
	case MATCH_SUBTREE:
	case MATCH_SUBDOMAINS:
		return written_name(im, spoke);
	case MATCH_REGEX:
	case MATCH_PATTERN:
		return image_string(
		    im, le_get_u32(image_at(im, IMAGE_PATTERNS, le_get_u32(image_rule(im, spoke->rule) + IMAGE_RULE_PATTERN)) +
				   IMAGE_PATTERN_WRITTEN));
	case MATCH_ADDRESS:
	case MATCH_CLIENT:
		return image_string(im, le_get_u32(image_at(im, IMAGE_ADDRESSES, ident->place) + IMAGE_ADDRESS_WRITTEN));
	}
	return (struct str){NULL, 0};
}
