/* SPDX-License-Identifier: BSD-2-Clause */
#include "query/lookup.h"

#define DENIED_TYPE 0 /* of a denied name's key: nobody may ask for that type */

enum cache_find lookup(struct service *s, const struct cache_key *key, struct response *ret)
{
	struct response denied;
	enum cache_find own = cache_get(s->reader, key, s->now_ms, ret), all;

	if (own == CACHE_FRESH || own == CACHE_PREFETCH || key->type == RRTYPE_DS)
		return own;
	struct cache_key denial = cache_key_of_type(key, DENIED_TYPE);
	all = cache_get(s->reader, &denial, s->now_ms, &denied);
	if (all == CACHE_MISS || (all == CACHE_STALE && own == CACHE_STALE))
		return own;
	*ret = denied;
	return all;
}

static bool denies_name(const struct cache_key *key, const struct response *r)
{
	return (r->flags & MSG_RCODE) == RCODE_NXDOMAIN && r->target_count == 0 && !r->uncached && key->type != RRTYPE_DS;
}

void lookup_keep(struct service *s, const struct cache_key *key, const struct response *response)
{
	struct response gone = *response;

	if (!denies_name(key, response)) {
		cache_put(s->reader, key, s->now_ms, response);
		return;
	}
	struct cache_key denial = cache_key_of_type(key, DENIED_TYPE);
	cache_put(s->reader, &denial, s->now_ms, response);
	gone.uncached = true; /* what there was under the type goes */
	cache_put(s->reader, key, s->now_ms, &gone);
}
