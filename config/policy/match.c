/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A name that is in no list costs one hash for each of its labels and one word of a filter for each suffix that any rule could
 * speak for; everything below the first `if` of a function here is for the others. */
#include "policy/match.h"

#include "policy/match_ask.h"

/* Places in the wire form are not kept: few suffixes are ever looked up. */
static const uint8_t *suffix_of(const struct name *name, unsigned labels)
{
	const uint8_t *at = name->wire;
	for (unsigned skip = name->labels - labels; skip > 0; skip--)
		at += 1u + *at;
	return at;
}

/* Of the suffixes that rules could speak for (wanted, bit n for hashes[n]), those that the filter does not tell apart from names
 * that are there. Asking for fewer is worth more than asking without branches: 48 ns against 67 for a miss. */
static inline uint64_t may_have(const struct image *im, const uint64_t *hashes, uint64_t wanted)
{
	uint64_t may = 0;
	for (; wanted != 0; wanted &= wanted - 1) {
		unsigned n = (unsigned)__builtin_ctzll(wanted);
		may |= (uint64_t)image_may_have(im, hashes[n]) << n;
	}
	return may;
}

/* Of the far tier's words all are fetched, wanted or not: to tell them apart costs more. */
void policy_prepare(const struct policy *policy, const struct name *name, struct policy_prepared *ret)
{
	const struct image *im = policy->tiers[policy->tier_count - 1];
	const unsigned labels = name->labels;
	ret->place.labels = 0;
	name_hashes(name, ret->hashes);
	__builtin_prefetch(image_filter_word(im, ret->hashes[labels]));
	for (unsigned n = 2; n < labels; n++)
		__builtin_prefetch(image_filter_word(im, ret->hashes[n]));
}

/* The most specific suffix that may be there, and where. */
static void fetch_bucket(const struct policy *policy, const struct name *name, struct policy_prepared *p)
{
	for (size_t tier = policy->tier_count; tier-- > 0;) { /* the bulk tier is the one whose memory is far away */
		const struct image *im = policy->tiers[tier];
		uint64_t may = may_have(im, p->hashes, image_wanted(im, name->labels, 0)) & ~(uint64_t)1;
		if (may == 0)
			continue;
		struct code_place place;
		unsigned labels = 63u - (unsigned)__builtin_clzll(may);
		const uint8_t *suffix = suffix_of(name, labels);
		image_place(im, suffix, (size_t)(name->wire + name->len - suffix), &place);
		if (place.r_len > POLICY_REST_MAX)
			return;
		p->place.tier = (uint8_t)tier;
		p->place.labels = (uint8_t)labels;
		p->place.r_len = (uint8_t)place.r_len;
		p->place.bucket = place.bucket;
		memcpy(p->place.r, place.r, sizeof(p->place.r));
		__builtin_prefetch(image_bucket(im, place.bucket));
		return;
	}
}

void policy_fetch(const struct policy *policy, const struct name *names, struct policy_prepared *prepared, size_t count)
{
	for (size_t i = 0; i < count; i++)
		fetch_bucket(policy, &names[i], &prepared[i]);
	for (size_t i = 0; i < count; i++) {
		if (prepared[i].place.labels == 0)
			continue;
		const struct image *im = policy->tiers[prepared[i].place.tier];
		const uint8_t *records = im->sections[IMAGE_RECORDS].base + le_get_u32(image_bucket(im, prepared[i].place.bucket));
		__builtin_prefetch(records);
		__builtin_prefetch(records + 64); /* a bucket is some 60 bytes long */
	}
}

/* --- patterns --- */

static void subject_need(struct asking *a)
{
	if (!a->has_subject)
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
	if ((le_get_u32(p + IMAGE_PATTERN_FLAGS) & IMAGE_PATTERN_SUBTREE) != 0)
		return glob_match_above(text, &a->subject);
	return glob_match(text, subject_str(&a->subject));
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
		if (found_cares(f, one.standing, one.shadow) && asking_condition(a, im, r) == COND_HOLDS &&
		    (match != MATCH_PATTERN || asking_pattern(a, im, one.where)))
			found_take(f, &one);
	}
}

static bool find_name(const struct asking *a, const struct policy_prepared *p, unsigned tier, unsigned labels,
		      struct image_set *ret)
{
	const struct image *im = a->policy->tiers[tier];
	const struct name *name = a->question->name;
	if (p->place.labels == labels && p->place.tier == tier && labels > 0)
		return image_scan(im, p->place.bucket, p->place.r, p->place.r_len, ret);
	const uint8_t *suffix = suffix_of(name, labels);
	return image_find(im, suffix, (size_t)(name->wire + name->len - suffix), ret);
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
		if (a->now_s < le_get_i64(r + IMAGE_RULE_UNTIL) && found_cares(f, one.standing, one.shadow) &&
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
	if (a->now_s < le_get_i64(r + IMAGE_RULE_UNTIL) && found_cares(f, one.standing, one.shadow) &&
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

static void ask_clients(struct asking *a, struct found *f)
{
	for (unsigned tier = 0; tier < a->policy->tier_count; tier++) {
		const struct image *im = a->policy->tiers[tier];
		ask_runs(a, tier, im->runs + im->answer_runs, im->client_runs, a->question->client, f);
	}
}

/* --- the verdict --- */

static void may_all(const struct policy *p, const struct policy_prepared *prepared, unsigned labels, uint64_t ret[POLICY_TIERS])
{
	for (size_t tier = 0; tier < POLICY_TIERS; tier++)
		ret[tier] = 0;
	for (size_t tier = 0; tier < p->tier_count; tier++)
		ret[tier] = may_have(p->tiers[tier], prepared->hashes, image_wanted(p->tiers[tier], labels, 0));
}

/* may: may_all's. */
static void decide(struct asking *a, const struct policy_prepared *prepared, const uint64_t may[POLICY_TIERS], struct found *ret)
{
	const struct policy *p = a->policy;
	const unsigned labels = a->question->name->labels;
	found_init(ret);
	if (p->has_clients && a->question->client != NULL)
		ask_clients(a, ret);
	if (labels >= 64) {
		uint64_t deep[POLICY_TIERS] = {0, 0};
		for (unsigned tier = 0; tier < p->tier_count; tier++)
			deep[tier] = may_have(p->tiers[tier], prepared->hashes + 64, image_wanted(p->tiers[tier], labels, 1));
		ask_names(a, prepared, deep, 64, ret);
	}
	ask_names(a, prepared, may, 0, ret);
	if (p->has_general && (ret->enforced.standing == STANDING_LAST || standing_rank(ret->enforced.standing) > p->best_rank ||
			       standing_kind(ret->enforced.standing) == KIND_PATTERN))
		ask_patterns(a, ret);
}

void asking_decide(struct asking *a, const struct policy_prepared *prepared, struct found *ret)
{
	uint64_t may[POLICY_TIERS];
	may_all(a->policy, prepared, a->question->name->labels, may);
	decide(a, prepared, may, ret);
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
						    const uint64_t may[POLICY_TIERS], int64_t now_s, struct verdict *ret)
{
	struct asking a;
	struct found f;
	asking_init(&a, policy, scratch, question, now_s);
	decide(&a, prepared, may, &f);
	return verdict_fill(policy, &f, ret);
}

bool policy_match_prepared(const struct policy *policy, struct policy_scratch *scratch, const struct policy_question *question,
			   const struct policy_prepared *prepared, int64_t now_s, struct verdict *ret)
{
	uint64_t may[POLICY_TIERS];
	may_all(policy, prepared, question->name->labels, may);
	if (UNLIKELY((may[0] | may[1]) != 0 || policy->has_general || policy->has_clients || question->name->labels >= 64))
		return match_further(policy, scratch, question, prepared, may, now_s, ret);
	*ret = (struct verdict){.kind = VERDICT_NONE};
	return false;
}

bool policy_match(const struct policy *policy, struct policy_scratch *scratch, const struct policy_question *question,
		  int64_t now_s, struct verdict *ret)
{
	struct policy_prepared prepared;
	policy_prepare(policy, question->name, &prepared);
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
	found_init(&f);
	for (unsigned tier = 0; tier < policy->tier_count; tier++)
		ask_runs(&a, tier, policy->tiers[tier]->runs, policy->tiers[tier]->answer_runs, address, &f);
	return verdict_fill(policy, &f, ret);
}
