/* SPDX-License-Identifier: BSD-2-Clause
 *
 * lookup.h - what the cache has for a question: an answer to it, or that there is no such name, which holds for every type
 * (RFC 2308 §5) and so is kept once, under the name. A denial behind a chain of CNAMEs is the chain's end's, and is kept as the
 * answer it came as; one of a DS is the parent's word, which says nothing of what the zone's own servers have (RFC 4035 §3.1.4.1).
 * The worker's thread, within a batch. */
#ifndef SARING_QUERY_LOOKUP_H
#define SARING_QUERY_LOOKUP_H

#include "cache/cache.h"
#include "query/query.h"

/* As cache_get, whose contract it has. What is fresh goes before what is not. */
MUST_CHECK enum cache_find lookup(struct service *s, const struct cache_key *key, struct response *ret);
/* As cache_put. */
void lookup_keep(struct service *s, const struct cache_key *key, const struct response *response);

#endif
