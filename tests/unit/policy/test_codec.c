/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Names to bits and back, by a decoder of the test's own that knows only image.h and codec.h; and the two hashes of a name. */
#include "policy/codec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dice.h"

static struct name name_of(const char *text)
{
	struct name name;
	assert_true(name_from_text(str_from(text), &name, NULL));
	return name;
}

/* Any octets but capital letters, any number of labels that fit in len_max octets. */
static struct name random_name(size_t len_max, bool odd)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz0123456789-_";
	struct name name = {.len = 0};
	size_t at = 0;
	while (at + 2 < len_max && below(6) != 0) {
		size_t len = 1 + below(below(4) == 0 ? 63 : 8);
		if (at + 1 + len + 1 > len_max)
			break;
		name.wire[at++] = (uint8_t)len;
		for (size_t i = 0; i < len; i++) {
			uint8_t octet = odd ? (uint8_t)below(256) : (uint8_t)plain[below(sizeof(plain) - 1)];
			name.wire[at++] = octet >= 'A' && octet <= 'Z' ? 'x' : octet;
		}
		name.labels++;
	}
	name.wire[at++] = 0;
	name.len = (uint8_t)at;
	return name;
}

/* --- a decoder --- */

struct decoder {
	const uint8_t *lengths, *bytes;
	size_t at, bits;
};

static unsigned next_bit(struct decoder *d)
{
	assert_true(d->at < d->bits);
	unsigned bit = (unsigned)d->bytes[d->at / 8] >> (7 - d->at % 8) & 1u;
	d->at++;
	return bit;
}

/* Canonical codes: of each length the first one follows from how many are shorter. */
static unsigned next_symbol(struct decoder *d, unsigned context)
{
	unsigned code = 0, first = 0;
	for (unsigned bits = 1; bits <= CODEC_BITS_MAX; bits++) {
		code = code << 1 | next_bit(d);
		unsigned place = code - first, count = 0;
		for (unsigned symbol = 0; symbol < CODEC_SYMBOLS; symbol++) {
			if (d->lengths[context * CODEC_SYMBOLS + symbol] != bits)
				continue;
			if (code >= first && place == count)
				return symbol;
			count++;
		}
		first = (first + count) << 1;
	}
	fail_msg("no such code");
	return 0;
}

static struct name decode(const uint8_t *lengths, const uint8_t *bytes, size_t bits, size_t *ret_bits)
{
	static const char plain[] = "-0123456789_abcdefghijklmnopqrstuvwxyz";
	struct decoder d = {lengths, bytes, 0, bits};
	uint8_t labels[NAME_LABELS_MAX + 1][64]; /* from the right */
	unsigned count = 0, context = CODEC_START, len = 0;
	for (;;) {
		unsigned symbol = next_symbol(&d, context);
		context = symbol;
		if (symbol == CODEC_END || symbol == CODEC_DOT) {
			if (len > 0) {
				labels[count++][0] = (uint8_t)len;
				len = 0;
			}
			if (symbol == CODEC_END)
				break;
			continue;
		}
		unsigned octet = 0;
		if (symbol == CODEC_ESCAPE) {
			for (int i = 0; i < 8; i++)
				octet = octet << 1 | next_bit(&d);
		} else {
			octet = (unsigned char)plain[symbol];
		}
		assert_true(len < 63 && count < NAME_LABELS_MAX);
		labels[count][++len] = (uint8_t)octet;
	}
	struct name name = {.labels = (uint8_t)count};
	size_t at = 0;
	while (count-- > 0) {
		memcpy(name.wire + at, labels[count], 1u + labels[count][0]);
		at += 1u + labels[count][0];
	}
	name.len = (uint8_t)(at + 1);
	*ret_bits = d.at;
	return name;
}

/* Bucket and R -> the padded code. H is taken from codec_place's own answer for the same R: only its upper bits are needed, and
 * equal R give equal H. */
static void unplace(const struct code_place *place, unsigned bits, uint32_t hash_bits, struct coded *ret)
{
	uint32_t first = place->bucket ^ hash_bits;
	memset(ret, 0, sizeof(*ret));
	for (unsigned i = 0; i < bits; i++) {
		if ((first >> (bits - 1 - i) & 1u) != 0)
			ret->bytes[i / 8] |= (uint8_t)(0x80u >> i % 8);
	}
	for (size_t i = 0; i < 8 * (size_t)place->r_len; i++) {
		if (((unsigned)place->r[i / 8] >> (7 - i % 8) & 1u) != 0)
			ret->bytes[(bits + i) / 8] |= (uint8_t)(0x80u >> (bits + i) % 8);
	}
	ret->bits = bits + 8 * place->r_len;
}

/* H's upper bits: where a code with the same R, but zeroes for its first bits, stands. */
static uint32_t hash_bits_of(const struct coded *code, unsigned bits, uint32_t seed)
{
	struct coded zeroes = *code;
	struct code_place place;
	for (unsigned i = 0; i < bits; i++)
		zeroes.bytes[i / 8] &= (uint8_t) ~(0x80u >> i % 8);
	codec_place(&zeroes, bits, seed, &place);
	return place.bucket;
}

static void sample_lengths(uint8_t lengths[CODEC_LENGTHS_SIZE])
{
	static const char *const names[] = {"www.example.com", "ads.tracker-net.co.uk", "a_b.xn--p1ai", "mail.google.com", "x1.de"};
	static uint32_t counts[CODEC_LENGTHS_SIZE];
	memset(counts, 0, sizeof(counts));
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct name name = name_of(names[i]);
		codec_count(name.wire, name.len, counts);
	}
	codec_lengths(counts, lengths);
}

/* --- tests --- */

static void round_trip(const struct codec *codec, const uint8_t *lengths, const struct name *name)
{
	struct coded code, back;
	size_t bits = 0;
	memset(&code, 0xaa, sizeof(code));
	codec_encode(codec, name->wire, name->len, &code);
	assert_true(code.bits > 0 && (code.bits + 7) / 8 <= CODEC_BYTES_MAX);
	if (code.bits % 8 != 0)
		assert_int_equal(code.bytes[code.bits / 8] & (0xffu >> code.bits % 8), 0);
	struct name got = decode(lengths, code.bytes, code.bits, &bits);
	assert_int_equal(bits, code.bits);
	assert_true(name_eq(&got, name));
	static const unsigned buckets[] = {0, 1, 7, 8, 9, 16, 21, 28};
	for (size_t i = 0; i < ARRAY_LEN(buckets); i++) {
		struct code_place place;
		memset(&place, 0x55, sizeof(place));
		codec_place(&code, buckets[i], 3, &place);
		assert_true(place.bucket < 1u << buckets[i]);
		assert_int_equal(place.r_len, code.bits > buckets[i] ? (code.bits - buckets[i] + 7) / 8 : 0);
		unplace(&place, buckets[i], hash_bits_of(&code, buckets[i], 3), &back);
		got = decode(lengths, back.bytes, MAX(back.bits, code.bits), &bits);
		assert_true(name_eq(&got, name));
	}
}

static void names_come_back(void **state)
{
	(void)state;
	static struct codec codec;
	uint8_t lengths[CODEC_LENGTHS_SIZE];
	sample_lengths(lengths);
	assert_true(codec_init(lengths, &codec));
	static const char *const names[] = {".", "com", "www.example.com", "-.-", "_dmarc.x", "a\\000b.example", "\\255.\\001"};
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct name name = name_of(names[i]);
		round_trip(&codec, lengths, &name);
	}
	random_state = 0x12345;
	for (int i = 0; i < 3000; i++) {
		struct name name = random_name(NAME_LEN_MAX, i % 3 == 0);
		round_trip(&codec, lengths, &name);
	}
}

/* Each octet alone, after each kind of context; and the longest names there are. */
static void every_octet_and_the_longest(void **state)
{
	(void)state;
	static struct codec codec;
	uint8_t lengths[CODEC_LENGTHS_SIZE];
	/* the longest codes: weights that grow like Fibonacci's, so that the limit of CODEC_BITS_MAX works */
	static uint32_t counts[CODEC_LENGTHS_SIZE];
	for (size_t i = 0; i < CODEC_LENGTHS_SIZE; i++)
		counts[i] = i % CODEC_SYMBOLS < 31 ? 1u << i % CODEC_SYMBOLS : 0;
	codec_lengths(counts, lengths);
	assert_int_equal(lengths[CODEC_ESCAPE], CODEC_BITS_MAX);
	assert_true(codec_init(lengths, &codec));
	for (unsigned octet = 0; octet < 256; octet++) {
		if (octet >= 'A' && octet <= 'Z')
			continue;
		struct name name = {.len = 5, .labels = 1, .wire = {3, 'a', (uint8_t)octet, 'b', 0}};
		round_trip(&codec, lengths, &name);
		name = (struct name){.len = 3, .labels = 1, .wire = {1, (uint8_t)octet, 0}};
		round_trip(&codec, lengths, &name);
	}
	struct name longest = {.len = NAME_LEN_MAX, .labels = NAME_LABELS_MAX};
	for (size_t i = 0; i < NAME_LEN_MAX - 1; i++)
		longest.wire[i] = i % 2 == 0 ? 1 : 0xff;
	round_trip(&codec, lengths, &longest);
	longest.labels = 4;
	memset(longest.wire, 0xfe, sizeof(longest.wire));
	longest.wire[0] = longest.wire[64] = longest.wire[128] = 63;
	longest.wire[192] = 61;
	longest.wire[254] = 0;
	round_trip(&codec, lengths, &longest);
}

static void codes_are_complete_and_least(void **state)
{
	(void)state;
	uint8_t lengths[CODEC_LENGTHS_SIZE], again[CODEC_LENGTHS_SIZE];
	static uint32_t counts[CODEC_LENGTHS_SIZE];
	static struct codec codec;
	random_state = 77;
	for (int round = 0; round < 20; round++) {
		for (size_t i = 0; i < CODEC_LENGTHS_SIZE; i++)
			counts[i] = below(3) == 0 ? 0 : (uint32_t)(random_next() >> (32 + below(32)));
		codec_lengths(counts, lengths);
		codec_lengths(counts, again);
		assert_memory_equal(lengths, again, sizeof(lengths));
		assert_true(codec_init(lengths, &codec));
		for (size_t c = 0; c < CODEC_CONTEXTS; c++) {
			const uint8_t *l = lengths + c * CODEC_SYMBOLS;
			for (size_t a = 0; a < CODEC_SYMBOLS; a++) /* what is met more often has no longer code */
				for (size_t b = 0; b < CODEC_SYMBOLS; b++)
					assert_false(counts[c * CODEC_SYMBOLS + a] > counts[c * CODEC_SYMBOLS + b] && l[a] > l[b]);
		}
	}
	memset(counts, 0xff, sizeof(counts));
	codec_lengths(counts, lengths);
	assert_true(codec_init(lengths, &codec));
	memset(counts, 0, sizeof(counts));
	codec_lengths(counts, lengths); /* 41 equal ones: 23 of 5 bits, 18 of 6 */
	size_t five = 0;
	for (size_t i = 0; i < CODEC_SYMBOLS; i++)
		five += lengths[i] == 5;
	assert_int_equal(five, 23);
}

static void incomplete_codes_are_refused(void **state)
{
	(void)state;
	uint8_t lengths[CODEC_LENGTHS_SIZE];
	static struct codec codec;
	sample_lengths(lengths);
	for (size_t i = 0; i < CODEC_LENGTHS_SIZE; i++) {
		uint8_t was = lengths[i];
		for (unsigned other = 0; other < 256; other += other < 17 ? 1 : 34) {
			lengths[i] = (uint8_t)other;
			if (other != was)
				assert_false(codec_init(lengths, &codec));
		}
		lengths[i] = was;
	}
	assert_true(codec_init(lengths, &codec));
}

/* Statistics are those of the symbols that the encoder writes: so many bits in all. */
static void counting_follows_the_encoder(void **state)
{
	(void)state;
	uint8_t lengths[CODEC_LENGTHS_SIZE];
	static uint32_t counts[CODEC_LENGTHS_SIZE];
	static struct codec codec;
	sample_lengths(lengths);
	assert_true(codec_init(lengths, &codec));
	random_state = 5;
	for (int i = 0; i < 500; i++) {
		struct name name = random_name(NAME_LEN_MAX, i % 2 == 0);
		struct coded code;
		uint64_t bits = 0;
		memset(counts, 0, sizeof(counts));
		codec_count(name.wire, name.len, counts);
		codec_encode(&codec, name.wire, name.len, &code);
		for (size_t j = 0; j < CODEC_LENGTHS_SIZE; j++)
			bits += (uint64_t)counts[j] * (lengths[j] + (j % CODEC_SYMBOLS == CODEC_ESCAPE ? 8u : 0u));
		assert_int_equal(bits, code.bits);
	}
}

/* A parent's code is, but for the end mark, the beginning of its child's. */
static void parents_are_prefixes(void **state)
{
	(void)state;
	uint8_t lengths[CODEC_LENGTHS_SIZE];
	static struct codec codec;
	struct coded child, parent;
	sample_lengths(lengths);
	assert_true(codec_init(lengths, &codec));
	struct name c = name_of("www.example.com"), p = name_of("example.com");
	codec_encode(&codec, c.wire, c.len, &child);
	codec_encode(&codec, p.wire, p.len, &parent);
	unsigned end = lengths[('e' - 'a' + 12) * CODEC_SYMBOLS + CODEC_END], shared = parent.bits - end;
	for (unsigned i = 0; i < shared; i++)
		assert_int_equal(parent.bytes[i / 8] >> (7 - i % 8) & 1, child.bytes[i / 8] >> (7 - i % 8) & 1);
}

static void hashes_of_suffixes(void **state)
{
	(void)state;
	random_state = 99;
	for (int i = 0; i < 2000; i++) {
		struct name name = random_name(NAME_LEN_MAX, i % 2 == 0);
		uint64_t hashes[NAME_LABELS_MAX + 1];
		memset(name.wire + name.len, (int)below(256), sizeof(name.wire) - name.len); /* what lies behind does not matter */
		name_hashes(&name, hashes);
		for (unsigned labels = 0; labels <= name.labels; labels++) {
			struct name suffix;
			assert_true(name_suffix(&name, labels, &suffix));
			uint8_t *exact = malloc(suffix.len);
			assert_non_null(exact);
			memcpy(exact, suffix.wire, suffix.len);
			assert_true(name_hash(exact, suffix.len) == hashes[labels]);
			free(exact);
		}
	}
	/* labels, not letters */
	static const uint8_t joined[] = "\4a.bc", two[] = "\1a\2bc";
	assert_true(name_hash(joined, 6) != name_hash(two, 6));
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return x < y ? -1 : x > y;
}

/* Near names scatter: no two alike, and a filter of 10 bits a name passes few that are not in it. */
static void hashes_scatter(void **state)
{
	(void)state;
	enum { COUNT = 50000, WORDS = COUNT * 10 / 64 };
	static uint64_t hashes[2 * COUNT], filter[WORDS];
	char text[64];
	memset(filter, 0, sizeof(filter));
	for (unsigned i = 0; i < 2 * COUNT; i++) {
		(void)snprintf(text, sizeof(text), "host%u.net%u.example", i, i % 7);
		struct name name = name_of(text);
		hashes[i] = name_hash(name.wire, name.len);
		if (i < COUNT)
			filter[filter_word(hashes[i], WORDS)] |= filter_mask(hashes[i]);
	}
	size_t passed = 0;
	for (unsigned i = 0; i < 2 * COUNT; i++) {
		uint64_t mask = filter_mask(hashes[i]);
		bool passes = (filter[filter_word(hashes[i], WORDS)] & mask) == mask;
		assert_true(i >= COUNT || passes);
		passed += i >= COUNT && passes;
	}
	assert_true(passed < COUNT * 4 / 100);
	qsort(hashes, ARRAY_LEN(hashes), sizeof(hashes[0]), by_value);
	for (size_t i = 1; i < ARRAY_LEN(hashes); i++)
		assert_true(hashes[i - 1] != hashes[i]);
}

static void seeds_move_names_to_other_buckets(void **state)
{
	(void)state;
	uint8_t lengths[CODEC_LENGTHS_SIZE];
	static struct codec codec;
	struct coded code;
	struct code_place a, b;
	unsigned moved = 0;
	char text[64];
	static unsigned buckets[1u << 10];
	sample_lengths(lengths);
	assert_true(codec_init(lengths, &codec));
	memset(buckets, 0, sizeof(buckets));
	for (unsigned i = 0; i < 8192; i++) {
		(void)snprintf(text, sizeof(text), "n%u.example.com", i);
		struct name name = name_of(text);
		codec_encode(&codec, name.wire, name.len, &code);
		codec_place(&code, 10, 0, &a);
		codec_place(&code, 10, 1, &b);
		assert_int_equal(a.r_len, b.r_len);
		assert_memory_equal(a.r, b.r, a.r_len);
		moved += a.bucket != b.bucket;
		buckets[a.bucket]++;
	}
	assert_true(moved > 8000);
	for (size_t i = 0; i < ARRAY_LEN(buckets); i++) /* 8 on average */
		assert_true(buckets[i] < 32);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(names_come_back),
	    cmocka_unit_test(every_octet_and_the_longest),
	    cmocka_unit_test(codes_are_complete_and_least),
	    cmocka_unit_test(incomplete_codes_are_refused),
	    cmocka_unit_test(counting_follows_the_encoder),
	    cmocka_unit_test(parents_are_prefixes),
	    cmocka_unit_test(hashes_of_suffixes),
	    cmocka_unit_test(hashes_scatter),
	    cmocka_unit_test(seeds_move_names_to_other_buckets),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
