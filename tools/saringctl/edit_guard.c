/* SPDX-License-Identifier: BSD-2-Clause */
#include "saringctl/edit_guard.h"

#include "base/clock.h"
#include "base/str.h"
#include "compile/guard.h"
#include "list/doc.h"
#include "settings/provenance.h"

#include <string.h>

#define WORDS_MAX 160
#define NOTES_MAX 20 /* so many refused entries of an import are named */

/* ---- too broad, or protected ---- */

static bool is_unwise(const struct edit *e, const struct guard *guard, const char *text, enum match match, bool suffixes)
{
	struct guard_finding finding = {.kind = GUARD_NOTHING};
	struct name name;
	char why[GUARD_TEXT_MAX];
	if (!list_name_from_text(str_from(text), &name, NULL))
		return false; /* an expression; `check` tries those */
	if (suffixes && match != MATCH_EXACT)
		finding.kind = guard_broad(&name, match);
	if (finding.kind == GUARD_NOTHING && !guard_kept(guard, name.wire, name.len, match, &finding))
		return false;
	output_note(&e->ctx->out, "%s; use --force if that is meant", guard_text(&finding, text, match, why));
	return true;
}

/* ---- what block.require asks for ---- */

static struct provenance said_provenance(const struct edit_entry *entry)
{
	struct provenance p = {.reason = entry->reason,
			       .authority = entry->authority,
			       .reference = entry->reference,
			       .contact = entry->contact,
			       .contact_count = entry->contact_count,
			       .review = entry->review,
			       .expires = entry->expires,
			       .added = "today"}; /* it is stamped so */
	return p;
}

static uint32_t missing_of(const struct edit *e, const struct edit_entry *entry, const struct provenance *file)
{
	static const struct provenance nothing;
	const struct provenance own = said_provenance(entry);
	const struct provenance all = list_provenance(&own, file != NULL ? file : &nothing, &e->list->provenance);
	return provenance_missing(&all, e->ctx->settings->require);
}

/* What an entry that stands there already says of itself, which stays: all but an expiry that has passed. */
static uint32_t still_missing(const struct list *list, const char *text, uint32_t missing)
{
	struct name name;
	if (list == NULL || !list_name_from_text(str_from(text), &name, NULL))
		return missing;
	for (size_t i = 0; i < list->entry_count && missing != 0; i++) {
		const struct list_entry *entry = &list->entries[i];
		if (entry->name == NULL || entry->provenance == NULL || entry->name_len != name.len ||
		    memcmp(entry->name, name.wire, name.len) != 0)
			continue;
		struct provenance p = *entry->provenance;
		if (p.expires != NULL && p.expires_s <= clock_wall_s())
			p.expires = NULL;
		missing = provenance_missing(&p, missing);
	}
	return missing;
}

/* "--authority, --expires, and code at the top of the list's file or in saring.yaml" */
static void options_of(uint32_t missing, char *buf, size_t size)
{
	size_t len = 0;
	bool code = false;
	buf[0] = '\0';
	for (size_t i = 0; require_words[i] != NULL && len < size; i++) {
		if ((missing >> i & 1) == 0)
			continue;
		if (strcmp(require_words[i], "code") == 0)
			code = true;
		else
			len += (size_t)snprintf(buf + len, size - len, "%s--%s", len > 0 ? ", " : "", require_words[i]);
	}
	if (code && len < size)
		(void)snprintf(buf + len, size - len, "%s'code' at the top of the list's file, or in saring.yaml",
			       len > 0 ? ", and " : "");
}

static void note_missing(const struct edit *e, const char *text, uint32_t missing)
{
	char words[WORDS_MAX], options[WORDS_MAX];
	options_of(missing, options, sizeof(options));
	output_note(&e->ctx->out, "%s: block.require asks for %s; what is missing: %s", text,
		    provenance_require_text(missing, words, sizeof(words)), options);
}

/* ---- the verbs ---- */

bool edit_guard_names(const struct edit *e, const struct list *list, enum action action, size_t *ret_bad)
{
	const struct invocation *in = e->ctx->in;
	const enum match match = in->has_match ? in->match : e->list->has_match ? e->list->match : MATCH_SUBTREE;
	const struct edit_entry entry = {.reason = in->reason,
					 .authority = in->authority,
					 .reference = in->reference,
					 .review = in->review[0] != '\0' ? in->review : NULL,
					 .expires = in->expires[0] != '\0' ? in->expires : NULL,
					 .contact = in->contact,
					 .contact_count = in->contact_count};
	struct guard *guard = guard_create(e->ctx->settings);
	const uint32_t missing = action == ACTION_BLOCK ? missing_of(e, &entry, list != NULL ? &list->provenance : NULL) : 0;
	size_t bad = 0;
	for (size_t i = 1; i < in->operand_count && action == ACTION_BLOCK; i++) {
		const char *text = in->operands[i];
		const uint32_t lacks = missing == 0 ? 0 : still_missing(list, text, missing);
		if (lacks != 0)
			note_missing(e, text, lacks);
		const bool unwise = !in->force && is_unwise(e, guard, text, match, true);
		bad += lacks != 0 || unwise;
	}
	guard_destroy(guard);
	*ret_bad = bad;
	return bad == 0;
}

bool edit_guard_entries(const struct edit *e, const struct edit_entry *entries, size_t count, const struct provenance *defaults,
			enum action action, size_t *ret_bad)
{
	struct guard *guard = guard_create(e->ctx->settings);
	size_t bad = 0;
	for (size_t i = 0; i < count && action == ACTION_BLOCK; i++) {
		const struct edit_entry *entry = &entries[i];
		const uint32_t lacks = missing_of(e, entry, defaults);
		struct guard_finding finding;
		struct name name;
		const bool kept = !e->ctx->in->force && !entry->is_regex &&
				  list_name_from_text(str_from(entry->name), &name, NULL) &&
				  guard_kept(guard, name.wire, name.len, entry->match, &finding);
		if (lacks == 0 && !kept)
			continue;
		if (bad < NOTES_MAX && lacks != 0)
			note_missing(e, entry->name, lacks);
		if (bad < NOTES_MAX && kept)
			(void)is_unwise(e, guard, entry->name, entry->match, false);
		bad++;
	}
	if (bad > NOTES_MAX)
		output_note(&e->ctx->out, "... and %zu more", bad - NOTES_MAX);
	guard_destroy(guard);
	*ret_bad = bad;
	return bad == 0;
}
