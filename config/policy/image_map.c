/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/image.h"

#include <stdlib.h>

/* Magic, order, version, sizes, checksums: is this one whole image of ours, as it was written? */
static bool header_check(const uint8_t *h, size_t len, struct err *err)
{
	if (len < IMAGE_MAGIC_LEN || memcmp(h, IMAGE_MAGIC, IMAGE_MAGIC_LEN) != 0)
		return err_set(err, ERR_INPUT, "this is not a policy image");
	if (len < IMAGE_HEADER_SIZE)
		return err_set(err, ERR_INPUT, "the image is cut short: %zu bytes, less than its header", len);
	if (image_u32(h + IMAGE_H_BYTE_ORDER) != IMAGE_BYTE_ORDER)
		return err_set(err, ERR_INPUT, "the image is of another byte order, or damaged");
	unsigned version = image_u16(h + IMAGE_H_VERSION);
	if (version != IMAGE_VERSION || image_u16(h + IMAGE_H_HEADER_SIZE) != IMAGE_HEADER_SIZE)
		return err_set(err, ERR_INPUT, "the image is of format %u; this program reads format %d: compile it again", version,
			       IMAGE_VERSION);
	if (image_checksum(h, IMAGE_H_HEADER_CHECKSUM) != image_u64(h + IMAGE_H_HEADER_CHECKSUM))
		return err_set(err, ERR_INPUT, "the image's header is damaged: its checksum does not fit");
	uint64_t total = image_u64(h + IMAGE_H_TOTAL_SIZE);
	if (total != len)
		return err_set(err, ERR_INPUT, "the image is %zu bytes long, but says %llu", len, (unsigned long long)total);
	if (image_checksum(h + IMAGE_HEADER_SIZE, len - IMAGE_HEADER_SIZE) != image_u64(h + IMAGE_H_CHECKSUM))
		return err_set(err, ERR_INPUT, "the image is damaged: its checksum does not fit");
	return true;
}

/* Each section right after the one before, the last one up to the end. */
static bool sections_set(struct policy *p, const uint8_t *h, size_t len, struct err *err)
{
	size_t pos = IMAGE_HEADER_SIZE;
	for (size_t i = 0; i < IMAGE_SECTION_COUNT; i++) {
		const uint8_t *place = h + IMAGE_H_SECTIONS + 16 * i;
		uint64_t offset = image_u64(place), count = image_u64(place + 8);
		size_t size = image_record_sizes[i];
		if (offset != pos || count > (len - pos) / size)
			return err_set(err, ERR_INPUT, "the image's section %zu lies outside of it", i);
		p->sections[i] = (struct image_section){.base = h + pos, .count = (size_t)count, .size = size};
		pos += (size_t)count * size;
		pos += (8 - pos % 8) % 8;
		if (pos > len)
			return err_set(err, ERR_INPUT, "the image's section %zu ends outside of it", i);
	}
	if (pos != len)
		return err_set(err, ERR_INPUT, "the image holds %zu bytes that belong to no section", len - pos);
	return true;
}

static bool patterns_compile(struct policy *p, struct err *err)
{
	if (p->pattern_count == 0)
		return true;
	p->patterns = base_alloc(p->pattern_count * sizeof(struct pattern *));
	for (size_t i = 0; i < p->pattern_count; i++) {
		const uint8_t *cold = image_record(p, IMAGE_COLD, p->pattern_first + i);
		struct str text = image_string(p, image_u32(cold + IMAGE_COLD_TEXT));
		if (text.len > IMAGE_PATTERN_LEN_MAX)
			return err_set(err, ERR_INPUT, "a regular expression of the image is %zu bytes long", text.len);
		if (!pattern_compile(text, &p->patterns[i], NULL, err))
			return err_context(err, "the image's regular expression %zu", i);
	}
	return true;
}

static bool policy_fill(struct policy *p, const uint8_t *h, size_t len, struct err *err)
{
	if (!header_check(h, len, err) || !sections_set(p, h, len, err))
		return false;
	p->len = len;
	p->names = (struct image_table){p->sections[IMAGE_NAME_DIR], p->sections[IMAGE_NAMES], h[IMAGE_H_NAME_BITS]};
	p->below = (struct image_table){p->sections[IMAGE_BELOW_DIR], p->sections[IMAGE_BELOW], h[IMAGE_H_BELOW_BITS]};
	memcpy(p->content_hash, h + IMAGE_H_CONTENT_HASH, sizeof(p->content_hash));
	p->key = image_key(p->content_hash);
	p->label_counts[0] = image_u64(h + IMAGE_H_LABEL_COUNTS);
	p->label_counts[1] = image_u64(h + IMAGE_H_LABEL_COUNTS + 8);
	p->generation = image_u32(h + IMAGE_H_GENERATION);
	p->ttl_s = image_u32(h + IMAGE_H_TTL);
	p->compiled_at_s = image_i64(h + IMAGE_H_COMPILED_AT);
	unsigned ranks = h[IMAGE_H_RANKS];
	p->best_rank = RANK_COUNT;
	for (unsigned rank = RANK_COUNT; rank-- > 0;) {
		if ((ranks >> rank & 1) != 0)
			p->best_rank = rank;
	}
	p->pattern_count = image_u32(h + IMAGE_H_PATTERN_COUNT);
	if (p->pattern_count > p->sections[IMAGE_ENTRIES].count)
		return err_set(err, ERR_INPUT, "the image says it has more regular expressions than entries");
	p->pattern_first = p->sections[IMAGE_ENTRIES].count - p->pattern_count;
	return image_verify(p, ranks, err) && patterns_compile(p, err);
}

bool policy_open_memory(const void *bytes, size_t len, struct policy **ret, struct err *err)
{
	struct policy *p = base_alloc(sizeof(*p));
	if (!policy_fill(p, bytes, len, err)) {
		policy_close(p);
		return false;
	}
	*ret = p;
	return true;
}

bool policy_open(const char *path, struct policy **ret, struct err *err)
{
	struct file_map map = {NULL, 0};
	struct policy *p = NULL;
	if (!file_map_open(path, &map, err))
		return false;
	if (!policy_open_memory(map.addr, map.len, &p, err)) {
		file_map_close(&map);
		return err_context(err, "policy image '%s'", path);
	}
	p->map = map;
	*ret = p;
	return true;
}

void policy_close(struct policy *policy)
{
	if (policy == NULL)
		return;
	if (policy->patterns != NULL) {
		for (size_t i = 0; i < policy->pattern_count; i++)
			pattern_destroy(policy->patterns[i]);
		free(policy->patterns);
	}
	if (policy->map.addr != NULL)
		file_map_close(&policy->map);
	free(policy);
}
