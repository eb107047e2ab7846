/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A YAML list, read by doc.c, as a segment: with each entry's place, its words and its own provenance. */
#include <string.h>

#include "import/segment_build.h"

static const char *text_copy(struct import *im, const char *text, const char *previous)
{
	if (text == NULL || (previous != NULL && strcmp(text, previous) == 0))
		return text == NULL ? NULL : previous;
	return arena_strdup(&im->segment->arena, text);
}

static const char *const *contact_copy(struct import *im, const struct provenance *said, const struct provenance *previous)
{
	bool same = previous->contact_count == said->contact_count;
	for (size_t i = 0; same && i < said->contact_count; i++)
		same = strcmp(said->contact[i], previous->contact[i]) == 0;
	if (same)
		return previous->contact;
	const char **ret = arena_alloc(&im->segment->arena, said->contact_count * sizeof(ret[0]));
	for (size_t i = 0; i < said->contact_count; i++)
		ret[i] = arena_strdup(&im->segment->arena, said->contact[i]);
	return ret;
}

void import_provenance_copy(struct import *im, const struct provenance *said, const struct provenance *previous,
			    struct provenance *ret)
{
	static const struct provenance nothing;
	if (previous == NULL)
		previous = &nothing;
	*ret = *said;
	ret->authority = text_copy(im, said->authority, previous->authority);
	ret->reason = text_copy(im, said->reason, previous->reason);
	ret->reference = text_copy(im, said->reference, previous->reference);
	ret->added = text_copy(im, said->added, previous->added);
	ret->review = text_copy(im, said->review, previous->review);
	ret->expires = text_copy(im, said->expires, previous->expires);
	ret->lifted = text_copy(im, said->lifted, previous->lifted);
	ret->lifted_by = text_copy(im, said->lifted_by, previous->lifted_by);
	ret->lift_reason = text_copy(im, said->lift_reason, previous->lift_reason);
	ret->lift_reference = text_copy(im, said->lift_reference, previous->lift_reference);
	ret->organization = text_copy(im, said->organization, previous->organization);
	ret->language = text_copy(im, said->language, previous->language);
	ret->contact = contact_copy(im, said, previous);
}

/* Neighbours share theirs by pointer (doc.c). */
void import_provenance(struct import *im, const struct provenance *said, uint32_t *ret)
{
	struct segment *s = im->segment;
	*ret = SEGMENT_NONE;
	if (said == NULL)
		return;
	if (said != im->last_provenance || s->provenance_count == 0) {
		if (s->provenance_count == im->provenance_cap) {
			im->provenance_cap = MAX((size_t)16, im->provenance_cap * 2);
			im->provenances = base_realloc(im->provenances, im->provenance_cap * sizeof(im->provenances[0]));
		}
		must(im->provenances != NULL); /* there is room for one more */
		const struct provenance *previous = s->provenance_count == 0 ? NULL : &im->provenances[s->provenance_count - 1];
		import_provenance_copy(im, said, previous, &im->provenances[s->provenance_count]);
		s->provenance_count++;
		im->last_provenance = said;
	}
	*ret = (uint32_t)(s->provenance_count - 1);
}

/* As it was written only where the name does not say the same. */
static struct str written(const struct list_entry *entry, const struct name *name)
{
	char text[NAME_TEXT_MAX];
	if (entry->name == NULL || strcmp(name_to_text(name, text), entry->text) == 0)
		return (struct str){NULL, 0};
	return str_from(entry->text);
}

void import_list(struct import *im, const struct list *list)
{
	struct segment *s = im->segment;
	s->title = arena_strdup(&s->arena, list->title);
	s->has_action = list->has_action;
	s->action = list->action;
	import_provenance_copy(im, &list->provenance, NULL, &s->defaults);
	for (size_t i = 0; i < list->entry_count; i++) {
		const struct list_entry *entry = &list->entries[i];
		struct name name = {0};
		struct import_rule rule = {.match = entry->match,
					   .has_match = entry->has_match,
					   .shadow = entry->mode == MODE_SHADOW,
					   .provenance = entry->provenance,
					   .line = entry->line,
					   .column = entry->column};
		if (entry->name != NULL) {
			must(name_from_wire(entry->name, entry->name_len, &name));
			rule.name = &name;
			rule.written = written(entry, &name);
		} else {
			rule.text = str_from(entry->text);
		}
		import_take(im, &rule);
	}
}
