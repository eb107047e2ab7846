/* SPDX-License-Identifier: BSD-2-Clause */
#include "query/local.h"

#include "wire/rrtype.h"

void local_target(const struct locals_rr *rr, struct name *ret)
{
	must(name_from_wire(rr->rdata, rr->len, ret));
}

enum local_end local_follow(const struct generation *world, const struct name *name, uint16_t type, bool near,
			    struct local_links *ret)
{
	const bool follows = type != RRTYPE_CNAME && type != RRTYPE_ANY;

	if (world->locals == NULL)
		return LOCAL_NONE;
	locals_find(world->locals, name, near, &ret->found);
	if (LIKELY(ret->found.kind == LOCALS_NONE || ret->found.kind == LOCALS_ABOVE))
		return LOCAL_NONE;
	name_copy(&ret->at, name);
	for (ret->count = 0; ret->found.kind == LOCALS_HERE; locals_find(world->locals, &ret->at, near, &ret->found)) {
		const struct locals_rr *cname = follows ? locals_of_type(&ret->found, RRTYPE_CNAME) : NULL;
		if (cname == NULL)
			return LOCAL_ANSWER;
		if (ret->count == LOCALS_CHAIN_MAX)
			return LOCAL_LOOPS;
		ret->cnames[ret->count++] = cname;
		local_target(cname, &ret->at);
	}
	return ret->found.kind == LOCALS_DENIED ? LOCAL_ANSWER : LOCAL_GOES_ON;
}

bool local_is_above(const struct generation *world, const struct name *name)
{
	struct locals_found found;

	if (world->locals == NULL)
		return false;
	locals_find(world->locals, name, true, &found);
	return found.kind == LOCALS_ABOVE;
}
