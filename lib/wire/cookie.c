/* SPDX-License-Identifier: BSD-2-Clause */
#include "wire/cookie.h"

#include <endian.h>
#include <string.h>

#include "base/be.h"

#define VERSION 1
#define VERSION_AT 8
#define TIME_AT 12
#define HASH_AT 16
#define HASH_INPUT_MAX (HASH_AT + 16)

/* Over what stands before the hash, as it came (RFC 9018 §4.4: the reserved octets too), and the address. */
static void hash(const struct siphash_key *secret, const uint8_t *cookie, const struct addr *peer, uint8_t ret[8])
{
	uint8_t input[HASH_INPUT_MAX];
	bool v4 = peer->sa.sa_family == AF_INET;
	size_t len = v4 ? sizeof(peer->in.sin_addr) : sizeof(peer->in6.sin6_addr);

	memcpy(input, cookie, HASH_AT);
	memcpy(input + HASH_AT, v4 ? (const void *)&peer->in.sin_addr : (const void *)&peer->in6.sin6_addr, len);
	uint64_t value = htole64(siphash24(secret, input, HASH_AT + len)); /* as the reference code puts it out */
	memcpy(ret, &value, sizeof(value));
}

/* The process's secret for cookies made at that time. */
static struct siphash_key secret_of(const struct siphash_key *seed, uint32_t time_s)
{
	uint64_t part[2] = {htole64(time_s / COOKIE_SECRET_S), 0};
	struct siphash_key key;

	key.k0 = siphash24(seed, part, sizeof(part));
	part[1] = htole64(1);
	key.k1 = siphash24(seed, part, sizeof(part));
	return key;
}

void cookie_make(const struct cookie_secrets *secrets, const uint8_t client[COOKIE_CLIENT_LEN], const struct addr *peer,
		 int64_t now_s, uint8_t ret[COOKIE_LEN])
{
	uint32_t time_s = (uint32_t)now_s;
	struct siphash_key secret = secrets->given_count > 0 ? secrets->given[0] : secret_of(&secrets->seed, time_s);

	memcpy(ret, client, COOKIE_CLIENT_LEN);
	memset(ret + VERSION_AT, 0, TIME_AT - VERSION_AT);
	ret[VERSION_AT] = VERSION;
	be_put_u32(ret + TIME_AT, time_s);
	hash(&secret, ret, peer, ret + HASH_AT);
}

static bool made_with(const struct siphash_key *secret, const uint8_t *cookie, const struct addr *peer)
{
	uint8_t want[8], differs = 0;

	hash(secret, cookie, peer, want);
	for (size_t i = 0; i < sizeof(want); i++) /* in equal time, whatever differs */
		differs |= (uint8_t)(want[i] ^ cookie[HASH_AT + i]);
	return differs == 0;
}

bool cookie_verify(const struct cookie_secrets *secrets, const uint8_t *cookie, size_t len, const struct addr *peer, int64_t now_s)
{
	if (len != COOKIE_LEN || cookie[VERSION_AT] != VERSION)
		return false;
	uint32_t time_s = be_get_u32(cookie + TIME_AT);
	int32_t age_s = (int32_t)((uint32_t)now_s - time_s); /* RFC 1982: right past 2106 too */
	if (age_s > COOKIE_PAST_S || age_s < -COOKIE_FUTURE_S)
		return false;
	for (size_t i = 0; i < secrets->given_count; i++)
		if (made_with(&secrets->given[i], cookie, peer))
			return true;
	struct siphash_key own = secret_of(&secrets->seed, time_s);
	return secrets->given_count == 0 && made_with(&own, cookie, peer);
}
