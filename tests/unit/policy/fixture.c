/* SPDX-License-Identifier: BSD-2-Clause */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/image_read.h"
#include "compile/image_write.h"

#define TYPE_A 1

void fixture_init(struct fixture *f)
{
	memset(f, 0, sizeof(*f));
	f->settings.path = "saring.yaml";
	f->settings.lists = f->settings_lists;
	f->settings.block_answer = ANSWER_NXDOMAIN;
	f->settings.block_ttl_s = 10;
	f->generation = 1;
	f->now_s = NOW_S;
	f->scratch = policy_scratch_create();
}

void fixture_finish(struct fixture *f)
{
	policy_close(f->policy);
	policy_scratch_destroy(f->scratch);
	lifts_destroy(f->lifts);
	for (size_t i = 0; i < f->settings.list_count; i++)
		segment_destroy(f->sources[i].segment);
	buf_finish(&f->images[IMAGE_LIVE]);
	buf_finish(&f->images[IMAGE_BULK]);
	arena_finish(&f->arena);
}

int fixture_set_up(void **state)
{
	fixture_init(*state);
	return 0;
}

int fixture_tear_down(void **state)
{
	fixture_finish(*state);
	return 0;
}

/* --- lists --- */

static void import(struct fixture *f, size_t n, struct str text, bool bulk)
{
	const struct settings_list *sl = &f->settings_lists[n];
	const struct segment_settings said = {
	    .format = sl->format, .action = sl->has_action ? sl->action : ACTION_BLOCK, .may_allow = sl->may_allow};
	struct err_list errors = {NULL, 0, 0};
	struct source *source = &f->sources[n];
	source->segment = segment_import(text, &said, sl->file, sl->file_shown, &errors);
	err_list_print(&errors, stderr);
	assert_non_null(source->segment);
	assert_int_equal(errors.count, 0);
	err_list_finish(&errors);
	segment_key(text, &said, source->content_key);
	source->changed_at_s = NOW_S - 1000 - (int64_t)n;
	source->identity.device = 1;
	source->identity.inode = n + 1;
	source->identity.size = bulk ? COMPILE_LIVE_BYTES_MAX + 1 : text.len;
	source->identity.mtime_ns = source->identity.ctime_ns = source->changed_at_s * 1000000000;
}

size_t fixture_add(struct fixture *f, const struct fixture_list *list)
{
	size_t n = f->settings.list_count++;
	enum format format = list->format == FORMAT_AUTO ? FORMAT_YAML : list->format;
	const char *end = format == FORMAT_YAML ? "yaml" : "txt";
	assert_true(n < FIXTURE_LISTS_MAX);
	f->settings_lists[n] = (struct settings_list){.name = arena_strdup(&f->arena, list->name),
						      .file = arena_printf(&f->arena, "/nowhere/%s.%s", list->name, end),
						      .file_shown = arena_printf(&f->arena, "%s.%s", list->name, end),
						      .format = format,
						      .may_allow = list->may_allow,
						      .has_action = list->has_action,
						      .action = list->action,
						      .has_match = list->has_match,
						      .match = list->match,
						      .has_answer = list->has_answer,
						      .answer = list->answer,
						      .mandatory = list->mandatory,
						      .mode = list->mode,
						      .provenance = list->provenance,
						      .line = (uint32_t)n + 1,
						      .column = 5};
	if (list->mode != MODE_OFF)
		import(f, n, list->len > 0 ? (struct str){list->text, list->len} : str_from(list->text), list->bulk);
	return n;
}

/* One word of fixture_names and what follows it as an entry's line. */
static void add_word(struct buf *yaml, struct str word, const char *said)
{
	const char *match = "subtree", *key = "domain";
	if (word.len > 1 && word.ptr[0] == '/') {
		word = (struct str){word.ptr + 1, word.len - 2};
		key = "regex";
	} else if (word.ptr[0] == '=') {
		word = (struct str){word.ptr + 1, word.len - 1};
		match = "exact";
	} else if (str_starts(word, "*.")) {
		word = (struct str){word.ptr + 2, word.len - 2};
		match = "subdomains";
	}
	buf_printf(yaml, "  - {%s: '%.*s'", key, (int)word.len, word.ptr);
	if (key[0] == 'd')
		buf_printf(yaml, ", match: %s", match);
	buf_printf(yaml, "%s}\n", said);
}

size_t fixture_names(struct fixture *f, const char *name, enum action action, bool mandatory, enum mode mode, const char *names)
{
	struct buf yaml = {NULL, 0, 0};
	struct str rest = str_from(names);
	buf_add_c(&yaml, rest.len > 0 ? "entries:\n" : "entries: []\n");
	while (rest.len > 0) {
		struct str word = str_cut(&rest, ' ');
		char said[256] = "";
		if (word.len == 0)
			continue;
		while (rest.len > 0 && rest.ptr[0] == '!') {
			struct str value = str_cut(&rest, ' ');
			value = (struct str){value.ptr + 1, value.len - 1};
			struct str key = str_cut(&value, '=');
			size_t used = strlen(said);
			(void)snprintf(said + used, sizeof(said) - used, ", %.*s: %.*s", (int)key.len, key.ptr, (int)value.len,
				       value.ptr);
		}
		add_word(&yaml, word, said);
	}
	size_t n = fixture_add(
	    f, &(struct fixture_list){
		   .name = name, .text = yaml.ptr, .has_action = true, .action = action, .mandatory = mandatory, .mode = mode});
	buf_finish(&yaml);
	return n;
}

void fixture_policy(struct fixture *f, const struct fixture_list *lists, size_t count, int64_t now_s)
{
	for (size_t i = 0; i < count; i++)
		(void)fixture_add(f, &lists[i]);
	f->now_s = now_s;
	fixture_open(f);
}

/* --- images --- */

struct compile_input fixture_input(const struct fixture *f, enum image_tier tier)
{
	struct compile_input input = {.settings = &f->settings, .sources = f->sources, .tier = tier, .now_s = f->now_s};
	if (tier == IMAGE_LIVE) {
		input.generation = f->generation;
		input.lifts = f->lifts;
		memset(input.settings_hash, 0x5a, sizeof(input.settings_hash));
		if (f->images[IMAGE_BULK].len > 0)
			memcpy(input.bulk_hash, f->images[IMAGE_BULK].ptr + IMAGE_H_BODY_HASH, sizeof(input.bulk_hash));
	}
	return input;
}

void fixture_lifts(struct fixture *f, const char *lines)
{
	struct buf text = {NULL, 0, 0};
	struct err_list errors = {NULL, 0, 0};
	struct str rest = str_from(lines);
	buf_add_c(&text, rest.len > 0 ? "lifts:\n" : "lifts: []\n");
	while (rest.len > 0) {
		struct str line = str_cut(&rest, '\n'), list = str_cut(&line, ' '), name = str_cut(&line, ' '),
			   time = str_cut(&line, ' ');
		if (list.len == 0)
			continue;
		buf_printf(&text, "  - {list: %.*s, domain: '%.*s', lifted: %.*s, lifted-by: alice, action: %s}\n", (int)list.len,
			   list.ptr, (int)name.len, name.ptr, (int)time.len, time.ptr, str_eq_c(line, "allow") ? "allow" : "block");
	}
	lifts_destroy(f->lifts);
	f->lifts = lifts_parse(buf_str(&text), "lifts.yaml", &errors);
	err_list_print(&errors, stderr);
	assert_non_null(f->lifts);
	buf_finish(&text);
}

static void compile(struct fixture *f, enum image_tier tier)
{
	struct compile_input input = fixture_input(f, tier);
	struct err_list errors = {NULL, 0, 0};
	bool ok = policy_compile(&input, &f->images[tier], &errors);
	err_list_print(&errors, stderr);
	assert_true(ok);
	assert_int_equal(errors.count, 0);
	err_list_finish(&errors);
}

void fixture_compile(struct fixture *f)
{
	bool bulk = false;
	for (size_t i = 0; i < f->settings.list_count; i++)
		bulk |= f->settings_lists[i].mode != MODE_OFF && compile_tier(&f->settings_lists[i], &f->sources[i]) == IMAGE_BULK;
	buf_reset(&f->images[IMAGE_BULK]);
	buf_reset(&f->images[IMAGE_LIVE]);
	if (bulk)
		compile(f, IMAGE_BULK);
	compile(f, IMAGE_LIVE);
}

void fixture_open(struct fixture *f)
{
	struct err err = {.code = ERR_NONE};
	policy_close(f->policy);
	f->policy = NULL;
	fixture_compile(f);
	const struct buf *live = &f->images[IMAGE_LIVE], *bulk = &f->images[IMAGE_BULK];
	if (!policy_open_memory(live->ptr, live->len, bulk->len > 0 ? bulk->ptr : NULL, bulk->len, &f->policy, &err))
		fail_msg("%s", err.text);
}

/* --- questions --- */

struct name name_of(const char *text)
{
	struct name name;
	struct err err = {.code = ERR_NONE};
	if (!name_from_text(str_from(text), &name, &err))
		fail_msg("%s: %s", text, err.text);
	return name;
}

struct name name_of_wire(const char *wire, size_t len)
{
	uint8_t bytes[NAME_LEN_MAX] = {0};
	struct name name;
	assert_true(len < sizeof(bytes));
	memcpy(bytes, wire, len);
	assert_true(name_from_wire(bytes, len + 1, &name));
	return name;
}

static struct verdict ask(struct fixture *f, const struct policy_question *question, int64_t now_s)
{
	struct verdict v;
	bool decided = policy_match(f->policy, f->scratch, question, now_s, &v);
	assert_int_equal(decided, v.kind != VERDICT_NONE);
	return v;
}

struct verdict verdict_at(struct fixture *f, const struct name *name, int64_t now_s)
{
	return ask(f, &(struct policy_question){.name = name, .type = TYPE_A}, now_s);
}

struct verdict verdict_of(struct fixture *f, const char *name)
{
	struct name n = name_of(name);
	return verdict_at(f, &n, f->now_s);
}

/* Borrows from name and address. */
static struct policy_question question_of(const char *text, uint16_t type, const char *client, struct name *name,
					  struct addr *address)
{
	*name = name_of(text);
	if (client != NULL) {
		assert_true(addr_from_text(str_from(client), 0, address));
		addr_unmap(address);
	}
	return (struct policy_question){.name = name, .type = type == 0 ? TYPE_A : type, .client = client == NULL ? NULL : address};
}

struct verdict verdict_for(struct fixture *f, const char *name, uint16_t type, const char *client)
{
	struct name n;
	struct addr a;
	struct policy_question q = question_of(name, type, client, &n, &a);
	return ask(f, &q, f->now_s);
}

const char *decision_for(struct fixture *f, const char *name, uint16_t type, const char *client)
{
	static char text[256];
	struct name n;
	struct addr a;
	struct policy_hit hit;
	struct policy_question q = question_of(name, type, client, &n, &a);
	struct verdict v = ask(f, &q, f->now_s);
	size_t hits = policy_explain(f->policy, f->scratch, &q, f->now_s, &hit, 1);
	assert_int_equal(hits > 0 && hit.why_not == WHY_DECIDES, v.kind != VERDICT_NONE);
	if (v.kind == VERDICT_NONE)
		return v.shadowed ? "- +shadow" : "-";
	const struct policy_entry *e = &hit.entry;
	assert_int_equal(e->action, v.kind == VERDICT_BLOCKED ? ACTION_BLOCK : ACTION_ALLOW);
	assert_int_equal(e->mandatory, v.mandatory);
	(void)snprintf(text, sizeof(text), "%s %.*s:%u%s", v.kind == VERDICT_BLOCKED ? "block" : "allow", (int)e->file.len,
		       e->file.ptr, e->line, v.shadowed ? " +shadow" : "");
	return text;
}

const char *decision(struct fixture *f, const char *name)
{
	return decision_for(f, name, 0, NULL);
}

struct policy_answer answer_of(struct fixture *f, const char *name, int64_t now_s)
{
	struct name n = name_of(name);
	struct verdict v = verdict_at(f, &n, now_s);
	struct policy_answer a;
	assert_int_equal(v.kind, VERDICT_BLOCKED);
	policy_answer(f->policy, &v, &n, true, now_s, &a);
	return a;
}
