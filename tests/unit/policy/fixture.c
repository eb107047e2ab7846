/* SPDX-License-Identifier: BSD-2-Clause */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
	buf_finish(&f->image);
	arena_finish(&f->arena);
}

size_t fixture_list(struct fixture *f, const char *name, enum action action, bool mandatory, enum mode mode)
{
	size_t n = f->settings.list_count++;
	assert_true(n < FIXTURE_LISTS_MAX);
	f->settings_lists[n] = (struct settings_list){.name = name,
						      .file = arena_printf(&f->arena, "/nowhere/%s.yaml", name),
						      .file_shown = arena_printf(&f->arena, "%s.yaml", name),
						      .has_action = true,
						      .action = action,
						      .mandatory = mandatory,
						      .mode = mode,
						      .line = (uint32_t)n + 1,
						      .column = 5};
	f->lists[n] =
	    (struct list){.path = f->settings_lists[n].file, .shown = f->settings_lists[n].file_shown, .entries = f->entries[n]};
	f->list_pointers[n] = mode == MODE_OFF ? NULL : &f->lists[n];
	f->changed_at_s[n] = NOW_S - 1000 - (int64_t)n;
	return n;
}

struct list_entry *fixture_entry(struct fixture *f, size_t list, const char *text, enum match match)
{
	struct list *l = &f->lists[list];
	assert_true(l->entry_count < FIXTURE_ENTRIES_MAX);
	struct list_entry *e = &f->entries[list][l->entry_count++];
	*e = (struct list_entry){.text = text, .match = match, .has_match = true, .line = (uint32_t)l->entry_count, .column = 5};
	if (match != MATCH_REGEX) {
		struct name name = name_of(text);
		uint8_t *wire = arena_alloc(&f->arena, name.len);
		memcpy(wire, name.wire, name.len);
		e->name = wire;
		e->name_len = name.len;
	}
	return e;
}

struct provenance *fixture_provenance(struct fixture *f, struct list_entry *entry)
{
	struct provenance *p = arena_alloc(&f->arena, sizeof(*p));
	if (entry->provenance != NULL)
		*p = *entry->provenance;
	entry->provenance = p;
	return p;
}

void fixture_expires(struct fixture *f, struct list_entry *entry, int64_t at_s)
{
	struct provenance *p = fixture_provenance(f, entry);
	p->expires = arena_printf(&f->arena, "expires %lld", (long long)at_s);
	p->expires_s = at_s;
}

void fixture_lifted(struct fixture *f, struct list_entry *entry, int64_t at_s)
{
	struct provenance *p = fixture_provenance(f, entry);
	p->lifted = arena_printf(&f->arena, "lifted %lld", (long long)at_s);
	p->lifted_s = at_s;
}

struct compile_input fixture_input(const struct fixture *f)
{
	return (struct compile_input){.settings = &f->settings,
				      .lists = f->list_pointers,
				      .changed_at_s = f->changed_at_s,
				      .generation = f->generation,
				      .now_s = f->now_s};
}

void fixture_compile(struct fixture *f)
{
	struct compile_input input = fixture_input(f);
	struct err_list errors = {NULL, 0, 0};
	buf_reset(&f->image);
	bool ok = policy_compile(&input, &f->image, &errors);
	err_list_print(&errors, stderr);
	assert_true(ok);
	assert_int_equal(errors.count, 0);
	err_list_finish(&errors);
}

void fixture_open(struct fixture *f)
{
	struct err err = {.code = ERR_NONE};
	policy_close(f->policy);
	f->policy = NULL;
	fixture_compile(f);
	if (!policy_open_memory(f->image.ptr, f->image.len, &f->policy, &err))
		fail_msg("%s", err.text);
}

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

struct verdict verdict_at(struct fixture *f, const struct name *name, int64_t now_s)
{
	struct verdict v;
	bool decided = policy_match(f->policy, f->scratch, name, now_s, &v);
	assert_int_equal(decided, v.kind != VERDICT_NONE);
	return v;
}

struct verdict verdict_of(struct fixture *f, const char *name)
{
	struct name n = name_of(name);
	return verdict_at(f, &n, f->now_s);
}

const char *decision(struct fixture *f, const char *name)
{
	static char text[256];
	struct verdict v = verdict_of(f, name);
	struct policy_entry e;
	if (v.kind == VERDICT_NONE)
		return v.shadowed ? "- +shadow" : "-";
	policy_entry(f->policy, v.entry, &e);
	assert_int_equal(e.action, v.kind == VERDICT_BLOCKED ? ACTION_BLOCK : ACTION_ALLOW);
	assert_int_equal(e.mandatory, v.mandatory);
	(void)snprintf(text, sizeof(text), "%s %.*s:%u%s", v.kind == VERDICT_BLOCKED ? "block" : "allow", (int)e.file.len,
		       e.file.ptr, e.line, v.shadowed ? " +shadow" : "");
	return text;
}

struct policy_answer answer_of(struct fixture *f, const char *name, int64_t now_s)
{
	struct name n = name_of(name);
	struct verdict v = verdict_at(f, &n, now_s);
	struct policy_answer a;
	assert_int_equal(v.kind, VERDICT_BLOCKED);
	policy_answer(f->policy, &v, &n, now_s, &a);
	return a;
}
