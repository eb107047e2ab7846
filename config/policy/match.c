/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/match.h"

#include "policy/image.h"

bool image_find(const struct policy *p, const struct image_table *table, const uint8_t *wire, size_t len, size_t *ret)
{
	uint64_t hash = image_hash(&p->key, wire, len);
	size_t bucket = image_bucket(hash, table->bits);
	size_t end = image_u32(image_at(&table->dir, bucket + 1));
	for (size_t i = image_u32(image_at(&table->dir, bucket)); i < end; i++) {
		const uint8_t *r = image_at(&table->names, i);
		if (image_u64(r + IMAGE_NAME_HASH) != hash || r[IMAGE_NAME_LEN] != len)
			continue;
		if (memcmp(p->sections[IMAGE_WIRE].base + image_u32(r + IMAGE_NAME_WIRE), wire, len) == 0) {
			*ret = i;
			return true;
		}
	}
	return false;
}

struct str image_subject(const struct name *name, char buf[NAME_TEXT_MAX])
{
	if (name->labels == 0)
		return (struct str){buf, 0};
	return str_from(name_to_text(name, buf));
}

/* What was found so far, once with and once without the entries of shadow lists. all is never weaker than enforced. */
struct found {
	unsigned enforced_rank, all_rank;
	size_t enforced, all;
	uint16_t enforced_list, all_list;
	bool all_shadow;
};

/* Names are met the most specific first and the entries of one name best first, so a later one must be of a better rank to win. */
static void found_take(struct found *f, const struct image_entry *e, size_t index)
{
	if (e->rank < f->all_rank) {
		f->all_rank = e->rank;
		f->all = index;
		f->all_list = e->list;
		f->all_shadow = e->shadow;
	}
	if (!e->shadow && e->rank < f->enforced_rank) {
		f->enforced_rank = e->rank;
		f->enforced = index;
		f->enforced_list = e->list;
	}
}

static void match_name(const struct policy *p, size_t name_index, bool whole, int64_t now_s, struct found *f)
{
	const uint8_t *r = image_at(&p->names.names, name_index);
	size_t first = image_u32(r + IMAGE_NAME_FIRST), count = image_u32(r + IMAGE_NAME_COUNT);
	for (size_t i = first; i < first + count; i++) {
		struct image_entry e = image_entry(p, i);
		if (e.rank >= f->enforced_rank)
			return;
		if (image_match_applies(e.match, whole) && now_s < e.until_s)
			found_take(f, &e, i);
	}
}

static void match_patterns(const struct policy *p, struct policy_scratch *scratch, const struct name *name, int64_t now_s,
			   struct found *f)
{
	char buf[NAME_TEXT_MAX];
	struct str subject = {NULL, 0};
	for (size_t i = 0; i < p->pattern_count; i++) {
		struct image_entry e = image_entry(p, p->pattern_first + i);
		if (e.rank >= f->enforced_rank)
			return;
		if (now_s >= e.until_s || (e.shadow && e.rank >= f->all_rank))
			continue;
		if (subject.ptr == NULL)
			subject = image_subject(name, buf);
		if (pattern_match(p->patterns[i], scratch, subject))
			found_take(f, &e, p->pattern_first + i);
	}
}

bool policy_match(const struct policy *policy, struct policy_scratch *scratch, const struct name *name, int64_t now_s,
		  struct verdict *ret)
{
	struct found f = {.enforced_rank = RANK_COUNT, .all_rank = RANK_COUNT};
	uint8_t offsets[NAME_LABELS_MAX + 1];
	(void)name_offsets(name, offsets);
	for (unsigned labels = name->labels + 1u; labels-- > 0 && f.enforced_rank > policy->best_rank;) {
		size_t at = offsets[name->labels - labels], found = 0;
		if (image_has_labels(policy, labels) && image_find(policy, &policy->names, name->wire + at, name->len - at, &found))
			match_name(policy, found, labels == name->labels, now_s, &f);
	}
	match_patterns(policy, scratch, name, now_s, &f);

	*ret = (struct verdict){.kind = VERDICT_NONE};
	if (f.all_rank < RANK_COUNT && f.all_shadow && rank_blocks(f.all_rank)) {
		ret->shadowed = true;
		ret->shadow_list = f.all_list;
	}
	if (f.enforced_rank == RANK_COUNT)
		return false;
	ret->kind = rank_blocks(f.enforced_rank) ? VERDICT_BLOCKED : VERDICT_ALLOWED;
	ret->entry = (uint32_t)f.enforced;
	ret->list = f.enforced_list;
	ret->mandatory = rank_mandatory(f.enforced_rank);
	return true;
}

/* Is wire the whole of name or a suffix of its labels? */
static bool is_at_or_above(const uint8_t *wire, size_t len, unsigned labels, const struct name *name)
{
	uint8_t offsets[NAME_LABELS_MAX + 1];
	if (labels > name->labels)
		return false;
	(void)name_offsets(name, offsets);
	size_t at = offsets[name->labels - labels];
	return name->len - at == len && memcmp(name->wire + at, wire, len) == 0;
}

/* RFC 8020: NXDOMAIN for qname would deny every name below it, allowed ones too. Is there an allow entry in force below that wins
 * there? covers: the block holds for what is below qname as well; when it is mandatory, only a mandatory allow wins against it. */
static bool allowed_below(const struct policy *p, const struct name *qname, bool mandatory, bool covers, int64_t now_s)
{
	size_t found = 0;
	if (p->below.names.count == 0 || !image_find(p, &p->below, qname->wire, qname->len, &found))
		return false;
	const uint8_t *times = image_record(p, IMAGE_BELOW_TIMES, found);
	if (now_s < image_i64(times + IMAGE_TIMES_MANDATORY))
		return true;
	return !(mandatory && covers) && now_s < image_i64(times + IMAGE_TIMES_ORDINARY);
}

static uint32_t answer_ttl(uint32_t ttl_s, int64_t until_s, int64_t now_s)
{
	if (ttl_s == 0 || until_s == IMAGE_FOREVER)
		return ttl_s;
	if (until_s <= now_s)
		return 1;
	uint64_t left_s = (uint64_t)until_s - (uint64_t)now_s;
	return left_s < ttl_s ? (uint32_t)left_s : ttl_s;
}

void policy_answer(const struct policy *policy, const struct verdict *verdict, const struct name *qname, int64_t now_s,
		   struct policy_answer *ret)
{
	struct image_entry e = image_entry(policy, verdict->entry);
	const uint8_t *list = image_record(policy, IMAGE_LISTS, e.list);
	const uint8_t *cold = image_record(policy, IMAGE_COLD, verdict->entry);
	const uint8_t *provenance = image_record(policy, IMAGE_PROVENANCE, image_u32(cold + IMAGE_COLD_PROVENANCE));
	*ret = (struct policy_answer){
	    .answer = (enum answer)list[IMAGE_LIST_ANSWER],
	    .code = (enum code)provenance[IMAGE_PROV_CODE],
	    .ttl_s = answer_ttl(policy->ttl_s, e.until_s, now_s),
	    .serial = policy->generation,
	    .extra_text = image_string(policy, image_u32(provenance + IMAGE_PROV_EXTRA_TEXT)),
	    .ipv4 = policy->sections[IMAGE_IPV4].base,
	    .ipv6 = policy->sections[IMAGE_IPV6].base,
	    .ipv4_count = policy->sections[IMAGE_IPV4].count,
	    .ipv6_count = policy->sections[IMAGE_IPV6].count,
	};
	bool covers = false; /* a regular expression: nobody can tell, and NODATA does no harm */
	if (e.match != MATCH_REGEX) {
		const uint8_t *r = image_at(&policy->names.names, e.name);
		/* qname may be elsewhere: when a CNAME led to the blocked name. */
		bool above = is_at_or_above(policy->sections[IMAGE_WIRE].base + image_u32(r + IMAGE_NAME_WIRE), r[IMAGE_NAME_LEN],
					    r[IMAGE_NAME_LABELS], qname);
		covers = above && e.match != MATCH_EXACT;
		ret->owner_labels = above ? r[IMAGE_NAME_LABELS] : 0;
	}
	if (ret->answer == ANSWER_NXDOMAIN && allowed_below(policy, qname, rank_mandatory(e.rank), covers, now_s))
		ret->answer = ANSWER_NODATA;
}

/* How many of a list's entries are in force: all, but for those whose end has come. UNTILS are sorted. */
static size_t list_in_force(const struct policy *p, size_t list, int64_t now_s)
{
	const uint8_t *r = image_record(p, IMAGE_LISTS, list);
	if (r[IMAGE_LIST_MODE] != MODE_ENFORCE)
		return 0;
	size_t first = image_u32(r + IMAGE_LIST_UNTIL_FIRST), low = 0, high = image_u32(r + IMAGE_LIST_UNTIL_COUNT);
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (image_i64(image_record(p, IMAGE_UNTILS, first + middle)) <= now_s)
			low = middle + 1;
		else
			high = middle;
	}
	return image_u32(r + IMAGE_LIST_ENTRY_COUNT) - low;
}

void policy_info(const struct policy *policy, int64_t now_s, struct policy_info *ret)
{
	*ret = (struct policy_info){
	    .generation = policy->generation,
	    .list_count = policy->sections[IMAGE_LISTS].count,
	    .entry_count = policy->sections[IMAGE_ENTRIES].count,
	    .bytes = policy->len,
	    .compiled_at_s = policy->compiled_at_s,
	};
	memcpy(ret->content_hash, policy->content_hash, sizeof(ret->content_hash));
	for (size_t i = 0; i < ret->list_count; i++)
		ret->in_force_count += list_in_force(policy, i, now_s);
}

void policy_list(const struct policy *policy, uint16_t list, int64_t now_s, struct policy_list *ret)
{
	const uint8_t *r = image_record(policy, IMAGE_LISTS, list);
	*ret = (struct policy_list){
	    .name = image_string(policy, image_u32(r + IMAGE_LIST_NAME)),
	    .file = image_string(policy, image_u32(r + IMAGE_LIST_FILE)),
	    .title = image_string(policy, image_u32(r + IMAGE_LIST_TITLE)),
	    .action = (enum action)r[IMAGE_LIST_ACTION],
	    .mode = (enum mode)r[IMAGE_LIST_MODE],
	    .mandatory = r[IMAGE_LIST_MANDATORY] != 0,
	    .entry_count = image_u32(r + IMAGE_LIST_ENTRY_COUNT),
	    .in_force_count = list_in_force(policy, list, now_s),
	    .changed_at_s = image_i64(r + IMAGE_LIST_CHANGED_AT),
	};
}
