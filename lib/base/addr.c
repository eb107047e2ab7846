/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/addr.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

static const uint8_t mapped_head[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

/* A terminated copy of text that inet_pton may read. */
static bool copy_text(struct str text, char buf[INET6_ADDRSTRLEN])
{
	if (text.len == 0 || text.len >= INET6_ADDRSTRLEN || memchr(text.ptr, '\0', text.len) != NULL)
		return false;
	memcpy(buf, text.ptr, text.len);
	buf[text.len] = '\0';
	return true;
}

static bool scope_from_text(struct str text, uint32_t *ret)
{
	char name[IF_NAMESIZE];
	uint64_t n;
	if (text.len == 0 || text.len >= sizeof(name) || memchr(text.ptr, '\0', text.len) != NULL)
		return false;
	if (str_to_u64(text, &n)) {
		*ret = (uint32_t)n;
		return n > 0 && n <= UINT32_MAX;
	}
	memcpy(name, text.ptr, text.len);
	name[text.len] = '\0';
	*ret = if_nametoindex(name);
	return *ret != 0;
}

static bool v6_from_text(struct str text, struct addr *ret)
{
	char buf[INET6_ADDRSTRLEN];
	struct str scope = text;
	struct str host = str_cut(&scope, '%');
	uint32_t scope_id = 0;
	if (scope.ptr != NULL && !scope_from_text(scope, &scope_id))
		return false;
	*ret = (struct addr){.len = sizeof(ret->in6)};
	ret->in6.sin6_family = AF_INET6;
	ret->in6.sin6_scope_id = scope_id;
	return copy_text(host, buf) && inet_pton(AF_INET6, buf, &ret->in6.sin6_addr) == 1;
}

static bool v4_from_text(struct str text, struct addr *ret)
{
	char buf[INET6_ADDRSTRLEN];
	*ret = (struct addr){.len = sizeof(ret->in)};
	ret->in.sin_family = AF_INET;
	return copy_text(text, buf) && inet_pton(AF_INET, buf, &ret->in.sin_addr) == 1;
}

bool addr_from_text(struct str text, uint16_t default_port, struct addr *ret)
{
	struct addr a;
	struct str port = {NULL, 0};
	bool ok;
	if (text.len > 0 && text.ptr[0] == '[') {
		struct str rest = {text.ptr + 1, text.len - 1};
		struct str host = str_cut(&rest, ']');
		ok = rest.ptr != NULL && v6_from_text(host, &a);
		if (ok && rest.len > 0) {
			ok = rest.ptr[0] == ':';
			port = (struct str){rest.ptr + 1, rest.len - 1};
		}
	} else {
		struct str rest = text;
		struct str host = str_cut(&rest, ':');
		/* two colons or more: IPv6 without brackets, which can have no port */
		if (rest.ptr != NULL && (rest.len == 0 || memchr(rest.ptr, ':', rest.len) != NULL)) {
			ok = v6_from_text(text, &a);
		} else {
			ok = v4_from_text(host, &a);
			port = rest;
		}
	}
	uint64_t n = default_port;
	if (!ok || (port.ptr != NULL && (port.len > 5 || !str_to_u64(port, &n) || n > UINT16_MAX)))
		return false;
	addr_set_port(&a, (uint16_t)n);
	*ret = a;
	return true;
}

char *addr_host_to_text(const struct addr *a, char buf[ADDR_TEXT_MAX])
{
	char host[INET6_ADDRSTRLEN] = "?";
	if (a->sa.sa_family == AF_INET) {
		(void)inet_ntop(AF_INET, &a->in.sin_addr, host, sizeof(host));
	} else if (a->sa.sa_family == AF_INET6) {
		(void)inet_ntop(AF_INET6, &a->in6.sin6_addr, host, sizeof(host));
		char name[IF_NAMESIZE];
		if (a->in6.sin6_scope_id != 0) {
			if (if_indextoname(a->in6.sin6_scope_id, name) != NULL)
				(void)snprintf(buf, ADDR_TEXT_MAX, "%s%%%s", host, name);
			else
				(void)snprintf(buf, ADDR_TEXT_MAX, "%s%%%u", host, a->in6.sin6_scope_id);
			return buf;
		}
	}
	(void)snprintf(buf, ADDR_TEXT_MAX, "%s", host);
	return buf;
}

char *addr_to_text(const struct addr *a, char buf[ADDR_TEXT_MAX])
{
	char host[ADDR_TEXT_MAX], port[8];
	bool v6 = a->sa.sa_family == AF_INET6;
	addr_host_to_text(a, host);
	int port_len = snprintf(port, sizeof(port), "%s:%u", v6 ? "]" : "", addr_port(a));
	/* an address, a scope and a port at their longest just fit (39 + 1 + 15, brackets, 6, NUL); were they not to, the host is
	 * cut */
	size_t room = ADDR_TEXT_MAX - 1 - (v6 ? 1u : 0u) - (size_t)port_len;
	(void)snprintf(buf, ADDR_TEXT_MAX, "%s%.*s%s", v6 ? "[" : "", (int)MIN(strlen(host), room), host, port);
	return buf;
}

uint16_t addr_port(const struct addr *a)
{
	if (a->sa.sa_family == AF_INET)
		return ntohs(a->in.sin_port);
	return a->sa.sa_family == AF_INET6 ? ntohs(a->in6.sin6_port) : 0;
}

void addr_set_port(struct addr *a, uint16_t port)
{
	if (a->sa.sa_family == AF_INET)
		a->in.sin_port = htons(port);
	else if (a->sa.sa_family == AF_INET6)
		a->in6.sin6_port = htons(port);
}

bool addr_same_host(const struct addr *a, const struct addr *b)
{
	if (a->sa.sa_family != b->sa.sa_family)
		return false;
	if (a->sa.sa_family == AF_INET)
		return a->in.sin_addr.s_addr == b->in.sin_addr.s_addr;
	return a->sa.sa_family == AF_INET6 && memcmp(&a->in6.sin6_addr, &b->in6.sin6_addr, sizeof(a->in6.sin6_addr)) == 0 &&
	       a->in6.sin6_scope_id == b->in6.sin6_scope_id;
}

bool addr_eq(const struct addr *a, const struct addr *b)
{
	return addr_same_host(a, b) && addr_port(a) == addr_port(b);
}

static bool is_mapped(const struct addr *a)
{
	return a->sa.sa_family == AF_INET6 && memcmp(a->in6.sin6_addr.s6_addr, mapped_head, sizeof(mapped_head)) == 0;
}

void addr_unmap(struct addr *a)
{
	if (!is_mapped(a))
		return;
	struct addr v4 = {.len = sizeof(v4.in)};
	v4.in.sin_family = AF_INET;
	v4.in.sin_port = a->in6.sin6_port;
	memcpy(&v4.in.sin_addr, a->in6.sin6_addr.s6_addr + sizeof(mapped_head), 4);
	*a = v4;
}

bool addr_is_any(const struct addr *a)
{
	struct addr plain = *a;
	addr_unmap(&plain);
	if (plain.sa.sa_family == AF_INET)
		return plain.in.sin_addr.s_addr == htonl(INADDR_ANY);
	return plain.sa.sa_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&plain.in6.sin6_addr);
}

bool addr_is_loopback(const struct addr *a)
{
	struct addr plain = *a;
	addr_unmap(&plain);
	if (plain.sa.sa_family == AF_INET)
		return ntohl(plain.in.sin_addr.s_addr) >> 24 == 127;
	return plain.sa.sa_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&plain.in6.sin6_addr);
}

/* Prefixes */

bool addr_bits_agree(const uint8_t *a, const uint8_t *b, unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;
	if (memcmp(a, b, whole) != 0)
		return false;
	return rest == 0 || (a[whole] ^ b[whole]) >> (8 - rest) == 0;
}

bool addr_bits_are_zero(const uint8_t *bytes, unsigned from, unsigned end)
{
	unsigned seen = 0;
	for (unsigned i = from / 8; i < end / 8; i++)
		seen |= i == from / 8 ? bytes[i] & 0xffu >> from % 8 : bytes[i];
	return seen == 0;
}

void addr_bits_clear(uint8_t *bytes, unsigned from, unsigned end)
{
	for (unsigned i = from / 8; i < end / 8; i++)
		bytes[i] &= (uint8_t)(i == from / 8 ? 0xff00u >> from % 8 : 0);
}

bool prefix_from_text(struct str text, struct prefix *ret)
{
	char buf[INET6_ADDRSTRLEN];
	struct str length = text;
	struct str host = str_cut(&length, '/');
	struct prefix p = {.family = AF_INET};
	if (!copy_text(host, buf))
		return false;
	if (inet_pton(AF_INET, buf, p.bytes) != 1) {
		p.family = AF_INET6;
		if (inet_pton(AF_INET6, buf, p.bytes) != 1)
			return false;
	}
	uint64_t bits = p.family == AF_INET ? 32 : 128, most = bits;
	if (length.ptr != NULL && (length.len > 3 || !str_to_u64(length, &bits) || bits > most))
		return false;
	p.bits = (uint8_t)bits;
	if (!addr_bits_are_zero(p.bytes, p.bits, (unsigned)most))
		return false;
	if (p.family == AF_INET6 && p.bits >= 96 && memcmp(p.bytes, mapped_head, sizeof(mapped_head)) == 0) {
		/* mapped addresses count as v4, so their prefixes must too */
		struct prefix v4 = {.family = AF_INET, .bits = (uint8_t)(p.bits - 96)};
		memcpy(v4.bytes, p.bytes + sizeof(mapped_head), 4);
		p = v4;
	}
	*ret = p;
	return true;
}

char *prefix_to_text(const struct prefix *p, char buf[ADDR_TEXT_MAX])
{
	char host[INET6_ADDRSTRLEN] = "?";
	(void)inet_ntop(p->family, p->bytes, host, sizeof(host));
	(void)snprintf(buf, ADDR_TEXT_MAX, "%s/%u", host, p->bits);
	return buf;
}

/* Most clients are IPv4 ones, and not each of their queries is to pay for what others need. */
static bool holds_v4(const struct prefix *p, const struct sockaddr_in *in)
{
	uint32_t bits;
	memcpy(&bits, p->bytes, sizeof(bits));
	return p->family == AF_INET && (p->bits == 0 || ntohl(bits ^ in->sin_addr.s_addr) >> (32 - p->bits) == 0);
}

static __attribute__((noinline)) bool holds_any(const struct prefix *p, const struct addr *a)
{
	struct addr plain = *a;
	addr_unmap(&plain);
	if (plain.sa.sa_family != p->family)
		return false;
	uint8_t bytes[16] = {0};
	if (p->family == AF_INET)
		memcpy(bytes, &plain.in.sin_addr, 4);
	else
		memcpy(bytes, &plain.in6.sin6_addr, 16);
	return addr_bits_agree(bytes, p->bytes, p->bits);
}

bool prefix_eq(const struct prefix *a, const struct prefix *b)
{
	return a->family == b->family && a->bits == b->bits && memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

bool prefix_holds(const struct prefix *p, const struct addr *a)
{
	return LIKELY(a->sa.sa_family == AF_INET) ? holds_v4(p, &a->in) : holds_any(p, a);
}

/* The wide form */

static void widen(sa_family_t family, const void *bytes, uint8_t ret[ADDR_WIDE_LEN])
{
	if (family == AF_INET6) {
		memcpy(ret, bytes, ADDR_WIDE_LEN);
		return;
	}
	memcpy(ret, mapped_head, sizeof(mapped_head));
	memcpy(ret + sizeof(mapped_head), bytes, 4);
}

void addr_to_wide(const struct addr *a, uint8_t ret[ADDR_WIDE_LEN])
{
	bool v6 = a->sa.sa_family == AF_INET6;
	widen(a->sa.sa_family, v6 ? (const void *)&a->in6.sin6_addr : &a->in.sin_addr, ret);
}

bool addr_wide_is_v4(const uint8_t wide[ADDR_WIDE_LEN])
{
	return memcmp(wide, mapped_head, sizeof(mapped_head)) == 0;
}

unsigned prefix_to_wide(const struct prefix *p, uint8_t ret[ADDR_WIDE_LEN])
{
	widen(p->family, p->bytes, ret);
	return p->bits + (p->family == AF_INET6 ? 0u : ADDR_WIDE_V4_BITS);
}

struct prefix prefix_from_wide(const uint8_t wide[ADDR_WIDE_LEN], unsigned bits)
{
	bool v4 = bits >= ADDR_WIDE_V4_BITS && addr_wide_is_v4(wide);
	struct prefix p = {.family = v4 ? AF_INET : AF_INET6, .bits = (uint8_t)(v4 ? bits - ADDR_WIDE_V4_BITS : bits)};
	memcpy(p.bytes, wide + (v4 ? sizeof(mapped_head) : 0), v4 ? 4 : ADDR_WIDE_LEN);
	return p;
}

static bool v4_is_private(const uint8_t *b)
{
	return b[0] == 0 || b[0] == 10 || b[0] == 127 || (b[0] == 100 && (b[1] & 0xc0) == 64) || (b[0] == 169 && b[1] == 254) ||
	       (b[0] == 172 && (b[1] & 0xf0) == 16) || (b[0] == 192 && b[1] == 168);
}

bool addr_is_private(const struct addr *a)
{
	static const uint8_t zeros[12] = {0};
	static const uint8_t nat64[12] = {0x00, 0x64, 0xff, 0x9b}, nat64_local[6] = {0x00, 0x64, 0xff, 0x9b, 0x00, 0x01};
	uint8_t b[16];

	if (a->sa.sa_family == AF_INET) {
		memcpy(b, &a->in.sin_addr, 4);
		return v4_is_private(b);
	}
	memcpy(b, &a->in6.sin6_addr, sizeof(b));
	if (IN6_IS_ADDR_V4MAPPED(&a->in6.sin6_addr) || memcmp(b, zeros, 12) == 0) /* v4-compatible: ::, ::1 and 0.x.x.x too */
		return v4_is_private(b + 12);
	if (memcmp(b, nat64, 12) == 0)
		return v4_is_private(b + 12);
	if (b[0] == 0x20 && b[1] == 0x02) /* 6to4 */
		return v4_is_private(b + 2);
	return (b[0] & 0xfe) == 0xfc || (b[0] == 0xfe && (b[1] & 0xc0) == 0x80) || memcmp(b, nat64_local, sizeof(nat64_local)) == 0;
}
