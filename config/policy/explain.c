/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/explain.h"

#include "policy/image.h"

static_assert(ARRAY_LEN(((struct policy_entry *)NULL)->contact) == IMAGE_CONTACTS_MAX, "every contact of an image can be shown");

void policy_entry(const struct policy *policy, uint32_t entry, struct policy_entry *ret)
{
	struct image_entry e = image_entry(policy, entry);
	const uint8_t *list = image_record(policy, IMAGE_LISTS, e.list);
	const uint8_t *cold = image_record(policy, IMAGE_COLD, entry);
	const uint8_t *p = image_record(policy, IMAGE_PROVENANCE, image_u32(cold + IMAGE_COLD_PROVENANCE));
	*ret = (struct policy_entry){
	    .list = image_string(policy, image_u32(list + IMAGE_LIST_NAME)),
	    .file = image_string(policy, image_u32(list + IMAGE_LIST_FILE)),
	    .line = image_u32(cold + IMAGE_COLD_LINE),
	    .entry = image_string(policy, image_u32(cold + IMAGE_COLD_TEXT)),
	    .match = e.match,
	    .action = (enum action)list[IMAGE_LIST_ACTION],
	    .mode = (enum mode)list[IMAGE_LIST_MODE],
	    .mandatory = list[IMAGE_LIST_MANDATORY] != 0,
	    .code = (enum code)p[IMAGE_PROV_CODE],
	    .authority = image_string(policy, image_u32(p + IMAGE_PROV_AUTHORITY)),
	    .reason = image_string(policy, image_u32(p + IMAGE_PROV_REASON)),
	    .reference = image_string(policy, image_u32(p + IMAGE_PROV_REFERENCE)),
	    .contact_count = image_u16(p + IMAGE_PROV_CONTACT_COUNT),
	    .added = image_string(policy, image_u32(p + IMAGE_PROV_ADDED)),
	    .review = image_string(policy, image_u32(p + IMAGE_PROV_REVIEW)),
	    .expires = image_string(policy, image_u32(p + IMAGE_PROV_EXPIRES)),
	    .lifted = image_string(policy, image_u32(p + IMAGE_PROV_LIFTED)),
	};
	size_t first = image_u32(p + IMAGE_PROV_CONTACT_FIRST);
	for (size_t i = 0; i < ret->contact_count; i++)
		ret->contact[i] = image_string(policy, image_u32(image_record(policy, IMAGE_CONTACTS, first + i)));
}

/* What precedence is decided by, in this order; lists and lines follow from the entry's number (image.h). */
struct standing {
	unsigned rank;
	unsigned labels;
	enum match match;
};

static struct standing standing_of(const struct policy *p, uint32_t entry)
{
	struct image_entry e = image_entry(p, entry);
	unsigned labels = e.match == MATCH_REGEX ? 0 : image_at(&p->names.names, e.name)[IMAGE_NAME_LABELS];
	return (struct standing){.rank = e.rank, .labels = labels, .match = e.match};
}

/* Would a be asked before b, both matching one name and in force? */
static bool stands_before(const struct policy *p, uint32_t a, uint32_t b)
{
	struct standing sa = standing_of(p, a), sb = standing_of(p, b);
	if (sa.rank != sb.rank)
		return sa.rank < sb.rank;
	if ((sa.match == MATCH_REGEX) != (sb.match == MATCH_REGEX))
		return sb.match == MATCH_REGEX;
	if (sa.labels != sb.labels)
		return sa.labels > sb.labels;
	if (sa.match != sb.match)
		return sa.match < sb.match;
	return a < b;
}

struct collection {
	const struct policy *policy;
	struct policy_hit *hits;
	size_t max, count;	       /* count: matched in all */
	const struct verdict *decided; /* NULL: nothing decides */
};

static bool comes_before(const struct collection *c, uint32_t a, uint32_t b)
{
	if (c->decided != NULL && (a == c->decided->entry || b == c->decided->entry))
		return a == c->decided->entry;
	return stands_before(c->policy, a, b);
}

/* Keep the first max in order. */
static void collect(struct collection *c, uint32_t entry)
{
	size_t kept = MIN(c->count, c->max), place = kept;
	c->count++;
	while (place > 0 && comes_before(c, entry, c->hits[place - 1].entry))
		place--;
	if (place == c->max)
		return;
	size_t moved = MIN(kept, c->max - 1) - place;
	memmove(&c->hits[place + 1], &c->hits[place], moved * sizeof(c->hits[0]));
	c->hits[place].entry = entry;
}

static void collect_all(struct collection *c, struct policy_scratch *scratch, const struct name *name)
{
	const struct policy *p = c->policy;
	uint8_t offsets[NAME_LABELS_MAX + 1];
	char buf[NAME_TEXT_MAX];
	(void)name_offsets(name, offsets);
	for (unsigned labels = name->labels + 1u; labels-- > 0;) {
		size_t at = offsets[name->labels - labels], found = 0;
		if (!image_has_labels(p, labels) || !image_find(p, &p->names, name->wire + at, name->len - at, &found))
			continue;
		const uint8_t *r = image_at(&p->names.names, found);
		size_t first = image_u32(r + IMAGE_NAME_FIRST), count = image_u32(r + IMAGE_NAME_COUNT);
		for (size_t i = first; i < first + count; i++) {
			if (image_match_applies(image_entry(p, i).match, labels == name->labels))
				collect(c, (uint32_t)i);
		}
	}
	struct str subject = p->pattern_count > 0 ? image_subject(name, buf) : (struct str){NULL, 0};
	for (size_t i = 0; i < p->pattern_count; i++) {
		if (pattern_match(p->patterns[i], scratch, subject))
			collect(c, (uint32_t)(p->pattern_first + i));
	}
}

/* Entries that are not in force. False for those that are. */
static bool why_out_of_force(const struct policy *p, uint32_t entry, int64_t now_s, enum why_not *ret)
{
	const uint8_t *cold = image_record(p, IMAGE_COLD, entry);
	const uint8_t *provenance = image_record(p, IMAGE_PROVENANCE, image_u32(cold + IMAGE_COLD_PROVENANCE));
	if (image_i64(provenance + IMAGE_PROV_LIFTED_S) <= now_s)
		*ret = WHY_LIFTED;
	else if (image_i64(provenance + IMAGE_PROV_EXPIRES_S) <= now_s)
		*ret = WHY_EXPIRED;
	else if (image_entry(p, entry).shadow)
		*ret = WHY_SHADOW;
	else
		return false;
	return true;
}

static const char *why_outranked(unsigned rank)
{
	static const char *const texts[RANK_COUNT] = {
	    [RANK_MANDATORY_ALLOW] = "a mandatory allow outranks it",
	    [RANK_MANDATORY_BLOCK] = "a mandatory block outranks it",
	    [RANK_ALLOW] = "an allow outranks it",
	    [RANK_BLOCK] = "a block outranks it",
	};
	must(rank < RANK_COUNT);
	return texts[rank];
}

static void why_fill(const struct collection *c, int64_t now_s, struct policy_hit *hit)
{
	const struct policy *p = c->policy;
	const char *text = "";
	if (c->decided != NULL && hit->entry == c->decided->entry) {
		hit->why_not = WHY_DECIDES;
	} else if (why_out_of_force(p, hit->entry, now_s, &hit->why_not)) {
		text = hit->why_not == WHY_LIFTED ? "lifted" : hit->why_not == WHY_EXPIRED ? "expired" : "shadow";
	} else {
		must(c->decided != NULL); /* one that is in force would have decided */
		struct standing mine = standing_of(p, hit->entry), best = standing_of(p, c->decided->entry);
		if (mine.rank != best.rank) {
			hit->why_not = WHY_LOWER_RANK;
			text = why_outranked(best.rank);
		} else if (mine.match != best.match || mine.labels != best.labels) {
			hit->why_not = WHY_LESS_SPECIFIC;
			text = "less specific";
		} else {
			hit->why_not = WHY_SAME;
			text = mine.match == MATCH_REGEX ? "an expression further up matches" : "the same name, further down";
		}
	}
	(void)snprintf(hit->why_not_text, sizeof(hit->why_not_text), "%s", text);
}

size_t policy_explain(const struct policy *policy, struct policy_scratch *scratch, const struct name *name, int64_t now_s,
		      struct policy_hit *ret, size_t max)
{
	struct verdict verdict;
	bool decided = policy_match(policy, scratch, name, now_s, &verdict);
	struct collection c = {.policy = policy, .hits = ret, .max = max, .decided = decided ? &verdict : NULL};
	collect_all(&c, scratch, name);
	for (size_t i = 0; i < MIN(c.count, max); i++)
		why_fill(&c, now_s, &ret[i]);
	return c.count;
}
