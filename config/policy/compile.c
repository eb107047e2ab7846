/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/compile.h"

#include <stdlib.h>

#include "policy/extra_text.h"
#include "policy/rule.h"

struct compiler {
	const struct compile_input *input;
	struct err_list *errors;
	struct rules rules;
	struct intern provenance_seen; /* keys of what is in rules.provenance, same numbers */
	bool ok;
};

static uint32_t add_string(struct compiler *c, const char *text)
{
	return text == NULL ? IMAGE_NONE : intern_add(&c->rules.strings, text, strlen(text), NULL);
}

/* What holds for an entry, as one record; each different record is kept once. */
static uint32_t add_provenance(struct compiler *c, const struct provenance *merged, int64_t *ret_until_s)
{
	char extra[IMAGE_EXTRA_TEXT_MAX + 1];
	enum code code = merged->has_code ? merged->code : CODE_BLOCKED;
	int64_t expires_s = merged->expires == NULL ? IMAGE_FOREVER : merged->expires_s;
	int64_t lifted_s = merged->lifted == NULL ? IMAGE_FOREVER : merged->lifted_s;
	(void)extra_text_compose(code, c->input->settings->organization, merged->authority, merged->reason, merged->reference,
				 extra);
	uint8_t r[IMAGE_PROV_SIZE + 4 * IMAGE_CONTACTS_MAX] = {0};
	image_put_u32(r + IMAGE_PROV_AUTHORITY, add_string(c, merged->authority));
	image_put_u32(r + IMAGE_PROV_REASON, add_string(c, merged->reason));
	image_put_u32(r + IMAGE_PROV_REFERENCE, add_string(c, merged->reference));
	image_put_u32(r + IMAGE_PROV_ADDED, add_string(c, merged->added));
	image_put_u32(r + IMAGE_PROV_REVIEW, add_string(c, merged->review));
	image_put_u32(r + IMAGE_PROV_EXPIRES, add_string(c, merged->expires));
	image_put_u32(r + IMAGE_PROV_LIFTED, add_string(c, merged->lifted));
	image_put_u32(r + IMAGE_PROV_EXTRA_TEXT, add_string(c, extra[0] == '\0' ? NULL : extra));
	size_t contacts = MIN(merged->contact_count, (size_t)IMAGE_CONTACTS_MAX);
	image_put_u16(r + IMAGE_PROV_CONTACT_COUNT, (uint16_t)contacts);
	r[IMAGE_PROV_CODE] = (uint8_t)code;
	image_put_i64(r + IMAGE_PROV_EXPIRES_S, expires_s);
	image_put_i64(r + IMAGE_PROV_LIFTED_S, lifted_s);
	for (size_t i = 0; i < contacts; i++)
		image_put_u32(r + IMAGE_PROV_SIZE + 4 * i, add_string(c, merged->contact[i]));
	*ret_until_s = MIN(expires_s, lifted_s);

	bool is_new = false;
	uint32_t number = intern_add(&c->provenance_seen, r, IMAGE_PROV_SIZE + 4 * contacts, &is_new);
	if (is_new && !c->provenance_seen.full) {
		image_put_u32(r + IMAGE_PROV_CONTACT_FIRST, (uint32_t)(c->rules.contacts.len / 4));
		buf_add(&c->rules.contacts, r + IMAGE_PROV_SIZE, 4 * contacts);
		buf_add(&c->rules.provenance, r, IMAGE_PROV_SIZE);
	}
	return number;
}

static void check_pattern(struct compiler *c, const struct list *list, const struct list_entry *entry)
{
	struct pattern *pattern = NULL;
	struct err err = {.code = ERR_NONE};
	struct str text = str_from(entry->text);
	if (text.len > IMAGE_PATTERN_LEN_MAX)
		(void)err_set(&err, ERR_LIMIT, "the regular expression is longer than %d bytes", IMAGE_PATTERN_LEN_MAX);
	else if (pattern_compile(text, &pattern, NULL, &err))
		pattern_destroy(pattern);
	if (err.code != ERR_NONE) {
		err_list_add_at(c->errors, list->shown, entry->line, entry->column, "%s", err.text);
		c->ok = false;
	}
}

enum match compile_entry_match(const struct list_entry *entry, const struct settings_list *settings)
{
	if (entry->name == NULL)
		return MATCH_REGEX;
	if (entry->has_match)
		return entry->match;
	return settings->has_match ? settings->match : MATCH_SUBTREE;
}

enum action compile_list_action(const struct list *list, const struct settings_list *settings)
{
	if (settings->has_action)
		return settings->action;
	return list->has_action ? list->action : ACTION_BLOCK;
}

static void add_rules(struct compiler *c, const struct list *list, const struct settings_list *settings, uint16_t number)
{
	const struct provenance bare = list_provenance(NULL, &list->provenance, &settings->provenance);
	int64_t bare_until_s = 0;
	uint32_t bare_number = 0;
	bool have_bare = false;
	enum rank rank = rank_of(c->rules.lists[number].action, settings->mandatory);
	for (size_t i = 0; i < list->entry_count; i++) {
		const struct list_entry *entry = &list->entries[i];
		struct name name = {.labels = 0};
		struct rule *rule = &c->rules.items[c->rules.count];
		*rule = (struct rule){.text = add_string(c, entry->text),
				      .line = entry->line,
				      .column = entry->column,
				      .order = (uint32_t)c->rules.count,
				      .list = number,
				      .match = compile_entry_match(entry, settings),
				      .rank = rank,
				      .shadow = settings->mode == MODE_SHADOW};
		if (entry->name == NULL) {
			check_pattern(c, list, entry);
		} else {
			must(name_from_wire(entry->name, entry->name_len, &name)); /* list_load made it */
			rule->wire = entry->name;
			rule->name_len = entry->name_len;
			rule->labels = name.labels;
		}
		if (entry->provenance != NULL) {
			struct provenance merged = list_provenance(entry->provenance, &list->provenance, &settings->provenance);
			rule->provenance = add_provenance(c, &merged, &rule->until_s);
		} else {
			if (!have_bare)
				bare_number = add_provenance(c, &bare, &bare_until_s);
			have_bare = true;
			rule->provenance = bare_number;
			rule->until_s = bare_until_s;
		}
		c->rules.count++;
	}
}

static bool is_compiled(const struct compile_input *input, size_t i)
{
	return input->lists[i] != NULL && input->settings->lists[i].mode != MODE_OFF;
}

static void add_lists(struct compiler *c)
{
	const struct settings *s = c->input->settings;
	for (size_t i = 0; i < s->list_count; i++) {
		const struct settings_list *sl = &s->lists[i];
		const struct list *list = c->input->lists[i];
		if (!is_compiled(c->input, i))
			continue;
		struct rule_list *out = &c->rules.lists[c->rules.list_count];
		*out = (struct rule_list){.name = add_string(c, sl->name),
					  .file = add_string(c, sl->file_shown),
					  .title = add_string(c, list->title),
					  .action = compile_list_action(list, sl),
					  .mode = sl->mode,
					  .answer = sl->has_answer ? sl->answer : s->block_answer,
					  .mandatory = sl->mandatory,
					  .changed_at_s = c->input->changed_at_s == NULL ? 0 : c->input->changed_at_s[i]};
		if (out->answer == ANSWER_ADDRESS && s->address_count == 0) {
			err_list_add_at(c->errors, s->path, sl->line, sl->column,
					"list '%s' answers with addresses, but block.addresses names none", sl->name);
			c->ok = false;
		}
		add_rules(c, list, sl, (uint16_t)c->rules.list_count++);
	}
}

static void add_addresses(struct compiler *c)
{
	const struct settings *s = c->input->settings;
	for (size_t i = 0; i < s->address_count; i++) {
		struct addr a = s->addresses[i];
		addr_unmap(&a);
		if (a.sa.sa_family == AF_INET)
			buf_add(&c->rules.ipv4, &a.in.sin_addr, 4);
		else
			buf_add(&c->rules.ipv6, &a.in6.sin6_addr, 16);
	}
}

static void compiler_finish(struct compiler *c)
{
	free(c->rules.items);
	free(c->rules.lists);
	intern_finish(&c->rules.strings);
	intern_finish(&c->provenance_seen);
	buf_finish(&c->rules.provenance);
	buf_finish(&c->rules.contacts);
	buf_finish(&c->rules.ipv4);
	buf_finish(&c->rules.ipv6);
}

/* Everything that is kept must be UTF-8: it is shown as JSON. The YAML reader sees to it; this holds whoever else fills a list. */
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

bool policy_compile(const struct compile_input *input, struct buf *ret, struct err_list *errors)
{
	struct compiler c = {.input = input, .errors = errors, .ok = true};
	size_t entries = 0;
	for (size_t i = 0; i < input->settings->list_count; i++)
		entries += is_compiled(input, i) ? input->lists[i]->entry_count : 0;
	must(input->settings->list_count <= SETTINGS_LISTS_MAX);
	if (entries >= IMAGE_NONE) {
		err_list_add_at(errors, input->settings->path, 0, 0, "the lists hold %zu entries, more than a policy can", entries);
		return false;
	}
	c.rules.items = base_alloc((entries + 1) * sizeof(c.rules.items[0]));
	c.rules.lists = base_alloc((input->settings->list_count + 1) * sizeof(c.rules.lists[0]));
	c.rules.ttl_s = input->settings->block_ttl_s;
	c.rules.generation = input->generation;
	c.rules.now_s = input->now_s;
	intern_init(&c.rules.strings);
	intern_init(&c.provenance_seen);
	add_lists(&c);
	add_addresses(&c);
	check_strings(&c);
	struct err err = {.code = ERR_NONE};
	if (c.rules.strings.full || c.provenance_seen.full) {
		err_list_add_at(errors, input->settings->path, 0, 0, "the lists hold more text than a policy can");
		c.ok = false;
	} else if (c.ok && !image_write(&c.rules, ret, &err)) {
		err_list_add(errors, &err);
		c.ok = false;
	}
	compiler_finish(&c);
	return c.ok;
}
