/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Rules to bytes. The order: what does not depend on the index gives the content hash, the hash gives the index's key, the key
 * gives the order of names, and that the order of entries. */
#include "policy/rule.h"

#include <stdlib.h>

struct image_writer {
	struct rules *rules;
	struct siphash_key key;
	uint8_t content_hash[16];
	struct buf sections[IMAGE_SECTION_COUNT]; /* owned */
	unsigned name_bits, below_bits;
	size_t pattern_count;
	uint64_t label_counts[2];
	unsigned ranks;
};

/* A name that has allow entries below it; wire is a place in the WIRE section. */
struct ancestor {
	uint64_t hash;
	int64_t times[2]; /* ordinary, mandatory */
	uint32_t wire;
	uint8_t len, labels;
	const uint8_t *bytes; /* borrowed from the list */
};

static void *section_grow(struct image_writer *w, enum image_section_id id)
{
	return buf_grow(&w->sections[id], image_record_sizes[id]);
}

/* --- content hash --- */

static void hash_more(struct siphash_key *state, const void *bytes, size_t len)
{
	struct siphash_key other = {state->k1, ~state->k0};
	uint64_t a = siphash24(state, bytes, len), b = siphash24(&other, bytes, len);
	*state = (struct siphash_key){a, b};
}

static void hash_section(struct siphash_key *state, const struct buf *b)
{
	uint8_t len[8];
	image_put_u64(len, b->len);
	hash_more(state, len, sizeof(len));
	hash_more(state, b->ptr == NULL ? "" : b->ptr, b->len);
}

/* Of all that was compiled, in the order it was read; of generation and time nothing. rules are still in that order. */
static void content_hash(struct image_writer *w)
{
	static const enum image_section_id hashed[] = {IMAGE_IPV4,     IMAGE_IPV6,	  IMAGE_LISTS,	IMAGE_PROVENANCE,
						       IMAGE_CONTACTS, IMAGE_STRING_ENDS, IMAGE_STRINGS};
	struct siphash_key state = {IMAGE_VERSION, w->rules->ttl_s};
	for (size_t i = 0; i < ARRAY_LEN(hashed); i++)
		hash_section(&state, &w->sections[hashed[i]]);
	for (size_t i = 0; i < w->rules->count; i++) {
		const struct rule *r = &w->rules->items[i];
		uint8_t bytes[24 + NAME_LEN_MAX];
		image_put_u32(bytes, r->text);
		image_put_u32(bytes + 4, r->provenance);
		image_put_u32(bytes + 8, r->line);
		image_put_u32(bytes + 12, r->column);
		image_put_u16(bytes + 16, r->list);
		bytes[18] = (uint8_t)r->match;
		if (r->name_len > 0)
			memcpy(bytes + 19, r->wire, r->name_len);
		hash_more(&state, bytes, 19u + r->name_len);
	}
	image_put_u64(w->content_hash, state.k0);
	image_put_u64(w->content_hash + 8, state.k1);
	w->key = image_key(w->content_hash);
}

/* --- order --- */

static int name_order(uint64_t ha, const uint8_t *a, size_t la, uint64_t hb, const uint8_t *b, size_t lb)
{
	if (ha != hb)
		return ha < hb ? -1 : 1;
	int order = memcmp(a, b, MIN(la, lb));
	return order != 0 ? order : (la > lb) - (la < lb);
}

#define COMPARE(a, b) (((a) > (b)) - ((a) < (b)))

/* Names by (hash, wire), regular expressions after them; within one name, and among expressions, best first. */
static int rule_order(const void *left, const void *right)
{
	const struct rule *a = left, *b = right;
	int order = COMPARE(a->wire == NULL, b->wire == NULL);
	if (order == 0 && a->wire != NULL)
		order = name_order(a->hash, a->wire, a->name_len, b->hash, b->wire, b->name_len);
	if (order == 0)
		order = COMPARE((int)a->rank, (int)b->rank);
	if (order == 0)
		order = COMPARE((int)a->match, (int)b->match);
	if (order == 0)
		order = COMPARE(a->list, b->list);
	if (order == 0)
		order = COMPARE(a->line, b->line);
	if (order == 0)
		order = COMPARE(a->column, b->column);
	return order != 0 ? order : COMPARE(a->order, b->order);
}

static bool same_name(const struct rule *a, const struct rule *b)
{
	return a->wire != NULL && b->wire != NULL && a->hash == b->hash && a->name_len == b->name_len &&
	       memcmp(a->wire, b->wire, a->name_len) == 0;
}

/* About two names a bucket. */
static unsigned table_bits(size_t names)
{
	unsigned bits = 0;
	while (bits < IMAGE_BITS_MAX && names >> bits > 2)
		bits++;
	return bits;
}

static void write_dir(struct image_writer *w, enum image_section_id dir, enum image_section_id names, unsigned bits)
{
	const struct buf *records = &w->sections[names];
	size_t count = records->len / IMAGE_NAME_SIZE, place = 0;
	for (size_t bucket = 0; bucket < ((size_t)1 << bits) + 1; bucket++) {
		while (place < count &&
		       image_bucket(image_u64((const uint8_t *)records->ptr + place * IMAGE_NAME_SIZE + IMAGE_NAME_HASH), bits) <
			   bucket)
			place++;
		image_put_u32(section_grow(w, dir), (uint32_t)place);
	}
}

/* --- entries and their names --- */

static void write_name(struct image_writer *w, enum image_section_id id, uint64_t hash, size_t wire, size_t first, size_t count,
		       uint8_t len, uint8_t labels)
{
	uint8_t *r = section_grow(w, id);
	image_put_u64(r + IMAGE_NAME_HASH, hash);
	image_put_u32(r + IMAGE_NAME_WIRE, (uint32_t)wire);
	image_put_u32(r + IMAGE_NAME_FIRST, (uint32_t)first);
	image_put_u32(r + IMAGE_NAME_COUNT, (uint32_t)count);
	r[IMAGE_NAME_LEN] = len;
	r[IMAGE_NAME_LABELS] = labels;
}

static void write_entry(struct image_writer *w, const struct rule *rule, uint32_t name)
{
	uint8_t *hot = section_grow(w, IMAGE_ENTRIES), *cold = section_grow(w, IMAGE_COLD);
	image_put_i64(hot + IMAGE_ENTRY_UNTIL, rule->until_s);
	image_put_u16(hot + IMAGE_ENTRY_LIST, rule->list);
	hot[IMAGE_ENTRY_MATCH] = (uint8_t)rule->match;
	hot[IMAGE_ENTRY_RANK] = (uint8_t)((unsigned)rule->rank | (rule->shadow ? IMAGE_SHADOW : 0u));
	image_put_u32(hot + IMAGE_ENTRY_NAME, name);
	image_put_u32(cold + IMAGE_COLD_PROVENANCE, rule->provenance);
	image_put_u32(cold + IMAGE_COLD_TEXT, rule->text);
	image_put_u32(cold + IMAGE_COLD_LINE, rule->line);
	image_put_u32(cold + IMAGE_COLD_COLUMN, rule->column);
	w->ranks |= 1u << (unsigned)rule->rank;
}

static void write_names(struct image_writer *w)
{
	const struct rule *items = w->rules->items;
	size_t i = 0, count = w->rules->count;
	while (i < count && items[i].wire != NULL) {
		const struct rule *r = &items[i];
		size_t first = i;
		uint32_t name = (uint32_t)(w->sections[IMAGE_NAMES].len / IMAGE_NAME_SIZE);
		for (; i < count && same_name(r, &items[i]); i++)
			write_entry(w, &items[i], name);
		write_name(w, IMAGE_NAMES, r->hash, w->sections[IMAGE_WIRE].len, first, i - first, r->name_len, r->labels);
		buf_add(&w->sections[IMAGE_WIRE], r->wire, r->name_len);
		w->label_counts[r->labels / 64] |= (uint64_t)1 << (r->labels % 64);
	}
	w->pattern_count = count - i;
	for (; i < count; i++)
		write_entry(w, &items[i], IMAGE_NONE);
	w->name_bits = table_bits(w->sections[IMAGE_NAMES].len / IMAGE_NAME_SIZE);
	write_dir(w, IMAGE_NAME_DIR, IMAGE_NAMES, w->name_bits);
}

/* --- what has an allow entry below it --- */

/* The first rule of a name among the sorted ones, or count. */
static size_t rules_find(const struct image_writer *w, const uint8_t *wire, size_t len)
{
	uint64_t hash = image_hash(&w->key, wire, len);
	size_t low = 0, high = w->rules->count - w->pattern_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct rule *r = &w->rules->items[middle];
		if (name_order(r->hash, r->wire, r->name_len, hash, wire, len) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	const struct rule *r = &w->rules->items[low];
	bool found = low < w->rules->count - w->pattern_count && name_order(r->hash, r->wire, r->name_len, hash, wire, len) == 0;
	return found ? low : w->rules->count;
}

/* Does a block with this match, at the allow's own name (whole) or above it, hold wherever the allow does? */
static bool covers_allow(enum match block, enum match allow, bool whole)
{
	if (block == MATCH_SUBTREE)
		return true;
	return whole ? block == allow : block == MATCH_SUBDOMAINS;
}

/* An ordinary allow never wins where a mandatory block that lasts as long holds for all its names. */
static bool is_dominated(const struct image_writer *w, const struct rule *allow)
{
	if (rank_mandatory(allow->rank) || (w->ranks & 1u << RANK_MANDATORY_BLOCK) == 0)
		return false;
	size_t at = 0;
	for (unsigned labels = allow->labels + 1u; labels-- > 0; at += allow->wire[at] + 1u) {
		size_t i = rules_find(w, allow->wire + at, allow->name_len - at);
		for (size_t first = i; i < w->rules->count && same_name(&w->rules->items[first], &w->rules->items[i]); i++) {
			const struct rule *b = &w->rules->items[i];
			if (b->rank == RANK_MANDATORY_BLOCK && !b->shadow && b->until_s >= allow->until_s &&
			    covers_allow(b->match, allow->match, labels == allow->labels))
				return true;
		}
	}
	return false;
}

static int ancestor_order(const void *left, const void *right)
{
	const struct ancestor *a = left, *b = right;
	return name_order(a->hash, a->bytes, a->len, b->hash, b->bytes, b->len);
}

/* Every name strictly above an allow entry's, and its own when the entry holds for what is below it. wire: place of the allow's
 * name. */
static void add_ancestors(struct image_writer *w, const struct rule *allow, size_t wire, struct buf *ret)
{
	bool mandatory = rank_mandatory(allow->rank);
	size_t at = 0;
	for (unsigned labels = allow->labels + 1u; labels-- > 0; at += allow->wire[at] + 1u) {
		if (labels == allow->labels && allow->match == MATCH_EXACT)
			continue;
		struct ancestor a = {.hash = image_hash(&w->key, allow->wire + at, allow->name_len - at),
				     .times = {IMAGE_NEVER, IMAGE_NEVER},
				     .wire = (uint32_t)(wire + at),
				     .len = (uint8_t)(allow->name_len - at),
				     .labels = (uint8_t)labels,
				     .bytes = allow->wire + at};
		a.times[mandatory] = allow->until_s;
		buf_add(ret, &a, sizeof(a));
	}
}

static struct ancestor ancestor_at(const struct buf *b, size_t i)
{
	struct ancestor a;
	memcpy(&a, b->ptr + i * sizeof(a), sizeof(a));
	return a;
}

static void write_below(struct image_writer *w)
{
	struct buf all = {NULL, 0, 0};
	for (size_t i = 0; i < w->rules->count - w->pattern_count; i++) {
		const struct rule *r = &w->rules->items[i];
		if (rank_blocks(r->rank) || r->shadow || is_dominated(w, r))
			continue;
		uint32_t name =
		    image_u32((const uint8_t *)w->sections[IMAGE_ENTRIES].ptr + i * IMAGE_ENTRY_SIZE + IMAGE_ENTRY_NAME);
		size_t wire =
		    image_u32((const uint8_t *)w->sections[IMAGE_NAMES].ptr + (size_t)name * IMAGE_NAME_SIZE + IMAGE_NAME_WIRE);
		add_ancestors(w, r, wire, &all);
	}
	size_t count = all.len / sizeof(struct ancestor), names = 0;
	if (count > 0)
		qsort(all.ptr, count, sizeof(struct ancestor), ancestor_order);
	for (size_t i = 0; i < count; names++) {
		struct ancestor first = ancestor_at(&all, i);
		for (; i < count; i++) {
			struct ancestor a = ancestor_at(&all, i);
			if (ancestor_order(&first, &a) != 0)
				break;
			first.times[0] = MAX(first.times[0], a.times[0]);
			first.times[1] = MAX(first.times[1], a.times[1]);
			first.wire = MIN(first.wire, a.wire); /* the sort is not stable, the image has to be */
		}
		write_name(w, IMAGE_BELOW, first.hash, first.wire, 0, 0, first.len, first.labels);
		uint8_t *times = section_grow(w, IMAGE_BELOW_TIMES);
		image_put_i64(times + IMAGE_TIMES_ORDINARY, first.times[0]);
		image_put_i64(times + IMAGE_TIMES_MANDATORY, first.times[1]);
	}
	buf_finish(&all);
	w->below_bits = table_bits(names);
	write_dir(w, IMAGE_BELOW_DIR, IMAGE_BELOW, w->below_bits);
}

/* --- the cold sections --- */

static int until_order(const void *left, const void *right)
{
	int64_t a, b;
	memcpy(&a, left, sizeof(a));
	memcpy(&b, right, sizeof(b));
	return COMPARE(a, b);
}

/* rules are in the order read: each list's are adjacent. */
static void write_lists(struct image_writer *w)
{
	size_t next = 0;
	for (size_t i = 0; i < w->rules->list_count; i++) {
		const struct rule_list *l = &w->rules->lists[i];
		struct buf untils = {NULL, 0, 0};
		size_t first = next;
		for (; next < w->rules->count && w->rules->items[next].list == i; next++) {
			if (w->rules->items[next].until_s != IMAGE_FOREVER)
				buf_add(&untils, &w->rules->items[next].until_s, sizeof(int64_t));
		}
		size_t until_count = untils.len / sizeof(int64_t);
		if (until_count > 0)
			qsort(untils.ptr, until_count, sizeof(int64_t), until_order);
		uint8_t *r = section_grow(w, IMAGE_LISTS);
		image_put_u32(r + IMAGE_LIST_NAME, l->name);
		image_put_u32(r + IMAGE_LIST_FILE, l->file);
		image_put_u32(r + IMAGE_LIST_TITLE, l->title);
		image_put_u32(r + IMAGE_LIST_ENTRY_COUNT, (uint32_t)(next - first));
		image_put_i64(r + IMAGE_LIST_CHANGED_AT, l->changed_at_s);
		image_put_u32(r + IMAGE_LIST_UNTIL_FIRST, (uint32_t)(w->sections[IMAGE_UNTILS].len / 8));
		image_put_u32(r + IMAGE_LIST_UNTIL_COUNT, (uint32_t)until_count);
		r[IMAGE_LIST_ACTION] = (uint8_t)l->action;
		r[IMAGE_LIST_MODE] = (uint8_t)l->mode;
		r[IMAGE_LIST_MANDATORY] = l->mandatory;
		r[IMAGE_LIST_ANSWER] = (uint8_t)l->answer;
		for (size_t j = 0; j < until_count; j++) {
			int64_t until_s;
			memcpy(&until_s, untils.ptr + j * sizeof(until_s), sizeof(until_s));
			image_put_i64(section_grow(w, IMAGE_UNTILS), until_s);
		}
		buf_finish(&untils);
	}
}

static void write_strings(struct image_writer *w)
{
	const struct intern *t = &w->rules->strings;
	size_t end = 0;
	for (uint32_t i = 0; i < t->count; i++) {
		end += intern_get(t, i).len;
		image_put_u32(section_grow(w, IMAGE_STRING_ENDS), (uint32_t)end);
	}
	buf_add_str(&w->sections[IMAGE_STRINGS], buf_str(&t->bytes));
}

/* --- the whole --- */

void image_seal(uint8_t *image, size_t len)
{
	must(len >= IMAGE_HEADER_SIZE);
	image_put_u64(image + IMAGE_H_CHECKSUM, image_checksum(image + IMAGE_HEADER_SIZE, len - IMAGE_HEADER_SIZE));
	image_put_u64(image + IMAGE_H_HEADER_CHECKSUM, image_checksum(image, IMAGE_H_HEADER_CHECKSUM));
}

static void write_image(const struct image_writer *w, struct buf *ret)
{
	uint8_t h[IMAGE_HEADER_SIZE] = {0};
	size_t start = ret->len, pos = IMAGE_HEADER_SIZE;
	memcpy(h + IMAGE_H_MAGIC, IMAGE_MAGIC, IMAGE_MAGIC_LEN);
	image_put_u32(h + IMAGE_H_BYTE_ORDER, IMAGE_BYTE_ORDER);
	image_put_u16(h + IMAGE_H_VERSION, IMAGE_VERSION);
	image_put_u16(h + IMAGE_H_HEADER_SIZE, IMAGE_HEADER_SIZE);
	memcpy(h + IMAGE_H_CONTENT_HASH, w->content_hash, sizeof(w->content_hash));
	image_put_i64(h + IMAGE_H_COMPILED_AT, w->rules->now_s);
	image_put_u32(h + IMAGE_H_GENERATION, w->rules->generation);
	image_put_u32(h + IMAGE_H_TTL, w->rules->ttl_s);
	image_put_u64(h + IMAGE_H_LABEL_COUNTS, w->label_counts[0]);
	image_put_u64(h + IMAGE_H_LABEL_COUNTS + 8, w->label_counts[1]);
	h[IMAGE_H_RANKS] = (uint8_t)w->ranks;
	h[IMAGE_H_NAME_BITS] = (uint8_t)w->name_bits;
	h[IMAGE_H_BELOW_BITS] = (uint8_t)w->below_bits;
	image_put_u32(h + IMAGE_H_PATTERN_COUNT, (uint32_t)w->pattern_count);
	for (size_t i = 0; i < IMAGE_SECTION_COUNT; i++) {
		image_put_u64(h + IMAGE_H_SECTIONS + 16 * i, pos);
		image_put_u64(h + IMAGE_H_SECTIONS + 16 * i + 8, w->sections[i].len / image_record_sizes[i]);
		pos += (w->sections[i].len + 7) / 8 * 8;
	}
	image_put_u64(h + IMAGE_H_TOTAL_SIZE, pos);
	buf_add(ret, h, sizeof(h));
	for (size_t i = 0; i < IMAGE_SECTION_COUNT; i++) {
		buf_add_str(ret, buf_str(&w->sections[i]));
		(void)buf_grow(ret, (8 - w->sections[i].len % 8) % 8);
	}
	image_seal((uint8_t *)ret->ptr + start, ret->len - start);
}

bool image_write(struct rules *rules, struct buf *ret, struct err *err)
{
	struct image_writer w = {.rules = rules};
	write_lists(&w);
	write_strings(&w);
	buf_add_str(&w.sections[IMAGE_PROVENANCE], buf_str(&rules->provenance));
	buf_add_str(&w.sections[IMAGE_CONTACTS], buf_str(&rules->contacts));
	buf_add_str(&w.sections[IMAGE_IPV4], buf_str(&rules->ipv4));
	buf_add_str(&w.sections[IMAGE_IPV6], buf_str(&rules->ipv6));
	content_hash(&w);
	for (size_t i = 0; i < rules->count; i++) {
		if (rules->items[i].wire != NULL)
			rules->items[i].hash = image_hash(&w.key, rules->items[i].wire, rules->items[i].name_len);
	}
	qsort(rules->items, rules->count, sizeof(rules->items[0]), rule_order);
	write_names(&w);
	write_below(&w);
	bool fits = w.sections[IMAGE_WIRE].len <= UINT32_MAX && w.sections[IMAGE_BELOW].len / IMAGE_NAME_SIZE < IMAGE_NONE;
	if (fits)
		write_image(&w, ret);
	for (size_t i = 0; i < IMAGE_SECTION_COUNT; i++)
		buf_finish(&w.sections[i]);
	return fits || err_set(err, ERR_LIMIT, "the lists hold more names than a policy can");
}
