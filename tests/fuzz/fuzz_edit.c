/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Any list edited: what comes out parses, and differs from what went in by exactly the entry meant. The first byte says which edit,
 * the second which entry; the rest is the list. */
#include "list/edit_text.h"

#include <string.h>

#define TODAY_S 1795392000 /* 2026-11-23 */

static bool same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool same_provenance(const struct provenance *a, const struct provenance *b)
{
	static const struct provenance nothing;
	a = a != NULL ? a : &nothing;
	b = b != NULL ? b : &nothing;
	for (size_t i = 0; i < a->contact_count && i < b->contact_count; i++) {
		if (!same_text(a->contact[i], b->contact[i]))
			return false;
	}
	return a->contact_count == b->contact_count && a->has_code == b->has_code && a->code == b->code &&
	       same_text(a->authority, b->authority) && same_text(a->reason, b->reason) && same_text(a->reference, b->reference) &&
	       same_text(a->added, b->added) && same_text(a->review, b->review) && same_text(a->expires, b->expires) &&
	       same_text(a->lifted, b->lifted) && same_text(a->lift_reason, b->lift_reason);
}

static bool same_subject(const struct list_entry *a, const struct list_entry *b)
{
	if ((a->match == MATCH_REGEX) != (b->match == MATCH_REGEX))
		return false;
	if (a->match == MATCH_REGEX)
		return strcmp(a->text, b->text) == 0;
	return a->name_len == b->name_len && memcmp(a->name, b->name, a->name_len) == 0;
}

static bool same_entry(const struct list_entry *a, const struct list_entry *b)
{
	return same_subject(a, b) && a->match == b->match && a->has_match == b->has_match && strcmp(a->text, b->text) == 0 &&
	       same_provenance(a->provenance, b->provenance);
}

static bool is_lifted(const struct list_entry *entry)
{
	return entry->provenance != NULL && entry->provenance->lifted != NULL && entry->provenance->lifted_s <= TODAY_S;
}

/* Text that is both a name and an expression of the list means the name. */
static const struct list_entry *meant(const struct list *list, const struct list_entry *entry)
{
	struct name name;
	if (entry == NULL || entry->match != MATCH_REGEX || !name_from_text(str_from(entry->text), &name, NULL))
		return entry;
	for (size_t i = 0; i < list->entry_count; i++) {
		const struct list_entry *other = &list->entries[i];
		if (other->match != MATCH_REGEX && other->name_len == name.len && memcmp(other->name, name.wire, name.len) == 0)
			return other;
	}
	return entry;
}

static void check_head(const struct list *before, const struct list *after)
{
	must(same_text(before->title, after->title) && before->has_action == after->has_action && before->action == after->action);
	must(same_provenance(&before->provenance, &after->provenance));
}

static struct list *reparse(const struct buf *text)
{
	struct err_list errors = {0};
	struct list *list = list_parse(buf_str(text), "l", "l", &errors);
	must(list != NULL);
	return list;
}

static void fuzz_add(struct str text, const struct list *before, const char *name, struct buf *out)
{
	struct edit_entry entry = {.name = name, .reason = "it's: so"};
	struct edit_result result;
	struct err err = {0};
	if (!edit_text_add(text, "l", &entry, 1, TODAY_S, &result, out, &err)) {
		must(err.code == ERR_INTERNAL && out->len == 0);
		return;
	}
	struct list *after = reparse(out);
	size_t changed = 0, grown = after->entry_count - before->entry_count;
	check_head(before, after);
	must(after->entry_count >= before->entry_count && grown <= 1);
	for (size_t i = 0; i < before->entry_count; i++) {
		bool same = same_entry(&before->entries[i], &after->entries[i]);
		must(same || (after->entries[i].line == result.line && same_subject(&before->entries[i], &after->entries[i]) &&
			      !is_lifted(&after->entries[i]) && same_text(after->entries[i].provenance->added, "2026-11-23")));
		changed += !same;
	}
	if (grown == 1)
		must(same_text(after->entries[before->entry_count].provenance->reason, "it's: so"));
	must(result.outcome == EDIT_DONE ? changed + grown <= 1 : str_eq(text, buf_str(out)) || out->len == 0);
	list_destroy(after);
}

static void fuzz_remove(struct str text, const struct list *before, const char *name, const struct list_entry *gone,
			struct buf *out)
{
	struct edit_result result;
	struct err err = {0};
	size_t at = 0;
	if (!edit_text_remove(text, "l", &name, 1, &result, out, &err)) {
		must(err.code == ERR_INTERNAL && out->len == 0);
		return;
	}
	struct list *after = reparse(out);
	check_head(before, after);
	for (size_t i = 0; i < before->entry_count; i++) {
		if (!same_subject(&before->entries[i], gone)) {
			must(at < after->entry_count && same_entry(&before->entries[i], &after->entries[at]));
			at++;
		}
	}
	must(at == after->entry_count && result.outcome == EDIT_DONE);
	list_destroy(after);
}

static void fuzz_lift(struct str text, const struct list *before, const char *name, const struct list_entry *lifted,
		      struct buf *out)
{
	struct edit_result result;
	struct err err = {0};
	if (!edit_text_lift(text, "l", &name, 1, NULL, TODAY_S, &result, out, &err)) {
		must(err.code == ERR_INTERNAL && out->len == 0);
		return;
	}
	struct list *after = reparse(out);
	check_head(before, after);
	must(before->entry_count == after->entry_count);
	for (size_t i = 0; i < before->entry_count; i++) {
		const struct list_entry *a = &before->entries[i], *b = &after->entries[i];
		if (!same_subject(a, lifted) || is_lifted(a)) {
			must(same_entry(a, b));
			continue;
		}
		struct provenance expected = a->provenance != NULL ? *a->provenance : (struct provenance){0};
		expected.lifted = "2026-11-23";
		must(same_subject(a, b) && same_provenance(&expected, b->provenance));
	}
	list_destroy(after);
}

static void fuzz_lift_all(struct str text, const struct list *before, struct buf *out)
{
	struct err err = {0};
	if (!edit_text_lift(text, "l", NULL, 0, NULL, TODAY_S, NULL, out, &err)) {
		must(err.code == ERR_INTERNAL && out->len == 0);
		return;
	}
	struct list *after = reparse(out);
	must(after->provenance.lifted != NULL && after->provenance.lifted_s <= TODAY_S);
	must(before->entry_count == after->entry_count);
	for (size_t i = 0; i < before->entry_count; i++)
		must(same_entry(&before->entries[i], &after->entries[i]));
	list_destroy(after);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	struct str text = {(const char *)data + 2, size - 2};
	struct err_list errors = {0};
	struct buf out = {0};
	struct list *list = list_parse(text, "l", "l", &errors);
	const struct list_entry *entry = list != NULL && list->entry_count > 0 ? &list->entries[data[1] % list->entry_count] : NULL;
	if (list != NULL && data[0] % 4 == 0)
		fuzz_add(text, list, entry != NULL && entry->match != MATCH_REGEX && data[1] >= 128 ? entry->text : "new.example",
			 &out);
	else if (list != NULL && data[0] % 4 == 1)
		fuzz_lift_all(text, list, &out);
	else if (entry != NULL && data[0] % 4 == 2)
		fuzz_remove(text, list, entry->text, meant(list, entry), &out);
	else if (entry != NULL)
		fuzz_lift(text, list, entry->text, meant(list, entry), &out);
	list_destroy(list);
	err_list_finish(&errors);
	buf_finish(&out);
	return 0;
}
