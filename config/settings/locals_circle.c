/* SPDX-License-Identifier: BSD-2-Clause */
#include "settings/locals.h"
#include "wire/rrtype.h"

/* As questions are followed (query/local.c). */
static bool ends(const struct locals *l, const struct locals_rr *cname)
{
	struct locals_found found;
	struct name at;

	for (unsigned i = 0; i < LOCALS_CHAIN_MAX; i++) {
		must(name_from_wire(cname->rdata, cname->len, &at));
		locals_find(l, &at, true, &found);
		cname = found.kind == LOCALS_HERE ? locals_of_type(&found, RRTYPE_CNAME) : NULL;
		if (cname == NULL)
			return true;
	}
	return false;
}

bool locals_circle(const struct locals *l, struct locals_walk *at, struct name *ret_owner, const struct locals_rr **ret)
{
	while (locals_next(l, at, ret_owner, ret))
		if ((*ret)->type == RRTYPE_CNAME && !ends(l, *ret))
			return true;
	return false;
}
