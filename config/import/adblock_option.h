/* SPDX-License-Identifier: BSD-2-Clause
 *
 * adblock_option.h - the options of an adblock rule as bytes: $dnstype, $client and $denyallow as a condition (cond.h), $dnsrewrite
 * as an answer. For import_adblock.c and adblock_pairs.c. Any thread. */
#ifndef SARING_IMPORT_ADBLOCK_OPTION_H
#define SARING_IMPORT_ADBLOCK_OPTION_H

#include "base/buf.h"
#include "import/adblock_rule.h"
#include "policy/terms.h"

/* ret is filled anew. False: a value that can't be taken; ret_why and ret_word say which. A client that is no address is
 * LEFT_CLIENT: without it the rule would speak for others than it means. */
MUST_CHECK bool adblock_cond(const struct adblock_rule *rule, struct buf *ret, enum left_reason *ret_why, const char **ret_word);

/* What one $dnsrewrite says. */
struct adblock_rewrite {
	enum answer answer; /* NXDOMAIN, REFUSED, NODATA (nothing but NOERROR), or LOCAL */
	uint16_t rcode;	    /* LOCAL: not 0: that, and no record */
	uint16_t type;	    /* LOCAL with rcode 0 */
	struct buf rdata;
};
/* ret: zeroes at first, or what was read before; adblock_rewrite_finish when done. False: not a form that is known. */
MUST_CHECK bool adblock_rewrite(struct str value, struct adblock_rewrite *ret);
void adblock_rewrite_finish(struct adblock_rewrite *rewrite);
/* Does it stand alone: a code, or another name? The others of a pattern go together. */
bool adblock_rewrite_alone(const struct adblock_rewrite *rewrite);
bool adblock_rewrite_eq(const struct adblock_rewrite *a, const struct adblock_rewrite *b);

#endif
