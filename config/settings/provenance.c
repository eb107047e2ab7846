/* SPDX-License-Identifier: BSD-2-Clause */
#include "settings/provenance.h"

#include "settings/values.h"

enum kind { KIND_TEXT, KIND_CODE, KIND_CONTACT, KIND_TIME };

struct row {
	const char *key;
	enum kind kind;
	size_t at;   /* the text */
	size_t at_s; /* the time */
};

#define AT(field) offsetof(struct provenance, field)
static const struct row rows[] = {
    {"authority", KIND_TEXT, AT(authority), 0},
    {"reason", KIND_TEXT, AT(reason), 0},
    {"code", KIND_CODE, 0, 0},
    {"reference", KIND_TEXT, AT(reference), 0},
    {"contact", KIND_CONTACT, 0, 0},
    {"added", KIND_TIME, AT(added), AT(added_s)},
    {"review", KIND_TIME, AT(review), AT(review_s)},
    {"expires", KIND_TIME, AT(expires), AT(expires_s)},
    /* from here on in lists only */
    {"lifted", KIND_TIME, AT(lifted), AT(lifted_s)},
    {"lifted-by", KIND_TEXT, AT(lifted_by), 0},
    {"lift-reason", KIND_TEXT, AT(lift_reason), 0},
    {"lift-reference", KIND_TEXT, AT(lift_reference), 0},
};
#define SETTINGS_ROWS 8

const char *const *provenance_keys(enum provenance_place place)
{
	static const char *const in_settings[] = {"authority", "reason", "code",    "reference", "contact",
						  "added",     "review", "expires", NULL};
	static const char *const in_list[] = {"authority", "reason",  "code",	"reference",   "contact", "added",
					      "review",	   "expires", "lifted", "lifted-by", "lift-reason", "lift-reference", NULL};
	return place == PROVENANCE_IN_LIST ? in_list : in_settings;
}

static const struct row *find_row(enum provenance_place place, struct str key)
{
	size_t count = place == PROVENANCE_IN_LIST ? ARRAY_LEN(rows) : SETTINGS_ROWS;
	for (size_t i = 0; i < count; i++) {
		if (str_eq_c(key, rows[i].key))
			return &rows[i];
	}
	return NULL;
}

bool provenance_bind(const struct yaml_node *member, enum provenance_place place, const char *shown, struct arena *arena,
		     struct provenance *ret, struct err_list *errors, bool *ret_known)
{
	const struct row *row = find_row(place, member->key->text);
	*ret_known = row != NULL;
	if (row == NULL)
		return true;
	struct values v = {.shown = shown, .arena = arena, .errors = errors};
	int word = 0;
	switch (row->kind) {
	case KIND_TEXT:
		return values_text(&v, row->key, member, PROVENANCE_TEXT_MAX, (const char **)((char *)ret + row->at));
	case KIND_TIME:
		return values_time(&v, row->key, member, (const char **)((char *)ret + row->at),
				   (int64_t *)((char *)ret + row->at_s));
	case KIND_CONTACT:
		return values_texts(&v, row->key, member, PROVENANCE_CONTACT_MAX, PROVENANCE_TEXT_MAX, &ret->contact,
				    &ret->contact_count);
	case KIND_CODE:
		if (!values_word(&v, row->key, member, code_words, &word))
			return false;
		ret->code = (enum code)word;
		ret->has_code = true;
		return true;
	}
	return false;
}
