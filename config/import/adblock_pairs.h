/* SPDX-License-Identifier: BSD-2-Clause
 *
 * adblock_pairs.h - what rules of one adblock list mean for one another, which is known only once all were seen: $badfilter takes
 * rules away, several $dnsrewrite of one pattern go together, and an exception with $dnsrewrite takes those away. For
 * import_adblock.c. One thread. */
#ifndef SARING_IMPORT_ADBLOCK_PAIRS_H
#define SARING_IMPORT_ADBLOCK_PAIRS_H

#include "import/adblock_option.h"
#include "import/adblock_rule.h"
#include "base/intern.h"

struct adblock_group {
	bool taken;		      /* by the caller: its entry was made */
	bool alone;		      /* the first code or other name stands for all */
	struct adblock_rewrite first; /* that */
	struct buf records;	      /* records.h; ANSWER_LOCAL */
};
struct adblock_pairs {
	struct intern bad;	     /* keys of what $badfilter takes away */
	struct intern excepts;	     /* keys of the rewrites that exceptions take away */
	struct intern groups;	     /* keys; number = index */
	struct adblock_group *group; /* owned */
	size_t group_cap;
	struct buf key;
};
/* Looks at the lines of text that hold an option of these only. may_allow: exceptions count. */
void adblock_pairs_init(struct adblock_pairs *p, struct str text, bool may_allow);
void adblock_pairs_finish(struct adblock_pairs *p);

/* Does a $badfilter of the list mean this rule? */
bool adblock_is_bad(struct adblock_pairs *p, const struct adblock_rule *rule);
/* Does an exception of the list take this rewrite away? */
bool adblock_is_excepted(struct adblock_pairs *p, const struct adblock_rule *rule, const struct adblock_rewrite *rewrite);
/* The group a rewrite is in; NULL when it has no place there: another one stands alone, or they are too many. */
struct adblock_group *adblock_group_of(struct adblock_pairs *p, const struct adblock_rule *rule,
				       const struct adblock_rewrite *rewrite);
/* What the group answers, and its records (empty unless LOCAL). */
enum answer adblock_group_answer(const struct adblock_group *group, struct str *ret_records);

#endif
