/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/review.h"

#include "policy/image_read.h"

size_t policy_review_count(const struct policy *policy)
{
	size_t count = 0;
	for (size_t tier = 0; tier < policy->tier_count; tier++)
		count += policy->tiers[tier]->sections[IMAGE_REVIEWS].count;
	return count;
}

void policy_review(const struct policy *policy, size_t n, struct policy_review *ret)
{
	size_t tier = 0;
	while (n >= policy->tiers[tier]->sections[IMAGE_REVIEWS].count) {
		n -= policy->tiers[tier]->sections[IMAGE_REVIEWS].count;
		tier++;
		must(tier < policy->tier_count);
	}
	const struct image *im = policy->tiers[tier];
	const uint8_t *r = image_at(im, IMAGE_REVIEWS, n);
	const uint8_t *p = image_at(im, IMAGE_PROVENANCE, le_get_u32(r + IMAGE_REVIEW_PROVENANCE));
	*ret = (struct policy_review){.review_s = le_get_i64(r + IMAGE_REVIEW_AT),
				      .until_s = le_get_i64(r + IMAGE_REVIEW_UNTIL),
				      .entries = le_get_u32(r + IMAGE_REVIEW_COUNT),
				      .list = policy->list_numbers[tier][le_get_u16(r + IMAGE_REVIEW_LIST)],
				      .review = image_string(im, le_get_u32(p + IMAGE_PROV_REVIEW)),
				      .authority = image_string(im, le_get_u32(p + IMAGE_PROV_AUTHORITY)),
				      .reference = image_string(im, le_get_u32(p + IMAGE_PROV_REFERENCE))};
	if (le_get_u16(p + IMAGE_PROV_CONTACT_COUNT) > 0)
		ret->contact = image_string(im, le_get_u32(image_at(im, IMAGE_CONTACTS, le_get_u32(p + IMAGE_PROV_CONTACT_FIRST))));
}
