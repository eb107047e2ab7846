/* SPDX-License-Identifier: BSD-2-Clause
 *
 * codec.h - names as bits, and the two hashes of a name; shared by the writer and the matcher of images. For config/policy only.
 *
 * The code: symbols are '-', '0'..'9', '_', 'a'..'z', CODEC_DOT (a further label follows), CODEC_END, and CODEC_ESCAPE followed by
 * the octet's eight bits. Labels are coded from the rightmost to the left, the octets within a label from left to right; after each
 * label CODEC_DOT or CODEC_END. Each symbol has a Huffman code in the context of the symbol before it (CODEC_START at first,
 * CODEC_ESCAPE after an escaped octet), canonical, of 1 to CODEC_BITS_MAX bits; every symbol has one in every context, so that
 * every name can be coded. Most significant bit first. The root has the code of CODEC_END alone. */
#ifndef SARING_POLICY_CODEC_H
#define SARING_POLICY_CODEC_H

#include "base/base.h"
#include "wire/name.h"

enum { CODEC_DOT = 38, CODEC_END = 39, CODEC_ESCAPE = 40, CODEC_SYMBOLS = 41, CODEC_START = 41, CODEC_CONTEXTS = 42 };
#define CODEC_BITS_MAX 15
#define CODEC_LENGTHS_SIZE (CODEC_CONTEXTS * CODEC_SYMBOLS) /* the section CODEC: lengths[context * CODEC_SYMBOLS + symbol] */
#define CODEC_BYTES_MAX 768				    /* of a coded name: 255 octets of at most 23 bits, and the end */
#define CODEC_NOTHING CODEC_CONTEXTS			    /* no symbol: has no bits, follows the end */
#define CODEC_ROW 64					    /* so that a shift finds it */

struct codec {
	uint32_t codes[CODEC_CONTEXTS + 1][CODEC_ROW]; /* [before][symbol]: code << 16 | is no plain symbol << 6 | length */
};

/* Statistics -> code lengths, deterministic. counts may be zero anywhere. */
void codec_lengths(const uint32_t counts[CODEC_LENGTHS_SIZE], uint8_t ret[CODEC_LENGTHS_SIZE]);
/* Adds a name's symbols to the statistics. */
void codec_count(const uint8_t *wire, size_t len, uint32_t counts[CODEC_LENGTHS_SIZE]);
/* False when the lengths are no complete prefix code in some context. */
MUST_CHECK bool codec_init(const uint8_t lengths[CODEC_LENGTHS_SIZE], struct codec *ret);

/* A coded name: bits in bytes, most significant first, the rest of the last byte zero. */
struct coded {
	uint32_t bits;
	uint8_t bytes[CODEC_BYTES_MAX + 8];
};
/* wire: a folded name's wire form of that length (a suffix's too). */
void codec_encode(const struct codec *codec, const uint8_t *wire, size_t len, struct coded *ret);

/* Cut for the index (image.h): the bucket, and R with its length. */
struct code_place {
	uint32_t bucket;
	uint32_t r_len;
	uint8_t r[CODEC_BYTES_MAX + 8];
};
void codec_place(const struct coded *code, unsigned bits, uint32_t seed, struct code_place *ret);

/* Both at once for a suffix of `labels` labels, which stand at wire + places[0], wire + places[1] and so on. Behind the name
 * NAME_SLACK octets, of any value, may be read. */
void codec_find(const struct codec *codec, const uint8_t *wire, const uint8_t *places, unsigned labels, unsigned bits,
		uint32_t seed, struct code_place *ret);

/* The filter's hash of a name and of all its suffixes: hash(label.rest) from hash(rest). hashes[n] is that of the suffix of n
 * labels; hashes[0] the root's. name->labels + 1 of them. */
void name_hashes(const struct name *name, uint64_t *ret);
uint64_t name_hash(const uint8_t *wire, size_t len); /* of the whole, equal to hashes[labels] */

/* The word of the filter, and the bits in it. */
static inline size_t filter_word(uint64_t hash, size_t words)
{
	return (size_t)((hash >> 32) * (uint64_t)words >> 32);
}
static inline uint64_t filter_mask(uint64_t hash)
{
	return 1ull << (hash & 63) | 1ull << (hash >> 6 & 63) | 1ull << (hash >> 12 & 63) | 1ull << (hash >> 18 & 63);
}
/* 1 if all of them are in the word, else 0. */
static inline uint64_t filter_passes(uint64_t word, uint64_t hash)
{
	return word >> (hash & 63) & word >> (hash >> 6 & 63) & word >> (hash >> 12 & 63) & word >> (hash >> 18 & 63) & 1;
}

#endif
