/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/image_find.h"

#define SET_SHORT 7u  /* set numbers below stand in the record's first byte */
#define LEN_SHORT 31u /* so do lengths below */
static_assert(SET_SHORT == IMAGE_PLAIN_SETS, "sets with short numbers");

bool image_set_take(const struct image *im, uint32_t set, struct image_set *ret)
{
	const struct image_section *dir = &im->sections[IMAGE_SET_DIR];
	if (unlikely_bug(set >= dir->count - 1))
		return false;
	uint32_t first = le_get_u32(dir->base + 4 * (size_t)set), end = le_get_u32(dir->base + 4 * ((size_t)set + 1));
	ret->rules = im->sections[IMAGE_SETS].base + 4 * (size_t)first;
	ret->count = end - first;
	return true;
}

/* A record before its R. */
struct head {
	const uint8_t *r; /* NULL: this is no record */
	uint32_t set, len;
};

/* One whose numbers overflow: rare, and apart so that others need no memory for them. */
static __attribute__((noinline)) struct head head_long(const uint8_t *p, const uint8_t *end)
{
	static const struct head bad = {NULL, 0, 0};
	uint32_t set = *p & 7u, len = *p >> 3, more = 0;
	p++;
	if (set == SET_SHORT) {
		if (!image_varint(&p, end, &more) || more >= IMAGE_NONE - SET_SHORT)
			return bad;
		set += more;
	}
	if (len == LEN_SHORT) {
		if (!image_varint(&p, end, &more) || more > CODEC_BYTES_MAX)
			return bad;
		len += more;
	}
	return len <= (size_t)(end - p) ? (struct head){p, set, len} : bad;
}

/* p: before end. R lies before end too. */
static inline struct head head_read(const uint8_t *p, const uint8_t *end)
{
	const uint32_t set = *p & 7u, len = *p >> 3;
	if (UNLIKELY(set == SET_SHORT || len == LEN_SHORT || len >= (size_t)(end - p)))
		return head_long(p, end);
	return (struct head){p + 1, set, len};
}

/* The first n (up to 8) of eight octets loaded at once. */
static inline uint64_t first_octets(uint32_t n)
{
	return n >= 8 ? UINT64_MAX : ((uint64_t)1 << 8 * n) - 1;
}

/* Whether a record's length and the first sixteen octets of its R are the wanted ones is one question: which of a bucket's records
 * it is no branch can foresee, and one wrong guess is enough. Behind RECORDS lies CODEC, so that sixteen may be loaded from any
 * place in it. */
struct image_seen image_seek(const struct image *im, uint32_t from, uint32_t to, const uint8_t *r, uint32_t r_len)
{
	const uint8_t *records = im->sections[IMAGE_RECORDS].base, *p = records + from, *end = records + to;
	const uint64_t low_mask = first_octets(r_len), high_mask = first_octets(r_len > 8 ? r_len - 8 : 0);
	const uint64_t low = le_get_u64(r), high = le_get_u64(r + 8);
	for (uint32_t record = 0; p < end; record++) {
		const struct head head = head_read(p, end);
		if (unlikely_bug(head.r == NULL))
			break;
		const uint64_t differs = (le_get_u64(head.r) ^ low) & low_mask, more = (le_get_u64(head.r + 8) ^ high) & high_mask;
		if ((differs | more | (head.len ^ r_len)) == 0 && (r_len <= 16 || memcmp(head.r + 16, r + 16, r_len - 16) == 0))
			return (struct image_seen){head.set, record};
		p = head.r + head.len;
	}
	return (struct image_seen){IMAGE_NONE, 0};
}
static_assert(IMAGE_CODEC == IMAGE_RECORDS + 1 && CODEC_LENGTHS_SIZE >= IMAGE_REST_READ, "there are bytes behind RECORDS");

bool image_scan(const struct image *im, uint32_t bucket, const uint8_t *r, uint32_t r_len, struct image_set *ret)
{
	const uint8_t *dir = image_bucket(im, bucket);
	const struct image_seen seen = image_seek(im, le_get_u32(dir), le_get_u32(dir + 4), r, r_len);
	ret->bucket = bucket;
	ret->record = seen.record;
	return seen.set != IMAGE_NONE && image_set_take(im, seen.set, ret);
}

bool image_find(const struct image *im, const struct name *name, unsigned labels, struct image_set *ret)
{
	uint8_t places[NAME_LABELS_MAX + 1];
	struct code_place place;
	(void)name_offsets(name, places);
	image_place(im, name, places, labels, &place);
	return image_scan(im, place.bucket, place.r, place.r_len, ret);
}

/* --- cold --- */

struct cold {
	const struct image *im;
	const uint8_t *p, *end;	  /* in COLD */
	uint32_t bucket, record;  /* whose lines stand next */
	const uint8_t *r, *r_end; /* of RECORDS, in that bucket */
};

static bool cold_line(struct cold *c, uint32_t *ret_line, uint32_t *ret_string)
{
	uint64_t v = 0;
	unsigned shift = 0;
	uint8_t octet;
	do { /* a line takes 32 bits, and one more says whether a text follows */
		if (c->p == c->end || shift > 28)
			return false;
		octet = *c->p++;
		v |= (uint64_t)(octet & 0x7fu) << shift;
		shift += 7;
	} while ((octet & 0x80u) != 0);
	*ret_line = (uint32_t)(v >> 1);
	*ret_string = IMAGE_NONE;
	if ((v & 1) == 0)
		return true;
	return image_varint(&c->p, c->end, ret_string) && *ret_string < c->im->sections[IMAGE_STRING_ENDS].count;
}

static bool is_entry(const struct image *im, const struct image_set *set, uint32_t index)
{
	return image_match_is_entry(image_rule(im, image_set_rule(set, index))[IMAGE_RULE_MATCH]);
}

static void cold_bucket(struct cold *c, uint32_t bucket)
{
	const uint8_t *dir = image_bucket(c->im, bucket), *records = c->im->sections[IMAGE_RECORDS].base;
	c->bucket = bucket;
	c->record = 0;
	c->r = records + le_get_u32(dir);
	c->r_end = records + le_get_u32(dir + 4);
}

/* The lines of the record at c->r; *ret_line and *ret_string are those of rule `index`. */
static bool cold_record(struct cold *c, uint32_t index, uint32_t *ret_line, uint32_t *ret_string)
{
	struct image_set set;
	uint32_t line = 0, string = IMAGE_NONE;
	const struct head head = head_read(c->r, c->r_end);
	if (head.r == NULL || !image_set_take(c->im, head.set, &set))
		return false;
	c->r = head.r + head.len;
	c->record++;
	for (uint32_t i = 0; i < set.count; i++) {
		if (!is_entry(c->im, &set, i))
			continue;
		if (!cold_line(c, &line, &string))
			return false;
		if (i == index) {
			*ret_line = line;
			*ret_string = string;
		}
	}
	return true;
}

bool image_cold(const struct image *im, const struct image_set *set, uint32_t index, uint32_t *ret_line, uint32_t *ret_string)
{
	uint32_t group = set->bucket / IMAGE_COLD_BUCKETS;
	const uint8_t *base = im->sections[IMAGE_COLD].base, *dir = im->sections[IMAGE_COLD_DIR].base + 4 * (size_t)group;
	struct cold c = {.im = im, .p = base + le_get_u32(dir), .end = base + le_get_u32(dir + 4)};
	uint32_t line = 0, string = IMAGE_NONE;
	*ret_line = 0;
	*ret_string = IMAGE_NONE;
	for (uint32_t bucket = group * IMAGE_COLD_BUCKETS; bucket <= set->bucket; bucket++) {
		cold_bucket(&c, bucket);
		while (c.r < c.r_end && (bucket < set->bucket || c.record <= set->record)) {
			bool asked = bucket == set->bucket && c.record == set->record;
			if (unlikely_bug(!cold_record(&c, asked ? index : UINT32_MAX, &line, &string)))
				return false;
		}
	}
	*ret_line = line;
	*ret_string = string;
	return true;
}

/* --- addresses --- */

void image_run_find(const struct image *im, const struct image_run *run, const uint8_t address[16], uint32_t *ret_first,
		    uint32_t *ret_end)
{
	uint8_t wanted[ADDR_WIDE_LEN];
	uint32_t low = run->first, high = run->end;
	memcpy(wanted, address, sizeof(wanted));
	addr_bits_clear(wanted, run->bits, 8 * sizeof(wanted));
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (memcmp(image_at(im, IMAGE_ADDRESSES, middle) + IMAGE_ADDRESS_BYTES, wanted, 16) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*ret_first = low;
	while (low < run->end && memcmp(image_at(im, IMAGE_ADDRESSES, low) + IMAGE_ADDRESS_BYTES, wanted, 16) == 0)
		low++;
	*ret_end = low;
}
