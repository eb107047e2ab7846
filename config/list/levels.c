/* SPDX-License-Identifier: BSD-2-Clause
 *
 * levels.c - the part of list.h that knows where provenance is said: in the entry, at the top of its file, under the list in
 * saring.yaml. What is nearer holds; of liftings, the earliest does. */
#include "list/list.h"

static const char *first_said(const char *a, const char *b, const char *c)
{
	return a != NULL ? a : b != NULL ? b : c;
}

static void take_time(const char *text, int64_t time_s, const char **ret_text, int64_t *ret_s)
{
	if (*ret_text == NULL && text != NULL) {
		*ret_text = text;
		*ret_s = time_s;
	}
}

struct provenance list_provenance(const struct provenance *entry, const struct provenance *file, const struct provenance *defaults)
{
	static const struct provenance nothing;
	const struct provenance *levels[] = {entry != NULL ? entry : &nothing, file != NULL ? file : &nothing,
					     defaults != NULL ? defaults : &nothing};
	struct provenance ret = {
	    .authority = first_said(levels[0]->authority, levels[1]->authority, levels[2]->authority),
	    .reason = first_said(levels[0]->reason, levels[1]->reason, levels[2]->reason),
	    .reference = first_said(levels[0]->reference, levels[1]->reference, levels[2]->reference),
	    .organization = first_said(levels[0]->organization, levels[1]->organization, levels[2]->organization),
	    .language = first_said(levels[0]->language, levels[1]->language, levels[2]->language),
	};
	for (size_t i = 0; i < ARRAY_LEN(levels) && ret.contact_count == 0; i++) {
		ret.contact = levels[i]->contact;
		ret.contact_count = levels[i]->contact_count;
	}
	for (size_t i = 0; i < ARRAY_LEN(levels) && !ret.has_code; i++) {
		ret.has_code = levels[i]->has_code;
		ret.code = levels[i]->code;
	}
	for (size_t i = 0; i < ARRAY_LEN(levels) && !ret.has_sub_error; i++) {
		ret.has_sub_error = levels[i]->has_sub_error;
		ret.sub_error = levels[i]->sub_error;
	}
	for (size_t i = 0; i < ARRAY_LEN(levels); i++) {
		take_time(levels[i]->added, levels[i]->added_s, &ret.added, &ret.added_s);
		take_time(levels[i]->review, levels[i]->review_s, &ret.review, &ret.review_s);
		take_time(levels[i]->expires, levels[i]->expires_s, &ret.expires, &ret.expires_s);
	}
	/* Whoever lifts first has lifted: an entry's later date does not bring back what the whole list gave up before. */
	for (size_t i = 0; i < ARRAY_LEN(levels); i++) {
		if (levels[i]->lifted != NULL && (ret.lifted == NULL || levels[i]->lifted_s < ret.lifted_s)) {
			ret.lifted = levels[i]->lifted;
			ret.lifted_s = levels[i]->lifted_s;
			ret.lifted_by = levels[i]->lifted_by;
			ret.lift_reason = levels[i]->lift_reason;
			ret.lift_reference = levels[i]->lift_reference;
		}
	}
	return ret;
}
