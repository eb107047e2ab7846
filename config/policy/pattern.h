/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pattern.h - the few regular expressions of a policy: pcre2, interpreted (the service may not map memory executable), bounded in
 * steps, depth and memory. A name on which a bound is met does not match. Patterns are immutable: any thread, each with its own
 * struct policy_scratch (match.h). */
#ifndef SARING_POLICY_PATTERN_H
#define SARING_POLICY_PATTERN_H

#include "base/base.h"
#include "base/err.h"
#include "base/str.h"
#include "policy/match.h"

#define PATTERN_MATCH_LIMIT 10000u /* steps of backtracking for one name: well under a millisecond */
#define PATTERN_DEPTH_LIMIT 1000u
#define PATTERN_HEAP_LIMIT_KIB 256u

struct pattern; /* opaque */

/* ret_offset: the byte of text that pcre2 stumbled over; may be NULL. err has no place set. */
MUST_CHECK bool pattern_compile(struct str text, struct pattern **ret, size_t *ret_offset, struct err *err);
/* The same; caseless: letters of the expression match either case (the subjects are lower case anyway). */
MUST_CHECK bool pattern_compile_as(struct str text, bool caseless, struct pattern **ret, size_t *ret_offset, struct err *err);
void pattern_destroy(struct pattern *pattern); /* takes NULL */
/* Does it match anywhere in subject? Allocates nothing: works in the scratch's own memory. */
MUST_CHECK bool pattern_match(const struct pattern *pattern, struct policy_scratch *scratch, struct str subject);

#endif
