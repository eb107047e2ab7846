/* SPDX-License-Identifier: BSD-2-Clause
 *
 * reverse.h - the names that reverse look-ups ask for (RFC 1035 §3.5, RFC 3596 §2.5): of an address, and the zones that hold all of
 * a prefix. Any thread; nothing allocates. */
#ifndef SARING_SETTINGS_REVERSE_H
#define SARING_SETTINGS_REVERSE_H

#include "base/addr.h"
#include "base/base.h"
#include "wire/name.h"

/* bytes: 4 or 16 of them. */
void reverse_of_address(const uint8_t *bytes, size_t len, struct name *ret);
/* A zone ends at an octet of an IPv4 address, or at four bits of an IPv6 one: a prefix that ends between is that many zones, of
 * which REVERSE_ZONES_MAX at most are needed. Returns how many; 0.0.0.0/0 and ::/0 are in-addr.arpa and ip6.arpa themselves. */
#define REVERSE_ZONES_MAX 128
size_t reverse_of_prefix(const struct prefix *prefix, struct name ret[REVERSE_ZONES_MAX]);

#endif
