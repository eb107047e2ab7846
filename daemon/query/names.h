/* SPDX-License-Identifier: BSD-2-Clause
 *
 * names.h - names that are answered here instead of being asked of anybody (settings/special.h has the table, saring.yaml(5) the
 * words): whether one is, and what is sent for it. A route at or above such a name outranks the table. Of a world alone, so that
 * `explain` and the pipeline say the same. Any thread; nothing allocates. */
#ifndef SARING_QUERY_NAMES_H
#define SARING_QUERY_NAMES_H

#include "base/base.h"
#include "generation.h"
#include "settings/special.h"
#include "wire/name.h"

#define HERE_TTL_S 10800 /* RFC 6303 §3, of all there is */

/* Data of a zone that is answered here: a record of the name asked (type 0: none, the zone's SOA in authority). */
struct here {
	const struct special *row; /* NULL: a name without a dot (names.dotless) */
	uint16_t rcode;
	unsigned zone_labels; /* of the name asked, from the right */
	uint16_t type;	      /* SOA and NS need no rdata: both hold the zone's own name */
	const void *rdata;    /* const data */
	uint16_t rdata_len;
};

/* False, for nearly all names, without a call: names_answer would return false. */
static inline bool names_may_answer(const struct generation *world, const struct name *name)
{
	return name->labels == 1 || special_may_be(&world->settings->special, name);
}
/* What is sent for a name (folded). False, and ret untouched, when it is an ordinary name or goes by a route. */
MUST_CHECK bool names_answer(const struct generation *world, const struct name *name, uint16_t type, bool dnssec_ok,
			     struct here *ret);
/* May anybody in the world own it: neither special, whatever is switched, nor of a route? */
MUST_CHECK bool names_is_public(const struct generation *world, const struct name *name, uint16_t type);

#endif
