/* SPDX-License-Identifier: BSD-2-Clause
 *
 * ident.h - which entry a verdict is of, in terms that outlive its image: list, match, and the name, pattern or address itself.
 *
 * Numbers of rules are an image's own, and many names share one (image.h): what counts entries across reloads and restarts keys its
 * counts by what is told here. It is not explain.h, which says everything of an entry: this looks up nothing but the rule. Any
 * thread; nothing allocates. */
#ifndef SARING_POLICY_IDENT_H
#define SARING_POLICY_IDENT_H

#include "base/addr.h"
#include "base/str.h"
#include "policy/match.h"

/* Of a verdict, with what was judged. */
struct policy_spoke {
	uint32_t rule;
	uint8_t labels;
	bool bulk;
	const struct name *name; /* that was judged, folded: the entry's own is its last `labels` labels */
	const uint8_t *wide;	 /* ADDR_WIDE_LEN bytes: the client's address, or the answer's that was judged; NULL: not known */
};

struct policy_ident {
	uint16_t list; /* of the policy */
	enum match match;
	struct str key;			    /* the name in wire form, the pattern's text, or the address and its bits */
	uint64_t conditions;		    /* a hash of those under which it speaks; 0: none */
	uint32_t place;			    /* in ADDRESSES */
	uint8_t address[ADDR_WIDE_LEN + 1]; /* the address, and of how many bits its prefix is: for key */
};

/* False when the policy has no such entry. ret->key is borrowed from what spoke names, the policy, or ret itself: do not move it.
 */
MUST_CHECK bool policy_identify(const struct policy *policy, const struct policy_spoke *spoke, struct policy_ident *ret);
/* As its author wrote it; ptr NULL: as key says it. Borrowed from the policy. Walks some of the lists' cold part. */
struct str policy_ident_written(const struct policy *policy, const struct policy_spoke *spoke, const struct policy_ident *ident);

#endif
