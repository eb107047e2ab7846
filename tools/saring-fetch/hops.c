/* SPDX-License-Identifier: BSD-2-Clause */
#include "saring-fetch/hops.h"

#include <netinet/in.h>
#include <string.h>
#include <strings.h>

struct block {
	uint32_t net;
	unsigned bits;
};

static bool is_near_v4(uint32_t a)
{
	/* RFC 6890, and what is not handed out to anybody */
	static const struct block blocks[] = {{0x00000000, 8},	{0x0a000000, 8},  {0x64400000, 10}, {0x7f000000, 8},
					      {0xa9fe0000, 16}, {0xac100000, 12}, {0xc0000000, 24}, {0xc0a80000, 16},
					      {0xc6120000, 15}, {0xe0000000, 3}};
	for (size_t i = 0; i < ARRAY_LEN(blocks); i++)
		if (((a ^ blocks[i].net) >> (32 - blocks[i].bits)) == 0)
			return true;
	return false;
}

static uint32_t u32_at(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static bool is_near_v6(const uint8_t a[16])
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff}, nat64[12] = {0x00, 0x64, 0xff, 0x9b};
	static const uint8_t zeroes[12];
	if (memcmp(a, mapped, 12) == 0 || memcmp(a, nat64, 12) == 0)
		return is_near_v4(u32_at(a + 12));
	if (memcmp(a, zeroes, 12) == 0) /* ::, ::1, and v4-compatible ones, which nobody has */
		return true;
	if (a[0] == 0x20 && a[1] == 0x02) /* 6to4 */
		return is_near_v4(u32_at(a + 2));
	return (a[0] & 0xe0) != 0x20; /* all but 2000::/3: unique local, link-local, site-local, multicast, reserved */
}

bool hops_is_near(const struct sockaddr *addr)
{
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	switch (addr->sa_family) {
	case AF_INET:
		memcpy(&v4, addr, sizeof(v4));
		return is_near_v4(ntohl(v4.sin_addr.s_addr));
	case AF_INET6:
		memcpy(&v6, addr, sizeof(v6));
		return is_near_v6(v6.sin6_addr.s6_addr);
	default:
		return true;
	}
}

bool hops_may_connect(const struct sockaddr *addr, unsigned hop, bool *near_asked)
{
	if (addr->sa_family != AF_INET && addr->sa_family != AF_INET6)
		return false;
	if (!hops_is_near(addr))
		return true;
	*near_asked |= hop == 0;
	return *near_asked;
}

static bool is_scheme(const char *url, const char *scheme)
{
	return strncasecmp(url, scheme, strlen(scheme)) == 0;
}

bool hops_may(const char *from, const char *to, unsigned hops, struct err *err)
{
	if (hops >= HOPS_MAX)
		return err_set(err, ERR_LIMIT, "the server sends on more than %d times", HOPS_MAX);
	if (is_scheme(to, "https://"))
		return true;
	if (!is_scheme(to, "http://"))
		return err_set(err, ERR_DENIED, "the server sends on to what is neither http nor https");
	if (is_scheme(from, "https://"))
		return err_set(err, ERR_DENIED, "the server sends on from https to http");
	return true;
}
