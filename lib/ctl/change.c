/* SPDX-License-Identifier: BSD-2-Clause */
#include "ctl/change.h"

#include "base/str.h"

#include <string.h>

static bool text_good(const json_t *value, const char *key, size_t max, struct err *err)
{
	if (!value || json_is_null(value))
		return true;
	if (!json_is_string(value))
		return err_set(err, ERR_USAGE, "'%s' of a change is not text", key);
	if (json_string_length(value) > max)
		return err_set(err, ERR_USAGE, "'%s' of a change has more than %zu bytes", key, max);
	return true;
}

static bool number_good(const json_t *value, const char *key, struct err *err)
{
	if (!value || json_is_null(value))
		return true;
	if (!json_is_integer(value) || json_integer_value(value) < 0)
		return err_set(err, ERR_USAGE, "'%s' of a change is not a number from 0", key);
	return true;
}

static bool names_good(const json_t *names, struct err *err)
{
	size_t i;
	const json_t *name;
	if (!names || json_is_null(names))
		return true;
	if (!json_is_array(names))
		return err_set(err, ERR_USAGE, "'names' of a change are not names");
	if (json_array_size(names) > CTL_CHANGE_NAMES_MAX)
		return err_set(err, ERR_USAGE, "'names' of a change are more than %d", CTL_CHANGE_NAMES_MAX);
	json_array_foreach(names, i, name)
	{
		if (!json_is_string(name) || json_string_length(name) > CTL_CHANGE_NAME_MAX)
			return err_set(err, ERR_USAGE, "one of the 'names' of a change is no name");
	}
	return true;
}

static bool keys_good(const json_t *change, struct err *err)
{
	static const char *const known[] = {"verb",   "list",	   "names",	  "name_count", "detail",
					    "reason", "reference", "asked_at_ns", "login_uid"};
	const char *key;
	json_t *value;
	json_object_foreach((json_t *)(uintptr_t)change, key, value)
	{
		bool found = false;
		char safe[128];
		for (size_t i = 0; i < ARRAY_LEN(known); i++)
			found |= strcmp(key, known[i]) == 0;
		if (!found)
			return err_set(err, ERR_USAGE, "a change has no '%s'", str_escape(str_from(key), true, safe, sizeof(safe)));
	}
	return true;
}

bool ctl_change_good(const json_t *change, struct err *err)
{
	if (!change || json_is_null(change))
		return true;
	if (!json_is_object(change))
		return err_set(err, ERR_USAGE, "the argument 'change' is not an object");
	if (!json_is_string(json_object_get(change, "verb")))
		return err_set(err, ERR_USAGE, "a change needs its 'verb'");
	return keys_good(change, err) && text_good(json_object_get(change, "verb"), "verb", CTL_CHANGE_VERB_MAX, err) &&
	       text_good(json_object_get(change, "list"), "list", CTL_CHANGE_LIST_MAX, err) &&
	       names_good(json_object_get(change, "names"), err) &&
	       number_good(json_object_get(change, "name_count"), "name_count", err) &&
	       text_good(json_object_get(change, "detail"), "detail", CTL_CHANGE_TEXT_MAX, err) &&
	       text_good(json_object_get(change, "reason"), "reason", CTL_CHANGE_TEXT_MAX, err) &&
	       text_good(json_object_get(change, "reference"), "reference", CTL_CHANGE_TEXT_MAX, err) &&
	       number_good(json_object_get(change, "asked_at_ns"), "asked_at_ns", err) &&
	       number_good(json_object_get(change, "login_uid"), "login_uid", err);
}
