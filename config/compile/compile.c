/* SPDX-License-Identifier: BSD-2-Clause */
#include "compile/compile.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/file.h"
#include "list/lifts.h"
#include "list/list.h"
#include "compile/compile_index.h"
#include "compile/compile_lifts.h"
#include "compile/compile_lists.h"
#include "compile/compile_require.h"
#include "compile/compile_extras.h"
#include "policy/pattern.h"

#define COUNTED_NAMES 1000000 /* more names than these are not all counted for the code's statistics */

/* What became of a class of the list that is being walked. */
struct class_state {
	bool known;
	bool special, is_regex; /* special: has no name; each entry has a rule of its own */
	bool allows;		/* or was lifted: names above it are told */
	uint32_t missing;	/* bits: what block.require asks for, and is not said */
	uint32_t rule;
	uint32_t below;
};

struct compiler {
	const struct compile_input *input;
	struct err_list *errors;
	struct rules rules;
	struct items items;
	struct extras extras;
	struct buf texts; /* struct index_text */
	struct image_parts parts;
	uint32_t counts[CODEC_LENGTHS_SIZE];
	size_t stride, walked; /* every stride-th name is counted */
	bool ok;
};

static bool is_compiled(const struct compile_input *input, size_t i)
{
	return input->settings->lists[i].mode != MODE_OFF && input->sources[i].segment != NULL &&
	       compile_tier(&input->settings->lists[i], &input->sources[i]) == input->tier;
}

static uint32_t text_of(struct compiler *c, const struct segment_entry *entry)
{
	if (entry->written.len == 0)
		return entry->line & ~INDEX_TEXT;
	const struct index_text text = {.line = entry->line, .string = rules_string_of(&c->rules, entry->written)};
	uint32_t number = (uint32_t)(c->texts.len / sizeof(text));
	buf_add(&c->texts, &text, sizeof(text));
	return number | INDEX_TEXT;
}

static void know_class(struct compiler *c, const struct rules_list *list, uint32_t number, struct class_state *ret)
{
	struct segment_class class;
	segment_class(list->segment, number, &class);
	ret->known = true;
	const enum match match = compile_entry_match(list->segment, &class, list->settings);
	ret->special = match > MATCH_SUBDOMAINS;
	ret->is_regex = match == MATCH_REGEX;
	ret->missing = require_missing(c->input->settings, list, &class, clock_wall_s());
	if (ret->special)
		return;
	ret->rule = rules_add(&c->rules, list, &class, IMAGE_NONE);
	ret->allows = rules_tell_above(rules_get(&c->rules, ret->rule));
	if (ret->allows) {
		ret->below = rules_add_below(&c->rules, ret->rule);
	} else if (rules_lifted(&c->rules, ret->rule)) {
		/* what was lifted is to be found, too: NXDOMAIN for a name above that is blocked by itself would deny it */
		ret->allows = true;
		ret->below = rules_add_lifted_below(&c->rules);
	}
}

static void add_name(struct compiler *c, const struct segment_entry *entry, const struct class_state *class)
{
	if (c->input->faults_only) {
		if (entry->written.len > 0)
			(void)rules_string_of(&c->rules, entry->written); /* for check_strings; else a name has no faults */
		return;
	}
	items_add(&c->items, (struct item){.hash = name_hash(entry->wire, entry->wire_len),
					   .wire = entry->wire,
					   .rule = class->rule,
					   .line = text_of(c, entry)});
	if (c->walked++ % c->stride == 0)
		codec_count(entry->wire, entry->wire_len, c->counts);
	if (UNLIKELY(class->allows)) {
		const uint8_t *record = rules_get(&c->rules, class->rule);
		/* a lifted entry says nothing for its own name */
		const bool itself = !rank_blocks(record[IMAGE_RULE_RANK]) && record[IMAGE_RULE_MATCH] != MATCH_EXACT;
		items_add_above(&c->items, entry->wire, entry->wire_len, itself, class->below);
	}
}

/* The length was the list reader's to see to; what pcre2 says of an imported one, the importer's. */
static bool regex_good(struct compiler *c, const struct rules_list *list, const struct segment_entry *entry)
{
	struct pattern *pattern = NULL;
	struct err err = {.code = ERR_NONE};
	if (entry->text.len > LIST_REGEX_LEN_MAX)
		(void)err_set(&err, ERR_LIMIT, "the regular expression is longer than %d bytes", LIST_REGEX_LEN_MAX);
	else if (pattern_compile(entry->text, &pattern, NULL, &err))
		pattern_destroy(pattern);
	if (err.code == ERR_NONE)
		return true;
	if (segment_format(list->segment) == FORMAT_YAML) {
		char *shown = list_shown(c->input->settings, list->settings);
		err_list_add_at(c->errors, shown, entry->line, entry->column, "%s", err.text);
		free(shown);
		c->ok = false;
	}
	return false;
}

static void walk_list(struct compiler *c, const struct rules_list *list)
{
	struct class_state *classes = base_alloc((segment_class_count(list->segment) + 1) * sizeof(classes[0]));
	struct segment_cursor cursor = {0};
	struct segment_entry entry;
	bool told = false;
	while (segment_next(list->segment, &cursor, &entry)) {
		struct class_state *class = &classes[entry.class];
		if (UNLIKELY(!class->known))
			know_class(c, list, entry.class, class);
		if (UNLIKELY(class->missing != 0)) {
			require_fault(c->input->settings, list, &entry, class->missing, &told, c->errors);
			c->ok = false;
		}
		if (LIKELY(!class->special))
			add_name(c, &entry, class);
		else if (!class->is_regex || regex_good(c, list, &entry))
			extras_add(&c->extras, list, &entry);
	}
	free(classes);
}

/* --- the whole --- */

static void add_list(struct compiler *c, size_t i, struct rules_list *list)
{
	const struct settings *s = c->input->settings;
	const struct settings_list *sl = &s->lists[i];
	*list = (struct rules_list){.settings = sl,
				    .segment = c->input->sources[i].segment,
				    .action = compile_list_action(c->input->sources[i].segment, sl),
				    .answer = sl->has_answer ? sl->answer : s->block_answer,
				    .number = (uint16_t)(c->parts.sections[IMAGE_LISTS].len / IMAGE_LIST_SIZE),
				    .order = (uint16_t)i};
	if (list->answer == ANSWER_ADDRESS && s->address_count == 0) {
		err_list_add_at(c->errors, s->path, sl->line, sl->column,
				"list '%s' answers with addresses, but block.addresses names none", sl->name);
		c->ok = false;
	}
	lists_add(&c->rules, list, &c->input->sources[i], &c->parts);
	walk_list(c, list);
}

static void add_addresses(struct compiler *c)
{
	const struct settings *s = c->input->settings;
	for (size_t i = 0; i < s->address_count; i++) {
		struct addr a = s->addresses[i];
		addr_unmap(&a);
		if (a.sa.sa_family == AF_INET)
			buf_add(&c->parts.sections[IMAGE_IPV4], &a.in.sin_addr, 4);
		else
			buf_add(&c->parts.sections[IMAGE_IPV6], &a.in6.sin6_addr, 16);
	}
}

/* Everything that is kept must be UTF-8: it is shown as JSON. The readers see to it; this holds whoever else fills a segment. */
static void check_strings(struct compiler *c)
{
	const struct intern *t = &c->rules.strings;
	for (uint32_t i = 0; i < t->count; i++) {
		char shown[128];
		if (str_is_utf8(intern_get(t, i)))
			continue;
		err_list_add_at(c->errors, c->input->settings->path, 0, 0, "a text is not UTF-8: %s",
				str_escape(intern_get(t, i), false, shown, sizeof(shown)));
		c->ok = false;
	}
}

static size_t count_entries(const struct compile_input *input)
{
	size_t entries = 0;
	for (size_t i = 0; i < input->settings->list_count; i++)
		entries += is_compiled(input, i) ? segment_entry_count(input->sources[i].segment) : 0;
	return entries;
}

static void read_lists(struct compiler *c)
{
	const size_t count = c->input->settings->list_count;
	struct rules_list *lists = base_alloc((count + 1) * sizeof(lists[0]));
	for (size_t i = 0; i < count; i++) {
		if (is_compiled(c->input, i))
			add_list(c, i, &lists[i]);
	}
	extras_write(&c->extras, &c->rules, &c->items, &c->parts);
	if (c->input->tier == IMAGE_LIVE && c->input->lifts != NULL && !c->input->faults_only)
		lifts_compile(c->input, &c->rules, &c->items, c->counts, &c->parts);
	free(lists);
}

static void fill_header(struct compiler *c)
{
	struct image_parts *p = &c->parts;
	p->tier = c->input->tier;
	p->compiled_at_s = c->input->now_s;
	p->generation = c->input->generation;
	p->ttl_s = c->input->settings->block_ttl_s;
	memcpy(p->settings_hash, c->input->settings_hash, sizeof(p->settings_hash));
	memcpy(p->bulk_hash, c->input->bulk_hash, sizeof(p->bulk_hash));
	if (c->input->lifts != NULL && p->tier == IMAGE_LIVE)
		memcpy(p->lifts_hash, c->input->lifts->hash, sizeof(p->lifts_hash));
	for (size_t rule = 0; rule < rules_count(&c->rules); rule++) {
		const uint8_t *record = rules_get(&c->rules, (uint32_t)rule);
		if (image_match_is_entry(record[IMAGE_RULE_MATCH]))
			p->ranks |= (uint8_t)(1u << (record[IMAGE_RULE_RANK] & ~IMAGE_SHADOW));
	}
}

static bool write_parts(struct compiler *c, struct buf *ret, struct err *err)
{
	bool ok = false;
	uint32_t *entries = base_alloc((rules_count(&c->rules) + 1) * sizeof(entries[0]));
	if (rules_full(&c->rules) || c->texts.len / sizeof(struct index_text) >= INDEX_TEXT || c->items.count >= IMAGE_NONE) {
		(void)err_set(err, ERR_LIMIT, "the lists hold more than a policy can");
	} else if (index_write(&c->items, &c->texts, c->counts, &c->rules, entries, &c->parts, err)) {
		extras_count(&c->parts, entries);
		lists_count(&c->rules, entries, &c->parts);
		lists_reviews(&c->rules, entries, &c->parts);
		items_finish(&c->items);
		fill_header(c);
		rules_write(&c->rules, &c->parts);
		image_write(&c->parts, ret);
		ok = true;
	}
	free(entries);
	return ok;
}

bool policy_compile(const struct compile_input *input, struct buf *ret, struct err_list *errors)
{
	const size_t entries = count_entries(input);
	struct err err = {.code = ERR_NONE};
	must(input->settings->list_count <= SETTINGS_LISTS_MAX);
	if (entries >= INDEX_TEXT) {
		err_list_add_at(errors, input->settings->path, 0, 0, "the lists hold %zu entries, more than a policy can", entries);
		return false;
	}
	struct compiler *c = base_alloc(sizeof(*c));
	*c = (struct compiler){.input = input, .errors = errors, .stride = entries / COUNTED_NAMES + 1, .ok = true};
	rules_init(&c->rules, input->settings);
	if (!input->faults_only)
		items_reserve(&c->items, entries + 1);
	extras_init(&c->extras);
	read_lists(c);
	add_addresses(c);
	check_strings(c);
	if (c->ok && !input->faults_only && !write_parts(c, ret, &err)) {
		err_list_add_at(errors, input->settings->path, 0, 0, "%s", err.text);
		c->ok = false;
	}
	bool ok = c->ok;
	extras_finish(&c->extras);
	items_finish(&c->items);
	rules_finish(&c->rules);
	buf_finish(&c->texts);
	image_parts_finish(&c->parts);
	free(c);
	return ok;
}
