/* SPDX-License-Identifier: BSD-2-Clause
 *
 * image_join.c - a live image and the bulk image it names become one policy. */
#include "policy/image_read.h"

#include "base/hex.h"

#include <stdio.h>
#include <stdlib.h>

static const uint8_t no_hash[16];

/* All lists, in the order of saring.yaml: each tier has its own in that order. */
static bool lists_merge(struct policy *p, struct err *err)
{
	size_t next[POLICY_TIERS] = {0, 0}, count = 0;
	for (size_t tier = 0; tier < p->tier_count; tier++)
		count += p->tiers[tier]->sections[IMAGE_LISTS].count;
	if (count > UINT16_MAX)
		return err_set(err, ERR_INPUT, "the images hold %zu lists, more than there can be", count);
	p->lists = base_alloc(count * sizeof(p->lists[0]));
	for (size_t tier = 0; tier < p->tier_count; tier++)
		p->list_numbers[tier] = base_alloc(p->tiers[tier]->sections[IMAGE_LISTS].count * sizeof(uint16_t));
	for (p->list_count = 0; p->list_count < count; p->list_count++) {
		unsigned best = UINT16_MAX + 1u;
		size_t from = 0;
		for (size_t tier = 0; tier < p->tier_count; tier++) {
			if (next[tier] == p->tiers[tier]->sections[IMAGE_LISTS].count)
				continue;
			unsigned order = le_get_u16(image_at(p->tiers[tier], IMAGE_LISTS, next[tier]) + IMAGE_LIST_ORDER);
			if (order == best)
				return err_set(err, ERR_INPUT, "the two images do not belong together: both have a list %u", order);
			if (order < best) {
				best = order;
				from = tier;
			}
		}
		p->list_numbers[from][next[from]] = (uint16_t)p->list_count;
		p->lists[p->list_count] = (struct policy_list_place){(uint16_t)from, (uint16_t)next[from]++};
	}
	return true;
}

static bool policy_join(struct policy *p, struct err *err)
{
	p->tiers[p->tier_count++] = &p->live->image;
	if (p->bulk != NULL)
		p->tiers[p->tier_count++] = &p->bulk->image;
	p->best_rank = RANK_COUNT;
	image_lifts_sort(p);
	p->has_lifts = p->live->image.sections[IMAGE_LIFTS].count > 0;
	for (size_t tier = 0; tier < p->tier_count; tier++) {
		p->best_rank = MIN(p->best_rank, p->tiers[tier]->best_rank);
		p->labels_above[0] |= p->tiers[tier]->labels_above[0];
		p->labels_above[1] |= p->tiers[tier]->labels_above[1];
		p->has_clients |= p->tiers[tier]->client_count > 0;
		p->has_general |= p->tiers[tier]->general_count > 0;
	}
	return lists_merge(p, err);
}

static bool names_bulk(const struct policy *p)
{
	return memcmp(p->live->image.bulk_hash, no_hash, sizeof(no_hash)) != 0;
}

static bool is_named(const struct policy *p, const struct image_shared *bulk)
{
	return memcmp(p->live->image.bulk_hash, bulk->image.body_hash, sizeof(no_hash)) == 0;
}

static bool bulk_check(const struct policy *p, struct err *err)
{
	if (p->bulk == NULL ? names_bulk(p) : !is_named(p, p->bulk))
		return err_set(err, ERR_INPUT, "the bulk image is not the one that the live image names");
	return true;
}

bool policy_open_memory(const void *live, size_t live_len, const void *bulk, size_t bulk_len, struct policy **ret, struct err *err)
{
	struct policy *p = base_alloc(sizeof(*p));
	if ((p->live = image_shared_from_memory(live, live_len, IMAGE_LIVE, err)) == NULL ||
	    (bulk != NULL && (p->bulk = image_shared_from_memory(bulk, bulk_len, IMAGE_BULK, err)) == NULL) ||
	    !bulk_check(p, err) || !policy_join(p, err)) {
		policy_close(p);
		return false;
	}
	*ret = p;
	return true;
}

static bool bulk_open(struct policy *p, const char *path, const struct policy *previous, struct err *err)
{
	char hex[2 * sizeof(no_hash) + 1];
	if (!names_bulk(p))
		return true;
	(void)snprintf(p->bulk_file, sizeof(p->bulk_file), "bulk-%s.img",
		       hex_from_bytes(p->live->image.bulk_hash, sizeof(no_hash), hex));
	if (previous != NULL && previous->bulk != NULL && is_named(p, previous->bulk)) {
		p->bulk = previous->bulk;
		p->bulk->policies++;
		return true;
	}
	char *bulk_path = file_path_beside(path, p->bulk_file);
	p->bulk = image_shared_from_file(bulk_path, IMAGE_BULK, err);
	if (p->bulk != NULL && !bulk_check(p, err)) {
		(void)err_context(err, "policy image '%s'", bulk_path);
		image_shared_drop(p->bulk);
		p->bulk = NULL;
	}
	free(bulk_path);
	return p->bulk != NULL;
}

bool policy_open(const char *path, const struct policy *previous, struct policy **ret, struct err *err)
{
	struct policy *p = base_alloc(sizeof(*p));
	if ((p->live = image_shared_from_file(path, IMAGE_LIVE, err)) == NULL || !bulk_open(p, path, previous, err) ||
	    !policy_join(p, err)) {
		policy_close(p);
		return false;
	}
	*ret = p;
	return true;
}

void policy_close(struct policy *policy)
{
	if (policy == NULL)
		return;
	image_shared_drop(policy->live);
	image_shared_drop(policy->bulk);
	for (size_t tier = 0; tier < POLICY_TIERS; tier++)
		free(policy->list_numbers[tier]);
	free(policy->lists);
	free(policy->lifts);
	free(policy);
}

void policy_cool(const struct policy *policy)
{
	image_shared_cool(policy->live);
	image_shared_cool(policy->bulk);
}

const char *policy_bulk_file(const struct policy *policy)
{
	return policy->bulk_file;
}
