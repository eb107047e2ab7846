/* SPDX-License-Identifier: BSD-2-Clause
 *
 * covered.h - which of some names do the entries of a list speak for? The names are told first, then the entries go by once,
 * however many they are, and are not kept: memory is by the names. Names are compared by 64-bit hashes, with a key of this
 * process's own. One thread. */
#ifndef SARING_SARINGCTL_COVERED_H
#define SARING_SARINGCTL_COVERED_H

#include "base/siphash.h"
#include "policy/terms.h"
#include "wire/name.h"

struct covered {
	struct siphash_key seed;
	struct covered_node *nodes; /* owned; open addressing */
	size_t node_count, used;
};

void covered_init(struct covered *c);
void covered_finish(struct covered *c);
void covered_want(struct covered *c, const struct name *name); /* folded */
/* An entry for a name (match EXACT, SUBTREE or SUBDOMAINS), in wire form. */
void covered_entry(struct covered *c, const uint8_t *wire, size_t len, enum match match);
/* Does one of the entries so far speak for the name? ret (may be NULL): the name of the most specific. */
MUST_CHECK bool covered_is(const struct covered *c, const struct name *name, struct name *ret);

#endif
