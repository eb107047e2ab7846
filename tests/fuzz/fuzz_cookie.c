/* SPDX-License-Identifier: BSD-2-Clause
 *
 * DNS cookies: the octets are an option's content as it came. It is believed only if it is what we would make; what we make is
 * believed, in its time and from its address and as it was made, and else not. The first octets say who asks, when, and what is
 * changed. */
#include <stdint.h>
#include <string.h>

#include "base/base.h"
#include "wire/cookie.h"
#include "wire/reader.h"

#define NOW_S 1700000000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct addr peer_of(uint8_t n)
{
	static const char *const texts[] = {"192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2"};
	struct addr ret;
	must(addr_from_text(str_from(texts[n % 4]), 4000, &ret));
	return ret;
}

static void check_made(const struct cookie_secrets *secrets, const struct cookie_secrets *others, struct rd *r, uint8_t who)
{
	uint8_t cookie[COOKIE_LEN], client[COOKIE_CLIENT_LEN] = {0};
	int64_t made_s = NOW_S + rd_u16(r) * INT64_C(60), later_s = (int64_t)rd_u16(r) - 1000;
	uint8_t change = rd_u8(r);
	struct addr peer = peer_of(who), stranger = peer_of((uint8_t)(who + 1));
	const uint8_t *given = rd_bytes(r, sizeof(client));
	if (given != NULL)
		memcpy(client, given, sizeof(client));
	cookie_make(secrets, client, &peer, made_s, cookie);
	bool in_time = later_s <= COOKIE_PAST_S && later_s >= -COOKIE_FUTURE_S;
	must(memcmp(cookie, client, sizeof(client)) == 0 && cookie_len_is_sound(sizeof(cookie)));
	must(cookie_verify(secrets, cookie, sizeof(cookie), &peer, made_s + later_s) == in_time);
	must(!cookie_verify(secrets, cookie, sizeof(cookie), &stranger, made_s));
	must(!cookie_verify(others, cookie, sizeof(cookie), &peer, made_s));
	must(!cookie_verify(secrets, cookie, sizeof(cookie) - 1, &peer, made_s));
	cookie[change % sizeof(cookie)] ^= (uint8_t)(1u << change / sizeof(cookie) % 8);
	must(!cookie_verify(secrets, cookie, sizeof(cookie), &peer, made_s));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct siphash_key given[] = {{1, 2}, {3, 4}};
	static const struct cookie_secrets kinds[] = {
	    {.given = given, .given_count = 2}, {.given = given + 1, .given_count = 1}, {.seed = {5, 6}}, {.seed = {7, 8}}};
	struct rd r = rd_init(data, size);
	uint8_t how = rd_u8(&r);
	struct addr peer = peer_of(how);
	const struct cookie_secrets *secrets = &kinds[how / 4 % 4];
	/* of the first kind what the second made is good too */
	const struct cookie_secrets *others = how / 4 % 4 == 1 ? &kinds[2] : &kinds[(how / 4 + 1) % 4];
	if (rd_left(&r) == 0)
		return 0;
	if (cookie_verify(secrets, data + 1, size - 1, &peer, NOW_S)) {
		uint8_t again[COOKIE_LEN];
		struct rd at = rd_init(data + 1, size - 1);
		rd_skip(&at, 12);
		cookie_make(secrets, data + 1, &peer, rd_u32(&at), again);
		must(size - 1 == COOKIE_LEN && (secrets->given_count > 1 || memcmp(again, data + 1, COOKIE_CLIENT_LEN + 1) == 0));
	}
	check_made(secrets, others, &r, how);
	return 0;
}
