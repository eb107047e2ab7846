/* SPDX-License-Identifier: BSD-2-Clause */
#include "compile/compile_sets.h"

#include <stdlib.h>

#define NONE UINT32_MAX
#define COMPARE(a, b) (((a) > (b)) - ((a) < (b)))

uint32_t index_line(const struct buf *texts, uint32_t line)
{
	struct index_text text;
	if ((line & INDEX_TEXT) == 0)
		return line;
	memcpy(&text, texts->ptr + (size_t)(line & ~INDEX_TEXT) * sizeof(text), sizeof(text));
	return text.line;
}

struct orders {
	const struct rules *rules;
	const struct buf *texts;
};

/* Of two items of one name. The end of what lies below: the latest first, the others are dropped. */
static int set_order(const struct item *a, const struct item *b, const void *arg)
{
	const struct orders *o = arg;
	if (a->rule == b->rule && a->line == b->line)
		return 0;
	const uint8_t *ra = rules_get(o->rules, a->rule), *rb = rules_get(o->rules, b->rule);
	int order = COMPARE(rules_key(ra), rules_key(rb));
	if (order == 0 && ra[IMAGE_RULE_MATCH] == IMAGE_MATCH_BELOW)
		order = COMPARE(rules_until(rb), rules_until(ra));
	if (order == 0)
		order = COMPARE(index_line(o->texts, a->line), index_line(o->texts, b->line));
	if (order == 0)
		order = COMPARE(a->rule, b->rule);
	return order != 0 ? order : COMPARE(a->line, b->line);
}

struct maker {
	struct items *items;
	const struct rules *rules;
	uint32_t *entries;
	uint32_t *single; /* owned; for each rule the set of it alone, or NONE */
	uint32_t *seen;	  /* owned; for each rule the last name it was seen at, + 1 */
	struct buf uses;  /* u32 for each set */
	struct buf set;	  /* u32: the one in the making */
	struct sets *ret;
};

/* The items from..end are of one name: those that count to its front, their rules to m->set. */
static void take_name(struct maker *m, size_t from, size_t end)
{
	const uint32_t stamp = (uint32_t)m->ret->name_count + 1;
	struct item *items = m->items->ptr;
	size_t kept = from;
	uint32_t below_key = NONE;
	buf_reset(&m->set);
	for (size_t i = from; i < end; i++) {
		const uint32_t rule = items[i].rule;
		const uint8_t *record = rules_get(m->rules, rule);
		if (m->seen[rule] == stamp)
			continue;
		m->seen[rule] = stamp;
		if (record[IMAGE_RULE_MATCH] == IMAGE_MATCH_BELOW) {
			if (rules_key(record) == below_key)
				continue;
			below_key = rules_key(record);
		} else if (image_match_is_entry(record[IMAGE_RULE_MATCH])) {
			m->entries[rule]++;
		}
		buf_add(&m->set, &rule, sizeof(rule));
		items[kept++] = items[i];
	}
}

static void use_set(struct maker *m, uint32_t set)
{
	uint32_t uses = 0;
	if (set * sizeof(uses) == m->uses.len)
		buf_add(&m->uses, &uses, sizeof(uses));
	must(m->uses.ptr != NULL);
	memcpy(&uses, m->uses.ptr + set * sizeof(uses), sizeof(uses));
	uses++;
	memcpy(m->uses.ptr + set * sizeof(uses), &uses, sizeof(uses));
}

/* The common case, a name that stands once, looks up nothing but its rule. */
static uint32_t set_of(struct maker *m, size_t from, size_t end)
{
	const uint32_t rule = m->items->ptr[from].rule;
	if (end - from > 1) {
		take_name(m, from, end);
		return intern_add(&m->ret->rules, m->set.ptr, m->set.len, NULL);
	}
	if (m->single[rule] == NONE)
		m->single[rule] = intern_add(&m->ret->rules, &rule, sizeof(rule), NULL);
	m->entries[rule] += image_match_is_entry(rules_get(m->rules, rule)[IMAGE_RULE_MATCH]);
	return m->single[rule];
}

static int uses_order(const void *left, const void *right, void *arg)
{
	const uint32_t *uses = arg;
	uint32_t a, b;
	memcpy(&a, left, sizeof(a));
	memcpy(&b, right, sizeof(b));
	int order = COMPARE(uses[b], uses[a]);
	return order != 0 ? order : COMPARE(a, b);
}

static void number_by_use(struct maker *m)
{
	const size_t count = m->ret->rules.count;
	if (count == 0)
		return;
	uint32_t *uses = base_alloc(count * sizeof(*uses)), *numbers = base_alloc(count * sizeof(*numbers));
	uint32_t *sets = base_alloc(count * sizeof(*sets));
	must(m->uses.ptr != NULL);
	memcpy(uses, m->uses.ptr, count * sizeof(*uses));
	for (uint32_t i = 0; i < count; i++)
		sets[i] = i;
	qsort_r(sets, count, sizeof(sets[0]), uses_order, uses);
	for (uint32_t i = 0; i < count; i++)
		numbers[sets[i]] = i;
	for (size_t i = 0; i < m->ret->name_count; i++)
		m->ret->names[i].set = numbers[m->ret->names[i].set];
	buf_add(&m->ret->by_use, sets, count * sizeof(sets[0]));
	free(sets);
	free(uses);
	free(numbers);
}

void sets_make(struct items *items, const struct buf *texts, const struct rules *rules, uint32_t *entries, struct sets *ret)
{
	const struct orders orders = {rules, texts};
	const size_t rule_count = rules_count(rules) + 1;
	struct maker m = {.items = items, .rules = rules, .entries = entries, .ret = ret};
	*ret = (struct sets){.names = NULL};
	items_sort(items, set_order, &orders);
	intern_init(&ret->rules);
	m.single = base_alloc(rule_count * sizeof(m.single[0]));
	m.seen = base_alloc(rule_count * sizeof(m.seen[0]));
	memset(m.single, 0xff, rule_count * sizeof(m.single[0]));
	ret->names = base_realloc_big(NULL, (items->count + 1) * sizeof(ret->names[0]));
	for (size_t i = 0, end; i < items->count; i = end) {
		for (end = i + 1; end < items->count && item_same_name(&items->ptr[i], &items->ptr[end]); end++)
			;
		uint32_t set = set_of(&m, i, end);
		use_set(&m, set);
		ret->names[ret->name_count++] = (struct index_name){.first = (uint32_t)i, .set = set};
	}
	number_by_use(&m);
	free(m.single);
	free(m.seen);
	buf_finish(&m.uses);
	buf_finish(&m.set);
}

void sets_finish(struct sets *sets)
{
	intern_finish(&sets->rules);
	buf_finish(&sets->by_use);
	free(sets->names);
	*sets = (struct sets){.names = NULL};
}
