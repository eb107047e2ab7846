/* SPDX-License-Identifier: BSD-2-Clause
 *
 * local.h - what the operator's own records (settings/locals.h: `records:` and hosts files) say of a question: followed from CNAME
 * to CNAME as far as they lead. Of a world alone, so that `explain` and the pipeline say the same. Any thread; nothing allocates.
 */
#ifndef SARING_QUERY_LOCAL_H
#define SARING_QUERY_LOCAL_H

#include "base/base.h"
#include "generation.h"
#include "settings/locals.h"
#include "wire/name.h"

enum local_end {
	LOCAL_NONE,    /* nothing: it is a name like any other */
	LOCAL_ANSWER,  /* at the end of the links is found what is sent, or that there is nothing */
	LOCAL_GOES_ON, /* behind the last link is a name that is not local, which is looked up and asked for */
	LOCAL_LOOPS,   /* more links than LOCALS_CHAIN_MAX: wildcards lead in a circle (locals_circle) */
};
struct local_links {
	const struct locals_rr
	    *cnames[LOCALS_CHAIN_MAX]; /* from the name asked on; each one's owner is the target of the one before */
	unsigned count;
	struct name at;		   /* where the last one leads; the name asked when there is none */
	struct locals_found found; /* of it */
};
/* name: folded. near: the client is on this machine. ret is filled unless NONE is returned. */
enum local_end local_follow(const struct generation *world, const struct name *name, uint16_t type, bool near,
			    struct local_links *ret);
/* False, for most names, without a call: neither of these would find anything. */
static inline bool local_is_possible(const struct generation *world, const struct name *name)
{
	return UNLIKELY(world->locals_sieve != NULL) && UNLIKELY(locals_may_have(world->locals_sieve, name));
}
/* Has the name no records of its own, but names below it do? Then it exists, whatever others say of it: NXDOMAIN would deny those
 * below it, too (RFC 8020). */
bool local_is_above(const struct generation *world, const struct name *name);
/* The name that a CNAME or PTR record holds. */
void local_target(const struct locals_rr *rr, struct name *ret);

#endif
