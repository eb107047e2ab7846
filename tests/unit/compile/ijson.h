/* SPDX-License-Identifier: BSD-2-Clause
 *
 * ijson.h - is a text the object of a structured DNS error, as its readers must be able to rely on? For unit tests and fuzzing;
 * jansson is the other opinion on what JSON is. */
#ifndef SARING_TEST_COMPILE_IJSON_H
#define SARING_TEST_COMPILE_IJSON_H

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"

/* RFC 7493 §2.1: UTF-8, and no code point that is a noncharacter; the reader refuses surrogates. Nothing that steers either. */
static inline const char *ijson_text_fault(struct str text)
{
	while (text.len > 0) {
		uint32_t c = 0;
		size_t len = str_utf8_first(text, &c);
		if (len == 0)
			return "not UTF-8";
		if (str_is_hidden(c))
			return "a character that steers, or is none";
		text = (struct str){text.ptr + len, text.len - len};
	}
	return NULL;
}

static inline const char *ijson_member_fault(const char *name, const json_t *value)
{
	if (strcmp(name, "c") == 0) {
		for (size_t i = 0; i < json_array_size(value); i++) {
			const char *uri = json_string_value(json_array_get(value, i));
			if (uri == NULL || (strncasecmp(uri, "mailto:", 7) != 0 && strncasecmp(uri, "tel:", 4) != 0))
				return "a contact of another scheme";
		}
		return json_array_size(value) == 0 ? "contacts that are none" : NULL;
	}
	if (strcmp(name, "s") == 0)
		return json_is_integer(value) && json_integer_value(value) >= 1 && json_integer_value(value) <= 255
			   ? NULL
			   : "a bad sub-error";
	if (strcmp(name, "j") == 0 || strcmp(name, "o") == 0 || strcmp(name, "l") == 0)
		return json_is_string(value) && json_string_length(value) > 0 ? NULL : "an empty text";
	return "a name of none of ours";
}

/* NULL: it is. */
static inline const char *ijson_fault(struct str text)
{
	json_error_t error;
	json_t *value;
	const char *name, *fault = ijson_text_fault(text);
	json_t *object = json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES, &error);
	if (fault != NULL || !json_is_object(object)) {
		json_decref(object);
		return fault != NULL ? fault : "no object";
	}
	json_object_foreach(object, name, value)
	{
		if (fault == NULL)
			fault = ijson_member_fault(name, value);
	}
	const bool has_l = json_object_get(object, "l") != NULL;
	const bool wants_l = json_object_get(object, "j") != NULL || json_object_get(object, "o") != NULL;
	if (fault == NULL && has_l != wants_l)
		fault = "a language without a text, or the other way round";
	if (fault == NULL && json_object_get(object, "c") == NULL && json_object_get(object, "j") == NULL &&
	    json_object_get(object, "s") == NULL)
		fault = "nothing that a client may look at";
	char *again = json_dumps(object, JSON_COMPACT | JSON_PRESERVE_ORDER);
	if (fault == NULL && (again == NULL || !str_eq_c(text, again)))
		fault = "not minified";
	free(again);
	json_decref(object);
	return fault;
}

#endif
