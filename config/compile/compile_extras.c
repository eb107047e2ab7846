/* SPDX-License-Identifier: BSD-2-Clause */
#include "compile/compile_extras.h"

#include <stdlib.h>

#include "policy/codec.h"
#include "compile/compile.h"
#include "compile/compile_pattern.h"

#define COMPARE(a, b) (((a) > (b)) - ((a) < (b)))

struct extra {
	const struct rules_list *list;
	uint32_t class, line;
	enum match match;
	enum rank rank;
	/* expressions and patterns */
	struct str text, written; /* borrowed from the segment */
	bool subtree, caseless;
	bool hangs, hangs_at;
	const uint8_t *wire;
	uint8_t wire_len;
	/* addresses */
	uint8_t bytes[16], bits;
};

void extras_init(struct extras *o)
{
	*o = (struct extras){.items = NULL};
	intern_init(&o->seen);
}

void extras_finish(struct extras *o)
{
	free(o->items);
	intern_finish(&o->seen);
	arena_finish(&o->arena);
}

/* Is it new? A list may say a thing twice; the first line counts. */
static bool is_new(struct extras *o, const struct extra *extra)
{
	struct buf key = {NULL, 0, 0};
	bool ret = false;
	buf_add(&key, &extra->list->number, sizeof(extra->list->number));
	buf_add(&key, &extra->class, sizeof(extra->class));
	if (extra->match < MATCH_ADDRESS) {
		buf_add_str(&key, extra->text);
	} else {
		buf_add(&key, &extra->bits, sizeof(extra->bits));
		buf_add(&key, extra->bytes, sizeof(extra->bytes));
	}
	(void)intern_add(&o->seen, key.ptr, key.len, &ret);
	buf_finish(&key);
	return ret;
}

static void hang(struct extras *o, struct extra *extra)
{
	struct name name;
	extra->hangs = pattern_hang(extra->text, &name, &extra->hangs_at);
	if (!extra->hangs)
		return;
	uint8_t *wire = arena_alloc(&o->arena, name.len);
	memcpy(wire, name.wire, name.len);
	extra->wire = wire;
	extra->wire_len = name.len;
}

void extras_add(struct extras *o, const struct rules_list *list, const struct segment_entry *entry)
{
	struct segment_class class;
	segment_class(list->segment, entry->class, &class);
	struct extra extra = {.list = list,
			      .class = entry->class,
			      .line = entry->line,
			      .match = compile_entry_match(list->segment, &class, list->settings),
			      .rank = rules_rank(list, &class),
			      .text = entry->text,
			      .written = entry->written,
			      .subtree = class.subtree,
			      .caseless = class.caseless};
	if (extra.match >= MATCH_ADDRESS) {
		extra.bits = (uint8_t)MIN(prefix_to_wide(&entry->prefix, extra.bytes), 128u);
		addr_bits_clear(extra.bytes, extra.bits, 128); /* of a segment that was read, nobody has looked at them */
	}
	if (!is_new(o, &extra))
		return;
	if (extra.match == MATCH_PATTERN)
		hang(o, &extra);
	if (o->count == o->cap) {
		o->cap = o->cap * 2 + 16;
		o->items = base_realloc(o->items, o->cap * sizeof(o->items[0]));
	}
	o->items[o->count++] = extra;
}

/* Expressions and patterns first: the general ones, then by rank, list and line. Then addresses of answers, then of clients, as
 * they are looked for. */
static int extra_order(const void *left, const void *right)
{
	const struct extra *a = left, *b = right;
	int kind_a = a->match < MATCH_ADDRESS ? 0 : (int)a->match, kind_b = b->match < MATCH_ADDRESS ? 0 : (int)b->match;
	int order = COMPARE(kind_a, kind_b);
	if (order == 0 && kind_a == 0)
		order = COMPARE(a->hangs, b->hangs);
	if (order == 0 && kind_a != 0)
		order = COMPARE(b->bits, a->bits);
	if (order == 0 && kind_a != 0)
		order = memcmp(a->bytes, b->bytes, sizeof(a->bytes));
	if (order == 0)
		order = COMPARE((int)a->rank, (int)b->rank);
	if (order == 0 && kind_a == 0)
		order = COMPARE((int)a->match, (int)b->match);
	if (order == 0)
		order = COMPARE(a->list->order, b->list->order);
	if (order == 0)
		order = COMPARE(a->line, b->line);
	if (order == 0)
		order = COMPARE(a->class, b->class);
	if (order == 0) {
		order =
		    memcmp(a->text.len > 0 ? a->text.ptr : "", b->text.len > 0 ? b->text.ptr : "", MIN(a->text.len, b->text.len));
		order = order != 0 ? order : COMPARE(a->text.len, b->text.len);
	}
	return order;
}

static uint32_t written_of(struct rules *rules, const struct extra *extra)
{
	return extra->written.len == 0 ? IMAGE_NONE : rules_string_of(rules, extra->written);
}

static void write_pattern(const struct extra *extra, const struct segment_class *class, struct rules *rules, struct items *items,
			  struct image_parts *ret)
{
	struct buf *section = &ret->sections[IMAGE_PATTERNS];
	const bool regex = extra->match == MATCH_REGEX;
	const uint32_t rule = rules_add(rules, extra->list, class, (uint32_t)(section->len / IMAGE_PATTERN_SIZE));
	uint8_t *p = buf_grow(section, IMAGE_PATTERN_SIZE);
	le_put_u32(p + IMAGE_PATTERN_RULE, rule);
	le_put_u32(p + IMAGE_PATTERN_TEXT, rules_string_of(rules, extra->text));
	le_put_u32(p + IMAGE_PATTERN_WRITTEN, written_of(rules, extra));
	le_put_u32(p + IMAGE_PATTERN_LINE, extra->line);
	le_put_u32(p + IMAGE_PATTERN_NEED,
		   regex ? pattern_need_regex(extra->text, extra->caseless) : pattern_need_glob(extra->text));
	le_put_u32(p + IMAGE_PATTERN_FLAGS, (regex ? IMAGE_PATTERN_REGEX : 0) | (extra->caseless ? IMAGE_PATTERN_CASELESS : 0) |
						(extra->subtree ? IMAGE_PATTERN_SUBTREE : 0));
	if (!extra->hangs) {
		ret->general_count++;
		return;
	}
	items_add(
	    items,
	    (struct item){.hash = name_hash(extra->wire, extra->wire_len), .wire = extra->wire, .rule = rule, .line = extra->line});
	if (rules_tell_above(rules_get(rules, rule)))
		items_add_above(items, extra->wire, extra->wire_len, true, rules_add_below(rules, rule));
}

static void write_address(const struct extra *extra, const struct segment_class *class, struct rules *rules,
			  struct image_parts *ret)
{
	uint8_t *p = buf_grow(&ret->sections[IMAGE_ADDRESSES], IMAGE_ADDRESS_SIZE);
	memcpy(p + IMAGE_ADDRESS_BYTES, extra->bytes, sizeof(extra->bytes));
	le_put_u32(p + IMAGE_ADDRESS_RULE, rules_add(rules, extra->list, class, IMAGE_NONE));
	le_put_u32(p + IMAGE_ADDRESS_LINE, extra->line);
	le_put_u32(p + IMAGE_ADDRESS_WRITTEN, written_of(rules, extra));
	p[IMAGE_ADDRESS_BITS] = extra->bits;
	ret->answer_count += extra->match == MATCH_ADDRESS;
}

void extras_write(struct extras *o, struct rules *rules, struct items *items, struct image_parts *ret)
{
	if (o->count > 0)
		qsort(o->items, o->count, sizeof(o->items[0]), extra_order);
	for (size_t i = 0; i < o->count; i++) {
		const struct extra *extra = &o->items[i];
		struct segment_class class;
		segment_class(extra->list->segment, extra->class, &class);
		if (extra->match < MATCH_ADDRESS)
			write_pattern(extra, &class, rules, items, ret);
		else
			write_address(extra, &class, rules, ret);
	}
}

void extras_count(const struct image_parts *parts, uint32_t *entries)
{
	const struct buf *patterns = &parts->sections[IMAGE_PATTERNS], *addresses = &parts->sections[IMAGE_ADDRESSES];
	for (size_t i = 0; i < parts->general_count; i++)
		entries[le_get_u32((const uint8_t *)patterns->ptr + i * IMAGE_PATTERN_SIZE + IMAGE_PATTERN_RULE)]++;
	for (size_t at = 0; at < addresses->len; at += IMAGE_ADDRESS_SIZE)
		entries[le_get_u32((const uint8_t *)addresses->ptr + at + IMAGE_ADDRESS_RULE)]++;
}
