/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pattern.h - the few regular expressions of a policy: pcre2, interpreted (the service may not map memory executable), bounded in
 * steps, depth and memory. A name on which a bound is met does not match. Patterns are immutable: any thread, each with its own
 * struct policy_scratch (match.h).
 *
 * pcre2's own limit counts anew for each character that a match may begin at, and there may be thousands of patterns: what holds a
 * question to a few milliseconds, whatever lists hold and clients ask for, are the steps counted here. They are the same on every
 * machine and under any load, which time would not be: a name is blocked or it is not. */
#ifndef SARING_POLICY_PATTERN_H
#define SARING_POLICY_PATTERN_H

#include "base/base.h"
#include "base/err.h"
#include "base/str.h"
#include "policy/glob.h"
#include "policy/match.h"

#define PATTERN_STEPS_ONE 10000u   /* of one expression for one name: well under a millisecond */
#define PATTERN_STEPS_ALL 100000u  /* of all patterns for one question, */
#define PATTERN_STEPS_EACH 8u	   /* and so many more for each pattern there is */
#define PATTERN_GLOB_STEPS 32u	   /* characters that a `*` pattern compares in the time of one step of an expression */
#define PATTERN_MATCH_LIMIT 10000u /* pcre2's, from one character on */
#define PATTERN_DEPTH_LIMIT 1000u
#define PATTERN_HEAP_LIMIT_KIB 256u

struct pattern; /* opaque */

/* ret_offset: the byte of text that pcre2 stumbled over; may be NULL. err has no place set. */
MUST_CHECK bool pattern_compile(struct str text, struct pattern **ret, size_t *ret_offset, struct err *err);
/* The same; caseless: letters of the expression match either case (the subjects are lower case anyway). */
MUST_CHECK bool pattern_compile_as(struct str text, bool caseless, struct pattern **ret, size_t *ret_offset, struct err *err);
void pattern_destroy(struct pattern *pattern); /* takes NULL */
/* A question begins, of a policy with so many patterns: it may take its steps. */
void pattern_begin(struct policy_scratch *scratch, size_t patterns);
/* Does it match anywhere in subject? Allocates nothing: works in the scratch's own memory. */
MUST_CHECK bool pattern_match(const struct pattern *pattern, struct policy_scratch *scratch, struct str subject);
/* glob_match, or with above glob_match_above, out of the same steps. */
MUST_CHECK bool pattern_glob(struct policy_scratch *scratch, struct str pattern, const struct subject *subject, bool above);

#endif
