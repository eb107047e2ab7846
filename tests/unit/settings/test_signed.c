/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What is remembered of signed lists, and the public keys it is remembered by. */
#include "settings/signed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

/* "Ed", 8 bytes that count from 1, 32 bytes of the number given */
#define KEY_A "RWQBAgMEBQYHCAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB"
#define KEY_B "RWQBAgMEBQYHCAICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIC"

static void a_key(void **state)
{
	(void)state;
	struct minisign_key key;
	char id[MINISIGN_ID_TEXT_MAX];
	assert_true(minisign_key_from_text(STR_LIT(KEY_A), &key));
	assert_memory_equal(key.id, "\1\2\3\4\5\6\7\10", 8);
	assert_int_equal(key.bytes[0], 1);
	assert_int_equal(key.bytes[31], 1);
	assert_string_equal(minisign_id_text(key.id, id), "0807060504030201");
	assert_false(minisign_key_from_text(STR_LIT(""), &key));
	assert_false(minisign_key_from_text(STR_LIT(KEY_A "A"), &key));
	assert_false(minisign_key_from_text(STR_LIT("RUQBAgMEBQYHCAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB"), &key)); /* "ED" */
	assert_false(minisign_key_from_text(STR_LIT("untrusted comment: minisign public key"), &key));
}

static void serials(void **state)
{
	(void)state;
	struct signed_record r = {.key_count = 0};
	uint8_t one[SIGNED_HASH_SIZE] = {1}, two[SIGNED_HASH_SIZE] = {2};
	assert_null(signed_record_key(&r, KEY_A));
	signed_record_accept(&r, KEY_A, 5, one, 100);
	signed_record_accept(&r, KEY_A, 5, one, 200);
	assert_int_equal(r.key_count, 1);
	assert_int_equal(signed_record_key(&r, KEY_A)->accepted_at_s, 100); /* when it was first seen */
	signed_record_refuse(&r, "why\nnot", 300);
	signed_record_refuse(&r, "another reason", 400);
	assert_int_equal(r.refused_since_s, 300);
	assert_string_equal(r.why, "another reason");
	signed_record_accept(&r, KEY_B, 1, two, 500);
	assert_int_equal(r.refused_since_s, 0);
	assert_int_equal(r.key_count, 2);
	assert_string_equal(r.keys[0].key, KEY_B);
	assert_int_equal(signed_record_key(&r, KEY_A)->serial, 5);
	assert_memory_equal(r.copy, two, sizeof(two));
	signed_record_accept(&r, KEY_A, 6, one, 600);
	assert_int_equal(r.key_count, 2);
	assert_string_equal(r.keys[0].key, KEY_A);
	assert_int_equal(signed_record_key(&r, KEY_B)->serial, 1);
}

/* Of more keys than are remembered the one that was used least lately is forgotten. */
static void many_keys(void **state)
{
	(void)state;
	struct signed_record r = {.key_count = 0};
	const uint8_t hash[SIGNED_HASH_SIZE] = {0};
	char key[MINISIGN_KEY_TEXT_LEN + 1] = KEY_A;
	for (unsigned i = 0; i < SIGNED_KEYS_MAX + 3; i++) {
		key[20] = (char)('A' + i);
		signed_record_accept(&r, key, i + 1, hash, 1);
	}
	assert_int_equal(r.key_count, SIGNED_KEYS_MAX);
	key[20] = 'A' + 2;
	assert_null(signed_record_key(&r, key));
	key[20] = 'A' + 3;
	assert_int_equal(signed_record_key(&r, key)->serial, 4);
	assert_ptr_equal(signed_record_key(&r, key), &r.keys[SIGNED_KEYS_MAX - 1]);
}

#define HEAD "saring signed list, version 1\n"

static void written_and_read(void **state)
{
	(void)state;
	char dir[] = "/tmp/saring-test-signed-XXXXXX", sub[64];
	struct signed_record r = {.key_count = 0}, back;
	const uint8_t hash[SIGNED_HASH_SIZE] = {0xab, 0xcd, [31] = 0xef};
	struct err err = {.code = ERR_NONE};
	assert_non_null(mkdtemp(dir));
	(void)snprintf(sub, sizeof(sub), "%s/" SIGNED_DIR, dir);
	assert_false(signed_record_save(dir, "a", &r, &err)); /* no such directory */
	assert_int_equal(mkdir(sub, 0700), 0);
	assert_false(signed_record_load(dir, "a", &back));
	signed_record_accept(&r, KEY_A, UINT64_C(9223372036854775807), hash, 1500000000);
	signed_record_accept(&r, KEY_B, 0, hash, 1500000001);
	signed_record_refuse(&r, "it is \"not\" signed: \xc3\xa9", 1500000002);
	assert_true(signed_record_save(dir, "a", &r, &err));
	assert_true(signed_record_load(dir, "a", &back));
	assert_memory_equal(&back, &r, sizeof(r));
	assert_false(signed_record_load(dir, "b", &back));
	assert_int_equal(back.key_count, 0);
	/* one that is there and cannot be read is not as if there were none */
	char *b = signed_record_path(dir, "b");
	assert_true(signed_record_read(dir, "b", &back, &err));
	assert_true(file_replace(b, HEAD "key", strlen(HEAD "key"), 0600, &err));
	assert_false(signed_record_read(dir, "b", &back, &err));
	assert_non_null(strstr(err.text, b));
	assert_false(signed_record_load(dir, "b", &back));
	assert_int_equal(unlink(b), 0);
	assert_int_equal(mkdir(b, 0700), 0);
	assert_false(signed_record_read(dir, "b", &back, &err));
	assert_int_equal(rmdir(b), 0);
	free(b);
	char *copy = signed_copy_path(dir, "a", hash), *path = signed_record_path(dir, "a");
	assert_non_null(strstr(copy, "/signed/a@abcd0000"));
	assert_int_equal(unlink(path), 0);
	free(copy);
	free(path);
	assert_int_equal(rmdir(sub), 0);
	assert_int_equal(rmdir(dir), 0);
}

#define HASH "0000000000000000000000000000000000000000000000000000000000000000"

static void damaged(void **state)
{
	(void)state;
	static const char *const texts[] = {"",
					    "saring signed list, version 2\n",
					    HEAD "key\n",
					    HEAD "key " KEY_A " 5 " HASH "\n",
					    HEAD "key " KEY_A " 5 " HASH "0 1\n",
					    HEAD "key " KEY_A " -5 " HASH " 1\n",
					    HEAD "key RWQ 5 " HASH " 1\n",
					    HEAD "copy 00\n",
					    HEAD "copy zz" HASH "\n",
					    HEAD "refused\n",
					    HEAD "refused x y\n",
					    HEAD "refused 1 \xff\n",
					    HEAD "surprise 1\n",
					    HEAD "\n"};
	struct signed_record r;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		assert_false(signed_record_parse(str_from(texts[i]), &r));
	assert_true(signed_record_parse(STR_LIT(HEAD "key " KEY_A " 5 " HASH " 1\ncopy " HASH "\nrefused 7 since so\n"), &r));
	assert_int_equal(r.refused_since_s, 7);
	assert_string_equal(r.why, "since so");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(a_key), cmocka_unit_test(serials), cmocka_unit_test(many_keys),
					   cmocka_unit_test(written_and_read), cmocka_unit_test(damaged)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
