/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A piece: bucket (u32), length of the record (u32), length of the cold line (u32), then both; padded to whole words. Pieces are
 * gathered in chunks, then moved to their regions, then, region by region, out. */
#include "compile/compile_buckets.h"

#include <stdlib.h>

#define CHUNK_BYTES ((size_t)1024 * 1024)
#define HEAD 12
#define SHORT 16 /* so many bytes are copied at once where there is room behind */

struct buckets_chunk {
	struct buckets_chunk *next;
	size_t len, cap;
	uint64_t words[];
};

struct piece {
	uint32_t bucket, record_len, cold_len;
	const uint8_t *bytes;
	size_t size; /* in all */
};

static size_t padded(size_t len)
{
	return (len + 7) / 8 * 8;
}

void buckets_init(struct buckets *b, unsigned bits)
{
	memset(b, 0, sizeof(*b));
	b->bits = bits;
	b->region_bits = MIN(bits, (unsigned)BUCKETS_REGION_BITS);
}

void buckets_finish(struct buckets *b)
{
	while (b->first != NULL) {
		struct buckets_chunk *next = b->first->next;
		free(b->first);
		b->first = next;
	}
	b->last = NULL;
}

static size_t region_of(const struct buckets *b, uint32_t bucket)
{
	return bucket >> (b->bits - b->region_bits);
}

static uint8_t *room(struct buckets *b, size_t size)
{
	if (b->last == NULL || b->last->cap - b->last->len < size) {
		size_t cap = MAX(CHUNK_BYTES, size);
		struct buckets_chunk *chunk = base_realloc_big(NULL, sizeof(*chunk) + cap);
		*chunk = (struct buckets_chunk){.next = NULL, .cap = cap};
		if (b->last == NULL)
			b->first = chunk;
		else
			b->last->next = chunk;
		b->last = chunk;
	}
	uint8_t *p = (uint8_t *)b->last->words + b->last->len;
	b->last->len += size;
	return p;
}

void buckets_add(struct buckets *b, uint32_t bucket, const uint8_t *record, size_t record_len, const void *cold, size_t cold_len)
{
	const uint32_t head[] = {bucket, (uint32_t)record_len, (uint32_t)cold_len};
	const size_t size = padded(HEAD + record_len + cold_len);
	uint8_t *p = room(b, size);
	static_assert(sizeof(head) == HEAD, "the head of a piece");
	memset(p + size - 8, 0, 8);
	memcpy(p, head, HEAD);
	memcpy(p + HEAD, record, record_len);
	if (cold_len > 0)
		memcpy(p + HEAD + record_len, cold, cold_len);
	b->region_bytes[region_of(b, bucket)] += size;
	b->record_bytes += record_len;
	b->cold_bytes += cold_len;
}

static struct piece piece_at(const uint8_t *p)
{
	uint32_t head[3];
	memcpy(head, p, HEAD);
	return (struct piece){.bucket = head[0],
			      .record_len = head[1],
			      .cold_len = head[2],
			      .bytes = p + HEAD,
			      .size = padded(HEAD + (size_t)head[1] + head[2])};
}

/* All pieces, region after region; the chunks are freed as they are emptied. */
static uint8_t *gather(struct buckets *b)
{
	const size_t regions = (size_t)1 << b->region_bits;
	size_t *places = base_alloc(regions * sizeof(places[0])), sum = 0;
	for (size_t r = 0; r < regions; r++) {
		places[r] = sum;
		sum += b->region_bytes[r];
	}
	uint8_t *all = base_realloc_big(NULL, sum + SHORT); /* a short copy may read behind the last piece */
	memset(all + sum, 0, SHORT);
	while (b->first != NULL) {
		struct buckets_chunk *chunk = b->first;
		const uint8_t *from = (const uint8_t *)chunk->words;
		for (size_t at = 0; at < chunk->len;) {
			const struct piece piece = piece_at(from + at);
			size_t *place = &places[region_of(b, piece.bucket)];
			for (size_t word = 0; word < piece.size; word += 8)
				memcpy(all + *place + word, from + at + word, 8);
			*place += piece.size;
			at += piece.size;
		}
		b->first = chunk->next;
		free(chunk);
	}
	b->last = NULL;
	free(places);
	return all;
}

/* --- out --- */

struct out {
	const struct buckets *b;
	uint8_t *records, *cold; /* where the next goes */
	size_t record_at, cold_at;
	uint8_t *dir, *cold_dir;
	uint32_t *ends;	 /* owned; of a region's buckets */
	uint32_t *order; /* owned; a region's pieces by bucket: their places in words */
	size_t order_cap;
};

/* Behind to there are SHORT bytes more, behind from too. */
static void copy_short(uint8_t *to, const uint8_t *from, size_t len)
{
	if (LIKELY(len <= SHORT))
		memcpy(to, from, SHORT);
	else
		memcpy(to, from, len);
}

/* The region's pieces in order of their buckets; false when one is over-full. */
static bool order_region(struct out *o, const uint8_t *region, size_t len, uint32_t low_mask)
{
	uint32_t sum = 0;
	size_t count = 0, size;
	memset(o->ends, 0, ((size_t)low_mask + 1) * sizeof(o->ends[0]));
	for (size_t at = 0; at < len; at += size, count++) {
		const struct piece piece = piece_at(region + at);
		size = piece.size;
		if (++o->ends[piece.bucket & low_mask] > IMAGE_BUCKET_MAX)
			return false;
	}
	if (o->order == NULL || count > o->order_cap) {
		o->order_cap = count + count / 2 + 1;
		o->order = base_realloc_big(o->order, o->order_cap * sizeof(o->order[0]));
	}
	for (size_t low = 0; low <= low_mask; low++) {
		uint32_t here = o->ends[low];
		o->ends[low] = sum;
		sum += here;
	}
	for (size_t at = 0; at < len; at += size) {
		const struct piece piece = piece_at(region + at);
		size = piece.size;
		o->order[o->ends[piece.bucket & low_mask]++] = (uint32_t)(at / 8);
	}
	return true;
}

static void write_region(struct out *o, const uint8_t *region, size_t first_bucket, uint32_t low_mask)
{
	for (size_t low = 0, at = 0; low <= low_mask; low++) {
		const size_t bucket = first_bucket + low;
		le_put_u32(o->dir + 4 * bucket, (uint32_t)o->record_at);
		if (bucket % IMAGE_COLD_BUCKETS == 0)
			le_put_u32(o->cold_dir + 4 * (bucket / IMAGE_COLD_BUCKETS), (uint32_t)o->cold_at);
		for (; at < o->ends[low]; at++) {
			const struct piece piece = piece_at(region + 8 * (size_t)o->order[at]);
			copy_short(o->records + o->record_at, piece.bytes, piece.record_len);
			copy_short(o->cold + o->cold_at, piece.bytes + piece.record_len, piece.cold_len);
			o->record_at += piece.record_len;
			o->cold_at += piece.cold_len;
		}
	}
}

/* A section of len bytes that are all to be written, with room behind. */
static uint8_t *section_room(struct buf *section, size_t len)
{
	must(section->len == 0);
	section->cap = len + SHORT + 1;
	section->ptr = base_realloc_big(section->ptr, section->cap);
	return (uint8_t *)section->ptr;
}

static void section_end(struct buf *section, size_t len)
{
	section->len = len;
	section->ptr[len] = '\0';
}

bool buckets_write(struct buckets *b, struct image_parts *ret)
{
	struct buf *sections = ret->sections;
	const size_t regions = (size_t)1 << b->region_bits, buckets = (size_t)1 << b->bits;
	const size_t cold_places = (buckets + IMAGE_COLD_BUCKETS - 1) / IMAGE_COLD_BUCKETS + 1;
	const uint32_t low_mask = (uint32_t)(buckets / regions - 1);
	must(b->record_bytes < IMAGE_NONE && b->cold_bytes < IMAGE_NONE);
	struct out o = {.b = b, .ends = base_alloc(((size_t)low_mask + 1) * sizeof(o.ends[0]))};
	uint8_t *all = gather(b), *region = all;
	bool good = true;
	o.records = section_room(&sections[IMAGE_RECORDS], b->record_bytes);
	o.cold = section_room(&sections[IMAGE_COLD], b->cold_bytes);
	o.dir = section_room(&sections[IMAGE_DIR], (buckets + 1) * 4);
	o.cold_dir = section_room(&sections[IMAGE_COLD_DIR], cold_places * 4);
	for (size_t r = 0; r < regions && good; r++) {
		good = order_region(&o, region, b->region_bytes[r], low_mask);
		if (good)
			write_region(&o, region, r * ((size_t)low_mask + 1), low_mask);
		region += b->region_bytes[r];
	}
	if (good) {
		must(o.record_at == b->record_bytes && o.cold_at == b->cold_bytes);
		le_put_u32(o.dir + 4 * buckets, (uint32_t)o.record_at);
		le_put_u32(o.cold_dir + 4 * (cold_places - 1), (uint32_t)o.cold_at);
	}
	section_end(&sections[IMAGE_RECORDS], good ? b->record_bytes : 0);
	section_end(&sections[IMAGE_COLD], good ? b->cold_bytes : 0);
	section_end(&sections[IMAGE_DIR], good ? (buckets + 1) * 4 : 0);
	section_end(&sections[IMAGE_COLD_DIR], good ? cold_places * 4 : 0);
	free(all);
	free(o.ends);
	free(o.order);
	return good;
}
