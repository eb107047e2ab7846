/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Millions of names are gone over a few times in the order of their hashes, then once in the order of their buckets. What a pass
 * will need of a name far away in memory is fetched some names ahead. */
#include "compile/compile_index.h"

#include "compile/compile_buckets.h"
#include "compile/compile_sets.h"

#define AHEAD 12      /* names */
#define SEEDS_MAX 64  /* tries until no bucket is over-full; the second is rarely needed */
#define HEAD_MAX 16   /* bytes of a record before R, at most */
#define SET_SHORT 7u  /* numbers below stand in the record's first byte */
#define LEN_SHORT 31u /* so do lengths below */

struct writer {
	struct items *items;
	const struct buf *texts;
	const struct rules *rules;
	struct sets sets;
	struct codec codec;
	struct buckets buckets;
	struct image_parts *ret;
};

/* --- small things --- */

static size_t put_varint(uint8_t *p, uint64_t v)
{
	size_t len = 0;
	for (; v > 0x7f; v >>= 7)
		p[len++] = (uint8_t)(v | 0x80u);
	p[len++] = (uint8_t)v;
	return len;
}

/* What stands before R. */
static size_t put_head(uint8_t p[HEAD_MAX], uint32_t set, size_t r_len)
{
	size_t len = 1;
	p[0] = (uint8_t)(MIN(set, SET_SHORT) | MIN(r_len, (size_t)LEN_SHORT) << 3);
	if (set >= SET_SHORT)
		len += put_varint(p + len, set - SET_SHORT);
	if (r_len >= LEN_SHORT)
		len += put_varint(p + len, r_len - LEN_SHORT);
	return len;
}

static struct item *item_of(const struct writer *w, size_t name)
{
	return &w->items->ptr[w->sets.names[name].first];
}

static void write_filter(struct writer *w)
{
	const size_t count = w->sets.name_count, words = MAX((size_t)1, (count * IMAGE_FILTER_BITS + 63) / 64);
	uint8_t *filter = buf_grow(&w->ret->sections[IMAGE_FILTER], words * 8);
	for (size_t i = 0; i < count; i++) {
		const uint64_t hash = item_of(w, i)->hash;
		uint8_t *word = filter + 8 * filter_word(hash, words);
		le_put_u64(word, le_get_u64(word) | filter_mask(hash));
	}
}

/* Can a pattern that hangs on a name match the name itself? Not when it has a `*`: that stands before a dot. */
static bool pattern_speaks_at(const struct writer *w, const uint8_t *rule)
{
	const uint8_t *patterns = (const uint8_t *)w->ret->sections[IMAGE_PATTERNS].ptr;
	const uint8_t *p = patterns + (size_t)le_get_u32(rule + IMAGE_RULE_PATTERN) * IMAGE_PATTERN_SIZE;
	const struct str text = intern_get(&w->rules->strings, le_get_u32(p + IMAGE_PATTERN_TEXT));
	return memchr(text.ptr, '*', text.len) == NULL;
}

/* For which counts of labels there is something to find. */
static void note_labels(struct writer *w, size_t name)
{
	const struct str set = sets_get(&w->sets, w->sets.names[name].set);
	const uint8_t *wire = item_of(w, name)->wire;
	unsigned labels = 0;
	for (size_t place = 0; wire[place] != 0; place += wire[place] + 1u)
		labels++;
	const uint64_t bit = (uint64_t)1 << (labels % 64);
	for (size_t i = 0; i < set.len; i += sizeof(uint32_t)) {
		uint32_t number;
		memcpy(&number, set.ptr + i, sizeof(number));
		const uint8_t *rule = rules_get(w->rules, number);
		const unsigned match = rule[IMAGE_RULE_MATCH];
		if (match == IMAGE_MATCH_BELOW)
			w->ret->labels_above[labels / 64] |= bit;
		if (image_match_applies(match, false))
			w->ret->labels_below[labels / 64] |= bit;
		if (image_match_applies(match, true) && (match != MATCH_PATTERN || pattern_speaks_at(w, rule)))
			w->ret->labels_at[labels / 64] |= bit;
	}
}

/* A line for each rule that is an entry. */
static void put_cold(const struct writer *w, size_t name, struct buf *cold)
{
	const struct item *item = item_of(w, name);
	const struct str set = sets_get(&w->sets, w->sets.names[name].set);
	for (size_t i = 0; i < set.len / sizeof(uint32_t); i++, item++) {
		uint8_t bytes[HEAD_MAX];
		size_t len;
		struct index_text text;
		if (!image_match_is_entry(rules_get(w->rules, item->rule)[IMAGE_RULE_MATCH]))
			continue;
		if ((item->line & INDEX_TEXT) == 0) {
			len = put_varint(bytes, (uint64_t)item->line * 2);
		} else {
			memcpy(&text, w->texts->ptr + (size_t)(item->line & ~INDEX_TEXT) * sizeof(text), sizeof(text));
			len = put_varint(bytes, (uint64_t)text.line * 2 + 1);
			len += put_varint(bytes + len, text.string);
		}
		buf_add(cold, bytes, len);
	}
}

/* Every name's code, cut, with what stands before and what lies in COLD. */
static void place_names(struct writer *w)
{
	struct coded code;
	struct code_place place;
	struct buf cold = {NULL, 0, 0};
	uint8_t record[HEAD_MAX + sizeof(place.r)];
	for (size_t i = 0; i < w->sets.name_count; i++) {
		if (i + AHEAD < w->sets.name_count) {
			const uint8_t *wire = item_of(w, i + AHEAD)->wire;
			__builtin_prefetch(wire);
			__builtin_prefetch(wire + 16); /* most names end there, if in the next line */
		}
		const struct item *item = item_of(w, i);
		codec_encode(&w->codec, item->wire, item_wire_len(item->wire), &code);
		codec_place(&code, w->ret->bits, w->ret->seed, &place);
		const size_t head = put_head(record, w->sets.names[i].set, place.r_len);
		memcpy(record + head, place.r, place.r_len);
		buf_reset(&cold);
		put_cold(w, i, &cold);
		note_labels(w, i);
		buckets_add(&w->buckets, place.bucket, record, head + place.r_len, cold.ptr, cold.len);
	}
	buf_finish(&cold);
}

/* Raises the seed until no bucket is over-full. */
static bool write_names(struct writer *w, struct err *err)
{
	bool good = false;
	while (w->ret->bits < IMAGE_BITS_MAX && w->sets.name_count >> w->ret->bits > IMAGE_PER_BUCKET)
		w->ret->bits++;
	for (w->ret->seed = 0; !good && w->ret->seed < SEEDS_MAX; w->ret->seed += !good) {
		buckets_init(&w->buckets, w->ret->bits);
		place_names(w);
		if (w->buckets.record_bytes >= IMAGE_NONE || w->buckets.cold_bytes >= IMAGE_NONE) {
			buckets_finish(&w->buckets);
			return err_set(err, ERR_LIMIT, "the lists' names are more than a policy can hold");
		}
		good = buckets_write(&w->buckets, w->ret);
		buckets_finish(&w->buckets);
	}
	return good || err_set(err, ERR_LIMIT, "the lists' names cannot be placed: too many of them fall together");
}

/* --- sets --- */

static void write_sets(struct writer *w)
{
	struct buf *dir = &w->ret->sections[IMAGE_SET_DIR], *out = &w->ret->sections[IMAGE_SETS];
	for (uint32_t i = 0; i < w->sets.rules.count; i++) {
		const struct str set = sets_get(&w->sets, i);
		le_put_u32(buf_grow(dir, 4), (uint32_t)(out->len / 4));
		for (size_t at = 0; at < set.len; at += sizeof(uint32_t)) {
			uint32_t rule;
			memcpy(&rule, set.ptr + at, sizeof(rule));
			le_put_u32(buf_grow(out, 4), rule);
		}
	}
	le_put_u32(buf_grow(dir, 4), (uint32_t)(out->len / 4));
}

bool index_write(struct items *items, const struct buf *texts, const uint32_t counts[CODEC_LENGTHS_SIZE], const struct rules *rules,
		 uint32_t *entries, struct image_parts *ret, struct err *err)
{
	struct writer w = {.items = items, .texts = texts, .rules = rules, .ret = ret};
	uint8_t *lengths = buf_grow(&ret->sections[IMAGE_CODEC], CODEC_LENGTHS_SIZE);
	codec_lengths(counts, lengths);
	must(codec_init(lengths, &w.codec));
	sets_make(items, texts, rules, entries, &w.sets);
	ret->name_count = (uint32_t)w.sets.name_count;
	write_filter(&w);
	bool ok = write_names(&w, err);
	write_sets(&w);
	sets_finish(&w.sets);
	return ok;
}
