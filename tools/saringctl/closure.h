/* SPDX-License-Identifier: BSD-2-Clause
 *
 * closure.h - what is to be lifted so that some names resolve, and what else has to do with them and is left. With --closure all of
 * it: the siblings of each entry of a name that was asked for (of the same list and the same order, or the same registrable
 * domain), and of any list the entries of those names, above and below them. What was found so has no siblings that count: else one
 * name of a service that stands in a list of malware would lift that whole list. Cold path; one owner. */
#ifndef SARING_SARINGCTL_CLOSURE_H
#define SARING_SARINGCTL_CLOSURE_H

#include "saringctl/blockers.h"

#define CLOSURE_MAX 100	      /* further entries that are lifted without --force */
#define CLOSURE_LEFT_MAX 1000 /* entries that are named and left; more are counted */

struct plan {
	struct blocker *lift; /* owned; in the order found: those of the names themselves first */
	size_t lift_count, lift_cap;
	size_t own_count;     /* of them, those of the names that were asked for */
	struct blocker *left; /* owned */
	size_t left_count, left_cap;
	size_t left_more; /* counted, not kept */
	bool too_many;	  /* more than CLOSURE_MAX further ones, and not forced: lift is not whole */
};

struct plan_wish {
	const struct name *names;
	size_t count;
	size_t list; /* only entries of this list are lifted for the names themselves; SIZE_MAX: of any */
	bool closure, force;
};
/* What is to be lifted. Finish it in any case. */
void plan_make(const struct blockers *b, const struct plan_wish *wish, struct plan *ret);
/* And what is left: may come after the lift is in force, by what the lists said before it. */
void plan_look_round(const struct blockers *b, const struct plan_wish *wish, struct plan *plan);
/* More for a plan with closure, when it is in force: what covers these names, to which answers lead. Their siblings have nothing to
 * do with the service, and stay. Wide ones, and more than CLOSURE_MAX (too_many), are lifted by force alone. b: as the lists are
 * now. */
void plan_add_targets(const struct blockers *b, const struct plan_wish *wish, struct plan *plan);
void plan_finish(struct plan *plan);

#endif
