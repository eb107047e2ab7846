/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Signatures as minisign makes them, made here by libsodium: every octet of them counts, and none of another key is good. That
 * minisign's own are read is tests/system/test_signed.py's matter. */
#include "import/signature.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "base/buf.h"

#define COMMENT "timestamp:1500000000\tfile:order.yaml"

static uint8_t secret[crypto_sign_SECRETKEYBYTES];
static struct minisign_key key;
static const struct str list = {"entries:\n  - a.example\n", 23};

static int set_up(void **state)
{
	(void)state;
	uint8_t seed[crypto_sign_SEEDBYTES] = {7};
	for (uint8_t i = 0; i < MINISIGN_ID_SIZE; i++)
		key.id[i] = (uint8_t)(i + 1);
	return sodium_init() < 0 ? -1 : crypto_sign_seed_keypair(key.bytes, secret, seed);
}

static void add_base64(struct buf *b, const uint8_t *bytes, size_t len)
{
	char text[128];
	must(sodium_base64_encoded_len(len, sodium_base64_VARIANT_ORIGINAL) <= sizeof(text));
	buf_add_c(b, sodium_bin2base64(text, sizeof(text), bytes, len, sodium_base64_VARIANT_ORIGINAL));
}

/* The four lines, with `eol` behind each. */
static void sign(struct str text, const char *comment, bool prehashed, const char *eol, struct buf *ret)
{
	uint8_t line[2 + MINISIGN_ID_SIZE + SIGNATURE_SIZE] = {'E', prehashed ? 'D' : 'd'}, hash[64], global[SIGNATURE_SIZE];
	uint8_t *signature = line + 2 + MINISIGN_ID_SIZE;
	struct buf both = {NULL, 0, 0};
	memcpy(line + 2, key.id, sizeof(key.id));
	if (prehashed) {
		must(crypto_generichash(hash, sizeof(hash), (const uint8_t *)text.ptr, text.len, NULL, 0) == 0);
		must(crypto_sign_detached(signature, NULL, hash, sizeof(hash), secret) == 0);
	} else {
		must(crypto_sign_detached(signature, NULL, (const uint8_t *)text.ptr, text.len, secret) == 0);
	}
	buf_add(&both, signature, SIGNATURE_SIZE);
	buf_add_c(&both, comment);
	must(crypto_sign_detached(global, NULL, (const uint8_t *)both.ptr, both.len, secret) == 0);
	buf_finish(&both);
	buf_printf(ret, "untrusted comment: whatever%s", eol);
	add_base64(ret, line, sizeof(line));
	buf_printf(ret, "%strusted comment: %s%s", eol, comment, eol);
	add_base64(ret, global, sizeof(global));
	buf_add_c(ret, eol);
}

static bool is_good(struct str text, struct str of, struct err *err)
{
	struct signature s;
	return signature_parse(text, "x.minisig", &s, err) && signature_verify(&s, &key, of, "x.minisig", err);
}

static void good_ones(void **state)
{
	(void)state;
	static const char *const eols[] = {"\n", "\r\n"};
	for (unsigned i = 0; i < 4; i++) {
		struct buf text = {NULL, 0, 0};
		struct err err = {.code = ERR_NONE};
		struct signature s;
		sign(list, COMMENT, i % 2 == 0, eols[i / 2], &text);
		if (!is_good(buf_str(&text), list, &err))
			fail_msg("%s", err.text);
		assert_true(signature_parse(buf_str(&text), "x", &s, NULL));
		assert_int_equal(s.prehashed, i % 2 == 0);
		assert_true(str_eq_c(s.comment, COMMENT));
		/* the last line's end may be missing */
		text.len -= strlen(eols[i / 2]);
		assert_true(is_good(buf_str(&text), list, &err));
		buf_finish(&text);
	}
}

static void an_empty_list_and_an_empty_comment(void **state)
{
	(void)state;
	struct buf text = {NULL, 0, 0};
	sign(STR_LIT(""), "", true, "\n", &text);
	assert_true(is_good(buf_str(&text), (struct str){NULL, 0}, NULL));
	assert_false(is_good(buf_str(&text), STR_LIT("\n"), NULL));
	buf_finish(&text);
}

/* Whatever octet is changed, but for the untrusted comment's own text: it is refused, with a place in the file. */
static void every_octet_counts(void **state)
{
	(void)state;
	for (unsigned prehashed = 0; prehashed < 2; prehashed++) {
		struct buf text = {NULL, 0, 0};
		sign(list, COMMENT, prehashed == 1, "\n", &text);
		const size_t free_from = strlen("untrusted comment: "), free_to = strlen("untrusted comment: whatever");
		for (size_t at = 0; at < text.len - 1; at++) {
			const char was = text.ptr[at];
			for (unsigned k = 0; k < 3; k++) {
				struct err err = {.code = ERR_NONE};
				text.ptr[at] = (char)(was ^ (k == 0 ? 1 : k == 1 ? 0x20 : 0x80));
				const bool good = is_good(buf_str(&text), list, &err);
				if (at >= free_from && at < free_to && text.ptr[at] != '\n') {
					assert_true(good);
				} else {
					assert_false(good);
					assert_string_equal(err.file, "x.minisig");
					assert_in_range(err.line, 1, 5);
				}
			}
			text.ptr[at] = was;
		}
		/* and of the list */
		char copy[64];
		for (size_t at = 0; at < list.len; at++) {
			memcpy(copy, list.ptr, list.len);
			copy[at] ^= 1;
			assert_false(is_good(buf_str(&text), (struct str){copy, list.len}, NULL));
		}
		assert_false(is_good(buf_str(&text), (struct str){list.ptr, list.len - 1}, NULL));
		buf_finish(&text);
	}
}

static void cut_short_or_with_more(void **state)
{
	(void)state;
	struct buf text = {NULL, 0, 0};
	struct err err = {.code = ERR_NONE};
	sign(list, COMMENT, true, "\n", &text);
	const size_t whole = text.len;
	for (size_t len = 0; len < whole - 1; len++) /* less the last line's end is whole */
		assert_false(is_good((struct str){text.ptr, len}, list, NULL));
	buf_add_c(&text, "\n \n");
	assert_true(is_good(buf_str(&text), list, NULL));
	buf_add_c(&text, "more");
	assert_false(is_good(buf_str(&text), list, &err));
	assert_int_equal(err.line, 5);
	buf_reset(&text);
	memset(buf_grow(&text, SIGNATURE_BYTES_MAX + 1), 'x', SIGNATURE_BYTES_MAX + 1);
	assert_false(is_good(buf_str(&text), list, &err));
	buf_finish(&text);
}

/* RFC 8032 would take a signature under a key of small order for nearly any text; nobody has such a key's secret, for there is
 * none. */
static void a_key_of_small_order(void **state)
{
	(void)state;
	struct minisign_key weak = key;
	struct buf text = {NULL, 0, 0};
	struct signature s;
	memset(weak.bytes, 0, sizeof(weak.bytes));
	weak.bytes[0] = 1;
	sign(list, COMMENT, false, "\n", &text);
	assert_true(signature_parse(buf_str(&text), "x", &s, NULL));
	memset(s.of_text, 0, sizeof(s.of_text));
	s.of_text[0] = 1;
	memcpy(s.of_comment, s.of_text, sizeof(s.of_comment));
	assert_false(signature_verify(&s, &weak, list, "x", NULL));
	buf_finish(&text);
}

static void serial_numbers(void **state)
{
	(void)state;
	static const struct {
		const char *comment;
		bool good;
		uint64_t serial;
	} rows[] = {{"timestamp:1500000000\tfile:a\thashed", true, 1500000000},
		    {"serial:7", true, 7},
		    {"timestamp:1500000000 serial:7", true, 7},
		    {"release serial:0", true, 0},
		    {"serial:1 serial:2", true, 1},
		    {"serial:9223372036854775807", true, INT64_MAX},
		    {"serial:9223372036854775808", false, 0},
		    {"serial:99999999999999999999999", false, 0},
		    {"serial:x timestamp:5", false, 0}, /* not what was meant, whatever was */
		    {"serial:", false, 0},
		    {"serial:-1", false, 0},
		    {"serial: 5", false, 0},
		    {"myserial:5", false, 0},
		    {"Serial:5", false, 0},
		    {"", false, 0},
		    {"  \t ", false, 0}};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint64_t serial = 42;
		assert_int_equal(signature_serial(str_from(rows[i].comment), &serial), rows[i].good);
		if (rows[i].good)
			assert_int_equal(serial, rows[i].serial);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(good_ones),
					   cmocka_unit_test(an_empty_list_and_an_empty_comment),
					   cmocka_unit_test(every_octet_counts),
					   cmocka_unit_test(cut_short_or_with_more),
					   cmocka_unit_test(a_key_of_small_order),
					   cmocka_unit_test(serial_numbers)};
	return cmocka_run_group_tests(tests, set_up, NULL);
}
