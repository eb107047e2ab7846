/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cond.h - when an entry speaks at all: for which types, which clients, and under which names it does not (adblock's $dnstype,
 * $client, $denyallow). Importers compose the bytes, segments and images carry them, the matcher reads them. An empty condition
 * always holds. Any thread; only cond_compose allocates.
 *
 *      u8 count, u16 each     types it speaks for (none: all)
 *      u8 count, u16 each     types it does not speak for
 *      u16 count, 17 each     clients it speaks for: 16 bytes of address (v4 as v4-mapped), u8 prefix bits of 128
 *      u16 count, 17 each     clients it does not speak for
 *      u16 count, (u8, bytes) names, folded wire form with its length before it: at and below these it does not speak
 *
 * Numbers are big-endian (reader.h). Each group is sorted and without doubles, so that equal conditions are equal bytes. */
#ifndef SARING_POLICY_COND_H
#define SARING_POLICY_COND_H

#include "base/addr.h"
#include "base/base.h"
#include "base/buf.h"
#include "base/str.h"
#include "wire/name.h"

#define COND_TYPES_MAX 64
#define COND_CLIENTS_MAX 256
#define COND_NAMES_MAX 1024

struct cond {
	const uint16_t *types, *not_types;
	size_t type_count, not_type_count;
	const struct prefix *clients, *not_clients;
	size_t client_count, not_client_count;
	const struct name *deny_allow;
	size_t deny_allow_count;
};
/* Appends the bytes to ret. False when a limit is passed. An empty cond appends nothing. */
MUST_CHECK bool cond_compose(const struct cond *cond, struct buf *ret);
/* Are these bytes such a condition, whole? The empty slice is. */
MUST_CHECK bool cond_verify(struct str bytes);

enum cond_failure { COND_HOLDS, COND_TYPE, COND_CLIENT, COND_NAME };
/* bytes were verified. client NULL: unknown; a condition that needs it fails, one that only excludes clients fails as well. */
enum cond_failure cond_test(struct str bytes, const struct name *name, uint16_t type, const struct addr *client);

#endif
