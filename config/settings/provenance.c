/* SPDX-License-Identifier: BSD-2-Clause */
#include "settings/provenance.h"

#include <assert.h>
#include <stdio.h>

#include "settings/values.h"

enum kind { KIND_TEXT, KIND_CODE, KIND_SUB_ERROR, KIND_LANGUAGE, KIND_CONTACT, KIND_TIME };

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
    {"sub-error", KIND_SUB_ERROR, 0, 0},
    {"reference", KIND_TEXT, AT(reference), 0},
    {"contact", KIND_CONTACT, 0, 0},
    {"organization", KIND_TEXT, AT(organization), 0},
    {"language", KIND_LANGUAGE, AT(language), 0},
    {"added", KIND_TIME, AT(added), AT(added_s)},
    {"review", KIND_TIME, AT(review), AT(review_s)},
    {"expires", KIND_TIME, AT(expires), AT(expires_s)},
    /* from here on in lists only */
    {"lifted", KIND_TIME, AT(lifted), AT(lifted_s)},
    {"lifted-by", KIND_TEXT, AT(lifted_by), 0},
    {"lift-reason", KIND_TEXT, AT(lift_reason), 0},
    {"lift-reference", KIND_TEXT, AT(lift_reference), 0},
};
#define SETTINGS_ROWS 11

const char *const *provenance_keys(enum provenance_place place)
{
	static const char *const in_settings[] = {"authority",	  "reason",   "code",  "sub-error", "reference", "contact",
						  "organization", "language", "added", "review",    "expires",	 NULL};
	static const char *const in_list[] = {"authority",    "reason",	     "code",	       "sub-error", "reference", "contact",
					      "organization", "language",    "added",	       "review",    "expires",	 "lifted",
					      "lifted-by",    "lift-reason", "lift-reference", NULL};
	return place == PROVENANCE_IN_LIST ? in_list : in_settings;
}

const char *const require_words[] = {"authority", "reason", "code", "reference", "contact", "added", "review", "expires", NULL};

uint32_t provenance_missing(const struct provenance *p, uint32_t required)
{
	/* in the order of require_words */
	const bool said[] = {p->authority != NULL, p->reason != NULL, p->has_code,	 p->reference != NULL,
			     p->contact_count > 0, p->added != NULL,  p->review != NULL, p->expires != NULL};
	static_assert(ARRAY_LEN(said) == ARRAY_LEN(require_words) - 1, "a word for each");
	uint32_t missing = 0;
	for (size_t i = 0; i < ARRAY_LEN(said); i++)
		if ((required >> i & 1) != 0 && !said[i])
			missing |= UINT32_C(1) << i;
	return missing;
}

char *provenance_require_text(uint32_t bits, char *buf, size_t size)
{
	size_t len = 0;
	buf[0] = '\0';
	for (size_t i = 0; require_words[i] != NULL && len < size; i++)
		if ((bits >> i & 1) != 0)
			len += (size_t)snprintf(buf + len, size - len, "%s%s", len > 0 ? ", " : "", require_words[i]);
	return buf;
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
	case KIND_SUB_ERROR:
		if (!values_word(&v, row->key, member, sub_error_words, &word))
			return false;
		ret->sub_error = (enum sub_error)word;
		ret->has_sub_error = true;
		return true;
	case KIND_LANGUAGE:
		return values_language(&v, row->key, member, &ret->language);
	}
	return false;
}

bool provenance_codes_fit(const struct yaml_node *mapping, const enum code *code, const char *shown, struct err_list *errors)
{
	const struct yaml_node *said = yaml_get(mapping, "sub-error"), *coded = yaml_get(mapping, "code");
	int sub_error, own = coded == NULL || coded->kind != YAML_SCALAR ? -1 : terms_find(code_words, coded->text);
	if (said == NULL || said->kind != YAML_SCALAR || (sub_error = terms_find(sub_error_words, said->text)) < 0)
		return true; /* not said, or at fault already */
	if (own < 0 && code == NULL)
		return true;
	const enum code holds = own >= 0 ? (enum code)own : *code;
	if (terms_sub_error_fits((enum sub_error)sub_error, holds))
		return true;
	err_list_add_at(errors, shown, said->line, said->column, "'sub-error: %s' does not go with 'code: %s', %s",
			sub_error_words[sub_error], code_words[holds],
			holds == CODE_CENSORED ? "which takes none" : "which takes malware, phishing, spam and spyware alone");
	return false;
}
