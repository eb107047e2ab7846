/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Server cookies against the vectors of RFC 9018 appendix A, and what must not pass for one. */
#include "wire_test.h"

#include "wire/cookie.h"

#define SECRET_1 "e5e973e5a6b2a43f48e7dc849e37bfcf"
#define SECRET_2 "dd3bdf9344b678b185a6f5cb60fca715"
#define SECRET_3 "445536bcd2513298075a5d379663c962"
#define CLIENT_V6 "2001:db8:220:1:59de:d0f4:8769:82b8"
#define NOW 1559731985

static struct siphash_key secret_of(const char *hex)
{
	size_t len;
	uint8_t *bytes = unhex(hex, &len);
	assert_int_equal(len, 16);
	struct siphash_key key = siphash_key_from(bytes);
	free(bytes);
	return key;
}

static struct addr address(const char *text)
{
	struct addr a;
	assert_true(addr_from_text(str_from(text), 4000, &a));
	return a;
}

static bool verify(const struct cookie_secrets *secrets, const char *cookie, const char *from, int64_t now_s)
{
	size_t len;
	uint8_t *bytes = unhex(cookie, &len);
	struct addr a = address(from);
	bool good = cookie_verify(secrets, bytes, len, &a, now_s);
	free(bytes);
	return good;
}

static void makes(const struct cookie_secrets *secrets, const char *client, const char *from, int64_t now_s, const char *cookie)
{
	size_t len, client_len;
	uint8_t made[COOKIE_LEN], *want = unhex(cookie, &len), *part = unhex(client, &client_len);
	struct addr a = address(from);
	assert_int_equal(client_len, COOKIE_CLIENT_LEN);
	assert_int_equal(len, COOKIE_LEN);
	cookie_make(secrets, part, &a, now_s, made);
	assert_memory_equal(made, want, len);
	free(want);
	free(part);
}

static void vectors(void **state)
{
	(void)state;
	struct siphash_key keys[] = {secret_of(SECRET_1), secret_of(SECRET_3), secret_of(SECRET_2)};
	struct cookie_secrets one = {.given = keys, .given_count = 1}, two = {.given = keys + 1, .given_count = 2},
			      old = {.given = keys + 2, .given_count = 1};
	/* A.1, A.2: a new cookie, and the one that renews it */
	makes(&one, "2464c4abcf10c957", "198.51.100.100", NOW, "2464c4abcf10c957 01000000 5cf79f11 1f8130c3eee29480");
	makes(&one, "2464c4abcf10c957", "198.51.100.100", 1559734385, "2464c4abcf10c957 01000000 5cf7a871 d4a564a1442aca77");
	assert_true(verify(&one, "2464c4abcf10c957 01000000 5cf79f11 1f8130c3eee29480", "198.51.100.100", 1559734385));
	/* A.3: reserved octets of another maker are hashed as they came, and are zero in what answers */
	assert_true(verify(&one, "fc93fc62807ddb86 01abcdef 5cf78f71 a314227b6679ebf5", "203.0.113.203", 0x5cf78f71 + 3600));
	assert_false(verify(&one, "fc93fc62807ddb86 01000000 5cf78f71 a314227b6679ebf5", "203.0.113.203", 0x5cf78f71));
	makes(&one, "fc93fc62807ddb86", "203.0.113.203", 1559734700, "fc93fc62807ddb86 01000000 5cf7a9ac f73a7810aca2381e");
	/* A.4: IPv6, and another secret since */
	makes(&old, "22681ab97d52c298", CLIENT_V6, 0x5cf7c579, "22681ab97d52c298 01000000 5cf7c579 26556bd0934c72f8");
	assert_true(verify(&two, "22681ab97d52c298 01000000 5cf7c579 26556bd0934c72f8", CLIENT_V6, 1559741961));
	makes(&two, "22681ab97d52c298", CLIENT_V6, 1559741961, "22681ab97d52c298 01000000 5cf7c609 a6bb79d16625507a");
	assert_false(verify(&old, "22681ab97d52c298 01000000 5cf7c609 a6bb79d16625507a", CLIENT_V6, 1559741961));
}

static void whose_and_how_old(void **state)
{
	(void)state;
	static const struct {
		int64_t age_s;
		bool good;
	} ages[] = {{0, true}, {1, true}, {3600, true}, {3601, false}, {100000, false}, {-1, true}, {-300, true}, {-301, false}};
	struct siphash_key key = secret_of(SECRET_1);
	struct cookie_secrets given = {.given = &key, .given_count = 1}, own = {.seed = secret_of(SECRET_2)},
			      others = {.seed = secret_of(SECRET_3)};
	struct addr a = address("198.51.100.100"), port = address("198.51.100.100:1"), b = address("198.51.100.101"),
		    v6 = address(CLIENT_V6);
	const struct cookie_secrets *each[] = {&given, &own};
	uint8_t cookie[COOKIE_LEN], again[COOKIE_LEN];

	/* whenever: in the middle of a day, at a day's end when own secrets change, and past 2106, when 32 bits of seconds begin
	 * again */
	static const int64_t times[] = {NOW, 20000 * 86400LL, 0x100000000 + 10, 0xffffffff};
	for (size_t t = 0; t < ARRAY_LEN(times); t++)
		for (size_t s = 0; s < ARRAY_LEN(each); s++) {
			cookie_make(each[s], (const uint8_t *)"12345678", &a, times[t], cookie);
			for (size_t i = 0; i < ARRAY_LEN(ages); i++)
				assert_int_equal(cookie_verify(each[s], cookie, sizeof(cookie), &a, times[t] + ages[i].age_s),
						 ages[i].good);
			assert_true(cookie_verify(each[s], cookie, sizeof(cookie), &port, times[t]));
			assert_false(cookie_verify(each[s], cookie, sizeof(cookie), &b, times[t]));
			assert_false(cookie_verify(each[s], cookie, sizeof(cookie), &v6, times[t]));
			assert_false(cookie_verify(each[1 - s], cookie, sizeof(cookie), &a, times[t]));
			assert_false(cookie_verify(&others, cookie, sizeof(cookie), &a, times[t]));
		}
	/* own secrets are of a day: what makes cookies tomorrow is another */
	cookie_make(&own, (const uint8_t *)"12345678", &a, NOW, cookie);
	cookie_make(&own, (const uint8_t *)"12345678", &a, NOW + 86400, again);
	memcpy(again + 12, cookie + 12, 4);
	assert_false(cookie_verify(&own, again, sizeof(again), &a, NOW));
}

static void not_one_bit_may_differ(void **state)
{
	(void)state;
	struct siphash_key key = secret_of(SECRET_1);
	struct cookie_secrets secrets = {.given = &key, .given_count = 1};
	struct addr a = address(CLIENT_V6);
	uint8_t cookie[COOKIE_LEN + 16] = {0};

	cookie_make(&secrets, (const uint8_t *)"12345678", &a, NOW, cookie);
	for (size_t bit = 0; bit < (size_t)COOKIE_LEN * 8; bit++) {
		cookie[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_false(cookie_verify(&secrets, cookie, COOKIE_LEN, &a, NOW));
		cookie[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	assert_true(cookie_verify(&secrets, cookie, COOKIE_LEN, &a, NOW));
	/* other lengths are other servers' */
	for (size_t len = 0; len <= sizeof(cookie); len++) {
		uint8_t *exact = exact_copy(cookie, len);
		assert_int_equal(cookie_verify(&secrets, exact, len, &a, NOW), len == COOKIE_LEN);
		free(exact);
	}
}

static void lengths(void **state)
{
	(void)state;
	for (size_t len = 0; len < 100; len++)
		assert_int_equal(cookie_len_is_sound(len), len == 8 || (len >= 16 && len <= 40));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(vectors),
	    cmocka_unit_test(whose_and_how_old),
	    cmocka_unit_test(not_one_bit_may_differ),
	    cmocka_unit_test(lengths),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
