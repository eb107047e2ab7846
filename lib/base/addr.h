/* SPDX-License-Identifier: BSD-2-Clause
 *
 * addr.h - socket addresses and prefixes, text both ways. Any thread. */
#ifndef SARING_BASE_ADDR_H
#define SARING_BASE_ADDR_H

#include "base/base.h"
#include "base/str.h"

#include <netinet/in.h>
#include <sys/socket.h>

struct addr {
	socklen_t len;
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	};
};

#define ADDR_TEXT_MAX 64 /* "[v6%scope]:65535" and the NUL */

/* "192.0.2.1", "192.0.2.1:53", "[::1]:53", "::1" (bare, no port). A port that is absent becomes default_port. */
MUST_CHECK bool addr_from_text(struct str text, uint16_t default_port, struct addr *ret);
char *addr_to_text(const struct addr *a, char buf[ADDR_TEXT_MAX]);	/* "192.0.2.1:53", "[::1]:53" */
char *addr_host_to_text(const struct addr *a, char buf[ADDR_TEXT_MAX]); /* without the port and brackets */
uint16_t addr_port(const struct addr *a);
void addr_set_port(struct addr *a, uint16_t port);
bool addr_eq(const struct addr *a, const struct addr *b); /* family, address, port, scope */
bool addr_same_host(const struct addr *a, const struct addr *b);
bool addr_is_any(const struct addr *a);
bool addr_is_loopback(const struct addr *a);
/* Nobody on the Internet has it: RFC 1918, RFC 6598, this network, loopback, link-local, unique local, and what embeds such an IPv4
 * address: v4-mapped, v4-compatible, NAT64 (RFC 6052), 6to4. */
bool addr_is_private(const struct addr *a);
void addr_unmap(struct addr *a); /* ::ffff:192.0.2.1 becomes 192.0.2.1 */

struct prefix {
	sa_family_t family;
	uint8_t bits;
	uint8_t bytes[16]; /* host bits zero */
};
/* "10.0.0.0/8", "::1/128", "192.0.2.1" (whole address). Host bits beyond the length are refused. */
MUST_CHECK bool prefix_from_text(struct str text, struct prefix *ret);
char *prefix_to_text(const struct prefix *p, char buf[ADDR_TEXT_MAX]);
bool prefix_eq(const struct prefix *a, const struct prefix *b);
bool prefix_holds(const struct prefix *p, const struct addr *a); /* v4-mapped addresses count as v4 */

/* The wide form: 128 bits for both families, v4 as v4-mapped (RFC 4291 §2.5.5.2). */
#define ADDR_WIDE_LEN 16
#define ADDR_WIDE_V4_BITS 96 /* before a v4 address's own */
void addr_to_wide(const struct addr *a, uint8_t ret[ADDR_WIDE_LEN]);
bool addr_wide_is_v4(const uint8_t wide[ADDR_WIDE_LEN]);
unsigned prefix_to_wide(const struct prefix *p, uint8_t ret[ADDR_WIDE_LEN]); /* returns its bits of the 128 */
struct prefix prefix_from_wide(const uint8_t wide[ADDR_WIDE_LEN], unsigned bits);

/* Bits of an address, the highest of the first byte being bit 0. end is a multiple of 8. */
bool addr_bits_agree(const uint8_t *a, const uint8_t *b, unsigned bits);
bool addr_bits_are_zero(const uint8_t *bytes, unsigned from, unsigned end);
void addr_bits_clear(uint8_t *bytes, unsigned from, unsigned end);

#endif
