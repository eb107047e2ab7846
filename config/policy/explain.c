/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/explain.h"

#include <arpa/inet.h>
#include <stdlib.h>

#include "policy/match_ask.h"

static_assert(POLICY_CONTACTS_MAX == IMAGE_CONTACTS_MAX, "every contact of an image can be shown");

/* An entry that matches, in force or not. */
struct match_one {
	struct found_one found;
	uint32_t line, text; /* text: string as written, or IMAGE_NONE */
	enum cond_failure failure;
	bool decides;
	const uint8_t *lift; /* the rule that lifts it, in the live tier; NULL: none */
};

/* The first `max` in order. */
struct collection {
	struct asking asking;
	struct found decided;
	struct match_one *kept; /* owned */
	size_t max, count;	/* count: in all */
};

static bool decides(const struct collection *c, const struct found_one *one)
{
	const struct found_one *d = &c->decided.enforced;
	return d->standing != STANDING_LAST && one->standing == d->standing && one->tier == d->tier && one->rule == d->rule &&
	       one->where == d->where && one->labels == d->labels;
}

static bool comes_before(const struct match_one *a, const struct match_one *b)
{
	if (a->decides != b->decides)
		return a->decides;
	return a->found.standing != b->found.standing ? a->found.standing < b->found.standing : a->line < b->line;
}

static void collect(struct collection *c, const struct match_one *one)
{
	size_t have = MIN(c->count, c->max), place = have;
	c->count++;
	while (place > 0 && comes_before(one, &c->kept[place - 1]))
		place--;
	if (place == c->max)
		return;
	size_t moved = MIN(have, c->max - 1) - place;
	memmove(&c->kept[place + 1], &c->kept[place], moved * sizeof(c->kept[0]));
	c->kept[place] = *one;
}

/* --- everything that matches --- */

static void collect_pattern(struct collection *c, unsigned tier, uint32_t pattern)
{
	const struct image *im = c->asking.policy->tiers[tier];
	const uint8_t *p = image_at(im, IMAGE_PATTERNS, pattern);
	if (!asking_pattern(&c->asking, im, pattern))
		return;
	struct match_one one = {
	    .found = {.rule = le_get_u32(p + IMAGE_PATTERN_RULE), .where = pattern, .tier = (uint8_t)tier},
	    .line = le_get_u32(p + IMAGE_PATTERN_LINE),
	    .text = le_get_u32(p + IMAGE_PATTERN_WRITTEN),
	};
	const uint8_t *r = image_rule(im, one.found.rule);
	if (one.text == IMAGE_NONE)
		one.text = le_get_u32(p + IMAGE_PATTERN_TEXT);
	one.found.standing = standing_make(r, KIND_PATTERN, 0, one.line);
	one.failure = asking_condition(&c->asking, im, r);
	one.decides = decides(c, &one.found);
	collect(c, &one);
}

static void collect_set(struct collection *c, unsigned tier, const struct image_set *set, unsigned labels)
{
	const struct image *im = c->asking.policy->tiers[tier];
	for (uint32_t i = 0; i < set->count; i++) {
		struct match_one one = {
		    .found = {.rule = image_set_rule(set, i), .where = i, .tier = (uint8_t)tier, .labels = (uint8_t)labels}};
		const uint8_t *r = image_rule(im, one.found.rule);
		if (!image_match_applies(r[IMAGE_RULE_MATCH], labels == c->asking.question->name->labels))
			continue;
		if (r[IMAGE_RULE_MATCH] == MATCH_PATTERN) {
			collect_pattern(c, tier, le_get_u32(r + IMAGE_RULE_PATTERN));
			continue;
		}
		one.found.standing = standing_make(r, KIND_NAME, NAME_LABELS_MAX - labels, 0);
		one.failure = asking_condition(&c->asking, im, r);
		one.decides = decides(c, &one.found);
		one.lift = c->asking.policy->has_lifts ? asking_lift_find(&c->asking, r, labels) : NULL;
		(void)image_cold(im, set, i, &one.line, &one.text);
		collect(c, &one);
	}
}

static void collect_names(struct collection *c, unsigned tier, const uint64_t hashes[NAME_LABELS_MAX + 1])
{
	const struct name *name = c->asking.question->name;
	const struct image *im = c->asking.policy->tiers[tier];
	for (unsigned labels = name->labels + 1u; labels-- > 0;) {
		struct image_set set;
		if ((image_wanted(im, name->labels, labels / 64) >> labels % 64 & 1) != 0 && image_may_have(im, hashes[labels]) &&
		    image_find(im, name, labels, &set))
			collect_set(c, tier, &set, labels);
	}
}

/* runs: of answers' addresses, or of clients'. */
static void collect_address(struct collection *c, unsigned tier, const struct image_run *runs, size_t count,
			    const struct addr *address)
{
	const struct image *im = c->asking.policy->tiers[tier];
	uint8_t bytes[16];
	addr_to_wide(address, bytes);
	for (size_t i = 0; i < count; i++) {
		uint32_t first = 0, end = 0;
		image_run_find(im, &runs[i], bytes, &first, &end);
		for (; first < end; first++) {
			const uint8_t *p = image_at(im, IMAGE_ADDRESSES, first);
			struct match_one one = {
			    .found = {.rule = le_get_u32(p + IMAGE_ADDRESS_RULE), .where = first, .tier = (uint8_t)tier},
			    .line = le_get_u32(p + IMAGE_ADDRESS_LINE),
			    .text = le_get_u32(p + IMAGE_ADDRESS_WRITTEN),
			};
			const uint8_t *r = image_rule(im, one.found.rule);
			one.found.standing = standing_make(r, KIND_ADDRESS, 128u - p[IMAGE_ADDRESS_BITS], one.line);
			one.failure = asking_condition(&c->asking, im, r);
			one.decides = decides(c, &one.found);
			collect(c, &one);
		}
	}
}

static void collect_all(struct collection *c)
{
	const struct policy *p = c->asking.policy;
	struct trigrams trigrams;
	uint64_t hashes[NAME_LABELS_MAX + 1];
	name_hashes(c->asking.question->name, hashes);
	if (p->has_general)
		asking_trigrams(&c->asking, &trigrams);
	for (unsigned tier = 0; tier < p->tier_count; tier++) {
		const struct image *im = p->tiers[tier];
		if (c->asking.question->client != NULL)
			collect_address(c, tier, im->runs + im->answer_runs, im->client_runs, c->asking.question->client);
		collect_names(c, tier, hashes);
		for (uint32_t i = 0; i < p->tiers[tier]->general_count; i++) {
			if (trigrams_may(&trigrams, p->tiers[tier], i))
				collect_pattern(c, tier, i);
		}
	}
}

/* --- how they are told --- */

static void entry_text(const struct collection *c, const struct match_one *one, struct policy_entry *ret)
{
	const struct image *im = c->asking.policy->tiers[one->found.tier];
	ret->entry = image_string(im, one->text);
	if (one->text != IMAGE_NONE)
		return;
	if (standing_kind(one->found.standing) == KIND_ADDRESS) {
		const uint8_t *at = image_at(im, IMAGE_ADDRESSES, one->found.where);
		const struct prefix p = prefix_from_wide(at + IMAGE_ADDRESS_BYTES, at[IMAGE_ADDRESS_BITS]);
		(void)prefix_to_text(&p, ret->entry_text);
	} else {
		struct name own;
		must(name_suffix(c->asking.question->name, one->found.labels, &own));
		(void)name_to_text(&own, ret->entry_text);
	}
	ret->entry = str_from(ret->entry_text);
}

/* A lift that outranks the entry's list has its own provenance. */
static void lift_fill(const struct collection *c, const uint8_t *lift, struct policy_entry *ret)
{
	const struct image *live = c->asking.policy->tiers[IMAGE_LIVE];
	const uint8_t *p = image_at(live, IMAGE_PROVENANCE, le_get_u32(lift + IMAGE_RULE_PROVENANCE));
	ret->lifted = image_string(live, le_get_u32(p + IMAGE_PROV_LIFTED));
	ret->lifted_by = image_string(live, le_get_u32(p + IMAGE_PROV_LIFTED_BY));
	ret->lift_reason = image_string(live, le_get_u32(p + IMAGE_PROV_LIFT_REASON));
	ret->lift_reference = image_string(live, le_get_u32(p + IMAGE_PROV_LIFT_REFERENCE));
}

static void entry_fill(const struct collection *c, const struct match_one *one, struct policy_entry *ret)
{
	const struct image *im = c->asking.policy->tiers[one->found.tier];
	const uint8_t *r = image_rule(im, one->found.rule), *list = image_at(im, IMAGE_LISTS, le_get_u16(r + IMAGE_RULE_LIST));
	const uint8_t *p = image_at(im, IMAGE_PROVENANCE, le_get_u32(r + IMAGE_RULE_PROVENANCE));
	unsigned rank = standing_rank(one->found.standing);
	ret->list = image_string(im, le_get_u32(list + IMAGE_LIST_NAME));
	ret->file = image_string(im, le_get_u32(list + IMAGE_LIST_FILE));
	ret->line = one->line;
	entry_text(c, one, ret);
	ret->match = (enum match)r[IMAGE_RULE_MATCH];
	ret->action = rank_blocks(rank) ? ACTION_BLOCK : ACTION_ALLOW;
	ret->answer = (enum answer)r[IMAGE_RULE_ANSWER];
	ret->mode = (r[IMAGE_RULE_RANK] & IMAGE_SHADOW) != 0 ? MODE_SHADOW : (enum mode)list[IMAGE_LIST_MODE];
	ret->mandatory = rank_mandatory(rank);
	ret->code = (enum code)r[IMAGE_RULE_CODE];
	ret->authority = image_string(im, le_get_u32(p + IMAGE_PROV_AUTHORITY));
	ret->reason = image_string(im, le_get_u32(p + IMAGE_PROV_REASON));
	ret->reference = image_string(im, le_get_u32(p + IMAGE_PROV_REFERENCE));
	ret->added = image_string(im, le_get_u32(p + IMAGE_PROV_ADDED));
	ret->review = image_string(im, le_get_u32(p + IMAGE_PROV_REVIEW));
	ret->expires = image_string(im, le_get_u32(p + IMAGE_PROV_EXPIRES));
	ret->lifted = image_string(im, le_get_u32(p + IMAGE_PROV_LIFTED));
	ret->lifted_by = image_string(im, le_get_u32(p + IMAGE_PROV_LIFTED_BY));
	ret->lift_reason = image_string(im, le_get_u32(p + IMAGE_PROV_LIFT_REASON));
	ret->lift_reference = image_string(im, le_get_u32(p + IMAGE_PROV_LIFT_REFERENCE));
	ret->organization = image_string(im, le_get_u32(p + IMAGE_PROV_ORGANIZATION));
	ret->language = image_string(im, le_get_u32(p + IMAGE_PROV_LANGUAGE));
	ret->sub_error = (enum sub_error)p[IMAGE_PROV_SUB_ERROR];
	ret->contact_count = le_get_u16(p + IMAGE_PROV_CONTACT_COUNT);
	size_t first = le_get_u32(p + IMAGE_PROV_CONTACT_FIRST);
	for (size_t i = 0; i < ret->contact_count; i++)
		ret->contact[i] = image_string(im, le_get_u32(image_at(im, IMAGE_CONTACTS, first + i)));
	if (one->lift != NULL)
		lift_fill(c, one->lift, ret);
}

/* Entries that do not speak, whatever the others are. False for those that do. */
static bool why_silent(const struct collection *c, const struct match_one *one, enum why_not *ret, const char **ret_text)
{
	static const char *const conditions[] = {
	    [COND_HOLDS] = "",
	    [COND_TYPE] = "not for this type",
	    [COND_CLIENT] = "not for this client",
	    [COND_NAME] = "not for this name",
	};
	const struct image *im = c->asking.policy->tiers[one->found.tier];
	const uint8_t *r = image_rule(im, one->found.rule);
	const uint8_t *p = image_at(im, IMAGE_PROVENANCE, le_get_u32(r + IMAGE_RULE_PROVENANCE));
	if (one->lift != NULL || le_get_i64(p + IMAGE_PROV_LIFTED_S) <= c->asking.now_s) {
		*ret = WHY_LIFTED;
		*ret_text = "lifted";
	} else if (le_get_i64(r + IMAGE_RULE_UNTIL) <= c->asking.now_s) {
		*ret = WHY_EXPIRED;
		*ret_text = "expired";
	} else if ((r[IMAGE_RULE_RANK] & IMAGE_SHADOW) != 0) {
		*ret = WHY_SHADOW;
		*ret_text = "shadow";
	} else if (one->failure != COND_HOLDS) {
		*ret = WHY_CONDITION;
		*ret_text = conditions[one->failure];
	} else if (!asking_acts(&c->asking, r)) {
		*ret = WHY_GROUP;
		*ret_text = "not in the group's lists";
	} else {
		return false;
	}
	return true;
}

static const char *why_outranked(unsigned rank)
{
	static const char *const texts[RANK_COUNT] = {
	    [RANK_MANDATORY_ALLOW] = "a mandatory allow outranks it",
	    [RANK_MANDATORY_BLOCK] = "a mandatory block outranks it",
	    [RANK_IMPORTANT_ALLOW] = "an allow outranks it",
	    [RANK_IMPORTANT_BLOCK] = "an important block outranks it",
	    [RANK_ALLOW] = "an allow outranks it",
	    [RANK_BLOCK] = "a block outranks it",
	};
	must(rank < RANK_COUNT);
	return texts[rank];
}

/* Why one that speaks lost to what decides. */
static const char *why_lost(standing mine, standing best, enum why_not *ret)
{
	if (standing_rank(mine) != standing_rank(best)) {
		*ret = WHY_LOWER_RANK;
		return why_outranked(standing_rank(best));
	}
	if (mine >> 44 != best >> 44) {
		*ret = WHY_LESS_SPECIFIC;
		return "less specific";
	}
	*ret = WHY_SAME;
	bool same_list = standing_order(mine) == standing_order(best);
	switch (standing_kind(mine)) {
	case KIND_ADDRESS:
		return same_list ? "the same address, further down" : "the same address, in a later list";
	case KIND_NAME:
		break;
	case KIND_PATTERN:
		return same_list ? "an expression further up matches" : "an expression of an earlier list matches";
	}
	return same_list ? "the same name, further down" : "the same name, in a later list";
}

static void hit_fill(const struct collection *c, const struct match_one *one, struct policy_hit *ret)
{
	const char *text = "";
	ret->why_not = WHY_DECIDES;
	if (!one->decides && !why_silent(c, one, &ret->why_not, &text))
		text = why_lost(one->found.standing, c->decided.enforced.standing, &ret->why_not);
	(void)snprintf(ret->why_not_text, sizeof(ret->why_not_text), "%s", text);
	entry_fill(c, one, &ret->entry);
}

static struct collection *collection_create(const struct policy *policy, struct policy_scratch *scratch,
					    const struct policy_question *question, int64_t now_s, size_t max)
{
	struct collection *c = base_alloc(sizeof(*c));
	c->max = max;
	c->kept = base_alloc((max + 1) * sizeof(c->kept[0]));
	asking_init(&c->asking, policy, scratch, question, now_s);
	return c;
}

/* Frees it. */
static size_t collection_tell(struct collection *c, struct policy_hit *ret)
{
	size_t count = c->count;
	for (size_t filled = 0; filled < MIN(count, c->max); filled++)
		hit_fill(c, &c->kept[filled], &ret[filled]);
	free(c->kept);
	free(c);
	return count;
}

size_t policy_explain(const struct policy *policy, struct policy_scratch *scratch, const struct policy_question *question,
		      int64_t now_s, struct policy_hit *ret, size_t max)
{
	struct collection *c = collection_create(policy, scratch, question, now_s, max);
	asking_decide(&c->asking, &c->decided);
	c->asking.has_subject = false; /* what is asked again has its steps again */
	collect_all(c);
	return collection_tell(c, ret);
}

size_t policy_explain_answer(const struct policy *policy, const struct addr *address, const struct policy_question *question,
			     int64_t now_s, struct policy_hit *ret, size_t max)
{
	struct collection *c = collection_create(policy, NULL, question, now_s, max);
	asking_decide_answer(&c->asking, address, &c->decided);
	for (unsigned tier = 0; tier < policy->tier_count; tier++)
		collect_address(c, tier, policy->tiers[tier]->runs, policy->tiers[tier]->answer_runs, address);
	return collection_tell(c, ret);
}
