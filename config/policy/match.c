/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Most names are in no list, and most that are have one rule that holds always: policy_match_prepared settles these two without
 * regard to anything else. All others are decided by decide(), which would come to the same for those two. */
#include "policy/match.h"

#include "policy/match_ask.h"

/* --- patterns --- */

static void subject_need(struct asking *a)
{
	if (a->has_subject)
		return;
	size_t patterns = 0;
	for (unsigned tier = 0; tier < a->policy->tier_count; tier++)
		patterns += a->policy->tiers[tier]->general_count;
	pattern_begin(a->scratch, patterns);
	subject_make(a->question->name, &a->subject);
	a->has_subject = true;
}

bool asking_pattern(struct asking *a, const struct image *im, uint32_t pattern)
{
	const uint8_t *p = image_at(im, IMAGE_PATTERNS, pattern);
	subject_need(a);
	if (im->patterns[pattern] != NULL)
		return pattern_match(im->patterns[pattern], a->scratch, subject_str(&a->subject));
	struct str text = image_string(im, le_get_u32(p + IMAGE_PATTERN_TEXT));
	return pattern_glob(a->scratch, text, &a->subject, (le_get_u32(p + IMAGE_PATTERN_FLAGS) & IMAGE_PATTERN_SUBTREE) != 0);
}

void asking_trigrams(struct asking *a, struct trigrams *ret)
{
	subject_need(a);
	memset(ret, 0, sizeof(*ret));
	for (size_t i = 0; i + 3 <= a->subject.len; i++) {
		const char *t = a->subject.text + i;
		unsigned bit = image_need_bit((uint32_t)(unsigned char)t[0] | (uint32_t)(unsigned char)t[1] << 8 |
					      (uint32_t)(unsigned char)t[2] << 16);
		ret->bits[bit / 64] |= (uint64_t)1 << bit % 64;
	}
}

/* --- what is found --- */

static inline void found_init(struct found *f)
{
	f->enforced.standing = f->all.standing = STANDING_LAST;
}

static inline void found_take(struct found *f, const struct found_one *one)
{
	if (one->standing < f->all.standing)
		f->all = *one;
	if (!one->shadow && one->standing < f->enforced.standing)
		f->enforced = *one;
}

/* Could an entry that stands there change anything? */
static inline bool found_cares(const struct found *f, standing s, bool shadow)
{
	return s < (shadow ? f->all.standing : f->enforced.standing);
}

/* --- names --- */

static void ask_set(struct asking *a, unsigned tier, const struct image_set *set, unsigned labels, struct found *f)
{
	const struct image *im = a->policy->tiers[tier];
	const bool whole = labels == a->question->name->labels;
	for (uint32_t i = 0; i < set->count; i++) {
		struct found_one one = {
		    .rule = image_set_rule(set, i), .where = i, .tier = (uint8_t)tier, .labels = (uint8_t)labels};
		const uint8_t *r = image_rule(im, one.rule);
		unsigned match = r[IMAGE_RULE_MATCH];
		one.standing = standing_make(r, KIND_NAME, NAME_LABELS_MAX - labels, 0);
		if (standing_rank(one.standing) > standing_rank(f->enforced.standing))
			return;
		if (!image_match_applies(match, whole) || a->now_s >= le_get_i64(r + IMAGE_RULE_UNTIL))
			continue;
		if (match == MATCH_PATTERN) {
			one.where = le_get_u32(r + IMAGE_RULE_PATTERN);
			one.labels = 0;
			one.standing = standing_make(r, KIND_PATTERN, 0,
						     le_get_u32(image_at(im, IMAGE_PATTERNS, one.where) + IMAGE_PATTERN_LINE));
		}
		one.shadow = (r[IMAGE_RULE_RANK] & IMAGE_SHADOW) != 0;
		if (found_cares(f, one.standing, one.shadow) && asking_acts(a, r) && asking_condition(a, im, r) == COND_HOLDS &&
		    (match == MATCH_PATTERN ? asking_pattern(a, im, one.where) : !asking_lifted(a, r, labels)))
			found_take(f, &one);
	}
}

static bool find_name(const struct asking *a, const struct policy_prepared *p, unsigned tier, unsigned labels,
		      struct image_set *ret)
{
	const struct image *im = a->policy->tiers[tier];
	if (p->place.labels == labels && p->place.tier == tier && labels > 0)
		return image_scan(im, p->place.bucket, p->place.r, p->place.r_len, ret);
	return image_find(im, a->question->name, labels, ret);
}

/* The most specific first: once a name has the best rank there is, no other is asked. may: for each tier, of suffixes of `base`
 * labels and more; none of a tier that is not there. */
static void ask_names(struct asking *a, const struct policy_prepared *prepared, const uint64_t may[POLICY_TIERS], unsigned base,
		      struct found *f)
{
	const struct policy *p = a->policy;
	const unsigned enough = p->best_rank << 2 | KIND_NAME;
	uint64_t any = may[0] | may[1];
	while (any != 0 && standing_group(f->enforced.standing) > enough) {
		unsigned n = 63u - (unsigned)__builtin_clzll(any);
		const uint64_t bit = (uint64_t)1 << n;
		struct image_set set;
		any &= ~bit;
		for (unsigned tier = 0; tier < POLICY_TIERS; tier++) {
			if ((may[tier] & bit) != 0 && find_name(a, prepared, tier, base + n, &set))
				ask_set(a, tier, &set, base + n, f);
		}
	}
}

/* --- what has no name --- */

static void ask_general(struct asking *a, const struct trigrams *trigrams, unsigned tier, struct found *f)
{
	const struct image *im = a->policy->tiers[tier];
	for (uint32_t i = 0; i < im->general_count; i++) {
		if (!trigrams_may(trigrams, im, i))
			continue;
		const uint8_t *p = image_at(im, IMAGE_PATTERNS, i);
		struct found_one one = {.rule = le_get_u32(p + IMAGE_PATTERN_RULE), .where = i, .tier = (uint8_t)tier};
		const uint8_t *r = image_rule(im, one.rule);
		one.standing = standing_make(r, KIND_PATTERN, 0, le_get_u32(p + IMAGE_PATTERN_LINE));
		one.shadow = (r[IMAGE_RULE_RANK] & IMAGE_SHADOW) != 0;
		if (standing_group(one.standing) > standing_group(f->enforced.standing))
			return;
		if (a->now_s < le_get_i64(r + IMAGE_RULE_UNTIL) && found_cares(f, one.standing, one.shadow) && asking_acts(a, r) &&
		    asking_condition(a, im, r) == COND_HOLDS && asking_pattern(a, im, i))
			found_take(f, &one);
	}
}

static void ask_patterns(struct asking *a, struct found *f)
{
	struct trigrams trigrams;
	asking_trigrams(a, &trigrams);
	for (unsigned tier = 0; tier < a->policy->tier_count; tier++)
		ask_general(a, &trigrams, tier, f);
}

static void ask_address(struct asking *a, unsigned tier, uint32_t place, struct found *f)
{
	const struct image *im = a->policy->tiers[tier];
	const uint8_t *p = image_at(im, IMAGE_ADDRESSES, place);
	struct found_one one = {.rule = le_get_u32(p + IMAGE_ADDRESS_RULE), .where = place, .tier = (uint8_t)tier};
	const uint8_t *r = image_rule(im, one.rule);
	one.standing = standing_make(r, KIND_ADDRESS, 128u - p[IMAGE_ADDRESS_BITS], le_get_u32(p + IMAGE_ADDRESS_LINE));
	one.shadow = (r[IMAGE_RULE_RANK] & IMAGE_SHADOW) != 0;
	if (a->now_s < le_get_i64(r + IMAGE_RULE_UNTIL) && found_cares(f, one.standing, one.shadow) && asking_acts(a, r) &&
	    asking_condition(a, im, r) == COND_HOLDS)
		found_take(f, &one);
}

static void ask_runs(struct asking *a, unsigned tier, const struct image_run *runs, size_t count, const struct addr *address,
		     struct found *f)
{
	uint8_t bytes[16];
	addr_to_wide(address, bytes);
	for (size_t i = 0; i < count; i++) {
		uint32_t first = 0, end = 0;
		image_run_find(a->policy->tiers[tier], &runs[i], bytes, &first, &end);
		for (; first < end; first++)
			ask_address(a, tier, first, f);
	}
}

/* Who asks is not known to a rehearsal: then no entry speaks of him. */
static bool client_is_known(const struct addr *client)
{
	return client != NULL && (client->sa.sa_family == AF_INET || client->sa.sa_family == AF_INET6);
}

static void ask_clients(struct asking *a, struct found *f)
{
	for (unsigned tier = 0; tier < a->policy->tier_count; tier++) {
		const struct image *im = a->policy->tiers[tier];
		ask_runs(a, tier, im->runs + im->answer_runs, im->client_runs, a->question->client, f);
	}
}

/* --- the verdict --- */

/* prepared: judged. */
static void decide(struct asking *a, const struct policy_prepared *prepared, struct found *ret)
{
	const struct policy *p = a->policy;
	const unsigned labels = a->question->name->labels;
	found_init(ret);
	if (p->has_clients && client_is_known(a->question->client))
		ask_clients(a, ret);
	if (labels >= 64) {
		uint64_t deep[POLICY_TIERS];
		asking_judge_deep(p, a->question->name, 1, deep);
		ask_names(a, prepared, deep, 64, ret);
	}
	ask_names(a, prepared, prepared->may, 0, ret);
	if (p->has_general && (ret->enforced.standing == STANDING_LAST || standing_rank(ret->enforced.standing) > p->best_rank ||
			       standing_kind(ret->enforced.standing) == KIND_PATTERN))
		ask_patterns(a, ret);
}

void asking_decide(struct asking *a, struct found *ret)
{
	struct policy_prepared prepared;
	policy_prepare(a->policy, a->question->name, &prepared);
	policy_fetch(a->policy, a->question->name, &prepared);
	decide(a, &prepared, ret);
}

void asking_decide_answer(struct asking *a, const struct addr *address, struct found *ret)
{
	const struct policy *p = a->policy;
	found_init(ret);
	for (unsigned tier = 0; tier < p->tier_count; tier++)
		ask_runs(a, tier, p->tiers[tier]->runs, p->tiers[tier]->answer_runs, address, ret);
}

static bool verdict_fill(const struct policy *p, const struct found *f, struct verdict *ret)
{
	*ret = (struct verdict){.kind = VERDICT_NONE};
	if (LIKELY(f->all.standing == STANDING_LAST))
		return false;
	if (f->all.shadow && rank_blocks(standing_rank(f->all.standing))) {
		ret->shadowed = true;
		ret->shadow_list =
		    p->list_numbers[f->all.tier][le_get_u16(image_rule(p->tiers[f->all.tier], f->all.rule) + IMAGE_RULE_LIST)];
		ret->shadow_rule = f->all.rule;
		ret->shadow_labels = f->all.labels;
		ret->shadow_bulk = f->all.tier == IMAGE_BULK;
	}
	const struct found_one *one = &f->enforced;
	if (one->standing == STANDING_LAST)
		return false;
	unsigned rank = standing_rank(one->standing);
	ret->kind = rank_blocks(rank) ? VERDICT_BLOCKED : VERDICT_ALLOWED;
	ret->rule = one->rule;
	ret->list = p->list_numbers[one->tier][le_get_u16(image_rule(p->tiers[one->tier], one->rule) + IMAGE_RULE_LIST)];
	ret->labels = one->labels;
	ret->bulk = one->tier == IMAGE_BULK;
	ret->mandatory = rank_mandatory(rank);
	return true;
}

/* Apart, so that those who do not come here need not make room for all this. */
static __attribute__((noinline)) bool match_further(const struct policy *policy, struct policy_scratch *scratch,
						    const struct policy_question *question, const struct policy_prepared *prepared,
						    int64_t now_s, struct verdict *ret)
{
	struct asking a;
	struct found f;
	asking_init(&a, policy, scratch, question, now_s);
	decide(&a, prepared, &f);
	return verdict_fill(policy, &f, ret);
}

/* Apart for the same reason. */
static __attribute__((noinline)) bool match_unfetched(const struct policy *policy, struct policy_scratch *scratch,
						      const struct policy_question *question,
						      const struct policy_prepared *prepared, int64_t now_s, struct verdict *ret)
{
	struct policy_prepared own = *prepared;
	policy_fetch(policy, question->name, &own);
	return policy_match_prepared(policy, scratch, question, &own, now_s, ret);
}

/* Is there more to ask than for names below 64 labels? */
static inline bool asks_more(const struct policy *policy, const struct policy_question *question)
{
	return (policy->has_clients && question->client != NULL) || question->name->labels >= 64;
}

/* Settles the question if the most specific name that may be there is all there is to it: it is not there, or has one rule that
 * nothing outranks. False: not settled. */
static bool match_plain(const struct policy *policy, const struct policy_question *question, const struct policy_prepared *prepared,
			struct verdict *ret)
{
	const struct image *im = policy->tiers[prepared->place.tier];
	const unsigned labels = prepared->place.labels;
	const uint64_t bit = (uint64_t)1 << labels, *may = prepared->may;
	const bool last = ((may[IMAGE_LIVE] | may[IMAGE_BULK]) & ~bit) == 0 && !policy->has_general;
	uint32_t from = prepared->place.from, to = prepared->place.to;
	if ((may[IMAGE_LIVE] & may[IMAGE_BULK] & bit) != 0)
		return false;
	if (!prepared->has_records) {
		from = le_get_u32(image_bucket(im, prepared->place.bucket));
		to = le_get_u32(image_bucket(im, prepared->place.bucket + 1));
	}
	*ret = (struct verdict){.kind = VERDICT_NONE};
	const struct image_seen seen = image_seek(im, from, to, prepared->place.r, prepared->place.r_len);
	if (seen.set >= IMAGE_PLAIN_SETS)
		return seen.set == IMAGE_NONE && last;
	const struct image_plain *plain = &im->plain[seen.set];
	if (!image_match_applies(plain->match, labels == question->name->labels) || (plain->rank > policy->best_rank && !last))
		return false;
	if (question->lists != NULL && !list_mask_has(question->lists, plain->order))
		return false;
	ret->kind = rank_blocks(plain->rank) ? VERDICT_BLOCKED : VERDICT_ALLOWED;
	ret->rule = plain->rule;
	ret->list = policy->list_numbers[prepared->place.tier][plain->list];
	ret->labels = (uint8_t)labels;
	ret->bulk = prepared->place.tier == IMAGE_BULK;
	ret->mandatory = rank_mandatory(plain->rank);
	return true;
}

/* Could the live tier lift the entry that match_plain found? */
static bool may_be_lifted(const struct policy *policy, const struct policy_question *question,
			  const struct policy_prepared *prepared)
{
	return question->name->labels >= POLICY_HASHES_MAX ||
	       image_may_have(policy->tiers[IMAGE_LIVE], prepared->hashes[prepared->place.labels]);
}

/* Whatever is no plain miss; apart, so that those need no room for it. */
static __attribute__((noinline)) bool match_found(const struct policy *policy, struct policy_scratch *scratch,
						  const struct policy_question *question, const struct policy_prepared *prepared,
						  int64_t now_s, struct verdict *ret)
{
	if (UNLIKELY(!prepared->judged))
		return match_unfetched(policy, scratch, question, prepared, now_s, ret);
	if (prepared->place.labels != 0 && !asks_more(policy, question) && match_plain(policy, question, prepared, ret) &&
	    (LIKELY(!policy->has_lifts) || ret->kind == VERDICT_NONE || !may_be_lifted(policy, question, prepared)))
		return ret->kind != VERDICT_NONE;
	return match_further(policy, scratch, question, prepared, now_s, ret);
}

bool policy_match_prepared(const struct policy *policy, struct policy_scratch *scratch, const struct policy_question *question,
			   const struct policy_prepared *prepared, int64_t now_s, struct verdict *ret)
{
	if (!prepared->judged || (prepared->may[IMAGE_LIVE] | prepared->may[IMAGE_BULK]) != 0 || policy->has_general ||
	    asks_more(policy, question))
		return match_found(policy, scratch, question, prepared, now_s, ret);
	*ret = (struct verdict){.kind = VERDICT_NONE};
	return false;
}

bool policy_match(const struct policy *policy, struct policy_scratch *scratch, const struct policy_question *question,
		  int64_t now_s, struct verdict *ret)
{
	struct policy_prepared prepared;
	policy_prepare(policy, question->name, &prepared);
	policy_fetch(policy, question->name, &prepared);
	return policy_match_prepared(policy, scratch, question, &prepared, now_s, ret);
}

bool policy_has_answer_addresses(const struct policy *policy)
{
	bool has = false;
	for (size_t tier = 0; tier < policy->tier_count; tier++)
		has |= policy->tiers[tier]->answer_count > 0;
	return has;
}

bool policy_match_answer(const struct policy *policy, const struct addr *address, const struct policy_question *question,
			 int64_t now_s, struct verdict *ret)
{
	struct asking a;
	struct found f;
	asking_init(&a, policy, NULL, question, now_s);
	asking_decide_answer(&a, address, &f);
	return verdict_fill(policy, &f, ret);
}
