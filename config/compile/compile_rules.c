/* SPDX-License-Identifier: BSD-2-Clause */
#include "compile/compile_rules.h"

#include "list/lifts.h"
#include "list/list.h"
#include "compile/compile.h"
#include "compile/extra_text.h"
#include "compile/structured.h"

void rules_init(struct rules *r, const struct settings *settings)
{
	*r = (struct rules){.settings = settings};
	intern_init(&r->strings);
	intern_init(&r->conds);
	intern_init(&r->data);
	intern_init(&r->records);
	intern_init(&r->provenance_seen);
}

void rules_finish(struct rules *r)
{
	intern_finish(&r->strings);
	intern_finish(&r->conds);
	intern_finish(&r->data);
	intern_finish(&r->records);
	intern_finish(&r->provenance_seen);
	buf_finish(&r->provenance);
	buf_finish(&r->contacts);
}

uint32_t rules_string_of(struct rules *r, struct str text)
{
	return intern_add(&r->strings, text.ptr, text.len, NULL);
}

uint32_t rules_string(struct rules *r, const char *text)
{
	return text == NULL ? IMAGE_NONE : rules_string_of(r, str_from(text));
}

/* What holds for a class, as one record; each different one is kept once. */
static uint32_t add_provenance(struct rules *r, const struct provenance *merged, enum code code, int64_t expires_s,
			       int64_t lifted_s)
{
	uint8_t p[IMAGE_PROV_SIZE + 4 * IMAGE_CONTACTS_MAX] = {0};
	le_put_u32(p + IMAGE_PROV_AUTHORITY, rules_string(r, merged->authority));
	le_put_u32(p + IMAGE_PROV_REASON, rules_string(r, merged->reason));
	le_put_u32(p + IMAGE_PROV_REFERENCE, rules_string(r, merged->reference));
	le_put_u32(p + IMAGE_PROV_ADDED, rules_string(r, merged->added));
	le_put_u32(p + IMAGE_PROV_REVIEW, rules_string(r, merged->review));
	le_put_u32(p + IMAGE_PROV_EXPIRES, rules_string(r, merged->expires));
	le_put_u32(p + IMAGE_PROV_LIFTED, rules_string(r, merged->lifted));
	le_put_u32(p + IMAGE_PROV_LIFTED_BY, rules_string(r, merged->lifted_by));
	le_put_u32(p + IMAGE_PROV_LIFT_REASON, rules_string(r, merged->lift_reason));
	le_put_u32(p + IMAGE_PROV_LIFT_REFERENCE, rules_string(r, merged->lift_reference));
	le_put_u32(p + IMAGE_PROV_ORGANIZATION, rules_string(r, merged->organization));
	le_put_u32(p + IMAGE_PROV_LANGUAGE, rules_string(r, merged->language));
	size_t contacts = MIN(merged->contact_count, (size_t)IMAGE_CONTACTS_MAX);
	le_put_u16(p + IMAGE_PROV_CONTACT_COUNT, (uint16_t)contacts);
	p[IMAGE_PROV_CODE] = (uint8_t)code;
	p[IMAGE_PROV_SUB_ERROR] = (uint8_t)(terms_sub_error_fits(merged->sub_error, code) ? merged->sub_error : SUB_ERROR_NONE);
	le_put_u64(p + IMAGE_PROV_EXPIRES_S, (uint64_t)expires_s);
	le_put_u64(p + IMAGE_PROV_LIFTED_S, (uint64_t)lifted_s);
	for (size_t i = 0; i < contacts; i++)
		le_put_u32(p + IMAGE_PROV_SIZE + 4 * i, rules_string(r, merged->contact[i]));
	bool is_new = false;
	uint32_t number = intern_add(&r->provenance_seen, p, IMAGE_PROV_SIZE + 4 * contacts, &is_new);
	if (is_new) {
		le_put_u32(p + IMAGE_PROV_CONTACT_FIRST, (uint32_t)(r->contacts.len / 4));
		buf_add(&r->contacts, p + IMAGE_PROV_SIZE, 4 * contacts);
		buf_add(&r->provenance, p, IMAGE_PROV_SIZE);
	}
	return number;
}

/* Where the bytes will stand in their section: each after a length of four bytes. */
static uint32_t add_bytes(struct intern *t, struct str bytes)
{
	if (bytes.len == 0)
		return IMAGE_NONE;
	uint32_t number = intern_add(t, bytes.ptr, bytes.len, NULL);
	size_t place = (size_t)(intern_get(t, number).ptr - t->bytes.ptr) + 4u * (size_t)number;
	t->full |= place >= IMAGE_NONE;
	return (uint32_t)place;
}

static uint32_t add_extra_text(struct rules *r, enum code code, const struct provenance *merged, const char *list)
{
	char extra[IMAGE_EXTRA_TEXT_MAX + 1];
	const char *organization = merged->organization != NULL ? merged->organization : r->settings->organization;
	(void)extra_text_compose(code, organization, merged->authority, merged->reason, merged->reference, list, extra);
	return extra[0] == '\0' ? IMAGE_NONE : rules_string(r, extra);
}

static_assert((int)STRUCTURED_FORMS == IMAGE_STRUCTURED_FORMS, "a rule has a place for each");

static void add_structured(struct rules *r, enum code code, const struct provenance *merged, bool blocks, uint8_t *rule)
{
	for (enum structured_form form = STRUCTURED_WHOLE; form < STRUCTURED_FORMS; form++) {
		struct buf text = {NULL, 0, 0};
		bool has = blocks && structured_compose(merged, code, r->settings, form, &text);
		le_put_u32(rule + IMAGE_RULE_STRUCTURED + 4 * (size_t)form, has ? rules_string_of(r, buf_str(&text)) : IMAGE_NONE);
		buf_finish(&text);
	}
}

enum action rules_action(const struct rules_list *list, const struct segment_class *class)
{
	return class->has_action ? class->action : list->action;
}

enum rank rules_rank(const struct rules_list *list, const struct segment_class *class)
{
	return compile_entry_rank(list->segment, class, list->settings);
}

uint32_t rules_add(struct rules *r, const struct rules_list *list, const struct segment_class *class, uint32_t pattern)
{
	uint8_t rule[IMAGE_RULE_SIZE] = {0};
	struct provenance own = {.authority = NULL};
	if (class->provenance != SEGMENT_NONE)
		segment_provenance(list->segment, class->provenance, &own);
	const struct provenance merged = list_provenance(class->provenance == SEGMENT_NONE ? NULL : &own,
							 segment_defaults(list->segment), &list->settings->provenance);
	const enum code code = merged.has_code ? merged.code : CODE_BLOCKED;
	const int64_t expires_s = merged.expires == NULL ? IMAGE_FOREVER : merged.expires_s;
	const int64_t lifted_s = merged.lifted == NULL ? IMAGE_FOREVER : merged.lifted_s;
	const bool blocks = rules_action(list, class) == ACTION_BLOCK;
	enum answer answer = class->has_answer ? class->answer : list->answer;
	if (answer == ANSWER_LOCAL && class->records.len == 0)
		answer = ANSWER_NODATA; /* local data without any */
	const enum rank rank = rules_rank(list, class);
	const bool local = blocks && answer == ANSWER_LOCAL;
	le_put_u64(rule + IMAGE_RULE_UNTIL, (uint64_t)MIN(expires_s, lifted_s));
	le_put_u32(rule + IMAGE_RULE_PROVENANCE, add_provenance(r, &merged, code, expires_s, lifted_s));
	le_put_u32(rule + IMAGE_RULE_COND, add_bytes(&r->conds, class->cond));
	le_put_u32(rule + IMAGE_RULE_DATA, local ? add_bytes(&r->data, class->records) : IMAGE_NONE);
	le_put_u32(rule + IMAGE_RULE_PATTERN, pattern);
	le_put_u16(rule + IMAGE_RULE_LIST, list->number);
	le_put_u16(rule + IMAGE_RULE_ORDER, list->order);
	rule[IMAGE_RULE_MATCH] = (uint8_t)compile_entry_match(list->segment, class, list->settings);
	rule[IMAGE_RULE_RANK] =
	    (uint8_t)((unsigned)rank | (class->shadow || list->settings->mode == MODE_SHADOW ? IMAGE_SHADOW : 0u));
	rule[IMAGE_RULE_ANSWER] = blocks ? (uint8_t)answer : 0;
	rule[IMAGE_RULE_CODE] = (uint8_t)code;
	le_put_u32(rule + IMAGE_RULE_EXTRA_TEXT, blocks ? add_extra_text(r, code, &merged, list->settings->name) : IMAGE_NONE);
	add_structured(r, code, &merged, blocks, rule);
	return intern_add(&r->records, rule, sizeof(rule), NULL);
}

bool rules_tell_above(const uint8_t *record)
{
	return (record[IMAGE_RULE_RANK] & IMAGE_SHADOW) == 0 && !rank_blocks(record[IMAGE_RULE_RANK]);
}

int64_t rules_end(const uint8_t *record)
{
	return (record[IMAGE_RULE_RANK] & IMAGE_SHADOW) != 0 ? IMAGE_NEVER : rules_until(record);
}

bool rules_says_lifted(const struct rules *r, const uint8_t *record)
{
	const size_t at = (size_t)le_get_u32(record + IMAGE_RULE_PROVENANCE) * IMAGE_PROV_SIZE;
	must(at + IMAGE_PROV_SIZE <= r->provenance.len);
	return le_get_u32((const uint8_t *)r->provenance.ptr + at + IMAGE_PROV_LIFTED) != IMAGE_NONE;
}

/* A rule that is no entry. */
static void begin_mark(uint8_t rule[IMAGE_RULE_SIZE], unsigned match, unsigned rank, int64_t until_s)
{
	le_put_u64(rule + IMAGE_RULE_UNTIL, (uint64_t)until_s);
	le_put_u32(rule + IMAGE_RULE_COND, IMAGE_NONE);
	le_put_u32(rule + IMAGE_RULE_DATA, IMAGE_NONE);
	le_put_u32(rule + IMAGE_RULE_PATTERN, IMAGE_NONE);
	rule[IMAGE_RULE_MATCH] = (uint8_t)match;
	rule[IMAGE_RULE_RANK] = (uint8_t)rank;
	le_put_u32(rule + IMAGE_RULE_EXTRA_TEXT, IMAGE_NONE);
	for (size_t form = 0; form < IMAGE_STRUCTURED_FORMS; form++)
		le_put_u32(rule + IMAGE_RULE_STRUCTURED + 4 * form, IMAGE_NONE);
}

uint32_t rules_add_below(struct rules *r, uint32_t allow)
{
	uint8_t rule[IMAGE_RULE_SIZE] = {0};
	const uint8_t *record = rules_get(r, allow);
	begin_mark(rule, IMAGE_MATCH_BELOW, record[IMAGE_RULE_RANK], rules_until(record));
	return intern_add(&r->records, rule, sizeof(rule), NULL);
}

bool rules_lifted(const struct rules *r, uint32_t rule)
{
	const uint8_t *record = rules_get(r, rule);
	const uint8_t *p =
	    (const uint8_t *)r->provenance.ptr + (size_t)le_get_u32(record + IMAGE_RULE_PROVENANCE) * IMAGE_PROV_SIZE;
	return (record[IMAGE_RULE_RANK] & IMAGE_SHADOW) == 0 && rank_blocks(record[IMAGE_RULE_RANK]) &&
	       (int64_t)le_get_u64(p + IMAGE_PROV_LIFTED_S) != IMAGE_FOREVER;
}

uint32_t rules_add_lifted_below(struct rules *r)
{
	uint8_t rule[IMAGE_RULE_SIZE] = {0};
	begin_mark(rule, IMAGE_MATCH_BELOW, RANK_BLOCK, IMAGE_FOREVER);
	return intern_add(&r->records, rule, sizeof(rule), NULL);
}

uint32_t rules_add_lift(struct rules *r, const struct lift *lift, uint16_t order)
{
	uint8_t rule[IMAGE_RULE_SIZE] = {0};
	begin_mark(rule, IMAGE_MATCH_LIFT, lift->action == ACTION_BLOCK ? RANK_BLOCK : RANK_ALLOW, lift->provenance.lifted_s);
	le_put_u32(rule + IMAGE_RULE_PROVENANCE,
		   add_provenance(r, &lift->provenance, CODE_BLOCKED, IMAGE_FOREVER, lift->provenance.lifted_s));
	le_put_u16(rule + IMAGE_RULE_ORDER, order);
	return intern_add(&r->records, rule, sizeof(rule), NULL);
}

bool rules_full(const struct rules *r)
{
	return r->strings.full || r->conds.full || r->data.full || r->records.full || r->provenance_seen.full ||
	       r->contacts.len / 4 >= IMAGE_NONE;
}

size_t rules_count(const struct rules *r)
{
	return r->records.count;
}

static void write_bytes(const struct intern *t, struct buf *ret)
{
	for (uint32_t i = 0; i < t->count; i++) {
		struct str bytes = intern_get(t, i);
		le_put_u32(buf_grow(ret, 4), (uint32_t)bytes.len);
		buf_add_str(ret, bytes);
	}
}

static void move(struct buf *from, struct buf *to)
{
	buf_finish(to);
	*to = *from;
	*from = (struct buf){NULL, 0, 0};
}

void rules_write(struct rules *r, struct image_parts *ret)
{
	for (uint32_t i = 0, end = 0; i < r->strings.count; i++) {
		end += (uint32_t)intern_get(&r->strings, i).len;
		le_put_u32(buf_grow(&ret->sections[IMAGE_STRING_ENDS], 4), end);
	}
	write_bytes(&r->conds, &ret->sections[IMAGE_CONDS]);
	write_bytes(&r->data, &ret->sections[IMAGE_DATA]);
	move(&r->strings.bytes, &ret->sections[IMAGE_STRINGS]);
	move(&r->records.bytes, &ret->sections[IMAGE_RULES]);
	move(&r->provenance, &ret->sections[IMAGE_PROVENANCE]);
	move(&r->contacts, &ret->sections[IMAGE_CONTACTS]);
}
