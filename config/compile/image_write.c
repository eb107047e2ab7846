/* SPDX-License-Identifier: BSD-2-Clause */
#include "compile/image_write.h"

#include "policy/image_read.h"

void image_seal(uint8_t *image, size_t len)
{
	must(len >= IMAGE_HEADER_SIZE);
	image_body_hash(image + IMAGE_HEADER_SIZE, len - IMAGE_HEADER_SIZE, image + IMAGE_H_BODY_HASH);
	le_put_u64(image + IMAGE_H_HEADER_CHECKSUM, image_header_checksum(image));
}

bool image_header_good(const uint8_t *image, size_t len)
{
	return len >= IMAGE_HEADER_SIZE && le_get_u64(image + IMAGE_H_HEADER_CHECKSUM) == image_header_checksum(image);
}

void image_parts_finish(struct image_parts *parts)
{
	for (size_t i = 0; i < IMAGE_SECTION_COUNT; i++)
		buf_finish(&parts->sections[i]);
}

static size_t aligned(size_t pos)
{
	return (pos + IMAGE_ALIGN - 1) / IMAGE_ALIGN * IMAGE_ALIGN;
}

static void write_header(const struct image_parts *p, uint8_t h[IMAGE_HEADER_SIZE], size_t *ret_total)
{
	size_t pos = IMAGE_HEADER_SIZE;
	memcpy(h + IMAGE_H_MAGIC, IMAGE_MAGIC, IMAGE_MAGIC_LEN);
	le_put_u32(h + IMAGE_H_BYTE_ORDER, IMAGE_BYTE_ORDER);
	le_put_u16(h + IMAGE_H_VERSION, IMAGE_VERSION);
	le_put_u16(h + IMAGE_H_HEADER_SIZE, IMAGE_HEADER_SIZE);
	memcpy(h + IMAGE_H_SETTINGS_HASH, p->settings_hash, sizeof(p->settings_hash));
	memcpy(h + IMAGE_H_BULK_HASH, p->bulk_hash, sizeof(p->bulk_hash));
	memcpy(h + IMAGE_H_LIFTS_HASH, p->lifts_hash, sizeof(p->lifts_hash));
	le_put_u64(h + IMAGE_H_COMPILED_AT, (uint64_t)p->compiled_at_s);
	le_put_u32(h + IMAGE_H_GENERATION, p->generation);
	le_put_u32(h + IMAGE_H_TTL, p->ttl_s);
	le_put_u32(h + IMAGE_H_NAME_COUNT, p->name_count);
	le_put_u32(h + IMAGE_H_ENTRY_COUNT, p->entry_count);
	for (size_t i = 0; i < 2; i++) {
		le_put_u64(h + IMAGE_H_LABELS_AT + 8 * i, p->labels_at[i]);
		le_put_u64(h + IMAGE_H_LABELS_BELOW + 8 * i, p->labels_below[i]);
		le_put_u64(h + IMAGE_H_LABELS_ABOVE + 8 * i, p->labels_above[i]);
	}
	le_put_u32(h + IMAGE_H_SEED, p->seed);
	le_put_u32(h + IMAGE_H_GENERAL_COUNT, p->general_count);
	le_put_u32(h + IMAGE_H_ANSWER_COUNT, p->answer_count);
	h[IMAGE_H_BITS] = p->bits;
	h[IMAGE_H_RANKS] = p->ranks;
	h[IMAGE_H_TIER] = (uint8_t)p->tier;
	for (size_t i = 0; i < IMAGE_SECTION_COUNT; i++) {
		le_put_u64(h + IMAGE_H_SECTIONS + 16 * i, pos);
		le_put_u64(h + IMAGE_H_SECTIONS + 16 * i + 8, p->sections[i].len / image_record_sizes[i]);
		pos = aligned(pos + p->sections[i].len);
	}
	le_put_u64(h + IMAGE_H_TOTAL_SIZE, pos);
	*ret_total = pos;
}

void image_write(struct image_parts *parts, struct buf *ret)
{
	uint8_t header[IMAGE_HEADER_SIZE] = {0};
	size_t start = ret->len, total = 0;
	write_header(parts, header, &total);
	/* At once what it will need: growing by halves would hold 100 MB three times. */
	if (ret->cap - ret->len < total + 1) {
		ret->cap = ret->len + total + 1;
		ret->ptr = base_realloc_big(ret->ptr, ret->cap);
	}
	buf_add(ret, header, sizeof(header));
	for (size_t i = 0; i < IMAGE_SECTION_COUNT; i++) {
		buf_add_str(ret, buf_str(&parts->sections[i]));
		(void)buf_grow(ret, aligned(ret->len - start) - (ret->len - start));
		buf_finish(&parts->sections[i]);
	}
	must(ret->len - start == total);
	image_seal((uint8_t *)ret->ptr + start, total);
}
