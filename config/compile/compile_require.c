/* SPDX-License-Identifier: BSD-2-Clause */
#include "compile/compile_require.h"

#include <stdlib.h>

#include "list/list.h"
#include "settings/provenance.h"

#define WORDS_MAX 128
#define SHOWN_MAX 128

uint32_t require_missing(const struct settings *settings, const struct rules_list *list, const struct segment_class *class,
			 int64_t now_s)
{
	struct provenance own = {.authority = NULL};
	if (settings->require == 0 || rules_action(list, class) != ACTION_BLOCK)
		return 0;
	if (class->provenance != SEGMENT_NONE)
		segment_provenance(list->segment, class->provenance, &own);
	const struct provenance all = list_provenance(class->provenance != SEGMENT_NONE ? &own : NULL,
						      segment_defaults(list->segment), &list->settings->provenance);
	if (all.lifted != NULL && all.lifted_s <= now_s)
		return 0;
	return provenance_missing(&all, settings->require);
}

static const char *shown_entry(const struct segment_entry *entry, char buf[SHOWN_MAX])
{
	struct name name;
	char text[NAME_TEXT_MAX];
	if (entry->written.len > 0)
		return str_escape(entry->written, true, buf, SHOWN_MAX);
	if (entry->wire == NULL || !name_from_wire(entry->wire, entry->wire_len, &name))
		return str_escape(entry->text, true, buf, SHOWN_MAX);
	return str_escape(str_from(name_to_text(&name, text)), true, buf, SHOWN_MAX);
}

void require_fault(const struct settings *settings, const struct rules_list *list, const struct segment_entry *entry,
		   uint32_t missing, bool *told, struct err_list *errors)
{
	static const struct err one_more = {.code = ERR_INPUT};
	char words[WORDS_MAX], entry_shown[SHOWN_MAX];
	if (segment_format(list->segment) != FORMAT_YAML) {
		if (!*told)
			err_list_add_at(
			    errors, settings->path, list->settings->line, list->settings->column,
			    "list '%s' does not say %s, as block.require asks of what blocks: its format has no words for "
			    "it, so that it is to be said here",
			    list->settings->name, provenance_require_text(missing, words, sizeof(words)));
		*told = true;
		return;
	}
	if (err_list_is_full(errors)) { /* counted only: there may be millions */
		err_list_add(errors, &one_more);
		return;
	}
	char *shown = list_shown(settings, list->settings);
	err_list_add_at(errors, shown, entry->line, entry->column, "'%s' does not say %s, as block.require asks of what blocks",
			shown_entry(entry, entry_shown), provenance_require_text(missing, words, sizeof(words)));
	free(shown);
}
