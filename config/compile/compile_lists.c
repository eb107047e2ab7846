/* SPDX-License-Identifier: BSD-2-Clause */
#include "compile/compile_lists.h"

#include <stdlib.h>

#include "compile/compile.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#define COMPARE(a, b) (((a) > (b)) - ((a) < (b)))

/* --- what is depended on --- */

static void put_number(struct buf *b, int64_t v)
{
	le_put_u64(buf_grow(b, 8), (uint64_t)v);
}

/* NULL and "" differ. */
static void put_text(struct buf *b, const char *text)
{
	put_number(b, text == NULL ? -1 : (int64_t)strlen(text));
	if (text != NULL)
		buf_add_c(b, text);
}

static void put_texts(struct buf *b, const char *const *texts, size_t count)
{
	put_number(b, (int64_t)count);
	for (size_t i = 0; i < count; i++)
		put_text(b, texts[i]);
}

static void put_provenance(struct buf *b, const struct provenance *p)
{
	put_text(b, p->authority);
	put_text(b, p->reason);
	put_text(b, p->reference);
	put_texts(b, p->contact, p->contact_count);
	put_number(b, p->has_code ? (int64_t)p->code : -1);
	put_number(b, p->has_sub_error ? (int64_t)p->sub_error : -1);
	put_text(b, p->organization);
	put_text(b, p->language);
	put_text(b, p->added);
	put_text(b, p->review);
	put_text(b, p->expires);
	put_text(b, p->lifted);
	put_number(b, p->expires == NULL ? 0 : p->expires_s);
	put_number(b, p->lifted == NULL ? 0 : p->lifted_s);
}

static void put_block(struct buf *b, const struct settings *s)
{
	put_number(b, s->require);
	put_number(b, (int64_t)s->block_answer);
	put_number(b, s->block_ttl_s);
	put_text(b, s->organization);
	put_text(b, s->language);
	put_texts(b, s->contact, s->contact_count);
	put_number(b, (int64_t)s->address_count);
	for (size_t i = 0; i < s->address_count; i++) {
		char text[ADDR_TEXT_MAX];
		put_text(b, addr_host_to_text(&s->addresses[i], text));
	}
}

/* What settings say of the list, but for where it lies. */
static void put_list(struct buf *b, const struct settings *settings, const struct settings_list *list)
{
	put_number(b, SOURCE_READERS_VERSION);
	put_text(b, list->name);
	put_text(b, list->key_text);
	put_number(b, (int64_t)list->format);
	put_number(b, list->may_allow);
	put_number(b, list->has_action ? (int64_t)list->action : -1);
	put_number(b, list->has_match ? (int64_t)list->match : -1);
	put_number(b, list->has_answer ? (int64_t)list->answer : -1);
	put_number(b, list->mandatory);
	put_number(b, (int64_t)list->mode);
	put_provenance(b, &list->provenance);
	put_block(b, settings);
}

static void take_hash(struct buf *b, uint8_t ret[16])
{
	XXH128_canonical_t hash;
	XXH128_canonicalFromHash(&hash, XXH3_128bits(b->ptr, b->len));
	memcpy(ret, hash.digest, sizeof(hash.digest));
	buf_finish(b);
}

void lists_settings_hash(const struct settings *settings, const struct settings_list *list, uint8_t ret[16])
{
	struct buf b = {NULL, 0, 0};
	put_text(&b, list->file);
	put_text(&b, list->file_shown);
	put_list(&b, settings, list);
	take_hash(&b, ret);
}

void lists_meaning_hash(const struct settings *settings, const struct settings_list *list, const uint8_t content_key[16],
			uint8_t ret[16])
{
	struct buf b = {NULL, 0, 0};
	buf_add(&b, content_key, 16);
	put_list(&b, settings, list);
	take_hash(&b, ret);
}

void lists_put_identity(const struct source_identity *identity, uint8_t ret[SOURCE_IDENTITY_SIZE])
{
	le_put_u64(ret, identity->device);
	le_put_u64(ret + 8, identity->inode);
	le_put_u64(ret + 16, identity->size);
	le_put_u64(ret + 24, (uint64_t)identity->mtime_ns);
	le_put_u64(ret + 32, (uint64_t)identity->ctime_ns);
}

void lists_get_identity(const uint8_t bytes[SOURCE_IDENTITY_SIZE], struct source_identity *ret)
{
	*ret = (struct source_identity){.device = le_get_u64(bytes),
					.inode = le_get_u64(bytes + 8),
					.size = le_get_u64(bytes + 16),
					.mtime_ns = (int64_t)le_get_u64(bytes + 24),
					.ctime_ns = (int64_t)le_get_u64(bytes + 32)};
}

/* --- sections --- */

void lists_add(struct rules *rules, const struct rules_list *list, const struct source *source, struct image_parts *ret)
{
	const struct settings_list *sl = list->settings;
	const uint32_t name = rules_string(rules, sl->name), file = rules_string(rules, sl->file_shown),
		       title = rules_string(rules, segment_title(list->segment));
	uint8_t *l = buf_grow(&ret->sections[IMAGE_LISTS], IMAGE_LIST_SIZE);
	le_put_u32(l + IMAGE_LIST_NAME, name);
	le_put_u32(l + IMAGE_LIST_FILE, file);
	le_put_u32(l + IMAGE_LIST_TITLE, title);
	le_put_u64(l + IMAGE_LIST_CHANGED_AT, (uint64_t)source->changed_at_s);
	l[IMAGE_LIST_ACTION] = (uint8_t)list->action;
	l[IMAGE_LIST_MODE] = (uint8_t)sl->mode;
	l[IMAGE_LIST_MANDATORY] = sl->mandatory;
	l[IMAGE_LIST_FORMAT] = (uint8_t)segment_format(list->segment);
	le_put_u16(l + IMAGE_LIST_ORDER, list->order);
	lists_put_identity(&source->identity, l + IMAGE_LIST_IDENTITY);
	memcpy(l + IMAGE_LIST_CONTENT, source->content_key, sizeof(source->content_key));
	lists_settings_hash(rules->settings, sl, l + IMAGE_LIST_SETTINGS);
	lists_meaning_hash(rules->settings, sl, source->content_key, l + IMAGE_LIST_MEANING);
}

/* Some entries of a list that end together. */
struct ending {
	int64_t until_s;
	uint32_t count;
	uint16_t list;
};

static int ending_order(const void *left, const void *right)
{
	const struct ending *a = left, *b = right;
	int order = COMPARE(a->list, b->list);
	return order != 0 ? order : COMPARE(a->until_s, b->until_s);
}

static void put_untils(const struct ending *endings, size_t count, struct image_parts *ret)
{
	struct buf *untils = &ret->sections[IMAGE_UNTILS];
	uint8_t *lists = (uint8_t *)ret->sections[IMAGE_LISTS].ptr;
	const size_t list_count = ret->sections[IMAGE_LISTS].len / IMAGE_LIST_SIZE;
	for (size_t list = 0, at = 0; list < list_count; list++) {
		const size_t first = untils->len / 8;
		for (; at < count && endings[at].list == list; at++) {
			uint8_t *p = buf_grow(untils, 8 * (size_t)endings[at].count);
			for (uint32_t i = 0; i < endings[at].count; i++)
				le_put_u64(p + 8 * (size_t)i, (uint64_t)endings[at].until_s);
		}
		le_put_u32(lists + list * IMAGE_LIST_SIZE + IMAGE_LIST_UNTIL_FIRST, (uint32_t)first);
		le_put_u32(lists + list * IMAGE_LIST_SIZE + IMAGE_LIST_UNTIL_COUNT, (uint32_t)(untils->len / 8 - first));
	}
}

/* Entries of a rule that are to be looked at again. */
struct due {
	int64_t at_s, until_s;
	uint32_t provenance, count;
	uint16_t list;
};

static int due_order(const void *left, const void *right)
{
	const struct due *a = left, *b = right;
	int order = COMPARE(a->at_s, b->at_s);
	if (order == 0)
		order = COMPARE(a->list, b->list);
	if (order == 0)
		order = COMPARE(a->provenance, b->provenance);
	return order != 0 ? order : COMPARE(a->until_s, b->until_s);
}

/* The review that the rule's provenance says, in seconds. */
static bool review_of(const struct rules *rules, const uint8_t *record, int64_t *ret)
{
	const uint32_t number = le_get_u32(record + IMAGE_RULE_PROVENANCE);
	const uint8_t *p = (const uint8_t *)rules->provenance.ptr + (size_t)number * IMAGE_PROV_SIZE;
	const uint32_t text = le_get_u32(p + IMAGE_PROV_REVIEW);
	return text != IMAGE_NONE && str_to_time(intern_get(&rules->strings, text), ret, NULL);
}

/* Those that differ in what does not matter here are one. dues: sorted. */
static void put_reviews(const struct due *dues, size_t count, struct image_parts *ret)
{
	for (size_t i = 0, next; i < count; i = next) {
		uint32_t entries = 0;
		for (next = i; next < count && due_order(&dues[i], &dues[next]) == 0; next++)
			entries += dues[next].count;
		uint8_t *r = buf_grow(&ret->sections[IMAGE_REVIEWS], IMAGE_REVIEW_SIZE);
		le_put_u64(r + IMAGE_REVIEW_AT, (uint64_t)dues[i].at_s);
		le_put_u64(r + IMAGE_REVIEW_UNTIL, (uint64_t)dues[i].until_s);
		le_put_u32(r + IMAGE_REVIEW_PROVENANCE, dues[i].provenance);
		le_put_u32(r + IMAGE_REVIEW_COUNT, entries);
		le_put_u16(r + IMAGE_REVIEW_LIST, dues[i].list);
	}
}

void lists_reviews(const struct rules *rules, const uint32_t *entries, struct image_parts *ret)
{
	const size_t count = rules_count(rules);
	struct due *dues = base_alloc((count + 1) * sizeof(dues[0]));
	size_t due_count = 0;
	for (uint32_t rule = 0; rule < count; rule++) {
		const uint8_t *record = rules_get(rules, rule);
		int64_t at_s = 0;
		if (record[IMAGE_RULE_MATCH] == IMAGE_MATCH_BELOW || entries[rule] == 0 || !review_of(rules, record, &at_s))
			continue;
		dues[due_count++] = (struct due){.at_s = at_s,
						 .until_s = rules_until(record),
						 .provenance = le_get_u32(record + IMAGE_RULE_PROVENANCE),
						 .count = entries[rule],
						 .list = le_get_u16(record + IMAGE_RULE_LIST)};
	}
	qsort(dues, due_count, sizeof(dues[0]), due_order);
	put_reviews(dues, due_count, ret);
	free(dues);
}

void lists_count(const struct rules *rules, const uint32_t *entries, struct image_parts *ret)
{
	const size_t count = rules_count(rules);
	struct ending *endings = base_alloc((count + 1) * sizeof(endings[0]));
	size_t ending_count = 0;
	for (uint32_t rule = 0; rule < count; rule++) {
		const uint8_t *record = rules_get(rules, rule);
		const uint16_t list = le_get_u16(record + IMAGE_RULE_LIST);
		if (!image_match_is_entry(record[IMAGE_RULE_MATCH]) || entries[rule] == 0)
			continue;
		uint8_t *l = (uint8_t *)ret->sections[IMAGE_LISTS].ptr + (size_t)list * IMAGE_LIST_SIZE;
		le_put_u32(l + IMAGE_LIST_ENTRY_COUNT, le_get_u32(l + IMAGE_LIST_ENTRY_COUNT) + entries[rule]);
		if (rules_says_lifted(rules, record))
			le_put_u32(l + IMAGE_LIST_LIFTS, le_get_u32(l + IMAGE_LIST_LIFTS) + entries[rule]);
		ret->entry_count += entries[rule];
		if (rules_end(record) != IMAGE_FOREVER)
			endings[ending_count++] =
			    (struct ending){.until_s = rules_end(record), .count = entries[rule], .list = list};
	}
	qsort(endings, ending_count, sizeof(endings[0]), ending_order);
	put_untils(endings, ending_count, ret);
	free(endings);
}
