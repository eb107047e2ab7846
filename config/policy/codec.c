/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/codec.h"

#include <assert.h>
#include <string.h>

#include "base/be.h"
#include "policy/name_hash.h"

#define PACKAGES_MAX (2 * CODEC_SYMBOLS)

#define FOLD_REST 0xd6e8feb86659fd93ull /* as FOLD_NAME is */

#define E CODEC_ESCAPE
#define E16 E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E
/* '-', digits, '_', letters: in the order of their octets. A table, since what stands in names no branch can foresee. */
/* clang-format off */
#define SYMBOLS(NUL, SOH, STOP)                                              \
    NUL, SOH, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E16,                  \
    E, E, E, E, E, E, E, E, E, E, E, E, E, 0, STOP, E,                        \
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, E, E, E, E, E, E,                          \
    E16,                                                                     \
    E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, 11,                          \
    E, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26,           \
    27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, E, E, E, E, E,               \
    E16, E16, E16, E16, E16, E16, E16, E16
static const uint8_t symbols[256] = {SYMBOLS(E, E, E)};
/* With what lies between labels, in a line of text. */
#define TEXT_END 0
#define TEXT_NOTHING 1
#define TEXT_DOT '.'
static const uint8_t text_symbols[256] = {SYMBOLS(CODEC_END, CODEC_NOTHING, CODEC_DOT)};
/* clang-format on */
#undef SYMBOLS
#undef E
#undef E16

/* Places of the labels, left to right; returns how many, the root left out. */
static inline unsigned labels_of(const uint8_t *wire, size_t len, uint8_t ret[NAME_LABELS_MAX + 1])
{
	unsigned count = 0;
	for (size_t at = 0; at + 1 < len && count <= NAME_LABELS_MAX; at += 1u + wire[at])
		ret[count++] = (uint8_t)at;
	return count;
}

/* --- the code --- */

/* Package-merge: the code of least length among those of at most CODEC_BITS_MAX bits. A package counts how often each symbol is in
 * it; at the end that is its length. */
struct package {
	uint64_t weight;
	uint8_t times[CODEC_SYMBOLS];
};

/* Lightest first; equal ones by their symbol's number. */
static void packages_single(const uint32_t counts[CODEC_SYMBOLS], struct package ret[CODEC_SYMBOLS])
{
	for (size_t symbol = 0; symbol < CODEC_SYMBOLS; symbol++) {
		struct package one = {.weight = (uint64_t)counts[symbol] + 1};
		size_t place = symbol;
		one.times[symbol] = 1;
		for (; place > 0 && ret[place - 1].weight > one.weight; place--)
			ret[place] = ret[place - 1];
		ret[place] = one;
	}
}

/* The single ones and the pairs of `before`, in order; of equal ones the single one first. */
static size_t packages_merge(const struct package single[CODEC_SYMBOLS], const struct package *before, size_t before_count,
			     struct package ret[PACKAGES_MAX])
{
	size_t count = 0, s = 0, pairs = before_count / 2;
	for (size_t p = 0; s < CODEC_SYMBOLS || p < pairs;) {
		const struct package *a = &before[2 * p], *b = a + 1;
		if (p == pairs || (s < CODEC_SYMBOLS && single[s].weight <= a->weight + b->weight)) {
			ret[count++] = single[s++];
			continue;
		}
		ret[count].weight = a->weight + b->weight;
		for (size_t i = 0; i < CODEC_SYMBOLS; i++)
			ret[count].times[i] = (uint8_t)(a->times[i] + b->times[i]);
		count++;
		p++;
	}
	return count;
}

static void lengths_of_context(const uint32_t counts[CODEC_SYMBOLS], uint8_t ret[CODEC_SYMBOLS])
{
	struct package single[CODEC_SYMBOLS], lists[2][PACKAGES_MAX];
	packages_single(counts, single);
	memcpy(lists[0], single, sizeof(single));
	size_t count = CODEC_SYMBOLS;
	unsigned now = 0;
	for (unsigned bits = 1; bits < CODEC_BITS_MAX; bits++, now ^= 1u)
		count = packages_merge(single, lists[now], count, lists[now ^ 1u]);
	must(count >= 2 * (CODEC_SYMBOLS - 1));
	memset(ret, 0, CODEC_SYMBOLS);
	for (size_t i = 0; i < 2 * (CODEC_SYMBOLS - 1); i++)
		for (size_t symbol = 0; symbol < CODEC_SYMBOLS; symbol++)
			ret[symbol] = (uint8_t)(ret[symbol] + lists[now][i].times[symbol]);
}

void codec_lengths(const uint32_t counts[CODEC_LENGTHS_SIZE], uint8_t ret[CODEC_LENGTHS_SIZE])
{
	static const uint32_t none[CODEC_SYMBOLS];
	uint8_t unmet[CODEC_SYMBOLS];
	lengths_of_context(none, unmet);
	for (size_t context = 0; context < CODEC_CONTEXTS; context++) {
		const uint32_t *own = counts + context * CODEC_SYMBOLS;
		if (memcmp(own, none, sizeof(none)) == 0) /* most of them in a small image */
			memcpy(ret + context * CODEC_SYMBOLS, unmet, sizeof(unmet));
		else
			lengths_of_context(own, ret + context * CODEC_SYMBOLS);
	}
}

static inline void count_symbol(uint32_t *counts, unsigned *context, unsigned symbol)
{
	uint32_t *count = &counts[*context * CODEC_SYMBOLS + symbol];
	*count += *count < UINT32_MAX;
	*context = symbol;
}

void codec_count(const uint8_t *wire, size_t len, uint32_t counts[CODEC_LENGTHS_SIZE])
{
	uint8_t places[NAME_LABELS_MAX + 1];
	unsigned count = labels_of(wire, len, places), context = CODEC_START;
	if (count == 0)
		count_symbol(counts, &context, CODEC_END);
	for (unsigned i = count; i-- > 0;) {
		const uint8_t *label = wire + places[i];
		for (unsigned j = 1; j <= label[0]; j++)
			count_symbol(counts, &context, symbols[label[j]]);
		count_symbol(counts, &context, i == 0 ? CODEC_END : CODEC_DOT);
	}
}

#define CODE_AT 16		/* in an entry of struct codec */
#define CODE_SPECIAL (1u << 6)	/* of a symbol other than a letter, a digit, '-' and '_' */
#define CODE_SPECIALS (7u << 6) /* four of them, added */

/* Canonical: shorter codes first, equal ones by symbol. */
static bool codes_of_context(const uint8_t lengths[CODEC_SYMBOLS], uint32_t ret[CODEC_ROW])
{
	uint32_t code = 0, filled = 0;
	for (unsigned symbol = 0; symbol < CODEC_SYMBOLS; symbol++) {
		if (lengths[symbol] < 1 || lengths[symbol] > CODEC_BITS_MAX)
			return false;
		filled += 1u << (CODEC_BITS_MAX - lengths[symbol]);
	}
	if (filled != 1u << CODEC_BITS_MAX)
		return false;
	for (uint32_t bits = 1; bits <= CODEC_BITS_MAX; bits++, code <<= 1) {
		for (unsigned symbol = 0; symbol < CODEC_SYMBOLS; symbol++) {
			if (lengths[symbol] == bits)
				ret[symbol] = code++ << CODE_AT | (symbol >= CODEC_DOT ? CODE_SPECIAL : 0) | bits;
		}
	}
	ret[CODEC_NOTHING] = CODE_SPECIAL;
	return true;
}
static_assert(CODEC_BITS_MAX < 16 && CODEC_NOTHING < CODEC_ROW, "an entry holds a code, a row all symbols");

bool codec_init(const uint8_t lengths[CODEC_LENGTHS_SIZE], struct codec *ret)
{
	memset(ret, 0, sizeof(*ret));
	for (size_t context = 0; context < CODEC_CONTEXTS; context++) {
		if (!codes_of_context(lengths + context * CODEC_SYMBOLS, ret->codes[context]))
			return false;
	}
	for (unsigned symbol = 0; symbol < CODEC_ROW; symbol++) /* nothing else follows it */
		ret->codes[CODEC_NOTHING][symbol] = CODE_SPECIAL;
	return true;
}

/* Bits on their way, in whole words: of `word` the upper `count` (less than 64) are there, the rest is zero. What is read back
 * soon is read as it was written, word by word. */
struct bits {
	uint64_t word;
	unsigned count;
	uint8_t *to;
};

/* 1 to 63 bits. */
static inline void bits_put(struct bits *b, uint64_t value, unsigned count)
{
	const uint64_t top = value << (-count & 63);
	const unsigned sum = b->count + count;
	const uint64_t full = b->word | top >> b->count, spilt = top << (-b->count & 63);
	be_put_u64(b->to, full);
	b->to += sum / 64 * 8;
	b->word = sum < 64 ? full : spilt; /* 64 at least: count was above 0 */
	b->count = sum % 64;
}

/* Zeroes behind the code: codec_place reads so far. */
#define CODE_ZEROES 24

static inline void bits_end(const struct bits *b, struct coded *ret)
{
	be_put_u64(b->to, b->word);
	memset(b->to + 8, 0, CODE_ZEROES);
	ret->bits = (uint32_t)(b->to - ret->bytes) * 8 + b->count;
}
static_assert(((NAME_LEN_MAX + 1) * (CODEC_BITS_MAX + 8) + 63) / 64 * 8 + 8 + CODE_ZEROES <= CODEC_BYTES_MAX + 8,
	      "the longest code has room, and what is written past it");

/* Any name: symbol by symbol. */
static __attribute__((noinline)) void encode_any(const struct codec *codec, const uint8_t *wire, const uint8_t *places,
						 unsigned labels, struct coded *ret)
{
	unsigned context = CODEC_START;
	struct bits b = {0, 0, ret->bytes};
	for (unsigned i = labels; i-- > 0;) {
		const uint8_t *label = wire + places[i];
		for (unsigned j = 1; j <= label[0]; j++) {
			const unsigned symbol = symbols[label[j]];
			const uint32_t code = codec->codes[context][symbol];
			bits_put(&b, code >> CODE_AT, code & 63);
			context = symbol;
			if (symbol == CODEC_ESCAPE)
				bits_put(&b, label[j], 8);
		}
		const uint32_t end = codec->codes[context][i == 0 ? CODEC_END : CODEC_DOT];
		bits_put(&b, end >> CODE_AT, end & 63);
		context = CODEC_DOT;
	}
	bits_end(&b, ret);
}

#define PIECE 16  /* octets copied at once */
#define AT_ONCE 4 /* symbols coded together: at most 60 bits */

/* The name as a line of text, its labels as they are coded, filled up to a multiple of AT_ONCE. What is copied behind a label is
 * written over by what follows. Returns how long the line is before it is filled up. */
static inline unsigned line_up(const uint8_t *wire, const uint8_t *places, unsigned labels, uint8_t ret[NAME_LEN_MAX + 1 + PIECE])
{
	unsigned at = 0;
	for (unsigned i = labels; i-- > 0;) {
		const uint8_t *label = wire + places[i];
		const unsigned len = label[0];
		memcpy(ret + at, label + 1, PIECE);
		for (unsigned j = PIECE; UNLIKELY(j < len); j += PIECE)
			memcpy(ret + at + j, label + 1 + j, PIECE);
		at += len;
		ret[at++] = TEXT_DOT;
	}
	at += at == 0; /* the root has the end alone */
	ret[at - 1] = TEXT_END;
	memset(ret + at, TEXT_NOTHING, AT_ONCE);
	return at;
}
static_assert(NAME_SLACK >= PIECE, "a piece may be loaded from any place of a name");

/* Codes of four symbols are found and joined apart from what came before them; where their bits go is all that waits for it. In a
 * name of letters, digits, '-' and '_' only the ends of labels, and what fills the line up, are special: with others in it, of
 * which some look like an end, there are more. */
static inline void encode(const struct codec *codec, const uint8_t *wire, const uint8_t *places, unsigned labels, struct coded *ret)
{
	uint8_t line[NAME_LEN_MAX + 1 + PIECE];
	const unsigned len = line_up(wire, places, labels, line);
	const unsigned expected = MAX(labels, 1u) + (-len & (AT_ONCE - 1));
	unsigned before = CODEC_START, specials = 0;
	struct bits b = {0, 0, ret->bytes};
	for (unsigned i = 0; i < len; i += AT_ONCE) {
		const unsigned s0 = text_symbols[line[i]], s1 = text_symbols[line[i + 1]], s2 = text_symbols[line[i + 2]],
			       s3 = text_symbols[line[i + 3]];
		const uint32_t c0 = codec->codes[before][s0], c1 = codec->codes[s0][s1], c2 = codec->codes[s1][s2],
			       c3 = codec->codes[s2][s3], sum = c0 + c1 + c2 + c3;
		const uint64_t first = (uint64_t)(c0 >> CODE_AT) << (c1 & 63) | c1 >> CODE_AT;
		const uint64_t second = (uint64_t)(c2 >> CODE_AT) << (c3 & 63) | c3 >> CODE_AT;
		specials += sum & CODE_SPECIALS;
		bits_put(&b, first << ((c2 + c3) & 63) | second, sum & 63);
		before = s3;
	}
	bits_end(&b, ret);
	if (UNLIKELY(specials != expected * CODE_SPECIAL))
		encode_any(codec, wire, places, labels, ret);
}

void codec_encode(const struct codec *codec, const uint8_t *wire, size_t len, struct coded *ret)
{
	uint8_t places[NAME_LABELS_MAX + 1], room[NAME_LEN_MAX + NAME_SLACK] = {0};
	memcpy(room, wire, len);
	encode(codec, room, places, labels_of(room, len, places), ret);
}

/* --- the hashes --- */

#define FIRST(n) ((n) == 0 ? 0 : UINT64_MAX >> ((64 - 8 * (n)) & 63))
#define MASK(n)                                                      \
	{                                                            \
		FIRST((n) < 8 ? (n) : 8), FIRST((n) < 8 ? 0 : (n)-8) \
	}
const struct chunk chunk_masks[CHUNK + 1] = {MASK(0), MASK(1),	MASK(2),  MASK(3),  MASK(4),  MASK(5),	MASK(6),  MASK(7), MASK(8),
					     MASK(9), MASK(10), MASK(11), MASK(12), MASK(13), MASK(14), MASK(15), MASK(16)};

/* n octets are read. */
static struct chunk chunk_load_exact(const uint8_t *p, size_t n)
{
	struct chunk c = {0, 0};
	memcpy(&c, p, n);
	return c;
}

void name_hashes(const struct name *name, uint64_t *ret)
{
	uint8_t places[NAME_LABELS_MAX + 1];
	name_hashes_places(name, places, ret);
}

uint64_t name_hash(const uint8_t *wire, size_t len)
{
	uint8_t places[NAME_LABELS_MAX + 1];
	const uint8_t *end = wire + len;
	uint64_t hash = HASH_ROOT;
	for (unsigned i = labels_of(wire, len, places); i-- > 0;) {
		const uint8_t *label = wire + places[i];
		size_t left = 1u + label[0];
		for (; left > CHUNK; left -= CHUNK, label += CHUNK)
			hash = hash_step(hash, chunk_load(label, CHUNK));
		hash = hash_step(hash, end - label >= CHUNK ? chunk_load(label, left) : chunk_load_exact(label, left));
	}
	return hash;
}

/* H of image.h: of R in words of eight octets, the first octet highest, two of them at least. */
static inline uint64_t hash_more(uint64_t hash, uint64_t word)
{
	return fold(hash ^ word, FOLD_REST);
}

/* R's word i: the code from its bit `bits` (below 64) on. */
static inline uint64_t rest_word(const uint8_t *code, size_t i, unsigned bits)
{
	return be_get_u64(code + 8 * i) << bits | be_get_u64(code + 8 * i + 8) >> 1 >> (63 - bits);
}

static inline void place(const struct coded *code, unsigned bits, uint32_t seed, struct code_place *ret)
{
	const size_t len = code->bits > bits ? (code->bits - bits + 7) / 8 : 0;
	const uint64_t first = rest_word(code->bytes, 0, bits), second = rest_word(code->bytes, 1, bits);
	uint64_t hash = hash_more(hash_more(HASH_ROOT ^ ((uint64_t)seed << 32 | len), first), second);
	be_put_u64(ret->r, first);
	be_put_u64(ret->r + 8, second);
	for (size_t i = 2; UNLIKELY(8 * i < len); i++) {
		const uint64_t word = rest_word(code->bytes, i, bits);
		be_put_u64(ret->r + 8 * i, word);
		hash = hash_more(hash, word);
	}
	ret->r_len = (uint32_t)len;
	ret->bucket = 0;
	if (bits > 0)
		ret->bucket = (uint32_t)((be_get_u64(code->bytes) ^ fold(hash, FOLD_NAME)) >> (64 - bits));
}

void codec_place(const struct coded *code, unsigned bits, uint32_t seed, struct code_place *ret)
{
	place(code, bits, seed, ret);
}

void codec_find(const struct codec *codec, const uint8_t *wire, const uint8_t *places, unsigned labels, unsigned bits,
		uint32_t seed, struct code_place *ret)
{
	struct coded code;
	encode(codec, wire, places, labels, &code);
	place(&code, bits, seed, ret);
}
