/* SPDX-License-Identifier: BSD-2-Clause
 *
 * match_ask.h - what match.c and explain.c share: the order of precedence as one number, and the one question. For config/policy.
 */
#ifndef SARING_POLICY_MATCH_ASK_H
#define SARING_POLICY_MATCH_ASK_H

#include "policy/cond.h"
#include "policy/glob.h"
#include "policy/image_find.h"

/* What an entry was found by; the lower comes first within a rank. */
enum kind { KIND_ADDRESS = 0, KIND_NAME = 1, KIND_PATTERN = 2 };

/* Where an entry stands in the order of precedence (match.h); the lower decides:
 *
 *      63       56  54          46      44            28           0
 *      | rank   | kind | specific | match | order      | line      |
 *
 * specific: for a name by how many of 127 labels it has, for an address by how many of 128 bits, the more the lower. match: of a
 * name. order: of the list in saring.yaml. line: of patterns and addresses; rules of a name's set stand in its order already. */
typedef uint64_t standing;
#define STANDING_LAST UINT64_MAX
#define STANDING_LINE_MAX ((1u << 28) - 1)

static inline standing standing_make(const uint8_t *rule, enum kind kind, unsigned specific, uint32_t line)
{
	uint64_t rank = rule[IMAGE_RULE_RANK] & ~IMAGE_SHADOW, match = kind == KIND_NAME ? rule[IMAGE_RULE_MATCH] : 0;
	return rank << 56 | (uint64_t)kind << 54 | (uint64_t)specific << 46 | match << 44 |
	       (uint64_t)le_get_u16(rule + IMAGE_RULE_ORDER) << 28 | MIN(line, STANDING_LINE_MAX);
}

static inline unsigned standing_rank(standing s)
{
	return (unsigned)(s >> 56);
}

static inline enum kind standing_kind(standing s)
{
	return (enum kind)(s >> 54 & 3);
}

/* The list's place in saring.yaml. */
static inline unsigned standing_order(standing s)
{
	return (unsigned)(s >> 28 & 0xffff);
}

/* Rank and kind only. */
static inline unsigned standing_group(standing s)
{
	return (unsigned)(s >> 54);
}

/* An entry that speaks for the question. */
struct found_one {
	standing standing;
	uint32_t rule;
	uint32_t where; /* place in the set, PATTERNS or ADDRESSES */
	uint8_t tier, labels;
	bool shadow;
};

/* The first of those in force, once without and once with the entries of shadow lists. `all` never stands after `enforced`. */
struct found {
	struct found_one enforced, all; /* standing STANDING_LAST: none */
};

/* One question, with what is made from it when it is needed only. */
struct asking {
	const struct policy *policy;
	struct policy_scratch *scratch;
	const struct policy_question *question;
	int64_t now_s;
	bool has_subject;
	struct subject subject;
};

static inline void asking_init(struct asking *a, const struct policy *policy, struct policy_scratch *scratch,
			       const struct policy_question *question, int64_t now_s)
{
	a->policy = policy;
	a->scratch = scratch;
	a->question = question;
	a->now_s = now_s;
	a->has_subject = false; /* the rest is written then: clearing it would cost more than most questions do */
}

/* Does the rule's list act for who asks? */
static inline bool asking_acts(const struct asking *a, const uint8_t *rule)
{
	return LIKELY(a->question->lists == NULL) || list_mask_has(a->question->lists, le_get_u16(rule + IMAGE_RULE_ORDER));
}

/* Does the condition of the rule hold? */
static inline enum cond_failure asking_condition(const struct asking *a, const struct image *im, const uint8_t *rule)
{
	uint32_t cond = le_get_u32(rule + IMAGE_RULE_COND);
	if (LIKELY(cond == IMAGE_NONE))
		return COND_HOLDS;
	return cond_test(image_bytes(im, IMAGE_CONDS, cond), a->question->name, a->question->type, a->question->client);
}

/* Does the expression, or pattern, match the name? */
bool asking_pattern(struct asking *a, const struct image *im, uint32_t pattern);

/* The trigrams of the name, for the patterns of all tiers. */
struct trigrams {
	uint64_t bits[IMAGE_NEED_BITS / 64];
};
void asking_trigrams(struct asking *a, struct trigrams *ret);
static inline bool trigrams_may(const struct trigrams *t, const struct image *im, size_t general)
{
	unsigned need = im->needs[general];
	return need == IMAGE_NEED_NONE || (t->bits[need / 64] >> need % 64 & 1) != 0;
}

/* The rule that lifts an entry of the question's suffix of `labels` labels, found in that tier, or NULL. Asked of what would
 * decide, which is rare; only when the policy has lifts is there anything to look for. lifts.c */
const uint8_t *asking_lift_find(const struct asking *a, const uint8_t *rule, unsigned labels);
static inline bool asking_lifted(const struct asking *a, const uint8_t *rule, unsigned labels)
{
	return UNLIKELY(a->policy->has_lifts) && asking_lift_find(a, rule, labels) != NULL;
}

/* What decides. */
void asking_decide(struct asking *a, struct found *ret);
/* What decides about an address in an answer. */
void asking_decide_answer(struct asking *a, const struct addr *address, struct found *ret);

/* For a name with more labels than hashes are kept of: bit n of ret[tier] for the suffix of 64 * half + n labels that rules could
 * speak for and the filter lets pass. match_prepare.c */
void asking_judge_deep(const struct policy *policy, const struct name *name, unsigned half, uint64_t ret[POLICY_TIERS]);

#endif
