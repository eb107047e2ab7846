/* SPDX-License-Identifier: BSD-2-Clause
 *
 * clients.h - which group an address is of: the longest prefix that holds it counts. Prefixes lie in each other or apart, so that
 * they cut the addresses into ranges with one group each; a look-up is a binary search among where these begin, some ten steps for
 * a thousand prefixes. Immutable once made; any thread. */
#ifndef SARING_SETTINGS_CLIENTS_H
#define SARING_SETTINGS_CLIENTS_H

#include "base/addr.h"
#include "base/arena.h"
#include "base/base.h"

#define CLIENTS_NONE UINT16_MAX /* no prefix holds it */

struct clients_prefix {
	struct prefix prefix; /* one of v4-mapped addresses is one of IPv4 */
	uint16_t group;	      /* not CLIENTS_NONE */
	uint32_t mark;	      /* the caller's; kept by clients_sort */
};

struct clients; /* opaque */
/* Put them in order: where they begin, then the shorter. The same prefixes stand behind each other. */
void clients_sort(struct clients_prefix *prefixes, size_t count);
bool clients_same_prefix(const struct clients_prefix *a, const struct clients_prefix *b);
/* prefixes: sorted, no two the same. In the arena. */
MUST_CHECK struct clients *clients_make(const struct clients_prefix *prefixes, size_t count, struct arena *arena);
/* Is any address of that group in one of these prefixes? Longer prefixes of other groups may leave it none. Not for every query. */
MUST_CHECK bool clients_reach(const struct clients *clients, uint16_t group, const struct prefix *within, size_t count);
/* address: v4-mapped unmapped. */
uint16_t clients_find(const struct clients *clients, const struct addr *address);

#endif
